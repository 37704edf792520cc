// One stage's answer to one text: the tokens it is given, the tokens it writes, and when it stops. No drawing here.
import { mt19937 } from "./base.js";
import { byId, cumulate, inverseCdfDraw, sortLogits, warp } from "./sampling_warp.js";
import { cutText, logitsAt, readToken } from "./tiny_model.js";

const [END, USER, ASSISTANT] = ["<|end|>", "<|user|>", "<|assistant|>"];

/** Whether a stage is given the text in the chat's form. `form` is "trained", "plain" or "chat". */
export function asChat(form, stage) {
  return form === "chat" || (form === "trained" && stage !== "base");
}

/** What the model is given: in the chat's form a question that waits for its answer, else a text that begins after an end. */
export function promptIds({ encode, special }, text, chat) {
  return chat ? [special[USER], ...encode(text), special[END], special[ASSISTANT]] : [special[END], ...encode(text)];
}

/** The token that the settings choose from logits; one number of `random` is used unless temperature is 0. */
export function chooseToken(logits, settings, random) {
  if (settings.temperature === 0) return logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
  const sorted = sortLogits(logits);
  const { probs } = warp(sorted, settings);
  return inverseCdfDraw(cumulate(byId(sorted, probs)), random());
}

/** A run at its beginning. `text` may be one that was read before: what it has in common with the new prompt is kept.
 *  `ended` is why it stopped: "" (it goes on), "end" (the model ended it), "limit" or "context". */
export function newRun({ model, tokenizer }, prompt, { settings, seed, limit }, text) {
  let same = 0;
  while (same < prompt.length && same < text.ids.length && prompt[same] === text.ids[same]) same++;
  cutText(text, same);
  return {
    model, text, settings, end: tokenizer.special[END], ids: [...prompt], given: prompt.length, random: mt19937(seed),
    limit: Math.min(prompt.length + limit, model.shape.context), ended: prompt.length < model.shape.context ? "" : "context",
    wrote: 0, milliseconds: 0,
  };
}

/** Whether everything that stands in the run has been read by the model. */
export const isRead = (run) => run.text.ids.length === run.ids.length;

/** One piece of work: reads one token that has not been read, or chooses the next one and reads it. */
export function advance(run) {
  const start = performance.now();
  const { model, text, ids } = run;
  const chooses = isRead(run);
  if (chooses) {
    ids.push(chooseToken(logitsAt(model, text, ids.length - 1), run.settings, run.random));
    if (ids.at(-1) === run.end) run.ended = "end";
    else if (ids.length >= run.limit) run.ended = run.limit === model.shape.context ? "context" : "limit";
  }
  readToken(model, text, ids[text.ids.length]);
  if (!chooses) return;
  run.wrote += 1;
  run.milliseconds += performance.now() - start;
}

/** Lets a run that stopped at its limit go on for as many tokens again. */
export function extend(run, more) {
  if (run.ended !== "limit") return;
  run.ended = "";
  run.limit = Math.min(run.ids.length + more, run.model.shape.context);
}
