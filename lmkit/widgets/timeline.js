// Timeline: events on an axis of years or by their parameters, filtered, searched, picked one by one, and listed.
// The arithmetic is in timeline_layout.js; here are the marks, the card of an event, and the widget.
import { announcer, h, rootElement, s, shortToken, toggle, uniqueId, unpack } from "./base.js";
import { around, arrange, decades, decimalYear, nearest, panned, shifted, timeScale, yearTicks, zoomed } from "./timeline_layout.js";
import { LABELS } from "./timeline_labels.js";

const HEIGHT = 344; // of the stage, CSS pixels
const FOOT = 28; // of which the axis of years takes these
const LANE = 24;
const LANES = Math.floor((HEIGHT - FOOT - 8) / LANE);
const SIDE = { time: [6, 6], parameters: [52, 10] }; // left and right margins of the plot
const VERDICTS = ["right", "imprecise", "wrong"];
const LINE = 1e8; // the 100 million that an introduction says were first passed in 2018

// ---------------------------------------------------------------- what the reader sees of the events

/** The worst verdict on what was said of an event; "" where nothing was said. */
export function worst({ said }) {
  return said.reduce((found, { verdict }) => (VERDICTS.indexOf(verdict) > VERDICTS.indexOf(found) ? verdict : found), "");
}

/** The text in which a search looks, in lower case. */
export function haystack(event) {
  const { title, text, date, organisation, architecture, cited, said, errata } = event;
  return [title, text, date, LABELS.date(date), organisation, architecture, ...cited, ...errata, ...said.flatMap(({ quote, note }) => [quote, note])]
    .join("\n").toLowerCase();
}

/** Whether every word of the query stands somewhere in the text. */
export function matches(text, query) {
  return query.toLowerCase().split(/\s+/).filter(Boolean).every((word) => text.includes(word));
}

/** Indices by importance: the picked one, then those of which the introductions say most, then those with a size. */
export function importance(events, picked) {
  const weight = ({ id, said, parameters }) => (id === picked ? 1000 : 0) + 2 * said.length + (parameters === null ? 0 : 1);
  return events.map((_, i) => i).sort((i, j) => weight(events[j]) - weight(events[i]) || i - j);
}

// ---------------------------------------------------------------- marks

const SHAPES = {
  idea: (r) => `M0 ${-r}A${r} ${r} 0 1 1 0 ${r}A${r} ${r} 0 1 1 0 ${-r}Z`,
  paper: (r) => `M${-0.86 * r} ${-0.86 * r}H${0.86 * r}V${0.86 * r}H${-0.86 * r}Z`,
  system: (r) => `M0 ${-1.1 * r}L${1.05 * r} ${0.8 * r}H${-1.05 * r}Z`,
  model: (r) => `M0 ${-1.2 * r}L${1.2 * r} 0L0 ${1.2 * r}L${-1.2 * r} 0Z`,
  product: (r) => `M0 ${1.1 * r}L${1.05 * r} ${-0.8 * r}H${-1.05 * r}Z`,
  hardware: (r) => `M${-0.35 * r} ${-r}H${0.35 * r}V${-0.35 * r}H${r}V${0.35 * r}H${0.35 * r}V${r}H${-0.35 * r}V${0.35 * r}H${-r}V${-0.35 * r}H${-0.35 * r}Z`,
};

const isSparse = ({ architecture }) => architecture.includes("mixture of experts");

function mark(event, x, y, picked, hollow = false) {
  return s("path", { d: SHAPES[event.kind](picked ? 8 : 6), transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
    className: `tl-mark tl-${event.kind}${hollow ? " tl-hollow" : ""}${picked ? " tl-picked" : ""}` });
}

/** A mark with its label as one option of the list box. */
function option(event, id, picked, ...children) {
  const verdict = worst(event);
  const name = [event.title, LABELS.date(event.date), LABELS.worst(verdict)].filter(Boolean).join(", ");
  return s("g", { id, role: "option", "aria-selected": String(picked), "data-id": event.id, className: "tl-event" }, s("title", {}, name), ...children);
}

const labelOf = (event) => shortToken(event.title, 31) + ({ wrong: " ✗", imprecise: " ≈" }[worst(event)] ?? "");

/** The axis of years with its lines and a small stroke for every event. */
function yearAxis(ticks, rug, left, width) {
  const bottom = HEIGHT - FOOT;
  return [
    ticks.map((tick) => s("path", { d: `M${(left + tick.x).toFixed(1)} 4V${bottom + 5}`, className: "tl-grid" })),
    s("path", { d: `M${left} ${bottom}H${left + width}`, className: "tl-axis" }),
    s("path", { d: rug.map((x) => `M${x.toFixed(1)} ${bottom}v-4`).join(""), className: "tl-rug" }),
    ticks.map((tick) => s("text", { x: (left + tick.x).toFixed(1), y: HEIGHT - 8, "text-anchor": "middle", className: "tl-tick" }, LABELS.tick(tick))),
  ].flat();
}

/** The label of the picked event, over all others: right of its mark, left of it, or above it inside the stage. */
function pickedName(event, { x, y }, width, measure) {
  const size = 1.1 * measure(labelOf(event)); // it is bold
  const [left, down] = x + 12 + size <= width ? [x + 12, 4] : x - 12 - size >= 0 ? [x - 12 - size, 4] : [Math.max(2, Math.min(x - size / 2, width - size - 2)), -13];
  return s("text", { x: left, y: y + down, className: "tl-name tl-now", "aria-hidden": "true" }, labelOf(event));
}

/** The events in lanes over the years; returns what to draw and where the marks are. */
function inLanes(events, order, place, measure, left, width) {
  const items = events.map((event) => ({ x: place(event), label: 6 + measure(labelOf(event)) }));
  const lanes = arrange(items, order, LANES, width);
  const points = items.map(({ x }, i) => ({ x: left + x, y: HEIGHT - FOOT - 17 - lanes[i].lane * LANE }));
  const texts = points.map(({ x, y }, i) => lanes[i].side && s("text", { x: x + (order[0] === i ? 13 : 11) * lanes[i].side, y: y + 4, className: "tl-name",
    "text-anchor": lanes[i].side > 0 ? "start" : "end" }, labelOf(events[i])));
  return { points, texts, behind: [] };
}

/** The events by their parameters on a logarithmic axis, with the line of 100 million. */
function bySize(events, order, place, measure, left, width, [low, high]) {
  const bottom = HEIGHT - FOOT - 8;
  const top = 10;
  const y = (n) => bottom - ((Math.log10(n) - low) / (high - low)) * (bottom - top);
  const points = events.map((event) => ({ x: left + place(event), y: y(event.parameters), label: 4 + measure(labelOf(event)) }));
  const places = around(points.map((point) => ({ ...point, x: point.x - left })), order, width, HEIGHT - FOOT - 4);
  const texts = places.map((at, i) => at && s("text", { x: left + at[0] + 2, y: at[1] + 11.5, className: "tl-name" }, labelOf(events[i])));
  const powers = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const behind = powers.flatMap((n) => [
    s("path", { d: `M${left} ${y(n).toFixed(1)}h${width}`, className: n === LINE ? "tl-line" : "tl-grid" }),
    s("text", { x: left - 6, y: y(n) + 4, "text-anchor": "end", className: n === LINE ? "tl-tick tl-strong" : "tl-tick" }, LABELS.short(n)),
  ]);
  return { points, texts, behind };
}

// ---------------------------------------------------------------- the card of an event

function sources({ cited, url }) {
  const link = (text) => (/^https?:\/\//.test(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text) : text);
  return cited.flatMap((text, i) => [i ? h("br") : null, i ? text : link(text)]);
}

function saidItem({ seed, quote, verdict, note }, introductions) {
  const [sign, word] = LABELS.verdicts[verdict];
  return h("li", {}, h("span", { className: `tl-verdict tl-${verdict}` }, `${sign} ${word}`), " ",
    h("q", { lang: "zh-Hans", className: "tl-quote" }, quote), " ", h("span", { className: "lmkit-note" }, introductions[seed] ?? seed), note ? h("span", { className: "tl-why" }, note) : null);
}

function cardOf(event, introductions) {
  const facts = [
    [LABELS.facts.parameters, event.parameters === null ? null : LABELS.count(event.parameters)],
    [LABELS.facts.architecture, event.architecture],
    [LABELS.facts.organisation, event.organisation],
    [LABELS.facts.source, sources(event)],
    [LABELS.facts.dated, LABELS.datedLine(event.dated, event.checked)],
  ].filter(([, value]) => value && value.length);
  const said = [...event.said].sort((one, other) => VERDICTS.indexOf(other.verdict) - VERDICTS.indexOf(one.verdict));
  return [
    h("div", { className: "tl-what" }, h("p", { className: "tl-title" }, event.title),
      h("p", { className: "lmkit-note" }, `${LABELS.date(event.date)} · ${LABELS.kinds[event.kind]}`), h("p", {}, event.text)),
    said.length ? h("div", { className: "tl-said" }, h("p", { className: "tl-head" }, LABELS.saidHead), h("ul", {}, said.map((one) => saidItem(one, introductions))),
      event.errata.length ? h("p", { className: "lmkit-note" }, LABELS.errata(event.errata)) : null) : [],
    h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  ].flat();
}

// ---------------------------------------------------------------- the widget

const readEvents = async (model) => JSON.parse(new TextDecoder().decode(await unpack(model.get("data"), "uint8")));

/** Widths of texts in the font of `element`, each measured once. */
function measuring(element) {
  const known = new Map();
  const context = h("canvas").getContext("2d");
  context.font = `12.5px ${getComputedStyle(element).fontFamily}`;
  return (text) => known.get(text) ?? known.set(text, context.measureText(text).width).get(text);
}

async function render({ model, el }) {
  const title = model.get("title");
  const live = announcer();
  const root = rootElement("section", "tl-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null);
  el.append(root);
  const { events, introductions } = await readEvents(model);
  const years = new Map(events.map((event) => [event.id, decimalYear(event.date)]));
  const texts = new Map(events.map((event) => [event.id, haystack(event)]));
  const kinds = Object.keys(LABELS.kinds).filter((kind) => events.some((event) => event.kind === kind));
  const stem = uniqueId("event");
  const scaleOf = (list, even) => timeScale(Math.floor(Math.min(...list.map(({ id }) => years.get(id)))), Math.ceil(Math.max(...list.map(({ id }) => years.get(id))) + 0.25), even);
  const sized = events.filter(({ parameters }) => parameters !== null);
  const scales = { time: scaleOf(events, false), parameters: sized.length ? scaleOf(sized, true) : null };
  const sizes = sized.length ? decades(sized.map(({ parameters }) => parameters)) : null;
  const state = { mode: model.get("parameters") && sized.length ? "parameters" : "time", view: { time: [0, 1], parameters: [0, 1] },
    off: new Set(), query: "", errs: false, picked: model.get("picked") };
  let [width, points, drawn, measure] = [0, [], [], null];

  const searchId = uniqueId("search");
  const search = h("input", { type: "search", id: searchId, placeholder: LABELS.searchHint, autocomplete: "off", className: "tl-search" });
  const seek = (event) => {
    if (event.isComposing) return; // an input method is still writing; it ends with compositionend
    if (search.value !== state.query) change({ query: search.value });
  };
  search.addEventListener("input", seek);
  search.addEventListener("compositionend", () => seek({ isComposing: false }));
  search.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && visible().length) pick(visible()[0].id);
  });
  const filters = kinds.map((kind) => {
    const one = toggle(LABELS.kinds[kind], true, (on) => {
      state.off[on ? "delete" : "add"](kind);
      change({});
    });
    one.el.prepend(s("svg", { viewBox: "-8 -8 16 16", className: "tl-swatch", "aria-hidden": "true" }, s("path", { d: SHAPES[kind](6), className: `tl-mark tl-${kind}` })));
    return one.el;
  });
  const errs = toggle(LABELS.disagree, false, (on) => change({ errs: on }));
  const mode = toggle(LABELS.mode, state.mode === "parameters", (on) => change({ mode: on ? "parameters" : "time" }));
  const svg = s("svg", { height: HEIGHT, className: "tl-chart", "aria-hidden": "false", role: "group" });
  const stage = h("div", { className: "tl-stage", role: "listbox", tabIndex: 0 }, svg);
  const button = (text, act, name = "") => h("button", { type: "button", className: "lmkit-button", onClick: act, "aria-label": name || text }, text);
  const tools = h("div", { className: "lmkit-row tl-tools" }, button("−", () => zoom(2), LABELS.zoomOut), button("+", () => zoom(0.5), LABELS.zoomIn),
    button("◀", () => look(panned(view(), -0.3)), LABELS.left), button("▶", () => look(panned(view(), 0.3)), LABELS.right), button(LABELS.all, () => look([0, 1])));
  const count = h("span", { className: "lmkit-note tl-count" });
  const hint = h("p", { className: "lmkit-note tl-hint" });
  const where = h("span", { className: "lmkit-note" });
  const before = button(LABELS.previous, () => step(-1));
  const after = button(LABELS.next, () => step(1));
  const card = h("div", { className: "tl-card", role: "region", tabIndex: 0, "aria-label": LABELS.card });
  const body = h("tbody");
  const list = h("details", { className: "tl-list", onToggle: () => fillList() }, h("summary", {}, LABELS.list),
    h("div", { className: "tl-scroll", tabIndex: 0, role: "region", "aria-label": LABELS.list },
      h("table", {}, h("thead", {}, h("tr", {}, LABELS.heads.map((text, i) => h("th", { scope: "col", className: i === 3 ? "lmkit-number" : "" }, text)))), body)));
  root.append(h("div", { className: "lmkit-row" }, h("label", { htmlFor: searchId }, LABELS.search), search, sized.length ? mode.el : []),
    h("div", { className: "lmkit-row tl-kinds", role: "group", "aria-label": LABELS.kindGroup }, filters, errs.el),
    stage, tools, h("p", { className: "lmkit-note tl-legend" }, count, ". ", LABELS.marks, "."), hint,
    h("div", { className: "lmkit-row" }, before, after, where), card, list, live.el);

  const view = () => state.view[state.mode];
  const fits = (event) => !state.off.has(event.kind) && matches(texts.get(event.id), state.query) && !(state.errs && !["wrong", "imprecise"].includes(worst(event)));
  const filtered = () => events.filter(fits);
  const visible = () => filtered().filter(({ parameters }) => state.mode === "time" || parameters !== null);

  const draw = () => {
    if (!width) return;
    measure ??= measuring(root);
    const scale = scales[state.mode];
    const [a, b] = view();
    const [left, right] = SIDE[state.mode];
    const inner = width - left - right;
    const place = (event) => (inner * (scale.place(years.get(event.id)) - a)) / (b - a);
    const all = visible();
    drawn = all.filter((event) => place(event) >= -1 && place(event) <= inner + 1);
    const order = importance(drawn, state.picked);
    const shown = state.mode === "time" ? inLanes(drawn, order, place, measure, left, inner) : bySize(drawn, order, place, measure, left, inner, sizes);
    points = shown.points;
    const options = drawn.map((event, i) => {
      const picked = event.id === state.picked;
      const own = mark(event, points[i].x, points[i].y, picked, state.mode === "parameters" && isSparse(event));
      return option(event, `${stem}-${event.id}`, picked, own, shown.texts[i]);
    });
    const now = drawn.findIndex(({ id }) => id === state.picked);
    const name = now < 0 || shown.texts[now] ? [] : [pickedName(drawn[now], points[now], width, measure)];
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.replaceChildren(...yearAxis(yearTicks(scale, view(), inner), points.map(({ x }) => x), left, inner), ...shown.behind, ...options, ...name);
    const [from, to] = [Math.floor(scale.year(a)), Math.floor(scale.year(b))];
    stage.setAttribute("aria-label", state.mode === "time" ? LABELS.chart(drawn.length, from, to) : LABELS.chartParameters(drawn.length));
    if (now >= 0) stage.setAttribute("aria-activedescendant", `${stem}-${state.picked}`);
    else stage.removeAttribute("aria-activedescendant");
    const unsized = state.mode === "parameters" ? filtered().length - all.length : 0;
    count.textContent = all.length ? LABELS.counted(all.length, events.length) + LABELS.unsized(unsized) : LABELS.nothing;
    hint.textContent = state.mode === "time" ? LABELS.uneven : LABELS.even;
    Object.assign(root.dataset, { mode: state.mode, shown: all.length, picked: state.picked, from: scale.year(a).toFixed(2), to: scale.year(b).toFixed(2) });
  };
  const showCard = () => {
    const all = visible();
    const at = all.findIndex(({ id }) => id === state.picked);
    const event = events.find(({ id }) => id === state.picked);
    where.textContent = at < 0 ? "" : LABELS.of(at + 1, all.length);
    [before.disabled, after.disabled] = [!all.length || at === 0, !all.length || at === all.length - 1];
    card.replaceChildren(...(event ? cardOf(event, introductions) : [h("p", { className: "lmkit-note" }, LABELS.none)]));
    card.scrollTop = 0;
  };
  const fillList = () => {
    if (!list.open) return;
    body.replaceChildren(...filtered().map((event) => h("tr", {}, h("td", {}, LABELS.date(event.date)),
      h("td", {}, h("button", { type: "button", className: "tl-link", onClick: () => pick(event.id) }, event.title)), h("td", {}, LABELS.kinds[event.kind]),
      h("td", { className: "lmkit-number" }, event.parameters === null ? "" : LABELS.count(event.parameters)), h("td", {}, LABELS.worst(worst(event))))));
  };
  const change = (patch) => {
    Object.assign(state, patch);
    draw();
    showCard();
    fillList();
    live.say(count.textContent);
  };
  const look = (next) => {
    state.view[state.mode] = next;
    draw();
  };
  /** Zooms about the picked event if it is in sight, else about the middle. */
  const zoom = (factor) => {
    const [a, b] = view();
    const at = (scales[state.mode].place(years.get(state.picked) ?? 0) - a) / (b - a);
    look(zoomed(view(), factor, at >= 0 && at <= 1 ? at : 0.5));
  };
  const pick = (id) => {
    const all = visible();
    const at = all.findIndex((event) => event.id === id);
    const event = events.find((one) => one.id === id);
    state.picked = id;
    if (at >= 0) state.view[state.mode] = shifted(view(), scales[state.mode].place(years.get(id)));
    draw();
    showCard();
    live.say(LABELS.said(event.title, LABELS.date(event.date), LABELS.kinds[event.kind], at + 1, all.length));
  };
  /** The event before or after the picked one; if that is filtered out, the nearest in time. */
  const step = (by) => {
    const all = visible();
    if (!all.length) return;
    const at = all.findIndex(({ id }) => id === state.picked);
    if (at >= 0) return pick(all[Math.max(0, Math.min(all.length - 1, at + by))].id);
    const now = years.get(state.picked) ?? -Infinity;
    const later = all.findIndex(({ id }) => years.get(id) > now);
    pick((by > 0 ? all[later < 0 ? all.length - 1 : later] : all[Math.max(0, (later < 0 ? all.length : later) - 1)]).id);
  };

  const keys = {
    ArrowRight: (shift) => (shift ? look(panned(view(), 0.2)) : step(1)),
    ArrowLeft: (shift) => (shift ? look(panned(view(), -0.2)) : step(-1)),
    Home: () => visible().length && pick(visible()[0].id),
    End: () => visible().length && pick(visible().at(-1).id),
    PageUp: () => look(panned(view(), -0.8)),
    PageDown: () => look(panned(view(), 0.8)),
    "+": () => zoom(0.5),
    "=": () => zoom(0.5),
    "-": () => zoom(2),
    0: () => look([0, 1]),
  };
  stage.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key](event.shiftKey);
  });

  const spot = (event) => {
    const box = stage.getBoundingClientRect();
    const [left, right] = SIDE[state.mode];
    return { x: event.clientX - box.left, y: event.clientY - box.top, at: (event.clientX - box.left - left) / (width - left - right), inner: width - left - right };
  };
  const fingers = new Map(); // pointers that are down: where they are now
  let gesture = null; // where it began: the window, the middle of the fingers, their distance, and whether it has moved
  const begin = (moved) => {
    const at = [...fingers.values()];
    gesture = { view: view(), x: at.reduce((sum, one) => sum + one.x, 0) / at.length, apart: at.length > 1 ? Math.abs(at[0].x - at[1].x) : 0, moved };
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, spot(event));
    begin(fingers.size > 1);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, spot(event));
    const at = [...fingers.values()];
    const { inner } = at[0];
    const x = at.reduce((sum, one) => sum + one.x, 0) / at.length;
    if (Math.abs(x - gesture.x) > 5) gesture.moved = true;
    if (!gesture.moved) return;
    const held = (gesture.x - SIDE[state.mode][0]) / inner;
    const factor = at.length > 1 ? Math.max(20, gesture.apart) / Math.max(20, Math.abs(at[0].x - at[1].x)) : 1;
    look(panned(zoomed(gesture.view, factor, held), (gesture.x - x) / inner));
  });
  const lift = (event, chosen) => {
    if (!fingers.delete(event.pointerId)) return;
    if (fingers.size) return begin(true);
    if (chosen && !gesture.moved) {
      const { x, y } = spot(event);
      const under = root.getRootNode().elementFromPoint(event.clientX, event.clientY)?.closest("[data-id]");
      const i = nearest(points, x, y);
      if (under && stage.contains(under)) pick(under.dataset.id); // a mark or its label
      else if (i >= 0) pick(drawn[i].id);
    }
  };
  stage.addEventListener("pointerup", (event) => lift(event, true));
  stage.addEventListener("pointercancel", (event) => lift(event, false));
  stage.addEventListener("wheel", (event) => {
    const unit = event.deltaMode === 1 ? 16 : 1;
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
    const zooms = event.ctrlKey || event.metaKey || stage.matches(":focus");
    const { at, inner } = spot(event);
    const next = sideways ? panned(view(), (sideways * unit) / inner) : zooms ? zoomed(view(), Math.exp(event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.002)), at) : view();
    if (next.every((x, i) => Math.abs(x - view()[i]) < 1e-9) && !event.ctrlKey) return; // at its end: the page scrolls on
    event.preventDefault();
    look(next);
  }, { passive: false });

  const observer = new ResizeObserver(() => {
    if (!stage.clientWidth || stage.clientWidth === width) return;
    width = stage.clientWidth;
    draw();
  });
  showCard();
  observer.observe(stage);
  return () => observer.disconnect();
}

export default { render };
