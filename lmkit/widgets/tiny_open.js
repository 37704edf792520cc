// A checkpoint as model and tokenizer, opened once for all widgets that share this code.
import { breathe, failure, openOnce } from "./chunks.js";
import { openCheckpoint } from "./tiny_weights.js";
import { newTokenizer } from "./tiny_tokenizer.js";
import { newModel } from "./tiny_model.js";

const opened = new Map(); // by stage and version

/** The model and tokenizer of a stage, { model, tokenizer }. `onPart` hears how much of it is there, 0 to 1. Fails with the
 *  reason "absent" where no `chunks` were found. */
export async function openStage(stage, version, chunks, onPart) {
  if (!chunks) throw failure("absent");
  const open = async (hear) => {
    const { tokenizer, ...rest } = await openCheckpoint(chunks(), hear);
    await breathe();
    const made = newModel(rest);
    await breathe();
    return { model: made, tokenizer: newTokenizer(tokenizer) };
  };
  return openOnce(opened, `${stage} ${version}`, open, onPart);
}
