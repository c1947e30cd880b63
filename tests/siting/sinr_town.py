"""A small town whose stations disturb each other: few sites, one carrier, directions to choose."""

from __future__ import annotations

import dataclasses

import numpy as np

from siting.provenance import Provenance
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.sites import CandidateSites, SiteKind
from siting.spec import ScenarioSpec
from siting.technology import SectorLayout

#: Directions of a single antenna, and two tilts.
LAYOUT = SectorLayout(sectors=1, turns_deg=(0.0, 90.0, 180.0, 270.0), tilts_deg=(4.0, 12.0))


def town(littletown: PlanningData, places: list[tuple[float, float]]) -> PlanningData:
    """Put towers at some places of the little town, metres from its corner, and one carrier."""
    count, corner = len(places), littletown.demand.xy.min(axis=0) - 50.0
    sites = CandidateSites(
        id=[f"t{number}" for number in range(count)],
        xy=corner + np.array(places, dtype=np.float64),
        kind=[SiteKind.TOWER] * count,
        owner=["town"] * count,
        district=["west"] * count,
        height_m=np.full(count, 30.0),
        fixed_cost_cny=np.full(count, 100_000, dtype=np.int64),
        existing=np.zeros(count, dtype=bool),
        provenance=[Provenance.SYNTHETIC] * count,
        source=["made for the tests"] * count,
        licence=["Apache-2.0"] * count,
        accuracy_m=np.full(count, 1.0),
    )
    macro = dataclasses.replace(littletown.technologies[0], sectors=LAYOUT)
    fair = dataclasses.replace(littletown.standards[0], id="fair-outdoor", min_ss_rsrp_dbm=-115.0)
    return dataclasses.replace(
        littletown, sites=sites, technologies=(macro,), standards=(*littletown.standards, fair)
    )


def asking(data: PlanningData, sinr_db: float | None, **changes: object) -> Scenario:
    """Ask for the airfield outdoors with a SINR; every site is locked unless said otherwise."""
    target = {
        "zones": ["airfield"],
        "standard": "fair-outdoor",
        "required_fraction": 0.1,
        "min_ss_sinr_db": sinr_db,
    }
    asked = {
        "name": "facing stations",
        "coverage_model": "sectors",
        "targets": [target | changes.pop("target", {})],  # pyright: ignore[reportOperatorIssue]
        "locked_sites": list(data.sites.id),
    }
    return build_scenario(ScenarioSpec.parse(asked | changes), data)
