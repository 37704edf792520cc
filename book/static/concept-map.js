// Filters the tables of the concept map. Without this script the page is the whole list.
(() => {
  "use strict";
  const LABELS = {
    find: "Find an idea", hint: "attention, 注意力, 4.21 …", priority: "Priority", all: "all",
    shown: "only ideas with a cell", count: (n, all) => `${n} of ${all} ideas`,
  };
  const tables = [...document.querySelectorAll("table.concept-map")];
  const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);
  if (!rows.length) return;

  const make = (tag, props, ...children) => {
    const element = Object.assign(document.createElement(tag), props);
    element.append(...children);
    return element;
  };
  const words = make("input", { type: "search", placeholder: LABELS.hint, autocomplete: "off" });
  const priority = make("select", {}, ...["", "1", "2", "3"].map((value) => make("option", { value }, value || LABELS.all)));
  const shown = make("input", { type: "checkbox" });
  const count = make("output", {});
  const bar = make("form", { className: "concept-filter" },
    make("label", {}, LABELS.find, " ", words), make("label", {}, LABELS.priority, " ", priority),
    make("label", {}, shown, " ", LABELS.shown), count);

  const searchable = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  function apply() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      const fits = wanted.every((word) => searchable.get(row).includes(word)) &&
        (!priority.value || row.dataset.priority === priority.value) && (!shown.checked || row.dataset.shown === "1");
      row.hidden = !fits;
      left += fits;
    }
    for (const table of tables) {
      (table.closest("section") ?? table).hidden = ![...table.tBodies[0].rows].some((row) => !row.hidden);
    }
    count.textContent = LABELS.count(left, rows.length);
  }
  bar.addEventListener("input", (event) => { if (!event.isComposing) apply(); });
  bar.addEventListener("compositionend", apply);
  bar.addEventListener("submit", (event) => event.preventDefault());
  tables[0].closest("section").before(bar);
  apply();
})();
