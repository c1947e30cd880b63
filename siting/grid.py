"""Demand as a grid of square cells: which cells are land, and how many people live in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from siting.errors import InputError, Problem

#: A town of any size fills its own cell at least [m].
LEAST_REACH_M = 50.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Square cells in a projected metric CRS, numbered row by row from the south-west corner.

    Parameters
    ----------
    crs
        Working CRS as an authority string.
    west_m, south_m
        Corner of cell (0, 0) in that CRS [m].
    cell_size_m
        Side of a cell [m].
    columns, rows
        Size of the grid; the cell in column c and row r has the id r * columns + c.
    """

    crs: str
    west_m: float
    south_m: float
    cell_size_m: float
    columns: int
    rows: int

    @classmethod
    def over(cls, geometry: BaseGeometry, *, crs: str, cell_size_m: float) -> Grid:
        """Lay the grid over a geometry of the CRS, its corner on a multiple of the cell size."""
        west, south, east, north = geometry.bounds
        first = np.floor(np.array([west, south]) / cell_size_m)
        last = np.ceil(np.array([east, north]) / cell_size_m)
        columns, rows = (last - first).astype(int)
        return cls(
            crs=crs,
            west_m=float(first[0] * cell_size_m),
            south_m=float(first[1] * cell_size_m),
            cell_size_m=cell_size_m,
            columns=int(columns),
            rows=int(rows),
        )

    def __len__(self) -> int:
        """Return the number of cells."""
        return self.columns * self.rows

    def centres(self, col: npt.ArrayLike, row: npt.ArrayLike) -> Floats:
        """Return the centres of cells in the CRS [m], shape (n, 2), east then north."""
        east = self.west_m + (np.asarray(col, dtype=np.float64) + 0.5) * self.cell_size_m
        north = self.south_m + (np.asarray(row, dtype=np.float64) + 0.5) * self.cell_size_m
        return np.column_stack((east, north))

    def ids(self, col: npt.ArrayLike, row: npt.ArrayLike) -> Ints:
        """Return the ids of cells, shape (n,)."""
        return np.asarray(row, dtype=np.int64) * self.columns + np.asarray(col, dtype=np.int64)

    def inside(self, geometry: BaseGeometry) -> Ints:
        """Return the ids of the cells whose centre lies inside a polygon, ascending."""
        west, south, east, north = geometry.bounds
        size = self.cell_size_m
        cols = np.arange(
            max(0, int((west - self.west_m) // size)),
            min(self.columns, int((east - self.west_m) // size) + 1),
        )
        rows = np.arange(
            max(0, int((south - self.south_m) // size)),
            min(self.rows, int((north - self.south_m) // size) + 1),
        )
        col, row = np.tile(cols, len(rows)), np.repeat(rows, len(cols))
        xy = self.centres(col, row)
        hit = contains(geometry, xy)
        return self.ids(col[hit], row[hit])


def contains(geometry: BaseGeometry, xy: Floats) -> npt.NDArray[np.bool_]:
    """Say which positions, shape (n, 2), lie inside a polygon of the same CRS, shape (n,).

    Notes
    -----
    Each part of a multipolygon is asked only for the positions in its bounding box, and prepared
    first: city-size questions take a fraction of a second.
    """
    inside = np.zeros(len(xy), dtype=bool)
    parts = shapely.get_parts(geometry)
    shapely.prepare(parts)
    for part, (west, south, east, north) in zip(parts, shapely.bounds(parts), strict=True):
        near = np.flatnonzero(
            (xy[:, 0] >= west) & (xy[:, 0] <= east) & (xy[:, 1] >= south) & (xy[:, 1] <= north)
        )
        inside[near] |= shapely.contains_xy(part, xy[near, 0], xy[near, 1])
    return inside


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settlements:
    """Where the people of one district live: towns, and the open country between them.

    Parameters
    ----------
    people
        Total of the district [people].
    urban_share
        Share that lives in the towns below, 0..1; the rest is spread evenly over all land.
    xy
        Town centres in the working CRS [m], shape (k, 2).
    weight
        Relative size of the towns, shape (k,), > 0.
    """

    people: int
    urban_share: float
    xy: Floats
    weight: Floats


def spread_people(
    xy: Floats,
    settlements: Settlements,
    *,
    peak_density_per_km2: float,
    blocks: Sequence[Ints] = (),
) -> Ints:
    """Spread a district's people over its cells; the cells re-sum to the total exactly.

    Parameters
    ----------
    xy
        Centres of the district's land cells [m], shape (n, 2).
    settlements
        Total, urban share and towns.
    peak_density_per_km2
        Density every town reaches in its centre [people/km²]; it fixes how far a town of a given
        size reaches.
    blocks
        Numbers of the coarser squares each cell belongs to, shape (n,) each, coarse to fine, every
        square within one of the level before. People are rounded to whole numbers level by level,
        so that rounding moves nobody farther than one of the finest squares that holds a person.

    Returns
    -------
    array
        People per cell, integer >= 0, shape (n,).

    Raises
    ------
    InputError
        When there is no cell, the urban share is outside 0..1, a town is missing for it, or all
        towns are far away.

    Notes
    -----
    Town k with P_k people has the density D exp(-d / b_k) at distance d from its centre, with
    b_k = sqrt(P_k / (2 pi D)), so that it integrates to P_k over the plane; what falls on water or
    outside the district is returned to the land by scaling. Each cell takes the value at its
    centre. Valid as a picture of where most people live; no single cell is a fact.

    References
    ----------
    Clark, C. (1951). Urban population densities. Journal of the Royal Statistical Society A
    114(4), 490-496.
    """
    problems: list[Problem] = []
    if not len(xy):
        problems.append(Problem("cells", "the district has no land cell", "check boundary, water"))
    if not 0.0 <= settlements.urban_share <= 1.0:
        problems.append(
            Problem("urban_share", f"{settlements.urban_share} is outside 0..1", "give a share")
        )
    if settlements.urban_share > 0 and not len(settlements.xy):
        problems.append(Problem("towns", "an urban share needs at least one town", "add a town"))
    if problems:
        raise InputError(problems)
    urban = settlements.people * settlements.urban_share
    density = np.full(len(xy), (settlements.people - urban) / len(xy), dtype=np.float64)
    if urban > 0:
        pattern = _town_pattern(xy, settlements, urban, peak_density_per_km2)
        density += urban * (pattern / pattern.sum())
    # Ten significant digits: the last bits of exp() differ between processors, people must not.
    density = np.round(density, 10)
    totals = np.array([settlements.people], dtype=np.int64)
    parent = np.zeros(len(xy), dtype=np.intp)
    for block in (*blocks, np.arange(len(xy))):
        _, first, member = np.unique(block, return_index=True, return_inverse=True)
        share = np.bincount(member, weights=density).astype(np.float64)
        totals = _within_groups(share, parent[first], totals)
        parent = member
    return totals


def _town_pattern(
    xy: Floats, settlements: Settlements, urban: float, peak_density_per_km2: float
) -> Floats:
    """Add up the towns' exponentials; relative values, shape (n,)."""
    sizes = urban * settlements.weight / settlements.weight.sum()
    reach_m = np.sqrt(sizes / (2.0 * np.pi * peak_density_per_km2 / 1e6))
    pattern = np.zeros(len(xy))
    for centre, reach in zip(settlements.xy, np.maximum(reach_m, LEAST_REACH_M), strict=True):
        pattern += np.exp(-np.hypot(*(xy - centre).T) / reach)
    if not pattern.any():
        raise InputError(
            Problem("towns", "no land of the district is near any of its towns", "check positions")
        )
    return pattern


def largest_remainder(share: Floats, total: int) -> Ints:
    """Divide a whole number in proportion to shares, by largest remainders, ties by index.

    Parameters
    ----------
    share
        Relative size per part, shape (n,), >= 0, not all zero.
    total
        Number to divide, >= 0.

    Returns
    -------
    array
        Integers that sum to `total` exactly, each within one of its exact share, shape (n,).
    """
    return _within_groups(share, np.zeros(len(share), dtype=np.int64), np.array([total]))


def _within_groups(share: Floats, group: npt.NDArray[np.integer], totals: Ints) -> Ints:
    """Divide each group's total over its members by largest remainders, ties by index."""
    sums = np.bincount(group, weights=share, minlength=len(totals))
    exact = share * (totals / np.where(sums > 0, sums, 1.0))[group]
    whole = np.floor(exact + 1e-9).astype(np.int64)
    left = totals - np.bincount(group, weights=whole, minlength=len(totals)).astype(np.int64)
    order = np.lexsort((np.arange(len(share)), -np.round(exact - whole, 9), group))
    starts = np.concatenate(([0], np.cumsum(np.bincount(group, minlength=len(totals)))[:-1]))
    rank = np.empty(len(share), dtype=np.int64)
    rank[order] = np.arange(len(share)) - starts[group[order]]
    return whole + (rank < left[group])


def blocks_of(grid: Grid, ids: Ints, *, cells: int) -> Ints:
    """Return the number of the coarse square, `cells` cells wide, that each cell belongs to."""
    row, col = np.divmod(ids, grid.columns)
    across = -(-grid.columns // cells)
    return (row // cells) * across + col // cells


def land_cells(
    grid: Grid, districts: Sequence[BaseGeometry], water: BaseGeometry | None
) -> tuple[Ints, Ints]:
    """List the cells whose centre is on land inside a district.

    Returns
    -------
    ids, district
        Cell ids ascending, shape (n,), and the index of the district each lies in, shape (n,). A
        centre on a shared edge belongs to the first district that holds it.
    """
    owner = np.full(len(grid), -1, dtype=np.int64)
    for number, district in reversed(list(enumerate(districts))):
        owner[grid.inside(district)] = number
    if water is not None:
        for part in shapely.get_parts(water):
            owner[grid.inside(part)] = -1
    ids = np.flatnonzero(owner >= 0).astype(np.int64)
    return ids, owner[ids]
