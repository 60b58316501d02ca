// Time on pages: deadlines that count down, reminders, keys of task lists.
(function () {
  "use strict";
  var language = document.documentElement.lang || "ru";
  var MINUTE = 60000, HOUR = 60 * MINUTE;

  // «12 min» in the page's language.
  function words(milliseconds) {
    var minutes = Math.max(0, Math.round(milliseconds / MINUTE));
    var unit = minutes < 60 ? "minute" : "hour";
    var value = minutes < 60 ? minutes : Math.round(minutes / 60);
    if (value >= 48 && unit === "hour") { unit = "day"; value = Math.round(value / 24); }
    return new Intl.NumberFormat(language, { style: "unit", unit: unit, unitDisplay: "short" }).format(value);
  }

  function draw(part) {
    var left = new Date(part.dataset.due) - Date.now();
    var text = part.querySelector(".due-words");
    if (!text || left > HOUR) { return; }
    part.classList.toggle("due-late", left < 0);
    part.classList.toggle("due-near", left >= 0);
    var said = left < 0 ? text.dataset.late + " " + words(-left) : text.dataset.left + " " + words(left);
    if (text.textContent !== said) { text.textContent = said; }
  }

  function drawAll() { document.querySelectorAll("[data-due]").forEach(draw); }

  // What was hidden stays hidden in every tab, until the deadline is another one.
  var KEY = "uzel-hidden-reminders";
  function hidden() {
    try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch (error) { return []; }
  }
  function hide() {
    var known = hidden();
    document.querySelectorAll("[data-reminder]").forEach(function (part) {
      if (known.indexOf(part.dataset.reminder) >= 0) { part.remove(); }
    });
  }

  var last = null;
  document.body.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target.id !== "reminders") { return; }
    // The same notice again is no news: it is not read out anew.
    var news = event.detail.serverResponse.replace(/<input type="hidden" name="csrf_token"[^>]*>|data-due[^]*?<\/span><\/span>/g, "");
    event.detail.shouldSwap = news !== last;
    last = news;
  });
  document.body.addEventListener("htmx:afterSwap", function () { hide(); drawAll(); });
  // A row just done stays for a while, with the way back: news of one's own deed do not sweep it off.
  var acted = 0, GRACE_MS = 8000;
  document.addEventListener("submit", function (event) {
    if (event.target.closest(".task-act")) { acted = Date.now(); }
  }, true);
  document.body.addEventListener("htmx:beforeRequest", function (event) {
    var cause = event.detail.requestConfig.triggeringEvent;
    var left = acted + GRACE_MS - Date.now();
    if (cause && cause.type === "live:tasks" && event.detail.elt.id !== "reminders" && left > 0) {
      event.preventDefault();
      window.setTimeout(function () { document.body.dispatchEvent(new CustomEvent("live:tasks")); }, left);
    }
  });
  document.body.addEventListener("htmx:afterRequest", function (event) {
    var form = event.detail.elt;
    if (form && form.dataset && form.dataset.sent) {
      delete form.dataset.sent;
      document.body.classList.remove("is-busy");
      if (form.id === "quick-add" && event.detail.successful) { form.querySelector("[data-new]").value = ""; }
    }
  });

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-dismiss-reminder]");
    if (!button) { return; }
    var part = button.closest("[data-reminder]");
    var known = hidden().slice(-49);
    known.push(part.dataset.reminder);
    try { localStorage.setItem(KEY, JSON.stringify(known)); } catch (error) { /* private window */ }
    part.remove();
  });

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) { return; }
    if (event.key === "n") {
      var fresh = document.querySelector("[data-new]");
      if (fresh) { event.preventDefault(); fresh.focus(); }
      return;
    }
    var place = document.querySelector("tr.is-current") || (document.querySelector("tr[data-href]") ? null : document);
    var button = place && place.querySelector('[data-key="' + CSS.escape(event.key) + '"]');
    if (button) { event.preventDefault(); button.click(); }
  });

  // Once a minute, while somebody looks: «live:clock» asks the parts that depend on the time.
  function tick() {
    if (document.hidden) { return; }
    drawAll();
    document.body.dispatchEvent(new CustomEvent("live:clock"));
  }
  window.setInterval(tick, MINUTE);
  window.setInterval(drawAll, 15000);
  drawAll();
})();
