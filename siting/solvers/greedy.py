"""First answers: greedy choices on prices, and deleting what is not needed."""

# ruff: noqa: ANN001, ANN202, PLR0912, PLR0917, SIM110
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.models.presolve import SetCover

#: Gain at or below which a column adds nothing but rounding.
TINY = 1e-12


def greedy_cover(
    problem: SetCover,
    prices: npt.NDArray[np.float64],
    *,
    start: npt.NDArray[np.intp] | None = None,
) -> npt.NDArray[np.intp]:
    """Choose columns of least cost per price served until every need is met, then prune.

    Parameters
    ----------
    prices
        How much serving each row is worth, shape (r,); zero prices count a little.
    start
        Columns taken first.

    Returns
    -------
    numpy.ndarray
        Chosen columns, ascending; every hard row and every target's need is met.
    """
    p = problem
    floor = 1e-6 * float(prices.mean()) + 1e-12 if len(prices) else 0.0
    chosen = np.zeros(p.columns, dtype=np.bool_)
    if start is not None:
        chosen[start] = True
    by_row = p.weights.tocsr()
    counts = np.zeros(p.rows, dtype=np.int32)
    left = p.aim.copy()
    _greedy(
        p.row_ptr,
        p.row_cols,
        p.col_ptr,
        p.col_rows,
        p.cost,
        p.group_ptr,
        p.forced,
        p.hard,
        by_row.indptr,
        by_row.indices,
        by_row.data,
        prices + floor,
        chosen,
        counts,
        left,
    )
    return prune(problem, np.flatnonzero(chosen))


def prune(problem: SetCover, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Drop columns that are not needed, the dearest first; return the rest, ascending."""
    p = problem
    chosen = np.zeros(p.columns, dtype=np.bool_)
    chosen[columns] = True
    by_row = p.weights.tocsr()
    order = columns[np.lexsort((columns, np.diff(p.col_ptr)[columns], -p.cost[columns]))]
    group_of = np.repeat(np.arange(len(p.forced)), np.diff(p.group_ptr))
    _prune(
        order.astype(np.int64),
        p.col_ptr,
        p.col_rows,
        group_of,
        p.forced,
        p.hard,
        by_row.indptr,
        by_row.indices,
        by_row.data,
        chosen,
        p.aim.copy(),
        p.rows,
    )
    return np.flatnonzero(chosen)


@njit(cache=True)
def _greedy(
    row_ptr,
    row_cols,
    col_ptr,
    col_rows,
    cost,
    group_ptr,
    forced,
    hard,
    wt_ptr,
    wt_target,
    wt_value,
    prices,
    chosen,
    counts,
    left,
):
    wanted = np.zeros(len(hard), dtype=np.bool_)
    gain = np.zeros(len(cost))
    for i in range(len(hard)):
        wanted[i] = hard[i] or _still(wt_ptr, wt_target, left, i)
        if wanted[i]:
            for entry in range(row_ptr[i], row_ptr[i + 1]):
                gain[row_cols[entry]] += prices[i]
    _force(cost, group_ptr, forced, gain, chosen)
    given = np.flatnonzero(chosen)
    place = 0
    while True:
        if place < len(given):
            take = given[place]
            place += 1
        else:
            take = _next(cost, gain, chosen, hard, counts, left)
            if take < 0:
                break
            chosen[take] = True
        for entry in range(col_ptr[take], col_ptr[take + 1]):
            i = col_rows[entry]
            counts[i] += 1
            if counts[i] > 1:
                continue
            if wanted[i]:
                wanted[i] = False
                for other in range(row_ptr[i], row_ptr[i + 1]):
                    gain[row_cols[other]] -= prices[i]
            for other in range(wt_ptr[i], wt_ptr[i + 1]):
                target = wt_target[other]
                before = left[target]
                left[target] -= wt_value[other]
                if before > 0 >= left[target]:
                    _retire(row_ptr, row_cols, hard, wt_ptr, wt_target, prices, wanted, left, gain)


@njit(cache=True)
def _still(wt_ptr, wt_target, left, row):
    """Tell whether a target that is not met counts a row."""
    for entry in range(wt_ptr[row], wt_ptr[row + 1]):
        if left[wt_target[entry]] > 0:
            return True
    return False


@njit(cache=True)
def _force(cost, group_ptr, forced, gain, chosen):
    """Choose the best column of every forced group that has none."""
    for group in range(len(forced)):
        if not forced[group]:
            continue
        best = group_ptr[group]
        for column in range(group_ptr[group], group_ptr[group + 1]):
            if chosen[column]:
                best = -1
                break
            if cost[column] - gain[column] < cost[best] - gain[best]:
                best = column
        if best >= 0:
            chosen[best] = True


@njit(cache=True)
def _next(cost, gain, chosen, hard, counts, left):
    """Return the column of least cost per gain, or -1 when every need is met."""
    best, best_ratio = -1, np.inf
    for column in range(len(cost)):
        if gain[column] > TINY and not chosen[column]:
            ratio = cost[column] / gain[column]
            if ratio < best_ratio:
                best, best_ratio = column, ratio
    if len(left) and left.max() > 0:
        return best
    for i in range(len(hard)):
        if hard[i] and counts[i] == 0:
            return best
    return -1


@njit(cache=True)
def _retire(
    row_ptr,
    row_cols,
    hard,
    wt_ptr,
    wt_target,
    prices,
    wanted,
    left,
    gain,
):
    """Stop wanting the soft rows that no unmet target counts."""
    for i in range(len(hard)):
        if not wanted[i] or hard[i]:
            continue
        if not _still(wt_ptr, wt_target, left, i):
            wanted[i] = False
            for entry in range(row_ptr[i], row_ptr[i + 1]):
                gain[row_cols[entry]] -= prices[i]


@njit(cache=True)
def _prune(
    order,
    col_ptr,
    col_rows,
    group_of,
    forced,
    hard,
    wt_ptr,
    wt_target,
    wt_value,
    chosen,
    left,
    rows,
):
    counts = np.zeros(rows, dtype=np.int32)
    in_group = np.zeros(len(forced), dtype=np.int32)
    for column in order:
        in_group[group_of[column]] += 1
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            i = col_rows[entry]
            counts[i] += 1
            if counts[i] == 1:
                for other in range(wt_ptr[i], wt_ptr[i + 1]):
                    left[wt_target[other]] -= wt_value[other]
    loss = np.zeros(len(left))
    for column in order:
        group = group_of[column]
        if forced[group] and in_group[group] == 1:
            continue
        loss[:] = 0.0
        if not _spare(column, col_ptr, col_rows, hard, wt_ptr, wt_target, wt_value, counts, loss):
            continue
        if np.any((loss > 0) & (left + loss > 0)):
            continue
        chosen[column] = False
        in_group[group] -= 1
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            counts[col_rows[entry]] -= 1
        left += loss


@njit(cache=True)
def _spare(column, col_ptr, col_rows, hard, wt_ptr, wt_target, wt_value, counts, loss):
    """Tell whether no hard row needs a column; add up what the targets would lose."""
    for entry in range(col_ptr[column], col_ptr[column + 1]):
        i = col_rows[entry]
        if counts[i] == 1:
            if hard[i]:
                return False
            for other in range(wt_ptr[i], wt_ptr[i + 1]):
                loss[wt_target[other]] += wt_value[other]
    return True
