// The reader's labels: kept in the browser, told to the kernel, undone, saved as files and read back. No drawing.
import { csvField } from "./base.js";
import { checkedLabels, pairsOf, shownOrder } from "./preference_model.js";
import { LABELS } from "./preference_labels.js";
import { parsed, shelfOf } from "./shelf.js";

const FORMAT = "lmkit preferences", VERSION = 1;
const CHANGED = "lmkit-labels"; // to other views in this window; other windows hear of it by "storage"

const listOf = (labels) => labels.flatMap((ranking, item) => (ranking ? [{ item, ranking }] : []));
const sameAs = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** What stands in a file or in storage: { labels by item, bad: entries that make no sense } or { problem }. */
export function opened(text, items, digest) {
  const record = parsed(text);
  if (record === undefined) return { problem: "notJson" };
  if (record?.format !== FORMAT || record.version !== VERSION || !Array.isArray(record.labels)) return { problem: "notLabels" };
  if (record.digest !== digest) return { problem: "otherItems" };
  return checkedLabels(record.labels, items);
}

/** Holds the labels. `onChange(note)` is called after each change that did not come from the caller. */
export function createStore(model, onChange) {
  const items = model.get("items"), digest = model.get("digest"), key = model.get("key"), seed = model.get("seed");
  const name = `lmkit.preferences.${key}.${digest}`;
  const shelf = shelfOf(name), past = [], notes = [], self = {};
  const given = checkedLabels(model.get("labels"), items).labels;
  let labels = given, aside = null;

  const record = (list) => ({ format: FORMAT, version: VERSION, key, digest, seed, labels: list });
  const tellKernel = () => {
    if (sameAs(model.get("labels"), listOf(labels))) return;
    model.set("labels", listOf(labels));
    model.save_changes();
  };
  const keep = () => {
    const kept = JSON.stringify(record(listOf(labels)));
    if (!shelf.write(kept)) note(LABELS.noStorage);
    window.dispatchEvent(new CustomEvent(CHANGED, { detail: { name, text: kept, from: self } }));
    tellKernel();
  };
  const note = (words) => notes.includes(words) || notes.push(words);
  const replace = (next, remember = true) => {
    if (sameAs(next, labels)) return;
    if (remember) past.push(labels);
    labels = next;
  };

  const restore = () => {
    const stored = shelf.read();
    if (!shelf.works()) note(LABELS.noStorage);
    if (stored === null) return;
    const found = opened(stored, items, digest);
    if (found.problem) return void note(LABELS.damaged(0));
    if (found.bad) note(LABELS.damaged(found.bad));
    labels = found.labels;
    if (listOf(given).length && !sameAs(given, labels)) aside = given;
    else if (listOf(labels).length) note(LABELS.restored(listOf(labels).length));
    tellKernel();
  };
  /** Another view or window has changed the same labels. */
  const follow = (newer) => {
    const found = newer ? opened(newer, items, digest) : { problem: "notJson" };
    if (found.problem || sameAs(found.labels, labels)) return;
    replace(found.labels);
    tellKernel();
    onChange();
  };
  const onStorage = (event) => event.key === name && follow(event.newValue);
  const onView = ({ detail }) => detail.name === name && detail.from !== self && follow(detail.text);
  const onKernel = () => {
    const next = checkedLabels(model.get("labels"), items).labels;
    if (sameAs(next, labels)) return;
    replace(next);
    aside = null;
    keep();
    onChange();
  };
  restore();
  window.addEventListener("storage", onStorage);
  window.addEventListener(CHANGED, onView);
  model.on("change:labels", onKernel);

  return {
    get labels() { return labels; },
    get aside() { return aside && listOf(aside).length; },
    get canUndo() { return past.length > 0; },
    notes,
    set(item, ranking) {
      replace(labels.map((old, i) => (i === item ? ranking : old)));
      keep();
    },
    clear() {
      replace(labels.map(() => null));
      keep();
    },
    undo() {
      replace(past.pop(), false);
      keep();
    },
    takeGiven() {
      replace(aside);
      aside = null;
      keep();
    },
    /** The labels of a file go over the present ones; `bad` or `problem` says why nothing was loaded. */
    load(content) {
      const found = opened(content, items, digest);
      if (found.problem || found.bad) return found;
      const kept = labels.filter((old, i) => old && !found.labels[i]).length;
      replace(labels.map((old, i) => found.labels[i] ?? old));
      keep();
      return { count: listOf(found.labels).length, kept };
    },
    json() {
      const full = listOf(labels).map((label) => ({ ...label, prompt: items[label.item].prompt, answers: items[label.item].answers }));
      return `${JSON.stringify(record(full), null, 1)}\n`;
    },
    csv() {
      const rows = labels.flatMap((ranking, item) => {
        const { prompt, answers } = items[item];
        const order = shownOrder(seed, item, answers.length);
        const position = (answer) => order.indexOf(answer) + 1;
        return pairsOf(ranking ?? []).map(([a, b]) => [item, prompt, answers[a], answers[b], position(a), position(b)]);
      });
      return [LABELS.csv, ...rows].map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
    },
    stop() {
      window.removeEventListener("storage", onStorage);
      window.removeEventListener(CHANGED, onView);
      model.off("change:labels", onKernel);
    },
  };
}
