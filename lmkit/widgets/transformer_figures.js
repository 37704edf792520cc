// The figures of the walk-through: a grid of coloured numbers on a canvas, the tokens, the blocks, and bars of tokens.
import { h, rgb, shortToken, sharpContext, visibleToken } from "./base.js";
import { decimals, percent } from "./numbers.js";
import { box, canvasPen, colourRamp, FONT, heatImage } from "./pens.js";
import { LABELS, ROWS } from "./transformer_labels.js";

const TURN = 50; // degrees by which the names of columns rise
const SLOPE = Math.sin((TURN * Math.PI) / 180);
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -Infinity], End: [0, Infinity] };
const within = (i, n) => Math.max(0, Math.min(n - 1, i));

/** The largest number of a list that is one, by size. */
export function largestOf(values) {
  return values.reduce((most, value) => (Number.isFinite(value) && Math.abs(value) > most ? Math.abs(value) : most), 0);
}

/** Where the cells of a grid stand in a figure `room` wide and at most `height` high. */
export function gridGeometry({ rows, columns, keys }, room, height) {
  const left = Math.min(keys || rows.length > 5 ? 104 : 98, Math.round(room * 0.29));
  const top = keys ? 62 : 20;
  const cell = Math.min(keys ? 42 : 30, (room - left - (keys ? 46 : 4)) / columns);
  const high = Math.min(keys ? Math.max(cell, 18) : rows.length <= 5 ? 58 : 24, (height - top - 3) / rows.length);
  return { left, top, cell, high, width: left + columns * cell + (keys ? 46 : 2), height: top + rows.length * high + 2 };
}

/** Colours −1 … 1 for a grid: each row by its own largest number, or all rows by one, or weights as they are. */
export function levels({ rows, columns, same, unit, masked }) {
  const all = same ? largestOf(rows.flatMap(({ values }) => values)) : 0;
  const out = new Float32Array(rows.length * columns);
  rows.forEach(({ values }, r) => {
    const most = unit ? 1 : same ? all : largestOf(values);
    values.forEach((value, c) => (out[r * columns + c] = masked(r, c) || !most ? 0 : value / most));
  });
  return out;
}

/** A text cut to so many pixels. */
function fitted(context, text, room, bold) {
  context.font = bold ? `600 ${FONT}` : FONT;
  let most = 26;
  let label = shortToken(text, most);
  while (most > 2 && context.measureText(label).width > room) label = shortToken(text, --most);
  return label;
}

/** The grid: a canvas that can be pointed at and walked over. `onMove(row, column, told)`, `onPick(row)`. */
export function gridPart({ onMove, onPick, onLeave }) {
  const canvas = h("canvas", { className: "tf-grid", tabIndex: 0, role: "application" });
  let [figure, geometry, at, colours] = [null, null, { row: 0, column: 0 }, null];

  const drawCells = (context, pen) => {
    const { rows, columns, masked } = figure;
    const { left, top, cell, high } = geometry;
    const ramp = colourRamp(colours.soft, colours.accent, colours.accent2);
    const image = heatImage(levels(figure), columns, ramp);
    const small = h("canvas", { width: columns, height: rows.length });
    small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, left, top, columns * cell, rows.length * high);
    let hidden = "";
    rows.forEach((_, r) => {
      for (let c = 0; c < columns; c++) if (masked(r, c)) hidden += box(left + c * cell, top + r * high, cell, high);
    });
    if (hidden) pen.hatch(hidden, [left, top, columns * cell, rows.length * high], { stroke: rgb(colours.line), fill: rgb(colours.paper) });
    let lines = "";
    if (cell >= 9) for (let c = 1; c < columns; c++) lines += `M${left + c * cell} ${top}v${rows.length * high}`;
    for (let r = 1; r < rows.length; r++) lines += `M${left} ${top + r * high}h${columns * cell}`;
    pen.path(lines, { stroke: rgb(colours.paper), width: high > 12 ? 2 : 1 });
    rows.forEach(({ total }, r) => total && pen.path(`M0 ${top + r * high}h${left + columns * cell}`, { stroke: rgb(colours.ink), width: 1.5 }));
  };
  const drawLabels = (context, pen) => {
    const { rows, columns, keys, same, unit, columnLabel } = figure;
    const { left, top, cell, high } = geometry;
    const [ink, muted] = [rgb(colours.ink), rgb(colours.muted)];
    const every = Math.ceil(13 / high);
    rows.forEach(({ label, values, digits }, r) => {
      const own = r === at.row;
      if (r % every && !own) return;
      const y = top + (r + 0.5) * high;
      const scale = !same && !unit && high >= 30;
      pen.text(left - 6, scale ? y - 8 : y, fitted(context, label, left - 8, own), { fill: own ? ink : muted, anchor: "end", bold: own, halo: own && rgb(colours.paper) });
      if (scale) pen.text(left - 6, y + 8, LABELS.upTo(largestOf(values), Math.min(digits, 2)), { fill: muted, anchor: "end" });
    });
    if (keys) {
      const step = Math.ceil(13 / (cell * SLOPE));
      for (let c = 0; c < columns; c++) {
        if (c % step && c !== at.column) continue;
        const own = c === at.column;
        pen.text(left + (c + 0.5) * cell, top - 7, fitted(context, columnLabel(c), 66, own), { fill: own ? ink : muted, turn: -TURN, bold: own, halo: own && rgb(colours.paper) });
      }
      return;
    }
    const tick = columns > 40 ? 16 : columns > 20 ? 8 : 4;
    for (let c = 0; c < columns; c += tick) pen.text(left + (c + 0.5) * cell, 9, figure.axis === "neuron" ? `${c + 1}.` : String(c), { fill: muted, anchor: "middle" });
  };
  const drawCursor = (pen) => {
    const { left, top, cell, high } = geometry;
    const [x, y] = [left + at.column * cell, top + at.row * high];
    pen.path(box(x - 1, top - 1, cell + 2, figure.rows.length * high + 2), { stroke: rgb(colours.muted), width: 1 });
    if (figure.pick) pen.path(box(left - 1, y - 1, figure.columns * cell + 2, high + 2), { stroke: rgb(colours.ink), width: 1.25 });
    pen.path(box(x - 1, y - 1, cell + 2, high + 2), { stroke: rgb(colours.ink), width: 2.5 });
  };
  const draw = () => {
    const context = sharpContext(canvas, geometry.width, geometry.height);
    const pen = canvasPen(context);
    drawCells(context, pen);
    drawLabels(context, pen);
    drawCursor(pen);
  };
  const hit = ({ offsetX, offsetY }) => {
    const [row, column] = [Math.floor((offsetY - geometry.top) / geometry.high), Math.floor((offsetX - geometry.left) / geometry.cell)];
    if (row < 0 || row >= figure.rows.length || column >= figure.columns) return null;
    return column < 0 ? { row, column: at.column } : { row, column };
  };
  canvas.addEventListener("pointermove", (event) => {
    const to = event.pointerType !== "touch" && hit(event);
    if (to && (to.row !== at.row || to.column !== at.column)) onMove(to.row, to.column, false);
  });
  canvas.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && onLeave());
  canvas.addEventListener("click", (event) => {
    const to = hit(event);
    if (!to) return;
    onMove(to.row, to.column, true);
    if (figure.pick) onPick(to.row);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (figure.pick) onPick(at.row);
      return;
    }
    const [down, across] = MOVES[event.key] ?? [];
    if (down === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    onMove(within(at.row + down, figure.rows.length), within(at.column + across, figure.columns), true);
  });
  const set = (next, cursor, room, height, theme, name) => {
    [figure, at, colours] = [next, cursor, theme];
    geometry = gridGeometry(figure, room, height);
    canvas.dataset.geometry = JSON.stringify(geometry); // where a pointer, or a test, finds a cell
    canvas.setAttribute("aria-label", (figure.pick ? LABELS.figure : LABELS.plainFigure)(name, figure.rows.length, figure.columns));
    draw();
  };
  return { el: canvas, set };
}

/** The tokens with their ids, one card each. */
export function tokenCards(facts, onPick) {
  const cards = facts.tokens.map((token, i) => h("button", { type: "button", className: "tf-card", tabIndex: -1, onClick: () => onPick(i) },
    h("span", { className: "lmkit-token tf-card-token" }, visibleToken(token)), h("span", { className: "tf-card-id" }, facts.ids[i].toLocaleString("en"))));
  const el = h("div", { className: "tf-cards", tabIndex: 0, role: "group", "aria-label": LABELS.cards }, cards);
  const set = (token) => cards.forEach((card, i) => card.classList.toggle("tf-on", i === token));
  return { el, set };
}

const number = (text) => h("td", { className: "lmkit-number" }, text);
const word = (text) => h("td", null, h("span", { className: "lmkit-token" }, shortToken(text, 16)));
const bar = (share) => h("td", { className: "tf-lane" }, h("i", { className: "tf-bar", style: `width:${(100 * share).toFixed(2)}%` }));
const header = (names, numeric) => h("thead", null, h("tr", null, names.map((name, i) => h("th", { scope: "col", className: numeric.includes(i) ? "lmkit-number" : "" }, name))));

/** A row for each block: how long the vector is after it, and what the lens reads there. */
export function blockTable(pass, { token, block }, onPick) {
  const { blocks } = pass.facts;
  const lengths = Array.from({ length: blocks + 1 }, (_, i) => pass.length(2 * i, token));
  const most = Math.max(...lengths);
  const rows = lengths.map((length, i) => {
    const [best] = pass.lens(i, token);
    const name = h("th", { scope: "row" }, i === 0 ? ROWS.before : String(i - 1));
    const own = i === block + 1;
    return h("tr", { className: [i > 0 && "tf-pick", own && "tf-on"].filter(Boolean).join(" "), "aria-current": own ? "true" : null, onClick: () => i > 0 && onPick(i - 1) },
      name, bar(length / most), number(decimals(length, length < 100 ? 2 : 0)), word(best.text), number(percent(best.p)));
  });
  return h("table", { className: "tf-table" }, header([ROWS.block, "", ROWS.length, ROWS.best, ROWS.p], [2, 4]), h("tbody", null, rows));
}

/** The tokens with the highest logits, with bars of the logits or of the probabilities. */
export function predictionTable(pass, { token }, what, most = 9) {
  const { rows } = pass.logits(token);
  const shown = rows.slice(0, most);
  const least = Math.min(0, ...shown.map(({ logit }) => logit));
  const top = Math.max(0, ...shown.map(({ logit }) => logit)) - least || 1;
  const lines = shown.map(({ text, logit, p }) => what === "logits"
    ? h("tr", null, word(text), bar((logit - least) / top), number(decimals(logit, 3)))
    : h("tr", null, word(text), bar(p), number(percent(p))));
  const left = 1 - shown.reduce((sum, { p }) => sum + p, 0);
  if (what !== "logits") lines.push(h("tr", { className: "tf-rest" }, h("td", null, LABELS.others), bar(Math.max(0, left)), number(percent(left < 5e-6 ? 0 : left))));
  return h("table", { className: "tf-table" }, header([ROWS.token, "", what === "logits" ? ROWS.logit : ROWS.probability], [2]), h("tbody", null, lines));
}

/** The numbers of a grid as a table, for reading and for screen readers. */
export function numberTable(figure) {
  const { rows, columns, columnLabel, text } = figure;
  const head = h("thead", null, h("tr", null, h("td"), rows.map(({ label }) => h("th", { scope: "col" }, label))));
  const body = Array.from({ length: columns }, (_, c) =>
    h("tr", null, h("th", { scope: "row" }, columnLabel(c)), rows.map((_, r) => number(text(r, c)))));
  return h("table", { className: "tf-table tf-numbers" }, head, h("tbody", null, body));
}
