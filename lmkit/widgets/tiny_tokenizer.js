// The tiny model's tokenizer: byte-level BPE as the `tokenizers` library runs it from the same tokenizer.json.
// What a reader types is always text: "<|end|>" typed in is seven characters and more, never the special token.

/** GPT-2's alphabet: each byte as a printable character. */
function byteAlphabet() {
  const printable = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + others++));
}

const ALPHABET = byteAlphabet();
const BYTE_OF = new Map(ALPHABET.map((char, byte) => [char, byte]));

// The patterns that a tokenizer.json of the course holds. Their \s and \d are Unicode's, which JavaScript's are not.
const SPLITS = { "\\p{Han}": /\p{Script=Han}/gu, "\\d": /\p{Nd}/gu };
const WORDS_OF_GPT2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** The pieces of `text` that `pattern` matches, and what stands between them. */
function isolate(text, pattern) {
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) pieces.push(text.slice(at, match.index));
    pieces.push(match[0]);
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push(text.slice(at));
  return pieces;
}

/** The pre-tokenizers of the file as functions from a text to its pieces; an unknown one is refused by name. */
function readSplitters(part) {
  if (part.type === "Sequence") return part.pretokenizers.flatMap(readSplitters);
  const pattern = part.type === "Split" && part.behavior === "Isolated" && !part.invert ? SPLITS[part.pattern.Regex] : null;
  if (pattern) return [(text) => isolate(text, pattern)];
  if (part.type === "ByteLevel" && !part.add_prefix_space && part.use_regex) return [(text) => isolate(text, WORDS_OF_GPT2)];
  throw new Error(`the pre-tokenizer ${JSON.stringify(part)} is not known here`);
}

/** A heap of [rank, place, …], the smallest rank first, and of equals the leftmost. */
function newHeap() {
  const items = [];
  const before = (a, b) => items[a][0] < items[b][0] || (items[a][0] === items[b][0] && items[a][1] < items[b][1]);
  const swap = (a, b) => ([items[a], items[b]] = [items[b], items[a]]);
  const push = (item) => {
    let at = items.push(item) - 1;
    for (let up; at > 0 && before(at, (up = (at - 1) >> 1)); at = up) swap(at, up);
  };
  const pop = () => {
    swap(0, items.length - 1);
    const item = items.pop();
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < items.length && before(left, least)) least = left;
      if (right < items.length && before(right, least)) least = right;
      if (least === at) return item;
      swap(at, least);
      at = least;
    }
  };
  return { push, pop, size: () => items.length };
}

/** Merges neighbours, the earliest learned pair first, until no pair is left that was learned. Symbols are token ids. */
function mergeAll(symbols, rules) {
  const [next, previous] = [symbols.map((_, i) => i + 1), symbols.map((_, i) => i - 1)];
  const heap = newHeap();
  const offer = (left) => {
    const right = next[left];
    const rule = left >= 0 && right < symbols.length ? rules.get(symbols[left] * 0x100000 + symbols[right]) : undefined;
    if (rule) heap.push([rule.rank, left, right, symbols[left], symbols[right], rule.id]);
  };
  symbols.forEach((_, i) => offer(i));
  while (heap.size()) {
    const [, left, right, a, b, id] = heap.pop();
    if (symbols[left] !== a || symbols[right] !== b || next[left] !== right) continue; // one of the two has been merged since
    symbols[left] = id;
    symbols[right] = -1;
    next[left] = next[right];
    if (next[left] < symbols.length) previous[next[left]] = left;
    offer(left);
    offer(previous[left]);
  }
  return symbols.filter((id) => id >= 0);
}

/** The bytes of every token by id; special tokens are spelled as they are. */
function readBytes(vocabulary, added) {
  const bytes = [];
  const coder = new TextEncoder();
  for (const [piece, id] of Object.entries(vocabulary)) {
    bytes[id] = Uint8Array.from(piece, (char) => BYTE_OF.get(char) ?? 0);
  }
  for (const { id, content } of added) bytes[id] = coder.encode(content);
  return bytes;
}

/** A tokenizer from the parsed tokenizer.json: { size, special, encode, bytes, piece, decode }. `piece(id)` is a token as a reader
 *  sees it: its text, or its bytes as <0xE4> where they are only a part of a character. */
export function newTokenizer(file) {
  const { vocab, merges, type } = file.model;
  if (type !== "BPE" || file.normalizer) throw new Error("only a byte-level BPE without a normalizer is known here");
  const rules = new Map();
  merges.forEach((merge, rank) => {
    const [a, b] = Array.isArray(merge) ? merge : merge.split(" ");
    rules.set(vocab[a] * 0x100000 + vocab[b], { rank, id: vocab[a + b] });
  });
  const splitters = readSplitters(file.pre_tokenizer);
  const special = Object.fromEntries(file.added_tokens.map(({ content, id }) => [content, id]));
  const bytes = readBytes(vocab, file.added_tokens);
  const [coder, strict] = [new TextEncoder(), new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })];
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  const known = new Map(); // words met before

  const encodeWord = (word) => {
    if (!known.has(word)) known.set(word, mergeAll(Array.from(coder.encode(word), (byte) => vocab[ALPHABET[byte]]), rules));
    return known.get(word);
  };
  /** The ids of a text. */
  const encode = (text) => splitters.reduce((pieces, split) => pieces.flatMap(split), text ? [text] : []).flatMap(encodeWord);
  const spell = (part) => {
    try {
      return strict.decode(part);
    } catch {
      return Array.from(part, (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`).join("");
    }
  };
  const pieces = []; // of the tokens that were asked for
  const piece = (id) => (pieces[id] ??= spell(bytes[id]));
  /** The text of several tokens, without the special ones. */
  const decode = (ids) => {
    const specials = new Set(Object.values(special));
    const parts = ids.filter((id) => !specials.has(id)).map((id) => bytes[id]);
    return lenient.decode(Uint8Array.from(parts.flatMap((part) => [...part])));
  };
  return { size: bytes.length, special, encode, bytes: (id) => bytes[id], piece, decode };
}
