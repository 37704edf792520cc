// What every widget shares: opening packed arrays, building DOM without HTML strings, colours, keyboard-friendly controls,
// the random numbers of NumPy. It knows nothing about attention, sampling or any other subject, and nothing about Jupyter.

// ---------------------------------------------------------------- data

async function inflateRaw(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}

function halfToFloat(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Opens what Python's `pack` wrote. `view` is a DataView or a typed array; float16 arrives as Float32Array. */
export async function unpack(view, dtype) {
  const buffer = await inflateRaw(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  if (dtype === "uint8") return new Uint8Array(buffer);
  if (dtype === "float32") return new Float32Array(buffer);
  if (dtype === "int32") return new Int32Array(buffer);
  if (dtype === "float16") return Float32Array.from(new Uint16Array(buffer), halfToFloat);
  throw new Error(`unpack: unknown dtype ${dtype}`);
}

/** MT19937 as `numpy.random.RandomState(seed).random_sample()`: returns a function giving doubles in [0, 1). */
export function mt19937(seed) {
  const N = 624, M = 397;
  const state = new Uint32Array(N);
  state[0] = seed >>> 0;
  for (let i = 1; i < N; i++) {
    const previous = state[i - 1] ^ (state[i - 1] >>> 30);
    state[i] = Math.imul(1812433253, previous) + i;
  }
  let at = N;
  const twist = () => {
    for (let i = 0; i < N; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
      state[i] = state[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  const next32 = () => {
    if (at === N) twist();
    let y = state[at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return () => ((next32() >>> 5) * 67108864 + (next32() >>> 6)) / 9007199254740992;
}

// ---------------------------------------------------------------- text

const CONTROL = { "\n": "↵", "\r": "␍", "\t": "⇥", " ": "␣" };

/** A token with its edges made visible: outer spaces, line breaks and control characters get a sign; '' becomes ∅. */
export function visibleToken(text) {
  if (text === "") return "∅";
  const inner = text.replace(/[\n\r\t]/g, (c) => CONTROL[c])
    .replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/\u007f/g, "␡")
    .replace(/[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) => (c === "\u200d" ? c : `⟨${c.codePointAt(0).toString(16)}⟩`));
  return inner.replace(/^ +| +$/g, (run) => CONTROL[" "].repeat(run.length));
}

/** `visibleToken` cut to `most` user-perceived characters (emoji with modifiers stay whole). */
export function shortToken(text, most = 12) {
  const whole = visibleToken(text);
  const parts = globalThis.Intl?.Segmenter
    ? Array.from(new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(whole), (s) => s.segment)
    : Array.from(whole);
  return parts.length > most ? parts.slice(0, most - 1).join("") + "…" : whole;
}

/** For drawing on a canvas: keeps right-to-left text from reordering its neighbours. */
export function isolated(text) {
  return `\u2068${text}\u2069`;
}

// ---------------------------------------------------------------- DOM

const SVG_NS = "http://www.w3.org/2000/svg";

function fill(element, props, children) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2).toLowerCase(), value);
    else if (key === "style") element.style.cssText = value;
    else if (key in element && key !== "list" && key !== "form" && !(element instanceof SVGElement)) element[key] = value;
    else element.setAttribute(key === "className" ? "class" : key, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** Builds an element; strings among the children become text nodes, never HTML. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG_NS, tag), props, children);
}

/** A widget's outermost element, under the name that a screen reader says. In JupyterLab no key pressed in it is a shortcut:
 *  there, arrow keys would move between cells. */
export function rootElement(tag, className, name, ...children) {
  const props = { className: `lmkit ${className}`, "aria-label": name, "data-lm-suppress-shortcuts": "true" };
  return h(tag, tag === "div" ? { ...props, role: "group" } : props, children);
}

let nextId = 0;
export function uniqueId(stem) {
  nextId += 1;
  return `lmkit-${stem}-${nextId}`;
}

/** A labelled range input with its value beside it. `format` turns the value into words for eye and screen reader. */
export function slider({ label, min, max, step, value, format = String, onInput }) {
  const id = uniqueId("slider");
  const output = h("output", { htmlFor: id, className: "lmkit-value" });
  const input = h("input", { type: "range", id, min, max, step });
  const show = () => {
    output.textContent = format(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const set = (v) => {
    input.value = v;
    show();
  };
  input.addEventListener("input", () => {
    show();
    onInput(Number(input.value));
  });
  set(value);
  return { el: h("div", { className: "lmkit-slider" }, h("label", { htmlFor: id }, label), input, output), input, set };
}

/** A toggle button (`aria-pressed`). */
export function toggle(label, pressed, onChange) {
  const button = h("button", { type: "button", className: "lmkit-button" }, label);
  const set = (on) => button.setAttribute("aria-pressed", String(on));
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    set(on);
    onChange(on);
  });
  set(pressed);
  return { el: button, set };
}

/** A group of buttons of which one is pressed; arrow keys move inside the group. */
export function choice(label, options, value, onChange) {
  const buttons = options.map(([key, text]) =>
    h("button", { type: "button", className: "lmkit-button", role: "radio", value: key, onClick: () => pick(key, true) }, text));
  const el = h("div", { className: "lmkit-choice", role: "radiogroup", "aria-label": label }, buttons);
  const set = (key) => buttons.forEach((b) => {
    b.setAttribute("aria-checked", String(b.value === key));
    b.tabIndex = b.value === key ? 0 : -1;
  });
  const pick = (key, tell) => {
    set(key);
    if (tell) onChange(key);
  };
  el.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = buttons.findIndex((b) => b.getAttribute("aria-checked") === "true");
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.focus();
    pick(next.value, true);
  });
  set(value);
  return { el, set };
}

/** A polite live region; `say(text)` reads it out, the newest text only. */
export function announcer() {
  const el = h("div", { className: "lmkit-hidden", role: "status", "aria-live": "polite" });
  let timer = 0;
  const say = (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => (el.textContent = text), 150);
  };
  return { el, say };
}

/** Hands the reader a file made in the page. */
export function download(name, content, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** One CSV field: quoted where needed, and never a formula for a spreadsheet. */
export function csvField(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** `#layer=13&head=8` as an object of strings. */
export function readHash() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

export function writeHash(values) {
  try {
    history.replaceState(null, "", `#${new URLSearchParams(values)}`);
  } catch {
    // A sandboxed frame (Colab, VS Code) may refuse; the widget works without its address.
  }
}

// ---------------------------------------------------------------- colours

const COLOURS = ["ink", "paper", "muted", "line", "soft", "accent", "accent-2", "focus"];

/** The colours in force at `el`, resolved for a canvas: {ink, paper, muted, line, soft, accent, accent2, focus} as [r, g, b]. */
export function theme(el) {
  const probe = h("span", { style: "display:none" });
  el.append(probe);
  const colours = {};
  for (const name of COLOURS) {
    probe.style.color = `var(--lm-${name})`;
    colours[name.replace("-2", "2")] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? [0, 0, 0]).slice(0, 3).map(Number);
  }
  probe.remove();
  return colours;
}

export function rgb(colour, alpha = 1) {
  return `rgba(${colour.map(Math.round).join(",")},${alpha})`;
}

/** A mixture of two colours; t = 0 gives `a`, t = 1 gives `b`. */
export function mix(a, b, t) {
  return a.map((v, i) => v + (b[i] - v) * t);
}

/** Calls `callback` when the page or the system changes between light and dark. Returns a function that stops it. */
export function onTheme(callback) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(callback);
  const attributes = { attributes: true, attributeFilter: ["data-theme", "theme", "class", "data-jp-theme-light"] };
  observer.observe(document.documentElement, attributes);
  observer.observe(document.body, attributes);
  media.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", callback);
  };
}

export function reducedMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Sizes a canvas for sharp drawing and returns its context, scaled so that one unit is one CSS pixel. */
export function sharpContext(canvas, width, height) {
  const ratio = Math.min(globalThis.devicePixelRatio || 1, 3);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
