// One stream for all tabs of a browser: seven tabs with a stream each would use up the six
// connections that a browser grants a site, and no page would load any more.
(function () {
  "use strict";
  var ports = [], source = null, address = "", timer = 0, who = "", opened = false;
  // What is going on now: a page that is opened meanwhile must know it too.
  var LASTING = ["ringing"], now = {};

  function tell(message) {
    ports.forEach(function (port) { port.postMessage(message); });
  }

  function keep(topics) {
    LASTING.forEach(function (topic) { if (topics[topic]) { now[topic] = topics[topic]; } });
  }

  function open() {
    self.clearTimeout(timer);
    if (source) { source.close(); }
    var mine = source = new EventSource(address);
    source.addEventListener("news", function (event) {
      var topics = JSON.parse(event.data);
      keep(topics);
      if (mine === source) { tell({ kind: "news", data: topics }); }
    });
    source.addEventListener("hello", function (event) {
      var data = JSON.parse(event.data);
      now = {};
      keep(data.now || {});
      // A stream that a script has opened anew brings no Last-Event-ID.
      data.again = data.again || opened;
      opened = true;
      tell({ kind: "hello", data: data });
    });
    source.onerror = function () {
      // Refused (too many, signed out): the browser gives up, we come again later.
      if (mine === source && mine.readyState === 2 && ports.length) {
        timer = self.setTimeout(open, 5000 + Math.random() * 15000);
      }
    };
  }

  function close() {
    self.clearTimeout(timer);
    if (source) { source.close(); source = null; opened = false; }
  }

  self.onconnect = function (event) {
    var port = event.ports[0];
    port.onmessage = function (message) {
      if (message.data.bye) {
        ports = ports.filter(function (one) { return one !== port; });
        if (!ports.length) { timer = self.setTimeout(function () { if (!ports.length) { close(); } }, 3000); }
        return;
      }
      if (message.data.quiet) { delete now[message.data.quiet]; return; }
      if (ports.indexOf(port) < 0) { ports.push(port); }
      address = message.data.stream;
      // Somebody else has signed in, or the stream was refused before.
      var other = who !== message.data.who;
      who = message.data.who;
      if (!source || source.readyState === 2 || other) {
        open();
      } else if (Object.keys(now).length) {
        port.postMessage({ kind: "news", data: now });
      }
    };
    port.start();
  };
})();
