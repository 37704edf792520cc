// The cloze: a text in which the reader hides tokens, and what the masked model expects there with one eye and with two. This
// file holds what the reader has chosen and keeps the page free while the model loads and reads; the others hold arithmetic and parts.
import { announcer, choice, h, rootElement, uniqueId, visibleToken } from "./base.js";
import { percent } from "./numbers.js";
import { bytesToLoad, failureWords, findChunks, pacer } from "./chunks.js";
import { openStage } from "./tiny_open.js";
import { guessOf, scoresAt } from "./tiny_masked.js";
import { carried, covered, itemsOf, readable } from "./cloze_text.js";
import { button, write } from "./controls.js";
import { eyePart, tokenLine, turnPart } from "./cloze_parts.js";
import { WORDS } from "./cloze_labels.js";

const MOST_TOKENS = 96; // hiding each in turn takes the square of their number
const MOST_TEXT = 600; // characters in the text box
const SHOWN = 6; // candidates for a blank
const PATIENT = 250; // milliseconds without a key before a text is read anew

async function render({ model, el }) {
  const [title, stage, versions, parts] = ["title", "stage", "versions", "hide"].map((name) => model.get(name));
  const state = { text: model.get("text"), eyes: "both", items: [], hidden: new Set(), at: null, turn: false };
  // What was found out: a map from place to guess for each eye, the rows of the table, and whether they are those of the text now.
  let found = { one: new Map(), two: new Map() }, rows = [], fresh = true;
  let [it, part, error, job, timer, saving, sending, alive] = [null, null, null, 0, 0, 0, false, true];

  const live = announcer();
  const id = uniqueId("cloze");
  const box = h("textarea", { id, rows: 2, maxLength: MOST_TEXT, spellcheck: false, autocomplete: "off",
    onInput: ({ isComposing }) => !isComposing && change(box.value), onCompositionend: () => change(box.value),
    onKeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return; // 229: an input method is at work
      event.preventDefault();
      begin();
    } });
  box.value = state.text;
  const read = button(WORDS.read, () => begin(), { className: "lmkit-button cz-read" });
  const examples = WORDS.exampleTexts.map(([text, hide]) => button(text, () => begin({ text, hide })));
  const first = h("p", { className: "lmkit-note cz-first" }, WORDS.firstUse(bytesToLoad([stage])));
  const progress = h("progress", { max: 1, hidden: true });
  const status = h("p", { className: "lmkit-note cz-status" });
  const retry = button(WORDS.retry, () => begin(), { hidden: true });
  const line = tokenLine({ onToggle: (i) => toggle(i), onReach: (i) => isBlank(i) && look(i) });
  const showAll = button(WORDS.showAll, () => hide(new Set()));
  const turn = button(WORDS.turn, () => setTurn(!state.turn), { "aria-pressed": "false" });
  const eyes = choice(WORDS.eyes, Object.entries(WORDS.eyeChoices), state.eyes, (next) => {
    state.eyes = next;
    draw();
  });
  const blanks = { previous: button("‹", () => step(-1), { "aria-label": WORDS.previous, title: WORDS.previous }), name: h("span"),
    next: button("›", () => step(1), { "aria-label": WORDS.next, title: WORDS.next }), token: h("b", { className: "lmkit-token" }) };
  const where = h("div", { className: "cz-where" }, blanks.previous, blanks.next, blanks.name, blanks.token);
  const eye = { one: eyePart("one"), two: eyePart("two") };
  const columns = h("div", { className: "cz-eyes" }, eye.one.el, eye.two.el);
  const table = turnPart();
  const ways = h("div", { className: "lmkit-row" }, h("span", { className: "cz-label" }, WORDS.eyes), eyes.el);
  const work = h("div", { className: "cz-work", hidden: true }, line.el, h("p", { className: "lmkit-note" }, WORDS.tokensNote),
    h("div", { className: "lmkit-row" }, showAll, turn), ways, where, columns, table.el);
  const root = rootElement("section", "cz-root", title || WORDS.widget, title ? h("p", { className: "lmkit-title" }, title) : null,
    h("div", { className: "cz-ask" }, h("label", { htmlFor: id, className: "cz-label" }, WORDS.text), box,
      h("div", { className: "lmkit-row" }, read, h("span", { className: "lmkit-note" }, WORDS.hint)),
      h("div", { className: "lmkit-row cz-examples" }, h("span", { className: "cz-label" }, WORDS.examples), examples)),
    first, h("div", { className: "cz-foot" }, progress, status, retry), work, live.el);
  el.append(root);

  // ---------------------------------------------------------------- the text and its blanks

  const isBlank = (i) => state.items[i]?.unknown || state.hidden.has(i);
  const places = () => state.items.map((_, i) => i).filter(isBlank);
  const tooLong = () => state.items.length > MOST_TOKENS;

  async function begin(example) {
    if (example) {
      box.value = example.text;
      change(example.text, true);
    }
    const hidden = example?.hide ?? (it ? null : parts);
    if (!(await load())) return;
    if (hidden) state.items = [];
    take(hidden);
  }
  /** The text as it stands in the box becomes tokens; `hide` says what is hidden in it, null keeps what is hidden. */
  function take(hide) {
    clearTimeout(timer);
    const items = itemsOf(it.tokenizer, state.text).map((item) => ({ ...item, piece: it.tokenizer.piece(item.id) }));
    state.hidden = hide ? covered(it.tokenizer, items, hide) : carried(state.items, items, state.hidden);
    state.items = items;
    update();
  }
  function change(text, quiet = false) {
    state.text = text;
    clearTimeout(timer);
    if (it && !quiet) timer = setTimeout(() => alive && take(null), PATIENT);
    clearTimeout(saving);
    saving = setTimeout(() => {
      sending = true; // or the trait that is set would come back as if the kernel had moved it
      model.set("text", state.text);
      model.save_changes();
      sending = false;
    }, PATIENT);
  }
  function hide(hidden, at = null) {
    Object.assign(state, { hidden, at, turn: false });
    update();
  }
  function toggle(i) {
    if (state.items[i].unknown) return look(i);
    const hidden = new Set(state.hidden);
    if (!hidden.delete(i)) hidden.add(i);
    return hide(hidden, hidden.has(i) ? i : null);
  }
  function setTurn(on) {
    state.turn = on;
    update();
  }
  function look(i) {
    state.at = i;
    draw();
    say();
  }
  function step(by) {
    const all = places();
    look(all[(all.indexOf(state.at) + by + all.length) % all.length]);
  }

  // ---------------------------------------------------------------- loading and reading

  async function load() {
    if (it) return true;
    if (part !== null) return false;
    [error, part] = [null, 0];
    draw();
    const chunks = findChunks(model, stage, versions[stage]);
    try {
      it = await openStage(stage, versions[stage], chunks, (now) => {
        part = now;
        draw();
      });
    } catch (reason) {
      error = reason;
      live.say(failureWords(WORDS, error));
    }
    part = null;
    if (!alive) return false;
    draw();
    return Boolean(it);
  }
  /** What the model expects at some places of the text with others hidden, by place; null where it is not wanted any more. */
  async function guessAll(hidden, at, n, mine, pause) {
    const ids = readable(it.tokenizer, state.items, hidden);
    const scores = await scoresAt(it.model, ids, at.map((i) => i + 1), n, async () => (await pause(), mine !== job));
    if (!scores) return null;
    return new Map(at.map((i, k) => {
      const guess = guessOf(scores[k], state.items[i].unknown ? null : state.items[i].id, SHOWN);
      return [i, { ...guess, piece: it.tokenizer.piece(guess.top[0].id) }];
    }));
  }
  /** Reads the text anew for what is hidden now. */
  async function update() {
    const mine = ++job;
    const [all, items] = [places(), state.items];
    if (!all.includes(state.at)) state.at = all[0] ?? null;
    [fresh, rows] = [false, []];
    draw();
    if (tooLong() || !items.length) return;
    const pause = pacer();
    if (state.turn) return takeTurns(mine, pause);
    const next = { one: new Map(), two: new Map() };
    for (const [kind, n] of [["one", 1], ["two", 2]]) {
      if (all.length) next[kind] = await guessAll(state.hidden, all, n, mine, pause);
      if (!next[kind]) return;
    }
    [found, fresh] = [next, true];
    draw();
    say();
  }
  async function takeTurns(mine, pause) {
    let drawn = performance.now();
    for (const i of state.items.keys()) {
      if (state.items[i].unknown) continue;
      const row = { name: state.items[i].piece };
      for (const [kind, n] of [["one", 1], ["two", 2]]) {
        const guessed = await guessAll(new Set([i]), [i], n, mine, pause);
        if (!guessed) return;
        row[kind] = guessed.get(i);
      }
      rows.push(row);
      if (performance.now() - drawn < 100) continue;
      draw();
      drawn = performance.now();
    }
    fresh = true;
    draw();
    live.say(table.el.querySelector(".cz-sum:last-of-type")?.textContent ?? "");
  }
  function say() {
    if (!fresh || state.turn || state.at === null) return;
    const all = places();
    const eyesSaid = ["two", "one"].filter((kind) => [kind, "both"].includes(state.eyes)).map((kind) =>
      WORDS.saidEye(WORDS.eyeNames[kind], found[kind].get(state.at).top.slice(0, 3).map(({ id: one, p }) =>
        WORDS.guess(visibleToken(it.tokenizer.piece(one)), percent(p)))));
    live.say(WORDS.said(all.indexOf(state.at) + 1, all.length, eyesSaid));
  }

  // ---------------------------------------------------------------- drawing

  function statusWords() {
    if (error) return failureWords(WORDS, error);
    if (part !== null) return part < 1 ? WORDS.loading(part) : WORDS.starting;
    if (!it) return "";
    if (tooLong()) return WORDS.tooLong(state.items.length, MOST_TOKENS);
    if (!state.items.length) return WORDS.empty;
    return state.turn || places().length ? "" : WORDS.none;
  }
  function draw() {
    if (!alive) return;
    const words = statusWords();
    write(status, words);
    status.hidden = !words;
    status.classList.toggle("lmkit-error", Boolean(error));
    progress.hidden = part === null;
    if (part !== null) {
      progress.value = part;
      progress.setAttribute("aria-label", WORDS.loading(part));
    }
    retry.hidden = !error || error.reason === "absent";
    first.hidden = Boolean(it) || part !== null;
    work.hidden = !it || tooLong() || !state.items.length;
    root.dataset.ready = String(Boolean(it) && fresh);
    if (work.hidden) return;
    const all = places();
    line.set(state.items, state.turn ? new Set() : state.hidden, state.turn ? null : state.at);
    showAll.disabled = state.turn || !state.hidden.size;
    write(turn, state.turn && !fresh ? WORDS.stop : WORDS.turn);
    turn.setAttribute("aria-pressed", String(state.turn));
    const there = !state.turn && state.at !== null;
    where.hidden = columns.hidden = ways.hidden = !there;
    table.el.hidden = !state.turn;
    eyes.set(state.eyes);
    if (state.turn) table.set(rows, state.items.filter(({ unknown }) => !unknown).length);
    if (!there) return;
    write(blanks.name, WORDS.blank(all.indexOf(state.at) + 1, all.length, state.at + 1));
    write(blanks.token, state.items[state.at].unknown ? WORDS.unknown : visibleToken(state.items[state.at].piece));
    blanks.previous.disabled = blanks.next.disabled = all.length < 2;
    for (const kind of ["one", "two"]) {
      eye[kind].el.hidden = ![kind, "both"].includes(state.eyes);
      eye[kind].stale(!fresh);
      if (fresh) eye[kind].set({ tokens: state.items, guesses: found[kind], at: state.at, tokenizer: it.tokenizer });
    }
    columns.style.setProperty("--columns", state.eyes === "both" ? 2 : 1);
  }

  const fromModel = () => {
    if (sending || model.get("text") === state.text) return;
    box.value = model.get("text");
    change(box.value);
  };
  model.on("change:text", fromModel);
  draw();
  return () => {
    alive = false;
    job += 1;
    [timer, saving].forEach(clearTimeout);
    model.off("change:text", fromModel);
  };
}

export default { render };
