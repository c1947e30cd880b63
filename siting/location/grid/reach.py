"""What a sector station reaches: the predicate, and the circle cut into numbered bins.

A sector with main direction `phi` reaches a cell at distance `d` and direction `theta` when the
angle between them is at most `half_angle` and ``d <= radius * (1 - (1 - edge) * angle /
half_angle)``; both borders belong to it. Said of the azimuth: the cell is reached on the closed arc
``|phi - theta| <= w`` with ``w = half_angle * min(1, (1 - d / radius) / (1 - edge))``. The
station's own cell is reached whatever the azimuths. Directions are degrees counter-clockwise from
the x axis. An angle may pass its limit by 1e-9 degrees, far more than the rounding of an
arctangent and far less than any angle between two cells.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.location.grid.cover import GridCover, SectorKind

#: How far an angle may pass its limit [degree].
ANGLE_TOLERANCE = 1e-9
#: Ends of arcs nearer than this are one [degree].
_SAME = 1e-6
#: The widest of the three gaps between sectors is at least this [degree].
_WIDEST = 120.0


class Aims(NamedTuple):
    """Bins of the circle and arcs of the offsets, the kinds one after another.

    Parameters
    ----------
    start
        First offset of each kind, and the end (k + 1,).
    dx, dy
        Offsets within the radius, without the station's own cell.
    first, span
        First bin of each offset's arc, and how many further bins it holds.
    bins
        Bins of each kind's circle (k,).
    bin_start
        First of a kind's entries in `angle`, a third of those in `after` and `far` (k + 1,).
    angle
        Azimuth that stands for each bin [degree].
    after
        How many bins further the next sector's bin is at least, over three turns.
    far
        How many bins further the bin beyond the widest gap, of 120 degrees or more, is at least,
        over three turns.
    least
        The least of `after`, per kind (k,).
    longest
        The largest `span`, per kind (k,).
    """

    start: NDArray[np.int64]
    dx: NDArray[np.int64]
    dy: NDArray[np.int64]
    first: NDArray[np.int64]
    span: NDArray[np.int64]
    bins: NDArray[np.int64]
    bin_start: NDArray[np.int64]
    angle: NDArray[np.float64]
    after: NDArray[np.int64]
    far: NDArray[np.int64]
    least: NDArray[np.int64]
    longest: NDArray[np.int64]


def sector_kinds(model: GridCover, kinds: tuple[int, ...]) -> tuple[SectorKind, ...]:
    """Return the kinds at the indices `kinds`, all of which have sectors."""
    chosen = [model.kinds[k] for k in kinds]
    return tuple(kind for kind in chosen if isinstance(kind, SectorKind))


def offsets(kind: SectorKind) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the offsets within the radius (n, 2), their directions and arcs' half-widths [degree].

    The station's own cell is not among them.
    """
    limit = math.floor(kind.radius * kind.radius)
    side = math.isqrt(limit)
    step = np.arange(-side, side + 1)
    dx, dy = (axis.ravel() for axis in np.meshgrid(step, step, indexing="ij"))
    square = dx * dx + dy * dy
    keep = (square <= limit) & (square > 0)
    dx, dy = dx[keep], dy[keep]
    theta = np.degrees(np.arctan2(dy, dx)) % 360.0
    slack = np.maximum(0.0, 1.0 - np.sqrt(square[keep]) / kind.radius)
    if kind.edge >= 1.0:
        width = np.full(len(dx), kind.half_angle)
    else:
        width = kind.half_angle * np.minimum(1.0, slack / (1.0 - kind.edge))
    return np.column_stack([dx, dy]), theta, width


def turn(a: NDArray[np.float64], b: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return the angle between two directions, 0..180 [degree]."""
    return np.abs((a - b + 180.0) % 360.0 - 180.0)


def reached(kind: SectorKind, azimuth: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the offsets that any of the sectors at `azimuth` [degree] reaches, own cell first."""
    around, theta, width = offsets(kind)
    hit = (turn(theta[:, None], azimuth[None, :]) <= width[:, None] + ANGLE_TOLERANCE).any(axis=1)
    return np.concatenate([np.zeros((1, 2), np.int64), around[hit]])


def chosen_aims(kinds: tuple[SectorKind, ...], azimuths: Sequence[NDArray[np.float64]]) -> Aims:
    """Let the azimuths of each kind be among `azimuths`, ascending in 0..360 [degree]: a search's.

    The arc of an offset holds the azimuths that reach it, so what a bin reaches is true.
    """
    parts = []
    for kind, angle in zip(kinds, azimuths, strict=True):
        around, theta, width = offsets(kind)
        hit = turn(theta[:, None], angle[None, :]) <= width[:, None] + ANGLE_TOLERANCE
        # the azimuths on an arc follow each other round the circle
        first = np.argmax(hit & ~np.roll(hit, 1, axis=1), axis=1)
        last = first + hit.sum(axis=1) - 1
        twice = np.concatenate([angle, angle + 360.0])
        parts.append((around, first, last, angle, *_later(twice, angle, kind)))
    return _joined(parts)


@functools.cache
def useful_azimuths(kind: SectorKind, most: int = 360) -> NDArray[np.float64]:
    """Return azimuths that serve a lone sector as well as any, at most about `most` [degree].

    An azimuth turned on to the next end of an arc loses no cell, so the ends suffice. Where they
    are too many, the one that reaches most cells is taken of each part of the circle.
    """
    _, theta, width = offsets(kind)
    ends = _borders((theta + width) % 360.0, len(theta))
    if len(ends) <= most:
        return ends
    reach = (turn(theta[:, None], ends[None, :]) <= width[:, None] + ANGLE_TOLERANCE).sum(axis=0)
    part = np.floor(ends * most / 360.0)
    order = np.lexsort((-reach, part))
    _, first = np.unique(part[order], return_index=True)
    return ends[order[first]]


def every_aim(kinds: tuple[SectorKind, ...], most_bins: int = 360) -> Aims:
    """Cut the circle so that bins together hold every azimuth, for a bound.

    Notes
    -----
    A bin is half-open, ``(e', e]``, between ends of arcs next to each other. An azimuth within it
    reaches nothing that `e` does not: no arc ends in between. A circle with more than `most_bins`
    ends has bins that hold several, reaching what any azimuth within reaches. Two bins may follow
    each other when *some* azimuths within are far enough apart. All this can only add reach and
    freedom, so that no azimuths, continuous as they are, reach more than some bins do.
    """
    parts = []
    for kind in kinds:
        around, theta, width = offsets(kind)
        border = _borders((theta + width + ANGLE_TOLERANCE) % 360.0, most_bins)
        bins = len(border)
        last = np.searchsorted(border, (theta + width + ANGLE_TOLERANCE) % 360.0 - _SAME / 2)
        begin = theta - width - 2.0 * ANGLE_TOLERANCE
        first = np.searchsorted(border, begin % 360.0)
        last, first = last % bins, first % bins
        last = np.where(last < first, last + bins, last)
        before = np.concatenate([border[-1:] - 360.0, border[:-1]])
        twice = np.concatenate([border, border + 360.0])
        parts.append((around, first, last, border, *_later(twice, before, kind)))
    return _joined(parts)


def _later(
    twice: NDArray[np.float64], begin: NDArray[np.float64], kind: SectorKind
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many bins further the next sector is at least, and the one behind the widest gap."""
    number = np.arange(len(begin))
    near = np.searchsorted(twice, begin + kind.apart - 2.0 * ANGLE_TOLERANCE)
    wide = np.searchsorted(twice, begin + _WIDEST - 2.0 * ANGLE_TOLERANCE)
    return np.maximum(1, near - number), np.maximum(1, wide - number)


def _borders(ends: NDArray[np.float64], most_bins: int) -> NDArray[np.float64]:
    """Right ends of bins: every end of an arc, or fewer that are the last of several."""
    order = np.sort(ends)
    least = _SAME
    while True:
        kept = [order[-1]]
        # downwards, so that a bin's border is the largest of the ends it holds
        for end in order[-2::-1].tolist():
            if kept[-1] - end > least:
                kept.append(end)
        if len(kept) <= most_bins:
            return np.array(kept[::-1])
        least = max(0.1, least * 1.1)


def _joined(parts: list[tuple[NDArray[np.int64], ...]]) -> Aims:
    dx, dy, firsts, spans = [], [], [], []
    bins, least, longest = [], [], []
    for around, first, last, angle, after, _ in parts:
        count = len(angle)
        span = last - first
        keep = span >= 0
        dx.append(around[keep, 0])
        dy.append(around[keep, 1])
        firsts.append(first[keep] % count)
        spans.append(np.minimum(span[keep], count - 1))
        bins.append(count)
        least.append(int(after.min()))
        longest.append(max(int(after.min()), int(spans[-1].max(initial=0))))
    sizes = [len(part) for part in firsts]
    return Aims(
        start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        dx=np.concatenate(dx).astype(np.int64),
        dy=np.concatenate(dy).astype(np.int64),
        first=np.concatenate(firsts).astype(np.int64),
        span=np.concatenate(spans).astype(np.int64),
        bins=np.array(bins, np.int64),
        bin_start=np.concatenate([[0], np.cumsum(bins)]).astype(np.int64),
        angle=np.concatenate([part[3] for part in parts]).astype(np.float64),
        after=np.concatenate([np.tile(part[4], 3) for part in parts]).astype(np.int64),
        far=np.concatenate([np.tile(part[5], 3) for part in parts]).astype(np.int64),
        least=np.array(least, np.int64),
        longest=np.array(longest, np.int64),
    )


def room_for(aims: Aims) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make a thread's room for the sums of :func:`~siting.location.grid.aim.best_aim`."""
    bins, longest = int(aims.bins.max()), int(aims.longest.max())
    return np.zeros(3 * bins + 2), np.zeros((bins + longest + 1, longest + 2))
