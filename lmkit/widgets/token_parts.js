// The parts of the token view: the tokens as a line, one of them in detail, the merges of its word, and the vocabularies compared.
import { h, slider, visibleToken } from "./base.js";
import { isBytes } from "./bpe.js";
import { button, write } from "./controls.js";
import { decimals, whole } from "./numbers.js";
import { hexOf, lengthOf } from "./token_text.js";
import { WORDS } from "./token_labels.js";

const HUES = 4; // neighbours differ; edges tell them apart without colour
export const PAGE = 300; // tokens that are shown at a time

/** A piece as plain text: bytes as bytes, a mark without its letter on a dotted circle. */
export function shownPiece({ piece, bytes, whole: intact }) {
  if (!intact) return hexOf(bytes).join(" ");
  const text = visibleToken(piece);
  return /^\p{M}/u.test(text) ? `◌${text}` : text;
}

/** The same for the eye: signs for spaces and line breaks are fainter than letters. */
function pieceNodes(token) {
  return shownPiece(token).split(/([␣↵␍⇥]+)/).filter(Boolean)
    .map((part) => (/^[␣↵␍⇥]/.test(part) ? h("span", { className: "tk-sign" }, part) : part));
}

/** What is to be shown of a token. */
export function tokenFace(id, bytes, piece, added) {
  return { id, bytes, piece, added, whole: !isBytes(piece) || bytes.length === piece.length };
}

function chip(token, i, props = {}) {
  const kinds = `${token.whole ? "" : " tk-bytes"}${token.added ? " tk-added" : ""}`;
  return h("button", { type: "button", className: `tk-token lmkit-token tk-hue-${i % HUES}${kinds}`, ...props },
    h("span", { className: "tk-piece" }, pieceNodes(token)), h("span", { className: "tk-id" }, ` ${token.id}`)); // a space between for ears
}

/** A page of the tokens, one button each. `onPick(place)` hears of presses and of arrow keys, `onTurn(first place)` of pages. */
export function tokenLine({ onPick, onTurn }) {
  const line = h("div", { className: "tk-line", role: "group" });
  const [earlier, later] = [[WORDS.earlier, "‹", -1], [WORDS.later, "›", 1]].map(([label, sign, by]) =>
    button(sign, () => onTurn(start + by * PAGE), { "aria-label": label, title: label }));
  const where = h("span", { className: "lmkit-note" });
  const pager = h("div", { className: "lmkit-row tk-pager" }, earlier, where, later);
  const el = h("div", { className: "tk-all" }, line, pager);
  let start = 0, chips = [];
  line.addEventListener("keydown", (event) => {
    const from = chips.indexOf(event.target);
    const to = { ArrowRight: from + 1, ArrowDown: from + 1, ArrowLeft: from - 1, ArrowUp: from - 1, Home: 0, End: chips.length - 1 }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (!chips[to]) return;
    chips[to].focus();
    onPick(start + to, true);
  });
  line.addEventListener("click", ({ target }) => {
    const at = chips.indexOf(target.closest(".tk-token"));
    if (at >= 0) onPick(start + at);
  });
  /** `shown` are the faces of a page of the text's `of` tokens, the first of them at `first`. */
  const set = (name, shown, first, of) => {
    start = first;
    chips = shown.map((token, i) => chip(token, first + i,
      { "aria-label": WORDS.token(first + i + 1, shownPiece(token), token.id, token.added), title: `id ${token.id}` }));
    line.replaceChildren(...chips.flatMap((one, i) => (shown[i].piece.includes("\n") ? [one, h("br")] : [one])));
    line.setAttribute("aria-label", WORDS.tokens(name));
    pager.hidden = of <= PAGE;
    write(where, WORDS.page(first + 1, first + shown.length, of));
    earlier.disabled = first === 0;
    later.disabled = first + PAGE >= of;
  };
  const pick = (place) => chips.forEach((one, i) => {
    one.setAttribute("aria-pressed", String(start + i === place));
    one.tabIndex = start + i === place ? 0 : -1;
  });
  return { el, set, pick };
}

/** One token: its piece, id and bytes. */
export function detailPart() {
  const [title, piece, id, bytes, note] = [h("b"), h("span", { className: "tk-big lmkit-token" }), h("span"), h("span", { className: "tk-hex" }), h("p", { className: "lmkit-note" })];
  const el = h("section", { className: "tk-detail" }, h("p", {}, title), h("p", {}, piece),
    h("dl", {}, h("dt", {}, WORDS.id), h("dd", {}, id), h("dt", {}, WORDS.bytes), h("dd", {}, bytes)), note);
  /** `part` is what `partOf` says of it. */
  const set = (token, at, of, part) => {
    write(title, WORDS.picked(at + 1, of));
    piece.replaceChildren(...pieceNodes(token));
    piece.classList.toggle("tk-bytes", !token.whole);
    write(id, whole(token.id));
    write(bytes, hexOf(token.bytes).join(" "));
    if (token.added) write(note, WORDS.outside);
    else write(note, token.whole ? WORDS.whole(lengthOf(token.piece)) : part ? WORDS.partly({ ...part, text: visibleToken(part.text) }) : WORDS.fragment);
  };
  return { el, set };
}

/** The merges of a word, one at a time. `face(id)` is what is to be shown of a token. */
export function stepsPart(onStep) {
  const heading = h("p", {}, h("b", {}, WORDS.steps));
  const note = h("p", { className: "lmkit-note tk-word" });
  const state = h("p", { className: "tk-state", role: "group" });
  const words = h("p", { className: "lmkit-note tk-merge" });
  let shown = null, at = 0;
  const bar = slider({ label: WORDS.step, min: 0, max: 1, step: 1, value: 0, onInput: (value) => go(value),
    format: (value) => WORDS.stepValue(value, shown?.merges.length ?? 0) });
  const [back, on] = [[WORDS.back, "‹", -1], [WORDS.on, "›", 1]].map(([label, sign, by]) => button(sign, () => go(at + by), { "aria-label": label, title: label }));
  const controls = h("div", { className: "tk-steps" }, back, bar.el, on);
  const body = h("div", {}, state, controls, words);
  const el = h("section", { className: "tk-merges" }, heading, note, body);

  function go(to) {
    at = Math.max(0, Math.min(to, shown.merges.length));
    const { states, merges, face } = shown;
    const merge = merges[at - 1];
    const pieces = states[at].map(face);
    state.replaceChildren(...pieces.map((token, i) => h("span", { className: `tk-token tk-still lmkit-token tk-hue-${i % HUES}` +
      `${token.whole ? "" : " tk-bytes"}${merge && i === merge.at ? " tk-new" : ""}` }, h("span", { className: "tk-piece" }, pieceNodes(token)))));
    state.setAttribute("aria-label", WORDS.state(pieces.map(shownPiece)));
    bar.set(at);
    back.disabled = at === 0;
    on.disabled = at === merges.length;
    write(words, merge ? WORDS.merge(...[merge.left, merge.right, merge.id].map((id) => shownPiece(face(id))), merge.rank + 1) : WORDS.bytesFirst);
    onStep(words.textContent);
  }
  /** `word` is { text, bytes }, null while there is no vocabulary; `steps` { states, merges }, null where there are too many to show. */
  const set = (word, steps, face, most) => {
    const merges = steps?.merges.length ?? 0;
    write(note, !word ? WORDS.stepsLater : !steps ? WORDS.tooManyBytes(word.bytes, most) : merges ? WORDS.stepsOf(visibleToken(word.text), word.bytes, merges) : WORDS.noStep);
    body.hidden = !merges;
    if (!merges) return;
    shown = { ...steps, face };
    bar.input.max = merges;
    go(0);
  };
  return { el, set };
}

/** The vocabularies, a row each, with how many tokens the text is in each. `onChoose(name)` hears which one is to be shown. */
export function comparePart(about, onChoose) {
  const head = h("tr", {}, ["name", "size", "tokens", "rate"].map((key) =>
    h("th", { scope: "col", className: key === "name" ? "" : `lmkit-number tk-${key}` }, WORDS.head[key])));
  const rows = about.map((one) => {
    const name = button(one.title, () => onChoose(one.name), { "aria-label": WORDS.show(one.title), title: WORDS.about(one), "aria-pressed": "false" });
    const [tokens, rate, bar] = [h("span"), h("td", { className: "lmkit-number tk-rate" }), h("i")];
    const el = h("tr", {}, h("th", { scope: "row" }, name), h("td", { className: "lmkit-number tk-size" }, whole(one.size)),
      h("td", {}, h("div", { className: "tk-cell" }, h("span", { className: "tk-lane" }, bar), tokens)), rate);
    return { one, el, name, tokens, rate, bar };
  });
  const el = h("section", { className: "tk-compare" }, h("p", {}, h("b", {}, WORDS.compare)),
    h("table", {}, h("thead", {}, head), h("tbody", {}, rows.map((row) => row.el))));
  /** `counts` is a map from name to number of tokens, without those that are not known. */
  const set = (counts, characters, shown) => {
    const most = Math.max(1, ...counts.values());
    for (const { one, name, tokens, rate, bar } of rows) {
      const n = counts.get(one.name);
      name.setAttribute("aria-pressed", String(one.name === shown));
      write(tokens, n === undefined ? WORDS.unknown : whole(n));
      write(rate, n ? decimals(characters / n) : WORDS.unknown);
      bar.hidden = n === undefined;
      bar.style.width = `${(100 * (n ?? 0)) / most}%`;
    }
  };
  return { el, set };
}
