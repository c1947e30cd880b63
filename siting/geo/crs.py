"""Reference systems: WGS 84 to the working CRS and back; refusal of what cannot carry metres."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from pyproj.exceptions import CRSError as _PyprojCrsError

from siting.errors import CrsError, Problem, raise_if
from siting.geo.frames import Extent, Floats, LonLat, Shapes, pair

#: CRS of HTTP and storage; axis order is always longitude, latitude.
WGS84 = "EPSG:4326"
#: Largest scale error of a working CRS anywhere on the data; a kilometre is wrong by 10 m at most.
MAX_SCALE_ERROR = 0.01
_HINT = "use a projected CRS in metres made for the place, e.g. EPSG:4547 for 112.5-115.5 E"
_WEB_MERCATOR = "Popular Visualisation Pseudo Mercator"


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
    lon, lat = pair(lon, lat)
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
def require_projected_metric(
    crs: str | int | pyproj.CRS | None, *, extent: Extent | None = None
) -> pyproj.CRS:
    """Return the CRS when it can carry distances in metres; refuse it with every fault otherwise.

    Parameters
    ----------
    crs
        Authority string, EPSG number, PROJ text or WKT; None stands for "missing".
    extent
        West, south, east, north of the data in WGS 84 [deg]; when given, it must lie in the area
        the CRS is made for, and the scale must be right there.

    Raises
    ------
    CrsError
        Missing, unknown, geographic, units other than metres, web Mercator, `extent` outside its
        area of use, or a scale error above :data:`MAX_SCALE_ERROR` on it.

    Notes
    -----
    Outside its area of use a transverse Mercator zone still computes, only with a growing scale
    error: EPSG:4548 at Ezhou stretches areas by 0.04-0.07 % and is refused; EPSG:4547 (central
    meridian 114 E) stretches them by at most 0.03 %.
    """
    if crs is None or crs == "":
        raise CrsError(Problem("crs", "the coordinate reference system is missing", _HINT))
    try:
        parsed = pyproj.CRS.from_user_input(crs)
    except _PyprojCrsError:
        raise CrsError(
            Problem("crs", f"unknown coordinate reference system {crs!r}", _HINT)
        ) from None
    faults = _metric_faults(parsed)
    if extent is not None:
        faults.extend(_extent_faults(parsed, extent))
    label = f"{_name(parsed) if parsed.to_authority() else 'the CRS'} ({parsed.name})"
    raise_if([Problem("crs", f"{label} {fault}", _HINT) for fault in faults], CrsError)
    return parsed


def _metric_faults(crs: pyproj.CRS) -> list[str]:
    if not crs.is_projected:
        return ["is geographic, in degrees" if crs.is_geographic else "is not a projected system"]
    units = {(axis.unit_name, axis.unit_conversion_factor) for axis in crs.axis_info[:2]}
    faults = [f"is in {unit}, not in metres" for unit, factor in sorted(units) if factor != 1.0]
    operation = crs.coordinate_operation
    if operation is not None and operation.method_name == _WEB_MERCATOR:
        faults.append("is web Mercator: its metres are true at the equator alone")
    return faults


def _extent_faults(crs: pyproj.CRS, extent: Extent) -> list[str]:
    faults: list[str] = []
    area = crs.area_of_use
    if area is not None:
        use = (area.west, area.south, area.east, area.north)
        if not _within(extent, use):
            faults.append(f"is made for {_show(use)}; the data lies in {_show(extent)}")
    if crs.is_projected:
        west, south, east, north = extent
        lon = np.array([west, west, east, east, (west + east) / 2.0])
        lat = np.array([south, north, south, north, (south + north) / 2.0])
        factors = pyproj.Proj(crs).get_factors(lon, lat, errcheck=False)
        scales = np.concatenate((factors.meridional_scale, factors.parallel_scale))
        worst = float(np.abs(scales - 1.0).max())
        if not worst <= MAX_SCALE_ERROR:
            faults.append(
                f"is wrong in scale by {worst:.1%} on the data, more than {MAX_SCALE_ERROR:.0%}"
            )
    return faults


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
