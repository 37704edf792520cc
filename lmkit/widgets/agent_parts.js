// The parts of the agent widget: the cards of a transcript, the text that the model read, the comparison of the runs.
import { h } from "./base.js";
import { whole } from "./numbers.js";
import { LABELS } from "./agent_labels.js";

const MARGIN = 6; // pixels kept free round the present card

/** Text as it is, with line breaks and tabs; other control characters, and marks that hide or turn text round, become signs. */
export function plainText(text) {
  return text.replace(/\r\n?/g, "\n")
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      (c) => (c === "\u200d" ? c : `⟨${c.codePointAt(0).toString(16).padStart(4, "0")}⟩`));
}

/** The steps of a run as cards, of which those after the present one are not there yet. */
export function transcriptPart(go) {
  const list = h("ol", { className: "ag-cards" });
  const el = h("div", { className: "ag-scroll ag-transcript", role: "region", "aria-label": LABELS.transcript, tabIndex: 0 }, list);
  let cards = [];
  const load = (steps) => {
    cards = steps.map(({ kind, text }, i) => {
      const head = h("button", { type: "button", className: "ag-head", onClick: () => go(i) },
        h("b", {}, LABELS.card(i + 1, LABELS.kinds[kind])), h("span", { className: "ag-by" }, LABELS.by[kind]));
      return h("li", { className: `ag-card ag-${kind}` }, head, h("p", { className: "ag-text" }, plainText(text) || LABELS.empty));
    });
    list.replaceChildren(...cards);
  };
  const set = (at) => {
    cards.forEach((card, i) => {
      card.hidden = i > at;
      card.classList.toggle("ag-now", i === at);
      if (i === at) card.firstChild.setAttribute("aria-current", "step");
      else card.firstChild.removeAttribute("aria-current");
    });
    const [top, end] = [cards[at].offsetTop - MARGIN, cards[at].offsetTop + cards[at].offsetHeight + MARGIN];
    if (end > el.scrollTop + el.clientHeight) el.scrollTop = Math.min(top, end - el.clientHeight);
    if (top < el.scrollTop) el.scrollTop = top;
  };
  const has = (node) => list.contains(node);
  return { el, load, set, has, focus: (at) => cards[at].firstChild.focus({ preventScroll: true }) };
}

/** The exact text before a step, its new part and what came from outside set off. Scrolls to what is new. */
export function promptPart() {
  const head = h("p", { className: "ag-title" });
  const text = h("pre", { className: "ag-scroll ag-prompt", tabIndex: 0, role: "region" });
  const el = h("section", { className: "ag-read" }, head, text);
  const set = ({ kind, prompt }) => {
    head.textContent = LABELS.prompt[kind];
    text.setAttribute("aria-label", LABELS.prompt[kind]);
    const parts = prompt.map(([piece, marks]) => {
      const inner = marks & 2 ? h("span", { className: "ag-outside", title: LABELS.legend.outside }, plainText(piece)) : plainText(piece);
      return marks & 1 ? h("mark", { className: "ag-new" }, inner) : inner;
    });
    text.replaceChildren(...(parts.length ? parts : [LABELS.nothing]));
    const added = text.querySelector(".ag-new");
    text.scrollTop = added ? Math.max(0, added.offsetTop - text.clientHeight / 2) : 0;
  };
  return { el, set };
}

/** What has been spent until a step, four numbers. */
export function spentPart(unit) {
  const names = ["model", "tool", "prompt", "read"], numbers = names.map(() => h("b"));
  const el = h("p", { className: "ag-spent" }, LABELS.spent(unit).map((text, i) => h("span", {}, text, " ", numbers[i])));
  const set = (counts) => names.forEach((name, i) => (numbers[i].textContent = whole(counts[name])));
  return { el, set };
}

/** What the marks inside the text mean. */
export function legendPart() {
  return h("p", { className: "lmkit-note ag-legend" }, h("span", { className: "ag-new" }, LABELS.legend.new),
    h("span", { className: "ag-outside" }, LABELS.legend.outside));
}

/** The ends of the runs as a table, closed at first: a reader may want to guess. Nothing for one run. */
export function comparePart(runs, unit) {
  if (runs.length < 2) return { el: null, set: () => {} };
  const rows = runs.map(({ title, outcome, answer, steps }) => {
    const { model, tool, read } = steps.at(-1).counts;
    return h("tr", {}, h("th", { scope: "row" }, title), h("td", {}, LABELS.outcome(LABELS.signs[outcome], LABELS.outcomes[outcome])),
      h("td", { className: "ag-said", title: answer ?? "" }, answer === null ? LABELS.none : plainText(answer)),
      [model, tool, read].map((n) => h("td", { className: "lmkit-number" }, whole(n))));
  });
  const heads = LABELS.heads(unit).map((text, i) => h("th", { scope: "col", className: i > 2 ? "lmkit-number" : "" }, text));
  const table = h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows));
  const el = h("details", { className: "ag-compare" }, h("summary", {}, LABELS.compare),
    h("div", { className: "ag-wide", role: "region", "aria-label": LABELS.compare, tabIndex: 0 }, table));
  const set = (which) => rows.forEach((row, i) => row.classList.toggle("ag-chosen", i === which));
  return { el, set };
}
