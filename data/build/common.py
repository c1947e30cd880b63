"""What the build steps share: reading tables, exact rounding, writing the same bytes each time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

#: Decimals of a stored degree: about 1 cm.
DECIMALS = 7
CITY = "420700"
DISTRICTS = {
    "420702": ("梁子湖区", "Liangzihu District"),
    "420703": ("华容区", "Huarong District"),
    "420704": ("鄂城区", "Echeng District"),
}
CRS = "EPSG:4547"


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a table as dictionaries of text."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table; the same rows give the same bytes."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def rounded(geometry: BaseGeometry) -> BaseGeometry:
    """Round every vertex to the stored decimals."""
    return shapely.transform(geometry, lambda xy: np.round(xy, DECIMALS))


def write_features(path: Path, features: Iterable[tuple[Mapping[str, Any], BaseGeometry]]) -> None:
    """Write GeoJSON (longitude, latitude), one feature per line; same values, same bytes."""
    lines = [
        json.dumps(
            {
                "type": "Feature",
                "properties": dict(properties),
                "geometry": json.loads(shapely.to_geojson(geometry)),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for properties, geometry in features
    ]
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"
    path.write_text(text, encoding="utf-8", newline="")
