"""An answer that changes column by column: what it serves, and what every column adds or holds."""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917, PLR0912, SIM110, NPY002
# Compiled functions take plain arrays, whose types numba infers, and draw from its own generator.

from __future__ import annotations

from collections import namedtuple

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.partial_covering.problem import ColumnCover, FloatArray, IndexArray

#: Chosen columns on a row at which its only one is no longer alone.
PAIR = 2

#: Stands for no column where one cannot be chosen.
CANNOT = -2
#: Relative rounding of what a column is worth, a difference of two costs.
ROUNDING = 1e-12

#: The problem as arrays compiled code can take. `price` is what serving a hard row is worth,
#: `worth` what a unit of a target's weight is; the targets a column can serve are its slots.
Arrays = namedtuple(  # noqa: PYI024 - compiled code takes plain named tuples
    "Arrays",
    "row_ptr row_cols col_ptr col_rows cost group_of group_ptr group_cost group_most strict forced "
    "rival_ptr rival hard price wt_ptr wt_target wt_value worth slot_ptr slot_target",
)
#: The answer and what it leaves open. `hard_rows`, `hard_price` and `gain` (per slot) are what a
#: column would add (not chosen) or alone serves (chosen); `queue` lists the columns whose figures
#: changed, its last place how many; `rivals` counts the chosen columns that exclude a column.
State = namedtuple(  # noqa: PYI024
    "State",
    "chosen counts owners in_group rivals hard_rows hard_price gain left touched queue open_rows",
)


def arrays_of(problem: ColumnCover, prices: FloatArray, multipliers: FloatArray) -> Arrays:
    """Return a problem as compiled code takes it, priced by multipliers of its relaxation."""
    p = problem
    active = np.flatnonzero(p.need > 0)
    by_row = p.weights[:, active].tocsr()
    by_row.sort_indices()
    mean = float(p.cost.mean()) if p.columns else 0.0
    typical = max(float(p.cost.min(initial=mean)), 1e-3 * mean) or 1.0
    typical /= float(p.need.max(initial=0.0)) or 1.0
    floor = 1e-3 * float(prices[: p.rows][p.hard].mean()) + 1e-9 if p.hard.any() else 1e-9
    wt_ptr, wt_target = by_row.indptr.astype(np.int32), by_row.indices.astype(np.int32)
    slot_ptr, slot_target = _slots(p.col_ptr, p.col_rows, wt_ptr, wt_target, len(active))
    rival_ptr, rival = _rivals(p)
    return Arrays(
        p.row_ptr,
        p.row_cols,
        p.col_ptr,
        p.col_rows,
        p.cost,
        p.group_of,
        p.group_ptr,
        p.group_cost,
        p.group_most,
        p.strict,
        p.forced,
        rival_ptr,
        rival,
        p.hard,
        np.where(p.hard, prices[: p.rows] + floor, 0.0),
        wt_ptr,
        wt_target,
        by_row.data.astype(np.float64),
        np.maximum(multipliers[active], typical).astype(np.float64),
        slot_ptr,
        slot_target,
    )


def _rivals(problem: ColumnCover) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return, per column, the columns it excludes."""
    one = np.concatenate([problem.pairs[:, 0], problem.pairs[:, 1]])
    other = np.concatenate([problem.pairs[:, 1], problem.pairs[:, 0]])
    order = np.lexsort((other, one))
    pointer = np.concatenate([[0], np.cumsum(np.bincount(one, minlength=problem.columns))])
    return pointer.astype(np.int32), other[order].astype(np.int32)


def state_of(problem: ColumnCover, arrays: Arrays) -> State:
    """Return the answer that chooses nothing."""
    p = problem
    aim = p.aim[p.need > 0].astype(np.float64)
    state = State(
        np.zeros(p.columns, dtype=np.bool_),
        np.zeros(p.rows, dtype=np.int32),
        np.zeros(p.rows, dtype=np.int64),
        np.zeros(len(p.forced), dtype=np.int32),
        np.zeros(p.columns, dtype=np.int32),
        np.zeros(p.columns, dtype=np.int32),
        np.zeros(p.columns),
        np.zeros(len(arrays.slot_target)),
        aim,
        np.zeros(p.columns, dtype=np.bool_),
        np.zeros(p.columns + 1, dtype=np.int64),
        np.array([int(p.hard.sum())], dtype=np.int64),
    )
    open_all(arrays, state)
    return state


def take(arrays: Arrays, state: State, columns: IndexArray) -> None:
    """Choose some columns."""
    for column in columns:
        toggle(arrays, state, int(column))


@njit(cache=True, nogil=True)
def _slots(col_ptr, col_rows, wt_ptr, wt_target, targets):
    """List the targets every column can serve."""
    columns = len(col_ptr) - 1
    seen = np.full(targets, -1, dtype=np.int64)
    pointer = np.zeros(columns + 1, dtype=np.int32)
    for c in range(columns):
        number = 0
        for entry in range(col_ptr[c], col_ptr[c + 1]):
            i = col_rows[entry]
            for other in range(wt_ptr[i], wt_ptr[i + 1]):
                if seen[wt_target[other]] != c:
                    seen[wt_target[other]] = c
                    number += 1
        pointer[c + 1] = pointer[c] + number
    found = np.empty(pointer[columns], dtype=np.int32)
    seen[:] = -1
    for c in range(columns):
        place = pointer[c]
        for entry in range(col_ptr[c], col_ptr[c + 1]):
            i = col_rows[entry]
            for other in range(wt_ptr[i], wt_ptr[i + 1]):
                if seen[wt_target[other]] != c:
                    seen[wt_target[other]] = c
                    found[place] = wt_target[other]
                    place += 1
    return pointer, found


@njit(cache=True, nogil=True)
def open_all(p, s):
    """Fill what every column would add to an empty answer."""
    for c in range(len(p.cost)):
        for place in range(p.col_ptr[c], p.col_ptr[c + 1]):
            i = p.col_rows[place]
            if p.hard[i]:
                s.hard_rows[c] += 1
                s.hard_price[c] += p.price[i]
            for entry in range(p.wt_ptr[i], p.wt_ptr[i + 1]):
                slot = p.slot_ptr[c]
                while p.slot_target[slot] != p.wt_target[entry]:
                    slot += 1
                s.gain[slot] += p.wt_value[entry]


@njit(cache=True, nogil=True)
def _touch(touched, queue, column):
    """Remember a column whose figures changed."""
    if not touched[column]:
        touched[column] = True
        queue[queue[-1]] = column
        queue[-1] += 1


@njit(cache=True, nogil=True)
def forget(s):
    """Empty the list of columns whose figures changed."""
    for place in range(s.queue[-1]):
        s.touched[s.queue[place]] = False
    s.queue[-1] = 0


@njit(cache=True, nogil=True)
def toggle(p, s, column):
    """Choose a column, or give it up; return what that costs. Its own figures stay."""
    adding = not s.chosen[column]
    step = 1 if adding else -1
    s.chosen[column] = adding
    group = p.group_of[column]
    s.in_group[group] += step
    paid = p.cost[column]
    if s.in_group[group] == (1 if adding else 0):
        paid += p.group_cost[group]
    for entry in range(p.rival_ptr[column], p.rival_ptr[column + 1]):
        s.rivals[p.rival[entry]] += step
        _touch(s.touched, s.queue, p.rival[entry])
    _serve(
        p.col_rows,
        p.col_ptr[column],
        p.col_ptr[column + 1],
        column,
        step,
        p.row_ptr,
        p.row_cols,
        p.hard,
        p.price,
        p.wt_ptr,
        p.wt_target,
        p.wt_value,
        p.slot_ptr,
        p.slot_target,
        s.counts,
        s.owners,
        s.hard_rows,
        s.hard_price,
        s.gain,
        s.left,
        s.touched,
        s.queue,
        s.open_rows,
    )
    _touch(s.touched, s.queue, column)
    return step * paid


@njit(cache=True, nogil=True)
def _serve(
    col_rows,
    first,
    last,
    column,
    step,
    row_ptr,
    row_cols,
    hard,
    price,
    wt_ptr,
    wt_target,
    wt_value,
    slot_ptr,
    slot_target,
    counts,
    owners,
    hard_rows,
    hard_price,
    gain,
    left,
    touched,
    queue,
    open_rows,
):
    """Serve a column's rows once more (step 1) or less (-1), and let the other columns know."""
    for place in range(first, last):
        i = col_rows[place]
        counts[i] += step
        owners[i] += step * column
        now = counts[i]
        alone = -1
        if now == (1 if step > 0 else 0):
            # the row changes sides, for every other column
            start, stop = row_ptr[i], row_ptr[i + 1]
            if hard[i]:
                open_rows[0] -= step
            for entry in range(wt_ptr[i], wt_ptr[i + 1]):
                left[wt_target[entry]] -= step * wt_value[entry]
        elif now == (PAIR if step > 0 else 1):
            # the one that served the row alone, or does so now
            alone = owners[i] - column if step > 0 else owners[i]
            start, stop = 0, 1
        else:
            continue
        for other in range(start, stop):
            c = row_cols[other] if alone < 0 else alone
            if c == column:
                continue
            if hard[i]:
                hard_rows[c] -= step
                hard_price[c] -= step * price[i]
            else:
                for entry in range(wt_ptr[i], wt_ptr[i + 1]):
                    slot = slot_ptr[c]
                    while slot_target[slot] != wt_target[entry]:
                        slot += 1
                    gain[slot] -= step * wt_value[entry]
            if not touched[c]:
                touched[c] = True
                queue[queue[-1]] = c
                queue[-1] += 1


@njit(cache=True, nogil=True)
def price_in(p, s, column):
    """Return what a column costs now, its group included when it is the first there."""
    group = p.group_of[column]
    return p.cost[column] + (p.group_cost[group] if s.in_group[group] == 0 else 0.0)


@njit(cache=True, nogil=True)
def change_in(p, s, column):
    """Return by how much choosing a column raises cost less worth; infinite against the rules.

    It is the search's innermost question, so it calls nothing: a call would copy both tuples.
    """
    group = p.group_of[column]
    if s.rivals[column] > 0 or (p.strict and s.in_group[group] >= p.group_most[group]):
        return np.inf
    change = p.cost[column]
    if s.in_group[group] == 0:
        change += p.group_cost[group]
    if s.hard_rows[column] > 0:
        change -= s.hard_price[column]
    for slot in range(p.slot_ptr[column], p.slot_ptr[column + 1]):
        t = p.slot_target[slot]
        if s.left[t] > 0.0:
            change -= p.worth[t] * min(s.gain[slot], s.left[t])
    return change


@njit(cache=True, nogil=True)
def unmet(s):
    """Tell whether anything is still to be served."""
    if s.open_rows[0] > 0:
        return True
    for t in range(len(s.left)):
        if s.left[t] > 0.0:
            return True
    return False


@njit(cache=True, nogil=True)
def needless(p, s, column):
    """Tell whether a chosen column can go."""
    if s.hard_rows[column] > 0:
        return False
    group = p.group_of[column]
    if p.forced[group] and s.in_group[group] == 1:
        return False
    for slot in range(p.slot_ptr[column], p.slot_ptr[column + 1]):
        if s.gain[slot] > 0.0 and s.left[p.slot_target[slot]] + s.gain[slot] > 0.0:
            return False
    return True


@njit(cache=True, nogil=True)
def _replaced(p, s, column):
    """Return the column that would have to go for another, -1 for none, or CANNOT."""
    group = p.group_of[column]
    if s.chosen[column] or s.rivals[column] > 0:
        return np.int64(CANNOT)
    if not p.strict or s.in_group[group] < p.group_most[group]:
        return np.int64(-1)
    if p.group_most[group] != 1:
        return np.int64(CANNOT)
    instead = np.int64(p.group_ptr[group])
    while not s.chosen[instead]:
        instead += 1
    return instead


@njit(cache=True, nogil=True)
def _ratio(p, s, column, instead, mark, lost):
    """Return what choosing a column is worth per cost; what alone serves that it replaces is lost.

    `mark` (rows) and `lost` (targets) are room to work in.
    """
    worth = s.hard_price[column] if s.hard_rows[column] > 0 else 0.0
    price = price_in(p, s, column)
    lost[:] = 0.0
    if instead >= 0:
        price -= p.cost[instead]
        for entry in range(p.col_ptr[column], p.col_ptr[column + 1]):
            mark[p.col_rows[entry]] = column
        for entry in range(p.col_ptr[instead], p.col_ptr[instead + 1]):
            i = p.col_rows[entry]
            if s.counts[i] == 1 and mark[i] != column:
                worth -= p.price[i]
                for weight in range(p.wt_ptr[i], p.wt_ptr[i + 1]):
                    lost[p.wt_target[weight]] += p.wt_value[weight]
    for slot in range(p.slot_ptr[column], p.slot_ptr[column + 1]):
        lost[p.slot_target[slot]] -= s.gain[slot]
    for t in range(len(lost)):
        if lost[t] != 0.0:
            worth += p.worth[t] * (max(s.left[t], 0.0) - max(s.left[t] + lost[t], 0.0))
    if worth <= ROUNDING * p.cost[column]:
        return 0.0
    return worth / price if price > 0.0 else 1e300


@njit(cache=True, nogil=True)
def _pick(p, s, factor, ratio, mark, lost):
    """Return the column of most value per cost and the one it replaces; -1 for none.

    `ratio` holds what columns were worth when last looked at; it seldom grows while others are
    chosen, so that only the best are looked at again, and all of them before giving up.
    """
    for renewed in range(2):
        best, instead, most = np.int64(-1), np.int64(-1), 0.0
        # the one that was best first, so that few others need another look
        start = np.int64(np.argmax(ratio)) if len(ratio) else np.int64(0)
        for step in range(len(ratio) + 1 if len(ratio) else 0):
            c = start if step == 0 else np.int64(step - 1)
            if ratio[c] > most:
                other = _replaced(p, s, c)
                able = other > CANNOT
                ratio[c] = factor[c] * _ratio(p, s, c, other, mark, lost) if able else 0.0
                if ratio[c] > most:
                    best, instead, most = c, other, ratio[c]
        if best >= 0:
            return best, instead
        if renewed == 0:
            ratio[:] = np.inf
    return np.int64(-1), np.int64(-1)


@njit(cache=True, nogil=True)
def fill(p, s, noise):
    """Choose the column of most value per cost until everything is met; tell whether it is."""
    for group in range(len(p.forced)):
        if p.forced[group] and s.in_group[group] == 0:
            best, least = np.int64(-1), np.inf
            for column in range(np.int64(p.group_ptr[group]), p.group_ptr[group + 1]):
                change = change_in(p, s, column)
                if change < least:
                    best, least = column, change
            if best < 0:
                return False
            toggle(p, s, best)
    columns = len(s.chosen)
    mark, lost = np.full(len(p.hard), -1, dtype=np.int64), np.zeros(len(s.left))
    factor = np.ones(columns)
    for c in range(columns):
        factor[c] += noise * np.random.random()
    ratio = np.full(columns, np.inf)
    while unmet(s):
        best, instead = _pick(p, s, factor, ratio, mark, lost)
        if best < 0:
            return False
        if instead >= 0:
            toggle(p, s, instead)
        toggle(p, s, best)
        group = p.group_of[best]
        ratio[p.group_ptr[group] : p.group_ptr[group + 1]] = np.inf
    return True


@njit(cache=True, nogil=True)
def strip(p, s):
    """Give up chosen columns that are not needed, the dearest first."""
    while True:
        worst, highest = np.int64(-1), -1.0
        for column in range(len(s.chosen)):
            if s.chosen[column] and p.cost[column] > highest and needless(p, s, column):
                worst, highest = column, p.cost[column]
        if worst < 0:
            return
        toggle(p, s, worst)


@njit(cache=True, nogil=True)
def _seeded_fill(p, s, noise, seed):
    np.random.seed(seed)
    return fill(p, s, noise)


def greedy(
    problem: ColumnCover,
    prices: FloatArray,
    multipliers: FloatArray,
    *,
    start: IndexArray | None = None,
    attempts: int = 20,
) -> npt.NDArray[np.intp] | None:
    """Return columns that meet every need, ascending; None when the rules led every try astray.

    Parameters
    ----------
    prices, multipliers
        What serving a row, and a unit of a target's weight, is worth.
    start
        Columns taken first.
    attempts
        Tries, the second and later with noise.
    """
    arrays = arrays_of(problem, prices, multipliers)
    for attempt in range(attempts):
        state = state_of(problem, arrays)
        if start is not None:
            take(arrays, state, start)
        if _seeded_fill(arrays, state, 0.0 if attempt == 0 else 0.5, attempt):
            strip(arrays, state)
            return np.flatnonzero(state.chosen)
    return None
