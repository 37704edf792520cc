// An agent's runs replayed: what it thought, did and saw, and the text that the model had at every step.
// This file holds the run and the step that the reader has come to; the parts draw them.
import { announcer, choice, h, rootElement, slider, unpack } from "./base.js";
import { comparePart, legendPart, plainText, promptPart, spentPart, transcriptPart } from "./agent_parts.js";
import { button, write } from "./controls.js";
import { LABELS } from "./agent_labels.js";

const PACE = 1600; // milliseconds that a step stays when they play by themselves

async function render({ model, el }) {
  const runs = JSON.parse(new TextDecoder().decode(await unpack(model.get("runs"), "uint8")));
  const [title, unit] = [model.get("title"), model.get("unit")];
  const live = announcer();
  let which = 0, at = 0, timer = 0;
  const last = () => runs[which].steps.length - 1;

  const pick = runs.length > 1 ? choice(LABELS.runs, runs.map((run, i) => [String(i), run.title]), "0", (key) => chooseRun(Number(key))) : null;
  const back = button(`← ${LABELS.back}`, () => go(at - 1)), next = button(`${LABELS.next} →`, () => go(at + 1));
  const play = button(LABELS.play, () => (timer ? pause() : start()), { className: "lmkit-button ag-play" }); // not there where motion is unwanted
  let place = null; // one for each run: their lengths differ
  const spot = h("div", { className: "ag-place" });
  const outcome = h("span", { className: "ag-outcome" }), spent = spentPart(unit);
  const cards = transcriptPart((to) => go(to)), prompt = promptPart(), table = comparePart(runs, unit);
  const root = rootElement("section", "ag-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null,
    pick?.el, h("div", { className: "ag-controls" }, back, next, play, spot), h("p", { className: "lmkit-note ag-hint" }, LABELS.hint),
    spent.el,
    h("div", { className: "ag-body" },
      h("section", {}, h("p", { className: "ag-title" }, h("span", { "aria-hidden": "true" }, LABELS.transcript), outcome), cards.el), prompt.el),
    legendPart(), table.el, live.el);
  el.append(root);

  const draw = () => {
    const run = runs[which], step = run.steps[at];
    cards.set(at);
    prompt.set(step);
    place.set(at);
    table.set(which);
    spent.set(step.counts);
    write(outcome, at === last() ? LABELS.outcome(LABELS.signs[run.outcome], LABELS.outcomes[run.outcome]) : "");
    back.setAttribute("aria-disabled", String(at === 0));
    next.setAttribute("aria-disabled", String(at === last()));
    [root.dataset.run, root.dataset.at] = [which, at];
  };
  const say = () => {
    const { kind, text } = runs[which].steps[at];
    live.say(LABELS.said(runs.length > 1 ? runs[which].title : "", LABELS.at(at + 1, last() + 1), LABELS.kinds[kind], plainText(text).slice(0, 200)));
  };
  const pause = () => {
    clearInterval(timer);
    timer = 0;
    write(play, LABELS.play);
  };
  const start = () => {
    if (at === last()) move(0);
    timer = setInterval(() => (at < last() ? move(at + 1) : pause()), PACE);
    write(play, LABELS.pause);
  };
  const move = (to) => {
    const inside = Math.max(0, Math.min(last(), to));
    if (inside === at) return;
    const focused = cards.has(root.getRootNode().activeElement);
    at = inside;
    draw();
    say();
    if (focused) cards.focus(at);
  };
  const go = (to) => {
    pause();
    move(to);
  };
  const chooseRun = (to) => {
    pause();
    which = to;
    loadRun();
    say();
  };
  const loadRun = () => {
    at = Math.min(at, last());
    cards.load(runs[which].steps);
    place = slider({ label: LABELS.place, min: 0, max: last(), step: 1, value: at, format: (i) => LABELS.at(i + 1, last() + 1), onInput: go });
    spot.replaceChildren(place.el);
    draw();
  };
  root.addEventListener("keydown", (event) => {
    if (event.target === place.input || event.target.role === "radio" || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last() }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
  });
  loadRun();
  return pause;
}

export default { render };
