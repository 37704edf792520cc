// Training: curves of what runs have recorded, a step that the reader moves, and what the models had written by then.
// First arithmetic on plain arrays, then the chart, then the widget, which holds what the reader has chosen.
import { announcer, csvField, download, h, reducedMotion, rootElement, s, toggle, uniqueId, unpack } from "./base.js";
import { short, whole } from "./numbers.js";
import { LABELS } from "./training_labels.js";

const HEIGHT = 300; // of the chart, CSS pixels
const MARGIN = { left: 62, right: 14, top: 12, bottom: 34 };

// ---------------------------------------------------------------- arithmetic

/** Index of the last record at or before `step`, −1 if there is none. Steps rise. */
export function recordAt(steps, step) {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The newest value at or before `step` that is a number, and the step of its record; null if there is none yet. */
export function valueAt({ steps, values }, step) {
  for (let i = recordAt(steps, step); i >= 0; i--) if (!Number.isNaN(values[i])) return { step: steps[i], value: values[i] };
  return null;
}

/** All steps of all runs, rising, each once. */
export function allSteps(runs) {
  return [...new Set(runs.flatMap(({ steps }) => [...steps]))].sort((a, b) => a - b);
}

/** From the smallest to the largest finite value; on a logarithmic axis of the positive ones. A single value gets room. */
export function extent(numbers, logarithmic) {
  let [low, high] = [Infinity, -Infinity];
  for (const x of numbers) {
    if (!Number.isFinite(x) || (logarithmic && x <= 0)) continue;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (low > high) return logarithmic ? [1, 10] : [0, 1];
  if (low === high) return logarithmic ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  return [low, high];
}

/** Where a number lies between `low` and `high`, 0 to 1; NaN where a logarithm does not exist. */
export function place(x, [low, high], logarithmic) {
  if (!logarithmic) return (x - low) / (high - low);
  return x > 0 ? Math.log(x / low) / Math.log(high / low) : NaN;
}

/** Round numbers inside the extent for about `count` ticks. */
export function ticks([low, high], logarithmic, count = 5) {
  if (logarithmic) {
    const powers = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) powers.push(10 ** e);
    const within = (list) => list.filter((x) => x >= low * 0.999 && x <= high * 1.001);
    const few = within(powers);
    if (few.length > 2) return few.filter((_, i) => i % Math.ceil(few.length / (count + 1)) === 0);
    return within(powers.flatMap((x) => [x, 2 * x, 5 * x]));
  }
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((f) => f * power >= rough) * power;
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}

/** A path through points [x, y]: of all that fall into one pixel column it keeps the first, lowest, highest and last. */
export function thinned(points) {
  const kept = [];
  for (let i = 0; i < points.length;) {
    const column = Math.floor(points[i][0]);
    let [end, low, high] = [i, i, i];
    for (; end < points.length && Math.floor(points[end][0]) === column; end++) {
      if (points[end][1] < points[low][1]) low = end;
      if (points[end][1] > points[high][1]) high = end;
    }
    for (const at of [...new Set([i, low, high, end - 1])].sort((a, b) => a - b)) kept.push(points[at]);
    i = end;
  }
  return kept;
}

// ---------------------------------------------------------------- the chart

function axis(kind, at, text, width) {
  const [x, y] = kind === "x" ? [at, HEIGHT - MARGIN.bottom] : [MARGIN.left, at];
  const line = kind === "x" ? `M${x} ${MARGIN.top}V${y}` : `M${x} ${y}H${width - MARGIN.right}`;
  const label = kind === "x" ? { x, y: y + 20, "text-anchor": "middle" } : { x: x - 8, y: y + 4, "text-anchor": "end" };
  return [s("path", { d: line, className: "tv-grid" }), s("text", { ...label, className: "tv-tick" }, text)];
}

/** Draws all runs that are shown; returns where a pixel is on the axis of steps. */
function drawChart(svg, { runs, hidden, step, logX, logY, quantity }, width) {
  const shown = runs.filter((_, i) => !hidden.has(i));
  const xs = extent(shown.flatMap(({ steps }) => [...steps]).map((x) => (logX ? Math.max(x, 1) : x)), logX);
  const ys = extent(shown.flatMap(({ values }) => [...values]), logY);
  const [w, hgt] = [width - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
  const x = (value) => MARGIN.left + w * place(logX ? Math.max(value, 1) : value, xs, logX);
  const y = (value) => MARGIN.top + hgt * (1 - place(value, ys, logY));
  const lines = runs.map(({ steps, values }, i) => {
    if (hidden.has(i)) return null;
    const points = [...steps].map((at, n) => [x(at), y(values[n])]).filter(([, v]) => Number.isFinite(v));
    const now = valueAt(runs[i], step);
    const path = thinned(points).map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ");
    const dot = now && Number.isFinite(y(now.value)) && s("circle", { cx: x(now.step), cy: y(now.value), r: 4.5, className: `tv-dot tv-run${i}` });
    return s("g", {}, s("polyline", { points: path, className: `tv-line tv-run${i}` }), dot);
  });
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("aria-label", LABELS.chart(quantity, shown.map(({ name }) => name)));
  svg.replaceChildren(
    ...ticks(xs, logX, width < 500 ? 4 : 7).flatMap((value) => axis("x", x(value), whole(value), width)),
    ...ticks(ys, logY).flatMap((value) => axis("y", y(value), short(value), width)),
    s("path", { d: `M${x(step).toFixed(1)} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}`, className: "tv-cursor" }),
    ...lines.filter(Boolean));
  return (pixel) => {
    const share = Math.max(0, Math.min(1, (pixel - MARGIN.left) / w));
    return logX ? xs[0] * (xs[1] / xs[0]) ** share : xs[0] + share * (xs[1] - xs[0]);
  };
}

// ---------------------------------------------------------------- the widget

/** The runs as the reader sees them under one quantity: [{ name, steps, values }]. */
async function readRuns(model) {
  const [names, sizes, data, quantities] = ["names", "sizes", "data", "quantities"].map((name) => model.get(name));
  let start = 0;
  const tables = await Promise.all(sizes.map((size) => {
    const view = new DataView(data.buffer, data.byteOffset + start, size);
    start += size;
    return unpack(view, "float32");
  }));
  return tables.map((table, i) => {
    const count = table.length / (1 + quantities.length);
    const row = (n) => table.subarray(n * count, (n + 1) * count);
    return { name: names[i], steps: row(0), columns: Object.fromEntries(quantities.map((key, n) => [key, row(n + 1)])) };
  });
}

const readSamples = async (model) => JSON.parse(new TextDecoder().decode(await unpack(model.get("samples"), "uint8")));

function csv(runs, quantities) {
  const rows = runs.flatMap(({ name, steps, columns }) =>
    [...steps].map((step, i) => [name, step, ...quantities.map((key) => (Number.isNaN(columns[key][i]) ? "" : columns[key][i]))]));
  return [[...LABELS.csv, ...quantities], ...rows].map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
}

async function render({ model, el }) {
  const title = model.get("title");
  const live = announcer();
  const heading = title ? h("p", { className: "lmkit-title" }, title) : null;
  const root = rootElement("section", "tv-root", title || LABELS.widget, heading);
  el.append(root);
  const state = { quantity: model.get("quantity"), at: 0, logX: model.get("log_x"), logY: model.get("log_y"), hidden: new Set() };
  let [runs, samples, steps, width, toStep, playing, alive] = [[], [], [], 0, () => 0, 0, true];

  const ids = { quantity: uniqueId("quantity"), step: uniqueId("step") };
  const quantity = h("select", { id: ids.quantity, onChange: () => show({ quantity: quantity.value }) });
  const scrubber = h("input", { type: "range", id: ids.step, min: 0, step: 1, onInput: () => go(Number(scrubber.value)) });
  const where = h("output", { htmlFor: ids.step, className: "lmkit-value" });
  const play = h("button", { type: "button", className: "lmkit-button", onClick: () => (playing ? stop() : start()) }, LABELS.play);
  const logX = toggle(LABELS.logX, state.logX, (on) => show({ logX: on }));
  const logY = toggle(LABELS.logY, state.logY, (on) => show({ logY: on }));
  const legend = h("div", { className: "lmkit-row tv-legend", role: "group", "aria-label": LABELS.runs });
  const svg = s("svg", { role: "img", height: HEIGHT, className: "tv-chart" });
  const empty = h("p", { className: "lmkit-note" }, LABELS.nothing);
  const body = h("tbody");
  const table = h("table", { className: "tv-values" }, h("caption", { className: "lmkit-hidden" }, LABELS.values),
    h("thead", {}, h("tr", {}, LABELS.heads.map((text, i) => h("th", { scope: "col", className: i ? "lmkit-number" : "" }, text)))), body);
  const texts = h("div", { className: "tv-samples" });
  const save = h("button", { type: "button", className: "lmkit-button",
    onClick: () => download("training.csv", `\ufeff${csv(runs, model.get("quantities"))}`, "text/csv;charset=utf-8") }, LABELS.save);
  root.append(h("div", { className: "lmkit-row" }, h("label", { htmlFor: ids.quantity }, LABELS.quantity), quantity, logX.el, logY.el),
    legend, empty, svg, h("div", { className: "tv-scrub" }, play, h("label", { htmlFor: ids.step }, LABELS.step), scrubber, where),
    table, texts, h("div", { className: "lmkit-row tv-foot" }, save), live.el);

  const step = () => steps[state.at] ?? 0;
  const withValues = () => runs.map((run) => ({ ...run, values: run.columns[state.quantity] ?? run.steps.map(() => NaN) }));
  const draw = () => {
    empty.hidden = steps.length > 0;
    svg.style.display = steps.length ? "" : "none";
    if (!width || !steps.length) return;
    const current = withValues();
    toStep = drawChart(svg, { ...state, runs: current, step: step() }, width);
    scrubber.value = state.at;
    where.textContent = whole(step());
    scrubber.setAttribute("aria-valuetext", LABELS.at(step()));
    body.replaceChildren(...current.map((run, i) => [run, i]).filter(([, i]) => !state.hidden.has(i)).map(([run, i]) => {
      const now = valueAt(run, step());
      const mark = h("i", { className: `tv-swatch tv-run${i}`, "aria-hidden": "true" });
      return h("tr", {}, h("td", {}, mark, run.name), h("td", { className: "lmkit-number" }, now ? whole(now.step) : LABELS.notYet),
        h("td", { className: "lmkit-number" }, now ? short(now.value) : ""));
    }));
    texts.replaceChildren(...samples.flatMap((list, i) => {
      if (!list.length || state.hidden.has(i)) return [];
      const at = recordAt(list.map(([one]) => one), step());
      const caption = at < 0 ? runs[i].name : LABELS.sample(runs[i].name, list[at][0]);
      return [h("figure", {}, h("figcaption", { className: "lmkit-note" }, caption),
        h("p", { className: at < 0 ? "lmkit-note" : "tv-text" }, at < 0 ? LABELS.noSample : list[at][1]))];
    }));
    root.dataset.step = step();
  };
  const say = () => live.say(LABELS.said(step(), withValues().filter((_, i) => !state.hidden.has(i))
    .map((run) => LABELS.value(run.name, valueAt(run, step())?.value ?? null))));
  const show = (patch) => {
    Object.assign(state, patch);
    draw();
    say();
  };
  const go = (at) => {
    state.at = Math.max(0, Math.min(steps.length - 1, at));
    draw();
    if (!playing) say();
  };
  const stop = () => {
    clearInterval(playing);
    playing = 0;
    play.textContent = LABELS.play;
  };
  const start = () => {
    if (state.at >= steps.length - 1) state.at = 0;
    const stride = Math.max(1, Math.round(steps.length / (reducedMotion() ? 8 : 160))); // few large steps instead of a film
    play.textContent = LABELS.stop;
    playing = setInterval(() => {
      go(state.at + stride);
      if (state.at >= steps.length - 1) stop();
    }, reducedMotion() ? 1000 : 50);
  };
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const wanted = toStep(((event.clientX - box.left) / box.width) * width);
    const before = recordAt(steps, wanted);
    go(before + (wanted - steps[before] > steps[before + 1] - wanted ? 1 : 0));
  };
  svg.addEventListener("pointerdown", (event) => {
    stop();
    point(event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => event.buttons && point(event));

  const read = async () => {
    const atEnd = state.at >= steps.length - 1;
    [runs, samples] = await Promise.all([readRuns(model), readSamples(model)]);
    if (!alive) return;
    const quantities = model.get("quantities");
    if (!quantities.includes(state.quantity)) state.quantity = model.get("quantity");
    steps = allSteps(runs);
    if (atEnd) state.at = Math.max(0, steps.length - 1);
    scrubber.max = Math.max(0, steps.length - 1);
    quantity.replaceChildren(...quantities.map((key) => h("option", { value: key, selected: key === state.quantity }, key)));
    legend.hidden = runs.length < 2;
    if (legend.childElementCount !== runs.length) {
      legend.replaceChildren(...runs.map(({ name }, i) => {
        const one = toggle(name, true, (on) => {
          state.hidden[on ? "delete" : "add"](i);
          show({});
        });
        one.el.prepend(h("i", { className: `tv-swatch tv-run${i}`, "aria-hidden": "true" }));
        return one.el;
      }));
    }
    draw();
  };
  const observer = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return;
    width = contentRect.width;
    draw();
  });
  await read();
  observer.observe(root);
  model.on("change:data", read);
  return () => {
    alive = false;
    stop();
    observer.disconnect();
    model.off("change:data", read);
  };
}

export default { render };
