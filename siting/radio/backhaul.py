"""Microwave backhaul: which sites see each other, and how many hops each is from fibre."""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from siting.errors import InputError, Problem, raise_if
from siting.radio.ground.terrain import (
    FREE_FRESNEL_SHARE,
    MEDIAN_RADIUS_FACTOR,
    NO_CLUTTER,
    Terrain,
    least_clearance,
    sample,
)
from siting.radio.propagation.diffraction import EARTH_RADIUS_KM, SPEED_OF_LIGHT_GHZ_M
from siting.radio.propagation.p1812 import FEWEST_POINTS
from siting.radio.propagation.path_loss import Floats, outside
from siting.units import mhz_to_ghz

log = logging.getLogger(__name__)

#: Most pairs of sites that are looked at.
MAX_PAIRS = 20_000_000
#: Carriers of fixed links [MHz].
BAND_MHZ = (6_000.0, 86_000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HopRule:
    """When two sites can be joined by a microwave hop.

    Parameters
    ----------
    frequency_mhz
        Carrier [MHz], 6,000 to 86,000.
    max_hop_m
        Longest hop [m]; rain decides on it: about 10 km or more at 15 GHz, 1 to 3 km at 80 GHz.
    clearance
        Least clearance of the direct ray, in radii of the first Fresnel zone.
    radius_factor
        Effective Earth radius over the true one at which it must hold.

    Raises
    ------
    InputError
        Naming every value out of range.
    """

    frequency_mhz: float
    max_hop_m: float
    clearance: float = FREE_FRESNEL_SHARE
    radius_factor: float = MEDIAN_RADIUS_FACTOR

    def __post_init__(self) -> None:
        """Check every value."""
        problems = [
            *outside("frequency_mhz", np.asarray(self.frequency_mhz), *BAND_MHZ, "MHz"),
            *outside("max_hop_m", np.asarray(self.max_hop_m), 1.0, 200_000.0, "m"),
            *outside("clearance", np.asarray(self.clearance), 0.0, 3.0, "radii"),
            *outside("radius_factor", np.asarray(self.radius_factor), 0.1, 100.0, ""),
        ]
        raise_if(problems, InputError)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backhaul:
    """Hops between sites, and the way of each to fibre.

    Parameters
    ----------
    links
        Pairs of sites with a clear ray, first the lower index, (q, 2).
    length_m
        Length of each [m], (q,).
    clearance
        Least clearance of each, in radii of the first Fresnel zone, (q,); infinite for sites in
        one place.
    fibre
        Sites with fibre, (n,).
    hops
        Fewest hops from each site to a fibre, (n,); 0 at it, -1 where no chain of hops leads to
        one.
    towards
        Next site on the way there, (n,); the shortest of the ways with fewest hops; -1 at a fibre
        and where there is no way.
    """

    links: npt.NDArray[np.int64]
    length_m: Floats
    clearance: Floats
    fibre: npt.NDArray[np.bool_]
    hops: npt.NDArray[np.int64]
    towards: npt.NDArray[np.int64]

    def share_within(self, hops: int) -> float:
        """Return the share of the sites without fibre that reach one in so many hops, 0..1.

        NaN when every site has fibre.
        """
        proposed = self.hops[~self.fibre]
        if not len(proposed):
            return math.nan
        return float(np.mean((proposed >= 0) & (proposed <= hops)))

    def unreachable(self, hops: int | None = None) -> npt.NDArray[np.int64]:
        """List the sites that reach no fibre, or none in so many hops, ascending."""
        lost = self.hops < 0
        return np.flatnonzero(lost if hops is None else lost | (self.hops > hops))


def backhaul(
    terrain: Terrain,
    xy: npt.ArrayLike,
    height_m: npt.ArrayLike,
    fibre: npt.ArrayLike,
    *,
    rule: HopRule,
) -> Backhaul:
    """Join sites by clear microwave hops and count the hops to the nearest fibre.

    Parameters
    ----------
    terrain
        Ground, and clutter where known, under every path.
    xy
        Sites, proposed ones and nodes of the fibre network, in the terrain's CRS [m], (n, 2).
    height_m
        Dish above ground at each [m], (n,) or one for all.
    fibre
        Which of them have fibre, (n,).
    rule
        Carrier, longest hop and clearance.

    Returns
    -------
    Backhaul
        Links and hops.

    Raises
    ------
    InputError
        With every fault: positions outside the terrain, heights out of range, no site with fibre,
        too many pairs within the longest hop.

    Notes
    -----
    A hop is clear when the ray keeps `rule.clearance` radii of the first Fresnel zone above ground
    and clutter everywhere between its ends, on an Earth of `rule.radius_factor` true radii; points
    are one cell apart. P.530 designs for two states of the air: 1.0 radii at the median factor and
    0.0 to 0.6 at the one exceeded for 99.9 % of the worst month; 0.6 at the median factor, the
    usual first look, is less strict. Rain, fading, interference and the room on the mast are not
    looked at: a clear hop is a candidate for a link design, not a link. Without clutter in the
    terrain, buildings and woods are not seen at all.

    References
    ----------
    ITU-R P.530-18, section 2.2.2.1; ITU-R P.526-15, section 2.
    """
    begun = time.monotonic()
    places = np.ascontiguousarray(xy, dtype=np.float64).reshape(-1, 2)
    count = len(places)
    problems: list[Problem] = []
    heights = _per_site("height_m", height_m, count, problems).astype(np.float64)
    ends = _per_site("fibre", fibre, count, problems).astype(np.bool_)
    problems += _position_problems(terrain, places)
    problems += outside("height_m", heights, 0.5, 1_000.0, "m")
    if not ends.any():
        problems.append(Problem("fibre", "no site has fibre", "mark the nodes of the network"))
    raise_if(problems, InputError)
    pairs = _pairs(places, rule.max_hop_m)
    cell = terrain.grid.cell_size_m
    clearance = _clearances(
        terrain.ground_m,
        NO_CLUTTER if terrain.clutter_m is None else terrain.clutter_m,
        cell,
        (places - [terrain.grid.west_m, terrain.grid.south_m]) / cell,
        heights,
        pairs,
        SPEED_OF_LIGHT_GHZ_M / float(mhz_to_ghz(rule.frequency_mhz)),
        1e3 * EARTH_RADIUS_KM * rule.radius_factor,
    )
    clear = clearance >= rule.clearance
    links = pairs[clear]
    length_m = np.hypot(*(places[links[:, 1]] - places[links[:, 0]]).T)
    hops, towards = _ways(links, length_m, ends, rule.max_hop_m)
    log.info(
        "backhaul: n=%d pairs=%d clear=%d unreachable=%d in %.2f s",
        count,
        len(pairs),
        len(links),
        int((hops < 0).sum()),
        time.monotonic() - begun,
    )
    return Backhaul(
        links=links,
        length_m=length_m,
        clearance=clearance[clear],
        fibre=ends,
        hops=hops,
        towards=towards,
    )


def _per_site(
    where: str, given: npt.ArrayLike, count: int, problems: list[Problem]
) -> npt.NDArray[np.generic]:
    """Return a value per site; one value stands for all."""
    values = np.asarray(given)
    if values.ndim and values.shape != (count,):
        problems.append(Problem(where, f"has shape {values.shape}, there are {count} sites"))
        return np.ones(count, dtype=values.dtype)
    return np.broadcast_to(values, (count,))


def _position_problems(terrain: Terrain, places: Floats) -> list[Problem]:
    """Count the sites that are not on the terrain."""
    grid = terrain.grid
    cell = (places - [grid.west_m, grid.south_m]) / grid.cell_size_m
    on = ((cell >= 0) & (cell <= [grid.columns, grid.rows])).all(axis=1)  # NaN is not on it
    off = np.flatnonzero(~on)
    if not len(off):
        return []
    east, north = places[off[0]].tolist()
    return [
        Problem(
            f"xy[{off[0]}]",
            f"{len(off)} of {len(places)} sites are outside the terrain, the first at "
            f"({east:.1f}, {north:.1f})",
            f"the terrain is in {grid.crs}; take a larger one or leave them out",
        )
    ]


def _pairs(places: Floats, max_hop_m: float) -> npt.NDArray[np.int64]:
    """List the pairs of sites within the longest hop, ascending, (q, 2)."""
    tree = KDTree(places)
    number = (int(tree.count_neighbors(tree, max_hop_m)) - len(places)) // 2
    if number > MAX_PAIRS:
        raise InputError(
            Problem(
                "max_hop_m",
                f"{number:,} pairs of sites lie within {max_hop_m:,.0f} m, at most {MAX_PAIRS:,} "
                "are looked at",
                "shorten the longest hop, or take fewer sites",
            )
        )
    pairs = tree.query_pairs(max_hop_m, output_type="ndarray").astype(np.int64)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _ways(
    links: npt.NDArray[np.int64], length_m: Floats, fibre: npt.NDArray[np.bool_], max_hop_m: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return fewest hops to a fibre and the next site towards it, of equal hops the shortest."""
    count = len(fibre)
    # A hop counts one, and all lengths of a way together count less than one half.
    weight = 1.0 + length_m * (0.5 / (count * max_hop_m))
    graph = sp.csr_array((weight, (links[:, 0], links[:, 1])), shape=(count, count))
    far, before, _ = dijkstra(
        graph,
        directed=False,
        indices=np.flatnonzero(fibre),
        return_predecessors=True,
        min_only=True,
    )
    reached = np.isfinite(far)
    hops = np.full(count, -1, dtype=np.int64)
    hops[reached] = np.floor(far[reached] + 1e-9).astype(np.int64)
    return hops, np.where(before >= 0, before, -1).astype(np.int64)


@njit(cache=True, nogil=True)
def _clearances(ground, clutter, cell, places, heights, pairs, wavelength, radius):
    """Least clearance of every pair in radii of the first Fresnel zone; places in cells."""
    result = np.empty(len(pairs))
    longest = 0.0
    for q in range(len(pairs)):
        i, j = pairs[q]
        span = math.hypot(places[j, 0] - places[i, 0], places[j, 1] - places[i, 1])
        longest = max(longest, span)
    room = max(FEWEST_POINTS, 2 + math.ceil(longest))
    surface, above, distance = np.empty(room), np.empty(room), np.empty(room)
    for q in range(len(pairs)):
        i, j = pairs[q]
        span = math.hypot(places[j, 0] - places[i, 0], places[j, 1] - places[i, 1])
        if span == 0.0:
            result[q] = math.inf
            continue
        n = max(FEWEST_POINTS, 1 + math.ceil(span))
        g, c, d = surface[:n], above[:n], distance[:n]
        sample(ground, clutter, places[i, 0], places[i, 1], places[j, 0], places[j, 1], g, c)
        start, end = g[0] + heights[i], g[n - 1] + heights[j]
        for k in range(n):
            g[k] += c[k]
            d[k] = cell * span * k / (n - 1)
        result[q] = least_clearance(d, g, start, end, wavelength, radius)
    return result
