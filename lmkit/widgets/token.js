// The token view: what a reader types, as the tokens of several real vocabularies. This file holds what the reader has chosen and
// loads a vocabulary when it is first used; the others hold the tokenizer (bpe.js), what a token is to a reader, and the parts.
import { announcer, choice, h, rootElement, toggle, uniqueId } from "./base.js";
import { spell } from "./bpe.js";
import { bytesToLoad, failure, failureWords, findChunks } from "./chunks.js";
import { button, write } from "./controls.js";
import { openVocabulary } from "./vocabulary.js";
import { fromHex, lengthOf, partOf, tokensOf } from "./token_text.js";
import { PAGE, comparePart, detailPart, stepsPart, tokenFace, tokenLine } from "./token_parts.js";
import { WORDS } from "./token_labels.js";

const MOST_TEXT = 20000; // characters, as in token.py
const MOST_BYTES = 120; // of a word whose merges are shown
const PATIENT = 250; // milliseconds without a key before other vocabularies count and the kernel is told

async function render({ model, el }) {
  const [title, about, versions, first] = ["title", "about", "versions", "first"].map((name) => model.get(name));
  const state = { text: model.get("text"), name: model.get("vocabulary"), special: model.get("special"), at: 0, start: 0 };
  const opened = new Map(); // name → tokenizer
  // What is shown: the words and tokens of the text in the vocabulary `of`, `face` of a token being what is to be seen of it, and how
  // many tokens it is in each vocabulary that counted it.
  let shown = { of: null, words: [], tokens: [], face: null }, counts = new Map();
  let [loading, error, again, timer, sending, alive] = [null, null, null, 0, false, true];
  const titleOf = (name) => about.find((one) => one.name === name).title;
  const stageOf = (name) => `vocabulary-${name}`;

  const live = announcer();
  const id = uniqueId("token");
  const box = h("textarea", { id, rows: 3, maxLength: MOST_TEXT, spellcheck: false, autocomplete: "off",
    onInput: ({ isComposing }) => !isComposing && change(box.value), onCompositionend: () => change(box.value) });
  box.value = state.text;
  const examples = WORDS.exampleTexts.map(([name, text]) => button(name, () => {
    box.value = text;
    change(text);
  }, { title: text }));
  const special = choice(WORDS.special, Object.entries(WORDS.specialChoices), state.special ? "token" : "text", (value) => {
    state.special = value === "token";
    refresh();
  });
  const ids = toggle(WORDS.showIds, false, (on) => line.el.classList.toggle("tk-with-ids", on));
  const copy = button(WORDS.copy, () => copyIds());
  const summary = h("p", { className: "tk-summary" });
  const note = h("p", { className: "lmkit-note" });
  const progress = h("progress", { max: 1, hidden: true });
  const status = h("p", { className: "lmkit-note tk-status" });
  const retry = button(WORDS.retry, () => again(), { hidden: true });
  const line = tokenLine({ onPick: (place, byKey) => pick(place, byKey), onTurn: (start) => turn(start) });
  const detail = detailPart();
  const steps = stepsPart((words) => stepping && live.say(words));
  let stepping = false;
  const compare = comparePart(about, (name) => choose(name));
  const all = button("", () => countAll());
  const root = rootElement("section", "tk-root", title || WORDS.widget, title ? h("p", { className: "lmkit-title" }, title) : null,
    h("div", { className: "tk-ask" }, h("label", { htmlFor: id, className: "tk-label" }, WORDS.text), box,
      h("div", { className: "lmkit-row tk-examples" }, h("span", { className: "tk-label" }, WORDS.examples), examples)),
    h("div", { className: "tk-out" }, summary, line.el,
      h("div", { className: "lmkit-row" }, ids.el, copy, h("span", { className: "tk-special" }, h("span", {}, WORDS.special), special.el)), note),
    h("div", { className: "tk-foot" }, progress, status, retry),
    h("div", { className: "tk-one" }, detail.el, steps.el), compare.el, h("div", { className: "lmkit-row" }, all, h("span", { className: "lmkit-note" }, WORDS.compareNote)), live.el);
  el.append(root);

  // ---------------------------------------------------------------- what the reader does

  function change(text) {
    state.text = text.slice(0, MOST_TEXT);
    [state.at, state.start] = [0, 0];
    refresh();
  }
  function choose(name) {
    Object.assign(state, { name, at: 0, start: 0 });
    refresh();
  }
  function pick(place, byKey = false) {
    state.at = place;
    if (!opened.has(state.name)) refresh();
    else drawOne();
    if (!byKey) line.pick(place);
  }
  function turn(start) {
    state.start = Math.max(0, start);
    state.at = state.start;
    drawLine();
  }
  async function copyIds() {
    const text = `[${shown.tokens.map((token) => token.id).join(", ")}]`;
    try {
      await navigator.clipboard.writeText(text);
      live.say(WORDS.copied);
      write(copy, WORDS.copied);
      setTimeout(() => write(copy, WORDS.copy), 1500);
    } catch {
      write(note, WORDS.notCopied);
      note.hidden = false;
      line.el.classList.add("tk-with-ids");
      ids.set(true);
    }
  }

  // ---------------------------------------------------------------- tokens

  /** Whether all is still as it was computed in Python. */
  const asAtFirst = () => state.text === first.text && state.special === first.special;

  /** The vocabulary that is chosen reads the text, and is loaded before where it is not there. */
  async function refresh() {
    [again, error] = [refresh, null];
    later();
    const { name } = state;
    if (!opened.has(name) && !(await load(name))) return;
    if (!alive || name !== state.name) return;
    read();
    draw();
    live.say(WORDS.said(titleOf(name), shown.tokens.length));
  }
  /** The chosen vocabulary's tokens of the text as it stands. */
  function read() {
    const tokenizer = opened.get(state.name);
    const words = tokenizer.words(state.text, { special: state.special });
    const tokens = tokensOf(words);
    const face = ({ id: one, added }) => tokenFace(one, tokenizer.bytes(one), tokenizer.piece(one), added);
    shown = { of: state.name, words, tokens, face, text: state.text };
    if (counts.text !== state.text || counts.special !== state.special) {
      counts = Object.assign(new Map(asAtFirst() ? Object.entries(first.counts) : []), { text: state.text, special: state.special });
    }
    counts.set(state.name, tokens.length);
  }
  /** What Python found, until a vocabulary is there. */
  function readFirst() {
    const bytes = new Map(Object.entries(first.bytes).map(([one, hex]) => [Number(one), fromHex(hex)]));
    const tokens = first.ids.map((one) => ({ id: one, added: first.added.includes(one) }));
    const face = ({ id: one, added }) => tokenFace(one, bytes.get(one), spell(bytes.get(one)), added);
    shown = { of: first.vocabulary, words: null, tokens, face, text: first.text };
    counts = Object.assign(new Map(Object.entries(first.counts)), { text: first.text, special: first.special });
  }
  /** After a pause, the other vocabularies that are there count the text, and the kernel hears of it. */
  function later() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      countLoaded();
      sending = true; // or what is set would come back as if the kernel had moved it
      for (const [trait, value] of [["text", state.text], ["vocabulary", state.name], ["special", state.special]]) model.set(trait, value);
      model.save_changes();
      sending = false;
    }, PATIENT);
  }
  function countLoaded() {
    if (!alive || counts.text !== state.text || counts.special !== state.special) return;
    for (const [name, tokenizer] of opened) if (!counts.has(name)) counts.set(name, tokenizer.encode(state.text, { special: state.special }).length);
    drawCompare();
  }
  async function countAll() {
    again = countAll;
    for (const { name } of about) if (!opened.has(name) && !(await load(name))) return;
    if (shown.of !== state.name || !opened.has(shown.of) || shown.text !== state.text) refresh();
    countLoaded();
  }

  // ---------------------------------------------------------------- loading

  async function load(name) {
    error = null;
    loading = { name, part: 0 };
    drawStatus();
    const chunks = findChunks(model, stageOf(name), versions[stageOf(name)]);
    let tokenizer = null;
    try {
      if (!chunks) throw failure("absent");
      tokenizer = await openVocabulary(name, versions[stageOf(name)], chunks, (part) => {
        loading = { name, part };
        drawStatus();
      });
      opened.set(name, tokenizer);
    } catch (reason) {
      error = reason;
      live.say(failureWords(WORDS, error));
    }
    loading = null;
    if (!alive) return false;
    drawStatus();
    return Boolean(tokenizer);
  }

  // ---------------------------------------------------------------- drawing

  function drawStatus() {
    if (!alive) return;
    const waiting = loading && (loading.part < 1 ? WORDS.loading(titleOf(loading.name), loading.part) : WORDS.starting(titleOf(loading.name)));
    const use = opened.size ? "" : WORDS.use(bytesToLoad([stageOf(state.name)]));
    const words = error ? failureWords(WORDS, error) : waiting || use;
    write(status, words);
    status.hidden = !words;
    status.classList.toggle("lmkit-error", Boolean(error));
    progress.hidden = !loading;
    if (loading) {
      progress.value = loading.part;
      progress.setAttribute("aria-label", waiting);
    }
    retry.hidden = !error || error.reason === "absent";
    root.dataset.ready = String(!loading && shown.of === state.name && shown.text === state.text);
  }
  function drawLine() {
    line.set(titleOf(shown.of), shown.tokens.slice(state.start, state.start + PAGE).map(shown.face), state.start, shown.tokens.length);
    drawOne();
    line.pick(state.at);
  }
  /** The token that is looked at, and the merges of its word. */
  function drawOne() {
    const token = shown.tokens[state.at];
    detail.el.hidden = !token;
    steps.el.hidden = !token || token.added;
    if (!token) return;
    const from = Math.max(0, state.at - 4);
    const near = shown.tokens.slice(from, state.at + 5).map((one) => shown.face(one).bytes);
    detail.set(shown.face(token), state.at, shown.tokens.length, partOf(near, state.at - from));
    if (steps.el.hidden) return;
    if (!shown.words) return steps.set(null);
    const tokenizer = opened.get(shown.of);
    const { text } = shown.words[token.word];
    const size = new TextEncoder().encode(text).length;
    stepping = false;
    steps.set({ text, bytes: size }, size <= MOST_BYTES ? tokenizer.steps(text) : null, (one) => shown.face({ id: one }), MOST_BYTES);
    stepping = true;
  }
  function drawCompare() {
    compare.set(counts, lengthOf(state.text), state.name);
    const missing = about.filter(({ name }) => !counts.has(name)).map(({ name }) => name);
    const toLoad = missing.filter((name) => !opened.has(name));
    all.hidden = !toLoad.length;
    if (toLoad.length) write(all, WORDS.all(toLoad.length, bytesToLoad(toLoad.map(stageOf))));
  }
  const bytesSpelled = () => {
    const lengths = new Map(); // by id: most come again
    return shown.tokens.reduce((sum, token) => {
      if (!lengths.has(token.id)) lengths.set(token.id, shown.face(token).bytes.length);
      return sum + lengths.get(token.id);
    }, 0);
  };
  function draw() {
    const size = new TextEncoder().encode(state.text).length;
    write(summary, state.text ? WORDS.summary(titleOf(shown.of), shown.tokens.length, lengthOf(state.text), size) : WORDS.empty);
    write(note, bytesSpelled() !== size ? WORDS.changed : state.text.length >= MOST_TEXT ? WORDS.tooLong(MOST_TEXT) : "");
    note.hidden = !note.textContent;
    state.start = Math.floor(state.at / PAGE) * PAGE;
    drawLine();
    drawCompare();
    drawStatus();
  }

  const fromModel = () => {
    const now = { text: model.get("text"), name: model.get("vocabulary"), special: model.get("special") };
    if (sending || Object.keys(now).every((key) => now[key] === state[key])) return;
    Object.assign(state, now, { at: 0, start: 0 });
    box.value = state.text;
    special.set(state.special ? "token" : "text");
    refresh();
  };
  const traits = ["text", "vocabulary", "special"];
  traits.forEach((trait) => model.on(`change:${trait}`, fromModel));
  readFirst();
  if (asAtFirst() && state.name === first.vocabulary) draw();
  else refresh();
  return () => {
    alive = false;
    clearTimeout(timer);
    traits.forEach((trait) => model.off(`change:${trait}`, fromModel));
  };
}

export default { render };
