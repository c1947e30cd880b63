"""A carrier is on air once at a site: in plans, in what is proven of them, and in their check."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from siting.coverage import build_coverage
from siting.errors import VerificationError
from siting.plan import TargetState
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ObjectiveSpec, ScenarioSpec, TargetSpec
from siting.status import Status
from siting.technology import CoverageModel, SectorLayout


def aimed(data: PlanningData, fraction: float, **changes: object) -> Scenario:
    """Ask for a share of the east by narrow antennas that can be turned three ways, or six.

    Macro stations of three and of six sectors share a carrier; the small cell has its own.
    """
    narrow = SectorLayout(turns_deg=(0.0, 40.0, 80.0), horizontal_beamwidth_deg=30.0)
    macro, micro = data.technologies
    macro = dataclasses.replace(macro, sectors=narrow)
    dense = dataclasses.replace(narrow, sectors=6, turns_deg=(0.0, 30.0))
    six = dataclasses.replace(macro, id="macro6-n41", sectors=dense, cost_cny=330_000)
    spec = ScenarioSpec(
        name="aimed",
        coverage_model=CoverageModel.SECTORS,
        targets=(
            TargetSpec(zones=("east",), standard="quality-outdoor", required_fraction=fraction),
        ),
    )
    known = dataclasses.replace(data, technologies=(macro, six, micro))
    return build_scenario(ScenarioSpec.parse(spec.model_dump() | changes), known)


def test_options_of_one_frequency_at_a_site_are_one_station(littletown: PlanningData) -> None:
    """Three and six sectors of a carrier are ways to configure one station, its neighbours not."""
    scenario = aimed(littletown, 0.2)
    options = scenario.options
    frequency = np.array([item.frequency_mhz for item in scenario.technologies])
    keys = list(zip(options.site, frequency[options.technology], strict=True))
    for one, other in itertools.combinations(range(len(options)), 2):
        assert (options.station[one] == options.station[other]) == (keys[one] == keys[other])
    assert len(np.unique(options.station)) < len(options)


def test_no_carrier_is_on_air_twice_and_the_bound_holds(littletown: PlanningData) -> None:
    """The least cost over all plans that keep the rule lies between bound and value."""
    scenario = aimed(littletown, 0.2)
    coverage = build_coverage(scenario)
    plan = plan_scenario(scenario, coverage=coverage)
    verify_plan(scenario, plan)
    options, station = scenario.options, scenario.options.station
    assert len(set(station[plan.selected])) == len(plan.selected)
    served = coverage.by_standard["quality-outdoor"].toarray()
    east = scenario.data.demand.in_zone("east")
    weight = scenario.data.demand.weights["area_m2"]
    ways = [[-1, *np.flatnonzero(station == number)] for number in np.unique(station)]
    least = np.inf
    for chosen in itertools.product(*ways):
        some = np.array([option for option in chosen if option >= 0], dtype=np.intp)
        reached = weight[east][served[east][:, some].any(axis=1)].sum()
        if reached >= 0.2 * weight[east].sum() * (1 - 1e-9):
            sites = np.unique(options.site[some])
            cost = options.cost_cny[some].sum() + scenario.data.sites.fixed_cost_cny[sites].sum()
            least = min(least, cost)
    assert plan.steps[0].bound <= least <= plan.steps[0].value
    assert plan.steps[0].value == least


def test_a_second_way_on_air_is_refused(littletown: PlanningData) -> None:
    """A plan with another configuration of one of its stations besides does not verify."""
    scenario = aimed(littletown, 0.2)
    plan = plan_scenario(scenario)
    station = scenario.options.station
    twin = next(
        option
        for option in range(len(station))
        if option not in plan.selected and station[option] in station[plan.selected]
    )
    order = np.argsort(np.append(plan.selected, twin), kind="stable")
    worse = dataclasses.replace(
        plan,
        selected=np.append(plan.selected, twin)[order],
        chosen_in=np.append(plan.chosen_in, 0)[order],
    )
    with pytest.raises(VerificationError, match="on air in two ways at one site"):
        verify_plan(scenario, worse)


def test_what_only_two_ways_at_once_would_reach_is_said_to_be_unknown(
    littletown: PlanningData,
) -> None:
    """Asked for all that all options reach together, a plan serves what it can and verifies."""
    scenario = aimed(littletown, 0.2)
    coverage = build_coverage(scenario)
    reach = np.diff(coverage.by_standard["quality-outdoor"].indptr) > 0
    east = scenario.data.demand.in_zone("east")
    weight = scenario.data.demand.weights["area_m2"][east]
    share = float(weight[reach[east]].sum() / weight.sum())
    asked = aimed(littletown, share * (1.0 - 1e-12))
    plan = plan_scenario(asked)
    verify_plan(asked, plan)
    assert plan.status is Status.UNKNOWN
    assert plan.targets[0].state in (TargetState.NEAR, TargetState.MISSED)
    assert plan.targets[0].served > 0.8 * plan.targets[0].reachable
    assert "No selection was found that meets every target" in plan.reason


def test_step_two_keeps_the_rule_and_its_limit(littletown: PlanningData) -> None:
    """The most served by the stations left is no less than any plan's that keeps the rule."""
    scenario = aimed(
        littletown, 0.2, stations=4, objective=ObjectiveSpec(standard="basic-indoor").model_dump()
    )
    plan = plan_scenario(scenario)
    verify_plan(scenario, plan)
    station = scenario.options.station
    assert len(set(station[plan.selected])) == len(plan.selected)
    served = build_coverage(scenario).by_standard["basic-indoor"].toarray()
    people = scenario.data.demand.weights["population"]
    fixed = plan.selected[plan.chosen_in == 0]
    free = [o for o in range(len(station)) if station[o] not in station[fixed]]
    best = 0.0
    for added in itertools.combinations(free, 4 - len(fixed)):
        if len(set(station[list(added)])) == len(added):
            best = max(best, people[served[:, [*fixed, *added]].any(axis=1)].sum())
    step = plan.steps[-1]
    assert step.value <= best <= step.bound
    assert step.value == best
