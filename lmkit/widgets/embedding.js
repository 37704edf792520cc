// A map of thousands of vectors that answers questions: which words are near, where a − b + c leads. This file holds what the reader has
// chosen and how hands move the map; the arithmetic is in embedding_math.js, the picture in embedding_map.js.
import { announcer, choice, h, isolated, mix, onTheme, reducedMotion, rgb, rootElement, sharpContext, shortToken, theme, unpack,
  visibleToken } from "./base.js";
import { LABELS } from "./embedding_labels.js";
import { analogyOf, cosine, differenceOf, finderOf, nearestOnMap, neighbours, openVectors, placeOf } from "./embedding_math.js";
import { drawArrow, drawCross, drawLabels, drawLine, drawRing, framed, homeOf, nearestTo, onStage, paintPoints, pannedBy, placeLabels, project,
  reachOf, stampsOf, turnedBy, zoomedAt } from "./embedding_map.js";
import { benchPart, legendPart, rankedList, tableOf, wordBox } from "./embedding_parts.js";

const NEAREST = 10; // neighbours shown
const BEST = 5; // results of a − b + c
const NEAR = { mouse: 14, touch: 24 }; // CSS pixels within which a click or a tap finds a point
const STILL = 5; // pixels that a finger may move and still tap
const SHARPEST = 2; // device pixels a CSS pixel for the points; labels take all there are
const FLIGHT = 280; // milliseconds

async function readArrays(model) {
  const [words, vectors, factors, frame] = await Promise.all([["words", "uint8"], ["vectors", "uint8"], ["factors", "float16"], ["frame", "float32"]]
    .map(([name, kind]) => unpack(model.get(name), kind)));
  const numbers = model.get("bits") === 16 ? new Int16Array(vectors.buffer) : new Int8Array(vectors.buffer);
  return { words: JSON.parse(new TextDecoder().decode(words)), space: openVectors(numbers, factors, model.get("step"), frame, model.get("width")) };
}

async function render({ model, el }) {
  const title = model.get("title");
  const live = announcer();
  const root = rootElement("section", "em-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null);
  el.append(root);
  const { words, space } = await readArrays(model);
  const { n, d, places } = space;
  const [arrows, groups, variance, bits, sums] = ["arrows", "groups", "variance", "bits", "analogies"].map((name) => model.get(name));
  const digits = bits === 16 ? 3 : 2;
  const name = (i) => visibleToken(words[i]);
  const texts = words.map((word) => isolated(shortToken(word, 20)));
  const finder = finderOf(words, visibleToken);
  const reach = reachOf(places);
  const kinds = new Uint8Array(n); // 0: plain; the others are groups
  groups.forEach((group, g) => group.words.forEach((i) => (kinds[i] = g + 1)));
  const points = { x: new Float32Array(n), y: new Float32Array(n), near: new Float32Array(n) };
  const placeAt = (i) => places.subarray(3 * i, 3 * i + 3);
  const state = { flat: model.get("dimensions") === 2, off: new Set(), picked: model.get("picked"), hover: -1,
    terms: sums[0] ?? [-1, -1, -1], rule: "others", finger: false, armed: false };
  let [width, height, camera, colours, stamps, image, measured, frameAsked, flight] = [0, 0, null, null, null, null, null, 0, 0];
  let [near, result, labelled, byKeys, saying] = [[], null, [], false, false];

  // ---------------------------------------------------------------- what stands on the page

  const search = wordBox({ label: LABELS.search, finder, name, count: n, onPick: (i) => pick(i, true) });
  const dimensions = choice(LABELS.dimensions, LABELS.dimensionChoices, state.flat ? "2" : "3", (value) => {
    state.flat = value === "2";
    stamps = null;
    home();
    sayWhatHolds();
    lookAround();
  });
  dimensions.el.hidden = d < 3;
  const button = (text, act, label = text) => h("button", { type: "button", className: "lmkit-button", onClick: act, "aria-label": label }, text);
  const finger = h("button", { type: "button", className: "lmkit-button em-finger", "aria-pressed": "false" }, LABELS.finger);
  const backdrop = h("canvas", { "aria-hidden": "true" });
  const front = h("canvas", { "aria-hidden": "true" });
  const stage = h("div", { className: "em-stage", role: "application", tabIndex: 0 }, backdrop, front);
  const honest = h("p", { className: "lmkit-note em-honest" });
  const hint = h("p", { className: "lmkit-note em-hint" });
  const head = h("p", { className: "em-head" });
  const around = rankedList(NEAREST, name, digits, (i) => pick(i, true));
  const overlap = h("p", { className: "lmkit-note em-overlap" });
  const bench = benchPart({ finder, name, count: n, digits, rows: BEST, ready: sums.length > 1 ? sums : [], onPick: (i) => pick(i, true),
    onTerms: (terms) => compute(terms), onRule: (rule) => {
      state.rule = rule;
      showSum();
      draw();
    } });
  const rest = kinds.reduce((sum, kind) => sum + (kind === 0), 0);
  const legend = groups.length ? legendPart(groups, rest, (kind, on) => {
    state.off[on ? "delete" : "add"](kind);
    layers = layersOf();
    byRank = inRank();
    draw();
  }) : null;
  const rounding = h("p", { className: "lmkit-note" }, LABELS.rounding(bits, model.get("error")));
  const tables = h("div");
  const details = h("details", { className: "em-tables", onToggle: () => writeTables() }, h("summary", {}, LABELS.table), rounding, tables);
  const zooms = h("div", { className: "lmkit-choice" }, button("−", () => zoom(0.5), LABELS.zoomOut), button("+", () => zoom(2), LABELS.zoomIn),
    button(LABELS.all, () => home()));
  root.append(
    h("div", { className: "lmkit-row em-tools" }, search.el, dimensions.el, zooms, finger),
    ...[legend].filter(Boolean), stage, hint, honest,
    h("div", { className: model.get("bench") ? "em-panels" : "em-alone" }, h("div", { className: "em-near" }, head, around.el, overlap),
      model.get("bench") ? bench.el : null),
    details, live.el);

  // ---------------------------------------------------------------- drawing

  const shown = (i) => !state.off.has(kinds[i]);
  /** The points that are shown, [those of no group, those of groups], each in the order of the words. */
  const layersOf = () => {
    const all = Uint32Array.from(words.keys()).filter(shown);
    return [all.filter((i) => !kinds[i]), all.filter((i) => kinds[i])];
  };
  let layers = layersOf();
  const inRank = () => Uint32Array.of(...layers[1], ...layers[0]); // for labels: groups first
  let byRank = inRank();
  const answer = () => result?.[state.rule][0]?.i ?? -1;
  const unlike = (list) => [...new Set(list)].filter((i) => i >= 0);
  const asked = () => unlike([state.hover, state.picked, answer()]);
  /** What is pointed at and found, and what stands on the bench. */
  const certain = () => unlike([...asked(), ...state.terms]);
  const widthOf = (i) => measured.get(i) ?? measured.set(i, front.getContext("2d").measureText(texts[i]).width).get(i);
  const font = (bold) => `${bold ? "600 " : ""}12.5px ${colours.family}`;

  const middle = () => nearestTo(points, shown, [width / 2, height / 2], Infinity);
  const drawPoints = () => {
    const ratio = image.width / width;
    stamps ??= stampsOf(colours.kinds, colours.paper, ratio, state.flat, Math.min(2.4, Math.max(1.2, 0.2 * Math.sqrt((width * height) / n))), image.width);
    project(camera, places, points);
    paintPoints(image, colours.paper.map(Math.round), stamps, points, layers, kinds, ratio);
    backdrop.getContext("2d").putImageData(image, 0, 0);
  };
  const at = (i) => [points.x[i], points.y[i]];
  const drawAxes = (context) => {
    const [middle, line] = [onStage(camera, [0, 0, 0]), rgb(colours.muted, 0.5)];
    const inSight = ([x, y]) => x > 0 && y > 0 && x < width && y < height;
    const named = [];
    for (let k = 0; k < (state.flat ? 2 : 3); k++) {
      if (state.flat) {
        const across = k === 0;
        if (across ? middle[1] < 0 || middle[1] > height : middle[0] < 0 || middle[0] > width) continue;
        drawLine(context, across ? [0, middle[1]] : [middle[0], 0], across ? [width, middle[1]] : [middle[0], height], line, 0.8);
        named.push([k, across ? [width - 6, middle[1] - 9] : [middle[0] + 6, 11], across ? "right" : "left"]);
      } else {
        const end = [0, 0, 0].map((_, j) => (j === k ? reach.radius : 0));
        const [from, to] = [onStage(camera, end.map((x) => -x)), onStage(camera, end)];
        drawLine(context, from, to, line, 0.8);
        if (inSight(to)) named.push([k, to, to[0] > width / 2 ? "right" : "left"]);
      }
    }
    Object.assign(context, { font: `11px ${colours.family}`, textBaseline: "middle", textAlign: "left" });
    return named.map(([k, [x, y], align]) => {
      const text = LABELS.component(k + 1, variance[k]);
      const size = context.measureText(text).width;
      const left = align === "right" ? x - size : x;
      context.fillStyle = rgb(colours.paper, 0.8);
      context.fillRect(left - 2, y - 7, size + 4, 14);
      context.fillStyle = rgb(colours.muted);
      context.fillText(text, left, y);
      return { left, top: y - 8, width: size };
    });
  };
  const drawFront = () => {
    const context = front.getContext("2d");
    context.clearRect(0, 0, width, height);
    const names = drawAxes(context);
    const goal = result && onStage(camera, placeOf(space, result.vector));
    const [strong, soft] = [rgb(colours.accent2), rgb(colours.ink, 0.75)];
    for (const { i } of near) drawLine(context, at(state.picked), at(i), rgb(colours.accent, 0.45), 1.2);
    for (const [from, to] of arrows) drawArrow(context, at(from), at(to), { stroke: soft });
    if (result) {
      const [a, b, c] = state.terms;
      drawArrow(context, at(b), at(a), { stroke: strong, width: 2.4 });
      drawArrow(context, at(c), goal, { stroke: strong, width: 2.4, gap: 8 });
      if (answer() >= 0) {
        context.setLineDash([3, 4]);
        drawLine(context, goal, at(answer()), strong, 1.8);
        context.setLineDash([]);
        drawRing(context, at(answer()), 7, strong);
      }
      drawCross(context, goal, strong, rgb(colours.paper));
    }
    drawRing(context, at(state.picked), 8, rgb(colours.accent), 2.6);
    if (byKeys) drawRing(context, [width / 2, height / 2], 4, rgb(colours.ink), 1.5);
    const bold = new Set(unlike([...certain(), ...arrows.flat()]));
    const first = unlike([...bold, ...near.map(({ i }) => i)]);
    const ringed = new Set(asked());
    const gapOf = (i) => (ringed.has(i) ? 11 : kinds[i] || bold.has(i) ? 8 : 4);
    const marks = unlike([...first, ...layers[1]]).map((i) => ({ left: points.x[i] - 4, top: points.y[i] - 4, width: 8, height: 8 }));
    if (goal) marks.push({ left: goal[0] - 6, top: goal[1] - 6, width: 12, height: 12 });
    const most = Math.round(Math.min(90, Math.max(16, (width * height) / 4200)));
    context.font = font(true);
    labelled = placeLabels(first, certain().length, byRank, points, widthOf, [width, height], most, gapOf, [...names, ...marks]);
    const inkOf = (i) => colours.inks[bold.has(i) ? 0 : kinds[i]];
    drawLabels(context, labelled, (i) => texts[i], inkOf, (i) => bold.has(i), colours.paper, font);
  };
  const drawNow = () => {
    frameAsked = 0;
    if (!width) return;
    drawPoints();
    if (byKeys) state.hover = middle();
    if (saying && state.hover >= 0) live.say(LABELS.atMiddle(name(state.hover)));
    saying = false;
    drawFront();
    writeTables();
    const { zoom: zoomed, yaw, pitch, x, y } = camera;
    const seen = { dimensions: state.flat ? 2 : 3, labels: labelled.length, picked: words[state.picked], answer: words[answer()] ?? "",
      hover: words[state.hover] ?? "" };
    for (const [key, value] of Object.entries(seen)) if (root.dataset[key] !== String(value)) root.dataset[key] = value;
    root.dataset.view = [zoomed, yaw, pitch, x, y].map((value) => value.toFixed(4)).join(" ");
  };
  const draw = () => {
    frameAsked ||= requestAnimationFrame(drawNow);
  };

  // ---------------------------------------------------------------- words and lists

  const sayWhatHolds = () => {
    honest.textContent = LABELS.honest(variance.slice(0, state.flat ? 2 : 3), d, n);
    hint.textContent = matchMedia("(any-pointer: coarse)").matches ? LABELS.fingers : LABELS.hint[state.flat ? 2 : 3];
    stage.setAttribute("aria-label", LABELS.map(n, state.flat ? 2 : 3));
  };
  const lookAround = () => {
    near = neighbours(space, state.picked, NEAREST);
    head.textContent = LABELS.nearest(name(state.picked));
    around.set(LABELS.nearestList(name(state.picked)), near);
    const onMap = new Set(nearestOnMap(space, state.picked, near.length, state.flat ? 2 : 3));
    overlap.textContent = LABELS.overlap(near.filter(({ i }) => onMap.has(i)).length, near.length, state.flat ? 2 : 3, d);
  };
  const pick = (i, go) => {
    state.picked = i;
    lookAround();
    search.set(-1);
    if (go) goTo([placeAt(i)]);
    draw();
    live.say(LABELS.saidNearest(name(i), near.slice(0, 3).map((one) => [name(one.i), LABELS.cosine(one.cosine, digits)])));
  };
  const compute = (terms, quiet = false) => {
    state.terms = terms;
    const complete = terms.every((i) => i >= 0);
    result = complete ? analogyOf(space, terms, BEST) : null;
    if (result && !result.all.length) result = null;
    const sum = complete ? LABELS.sum(terms.map(name)) : "";
    const text = !complete ? LABELS.incomplete : !result ? LABELS.nowhere : `${LABELS.verdict(name(result.all[0].i), terms.map(name))} ${LABELS.landing}`;
    bench.set(terms, result, text, state.rule);
    draw();
    if (quiet) return;
    showSum();
    const best = ({ i, cosine: value }) => [name(i), LABELS.cosine(value, digits)];
    live.say(result ? LABELS.saidSum(sum, best(result.all[0]), result.others.length ? best(result.others[0]) : []) : text);
  };
  const writeTables = () => {
    if (!details.open || !camera) return;
    const rows = labelled.map(({ i }) => [name(i), kinds[i] ? groups[kinds[i] - 1].name : "", ...placeAt(i)]);
    const first = arrows.length ? differenceOf(space, arrows[0]) : null;
    const compared = arrows.map((arrow) => {
      const way = differenceOf(space, arrow);
      return [name(arrow[0]), name(arrow[1]), Math.hypot(...way), cosine(first, way)];
    });
    const key = JSON.stringify(rows);
    if (tables.dataset.key === key) return;
    tables.dataset.key = key;
    tables.replaceChildren(...(compared.length ? [tableOf(LABELS.tableArrows, LABELS.arrowHeads, compared)] : []),
      tableOf(LABELS.tableLabels, LABELS.labelHeads, rows));
  };

  // ---------------------------------------------------------------- moving the map

  const look = (next) => {
    camera = next;
    draw();
  };
  const home = () => {
    cancelAnimationFrame(flight);
    if (width) look(homeOf(reach, state.flat, width, height));
  };
  const zoom = (factor, where) => {
    const target = at(state.picked);
    const inSight = target[0] >= 0 && target[1] >= 0 && target[0] <= width && target[1] <= height;
    look(zoomedAt(camera, reach, factor, where ?? (inSight ? target : [width / 2, height / 2])));
  };
  /** Brings places into sight, in a short flight where motion is welcome. */
  const goTo = (targets) => {
    cancelAnimationFrame(flight);
    if (!camera) return;
    const edge = camera.zoom > 1 ? 0.1 : 0; // on the whole map nothing needs to come closer to the middle
    const inSight = ([x, y]) => x >= edge * width && x <= (1 - edge) * width && y >= edge * height && y <= (1 - edge) * height;
    if (targets.every((place) => inSight(onStage(camera, place)))) return;
    const [from, to] = [camera, framed(camera, targets)];
    if (reducedMotion()) return void look(to);
    const start = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - start) / FLIGHT));
      const eased = t * t * (3 - 2 * t);
      const between = (key) => from[key] + (to[key] - from[key]) * eased;
      look({ ...to, x: between("x"), y: between("y"), zoom: between("zoom") });
      if (t < 1) flight = requestAnimationFrame(step);
    };
    flight = requestAnimationFrame(step);
  };
  const showSum = () => {
    if (result) goTo([...unlike([...state.terms, answer()]).map(placeAt), placeOf(space, result.vector)]);
  };
  const pivot = () => {
    const [x, y] = at(state.picked);
    return x >= 0 && y >= 0 && x <= width && y <= height && camera.zoom > 1 ? placeAt(state.picked) : [0, 0, 0];
  };
  const drag = (dx, dy, shift) => {
    cancelAnimationFrame(flight);
    look(state.flat || shift ? pannedBy(camera, reach, dx, dy) : turnedBy(camera, reach, 0.008 * dx, 0.008 * dy, pivot()));
  };
  const hover = (i) => {
    if (i === state.hover) return;
    state.hover = i;
    stage.style.cursor = i >= 0 ? "pointer" : "";
    draw();
  };

  const keys = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !camera) return;
    byKeys = true;
    const way = keys[event.key];
    if (way) drag(...way.map((one) => one * (state.flat || event.shiftKey ? 48 : -16)), event.shiftKey);
    else if (event.key === "+" || event.key === "=") zoom(1.5, [width / 2, height / 2]);
    else if (event.key === "-") zoom(1 / 1.5, [width / 2, height / 2]);
    else if (event.key === "0" || event.key === "Home") home();
    else if (event.key === "Enter" || event.key === " ") pick(middle(), false);
    else return void (byKeys = false);
    event.preventDefault();
    if (event.key !== "Enter" && event.key !== " ") saying = true;
  });
  stage.addEventListener("blur", () => {
    [byKeys, state.armed] = [false, false];
    hover(-1);
    draw();
  });

  const spot = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left - stage.clientLeft, event.clientY - box.top - stage.clientTop];
  };
  const fingers = new Map(); // pointers that are down, and where
  let gesture = null; // { middle, apart, moved }: as of the last event
  const gathered = (moved) => {
    const all = [...fingers.values()];
    const middle = [0, 1].map((k) => all.reduce((sum, one) => sum + one[k], 0) / all.length);
    return { middle, apart: all.length > 1 ? Math.max(20, Math.hypot(all[0][0] - all[1][0], all[0][1] - all[1][1])) : 0, moved, start: moved ? null : middle };
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button || !camera) return;
    [byKeys, state.armed] = [false, true];
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, spot(event));
    gesture = gathered(fingers.size > 1);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!camera) return;
    if (!fingers.has(event.pointerId)) {
      if (event.pointerType === "mouse") hover(nearestTo(points, shown, spot(event), NEAR.mouse));
      return;
    }
    fingers.set(event.pointerId, spot(event));
    const next = gathered(true);
    if (!gesture.moved) {
      const way = next.middle.map((x, k) => Math.abs(x - gesture.start[k]));
      if (Math.hypot(...way) < STILL) return;
      if (event.pointerType === "touch" && !state.finger && way[1] > way[0]) gesture.scrolls = true;
    }
    if (gesture.scrolls) return void (gesture.moved = true); // up or down with one finger: that is the page's
    const [dx, dy] = next.middle.map((x, k) => x - gesture.middle[k]);
    if (fingers.size > 1) look(pannedBy(zoomedAt(camera, reach, next.apart / gesture.apart, gesture.middle), reach, dx, dy));
    else drag(dx, dy, event.shiftKey);
    hover(-1);
    gesture = next;
  });
  const lift = (event, chosen) => {
    if (!fingers.delete(event.pointerId)) return;
    const tapped = chosen && !fingers.size && !gesture.moved;
    if (fingers.size) gesture = gathered(true);
    if (!tapped) return;
    const i = nearestTo(points, shown, spot(event), NEAR[event.pointerType] ?? NEAR.touch);
    if (i >= 0) pick(i, false);
  };
  stage.addEventListener("pointerup", (event) => lift(event, true));
  stage.addEventListener("pointercancel", (event) => lift(event, false));
  stage.addEventListener("pointerleave", (event) => {
    state.armed = false;
    if (event.pointerType === "mouse" && !byKeys) hover(-1);
  });
  stage.addEventListener("wheel", (event) => {
    if (!camera || !(event.ctrlKey || event.metaKey || state.armed)) return; // the page scrolls
    const turn = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    const next = zoomedAt(camera, reach, Math.exp(-turn * (event.ctrlKey ? 0.01 : 0.002)), spot(event));
    if (next.zoom === camera.zoom && !event.ctrlKey) return; // at its end: the page scrolls on
    event.preventDefault();
    cancelAnimationFrame(flight);
    look(next);
  }, { passive: false });
  // One finger scrolls the page, unless the reader wants it to move the map; two always move the map.
  for (const kind of ["touchstart", "touchmove"]) {
    stage.addEventListener(kind, (event) => (event.touches.length > 1 || state.finger) && event.cancelable && event.preventDefault(), { passive: false });
  }
  finger.addEventListener("click", () => {
    state.finger = !state.finger;
    finger.setAttribute("aria-pressed", String(state.finger));
    stage.style.touchAction = state.finger ? "none" : "";
  });

  // ---------------------------------------------------------------- the whole

  const dress = () => {
    colours = theme(root);
    colours.family = getComputedStyle(root).fontFamily;
    const colourOf = (kind) => (getComputedStyle(legend.querySelector(`.em-kind${kind}`)).color.match(/[\d.]+/g)).slice(0, 3).map(Number);
    colours.kinds = [mix(colours.muted, colours.paper, 0.3), ...groups.map((_, g) => colourOf(g + 1))];
    colours.inks = colours.kinds.map((colour, kind) => rgb(kind ? mix(colour, colours.ink, 0.25) : colours.ink));
    [stamps, measured] = [null, new Map()];
    draw();
  };
  const fit = () => {
    if (!stage.clientWidth) return;
    const before = camera && { ...camera };
    [width, height] = [stage.clientWidth, stage.clientHeight];
    const ratio = Math.min(globalThis.devicePixelRatio || 1, SHARPEST);
    image = new ImageData(Math.round(width * ratio), Math.round(height * ratio));
    [backdrop.width, backdrop.height] = [image.width, image.height];
    backdrop.style.width = `${width}px`;
    backdrop.style.height = `${height}px`;
    sharpContext(front, width, height);
    camera = homeOf(reach, state.flat, width, height);
    if (before) camera = { ...before, width, height, unit: camera.unit };
    dress();
  };
  sayWhatHolds();
  lookAround();
  compute(state.terms, true);
  const observer = new ResizeObserver(() => stage.clientWidth !== width && fit());
  observer.observe(root);
  const stopTheme = onTheme(dress);
  return () => {
    observer.disconnect();
    stopTheme();
    cancelAnimationFrame(frameAsked);
    cancelAnimationFrame(flight);
  };
}

export default { render };
