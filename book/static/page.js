// Small services for every page: what scrolls sideways can be reached and scrolled by keyboard; paper is light.
(() => {
  "use strict";
  const SCROLLERS = ".bd-article pre, .pst-scrollable-table-container, .bd-article div.math, .cell_output .text_html";

  function mark(element) {
    if (element.scrollWidth > element.clientWidth + 1) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
  const watcher = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));
  document.querySelectorAll(SCROLLERS).forEach((element) => watcher.observe(element));

  const page = document.documentElement.dataset;
  let onScreen = page.theme;
  window.addEventListener("beforeprint", () => { [onScreen, page.theme] = [page.theme, "light"]; });
  window.addEventListener("afterprint", () => { page.theme = onScreen; });
})();
