// What the bench is built from: a template with its result, and the list of its answers.
import { h, s, uniqueId } from "./base.js";
import { write } from "./controls.js";
import { LABELS } from "./bench_labels.js";

const LONGEST = 400; // characters of a template, as in bench.py

/** A share with its interval on a scale from 0 to 1. */
function scale() {
  const [band, mark] = [s("rect", { y: 7, height: 10, rx: 2, className: "pb-band" }), s("rect", { y: 3, width: 3, height: 18, rx: 1, className: "pb-mark" })];
  const ticks = [0, 25, 50, 75, 100].map((x) => s("path", { d: `M${x * 2 + 2} 7v10`, className: "pb-tick" }));
  const title = s("title", {});
  const el = s("svg", { viewBox: "0 0 204 24", preserveAspectRatio: "none", className: "pb-scale", role: "img" }, title,
    s("rect", { x: 2, y: 10, width: 200, height: 4, rx: 2, className: "pb-track" }), ticks, band, mark);
  const set = (share, [low, high]) => {
    band.setAttribute("x", 2 + 200 * low);
    band.setAttribute("width", 200 * (high - low));
    mark.setAttribute("x", 0.5 + 200 * share);
    const text = LABELS.share(share, [low, high]);
    if (title.textContent !== text) title.textContent = text;
  };
  return { el, set };
}

/** One template: its text, how it went, what the model read, its answers. `on.text`, `on.run`. */
export function templatePart(k, text, on) {
  const [id, errorId] = [uniqueId("template"), uniqueId("error")];
  const box = h("textarea", { id, rows: 3, maxLength: LONGEST, spellcheck: false, autocomplete: "off", "aria-describedby": errorId,
    onInput: ({ isComposing }) => !isComposing && on.text(box.value), onCompositionend: () => on.text(box.value),
    onKeydown: (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing || event.keyCode === 229) return; // 229: an input method is at work
      event.preventDefault();
      on.run();
    } });
  box.value = text;
  const problem = h("p", { id: errorId, className: "pb-problem" });
  const [big, small] = [h("p", { className: "pb-result" }), h("p", { className: "lmkit-note pb-share" })];
  const bar = scale();
  const read = h("pre", { className: "pb-read", tabIndex: 0, role: "region", "aria-label": LABELS.prompt });
  const list = h("ol", { className: "pb-answers", tabIndex: 0, "aria-label": LABELS.answers(k) });
  const el = h("section", { className: "pb-card", "aria-label": LABELS.template(k) }, h("label", { htmlFor: id, className: "pb-label" }, LABELS.template(k)),
    box, problem, big, bar.el, small, h("p", { className: "lmkit-note" }, LABELS.prompt), read, list);
  let shown = [];
  const row = ({ name, text: reply, ended, right, wanted }) => h("li", { className: right ? "pb-right" : "pb-wrong" },
    h("span", { className: "pb-sign", "aria-hidden": "true" }, right ? "✓" : "✗"),
    h("span", { className: "pb-words" }, h("span", { className: "lmkit-note" }, `${name}: `), h("b", {}, reply.trim() || (ended ? LABELS.endedAtOnce : LABELS.nothing)),
      h("span", { className: "lmkit-hidden" }, ` (${right ? LABELS.right : LABELS.wrong})`),
      right ? null : h("span", { className: "lmkit-note" }, ` ${LABELS.wanted(wanted)}`)));
  /** `rows` are what was answered so far; those that stand there already are left alone. */
  const set = ({ problem: wrong, words, note, share, prompt, rows, stale }) => {
    write(problem, wrong);
    box.setAttribute("aria-invalid", String(Boolean(wrong)));
    write(big, words);
    write(small, note);
    bar.el.style.visibility = share ? "" : "hidden";
    if (share) bar.set(share.share, share.interval);
    write(read, prompt);
    el.classList.toggle("pb-stale", stale);
    if (rows !== shown || rows.length < list.children.length) list.replaceChildren();
    list.append(...rows.slice(list.children.length).map(row));
    shown = rows;
  };
  return { el, box, set };
}
