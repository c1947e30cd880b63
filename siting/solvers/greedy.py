"""First answers: greedy choices on prices, and deleting what is not needed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.models.presolve import SetCover


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
def _greedy(  # noqa: ANN202, PLR0917, PLR0915, C901, PLR0912 - one compiled pass
    row_ptr,
    row_cols,
    col_ptr,
    col_rows,
    cost,
    group_ptr,
    forced,
    hard,  # noqa: ANN001
    wt_ptr,
    wt_target,
    wt_value,
    prices,
    chosen,
    counts,
    left,  # noqa: ANN001
):
    columns, rows = len(cost), len(hard)
    open_rows = 0
    wanted = np.zeros(rows, dtype=np.bool_)
    for i in range(rows):
        wanted[i] = hard[i]
        for entry in range(wt_ptr[i], wt_ptr[i + 1]):
            if left[wt_target[entry]] > 0:
                wanted[i] = True
        if hard[i]:
            open_rows += 1
    gain = np.zeros(columns)
    for i in range(rows):
        if wanted[i]:
            for entry in range(row_ptr[i], row_ptr[i + 1]):
                gain[row_cols[entry]] += prices[i]
    queue = np.empty(columns, dtype=np.int64)
    length = 0
    for group in range(len(forced)):
        if forced[group]:
            best, has = group_ptr[group], False
            for column in range(group_ptr[group], group_ptr[group + 1]):
                has = has or chosen[column]
                if cost[column] - gain[column] < cost[best] - gain[best]:
                    best = column
            if not has:
                chosen[best] = True
    for column in range(columns):
        if chosen[column]:
            queue[length] = column
            length += 1
    place = 0
    while True:
        if place < length:
            take = queue[place]
            place += 1
        else:
            unmet = open_rows > 0
            for target in range(len(left)):
                unmet = unmet or left[target] > 0
            if not unmet:
                break
            take, best_ratio = -1, np.inf
            for column in range(columns):
                if gain[column] > 1e-12 and not chosen[column]:
                    ratio = cost[column] / gain[column]
                    if ratio < best_ratio:
                        take, best_ratio = column, ratio
            if take < 0:
                break
            chosen[take] = True
        for entry in range(col_ptr[take], col_ptr[take + 1]):
            i = col_rows[entry]
            counts[i] += 1
            if counts[i] > 1:
                continue
            if hard[i]:
                open_rows -= 1
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
def _retire(  # noqa: ANN202, PLR0917
    row_ptr,
    row_cols,
    hard,
    wt_ptr,
    wt_target,
    prices,
    wanted,
    left,
    gain,  # noqa: ANN001
):
    """Stop wanting the soft rows that no unmet target counts."""
    for i in range(len(hard)):
        if not wanted[i] or hard[i]:
            continue
        still = False
        for entry in range(wt_ptr[i], wt_ptr[i + 1]):
            still = still or left[wt_target[entry]] > 0
        if not still:
            wanted[i] = False
            for entry in range(row_ptr[i], row_ptr[i + 1]):
                gain[row_cols[entry]] -= prices[i]


@njit(cache=True)
def _prune(  # noqa: ANN202, PLR0917, C901
    order,
    col_ptr,
    col_rows,
    group_of,
    forced,
    hard,  # noqa: ANN001
    wt_ptr,
    wt_target,
    wt_value,
    chosen,
    left,
    rows,  # noqa: ANN001
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
        needed = False
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            i = col_rows[entry]
            if counts[i] == 1:
                if hard[i]:
                    needed = True
                    break
                for other in range(wt_ptr[i], wt_ptr[i + 1]):
                    loss[wt_target[other]] += wt_value[other]
        for target in range(len(left)):
            if loss[target] > 0 and left[target] + loss[target] > 0:
                needed = True
        if needed:
            continue
        chosen[column] = False
        in_group[group] -= 1
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            counts[col_rows[entry]] -= 1
        for target in range(len(left)):
            left[target] += loss[target]
