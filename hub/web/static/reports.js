// Shows the days to fill in for «any days», and the one day of the other periods.
(function () {
  "use strict";
  document.addEventListener("change", function (event) {
    if (!event.target.matches("[data-period]")) { return; }
    event.target.form.querySelectorAll("[data-when-period]").forEach(function (part) {
      part.hidden = part.dataset.whenPeriod.split(" ").indexOf(event.target.value) < 0;
    });
  });
})();
