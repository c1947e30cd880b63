"""How ground and buildings stand between one mast and every cell round it.

What is kept of the ground of a path is one number without frequency: the height of Bullington's
equivalent knife edge over the direct ray, in the form nu * sqrt(wavelength). One computation per
mast and height thus serves every band, azimuth and tilt.

Distances inside the kernels are in cells, heights in metres above sea level. A height e at the
distance d stands for g - d^2 / (2 a), ground lowered by the curvature of an Earth of the effective
radius a, so that rays are straight lines.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.errors import InputError, Problem, raise_if
from siting.radio.diffraction import EARTH_RADIUS_KM, knife_edge
from siting.radio.p1812 import FEWEST_POINTS
from siting.radio.path_loss import USER_HEIGHT_M, outside
from siting.radio.sweep import sweep
from siting.radio.terrain import MEDIAN_RADIUS_FACTOR, NO_CLUTTER, Heights, Terrain

#: Heights of antennas above ground [m], ITU-R P.1812, section 2.
HEIGHT_LIMITS_M = (1.0, 3_000.0)
#: Cells within this many cell sizes are evaluated by profiles in the sweep too.
NEAR_CELLS = 8.0
#: Farthest cell from a mast [m].
FARTHEST_M = 100_000.0

_FREE, _BLOCKED, _UNKNOWN = 1, 0, -1


class Method(StrEnum):
    """How the paths to all cells are evaluated."""

    PROFILE = "profile"  #: every cell by its own profile
    SWEEP = "sweep"  #: along rays from the mast that neighbouring cells share


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Obstruction:
    """What stands between a mast and the cells round it.

    Parameters
    ----------
    row, column
        South-west cell of the window in the grid of the terrain; the window is the square about
        the mast's disc, clipped to the raster.
    edge
        nu * sqrt(wavelength) of Bullington's equivalent knife edge over the bare ground [sqrt(m)],
        (rows, columns): negative where the ground leaves the direct ray free, -inf in the mast's
        own place, NaN beyond the radius.
    sight
        1 where ground and clutter leave the direct ray free, 0 where they do not, -1 where the
        ground does and nothing is known of clutter, and beyond the radius.
    """

    row: int
    column: int
    edge: npt.NDArray[np.float32]
    sight: npt.NDArray[np.int8]


def obstruction(
    terrain: Terrain,
    mast_xy: npt.ArrayLike,
    height_m: float,
    *,
    radius_m: float,
    receiver_height_m: float = USER_HEIGHT_M,
    radius_factor: float = MEDIAN_RADIUS_FACTOR,
    method: Method = Method.SWEEP,
) -> Obstruction:
    """Return what stands between a mast and the centres of the cells round it.

    Parameters
    ----------
    terrain
        Ground and, where known, clutter.
    mast_xy
        Position in the grid's CRS [m], (2,), inside the raster.
    height_m, receiver_height_m
        Antennas above ground [m], 1 to 3,000; on a roof the roof counts too.
    radius_m
        Distance to the farthest cell [m], at least the cell size, at most 100 km.
    radius_factor
        Effective Earth radius over the true one.
    method
        Exact profiles or the sweep.

    Raises
    ------
    InputError
        Naming every argument out of range.

    Notes
    -----
    A profile is sampled at least once per cell length and at five points, ground bilinear between
    the centres of cells, clutter that of the cell a sample lies in. Clutter in the cell of the mast
    and in that of the receiver does not block: the mast stands above it, the receiver outdoors or
    behind a wall that is counted elsewhere.

    With the slopes alpha and beta by which the horizons of both ends rise above the direct ray,
    Bullington's edge at the distance D is nu * sqrt(wavelength) = sqrt(2 D alpha beta); where no
    ground rises above the ray it is the greatest -c sqrt(2 D / (d1 d2)) of the clearances c. Both
    hold for any wavelength.

    References
    ----------
    ITU-R P.1812-7, section 4.3.1; ITU-R P.526-15, section 4.1.
    """
    grid, cell = terrain.grid, terrain.grid.cell_size_m
    xy = np.asarray(mast_xy, dtype=np.float64)
    given = {
        "height_m": (height_m, *HEIGHT_LIMITS_M, "m"),
        "receiver_height_m": (receiver_height_m, *HEIGHT_LIMITS_M, "m"),
        "radius_m": (radius_m, cell, FARTHEST_M, "m"),
        "radius_factor": (radius_factor, 0.1, 100.0, ""),
    }
    problems = []
    if xy.shape == (2,):
        problems += terrain.misplaced("mast_xy", xy)
    else:
        problems.append(Problem("mast_xy", f"has shape {xy.shape}", "give east, north"))
    for name, (value, least, most, unit) in given.items():
        problems += outside(name, np.asarray(value, dtype=np.float64), least, most, unit)
    raise_if(problems, InputError)
    x0, y0 = (xy - [grid.west_m, grid.south_m]) / cell
    reach = radius_m / cell
    row, rows = _span(y0, reach, grid.rows)
    column, columns = _span(x0, reach, grid.columns)
    edge = np.full((rows, columns), np.nan, dtype=np.float32)
    sight = np.full((rows, columns), _UNKNOWN, dtype=np.int8)
    ground = _window(terrain.ground_m, row, rows, column, columns)
    clutter = (
        NO_CLUTTER
        if terrain.clutter_m is None
        else _window(terrain.clutter_m, row, rows, column, columns)
    )
    bulge = cell * cell / (2e3 * EARTH_RADIUS_KM * radius_factor)
    profiles(
        ground,
        clutter,
        row,
        column,
        x0,
        y0,
        float(height_m),
        float(receiver_height_m),
        cell,
        bulge,
        min(reach, NEAR_CELLS) if method is Method.SWEEP else reach,
        edge,
        sight,
    )
    if method is Method.SWEEP and reach > NEAR_CELLS:
        sweep(
            ground,
            clutter,
            x0 - column,
            y0 - row,
            _bilinear(ground, x0 + 0.5 - column, y0 + 0.5 - row) + height_m,
            float(receiver_height_m),
            cell,
            bulge,
            NEAR_CELLS,
            reach,
            edge,
            sight,
        )
    return Obstruction(row=row, column=column, edge=edge, sight=sight)


def _span(centre: float, reach: float, cells: int) -> tuple[int, int]:
    """Return the first cell of an axis whose centre is within reach, and their number."""
    first = max(0, math.ceil(centre - reach - 0.5))
    last = min(cells - 1, math.floor(centre + reach - 0.5))
    return first, last - first + 1


def _window(raster: Heights, row: int, rows: int, column: int, columns: int) -> Heights:
    """Copy the window and one cell more on every side, beyond the raster its outermost cells."""
    north = np.clip(np.arange(row - 1, row + rows + 1), 0, raster.shape[0] - 1)
    east = np.clip(np.arange(column - 1, column + columns + 1), 0, raster.shape[1] - 1)
    return raster[north[:, None], east]


@njit(cache=True, nogil=True)
def bullington_loss_db(edge, wavelength_m, distance_m):
    """Bullington loss [dB] of an edge [sqrt(m)], ITU-R P.1812-7, equations (12) and (21)."""
    loss = knife_edge(edge / math.sqrt(wavelength_m))
    return loss + (1.0 - math.exp(-loss / 6.0)) * (10.0 + 2e-5 * distance_m)


@njit(cache=True, nogil=True)
def profile_edge(e, n, start, end, inverse):
    """Bullington's edge over n evenly spaced points, in units of sqrt(m / 2 steps).

    `start` and `end` are the antennas in the heights of `e`; `inverse` holds 1 / i.
    """
    steps = n - 1
    slope = (end - start) * inverse[steps]
    steepest = back = -math.inf
    for i in range(1, steps):
        steepest = max(steepest, (e[i] - start) * inverse[i])
        back = max(back, (e[i] - end) * inverse[steps - i])
    if steepest >= slope:
        return math.sqrt((steepest - slope) * max(back + slope, 0.0))
    nearest = math.inf
    for i in range(1, steps):
        clear = start + slope * i - e[i]
        nearest = min(nearest, clear * clear * inverse[i] * inverse[steps - i])
    return -math.sqrt(nearest)


@njit(cache=True, nogil=True)
def profiles(
    ground, clutter, row, column, x0, y0, height, receiver, cell, bulge, reach, edge, sight
):
    """Evaluate every cell of a window by its own profile.

    Parameters
    ----------
    ground, clutter
        The window with one cell more on every side.
    row, column
        South-west cell of the window in the raster.
    x0, y0
        The mast in cells from the south-west corner of the raster.
    height, receiver
        Antennas above ground [m].
    cell, bulge
        Side of a cell [m]; fall of the Earth's surface over one cell [m].
    reach
        Radius in cells.
    edge, sight
        What is written for the cells within the radius, see :class:`Obstruction`.
    """
    rows, columns = edge.shape
    known = clutter.size > 0
    most = max(FEWEST_POINTS, 2 + math.ceil(reach))
    e = np.empty(most)
    inverse = np.empty(most)
    inverse[0] = 0.0
    for i in range(1, most):
        inverse[i] = 1.0 / i
    start = _bilinear(ground, x0 + 0.5 - column, y0 + 0.5 - row) + height
    for r in range(rows):
        for c in range(columns):
            dx, dy = column + c + 0.5 - x0, row + r + 0.5 - y0
            distance = math.sqrt(dx * dx + dy * dy)
            if distance > reach:
                continue
            if distance == 0.0:
                edge[r, c], sight[r, c] = -math.inf, _FREE
                continue
            n = max(FEWEST_POINTS, 1 + math.ceil(distance))
            step = distance / (n - 1)
            sx, sy = dx / (n - 1), dy / (n - 1)
            for i in range(1, n - 1):
                # 0.5: from corners to centres, and the cell more in the south-west
                g = _bilinear(ground, x0 + i * sx + 0.5 - column, y0 + i * sy + 0.5 - row)
                e[i] = g - bulge * (i * step) ** 2
            end = ground[r + 1, c + 1] + receiver - bulge * distance * distance
            scaled = profile_edge(e, n, start, end, inverse)
            edge[r, c] = scaled * math.sqrt(2.0 * (n - 1) / (step * cell))
            if scaled >= 0.0:
                sight[r, c] = _BLOCKED
            elif known:
                sight[r, c] = _FREE
                slope = (end - start) * inverse[n - 1]
                for i in range(1, n - 1):
                    y, x = int(y0 + i * sy) - row, int(x0 + i * sx) - column
                    own = (y == r and x == c) or (y == int(y0) - row and x == int(x0) - column)
                    if not own and e[i] + clutter[y + 1, x + 1] >= start + slope * i:
                        sight[r, c] = _BLOCKED
                        break


@njit(cache=True, nogil=True)
def _bilinear(z, u, v):
    """Interpolate between the centres of cells, which lie at whole numbers."""
    c, r = int(u), int(v)
    a, b = u - c, v - r
    low = (1.0 - a) * z[r, c] + a * z[r, c + 1]
    high = (1.0 - a) * z[r + 1, c] + a * z[r + 1, c + 1]
    return (1.0 - b) * low + b * high
