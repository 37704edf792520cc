// One next-token distribution, or several to choose from, under the sampler's controls.
import { announcer, choice, download, h, mt19937, reducedMotion, s, shortToken, unpack, visibleToken } from "./base.js";
import {
  axis, byId, cumulate, entropy, inverseCdfDraw, KEPT, logStops, sortLogits, sumFrom, totalVariation, warp,
} from "./sampling_warp.js";
import { decimals, percent, stops, whole } from "./numbers.js";
import { LABELS } from "./sampling_labels.js";
import { button, write } from "./controls.js";
import { barChart, chartSwitches, control, FEW, figure, openJson, table, toCsv } from "./sampling_parts.js";

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

export async function renderDistribution(model, root) {
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
