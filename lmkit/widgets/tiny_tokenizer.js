// The tiny model's tokenizer from its tokenizer.json; bpe.js runs it. What a reader types is always text: "<|end|>" typed in is
// seven characters and more, never the special token.
import { ALPHABET, newBpe } from "./bpe.js";

/** A tokenizer from the parsed tokenizer.json: { size, special, encode, bytes, piece, decode }. `piece(id)` is a token as a reader
 *  sees it: its text, or its bytes as <0xE4> where they are only a part of a character. */
export function newTokenizer(file) {
  const { vocab, merges, type } = file.model;
  if (type !== "BPE" || file.normalizer) throw new Error("only a byte-level BPE without a normalizer is known here");
  const pairs = merges.map((merge) => (Array.isArray(merge) ? merge : merge.split(" ")));
  const [left, right] = [0, 1].map((side) => Int32Array.from(pairs, (pair) => vocab[pair[side]]));
  const made = Int32Array.from(pairs, ([a, b]) => vocab[a + b]);
  const byteIds = Int32Array.from(ALPHABET, (char) => vocab[char] ?? -1);
  const merged = new Set([...byteIds, ...made]);
  const others = Object.fromEntries(Object.entries(vocab).filter(([, id]) => !merged.has(id)));
  const { encode, ...rest } = newBpe({ file, byteIds, left, right, made, others });
  return { ...rest, encode: (text) => encode(text, { plain: true }) };
}
