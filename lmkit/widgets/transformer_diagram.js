// The diagram: one box for each step, along the residual stream. The same geometry runs down a wide page and across a narrow one.
import { h, s } from "./base.js";
import { LABELS, STEPS } from "./transformer_labels.js";

const SIDE = ["norm", "qkv", "rotary", "scores", "softmax", "values", "heads", "norm2", "mlp"]; // beside the stream, in a branch
const [BLOCK_FROM, BLOCK_TO] = ["norm", "added2"].map((id) => STEPS.findIndex((one) => one.id === id));
const TURNED = { left: "top", top: "left", width: "height", height: "width" };

/** Where everything stands, with the stream running downwards: boxes {left, top, width, height}, the frame, and paths as lists of points. */
export function diagramGeometry({ breadth, box, gap, indent, head }) {
  const boxes = [];
  let top = 1;
  STEPS.forEach(({ id }, i) => {
    if (i === BLOCK_FROM) top += head;
    const left = SIDE.includes(id) ? indent : id.startsWith("added") ? 6 : 0;
    boxes.push({ left, top, width: breadth - left - (i >= BLOCK_FROM && i <= BLOCK_TO ? 6 : 0), height: box });
    top += box + gap + (i === BLOCK_TO ? gap : 0);
  });
  const [first, last] = [boxes[BLOCK_FROM], boxes[BLOCK_TO]];
  const frame = { left: 1, top: first.top - head, width: breadth - 2, height: last.top + box + gap / 2 - first.top + head };
  const stream = indent / 2 + 3;
  const bottom = ({ top: at, height }) => at + height;
  const paths = [[[stream, bottom(boxes[0])], [stream, top - gap - box / 2]]];
  STEPS.forEach(({ id }, i) => {
    const [own, before] = [boxes[i], boxes[i - 1]];
    const middle = own.top + own.height / 2;
    if (id === "norm" || id === "norm2") paths.push([[stream, own.top - gap / 2], [stream, middle], [own.left, middle]]);
    else if (i > BLOCK_FROM && i <= BLOCK_TO) paths.push([[indent + 24, bottom(before)], [indent + 24, own.top]]);
  });
  return { boxes, frame, paths, length: top - gap, breadth };
}

/** The same with the stream running to the right. */
export function turnedGeometry({ boxes, frame, paths, length, breadth }) {
  const swap = (one) => Object.fromEntries(Object.entries(one).map(([name, value]) => [TURNED[name], value]));
  return { boxes: boxes.map(swap), frame: swap(frame), paths: paths.map((path) => path.map(([x, y]) => [y, x])), length, breadth, across: true };
}

export const shapeText = (shape) => `[${shape.join(", ")}]`;

/** The boxes as a list of buttons over the lines; `go(step)` is called when one is pressed. */
export function diagramPart(sizes, go) {
  const buttons = STEPS.map(({ name, shape }, i) => h("button", { type: "button", className: "tf-box", onClick: () => go(i) },
    h("span", { className: "tf-box-name" }, name(sizes)), h("span", { className: "tf-box-shape" }, shapeText(shape(sizes)))));
  const frameName = h("p", { className: "tf-frame-name" });
  const lines = s("svg", { class: "tf-lines", "aria-hidden": "true" });
  const list = h("ol", { className: "tf-boxes" }, buttons.map((button) => h("li", null, button)));
  const inner = h("div", { className: "tf-diagram-inner" }, lines, frameName, list);
  const el = h("nav", { className: "tf-diagram", "aria-label": LABELS.steps }, inner);
  let geometry = null;

  const place = ({ left, top, width, height }) => `left:${left}px;top:${top}px;width:${width}px;height:${height}px`;
  const resize = (across) => {
    const sizes = across ? { breadth: 86, box: 104, gap: 14, indent: 22, head: 22 } : { breadth: 238, box: 32, gap: 6, indent: 28, head: 24 };
    geometry = across ? turnedGeometry(diagramGeometry(sizes)) : diagramGeometry(sizes);
    const [width, height] = across ? [geometry.length, geometry.breadth] : [geometry.breadth, geometry.length];
    inner.style.cssText = `width:${width + 1}px;height:${height + 1}px`;
    buttons.forEach((button, i) => (button.style.cssText = place(geometry.boxes[i])));
    const { left, top, width: wide, height: high } = geometry.frame;
    frameName.style.cssText = across ? `left:${left + 3}px;top:${top + 2}px;height:${high - 6}px` : `left:${left + 8}px;top:${top + 1}px;width:${wide - 12}px`;
    lines.setAttribute("viewBox", `0 0 ${width + 1} ${height + 1}`);
    for (const [name, value] of [["width", width + 1], ["height", height + 1]]) lines.setAttribute(name, value);
    lines.replaceChildren(
      s("rect", { class: "tf-frame", x: left, y: top, width: wide, height: high, rx: 8 }),
      ...geometry.paths.map((points, i) => s("path", { class: i ? "tf-branch" : "tf-stream", d: `M${points.map((point) => point.join(" ")).join("L")}` })),
    );
  };
  const set = (step, block) => {
    frameName.textContent = geometry?.across ? LABELS.frameShort(block) : LABELS.frame(block, sizes.blocks);
    buttons.forEach((button, i) => (i === step ? button.setAttribute("aria-current", "step") : button.removeAttribute("aria-current")));
    if (!geometry?.across) return;
    const { left, width } = geometry.boxes[step];
    el.scrollLeft = Math.max(0, left + width / 2 - el.clientWidth / 2);
  };
  return { el, resize, set, has: (node) => buttons.includes(node), focus: (step) => buttons[step].focus({ preventScroll: true }) };
}
