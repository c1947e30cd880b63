"""Candidate sites from outside: read whole, or refused whole with every fault by feature."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from siting.errors import InputError, Problem, raise_if
from siting.geo import gcj02_to_wgs84
from siting.io.geojson import (
    Feature,
    declared_crs,
    features_of,
    is_gcj02,
    parse_crs,
    to_wgs84,
)
from siting.provenance import Provenance
from siting.sites import SiteKind

logger = logging.getLogger(__name__)

#: Most features of one import; larger sets are sent in parts.
MAX_FEATURES = 50_000
#: Highest antenna mounting that is believed [m].
MAX_HEIGHT_M = 500.0
#: Dearest site that is believed [CNY].
MAX_COST_CNY = 1_000_000_000
#: Longest text of a property [characters].
MAX_TEXT = 500
#: Share of the misplaced sites that an explanation must set right before it is offered.
_EXPLAINED = 0.8

KNOWN_PROPERTIES: Mapping[str, str] = {
    "id": "text, unique, required",
    "kind": "one of " + ", ".join(kind.value for kind in SiteKind) + ", required",
    "height_m": f"antenna mounting height [m], over 0 to {MAX_HEIGHT_M:g}, required",
    "fixed_cost_cny": "cost to open the site [CNY], whole number >= 0, required",
    "existing": "true or false, default false",
    "owner": "text, default empty",
    "provenance": "one of " + ", ".join(item.value for item in Provenance) + ", required",
    "source": "where the site is from, required",
    "licence": "text, default 'not stated'",
    "accuracy_m": "positional accuracy [m] > 0, or null",
}


@dataclass(frozen=True, slots=True, eq=False)
class ImportArea:
    """Where an imported site may lie.

    Parameters
    ----------
    districts
        Administrative districts in WGS 84, columns ``id`` and ``geometry``.
    water
        Water bodies in WGS 84, or None when not supplied.
    known_ids
        Ids that are taken already.
    """

    districts: gpd.GeoDataFrame
    water: BaseGeometry | None = None
    known_ids: Collection[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ImportedSites:
    """Sites that passed every check.

    Parameters
    ----------
    frame
        One row per site in the order of the input, EPSG:4326, with the columns of
        :data:`KNOWN_PROPERTIES` and ``district``.
    crs
        What the input declared.
    notes
        What was changed on the way, for the record of the import.
    """

    frame: gpd.GeoDataFrame
    crs: str
    notes: tuple[str, ...]


def read_sites(
    document: Mapping[str, Any], area: ImportArea, *, crs: str | None = None
) -> ImportedSites:
    """Read a parsed FeatureCollection of points as candidate sites.

    Parameters
    ----------
    document
        The collection, as :func:`siting.io.geojson.parse_document` gives it.
    area
        Where sites may lie, and which ids are taken.
    crs
        Name of the CRS of the coordinates, x (east) first; None when the document's ``crs`` member
        says it. ``"GCJ-02"`` is accepted and removed.

    Raises
    ------
    InputError
        With every fault found, by feature: CRS missing or unknown, empty collection, no point,
        coordinates not finite, swapped, offset by GCJ-02, outside the area, in water; ids missing,
        repeated or taken; unknown or missing properties; values out of range.
    """
    problems: list[Problem] = []
    name, system = _crs(document, crs, problems)
    count = len(document["features"])
    if not count:
        problems.append(Problem("features", "the collection is empty", "give at least one site"))
    if count > MAX_FEATURES:
        problems.append(
            Problem("features", f"{count} features; at most {MAX_FEATURES}", "send it in parts")
        )
        raise InputError(problems)
    features = list(features_of(document, problems))
    rows = [_row(feature, problems) for feature in features]
    _check_ids(features, area.known_ids, problems)
    points = [_as_point(feature, problems) for feature in features]
    lonlat = _lonlat(points, name, system)
    district = _place(features, lonlat, area, gcj02_declared=is_gcj02(name), problems=problems)
    raise_if(problems)
    frame = gpd.GeoDataFrame(
        rows, geometry=gpd.points_from_xy(lonlat[:, 0], lonlat[:, 1]), crs="EPSG:4326"
    )
    frame["district"] = district
    notes = ("GCJ-02 offset removed from every position",) if is_gcj02(name) else ()
    logger.info("sites read: n=%d crs=%s", len(frame), name)
    return ImportedSites(frame=frame, crs=name, notes=notes)


def _crs(
    document: Mapping[str, Any], given: str | None, problems: list[Problem]
) -> tuple[str, pyproj.CRS | None]:
    """Return the declared name and its CRS; None for GCJ-02, and for one that is refused."""
    try:
        name = declared_crs(document, given)
        return name, None if is_gcj02(name) else parse_crs(name)
    except InputError as error:
        problems.extend(error.problems)
        return "", None


def _row(feature: Feature, problems: list[Problem]) -> dict[str, Any]:
    """Check the properties of one feature and return its columns."""
    given, where = feature.properties, feature.where
    problems.extend(
        Problem(
            f"{where}.{str(key)[:80]}", "unknown property", "known: " + ", ".join(KNOWN_PROPERTIES)
        )
        for key in given
        if key not in KNOWN_PROPERTIES
    )
    return {
        "id": _text(given, "id", where, problems),
        "kind": _choice(given, "kind", SiteKind, where, problems),
        "height_m": _number(given, "height_m", MAX_HEIGHT_M, where, problems),
        "fixed_cost_cny": _cost(given, where, problems),
        "existing": _flag(given, where, problems),
        "owner": _text(given, "owner", where, problems, default=""),
        "provenance": _choice(given, "provenance", Provenance, where, problems),
        "source": _text(given, "source", where, problems),
        "licence": _text(given, "licence", where, problems, default="not stated"),
        "accuracy_m": (
            math.nan
            if given.get("accuracy_m") is None
            else _number(given, "accuracy_m", 1e6, where, problems)
        ),
    }


def _text(
    given: Mapping[str, Any],
    name: str,
    where: str,
    problems: list[Problem],
    *,
    default: str | None = None,
) -> str:
    value = given.get(name, default)
    if value is None and default is not None:
        return default
    path = f"{where}.{name}"
    if value is None:
        problems.append(Problem(path, "is missing", KNOWN_PROPERTIES[name]))
        return ""
    if not isinstance(value, str):
        problems.append(Problem(path, f"is {str(value)[:40]!r}, no text", KNOWN_PROPERTIES[name]))
        return ""
    if (not value.strip() and default is None) or len(value) > MAX_TEXT:
        problems.append(Problem(path, f"has {len(value)} characters", f"give 1 to {MAX_TEXT}"))
    if not value.isprintable():
        problems.append(Problem(path, "has a control character", "remove it"))
    return value


def _choice(
    given: Mapping[str, Any],
    name: str,
    kinds: type[SiteKind | Provenance],
    where: str,
    problems: list[Problem],
) -> str:
    value = given.get(name)
    known = [kind.value for kind in kinds]
    if value is None:
        problems.append(Problem(f"{where}.{name}", "is missing", KNOWN_PROPERTIES[name]))
        return ""
    if value not in known:
        problems.append(
            Problem(f"{where}.{name}", f"is {str(value)[:40]!r}", "known: " + ", ".join(known))
        )
        return ""
    return str(value)


def _number(
    given: Mapping[str, Any], name: str, highest: float, where: str, problems: list[Problem]
) -> float:
    value = given.get(name)
    path = f"{where}.{name}"
    if value is None:
        problems.append(Problem(path, "is missing", KNOWN_PROPERTIES[name]))
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.append(Problem(path, f"is {str(value)[:40]!r}, no number", KNOWN_PROPERTIES[name]))
        return math.nan
    if not 0 < value <= highest:
        shown = str(value)[:40]
        problems.append(Problem(path, f"is {shown}, not over 0 and up to {highest:g}"))
        return math.nan
    return float(value)


def _cost(given: Mapping[str, Any], where: str, problems: list[Problem]) -> int:
    value = given.get("fixed_cost_cny")
    path = f"{where}.fixed_cost_cny"
    if value is None:
        problems.append(Problem(path, "is missing", KNOWN_PROPERTIES["fixed_cost_cny"]))
        return 0
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        problems.append(Problem(path, f"is {str(value)[:40]!r}, no whole number of CNY"))
        return 0
    if not 0 <= value <= MAX_COST_CNY:
        shown = str(value)[:40]
        problems.append(Problem(path, f"is {shown}, not 0 to {MAX_COST_CNY}", "give CNY"))
        return 0
    return int(value)


def _flag(given: Mapping[str, Any], where: str, problems: list[Problem]) -> bool:
    value = given.get("existing", False)
    if not isinstance(value, bool):
        problems.append(
            Problem(f"{where}.existing", f"is {str(value)[:40]!r}", "give true or false")
        )
        return False
    return value


def _check_ids(
    features: list[Feature], known_ids: Collection[str], problems: list[Problem]
) -> None:
    given = [feature.properties.get("id") for feature in features]
    counts = Counter(item for item in given if isinstance(item, str))
    taken = set(known_ids)
    for feature, item in zip(features, given, strict=True):
        if not isinstance(item, str):
            continue
        if counts[item] > 1:
            problems.append(
                Problem(
                    f"{feature.where}.id", f"{item!r} is given {counts[item]} times", "keep one"
                )
            )
        if item in taken:
            problems.append(
                Problem(f"{feature.where}.id", f"{item!r} is stored already", "choose another id")
            )


def _as_point(feature: Feature, problems: list[Problem]) -> Point | None:
    geometry = feature.geometry
    if geometry is None:
        return None
    if not isinstance(geometry, Point):
        problems.append(
            Problem(
                f"{feature.where}.geometry",
                f"is a {geometry.geom_type}, not a Point",
                "a site is one point",
            )
        )
        return None
    return geometry


def _lonlat(
    points: list[Point | None], name: str, system: pyproj.CRS | None
) -> npt.NDArray[np.float64]:
    """Return WGS 84 positions [degrees], shape (n, 2); NaN where there is none."""
    found = np.full((len(points), 2), np.nan)
    rows = [row for row, point in enumerate(points) if point is not None]
    if not rows or (system is None and not is_gcj02(name)):
        return found
    given: list[BaseGeometry] = [point for point in points if point is not None]
    if system is None:
        xy = shapely.get_coordinates(given)
        found[rows] = np.column_stack(gcj02_to_wgs84(xy[:, 0], xy[:, 1]))
    else:
        found[rows] = shapely.get_coordinates(to_wgs84(given, system))
    return found


def _place(
    features: list[Feature],
    lonlat: npt.NDArray[np.float64],
    area: ImportArea,
    *,
    gcj02_declared: bool,
    problems: list[Problem],
) -> list[str]:
    """Return the district of every site, adding a problem for each that lies elsewhere."""
    given = ~np.isnan(lonlat).any(axis=1)
    district, wet = _locate(lonlat, area)
    outside = given & (district == "")
    misplaced = outside | (given & wet)
    if not misplaced.any():
        return [str(item) for item in district]
    problems.extend(
        _explanations(lonlat[misplaced], area, int(given.sum()), gcj02_declared=gcj02_declared)
    )
    for row in np.flatnonzero(misplaced):
        shown = f"({lonlat[row, 0]:.6g}, {lonlat[row, 1]:.6g})"
        where = f"{features[row].where}.geometry"
        if outside[row]:
            problems.append(
                Problem(where, f"{shown} lies outside every district", _extent_hint(area))
            )
        else:
            problems.append(Problem(where, f"{shown} lies in water", "move it ashore"))
    return [str(item) for item in district]


def _locate(
    lonlat: npt.NDArray[np.float64], area: ImportArea
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """Return per position the district's id ('' outside) and whether it lies in water."""
    x, y = lonlat[:, 0], lonlat[:, 1]
    district = np.full(len(x), "", dtype=object)
    for name, polygon in zip(area.districts["id"], area.districts.geometry, strict=True):
        shapely.prepare(polygon)
        district[shapely.intersects_xy(polygon, x, y) & (district == "")] = name
    wet = np.zeros(len(x), dtype=bool)
    if area.water is not None:
        shapely.prepare(area.water)
        wet = np.asarray(shapely.contains_xy(area.water, x, y), dtype=bool)
    return district, wet


def _explanations(
    misplaced: npt.NDArray[np.float64], area: ImportArea, given: int, *, gcj02_declared: bool
) -> list[Problem]:
    """Say what would put the misplaced sites right: swapped axes, or the GCJ-02 offset."""
    count = len(misplaced)

    def right(xy: npt.NDArray[np.float64]) -> int:
        district, wet = _locate(xy, area)
        return int(((district != "") & ~wet).sum())

    swapped = right(misplaced[:, ::-1])
    if swapped >= _EXPLAINED * count:
        return [
            Problem(
                "coordinates",
                f"longitude and latitude look swapped: {swapped} of {count} misplaced sites "
                "lie right the other way round",
                "GeoJSON wants [longitude, latitude]",
            )
        ]
    if gcj02_declared:
        return []
    shifted = right(np.column_stack(gcj02_to_wgs84(misplaced[:, 0], misplaced[:, 1])))
    # A handful near a shore proves nothing: ask for several, and for a fair share of the file.
    several = 3
    if count >= several and shifted >= _EXPLAINED * count and count * 20 >= given:
        return [
            Problem(
                "crs",
                f"the positions look like GCJ-02 labelled as WGS 84: {shifted} of {count} "
                "misplaced sites lie right once the offset is removed",
                "declare crs=GCJ-02 if they come from a Chinese web map",
            )
        ]
    return []


def _extent_hint(area: ImportArea) -> str:
    west, south, east, north = area.districts.total_bounds
    return f"the area spans longitude {west:.3f} to {east:.3f}, latitude {south:.3f} to {north:.3f}"
