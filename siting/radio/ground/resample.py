"""A terrain brought onto the cells of another raster."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from siting.grid import Grid
from siting.radio.ground.terrain import Terrain

Floats = npt.NDArray[np.float64]


def places_on(grid: Grid, own: Grid) -> tuple[Floats, Floats]:
    """Return the centres of a raster's rows and columns, in cells from the edges of another."""
    return (
        _places(grid.south_m, grid, grid.rows, own.south_m, own),
        _places(grid.west_m, grid, grid.columns, own.west_m, own),
    )


def resampled(terrain: Terrain, grid: Grid) -> Terrain:
    """Return a terrain on the cells of a raster of the same CRS.

    Ground is bilinear, clutter that of the nearest cell; beyond the edge the nearest value holds.
    """
    if terrain.grid == grid:
        return terrain
    row, column = places_on(grid, terrain.grid)
    at = np.meshgrid(row - 0.5, column - 0.5, indexing="ij")
    clutter = terrain.clutter_m
    return Terrain(
        grid=grid,
        ground_m=map_coordinates(terrain.ground_m, at, order=1, mode="nearest"),
        clutter_m=None
        if clutter is None
        else map_coordinates(clutter, at, order=0, mode="nearest"),
    )


def _places(edge_m: float, grid: Grid, cells: int, own_edge_m: float, own: Grid) -> Floats:
    """Return centres along one axis, in cells from the edge of another raster."""
    centre = edge_m + (np.arange(cells, dtype=np.float64) + 0.5) * grid.cell_size_m
    return np.asarray((centre - own_edge_m) / own.cell_size_m, dtype=np.float64)
