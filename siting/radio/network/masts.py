"""Masts of a network, and what the terrain puts round each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from siting.grid import Grid
from siting.radio.ground.obstruction import Method, obstruction
from siting.radio.ground.terrain import Terrain
from siting.radio.network.accumulate import Mast, encode
from siting.radio.network.cells import Cells

#: Position east and north, and antenna height [m].
Place = tuple[float, float, float]

_NO_EDGE = np.empty((0, 0), dtype=np.int16)
_NO_SIGHT = np.empty((0, 0), dtype=np.int8)


class Window(NamedTuple):
    """Pixels round a mast and what stands between; fields as in :class:`Mast`."""

    row: int
    column: int
    rows: int
    columns: int
    edge: npt.NDArray[np.int16]
    sight: npt.NDArray[np.int8]


class Surroundings:
    """The windows of all masts of one raster, computed when they are asked for.

    Parameters
    ----------
    grid
        The raster.
    terrain
        Ground and clutter on the same grid; None: level and free.
    radius_m
        Distance to which cells are heard [m].
    method
        How paths over terrain are evaluated.
    keep
        Whether to keep windows for a second question, 2 bytes per pixel, with clutter 3.
    """

    def __init__(
        self, grid: Grid, terrain: Terrain | None, radius_m: float, method: Method, *, keep: bool
    ) -> None:
        self.grid = grid
        self.terrain = terrain
        self.radius_m = radius_m
        self.method = method
        self.keep = keep
        self._kept: dict[Place, Window] = {}

    @property
    def ground(self) -> npt.NDArray[np.float32]:
        """Ground above sea level [m], (rows, columns), or (0, 0) for level ground."""
        empty = np.empty((0, 0), dtype=np.float32)
        return empty if self.terrain is None else self.terrain.ground_m

    def around(self, place: Place) -> Window:
        """Return the window of a mast."""
        window = self._kept.get(place)
        if window is None:
            window = self._compute(place)
            if self.keep:
                self._kept[place] = window
        return window

    def _compute(self, place: Place) -> Window:
        x, y, height = place
        if self.terrain is None:
            row, rows = self._span((y - self.grid.south_m), self.grid.rows)
            column, columns = self._span((x - self.grid.west_m), self.grid.columns)
            return Window(row, column, rows, columns, _NO_EDGE, _NO_SIGHT)
        seen = obstruction(self.terrain, (x, y), height, radius_m=self.radius_m, method=self.method)
        rows, columns = seen.edge.shape
        edge = np.empty((rows, columns), dtype=np.int16)
        encode(seen.edge, edge)
        sight = _NO_SIGHT if self.terrain.clutter_m is None else seen.sight
        return Window(seen.row, seen.column, rows, columns, edge, sight)

    def _span(self, centre_m: float, pixels: int) -> tuple[int, int]:
        """Return the first pixel of an axis whose centre may be within reach, and their number."""
        size = self.grid.cell_size_m
        first = max(0, math.floor((centre_m - self.radius_m) / size))
        last = min(pixels, math.ceil((centre_m + self.radius_m) / size))
        return first, max(0, last - first)


def places_of(cells: Cells, chosen: npt.NDArray[np.integer]) -> dict[Place, list[int]]:
    """Group cells by position and height, in order of their numbers."""
    groups: dict[Place, list[int]] = {}
    for cell in chosen.tolist():
        place = (float(cells.xy[cell, 0]), float(cells.xy[cell, 1]), float(cells.height_m[cell]))
        groups.setdefault(place, []).append(cell)
    return groups


def mast(
    place: Place,
    members: Sequence[int],
    *,
    curve: npt.NDArray[np.int32],
    directional: npt.NDArray[np.bool_],
    surroundings: Surroundings,
) -> Mast:
    """Return a mast with its window.

    Parameters
    ----------
    place, members
        Where it stands, and the numbers of its cells.
    curve, directional
        Loss curve of each cell of the network, and whether its antenna has a direction.
    surroundings
        Source of the window.
    """
    grid, window = surroundings.grid, surroundings.around(place)
    cells = np.array(members, dtype=np.int32)
    cells = cells[np.argsort(curve[cells], kind="stable")]
    return Mast(
        x=(place[0] - grid.west_m) / grid.cell_size_m,
        y=(place[1] - grid.south_m) / grid.cell_size_m,
        height_m=place[2],
        cells=cells,
        directional=bool(directional[cells].any()),
        **window._asdict(),
    )
