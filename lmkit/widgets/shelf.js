// One place in the browser's storage, which may refuse to be used: a sandboxed frame, a full disk, a reader's choice.

/** read() gives the text that is kept or null, write(text) whether it is kept now, works() whether anything can be kept. */
export function shelfOf(name) {
  const tried = (use) => {
    try {
      return { value: use(), works: true };
    } catch {
      return { value: null, works: false };
    }
  };
  return {
    read: () => tried(() => localStorage.getItem(name)).value,
    write: (text) => tried(() => localStorage.setItem(name, text)).works,
    works: () => tried(() => (localStorage.setItem(`${name}.try`, ""), localStorage.removeItem(`${name}.try`))).works,
  };
}

/** What a text says in JSON; undefined where it is none. */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
