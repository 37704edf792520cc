// Sorting: items that the reader takes and puts into boxes, which may stand inside each other, and is told at once whether and why.
import { announcer, h, rootElement } from "./base.js";
import { parsed, shelfOf } from "./shelf.js";
import { LABELS } from "./sort_labels.js";
import { checkedProgress, countsOf, treeOf, untouched, verdictOf } from "./sort_model.js";

const FAR_ENOUGH = 4; // CSS pixels: less is a click, more a drag
const BORDER = 48, PACE = 9; // CSS pixels: near the window's edge a drag scrolls the page, so far a frame
const POOL = -1; // the place of what is not sorted yet

const inside = (box, x, y) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;

function render({ model, el }) {
  const [title, items, groups, order] = ["title", "items", "groups", "order"].map((name) => model.get(name));
  const tree = treeOf(groups);
  const nested = tree.parents.some((parent) => parent >= 0);
  const shelf = shelfOf(`lmkit.sort.${model.get("key")}.${model.get("digest")}`);
  const live = announcer();
  let progress = items.map(untouched), taken = null, target = null, drag = null, frame = 0, swallow = false;

  // ---- what is shown

  const outerOf = (group) => groups[tree.parents[group]]?.name ?? "";
  const chips = items.map(({ text }, item) => {
    const mark = h("span", { className: "so-mark", "aria-hidden": "true" });
    const button = h("button", { type: "button", className: "so-chip", "aria-pressed": "false", onKeydown: (event) => press(event, item), onClick: (event) => {
      event.stopPropagation();
      click(item);
    } },
      h("span", { className: "so-grip", "aria-hidden": "true" }), mark, h("span", { className: "so-text" }, text));
    return { el: h("li", {}, button), button, mark };
  });
  const said = h("p", { className: "so-said" });
  const pool = { list: h("ul", { className: "so-list" }), empty: h("p", { className: "lmkit-note" }, LABELS.empty) };
  pool.el = h("div", { className: "so-pool", onClick: () => choose(POOL) }, h("p", { className: "so-name" }, LABELS.pool), pool.list, pool.empty);
  const boxes = groups.map(({ name, note }, group) => {
    const list = h("ul", { className: "so-list" });
    const head = h("button", { type: "button", className: "so-head", onClick: (event) => {
      event.stopPropagation();
      choose(group);
    } }, name);
    const words = note ? h("p", { className: "so-note" }, note) : null;
    const el = h("div", { className: "so-box", role: "group", "aria-label": name, onClick: (event) => {
      event.stopPropagation();
      if (taken !== null) choose(group);
    } }, head, words, list);
    return { el, list, head };
  });
  tree.order.forEach((group) => tree.parents[group] >= 0 && boxes[tree.parents[group]].el.append(boxes[group].el));
  const score = h("p", { className: "so-score" });
  const note = h("p", { className: "lmkit-note so-kept" });
  const button = (text, onClick) => h("button", { type: "button", className: "lmkit-button", onClick }, text);
  const rest = button(LABELS.showRest, showRest), again = button(LABELS.again, startAgain);
  const answers = h("details", {}, h("summary", {}, LABELS.answers), h("table", {}, h("caption", { className: "lmkit-hidden" }, LABELS.answers),
    h("thead", {}, h("tr", {}, LABELS.heads.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, items.map(({ text, group, why }) => h("tr", {}, h("td", {}, text), h("td", {}, group), h("td", {}, why))))));
  const root = rootElement("section", "so-root", title || LABELS.widget, title ? h("p", { className: "lmkit-title" }, title) : null,
    h("p", { className: "lmkit-note" }, LABELS.hint(nested)), pool.el,
    h("div", { className: "so-boxes" }, tree.childrenOf(-1).map((group) => boxes[group].el)),
    h("div", { className: "lmkit-row so-foot" }, score, rest, again), note, answers, live.el);
  el.append(root);

  const listOf = (place) => (place === null ? pool.list : boxes[place].list);
  const verdict = (item) => (progress[item].place === null ? null : verdictOf(items[item], progress[item].place, tree));
  /** Puts every chip where it belongs, without touching one that is there already: what has the focus keeps it. */
  function arrange() {
    const wanted = new Map([pool, ...boxes].map(({ list }) => [list, []]));
    order.forEach((item) => wanted.get(listOf(progress[item].place)).push(chips[item].el));
    for (const [list, rows] of wanted) {
      rows.forEach((row, i) => list.children[i] !== row && list.insertBefore(row, list.children[i] ?? null));
    }
    items.forEach(({ text }, item) => {
      const [{ button: chip, mark }, { place, shown }, found] = [chips[item], progress[item], verdict(item)];
      mark.textContent = found ? LABELS.marks[shown ? "shown" : found] : "";
      chip.dataset.verdict = found ? (shown ? "shown" : found) : "";
      chip.setAttribute("aria-label", found ? LABELS.sorted(text, groups[place].name, found, shown) : LABELS.unsorted(text));
      chip.setAttribute("aria-pressed", String(taken === item));
    });
    pool.empty.hidden = pool.list.childElementCount > 0;
    boxes.forEach(({ head, list }, group) => head.setAttribute("aria-label", LABELS.box(groups[group].name, outerOf(group), list.childElementCount)));
    const counts = countsOf(progress, items, tree);
    score.textContent = LABELS.score(counts);
    rest.disabled = counts.inPlace === counts.all;
    answers.hidden = !rest.disabled;
    again.disabled = progress.every(({ first, shown }) => first === null && !shown);
    root.classList.toggle("so-taking", taken !== null);
    highlight();
  }
  function highlight() {
    pool.el.classList.toggle("so-target", target === POOL);
    boxes.forEach(({ el: box }, group) => box.classList.toggle("so-target", target === group));
  }
  /** In the box, below its items, what is to be said about one of them. */
  function tell(item) {
    const { place, shown } = progress[item];
    if (place === null) return "";
    const [found, { text, why }] = [verdict(item), items[item]];
    const words = shown ? LABELS.shown : LABELS.verdicts[found];
    said.dataset.verdict = shown ? "shown" : found;
    said.replaceChildren(h("b", {}, `${LABELS.marks[shown ? "shown" : found]} ${text}: ${words}`), ` ${why}`);
    boxes[place].list.after(said);
    return `${text}: ${words} ${why}`;
  }
  const keep = () => {
    if (!shelf.write(JSON.stringify(progress))) note.textContent = LABELS.noStorage;
  };

  // ---- taking and putting

  function take(item) {
    [taken, target] = [item, null];
    const words = item === null ? "" : tell(item);
    arrange();
    if (item !== null) live.say(`${words} ${LABELS.taken(items[item].text)}`.trim());
  }
  function letGo() {
    const item = taken;
    [taken, target] = [null, null];
    arrange();
    if (item !== null) live.say(LABELS.letGo(items[item].text));
  }
  function put(item, place, byKeyboard) {
    const before = progress[item];
    const group = place === POOL ? null : place;
    [taken, target] = [null, null];
    if (group !== before.place) {
      const first = before.first ?? (group === null ? null : verdictOf(items[item], group, tree));
      progress = progress.map((one, i) => (i === item ? { place: group, first: before.shown ? before.first : first, shown: false } : one));
      note.textContent = "";
      keep();
    }
    arrange();
    if (group === null) said.remove();
    const words = tell(item);
    live.say([words, score.textContent].filter(Boolean).join(" "));
    if (!byKeyboard) return;
    const nextOne = order.find((one) => progress[one].place === null);
    chips[verdict(item) === "right" && nextOne !== undefined ? nextOne : item].button.focus();
  }
  /** A box, or the place of what is not sorted, was pressed. */
  function choose(place) {
    if (taken !== null) put(taken, place, document.activeElement?.classList.contains("so-head") && document.activeElement.matches(":focus-visible"));
    else if (place !== POOL) live.say(LABELS.takeFirst);
  }
  function click(item) {
    if (swallow) return;
    if (taken === item && target !== null) put(item, target, true);
    else if (taken === item) letGo();
    else take(item);
  }
  function press(event, item) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape" && drag) drop(false);
    else if (event.key === "Escape" && taken !== null) letGo();
    else {
      const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (!step || taken !== item) return;
      const places = progress[item].place === null ? tree.order : [...tree.order, POOL];
      const at = target === null ? (step > 0 ? -1 : places.length) : places.indexOf(target);
      target = places[(at + step + places.length) % places.length];
      highlight();
      live.say(target === POOL ? LABELS.pool : LABELS.target(groups[target].name, outerOf(target)));
    }
    event.preventDefault();
  }
  function showRest() {
    progress = progress.map((one, item) => (verdict(item) === "right" ? one : { ...one, place: tree.index.get(items[item].group), shown: true }));
    [taken, target] = [null, null];
    said.remove();
    keep();
    arrange();
    answers.querySelector("summary").focus({ preventScroll: true });
    live.say(score.textContent);
  }
  function startAgain() {
    progress = items.map(untouched);
    [taken, target] = [null, null];
    said.remove();
    note.textContent = "";
    keep();
    arrange();
    chips[order[0]].button.focus();
  }

  // ---- dragging: a mouse takes a chip anywhere, a finger by its grip, so that elsewhere the page scrolls under it

  /** The innermost box under the pointer, or the pool; null outside of both. */
  function under(x, y) {
    const found = tree.order.filter((group) => inside(boxes[group].el.getBoundingClientRect(), x, y)).at(-1);
    return found ?? (inside(pool.el.getBoundingClientRect(), x, y) ? POOL : null);
  }
  function grab(event) {
    swallow = false;
    const item = chips.findIndex(({ button: chip }) => chip.contains(event.target));
    if (drag || item < 0 || event.button !== 0 || !event.isPrimary) return;
    if (event.pointerType !== "mouse" && !event.target.closest(".so-grip")) return;
    const box = chips[item].button.getBoundingClientRect();
    drag = { item, pointer: event.pointerId, from: [event.clientX, event.clientY], at: [event.clientX, event.clientY],
      grip: [event.clientX - box.left, event.clientY - box.top], shift: [0, 0], moves: false };
  }
  function pull(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    drag.at = [event.clientX, event.clientY];
    if (!drag.moves && Math.hypot(drag.at[0] - drag.from[0], drag.at[1] - drag.from[1]) < FAR_ENOUGH) return;
    if (!drag.moves) {
      drag.moves = true;
      root.setPointerCapture(drag.pointer);
      [taken, target] = [drag.item, null];
      arrange();
      chips[drag.item].button.classList.add("so-dragged");
      frame = requestAnimationFrame(scrollAtEdge);
    }
    follow();
  }
  function follow() {
    const { button: chip } = chips[drag.item];
    const box = chip.getBoundingClientRect();
    drag.shift = [drag.at[0] - drag.grip[0] - (box.left - drag.shift[0]), drag.at[1] - drag.grip[1] - (box.top - drag.shift[1])];
    chip.style.transform = `translate(${drag.shift[0]}px, ${drag.shift[1]}px)`;
    target = under(...drag.at);
    highlight();
  }
  function scrollAtEdge() {
    if (!drag) return;
    const y = drag.at[1];
    const step = y < BORDER ? -PACE : y > innerHeight - BORDER ? PACE : 0;
    if (step) {
      scrollBy(0, step);
      follow();
    }
    frame = requestAnimationFrame(scrollAtEdge);
  }
  function drop(well) {
    if (!drag) return;
    const { item, moves, pointer } = drag;
    const place = target;
    drag = null;
    cancelAnimationFrame(frame);
    chips[item].button.classList.remove("so-dragged");
    chips[item].button.style.transform = "";
    if (!moves) return;
    swallow = true; // the click that follows belongs to the drag
    setTimeout(() => (swallow = false), 0);
    if (root.hasPointerCapture(pointer)) root.releasePointerCapture(pointer);
    if (well && place !== null) put(item, place, false);
    else letGo();
  }
  root.addEventListener("pointerdown", grab);
  root.addEventListener("pointermove", pull);
  root.addEventListener("pointerup", (event) => event.pointerId === drag?.pointer && drop(true));
  root.addEventListener("pointercancel", (event) => event.pointerId === drag?.pointer && drop(false));

  // ---- what was kept

  const kept = checkedProgress(parsed(shelf.read() ?? "null"), items, groups);
  if (!shelf.works()) note.textContent = LABELS.noStorage;
  if (kept) {
    progress = kept;
    const placed = kept.filter(({ place }) => place !== null).length;
    if (placed) note.textContent = LABELS.restored(placed);
  }
  arrange();
  return () => cancelAnimationFrame(frame);
}

export default { render };
