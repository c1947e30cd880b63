"""Which options the rules leave, how high they may stand, and why the others are out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely

from siting.exclusions.exposure import Exposure, expose
from siting.exclusions.values import (
    HEIGHT_STEP_M,
    Excluded,
    Exclusions,
    Lowered,
    Reason,
    bases_m,
    highest_ground_m,
)
from siting.obstacle_surfaces import height_limit_m
from siting.radio.propagation.path_loss import VALIDITY

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from siting.radio.ground.terrain import Terrain
    from siting.technology import CoverageModel, Options, Technology

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """What the rules say about every option.

    Parameters
    ----------
    keep
        Options that may be chosen, (k,).
    height_m
        Mounting height of each, lowered where a surface asks for it [m], (k,).
    excluded, lowered
        Why options are left out, and which stand lower, by site and technology.
    """

    keep: npt.NDArray[np.bool_]
    height_m: Floats
    excluded: tuple[Excluded, ...]
    lowered: tuple[Lowered, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Broken:
    """One rule held against all options; every array has the shape (k,).

    `by` is an index into `names`, -1 where the rule is kept.
    """

    reason: Reason
    by: npt.NDArray[np.intp]
    names: Sequence[str]
    amount: Floats
    permitted: Floats


def decide(
    exclusions: Exclusions,
    options: Options,
    *,
    site_xy: Floats,
    technologies: Sequence[Technology],
    coverage_model: CoverageModel,
    terrain: Terrain | None,
) -> Decision:
    """Hold every rule against every option.

    Parameters
    ----------
    exclusions
        The rules.
    options
        Options at the heights they want.
    site_xy
        Candidate sites in the working CRS [m], (m, 2).
    technologies
        Those the options refer to.
    coverage_model
        Whether antennas have a direction.
    terrain
        Ground; None: level, and :attr:`Exclusions.ground_elevation_m` under the surfaces.

    Raises
    ------
    InputError
        For a carrier or power that no exposure limit is known for.

    Notes
    -----
    Rules are judged in the order of :class:`Reason`; heights are lowered before buildings and
    exposure are judged.
    """
    height_m, aerodrome, runway = _below_surfaces(
        exclusions, options, site_xy, technologies, terrain
    )
    standing = replace(options, height_m=height_m)
    rules = [
        _in_areas(exclusions, options, site_xy),
        _in_water(exclusions, options, site_xy),
        aerodrome,
        _below_buildings(exclusions, standing, site_xy, terrain),
    ]
    left = np.flatnonzero(np.all([rule.by < 0 for rule in rules], axis=0))
    exposure = expose(
        exclusions,
        standing.take(left),
        site_xy=site_xy,
        technologies=technologies,
        coverage_model=coverage_model,
        terrain=terrain,
    )
    rules.append(_exposing(exclusions, exposure, left, len(options)))
    keep = np.all([rule.by < 0 for rule in rules], axis=0)
    return Decision(
        keep=keep,
        height_m=height_m,
        excluded=_excluded(options, rules),
        lowered=_lowered(options, height_m, keep, exclusions, runway),
    )


def _kept(reason: Reason, names: Sequence[str], size: int) -> _Broken:
    return _Broken(
        reason=reason,
        by=np.full(size, -1, dtype=np.intp),
        names=names,
        amount=np.zeros(size),
        permitted=np.zeros(size),
    )


def _near(geometry: BaseGeometry, xy: Floats, reach_m: float) -> npt.NDArray[np.intp]:
    """Return the positions whose distance to a shape's bounding box is within reach."""
    west, south, east, north = geometry.bounds
    low, high = np.array([west, south]) - reach_m, np.array([east, north]) + reach_m
    return np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))


def _distance_m(geometry: BaseGeometry, xy: Floats) -> Floats:
    shapely.prepare(geometry)
    return np.asarray(shapely.distance(geometry, shapely.points(xy)), dtype=np.float64)


def _in_areas(exclusions: Exclusions, options: Options, site_xy: Floats) -> _Broken:
    at_site = _kept(Reason.AREA, [item.name for item in exclusions.areas], len(site_xy))
    for number, item in enumerate(exclusions.areas):
        near = _near(item.geometry, site_xy, item.buffer_m)
        away = _distance_m(item.geometry, site_xy[near])
        hit = (away <= item.buffer_m) & (at_site.by[near] < 0)
        at_site.by[near[hit]] = number
        at_site.amount[near[hit]] = away[hit]
        at_site.permitted[near[hit]] = item.buffer_m
    return _of_sites(at_site, options)


def _in_water(exclusions: Exclusions, options: Options, site_xy: Floats) -> _Broken:
    at_site = _kept(Reason.WATER, [""], len(site_xy))
    if exclusions.water is not None:
        shapely.prepare(exclusions.water)
        at_site.by[shapely.intersects_xy(exclusions.water, site_xy)] = 0
    return _of_sites(at_site, options)


def _of_sites(rule: _Broken, options: Options) -> _Broken:
    """Hand a rule about sites on to their options."""
    return _Broken(
        reason=rule.reason,
        by=rule.by[options.site],
        names=rule.names,
        amount=rule.amount[options.site],
        permitted=rule.permitted[options.site],
    )


def _below_surfaces(
    exclusions: Exclusions,
    options: Options,
    site_xy: Floats,
    technologies: Sequence[Technology],
    terrain: Terrain | None,
) -> tuple[Floats, _Broken, npt.NDArray[np.intp]]:
    """Lower what a runway's surface is in the way of; leave out what would be too low.

    Returns
    -------
    height_m, broken, runway
        Heights to stand at [m], what no height is left for, and the runway with the lowest
        surface, each (k,).

    Notes
    -----
    Height left = limit - ground - allowance for the rod. A technology that wants more stands at
    what is left, rounded down to :data:`HEIGHT_STEP_M`, unless that is below the least height
    (assumption) or below the least height of its propagation model.
    """
    broken = _kept(Reason.AERODROME, [item.name for item in exclusions.runways], len(options))
    left, runway = _heights_left_m(exclusions, site_xy, terrain)
    left, runway = left[options.site], runway[options.site]
    wanted = options.height_m
    low = [VALIDITY[item.propagation].antenna_height_m[0] for item in technologies]
    least = np.maximum(exclusions.assumptions.least_height_m, np.array(low)[options.technology])
    stepped = np.floor(left / HEIGHT_STEP_M) * HEIGHT_STEP_M
    height = np.where(wanted <= left, wanted, stepped)
    out = (height < wanted) & (height < least)
    broken.by[out] = runway[out]
    broken.amount[out], broken.permitted[out] = left[out], np.minimum(wanted, least)[out]
    return np.where(out, wanted, height), broken, runway


def _heights_left_m(
    exclusions: Exclusions, site_xy: Floats, terrain: Terrain | None
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return the height the surfaces leave an antenna at each site [m], and whose is the lowest."""
    left, runway = np.full(len(site_xy), np.inf), np.zeros(len(site_xy), dtype=np.intp)
    if not exclusions.runways:
        return left, runway
    ground = highest_ground_m(terrain, site_xy)
    if exclusions.ground_elevation_m is not None:
        ground = np.where(np.isnan(ground), exclusions.ground_elevation_m, ground)
    for number, item in enumerate(exclusions.runways):
        elevation = item.aerodrome_elevation_m
        limit = height_limit_m(site_xy, [item.runway], aerodrome_elevation_m=elevation)
        below = np.flatnonzero(np.isfinite(limit))
        mine = limit[below] - ground[below] - exclusions.assumptions.rod_m
        lower = mine < left[below]
        left[below[lower]], runway[below[lower]] = mine[lower], number
    return left, runway


def _below_buildings(
    exclusions: Exclusions, options: Options, site_xy: Floats, terrain: Terrain | None
) -> _Broken:
    """Leave out antennas below the roof of a sensitive building that is near."""
    names = [item.name for item in exclusions.sensitive]
    broken = _kept(Reason.HIGHER_BUILDING, names, len(options))
    clear = exclusions.assumptions.clear_m
    for number, item in enumerate(exclusions.sensitive):
        near = _near(item.geometry, site_xy, clear)
        near = near[_distance_m(item.geometry, site_xy[near]) <= clear]
        roofs = bases_m(item, site_xy[near], terrain) + item.height_m
        for site, roof in zip(near.tolist(), roofs.tolist(), strict=True):
            over = roof - options.height_m
            hit = (options.site == site) & (over > 0.0) & (broken.by < 0)
            broken.by[hit], broken.amount[hit] = number, over[hit]
    return broken


def _exposing(
    exclusions: Exclusions, exposure: Exposure, at: npt.NDArray[np.intp], size: int
) -> _Broken:
    """Leave out what exposes a building to more than the project's share of the limit."""
    broken = _kept(Reason.EXPOSURE, [item.name for item in exclusions.sensitive], size)
    over = exposure.density_w_m2 > exposure.permitted_w_m2
    broken.by[at[over]] = exposure.by[over]
    broken.amount[at[over]] = exposure.density_w_m2[over]
    broken.permitted[at[over]] = exposure.permitted_w_m2[over]
    return broken


#: Reasons whose worst case is the greatest amount; of the others it is the least.
_MORE_IS_WORSE = frozenset({Reason.HIGHER_BUILDING, Reason.EXPOSURE})


def _excluded(options: Options, rules: Sequence[_Broken]) -> tuple[Excluded, ...]:
    """Say once per site, technology, reason and name what is left out, by site."""
    open_ = np.ones(len(options), dtype=np.bool_)
    found: dict[tuple[int, int, int, int], Excluded] = {}
    for order, rule in enumerate(rules):
        for o in np.flatnonzero(open_ & (rule.by >= 0)).tolist():
            site, technology = int(options.site[o]), int(options.technology[o])
            key, amount = (site, technology, order, int(rule.by[o])), float(rule.amount[o])
            known = found.get(key)
            if known is not None:
                worst = max if rule.reason in _MORE_IS_WORSE else min
                amount = worst(amount, known.amount)
            found[key] = Excluded(
                site=site,
                technology=technology,
                reason=rule.reason,
                by=rule.names[int(rule.by[o])],
                amount=amount,
                permitted=float(rule.permitted[o]),
                options=1 if known is None else known.options + 1,
            )
        open_ &= rule.by < 0
    return tuple(found[key] for key in sorted(found))


def _lowered(
    options: Options,
    height_m: Floats,
    keep: npt.NDArray[np.bool_],
    exclusions: Exclusions,
    runway: npt.NDArray[np.intp],
) -> tuple[Lowered, ...]:
    """Say once per site and technology what stands lower than it wants, by site."""
    found: dict[tuple[int, int], Lowered] = {}
    for o in np.flatnonzero(keep & (height_m < options.height_m)).tolist():
        site, technology = int(options.site[o]), int(options.technology[o])
        found[site, technology] = Lowered(
            site=site,
            technology=technology,
            by=exclusions.runways[runway[o]].name,
            wanted_m=float(options.height_m[o]),
            height_m=float(height_m[o]),
        )
    return tuple(found.values())
