// The arithmetic of the walk-through, in plain numbers: it opens what Python packed and computes every box from it.
// It knows nothing of the page. A block's places in the residual stream: 2·block before attention, 2·block + 1 before the MLP.

/** The arrays of a parcel by name: {shape, digits, data}. Whole numbers come in planes of bytes, the sign in the lowest bit. */
export function openParcel(bytes, layout) {
  const arrays = {};
  let at = 0;
  for (const [name, shape, planes, digits] of layout) {
    const count = shape.reduce((product, n) => product * n, 1);
    const length = count * (planes || 4);
    arrays[name] = { shape, digits, data: planes ? fromPlanes(bytes, at, count, planes) : new Float32Array(bytes.slice(at, at + length).buffer) };
    at += length;
  }
  if (at !== bytes.length) throw new Error(`openParcel: ${bytes.length} bytes came, ${at} are described`);
  return arrays;
}

function fromPlanes(bytes, at, count, planes) {
  const whole = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    let folded = 0;
    for (let plane = 0; plane < planes; plane++) folded |= bytes[at + plane * count + i] << (8 * plane);
    whole[i] = (folded >>> 1) ^ -(folded & 1);
  }
  return whole;
}

export const sumOf = (values) => values.reduce((sum, value) => sum + value, 0);

export function silu(x) {
  return x / (1 + Math.exp(-x));
}

/** Of scores, those of `visible` keys from `from` on: {parts: e^(score − largest), sum, weights}; all others are 0. */
export function softmax(scores, from = 0, to = scores.length) {
  const largest = Math.max(...scores.slice(from, to));
  const parts = scores.map((score, i) => (i < from || i >= to ? 0 : Math.exp(score - largest)));
  const sum = sumOf(parts);
  return { largest, parts, sum, weights: parts.map((part) => part / sum) };
}

/** The rotary turn: numbers i and i + half of a query or key, as a point turned by place × frequency. */
export function turn(vector, place, frequencies) {
  const half = frequencies.length;
  const out = new Array(2 * half);
  frequencies.forEach((frequency, i) => {
    const [cos, sin] = [Math.cos(place * frequency), Math.sin(place * frequency)];
    out[i] = vector[i] * cos - vector[i + half] * sin;
    out[i + half] = vector[i] * sin + vector[i + half] * cos;
  });
  return out;
}

/** Everything that can be asked of one forward pass. `facts` are its sizes and tokens, `words` the texts of predictions. */
export function passOf(facts, arrays, words) {
  const { tokens: { length: tokens }, blocks, heads, kvHeads, headWidth, windows, epsilon, frequencies } = facts;
  const shown = arrays.steps.shape[2]; // numbers of a vector of the stream
  const shared = heads / kvHeads;
  const power = (array, block) => 10 ** (Array.isArray(array.digits) ? array.digits[block] : array.digits);
  const decimalsOf = (name, block = 0) => (Array.isArray(arrays[name].digits) ? arrays[name].digits[block] : arrays[name].digits);

  const size = tokens * shown;
  const stream = new Int32Array(arrays.steps.data); // the running sum of the steps: exact, in units of 10^−digits
  for (let i = size; i < stream.length; i++) stream[i] += stream[i - size];
  const unit = power(arrays.steps);
  const list = (data, at, length, scale) => Array.from({ length }, (_, i) => data[at + i] / scale);

  const vector = (name, count) => (block, head, token) =>
    list(arrays[name].data, ((block * count + head) * tokens + token) * headWidth, headWidth, power(arrays[name], block));
  const [query, ownKey, ownValue] = [vector("query", heads), vector("key", kvHeads), vector("value", kvHeads)];
  const kvHead = (head) => Math.floor(head / shared);
  const pairs = (tokens * (tokens + 1)) / 2;

  const pass = {
    facts, shown, decimalsOf, kvHead, sizes: { ...facts, tokens },
    streamAt: (place, token) => list(stream, place * size + token * shown, shown, unit),
    /** What the part between two places has added: attention from an even place, the MLP from an odd one. */
    added: (place, token) => list(arrays.steps.data, (place + 1) * size + token * shown, shown, unit),
    rms: (place, token) => arrays.rms.data[place * tokens + token],
    length: (place, token) => pass.rms(place, token) * Math.sqrt(facts.width),
    addedLength: (place, token) => arrays.added.data[place * tokens + token],
    largest: (place, token) => ({ number: arrays.largestAt.data[place * tokens + token], value: arrays.largest.data[place * tokens + token] / power(arrays.largest) }),
    gain: (place) => list(arrays.gain.data, place * shown, shown, 1),
    /** RMSNorm: {root, scaled: x / root, out: scaled × gain}. */
    normed(place, token) {
      const root = Math.sqrt(pass.rms(place, token) ** 2 + epsilon);
      const scaled = pass.streamAt(place, token).map((x) => x / root);
      const gain = pass.gain(place);
      return { root, gain, scaled, out: scaled.map((x, i) => x * gain[i]) };
    },
    query,
    key: (block, head, token) => ownKey(block, kvHead(head), token),
    value: (block, head, token) => ownValue(block, kvHead(head), token),
    turnedQuery: (block, head, token) => turn(query(block, head, token), token, frequencies),
    turnedKey: (block, head, token) => turn(pass.key(block, head, token), token, frequencies),
    /** The keys [from, to) that a query may see. */
    visible: (block, token) => [windows[block] ? Math.max(0, token - windows[block] + 1) : 0, token + 1],
    /** Scores of a query with the keys up to itself, as torch has them; later ones are −∞. */
    scores(block, head, token) {
      const at = (block * heads + head) * pairs + (token * (token + 1)) / 2;
      const [from] = pass.visible(block, token);
      return Array.from({ length: tokens }, (_, key) => (key > token || key < from ? -Infinity : arrays.scores.data[at + key] / power(arrays.scores)));
    },
    /** The same from the query and the key that are shown: the products, and their sum. */
    product(block, head, token, key) {
      const [q, k] = [pass.turnedQuery(block, head, token), pass.turnedKey(block, head, key)];
      const parts = q.map((x, i) => x * k[i]);
      const order = parts.map((part, i) => ({ i, q: q[i], k: k[i], part })).sort((a, b) => Math.abs(b.part) - Math.abs(a.part));
      return { parts, order, sum: sumOf(parts) };
    },
    attention: (block, head, token) => softmax(pass.scores(block, head, token), ...pass.visible(block, token)),
    /** The values mixed by the weights: what a head has gathered. */
    mixed(block, head, token) {
      const { weights } = pass.attention(block, head, token);
      const out = new Array(headWidth).fill(0);
      weights.forEach((weight, key) => weight && pass.value(block, head, key).forEach((x, i) => (out[i] += weight * x)));
      return out;
    },
    /** The most active neurons, most active first: {number, gate, bent, up, out}. */
    neurons(block, token) {
      const count = arrays.neuron.shape[2];
      const at = (block * tokens + token) * count;
      const [gates, ups] = ["gate", "up"].map((name) => list(arrays[name].data, at, count, power(arrays[name], block)));
      return gates.map((gate, i) => {
        const bent = silu(gate);
        return { number: arrays.neuron.data[at + i], gate, bent, up: ups[i], out: bent * ups[i] };
      });
    },
    neuronShare: (block, token) => arrays.neuronShare.data[block * tokens + token],
    /** What the model would say next if it stopped before this block (`blocks`: after the last): [{text, p}]. */
    lens(layer, token) {
      const count = arrays.lens.shape[2];
      const at = (layer * tokens + token) * count;
      const row = (i) => ({ word: arrays.lensToken.data[at + i], text: words[arrays.lensToken.data[at + i]], p: arrays.lens.data[at + i] });
      return Array.from({ length: count }, (_, i) => row(i));
    },
    /** The tokens with the highest logits: {rows: [{text, logit, p}], logSum}. */
    logits(token) {
      const [count, logSum] = [arrays.top.shape[1], arrays.logSum.data[token]];
      const row = (i) => {
        const logit = arrays.top.data[token * count + i] / power(arrays.top);
        return { text: words[arrays.topToken.data[token * count + i]], logit, p: Math.exp(logit - logSum) };
      };
      return { logSum, rows: Array.from({ length: count }, (_, i) => row(i)) };
    },
    /** The first block from which on the lens's best token is the one that wins at the end; 0: before all blocks. */
    leadsFrom(token) {
      const final = pass.lens(blocks, token)[0].word;
      let from = blocks;
      while (from > 0 && pass.lens(from - 1, token)[0].word === final) from--;
      return from;
    },
  };
  return pass;
}
