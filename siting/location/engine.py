"""Solve a location model: the outline from question to certified answer."""

from __future__ import annotations

import logging
import math
from typing import assert_never

import numpy as np

from siting.clock import Clock
from siting.errors import InvalidInput, Problem, raise_if
from siting.location.capacitated import (
    solve_capacitated_covering,
    solve_capacitated_facility_location,
)
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.control import Control, Found
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.maximal_covering import solve_maximal_covering
from siting.location.medians import solve_p_centre, solve_p_median
from siting.location.partial_covering import solve_partial_covering
from siting.location.programme import LocationModel
from siting.location.reach import Impossible, impossible
from siting.location.reached import reached
from siting.location.set_covering import solve_set_covering
from siting.location.solution import Solution
from siting.progress import Report, Stop
from siting.status import Sense, Status

log = logging.getLogger(__name__)

#: Relative distance below which two objectives that are no whole numbers are the same.
SAME = 1e-9


def solve(
    model: LocationModel,
    max_runtime_s: float = 60.0,
    *,
    gap: float = 0.0,
    seed: int = 0,
    threads: int = 1,
    progress: Report | None = None,
    stop: Stop | None = None,
) -> Solution:
    """Find a good answer to a location model and prove how far from the best it is.

    Parameters
    ----------
    model
        The question.
    max_runtime_s
        Time after which the best answer so far is returned with what is proven of it [s]. Wall
        time, less the compilation of kernels, for which the first run on a machine waits once.
    gap
        Relative gap that is good enough, 0: search until nothing better exists or the time is up.
    seed
        Of every random draw; with the same seed and no time limit reached the answer is the same.
    threads
        Threads the search may use.
    progress
        Told of the best value and bound now and then.
    stop
        Asked often; True ends the search within a second.

    Returns
    -------
    Solution
        Its status says what is known: never "optimal" unless the bound proves it.

    Raises
    ------
    InvalidInput
        When an argument is out of range.
    """
    _refuse(max_runtime_s, gap, seed, threads)
    clock = Clock(stop=stop, progress=progress, limit_s=max_runtime_s)
    hopeless = impossible(model)
    if hopeless is not None:
        return _without_answer(model, clock, seed, hopeless)
    control = Control(clock=clock, gap=gap, seed=seed, threads=threads)
    found = _search(model, control)
    solution = _solution(model, found, clock, seed)
    log.info(
        "%s: %s, objective %s, bound %s, %.2f s",
        type(model).__name__,
        solution.status,
        solution.objective,
        solution.bound,
        solution.runtime_s,
    )
    return solution


def _refuse(max_runtime_s: float, gap: float, seed: int, threads: int) -> None:
    """Raise for arguments out of range, all at once."""
    problems = []
    if not max_runtime_s > 0:
        problems.append(Problem("max_runtime_s", f"is {max_runtime_s}, needs more than 0"))
    if not (math.isfinite(gap) and gap >= 0):
        problems.append(Problem("gap", f"is {gap}, needs a finite share >= 0"))
    if seed < 0:
        problems.append(Problem("seed", f"is {seed}, needs a whole number >= 0"))
    if threads < 1:
        problems.append(Problem("threads", f"is {threads}, needs at least 1"))
    raise_if(problems, InvalidInput)


def _search(  # noqa: PLR0911 - one return per family
    model: LocationModel, control: Control
) -> Found:
    """Hand the model to the room that knows its family."""
    match model:
        case SetCovering():
            return solve_set_covering(model, control)
        case MaximalCovering():
            return solve_maximal_covering(model, control)
        case PartialCovering():
            return solve_partial_covering(model, control)
        case PMedian():
            return solve_p_median(model, control)
        case PCenter():
            return solve_p_centre(model, control)
        case CapacitatedCovering():
            return solve_capacitated_covering(model, control)
        case CapacitatedFacilityLocation():
            return solve_capacitated_facility_location(model, control)
        case _:
            assert_never(model)


def _without_answer(
    model: LocationModel, clock: Clock, seed: int, hopeless: Impossible
) -> Solution:
    """Return the solution of a model that cannot have one."""
    return Solution(
        status=Status.INFEASIBLE,
        sense=model.sense,
        objective=None,
        bound=None,
        selected=np.zeros(0, dtype=np.intp),
        assignment=None,
        served_by_zone={},
        uncovered=hopeless.demand,
        runtime_s=clock.elapsed_s,
        seed=seed,
        certificate=None,
        reason=_sentence(hopeless.reason),
    )


def _solution(model: LocationModel, found: Found, clock: Clock, seed: int) -> Solution:
    """Evaluate what was found from the raw model, and say what is known of it."""
    proof = found.certificate
    bound = None if proof is None else proof.bound
    if found.selected is None:
        closed = bound is not None and math.isinf(bound) and (bound > 0) == _minimises(model)
        return Solution(
            status=Status.INFEASIBLE if closed else Status.UNKNOWN,
            sense=model.sense,
            objective=None,
            bound=None if bound is None or math.isinf(bound) else bound,
            selected=np.zeros(0, dtype=np.intp),
            assignment=None,
            served_by_zone={},
            uncovered=np.zeros(0, dtype=np.intp),
            runtime_s=clock.elapsed_s,
            seed=seed,
            certificate=proof,
            reason=_sentence(found.ended),
        )
    selected = np.sort(found.selected)
    answer = reached(model, selected, found.assignment)
    return Solution(
        status=_status(answer.objective, bound),
        sense=model.sense,
        objective=answer.objective,
        bound=bound,
        selected=selected,
        assignment=answer.assignment,
        served_by_zone=_by_zone(model, answer.served),
        uncovered=np.flatnonzero(answer.served < 1.0 - SAME).astype(np.intp),
        runtime_s=clock.elapsed_s,
        seed=seed,
        certificate=proof,
        reason=_sentence(found.ended),
    )


def _minimises(model: LocationModel) -> bool:
    return model.sense is Sense.MINIMISE


def _status(objective: float, bound: float | None) -> Status:
    """Say whether a bound proves an objective to be the best."""
    if bound is not None and abs(bound - objective) <= SAME * max(abs(objective), abs(bound)):
        return Status.OPTIMAL
    return Status.FEASIBLE


def _by_zone(model: LocationModel, served: np.ndarray) -> dict[object, float]:
    """Return the weight served in each zone."""
    weight = getattr(model, "demand", np.ones(len(served))) * served
    if isinstance(model, PartialCovering | CapacitatedCovering):
        totals = np.bincount(model.zone, weights=weight, minlength=len(model.zones))
        return dict(zip(model.zones, totals.tolist(), strict=True))
    return {"all": float(weight.sum())}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
