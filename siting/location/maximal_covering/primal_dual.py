"""Prices close to those of the linear relaxation, by a primal-dual gradient method.

Notes
-----
The Lagrangian bound of :mod:`siting.location.maximal_covering.prices` is least where the saddle

    ``min_u max_x sum_i (w_i - k_i u_i) + sum_o x_o sum_i a_io u_i``,
    ``0 <= u_i <= w_i / k_i``, ``0 <= x_o <= 1``, ``sum_o f_o x_o <= L``,

is reached: the optimum of the linear relaxation. Both sides move by projected gradients with
diagonal steps and over-relaxation, and the mean of some hundred steps is what is kept. Whatever
prices come out, they prove a bound; nothing rests on convergence.

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

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.clock import Clock
from siting.location.maximal_covering.prices import Part
from siting.location.maximal_covering.problem import Limits

#: Over-relaxation of a step.
RELAXATION = 1.8
#: Halvings of the interval of the limit's price in a projection.
_HALVINGS = 40

FloatArray = npt.NDArray[np.float64]


class Saddle:
    """Choice and prices of a problem without sites and conflicts, on their way to the saddle.

    Parameters
    ----------
    part
        The problem.
    limits
        Its limits; one of p or of a budget alone.

    Attributes
    ----------
    u
        Prices of the part's rows, the mean of the last steps.
    x
        How much of each free option is chosen, likewise.
    """

    def __init__(self, part: Part, limits: Limits) -> None:
        self._part = part
        self._cost = limits.cost[part.option]
        each = max(part.left, 0.0) / max(float(self._cost.sum()), 1e-300)
        self._x = np.full(len(part.option), min(1.0, each))
        self._u = 0.5 * part.most
        width = np.maximum(np.bincount(part.entry, minlength=len(part.row)), 1)
        self._reach = width * min(1.0, each)
        unit = max(float(part.most.mean()), 1e-300)
        self._row_step = unit / width
        self._step = 1.0 / (unit * np.maximum(np.diff(part.ptr), 1))
        self.u, self.x = self._u.copy(), self._x.copy()

    def advance(self, steps: int, per_look: int, clock: Clock) -> None:
        """Take some steps and keep their mean; `per_look` of them between looks at the clock."""
        sums = np.zeros(len(self._u)), np.zeros(len(self._x))
        done = 0
        while done < steps and not clock.expired():
            few = min(per_look, steps - done)
            _steps(
                self._part,
                self._cost,
                self._x,
                self._u,
                self._reach,
                *sums,
                self._step,
                self._row_step,
                few,
            )
            done += few
        if done:
            self.u = np.clip(sums[0] / done, 0.0, self._part.most)
            self.x = sums[1] / done


@njit(cache=True, nogil=True)
def _steps(part, cost, x, u, reach, u_sum, x_sum, step, row_step, steps):
    """Move choice `x`, prices `u` and ``reach`` (how much of each row is covered) some steps."""
    options, rows = len(x), len(u)
    moved = np.empty(options)
    now = np.empty(rows)
    for _ in range(steps):
        for place in range(options):
            worth = 0.0
            for at in range(part.ptr[place], part.ptr[place + 1]):
                worth += u[part.entry[at]]
            moved[place] = x[place] + step[place] * worth
        _project(moved, cost, step, part.left)
        now[:] = 0.0
        for place in range(options):
            if moved[place] > 0.0:
                for at in range(part.ptr[place], part.ptr[place + 1]):
                    now[part.entry[at]] += moved[place]
        for k in range(rows):
            push = row_step[k] * (2.0 * now[k] - reach[k] - part.missing[k])
            u[k] += RELAXATION * (min(max(u[k] - push, 0.0), part.most[k]) - u[k])
            reach[k] += RELAXATION * (now[k] - reach[k])
            u_sum[k] += u[k]
        for place in range(options):
            x[place] += RELAXATION * (moved[place] - x[place])
            x_sum[place] += x[place]


@njit(cache=True, nogil=True)
def _project(moved, cost, step, left):
    """Move a choice to the nearest one within 0..1 and within the limit."""
    high = 0.0
    used = 0.0
    for place in range(len(moved)):
        used += cost[place] * min(max(moved[place], 0.0), 1.0)
        if cost[place] > 0.0:
            high = max(high, moved[place] / (step[place] * cost[place]))
    price = 0.0
    if used > left:
        low = 0.0
        for _ in range(_HALVINGS):
            price = 0.5 * (low + high)
            used = 0.0
            for place in range(len(moved)):
                rest = moved[place] - price * step[place] * cost[place]
                used += cost[place] * min(max(rest, 0.0), 1.0)
            if used > left:
                low = price
            else:
                high = price
        price = high
    for place in range(len(moved)):
        moved[place] = min(max(moved[place] - price * step[place] * cost[place], 0.0), 1.0)
