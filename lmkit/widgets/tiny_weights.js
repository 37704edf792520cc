// A checkpoint of the tiny model out of its chunks: the configuration, the tokenizer, and the weights (safetensors). Nothing here
// takes the page for long.
import { breathe, failure, inflateChunks, pacer } from "./chunks.js";

const parseJson = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

function splitFiles(bytes) {
  const size = new DataView(bytes.buffer).getUint32(0, true);
  const { files } = parseJson(bytes.subarray(4, 4 + size));
  let at = 4 + size;
  return Object.fromEntries(files.map(([name, length]) => [name, bytes.subarray(at, (at += length))]));
}

let halves; // every float16 as a number, by its bits

function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) halves[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) halves[bits] = fraction ? NaN : sign * Infinity;
    else halves[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return halves;
}

/** A tensor's bytes as float32; float16 and float32 are known. */
export function widen(bytes, dtype) {
  const { buffer } = bytes.slice(); // a copy begins where typed arrays may
  if (dtype === "F32") return new Float32Array(buffer);
  if (dtype !== "F16") throw new Error(`tensors of type ${dtype} are not known here`);
  const [table, bits] = [halfTable(), new Uint16Array(buffer)];
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]];
  return values;
}

/** The tensors of a safetensors file, { name: Float32Array }. */
async function readTensors(bytes, pause) {
  const size = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const { __metadata__: _, ...header } = parseJson(bytes.subarray(8, 8 + size));
  const tensors = {};
  for (const [name, { dtype, data_offsets: [from, to] }] of Object.entries(header)) {
    tensors[name] = widen(bytes.subarray(8 + size + from, 8 + size + to), dtype);
    await pause();
  }
  return tensors;
}

/** A checkpoint from its chunks: { config, tokenizer, tensors }. `onPart` hears how much has come, 0 to 1.
 *  What goes wrong has a `reason`: see `failure`. */
export async function openCheckpoint(chunks, onPart = () => {}) {
  const bytes = await inflateChunks(chunks, onPart);
  const pause = pacer();
  await pause();
  try {
    const files = splitFiles(bytes);
    const [config, tokenizer] = [parseJson(files["config.json"]), parseJson(files["tokenizer.json"])];
    await breathe();
    return { config, tokenizer, tensors: await readTensors(files["model.safetensors"], pause) };
  } catch (error) {
    throw failure("broken", { detail: error.message });
  }
}
