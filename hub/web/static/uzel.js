// The little the pages need besides htmx: the CSRF header, the menu, copying, keys.
(function () {
  "use strict";
  var token = document.querySelector('meta[name="csrf-token"]').content;

  document.body.addEventListener("htmx:configRequest", function (event) {
    event.detail.headers["X-CSRFToken"] = token;
  });

  // A list that could not be loaded must not look like an answer.
  document.body.addEventListener("htmx:responseError", function () {
    window.location.reload();
  });

  document.addEventListener("click", function (event) {
    var toggle = event.target.closest('[data-toggle="menu"]');
    if (toggle) {
      var open = document.getElementById("menu").classList.toggle("show");
      toggle.setAttribute("aria-expanded", String(open));
      return;
    }
    var copy = event.target.closest("[data-copy]");
    if (copy && navigator.clipboard) {
      navigator.clipboard.writeText(copy.parentElement.querySelector("code").textContent);
      copy.classList.add("btn-success");
      window.setTimeout(function () { copy.classList.remove("btn-success"); }, 1200);
    }
  });

  // A form that acts is sent once, however often its button is pressed.
  document.addEventListener("submit", function (event) {
    if (event.target.method !== "post") { return; }
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "yes";
  });

  function rows() {
    return Array.prototype.slice.call(document.querySelectorAll("tr[data-href]"));
  }

  function move(step) {
    var all = rows();
    if (!all.length) { return; }
    var at = all.indexOf(document.querySelector("tr.is-current"));
    var next = all[Math.max(0, Math.min(all.length - 1, at + step))];
    all.forEach(function (row) { row.classList.toggle("is-current", row === next); });
    next.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (/^(INPUT|SELECT|TEXTAREA|BUTTON|A|SUMMARY)$/.test(event.target.tagName)) { return; }
    var search = document.querySelector("[data-search]");
    var current = document.querySelector("tr.is-current");
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "j") {
      move(1);
    } else if (event.key === "k") {
      move(-1);
    } else if (event.key === "Enter" && current) {
      window.location.assign(current.dataset.href);
    }
  });
})();
