// Cards of incoming calls: put away and not shown again in this tab; gone with the call.
(function () {
  "use strict";
  var place = document.getElementById("ringing"), KEY = "uzel-ringing-gone", KEPT = 50;
  if (!place) { return; }

  function gone() {
    try { return JSON.parse(window.sessionStorage.getItem(KEY)) || []; } catch (error) { return []; }
  }

  function remember(id) {
    var ids = gone().filter(function (one) { return one !== id; }).concat(id).slice(-KEPT);
    try { window.sessionStorage.setItem(KEY, JSON.stringify(ids)); } catch (error) { return; }
    fill();
  }

  // What was put away is told with each question, so that it does not come again.
  function fill() {
    place.querySelectorAll("input[name=gone]").forEach(function (one) { one.remove(); });
    gone().forEach(function (id) {
      var field = document.createElement("input");
      field.type = "hidden";
      field.name = "gone";
      field.value = id;
      place.appendChild(field);
    });
  }

  function putAway(card) {
    var id = card.querySelector("input[name=shown]").value;
    if (card.contains(document.activeElement)) { document.activeElement.blur(); }
    card.hidden = true;
    remember(id);
  }

  place.addEventListener("click", function (event) {
    if (event.target.closest("[data-dismiss]")) { putAway(event.target.closest(".ring")); }
  });
  document.addEventListener("keydown", function (event) {
    var card = event.key === "Escape" && event.target.closest ? event.target.closest(".ring") : null;
    if (card && !event.target.matches("input, textarea")) { putAway(card); }
  });

  // A card goes with its call, but not out of the hands of somebody who works on it.
  function leave(card, seconds, state) {
    window.setTimeout(function () {
      var now = card.querySelector(".ring-state");
      if (!card.isConnected || card.hidden || !now || now.dataset.state !== state) { return; }
      var note = card.querySelector("textarea");
      var touched = card.contains(document.activeElement) || (note && note.value !== note.defaultValue);
      if (touched) { leave(card, 15, state); } else { card.hidden = true; remember(card.querySelector("input[name=shown]").value); }
    }, seconds * 1000);
  }

  document.body.addEventListener("htmx:oobAfterSwap", function (event) {
    var state = event.detail.target;
    if (!state || !state.classList || !state.classList.contains("ring-state")) { return; }
    var card = state.closest(".ring");
    if (card && state.dataset.leave) { leave(card, Number(state.dataset.leave), state.dataset.state); }
  });
  // Nothing rings any more: further pages need not ask.
  document.body.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.elt === place && event.detail.successful && !event.detail.xhr.responseText.trim()) {
      document.body.dispatchEvent(new CustomEvent("live-quiet", { detail: "ringing" }));
    }
  });
  fill();
})();
