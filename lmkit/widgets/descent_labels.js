// Every word that the descent widget shows or says: translate this file, and it speaks another language.
import { decimals, short, whole } from "./numbers.js";

export const LABELS = {
  widget: "Gradient descent",
  surface: "Loss",
  rate: "Learning rate",
  momentum: "Momentum",
  steps: "Steps",
  optimizers: "Optimizers",
  names: { sgd: "SGD", momentum: "Momentum", adam: "Adam" },
  reset: "Put everything back",
  chart: (surface) => `Contour map of the loss “${surface}” with the paths of the optimizers`,
  start: "Starting point",
  hint: "Drag the ring, click anywhere, or move it with the arrow keys. The arrow points against the gradient.",
  point: ([a, b], [x, y]) => `${a} = ${decimals(x)}, ${b} = ${decimals(y)}`,
  here: (names, at, loss, [dx, dy]) => `Start: ${LABELS.point(names, at)}. Loss ${short(loss)}. Gradient (${short(dx)}, ${short(dy)}).`,
  values: "Where each optimizer has come",
  heads: ["Optimizer", "Loss", "At"],
  diverged: (step) => `thrown out at step ${whole(step)}`,
  result: (name, loss) => `${name}: loss ${short(loss)}`,
  gone: (name, step) => `${name}: thrown out at step ${whole(step)}`,
};
