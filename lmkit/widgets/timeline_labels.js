// Every word that the timeline shows or says: translate this file, and it speaks another language.
import { whole } from "./numbers.js";

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const UNITS = [[1e12, "trillion", "T"], [1e9, "billion", "B"], [1e6, "million", "M"], [1e3, "thousand", "K"]];

export const LABELS = {
  widget: "Timeline",
  kinds: { idea: "Idea", paper: "Paper", system: "System", model: "Model", product: "Product", hardware: "Hardware" },
  kindGroup: "Kinds of events",
  search: "Search",
  searchHint: "name, year, words",
  disagree: "Only where an introduction errs",
  mode: "Parameters",
  chart: (shown, from, to) => `Timeline of ${shown} events from ${from} to ${to}`,
  chartParameters: (shown) => `Parameters of ${shown} models over time, on a logarithmic axis`,
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  left: "Earlier",
  right: "Later",
  all: "Show all",
  uneven: "Recent years have more room. Drag to move, click to pick. Pinch, or click and turn the wheel, to zoom. Keys: arrows pick, + and − zoom, 0 shows all.",
  even: "Years are evenly spaced, parameters logarithmic. A hollow mark: a mixture of experts, of which each token uses a part.",
  counted: (shown, total) => (shown === total ? `${whole(total)} events` : `${whole(shown)} of ${whole(total)} events`),
  unsized: (n) => (n ? `, ${whole(n)} more without a published number` : ""),
  nothing: "No event fits. Empty the search, or switch a kind on.",
  line: "100 million",
  previous: "Previous",
  next: "Next",
  of: (i, n) => `${whole(i)} of ${whole(n)}`,
  card: "The event",
  none: "Pick an event.",
  date: (date) => {
    const [year, month, day] = date.split("-").map(Number);
    return [day, month && MONTHS[month - 1], year].filter(Boolean).join(" ");
  },
  tick: ({ year, month }) => (month ? `${MONTHS[month].slice(0, 3)} ${year}` : String(year)),
  count: (n) => {
    const unit = UNITS.find(([size]) => n >= size && size > 1e3);
    return unit ? `${Number((n / unit[0]).toPrecision(4))} ${unit[1]}` : whole(n);
  },
  short: (n) => {
    const unit = UNITS.find(([size]) => n >= size);
    return unit ? `${n / unit[0]} ${unit[2]}` : String(n);
  },
  facts: { parameters: "Parameters", architecture: "Kind of model", organisation: "By", source: "Source", dated: "Dated by" },
  datedLine: (dated, checked) => `${dated}; checked with ${checked}`,
  saidHead: "What the introductions said",
  verdicts: { right: ["✓", "right"], imprecise: ["≈", "imprecise"], wrong: ["✗", "wrong"] },
  errata: (ids) => `Correction${ids.length > 1 ? "s" : ""} ${ids.join(", ")}`,
  marks: "✗ an introduction is wrong about it, ≈ imprecise",
  list: "All of these events as a list",
  heads: ["Date", "Event", "Kind", "Parameters", "Said"],
  worst: (verdict) => ({ right: "✓ right", imprecise: "≈ imprecise", wrong: "✗ wrong", "": "" })[verdict],
  said: (title, date, kind, i, n) => `${title}, ${date}, ${kind}. ${i} of ${n}`,
};
