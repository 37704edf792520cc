// Draws the plotly figures of a page: once a reader moves and one comes near, in the colours of the page, as wide as the text.
// A classic script without fetch(), so that it works on file:// too.
(() => {
  "use strict";
  const here = document.currentScript;
  const PLOTLY = new URL(here.dataset.plotly, here.src).href;
  const DEFAULT_FIRST_COLOUR = "#636efa"; // of plotly's own template, which fits a light page only
  const NARROW = 520; // CSS pixels

  let loading = null;
  function loadPlotly() {
    loading ??= new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { src: PLOTLY, onload: resolve });
      script.onerror = () => reject(new Error("the plotting script could not be loaded"));
      document.head.append(script);
    });
    return loading;
  }

  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  function merge(below, above) {
    const result = { ...below };
    for (const [key, value] of Object.entries(above ?? {})) {
      result[key] = isObject(value) && isObject(result[key]) ? merge(result[key], value) : value;
    }
    return result;
  }

  function pageTemplate(element) {
    const style = getComputedStyle(element);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = {
      gridcolor: colour("--figure-grid"), zerolinecolor: colour("--figure-line"), linecolor: colour("--figure-line"),
      tickcolor: colour("--figure-line"), automargin: true, title: { standoff: 10 },
    };
    return {
      layout: {
        font: { family: style.fontFamily, size: 14, color: colour("--figure-ink") },
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        colorway: colour("--figure-colours").split(/\s+/),
        xaxis: axis, yaxis: axis, margin: { l: 56, r: 16, t: 56, b: 48 },
        hoverlabel: { bgcolor: colour("--figure-paper"), bordercolor: colour("--figure-line"), font: { color: colour("--figure-ink") } },
        legend: { bgcolor: "rgba(0,0,0,0)" },
      },
    };
  }

  function themed(layout, plot) {
    const page = pageTemplate(plot);
    const own = layout.template?.layout ?? {};
    const isDefault = own.colorway?.[0]?.toLowerCase() === DEFAULT_FIRST_COLOUR;
    const result = merge(layout, { autosize: true, template: isDefault ? page : merge(layout.template ?? {}, page) });
    if (!isDefault && own.colorway) result.template.layout.colorway = own.colorway;
    delete result.width;
    if (plot.clientWidth < NARROW && !layout.legend?.orientation) {
      result.legend = merge(result.legend ?? {}, { orientation: "h", y: 1, yanchor: "bottom", x: 0 }); // below, it would meet long labels
    }
    return result;
  }

  async function draw(figure) {
    const plot = figure.querySelector(".plotly-figure-plot");
    const { data, layout, config } = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    const settings = { displaylogo: false, responsive: false, modeBarButtonsToRemove: ["lasso2d", "select2d"], ...config };
    if (plot.clientWidth < NARROW) settings.displayModeBar = false; // it would cover the title
    try {
      await loadPlotly();
      plot.replaceChildren();
      const paint = () => globalThis.Plotly.react(plot, data, themed(layout, plot), settings);
      await paint();
      let width = plot.clientWidth;
      new ResizeObserver(() => {
        if (plot.clientWidth && plot.clientWidth !== width) paint((width = plot.clientWidth));
      }).observe(plot);
      new MutationObserver(paint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
      figure.dataset.drawn = "";
    } catch (error) {
      plot.setAttribute("role", "alert");
      plot.textContent = `This figure could not be drawn: ${error.message}`;
      console.error(error);
    }
  }

  const begun = new Map(); // figure -> the promise that it is drawn: never twice, or plotly would believe what is gone
  const drawOnce = (figure) => begun.get(figure) ?? begun.set(figure, draw(figure)).get(figure);
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      drawOnce(target);
    }
  }, { rootMargin: "1200px" });
  const figures = [...document.querySelectorAll(".plotly-figure")];
  const watch = (some) => some.filter((figure) => !begun.has(figure)).forEach((figure) => near.observe(figure));

  // Until a reader moves, only what stands on the screen is worth the large script.
  const MOVES = ["scroll", "wheel", "touchstart", "pointerdown", "keydown"];
  const onScreen = ({ top, bottom }) => bottom > 0 && top < innerHeight;
  function begin() {
    MOVES.forEach((name) => window.removeEventListener(name, begin));
    watch(figures);
  }
  MOVES.forEach((name) => window.addEventListener(name, begin, { passive: true }));
  watch(figures.filter((figure) => onScreen(figure.getBoundingClientRect())));

  // A print waits for nothing: what is not drawn when it begins is missing. By the keys, it begins when all is drawn.
  window.addEventListener("keydown", async (event) => {
    const missing = figures.filter((figure) => !("drawn" in figure.dataset));
    if (event.key.toLowerCase() !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || !missing.length) return;
    event.preventDefault();
    await Promise.all(missing.map(drawOnce));
    window.print();
  });
})();
