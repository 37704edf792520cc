// A walk through one forward pass: a diagram of the model's boxes, and beside it what the chosen box does, in words and in numbers.
// This file holds what the reader has chosen and joins the others: arithmetic, steps, diagram and figures.
import { announcer, h, onTheme, reducedMotion, rootElement, slider, theme, uniqueId, unpack, visibleToken } from "./base.js";
import { diagramPart, shapeText } from "./transformer_diagram.js";
import { blockTable, gridPart, numberTable, predictionTable, tokenCards } from "./transformer_figures.js";
import { LABELS, STEPS } from "./transformer_labels.js";
import { openParcel, passOf } from "./transformer_numbers.js";
import { stepsOf } from "./transformer_steps.js";

const FIGURE = 300; // CSS pixels, the same for every box, so that stepping moves nothing
const PAUSE = 6000; // ms from box to box while it plays
const tag = (name, className, ...children) => h(name, { className }, ...children);

/** Text with _{low} and ^{high} parts, also inside one another, and isolated tokens as elements. */
function written(text) {
  const found = /\u2068[^\u2069]*\u2069|[_^]\{(?:[^{}]|\{[^{}]*\})*\}/.exec(text);
  if (!found) return [text];
  const [part] = found;
  const element = part[0] === "\u2068" ? tag("span", "lmkit-token tf-word", part.slice(1, -1)) : h(part[0] === "_" ? "sub" : "sup", null, written(part.slice(2, -1)));
  return [text.slice(0, found.index), element, ...written(text.slice(found.index + part.length))];
}

/** The text as a row of tokens of which one is followed; arrow keys move inside it. */
function tokenStrip(tokens, onChange) {
  const chips = tokens.map((token, i) => h("button", {
    type: "button", className: "tf-token lmkit-token", role: "radio", "aria-label": LABELS.token(i, visibleToken(token)), onClick: () => onChange(i),
  }, visibleToken(token)));
  const el = h("div", { className: "tf-strip", role: "radiogroup", "aria-label": LABELS.follow }, chips);
  const set = (token) => chips.forEach((chip, i) => {
    chip.setAttribute("aria-checked", String(i === token));
    chip.tabIndex = i === token ? 0 : -1;
  });
  el.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const to = (chips.indexOf(event.target) + by + tokens.length) % tokens.length;
    onChange(to);
    chips[to].focus();
  });
  return { el, set };
}

function headSelect(heads, onChange) {
  const id = uniqueId("head");
  const select = h("select", { id, onChange: () => onChange(Number(select.value)) }, Array.from({ length: heads }, (_, i) => h("option", { value: i }, String(i))));
  return { el: tag("div", "tf-head", h("label", { htmlFor: id }, LABELS.head), select), select, set: (value) => (select.value = value) };
}

/** The words of all boxes, one above the other: the longest makes the height, one can be seen. */
function stacked(className, parts) {
  return { el: tag("div", `tf-stack ${className}`, parts), set: (at) => parts.forEach((part, i) => part.classList.toggle("tf-now", i === at)) };
}

/** The play button: a box every few seconds, until the end or until the reader does something. */
function playButton(step, isLast) {
  const button = h("button", { type: "button", className: "lmkit-button", "aria-pressed": "false" }, LABELS.play);
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.setAttribute("aria-pressed", "false");
    button.textContent = LABELS.play;
  };
  const tick = () => {
    if (document.hidden) return;
    step();
    if (isLast()) stop();
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (isLast()) step(0);
    timer = setInterval(tick, PAUSE);
    button.setAttribute("aria-pressed", "true");
    button.textContent = LABELS.pause;
    tick();
  });
  return { el: button, stop };
}

/** The detail: what a box does, in words, with its figure and its calculation. */
function detailPart(pass, steps, app) {
  const { facts, sizes } = pass;
  const [place, shape] = [tag("span"), tag("span", "tf-shape")];
  const top = h("p", { className: "tf-place lmkit-note" }, place, shape);
  const titles = stacked("tf-title", STEPS.map(({ title }) => h("p", { className: "lmkit-title" }, title)));
  const texts = stacked("tf-text", STEPS.map(({ text }) => h("p", null, text(sizes))));
  const formulas = stacked("tf-formula", STEPS.map(({ formula }) => h("p", { className: "tf-math", role: "group", "aria-label": LABELS.formula }, written(formula(sizes)))));
  const grid = gridPart({ onMove: app.look, onPick: (row) => app.pick(row), onLeave: () => app.look(null) });
  const cards = tokenCards(facts, (token) => app.choose({ token }));
  const stage = h("div", { className: "tf-figure", style: `height:${FIGURE}px` });
  const note = tag("p", "lmkit-note tf-note");
  const reading = tag("p", "tf-reading");
  const lines = h("div", { className: "tf-lines-box", tabIndex: 0, role: "group", "aria-label": LABELS.inNumbers });
  const table = h("div", { className: "tf-scroll", tabIndex: 0, role: "region", "aria-label": LABELS.table });
  const details = h("details", { className: "tf-table-part" }, h("summary", null, LABELS.table), table);
  const rounding = tag("p", "lmkit-note tf-rounding");
  let [figure, shown, made] = [null, "", ""];

  const showOther = (id, choice) => {
    if (id === "tokens") {
      cards.set(choice.token);
      stage.replaceChildren(cards.el);
      return;
    }
    const other = id === "blocks" ? blockTable(pass, choice, (block) => app.choose({ block })) : predictionTable(pass, choice, id);
    const region = h("div", { className: "tf-scroll", tabIndex: 0, role: "region", "aria-label": STEPS[steps.index[id]].title }, other);
    stage.replaceChildren(region);
    const [own, head] = [region.querySelector(".tf-on"), region.querySelector("thead")];
    if (own) region.scrollTop = own.offsetTop - head.offsetHeight - region.clientHeight / 2;
  };
  const calculate = (id, choice, row, column) => lines.replaceChildren(...steps.calculation(id, choice, row, column).map((line) => h("p", null, written(line))));
  const captionOf = (id) => (!figure ? "" : [
    figure.note, id === "scores" ? LABELS.scoreColours : figure.unit ? LABELS.weightColours : figure.same ? LABELS.sameColours : LABELS.colours,
  ].filter(Boolean).join(" "));
  const fillTable = () => {
    const wanted = [shown, figure ? "" : "none"].join();
    if (!details.open || made === wanted) return;
    made = wanted;
    table.replaceChildren(figure ? numberTable(figure) : "");
  };
  details.addEventListener("toggle", fillTable);

  const draw = (room) => {
    const { step, point, ...choice } = app.state;
    const { id, title } = STEPS[step];
    place.textContent = LABELS.at(step + 1, STEPS.length);
    shape.textContent = `[${STEPS[step].axes}] = ${shapeText(STEPS[step].shape(sizes))}`;
    [titles, texts, formulas].forEach((one) => one.set(step));
    const wanted = [id, choice.block, choice.head, choice.token, app.themeCount].join();
    if (wanted !== shown) {
      shown = wanted;
      figure = steps.figure(id, choice);
      if (figure) {
        if (grid.el.parentElement !== stage) stage.replaceChildren(grid.el);
      } else showOther(id, choice);
      note.textContent = captionOf(id);
      details.classList.toggle("tf-none", !figure); // keeps its place, so that nothing moves
      rounding.textContent = LABELS.rounding(Object.fromEntries(["steps", "query", "key", "value", "gate", "up"].map((name) => [name, pass.decimalsOf(name, choice.block)])));
      fillTable();
    }
    if (!figure) {
      reading.textContent = "";
      return calculate(id, choice);
    }
    const cursor = { row: Math.min(point ?? figure.row, figure.rows.length - 1), column: steps.column(figure, choice) };
    grid.set(figure, cursor, room, FIGURE, app.colours, title);
    reading.textContent = LABELS.cell(figure.rows[cursor.row].label, figure.columnLabel(cursor.column), figure.text(cursor.row, cursor.column));
    calculate(id, choice, cursor.row, cursor.column);
  };
  const el = tag("div", "tf-detail", top, titles.el, texts.el, formulas.el, stage, reading, note);
  return { el, lines, foot: tag("div", "tf-foot", details, rounding, h("p", { className: "lmkit-note" }, LABELS.hint)), draw, stage, figure: () => figure, reading: () => reading.textContent, words: () => lines.textContent };
}

async function render({ model, el }) {
  const [facts, layout, start] = ["facts", "layout", "start"].map((name) => model.get(name));
  const title = model.get("title");
  const live = announcer();
  const root = rootElement("section", "tf-root", title || LABELS.widget);
  el.append(root);
  const pass = passOf(facts, openParcel(await unpack(model.get("numbers"), "uint8"), layout), model.get("words"));
  const steps = stepsOf(pass);
  const state = { step: 0, ...start, number: null, part: null, key: null, neuron: null, point: null };
  const last = STEPS.length - 1;
  let width = 0;

  const app = { state, colours: theme(root), themeCount: 0 };
  const detail = detailPart(pass, steps, {
    get state() { return app.state; }, get colours() { return app.colours; }, get themeCount() { return app.themeCount; },
    look(row, column, told) {
      const figure = detail.figure();
      if (!figure) return;
      state.point = row;
      if (row !== null) state[figure.axis] = column;
      draw();
      if (told) live.say(detail.reading());
    },
    pick: (row) => app.choose({ [detail.figure().pick]: row }),
    choose: (patch) => app.choose(patch),
  });
  const diagram = diagramPart(pass.sizes, (step) => app.go(step));
  const strip = tokenStrip(facts.tokens, (token) => app.choose({ token }));
  const button = (label, onClick) => h("button", { type: "button", className: "lmkit-button", onClick }, label);
  const back = button(`← ${LABELS.back}`, () => app.go(state.step - 1)), next = button(`${LABELS.next} →`, () => app.go(state.step + 1));
  const play = playButton((to = state.step + 1) => app.go(to, true), () => state.step === last);
  const block = slider({ label: LABELS.block, min: 0, max: facts.blocks - 1, step: 1, value: state.block, onInput: (value) => app.choose({ block: value }) });
  const head = headSelect(facts.heads, (value) => app.choose({ head: value }));

  const draw = () => {
    if (!width) return;
    [strip, head, block].forEach((part, i) => part.set([state.token, state.head, state.block][i]));
    back.setAttribute("aria-disabled", String(state.step === 0));
    next.setAttribute("aria-disabled", String(state.step === last));
    diagram.set(state.step, state.block);
    detail.draw(detail.stage.clientWidth);
    Object.assign(root.dataset, { step: STEPS[state.step].id, block: state.block, head: state.head, token: state.token });
  };
  app.go = (to, playing = false) => {
    if (!playing) play.stop();
    const inside = Math.max(0, Math.min(last, to));
    if (inside === state.step) return;
    const focused = diagram.has(document.activeElement) || diagram.has(root.getRootNode().activeElement);
    Object.assign(state, { step: inside, point: null });
    draw();
    if (focused) diagram.focus(inside);
    live.say(`${LABELS.said(LABELS.at(inside + 1, STEPS.length), STEPS[inside].title, STEPS[inside].text(pass.sizes))} ${detail.words()}`);
  };
  app.choose = (patch) => {
    play.stop();
    Object.assign(state, patch, { point: null, key: null }); // another row: its strongest key is looked at
    draw();
    live.say(`${LABELS.token(state.token, visibleToken(facts.tokens[state.token]))}. ${detail.words()}`);
  };

  root.append(...[title && h("p", { className: "lmkit-title" }, title), strip.el,
    tag("div", "tf-controls", tag("div", "tf-buttons", back, next, reducedMotion() ? null : play.el), block.el, head.el),
    tag("div", "tf-body", diagram.el, detail.el, detail.lines), detail.foot, live.el].filter(Boolean));

  root.addEventListener("keydown", (event) => {
    if (event.target === block.input || event.target === head.select || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const to = { ArrowRight: state.step + 1, ArrowLeft: state.step - 1, Home: 0, End: last }[event.key];
    if (to === undefined || event.target.closest(".tf-scroll")) return;
    event.preventDefault();
    app.go(to);
  });
  const readTheme = () => {
    app.colours = theme(root);
    app.themeCount += 1;
  };
  const resize = () => {
    if (!root.clientWidth || width === root.clientWidth) return;
    if (!width) readTheme(); // a notebook may call render before the widget is on the page and has any colours
    width = root.clientWidth;
    const narrow = width < 640;
    root.dataset.size = narrow ? "narrow" : "wide";
    diagram.resize(narrow);
    draw();
  };
  const stopTheme = onTheme(() => {
    readTheme();
    draw();
  });
  const observer = new ResizeObserver(resize);
  resize();
  observer.observe(root);
  return () => {
    play.stop();
    observer.disconnect();
    stopTheme();
  };
}

export default { render };
