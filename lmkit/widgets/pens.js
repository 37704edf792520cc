// Pens: one drawing routine serves the screen, PNG and SVG. Paths are SVG path strings, which canvases read too.
import { h, isolated, mix, rgb, s, uniqueId } from "./base.js";

export const FONT = '12px system-ui, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "PingFang SC", sans-serif';

export const box = (x, y, width, height) => `M${x} ${y}h${width}v${height}h${-width}z`;

/** A label in two parts: the sign of its leading space, drawn faintly, and the rest. */
function markAndRest(label) {
  const mark = /^␣(?=[^␣])/.exec(label)?.[0] ?? "";
  return [mark, isolated(label.slice(mark.length))];
}

/** Colour follows the square root of a weight, so that small weights can be told apart; the legend's ticks say so. */
export function shade(weight) {
  return Math.sign(weight) * Math.sqrt(Math.abs(weight));
}

/** −1 … 1 in steps of 1/255 as colours, from `negative` over `zero` to `positive`, and the same as pixels in memory. */
export function colourRamp(zero, positive, negative) {
  const colours = Array.from({ length: 511 }, (_, i) => {
    const level = shade((i - 255) / 255);
    return mix(zero, level < 0 ? negative : positive, Math.abs(level)).map(Math.round);
  });
  return { colours, pixels: Uint32Array.from(colours, ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r) };
}

export const levelOf = (weight) => (weight * 255 + 255.5) | 0; // rounds; several times as fast as Math.round on a quarter million

/** One pixel a weight; `image` may be one that is used again, which spares a long text a megabyte a head. */
export function heatImage(matrix, columns, ramp, image = new ImageData(columns, matrix.length / columns)) {
  const [pixels, colours] = [new Uint32Array(image.data.buffer), ramp.pixels];
  for (let i = 0; i < matrix.length; i++) pixels[i] = colours[levelOf(matrix[i])];
  return image;
}

function heatCanvas(matrix, columns, ramp) {
  const canvas = h("canvas", { width: columns, height: matrix.length / columns });
  canvas.getContext("2d").putImageData(heatImage(matrix, columns, ramp), 0, 0);
  return canvas;
}

export function canvasPen(context) {
  const pen = {
    at(x, y, draw) {
      context.save();
      context.translate(x, y);
      draw(pen);
      context.restore();
    },
    path(d, { fill, stroke, width = 1, dash = [], alpha = 1 }) {
      const path = new Path2D(d);
      context.globalAlpha = alpha;
      if (fill) {
        context.fillStyle = fill;
        context.fill(path);
      }
      if (stroke) {
        Object.assign(context, { strokeStyle: stroke, lineWidth: width });
        context.setLineDash(dash);
        context.stroke(path);
        context.setLineDash([]);
      }
      context.globalAlpha = 1;
    },
    hatch(d, [x, y, width, height], { stroke, fill }) {
      context.save();
      context.clip(new Path2D(d));
      pen.path(`M${x} ${y}h${width}v${height}h${-width}z`, { fill });
      let lines = "";
      for (let at = 6; at < width + height; at += 6) lines += `M${x + at} ${y}l${-height} ${height}`;
      pen.path(lines, { stroke });
      context.restore();
    },
    text(x, y, label, { fill, anchor = "start", turn = 0, bold = false, halo }) {
      const [mark, rest] = markAndRest(label);
      context.save();
      context.translate(x, y);
      context.rotate((turn * Math.PI) / 180);
      const font = bold ? `600 ${FONT}` : FONT;
      Object.assign(context, { font, fillStyle: fill, textBaseline: "middle", textAlign: "left", direction: "ltr" });
      const [a, b] = [mark ? context.measureText(mark).width : 0, context.measureText(rest).width];
      const start = { start: 0, middle: -(a + b) / 2, end: -(a + b) }[anchor];
      if (halo) {
        context.fillStyle = halo;
        context.fillRect(start - 3, -9, a + b + 6, 18);
        context.fillStyle = fill;
      }
      context.fillText(rest, start + a, 0);
      context.globalAlpha = 0.4;
      if (mark) context.fillText(mark, start, 0);
      context.restore();
    },
    heat(x, y, cell, matrix, columns, ramp) {
      context.imageSmoothingEnabled = false;
      context.drawImage(heatCanvas(matrix, columns, ramp), x, y, columns * cell, (matrix.length / columns) * cell);
    },
  };
  return pen;
}

export function svgPen(width, height) {
  const id = uniqueId("hatch");
  const lines = s("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  const root = s("svg", { width, height, viewBox: `0 0 ${width} ${height}` }, s("defs", null, lines));
  root.setAttribute("style", `font: ${FONT}`);
  let into = root;
  const pen = {
    at(x, y, draw) {
      const outer = into;
      into = outer.appendChild(s("g", { transform: `translate(${x} ${y})` }));
      draw(pen);
      into = outer;
    },
    path(d, { fill = "none", stroke, width: thickness, dash, alpha: opacity }) {
      into.append(s("path", { d, fill, stroke, opacity, "stroke-width": thickness, "stroke-dasharray": dash?.join(" ") || null }));
    },
    hatch(d, _box, { stroke, fill }) {
      lines.replaceChildren(s("rect", { width: 6, height: 6, fill }), s("path", { d: "M0 0v6", stroke, "stroke-width": 2 }));
      into.append(s("path", { d, fill: `url(#${id})` }));
    },
    text(x, y, label, { fill, anchor = "start", turn = 0, bold = false }) {
      const [mark, rest] = markAndRest(label).map((part) => (part.toWellFormed?.() ?? part).replace(/[\ufffe\uffff]/g, "\ufffd"));
      const place = { transform: `translate(${x} ${y}) rotate(${turn})`, "text-anchor": anchor, "dominant-baseline": "central" };
      const signs = mark && s("tspan", { opacity: 0.4 }, mark);
      into.append(s("text", { ...place, fill, "font-weight": bold ? 600 : null }, signs, rest));
    },
    heat(x, y, cell, matrix, columns, ramp) {
      const paths = new Map(); // one path a colour, so that 512 tokens stay a file of a few megabytes
      matrix.forEach((weight, i) => {
        const level = levelOf(weight);
        if (level === 255) return;
        const square = `M${x + (i % columns) * cell} ${y + Math.floor(i / columns) * cell}h${cell}v${cell}h${-cell}z`;
        paths.set(level, (paths.get(level) ?? "") + square);
      });
      pen.path(box(x, y, columns * cell, (matrix.length / columns) * cell), { fill: rgb(ramp.colours[255]) });
      for (const [level, d] of paths) pen.path(d, { fill: rgb(ramp.colours[level]) });
    },
    source: () => new XMLSerializer().serializeToString(root),
  };
  return pen;
}
