// Every word that the logit-lens widget shows or says: translate this file, and it speaks another language.
import { whole } from "./numbers.js";

const afterLayer = (row) => (row === 0 ? "the embedding" : `layer ${row}`);

export const LABELS = {
  widget: "Logit lens",
  layer: "After",
  row: (row, last) => (row === last ? `${afterLayer(row)} (last)` : afterLayer(row)),
  rowHead: (row) => (row === 0 ? "embedding" : String(row)),
  back: "One layer back",
  next: "One layer on",
  show: "Cells show",
  shows: { best: "Best token", answer: "Rank of the answer" },
  grid: (rows, count) => `Logit lens: ${rows} rows, after the embedding and after each layer, by ${count} tokens. Arrow keys move.`,
  corner: "layer",
  leads: "leads from",
  leadsAt: (token, row) => `After ${token}: the answer leads from ${afterLayer(row)} on`,
  cell: (row, token, best, p) => `${afterLayer(row)}, to come after ${token}: ${best}, ${p}`,
  cellRank: (row, token, rank, p) => `${afterLayer(row)}, to come after ${token}: the answer is rank ${whole(rank)}, ${p}`,
  heading: (row, token) => [`After ${afterLayer(row)}: the best tokens to come after `, token],
  list: "Best next tokens of this cell",
  answerHere: (token, rank, p) => ["The model’s final answer is ", token, `: here rank ${whole(rank)}, ${p}.`],
  follow: "Follow",
  followOne: (token) => `Follow ${token} through the layers`,
  came: "what came",
  alone: "nothing else",
  measure: "Axis",
  measures: { p: "Probability", rank: "Rank" },
  chart: (names, position) => `${names.join(" and ")} through the layers, after ${position}`,
  line: (name, rank, p) => `${name}: rank ${whole(rank)}, ${p}`,
  said: (heading, list, answer) => `${heading}: ${list}. ${answer}`,
  hint: "Each column has read the text up to its token; each cell names the token that would come next if the model stopped after that layer. Bold: already the final answer. The thick line: from here on it leads.",
  legend: "Probability",
  table: "This column as a table",
  caption: (token) => `After ${token}: the best token of every row`,
  heads: ["Row", "Best token", "Probability", "Rank of the answer", "Its probability"],
};
