// The tiny model itself: a Llama in plain arithmetic, one token at a time, with everything kept that a reader may ask for.
// A text's attention and hidden states stay in memory; keys and values are kept so that no token is computed twice.
//
//     for each layer:  x ← x + Attention(RMSNorm(x));  x ← x + SwiGLU(RMSNorm(x))
//     logits = unembedding · RMSNorm(x)
//
// Sources: Touvron et al. 2023 (Llama), Su et al. 2021 (rotary positions), Shazeer 2020 (SwiGLU), Zhang and Sennrich 2019 (RMSNorm).

/** matrix [rows, columns] times vector, four rows at a time; sums are added up in double precision. */
export function multiply(matrix, vector, out, rows, columns) {
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    const first = row * columns, second = first + columns, third = second + columns, fourth = third + columns;
    let a = 0, b = 0, c = 0, d = 0;
    for (let i = 0; i < columns; i++) {
      const x = vector[i];
      a += matrix[first + i] * x;
      b += matrix[second + i] * x;
      c += matrix[third + i] * x;
      d += matrix[fourth + i] * x;
    }
    out[row] = a;
    out[row + 1] = b;
    out[row + 2] = c;
    out[row + 3] = d;
  }
  for (; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += matrix[row * columns + i] * vector[i];
    out[row] = sum;
  }
}

/** x / √(mean of x² + ε), times a weight for each place. */
export function rmsNorm(x, weight, epsilon, out) {
  let squares = 0;
  for (let i = 0; i < weight.length; i++) squares += x[i] * x[i];
  const scale = 1 / Math.sqrt(squares / weight.length + epsilon);
  for (let i = 0; i < weight.length; i++) out[i] = weight[i] * (x[i] * scale);
}

/** Turns each pair (i, i + half) of every head by its angle; `turn` holds the cosines and then the sines of a position. */
export function rotate(x, heads, size, turn) {
  const half = size / 2;
  for (let head = 0; head < heads; head++) {
    for (let i = 0, at = head * size; i < half; i++, at++) {
      const [a, b] = [x[at], x[at + half]];
      x[at] = a * turn[i] - b * turn[half + i];
      x[at + half] = b * turn[i] + a * turn[half + i];
    }
  }
}

/** The angles in single precision, as torch makes them. */
function turnsOf(positions, size, base) {
  const half = size / 2;
  return Array.from({ length: positions }, (_, position) => {
    const turn = new Float32Array(size);
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * Math.fround(1 / Math.fround(base ** ((2 * i) / size))));
      turn[i] = Math.cos(angle);
      turn[half + i] = Math.sin(angle);
    }
    return turn;
  });
}

/** What config.json says of the shape; anything that would need other arithmetic is refused. */
function readShape(config) {
  const rope = config.rope_parameters ?? config.rope_scaling ?? {};
  const odd = [
    config.model_type !== "llama" && `model_type ${config.model_type}`, config.hidden_act !== "silu" && `hidden_act ${config.hidden_act}`,
    config.attention_bias && "attention_bias", config.mlp_bias && "mlp_bias",
    !["default", undefined].includes(rope.rope_type ?? rope.type) && `rope_type ${rope.rope_type ?? rope.type}`,
  ].filter(Boolean);
  if (odd.length) throw new Error(`a Llama with ${odd.join(" and ")} is not known here`);
  const heads = config.num_attention_heads;
  return {
    layers: config.num_hidden_layers, heads, kvHeads: config.num_key_value_heads ?? heads, width: config.hidden_size,
    headSize: config.head_dim ?? config.hidden_size / heads, inner: config.intermediate_size, vocabulary: config.vocab_size,
    context: config.max_position_embeddings, epsilon: config.rms_norm_eps, base: rope.rope_theta ?? config.rope_theta ?? 10000,
  };
}

/** A model from an opened checkpoint: { shape, embedding, unembedding, norm, layers, turns }. */
export function newModel({ config, tensors }) {
  const shape = readShape(config);
  const take = (name) => {
    if (!tensors[name]) throw new Error(`the tensor ${name} is missing`);
    return tensors[name];
  };
  const embedding = take("model.embed_tokens.weight");
  const layers = Array.from({ length: shape.layers }, (_, i) => {
    const of = (name) => take(`model.layers.${i}.${name}.weight`);
    return {
      attentionNorm: of("input_layernorm"), query: of("self_attn.q_proj"), key: of("self_attn.k_proj"), value: of("self_attn.v_proj"),
      output: of("self_attn.o_proj"), mlpNorm: of("post_attention_layernorm"), gate: of("mlp.gate_proj"), up: of("mlp.up_proj"),
      down: of("mlp.down_proj"),
    };
  });
  return {
    shape, embedding, unembedding: tensors["lm_head.weight"] ?? embedding, norm: take("model.norm.weight"), layers,
    turns: turnsOf(shape.context, shape.headSize, shape.base),
  };
}

/** An empty text of a model, with room for all that is computed about it.
 *  hidden [layer + 1, token, width], before the final norm; attention [layer, head, query, key]. */
export function newText({ shape: { layers, heads, kvHeads, width, headSize, inner, context } }) {
  const floats = (...sizes) => new Float32Array(sizes.reduce((a, b) => a * b));
  return {
    ids: [], hidden: floats(layers + 1, context, width), attention: floats(layers, heads, context, context),
    keys: floats(layers, context, kvHeads * headSize), values: floats(layers, context, kvHeads * headSize),
    x: floats(width), normed: floats(width), query: floats(heads, headSize), mixed: floats(heads, headSize), added: floats(width),
    gate: floats(inner), up: floats(inner),
  };
}

/** Forgets all but the first `length` tokens. */
export function cutText(text, length) {
  text.ids.length = Math.min(text.ids.length, length);
}

function attend(model, text, layer, position) {
  const { heads, kvHeads, headSize, context } = model.shape;
  const [size, group, scale] = [kvHeads * headSize, heads / kvHeads, 1 / Math.sqrt(headSize)];
  const first = layer * context * size;
  text.mixed.fill(0);
  for (let head = 0; head < heads; head++) {
    const [own, shared] = [head * headSize, Math.floor(head / group) * headSize];
    const row = ((layer * heads + head) * context + position) * context;
    const weights = text.attention;
    let [top, total] = [-Infinity, 0];
    for (let key = 0; key <= position; key++) {
      const at = first + key * size + shared;
      let dot = 0;
      for (let i = 0; i < headSize; i++) dot += text.query[own + i] * text.keys[at + i];
      weights[row + key] = dot * scale;
      if (weights[row + key] > top) top = weights[row + key];
    }
    for (let key = 0; key <= position; key++) total += weights[row + key] = Math.exp(weights[row + key] - top);
    for (let key = 0; key <= position; key++) {
      const weight = (weights[row + key] /= total);
      const at = first + key * size + shared;
      for (let i = 0; i < headSize; i++) text.mixed[own + i] += weight * text.values[at + i];
    }
  }
}

/** Reads one more token. Its hidden states and attention are then in `text`. */
export function readToken(model, text, id) {
  const { layers, heads, kvHeads, width, headSize, inner, context, epsilon } = model.shape;
  const [position, size, { x, normed, added }] = [text.ids.length, kvHeads * headSize, text];
  if (position >= context) throw new Error(`there is no room for more than ${context} tokens`);
  x.set(model.embedding.subarray(id * width, (id + 1) * width));
  for (let layer = 0; layer < layers; layer++) {
    text.hidden.set(x, (layer * context + position) * width);
    const weights = model.layers[layer];
    const at = (layer * context + position) * size;
    const [key, value] = [text.keys, text.values].map((kept) => kept.subarray(at, at + size));
    rmsNorm(x, weights.attentionNorm, epsilon, normed);
    multiply(weights.query, normed, text.query, heads * headSize, width);
    multiply(weights.key, normed, key, size, width);
    multiply(weights.value, normed, value, size, width);
    rotate(text.query, heads, headSize, model.turns[position]);
    rotate(key, kvHeads, headSize, model.turns[position]);
    attend(model, text, layer, position);
    multiply(weights.output, text.mixed, added, width, heads * headSize);
    for (let i = 0; i < width; i++) x[i] += added[i];
    rmsNorm(x, weights.mlpNorm, epsilon, normed);
    multiply(weights.gate, normed, text.gate, inner, width);
    multiply(weights.up, normed, text.up, inner, width);
    for (let i = 0; i < inner; i++) text.gate[i] *= text.up[i] / (1 + Math.exp(-text.gate[i]));
    multiply(weights.down, text.gate, added, width, inner);
    for (let i = 0; i < width; i++) x[i] += added[i];
  }
  text.hidden.set(x, (layers * context + position) * width);
  text.ids.push(id);
}

/** The scores of all tokens to come after `position`, [vocabulary]: of the whole model, or as if it ended after `layer` layers,
 *  which is the logit lens. */
export function logitsAt(model, text, position, layer = model.shape.layers) {
  const { width, context, epsilon, vocabulary } = model.shape;
  const at = (layer * context + position) * width;
  rmsNorm(text.hidden.subarray(at, at + width), model.norm, epsilon, text.normed);
  const logits = new Float32Array(vocabulary);
  multiply(model.unembedding, text.normed, logits, vocabulary, width);
  return logits;
}

/** One head's weights of the text so far, [query, key] with as many rows as tokens. */
export function headOf(model, text, layer, head) {
  const { heads, context } = model.shape;
  const n = text.ids.length;
  const weights = new Float32Array(n * n);
  const first = (layer * heads + head) * context * context;
  for (let q = 0; q < n; q++) weights.set(text.attention.subarray(first + q * context, first + q * context + q + 1), q * n);
  return weights;
}
