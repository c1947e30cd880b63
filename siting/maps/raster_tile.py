"""Radio rasters as tiles of a web map: the classes and colours of the map, 256 x 256 pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import shapely

from siting import map_style
from siting.geo import project, unproject_geometry
from siting.grid import Grid
from siting.maps.png import palette_png
from siting.maps.raster_layer import ClassScale, level_index, palette, server_index

#: Pixels along a tile's side.
SIDE = 256
#: Parts of a side between places that are projected exactly.
_PARTS = 32

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiledRaster:
    """A raster whose cells have their colours.

    Parameters
    ----------
    grid
        The cells.
    index
        Colour of each cell, (rows, columns), row 0 in the south: 0 transparent, k for
        ``colours[k - 1]``.
    colours
        As ``"#FDE725"``.
    bounds
        West, south, east, north of the raster, its curved edges included [deg].
    """

    grid: Grid
    index: npt.NDArray[np.uint8]
    colours: tuple[str, ...]
    bounds: Box


def tiled_levels(grid: Grid, values: npt.ArrayLike, scale: ClassScale) -> TiledRaster:
    """Return a level in the classes of the map.

    Parameters
    ----------
    grid, values, scale
        As for :func:`siting.maps.raster_layer.level_layer`.

    Raises
    ------
    InputError
        For a raster that does not fit the grid.
    """
    return TiledRaster(
        grid=grid,
        index=level_index(grid, values, scale),
        colours=map_style.CLASS_COLOURS[len(scale.classes)],
        bounds=lonlat_bounds(grid),
    )


def tiled_servers(grid: Grid, server: npt.ArrayLike) -> TiledRaster:
    """Return the areas of servers in the colours of the map.

    Parameters
    ----------
    grid, server
        As for :func:`siting.maps.raster_layer.server_layer`; any numbering gives the same colours.

    Raises
    ------
    InputError
        For a raster that does not fit the grid.
    """
    index, _ = server_index(grid, server)
    return TiledRaster(
        grid=grid, index=index, colours=map_style.SERVER_COLOURS, bounds=lonlat_bounds(grid)
    )


def lonlat_bounds(grid: Grid) -> Box:
    """Return west, south, east, north of a raster, its curved edges included [deg]."""
    size = grid.cell_size_m
    east, north = grid.west_m + grid.columns * size, grid.south_m + grid.rows * size
    outline = shapely.box(grid.west_m, grid.south_m, east, north)
    longest = max(east - grid.west_m, north - grid.south_m)
    return unproject_geometry(shapely.segmentize(outline, longest / _PARTS), grid.crs).bounds


def tile_png(raster: TiledRaster, z: int, x: int, y: int) -> bytes:
    """Draw a tile of the WebMercatorQuad scheme as PNG.

    Parameters
    ----------
    raster
        What is drawn; a pixel shows the cell its centre lies in.
    z, x, y
        Zoom, column from the west, row from the north.

    Returns
    -------
    bytes
        256 x 256 pixels, transparent where the raster has no value.

    Notes
    -----
    Every eighth pixel's corner is projected and what lies between is interpolated: from zoom 5 on
    the error stays below a hundredth of a pixel.

    References
    ----------
    OGC 17-083r4, Two Dimensional Tile Matrix Set, annex D.1, WebMercatorQuad.
    """
    grid = raster.grid
    part = np.linspace(0.0, 1.0, _PARTS + 1)
    lon = (x + part) / (1 << z) * 360.0 - 180.0
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * (y + part) / (1 << z)))))
    west, south, east, north = raster.bounds
    if lon[-1] < west or lon[0] > east or lat[0] < south or lat[-1] > north:
        return _transparent()
    column, row = _cells_under(grid, lon, lat)
    within = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
    image = np.zeros((SIDE, SIDE), dtype=np.uint8)
    image[within] = raster.index[row[within].astype(np.intp), column[within].astype(np.intp)]
    return palette_png(image, palette(raster.colours))


def _cells_under(grid: Grid, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return column and row, with fraction, under the centre of every pixel, (256, 256)."""
    places = project(np.tile(lon, len(lat)), np.repeat(lat, len(lon)), grid.crs)
    place = (places - [grid.west_m, grid.south_m]) / grid.cell_size_m
    column, row = (_between(axis.reshape(len(lat), len(lon))) for axis in place.T)
    return column, row


def _between(values: Floats) -> Floats:
    """Interpolate from the lattice of projected places to the centres of pixels."""
    at = (np.arange(SIDE) + 0.5) * _PARTS / SIDE
    first = at.astype(np.intp)
    share = at - first
    rows = values[first] + share[:, None] * (values[first + 1] - values[first])
    return rows[:, first] + share * (rows[:, first + 1] - rows[:, first])


@cache
def _transparent() -> bytes:
    return palette_png(np.zeros((SIDE, SIDE), dtype=np.uint8), palette(()))
