// What stands around the map: a box that finds words, ranked lists, the bench for a − b + c, the legend, the tables.
import { choice, h, s, uniqueId } from "./base.js";
import { LABELS } from "./embedding_labels.js";
import { OUTLINES } from "./embedding_map.js";

const OFFERED = 8; // words that a box offers

/** A box in which a word is typed and chosen from those that fit. `find(text, most)` and `close(text)` are of `finderOf`,
 *  `name(i)` shows a word, `onPick(i)` hears of a choice. `set(i)` writes a word into it; −1 empties it. */
export function wordBox({ label, hidden = false, finder, name, count, onPick }) {
  const [id, listId] = [uniqueId("word"), uniqueId("words")];
  let [found, active, current] = [[], 0, -1];
  const input = h("input", { type: "text", id, className: "em-input", autocomplete: "off", spellcheck: false, role: "combobox", placeholder: LABELS.searchHint,
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": listId });
  input.setAttribute("autocapitalize", "none");
  const options = h("ul", { id: listId, role: "listbox", "aria-label": LABELS.found, className: "em-options", hidden: true });
  const none = h("p", { className: "em-options em-none", hidden: true });
  const el = h("div", { className: "em-box" }, h("label", { htmlFor: id, className: hidden ? "lmkit-hidden" : "em-label" }, label), input, options, none);
  const close = () => {
    options.hidden = none.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (next) => {
    active = next;
    [...options.children].forEach((one, i) => one.setAttribute("aria-selected", String(i === active)));
    input.setAttribute("aria-activedescendant", options.children[active].id);
    options.children[active].scrollIntoView({ block: "nearest" });
  };
  const pick = (i) => {
    set(i);
    onPick(i);
  };
  const open = () => {
    found = finder.find(input.value, OFFERED);
    if (!found.length) {
      close();
      none.hidden = input.value.trim() === "";
      none.textContent = LABELS.missing(input.value, count);
      return;
    }
    none.hidden = true;
    options.replaceChildren(...found.map((i, k) => h("li", { id: `${listId}-${k}`, role: "option", className: "lmkit-token", "data-i": i,
      onPointerdown: (event) => event.preventDefault(), onClick: () => pick(i) }, name(i))));
    options.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(0);
  };
  const set = (i) => {
    current = i;
    input.value = i < 0 ? "" : name(i);
    close();
  };
  const typed = (event) => !event.isComposing && open();
  input.addEventListener("input", typed);
  input.addEventListener("compositionend", () => open());
  input.addEventListener("focus", () => input.select());
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // an input method is at work
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (options.hidden) open();
      else mark((active + step + found.length) % found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (options.hidden && none.hidden) open();
      else if (!options.hidden) pick(found[active]);
    } else if (event.key === "Escape" && !(options.hidden && none.hidden)) {
      event.preventDefault();
      event.stopPropagation();
      set(current);
    }
  });
  input.addEventListener("blur", () => { // what is left in the box is taken if it is a word, else the last choice comes back
    const i = finder.close(input.value);
    if (i >= 0 && i !== current && input.value !== (current < 0 ? "" : name(current))) pick(i);
    else set(current);
  });
  return { el, input, set };
}

/** A list of words with their cosines, each a button. `tag(i)` is a remark on a word or "". Its height is that of `rows` rows. */
export function rankedList(rows, name, digits, onPick) {
  const el = h("ol", { className: "em-ranked", style: `--rows: ${rows}` });
  const set = (label, found, tag = () => "") => {
    el.setAttribute("aria-label", label);
    el.replaceChildren(...found.map(({ i, cosine }) => {
      const value = LABELS.cosine(cosine, digits);
      const bar = h("i", { className: "em-bar", style: `width: ${Math.max(0, 100 * cosine).toFixed(1)}%` });
      const props = { type: "button", className: "em-word", "data-i": i, "data-cosine": cosine, onClick: () => onPick(i), title: LABELS.goes(name(i), value) };
      return h("li", {}, h("button", props, bar, h("span", { className: "em-name lmkit-token" }, name(i)),
        tag(i) ? h("span", { className: "em-tag" }, tag(i)) : null, h("span", { className: "em-value" }, value)));
    }));
  };
  return { el, set };
}

/** The bench: three boxes, two lists, and which of them the map shows. `onTerms([a, b, c])` hears of words (−1: none yet). */
export function benchPart({ finder, name, count, digits, rows, ready, onTerms, onRule, onPick }) {
  let terms = [-1, -1, -1];
  const boxes = LABELS.terms.map((label, k) => wordBox({ label, finder, name, count, onPick: (i) => onTerms(terms.map((old, j) => (j === k ? i : old))) }));
  const heads = { all: h("p", { className: "em-head" }), others: h("p", { className: "em-head" }, LABELS.ranks.others) };
  const lists = { all: rankedList(rows, name, digits, onPick), others: rankedList(rows, name, digits, onPick) };
  const verdict = h("p", { className: "em-verdict" });
  const rule = choice(LABELS.rule, LABELS.rules, "others", onRule);
  heads.all.textContent = LABELS.ranks.all(count);
  const chips = ready.map((three) => h("button", { type: "button", className: "lmkit-button", onClick: () => onTerms(three) }, LABELS.sum(three.map(name))));
  const el = h("div", { className: "em-bench", role: "group", "aria-label": LABELS.bench }, h("p", { className: "em-head" }, LABELS.bench),
    chips.length ? h("div", { className: "lmkit-row em-ready" }, h("span", { className: "lmkit-note" }, LABELS.ready), chips) : null,
    h("div", { className: "em-terms" }, boxes.map((box) => box.el)), verdict,
    h("div", { className: "em-two" }, ["all", "others"].map((kind) => h("div", { className: `em-${kind}` }, heads[kind], lists[kind].el))),
    h("div", { className: "lmkit-row" }, h("span", { className: "lmkit-note" }, LABELS.rule), rule.el));
  /** `result` is of `analogyOf`, or null where a word is missing; `words` say what to write over it. */
  const set = (next, result, text, chosen) => {
    terms = next;
    boxes.forEach((box, k) => box.set(terms[k]));
    verdict.textContent = text;
    for (const kind of ["all", "others"]) lists[kind].set(heads[kind].textContent, result?.[kind] ?? [], (i) => (terms.includes(i) ? LABELS.term : ""));
    rule.set(chosen);
  };
  return { el, set };
}

/** One button a group and one for all other words, pressed where they are shown. `onToggle(kind, on)`: 0 is all others. */
export function legendPart(groups, rest, onToggle) {
  const outline = (kind) => (kind ? OUTLINES[kind - 1](6) : OUTLINES[0](2.5));
  const swatch = (kind) => s("svg", { viewBox: "-8 -8 16 16", className: `em-swatch em-kind${kind}`, "aria-hidden": "true" }, s("path", { d: outline(kind) }));
  const button = (kind, text) => {
    const one = h("button", { type: "button", className: "lmkit-button em-group", "aria-pressed": "true" }, swatch(kind), text);
    one.addEventListener("click", () => {
      const on = one.getAttribute("aria-pressed") !== "true";
      one.setAttribute("aria-pressed", String(on));
      onToggle(kind, on);
    });
    return one;
  };
  return h("div", { className: "lmkit-row em-legend", role: "group", "aria-label": LABELS.groups },
    groups.map((group, g) => button(g + 1, LABELS.group(group.name, group.words.length))), rest ? button(0, LABELS.rest(rest)) : null);
}

/** A table with its caption. Of a row, texts stand left and numbers right. */
export function tableOf(caption, heads, rows) {
  const isNumber = heads.map((_, k) => typeof rows[0]?.[k] === "number");
  const head = heads.map((text, k) => h("th", { scope: "col", className: isNumber[k] ? "lmkit-number" : "" }, text));
  const cell = (value, k) => (isNumber[k] ? h("td", { className: "lmkit-number" }, LABELS.number(value)) : h("td", {}, h("span", { className: "lmkit-token" }, value)));
  const table = h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell)))));
  return h("div", { className: "em-scroll", tabIndex: 0, role: "region", "aria-label": caption }, table);
}
