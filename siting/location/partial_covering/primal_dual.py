"""Prices close to those of the linear relaxation, by a primal-dual gradient method.

Notes
-----
The bound of :mod:`siting.location.partial_covering.relaxation` is greatest about where the saddle

    ``min_{y, z} max_{u, theta} sum_j c_j y_j + sum_i u_i (z_i - sum_j a_ij y_j)
    + sum_t theta_t (R_t - sum_i w_ti z_i)``,  ``0 <= y, z <= 1``, ``u, theta >= 0``,

is reached (``z_i = 1`` for hard rows): the optimum of the linear relaxation. Where a group limits
its columns, ``y`` is brought back to ``sum of the group <= most`` in the metric of its steps. Both
sides move by projected gradients with diagonal steps and over-relaxation; the mean of
a round of steps is what is kept. Whatever prices come out, they prove a bound; nothing rests on
convergence.

References
----------
Chambolle, Pock (2011), A first-order primal-dual algorithm for convex problems with applications to
imaging, Journal of Mathematical Imaging and Vision 40. doi:10.1007/s10851-010-0251-1
Pock, Chambolle (2011), Diagonal preconditioning for first order primal-dual algorithms, ICCV.
doi:10.1109/ICCV.2011.6126441
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.partial_covering.problem import ColumnCover, FloatArray
from siting.location.partial_covering.relaxation import Duals, Relaxation

#: Over-relaxation of a step.
OVER = 1.8
#: Steps of a round, rounds at most, and the relative gain of the bound below which they end.
STEPS, ROUNDS, LEAST_GAIN = 250, 16, 5e-5
#: A sum of columns above its limit by this is not above it.
NOTHING = 1e-12
#: Entries of the cover touched between two looks at the clock.
ENTRIES_PER_LOOK = 2e7


class Saddle:
    """Choice and prices of a problem on their way to the saddle.

    Parameters
    ----------
    problem
        The problem; its groups' costs and its excluding pairs are left aside.
    duals
        Prices and multipliers to begin with.
    chosen
        Columns of an answer to begin with.
    """

    def __init__(self, problem: ColumnCover, duals: Duals, chosen: npt.NDArray[np.intp]) -> None:
        self.problem = problem
        weights, targets = problem.weights, len(problem.need)
        target = np.repeat(np.arange(targets), np.diff(weights.indptr))
        most = np.ones(targets)
        np.maximum.at(most, target, weights.data)
        self._share = weights.data / most[target]
        self._need = problem.need / most
        self._u = duals.prices[: problem.rows].copy()
        self._theta = duals.multipliers * most
        self._y = np.zeros(problem.columns)
        self._y[chosen] = 1.0
        self._z = np.where(problem.hard, 1.0, problem.counts(chosen) > 0)
        self._served = problem.counts(chosen).astype(np.float64)
        unit = float(self._u.mean()) or float(problem.cost.mean()) or 1.0
        in_row = np.bincount(weights.indices, weights=self._share, minlength=problem.rows)
        in_target = np.bincount(target, weights=self._share, minlength=targets)
        self._row_step = unit / (np.diff(problem.row_ptr) + 1.0)
        self._target_step = unit / np.maximum(in_target, 1e-9)
        self._column_step = 1.0 / (unit * np.maximum(np.diff(problem.col_ptr), 1))
        self._soft_step = 1.0 / (unit * (1.0 + in_row))
        hosted = np.diff(problem.group_ptr)
        self._most = np.where(problem.strict, problem.group_most, hosted).astype(np.float64)

    def advance(self, watch: Callable[[], bool]) -> FloatArray | None:
        """Take a round of steps; return the mean prices, None when `watch` ended it at once."""
        p = self.problem
        total, done = np.zeros(p.rows), 0
        few = int(np.clip(ENTRIES_PER_LOOK / (1 + len(p.col_rows)), 1, STEPS))
        while done < STEPS and not watch():
            _steps(
                p.col_ptr,
                p.col_rows,
                p.cost,
                p.group_ptr,
                self._most,
                p.hard,
                p.weights.indptr,
                p.weights.indices,
                self._share,
                self._need,
                self._y,
                self._z,
                self._u,
                self._theta,
                self._served,
                self._column_step,
                self._soft_step,
                self._row_step,
                self._target_step,
                min(few, STEPS - done),
                total,
            )
            done += min(few, STEPS - done)
        return total / done if done else None


def approach(
    relaxation: Relaxation,
    duals: Duals,
    chosen: npt.NDArray[np.intp],
    watch: Callable[[], bool],
) -> Duals:
    """Return multipliers that prove a bound near that of the linear relaxation.

    Parameters
    ----------
    relaxation
        Of the problem.
    duals
        Multipliers to begin with.
    chosen
        Columns of an answer to begin with.
    watch
        Asked often; True ends the steps.
    """
    saddle, best = Saddle(relaxation.problem, duals, chosen), duals
    for _ in range(ROUNDS):
        mean = saddle.advance(watch)
        if mean is None:
            break
        found = relaxation.duals(np.concatenate([mean, np.zeros(len(relaxation.problem.pairs))]))
        gain = found.bound - best.bound
        best = found if gain > 0 else best
        if gain < LEAST_GAIN * abs(best.bound) and best is not duals:
            break
    return best


@njit(cache=True, nogil=True)
def _steps(
    col_ptr,
    col_rows,
    cost,
    group_ptr,
    most,
    hard,
    target_ptr,
    target_rows,
    share,
    need,
    y,
    z,
    u,
    theta,
    served,
    column_step,
    soft_step,
    row_step,
    target_step,
    steps,
    u_sum,
):
    """Move choice ``y, z``, prices ``u, theta`` and ``served = A y`` some steps."""
    columns, rows = len(y), len(u)
    chosen, covered = np.empty(columns), np.empty(rows)
    wanted, worth = np.ones(rows), np.empty(rows)
    for _ in range(steps):
        worth[:] = 0.0
        for t in range(len(need)):
            for entry in range(target_ptr[t], target_ptr[t + 1]):
                worth[target_rows[entry]] += theta[t] * share[entry]
        covered[:] = 0.0
        for j in range(columns):
            left = cost[j]
            for entry in range(col_ptr[j], col_ptr[j + 1]):
                left -= u[col_rows[entry]]
            chosen[j] = min(max(y[j] - column_step[j] * left, 0.0), 1.0)
        _limit(chosen, column_step, group_ptr, most)
        _add_up(chosen, col_ptr, col_rows, covered)
        for j in range(columns):
            y[j] += OVER * (chosen[j] - y[j])
        for i in range(rows):
            if not hard[i]:
                wanted[i] = min(max(z[i] - soft_step[i] * (u[i] - worth[i]), 0.0), 1.0)
        for t in range(len(need)):
            reached = 0.0
            for entry in range(target_ptr[t], target_ptr[t + 1]):
                i = target_rows[entry]
                reached += share[entry] * (2.0 * wanted[i] - z[i])
            pushed = max(0.0, theta[t] + target_step[t] * (need[t] - reached))
            theta[t] += OVER * (pushed - theta[t])
        for i in range(rows):
            lack = 2.0 * wanted[i] - z[i] - (2.0 * covered[i] - served[i])
            u[i] += OVER * (max(0.0, u[i] + row_step[i] * lack) - u[i])
            z[i] += OVER * (wanted[i] - z[i])
            served[i] += OVER * (covered[i] - served[i])
            u_sum[i] += max(0.0, u[i])


@njit(cache=True, nogil=True)
def _add_up(chosen, col_ptr, col_rows, covered):
    """Add to every row what the columns chosen serve of it."""
    for j in range(len(chosen)):
        if chosen[j] > 0.0:
            for entry in range(col_ptr[j], col_ptr[j + 1]):
                covered[col_rows[entry]] += chosen[j]


@njit(cache=True, nogil=True)
def _limit(chosen, step, group_ptr, most):
    """Bring each group's choice to the nearest with a sum of at most its `most`, by the steps.

    The nearest is ``max(0, y - lambda step)`` with the lambda at which the sum is right; the sum
    falls as lambda grows, in pieces, which Newton's steps from below follow in a few rounds.
    """
    for g in range(len(most)):
        start, stop = group_ptr[g], group_ptr[g + 1]
        if chosen[start:stop].sum() <= most[g]:
            continue
        price = 0.0
        for _ in range(stop - start + 1):
            over, slope = -most[g], 0.0
            for j in range(start, stop):
                rest = chosen[j] - price * step[j]
                if rest > 0.0:
                    over += rest
                    slope += step[j]
            if over <= NOTHING or slope <= 0.0:
                break
            price += over / slope
        for j in range(start, stop):
            chosen[j] = max(0.0, chosen[j] - price * step[j])
