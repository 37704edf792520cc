// Sets formulas with MathJax outside a browser. Read from standard input, written to standard output, as JSON:
// {home, pages: {page: [{tex, display}]}} -> {pages: {page: {formulas: [HTML], shapes: SVG}}}, or {error: {page, tex, message}}.
// The shapes of the letters stand once in a page; every formula of the page refers to them.
"use strict";
const { home, pages } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));

function refuse(jax, error) {
  throw error; // MathJax would set the error as a red formula
}

async function setPages(MathJax) {
  const { adaptor, output } = MathJax.startup;
  const done = {};
  for (const [page, formulas] of Object.entries(pages)) {
    output.fontCache.clearCache();
    const set = [];
    for (const { tex, display } of formulas) {
      try {
        set.push(adaptor.outerHTML(await MathJax.tex2svgPromise(tex, { display })));
      } catch (error) {
        return { error: { page, tex, message: error.message } };
      }
    }
    const letters = adaptor.outerHTML(output.fontCache.getCache());
    done[page] = { formulas: set, shapes: `<svg style="display: none" aria-hidden="true">${letters}</svg>` };
  }
  return { pages: done };
}

require(`${home}/es5/node-main.js`)
  .init({
    loader: { paths: { mathjax: `${home}/es5` }, load: ["input/tex", "output/svg", "a11y/assistive-mml"] },
    tex: { packages: { "[-]": ["noundefined", "noerrors"] }, formatError: refuse },
    svg: { fontCache: "global" },
    startup: { typeset: false },
  })
  .then(setPages)
  .then((result) => process.stdout.write(JSON.stringify(result)));
