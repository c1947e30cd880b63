"""Raster tiles: every pixel in its place, in the colours of the map."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
import pytest
from rasterio.io import MemoryFile

from siting import map_style
from siting.geo import project, unproject
from siting.grid import Grid
from siting.maps import SS_RSRP, level_layer, server_layer
from siting.maps.raster_tile import (
    SIDE,
    TiledRaster,
    _cells_under,
    lonlat_bounds,
    tile_png,
    tiled_levels,
    tiled_servers,
)
from siting.provenance import Provenance

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

#: A part of Ezhou; its grid is turned against Web Mercator's by half a degree.
GRID = Grid(
    crs="EPSG:4547",
    west_m=588_000.0,
    south_m=3_360_000.0,
    cell_size_m=50.0,
    columns=120,
    rows=90,
)


def decoded(png: bytes) -> npt.NDArray[np.uint8]:
    """Return the palette indices of an image."""
    with MemoryFile(png) as memory, memory.open() as file:
        return file.read(1)


def centres(z: int, x: int, y: int) -> npt.NDArray[np.float64]:
    """Return column and row, with fraction, under every pixel centre, each projected by itself."""
    at = (np.arange(SIDE) + 0.5) / SIDE
    lon = (x + at) / (1 << z) * 360 - 180
    lat = np.degrees(2 * np.arctan(np.exp(np.pi * (1 - 2 * (y + at) / (1 << z)))) - np.pi / 2)
    xy = project(np.tile(lon, SIDE), np.repeat(lat, SIDE), GRID.crs)
    return (xy - [GRID.west_m, GRID.south_m]) / GRID.cell_size_m


def tile_over(z: int) -> tuple[int, int, int]:
    """Return the tile over the middle of the raster."""
    east = GRID.west_m + GRID.columns * GRID.cell_size_m / 2
    north = GRID.south_m + GRID.rows * GRID.cell_size_m / 2
    (lon,), (lat,) = unproject(np.array([[east, north]]), GRID.crs)
    down = (1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2
    return z, int((lon + 180) / 360 * (1 << z)), int(down * (1 << z))


def levels() -> TiledRaster:
    """Return random levels with a hole."""
    values = np.random.default_rng(1).uniform(-125, -75, (GRID.rows, GRID.columns))
    values[40:50, 30:60] = np.nan
    return tiled_levels(GRID, values, SS_RSRP)


@pytest.mark.parametrize("z", [5, 8, 10, 12, 14, 16])
def test_interpolated_places_are_true_to_a_hundredth_of_a_pixel(z: int) -> None:
    """Between the places that are projected exactly, wherever the raster has cells."""
    place = tile_over(z)
    part = np.linspace(0, 1, 33)
    lon = (place[1] + part) / (1 << z) * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (place[2] + part) / (1 << z)))))
    true = centres(*place)
    found = np.column_stack([item.ravel() for item in _cells_under(GRID, lon, lat)])
    near = (np.abs(true - [60, 45]) < 2000).all(axis=1)
    pixel = abs(true[1, 0] - true[0, 0])
    assert near.any()
    assert np.abs(found - true)[near].max() < 0.01 * pixel


@pytest.mark.parametrize("z", [12, 14, 16])
def test_every_pixel_shows_the_cell_under_its_centre(z: int) -> None:
    """The class is that of the cell, wherever a pixel is not on the very edge of one."""
    raster, place = levels(), tile_over(z)
    drawn = decoded(tile_png(raster, *place)).ravel()
    column, row = centres(*place).T
    inside = (column >= 0) & (column < GRID.columns) & (row >= 0) & (row < GRID.rows)
    expected = np.zeros(SIDE * SIDE, dtype=np.uint8)
    expected[inside] = raster.index[row[inside].astype(int), column[inside].astype(int)]
    cells_per_pixel = abs(column[1] - column[0])
    edge = np.minimum(np.abs(column - np.rint(column)), np.abs(row - np.rint(row)))
    clear = edge > 0.01 * cells_per_pixel
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(drawn[clear], expected[clear])
    assert drawn.any()


def test_far_away_there_is_nothing() -> None:
    """Tiles beyond the raster, on the other side of the Earth too, are transparent."""
    raster = levels()
    z, x, y = tile_over(12)
    for place in ((z, x + 9, y), (z, x, y - 9), (5, 3, 17), (5, 25, 30), (12, 0, 0)):
        assert not decoded(tile_png(raster, *place)).any(), place


def test_bounds_hold_every_corner() -> None:
    """All cells lie inside the box, and the box touches them."""
    west, south, east, north = lonlat_bounds(GRID)
    col, row = np.meshgrid(np.arange(GRID.columns + 1), np.arange(GRID.rows + 1))
    xy = np.column_stack((col.ravel(), row.ravel())) * GRID.cell_size_m
    xy += np.array([GRID.west_m, GRID.south_m])
    lon, lat = unproject(xy, GRID.crs)
    np.testing.assert_allclose(
        [lon.min(), lat.min(), lon.max(), lat.max()], [west, south, east, north], atol=1e-7
    )


def palette_of(png: bytes) -> set[tuple[int, ...]]:
    """Return the colours an image uses, with opacity."""
    index = decoded(png)
    with MemoryFile(png) as memory, memory.open() as file:
        table = file.colormap(1)
    return {table[number] for number in np.unique(index).tolist()}


def test_colours_are_those_of_the_map() -> None:
    """Tile and map layer of one raster use the same colours, with the same opacity."""
    values = np.random.default_rng(2).uniform(-125, -75, (GRID.rows, GRID.columns))
    servers = np.add.outer(np.arange(GRID.rows) // 30, np.arange(GRID.columns) // 40)
    for tiled, layer in (
        (tiled_levels(GRID, values, SS_RSRP),
         level_layer(GRID, values, SS_RSRP, provenance=Provenance.REAL)),
        (tiled_servers(GRID, servers), server_layer(GRID, servers, provenance=Provenance.REAL)),
    ):  # fmt: skip
        image = base64.b64decode(layer.image.partition(",")[2])
        z, x, y = tile_over(12)
        used = [
            palette_of(tile_png(tiled, z, x + right, y + down))
            for right in (-1, 0, 1)
            for down in (-1, 0, 1)
        ]
        assert set().union(*used) == palette_of(image)


def test_any_numbering_of_servers_looks_alike() -> None:
    """Servers counted from one, as files hold them, have the colours of those from nought."""
    servers = np.add.outer(np.arange(GRID.rows) // 20, np.arange(GRID.columns) // 30)
    shifted = servers.astype(np.float32) + 7.0
    shifted[0] = np.nan
    one, other = tiled_servers(GRID, servers), tiled_servers(GRID, shifted)
    np.testing.assert_array_equal(one.index[1:], other.index[1:])
    assert not other.index[0].any()
    assert one.colours == map_style.SERVER_COLOURS
