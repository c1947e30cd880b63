"""Which options serve which demand points, with antennas that have a direction, over terrain.

A point is served when the attenuation of the antenna towards it and the loss by terrain together
stay within a margin: what the standard leaves at that distance below the level that its share of
locations exceeds. The margin is tabulated by distance, so that each pair costs one interpolation.
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.special import ndtri

from siting.errors import Problem
from siting.radio.antenna import (
    PatternTable,
    attenuations,
    layout_pattern,
    pattern_table,
)
from siting.radio.ground.obstruction import obstruction
from siting.radio.ground.terrain import Terrain
from siting.radio.link_budget import median_ss_rsrp_dbm, ss_rsrp_exceeded_dbm
from siting.radio.network.accumulate import median_loss, terrain_loss
from siting.radio.network.cells import OMNI
from siting.radio.network.loss_curves import (
    BLOCKED,
    FREE,
    UNKNOWN,
    LossTable,
    loss_table,
    table_distances,
)
from siting.radio.point_grid import PointGrid, build_grid, checked_xy, count_in_discs, list_in_discs
from siting.radio.propagation.path_loss import (
    FAR_LIMIT_M,
    USER_HEIGHT_M,
    Floats,
    Sight,
    shadow_sigma_db,
)
from siting.radio.propagation.penetration import building_loss
from siting.technology import Options, ServiceStandard, Technology

#: Margin of a carrier that a standard does not accept [dB].
_NEVER = -1e9

_Lists = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SectorQuestion:
    """Options, demand points and standards, ready for :func:`served_points`.

    Parameters
    ----------
    xy, height_m
        Position of each option and its antenna above ground [m], (k, 2) and (k,).
    first
        First option of each mast (options of one position and height) and k, (masts + 1,).
    curve, pattern, sectors, turn_deg, tilt_deg
        Margin row, pattern, number of antennas, azimuth of the first and downtilt, (k,).
    points
        The demand points.
    ground_row, ground_column
        Cell of each demand point in the terrain, (n,); empty without terrain.
    terrain
        Ground and clutter; None: level ground.
    standards
        Number of standards.
    margins
        Margin [dB] of each standard at every curve, rows standard by standard.
    reach_m
        Greatest distance at which any standard can be met, by curve [m].
    patterns
        Attenuations.
    """

    xy: Floats
    height_m: Floats
    first: npt.NDArray[np.intp]
    curve: npt.NDArray[np.int32]
    pattern: npt.NDArray[np.int32]
    sectors: npt.NDArray[np.int32]
    turn_deg: Floats
    tilt_deg: Floats
    points: PointGrid
    demand_xy: Floats
    ground_row: npt.NDArray[np.int32]
    ground_column: npt.NDArray[np.int32]
    terrain: Terrain | None
    standards: int
    margins: LossTable
    reach_m: Floats
    patterns: PatternTable

    @property
    def masts(self) -> int:
        """Number of masts."""
        return len(self.first) - 1


def sector_question(
    options: Options,
    site_xy: Floats,
    technologies: Sequence[Technology],
    standards: Sequence[ServiceStandard],
    demand_xy: Floats,
    terrain: Terrain | None,
) -> SectorQuestion:
    """Prepare options that are known to have no problems.

    Raises
    ------
    InputError
        When a technology or standard leaves the validity of the radio model, or a position is not
        finite.
    """
    xy = checked_xy("sites", site_xy)[options.site]
    points = checked_xy("demand", demand_xy)
    curves, curve = np.unique(
        np.column_stack([options.technology, options.height_m]), axis=0, return_inverse=True
    )
    known = [(technologies[int(number)], height) for number, height in curves.tolist()]
    margins = _margins(known, standards)
    layouts = list(dict.fromkeys(technology.sectors for technology in technologies))
    patterns = [OMNI if layout is None else layout_pattern(layout) for layout in layouts]
    by_technology = [layouts.index(technology.sectors) for technology in technologies]
    count = [1 if layout is None else layout.sectors for layout in layouts]
    pattern = np.array(by_technology, dtype=np.int32)[options.technology]
    same = (np.diff(options.site) == 0) & (np.diff(options.height_m) == 0)
    first = np.concatenate([[0], np.flatnonzero(~same) + 1, [len(options)]])
    row, column = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)
    if terrain is not None:
        column, row = _cells(terrain, points).T
    return SectorQuestion(
        xy=xy,
        height_m=options.height_m,
        first=first[: len(first) if len(options) else 1].astype(np.intp),
        curve=curve.reshape(-1).astype(np.int32),
        pattern=pattern,
        sectors=np.array(count, dtype=np.int32)[pattern],
        turn_deg=options.turn_deg,
        tilt_deg=options.tilt_deg,
        points=build_grid(points),
        demand_xy=points,
        ground_row=np.ascontiguousarray(row),
        ground_column=np.ascontiguousarray(column),
        terrain=terrain,
        standards=len(standards),
        margins=margins,
        reach_m=_reach(margins, len(standards), len(known), terrain),
        patterns=pattern_table(patterns),
    )


def terrain_problems(terrain: Terrain | None, xy: Floats, what: str) -> list[Problem]:
    """Name the points that lie outside a terrain; empty without one."""
    if terrain is None or not len(xy):
        return []
    cell = _cells(terrain, xy)
    outside = ((cell < 0) | (cell >= [terrain.grid.columns, terrain.grid.rows])).any(axis=1)
    lost = int(np.count_nonzero(outside))
    if not lost:
        return []
    hint = "give a terrain that covers the whole study area"
    return [Problem("terrain", f"does not cover {lost:,} of {len(xy):,} {what}", hint)]


def served_points(question: SectorQuestion, first: int, last: int) -> list[_Lists]:
    """List the demand points that the options of some masts serve.

    Parameters
    ----------
    question
        The options.
    first, last
        Masts, `last` excluded.

    Returns
    -------
    list
        Per standard `start` and `demand`: the options of these masts, in order, serve
        ``demand[start[o]:start[o + 1]]``.
    """
    begin = question.first[first:last]
    options = range(int(question.first[first]), int(question.first[last]))
    reach = np.maximum.reduceat(question.reach_m[question.curve[options.start : options.stop]],
                                begin - options.start)  # fmt: skip
    start = np.zeros(len(begin) + 1, dtype=np.int64)
    np.cumsum(count_in_discs(question.points, question.xy[begin], reach), out=start[1:])
    near = np.empty(start[-1], dtype=np.int32)
    list_in_discs(question.points, question.xy[begin], reach, near)
    found: list[list[npt.NDArray[np.int32]]] = [[] for _ in range(question.standards)]
    counts: list[list[npt.NDArray[np.int64]]] = [[] for _ in range(question.standards)]
    for mast in range(first, last):
        candidates = near[start[mast - first] : start[mast - first + 1]]
        candidates, served = _serve(question, mast, candidates, float(reach[mast - first]))
        for number, flags in enumerate(served):
            option, point = np.nonzero(flags)
            found[number].append(candidates[point])
            counts[number].append(np.bincount(option, minlength=len(flags)))
    lists = []
    for number in range(question.standards):
        ends = np.zeros(len(options) + 1, dtype=np.int64)
        np.cumsum(np.concatenate(counts[number]), out=ends[1:])
        lists.append((ends, np.concatenate(found[number])))
    return lists


def _serve(
    question: SectorQuestion, mast: int, points: npt.NDArray[np.int32], reach_m: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Sort points by distance; flag what each option serves, (standards, options, points)."""
    options = slice(int(question.first[mast]), int(question.first[mast + 1]))
    shape = (question.standards, options.stop - options.start, len(points))
    out = np.zeros(shape, dtype=np.bool_)
    if not len(points):
        return points, out
    at, height = question.xy[options.start], float(question.height_m[options.start])
    offset = question.demand_xy[points] - at
    distance = np.hypot(offset[:, 0], offset[:, 1])
    order = np.argsort(distance, kind="stable")
    candidates, offset, distance = points[order], offset[order], distance[order]
    azimuth = np.degrees(np.arctan2(offset[:, 0], offset[:, 1]))
    drop = np.full(len(candidates), height - USER_HEIGHT_M)
    edge = np.full(len(candidates), -np.inf)
    sight = np.full(len(candidates), UNKNOWN, dtype=np.int8)
    terrain = question.terrain
    if terrain is not None:
        row, column = question.ground_row[candidates], question.ground_column[candidates]
        own_column, own_row = _cells(terrain, at[np.newaxis])[0]
        drop += float(terrain.ground_m[own_row, own_column]) - terrain.ground_m[row, column]
        radius = min(reach_m + 2.0 * terrain.grid.cell_size_m, FAR_LIMIT_M)
        seen = obstruction(terrain, at, height, radius_m=radius)
        edge = seen.edge[row - seen.row, column - seen.column].astype(np.float64)
        free = seen.sight[row - seen.row, column - seen.column]
        sight = np.where(free > 0, FREE, BLOCKED).astype(np.int8)
        sight[free < 0] = np.where(edge[free < 0] >= 0.0, BLOCKED, UNKNOWN)
    _compare(
        distance,
        azimuth,
        np.degrees(np.arctan2(drop, distance)),
        edge,
        sight,
        height,
        question.curve[options],
        question.pattern[options],
        question.sectors[options],
        question.turn_deg[options],
        question.tilt_deg[options],
        question.reach_m,
        question.patterns,
        question.margins,
        out,
    )
    return candidates, out


@njit(cache=True, nogil=True)
def _compare(
    distance,
    azimuth,
    below,
    edge,
    sight,
    height,
    curve,
    pattern,
    sectors,
    turn,
    tilt,
    reach,
    patterns,
    margins,
    out,
):
    """Hold losses against margins for all options of a mast at all points near it.

    Points come by distance, so that those within the reach of a curve are the first `near`.
    """
    standards = out.shape[0]
    curves = len(margins.height_m) // standards
    margin = np.empty((standards, len(distance)))
    across, lost = np.empty(len(distance)), np.empty(len(distance))
    known, near = -1, 0
    for o in range(len(curve)):
        if curve[o] != known:
            known = curve[o]
            near = np.searchsorted(distance, reach[known], side="right")
            for i in range(near):
                away = terrain_loss(edge[i], distance[i], height, margins.wavelength_m[known])
                for s in range(standards):
                    margin[s, i] = -away + median_loss(
                        margins.loss_db,
                        margins.root_nearest,
                        margins.nodes_per_root,
                        s * curves + known,
                        sight[i],
                        distance[i],
                    )
        step = 360.0 / sectors[o]
        for i in range(near):
            across[i] = (azimuth[i] - turn[o] + 0.5 * step) % step - 0.5 * step
        attenuations(
            patterns, np.int64(pattern[o]), across[:near], 0.0, below[:near], tilt[o], lost[:near]
        )
        for s in range(standards):
            for i in range(near):
                out[s, o, i] = lost[i] <= margin[s, i]


def _cells(terrain: Terrain, xy: Floats) -> npt.NDArray[np.int32]:
    """Return column and row of the cells that hold some points, (n, 2)."""
    grid = terrain.grid
    place = np.floor((xy - [grid.west_m, grid.south_m]) / grid.cell_size_m)
    return place.astype(np.int32)


def _margins(
    curves: Sequence[tuple[Technology, float]], standards: Sequence[ServiceStandard]
) -> LossTable:
    """Tabulate by how much standards are exceeded in the strongest direction [dB]."""
    distance = table_distances(FAR_LIMIT_M)
    table = [
        _margin(technology, height, standard, distance)
        for standard in standards
        for technology, height in curves
    ]
    return loss_table(table, list(curves) * len(standards), FAR_LIMIT_M)


def _margin(
    technology: Technology, height_m: float, standard: ServiceStandard, distance: Floats
) -> Floats:
    """Return the margin where sight is unknown, free and blocked [dB], (3, nodes)."""
    margin = np.full((3, len(distance)), _NEVER)
    if not standard.counts(technology):
        return margin
    share = standard.area_probability
    building = building_loss(
        standard.penetration, technology.propagation, frequency_mhz=technology.frequency_mhz
    )
    margin[UNKNOWN] = ss_rsrp_exceeded_dbm(
        technology,
        distance,
        antenna_height_m=height_m,
        probability=share,
        penetration=standard.penetration,
    )
    for known, sight in ((FREE, Sight.LOS), (BLOCKED, Sight.NLOS)):
        median = median_ss_rsrp_dbm(
            technology, sight, distance, antenna_height_m=height_m, building=building
        )
        fading = shadow_sigma_db(
            technology.propagation,
            sight,
            distance,
            frequency_mhz=technology.frequency_mhz,
            antenna_height_m=height_m,
        )
        margin[known] = median - float(ndtri(share)) * np.hypot(fading, building.sigma_db)
    return margin - standard.min_ss_rsrp_dbm


def _reach(margins: LossTable, standards: int, curves: int, terrain: Terrain | None) -> Floats:
    """Return the greatest distance at which a margin is left, by curve [m]; 0: none."""
    distance = table_distances(FAR_LIMIT_M)
    sights = [UNKNOWN] if terrain is None or terrain.clutter_m is None else [UNKNOWN, FREE]
    best = margins.loss_db[:, sights].max(axis=1).reshape(standards, curves, len(distance))
    best = best.max(axis=0, initial=_NEVER)
    some = best >= 0.0
    last = len(distance) - 1 - some[:, ::-1].argmax(axis=1)
    beyond = distance[np.minimum(last + 1, len(distance) - 1)]
    return np.where(some.any(axis=1), beyond, 0.0)
