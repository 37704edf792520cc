// Attention: an overview of every head, one head as a matrix or as token-to-token links, and two texts compared.
// This file holds what the reader has chosen and joins the others: arithmetic, pictures, and the parts of the widget.
import { announcer, h, onTheme, readHash, rootElement, theme, unpack, visibleToken, writeHash } from "./base.js";
import { LABELS } from "./attention_labels.js";
import {
  difference, fromColumns, headWeights, meanHeads, rowOf, strongestQuery, topLinks, visibleSpan, withoutFirst,
} from "./attention_weights.js";
import { colourRamp } from "./pens.js";
import { clamp, range } from "./attention_pictures.js";
import {
  controlsPart, legendPart, movesOf, overviewPart, readingPart, savePart, SIDES, stagePart, stripPart, tag,
} from "./attention_parts.js";

const idle = () => new Promise((done) => {
  if (globalThis.requestIdleCallback) requestIdleCallback(done, { timeout: 400 });
  else setTimeout(done, 16); // Safari
});

/** The packed layers, each opened once, when first asked for. Side B's layers follow side A's. */
function layerStore(packed, sizes, sides, { layers, heads, rows, columns }) {
  const starts = sizes.map(((at) => (size) => (at += size) - size)(0));
  const [opened, opening] = [new Map(), new Map()];
  const unfold = async (chunk) => {
    const view = new DataView(packed.buffer, packed.byteOffset + starts[chunk], sizes[chunk]);
    const causal = sides[Math.floor(chunk / layers)].mask === "causal";
    opened.set(chunk, fromColumns(await unpack(view, "uint8"), heads, rows, columns, causal));
  };
  const open = (chunk) => opening.get(chunk) ?? opening.set(chunk, unfold(chunk)).get(chunk);
  return { get: (chunk) => opened.get(chunk), open, count: () => opened.size };
}

/** Builds what is shown from what is chosen, and keeps it until something of that changes. */
function sceneMaker(app) {
  const { state, store, sides, shape: { layers, rows, columns, size } } = app;
  const tokenLists = new Map();
  const tokens = (role) => {
    const key = role + state.side;
    if (!tokenLists.has(key)) {
      const [a, b] = app.shownSides().map((side) => sides[side][role]);
      tokenLists.set(key, b ? a.map((token, i) => (token === b[i] ? token : `${visibleToken(token)} | ${visibleToken(b[i])}`)) : a);
    }
    return tokenLists.get(key);
  };
  const reused = []; // one array a side, for whichever head is shown
  const meansOfAll = []; // one a side: the only mean that is slow to make
  const whole = (side) => {
    const bytes = store.get(side * layers + state.layer);
    if (state.show === "head") return (reused[side] = headWeights(bytes, state.head, size, reused[side]));
    if (state.show === "layer") return meanHeads([bytes], size);
    return (meansOfAll[side] ??= meanHeads(range(layers).map((layer) => store.get(side * layers + layer)), size));
  };
  const shownLayers = () => (state.show === "all" ? range(layers) : [state.layer]);
  const span = (query) => {
    const spans = app.shownSides().flatMap((side) =>
      shownLayers().map((layer) => visibleSpan(query, columns, sides[side].mask, sides[side].windows[layer])));
    return [Math.min(...spans.map(([from]) => from)), Math.max(...spans.map(([, to]) => to))];
  };
  const maskText = ({ mask, windows }) => {
    const window = state.show === "all" ? null : windows[state.layer];
    const words = LABELS.masks[app.which === "cross" ? "cross" : mask];
    if (!window) return words;
    return `${words} ${LABELS.windows[mask === "full" ? "full" : window < rows ? "shorter" : "longer"](window)}`;
  };
  const title = () => {
    const parts = [LABELS.headings[state.show](state.layer, state.head)];
    if (sides.length > 1) parts.push(LABELS.sides[SIDES.indexOf(state.side)]);
    if (state.hideFirst) parts.push(LABELS.withoutFirst);
    return parts.join(", ");
  };
  const make = () => {
    const wholes = sides.map((_, side) => whole(side));
    const parts = state.hideFirst ? wholes.map((matrix) => withoutFirst(matrix, columns)) : wholes;
    const change = parts.length > 1 ? difference(...parts) : null;
    const signed = state.side === "difference";
    return {
      matrix: signed ? change : parts[state.side === "b" ? 1 : 0], wholes, parts, change, signed, rows, columns, span,
      queries: tokens("queries"), keys: tokens("keys"), ramp: app.ramp(), title: title(),
      maskText: [...new Set(app.shownSides().map((side) => maskText(sides[side])))].join(" "),
    };
  };
  let [made, scene] = ["", null];
  return () => {
    const wanted = [state.layer, state.head, state.show, state.side, state.hideFirst, app.themeCount].join();
    if (wanted !== made) [made, scene] = [wanted, make()];
    return Object.assign(scene, { query: state.query, key: state.key });
  };
}

/** The part of the page's address that is this widget's: none for the first on the page, then `a2.`, `a3.`, … */
function addressPrefix(root) {
  const at = [...document.querySelectorAll(".att-root")].indexOf(root);
  return at > 0 ? `a${at + 1}.` : "";
}

/** The layer and head that the address gives to this widget, as far as they exist. */
function fromAddress(root, { layers, heads }) {
  const [prefix, hash, found] = [addressPrefix(root), readHash(), {}];
  for (const [name, count] of [["layer", layers], ["head", heads]]) {
    const text = hash[prefix + name] ?? "";
    if (/^\d+$/.test(text) && Number(text) < count) found[name] = Number(text);
  }
  return found;
}

function toAddress(root, { layer, head }) {
  const prefix = addressPrefix(root);
  const ours = { [`${prefix}layer`]: layer, [`${prefix}head`]: head };
  const others = Object.entries(readHash()).filter(([name]) => /^(a\d+\.)?(layer|head)$/.test(name) && !(name in ours));
  writeHash({ ...ours, ...Object.fromEntries(others) });
}

async function render({ model, el }) {
  const [layers, heads, kvHeads, sides, which] = ["layers", "heads", "kv_heads", "sides", "which"].map((name) => model.get(name));
  const [rows, columns] = [sides[0].queries.length, sides[0].keys.length];
  const state = {
    layer: model.get("layer"), head: model.get("head"), show: "head", side: "a", view: "matrix", hideFirst: false, allQueries: true,
    query: 0, key: 0, locked: false,
  };
  const live = announcer();
  const root = rootElement("div", "att-root", model.get("title") || LABELS.widget);
  el.append(root);
  let [ready, alive, width] = [false, true, 0];
  const groups = kvHeads < heads && heads % kvHeads === 0 ? kvHeads : 0;
  const shape = { layers, heads, groups, rows, columns, size: rows * columns };
  const app = {
    state, sides, which, shape, themeCount: 0, colours: theme(root), say: live.say,
    store: layerStore(model.get("weights"), model.get("layer_sizes"), sides, shape),
    shownSides: () => ({ a: [0], b: [1], difference: [0, 1] })[state.side],
    ramp() {
      const { soft, accent, accent2 } = app.colours;
      return colourRamp(soft, state.side === "difference" ? accent2 : accent, accent);
    },
  };
  const makeScene = sceneMaker(app);
  app.scene = () => (ready ? makeScene() : null);

  // The page.
  const [overview, controls, stage] = [overviewPart(app), controlsPart(app), stagePart(app)];
  const [strip, reading, legend] = [stripPart(app), readingPart(app), legendPart(app)];
  const texts = sides.length > 1 && tag("div", "lmkit-note", sides.map(({ name, queries }, i) => tag("div", "att-text",
    h("strong", null, LABELS.sideLine(LABELS.sides[i], name)), tag("span", "lmkit-token", queries.map(visibleToken).join(" ")))));
  const side = tag("div", "att-side", overview.el);
  const panels = tag("div", "att-panels", tag("div", "att-stage", stage.el, legend.el));
  const body = tag("div", "att-body", side, tag("div", "att-detail", controls.el, texts, strip.el, panels));
  root.append(model.get("title") ? tag("p", "lmkit-title", model.get("title")) : "", body,
    tag("div", "att-foot", reading.table, savePart(app, stage)), live.el);

  // Drawing.
  const drawRow = () => {
    strip.draw(app.scene());
    reading.draw(app.scene());
    Object.assign(root.dataset, { query: state.query, key: state.key, locked: state.locked });
  };
  const drawAll = () => {
    if (!ready || !width) return;
    stage.draw();
    legend.draw(app.scene());
    drawRow();
    controls.draw();
    overview.draw();
    Object.assign(root.dataset, { layer: state.layer, head: state.head });
    background();
  };

  // Choosing what is shown. Layers are opened when asked for, the others when the browser has nothing better to do.
  const chunksFor = ({ layer, show }) =>
    sides.flatMap((_, i) => (show === "all" ? range(layers) : [layer]).map((one) => i * layers + one));
  let [pending, writing] = [{}, 0];
  app.choose = async (patch, byReader = true) => {
    pending = { ...pending, ...patch };
    const next = { ...state, ...pending };
    if (byReader && (next.layer !== state.layer || next.head !== state.head)) {
      clearTimeout(writing);
      writing = setTimeout(() => toAddress(root, state), 150); // writing it can take longer than drawing the head
      model.set("layer", next.layer);
      model.set("head", next.head);
      model.save_changes();
    }
    const closed = chunksFor(next).filter((chunk) => !app.store.get(chunk));
    if (closed.length) {
      root.setAttribute("aria-busy", "true");
      app.say(LABELS.opening);
      const asked = pending;
      await Promise.all(closed.map(app.store.open));
      if (asked !== pending || !alive) return; // a later choice has taken this one with it
      root.removeAttribute("aria-busy");
    }
    Object.assign(state, pending);
    pending = {};
    drawAll();
    if (byReader) app.say(`${app.scene().title}. ${reading.summary(app.scene())}`);
  };
  const atOnce = Math.max(1, Math.floor(1e6 / (heads * shape.size))); // layers opened together: all of a short text
  let busy = false;
  const background = async () => {
    if (busy) return;
    busy = true;
    for (let more = true; more && alive;) {
      await idle();
      const until = performance.now() + 8;
      while ((more = overview.step()) && performance.now() < until);
      const far = (chunk) => Math.abs((chunk % layers) - state.layer);
      const closed = range(layers * sides.length).filter((chunk) => !app.store.get(chunk)).sort((a, b) => far(a) - far(b));
      await Promise.all(closed.slice(0, atOnce).map(app.store.open));
      more ||= closed.length > 0;
      root.dataset.opened = app.store.count();
    }
    busy = false;
  };

  // Choosing a query and a key.
  const moved = (words) => {
    stage.reveal();
    stage.drawPointer();
    drawRow();
    if (words) app.say(words(app.scene()));
  };
  /** Pointing moves no locked query; keys and buttons (`told`) do. */
  app.point = ({ query, key }, told = false) => {
    const next = { query: state.locked && !told ? state.query : (query ?? state.query), key: key ?? state.key };
    if (!ready || (next.query === state.query && next.key === state.key)) return;
    const words = next.query === state.query ? reading.cellText : reading.summary;
    Object.assign(state, next);
    moved(told && words);
  };
  app.press = ({ query, key }) => {
    if (query === undefined) return app.point({ key });
    Object.assign(state, { query, key: key ?? state.key, locked: !(state.locked && query === state.query) });
    moved((scene) => `${state.locked ? LABELS.lockedSay : LABELS.unlockedSay} ${reading.summary(scene)}`);
  };
  /** Keyboard of matrix, links and text; in the text, which is one line, left and right move the query. */
  app.keys = (event, alongText = false) => {
    const [down, across] = movesOf(event);
    if (down === undefined) return;
    event.preventDefault();
    const query = clamp(state.query + down + (alongText ? across : 0), 0, rows - 1);
    if (!down && !across) app.press({ query: state.query });
    else app.point({ query, key: alongText ? state.key : clamp(state.key + across, 0, columns - 1) }, true);
  };
  root.addEventListener("keydown", (event) => event.key === "Escape" && state.locked && app.press({ query: state.query }));

  // The address, the size, the theme, and the kernel, if there is one.
  const onHash = () => {
    const found = fromAddress(root, shape);
    if (!Object.keys(found).length) return;
    root.scrollIntoView({ block: "nearest" });
    app.choose(found, false);
  };
  const onModel = () => {
    const next = { layer: clamp(model.get("layer"), 0, layers - 1), head: clamp(model.get("head"), 0, heads - 1) };
    if (next.layer !== state.layer || next.head !== state.head) app.choose(next, false);
  };
  const readTheme = () => {
    const [before, colours] = [JSON.stringify(app.colours), theme(root)];
    if (JSON.stringify(colours) !== before) Object.assign(app, { colours, themeCount: app.themeCount + 1 });
  };
  const resize = () => {
    if (!body.clientWidth || width === body.clientWidth) return;
    if (!width) readTheme(); // a notebook may call render before the widget is on the page and has any colours
    width = body.clientWidth;
    const size = width < 620 ? "narrow" : width < 1000 ? "medium" : "wide";
    app.roomy = size === "narrow" || matchMedia("(pointer: coarse)").matches;
    overview.resize({ narrow: width, medium: 264, wide: 300 }[size]);
    const beside = size !== "narrow" && overview.height() < 420; // a low overview leaves room below it
    Object.assign(root.dataset, { size, reading: beside ? "beside" : "after" });
    (beside ? side : panels).append(reading.el);
    stage.resize();
    drawAll();
  };
  const stopTheme = onTheme(() => {
    readTheme();
    drawAll();
  });
  const observer = new ResizeObserver(resize);

  await new Promise((done) => setTimeout(done)); // lets the page's other widgets take their places in the address
  const found = fromAddress(root, shape);
  Object.assign(state, found);
  const thumbs = model.get("thumbs");
  [app.thumbs] = await Promise.all([thumbs.byteLength ? unpack(thumbs, "uint8") : null, ...chunksFor(state).map(app.store.open)]);
  ready = true;
  state.query = model.get("query") ?? strongestQuery(app.scene().matrix, rows, columns);
  state.key = topLinks(rowOf(app.scene().matrix, state.query, columns).map((w, k) => (k === 0 ? 0 : w)), 1)[0]?.key ?? 0;
  resize();
  performance.mark("attention-drawn");
  if (Object.keys(found).length) root.scrollIntoView({ block: "nearest" });
  observer.observe(body);
  addEventListener("hashchange", onHash);
  for (const name of ["change:layer", "change:head"]) model.on(name, onModel);
  return () => {
    alive = false;
    clearTimeout(writing);
    observer.disconnect();
    stopTheme();
    removeEventListener("hashchange", onHash);
    for (const name of ["change:layer", "change:head"]) model.off(name, onModel);
  };
}

export default { render };
