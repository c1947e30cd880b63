"""Frames of Chinese web maps: GCJ-02 and BD-09, forward and back."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

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
    lon, lat = pair(lon, lat)
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
    lon, lat = pair(lon, lat)
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
    return pair(lon, lat)


def from_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, frame: Frame) -> LonLat:
    """Bring WGS 84 positions to another frame, for display on that frame's maps [deg]."""
    if frame is Frame.GCJ02:
        return wgs84_to_gcj02(lon, lat)
    if frame is Frame.BD09:
        return wgs84_to_bd09(lon, lat)
    return pair(lon, lat)


def reframe(geometry: Shapes, convert: Callable[[Floats, Floats], LonLat]) -> Shapes:
    """Apply a longitude-latitude conversion, e.g. :func:`gcj02_to_wgs84`, to every vertex."""

    def vertices(xy: Floats) -> Floats:
        return np.column_stack(convert(xy[:, 0], xy[:, 1]))

    return shapely.transform(geometry, vertices)


def pair(lon: npt.ArrayLike, lat: npt.ArrayLike) -> LonLat:
    """Return both as arrays of floats."""
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
    lon, lat = pair(lon, lat)
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
