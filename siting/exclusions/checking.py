"""The independent check of the rules: options recomputed one by one from raw shapes.

Shares no code with :mod:`siting.exclusions.decide` and :mod:`siting.exclusions.exposure`: distances
are measured from the site to all shapes at once, the pattern of an antenna is its formula instead
of a table, and every antenna is summed on its own. Surfaces and limits are those of
:mod:`siting.obstacle_surfaces` and :mod:`siting.radio.emf`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Point
from shapely.ops import nearest_points

from siting.errors import Problem
from siting.exclusions.values import LEVEL_STEP_M, NEAREST_M, OUTLINE_STEP_M, Exclusions, Sensitive
from siting.obstacle_surfaces import height_limit_m
from siting.radio.emf import public_limit_w_m2
from siting.technology import CoverageModel

if TYPE_CHECKING:
    from siting.radio.ground.terrain import Terrain
    from siting.sites import CandidateSites
    from siting.technology import Options, SectorLayout, Technology

#: Height an option may seem too high by, for the order of sums [m].
HEIGHT_SLACK_M = 1e-6
#: Share by which a power density may differ: patterns are interpolated to a tenth of a degree.
DENSITY_SLACK = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Mast:
    """One chosen option as the rules see it."""

    technology: Technology
    layout: SectorLayout | None
    xy: npt.NDArray[np.float64]
    height_m: float
    wanted_m: float
    turn_deg: float
    tilt_deg: float


def broken_rules(
    exclusions: Exclusions,
    options: Options,
    chosen: npt.NDArray[np.intp],
    *,
    sites: CandidateSites,
    technologies: Sequence[Technology],
    coverage_model: CoverageModel,
    terrain: Terrain | None,
) -> list[Problem]:
    """Name every chosen option that breaks a rule; empty when none does.

    Parameters
    ----------
    exclusions
        The rules, raw.
    options
        The scenario's options.
    chosen
        Indices of those a plan builds.
    sites, technologies, coverage_model, terrain
        What the options refer to.
    """
    if exclusions.water is not None:
        shapely.prepare(exclusions.water)
    found: list[Problem] = []
    for o in chosen.tolist():
        site, technology = int(options.site[o]), technologies[int(options.technology[o])]
        mast = _Mast(
            technology=technology,
            layout=technology.sectors if coverage_model is CoverageModel.SECTORS else None,
            xy=np.asarray(sites.xy[site]),
            height_m=float(options.height_m[o]),
            wanted_m=min(float(sites.height_m[site]), technology.max_height_m),
            turn_deg=float(options.turn_deg[o]),
            tilt_deg=float(options.tilt_deg[o]),
        )
        where = f"selected: {technology.id} at {sites.id[site]}"
        found += [Problem(where, what) for what in _faults(exclusions, mast, terrain)]
    return found


def _faults(exclusions: Exclusions, mast: _Mast, terrain: Terrain | None) -> Iterator[str]:
    at = Point(mast.xy)
    shapes = np.array([item.geometry for item in exclusions.areas], dtype=object)
    for item, away in zip(exclusions.areas, shapely.distance(shapes, at), strict=True):
        if away <= item.buffer_m:
            yield f"stands {away:.1f} m from {item.name!r}, inside its strip of {item.buffer_m} m"
    if exclusions.water is not None and shapely.intersects(exclusions.water, at):
        yield "stands in water"
    yield from _height_faults(exclusions, mast, terrain)
    shapes = np.array([item.geometry for item in exclusions.sensitive], dtype=object)
    distances = shapely.distance(shapes, at)
    for place in np.flatnonzero(distances <= _reach_m(exclusions, mast)).tolist():
        item, away = exclusions.sensitive[place], float(distances[place])
        base = _rise_m(terrain, mast.xy, item)
        over = base + item.height_m - mast.height_m
        if away <= exclusions.assumptions.clear_m and over > HEIGHT_SLACK_M:
            yield f"stands {over:.1f} m below the roof of {item.name!r}, {away:.1f} m away"
        yield from _exposure_faults(exclusions, mast, item, away, base)


def _reach_m(exclusions: Exclusions, mast: _Mast) -> float:
    """Return the distance beyond which no building can matter to a station [m]."""
    limit, watts = _limit_and_watts(exclusions, mast)
    antennas = 1 if mast.layout is None else mast.layout.sectors
    exposed = math.sqrt(antennas * watts / (4.0 * math.pi * limit))
    return max(exclusions.assumptions.clear_m, exposed)


def _limit_and_watts(exclusions: Exclusions, mast: _Mast) -> tuple[float, float]:
    """Return the project's share of the limit [W/m2] and the mean EIRP of one antenna [W]."""
    said, technology = exclusions.assumptions, mast.technology
    limit = said.limit_share * float(public_limit_w_m2(technology.frequency_mhz))
    level_dbm = technology.tx_power_dbm + technology.ssb_gain_dbi + said.traffic_gain_db
    return limit, 10.0 ** (level_dbm / 10.0) / 1e3 * said.duty


def _height_faults(exclusions: Exclusions, mast: _Mast, terrain: Terrain | None) -> Iterator[str]:
    said = exclusions.assumptions
    if mast.height_m > mast.wanted_m + HEIGHT_SLACK_M:
        yield f"stands at {mast.height_m:g} m, higher than the {mast.wanted_m:g} m it can"
    if mast.height_m < min(mast.wanted_m, said.least_height_m) - HEIGHT_SLACK_M:
        yield f"stands at {mast.height_m:g} m, lower than the least of {said.least_height_m:g} m"
    for item in exclusions.runways:
        elevation = item.aerodrome_elevation_m
        limit = float(height_limit_m(mast.xy, [item.runway], aerodrome_elevation_m=elevation)[0])
        if math.isinf(limit):
            continue
        ground = _highest_m(terrain, mast.xy)
        if ground is None:
            ground = exclusions.ground_elevation_m
        if ground is None:
            yield f"stands under a surface of {item.name!r} on ground that nobody knows"
        elif ground + mast.height_m + said.rod_m > limit + HEIGHT_SLACK_M:
            top = ground + mast.height_m + said.rod_m
            yield f"reaches {top:.1f} m above sea level, {item.name!r} leaves {limit:.1f} m"


def _exposure_faults(
    exclusions: Exclusions, mast: _Mast, item: Sensitive, away_m: float, base_m: float
) -> Iterator[str]:
    limit, watts = _limit_and_watts(exclusions, mast)
    antennas = 1 if mast.layout is None else mast.layout.sectors
    nearest = max(away_m, NEAREST_M)
    if antennas * watts / (4.0 * math.pi * nearest**2) <= limit:
        return
    worst = max(
        sum(watts * gain for gain in _gains(mast, east, north, down))
        / (4.0 * math.pi * max(math.hypot(east, north, down), NEAREST_M) ** 2)
        for east, north, down in _seen(mast, item, base_m)
    )
    if worst > limit * (1.0 + DENSITY_SLACK):
        yield f"exposes {item.name!r} to {worst:.3g} W/m2, its share of the limit is {limit:.3g}"


def _seen(mast: _Mast, item: Sensitive, base_m: float) -> Iterator[tuple[float, float, float]]:
    """Yield points of a building as seen from the antenna: east, north, down [m]."""
    shape = item.geometry
    outline = shape if shape.area == 0.0 else shape.boundary
    places = shapely.get_coordinates(shapely.segmentize(outline, OUTLINE_STEP_M)).tolist()
    places.append(list(nearest_points(shape, Point(mast.xy))[0].coords[0]))
    storeys = max(1, math.ceil(item.height_m / LEVEL_STEP_M))
    levels = [base_m + item.height_m * number / storeys for number in range(storeys + 1)]
    levels.append(min(max(mast.height_m, base_m), base_m + item.height_m))
    for east, north in places:
        for level in levels:
            yield east - mast.xy[0], north - mast.xy[1], mast.height_m - level


def _gains(mast: _Mast, east: float, north: float, down: float) -> Iterator[float]:
    """Yield the gain of each antenna towards a direction over its greatest, 0..1.

    3GPP TR 38.901, table 7.3-1: A = min(min(12 (phi / phi_3dB)², A_max) +
    min(12 (theta / theta_3dB)², SLA_V), A_max).
    """
    layout = mast.layout
    if layout is None:
        yield 1.0
        return
    azimuth = math.degrees(math.atan2(east, north))
    below = math.degrees(math.atan2(down, math.hypot(east, north))) - mast.tilt_deg
    vertical = min(12.0 * (below / layout.vertical_beamwidth_deg) ** 2, layout.side_lobe_db)
    for number in range(layout.sectors):
        across = azimuth - mast.turn_deg - number * 360.0 / layout.sectors
        across = (across + 180.0) % 360.0 - 180.0
        horizontal = 12.0 * (across / layout.horizontal_beamwidth_deg) ** 2
        loss = min(horizontal, layout.front_to_back_db) + vertical
        yield 10.0 ** (-min(loss, layout.front_to_back_db) / 10.0)


def _rise_m(terrain: Terrain | None, xy: npt.NDArray[np.float64], item: Sensitive) -> float:
    """Return the ground at a building over that of a site; 0 where one is not known."""
    middle = item.geometry.representative_point()
    here = _cell_m(terrain, float(xy[0]), float(xy[1]))
    there = _cell_m(terrain, middle.x, middle.y)
    return 0.0 if here is None or there is None else there - here


def _highest_m(terrain: Terrain | None, xy: npt.NDArray[np.float64]) -> float | None:
    """Return the highest ground of a position's cell and the cells round it; None: not known."""
    if terrain is None or _cell_m(terrain, float(xy[0]), float(xy[1])) is None:
        return None
    size = terrain.grid.cell_size_m
    around = (
        _cell_m(terrain, xy[0] + size * column, xy[1] + size * row)
        for column in (-1, 0, 1)
        for row in (-1, 0, 1)
    )
    return max(value for value in around if value is not None)


def _cell_m(terrain: Terrain | None, east: float, north: float) -> float | None:
    if terrain is None:
        return None
    grid = terrain.grid
    column = math.floor((east - grid.west_m) / grid.cell_size_m)
    row = math.floor((north - grid.south_m) / grid.cell_size_m)
    if not (0 <= column < grid.columns and 0 <= row < grid.rows):
        return None
    return float(terrain.ground_m[row, column])
