// Every word that the view of a search shows or says: translate this file, and it speaks another language.
import { decimals, whole } from "./numbers.js";

const inPercent = (x) => `${100 * x < 9.95 ? decimals(100 * x, 1) : decimals(100 * x, 0)} %`;
const shown = { dense: "dense", keyword: "BM25", both: "both" };

export const LABELS = {
  widget: "Searching a collection of passages",
  prepared: "Prepared questions",
  previous: "Previous question", next: "Next question",
  own: "your own question",
  question: "Question",
  hint: "Change it, or write your own: the keyword search runs as you type.",
  by: "Search by",
  ways: [["dense", "meaning (dense)"], ["keyword", "words (BM25)"], ["both", "both (fused)"]],
  k: "Passages in the prompt", kWords: (k) => `k = ${k}`,
  newQuestion: (encoder) => `A new question: the page searches its words (BM25) live. A dense search needs its vector, and only the encoder (${encoder}) can make one: put the question into the list and run the cell, in a kernel or on Colab.`,
  empty: "Write a question.",
  nothing: "No passage holds any of these words.",
  map: (n, k) => `Map of ${whole(n)} passages and the question. Arrow keys walk from passage to passage; Home goes to the first one found. ${k} lines lead to the passages found.`,
  honest: (shares, d) => `Each vector is ${whole(d)} numbers. This map shows two directions of that space, which hold ${inPercent(shares[0] + shares[1])} of the variance; the rest cannot be seen here.`,
  overlap: (shared, k, d) => `Of the ${k} ${k === 1 ? "passage" : "passages"} nearest to the question on the map (in the dashed circle), ${shared || "none"} ${shared === 1 ? "is" : "are"} among the ${k} nearest in all ${whole(d)} numbers.`,
  nowhere: "A new question has no vector here, and so no place on the map.",
  mapHint: "Click a passage to read it; arrow keys walk from one to the next. An orange ring marks a right passage.",
  mark: "question",
  documents: (n) => `Where they come from (${whole(n)} marks)`,
  chunk: (document, number, of) => `${document}, passage ${number} of ${of}`,
  number: (number) => `#${number}`,
  list: (way) => `Passages found, ranked by ${shown[way]}`,
  heads: { rank: "Rank", passage: "Passage", dense: "dense", keyword: "BM25", both: "both" },
  headNotes: { dense: "cosine", keyword: "score", both: "" },
  none: "–",
  score: { dense: (x) => decimals(x, 3), keyword: (x) => decimals(x, 2), both: (x) => decimals(x, 4) },
  right: "right passage",
  inPrompt: "in the prompt",
  cell: (way, rank, score) => (rank ? `${shown[way]}: rank ${rank}, score ${score}` : `${shown[way]}: not found`),
  verdict: {
    hit: (k) => `Hit: a right passage is among the first ${k}.`,
    miss: (k, places) => `Miss: no right passage is among the first ${k}. Ranks of the best one: ${places}.`,
    cut: "Miss for every search: no passage holds the whole evidence. It was cut in two when the text was split.",
    unknown: "Nobody has marked a right passage for this question.",
  },
  place: (way, rank) => `${shown[way]} ${rank ? whole(rank) : "none"}`,
  sums: (n, k) => `All ${whole(n)} prepared questions with a right passage: found among the first ${k} by`,
  sum: (way, right, n) => `${shown[way]} ${right}/${n}`,
  counting: "Counting …",
  read: "The passage",
  where: (document, start, end) => `${document}, characters ${whole(start)} to ${whole(end)}`,
  before: "Passage before it", after: "Passage after it",
  bm25: (score, parts) => (parts.length ? `BM25 ${decimals(score, 2)} = ${parts.map((one) => LABELS.part(one)).join(" + ")}` : "BM25 0: it holds no word of the question."),
  part: ({ term, asked, times, adds }) => {
    const often = [times > 1 ? `${times} times here` : "", asked > 1 ? `asked ${asked} times` : ""].filter(Boolean);
    return `${term}${often.length ? ` (${often.join(", ")})` : ""} ${decimals(adds, 2)}`;
  },
  dense: (score) => `Dense: cosine ${decimals(score, 3)}.`,
  prompt: (k, n) => `The prompt, as the model reads it: ${k} ${k === 1 ? "passage" : "passages"}, ${whole(n)} characters`,
  noPrompt: "No passage was found: there is nothing to put into a prompt.",
  copy: "Copy", copied: "Copied.",
  rounding: (error) => `Vectors are stored with 8 bits a number: no cosine between a prepared question and a passage is changed by more than ${Number(error.toPrecision(1))}.`,
  said: (way, first, verdict) => `By ${shown[way]}, first: ${first}. ${verdict}`,
  saidNone: "Nothing found.",
};
