// What each box shows: rows of numbers for its figure and the figures of its calculation, from the pass and the reader's choice.
// It draws nothing. `choice` holds block, head, token, and the columns looked at: {number, part, key, neuron}.
import { isolated, visibleToken } from "./base.js";
import { CALCULATIONS, LABELS, ROWS, STEPS } from "./transformer_labels.js";
import { turn } from "./transformer_numbers.js";
import { decimals } from "./numbers.js";

const WEIGHT = 3; // decimals of a weight: its score is good to a thousandth
export const named = (token) => isolated(visibleToken(token));
const row = (label, values, digits) => ({ label, values, digits });
const clampTo = (i, n) => Math.max(0, Math.min(n - 1, i));

/** The key with the largest weight beyond the first token and the query itself, if there is one. */
export function strongestKey(weights, token) {
  let best = Math.min(1, token);
  for (let key = 1; key < token; key++) if (weights[key] > weights[best]) best = key;
  return best;
}

/** Which column is looked at, inside the figure. */
export function columnOf(figure, choice, pass) {
  const chosen = choice[figure.axis];
  if (chosen === null && figure.axis === "key") return strongestKey(pass.attention(choice.block, choice.head, choice.token).weights, choice.token);
  return clampTo(chosen ?? 0, figure.columns);
}

function figures(pass) {
  const { facts, shown, decimalsOf } = pass;
  const fine = decimalsOf("steps");
  const all = facts.tokens.map((_, i) => i);
  const number = { columns: shown, axis: "number", columnLabel: LABELS.number, note: LABELS.firstOf(shown, facts.width) };
  const part = { columns: facts.headWidth, axis: "part", columnLabel: LABELS.number };
  const tokenRows = { pick: "token" };
  const key = { columns: facts.tokens.length, axis: "key", keys: true, columnLabel: (i) => LABELS.tokenRow(i, visibleToken(facts.tokens[i])) };
  const tokenLabel = (i) => LABELS.tokenRow(i, visibleToken(facts.tokens[i]));

  const norm = (place) => ({ token }) => {
    const { scaled, gain, out } = pass.normed(place, token);
    return [row(ROWS.stream, pass.streamAt(place, token), fine), row(ROWS.scaled, scaled, 3), row(ROWS.gain, gain, 3), row(ROWS.normed, out, 3)];
  };
  const added = (place, name) => ({ token }) => [
    row(ROWS.stream, pass.streamAt(place, token), fine), row(name, pass.added(place, token), fine), row(ROWS.after, pass.streamAt(place + 1, token), fine),
  ];
  const rowsOf = {
    embedding: () => all.map((i) => row(tokenLabel(i), pass.streamAt(0, i), fine)),
    norm: (c) => norm(2 * c.block)(c),
    qkv: ({ block, head, token }) => [
      row(ROWS.query, pass.query(block, head, token), decimalsOf("query", block)), row(ROWS.key, pass.key(block, head, token), decimalsOf("key", block)),
      row(ROWS.value, pass.value(block, head, token), decimalsOf("value", block)),
    ],
    rotary: ({ block, head, token }) => {
      const [ofQuery, ofKey] = [decimalsOf("query", block), decimalsOf("key", block)];
      return [
        row(ROWS.query, pass.query(block, head, token), ofQuery), row(ROWS.turnedQuery, pass.turnedQuery(block, head, token), ofQuery),
        row(ROWS.key, pass.key(block, head, token), ofKey), row(ROWS.turnedKey, pass.turnedKey(block, head, token), ofKey),
      ];
    },
    scores: ({ block, head }) => all.map((i) => row(tokenLabel(i), pass.scores(block, head, i), 3)),
    softmax: ({ block, head }) => all.map((i) => row(tokenLabel(i), pass.attention(block, head, i).weights, WEIGHT)),
    values: ({ block, head, token }) => {
      const { weights } = pass.attention(block, head, token);
      const [from, to] = pass.visible(block, token);
      const digits = decimalsOf("value", block) + 1;
      const products = all.slice(from, to).map((i) => row(LABELS.weighted(weights[i], visibleToken(facts.tokens[i])), pass.value(block, head, i).map((x) => weights[i] * x), digits));
      return [...products, { ...row(ROWS.mixed, pass.mixed(block, head, token), digits), total: true }];
    },
    heads: ({ block, token }) =>
      Array.from({ length: facts.heads }, (_, i) => row(LABELS.headRow(i), pass.mixed(block, i, token), decimalsOf("value", block) + 1)),
    added: (c) => added(2 * c.block, ROWS.attention)(c),
    norm2: (c) => norm(2 * c.block + 1)(c),
    mlp: ({ block, token }) => {
      const neurons = pass.neurons(block, token);
      return [["gate", ROWS.gate, decimalsOf("gate", block)], ["bent", ROWS.bent, 3], ["up", ROWS.up, decimalsOf("up", block)], ["out", ROWS.active, 3]]
        .map(([name, label, digits]) => row(label, neurons.map((one) => one[name]), digits));
    },
    added2: (c) => added(2 * c.block + 1, ROWS.mlp)(c),
  };
  const hidden = (block) => (r, c) => c > r || c < pass.visible(block, r)[0];
  const shapes = {
    embedding: () => ({ ...number, ...tokenRows, same: true }),
    norm: () => number, norm2: () => number, added: () => number, added2: () => number,
    qkv: () => part,
    rotary: () => ({ ...part, first: 1 }),
    scores: ({ block }) => ({ ...key, ...tokenRows, masked: hidden(block) }),
    softmax: ({ block }) => ({ ...key, ...tokenRows, masked: hidden(block), unit: true }),
    values: () => ({ ...part, same: true }),
    heads: () => ({ ...part, pick: "head", same: true }),
    mlp: ({ block, token }) => {
      const neurons = pass.neurons(block, token);
      return { columns: neurons.length, axis: "neuron", columnLabel: (i) => LABELS.neuron(neurons[i].number) };
    },
  };
  return { rowsOf, shapes };
}

/** A reader for one pass: figure(id, choice) and calculation(id, choice, row, column). */
export function stepsOf(pass) {
  const { facts, decimalsOf } = pass;
  const { rowsOf, shapes } = figures(pass);
  const fine = decimalsOf("steps");
  const token = (i) => named(facts.tokens[i]);

  /** A grid of numbers {rows, columns, axis, …}; null for boxes that show something else. */
  const figure = (id, choice) => {
    if (!rowsOf[id]) return null;
    const [rows, shape] = [rowsOf[id](choice), shapes[id](choice)];
    const first = shape.pick ? choice[shape.pick] : (shape.first ?? rows.length - 1);
    return { masked: () => false, ...shape, rows, row: first, text: (r, c) => (shape.masked?.(r, c) ? LABELS.masked : decimals(rows[r].values[c], rows[r].digits)) };
  };

  const norm = (place) => ({ token: at, column }) => {
    const { root, gain, out } = pass.normed(place, at);
    return { number: column, x: pass.streamAt(place, at)[column], root, gain: gain[column], out: out[column], width: facts.width, digits: fine, largest: pass.largest(place, at) };
  };
  const added = (place, part) => ({ token: at, column }) => ({
    number: column, before: pass.streamAt(place, at)[column], by: pass.added(place, at)[column], after: pass.streamAt(place + 1, at)[column], digits: fine, part,
    lengthBefore: pass.length(place, at), lengthBy: pass.addedLength(place, at), lengthAfter: pass.length(place + 1, at),
  });
  const given = {
    tokens: ({ token: at }) => ({
      characters: Array.from(facts.text).length, bytes: new TextEncoder().encode(facts.text).length, tokens: facts.tokens.length, token: token(at), id: facts.ids[at],
      own: facts.bytes[at], vocabulary: facts.vocabulary,
    }),
    embedding: ({ row: at }) => ({ token: token(at), id: facts.ids[at], width: facts.width, largest: pass.largest(0, at), length: pass.length(0, at), digits: fine }),
    norm: (c) => norm(2 * c.block)(c),
    qkv: ({ block, head, token: at, column }) => ({
      head, kvHead: pass.kvHead(head), shared: facts.heads / facts.kvHeads, number: column, width: facts.width,
      values: [pass.query(block, head, at), pass.key(block, head, at), pass.value(block, head, at)].map((vector) => vector[column]),
      digits: ["query", "key", "value"].map((name) => decimalsOf(name, block)),
    }),
    rotary: ({ block, head, token: at, row: shown, column }) => {
      const half = facts.frequencies.length;
      const [i, name] = [column % half, shown < 2 ? "query" : "key"];
      const [vector, frequency] = [pass[name](block, head, at), facts.frequencies[i]];
      const turned = turn(vector, at, facts.frequencies);
      const [a, b, turnedA, turnedB] = [vector[i], vector[i + half], turned[i], turned[i + half]];
      return { what: ROWS.whole[name], i, half, place: at, frequency, angle: at * frequency, a, b, turnedA, turnedB, digits: decimalsOf(name, block) };
    },
    scores: ({ block, head, row: at, column }) => {
      const { order, sum } = pass.product(block, head, at, column);
      const digits = Math.min(decimalsOf("query", block), decimalsOf("key", block));
      const model = pass.scores(block, head, at)[column];
      return { query: token(at), key: token(column), order, sum, width: facts.headWidth, quotient: sum / Math.sqrt(facts.headWidth), model, digits, visible: model > -Infinity };
    },
    softmax: ({ block, head, row: at, column }) => {
      const [scores, { largest, parts, sum, weights }] = [pass.scores(block, head, at), pass.attention(block, head, at)];
      const [from, to] = pass.visible(block, at);
      return { query: token(at), key: token(column), score: scores[column], largest, part: parts[column], sum, weight: weights[column], count: to - from, visible: scores[column] > -Infinity };
    },
    values: ({ block, head, token: at, column }) => {
      const { weights } = pass.attention(block, head, at);
      const terms = weights.flatMap((weight, i) => (weight ? [{ weight, value: pass.value(block, head, i)[column] }] : []));
      terms.sort((a, b) => Math.abs(b.weight * b.value) - Math.abs(a.weight * a.value));
      return { number: column, terms: terms.slice(0, 3), rest: Math.max(0, terms.length - 3), out: pass.mixed(block, head, at)[column], digits: decimalsOf("value", block) };
    },
    heads: ({ block, token: at, row: head, column }) => ({
      head, number: column, place: head * facts.headWidth + column, value: pass.mixed(block, head, at)[column], digits: decimalsOf("value", block) + 1, heads: facts.heads,
      each: facts.headWidth, width: facts.width,
    }),
    added: (c) => added(2 * c.block, ROWS.attention)(c),
    norm2: (c) => norm(2 * c.block + 1)(c),
    mlp: ({ block, token: at, column }) => {
      const neurons = pass.neurons(block, at);
      return { ...neurons[column], digits: decimalsOf("gate", block), count: neurons.length, all: facts.neurons, share: pass.neuronShare(block, at) };
    },
    added2: (c) => added(2 * c.block + 1, ROWS.mlp)(c),
    blocks: ({ block, token: at }) => ({
      block, length: pass.length(2 * block + 2, at), best: { ...pass.lens(block + 1, at)[0], text: named(pass.lens(block + 1, at)[0].text) },
      final: named(pass.lens(facts.blocks, at)[0].text), from: pass.leadsFrom(at), blocks: facts.blocks,
    }),
    logits: ({ token: at }) => {
      const { rows } = pass.logits(at);
      return { root: pass.normed(2 * facts.blocks, at).root, token: named(rows[0].text), logit: rows[0].logit, width: facts.width, vocabulary: facts.vocabulary };
    },
    next: ({ token: at }) => {
      const { rows, logSum } = pass.logits(at);
      const follows = at + 1 < facts.tokens.length ? token(at + 1) : null;
      return { token: named(rows[0].text), logit: rows[0].logit, logSum, p: rows[0].p, follows, best: named(rows[0].text) };
    },
  };
  const calculation = (id, choice, at, column) => CALCULATIONS[id](given[id]({ ...choice, row: at, column }));
  const index = Object.fromEntries(STEPS.map(({ id }, i) => [id, i]));
  return { figure, calculation, index, column: (shown, choice) => columnOf(shown, choice, pass) };
}
