// The parts of the logit-lens widget: the grid, the list of a cell, the curves of two tokens. Each is {el, set…}.
import { h, s, shortToken, visibleToken } from "./base.js";
import { chance, depthOf, heightOf, ticksOf, upTo } from "./lens_data.js";
import { LABELS } from "./lens_labels.js";
import { whole } from "./numbers.js";

const named = (text) => h("span", { className: "lmkit-token", title: visibleToken(text) }, shortToken(text, 20));
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-5, 0], PageDown: [5, 0] };

/** A function of a text that computes it once: a grid repeats few tokens often. */
function remembered(make) {
  const made = new Map();
  return (text) => made.get(text) ?? made.set(text, make(text)).get(text);
}

// ---------------------------------------------------------------- the grid

/** One cell for each row and position. `pick(row, position)` is told where the reader goes. */
export function gridPart(lens, tokens, leads, pick) {
  const { rows, count } = lens;
  const last = rows - 1;
  const cells = upTo(rows).map((row) => upTo(count).map((position) =>
    h("td", { role: "gridcell", className: "ln-cell lmkit-token", tabIndex: -1, onClick: () => pick(row, position, true) })));
  const columnHeads = tokens.map((token) => h("th", { scope: "col", className: "lmkit-token", title: visibleToken(token) }, shortToken(token, 9)));
  const rowHeads = upTo(rows).map((row) => h("th", { scope: "row" }, LABELS.rowHead(row)));
  const feet = tokens.map((token, position) => {
    const words = LABELS.leadsAt(visibleToken(token), leads[position]);
    return h("td", { role: "gridcell", title: words, "aria-label": words }, LABELS.rowHead(leads[position]));
  });
  const table = h("table", { role: "grid", className: "ln-grid", "aria-label": LABELS.grid(rows, count) },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, LABELS.corner), columnHeads)),
    h("tbody", {}, rowHeads.map((head, row) => h("tr", {}, head, cells[row]))),
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, LABELS.leads), feet)));
  table.style.setProperty("--columns", count);
  const el = h("div", { className: "ln-scroll" }, table);
  const [short, visible] = [remembered((text) => shortToken(text, 9)), remembered(visibleToken)];
  let [chosen, heads] = [null, []];

  const fill = (show) => {
    cells.forEach((line, row) => line.forEach((cell, position) => {
      const [best, answer, token] = [lens.list(row, position)[0], lens.answer(row, position), visible(tokens[position])];
      const p = show === "best" ? best.p : Math.exp(answer.logp);
      cell.textContent = show === "best" ? short(best.text) : whole(answer.rank);
      cell.style.setProperty("--ln", Math.sqrt(p).toFixed(3));
      cell.classList.toggle("ln-is", best.token === answer.token);
      cell.classList.toggle("ln-lead", row === leads[position]);
      cell.setAttribute("aria-label", show === "best" ? LABELS.cell(row, token, visible(best.text), chance(p, 2))
        : LABELS.cellRank(row, token, answer.rank, chance(p, 2)));
    }));
  };
  const reveal = (cell) => { // scrolls inside the grid only, past the heads that stand still
    const [left, top] = [rowHeads[0].offsetWidth, columnHeads[0].offsetHeight];
    const [right, bottom] = [el.clientWidth, el.clientHeight - feet[0].offsetHeight];
    const [x, y] = [cell.offsetLeft - el.scrollLeft, cell.offsetTop - el.scrollTop];
    if (x < left) el.scrollLeft += x - left;
    if (x + cell.offsetWidth > right) el.scrollLeft += x + cell.offsetWidth - right;
    if (y < top) el.scrollTop += y - top;
    if (y + cell.offsetHeight > bottom) el.scrollTop += y + cell.offsetHeight - bottom;
  };
  const set = (row, position, focus) => {
    reveal(cells[row][position]); // reads sizes, so before anything changes
    if (chosen) {
      chosen.tabIndex = -1;
      chosen.removeAttribute("aria-selected");
    }
    heads.forEach((head) => head.classList.remove("ln-now"));
    chosen = cells[row][position];
    heads = [rowHeads[row], columnHeads[position]];
    heads.forEach((head) => head.classList.add("ln-now"));
    chosen.tabIndex = 0;
    chosen.setAttribute("aria-selected", "true");
    if (focus) chosen.focus({ preventScroll: true });
  };
  table.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey || !chosen?.contains(event.target)) return;
    const row = cells.findIndex((line) => line.includes(chosen)), position = cells[row].indexOf(chosen);
    const ends = { Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? last : row, count - 1] }[event.key];
    const move = event.ctrlKey ? undefined : MOVES[event.key];
    const to = ends ?? (move && [row + move[0], position + move[1]]);
    if (!to) return;
    event.preventDefault();
    pick(Math.max(0, Math.min(last, to[0])), Math.max(0, Math.min(count - 1, to[1])), true);
  });
  return { el, set, fill };
}

/** The colours of the grid; as there, colour follows the square root of the probability. */
export function legendPart() {
  const ticks = [0, 0.1, 0.5, 1].map((p) => h("span", { style: `left: ${100 * Math.sqrt(p)}%` }, `${100 * p} %`));
  return h("div", { className: "ln-legend", role: "img", "aria-label": LABELS.legend },
    h("span", {}, LABELS.legend), h("div", { className: "ln-scale" }, h("div", { className: "ln-ramp" }), h("div", { className: "ln-ticks" }, ticks)));
}

// ---------------------------------------------------------------- the list

/** The best tokens of the chosen cell. `follow(token)` is told which of them the reader follows. */
export function listPart(lens, follow) {
  const heading = h("p", { className: "ln-heading" });
  const items = upTo(lens.top).map(() => {
    const name = h("span", { className: "ln-name lmkit-token" }), bar = h("i", { className: "ln-bar" }), number = h("span", { className: "ln-number" });
    const button = h("button", { type: "button", className: "ln-item", onClick: () => follow(Number(button.value)) },
      name, h("span", { className: "ln-lane", "aria-hidden": "true" }, bar), number);
    return { el: h("li", {}, button), button, name, bar, number };
  });
  const here = h("p", { className: "lmkit-note ln-here" });
  const list = h("ol", { className: "ln-list", "aria-label": LABELS.list }, items.map((one) => one.el));
  const set = (row, position, token, followable) => {
    const answer = lens.answer(row, position);
    heading.replaceChildren(...LABELS.heading(row, named(token)));
    lens.list(row, position).forEach(({ token: id, text, p }, k) => {
      const { button, name, bar, number } = items[k];
      const full = visibleToken(text);
      name.textContent = shortToken(text, 18);
      name.title = full;
      bar.style.width = `${100 * p}%`;
      number.textContent = chance(p);
      button.value = id;
      button.disabled = !followable.includes(id);
      button.title = button.disabled ? "" : LABELS.followOne(full);
      button.classList.toggle("ln-is", id === answer.token);
    });
    here.replaceChildren(...LABELS.answerHere(named(answer.text), answer.rank, chance(Math.exp(answer.logp), 2)));
  };
  const words = () => LABELS.said(heading.textContent, items.map(({ name, number }) => `${name.title} ${number.textContent}`).join(", "), here.textContent);
  return { el: h("div", { className: "ln-panel" }, heading, list, here), set, words };
}

// ---------------------------------------------------------------- the curves

const MARGIN = { left: 56, right: 12, top: 10, bottom: 28 };
export const CHART_HEIGHT = 190;

/** One or two tokens through the layers. `go(row)` is told where on the axis the reader points. */
export function chartPart(rows, go) {
  const svg = s("svg", { role: "img", height: CHART_HEIGHT, className: "ln-chart" });
  const key = h("p", { className: "ln-key" });
  let width = 0;
  const measure = () => (width = svg.parentElement.clientWidth);
  const x = (row) => MARGIN.left + ((width - MARGIN.left - MARGIN.right) * row) / Math.max(1, rows - 1);
  const y = (height) => MARGIN.top + (CHART_HEIGHT - MARGIN.top - MARGIN.bottom) * (1 - height);
  /** curves: [{ name, points }], the answer first; `row` is the chosen one. */
  const set = (curves, axis, row, label) => {
    if (!width) return;
    const lowest = depthOf(curves.map(({ points }) => points), axis);
    const across = ticksOf(axis, lowest).map(({ height, text }) => [
      s("path", { d: `M${MARGIN.left} ${y(height)}H${width - MARGIN.right}`, className: "ln-rule" }),
      s("text", { x: MARGIN.left - 6, y: y(height) + 4, "text-anchor": "end" }, text)]);
    const every = Math.max(1, Math.ceil((rows * 26) / width));
    const down = upTo(rows).filter((one) => one % every === 0).map((one) => s("text", { x: x(one), y: CHART_HEIGHT - 9, "text-anchor": "middle" }, String(one)));
    const lines = curves.map(({ points }, k) => s("g", { className: `ln-line${k}` },
      s("polyline", { points: points.map((point, at) => `${x(at).toFixed(1)},${y(heightOf(point, axis, lowest)).toFixed(1)}`).join(" ") }),
      s("circle", { cx: x(row), cy: y(heightOf(points[row], axis, lowest)), r: 4 })));
    svg.setAttribute("viewBox", `0 0 ${width} ${CHART_HEIGHT}`);
    svg.setAttribute("aria-label", label);
    svg.replaceChildren(...across.flat(), ...down,
      s("path", { d: `M${x(row)} ${MARGIN.top}V${CHART_HEIGHT - MARGIN.bottom}`, className: "ln-cursor" }), ...lines.reverse());
    key.replaceChildren(...curves.map(({ name, points }, k) => h("span", {}, h("i", { className: `ln-swatch ln-line${k}`, "aria-hidden": "true" }),
      LABELS.line(name, points[row].rank, chance(Math.exp(points[row].logp), 2)))));
  };
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const share = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    go(Math.round(Math.max(0, Math.min(1, share)) * (rows - 1)));
  };
  svg.addEventListener("pointerdown", point);
  svg.addEventListener("pointermove", (event) => event.buttons && point(event));
  return { el: h("div", { className: "ln-curves" }, svg, key), set, measure };
}

/** One position as a table, row by row. */
export function tablePart(lens) {
  const caption = h("caption", { className: "lmkit-hidden" }), body = h("tbody");
  let now = null;
  const set = (...place) => {
    now = place;
    if (el.open) fill(...now);
  };
  const fill = (position, token) => {
    caption.textContent = LABELS.caption(visibleToken(token));
    body.replaceChildren(...upTo(lens.rows).map((row) => {
      const [best] = lens.list(row, position), answer = lens.answer(row, position);
      const number = (text) => h("td", { className: "lmkit-number" }, text);
      return h("tr", {}, h("th", { scope: "row" }, LABELS.rowHead(row)), h("td", {}, named(best.text)), number(chance(best.p)),
        number(whole(answer.rank)), number(chance(Math.exp(answer.logp), 2)));
    }));
  };
  const heads = LABELS.heads.map((text, i) => h("th", { scope: "col", className: i > 1 ? "lmkit-number" : "" }, text));
  const region = h("div", { className: "ln-table", tabIndex: 0, role: "region", "aria-label": LABELS.table },
    h("table", {}, caption, h("thead", {}, h("tr", {}, heads)), body));
  const el = h("details", { onToggle: () => el.open && fill(...now) }, h("summary", {}, LABELS.table), region);
  return { el, set };
}
