// A sentence read one token at a time: what each model expected, and the chain rule with its factors and their product.
// First arithmetic, then the parts, then the widget, which holds the place that the reader has come to.
import { announcer, h, rootElement, shortToken, slider, visibleToken } from "./base.js";
import { decimals, percent, short } from "./numbers.js";
import { LABELS } from "./token_step_labels.js";

const BEFORE = 3; // tokens of the context that are written into a factor
const MINUS = "−";

// ---------------------------------------------------------------- arithmetic

/** After each token: the sum of the logarithms so far, nats. */
export function runningLogs(probabilities) {
  let sum = 0;
  return probabilities.map((p) => (sum += Math.log(p)));
}

/** exp(log) in words: also where it is too small for a number of 64 bits. */
export function power(log) {
  if (log === -Infinity) return "0";
  if (log > Math.log(0.001)) return short(Math.exp(log));
  let exponent = Math.floor(log / Math.LN10);
  let digits = Math.exp(log - exponent * Math.LN10).toFixed(2);
  if (digits === "10.00") [digits, exponent] = ["1.00", exponent + 1];
  return `${digits}e${MINUS}${-exponent}`;
}

/** The perplexity of n tokens whose logarithms sum to `log`. */
export function perplexity(log, n) {
  const x = Math.exp(-log / n);
  return Number.isFinite(x) ? short(x) : "∞";
}

/** The rows of a step: the most probable tokens, the one that came wherever it ranks, and the rest as one number. */
export function rowsOf({ p, top }, token) {
  const rows = top.map(([text, share]) => ({ text, p: share, came: text === token }));
  if (!rows.some((row) => row.came)) rows.push({ text: token, p, came: true, below: true });
  const left = 1 - rows.reduce((sum, row) => sum + row.p, 0);
  return { rows, left: left < 5e-6 ? 0 : left };
}

/** A factor as a formula; a long context is cut to its last tokens. */
export function factor(tokens, i, most = BEFORE) {
  const before = tokens.slice(Math.max(0, i - most), i).map((token) => shortToken(token, 16));
  return LABELS.conditional(shortToken(tokens[i], 16), (i > most ? ["…", ...before] : before).join(" "));
}

// ---------------------------------------------------------------- the parts

/** The sentence, one button a token; those not read yet are blanks of the same width. */
function sentence(tokens, go) {
  const buttons = tokens.map((token, i) => h("button", { type: "button", className: "ts-token lmkit-token", onClick: () => go(i) },
    h("span", {}, visibleToken(token))));
  const set = (at) => buttons.forEach((button, i) => {
    const words = i > at ? LABELS.later(i + 1, tokens.length) : LABELS.shown(i + 1, tokens.length, visibleToken(tokens[i]));
    button.setAttribute("aria-label", words);
    button.classList.toggle("ts-later", i > at);
    button.tabIndex = i === at ? 0 : -1;
    if (i === at) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
  const el = h("p", { className: "ts-sentence", role: "group", "aria-label": LABELS.sentence }, buttons);
  return { el, set, focus: (at) => buttons[at].focus({ preventScroll: true }), has: (node) => buttons.includes(node) };
}

/** One row of bars; a row may stay empty so that the height is the same at every step. */
function barRow() {
  const name = h("span", { className: "ts-name lmkit-token" }), bar = h("i", { className: "ts-bar" });
  const number = h("span", { className: "ts-number" });
  const el = h("li", { className: "ts-row" }, name, h("span", { className: "ts-lane", "aria-hidden": "true" }, bar), number);
  const set = (row) => {
    el.classList.toggle("ts-empty", !row);
    el.classList.toggle("ts-came", Boolean(row?.came));
    el.classList.toggle("ts-below", Boolean(row?.below));
    if (row?.came) el.setAttribute("aria-current", "true");
    else el.removeAttribute("aria-current");
    name.textContent = row ? shortToken(row.text, 18) : "";
    name.title = row ? visibleToken(row.text) : "";
    bar.style.width = `${100 * (row?.p ?? 0)}%`;
    number.textContent = row ? percent(row.p) : "";
  };
  return { el, set };
}

/** What a model expected: its bars, what is left for all other tokens, and a note where there is one. */
function card({ name, steps }, tokens) {
  const most = Math.max(...steps.map((step, i) => rowsOf(step, tokens[i]).rows.length));
  const rows = Array.from({ length: most }, barRow);
  const others = h("span", { className: "ts-number" }), bar = h("i", { className: "ts-bar" });
  const list = h("ol", { className: "ts-bars" }, rows.map((row) => row.el));
  const rest = h("p", { className: "ts-row ts-rest" }, h("span", { className: "ts-name" }, LABELS.others),
    h("span", { className: "ts-lane", "aria-hidden": "true" }, bar), others);
  const notes = steps.map((step) => h("p", { className: "lmkit-note" }, step.note ?? "")); // one above the other: the longest makes the height
  const el = h("section", { className: "ts-card", "aria-label": name }, h("p", { className: "ts-model" }, name), list, rest,
    steps.some((step) => step.note) ? h("div", { className: "ts-notes" }, notes) : null);
  const set = (at) => {
    const { rows: shown, left } = rowsOf(steps[at], tokens[at]);
    list.setAttribute("aria-label", LABELS.expects(name, visibleToken(tokens[at])));
    rows.forEach((row, i) => row.set(shown[i]));
    others.textContent = percent(left);
    bar.style.width = `${100 * left}%`;
    notes.forEach((note, i) => note.classList.toggle("ts-now", i === at));
  };
  return { el, set };
}

/** The chain rule as a table: a factor a row, a model a column; below, what they come to. */
function chain(tokens, models) {
  const number = (text) => h("td", { className: "lmkit-number" }, text);
  const written = ({ p, fraction }) => [fraction ? h("span", { className: "ts-fraction" }, `${fraction} = `) : null, percent(p)];
  const rows = tokens.map((_, i) => h("tr", {}, h("th", { scope: "row", title: factor(tokens, i, Infinity) }, factor(tokens, i)),
    models.map(({ steps }) => number(written(steps[i])))));
  const sums = [LABELS.product, LABELS.logprob, LABELS.perplexity].map((text) => h("tr", {}, h("th", { scope: "row" }, text), models.map(() => number(""))));
  const region = h("div", { className: "ts-scroll", tabIndex: 0, role: "region", "aria-label": LABELS.chain },
    h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, LABELS.factor), models.map(({ name }) => h("th", { scope: "col", className: "lmkit-number" }, name)))),
      h("tbody", {}, rows), h("tfoot", {}, sums)));
  const logs = models.map(({ steps }) => runningLogs(steps.map(({ p }) => p)));
  const figures = (k, at) => [power(logs[k][at]), decimals(logs[k][at]), perplexity(logs[k][at], at + 1)];
  const set = (at) => {
    rows.forEach((row, i) => {
      row.classList.toggle("ts-later", i > at);
      row.classList.toggle("ts-now", i === at);
      row.setAttribute("aria-hidden", String(i > at));
    });
    models.forEach((_, k) => figures(k, at).forEach((text, n) => (sums[n].children[k + 1].textContent = text)));
    const [head, foot] = [region.querySelector("thead"), region.querySelector("tfoot")].map((part) => part.offsetHeight);
    const { offsetTop: top, offsetHeight: height } = rows[at];
    if (top + height > region.scrollTop + region.clientHeight - foot) region.scrollTop = top + height - region.clientHeight + foot;
    if (top < region.scrollTop + head) region.scrollTop = top - head;
  };
  return { el: region, set, figures };
}

// ---------------------------------------------------------------- the widget

function render({ model, el }) {
  const [title, tokens, models] = [model.get("title"), model.get("tokens"), model.get("models")];
  const live = announcer(), last = tokens.length - 1;
  let at = Math.max(0, Math.min(last, model.get("start")));
  const text = sentence(tokens, (to) => go(to));
  const button = (label, onClick) => h("button", { type: "button", className: "lmkit-button", onClick }, label);
  const back = button(`← ${LABELS.back}`, () => go(at - 1)), next = button(`${LABELS.next} →`, () => go(at + 1));
  const place = slider({ label: LABELS.place, min: 0, max: last, step: 1, value: at, format: (i) => LABELS.at(i + 1, tokens.length), onInput: (i) => go(i) });
  const cards = models.map((one) => card(one, tokens)), rule = chain(tokens, models);
  const root = rootElement("section", "ts-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null,
    text.el, h("div", { className: "ts-controls" }, back, next, place.el), h("p", { className: "lmkit-note" }, LABELS.hint),
    h("div", { className: "ts-cards", "data-count": models.length, role: "group", "aria-label": LABELS.models }, cards.map((one) => one.el)),
    rule.el, live.el);
  el.append(root);

  const draw = () => {
    [text, ...cards, rule, place].forEach((part) => part.set(at));
    back.setAttribute("aria-disabled", String(at === 0));
    next.setAttribute("aria-disabled", String(at === last));
    root.dataset.at = at;
  };
  const say = () => live.say(LABELS.said(LABELS.shown(at + 1, tokens.length, visibleToken(tokens[at])), models.map(({ name, steps }, k) => {
    const [product, , mean] = rule.figures(k, at);
    return LABELS.value(name, steps[at].p, product, mean);
  })));
  const go = (to) => {
    const inside = Math.max(0, Math.min(last, to));
    if (inside === at) return;
    const focused = text.has(document.activeElement) || text.has(root.getRootNode().activeElement);
    at = inside;
    draw();
    say();
    if (focused) text.focus(at);
  };
  root.addEventListener("keydown", (event) => {
    if (event.target === place.input || event.target === rule.el || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
  });
  draw();
  const observer = new ResizeObserver(() => rule.set(at));
  observer.observe(root);
  return () => observer.disconnect();
}

export default { render };
