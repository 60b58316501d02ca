// News for this page: «live:TOPIC» on the body when records of a topic changed, so that a part with
// hx-trigger="live:calls from:body" asks for itself anew. A hidden tab catches up when it is looked at.
(function () {
  "use strict";
  var me = document.currentScript, pending = {}, timers = {}, last = {};
  // Whoever is called must know within a second; the rest may come once in a second.
  var AT_ONCE = { ringing: true }, REST_MS = 1000, SPREAD_MS = 1500;

  function fire(topic) {
    var ids = pending[topic];
    delete pending[topic];
    timers[topic] = 0;
    last[topic] = Date.now();
    document.body.dispatchEvent(new CustomEvent("live:" + topic, { detail: { ids: ids }, bubbles: false }));
  }

  function plan(topic, delay) {
    if (timers[topic]) { return; }
    timers[topic] = window.setTimeout(function () { fire(topic); }, delay);
  }

  function note(topics, spread) {
    Object.keys(topics).forEach(function (topic) {
      var known = pending[topic];
      pending[topic] = known && known.length && topics[topic].length ? known.concat(topics[topic]) : topics[topic];
      if (AT_ONCE[topic]) {
        fire(topic);
      } else if (!document.hidden) {
        plan(topic, spread + Math.max(0, (last[topic] || 0) + REST_MS - Date.now()));
      }
    });
  }

  document.addEventListener("visibilitychange", function () {
    if (!document.hidden) { Object.keys(pending).forEach(function (topic) { plan(topic, 0); }); }
  });

  // Something may have been missed: every part that listens looks again, not all in one moment.
  function again() {
    var topics = {};
    document.querySelectorAll("[hx-trigger*='live:']").forEach(function (part) {
      (part.getAttribute("hx-trigger").match(/live:[a-z_]+/g) || []).forEach(function (name) {
        topics[name.slice(5)] = [];
      });
    });
    note(topics, Math.random() * SPREAD_MS);
  }

  function hear(message) {
    if (message.kind === "news") { note(message.data, 0); }
    if (message.kind === "hello") {
      if (message.data.again) { again(); }
      note(message.data.now || {}, 0);
    }
  }

  // What a page asks for by itself must not prolong its user's session.
  document.body.addEventListener("htmx:configRequest", function (event) {
    var cause = event.detail.triggeringEvent;
    if (cause && /^live:/.test(cause.type)) { event.detail.headers["X-Uzel-News"] = "1"; }
  });

  function listen() {
    if (window.SharedWorker) {
      var worker = new SharedWorker(me.dataset.worker, { name: "uzel-live" });
      worker.port.onmessage = function (event) { hear(event.data); };
      worker.port.start();
      var greet = function () { worker.port.postMessage({ stream: me.dataset.stream, who: me.dataset.who }); };
      greet();
      document.body.addEventListener("live-quiet", function (event) { worker.port.postMessage({ quiet: event.detail }); });
      window.addEventListener("pagehide", function () { worker.port.postMessage({ bye: true }); });
      window.addEventListener("pageshow", function (event) { if (event.persisted) { greet(); } });
      return;
    }
    // Browsers without shared workers: a stream only while the tab is looked at.
    var source = null, before = false;
    var open = function () {
      if (document.hidden) { if (source) { source.close(); source = null; } return; }
      if (source && source.readyState !== 2) { return; }
      source = new EventSource(me.dataset.stream);
      source.addEventListener("news", function (event) { hear({ kind: "news", data: JSON.parse(event.data) }); });
      source.addEventListener("hello", function (event) {
        hear({ kind: "hello", data: { again: before || JSON.parse(event.data).again } });
        before = true;
      });
      source.onerror = function () {
        if (source && source.readyState === 2) { window.setTimeout(open, 5000 + Math.random() * 15000); }
      };
    };
    document.addEventListener("visibilitychange", open);
    window.addEventListener("pagehide", function () { if (source) { source.close(); source = null; } });
    window.addEventListener("pageshow", function (event) { if (event.persisted) { open(); } });
    open();
  }
  listen();
})();
