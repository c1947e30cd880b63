"""Power density of options at buildings: over outline and height, by the aim of the antennas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely

from siting.exclusions.values import (
    LEVEL_STEP_M,
    NEAREST_M,
    OUTLINE_STEP_M,
    Exclusions,
    Sensitive,
    base_over_site_m,
)
from siting.radio.antenna import layout_pattern
from siting.radio.emf import compliance_distance_m, power_density_w_m2, public_limit_w_m2
from siting.technology import CoverageModel
from siting.units import db_to_ratio

if TYPE_CHECKING:
    from siting.exclusion_spec import ExclusionAssumptions
    from siting.radio.ground.terrain import Terrain
    from siting.technology import Options, SectorLayout, Technology

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """Greatest power density of options over all buildings.

    Parameters
    ----------
    density_w_m2
        At the worst point of the worst building [W/m2], (k,); 0 where none is near.
    permitted_w_m2
        The project's share of the limit at the option's carrier [W/m2], (k,).
    by
        Index of the worst building, (k,); -1 where none is near.
    """

    density_w_m2: Floats
    permitted_w_m2: Floats
    by: npt.NDArray[np.intp]


def expose(
    exclusions: Exclusions,
    options: Options,
    *,
    site_xy: Floats,
    technologies: Sequence[Technology],
    coverage_model: CoverageModel,
    terrain: Terrain | None,
) -> Exposure:
    """Find the greatest power density of every option at any building.

    Parameters
    ----------
    exclusions
        Buildings and assumptions.
    options
        Options at the heights they would stand.
    site_xy
        Candidate sites in the working CRS [m], (m, 2).
    technologies, coverage_model, terrain
        As in :func:`siting.exclusions.decide.decide`.

    Raises
    ------
    InputError
        For a carrier or power that no limit is known for.

    Notes
    -----
    Far field with every antenna of the station on air: S = sum over antennas of EIRP(direction)
    duty / (4 pi d²), where EIRP is carrier power plus gain of the synchronisation beams plus the
    assumed gain of traffic beams, less the attenuation of the pattern. Without a direction the
    greatest gain counts in all. Points are the nearest one and those of the outline every
    :data:`OUTLINE_STEP_M`, from ground to roof every :data:`LEVEL_STEP_M`, and the level of the
    antenna. Carriers of different technologies are judged one by one.

    References
    ----------
    GB 8702-2014, table 1 and section 4.1; HJ/T 10.3-1996, section 4.2.
    """
    found = Exposure(
        density_w_m2=np.zeros(len(options)),
        permitted_w_m2=np.zeros(len(options)),
        by=np.full(len(options), -1, dtype=np.intp),
    )
    if not exclusions.sensitive:
        return found
    said = exclusions.assumptions
    for number, technology in enumerate(technologies):
        mine = np.flatnonzero(options.technology == number)
        limit = said.limit_share * float(public_limit_w_m2(technology.frequency_mhz))
        found.permitted_w_m2[mine] = limit
        layout = technology.sectors if coverage_model is CoverageModel.SECTORS else None
        reach = _reach_m(technology, layout, said)
        for place, item in enumerate(exclusions.sensitive):
            outline = outline_m(item)
            for at in _sites_near(item, options.site[mine], site_xy, reach):
                chosen = mine[options.site[mine] == at]
                base = base_over_site_m(item, site_xy[at], terrain)
                height = float(options.height_m[chosen[0]])
                points = _points_m(item, outline, site_xy[at], base, height)
                density = _density_w_m2(
                    technology, layout, said, options=options, chosen=chosen, points=points
                )
                worse = density > found.density_w_m2[chosen]
                found.density_w_m2[chosen[worse]] = density[worse]
                found.by[chosen[worse]] = place
    return found


def outline_m(item: Sensitive) -> Floats:
    """Return points along the outline of a building, not too far apart [m], (n, 2)."""
    outline = item.geometry.boundary if item.geometry.area else item.geometry
    return shapely.get_coordinates(shapely.segmentize(outline, OUTLINE_STEP_M))


def _reach_m(
    technology: Technology, layout: SectorLayout | None, said: ExclusionAssumptions
) -> float:
    """Return the distance beyond which even all antennas together keep the limit [m]."""
    one = compliance_distance_m(
        _eirp_dbm(technology, said),
        technology.frequency_mhz,
        share=said.limit_share,
        duty=said.duty,
    )
    return float(one) * np.sqrt(1 if layout is None else layout.sectors)


def _eirp_dbm(technology: Technology, said: ExclusionAssumptions) -> float:
    return technology.tx_power_dbm + technology.ssb_gain_dbi + said.traffic_gain_db


def _sites_near(
    item: Sensitive, sites: npt.NDArray[np.intp], site_xy: Floats, reach_m: float
) -> Iterator[int]:
    """Yield the sites within reach of a building, ascending."""
    known = np.unique(sites)
    west, south, east, north = item.geometry.bounds
    low, high = np.array([west, south]) - reach_m, np.array([east, north]) + reach_m
    near = known[((site_xy[known] >= low) & (site_xy[known] <= high)).all(axis=1)]
    away = np.asarray(shapely.distance(item.geometry, shapely.points(site_xy[near])))
    yield from near[away <= reach_m].tolist()


def _points_m(
    item: Sensitive, outline: Floats, at: Floats, base_m: float, height_m: float
) -> Floats:
    """Return points of a building as seen from an antenna: east, north, down [m], (n, 3)."""
    line = shapely.shortest_line(item.geometry, shapely.Point(at))
    flat = np.vstack([outline, shapely.get_coordinates(line)[:1]]) - at
    steps = max(1, int(np.ceil(item.height_m / LEVEL_STEP_M)))
    levels = np.linspace(base_m, base_m + item.height_m, steps + 1)
    levels = np.append(levels, np.clip(height_m, levels[0], levels[-1]))
    down = height_m - levels
    return np.column_stack([np.repeat(flat, len(down), axis=0), np.tile(down, len(flat))])


def _density_w_m2(
    technology: Technology,
    layout: SectorLayout | None,
    said: ExclusionAssumptions,
    *,
    options: Options,
    chosen: npt.NDArray[np.intp],
    points: Floats,
) -> Floats:
    """Return the power density of options of one mast at the worst of the points [W/m2], (k,)."""
    flat = np.hypot(points[:, 0], points[:, 1])
    away = np.maximum(np.hypot(flat, points[:, 2]), NEAREST_M)
    peak = power_density_w_m2(_eirp_dbm(technology, said), away, duty=said.duty)
    if layout is None:
        return np.full(len(chosen), peak.max())
    pattern = layout_pattern(layout)
    azimuth = np.degrees(np.arctan2(points[:, 0], points[:, 1]))
    below = np.degrees(np.arctan2(points[:, 2], flat))
    found = np.empty(len(chosen))
    for tilt in np.unique(options.tilt_deg[chosen]):
        same = np.flatnonzero(options.tilt_deg[chosen] == tilt)
        aims = layout.azimuths_deg(options.turn_deg[chosen[same]])
        gain_db = pattern.gain(azimuth - aims[..., np.newaxis], below, tilt_deg=float(tilt))
        found[same] = (peak * db_to_ratio(gain_db).sum(axis=1)).max(axis=1)
    return found
