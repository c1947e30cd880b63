"""Points sorted into square bins, so that a disc is found without looking at the rest.

Bins are numbered row by row from the south-west; the points of neighbouring bins of a row are
neighbours in memory, so a disc is a handful of slices.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem

_MAX_BINS_PER_POINT = 4.0
_POINTS_PER_BIN = 4.0


class PointGrid(NamedTuple):
    """Points sorted by bin; a named tuple, because compiled loops take it as it is.

    Parameters
    ----------
    west_m, south_m
        Corner of the first bin [m].
    bin_m
        Side of a bin [m].
    rows, columns
        Number of bins northwards and eastwards.
    start
        First sorted point of every bin and, last, the number of points n, shape
        (rows * columns + 1,).
    order
        Index of every sorted point in the caller's order, shape (n,); ascending in a bin.
    xy
        Position of the sorted points [m], shape (n, 2).
    """

    west_m: float
    south_m: float
    bin_m: float
    rows: int
    columns: int
    start: npt.NDArray[np.int64]
    order: npt.NDArray[np.int32]
    xy: npt.NDArray[np.float64]


class LevelTable(NamedTuple):
    """Levels against distance, at distances evenly spaced in their logarithm.

    Parameters
    ----------
    nearest_m, lg_nearest
        First distance [m], below which its level holds, and its decimal logarithm.
    nodes_per_decade
        Spacing of the distances.
    level
        One row per curve, shape (curves, nodes), at least two nodes.
    curve
        Row of every place, shape (b,).
    """

    nearest_m: float
    lg_nearest: float
    nodes_per_decade: float
    level: npt.NDArray[np.float64]
    curve: npt.NDArray[np.int64]


def build_grid(xy: npt.NDArray[np.float64]) -> PointGrid:
    """Sort points into bins of about four points each.

    Parameters
    ----------
    xy
        Positions in the working CRS [m], shape (n, 2).

    Raises
    ------
    InputError
        When the shape is wrong or a coordinate is not finite.
    """
    xy = checked_xy("points", xy)
    if not len(xy):
        start = np.zeros(2, dtype=np.int64)
        return PointGrid(0.0, 0.0, 1.0, 1, 1, start, np.zeros(0, dtype=np.int32), xy)
    low, high = xy.min(axis=0), xy.max(axis=0)
    width, height = np.maximum(high - low, 1.0)
    bin_m = float(np.sqrt(width * height * _POINTS_PER_BIN / len(xy)))
    # A long thin set would ask for too many bins along its length.
    bin_m = max(bin_m, float(max(width, height)) / (_MAX_BINS_PER_POINT * len(xy)))
    rows, columns = int(height // bin_m) + 1, int(width // bin_m) + 1
    cell = np.floor((xy - low) / bin_m).astype(np.int64)
    number = np.minimum(cell[:, 1], rows - 1) * columns + np.minimum(cell[:, 0], columns - 1)
    order = np.argsort(number, kind="stable").astype(np.int32)
    start = np.zeros(rows * columns + 1, dtype=np.int64)
    np.cumsum(np.bincount(number, minlength=rows * columns), out=start[1:])
    return PointGrid(
        west_m=float(low[0]),
        south_m=float(low[1]),
        bin_m=bin_m,
        rows=rows,
        columns=columns,
        start=start,
        order=order,
        xy=np.ascontiguousarray(xy[order]),
    )


def checked_xy(where: str, xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return positions as a contiguous float array of shape (n, 2).

    Raises
    ------
    InputError
        When the shape is wrong or a coordinate is not finite.
    """
    xy = np.ascontiguousarray(xy, dtype=np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2:  # noqa: PLR2004  (east and north)
        raise InputError(Problem(where, f"positions have shape {xy.shape}, not (n, 2)"))
    finite = np.isfinite(xy).all(axis=1)
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise InputError(
            Problem(
                f"{where}[{first}]",
                f"{int((~finite).sum())} positions are not finite, the first is "
                f"({xy[first, 0]}, {xy[first, 1]})",
                "give coordinates in metres",
            )
        )
    return xy


@nb.njit(cache=True, nogil=True)
def _bins_of_disc(
    grid: PointGrid, x: float, y: float, radius_m: float
) -> tuple[int, int, int, int]:
    """First and last row, first and last column of the bins a disc may touch; last < first: none.

    The reach is a whisker more than the radius, so that rounding never loses a point on the rim.
    """
    reach = radius_m * (1.0 + 1e-9) + 1e-6
    return (
        max(0, int(np.floor((y - reach - grid.south_m) / grid.bin_m))),
        min(grid.rows - 1, int(np.floor((y + reach - grid.south_m) / grid.bin_m))),
        max(0, int(np.floor((x - reach - grid.west_m) / grid.bin_m))),
        min(grid.columns - 1, int(np.floor((x + reach - grid.west_m) / grid.bin_m))),
    )


@nb.njit(cache=True, nogil=True)
def count_in_discs(
    grid: PointGrid, xy: npt.NDArray[np.float64], radius_m: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Count the points within `radius_m` [m] of every place of `xy` [m], the rim included.

    A radius of 0 holds nothing. Squared distances are compared.
    """
    counts = np.zeros(len(xy), dtype=np.int64)
    for o in range(len(xy)):
        if not radius_m[o] > 0.0:
            continue
        x, y, limit = xy[o, 0], xy[o, 1], radius_m[o] * radius_m[o]
        bottom, top, left, right = _bins_of_disc(grid, x, y, radius_m[o])
        if right < left:
            continue
        inside = 0
        for row in range(bottom, top + 1):
            base = row * grid.columns
            for p in range(grid.start[base + left], grid.start[base + right + 1]):
                dx, dy = grid.xy[p, 0] - x, grid.xy[p, 1] - y
                inside += dx * dx + dy * dy <= limit
        counts[o] = inside
    return counts


@nb.njit(cache=True, nogil=True)
def list_in_discs(
    grid: PointGrid,
    xy: npt.NDArray[np.float64],
    radius_m: npt.NDArray[np.float64],
    found: npt.NDArray[np.int32],
) -> None:
    """Write the indices of the points :func:`count_in_discs` counted, place after place.

    `found` must be as long as the sum of the counts.
    """
    slot = 0
    for o in range(len(xy)):
        if not radius_m[o] > 0.0:
            continue
        x, y, limit = xy[o, 0], xy[o, 1], radius_m[o] * radius_m[o]
        bottom, top, left, right = _bins_of_disc(grid, x, y, radius_m[o])
        if right < left:
            continue
        for row in range(bottom, top + 1):
            base = row * grid.columns
            for p in range(grid.start[base + left], grid.start[base + right + 1]):
                dx, dy = grid.xy[p, 0] - x, grid.xy[p, 1] - y
                if dx * dx + dy * dy <= limit:
                    found[slot] = grid.order[p]
                    slot += 1


@nb.njit(cache=True, nogil=True)
def strongest_in_discs(
    grid: PointGrid,
    xy: npt.NDArray[np.float64],
    radius_m: float,
    levels: LevelTable,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Find the strongest level any place gives each point, and which place gives it.

    Parameters
    ----------
    grid
        The points.
    xy
        The places [m], shape (b, 2).
    radius_m
        Distance up to which a place is heard [m].
    levels
        Level against distance for every place.

    Returns
    -------
    best, server
        Level in the unit of the table (-inf: none) and index of the place (-1: none) for every
        point in the caller's order, shape (n,). Of equal levels the first place keeps the point.
    """
    best = np.full(len(grid.order), -np.inf)
    server = np.full(len(grid.order), -1, dtype=np.int64)
    limit = radius_m * radius_m
    last_node = levels.level.shape[1] - 2
    for o in range(len(xy)):
        x, y = xy[o, 0], xy[o, 1]
        curve = levels.level[levels.curve[o]]
        bottom, top, left, right = _bins_of_disc(grid, x, y, radius_m)
        if right < left:
            continue
        for row in range(bottom, top + 1):
            base = row * grid.columns
            for p in range(grid.start[base + left], grid.start[base + right + 1]):
                dx, dy = grid.xy[p, 0] - x, grid.xy[p, 1] - y
                square = dx * dx + dy * dy
                if square > limit:
                    continue
                at = 0.0
                if square > levels.nearest_m * levels.nearest_m:
                    at = (0.5 * np.log10(square) - levels.lg_nearest) * levels.nodes_per_decade
                node = min(int(at), last_node)
                level = curve[node] + (at - node) * (curve[node + 1] - curve[node])
                point = grid.order[p]
                if level > best[point]:
                    best[point] = level
                    server[point] = o
    return best, server
