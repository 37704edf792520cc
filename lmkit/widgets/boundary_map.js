// Pictures of the boundary widget: the map with its regions, lines and points, and the curve of the loss. No state.
import { h, mix, s, sharpContext } from "./base.js";
import { decimals, short, whole } from "./numbers.js";
import { chord, probability, scaled, scoreGrid, unscaled, zeroLine } from "./boundary_model.js";

const EDGE = { left: 46, right: 12, top: 10, bottom: 42 };
const CELL = 4; // CSS pixels between two points of the grid that is shaded
const RADIUS = 5.5; // of a mark

/** Where the data lie on a stage of width × height pixels: to pixels and back. */
export function projection([x, y], width, height) {
  const [w, t] = [width - EDGE.left - EDGE.right, height - EDGE.top - EDGE.bottom];
  return {
    w, t,
    to: ([a, b]) => [EDGE.left + (w * (a - x[0])) / (x[1] - x[0]), EDGE.top + t * (1 - (b - y[0]) / (y[1] - y[0]))],
    from: ([px, py]) => [x[0] + ((px - EDGE.left) / w) * (x[1] - x[0]), y[0] + (1 - (py - EDGE.top) / t) * (y[1] - y[0])],
  };
}

/** The range of some points with a margin, for both coordinates. */
export function limitsOf(points) {
  return [0, 1].map((k) => {
    const values = points.map((point) => point[k]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const margin = high > low ? 0.08 * (high - low) : 1;
    return [low - margin, high + margin];
  });
}

/** Round numbers inside a range, about `count`. */
export function roundTicks([low, high], count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((f) => f * power >= rough) * power;
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}

// ---------------------------------------------------------------- the map

/** Shades the regions in the colours of the classes, the stronger the surer the model is. Returns the line between them as a path. */
export function drawRegions(canvas, { params, hidden, scale }, map, colours, [width, height]) {
  const [columns, rows] = [Math.ceil(map.w / CELL) + 1, Math.ceil(map.t / CELL) + 1];
  const u = (c, r) => scaled(scale, map.from([EDGE.left + c * CELL, EDGE.top + r * CELL]));
  const scores = scoreGrid(params, hidden, Array.from({ length: columns }, (_, c) => u(c, 0)[0]), Array.from({ length: rows }, (_, r) => u(0, r)[1]));
  const image = new ImageData(columns, rows);
  const tints = Array.from({ length: 256 }, (_, i) => {
    const sure = i / 127.5 - 1;
    return [...mix(colours.paper, sure > 0 ? colours.accent2 : colours.accent, 0.06 + 0.3 * Math.abs(sure)), 255];
  });
  for (let i = 0; i < scores.length; i++) image.data.set(tints[Math.round(255 * probability(scores[i]))], 4 * i);
  const small = h("canvas", { width: columns, height: rows });
  small.getContext("2d").putImageData(image, 0, 0);
  const context = sharpContext(canvas, width, height);
  context.beginPath();
  context.rect(EDGE.left, EDGE.top, map.w, map.t);
  context.clip();
  context.drawImage(small, EDGE.left - CELL / 2, EDGE.top - CELL / 2, columns * CELL, rows * CELL);
  if (!hidden) return "";
  const at = ([c, r]) => `${(EDGE.left + c * CELL).toFixed(1)} ${(EDGE.top + r * CELL).toFixed(1)}`;
  return zeroLine(scores, columns, rows).map(([a, b]) => `M${at(a)}L${at(b)}`).join("");
}

/** The frame, its ticks and the names of the axes. */
export function frameOf([x, y], names, map) {
  const bottom = EDGE.top + map.t;
  const text = (at, label, more) => s("text", { x: at[0], y: at[1], className: "bo-tick", ...more }, label);
  const onX = roundTicks(x, map.w < 400 ? 4 : 6), onY = roundTicks(y, 5);
  return [
    s("rect", { x: EDGE.left, y: EDGE.top, width: map.w, height: map.t, className: "bo-frame" }),
    ...onX.map((value) => text([map.to([value, y[0]])[0], bottom + 16], short(value), { "text-anchor": "middle" })),
    ...onY.map((value) => text([EDGE.left - 6, map.to([x[0], value])[1] + 4], short(value), { "text-anchor": "end" })),
    text([EDGE.left + map.w / 2, bottom + 35], names[0], { "text-anchor": "middle", className: "bo-name" }),
    s("text", { className: "bo-name", "text-anchor": "middle", transform: `translate(11 ${EDGE.top + map.t / 2}) rotate(-90)` }, names[1]),
  ];
}

const MARKS = [
  ([x, y]) => `M${x - RADIUS} ${y}a${RADIUS} ${RADIUS} 0 1 0 ${2 * RADIUS} 0a${RADIUS} ${RADIUS} 0 1 0 ${-2 * RADIUS} 0z`,
  ([x, y]) => `M${x} ${y - 6.5}l6.2 11h-12.4z`,
];

/** The mark of a class, for a legend or a button. */
export function markOf(label, hollow = false) {
  const path = s("path", { d: MARKS[label]([9, 9]), className: `bo-point bo-class${label}${hollow ? " bo-hollow" : ""}` });
  return s("svg", { viewBox: "0 0 18 18", width: 18, height: 18, className: "bo-mark", "aria-hidden": "true" }, path);
}

/** All points as one path for each class, and one with a ring round each that the model gets wrong. */
export function pointsOf(points, labels, wrong, map, hollow) {
  const at = points.map((point) => map.to(point).map((x) => Number(x.toFixed(1))));
  const rings = at.filter((_, i) => wrong[i]).map(([x, y]) => `M${x - 9.5} ${y}a9.5 9.5 0 1 0 19 0a9.5 9.5 0 1 0 -19 0z`).join("");
  return [
    ...[0, 1].map((label) => s("path", { className: `bo-point bo-class${label}${hollow ? " bo-hollow" : ""}`,
      d: at.filter((_, i) => labels[i] === label).map(MARKS[label]).join("") })),
    s("path", { className: `bo-ring${hollow ? " bo-hollow" : ""}`, d: rings }),
  ];
}

const pixels = (points, scale, map) => points.map((u) => map.to(unscaled(scale, u)));
const segment = ([a, b]) => `M${a.map((x) => x.toFixed(1)).join(" ")}L${b.map((x) => x.toFixed(1)).join(" ")}`;

/** A straight line across the frame; nothing where it lies outside. */
export function lineOf(params, { scale, frame }, map, className) {
  const ends = chord(params, frame);
  return ends && s("path", { d: segment(pixels(ends, scale, map)), className });
}

/** The names of the classes on the two sides of a line, beside its middle. */
export function sidesOf(params, classes, { scale, frame }, map) {
  const ends = chord(params, frame);
  if (!ends) return [];
  const [[ax, ay], [bx, by]] = pixels(ends, scale, map);
  const size = Math.hypot(bx - ax, by - ay) || 1;
  const [nx, ny] = [(by - ay) / size, (ax - bx) / size]; // to the left of the way, on a screen whose y points down
  const middle = [(ax + bx) / 2, (ay + by) / 2];
  return [-1, 1].map((side, label) => {
    const [x, y] = [middle[0] + side * 22 * nx, middle[1] + side * 16 * ny];
    if (x < EDGE.left + 4 || x > EDGE.left + map.w - 4 || y < EDGE.top + 8 || y > EDGE.top + map.t - 4) return null;
    const anchor = side * nx > 0.4 ? "start" : side * nx < -0.4 ? "end" : "middle";
    return s("text", { x, y: y + 4, "text-anchor": anchor, className: `bo-side bo-class${label}` }, classes[label]);
  });
}

/** Where the handles would be after the next step: a dashed ring for each, with an arrow to it where there is room for one. */
export function ghostsOf(handles, next, { scale }, map) {
  const goals = pixels(next, scale, map);
  return pixels(handles, scale, map).flatMap(([x, y], i) => {
    const [a, b] = goals[i];
    const size = Math.hypot(a - x, b - y);
    const [u, v] = [(a - x) / size, (b - y) / size];
    const [endX, endY] = [a - 10 * u, b - 10 * v];
    const arrow = `M${x} ${y}L${endX} ${endY}M${endX - 7 * u + 5 * v} ${endY - 7 * v - 5 * u}L${endX} ${endY}L${endX - 7 * u - 5 * v} ${endY - 7 * v + 5 * u}`;
    return [s("circle", { cx: a, cy: b, r: 9, className: "bo-ghost" }), size > 32 && s("path", { className: "bo-arrow", d: arrow })];
  });
}

// ---------------------------------------------------------------- the loss

/** At most `most` of a list, evenly, its last among them. */
export function thinnedTo(list, most) {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))]);
}

/** The loss over the steps: history is [[step, training loss, held-out loss or null], ...]. */
export function curveOf(history, width, height, names) {
  const shown = thinnedTo(history, 160);
  const finite = history.flatMap(([, ...losses]) => losses.filter(Number.isFinite));
  const [top, last] = [Math.max(...finite, 0.1), Math.max(1, history.at(-1)[0] - history[0][0])];
  const x = (step) => 34 + ((width - 42) * (step - history[0][0])) / last;
  const y = (loss) => 6 + (height - 26) * (1 - Math.min(loss, top) / top);
  const text = (at, label, anchor) => s("text", { x: at[0], y: at[1], "text-anchor": anchor, className: "bo-tick" }, label);
  const line = (column) => {
    const kept = shown.filter((row) => Number.isFinite(row[column]));
    if (!kept.length) return null;
    const [endX, endY] = [x(kept.at(-1)[0]), y(kept.at(-1)[column])];
    const points = kept.map((row) => `${x(row[0]).toFixed(1)},${y(row[column]).toFixed(1)}`).join(" ");
    return s("g", { className: `bo-curve${column}` }, s("polyline", { points }), s("circle", { cx: endX, cy: endY, r: 3 }));
  };
  return [
    s("path", { d: `M34 6V${height - 20}H${width - 8}`, className: "bo-axis" }),
    text([30, 14], decimals(top), "end"), text([30, height - 18], "0", "end"),
    text([34, height - 4], whole(history[0][0]), "start"), text([width - 8, height - 4], whole(history[0][0] + last), "end"),
    text([(34 + width) / 2, height - 4], names, "middle"),
    line(2), line(1),
  ].filter(Boolean);
}
