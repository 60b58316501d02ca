// The player of recordings, and a list of calls that keeps up with what happens.
(function () {
  "use strict";
  var player = document.getElementById("player");

  if (player) {
    var audio = player.querySelector("[data-player-audio]");
    var title = player.querySelector("[data-player-title]");
    var wait = player.querySelector("[data-player-wait]");
    var failed = player.querySelector("[data-player-failed]");
    var speed = player.querySelector("[data-player-speed]");
    var wanted = 0, address = "";

    var kept = null;
    try { kept = window.localStorage.getItem("uzel-speed"); } catch (error) { kept = null; }
    if (kept && speed.querySelector('[value="' + kept + '"]')) { speed.value = kept; }
    var setSpeed = function () { audio.playbackRate = Number(speed.value); };
    speed.addEventListener("change", function () {
      setSpeed();
      try { window.localStorage.setItem("uzel-speed", speed.value); } catch (error) { return; }
    });
    audio.addEventListener("loadedmetadata", setSpeed);

    var stop = function () {
      audio.pause();
      audio.removeAttribute("src");
      if (address) { URL.revokeObjectURL(address); address = ""; }
    };

    var play = function (button) {
      var mine = ++wanted;
      stop();
      title.textContent = button.dataset.title;
      player.hidden = false;
      wait.hidden = false;
      failed.hidden = true;
      window.fetch(button.dataset.listen, { credentials: "same-origin" }).then(function (answer) {
        if (!answer.ok || !/^audio\//.test(answer.headers.get("Content-Type") || "")) { throw new Error("no sound"); }
        return answer.blob();
      }).then(function (sound) {
        if (mine !== wanted) { return; }
        wait.hidden = true;
        address = URL.createObjectURL(sound);
        audio.src = address;
        setSpeed();
        audio.play().catch(function () { audio.focus(); });
      }).catch(function () {
        if (mine !== wanted) { return; }
        wait.hidden = true;
        failed.hidden = false;
      });
    };

    document.addEventListener("click", function (event) {
      var button = event.target.closest("[data-listen]");
      if (button) { play(button); }
      if (event.target.closest("[data-player-close]")) { wanted += 1; stop(); player.hidden = true; }
    });
  }

  // New calls come in by themselves, unless that would take away what somebody is looking at.
  document.body.addEventListener("live:calls", function () {
    var list = document.getElementById("list");
    if (!list || !window.htmx) { return; }
    var rows = list.querySelectorAll("tr[data-href]").length;
    var more = document.getElementById("fresh");
    // A call just marked as done stays, or its mark could not be taken back at once.
    var busy = rows > 50 || list.querySelector("[data-just-done]") || list.contains(document.activeElement) || window.scrollY > 400;
    if (busy && more) { more.hidden = false; return; }
    window.htmx.trigger(list, "live:fresh");
  });
})();
