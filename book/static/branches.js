// Plays the figure of the front page: a model's sentence grows by one recorded token at a time, and a reader may choose another.
// The first step stands in the page already; only what it shows is changed here, so nothing moves around it.
(() => {
  "use strict";
  const LABELS = {
    pause: "Pause", play: "Play", back: "Back", again: "Restart",
    rest: (n, share) => `${n.toLocaleString("en")} other tokens share ${share}`,
    chose: (token, p) => `${token}, ${p}`,
    end: "The model ends its answer here.", recorded: "The recording ends here. Restart, or go back and choose another.",
    backTo: "One token back.", restarted: "From the beginning.",
  };
  const FIRST = 500, CHOOSING = 450, READING = 750, RESTING = 3500; // milliseconds
  const END = ["<|im_end|>", "<|endoftext|>"];

  const percent = (p) => (p < 0.001 && p > 0 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`);
  const shown = (token) => token.replace(/^ /, "␣").replaceAll("\n", "↵");

  /** Numbers in [0, 1) that are the same at every visit (mulberry32). */
  function numbers(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  /** A place among the next tokens, by their probabilities. */
  function draw(next, random) {
    let left = random() * next.reduce((sum, [, p]) => sum + p, 0);
    const place = next.findIndex(([, p]) => (left -= p) < 0);
    return place < 0 ? 0 : place;
  }

  function start(root) {
    const { steps, others } = JSON.parse(root.querySelector("script").textContent);
    const find = (name) => root.querySelector(`.branches-${name}`);
    const written = find("written"), status = find("status"), rest = find("rest"), list = find("bars");
    const buttons = [...list.querySelectorAll("button")];
    const random = numbers(1);
    const button = (label, act) => {
      const one = Object.assign(document.createElement("button"), { type: "button", textContent: label });
      one.addEventListener("click", act);
      return one;
    };
    let path = "", playing = false, timer = 0, seen = true;

    const next = () => steps[path];
    const over = () => !next();
    const tokenAt = (i) => steps[path.slice(0, i)][path[i]][0];

    function show() {
      const tokens = [...path].map((_, i) => tokenAt(i));
      written.replaceChildren(...tokens.map((token) => Object.assign(document.createElement("span"), { textContent: END.includes(token) ? "" : token })));
      const now = next() ?? [];
      buttons.forEach((one, i) => {
        const [token, p] = now[i] ?? ["", 0];
        const [name, track, share] = one.children;
        name.textContent = shown(token);
        track.firstElementChild.style.setProperty("--p", p);
        share.textContent = token && percent(p);
        one.disabled = !token;
        one.classList.remove("is-chosen");
      });
      const ended = END.includes(tokens.at(-1));
      const sum = now.reduce((all, [, p]) => all + p, 0);
      rest.textContent = now.length ? LABELS.rest(others, percent(Math.max(0, 1 - sum))) : ended ? LABELS.end : LABELS.recorded;
      back.disabled = again.disabled = !path;
      root.dataset.path = path;
    }

    function later(act, wait) {
      clearTimeout(timer);
      timer = setTimeout(act, wait);
    }

    function choose(place) {
      path += place;
      show();
    }

    function turn() {
      if (!playing || !seen || document.hidden) return;
      if (over()) {
        later(() => { path = ""; show(); later(turn, READING); }, RESTING);
        return;
      }
      const place = draw(next(), random);
      buttons[place].classList.add("is-chosen");
      later(() => { choose(place); later(turn, over() ? 0 : READING); }, CHOOSING);
    }

    function play(on) {
      playing = on;
      clearTimeout(timer);
      pause.textContent = on ? LABELS.pause : LABELS.play;
      if (!on) return;
      if (over()) { path = ""; show(); }
      later(turn, FIRST);
    }

    /** What a reader does stops the playing, and is said to those who do not see it. */
    function byHand(words) {
      play(false);
      show();
      const where = over() ? ` ${rest.textContent}` : "";
      status.textContent = words + where;
    }

    buttons.forEach((one, place) => one.addEventListener("click", () => {
      const [token, p] = next()[place];
      path += place;
      byHand(LABELS.chose(shown(token), percent(p)));
      if (one.disabled) again.focus();
    }));
    const pause = button(LABELS.play, () => play(!playing));
    const back = button(LABELS.back, () => { path = path.slice(0, -1); byHand(LABELS.backTo); if (back.disabled) pause.focus(); });
    const again = button(LABELS.again, () => { path = ""; byHand(LABELS.restarted); pause.focus(); });
    find("controls").append(pause, back, again);
    new IntersectionObserver(([{ isIntersecting }]) => {
      seen = isIntersecting;
      if (playing && seen) later(turn, FIRST);
    }).observe(root);
    document.addEventListener("visibilitychange", () => { if (playing && !document.hidden) later(turn, FIRST); });
    show();
    root.dataset.ready = "";
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play(true);
  }

  document.querySelectorAll(".branches").forEach(start);
})();
