"""Vector tiles, made by the database."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, TextClause, text

from app.repository.features import Box

MIN_ZOOM, MAX_ZOOM = 5, 16
#: From this zoom on every demand cell is drawn by itself.
CELL_ZOOM = 12
#: From this zoom on every candidate site is drawn by itself.
SITE_ZOOM = 10
#: Scale of the tiles' projection at the highest latitude a study area is expected at (60°).
_STRETCH = 2.0


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile's place in WebMercatorQuad: zoom, column from the west, row from the north."""

    z: int
    x: int
    y: int

    @property
    def exists(self) -> bool:
        """Whether the scheme has this tile and the layers are drawn at its zoom."""
        side = 1 << self.z if MIN_ZOOM <= self.z <= MAX_ZOOM else 0
        return 0 <= self.x < side and 0 <= self.y < side


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandLayer:
    """Whose demand a tile shows, and who counts as served.

    Parameters
    ----------
    plan, dataset
        The plan and the planning data it was made on.
    bit
        Position of the standard among the plan's standards.
    cell_size_m
        Side of a demand cell [m].
    """

    plan: uuid.UUID
    dataset: str
    bit: int
    cell_size_m: float


def demand_tile(connection: Connection, layer: DemandLayer, tile: Tile) -> bytes:
    """Return one tile of a plan's demand, empty when nothing lies in it.

    Notes
    -----
    From zoom 12 on a feature is a cell. At zoom z below, it is a square of 2^(12-z) cells a side,
    so that a square keeps its size on the screen and a tile its size in bytes.
    """
    values: dict[str, object] = {
        "plan": layer.plan,
        "dataset": layer.dataset,
        "bit": layer.bit,
        "z": tile.z,
        "x": tile.x,
        "y": tile.y,
    }
    if tile.z >= CELL_ZOOM:
        return bytes(connection.execute(_sql("tile_demand"), values).scalar_one())
    side = 1 << (CELL_ZOOM - tile.z)
    values["side"] = side
    values["margin"] = math.ceil(side * layer.cell_size_m * _STRETCH)
    return bytes(connection.execute(_sql("tile_demand_squares"), values).scalar_one())


def sites_tile(connection: Connection, dataset: str, tile: Tile) -> bytes:
    """Return one tile of a data set's candidate sites, empty when nothing lies in it."""
    name = "tile_sites" if tile.z >= SITE_ZOOM else "tile_sites_thinned"
    values = {"dataset": dataset, "z": tile.z, "x": tile.x, "y": tile.y}
    return bytes(connection.execute(_sql(name), values).scalar_one())


def dataset_box(connection: Connection, dataset: str) -> Box | None:
    """Return the box round a data set's districts [degrees], or None when it has none."""
    row = connection.execute(
        text(
            "select st_xmin(box), st_ymin(box), st_xmax(box), st_ymax(box) from (select "
            "st_extent(geom) as box from districts where dataset_id = :dataset) as found"
        ),
        {"dataset": dataset},
    ).one()
    return None if row[0] is None else (row[0], row[1], row[2], row[3])


@cache
def _sql(name: str) -> TextClause:
    """Read a statement that ships beside this module."""
    return text((files("app.repository") / "sql" / f"{name}.sql").read_text("utf-8"))
