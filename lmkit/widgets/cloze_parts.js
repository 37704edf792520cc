// What the cloze is built from: the text as tokens to be hidden, what one eye guesses, the table of all tokens in turn.
import { h, shortToken, visibleToken } from "./base.js";
import { isBytes } from "./bpe.js";
import { write } from "./controls.js";
import { decimals, percent } from "./numbers.js";
import { WORDS } from "./cloze_labels.js";

/** A token as it stands in running text: its spaces are spaces, what is invisible in it has a sign, bytes stay bytes. */
function running(piece) {
  if (isBytes(piece)) return piece.replace(/<0x(..)>/g, "$1 ").trim();
  const inner = piece.trim() === "" ? "" : piece.match(/^ */)[0];
  return inner + visibleToken(piece.slice(inner.length));
}

/** The text, one button a token, pressed where it is hidden. `onToggle(index)` hears of presses, `onReach(index)` of arrow keys. */
export function tokenLine({ onToggle, onReach }) {
  const el = h("div", { className: "cz-line", role: "group", "aria-label": WORDS.tokens });
  let shown = [];
  const make = ({ piece }, i) => h("button", { type: "button", tabIndex: i ? -1 : 0, onClick: () => onToggle(i),
    className: `cz-token lmkit-token${isBytes(piece) ? " cz-bytes" : ""}` });
  el.addEventListener("keydown", (event) => {
    const from = shown.findIndex(({ one }) => one === event.target);
    const to = { ArrowRight: from + 1, ArrowDown: from + 1, ArrowLeft: from - 1, ArrowUp: from - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (!shown[to]) return;
    shown.forEach(({ one }, i) => (one.tabIndex = i === to ? 0 : -1));
    shown[to].one.focus();
    onReach(to);
  });
  /** `tokens` are { id, piece, unknown }; `at` is the blank that is looked at. */
  const set = (tokens, hidden, at) => {
    const key = tokens.map(({ id, unknown }) => `${id} ${unknown}`).join();
    if (el.dataset.key !== key) {
      shown = tokens.map((token, i) => ({ one: make(token, i), token }));
      el.replaceChildren(...shown.flatMap(({ one, token }) => (token.piece.endsWith("\n") ? [one, h("br")] : [one])));
      el.dataset.key = key;
    }
    shown.forEach(({ one, token: { piece, unknown } }, i) => {
      const blank = unknown || hidden.has(i);
      write(one, unknown ? WORDS.unknown : running(piece));
      one.classList.toggle("cz-hidden", blank);
      one.classList.toggle("cz-at", i === at);
      one.setAttribute("aria-pressed", String(blank));
      one.setAttribute("aria-label", WORDS.token(i + 1, isBytes(piece) ? running(piece) : visibleToken(piece), blank, unknown));
    });
  };
  return { el, set };
}

/** A probability as a bar with its number. */
function bar(p, kind) {
  return h("span", { className: "cz-lane" }, h("i", { className: `cz-bar cz-${kind}`, style: `width:${(100 * p).toFixed(2)}%` }));
}

/** What one eye (or both) makes of the text: the text with its best guesses, and the candidates for one blank. */
export function eyePart(kind) {
  const name = WORDS.eyeNames[kind];
  const line = h("p", { className: "cz-filled", "aria-label": WORDS.filled(name) });
  const list = h("ol", { className: "cz-bars", "aria-label": WORDS.guesses(name) });
  const truth = h("p", { className: "lmkit-note cz-truth" });
  const el = h("section", { className: "cz-eye", "aria-label": name },
    h("p", { className: "cz-name" }, h("b", {}, name), " ", h("span", { className: "lmkit-note" }, WORDS.eyeNotes[kind])), line, list, truth);
  const word = (guess) => {
    const right = guess.truth && guess.truth.rank === 1;
    const mark = guess.truth ? h("span", { className: "lmkit-hidden" }, ` (${right ? WORDS.right : WORDS.wrong})`) : null;
    return h("mark", { className: `cz-guess ${guess.truth ? (right ? "cz-right" : "cz-wrong") : ""}` }, running(guess.piece), mark);
  };
  const row = ({ id, p }, guess, piece) => {
    const same = guess.truth?.id === id;
    return h("li", { className: `cz-row${same ? " cz-same" : ""}`, "aria-current": same ? "true" : null },
      h("span", { className: "cz-word lmkit-token", title: visibleToken(piece(id)) }, shortToken(piece(id), 14)), bar(p, kind),
      h("span", { className: "cz-number" }, percent(p)));
  };
  /** The text with its blanks filled. What stands between two blanks is text, unless it breaks a character. */
  const filled = (tokens, guesses, decode) => {
    const [parts, run] = [[], []];
    const close = () => {
      const text = decode(run.map(({ id }) => id));
      parts.push(...(text.includes("\ufffd") ? run.map(({ piece }) => running(piece)) : [text]));
      run.length = 0;
    };
    tokens.forEach((token, i) => {
      if (!guesses.has(i)) return run.push(token);
      close();
      return parts.push(word(guesses.get(i)));
    });
    close();
    return parts;
  };
  /** `guesses` is a map from places to what `guessOf` found, with the `piece` of the best one. */
  const set = ({ tokens, guesses, at, tokenizer: { piece, decode } }) => {
    const guess = guesses.get(at);
    line.replaceChildren(...filled(tokens, guesses, decode));
    list.replaceChildren(...(guess ? guess.top.map((one) => row(one, guess, piece)) : []));
    write(truth, guess?.truth ? WORDS.truth(visibleToken(piece(guess.truth.id)), percent(guess.truth.p), guess.truth.rank) : "");
  };
  /** Until the text has been read anew, what is shown is about the text before. */
  const stale = (on) => {
    el.classList.toggle("cz-stale", on);
    el.setAttribute("aria-busy", String(on));
  };
  return { el, set, stale };
}

/** The table of all tokens hidden in turn, a row a token, as far as they are computed. */
export function turnPart() {
  const note = h("p", { className: "lmkit-note" });
  const body = h("tbody");
  const head = h("tr", {}, ["token", "one", "two"].map((key) => h("th", { scope: "col" }, WORDS.turnHead[key])));
  const scroll = h("div", { className: "cz-scroll", tabIndex: 0, role: "region", "aria-label": WORDS.turnTable }, h("table", {}, h("thead", {}, head), body));
  const sums = ["one", "two"].map(() => h("p", { className: "cz-sum" }));
  const el = h("div", { className: "cz-turn" }, h("p", { className: "cz-name" }, h("b", {}, WORDS.turnTable)), note, scroll, sums,
    h("p", { className: "lmkit-note" }, WORDS.sumNote));
  const cell = ({ truth, piece }, kind) => h("td", {}, h("div", { className: "cz-cell" }, bar(truth.p, kind), h("span", { className: "cz-number" }, percent(truth.p)),
    h("span", { className: "lmkit-note lmkit-token cz-instead" }, truth.rank === 1 ? "" : shortToken(piece, 10))));
  const row = ({ name, one, two }) => h("tr", {}, h("th", { scope: "row", className: "lmkit-token" }, shortToken(name, 14)), cell(one, "one"), cell(two, "two"));
  /** `rows` are { name, one, two }, each of the last two as `guessOf` found them. */
  const set = (rows, of) => {
    if (rows.length < body.children.length) body.replaceChildren();
    body.append(...rows.slice(body.children.length).map(row));
    write(note, WORDS.turnNote(rows.length, of));
    ["one", "two"].forEach((kind, i) => {
      const nats = rows.reduce((sum, found) => sum + Math.log(found[kind].truth.p), 0);
      write(sums[i], rows.length === of && of ? WORDS.sum(WORDS.eyeNames[kind], decimals(nats), decimals(nats / of)) : "");
    });
  };
  return { el, set };
}
