// The playground: a text, the stages that answer it side by side, and a look inside at any token. This file holds what the
// reader has chosen and keeps the page free while models load and write; the other files hold arithmetic and parts.
import { announcer, download, h, onTheme, rootElement, visibleToken } from "./base.js";
import { breathe, bytesToLoad, failureWords, findChunks, pacer } from "./chunks.js";
import { newText } from "./tiny_model.js";
import { openStage } from "./tiny_open.js";
import { advance, asChat, extend, newRun, promptIds } from "./playground_run.js";
import { isBytes } from "./bpe.js";
import { button } from "./controls.js";
import { askPart, columnPart, settingsPart } from "./playground_parts.js";
import { insidePart } from "./playground_panels.js";
import { WORDS } from "./playground_labels.js";

const MOST_TEXT = 2000; // characters in the text box; about four times what the model can keep in view
const PACE = 40; // milliseconds between two drawings of the columns while models write, at least
const FOLLOW = 300; // the same of the bars

const readSettings = (model, size) => ({ temperature: model.get("temperature"), topK: Math.min(model.get("top_k") ?? size, size),
  topP: model.get("top_p") ?? 1, minP: model.get("min_p") ?? 0 });

function writeTraits(model, size, { text, form, seed, settings: { temperature, topK, topP, minP } }) {
  const warps = { temperature, top_k: topK === size ? null : topK, top_p: topP === 1 ? null : topP, min_p: minP || null };
  const values = { text, form, seed, ...warps };
  for (const [key, value] of Object.entries(values)) model.set(key, value);
  model.save_changes();
}

async function render({ model, el }) {
  const [stages, versions, size, title, limit] = ["stages", "versions", "vocab_size", "title", "limit"].map((name) => model.get(name));
  const state = { text: model.get("text"), form: model.get("form"), settings: readSettings(model, size), seed: model.get("seed"),
    shown: new Set(stages), tab: "next", stage: stages[0], at: null }; // at: a token of that stage, or null to follow the last
  // What becomes of each stage: the opened model, what was read of it last, its run, how much is loaded, what went wrong.
  const unused = { it: null, text: null, run: null, key: "", part: null, error: null, refused: "" };
  const columns = Object.fromEntries(stages.map((stage) => [stage, { ...unused }]));
  let [job, running, frame, drawn, drawnInside, saving, sending, alive] = [0, false, 0, 0, 0, 0, false, true];

  const live = announcer();
  const heading = title ? h("p", { className: "lmkit-title" }, title) : null;
  const root = rootElement("section", "pg-root lmkit-sampling", title || WORDS.widget, heading);
  const settings = settingsPart(size, state.settings, state.seed,
    { onSettings: (next) => change({ settings: next }), onSeed: (next) => change({ seed: next }) });
  const ask = askPart({ text: state.text, form: state.form, stages, limitText: MOST_TEXT, settings }, {
    text: (text) => change({ text }), form: (form) => change({ form }), clear: () => clear(),
    run: () => (running ? stop() : write(Infinity)), step: () => write(1),
    shown: (stage, on) => {
      if (!on && state.shown.size === 1) return draw();
      state.shown[on ? "add" : "delete"](stage);
      if (!state.shown.has(state.stage)) [state.stage, state.at] = [stages.find((one) => state.shown.has(one)), null];
      return draw();
    },
  });
  const parts = Object.fromEntries(stages.map((stage) => [stage,
    columnPart(stage, { onPick: (one, at, byKey) => look({ stage: one, at }, byKey), onRetry: (one) => write(Infinity, [one]) })]));
  const first = h("p", { className: "lmkit-note pg-first" }, WORDS.firstUse(stages.length, bytesToLoad(stages)));
  const answers = h("div", { className: "pg-columns", style: `--columns:${stages.length}` }, stages.map((stage) => parts[stage].el));
  const inside = h("div", {});
  const save = button(WORDS.save, () => download("playground.txt", transcript(), "text/plain;charset=utf-8"));
  root.append(ask.el, first, answers, inside, h("div", { className: "lmkit-row pg-end" }, save), live.el);
  el.append(root);
  let panels = null; // made when the first model is open

  // ---------------------------------------------------------------- what is asked

  const keyOf = (stage) => JSON.stringify([state.text, asChat(state.form, stage), state.settings, state.seed]);
  const isStale = (stage) => columns[stage].key !== "" && columns[stage].key !== keyOf(stage);
  const isDone = (stage) => Boolean(columns[stage].run?.ended) && !isStale(stage);
  const shownStages = () => stages.filter((stage) => state.shown.has(stage));

  function change(patch, byReader = true) {
    Object.assign(state, patch);
    settings.set(state.settings, state.seed);
    draw();
    if (patch.settings && !running) drawInside();
    if (!byReader) return;
    clearTimeout(saving);
    saving = setTimeout(() => {
      sending = true; // or each trait that is set would come back as if the kernel had moved it
      writeTraits(model, size, state);
      sending = false;
    }, 250);
  }
  function clear() {
    for (const column of Object.values(columns)) Object.assign(column, { run: null, key: "", error: null, refused: "" });
    state.at = null;
    draw();
    drawInside();
  }
  function stop() {
    job += 1;
    finish();
    live.say(WORDS.stopped);
  }

  // ---------------------------------------------------------------- loading and writing

  /** Opens a stage's model unless it is open; false where that fails, with the reason in its column. */
  async function load(stage) {
    const column = columns[stage];
    if (column.it) return true;
    Object.assign(column, { error: null, part: 0 });
    request();
    try {
      const chunks = findChunks(model, stage, versions[stage]);
      const onPart = (part) => {
        column.part = part;
        request();
      };
      const it = await openStage(stage, versions[stage], chunks, onPart);
      await breathe();
      Object.assign(column, { it, text: newText(it.model) });
    } catch (error) {
      column.error = error;
      live.say(`${stage}: ${failureWords(WORDS, error)}`);
    }
    column.part = null;
    request();
    return Boolean(column.it);
  }
  /** The stage's run for what is asked now: the one there is, or a new one. False where the text is too long. */
  function prepare(stage, anew) {
    const column = columns[stage];
    if (column.run && !isStale(stage) && !anew) return true;
    const prompt = promptIds(column.it.tokenizer, state.text, asChat(state.form, stage));
    const { context } = column.it.model.shape;
    Object.assign(column, { run: null, key: keyOf(stage), refused: "" });
    if (prompt.length >= context) {
      column.refused = WORDS.tooLong(prompt.length, context);
      return false;
    }
    column.run = newRun(column.it, prompt, { settings: state.settings, seed: state.seed, limit }, column.text);
    return true;
  }
  /** Lets stages write `count` tokens each, those that have ended only if all have. They take turns, token by token. */
  async function write(count, only = shownStages()) {
    if (running) return;
    const mine = ++job;
    running = true;
    root.dataset.running = true; // at once: what waits for the end must not see the last one
    first.hidden = true;
    const ended = ["end", "context"];
    const again = only.every((stage) => isDone(stage) && ended.includes(columns[stage].run.ended));
    const at = only.filter((stage) => again || !isDone(stage) || !ended.includes(columns[stage].run.ended));
    if (again || at.some((stage) => !columns[stage].run || isStale(stage))) state.at = null;
    if (!shownStages().includes(state.stage)) state.stage = only[0];
    request();
    const pause = pacer();
    const answer = async (stage) => {
      if (!(await load(stage)) || mine !== job || !prepare(stage, again)) return;
      const { run } = columns[stage];
      extend(run, count === 1 ? 1 : limit);
      for (let left = count; left > 0 && !run.ended;) {
        const before = run.wrote;
        advance(run);
        left -= run.wrote - before;
        request();
        await pause();
        if (mine !== job) return;
      }
    };
    await Promise.all(at.map((stage) => answer(stage).catch((error) => (columns[stage].error = error))));
    if (mine === job && alive) finish(true);
  }
  function finish(byItself = false) {
    running = false;
    draw();
    setTimeout(() => alive && drawInside());
    if (byItself) live.say(shownStages().map((stage) => WORDS.said(stage, answerOf(stage), statusOf(stage))).join(" "));
  }

  // ---------------------------------------------------------------- words about it

  const answerOf = (stage) => {
    const { run, it } = columns[stage];
    return run ? it.tokenizer.decode(run.ids.slice(run.given)) : "";
  };
  function statusOf(stage) {
    const { run, part, it, error, refused } = columns[stage];
    if (error) return failureWords(WORDS, error);
    if (part !== null) return part < 1 ? WORDS.loading(part) : WORDS.starting;
    if (isStale(stage)) return WORDS.stale;
    if (refused) return refused;
    if (!run) return running && it ? WORDS.reading : WORDS.waiting;
    const speed = run.wrote >= 5 && !running ? run.wrote / (run.milliseconds / 1000) : 0;
    return WORDS.status(run.wrote, speed) + WORDS.ended[run.ended];
  }
  function transcript() {
    const { settings: { temperature }, seed } = state;
    const how = temperature === 0 ? WORDS.greedy : WORDS.chosen(state.settings, seed, size);
    const texts = shownStages().filter((stage) => columns[stage].run).map((stage) =>
      `[${stage}, ${WORDS.formOf(asChat(state.form, stage))}]\n${answerOf(stage)}\n(${statusOf(stage)})\n`);
    return [`${title || WORDS.transcript}\n${state.text}\n(${how})\n`, ...texts].join("\n");
  }
  function tokensOf(stage) {
    const { run, it } = columns[stage];
    if (!run) return [];
    const specials = new Set(Object.values(it.tokenizer.special));
    return run.ids.map((id, i) => ({ id, piece: it.tokenizer.piece(id), special: specials.has(id), given: i < run.given }));
  }

  // ---------------------------------------------------------------- drawing

  function request() {
    if (!frame) frame = requestAnimationFrame(tick);
  }
  function tick() {
    frame = 0;
    if (performance.now() - drawn < PACE) request();
    else draw();
  }
  /** The token looked at: the reader's choice, else the newest one, else, after an answer has ended, the one that it began after. */
  function chosenAt() {
    const { run } = columns[state.stage];
    return state.at ?? Math.max(0, run?.ended === "end" ? run.given - 1 : (run?.text.ids.length ?? 0) - 1);
  }

  function draw() {
    cancelAnimationFrame(frame);
    frame = 0;
    drawn = performance.now();
    const runs = shownStages().map((stage) => columns[stage].run);
    const unfinished = runs.every(Boolean) && !shownStages().some(isStale) && runs.some((run) => ["", "limit"].includes(run.ended));
    ask.set({ ...state, running, unfinished, empty: stages.every((stage) => !columns[stage].key) });
    for (const stage of stages) {
      const { run, part, error } = columns[stage];
      const tokens = tokensOf(stage);
      const bytes = run && !running && tokens.slice(run.given).some(({ piece, special }) => !special && isBytes(piece));
      parts[stage].el.hidden = !state.shown.has(stage);
      parts[stage].set({ tokens, part, chosen: run && stage === state.stage ? chosenAt() : -1, stale: isStale(stage), words: statusOf(stage),
        given: WORDS.formOf(asChat(state.form, stage)), text: bytes ? answerOf(stage) : "", failed: error && { again: error.reason !== "absent" } });
    }
    answers.style.setProperty("--columns", state.shown.size);
    save.disabled = !runs.some(Boolean);
    Object.assign(root.dataset, { running, stage: state.stage, at: chosenAt() });
    if (!running || state.tab !== "next" || performance.now() - drawnInside < FOLLOW) return;
    drawnInside = performance.now();
    setTimeout(() => alive && running && drawInside()); // not in the frame that has drawn the columns
  }
  function drawInside() {
    const { run, it } = columns[state.stage];
    inside.hidden = !run?.text.ids.length;
    if (inside.hidden) return;
    if (!panels) {
      panels = insidePart(it.model.shape, root, { tab: state.tab, onTab: (tab) => look({ tab }, true),
        onPick: (to, byKey, relative) => look({ at: relative ? chosenAt() + to : to }, byKey) });
      inside.append(panels.el);
    }
    const at = Math.min(chosenAt(), run.text.ids.length - 1);
    const tokens = tokensOf(state.stage).slice(0, run.text.ids.length);
    const { stage, settings: warps } = state;
    panels.draw(state.tab, { stage, at, run, tokens, tokenizer: it.tokenizer, settings: warps, say: live.say });
  }
  /** Another token, stage or panel. */
  function look(patch, told) {
    const { run } = columns[patch.stage ?? state.stage];
    if (!run) return;
    if (patch.at !== undefined && (patch.at < 0 || patch.at >= run.text.ids.length)) return;
    Object.assign(state, patch);
    draw();
    drawInside();
    const tokens = tokensOf(state.stage);
    if (told && patch.at !== undefined) live.say(WORDS.token(patch.at + 1, visibleToken(tokens[patch.at].piece), tokens[patch.at].given));
  }

  const fromModel = () => {
    if (sending) return;
    const next = { text: model.get("text"), form: model.get("form"), settings: readSettings(model, size), seed: model.get("seed") };
    const now = { text: state.text, form: state.form, settings: state.settings, seed: state.seed };
    if (JSON.stringify(next) !== JSON.stringify(now)) change(next, false);
  };
  const watched = ["text", "form", "temperature", "top_k", "top_p", "min_p", "seed"].map((name) => `change:${name}`);
  watched.forEach((name) => model.on(name, fromModel));
  const stopTheme = onTheme(() => panels && !running && drawInside());
  draw();
  drawInside();
  return () => {
    [alive, running] = [false, false];
    job += 1;
    cancelAnimationFrame(frame);
    clearTimeout(saving);
    panels?.stop();
    stopTheme();
    watched.forEach((name) => model.off(name, fromModel));
  };
}

export default { render };
