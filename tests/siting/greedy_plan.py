"""A plan made by a plain greedy rule: real values of the real types, no solver's promise."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp

from siting.coverage import Coverage
from siting.layers import provenance_shares
from siting.plan import Outcome, Plan, Step, TargetState, judge
from siting.scenario import Scenario, ZoneTarget
from siting.status import Sense, Status


def greedy_plan(scenario: Scenario, coverage: Coverage) -> Plan:
    """Serve targets first, then the objective, always by the most new weight per option."""
    demand, options = scenario.data.demand, scenario.options
    chosen: list[int] = []
    step: list[int] = []
    limit = scenario.stations or len(options)
    served = {item.id: np.zeros(len(demand), dtype=bool) for item in scenario.standards}

    def take(option: int, number: int) -> None:
        chosen.append(option)
        step.append(number)
        for name, matrix in columns.items():
            served[name][matrix.indices[matrix.indptr[option] : matrix.indptr[option + 1]]] = True

    columns = {name: matrix.tocsc() for name, matrix in coverage.by_standard.items()}

    def fill(standard: str, weight: np.ndarray, number: int, enough: float) -> None:
        matrix = columns[standard].astype(float)
        gain = matrix.T @ (weight * ~served[standard])
        while len(chosen) < limit and (weight * served[standard]).sum() < enough:
            option = int(np.argmax(gain))
            fresh = float(
                weight[_rows(matrix, option)][~served[standard][_rows(matrix, option)]].sum()
            )
            if fresh < gain[option] - 1e-9:
                gain[option] = fresh
                continue
            if fresh <= 0:
                return
            take(option, number)
            gain[option] = 0.0

    for target in scenario.targets:
        inside = np.zeros(len(demand), dtype=bool)
        inside[demand.in_zone(target.zone_id)] = True
        weight = demand.weights[target.weight] * inside
        fill(target.standard_id, weight, 0, target.required_fraction * weight.sum() - 1e-6)
    if scenario.objective is not None:
        fill(scenario.objective.standard_id, demand.weights[scenario.objective.weight], 1, math.inf)
    order = np.argsort(chosen, kind="stable")
    selected = np.array(chosen, dtype=np.intp)[order]
    outcomes = [_outcome(scenario, coverage, served, target) for target in scenario.targets]
    steps, cost = _steps(scenario, served, selected)
    impossible = any(item.state is TargetState.IMPOSSIBLE for item in outcomes)
    return Plan(
        scenario_hash=scenario.hash,
        status=Status.INFEASIBLE if impossible else Status.FEASIBLE,
        reason="greedy choice for a test",
        selected=selected,
        chosen_in=np.array(step, dtype=np.intp)[order],
        steps=steps,
        targets=tuple(outcomes),
        information=(),
        stations=len(selected),
        sites=len(np.unique(options.site[selected])),
        cost_cny=cost,
        seed=scenario.seed,
        runtime_s=1.25,
        version="test",
        provenance=provenance_shares(scenario.data),
    )


def _rows(matrix: sp.csc_array, option: int) -> np.ndarray:
    return matrix.indices[matrix.indptr[option] : matrix.indptr[option + 1]]


def _outcome(
    scenario: Scenario, coverage: Coverage, served: dict[str, np.ndarray], target: ZoneTarget
) -> Outcome:
    demand = scenario.data.demand
    zone_id, standard = target.zone_id, target.standard_id
    weight, fraction = target.weight, target.required_fraction
    inside = demand.in_zone(zone_id)
    w = demand.weights[weight][inside]
    reach = np.zeros(len(demand), dtype=bool)
    reach[coverage.by_standard[standard].tocsc().indices] = True
    total, got = float(w.sum()), float(w[served[standard][inside]].sum())
    best = float(w[reach[inside]].sum())
    return Outcome(
        zone_id=zone_id,
        standard_id=standard,
        weight=weight,
        total=total,
        served=got,
        reachable=best,
        required_fraction=fraction,
        state=judge(total=total, served=got, reachable=best, required_fraction=fraction),
    )


def _steps(
    scenario: Scenario, served: dict[str, np.ndarray], selected: np.ndarray
) -> tuple[tuple[Step, ...], int]:
    options, sites = scenario.options, scenario.data.sites
    opened = np.unique(options.site[selected])
    cost = int(options.cost_cny[selected].sum() + sites.fixed_cost_cny[opened].sum())
    steps = [
        Step(
            name="targets", sense=Sense.MINIMISE, unit="CNY", value=float(cost), bound=cost * 0.97,
            status=Status.FEASIBLE, reason="greedy", runtime_s=0.5, certificate=None,
        )
    ]  # fmt: skip
    if scenario.objective is not None:
        weight = scenario.data.demand.weights[scenario.objective.weight]
        value = float(weight[served[scenario.objective.standard_id]].sum())
        steps.append(
            Step(
                name="service", sense=Sense.MAXIMISE, unit=scenario.objective.weight, value=value,
                bound=min(weight.sum(), value * 1.02), status=Status.FEASIBLE, reason="greedy",
                runtime_s=0.75, certificate=None,
            )
        )  # fmt: skip
    return tuple(steps), cost
