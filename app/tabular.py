"""Tables with geometry as files of the formats planners open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from openpyxl import Workbook

from siting.io.plan_files import neutral


def write_geojson(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    """Write GeoJSON (RFC 7946), coordinates to 9 decimals of a degree."""
    frame.to_file(path, layer=layer, driver="GeoJSON", engine="pyogrio", COORDINATE_PRECISION=9)


def write_gpkg(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    """Write a GeoPackage of one layer."""
    frame.to_file(path, layer=layer, driver="GPKG", engine="pyogrio")


def write_csv(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:  # noqa: ARG001 - one form
    """Write UTF-8 text with a byte order mark, which spreadsheets need to read Chinese."""
    table = _plain(frame)
    texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    table = table.assign(**{str(name): table[name].map(neutral) for name in texts})
    table.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")


def write_xlsx(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    """Write a workbook of one sheet; a text that looks like a formula gets an apostrophe."""
    table = _plain(frame)
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet(layer)
    sheet.freeze_panes = "A2"
    sheet.append([str(name) for name in table.columns])
    for row in table.itertuples(index=False, name=None):
        sheet.append([_cell(value) for value in row])
    workbook.save(path)


def _plain(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the columns and, per row, a position: the point, or one inside the polygon."""
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    points = shapely.point_on_surface(frame.geometry.to_numpy())
    table["lon"], table["lat"] = shapely.get_x(points), shapely.get_y(points)
    return table


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value.item() if isinstance(value, np.generic) else neutral(value)
