"""Service in which every demand point is served whole by one option, compiled local search."""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit

#: Demand points above which only moves that begin with a gain are tried.
MANY = 2000
#: Rounds of moves over all demand points.
ROUNDS = 40


@njit(cache=True, nogil=True)
def serve_whole(opened, weight, capacity, rows, unit, amounts, outside, place):
    """Assign whole demand points to open options, beginning with a service that may be split.

    Parameters
    ----------
    opened
        Which options are open, (m,).
    weight, capacity
        Demand (n,) and capacities (m,).
    rows
        ``(start, row, row_start, option, place)`` of the network.
    unit
        Cost of a unit of demand on each arc.
    amounts
        A service within the capacities, by arc; what is whole in it is kept at first.
    outside
        Cost of a unit of each demand point left out, (n,).
    place
        Becomes the arc that serves each demand point, as a position in the arcs by demand point;
        -1 for none.
    """
    row_start, option, arc = rows[2], rows[3], rows[4]
    n, m = len(weight), len(capacity)
    room = capacity * (1.0 + 1e-12)
    head, follow, back = (
        np.full(m, -1, np.int32),
        np.full(n, -1, np.int32),
        np.full(n, -1, np.int32),
    )
    lists = (head, follow, back)
    pieces = np.zeros(n, dtype=np.bool_)
    for i in range(n):
        place[i] = -1
        q = _main_arc(i, weight, rows, amounts)
        if q >= 0 and room[option[q]] >= weight[i]:
            _enter(i, q, place, option, weight, room, lists)
        pieces[i] = place[i] < 0
    split = np.flatnonzero(pieces)
    for i in split[np.argsort(-weight[split], kind="mergesort")]:
        best, least = np.int64(-1), outside[i]
        for q in range(row_start[i], row_start[i + 1]):
            j = option[q]
            if opened[j] and room[j] >= weight[i] and unit[arc[q]] < least:
                best, least = q, unit[arc[q]]
        if best >= 0:
            _enter(i, best, place, option, weight, room, lists)
    for _ in range(ROUNDS):
        moved = False
        for i in range(n):
            if weight[i] > 0.0 and _better(
                i, opened, weight, rows, unit, outside, place, room, lists
            ):
                moved = True
        if not moved:
            break


@njit(cache=True, nogil=True)
def _main_arc(i, weight, rows, amounts):
    """Return the arc that serves demand i whole, -1 when there is none."""
    row_start, _, arc = rows[2:]
    for q in range(row_start[i], row_start[i + 1]):
        if weight[i] > 0.0 and amounts[arc[q]] >= weight[i] * (1.0 - 1e-12):
            return q
    return -1


@njit(cache=True, nogil=True)
def _enter(i, q, place, option, weight, room, lists):
    """Put a demand point on one of its arcs."""
    head, follow, back = lists
    j = option[q]
    place[i] = q
    room[j] -= weight[i]
    follow[i], back[i] = head[j], -1
    if head[j] >= 0:
        back[head[j]] = i
    head[j] = i


@njit(cache=True, nogil=True)
def _leave(i, place, option, weight, room, lists):
    """Take a demand point off its arc."""
    head, follow, back = lists
    if place[i] < 0:
        return
    j = option[place[i]]
    room[j] += weight[i]
    if back[i] >= 0:
        follow[back[i]] = follow[i]
    else:
        head[j] = follow[i]
    if follow[i] >= 0:
        back[follow[i]] = back[i]
    place[i] = -1


@njit(cache=True, nogil=True)
def _better(i, opened, weight, rows, unit, outside, place, room, lists):
    """Move demand i, alone or with one other, when that costs less; tell whether it did."""
    row_start, option, arc = rows[2], rows[3], rows[4]
    w, here = weight[i], place[i]
    cost = w * (unit[arc[here]] if here >= 0 else outside[i])
    least = -1e-10 * (1.0 + cost)
    best, other, target = np.int64(-1), np.int64(-1), np.int64(-1)
    for q in range(row_start[i], row_start[i + 1]):
        h = option[q]
        if not opened[h] or q == here:
            continue
        change = w * unit[arc[q]] - cost
        if room[h] >= w:
            if change < least:
                best, other, least = q, -1, change
        elif len(weight) <= MANY or change < 0.0:
            r, p, both = _make_room(
                i, h, change, least, opened, weight, rows, unit, outside, place, room, lists
            )
            if r >= 0:
                best, other, target, least = q, r, p, both
    if best < 0:
        return False
    _leave(i, place, option, weight, room, lists)
    if other >= 0:
        _leave(other, place, option, weight, room, lists)
        if target >= 0:
            _enter(other, target, place, option, weight, room, lists)
    _enter(i, best, place, option, weight, room, lists)
    return True


@njit(cache=True, nogil=True)
def _make_room(i, h, change, least, opened, weight, rows, unit, outside, place, room, lists):
    """Return which demand point of option h should go where so that demand i fits.

    -1 for the point when none helps, -1 for the arc when it is to be left out; and the change of
    the cost.
    """
    row_start, option, arc = rows[2], rows[3], rows[4]
    head, follow, _ = lists
    w, here = weight[i], place[i]
    home = option[here] if here >= 0 else -1
    other, target = -1, -1
    r = head[h]
    while r >= 0:
        if weight[r] > 0.0 and room[h] + weight[r] >= w:
            base = change - weight[r] * unit[arc[place[r]]]
            for p in range(row_start[r], row_start[r + 1]):
                g = option[p]
                space = room[g] + (w if g == home else 0.0)
                both = base + weight[r] * unit[arc[p]]
                if opened[g] and g != h and both < least and space >= weight[r]:
                    other, target, least = r, p, both
            both = base + weight[r] * outside[r]
            if both < least:
                other, target, least = r, -1, both
        r = follow[r]
    return other, target, least
