// Vectors and what is asked of them: cosines, neighbours, a − b + c, places on the map, words by their beginnings. No state.

/** The vectors of n words as the Python side rounded them: { values [n × d], lengths [n], places [n × 3], mean, axes, n, d }.
 *  `numbers` are whole, `factors` one a word and `step` one for all, `frame` the mean vector and three directions, one after the other. */
export function openVectors(numbers, factors, step, frame, d) {
  const n = factors.length;
  const [mean, axes] = [frame.subarray(0, d), [1, 2, 3].map((k) => frame.subarray(k * d, (k + 1) * d))];
  const [values, lengths, places] = [new Float64Array(n * d), new Float64Array(n), new Float32Array(n * 3)];
  for (let i = 0; i < n; i++) {
    const factor = step * factors[i];
    let [square, x, y, z] = [0, 0, 0, 0];
    for (let k = 0, at = i * d; k < d; k++, at++) {
      const off = factor * numbers[at];
      const value = mean[k] + off;
      values[at] = value;
      square += value * value;
      x += off * axes[0][k];
      y += off * axes[1][k];
      z += off * axes[2][k];
    }
    lengths[i] = Math.sqrt(square);
    places.set([x, y, z], 3 * i);
  }
  return { values, lengths, places, mean, axes, n, d };
}

export function vectorOf({ values, d }, i) {
  return values.subarray(i * d, (i + 1) * d);
}

/** Where any vector lies in the space of the map. */
export function placeOf({ mean, axes }, vector) {
  return axes.map((axis) => axis.reduce((sum, a, k) => sum + a * (vector[k] - mean[k]), 0));
}

export function cosine(a, b) {
  let [dot, aa, bb] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    dot += a[k] * b[k];
    aa += a[k] * a[k];
    bb += b[k] * b[k];
  }
  return dot / Math.sqrt(aa * bb);
}

/** The cosine of a vector with each of the n; NaN where the vector is zero and so has no direction. */
export function cosines({ values, lengths, n, d }, vector) {
  const found = new Float64Array(n);
  const length = Math.hypot(...vector);
  for (let i = 0, at = 0; i < n; i++) {
    let dot = 0;
    for (let k = 0; k < d; k++, at++) dot += values[at] * vector[k];
    found[i] = dot / (lengths[i] * length);
  }
  return found;
}

/** The k largest scores as [{ i, cosine }], largest first, of equals the earlier one; those in `left` (a Set) are left out. */
export function largest(scores, k, left = new Set()) {
  const best = [];
  for (let i = 0; i < scores.length; i++) {
    if (left.has(i) || !(best.length < k || scores[i] > best[best.length - 1].cosine) || Number.isNaN(scores[i])) continue;
    let at = best.length;
    while (at > 0 && best[at - 1].cosine < scores[i]) at--;
    best.splice(at, 0, { i, cosine: scores[i] });
    if (best.length > k) best.pop();
  }
  return best;
}

/** The k words nearest to word i by cosine, without itself. */
export function neighbours(space, i, k) {
  return largest(cosines(space, vectorOf(space, i)), k, new Set([i]));
}

/** The k words that lie nearest to word i on a map of so many dimensions: indices. */
export function nearestOnMap({ places, n }, i, k, dimensions) {
  const away = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    for (let axis = 0; axis < dimensions; axis++) away[j] -= (places[3 * j + axis] - places[3 * i + axis]) ** 2;
  }
  return largest(away, k, new Set([i])).map((one) => one.i);
}

/** a − b + c: the vector, and the k words nearest to it among all and among all but these three. */
export function analogyOf(space, [a, b, c], k) {
  const [va, vb, vc] = [a, b, c].map((i) => vectorOf(space, i));
  const vector = va.map((x, at) => x - vb[at] + vc[at]);
  const scores = cosines(space, vector);
  return { vector, all: largest(scores, k), others: largest(scores, k, new Set([a, b, c])) };
}

/** The difference of two words: the vector that an arrow between them stands for. */
export function differenceOf(space, [from, to]) {
  const start = vectorOf(space, from);
  return vectorOf(space, to).map((x, k) => x - start[k]);
}

// ---------------------------------------------------------------- words

const folded = (text) => text.normalize("NFC").toLowerCase();

/** find(query, most): indices of words, best first: the very word, then without regard to case and outer spaces, then those that
 *  begin so, then those that contain it; among these the order of the list. `close(query)` is the word itself, or −1. */
export function finderOf(words, visible) {
  const keys = words.map(folded);
  const bare = keys.map((key) => key.trim());
  const signs = words.map(visible);
  const rank = (i, raw, query, core) => {
    if (words[i] === raw || signs[i] === raw) return 0;
    if (keys[i] === query) return 1;
    if (core === "") return keys[i].startsWith(query) ? 3 : 9;
    if (bare[i] === core) return 2;
    if (bare[i].startsWith(core)) return 3;
    return keys[i].includes(query) || signs[i].toLowerCase().includes(query) ? 4 : 9;
  };
  const ranked = (raw) => {
    const [query, core] = [folded(raw), folded(raw).trim()];
    const classes = Array.from({ length: 5 }, () => []);
    if (raw !== "") words.forEach((_, i) => classes[rank(i, raw, query, core)]?.push(i));
    return classes;
  };
  return {
    find: (raw, most) => ranked(raw).flat().slice(0, most),
    close: (raw) => ranked(raw).slice(0, 3).flat()[0] ?? -1,
  };
}
