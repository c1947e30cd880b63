"""Which sites lie within reach of which demand: a cover matrix from planar positions.

Sites are sorted into square cells a little wider than their radius, so that everything within reach
of a point lies in the nine cells around it, which are three runs of memory. One pass counts, a
second one writes.
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit

from siting.errors import InvalidInput, Problem
from siting.location.inputs import MOST_ENTRIES, Faults

log = logging.getLogger(__name__)

#: Demand points in one piece of work of a thread; the result does not depend on it.
CHUNK = 1 << 15
#: Positions and radii beyond this are no places [unit of the positions]; its square is finite.
FARTHEST = 1e150
#: A cell is this much wider than the radius, so that rounding never loses a site on the rim.
_SLACK = 1.0 + 2.0**-20
#: Cells a grid has at most, and at most per site; a tiny radius asks for more than memory holds.
_MOST_CELLS = 1 << 24
_CELLS_PER_SITE = 4
#: Radii at least twice apart get grids of their own, at most so many.
_MOST_GRIDS = 16
#: Rows no longer than this are sorted by insertion.
_SHORT = 32


class _Grids(NamedTuple):
    """Sites sorted by grid, cell and index.

    Parameters
    ----------
    frame
        West and south edge and cell side of every grid, (grids, 3).
    size
        Columns and rows of every grid and its first cell in `start`, (grids, 3).
    start
        First sorted site of every cell; one more at the end of each grid.
    order
        Index of every sorted site, (m,).
    xy
        Position of every sorted site, (m, 2).
    limit
        Squared radius of every sorted site, (m,).
    """

    frame: npt.NDArray[np.float64]
    size: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    order: npt.NDArray[np.int32]
    xy: npt.NDArray[np.float64]
    limit: npt.NDArray[np.float64]


def disc_cover(
    demand_xy: Any, site_xy: Any, radius: Any, *, threads: int | None = None
) -> sp.csr_array:
    """Tell which sites lie within `radius` of each demand point, the rim included.

    Parameters
    ----------
    demand_xy
        Positions of demand, (n, 2), in a plane.
    site_xy
        Positions of the candidates, (m, 2), in the same unit.
    radius
        Reach >= 0 of every candidate, (m,) or one number, in the same unit.
    threads
        Threads to use; as many as there are processors when left out. No influence on the result.

    Returns
    -------
    scipy.sparse.csr_array
        Boolean (n, m) with sorted int32 indices: entry (i, o) stands where
        ``(x_i - x_o)**2 + (y_i - y_o)**2 <= radius_o**2`` in double precision.

    Raises
    ------
    InvalidInput
        Positions that are no finite (n, 2) or lie beyond 1e150, radii that are negative or not
        finite, no demand or no candidate, or more than 2**31 - 1 entries, which are counted before
        any is stored.

    Notes
    -----
    Candidates whose radii differ by a factor of two or more are kept in grids of their own, so
    that a few wide discs do not slow down many narrow ones. Besides the answer (5 bytes an entry)
    some 40 bytes a candidate and 8 bytes a demand point are held.
    """
    began = time.perf_counter()
    demand, site, reach = _checked(demand_xy, site_xy, radius)
    grids = _sorted_sites(site, reach)
    workers = max(1, threads or os.cpu_count() or 1)
    counts = np.zeros(len(demand) + 1, dtype=np.int32)
    total = _summed(lambda *part: _count(grids, demand, counts, *part), len(demand), workers)
    if total > MOST_ENTRIES:
        what = f"more than {MOST_ENTRIES} pairs of demand and site lie within it"
        raise InvalidInput(Problem("radius", what, "split the area"))
    np.cumsum(counts, out=counts)
    indices = np.empty(total, dtype=np.int32)
    _summed(lambda *part: _fill(grids, demand, counts, indices, *part), len(demand), workers)
    cover = sp.csr_array(
        (np.ones(total, dtype=np.bool_), indices, counts), shape=(len(demand), len(site))
    )
    cover.has_canonical_format = True
    log.info(
        "cover: n=%d options=%d nnz=%d in %.2f s",
        *cover.shape,
        total,
        time.perf_counter() - began,
    )
    return cover


def _checked(
    demand_xy: Any, site_xy: Any, radius: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    faults = Faults()
    demand = _positions(faults, "demand_xy", demand_xy)
    site = _positions(faults, "site_xy", site_xy)
    reach = faults.amounts("radius", radius, len(site))
    if (reach > FARTHEST).any():
        faults.add("radius", f"is beyond {FARTHEST:g}")
    faults.raise_if_any()
    return demand, site, reach


def _positions(faults: Faults, name: str, values: Any) -> npt.NDArray[np.float64]:
    try:
        xy = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        faults.add(name, "holds something that is no number")
        return np.zeros((1, 2))
    if xy.ndim != 2 or xy.shape[1] != 2 or not len(xy):  # noqa: PLR2004 - east and north
        faults.add(name, f"has shape {xy.shape}, needs (n, 2) with at least one point")
        return np.zeros((1, 2))
    if not _all_near(xy, FARTHEST):
        bad = ~(np.abs(xy) <= FARTHEST).all(axis=1)
        first = int(np.flatnonzero(bad)[0])
        what = f"holds {int(bad.sum())} positions that are NaN or beyond {FARTHEST:g}"
        faults.add(name, f"{what}, the first is [{first}] {tuple(xy[first].tolist())}")
    return xy


def _summed(work: Callable[[int, int], int], length: int, threads: int) -> int:
    """Work on pieces of ``range(length)`` in threads; end early once there are too many entries."""
    begins = range(0, length, CHUNK)
    ends = [min(begin + CHUNK, length) for begin in begins]
    total = 0
    with ThreadPoolExecutor(threads) as pool:
        for part in pool.map(work, begins, ends):
            total += part
            if total > MOST_ENTRIES:
                pool.shutdown(cancel_futures=True)
                break
    return total


def _sorted_sites(site: npt.NDArray[np.float64], reach: npt.NDArray[np.float64]) -> _Grids:
    """Sort the sites into the cells of one grid for each class of radii."""
    # Below 1e-150 squares lose their digits: there a site may be taken for one that is farther.
    wide = np.maximum(reach, 1e-150)
    kind = np.minimum(np.floor(np.log2(wide.max() / wide)), _MOST_GRIDS - 1).astype(np.int64)
    frames, sizes, starts, orders = [], [], [], []
    placed = first_cell = 0
    for k in np.unique(kind):
        mine = np.flatnonzero(kind == k)
        xy = site[mine]
        low = xy.min(axis=0)
        extent = xy.max(axis=0) - low
        side = _cell_side(extent, float(wide[mine].max()), len(mine))
        columns, rows = (np.floor(extent / side).astype(np.int64) + 1).tolist()
        cell = np.floor((xy - low) / side).astype(np.int64)
        number = cell[:, 1] * columns + cell[:, 0]
        start = np.full(rows * columns + 1, placed, dtype=np.int64)
        start[1:] += np.cumsum(np.bincount(number, minlength=rows * columns))
        frames.append((*low.tolist(), side))
        sizes.append((columns, rows, first_cell))
        starts.append(start)
        orders.append(mine[np.argsort(number, kind="stable")])
        placed += len(mine)
        first_cell += len(start)
    order = np.concatenate(orders)
    return _Grids(
        frame=np.array(frames, dtype=np.float64),
        size=np.array(sizes, dtype=np.int64),
        start=np.concatenate(starts),
        order=order.astype(np.int32),
        xy=np.ascontiguousarray(site[order]),
        limit=reach[order] * reach[order],
    )


def _cell_side(extent: npt.NDArray[np.float64], reach: float, sites: int) -> float:
    """Return a side no less than the reach with which the cells still fit into memory."""
    most = min(_MOST_CELLS, _CELLS_PER_SITE * sites)
    side = reach * _SLACK
    # Neither both sides together nor one alone may ask for more cells than that.
    side = max(side, float(np.sqrt(extent[0]) * np.sqrt(extent[1]) / np.sqrt(most)))
    return max(side, float(extent.max()) / most)


@njit(cache=True, nogil=True)
def _all_near(xy, farthest):
    near = True
    for i in range(len(xy)):
        near &= abs(xy[i, 0]) <= farthest and abs(xy[i, 1]) <= farthest
    return near


@njit(cache=True, nogil=True, inline="always")
def _nearby(frame, size, grid, x, y):
    """Return the first and last column and row of the cells around a place; last < first: none."""
    across = np.floor((x - frame[grid, 0]) / frame[grid, 2])
    up = np.floor((y - frame[grid, 1]) / frame[grid, 2])
    columns, rows = size[grid, 0], size[grid, 1]
    if not (-1.0 <= across <= columns and -1.0 <= up <= rows):
        return 0, -1, 0, -1
    column, row = np.int64(across), np.int64(up)
    return (
        max(column - 1, 0),
        min(column + 1, columns - 1),
        max(row - 1, 0),
        min(row + 1, rows - 1),
    )


@njit(cache=True, nogil=True)
def _count(grids, demand, counts, begin, end):
    """Count the sites within reach of each point of a piece; return their sum."""
    total = 0
    for i in range(begin, end):
        x, y = demand[i, 0], demand[i, 1]
        inside = 0
        for g in range(len(grids.frame)):
            left, right, bottom, top = _nearby(grids.frame, grids.size, g, x, y)
            if right < left:
                continue
            for row in range(bottom, top + 1):
                base = grids.size[g, 2] + row * grids.size[g, 0]
                for s in range(grids.start[base + left], grids.start[base + right + 1]):
                    dx, dy = grids.xy[s, 0] - x, grids.xy[s, 1] - y
                    inside += dx * dx + dy * dy <= grids.limit[s]
        counts[i + 1] = inside
        total += inside
    return total


@njit(cache=True, nogil=True)
def _fill(grids, demand, indptr, indices, begin, end):
    """Write the sites within reach of each point of a piece, ascending; return how many."""
    for i in range(begin, end):
        x, y = demand[i, 0], demand[i, 1]
        slot = indptr[i]
        for g in range(len(grids.frame)):
            left, right, bottom, top = _nearby(grids.frame, grids.size, g, x, y)
            if right < left:
                continue
            for row in range(bottom, top + 1):
                base = grids.size[g, 2] + row * grids.size[g, 0]
                for s in range(grids.start[base + left], grids.start[base + right + 1]):
                    dx, dy = grids.xy[s, 0] - x, grids.xy[s, 1] - y
                    if dx * dx + dy * dy <= grids.limit[s]:
                        indices[slot] = grids.order[s]
                        slot += 1
        _sort(indices, indptr[i], slot)
    return indptr[end] - indptr[begin]


@njit(cache=True, nogil=True)
def _sort(values, begin, end):
    """Sort a run of values ascending."""
    if end - begin > _SHORT:
        values[begin:end].sort()
        return
    for at in range(begin + 1, end):
        value = values[at]
        place = at
        while place > begin and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value
