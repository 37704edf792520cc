// Pictures of attention, drawn with a pen: a matrix, links between tokens, the overview of all heads, the legend.
import { mix, rgb, shortToken } from "./base.js";
import { LABELS } from "./attention_labels.js";
import { rowOf, topLinks } from "./attention_weights.js";
import { box, canvasPen, FONT, levelOf, shade } from "./pens.js";

// A scene is what is shown: { matrix, rows, columns, queries, keys, span(query), signed, ramp, query, key, title }.

const TURN = 55; // degrees by which column labels stand up
const [SIN, COS] = [Math.sin((TURN * Math.PI) / 180), Math.cos((TURN * Math.PI) / 180)];
export const MOST_LINKS = 8; // curves of the chosen query
const MOST_BACKGROUND = 240; // curves of all other queries together
export const THUMB = 24; // rows and columns of a head's map in the overview, at most; as in attention.py
export const STAGE_HEIGHT = 600; // a taller picture scrolls inside its box

export const range = (n) => Array.from({ length: n }, (_, i) => i);
export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
export const pixelRatio = () => Math.min(globalThis.devicePixelRatio || 1, 3); // as in sharpContext

/** Tokens as labels no wider than `room` pixels, with their widths. */
function fitLabels(tokens, room) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = FONT;
  const fitted = new Map();
  const fit = (token) => {
    for (let most = 14; ; most--) {
      const label = shortToken(token, most);
      const { width } = context.measureText(label);
      if (width <= room || most <= 2) return { label, width };
    }
  };
  return tokens.map((token) => fitted.get(token) ?? fitted.set(token, fit(token)).get(token));
}

const widest = (labels) => labels.reduce((most, { width }) => Math.max(most, width * 1.08), 0); // the chosen label is bold

/** Where everything of a matrix stands. A cell is a whole number of device pixels. */
export function matrixGeometry({ queries, keys }, width) {
  const ratio = pixelRatio(); // of device pixels to CSS pixels
  const room = width < 480 ? 74 : 104;
  const [rowLabels, columnLabels] = [fitLabels(queries, room), fitLabels(keys, room)];
  const left = Math.ceil(Math.max(68, widest(rowLabels) + 10));
  const top = Math.ceil(Math.max(44, widest(columnLabels) * SIN + 16));
  const right = Math.ceil(widest(columnLabels.slice(-3)) * COS + 6);
  const least = Math.max(1, Math.min(10, 250 / keys.length));
  const fitting = Math.min((width - left - right) / keys.length, Math.max(18, (STAGE_HEIGHT - top - 4) / queries.length), 40);
  const cell = Math.max(Math.ceil(least * ratio), Math.floor(fitting * ratio)) / ratio;
  return {
    left, top, cell, rowLabels, columnLabels, width: left + keys.length * cell + right, height: top + queries.length * cell + 4,
  };
}

function maskPath({ rows, columns, span }, { left, top, cell }) {
  let d = "";
  for (let q = 0; q < rows; q++) {
    const [from, to] = span(q);
    if (from > 0) d += box(left, top + q * cell, from * cell, cell);
    if (to < columns) d += box(left + to * cell, top + q * cell, (columns - to) * cell, cell);
  }
  return d;
}

/** Plus and minus signs in the cells of a difference, so that colour is not the only sign. */
function signPaths({ matrix, columns }, { left, top, cell }) {
  const paths = { light: "", dark: "" };
  matrix.forEach((weight, i) => {
    if (Math.abs(weight) < 0.05) return;
    const [x, y] = [left + ((i % columns) + 0.5) * cell, top + (Math.floor(i / columns) + 0.5) * cell];
    paths[Math.abs(weight) > 0.35 ? "light" : "dark"] += `M${x - 3} ${y}h6${weight > 0 ? `M${x} ${y - 3}v6` : ""}`;
  });
  return paths;
}

/** Everything of a matrix but its coloured cells: gaps, signs, the mask, labels. It stays while the head changes. */
export function drawFrame(pen, scene, geometry, colours) {
  const { left, top, cell, rowLabels, columnLabels } = geometry;
  const [width, height] = [scene.columns * cell, scene.rows * cell];
  if (cell >= 9) {
    let lines = "";
    for (let i = 1; i < scene.columns; i++) lines += `M${left + i * cell} ${top}v${height}`;
    for (let i = 1; i < scene.rows; i++) lines += `M${left} ${top + i * cell}h${width}`;
    pen.path(lines, { stroke: rgb(colours.paper) });
  }
  if (scene.signed && cell >= 12) {
    const { light, dark } = signPaths(scene, geometry);
    pen.path(light, { stroke: rgb(colours.paper), width: 1.5 });
    pen.path(dark, { stroke: rgb(colours.ink), width: 1.5 });
  }
  pen.hatch(maskPath(scene, geometry), [left, top, width, height], { stroke: rgb(colours.line), fill: rgb(colours.paper) });
  const [down, across] = [Math.ceil(13 / cell), Math.ceil(13 / (cell * SIN))];
  const [flat, turned] = [{ fill: rgb(colours.muted), anchor: "end" }, { fill: rgb(colours.muted), turn: -TURN }];
  pen.text(left - 14, top - 31, LABELS.axes.across, flat);
  pen.text(left - 14, top - 15, LABELS.axes.down, flat);
  for (let i = 0; i < scene.rows; i += down) pen.text(left - 6, top + (i + 0.5) * cell, rowLabels[i].label, flat);
  for (let i = 0; i < scene.columns; i += across) pen.text(left + (i + 0.5) * cell, top - 7, columnLabels[i].label, turned);
}

/** The crosshair: the query's row, the key's column, and both labels in full ink. */
export function drawCursor(pen, { query, key, columns, locked }, { left, top, cell, rowLabels, columnLabels }, colours) {
  const [x, y] = [left + key * cell, top + query * cell];
  const ink = rgb(colours.ink);
  const line = (bold) => ({ stroke: ink, width: bold && cell > 4 ? 2.5 : 1 });
  pen.path(box(left - 1, y - 1, columns * cell + 2, cell + 2), line(locked));
  pen.path(box(x - 1, y - 1, cell + 2, cell + 2), line(true));
  const label = { fill: ink, bold: true, halo: rgb(colours.paper) };
  pen.text(left - 6, y + cell / 2, rowLabels[query].label, { ...label, anchor: "end" });
  pen.text(x + cell / 2, top - 7, columnLabels[key].label, { ...label, turn: -TURN });
}

/** The legend of a saved picture: eleven squares from the smallest to the largest weight. */
export function drawScale(pen, { signed, ramp }, colours) {
  for (let i = 0; i <= 10; i++) {
    const weight = signed ? (i - 5) / 5 : i / 10;
    pen.path(box(i * 18, 0, 17, 10), { fill: rgb(ramp.colours[levelOf(weight)]) });
  }
  const [low, high] = signed ? [`−1 ${LABELS.more[0]}`, `1 ${LABELS.more[1]}`] : ["0", "1"];
  pen.text(0, 20, low, { fill: rgb(colours.muted) });
  pen.text(198, 20, high, { fill: rgb(colours.muted), anchor: "end" });
}

export function linksGeometry({ rows, columns, queries, keys }, width, roomy, columnNames) {
  const room = clamp(width * 0.3, 70, 150);
  const [rowLabels, columnLabels] = [fitLabels(queries, room), fitLabels(keys, room)];
  const headings = fitLabels(columnNames, room);
  const step = roomy ? 32 : Math.max(rows, columns) > 20 ? 24 : 28;
  const [whole, top] = [Math.min(width, 620), 26];
  const left = Math.ceil(widest([...rowLabels, headings[0]]) + 20);
  const right = Math.floor(whole - widest([...columnLabels, headings[1]]) - 20);
  const height = top + Math.max(rows, columns) * step + 6;
  return { headings, rowLabels, columnLabels, step, top, left, right, width: whole, height };
}

/** The links of the other queries: the two strongest of each, and of those the strongest of all. */
function backgroundLinks({ matrix, rows, columns, query }, [first, last]) {
  const links = [];
  for (let q = Math.max(0, first); q < Math.min(rows, last); q++) {
    if (q !== query) links.push(...topLinks(rowOf(matrix, q, columns), 2).map((link) => ({ q, ...link })));
  }
  return links.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, MOST_BACKGROUND);
}

/** Draws rows `first` to `last`; a page of 512 tokens draws only what is scrolled into sight. */
export function drawLinks(pen, scene, geometry, colours, { all, locked, first = 0, last = Infinity }) {
  const { headings, rowLabels, columnLabels, step, top, left, right, width } = geometry;
  const y = (i) => top + (i + 0.5) * step;
  const curve = (q, k) => {
    const bend = (right - left) * 0.45;
    return `M${left} ${y(q)}C${left + bend} ${y(q)} ${right - bend} ${y(k)} ${right} ${y(k)}`;
  };
  const link = (q, { key, weight }, strength) => pen.path(curve(q, key), {
    stroke: rgb(scene.signed && weight > 0 ? colours.accent2 : colours.accent), width: 0.75 + 6.25 * Math.abs(weight),
    alpha: (0.35 + 0.65 * Math.abs(weight)) * strength, dash: scene.signed && weight < 0 ? [6, 4] : [],
  });
  if (all) for (const one of backgroundLinks(scene, [first, last])) link(one.q, one, 0.3);
  const row = rowOf(scene.matrix, scene.query, scene.columns);
  for (const one of topLinks(row, MOST_LINKS).reverse()) link(scene.query, one, 1);
  const [ink, muted, paper, line] = ["ink", "muted", "paper", "line"].map((name) => rgb(colours[name]));
  const inSight = (list) => range(list.length).slice(Math.max(0, first), Math.min(list.length, last));
  const label = (i, list, x, bold, style) => pen.text(x, y(i), list[i].label, { fill: bold ? ink : muted, bold, ...style });
  const chosen = box(2, y(scene.query) - step / 2 + 2, left - 4, step - 4);
  pen.path(chosen, { fill: rgb(colours.soft), stroke: ink, width: locked ? 2.5 : 1.25 });
  for (const i of inSight(rowLabels)) label(i, rowLabels, left - 10, i === scene.query, { anchor: "end" });
  const [from, to] = scene.span(scene.query);
  for (const i of inSight(columnLabels)) {
    const place = [right + 2, y(i) - step / 2 + 2, width - right - 4, step - 4];
    const masked = i < from || i >= to;
    if (masked) pen.hatch(box(...place), place, { stroke: line, fill: paper });
    else pen.path(box(...place), { fill: tint(row[i], scene, colours) });
    label(i, columnLabels, right + 10, i === scene.key, { halo: masked && paper });
  }
  pen.text(left - 10, 11, headings[0].label, { fill: muted, anchor: "end" });
  pen.text(right + 10, 11, headings[1].label, { fill: muted });
}

/** Background for a token: the weight's colour at half strength, so that the text on it stays legible. */
export function tint(weight, { signed }, colours) {
  return rgb(mix(colours.soft, signed && weight > 0 ? colours.accent2 : colours.accent, Math.abs(shade(weight)) * 0.5));
}

export function overviewGeometry(width, { layers, heads, groups }, roomy) {
  const [left, top] = [20, groups ? 36 : 20];
  const between = groups > 1 ? 4 : 0;
  const fitting = Math.min(Math.floor((width - left - between * groups - 2) / heads), roomy ? 34 : Math.floor(720 / layers));
  const cell = clamp(fitting, roomy ? 32 : 15, 34);
  const perGroup = groups ? heads / groups : heads;
  const x = (head) => left + head * cell + (groups > 1 ? Math.floor(head / perGroup) * between : 0);
  const y = (layer) => top + layer * cell;
  return { left, top, cell, perGroup, x, y, width: x(heads - 1) + cell + 2, height: y(layers) + 2 };
}

export function drawOverview(context, { layers, heads, groups, atlas, pooled }, geometry, colours) {
  const { left, top, cell, perGroup, x, y } = geometry;
  const pen = canvasPen(context);
  const fill = rgb(colours.muted);
  const every = Math.ceil(16 / cell); // room for a number
  context.clearRect(0, 0, geometry.width, geometry.height);
  for (let layer = 0; layer < layers; layer++) {
    if (layer % every === 0) pen.text(left - 5, y(layer) + cell / 2, String(layer), { fill, anchor: "end" });
    for (let head = 0; head < heads; head++) {
      const square = [x(head) + 1, y(layer) + 1, cell - 2, cell - 2];
      pen.path(box(...square), { fill: rgb(colours.soft) });
      context.drawImage(atlas, head * pooled.columns, layer * pooled.rows, pooled.columns, pooled.rows, ...square);
    }
  }
  for (let head = 0; head < heads; head += every) {
    pen.text(x(head) + cell / 2, top - 9, String(head), { fill, anchor: "middle" });
  }
  for (let group = 0; group < groups; group++) {
    const [from, to] = [x(group * perGroup) + 2, x((group + 1) * perGroup - 1) + cell - 2];
    pen.path(`M${from} ${top - 17}v-5H${to}v5`, { stroke: fill });
    const label = to - from > 28 ? `KV ${group}` : group === 0 ? "KV" : "";
    pen.text((from + to) / 2, 7, label, { fill, anchor: "middle" });
  }
}
