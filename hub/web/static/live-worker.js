// One stream for all tabs of a browser: seven tabs with a stream each would use up the six
// connections that a browser grants a site, and no page would load any more.
(function () {
  "use strict";
  var ports = [], source = null, address = "", timer = 0, heard = 0, who = "";

  function tell(message) {
    ports.forEach(function (port) { port.postMessage(message); });
  }

  function open() {
    self.clearTimeout(timer);
    if (source) { source.close(); }
    source = new EventSource(address);
    var mine = source;
    function hear(event) {
      heard = Date.now();
      if (mine === source) { tell({ kind: event.type, data: JSON.parse(event.data) }); }
    }
    source.addEventListener("news", hear);
    source.addEventListener("hello", function (event) {
      hear(event);
      // A stream that a script opened anew carries no Last-Event-ID.
      if (open.before && !JSON.parse(event.data).again) { tell({ kind: "hello", data: { again: true } }); }
      open.before = true;
    });
    source.onerror = function () {
      // Refused (too many, signed out): the browser gives up, we come again later.
      if (mine.readyState === 2 && ports.length) {
        timer = self.setTimeout(open, 5000 + Math.random() * 15000);
      }
    };
  }

  function close() {
    self.clearTimeout(timer);
    if (source) { source.close(); source = null; }
  }

  self.onconnect = function (event) {
    var port = event.ports[0];
    port.onmessage = function (message) {
      if (message.data.bye) {
        ports = ports.filter(function (one) { return one !== port; });
        if (!ports.length) { timer = self.setTimeout(function () { if (!ports.length) { close(); } }, 3000); }
        return;
      }
      if (ports.indexOf(port) < 0) { ports.push(port); }
      address = message.data.stream;
      // Somebody else has signed in, or the stream was refused before.
      var is_other = who !== message.data.who;
      who = message.data.who;
      if (!source || source.readyState === 2 || is_other) { open(); }
    };
    port.start();
  };
})();
