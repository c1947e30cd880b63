/* Demand squares from Mapbox Vector Tiles, drawn on canvas: served plain, not reached hatched.
   Reads the one layer the service sends (polygons without holes); Mapbox Vector Tile 2.1. */
(function () {
  "use strict";

  function Reader(bytes) { this.bytes = bytes; this.at = 0; this.end = bytes.length; }

  Reader.prototype.varint = function () {
    var value = 0, factor = 1, byte;
    do {
      byte = this.bytes[this.at++];
      value += (byte & 127) * factor;
      factor *= 128;
    } while (byte >= 128);
    return value;
  };

  Reader.prototype.part = function () {
    var length = this.varint(), part = new Reader(this.bytes.subarray(this.at, this.at + length));
    this.at += length;
    return part;
  };

  Reader.prototype.skip = function (wire) {
    if (wire === 0) { this.varint(); }
    else if (wire === 1) { this.at += 8; }
    else if (wire === 2) { this.at += this.varint(); }
    else if (wire === 5) { this.at += 4; }
    else { throw new Error("wire type " + wire); }
  };

  Reader.prototype.fields = function (visit) {
    while (this.at < this.end) {
      var tag = this.varint(), before = this.at;
      visit(tag >> 3, tag & 7, this);
      if (this.at === before) { this.skip(tag & 7); }
    }
  };

  function text(part) { return new TextDecoder().decode(part.bytes); }

  function value(part) {
    var found = null;
    part.fields(function (field, wire, reader) {
      var view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset + reader.at);
      if (field === 1) { found = text(reader.part()); }
      else if (field === 2) { found = view.getFloat32(0, true); reader.at += 4; }
      else if (field === 3) { found = view.getFloat64(0, true); reader.at += 8; }
      else if (field === 4 || field === 5) { found = reader.varint(); }
      else if (field === 6) {
        var raw = reader.varint();
        found = raw % 2 ? -(raw + 1) / 2 : raw / 2;
      } else if (field === 7) { found = reader.varint() === 1; }
    });
    return found;
  }

  function packed(part) {
    var numbers = [];
    while (part.at < part.end) { numbers.push(part.varint()); }
    return numbers;
  }

  function rings(commands, visit) {
    var x = 0, y = 0, ring = [], at = 0;
    while (at < commands.length) {
      var command = commands[at] & 7, count = commands[at] >> 3;
      at += 1;
      if (command === 7) { visit(ring); ring = []; continue; }
      for (; count > 0; count -= 1) {
        x += (commands[at] >> 1) ^ -(commands[at] & 1);
        y += (commands[at + 1] >> 1) ^ -(commands[at + 1] & 1);
        at += 2;
        ring.push([x, y]);
      }
    }
  }

  function decode(bytes, name) {
    var found = { extent: 4096, features: [] };
    new Reader(bytes).fields(function (field, wire, tile) {
      if (field !== 3) { return; }
      var keys = [], values = [], raw = [], extent = 4096, title = "";
      tile.part().fields(function (inner, kind, layer) {
        if (inner === 1) { title = text(layer.part()); }
        else if (inner === 2) { raw.push(layer.part()); }
        else if (inner === 3) { keys.push(text(layer.part())); }
        else if (inner === 4) { values.push(value(layer.part())); }
        else if (inner === 5) { extent = layer.varint(); }
      });
      if (title !== name) { return; }
      found.extent = extent;
      raw.forEach(function (part) {
        var tags = [], commands = [];
        part.fields(function (inner, kind, feature) {
          if (inner === 2) { tags = packed(feature.part()); }
          else if (inner === 4) { commands = packed(feature.part()); }
        });
        var properties = {};
        for (var index = 0; index + 1 < tags.length; index += 2) {
          properties[keys[tags[index]]] = values[tags[index + 1]];
        }
        found.features.push({ properties: properties, commands: commands });
      });
    });
    return found;
  }

  function hatch(context, colour) {
    var tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    var brush = tile.getContext("2d");
    brush.fillStyle = colour + "1C";
    brush.fillRect(0, 0, 6, 6);
    brush.strokeStyle = colour + "90";
    brush.lineWidth = 1.6;
    brush.beginPath();
    brush.moveTo(-2, 2); brush.lineTo(2, -2);
    brush.moveTo(0, 6); brush.lineTo(6, 0);
    brush.moveTo(4, 8); brush.lineTo(8, 4);
    brush.stroke();
    return context.createPattern(tile, "repeat");
  }

  function paint(canvas, tile, colours) {
    var context = canvas.getContext("2d"), scale = canvas.width / tile.extent;
    var plain = new Path2D(), striped = new Path2D();
    tile.features.forEach(function (feature) {
      var path = feature.properties.served === 1 ? plain : striped;
      rings(feature.commands, function (ring) {
        ring.forEach(function (point, index) {
          // Whole pixels: neighbouring squares meet without a seam.
          var x = Math.round(point[0] * scale), y = Math.round(point[1] * scale);
          if (index) { path.lineTo(x, y); } else { path.moveTo(x, y); }
        });
        path.closePath();
      });
    });
    context.fillStyle = colours.served + "BE";
    context.fill(plain);
    context.fillStyle = hatch(context, colours.unserved);
    context.fill(striped);
  }

  L.SitingTiles = L.GridLayer.extend({
    initialize: function (url, options) {
      this._url = url;
      L.GridLayer.prototype.initialize.call(this, options);
      this.on("tileunload", function (event) {
        if (event.tile.abort) { event.tile.abort.abort(); }
      });
    },
    createTile: function (coords, done) {
      var canvas = document.createElement("canvas"), size = this.getTileSize();
      canvas.width = size.x;
      canvas.height = size.y;
      canvas.abort = new AbortController();
      var colours = this.options.colours;
      fetch(L.Util.template(this._url, coords), { signal: canvas.abort.signal })
        .then(function (answer) {
          if (answer.status === 204) { return null; }
          if (!answer.ok) { throw new Error("tile " + answer.status); }
          return answer.arrayBuffer();
        })
        .then(function (buffer) {
          if (buffer) {
            var tile = decode(new Uint8Array(buffer), "demand");
            paint(canvas, tile, colours);
            canvas.dataset.features = tile.features.length;
          }
          done(null, canvas);
        })
        .catch(function (error) { done(error, canvas); });
      return canvas;
    }
  });
})();
