"""Rays from a mast whose samples of the terrain neighbouring cells share.

The plane round the mast is cut into four sides: east and west, where a ray takes a sample at the
centre of every column, north and south, where it does at the centre of every row. At the rim rays
are less than a cell apart. The path to a cell lies between two rays, and so does its ground, in
the same proportion at every sample; the distance and the height of the cell are its own.

Along a ray, `t` counts steps from the mast, and slopes are metres per step from the antenna to
heights lowered by the curvature of the Earth, as in :mod:`siting.radio.obstruction`.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.core import types
from numba.extending import intrinsic

_INFINITE = np.int32(0x7F800000)  # the bits of the float
_LOW = np.float32(-1e30)  # below every slope


class Side(NamedTuple):
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
    rank
        Cells at equal distance along and across belong to the sides of rank 0.
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
    rank: int


def _reinterpret(source: types.Type, target: types.Type) -> Any:
    """Make a compiled function that reads the bits of one type as another of its size."""

    def reinterpret(context, value):  # noqa: ARG001 - numba's signature
        def generate(context, builder, signature, arguments):
            return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

        return target(source), generate

    return intrinsic(reinterpret)


# The bits of positive floats have the order of the floats, those of negative ones lie below all of
# them. The processor finds the greatest of many integers at once, but that of floats one by one.
_bits = _reinterpret(types.float32, types.int32)
_float = _reinterpret(types.int32, types.float32)


@njit(cache=True, nogil=True)
def sweep(ground, clutter, x, y, start, receiver, cell, bulge, near, reach, edge, sight):
    """Evaluate the cells of a window between two radii.

    Parameters
    ----------
    ground, clutter
        The window with one cell more on every side.
    x, y
        The mast in cells from the south-west corner of the window.
    start, receiver
        The antennas: above sea level, above ground [m].
    cell, bulge
        Side of a cell [m]; fall of the Earth's surface over one cell [m].
    near, reach
        Radii in cells; the inner one is excluded.
    edge, sight
        What is written, see :class:`siting.radio.obstruction.Obstruction`.
    """
    rows, columns = edge.shape
    rays = int(reach) + 1  # per half side: at the rim less than a cell apart
    length = rays + 2
    flat, cover = ground.ravel(), clutter.ravel()
    edges, sights = edge.reshape(-1), sight.reshape(-1)
    t = np.empty(length, dtype=np.float32)
    rest = np.empty(length, dtype=np.float32)  # [length - m] holds 1 / m
    for i in range(length):
        rest[i] = 1.0 / (length - i)
    per_step = np.empty(length)
    slope = np.empty((2, length), dtype=np.float32)
    roof = np.empty((2, length), dtype=np.float32)
    above = np.empty(length, dtype=np.float32)
    for number in range(4):
        side = _side(number, x, y, rows, columns, reach)
        for k in range(side.steps):
            t[k] = side.nearest + k
            per_step[k] = 1.0 / (side.nearest + k)
        before = 0
        for ray in range(-rays, rays + 1):
            now = ray & 1
            count = _march(
                flat,
                cover,
                side,
                ray / rays,
                1.0 / rays,
                start,
                bulge,
                reach,
                per_step,
                slope[now],
                roof[now],
            )
            if ray > -rays:
                _answer(
                    flat,
                    side,
                    ray - 1,
                    rays,
                    min(before, count),
                    start,
                    receiver,
                    cell,
                    bulge,
                    near,
                    reach,
                    cover.size > 0,
                    t,
                    per_step,
                    rest,
                    slope[1 - now],
                    slope[now],
                    roof[1 - now],
                    roof[now],
                    above,
                    edges,
                    sights,
                )
            before = count


@njit(cache=True, nogil=True)
def _side(number, x, y, rows, columns, reach):
    """Lay one of the sides: east, west, north, south."""
    wide = columns + 2
    if number < 2:  # noqa: PLR2004
        mast, cells, mast_across, cells_across, stride, across = x, columns, y, rows, 1, wide
    else:
        mast, cells, mast_across, cells_across, stride, across = y, rows, x, columns, wide, 1
    if number % 2 == 0:
        way = 1
        first = math.floor(mast - 0.5) + 1
        nearest, steps = first + 0.5 - mast, cells - first
    else:
        way = -1
        first = math.ceil(mast - 0.5) - 1
        nearest, steps = mast - first - 0.5, first + 1
    steps = max(0, min(steps, int(reach - nearest + 1.0)))
    return Side(
        mast,
        cells,
        mast_across,
        cells_across,
        first,
        way,
        nearest,
        steps,
        stride,
        across,
        number // 2,
    )


@njit(cache=True, nogil=True)
def _march(flat, cover, side, lean, spacing, start, bulge, reach, per_step, slope, roof):
    """Sample a ray; return the number of samples.

    `slope` becomes that of the ground, `roof` the greatest of ground and clutter before a sample.
    """
    nearer = max(0.0, abs(lean) - spacing)  # of the cells up to the next ray
    most = reach / math.sqrt(1.0 + nearer * nearer)
    steps = min(side.steps, int(max(0.0, most - side.nearest + 1.0)))
    fall = bulge * (1.0 + lean * lean)
    base = (side.first + 1) * side.stride
    step = side.way * side.stride
    v = side.mast_across + 0.5 + lean * side.nearest
    if lean != 0.0:
        # stay within the window and the cell more at its sides
        room = side.cells_across + 1.0 - v if lean > 0.0 else v
        steps = min(steps, math.ceil(max(0.0, room / abs(lean))))
    for k in range(steps):
        t = side.nearest + k
        v = side.mast_across + 0.5 + lean * t
        m = int(v)
        share = v - m
        i = base + k * step + m * side.stride_across
        g = (1.0 - share) * flat[i] + share * flat[i + side.stride_across]
        slope[k] = (g - fall * t * t - start) * per_step[k]
    if cover.size:
        own = int(side.mast_across) if side.first == int(side.mast) else -1
        highest = _LOW
        for k in range(steps):
            roof[k] = highest
            m = int(side.mast_across + lean * (side.nearest + k) + 1.0) - 1
            if k > 0 or m != own:
                h = cover[base + k * step + (m + 1) * side.stride_across]
                highest = max(highest, np.float32(slope[k] + h * per_step[k]))
    return steps


@njit(cache=True, nogil=True)
def _answer(
    flat,
    side,
    ray,
    rays,
    steps,
    start,
    receiver,
    cell,
    bulge,
    near,
    reach,
    known,
    t,
    per_step,
    rest,
    slope,
    next_slope,
    roof,
    next_roof,
    above,
    edges,
    sights,
):
    """Answer for the cells between a ray and the next one: at most one of each step."""
    middle = (ray + 0.5) / rays
    for k in range(steps):
        distance = side.nearest + k
        q = int(side.mast_across + middle * distance + 1.0) - 1
        beside = q + 0.5 - side.mast_across
        place = min(beside * per_step[k] * rays, rays - 1e-6) - ray
        if not 0.0 <= place < 1.0 or abs(beside) > distance - side.rank * 1e-9:
            continue
        square = distance * distance + beside * beside
        if not near * near < square <= reach * reach or not 0 <= q < side.cells_across:
            continue
        p = side.first + k * side.way
        ground = flat[(p + 1) * side.stride + (q + 1) * side.stride_across]
        direct = np.float32((ground + receiver - bulge * square - start) * per_step[k])
        share = np.float32(place)
        scaled = _edge_between(slope, next_slope, share, direct, t, rest, k, above)
        out = p + q * side.cells if side.rank == 0 else p * side.cells_across + q
        squared = scaled * 2.0 * distance * distance / (math.sqrt(square) * cell)
        edges[out] = math.copysign(math.sqrt(abs(squared)), squared)
        if scaled >= 0.0:
            sights[out] = 0
        elif known:
            highest = roof[k] if place < 0.5 else next_roof[k]  # noqa: PLR2004
            sights[out] = 1 if highest < direct else 0


@njit(cache=True, nogil=True, forceinline=True)
def _edge_between(one, other, share, direct, t, rest, n, above):
    """Bullington's edge of a path between two rays after n samples, squared, in 2 t^2 m."""
    left = np.float32(1.0) - share
    shift = np.uint64(len(rest) - n)
    highest = np.int32(-1)
    for i in range(np.uint64(n)):
        rise = left * one[i] + share * other[i] - direct
        above[i] = rise
        highest = max(highest, _bits(rise))
    if highest >= 0:
        back = np.int32(0)
        for i in range(np.uint64(n)):
            back = max(back, _bits(above[i] * t[i] * rest[shift + i]))
        return np.float64(_float(highest)) * _float(back)
    least = _INFINITE
    for i in range(np.uint64(n)):
        least = min(least, _bits(above[i] * above[i] * t[i] * rest[shift + i]))
    return -np.float64(_float(least))
