"""Check an answer to the weak-coverage instance from raw data, sharing no code with the solver.

Discs are painted station by station, sectors are judged by cross and dot products, the bound of
discs is summed by running sums along rows, the separation is found by a k-d tree; the solver uses
none of these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

_LISTED = 5
_TURN = 360.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """The instance as read: cells, weights, existing stations, and the rules of question 1.

    Parameters
    ----------
    side
        Cells along x and along y.
    points, traffic
        Weak cells (n, 2) and their traffic (n,).
    existing
        Cells of existing stations (m, 2).
    kinds
        Name -> (radius [cells], cost).
    separation
        Distance that two stations must exceed [cells].
    share
        Share of the traffic to be covered.
    sector
        Half a sector's angle [degree], its reach there as a share of the radius, least angle
        between two main directions [degree]; None: stations reach discs (question 1).
    """

    side: int
    points: NDArray[np.int64]
    traffic: NDArray[np.float64]
    existing: NDArray[np.int64]
    kinds: dict[str, tuple[int, int]]
    separation: int
    share: float
    sector: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an answer is worth, recomputed.

    Parameters
    ----------
    cost, share, bound
        Total cost, share of traffic covered, lower bound from the multipliers; the bound of
        sector stations is not proven again, and is not a number.
    faults
        Every rule the answer breaks, as sentences; empty when it keeps them all.
    """

    cost: int
    share: float
    bound: float
    faults: tuple[str, ...]


def check(
    data: Data,
    kind: list[str],
    xy: NDArray[np.float64] | NDArray[np.int64],
    *,
    price: float,
    cell_price: NDArray[np.float64],
    claimed_bound: float,
    azimuth: NDArray[np.float64] | None = None,
) -> Finding:
    """Recompute cost, share, separation, angles, integrality and bound; list every broken rule."""
    faults = [f"unknown kind {name!r}" for name in sorted(set(kind) - set(data.kinds))]
    if not np.array_equal(xy, np.round(xy)):
        faults.append(f"{int((xy != np.round(xy)).any(axis=1).sum())} stations between cells")
    cells = np.round(xy).astype(np.int64)
    outside = ((cells < 0) | (cells >= data.side)).any(axis=1)
    if outside.any():
        faults.append(f"{int(outside.sum())} stations outside the grid")
    known = [name in data.kinds for name in kind]
    keep = np.array(known, np.bool_) & ~outside
    faults += _separation_faults(data, cells)
    cost = sum(data.kinds[name][1] for name, ok in zip(kind, known, strict=True) if ok)
    names = [name for name, ok in zip(kind, keep.tolist(), strict=True) if ok]
    if data.sector is None:
        covered = _painted(data, names, cells[keep])
    else:
        aim = np.zeros((len(cells), 3)) if azimuth is None else azimuth
        faults += _angle_faults(data.sector, cells, aim)
        covered = np.zeros(len(data.points), np.bool_)
        if aim.shape == (len(cells), 3):
            covered = _swept(data, data.sector, names, cells[keep], aim[keep])
    served = math.fsum(data.traffic[covered].tolist())
    total = math.fsum(data.traffic.tolist())
    if served < data.share * total:
        faults.append(
            f"covers {served / total:.6%} of the traffic, less than {data.share:.6g} of it"
        )
    bound = dual_bound(data, price, cell_price) if data.sector is None else math.nan
    if data.sector is None and claimed_bound > math.ceil(bound):
        faults.append(f"claims a bound of {claimed_bound}, the multipliers prove {bound:.4f}")
    return Finding(cost=cost, share=served / total, bound=bound, faults=tuple(faults))


def dual_bound(data: Data, price: float, cell_price: NDArray[np.float64]) -> float:
    """Lower bound of the cost proven by a price of traffic and a price of each cell.

    For any prices ``p >= 0`` and ``0 <= u_i <= p w_i`` no answer is cheaper than
    ``sum u - p (1 - share) sum w + sum over squares of min(0, least c - disc sum of u)``, since a
    square whose diagonal is at most the separation holds at most one station.
    """
    if price < 0 or (cell_price < 0).any() or (cell_price > price * data.traffic).any():
        return -math.inf
    field = np.zeros((data.side, data.side))
    field[data.points[:, 0], data.points[:, 1]] = cell_price
    free = _free(data)
    square = 1
    while 2 * square**2 <= data.separation**2:
        square += 1
    count = -(-data.side // square)
    least = np.zeros((count * square, count * square))
    for radius, cost in data.kinds.values():
        reduced = np.where(free, cost - _disc_sums(field, radius), 0.0)
        view = least[: data.side, : data.side]
        np.minimum(view, reduced, out=view)
    worst = least.reshape(count, square, count, square).min(axis=(1, 3))
    total = math.fsum(data.traffic.tolist())
    terms = (
        math.fsum(cell_price.tolist()),
        -price * (total - data.share * total),
        math.fsum(worst.ravel().tolist()),
    )
    return math.fsum(terms) - 1e-9 * (1.0 + sum(abs(term) for term in terms))


def _disc_sums(field: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    side = field.shape[0]
    padded = np.zeros((side + 2 * radius, side + 2 * radius + 1))
    padded[radius : radius + side, radius + 1 : radius + 1 + side] = field
    running = np.cumsum(padded, axis=1)
    out = np.zeros_like(field)
    for dx in range(-radius, radius + 1):
        half = math.isqrt(radius * radius - dx * dx)
        rows = running[radius + dx : radius + dx + side]
        out += rows[:, radius + half + 1 : radius + half + 1 + side]
        out -= rows[:, radius - half : radius - half + side]
    return out


def _free(data: Data) -> NDArray[np.bool_]:
    taken = np.zeros((data.side, data.side), np.bool_)
    _paint(taken, data.existing, data.separation)
    return ~taken


def _painted(data: Data, names: list[str], cells: NDArray[np.int64]) -> NDArray[np.bool_]:
    served = np.zeros((data.side, data.side), np.bool_)
    for name, (radius, _) in data.kinds.items():
        _paint(served, cells[[other == name for other in names]], radius)
    return served[data.points[:, 0], data.points[:, 1]]


def _angle_faults(
    sector: tuple[float, float, float], cells: NDArray[np.int64], azimuth: NDArray[np.float64]
) -> list[str]:
    if azimuth.shape != (len(cells), 3):
        return [f"azimuths of shape {azimuth.shape}, needs three a station"]
    found = []
    for cell, aim in zip(cells.tolist(), azimuth.tolist(), strict=True):
        if not all(0.0 <= angle < _TURN for angle in aim):
            found.append(f"station {tuple(cell)} has azimuths {aim}, outside 0..360")
            continue
        a, b, c = sorted(aim)
        if min(b - a, c - b, a + _TURN - c) < sector[2] - 1e-9:
            found.append(f"station {tuple(cell)} has azimuths {aim} less than {sector[2]:g} apart")
    return found[:_LISTED]


def _swept(
    data: Data,
    sector: tuple[float, float, float],
    names: list[str],
    cells: NDArray[np.int64],
    azimuth: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Tell which weak cells a sector reaches, angles taken from cross and dot products."""
    half_angle, edge, _ = sector
    served = np.zeros(len(data.points), np.bool_)
    tree = cKDTree(data.points)
    for name, cell, aim in zip(names, cells, azimuth, strict=True):
        radius = data.kinds[name][0]
        near = np.array(tree.query_ball_point(cell, radius + 1e-6), np.int64)
        way = data.points[near] - cell
        distance = np.hypot(way[:, 0], way[:, 1])
        hit = distance == 0.0
        for angle in np.radians(aim).tolist():
            main = math.cos(angle), math.sin(angle)
            cross = np.abs(way[:, 0] * main[1] - way[:, 1] * main[0])
            off = np.degrees(np.arctan2(cross, way @ main))
            limit = radius * (1.0 - (1.0 - edge) * off / half_angle)
            hit |= (off <= half_angle + 1e-9) & (distance <= limit + 1e-9 * radius)
        served[near[hit]] = True
    return served


def _paint(image: NDArray[np.bool_], centres: NDArray[np.int64], radius: int) -> None:
    offset = np.arange(-radius, radius + 1)
    disc = offset[:, None] ** 2 + offset[None, :] ** 2 <= radius**2
    for x, y in centres.tolist():
        a, b = max(0, x - radius), max(0, y - radius)
        part = image[a : x + radius + 1, b : y + radius + 1]
        shift = (a - x + radius, b - y + radius)
        part |= disc[shift[0] : shift[0] + part.shape[0], shift[1] : shift[1] + part.shape[1]]


def _separation_faults(data: Data, cells: NDArray[np.int64]) -> list[str]:
    if len(cells) == 0:
        return []
    found = []
    tree = cKDTree(cells)
    close = tree.query_pairs(data.separation + 0.5, output_type="ndarray")
    apart = ((cells[close[:, 0]] - cells[close[:, 1]]) ** 2).sum(axis=1)
    for a, b in close[apart <= data.separation**2][:5].tolist():
        found.append(
            f"stations {tuple(cells[a].tolist())} and {tuple(cells[b].tolist())} stand within "
            f"{data.separation} cells"
        )
    if len(data.existing):
        nearest = np.asarray(cKDTree(data.existing).query(cells)[1], np.int64)
        away = ((cells - data.existing[nearest]) ** 2).sum(axis=1)
        found += [
            f"station {tuple(cells[s].tolist())} stands within {data.separation} cells of the "
            f"existing {tuple(data.existing[nearest[s]].tolist())}"
            for s in np.flatnonzero(away <= data.separation**2)[:5].tolist()
        ]
    return found
