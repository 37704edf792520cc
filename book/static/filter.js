// Draws the box of a filter where the page keeps a place for it (book/filters.py), and shows only the items that fit.
(() => {
  "use strict";
  const make = (tag, props, ...children) => {
    const element = Object.assign(document.createElement(tag), props);
    element.append(...children);
    return element;
  };

  /** What is shown and hidden together: an element, or the definition of a glossary with the terms above it. */
  function parts(item) {
    const all = [item];
    if (item.tagName === "DD") {
      for (let one = item.previousElementSibling; one?.tagName === "DT"; one = one.previousElementSibling) all.unshift(one);
    }
    return all;
  }

  function draw(place) {
    const labels = JSON.parse(place.dataset.filter);
    const items = [...document.querySelectorAll(labels.items)].map(parts);
    if (!items.length) return;
    const groups = labels.groups ? [...document.querySelectorAll(labels.groups)] : [];
    const searchable = new Map(items.map((item) => [item, item.map((one) => one.textContent).join(" ").toLowerCase()]));

    const words = make("input", { type: "search", placeholder: labels.hint, autocomplete: "off" });
    const menus = labels.choices.map(([label, options]) => [label, make("select", {}, make("option", { value: "" }, labels.all),
      ...options.map(([value, text]) => make("option", { value }, text)))]);
    const boxes = labels.boxes.map(([label, value]) => [label, make("input", { type: "checkbox", value })]);
    const count = make("output", {});
    const bar = make("form", { className: "concept-filter" }, make("label", {}, labels.find, " ", words),
      ...menus.map(([label, menu]) => make("label", {}, label, " ", menu)),
      ...boxes.map(([label, box]) => make("label", {}, box, " ", label)), count);

    function apply() {
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      const classes = [...menus.map(([, menu]) => menu.value), ...boxes.map(([, box]) => (box.checked ? box.value : ""))].filter(Boolean);
      let left = 0;
      for (const item of items) {
        const fits = wanted.every((word) => searchable.get(item).includes(word)) &&
          classes.every((name) => item.at(-1).classList.contains(name));
        for (const one of item) one.hidden = !fits;
        left += fits;
      }
      for (const group of groups) group.hidden = !items.some((item) => !item.at(-1).hidden && group.contains(item.at(-1)));
      count.textContent = `${left} of ${items.length} ${labels.unit}`;
    }
    bar.addEventListener("input", (event) => { if (!event.isComposing) apply(); });
    bar.addEventListener("compositionend", apply);
    bar.addEventListener("submit", (event) => event.preventDefault());
    place.append(bar);
    apply();
  }

  for (const place of document.querySelectorAll(".filter-place")) draw(place);

  /** A link to an item that is filtered away shows everything again. */
  addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.closest("[hidden]")) return;
    for (const bar of document.querySelectorAll(".concept-filter")) {
      bar.reset();
      bar.dispatchEvent(new Event("input"));
    }
    target.scrollIntoView();
  });
})();
