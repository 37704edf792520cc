// Every word that the prompt bench shows or says: translate this file, and it speaks another language.
import { decimals, whole } from "./numbers.js";
import { MODEL_FAILURES } from "./tiny_labels.js";

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const inPercent = (x) => `${decimals(100 * x, 1)} %`;

export const LABELS = {
  widget: "Prompt bench",
  intro: (stage, n) => `${whole(n)} items, asked of the model “${stage}” with each template.`,
  form: "Give it as",
  forms: [["chat", "a chat"], ["plain", "plain text"]],
  shots: "Solved items before the question", shotsWords: (k) => (k === 0 ? "none" : String(k)),
  run: "Run", stop: "Stop", hint: "Ctrl + Enter runs, too.",
  template: (k) => `Template ${k}`,
  noSlot: (slots) => `This template has no slot: write ${slots.join(" or ")} where the item belongs.`,
  same: "Without the slot every item would be asked the same.",
  firstUse: (bytes) => `The first run loads the small model into this page${bytes ? ` (${megabytes(bytes)})` : ""}. What you write never leaves your browser.`,
  loading: (part) => `Loading the model: ${Math.round(100 * part)} %`,
  starting: "Opening the model",
  waiting: "Not run yet.",
  running: (done, n) => `${whole(done)} of ${whole(n)} items`,
  stopped: (done, n) => `Stopped after ${whole(done)} of ${whole(n)} items.`,
  stale: "Changed since it was run: run it again.",
  tooLong: (tokens, context) => `For an item this prompt is ${whole(tokens)} tokens long, and the model can keep ${whole(context)} in view, its answer included. Use fewer solved items or a shorter template.`,
  result: (right, n) => `${whole(right)} of ${whole(n)} right`,
  share: (share, [low, high]) => `${inPercent(share)}, 95 % interval ${inPercent(low)} to ${inPercent(high)}`,
  bar: (share, low, high) => `${share}; Wilson interval from ${low} to ${high}`,
  prompt: "What the model reads for the first item",
  answers: (k) => `Answers to template ${k}`,
  right: "right", wrong: "wrong", wanted: (answer) => `(wanted: ${answer})`, nothing: "(nothing)", endedAtOnce: "(ended at once)",
  compare: (a, b, { first, second, p }) => `Template ${a} against ${b}: ${whole(first)} ${first === 1 ? "item is" : "items are"} right only with ${a}, ${whole(second)} only with ${b}; were the two equally good, a difference this large or larger would come about with probability ${p >= 0.001 ? decimals(p, 3) : "below 0.001"} (McNemar's exact test).`,
  rule: (chat) => `Right is one sentence that holds the item's answer and no other item's answer, unless the question names it. ${chat
    ? "The whole reply must be that sentence, and the model must end it." : "A plain text goes on for ever: only its first sentence or line counts, and is listed."} Answers are greedy: the most probable token, each time.`,
  said: (k, text) => `Template ${k}: ${text}.`,
  ...MODEL_FAILURES,
};
