// Controls that several widgets share, beside those of base.js.
import { h, slider } from "./base.js";

export function button(text, onClick, props = {}) {
  return h("button", { type: "button", className: "lmkit-button", onClick, ...props }, text);
}

/** Writing the same text again would make the browser lay out the page again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A slider that stops at listed values, none below 0; one that is not listed stays exact until the reader moves it. */
export function stopsSlider(label, list, value, format, onInput) {
  const off = (i, x) => Math.abs(Math.log((list[i] + 1e-4) / (x + 1e-4)));
  const nearest = (x) => list.reduce((best, _, i) => (off(i, x) < off(best, x) ? i : best), 0);
  const made = slider({ label, min: 0, max: list.length - 1, step: 1, value: nearest(value), format: (i) => format(list[i]), onInput: (i) => onInput(list[i]) });
  const set = (x) => {
    made.set(nearest(x));
    made.el.querySelector("output").textContent = format(x);
    made.input.setAttribute("aria-valuetext", format(x));
  };
  set(value);
  return { ...made, set };
}
