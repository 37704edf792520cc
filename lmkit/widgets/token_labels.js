// Every word that the token view shows or says: translate this file, and it speaks another language.
import { decimals, whole } from "./numbers.js";

const megabytes = (bytes) => `${bytes >= 100000 ? decimals(bytes / 1e6, 1) : "0.1"} MB`;
const count = (n, one, many) => `${whole(n)} ${n === 1 ? one : many}`;

export const WORDS = {
  widget: "A text and its tokens",
  text: "Your text, in any language",
  examples: "Try",
  exampleTexts: [
    ["restaurant", "She is in a restaurant"], ["餐馆", "她在餐馆里"], ["numbers", "3.11 > 3.9, 1234567 + 89"], ["spaces", "tea, tea,  Tea\n\tTEA"],
    ["emoji", "👩🏽‍🚀 ❤️ 🇨🇳"], ["six scripts", "water вода νερό 水 पानी ماء"], ["a special token", "The end <|endoftext|> or not"],
  ],
  special: "Special tokens written out in the text are",
  specialChoices: { text: "text", token: "tokens" },
  copy: "Copy the ids",
  copied: "Copied.",
  notCopied: "The browser does not let this page copy. Select the numbers and copy them yourself.",
  showIds: "Show ids",
  summary: (name, tokens, characters, bytes) => `${name}: ${count(tokens, "token", "tokens")} for ${count(characters, "character", "characters")} ` +
    `(${count(bytes, "byte", "bytes")} in UTF-8)${characters && tokens ? `: ${decimals(characters / tokens)} characters per token` : ""}.`,
  said: (name, tokens) => `${count(tokens, "token", "tokens")} in ${name}.`,
  empty: "Write something.",
  tooLong: (most) => `Only the first ${whole(most)} characters fit in here.`,
  changed: "These tokens do not spell your text exactly: the vocabulary lacks some of its bytes, or rewrites characters first (NFC).",
  tokens: (name) => `The tokens of your text in ${name}. Press one to see its bytes and merges; arrow keys move along them.`,
  token: (i, piece, id, added) => `Token ${i}: ${piece} ${id}${added ? ", outside the merges" : ""}`,
  page: (from, to, of) => `Tokens ${whole(from)} to ${whole(to)} of ${whole(of)}`,
  earlier: "Earlier tokens", later: "Later tokens",
  use: (bytes) => `Type, or press a token: this loads the vocabulary${bytes ? ` (${megabytes(bytes)})` : ""}. What you write never leaves your browser.`,

  picked: (i, of) => `Token ${whole(i)} of ${whole(of)}`,
  id: "id", bytes: "bytes",
  whole: (characters) => count(characters, "character", "characters"),
  partly: ({ from, to, of, text }) => `${from === to ? `byte ${from}` : `bytes ${from} to ${to}`} of the ${of} that spell ${text}`,
  fragment: "a part of a character that is not whole here",
  outside: "It stands beside the vocabulary: no merge makes it, and a model learns what it is for, not what it spells.",

  steps: "How its word was put together",
  stepsOf: (word, bytes, merges) => `“${word}”: ${count(bytes, "byte", "bytes")}, ${count(merges, "merge", "merges")}.`,
  stepsLater: "Press a token to see them: merges need the vocabulary.",
  noStep: "No merge: a byte is a token by itself.",
  tooManyBytes: (bytes, most) => `This word has ${whole(bytes)} bytes; the merges of words of up to ${whole(most)} are shown.`,
  step: "Merge", back: "Back one merge", on: "On one merge",
  stepValue: (at, of) => `${at} of ${of}`,
  bytesFirst: "First come the bytes, each a token.",
  merge: (left, right, made, rank) => `Joined: ${left} + ${right} → ${made}. It is number ${whole(rank)} on the list of merges.`,
  state: (pieces) => `The word now: ${pieces.join(" | ")}`,

  compare: "The same text in other vocabularies",
  head: { name: "Vocabulary", size: "size", tokens: "tokens of the text", rate: "characters per token" },
  show: (name) => `Show the tokens of ${name}`,
  unknown: "–",
  all: (n, bytes) => `Count in ${n === 1 ? "the other one" : `the other ${n}`}${bytes ? ` (loads ${megabytes(bytes)})` : ""}`,
  compareNote: "Press a name to see its tokens. The longer its bar, the more tokens the same text costs.",
  about: ({ maker, date, licence }) => `${maker}, ${date}. Licence of the vocabulary: ${licence}.`,

  loading: (name, part) => `Loading the vocabulary of ${name}: ${Math.round(100 * part)} %`,
  starting: (name) => `Opening the vocabulary of ${name}`,
  failures: {
    chunk: "A part of the vocabulary did not arrive.",
    broken: "The vocabulary arrived, but cannot be read.",
    nobody: "This page does not hold the vocabulary, and no kernel answers. Run the cell above again, or open the page in the book.",
    absent: "This page does not hold the vocabulary, and there is no kernel. Open it in the book, or save it anew with to_html().",
    kernel: "The kernel could not send the vocabulary.",
  },
  detail: (text) => ` It says: ${text}.`,
  retry: "Try again",
};
