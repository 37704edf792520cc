// Every word that the preference widget shows or says: translate this file, and it speaks another language.
import { decimals, percent, short, whole } from "./numbers.js";

const many = (n, one, more = `${one}s`) => `${whole(n)} ${n === 1 ? one : more}`;
const half = (n) => short(n); // a tie of rewards counts one half

export const LABELS = {
  widget: "Rank the answers",
  items: "Prompts",
  itemName: (i, state) => `Prompt ${i}, ${state}`,
  states: { none: "not ranked yet", ranked: "ranked", skipped: "passed over" },
  count: (i, n) => `Prompt ${i} of ${n}`,
  prompt: "Prompt",
  answers: "Answers, the best first",
  two: "Two answers: which is better?",
  hint: "Put the best answer on top: drag it by its handle, or focus a handle and press the arrow keys or a digit; " +
    "= ties it with the one above, Enter confirms.",
  hintTwo: "Choose the better answer: click it, or press 1 or 2; press = if they are equally good.",
  empty: "(an empty answer)",
  letter: (i) => "ABCDEF"[i],
  handle: (letter, place, n, text) => `Answer ${letter}, place ${place} of ${n}: ${text}`,
  up: (letter) => `Move answer ${letter} up`,
  down: (letter) => `Move answer ${letter} down`,
  tie: (letter) => `Answer ${letter} is as good as the one above`,
  equal: "Equally good",
  confirm: "Confirm this ranking",
  confirmed: "Confirmed",
  skip: "I cannot say",
  next: "Next prompt",
  nextOpen: "Next prompt to rank",
  isNow: (letter, place, n) => `Answer ${letter} is now at place ${place} of ${n}.`,
  tied: (letter) => `Answer ${letter} is tied with the one above.`,
  untied: (letter) => `Answer ${letter} is no longer tied.`,
  pairs: (answers, pairs, ties) => `Your ranking of ${whole(answers)} answers is ${many(pairs, "pair")}` +
    (pairs && ties ? ": tied answers make none." : pairs ? ":" : ", because all are tied."),
  pair: (better, worse) => `${better} ≻ ${worse}`,
  pairSaid: (better, worse) => `${better} is better than ${worse}`,
  noPairs: "Every pair of answers that you tell apart will stand here.",
  passed: "You passed this prompt over: it makes no pairs.",
  progress: (ranked, all, pairs) => `${ranked} of ${many(all, "prompt")} ranked, ${many(pairs, "pair")}`,
  // what the model says about one prompt
  reveal: "What the model guessed",
  hidden: "The model has a guess too. It shows when you have ranked this prompt.",
  hiddenOthers: "What the others said shows when you have ranked this prompt.",
  noGuess: "There was no other prompt to learn from, so the model could not guess yet.",
  guess: (prompts, order, right, pairs) =>
    `Trained on your other ${many(prompts, "ranked prompt")}, without this one, the model says ${order}: ` +
    (pairs > 1 ? `${half(right)} of your ${many(pairs, "pair")} right.`
      : pairs ? ["not what you say.", "it cannot tell them apart.", "as you do."][2 * right] : "you made no pairs."),
  order: (groups) => groups.map((group) => group.join(" = ")).join(" ≻ "),
  columns: { answer: "Answer", you: "You", guess: "Guess", reward: "Reward now" },
  rewardNote: (others) => "Guess: without this prompt. Reward now: after learning from it too. " +
    (others ? "The other columns: rewards by the others’ models. " : "") + "Only differences between rewards count.",
  table: "This prompt's answers",
  place: (n) => (n ? String(n) : "–"),
  reward: (x) => `${x > 0 ? "+" : ""}${decimals(x)}`,
  // the model as a whole
  model: "A linear reward model, learning from your pairs",
  modelNote: "reward = the sum of weight × feature, each feature scaled to mean 0 and standard deviation 1.",
  weights: "Weights",
  feature: "Feature",
  weight: "Weight",
  few: (n, all) => `The ${n} largest of ${whole(all)} weights.`,
  you: "You",
  models: "How well each model ranks",
  modelColumns: ["Labels of", "Pairs ranked right", "In unseen prompts"],
  fraction: (right, all) => (all ? `${half(right)} of ${whole(all)}` : "–"),
  loss: (x) => `Mean loss −ln σ(r(better) − r(worse)) over your pairs: ${decimals(x, 3)} (knowing nothing: ${decimals(Math.LN2, 3)}).`,
  untrained: "Rank a prompt, and the model begins to learn.",
  predicts: (right, all, prompts) =>
    `Does it predict your next choice? Each of your ${many(prompts, "prompt")} in turn was kept from the model: ` +
    `it ranked ${half(right)} of ${many(all, "pair")} right (${percent(right / all)}).`,
  tooFew: "Does it predict your next choice? Rank a second prompt to see.",
  agrees: (name, alike, both) => (both
    ? `You and “${name}” agree on ${alike} of ${many(both, "pair")} that you both decided (${percent(alike / both)}).`
    : `You and “${name}” have decided no pair in common yet.`),
  // keeping the labels
  undo: "Undo",
  again: "Start again",
  sure: (n) => `Forget ${n === 1 ? "your ranking" : `all ${whole(n)} rankings`} of these prompts?`,
  forget: "Yes, forget",
  keep: "No, keep",
  forgotten: "Forgotten. Undo brings them back until you leave the page.",
  undone: "Undone.",
  saveJson: "Save labels (JSON)",
  saveCsv: "Save pairs (CSV)",
  load: "Load labels",
  loaded: (n, kept) => `${many(n, "label")} loaded` + (kept ? `, ${whole(kept)} of yours on other prompts kept.` : "."),
  restored: (n) => `${many(n, "label")} restored from this browser.`,
  noStorage: "This browser does not let the page keep anything: your labels will be gone when you leave. Save them as a file.",
  damaged: (n) => (n ? `${many(n, "label")} kept in this browser made no sense and ${n === 1 ? "was" : "were"} left out.`
    : "What was kept in this browser could not be read and was ignored."),
  setAside: (n) => `The notebook comes with ${many(n, "label")} of its own; yours are shown instead.`,
  takeThem: "Show the notebook's",
  notJson: (name) => `“${name}” is not a JSON file. Your labels are as they were.`,
  notLabels: (name) => `“${name}” is no file of labels from this widget. Your labels are as they were.`,
  otherItems: (name) => `“${name}” holds labels of other prompts or answers. Your labels are as they were.`,
  badLabels: (name, n) => `In “${name}” ${many(n, "label does", "labels do")} not name each answer once. ` +
    "Nothing was loaded; your labels are as they were.",
  unread: (name) => `“${name}” could not be read. Your labels are as they were.`,
  csv: ["item", "prompt", "better", "worse", "better_position", "worse_position"],
};
