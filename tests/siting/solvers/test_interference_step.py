"""Repair of interference: brute force over all directions, levels kept, the same plan again."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sinr_town import asking, town

from siting.coverage import build_coverage
from siting.models.answer import target_outcomes
from siting.plan import Outcome, Plan, TargetState
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.scenario import PlanningData, Scenario
from siting.status import Status

TWO = [(600.0, 1000.0), (1400.0, 1000.0)]
THREE = [(600.0, 800.0), (1400.0, 800.0), (1000.0, 1500.0)]
FIVE = [*THREE, (1000.0, 1000.0), (1500.0, 1500.0)]


def solved(scenario: Scenario, **how: object) -> Plan:
    """Solve and verify."""
    plan = plan_scenario(scenario, **how)  # pyright: ignore[reportArgumentType]
    verify_plan(scenario, plan)
    return plan


def best_of_all(scenario: Scenario) -> float:
    """Try every way to aim one station at every site; return the most that counts."""
    coverage, site = build_coverage(scenario), scenario.options.site
    ways = [np.flatnonzero(site == number) for number in range(len(scenario.data.sites))]
    return max(
        target_outcomes(scenario, coverage, np.array(chosen))[0].clear_share
        for chosen in itertools.product(*ways)
    )


def by_level_alone(scenario: Scenario, data: PlanningData, fraction: float) -> Outcome:
    """Plan without the SINR and return what that plan would have of it."""
    plan = solved(asking(data, None, target={"required_fraction": fraction}))
    return target_outcomes(scenario, build_coverage(scenario), plan.selected)[0]


@pytest.mark.parametrize(
    ("places", "sinr_db"), [(TWO, 6.0), (TWO, 10.0), (TWO, 15.0), (THREE, 6.0), (THREE, 10.0)]
)
def test_repair_reaches_the_best_of_all_directions(
    littletown: PlanningData, places: list[tuple[float, float]], sinr_db: float
) -> None:
    """Of all ways to aim stations that face each other it finds one with the most SINR."""
    data = town(littletown, places)
    scenario = asking(data, sinr_db, target={"required_fraction": 0.9})
    before, plan = by_level_alone(scenario, data, 0.9), solved(scenario)
    best = best_of_all(scenario)
    assert before.clear_share < min(0.9, best), "the case needs repair"
    assert plan.targets[0].clear_share >= min(0.9, best) - 1e-9
    assert (plan.targets[0].state is TargetState.MET) == (best >= 0.9)
    assert plan.targets[0].share >= 0.9 - 1e-9, "the level is kept"
    assert plan.stations == len(places)


def test_a_zone_that_misses_its_sinr_is_named_and_its_level_stays_proven(
    littletown: PlanningData,
) -> None:
    """The status speaks of level; the sentence says which zone lacks how much SINR."""
    plan = solved(asking(town(littletown, TWO), 15.0, target={"required_fraction": 0.9}))
    assert plan.targets[0].state in (TargetState.NEAR, TargetState.MISSED)
    assert plan.targets[0].shortfall == pytest.approx((0.9 - plan.targets[0].clear_share) * 64e4)
    assert plan.status in (Status.OPTIMAL, Status.FEASIBLE)
    assert "airfield by fair-outdoor has 15 dB on 75 %" in plan.reason
    assert plan.steps[0].bound <= plan.steps[0].value


def test_what_is_met_already_is_left_alone(littletown: PlanningData) -> None:
    """Where level alone gives the SINR the plan is the one without it."""
    data = town(littletown, TWO)
    asked = asking(data, 0.0, target={"required_fraction": 0.6})
    plan = solved(asked)
    without = solved(asking(data, None, target={"required_fraction": 0.6}))
    assert np.array_equal(plan.selected, without.selected)
    assert [step.reason for step in plan.steps] == [step.reason for step in without.steps]
    assert "Every SINR target is met" in plan.reason


def test_one_seed_gives_one_repaired_plan(littletown: PlanningData) -> None:
    """Solving twice gives the same options and the same words."""
    scenario = asking(town(littletown, THREE), 10.0, target={"required_fraction": 0.9})
    one, other = solved(scenario), solved(scenario)
    assert np.array_equal(one.selected, other.selected)
    assert one.reason == other.reason


def test_stations_are_added_only_where_there_is_room(littletown: PlanningData) -> None:
    """With free sites a station is built for the SINR, never beyond the number allowed."""
    data = town(littletown, FIVE)
    demand = {"target": {"required_fraction": 0.9}, "locked_sites": ["t0", "t1"]}
    few = solved(asking(data, 15.0, stations=2, **demand))
    more = solved(asking(data, 15.0, stations=4, **demand))
    assert few.stations == 2
    assert 2 < more.stations <= 4
    assert more.targets[0].clear_share > few.targets[0].clear_share


def test_two_steps_are_told_anew(littletown: PlanningData) -> None:
    """With an objective too, values and bounds of both steps hold for the changed selection."""
    data = town(littletown, FIVE)
    demand = {
        "target": {"required_fraction": 0.9},
        "locked_sites": [],
        "stations": 4,
        "objective": {"standard": "quality-outdoor"},
    }
    scenario = asking(data, 15.0, **demand)
    plan = solved(scenario)
    level = solved(asking(data, None, **demand))
    had = target_outcomes(scenario, build_coverage(scenario), level.selected)[0]
    assert not np.array_equal(plan.selected, level.selected)
    assert plan.targets[0].clear_share > had.clear_share
    assert [step.name for step in plan.steps] == ["targets", "service"]
    assert plan.steps[0].bound <= plan.steps[0].value
    assert plan.steps[1].value <= plan.steps[1].bound
    assert "exchanged for their interference" in plan.steps[0].reason
    assert plan.stations <= 4


def test_a_stopped_search_still_tells_the_truth(littletown: PlanningData) -> None:
    """Stopped at once the plan verifies, and its state is that of its own interference."""
    scenario = asking(town(littletown, TWO), 6.0, target={"required_fraction": 0.9})
    coverage = build_coverage(scenario)
    plan = solved(scenario, coverage=coverage, stop=lambda: True)
    assert plan.targets[0].state is not TargetState.MET
