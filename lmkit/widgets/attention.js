// Attention: an overview of every head, one head as a matrix or as token-to-token links, and two texts compared.
// Three parts: arithmetic on plain arrays, which knows nothing of the page; pictures, drawn with a "pen" that writes to a
// canvas or to SVG; and the widget, which holds what the reader has chosen and joins the two.
import {
  announcer, choice, download, h, isolated, mix, onTheme, readHash, rgb, s, sharpContext, shortToken, theme, toggle, uniqueId,
  unpack, visibleToken, writeHash,
} from "./base.js";

const LABELS = {
  layer: "Layer",
  head: "Head",
  previous: (what) => `Previous ${what.toLowerCase()}`,
  next: (what) => `Next ${what.toLowerCase()}`,
  queryStep: "query",
  widget: "Attention",
  overviewName: (layers, heads) => `All heads: ${layers} layers down, ${heads} heads across. Arrow keys move, Enter chooses.`,
  groups: (n) => `Heads under one bracket share their keys and values (grouped-query attention, ${n} KV heads).`,
  oneGroup: "All heads share one set of keys and values (multi-query attention).",
  group: (n) => `KV head ${n}`,
  headings: {
    head: (layer, head) => `Layer ${layer} · Head ${head}`,
    layer: (layer) => `Layer ${layer} · mean of its heads`,
    all: () => "Mean of all layers and heads",
  },
  show: "Heads",
  shows: ["One head", "Layer mean", "Mean of all"],
  view: "Picture",
  views: ["Matrix", "Links"],
  compare: "Text",
  sides: ["A", "B", "B − A"],
  sideLine: (letter, name) => `${letter}, ${name}: `,
  hideFirst: "Hide first token",
  withoutFirst: "without the first token",
  allQueries: "All queries",
  lock: "Lock query",
  locked: "Locked. Click the row again or press Escape to let go.",
  unlocked: "Point at a row to preview it; click or tap to lock it.",
  query: (index) => `Query ${index}`,
  attendsTo: "attends to",
  rest: (n, sum) => (n === 1 ? `1 more token, ${sum}` : `${n} more tokens, together ${sum}`),
  cell: (query, key, weight) => `${query} → ${key}: ${weight}`,
  unseen: (query, key) => `${query} → ${key}: masked, no weight is possible`,
  compared: (a, b, d) => `A ${a}, B ${b}, B − A ${d}`,
  renormalised: (parts) =>
    `Without the first token, each row renormalised to sum to 1. For this query the first token held ${parts}.`,
  removed: (letter, value) => (letter ? `${value} in ${letter}` : value),
  doubt: (error) => ` Weights are stored to 1/255, so the shares of this row are good to about ±${error}.`,
  nothingLeft: "Nothing is left in this row: all of its weight was on the first token.",
  nothingLeftIn: (letter) => ` In ${letter} nothing is left in this row.`,
  masks: {
    causal: "Causal mask: a query sees itself and what stands before it.",
    full: "No mask: every query sees every token.",
    cross: "Cross-attention: every target token sees the whole source.",
  },
  windows: {
    shorter: (size) => `Sliding window: only the last ${size} tokens, itself included.`,
    longer: (size) => `Sliding window of ${size} tokens, longer than this text.`,
    full: (size) => `Sliding window of ${size} tokens.`,
  },
  hatched: "masked: cannot be seen",
  more: ["more in A", "more in B"],
  axes: { down: "query ↓", across: "key →" },
  columns: { self: ["query", "key"], cross: ["target (query)", "source (key)"] },
  strips: {
    self: "The text, shaded by what this query attends to",
    target: "Target: choose a query",
    source: "Source, shaded by what this query attends to",
  },
  pictures: {
    matrix: (what, rows, columns) =>
      `${what}, matrix of ${rows} queries by ${columns} keys. Arrow keys move, Enter locks the query, Escape lets go.`,
    links: (what, rows, columns) =>
      `${what}, links from ${rows} queries to ${columns} keys. Up and down choose the query, Enter locks it, Escape lets go.`,
  },
  table: "Weights of this query as a table",
  tableHead: ["key", "token", "weight"],
  caption: (what, index, token) => `${what}, query ${index} ${token}`,
  export: "Save as",
  opening: "Opening layers.",
  lockedSay: "Query locked.",
  unlockedSay: "Query released.",
  csv: ["layer", "head", "query index", "query token", "key index", "key token", "weight"],
};

// ---------------------------------------------------------------- arithmetic
// A matrix is a Float32Array of rows × columns weights, one row a query. Weights are 0 … 1, differences −1 … 1.

/** Bytes 0 … 255 as weights 0 … 1; into an array of that length if one is at hand, which is quicker than a new one. */
export function dequantise(bytes, weights = new Float32Array(bytes.length)) {
  for (let i = 0; i < bytes.length; i++) weights[i] = bytes[i] * (1 / 255);
  return weights;
}

/** A layer's bytes [head, query, key] from the order in which they travel: key by key, the queries that may see it. */
export function fromColumns(packed, heads, rows, columns, causal) {
  const layer = new Uint8Array(heads * rows * columns);
  let at = 0;
  for (let head = 0; head < heads; head++) {
    for (let key = 0; key < columns; key++) {
      for (let query = causal ? key : 0; query < rows; query++) layer[(head * rows + query) * columns + key] = packed[at++];
    }
  }
  return layer;
}

/** The matrix of one head out of a layer's bytes [head, query, key]; `size` is queries × keys. */
export function headWeights(layerBytes, head, size, weights) {
  return dequantise(layerBytes.subarray(head * size, (head + 1) * size), weights);
}

/** The mean over all heads of the given layers. Sums of bytes are exact, so the mean carries no rounding of its own. */
export function meanHeads(layers, size) {
  const sums = new Uint32Array(size);
  let heads = 0;
  for (const bytes of layers) {
    for (let at = 0; at < bytes.length; at += size, heads++) for (let i = 0; i < size; i++) sums[i] += bytes[at + i];
  }
  const mean = new Float32Array(size);
  for (let i = 0; i < size; i++) mean[i] = sums[i] / (255 * heads);
  return mean;
}

export function rowOf(matrix, query, columns) {
  return matrix.subarray(query * columns, (query + 1) * columns);
}

/** A row without its first key, the rest scaled to sum to 1; where nothing is left all weights are 0. */
export function renormaliseWithoutFirst(row) {
  const weights = new Float32Array(row.length);
  let left = 0;
  for (let key = 1; key < row.length; key++) left += row[key];
  if (left > 0) for (let key = 1; key < row.length; key++) weights[key] = row[key] / left;
  return { weights, removed: row[0], left };
}

export function withoutFirst(matrix, columns) {
  const rest = new Float32Array(matrix.length);
  for (let at = 0; at < matrix.length; at += columns) {
    rest.set(renormaliseWithoutFirst(matrix.subarray(at, at + columns)).weights, at);
  }
  return rest;
}

/** b − a, weight by weight. */
export function difference(a, b) {
  const result = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = b[i] - a[i];
  return result;
}

/** At most `most` × `most` equal bins; each holds the weight of largest size, with its sign. */
export function poolMax(matrix, rows, columns, most) {
  const [down, across] = [Math.min(rows, most), Math.min(columns, most)];
  const pooled = new Float32Array(down * across);
  const bins = Uint16Array.from({ length: columns }, (_, c) => Math.floor(((c + 1) * across - 1) / columns));
  for (let r = 0; r < rows; r++) {
    const at = Math.floor(((r + 1) * down - 1) / rows) * across;
    for (let c = 0; c < columns; c++) {
      const value = matrix[r * columns + c];
      if (Math.abs(value) > Math.abs(pooled[at + bins[c]])) pooled[at + bins[c]] = value;
    }
  }
  return pooled;
}

/** The `count` links of largest size, largest first, earlier keys first among equals; zeros are no links. */
export function topLinks(row, count) {
  const best = [];
  for (let key = 0; key < row.length; key++) {
    const size = Math.abs(row[key]);
    if (size === 0 || (best.length === count && size <= Math.abs(best[count - 1].weight))) continue;
    let at = best.length;
    while (at > 0 && Math.abs(best[at - 1].weight) < size) at--;
    best.splice(at, 0, { key, weight: row[key] });
    if (best.length > count) best.pop();
  }
  return best;
}

/** The query with the strongest link to a key other than the first and itself; the last query if there is none. */
export function strongestQuery(matrix, rows, columns) {
  let [best, at] = [0, rows - 1];
  for (let q = 0; q < rows; q++) {
    for (let k = 1; k < columns; k++) {
      const size = k === q ? 0 : Math.abs(matrix[q * columns + k]);
      if (size > best) [best, at] = [size, q];
    }
  }
  return at;
}

/** The keys [from, to) that a query may see; `window` counts the query itself. A bidirectional window is left to the weights. */
export function visibleSpan(query, columns, mask, window) {
  if (mask !== "causal") return [0, columns];
  return [window ? Math.max(0, query - window + 1) : 0, Math.min(columns, query + 1)];
}

/** Colour follows the square root of a weight, so that small weights can be told apart; the legend's ticks say so. */
export function shade(weight) {
  return Math.sign(weight) * Math.sqrt(Math.abs(weight));
}

/** A token as a CSV field: always quoted, and never a formula for a spreadsheet, also not after blanks. */
export function csvToken(token) {
  const guarded = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/.test(token) ? `'${token}` : token;
  return `"${guarded.replaceAll('"', '""')}"`;
}

/** One line a weight, RFC 4180. `layer` and `head` are numbers or "mean". */
export function csv({ layer, head, matrix, queries, keys }) {
  const lines = [LABELS.csv.join(",")];
  const [left, right] = [queries.map(csvToken), keys.map(csvToken)];
  for (let q = 0; q < queries.length; q++) {
    for (let k = 0; k < keys.length; k++) {
      const weight = Number(matrix[q * keys.length + k].toFixed(4)) || 0;
      lines.push(`${layer},${head},${q},${left[q]},${k},${right[k]},${weight}`);
    }
  }
  return lines.join("\r\n") + "\r\n";
}

/** "0.75", "<0.01", and with `signed` "+0.12", "−0.12" or "≈0". */
export function weightText(weight, signed = false) {
  const size = Math.abs(weight);
  if (size === 0) return "0";
  if (size < 0.005) return signed ? "≈0" : "<0.01";
  return (signed ? (weight < 0 ? "−" : "+") : "") + size.toFixed(2);
}

// ---------------------------------------------------------------- pens
// One drawing routine serves the screen, PNG and SVG. Paths are SVG path strings, which canvases read too.

const FONT = '12px system-ui, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "PingFang SC", sans-serif';

/** A label in two parts: the sign of its leading space, drawn faintly, and the rest. */
function markAndRest(label) {
  const mark = /^␣(?=[^␣])/.exec(label)?.[0] ?? "";
  return [mark, isolated(label.slice(mark.length))];
}

/** −1 … 1 in steps of 1/255 as colours, from `negative` over `zero` to `positive`, and the same as pixels in memory. */
function colourRamp(zero, positive, negative) {
  const colours = Array.from({ length: 511 }, (_, i) => {
    const level = shade((i - 255) / 255);
    return mix(zero, level < 0 ? negative : positive, Math.abs(level)).map(Math.round);
  });
  return { colours, pixels: Uint32Array.from(colours, ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r) };
}

const levelOf = (weight) => (weight * 255 + 255.5) | 0; // rounds; several times as fast as Math.round on a quarter million

/** One pixel a weight; `image` may be one that is used again, which spares a long text a megabyte a head. */
function heatImage(matrix, columns, ramp, image = new ImageData(columns, matrix.length / columns)) {
  const [pixels, colours] = [new Uint32Array(image.data.buffer), ramp.pixels];
  for (let i = 0; i < matrix.length; i++) pixels[i] = colours[levelOf(matrix[i])];
  return image;
}

function heatCanvas(matrix, columns, ramp) {
  const canvas = h("canvas", { width: columns, height: matrix.length / columns });
  canvas.getContext("2d").putImageData(heatImage(matrix, columns, ramp), 0, 0);
  return canvas;
}

function canvasPen(context) {
  const pen = {
    at(x, y, draw) {
      context.save();
      context.translate(x, y);
      draw(pen);
      context.restore();
    },
    path(d, { fill, stroke, width = 1, dash = [], alpha = 1 }) {
      const path = new Path2D(d);
      context.globalAlpha = alpha;
      if (fill) {
        context.fillStyle = fill;
        context.fill(path);
      }
      if (stroke) {
        Object.assign(context, { strokeStyle: stroke, lineWidth: width });
        context.setLineDash(dash);
        context.stroke(path);
        context.setLineDash([]);
      }
      context.globalAlpha = 1;
    },
    hatch(d, [x, y, width, height], { stroke, fill }) {
      context.save();
      context.clip(new Path2D(d));
      pen.path(`M${x} ${y}h${width}v${height}h${-width}z`, { fill });
      let lines = "";
      for (let at = 6; at < width + height; at += 6) lines += `M${x + at} ${y}l${-height} ${height}`;
      pen.path(lines, { stroke });
      context.restore();
    },
    text(x, y, label, { fill, anchor = "start", turn = 0, bold = false, halo }) {
      const [mark, rest] = markAndRest(label);
      context.save();
      context.translate(x, y);
      context.rotate((turn * Math.PI) / 180);
      const font = bold ? `600 ${FONT}` : FONT;
      Object.assign(context, { font, fillStyle: fill, textBaseline: "middle", textAlign: "left", direction: "ltr" });
      const [a, b] = [mark ? context.measureText(mark).width : 0, context.measureText(rest).width];
      const start = { start: 0, middle: -(a + b) / 2, end: -(a + b) }[anchor];
      if (halo) {
        context.fillStyle = halo;
        context.fillRect(start - 3, -9, a + b + 6, 18);
        context.fillStyle = fill;
      }
      context.fillText(rest, start + a, 0);
      context.globalAlpha = 0.4;
      if (mark) context.fillText(mark, start, 0);
      context.restore();
    },
    heat(x, y, cell, matrix, columns, ramp) {
      context.imageSmoothingEnabled = false;
      context.drawImage(heatCanvas(matrix, columns, ramp), x, y, columns * cell, (matrix.length / columns) * cell);
    },
  };
  return pen;
}

function svgPen(width, height) {
  const id = uniqueId("hatch");
  const lines = s("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  const root = s("svg", { width, height, viewBox: `0 0 ${width} ${height}` }, s("defs", null, lines));
  root.setAttribute("style", `font: ${FONT}`);
  let into = root;
  const pen = {
    at(x, y, draw) {
      const outer = into;
      into = outer.appendChild(s("g", { transform: `translate(${x} ${y})` }));
      draw(pen);
      into = outer;
    },
    path(d, { fill = "none", stroke, width: thickness, dash, alpha: opacity }) {
      into.append(s("path", { d, fill, stroke, opacity, "stroke-width": thickness, "stroke-dasharray": dash?.join(" ") || null }));
    },
    hatch(d, _box, { stroke, fill }) {
      lines.replaceChildren(s("rect", { width: 6, height: 6, fill }), s("path", { d: "M0 0v6", stroke, "stroke-width": 2 }));
      into.append(s("path", { d, fill: `url(#${id})` }));
    },
    text(x, y, label, { fill, anchor = "start", turn = 0, bold = false }) {
      const [mark, rest] = markAndRest(label).map((part) => (part.toWellFormed?.() ?? part).replace(/[\ufffe\uffff]/g, "\ufffd"));
      const place = { transform: `translate(${x} ${y}) rotate(${turn})`, "text-anchor": anchor, "dominant-baseline": "central" };
      const signs = mark && s("tspan", { opacity: 0.4 }, mark);
      into.append(s("text", { ...place, fill, "font-weight": bold ? 600 : null }, signs, rest));
    },
    heat(x, y, cell, matrix, columns, ramp) {
      const paths = new Map(); // one path a colour, so that 512 tokens stay a file of a few megabytes
      matrix.forEach((weight, i) => {
        const level = levelOf(weight);
        if (level === 255) return;
        const square = `M${x + (i % columns) * cell} ${y + Math.floor(i / columns) * cell}h${cell}v${cell}h${-cell}z`;
        paths.set(level, (paths.get(level) ?? "") + square);
      });
      pen.path(box(x, y, columns * cell, (matrix.length / columns) * cell), { fill: rgb(ramp.colours[255]) });
      for (const [level, d] of paths) pen.path(d, { fill: rgb(ramp.colours[level]) });
    },
    source: () => new XMLSerializer().serializeToString(root),
  };
  return pen;
}

// ---------------------------------------------------------------- pictures
// A scene is what is shown: { matrix, rows, columns, queries, keys, span(query), signed, ramp, query, key, title }.

const TURN = 55; // degrees by which column labels stand up
const [SIN, COS] = [Math.sin((TURN * Math.PI) / 180), Math.cos((TURN * Math.PI) / 180)];
const MOST_LINKS = 8; // curves of the chosen query
const MOST_BACKGROUND = 240; // curves of all other queries together
const THUMB = 24; // rows and columns of a head's map in the overview, at most; as in attention.py
const STAGE_HEIGHT = 600; // a taller picture scrolls inside its box

const box = (x, y, width, height) => `M${x} ${y}h${width}v${height}h${-width}z`;
const range = (n) => Array.from({ length: n }, (_, i) => i);
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const pixelRatio = () => Math.min(globalThis.devicePixelRatio || 1, 3); // as in sharpContext

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
function matrixGeometry({ queries, keys }, width) {
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
function drawFrame(pen, scene, geometry, colours) {
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
function drawCursor(pen, { query, key, columns, locked }, { left, top, cell, rowLabels, columnLabels }, colours) {
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
function drawScale(pen, { signed, ramp }, colours) {
  for (let i = 0; i <= 10; i++) {
    const weight = signed ? (i - 5) / 5 : i / 10;
    pen.path(box(i * 18, 0, 17, 10), { fill: rgb(ramp.colours[levelOf(weight)]) });
  }
  const [low, high] = signed ? [`−1 ${LABELS.more[0]}`, `1 ${LABELS.more[1]}`] : ["0", "1"];
  pen.text(0, 20, low, { fill: rgb(colours.muted) });
  pen.text(198, 20, high, { fill: rgb(colours.muted), anchor: "end" });
}

function linksGeometry({ rows, columns, queries, keys }, width, roomy, columnNames) {
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
function drawLinks(pen, scene, geometry, colours, { all, locked, first = 0, last = Infinity }) {
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
function tint(weight, { signed }, colours) {
  return rgb(mix(colours.soft, signed && weight > 0 ? colours.accent2 : colours.accent, Math.abs(shade(weight)) * 0.5));
}

function overviewGeometry(width, { layers, heads, groups }, roomy) {
  const [left, top] = [20, groups ? 36 : 20];
  const between = groups > 1 ? 4 : 0;
  const fitting = Math.min(Math.floor((width - left - between * groups - 2) / heads), roomy ? 34 : Math.floor(720 / layers));
  const cell = clamp(fitting, roomy ? 32 : 15, 34);
  const perGroup = groups ? heads / groups : heads;
  const x = (head) => left + head * cell + (groups > 1 ? Math.floor(head / perGroup) * between : 0);
  const y = (layer) => top + layer * cell;
  return { left, top, cell, perGroup, x, y, width: x(heads - 1) + cell + 2, height: y(layers) + 2 };
}

function drawOverview(context, { layers, heads, groups, atlas, pooled }, geometry, colours) {
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

// ---------------------------------------------------------------- the widget

const [SHOWS, VIEWS, SIDES] = [["head", "layer", "all"], ["matrix", "links"], ["a", "b", "difference"]]; // in the order of LABELS
const MOVES = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -Infinity], End: [0, Infinity],
  PageUp: [-10, 0], PageDown: [10, 0], Enter: [0, 0], " ": [0, 0],
};
/** A key as [down, across], [0, 0] to choose, or [] if it is not ours: with Alt or Control it is the browser's. */
const movesOf = (event) => (event.altKey || event.ctrlKey || event.metaKey ? [] : (MOVES[event.key] ?? []));

const tag = (name, className, ...children) => h(name, { className }, ...children);
const button = (text, onClick, name) =>
  h("button", { type: "button", className: "lmkit-button", "aria-label": name, onClick }, text);
const idle = () => new Promise((done) => {
  if (globalThis.requestIdleCallback) requestIdleCallback(done, { timeout: 400 });
  else setTimeout(done, 16); // Safari
});

/** The packed layers, each opened once, when first asked for. Side B's layers follow side A's. */
function layerStore(packed, sizes, sides, { layers, heads, rows, columns }) {
  const starts = sizes.map(((at) => (size) => (at += size) - size)(0));
  const [opened, opening] = [new Map(), new Map()];
  const unfold = async (chunk) => {
    const view = new DataView(packed.buffer, packed.byteOffset + starts[chunk], sizes[chunk]);
    const causal = sides[Math.floor(chunk / layers)].mask === "causal";
    opened.set(chunk, fromColumns(await unpack(view, "uint8"), heads, rows, columns, causal));
  };
  const open = (chunk) => opening.get(chunk) ?? opening.set(chunk, unfold(chunk)).get(chunk);
  return { get: (chunk) => opened.get(chunk), open, count: () => opened.size };
}

/** A labelled select between two buttons. */
function stepper(label, count, onChange) {
  const id = uniqueId("stepper");
  const options = range(count).map((i) => h("option", { value: i }, String(i)));
  const select = h("select", { id, onChange: () => onChange(Number(select.value)) }, options);
  const step = (by) => onChange((Number(select.value) + by + count) % count);
  const buttons = [button("‹", () => step(-1), LABELS.previous(label)), button("›", () => step(1), LABELS.next(label))];
  const el = tag("div", "att-stepper", h("label", { htmlFor: id }, label), buttons[0], select, buttons[1]);
  const set = (value, enabled) => {
    select.value = value;
    for (const one of [select, ...buttons]) one.disabled = !enabled || count === 1;
  };
  return { el, set };
}

/** The maps of all heads. Those of a long text A come packed; all others are made from open layers, a few at a time. */
function overviewPart(app) {
  const { state, store, shape: { layers, heads, groups, rows, columns, size } } = app;
  const [pooledRows, pooledColumns] = [Math.min(rows, THUMB), Math.min(columns, THUMB)];
  const pooled = { rows: pooledRows, columns: pooledColumns };
  const atlas = h("canvas", { width: heads * pooledColumns, height: layers * pooledRows });
  const canvas = h("canvas", { tabIndex: 0, role: "application", "aria-label": LABELS.overviewName(layers, heads) });
  const [where, chosenRing, focusRing] = ["att-where", "att-chosen", "att-focused"].map((className) => tag("div", className));
  const legend = groups > 0 && tag("p", "lmkit-note", groups === 1 ? LABELS.oneGroup : LABELS.groups(groups));
  const scroller = tag("div", "att-scroller", tag("div", "att-inner", canvas, chosenRing, focusRing));
  const el = tag("div", "att-overview", where, scroller, legend);
  let [geometry, focus, kind, maps, at, scrolls] = [null, null, "", [], "", false];

  const packedMaps = (layer) =>
    range(heads).map((head) => headWeights(app.thumbs, layer * heads + head, pooledRows * pooledColumns));
  const madeMaps = (layer) => range(heads).map((head) => {
    const whole = app.shownSides().map((side) => headWeights(store.get(side * layers + layer), head, size));
    const parts = state.hideFirst ? whole.map((matrix) => withoutFirst(matrix, columns)) : whole;
    return poolMax(parts.length > 1 ? difference(...parts) : parts[0], rows, columns, THUMB);
  });
  const paint = (layer) => {
    const [context, ramp] = [atlas.getContext("2d"), app.ramp()];
    maps[layer]?.forEach((map, head) =>
      context.putImageData(heatImage(map, pooledColumns, ramp), head * pooledColumns, layer * pooledRows));
  };
  const drawMaps = () => drawOverview(canvas.getContext("2d"), { ...app.shape, atlas, pooled }, geometry, app.colours);
  const place = (ring, [layer, lastLayer], [head, lastHead]) => {
    const { x, y, cell } = geometry;
    const [width, height] = [x(lastHead) + cell - x(head), y(lastLayer) + cell - y(layer)];
    ring.style.cssText = `left:${x(head)}px; top:${y(layer)}px; width:${width}px; height:${height}px`;
  };
  const describe = ({ layer, head }) =>
    LABELS.headings.head(layer, head) + (groups ? ` · ${LABELS.group(Math.floor(head / geometry.perGroup))}` : "");
  /** Puts the rings round what is chosen and what is under pointer or keyboard, and says where that is. */
  const mark = () => {
    const { layer, head, show } = state;
    place(chosenRing, show === "all" ? [0, layers - 1] : [layer, layer], show === "head" ? [head, head] : [0, heads - 1]);
    focusRing.hidden = !focus;
    if (focus) place(focusRing, [focus.layer, focus.layer], [focus.head, focus.head]);
    where.textContent = focus || show === "head" ? describe(focus ?? state) : LABELS.headings[show](layer);
  };
  const reveal = ({ layer }) => { // inside the box; the page stays where it is
    if (!scrolls) return;
    const y = geometry.y(layer);
    scroller.scrollTop = clamp(scroller.scrollTop, y + geometry.cell - scroller.clientHeight, y - geometry.top);
  };
  const draw = () => {
    if (!geometry) return; // not on the page yet
    const wanted = [state.side, state.hideFirst, app.themeCount].join();
    if (wanted !== kind) {
      kind = wanted;
      maps = app.thumbs && state.side === "a" && !state.hideFirst ? range(layers).map(packedMaps) : [];
      atlas.width = heads * pooledColumns; // setting it clears the canvas
      range(layers).forEach(paint);
      drawMaps();
    }
    mark();
    if (at !== `${state.layer} ${state.head}`) reveal(state);
    at = `${state.layer} ${state.head}`;
  };
  /** Makes the maps of one open layer that has none; false when there is nothing to do. */
  const step = () => {
    const layer = range(layers).find((one) => !maps[one] && app.shownSides().every((side) => store.get(side * layers + one)));
    if (layer === undefined || !geometry) return false;
    maps[layer] = madeMaps(layer);
    paint(layer);
    drawMaps();
    return true;
  };
  const resize = (width) => {
    geometry = overviewGeometry(width, app.shape, app.roomy);
    const { left, top, cell, x } = geometry;
    canvas.dataset.geometry = JSON.stringify({ left, top, cell, xs: range(heads).map(x) });
    sharpContext(canvas, geometry.width, geometry.height);
    drawMaps();
    scrolls = scroller.clientHeight < geometry.height; // asked once: asking makes the browser lay out the page
  };
  const hit = ({ offsetX, offsetY }) => {
    const layer = Math.floor((offsetY - geometry.top) / geometry.cell);
    const head = range(heads).find((one) => offsetX >= geometry.x(one) && offsetX < geometry.x(one) + geometry.cell);
    return layer >= 0 && layer < layers && head !== undefined ? { layer, head } : null;
  };
  const move = (to, byKey = false) => {
    if (to?.layer === focus?.layer && to?.head === focus?.head) return;
    focus = to;
    mark();
    if (!byKey) return;
    app.say(describe(to));
    reveal(to);
  };
  canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && move(hit(event)));
  canvas.addEventListener("pointerleave", () => move(null));
  canvas.addEventListener("click", (event) => hit(event) && app.choose({ show: "head", ...hit(event) }));
  canvas.addEventListener("blur", () => move(null));
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && move({ layer: state.layer, head: state.head }, true));
  canvas.addEventListener("keydown", (event) => {
    const from = focus ?? state;
    const [down, across] = movesOf(event);
    if (down === undefined) return;
    event.preventDefault();
    if (!down && !across) app.choose({ show: "head", layer: from.layer, head: from.head });
    else move({ layer: clamp(from.layer + down, 0, layers - 1), head: clamp(from.head + across, 0, heads - 1) }, true);
  });
  return { el, draw, step, resize, height: () => geometry.height };
}

/** The chosen head as a matrix or as links, inside a box that scrolls where it must. */
function stagePart(app) {
  const { state } = app;
  const canvas = h("canvas", { className: "att-picture", tabIndex: 0, role: "application" });
  const cursor = h("canvas", { className: "att-cursor", "aria-hidden": "true" });
  const heat = h("canvas", { className: "att-heat", width: app.shape.columns, height: app.shape.rows });
  const inner = tag("div", "att-inner", heat, canvas, cursor);
  const scroller = h("div", { className: "att-scroller", style: `max-height:${STAGE_HEIGHT}px` }, inner);
  let [geometry, made, frame, pointed, room, image] = [null, [], "", "", 0];

  const renewGeometry = (scene) => {
    const inputs = [scene.queries, scene.keys, state.view, room, pixelRatio(), app.roomy];
    if (inputs.every((value, i) => value === made[i])) return;
    made = inputs;
    geometry = state.view === "matrix"
      ? matrixGeometry(scene, room) : linksGeometry(scene, room, app.roomy, LABELS.columns[app.which]);
    const { left, top, cell, step, right, width, height } = geometry;
    canvas.dataset.geometry = JSON.stringify({ left, top, cell, step, right }); // where a pointer, or a test, finds a token
    inner.style.cssText = `width:${width}px; height:${height}px`;
    [frame, pointed] = ["", ""];
    reveal();
  };
  const drawPointer = () => {
    const scene = app.scene();
    if (state.view === "links") return drawLinksInSight(scene);
    const wanted = [frame, state.query, state.key, state.locked].join();
    if (wanted === pointed) return;
    pointed = wanted;
    const context = cursor.getContext("2d");
    context.clearRect(0, 0, geometry.width, geometry.height);
    drawCursor(canvasPen(context), { ...scene, locked: state.locked }, geometry, app.colours);
  };
  const drawLinksInSight = (scene) => {
    const height = Math.min(geometry.height, STAGE_HEIGHT);
    const context = sharpContext(canvas, geometry.width, height);
    context.translate(0, -scroller.scrollTop);
    const first = Math.floor((scroller.scrollTop - geometry.top) / geometry.step);
    const last = first + Math.ceil(height / geometry.step) + 2;
    drawLinks(canvasPen(context), scene, geometry, app.colours, { ...linkOptions(), first, last });
  };
  /** Another head changes one small image, which the browser scales without smoothing; the frame is drawn when it changes. */
  const drawCells = (scene) => {
    image = heatImage(scene.matrix, scene.columns, scene.ramp, image);
    heat.getContext("2d").putImageData(image, 0, 0);
    const windows = state.show === "all" || app.sides.map((side) => side.windows[state.layer]);
    const wanted = [state.side, windows, app.themeCount, scene.signed && scene.title].join();
    if (frame === wanted) return;
    frame = wanted;
    const { left, top, cell, width, height } = geometry;
    heat.style.cssText = `left:${left}px; top:${top}px; width:${scene.columns * cell}px; height:${scene.rows * cell}px`;
    drawFrame(canvasPen(sharpContext(canvas, width, height)), scene, geometry, app.colours);
    sharpContext(cursor, width, height);
  };
  const draw = () => {
    const scene = app.scene();
    if (!scene || !room) return;
    renewGeometry(scene);
    const links = state.view === "links";
    heat.hidden = cursor.hidden = links;
    if (links) drawLinksInSight(scene);
    else {
      drawCells(scene);
      drawPointer();
    }
    canvas.setAttribute("aria-label", LABELS.pictures[state.view](scene.title, scene.rows, scene.columns));
  };
  const linkOptions = () => ({ all: state.allQueries, locked: state.locked });
  /** The whole picture with heading, for a file. */
  const picture = (pen, width, height) => {
    const scene = app.scene();
    pen.path(box(0, 0, width, height), { fill: rgb(app.colours.paper) });
    pen.text(8, 16, scene.title, { fill: rgb(app.colours.ink), bold: true });
    pen.at(0, 32, (inside) => {
      if (state.view === "links") return drawLinks(inside, scene, geometry, app.colours, linkOptions());
      inside.heat(geometry.left, geometry.top, geometry.cell, scene.matrix, scene.columns, scene.ramp);
      drawFrame(inside, scene, geometry, app.colours);
    });
    pen.at(12, height - 30, (inside) => drawScale(inside, scene, app.colours));
  };
  const pictureSize = () => [Math.max(geometry.width, 7 * app.scene().title.length + 16), geometry.height + 76].map(Math.ceil);
  const hit = ({ offsetX, offsetY }) => {
    const { rows, columns } = app.shape;
    const within = (i, n) => (i >= 0 && i < n ? i : undefined);
    if (state.view === "links") {
      const at = Math.floor((offsetY + scroller.scrollTop - geometry.top) / geometry.step);
      return offsetX < (geometry.left + geometry.right) / 2 ? { query: within(at, rows) } : { key: within(at, columns) };
    }
    const [query, key] = [(offsetY - geometry.top) / geometry.cell, (offsetX - geometry.left) / geometry.cell].map(Math.floor);
    return { query: within(query, rows), key: within(key, columns) };
  };
  /** Scrolls the box, never the page, as little as it takes to see the query and the key. */
  const reveal = () => {
    const { top, left, cell, step = cell } = geometry;
    const [y, x] = [top + state.query * step, left + state.key * cell];
    scroller.scrollTop = clamp(scroller.scrollTop, y + step - scroller.clientHeight, y);
    if (cell) scroller.scrollLeft = clamp(scroller.scrollLeft, x + cell - scroller.clientWidth, x);
  };
  scroller.addEventListener("scroll", () => state.view === "links" && draw());
  canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && app.point(hit(event)));
  canvas.addEventListener("click", (event) => app.press(hit(event)));
  canvas.addEventListener("keydown", (event) => app.keys(event));
  const resize = () => (room = scroller.clientWidth);
  return { el: scroller, draw, drawPointer, reveal, resize, picture, pictureSize };
}

/** The text itself: one listbox of queries, shaded by weight; for cross-attention the source stands below. */
function stripPart(app) {
  const { state, shape: { rows, columns } } = app;
  const id = uniqueId("token");
  const cross = app.which === "cross";
  const chips = (count, role) => Array.from({ length: count }, (_, i) =>
    h("span", { className: "att-chip", role, id: role && `${id}-${i}`, "aria-selected": role && "false", "data-index": i }));
  const queryChips = chips(rows, "option");
  const keyChips = cross ? chips(columns) : queryChips;
  const strip = (role, name, children) => h("div", { className: "att-strip", role, tabIndex: 0, "aria-label": name }, children);
  const { self, target, source } = LABELS.strips;
  const list = strip("listbox", cross ? target : self, queryChips);
  const el = h("div", null, cross && tag("div", "lmkit-note", target), list,
    cross && [tag("div", "lmkit-note", source), strip("group", source, keyChips)]);
  let [shown, at, colours] = [[], -1, []];
  /** As in the running text: one leading space stays a space, everything else invisible gets a sign. */
  const running = (token) => (/^ [^ ]/.test(token) ? ` ${visibleToken(token.slice(1))}` : visibleToken(token));
  const setTexts = (chipList, tokens) => chipList.forEach((chip, i) => (chip.textContent = running(tokens[i])));
  const draw = (scene) => {
    if (shown[0] !== scene.queries || shown[1] !== scene.keys) {
      shown = [scene.queries, scene.keys];
      setTexts(queryChips, scene.queries);
      if (cross) setTexts(keyChips, scene.keys);
    }
    const row = rowOf(scene.matrix, scene.query, columns);
    const [from, to] = scene.span(scene.query);
    keyChips.forEach((chip, i) => {
      const colour = i < from || i >= to ? "transparent" : row[i] ? tint(row[i], scene, app.colours) : "";
      if (colours[i] === colour) return; // most chips keep their colour: 512 of them stay quick
      colours[i] = colour;
      chip.style.backgroundColor = colour;
      chip.classList.toggle("att-unseen", colour === "transparent");
    });
    keyChips[0].classList.toggle("att-absent", state.hideFirst);
    if (at !== scene.query) {
      queryChips[at]?.setAttribute("aria-selected", "false");
      at = scene.query;
      queryChips[at].setAttribute("aria-selected", "true");
      list.setAttribute("aria-activedescendant", `${id}-${at}`);
      const { offsetTop, offsetHeight } = queryChips[at];
      list.scrollTop = clamp(list.scrollTop, offsetTop + offsetHeight + 4 - list.clientHeight, offsetTop - 4);
    }
    list.classList.toggle("att-locked", state.locked);
  };
  const hit = (event) => {
    const chip = event.target.closest(".att-chip");
    return chip ? { query: Number(chip.dataset.index) } : {};
  };
  list.addEventListener("pointermove", (event) => event.pointerType !== "touch" && app.point(hit(event)));
  list.addEventListener("click", (event) => app.press(hit(event)));
  list.addEventListener("keydown", (event) => app.keys(event, true));
  return { el, draw };
}

/** The query in numbers: its strongest keys, what was left out, the weight under the pointer, and the whole row as a table. */
function readingPart(app) {
  const { state, sides, shape: { rows, columns } } = app;
  const [index, name] = [tag("span", "lmkit-note"), tag("span", "lmkit-token att-name")];
  const [rest, cell] = [tag("p", "lmkit-note att-rest"), tag("p", "att-cell")];
  const [sink, mode] = [tag("p", "lmkit-note att-sink"), tag("p", "lmkit-note")];
  const step = (by) => app.point({ query: (state.query + by + rows) % rows }, true);
  const lock = toggle(LABELS.lock, false, () => app.press({ query: state.query }));
  const entries = range(MOST_LINKS).map(() => {
    const [token, bar, number] = [tag("span", "lmkit-token"), tag("span", "att-bar"), tag("span", "lmkit-value")];
    return { token, bar, number, el: h("li", null, token, tag("span", "att-track", bar), number) };
  });
  const [keyHead, tokenHead, weightHead] = LABELS.tableHead;
  const headings = [keyHead, tokenHead, ...(sides.length > 1 ? LABELS.sides : [weightHead])];
  const [caption, body] = [tag("caption", "lmkit-note"), h("tbody")];
  const number = (kind, text, props) => h(kind, { className: "lmkit-number", ...props }, text);
  const top = h("thead", null, h("tr", null, headings.map((text) => number("th", text, { scope: "col" }))));
  const scroller = h("div", { className: "att-scroller", tabIndex: 0, role: "group", "aria-label": LABELS.table },
    h("table", null, caption, top, body));
  const table = h("details", { className: "att-table", onToggle: () => app.scene() && draw(app.scene()) },
    h("summary", null, LABELS.table), scroller);
  const buttons = tag("span", "att-stepper", button("‹", () => step(-1), LABELS.previous(LABELS.queryStep)),
    button("›", () => step(1), LABELS.next(LABELS.queryStep)), lock.el);
  const el = tag("div", "att-reading", tag("div", "lmkit-row att-query", index, name, buttons),
    h("ol", { className: "att-top", "aria-label": LABELS.attendsTo, style: `--rows:${Math.min(columns, MOST_LINKS)}` },
      entries.map((entry) => entry.el)), rest, cell, sink, mode); // room for all entries, so that a preview moves nothing

  const values = (scene, key) => {
    const text = scene.parts.map((part) => weightText(rowOf(part, scene.query, columns)[key]));
    return text.length > 1 ? [...text, weightText(scene.change[scene.query * columns + key], true)] : text;
  };
  const cellText = (scene) => {
    const [query, key] = [visibleToken(scene.queries[scene.query]), visibleToken(scene.keys[scene.key])];
    const [from, to] = scene.span(scene.query);
    if (scene.key < from || scene.key >= to) return LABELS.unseen(query, key);
    const numbers = values(scene, scene.key);
    return LABELS.cell(query, key, numbers.length > 1 ? LABELS.compared(...numbers) : numbers[0]);
  };
  const sinkText = (scene) => {
    if (!state.hideFirst) return "";
    const letter = (i) => (sides.length > 1 ? LABELS.sides[i] : "");
    const used = app.shownSides()
      .map((i) => ({ letter: letter(i), ...renormaliseWithoutFirst(rowOf(scene.wholes[i], scene.query, columns)) }));
    const held = LABELS.renormalised(used.map((one) => LABELS.removed(one.letter, weightText(one.removed))).join(", "));
    const empty = used.filter((one) => one.left === 0);
    if (empty.length === used.length) return `${held} ${LABELS.nothingLeft}`;
    const error = Math.max(...used.map((one) => (one.left > 0 ? 0.5 / 255 / one.left : 0)));
    const doubt = error >= 0.01 ? LABELS.doubt(error.toFixed(2)) : "";
    return held + empty.map((one) => LABELS.nothingLeftIn(one.letter)).join("") + doubt;
  };
  const draw = (scene) => {
    const row = rowOf(scene.matrix, scene.query, columns);
    const top = topLinks(row, MOST_LINKS);
    index.textContent = LABELS.query(scene.query);
    name.textContent = visibleToken(scene.queries[scene.query]);
    lock.set(state.locked);
    entries.forEach((entry, i) => {
      entry.el.hidden = i >= top.length;
      if (entry.el.hidden) return;
      entry.token.textContent = visibleToken(scene.keys[top[i].key]);
      entry.bar.style.width = `${Math.min(100, 100 * Math.abs(top[i].weight))}%`;
      entry.bar.classList.toggle("att-more", scene.signed && top[i].weight > 0);
      entry.number.textContent = weightText(top[i].weight, scene.signed);
    });
    const others = row.reduce((n, w) => n + (w !== 0), 0) - top.length;
    const left = row.reduce((sum, w) => sum + w, 0) - top.reduce((sum, one) => sum + one.weight, 0);
    rest.textContent = others > 0 && !scene.signed ? LABELS.rest(others, weightText(Math.max(0, left))) : "";
    cell.textContent = cellText(scene);
    sink.textContent = sinkText(scene);
    mode.textContent = state.locked ? LABELS.locked : LABELS.unlocked;
    if (!table.open) return;
    caption.textContent = LABELS.caption(scene.title, scene.query, visibleToken(scene.queries[scene.query]));
    body.replaceChildren(...range(columns).map((key) => h("tr", null, number("td", key),
      tag("td", "lmkit-token", visibleToken(scene.keys[key])), values(scene, key).map((text) => number("td", text)))));
  };
  /** The query and its three strongest links, for a screen reader. */
  const summary = (scene) => {
    const links = topLinks(rowOf(scene.matrix, scene.query, columns), 3)
      .map(({ key, weight }) => `${visibleToken(scene.keys[key])} ${weightText(weight, scene.signed)}`);
    return `${LABELS.query(scene.query)} ${visibleToken(scene.queries[scene.query])} ${LABELS.attendsTo} ${links.join(" · ")}`;
  };
  return { el, table, draw, summary, cellText };
}

/** What the colours and the hatching mean. */
function legendPart(app) {
  const [bar, ticks, mask] = [tag("div", "att-ramp"), tag("div", "att-ticks"), tag("p", "lmkit-note")];
  const [less, more] = LABELS.more.map((text) => tag("span", "att-end", text));
  const hatched = tag("span", "att-hatched", tag("span", "att-swatch"), LABELS.hatched);
  const el = tag("div", "att-legend", tag("div", "lmkit-row", less, tag("div", "att-scale", bar, ticks), more, hatched), mask);
  let drawn = "";
  const draw = (scene) => {
    const wanted = [scene.signed, scene.maskText, app.themeCount].join();
    if (wanted === drawn) return;
    drawn = wanted;
    const place = (value) => 100 * (scene.signed ? (1 + shade(value)) / 2 : shade(value));
    const { soft, accent, accent2 } = app.colours;
    const stops = (scene.signed ? [accent, soft, accent2] : [soft, accent]).map((colour) => rgb(colour));
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    ticks.replaceChildren(...(scene.signed ? [-1, -0.25, 0, 0.25, 1] : [0, 0.1, 0.25, 0.5, 1]).map((value) =>
      h("span", { style: `left:${place(value)}%` }, String(value).replace("-", "−"))));
    less.hidden = more.hidden = !scene.signed;
    hatched.hidden = range(scene.rows).map(scene.span).every(([from, to]) => from === 0 && to === scene.columns);
    mask.textContent = scene.maskText;
  };
  return { el, draw };
}

/** Builds what is shown from what is chosen, and keeps it until something of that changes. */
function sceneMaker(app) {
  const { state, store, sides, shape: { layers, rows, columns, size } } = app;
  const tokenLists = new Map();
  const tokens = (role) => {
    const key = role + state.side;
    if (!tokenLists.has(key)) {
      const [a, b] = app.shownSides().map((side) => sides[side][role]);
      tokenLists.set(key, b ? a.map((token, i) => (token === b[i] ? token : `${visibleToken(token)} | ${visibleToken(b[i])}`)) : a);
    }
    return tokenLists.get(key);
  };
  const reused = []; // one array a side, for whichever head is shown
  const meansOfAll = []; // one a side: the only mean that is slow to make
  const whole = (side) => {
    const bytes = store.get(side * layers + state.layer);
    if (state.show === "head") return (reused[side] = headWeights(bytes, state.head, size, reused[side]));
    if (state.show === "layer") return meanHeads([bytes], size);
    return (meansOfAll[side] ??= meanHeads(range(layers).map((layer) => store.get(side * layers + layer)), size));
  };
  const shownLayers = () => (state.show === "all" ? range(layers) : [state.layer]);
  const span = (query) => {
    const spans = app.shownSides().flatMap((side) =>
      shownLayers().map((layer) => visibleSpan(query, columns, sides[side].mask, sides[side].windows[layer])));
    return [Math.min(...spans.map(([from]) => from)), Math.max(...spans.map(([, to]) => to))];
  };
  const maskText = ({ mask, windows }) => {
    const window = state.show === "all" ? null : windows[state.layer];
    const words = LABELS.masks[app.which === "cross" ? "cross" : mask];
    if (!window) return words;
    return `${words} ${LABELS.windows[mask === "full" ? "full" : window < rows ? "shorter" : "longer"](window)}`;
  };
  const title = () => {
    const parts = [LABELS.headings[state.show](state.layer, state.head)];
    if (sides.length > 1) parts.push(LABELS.sides[SIDES.indexOf(state.side)]);
    if (state.hideFirst) parts.push(LABELS.withoutFirst);
    return parts.join(", ");
  };
  const make = () => {
    const wholes = sides.map((_, side) => whole(side));
    const parts = state.hideFirst ? wholes.map((matrix) => withoutFirst(matrix, columns)) : wholes;
    const change = parts.length > 1 ? difference(...parts) : null;
    const signed = state.side === "difference";
    return {
      matrix: signed ? change : parts[state.side === "b" ? 1 : 0], wholes, parts, change, signed, rows, columns, span,
      queries: tokens("queries"), keys: tokens("keys"), ramp: app.ramp(), title: title(),
      maskText: [...new Set(app.shownSides().map((side) => maskText(sides[side])))].join(" "),
    };
  };
  let [made, scene] = ["", null];
  return () => {
    const wanted = [state.layer, state.head, state.show, state.side, state.hideFirst, app.themeCount].join();
    if (wanted !== made) [made, scene] = [wanted, make()];
    return Object.assign(scene, { query: state.query, key: state.key });
  };
}

/** What the reader can set: layer, head, means, picture, text, first token. */
function controlsPart(app) {
  const { state, sides, shape: { layers, heads } } = app;
  const layer = stepper(LABELS.layer, layers, (value) => app.choose({ layer: value }));
  const head = stepper(LABELS.head, heads, (value) => app.choose({ head: value }));
  const pick = (name, label, keys, texts) =>
    choice(label, keys.map((key, i) => [key, texts[i]]), state[name], (value) => app.choose({ [name]: value }));
  const flip = (name, label) => toggle(label, state[name], (value) => app.choose({ [name]: value })).el;
  const [allQueries, show] = [flip("allQueries", LABELS.allQueries), pick("show", LABELS.show, SHOWS, LABELS.shows)];
  const view = pick("view", LABELS.view, VIEWS, LABELS.views);
  const side = sides.length > 1 && pick("side", LABELS.compare, SIDES, LABELS.sides).el;
  const el = tag("div", "att-controls",
    h("div", null, layer.el, head.el, show.el), h("div", null, view.el, side, flip("hideFirst", LABELS.hideFirst), allQueries));
  const draw = () => {
    show.set(state.show);
    layer.set(state.layer, state.show !== "all");
    head.set(state.head, state.show === "head");
    allQueries.hidden = state.view !== "links";
  };
  return { el, draw };
}

/** Buttons that save what is shown. */
function savePart(app, stage) {
  const { state, sides } = app;
  const layer = () => (state.show === "all" ? "mean" : state.layer);
  const head = () => (state.show === "head" ? state.head : "mean");
  const name = (ending) => {
    const parts = ["attention", `layer-${layer()}`, `head-${head()}`];
    if (sides.length > 1) parts.push({ a: "A", b: "B", difference: "B-minus-A" }[state.side]);
    if (state.hideFirst) parts.push("without-first-token");
    return parts.join("-") + ending;
  };
  const saveCsv = () => { // the mark at its start tells Excel that the file is UTF-8
    download(name(".csv"), `\ufeff${csv({ ...app.scene(), layer: layer(), head: head() })}`, "text/csv;charset=utf-8");
  };
  const saveSvg = () => {
    const pen = svgPen(...stage.pictureSize());
    stage.picture(pen, ...stage.pictureSize());
    download(name(".svg"), pen.source(), "image/svg+xml");
  };
  const savePng = () => {
    const [width, height] = stage.pictureSize();
    const scale = Math.min(2, Math.sqrt(16e6 / (width * height))); // phones refuse canvases of more than 16 million pixels
    const canvas = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    stage.picture(canvasPen(context), width, height);
    canvas.toBlob((blob) => download(name(".png"), blob));
  };
  return tag("div", "lmkit-row att-save", tag("span", "lmkit-note", LABELS.export),
    button("PNG", savePng), button("SVG", saveSvg), button("CSV", saveCsv));
}

/** The part of the page's address that is this widget's: none for the first on the page, then `a2.`, `a3.`, … */
function addressPrefix(root) {
  const at = [...document.querySelectorAll(".att-root")].indexOf(root);
  return at > 0 ? `a${at + 1}.` : "";
}

/** The layer and head that the address gives to this widget, as far as they exist. */
function fromAddress(root, { layers, heads }) {
  const [prefix, hash, found] = [addressPrefix(root), readHash(), {}];
  for (const [name, count] of [["layer", layers], ["head", heads]]) {
    const text = hash[prefix + name] ?? "";
    if (/^\d+$/.test(text) && Number(text) < count) found[name] = Number(text);
  }
  return found;
}

function toAddress(root, { layer, head }) {
  const prefix = addressPrefix(root);
  const ours = { [`${prefix}layer`]: layer, [`${prefix}head`]: head };
  const others = Object.entries(readHash()).filter(([name]) => /^(a\d+\.)?(layer|head)$/.test(name) && !(name in ours));
  writeHash({ ...ours, ...Object.fromEntries(others) });
}

async function render({ model, el }) {
  const [layers, heads, kvHeads, sides, which] = ["layers", "heads", "kv_heads", "sides", "which"].map((name) => model.get(name));
  const [rows, columns] = [sides[0].queries.length, sides[0].keys.length];
  const state = {
    layer: model.get("layer"), head: model.get("head"), show: "head", side: "a", view: "matrix", hideFirst: false, allQueries: true,
    query: 0, key: 0, locked: false,
  };
  const live = announcer();
  const root = h("div", { className: "lmkit att-root", role: "group", "aria-label": model.get("title") || LABELS.widget,
    "data-lm-suppress-shortcuts": "true" }); // in JupyterLab arrow keys would move between cells
  el.append(root);
  let [ready, alive, width] = [false, true, 0];
  const groups = kvHeads < heads && heads % kvHeads === 0 ? kvHeads : 0;
  const shape = { layers, heads, groups, rows, columns, size: rows * columns };
  const app = {
    state, sides, which, shape, themeCount: 0, colours: theme(root), say: live.say,
    store: layerStore(model.get("weights"), model.get("layer_sizes"), sides, shape),
    shownSides: () => ({ a: [0], b: [1], difference: [0, 1] })[state.side],
    ramp() {
      const { soft, accent, accent2 } = app.colours;
      return colourRamp(soft, state.side === "difference" ? accent2 : accent, accent);
    },
  };
  const makeScene = sceneMaker(app);
  app.scene = () => (ready ? makeScene() : null);

  // The page.
  const [overview, controls, stage] = [overviewPart(app), controlsPart(app), stagePart(app)];
  const [strip, reading, legend] = [stripPart(app), readingPart(app), legendPart(app)];
  const texts = sides.length > 1 && tag("div", "lmkit-note", sides.map(({ name, queries }, i) => tag("div", "att-text",
    h("strong", null, LABELS.sideLine(LABELS.sides[i], name)), tag("span", "lmkit-token", queries.map(visibleToken).join(" ")))));
  const side = tag("div", "att-side", overview.el);
  const panels = tag("div", "att-panels", tag("div", "att-stage", stage.el, legend.el));
  const body = tag("div", "att-body", side, tag("div", "att-detail", controls.el, texts, strip.el, panels));
  root.append(model.get("title") ? tag("p", "lmkit-title", model.get("title")) : "", body,
    tag("div", "att-foot", reading.table, savePart(app, stage)), live.el);

  // Drawing.
  const drawRow = () => {
    strip.draw(app.scene());
    reading.draw(app.scene());
    Object.assign(root.dataset, { query: state.query, key: state.key, locked: state.locked });
  };
  const drawAll = () => {
    if (!ready || !width) return;
    stage.draw();
    legend.draw(app.scene());
    drawRow();
    controls.draw();
    overview.draw();
    Object.assign(root.dataset, { layer: state.layer, head: state.head });
    background();
  };

  // Choosing what is shown. Layers are opened when asked for, the others when the browser has nothing better to do.
  const chunksFor = ({ layer, show }) =>
    sides.flatMap((_, i) => (show === "all" ? range(layers) : [layer]).map((one) => i * layers + one));
  let [pending, writing] = [{}, 0];
  app.choose = async (patch, byReader = true) => {
    pending = { ...pending, ...patch };
    const next = { ...state, ...pending };
    if (byReader && (next.layer !== state.layer || next.head !== state.head)) {
      clearTimeout(writing);
      writing = setTimeout(() => toAddress(root, state), 150); // writing it can take longer than drawing the head
      model.set("layer", next.layer);
      model.set("head", next.head);
      model.save_changes();
    }
    const closed = chunksFor(next).filter((chunk) => !app.store.get(chunk));
    if (closed.length) {
      root.setAttribute("aria-busy", "true");
      app.say(LABELS.opening);
      const asked = pending;
      await Promise.all(closed.map(app.store.open));
      if (asked !== pending || !alive) return; // a later choice has taken this one with it
      root.removeAttribute("aria-busy");
    }
    Object.assign(state, pending);
    pending = {};
    drawAll();
    if (byReader) app.say(`${app.scene().title}. ${reading.summary(app.scene())}`);
  };
  const atOnce = Math.max(1, Math.floor(1e6 / (heads * shape.size))); // layers opened together: all of a short text
  let busy = false;
  const background = async () => {
    if (busy) return;
    busy = true;
    for (let more = true; more && alive;) {
      await idle();
      const until = performance.now() + 8;
      while ((more = overview.step()) && performance.now() < until);
      const far = (chunk) => Math.abs((chunk % layers) - state.layer);
      const closed = range(layers * sides.length).filter((chunk) => !app.store.get(chunk)).sort((a, b) => far(a) - far(b));
      await Promise.all(closed.slice(0, atOnce).map(app.store.open));
      more ||= closed.length > 0;
      root.dataset.opened = app.store.count();
    }
    busy = false;
  };

  // Choosing a query and a key.
  const moved = (words) => {
    stage.reveal();
    stage.drawPointer();
    drawRow();
    if (words) app.say(words(app.scene()));
  };
  /** Pointing moves no locked query; keys and buttons (`told`) do. */
  app.point = ({ query, key }, told = false) => {
    const next = { query: state.locked && !told ? state.query : (query ?? state.query), key: key ?? state.key };
    if (!ready || (next.query === state.query && next.key === state.key)) return;
    const words = next.query === state.query ? reading.cellText : reading.summary;
    Object.assign(state, next);
    moved(told && words);
  };
  app.press = ({ query, key }) => {
    if (query === undefined) return app.point({ key });
    Object.assign(state, { query, key: key ?? state.key, locked: !(state.locked && query === state.query) });
    moved((scene) => `${state.locked ? LABELS.lockedSay : LABELS.unlockedSay} ${reading.summary(scene)}`);
  };
  /** Keyboard of matrix, links and text; in the text, which is one line, left and right move the query. */
  app.keys = (event, alongText = false) => {
    const [down, across] = movesOf(event);
    if (down === undefined) return;
    event.preventDefault();
    const query = clamp(state.query + down + (alongText ? across : 0), 0, rows - 1);
    if (!down && !across) app.press({ query: state.query });
    else app.point({ query, key: alongText ? state.key : clamp(state.key + across, 0, columns - 1) }, true);
  };
  root.addEventListener("keydown", (event) => event.key === "Escape" && state.locked && app.press({ query: state.query }));

  // The address, the size, the theme, and the kernel, if there is one.
  const onHash = () => {
    const found = fromAddress(root, shape);
    if (!Object.keys(found).length) return;
    root.scrollIntoView({ block: "nearest" });
    app.choose(found, false);
  };
  const onModel = () => {
    const next = { layer: clamp(model.get("layer"), 0, layers - 1), head: clamp(model.get("head"), 0, heads - 1) };
    if (next.layer !== state.layer || next.head !== state.head) app.choose(next, false);
  };
  const readTheme = () => {
    const [before, colours] = [JSON.stringify(app.colours), theme(root)];
    if (JSON.stringify(colours) !== before) Object.assign(app, { colours, themeCount: app.themeCount + 1 });
  };
  const resize = () => {
    if (!body.clientWidth || width === body.clientWidth) return;
    if (!width) readTheme(); // a notebook may call render before the widget is on the page and has any colours
    width = body.clientWidth;
    const size = width < 620 ? "narrow" : width < 1000 ? "medium" : "wide";
    app.roomy = size === "narrow" || matchMedia("(pointer: coarse)").matches;
    overview.resize({ narrow: width, medium: 264, wide: 300 }[size]);
    const beside = size !== "narrow" && overview.height() < 420; // a low overview leaves room below it
    Object.assign(root.dataset, { size, reading: beside ? "beside" : "after" });
    (beside ? side : panels).append(reading.el);
    stage.resize();
    drawAll();
  };
  const stopTheme = onTheme(() => {
    readTheme();
    drawAll();
  });
  const observer = new ResizeObserver(resize);

  await new Promise((done) => setTimeout(done)); // lets the page's other widgets take their places in the address
  const found = fromAddress(root, shape);
  Object.assign(state, found);
  const thumbs = model.get("thumbs");
  [app.thumbs] = await Promise.all([thumbs.byteLength ? unpack(thumbs, "uint8") : null, ...chunksFor(state).map(app.store.open)]);
  ready = true;
  state.query = model.get("query") ?? strongestQuery(app.scene().matrix, rows, columns);
  state.key = topLinks(rowOf(app.scene().matrix, state.query, columns).map((w, k) => (k === 0 ? 0 : w)), 1)[0]?.key ?? 0;
  resize();
  performance.mark("attention-drawn");
  if (Object.keys(found).length) root.scrollIntoView({ block: "nearest" });
  observer.observe(body);
  addEventListener("hashchange", onHash);
  for (const name of ["change:layer", "change:head"]) model.on(name, onModel);
  return () => {
    alive = false;
    clearTimeout(writing);
    observer.disconnect();
    stopTheme();
    removeEventListener("hashchange", onHash);
    for (const name of ["change:layer", "change:head"]) model.off(name, onModel);
  };
}

export default { render };
