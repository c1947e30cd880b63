"""Power density of options at buildings: over outline and height, by the aim of the antennas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Point

from siting.exclusions.values import (
    LEVEL_STEP_M,
    NEAREST_M,
    OUTLINE_STEP_M,
    Exclusions,
    Sensitive,
    bases_m,
)
from siting.radio.antenna import AntennaPattern, layout_pattern
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
    outlines = [outline_m(item) for item in exclusions.sensitive]
    for number, technology in enumerate(technologies):
        mine = np.flatnonzero(options.technology == number)
        layout = technology.sectors if coverage_model is CoverageModel.SECTORS else None
        source = _source(technology, layout, said)
        found.permitted_w_m2[mine] = source.permitted_w_m2
        sites, first = np.unique(options.site[mine], return_index=True)
        ends = np.append(first[1:], len(mine))
        tree = shapely.STRtree([Point(xy) for xy in site_xy[sites]])
        for place, item in enumerate(exclusions.sensitive):
            near = tree.query(item.geometry, predicate="dwithin", distance=source.reach_m)
            bases = bases_m(item, site_xy[sites[near]], terrain).tolist()
            for at, base in zip(near.tolist(), bases, strict=True):
                chosen = mine[first[at] : ends[at]]
                height = float(options.height_m[chosen[0]])
                points = _points_m(item, outlines[place], site_xy[sites[at]], base, height)
                density = _density_w_m2(
                    source, options.turn_deg[chosen], options.tilt_deg[chosen], points
                )
                worse = density > found.density_w_m2[chosen]
                found.density_w_m2[chosen[worse]] = density[worse]
                found.by[chosen[worse]] = place
    return found


def outline_m(item: Sensitive) -> Floats:
    """Return points along the outline of a building, not too far apart [m], (n, 2)."""
    outline = item.geometry.boundary if item.geometry.area else item.geometry
    return shapely.get_coordinates(shapely.segmentize(outline, OUTLINE_STEP_M))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Source:
    """One technology as a source of exposure.

    Parameters
    ----------
    eirp_dbm
        Of one antenna in its strongest direction [dBm].
    duty
        Share of it that is radiated on average.
    permitted_w_m2
        The project's share of the limit at the carrier [W/m2].
    reach_m
        Distance beyond which even all antennas together keep it [m].
    layout, pattern
        Antennas and the pattern of each; None: alike in every direction.
    """

    eirp_dbm: float
    duty: float
    permitted_w_m2: float
    reach_m: float
    layout: SectorLayout | None
    pattern: AntennaPattern | None


def _source(
    technology: Technology, layout: SectorLayout | None, said: ExclusionAssumptions
) -> _Source:
    eirp_dbm = technology.tx_power_dbm + technology.ssb_gain_dbi + said.traffic_gain_db
    one = compliance_distance_m(
        eirp_dbm, technology.frequency_mhz, share=said.limit_share, duty=said.duty
    )
    antennas = 1 if layout is None else layout.sectors
    return _Source(
        eirp_dbm=eirp_dbm,
        duty=said.duty,
        permitted_w_m2=said.limit_share * float(public_limit_w_m2(technology.frequency_mhz)),
        reach_m=float(one) * float(np.sqrt(antennas)),
        layout=layout,
        pattern=None if layout is None else layout_pattern(layout),
    )


def _points_m(
    item: Sensitive, outline: Floats, at: Floats, base_m: float, height_m: float
) -> Floats:
    """Return points of a building as seen from an antenna: east, north, down [m], (n, 3)."""
    line = shapely.shortest_line(item.geometry, Point(at))
    flat = np.vstack([outline, shapely.get_coordinates(line)[:1]]) - at
    steps = max(1, int(np.ceil(item.height_m / LEVEL_STEP_M)))
    levels = np.linspace(base_m, base_m + item.height_m, steps + 1)
    levels = np.append(levels, np.clip(height_m, levels[0], levels[-1]))
    down = height_m - levels
    return np.column_stack([np.repeat(flat, len(down), axis=0), np.tile(down, len(flat))])


def _density_w_m2(source: _Source, turn_deg: Floats, tilt_deg: Floats, points: Floats) -> Floats:
    """Return the power density of ways to aim a mast at the worst of the points [W/m2], (k,)."""
    flat = np.hypot(points[:, 0], points[:, 1])
    away = np.maximum(np.hypot(flat, points[:, 2]), NEAREST_M)
    peak = power_density_w_m2(source.eirp_dbm, away, duty=source.duty)
    if source.layout is None or source.pattern is None:
        return np.full(len(turn_deg), peak.max())
    azimuth = np.degrees(np.arctan2(points[:, 0], points[:, 1]))
    below = np.degrees(np.arctan2(points[:, 2], flat))
    found = np.empty(len(turn_deg))
    for tilt in set(tilt_deg.tolist()):
        same = np.flatnonzero(tilt_deg == tilt)
        aims = source.layout.azimuths_deg(turn_deg[same])
        gain_db = source.pattern.gain(azimuth - aims[..., np.newaxis], below, tilt_deg=tilt)
        found[same] = (peak * db_to_ratio(gain_db).sum(axis=1)).max(axis=1)
    return found
