"""Coordinates: the one home of reference systems and of every conversion between them.

HTTP and storage speak WGS 84 longitude, latitude in degrees; the planning library works in one
projected metric system. GCJ-02 and BD-09 are display frames of Chinese web maps: they are decoded
on import and never reach storage or a calculation.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from pyproj.exceptions import CRSError as _PyprojCrsError
from shapely.geometry.base import BaseGeometry

from siting.errors import CrsError, Problem, raise_if

#: CRS of HTTP and storage; axis order is always longitude, latitude.
WGS84 = "EPSG:4326"

Floats = npt.NDArray[np.float64]
#: Longitude and latitude [deg].
LonLat = tuple[Floats, Floats]
Shapes = TypeVar("Shapes", BaseGeometry, npt.NDArray[np.object_])
#: West, south, east, north [deg].
Extent = tuple[float, float, float, float]


class Frame(StrEnum):
    """Frame in which longitudes and latitudes from China may be given."""

    WGS84 = "wgs84"  #: satellite positions; CGCS2000 agrees within 1 m
    GCJ02 = "gcj02"  #: Amap, Tencent, Google in China; shifted by 50-700 m, no EPSG code
    BD09 = "bd09"  #: Baidu; a further shift on GCJ-02


# Krasovsky 1940, the ellipsoid the GCJ-02 shift is expressed on.
_GCJ_A_M = 6378245.0
_GCJ_E2 = 0.00669342162296594323
_GCJ_CENTRE = (105.0, 35.0)
_GCJ_BOX: Extent = (72.004, 0.8293, 137.8347, 55.8271)
_BD_TURN = np.pi * 3000.0 / 180.0
_BD_SHIFT = (0.0065, 0.006)
# An iterate that moves less than this [deg] is exact to about 1e-7 m.
_STEP_DEG = 1e-12
_MAX_STEPS = 12
# Points per pass of the inverse: the working set stays in the processor's cache.
_BLOCK = 32_768


def wgs84_to_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike) -> LonLat:
    """Shift WGS 84 to GCJ-02.

    Parameters
    ----------
    lon, lat
        WGS 84 longitude and latitude [deg], any equal shape.

    Returns
    -------
    tuple of arrays
        GCJ-02 longitude and latitude [deg].

    Notes
    -----
    The shift is a polynomial plus sines about (105 E, 35 N), turned from metres into degrees on
    the Krasovsky ellipsoid. Valid inside 72.004-137.8347 E, 0.8293-55.8271 N; positions outside
    that box are returned unchanged, as map services do.

    References
    ----------
    GCJ-02 is not published by its owner; the constants are those in public use since 2013. The
    tests hold them against independently computed pairs over Ezhou.
    """
    lon, lat = _pair(lon, lat)
    shift_lon, shift_lat = _gcj02_shift(lon, lat)
    return lon + shift_lon, lat + shift_lat


def gcj02_to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike) -> LonLat:
    """Undo :func:`wgs84_to_gcj02` by fixed-point iteration, to better than 1 mm.

    Parameters
    ----------
    lon, lat
        GCJ-02 longitude and latitude [deg], any equal shape.

    Returns
    -------
    tuple of arrays
        WGS 84 longitude and latitude [deg].

    Notes
    -----
    p ← q − s(p), where s is the shift at p. s changes by less than 1 % of a step, so every
    iteration gains about two digits: one step leaves up to 2.7 m, three leave 0.04 mm. Iteration
    ends when no point moves by more than 1e-12 degrees. On the edge of the box, where the shift
    starts abruptly, a position within one shift of it may have no inverse.
    """
    return _inverse(_gcj02_shift, lon, lat)


def gcj02_to_bd09(lon: npt.ArrayLike, lat: npt.ArrayLike) -> LonLat:
    """Shift GCJ-02 to BD-09 [deg]."""
    lon, lat = _pair(lon, lat)
    shift_lon, shift_lat = _bd09_shift(lon, lat)
    return lon + shift_lon, lat + shift_lat


def bd09_to_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike) -> LonLat:
    """Undo :func:`gcj02_to_bd09` by fixed-point iteration [deg]."""
    return _inverse(_bd09_shift, lon, lat)


def wgs84_to_bd09(lon: npt.ArrayLike, lat: npt.ArrayLike) -> LonLat:
    """Shift WGS 84 to BD-09 [deg]."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike) -> LonLat:
    """Undo :func:`wgs84_to_bd09`, to better than 1 mm [deg]."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, frame: Frame) -> LonLat:
    """Bring positions of a declared frame to WGS 84 [deg]."""
    if frame is Frame.GCJ02:
        return gcj02_to_wgs84(lon, lat)
    if frame is Frame.BD09:
        return bd09_to_wgs84(lon, lat)
    return _pair(lon, lat)


def from_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, frame: Frame) -> LonLat:
    """Bring WGS 84 positions to another frame, for display on that frame's maps [deg]."""
    if frame is Frame.GCJ02:
        return wgs84_to_gcj02(lon, lat)
    if frame is Frame.BD09:
        return wgs84_to_bd09(lon, lat)
    return _pair(lon, lat)


def reframe(geometry: Shapes, convert: Callable[[Floats, Floats], LonLat]) -> Shapes:
    """Apply a longitude-latitude conversion, e.g. :func:`gcj02_to_wgs84`, to every vertex."""

    def vertices(xy: Floats) -> Floats:
        return np.column_stack(convert(xy[:, 0], xy[:, 1]))

    return shapely.transform(geometry, vertices)


def project(lon: npt.ArrayLike, lat: npt.ArrayLike, crs: str) -> Floats:
    """Project WGS 84 positions into the working CRS.

    Parameters
    ----------
    lon, lat
        WGS 84 longitude and latitude [deg], shape (n,).
    crs
        Working CRS, projected, in metres, e.g. ``"EPSG:4547"``.

    Returns
    -------
    array
        East and north [m], shape (n, 2).

    Raises
    ------
    CrsError
        When the CRS is unknown or not projected metric.

    Notes
    -----
    WGS 84 and CGCS2000 are taken as equal; they differ by less than 1 m.
    """
    lon, lat = _pair(lon, lat)
    east, north = _transformer(WGS84, _name(require_projected_metric(crs))).transform(lon, lat)
    return np.column_stack((east, north))


def unproject(xy: npt.ArrayLike, crs: str) -> LonLat:
    """Bring positions of the working CRS, shape (n, 2) [m], back to WGS 84 [deg].

    Raises
    ------
    CrsError
        When the CRS is unknown or not projected metric.
    """
    xy = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    crs = _name(require_projected_metric(crs))
    lon, lat = _transformer(crs, WGS84).transform(xy[:, 0], xy[:, 1])
    return np.asarray(lon), np.asarray(lat)


def project_geometry(geometry: Shapes, crs: str) -> Shapes:
    """Project WGS 84 geometry, one or an array, into the working CRS [m]."""
    return shapely.transform(geometry, lambda xy: project(xy[:, 0], xy[:, 1], crs))


def unproject_geometry(geometry: Shapes, crs: str) -> Shapes:
    """Bring geometry of the working CRS, one or an array, back to WGS 84 [deg]."""
    return shapely.transform(geometry, lambda xy: np.column_stack(unproject(xy, crs)))


@lru_cache(maxsize=64)
def require_projected_metric(crs: str | int | None, *, extent: Extent | None = None) -> pyproj.CRS:
    """Return the CRS when it can carry distances in metres; refuse it with every fault otherwise.

    Parameters
    ----------
    crs
        Authority string, EPSG number, PROJ text or WKT; None stands for "missing".
    extent
        West, south, east, north of the data in WGS 84 [deg]; when given, it must lie in the area
        the CRS is made for.

    Raises
    ------
    CrsError
        Missing, unknown, geographic, units other than metres, or `extent` outside its area of use.

    Notes
    -----
    Outside its area of use a transverse Mercator zone still computes, only with a growing scale
    error: EPSG:4548 at Ezhou stretches areas by 0.04-0.07 % and is refused; EPSG:4547 (central
    meridian 114 E) stretches them by at most 0.03 %.
    """
    hint = "use a projected CRS in metres made for the place, e.g. EPSG:4547 for 112.5-115.5 E"
    if crs is None or crs == "":
        raise CrsError(Problem("crs", "the coordinate reference system is missing", hint))
    try:
        parsed = pyproj.CRS.from_user_input(crs)
    except _PyprojCrsError:
        raise CrsError(
            Problem("crs", f"unknown coordinate reference system {crs!r}", hint)
        ) from None
    problems: list[Problem] = []
    if not parsed.is_projected:
        kind = "geographic, in degrees" if parsed.is_geographic else "not a projected one"
        problems.append(Problem("crs", f"{crs!r} ({parsed.name}) is {kind}", hint))
    else:
        units = {(axis.unit_name, axis.unit_conversion_factor) for axis in parsed.axis_info[:2]}
        problems.extend(
            Problem("crs", f"{crs!r} ({parsed.name}) is in {unit}, not in metres", hint)
            for unit, factor in sorted(units)
            if factor != 1.0
        )
    area = parsed.area_of_use
    if extent is not None and area is not None:
        use = (area.west, area.south, area.east, area.north)
        if not _within(extent, use):
            problems.append(
                Problem(
                    "crs",
                    f"{crs!r} ({parsed.name}) is made for {_show(use)}; the data lies in "
                    f"{_show(extent)}",
                    hint,
                )
            )
    raise_if(problems, CrsError)
    return parsed


@lru_cache(maxsize=64)
def _transformer(source: str, target: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def _name(crs: pyproj.CRS) -> str:
    authority = crs.to_authority()
    return ":".join(authority) if authority else crs.to_wkt()


def _within(inner: Extent, outer: Extent) -> bool:
    return (
        inner[0] >= outer[0]
        and inner[1] >= outer[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )


def _show(extent: Extent) -> str:
    west, south, east, north = extent
    return f"{west:.2f}-{east:.2f} E, {south:.2f}-{north:.2f} N"


def _pair(lon: npt.ArrayLike, lat: npt.ArrayLike) -> LonLat:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def _gcj02_shift(lon: Floats, lat: Floats) -> LonLat:
    """Return the shift from WGS 84 to GCJ-02 [deg]; zero outside the box it is defined in."""
    x, y = lon - _GCJ_CENTRE[0], lat - _GCJ_CENTRE[1]
    px, py, root = np.pi * x, np.pi * y, np.sqrt(np.abs(x))
    common = 20.0 * np.sin(6.0 * px) + 20.0 * np.sin(2.0 * px)
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north_m += (common + 20.0 * np.sin(py) + 40.0 * np.sin(py / 3.0)) * (2.0 / 3.0)
    north_m += (160.0 * np.sin(py / 12.0) + 320.0 * np.sin(py / 30.0)) * (2.0 / 3.0)
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east_m += (common + 20.0 * np.sin(px) + 40.0 * np.sin(px / 3.0)) * (2.0 / 3.0)
    east_m += (150.0 * np.sin(px / 12.0) + 300.0 * np.sin(px / 30.0)) * (2.0 / 3.0)
    phi = np.radians(lat)
    w2 = 1.0 - _GCJ_E2 * np.sin(phi) ** 2
    meridian_m = _GCJ_A_M * (1.0 - _GCJ_E2) / (w2 * np.sqrt(w2))
    parallel_m = _GCJ_A_M / np.sqrt(w2) * np.cos(phi)
    west, south, east, north = _GCJ_BOX
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return (
        np.where(inside, np.degrees(east_m / parallel_m), 0.0),
        np.where(inside, np.degrees(north_m / meridian_m), 0.0),
    )


def _bd09_shift(lon: Floats, lat: Floats) -> LonLat:
    """Return the shift from GCJ-02 to BD-09 [deg]."""
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_TURN)
    return (
        radius * np.cos(angle) + _BD_SHIFT[0] - lon,
        radius * np.sin(angle) + _BD_SHIFT[1] - lat,
    )


def _inverse(
    shift: Callable[[Floats, Floats], LonLat], lon: npt.ArrayLike, lat: npt.ArrayLike
) -> LonLat:
    lon, lat = _pair(lon, lat)
    lon, lat = np.broadcast_arrays(lon, lat)
    shape, lon, lat = lon.shape, lon.ravel(), lat.ravel()
    out_lon, out_lat = np.empty_like(lon), np.empty_like(lat)
    for start in range(0, lon.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        x, y = lon[part], lat[part]
        for _ in range(_MAX_STEPS):
            shift_lon, shift_lat = shift(x, y)
            new_x, new_y = lon[part] - shift_lon, lat[part] - shift_lat
            moved = np.nanmax(np.abs(np.concatenate((new_x - x, new_y - y))), initial=0.0)
            x, y = new_x, new_y
            if moved <= _STEP_DEG:
                break
        out_lon[part], out_lat[part] = x, y
    return out_lon.reshape(shape), out_lat.reshape(shape)
