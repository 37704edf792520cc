// The tiny model read as a masked one: all tokens of a text at once, each attending to all (two eyes) or to those at its left
// (one eye, the causal mask). Scores are made only for the places that are asked for.
//
// Sources: Devlin et al. 2019 (masked language models); the arithmetic is that of tiny_model.js.
import { multiply, rmsNorm, rotate } from "./tiny_model.js";

/** One token's query over the keys 0 … last: the mixture of their values, in `mixed`. */
function mixValues({ heads, kvHeads, headSize }, query, keys, values, last, mixed) {
  const [size, group, scale] = [kvHeads * headSize, heads / kvHeads, 1 / Math.sqrt(headSize)];
  const weights = new Float32Array(last + 1);
  mixed.fill(0);
  for (let head = 0; head < heads; head++) {
    const [own, shared] = [head * headSize, Math.floor(head / group) * headSize];
    let [top, total] = [-Infinity, 0];
    for (let key = 0; key <= last; key++) {
      let dot = 0;
      for (let i = 0; i < headSize; i++) dot += query[own + i] * keys[key * size + shared + i];
      weights[key] = dot * scale;
      if (weights[key] > top) top = weights[key];
    }
    for (let key = 0; key <= last; key++) total += weights[key] = Math.exp(weights[key] - top);
    for (let key = 0; key <= last; key++) {
      const weight = weights[key] / total;
      for (let i = 0; i < headSize; i++) mixed[own + i] += weight * values[key * size + shared + i];
    }
  }
}

/** The scores of all tokens at each of `places`, [place][vocabulary], for a text of ids. `eyes` is 2 or 1; `pause` is awaited
 *  between small pieces of work, and where it says true nobody waits for the scores any more: the answer is then null. */
export async function scoresAt(model, ids, places, eyes, pause) {
  const { layers, heads, kvHeads, width, headSize, inner, context, epsilon, vocabulary } = model.shape;
  if (ids.length > context) throw new Error(`there is no room for more than ${context} tokens`);
  const n = eyes === 1 ? Math.max(...places) + 1 : ids.length; // one eye never sees what stands at the right of the last place
  const size = kvHeads * headSize, rows = heads * headSize;
  const floats = (length) => new Float32Array(length);
  const [x, keys, values, queries] = [n * width, n * size, n * size, n * rows].map(floats);
  const [normed, mixed, added, gate, up] = [width, rows, width, inner, inner].map(floats);
  for (let i = 0; i < n; i++) x.set(model.embedding.subarray(ids[i] * width, (ids[i] + 1) * width), i * width);
  for (let layer = 0; layer < layers; layer++) {
    const weights = model.layers[layer];
    for (let i = 0; i < n; i++) {
      const [query, key, value] = [queries.subarray(i * rows, (i + 1) * rows), ...[keys, values].map((all) => all.subarray(i * size, (i + 1) * size))];
      rmsNorm(x.subarray(i * width, (i + 1) * width), weights.attentionNorm, epsilon, normed);
      multiply(weights.query, normed, query, rows, width);
      multiply(weights.key, normed, key, size, width);
      multiply(weights.value, normed, value, size, width);
      rotate(query, heads, headSize, model.turns[i]);
      rotate(key, kvHeads, headSize, model.turns[i]);
      if (await pause()) return null;
    }
    for (const i of layer === layers - 1 ? places : Array(n).keys()) { // after the last layer only the places are looked at
      const own = x.subarray(i * width, (i + 1) * width);
      mixValues(model.shape, queries.subarray(i * rows, (i + 1) * rows), keys, values, eyes === 1 ? i : n - 1, mixed);
      multiply(weights.output, mixed, added, width, rows);
      for (let k = 0; k < width; k++) own[k] += added[k];
      rmsNorm(own, weights.mlpNorm, epsilon, normed);
      multiply(weights.gate, normed, gate, inner, width);
      multiply(weights.up, normed, up, inner, width);
      for (let k = 0; k < inner; k++) gate[k] *= up[k] / (1 + Math.exp(-gate[k]));
      multiply(weights.down, gate, added, width, inner);
      for (let k = 0; k < width; k++) own[k] += added[k];
      if (await pause()) return null;
    }
  }
  const found = [];
  for (const i of places) {
    const logits = floats(vocabulary);
    rmsNorm(x.subarray(i * width, (i + 1) * width), model.norm, epsilon, normed);
    multiply(model.unembedding, normed, logits, vocabulary, width);
    found.push(logits);
    if (await pause()) return null;
  }
  return found;
}

/** What scores say: the `most` probable tokens, best first, and of the true token `truth` (or null) its rank and probability:
 *  { top: [{ id, p }], truth: { id, p, rank } }. */
export function guessOf(logits, truth, most) {
  const best = logits.reduce((a, b) => Math.max(a, b));
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i] - best);
  const p = (id) => Math.exp(logits[id] - best) / total;
  const top = [];
  for (let id = 0; id < logits.length; id++) {
    if (top.length === most && logits[id] <= logits[top.at(-1)]) continue;
    const at = top.findIndex((other) => logits[other] < logits[id]);
    top.splice(at < 0 ? top.length : at, 0, id);
    if (top.length > most) top.pop();
  }
  let rank = 1;
  if (truth !== null) for (let id = 0; id < logits.length; id++) rank += logits[id] > logits[truth] || (logits[id] === logits[truth] && id < truth);
  return { top: top.map((id) => ({ id, p: p(id) })), truth: truth === null ? null : { id: truth, p: p(truth), rank } };
}
