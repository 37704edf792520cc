// A checkpoint as model and tokenizer, opened once for all widgets that share this code.
import { breathe } from "./chunks.js";
import { openCheckpoint } from "./tiny_weights.js";
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
