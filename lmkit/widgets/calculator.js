// Calculator: what a job costs at every dated price, or the memory of a model and the machines with room for it.
import { announcer, choice, h, rootElement, uniqueId } from "./base.js";
import { stopsSlider, write } from "./controls.js";
import { costOf, memoryOf, parametersOf, takes } from "./calculator_math.js";
import { LABELS } from "./calculator_labels.js";

const LARGEST = 1e12;
const STOPS = [0, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288, 1048576];
const BATCHES = [1, 2, 4, 8, 16, 32, 64];

function field(label, value, onInput) {
  const id = uniqueId("field");
  const input = h("input", { type: "number", id, min: 0, step: 1, value, inputMode: "numeric", className: "ca-number", onInput });
  return { el: h("div", { className: "ca-field" }, h("label", { htmlFor: id }, label), input), input };
}

function picker(label, names, value, onChange) {
  const id = uniqueId("row");
  const select = h("select", { id, onChange: () => onChange(select.value) }, names.map((name) => h("option", { value: name, selected: name === value }, name)));
  return h("div", { className: "ca-field" }, h("label", { htmlFor: id }, label), select);
}

function tableOf(heads, caption) {
  const body = h("tbody", {});
  const el = h("table", { className: "ca-table" }, h("caption", { className: "lmkit-hidden" }, caption), h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))), body);
  return { el, body };
}

/** A whole number from a field; null where it is none. */
export function numberFrom(text) {
  return /^\d+$/.test(text.trim()) ? Number(text) : null;
}

/** What is wrong with a job, as a key of the labels; "" where nothing is. */
export function wrongWith({ read, cached, written, requests }) {
  const all = [read, cached, written, requests];
  if (all.some((n) => n === null)) return "number";
  if (all.some((n) => n > LARGEST)) return "large";
  return cached > read ? "cached" : "";
}

function costParts(rows, state, job, live) {
  const fields = Object.fromEntries(["read", "cached", "written", "requests"].map((name) => [name, field(LABELS[name], job[name], () => draw(true))]));
  const result = h("p", { className: "ca-result", "aria-live": "off" });
  const { el: table, body } = tableOf(LABELS.costHeads, LABELS.widget.cost);
  function draw(tell) {
    const now = Object.fromEntries(Object.entries(fields).map(([name, { input }]) => [name, numberFrom(input.value)]));
    const wrong = wrongWith(now);
    Object.entries(fields).forEach(([name, { input }]) => input.setAttribute("aria-invalid", String(wrong !== "" && (now[name] === null || now[name] > LARGEST || (wrong === "cached" && name === "cached")))));
    result.classList.toggle("ca-wrong", wrong !== "");
    if (wrong) {
      write(result, LABELS.wrong[wrong]);
      body.replaceChildren();
      return live.say(LABELS.wrong[wrong]);
    }
    const costs = rows.map((price) => costOf(price, now.read, now.written, now.cached));
    const mine = rows.findIndex(({ model }) => model === state.chosen);
    const { currency } = rows[mine];
    write(result, costs[mine] === null ? LABELS.unknown : LABELS.all(costs[mine] * now.requests, currency, costs[mine], now.requests));
    body.replaceChildren(...rows.map((price, i) => h("tr", { className: i === mine ? "ca-now" : "" }, h("th", { scope: "row" }, price.model), h("td", {}, LABELS.dated(price.date, price.condition)),
      costs[i] === null ? h("td", { colSpan: 2 }, LABELS.unknown) : [costs[i], costs[i] * now.requests].map((x) => h("td", { className: "lmkit-number" }, LABELS.money(x, price.currency))))));
    return tell && live.say(result.textContent);
  }
  const parts = [picker(LABELS.price, rows.map(({ model }) => model), state.chosen, (name) => {
    state.chosen = name;
    draw(true);
  }), h("div", { className: "ca-fields" }, Object.values(fields).map(({ el }) => el)), result, table];
  return { parts, draw };
}

function memoryParts(rows, machines, spare, state, live) {
  const [about, result] = [h("p", { className: "lmkit-note" }), h("p", { className: "ca-result" })];
  const { el: table, body } = tableOf(LABELS.memoryHeads, LABELS.widget.memory);
  function draw(tell) {
    const shape = rows.find(({ name }) => name === state.chosen);
    const [weights, cache] = memoryOf(shape, state.bits, state.tokens, state.batch);
    write(about, `${LABELS.parameters(parametersOf(shape))}. ${LABELS.window(shape.context)}`);
    write(result, LABELS.size(weights, cache));
    body.replaceChildren(...machines.map((machine) => {
      const share = takes(weights + cache, machine);
      return h("tr", { className: share <= 1 - spare ? "ca-fits" : "" }, h("th", { scope: "row" }, machine.name), h("td", { className: "lmkit-number" }, LABELS.gigabytes(machine.gigabytes * 1e9)),
        h("td", { className: "lmkit-number" }, LABELS.taken(share)), h("td", {}, LABELS.verdict(share, spare)));
    }));
    return tell && live.say(result.textContent);
  }
  const set = (patch) => {
    Object.assign(state, patch);
    draw(true);
  };
  const bits = choice(LABELS.bits, LABELS.bitOptions, String(state.bits), (value) => set({ bits: Number(value) }));
  const parts = [picker(LABELS.model, rows.map(({ name }) => name), state.chosen, (name) => set({ chosen: name })),
    h("div", { className: "ca-field" }, h("span", { className: "ca-label" }, LABELS.bits), bits.el),
    stopsSlider(LABELS.tokens, STOPS, state.tokens, LABELS.context, (tokens) => set({ tokens })).el,
    stopsSlider(LABELS.batch, BATCHES, state.batch, LABELS.context, (batch) => set({ batch })).el, about, result, table];
  return { parts, draw };
}

function render({ model, el }) {
  const [title, mode, rows, machines, job, spare] = ["title", "mode", "rows", "machines", "job", "spare"].map((name) => model.get(name));
  const live = announcer();
  const state = { chosen: model.get("chosen"), bits: 16, tokens: 2048, batch: 1 };
  const { parts, draw } = mode === "cost" ? costParts(rows, state, job, live) : memoryParts(rows, machines, spare, state, live);
  el.append(rootElement("section", "ca-root", title || LABELS.widget[mode], title ? h("p", { className: "lmkit-title" }, title) : null, parts, live.el));
  draw(false);
}

export default { render };
