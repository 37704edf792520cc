// What a sampler does to a distribution: pure functions of arrays, tested against transformers.
export const KEPT = 0, IMPOSSIBLE = 1, NOT_BEST = 2, TOP_K = 3, TOP_P = 4, MIN_P = 5; // why a token was removed

/** Logits minus the largest one. Entries of +inf share all the probability: they become 0, all others -inf. */
export function shiftLogits(logits) {
  let top = -Infinity;
  for (const x of logits) if (x > top) top = x;
  return Float64Array.from(logits, (x) => (x === top ? 0 : x - top));
}

/** Sorts once, for all settings: temperature never changes the order. `values[rank]` descends, `ids[rank]` is the token.
 *  Ties stand with the larger id first: top-p removes from the other end, as after a stable ascending sort. */
export function sortLogits(logits) {
  const shifted = shiftLogits(logits);
  const ids = Int32Array.from(shifted, (_, id) => id).sort((a, b) => shifted[b] - shifted[a] || b - a);
  const values = Float64Array.from(ids, (id) => shifted[id]);
  const impossible = values.indexOf(-Infinity);
  return { ids, values, possible: impossible < 0 ? values.length : impossible };
}

/** Divides the first `count` weights by their sum, added up from the smallest; the rest become 0. */
function normalise(weights, count) {
  let total = 0;
  for (let rank = count - 1; rank >= 0; rank--) total += weights[rank];
  const probs = new Float64Array(weights.length);
  for (let rank = 0; rank < count; rank++) probs[rank] = weights[rank] / total;
  return probs;
}

/** Softmax of values / temperature, of the first `count` values; the largest of them is 0. */
function tempered(values, temperature, count) {
  const weights = new Float64Array(values.length);
  for (let rank = 0; rank < count; rank++) weights[rank] = Math.exp(values[rank] / temperature);
  return normalise(weights, count);
}

/** Softmax of logits / temperature; temperature 0 is its limit with ties given to the smallest id. */
export function softmax(logits, temperature = 1) {
  const shifted = shiftLogits(logits);
  if (temperature === 0) return shifted.map((_, id) => (id === shifted.indexOf(0) ? 1 : 0));
  return tempered(shifted, temperature, shifted.length);
}

/** Temperature, then top-k, top-p and min-p, each on what the one before left, like the Hugging Face warpers.
 *  `topK` = vocabulary, `topP` = 1 and `minP` = 0 remove nothing. Everything returned is in the order of `sorted`:
 *  `probs`, `reasons` (KEPT or why not); and `kept`, how many; `massCut`, their loss after temperature. */
export function warp(sorted, { temperature = 1, topK = Infinity, topP = 1, minP = 0 }) {
  const { values, possible } = sorted;
  if (temperature === 0) return greedy(sorted);
  const uncut = tempered(values, temperature, possible);
  const reasons = new Uint8Array(values.length).fill(IMPOSSIBLE, possible);
  let kept = possible, probs = uncut;
  const keep = (count, reason) => {
    reasons.fill(reason, count, kept);
    if (count < kept) probs = normalise(probs, count);
    kept = count;
  };
  if (topK < kept) {
    let count = topK;
    while (count < kept && values[count] / temperature === values[topK - 1] / temperature) count++;
    keep(count, TOP_K);
  }
  if (topP < 1) {
    let count = kept, cumulative = probs[count - 1];
    while (count > 1 && cumulative <= 1 - topP) cumulative += probs[--count - 1];
    keep(count, TOP_P);
  }
  if (minP > 0) {
    let count = kept;
    while (count > 1 && probs[count - 1] < minP * probs[0]) count--;
    keep(count, MIN_P);
  }
  return { probs, reasons, kept, massCut: sumFrom(uncut, kept) };
}

function greedy({ values, possible }) {
  const best = values.lastIndexOf(0); // among ties the smallest id, as argmax
  const reasons = new Uint8Array(values.length).fill(NOT_BEST).fill(IMPOSSIBLE, possible);
  reasons[best] = KEPT;
  const probs = values.map((_, rank) => (rank === best ? 1 : 0));
  return { probs, reasons, kept: 1, massCut: 1 - tempered(values, 1, possible)[best] };
}

/** The sum of `values` from index `start` on, added up from the end, where the smallest stand. */
export function sumFrom(values, start) {
  let total = 0;
  for (let i = values.length - 1; i >= start; i--) total += values[i];
  return total;
}

/** Shannon entropy in nats. */
export function entropy(probs) {
  let total = 0;
  for (const p of probs) if (p > 0) total -= p * Math.log(p);
  return total;
}

/** From the order of `sorted` to the order of ids. */
export function byId(sorted, values) {
  const result = new Float64Array(values.length);
  for (let rank = 0; rank < values.length; rank++) result[sorted.ids[rank]] = values[rank];
  return result;
}

export function cumulate(probs) {
  const sums = new Float64Array(probs.length);
  for (let id = 0, total = 0; id < probs.length; id++) sums[id] = total += probs[id];
  return sums;
}

/** The first id whose cumulative probability exceeds u × total, for u in [0, 1). */
export function inverseCdfDraw(cumulative, u) {
  const target = u * cumulative.at(-1);
  let low = 0, high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Half the summed differences between shares and probabilities: 0 is equal, 1 is disjoint. */
export function totalVariation(counts, total, probs) {
  let sum = 0;
  for (let id = 0; id < probs.length; id++) sum += Math.abs(counts[id] / total - probs[id]);
  return sum / 2;
}

/** 1, 2, 3 … `size`, ever sparser: where the top-k slider stops. */
export function logStops(size, steps = 160) {
  return [...new Set(Array.from({ length: steps + 1 }, (_, i) => Math.round(size ** (i / steps))))];
}

/** Where a probability lies on the axis (0 to 1), and the probabilities at its start, middle and end. The linear axis ends at
 *  the first round number at or above the largest probability; the logarithmic one goes from 0.01 % to 100 %. */
export function axis(largest, logarithmic) {
  if (logarithmic) return { place: (p) => (p > 0 ? Math.max(0, 1 + Math.log10(p) / 4) : 0), ticks: [0.0001, 0.01, 1] };
  const end = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1].find((round) => largest <= round) ?? 1;
  return { place: (p) => Math.min(1, p / end), ticks: [0, end / 2, end] };
}
