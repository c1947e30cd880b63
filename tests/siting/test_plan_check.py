"""The verifier bites: a good plan spoiled in any field is refused."""

from __future__ import annotations

import ast
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import siting.plan_check
from siting.errors import VerificationError
from siting.plan import Certificate, Cuts, Plan, TargetState
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ObjectiveSpec, ScenarioSpec, TargetSpec
from siting.status import Sense, Status


@pytest.fixture(scope="module")
def answered(littletown: PlanningData) -> tuple[Scenario, Plan]:
    """Return a question with two steps and its verified answer."""
    spec = ScenarioSpec(
        name="little",
        stations=4,
        targets=(
            TargetSpec(zones=("airfield",), standard="quality-outdoor", required_fraction=0.35),
            TargetSpec(zones=("west",), standard="basic-indoor", required_fraction=0.05),
        ),
        objective=ObjectiveSpec(standard="basic-indoor"),
        locked_sites=("s4",),
    )
    scenario = build_scenario(spec, littletown)
    plan = plan_scenario(scenario)
    verify_plan(scenario, plan)
    assert [step.name for step in plan.steps] == ["targets", "service"]
    assert plan.status in (Status.OPTIMAL, Status.FEASIBLE)
    return scenario, plan


Spoil = Callable[[Plan], Plan]


def _plan(**changes: object) -> Spoil:
    return lambda plan: dataclasses.replace(plan, **changes)


def _step(index: int, **changes: object) -> Spoil:
    def spoil(plan: Plan) -> Plan:
        steps = list(plan.steps)
        steps[index] = dataclasses.replace(steps[index], **changes)
        return dataclasses.replace(plan, steps=tuple(steps))

    return spoil


def _shift(index: int, field: str, by: float) -> Spoil:
    def spoil(plan: Plan) -> Plan:
        return _step(index, **{field: getattr(plan.steps[index], field) + by})(plan)

    return spoil


def _outcome(group: str, field: str, change: Callable[[object], object]) -> Spoil:
    def spoil(plan: Plan) -> Plan:
        outcomes = list(getattr(plan, group))
        value = change(getattr(outcomes[0], field))
        outcomes[0] = dataclasses.replace(outcomes[0], **{field: value})
        return dataclasses.replace(plan, **{group: tuple(outcomes)})

    return spoil


def _prices(index: int, change: Callable[[Certificate], Certificate]) -> Spoil:
    def spoil(plan: Plan) -> Plan:
        certificate = plan.steps[index].certificate
        assert certificate is not None
        return _step(index, certificate=change(certificate))(plan)

    return spoil


def _scaled(certificate: Certificate, factor: float) -> Certificate:
    cover = {name: factor * prices for name, prices in certificate.cover.items()}
    return Certificate(cover=cover, targets=factor * certificate.targets)


def _negative(certificate: Certificate) -> Certificate:
    name, prices = next(iter(certificate.cover.items()))
    worse = prices.copy()
    worse[0] = -1.0
    return dataclasses.replace(certificate, cover=dict(certificate.cover) | {name: worse})


def _cut(
    pointer: list[int], members: list[int], prices: list[float]
) -> Callable[[Certificate], Certificate]:
    cuts = Cuts(
        pointer=np.array(pointer, dtype=np.int64),
        members=np.array(members, dtype=np.int64),
        prices=np.array(prices),
    )
    return lambda proof: dataclasses.replace(proof, cuts=cuts)


def _without_last(plan: Plan) -> Plan:
    return dataclasses.replace(plan, selected=plan.selected[:-1], chosen_in=plan.chosen_in[:-1])


def _with_another(plan: Plan) -> Plan:
    other = next(option for option in range(100) if option not in plan.selected)
    selected = np.append(plan.selected, other)
    order = np.argsort(selected)
    chosen_in = np.append(plan.chosen_in, 1)[order]
    return dataclasses.replace(plan, selected=selected[order], chosen_in=chosen_in)


SPOILS: dict[str, Spoil] = {
    "hash": _plan(scenario_hash="0" * 64),
    "status better": _plan(status=Status.INFEASIBLE),
    "status unknown": _plan(status=Status.UNKNOWN),
    "reason": _plan(reason=""),
    "an option less": _without_last,
    "an option more": _with_another,
    "twice": lambda plan: dataclasses.replace(
        plan,
        selected=np.append(plan.selected, plan.selected[-1]),
        chosen_in=np.append(plan.chosen_in, 0),
    ),
    "out of range": lambda plan: dataclasses.replace(
        plan, selected=np.append(plan.selected[:-1], 10**6)
    ),
    "descending": lambda plan: dataclasses.replace(plan, selected=plan.selected[::-1].copy()),
    "chosen_in": lambda plan: dataclasses.replace(plan, chosen_in=1 - plan.chosen_in),
    "chosen_in range": lambda plan: dataclasses.replace(plan, chosen_in=plan.chosen_in + 7),
    "no step": _plan(steps=()),
    "one step": lambda plan: dataclasses.replace(plan, steps=plan.steps[:1]),
    "steps reversed": lambda plan: dataclasses.replace(plan, steps=plan.steps[::-1]),
    "no targets": _plan(targets=()),
    "targets reversed": lambda plan: dataclasses.replace(plan, targets=plan.targets[::-1]),
    "no information": _plan(information=()),
    "stations": lambda plan: dataclasses.replace(plan, stations=plan.stations - 1),
    "sites": lambda plan: dataclasses.replace(plan, sites=plan.sites + 1),
    "cost": lambda plan: dataclasses.replace(plan, cost_cny=plan.cost_cny - 1),
    "seed": _plan(seed=99),
    "runtime": _plan(runtime_s=-1.0),
    "runtime nan": _plan(runtime_s=math.nan),
    "runtime too short": _plan(runtime_s=0.0),
    "version": _plan(version=""),
    "no provenance": _plan(provenance={}),
    "provenance": lambda plan: dataclasses.replace(
        plan, provenance=dict(plan.provenance) | {"candidate sites": {"real": 1.0}}
    ),
    **{
        f"{kind} {name}": spoil
        for index, kind in enumerate(("targets", "service"))
        for name, spoil in {
            "name": _step(index, name="other"),
            "sense": lambda plan, at=index: _step(
                at,
                sense=Sense.MINIMISE if plan.steps[at].sense is Sense.MAXIMISE else Sense.MAXIMISE,
            )(plan),
            "unit": _step(index, unit="EUR"),
            "value up": _shift(index, "value", 1000.0),
            "value down": _shift(index, "value", -1000.0),
            "bound up": _shift(index, "bound", 10_000.0),
            "bound down": _shift(index, "bound", -10_000.0),
            "status": _step(index, status=Status.UNKNOWN),
            "status infeasible": _step(index, status=Status.INFEASIBLE),
            "reason": _step(index, reason=""),
            "runtime": _step(index, runtime_s=-1.0),
            "runtime longer than the plan's": _step(index, runtime_s=1e9),
            "no certificate": _step(index, certificate=None),
            "prices": _prices(index, lambda proof: _scaled(proof, 0.1)),
            "negative price": _prices(index, _negative),
            "no prices": _prices(index, lambda proof: dataclasses.replace(proof, cover={})),
            "multipliers": _prices(
                index, lambda proof: dataclasses.replace(proof, targets=np.ones(9))
            ),
            "nan": _prices(index, lambda proof: _scaled(proof, math.nan)),
            "cuts that cost more than they bring": _prices(index, _cut([0, 2], [0, 1], [1e7])),
            "cuts without members": _prices(index, _cut([0, 0], [], [0.0])),
            "cuts with members left over": _prices(index, _cut([0, 1], [0, 1], [0.0])),
            "cuts with a negative price": _prices(index, _cut([0, 1], [0], [-1.0])),
            "cuts with a price too many": _prices(index, _cut([0, 1], [0], [0.0, 0.0])),
            "cuts of nothing": _prices(index, _cut([0, 1], [-1], [0.0])),
            "cuts of themselves": _prices(index, _cut([0, 1], [10**9], [0.0])),
        }.items()
    },
    **{
        f"{group} {name}": spoil
        for group in ("targets", "information")
        for name, spoil in {
            "zone": _outcome(group, "zone_id", lambda _: "nowhere"),
            "standard": _outcome(group, "standard_id", lambda _: "none"),
            "weight": _outcome(group, "weight", lambda _: "gold"),
            "total": _outcome(group, "total", lambda value: value + 1.0),  # pyright: ignore[reportOperatorIssue]
            "served": _outcome(group, "served", lambda value: value + 1.0),  # pyright: ignore[reportOperatorIssue]
            "reachable": _outcome(group, "reachable", lambda value: value + 1.0),  # pyright: ignore[reportOperatorIssue]
            "fraction": _outcome(group, "required_fraction", lambda _: 0.123),
            "state": _outcome(group, "state", lambda _: TargetState.NEAR),
            "sinr": _outcome(group, "min_ss_sinr_db", lambda _: 3.0),
            "clear": _outcome(group, "clear", lambda _: 1.0),
        }.items()
    },
}


@pytest.mark.parametrize("what", SPOILS)
def test_a_spoiled_plan_is_refused(answered: tuple[Scenario, Plan], what: str) -> None:
    """Whatever field of a good plan is changed, verification says so."""
    scenario, plan = answered
    with pytest.raises(VerificationError) as refused:
        verify_plan(scenario, SPOILS[what](plan))
    assert refused.value.discrepancies


def test_every_field_is_spoiled() -> None:
    """No field of plan, step, outcome or certificate is left out above."""
    source = Path(__file__).read_text()
    for kind in ("Plan", "Step", "Outcome", "Certificate", "Cuts"):
        for item in dataclasses.fields(getattr(siting.plan, kind)):
            assert f'"{item.name}"' in source or f"{item.name}=" in source, (kind, item.name)


def test_a_plan_for_another_question_is_refused(answered: tuple[Scenario, Plan]) -> None:
    """A plan does not pass for a scenario it was not made for."""
    scenario, plan = answered
    with pytest.raises(VerificationError, match="scenario_hash"):
        verify_plan(scenario.replace(stations=9), plan)


def test_all_discrepancies_come_at_once(answered: tuple[Scenario, Plan]) -> None:
    """Two spoiled figures are two discrepancies of one error."""
    scenario, plan = answered
    spoiled = dataclasses.replace(plan, cost_cny=plan.cost_cny + 1, sites=plan.sites + 1)
    with pytest.raises(VerificationError) as refused:
        verify_plan(scenario, spoiled)
    assert {item.where for item in refused.value.discrepancies} == {"cost_cny", "sites"}


def test_the_check_shares_nothing_with_models_or_solvers() -> None:
    """The verifier imports values and physics only."""
    tree = ast.parse(Path(siting.plan_check.__file__).read_text())
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    own = {name for name in imported if name and name.startswith("siting")}
    assert own <= {
        "siting.coverage",
        "siting.errors",
        "siting.exclusions.checking",
        "siting.plan",
        "siting.proof",
        "siting.radio.network.demand_quality",
        "siting.scenario",
        "siting.status",
        "siting.technology",
        "siting.zones",
    }
