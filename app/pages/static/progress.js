/* Follows a computation by its events; reloads the page, and so shows the plan, when it has ended. */
(function () {
  "use strict";

  var SILENT_MS = 20000; // after this without a sign of life the page says so
  var SPEAK_MS = 5000; // a screen reader hears at most one message in this time
  var box = document.getElementById("progress");
  if (!box || !window.EventSource) { return; }
  var PHASES = box.dataset.order.split(" ");

  var bar = box.querySelector("progress"), spoken = 0, heard = Date.now(), most = bar.value;

  function live(name) { return box.querySelector('[data-live="' + name + '"]'); }

  function put(name, text) {
    var place = live(name);
    if (place) { place.textContent = text; }
  }

  function phaseName(phase) { return box.getAttribute("data-phase-" + phase) || phase; }

  function amount(value, unit, up) {
    if (value === null || value === undefined || !isFinite(value)) { return "—"; }
    var round = up ? Math.ceil : Math.floor;
    if (unit === "CNY") {
      var thousands = round(value / 1000), chinese = document.documentElement.lang === "zh-CN";
      return (chinese ? (thousands / 10).toFixed(1) : (thousands / 1000).toFixed(3)) + " " +
        box.dataset.yuan;
    }
    return round(value).toLocaleString("en");
  }

  function show(report) {
    var place = PHASES.indexOf(report.phase);
    if (place >= 0) {
      // The bar never goes back: a phase that starts over keeps what was shown.
      most = Math.max(most, (place + Math.min(1, Math.max(0, report.fraction))) / PHASES.length);
      bar.value = most;
    }
    put("phase", phaseName(report.phase));
    put("elapsed", report.elapsed_s.toFixed(0) + " s");
    // Costs and upper bounds are rounded up, served weights and lower bounds down.
    put("value", amount(report.value, report.unit, report.unit === "CNY"));
    put("bound", amount(report.bound, report.unit, report.unit !== "CNY"));
    if (Date.now() - spoken >= SPEAK_MS) {
      spoken = Date.now();
      live("spoken").textContent = phaseName(report.phase) + " " + Math.round(bar.value * 100) + "%";
    }
  }

  var source = new EventSource(box.dataset.events);
  source.addEventListener("progress", function (event) {
    heard = Date.now();
    live("silent").hidden = true;
    show(JSON.parse(event.data));
  });
  source.addEventListener("end", function () {
    source.close();
    window.location.reload();
  });
  window.setInterval(function () {
    if (Date.now() - heard > SILENT_MS) {
      live("silent").textContent = box.dataset.silent;
      live("silent").hidden = false;
    }
  }, 1000);
})();
