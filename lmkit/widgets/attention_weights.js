// Arithmetic on attention weights in plain arrays; it knows nothing of the page.
// A matrix is a Float32Array of rows × columns weights, one row a query. Weights are 0 … 1, differences −1 … 1.
import { LABELS } from "./attention_labels.js";

/** Bytes 0 … 255 as weights 0 … 1; into an array of that length if one is at hand, which is quicker than a new one. */
export function dequantise(bytes, weights = new Float32Array(bytes.length)) {
  for (let i = 0; i < bytes.length; i++) weights[i] = bytes[i] * (1 / 255);
  return weights;
}

/** A layer's bytes [head, query, key] from the order in which they travel: key by key, the queries that may see it. */
export function fromColumns(packed, heads, rows, columns, causal) {
  const layer = new Uint8Array(heads * rows * columns);
  let at = 0;
  for (let head = 0; head < heads; head++) {
    for (let key = 0; key < columns; key++) {
      for (let query = causal ? key : 0; query < rows; query++) layer[(head * rows + query) * columns + key] = packed[at++];
    }
  }
  return layer;
}

/** The matrix of one head out of a layer's bytes [head, query, key]; `size` is queries × keys. */
export function headWeights(layerBytes, head, size, weights) {
  return dequantise(layerBytes.subarray(head * size, (head + 1) * size), weights);
}

/** The mean over all heads of the given layers. Sums of bytes are exact, so the mean carries no rounding of its own. */
export function meanHeads(layers, size) {
  const sums = new Uint32Array(size);
  let heads = 0;
  for (const bytes of layers) {
    for (let at = 0; at < bytes.length; at += size, heads++) for (let i = 0; i < size; i++) sums[i] += bytes[at + i];
  }
  const mean = new Float32Array(size);
  for (let i = 0; i < size; i++) mean[i] = sums[i] / (255 * heads);
  return mean;
}

export function rowOf(matrix, query, columns) {
  return matrix.subarray(query * columns, (query + 1) * columns);
}

/** A row without its first key, the rest scaled to sum to 1; where nothing is left all weights are 0. */
export function renormaliseWithoutFirst(row) {
  const weights = new Float32Array(row.length);
  let left = 0;
  for (let key = 1; key < row.length; key++) left += row[key];
  if (left > 0) for (let key = 1; key < row.length; key++) weights[key] = row[key] / left;
  return { weights, removed: row[0], left };
}

export function withoutFirst(matrix, columns) {
  const rest = new Float32Array(matrix.length);
  for (let at = 0; at < matrix.length; at += columns) {
    rest.set(renormaliseWithoutFirst(matrix.subarray(at, at + columns)).weights, at);
  }
  return rest;
}

/** b − a, weight by weight. */
export function difference(a, b) {
  const result = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = b[i] - a[i];
  return result;
}

/** At most `most` × `most` equal bins; each holds the weight of largest size, with its sign. */
export function poolMax(matrix, rows, columns, most) {
  const [down, across] = [Math.min(rows, most), Math.min(columns, most)];
  const pooled = new Float32Array(down * across);
  const bins = Uint16Array.from({ length: columns }, (_, c) => Math.floor(((c + 1) * across - 1) / columns));
  for (let r = 0; r < rows; r++) {
    const at = Math.floor(((r + 1) * down - 1) / rows) * across;
    for (let c = 0; c < columns; c++) {
      const value = matrix[r * columns + c];
      if (Math.abs(value) > Math.abs(pooled[at + bins[c]])) pooled[at + bins[c]] = value;
    }
  }
  return pooled;
}

/** The `count` links of largest size, largest first, earlier keys first among equals; zeros are no links. */
export function topLinks(row, count) {
  const best = [];
  for (let key = 0; key < row.length; key++) {
    const size = Math.abs(row[key]);
    if (size === 0 || (best.length === count && size <= Math.abs(best[count - 1].weight))) continue;
    let at = best.length;
    while (at > 0 && Math.abs(best[at - 1].weight) < size) at--;
    best.splice(at, 0, { key, weight: row[key] });
    if (best.length > count) best.pop();
  }
  return best;
}

/** The query with the strongest link to a key other than the first and itself; the last query if there is none. */
export function strongestQuery(matrix, rows, columns) {
  let [best, at] = [0, rows - 1];
  for (let q = 0; q < rows; q++) {
    for (let k = 1; k < columns; k++) {
      const size = k === q ? 0 : Math.abs(matrix[q * columns + k]);
      if (size > best) [best, at] = [size, q];
    }
  }
  return at;
}

/** The keys [from, to) that a query may see; `window` counts the query itself. A bidirectional window is left to the weights. */
export function visibleSpan(query, columns, mask, window) {
  if (mask !== "causal") return [0, columns];
  return [window ? Math.max(0, query - window + 1) : 0, Math.min(columns, query + 1)];
}

/** A token as a CSV field: always quoted, and never a formula for a spreadsheet, also not after blanks. */
export function csvToken(token) {
  const guarded = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/.test(token) ? `'${token}` : token;
  return `"${guarded.replaceAll('"', '""')}"`;
}

/** One line a weight, RFC 4180. `layer` and `head` are numbers or "mean". */
export function csv({ layer, head, matrix, queries, keys }) {
  const lines = [LABELS.csv.join(",")];
  const [left, right] = [queries.map(csvToken), keys.map(csvToken)];
  for (let q = 0; q < queries.length; q++) {
    for (let k = 0; k < keys.length; k++) {
      const weight = Number(matrix[q * keys.length + k].toFixed(4)) || 0;
      lines.push(`${layer},${head},${q},${left[q]},${k},${right[k]},${weight}`);
    }
  }
  return lines.join("\r\n") + "\r\n";
}

/** "0.75", "<0.01", and with `signed` "+0.12", "−0.12" or "≈0". */
export function weightText(weight, signed = false) {
  const size = Math.abs(weight);
  if (size === 0) return "0";
  if (size < 0.005) return signed ? "≈0" : "<0.01";
  return (signed ? (weight < 0 ? "−" : "+") : "") + size.toFixed(2);
}
