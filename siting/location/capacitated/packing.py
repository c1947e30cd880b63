"""What each option would serve at given prices when demand is served whole, compiled.

The 0-1 knapsack ``V_j(u) = min sum_i w_i (d_ij - u_i) x_i,  x binary,  sum_i w_i x_i <= c_j`` by
dynamic programming over the room, in units of the greatest divisor of the demands.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _wanted(j, u, size, room, weight, arcs, item, value):
    """List the arcs of option j that are worth serving; return their number, size and worth."""
    start, row, unit = arcs
    count, total, worth = 0, 0, 0.0
    for q in range(start[j], start[j + 1]):
        i = row[q]
        e = weight[i] * (unit[q] - u[i])
        if e < 0.0 and size[i] <= room[j]:
            item[count], value[count] = q, e
            total += size[i]
            worth += e
            count += 1
    return count, total, worth


@njit(cache=True, nogil=True)
def _longest(start):
    longest = 1
    for j in range(len(start) - 1):
        longest = max(longest, start[j + 1] - start[j])
    return longest


@njit(cache=True, nogil=True)
def pack(u, flag, size, room, weight, base, arcs, reduced, taken):
    """Set ``base_j + V_j(u)`` of every option not left out, and mark the arcs it would serve."""
    start, row, _ = arcs
    longest = _longest(start)
    item, value = np.empty(longest, np.int32), np.empty(longest)
    best = np.empty(room.max() + 1)
    marks = np.empty((longest, room.max() + 1), np.uint8)
    for j in range(len(room)):
        reduced[j] = base[j]
        for q in range(start[j], start[j + 1]):
            taken[q] = 0
        if flag[j] < 0:
            continue
        count, total, worth = _wanted(j, u, size, room, weight, arcs, item, value)
        if total <= room[j]:
            reduced[j] += worth
            for k in range(count):
                taken[item[k]] = 1
            continue
        width = room[j]
        best[: width + 1] = 0.0
        for k in range(count):
            s, e = size[row[item[k]]], value[k]
            marks[k, : width + 1] = 0
            for r in range(width, s - 1, -1):
                v = best[r - s] + e
                if v < best[r]:
                    best[r] = v
                    marks[k, r] = 1
        reduced[j] += best[width]
        r = width
        for k in range(count - 1, -1, -1):
            if marks[k, r]:
                taken[item[k]] = 1
                r -= size[row[item[k]]]


@njit(cache=True, nogil=True)
def _table(count, width, item, value, size, row, way, table):
    """Fill ``table[k, r]``, the least worth of the first k items, or the last, within r."""
    table[0, : width + 1] = 0.0
    for k in range(count):
        at = k if way > 0 else count - 1 - k
        s, e = size[row[item[at]]], value[at]
        for r in range(width + 1):
            v = table[k, r]
            if r >= s:
                v = min(v, table[k, r - s] + e)
            table[k + 1, r] = v


@njit(cache=True, nogil=True)
def pack_each(u, flag, size, room, weight, arcs, extra):
    """Set by how much serving along each arc raises ``V_j`` of its option; infinite if it cannot.

    Parameters
    ----------
    extra
        One value for each arc, in the order of `arcs`.
    """
    start, row, unit = arcs
    longest = _longest(start)
    item, value = np.empty(longest, np.int32), np.empty(longest)
    ahead = np.empty((longest + 1, room.max() + 1))
    behind = np.empty((longest + 1, room.max() + 1))
    for j in range(len(room)):
        for q in range(start[j], start[j + 1]):
            extra[q] = np.inf
        if flag[j] < 0:
            continue
        width = room[j]
        count, _, _ = _wanted(j, u, size, room, weight, arcs, item, value)
        _table(count, width, item, value, size, row, np.int64(1), ahead)
        _table(count, width, item, value, size, row, np.int64(-1), behind)
        now = ahead[count, width]
        for q in range(start[j], start[j + 1]):
            left = width - size[row[q]]
            if left >= 0:
                e = weight[row[q]] * (unit[q] - u[row[q]])
                extra[q] = e + ahead[count, left] - now
        for k in range(count):
            left, least = width - size[row[item[k]]], np.inf
            for r in range(left + 1):
                least = min(least, ahead[k, r] + behind[count - 1 - k, left - r])
            extra[item[k]] = value[k] + least - now


@njit(cache=True, nogil=True)
def supply_whole(chosen, taken, arcs, cover):
    """Add to `cover` how often each demand point is served by the chosen options."""
    start, row, _ = arcs
    for j in range(len(chosen)):
        if chosen[j] > 0.0:
            for q in range(start[j], start[j + 1]):
                if taken[q]:
                    cover[row[q]] += chosen[j]
