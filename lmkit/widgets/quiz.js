import { announcer, h, rootElement, uniqueId } from "./base.js";

// Questions that answer back. A question is a choice among options, or a number with a tolerance.

const LABELS = {
  quiz: "Quiz", question: (i, n) => `Question ${i} of ${n}`, check: "Check",
  keys: "Arrow keys choose, Enter checks.", yourNumber: "Your answer", noNumber: "Type a number first, for example 0.25.",
  right: "Right.", wrong: "Not quite.", others: "What about the other answers?",
  score: (right, answered, all) => `${right} of ${all} right at the first try` + (answered < all ? ` · ${all - answered} to go` : ""),
  perfect: "All right at the first try.", again: "Start again",
};

// ---------------------------------------------------------------- arithmetic

/** A typed number, or NaN. Accepts a decimal comma, a typographic minus, a percent sign (divided by 100) and 1/4. */
export function parseNumber(text) {
  const plain = text.trim().replace("−", "-").replace(/\s/g, "");
  const number = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i;
  const value = (part) => (number.test(part) ? Number(part.replace(",", ".")) : NaN);
  if (plain.endsWith("%")) return value(plain.slice(0, -1)) / 100;
  const [top, bottom, more] = plain.split("/");
  if (more !== undefined) return NaN;
  return bottom === undefined ? value(top) : value(top) / value(bottom);
}

/** Is `given` within the tolerance of the answer? A hair more is granted, for the rounding of decimal fractions. */
export function isClose(given, answer, tolerance) {
  return Math.abs(given - answer) <= tolerance + 1e-9 * Math.max(1, Math.abs(answer));
}

/** How many of the first answers were right, and how many questions are answered. `firsts` holds true, false or null. */
export function score(firsts) {
  return { right: firsts.filter((f) => f === true).length, answered: firsts.filter((f) => f !== null).length, all: firsts.length };
}

// ---------------------------------------------------------------- questions

function feedback() {
  const verdict = h("b", {}), reason = h("span", {});
  const el = h("p", { className: "qz-feedback", hidden: true }, verdict, " ", reason);
  const show = (right, text) => {
    el.hidden = false;
    el.classList.toggle("qz-right", right);
    verdict.textContent = `${right ? "✓" : "✗"} ${right ? LABELS.right : LABELS.wrong}`;
    reason.textContent = text;
  };
  return { el, show };
}

/** A choice. A click answers at once; arrow keys only choose, so that they do not give answers away, and Enter answers. */
function choiceQuestion({ options, answer, why }, onAnswer) {
  const group = uniqueId("quiz");
  const said = feedback();
  const check = h("button", { type: "button", className: "lmkit-button", hidden: true, onClick: () => submit() }, LABELS.check);
  const hint = h("span", { className: "lmkit-note", hidden: true }, LABELS.keys);
  const rest = h("details", { className: "qz-others", hidden: true }, h("summary", {}, LABELS.others),
    h("dl", {}, options.map((option, i) => (i === answer ? [] : [h("dt", {}, option), h("dd", {}, why[i])]))));
  let pointed = false;

  const rows = options.map((option, i) => {
    const input = h("input", { type: "radio", name: group, value: i, onChange: () => pointed || waitForCheck() });
    const mark = h("span", { className: "qz-mark", "aria-hidden": "true" });
    const el = h("label", { className: "qz-option", onPointerdown: () => (pointed = true), onClick: () => setTimeout(afterClick) },
      input, h("span", {}, option), mark);
    return { el, input, mark };
  });
  const list = h("div", { className: "qz-options", onKeydown: (event) => {
    pointed = false;
    if (event.key !== "Enter" || !rows.some((row) => row.input.checked)) return;
    event.preventDefault();
    submit();
  } }, rows.map((row) => row.el));

  function afterClick() {
    if (!pointed) return; // a click that the keyboard made, or the second of the two that a label gives
    pointed = false;
    submit();
  }
  function waitForCheck() {
    check.hidden = hint.hidden = false;
  }
  function submit() {
    const picked = rows.findIndex((row) => row.input.checked);
    const right = picked === answer;
    check.hidden = hint.hidden = true;
    rows.forEach((row, i) => {
      const tried = i === picked || row.el.classList.contains("qz-tried");
      row.el.classList.toggle("qz-tried", tried);
      row.el.classList.toggle("qz-answer", tried && i === answer);
      row.mark.textContent = tried ? (i === answer ? "✓" : "✗") : "";
    });
    said.show(right, why[picked]);
    if (right) rest.hidden = false;
    onAnswer(right, why[picked]);
  }
  return { body: [list, h("div", { className: "lmkit-row qz-check" }, check, hint), said.el, rest], first: rows[0].input };
}

function numberQuestion({ answer, tolerance, unit, right, wrong }, onAnswer) {
  const said = feedback();
  const id = uniqueId("number");
  const input = h("input", { type: "text", inputMode: "decimal", autocomplete: "off", id, className: "qz-number", onKeydown: (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    submit();
  } });
  const check = h("button", { type: "button", className: "lmkit-button", onClick: () => submit() }, LABELS.check);
  function submit() {
    const given = parseNumber(input.value);
    if (Number.isNaN(given)) return said.show(false, LABELS.noNumber);
    const good = isClose(given, answer, tolerance);
    said.show(good, good ? right : wrong);
    onAnswer(good, good ? right : wrong);
  }
  const row = h("div", { className: "lmkit-row" }, h("label", { htmlFor: id }, LABELS.yourNumber), input, unit ? h("span", {}, unit) : null, check);
  return { body: [row, said.el], first: input };
}

// ---------------------------------------------------------------- the widget

function render({ model, el }) {
  const questions = model.get("questions");
  const { el: live, say } = announcer();
  const body = h("div", {});
  const tally = h("p", { className: "qz-score" });
  const again = h("button", { type: "button", className: "lmkit-button", onClick: () => start(true) }, LABELS.again);
  const title = model.get("title");
  const root = rootElement("section", "lmkit-quiz", title || LABELS.quiz,
    title ? h("p", { className: "lmkit-title" }, title) : null, body, h("div", { className: "lmkit-row qz-foot" }, tally, again), live);
  let firsts = [];

  function showScore() {
    const { right, answered, all } = score(firsts);
    tally.textContent = right === all ? LABELS.perfect : LABELS.score(right, answered, all);
    again.disabled = answered === 0;
    return tally.textContent;
  }
  function start(focus) {
    firsts = questions.map(() => null);
    const parts = questions.map((question, i) => {
      const onAnswer = (right, reason) => {
        firsts[i] ??= right;
        say(`${right ? LABELS.right : LABELS.wrong} ${reason} ${showScore()}`);
      };
      const part = question.options ? choiceQuestion(question, onAnswer) : numberQuestion(question, onAnswer);
      const legend = h("legend", {}, h("span", { className: "qz-count" }, LABELS.question(i + 1, questions.length)), question.question);
      return { el: h("fieldset", {}, legend, part.body), first: part.first };
    });
    body.replaceChildren(...parts.map((part) => part.el));
    showScore();
    if (focus) parts[0].first.focus();
  }
  start(false);
  el.append(root);
  return () => root.remove();
}

export default { render };
