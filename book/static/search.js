// Searches the course in English and Chinese. The entries (search-data.js) and the library (minisearch.js) are loaded before it.
// Chinese has no blanks between words: a run of its characters is indexed by its pairs, and found as it stands.
(() => {
  "use strict";
  const AT_ONCE = 20; // results
  const CHUNK = 50; // entries that are indexed before the page may answer a key
  const AROUND = 90; // characters of a snippet before the first match, and twice as many after it
  const LABELS = {
    found: (n, query) => (n ? `${n} ${n === 1 ? "section" : "sections"} · ${n} 处` : `Nothing holds ${query}. 没有找到。`),
    also: (names) => `Also searched, after the glossary: ${names.join(", ")}.`,
    empty: "Type a word. 请输入要找的词。",
    wait: "One moment. 请稍候。",
  };
  const RUNS = /[\u3400-\u9fff]+|[\p{L}\p{N}]+/gu;
  const HAN = /^[\u3400-\u9fff]/;
  const TITLE = 5, PAGE = 0.5, PHRASE = 2, EXACT = 3, OTHER_LANGUAGE = 0.6; // what counts more, and less

  /** The words of a text as the index holds them: 自注意力 becomes 自注, 注意, 意力 and 力, so that single characters are found too. */
  function tokenize(text) {
    return (text.toLowerCase().match(RUNS) ?? []).flatMap((run) =>
      HAN.test(run) ? [...run].map((character, i, all) => character + (all[i + 1] ?? "")) : [run]);
  }

  /** The words to look for: as in the index, without the lone last character of a longer Chinese run. */
  function wanted(text) {
    return (text.toLowerCase().match(RUNS) ?? []).flatMap((run) => {
      if (!HAN.test(run)) return [run];
      const characters = [...run];
      return characters.length === 1 ? characters : characters.slice(1).map((character, i) => characters[i] + character);
    });
  }

  const { pages, entries, pairs } = globalThis.searchData;
  const low = entries.map(([page, , title, text]) => ({ title: title.toLowerCase(), all: `${title}\n${text}`.toLowerCase(), page }));
  const index = new globalThis.MiniSearch({ fields: ["title", "page", "text"], tokenize, processTerm: (term) => term });
  const documents = entries.map(([page, , title, text], id) => ({ id, title, text, page: pages[page][1] }));

  /** [id, score] of the entries that hold all words of `text`, and as they stand what is in quotation marks or Chinese. */
  function find(text, weight) {
    const whole = [...text.toLowerCase().matchAll(/"([^"]+)"|([\u3400-\u9fff]{2,})/g)].map((match) => match[1] ?? match[2]);
    const phrase = text.toLowerCase().replaceAll('"', "").trim();
    const found = index.search(text, {
      tokenize: wanted,
      combineWith: "AND",
      prefix: (term) => !HAN.test(term) ? term.length > 2 : term.length === 1,
      fuzzy: (term) => (!HAN.test(term) && term.length > 5 ? 0.15 : false),
      boost: { title: TITLE, page: PAGE },
      filter: ({ id }) => whole.every((words) => low[id].all.includes(words) || pages[low[id].page][1].toLowerCase().includes(words)),
    });
    return found.map(({ id, score }) => {
      const exact = low[id].title.split(" · ").includes(phrase) ? EXACT : 1;
      return [id, weight * score * exact * (low[id].all.includes(phrase) ? PHRASE : 1)];
    });
  }

  /** The names in the other language of what is searched for, after the glossary. */
  function translations(text) {
    const query = text.replaceAll('"', "").trim().toLowerCase();
    const holds = (names) => names.some((name) => name.toLowerCase() === query);
    return pairs.flatMap(([english, chinese]) => (holds(english) ? chinese : holds(chinese) ? english : []));
  }

  /** {ids, also}: the entries for a query, best first, and what else was searched for. */
  function search(text) {
    const also = translations(text);
    const best = new Map();
    for (const [id, score] of [...find(text, 1), ...also.flatMap((name) => find(`"${name}"`, OTHER_LANGUAGE))]) {
      best.set(id, Math.max(score, best.get(id) ?? 0));
    }
    return { ids: [...best.keys()].sort((a, b) => best.get(b) - best.get(a) || a - b), also };
  }

  /** What to mark in a text: the phrases and words that were looked for. */
  function marks(text, also) {
    const words = [text.replaceAll('"', "").trim(), ...also, ...(text.match(RUNS) ?? [])].filter((word) => word.length > 1 || HAN.test(word));
    const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/^(?=[a-z0-9])/i, "(?<![\\p{L}\\p{N}])"));
    return escaped.length ? new RegExp(escaped.join("|"), "giu") : /(?!)/g;
  }

  /** The nodes of a text with its matches marked. */
  function marked(text, pattern) {
    const nodes = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      nodes.push(text.slice(end, match.index), Object.assign(document.createElement("mark"), { textContent: match[0] }));
      end = match.index + match[0].length;
    }
    return [...nodes, text.slice(end)];
  }

  function snippet(text, pattern) {
    const first = Math.max(0, text.search(pattern));
    let from = Math.max(0, first - AROUND);
    const to = Math.min(text.length, first + 2 * AROUND);
    if (from > 0) from = Math.max(from, text.slice(from, first).search(/[\s。，；：]/) + from + 1);
    return `${from > 0 ? "… " : ""}${text.slice(from, to)}${to < text.length ? " …" : ""}`;
  }

  const input = document.getElementById("course-search-input");
  const list = document.getElementById("search-results");
  const count = document.querySelector(".course-search-count");
  const more = document.querySelector(".course-search-more");
  const root = document.documentElement.dataset.content_root;
  let ready = false;
  let shown = { ids: [], pattern: /(?!)/g };

  function result(id) {
    const [page, anchor, title, text] = entries[id];
    const [address, pageTitle] = pages[page];
    const link = Object.assign(document.createElement("a"), { href: `${root}${address}#${encodeURIComponent(anchor)}` });
    link.append(...marked(title, shown.pattern));
    const where = Object.assign(document.createElement("span"), { className: "course-search-page", textContent: pageTitle === title ? "" : pageTitle });
    const words = document.createElement("p");
    words.append(...marked(snippet(text, shown.pattern), shown.pattern));
    const item = document.createElement("li");
    item.append(link, " ", where, words);
    return item;
  }

  function showMore() {
    const from = list.children.length;
    list.append(...shown.ids.slice(from, from + AT_ONCE).map(result));
    more.hidden = list.children.length >= shown.ids.length;
    if (from) list.children[from].querySelector("a").focus();
  }

  function show() {
    if (!ready) return;
    const text = input.value.trim();
    const { ids, also } = text ? search(text) : { ids: [], also: [] };
    shown = { ids, pattern: marks(text, also) };
    list.replaceChildren();
    showMore();
    count.textContent = text ? [LABELS.found(ids.length, text), ...(also.length ? [LABELS.also(also)] : [])].join(" ") : LABELS.empty;
  }

  input.addEventListener("input", (event) => { if (!event.isComposing) show(); });
  input.addEventListener("compositionend", show);
  input.form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  more.addEventListener("click", showMore);
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  count.textContent = LABELS.wait;
  index.addAllAsync(documents, { chunkSize: CHUNK }).then(() => {
    ready = true;
    show();
    document.documentElement.dataset.search = "ready";
  });
  if (matchMedia("(pointer: fine)").matches) input.focus(); // on a phone it would open the keyboard over the results
})();
