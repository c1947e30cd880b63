"""The outline of a plan: meet the targets at least cost, then serve the most with what is left.

Where targets ask for a SINR, options are exchanged afterwards until the whole plan has it.
"""

from __future__ import annotations

import importlib.metadata
import logging
import time

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.coverage import Coverage, build_coverage
from siting.models.answer import information_outcomes, plan_provenance, target_outcomes
from siting.models.assemble import Assembled, assemble
from siting.models.reasons import plan_reason, service_reason, stations_reason, targets_reason
from siting.models.restated import promoted, restated
from siting.plan import Plan, Step
from siting.progress import Report, Stop
from siting.scenario import Scenario
from siting.solvers.interference_step import repair_interference
from siting.solvers.proven import Proven
from siting.solvers.service_step import solve_service
from siting.solvers.standing_stations import keep_standing, with_standing
from siting.solvers.station_limit import Limited, solve_within
from siting.solvers.target_step import solve_targets
from siting.status import Sense, Status

log = logging.getLogger(__name__)

#: Share of the time that step one may use when a step two follows.
TARGETS_SHARE = 0.9
#: Share of the time that both may use when targets ask for a SINR, which is seen to last.
LEVELS_SHARE = 0.75

_None = np.zeros(0, dtype=np.intp)


def plan_scenario(
    scenario: Scenario,
    *,
    coverage: Coverage | None = None,
    stop: Stop | None = None,
    progress: Report | None = None,
    warm_start: npt.NDArray[np.intp] | None = None,
) -> Plan:
    """Plan a scenario: every target at least cost, then the most served with what is left.

    Targets that ask for a SINR too are planned by their level; then options are exchanged until the
    interference predicted on the whole plan leaves them their SINR, or nothing helps any more.

    Parameters
    ----------
    scenario
        The question, with its seed and limits.
    coverage
        What every option serves, when it is at hand; computed otherwise.
    stop
        Asked often; when it answers True the best plan so far is returned.
    progress
        Told of the best value and the proven limit as they improve.
    warm_start
        Options of an earlier plan of the same scenario to begin from.

    Returns
    -------
    Plan
        Options, outcomes and proof; :func:`siting.plan_check.verify_plan` accepts it.

    Raises
    ------
    InputError
        When the radio model refuses an input.
    concurrent.futures.CancelledError
        When `stop` ended the coverage before there was anything to plan with.

    Notes
    -----
    The programmes are in :mod:`siting.models.covering`, the proofs in :mod:`siting.models.bounds`.
    The same scenario gives the same plan unless `stop` or the time limit ended the search.
    """
    began = time.monotonic()
    if coverage is None:
        coverage = build_coverage(scenario, stop=stop, progress=progress)
    question = assemble(scenario, coverage)
    clock = Clock(stop=stop, progress=progress, limit_s=scenario.max_runtime_s)
    whole = clock
    if scenario.sinr_targets:
        clock = whole.until(LEVELS_SHARE)
    steps: list[Step] = []
    chosen: list[npt.NDArray[np.intp]] = []
    if scenario.targets or scenario.locked_sites or len(scenario.standing):
        for step, options in _meet_targets(scenario, question, clock, warm_start):
            steps.append(step)
            chosen.append(options)
        _conclude(clock, steps[0])
    if scenario.objective is not None:
        step, options = _serve_most(
            scenario, question, np.concatenate([_None, *chosen]), clock, warm_start
        )
        steps.append(step)
        chosen.append(options)
        _conclude(clock, step)
    if scenario.sinr_targets:
        steps, chosen = _clear(scenario, question, steps, chosen, whole)
    return _plan(scenario, coverage, steps, chosen, began)


def _clear(
    scenario: Scenario,
    question: Assembled,
    steps: list[Step],
    chosen: list[npt.NDArray[np.intp]],
    clock: Clock,
) -> tuple[list[Step], list[npt.NDArray[np.intp]]]:
    """Exchange options until the SINR targets are met or nothing helps, and tell the steps anew."""
    selected = np.concatenate([_None, *chosen])
    if not len(selected):
        return steps, chosen
    made_by = np.repeat(np.arange(len(chosen)), [len(options) for options in chosen])
    clock.report("interference", 0.0)
    found = repair_interference(scenario, question, selected, made_by, clock=clock)
    if found.changed:
        made_by = promoted(question.model, found.selected, found.made_by)
        steps = restated(question, steps, found.selected, made_by, changed=found.changed)
        chosen = [found.selected[made_by == number] for number in range(len(steps))]
        for step in steps:
            _conclude(clock, step)
    return steps, chosen


def _meet_targets(
    scenario: Scenario, question: Assembled, clock: Clock, warm: npt.NDArray[np.intp] | None
) -> list[tuple[Step, npt.NDArray[np.intp]]]:
    """Step one, and the least number of stations when the cheapest answer has too many."""
    model, began = question.model, clock.elapsed_s
    part = clock.until(TARGETS_SHARE) if scenario.objective is not None else clock
    answer = solve_targets(model, clock=part, gap=scenario.gap, seed=scenario.seed, start=warm)
    selected, limited = with_standing(model, answer.selected, scenario.standing), None
    if model.stations is not None and len(selected) > model.stations:
        limited = solve_within(
            model, answer, clock=clock.until(TARGETS_SHARE), gap=scenario.gap, seed=scenario.seed
        )
        limited = keep_standing(model, limited, scenario.standing)
        selected = limited.selected
    value, met = float(model.cost(selected)), model.meets_targets(selected)
    status = _targets_status(question, value, answer.bound, limited, met=met)
    steps = [
        (
            Step(
                name="targets",
                sense=Sense.MINIMISE,
                unit="CNY",
                value=value,
                bound=answer.bound,
                status=status,
                reason=targets_reason(scenario, model, status, answer.ended, _counts(limited)),
                runtime_s=clock.elapsed_s - began,
                certificate=question.certificate(answer.cover, answer.targets, answer.cuts),
            ),
            selected,
        )
    ]
    if limited is not None:
        steps.append((_stations_step(question, limited), _None))
    return steps


def _conclude(clock: Clock, step: Step) -> None:
    """Tell the caller what a step ended with."""
    clock.report(step.name, 1.0, value=step.value, bound=step.bound, unit=step.unit)


def _targets_status(
    question: Assembled, value: float, bound: float, limited: Limited | None, *, met: bool
) -> Status:
    model = question.model
    if model.impossible.any():
        return Status.INFEASIBLE
    if limited is None and not met:
        return Status.UNKNOWN
    if limited is not None and not limited.within:
        beyond = model.stations is not None and limited.fewest.bound > model.stations
        return Status.INFEASIBLE if beyond else Status.UNKNOWN
    return Status.OPTIMAL if value <= bound else Status.FEASIBLE


def _counts(limited: Limited | None) -> tuple[float, float] | None:
    return None if limited is None else (limited.fewest.value, limited.fewest.bound)


def _stations_step(question: Assembled, limited: Limited) -> Step:
    """State what is proved about the least number of stations that the targets need."""
    fewest, used = limited.fewest, float(len(limited.selected))
    if limited.within:
        status = Status.OPTIMAL if used <= fewest.bound else Status.FEASIBLE
    else:
        status = Status.INFEASIBLE if fewest.bound > used else Status.UNKNOWN
    return Step(
        name="stations",
        sense=Sense.MINIMISE,
        unit="stations",
        value=used,
        bound=fewest.bound,
        status=status,
        reason=stations_reason(
            within=limited.within, used=used, bound=fewest.bound, ended=fewest.ended
        ),
        runtime_s=0.0,
        certificate=question.certificate(fewest.cover, fewest.targets, fewest.cuts),
    )


def _serve_most(
    scenario: Scenario,
    question: Assembled,
    fixed: npt.NDArray[np.intp],
    clock: Clock,
    warm: npt.NDArray[np.intp] | None,
) -> tuple[Step, npt.NDArray[np.intp]]:
    """Step two: add the stations that serve the most of the objective's weight."""
    began = clock.elapsed_s
    unit = "" if scenario.objective is None else scenario.objective.weight
    answer: Proven = solve_service(
        question.model,
        fixed,
        clock=clock,
        unit=unit,
        gap=scenario.gap,
        seed=scenario.seed,
        start=warm,
    )
    return (
        Step(
            name="service",
            sense=Sense.MAXIMISE,
            unit=unit,
            value=answer.value,
            bound=answer.bound,
            status=Status.OPTIMAL if answer.value >= answer.bound else Status.FEASIBLE,
            reason=service_reason(question.model, fixed, answer.selected, answer.ended),
            runtime_s=clock.elapsed_s - began,
            certificate=question.certificate(answer.cover, answer.targets),
        ),
        answer.selected,
    )


def _plan(
    scenario: Scenario,
    coverage: Coverage,
    steps: list[Step],
    chosen: list[npt.NDArray[np.intp]],
    began: float,
) -> Plan:
    """Put the steps together and say what they reach."""
    selected = np.concatenate([_None, *chosen])
    made_by = np.repeat(np.arange(len(chosen)), [len(options) for options in chosen])
    order = np.argsort(selected, kind="stable")
    selected, made_by = selected[order], made_by[order].astype(np.intp)
    sites = np.unique(scenario.options.site[selected])
    cost = scenario.options.cost_cny[selected].sum()
    cost += scenario.data.sites.fixed_cost_cny[sites].sum()
    ranks = (Status.OPTIMAL, Status.FEASIBLE, Status.UNKNOWN, Status.INFEASIBLE)
    status = max((step.status for step in steps), key=ranks.index, default=Status.UNKNOWN)
    targets, runtime_s = target_outcomes(scenario, coverage, selected), time.monotonic() - began
    log.info("plan: %s, %d stations, %d CNY in %.1f s", status, len(selected), cost, runtime_s)
    return Plan(
        scenario_hash=scenario.hash,
        status=status,
        reason=plan_reason(steps, targets),
        selected=selected,
        chosen_in=made_by,
        steps=tuple(steps),
        targets=targets,
        information=information_outcomes(scenario, coverage, selected),
        stations=len(selected),
        sites=len(sites),
        cost_cny=int(cost),
        seed=scenario.seed,
        runtime_s=runtime_s,
        version=importlib.metadata.version("siting"),
        provenance=plan_provenance(scenario),
    )
