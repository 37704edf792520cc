// Arithmetic of the timeline: dates to places, windows that zoom and move, ticks, and labels that do not overlap. Numbers in,
// numbers out: nothing is drawn here.

/** 1956.5 for "1956", 1956.46 for "1956-06": the middle of what the date leaves open, as `lmkit.history.decimal_year`. */
export function decimalYear(date) {
  const [year, month, day] = date.split("-").map(Number);
  if (!month) return year + 0.5;
  if (!day) return year + (month - 0.5) / 12;
  return year + (month - 1 + (day - 0.5) / 31) / 12;
}

const EASE = 3; // years by which the uneven scale looks past its end

/** Years from `first` to `last` on 0..1. The uneven scale is the logarithm of the years left until shortly after `last`, so
 *  that recent years, which hold most events, get more room. */
export function timeScale(first, last, even) {
  if (even) return { even, place: (year) => (year - first) / (last - first), year: (u) => first + u * (last - first) };
  const end = last + EASE;
  const span = Math.log((end - first) / EASE);
  return { even, place: (year) => Math.log((end - first) / (end - year)) / span, year: (u) => end - (end - first) * Math.exp(-u * span) };
}

// ---------------------------------------------------------------- the window: [a, b] inside 0..1

export const NARROWEST = 0.01;

function inside([a, b]) {
  const size = Math.min(1, b - a);
  const start = Math.min(1 - size, Math.max(0, a));
  return [start, start + size];
}

/** The window `factor` times as wide; what lies at the share `at` of it stays there. */
export function zoomed([a, b], factor, at = 0.5) {
  const size = Math.min(1, Math.max(NARROWEST, (b - a) * factor));
  const fixed = a + (b - a) * at;
  return inside([fixed - size * at, fixed + size * (1 - at)]);
}

/** The window moved by a share of its own width. */
export function panned([a, b], by) {
  const size = b - a;
  return inside([a + by * size, b + by * size]);
}

/** The window moved as little as is needed to show the place `u` with a margin. */
export function shifted([a, b], u) {
  const margin = 0.06 * (b - a);
  if (u < a + margin) return inside([u - margin, u - margin + (b - a)]);
  if (u > b - margin) return inside([u + margin - (b - a), u + margin]);
  return [a, b];
}

// ---------------------------------------------------------------- axes

const STEPS = [100, 50, 10, 5, 1, 1 / 4, 1 / 12];

/** Round moments inside the window, at least `room` pixels apart: [{ year, month: 0 to 11, x }]. An even scale gets all
 *  multiples of one step; on an uneven one the roundest take their places first, and others follow where there is room. */
export function yearTicks(scale, [a, b], width, room = 50) {
  const [first, last] = [scale.year(a), scale.year(b)];
  const ticks = [];
  for (const step of STEPS) {
    if ((last - first) / step > (scale.even ? width / room : 400)) break;
    for (let i = Math.ceil(first / step - 1e-9); i * step <= last + 1e-9; i++) {
      const x = (width * (scale.place(i * step) - a)) / (b - a);
      if (x < room / 2 || x > width - room / 2 || ticks.some((tick) => Math.abs(tick.x - x) < room)) continue;
      const months = Math.round(i * step * 12);
      ticks.push({ year: Math.floor(months / 12), month: months % 12, x });
    }
  }
  return ticks.sort((one, other) => one.x - other.x);
}

/** Powers of ten that enclose all numbers: [lowest, highest] exponents, at least one apart. */
export function decades(numbers) {
  const low = Math.floor(Math.log10(Math.min(...numbers)) + 1e-9);
  return [low, Math.max(low + 1, Math.ceil(Math.log10(Math.max(...numbers)) - 1e-9))];
}

// ---------------------------------------------------------------- labels

const overlaps = ([left, right], [l, r]) => left < r && l < right;

/** Gives every mark { x, label: width of its text } a lane, and as many as possible a label: [{ lane, side }] with side 1 where
 *  the text stands right of the mark, −1 left, 0 where there is no room for it. First every mark takes the lowest free lane;
 *  then each, the most important first as in `order`, moves to where its label fits too. Nothing overlaps, unless there are
 *  more marks than places. `half`: of the width of a mark. */
export function arrange(items, order, lanes, width, half = 8) {
  const taken = Array.from({ length: lanes }, () => new Map()); // for each lane, the extents of what stands there
  const isFree = (lane, box) => [...taken[lane].values()].every((other) => !overlaps(box, other));
  const lowest = (box) => taken.findIndex((_, lane) => isFree(lane, box));
  const found = items.map(({ x }, i) => {
    const box = [x - half, x + half];
    const lane = lowest(box);
    if (lane < 0) return { lane: i % lanes, side: 0 };
    taken[lane].set(i, box);
    return { lane, side: 0 };
  });
  for (const i of order) {
    const { x, label } = items[i];
    const own = taken[found[i].lane].get(i);
    taken[found[i].lane].delete(i);
    const places = [[1, [x - half, x + half + label]], [-1, [x - half - label, x + half]]].filter(([, [l, r]]) => l >= 0 && r <= width)
      .map(([side, box]) => ({ side, box, lane: lowest(box) })).filter(({ lane }) => lane >= 0).sort((one, other) => one.lane - other.lane);
    if (places.length) {
      found[i] = { lane: places[0].lane, side: places[0].side };
      taken[found[i].lane].set(i, places[0].box);
    } else if (own) taken[found[i].lane].set(i, own);
  }
  return found;
}

/** Labels around points { x, y, label: width }: for each point [left, top] of its text, or null where every place is taken.
 *  `order`: indices, the most important first. */
export function around(points, order, width, height, half = 7, line = 15) {
  const boxes = points.map(({ x, y }) => [x - half, y - half, x + half, y + half]);
  const free = (box, own) => box[0] >= 0 && box[2] <= width && box[1] >= 0 && box[3] <= height
    && boxes.every((other, i) => i === own || !(overlaps([box[0], box[2]], [other[0], other[2]]) && overlaps([box[1], box[3]], [other[1], other[3]])));
  const found = new Array(points.length).fill(null);
  for (const i of order) {
    const { x, y, label } = points[i];
    const places = [[x + half, y - line / 2], [x - half - label, y - line / 2], [x - label / 2, y - half - line], [x - label / 2, y + half]];
    const place = places.find(([left, top]) => free([left, top, left + label, top + line], i));
    if (!place) continue;
    found[i] = place;
    boxes.push([place[0], place[1], place[0] + label, place[1] + line]);
  }
  return found;
}

/** The index of the point nearest to [x, y], or −1 if none is within `limit`. */
export function nearest(points, x, y, limit = 24) {
  let [best, least] = [-1, limit];
  points.forEach((point, i) => {
    const distance = Math.hypot(point.x - x, point.y - y);
    if (distance <= least) [best, least] = [i, distance];
  });
  return best;
}
