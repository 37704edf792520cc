// Searching: terms of a text, BM25 over them, ranks and their fusion, the prompt from its form. No drawing, no state.
// The terms and the formula are those of lmkit/retrieval/keywords.py (Robertson and Zaragoza 2009, as Lucene computes it: Kamphuis et al.
// 2020); reciprocal rank fusion is that of lmkit/retrieval/store.py (Cormack, Clarke and Büttcher 2009).

const RUN = /\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}])+/gu;
const HAN = /\p{Script=Han}/u;
export const hasHan = (text) => HAN.test(text);

const plain = (text) => text.normalize("NFKC").toLowerCase();

/** The terms of a text that is plain already, with their places: [{ term, start, end }]. */
function cutPlain(text) {
  const found = [];
  for (const { 0: run, index: start } of text.matchAll(RUN)) {
    const signs = hasHan(run) ? [...run] : [];
    if (signs.length < 2) {
      found.push({ term: run, start, end: start + run.length });
      continue;
    }
    let at = start;
    for (let i = 0; i + 1 < signs.length; at += signs[i++].length) {
      const term = signs[i] + signs[i + 1];
      found.push({ term, start: at, end: at + term.length });
    }
  }
  return found;
}

/** The terms of a text, in order: words in small letters, and the overlapping pairs of neighbouring Chinese characters. */
export const termsOf = (text) => cutPlain(plain(text)).map(({ term }) => term);

/** The same with their places in the text as it stands: a full-width letter or an accent of its own moves the places of what follows
 *  once the text is plain. Empty where the places cannot be told. */
export function placedTerms(text) {
  const [pieces, places] = [[], []];
  for (const { 0: sign, index } of text.matchAll(/\P{M}\p{M}*|\p{M}+/gu)) {
    const piece = plain(sign);
    pieces.push(piece);
    for (let i = 0; i < piece.length; i++) places.push([index, index + sign.length]);
  }
  const whole = plain(text);
  if (pieces.join("") !== whole) return [];
  return cutPlain(whole).map(({ term, start, end }) => ({ term, start: places[start][0], end: places[end - 1][1] }));
}

/** An index of texts: { n, average, lengths, postings: Map of term → Map of text → times, k1, b }. */
export function newIndex(texts, { k1, b }) {
  const [postings, lengths] = [new Map(), new Float64Array(texts.length)];
  texts.forEach((text, i) => {
    for (const term of termsOf(text)) {
      if (!postings.has(term)) postings.set(term, new Map());
      const times = postings.get(term);
      times.set(i, (times.get(i) ?? 0) + 1);
      lengths[i] += 1;
    }
  });
  const average = lengths.reduce((sum, length) => sum + length, 0) / (texts.length || 1);
  return { n: texts.length, average, lengths, postings, k1, b };
}

/** How much a term says: little if many of the n texts hold it. */
export function idfOf({ n, postings }, term) {
  const df = postings.get(term)?.size ?? 0;
  return df ? Math.log(1 + (n - df + 0.5) / (df + 0.5)) : 0;
}

/** What a term that stands in text i so many times adds to its score, as a share of the term's idf. */
function saturation({ lengths, average, k1, b }, i, times) {
  return times / (times + k1 * (1 - b + (b * lengths[i]) / average));
}

/** The BM25 score of every text for a question; a term that is asked twice counts twice. */
export function keywordScores(index, question) {
  const scores = new Float64Array(index.n);
  for (const term of termsOf(question)) {
    const idf = idfOf(index, term);
    for (const [i, times] of index.postings.get(term) ?? []) scores[i] += idf * saturation(index, i, times);
  }
  return scores;
}

/** What each term of the question adds to the score of text i, the largest first: [{ term, times, asked, adds }]. */
export function partsOf(index, question, i) {
  const parts = new Map();
  for (const term of termsOf(question)) {
    const times = index.postings.get(term)?.get(i) ?? 0;
    if (!times) continue;
    const part = parts.get(term) ?? { term, times, asked: 0, adds: 0 };
    part.asked += 1;
    part.adds += idfOf(index, term) * saturation(index, i, times);
    parts.set(term, part);
  }
  return [...parts.values()].sort((a, b) => b.adds - a.adds);
}

// ---------------------------------------------------------------- ranks

/** Places of the scores, the largest first, of equals the earlier; with `least`, only those above it. */
export function orderOf(scores, least = -Infinity) {
  const order = [];
  for (let i = 0; i < scores.length; i++) if (scores[i] > least) order.push(i);
  return order.sort((a, b) => scores[b] - scores[a] || a - b);
}

/** The rank of every text, from 1; 0 for one that is not in the order. */
export function ranksOf(order, n) {
  const ranks = new Int32Array(n);
  order.forEach((i, at) => (ranks[i] = at + 1));
  return ranks;
}

/** Reciprocal rank fusion of the first `depth` of each order: 1 / (constant + rank), added up. Equal sums in the order in which they
 *  first stood. { scores, order } */
export function fuse(orders, n, { depth, constant }) {
  const scores = new Float64Array(n);
  const first = new Set();
  for (const order of orders) {
    order.slice(0, depth).forEach((i, at) => {
      scores[i] += 1 / (constant + at + 1);
      first.add(i);
    });
  }
  return { scores, order: [...first].sort((a, b) => scores[b] - scores[a]) };
}

/** The rank of the best of the texts in `right`; 0 where none of them was found. */
export function bestRank(ranks, right) {
  const found = right.map((i) => ranks[i]).filter((rank) => rank > 0);
  return found.length ? Math.min(...found) : 0;
}

// ---------------------------------------------------------------- texts

/** A text cut into [{ text, hit }], hit where it is one of `terms` (a Set). */
export function marked(text, terms) {
  const parts = [];
  let [at, from, to] = [0, -1, -1];
  const close = () => {
    if (from < 0) return;
    if (from > at) parts.push({ text: text.slice(at, from), hit: false });
    parts.push({ text: text.slice(from, to), hit: true });
    [at, from] = [to, -1];
  };
  for (const { term, start, end } of placedTerms(text)) {
    if (!terms.has(term)) continue;
    if (from >= 0 && start < to) to = end; // two neighbouring characters share one
    else {
      close();
      [from, to] = [start, end];
    }
  }
  close();
  if (at < text.length) parts.push({ text: text.slice(at), hit: false });
  return parts;
}

/** The prompt from its form, as parts [{ kind, text, place }]: kind "q" is the question, "t" a passage's text, "d" its document, and
 *  "" what the prompt says itself. Joined, the texts are what the model reads. */
export function filled(form, question, passages) {
  return form.map((part) => {
    if (typeof part === "string") return { kind: "", text: part, place: -1 };
    const [kind, place] = part;
    return { kind, place, text: kind === "q" ? question : kind === "t" ? passages[place].text : passages[place].document };
  });
}
