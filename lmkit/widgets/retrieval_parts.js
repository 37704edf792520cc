// What stands around the map of passages: the question with its choices, the ranked list, a passage to read, the prompt, the legend.
import { choice, h, s, slider, uniqueId } from "./base.js";
import { button, write } from "./controls.js";
import { markOf, outlineOf } from "./retrieval_map.js";
import { LABELS } from "./retrieval_labels.js";

const WAYS = ["dense", "keyword", "both"];
const LONGEST = 400; // characters of a question

function swatch(kind) {
  const shape = s("svg", { viewBox: "-8 -8 16 16", className: `rt-swatch rt-kind${markOf(kind).colour}`, "aria-hidden": "true" });
  shape.append(s("path", { d: outlineOf(kind, 5.5) }));
  return shape;
}

/** A prepared question to choose, the text of the question to change, how to search and how many passages to take. */
export function askPart(questions, { by, k, most }, on) {
  const [selectId, boxId] = [uniqueId("prepared"), uniqueId("question")];
  const own = h("option", { value: -1, hidden: true, disabled: true }, LABELS.own);
  const list = h("select", { id: selectId, className: "rt-select", onChange: () => on.question(Number(list.value)) },
    questions.map(({ text }, i) => h("option", { value: i }, text)), own);
  const step = (by_) => on.question((Math.max(0, Number(list.value)) + by_ + questions.length) % questions.length);
  const [previous, next] = [["‹", -1, LABELS.previous], ["›", 1, LABELS.next]].map(([sign, way, words]) =>
    button(sign, () => step(way), { "aria-label": words, title: words, disabled: questions.length < 2 }));
  const box = h("textarea", { id: boxId, rows: 2, maxLength: LONGEST, spellcheck: false, autocomplete: "off",
    onInput: ({ isComposing }) => !isComposing && on.text(box.value), onCompositionend: () => on.text(box.value),
    onKeydown: (event) => {
      if (event.key === "Enter" && !event.isComposing && event.keyCode !== 229) event.preventDefault(); // a question is one line
    } });
  const ways = choice(LABELS.by, LABELS.ways, by, on.by);
  const howMany = slider({ label: LABELS.k, min: 1, max: most, step: 1, value: k, format: LABELS.kWords, onInput: on.k });
  const note = h("p", { className: "lmkit-note rt-note" });
  const el = h("div", { className: "rt-ask" },
    h("label", { htmlFor: selectId, className: "rt-label" }, LABELS.prepared),
    h("div", { className: "rt-prepared" }, list, previous, next),
    h("label", { htmlFor: boxId, className: "rt-label" }, LABELS.question), box, note,
    h("div", { className: "lmkit-row rt-ways" }, h("span", { className: "rt-label", "aria-hidden": "true" }, LABELS.by), ways.el, howMany.el));
  /** `at` is a prepared question, or −1 for the reader's own: then only words can be searched. */
  const set = ({ at, text, way, words }) => {
    own.hidden = at >= 0;
    list.value = String(at);
    if (box.value !== text) box.value = text;
    ways.set(way);
    ways.el.querySelectorAll("button").forEach((one) => (one.disabled = at < 0 && one.value !== "keyword"));
    write(note, words);
    note.classList.toggle("rt-new", at < 0);
  };
  return { el, set };
}

/** The passages found, a row each with its rank and score by every search. Arrow keys walk through the rows. */
export function listPart(rows, onPick) {
  const caption = h("caption", { className: "lmkit-hidden" });
  const body = h("tbody");
  const head = h("tr", {}, h("th", { scope: "col" }, LABELS.heads.passage), WAYS.map((way) => h("th", { scope: "col", className: "lmkit-number" },
    LABELS.heads[way], h("span", { className: "rt-small" }, LABELS.headNotes[way]))));
  const el = h("div", { className: "rt-list", style: `--rows: ${rows}` }, h("table", {}, caption, h("thead", {}, head), body));
  let shown = [];
  body.addEventListener("keydown", (event) => {
    const from = shown.indexOf(event.target);
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (from < 0 || to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    shown[to]?.focus();
    shown[to]?.click();
  });
  const cell = (way, { rank, score }) => {
    const number = rank ? LABELS.score[way](score) : "";
    return h("td", { className: "lmkit-number", title: LABELS.cell(way, rank, number), "data-way": way, "data-rank": rank, "data-score": score },
      h("b", {}, rank || LABELS.none), way === "both" ? null : h("span", { className: "rt-small" }, number));
  };
  /** `found` are { i, rank, kind, title, number, text, right, taken, ways: { dense: { rank, score }, … } }; `way` orders them. */
  const set = (way, found, picked) => {
    write(caption, LABELS.list(way));
    head.querySelectorAll("th").forEach((one, at) => one.classList.toggle("rt-by", at > 0 && WAYS[at - 1] === way));
    shown = found.map(({ i, rank, title, number, kind, text, right, taken }) => h("button", { type: "button", className: "rt-name", "data-i": i,
      tabIndex: rank === 1 ? 0 : -1, "aria-pressed": String(i === picked), onClick: () => onPick(i) },
    h("span", { className: "rt-title" }, h("b", { className: "rt-rank" }, String(rank)), swatch(kind), h("span", { className: "rt-of" }, title),
      h("span", {}, LABELS.number(number))),
    h("span", { className: "rt-line" }, right ? h("span", { className: "rt-right" }, LABELS.right) : null,
      taken ? h("span", { className: "lmkit-hidden" }, LABELS.inPrompt) : null, h("span", { className: "rt-snippet" }, text))));
    body.replaceChildren(...found.map(({ taken, ways }, at) => h("tr", { className: taken ? "rt-taken" : "" }, h("td", {}, shown[at]),
      WAYS.map((one) => cell(one, ways[one])))));
  };
  /** Which row is open below. */
  const pick = (picked) => shown.forEach((one) => {
    one.setAttribute("aria-pressed", String(Number(one.dataset.i) === picked));
  });
  return { el, set, pick };
}

/** One passage with the question's words marked, and how its scores come about. `onStep(±1)` asks for its neighbour. */
export function readPart(onStep) {
  const where = h("p", { className: "rt-where" });
  const text = h("div", { className: "rt-scroll rt-text lmkit-token", tabIndex: 0, role: "region", "aria-label": LABELS.read });
  const sums = h("p", { className: "lmkit-note rt-sums" });
  const [before, after] = [["‹", -1, LABELS.before], ["›", 1, LABELS.after]].map(([sign, way, words]) =>
    button(sign, () => onStep(way), { "aria-label": words, title: words }));
  const el = h("section", { className: "rt-read", "aria-label": LABELS.read },
    h("div", { className: "rt-bar" }, h("p", { className: "rt-head" }, LABELS.read), before, after), where, text, sums);
  const set = ({ parts, place, scores, first, last }) => {
    write(where, place);
    text.replaceChildren(...parts.map((part) => (part.hit ? h("mark", {}, part.text) : part.text)));
    text.scrollTop = 0;
    write(sums, scores);
    before.disabled = first;
    after.disabled = last;
  };
  return { el, set };
}

/** The prompt, its passages set off from what it says itself. */
export function promptPart(onCopy) {
  const head = h("p", { className: "rt-head" });
  const copy = button(LABELS.copy, () => onCopy(text.textContent));
  const text = h("pre", { className: "rt-scroll rt-prompt", tabIndex: 0, role: "region" });
  const el = h("section", { className: "rt-whole" }, h("div", { className: "rt-bar" }, head, copy), text);
  const set = (words, parts) => {
    write(head, words);
    text.setAttribute("aria-label", words);
    const classes = { q: "rt-asked", t: "rt-put", d: "rt-named" };
    text.replaceChildren(...parts.map(({ kind, text: words_ }) => (kind ? h("span", { className: classes[kind] }, words_) : words_)));
    copy.disabled = !parts.length;
  };
  return { el, set };
}

/** The groups of documents with their marks and the number of their passages. */
export function legendPart(groups, counts) {
  const items = groups.map((title, d) => h("li", {}, swatch(d), h("span", {}, `${title} (${counts[d]})`)));
  const list = h("ul", { className: "rt-legend" }, items);
  return groups.length > 8 ? h("details", {}, h("summary", {}, LABELS.documents(groups.length)), list) : list;
}
