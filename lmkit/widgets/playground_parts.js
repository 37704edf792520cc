// What the playground is built from: the sampler's controls, a line of tokens, one stage's column.
import { choice, h, toggle, uniqueId, visibleToken } from "./base.js";
import { logStops } from "./sampling_warp.js";
import { isBytes } from "./bpe.js";
import { button, write } from "./controls.js";
import { control } from "./sampling_parts.js";
import { LABELS } from "./sampling_labels.js";
import { stops } from "./numbers.js";
import { WORDS } from "./playground_labels.js";

const MOST_SEED = 2 ** 32 - 1;

/** Temperature, top-k, top-p, min-p and the seed in a fold whose line says how they stand. */
export function settingsPart(size, initial, seed, { onSettings, onSeed }) {
  const off = { temperature: 1, topK: size, topP: 1, minP: 0 };
  const presets = Object.entries({ greedy: { ...off, temperature: 0 }, one: off, topK: { ...off, topK: 50 }, topP: { ...off, topP: 0.9 },
    minP: { ...off, minP: 0.1 } });
  let settings = initial;
  const unless = (idle, words) => (v) => (v === idle ? LABELS.off : words(v));
  const make = (key, at, step, words) => control({ label: LABELS[key], at, step, value: initial[key], words,
    onInput: (value) => onSettings({ ...settings, [key]: value }) });
  const controls = {
    temperature: make("temperature", stops(0, Math.max(3, initial.temperature), 0.05), 0.05, LABELS.temperatureWords),
    topK: make("topK", logStops(size), 1, unless(size, LABELS.topKWords)),
    topP: make("topP", stops(0.01, 1, 0.01), 0.01, unless(1, LABELS.topPWords)),
    minP: make("minP", stops(0, 1, 0.01), 0.01, unless(0, LABELS.minPWords)),
  };
  const pills = presets.map(([key, values]) => button(LABELS.presetNames[key], () => onSettings({ ...values })));
  const field = h("input", { type: "number", min: 0, max: MOST_SEED, step: 1, onChange: () => {
    const wanted = field.valueAsNumber;
    if (Number.isInteger(wanted) && wanted >= 0 && wanted <= MOST_SEED) onSeed(wanted);
    else field.value = seed;
  } });
  const another = button(WORDS.newSeed, () => onSeed((seed + 1) % (MOST_SEED + 1)));
  const state = h("span", { className: "pg-state" });
  const el = h("details", { className: "pg-settings" }, h("summary", {}, WORDS.settings, ": ", state),
    h("div", { className: "sv-presets", role: "group", "aria-label": LABELS.presets }, pills),
    h("div", { className: "pg-controls" }, Object.values(controls).map((one) => one.el)),
    h("div", { className: "lmkit-row" }, h("label", { className: "pg-seed" }, WORDS.seed, field), another,
      h("span", { className: "lmkit-note" }, WORDS.seedNote)));
  const set = (next, nextSeed) => {
    [settings, seed] = [next, nextSeed];
    for (const [key, one] of Object.entries(controls)) one.set(settings[key]);
    presets.forEach(([, values], i) => {
      pills[i].setAttribute("aria-pressed", String(Object.keys(values).every((key) => settings[key] === values[key])));
    });
    field.value = seed;
    write(state, settings.temperature === 0 ? WORDS.greedy : WORDS.chosen(settings, seed, size));
  };
  set(initial, seed);
  return { el, set };
}

/** A token as it stands in running text: its spaces are spaces, what is invisible in it has a sign, bytes stay bytes. */
function runningPiece(piece) {
  const inner = piece.trim() === "" ? "" : piece.match(/^ */)[0];
  return inner + visibleToken(piece.slice(inner.length));
}

/** A text, one button a token. Arrow keys, Home and End move along it; `onPick(index, byKey)` hears of it. */
export function tokenLine(name, onPick) {
  const el = h("div", { className: "pg-line", role: "group", "aria-label": name });
  const shown = []; // { key, one, br } for each token
  let at = -1;
  const make = ({ id, piece, special, given }, i) => {
    const bytes = !special && isBytes(piece);
    const words = bytes ? piece.replace(/<0x(..)>/g, "$1 ").trim() : runningPiece(piece);
    const kinds = ["pg-token lmkit-token", given && "pg-given", special && "pg-special", bytes && "pg-bytes"].filter(Boolean);
    const name = WORDS.token(i + 1, bytes ? words : visibleToken(piece), given);
    const one = h("button", { type: "button", tabIndex: -1, className: kinds.join(" "), "aria-pressed": "false", "aria-label": name,
      onClick: () => onPick(i, false) }, words);
    return { key: `${id} ${given}`, one, br: piece.endsWith("\n") ? h("br") : null };
  };
  el.addEventListener("keydown", (event) => {
    const from = shown.findIndex(({ one }) => one === event.target);
    const [back, forth, end] = [from - 1, from + 1, shown.length - 1];
    const to = { ArrowRight: forth, ArrowDown: forth, ArrowLeft: back, ArrowUp: back, Home: 0, End: end }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (to < 0 || to >= shown.length) return;
    onPick(to, true);
    shown[to]?.one.focus();
  });
  const mark = (i, chosen) => {
    if (!shown[i]) return;
    shown[i].one.tabIndex = chosen ? 0 : -1;
    shown[i].one.setAttribute("aria-pressed", String(chosen && i === at));
  };
  /** `tokens` are { id, piece, special, given }; what already stands there is left alone. */
  const set = (tokens, chosen) => {
    let same = 0;
    while (same < tokens.length && same < shown.length && shown[same].key === `${tokens[same].id} ${tokens[same].given}`) same++;
    for (const { one, br } of shown.splice(same)) {
      one.remove();
      br?.remove();
    }
    for (let i = same; i < tokens.length; i++) {
      shown.push(make(tokens[i], i));
      el.append(shown[i].one, ...(shown[i].br ? [shown[i].br] : []));
    }
    mark(Math.max(0, at), false);
    at = chosen;
    mark(Math.max(0, at), true); // where nothing is chosen, Tab leads to the first
  };
  /** Shades the tokens by weights between 0 and 1; null takes the shades off. */
  const shade = (weights) => shown.forEach(({ one }, i) => {
    one.classList.toggle("pg-shaded", Boolean(weights));
    one.style.setProperty("--pg-shade", weights ? Math.sqrt(weights[i] ?? 0).toFixed(3) : 0);
    one.classList.toggle("pg-unseen", Boolean(weights) && i > at);
  });
  return { el, set, shade };
}

/** One stage: what it is, how it was given the text, its tokens as they come, and how it went. */
export function columnPart(stage, { onPick, onRetry }) {
  const line = tokenLine(WORDS.tokensOf(stage), (at, byKey) => onPick(stage, at, byKey));
  const note = (className) => h("p", { className: `lmkit-note ${className}` });
  const [form, status, together] = ["pg-form", "pg-status", "pg-together"].map(note);
  const progress = h("progress", { max: 1, hidden: true });
  const retry = h("button", { type: "button", className: "lmkit-button", hidden: true, onClick: () => onRetry(stage) }, WORDS.retry);
  const el = h("section", { className: "pg-column", "aria-label": stage },
    h("p", { className: "pg-stage" }, h("b", {}, stage), " ", h("span", { className: "lmkit-note" }, WORDS.stages[stage])),
    form, line.el, together, h("div", { className: "pg-foot" }, progress, status, retry));
  /** `failed` shows the way to try again; `part` (0 to 1, or null) is how much of the model is there. */
  const set = ({ tokens, chosen, stale, given, text, words, part, failed }) => {
    line.set(tokens, chosen);
    line.el.hidden = tokens.length === 0;
    write(form, given);
    write(status, words);
    write(together, text ? `${WORDS.together} ${text}` : "");
    status.classList.toggle("lmkit-error", Boolean(failed));
    progress.hidden = part === null;
    if (part !== null) {
      progress.value = part;
      progress.setAttribute("aria-label", WORDS.loading(part));
    }
    retry.hidden = !failed?.again;
    el.classList.toggle("pg-stale", stale);
    el.setAttribute("aria-busy", String(part !== null));
  };
  return { el, set };
}

/** The text box with everything that belongs to asking. */
export function askPart({ text, form, stages, limitText, settings }, on) {
  const id = uniqueId("text");
  const box = h("textarea", { id, rows: 2, maxLength: limitText, spellcheck: false, autocomplete: "off", value: text,
    onInput: () => on.text(box.value), onKeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return; // 229: an input method is at work
      event.preventDefault();
      on.run();
    } });
  box.value = text;
  const run = button(WORDS.run, () => on.run(), { className: "lmkit-button pg-run" });
  const [step, clear] = [button(WORDS.step, () => on.step()), button(WORDS.clear, () => on.clear())];
  const forms = choice(WORDS.form, Object.entries(WORDS.forms), form, on.form);
  const examples = WORDS.exampleTexts.map((words) => button(words, () => {
    box.value = words;
    on.text(words);
    on.run();
  }));
  const models = stages.map((stage) => toggle(stage, true, (shown) => on.shown(stage, shown)));
  const group = (words, className, ...inside) =>
    h("div", { className: `lmkit-row ${className}` }, h("span", { className: "pg-label" }, words), inside);
  const which = h("div", { className: "lmkit-choice", role: "group", "aria-label": WORDS.shown }, models.map((one) => one.el));
  const el = h("div", { className: "pg-ask" },
    h("label", { htmlFor: id, className: "pg-label" }, WORDS.text), box,
    h("div", { className: "lmkit-row" }, run, step, clear, h("span", { className: "lmkit-note pg-hint" }, WORDS.hint)),
    group(WORDS.examples, "sv-presets pg-examples", examples),
    h("div", { className: "lmkit-row pg-ways" }, group(WORDS.form, "", forms.el), stages.length > 1 && group(WORDS.shown, "", which)),
    settings.el);
  const set = ({ text: next, form: nextForm, shown, running, unfinished, empty }) => {
    if (box.value !== next) box.value = next;
    forms.set(nextForm);
    stages.forEach((stage, i) => models[i].set(shown.has(stage)));
    write(run, running ? WORDS.stop : unfinished ? WORDS.goOn : WORDS.run);
    step.disabled = running;
    clear.disabled = running || empty;
  };
  return { el, set };
}
