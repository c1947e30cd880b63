"""Rays from a mast whose samples of the terrain neighbouring cells share.

The plane round the mast is cut into four sides: east and west, where a ray takes a sample at the
centre of every column, north and south, where it does at the centre of every row. At the rim rays
are less than a cell apart. The path to a cell lies between two rays, and so does its ground, in
the same proportion at every sample; the distance and the height of the cell are its own. In the
outermost row of the raster one of the two rays may run beyond it, over ground taken to go on.

Along a ray, `t` counts steps from the mast, and slopes are metres per step from the antenna to
heights lowered by the curvature of the Earth, as in :mod:`siting.radio.ground.obstruction`.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from siting.radio.ground.float_bits import INFINITY_32, bits_32, float_32
from siting.radio.ground.window import BLOCKED, FREE, bilinear, surface_sight

#: Cells within this many cell sizes have their line of sight judged path by path: near the mast the
#: ray falls by metres within a cell.
NEAR_CELLS = 8.0

_LOW = np.float32(-1e30)  # below every slope


class _Side(NamedTuple):
    """One side of the mast: steps go along it, rays spread across.

    Parameters
    ----------
    mast, cells
        Along the side: the mast, in cells from the rim of the window, and the number of cells.
    mast_across, cells_across
        The same across it.
    first, way, nearest, steps
        Cell of the first step, 1 or -1, its distance from the mast, number of steps in reach.
    stride, stride_across
        From cell to cell in the window with one cell more on every side, as one row of numbers.
    columns
        Whether steps are columns.
    """

    mast: float
    cells: int
    mast_across: float
    cells_across: int
    first: int
    way: int
    nearest: float
    steps: int
    stride: int
    stride_across: int
    columns: bool


@njit(cache=True, nogil=True, error_model="numpy")
def sweep(ground, clutter, task, edge, sight):
    """Evaluate the cells of a window within reach.

    Parameters
    ----------
    ground, clutter
        The window with one cell more on every side; (0, 0) without clutter data.
    task
        The mast.
    edge, sight
        What is written, see :class:`siting.radio.ground.obstruction.Obstruction`.
    """
    rows, columns = edge.shape
    rays = int(task.reach) + 1  # on each side of the middle: less than a cell apart at the rim
    length = rays + 3
    flat, cover = ground.ravel(), clutter.ravel()
    edges, sights = edge.reshape(-1), sight.reshape(-1)
    start = bilinear(ground, task.x + 0.5 - task.column, task.y + 0.5 - task.row) + task.height_m
    t = np.empty(length, dtype=np.float32)
    per_step = np.empty(length)
    rest = np.empty(length, dtype=np.float32)  # [length - m] holds 1 / m
    for i in range(length):
        rest[i] = 1.0 / (length - i)
    slope = np.empty((2 * rays + 1, length), dtype=np.float32)
    roof = np.empty((2 * rays + 1 if cover.size else 0, length), dtype=np.float32)
    rise = np.empty(length, dtype=np.float32)
    for number in range(4):
        side = _side(number, task, rows, columns)
        _lay_rays(flat, cover, task, side, start, rays, t, per_step, slope, roof)
        for k in range(side.steps):
            p = side.first + k * side.way
            along = abs(p + 0.5 - side.mast)
            wide = min(along, math.sqrt(max(0.0, task.reach * task.reach - along * along)))
            south = max(0, int(side.mast_across - wide))
            north = min(side.cells_across, int(side.mast_across + wide) + 1)
            for q in range(south, north):
                across = q + 0.5 - side.mast_across
                if abs(across) > along or (abs(across) == along and not side.columns):
                    continue
                square = along * along + across * across
                if not 0.0 < square <= task.reach * task.reach:
                    continue
                end = flat[(p + 1) * side.stride + (q + 1) * side.stride_across]
                end += task.receiver_m - task.fall_m * square
                direct = np.float32((end - start) * per_step[k])
                place = min(max((across * per_step[k] + 1.0) * rays, 0.0), 2.0 * rays - 1e-6)
                ray = int(place)
                share = place - ray
                squared = _edge_between(
                    slope[ray], slope[ray + 1], np.float32(share), direct, t, rest, k, rise
                )
                squared *= 2.0 * along * along / (math.sqrt(square) * task.cell_m)
                at = p + q * side.cells if side.columns else p * side.cells_across + q
                edges[at] = math.copysign(math.sqrt(abs(squared)), squared)
                if squared >= 0.0:
                    sights[at] = BLOCKED
                elif cover.size and square <= NEAR_CELLS * NEAR_CELLS:
                    r, c = at // columns, at % columns
                    distance = math.sqrt(square)
                    sights[at] = surface_sight(ground, clutter, task, r, c, distance, start, end)
                elif cover.size:
                    nearer = ray if share < 0.5 else ray + 1  # noqa: PLR2004
                    sights[at] = FREE if roof[nearer, k] < direct else BLOCKED


@njit(cache=True, nogil=True, error_model="numpy")
def _side(number, task, rows, columns):
    """Lay one of the sides: east, west, north, south."""
    wide = columns + 2
    if number < 2:  # noqa: PLR2004
        mast, cells, stride = task.x - task.column, columns, 1
        mast_across, cells_across, stride_across = task.y - task.row, rows, wide
    else:
        mast, cells, stride = task.y - task.row, rows, wide
        mast_across, cells_across, stride_across = task.x - task.column, columns, 1
    if number % 2 == 0:
        first, way = math.floor(mast - 0.5) + 1, 1
        steps = cells - first
    else:
        first, way = math.ceil(mast - 0.5) - 1, -1
        steps = first + 1
    nearest = abs(first + 0.5 - mast)
    return _Side(
        mast,
        cells,
        mast_across,
        cells_across,
        first,
        way,
        nearest,
        max(0, min(steps, int(task.reach - nearest + 2.0))),
        stride,
        stride_across,
        number < 2,  # noqa: PLR2004
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _lay_rays(flat, cover, task, side, start, rays, t, per_step, slope, roof):
    """Sample every ray of a side: write the steps, and slopes by ray."""
    for k in range(side.steps):
        t[k] = side.nearest + k
        per_step[k] = 1.0 / (side.nearest + k)
    for ray in range(2 * rays + 1):
        lean = (ray - rays) / rays
        steps = _steps(task, side, lean, 1.0 / rays)
        _ground_slopes(flat, task, side, lean, start, steps, per_step, slope[ray])
        if cover.size:
            _roof_slopes(cover, side, lean, steps, per_step, slope[ray], roof[ray])


@njit(cache=True, nogil=True, error_model="numpy")
def _steps(task, side, lean, spacing):
    """Count the steps of a ray within reach, and within the window and the cell more."""
    nearer = max(0.0, abs(lean) - spacing)  # of the cells up to the next ray
    most = task.reach / math.sqrt(1.0 + nearer * nearer)
    steps = min(side.steps, int(max(0.0, most - side.nearest + 2.0)))
    if lean == 0.0:
        return steps
    v = side.mast_across + 0.5 + lean * side.nearest
    room = side.cells_across + 1.0 - v if lean > 0.0 else v
    return min(steps, math.ceil(max(0.0, room / abs(lean))))


@njit(cache=True, nogil=True, error_model="numpy")
def _ground_slopes(flat, task, side, lean, start, steps, per_step, slope):
    """Write the slopes from the antenna to the ground under a ray."""
    middle = side.mast_across + 0.5  # from corners to centres, and the cell more
    fall = task.fall_m * (1.0 + lean * lean)
    base, stride = (side.first + 1) * side.stride, side.way * side.stride
    for k in range(steps):
        t = side.nearest + k
        v = middle + lean * t
        m = min(int(v), side.cells_across)
        share = v - m
        i = base + k * stride + m * side.stride_across
        g = (1.0 - share) * flat[i] + share * flat[i + side.stride_across]
        slope[k] = (g - fall * t * t - start) * per_step[k]


@njit(cache=True, nogil=True, error_model="numpy")
def _roof_slopes(cover, side, lean, steps, per_step, slope, roof):
    """Write the greatest slope to the top of clutter before every sample of a ray."""
    base, stride = (side.first + 1) * side.stride, side.way * side.stride
    own = -1
    if side.first == min(int(side.mast), side.cells - 1):
        own = min(int(side.mast_across), side.cells_across - 1)
    highest = _LOW
    middle = side.mast_across + 1.0  # 1: the cell more
    enters = int(middle + lean * max(0.0, side.nearest - 0.5))
    for k in range(steps):
        roof[k] = highest
        # the two cells the ray crosses on its way through the step
        leaves = min(max(int(middle + lean * (side.nearest + k + 0.5)), 0), side.cells_across + 1)
        at = base + k * stride
        height = max(
            cover[at + enters * side.stride_across], cover[at + leaves * side.stride_across]
        )
        if k == 0 and own >= 0:
            height = (
                np.float32(0.0) if leaves == own + 1 else cover[at + leaves * side.stride_across]
            )
        if height > 0.0:
            highest = max(highest, np.float32(slope[k] + height * per_step[k]))
        enters = leaves


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _edge_between(one, other, share, direct, t, rest, n, rise):
    """Bullington's edge of a path between two rays after n samples, squared, in 2 t^2 m.

    `direct` is the slope of the direct ray; `rise` is room to work in.
    """
    left = np.float32(1.0) - share
    shift = np.uint64(len(rest) - n)
    highest = np.int32(-1)
    for i in range(np.uint64(n)):
        rise[i] = left * one[i] + share * other[i] - direct
        highest = max(highest, bits_32(rise[i]))
    if highest >= 0:
        back = np.int32(0)
        for i in range(np.uint64(n)):
            back = max(back, bits_32(rise[i] * t[i] * rest[shift + i]))
        return np.float64(float_32(highest)) * float_32(back)
    least = INFINITY_32
    for i in range(np.uint64(n)):
        least = min(least, bits_32(rise[i] * rise[i] * t[i] * rest[shift + i]))
    return -np.float64(float_32(least))
