// Forms of connections and mappings: rows that come and go, fields that depend on one another,
// errors beside their fields, the check as one types.
(function () {
  "use strict";

  function each(root, selector, act) { Array.prototype.forEach.call(root.querySelectorAll(selector), act); }

  // Errors come as a list by place; each also goes beside the field it is about.
  function placeTroubles() {
    each(document, "[data-trouble-for]", function (box) { box.textContent = ""; });
    each(document, "[aria-invalid]", function (field) { field.removeAttribute("aria-invalid"); field.classList.remove("is-invalid"); });
    each(document, "#troubles [data-place]", function (item) {
      var place = item.dataset.place;
      var box = null;
      while (place && !box) {
        box = document.querySelector('[data-trouble-for="' + CSS.escape(place) + '"]');
        if (!box) { place = place.replace(/[.[]?[^.[]*$/, ""); }
      }
      if (!box) { return; }
      box.textContent = item.querySelector("span").textContent;
      var field = document.querySelector('[name="' + CSS.escape(place) + '"]');
      if (field && field.type !== "hidden") { field.setAttribute("aria-invalid", "true"); field.classList.add("is-invalid"); field.setAttribute("aria-describedby", box.id); }
      var rare = box.closest("details");
      if (rare) { rare.open = true; }
    });
  }

  // A setting that applies only beside certain values of another one.
  function showApplying(form) {
    each(form, "[data-when]", function (part) {
      var rules = JSON.parse(part.dataset.when);
      var applies = Object.keys(rules).every(function (name) {
        var other = form.querySelector('[name="settings.' + CSS.escape(name) + '"]');
        return !other || rules[name].indexOf(other.value) >= 0;
      });
      part.hidden = !applies;
      each(part, "input, select, textarea", function (field) { field.disabled = !applies; });
    });
  }

  var form = document.querySelector("[data-config-form]");
  var touched = false, timer = 0;
  if (form) {
    showApplying(form);
    placeTroubles();
    form.addEventListener("input", function (event) {
      showApplying(form);
      if (event.target.type === "password" && !event.target.value) { return; }
      touched = true;
      window.clearTimeout(timer);
      timer = window.setTimeout(function () {
        window.htmx.trigger(form.querySelector("[data-check-result]"), "config-check");
      }, 500);
    });
    document.body.addEventListener("htmx:afterSwap", function () { if (touched) { placeTroubles(); } });
  }

  // Rows of tables: a new one is a copy of the template beside them.
  document.addEventListener("click", function (event) {
    var add = event.target.closest("[data-add-row]");
    if (add) {
      var group = add.parentElement;
      var rows = group.querySelector("[data-rows]");
      rows.appendChild(group.querySelector("template").content.cloneNode(true));
      var fresh = rows.lastElementChild;
      var first = fresh.querySelector("input:not([type=hidden]), select");
      if (first) { first.focus(); }
      changed(fresh);
      return;
    }
    var remove = event.target.closest("[data-remove-row]");
    if (remove) {
      var row = remove.closest("[data-row]");
      var beside = row.parentElement;
      row.remove();
      changed(beside);
      return;
    }
    var stop = event.target.closest("[data-stop]");
    if (stop) {
      var going = document.querySelector(stop.dataset.stop);
      if (going) { going.remove(); }
      stop.remove();
      return;
    }
    var move = event.target.closest("[data-move-row]");
    if (move) {
      var moved = move.closest("[data-row]");
      var other = move.dataset.moveRow === "up" ? moved.previousElementSibling : moved.nextElementSibling;
      if (other && other.matches("[data-row]")) {
        if (move.dataset.moveRow === "up") { other.before(moved); } else { other.after(moved); }
        changed(moved);
        move.focus();
      }
    }
  });
  function changed(part) { part.dispatchEvent(new Event("input", { bubbles: true })); }

  // A schedule chosen or typed: its words and next turns.
  function showTurns(card) {
    var usual = card.querySelector("[data-usual]"), own = card.querySelector("[data-own]");
    own.hidden = usual.value !== "own";
    var box = card.querySelector("[data-turns]");
    var rule = usual.value === "own" ? own.querySelector("input").value : usual.value;
    window.htmx.ajax("GET", box.dataset.address + "?rule=" + encodeURIComponent(rule), { target: box, swap: "innerHTML" });
  }
  var turnsTimer = 0;
  document.addEventListener("input", function (event) {
    var card = event.target.closest("[data-stream]");
    if (!card || !card.querySelector("[data-usual]")) { return; }
    window.clearTimeout(turnsTimer);
    turnsTimer = window.setTimeout(function () { showTurns(card); }, 300);
  });

  // The mapping editor: an argument is asked for only where the transform takes one; a constant
  // has no path; the trouble and the value of a row stand beside it.
  function dressRow(row) {
    each(row, "[data-transform]", function (choice) {
      var chosen = choice.selectedOptions[0];
      var argument = choice.closest("[data-step]").querySelector("[data-argument-box]");
      argument.hidden = !(chosen && chosen.dataset.argument);
      var input = argument.querySelector("input");
      input.placeholder = (chosen && chosen.dataset.argument) || "";
      if (chosen) { choice.title = chosen.title; }
    });
    var kind = row.querySelector("[data-kind]");
    if (kind) {
      var source = row.querySelector("[data-source]");
      if (source) { if (kind.value === "from") { source.setAttribute("list", "paths"); } else { source.removeAttribute("list"); } }
    }
  }
  var editor = document.querySelector("[data-editor]");
  function dress() { each(document, "[data-map-row]", dressRow); }
  function placeLive() {
    var result = document.getElementById("mapping-result");
    if (!result) { return; }
    var rows = Array.prototype.slice.call(document.querySelectorAll("[data-map-row]"));
    rows.forEach(function (row) {
      row.classList.remove("is-wrong");
      row.querySelector("[data-live]").textContent = "";
      row.querySelector("[data-row-trouble]").textContent = "";
    });
    each(result, "[data-row-result]", function (item) {
      var row = rows[Number(item.dataset.rowResult)];
      if (row) { row.querySelector("[data-live]").textContent = item.dataset.text; }
    });
    each(result, "[data-row-problem]", function (item) {
      var row = rows[Number(item.dataset.rowProblem)];
      if (!row) { return; }
      row.classList.add("is-wrong");
      row.querySelector("[data-row-trouble]").textContent = item.textContent;
    });
  }
  if (editor) {
    dress();
    placeLive();
    var edited = false;
    editor.addEventListener("input", function (event) {
      if (event.target.closest("[data-map-row], [data-rows]")) { dress(); }
      if (event.isTrusted) { edited = true; }
    });
    editor.addEventListener("submit", function () { edited = false; });
    document.body.addEventListener("htmx:afterSwap", function (event) {
      dress();
      placeLive();
      // Rows drawn anew, or a sample fetched: the result is asked for again.
      if (event.detail.elt && event.detail.elt.matches("[data-pasted], [data-rows-host]")) { changed(event.detail.elt); }
    });
    document.addEventListener("DOMContentLoaded", function () {
      // Typed before anybody listened, or put back by the browser: the result is asked for again.
      var early = Array.prototype.find.call(editor.querySelectorAll("input[name], textarea[name]"), function (field) { return field.type !== "hidden" && field.value !== field.defaultValue; });
      if (early) { changed(early); }
    });
    window.addEventListener("beforeunload", function (event) { if (edited) { event.preventDefault(); } });
  }
})();
