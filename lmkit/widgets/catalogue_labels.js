// Every word that the catalogue shows or says: translate this file, and it speaks another language.
import { whole } from "./numbers.js";

export const LABELS = {
  widget: "Table",
  search: "Search",
  all: "all",
  clear: "Show all",
  counted: (shown, total) => (shown === total ? `${whole(total)} rows` : `${whole(shown)} of ${whole(total)} rows`),
  nothing: "No row fits. Empty the search, or choose “all”.",
  scroll: (title) => `${title}: the rows. Scroll with the arrow keys.`,
  sorted: (title, descending) => `sorted by ${title}, ${descending ? "descending" : "ascending"}`,
  sortBy: (title) => `Sort by ${title}`,
  none: "–",
  opens: "opens another site",
};
