"""Reduced costs of sector stations at every place of a grid, and their linear programme's steps."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from siting.location.grid.aim import aimed, best_aim
from siting.location.grid.pricing import Lattice
from siting.location.grid.reach import Aims

#: A place whose upper estimate stays this far below its cost is not summed exactly.
_SAFE = 1e-6
#: Rows of a disc that one rectangle of the upper estimate spans.
_SLAB = 6


@nb.njit(cache=True, nogil=True)
def laid_out(
    at: Lattice, u: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lay prices out on the grid, with running sums along rows and over areas."""
    width, height = at.number.shape
    flat = np.zeros((width, height))
    row = np.zeros((width, height + 1))
    area = np.zeros((width + 1, height + 1))
    for x in range(width):
        for y in range(height):
            i = at.number[x, y]
            if i >= 0:
                flat[x, y] = u[i]
            row[x, y + 1] = row[x, y] + flat[x, y]
            area[x + 1, y + 1] = area[x, y + 1] + row[x, y + 1]
    return flat, row, area


@nb.njit(cache=True, nogil=True)
def price_sectors(  # noqa: PLR0917 (compiled code takes plain arguments)
    at: Lattice,
    few: Aims,
    many: Aims,
    flat: NDArray[np.float64],
    row: NDArray[np.float64],
    area: NDArray[np.float64],
    rent: NDArray[np.float64],
    margin: float,
    strip: int,
    sharp: bool,  # noqa: FBT001 (a kernel's argument)
    worst: NDArray[np.float64],
    out: NDArray[np.int64],
    earned: NDArray[np.float64],
    s: NDArray[np.float64],
    gap: NDArray[np.float64],
) -> int:
    """Aim a station of every kind at every place of one strip of tiles.

    Parameters
    ----------
    at
        The grid.
    few, many
        Bins that hold every azimuth, the second for the last word on what earns its cost.
    flat, row, area
        From :func:`laid_out`.
    rent
        What a station at each place pays beside its cost (X, Y), padded.
    margin
        Stations that earn more than rent and ``1 - margin`` of their cost are listed in `out`.
    strip
        Which row of tiles.
    sharp
        Whether to have that last word.
    worst
        Receives the least reduced cost, at most 0, of each tile of the strip (b,).
    out, earned
        Receive kind, x, y, three bins, and the profit (capacity, 6), (capacity,).
    s, gap
        Room of the thread.

    Returns
    -------
    int
        How many stations would be listed; those past the capacity are not.
    """
    width, height = at.number.shape
    pad = (at.half.shape[1] - 1) // 2
    pick = np.zeros(3, np.int64)
    count = 0
    for k in range(at.cost.size):
        reach = pad
        while at.half[k, pad - reach] < 0:
            reach -= 1
        for x in range(pad + strip * at.tile, min(width - pad, pad + (strip + 1) * at.tile)):
            for y in range(pad, height - pad):
                if not at.free[x, y]:
                    continue
                cost = at.cost[k] + rent[x, y]
                least = cost - margin * at.cost[k]
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
                if total < least - _SAFE:
                    continue
                v = best_aim(flat, few, k, x, y, least, s, gap, pick)
                if sharp and v > least:
                    v = best_aim(flat, many, k, x, y, least, s, gap, pick)
                b = (y - pad) // at.tile
                worst[b] = min(worst[b], cost - v)
                if v > least:
                    if count < out.shape[0]:
                        out[count, 0], out[count, 1], out[count, 2] = k, x, y
                        out[count, 3:] = pick
                        earned[count] = v - cost
                    count += 1
    return count


@nb.njit(cache=True, nogil=True)
def sector_members(
    at: Lattice, aims: Aims, stations: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Weighted cells that each of `stations` (m, 6) reaches, as CSR."""
    start = np.zeros(stations.shape[0] + 1, np.int64)
    cell = np.empty(0, np.int32)
    for write in range(2):
        if write:
            cell = np.empty(start[-1], np.int32)
        filled = 0
        for j in range(stations.shape[0]):
            k, x, y = stations[j, 0], stations[j, 1], stations[j, 2]
            i = at.number[x, y]
            if i >= 0:
                if write:
                    cell[filled] = i
                filled += 1
            for o in range(aims.start[k], aims.start[k + 1]):
                i = at.number[x + aims.dx[o], y + aims.dy[o]]
                if i >= 0 and aimed(aims, k, o, stations[j, 3], stations[j, 4], stations[j, 5]):
                    if write:
                        cell[filled] = i
                    filled += 1
            start[j + 1] = filled
    return start, cell


@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def packed_primal_dual(  # noqa: C901, PLR0912, PLR0917 (compiled code takes plain arguments)
    start: NDArray[np.int64],
    cell: NDArray[np.int32],
    cost: NDArray[np.float64],
    tile: NDArray[np.int64],
    value: NDArray[np.float64],
    u: NDArray[np.float64],
    rent: NDArray[np.float64],
    cap: NDArray[np.float64],
    steps: int,
    relaxation: float,
) -> NDArray[np.float64]:
    """Take over-relaxed primal-dual steps, changing `value`, `u`, `rent`; return each cell's cover.

    As :func:`~siting.location.grid.pricing.primal_dual`, with at most one station in each tile: its
    multiplier is the tile's `rent`, and `tile` (m, t) are the tiles a station stands in.
    """
    step = np.zeros(u.size)
    for p in range(cell.size):
        step[cell[p]] += 1.0
    for i in range(u.size):
        step[i] = 1.0 / max(1.0, step[i])
    crowd = np.zeros(rent.size)
    for q in tile.flat:
        crowd[q] += 1.0
    for q in range(rent.size):
        crowd[q] = 1.0 / max(1.0, crowd[q])
    reach = np.zeros(u.size)
    stock = np.zeros(rent.size)
    for turn in range(steps + 1):
        reach[:] = 0.0
        stock[:] = 0.0
        for j in range(cost.size):
            ahead = value[j]
            if turn < steps:
                total = 0.0
                for q in tile[j]:
                    total -= rent[q]
                for p in range(start[j], start[j + 1]):
                    total += u[cell[p]]
                move = max(
                    0.0, value[j] - (cost[j] - total) / (tile.shape[1] + start[j + 1] - start[j])
                )
                move -= value[j]
                ahead = value[j] + 2.0 * move
                value[j] += relaxation * move
            if ahead != 0.0:
                for q in tile[j]:
                    stock[q] += ahead
                for p in range(start[j], start[j + 1]):
                    reach[cell[p]] += ahead
        if turn < steps:
            for i in range(u.size):
                new = min(cap[i], max(0.0, u[i] + step[i] * (1.0 - reach[i])))
                u[i] += relaxation * (new - u[i])
            for q in range(rent.size):
                new = max(0.0, rent[q] + crowd[q] * (stock[q] - 1.0))
                rent[q] += relaxation * (new - rent[q])
    return reach
