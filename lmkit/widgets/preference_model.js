// What a ranking says and what a linear reward model learns from it: pure functions, tested against NumPy and torch.
// A ranking is a list of groups of answers, the best group first; answers of one group are tied; [] is a prompt passed over.
import { mt19937 } from "./base.js";

// ---------------------------------------------------------------- rankings

/** Every [better, worse] that a ranking contains; tied answers make no pair. K answers without ties make K(K−1)/2. */
export function pairsOf(ranking) {
  return ranking.flatMap((group, i) =>
    ranking.slice(i + 1).flatMap((later) => group.flatMap((better) => later.map((worse) => [better, worse]))));
}

/** The order in which `count` answers of an item are shown, drawn from the seed: the first place is no hint. */
export function shownOrder(seed, item, count) {
  const random = mt19937((seed + 7919 * item) % 2 ** 32);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** A draft is what the reader moves: a list of { answer, tied }, where `tied` says "as good as the one above". */
export function draftOf(ranking) {
  return ranking.flatMap((group) => group.map((answer, i) => ({ answer, tied: i > 0 })));
}

export function rankingOf(draft) {
  const groups = [];
  for (const { answer, tied } of draft) {
    if (tied) groups.at(-1).push(answer);
    else groups.push([answer]);
  }
  return groups;
}

/** The draft after the answer at place `from` went to place `to`. It leaves its tie; put between two tied ones it joins them. */
export function moved(draft, from, to) {
  if (from === to) return draft;
  const left = draft.map((one) => ({ ...one }));
  const [taken] = left.splice(from, 1);
  if (left[from]) left[from].tied &&= taken.tied;
  left.splice(to, 0, { answer: taken.answer, tied: Boolean(left[to]?.tied) });
  return left;
}

/** The draft with the tie between place `at` and the one above it made or undone. */
export function tieSwitched(draft, at) {
  return draft.map((one, i) => (i === at && i > 0 ? { ...one, tied: !one.tied } : one));
}

/** The place of each answer, 1 the best; tied answers share one. */
export function placesOf(ranking) {
  const places = [];
  ranking.forEach((group, i) => group.forEach((answer) => (places[answer] = i + 1)));
  return places;
}

/** The ranking of answers by their rewards; equal rewards are a tie. */
export function rankingBy(rewards) {
  const order = rewards.map((_, i) => i).sort((a, b) => rewards[b] - rewards[a] || a - b);
  return rankingOf(order.map((answer, i) => ({ answer, tied: i > 0 && level(rewards[order[i - 1]] - rewards[answer]) === 0 })));
}

/** Of the pairs that both rankings decide: how many, and how many alike. */
export function agreement(mine, theirs) {
  const order = placesOf(theirs);
  const both = pairsOf(mine).filter(([a, b]) => order.length && order[a] !== order[b]);
  return { alike: both.filter(([a, b]) => order[a] < order[b]).length, both: both.length };
}

/** A ranking as its canonical list of groups, or null where it does not rank each of `count` answers once. [] is allowed. */
export function checkedRanking(ranking, count) {
  if (!Array.isArray(ranking)) return null;
  const groups = ranking.map((group) => (Array.isArray(group) ? group : [group]));
  const named = groups.flat();
  if (named.length === 0) return groups.length === 0 ? [] : null;
  const whole = named.length === count && new Set(named).size === count && groups.every((group) => group.length);
  return whole && named.every((a) => Number.isInteger(a) && a >= 0 && a < count) ? groups : null;
}

/** Labels by item from a list of { item, ranking }, and how many entries of it make no sense; the last word on an item counts. */
export function checkedLabels(list, items) {
  const labels = items.map(() => null);
  let bad = Array.isArray(list) ? 0 : 1;
  for (const entry of Array.isArray(list) ? list : []) {
    const item = items[entry?.item];
    const ranking = item ? checkedRanking(entry.ranking, item.answers.length) : null;
    if (ranking) labels[entry.item] = ranking;
    else bad += 1;
  }
  return { labels, bad };
}

// ---------------------------------------------------------------- the reward model

/** Rows of `width` numbers, each column with mean 0 and standard deviation 1 over all rows; a constant column becomes 0. */
export function standardised(values, width) {
  const row = (i) => Float64Array.from(values.subarray(i * width, (i + 1) * width));
  const rows = Array.from({ length: width ? values.length / width : 0 }, (_, i) => row(i));
  for (let j = 0; j < width; j++) {
    const column = rows.map((row) => row[j]);
    const mean = column.reduce((a, b) => a + b, 0) / rows.length;
    const deviation = Math.sqrt(column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / rows.length);
    const constant = column.every((x) => x === column[0]);
    for (const row of rows) row[j] = constant ? 0 : (row[j] - mean) / deviation;
  }
  return rows;
}

/** For each pair of each ranking the features of the better answer minus those of the worse; `owners` names each one's item. */
export function differencesOf(labels, features) {
  const [rows, owners] = [[], []];
  labels.forEach((ranking, item) => {
    for (const [better, worse] of pairsOf(ranking ?? [])) {
      rows.push(features[item][better].map((x, j) => x - features[item][worse][j]));
      owners.push(item);
    }
  });
  return { rows, owners };
}

export function inner(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const level = (x) => (Math.abs(x) < 1e-9 ? 0 : x); // a margin that only rounding has made

/** Bradley–Terry: the mean of −ln σ(reward of the better − reward of the worse), in nats; ln 2 for a model that knows nothing. */
export function logLoss(weights, rows) {
  return rows.reduce((sum, row) => sum + softplus(-inner(weights, row)), 0) / rows.length;
}

/** How many pairs the model ranks as the labels do; equal rewards count one half. */
export function countRight(weights, rows) {
  return rows.reduce((sum, row) => sum + (Math.sign(level(inner(weights, row))) + 1) / 2, 0);
}

/** An orthonormal basis of the rows' span (Gram–Schmidt, each row twice). The fit lies in it, and it is small where features are many. */
function spanOf(rows) {
  const basis = [];
  for (const row of rows) {
    if (basis.length === row.length) break;
    const rest = Float64Array.from(row);
    for (let pass = 0; pass < 2; pass++) {
      for (const direction of basis) {
        const along = inner(rest, direction);
        for (let j = 0; j < rest.length; j++) rest[j] -= along * direction[j];
      }
    }
    const size = Math.sqrt(inner(rest, rest));
    if (size > 1e-9 * Math.sqrt(inner(row, row))) basis.push(rest.map((x) => x / size));
  }
  return basis;
}

/** Solves A x = b for a symmetric positive definite A given as rows (Cholesky); A is overwritten. */
function solved(A, b) {
  const n = b.length, x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = A[i][j];
      for (let k = 0; k < j; k++) sum -= A[i][k] * A[j][k];
      A[i][j] = i === j ? Math.sqrt(sum) : sum / A[j][j];
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= A[i][k] * x[k];
    x[i] /= A[i][i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= A[k][i] * x[k];
    x[i] /= A[i][i];
  }
  return x;
}

/** Newton's method with a shrinking step on Σ −ln σ(w·row) + l2/2 |w|², which has one minimum. */
function newton(rows, size, l2, start) {
  const value = (w) => rows.reduce((sum, row) => sum + softplus(-inner(w, row)), 0) + (l2 / 2) * inner(w, w);
  let w = Float64Array.from(start ?? new Float64Array(size));
  let now = value(w);
  for (let round = 0; round < 100; round++) {
    const gradient = w.map((x) => l2 * x);
    const curvature = Array.from({ length: size }, (_, i) => new Float64Array(size).fill(l2, i, i + 1));
    for (const row of rows) {
      const p = sigmoid(-inner(w, row));
      const bend = p * (1 - p);
      for (let i = 0; i < size; i++) {
        gradient[i] -= p * row[i];
        const [scaled, line] = [bend * row[i], curvature[i]];
        for (let j = 0; j <= i; j++) line[j] += scaled * row[j];
      }
    }
    const step = solved(curvature, gradient);
    const promised = inner(step, gradient);
    const tried = (length) => w.map((x, i) => x - length * step[i]);
    let length = 1;
    while (value(tried(length)) > now - 1e-4 * length * promised + 1e-14 * Math.abs(now) && length > 1e-12) length /= 2;
    w = tried(length);
    now = value(w);
    if (promised < 1e-20) break;
  }
  return w;
}

/** The weights that minimise Σ −ln σ(w·row) + l2/2 |w|² over the pairs' differences. `width` is the number of features. */
export function fit(rows, l2, width = rows[0]?.length ?? 0) {
  return trainer(rows, l2, width)();
}

/** A function that fits the rows that `chosen` marks (default: all), starting near the fit of all, in the rows' own coordinates. */
function trainer(rows, l2, width) {
  const basis = spanOf(rows);
  const small = rows.map((row) => Float64Array.from(basis, (direction) => inner(row, direction)));
  const full = newton(small, basis.length, l2);
  return (chosen) => {
    const v = chosen ? newton(small.filter((_, i) => chosen(i)), basis.length, l2, full) : full;
    return Float64Array.from({ length: width }, (_, j) => basis.reduce((sum, direction, k) => sum + v[k] * direction[j], 0));
  };
}

/** What the labels teach: the weights, how they fit, and for each ranked item the weights learned from all the other items.
 *  `without(item)` is computed when it is asked for, and then kept. */
export function learn(labels, features, l2) {
  const width = features[0][0].length;
  const { rows, owners } = differencesOf(labels, features);
  const train = trainer(rows, l2, width);
  const weights = train(), known = new Map();
  const without = (item) => {
    if (!known.has(item)) known.set(item, owners.includes(item) ? train((i) => owners[i] !== item) : weights);
    return known.get(item);
  };
  const ranked = [...new Set(owners)];
  const unseen = (item) => countRight(without(item), rows.filter((_, i) => owners[i] === item));
  const loss = rows.length ? logLoss(weights, rows) : NaN;
  return { weights, pairs: rows.length, ranked, without, unseen, right: countRight(weights, rows), loss };
}
