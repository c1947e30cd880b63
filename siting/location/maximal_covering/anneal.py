"""Heat-bath exchange: one option leaves, the place is drawn by what each other option would add."""

# ruff: noqa: ANN001, ANN201, C901, PLR0912, PLR0915, PLR0917
# Compiled functions take plain arrays, numba infers their types; one pass is one function.

from __future__ import annotations

import numpy as np
from numba import njit

from siting.location.maximal_covering.tables import draw, join, leave


@njit(cache=True, nogil=True)
def anneal(cover, tables, chosen, movable, free, top, best, value, hot, cold, span, random):
    """Exchange options while the heat falls from `hot` to `cold`.

    Steps ``span[0]`` to ``span[1]`` of ``span[2]``. `chosen` lists the selection, of which the
    first `movable` may leave; `free` marks options that may join; `top` is work space for the
    best gains. ``value`` holds what the selection and the best one serve, `best` are flags of that.

    Notes
    -----
    The option that leaves is drawn evenly; the one that takes its place (itself included) with a
    probability that grows as ``exp(change / heat)``, drawn by adding Gumbel noise to each change.
    """
    columns = len(cover.col_ptr) - 1
    back = np.zeros(columns)
    touched = np.empty(columns, dtype=np.int32)
    seen = np.zeros(columns, dtype=np.bool_)
    step, until, total = span
    cooling = np.log(cold / hot)
    for now in range(step, until):
        heat = hot * np.exp(cooling * now / total)
        if now % 64 == 0 or now == step:
            best_gains(tables, free, top)
        at = int(draw(random) * movable)
        o = np.int64(chosen[at])
        size = 0
        for entry in range(cover.col_ptr[o], cover.col_ptr[o + 1]):
            i = cover.col_row[entry]
            gap = tables.covers[i] - cover.need[i]
            if gap > 0 or gap < -1:
                continue
            weight = cover.weight[i] if gap == 0 else -cover.weight[i]
            if gap == -1 and cover.need[i] == 1:
                continue
            for place in range(cover.row_ptr[i], cover.row_ptr[i + 1]):
                j = cover.row_col[place]
                if not seen[j]:
                    seen[j] = True
                    touched[size] = j
                    size += 1
                back[j] += weight
        loss = tables.loss[o]
        pick, delta, most = o, 0.0, -heat * np.log(-np.log(draw(random) + 1e-300) + 1e-300)
        for place in range(size):
            j = np.int64(touched[place])
            if free[j] and not tables.inside[j]:
                change = tables.gain[j] + back[j] - loss
                if change > -20.0 * heat and change + 40.0 * heat > most:
                    score = change - heat * np.log(-np.log(draw(random) + 1e-300) + 1e-300)
                    if score > most:
                        pick, delta, most = j, change, score
        for place in range(2):
            j = np.int64(top[int(draw(random) * len(top)) if place == 0 else 0])
            if j >= 0 and free[j] and not tables.inside[j]:
                change = tables.gain[j] + back[j] - loss
                if change > -20.0 * heat:
                    score = change - heat * np.log(-np.log(draw(random) + 1e-300) + 1e-300)
                    if score > most:
                        pick, delta, most = j, change, score
        for place in range(size):
            back[touched[place]] = 0.0
            seen[touched[place]] = False
        if pick == o:
            continue
        leave(cover, tables, o)
        join(cover, tables, pick)
        chosen[at] = pick
        value[0] += delta
        if value[0] > value[1] + 1e-9 * abs(value[1]):
            value[1] = value[0]
            best[:] = tables.inside


@njit(cache=True, nogil=True)
def best_gains(tables, free, top):
    """Fill `top` with options of the highest gains, best first, -1 where there are none."""
    size = len(top)
    values = np.full(size, -1.0)
    top[:] = -1
    for j in range(len(tables.gain)):
        gain = tables.gain[j]
        if gain <= values[size - 1] or tables.inside[j] or not free[j]:
            continue
        place = size - 1
        while place > 0 and values[place - 1] < gain:
            values[place] = values[place - 1]
            top[place] = top[place - 1]
            place -= 1
        values[place] = gain
        top[place] = j
