// What the tokens of a text are to a reader: which word they come from, which bytes of which characters they hold.

/** The tokens of words, [{ id, word, added }]; `word` is the place in `words`. */
export function tokensOf(words) {
  return words.flatMap(({ ids, added = false }, word) => ids.map((id) => ({ id, word, added })));
}

/** How many characters a text has, as Python counts them. */
export function lengthOf(text) {
  let n = 0;
  for (const _ of text) n += 1; // eslint-disable-line no-unused-vars
  return n;
}

export const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, "0"));

export const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** How many bytes the character has that begins with this byte; 0 for one that none begins with. */
function bytesOfCharacter(lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** What token `i` holds a part of, when it begins or ends inside a character: { text, from, to, of }, its bytes `from` to `to` of the
 *  `of` that spell `text`. null where its characters are whole, or where the bytes beside it spell none. `parts` are bytes. */
export function partOf(parts, i) {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const read = (bytes) => {
    try {
      return strict.decode(bytes);
    } catch {
      return null;
    }
  };
  if (read(parts[i]) !== null) return null;
  let first = i, before = [];
  while (first > 0 && before.length < 3 && ((before[0] ?? parts[i][0]) & 0xc0) === 0x80) before = [...parts[(first -= 1)], ...before];
  let start = before.length;
  while (start > 0 && ((before[start] ?? parts[i][0]) & 0xc0) === 0x80) start -= 1;
  const all = [...before.slice(start), ...parts[i]];
  for (let next = i + 1; next < parts.length && all.length < before.length + parts[i].length + 3; next += 1) all.push(...parts[next]);
  const from = before.length - start;
  let end = 0;
  while (end < from + parts[i].length) {
    const length = bytesOfCharacter(all[end]);
    if (!length || end + length > all.length) return null;
    end += length;
  }
  const text = read(Uint8Array.from(all.slice(0, end)));
  return text === null ? null : { text, from: from + 1, to: from + parts[i].length, of: end };
}
