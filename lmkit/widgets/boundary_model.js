// The arithmetic of a boundary between two classes: logistic regression, and a network with one hidden layer of tanh units.
// A model is a flat list of numbers. A line has [w1, w2, b]; a network of H units has the weights [H][2] of the first layer, its
// H biases, the H weights of the second layer and its bias. Points are in units of their standard deviation (scaleOf). No drawing.
import { mt19937 } from "./base.js";

const MOMENTS = [0.9, 0.999], TINY = 1e-8; // Adam's, as in torch.optim
export const FLAT = 1e-3; // a line with a smaller |w| is none: it gives every point the same probability
export const STEEPEST = 30; // the largest |w| of a line: where no line is best, the search for it ends here

// ---------------------------------------------------------------- points

/** Mean and standard deviation of each coordinate; where all points agree, 1 stands for the deviation. */
export function scaleOf(points) {
  const column = (k) => points.map((point) => point[k]);
  const mean = [0, 1].map((k) => column(k).reduce((sum, x) => sum + x, 0) / points.length);
  const spread = [0, 1].map((k) => Math.sqrt(column(k).reduce((sum, x) => sum + (x - mean[k]) ** 2, 0) / points.length) || 1);
  return { mean, spread };
}

export const scaled = ({ mean, spread }, point) => point.map((x, k) => (x - mean[k]) / spread[k]);
export const unscaled = ({ mean, spread }, point) => point.map((u, k) => mean[k] + spread[k] * u);

// ---------------------------------------------------------------- models

export const sizeOf = (hidden) => (hidden ? 4 * hidden + 1 : 3);

/** The score of a point: above 0 the model says class 1. */
export function score(p, hidden, [a, b]) {
  if (!hidden) return p[0] * a + p[1] * b + p[2];
  let z = p[4 * hidden];
  for (let j = 0; j < hidden; j++) z += p[3 * hidden + j] * Math.tanh(p[2 * j] * a + p[2 * j + 1] * b + p[2 * hidden + j]);
  return z;
}

export const probability = (z) => 1 / (1 + Math.exp(-z));

/** Minus the logarithm of the probability given to the true class, without overflow. */
const lossAtScore = (z, label) => Math.max(z, 0) - label * z + Math.log1p(Math.exp(-Math.abs(z)));

export function meanLoss(p, hidden, points, labels) {
  return points.reduce((sum, point, i) => sum + lossAtScore(score(p, hidden, point), labels[i]), 0) / points.length;
}

/** The mean log-loss and its derivative by every parameter. */
export function lossAndGradient(p, hidden, points, labels) {
  const gradient = new Array(p.length).fill(0);
  const n = points.length;
  let loss = 0;
  points.forEach(([a, b], i) => {
    const z = score(p, hidden, [a, b]);
    loss += lossAtScore(z, labels[i]) / n;
    const dz = (probability(z) - labels[i]) / n;
    if (!hidden) {
      gradient[0] += dz * a;
      gradient[1] += dz * b;
      gradient[2] += dz;
      return;
    }
    gradient[4 * hidden] += dz;
    for (let j = 0; j < hidden; j++) {
      const out = Math.tanh(p[2 * j] * a + p[2 * j + 1] * b + p[2 * hidden + j]);
      const back = dz * p[3 * hidden + j] * (1 - out * out);
      gradient[3 * hidden + j] += dz * out;
      gradient[2 * hidden + j] += back;
      gradient[2 * j] += back * a;
      gradient[2 * j + 1] += back * b;
    }
  });
  return { loss, gradient };
}

/** counts[label][said], and how many of all are right. */
export function tally(p, hidden, points, labels) {
  const counts = [[0, 0], [0, 0]];
  points.forEach((point, i) => (counts[labels[i]][score(p, hidden, point) > 0 ? 1 : 0] += 1));
  return { counts, right: counts[0][0] + counts[1][1] };
}

// ---------------------------------------------------------------- learning

/** Random parameters as those of `torch.nn.Linear`: uniform up to 1 / √inputs to both sides of 0. */
export function randomStart(hidden, seed) {
  const random = mt19937(seed);
  const within = (most) => most * (2 * random() - 1);
  return Array.from({ length: sizeOf(hidden) }, (_, i) => within(1 / Math.sqrt(hidden && i >= 3 * hidden ? hidden : 2)));
}

/** step(parameters, gradient, rate) of an optimizer, which may remember: "sgd" does not, "adam" does. */
export function optimizerOf(name) {
  if (name === "sgd") return (p, g, rate) => p.map((x, i) => x - rate * g[i]);
  let [mean, square, n] = [[], [], 0];
  return (p, g, rate) => {
    n += 1;
    return p.map((x, i) => {
      mean[i] = MOMENTS[0] * (mean[i] ?? 0) + (1 - MOMENTS[0]) * g[i];
      square[i] = MOMENTS[1] * (square[i] ?? 0) + (1 - MOMENTS[1]) * g[i] * g[i];
      return x - (rate * (mean[i] / (1 - MOMENTS[0] ** n))) / (Math.sqrt(square[i] / (1 - MOMENTS[1] ** n)) + TINY);
    });
  };
}

/** The three unknowns of three linear equations: Gaussian elimination with the largest pivot. */
function solved(matrix, right) {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  for (let k = 0; k < 3; k++) {
    const best = [k, k + 1, k + 2].filter((i) => i < 3).reduce((a, b) => (Math.abs(rows[b][k]) > Math.abs(rows[a][k]) ? b : a));
    [rows[k], rows[best]] = [rows[best], rows[k]];
    for (let i = 0; i < 3; i++) {
      if (i === k) continue;
      const share = rows[i][k] / rows[k][k];
      rows[i] = rows[i].map((x, j) => x - share * rows[k][j]);
    }
  }
  return rows.map((row, i) => row[3] / row[i]);
}

/** The line of the least log-loss, by Newton's method. Where a line parts the classes, the loss falls for ever as the line gets
 *  steeper: `parts` is then true, and the line the one that was reached at the steepest. Null without points of both classes. */
export function bestLine(points, labels) {
  if (new Set(labels).size < 2) return null;
  let p = [0, 0, 0], parts = false;
  for (let round = 0; round < 200; round++) {
    const { loss, gradient } = lossAndGradient(p, 0, points, labels);
    if (Math.max(...gradient.map(Math.abs)) < 1e-10) break;
    const curvature = [0, 1, 2].map((i) => [0, 1, 2].map((j) => (i === j ? 1e-9 : 0)));
    for (const [a, b] of points) {
      const [chance, row] = [probability(score(p, 0, [a, b])), [a, b, 1]];
      const weight = (chance * (1 - chance)) / points.length;
      for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) curvature[i][j] += weight * row[i] * row[j];
    }
    const step = solved(curvature, gradient);
    const at = (size) => p.map((x, i) => x - size * step[i]);
    let size = 1;
    while (size > 1e-6 && !(meanLoss(at(size), 0, points, labels) <= loss)) size /= 2;
    p = at(size);
    parts ||= tally(p, 0, points, labels).right === points.length;
    const steepness = Math.hypot(p[0], p[1]);
    if (steepness > STEEPEST) {
      p = p.map((x) => (x * STEEPEST) / steepness);
      break;
    }
  }
  return { params: p, parts };
}

// ---------------------------------------------------------------- a line and its two handles

/** The line through two points with |w| = steepness; class 1 lies on the left of the way from the first to the second. */
export function lineThrough([from, to], steepness) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const size = Math.hypot(dx, dy);
  const w = [(-dy / size) * steepness, (dx / size) * steepness];
  return [...w, -w[0] * from[0] - w[1] * from[1]];
}

/** Where a line enters and leaves the frame [[low, low], [high, high]], class 1 on the left of the way; null if it does not. */
export function chord([a, b, c], [low, high]) {
  const size = Math.hypot(a, b);
  if (!(size > FLAT) || !Number.isFinite(size)) return null;
  const at = [(-a * c) / size ** 2, (-b * c) / size ** 2], way = [b / size, -a / size];
  let [first, last] = [-Infinity, Infinity];
  for (const k of [0, 1]) {
    if (Math.abs(way[k]) < 1e-12) {
      if (at[k] < low[k] || at[k] > high[k]) return null;
      continue;
    }
    const ends = [(low[k] - at[k]) / way[k], (high[k] - at[k]) / way[k]];
    first = Math.max(first, Math.min(...ends));
    last = Math.min(last, Math.max(...ends));
  }
  return last - first > 1e-9 ? [first, last].map((t) => at.map((x, k) => x + t * way[k])) : null;
}

/** The places on a line that are nearest to two handles, inside the frame and apart from each other; null if it is outside. */
export function handlesOn(line, handles, frame) {
  const ends = chord(line, frame);
  if (!ends) return null;
  const way = ends[1].map((x, k) => x - ends[0][k]);
  const length = way[0] ** 2 + way[1] ** 2;
  const along = handles.map((u) => (way[0] * (u[0] - ends[0][0]) + way[1] * (u[1] - ends[0][1])) / length);
  let [t1, t2] = along.map((t) => Math.min(0.92, Math.max(0.08, t)));
  if (!(t2 - t1 > 0.2)) [t1, t2] = [0.2, 0.8];
  return [t1, t2].map((t) => ends[0].map((x, k) => x + t * way[k]));
}

// ---------------------------------------------------------------- regions

/** The scores at all columns × rows of a grid, row after row. */
export function scoreGrid(p, hidden, columns, rows) {
  const scores = new Float64Array(columns.length * rows.length).fill(hidden ? p[4 * hidden] : p[2]);
  const add = (weightA, weightB, bias, use) => {
    for (let r = 0; r < rows.length; r++) {
      const base = weightB * rows[r] + bias;
      for (let c = 0; c < columns.length; c++) scores[r * columns.length + c] += use(weightA * columns[c] + base);
    }
  };
  if (!hidden) add(p[0], p[1], 0, (x) => x);
  for (let j = 0; j < hidden; j++) add(p[2 * j], p[2 * j + 1], p[2 * hidden + j], (x) => p[3 * hidden + j] * Math.tanh(x));
  return scores;
}

/** The line on which the scores of a grid are 0, as pieces [[x, y], [x, y]] in units of the grid. */
export function zeroLine(scores, columns, rows) {
  const pieces = [];
  for (let r = 0; r + 1 < rows; r++) {
    for (let c = 0; c + 1 < columns; c++) {
      const i = r * columns + c;
      const above = (scores[i] > 0) + (scores[i + 1] > 0) + (scores[i + columns] > 0) + (scores[i + columns + 1] > 0);
      if (above === 0 || above === 4) continue;
      const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]];
      const z = corners.map(([x, y]) => scores[y * columns + x]);
      const cuts = corners.flatMap((corner, k) => {
        const [next, a, b] = [corners[(k + 1) % 4], z[k], z[(k + 1) % 4]];
        return a > 0 === b > 0 ? [] : [corner.map((x, j) => x + (a / (a - b)) * (next[j] - x))];
      });
      for (let k = 0; k + 1 < cuts.length; k += 2) pieces.push([cuts[k], cuts[k + 1]]);
    }
  }
  return pieces;
}
