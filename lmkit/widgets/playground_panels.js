// Looking inside: the next token's distribution, one head's attention, the logit lens. Each panel draws what was computed
// when the text was read, and makes the rest (every layer's scores) in slices.
import { choice, h, rgb, shortToken, theme, visibleToken } from "./base.js";
import { axis, entropy, sortLogits, sumFrom, warp } from "./sampling_warp.js";
import { barChart, chartSwitches, FEW, figure } from "./sampling_parts.js";
import { decimals, percent, whole } from "./numbers.js";
import { colourRamp, heatImage } from "./pens.js";
import { headOf, logitsAt } from "./tiny_model.js";
import { pacer } from "./chunks.js";
import { tokenLine } from "./playground_parts.js";
import { WORDS } from "./playground_labels.js";

const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");
const indices = (n) => Array.from({ length: n }, (_, i) => i);

// ---------------------------------------------------------------- next token

/** The rows of the chart: the most probable tokens, the one that really came, and all others as one. */
export function nextRows(sorted, before, after, count, taken, piece) {
  const rows = indices(Math.min(count, sorted.ids.length));
  const place = sorted.ids.indexOf(taken);
  if (place >= rows.length) rows.push(place);
  const shown = rows.map((rank) => ({ token: piece(sorted.ids[rank]), before: before.probs[rank], after: after.probs[rank],
    reason: WORDS.reasons[after.reasons[rank]], mark: rank === place ? WORDS.taken : "" }));
  const others = (probs) => Math.max(0, sumFrom(probs, count) - (place >= count ? probs[place] : 0));
  if (rows.length < sorted.ids.length) {
    const name = WORDS.tail(sorted.ids.length - rows.length);
    shown.push({ aggregate: true, token: name, before: others(before.probs), after: others(after.probs), reason: "" });
  }
  return shown;
}

export function nextPanel() {
  const look = { shown: FEW, logarithmic: false };
  const chart = barChart(WORDS.barList, [["before", WORDS.before], ["after", WORDS.after]]);
  const switches = chartSwitches(look, () => draw());
  const [left, cut, nats] = [WORDS.left, WORDS.cut, WORDS.entropy].map(figure);
  const el = h("div", { className: "pg-next" }, h("p", { className: "lmkit-note" }, WORDS.nextNote),
    h("div", { className: "sv-columns" }, h("div", { className: "sv-figures" }, left.el, cut.el, nats.el),
      h("div", { className: "sv-main" }, chart.el, switches.el)));
  let shown = null;
  const draw = () => {
    const { run, at, settings, tokenizer } = shown;
    const sorted = sortLogits(logitsAt(run.model, run.text, at));
    const [before, after] = [warp(sorted, {}), warp(sorted, settings)];
    const rows = nextRows(sorted, before, after, look.shown, run.ids[at + 1], tokenizer.piece);
    chart.draw(rows, axis(Math.max(...rows.flatMap((row) => [row.before, row.after])), look.logarithmic));
    left.set(whole(after.kept), WORDS.of(sorted.ids.length));
    cut.set(percent(after.massCut));
    nats.set(decimals(entropy(after.probs)), WORDS.nats(decimals(entropy(before.probs))));
  };
  return { el, draw: (next) => {
    shown = next;
    draw();
  } };
}

// ---------------------------------------------------------------- attention

/** A grid of radio buttons, one a head, each with its small map; arrow keys move in all four directions. */
function headGrid(layers, heads, onPick) {
  const maps = indices(layers * heads).map(() => h("canvas", { width: 1, height: 1, "aria-hidden": "true" }));
  const buttons = maps.map((map, i) => h("button", { type: "button", className: "pg-head", role: "radio", onClick: () => onPick(i),
    "aria-label": WORDS.headName(Math.floor(i / heads), i % heads), title: WORDS.headName(Math.floor(i / heads), i % heads) }, map));
  const onKeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: heads, ArrowUp: -heads }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const to = (buttons.indexOf(event.target) + step + buttons.length) % buttons.length;
    onPick(to);
    buttons[to].focus();
  };
  const props = { className: "pg-heads", role: "radiogroup", "aria-label": WORDS.heads, style: `--heads:${heads}`, onKeydown };
  const el = h("div", props, buttons);
  const set = (chosen) => buttons.forEach((one, i) => {
    one.setAttribute("aria-checked", String(i === chosen));
    one.tabIndex = i === chosen ? 0 : -1;
  });
  return { el, maps, set };
}

function paint(canvas, matrix, n, ramp) {
  if (canvas.width !== n) [canvas.width, canvas.height] = [n, n];
  canvas.getContext("2d").putImageData(heatImage(matrix, n, ramp), 0, 0);
}

/** `onPick(at, byKey)` hears which token the reader wants to look from. */
export function attentionPanel({ layers, heads }, root, onPick) {
  let [chosen, shown, drawn, job] = [0, null, "", 0];
  const pick = (i) => {
    chosen = i;
    draw();
    shown?.say(WORDS.headName(Math.floor(i / heads), i % heads));
  };
  const grid = headGrid(layers, heads, pick);
  const big = h("canvas", { className: "pg-matrix", width: 1, height: 1, tabIndex: 0, role: "application" });
  const frame = h("span", { className: "pg-row", "aria-hidden": "true" });
  const line = tokenLine(WORDS.tabs.attention, (at, byKey) => onPick(at, byKey));
  const [note, most] = [h("p", { className: "lmkit-note" }), h("p", { className: "pg-most" })];
  const queryAt = (event) => {
    const [box, n] = [big.getBoundingClientRect(), shown.run.text.ids.length];
    return Math.max(0, Math.min(n - 1, Math.floor(((event.clientY - box.top) / box.height) * n)));
  };
  big.addEventListener("click", (event) => shown && onPick(queryAt(event), false));
  big.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step || !shown) return;
    event.preventDefault();
    const to = shown.at + step;
    if (to >= 0 && to < shown.run.text.ids.length) onPick(to, true);
  });
  const el = h("div", { className: "pg-attention" },
    h("div", { className: "pg-maps" }, grid.el, h("div", { className: "pg-square" }, big, frame)),
    h("div", { className: "pg-reading" }, note, line.el, most, h("p", { className: "lmkit-note" }, WORDS.matrixNote)));

  const paintMaps = async (ramp, run) => {
    const mine = ++job;
    const pause = pacer(6);
    for (const [i, map] of grid.maps.entries()) {
      await pause();
      if (mine !== job) return;
      paint(map, headOf(run.model, run.text, Math.floor(i / heads), i % heads), run.text.ids.length, ramp);
    }
  };
  const draw = () => {
    if (!shown) return;
    const { run, at, tokens, colours } = shown;
    const n = run.text.ids.length;
    const [layer, head] = [Math.floor(chosen / heads), chosen % heads];
    const ramp = colourRamp(colours.soft, colours.accent, colours.accent2);
    const weights = headOf(run.model, run.text, layer, head);
    const wanted = `${tokens.map(({ id }) => id).join()} ${rgb(colours.soft)}`;
    if (wanted !== drawn) paintMaps(ramp, run);
    drawn = wanted;
    grid.set(chosen);
    paint(big, weights, n, ramp);
    big.setAttribute("aria-label", WORDS.matrix(layer, head, n));
    frame.style.cssText = `top:${(100 * at) / n}%; height:${100 / n}%`;
    line.set(tokens, at);
    const row = weights.subarray(at * n, (at + 1) * n);
    line.shade(row);
    note.textContent = WORDS.attentionNote(layer, head);
    const best = indices(n).sort((a, b) => row[b] - row[a] || a - b).slice(0, 4).filter((key) => row[key] >= 0.005);
    const name = (i) => visibleToken(tokens[i].piece);
    most.textContent = WORDS.attends(name(at), best.map((key) => WORDS.weight(name(key), row[key])));
    Object.assign(root.dataset, { layer, head });
  };
  return { el, draw: (next) => {
    shown = next;
    draw();
  }, stop: () => (job += 1) };
}

// ---------------------------------------------------------------- the logit lens

/** The best token after each layer at one position: [{ id, probability }] from the embedding to the end. */
export function lensColumn(run, at) {
  return indices(run.model.shape.layers + 1).map((layer) => {
    const logits = logitsAt(run.model, run.text, at, layer);
    let best = 0;
    for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
    let total = 0;
    for (let id = 0; id < logits.length; id++) total += Math.exp(logits[id] - logits[best]);
    return { id: best, probability: 1 / total };
  });
}

export function lensPanel({ layers }, onPick) {
  // The end stands on top, as in pictures of the model.
  const rowNames = indices(layers + 1).map((layer) => WORDS.lensRow(layer, layers)).reverse();
  const heads = h("tr", {}, h("th", { scope: "col" }));
  const rows = rowNames.map((name) => h("tr", {}, h("th", { scope: "row" }, name)));
  const caption = h("caption", { className: "lmkit-hidden" }, WORDS.lensTable);
  const table = h("table", { className: "pg-lens" }, caption, h("thead", {}, heads), h("tbody", {}, rows));
  const scroller = h("div", { className: "pg-scroll", tabIndex: 0, role: "region", "aria-label": WORDS.lensTable }, table);
  const reading = h("p", { className: "pg-most" });
  const el = h("div", {}, h("p", { className: "lmkit-note" }, WORDS.lensNote), scroller, reading);
  let [made, job, shown] = [[], 0, null]; // made: { id, column, cells } for each position

  const drop = (from) => {
    made.splice(from);
    for (const row of [heads, ...rows]) while (row.children.length > from + 1) row.lastChild.remove();
  };
  const add = ({ run, tokens, tokenizer }, at) => {
    const column = lensColumn(run, at).reverse();
    const pick = { type: "button", className: "pg-pick lmkit-token", onClick: () => onPick(at, false) };
    heads.append(h("th", { scope: "col" }, h("button", pick, shortToken(tokens[at].piece, 8))));
    column.forEach(({ id, probability }, i) => {
      const piece = tokenizer.piece(id);
      const words = WORDS.lensCell(rowNames[i], visibleToken(tokens[at].piece), visibleToken(piece), percent(probability));
      rows[i].append(h("td", { className: "lmkit-token pg-cell", title: words, style: `--pg-shade:${Math.sqrt(probability).toFixed(3)}`,
        onClick: () => onPick(at, false) }, shortToken(piece, 8)));
    });
    made.push({ id: tokens[at].id, column });
  };
  const mark = () => {
    [heads, ...rows].forEach((row) => [...row.children].forEach((cell, i) => cell.classList.toggle("pg-chosen", i === shown.at + 1)));
    const column = made[shown.at]?.column;
    reading.textContent = column ? `${WORDS.lensAt} ${[...column.keys()].reverse().map((i) =>
      `${rowNames[i]}: ${visibleToken(shown.tokenizer.piece(column[i].id))} ${percent(column[i].probability)}`).join(" · ")}` : "";
  };
  const reveal = () => {
    const cell = heads.children[shown.at + 1];
    if (!cell) return;
    const [left, right] = [cell.offsetLeft - heads.children[0].offsetWidth, cell.offsetLeft + cell.offsetWidth];
    if (left < scroller.scrollLeft) scroller.scrollLeft = left;
    else if (right > scroller.scrollLeft + scroller.clientWidth) scroller.scrollLeft = right - scroller.clientWidth;
  };
  const draw = async (next) => {
    const other = shown?.run.model !== next.run.model;
    shown = next;
    const mine = ++job;
    let same = 0;
    while (!other && same < made.length && same < next.tokens.length && made[same].id === next.tokens[same].id) same++;
    drop(same);
    el.setAttribute("aria-busy", "true");
    const pause = pacer(6);
    for (let at = same; at < next.tokens.length; at++) {
      await pause();
      if (mine !== job) return;
      add(next, at);
      if (at === next.at) mark();
    }
    el.setAttribute("aria-busy", "false");
    mark();
    reveal();
  };
  return { el, draw, stop: () => (job += 1) };
}

// ---------------------------------------------------------------- together

/** The panels under their tabs, and the line that says which token is looked at. */
export function insidePart(shape, root, { onPick, onTab, tab }) {
  const make = { next: nextPanel, attention: () => attentionPanel(shape, root, onPick), lens: () => lensPanel(shape, onPick) };
  const panels = {}; // each is made when it is first looked at
  const tabs = choice(WORDS.details, Object.entries(WORDS.tabs), tab, onTab);
  const [where, piece, facts] = [h("span"), h("b", { className: "lmkit-token" }), h("span", { className: "lmkit-note" })];
  const [back, forth] = [[-1, "‹", WORDS.previous], [1, "›", WORDS.next]].map(([step, sign, name]) =>
    h("button", { type: "button", className: "lmkit-button", "aria-label": name, onClick: () => onPick(step, true, true) }, sign));
  const stage = h("div", { className: "pg-panel" });
  const el = h("section", { className: "pg-inside lmkit-sampling", "aria-label": WORDS.details },
    h("div", { className: "lmkit-row pg-tabs" }, h("b", {}, WORDS.details), tabs.el),
    h("p", { className: "pg-where" }, back, forth, where, piece, facts), stage);
  const draw = (chosen, next) => {
    tabs.set(chosen);
    for (const [name, panel] of Object.entries(panels)) if (name !== chosen) panel.stop?.();
    panels[chosen] ??= make[chosen]();
    if (stage.firstChild !== panels[chosen].el) stage.replaceChildren(panels[chosen].el);
    const { stage: name, at, tokens, tokenizer } = next;
    where.textContent = WORDS.where(name, at + 1, tokens.length);
    piece.textContent = visibleToken(tokens[at].piece);
    facts.textContent = WORDS.tokenFacts(tokens[at].id, Array.from(tokenizer.bytes(tokens[at].id), hex));
    [back.disabled, forth.disabled] = [at === 0, at === tokens.length - 1];
    panels[chosen].draw({ ...next, colours: theme(root) });
  };
  return { el, draw, stop: () => Object.values(panels).forEach((panel) => panel.stop?.()) };
}
