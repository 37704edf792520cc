// What both views of the sampling widget are built from: sliders, bars, tables.
import { csvField, h, shortToken, toggle, uniqueId, unpack, visibleToken } from "./base.js";
import { write } from "./controls.js";
import { percent, share, whole } from "./numbers.js";
import { LABELS } from "./sampling_labels.js";

export const FEW = 15, MANY = 40; // tokens in the chart

/** A slider and a number field for one setting, kept equal. `at` lists the values where the slider stops. */
export function control({ label, at, step, value, words, onInput }) {
  const id = uniqueId("control");
  const range = h("input", { type: "range", id, min: 0, max: at.length - 1, step: 1 });
  const number = h("input", { type: "number", min: at[0], max: at.at(-1), step, "aria-label": LABELS.valueOf(label) });
  const note = h("span", { className: "sv-words" });
  const nearest = (v) => at.reduce((best, x, i) => (Math.abs(x - v) < Math.abs(at[best] - v) ? i : best), 0);
  const show = (v, typing) => {
    range.value = nearest(v);
    if (!typing) number.value = v;
    write(note, words(v));
    range.setAttribute("aria-valuetext", `${v}, ${words(v)}`);
    range.style.setProperty("--sv-fill", `${(100 * range.value) / Math.max(1, at.length - 1)}%`);
    value = v;
  };
  const valid = (v) => number.value !== "" && v >= at[0] && v <= at.at(-1) && (step !== 1 || Number.isInteger(v));
  const change = (v, typing) => {
    if (v === value) return;
    show(v, typing);
    onInput(v);
  };
  range.addEventListener("input", () => change(at[range.value], false));
  number.addEventListener("input", () => valid(number.valueAsNumber) && change(number.valueAsNumber, true));
  number.addEventListener("change", () => (number.value = value));
  show(value, false);
  const el = h("div", { className: "sv-control" }, h("label", { htmlFor: id }, label), note, number, range);
  return { el, set: (v) => show(v, document.activeElement === number && number.valueAsNumber === v) };
}

/** One token of the chart: its name, two bars with a frame over them, and the numbers. */
function barRow() {
  const name = h("span", { className: "sv-name lmkit-token" });
  const bars = ["before", "after", "drawn"].map((kind) => h("i", { className: `sv-bar sv-${kind}` }));
  const why = h("span", { className: "sv-why" });
  const before = h("span", { className: "sv-number sv-faint" });
  const after = h("span", { className: "sv-number" });
  const count = h("span", { className: "sv-count" });
  const track = h("span", { className: "sv-track", "aria-hidden": "true" }, bars);
  const el = h("li", { className: "sv-row" }, name, h("span", { className: "sv-lane" }, track, why),
    h("span", { className: "sv-numbers" }, before, after), count);
  const set = (row, place) => {
    write(name, row.aggregate ? row.token : shortToken(row.token, 16));
    name.title = row.aggregate ? "" : visibleToken(row.token);
    name.classList.toggle("lmkit-token", !row.aggregate);
    [row.before, row.after, row.drawn].forEach((p, i) => {
      bars[i].hidden = !p;
      bars[i].style.width = `${100 * place(p ?? 0)}%`;
    });
    write(before, row.before === null ? "" : percent(row.before));
    write(after, row.reason ? "" : percent(row.after));
    write(why, row.reason);
    write(count, row.mark || (row.count ? `× ${whole(row.count)}` : ""));
    el.classList.toggle("sv-removed", Boolean(row.reason));
    el.classList.toggle("sv-chosen", Boolean(row.mark));
    el.classList.toggle("sv-aggregate", Boolean(row.aggregate));
    if (row.mark) el.setAttribute("aria-current", "true");
    else el.removeAttribute("aria-current");
  };
  return { el, set };
}

/** The list of bars with its axis and legend. `legend` holds [class, text] pairs. */
export function barChart(label, legend) {
  const list = h("ol", { className: "sv-bars", "aria-label": label });
  const scale = h("div", { className: "sv-axis", "aria-hidden": "true" }, h("span", {}), h("span", {}), h("span", {}));
  const key = h("p", { className: "sv-legend" },
    legend.map(([kind, text]) => h("span", {}, h("i", { className: `sv-swatch sv-${kind}`, "aria-hidden": "true" }), text)));
  const rows = [];
  const draw = (data, { place, ticks }) => {
    while (rows.length > data.length) rows.pop().el.remove();
    while (rows.length < data.length) {
      rows.push(barRow());
      list.append(rows.at(-1).el);
    }
    data.forEach((row, i) => rows[i].set(row, place));
    ticks.forEach((p, i) => write(scale.children[i], share(p)));
  };
  const lanes = legend.length > 1 ? "sv-chart" : "sv-chart sv-single";
  return { el: h("div", { className: lanes }, key, scale, list), draw };
}

/** The chart's two switches. `state` holds `shown` and `logarithmic`. */
export function chartSwitches(state, redraw) {
  const more = button(LABELS.more, () => {
    state.shown = state.shown === FEW ? MANY : FEW;
    more.textContent = state.shown === FEW ? LABELS.more : LABELS.fewer;
    redraw();
  });
  const logarithmic = toggle(LABELS.logScale, false, (on) => {
    state.logarithmic = on;
    redraw();
  });
  return { el: h("div", { className: "lmkit-row sv-switches" }, more, logarithmic.el), more };
}

export function figure(label) {
  const value = h("b", {}), note = h("span", { className: "sv-faint" });
  const set = (text, more = "") => {
    write(value, text);
    write(note, more);
  };
  return { el: h("div", { className: "sv-figure" }, h("span", { className: "sv-label" }, label), value, note), set };
}

export function table(headings, rows, numeric) {
  const cell = (tag, text, i) => h(tag, { className: numeric.includes(i) ? "lmkit-number" : "", scope: tag === "th" ? "col" : null },
    i === 1 && tag === "td" ? h("span", { className: "lmkit-token" }, text) : text);
  return h("div", { className: "sv-scroll", tabIndex: 0, role: "region", "aria-label": LABELS.details }, h("table", {},
    h("thead", {}, h("tr", {}, headings.map((text, i) => cell("th", text, i)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((text, i) => cell("td", text, i)))))));
}

export function toCsv(rows) {
  return rows.map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
}

export async function openJson(view) {
  return JSON.parse(new TextDecoder().decode(await unpack(view, "uint8")));
}
