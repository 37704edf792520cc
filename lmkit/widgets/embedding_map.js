// The map as a picture: where points stand when it is turned and zoomed, the points themselves as pixels, labels that do not overlap,
// arrows. No state: what is seen is a function of a camera.
import { h, mix, rgb } from "./base.js";

const LEVELS = 8; // steps of depth in which points grow smaller and paler
const FAR = 3; // the eye stands so many radii from the middle
const CLOSEST = 40; // the largest zoom
const MARGIN = 26; // CSS pixels around the points
const LINE = 16; // height of a label
const RADIUS = 4.6; // of the mark of a group

const polygon = (...corners) => (r) => `M${corners.map(([x, y]) => `${x * r} ${y * r}`).join("L")}Z`;
const turned = (...corners) => [0, 1, 2, 3].flatMap((quarter) => corners.map(([x, y]) => [[x, y], [-y, x], [-x, -y], [y, -x]][quarter]));

/** Outlines of marks about (0, 0), by their radius: a circle, a square, triangles, a diamond, a plus, a cross, a hexagon. */
export const OUTLINES = [
  (r) => `M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`,
  polygon(...turned([0.86, 0.86])),
  polygon([0, -1.15], [1.1, 0.8], [-1.1, 0.8]),
  polygon(...turned([1.25, 0])),
  polygon([0, 1.15], [1.1, -0.8], [-1.1, -0.8]),
  polygon(...turned([0.4, 0.4], [0.4, 1.1], [-0.4, 1.1])),
  polygon(...turned([0.5, 0], [1.1, 0.7], [0.7, 1.1])),
  polygon([-0.55, -1.05], [0.55, -1.05], [1.15, 0], [0.55, 1.05], [-0.55, 1.05], [-1.15, 0]),
];

const held = (value, low, high) => Math.min(high, Math.max(low, value));

// ---------------------------------------------------------------- the camera

/** How far the points reach: their box on the first two components, and the radius about the middle within which 99 in 100 lie. */
export function reachOf(places) {
  const box = [Infinity, -Infinity, Infinity, -Infinity];
  const away = new Float64Array(places.length / 3);
  for (let at = 0; at < places.length; at += 3) {
    const [x, y, z] = [places[at], places[at + 1], places[at + 2]];
    box[0] = Math.min(box[0], x);
    box[1] = Math.max(box[1], x);
    box[2] = Math.min(box[2], y);
    box[3] = Math.max(box[3], y);
    away[at / 3] = Math.hypot(x, y, z);
  }
  away.sort();
  return { box, radius: away[Math.floor(0.99 * (away.length - 1))] || 1 };
}

/** The whole map in sight on a stage of `width` × `height`: flat, or turned a little so that its depth shows. */
export function homeOf({ box: [left, right, low, high], radius }, flat, width, height) {
  const room = [width, height].map((size) => size - 2 * MARGIN);
  if (!flat) return { flat, radius, width, height, yaw: -0.5, pitch: 0.3, zoom: 1, x: 0, y: 0, unit: Math.min(...room) / 2.1 / radius };
  const unit = Math.min(room[0] / (right - left || 1), room[1] / (high - low || 1));
  return { flat, radius, width, height, yaw: 0, pitch: 0, zoom: 1, x: (left + right) / 2, y: (low + high) / 2, unit };
}

/** Where the camera sees a place: right, up (before zoom and shift), and how near, −1 to 1; 0 on a flat map. */
function seen({ flat, yaw, pitch, radius }, x, y, z) {
  if (flat) return [x, y, 0];
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const [right, into] = [x * cy + z * sy, z * cy - x * sy];
  const near = held((y * sp + into * cp) / radius, -1.2, 1.2);
  const grow = FAR / (FAR - near);
  return [right * grow, (y * cp - into * sp) * grow, near];
}

export function onStage(camera, place) {
  const [right, up] = seen(camera, ...place);
  const scale = camera.unit * camera.zoom;
  return [camera.width / 2 + (right - camera.x) * scale, camera.height / 2 - (up - camera.y) * scale];
}

/** The same for all points at once: fills out.x, out.y (CSS pixels) and out.near. */
export function project(camera, places, out) {
  const { flat, yaw, pitch, radius, width, height, x, y } = camera;
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const scale = camera.unit * camera.zoom;
  for (let i = 0, at = 0; at < places.length; i++, at += 3) {
    let [right, up, near] = [places[at], places[at + 1], 0];
    if (!flat) {
      const z = places[at + 2];
      const into = z * cy - right * sy;
      right = right * cy + z * sy;
      near = held((up * sp + into * cp) / radius, -1.2, 1.2);
      const grow = FAR / (FAR - near);
      up = (up * cp - into * sp) * grow;
      right *= grow;
    }
    out.x[i] = width / 2 + (right - x) * scale;
    out.y[i] = height / 2 - (up - y) * scale;
    out.near[i] = near;
  }
  return out;
}

function inside(camera, { box, radius }) {
  const [left, right, low, high] = camera.flat ? box : [-radius, radius, -radius, radius];
  return { ...camera, x: held(camera.x, left, right), y: held(camera.y, low, high) };
}

/** Zoomed about a place of the stage, which stays where it is. */
export function zoomedAt(camera, reach, factor, [px, py]) {
  const zoom = held(camera.zoom * factor, 1, CLOSEST);
  const shift = (1 / camera.zoom - 1 / zoom) / camera.unit;
  return inside({ ...camera, zoom, x: camera.x + (px - camera.width / 2) * shift, y: camera.y - (py - camera.height / 2) * shift }, reach);
}

/** The map moved by some pixels. */
export function pannedBy(camera, reach, dx, dy) {
  const scale = camera.unit * camera.zoom;
  return inside({ ...camera, x: camera.x - dx / scale, y: camera.y + dy / scale }, reach);
}

/** Turned by angles about `pivot`, a place that keeps its position on the stage. */
export function turnedBy(camera, reach, yaw, pitch, pivot) {
  const next = { ...camera, yaw: camera.yaw + yaw, pitch: held(camera.pitch + pitch, -Math.PI / 2, Math.PI / 2) };
  const [before, after] = [seen(camera, ...pivot), seen(next, ...pivot)];
  return inside({ ...next, x: camera.x + after[0] - before[0], y: camera.y + after[1] - before[1] }, reach);
}

/** With all these places in sight: their middle in the middle of the stage, and no closer than before. */
export function framed(camera, places) {
  const at = places.map((place) => seen(camera, ...place));
  const [low, high] = [Math.min, Math.max].map((end) => [0, 1].map((k) => end(...at.map((one) => one[k]))));
  const room = [camera.width, camera.height].map((size) => size - 4 * MARGIN);
  const zoom = Math.min(camera.zoom, ...room.map((size, k) => size / camera.unit / (high[k] - low[k] || 1e-9)));
  return { ...camera, zoom: Math.max(1, zoom), x: (low[0] + high[0]) / 2, y: (low[1] + high[1]) / 2 };
}

/** The point nearest to a place of the stage, if it is within `reach` pixels; of points that are drawn over each other the nearer one. */
export function nearestTo({ x, y, near }, shown, [px, py], reach) {
  let [best, least] = [-1, reach * reach];
  for (let i = 0; i < x.length; i++) {
    if (!shown(i)) continue;
    const away = (x[i] - px) ** 2 + (y[i] - py) ** 2 - 4 * near[i];
    if (away < least) [best, least] = [i, away];
  }
  return best;
}

// ---------------------------------------------------------------- points as pixels

const pixelOf = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** The marks, drawn once for an image so many pixels wide: for every kind (0: plain, then the groups) and every depth, the places of its
 *  whole pixels and of its partly covered ones, from its middle. `plain` is the radius of plain marks in CSS pixels. */
export function stampsOf(colours, paper, ratio, flat, plain, imageWidth) {
  const cell = 2 * Math.ceil(1.5 * 1.3 * RADIUS * ratio) + 4;
  const levels = flat ? 1 : LEVELS;
  const canvas = h("canvas", { width: cell * levels, height: cell * colours.length });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  colours.forEach((_, kind) => {
    for (let level = 0; level < levels; level++) {
      const near = flat ? 0 : (2 * level) / (levels - 1) - 1;
      const radius = (kind ? RADIUS : plain) * ratio * (FAR / (FAR - near)) ** 1.5;
      context.setTransform(1, 0, 0, 1, (level + 0.5) * cell, (kind + 0.5) * cell);
      context.fill(new Path2D(OUTLINES[kind ? (kind - 1) % OUTLINES.length : 0](radius)));
    }
  });
  const { data, width } = context.getImageData(0, 0, canvas.width, canvas.height);
  return colours.map((colour, kind) => Array.from({ length: levels }, (_, level) => {
    const [inner, edge, cover] = [[], [], []];
    let reach = 0;
    for (let y = 0; y < cell; y++) for (let x = 0; x < cell; x++) {
      const alpha = data[4 * ((kind * cell + y) * width + level * cell + x) + 3];
      if (!alpha) continue;
      const at = (y - cell / 2) * imageWidth + x - cell / 2;
      (alpha === 255 ? inner : edge).push(at);
      if (alpha < 255) cover.push(alpha);
      reach = Math.max(reach, Math.abs(y - cell / 2) + 1, Math.abs(x - cell / 2) + 1);
    }
    const toned = mix(colour, paper, flat ? 0 : 0.6 * (1 - level / (levels - 1))).map(Math.round);
    return { reach, inner: Int32Array.from(inner), edge: Int32Array.from(edge), cover: Uint8Array.from(cover), colour: toned, solid: pixelOf(toned) };
  }));
}

function stamp(pixels, width, height, { reach, inner, edge, cover, colour, solid }, x, y) {
  if (x < reach || y < reach || x + reach > width || y + reach > height) return;
  const middle = y * width + x;
  for (let k = 0; k < inner.length; k++) pixels[middle + inner[k]] = solid;
  const r = colour[0], g = colour[1], b = colour[2];
  for (let k = 0; k < edge.length; k++) {
    const at = middle + edge[k], alpha = cover[k], under = pixels[at];
    const red = under & 255, green = (under >> 8) & 255, blue = (under >> 16) & 255;
    pixels[at] = 0xff000000 | ((blue + (((b - blue) * alpha) >> 8)) << 16) | ((green + (((g - green) * alpha) >> 8)) << 8) | (red + (((r - red) * alpha) >> 8));
  }
}

const levelOf = (near, levels) => held((((near + 1) / 2) * (levels - 1) + 0.5) | 0, 0, levels - 1);

/** A list of points with the far ones first, by `levels` steps of depth. */
function farFirst(list, near, levels) {
  if (levels === 1) return list;
  const [level, start, sorted] = [new Uint8Array(list.length), new Uint32Array(levels + 1), new Uint32Array(list.length)];
  for (let j = 0; j < list.length; j++) {
    level[j] = levelOf(near[list[j]], levels);
    start[level[j] + 1] += 1;
  }
  for (let step = 0; step < levels; step++) start[step + 1] += start[step];
  for (let j = 0; j < list.length; j++) sorted[start[level[j]]++] = list[j];
  return sorted;
}

/** Paints points into `image`: the lists one after the other, in each the far ones first. `kinds` says which mark a point has. */
export function paintPoints(image, paper, stamps, points, lists, kinds, ratio) {
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(pixelOf(paper));
  const { width, height } = image;
  const { x, y, near } = points;
  const levels = stamps[0].length;
  for (const list of lists) {
    const sorted = farFirst(list, near, levels);
    for (let j = 0; j < sorted.length; j++) {
      const i = sorted[j];
      const level = levels === 1 ? 0 : levelOf(near[i], levels);
      stamp(pixels, width, height, stamps[kinds[i]][level], (x[i] * ratio + 0.5) | 0, (y[i] * ratio + 0.5) | 0);
    }
  }
}

// ---------------------------------------------------------------- labels and lines

/** Which words get a label, and where. The words of `first` (a list) come first: its first `must` may cover marks and are moved onto the
 *  stage if need be, all of them have four sides to try. Those of `rest` follow, with two sides, as long as there are fewer than `most`.
 *  Returns [{ i, left, top, width }]; they overlap neither each other nor the boxes `taken`, and lie on the stage. */
export function placeLabels(first, must, rest, points, widthOf, [width, height], most, gapOf, taken = []) {
  const placed = [];
  const hits = (boxes, left, top, size) => {
    for (const one of boxes) {
      if (left < one.left + one.width + 3 && one.left < left + size + 3 && top < one.top + (one.height ?? LINE) && one.top < top + LINE) return true;
    }
    return false;
  };
  const free = (left, top, size, covers) => left >= 1 && top >= 1 && left + size <= width - 1 && top + LINE <= height - 1 &&
    !hits(placed, left, top, size) && (covers || !hits(taken, left, top, size));
  const place = (i, sidesTried, surely) => {
    const [x, y] = [points.x[i], points.y[i]];
    if (x < 0 || y < 0 || x > width || y > height) return false;
    const [size, gap] = [widthOf(i), gapOf(i)];
    const sides = [[x + gap, y - LINE / 2], [x - gap - size, y - LINE / 2], [x - size / 2, y - gap - LINE], [x - size / 2, y + gap]];
    let found = sides.slice(0, sidesTried).find(([left, top]) => free(left, top, size));
    if (!found && surely) {
      const onto = sides.map(([left, top]) => [held(left, 1, width - 1 - size), held(top, 1, height - 1 - LINE)]);
      found = onto.find(([left, top]) => free(left, top, size, true)) ?? (placed.length ? undefined : onto[0]);
    }
    if (found) placed.push({ i, left: found[0], top: found[1], width: size });
    return true;
  };
  first.forEach((i, rank) => placed.length < most && place(i, 4, rank < must));
  const known = new Set(first);
  for (let rank = 0, tried = 0; rank < rest.length && placed.length < most && tried < 600; rank++) {
    if (!known.has(rest[rank]) && place(rest[rank], 2, false)) tried += 1;
  }
  return placed;
}

/** Writes labels, the first last so that it lies on top. `textOf`, `inkOf` and `boldOf` say of a word what, in which colour and how. */
export function drawLabels(context, placed, textOf, inkOf, boldOf, paper, fontOf) {
  Object.assign(context, { textBaseline: "middle", textAlign: "left", direction: "ltr" });
  const veil = rgb(paper, 0.72);
  for (const bold of [false, true]) {
    context.font = fontOf(bold);
    for (let k = placed.length - 1; k >= 0; k--) {
      const { i, left, top, width } = placed[k];
      if (boldOf(i) !== bold) continue;
      context.fillStyle = veil;
      context.fillRect(left - 2, top + 1, width + 4, LINE - 2);
      context.fillStyle = inkOf(i);
      context.fillText(textOf(i), left, top + LINE / 2 + 0.5);
    }
  }
}

/** An arrow that ends a little before its goal, so that the mark there stays visible. */
export function drawArrow(context, [ax, ay], [bx, by], { stroke, width = 1.8, dash = [], gap = 7 }) {
  const size = Math.hypot(bx - ax, by - ay);
  if (size < 2 * gap + 6) return;
  const [u, v] = [(bx - ax) / size, (by - ay) / size];
  const [endX, endY] = [bx - gap * u, by - gap * v];
  Object.assign(context, { strokeStyle: stroke, lineWidth: width, lineCap: "round", lineJoin: "round" });
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(ax + gap * u, ay + gap * v);
  context.lineTo(endX, endY);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(endX - 8 * u + 5 * v, endY - 8 * v - 5 * u);
  context.lineTo(endX, endY);
  context.lineTo(endX - 8 * u - 5 * v, endY - 8 * v + 5 * u);
  context.stroke();
}

export function drawLine(context, [ax, ay], [bx, by], stroke, width = 1) {
  Object.assign(context, { strokeStyle: stroke, lineWidth: width });
  context.beginPath();
  context.moveTo(ax, ay);
  context.lineTo(bx, by);
  context.stroke();
}

export function drawRing(context, [x, y], radius, stroke, width = 2) {
  Object.assign(context, { strokeStyle: stroke, lineWidth: width });
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

/** An × where a computed vector lies. */
export function drawCross(context, [x, y], stroke, paper) {
  for (const [colour, width] of [[paper, 6], [stroke, 3]]) {
    Object.assign(context, { strokeStyle: colour, lineWidth: width, lineCap: "round" });
    context.beginPath();
    for (const side of [1, -1]) {
      context.moveTo(x - 5, y - 5 * side);
      context.lineTo(x + 5, y + 5 * side);
    }
    context.stroke();
  }
}
