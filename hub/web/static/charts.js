// Draws the charts of a page. A chart is <div data-chart><canvas role="img" aria-label="…">
// <script type="application/json">SPEC</script></div>; its numbers stand in a table beside it, for
// those who do not see it. parts/charts.html writes it; SPEC:
//   type    "bar" | "stacked" | "rows" (bars lying) | "line"
//   labels  ["1 мар", …]              links  [address | null, …] what a click on a label's bar opens
//   unit    "count" | "percent" | "seconds" | "money" | "quantity"     currency "RUB"
//   series  [{label, values: [number | null, …], tone, links, line, before}]
//           tone: primary good bad warn info quiet; line: a line over the bars; before: the
//           period before, drawn pale
(function () {
  "use strict";
  var language = document.documentElement.lang || "ru";
  var still = window.matchMedia("(prefers-reduced-motion: reduce)");
  var TONES = { primary: "primary", good: "green", bad: "red", warn: "orange", info: "azure", quiet: "secondary" };

  // A colour of the theme as #rrggbb or rgba(…): variables may hold what a canvas cannot read.
  function variable(name) {
    var probe = document.createElement("span");
    probe.hidden = true;
    probe.style.color = "var(--tblr-" + name + ")";
    document.body.appendChild(probe);
    var colour = window.getComputedStyle(probe).color;
    probe.remove();
    return colour;
  }

  function pale(colour, share) {
    var paint = document.createElement("canvas").getContext("2d");
    paint.fillStyle = colour;
    var read = String(paint.fillStyle);
    return /^#[0-9a-f]{6}$/i.test(read) ? read + Math.round(share * 255).toString(16).padStart(2, "0") : read;
  }

  function number(value, options) {
    return new Intl.NumberFormat(language, options).format(value);
  }

  function seconds(value) {
    var unit = value < 120 ? "second" : value < 7200 ? "minute" : "hour";
    var size = { second: 1, minute: 60, hour: 3600 }[unit];
    return number(value / size, { style: "unit", unit: unit, maximumFractionDigits: unit === "second" ? 0 : 1 });
  }

  // A number as people read it; `short` for the axis.
  function told(value, spec, short) {
    if (value === null || value === undefined) { return "—"; }
    if (spec.unit === "percent") { return number(value / 100, { style: "percent", maximumFractionDigits: 1 }); }
    if (spec.unit === "seconds") { return seconds(value); }
    var options = { maximumFractionDigits: spec.unit === "quantity" ? 3 : short ? 1 : 0 };
    if (short && Math.abs(value) >= 10000) { options.notation = "compact"; }
    if (spec.unit === "money") {
      options.maximumFractionDigits = short ? 1 : 2;
      if (spec.currency && !short) { options.style = "currency"; options.currency = spec.currency; options.minimumFractionDigits = 0; }
    }
    return number(value, options);
  }

  function dataset(one, spec) {
    var colour = variable(TONES[one.tone] || "primary");
    var line = spec.type === "line" || one.line;
    var painted = one.before ? pale(colour, 0.4) : colour;
    return {
      label: one.label,
      data: one.values,
      type: line ? "line" : "bar",
      order: line ? 0 : 1,
      backgroundColor: line ? painted : pale(colour, one.before ? 0.3 : 0.85),
      borderColor: painted,
      borderWidth: line ? 2 : 0,
      borderDash: one.before ? [5, 4] : [],
      borderRadius: 2,
      maxBarThickness: 44,
      pointRadius: one.values.length > 40 ? 0 : 3,
      pointHitRadius: 12,
      spanGaps: true
    };
  }

  function link(spec, items) {
    if (!items.length) { return null; }
    var own = (spec.series[items[0].datasetIndex] || {}).links;
    return (own || spec.links || [])[items[0].index] || null;
  }

  function cut(text) {
    text = String(text);
    return text.length > 20 ? text.slice(0, 19) + "…" : text;
  }

  function options(spec) {
    var lying = spec.type === "rows", stacked = spec.type === "stacked";
    var text = variable("secondary"), grid = variable("border-color");
    var values = {
      beginAtZero: true, stacked: stacked, border: { display: false },
      grid: { color: grid }, suggestedMax: spec.unit === "percent" ? undefined : 1,
      ticks: { color: text, maxTicksLimit: 6, callback: function (value) { return told(value, spec, true); } }
    };
    if (spec.unit === "count") { values.ticks.precision = 0; }
    var labels = {
      stacked: stacked, border: { color: grid }, grid: { display: false },
      ticks: { color: text, maxRotation: 0, autoSkip: !lying, autoSkipPadding: 12,
        callback: function (value) { return cut(this.getLabelForValue(value)); } }
    };
    return {
      responsive: true,
      maintainAspectRatio: false,
      indexAxis: lying ? "y" : "x",
      animation: still.matches ? false : { duration: 250 },
      interaction: { mode: "index", intersect: false, axis: lying ? "y" : "x" },
      scales: lying ? { x: values, y: labels } : { x: labels, y: values },
      plugins: {
        legend: {
          display: spec.series.length > 1, position: "bottom",
          labels: { color: variable("body-color"), boxWidth: 14, boxHeight: 10 }
        },
        tooltip: {
          callbacks: {
            title: function (items) { return items.length ? spec.labels[items[0].dataIndex] : ""; },
            label: function (item) { return item.dataset.label + ": " + told(item.raw, spec, false); }
          }
        }
      },
      onClick: function (event, _items, chart) {
        var place = link(spec, chart.getElementsAtEventForMode(event.native, "nearest", { intersect: true }, true));
        if (place) { window.location.assign(place); }
      },
      onHover: function (event, _items, chart) {
        var found = chart.getElementsAtEventForMode(event.native, "nearest", { intersect: true }, true);
        chart.canvas.classList.toggle("is-link", Boolean(link(spec, found)));
      }
    };
  }

  function draw(box) {
    var canvas = box.querySelector("canvas"), data = box.querySelector('script[type="application/json"]');
    if (!canvas || !data || !window.Chart) { return; }
    var former = window.Chart.getChart(canvas);
    if (former) { former.destroy(); }
    var spec = JSON.parse(data.textContent);
    window.Chart.defaults.font.family = window.getComputedStyle(document.body).fontFamily;
    // Made anew for another theme: colours are read when it is drawn.
    new window.Chart(canvas, {
      type: spec.type === "line" ? "line" : "bar",
      data: { labels: spec.labels, datasets: spec.series.map(function (one) { return dataset(one, spec); }) },
      options: options(spec)
    });
  }

  function drawAll(place) {
    (place || document).querySelectorAll("[data-chart]").forEach(draw);
  }

  document.addEventListener("DOMContentLoaded", function () { drawAll(); });
  document.addEventListener("htmx:beforeSwap", function (event) {
    event.detail.target.querySelectorAll("[data-chart] canvas").forEach(function (canvas) {
      var former = window.Chart && window.Chart.getChart(canvas);
      if (former) { former.destroy(); }
    });
  });
  document.addEventListener("htmx:afterSettle", function (event) { drawAll(event.target.parentElement); });
  new MutationObserver(function () { drawAll(); }).observe(
    document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] }
  );
})();
