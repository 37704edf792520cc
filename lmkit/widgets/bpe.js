// Byte-level BPE as the `tokenizers` library runs it: normalizer, added tokens, pre-tokenizers, merges. Every vocabulary that the
// course runs in the page goes through here: what it is made of comes from a tokenizer.json or from a packed file (vocabulary.js).
// \p{…} is the browser's Unicode: a character younger than the library's tables may be cut otherwise here than there.

/** GPT-2's alphabet: each byte as a printable character. */
function byteAlphabet() {
  const printable = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + others++));
}

export const ALPHABET = byteAlphabet();

// ---------------------------------------------------------------- cutting a text into words

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"; // not all browsers know (?i:…); ſ is an s to it
const SPELLED_OUT = "(?:'(?:[sSſ]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD]))";
const UNICODE = [["\\s", "\\p{White_Space}"], ["\\S", "\\P{White_Space}"], ["\\d", "\\p{Nd}"], ["\\p{Han}", "\\p{Script=Han}"]];
const WORDS_OF_GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** A pattern of a tokenizer.json as JavaScript's. Its \s, \S and \d are Unicode's, which JavaScript's are not. */
function readPattern(text) {
  let source = text.replaceAll(CONTRACTIONS, SPELLED_OUT);
  for (const [theirs, ours] of UNICODE) source = source.replaceAll(theirs, ours);
  const bare = source.replace(/\[(?:\\.|[^\]\\])*\]/gsu, "x"); // without classes of characters
  if (/\(\?(?![:!=])|[+*?]\+|\{\d[\d,]*\}\+|\\[^pP]/u.test(bare)) throw new Error(`the pattern ${text} is not known here`);
  return new RegExp(source, "gu");
}

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
  const by = (source) => {
    const pattern = readPattern(source);
    return [(text) => isolate(text, pattern)];
  };
  if (part.type === "Split" && part.behavior === "Isolated" && !part.invert && part.pattern.Regex) return by(part.pattern.Regex);
  if (part.type === "ByteLevel" && !part.add_prefix_space) return part.use_regex ? by(WORDS_OF_GPT2) : [];
  throw new Error(`the pre-tokenizer ${JSON.stringify(part)} is not known here`);
}

const isPlain = (normalizer) => !normalizer || (normalizer.type === "Sequence" && normalizer.normalizers.every(isPlain));

/** The normalizer as a function. */
function readNormalizer(part) {
  if (isPlain(part)) return (text) => text;
  if (part.type === "NFC") return (text) => text.normalize("NFC");
  if (part.type === "Sequence") return part.normalizers.map(readNormalizer).reduce((f, g) => (text) => g(f(text)), (text) => text);
  throw new Error(`the normalizer ${JSON.stringify(part)} is not known here`);
}

/** A function that finds tokens that stand beside the vocabulary in a text, [{ from, to, id, special }]: at each place the longest.
 *  The space before one that asks for it (`lstrip`) belongs to it. */
function addedFinder(added, normalizer) {
  const odd = added.find((one) => (one.normalized && !isPlain(normalizer)) || one.rstrip || one.single_word);
  if (odd) throw new Error(`the added token ${JSON.stringify(odd)} is not known here`);
  const known = new Map(added.map((one) => [one.content, one]));
  const lengths = [...new Set(added.map(({ content }) => content.length))].sort((a, b) => b - a);
  const starts = new Set(added.map(({ content }) => content[0]));
  return (text) => {
    const found = [];
    for (let at = 0, end = 0; at < text.length; at++) {
      if (!starts.has(text[at])) continue;
      const length = lengths.find((n) => known.has(text.slice(at, at + n)));
      if (!length) continue;
      const { id, special, lstrip } = known.get(text.slice(at, at + length));
      const space = lstrip ? /\p{White_Space}*$/u.exec(text.slice(end, at))[0].length : 0;
      end = at + length;
      found.push({ from: at - space, to: end, id, special });
      at = end - 1;
    }
    return found;
  };
}

// ---------------------------------------------------------------- merging

const PLACES = 2 ** 24; // more than a word has bytes

/** A heap of numbers, the smallest first. */
function newHeap() {
  const items = [];
  const push = (item) => {
    let at = items.push(item) - 1;
    for (let up; at > 0 && items[(up = (at - 1) >> 1)] > item; at = up) items[at] = items[up];
    items[at] = item;
  };
  const pop = () => {
    const [top, last] = [items[0], items.pop()];
    if (!items.length) return top;
    let at = 0;
    for (let below; (below = 2 * at + 1) < items.length; at = below) {
      if (below + 1 < items.length && items[below + 1] < items[below]) below += 1;
      if (items[below] >= last) break;
      items[at] = items[below];
    }
    items[at] = last;
    return top;
  };
  return { push, pop, size: () => items.length };
}

/** The merges as a table: find(a, b) gives the rank of the pair of ids, −1 where no merge joins them. */
function pairTable(left, right) {
  const mask = 2 ** Math.ceil(Math.log2(2 * left.length + 2)) - 1;
  const slots = new Int32Array(mask + 1); // rank + 1
  const start = (a, b) => {
    const mixed = Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & mask;
  };
  for (let rank = 0; rank < left.length; rank++) {
    let at = start(left[rank], right[rank]);
    while (slots[at]) at = (at + 1) & mask;
    slots[at] = rank + 1;
  }
  return (a, b) => {
    for (let at = start(a, b); slots[at]; at = (at + 1) & mask) {
      const rank = slots[at] - 1;
      if (left[rank] === a && right[rank] === b) return rank;
    }
    return -1;
  };
}

/** Merges neighbours, the earliest learned pair first and of equals the leftmost, until no pair is left that was learned. `symbols`
 *  are ids; `made[rank]` is what a merge makes; `onMerge(rank, left place, right place)` hears of each. Takes n log n steps. */
function mergeAll(symbols, find, made, onMerge) {
  const n = symbols.length;
  if (n < 2) return symbols;
  const [next, previous, ranks] = [new Int32Array(n), new Int32Array(n), new Int32Array(n)]; // ranks: of a place and its next
  const heap = newHeap();
  const offer = (left) => {
    ranks[left] = next[left] < n ? find(symbols[left], symbols[next[left]]) : -1;
    if (ranks[left] >= 0) heap.push(ranks[left] * PLACES + left);
  };
  for (let i = 0; i < n; i++) [next[i], previous[i]] = [i + 1, i - 1];
  for (let i = 0; i < n; i++) offer(i);
  while (heap.size()) {
    const item = heap.pop();
    const left = item % PLACES, rank = (item - left) / PLACES;
    if (ranks[left] !== rank) continue; // one of the two has been merged since
    const right = next[left];
    onMerge?.(rank, left, right);
    symbols[left] = made[rank];
    [symbols[right], ranks[right]] = [-1, -1];
    next[left] = next[right];
    if (next[left] < n) previous[next[left]] = left;
    offer(left);
    if (previous[left] >= 0) offer(previous[left]);
  }
  return symbols.filter((id) => id >= 0);
}

// ---------------------------------------------------------------- the tokenizer

const [strict, lenient] = [true, false].map((fatal) => new TextDecoder("utf-8", { fatal, ignoreBOM: true }));

/** The bytes of a token as a reader sees them: their text, or each as <0xE4> where they are only a part of a character. */
export function spell(bytes) {
  try {
    return strict.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`).join("");
  }
}

/** Whether a token, spelled so, is only a part of a character. */
export const isBytes = (piece) => /^(<0x[0-9A-F]{2}>)+$/.test(piece);

const MOST_KNOWN = 20000; // words that are remembered

/** A tokenizer. `file` is a tokenizer.json without vocabulary and merges; `byteIds` the id of each byte, −1 where the vocabulary has
 *  none (it is left out then, as the library does); merge k makes the id `made[k]` of `left[k]` and `right[k]`; `others` are
 *  { content: id } that no merge makes. Gives { size, special, words, encode, steps, bytes, piece, decode }. */
export function newBpe({ file, byteIds, left, right, made, others = {} }) {
  if (file.model?.ignore_merges) throw new Error("a vocabulary that takes whole words before merging is not known here");
  const { added_tokens: added } = file;
  const [splitters, normalize] = [readSplitters(file.pre_tokenizer), readNormalizer(file.normalizer)];
  const findAdded = addedFinder(added, file.normalizer);
  const find = pairTable(left, right);
  const coder = new TextEncoder();
  const spelled = []; // the bytes of every token that was asked for, by id
  const rankOf = new Int32Array(made.reduce((most, id) => Math.max(most, id), 0) + 1).fill(-1);
  made.forEach((id, rank) => (rankOf[id] = rank));
  byteIds.forEach((id, byte) => id >= 0 && (spelled[id] = Uint8Array.of(byte)));
  for (const [content, id] of Object.entries(others)) spelled[id] = coder.encode(content);
  for (const { content, id } of added) spelled[id] = coder.encode(content);
  const size = Math.max(rankOf.length, spelled.length);

  /** The bytes of a token. */
  const bytes = (id) => {
    if (!spelled[id]) {
      const rank = rankOf[id] ?? -1;
      if (rank < 0) throw new Error(`the vocabulary has no token ${id}`);
      const [a, b] = [bytes(left[rank]), bytes(right[rank])];
      spelled[id] = new Uint8Array(a.length + b.length);
      spelled[id].set(a);
      spelled[id].set(b, a.length);
    }
    return spelled[id];
  };
  const symbolsOf = (word) => Array.from(coder.encode(word), (byte) => byteIds[byte]).filter((id) => id >= 0);
  let known = new Map(); // words met before
  const encodeWord = (word) => {
    let ids = known.get(word);
    if (ids) return ids;
    ids = mergeAll(symbolsOf(word), find, made);
    if (known.size >= MOST_KNOWN) known = new Map();
    known.set(word, ids);
    return ids;
  };
  const cut = (text) => splitters.reduce((pieces, split) => pieces.flatMap(split), [text]);
  /** The words of a text that holds no token beside the vocabulary. */
  const plainWords = (text) => (text ? cut(normalize(text)).map((word) => ({ text: word, ids: encodeWord(word) })) : []);
  /** A text's words, [{ text, ids, added }]. With `special`, special tokens that are spelled out in it are those tokens, else text;
   *  added tokens that are not special are tokens either way. With `plain` all is text. */
  const words = (text, { special = false, plain = false } = {}) => {
    const clean = text.toWellFormed ? text.toWellFormed() : text.replace(/[\ud800-\udfff]/gu, "\ufffd");
    if (plain) return plainWords(clean);
    const found = [];
    let at = 0;
    for (const { from, to, id, special: isSpecial } of findAdded(clean)) {
      if (isSpecial && !special) continue;
      found.push(...plainWords(clean.slice(at, from)), { text: clean.slice(from, to), ids: [id], added: true });
      at = to;
    }
    return [...found, ...plainWords(clean.slice(at))];
  };
  /** The ids of a text. */
  const encode = (text, how) => words(text, how).flatMap(({ ids }) => ids);
  /** How the bytes of a word become its tokens: [ids at first, ids after one merge, …], and what each merge was. */
  const steps = (word) => {
    const symbols = symbolsOf(word);
    const states = [symbols.slice()], merges = [];
    mergeAll(symbols.slice(), find, made, (rank, from, to) => {
      const at = symbols.slice(0, from).reduce((count, id) => count + (id >= 0), 0); // how many stand before it
      symbols[from] = made[rank];
      symbols[to] = -1;
      merges.push({ rank, at, left: left[rank], right: right[rank], id: made[rank] });
      states.push(symbols.filter((id) => id >= 0));
    });
    return { states, merges };
  };
  const pieces = []; // of the tokens that were asked for
  /** A token as a reader sees it. */
  const piece = (id) => (pieces[id] ??= spell(bytes(id)));
  const specials = new Set(added.filter(({ special }) => special).map(({ id }) => id));
  /** The text of several tokens, without the special ones. */
  const decode = (ids) => {
    const parts = ids.filter((id) => !specials.has(id)).map(bytes);
    return lenient.decode(Uint8Array.from(parts.flatMap((part) => [...part])));
  };
  const special = Object.fromEntries(added.map(({ content, id }) => [content, id]));
  return { size, special, words, encode, steps, bytes, piece, decode };
}
