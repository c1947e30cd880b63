"""Demand cells as an image in Web Mercator: served plain, not reached hatched."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from siting.geo import project, unproject
from siting.map_style import SERVED, UNSERVED
from siting.maps.png import palette_png, rgba

if TYPE_CHECKING:
    from siting.demand import Demand

_EARTH_RADIUS_M = 6_378_137.0  # of Web Mercator's sphere
_PIXELS_PER_CELL = 2
# Distance of the exactly projected support points [pixels]; see Notes of _cells_of_pixels.
_SUPPORT_PX = 24
_MAX_PIXELS = 40_000_000
_EMPTY, _PLAIN, _HATCH, _GROUND = 0, 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DemandRaster:
    """Which demand point each pixel of a Web Mercator image shows.

    Parameters
    ----------
    point
        Index of the demand point per pixel, -1 where there is none, shape (height, width), north
        row first.
    bounds
        South, west, north, east of the image [deg].
    """

    point: npt.NDArray[np.int32]
    bounds: tuple[float, float, float, float]

    def data_uri(self, served: npt.NDArray[np.bool_]) -> str:
        """Draw a mask over the demand points as a PNG data URI."""
        index = np.full(self.point.shape, _EMPTY, dtype=np.uint8)
        shown = self.point >= 0
        ok = shown.copy()
        ok[shown] = served[self.point[shown]]
        height, width = len(index), index.size // max(1, len(index))
        stripe = (np.arange(height)[:, None] + np.arange(width)) % 4 < _PIXELS_PER_CELL
        index[ok] = _PLAIN
        index[shown & ~ok & stripe] = _HATCH
        index[shown & ~ok & ~stripe] = _GROUND
        palette = [(0, 0, 0, 0), rgba(SERVED, 190), rgba(UNSERVED, 130), rgba(UNSERVED, 28)]
        return "data:image/png;base64," + base64.b64encode(palette_png(index, palette)).decode()


def demand_raster(demand: Demand, crs: str) -> DemandRaster:
    """Lay the cells of a demand grid under the pixels of a Web Mercator image.

    Parameters
    ----------
    demand
        Demand on square cells, with :attr:`~siting.demand.Demand.cell_size_m`.
    crs
        Working CRS of its positions.

    Notes
    -----
    Nearest neighbour: a pixel shows the cell its centre lies in. Two pixels a cell, so no cell is
    lost and no edge moves by more than a quarter of a cell.
    """
    cell_m = demand.cell_size_m
    if cell_m is None:
        raise ValueError("scattered demand has no cells to draw")
    xy = demand.xy
    west, south = float(xy[:, 0].min()) - cell_m / 2, float(xy[:, 1].min()) - cell_m / 2
    east, north = float(xy[:, 0].max()) + cell_m / 2, float(xy[:, 1].max()) + cell_m / 2
    edge = np.linspace(0.0, 1.0, 9)
    ring = np.concatenate(
        [np.column_stack([west + edge * (east - west), np.full(9, y)]) for y in (south, north)]
        + [np.column_stack([np.full(9, x), south + edge * (north - south)]) for x in (west, east)]
    )
    lon, lat = unproject(ring, crs)
    x, y = _to_mercator(lon, lat)
    pixel = cell_m / _PIXELS_PER_CELL / np.cos(np.radians(lat.mean()))
    width, height = int(np.ceil(np.ptp(x) / pixel)), int(np.ceil(np.ptp(y) / pixel))
    if width * height > _MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels are too many for one image; use tiles")
    left, top = float(x.min()), float(y.max())
    position = _positions(left, top, pixel, (height, width), crs)
    columns = round((east - west) / cell_m)
    col = np.floor((position[..., 0] - west) / cell_m).astype(np.int64)
    row = np.floor((position[..., 1] - south) / cell_m).astype(np.int64)
    rows = round((north - south) / cell_m)
    lookup = np.full(columns * rows, -1, dtype=np.int32)
    own = np.floor((xy - [west, south]) / cell_m).astype(np.int64)
    lookup[own[:, 1] * columns + own[:, 0]] = np.arange(len(xy), dtype=np.int32)
    inside = (col >= 0) & (col < columns) & (row >= 0) & (row < rows)
    point = np.where(inside, lookup[np.where(inside, row * columns + col, 0)], -1)
    west_deg, north_deg = _from_mercator(left, top)
    east_deg, south_deg = _from_mercator(left + width * pixel, top - height * pixel)
    return DemandRaster(
        point=point.astype(np.int32), bounds=(south_deg, west_deg, north_deg, east_deg)
    )


def _positions(
    left: float, top: float, pixel: float, shape: tuple[int, int], crs: str
) -> npt.NDArray[np.float64]:
    """Return the working position of every pixel centre [m], shape (height, width, 2).

    Support points every 24 pixels (about 1.2 km for 100 m cells) are projected exactly and the
    rest is bilinear between them; over that distance the two map projections differ from a
    bilinear map by less than 0.1 m.
    """
    height, width = shape
    rows = np.unique(np.append(np.arange(0, height, _SUPPORT_PX), max(height - 1, 0)))
    cols = np.unique(np.append(np.arange(0, width, _SUPPORT_PX), max(width - 1, 0)))
    x = left + (cols + 0.5) * pixel
    y = top - (rows + 0.5) * pixel
    lon = np.degrees(x / _EARTH_RADIUS_M)
    lat = np.degrees(2 * np.arctan(np.exp(y / _EARTH_RADIUS_M)) - np.pi / 2)
    grid_lon, grid_lat = np.meshgrid(lon, lat)
    support = project(grid_lon.ravel(), grid_lat.ravel(), crs).reshape(len(rows), len(cols), 2)
    every_row, every_col = np.arange(height), np.arange(width)
    result = np.empty((height, width, 2))
    for axis in range(2):
        across = np.stack([np.interp(every_col, cols, line) for line in support[..., axis]])
        result[..., axis] = _interpolate_rows(every_row, rows, across)
    return result


def _interpolate_rows(
    wanted: npt.NDArray[np.int64], known: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    if len(known) == 1:
        return np.repeat(values, len(wanted), axis=0)
    left = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(known) - 2)
    weight = ((wanted - known[left]) / (known[left + 1] - known[left]))[:, None]
    return values[left] * (1 - weight) + values[left + 1] * weight


def _to_mercator(
    lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x = np.radians(lon) * _EARTH_RADIUS_M
    y = np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) * _EARTH_RADIUS_M
    return x, y


def _from_mercator(x: float, y: float) -> tuple[float, float]:
    lat = 2 * np.arctan(np.exp(y / _EARTH_RADIUS_M)) - np.pi / 2
    return float(np.degrees(x / _EARTH_RADIUS_M)), float(np.degrees(lat))
