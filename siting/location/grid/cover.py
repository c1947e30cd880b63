"""Cover a required share of weighted grid cells with discs of several kinds, at least cost.

The programme, with cells *i* of weight `w_i`, positions *j* (every cell of the grid), kinds *k* of
radius `r_k` and cost `c_k`, separation `s` and required fraction `q`::

    minimise    sum_jk c_k x_jk
    subject to  z_i <= sum_{jk: |i - j| <= r_k} x_jk            for every cell i
                sum_i w_i z_i >= q * sum_i w_i
                x_jk + x_j'k' <= 1        whenever |j - j'| <= s, (j, k) != (j', k')
                x_jk = 0                  whenever an existing station e has |j - e| <= s
                x binary, 0 <= z <= 1

Distances are Euclidean between integer cell indices. Reach is inclusive, separation strict: a new
station stands *more* than `s` from every other new and every existing station. Existing stations
cover nothing: the cells given are those that the present network leaves weak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from siting.errors import Problem, raise_if

_MAX_LISTED = 5
_HALF_TURN, _THIRD_TURN = 180.0, 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscKind:
    """A kind of station: a disc and its price.

    Parameters
    ----------
    name
        Name in results, e.g. ``"macro"``.
    radius
        Reach, inclusive [cells].
    cost
        Price of one station [cost unit of the instance].
    """

    name: str
    radius: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorKind(DiscKind):
    """A kind of station with three sectors, aimed where they serve best.

    Parameters
    ----------
    name, radius, cost
        As of a disc; `radius` is the reach on a sector's main direction.
    half_angle
        Angle to the main direction up to which a sector reaches anything, inclusive, below 180
        [degree].
    edge
        Reach there as a share of `radius`; between, reach falls linearly with the angle.
    apart
        Least angle between any two main directions of a station, inclusive [degree].
    """

    half_angle: float = 60.0
    edge: float = 0.5
    apart: float = 45.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridCover:
    """One instance of the programme above.

    Parameters
    ----------
    shape
        Number of cells along x and y.
    xy
        Integer cell index of every weighted cell (n, 2), no cell twice.
    weight
        Weight of these cells, positive (n,).
    existing_xy
        Integer cell index of existing stations (m, 2).
    kinds
        What may be placed.
    min_separation
        Distance that two stations must exceed [cells].
    required_fraction
        Share of the total weight to be covered, 0..1.

    Raises
    ------
    InputError
        With every fault of the values.
    """

    shape: tuple[int, int]
    xy: NDArray[np.int64]
    weight: NDArray[np.float64]
    existing_xy: NDArray[np.int64]
    kinds: tuple[DiscKind, ...]
    min_separation: float
    required_fraction: float

    def __post_init__(self) -> None:
        """Refuse values the programme has no meaning for."""
        raise_if(self._problems())

    def _problems(self) -> list[Problem]:
        found: list[Problem] = []
        if min(self.shape) < 1:
            found.append(Problem("shape", f"{self.shape}, needs at least 1 x 1 cell"))
        found += _cell_problems("xy", self.xy, self.shape, distinct=True)
        found += _cell_problems("existing_xy", self.existing_xy, self.shape, distinct=False)
        if self.weight.shape != (len(self.xy),):
            found.append(Problem("weight", f"shape {self.weight.shape}, needs ({len(self.xy)},)"))
        elif not (np.isfinite(self.weight) & (self.weight > 0)).all():
            bad = np.flatnonzero(~(np.isfinite(self.weight) & (self.weight > 0)))
            listed = ", ".join(str(i) for i in bad[:_MAX_LISTED])
            found.append(
                Problem("weight", f"{len(bad)} values not finite and > 0, at rows {listed}")
            )
        if not self.kinds:
            found.append(Problem("kinds", "none given, needs at least one"))
        for position, kind in enumerate(self.kinds):
            where = f"kinds[{position}]"
            if not (math.isfinite(kind.radius) and kind.radius >= 0):
                found.append(Problem(where, f"radius {kind.radius}, needs a finite value >= 0"))
            if not (math.isfinite(kind.cost) and kind.cost > 0):
                found.append(Problem(where, f"cost {kind.cost}, needs a finite value > 0"))
            if isinstance(kind, SectorKind):
                found += _sector_problems(where, kind)
        if len({isinstance(kind, SectorKind) for kind in self.kinds}) > 1:
            found.append(Problem("kinds", "discs and sector stations together, needs one sort"))
        if not (math.isfinite(self.min_separation) and self.min_separation >= 0):
            found.append(
                Problem("min_separation", f"{self.min_separation}, needs a finite value >= 0")
            )
        if not 0.0 <= self.required_fraction <= 1.0:
            found.append(Problem("required_fraction", f"{self.required_fraction}, needs 0..1"))
        return found

    @property
    def required_weight(self) -> float:
        """Weight to be covered, with the total summed exactly and rounded once."""
        return self.required_fraction * math.fsum(self.weight.tolist())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridCertificate:
    """Multipliers from which anyone can recompute the lower bound.

    Parameters
    ----------
    price
        Multiplier of the covering requirement [cost per weight].
    cell_price
        Multiplier ``u_i`` of each weighted cell [cost], ``0 <= u_i <= price * w_i`` (n,).
    tile
        Side of the square tiles in which at most one station can stand [cells].
    rent
        Multipliers of further tilings, shifted against the first by half a tile along x, y, and
        both (3, a, b) [cost], ``(x + shift) // tile`` being the tile of a cell; None: no rents.
    """

    price: float
    cell_price: NDArray[np.float64]
    tile: int
    rent: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridCoverSolution:
    """Stations, what they cost, and how far from the least cost they can be at most.

    Parameters
    ----------
    status
        ``"optimal"``, ``"feasible"``, ``"infeasible"`` when no placement can cover enough, or
        ``"unknown"`` when none was found; never an exception.
    kind
        Index into the instance's kinds (p,).
    xy
        Cell index of each station (p, 2).
    azimuth
        Main directions of each station's sectors, ascending, counter-clockwise from the x axis
        (p, 3) [degree]; (p, 0) for discs.
    value
        Total cost; infinite when the stations do not cover enough.
    covered
        Weight covered, summed by :func:`math.fsum`.
    share
        `covered` over the total weight, 0..1.
    bound
        Proven lower bound of the total cost of any placement.
    gap
        ``1 - bound / value``; 0 for an empty answer that is enough.
    certificate
        Multipliers behind `bound`.
    seed, seconds, limit
        Seed of the search; wall time [s]; what ended it: ``"iterations"``, ``"time"``, ``"stop"``.
    history
        ``(seconds, value)`` of each better answer.
    """

    status: str
    kind: NDArray[np.int64]
    xy: NDArray[np.int64]
    azimuth: NDArray[np.float64]
    value: float
    covered: float
    share: float
    bound: float
    gap: float
    certificate: GridCertificate
    seed: int
    seconds: float
    limit: str
    history: tuple[tuple[float, float], ...] = field(default=())


def _sector_problems(where: str, kind: SectorKind) -> list[Problem]:
    found = []
    if not 0.0 < kind.half_angle < _HALF_TURN:
        found.append(Problem(where, f"half_angle {kind.half_angle}, needs > 0 and < 180"))
    if not 0.0 < kind.edge <= 1.0:
        found.append(Problem(where, f"edge {kind.edge}, needs > 0 and <= 1"))
    if not 0.0 < kind.apart <= _THIRD_TURN:
        found.append(Problem(where, f"apart {kind.apart}, needs > 0 and <= 120"))
    if not kind.radius > 0.0:
        found.append(Problem(where, f"radius {kind.radius}, needs > 0"))
    return found


def half_widths(radius: float, pad: int) -> NDArray[np.int64]:
    """Half-width of a disc in each row ``-pad..pad``; -1 where the disc has no cell.

    Cell ``(dx, dy)`` belongs to the disc exactly when ``dx**2 + dy**2 <= radius**2``; integers
    are compared, so no cell on the rim is lost to rounding.
    """
    limit = math.floor(radius * radius)
    out = np.full(2 * pad + 1, -1, np.int64)
    for d in range(-pad, pad + 1):
        if d * d <= limit:
            out[d + pad] = math.isqrt(limit - d * d)
    return out


def _cell_problems(
    name: str, xy: NDArray[np.int64], shape: tuple[int, int], *, distinct: bool
) -> list[Problem]:
    pair = 2
    if xy.ndim != pair or xy.shape[1] != pair or not np.issubdtype(xy.dtype, np.integer):
        return [Problem(name, f"shape {xy.shape}, {xy.dtype}; needs integers of shape (n, 2)")]
    found = []
    outside = np.flatnonzero(((xy < 0) | (xy >= np.array(shape))).any(axis=1))
    if len(outside):
        listed = ", ".join(str(tuple(xy[i].tolist())) for i in outside[:_MAX_LISTED])
        found.append(
            Problem(
                name,
                f"{len(outside)} cells outside 0..{shape[0] - 1}, 0..{shape[1] - 1}: " + listed,
            )
        )
    if distinct and len(xy):
        unique, count = np.unique(xy, axis=0, return_counts=True)
        twice = unique[count > 1]
        if len(twice):
            listed = ", ".join(str(tuple(cell.tolist())) for cell in twice[:_MAX_LISTED])
            found.append(Problem(name, f"{len(twice)} cells given more than once: {listed}"))
    return found
