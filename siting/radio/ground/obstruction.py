"""How ground and buildings stand between one mast and every cell round it.

What is kept of the ground of a path is one number without frequency: the height of Bullington's
equivalent knife edge over the direct ray, in the form nu * sqrt(wavelength). One computation per
mast and height thus serves every band, azimuth and tilt.

Distances inside the kernels are in cells, heights in metres above sea level. A height e at the
distance d stands for g - d^2 / (2 a), ground lowered by the curvature of an Earth of the effective
radius a, so that rays are straight lines.
"""

# ruff: noqa: ANN001, ANN201, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.errors import InputError, Problem, raise_if
from siting.radio.ground.float_bits import INFINITY_64, bits_64, float_64
from siting.radio.ground.sweep import sweep
from siting.radio.ground.terrain import MEDIAN_RADIUS_FACTOR, NO_CLUTTER, Heights, Terrain
from siting.radio.ground.window import BLOCKED, FREE, UNKNOWN, Task, bilinear, surface_sight
from siting.radio.propagation.diffraction import EARTH_RADIUS_KM, knife_edge
from siting.radio.propagation.p1812 import FEWEST_POINTS
from siting.radio.propagation.path_loss import USER_HEIGHT_M, outside

#: Heights of antennas above ground [m], ITU-R P.1812, section 2.
HEIGHT_LIMITS_M = (1.0, 3_000.0)
#: Samples of a profile per cell length, at most.
FINEST = 100.0
#: Farthest cell from a mast [m].
FARTHEST_M = 100_000.0


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
        (rows, columns): negative where the ground leaves the direct ray free, -inf where no sample
        of it lies between, NaN beyond the radius.
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
    step_m: float = 0.0,
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
        A profile for every cell, or the sweep.
    step_m
        Greatest distance between the samples of a profile [m]; the cell size when left out. The
        sweep knows no other.

    Raises
    ------
    InputError
        Naming every argument out of range.

    Notes
    -----
    Ground is bilinear between the centres of cells; a profile has five points at least. Clutter
    fills its cell and blocks whatever path crosses it, except in the cell of the mast and in that
    of the receiver: the mast stands above it, the receiver outdoors or behind a wall that is
    counted elsewhere.

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
    if step_m and method == Method.SWEEP:
        problems.append(Problem("step_m", "is of profiles", "leave it out, or use Method.PROFILE"))
    elif step_m:
        given["step_m"] = (step_m, cell / FINEST, FARTHEST_M, "m")
    if xy.shape == (2,):
        problems += terrain.misplaced("mast_xy", xy)
    else:
        problems.append(Problem("mast_xy", f"has shape {xy.shape}", "give east, north"))
    for name, (value, least, most, unit) in given.items():
        problems += outside(name, np.asarray(value, dtype=np.float64), least, most, unit)
    raise_if(problems, InputError)
    x, y = ((xy - [grid.west_m, grid.south_m]) / cell).tolist()
    # no cell of the raster is farther than the diagonal
    reach = min(radius_m / cell, math.hypot(grid.rows, grid.columns))
    row, rows = _span(y, reach, grid.rows)
    column, columns = _span(x, reach, grid.columns)
    edge = np.full((rows, columns), np.nan, dtype=np.float32)
    sight = np.full((rows, columns), UNKNOWN, dtype=np.int8)
    ground = _window(terrain.ground_m, row, rows, column, columns)
    clutter = NO_CLUTTER
    if terrain.clutter_m is not None:
        clutter = _window(terrain.clutter_m, row, rows, column, columns)
    task = Task(
        row=row,
        column=column,
        x=x,
        y=y,
        height_m=float(height_m),
        receiver_m=float(receiver_height_m),
        cell_m=cell,
        fall_m=cell * cell / (2e3 * EARTH_RADIUS_KM * radius_factor),
        reach=reach,
    )
    if method == Method.SWEEP:
        sweep(ground, clutter, task, edge, sight)
    else:
        profiles(ground, clutter, task, cell / step_m if step_m else 1.0, edge, sight)
    if x % 1.0 == 0.5 and y % 1.0 == 0.5:  # noqa: PLR2004 - on a centre: nothing lies between
        own = int(y) - row, int(x) - column
        edge[own], sight[own] = -math.inf, FREE
    return Obstruction(row=row, column=column, edge=edge, sight=sight)


def _span(centre: float, reach: float, cells: int) -> tuple[int, int]:
    """Return the first cell of an axis whose centre is within reach, and their number."""
    first = max(0, math.ceil(centre - reach - 0.5))
    last = min(cells - 1, math.floor(centre + reach - 0.5))
    return first, last - first + 1


def _window(raster: Heights, row: int, rows: int, column: int, columns: int) -> Heights:
    """Copy the window and one cell more on every side, beyond the raster its outermost cells."""
    south, north = row - 1, row + rows + 1
    west, east = column - 1, column + columns + 1
    inside = raster[max(south, 0) : north, max(west, 0) : east]
    beyond = (
        (max(-south, 0), max(north - raster.shape[0], 0)),
        (max(-west, 0), max(east - raster.shape[1], 0)),
    )
    return np.pad(inside, beyond, mode="edge") if any(map(any, beyond)) else inside.copy()


@njit(cache=True, nogil=True)
def bullington_loss_db(edge, wavelength_m, distance_m):
    """Bullington loss [dB] of an edge [sqrt(m)], ITU-R P.1812-7, equations (12) and (21)."""
    loss = knife_edge(edge / math.sqrt(wavelength_m))
    return loss + (1.0 - math.exp(-loss / 6.0)) * (10.0 + 2e-5 * distance_m)


@njit(cache=True, nogil=True, error_model="numpy")
def profile_edge(e, n, start, end, i_of, inverse):
    """Bullington's edge over n evenly spaced points, squared with its sign, in 2 steps^2 m.

    `start` and `end` are the antennas in the heights of `e`; `i_of` holds i, `inverse` 1 / i.
    """
    steps = np.uint64(n - 1)
    direct = (end - start) * inverse[steps]
    highest, back, least = np.int64(-1), np.int64(0), INFINITY_64
    for i in range(np.uint64(1), steps):
        rise = (e[i] - start) * inverse[i] - direct  # per step, over the direct ray
        weighed = rise * i_of[i] * inverse[steps - i]
        highest = max(highest, bits_64(rise))
        back = max(back, bits_64(weighed))
        least = min(least, bits_64(rise * weighed))
    return float_64(highest) * float_64(back) if highest >= 0 else -float_64(least)


@njit(cache=True, nogil=True, error_model="numpy")
def profiles(ground, clutter, task, samples, edge, sight):
    """Evaluate the cells of a window within reach, each by its own profile.

    Parameters
    ----------
    ground, clutter
        The window with one cell more on every side; (0, 0) without clutter data.
    task
        The mast.
    samples
        Samples per cell length, at least.
    edge, sight
        What is written, see :class:`Obstruction`.
    """
    rows, columns = edge.shape
    # from the corners of the raster to the centres of the window's cells, and the cell more
    x, y = task.x + 0.5, task.y + 0.5
    flat = np.empty(ground.size)
    for i, height in enumerate(ground.ravel()):
        flat[i] = height
    one, wide = np.uint64(1), np.uint64(columns + 2)
    origin = np.uint64(task.row) * wide + np.uint64(task.column)
    most = max(FEWEST_POINTS, 2 + math.ceil(samples * task.reach))
    e, i_of, inverse = np.empty(most), np.empty(most), np.empty(most)
    for i in range(most):
        i_of[i], inverse[i] = i, 1.0 / i
    start = bilinear(ground, x - task.column, y - task.row) + task.height_m
    for r in range(rows):
        for c in range(columns):
            dx, dy = task.column + c + 0.5 - task.x, task.row + r + 0.5 - task.y
            distance = math.sqrt(dx * dx + dy * dy)
            if not 0.0 < distance <= task.reach:
                continue
            n = max(FEWEST_POINTS, 1 + math.ceil(samples * distance))
            step, sx, sy = distance / (n - 1), dx / (n - 1), dy / (n - 1)
            for i in range(one, np.uint64(n - 1)):
                u, v = x + i * sx, y + i * sy
                west_c, south_r = np.uint64(u), np.uint64(v)
                a, b = u - west_c, v - south_r
                at = south_r * wide + west_c - origin
                low = flat[at] + a * (flat[at + one] - flat[at])
                high = flat[at + wide] + a * (flat[at + wide + one] - flat[at + wide])
                e[i] = low + b * (high - low) - task.fall_m * (i * step) ** 2
            end = ground[r + 1, c + 1] + task.receiver_m - task.fall_m * distance * distance
            squared = profile_edge(e, n, start, end, i_of, inverse)
            squared *= 2.0 * (n - 1) / (step * task.cell_m)
            edge[r, c] = math.copysign(math.sqrt(abs(squared)), squared)
            if squared >= 0.0:
                sight[r, c] = BLOCKED
            elif clutter.size:
                sight[r, c] = surface_sight(ground, clutter, task, r, c, distance, start, end)
