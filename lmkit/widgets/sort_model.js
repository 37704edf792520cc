// Items, groups that may stand inside each other, and where the reader has put what. No drawing.

/** How the groups stand: `index` by name, `parents` (−1: none), and `order`, each group before those inside it. */
export function treeOf(groups) {
  const index = new Map(groups.map(({ name }, i) => [name, i]));
  const parents = groups.map(({ inside }) => index.get(inside) ?? -1);
  const childrenOf = (parent) => parents.flatMap((one, i) => (one === parent ? [i] : []));
  const withInner = (i) => [i, ...childrenOf(i).flatMap(withInner)];
  return { index, parents, childrenOf, order: childrenOf(-1).flatMap(withInner) };
}

/** The groups round a group, the next one first. */
export function around(group, { parents }) {
  return parents[group] < 0 ? [] : [parents[group], ...around(parents[group], { parents })];
}

/** "right"; "near" where it is true but there is a closer place; "wrong". */
export function verdictOf({ group, also }, place, tree) {
  const own = tree.index.get(group);
  if (place === own) return "right";
  const near = [...around(own, tree), ...also.map((name) => tree.index.get(name))];
  return near.includes(place) ? "near" : "wrong";
}

/** Where an item is (a group or null), how the first try went (a verdict or null), and whether its place was shown. */
export const untouched = () => ({ place: null, first: null, shown: false });

/** Progress as it was kept; null where it does not fit these items and groups. */
export function checkedProgress(record, items, groups) {
  const isPlace = (place) => place === null || (Number.isInteger(place) && place >= 0 && place < groups.length);
  const isEntry = (one) => one && isPlace(one.place) && [null, "right", "near", "wrong"].includes(one.first) && typeof one.shown === "boolean";
  if (!Array.isArray(record) || record.length !== items.length || !record.every(isEntry)) return null;
  return record.map(({ place, first, shown }) => ({ place, first, shown }));
}

/** How many items are right at the first try, how many are in their place, and how many there are. */
export function countsOf(progress, items, tree) {
  const inPlace = progress.filter(({ place }, i) => place !== null && verdictOf(items[i], place, tree) === "right").length;
  return { firsts: progress.filter(({ first }) => first === "right").length, inPlace, all: items.length };
}
