"""Vector files from planners: read whole in WGS 84, or refused with every fault.

A file is opened only as what its first bytes say it is. GDAL looks at content, not at the
extension, and some of its formats are recipes that open *other* files or addresses; those never
reach it. GeoJSON and CSV are not given to GDAL at all.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry.base import BaseGeometry

from siting.errors import CrsError, FileError, InputError, Problem, raise_if
from siting.geo import WGS84, gcj02_offset_check, gcj02_to_wgs84, reframe, repair_polygons
from siting.io.geojson import (
    declared_crs,
    features_of,
    is_gcj02,
    parse_crs,
    parse_document,
    to_wgs84,
)

logger = logging.getLogger(__name__)

#: Largest file that is read [bytes].
MAX_BYTES = 50_000_000
#: Names of the coordinate columns of a CSV file, longitude first.
LON_LAT = ("lon", "lat")

_FORMATS = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".csv": "CSV",
    ".gpkg": "GeoPackage",
    ".fgb": "FlatGeobuf",
}


@dataclass(frozen=True, slots=True, eq=False)
class VectorLayer:
    """A layer that was read.

    Parameters
    ----------
    frame
        Features in EPSG:4326, attributes as they were.
    crs
        What the file or the caller declared.
    notes
        What was changed on the way: polygons repaired, offset removed.
    """

    frame: gpd.GeoDataFrame
    crs: str
    notes: tuple[str, ...]


def read_vector(
    path: Path,
    *,
    crs: str | None = None,
    layer: str | None = None,
    districts: Sequence[BaseGeometry] = (),
) -> VectorLayer:
    """Read one layer of a vector file.

    Parameters
    ----------
    path
        GeoJSON, CSV with columns ``lon`` and ``lat``, GeoPackage or FlatGeobuf.
    crs
        CRS of the coordinates where the file does not say it, e.g. ``"EPSG:4490"``, or
        ``"GCJ-02"``, which is removed.
    layer
        Layer of a GeoPackage; may be left out when it has one.
    districts
        District outlines in WGS 84 [deg] that polygons are held against to find a GCJ-02 offset
        behind a WGS 84 label.

    Raises
    ------
    FileError
        When the file is missing, unreadable, too large, or not of a known format.
    InputError
        With every fault: CRS missing or unknown, empty layer, coordinates missing, not finite or
        no longitude and latitude, polygons that cannot be repaired, GCJ-02 labelled as WGS 84.
    """
    kind = _format_of(path)
    problems: list[Problem] = []
    if kind == "GeoJSON":
        frame, name = _read_geojson(path, crs)
    elif kind == "CSV":
        frame, name = _read_csv(path, crs, problems)
    else:
        frame, name = _read_gdal(path, crs, layer)
    if frame.empty and not problems:
        problems.append(Problem("layer", "has no feature", "give at least one"))
    raise_if(problems)
    frame = frame.set_geometry(_in_wgs84(list(frame.geometry), name), crs=WGS84)
    frame, repairs = _repair(frame, problems)
    _check_positions(frame, problems)
    if not is_gcj02(name) and not problems and districts:
        reference = np.array(districts, dtype=object)
        problems += gcj02_offset_check(frame.geometry.to_numpy(), reference, where="crs")
    raise_if(problems)
    notes = (("GCJ-02 offset removed from every position",) if is_gcj02(name) else ()) + repairs
    logger.info("vector read: file=%s n=%d crs=%s", path.name, len(frame), name)
    return VectorLayer(frame=frame, crs=name, notes=notes)


def _format_of(path: Path) -> str:
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise FileError(f"{path}: is {size:,} bytes; at most {MAX_BYTES:,} are read")
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise FileError(f"{path}: unknown format; known: {', '.join(_FORMATS)}")
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    right = {
        "GeoJSON": head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"),
        "CSV": b"\0" not in head,
        "GeoPackage": head.startswith(b"SQLite format 3\0") and head[68:72] in {b"GPKG", b"GP10"},
        "FlatGeobuf": head.startswith(b"fgb\x03fgb"),
    }[kind]
    if not right:
        raise FileError(f"{path}: is named as {kind}, but its content is not")
    return kind


def _read_geojson(path: Path, crs: str | None) -> tuple[gpd.GeoDataFrame, str]:
    problems: list[Problem] = []
    document = parse_document(path.read_bytes())
    # RFC 7946 fixes WGS 84 longitude, latitude for a file that says nothing.
    silent = crs is None and "crs" not in document
    name = "OGC:CRS84" if silent else declared_crs(document, crs)
    if not is_gcj02(name):
        parse_crs(name)
    features = list(features_of(document, problems))
    raise_if(problems)
    geometries = [feature.geometry for feature in features if feature.geometry is not None]
    rows = [dict(feature.properties) for feature in features]
    return gpd.GeoDataFrame(rows, geometry=geometries), name


def _read_csv(path: Path, crs: str | None, problems: list[Problem]) -> tuple[gpd.GeoDataFrame, str]:
    if crs is None:
        raise CrsError(
            Problem("crs", "a CSV file declares no CRS", "give it, e.g. crs=OGC:CRS84 for WGS 84")
        )
    if not is_gcj02(crs):
        parse_crs(crs)
    reader = csv.DictReader(io.StringIO(_decode(path)))
    missing = [name for name in LON_LAT if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(
            [Problem("line 1", f"column {name!r} is missing", "name it so") for name in missing]
        )
    rows, points = [], []
    for row in reader:
        position = [
            _coordinate(row.pop(name), f"line {reader.line_num}, {name}", problems)
            for name in LON_LAT
        ]
        if None in row:
            problems.append(
                Problem(f"line {reader.line_num}", "has more values than the first line")
            )
            row.pop(None)
        rows.append(row)
        points.append(shapely.Point(position))
    return gpd.GeoDataFrame(rows, geometry=points), crs


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileError(f"{path}: is neither UTF-8 nor GB18030 text")


def _coordinate(text: str | None, where: str, problems: list[Problem]) -> float:
    try:
        value = float(text or "")
    except ValueError:
        problems.append(Problem(where, f"is {text!r}, no number"))
        return 0.0
    if not np.isfinite(value):
        problems.append(Problem(where, f"is {text}, not finite"))
        return 0.0
    return value


def _read_gdal(path: Path, crs: str | None, layer: str | None) -> tuple[gpd.GeoDataFrame, str]:
    try:
        names = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        if layer is None and len(names) != 1:
            raise InputError(
                Problem("layer", f"the file has {len(names)} layers", f"one of {', '.join(names)}")
            )
        frame = pyogrio.read_dataframe(path, layer=layer)
    except (DataSourceError, DataLayerError) as error:
        raise FileError(f"{path}: cannot be read: {error}") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InputError(Problem("layer", "has no geometry", "choose a layer with geometry"))
    missing = np.flatnonzero(frame.geometry.isna() | frame.geometry.is_empty)
    raise_if([Problem(f"feature {row + 1}", "has no geometry") for row in missing])
    if crs is not None:
        if not is_gcj02(crs):
            parse_crs(crs)
        return frame, crs
    authority = frame.crs.to_authority() if frame.crs is not None else None
    if authority is None:
        raise CrsError(
            Problem("crs", "the layer declares no known CRS", "give it, e.g. crs=EPSG:4547")
        )
    return frame, ":".join(authority)


def _in_wgs84(geometries: list[BaseGeometry], name: str) -> list[BaseGeometry]:
    if is_gcj02(name):
        return [reframe(geometry, gcj02_to_wgs84) for geometry in geometries]
    return to_wgs84(geometries, parse_crs(name))


def _repair(
    frame: gpd.GeoDataFrame, problems: list[Problem]
) -> tuple[gpd.GeoDataFrame, tuple[str, ...]]:
    """Mend polygons that cross themselves; refuse those of which no area is left."""
    shapes = frame.geometry.to_numpy().copy()
    areal = np.flatnonzero(
        np.isin(
            shapely.get_type_id(shapes),
            (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON),
        )
        # What could not be transformed is named with its position.
        & np.isfinite(shapely.bounds(shapes)).all(axis=1)
    )
    done = repair_polygons(shapes[areal])
    shapes[areal] = done.geometry
    problems.extend(done.refused)
    return frame.set_geometry(shapes, crs=frame.crs), tuple(str(item) for item in done.repaired)


def _check_positions(frame: gpd.GeoDataFrame, problems: list[Problem]) -> None:
    for row, bounds in enumerate(frame.geometry.bounds.to_numpy()):
        west, south, east, north = bounds
        if not np.isfinite(bounds).all():
            problems.append(
                Problem(f"feature {row + 1}", "cannot be transformed", "check the declared CRS")
            )
        elif west < -180 or east > 180 or south < -90 or north > 90:  # noqa: PLR2004 - the globe
            swapped = max(abs(west), abs(east)) <= 90  # noqa: PLR2004 - a latitude's range
            problems.append(
                Problem(
                    f"feature {row + 1}",
                    f"({west:.6g}, {south:.6g}) is no longitude, latitude in degrees",
                    "the two look swapped" if swapped else "check the declared CRS",
                )
            )
