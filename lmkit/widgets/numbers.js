// Numbers as text.
export function whole(n) {
  return n.toLocaleString("en");
}

/** A probability in per cent with two to three significant digits; only an exact 0 or 1 is shown as such. */
export function percent(p) {
  if (p === 0 || p === 1) return `${100 * p} %`;
  if (p < 0.00001) return "< 0.001 %";
  if (p > 0.99999) return "> 99.999 %";
  return `${(100 * p).toFixed(p < 0.001 || p > 0.999 ? 3 : p < 0.1 ? 2 : 1)} %`;
}

/** A setting in per cent, without needless zeros. */
export function share(p) {
  return `${Number((100 * p).toFixed(4))} %`;
}

export function decimals(x, digits = 2) {
  return x.toFixed(digits).replace("Infinity", "∞").replace("-", "−").replace(/^−(0(\.0+)?)$/, "$1");
}

export function stops(from, to, step) {
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toFixed(4)));
}

/** At most four significant digits; very small and very large numbers as powers of ten. */
export function short(x) {
  if (!Number.isFinite(x)) return String(x).replace("Infinity", "∞").replace("-", "−");
  const size = Math.abs(x);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return x.toExponential(2).replace("e+", "e").replace("-", "−");
  return String(Number(x.toPrecision(4))).replace("-", "−");
}
