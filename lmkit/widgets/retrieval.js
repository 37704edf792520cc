// A collection of passages, searched in the page: the map with the question in it, ranks by three searches, a passage, the prompt. This
// file holds what the reader has chosen; the searches are in retrieval_search.js, the picture in retrieval_map.js.
import { announcer, h, onTheme, reducedMotion, rootElement, sharpContext, theme, unpack } from "./base.js";
import { pacer } from "./chunks.js";
import { write } from "./controls.js";
import { cosines, openVectors, placeOf, vectorOf } from "./embedding_math.js";
import { homeOf, nearestTo, onStage, reachOf } from "./embedding_map.js";
import { bestRank, filled, fuse, hasHan, keywordScores, marked, newIndex, orderOf, partsOf, ranksOf, termsOf } from "./retrieval_search.js";
import { drawAsked, drawPassages, towards } from "./retrieval_map.js";
import { askPart, legendPart, listPart, promptPart, readPart } from "./retrieval_parts.js";
import { LABELS } from "./retrieval_labels.js";

const ROWS = 10; // passages in the list; as many as a prompt can hold
const NEAR_POINT = { mouse: 14, touch: 24 };
const GLIDE = 420; // milliseconds in which the question moves to its new place
const SNIPPET = 90; // characters of a passage in the list
const WAYS_OF = ["dense", "keyword", "both"];

async function openCollection(model) {
  const json = async (name) => JSON.parse(new TextDecoder().decode(await unpack(model.get(name), "uint8")));
  const whole = async (name) => new Int8Array((await unpack(model.get(name), "uint8")).buffer);
  const [rows, questions, frame] = [await json("passages"), await json("questions"), await unpack(model.get("frame"), "float32")];
  const open = async (numbers, factors) =>
    openVectors(await whole(numbers), await unpack(model.get(factors), "float16"), model.get("step"), frame, model.get("width"));
  const [documents, kinds] = [model.get("documents"), model.get("kinds")];
  const passages = rows.map(([text, from, start, end]) => ({ text, from, start, end, document: documents[from], kind: kinds[from] }));
  return { passages, questions, space: await open("vectors", "factors"), asked: await open("query_vectors", "query_factors") };
}

async function render({ model, el }) {
  const title = model.get("title");
  const live = announcer();
  const root = rootElement("section", "rt-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null);
  el.append(root);
  const { passages, questions, space, asked } = await openCollection(model);
  const { n, d, places } = space;
  const index = newIndex(passages.map(({ text }) => text), model.get("bm25"));
  const kinds = passages.map(({ kind }) => kind);
  const [counts, totals] = [model.get("documents").map(() => 0), model.get("groups").map(() => 0)];
  const numbers = passages.map(({ from }) => (counts[from] += 1)); // of each passage in its document, from 1
  kinds.forEach((kind) => (totals[kind] += 1));
  const most = Math.min(ROWS, n);
  const state = { at: 0, text: questions[0].text, by: model.get("by"), k: model.get("k"), picked: 0, hover: -1, from: null };
  const points = { x: new Float32Array(n), y: new Float32Array(n), near: new Float32Array(n) };
  let [found, ranks, camera, colours, size, flight, started, alive] = [null, null, null, null, [0, 0], 0, 0, true];

  // ---------------------------------------------------------------- searching

  /** { scores, order, ranks } of each search for a text; `at` is the prepared question whose vector is known, or −1. */
  const searched = (text, at) => {
    const made = (scores, order) => ({ scores, order, ranks: ranksOf(order, n) });
    const scores = keywordScores(index, text);
    const keyword = made(scores, orderOf(scores, 0));
    if (at < 0) return { dense: null, keyword, both: null };
    const cosine = cosines(space, vectorOf(asked, at));
    const dense = made(cosine, orderOf(cosine));
    const fused = fuse([dense.order, keyword.order], n, model.get("fusion"));
    return { dense, keyword, both: made(fused.scores, fused.order) };
  };
  const wayNow = () => (state.at < 0 ? "keyword" : state.by);
  const best = () => found[wayNow()].order.slice(0, state.k);
  const right = () => (state.at < 0 ? null : questions[state.at].right);
  const nameOf = (i) => LABELS.chunk(passages[i].document, numbers[i], counts[passages[i].from]);

  // ---------------------------------------------------------------- what stands on the page

  const ask = askPart(questions, { by: state.by, k: state.k, most }, {
    question: (at) => put(questions[at].text, at), text: (text) => put(text, questions.findIndex((one) => one.text === text)),
    by: (by) => {
      state.by = by;
      lookUp(true);
    },
    k: (k) => {
      state.k = k;
      lookUp(true, false);
    },
  });
  const [back, front] = [h("canvas", { "aria-hidden": "true" }), h("canvas", { "aria-hidden": "true" })];
  const stage = h("div", { className: "rt-stage", role: "application", tabIndex: 0, "aria-label": LABELS.map(n, state.k) }, back, front);
  const overlap = h("p", { className: "lmkit-note rt-overlap" });
  const list = listPart(most, (i) => pick(i));
  const verdict = h("p", { className: "rt-verdict" });
  const sums = h("p", { className: "lmkit-note rt-totals" });
  const read = readPart((way) => pick(state.picked + way));
  const prompt = promptPart(async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      live.say(LABELS.copied);
    } catch {
      getSelection().selectAllChildren(root.querySelector(".rt-prompt")); // where a page may not write there, the text is chosen
    }
  });
  root.append(ask.el,
    h("div", { className: "rt-two" },
      h("div", {}, stage, overlap, h("p", { className: "lmkit-note" }, LABELS.honest(model.get("variance"), d), " ", LABELS.mapHint), legendPart(model.get("groups"), totals)),
      h("div", {}, verdict, list.el, sums)),
    h("div", { className: "rt-two rt-texts" }, read.el, prompt.el), h("p", { className: "lmkit-note" }, LABELS.rounding(model.get("error"))), live.el);

  // ---------------------------------------------------------------- words

  const saying = () => {
    const [marks, way] = [right(), wayNow()];
    if (!marks) return state.at < 0 ? "" : LABELS.verdict.unknown;
    if (!marks.length) return LABELS.verdict.cut;
    const at = Object.fromEntries(WAYS_OF.map((one) => [one, bestRank(found[one].ranks, marks)]));
    if (at[way] && at[way] <= state.k) return LABELS.verdict.hit(state.k);
    return LABELS.verdict.miss(state.k, WAYS_OF.map((one) => LABELS.place(one, at[one])).join(", "));
  };
  const addUp = () => {
    const known = ranks?.filter(Boolean) ?? [];
    sums.hidden = !questions.some((one) => one.right);
    if (!ranks) return write(sums, LABELS.counting);
    const within = (way) => known.filter((one) => one[way] && one[way] <= state.k).length;
    const parts = WAYS_OF.map((way) => LABELS.sum(way, within(way), known.length));
    return write(sums, `${LABELS.sums(known.length, state.k)} ${parts.join(", ")}.`);
  };
  const open = () => {
    const { text, document, start, end } = passages[state.picked];
    const terms = new Set(termsOf(state.text));
    const dense = found.dense ? `${LABELS.dense(found.dense.scores[state.picked])} ` : "";
    read.set({ parts: marked(text, terms), place: LABELS.where(document, start, end), first: state.picked === 0, last: state.picked === n - 1,
      scores: dense + LABELS.bm25(found.keyword.scores[state.picked], partsOf(index, state.text, state.picked)) });
    list.pick(state.picked);
    root.dataset.picked = state.picked;
  };
  const assemble = () => {
    const taken = best();
    const form = model.get("prompts")[hasHan(state.text) ? "han" : "latin"][taken.length - 1];
    const parts = taken.length ? filled(form, state.text, taken.map((i) => passages[i])) : [];
    const length = [...parts.map(({ text }) => text).join("")].length;
    prompt.set(taken.length ? LABELS.prompt(taken.length, length) : LABELS.noPrompt, parts);
  };
  const rows = () => {
    const way = wayNow();
    const ofWay = (one, i) => ({ rank: found[one]?.ranks[i] ?? 0, score: found[one]?.scores[i] ?? 0 });
    return found[way].order.slice(0, most).map((i, at) => ({ i, rank: at + 1, kind: kinds[i], title: passages[i].document,
      number: numbers[i], text: passages[i].text.slice(0, SNIPPET), right: Boolean(right()?.includes(i)), taken: at < state.k,
      ways: Object.fromEntries(WAYS_OF.map((one) => [one, ofWay(one, i)])) }));
  };

  // ---------------------------------------------------------------- asking and choosing

  const questionPlace = () => (state.at < 0 || !camera ? null : onStage(camera, placeOf(space, vectorOf(asked, state.at))));
  /** Everything that follows from the question, the way and k. */
  const lookUp = (told, first = true) => {
    const order = found[wayNow()].order;
    if (first && order.length) state.picked = order[0];
    const missing = !state.text.trim() ? LABELS.empty : order.length ? "" : `${LABELS.nothing} `;
    const words = state.at >= 0 ? LABELS.hint : missing + LABELS.newQuestion(model.get("encoder"));
    ask.set({ at: state.at, text: state.text, way: wayNow(), words });
    list.set(wayNow(), rows(), state.picked);
    write(verdict, saying());
    verdict.classList.toggle("rt-hit", Boolean(right()?.length) && saying() === LABELS.verdict.hit(state.k));
    addUp();
    open();
    assemble();
    stage.setAttribute("aria-label", LABELS.map(n, state.k));
    Object.assign(root.dataset, { at: state.at, way: wayNow(), k: state.k, first: order[0] ?? -1 });
    paint();
    if (told) live.say(order.length ? LABELS.said(wayNow(), nameOf(order[0]), saying()) : LABELS.saidNone);
  };
  const put = (text, at) => {
    state.from = state.at >= 0 ? gliding() : null;
    Object.assign(state, { text, at });
    found = searched(text, at);
    started = state.from && at >= 0 && !reducedMotion() ? performance.now() : 0;
    lookUp(true);
  };
  const pick = (i, told = false) => {
    state.picked = i;
    open();
    paintFront();
    if (told) live.say(`${nameOf(i)}. ${passages[i].text.slice(0, SNIPPET)}`);
  };

  // ---------------------------------------------------------------- drawing

  /** Where the question is drawn now, on its way to its place. */
  const gliding = () => {
    const goal = questionPlace();
    if (!goal || !started || !state.from) return goal;
    const t = Math.min(1, (performance.now() - started) / GLIDE);
    const eased = t * t * (3 - 2 * t);
    return goal.map((x, k) => state.from[k] + (x - state.from[k]) * eased);
  };
  const paintFront = () => {
    cancelAnimationFrame(flight);
    if (!camera || !alive) return;
    const place = gliding();
    const goal = questionPlace();
    let circle = 0;
    if (goal) {
      const away = Float64Array.from(points.x, (x, i) => -Math.hypot(x - goal[0], points.y[i] - goal[1]));
      const nearest = orderOf(away).slice(0, state.k);
      circle = -away[nearest.at(-1)] + 5;
      const shared = nearest.filter((i) => found.dense.ranks[i] <= state.k).length;
      write(overlap, LABELS.overlap(shared, state.k, d));
    } else write(overlap, LABELS.nowhere);
    const moving = started && performance.now() - started < GLIDE;
    drawAsked(front.getContext("2d"), size, points, { place, found: best(), right: right() ?? [], picked: state.picked, hover: state.hover,
      circle: moving ? 0 : circle, name: state.hover >= 0 ? nameOf(state.hover) : "", mark: LABELS.mark }, colours);
    root.dataset.moving = Boolean(moving);
    if (moving) flight = requestAnimationFrame(paintFront);
    else started = 0;
  };
  const paint = () => {
    if (!camera) return;
    drawPassages(back.getContext("2d"), size, points, kinds, new Set(best()), colours);
    paintFront();
  };
  const reach = reachOf(Float32Array.of(...places, ...asked.places));
  const fit = () => {
    const room = [stage.clientWidth, stage.clientHeight];
    if (!room[0]) return;
    size = room;
    camera = homeOf(reach, true, ...size);
    for (let i = 0; i < n; i++) [points.x[i], points.y[i]] = onStage(camera, places.subarray(3 * i, 3 * i + 3));
    for (const canvas of [back, front]) {
      const context = sharpContext(canvas, ...size);
      context.lmRatio = context.getTransform().a;
    }
    started = 0;
    dress();
  };
  const dress = () => {
    const probe = h("span", { style: "display:none" });
    root.append(probe);
    const tones = Array.from({ length: 8 }, (_, colour) => {
      probe.className = `rt-kind${colour}`;
      return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
    });
    probe.remove();
    colours = { ...theme(root), tones, family: getComputedStyle(root).fontFamily };
    paint();
  };

  // ---------------------------------------------------------------- hands

  const spot = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left - stage.clientLeft, event.clientY - box.top - stage.clientTop];
  };
  const under = (event) => nearestTo(points, () => true, spot(event), NEAR_POINT[event.pointerType] ?? NEAR_POINT.mouse);
  const hover = (i) => {
    if (i === state.hover) return;
    state.hover = i;
    stage.style.cursor = i >= 0 ? "pointer" : "";
    paintFront();
  };
  stage.addEventListener("pointermove", (event) => event.pointerType === "mouse" && camera && hover(under(event)));
  stage.addEventListener("pointerleave", () => hover(-1));
  stage.addEventListener("click", (event) => {
    const i = camera ? under(event) : -1;
    if (i >= 0) pick(i, true);
  });
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !camera) return;
    const next = arrows[event.key] ? towards(points, state.picked, arrows[event.key]) : event.key === "Home" ? best()[0] ?? -1 : null;
    if (next === null) return;
    event.preventDefault();
    if (next < 0) return;
    state.hover = next;
    pick(next, true);
  });
  stage.addEventListener("blur", () => hover(-1));

  // ---------------------------------------------------------------- the whole

  found = searched(state.text, 0);
  lookUp(false);
  fit();
  const observer = new ResizeObserver(() => stage.clientWidth !== size[0] && fit());
  observer.observe(root);
  const stopTheme = onTheme(() => camera && dress());
  const countAll = async () => {
    const pause = pacer();
    const counted = [];
    for (const [at, { text, right: marks }] of questions.entries()) {
      if (marks) {
        const all = searched(text, at);
        counted.push(Object.fromEntries(WAYS_OF.map((way) => [way, bestRank(all[way].ranks, marks)])));
        await pause();
        if (!alive) return;
      } else counted.push(null);
    }
    ranks = counted;
    addUp();
    root.dataset.counted = true;
  };
  setTimeout(() => alive && countAll());
  return () => {
    alive = false;
    observer.disconnect();
    stopTheme();
    cancelAnimationFrame(flight);
  };
}

export default { render };
