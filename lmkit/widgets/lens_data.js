// What a page holds of a logit lens, by row and position, and the arithmetic of its picture. It draws nothing.
import { whole } from "./numbers.js";

export const upTo = (n) => Array.from({ length: n }, (_, i) => i);

/** Lists and curves of the packed arrays: see lens.py for their shapes. */
export function openLens({ rows, top, count, vocabulary, topTokens, topP, followed, logp, ranks }) {
  const follow = followed.length / count;
  const wide = topTokens.length / rows / count; // a vocabulary may be smaller than `top`
  const list = (row, position) => {
    const at = (row * count + position) * wide;
    return upTo(Math.min(top, wide)).map((k) => ({ token: topTokens[at + k], text: vocabulary[topTokens[at + k]], p: topP[at + k] }));
  };
  /** Tokens of a position that can be followed; the first is the model's answer. */
  const candidates = (position) => [...followed.subarray(position * follow, (position + 1) * follow)].filter((one) => one >= 0);
  const curve = (position, k) => {
    const at = (position * follow + k) * rows;
    return upTo(rows).map((row) => ({ logp: logp[at + row], rank: ranks[at + row] }));
  };
  const answer = (row, position) => {
    const at = position * follow * rows + row;
    return { token: followed[position * follow], text: vocabulary[followed[position * follow]], rank: ranks[at], logp: logp[at] };
  };
  return { rows, count, top: Math.min(top, wide), vocabulary, list, candidates, curve, answer };
}

/** A probability as a text with so many significant digits; what is stored cannot tell more at the two ends. */
export function chance(p, digits = 3) {
  if (p > 0.9995) return "> 99.9 %";
  if (p < 0.0001) return "< 0.01 %";
  const rounded = Number((100 * p).toPrecision(digits));
  return `${rounded.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(rounded))))} %`;
}

/** Where a value stands on a logarithmic axis, 0 at the bottom and 1 at the top. Rank 1 is at the top. */
export function heightOf({ logp, rank }, measure, lowest) {
  const depth = measure === "rank" ? Math.log(rank) : -logp;
  return 1 - Math.min(1, depth / lowest);
}

const DEEPEST = 10 * Math.LN10; // what is less probable than 10⁻¹⁰ stands at the bottom

/** How far down the axis goes: to the worst value shown, in natural logarithms, at least to a hundredth, at most DEEPEST. */
export function depthOf(curves, measure) {
  const depths = curves.flat().map(({ logp, rank }) => (measure === "rank" ? Math.log(rank) : -logp));
  return Math.min(DEEPEST, Math.max(Math.log(100), ...depths)) * 1.02;
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Powers of ten down to `lowest`, at most six, each with its text. */
export function ticksOf(measure, lowest) {
  const last = Math.floor(lowest / Math.LN10);
  const step = Math.ceil((last + 1) / 6);
  return upTo(Math.floor(last / step) + 1).map((i) => {
    const power = i * step;
    const small = [...String(power)].map((digit) => SUPERSCRIPTS[digit]).join("");
    if (measure === "rank") return { height: 1 - (power * Math.LN10) / lowest, text: whole(10 ** power) };
    return { height: 1 - (power * Math.LN10) / lowest, text: power < 5 ? `${Number((100 / 10 ** power).toPrecision(1))} %` : `10⁻${small}` };
  });
}
