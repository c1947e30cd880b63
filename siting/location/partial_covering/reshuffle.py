"""Ruin and recreate: take out a few neighbouring columns, serve again for less.

References
----------
Jacobs, Brusco 1995, "A local-search heuristic for large set-covering problems", Naval Research
Logistics 42(7), 1129-1140 (take out and cover again).
Schrimpf et al. 2000, "Record breaking optimization results using the ruin and recreate principle",
Journal of Computational Physics 159(2), 139-171, doi 10.1006/jcph.1999.6413 (neighbouring parts,
threshold acceptance).
"""

# ruff: noqa: ANN001, ANN202, PLR0917, NPY002
# Compiled functions take plain arrays, whose types numba infers, and draw from its own generator.

from __future__ import annotations

import numpy as np
from numba import njit

from siting.location.partial_covering.answer import (
    arrays_of,
    forget,
    needless,
    pick,
    price_in,
    price_out,
    state_of,
    take,
    toggle,
    unmet,
)
from siting.location.partial_covering.problem import ColumnCover, FloatArray, IndexArray

#: How often the first column taken out may not come back.
BAR = 0.5
#: Columns changed in one try at most.
MOST_CHANGES = 4096
#: Steps of a random walk to a chosen column.
WALK = 20
#: Most by which the value of a column is raised at random when covering again.
NOISE = 0.1
#: A difference of cost that is none.
TINY = 1e-9


class Reshuffle:
    """An answer that :meth:`run` makes cheaper.

    Parameters
    ----------
    problem
        The problem.
    chosen
        Columns of an answer; every need is met.
    prices, multipliers
        What serving a row, and a unit of a target's weight, is worth while covering again.
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
        self.arrays = arrays_of(problem, prices, multipliers)
        self.state = state_of(problem, self.arrays)
        take(self.arrays, self.state, chosen)
        self.best = np.sort(chosen)
        self.best_cost = problem.cost_of(chosen)
        self.now = self.best_cost
        self.rounds = 0
        self.seed = seed

    def run(self, iterations: int, *, size: int, threshold: float) -> float:
        """Try some ruins; return the cheapest cost so far.

        Parameters
        ----------
        iterations
            Ruins tried.
        size
            Most columns taken out at once.
        threshold
            Rise of cost accepted on the way.
        """
        self.rounds += 1
        best = self.state.chosen.copy()
        seed = (self.seed * 7919 + self.rounds) % 2**31
        cost, self.now = _run(
            self.arrays,
            self.state,
            iterations,
            size,
            threshold,
            self.now,
            self.best_cost,
            best,
            seed,
        )
        if cost < self.best_cost - TINY:
            self.best = np.flatnonzero(best)
            self.best_cost = self.problem.cost_of(self.best)
        return self.best_cost


@njit(cache=True, nogil=True, forceinline=True)
def _neighbour(p, s, column):
    """Return a chosen column near a column by a short random walk, or -1."""
    for _ in range(WALK):
        span = p.col_ptr[column + 1] - p.col_ptr[column]
        if span == 0:
            return -1
        row = p.col_rows[p.col_ptr[column] + np.random.randint(span)]
        other = p.row_cols[p.row_ptr[row] + np.random.randint(p.row_ptr[row + 1] - p.row_ptr[row])]
        if s.chosen[other]:
            return other
        row = p.col_rows[
            p.col_ptr[other] + np.random.randint(p.col_ptr[other + 1] - p.col_ptr[other])
        ]
        if s.counts[row] == 1:
            return s.owners[row]
    return -1


@njit(cache=True, nogil=True, forceinline=True)
def _ruin(p, s, chosen, size, log):
    """Take out some neighbouring columns; return how many, and what they cost."""
    seed = chosen[np.random.randint(len(chosen))]
    number, cost = 0, 0.0
    wanted = 1 + np.random.randint(size)
    column = seed
    for _ in range(3 * size):
        group = p.group_of[column]
        alone = p.forced[group] and s.in_group[group] == 1
        if s.chosen[column] and not alone:
            cost += price_out(p, s, column)
            toggle(p, s, column)
            log[number] = column
            number += 1
        if number >= wanted:
            break
        column = _neighbour(p, s, seed)
        if column < 0:
            break
    return number, cost


@njit(cache=True, nogil=True, forceinline=True)
def _recreate(p, s, log, number, budget, barred):
    """Serve everything again within a budget; return number of changes and cost, or inf."""
    cost = 0.0
    while unmet(s):
        best = pick(p, s, barred, False, NOISE)  # noqa: FBT003
        if best < 0:
            best = pick(p, s, barred, True, NOISE)  # noqa: FBT003
        if best < 0:
            return number, np.inf
        cost += price_in(p, s, best)
        toggle(p, s, best)
        log[number] = best
        number += 1
        if cost > 1.5 * budget or number + 2 >= len(log):
            return number, np.inf
    # what became needless goes, the dearest first
    while True:
        worst, highest = -1, -1.0
        for place in range(s.queue[-1]):
            c = s.queue[place]
            if s.chosen[c] and p.cost[c] > highest and needless(p, s, c):
                worst, highest = c, p.cost[c]
        if worst < 0 or number + 2 >= len(log):
            break
        cost -= price_out(p, s, worst)
        toggle(p, s, worst)
        log[number] = worst
        number += 1
    return number, cost


@njit(cache=True, nogil=True)
def _run(p, s, iterations, size, threshold, now, best_cost, best, seed):
    """Ruin and recreate; keep the cheapest answer in `best`, return its cost and the last one's."""
    np.random.seed(seed)
    log = np.zeros(MOST_CHANGES, dtype=np.int64)
    chosen = np.flatnonzero(s.chosen)
    for _ in range(iterations):
        if len(chosen) == 0:
            break
        forget(s)
        number, removed = _ruin(p, s, chosen, size, log)
        barred = log[0] if number > 0 and np.random.random() < BAR else -1
        number, added = _recreate(p, s, log, number, removed + threshold, barred)
        rise = added - removed
        if rise <= threshold * np.random.random():
            now += rise
            chosen = np.flatnonzero(s.chosen)
            if now < best_cost - TINY:
                best_cost = now
                best[:] = s.chosen
        else:
            for place in range(number - 1, -1, -1):
                toggle(p, s, log[place])
    return best_cost, now
