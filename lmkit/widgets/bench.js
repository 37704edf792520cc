// The prompt bench: templates, all items asked with each, the share of right answers. This file holds what the reader has chosen and
// keeps the page free while the model answers; bench_score.js holds prompts and marks, bench_parts.js what is seen.
import { announcer, choice, h, rootElement, slider } from "./base.js";
import { bytesToLoad, failureWords, findChunks, pacer } from "./chunks.js";
import { newText } from "./tiny_model.js";
import { openStage } from "./tiny_open.js";
import { advance, newRun } from "./playground_run.js";
import { button, write } from "./controls.js";
import { compareRight, fillTemplate, hasSlot, idsOfParts, isEnough, isRight, markedPart, promptParts, wilson } from "./bench_score.js";
import { templatePart } from "./bench_parts.js";
import { LABELS } from "./bench_labels.js";

const MOST_SHOTS = 8;
const REDRAW = 80; // milliseconds between two drawings while the model answers
const GREEDY = { temperature: 0 };

async function render({ model, el }) {
  const [stage, versions, title, items, limit] = ["stage", "versions", "title", "items", "limit"].map((name) => model.get(name));
  const labels = [...new Set(items.map(([, answer]) => answer))];
  const [slots] = items[0];
  const state = { chat: model.get("chat"), shots: model.get("shots"), templates: [...model.get("templates")] };
  // Of each template: what was answered and under which conditions, and what could not be asked.
  const results = state.templates.map(() => ({ rows: [], key: "", refused: "" }));
  let [it, text, part, error, job, running, drawn, alive] = [null, null, null, null, 0, -1, 0, true];

  const live = announcer();
  const form = choice(LABELS.form, LABELS.forms, state.chat ? "chat" : "plain", (value) => change({ chat: value === "chat" }));
  const most = Math.min(MOST_SHOTS, items.length - 1);
  const shots = slider({ label: LABELS.shots, min: 0, max: most, step: 1, value: state.shots, format: LABELS.shotsWords, onInput: (k) => change({ shots: k }) });
  const go = button(LABELS.run, () => (running >= 0 ? stop() : run()), { className: "lmkit-button pb-run" });
  const progress = h("progress", { max: 1, value: 0 });
  const status = h("p", { className: "lmkit-note pb-status" }, LABELS.firstUse(bytesToLoad([stage])));
  const cards = state.templates.map((template, k) => templatePart(k + 1, template, {
    text: (value) => change({ templates: state.templates.map((old, j) => (j === k ? value : old)) }), run: () => running < 0 && run() }));
  const compared = h("div", { className: "pb-compared" });
  const rule = h("p", { className: "lmkit-note" });
  const root = rootElement("section", "pb-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null,
    h("p", { className: "lmkit-note" }, LABELS.intro(stage, items.length)),
    h("div", { className: "lmkit-row pb-ways" }, h("span", { className: "pb-label", "aria-hidden": "true" }, LABELS.form), form.el, shots.el),
    h("div", { className: "lmkit-row" }, go, h("span", { className: "lmkit-note" }, LABELS.hint), progress), status,
    h("div", { className: "pb-cards", style: `--cards: ${cards.length}` }, cards.map((card) => card.el)), compared, rule, live.el);
  el.append(root);

  // ---------------------------------------------------------------- what is asked

  const keyOf = (k) => JSON.stringify([state.templates[k], state.chat, state.shots]);
  const isStale = (k) => results[k].key !== "" && results[k].key !== keyOf(k);
  const problemOf = (k) => (hasSlot(state.templates[k], slots) ? "" : `${LABELS.noSlot(Object.keys(slots).map((name) => `{${name}}`))} ${LABELS.same}`);
  function change(patch) {
    Object.assign(state, patch);
    draw();
  }
  function stop() {
    job += 1;
    running = -1;
    draw();
    live.say(status.textContent);
  }

  // ---------------------------------------------------------------- loading and answering

  async function load() {
    if (it) return true;
    [error, part] = [null, 0];
    draw();
    const chunks = findChunks(model, stage, versions[stage]);
    try {
      it = await openStage(stage, versions[stage], chunks, (now) => {
        part = now;
        soon();
      });
      text = newText(it.model);
    } catch (reason) {
      error = reason;
      live.say(failureWords(LABELS, error));
    }
    part = null;
    return Boolean(it);
  }
  /** The model's reply to item i, asked as it was when the run began; null where it is not wanted any more. */
  async function answer({ template, chat, shots: before }, i, pause, mine) {
    const prompt = idsOfParts(promptParts(items, template, i, { chat, shots: before }), it.tokenizer);
    const { context } = it.model.shape;
    if (prompt.length >= context) return { tooLong: prompt.length, context };
    const now = newRun(it, prompt, { settings: GREEDY, seed: 0, limit }, text);
    const [, wanted] = items[i];
    let reply = "";
    while (!now.ended) {
      const wrote = now.wrote;
      advance(now);
      if (now.wrote > wrote) {
        const ids = now.ids.slice(now.given);
        reply = it.tokenizer.decode(now.ended === "end" ? ids.slice(0, -1) : ids);
        if (!chat && isEnough(reply, wanted)) break;
      }
      await pause();
      if (mine !== job) return null;
    }
    const asked = fillTemplate(template, items[i][0]);
    const ended = now.ended === "end";
    return { name: Object.values(items[i][0]).join(", "), text: markedPart(reply, wanted, chat) + (chat && !ended ? "…" : ""), ended, wanted,
      right: isRight(reply, ended, wanted, labels, asked, chat) };
  }
  async function run() {
    const mine = ++job;
    running = 0;
    root.dataset.running = true; // at once: what waits for the end must not see the last one
    draw();
    if (!(await load()) || mine !== job || !alive) {
      if (mine === job && alive) {
        running = -1;
        draw();
      }
      return;
    }
    const pause = pacer();
    const asked = cards.map((_, k) => ({ template: state.templates[k], chat: state.chat, shots: state.shots, key: keyOf(k), problem: problemOf(k) }));
    results.forEach((result, k) => Object.assign(result, { rows: [], key: asked[k].key, refused: "" }));
    for (const k of cards.keys()) {
      running = k;
      if (asked[k].problem) continue;
      for (const i of items.keys()) {
        const found = await answer(asked[k], i, pause, mine);
        if (!found || !alive) return;
        if (found.tooLong) {
          Object.assign(results[k], { rows: [], refused: LABELS.tooLong(found.tooLong, found.context) });
          break;
        }
        results[k].rows.push(found);
        soon();
      }
    }
    running = -1;
    draw();
    live.say(cards.map((_, k) => LABELS.said(k + 1, wordsOf(k))).join(" "));
  }

  // ---------------------------------------------------------------- words and drawing

  const rightOf = (k) => results[k].rows.map(({ right }) => right);
  const refusedOf = (k) => (isStale(k) ? "" : results[k].refused);
  const isWhole = (k) => results[k].rows.length === items.length && !isStale(k);
  function wordsOf(k) {
    const done = results[k].rows.length;
    if (problemOf(k) || refusedOf(k)) return "";
    if (isStale(k)) return LABELS.stale;
    if (!done) return LABELS.waiting;
    return LABELS.result(rightOf(k).filter(Boolean).length, done);
  }
  function statusWords() {
    if (error) return failureWords(LABELS, error);
    if (part !== null) return part < 1 ? LABELS.loading(part) : LABELS.starting;
    if (!it) return LABELS.firstUse(bytesToLoad([stage]));
    const [done, all] = [results.reduce((sum, { rows }) => sum + rows.length, 0), items.length * cards.length];
    if (running >= 0) return LABELS.running(done, all);
    return results.every(({ rows, refused }, k) => refused || problemOf(k) || rows.length === items.length) ? "" : LABELS.stopped(done, all);
  }
  function promptOf(k) {
    if (problemOf(k)) return "";
    return promptParts(items, state.templates[k], 0, state).map((one) => (typeof one === "string" ? one : one[0])).join("");
  }
  function soon() {
    if (performance.now() - drawn > REDRAW) draw();
  }
  function draw() {
    if (!alive) return;
    drawn = performance.now();
    write(go, running >= 0 ? LABELS.stop : LABELS.run);
    write(status, statusWords());
    status.classList.toggle("lmkit-error", Boolean(error));
    const done = results.reduce((sum, { rows }) => sum + rows.length, 0) / (items.length * cards.length);
    progress.style.visibility = running >= 0 ? "" : "hidden";
    progress.value = part ?? done;
    progress.setAttribute("aria-label", status.textContent || LABELS.run);
    cards.forEach((card, k) => {
      const { rows } = results[k];
      const right = rightOf(k).filter(Boolean).length;
      const share = rows.length ? { share: right / rows.length, interval: wilson(right, rows.length) } : null;
      card.set({ problem: problemOf(k) || refusedOf(k), words: wordsOf(k), share, note: share ? LABELS.share(share.share, share.interval) : "",
        prompt: promptOf(k), rows, stale: isStale(k) });
    });
    const pairs = cards.flatMap((_, a) => cards.map((__, b) => [a, b])).filter(([a, b]) => a < b && isWhole(a) && isWhole(b));
    compared.replaceChildren(...pairs.map(([a, b]) => h("p", {}, LABELS.compare(a + 1, b + 1, compareRight(rightOf(a), rightOf(b))))));
    write(rule, LABELS.rule(state.chat));
    Object.assign(root.dataset, { running: running >= 0, done: results.map((_, k) => (isWhole(k) ? rightOf(k).filter(Boolean).length : "")).join(",") });
  }

  draw();
  return () => {
    alive = false;
    job += 1;
  };
}

export default { render };
