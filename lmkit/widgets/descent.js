// Gradient descent on a loss over two parameters: first the arithmetic, then the map, then the widget around them.
import { announcer, h, mix, onTheme, rootElement, s, sharpContext, slider, theme, toggle, uniqueId } from "./base.js";
import { stopsSlider } from "./controls.js";
import { decimals, short, whole } from "./numbers.js";
import { LABELS } from "./descent_labels.js";

const EDGE = { left: 44, right: 12, top: 10, bottom: 28 };
const BANDS = 16; // of the contour map
const FAR = 1e6; // a parameter beyond this is thrown out
const BETAS = [0.9, 0.999], EPSILON = 1e-8; // Adam's, as in torch.optim
const MOST_STEPS = 300;
const RATE_STOPS = [1e-3, 1e-2, 1e-1].flatMap((power) => [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((x) => Number((x * power).toPrecision(2)))).concat(1);
const MOMENTUM_STOPS = [0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99];

// ---------------------------------------------------------------- arithmetic

/** The value of a polynomial with terms [coefficient, power of x, power of y]. */
export function lossAt(terms, [x, y]) {
  return terms.reduce((sum, [c, i, j]) => sum + c * x ** i * y ** j, 0);
}

/** Its two partial derivatives. */
export function gradientAt(terms, [x, y]) {
  let [dx, dy] = [0, 0];
  for (const [c, i, j] of terms) {
    if (i) dx += c * i * x ** (i - 1) * y ** j;
    if (j) dy += c * j * x ** i * y ** (j - 1);
  }
  return [dx, dy];
}

const RULES = {
  sgd: ({ rate }) => (x, g) => x - rate * g,
  momentum: ({ rate, momentum }) => {
    let velocity = 0;
    return (x, g) => {
      velocity = momentum * velocity + g;
      return x - rate * velocity;
    };
  },
  adam: ({ rate }) => {
    let [mean, square, n] = [0, 0, 0];
    return (x, g) => {
      n += 1;
      mean = BETAS[0] * mean + (1 - BETAS[0]) * g;
      square = BETAS[1] * square + (1 - BETAS[1]) * g * g;
      const [a, b] = [mean / (1 - BETAS[0] ** n), square / (1 - BETAS[1] ** n)];
      return x - (rate * a) / (Math.sqrt(b) + EPSILON);
    };
  },
};

/** The points of a path, the start first. It ends early, with its last point far outside, where the steps diverge. */
export function descend(terms, start, { optimizer, rate, momentum, steps }) {
  const rules = [0, 1].map(() => RULES[optimizer]({ rate, momentum }));
  const path = [[...start]];
  for (let n = 0; n < steps; n++) {
    const at = path.at(-1);
    const gradient = gradientAt(terms, at);
    const next = at.map((x, k) => rules[k](x, gradient[k]));
    path.push(next);
    if (!next.every((x) => Math.abs(x) < FAR)) break; // catches NaN too
  }
  return path;
}

export function isGone(path) {
  return !path.at(-1).every((x) => Math.abs(x) < FAR);
}

/** Where a loss lies between the least and the greatest of the map, 0 to 1; low ground is stretched. */
export function heightOf(loss, [low, high]) {
  const unit = (high - low) / 200;
  return Math.log1p(Math.max(0, loss - low) / unit) / Math.log1p((high - low) / unit);
}

const clampTo = (x, [low, high]) => Math.min(high, Math.max(low, x));

// ---------------------------------------------------------------- the map

/** Where a surface lies on a stage of width × height pixels: to pixels and back. */
export function projection({ x, y }, width, height) {
  const [w, t] = [width - EDGE.left - EDGE.right, height - EDGE.top - EDGE.bottom];
  return {
    w, t,
    to: ([a, b]) => [EDGE.left + (w * (a - x[0])) / (x[1] - x[0]), EDGE.top + t * (1 - (b - y[0]) / (y[1] - y[0]))],
    from: ([px, py]) => [x[0] + ((px - EDGE.left) / w) * (x[1] - x[0]), y[0] + (1 - (py - EDGE.top) / t) * (y[1] - y[0])],
  };
}

/** Bands of equal height, with a line where one ends. One loss for every pixel, so this is drawn only when the map changes. */
function drawMap(context, { terms }, map, colours) {
  const [columns, rows] = [Math.round(map.w), Math.round(map.t)];
  const losses = new Float64Array(columns * rows);
  let [low, high] = [Infinity, -Infinity];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const loss = lossAt(terms, map.from([EDGE.left + c + 0.5, EDGE.top + r + 0.5]));
      losses[r * columns + c] = loss;
      if (loss < low) low = loss;
      if (loss > high) high = loss;
    }
  }
  const bands = Uint8Array.from(losses, (loss) => Math.min(BANDS - 1, Math.floor(heightOf(loss, [low, high]) * BANDS)));
  const tints = Array.from({ length: BANDS }, (_, i) => mix(colours.paper, colours.muted, 0.03 + (0.42 * i) / BANDS));
  const image = new ImageData(columns, rows);
  for (let i = 0; i < bands.length; i++) {
    const edge = ((i + 1) % columns && bands[i] !== bands[i + 1]) || (i + columns < bands.length && bands[i] !== bands[i + columns]);
    const tint = edge ? mix(tints[bands[i]], colours.ink, 0.28) : tints[bands[i]];
    image.data.set([tint[0], tint[1], tint[2], 255], 4 * i);
  }
  const canvas = h("canvas", { width: columns, height: rows });
  canvas.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(canvas, EDGE.left, EDGE.top, map.w, map.t);
}

function axisTicks([low, high]) {
  const step = (high - low) / 4;
  return [0, 1, 2, 3, 4].map((i) => low + i * step);
}

/** The frame, its ticks and the names of the two parameters. */
function frame({ x, y, names }, map) {
  const bottom = EDGE.top + map.t;
  const text = (at, label, more) => s("text", { x: at[0], y: at[1], className: "de-tick", ...more }, label);
  return [
    s("rect", { x: EDGE.left, y: EDGE.top, width: map.w, height: map.t, className: "de-frame" }),
    axisTicks(x).map((value, i) => text([map.to([value, 0])[0], bottom + 17],
      i === 2 ? `${names[0]} = ${short(value)}` : short(value), { "text-anchor": ["start", "middle", "middle", "middle", "end"][i] })),
    axisTicks(y).map((value, i) => text([EDGE.left - 6, map.to([0, value])[1] + [0, 4, 4, 4, 9][i]], i === 2 ? names[1] : short(value), { "text-anchor": "end" })),
  ].flat();
}

const END_MARKS = {
  sgd: ([x, y]) => s("circle", { cx: x, cy: y, r: 5.5 }),
  momentum: ([x, y]) => s("rect", { x: x - 5, y: y - 5, width: 10, height: 10 }),
  adam: ([x, y]) => s("path", { d: `M${x} ${y - 7}l7 7l-7 7l-7 -7z` }),
};

/** A path as a line with a dot for every step, and a mark where it ends. */
function drawPath(name, path, map) {
  const pixels = path.map(map.to).map(([x, y]) => [clampTo(x, [-1e5, 1e5]), clampTo(y, [-1e5, 1e5])]).filter(([x, y]) => !Number.isNaN(x + y));
  const points = pixels.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const end = END_MARKS[name](pixels.at(-1));
  end.setAttribute("class", "de-end");
  const dots = path.length <= 61 ? pixels.slice(1, -1).map(([x, y]) => s("circle", { cx: x, cy: y, r: 2.4, className: "de-step" })) : [];
  return s("g", { className: `de-${name}` }, s("polyline", { points, className: "de-path" }), dots, end);
}

/** An arrow of a fixed length in the direction of steepest descent, as it looks on the map. */
function arrow(at, gradient, map) {
  const [a, b] = map.to(at);
  const step = map.to(at.map((x, k) => x - gradient[k])).map((x, k) => x - [a, b][k]);
  const size = Math.hypot(...step);
  if (!(size > 1e-9)) return null;
  const [u, v] = step.map((x) => x / size);
  const [x, y] = [a + 46 * u, b + 46 * v];
  return s("path", { className: "de-arrow", d: `M${a + 11 * u} ${b + 11 * v}L${x} ${y}M${x - 9 * u + 5 * v} ${y - 9 * v - 5 * u}L${x} ${y}L${x - 9 * u - 5 * v} ${y - 9 * v + 5 * u}` });
}

// ---------------------------------------------------------------- the widget

function render({ model, el }) {
  const [title, surfaces] = [model.get("title"), model.get("surfaces")];
  const live = announcer();
  const root = rootElement("section", "de-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null);
  el.append(root);
  const first = () => ({ surface: 0, at: [...surfaces[0].start], rate: model.get("rate"), momentum: model.get("momentum"), steps: model.get("steps"),
    shown: new Set(model.get("shown")) });
  const state = first();
  let [width, map, colours] = [0, null, null];

  const surface = () => surfaces[state.surface];
  const selectId = uniqueId("surface");
  const select = h("select", { id: selectId, onChange: () => choose(Number(select.value)) }, surfaces.map(({ name }, i) => h("option", { value: i }, name)));
  const toggles = Object.keys(RULES).map((name) => {
    const one = toggle(LABELS.names[name], state.shown.has(name), (on) => change(() => state.shown[on ? "add" : "delete"](name)));
    one.el.prepend(h("i", { className: `de-swatch de-${name}`, "aria-hidden": "true" }));
    return { ...one, name };
  });
  const legend = h("div", { className: "lmkit-row de-legend", role: "group", "aria-label": LABELS.optimizers }, toggles.map((one) => one.el));
  const canvas = h("canvas", { "aria-hidden": "true" });
  const svg = s("svg", { className: "de-chart", role: "img" });
  const handle = h("div", { className: "de-handle", role: "slider", tabIndex: 0, "aria-label": LABELS.start });
  const stage = h("div", { className: "de-stage" }, canvas, svg, handle);
  const here = h("p", { className: "lmkit-note de-here" });
  const rate = stopsSlider(LABELS.rate, RATE_STOPS, state.rate, (x) => String(x), (x) => change(() => (state.rate = x)));
  const momentum = stopsSlider(LABELS.momentum, MOMENTUM_STOPS, state.momentum, (x) => String(x), (x) => change(() => (state.momentum = x)));
  const steps = slider({ label: LABELS.steps, min: 0, max: MOST_STEPS, step: 1, value: state.steps, format: whole, onInput: (n) => change(() => (state.steps = n)) });
  const body = h("tbody");
  const table = h("table", {}, h("caption", { className: "lmkit-hidden" }, LABELS.values),
    h("thead", {}, h("tr", {}, LABELS.heads.map((text, i) => h("th", { scope: "col", className: i ? "lmkit-number" : "" }, text)))), body);
  const back = h("button", { type: "button", className: "lmkit-button", onClick: () => reset() }, LABELS.reset);
  root.append(h("div", { className: "lmkit-row" }, surfaces.length > 1 ? [h("label", { htmlFor: selectId }, LABELS.surface), select] : [], legend),
    stage, here, h("p", { className: "lmkit-note" }, LABELS.hint), h("div", { className: "de-sliders" }, rate.el, momentum.el, steps.el), table,
    h("div", { className: "lmkit-row" }, back), live.el);

  const paths = () => Object.keys(RULES).filter((name) => state.shown.has(name))
    .map((name) => ({ name, path: descend(surface().terms, state.at, { ...state, optimizer: name }) }));
  const draw = () => {
    if (!width) return;
    const { terms, names } = surface();
    const found = paths();
    const gradient = gradientAt(terms, state.at);
    const clip = uniqueId("clip");
    svg.replaceChildren(s("clipPath", { id: clip }, s("rect", { x: EDGE.left, y: EDGE.top, width: map.w, height: map.t })), ...frame(surface(), map),
      s("g", { "clip-path": `url(#${clip})` }, found.map(({ name, path }) => drawPath(name, path, map)), arrow(state.at, gradient, map)));
    const [left, top] = map.to(state.at);
    handle.style.left = `${left}px`;
    handle.style.top = `${top}px`;
    const [low, high] = surface().x;
    for (const [key, value] of Object.entries({ valuemin: low, valuemax: high, valuenow: state.at[0], valuetext: LABELS.point(names, state.at) })) {
      handle.setAttribute(`aria-${key}`, value);
    }
    here.textContent = LABELS.here(names, state.at, lossAt(terms, state.at), gradient);
    body.replaceChildren(...found.map(({ name, path }) => {
      const end = path.at(-1);
      const [loss, where] = isGone(path) ? ["∞", LABELS.diverged(path.length - 1)] : [short(lossAt(terms, end)), end.map((x) => decimals(x)).join(", ")];
      const cells = [loss, where].map((text) => h("td", { className: "lmkit-number" }, text));
      return h("tr", {}, h("td", {}, h("i", { className: `de-swatch de-${name}`, "aria-hidden": "true" }), LABELS.names[name]), cells);
    }));
    Object.assign(root.dataset, { x: state.at[0], y: state.at[1], rate: state.rate });
  };
  const say = () => live.say([LABELS.point(surface().names, state.at), ...paths().map(({ name, path }) => (isGone(path)
    ? LABELS.gone(LABELS.names[name], path.length - 1) : LABELS.result(LABELS.names[name], lossAt(surface().terms, path.at(-1)))))].join(". "));
  const change = (act) => {
    act();
    draw();
    say();
  };
  const drawAll = () => {
    if (!width) return;
    const height = Math.round(Math.min(420, Math.max(270, 0.6 * width)));
    stage.style.height = `${height}px`;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-label", LABELS.chart(surface().name));
    map = projection(surface(), width, height);
    colours = theme(root);
    drawMap(sharpContext(canvas, width, height), surface(), map, colours);
    draw();
  };
  const choose = (i) => {
    Object.assign(state, { surface: i, at: [...surfaces[i].start] });
    select.value = i;
    drawAll();
    say();
  };
  const reset = () => {
    Object.assign(state, first());
    rate.set(state.rate);
    momentum.set(state.momentum);
    steps.set(state.steps);
    toggles.forEach(({ name, set }) => set(state.shown.has(name)));
    choose(0);
  };
  const move = (to) => change(() => (state.at = [clampTo(to[0], surface().x), clampTo(to[1], surface().y)]));

  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    move(map.from([event.clientX - box.left, event.clientY - box.top]));
  };
  for (const target of [svg, handle]) {
    target.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      follow(event);
      target.setPointerCapture(event.pointerId);
      handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    target.addEventListener("pointermove", (event) => event.buttons && target.hasPointerCapture(event.pointerId) && follow(event));
  }
  handle.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.1 : 0.01;
    const { x, y } = surface();
    move([state.at[0] + dx * size * (x[1] - x[0]), state.at[1] + dy * size * (y[1] - y[0])]);
  });

  const observer = new ResizeObserver(() => {
    if (!stage.clientWidth || stage.clientWidth === width) return;
    width = stage.clientWidth;
    drawAll();
  });
  observer.observe(root);
  const stopTheme = onTheme(drawAll);
  return () => {
    observer.disconnect();
    stopTheme();
  };
}

export default { render };
