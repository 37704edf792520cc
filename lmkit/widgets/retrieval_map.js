// The picture of a collection: passages as marks by the group of their document, the question among them, lines to what was found. No state.
import { mix, rgb } from "./base.js";
import { OUTLINES, drawCross, drawLine, drawRing } from "./embedding_map.js";

const MARK = 4.2; // radius of a passage's mark, CSS pixels
const COLOURED = 8;

/** The mark of a group: a colour and an outline, the same pair for no two of the first 64. */
export const markOf = (kind) => ({ colour: kind % COLOURED, outline: (kind + Math.floor(kind / COLOURED)) % OUTLINES.length });

/** The outline of a group's mark as an SVG path. */
export const outlineOf = (kind, radius) => OUTLINES[markOf(kind).outline](radius);

/** All passages. `kinds` says of each to which group it belongs; those in `strong` (a Set) are drawn last, whole and larger. */
export function drawPassages(context, [width, height], { x, y }, kinds, strong, { paper, tones }) {
  context.clearRect(0, 0, width, height);
  const paths = [MARK, MARK * 1.45].map((radius) => OUTLINES.map((outline) => new Path2D(outline(radius))));
  const draw = (i, large) => {
    const { colour, outline } = markOf(kinds[i]);
    context.setTransform(context.lmRatio, 0, 0, context.lmRatio, x[i] * context.lmRatio, y[i] * context.lmRatio);
    context.fillStyle = rgb(large || !strong.size ? tones[colour] : mix(tones[colour], paper, 0.45));
    context.fill(paths[large ? 1 : 0][outline]);
  };
  for (let i = 0; i < x.length; i++) if (!strong.has(i)) draw(i, false);
  for (const i of strong) draw(i, true);
  context.setTransform(context.lmRatio, 0, 0, context.lmRatio, 0, 0);
}

function label(context, text, [x, y], [width], colours, anchor) {
  const size = context.measureText(text).width;
  const left = Math.min(width - size - 3, Math.max(3, anchor === "right" ? x - size : x));
  context.fillStyle = rgb(colours.paper, 0.82);
  context.fillRect(left - 2, y - 8, size + 4, 16);
  context.fillStyle = rgb(colours.ink);
  context.fillText(text, left, y + 0.5);
}

/** What is asked and found, over the passages: `place` of the question on the stage or null, `found` the passages in order, `circle` the
 *  radius in which the nearest on the map lie, rings about the picked and the right passages, a name at the one pointed at. */
export function drawAsked(context, size, { x, y }, { place, found, right, picked, hover, circle, name, mark }, colours) {
  context.clearRect(0, 0, ...size);
  const at = (i) => [x[i], y[i]];
  Object.assign(context, { font: `12.5px ${colours.family}`, textBaseline: "middle", textAlign: "left", lineCap: "round" });
  if (place) {
    found.forEach((i, rank) => drawLine(context, place, at(i), rgb(colours.accent, 0.85), Math.max(1, 2.8 - 0.3 * rank)));
    if (circle) {
      context.setLineDash([4, 5]);
      drawRing(context, place, circle, rgb(colours.muted), 1.2);
      context.setLineDash([]);
    }
  }
  for (const i of right) {
    drawRing(context, at(i), 10, rgb(colours.paper), 5);
    drawRing(context, at(i), 10, rgb(colours.accent2), 2.4);
  }
  if (picked >= 0) drawRing(context, at(picked), right.includes(picked) ? 13.5 : 9, rgb(colours.ink), 1.8);
  if (place) drawCross(context, place, rgb(colours.ink), rgb(colours.paper));
  context.font = `600 12.5px ${colours.family}`;
  const taken = [];
  found.forEach((i, rank) => {
    const [left, top] = [x[i] + 8, y[i] - 10];
    if (taken.some(([a, b]) => Math.abs(a - left) < 15 && Math.abs(b - top) < 13)) return;
    taken.push([left, top]);
    label(context, String(rank + 1), [left, top], size, colours);
  });
  if (place) label(context, mark, [place[0], place[1] + (place[1] > size[1] - 24 ? -18 : 18)], size, colours);
  if (hover >= 0) label(context, name, [x[hover] + 10, Math.max(9, y[hover] - 13)], size, colours);
}

/** The point that lies next in a direction, as an arrow key means it: not far, and more along than aside. −1 where there is none. */
export function towards({ x, y }, from, [dx, dy]) {
  let [best, least] = [-1, Infinity];
  for (let i = 0; i < x.length; i++) {
    const [right, down] = [x[i] - x[from], y[i] - y[from]];
    const [along, aside] = [right * dx + down * dy, Math.abs(right * dy - down * dx)];
    if (along < 0.5 || aside > 2 * along) continue;
    const cost = along + 2 * aside;
    if (cost < least) [best, least] = [i, cost];
  }
  return best;
}
