// The sums of lmkit.landscape, for the page: what a request costs, how large a model is, where there is room for it.

/** What one request costs, in the currency of the price; null where no price is known for what is written. */
export function costOf(price, read, written, cached) {
  if (written && price.output === null) return null;
  const kept = price.cached ?? price.input;
  return ((read - cached) * price.input + cached * kept + written * (price.output ?? 0)) / 1e6;
}

/** Parameters, counted from the shape, or published where keys and values are compressed. */
export function parametersOf(shape) {
  if (shape.latent) return shape.published;
  const { width, layers, heads, head_dim: dim, kv_heads: kv, experts, matrices, mlp, vocabulary, tied } = shape;
  const attention = 2 * width * heads * dim + 2 * width * kv * dim;
  const router = experts > 1 ? width * experts : 0;
  return Math.round(vocabulary * width * (tied ? 1 : 2) + layers * (attention + experts * matrices * width * mlp + router + 2 * width) + width);
}

/** Numbers that the cache keeps for one token. */
export function cacheOf(shape) {
  return Math.round(shape.layers * (shape.latent || 2 * shape.kv_heads * shape.head_dim));
}

/** Bytes of the weights and of the cache. */
export function memoryOf(shape, bits, tokens, batch) {
  return [(parametersOf(shape) * bits) / 8, cacheOf(shape) * tokens * batch * 2];
}

/** The share of a machine's memory that so many bytes take. */
export function takes(bytes, machine) {
  return bytes / (machine.gigabytes * 1e9);
}
