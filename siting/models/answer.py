"""From chosen options to the plan's figures: outcomes per zone, and shares of provenance."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from siting.coverage import Coverage
from siting.layers import provenance_shares, shares_of
from siting.plan import Outcome, judge
from siting.radio.network.demand_quality import Ask, clear_points
from siting.scenario import Scenario, ZoneTarget


def target_outcomes(
    scenario: Scenario, coverage: Coverage, selected: npt.NDArray[np.intp]
) -> tuple[Outcome, ...]:
    """Return what a selection reaches of each target, in the scenario's order.

    Where a target asks for a SINR, interference is predicted on the selection.
    """
    served, clear = _served(coverage, selected), clear_points(scenario, selected)
    return tuple(
        _outcome(
            scenario,
            coverage,
            served,
            (target.zone_id, target.standard_id, target.weight),
            target=target,
            clear=clear,
        )
        for target in scenario.targets
    )


def information_outcomes(
    scenario: Scenario, coverage: Coverage, selected: npt.NDArray[np.intp]
) -> tuple[Outcome, ...]:
    """Return what a selection reaches per district, by every standard and weight in use.

    The objective's standard and weight come first.
    """
    served = _served(coverage, selected)
    pairs = [(target.standard_id, target.weight) for target in scenario.targets]
    if scenario.objective is not None:
        pairs.insert(0, (scenario.objective.standard_id, scenario.objective.weight))
    names = sorted({weight for _, weight in pairs})
    standards = list(dict.fromkeys(standard for standard, _ in pairs))
    pairs += [(standard, weight) for standard in standards for weight in names]
    return tuple(
        _outcome(scenario, coverage, served, (zone.id, standard, weight))
        for standard, weight in dict.fromkeys(pairs)
        for zone in scenario.data.study_area.districts
        if zone.id in scenario.data.demand.zone_ids
    )


def plan_provenance(scenario: Scenario) -> Mapping[str, Mapping[str, float]]:
    """Return the share of each provenance per input layer the plan rests on.

    Terrain counts only where the coverage model or an exclusion uses it.
    """
    shares = provenance_shares(scenario.data)
    if not scenario.reads_terrain:
        shares.pop("terrain", None)
    if scenario.exclusions is not None and scenario.exclusions.provenance:
        shares["exclusions"] = shares_of(scenario.exclusions.provenance)
    return shares


def _served(
    coverage: Coverage, selected: npt.NDArray[np.intp]
) -> Mapping[str, npt.NDArray[np.bool_]]:
    served: dict[str, npt.NDArray[np.bool_]] = {}
    for standard, matrix in coverage.by_standard.items():
        chosen = np.zeros(matrix.shape[1], dtype=np.int32)
        chosen[selected] = 1
        served[standard] = (matrix @ chosen) > 0
    return served


def _outcome(
    scenario: Scenario,
    coverage: Coverage,
    served: Mapping[str, npt.NDArray[np.bool_]],
    what: tuple[str, str, str],
    *,
    target: ZoneTarget | None = None,
    clear: Mapping[Ask, npt.NDArray[np.bool_]] = MappingProxyType({}),
) -> Outcome:
    zone_id, standard_id, weight_name = what
    members = scenario.data.demand.in_zone(zone_id)
    weight = scenario.data.demand.weights[weight_name][members]
    total = float(weight.sum())
    reached = float(weight[served[standard_id][members]].sum())
    able = np.diff(coverage.by_standard[standard_id].indptr)[members] > 0
    reachable = float(weight[able].sum())
    state, good, sinr = None, None, None if target is None else target.min_ss_sinr_db
    if sinr is not None:
        both = served[standard_id][members] & clear[standard_id, sinr][members]
        good = float(weight[both].sum())
    if target is not None:
        state = judge(
            total=total,
            served=reached if good is None else good,
            reachable=reachable,
            required_fraction=target.required_fraction,
        )
    return Outcome(
        zone_id=zone_id,
        standard_id=standard_id,
        weight=weight_name,
        total=total,
        served=reached,
        reachable=reachable,
        required_fraction=None if target is None else target.required_fraction,
        state=state,
        min_ss_sinr_db=sinr,
        clear=good,
    )
