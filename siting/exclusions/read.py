"""From a document's shapes to rules in the working CRS, every fault gathered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import shapely

from siting.errors import Problem
from siting.exclusion_spec import AreaSpec, RunwayEndSpec, RunwaySpec, SensitiveSpec, read_wkt
from siting.exclusions.values import Area, Exclusions, NamedRunway, Sensitive, highest_ground_m
from siting.geo import project, project_geometry
from siting.obstacle_surfaces import Runway, height_limit_m

if TYPE_CHECKING:
    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

    from siting.exclusion_spec import ExclusionsSpec
    from siting.radio.ground.terrain import Terrain
    from siting.zones import StudyArea

#: Shapes farther from the study area than this cannot be meant for it [m].
FARTHEST_M = 50_000.0
#: Ends of a runway are not nearer to each other than this [m].
SHORTEST_RUNWAY_M = 100.0

_Item = TypeVar("_Item", AreaSpec, SensitiveSpec)


def read_exclusions(
    spec: ExclusionsSpec,
    study_area: StudyArea,
    site_xy: npt.NDArray[np.float64],
    terrain: Terrain | None,
    problems: list[Problem],
) -> Exclusions:
    """Project the rules of a document; note every fault in `problems`.

    Parameters
    ----------
    spec
        The document's part.
    study_area
        Where, in which CRS, with which water.
    site_xy
        Candidate sites in the working CRS [m], (m, 2).
    terrain
        Ground under the sites; None: not known.
    problems
        Faults found: a shape far from the study area, a runway shorter than 100 m, no elevation of
        the ground where a runway's surface asks for it.
    """
    extent = shapely.box(*shapely.total_bounds([zone.geometry for zone in study_area.districts]))
    runways = tuple(
        runway
        for number, item in enumerate(spec.runways)
        if (runway := _runway(item, number, study_area.crs, extent, problems)) is not None
    )
    areas = tuple(
        Area(name=item.name, geometry=shape, buffer_m=item.buffer_m)
        for item, shape in _shapes("areas", spec.areas, study_area.crs, extent, problems)
    )
    sensitive = tuple(
        Sensitive(name=item.name, kind=item.kind, geometry=shape, height_m=item.height_m)
        for item, shape in _shapes("sensitive", spec.sensitive, study_area.crs, extent, problems)
    )
    if spec.ground_elevation_m is None:
        problems += _unknown_ground(runways, site_xy, terrain)
    inside = shapely.union_all([zone.geometry for zone in study_area.districts])
    shapely.prepare(inside)
    return Exclusions(
        areas=areas,
        runways=runways,
        sensitive=sensitive,
        water=study_area.water if spec.water else None,
        water_missing=spec.water and study_area.water is None,
        ground_elevation_m=spec.ground_elevation_m,
        assumptions=spec.assumptions,
        provenance=tuple(item.provenance for item in (*spec.areas, *spec.runways, *spec.sensitive)),
        beyond=tuple(
            item.name for item in (*areas, *sensitive) if not inside.intersects(item.geometry)
        ),
    )


def _shapes(
    where: str,
    items: Sequence[_Item],
    crs: str,
    extent: BaseGeometry,
    problems: list[Problem],
) -> list[tuple[_Item, BaseGeometry]]:
    found = []
    for number, item in enumerate(items):
        shape = project_geometry(read_wkt(item.wkt), crs)
        place = f"exclusions.{where}[{number}].wkt"
        fault = _far(place, item.name, shape, extent)
        problems += fault
        if not fault:
            found.append((item, shape))
    return found


def _far(where: str, name: str, shape: BaseGeometry, extent: BaseGeometry) -> list[Problem]:
    """Say that a shape lies too far away to be meant."""
    known = bool(np.isfinite(shapely.get_coordinates(shape)).all())
    away = float(shapely.distance(shape, extent)) if known else np.inf
    if away <= FARTHEST_M:
        return []
    far = f"{away / 1e3:,.0f} km from" if known else "outside the CRS of"
    what = f"{name!r} lies {far} the study area, at most {FARTHEST_M / 1e3:.0f} km are permitted"
    return [Problem(where, what, "give WGS 84, longitude first, or leave it out")]


def _runway(
    item: RunwaySpec, number: int, crs: str, extent: BaseGeometry, problems: list[Problem]
) -> NamedRunway | None:
    where = f"exclusions.runways[{number}]"
    ends = [_end(end, crs) for end in (item.end_a, item.end_b)]
    fault = _far(where, item.name, shapely.LineString([end[:2] for end in ends]), extent)
    length = float(np.hypot(ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]))
    if not fault and length < SHORTEST_RUNWAY_M:
        what = f"{item.name!r} is {length:.0f} m long, at least {SHORTEST_RUNWAY_M:.0f} m is"
        fault = [Problem(where, f"{what} permitted", "give both ends of the runway")]
    problems += fault
    if fault:
        return None
    return NamedRunway(
        name=item.name,
        runway=Runway(end_a_xyz=ends[0], end_b_xyz=ends[1]),
        aerodrome_elevation_m=item.aerodrome_elevation_m,
    )


def _end(end: RunwayEndSpec, crs: str) -> tuple[float, float, float]:
    east, north = project([end.lon], [end.lat], crs)[0].tolist()
    return (east, north, end.elevation_m)


def _unknown_ground(
    runways: tuple[NamedRunway, ...], site_xy: npt.NDArray[np.float64], terrain: Terrain | None
) -> list[Problem]:
    """Ask for the ground where a surface counts and no terrain tells it: nothing is invented.

    The aerodrome's own elevation would not do: an aerodrome lies low, and masts stand on hills.
    """
    below = np.zeros(len(site_xy), dtype=np.bool_)
    for item in runways:
        elevation = item.aerodrome_elevation_m
        limit = height_limit_m(site_xy, [item.runway], aerodrome_elevation_m=elevation)
        below |= np.isfinite(limit)
    lost = int(np.isnan(highest_ground_m(terrain, site_xy[below])).sum())
    if not lost:
        return []
    return [
        Problem(
            "exclusions.ground_elevation_m",
            f"is missing: no terrain tells the ground under {lost:,} sites near a runway",
            "give the highest ground near the runways, or load a terrain",
        )
    ]
