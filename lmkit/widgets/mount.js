// Brings widgets to life on a page that has no kernel. Reads the standard Jupyter widget state in the page, and mounts every
// anywidget where its view stands. A classic script without fetch(), so that it works on file:// too.
(() => {
  "use strict";
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';

  const states = new Map(); // model id -> raw state as it stands in the page
  const models = new Map(); // model id -> Promise of a live model
  const modules = new Map(); // source text -> Promise of the imported module

  function readStates() {
    for (const script of document.querySelectorAll(STATE)) {
      const document_ = JSON.parse(script.textContent);
      for (const [id, model] of Object.entries(document_.state ?? {})) states.set(id, model);
      if (Object.keys(document_.state ?? {}).every(isOurs)) script.type = "application/x-mounted-widget-state+json"; // not the html-manager's
    }
  }

  // A page holds identical texts and buffers once; the others say {"$same": id of the model that holds it}.
  function shared(id, find) {
    let value = find(states.get(id));
    for (let hops = 0; value && typeof value === "object" && "$same" in value; hops++) {
      if (hops > 4) throw new Error("widget state refers to itself");
      value = find(states.get(value.$same));
    }
    return value;
  }

  function decode(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  function openBuffers(id, state) {
    for (const { path } of states.get(id).buffers ?? []) {
      const same = (b) => JSON.stringify(b.path) === JSON.stringify(path);
      const data = shared(id, (raw) => raw.buffers.find(same).data);
      const holder = path.slice(0, -1).reduce((at, key) => at[key], state);
      holder[path.at(-1)] = new DataView(decode(data).buffer);
    }
  }

  function importOnce(source) {
    if (!modules.has(source)) {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      modules.set(source, import(url).then((m) => (typeof m.default === "function" ? m.default() : (m.default ?? m))));
    }
    return modules.get(source);
  }

  const styled = new Set();
  function addStyle(css) {
    if (!css || styled.has(css)) return;
    styled.add(css);
    document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  }

  function liveModel(id, state) {
    const listeners = new Map();
    const changed = new Set();
    const emit = (name, ...args) => [...(listeners.get(name) ?? [])].forEach((callback) => callback(...args));
    return {
      get: (key) => state[key],
      set(key, value) {
        if (state[key] === value) return;
        state[key] = value;
        changed.add(key);
        emit(`change:${key}`, { name: key, new: value });
      },
      save_changes() {
        if (changed.size) emit("change", { changed: [...changed] });
        changed.clear();
      },
      on(name, callback) {
        if (!listeners.has(name)) listeners.set(name, new Set());
        listeners.get(name).add(callback);
      },
      off(name, callback) {
        if (callback) listeners.get(name)?.delete(callback);
        else listeners.delete(name);
      },
      send() {}, // There is no kernel to hear it.
      widget_manager: { get_model: (reference) => getModel(reference.replace(/^IPY_MODEL_/, "")).then((m) => m.model) },
    };
  }

  function getModel(id) {
    if (!models.has(id)) models.set(id, createModel(id));
    return models.get(id);
  }

  async function createModel(id) {
    const raw = states.get(id);
    if (!raw) throw new Error("the page does not hold this widget's state");
    const state = { ...raw.state };
    for (const key of ["_esm", "_css"]) state[key] = shared(id, (other) => other.state[key]);
    openBuffers(id, state);
    const model = liveModel(id, state);
    addStyle(state._css);
    const widget = await importOnce(state._esm);
    const stop = await widget.initialize?.({ model, experimental: {} });
    return { model, widget, stop };
  }

  function isOurs(id) {
    return states.get(id)?.model_module === "anywidget";
  }

  async function mount(script) {
    const { model_id: id } = JSON.parse(script.textContent);
    if (!isOurs(id)) return; // plain ipywidgets belong to the html-manager
    script.type = "application/x-mounted-widget-view+json";
    const slot = script.closest(".lmkit-slot") ?? script.parentElement;
    const el = document.createElement("div");
    slot.insertBefore(el, script.parentElement === slot ? script : null);
    try {
      const { model, widget } = await getModel(id);
      await widget.render?.({ model, el, experimental: {} });
      el.dataset.mounted = id;
    } catch (error) {
      el.className = "lmkit-error";
      el.setAttribute("role", "alert");
      el.textContent = `This figure could not start: ${error.message}`;
      console.error(error);
    }
  }

  // Two widgets of one kind on a page name their parts alike; a list of landmarks must tell them apart.
  function tellApart() {
    const seen = new Map();
    for (const part of document.querySelectorAll('.lmkit-slot :is(section, [role="region"])[aria-label]')) {
      const name = part.getAttribute("aria-label");
      seen.set(name, (seen.get(name) ?? 0) + 1);
      if (seen.get(name) > 1) part.setAttribute("aria-label", `${name} (${seen.get(name)})`);
    }
    document.querySelectorAll(".lmkit-slot").forEach((slot, number) => {
      for (const part of slot.querySelectorAll("[id]")) {
        const old = part.id;
        if (document.getElementById(old) === part) continue;
        part.id = `${old}-in-${number}`;
        for (const reference of ["for", "aria-labelledby", "aria-describedby", "aria-controls", "list"]) {
          slot.querySelectorAll(`[${reference}="${CSS.escape(old)}"]`).forEach((user) => user.setAttribute(reference, part.id));
        }
      }
    });
  }

  async function start() {
    readStates();
    await Promise.all([...document.querySelectorAll(VIEW)].map(mount));
    tellApart();
    document.documentElement.dataset.widgets = "ready";
    performance.mark("widgets-ready");
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
