"""Shapes of Littletown as a planner would write them: local metres in, WGS 84 out."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from siting.geo import unproject, unproject_geometry
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ScenarioSpec

CRS = "EPSG:4547"
#: South-west corner of the town in its CRS [m].
ORIGIN = np.array([500_000.0, 3_350_000.0])


def wkt(shape: shapely.Geometry) -> str:
    """Return the WKT in WGS 84 of a shape in metres from the town's corner."""
    placed = shapely.transform(shape, lambda xy: xy + ORIGIN)
    return shapely.to_wkt(unproject_geometry(placed, CRS), rounding_precision=12)


def box(west: float, south: float, east: float, north: float) -> str:
    """Return the WKT of a rectangle, metres from the town's corner."""
    return wkt(shapely.box(west, south, east, north))


def point(east: float, north: float) -> str:
    """Return the WKT of a point, metres from the town's corner."""
    return wkt(shapely.Point(east, north))


def runway(
    a: tuple[float, float], b: tuple[float, float], elevation_m: float = 20.0
) -> dict[str, Any]:
    """Return a level runway between two places, metres from the town's corner."""
    ends = []
    for place in (a, b):
        lon, lat = unproject(ORIGIN + place, CRS)
        ends.append({"lon": float(lon[0]), "lat": float(lat[0]), "elevation_m": elevation_m})
    return {
        "name": "airfield",
        "end_a": ends[0],
        "end_b": ends[1],
        "aerodrome_elevation_m": elevation_m,
    }


def document(exclusions: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a question about Littletown, with exclusions or without."""
    asked: dict[str, Any] = {
        "name": "little",
        "dataset": "littletown",
        "stations": 4,
        "targets": [
            {"zones": ["airfield"], "standard": "quality-outdoor", "required_fraction": 0.35}
        ],
        "objective": {"standard": "basic-indoor"},
    }
    if exclusions is not None:
        asked["exclusions"] = exclusions
    return asked | changes


def build(data: PlanningData, exclusions: dict[str, Any] | None = None, **changes: Any) -> Scenario:
    """Return the scenario of :func:`document`."""
    return build_scenario(ScenarioSpec.parse(document(exclusions, **changes)), data)


def site_ids(scenario: Scenario) -> set[str]:
    """Return the ids of the sites that have an option left."""
    return {scenario.data.sites.id[site] for site in scenario.options.site.tolist()}
