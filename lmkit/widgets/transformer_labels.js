// Every word that the walk-through shows or says: translate this file, and it speaks another language.
// In a formula _{…} is written below the line and ^{…} above it. `m` holds the sizes of the model.
import { decimals, percent, whole } from "./numbers.js";

const sum = (terms) => terms.join(" + ").replaceAll("+ −", "− ");
const bracketed = (x, digits) => (x < 0 ? `(${decimals(x, digits)})` : decimals(x, digits));
const times = (a, b, digits, more = digits) => `${decimals(a, digits)} · ${bracketed(b, more)}`;

export const LABELS = {
  widget: "A walk through the model",
  steps: "The boxes of the model",
  back: "Back", next: "Next", play: "Play", pause: "Pause",
  at: (i, n) => `Box ${i} of ${n}`,
  hint: "Step with the buttons, the boxes or the arrow keys; choose a token of the text to follow it.",
  follow: "The token that is followed",
  token: (i, token) => `Token ${i}: ${token}`,
  block: "Block", head: "Head",
  frameShort: (i) => `Block ${i}`,
  frame: (i, n) => `Block ${i} · one of ${n}`,
  cards: "The tokens and their ids",
  table: "These numbers as a table",
  formula: "Formula",
  inNumbers: "In numbers",
  figure: (what, rows, columns) => `${what}: ${rows} rows by ${columns} columns. Arrow keys move; Enter follows the token of a row.`,
  plainFigure: (what, rows, columns) => `${what}: ${rows} rows by ${columns} columns. Arrow keys move.`,
  colours: "Blue above 0, orange below; each row has its own scale.",
  sameColours: "Blue above 0, orange below; one scale for all rows.",
  weightColours: "The stronger the colour, the larger the weight. Hatched: masked.",
  scoreColours: "Blue above 0, orange below; each row has its own scale. Hatched: masked.",
  upTo: (value, digits) => `up to ${decimals(value, digits)}`,
  cell: (row, column, value) => `${row}, ${column}: ${value}`,
  masked: "masked",
  number: (i) => `number ${whole(i)}`,
  neuron: (i) => `neuron ${whole(i)}`,
  headRow: (i) => `head ${i}`,
  tokenRow: (i, token) => `${i} ${token}`,
  firstOf: (n, all) => (n < all ? `${n} of ${whole(all)} numbers.` : `All ${all} numbers.`),
  weighted: (weight, token) => `${decimals(weight, 2)} · ${token}`,
  others: "all others",
  rounding: (digits) =>
    `Rounded for the page: the stream, scores and logits to ${step(digits.steps)}; in this block queries to ${step(digits.query)}, keys to ${step(digits.key)}, ` +
    `values to ${step(digits.value)}, gate and up to ${step(Math.min(digits.gate, digits.up))}. Lengths, gains and the lens come in full; the rest is computed from these.`,
  said: (place, title, text) => `${place}: ${title}. ${text}`,
};

const step = (digits) => (10 ** -digits).toFixed(digits);

/** The boxes in their order: `name` in the diagram, `title`, `text`, `formula`, `axes` and `shape` of what comes out. */
export const STEPS = [
  {
    id: "tokens", name: () => "Tokens", title: "Text is cut into tokens",
    text: (m) => `This model does not read letters. Its tokenizer cuts the text into pieces from a fixed list of ${whole(m.vocabulary)}, and each piece has a ` +
      "number, its id. A space before a word belongs to its token and is shown as ␣. From here on, everything happens once for each token.",
    formula: () => "text → tokens → ids", axes: "token", shape: (m) => [m.tokens],
  },
  {
    id: "embedding", name: () => "Embedding", title: "Each token becomes a vector",
    text: (m) => `The id is the number of a row in a learned table. The model looks that row up: ${whole(m.width)} numbers for each token. Nothing in them ` +
      "depends on the neighbours yet, or on the place in the text. Here the residual stream begins, which later boxes read and add to.",
    formula: () => "x = E[id]", axes: "token, width", shape: (m) => [m.tokens, m.width],
  },
  {
    id: "norm", name: () => "Norm", title: "Scaled to a common size",
    text: () => "Vectors of the stream differ greatly in length. RMSNorm divides a vector by the root of the mean of its squares, then multiplies each number " +
      "by a learned gain. The stream itself stays as it was: it is a copy that goes into attention.",
    formula: () => "x̂_{i} = g_{i} · x_{i} / √(mean(x²) + ε)", axes: "token, width", shape: (m) => [m.tokens, m.width],
  },
  {
    id: "qkv", name: () => "Query, key, value", title: "Three vectors for each head",
    text: (m) => "Learned matrices make three vectors from the copy: a query (what this token looks for), a key (what it can be found by) and a value (what " +
      `it hands over). ${m.heads} heads do so side by side, with ${m.headWidth} numbers each.` +
      (m.kvHeads < m.heads ? ` Every ${m.heads / m.kvHeads} query heads share one key and one value.` : "") +
      (m.normedQueries ? " This model also scales queries and keys by an RMSNorm." : ""),
    formula: () => "q = W_{Q} x̂,  k = W_{K} x̂,  v = W_{V} x̂", axes: "head, token, number", shape: (m) => [m.heads, m.tokens, m.headWidth],
  },
  {
    id: "rotary", name: () => "Rotary position", title: "Turned by their place",
    text: (m) => `So far a token's place has left no trace. Now numbers i and i + ${m.headWidth / 2} of a query are taken as a point in a plane and turned, by ` +
      "the token's place times a fixed speed. Keys are turned alike, values never. Their product then depends on how far apart two tokens are.",
    formula: (m) => `(q_{i}, q_{i+${m.headWidth / 2}}) turned by place · θ_{i}`, axes: "head, token, number", shape: (m) => [m.heads, m.tokens, m.headWidth],
  },
  {
    id: "scores", name: () => "Scores", title: "Every query meets every key",
    text: (m) => `The query of a token (a row) meets the key of a token (a column): ${m.headWidth} products, added up and divided by the root of ` +
      `${m.headWidth}. This score says how well the key fits. Hatched are the tokens that come later${m.windows.some(Boolean) ? " or lie outside the window" : ""}: the mask shuts them out.`,
    formula: (m) => `s_{ij} = q_{i} · k_{j} / √${m.headWidth}`, axes: "head, query, key", shape: (m) => [m.heads, m.tokens, m.tokens],
  },
  {
    id: "softmax", name: () => "Softmax", title: "Scores become weights",
    text: () => "e is raised to the power of each score, and the result divided by the sum over the row. So all weights are positive, and each row sums to 1. " +
      "What is masked has exactly 0.",
    formula: () => "w_{ij} = e^{s_{ij}} / Σ_{j} e^{s_{ij}}", axes: "head, query, key", shape: (m) => [m.heads, m.tokens, m.tokens],
  },
  {
    id: "values", name: () => "Weighted values", title: "The values are mixed",
    text: () => "The value of each token that can be seen is multiplied by its weight: one row each. The rows are added, and the last row is what this head " +
      "has gathered for the followed token. Nothing but attention carries anything from one token to another.",
    formula: () => "z_{i} = Σ_{j} w_{ij} v_{j}", axes: "head, token, number", shape: (m) => [m.heads, m.tokens, m.headWidth],
  },
  {
    id: "heads", name: () => "Heads joined", title: "The heads side by side",
    text: (m) => `Each head has gathered ${m.headWidth} numbers of its own. Laid end to end they are ${whole(m.heads * m.headWidth)}. A learned matrix mixes them all ` +
      `and gives a vector as wide as the stream, ${whole(m.width)} numbers.`,
    formula: () => "a = W_{O} [z^{0}, z^{1}, …]", axes: "token, heads × numbers", shape: (m) => [m.tokens, m.heads * m.headWidth],
  },
  {
    id: "added", name: () => "⊕ attention", title: "Attention joins the stream",
    text: () => "What attention says is added, number by number, to what stood in the stream. Nothing is replaced. The first two rows make the third exactly: " +
      "all are rounded to the same decimals.",
    formula: () => "x ← x + a", axes: "token, width", shape: (m) => [m.tokens, m.width],
  },
  {
    id: "norm2", name: () => "Norm", title: "Scaled once more",
    text: () => "The same scaling, with gains of its own, of the stream as it is now. This copy goes into the MLP.",
    formula: () => "x̂_{i} = g_{i} · x_{i} / √(mean(x²) + ε)", axes: "token, width", shape: (m) => [m.tokens, m.width],
  },
  {
    id: "mlp", name: () => "MLP", title: "Each token on its own",
    text: (m) => `Two matrices widen the copy to ${whole(m.neurons)} numbers each: gate and up. SiLU bends the gate; what is negative comes out between −0.28 and 0. ` +
      `Gate times up says how active each of ${whole(m.neurons)} neurons is, and a third matrix leads back to ${whole(m.width)} numbers. No other token is looked at.`,
    formula: () => "W_{down}(SiLU(W_{gate}x̂) · W_{up}x̂)", axes: "token, neuron", shape: (m) => [m.tokens, m.neurons],
  },
  {
    id: "added2", name: () => "⊕ MLP", title: "The MLP joins the stream",
    text: () => "The MLP's output is added in the same way, and the block is complete. What leaves it has the shape of what entered, so the next block " +
      "can do the same with it.",
    formula: () => "x ← x + MLP(x̂)", axes: "token, width", shape: (m) => [m.tokens, m.width],
  },
  {
    id: "blocks", name: (m) => `All ${m.blocks} blocks`, title: "The same again and again",
    text: (m) => `${m.blocks} blocks follow one another, with the same boxes and different learned numbers. For each you see how long the followed token's ` +
      "vector is after it, and what the model would say next if it stopped there: last norm and unembedding, used early (the logit lens).",
    formula: () => "x^{(0)} → x^{(1)} → … → x^{(last)}", axes: "block, token, width", shape: (m) => [m.blocks, m.tokens, m.width],
  },
  {
    id: "logits", name: () => "Logits", title: "A score for every token there is",
    text: (m) => `The stream is scaled a last time. Then it is multiplied with ${whole(m.vocabulary)} rows of numbers, one for each token of the vocabulary` +
      (m.tied ? ", in fact with the table of the embedding" : "") + ". Each product is a logit: the higher, the better this token would fit next.",
    formula: (m) => (m.tied ? "logits = E x̂" : "logits = U x̂"), axes: "token, vocabulary", shape: (m) => [m.tokens, m.vocabulary],
  },
  {
    id: "next", name: () => "Next token", title: "A probability for every token",
    text: (m) => `A softmax turns the ${whole(m.vocabulary)} logits into probabilities, which sum to 1. One token is chosen, for example the most probable. It is put ` +
      "at the end of the text, and everything begins again.",
    formula: () => "p_{i} = e^{logit_{i}} / Σ_{j} e^{logit_{j}}", axes: "vocabulary", shape: (m) => [m.vocabulary],
  },
];

export const ROWS = {
  stream: "stream", scaled: "divided", gain: "gain", normed: "normed",
  query: "query", key: "key", value: "value", turnedQuery: "query, turned", turnedKey: "key, turned",
  whole: { query: "Query", key: "Key" },
  mixed: "mixed", attention: "attention", after: "sum", mlp: "MLP",
  gate: "gate", bent: "SiLU(gate)", up: "up", active: "product",
  block: "Block", length: "Length", best: "Best guess", p: "p", token: "Token", logit: "Logit", probability: "Probability",
  before: "start",
};

/** The sentences under “In numbers”, a list for each box. */
export const CALCULATIONS = {
  tokens: ({ characters, bytes, tokens, token, id, own, vocabulary }) => [
    `${whole(characters)} characters, ${whole(bytes)} bytes in UTF-8, ${whole(tokens)} tokens.`,
    `${token} has the id ${whole(id)} of 0 to ${whole(vocabulary - 1)} and stands for ${own === 1 ? "1 byte" : `${whole(own)} bytes`}.`,
  ],
  embedding: ({ token, id, width, largest, length, digits }) => [
    `${token}: row ${whole(id)} of the table.`,
    `All ${whole(width)} numbers together have the length ${decimals(length, 3)} (the root of the sum of squares). The largest is ${largestText(largest, digits)}.`,
  ],
  norm: ({ number, x, root, gain, out, width, digits, largest }) => [
    `Root of the mean of all ${whole(width)} squares: ${root4(root)}.`,
    `Number ${number}: ${decimals(x, digits)} / ${root4(root)} · ${decimals(gain, 4)} = ${decimals(out, 3)}.`,
    `The largest of the ${whole(width)} in the stream is ${largestText(largest, digits)}.`,
  ],
  qkv: ({ head, kvHead, shared, number, width, values, digits }) => [
    `Number ${number} of the query: ${whole(width)} products of the normed copy with a row of W_{Q}, added up, give ${decimals(values[0], digits[0])}. ` +
      `Key: ${decimals(values[1], digits[1])}. Value: ${decimals(values[2], digits[2])}.`,
    shared > 1 ? `${headList(kvHead * shared, shared)} share the key and the value of KV head ${kvHead}.` : `Head ${head} has key and value of its own.`,
  ],
  rotary: ({ what, i, half, place, frequency, angle, a, b, turnedA, turnedB, digits }) => [
    `${what}, numbers ${i} and ${i + half}: place ${place} · speed ${speed(frequency)} = ${decimals(angle, 3)} radians.`,
    `${times(a, Math.cos(angle), digits, 3)} − ${bracketed(b, digits)} · ${bracketed(Math.sin(angle), 3)} ≈ ${decimals(turnedA, digits)}`,
    `${times(a, Math.sin(angle), digits, 3)} + ${bracketed(b, digits)} · ${bracketed(Math.cos(angle), 3)} ≈ ${decimals(turnedB, digits)}`,
    "The factors after the dots are the cosine and the sine of the angle.",
  ],
  scores: ({ query, key, order, sum: total, width, quotient, model, digits, visible }) => visible ? [
    `${query} asks ${key}: ${width} products. The largest: ${order.slice(0, 3).map(({ i, q, k, part }) => `number ${i}, ${times(q, k, digits)} = ${decimals(part, digits)}`).join("; ")}.`,
    `All ${width} together: ${decimals(total, digits)}. Divided by √${width}: ${decimals(quotient, 3)}.`,
    `The model's own score: ${decimals(model, 3)}. What differs is rounding, up to ${decimals(0.5 * 10 ** -digits, digits + 1)} in each factor.`,
  ] : [`${query} asks ${key}: masked. ${key} comes later and must not be seen.`, "Its score counts as −∞.", ""],
  softmax: ({ query, key, score, largest, part, sum: total, weight, count, visible }) => visible ? [
    `${query} to ${key}: e to the power of ${decimals(score, 3)} − ${bracketed(largest, 3)} is ${decimals(part, 4)}. The largest score is taken off all, which changes no weight.`,
    `Sum over ${count === 1 ? "the one key" : `the ${count} keys`} that can be seen: ${decimals(total, 4)}. ${decimals(part, 4)} / ${decimals(total, 4)} = ${decimals(weight, 4)}.`,
  ] : [`${query} to ${key}: masked, e to the power of −∞ is 0.`, ""],
  values: ({ number, terms, rest, out, digits }) => [
    `Number ${number}: ${sum(terms.map(({ weight, value }) => times(weight, value, Math.max(3, digits))))}` +
      `${rest ? ` + ${rest === 1 ? "1 smaller product" : `${rest} smaller products`}` : ""} ≈ ${decimals(out, digits + 1)}.`,
    "Each product is a weight times a value; the largest come first.",
  ],
  heads: ({ head, number, place, value, digits, heads, each, width }) => [
    `${heads} heads × ${each} numbers = ${whole(heads * each)}. Number ${number} of head ${head} stands at place ${head} · ${each} + ${number} = ${whole(place)}: ${decimals(value, digits)}.`,
    `W_{O} holds ${whole(heads * each)} × ${whole(width)} = ${whole(heads * each * width)} learned numbers.`,
  ],
  added: ({ number, before, by, after, digits, lengthBefore, lengthBy, lengthAfter, part }) => [
    `Number ${number}: ${decimals(before, digits)} ${by < 0 ? "−" : "+"} ${decimals(Math.abs(by), digits)} = ${decimals(after, digits)}.`,
    `The whole vector was ${short3(lengthBefore)} long, ${part} adds one of ${short3(lengthBy)}, and now it is ${short3(lengthAfter)} long.`,
  ],
  mlp: ({ number, gate, bent, up, out, digits, count, all, share: part }) => [
    `Neuron ${whole(number)}: SiLU(${decimals(gate, digits)}) = ${decimals(gate, digits)} / (1 + e^{${decimals(-gate, digits)}}) = ${decimals(bent, 3)}; ` +
      `${times(bent, up, 3)} = ${decimals(out, 3)}.`,
    count < all
      ? `Shown are the ${count} most active of ${whole(all)} neurons for this token. They hold ${percent(part)} of the sum of all squares.`
      : `Shown are all ${all} neurons, the most active first.`,
  ],
  blocks: ({ block, length, best, final, from, blocks }) => [
    `Block ${block} leaves a vector of the length ${short3(length)}. Stopped here, the model would say ${best.text} (${percent(best.p)}).`,
    from === 0 ? `${final} leads from the start.` : from === blocks ? `${final}, the winner, leads only after the last block.` : `${final}, the winner, leads from block ${from - 1} to the end.`,
  ],
  logits: ({ root, token, logit, width, vocabulary }) => [
    `The stream is divided by ${short3(root)} and multiplied by the gains of the last norm.`,
    `Logit of ${token}: ${whole(width)} products added up, ${decimals(logit, 3)}. There are ${whole(vocabulary)} such sums.`,
  ],
  next: ({ token, logit, logSum, p, follows, best }) => [
    `The natural logarithm of the sum of all e^{logit} is ${decimals(logSum, 3)}. ${token}: e to the power of ${decimals(logit, 3)} − ${bracketed(logSum, 3)} = ${percent(p)}.`,
    follows === null ? `The text ends here. The most probable next token is ${best}.` : `Most probable after the followed token: ${best}. In the text comes ${follows}.`,
  ],
};

CALCULATIONS.norm2 = CALCULATIONS.norm;
CALCULATIONS.added2 = CALCULATIONS.added;

const largestText = ({ number, value }, digits) => `number ${whole(number)}: ${decimals(value, digits)}`;
const root4 = (x) => (x < 10 ? decimals(x, 4) : decimals(x, 3));
const short3 = (x) => (x < 100 ? decimals(x, 2) : decimals(x, 1));
const speed = (x) => (x >= 0.001 ? decimals(x, 4) : x.toExponential(2).replace("-", "−"));
const headList = (from, count) => (count === 2 ? `Heads ${from} and ${from + 1}` : `Heads ${from} to ${from + count - 1}`);
