"""Where a raster reaches a level, as polygons that follow its cells."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.features import shapes
from shapely import MultiPolygon, Polygon

from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid


def north_up(grid: Grid) -> Affine:
    """Return the transform of an image of the grid whose first row is the northern one.

    Pixel corners (column, row from the north) become east, north [m]; a raster whose row 0 is in
    the south is turned with ``raster[::-1]`` first.
    """
    size = grid.cell_size_m
    return Affine(size, 0.0, grid.west_m, 0.0, -size, grid.south_m + grid.rows * size)


def contours(grid: Grid, raster: npt.ArrayLike, levels: npt.ArrayLike) -> gpd.GeoDataFrame:
    """Outline the area at or above each level.

    Parameters
    ----------
    grid
        The cells.
    raster
        (rows, columns), row 0 in the south; NaN belongs to no area.
    levels
        Levels in the raster's unit, (k,), in any order.

    Returns
    -------
    GeoDataFrame
        In the grid's CRS, a row per level, ascending: ``level``, ``area_m2`` and a MultiPolygon,
        empty where no cell reaches the level. A higher level's area lies within a lower one's.

    Raises
    ------
    InputError
        For a raster that does not fit the grid; no level, repeated ones or ones that are no
        numbers.

    Notes
    -----
    Edges follow the cells, so that an area is the exact sum of its cells and agrees with every
    share computed from the raster; lines interpolated between cell centres look smoother and
    disagree with it by up to half a cell along every edge, and end half a cell before a void.
    Cells that touch at a corner alone are different parts.
    """
    values = np.asarray(raster, dtype=np.float64)
    wanted = np.sort(np.asarray(levels, dtype=np.float64).ravel())
    problems = []
    if values.shape != (grid.rows, grid.columns):
        what = f"has shape {values.shape}, the grid has {(grid.rows, grid.columns)}"
        problems.append(Problem("raster", what))
    if not len(wanted) or not np.isfinite(wanted).all() or (np.diff(wanted) == 0).any():
        problems.append(
            Problem("levels", f"are {wanted.tolist()}", "give different finite numbers")
        )
    raise_if(problems, InputError)
    image = values[::-1]
    areas = [_area(image >= level, north_up(grid)) for level in wanted]
    return gpd.GeoDataFrame(
        {"level": wanted, "area_m2": shapely.area(areas)},
        geometry=gpd.GeoSeries(areas, crs=grid.crs),
    )


def _area(reached: npt.NDArray[np.bool_], transform: Affine) -> MultiPolygon:
    """Return the outline of the true cells of an image, north row first."""
    rings = shapes(reached.view(np.uint8), mask=reached, connectivity=4, transform=transform)
    return MultiPolygon(
        [Polygon(ring["coordinates"][0], ring["coordinates"][1:]) for ring, _ in rings]
    )
