"""Reduced costs of every disc on a grid, and the few discs that can matter, as compiled kernels."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from siting.location.grid.cover import GridCover, half_widths

#: A disc whose upper estimate stays this far below its cost is not summed exactly.
_SAFE = 1e-6
#: Rows of a disc that one rectangle of the upper estimate spans.
_SLAB = 6


class Lattice(NamedTuple):
    """An instance on a grid padded by the largest reach.

    Parameters
    ----------
    number
        Index of the weighted cell at each place, -1 where there is none (X, Y).
    free
        Places where existing stations permit one (X, Y).
    half
        Half-width of the disc of each kind in each row (k, 2 * pad + 1); -1 outside.
    cost
        Cost of each kind (k,).
    tile
        Side of the squares that hold at most one station [cells].
    """

    number: NDArray[np.int32]
    free: NDArray[np.bool_]
    half: NDArray[np.int64]
    cost: NDArray[np.float64]
    tile: int


class Neighbours(NamedTuple):
    """For each kind and unit shift, the cells a disc loses by it, as CSR over (kind, shift)."""

    shift: NDArray[np.int64]
    start: NDArray[np.int64]
    lost: NDArray[np.int64]


def new_lattice(model: GridCover, tile: int) -> Lattice:
    """Lay `model` out on its padded grid."""
    pad = 1 + int(max(model.min_separation, *(kind.radius for kind in model.kinds)))
    shape = (model.shape[0] + 2 * pad, model.shape[1] + 2 * pad)
    number = np.full(shape, -1, np.int32)
    number[model.xy[:, 0] + pad, model.xy[:, 1] + pad] = np.arange(len(model.xy), dtype=np.int32)
    free = np.zeros(shape, np.bool_)
    free[pad:-pad, pad:-pad] = True
    apart = half_widths(model.min_separation, pad)
    for x, y in (model.existing_xy + pad).tolist():
        for d in range(-pad, pad + 1):
            if apart[d + pad] >= 0:
                free[x + d, y - apart[d + pad] : y + apart[d + pad] + 1] = False
    half = np.stack([half_widths(kind.radius, pad) for kind in model.kinds])
    cost = np.array([float(kind.cost) for kind in model.kinds])
    return Lattice(number, free, half, cost, tile)


def neighbours(half: NDArray[np.int64]) -> Neighbours:
    """List what a disc of each kind loses when it moves by one cell in each of eight directions."""
    pad = (half.shape[1] - 1) // 2
    shifts = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
    lost: list[tuple[int, int]] = []
    start = [0]
    for row in half.tolist():
        disc = {(d - pad, q) for d, h in enumerate(row) for q in range(-h, h + 1) if h >= 0}
        for a, b in shifts:
            lost += sorted(disc - {(x + a, y + b) for x, y in disc})
            start.append(len(lost))
    return Neighbours(np.array(shifts), np.array(start), np.array(lost, np.int64).reshape(-1, 2))


@nb.njit(cache=True, nogil=True)
def price_discs(
    at: Lattice,
    u: NDArray[np.float64],
    margin: float,
    worst: NDArray[np.float64],
    out: NDArray[np.int64],
) -> int:
    """Sum `u` over every disc that may cost less than it earns, or nearly.

    Parameters
    ----------
    at
        The grid.
    u
        Price of each weighted cell [cost], not negative (n,).
    margin
        Discs that earn more than ``1 - margin`` of their cost are listed in `out`.
    worst
        Receives the least reduced cost, at most 0, of each square (a, b).
    out
        Receives kind, x, y of the discs listed (capacity, 3).

    Returns
    -------
    int
        How many discs would be listed; those past the capacity are not.

    Notes
    -----
    A disc is first estimated from above by rectangles, four reads of a two-dimensional running sum
    each, and summed row by row only where the estimate does not rule it out.
    """
    width, height = at.number.shape
    pad = (at.half.shape[1] - 1) // 2
    row = np.zeros((width, height + 1))
    area = np.zeros((width + 1, height + 1))
    for x in range(width):
        for y in range(height):
            i = at.number[x, y]
            row[x, y + 1] = row[x, y] + (u[i] if i >= 0 else 0.0)
            area[x + 1, y + 1] = area[x, y + 1] + row[x, y + 1]
    count = 0
    for k in range(at.cost.size):
        reach = pad
        while at.half[k, pad - reach] < 0:
            reach -= 1
        least = at.cost[k] * (1.0 - margin)
        for x in range(pad, width - pad):
            for y in range(pad, height - pad):
                if not at.free[x, y]:
                    continue
                above = 0.0
                for d in range(-reach, reach + 1, _SLAB):
                    e = min(reach, d + _SLAB - 1)
                    near = 0 if d <= 0 <= e else min(abs(d), abs(e))
                    h = at.half[k, pad + near]
                    above += area[x + e + 1, y + h + 1] - area[x + d, y + h + 1]
                    above -= area[x + e + 1, y - h] - area[x + d, y - h]
                if above < least - _SAFE:
                    continue
                total = 0.0
                for d in range(-reach, reach + 1):
                    h = at.half[k, pad + d]
                    total += row[x + d, y + h + 1] - row[x + d, y - h]
                a, b = (x - pad) // at.tile, (y - pad) // at.tile
                worst[a, b] = min(worst[a, b], at.cost[k] - total)
                if total > least:
                    if count < out.shape[0]:
                        out[count, 0], out[count, 1], out[count, 2] = k, x, y
                    count += 1
    return count


@nb.njit(cache=True, nogil=True)
def dominated(at: Lattice, near: Neighbours, discs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which of `discs` (m, 3) cover no more than a permitted one next to them.

    Of discs that cover the same cells, the one whose neighbour precedes it is dominated, so a
    chain of neighbours always ends at a disc that is not.
    """
    out = np.zeros(discs.shape[0], np.bool_)
    many = near.shift.shape[0]
    for j in range(discs.shape[0]):
        k, x, y = discs[j, 0], discs[j, 1], discs[j, 2]
        for s in range(many):
            p, q = x + near.shift[s, 0], y + near.shift[s, 1]
            if not at.free[p, q]:
                continue
            loses, wins = False, False
            for c in range(near.start[k * many + s], near.start[k * many + s + 1]):
                a, b = near.lost[c, 0], near.lost[c, 1]
                if at.number[x + a, y + b] >= 0:
                    loses = True
                    break
                wins = wins or at.number[p - a, q - b] >= 0
            if not loses and (wins or s < many // 2):
                out[j] = True
                break
    return out


@nb.njit(cache=True, nogil=True)
def fullest(at: Lattice, u: NDArray[np.float64], discs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Most that any of `discs` (m, 3) round a cell earns per cost, at least 1 (n,)."""
    pad = (at.half.shape[1] - 1) // 2
    full = np.ones(u.size)
    for j in range(discs.shape[0]):
        k, x, y = discs[j, 0], discs[j, 1], discs[j, 2]
        earned = 0.0
        for write in range(2):
            for d in range(-pad, pad + 1):
                h = at.half[k, d + pad]
                for q in range(y - h, y + h + 1):
                    i = at.number[x + d, q]
                    if i >= 0 and write:
                        full[i] = max(full[i], earned)
                    elif i >= 0:
                        earned += u[i] / at.cost[k]
    return full


@nb.njit(cache=True, nogil=True)
def members(at: Lattice, discs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Weighted cells within each of `discs` (m, 3), as CSR."""
    pad = (at.half.shape[1] - 1) // 2
    start = np.zeros(discs.shape[0] + 1, np.int64)
    cell = np.empty(0, np.int32)
    for write in range(2):
        if write:
            cell = np.empty(start[-1], np.int32)
        filled = 0
        for j in range(discs.shape[0]):
            k, x, y = discs[j, 0], discs[j, 1], discs[j, 2]
            for d in range(-pad, pad + 1):
                h = at.half[k, d + pad]
                for q in range(y - h, y + h + 1):
                    i = at.number[x + d, q]
                    if i >= 0:
                        if write:
                            cell[filled] = i
                        filled += 1
            start[j + 1] = filled
    return start, cell


@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def primal_dual(  # noqa: PLR0917 (compiled code takes plain arguments)
    start: NDArray[np.int64],
    cell: NDArray[np.int32],
    cost: NDArray[np.float64],
    value: NDArray[np.float64],
    u: NDArray[np.float64],
    cap: NDArray[np.float64],
    steps: int,
    relaxation: float,
) -> NDArray[np.float64]:
    """Take over-relaxed primal-dual steps, changing `value` and `u`; return the cover of each cell.

    The programme is ``min c'x + cap'(1 - A x)_+`` over ``x >= 0`` with multipliers
    ``0 <= u <= cap``; the step of a disc is one over its cells, that of a cell one over its discs.
    """
    step = np.zeros(u.size)
    for p in range(cell.size):
        step[cell[p]] += 1.0
    for i in range(u.size):
        step[i] = 1.0 / max(1.0, step[i])
    reach = np.zeros(u.size)
    for turn in range(steps + 1):
        reach[:] = 0.0
        for j in range(cost.size):
            ahead = value[j]
            if turn < steps:
                total = 0.0
                for p in range(start[j], start[j + 1]):
                    total += u[cell[p]]
                move = max(0.0, value[j] - (cost[j] - total) / max(1, start[j + 1] - start[j]))
                move -= value[j]
                ahead = value[j] + 2.0 * move
                value[j] += relaxation * move
            if ahead != 0.0:
                for p in range(start[j], start[j + 1]):
                    reach[cell[p]] += ahead
        if turn < steps:
            for i in range(u.size):
                new = min(cap[i], max(0.0, u[i] + step[i] * (1.0 - reach[i])))
                u[i] += relaxation * (new - u[i])
    return reach
