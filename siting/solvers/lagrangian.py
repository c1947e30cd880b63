"""Good multipliers by deflected subgradient steps, for both steps of a plan.

References
----------
Held, Wolfe, Crowder 1974, "Validation of subgradient optimization", Mathematical Programming 6,
62-88, doi 10.1007/BF01580223 (the step length).
Camerini, Fratta, Maffioli 1975, "On improving relaxation methods by modified gradient
techniques", Mathematical Programming Study 3, 26-34, doi 10.1007/BFb0120697 (the deflection).
Caprara, Fischetti, Toth 1999, "A heuristic method for the set covering problem", Operations
Research 47(5), 730-743, doi 10.1287/opre.47.5.730 (set cover).
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.models.bounds import turning_point
from siting.models.presolve import SetCover

#: Steps without gain before the step scale shrinks, and the scale at which steps end.
PATIENCE, LEAST_STEP = 20, 1e-4
#: Squared length below which a direction is none.
TINY = 1e-12


@dataclass(slots=True, kw_only=True, eq=False)
class Duals:
    """Best multipliers found so far.

    Parameters
    ----------
    prices
        Price of each row.
    multipliers
        Multiplier of each target; empty in step two.
    bound
        Value of the relaxation at these multipliers.
    """

    prices: npt.NDArray[np.float64]
    multipliers: npt.NDArray[np.float64]
    bound: float


@njit(cache=True)
def relax(col_ptr, col_rows, cost, group_ptr, forced, prices, reduced, counts):
    """Solve the relaxation of the set cover for the columns; fill reduced costs and counts.

    Returns the columns' share of the bound; ``counts[i]`` is how many chosen columns serve row i.
    """
    counts[:] = 0
    total = 0.0
    for group in range(len(group_ptr) - 1):
        best = -1
        for column in range(group_ptr[group], group_ptr[group + 1]):
            value = cost[column]
            for entry in range(col_ptr[column], col_ptr[column + 1]):
                value -= prices[col_rows[entry]]
            reduced[column] = value
            if best < 0 or value < reduced[best]:
                best = column
        if best >= 0 and (forced[group] or reduced[best] < 0.0):
            total += reduced[best]
            for entry in range(col_ptr[best], col_ptr[best + 1]):
                counts[col_rows[entry]] += 1
    return total


@njit(cache=True)
def _repair(row_ptr, row_cols, col_ptr, col_rows, cost, ceiling, prices):
    """Shrink prices until no column is worth more than its cost, then raise them again."""
    columns, rows = len(cost), len(prices)
    shrink = np.ones(rows)
    for column in range(columns):
        total = 0.0
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            total += prices[col_rows[entry]]
        if total > cost[column]:
            for entry in range(col_ptr[column], col_ptr[column + 1]):
                i = col_rows[entry]
                shrink[i] = min(shrink[i], cost[column] / total)
    for i in range(rows):
        prices[i] *= shrink[i]
    spare = cost.copy()
    for column in range(columns):
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            spare[column] -= prices[col_rows[entry]]
    for i in range(rows):
        room = ceiling[i] - prices[i]
        for entry in range(row_ptr[i], row_ptr[i + 1]):
            room = min(room, spare[row_cols[entry]])
        if room > 0.0:
            prices[i] += room
            for entry in range(row_ptr[i], row_ptr[i + 1]):
                spare[row_cols[entry]] -= room


class CoverRelaxation:
    """The Lagrangian relaxation of a reduced step one, evaluated at any prices."""

    def __init__(self, problem: SetCover) -> None:
        self.problem = problem
        self.reduced = np.zeros(problem.columns)
        self.counts = np.zeros(problem.rows, dtype=np.int64)
        self.active = np.flatnonzero(problem.need > 0)
        self.multipliers = np.zeros(len(problem.need))

    def __call__(self, prices: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        """Return bound and subgradient; each target's multiplier is set to its exact best."""
        p = self.problem
        total = relax(
            p.col_ptr, p.col_rows, p.cost, p.group_ptr, p.forced, prices, self.reduced, self.counts
        )
        value = self._row_value(prices)
        demand = np.where(p.hard, 1.0, (value > prices).astype(np.float64))
        total += float(prices[p.hard].sum() + self.multipliers @ p.need)
        total += float(np.minimum(0.0, prices - value)[~p.hard].sum())
        return total, demand - self.counts.astype(np.float64)

    def _row_value(self, prices: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Set the multipliers for these prices and return what each soft row is worth."""
        p = self.problem
        value = p.weights @ self.multipliers if len(self.active) else np.zeros(p.rows)
        for target in self.active:
            start, stop = p.weights.indptr[target : target + 2]
            rows, weight = p.weights.indices[start:stop], p.weights.data[start:stop]
            rest = prices[rows] - (value[rows] - self.multipliers[target] * weight)
            best = turning_point(rest, weight, float(p.need[target]))
            value[rows] += (best - self.multipliers[target]) * weight
            self.multipliers[target] = best
        return value

    def feasible(self, duals: Duals) -> Duals:
        """Return multipliers nearby at which no column, a dropped one included, is under cost."""
        p = self.problem
        ceiling = np.where(p.hard, np.inf, p.weights @ duals.multipliers)
        prices = np.minimum(duals.prices, ceiling)
        _repair(p.row_ptr, p.row_cols, p.col_ptr, p.col_rows, p.cost, ceiling, prices)
        self.multipliers[:] = duals.multipliers
        bound, _ = self(prices)
        return Duals(prices=prices, multipliers=self.multipliers.copy(), bound=bound)

    def start(self) -> npt.NDArray[np.float64]:
        """Return first prices: the least cost per row among the columns that serve a row."""
        p = self.problem
        per_row = p.cost / np.maximum(np.diff(p.col_ptr), 1)
        prices = np.minimum.reduceat(per_row[p.row_cols], p.row_ptr[:-1]) if p.rows else per_row[:0]
        return prices.astype(np.float64)


def ascend(
    relaxation: Callable[[npt.NDArray[np.float64]], tuple[float, npt.NDArray[np.float64]]],
    duals: Duals,
    *,
    upper: float,
    iterations: int,
    step: float,
    multipliers: npt.NDArray[np.float64],
    sense: int = 1,
    ceiling: npt.NDArray[np.float64] | None = None,
) -> float:
    """Improve `duals` in place by subgradient steps; return the step scale to go on with.

    Parameters
    ----------
    relaxation
        Returns bound and subgradient at given prices.
    upper
        Value the bound aims at (a known answer's objective).
    iterations
        Number of evaluations.
    step
        Scale of the first step, 0..2.
    multipliers
        Array the relaxation keeps its target multipliers in.
    sense
        1 to raise a lower limit, -1 to lower an upper limit.
    ceiling
        Most a price can usefully be, or None.
    """
    prices = duals.prices.copy()
    direction = np.zeros_like(prices)
    idle = 0
    for _ in range(iterations):
        bound, gradient = relaxation(prices)
        if sense * (bound - duals.bound) > 0:
            if sense * (bound - duals.bound) < 1e-4 * abs(upper - duals.bound):
                idle += 1
            else:
                idle = 0
            duals.bound, duals.prices = bound, prices.copy()
            duals.multipliers = multipliers.copy()
        else:
            idle += 1
        if idle >= PATIENCE:
            step, idle = 0.6 * step, 0
            prices = duals.prices.copy()
            direction[:] = 0.0
            continue
        gradient = np.where((prices <= 0.0) & (sense * gradient < 0), 0.0, gradient)
        direction = 0.3 * gradient + 0.7 * direction
        norm = float(direction @ direction)
        gap = sense * (upper - bound)
        if norm <= TINY or gap <= 0 or step < LEAST_STEP:
            break
        length = step * max(gap, 1e-3 * abs(upper)) / norm
        prices = prices + sense * length * direction
        np.maximum(prices, 0.0, out=prices)
        if ceiling is not None:
            np.minimum(prices, ceiling, out=prices)
    return step
