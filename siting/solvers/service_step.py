"""Step two: serve the most with the stations that remain, with a proven limit."""

# ruff: noqa: ANN001, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.clock import Clock
from siting.location.partial_covering.relaxation import Duals, ascend
from siting.models.bounds import service_bound
from siting.models.covering import CoverModel
from siting.models.service import MaxCover, lift_service, reduce_service
from siting.solvers.local_search import MaxCoverSearch
from siting.solvers.proven import Proven

log = logging.getLogger(__name__)

#: Subgradient steps between two looks at the clock.
STEPS_PER_ROUND = 40
#: Rounds of subgradient steps.
ROUNDS = 20
#: Times a few stations are given up at random, and their share of all.
KICKS, KICK_SHARE = 30, 0.02
#: Scale of the steps at which they end.
LEAST_STEP = 1e-3
#: Relative difference below which two weights are the same.
TINY = 1e-12


def solve_service(
    model: CoverModel,
    fixed: npt.NDArray[np.intp],
    *,
    clock: Clock,
    unit: str = "",
    gap: float = 0.0,
    seed: int = 0,
    start: npt.NDArray[np.intp] | None = None,
) -> Proven:
    """Solve step two of a model after the options `fixed` of step one.

    Parameters
    ----------
    model
        The question.
    fixed
        Options that stay.
    clock
        When to end.
    unit
        Name of the weight that is served, for the reports.
    gap
        Relative gap that is good enough.
    seed
        Randomness of the search.
    start
        Options of an earlier answer, or None.

    Returns
    -------
    Proven
        The added options, the weight served by them and `fixed`, and its limit.
    """
    problem = reduce_service(model, fixed)
    log.info(
        "service: rows=%d columns=%d nnz=%d most=%d",
        problem.rows,
        problem.columns,
        len(problem.row_cols),
        problem.most,
    )
    first = np.zeros(0, dtype=np.intp)
    if start is not None:
        first = np.flatnonzero(np.isin(problem.options, start))
    search = MaxCoverSearch(problem, first)
    search.fill()
    _exchange(search, clock, unit)
    duals = _limit(problem, search.value, clock, unit)
    ended = _disturb(search, duals.bound, clock, gap, np.random.default_rng(seed))
    cover = lift_service(model, problem, duals.prices)
    selected = problem.options[search.chosen]
    served = model.served(np.union1d(fixed, selected))
    return Proven(
        selected=selected,
        value=float(model.objective[served].sum()),
        bound=service_bound(model, cover, fixed, problem.most),
        cover=cover,
        targets=np.zeros(0),
        ended=ended,
    )


def _exchange(search: MaxCoverSearch, clock: Clock, unit: str) -> None:
    """Exchange stations until no single exchange serves more."""
    every = np.arange(search.problem.columns)
    while not clock.expired() and search.exchange(every):
        search.fill()
        clock.report("service", 0.1, value=search.value, unit=unit)


def _disturb(
    search: MaxCoverSearch, limit: float, clock: Clock, gap: float, rng: np.random.Generator
) -> str:
    """Give up a few stations at random and choose again, as long as it pays; say why it ended."""
    best, value = search.chosen, search.value
    every = np.arange(search.problem.columns)
    for _ in range(KICKS):
        if clock.expired():
            return "the search was stopped" if clock.stopped else "the time limit ended it"
        if limit - value <= gap * value + TINY * limit:
            return "the gap asked for is reached" if gap else "nothing better exists"
        search.kick(rng, max(1, int(KICK_SHARE * len(best))))
        search.fill()
        while not clock.expired() and search.exchange(every):
            search.fill()
        if search.value > value:
            best, value = search.chosen, search.value
        else:
            search.adopt(best)
    search.adopt(best)
    return "the search found nothing that serves more"


class _Relaxation:
    """The Lagrangian relaxation of a reduced step two, evaluated at any prices."""

    def __init__(self, problem: MaxCover) -> None:
        self.problem = problem
        self.values = np.zeros(problem.columns)
        self.counts = np.zeros(problem.rows, dtype=np.int64)

    def __call__(self, prices: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        """Return limit and subgradient."""
        p = self.problem
        _values(p.col_ptr, p.col_rows, prices, self.values)
        most = min(p.most, p.columns)
        taken = np.zeros(0, dtype=np.intp)
        if most:
            taken = np.argpartition(-self.values, most - 1)[:most]
        taken = taken[self.values[taken] > 0]
        _count(p.col_ptr, p.col_rows, taken, self.counts)
        limit = p.base + float(self.values[taken].sum() + (p.weight - prices).sum())
        return limit, self.counts - (prices < p.weight).astype(np.float64)


def _limit(problem: MaxCover, value: float, clock: Clock, unit: str) -> Duals:
    """Find prices that prove a low limit."""
    relaxation = _Relaxation(problem)
    duals = Duals(prices=problem.weight.copy(), multipliers=np.zeros(0), bound=np.inf)
    everything = problem.base + float(problem.weight.sum())
    if everything <= value:
        # all that can be served is served: nothing needs a price
        return Duals(prices=np.zeros(problem.rows), multipliers=np.zeros(0), bound=everything)
    duals.prices = 0.5 * problem.weight
    duals.bound, _ = relaxation(duals.prices)
    step = 1.0
    for number in range(ROUNDS):
        if clock.expired() or step < LEAST_STEP:
            break
        step = ascend(
            relaxation,
            duals,
            upper=value,
            iterations=STEPS_PER_ROUND,
            step=step,
            multipliers=np.zeros(0),
            sense=-1,
            ceiling=problem.weight,
        )
        clock.report("service", number / ROUNDS, value=value, bound=duals.bound, unit=unit)
    if everything < duals.bound:
        return Duals(prices=np.zeros(problem.rows), multipliers=np.zeros(0), bound=everything)
    return duals


@njit(cache=True)
def _values(col_ptr, col_rows, prices, values):
    for column in range(len(values)):
        total = 0.0
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            total += prices[col_rows[entry]]
        values[column] = total


@njit(cache=True)
def _count(col_ptr, col_rows, taken, counts):
    counts[:] = 0
    for column in taken:
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            counts[col_rows[entry]] += 1
