"""Check a solution against its model: answer, status, and the bound from the certificate."""

from __future__ import annotations

import math

import numpy as np

from siting.clock import Clock
from siting.errors import Problem, VerificationError
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.checking.answer import SAME, AnswerCheck
from siting.location.checking.impossible import infeasibility_faults
from siting.location.checking.proof import Model, proof_faults
from siting.location.checking.question import common_step
from siting.location.covering import MaximalCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.solution import Solution
from siting.status import Sense, Status


def verify(model: Model, solution: Solution, *, max_runtime_s: float | None = None) -> None:
    """Recompute everything a solution claims; return when all of it holds.

    Parameters
    ----------
    model
        The question.
    solution
        The answer.
    max_runtime_s
        Time after which what is not yet proven counts as not proven [s]; None: no limit.

    Raises
    ------
    VerificationError
        Naming every discrepancy.

    Notes
    -----
    Objectives of whole numbers must agree exactly, others within 1e-9. The bound is evaluated again
    from the certificate's multipliers with compensated sums, so that a margin of ``2**-46`` of its
    terms covers all rounding; leaves that were closed by branch and bound are solved again.
    """
    clock = Clock(limit_s=math.inf if max_runtime_s is None else max_runtime_s)
    found = _outline(model, solution)
    if solution.status is Status.INFEASIBLE:
        found += infeasibility_faults(model, solution.certificate, clock)
    else:
        if solution.objective is not None:
            found += AnswerCheck(model=model, solution=solution).run()
        if solution.certificate is not None:
            found += proof_faults(model, solution.certificate, clock)
    if found:
        raise VerificationError(found)


def confirm_infeasible(model: Model, *, max_runtime_s: float | None = None) -> None:
    """Confirm, without a certificate, that a model has no answer.

    Parameters
    ----------
    model
        The question.
    max_runtime_s
        Time after which it counts as not confirmed [s]; None: no limit.

    Raises
    ------
    VerificationError
        When there is an answer, or none was disproven in time.
    """
    clock = Clock(limit_s=math.inf if max_runtime_s is None else max_runtime_s)
    found = infeasibility_faults(model, None, clock)
    if found:
        raise VerificationError(found)


def _outline(model: Model, solution: Solution) -> list[Problem]:
    """List contradictions among status, objective, bound, certificate and the rest."""
    found: list[Problem] = []

    def holds(where: str, good: bool, what: str) -> None:  # noqa: FBT001
        if not good:
            found.append(Problem(where, what))

    value, bound, proof = solution.objective, solution.bound, solution.certificate
    status = solution.status
    holds("status", status in set(Status), f"is {status!r}")
    holds("sense", solution.sense is model.sense, f"is {solution.sense}")
    holds("reason", bool(solution.reason.strip()), "is missing")
    runtime = solution.runtime_s
    holds("runtime_s", math.isfinite(runtime) and runtime >= 0, f"is {runtime}, which is no time")
    for name, number in (("objective", value), ("bound", bound)):
        finite = number is None or math.isfinite(number)
        holds(name, finite, f"is {number}")
    if status in {Status.OPTIMAL, Status.FEASIBLE}:
        holds("objective", value is not None, f"is missing, the status is {status}")
    else:
        holds("objective", value is None, f"is {value}, the status is {status}")
        holds("selected", not len(solution.selected), f"is not empty, the status is {status}")
        nothing = solution.assignment is None and not solution.served_by_zone
        holds("assignment", nothing, f"there is one, the status is {status}")
        points = np.asarray(solution.uncovered)
        n = len(model.k if isinstance(model, SetCovering) else model.demand)
        inside = not len(points) or bool(points.min() >= 0 and points.max() < n)
        holds("uncovered", inside, "names demand points that do not exist")
    if status is Status.INFEASIBLE:
        holds("bound", bound is None, f"is {bound}, the status is {status}")
    elif proof is None or math.isinf(proof.bound):
        holds("bound", bound is None, f"is {bound!r}, nothing proves it")
        open_ = proof is None or (proof.bound > 0) is (model.sense is Sense.MAXIMISE)
        holds("certificate", open_, "proves that nothing is possible")
    else:
        holds("bound", bound == proof.bound, f"is {bound!r}, the certificate's {proof.bound!r}")
    if value is not None and bound is not None:
        sign = 1.0 if model.sense is Sense.MINIMISE else -1.0
        beyond = sign * (bound - value) > SAME * max(abs(value), abs(bound))
        holds("bound", not beyond, f"{bound!r} is beyond the objective {value!r}")
        if status is Status.OPTIMAL:
            near = abs(bound - value) <= SAME * max(abs(value), abs(bound))
            equal = bound == value if whole_objective(model) else near
            holds("status", equal, f"is optimal, objective {value!r}, bound {bound!r}")
    elif status is Status.OPTIMAL:
        holds("status", False, "is optimal without a proven bound")  # noqa: FBT003
    return found


def whole_objective(  # noqa: PLR0911 - one return per family
    model: Model,
) -> bool:
    """Tell whether every objective of a model is a whole number, up to 2**50."""
    costs = model.rules.site_cost
    match model:
        case MaximalCovering():
            return bool(common_step(model.demand))
        case PMedian() | PCenter():
            reach = np.isfinite(model.distance)
            distance = np.where(reach, model.distance, 0.0)
            return bool(common_step(distance, model.demand, costs))
        case CapacitatedCovering():
            if model.required is None:
                return bool(model.single_source and common_step(model.demand))
            return bool(common_step(model.cost, costs))
        case CapacitatedFacilityLocation():
            if not model.single_source:
                return False
            distance = np.where(np.isfinite(model.distance), model.distance, 0.0)
            return bool(common_step(distance, model.demand, model.cost, costs))
        case _:
            return bool(common_step(model.cost, costs))
