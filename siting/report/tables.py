"""A plan as tables: what is built where, and what each zone and district gets.

Values are unrounded and language-neutral; :mod:`siting.text` and :mod:`siting.messages` turn them
into what people read. Geometry is WGS 84 longitude, latitude.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.geo import WGS84, unproject, unproject_geometry
from siting.standing import work_of

if TYPE_CHECKING:
    from siting.coverage import Coverage
    from siting.plan import Outcome, Plan
    from siting.scenario import Scenario
    from siting.zones import Zone

Mask = npt.NDArray[np.bool_]


class Focus(NamedTuple):
    """The standard and weight that site and district figures speak about."""

    standard_id: str
    weight: str


def focus_of(scenario: Scenario) -> Focus:
    """Return the objective's standard and weight, else the first target's standard and people.

    The weight is ``"population"`` where the demand has it, because a planner asks for people.
    """
    weights = scenario.data.demand.weights
    people = "population" if "population" in weights else next(iter(weights))
    if scenario.objective is not None:
        return Focus(scenario.objective.standard_id, scenario.objective.weight)
    return Focus(scenario.targets[0].standard_id, people)


def served_demand(scenario: Scenario, plan: Plan, coverage: Coverage) -> dict[str, Mask]:
    """Say which demand points the plan serves, per standard, each shape (n,)."""
    return {
        item.id: _reached(coverage, item.id, plan.selected, len(scenario.data.demand))
        for item in scenario.standards
    }


def reachable_demand(scenario: Scenario, coverage: Coverage) -> dict[str, Mask]:
    """Say which demand points any option could serve, per standard, each shape (n,)."""
    every = np.arange(len(scenario.options), dtype=np.intp)
    return {
        item.id: _reached(coverage, item.id, every, len(scenario.data.demand))
        for item in scenario.standards
    }


def _reached(coverage: Coverage, standard_id: str, options: npt.NDArray[np.intp], n: int) -> Mask:
    reached = np.zeros(n, dtype=bool)
    matrix = coverage.by_standard[standard_id].tocsc()
    if len(options) == matrix.shape[1]:
        reached[matrix.indices] = True
        return reached
    for option in options:
        reached[matrix.indices[matrix.indptr[option] : matrix.indptr[option + 1]]] = True
    return reached


def plan_sites(scenario: Scenario, plan: Plan, coverage: Coverage) -> gpd.GeoDataFrame:
    """List the chosen options, one row per base station, in option order.

    Returns
    -------
    GeoDataFrame
        WGS 84 points. ``served`` and ``served_alone`` count the weight of :func:`focus_of`:
        reached by the station, and reached by it and by no other of the plan. ``site_cost_cny``
        stands in the row of a site's first station only, so the column's sum and ``cost_cny``'s
        add up to the plan's cost.

    Notes
    -----
    With A the coverage of the chosen options, w the weights and c = A 1 the number of chosen
    stations that reach each demand point: served = Aᵀ w, alone = Aᵀ (w · [c = 1]).
    """
    sites, options = scenario.data.sites, scenario.options
    chosen, directed = plan.selected, scenario.directed[plan.selected]
    site = options.site[chosen]
    technology = [scenario.technologies[index] for index in options.technology[chosen]]
    served, alone = _contributions(scenario, plan, coverage)
    lon, lat = unproject(sites.xy[site], scenario.data.study_area.crs)
    first = np.zeros(len(chosen), dtype=bool)
    first[np.unique(site, return_index=True)[1]] = True
    districts = _names(scenario.data.study_area.districts)
    codes = [str(sites.district[index]) for index in site]
    frame = pd.DataFrame(
        {
            "number": np.arange(1, len(chosen) + 1),
            "site": [str(sites.id[index]) for index in site],
            "technology": [item.id for item in technology],
            "technology_zh": [item.name_zh for item in technology],
            "technology_en": [item.name_en for item in technology],
            "station_class": [item.station_class for item in technology],
            "band": [item.band for item in technology],
            "district": codes,
            "district_zh": [districts.get(code, (code, code))[0] for code in codes],
            "district_en": [districts.get(code, (code, code))[1] for code in codes],
            "lon": lon,
            "lat": lat,
            "north_m": sites.xy[site, 1],
            "east_m": sites.xy[site, 0],
            "host": [sites.kind[index].value for index in site],
            "owner": [sites.owner[index] for index in site],
            "existing": sites.existing[site],
            "work": work_of(options, scenario.standing)[chosen].astype(object),
            "height_m": options.height_m[chosen],
            "turn_deg": np.where(directed, options.turn_deg[chosen], np.nan),
            "tilt_deg": np.where(directed, options.tilt_deg[chosen], np.nan),
            "cost_cny": options.cost_cny[chosen],
            "site_cost_cny": np.where(first, sites.fixed_cost_cny[site], 0),
            "served": served,
            "served_alone": alone,
            "step": [plan.steps[index].name for index in plan.chosen_in],
            "provenance": [sites.provenance[index].value for index in site],
            "source": [sites.source[index] for index in site],
            "licence": [sites.licence[index] for index in site],
            "accuracy_m": sites.accuracy_m[site],
        }
    )
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(lon, lat), crs=WGS84)


def _contributions(
    scenario: Scenario, plan: Plan, coverage: Coverage
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    focus = focus_of(scenario)
    weight = scenario.data.demand.weights[focus.weight]
    matrix = coverage.by_standard[focus.standard_id].tocsc()[:, plan.selected]
    matrix = matrix.astype(np.float64)
    times = matrix.sum(axis=1)
    return matrix.T @ weight, matrix.T @ np.where(np.rint(times) == 1, weight, 0.0)


def plan_zones(scenario: Scenario, plan: Plan) -> gpd.GeoDataFrame:
    """List the targets in the scenario's order: zone, required, served, shortfall, state."""
    return _outcomes(scenario, plan.targets)


def plan_information(scenario: Scenario, plan: Plan) -> gpd.GeoDataFrame:
    """List the plan's outcomes without a target, in its order."""
    return _outcomes(scenario, plan.information)


def _outcomes(scenario: Scenario, outcomes: Sequence[Outcome]) -> gpd.GeoDataFrame:
    by_id = {zone.id: zone for zone in (*scenario.data.study_area.districts, *scenario.data.zones)}
    zones = [by_id[outcome.zone_id] for outcome in outcomes]
    frame = pd.DataFrame(
        {
            "zone": [zone.id for zone in zones],
            "name_zh": [zone.name_zh for zone in zones],
            "name_en": [zone.name_en for zone in zones],
            "kind": [zone.kind.value for zone in zones],
            "tier": [zone.tier for zone in zones],
            "standard": [item.standard_id for item in outcomes],
            "weight": [item.weight for item in outcomes],
            "total": [item.total for item in outcomes],
            "served": [item.served for item in outcomes],
            "share": [item.share for item in outcomes],
            "required_fraction": [
                float("nan") if item.required_fraction is None else item.required_fraction
                for item in outcomes
            ],
            "min_ss_sinr_db": [
                float("nan") if item.min_ss_sinr_db is None else item.min_ss_sinr_db
                for item in outcomes
            ],
            "clear": [float("nan") if item.clear is None else item.clear for item in outcomes],
            "clear_share": [item.clear_share for item in outcomes],
            "shortfall": [item.shortfall for item in outcomes],
            "reachable": [item.reachable for item in outcomes],
            "state": ["none" if item.state is None else item.state.value for item in outcomes],
            "provenance": [zone.provenance.value for zone in zones],
            "source": [zone.source for zone in zones],
            "licence": [zone.licence for zone in zones],
            "accuracy_m": [
                float("nan") if zone.accuracy_m is None else zone.accuracy_m for zone in zones
            ],
        }
    )
    return gpd.GeoDataFrame(frame, geometry=_lonlat(scenario, zones), crs=WGS84)


def plan_districts(scenario: Scenario, plan: Plan, coverage: Coverage) -> gpd.GeoDataFrame:
    """List the districts: stations, sites, cost, and what is served by the focus standard."""
    focus = focus_of(scenario)
    demand, data = scenario.data.demand, scenario.data
    served = served_demand(scenario, plan, coverage)[focus.standard_id]
    sites = plan_sites(scenario, plan, coverage)
    rows: list[dict[str, object]] = []
    for district in data.study_area.districts:
        mine = sites[sites["district"] == district.id]
        row: dict[str, object] = {
            "district": district.id,
            "name_zh": district.name_zh,
            "name_en": district.name_en,
            "standard": focus.standard_id,
            "stations": len(mine),
            "sites": mine["site"].nunique(),
            "cost_cny": int(mine["cost_cny"].sum() + mine["site_cost_cny"].sum()),
        }
        row |= _served_in(district.id, served, demand.weights, scenario)
        row |= {
            "provenance": district.provenance.value,
            "source": district.source,
            "licence": district.licence,
        }
        rows.append(row)
    geometry = _lonlat(scenario, data.study_area.districts)
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=geometry, crs=WGS84)


def _served_in(
    zone_id: str, served: Mask, weights: Mapping[str, npt.NDArray[np.float64]], scenario: Scenario
) -> dict[str, object]:
    demand = scenario.data.demand
    if zone_id not in demand.zone_ids:
        return {}
    inside = demand.in_zone(zone_id)
    figures: dict[str, object] = {}
    for name, weight in weights.items():
        total, got = float(weight[inside].sum()), float(weight[inside][served[inside]].sum())
        figures[f"{name}_total"] = total
        figures[f"{name}_served"] = got
        figures[f"{name}_share"] = got / total if total > 0 else float("nan")
    return figures


def _names(zones: Sequence[Zone]) -> dict[str, tuple[str, str]]:
    return {zone.id: (zone.name_zh, zone.name_en) for zone in zones}


def _lonlat(scenario: Scenario, zones: Sequence[Zone]) -> npt.NDArray[np.object_]:
    shapes = np.empty(len(zones), dtype=object)
    shapes[:] = [zone.geometry for zone in zones]
    return np.asarray(
        shapely.force_2d(unproject_geometry(shapes, scenario.data.study_area.crs)), dtype=object
    )
