// Every word that the training widget shows or says: translate this file, and it speaks another language.
import { short, whole } from "./numbers.js";

export const LABELS = {
  widget: "Training",
  quantity: "Quantity",
  step: "Step",
  runs: "Runs",
  logX: "Logarithmic steps",
  logY: "Logarithmic values",
  play: "Play",
  stop: "Stop",
  at: (step) => `at step ${whole(step)}`,
  nothing: "Nothing has been recorded yet.",
  notYet: "not yet",
  chart: (quantity, names) => `${quantity} over the steps of ${names.join(", ")}`,
  values: "Values at this step",
  heads: ["Run", "At step", "Value"],
  sample: (name, step) => `${name}, written at step ${whole(step)}`,
  noSample: "Nothing was written down before this step.",
  said: (step, parts) => `Step ${whole(step)}. ${parts.join(". ")}`,
  value: (name, value) => `${name}: ${value === null ? "not yet" : short(value)}`,
  save: "Save all as CSV",
  csv: ["run", "step"],
};
