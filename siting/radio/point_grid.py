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
def bins_of_disc(grid: PointGrid, x: float, y: float, radius_m: float) -> tuple[int, int, int, int]:
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
