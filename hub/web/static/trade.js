// Boards: a card is dragged to another column, or its stage is chosen on it; both do the same.
(function () {
  "use strict";
  var token = document.querySelector('meta[name="csrf-token"]').content;
  var dragged = null;

  function refuse(text) {
    var box = document.querySelector("[data-refusal]");
    if (box) { box.textContent = text; box.hidden = false; box.scrollIntoView({ block: "nearest" }); }
  }

  // The board is asked for anew: numbers and sums are the hub's, not guessed here.
  function renew(record) {
    return window.htmx.ajax("GET", window.location.href, { target: "#list", swap: "outerHTML" }).then(function () {
      var card = document.querySelector('[data-record="' + record + '"]');
      if (!card) { return; }
      card.classList.add("is-moved");
      var choice = card.querySelector("[data-move]");
      if (choice) { choice.focus({ preventScroll: true }); }
    });
  }

  function move(card, stage) {
    var body = new URLSearchParams({ stage: stage, csrf_token: token });
    document.body.classList.add("is-busy");
    fetch(card.dataset.moveUrl, {
      method: "POST", body: body, credentials: "same-origin",
      headers: { "HX-Request": "true", "X-CSRFToken": token }
    }).then(function (answer) {
      if (answer.status === 204) { return renew(card.dataset.record); }
      return answer.status === 409 ? answer.text().then(function (text) {
        return renew(card.dataset.record).then(function () { refuse(text); });
      }) : Promise.reject(answer.status);
    }).catch(function () {
      var box = document.getElementById("failure");
      if (!box) { return; }
      box.querySelectorAll("[data-when]").forEach(function (part) { part.hidden = part.dataset.when !== "refused"; });
      box.hidden = false;
    }).then(function () { document.body.classList.remove("is-busy"); });
  }

  document.addEventListener("change", function (event) {
    var choice = event.target.closest("[data-move]");
    if (!choice) { return; }
    var card = choice.closest("[data-move-url]");
    if (card) { move(card, choice.value); } else { choice.form.requestSubmit(); }
  });

  document.addEventListener("dragstart", function (event) {
    dragged = event.target.closest ? event.target.closest("[data-move-url]") : null;
    if (!dragged) { return; }
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.record);
    dragged.classList.add("is-dragged");
  });
  function over(event) { return dragged && event.target.closest ? event.target.closest("[data-stage]") : null; }
  function unmark() {
    document.querySelectorAll(".is-over").forEach(function (part) { part.classList.remove("is-over"); });
  }
  document.addEventListener("dragover", function (event) {
    var column = over(event);
    unmark();
    if (column) { event.preventDefault(); column.classList.add("is-over"); }
  });
  document.addEventListener("drop", function (event) {
    var column = over(event);
    unmark();
    if (!column) { return; }
    event.preventDefault();
    if (dragged.closest("[data-stage]") !== column) { move(dragged, column.dataset.stage); }
  });
  document.addEventListener("dragend", function () {
    unmark();
    if (dragged) { dragged.classList.remove("is-dragged"); }
    dragged = null;
  });
})();
