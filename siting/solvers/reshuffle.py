"""Ruin and recreate on step one: take out a few neighbouring columns, serve again for less.

References
----------
Jacobs, Brusco 1995, "A local-search heuristic for large set-covering problems", Naval Research
Logistics 42(7), 1129-1140 (take out and cover again).
Schrimpf et al. 2000, "Record breaking optimization results using the ruin and recreate principle",
Journal of Computational Physics 159(2), 139-171, doi 10.1006/jcph.1999.6413 (neighbouring parts,
threshold acceptance).
"""

# ruff: noqa: ANN001, ANN202, PLR0917, PLR0912, NPY002
# Compiled functions take plain arrays, whose types numba infers, and draw from its own generator.

from __future__ import annotations

from collections import namedtuple

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.models.presolve import SetCover

#: Chosen columns on a row at which its only one is no longer alone.
PAIR = 2

#: How often the first column taken out may not come back.
BAR = 0.5

#: The reduced problem as arrays a compiled function can take.
_Problem = namedtuple(  # noqa: PYI024 - compiled code takes plain named tuples
    "_Problem",
    "row_ptr row_cols col_ptr col_rows cost group_of forced hard price "
    "wt_ptr wt_target wt_value worth",
)
#: The answer and what it leaves; `missing` and `lone` are weights a column would add (not chosen)
#: or alone serves (chosen).
_State = namedtuple(  # noqa: PYI024
    "_State", "chosen counts owners in_group hard_rows hard_price soft left touched queue open_rows"
)


class Reshuffle:
    """An answer to a reduced step one that :meth:`run` makes cheaper.

    Parameters
    ----------
    problem
        The reduced step one.
    chosen
        Columns of an answer; every need is met.
    prices, multipliers
        What serving a row, and a unit of a target's weight, is worth while covering again.
    seed
        Randomness.
    """

    def __init__(
        self,
        problem: SetCover,
        chosen: npt.NDArray[np.intp],
        *,
        prices: npt.NDArray[np.float64],
        multipliers: npt.NDArray[np.float64],
        seed: int,
    ) -> None:
        p = problem
        self.active = np.flatnonzero(p.need > 0)
        by_row = p.weights[:, self.active].tocsr()
        worth = multipliers[self.active]
        typical = p.cost.min(initial=1.0) / max(float(p.need.max(initial=1.0)), 1e-300)
        floor = 1e-3 * float(prices[p.hard].mean()) + 1e-9 if p.hard.any() else 1e-9
        self.arrays = _Problem(
            p.row_ptr,
            p.row_cols,
            p.col_ptr,
            p.col_rows,
            p.cost,
            np.repeat(np.arange(len(p.forced)), np.diff(p.group_ptr)),
            p.forced,
            p.hard,
            np.where(p.hard, prices + floor, 0.0),
            by_row.indptr.astype(np.int32),
            by_row.indices.astype(np.int32),
            by_row.data,
            np.maximum(worth, typical),
        )
        self.state = _State(
            np.zeros(p.columns, dtype=np.bool_),
            np.zeros(p.rows, dtype=np.int32),
            np.zeros(p.rows, dtype=np.int64),
            np.zeros(len(p.forced), dtype=np.int32),
            np.zeros(p.columns, dtype=np.int32),
            np.zeros(p.columns),
            np.zeros((p.columns, max(len(self.active), 1))),
            np.append(p.aim[self.active], [0.0] * (not len(self.active))),
            np.zeros(p.columns, dtype=np.bool_),
            np.zeros(p.columns + 1, dtype=np.int64),
            np.array([int(p.hard.sum())], dtype=np.int64),
        )
        _open(self.arrays, self.state)
        for column in chosen:
            _toggle(self.arrays, self.state, int(column))
        self.best = np.sort(chosen)
        self.best_cost = float(p.cost[chosen].sum())
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
        cost = _run(
            self.arrays,
            self.state,
            iterations,
            size,
            threshold,
            self.best_cost,
            best,
            (self.seed * 7919 + self.rounds) % 2**31,
        )
        if cost < self.best_cost - 1e-9:
            self.best, self.best_cost = np.flatnonzero(best), cost
        return self.best_cost


@njit(cache=True)
def _open(p, s):
    """Fill what every column would add to an empty answer."""
    for i in range(len(p.hard)):
        for entry in range(p.row_ptr[i], p.row_ptr[i + 1]):
            _credit(p, s, i, p.row_cols[entry], 1)


@njit(cache=True)
def _credit(p, s, row, column, sign):
    """Add a row to, or take it from, a column's figures."""
    if p.hard[row]:
        s.hard_rows[column] += sign
        s.hard_price[column] += sign * p.price[row]
    for entry in range(p.wt_ptr[row], p.wt_ptr[row + 1]):
        s.soft[column, p.wt_target[entry]] += sign * p.wt_value[entry]


@njit(cache=True)
def _touch(s, column):
    """Remember a column whose figures changed; the queue's last place holds its length."""
    if not s.touched[column]:
        s.touched[column] = True
        s.queue[s.queue[-1]] = column
        s.queue[-1] += 1


@njit(cache=True)
def _toggle(p, s, column):
    """Choose a column, or give it up; a column that changes sides keeps its figures."""
    adding = not s.chosen[column]
    step = 1 if adding else -1
    s.chosen[column] = adding
    s.in_group[p.group_of[column]] += step
    for entry in range(p.col_ptr[column], p.col_ptr[column + 1]):
        i = p.col_rows[entry]
        s.counts[i] += step
        s.owners[i] += step * column
        now = s.counts[i]
        if (adding and now == 1) or (not adding and now == 0):
            if p.hard[i]:
                s.open_rows[0] -= step
            for other in range(p.wt_ptr[i], p.wt_ptr[i + 1]):
                s.left[p.wt_target[other]] -= step * p.wt_value[other]
            for other in range(p.row_ptr[i], p.row_ptr[i + 1]):
                c = p.row_cols[other]
                if c != column:
                    _credit(p, s, i, c, -step)
                    _touch(s, c)
        elif adding and now == PAIR:
            _credit(p, s, i, s.owners[i] - column, -1)
            _touch(s, s.owners[i] - column)
        elif not adding and now == 1:
            _credit(p, s, i, s.owners[i], 1)
            _touch(s, s.owners[i])
    _touch(s, column)


@njit(cache=True)
def _value(p, s, column):
    """Return what choosing a column is worth now."""
    value = s.hard_price[column]
    if s.hard_rows[column] == 0:
        value = 0.0
    for t in range(len(s.left)):
        if s.left[t] > 0:
            value += p.worth[t] * min(s.soft[column, t], s.left[t])
    return value


@njit(cache=True)
def _unmet(s):
    if s.open_rows[0] > 0:
        return True
    return s.left.max() > 0


@njit(cache=True)
def _needless(p, s, column):
    """Tell whether a chosen column can go."""
    if s.hard_rows[column] > 0:
        return False
    group = p.group_of[column]
    if p.forced[group] and s.in_group[group] == 1:
        return False
    for t in range(len(s.left)):
        if s.soft[column, t] > 0 and s.left[t] + s.soft[column, t] > 0:
            return False
    return True


@njit(cache=True)
def _neighbour(p, s, column):
    """Return a chosen column near a column by a short random walk, or -1."""
    for _ in range(20):
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


@njit(cache=True)
def _ruin(p, s, chosen, size, log):
    """Take out some neighbouring columns; return how many, and their cost."""
    seed = chosen[np.random.randint(len(chosen))]
    number, cost = 0, 0.0
    wanted = 1 + np.random.randint(size)
    column = seed
    for _ in range(3 * size):
        group = p.group_of[column]
        alone = p.forced[group] and s.in_group[group] == 1
        if s.chosen[column] and not alone:
            _toggle(p, s, column)
            log[number] = column
            number += 1
            cost += p.cost[column]
        if number >= wanted:
            break
        column = _neighbour(p, s, seed)
        if column < 0:
            break
    return number, cost


@njit(cache=True)
def _recreate(p, s, log, number, budget, barred):
    """Serve everything again within a budget; return number of changes and cost, or inf."""
    cost = 0.0
    while _unmet(s):
        best, best_ratio = -1, 0.0
        everywhere = False
        while best < 0:
            length = len(s.chosen) if everywhere else s.queue[-1]
            for place in range(length):
                c = place if everywhere else s.queue[place]
                if s.chosen[c] or c == barred:
                    continue
                worth = _value(p, s, c)
                if worth <= 0.0:
                    continue
                ratio = worth / p.cost[c] if p.cost[c] > 0 else 1e300
                ratio *= 1.0 + 0.1 * np.random.random()
                if ratio > best_ratio:
                    best, best_ratio = c, ratio
            if everywhere:
                break
            everywhere = True
        if best < 0:
            return number, np.inf
        _toggle(p, s, best)
        log[number] = best
        number += 1
        cost += p.cost[best]
        if cost > 1.5 * budget or number + 2 >= len(log):
            return number, np.inf
    # what became needless goes, the dearest first
    while True:
        worst, highest = -1, -1.0
        for place in range(s.queue[-1]):
            c = s.queue[place]
            if s.chosen[c] and p.cost[c] > highest and _needless(p, s, c):
                worst, highest = c, p.cost[c]
        if worst < 0 or number + 2 >= len(log):
            break
        _toggle(p, s, worst)
        log[number] = worst
        number += 1
        cost -= p.cost[worst]
    return number, cost


@njit(cache=True)
def _run(p, s, iterations, size, threshold, best_cost, best, seed):
    """Ruin and recreate; keep the cheapest answer in `best` and return its cost."""
    np.random.seed(seed)
    log = np.zeros(4096, dtype=np.int64)
    chosen = np.flatnonzero(s.chosen)
    now = 0.0
    for c in chosen:
        now += p.cost[c]
    for _ in range(iterations):
        if len(chosen) == 0:
            break
        for place in range(s.queue[-1]):
            s.touched[s.queue[place]] = False
        s.queue[-1] = 0
        number, removed = _ruin(p, s, chosen, size, log)
        barred = log[0] if number > 0 and np.random.random() < BAR else -1
        number, added = _recreate(p, s, log, number, removed + threshold, barred)
        rise = added - removed
        if rise <= threshold * np.random.random():
            now += rise
            chosen = np.flatnonzero(s.chosen)
            if now < best_cost - 1e-9:
                best_cost = now
                best[:] = s.chosen
        else:
            for place in range(number - 1, -1, -1):
                _toggle(p, s, log[place])
    return best_cost
