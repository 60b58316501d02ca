// The little the pages need besides htmx: the CSRF header, the menu, copying, keys.
(function () {
  "use strict";
  var token = document.querySelector('meta[name="csrf-token"]').content;

  document.body.addEventListener("htmx:configRequest", function (event) {
    event.detail.headers["X-CSRFToken"] = token;
  });

  // What could not be loaded must not look like an answer: it is said, and what to do.
  function fail(when) {
    var box = document.getElementById("failure");
    if (!box) { window.location.reload(); return; }
    box.querySelectorAll("[data-when]").forEach(function (part) {
      part.hidden = part.dataset.when !== when;
    });
    box.hidden = false;
  }
  document.body.addEventListener("htmx:responseError", function () { fail("refused"); });
  document.body.addEventListener("htmx:sendError", function () { fail("offline"); });
  document.body.addEventListener("htmx:timeout", function () { fail("offline"); });
  document.body.addEventListener("htmx:afterOnLoad", function () {
    var box = document.getElementById("failure");
    if (box) { box.hidden = true; }
  });

  // Anything asked for shows that it is on its way.
  var waiting = 0;
  function busy(step) {
    waiting = Math.max(0, waiting + step);
    document.body.classList.toggle("is-busy", waiting > 0);
  }
  document.body.addEventListener("htmx:beforeRequest", function () { busy(1); });
  document.body.addEventListener("htmx:afterRequest", function () { busy(-1); });
  window.addEventListener("pageshow", function () { document.body.classList.remove("is-busy"); });

  // What scrolls sideways can be reached and moved by keys.
  function reachable() {
    document.querySelectorAll(".table-responsive, pre").forEach(function (part) {
      if (part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight) { part.tabIndex = 0; }
    });
  }
  reachable();
  document.body.addEventListener("htmx:afterSettle", reachable);

  function help() {
    var keys = document.getElementById("keys");
    if (keys && !keys.open) { keys.showModal(); }
  }

  document.addEventListener("click", function (event) {
    var toggle = event.target.closest('[data-toggle="menu"]');
    if (toggle) {
      var open = document.getElementById("menu").classList.toggle("show");
      toggle.setAttribute("aria-expanded", String(open));
      return;
    }
    if (event.target.closest("[data-help]")) { help(); return; }
    if (event.target.closest("[data-reload]")) { window.location.reload(); return; }
    var copy = event.target.closest("[data-copy]");
    if (copy && navigator.clipboard) {
      navigator.clipboard.writeText(copy.parentElement.querySelector("code").textContent);
      copy.classList.add("btn-success");
      window.setTimeout(function () { copy.classList.remove("btn-success"); }, 1200);
    }
  });

  // A form that acts is sent once, however often its button is pressed.
  document.addEventListener("submit", function (event) {
    if (event.target.method !== "post" || "download" in event.target.dataset) { return; }
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "yes";
    document.body.classList.add("is-busy");
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
    if (event.key === "Escape") {
      if (event.target.matches("input, textarea")) { event.target.blur(); }
      if (event.target.id === "site-search") { document.getElementById("site-found").replaceChildren(); }
      document.querySelectorAll("details[open][data-closes]").forEach(function (part) { part.open = false; });
      return;
    }
    if (/^(INPUT|SELECT|TEXTAREA|BUTTON|A|SUMMARY)$/.test(event.target.tagName)) { return; }
    var search = document.querySelector("[data-search]") || document.getElementById("site-search");
    var current = document.querySelector("tr.is-current");
    if (event.key === "?") {
      help();
    } else if (event.key === "/" && search) {
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
