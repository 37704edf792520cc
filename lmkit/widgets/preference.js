// The reader ranks answers; each ranking becomes pairs, from which a linear reward model learns in the page.
// This file holds what the reader is doing now; the labels stand in the store, the arithmetic in preference_model.js.
import { announcer, choice, download, h, rootElement, unpack } from "./base.js";
import {
  agreement, checkedLabels, countRight, differencesOf, draftOf, inner, learn, pairsOf, placesOf, rankingBy, rankingOf, shownOrder,
  standardised,
} from "./preference_model.js";
import { createStore } from "./preference_store.js";
import { action, enable, enabled, sortedList, table, twoCards, weightBars } from "./preference_parts.js";
import { LABELS } from "./preference_labels.js";

const SLICE = 8; // milliseconds of arithmetic before the page gets its turn

/** The standardised features as [item][answer], or null where there are none. */
async function readFeatures(model, items) {
  const width = model.get("feature_names").length;
  if (!width) return null;
  const rows = standardised(await unpack(model.get("features"), "float32"), width);
  return items.map(({ answers }) => rows.splice(0, answers.length));
}

const isRanked = (ranking) => Boolean(ranking?.length);
const pairsIn = (labels) => labels.reduce((sum, ranking) => sum + pairsOf(ranking ?? []).length, 0);

/** What an item's answers are called: letters in the order in which they are shown. */
function namesOf(order) {
  return order.reduce((letters, answer, i) => Object.assign(letters, { [answer]: LABELS.letter(i) }), []);
}

/** The pairs of a ranking as chips. */
function pairChips(ranking, letters) {
  return h("ul", { className: "pv-pairs" }, pairsOf(ranking).map(([a, b]) =>
    h("li", {}, h("span", { "aria-hidden": "true" }, LABELS.pair(letters[a], letters[b])),
      h("span", { className: "lmkit-hidden" }, LABELS.pairSaid(letters[a], letters[b])))));
}

async function render({ model, el }) {
  const [items, names, l2, seed] = ["items", "feature_names", "l2", "seed"].map((name) => model.get(name));
  const orders = items.map(({ answers }, i) => shownOrder(seed, i, answers.length));
  const letters = orders.map(namesOf);
  const features = await readFeatures(model, items);
  const drafts = items.map(() => null); // what the reader has moved and not confirmed
  let item = 0, part = null, timer = 0;

  const { el: live, say } = announcer();
  const store = createStore(model, () => {
    drafts.fill(null);
    learnAgain();
    showItem();
  });
  const you = { name: LABELS.you, labels: store.labels };
  const others = Object.entries(model.get("others")).map(([name, list]) => ({ name, labels: checkedLabels(list, items).labels }));
  const annotators = [you, ...others];

  // ---------------------------------------------------------------- the frame
  const title = model.get("title");
  const dots = choice(LABELS.items, items.map((_, i) => [String(i), String(i + 1)]), "0", (to) => goTo(Number(to)));
  dots.el.classList.add("pv-dots");
  const count = h("span", { className: "pv-count" }), progress = h("span", { className: "lmkit-note" });
  const prompt = h("p", { className: "pv-prompt" }), place = h("div", {}), hint = h("p", { className: "lmkit-note" });
  const confirm = action(LABELS.confirm, () => decide(rankingOf(draft())));
  const skip = action(LABELS.skip, () => decide([]));
  const next = action(LABELS.next, () => goTo(following(), true));
  const acts = h("div", { className: "lmkit-row" });
  const pairs = h("div", { className: "pv-pairing" }), reveal = h("div", { className: "pv-reveal" });
  const desk = h("div", { className: "pv-ranking", onKeydown: (event) => part.press?.(event) },
    prompt, hint, place, acts, pairs, reveal);
  const learned = h("div", { className: "pv-learned" });
  const fileName = (ending) => `${model.get("key").replace(/[^\p{L}\p{N}_-]+/gu, "-")}.${ending}`;
  const undo = action(LABELS.undo, () => afterChange(() => store.undo(), LABELS.undone));
  const again = action(LABELS.again, () => ask(true));
  const accept = ".json,application/json";
  const file = h("input", { type: "file", accept, hidden: true, "aria-label": LABELS.load, onChange: readFile });
  const foot = h("div", { className: "lmkit-row pv-foot" }, undo, again,
    action(LABELS.saveJson, () => download(fileName("json"), store.json(), "application/json")),
    action(LABELS.saveCsv, () => download(fileName("csv"), `\ufeff${store.csv()}`, "text/csv;charset=utf-8")),
    action(LABELS.load, () => file.click()), file);
  const keep = action(LABELS.keep, () => ask(false)), sure = h("span", {});
  const onEscape = (event) => event.key === "Escape" && ask(false);
  const question = h("div", { className: "lmkit-row pv-question", role: "group", hidden: true, onKeydown: onEscape }, sure,
    action(LABELS.forget, () => afterChange(() => store.clear(), LABELS.forgotten)), keep);
  const problem = h("p", { className: "pv-problem", role: "alert", hidden: true });
  const notes = h("div", { className: "pv-notes lmkit-note" });
  const root = rootElement("section", "pv-root", title || LABELS.widget,
    title ? h("p", { className: "lmkit-title" }, title) : null,
    h("div", { className: "lmkit-row pv-head" }, count, dots.el, progress),
    h("div", { className: "pv-columns" }, desk, features || others.length ? learned : null),
    problem, question, foot, notes, live);

  // ---------------------------------------------------------------- learning
  function learnAgain() {
    clearTimeout(timer);
    you.labels = store.labels;
    if (!features) return;
    you.model = learn(you.labels, features, l2);
    you.unseen = null;
    for (const other of others) other.model ??= learn(other.labels, features, l2);
    timer = setTimeout(tryUnseen);
  }
  /** How each model ranks prompts that were kept from it, in slices that leave the page its turn. */
  function tryUnseen() {
    const until = performance.now() + SLICE;
    for (const one of annotators) {
      if (one.unseen != null || one.model.ranked.length < 2) continue;
      for (const at of one.model.ranked) {
        one.model.without(at);
        if (performance.now() > until) return void (timer = setTimeout(tryUnseen));
      }
      one.unseen = one.model.ranked.reduce((sum, at) => sum + one.model.unseen(at), 0);
    }
    showLearned();
  }

  // ---------------------------------------------------------------- one prompt
  const draft = () => (drafts[item] ??= draftOf(store.labels[item]?.length ? store.labels[item] : orders[item].map((answer) => [answer])));
  const isTwo = () => items[item].answers.length === 2;

  function showItem() {
    const { answers, prompt: words } = items[item];
    prompt.replaceChildren(h("span", { className: "lmkit-hidden" }, `${LABELS.prompt}: `), words);
    part?.stop?.();
    const common = { letters: letters[item], texts: answers };
    part = isTwo() ? twoCards({ ...common, order: orders[item], onChoose: decide })
      : sortedList({ ...common, onChange: onMove, onEnter: () => enabled(confirm) && decide(rankingOf(draft())) });
    place.replaceChildren(part.el);
    hint.textContent = isTwo() ? LABELS.hintTwo : LABELS.hint;
    acts.replaceChildren(isTwo() ? part.equal : confirm, skip, next);
    part.set(isTwo() ? store.labels[item] : draft());
    showState();
  }
  function onMove(changed, words) {
    drafts[item] = changed;
    showPairs();
    say(words);
  }
  /** Everything that hangs on the labels; the list itself stays as it is. */
  function showState() {
    const { labels } = store;
    const state = (ranking) => (isRanked(ranking) ? "ranked" : ranking ? "skipped" : "none");
    count.textContent = LABELS.count(item + 1, items.length);
    dots.set(String(item));
    [...dots.el.children].forEach((dot, i) => {
      dot.dataset.state = state(labels[i]);
      dot.setAttribute("aria-label", LABELS.itemName(i + 1, LABELS.states[state(labels[i])]));
    });
    progress.textContent = LABELS.progress(labels.filter(isRanked).length, items.length, pairsIn(labels));
    next.textContent = labels.every(Boolean) ? LABELS.next : LABELS.nextOpen;
    next.classList.toggle("pv-none", items.length === 1);
    skip.setAttribute("aria-pressed", String(state(labels[item]) === "skipped"));
    enable(undo, store.canUndo);
    enable(again, labels.some(Boolean));
    root.dataset.item = item;
    root.dataset.pairs = pairsIn(labels);
    showPairs();
    showReveal();
    showLearned();
    showNotes();
  }
  function showPairs() {
    const ranking = isTwo() ? store.labels[item] : rankingOf(draft());
    const decided = JSON.stringify(ranking) === JSON.stringify(store.labels[item]);
    confirm.textContent = decided ? LABELS.confirmed : LABELS.confirm;
    enable(confirm, !decided);
    confirm.classList.toggle("pv-main", !decided);
    const answers = items[item].answers.length, found = pairsOf(ranking ?? []).length;
    const passed = store.labels[item]?.length === 0 && (isTwo() || !touched());
    const words = passed ? LABELS.passed : ranking ? LABELS.pairs(answers, found, found < (answers * (answers - 1)) / 2) : LABELS.noPairs;
    pairs.replaceChildren(h("p", {}, words), passed || !ranking ? "" : pairChips(ranking, letters[item]));
    pairs.classList.toggle("pv-open", !decided);
  }
  const touched = () => JSON.stringify(rankingOf(draft())) !== JSON.stringify(orders[item].map((answer) => [answer]));

  /** The guess and the rewards, which would lead the reader if they showed before. */
  function showReveal() {
    const ranking = store.labels[item];
    if (!features && !others.length) return;
    if (!isRanked(ranking)) {
      const words = features ? LABELS.hidden : LABELS.hiddenOthers;
      return void reveal.replaceChildren(h("p", { className: "lmkit-note" }, words));
    }
    const called = letters[item], columns = [LABELS.columns.answer, LABELS.columns.you], cells = [];
    const add = (head, ofAnswer) => {
      columns.push(head);
      cells.push(ofAnswer);
    };
    const places = placesOf(ranking), words = guessOf(ranking);
    if (features) {
      const rewards = (weights) => features[item].map((row) => inner(weights, row));
      const now = rewards(you.model.weights);
      if (guessed()) add(LABELS.columns.guess, placeIn(rankingBy(rewards(you.model.without(item)))));
      add(LABELS.columns.reward, (answer) => LABELS.reward(now[answer]));
      for (const { name, model: { weights } } of others) {
        const theirs = rewards(weights);
        add(name, (answer) => LABELS.reward(theirs[answer]));
      }
    } else for (const { name, labels } of others) add(name, placeIn(labels[item] ?? []));
    const rows = ranking.flat().map((answer) => [called[answer], LABELS.place(places[answer]), ...cells.map((cell) => cell(answer))]);
    reveal.replaceChildren(h("p", { className: "pv-guess" }, words), scrolled(LABELS.table, columns, rows),
      features ? h("p", { className: "lmkit-note" }, LABELS.rewardNote(others.length)) : "");
  }
  const placeIn = (ranking) => ((places) => (answer) => LABELS.place(places[answer]))(placesOf(ranking));
  const guessed = () => you.model.ranked.some((at) => at !== item);
  const scrolled = (name, heads, rows) =>
    h("div", { className: "pv-scroll", tabIndex: 0, role: "region", "aria-label": name }, table(name, heads, rows));

  function guessOf(ranking) {
    if (!features) return "";
    if (!guessed()) return LABELS.noGuess;
    const weights = you.model.without(item);
    const order = rankingBy(features[item].map((row) => inner(weights, row))).map((group) => group.map((answer) => letters[item][answer]));
    const only = differencesOf(store.labels.map((label, i) => (i === item ? label : null)), features).rows;
    const from = you.model.ranked.filter((at) => at !== item).length;
    return LABELS.guess(from, LABELS.order(order), countRight(weights, only), pairsOf(ranking).length);
  }

  // ---------------------------------------------------------------- all prompts
  function showLearned() {
    const heading = features ? [h("p", { className: "pv-heading" }, LABELS.model), h("p", { className: "lmkit-note" }, LABELS.modelNote),
      weightBars(names, annotators.map(({ name, model: { weights } }) => ({ name, weights }))), predictions()] : [];
    const alike = others.map((other) => {
      const found = store.labels.map((ranking, i) => agreement(ranking ?? [], other.labels[i] ?? []));
      const sum = (key) => found.reduce((total, one) => total + one[key], 0);
      return h("p", {}, LABELS.agrees(other.name, sum("alike"), sum("both")));
    });
    learned.replaceChildren(...[heading, alike].flat(3));
  }
  function predictions() {
    const { model: mine, unseen } = you;
    const lines = [!mine.pairs ? LABELS.untrained : LABELS.loss(mine.loss)];
    if (mine.pairs) lines.push(unseen == null ? LABELS.tooFew : LABELS.predicts(unseen, mine.pairs, mine.ranked.length));
    const rows = annotators.map(({ name, model: { pairs: all, right }, unseen: found }) =>
      [name, LABELS.fraction(right, all), found == null ? "–" : LABELS.fraction(found, all)]);
    const compared = mine.pairs || others.length ? [scrolled(LABELS.models, LABELS.modelColumns, rows)] : [];
    return [...compared, ...lines.map((line) => h("p", {}, line))];
  }

  // ---------------------------------------------------------------- what the reader does
  function decide(ranking) {
    store.set(item, ranking);
    drafts[item] = null;
    learnAgain();
    if (!isTwo()) part.set(draft());
    else part.set(ranking);
    showState();
    say(isRanked(ranking) ? [pairs.firstChild.textContent, features ? reveal.firstChild.textContent : ""].join(" ") : LABELS.passed);
    if (items.length > 1) next.focus();
  }
  function following() {
    const after = items.map((_, i) => (item + 1 + i) % items.length);
    return after.find((i) => !store.labels[i]) ?? after[0];
  }
  function goTo(to, focus = false) {
    item = to;
    showItem();
    if (focus) part.focus();
    say(`${LABELS.count(item + 1, items.length)}. ${items[item].prompt}`);
  }
  function afterChange(change, words) {
    change();
    ask(false);
    drafts.fill(null);
    problem.hidden = true;
    learnAgain();
    showItem();
    say(words);
  }
  function ask(open) {
    const inside = question.contains(document.activeElement);
    sure.textContent = LABELS.sure(store.labels.filter(Boolean).length);
    question.hidden = !open;
    if (open) keep.focus();
    else if (inside) again.focus();
  }
  async function readFile() {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return;
    let found;
    try {
      found = store.load(await chosen.text());
    } catch {
      found = { problem: "unread" };
    }
    const wrong = found.problem ? LABELS[found.problem](chosen.name) : found.bad ? LABELS.badLabels(chosen.name, found.bad) : "";
    if (!wrong) return afterChange(() => {}, LABELS.loaded(found.count, found.kept));
    problem.hidden = false;
    problem.textContent = wrong;
  }
  function showNotes() {
    const take = () => action(LABELS.takeThem, () => afterChange(() => store.takeGiven(), ""));
    const aside = store.aside ? h("p", {}, LABELS.setAside(store.aside), " ", take()) : "";
    notes.replaceChildren(...store.notes.map((words) => h("p", {}, words)), aside);
  }

  learnAgain();
  item = Math.max(0, store.labels.findIndex((label) => !label));
  showItem();
  el.append(root);
  return () => {
    clearTimeout(timer);
    part.stop?.();
    store.stop();
    root.remove();
  };
}

export default { render };
