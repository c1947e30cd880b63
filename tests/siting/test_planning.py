"""The outline of a plan: statuses that are true, answers that repeat, searches that stop."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from siting.coverage import build_coverage
from siting.plan import Plan, TargetState
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.progress import Progress
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ObjectiveSpec, ScenarioSpec, TargetSpec
from siting.status import Status


def question(data: PlanningData, **changes: object) -> Scenario:
    """Cover most of the airfield, then serve the most people with five stations."""
    spec = ScenarioSpec(
        name="little",
        stations=5,
        targets=(
            TargetSpec(zones=("airfield",), standard="quality-outdoor", required_fraction=0.35),
        ),
        objective=ObjectiveSpec(standard="basic-indoor"),
    )
    return build_scenario(ScenarioSpec.parse(spec.model_dump() | changes), data)


def target(zone: str, fraction: float, standard: str = "quality-outdoor") -> dict[str, object]:
    """Write a target down."""
    return {"zones": (zone,), "standard": standard, "required_fraction": fraction}


def solved(scenario: Scenario, **how: object) -> Plan:
    """Solve and verify; the verifier has the last word in every test."""
    plan = plan_scenario(scenario, **how)  # pyright: ignore[reportArgumentType] - keywords of solve
    verify_plan(scenario, plan)
    return plan


def test_a_plan_meets_its_target_and_passes_verification(littletown: PlanningData) -> None:
    """Both steps are there, the target is met, the stations are not exceeded."""
    plan = solved(question(littletown))
    assert [step.name for step in plan.steps] == ["targets", "service"]
    assert plan.targets[0].state is TargetState.MET
    assert plan.stations <= 5
    assert plan.status in (Status.OPTIMAL, Status.FEASIBLE)
    assert plan.steps[0].bound <= plan.steps[0].value
    assert plan.steps[1].bound >= plan.steps[1].value


def test_one_seed_gives_one_plan(littletown: PlanningData) -> None:
    """Solving twice gives the same options, values and bounds."""
    scenario = question(littletown)
    one, other = solved(scenario), solved(scenario)
    assert np.array_equal(one.selected, other.selected)
    assert [step.bound for step in one.steps] == [step.bound for step in other.steps]


def test_an_impossible_target_is_a_result_that_names_the_zone(littletown: PlanningData) -> None:
    """All of the western district cannot be reached: infeasible, with how much can."""
    scenario = question(littletown, targets=(target("west", 1.0), target("airfield", 0.35)))
    plan = solved(scenario)
    assert plan.status is Status.INFEASIBLE
    assert "west" in plan.reason
    assert plan.targets[0].state is TargetState.IMPOSSIBLE
    assert plan.targets[0].served == pytest.approx(plan.targets[0].reachable)
    assert plan.targets[1].state is TargetState.MET


def test_too_few_stations_are_proved_too_few(littletown: PlanningData) -> None:
    """When the targets need more stations than allowed, the plan says so and keeps the limit."""
    wide = question(littletown, stations=None, objective=None, targets=(target("west", 0.25),))
    needed = solved(wide).stations
    assert needed > 1
    plan = solved(wide.replace(stations=1))
    assert plan.stations <= 1
    assert plan.status in (Status.INFEASIBLE, Status.UNKNOWN)
    assert [step.name for step in plan.steps] == ["targets", "stations"]
    if plan.status is Status.INFEASIBLE:
        assert plan.steps[1].bound > 1


def test_stations_without_gain_are_not_planned(littletown: PlanningData) -> None:
    """With more stations than there is demand to serve the plan stops, and says so."""
    plan = solved(question(littletown, stations=1000))
    assert plan.stations < 1000
    assert plan.steps[-1].status is Status.OPTIMAL
    assert "nobody more" in plan.steps[-1].reason


def test_a_locked_site_is_opened(littletown: PlanningData) -> None:
    """A site that must be opened carries an option, with or without targets."""
    for targets in ((target("airfield", 0.35),), ()):
        scenario = question(littletown, targets=targets, locked_sites=("s2",))
        plan = solved(scenario)
        opened = {littletown.sites.id[site] for site in scenario.options.site[plan.selected]}
        assert "s2" in opened


def test_targets_alone_and_service_alone(littletown: PlanningData) -> None:
    """Either step can be asked for without the other."""
    assert [step.name for step in solved(question(littletown, objective=None)).steps] == ["targets"]
    assert [step.name for step in solved(question(littletown, targets=())).steps] == ["service"]


def test_a_stopped_search_returns_a_plan_that_verifies(littletown: PlanningData) -> None:
    """Stopped at once, the answer still meets the target and proves what it says."""
    scenario = question(littletown)
    coverage = build_coverage(scenario)
    plan = solved(scenario, coverage=coverage, stop=lambda: True)
    assert plan.targets[0].state is TargetState.MET


def test_progress_ends_with_the_truth(littletown: PlanningData) -> None:
    """The last report of each phase carries the step's value and no better bound."""
    heard: list[Progress] = []
    plan = solved(question(littletown), progress=heard.append)
    for step in plan.steps:
        last = [report for report in heard if report.phase == step.name][-1]
        assert last.value == step.value
        assert last.bound == step.bound
        assert last.unit == step.unit


def test_a_warm_start_is_never_lost(littletown: PlanningData) -> None:
    """Beginning from an earlier plan ends no worse, even when stopped at once."""
    scenario = question(littletown)
    first, coverage = solved(scenario), build_coverage(scenario)
    again = solved(scenario, coverage=coverage, warm_start=first.selected, stop=lambda: True)
    assert again.steps[0].value <= first.steps[0].value


def test_one_more_candidate_site_never_raises_the_proven_cost(littletown: PlanningData) -> None:
    """Forbidding a site can only raise the least cost: the bound with it is below the value."""
    every = question(littletown, objective=None)
    for site in ("s0", "s2", "s4"):
        fewer = question(littletown, objective=None, forbidden_sites=(site,))
        plan = solved(fewer)
        if plan.status is not Status.INFEASIBLE:
            assert solved(every).steps[0].bound <= plan.steps[0].value


def test_a_larger_weight_serves_in_proportion(littletown: PlanningData) -> None:
    """Ten times the people: the same stations serve ten times as many."""
    demand = littletown.demand
    weights = dict(demand.weights) | {"population": 10.0 * demand.weights["population"]}
    crowded = dataclasses.replace(littletown, demand=dataclasses.replace(demand, weights=weights))
    one, other = solved(question(littletown)), solved(question(crowded))
    assert np.array_equal(one.selected, other.selected)
    assert other.steps[1].value == 10.0 * one.steps[1].value
