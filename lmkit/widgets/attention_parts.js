// The parts of the attention widget, each an element that draws itself from what the reader has chosen.
import { choice, download, h, rgb, sharpContext, toggle, uniqueId, visibleToken } from "./base.js";
import { LABELS } from "./attention_labels.js";
import {
  csv, difference, headWeights, poolMax, renormaliseWithoutFirst, rowOf, topLinks, weightText, withoutFirst,
} from "./attention_weights.js";
import { box, canvasPen, heatImage, shade, svgPen } from "./pens.js";
import {
  clamp, drawCursor, drawFrame, drawLinks, drawOverview, drawScale, linksGeometry, matrixGeometry, MOST_LINKS,
  overviewGeometry, pixelRatio, range, STAGE_HEIGHT, THUMB, tint,
} from "./attention_pictures.js";

const [SHOWS, VIEWS] = [["head", "layer", "all"], ["matrix", "links"]]; // in the order of LABELS
export const SIDES = ["a", "b", "difference"];
const MOVES = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -Infinity], End: [0, Infinity],
  PageUp: [-10, 0], PageDown: [10, 0], Enter: [0, 0], " ": [0, 0],
};
/** A key as [down, across], [0, 0] to choose, or [] if it is not ours: with Alt or Control it is the browser's. */
export const movesOf = (event) => (event.altKey || event.ctrlKey || event.metaKey ? [] : (MOVES[event.key] ?? []));

export const tag = (name, className, ...children) => h(name, { className }, ...children);
const button = (text, onClick, name) =>
  h("button", { type: "button", className: "lmkit-button", "aria-label": name, onClick }, text);

/** A labelled select between two buttons. */
function stepper(label, count, onChange) {
  const id = uniqueId("stepper");
  const options = range(count).map((i) => h("option", { value: i }, String(i)));
  const select = h("select", { id, onChange: () => onChange(Number(select.value)) }, options);
  const step = (by) => onChange((Number(select.value) + by + count) % count);
  const buttons = [button("‹", () => step(-1), LABELS.previous(label)), button("›", () => step(1), LABELS.next(label))];
  const el = tag("div", "att-stepper", h("label", { htmlFor: id }, label), buttons[0], select, buttons[1]);
  const set = (value, enabled) => {
    select.value = value;
    for (const one of [select, ...buttons]) one.disabled = !enabled || count === 1;
  };
  return { el, set };
}

/** The maps of all heads. Those of a long text A come packed; all others are made from open layers, a few at a time. */
export function overviewPart(app) {
  const { state, store, shape: { layers, heads, groups, rows, columns, size } } = app;
  const [pooledRows, pooledColumns] = [Math.min(rows, THUMB), Math.min(columns, THUMB)];
  const pooled = { rows: pooledRows, columns: pooledColumns };
  const atlas = h("canvas", { width: heads * pooledColumns, height: layers * pooledRows });
  const canvas = h("canvas", { tabIndex: 0, role: "application", "aria-label": LABELS.overviewName(layers, heads) });
  const [where, chosenRing, focusRing] = ["att-where", "att-chosen", "att-focused"].map((className) => tag("div", className));
  const legend = groups > 0 && tag("p", "lmkit-note", groups === 1 ? LABELS.oneGroup : LABELS.groups(groups));
  const scroller = tag("div", "att-scroller", tag("div", "att-inner", canvas, chosenRing, focusRing));
  const el = tag("div", "att-overview", where, scroller, legend);
  let [geometry, focus, kind, maps, at, scrolls] = [null, null, "", [], "", false];

  const packedMaps = (layer) =>
    range(heads).map((head) => headWeights(app.thumbs, layer * heads + head, pooledRows * pooledColumns));
  const madeMaps = (layer) => range(heads).map((head) => {
    const whole = app.shownSides().map((side) => headWeights(store.get(side * layers + layer), head, size));
    const parts = state.hideFirst ? whole.map((matrix) => withoutFirst(matrix, columns)) : whole;
    return poolMax(parts.length > 1 ? difference(...parts) : parts[0], rows, columns, THUMB);
  });
  const paint = (layer) => {
    const [context, ramp] = [atlas.getContext("2d"), app.ramp()];
    maps[layer]?.forEach((map, head) =>
      context.putImageData(heatImage(map, pooledColumns, ramp), head * pooledColumns, layer * pooledRows));
  };
  const drawMaps = () => drawOverview(canvas.getContext("2d"), { ...app.shape, atlas, pooled }, geometry, app.colours);
  const place = (ring, [layer, lastLayer], [head, lastHead]) => {
    const { x, y, cell } = geometry;
    const [width, height] = [x(lastHead) + cell - x(head), y(lastLayer) + cell - y(layer)];
    ring.style.cssText = `left:${x(head)}px; top:${y(layer)}px; width:${width}px; height:${height}px`;
  };
  const describe = ({ layer, head }) =>
    LABELS.headings.head(layer, head) + (groups ? ` · ${LABELS.group(Math.floor(head / geometry.perGroup))}` : "");
  /** Puts the rings round what is chosen and what is under pointer or keyboard, and says where that is. */
  const mark = () => {
    const { layer, head, show } = state;
    place(chosenRing, show === "all" ? [0, layers - 1] : [layer, layer], show === "head" ? [head, head] : [0, heads - 1]);
    focusRing.hidden = !focus;
    if (focus) place(focusRing, [focus.layer, focus.layer], [focus.head, focus.head]);
    where.textContent = focus || show === "head" ? describe(focus ?? state) : LABELS.headings[show](layer);
  };
  const reveal = ({ layer }) => { // inside the box; the page stays where it is
    if (!scrolls) return;
    const y = geometry.y(layer);
    scroller.scrollTop = clamp(scroller.scrollTop, y + geometry.cell - scroller.clientHeight, y - geometry.top);
  };
  const draw = () => {
    if (!geometry) return; // not on the page yet
    const wanted = [state.side, state.hideFirst, app.themeCount].join();
    if (wanted !== kind) {
      kind = wanted;
      maps = app.thumbs && state.side === "a" && !state.hideFirst ? range(layers).map(packedMaps) : [];
      atlas.width = heads * pooledColumns; // setting it clears the canvas
      range(layers).forEach(paint);
      drawMaps();
    }
    mark();
    if (at !== `${state.layer} ${state.head}`) reveal(state);
    at = `${state.layer} ${state.head}`;
  };
  /** Makes the maps of one open layer that has none; false when there is nothing to do. */
  const step = () => {
    const layer = range(layers).find((one) => !maps[one] && app.shownSides().every((side) => store.get(side * layers + one)));
    if (layer === undefined || !geometry) return false;
    maps[layer] = madeMaps(layer);
    paint(layer);
    drawMaps();
    return true;
  };
  const resize = (width) => {
    geometry = overviewGeometry(width, app.shape, app.roomy);
    const { left, top, cell, x } = geometry;
    canvas.dataset.geometry = JSON.stringify({ left, top, cell, xs: range(heads).map(x) });
    sharpContext(canvas, geometry.width, geometry.height);
    drawMaps();
    scrolls = scroller.clientHeight < geometry.height; // asked once: asking makes the browser lay out the page
  };
  const hit = ({ offsetX, offsetY }) => {
    const layer = Math.floor((offsetY - geometry.top) / geometry.cell);
    const head = range(heads).find((one) => offsetX >= geometry.x(one) && offsetX < geometry.x(one) + geometry.cell);
    return layer >= 0 && layer < layers && head !== undefined ? { layer, head } : null;
  };
  const move = (to, byKey = false) => {
    if (to?.layer === focus?.layer && to?.head === focus?.head) return;
    focus = to;
    mark();
    if (!byKey) return;
    app.say(describe(to));
    reveal(to);
  };
  canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && move(hit(event)));
  canvas.addEventListener("pointerleave", () => move(null));
  canvas.addEventListener("click", (event) => hit(event) && app.choose({ show: "head", ...hit(event) }));
  canvas.addEventListener("blur", () => move(null));
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && move({ layer: state.layer, head: state.head }, true));
  canvas.addEventListener("keydown", (event) => {
    const from = focus ?? state;
    const [down, across] = movesOf(event);
    if (down === undefined) return;
    event.preventDefault();
    if (!down && !across) app.choose({ show: "head", layer: from.layer, head: from.head });
    else move({ layer: clamp(from.layer + down, 0, layers - 1), head: clamp(from.head + across, 0, heads - 1) }, true);
  });
  return { el, draw, step, resize, height: () => geometry.height };
}

/** The chosen head as a matrix or as links, inside a box that scrolls where it must. */
export function stagePart(app) {
  const { state } = app;
  const canvas = h("canvas", { className: "att-picture", tabIndex: 0, role: "application" });
  const cursor = h("canvas", { className: "att-cursor", "aria-hidden": "true" });
  const heat = h("canvas", { className: "att-heat", width: app.shape.columns, height: app.shape.rows });
  const inner = tag("div", "att-inner", heat, canvas, cursor);
  const scroller = h("div", { className: "att-scroller", style: `max-height:${STAGE_HEIGHT}px` }, inner);
  let [geometry, made, frame, pointed, room, image] = [null, [], "", "", 0];

  const renewGeometry = (scene) => {
    const inputs = [scene.queries, scene.keys, state.view, room, pixelRatio(), app.roomy];
    if (inputs.every((value, i) => value === made[i])) return;
    made = inputs;
    geometry = state.view === "matrix"
      ? matrixGeometry(scene, room) : linksGeometry(scene, room, app.roomy, LABELS.columns[app.which]);
    const { left, top, cell, step, right, width, height } = geometry;
    canvas.dataset.geometry = JSON.stringify({ left, top, cell, step, right }); // where a pointer, or a test, finds a token
    inner.style.cssText = `width:${width}px; height:${height}px`;
    [frame, pointed] = ["", ""];
    reveal();
  };
  const drawPointer = () => {
    const scene = app.scene();
    if (state.view === "links") return drawLinksInSight(scene);
    const wanted = [frame, state.query, state.key, state.locked].join();
    if (wanted === pointed) return;
    pointed = wanted;
    const context = cursor.getContext("2d");
    context.clearRect(0, 0, geometry.width, geometry.height);
    drawCursor(canvasPen(context), { ...scene, locked: state.locked }, geometry, app.colours);
  };
  const drawLinksInSight = (scene) => {
    const height = Math.min(geometry.height, STAGE_HEIGHT);
    const context = sharpContext(canvas, geometry.width, height);
    context.translate(0, -scroller.scrollTop);
    const first = Math.floor((scroller.scrollTop - geometry.top) / geometry.step);
    const last = first + Math.ceil(height / geometry.step) + 2;
    drawLinks(canvasPen(context), scene, geometry, app.colours, { ...linkOptions(), first, last });
  };
  /** Another head changes one small image, which the browser scales without smoothing; the frame is drawn when it changes. */
  const drawCells = (scene) => {
    image = heatImage(scene.matrix, scene.columns, scene.ramp, image);
    heat.getContext("2d").putImageData(image, 0, 0);
    const windows = state.show === "all" || app.sides.map((side) => side.windows[state.layer]);
    const wanted = [state.side, windows, app.themeCount, scene.signed && scene.title].join();
    if (frame === wanted) return;
    frame = wanted;
    const { left, top, cell, width, height } = geometry;
    heat.style.cssText = `left:${left}px; top:${top}px; width:${scene.columns * cell}px; height:${scene.rows * cell}px`;
    drawFrame(canvasPen(sharpContext(canvas, width, height)), scene, geometry, app.colours);
    sharpContext(cursor, width, height);
  };
  const draw = () => {
    const scene = app.scene();
    if (!scene || !room) return;
    renewGeometry(scene);
    const links = state.view === "links";
    heat.hidden = cursor.hidden = links;
    if (links) drawLinksInSight(scene);
    else {
      drawCells(scene);
      drawPointer();
    }
    canvas.setAttribute("aria-label", LABELS.pictures[state.view](scene.title, scene.rows, scene.columns));
  };
  const linkOptions = () => ({ all: state.allQueries, locked: state.locked });
  /** The whole picture with heading, for a file. */
  const picture = (pen, width, height) => {
    const scene = app.scene();
    pen.path(box(0, 0, width, height), { fill: rgb(app.colours.paper) });
    pen.text(8, 16, scene.title, { fill: rgb(app.colours.ink), bold: true });
    pen.at(0, 32, (inside) => {
      if (state.view === "links") return drawLinks(inside, scene, geometry, app.colours, linkOptions());
      inside.heat(geometry.left, geometry.top, geometry.cell, scene.matrix, scene.columns, scene.ramp);
      drawFrame(inside, scene, geometry, app.colours);
    });
    pen.at(12, height - 30, (inside) => drawScale(inside, scene, app.colours));
  };
  const pictureSize = () => [Math.max(geometry.width, 7 * app.scene().title.length + 16), geometry.height + 76].map(Math.ceil);
  const hit = ({ offsetX, offsetY }) => {
    const { rows, columns } = app.shape;
    const within = (i, n) => (i >= 0 && i < n ? i : undefined);
    if (state.view === "links") {
      const at = Math.floor((offsetY + scroller.scrollTop - geometry.top) / geometry.step);
      return offsetX < (geometry.left + geometry.right) / 2 ? { query: within(at, rows) } : { key: within(at, columns) };
    }
    const [query, key] = [(offsetY - geometry.top) / geometry.cell, (offsetX - geometry.left) / geometry.cell].map(Math.floor);
    return { query: within(query, rows), key: within(key, columns) };
  };
  /** Scrolls the box, never the page, as little as it takes to see the query and the key. */
  const reveal = () => {
    const { top, left, cell, step = cell } = geometry;
    const [y, x] = [top + state.query * step, left + state.key * cell];
    scroller.scrollTop = clamp(scroller.scrollTop, y + step - scroller.clientHeight, y);
    if (cell) scroller.scrollLeft = clamp(scroller.scrollLeft, x + cell - scroller.clientWidth, x);
  };
  scroller.addEventListener("scroll", () => state.view === "links" && draw());
  canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && app.point(hit(event)));
  canvas.addEventListener("click", (event) => app.press(hit(event)));
  canvas.addEventListener("keydown", (event) => app.keys(event));
  const resize = () => (room = scroller.clientWidth);
  return { el: scroller, draw, drawPointer, reveal, resize, picture, pictureSize };
}

/** The text itself: one listbox of queries, shaded by weight; for cross-attention the source stands below. */
export function stripPart(app) {
  const { state, shape: { rows, columns } } = app;
  const id = uniqueId("token");
  const cross = app.which === "cross";
  const chips = (count, role) => Array.from({ length: count }, (_, i) =>
    h("span", { className: "att-chip", role, id: role && `${id}-${i}`, "aria-selected": role && "false", "data-index": i }));
  const queryChips = chips(rows, "option");
  const keyChips = cross ? chips(columns) : queryChips;
  const strip = (role, name, children) => h("div", { className: "att-strip", role, tabIndex: 0, "aria-label": name }, children);
  const { self, target, source } = LABELS.strips;
  const list = strip("listbox", cross ? target : self, queryChips);
  const el = h("div", null, cross && tag("div", "lmkit-note", target), list,
    cross && [tag("div", "lmkit-note", source), strip("group", source, keyChips)]);
  let [shown, at, colours] = [[], -1, []];
  /** As in the running text: one leading space stays a space, everything else invisible gets a sign. */
  const running = (token) => (/^ [^ ]/.test(token) ? ` ${visibleToken(token.slice(1))}` : visibleToken(token));
  const setTexts = (chipList, tokens) => chipList.forEach((chip, i) => (chip.textContent = running(tokens[i])));
  const draw = (scene) => {
    if (shown[0] !== scene.queries || shown[1] !== scene.keys) {
      shown = [scene.queries, scene.keys];
      setTexts(queryChips, scene.queries);
      if (cross) setTexts(keyChips, scene.keys);
    }
    const row = rowOf(scene.matrix, scene.query, columns);
    const [from, to] = scene.span(scene.query);
    keyChips.forEach((chip, i) => {
      const colour = i < from || i >= to ? "transparent" : row[i] ? tint(row[i], scene, app.colours) : "";
      if (colours[i] === colour) return; // most chips keep their colour: 512 of them stay quick
      colours[i] = colour;
      chip.style.backgroundColor = colour;
      chip.classList.toggle("att-unseen", colour === "transparent");
    });
    keyChips[0].classList.toggle("att-absent", state.hideFirst);
    if (at !== scene.query) {
      queryChips[at]?.setAttribute("aria-selected", "false");
      at = scene.query;
      queryChips[at].setAttribute("aria-selected", "true");
      list.setAttribute("aria-activedescendant", `${id}-${at}`);
      const { offsetTop, offsetHeight } = queryChips[at];
      list.scrollTop = clamp(list.scrollTop, offsetTop + offsetHeight + 4 - list.clientHeight, offsetTop - 4);
    }
    list.classList.toggle("att-locked", state.locked);
  };
  const hit = (event) => {
    const chip = event.target.closest(".att-chip");
    return chip ? { query: Number(chip.dataset.index) } : {};
  };
  list.addEventListener("pointermove", (event) => event.pointerType !== "touch" && app.point(hit(event)));
  list.addEventListener("click", (event) => app.press(hit(event)));
  list.addEventListener("keydown", (event) => app.keys(event, true));
  return { el, draw };
}

/** The query in numbers: its strongest keys, what was left out, the weight under the pointer, and the whole row as a table. */
export function readingPart(app) {
  const { state, sides, shape: { rows, columns } } = app;
  const [index, name] = [tag("span", "lmkit-note"), tag("span", "lmkit-token att-name")];
  const [rest, cell] = [tag("p", "lmkit-note att-rest"), tag("p", "att-cell")];
  const [sink, mode] = [tag("p", "lmkit-note att-sink"), tag("p", "lmkit-note")];
  const step = (by) => app.point({ query: (state.query + by + rows) % rows }, true);
  const lock = toggle(LABELS.lock, false, () => app.press({ query: state.query }));
  const entries = range(MOST_LINKS).map(() => {
    const [token, bar, number] = [tag("span", "lmkit-token"), tag("span", "att-bar"), tag("span", "lmkit-value")];
    return { token, bar, number, el: h("li", null, token, tag("span", "att-track", bar), number) };
  });
  const [keyHead, tokenHead, weightHead] = LABELS.tableHead;
  const headings = [keyHead, tokenHead, ...(sides.length > 1 ? LABELS.sides : [weightHead])];
  const [caption, body] = [tag("caption", "lmkit-note"), h("tbody")];
  const number = (kind, text, props) => h(kind, { className: "lmkit-number", ...props }, text);
  const top = h("thead", null, h("tr", null, headings.map((text) => number("th", text, { scope: "col" }))));
  const scroller = h("div", { className: "att-scroller", tabIndex: 0, role: "group", "aria-label": LABELS.table },
    h("table", null, caption, top, body));
  const table = h("details", { className: "att-table", onToggle: () => app.scene() && draw(app.scene()) },
    h("summary", null, LABELS.table), scroller);
  const buttons = tag("span", "att-stepper", button("‹", () => step(-1), LABELS.previous(LABELS.queryStep)),
    button("›", () => step(1), LABELS.next(LABELS.queryStep)), lock.el);
  const el = tag("div", "att-reading", tag("div", "lmkit-row att-query", index, name, buttons),
    h("ol", { className: "att-top", "aria-label": LABELS.attendsTo, style: `--rows:${Math.min(columns, MOST_LINKS)}` },
      entries.map((entry) => entry.el)), rest, cell, sink, mode); // room for all entries, so that a preview moves nothing

  const values = (scene, key) => {
    const text = scene.parts.map((part) => weightText(rowOf(part, scene.query, columns)[key]));
    return text.length > 1 ? [...text, weightText(scene.change[scene.query * columns + key], true)] : text;
  };
  const cellText = (scene) => {
    const [query, key] = [visibleToken(scene.queries[scene.query]), visibleToken(scene.keys[scene.key])];
    const [from, to] = scene.span(scene.query);
    if (scene.key < from || scene.key >= to) return LABELS.unseen(query, key);
    const numbers = values(scene, scene.key);
    return LABELS.cell(query, key, numbers.length > 1 ? LABELS.compared(...numbers) : numbers[0]);
  };
  const sinkText = (scene) => {
    if (!state.hideFirst) return "";
    const letter = (i) => (sides.length > 1 ? LABELS.sides[i] : "");
    const used = app.shownSides()
      .map((i) => ({ letter: letter(i), ...renormaliseWithoutFirst(rowOf(scene.wholes[i], scene.query, columns)) }));
    const held = LABELS.renormalised(used.map((one) => LABELS.removed(one.letter, weightText(one.removed))).join(", "));
    const empty = used.filter((one) => one.left === 0);
    if (empty.length === used.length) return `${held} ${LABELS.nothingLeft}`;
    const error = Math.max(...used.map((one) => (one.left > 0 ? 0.5 / 255 / one.left : 0)));
    const doubt = error >= 0.01 ? LABELS.doubt(error.toFixed(2)) : "";
    return held + empty.map((one) => LABELS.nothingLeftIn(one.letter)).join("") + doubt;
  };
  const draw = (scene) => {
    const row = rowOf(scene.matrix, scene.query, columns);
    const top = topLinks(row, MOST_LINKS);
    index.textContent = LABELS.query(scene.query);
    name.textContent = visibleToken(scene.queries[scene.query]);
    lock.set(state.locked);
    entries.forEach((entry, i) => {
      entry.el.hidden = i >= top.length;
      if (entry.el.hidden) return;
      entry.token.textContent = visibleToken(scene.keys[top[i].key]);
      entry.bar.style.width = `${Math.min(100, 100 * Math.abs(top[i].weight))}%`;
      entry.bar.classList.toggle("att-more", scene.signed && top[i].weight > 0);
      entry.number.textContent = weightText(top[i].weight, scene.signed);
    });
    const others = row.reduce((n, w) => n + (w !== 0), 0) - top.length;
    const left = row.reduce((sum, w) => sum + w, 0) - top.reduce((sum, one) => sum + one.weight, 0);
    rest.textContent = others > 0 && !scene.signed ? LABELS.rest(others, weightText(Math.max(0, left))) : "";
    cell.textContent = cellText(scene);
    sink.textContent = sinkText(scene);
    mode.textContent = state.locked ? LABELS.locked : LABELS.unlocked;
    if (!table.open) return;
    caption.textContent = LABELS.caption(scene.title, scene.query, visibleToken(scene.queries[scene.query]));
    body.replaceChildren(...range(columns).map((key) => h("tr", null, number("td", key),
      tag("td", "lmkit-token", visibleToken(scene.keys[key])), values(scene, key).map((text) => number("td", text)))));
  };
  /** The query and its three strongest links, for a screen reader. */
  const summary = (scene) => {
    const links = topLinks(rowOf(scene.matrix, scene.query, columns), 3)
      .map(({ key, weight }) => `${visibleToken(scene.keys[key])} ${weightText(weight, scene.signed)}`);
    return `${LABELS.query(scene.query)} ${visibleToken(scene.queries[scene.query])} ${LABELS.attendsTo} ${links.join(" · ")}`;
  };
  return { el, table, draw, summary, cellText };
}

/** What the colours and the hatching mean. */
export function legendPart(app) {
  const [bar, ticks, mask] = [tag("div", "att-ramp"), tag("div", "att-ticks"), tag("p", "lmkit-note")];
  const [less, more] = LABELS.more.map((text) => tag("span", "att-end", text));
  const hatched = tag("span", "att-hatched", tag("span", "att-swatch"), LABELS.hatched);
  const el = tag("div", "att-legend", tag("div", "lmkit-row", less, tag("div", "att-scale", bar, ticks), more, hatched), mask);
  let drawn = "";
  const draw = (scene) => {
    const wanted = [scene.signed, scene.maskText, app.themeCount].join();
    if (wanted === drawn) return;
    drawn = wanted;
    const place = (value) => 100 * (scene.signed ? (1 + shade(value)) / 2 : shade(value));
    const { soft, accent, accent2 } = app.colours;
    const stops = (scene.signed ? [accent, soft, accent2] : [soft, accent]).map((colour) => rgb(colour));
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    ticks.replaceChildren(...(scene.signed ? [-1, -0.25, 0, 0.25, 1] : [0, 0.1, 0.25, 0.5, 1]).map((value) =>
      h("span", { style: `left:${place(value)}%` }, String(value).replace("-", "−"))));
    less.hidden = more.hidden = !scene.signed;
    hatched.hidden = range(scene.rows).map(scene.span).every(([from, to]) => from === 0 && to === scene.columns);
    mask.textContent = scene.maskText;
  };
  return { el, draw };
}

/** What the reader can set: layer, head, means, picture, text, first token. */
export function controlsPart(app) {
  const { state, sides, shape: { layers, heads } } = app;
  const layer = stepper(LABELS.layer, layers, (value) => app.choose({ layer: value }));
  const head = stepper(LABELS.head, heads, (value) => app.choose({ head: value }));
  const pick = (name, label, keys, texts) =>
    choice(label, keys.map((key, i) => [key, texts[i]]), state[name], (value) => app.choose({ [name]: value }));
  const flip = (name, label) => toggle(label, state[name], (value) => app.choose({ [name]: value })).el;
  const [allQueries, show] = [flip("allQueries", LABELS.allQueries), pick("show", LABELS.show, SHOWS, LABELS.shows)];
  const view = pick("view", LABELS.view, VIEWS, LABELS.views);
  const side = sides.length > 1 && pick("side", LABELS.compare, SIDES, LABELS.sides).el;
  const el = tag("div", "att-controls",
    h("div", null, layer.el, head.el, show.el), h("div", null, view.el, side, flip("hideFirst", LABELS.hideFirst), allQueries));
  const draw = () => {
    show.set(state.show);
    layer.set(state.layer, state.show !== "all");
    head.set(state.head, state.show === "head");
    allQueries.hidden = state.view !== "links";
  };
  return { el, draw };
}

/** Buttons that save what is shown. */
export function savePart(app, stage) {
  const { state, sides } = app;
  const layer = () => (state.show === "all" ? "mean" : state.layer);
  const head = () => (state.show === "head" ? state.head : "mean");
  const name = (ending) => {
    const parts = ["attention", `layer-${layer()}`, `head-${head()}`];
    if (sides.length > 1) parts.push({ a: "A", b: "B", difference: "B-minus-A" }[state.side]);
    if (state.hideFirst) parts.push("without-first-token");
    return parts.join("-") + ending;
  };
  const saveCsv = () => { // the mark at its start tells Excel that the file is UTF-8
    download(name(".csv"), `\ufeff${csv({ ...app.scene(), layer: layer(), head: head() })}`, "text/csv;charset=utf-8");
  };
  const saveSvg = () => {
    const pen = svgPen(...stage.pictureSize());
    stage.picture(pen, ...stage.pictureSize());
    download(name(".svg"), pen.source(), "image/svg+xml");
  };
  const savePng = () => {
    const [width, height] = stage.pictureSize();
    const scale = Math.min(2, Math.sqrt(16e6 / (width * height))); // phones refuse canvases of more than 16 million pixels
    const canvas = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    stage.picture(canvasPen(context), width, height);
    canvas.toBlob((blob) => download(name(".png"), blob));
  };
  return tag("div", "lmkit-row att-save", tag("span", "lmkit-note", LABELS.export),
    button("PNG", savePng), button("SVG", saveSvg), button("CSV", saveCsv));
}
