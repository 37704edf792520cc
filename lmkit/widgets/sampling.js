import { announcer, choice, csvField, download, h, mt19937, reducedMotion, s, shortToken, toggle, uniqueId, unpack, visibleToken } from "./base.js";

// What a sampler does to a next-token distribution, and a recorded generation step by step.
// First the words, then the arithmetic (pure functions, tested against transformers), then the drawing.

const LABELS = {
  prompt: "Prompt",
  temperature: "Temperature", topK: "Top-k", topP: "Top-p", minP: "Min-p", valueOf: (name) => `${name}, value`,
  off: "off",
  temperatureWords: (t) => (t === 0 ? "greedy: the best only" : t < 1 ? "sharper" : t === 1 ? "unchanged" : "flatter"),
  topKWords: (k) => (k === 1 ? "the best only" : `the ${whole(k)} best`),
  topPWords: (p) => `the likeliest ${share(p)}`,
  minPWords: (p) => `≥ ${share(p)} of the best`,
  presets: "Presets",
  presetNames: { greedy: "Greedy", one: "Temperature 1", topK: "Top-k 50", topP: "Top-p 0.9", minP: "Min-p 0.1" },
  reset: "Reset",
  before: "before: the model", after: "after: the sampler", drawn: "your draws",
  candidatesList: "The most probable tokens: probability before and after the sampler, times drawn",
  tail: (n) => `the other ${whole(n)} tokens`,
  more: "Show more tokens", fewer: "Show fewer tokens", logScale: "Logarithmic scale",
  reasons: ["", "impossible", "not the best", "cut by top-k", "cut by top-p", "cut by min-p"],
  candidates: "Candidates left", cut: "Probability cut off", entropyIn: (unit) => `Entropy in ${unit}`, entropy: "entropy",
  nats: "nats", bits: "bits", of: (n) => `of ${whole(n)}`, was: (x) => `was ${x}`,
  drawing: "Draw from it", drawOne: "Draw 1", drawTen: "Draw 10", drawMany: "Draw 1,000", clear: "Clear", seed: "Seed",
  noDraws: "No draws yet. The orange frames will grow towards the blue bars.",
  draws: (n) => (n === 1 ? "1 draw" : `${whole(n)} draws`), distance: "distance from the bars (total variation)",
  distanceCurve: (from, to) => `The distance fell from ${from} to ${to}.`,
  last: "Last drawn, newest first:",
  cleared: (n) => `You moved a control, so the ${n === 1 ? "draw was" : `${whole(n)} draws were`} cleared.`,
  details: "Table, file and fine print",
  headings: ["Rank", "Token", "Id", "Before", "After", "Removed", "Drawn"],
  csv: "Save all tokens as CSV", csvSteps: "Save as CSV",
  rounding: (error) => `The logits are rounded to 16-bit floats, which moves no probability of the model by more than ${error}. ` +
    "Cut in this order: temperature, top-k, top-p, min-p. Tokens tied with the last one that top-k keeps stay; " +
    "where a tie straddles the edge of top-p, the tokens with the larger ids stay.",
  generation: "The generated text", step: (i, n) => `Step ${i} of ${n}`, previous: "Previous", next: "Next",
  hint: "Choose a token, or move with the arrow keys. Shade is probability:",
  tokenName: (i, n, token, p) => `Token ${i} of ${n}: ${token}, probability ${p}`,
  alternatives: "What else could have come here", chosen: "chosen", rawOnly: "probability",
  thisToken: "This token", soFar: "Up to here", all: "The whole continuation",
  probability: "probability", logprob: "log-probability", rank: "rank", perToken: "per token", perplexity: "perplexity",
  curve: (top) => `Entropy (line) and surprise −log p (dots) along the text, from 0 to ${top} nats`,
  stopped: { eos: "The model ended it.", length: "Stopped at the length limit." },
  settings: { temperature: "temperature", top_k: "top-k", top_p: "top-p", min_p: "min-p", seed: "seed", num_beams: "beams",
    repetition_penalty: "repetition penalty" },
  greedy: "Greedy: always the most probable token", beams: "Beam search", empty: "The model ended at once; there is no token to step through.",
  stepHeadings: ["Step", "Token", "Id", "Probability", "Log-probability", "Rank", "Entropy (nats)", "Sum of log-probabilities"],
};

// ---------------------------------------------------------------- arithmetic

export const KEPT = 0, IMPOSSIBLE = 1, NOT_BEST = 2, TOP_K = 3, TOP_P = 4, MIN_P = 5; // why a token was removed

/** Logits minus the largest one. Entries of +inf share all the probability: they become 0, all others -inf. */
export function shiftLogits(logits) {
  let top = -Infinity;
  for (const x of logits) if (x > top) top = x;
  return Float64Array.from(logits, (x) => (x === top ? 0 : x - top));
}

/** Sorts once, for all settings: temperature never changes the order. `values[rank]` descends, `ids[rank]` is the token.
 *  Ties stand with the larger id first: top-p removes from the other end, as after a stable ascending sort. */
export function sortLogits(logits) {
  const shifted = shiftLogits(logits);
  const ids = Int32Array.from(shifted, (_, id) => id).sort((a, b) => shifted[b] - shifted[a] || b - a);
  const values = Float64Array.from(ids, (id) => shifted[id]);
  const impossible = values.indexOf(-Infinity);
  return { ids, values, possible: impossible < 0 ? values.length : impossible };
}

/** Divides the first `count` weights by their sum, added up from the smallest; the rest become 0. */
function normalise(weights, count) {
  let total = 0;
  for (let rank = count - 1; rank >= 0; rank--) total += weights[rank];
  const probs = new Float64Array(weights.length);
  for (let rank = 0; rank < count; rank++) probs[rank] = weights[rank] / total;
  return probs;
}

/** Softmax of values / temperature, of the first `count` values; the largest of them is 0. */
function tempered(values, temperature, count) {
  const weights = new Float64Array(values.length);
  for (let rank = 0; rank < count; rank++) weights[rank] = Math.exp(values[rank] / temperature);
  return normalise(weights, count);
}

/** Softmax of logits / temperature; temperature 0 is its limit with ties given to the smallest id. */
export function softmax(logits, temperature = 1) {
  const shifted = shiftLogits(logits);
  if (temperature === 0) return shifted.map((_, id) => (id === shifted.indexOf(0) ? 1 : 0));
  return tempered(shifted, temperature, shifted.length);
}

/** Temperature, then top-k, top-p and min-p, each on what the one before left, like the Hugging Face warpers.
 *  `topK` = vocabulary, `topP` = 1 and `minP` = 0 remove nothing. Everything returned is in the order of `sorted`:
 *  `probs`, `reasons` (KEPT or why not); and `kept`, how many; `massCut`, their loss after temperature. */
export function warp(sorted, { temperature = 1, topK = Infinity, topP = 1, minP = 0 }) {
  const { values, possible } = sorted;
  if (temperature === 0) return greedy(sorted);
  const uncut = tempered(values, temperature, possible);
  const reasons = new Uint8Array(values.length).fill(IMPOSSIBLE, possible);
  let kept = possible, probs = uncut;
  const keep = (count, reason) => {
    reasons.fill(reason, count, kept);
    if (count < kept) probs = normalise(probs, count);
    kept = count;
  };
  if (topK < kept) {
    let count = topK;
    while (count < kept && values[count] / temperature === values[topK - 1] / temperature) count++;
    keep(count, TOP_K);
  }
  if (topP < 1) {
    let count = kept, cumulative = probs[count - 1];
    while (count > 1 && cumulative <= 1 - topP) cumulative += probs[--count - 1];
    keep(count, TOP_P);
  }
  if (minP > 0) {
    let count = kept;
    while (count > 1 && probs[count - 1] < minP * probs[0]) count--;
    keep(count, MIN_P);
  }
  return { probs, reasons, kept, massCut: sumFrom(uncut, kept) };
}

function greedy({ values, possible }) {
  const best = values.lastIndexOf(0); // among ties the smallest id, as argmax
  const reasons = new Uint8Array(values.length).fill(NOT_BEST).fill(IMPOSSIBLE, possible);
  reasons[best] = KEPT;
  const probs = values.map((_, rank) => (rank === best ? 1 : 0));
  return { probs, reasons, kept: 1, massCut: 1 - tempered(values, 1, possible)[best] };
}

/** The sum of `values` from index `start` on, added up from the end, where the smallest stand. */
export function sumFrom(values, start) {
  let total = 0;
  for (let i = values.length - 1; i >= start; i--) total += values[i];
  return total;
}

/** Shannon entropy in nats. */
export function entropy(probs) {
  let total = 0;
  for (const p of probs) if (p > 0) total -= p * Math.log(p);
  return total;
}

/** From the order of `sorted` to the order of ids. */
export function byId(sorted, values) {
  const result = new Float64Array(values.length);
  for (let rank = 0; rank < values.length; rank++) result[sorted.ids[rank]] = values[rank];
  return result;
}

export function cumulate(probs) {
  const sums = new Float64Array(probs.length);
  for (let id = 0, total = 0; id < probs.length; id++) sums[id] = total += probs[id];
  return sums;
}

/** The first id whose cumulative probability exceeds u × total, for u in [0, 1). */
export function inverseCdfDraw(cumulative, u) {
  const target = u * cumulative.at(-1);
  let low = 0, high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Half the summed differences between shares and probabilities: 0 is equal, 1 is disjoint. */
export function totalVariation(counts, total, probs) {
  let sum = 0;
  for (let id = 0; id < probs.length; id++) sum += Math.abs(counts[id] / total - probs[id]);
  return sum / 2;
}

/** 1, 2, 3 … `size`, ever sparser: where the top-k slider stops. */
export function logStops(size, steps = 160) {
  return [...new Set(Array.from({ length: steps + 1 }, (_, i) => Math.round(size ** (i / steps))))];
}

/** Where a probability lies on the axis (0 to 1), and the probabilities at its start, middle and end. The linear axis ends at
 *  the first round number at or above the largest probability; the logarithmic one goes from 0.01 % to 100 %. */
export function axis(largest, logarithmic) {
  if (logarithmic) return { place: (p) => (p > 0 ? Math.max(0, 1 + Math.log10(p) / 4) : 0), ticks: [0.0001, 0.01, 1] };
  const end = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1].find((round) => largest <= round) ?? 1;
  return { place: (p) => Math.min(1, p / end), ticks: [0, end / 2, end] };
}

// ---------------------------------------------------------------- numbers as text

function whole(n) {
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
function share(p) {
  return `${Number((100 * p).toFixed(4))} %`;
}

function decimals(x, digits = 2) {
  return x.toFixed(digits).replace("Infinity", "∞").replace("-", "−").replace(/^−(0(\.0+)?)$/, "$1");
}

function stops(from, to, step) {
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toFixed(4)));
}

// ---------------------------------------------------------------- parts shared by both views

const FEW = 15, MANY = 40; // tokens in the chart

function button(text, onClick, props = {}) {
  return h("button", { type: "button", className: "lmkit-button", onClick, ...props }, text);
}

/** A slider and a number field for one setting, kept equal. `at` lists the values where the slider stops. */
function control({ label, at, step, value, words, onInput }) {
  const id = uniqueId("control");
  const range = h("input", { type: "range", id, min: 0, max: at.length - 1, step: 1 });
  const number = h("input", { type: "number", min: at[0], max: at.at(-1), step, "aria-label": LABELS.valueOf(label) });
  const note = h("span", { className: "sv-words" });
  const nearest = (v) => at.reduce((best, x, i) => (Math.abs(x - v) < Math.abs(at[best] - v) ? i : best), 0);
  const show = (v, typing) => {
    range.value = nearest(v);
    if (!typing) number.value = v;
    write(note, words(v));
    range.setAttribute("aria-valuetext", `${v}, ${words(v)}`);
    range.style.setProperty("--sv-fill", `${(100 * range.value) / Math.max(1, at.length - 1)}%`);
    value = v;
  };
  const valid = (v) => number.value !== "" && v >= at[0] && v <= at.at(-1) && (step !== 1 || Number.isInteger(v));
  const change = (v, typing) => {
    if (v === value) return;
    show(v, typing);
    onInput(v);
  };
  range.addEventListener("input", () => change(at[range.value], false));
  number.addEventListener("input", () => valid(number.valueAsNumber) && change(number.valueAsNumber, true));
  number.addEventListener("change", () => (number.value = value));
  show(value, false);
  const el = h("div", { className: "sv-control" }, h("label", { htmlFor: id }, label), note, number, range);
  return { el, set: (v) => show(v, document.activeElement === number && number.valueAsNumber === v) };
}

/** Writing the same text again would make the browser lay out the page again. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** One token of the chart: its name, two bars with a frame over them, and the numbers. */
function barRow() {
  const name = h("span", { className: "sv-name lmkit-token" });
  const bars = ["before", "after", "drawn"].map((kind) => h("i", { className: `sv-bar sv-${kind}` }));
  const why = h("span", { className: "sv-why" });
  const before = h("span", { className: "sv-number sv-faint" });
  const after = h("span", { className: "sv-number" });
  const count = h("span", { className: "sv-count" });
  const track = h("span", { className: "sv-track", "aria-hidden": "true" }, bars);
  const el = h("li", { className: "sv-row" }, name, h("span", { className: "sv-lane" }, track, why),
    h("span", { className: "sv-numbers" }, before, after), count);
  const set = (row, place) => {
    write(name, row.aggregate ? row.token : shortToken(row.token, 16));
    name.title = row.aggregate ? "" : visibleToken(row.token);
    name.classList.toggle("lmkit-token", !row.aggregate);
    [row.before, row.after, row.drawn].forEach((p, i) => {
      bars[i].hidden = !p;
      bars[i].style.width = `${100 * place(p ?? 0)}%`;
    });
    write(before, row.before === null ? "" : percent(row.before));
    write(after, row.reason ? "" : percent(row.after));
    write(why, row.reason);
    write(count, row.mark || (row.count ? `× ${whole(row.count)}` : ""));
    el.classList.toggle("sv-removed", Boolean(row.reason));
    el.classList.toggle("sv-chosen", Boolean(row.mark));
    el.classList.toggle("sv-aggregate", Boolean(row.aggregate));
    if (row.mark) el.setAttribute("aria-current", "true");
    else el.removeAttribute("aria-current");
  };
  return { el, set };
}

/** The list of bars with its axis and legend. `legend` holds [class, text] pairs. */
function barChart(label, legend) {
  const list = h("ol", { className: "sv-bars", "aria-label": label });
  const scale = h("div", { className: "sv-axis", "aria-hidden": "true" }, h("span", {}), h("span", {}), h("span", {}));
  const key = h("p", { className: "sv-legend" },
    legend.map(([kind, text]) => h("span", {}, h("i", { className: `sv-swatch sv-${kind}`, "aria-hidden": "true" }), text)));
  const rows = [];
  const draw = (data, { place, ticks }) => {
    while (rows.length > data.length) rows.pop().el.remove();
    while (rows.length < data.length) {
      rows.push(barRow());
      list.append(rows.at(-1).el);
    }
    data.forEach((row, i) => rows[i].set(row, place));
    ticks.forEach((p, i) => write(scale.children[i], share(p)));
  };
  const lanes = legend.length > 1 ? "sv-chart" : "sv-chart sv-single";
  return { el: h("div", { className: lanes }, key, scale, list), draw };
}

/** The chart's two switches. `state` holds `shown` and `logarithmic`. */
function chartSwitches(state, redraw) {
  const more = button(LABELS.more, () => {
    state.shown = state.shown === FEW ? MANY : FEW;
    more.textContent = state.shown === FEW ? LABELS.more : LABELS.fewer;
    redraw();
  });
  const logarithmic = toggle(LABELS.logScale, false, (on) => {
    state.logarithmic = on;
    redraw();
  });
  return { el: h("div", { className: "lmkit-row sv-switches" }, more, logarithmic.el), more };
}

function figure(label) {
  const value = h("b", {}), note = h("span", { className: "sv-faint" });
  const set = (text, more = "") => {
    write(value, text);
    write(note, more);
  };
  return { el: h("div", { className: "sv-figure" }, h("span", { className: "sv-label" }, label), value, note), set };
}

function table(headings, rows, numeric) {
  const cell = (tag, text, i) => h(tag, { className: numeric.includes(i) ? "lmkit-number" : "", scope: tag === "th" ? "col" : null },
    i === 1 && tag === "td" ? h("span", { className: "lmkit-token" }, text) : text);
  return h("div", { className: "sv-scroll", tabIndex: 0, role: "region", "aria-label": LABELS.details }, h("table", {},
    h("thead", {}, h("tr", {}, headings.map((text, i) => cell("th", text, i)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((text, i) => cell("td", text, i)))))));
}

function toCsv(rows) {
  return rows.map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
}

async function openJson(view) {
  return JSON.parse(new TextDecoder().decode(await unpack(view, "uint8")));
}

// ---------------------------------------------------------------- a distribution

/** Opens the logits of one label on first use. */
function distributionReader(model) {
  const packed = model.get("logits"), sizes = model.get("logit_sizes"), opened = new Map();
  return (index) => {
    if (!opened.has(index)) {
      const start = sizes.slice(0, index).reduce((a, b) => a + b, 0);
      const chunk = new DataView(packed.buffer, packed.byteOffset + start, sizes[index]);
      opened.set(index, unpack(chunk, "float16").then((logits) => {
        const sorted = sortLogits(logits);
        const before = warp(sorted, {});
        return { logits, sorted, before, nats: entropy(before.probs) };
      }));
    }
    return opened.get(index);
  };
}

/** The reader's draws under fixed settings. */
function newDraws(seed, size) {
  return { seed, next: mt19937(seed), counts: new Uint32Array(size), total: 0, last: [], path: [] };
}

/** Draws at most `n` tokens, few at first and then ever more, and notes the distance. Returns how many. */
function drawSome(draws, n, sorted, probs) {
  if (draws.total === 0) {
    draws.probs = byId(sorted, probs);
    draws.cumulative = cumulate(draws.probs);
  }
  const now = Math.min(n, Math.max(1, Math.ceil(draws.total / 12)));
  for (let i = 0; i < now; i++) {
    const id = inverseCdfDraw(draws.cumulative, draws.next());
    draws.counts[id]++;
    draws.last.unshift(id);
  }
  draws.total += now;
  draws.last.length = Math.min(draws.last.length, 12);
  draws.path.push([draws.total, totalVariation(draws.counts, draws.total, draws.probs)]);
  return now;
}

/** The distance against the number of draws, on a logarithmic axis. */
function distanceCurve(path) {
  const width = 150, height = 32, most = Math.log(Math.max(10, path.at(-1)[0])), top = Math.max(...path.map(([, d]) => d)) || 1;
  const points = path.map(([n, d]) => `${((Math.log(n) / most) * width).toFixed(1)},${(height - 2 - (d / top) * (height - 4)).toFixed(1)}`);
  const text = LABELS.distanceCurve(decimals(path[0][1], 3), decimals(path.at(-1)[1], 3));
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": text, className: "sv-spark" },
    s("path", { d: `M0 ${height - 0.5}H${width}`, className: "sv-base" }), s("polyline", { points: points.join(" ") }));
}

/** Presets, reset and the four controls. `set(settings)` moves them; `onChange(settings)` hears of the reader's moves. */
function controlPanel(size, initial, onChange) {
  let settings = initial;
  const off = { temperature: 1, topK: size, topP: 1, minP: 0 };
  const presets = Object.entries({ greedy: { ...off, temperature: 0 }, one: off, topK: { ...off, topK: 50 },
    topP: { ...off, topP: 0.9 }, minP: { ...off, minP: 0.1 } }).filter(([, values]) => values.topK === size || size > 50);
  const make = (key, at, step, words) => control({ label: LABELS[key], at, step, value: initial[key], words,
    onInput: (v) => onChange({ ...settings, [key]: v }) });
  const unless = (idle, words) => (v) => (v === idle ? LABELS.off : words(v));
  const controls = {
    temperature: make("temperature", stops(0, Math.max(3, initial.temperature), 0.05), 0.05, LABELS.temperatureWords),
    topK: make("topK", logStops(size), 1, unless(size, LABELS.topKWords)),
    topP: make("topP", stops(0.01, 1, 0.01), 0.01, unless(1, LABELS.topPWords)),
    minP: make("minP", stops(0, 1, 0.01), 0.01, unless(0, LABELS.minPWords)),
  };
  const buttons = presets.map(([key, values]) => button(LABELS.presetNames[key], () => onChange({ ...values })));
  const set = (next) => {
    settings = next;
    for (const [key, c] of Object.entries(controls)) c.set(settings[key]);
    presets.forEach(([, values], i) => {
      const pressed = String(Object.keys(values).every((key) => settings[key] === values[key]));
      if (buttons[i].getAttribute("aria-pressed") !== pressed) buttons[i].setAttribute("aria-pressed", pressed);
    });
  };
  const el = h("div", { className: "sv-controls" },
    h("div", { className: "sv-presets", role: "group", "aria-label": LABELS.presets }, buttons,
      button(LABELS.reset, () => onChange({ ...initial }))),
    Object.values(controls).map((c) => c.el));
  return { el, set };
}

function readouts(size) {
  const kept = figure(LABELS.candidates), cut = figure(LABELS.cut);
  const nats = figure(LABELS.entropyIn(LABELS.nats)), bits = figure(LABELS.entropyIn(LABELS.bits));
  const set = (result, natsBefore) => {
    const natsAfter = entropy(result.probs);
    kept.set(whole(result.kept), LABELS.of(size));
    cut.set(percent(result.massCut));
    nats.set(decimals(natsAfter), LABELS.was(decimals(natsBefore)));
    bits.set(decimals(natsAfter / Math.LN2), LABELS.was(decimals(natsBefore / Math.LN2)));
  };
  return { el: h("div", { className: "sv-figures" }, [kept, cut, nats, bits].map((f) => f.el)), set };
}

/** The buttons for drawing, and what was drawn. */
function drawPanel(seed, { onDraw, onClear, onSeed }) {
  const clear = button(LABELS.clear, onClear);
  const most = 2 ** 32 - 1;
  const seedField = h("input", { type: "number", min: 0, max: most, step: 1, value: seed, onChange: () => {
    const wanted = seedField.valueAsNumber;
    if (Number.isInteger(wanted) && wanted >= 0 && wanted <= most) onSeed(wanted);
    else seedField.value = seed;
  } });
  const tally = h("p", { className: "sv-tally" }), last = h("p", { className: "sv-last" });
  const notice = h("p", { className: "lmkit-note sv-notice" });
  const set = (draws, tokens, message) => {
    seedField.value = seed = draws.seed;
    clear.disabled = draws.total === 0;
    write(notice, message);
    write(last, "");
    if (draws.total === 0) return void write(tally, LABELS.noDraws);
    tally.replaceChildren(h("b", {}, LABELS.draws(draws.total)), ` · ${LABELS.distance} `,
      h("b", {}, decimals(draws.path.at(-1)[1], 3)), distanceCurve(draws.path));
    last.append(h("span", { className: "sv-faint" }, LABELS.last),
      ...draws.last.map((id) => h("span", { className: "sv-chip lmkit-token" }, shortToken(tokens[id], 16))));
  };
  const el = h("div", { className: "sv-draws", role: "group", "aria-label": LABELS.drawing },
    h("div", { className: "lmkit-row" }, button(LABELS.drawOne, () => onDraw(1)), button(LABELS.drawTen, () => onDraw(10)),
      button(LABELS.drawMany, () => onDraw(1000)), clear, h("label", { className: "sv-seed" }, LABELS.seed, seedField)),
    tally, last, notice);
  return { el, set };
}

/** The rows of the chart: the most probable tokens, and all others as one. */
function chartRows({ tokens, sorted, before, result, draws }, count) {
  const shareOf = (n) => (draws.total ? n / draws.total : 0);
  const rows = Array.from(sorted.ids.subarray(0, count), (id, rank) => ({ token: tokens[id], id, before: before.probs[rank],
    after: result.probs[rank], reason: LABELS.reasons[result.reasons[rank]], count: draws.counts[id], drawn: shareOf(draws.counts[id]) }));
  if (rows.length === tokens.length) return rows;
  const rest = draws.total - rows.reduce((sum, row) => sum + row.count, 0);
  const anyKept = result.reasons.subarray(count).includes(KEPT);
  rows.push({ aggregate: true, token: LABELS.tail(tokens.length - count), before: sumFrom(before.probs, count),
    after: sumFrom(result.probs, count), reason: anyKept ? "" : LABELS.reasons[result.reasons[count]], count: rest, drawn: shareOf(rest) });
  return rows;
}

/** Every token of the vocabulary, in id order. */
function distributionCsv({ tokens, logits, sorted, before, result, draws }) {
  const [raw, after, reasons] = [before.probs, result.probs, result.reasons].map((values) => byId(sorted, values));
  const headings = ["id", "token", "logit_minus_max", "probability_before", "probability_after", "removed", "drawn"];
  return toCsv([headings, ...tokens.map((token, id) => [id, token, logits[id], raw[id], after[id], LABELS.reasons[reasons[id]], draws.counts[id]])]);
}

/** A fold with the same numbers as a table, the file, and what was rounded. Filled only while it is open. */
function finePrint(getState, getRows, rounding) {
  const inside = h("div", {});
  const el = h("details", { onToggle: () => draw() }, h("summary", {}, LABELS.details), inside);
  const draw = () => {
    if (!el.open) return;
    const rows = getRows().filter((row) => !row.aggregate).map((row, rank) => [whole(rank + 1), visibleToken(row.token), String(row.id),
      percent(row.before), percent(row.after), row.reason, whole(row.count)]);
    inside.replaceChildren(
      h("p", { className: "lmkit-note" }, LABELS.rounding(`${Number((100 * rounding()).toPrecision(2))} %`)),
      button(LABELS.csv, () => download("distribution.csv", distributionCsv(getState()), "text/csv")),
      table(LABELS.headings, rows, [0, 2, 3, 4, 6]));
  };
  return { el, draw };
}

function readSettings(model, size) {
  return { temperature: model.get("temperature"), topK: Math.min(model.get("top_k") ?? size, size), topP: model.get("top_p") ?? 1,
    minP: model.get("min_p") ?? 0 };
}

function writeSettings(model, size, { temperature, topK, topP, minP }, others) {
  const values = { temperature, top_k: topK === size ? null : topK, top_p: topP === 1 ? null : topP, min_p: minP || null, ...others };
  for (const [key, value] of Object.entries(values)) model.set(key, value);
  model.save_changes();
}

async function renderDistribution(model, root) {
  const size = model.get("vocab_size"), labels = model.get("labels");
  const read = distributionReader(model);
  const tokens = await openJson(model.get("vocabulary"));

  // The state: which prompt, the settings, the draws. Everything on the page follows from it.
  let selected = model.get("selected"), settings = readSettings(model, size);
  let state = { tokens, ...(await read(selected)), draws: newDraws(model.get("seed"), size) };
  state.result = warp(state.sorted, settings);
  let pending = 0, frame = 0, saving = 0, sending = false;

  const look = { shown: FEW, logarithmic: false };
  const rows = () => chartRows(state, Math.min(look.shown, size));
  const { el: live, say } = announcer();
  const prompts = choice(LABELS.prompt, labels.map((label, i) => [String(i), label]), String(selected), (key) => pickPrompt(Number(key)));
  const controls = controlPanel(size, settings, (next) => change(next));
  const figures = readouts(size);
  const chart = barChart(LABELS.candidatesList, [["before", LABELS.before], ["after", LABELS.after], ["drawn", LABELS.drawn]]);
  const switches = chartSwitches(look, () => draw(""));
  switches.more.hidden = size <= FEW;
  const drawing = drawPanel(state.draws.seed, { onDraw: (n) => requestDraws(n), onClear: () => restart(""), onSeed: (seed) => pickSeed(seed) });
  const details = finePrint(() => state, rows, () => model.get("rounding")[selected]);
  root.append(
    labels.length > 1 ? h("div", { className: "sv-prompts" }, prompts.el) : h("p", { className: "sv-prompt", hidden: !labels[0] }, labels[0]),
    h("div", { className: "sv-columns" }, controls.el, h("div", { className: "sv-main" }, chart.el, switches.el), figures.el),
    drawing.el, details.el, live);

  function draw(message) {
    const data = rows();
    controls.set(settings);
    chart.draw(data, axis(Math.max(...data.flatMap((row) => [row.before, row.after])), look.logarithmic));
    figures.set(state.result, state.nats);
    drawing.set(state.draws, tokens, message);
    details.draw();
  }
  function restart(message, seed = state.draws.seed) {
    cancelAnimationFrame(frame);
    pending = frame = 0;
    if (state.draws.total || seed !== state.draws.seed) state.draws = newDraws(seed, size);
    draw(message);
  }
  function rewarp() {
    state.result = warp(state.sorted, settings);
    restart(state.draws.total ? LABELS.cleared(state.draws.total) : "");
    say(`${LABELS.candidates} ${whole(state.result.kept)}, ${LABELS.cut} ${percent(state.result.massCut)}`);
    save();
  }
  function change(next) {
    settings = next;
    rewarp();
  }
  async function pickPrompt(index) {
    selected = index;
    const opened = await read(index);
    if (selected !== index) return; // the reader has gone on to another one
    Object.assign(state, opened);
    rewarp();
  }
  function pickSeed(seed) {
    restart("", seed);
    save();
  }
  function requestDraws(n) {
    pending += n;
    if (!frame) drawPending();
  }
  function drawPending() {
    // Some in every frame, so that one sees the shares converge; all at once for readers who want no motion.
    const atOnce = reducedMotion() || document.hidden;
    do pending -= drawSome(state.draws, pending, state.sorted, state.result.probs);
    while (pending && atOnce);
    draw("");
    frame = pending ? requestAnimationFrame(drawPending) : 0;
    if (!pending) say(`${LABELS.draws(state.draws.total)}, ${LABELS.distance} ${decimals(state.draws.path.at(-1)[1], 3)}`);
  }
  function save() {
    clearTimeout(saving);
    saving = setTimeout(() => {
      sending = true; // or each trait that is set would come back as if the kernel had moved it
      writeSettings(model, size, settings, { seed: state.draws.seed, selected });
      sending = false;
    }, 250);
  }
  async function fromKernel() {
    if (sending) return;
    const next = readSettings(model, size);
    if (model.get("seed") !== state.draws.seed) restart("", model.get("seed"));
    if (Object.keys(next).some((key) => next[key] !== settings[key])) change(next);
    if (model.get("selected") === selected) return;
    prompts.set(String(model.get("selected")));
    await pickPrompt(model.get("selected"));
  }
  const watched = ["temperature", "top_k", "top_p", "min_p", "seed", "selected"].map((name) => `change:${name}`);
  watched.forEach((name) => model.on(name, fromKernel));
  draw("");
  return () => {
    watched.forEach((name) => model.off(name, fromKernel));
    cancelAnimationFrame(frame);
    clearTimeout(saving);
  };
}

// ---------------------------------------------------------------- a generation

/** Entropy as a line and surprise as dots, both in nats: on average surprise equals entropy if the model is right. */
function entropyCurve(steps, at, onPick) {
  const width = 600, height = 84, top = Math.max(1, ...steps.map((step) => Math.max(step.entropy, -(step.logprob ?? 0))));
  const x = (i) => ((i + 0.5) / steps.length) * width;
  const y = (v) => height - 4 - (Math.min(v, top) / top) * (height - 12);
  const line = steps.map((step, i) => `${x(i).toFixed(1)},${y(step.entropy).toFixed(1)}`).join(" ");
  const pick = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    onPick(Math.min(steps.length - 1, Math.floor(((event.clientX - box.left) / box.width) * steps.length)));
  };
  const caption = LABELS.curve(decimals(top, 1));
  const frame = { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": caption };
  const svg = s("svg", { ...frame, className: "sv-curve", onClick: pick },
    s("rect", { x: (at / steps.length) * width, y: 0, width: width / steps.length, height, className: "sv-cursor" }),
    s("path", { d: `M0 ${height - 4}H${width}`, className: "sv-base" }),
    s("polyline", { points: line }),
    steps.map((step, i) => s("path", { d: `M${x(i)} ${y(-(step.logprob ?? -top))}h0`, className: "sv-dot" })));
  return [svg, h("p", { className: "lmkit-note" }, caption)];
}

function factList(heading, facts) {
  const lines = facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  return h("div", {}, h("p", { className: "sv-heading" }, heading), h("dl", {}, lines));
}

/** How strongly a token is shaded, 0 to 1: the more surprising, the darker. */
function shade(probability) {
  return Math.min(1, -Math.log(probability) / 7);
}

/** Running sums of the log-probabilities: `sums[i]` includes token i. */
export function runningSums(logprobs) {
  let total = 0;
  return logprobs.map((x) => (total += x ?? -Infinity));
}

const IDLE = { num_beams: 1, repetition_penalty: 1 }; // settings that change nothing are not mentioned

function describeSettings({ seed, max_new_tokens: _, ...settings }) {
  const drawn = settings.temperature !== null ? { ...settings, seed } : settings;
  const shown = Object.entries(drawn).filter(([key, value]) => value !== null && LABELS.settings[key] && !(key in IDLE && IDLE[key] === value))
    .map(([key, value]) => `${LABELS.settings[key]} ${value}`);
  if (settings.temperature === null) shown.unshift(settings.num_beams > 1 ? LABELS.beams : LABELS.greedy);
  return shown.join(", ");
}

/** The token as it stands in running text: its spaces are spaces, everything invisible in it has a sign. */
function runningText(token) {
  const inner = token.trim() === "" ? "" : token.match(/^ */)[0];
  return inner + visibleToken(token.slice(inner.length));
}

const probabilityOf = (step) => (step.logprob === null ? 0 : Math.exp(step.logprob));

/** The text, one button a token, shaded by probability. Arrow keys, Home and End move along it. */
function tokenText(prompt, steps, go) {
  let at = 0;
  const buttons = steps.map((step, i) => h("button", { type: "button", className: "sv-token sv-shaded lmkit-token", onClick: () => go(i),
    style: `--sv-shade: ${shade(probabilityOf(step))}`,
    "aria-label": LABELS.tokenName(i + 1, steps.length, visibleToken(step.token), percent(probabilityOf(step))) }, runningText(step.token)));
  const onKeydown = (event) => {
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: steps.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
    buttons[at].focus();
  };
  const el = h("p", { className: "sv-text", role: "group", "aria-label": LABELS.generation, onKeydown },
    h("span", { className: "sv-given" }, prompt), buttons.map((b, i) => [b, steps[i].token.endsWith("\n") ? h("br") : null]));
  const set = (to) => {
    at = to;
    buttons.forEach((b, i) => {
      b.tabIndex = i === at ? 0 : -1;
      b.setAttribute("aria-pressed", String(i === at));
    });
  };
  return { el, set, name: (i) => buttons[i].getAttribute("aria-label") };
}

/** The rows of one step: its candidates, the chosen one wherever it ranks, and all others as one. */
function stepRows(step, size, count, sampled) {
  const rowOf = ([token, id, logprob, after, reason]) => {
    const raw = Math.exp(logprob ?? -Infinity);
    return { token, before: sampled ? raw : null, after: sampled ? after : raw, reason: LABELS.reasons[reason],
      mark: id === step.chosen[1] ? LABELS.chosen : "" };
  };
  const rows = step.candidates.slice(0, count).map(rowOf);
  if (!rows.some((row) => row.mark)) rows.push(rowOf(step.chosen));
  if (rows.length === size) return rows;
  const left = (key) => 1 - rows.reduce((sum, row) => sum + row[key], 0);
  const [before, after] = [left("before"), left("after")].map((p) => (p < 1e-5 ? 0 : p)); // what travels is rounded
  return [...rows, { aggregate: true, token: LABELS.tail(size - rows.length), before: sampled ? before : null, after, reason: "" }];
}

function stepFacts(step, at, sums, total, size) {
  const logprob = decimals(step.logprob ?? -Infinity), last = sums.length;
  return [
    factList(LABELS.thisToken, [[LABELS.probability, percent(probabilityOf(step))], [LABELS.logprob, logprob],
      [LABELS.rank, `${whole(step.rank)} ${LABELS.of(size)}`], [LABELS.entropy, `${decimals(step.entropy)} ${LABELS.nats}`],
      ["", `${decimals(step.entropy / Math.LN2)} ${LABELS.bits}`]]),
    factList(LABELS.soFar, [[LABELS.logprob, decimals(sums[at])], [LABELS.perToken, decimals(sums[at] / (at + 1))]]),
    factList(LABELS.all, [[LABELS.logprob, decimals(total)], [LABELS.perToken, decimals(total / last)],
      [LABELS.perplexity, decimals(Math.exp(-total / last))]]),
  ];
}

function generationTable(steps, sums) {
  const rows = steps.map((step, i) => [whole(i + 1), visibleToken(step.token), String(step.chosen[1]), percent(probabilityOf(step)),
    decimals(step.logprob ?? -Infinity, 3), whole(step.rank), decimals(step.entropy, 3), decimals(sums[i], 3)]);
  return table(LABELS.stepHeadings, rows, [0, 2, 3, 4, 5, 6, 7]);
}

function generationCsv(steps, sums) {
  const headings = ["step", "token", "id", "probability", "logprob", "rank", "entropy", "sum_of_logprobs"];
  return toCsv([headings, ...steps.map((step, i) => [i + 1, step.token, step.chosen[1], probabilityOf(step), step.logprob ?? -Infinity,
    step.rank, step.entropy, sums[i]])]);
}

async function renderGeneration(model, root) {
  const { prompt, settings, stop, steps, vocab_size: size, logprob } = await openJson(model.get("recording"));
  root.append(h("p", { className: "lmkit-note" }, `${describeSettings(settings)}. ${LABELS.stopped[stop] ?? ""}`));
  if (steps.length === 0) return void root.append(h("p", {}, LABELS.empty));
  const sums = runningSums(steps.map((step) => step.logprob));
  const sampled = steps[0].chosen[3] !== null;
  let at = 0;

  const look = { shown: FEW, logarithmic: false };
  const { el: live, say } = announcer();
  const text = tokenText(prompt, steps, (to) => go(to));
  const ramp = [0.9, 0.3, 0.05, 0.001].map((p) => h("span", { className: "sv-shaded", style: `--sv-shade: ${shade(p)}` }, share(p)));
  const curve = h("div", {}), facts = h("div", { className: "sv-facts" }), where = h("b", { className: "sv-where" });
  const back = button(`← ${LABELS.previous}`, () => go(at - 1)), forth = button(`${LABELS.next} →`, () => go(at + 1));
  const chart = barChart(LABELS.alternatives, sampled ? [["before", LABELS.before], ["after", LABELS.after]] : [["after", LABELS.rawOnly]]);
  const switches = chartSwitches(look, () => draw());
  const file = button(LABELS.csvSteps, () => download("generation.csv", generationCsv(steps, sums), "text/csv"));
  root.append(text.el, h("p", { className: "lmkit-note sv-ramp" }, LABELS.hint, ramp), curve,
    h("div", { className: "lmkit-row sv-steps" }, back, forth, where),
    h("div", { className: "sv-columns" }, facts, h("div", { className: "sv-main" }, chart.el, switches.el)),
    h("details", {}, h("summary", {}, LABELS.details), file, generationTable(steps, sums)), live);

  function draw() {
    const step = steps[at], rows = stepRows(step, size, look.shown, sampled);
    text.set(at);
    chart.draw(rows, axis(Math.max(...rows.flatMap((row) => [row.before ?? 0, row.after])), look.logarithmic));
    switches.more.hidden = step.candidates.length <= FEW;
    curve.replaceChildren(...entropyCurve(steps, at, go));
    facts.replaceChildren(...stepFacts(step, at, sums, logprob ?? -Infinity, size));
    where.textContent = LABELS.step(at + 1, steps.length);
    back.disabled = at === 0;
    forth.disabled = at === steps.length - 1;
  }
  function go(to) {
    at = Math.max(0, Math.min(steps.length - 1, to));
    draw();
    say(`${text.name(at)}. ${LABELS.soFar}: ${LABELS.logprob} ${decimals(sums[at])}`);
  }
  draw();
  return undefined;
}

// ---------------------------------------------------------------- the widget

async function render({ model, el }) {
  const title = model.get("title");
  const root = h("section", { className: "lmkit lmkit-sampling", "aria-label": title || LABELS.candidatesList },
    title ? h("p", { className: "lmkit-title" }, title) : null);
  el.append(root);
  return model.get("kind") === "generation" ? renderGeneration(model, root) : renderDistribution(model, root);
}

export default { render };
