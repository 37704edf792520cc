// What the bench computes beside the model: prompts from templates, which replies are right, how sure a share is, two prompts compared.
// The rule for a right reply is that of `is_right` in bench.py.

const CLOSE = /[.!?]+(?=\s|$)|[。！？]+|\n/;
const ENOUGH = /[.!?]\s|[。！？\n]/; // of plain text: what comes after is not marked
const HELD = "\ue000"; // stands for the right answer while sentences are told apart: "St. John's" has a full stop of its own
const HAN_OR_SIGN = "\\u2e80-\\u9fff\\uf900-\\ufaff\\uff00-\\uffef";
const LETTER = new RegExp(`^(?![${HAN_OR_SIGN}])[\\p{L}\\p{N}_]$`, "u");
const NO_GAP = new RegExp(`^[\\s${HAN_OR_SIGN}]$`, "u");
const Z95 = 1.959964; // the normal quantile of a two-sided 95 % interval, as in lmkit/evaluate.py

const firstSign = (text) => [...text][0] ?? "";
const lastSign = (text) => [...text].at(-1) ?? "";

// ---------------------------------------------------------------- prompts

/** The template with the item's texts in its slots; other braces stay. */
export function fillTemplate(template, slots) {
  return template.replace(/\{([\p{L}\p{N}_]+)\}/gu, (slot, name) => (Object.hasOwn(slots, name) ? slots[name] : slot));
}

export const hasSlot = (template, slots) => Object.keys(slots).some((name) => template.includes(`{${name}}`));

/** A solved item as a line of plain text: a space between them unless the question ends in one, or in Chinese. */
export function solvedLine(question, answer) {
  return question + (NO_GAP.test(lastSign(question)) || NO_GAP.test(firstSign(answer)) ? "" : " ") + answer;
}

/** The places of the solved items before item i: those that follow it in the list. */
export const shotsBefore = (i, n, shots) => Array.from({ length: shots }, (_, k) => (i + 1 + k) % n);

/** What the model is given for item i, as parts: a text, or [name of a special token]. */
export function promptParts(items, template, i, { chat, shots }) {
  const asked = (k) => fillTemplate(template, items[k][0]);
  const before = shotsBefore(i, items.length, shots);
  if (!chat) return [["<|end|>"], [...before.map((k) => solvedLine(asked(k), items[k][1])), asked(i)].join("\n")];
  const turns = before.flatMap((k) => [["<|user|>"], asked(k), ["<|end|>"], ["<|assistant|>"], items[k][1], ["<|end|>"]]);
  return [...turns, ["<|user|>"], asked(i), ["<|end|>"], ["<|assistant|>"]];
}

/** The parts as tokens. What a reader types is always text, never a special token. */
export function idsOfParts(parts, { encode, special }) {
  return parts.flatMap((part) => (typeof part === "string" ? encode(part) : [special[part[0]]]));
}

// ---------------------------------------------------------------- marking

const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

/** Finds a text where it stands as whole words; Chinese has no spaces, so there it is found anywhere. */
function wholeWords(text) {
  const before = LETTER.test(firstSign(text)) ? "(?<![\\p{L}\\p{N}_])" : "";
  const after = LETTER.test(lastSign(text)) ? "(?![\\p{L}\\p{N}_])" : "";
  return new RegExp(before + escaped(text) + after, "giu");
}

const holds = (text, part) => wholeWords(part).test(text);

/** The first sentence of a reply with the answer held together, and what follows it; null where nothing closes the sentence. */
function firstSentence(reply, answer) {
  const held = answer ? reply.replace(wholeWords(answer), HELD) : reply;
  const close = CLOSE.exec(held);
  return close ? [held.slice(0, close.index), held.slice(close.index + close[0].length)] : [held, null];
}

/** Whether a reply is right. `ended`: the model ended it by itself; `labels` are all items' answers, `asked` the question. */
export function isRight(reply, ended, answer, labels, asked, chat) {
  const [first, rest] = firstSentence(chat ? reply : reply.trimStart(), answer);
  const closed = chat ? ended && !(rest ?? "").trim() : ended || rest !== null;
  if (!first.includes(HELD) || !closed) return false;
  const named = labels.filter((one) => one.toLowerCase() !== answer.toLowerCase() && !holds(asked, one));
  return !named.some((one) => holds(first, one));
}

/** The part of a reply that is marked. */
export function markedPart(reply, answer, chat) {
  if (chat) return reply;
  const found = wholeWords(answer).exec(reply)?.[0] ?? answer;
  return firstSentence(reply.trimStart(), answer)[0].replaceAll(HELD, found);
}

/** Whether so much of a plain text is written that more would not be marked. */
export function isEnough(reply, answer) {
  return (answer.includes(".") ? /\n/ : ENOUGH).test(reply.trimStart());
}

// ---------------------------------------------------------------- how sure

/** The Wilson 95 % interval of `right` of `n`: [low, high]. */
export function wilson(right, n) {
  const [p, z] = [right / n, Z95];
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** Two prompts on the same items: { first, second, p }, the items that only one of them gets right, and McNemar's exact test. */
export function compareRight(a, b) {
  const first = a.filter((right, i) => right && !b[i]).length;
  const second = b.filter((right, i) => right && !a[i]).length;
  const n = first + second;
  let [term, tail] = [0.5 ** n, 0];
  for (let k = 0; k <= Math.min(first, second); k++) {
    tail += term;
    term *= (n - k) / (k + 1);
  }
  return { first, second, p: Math.min(1, 2 * tail) };
}
