// Every word that the token-step widget shows or says: translate this file, and it speaks another language.
import { percent, whole } from "./numbers.js";

export const LABELS = {
  widget: "A sentence, token by token",
  sentence: "The sentence so far",
  hint: "Step with the buttons, the slider or the arrow keys.",
  back: "Back", next: "Next", place: "Token",
  at: (i, n) => `${whole(i)} of ${whole(n)}`,
  shown: (i, n, token) => `Token ${whole(i)} of ${whole(n)}: ${token}`,
  later: (i, n) => `Token ${whole(i)} of ${whole(n)}, not read yet`,
  models: "What each model expected here",
  expects: (name, token) => `What ${name} expected where ${token} came`,
  others: "all others",
  chain: "The chain rule so far",
  factor: "Factor",
  product: "Product P", logprob: "ln P", perplexity: "Perplexity",
  conditional: (token, before) => (before ? `P(${token} | ${before})` : `P(${token})`),
  said: (place, parts) => [place, ...parts].join("; "),
  value: (name, p, product, perplexity) => `${name}: ${percent(p)}, product ${product}, perplexity ${perplexity}`,
};
