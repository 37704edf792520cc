// A table to search, filter and sort. Arithmetic first: rows are lists of cells, a cell is [value, address].
import { announcer, h, rootElement, uniqueId } from "./base.js";
import { button } from "./controls.js";
import { LABELS } from "./catalogue_labels.js";

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const isEmpty = (value) => value === null || value === undefined || value === "";

/** Whether every word of the query stands somewhere in the row. */
export function rowMatches(row, query) {
  const text = row.map(([value]) => String(value ?? "")).join("\n").toLowerCase();
  return query.toLowerCase().split(/\s+/).filter(Boolean).every((word) => text.includes(word));
}

/** The rows that fit the query and the chosen values, {index of a column: value}. */
export function rowsThatFit(rows, query, chosen) {
  return rows.filter((row) => Object.entries(chosen).every(([i, value]) => String(row[i][0] ?? "") === value) && rowMatches(row, query));
}

/** The rows in the order of a column; empty cells last in both directions, equal ones in the order given. */
export function rowsInOrder(rows, column, descending) {
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : words.compare(String(a), String(b)));
  return rows.map((row, i) => [row, i]).sort(([a, i], [b, j]) => {
    const [x, y] = [a[column][0], b[column][0]];
    if (isEmpty(x) || isEmpty(y)) return isEmpty(x) - isEmpty(y) || i - j;
    return (descending ? -1 : 1) * compare(x, y) || i - j;
  }).map(([row]) => row);
}

/** The values of a column, each once, in order. */
export function valuesOf(rows, column) {
  return [...new Set(rows.map((row) => String(row[column][0] ?? "")))].filter(Boolean).sort(words.compare);
}

function cell([value, address], kind, head) {
  const text = isEmpty(value) ? LABELS.none : kind === "number" ? value.toLocaleString("en", { maximumFractionDigits: 6 }) : String(value);
  const linked = /^https?:\/\//.test(address)
    ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text, h("span", { className: "lmkit-hidden" }, ` (${LABELS.opens})`)) : text;
  return h(head ? "th" : "td", { scope: head ? "row" : null, className: kind === "number" ? "lmkit-number" : text.length > 60 ? "ct-long" : "" }, linked);
}

function render({ model, el }) {
  const [title, columns, rows] = ["title", "columns", "rows"].map((name) => model.get(name));
  const live = announcer();
  const state = { query: "", chosen: {}, column: columns.findIndex(({ key }) => key === model.get("sort")), descending: false };
  const name = title || LABELS.widget;

  const searchId = uniqueId("search");
  const search = h("input", { type: "search", id: searchId, className: "ct-search", autocomplete: "off", spellcheck: false,
    onInput: ({ isComposing }) => isComposing || look({ query: search.value }), onCompositionend: () => look({ query: search.value }) });
  const selects = columns.flatMap(({ title: head, kind }, i) => {
    if (kind !== "choice") return [];
    const id = uniqueId("choice");
    const select = h("select", { id, onChange: () => choose(i, select.value) }, h("option", { value: "" }, LABELS.all), valuesOf(rows, i).map((value) => h("option", { value }, value)));
    return [{ select, el: h("span", { className: "ct-filter" }, h("label", { htmlFor: id }, head), select) }];
  });
  const clear = button(LABELS.clear, () => {
    search.value = "";
    selects.forEach(({ select }) => (select.value = ""));
    look({ query: "", chosen: {} });
  });
  const count = h("p", { className: "lmkit-note ct-count" });
  const heads = columns.map(({ title: head, kind }, i) => {
    const mark = h("span", { className: "ct-mark", "aria-hidden": "true" });
    const sorter = h("button", { type: "button", className: "ct-sort", title: LABELS.sortBy(head), onClick: () => sortBy(i) }, head, mark);
    return { mark, th: h("th", { scope: "col", className: kind === "number" ? "lmkit-number" : "" }, sorter) };
  });
  const body = h("tbody", {});
  const table = h("table", { className: "ct-table" }, h("caption", { className: "lmkit-hidden" }, name), h("thead", {}, h("tr", {}, heads.map(({ th }) => th))), body);
  const box = h("div", { className: "ct-scroll", tabIndex: 0, role: "region", "aria-label": LABELS.scroll(name) }, table);
  const root = rootElement("section", "ct-root", name, title ? h("p", { className: "lmkit-title" }, title) : null,
    h("div", { className: "lmkit-row ct-controls" }, h("span", { className: "ct-filter" }, h("label", { htmlFor: searchId }, LABELS.search), search), selects.map((one) => one.el), clear),
    count, box, live.el);
  el.append(root);

  function draw() {
    const found = rowsThatFit(rows, state.query, state.chosen);
    const shown = state.column < 0 ? found : rowsInOrder(found, state.column, state.descending);
    body.replaceChildren(...shown.map((row) => h("tr", {}, row.map((one, i) => cell(one, columns[i].kind, i === 0)))));
    heads.forEach(({ th, mark }, i) => {
      const now = i === state.column;
      if (now) th.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
      mark.textContent = now ? (state.descending ? " ▼" : " ▲") : "";
    });
    count.textContent = shown.length ? LABELS.counted(shown.length, rows.length) : LABELS.nothing;
    Object.assign(root.dataset, { shown: shown.length, sorted: state.column < 0 ? "" : columns[state.column].key });
  }
  function look(patch) {
    Object.assign(state, patch);
    draw();
    live.say(count.textContent);
  }
  function choose(i, value) {
    const { [i]: _, ...rest } = state.chosen;
    look({ chosen: value ? { ...rest, [i]: value } : rest });
  }
  function sortBy(i) {
    Object.assign(state, { column: i, descending: state.column === i && !state.descending });
    draw();
    box.scrollTop = 0;
    live.say(LABELS.sorted(columns[i].title, state.descending));
  }
  draw();
}

export default { render };
