// Which checkpoint a page can open, and opening it once for all widgets that share this code.
import { breathe, fromKernel, fromPage, openCheckpoint, readManifest } from "./tiny_weights.js";
import { newTokenizer } from "./tiny_tokenizer.js";
import { newModel } from "./tiny_model.js";

const opened = new Map(); // stage and version → { promise, hear }

/** The model and tokenizer of a stage, { model, tokenizer }. `onPart` hears how much of it is there, 0 to 1. */
export function openStage(stage, version, chunks, onPart) {
  const key = `${stage} ${version}`;
  if (!opened.has(key)) {
    const hear = new Set();
    const open = async () => {
      const { tokenizer, ...rest } = await openCheckpoint(chunks(), (part) => hear.forEach((one) => one(part)));
      await breathe();
      const made = newModel(rest);
      await breathe();
      return { model: made, tokenizer: newTokenizer(tokenizer) };
    };
    const promise = open();
    promise.catch(() => opened.delete(key));
    opened.set(key, { promise, hear });
  }
  const { promise, hear } = opened.get(key);
  hear.add(onPart);
  return promise.finally(() => hear.delete(onPart));
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
