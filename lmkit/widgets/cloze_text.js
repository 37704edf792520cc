// A text with blanks: its tokens, which of them a part of the text covers, and which stay hidden when the text changes.
const MASK = "<|mask|>";

/** The tokens of a text, [{ id, unknown }]. Where the reader wrote <|mask|> a token is unknown; a space before it belongs to it. */
export function itemsOf({ encode, special }, text) {
  const parts = text.split(MASK);
  return parts.flatMap((part, i) => {
    const last = i === parts.length - 1;
    const known = encode(last ? part : part.trimEnd()).map((id) => ({ id, unknown: false }));
    return last ? known : [...known, { id: special[MASK], unknown: true }];
  });
}

/** What the model reads: the text between two end tokens, as it has read documents, with the places in `hidden` masked. */
export function readable({ special }, items, hidden) {
  const end = special["<|end|>"];
  return [end, ...items.map(({ id, unknown }, i) => (unknown || hidden.has(i) ? special[MASK] : id)), end];
}

const asCharacters = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

/** The tokens that hold a piece of one of `parts`, each at the first place where it stands and nothing is hidden yet. */
export function covered({ bytes }, items, parts) {
  const pieces = items.map(({ id }) => asCharacters(bytes(id)));
  let sum = 0;
  const ends = pieces.map((piece) => (sum += piece.length));
  const [whole, found] = [pieces.join(""), new Set()];
  for (const part of parts) {
    const wanted = asCharacters(new TextEncoder().encode(part));
    for (let at = whole.indexOf(wanted); wanted && at >= 0; at = whole.indexOf(wanted, at + 1)) {
      const under = items.map((_, i) => i).filter((i) => ends[i] > at && ends[i] - pieces[i].length < at + wanted.length);
      if (under.some((i) => found.has(i))) continue;
      under.forEach((i) => found.add(i));
      break;
    }
  }
  return found;
}

/** The hidden tokens of a text that was changed: those in what is the same at its beginning and at its end. */
export function carried(before, after, hidden) {
  const same = (a, b) => a?.id === b?.id && a?.unknown === b?.unknown;
  const most = Math.min(before.length, after.length);
  let [head, tail] = [0, 0];
  while (head < most && same(before[head], after[head])) head++;
  while (tail < most - head && same(before.at(-1 - tail), after.at(-1 - tail))) tail++;
  const moved = after.length - before.length;
  return new Set([...hidden].flatMap((i) => (i < head ? [i] : i >= before.length - tail ? [i + moved] : [])));
}
