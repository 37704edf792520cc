// A packed vocabulary (lmkit/vocabularies.py) as a tokenizer that runs in the page, opened once for all widgets that share this code.
import { breathe, failure, inflateChunks, openOnce } from "./chunks.js";
import { newBpe } from "./bpe.js";

/** The tokenizer of an unpacked file: the length of the header, the header, and the merges as six planes of bytes. */
export function readVocabulary(data) {
  const size = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + size)));
  const planes = data.subarray(4 + size);
  const n = planes.length / 6;
  const column = (from) => {
    const ids = new Int32Array(n);
    for (let i = 0; i < n; i++) ids[i] = planes[from + i] | (planes[from + n + i] << 8) | (planes[from + 2 * n + i] << 16);
    return ids;
  };
  const made = new Int32Array(n);
  for (let i = 0; i < n; i++) made[i] = header.first + i;
  const byteIds = Int32Array.from(header.bytes, (id) => id ?? -1);
  return newBpe({ file: header.tokenizer, byteIds, left: column(0), right: column(3 * n), made, others: header.others });
}

const vocabulariesOpened = new Map(); // by name and version

/** The tokenizer of a vocabulary. `chunks()` gives its chunks, `onPart` hears how much of it is there, 0 to 1. */
export function openVocabulary(name, version, chunks, onPart = () => {}) {
  const open = async (hear) => {
    const data = await inflateChunks(chunks(), hear);
    await breathe();
    try {
      return readVocabulary(data);
    } catch (error) {
      throw failure("broken", { detail: error.message });
    }
  };
  return openOnce(vocabulariesOpened, `${name} ${version}`, open, onPart);
}
