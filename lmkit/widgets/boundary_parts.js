// The numbers of the boundary widget: how many points are right, the curve of the loss, and the points as a table.
import { h, s } from "./base.js";
import { percent, short, whole } from "./numbers.js";
import { LABELS } from "./boundary_labels.js";
import { curveOf, markOf } from "./boundary_map.js";

const CURVE_HEIGHT = 120; // CSS pixels

/** A table with a caption. A row is a head and its cells; a cell may be [text, class]. */
function tableOf(caption, heads, rows, className) {
  const cell = (content) => {
    const [text, kind] = Array.isArray(content) ? content : [content, ""];
    return h("td", { className: `lmkit-number ${kind}` }, text);
  };
  const head = (text, i) => h(text ? "th" : "td", { scope: text ? "col" : null, className: i ? "lmkit-number" : "" }, text);
  return h("table", { className }, h("caption", {}, caption), h("thead", {}, h("tr", {}, heads.map(head))),
    h("tbody", {}, rows.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, name), cells.map(cell)))));
}

/** show(sets, history, steps): the training points and perhaps those held out, each { right, n, loss, counts }; then the curve. */
export function scorePanel(classes) {
  const measures = h("div", { className: "bo-measures" });
  const curve = s("svg", { className: "bo-curve", role: "img", height: CURVE_HEIGHT });
  const note = h("p", { className: "lmkit-note" });
  const show = (sets, history, steps) => {
    const scores = sets.map(({ right, n, loss }, i) =>
      [[LABELS.training, LABELS.heldOut][i], LABELS.rightOf(right, n), LABELS.accuracy(right, n), LABELS.loss(loss)]);
    const counts = sets[0].counts.map((row, label) =>
      [h("span", {}, markOf(label), classes[label]), ...row.map((n, said) => [whole(n), n && said !== label ? "bo-bad" : ""])]);
    measures.replaceChildren(tableOf(LABELS.measures, LABELS.measureHeads, scores, "bo-scores"),
      tableOf(LABELS.confusion, LABELS.confusionHeads(classes), counts, "bo-confusion"));
    note.textContent = (sets.length > 1 ? LABELS.lossBoth : LABELS.lossCurve)(steps);
    curve.setAttribute("aria-label", note.textContent);
    const width = curve.clientWidth || 240;
    curve.setAttribute("viewBox", `0 0 ${width} ${CURVE_HEIGHT}`);
    curve.replaceChildren(...curveOf(history, width, CURVE_HEIGHT, LABELS.curveAxis));
  };
  return { el: h("div", { className: "bo-right" }, measures, curve, note), show };
}

/** All points as a table that is folded away, and written only while it is open; `onOpen` asks for show(points, chances). */
export function pointsTable(names, classes, onOpen) {
  const el = h("details", { onToggle: () => onOpen() }, h("summary", {}, LABELS.table));
  const show = (points, chances) => {
    if (!el.open) return;
    const rows = points.map(({ at, label }, i) => h("tr", {}, at.map((x) => h("td", { className: "lmkit-number" }, short(x))),
      h("td", {}, classes[label]), h("td", { className: "lmkit-number" }, percent(chances[i]))));
    const heads = LABELS.tableHeads(names, classes[1]).map((text, i) => h("th", { scope: "col", className: i === 2 ? "" : "lmkit-number" }, text));
    el.replaceChildren(el.firstChild, h("table", {}, h("caption", { className: "lmkit-hidden" }, LABELS.table),
      h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)));
  };
  return { el, show };
}
