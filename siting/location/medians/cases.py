"""One case of the p-median tree: its Lagrangian bound, and the sites that bound decides."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.location.medians.ascent import Ascent, take_best, value_sites
from siting.location.medians.lists import Lists, restrict
from siting.location.medians.problem import MARGIN, Problem
from siting.location.solution import Prices

#: Steps of the ascent of one case, their first scale and how soon they shrink.
CASE_STEPS, CASE_SCALE, CASE_PATIENCE, CASE_STALL = 60, 0.8, 8, 0.03
#: Entries of the lists passed between two looks at the clock.
CHUNK = 5_000_000
#: Running mean at which a site is the one to split on.
_SPLIT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """Sites decided so far, and where the bound starts from.

    Parameters
    ----------
    included, free
        Sites that are open, and that may be (original numbers, free ones ascending).
    cap
        Cost of each client's cheapest open site, or a limit that its price stays below.
    prices
        Prices of the clients to begin with.
    """

    included: npt.NDArray[np.intp]
    free: npt.NDArray[np.intp]
    cap: npt.NDArray[np.float64]
    prices: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounded:
    """A case with a proven bound.

    Parameters
    ----------
    case
        The case, its decided sites moved out of the free ones.
    bound
        Proven lower bound, rounding allowed for.
    prices
        Prices that prove it.
    split
        Site to split on, -1 when the case is exact: nothing in it is better than its answer.
    answer
        An answer of the case, ascending.
    """

    case: Case
    bound: float
    prices: Prices
    split: int
    answer: npt.NDArray[np.intp]


def bound_case(
    problem: Problem, kernel: Lists, case: Case, *, goal: float, aim: float, ask: Callable[[], bool]
) -> Bounded | None:
    """Bound one case; end early at the bound `goal`, or when `ask` says so: None before it began.

    Parameters
    ----------
    problem
        The question.
    kernel
        Lists that hold the case's free sites below its caps.
    case
        The case.
    goal
        Bound at which the case is closed.
    aim
        Value of the best answer known.
    ask
        Whether to end now.
    """
    if ask():
        return None
    exact = exact_case(problem, case)
    if exact is not None:
        return exact
    ascent = start_ascent(problem, kernel, case)
    paid = problem.paid(case.included)
    steps = max(1, CHUNK // (ascent.entries + 1))
    left = CASE_STEPS
    while left > 0 and not ascent.done:
        ascent.run(min(steps, left), goal=goal - paid, aim=aim - paid)
        left -= steps
        if ask():
            break
    return settle(problem, case, ascent, goal=goal, short=True)


def start_ascent(
    problem: Problem,
    kernel: Lists,
    case: Case,
    *,
    scale: float = CASE_SCALE,
    patience: int = CASE_PATIENCE,
    stall: float = CASE_STALL,
) -> Ascent:
    """Return the ascent of a case from its prices."""
    place = np.full(len(problem.site), -1, dtype=np.int32)
    place[case.free] = np.arange(len(case.free), dtype=np.int32)
    start, site, cost = restrict(kernel.start, kernel.site, kernel.cost, place, case.cap)
    return Ascent(
        start,
        site,
        cost,
        problem.opening(case.included, case.free),
        case.cap,
        problem.p - len(case.included),
        case.prices,
        scale=scale,
        patience=patience,
        stall=stall,
    )


def settle(problem: Problem, case: Case, ascent: Ascent, *, goal: float, short: bool) -> Bounded:
    """Return what the best prices of an ascent prove: the bound, and the sites it decides.

    `short` prices are rounded down to 32 bits, which halves the proof.
    """
    prices = _shorter(ascent.prices) if short else ascent.prices.copy()
    exact = prices.astype(np.float64)
    worth, bound = _value(ascent, exact)
    room = ascent.most
    order = np.argsort(worth, kind="stable")
    best = order[:room][worth[order[:room]] < 0]
    chosen = np.zeros(len(worth), dtype=bool)
    chosen[best] = True
    last = -float(worth[best[-1]]) if len(best) == room else 0.0
    after = max(0.0, -float(worth[order[room]])) if len(best) == room < len(worth) else 0.0
    paid = problem.paid(case.included)
    terms = float(np.abs(exact).sum() + np.abs(worth).sum()) + last * (problem.p + len(worth))
    bound += paid - MARGIN * (terms + paid)
    # Any price of the limit between `after` and `last` proves the same bound; the lower one
    # decides for sites, the higher one against.
    inside = chosen & (bound - after - worth >= goal)
    limit = after if inside.any() else last
    inside = chosen & (bound - limit - worth >= goal)
    outside = ~chosen & (bound + limit + worth >= goal)
    included = np.concatenate([case.included, case.free[inside]])
    answer = problem.legal(case.included, case.free[order[:room]])
    free = problem.left(included, case.free[~(inside | outside)])
    if free is None:
        bound, free = math.inf, case.free[:0]
    cap = case.cap
    if inside.any():
        cap = np.minimum(cap, problem.nearest(case.free[inside]))
    split = -1
    if len(free):
        share = np.zeros(len(problem.site))
        share[case.free] = ascent.share
        split = int(free[np.argmin(np.abs(share[free] - _SPLIT))])
    return Bounded(
        case=Case(included=included, free=free, cap=cap, prices=exact),
        bound=bound,
        prices=Prices(demand=problem.prices(prices), limit=limit),
        split=split,
        answer=answer,
    )


def exact_case(problem: Problem, case: Case) -> Bounded | None:
    """Return the bound of a case in which no site, or every free one, may still be opened.

    Each client's price is what it costs in that answer, at most the penalty; no site left out is
    worth more than the price of the limit, so the bound is the answer's value. None for other
    cases.
    """
    room = problem.p - len(case.included)
    taken = case.free[:0]
    if room > 0 and len(case.free):
        if len(case.free) > room or problem.bound_together:
            return None
        if problem.opening(case.included, case.free).any():
            return None
        taken = case.free
    answer = np.sort(np.concatenate([case.included, taken]))
    nearest = problem.nearest(answer)
    left = np.setdiff1d(case.free, taken)
    worth = problem.opening(answer, left)
    for at, site in enumerate(left):
        worth[at] += np.minimum(problem.cost[:, site] - nearest, 0.0).sum()
    limit = max(0.0, -float(worth.min(initial=0.0))) if len(answer) == problem.p else 0.0
    bound = float(nearest.sum()) + problem.paid(answer)
    terms = bound + float(np.abs(worth).sum()) + limit * (problem.p + len(answer) + len(left))
    bound -= MARGIN * terms
    return Bounded(
        case=case,
        bound=bound,
        prices=Prices(demand=problem.prices(nearest), limit=limit),
        split=-1,
        answer=answer,
    )


def _value(
    ascent: Ascent, prices: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], float]:
    """Return what the sites are worth at some prices, and the bound of the free part."""
    worth = np.empty(len(ascent.opening))
    work = np.empty(len(worth))
    end = np.empty(len(prices), dtype=np.int64)
    bound = value_sites(*ascent.lists, ascent.opening, prices, worth, end)
    bound += take_best(worth, ascent.most, np.empty(len(worth)), work)
    return worth, float(bound)


def _shorter(prices: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return prices of 32 bits, none above the given ones."""
    short = prices.astype(np.float32)
    above = short > prices
    short[above] = np.nextafter(short[above], np.float32(-np.inf))
    return short
