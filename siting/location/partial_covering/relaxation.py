"""The Lagrangian relaxation of partial covering, and good multipliers by deflected subgradients.

Notes
-----
Prices are those of the rows, then those of the excluding pairs. At prices ``u``, ``nu`` and
multipliers ``theta`` the bound is::

    sum_{i hard} u_i + sum_{i soft} min(0, u_i - sum_t theta_t w_ti) + sum_t theta_t R_t - sum nu
    + sum over groups of min(0, g + the least sum of at most `group_most` reduced costs)

References
----------
Held, Wolfe, Crowder 1974, "Validation of subgradient optimization", Mathematical Programming 6,
62-88, doi 10.1007/BF01580223 (the step length).
Camerini, Fratta, Maffioli 1975, "On improving relaxation methods by modified gradient
techniques", Mathematical Programming Study 3, 26-34, doi 10.1007/BFb0120697 (the deflection).
Caprara, Fischetti, Toth 1999, "A heuristic method for the set covering problem", Operations
Research 47(5), 730-743, doi 10.1287/opre.47.5.730 (set cover).
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit

from siting.location.partial_covering.problem import ColumnCover, FloatArray

#: Scale at which steps end.
LEAST_STEP = 1e-4
#: Steps between two questions whether to end.
WATCHED = 8
#: Squared length below which a direction is none.
TINY = 1e-12


@dataclass(slots=True, kw_only=True, eq=False)
class Duals:
    """Best multipliers found so far.

    Parameters
    ----------
    prices
        Price of each row, then of each excluding pair.
    multipliers
        Multiplier of each target.
    bound
        Value of the relaxation at these multipliers.
    """

    prices: FloatArray
    multipliers: FloatArray
    bound: float


class Relaxation:
    """The relaxation of a problem, evaluated at any prices >= 0."""

    def __init__(self, problem: ColumnCover) -> None:
        self.problem = problem
        self.reduced = np.zeros(problem.columns)
        self.counts = np.zeros(problem.rows, dtype=np.int32)
        self.used = np.zeros(problem.columns, dtype=np.int32)
        self.active = np.flatnonzero(problem.need > 0)
        self.multipliers = np.zeros(len(problem.need))
        self._worth = np.zeros(problem.rows)
        self._gradient = np.zeros(problem.rows + len(problem.pairs))
        longest = int(np.diff(problem.weights.indptr).max(initial=0))
        self._ratio, self._weight = np.zeros(longest), np.zeros(longest)

    def __call__(self, prices: FloatArray) -> tuple[float, FloatArray]:
        """Return bound and subgradient; each target's multiplier is set to its exact best.

        The subgradient's array is used again by the next call.
        """
        p = self.problem
        rows, nu = prices[: p.rows], prices[p.rows :]
        saved, lifted = np.zeros(p.columns), np.zeros(p.rows)
        if len(nu):
            both = np.concatenate([nu, nu])
            saved -= np.bincount(p.pairs.T.ravel(), weights=both, minlength=p.columns)
        total = self.at(rows, saved=saved, lifted=lifted)
        if len(nu):
            total -= float(nu.sum())
            self._gradient[p.rows :] = self.used[p.pairs].sum(axis=1) - 1.0
        return total, self._gradient

    def at(self, rows: FloatArray, *, saved: FloatArray, lifted: FloatArray) -> float:
        """Return the rows' and the columns' share of the bound, as the call does.

        Parameters
        ----------
        rows
            Prices of the rows.
        saved
            What else than the rows' prices each column earns.
        lifted
            What else than its price serving each soft row is charged with.
        """
        p = self.problem
        total = _columns(
            p.col_ptr,
            p.col_rows,
            p.cost - saved,
            p.group_ptr,
            p.group_cost,
            p.group_most,
            p.forced,
            rows,
            self.reduced,
            self.counts,
            self.used,
        )
        charged = rows + lifted
        _set_multipliers(
            p.weights.indptr,
            p.weights.indices,
            p.weights.data,
            p.need,
            self.active,
            charged,
            self.multipliers,
            self._worth,
            self._ratio,
            self._weight,
        )
        total += float(self.multipliers @ p.need)
        total += _rows(p.hard, charged, self._worth, self.counts, self._gradient)
        return total - float(lifted.sum())

    def duals(self, prices: FloatArray) -> Duals:
        """Return prices with the multipliers and the bound that go with them."""
        bound, _ = self(prices)
        return Duals(prices=prices.copy(), multipliers=self.multipliers.copy(), bound=bound)

    def feasible(self, duals: Duals) -> Duals:
        """Return multipliers nearby at which no column, a dropped one included, is under cost."""
        p = self.problem
        ceiling = np.where(p.hard, np.inf, p.weights @ duals.multipliers)
        rows = np.minimum(duals.prices[: p.rows], ceiling)
        _repair(p.row_ptr, p.row_cols, p.col_ptr, p.col_rows, p.cost, ceiling, rows)
        self.multipliers[:] = duals.multipliers
        return self.duals(np.concatenate([rows, np.zeros(len(p.pairs))]))

    def start(self) -> FloatArray:
        """Return first prices: the least cost per row among the columns that serve a row."""
        p = self.problem
        per_row = p.cost / np.maximum(np.diff(p.col_ptr), 1)
        prices = np.minimum.reduceat(per_row[p.row_cols], p.row_ptr[:-1]) if p.rows else per_row[:0]
        return np.concatenate([prices, np.zeros(len(p.pairs))])


@njit(cache=True, nogil=True)
def _columns(
    col_ptr,
    col_rows,
    cost,
    group_ptr,
    group_cost,
    group_most,
    forced,
    prices,
    reduced,
    counts,
    used,
):
    """Choose each group's best columns; fill reduced costs and counts, return the groups' sum."""
    counts[:] = 0
    used[:] = 0
    total = 0.0
    for group in range(len(group_ptr) - 1):
        start, stop = group_ptr[group], group_ptr[group + 1]
        best, negative, value = -1, 0, group_cost[group]
        for column in range(start, stop):
            left = cost[column]
            for entry in range(col_ptr[column], col_ptr[column + 1]):
                left -= prices[col_rows[entry]]
            reduced[column] = left
            if best < 0 or left < reduced[best]:
                best = column
            if left < 0.0:
                negative += 1
                value += left
        if best < 0:
            continue
        most = group_most[group]
        limit = np.inf
        if negative == 0:
            value = group_cost[group] + reduced[best]
        elif negative > most:
            order = np.sort(reduced[start:stop])
            value = group_cost[group] + order[:most].sum()
            limit = order[most - 1] if most > 0 else -np.inf
        if not (forced[group] or value < 0.0):
            continue
        total += value
        taken = 0
        for column in range(start, stop):
            good = reduced[column] < 0.0 and reduced[column] <= limit and taken < most
            if good or (negative == 0 and column == best):
                taken += 1
                used[column] = 1
                for entry in range(col_ptr[column], col_ptr[column + 1]):
                    counts[col_rows[entry]] += 1
    return total


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _set_multipliers(
    indptr, indices, data, need, active, prices, multipliers, worth, ratio, weight
):
    """Set each target's multiplier to its best for these prices; fill what each row is worth."""
    worth[:] = 0.0
    for t in active:
        for entry in range(indptr[t], indptr[t + 1]):
            worth[indices[entry]] += multipliers[t] * data[entry]
    for t in active:
        number = 0
        for entry in range(indptr[t], indptr[t + 1]):
            w = data[entry]
            if w > 0.0:
                rest = prices[indices[entry]] - (worth[indices[entry]] - multipliers[t] * w)
                ratio[number] = max(rest, 0.0) / w
                weight[number] = w
                number += 1
        best = _turn(ratio[:number], weight[:number], need[t])
        for entry in range(indptr[t], indptr[t + 1]):
            worth[indices[entry]] += (best - multipliers[t]) * data[entry]
        multipliers[t] = best


@njit(cache=True, nogil=True)
def _turn(ratio, weight, need):
    """Return the least ratio up to which the weights add up to `need`; reorders both arrays."""
    low, high, passed = 0, len(ratio), 0.0
    if need <= 0.0 or high == 0:
        return 0.0
    largest = ratio.max()
    while high - low > 1:
        one, two, three = ratio[low], ratio[(low + high) // 2], ratio[high - 1]
        pivot = max(min(one, two), min(max(one, two), three))
        # below the pivot: low..less, equal: less..place, above: place..high
        less, place, above, sum_less, sum_equal = low, low, high, 0.0, 0.0
        while place < above:
            value = ratio[place]
            if value < pivot:
                sum_less += weight[place]
                ratio[place], ratio[less] = ratio[less], value
                weight[place], weight[less] = weight[less], weight[place]
                less += 1
                place += 1
            elif value > pivot:
                above -= 1
                ratio[place], ratio[above] = ratio[above], value
                weight[place], weight[above] = weight[above], weight[place]
            else:
                sum_equal += weight[place]
                place += 1
        if passed + sum_less >= need:
            high = less
        elif passed + sum_less + sum_equal >= need:
            return pivot
        else:
            passed += sum_less + sum_equal
            low = above
    if high > low and passed + weight[low] >= need:
        return ratio[low]
    return largest


@njit(cache=True, nogil=True)
def _rows(hard, prices, worth, counts, gradient):
    """Return the rows' share of the bound, and fill their part of the subgradient."""
    total = 0.0
    for i in range(len(hard)):
        demand = 1.0
        if hard[i]:
            total += prices[i]
        elif worth[i] > prices[i]:
            total += prices[i] - worth[i]
        else:
            demand = 0.0
        gradient[i] = demand - counts[i]
    return total


def turning_point(price: FloatArray, weight: FloatArray, need: float) -> float:
    """Return the least ratio price / weight at which rows of weight `need` are exceeded.

    Notes
    -----
    The bound is concave and piecewise linear in a target's multiplier, with slope `need` less the
    weight of the rows whose price it exceeds; the maximum is where the slope turns from positive.
    """
    positive = weight > 0
    ratio = np.maximum(price[positive], 0.0) / weight[positive]
    return float(_turn(ratio.astype(np.float64), weight[positive].astype(np.float64), need))


def ascend(
    relaxation: Callable[[FloatArray], tuple[float, FloatArray]],
    duals: Duals,
    *,
    upper: float,
    iterations: int,
    step: float,
    multipliers: FloatArray,
    sense: int = 1,
    ceiling: FloatArray | None = None,
    patience: int = 20,
    shrink: float = 0.6,
    memory: float = 0.7,
    watch: Callable[[], bool] | None = None,
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
    patience
        Steps without gain before the step scale shrinks.
    shrink
        Factor by which it does.
    memory
        Share of the last direction in the next, 0..1.
    watch
        Asked now and then; True ends the steps.
    """
    prices = duals.prices.copy()
    direction = np.zeros_like(prices)
    most = np.full(len(prices), np.inf) if ceiling is None else ceiling
    idle = 0
    for number in range(iterations):
        if watch is not None and number % WATCHED == 0 and watch():
            break
        bound, gradient = relaxation(prices)
        if sense * (bound - duals.bound) > 0:
            if sense * (bound - duals.bound) < 1e-4 * abs(upper - duals.bound):
                idle += 1
            else:
                idle = 0
            duals.bound = bound
            duals.prices[:] = prices
            duals.multipliers = multipliers.copy()
        else:
            idle += 1
        if idle >= patience:
            step, idle = shrink * step, 0
            prices[:] = duals.prices
            direction[:] = 0.0
            continue
        gap = sense * (upper - bound)
        if gap <= 0 or step < LEAST_STEP:
            break
        if not _advance(
            prices, gradient, direction, most, sense, step * max(gap, 1e-3 * abs(upper)), memory
        ):
            break
    return step


@njit(cache=True, nogil=True)
def _advance(prices, gradient, direction, most, sense, length, memory):
    """Move prices along the deflected subgradient; tell whether there was a direction."""
    norm = 0.0
    for i in range(len(prices)):
        slope = gradient[i]
        if prices[i] <= 0.0 and sense * slope < 0.0:
            slope = 0.0
        direction[i] = (1.0 - memory) * slope + memory * direction[i]
        norm += direction[i] * direction[i]
    if norm <= TINY:
        return False
    for i in range(len(prices)):
        moved = prices[i] + sense * length / norm * direction[i]
        prices[i] = min(max(moved, 0.0), most[i])
    return True
