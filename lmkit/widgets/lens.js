// The logit lens: what a model would say after each of its layers, at every position of a text.
// This file holds what the reader has chosen and joins the parts.
import { announcer, choice, h, rootElement, slider, uniqueId, unpack, visibleToken } from "./base.js";
import { openLens } from "./lens_data.js";
import { LABELS } from "./lens_labels.js";
import { chartPart, gridPart, legendPart, listPart, tablePart } from "./lens_parts.js";

const PACKED = [["top_tokens", "int32"], ["top_p", "float16"], ["followed", "int32"], ["logp", "float16"], ["ranks", "int32"]];

async function render({ model, el }) {
  const [title, tokens, leads, rows, top, came] = ["title", "tokens", "leads", "rows", "top", "came"].map((name) => model.get(name));
  const root = rootElement("section", "ln-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null);
  el.append(root);
  const [topTokens, topP, followed, logp, ranks] = await Promise.all(PACKED.map(([name, kind]) => unpack(model.get(name), kind)));
  const lens = openLens({ rows, top, count: tokens.length, vocabulary: model.get("vocabulary"), topTokens, topP, followed, logp, ranks });
  const last = rows - 1, live = announcer();
  const state = { row: model.get("layer"), position: model.get("position"), follow: -1, show: "best", measure: "p" };

  // The parts.
  const button = (label, text, onClick) => h("button", { type: "button", className: "lmkit-button", "aria-label": label, title: label, onClick }, text);
  const back = button(LABELS.back, "←", () => go(state.row - 1, state.position)), next = button(LABELS.next, "→", () => go(state.row + 1, state.position));
  const layer = slider({ label: LABELS.layer, min: 0, max: last, step: 1, value: state.row, format: (row) => LABELS.row(row, last),
    onInput: (row) => go(row, state.position) });
  const shows = choice(LABELS.show, Object.entries(LABELS.shows), state.show, (show) => {
    state.show = show;
    grid.fill(show);
  });
  const grid = gridPart(lens, tokens, leads, (row, position, focus) => go(row, position, focus));
  const list = listPart(lens, (token) => choose({ follow: token }));
  const chart = chartPart(rows, (row) => go(row, state.position));
  const table = tablePart(lens);
  const followId = uniqueId("follow");
  const select = h("select", { id: followId, className: "lmkit-token", onChange: () => choose({ follow: Number(select.value) }) });
  const measures = choice(LABELS.measure, Object.entries(LABELS.measures), state.measure, (measure) => choose({ measure }));
  const curves = h("div", { className: "ln-panel ln-follow" },
    h("div", { className: "ln-choose" }, h("label", { htmlFor: followId }, LABELS.follow), select, measures.el), chart.el);
  root.append(h("p", { className: "lmkit-note" }, LABELS.hint),
    h("div", { className: "ln-controls" }, back, next, layer.el, shows.el),
    h("div", { className: "ln-body" }, list.el, curves, h("div", { className: "ln-picture" }, grid.el, legendPart())), table.el, live.el);

  // Drawing.
  const drawCurves = () => {
    const { row, position, follow, measure } = state;
    const known = lens.candidates(position);
    const names = [known[0], ...(known.includes(follow) && follow !== known[0] ? [follow] : [])];
    const shown = names.map((token) => ({ name: visibleToken(lens.vocabulary[token]), points: lens.curve(position, known.indexOf(token)) }));
    chart.set(shown, measure, row, LABELS.chart(shown.map(({ name }) => name), visibleToken(tokens[position])));
  };
  const drawPosition = () => {
    const known = lens.candidates(state.position);
    const others = known.filter((_, k) => k > 0);
    if (!others.includes(state.follow)) state.follow = came[state.position] > 0 ? known[came[state.position]] : others[0] ?? known[0];
    const mark = (token) => (known.indexOf(token) === came[state.position] ? ` (${LABELS.came})` : "");
    select.replaceChildren(h("option", { value: known[0] }, LABELS.alone),
      ...others.map((token) => h("option", { value: token }, visibleToken(lens.vocabulary[token]) + mark(token))));
    table.set(state.position, tokens[state.position]);
  };
  const draw = () => {
    const { row, position } = state;
    list.set(row, position, tokens[position], lens.candidates(position));
    layer.set(row);
    back.setAttribute("aria-disabled", String(row === 0));
    next.setAttribute("aria-disabled", String(row === last));
    select.value = state.follow;
    drawCurves();
    Object.assign(root.dataset, { row, position, follow: state.follow });
  };

  // Choosing.
  const choose = (patch) => {
    Object.assign(state, patch);
    select.value = state.follow;
    root.dataset.follow = state.follow;
    drawCurves();
  };
  const go = (row, position, focus = false) => {
    const inside = Math.max(0, Math.min(last, row)), moved = position !== state.position;
    Object.assign(state, { row: inside, position });
    grid.set(inside, position, focus);
    if (moved) drawPosition();
    draw();
    live.say(list.words());
  };
  const onModel = () => {
    const [row, position] = [model.get("layer"), model.get("position")];
    if (lens.rows > row && row >= 0 && position >= 0 && position < tokens.length) go(row, position);
  };

  grid.fill(state.show);
  grid.set(state.row, state.position);
  drawPosition();
  draw();
  const observer = new ResizeObserver(() => {
    chart.measure();
    grid.set(state.row, state.position);
    drawCurves();
  });
  observer.observe(root);
  for (const name of ["change:layer", "change:position"]) model.on(name, onModel);
  return () => {
    observer.disconnect();
    for (const name of ["change:layer", "change:position"]) model.off(name, onModel);
  };
}

export default { render };
