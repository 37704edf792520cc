// A boundary between two classes that the reader moves by hand or lets learn: a line with two handles, or a small network.
// The arithmetic is in boundary_model.js, the pictures in boundary_map.js, the tables in boundary_parts.js.
import { announcer, choice, h, onTheme, reducedMotion, rootElement, s, slider, theme, toggle, uniqueId } from "./base.js";
import { short, whole } from "./numbers.js";
import { stopsSlider } from "./controls.js";
import { LABELS } from "./boundary_labels.js";
import { bestLine, FLAT, handlesOn, lineThrough, lossAndGradient, meanLoss, optimizerOf, probability, randomStart, scaled, scaleOf, score, sizeOf, STEEPEST, tally, unscaled } from "./boundary_model.js";
import { drawRegions, frameOf, ghostsOf, limitsOf, lineOf, markOf, pointsOf, projection, sidesOf } from "./boundary_map.js";
import { pointsTable, scorePanel } from "./boundary_parts.js";

const MOST_UNITS = 8, MOST_POINTS = 500, REACH = 18; // REACH: CSS pixels within which a click finds a point
const RATE_STOPS = [0.01, 0.1, 1].flatMap((power) => [1, 1.5, 2, 3, 5, 7].map((x) => Number((x * power).toPrecision(2)))).concat(10);
const STEEPNESS_STOPS = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, STEEPEST];
const LONGEST_RUN = 4000, QUIET = 1e-5; // a run ends after so many steps, or where no part of the gradient is larger

const clampTo = (x, [low, high]) => Math.min(high, Math.max(low, x));

function render({ model, el }) {
  const [title, names, classes] = ["title", "names", "classes"].map((name) => model.get(name));
  const given = model.get("points").map((at, i) => ({ at, label: model.get("labels")[i] }));
  const heldOut = { points: model.get("test_points"), labels: model.get("test_labels") };
  const limits = limitsOf([...given.map(({ at }) => at), ...heldOut.points]);
  const scale = scaleOf(given.map(({ at }) => at));
  const frame = [0, 1].map((end) => scaled(scale, limits.map((range) => range[end])));
  const canLearn = model.get("hidden") > 0; // whether the number of hidden units is the reader's
  const corner = (share) => frame[0].map((low, k) => low + share * (frame[1][k] - low));

  const live = announcer();
  const root = rootElement("section", "bo-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null);
  el.append(root);
  const first = () => ({ points: [...given], hidden: model.get("hidden"), seed: model.get("seed"), rate: model.get("rate"), optimizer: model.get("optimizer"),
    handles: [corner(0.25), corner(0.75)], steepness: 2, tool: "move", next: model.get("next_step"), units: true, cross: unscaled(scale, corner(0.5)), held: null, message: "" });
  const state = first();
  let [width, height, map, colours, running, optimize] = [0, 0, null, null, 0, null];
  let train = { points: [], labels: [] }, test = null, history = [], steps = 0, drag = null;

  // ---- what is computed

  const readPoints = () => {
    train = { points: state.points.map(({ at }) => scaled(scale, at)), labels: state.points.map(({ label }) => label) };
  };
  const losses = () => [train, test].map((set) => (set ? meanLoss(state.params, state.hidden, set.points, set.labels) : null));
  /** The path of the loss begins here: something else than learning has moved the model. */
  const begin = () => {
    [optimize, steps, history] = [optimizerOf(state.optimizer), 0, [[0, ...losses()]]];
  };
  const start = () => {
    state.params = state.hidden ? randomStart(state.hidden, state.seed) : lineThrough(state.handles, state.steepness);
    begin();
  };
  const gradient = () => lossAndGradient(state.params, state.hidden, train.points, train.labels).gradient;
  const steepnessNow = () => Math.hypot(state.params[0], state.params[1]);
  const learnSteps = (n) => {
    for (let i = 0; i < n; i++) {
      state.params = optimize(state.params, gradient(), state.rate);
    }
    steps += n;
    history.push([steps, ...losses()]);
    if (history.length > 2000) history = history.filter((_, i) => i % 2 === 0 || i === history.length - 1);
    followLine();
  };
  /** After the line has moved by itself its handles go with it, and the slider shows how steep it has become. */
  const followLine = () => {
    if (state.hidden) return;
    state.handles = handlesOn(state.params, state.handles, frame) ?? state.handles;
    state.steepness = steepnessNow();
    steepness.set(state.steepness);
  };

  // ---- what is seen

  const canvas = h("canvas", { "aria-hidden": "true" });
  const svg = s("svg", { className: "bo-chart", role: "img", "aria-label": LABELS.chart(names, classes) });
  const handles = LABELS.handles.map((name) => h("div", { className: "bo-handle", role: "slider", tabIndex: 0, "aria-label": name }));
  const cross = h("div", { className: "bo-cross", role: "slider", tabIndex: 0, "aria-label": LABELS.cross });
  const stage = h("div", { className: "bo-stage" }, canvas, svg, cross, handles);
  const scores = scorePanel(classes);
  const note = h("p", { className: "bo-formula" });
  const hint = h("p", { className: "lmkit-note" });
  const message = h("p", { className: "bo-message" });
  const list = pointsTable(names, classes, () => drawTable());
  const button = (text, onClick) => h("button", { type: "button", className: "lmkit-button", onClick }, text);
  const tool = choice(LABELS.tool, LABELS.tools(classes), state.tool, (name) => change(() => (state.tool = name)));
  [0, 1].forEach((label) => tool.el.querySelector(`[value=add${label}]`).prepend(markOf(label)));
  const once = button(LABELS.step, () => change(() => learnSteps(1)));
  const run = button(LABELS.run, () => (running ? halt() : go()));
  const best = button(LABELS.best, () => change(toBest));
  const swap = button(LABELS.swap, () => change(() => moveLine([...state.handles].reverse())));
  const anew = button(LABELS.restart, () => change(() => {
    state.seed += 1;
    start();
  }));
  const back = button(LABELS.reset, () => reset());
  const next = toggle(LABELS.next, state.next, (on) => change(() => (state.next = on)));
  const units = toggle(LABELS.units, state.units, (on) => change(() => (state.units = on)));
  const rate = stopsSlider(LABELS.rate, RATE_STOPS, state.rate, String, (x) => change(() => (state.rate = x)));
  const steepness = stopsSlider(LABELS.steepness, STEEPNESS_STOPS, state.steepness, short, (x) => change(() => {
    const now = steepnessNow();
    state.params = now > FLAT ? state.params.map((value) => (value * x) / now) : lineThrough(state.handles, x);
    state.steepness = x;
    begin();
  }));
  const hidden = slider({ label: LABELS.hidden, min: 0, max: MOST_UNITS, step: 1, value: state.hidden, format: whole, onInput: (n) => change(() => {
    state.hidden = n;
    start();
  }) });
  const optimizer = choice(LABELS.optimizer, LABELS.optimizers, state.optimizer, (name) => change(() => {
    state.optimizer = name;
    begin();
  }));
  root.append(h("div", { className: "bo-columns" },
    h("div", { className: "bo-left" }, tool.el, stage), scores.el),
  note, message, h("div", { className: "lmkit-row" }, once, run, best, swap, anew, canLearn ? optimizer.el : null, next.el, units.el, back),
  h("div", { className: "bo-sliders" }, canLearn ? hidden.el : null, rate.el, steepness.el), hint, list.el, live.el);

  const isLine = () => state.hidden === 0;
  const around = () => ({ scale, frame });
  const drawMap = () => {
    const { params, points } = state;
    const clip = uniqueId("clip");
    const edge = drawRegions(canvas, { params, hidden: state.hidden, scale }, map, colours, [width, height]);
    const wrong = (set) => set.points.map((point, i) => score(params, state.hidden, point) > 0 !== (set.labels[i] === 1));
    const ahead = isLine() && state.next && state.optimizer === "sgd" ? optimizerOf("sgd")(params, gradient(), state.rate) : null;
    const goal = ahead && handlesOn(ahead, state.handles, frame);
    const unitLines = state.hidden && state.units ? Array.from({ length: state.hidden }, (_, j) =>
      lineOf([params[2 * j], params[2 * j + 1], params[2 * state.hidden + j]], around(), map, "bo-unit")) : [];
    svg.replaceChildren(s("clipPath", { id: clip }, s("rect", { x: 46, y: 10, width: map.w, height: map.t })), ...frameOf(limits, names, map),
      s("g", { "clip-path": `url(#${clip})` }, unitLines, ahead && lineOf(ahead, around(), map, "bo-next"),
        isLine() ? lineOf(params, around(), map, "bo-line") : s("path", { d: edge, className: "bo-line" }),
        pointsOf(heldOut.points, heldOut.labels, test ? wrong(test) : [], map, true),
        pointsOf(points.map(({ at }) => at), train.labels, wrong(train), map, false),
        goal ? ghostsOf(state.handles, goal, around(), map) : [], isLine() ? sidesOf(params, classes, around(), map) : []));
  };
  const place = (target, at, text) => {
    const [x, y] = map.to(at);
    target.style.left = `${clampTo(x, [0, width])}px`;
    target.style.top = `${clampTo(y, [0, height])}px`;
    const values = { valuemin: limits[0][0], valuemax: limits[0][1], valuenow: at[0], valuetext: text };
    for (const [key, value] of Object.entries(values)) target.setAttribute(`aria-${key}`, value);
  };
  const placeHandles = () => {
    handles.forEach((handle, i) => {
      handle.hidden = !isLine();
      const at = unscaled(scale, state.handles[i]);
      place(handle, at, LABELS.point(names, at));
    });
    const near = nearest(state.cross);
    place(cross, state.cross, LABELS.crossAt(names, state.cross, near < 0 ? "" : classes[state.points[near].label]));
    cross.classList.toggle("bo-holding", state.held !== null);
  };
  const drawNumbers = () => {
    const sets = [train, test].filter(Boolean).map((set) => ({ ...tally(state.params, state.hidden, set.points, set.labels), n: set.points.length }));
    const [loss, ...others] = losses();
    scores.show(sets.map((one, i) => ({ ...one, loss: [loss, ...others][i] })), history, steps);
    Object.assign(root.dataset, { loss, right: sets[0].right, points: state.points.length, steps, hidden: state.hidden, seed: state.seed, params: JSON.stringify(state.params) });
    return LABELS.said(sets[0].right, sets[0].n, loss);
  };
  const drawWords = () => {
    const { params } = state;
    const [a, b] = [params[0] / scale.spread[0], params[1] / scale.spread[1]];
    note.textContent = isLine() ? `${LABELS.formula(names, [a, b, params[2] - a * scale.mean[0] - b * scale.mean[1]])}. ${LABELS.chance(classes[1])}`
      : LABELS.network(state.hidden, sizeOf(state.hidden), state.seed);
    const [flat, outside] = [steepnessNow() < FLAT, !handlesOn(params, state.handles, frame)];
    message.textContent = state.message || (isLine() && (flat ? LABELS.flat(probability(params[2])) : outside ? LABELS.outside : "")) || "";
    hint.textContent = [isLine() ? LABELS.hints.line : LABELS.hints.network, LABELS.hints[state.tool], LABELS.hints.keys].join(" ");
    for (const part of [best, swap, next.el, steepness.el]) part.hidden = !isLine();
    for (const part of [anew, units.el]) part.hidden = isLine();
    stage.dataset.tool = state.tool;
  };
  const drawTable = () => list.show(state.points, train.points.map((point) => probability(score(state.params, state.hidden, point))));
  const draw = () => {
    if (!width) return "";
    drawMap();
    placeHandles();
    drawWords();
    drawTable();
    return drawNumbers();
  };
  /** Does something, shows it, and says what has come of it. */
  const change = (act) => {
    state.message = "";
    act();
    const words = draw();
    if (!running) live.say([state.message, words].filter(Boolean).join(" "));
  };

  // ---- learning

  const halt = () => {
    clearInterval(running);
    running = 0;
    run.textContent = LABELS.run;
    change(() => {});
  };
  const go = () => {
    const calm = reducedMotion(); // a few large steps instead of a film
    const stride = (isLine() ? 2 : Math.max(2, Math.min(10, Math.round(1500 / train.points.length)))) * (calm ? 8 : 1);
    const last = steps + LONGEST_RUN;
    run.textContent = LABELS.stop;
    running = setInterval(() => {
      change(() => learnSteps(stride));
      if (steps >= last || Math.max(...gradient().map(Math.abs)) < QUIET) halt();
    }, calm ? 500 : 40);
  };
  const toBest = () => {
    const found = bestLine(train.points, train.labels);
    state.params = found.params;
    if (found.parts) state.message = LABELS.parts;
    followLine();
    begin();
  };

  // ---- the line and the points, moved by hand

  const inside = (at) => at.map((x, k) => clampTo(x, limits[k]));
  const moveLine = (to) => {
    if (Math.hypot(to[0][0] - to[1][0], to[0][1] - to[1][1]) < 0.05) return;
    state.handles = to;
    state.steepness = Math.max(STEEPNESS_STOPS[0], state.steepness); // where the best line was none, a hand makes one again
    steepness.set(state.steepness);
    state.params = lineThrough(to, state.steepness);
    begin();
  };
  const moveHandle = (i, at) => change(() => moveLine(state.handles.map((u, j) => (i === j ? scaled(scale, inside(at)) : u))));
  const setPoints = (points) => {
    state.points = points;
    readPoints();
    begin();
  };
  /** The index of the point within reach of a place, −1 if there is none. */
  const nearest = (at) => {
    const [x, y] = map.to(at);
    const away = state.points.map((point) => {
      const [a, b] = map.to(point.at);
      return Math.hypot(a - x, b - y);
    });
    const least = Math.min(...away);
    return least <= REACH ? away.indexOf(least) : -1;
  };
  const movePoint = (i, at) => setPoints(state.points.map((point, j) => (i === j ? { ...point, at: inside(at) } : point)));
  const remove = (at) => {
    const i = nearest(at);
    if (i < 0) return void (state.message = LABELS.nothingNear);
    const { label } = state.points[i];
    if (train.labels.filter((one) => one === label).length === 1) return void (state.message = LABELS.oneLeft(classes[label]));
    state.held = null;
    setPoints(state.points.filter((_, j) => j !== i));
    live.say(LABELS.removed(classes[label]));
  };
  const add = (label, at) => {
    if (state.points.length >= MOST_POINTS) return void (state.message = LABELS.full(MOST_POINTS));
    setPoints([...state.points, { at: inside(at), label }]);
  };
  const within = (at) => at.every((x, k) => x >= limits[k][0] && x <= limits[k][1]);
  const use = (at) => change(() => {
    if (state.tool === "remove") remove(at);
    else if (state.tool !== "move" && within(at)) add(Number(state.tool.at(-1)), at);
  });

  const pointAt = (event) => {
    const box = stage.getBoundingClientRect();
    return map.from([event.clientX - box.left, event.clientY - box.top]);
  };
  handles.forEach((handle, i) => {
    handle.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      if (running) halt();
      const [x, y] = map.to(unscaled(scale, state.handles[i]));
      const box = stage.getBoundingClientRect();
      drag = { x: x - (event.clientX - box.left), y: y - (event.clientY - box.top) }; // the ring does not jump to the pointer
      handle.setPointerCapture(event.pointerId);
      handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => {
      if (!event.buttons || !handle.hasPointerCapture(event.pointerId)) return;
      moveHandle(i, pointAt({ clientX: event.clientX + drag.x, clientY: event.clientY + drag.y }));
    });
  });
  const wayOf = (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key] ?? [0, 0];
    const size = event.shiftKey ? 0.1 : 0.01;
    return dx || dy ? [dx, dy].map((x, k) => x * size * (limits[k][1] - limits[k][0])) : null;
  };
  handles.forEach((handle, i) => handle.addEventListener("keydown", (event) => {
    const way = wayOf(event);
    if (!way) return;
    event.preventDefault();
    if (running) halt();
    moveHandle(i, unscaled(scale, state.handles[i]).map((x, k) => x + way[k]));
  }));

  // A finger that begins on a point drags it; elsewhere it scrolls the page.
  svg.addEventListener("touchstart", (event) => state.tool === "move" && nearest(pointAt(event.touches[0])) >= 0 && event.preventDefault(), { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || state.tool !== "move") return;
    const i = nearest(pointAt(event));
    if (i < 0) return;
    svg.setPointerCapture(event.pointerId);
    drag = { point: i };
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    if (event.buttons && svg.hasPointerCapture(event.pointerId) && drag?.point !== undefined) change(() => movePoint(drag.point, pointAt(event)));
  });
  svg.addEventListener("click", (event) => state.tool !== "move" && use(pointAt(event)));

  /** Enter does what a click would do; with the tool that moves, it takes up the nearest point and lets it go again. */
  const enter = () => {
    if (state.tool !== "move") return use(state.cross);
    change(() => {
      const i = state.held === null ? nearest(state.cross) : -1;
      if (state.held !== null) state.message = LABELS.dropped(LABELS.point(names, state.cross));
      else state.message = i < 0 ? LABELS.nothingNear : LABELS.taken(classes[state.points[i].label]);
      state.held = i < 0 ? null : i;
    });
  };
  cross.addEventListener("keydown", (event) => {
    const way = wayOf(event);
    if (way) change(() => {
      state.cross = inside(state.cross.map((x, k) => x + way[k]));
      if (state.held !== null) movePoint(state.held, state.cross);
    });
    else if (event.key === "Enter" || event.key === " ") enter();
    else if (event.key === "Delete" || event.key === "Backspace") change(() => remove(state.cross));
    else return;
    event.preventDefault();
  });

  // ---- the whole

  const reset = () => {
    if (running) halt();
    Object.assign(state, first());
    readPoints();
    start();
    rate.set(state.rate);
    steepness.set(state.steepness);
    hidden.set(state.hidden);
    optimizer.set(state.optimizer);
    tool.set(state.tool);
    next.set(state.next);
    units.set(state.units);
    change(() => {});
  };
  const drawAll = () => {
    if (!stage.clientWidth) return;
    width = stage.clientWidth;
    height = Math.round(clampTo(0.8 * width, [290, 430]));
    stage.style.height = `${height}px`;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    map = projection(limits, width, height);
    colours = theme(root);
    draw();
  };
  readPoints();
  if (heldOut.points.length) test = { points: heldOut.points.map((at) => scaled(scale, at)), labels: heldOut.labels };
  start();
  const observer = new ResizeObserver(() => stage.clientWidth !== width && drawAll());
  observer.observe(root);
  const stopTheme = onTheme(drawAll);
  return () => {
    clearInterval(running);
    observer.disconnect();
    stopTheme();
  };
}

export default { render };
