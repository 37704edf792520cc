// A recorded generation, step by step.
import { announcer, download, h, s, visibleToken } from "./base.js";
import { axis } from "./sampling_warp.js";
import { decimals, percent, share, whole } from "./numbers.js";
import { LABELS } from "./sampling_labels.js";
import { button } from "./controls.js";
import { barChart, chartSwitches, FEW, openJson, table, toCsv } from "./sampling_parts.js";

/** Entropy as a line and surprise as dots, both in nats: on average surprise equals entropy if the model is right. */
function entropyCurve(steps, at, onPick) {
  const width = 600, height = 84, top = Math.max(1, ...steps.map((step) => Math.max(step.entropy, -(step.logprob ?? 0))));
  const x = (i) => ((i + 0.5) / steps.length) * width;
  const y = (v) => height - 4 - (Math.min(v, top) / top) * (height - 12);
  const line = steps.map((step, i) => `${x(i).toFixed(1)},${y(step.entropy).toFixed(1)}`).join(" ");
  const pick = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    onPick(Math.min(steps.length - 1, Math.floor(((event.clientX - box.left) / box.width) * steps.length)));
  };
  const caption = LABELS.curve(decimals(top, 1));
  const frame = { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": caption };
  const svg = s("svg", { ...frame, className: "sv-curve", onClick: pick },
    s("rect", { x: (at / steps.length) * width, y: 0, width: width / steps.length, height, className: "sv-cursor" }),
    s("path", { d: `M0 ${height - 4}H${width}`, className: "sv-base" }),
    s("polyline", { points: line }),
    steps.map((step, i) => s("path", { d: `M${x(i)} ${y(-(step.logprob ?? -top))}h0`, className: "sv-dot" })));
  return [svg, h("p", { className: "lmkit-note" }, caption)];
}

function factList(heading, facts) {
  const lines = facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  return h("div", {}, h("p", { className: "sv-heading" }, heading), h("dl", {}, lines));
}

/** How strongly a token is shaded, 0 to 1: the more surprising, the darker. */
function shade(probability) {
  return Math.min(1, -Math.log(probability) / 7);
}

/** Running sums of the log-probabilities: `sums[i]` includes token i. */
export function runningSums(logprobs) {
  let total = 0;
  return logprobs.map((x) => (total += x ?? -Infinity));
}

const IDLE = { num_beams: 1, repetition_penalty: 1 }; // settings that change nothing are not mentioned

function describeSettings({ seed, max_new_tokens: _, ...settings }) {
  const drawn = settings.temperature !== null ? { ...settings, seed } : settings;
  const shown = Object.entries(drawn).filter(([key, value]) => value !== null && LABELS.settings[key] && !(key in IDLE && IDLE[key] === value))
    .map(([key, value]) => `${LABELS.settings[key]} ${value}`);
  if (settings.temperature === null) shown.unshift(settings.num_beams > 1 ? LABELS.beams : LABELS.greedy);
  return shown.join(", ");
}

/** The token as it stands in running text: its spaces are spaces, everything invisible in it has a sign. */
function runningText(token) {
  const inner = token.trim() === "" ? "" : token.match(/^ */)[0];
  return inner + visibleToken(token.slice(inner.length));
}

const probabilityOf = (step) => (step.logprob === null ? 0 : Math.exp(step.logprob));

/** The text, one button a token, shaded by probability. Arrow keys, Home and End move along it. */
function tokenText(prompt, steps, go) {
  let at = 0;
  const buttons = steps.map((step, i) => h("button", { type: "button", className: "sv-token sv-shaded lmkit-token", onClick: () => go(i),
    style: `--sv-shade: ${shade(probabilityOf(step))}`,
    "aria-label": LABELS.tokenName(i + 1, steps.length, visibleToken(step.token), percent(probabilityOf(step))) }, runningText(step.token)));
  const onKeydown = (event) => {
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: steps.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
    buttons[at].focus();
  };
  const el = h("p", { className: "sv-text", role: "group", "aria-label": LABELS.generation, onKeydown },
    h("span", { className: "sv-given" }, prompt), buttons.map((b, i) => [b, steps[i].token.endsWith("\n") ? h("br") : null]));
  const set = (to) => {
    at = to;
    buttons.forEach((b, i) => {
      b.tabIndex = i === at ? 0 : -1;
      b.setAttribute("aria-pressed", String(i === at));
    });
  };
  return { el, set, name: (i) => buttons[i].getAttribute("aria-label") };
}

/** The rows of one step: its candidates, the chosen one wherever it ranks, and all others as one. */
function stepRows(step, size, count, sampled) {
  const rowOf = ([token, id, logprob, after, reason]) => {
    const raw = Math.exp(logprob ?? -Infinity);
    return { token, before: sampled ? raw : null, after: sampled ? after : raw, reason: LABELS.reasons[reason],
      mark: id === step.chosen[1] ? LABELS.chosen : "" };
  };
  const rows = step.candidates.slice(0, count).map(rowOf);
  if (!rows.some((row) => row.mark)) rows.push(rowOf(step.chosen));
  if (rows.length === size) return rows;
  const left = (key) => 1 - rows.reduce((sum, row) => sum + row[key], 0);
  const [before, after] = [left("before"), left("after")].map((p) => (p < 1e-5 ? 0 : p)); // what travels is rounded
  return [...rows, { aggregate: true, token: LABELS.tail(size - rows.length), before: sampled ? before : null, after, reason: "" }];
}

function stepFacts(step, at, sums, total, size) {
  const logprob = decimals(step.logprob ?? -Infinity), last = sums.length;
  return [
    factList(LABELS.thisToken, [[LABELS.probability, percent(probabilityOf(step))], [LABELS.logprob, logprob],
      [LABELS.rank, `${whole(step.rank)} ${LABELS.of(size)}`], [LABELS.entropy, `${decimals(step.entropy)} ${LABELS.nats}`],
      ["", `${decimals(step.entropy / Math.LN2)} ${LABELS.bits}`]]),
    factList(LABELS.soFar, [[LABELS.logprob, decimals(sums[at])], [LABELS.perToken, decimals(sums[at] / (at + 1))]]),
    factList(LABELS.all, [[LABELS.logprob, decimals(total)], [LABELS.perToken, decimals(total / last)],
      [LABELS.perplexity, decimals(Math.exp(-total / last))]]),
  ];
}

function generationTable(steps, sums) {
  const rows = steps.map((step, i) => [whole(i + 1), visibleToken(step.token), String(step.chosen[1]), percent(probabilityOf(step)),
    decimals(step.logprob ?? -Infinity, 3), whole(step.rank), decimals(step.entropy, 3), decimals(sums[i], 3)]);
  return table(LABELS.stepHeadings, rows, [0, 2, 3, 4, 5, 6, 7]);
}

function generationCsv(steps, sums) {
  const headings = ["step", "token", "id", "probability", "logprob", "rank", "entropy", "sum_of_logprobs"];
  return toCsv([headings, ...steps.map((step, i) => [i + 1, step.token, step.chosen[1], probabilityOf(step), step.logprob ?? -Infinity,
    step.rank, step.entropy, sums[i]])]);
}

export async function renderGeneration(model, root) {
  const { prompt, settings, stop, steps, vocab_size: size, logprob } = await openJson(model.get("recording"));
  root.append(h("p", { className: "lmkit-note" }, `${describeSettings(settings)}. ${LABELS.stopped[stop] ?? ""}`));
  if (steps.length === 0) return void root.append(h("p", {}, LABELS.empty));
  const sums = runningSums(steps.map((step) => step.logprob));
  const sampled = steps[0].chosen[3] !== null;
  let at = 0;

  const look = { shown: FEW, logarithmic: false };
  const { el: live, say } = announcer();
  const text = tokenText(prompt, steps, (to) => go(to));
  const ramp = [0.9, 0.3, 0.05, 0.001].map((p) => h("span", { className: "sv-shaded", style: `--sv-shade: ${shade(p)}` }, share(p)));
  const curve = h("div", {}), facts = h("div", { className: "sv-facts" }), where = h("b", { className: "sv-where" });
  const back = button(`← ${LABELS.previous}`, () => go(at - 1)), forth = button(`${LABELS.next} →`, () => go(at + 1));
  const chart = barChart(LABELS.alternatives, sampled ? [["before", LABELS.before], ["after", LABELS.after]] : [["after", LABELS.rawOnly]]);
  const switches = chartSwitches(look, () => draw());
  const file = button(LABELS.csvSteps, () => download("generation.csv", generationCsv(steps, sums), "text/csv"));
  root.append(text.el, h("p", { className: "lmkit-note sv-ramp" }, LABELS.hint, ramp), curve,
    h("div", { className: "lmkit-row sv-steps" }, back, forth, where),
    h("div", { className: "sv-columns" }, facts, h("div", { className: "sv-main" }, chart.el, switches.el)),
    h("details", {}, h("summary", {}, LABELS.details), file, generationTable(steps, sums)), live);

  function draw() {
    const step = steps[at], rows = stepRows(step, size, look.shown, sampled);
    text.set(at);
    chart.draw(rows, axis(Math.max(...rows.flatMap((row) => [row.before ?? 0, row.after])), look.logarithmic));
    switches.more.hidden = step.candidates.length <= FEW;
    curve.replaceChildren(...entropyCurve(steps, at, go));
    facts.replaceChildren(...stepFacts(step, at, sums, logprob ?? -Infinity, size));
    where.textContent = LABELS.step(at + 1, steps.length);
    back.disabled = at === 0;
    forth.disabled = at === steps.length - 1;
  }
  function go(to) {
    at = Math.max(0, Math.min(steps.length - 1, to));
    draw();
    say(`${text.name(at)}. ${LABELS.soFar}: ${LABELS.logprob} ${decimals(sums[at])}`);
  }
  draw();
  return undefined;
}
