// What the preference widget is built from: the list that is sorted by hand, the two cards, the tables of the model.
import { h } from "./base.js";
import { moved, rankingOf, tieSwitched, placesOf } from "./preference_model.js";
import { LABELS } from "./preference_labels.js";

const EDGE = 48, SPEED = 9; // CSS pixels: near the window's edge a drag scrolls the page, this far a frame

/** A button. One that does nothing now is still in the tab order, so that the keyboard is not lost with it. */
export function action(text, onClick, props = {}) {
  const el = h("button", { type: "button", className: "lmkit-button", ...props }, text);
  el.addEventListener("click", () => enabled(el) && onClick());
  return el;
}

export const enabled = (button) => button.getAttribute("aria-disabled") !== "true";
export const enable = (button, on) => button.setAttribute("aria-disabled", String(!on));

/** The text of an answer as it is; an empty one says so. */
function answerText(text) {
  return text === "" ? h("span", { className: "pv-text pv-empty" }, LABELS.empty) : h("span", { className: "pv-text" }, text);
}

// ---------------------------------------------------------------- sorting by hand

/** Answers in a list that the reader sorts. `letters[answer]` and `texts[answer]` name them; `onChange(draft, words)` hears of
 *  every move, `onEnter` of the key. Whatever has the focus or the pointer stays in the document: the others move around it. */
export function sortedList({ letters, texts, onChange, onEnter }) {
  let draft = [], drag = null, frame = 0;
  const rows = letters.map((letter, answer) => rowOf(letter, answer));
  const el = h("ol", { className: "pv-list", "aria-label": LABELS.answers, onPointerdown: grab, onPointermove: pull,
    onPointerup: () => drop(false), onPointercancel: () => drop(true), onLostpointercapture: () => drop(false) });
  const at = (answer) => draft.findIndex((one) => one.answer === answer);

  function rowOf(letter, answer) {
    const place = h("span", { className: "pv-place", "aria-hidden": "true" });
    const handle = h("button", { type: "button", className: "pv-handle", onKeydown: (event) => press(event, answer) },
      h("span", { className: "pv-grip", "aria-hidden": "true" }), place);
    const arrow = (sign, words, step) => action(sign, () => go(answer, at(answer) + step), { "aria-label": words(letter), tabIndex: -1 });
    const up = arrow("↑", LABELS.up, -1), down = arrow("↓", LABELS.down, 1);
    const tie = action("=", () => join(answer), { "aria-label": LABELS.tie(letter), title: LABELS.tie(letter) });
    const row = h("li", { className: "pv-row" }, handle, h("span", { className: "pv-letter", "aria-hidden": "true" }, letter),
      answerText(texts[answer]), h("span", { className: "pv-moves" }, up, down, tie));
    return { el: row, handle, place, up, down, tie };
  }
  /** Puts the rows into the order of the draft without touching the one that is in use. */
  function arrange() {
    const active = drag?.row ?? rows.findIndex((row) => row.el.contains(document.activeElement));
    const order = draft.map(({ answer }) => answer);
    const middle = order.indexOf(active);
    order.forEach((answer, i) => {
      if (answer !== active) el.insertBefore(rows[answer].el, middle >= 0 && i < middle ? rows[active].el : null);
    });
    const places = placesOf(rankingOf(draft));
    draft.forEach(({ answer, tied }, i) => {
      const { el: row, handle, place, up, down, tie } = rows[answer];
      place.textContent = places[answer];
      handle.setAttribute("aria-label", LABELS.handle(letters[answer], places[answer], draft.length, texts[answer] || LABELS.empty));
      row.classList.toggle("pv-tied", tied);
      enable(up, i > 0);
      enable(down, i < draft.length - 1);
      tie.setAttribute("aria-pressed", String(tied));
      tie.classList.toggle("pv-none", i === 0);
    });
  }
  function change(next, words) {
    draft = next;
    arrange();
    onChange(draft, words);
  }
  function go(answer, to) {
    const from = at(answer), place = Math.max(0, Math.min(draft.length - 1, to));
    if (from === place) return;
    const next = moved(draft, from, place);
    change(next, LABELS.isNow(letters[answer], placesOf(rankingOf(next))[answer], draft.length));
  }
  function join(answer) {
    if (at(answer) === 0) return;
    const next = tieSwitched(draft, at(answer));
    change(next, (next[at(answer)].tied ? LABELS.tied : LABELS.untied)(letters[answer]));
  }
  function press(event, answer) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const digit = /^[1-6]$/.test(event.key) ? Number(event.key) - 1 : undefined;
    const to = { ArrowUp: at(answer) - 1, ArrowDown: at(answer) + 1, Home: 0, End: draft.length - 1 }[event.key] ?? digit;
    if (event.key === "Escape" && drag) drop(true);
    else if (event.key === "Enter" && !event.repeat) onEnter();
    else if (event.key === "=") join(answer);
    else if (to !== undefined && to < draft.length) go(answer, to);
    else if (to === undefined) return;
    event.preventDefault();
  }

  // A mouse takes a row anywhere, a finger only its handle, so that the page scrolls under the finger elsewhere.
  function grab(event) {
    const row = rows.findIndex((one) => one.el.contains(event.target));
    const onHandle = Boolean(event.target.closest(".pv-handle"));
    const free = event.pointerType === "mouse" && !event.target.closest("button");
    if (drag || row < 0 || event.button !== 0 || !event.isPrimary || !(onHandle || free)) return;
    const y = event.clientY, grip = y - rows[row].el.getBoundingClientRect().top;
    drag = { row, pointer: event.pointerId, from: y, y, grip, shift: 0, before: draft };
    el.setPointerCapture(event.pointerId);
    if (onHandle) rows[row].handle.focus({ preventScroll: true });
  }
  function pull(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    drag.y = event.clientY;
    if (!drag.moves && Math.abs(drag.y - drag.from) < 4) return;
    if (!drag.moves) {
      drag.moves = true;
      rows[drag.row].el.classList.add("pv-dragged");
      frame = requestAnimationFrame(scrollAtEdge);
    }
    follow();
  }
  /** The row is under the pointer; a neighbour whose middle it has passed goes to its other side. */
  function follow() {
    const { el: row } = rows[drag.row];
    for (let i = 0; i <= draft.length; i++) {
      const natural = row.getBoundingClientRect().top - drag.shift;
      drag.shift = drag.y - drag.grip - natural;
      row.style.transform = `translateY(${drag.shift}px)`;
      const { top, bottom } = row.getBoundingClientRect();
      const middle = (one) => one.getBoundingClientRect().top + one.offsetHeight / 2;
      const [before, after] = [row.previousElementSibling, row.nextElementSibling];
      if (after && bottom > middle(after)) go(drag.row, at(drag.row) + 1);
      else if (before && top < middle(before)) go(drag.row, at(drag.row) - 1);
      else return;
    }
  }
  function scrollAtEdge() {
    if (!drag) return;
    const step = drag.y < EDGE ? -SPEED : drag.y > innerHeight - EDGE ? SPEED : 0;
    if (step) {
      scrollBy(0, step);
      follow();
    }
    frame = requestAnimationFrame(scrollAtEdge);
  }
  function drop(back) {
    if (!drag) return;
    const { row, before, pointer } = drag;
    drag = null;
    cancelAnimationFrame(frame);
    rows[row].el.classList.remove("pv-dragged");
    rows[row].el.style.transform = "";
    if (el.hasPointerCapture(pointer)) el.releasePointerCapture(pointer);
    if (back) change(before, "");
  }
  const set = (next) => {
    drop(false);
    draft = next;
    arrange();
  };
  return { el, set, focus: () => rows[draft[0].answer].handle.focus(), stop: () => drop(false) };
}

/** Two answers beside each other; a click or a digit says which is better, "=" that neither is. `order` is how they stand. */
export function twoCards({ letters, texts, order, onChoose }) {
  const cards = order.map((answer, i) => h("button", { type: "button", className: "pv-card",
    onClick: () => onChoose([[answer], [order[1 - i]]]) },
  h("span", { className: "pv-letter" }, letters[answer]), " ", answerText(texts[answer])));
  const equal = action(`= ${LABELS.equal}`, () => onChoose([[...order].sort()]));
  const el = h("div", { className: "pv-two", role: "group", "aria-label": LABELS.two }, cards);
  const press = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const move = el.contains(event.target) ? { ArrowRight: 1, ArrowDown: 1, ArrowLeft: 0, ArrowUp: 0 }[event.key] : undefined;
    if (event.key === "1" || event.key === "2") cards[event.key - 1].click();
    else if (event.key === "=") equal.click();
    else if (move !== undefined) cards[move].focus();
    else return;
    event.preventDefault();
  };
  const set = (ranking) => {
    const best = ranking?.length === 2 ? ranking[0][0] : null;
    cards.forEach((card, i) => card.setAttribute("aria-pressed", String(order[i] === best)));
    equal.setAttribute("aria-pressed", String(ranking?.length === 1));
  };
  return { el, equal, set, press, focus: () => cards[0].focus() };
}

// ---------------------------------------------------------------- the model

export function table(caption, heads, rows) {
  const cell = (tag, content, i) => h(tag, { className: i ? "lmkit-number" : "", scope: tag === "th" ? "col" : null }, content);
  return h("table", {}, h("caption", { className: "lmkit-hidden" }, caption),
    h("thead", {}, h("tr", {}, heads.map((text, i) => cell("th", text, i)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((content, i) => cell("td", content, i))))));
}

/** The weights of one or several models as bars to both sides of zero, a row a feature. `models` is [{ name, weights }]. */
export function weightBars(names, models, most = 10) {
  const size = (j) => Math.max(...models.map(({ weights }) => Math.abs(weights[j])));
  const shown = names.map((_, j) => j);
  if (names.length > most) shown.sort((a, b) => size(b) - size(a) || a - b).splice(most);
  const top = Math.max(0.1, ...shown.map(size));
  const bar = (weight, i) => h("i", { className: `pv-bar pv-model${i}${weight < 0 ? " pv-negative" : ""}`,
    style: `width: ${((50 * Math.abs(weight)) / top).toFixed(2)}%` });
  const whose = (name) => (models.length > 1 ? h("span", { className: "lmkit-hidden" }, `${name}: `) : null);
  const number = ({ name, weights }, j) => h("span", {}, whose(name), LABELS.reward(weights[j]));
  const head = (text) => h("th", { scope: "col" }, text);
  const rows = shown.map((j) => h("tr", {}, h("th", { scope: "row" }, names[j]),
    h("td", { className: "pv-lane", "aria-hidden": "true" }, h("div", {}, models.map(({ weights }, i) => bar(weights[j], i)))),
    h("td", { className: "lmkit-number pv-weights" }, models.map((model) => number(model, j)))));
  return [
    models.length > 1 ? h("p", { className: "pv-legend" }, models.map(({ name }, i) =>
      h("span", {}, h("i", { className: `pv-swatch pv-model${i}`, "aria-hidden": "true" }), name))) : null,
    h("table", { className: "pv-bars" }, h("caption", { className: "lmkit-hidden" }, LABELS.weights),
      h("thead", { className: "lmkit-hidden" }, h("tr", {}, head(LABELS.feature), h("td", {}), head(LABELS.weight))),
      h("tbody", {}, rows)),
    names.length > most ? h("p", { className: "lmkit-note" }, LABELS.few(most, names.length)) : null,
  ].filter(Boolean);
}
