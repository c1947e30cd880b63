"""Heat-bath exchange: a chosen column leaves, and what takes its place is drawn by its cost.

Unmet needs are allowed at a price, so that an answer may pass through them; the prices of what
stays unmet rise until it is met.

References
----------
Kirkpatrick, Gelatt, Vecchi 1983, "Optimization by simulated annealing", Science 220(4598), 671-680,
doi 10.1126/science.220.4598.671.
Geman, Geman 1984, "Stochastic relaxation, Gibbs distributions, and the Bayesian restoration of
images", IEEE Transactions PAMI 6(6), 721-741, doi 10.1109/TPAMI.1984.4767596 (the heat bath).
"""

# ruff: noqa: ANN001, ANN202, PLR0917, NPY002
# Compiled functions take plain arrays, whose types numba infers, and draw from its own generator.

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.partial_covering.answer import (
    State,
    arrays_of,
    change_in,
    fill,
    forget,
    state_of,
    strip,
    take,
    toggle,
    unmet,
)
from siting.location.partial_covering.problem import ColumnCover, FloatArray, IndexArray

#: What serving a hard row is worth at first, in its price.
HARD = 2.0
#: Shares by which the price of an unmet hard row rises, and that of a target rises or falls.
RISE, DRIFT = 0.2, 0.01
#: A change that costs this many heats is not drawn.
FAR = 20.0
#: A difference of cost that is none.
TINY = 1e-9


class Anneal:
    """An answer that :meth:`run` makes cheaper.

    Parameters
    ----------
    problem
        The problem.
    chosen
        Columns of an answer; every need is met.
    prices, multipliers
        What serving a row, and a unit of a target's weight, is worth at first.
    seed
        Randomness.
    """

    def __init__(
        self,
        problem: ColumnCover,
        chosen: IndexArray,
        *,
        prices: FloatArray,
        multipliers: FloatArray,
        seed: int,
    ) -> None:
        self.problem = problem
        self.arrays = arrays_of(problem, HARD * prices, multipliers)
        self.state = state_of(problem, self.arrays)
        take(self.arrays, self.state, chosen)
        self.best = np.sort(chosen)
        self.best_cost = self.now = problem.cost_of(chosen)
        self.rounds = 0
        self.seed = seed

    def run(self, steps: int, *, hot: float, cold: float) -> None:
        """Exchange columns while the heat falls, then raise the prices of what is unmet.

        Parameters
        ----------
        steps
            Columns that leave or stay.
        hot, cold
            Rise of cost accepted now and then, at first and at last.
        """
        self.rounds += 1
        best = self.state.chosen.copy()
        seed = (self.seed * 7919 + self.rounds) % 2**31
        cost, self.now = _exchange(
            self.arrays, self.state, steps, hot, cold, self.now, self.best_cost, best, seed
        )
        if cost < self.best_cost - TINY:
            self._keep(best)
        _adapt(self.arrays, self.state)

    def mend(self) -> None:
        """Meet every need from where the exchange stands, which stays as it is."""
        state = State(*(part.copy() for part in self.state))
        if fill(self.arrays, state, 0.0):
            strip(self.arrays, state)
            self._keep(state.chosen)

    def _keep(self, chosen: npt.NDArray[np.bool_]) -> None:
        """Keep an answer if it is the cheapest so far."""
        columns = np.flatnonzero(chosen)
        cost = self.problem.cost_of(columns)
        if cost < self.best_cost - TINY:
            self.best, self.best_cost = columns, cost


@njit(cache=True, nogil=True)
def _exchange(p, s, steps, hot, cold, now, best_cost, best, seed):
    """Exchange columns; keep the cheapest answer in `best`, return its cost and the last one's.

    Notes
    -----
    A step offers one column at random its place, then lets one chosen column leave; any of the
    columns it was in the way of may come instead, itself and none included, with a probability that
    grows as ``exp(-change / heat)``, drawn by adding Gumbel noise to each change.
    """
    np.random.seed(seed)
    columns = len(p.cost)
    chosen = np.empty(columns, dtype=np.int64)
    size = 0
    for c in range(columns):
        if s.chosen[c]:
            chosen[size] = c
            size += 1
    factor = np.exp(np.log(cold / hot) / max(steps, 1))
    heat = hot
    for _ in range(steps):
        heat *= factor
        c = np.random.randint(columns)
        if not s.chosen[c]:
            change = change_in(p, s, c)
            if change < FAR * heat and np.random.random() * (1.0 + np.exp(change / heat)) < 1.0:
                now += toggle(p, s, c)
                chosen[size] = c
                size += 1
        if size == 0:
            continue
        place = np.random.randint(size)
        c = chosen[place]
        group = p.group_of[c]
        if p.forced[group] and s.in_group[group] == 1:
            continue
        forget(s)
        now += toggle(p, s, c)
        coming = _drawn(p, s, heat)
        if coming >= 0:
            now += toggle(p, s, coming)
            chosen[place] = coming
        else:
            size -= 1
            chosen[place] = chosen[size]
        if now < best_cost - TINY and not unmet(s):
            best_cost = now
            best[:] = s.chosen
    return best_cost, now


@njit(cache=True, nogil=True)
def _drawn(p, s, heat):
    """Draw one of the columns whose figures changed, or -1 for none, by what it would cost."""
    coming, most = np.int64(-1), -heat * np.log(-np.log(np.random.random()))
    for place in range(s.queue[-1]):
        c = s.queue[place]
        if s.chosen[c]:
            continue
        change = change_in(p, s, c)
        if FAR * heat - change < most:
            continue
        score = -heat * np.log(-np.log(np.random.random())) - change
        if score > most:
            coming, most = c, score
    return coming


@njit(cache=True, nogil=True)
def _adapt(p, s):
    """Raise the price of every hard row that is unmet, and of unmet targets; lower met ones'."""
    for i in range(len(p.hard)):
        if p.hard[i] and s.counts[i] == 0:
            rise = RISE * p.price[i]
            p.price[i] += rise
            for entry in range(p.row_ptr[i], p.row_ptr[i + 1]):
                s.hard_price[p.row_cols[entry]] += rise
    for t in range(len(s.left)):
        p.worth[t] *= 1.0 + DRIFT if s.left[t] > 0.0 else 1.0 - DRIFT
