// Every word that the calculator shows or says: translate this file, and it speaks another language.
import { whole } from "./numbers.js";

const SIGNS = { USD: "$", CNY: "¥" };

/** Money: cents and more with two digits, less than a cent with two significant ones. */
function money(amount, currency) {
  const digits = amount === 0 || amount >= 0.1 ? 2 : Math.min(12, 1 - Math.floor(Math.log10(amount)));
  return `${SIGNS[currency] ?? `${currency} `}${amount.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export const LABELS = {
  widget: { cost: "What does it cost?", memory: "Does it fit?" },
  price: "Price of",
  read: "tokens read, a request",
  cached: "of these from a cache",
  written: "tokens written, a request",
  requests: "requests",
  wrong: { number: "Write whole numbers, 0 or more.", cached: "No more tokens can come from a cache than are read.", large: "That is more than this calculator takes." },
  all: (amount, currency, one, requests) => `${money(amount, currency)} for ${whole(requests)} requests; ${money(one, currency)} each`,
  unknown: "no price known for what is written",
  costHeads: ["Price of", "As of", "One request", "All"],
  money,
  dated: (date, condition) => (condition ? `${date}; ${condition}` : date),
  model: "Model",
  bits: "Bits a parameter",
  tokens: "Tokens in the cache, each text",
  batch: "Texts at once",
  bitOptions: [["32", "32"], ["16", "16"], ["8", "8"], ["5", "5"], ["4", "4"]],
  parameters: (n) => `${n >= 1e9 ? `${(n / 1e9).toFixed(2)} billion` : `${(n / 1e6).toFixed(1)} million`} parameters`,
  size: (weights, cache) => `weights ${gigabytes(weights)} + cache ${gigabytes(cache)} = ${gigabytes(weights + cache)}`,
  window: (tokens) => `It was made for ${whole(tokens)} tokens.`,
  memoryHeads: ["Machine", "Memory", "Taken", "Does it fit?"],
  taken: (share) => (share < 0.01 ? "under 1 %" : share < 10 ? `${Math.round(100 * share)} %` : `${Math.round(share)} times`),
  verdict: (share, spare) => (share <= 1 - spare ? "✓ fits" : share <= 1 ? "≈ too tight" : "✗ no"),
  gigabytes,
  context: (n) => whole(n),
};

function gigabytes(bytes) {
  const size = bytes / 1e9;
  return `${size >= 100 ? size.toFixed(0) : size >= 1 ? size.toFixed(1) : size.toFixed(2)} GB`;
}
