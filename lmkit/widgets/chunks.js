// How something large comes into the page, in chunks of one deflate stream: as script files beside the page, as text inside it, or
// from a kernel. Checkpoints and vocabularies come this way, and only when they are used. Nothing here takes the page for long.

const MANIFEST = "application/x-lmkit-weights+json", INLINE = "application/x-lmkit-weights-chunk"; // as in checkpoint.py
const SLICE = 8; // milliseconds of work between two chances for the page
const AHEAD = 4; // chunks of one checkpoint that are asked for at a time
const PATIENCE = 15000; // milliseconds that a kernel may take for its first answer

/** Goes on in a new task, so that the page can draw and answer its reader in between. */
export function breathe() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}

/** `await pause()` between small pieces of work gives the page a chance whenever `milliseconds` of it are over. */
export function pacer(milliseconds = SLICE) {
  let until = performance.now() + milliseconds;
  return async () => {
    if (performance.now() < until) return;
    await breathe();
    until = performance.now() + milliseconds;
  };
}

/** An error with a `reason`: "chunk" did not come, "nobody" answers, the "kernel" could not, or it is "broken". */
export function failure(reason, details = {}) {
  return Object.assign(new Error(reason), { reason, ...details });
}

/** What a reader is told of an error, in a widget's own `words`: its `failures` by reason, and its `detail`. */
export function failureWords(words, { reason, detail, message }) {
  return (words.failures[reason] ?? words.failures.broken) + (detail || !reason ? words.detail(detail ?? message) : "");
}

// ---------------------------------------------------------------- where the chunks come from

/** What the page says about the parcels it can load, { root, stages: { name: { version, chunks, bytes } } }, or null. */
export function readManifest() {
  const all = Array.from(document.querySelectorAll(`script[type="${MANIFEST}"]`), (script) => JSON.parse(script.textContent));
  return all.length ? { root: all[0].root, stages: Object.assign({}, ...all.map(({ stages }) => stages)) } : null;
}

function decode(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** The texts that chunk scripts have brought and nobody has taken yet. Such a script calls lmkitWeights(name, text). */
function arrivals() {
  if (!globalThis.lmkitWeights) {
    const texts = new Map();
    globalThis.lmkitWeights = Object.assign((name, text) => texts.set(name, text), { texts });
  }
  return globalThis.lmkitWeights.texts;
}

function loadScript(name, root) {
  const texts = arrivals();
  return new Promise((done, fail) => {
    const script = document.createElement("script");
    const finish = () => {
      script.remove();
      const text = texts.get(name);
      texts.delete(name);
      if (text === undefined) fail(failure("chunk"));
      else done(decode(text));
    };
    Object.assign(script, { src: new URL(`${root}${name}.js`, document.baseURI).href, async: true, onload: finish, onerror: finish });
    document.head.append(script);
  });
}

const loaded = new Map(); // chunk name → promise of its bytes; a chunk that failed is asked for again next time

function loadChunk(name, root) {
  if (!loaded.has(name)) {
    const inside = document.querySelector(`script[type="${INLINE}"][data-name="${name}"]`);
    const bytes = inside ? breathe().then(() => decode(inside.textContent)) : loadScript(name, root);
    bytes.catch(() => loaded.delete(name));
    loaded.set(name, bytes);
  }
  return loaded.get(name);
}

/** The chunks of a checkpoint in order, a few of them on their way at a time: { bytes, part }, part being how much is there. */
export async function* fromPage({ root, stages }, stage) {
  const { version, chunks } = stages[stage];
  const names = Array.from({ length: chunks }, (_, i) => `${stage}-${version}-${i}`);
  const coming = [];
  for (let i = 0; i < chunks; i++) {
    while (coming.length < Math.min(i + AHEAD, chunks)) coming.push(loadChunk(names[coming.length], root));
    yield { bytes: await coming[i], part: (i + 1) / chunks };
  }
  names.forEach((name) => loaded.delete(name));
}

/** The same from a kernel: the widget's Python half answers { kind: "weights", stage } with one message a chunk. */
export async function* fromKernel(model, stage, patience = PATIENCE) {
  const queue = [];
  let wake = () => {};
  const hear = (content, buffers) => {
    if (content?.kind !== "weights" || content.stage !== stage) return;
    queue.push({ ...content, view: buffers?.[0] });
    wake();
  };
  const next = () => new Promise((done, fail) => {
    const timer = setTimeout(() => fail(failure("nobody")), patience);
    wake = () => {
      clearTimeout(timer);
      done();
    };
    if (queue.length) wake();
  });
  model.on("msg:custom", hear);
  try {
    model.send({ kind: "weights", stage });
    for (let i = 0, count = 1; i < count; i++) {
      if (!queue.length) await next();
      const { error, view, ...content } = queue.shift();
      if (error) throw failure("kernel", { detail: error });
      if (content.index !== i) throw failure("chunk");
      count = content.count;
      yield { bytes: new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength), part: (i + 1) / count };
    }
  } finally {
    model.off("msg:custom", hear);
  }
}

/** Where a stage's chunks are: beside the page, in it, or with a kernel; null where there is neither. */
export function findChunks(model, stage, version) {
  const manifest = readManifest();
  if (manifest?.stages[stage]?.version === version) return () => fromPage(manifest, stage);
  const noKernel = manifest || document.querySelector('script[type="application/x-mounted-widget-view+json"]');
  return noKernel ? null : () => fromKernel(model, stage);
}

/** Bytes that the first use loads, 0 where nobody knows or where they are in the page already. */
export function bytesToLoad(stages) {
  const manifest = readManifest();
  return manifest?.root ? stages.reduce((sum, stage) => sum + (manifest.stages[stage]?.bytes ?? 0), 0) : 0;
}

// ---------------------------------------------------------------- opening them

/** Inflates chunks as they come; a chunk that cannot be had ends it with that chunk's error. */
export async function inflateChunks(chunks, onPart) {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const [reader, writer, pause, pieces] = [readable.getReader(), writable.getWriter(), pacer(), []];
  const feed = async () => {
    try {
      for await (const { bytes, part } of chunks) {
        for (let at = 0; at < bytes.length; at += 32768) {
          await writer.write(bytes.subarray(at, at + 32768));
          await pause();
        }
        onPart(part);
      }
      await writer.close();
    } catch (error) {
      writer.abort(error).catch(() => {});
      throw error.reason ? error : failure("broken");
    }
  };
  const read = async () => {
    for (let piece; !(piece = await reader.read()).done;) pieces.push(piece.value);
  };
  const reading = read();
  reading.catch(() => {}); // the feeding side says why
  await feed();
  await reading;
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  for (let i = 0, at = 0; i < pieces.length; at += pieces[i++].length) all.set(pieces[i], at);
  return all;
}

/** What `open(onPart)` makes, made once for each key of `opened` however many ask for it; one that failed is made again next time.
 *  Each `onPart` hears how much of it is there, 0 to 1. */
export function openOnce(opened, key, open, onPart) {
  if (!opened.has(key)) {
    const hear = new Set();
    const promise = open((part) => hear.forEach((one) => one(part)));
    promise.catch(() => opened.delete(key));
    opened.set(key, { promise, hear });
  }
  const { promise, hear } = opened.get(key);
  hear.add(onPart);
  return promise.finally(() => hear.delete(onPart));
}
