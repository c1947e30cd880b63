/* Draws a plan on a Leaflet map. All data comes as one object; names reach the page as text nodes. */
(function () {
  "use strict";

  var PICK_PX = 12; // a click this close to a station opens it
  var CRISP_ZOOM = 12; // from here on one demand cell is more than a pixel
  var ZONE_LABEL_ZOOM = 12;

  function language() {
    return document.documentElement.lang.indexOf("zh") === 0 ? 0 : 1;
  }

  function both(pair) {
    // Both languages as elements; the style sheet shows the one of the page.
    var span = document.createElement("span");
    ["zh", "en"].forEach(function (name, index) {
      var part = document.createElement("span");
      part.className = name;
      part.lang = name === "zh" ? "zh-CN" : "en";
      part.textContent = pair[index];
      span.appendChild(part);
    });
    return span;
  }

  function card(title, lines) {
    var box = document.createElement("div");
    var strong = document.createElement("strong");
    strong.appendChild(both(title));
    box.appendChild(strong);
    var table = document.createElement("table");
    lines.forEach(function (line) {
      var row = table.insertRow();
      var head = document.createElement("th");
      head.scope = "row";
      head.appendChild(both(line[0]));
      row.appendChild(head);
      row.insertCell().appendChild(both(line[1]));
    });
    box.appendChild(table);
    return box;
  }

  /* A station: a Leaflet circle marker whose shape is a path of the style table. */
  var Station = L.CircleMarker.extend({
    _updatePath: function () {
      var renderer = this._renderer;
      if (!renderer._drawing || this._empty()) { return; }
      var context = renderer._ctx, symbol = this.options.symbol, scale = this.options.scale;
      var shift = this.options.slot * 20 * scale;
      context.save();
      context.translate(this._point.x + shift, this._point.y);
      context.scale(scale, scale);
      context.lineWidth = 1.6;
      context.strokeStyle = "#FFFFFF";
      context.stroke(symbol.shape);
      context.fillStyle = symbol.fill;
      context.fill(symbol.shape);
      if (this.options.existing) {
        context.save();
        context.scale(0.5, 0.5);
        context.fillStyle = symbol.core;
        context.fill(symbol.shape);
        context.restore();
      }
      if (scale >= 0.9 && symbol.letter) {
        context.fillStyle = "#FFFFFF";
        context.font = "700 " + symbol.letter_size + "px sans-serif";
        context.textAlign = "center";
        context.fillText(symbol.letter, 0, symbol.letter_y);
      }
      context.restore();
    }
  });

  function stationScale(zoom) {
    return zoom < 9.5 ? 0.2 : zoom <= 10 ? 0.28 : zoom <= 11 ? 0.36 : zoom <= 12 ? 0.5 : zoom <= 13 ? 0.7 : 1;
  }

  function stations(map, data, groups) {
    var renderer = L.canvas({ pane: "sm-stations", padding: 0.3 });
    var symbols = data.symbols.map(function (item) {
      return { shape: new Path2D(item.path), fill: item.fill, letter: item.letter,
               letter_y: item.letter_y, letter_size: item.letter_size, core: data.core };
    });
    var marks = [], columns = data.stations, seen = {};
    columns.lonlat.forEach(function (place, index) {
      var kind = columns.technology[index], site = columns.site[index];
      seen[site] = (seen[site] || 0) + 1;
      var mark = new Station([place[1], place[0]], {
        renderer: renderer, pane: "sm-stations", radius: 7, interactive: false,
        symbol: symbols[kind], scale: 0.3, slot: 0, existing: columns.existing[index] === 1
      });
      mark.order = seen[site] - 1;
      mark.row = index;
      mark.addTo(groups[kind]);
      marks.push(mark);
    });
    function rescale() {
      var scale = stationScale(map.getZoom());
      marks.forEach(function (mark) {
        mark.options.scale = scale;
        mark.options.slot = scale >= 0.7 ? mark.order : 0;
        mark.setRadius(Math.max(2, 13 * scale));
      });
    }
    map.on("zoomend", rescale);
    rescale();
    return marks;
  }

  function stationCard(data, index) {
    var columns = data.stations;
    var lines = columns.lines.map(function (line) {
      return [line.head, line.values[line.index[index]]];
    });
    var name = columns.site[index];
    return card([name, name], lines);
  }

  function nearest(map, marks, point) {
    var best = null, least = PICK_PX;
    marks.forEach(function (mark) {
      if (!mark._map || !mark._point) { return; }
      var place = map.latLngToContainerPoint(mark.getLatLng());
      place.x += mark.options.slot * 20 * mark.options.scale;
      var distance = place.distanceTo(point);
      if (distance < least) { least = distance; best = mark; }
    });
    return best;
  }

  function zones(map, data, groups, open) {
    var renderer = L.svg({ pane: "sm-zones", padding: 0.3 });
    var labels = [];
    data.zones.forEach(function (zone) {
      var style = data.zone_styles[zone.state];
      var outline = zone.kind === "district";
      var layer = L.geoJSON(zone.geometry, {
        pane: "sm-zones", renderer: renderer,
        style: {
          renderer: renderer, pane: "sm-zones", color: style.stroke, weight: style.width_px,
          dashArray: style.dash || null, fill: !outline,
          fillColor: style.pattern === "none" ? "#FFFFFF" : "url(#zone-" + zone.state + ")",
          fillOpacity: style.pattern === "none" ? 0.01 : 1, className: "sm-zone sm-zone-" + zone.state
        }
      });
      layer.on("click", function (event) {
        L.DomEvent.stopPropagation(event);
        open(event, zone);
      });
      layer.bindTooltip(both(zone.label), { permanent: false, direction: "top", opacity: 1,
                                            className: "sm-zone-label", sticky: true });
      layer.addTo(groups[zone.state]);
      if (!outline) { labels.push({ layer: layer, zone: zone }); }
    });
    return labels;
  }

  function zoneLabels(map, labels) {
    var shown = L.layerGroup([], { pane: "tooltipPane" }).addTo(map);
    function update() {
      shown.clearLayers();
      if (map.getZoom() < ZONE_LABEL_ZOOM) { return; }
      labels.forEach(function (item) {
        if (!map.hasLayer(item.layer)) { return; }
        var bounds = item.layer.getBounds();
        L.tooltip({ permanent: true, direction: "top", opacity: 1, className: "sm-zone-label",
                    interactive: false })
          .setLatLng([bounds.getNorth(), bounds.getCenter().lng])
          .setContent(both(item.zone.label)).addTo(shown);
      });
    }
    map.on("zoomend layeradd layerremove", function (event) {
      if (event.type === "zoomend" || event.layer instanceof L.GeoJSON) { update(); }
    });
    update();
  }

  function districts(map, data, group) {
    var renderer = L.svg({ pane: "sm-districts", padding: 0.3 });
    data.districts.forEach(function (district) {
      L.geoJSON(district.geometry, {
        pane: "sm-districts", renderer: renderer, interactive: false,
        style: { renderer: renderer, pane: "sm-districts", color: data.colours.outline, weight: 1.6,
                 dashArray: "8 3 2 3", fill: false, className: "sm-district" }
      }).addTo(group);
      L.tooltip({ permanent: true, direction: "center", opacity: 1, className: "sm-district-label",
                  interactive: false })
        .setLatLng([district.centre[1], district.centre[0]])
        .setContent(both(district.label)).addTo(group);
    });
  }

  function ground(map, data) {
    var renderer = L.svg({ pane: "sm-ground", padding: 0.3 });
    function draw(shape, colour, name) {
      L.geoJSON(shape, {
        pane: "sm-ground", renderer: renderer, interactive: false,
        style: { renderer: renderer, pane: "sm-ground", stroke: false, fillColor: colour,
                 fillOpacity: 1, className: name }
      }).addTo(map);
    }
    data.districts.forEach(function (item) { draw(item.geometry, data.colours.land, "sm-land"); });
    if (data.water) { draw(data.water, data.colours.water, "sm-water"); }
  }

  function demand(map, data, entries) {
    var chosen = null;
    data.demand.forEach(function (item) {
      var layer = item.tiles
        ? new L.SitingTiles(item.tiles, { pane: "sm-demand", colours: data.colours, minZoom: 5,
                                          maxNativeZoom: 16, maxZoom: 18 })
        : L.imageOverlay(item.image, [[item.bounds[0], item.bounds[1]],
                                      [item.bounds[2], item.bounds[3]]],
                         { pane: "sm-demand", alt: "" });
      entries.push({ layer: layer, key: "demand-" + item.id, name: item.label });
      chosen = chosen || layer;
    });
    if (chosen) { chosen.addTo(map); }
    function crisp() {
      map.getPane("sm-demand").classList.toggle("sm-crisp", map.getZoom() >= CRISP_ZOOM);
    }
    map.on("zoomend", crisp);
    crisp();
  }

  function legendFollows(map, entries) {
    function update() {
      entries.forEach(function (entry) {
        document.querySelectorAll('[data-layer="' + entry.key + '"]').forEach(function (item) {
          item.hidden = !map.hasLayer(entry.layer);
        });
      });
    }
    map.on("layeradd layerremove", update);
    update();
  }

  function controls(map, data, bases, overlays) {
    var none = L.layerGroup();
    bases.push({ layer: none, key: "demand-none", name: data.texts.no_demand });
    var control = L.control.layers(null, null, { collapsed: map.getSize().x < 900 });
    bases.forEach(function (item) { control.addBaseLayer(item.layer, both(item.name).outerHTML); });
    overlays.forEach(function (item) { control.addOverlay(item.layer, both(item.name).outerHTML); });
    control.addTo(map);
    L.control.scale({ metric: true, imperial: false, maxWidth: 140 }).addTo(map);
    var North = L.Control.extend({
      onAdd: function () {
        var box = L.DomUtil.create("div", "sm-north");
        box.appendChild(document.createTextNode("▲"));
        box.appendChild(document.createElement("br"));
        box.appendChild(both(data.texts.north));
        return box;
      }
    });
    new North({ position: "topleft" }).addTo(map);
    var Whole = L.Control.extend({
      onAdd: function () {
        var box = L.DomUtil.create("div", "leaflet-bar");
        var link = L.DomUtil.create("a", "", box);
        link.href = "#";
        link.setAttribute("role", "button");
        link.title = data.texts.whole.join(" / ");
        link.setAttribute("aria-label", link.title);
        link.textContent = "⌂";
        L.DomEvent.on(link, "click", function (event) {
          L.DomEvent.stop(event);
          map.fitBounds(data.bounds);
        });
        return box;
      }
    });
    new Whole({ position: "topleft" }).addTo(map);
  }

  function languageSwitch() {
    var button = document.querySelector(".sm-language");
    if (!button) { return; }
    button.addEventListener("click", function () {
      document.documentElement.lang = language() === 0 ? "en" : "zh-CN";
      document.title = document.documentElement.dataset[language() === 0 ? "titleZh" : "titleEn"];
    });
  }

  function extentInAddress(map) {
    // #zoom/lat/lon, so that a copied address gives the same view.
    var parts = window.location.hash.slice(1).split("/").map(Number);
    if (parts.length === 3 && parts.every(isFinite)) { map.setView([parts[1], parts[2]], parts[0]); }
    map.on("moveend", function () {
      var centre = map.getCenter();
      var hash = "#" + map.getZoom() + "/" + centre.lat.toFixed(5) + "/" + centre.lng.toFixed(5);
      window.history.replaceState(null, "", hash);
    });
  }

  window.sitingMap = function (map, data) {
    if (map.attributionControl) { map.attributionControl.remove(); }
    [["sm-ground", 210], ["sm-demand", 250], ["sm-districts", 350], ["sm-zones", 400],
     ["sm-stations", 450]].forEach(function (pane) {
      map.createPane(pane[0]).style.zIndex = pane[1];
    });
    ["sm-ground", "sm-demand", "sm-districts", "sm-stations"].forEach(function (name) {
      map.getPane(name).classList.add("sm-quiet");
    });
    map.fitBounds(data.bounds);
    ground(map, data);
    var bases = [], overlays = [];
    demand(map, data, bases);
    var outlines = L.layerGroup().addTo(map);
    overlays.push({ layer: outlines, key: "districts", name: data.texts.districts });
    districts(map, data, outlines);
    var byState = {}, byTechnology = [];
    data.states.forEach(function (item) {
      byState[item.id] = L.layerGroup().addTo(map);
      overlays.push({ layer: byState[item.id], key: "zones-" + item.id, name: item.name });
    });
    data.symbols.forEach(function (item, index) {
      byTechnology.push(L.layerGroup().addTo(map));
      if (item.count) {
        overlays.push({ layer: byTechnology[index], key: "stations-" + item.id, name: item.name });
      }
    });
    var marks = stations(map, data, byTechnology);
    function open(event, zone) {
      var mark = nearest(map, marks, event.containerPoint);
      if (mark) {
        L.popup({ maxWidth: 340 }).setLatLng(mark.getLatLng())
          .setContent(stationCard(data, mark.row)).openOn(map);
      } else if (zone) {
        L.popup({ maxWidth: 340 }).setLatLng(event.latlng)
          .setContent(card(zone.name, zone.lines)).openOn(map);
      }
    }
    var labels = zones(map, data, byState, open);
    var svg = map.getPane("sm-zones").querySelector("svg");
    if (svg) { svg.insertAdjacentHTML("afterbegin", data.pattern_defs); }
    map.on("click", function (event) { open(event, null); });
    zoneLabels(map, labels);
    controls(map, data, bases, overlays);
    legendFollows(map, bases.concat(overlays));
    languageSwitch();
    extentInAddress(map);
    document.documentElement.dataset.drawn = String(marks.length);
    window.sitingDrawn = { map: map, marks: marks };
  };
})();
