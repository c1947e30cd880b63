"""Random small location models against brute force: no certificate may be false.

Every case is solved to the end, and again with a gap or a tiny time limit; its optimum is found by
looking at every selection; every answer is verified; one answer of each case is spoilt in every way
and must be refused; and a claim beyond the optimum must be refused whatever proves it.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.location_cases import FAMILIES, Case, drawn, optimum
from benchmarks.location_spoils import beyond, spoils
from benchmarks.recording import add_record_option, publish
from siting.clock import Clock
from siting.errors import VerificationError
from siting.location.checking import verify
from siting.location.checking.proof import proof_faults
from siting.location.engine import solve
from siting.location.solution import Solution
from siting.status import Sense, Status

#: Relative difference from brute force that is rounding.
SAME = 1e-7
#: Cases a process takes at a time.
BATCH = 50
_LISTED = 20


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was counted, and what failed.

    Parameters
    ----------
    counts
        Number of cases, answers, spoilt answers and statuses.
    false
        Certificates or statuses that brute force contradicts though the check let them pass.
    failures
        Everything else that went wrong.
    """

    counts: Counter[str] = field(default_factory=Counter)
    false: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.counts += other.counts
        self.false += other.false
        self.failures += other.failures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``scripts/bench certificates``."""
    parser.add_argument("--cases", type=int, default=10000, help="number of random cases")
    parser.add_argument("--seed", type=int, default=0, help="of the first case")
    parser.add_argument("--processes", type=int, default=2, help="cases solved at a time")
    parser.add_argument("--family", choices=list(FAMILIES), help="only this family of models")
    add_record_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Solve, verify and spoil; print; return 1 when anything failed."""
    began = time.monotonic()
    last = arguments.seed + arguments.cases
    batches = [
        (range(first, min(first + BATCH, last)), arguments.family)
        for first in range(arguments.seed, last, BATCH)
    ]
    total = Tally()
    with ProcessPoolExecutor(arguments.processes) as pool:
        for tally in pool.map(judge_batch, *zip(*batches, strict=True)):
            total.add(tally)
    counts = total.counts
    for line in (total.false + total.failures)[:_LISTED]:
        sys.stderr.write(line + "\n")
    rows = [
        ("cases", f"{counts['cases']}, seeds {arguments.seed}..{last - 1}"),
        ("answers", ", ".join(f"{counts[status]} {status}" for status in Status)),
        ("false certificates", str(len(total.false))),
        ("other failures", str(len(total.failures))),
        ("spoilt answers refused", f"{counts['refused']} of {counts['spoilt']}"),
        ("claims beyond the optimum refused", f"{counts['denied']} of {counts['claims']}"),
        ("seconds", f"{time.monotonic() - began:.0f}"),
    ]
    publish(arguments, "Certificates against brute force", rows)
    good = counts["refused"] == counts["spoilt"] and counts["denied"] == counts["claims"]
    return 0 if good and not total.false and not total.failures else 1


def judge_batch(seeds: Iterable[int], family: str | None) -> Tally:
    """Judge some cases."""
    total = Tally()
    for seed in seeds:
        total.add(judge(drawn(seed, family)))
    return total


def judge(case: Case, *, spoil: bool = True) -> Tally:
    """Solve a case in three ways, compare with brute force, verify, spoil."""
    tally = Tally()
    tally.counts["cases"] += 1
    best = optimum(case.model)
    try:
        whole = solve(case.model, 60.0, seed=case.seed % 7)
        judge_answer(tally, case, whole, best, finished=True)
        loose = solve(case.model, 60.0, gap=0.1)
        judge_answer(tally, case, loose, best, finished=False)
        short = solve(case.model, 1e-4)
        judge_answer(tally, case, short, best, finished=False)
    except Exception as error:  # noqa: BLE001 - whatever a case breaks is counted, and shown
        tally.failures.append(f"{case}: {type(error).__name__}: {error}")
        return tally
    if spoil:
        spoil_answer(tally, case, whole, best)
    return tally


def closed(case: Case, solution: Solution) -> bool:
    """Tell whether a search that ran to its end proved its answer.

    Nothing is within a relative tolerance of a value of 0: there, the rounding of the sums of all
    weights is.
    """
    if solution.status in {Status.OPTIMAL, Status.INFEASIBLE}:
        return True
    if solution.objective != 0.0 or solution.bound is None:
        return False
    return abs(solution.bound) <= 1e-9 * float(getattr(case.model, "demand", np.zeros(1)).sum())


def judge_answer(
    tally: Tally, case: Case, solution: Solution, best: float | None, *, finished: bool
) -> None:
    """Hold an answer against brute force and the check."""
    tally.counts[solution.status] += 1
    tally.counts["answers"] += 1
    try:
        verify(case.model, solution)
    except VerificationError as error:
        tally.failures.append(f"{case}: a true answer is refused: {error}")
        if contradicted(case, solution, best):
            tally.failures.append(f"{case}: and brute force, {best}, refuses it too")
        return
    wrong = contradicted(case, solution, best)
    if wrong:
        tally.false.append(f"{case}: {wrong}")
    elif finished and not closed(case, solution):
        what = f"{solution.status}, {solution.objective}, bound {solution.bound}, best {best}"
        tally.failures.append(f"{case}: not closed: {what}")


def contradicted(case: Case, solution: Solution, best: float | None) -> str:
    """Say what brute force contradicts; empty when it agrees."""
    value, bound = solution.objective, solution.bound
    if best is None:
        return f"there is no answer, {value} is claimed" if value is not None else ""
    if solution.status is Status.INFEASIBLE:
        return f"infeasible is claimed, the best is {best}"
    sign = 1.0 if case.model.sense is Sense.MINIMISE else -1.0
    near = SAME * max(abs(best), 1.0)
    if bound is not None and sign * (bound - best) > near:
        return f"the bound {bound} is beyond the best {best}"
    if value is not None and sign * (best - value) > near:
        return f"the value {value} is beyond the best {best}"
    if solution.status is Status.OPTIMAL and (value is None or abs(value - best) > near):
        return f"{value} is called optimal, the best is {best}"
    return ""


def spoil_answer(tally: Tally, case: Case, solution: Solution, best: float | None) -> None:
    """Spoil an answer in every way; each must be refused."""
    for name, spoilt in spoils(case.model, solution):
        tally.counts["spoilt"] += 1
        try:
            verify(case.model, spoilt)
        except VerificationError:
            tally.counts["refused"] += 1
        else:
            tally.failures.append(f"{case}: passes with a spoilt {name}")
    if best is None or solution.certificate is None:
        return
    proof = replace(solution.certificate, bound=beyond(case.model, best))
    if math.isfinite(proof.bound):
        tally.counts["claims"] += 1
        if proof_faults(case.model, proof, Clock()):
            tally.counts["denied"] += 1
        else:
            tally.failures.append(f"{case}: proves {proof.bound}, the best is {best}")
