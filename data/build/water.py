"""Water bodies: the part of @geo-maps/earth-waterbodies-250m round the districts."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from common import rounded, write_features
from shapely.geometry.base import BaseGeometry

#: Kept beyond the districts [deg], about 2 km: shores must not end at the boundary.
MARGIN_DEG = 0.02
#: The ocean is one ring round the globe; nothing that wide is a lake or a river here.
_WIDEST_DEG = 60.0
ORIGIN = {
    "provenance": "real",
    "source": "npm package @geo-maps/earth-waterbodies-250m 0.6.0 (OpenStreetMap, 2017)",
    "licence": "ODbL-1.0, (c) OpenStreetMap contributors",
    "accuracy_m": 250,
}


def build(archive_folder: Path, out: Path) -> None:
    """Cut the water bodies and write ``boundaries/water.geojson``."""
    districts = gpd.read_file(out / "boundaries" / "districts.geojson")
    area = shapely.union_all(districts.geometry.to_numpy()).buffer(MARGIN_DEG)
    shapes = cut(archive_folder / "map.geo.json", area)
    write_features(
        out / "boundaries" / "water.geojson",
        [
            ({"id": f"water-{number:02d}", **ORIGIN}, shape)
            for number, shape in enumerate(shapes, start=1)
        ],
    )


def cut(path: Path, area: BaseGeometry) -> list[BaseGeometry]:
    """Read every polygon near `area`, mend it, cut it, and return single polygons by size."""
    west, south, east, north = area.bounds
    collection = json.loads(path.read_text(encoding="utf-8"))
    pieces: list[BaseGeometry] = []
    for member in collection["geometries"]:
        for rings in member["coordinates"]:
            # The bounds of the outer ring are known before any geometry is made.
            outer = np.asarray(rings[0])
            low, high = outer.min(axis=0), outer.max(axis=0)
            outside = high[0] < west or low[0] > east or high[1] < south or low[1] > north
            if outside or high[0] - low[0] > _WIDEST_DEG:
                continue
            shape = shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))
            pieces.extend(_polygons(shape.intersection(area)))
    shapes = [part for piece in pieces for part in _polygons(shapely.make_valid(rounded(piece)))]
    return sorted(shapes, key=lambda shape: (-shape.area, shape.bounds))


def _polygons(shape: BaseGeometry) -> list[BaseGeometry]:
    parts = shapely.get_parts(shapely.get_parts(shape))
    return [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]
