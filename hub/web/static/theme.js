// Before the first paint: the theme the reader chose, else the one their system asks for.
(function () {
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function chosen() {
    try { return window.localStorage.getItem("theme"); } catch (refused) { return null; }
  }
  function apply() {
    var theme = chosen() || (dark.matches ? "dark" : "light");
    document.documentElement.setAttribute("data-bs-theme", theme);
  }
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("click", function (event) {
    if (!event.target.closest("[data-toggle-theme]")) { return; }
    var now = document.documentElement.getAttribute("data-bs-theme");
    try { window.localStorage.setItem("theme", now === "dark" ? "light" : "dark"); } catch (refused) { /* it stays the system's */ }
    apply();
  });
})();
