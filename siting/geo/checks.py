"""What goes wrong with positions from outside, found before they are believed.

Every check returns problems that say what to do; none of them changes a position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from siting.errors import Problem
from siting.geo.frames import (
    Extent,
    Floats,
    LonLat,
    bd09_to_wgs84,
    gcj02_to_wgs84,
    pair,
    reframe,
    wgs84_to_gcj02,
)

Geometries = npt.NDArray[np.object_]

#: Offsets of matched outlines or names beyond this are no drawing noise but a wrong datum [m].
MAX_OFFSET_M = 150.0
#: Polygons that overlap a reference by this much (intersection over union) are the same place.
SAME_PLACE = 0.5
#: A remedy is suggested when it leaves no more than this part of the offset.
REMEDY_RATIO = 0.25
#: A remedy must put right this share of the misplaced positions to be suggested.
EXPLAINED = 0.9
#: Least number of misplaced points from which a remedy is inferred.
MIN_MISPLACED = 3
# Mean radius of the sphere used for these comparisons, which need no more than 1 %.
_RADIUS_M = 6_371_008.8

_REMEDIES: dict[str, tuple[Callable[[Floats, Floats], LonLat], str]] = {
    "GCJ-02 labelled as WGS 84": (
        gcj02_to_wgs84,
        "declare the file as GCJ-02, it will be decoded",
    ),
    "BD-09 labelled as WGS 84": (bd09_to_wgs84, "declare the file as BD-09, it will be decoded"),
    "WGS 84 decoded twice": (
        wgs84_to_gcj02,
        "the offset was removed once too often; import the file as it was before the last step",
    ),
}


def position_problems(
    lon: npt.ArrayLike, lat: npt.ArrayLike, *, where: str = "positions"
) -> list[Problem]:
    """List what makes numbers unusable as longitude and latitude [deg].

    Returns
    -------
    list of Problem
        One for values that are not finite, one for values out of range; each counts them and names
        the first row.
    """
    lon, lat = pair(lon, lat)
    finite = np.isfinite(lon) & np.isfinite(lat)
    ranged = ~finite | ((np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0))  # noqa: PLR2004 - degrees
    problems: list[Problem] = []
    for good, what, hint in (
        (finite, "are not finite numbers", "fill in or drop these rows"),
        (ranged, "are outside -180..180, -90..90", "give degrees, longitude first"),
    ):
        bad = np.flatnonzero(~good)
        if len(bad):
            first = f"({lon[bad[0]]}, {lat[bad[0]]})"
            problems.append(
                Problem(f"{where}[{bad[0]}]", f"{len(bad)} positions {what}, first {first}", hint)
            )
    return problems


def swapped_axes_check(
    lon: npt.ArrayLike, lat: npt.ArrayLike, extent: Extent, *, where: str = "positions"
) -> list[Problem]:
    """Detect longitude and latitude given in the wrong order.

    Parameters
    ----------
    lon, lat
        Positions as declared [deg], shape (n,).
    extent
        Where they should lie: west, south, east, north [deg].

    Returns
    -------
    list of Problem
        One when nearly all misplaced positions fall into `extent` with the axes exchanged.
    """
    lon, lat = pair(lon, lat)
    misplaced = ~_in_extent(lon, lat, extent)
    count = int(misplaced.sum())
    cured = int(_in_extent(lat[misplaced], lon[misplaced], extent).sum())
    if not count or cured < EXPLAINED * count:
        return []
    return [
        Problem(
            where,
            f"longitude and latitude are swapped: {cured} of {len(lon)} positions lie in the area "
            "only with the two exchanged",
            "give longitude first (114.9, 30.4), or name the columns the other way round",
        )
    ]


def gcj02_offset_check(
    given: Geometries, reference: Geometries, *, where: str = "layer"
) -> list[Problem]:
    """Detect GCJ-02 or BD-09 labelled as WGS 84, and WGS 84 decoded twice.

    Parameters
    ----------
    given
        Geometries as declared, longitude and latitude [deg]: polygons or points, shape (n,).
    reference
        District polygons known to be WGS 84 [deg], shape (k,).

    Returns
    -------
    list of Problem
        Empty when all is well or when nothing can be compared.

    Notes
    -----
    Polygons that overlap a reference polygon, or all of them together, are compared with it: the
    median distance of their vertices to the reference outline must not pass
    :data:`MAX_OFFSET_M`. Points are compared by how many lie outside all districts; the offset is
    inferred when removing it brings :data:`EXPLAINED` of at least :data:`MIN_MISPLACED` misplaced
    points inside. Distances are spherical about the reference's centre, good to 1 %.
    """
    given = np.asarray(given, dtype=object)
    city = shapely.union_all(reference)
    kinds = shapely.get_type_id(given)
    points = given[kinds == shapely.GeometryType.POINT]
    areal = given[np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))]
    return [
        *_outline_problems(areal, [*reference, city], where),
        *_outside_problems(points, city, where),
    ]


def paired_offset_check(
    lon: npt.ArrayLike,
    lat: npt.ArrayLike,
    reference_lon: npt.ArrayLike,
    reference_lat: npt.ArrayLike,
    *,
    where: str = "points",
) -> list[Problem]:
    """Detect a wrong datum from places known by name: row i of both is the same place [deg].

    Returns
    -------
    list of Problem
        One when the median offset passes :data:`MAX_OFFSET_M`.
    """
    (lon, lat), known = pair(lon, lat), pair(reference_lon, reference_lat)
    if not lon.size:
        return []

    def offset_m(convert: Callable[[Floats, Floats], LonLat] | None) -> float:
        x, y = convert(lon, lat) if convert else (lon, lat)
        east = (x - known[0]) * np.cos(np.radians(known[1]))
        return float(np.median(np.radians(np.hypot(east, y - known[1])) * _RADIUS_M))

    return _judge(offset_m, f"{lon.size} places known by name", where)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repaired:
    """Polygons made valid, and what was done.

    Parameters
    ----------
    geometry
        Valid polygons or multipolygons in the given order; refused ones as they came.
    repaired
        One entry per geometry that was changed.
    refused
        One entry per geometry that cannot be used.
    """

    geometry: Geometries
    repaired: tuple[Problem, ...]
    refused: tuple[Problem, ...]


def repair_polygons(geometry: Geometries, *, where: str = "features") -> Repaired:
    """Make self-crossing polygons valid, and say so; refuse what is no area.

    Parameters
    ----------
    geometry
        Polygons or multipolygons, shape (n,).

    Notes
    -----
    GEOS ``make_valid`` keeps every vertex and splits a figure of eight into its two loops. Lines
    and points that fall off on the way are dropped. Missing, empty, without area, of another type,
    or with a coordinate that is not finite is refused.
    """
    out = np.array(geometry, dtype=object)
    repaired: list[Problem] = []
    refused: list[Problem] = []
    for row, shape in enumerate(out):
        place = f"{where}[{row}]"
        reason = _unusable(shape)
        if reason:
            refused.append(Problem(place, reason, "draw it anew or leave it out"))
            continue
        if shape.is_valid:
            continue
        why = str(shapely.is_valid_reason(shape))
        parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(shape)))
        areas = [part for part in parts if part.geom_type == "Polygon" and part.area > 0]
        if not areas:
            refused.append(Problem(place, f"{why}: it encloses no area", "draw it anew"))
            continue
        out[row] = areas[0] if len(areas) == 1 else shapely.union_all(areas)
        repaired.append(
            Problem(place, f"{why}: repaired into {len(areas)} part(s)", "check it on the map")
        )
    return Repaired(geometry=out, repaired=tuple(repaired), refused=tuple(refused))


def _unusable(shape: BaseGeometry | None) -> str:
    if shape is None or shape.is_empty:
        return "the geometry is missing or empty"
    if shape.geom_type not in {"Polygon", "MultiPolygon"}:
        return f"is a {shape.geom_type}, not a polygon"
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        return "has a coordinate that is not a finite number"
    return ""


def _in_extent(lon: Floats, lat: Floats, extent: Extent) -> npt.NDArray[np.bool_]:
    west, south, east, north = extent
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _outline_problems(
    given: Geometries, reference: list[BaseGeometry], where: str
) -> list[Problem]:
    matched = [
        (shape, other)
        for shape in given
        if shape.is_valid
        for other in reference
        if _overlap(shape, other) >= SAME_PLACE
    ]
    if not matched:
        return []

    def offset_m(convert: Callable[[Floats, Floats], LonLat] | None) -> float:
        distances = [
            _outline_distance_m(reframe(shape, convert) if convert else shape, other)
            for shape, other in matched
        ]
        return float(np.median(np.concatenate(distances)))

    return _judge(offset_m, f"{len(matched)} outlines of known districts", where)


def _overlap(one: BaseGeometry, other: BaseGeometry) -> float:
    if not one.intersects(other):
        return 0.0
    shared = one.intersection(other).area
    return shared / (one.area + other.area - shared)


def _outline_distance_m(shape: BaseGeometry, reference: BaseGeometry) -> Floats:
    """Return the distance of every vertex to the reference outline [m]."""
    centre = reference.centroid

    def local(xy: Floats) -> Floats:
        x = np.radians(xy[:, 0] - centre.x) * np.cos(np.radians(centre.y))
        return np.column_stack((x, np.radians(xy[:, 1] - centre.y))) * _RADIUS_M

    outline = shapely.transform(reference, local).boundary
    shapely.prepare(outline)
    vertices = shapely.points(local(shapely.get_coordinates(shape)))
    return np.asarray(shapely.distance(vertices, outline))


def _outside_problems(points: Geometries, city: BaseGeometry, where: str) -> list[Problem]:
    if not len(points):
        return []
    lon, lat = shapely.get_coordinates(points).T
    shapely.prepare(city)
    outside = ~shapely.contains_xy(city, lon, lat)
    count = int(outside.sum())
    if count < MIN_MISPLACED:
        return []
    for name, (convert, hint) in _REMEDIES.items():
        x, y = convert(lon, lat)
        cured = int(shapely.contains_xy(city, x[outside], y[outside]).sum())
        lost = int((~shapely.contains_xy(city, x[~outside], y[~outside])).sum())
        if cured >= EXPLAINED * count and lost < cured:
            return [
                Problem(
                    where,
                    f"looks like {name}: {count} of {len(lon)} points lie "
                    f"outside the districts, {cured} of them inside once undone",
                    hint,
                )
            ]
    return []


def _judge(
    offset_m: Callable[[Callable[[Floats, Floats], LonLat] | None], float],
    basis: str,
    where: str,
) -> list[Problem]:
    """Compare the offset as declared with the offset after each remedy."""
    declared = offset_m(None)
    if declared <= MAX_OFFSET_M:
        return []
    cures = {name: offset_m(convert) for name, (convert, _) in _REMEDIES.items()}
    best = min(cures, key=cures.__getitem__)
    found = f"{basis} lie {declared:.0f} m off (median, at most {MAX_OFFSET_M:.0f} m permitted)"
    if cures[best] <= REMEDY_RATIO * declared:
        return [
            Problem(
                where,
                f"looks like {best}: {found}, {cures[best]:.0f} m once undone",
                _REMEDIES[best][1],
            )
        ]
    return [Problem(where, f"the datum is not WGS 84: {found}", "ask for the file's true CRS")]
