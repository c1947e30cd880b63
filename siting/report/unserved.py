"""Places the plan leaves unserved: dense groups of people, with a name and a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.geo import WGS84, unproject
from siting.report.tables import focus_of, reachable_demand, served_demand
from siting.zones import ZoneKind

if TYPE_CHECKING:
    from siting.coverage import Coverage
    from siting.plan import Plan
    from siting.scenario import Scenario
    from siting.zones import Zone

#: Why a place is not served, as message keys.
NO_CANDIDATE = "no_candidate"
NOT_CHOSEN = "not_chosen"
NOT_REQUIRED = "not_chosen_targets"

#: Cells within this distance belong together [m].
REACH_M = 300.0
#: People within :data:`REACH_M` that make a place.
MIN_PEOPLE = 100

_POINTS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


def unserved_places(
    scenario: Scenario,
    plan: Plan,
    coverage: Coverage,
    *,
    reach_m: float = REACH_M,
    min_people: int = MIN_PEOPLE,
) -> gpd.GeoDataFrame:
    """Group unserved demand into places, the most people first.

    Parameters
    ----------
    reach_m
        Distance within which demand points are neighbours [m].
    min_people
        Weight within `reach_m` that makes a demand point the core of a place. Groups of less
        weight are counted together, per district and reason, in one row without a position.

    Returns
    -------
    GeoDataFrame
        WGS 84 points, one row per place: ``people``, ``area_m2``, ``cells``, ``reason``
        (``"no_candidate"``: no option of the scenario reaches it; ``"not_chosen"``: one could,
        and was not chosen within the stations; ``"not_chosen_targets"``: one could, and no
        target asks for it), the nearest zone with distance [m] and compass direction. Rows of
        scattered demand have an empty geometry.

    Notes
    -----
    DBSCAN with demand weights as sample weights, run per district and reason, so that each place
    has one of both. Positions are the served cell nearest the weighted mean, hence on land.

    References
    ----------
    Ester, Kriegel, Sander, Xu (1996), A density-based algorithm for discovering clusters, KDD-96.
    """
    focus = focus_of(scenario)
    demand = scenario.data.demand
    served = served_demand(scenario, plan, coverage)[focus.standard_id]
    reachable = reachable_demand(scenario, coverage)[focus.standard_id]
    weight = _people(scenario)
    available = NOT_REQUIRED if scenario.objective is None else NOT_CHOSEN
    rows: list[dict[str, object]] = []
    for district in scenario.data.study_area.districts:
        inside = demand.in_zone(district.id)
        for reason, of_reason in ((NO_CANDIDATE, ~reachable), (available, reachable)):
            members = inside[~served[inside] & of_reason[inside] & (weight[inside] > 0)]
            if len(members):
                labels = _labels(demand.xy[members], weight[members], reach_m, min_people)
                rows += _rows(scenario, district, reason, members, labels)
    rows.sort(key=lambda row: (row["lon"] is None, -float(str(row["people"])), str(row["zone"])))
    return _frame(rows)


def _people(scenario: Scenario) -> npt.NDArray[np.float64]:
    weights = scenario.data.demand.weights
    return weights["population"] if "population" in weights else weights[focus_of(scenario).weight]


def _labels(
    xy: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    reach_m: float,
    min_people: int,
) -> npt.NDArray[np.intp]:
    from sklearn.cluster import DBSCAN  # noqa: PLC0415 - a second of imports, seldom needed

    search = DBSCAN(eps=reach_m, min_samples=min_people)
    return np.asarray(search.fit(xy, sample_weight=weight).labels_, dtype=np.intp)


def _rows(
    scenario: Scenario,
    district: Zone,
    reason: str,
    members: npt.NDArray[np.intp],
    labels: npt.NDArray[np.intp],
) -> list[dict[str, object]]:
    demand = scenario.data.demand
    weight = _people(scenario)
    area = demand.weights.get("area_m2", np.zeros(len(demand)))
    rows: list[dict[str, object]] = []
    for label in np.unique(labels):
        cells = members[labels == label]
        row: dict[str, object] = {
            "district": district.id,
            "district_zh": district.name_zh,
            "district_en": district.name_en,
            "people": float(weight[cells].sum()),
            "area_m2": float(area[cells].sum()),
            "cells": len(cells),
            "reason": reason,
        }
        if label < 0:
            rows.append(row | _nowhere())
            continue
        mean = np.average(demand.xy[cells], axis=0, weights=weight[cells])
        seat = demand.xy[cells[np.argmin(((demand.xy[cells] - mean) ** 2).sum(axis=1))]]
        rows.append(row | _nearest(scenario, seat))
    return rows


def _nowhere() -> dict[str, object]:
    return {
        "zone": "",
        "zone_zh": "",
        "zone_en": "",
        "distance_m": float("nan"),
        "direction": "",
        "lon": None,
        "lat": None,
    }


def _nearest(scenario: Scenario, seat: npt.NDArray[np.float64]) -> dict[str, object]:
    """Name a place by its nearest zone that is not a district, ties by order."""
    zones = [zone for zone in scenario.data.zones if zone.kind is not ZoneKind.DISTRICT]
    lon, lat = unproject(seat[None, :], scenario.data.study_area.crs)
    found = _nowhere() | {"lon": float(lon[0]), "lat": float(lat[0])}
    if not zones:
        return found
    point = shapely.Point(seat)
    distance = [zone.geometry.distance(point) for zone in zones]
    near = zones[int(np.argmin(distance))]
    centre = near.geometry.centroid
    east, north = float(seat[0] - centre.x), float(seat[1] - centre.y)
    sector = round(float(np.degrees(np.arctan2(east, north))) / 45.0) % len(_POINTS)
    return found | {
        "zone": near.id,
        "zone_zh": near.name_zh,
        "zone_en": near.name_en,
        "distance_m": float(min(distance)),
        "direction": _POINTS[sector] if min(distance) > 0 else "",
    }


_COLUMNS = (
    "number", "district", "district_zh", "district_en", "zone", "zone_zh", "zone_en", "distance_m",
    "direction", "people", "area_m2", "cells", "reason", "lon", "lat",
)  # fmt: skip


def _frame(rows: list[dict[str, object]]) -> gpd.GeoDataFrame:
    numbered = [{"number": number} | row for number, row in enumerate(rows, start=1)]
    frame = pd.DataFrame(numbered, columns=pd.Index(_COLUMNS))
    frame[["lon", "lat"]] = frame[["lon", "lat"]].astype(float)
    points = [
        shapely.Point() if np.isnan(lon) else shapely.Point(lon, lat)
        for lon, lat in zip(frame["lon"], frame["lat"], strict=True)
    ]
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(points, crs=WGS84), crs=WGS84)
