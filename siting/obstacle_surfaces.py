"""How high anything may stand near an airport: the obstacle limitation surfaces of ICAO Annex 14.

The surfaces are computed from the runway ends, for an instrument runway of code number 4. They show
a planner where masts meet a limit; the airport's own published surfaces are what binds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceDimensions:
    """Dimensions of the surfaces; the defaults are a precision approach runway of code number 4.

    Parameters
    ----------
    strip_half_width_m, strip_beyond_m
        Strip to each side of the centre line, and beyond each runway end [m].
    approach_divergence
        By how much the approach widens to each side, per metre.
    approach_sections
        (length [m], slope) of the sections of the approach, from the strip outwards.
    climb_half_width_m, climb_divergence, climb_final_half_width_m, climb_length_m, climb_slope
        The take-off climb: half width at its inner edge, widening to each side, half width at most
        [m], length [m] and slope.
    transitional_slope
        Slope of the sides of strip and approach.
    inner_radius_m, inner_height_m
        Inner horizontal surface: distance from the strip's centre line and height above the
        aerodrome [m].
    conical_slope, conical_height_m
        Conical surface around it: slope, and height above the inner horizontal surface [m].
    """

    strip_half_width_m: float = 140.0
    strip_beyond_m: float = 60.0
    approach_divergence: float = 0.15
    approach_sections: tuple[tuple[float, float], ...] = (
        (3_000.0, 0.02),
        (3_600.0, 0.025),
        (8_400.0, 0.0),
    )
    climb_half_width_m: float = 90.0
    climb_divergence: float = 0.125
    climb_final_half_width_m: float = 900.0
    climb_length_m: float = 15_000.0
    climb_slope: float = 0.02
    transitional_slope: float = 1.0 / 7.0
    inner_radius_m: float = 4_000.0
    inner_height_m: float = 45.0
    conical_slope: float = 0.05
    conical_height_m: float = 100.0


DEFAULT_DIMENSIONS = SurfaceDimensions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Runway:
    """Both ends of a runway.

    Parameters
    ----------
    end_a_xyz, end_b_xyz
        East and north in a projected metric CRS, and elevation above mean sea level [m].
    """

    end_a_xyz: tuple[float, float, float]
    end_b_xyz: tuple[float, float, float]


def height_limit_m(
    xy: npt.ArrayLike,
    runways: Sequence[Runway],
    *,
    aerodrome_elevation_m: float,
    dimensions: SurfaceDimensions = DEFAULT_DIMENSIONS,
) -> Floats:
    """Return how high the top of anything may be at some positions.

    Parameters
    ----------
    xy
        Positions in the CRS of the runways [m], (n, 2).
    runways
        Runways of the airport.
    aerodrome_elevation_m
        Elevation of the aerodrome [m above mean sea level].
    dimensions
        Of the surfaces.

    Returns
    -------
    ndarray
        Greatest elevation of the top [m above mean sea level], (n,): the lowest surface above each
        position, infinite beyond all of them. On a strip nothing may stand: the runway's elevation.

    Raises
    ------
    InputError
        For positions that are no numbers, no runway, and a runway shorter than 100 m.

    References
    ----------
    ICAO Annex 14, volume I (9th edition 2022), chapter 4, tables 4-1 and 4-2.
    """
    places = np.atleast_2d(np.asarray(xy, dtype=np.float64))
    problems = []
    if places.ndim != 2 or places.shape[1] != 2 or not np.isfinite(places).all():  # noqa: PLR2004
        problems.append(Problem("xy", "needs finite positions (n, 2)"))
    if not runways:
        problems.append(Problem("runways", "names no runway"))
    for number, runway in enumerate(runways):
        ends = np.array([runway.end_a_xyz, runway.end_b_xyz], dtype=np.float64)
        if not np.isfinite(ends).all() or np.hypot(*(ends[1] - ends[0])[:2]) < 100.0:  # noqa: PLR2004
            problems.append(Problem(f"runways[{number}]", "needs two ends at least 100 m apart"))
    if not np.isfinite(aerodrome_elevation_m):
        problems.append(Problem("aerodrome_elevation_m", "is no number"))
    raise_if(problems, InputError)
    limit = np.full(len(places), np.inf)
    for runway in runways:
        limit = np.minimum(limit, _of_runway(places, runway, aerodrome_elevation_m, dimensions))
    return limit


def _of_runway(
    places: Floats, runway: Runway, elevation: float, dimensions: SurfaceDimensions
) -> Floats:
    """Return the limit of one runway: the lowest of its surfaces."""
    a, b = np.array(runway.end_a_xyz), np.array(runway.end_b_xyz)
    length = float(np.hypot(*(b - a)[:2]))
    ahead = (b - a)[:2] / length
    from_a = places - a[:2]
    along = from_a @ ahead
    aside = np.abs(from_a @ np.array([-ahead[1], ahead[0]]))
    level = elevation + dimensions.inner_height_m
    ground = a[2] + (b[2] - a[2]) * np.clip(along / length, 0.0, 1.0)
    beyond = np.maximum(-along, along - length) - dimensions.strip_beyond_m
    on_strip = beyond <= 0.0
    outside_strip = np.maximum(0.0, aside - dimensions.strip_half_width_m)
    side = ground + dimensions.transitional_slope * outside_strip
    limit = np.where(on_strip & (side <= level), side, np.inf)
    threshold = np.where(along < 0.5 * length, a[2], b[2])
    limit = np.minimum(limit, _beyond_the_ends(beyond, aside, threshold, level, dimensions))
    away = np.hypot(np.maximum(0.0, beyond), aside)
    return np.minimum(limit, _around(away, level, dimensions))


def _beyond_the_ends(
    beyond: Floats, aside: Floats, threshold: Floats, level: float, dimensions: SurfaceDimensions
) -> Floats:
    """Approach with its transitional sides, and take-off climb, beyond the strip."""
    height, start = threshold.copy(), 0.0
    for length, slope in dimensions.approach_sections:
        height += slope * np.clip(beyond - start, 0.0, length)
        start += length
    half = dimensions.strip_half_width_m + dimensions.approach_divergence * beyond
    inside = (beyond > 0.0) & (beyond <= start)
    limit = np.where(inside & (aside <= half), height, np.inf)
    side = height + dimensions.transitional_slope * (aside - half)
    beside = inside & (aside > half) & (height <= level) & (side <= level)
    limit = np.where(beside, np.minimum(limit, side), limit)
    half = np.minimum(
        dimensions.climb_half_width_m + dimensions.climb_divergence * beyond,
        dimensions.climb_final_half_width_m,
    )
    climb = (beyond > 0.0) & (beyond <= dimensions.climb_length_m) & (aside <= half)
    return np.where(climb, np.minimum(limit, threshold + dimensions.climb_slope * beyond), limit)


def _around(away: Floats, level: float, dimensions: SurfaceDimensions) -> Floats:
    """Inner horizontal and conical surface at a distance from the strip's centre line."""
    rise = dimensions.conical_slope * np.maximum(0.0, away - dimensions.inner_radius_m)
    return np.where(rise <= dimensions.conical_height_m, level + rise, np.inf)
