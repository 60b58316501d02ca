// Ticking events: how many are picked, all at once, and nothing to send without one.
(function () {
  "use strict";

  function boxes() {
    return Array.prototype.slice.call(document.querySelectorAll('input[name="ids"][form="pick"]'));
  }

  function count() {
    var form = document.querySelector("[data-picking]");
    if (!form) { return; }
    var picked = boxes().filter(function (box) { return box.checked; }).length;
    var said = form.querySelector("[data-picked]");
    if (!said.dataset.idle) { said.dataset.idle = said.textContent; }
    said.textContent = picked ? said.dataset.picked.replace("#", String(picked)) : said.dataset.idle;
    form.querySelector("[data-needs-pick]").disabled = !picked;
  }

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-pick-all]")) {
      boxes().forEach(function (box) { box.checked = event.target.checked; });
    }
    if (event.target.matches('[data-pick-all], input[name="ids"]')) { count(); }
  });
  document.body.addEventListener("htmx:afterSettle", count);
  count();
})();
