"""GeoJSON as values: its declared CRS, and features checked one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from pyproj.exceptions import CRSError as PyprojCrsError
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from siting.errors import CrsError, InputError, Problem

#: Names a planner may give for the offset Chinese web-map system, which is no CRS in any registry.
GCJ02_NAMES = frozenset({"gcj-02", "gcj02", "火星坐标系", "火星坐标"})

_CRS_HINT = (
    "declare it, e.g. crs=OGC:CRS84 for WGS 84 longitude, latitude; EPSG:4490 for CGCS2000; "
    "EPSG:4547 for its zone on 114° E"
)


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a collection, its geometry still in the declared CRS.

    Parameters
    ----------
    where
        Path of the feature in the document, with its id when it has one.
    geometry
        The geometry; None when it was faulty.
    properties
        Its properties as they were written.
    """

    where: str
    geometry: BaseGeometry | None
    properties: Mapping[str, Any]


def parse_document(raw: bytes) -> dict[str, Any]:
    """Read bytes as one FeatureCollection; numbers that are not finite are kept for the checks.

    Raises
    ------
    InputError
        When it is not UTF-8, not JSON, nested too deeply, or not a FeatureCollection.
    """
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(
            Problem(f"byte {error.start}", "is not UTF-8", "save the file as UTF-8")
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(Problem(where, f"is not JSON: {error.msg}")) from None
    except RecursionError:
        raise InputError(Problem("document", "is nested too deeply to be GeoJSON")) from None
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        found = document.get("type") if isinstance(document, dict) else type(document).__name__
        raise InputError(
            Problem("type", f"is {found!r}, not 'FeatureCollection'", "wrap it in a collection")
        )
    if not isinstance(document.get("features"), list):
        raise InputError(Problem("features", "is missing or no list", "give a list of features"))
    return document


def is_gcj02(name: str) -> bool:
    """Say whether `name` means the offset Chinese web-map system GCJ-02."""
    return name.strip().lower() in GCJ02_NAMES


def parse_crs(name: str, where: str = "crs") -> pyproj.CRS:
    """Look a CRS up by its authority name; a plain number is an EPSG code.

    Raises
    ------
    CrsError
        When it is empty, unknown, or names a file or a pipeline instead of an authority's code.
    """
    text = name.strip()
    if text.isdigit():
        text = f"EPSG:{text}"
    # Only codes: PROJ would otherwise open files and pipelines that a user names.
    if not text or not text.upper().startswith(("EPSG:", "OGC:", "URN:OGC:DEF:CRS:", "HTTP")):
        raise CrsError(Problem(where, f"unknown CRS {name!r}", _CRS_HINT))
    try:
        return pyproj.CRS.from_user_input(text)
    except PyprojCrsError:
        raise CrsError(Problem(where, f"unknown CRS {name!r}", _CRS_HINT)) from None


def declared_crs(document: Mapping[str, Any], given: str | None) -> str:
    """Return the name of the CRS of a collection: declared beside it or in its ``crs`` member.

    Raises
    ------
    CrsError
        When neither says it, the member cannot be read, or the two differ.
    """
    member = document.get("crs")
    inside: str | None = None
    if member is not None:
        properties = member.get("properties") if isinstance(member, Mapping) else None
        name = properties.get("name") if isinstance(properties, Mapping) else None
        if not isinstance(name, str):
            raise CrsError(Problem("crs", "the member names no CRS", _CRS_HINT))
        inside = name
    if inside is None and given is None:
        raise CrsError(Problem("crs", "no CRS is declared", _CRS_HINT))
    if inside is not None and given is not None and not _same(inside, given):
        raise CrsError(
            Problem("crs", f"the document says {inside!r}, the request {given!r}", "keep one")
        )
    return given if given is not None else str(inside)


def _same(one: str, other: str) -> bool:
    if is_gcj02(one) or is_gcj02(other):
        return is_gcj02(one) and is_gcj02(other)
    return parse_crs(one).equals(parse_crs(other), ignore_axis_order=True)


def features_of(document: Mapping[str, Any], problems: list[Problem]) -> Iterator[Feature]:
    """Give every feature of a parsed collection, adding each fault of its shape to `problems`."""
    for number, item in enumerate(document["features"]):
        where = f"features[{number}]"
        if not isinstance(item, Mapping) or item.get("type") != "Feature":
            problems.append(Problem(where, "is not a GeoJSON Feature"))
            continue
        properties = item.get("properties")
        if properties is None:
            properties = {}
        if not isinstance(properties, Mapping):
            problems.append(Problem(f"{where}.properties", "is no object"))
            properties = {}
        name = properties.get("id", item.get("id"))
        if isinstance(name, str | int):
            where = f"{where} (id {str(name)[:80]!r})"
        yield Feature(where, _geometry(item.get("geometry"), where, problems), properties)


def _geometry(given: Any, where: str, problems: list[Problem]) -> BaseGeometry | None:
    if given is None:
        problems.append(Problem(f"{where}.geometry", "is missing"))
        return None
    faults = list(_number_faults(given))
    if faults:
        problems.append(Problem(f"{where}.geometry", faults[0], "give finite numbers"))
        return None
    try:
        found = shape(given)
    except (ShapelyError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        problems.append(Problem(f"{where}.geometry", "is no GeoJSON geometry"))
        return None
    if found.is_empty:
        problems.append(Problem(f"{where}.geometry", "is empty"))
        return None
    # A third coordinate would make polygons of different heights; siting is planar.
    return shapely.force_2d(found)


def _number_faults(given: Any) -> Iterator[str]:
    """Name the first coordinate that is no finite number."""
    stack: list[Any] = [given.get("coordinates")] if isinstance(given, Mapping) else []
    if isinstance(given, Mapping) and isinstance(given.get("geometries"), list):
        stack.extend(
            part.get("coordinates") for part in given["geometries"] if isinstance(part, Mapping)
        )
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, bool) or (value is not None and not isinstance(value, int | float)):
            yield f"coordinate {str(value)[:40]!r} is no number"
        elif isinstance(value, float) and not math.isfinite(value):
            yield f"coordinate {value} is not finite"
        elif isinstance(value, int) and abs(value) > np.finfo(np.float64).max:
            yield "coordinate is too large"


def to_wgs84(geometries: list[BaseGeometry], crs: pyproj.CRS) -> list[BaseGeometry]:
    """Transform geometries to WGS 84 longitude, latitude [degrees], x first whatever the CRS says.

    Positions outside the validity of the transformation come back infinite.
    """
    if crs.is_geographic and crs.equals(pyproj.CRS.from_epsg(4326), ignore_axis_order=True):
        return geometries
    transformer = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    array = np.array(geometries, dtype=object)
    return list(
        shapely.transform(
            array, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
        )
    )
