"""Better directions for listed stations: what changes, and what zones have before and after."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid
from siting.progress import Progress, Report
from siting.provenance import Provenance
from siting.radio.network.area_report import QUALITY_STANDARDS, report_areas
from siting.radio.network.assumptions import DEFAULT_ASSUMPTIONS, RadioAssumptions
from siting.radio.network.improve import Improvement, improve
from siting.radio.network.plan_network import Indices, Stations
from siting.radio.network.plan_prediction import Ground, NetworkPrediction, predict_stations
from siting.radio.network.what_if import WhatIf

if TYPE_CHECKING:
    from siting.scenario import PlanningData


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImprovedStations:
    """What turning and tilting listed stations achieved.

    Parameters
    ----------
    before, after
        The network as listed and as aimed anew, each predicted from the start.
    changed
        Stations with another direction, ascending, (c,).
    search
        Every change that was kept, the trials, and why the search ended.
    """

    before: NetworkPrediction
    after: NetworkPrediction
    changed: Indices
    search: Improvement


def improve_stations(
    data: PlanningData,
    stations: Stations,
    *,
    grid: Grid,
    ground: Ground,
    standard: str,
    zones: Collection[str] = (),
    most_trials: int = 500,
    stations_provenance: Provenance = Provenance.REAL,
    assumptions: RadioAssumptions = DEFAULT_ASSUMPTIONS,
    progress: Report | None = None,
) -> ImprovedStations:
    """Turn and tilt stations until zones meet a standard, or nothing helps any more.

    Parameters
    ----------
    data, stations, grid, ground, stations_provenance, assumptions
        As for :func:`siting.radio.network.plan_prediction.predict_stations`.
    standard
        Id of the quality standard that counts, one of
        :data:`siting.radio.network.area_report.QUALITY_STANDARDS`.
    zones
        Ids of the zones that count; none: all, the study area as a whole among them.
    most_trials
        Changes that may be predicted, at least 1.
    progress
        Told of the prediction, then of the trials, phase ``"improve"``.

    Returns
    -------
    ImprovedStations
        Stations without a direction stay as they are, and nothing is moved, added or removed.

    Raises
    ------
    InputError
        As :func:`siting.radio.network.plan_prediction.predict_stations` does, and for an unknown
        standard or zone and a number of trials below 1.
    """
    known = {item.id: item for item in QUALITY_STANDARDS}
    problems = []
    if standard not in known:
        hint = "known: " + ", ".join(known)
        problems.append(Problem("standard", f"{standard!r} is no quality standard", hint))
    if most_trials < 1:
        problems.append(Problem("trials", f"are {most_trials}", "give 1 or more"))
    names = {zone.id for zone in data.zones}
    problems += [
        Problem("zone", f"unknown zone {name!r}", "known: " + ", ".join(sorted(names)))
        for name in sorted(set(zones) - names)
    ]
    raise_if(problems, InputError)

    def predicted(on_air: Stations) -> NetworkPrediction:
        return predict_stations(
            data,
            on_air,
            grid=grid,
            ground=ground,
            stations_provenance=stations_provenance,
            assumptions=assumptions,
            progress=progress,
        )

    before = predicted(stations)
    areas = report_areas(grid, before.zones, water=data.study_area.water)
    session = WhatIf(before.network, areas, standards=[known[standard]])
    asked = 0

    def tell() -> bool:
        nonlocal asked
        asked += 1
        if progress is not None:
            share = asked / (asked + len(stations))
            progress(Progress(phase="improve", fraction=share, elapsed_s=0.0))
        return False

    found = improve(
        session, before.station, zones=set(zones) or None, most_trials=most_trials, stop=tell
    )
    better = _aimed(stations, before.station, found)
    changed = np.flatnonzero(
        (better.turn_deg != stations.turn_deg) & np.isfinite(stations.turn_deg)
        | (better.tilt_deg != stations.tilt_deg) & np.isfinite(stations.tilt_deg)
    )
    after = predicted(better) if len(changed) else before
    return ImprovedStations(before=before, after=after, changed=changed, search=found)


def _aimed(stations: Stations, station: Indices, found: Improvement) -> Stations:
    """Return the stations in the directions that were kept."""
    turn, tilt = stations.turn_deg.copy(), stations.tilt_deg.copy()
    for aim in found.aims:
        first = int(np.argmax(station == aim.station))
        turn[aim.station] = found.cells.azimuth_deg[first]
        tilt[aim.station] = found.cells.tilt_deg[first]
    return dataclasses.replace(stations, turn_deg=turn, tilt_deg=tilt)
