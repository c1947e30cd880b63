"""What compiled loops know of a mast and the window of the terrain round it.

A window is copied with one cell more on every side: beyond the raster its outermost cells go on, so
that no loop asks whether a neighbour exists.
"""

# ruff: noqa: ANN001, ANN201, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from typing import NamedTuple

from numba import njit

#: What is known of the direct ray.
FREE, BLOCKED, UNKNOWN = 1, 0, -1


class Task(NamedTuple):
    """What one mast asks; a named tuple, because compiled loops take it as it is.

    Parameters
    ----------
    row, column
        South-west cell of the window in the raster.
    x, y
        The mast in cells from the south-west corner of the raster.
    height_m, receiver_m
        The antennas above ground [m].
    cell_m, fall_m
        Side of a cell, and fall of the Earth's surface over one cell [m].
    reach
        Radius in cells.
    """

    row: int
    column: int
    x: float
    y: float
    height_m: float
    receiver_m: float
    cell_m: float
    fall_m: float
    reach: float


@njit(cache=True, nogil=True)
def bilinear(z, u, v):
    """Interpolate between the centres of cells, which lie at whole numbers."""
    c, r = int(u), int(v)
    a, b = u - c, v - r
    low = (1.0 - a) * z[r, c] + a * z[r, c + 1]
    high = (1.0 - a) * z[r + 1, c] + a * z[r + 1, c + 1]
    return (1.0 - b) * low + b * high


@njit(cache=True, nogil=True, error_model="numpy")
def surface_sight(ground, clutter, task, r, c, distance, start, end):
    """Say whether the clutter of the cells a path crosses leaves the direct ray free.

    A cell is judged in the middle of the piece of the path that crosses it.
    """
    rows, columns = clutter.shape
    # in cells from the south-west corner of the window with the cell more
    x, y = task.x + 1.0 - task.column, task.y + 1.0 - task.row
    dx, dy = c + 1.5 - x, r + 1.5 - y
    mast_r, mast_c = min(int(y), rows - 2), min(int(x), columns - 2)
    at_r, at_c = mast_r, mast_c
    next_x = (at_c + (dx > 0.0) - x) / dx if dx != 0.0 else math.inf
    next_y = (at_r + (dy > 0.0) - y) / dy if dy != 0.0 else math.inf
    came = 0.0
    while True:
        goes = min(next_x, next_y, 1.0)
        own = (at_r == r + 1 and at_c == c + 1) or (at_r == mast_r and at_c == mast_c)
        if clutter[at_r, at_c] > 0.0 and goes > came and not own:
            middle = 0.5 * (came + goes)
            g = bilinear(ground, x + middle * dx - 0.5, y + middle * dy - 0.5)
            top = g + clutter[at_r, at_c] - task.fall_m * (middle * distance) ** 2
            if top >= start + middle * (end - start):
                return BLOCKED
        if goes >= 1.0:
            return FREE
        came = goes
        if next_x < next_y:
            at_c += 1 if dx > 0.0 else -1
            next_x += abs(1.0 / dx)
        else:
            at_r += 1 if dy > 0.0 else -1
            next_y += abs(1.0 / dy)
