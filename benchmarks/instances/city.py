"""Random planar cities: demand in districts and in between, candidates among them, from a seed."""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit

from siting.location.covers import disc_cover

#: Side of the city [m], its districts, and the share of demand that lives in one.
SIDE_M = 40_000.0
DISTRICTS = 30
IN_DISTRICTS = 0.6
#: Spread of a district [m], drawn evenly between these.
SPREAD_M = (600.0, 2400.0)
#: Candidates that reach a demand point, on average.
REACHED_BY = 12.0
#: Share of the weight that the greedy choice of `options_for` serves.
SERVED = 0.8
#: Points on which the radius is fitted.
_FITTED_ON = 50_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class City:
    """A planar covering instance.

    Parameters
    ----------
    demand_xy, site_xy
        Positions of demand and candidates [m], (n, 2) and (m, 2).
    weight
        Whole weights 1..100 of demand, (n,).
    radius_m
        Reach of a candidate [m], so that 12 of them reach a demand point on average.
    """

    demand_xy: npt.NDArray[np.float64]
    site_xy: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    radius_m: float

    def cover(self) -> sp.csr_array:
        """Build the cover matrix (n, m)."""
        return disc_cover(self.demand_xy, self.site_xy, self.radius_m)


def random_city(sites: int, demand: int, seed: int) -> City:
    """Draw a city: 60 % of demand in 30 Gaussian districts, half the candidates at demand points.

    Parameters
    ----------
    sites, demand
        Number of candidates m and of demand points n.
    seed
        Of every draw.
    """
    rng = np.random.default_rng((seed, sites, demand))
    centre = rng.uniform(0.0, SIDE_M, (DISTRICTS, 2))
    spread = rng.uniform(*SPREAD_M, DISTRICTS)
    people = rng.dirichlet(np.full(DISTRICTS, 3.0))
    dense = round(IN_DISTRICTS * demand)
    district = rng.choice(DISTRICTS, dense, p=people)
    inside = centre[district] + rng.normal(size=(dense, 2)) * spread[district, None]
    # Whoever would live beyond the border lives as far inside it.
    inside = np.abs(inside)
    inside = SIDE_M - np.abs(SIDE_M - inside)
    between = rng.uniform(0.0, SIDE_M, (demand - dense, 2))
    demand_xy = rng.permutation(np.concatenate([inside, between]))
    at_demand = demand_xy[rng.choice(demand, sites // 2, replace=sites // 2 > demand)]
    elsewhere = rng.uniform(0.0, SIDE_M, (sites - sites // 2, 2))
    site_xy = rng.permutation(np.concatenate([at_demand, elsewhere]))
    weight = rng.integers(1, 101, demand).astype(np.float64)
    return City(
        demand_xy=demand_xy,
        site_xy=site_xy,
        weight=weight,
        radius_m=_fitted_radius(demand_xy[:_FITTED_ON], site_xy),
    )


def options_for(cover: sp.csr_array, weight: npt.NDArray[np.float64], share: float = SERVED) -> int:
    """Return how many candidates greedy addition needs to serve a share of the weight."""
    by_site = cover.tocsc()
    gain = np.asarray(by_site.T @ weight, dtype=np.float64)
    aim = share * float(weight.sum())
    return int(
        _greedy_count(
            cover.indptr, cover.indices, by_site.indptr, by_site.indices, weight, gain, aim
        )
    )


def _fitted_radius(demand_xy: npt.NDArray[np.float64], site_xy: npt.NDArray[np.float64]) -> float:
    low, high = 0.0, 2.0 * SIDE_M * np.sqrt(REACHED_BY / len(site_xy))
    for _ in range(30):
        middle = (low + high) / 2
        if disc_cover(demand_xy, site_xy, middle).nnz < REACHED_BY * len(demand_xy):
            low = middle
        else:
            high = middle
    return round(high, 3)


@njit(cache=True)
def _greedy_count(row_ptr, row_sites, site_ptr, site_rows, weight, gain, aim):
    served = np.zeros(len(row_ptr) - 1, dtype=np.bool_)
    total = 0.0
    count = 0
    while total < aim:
        best = np.argmax(gain)
        if gain[best] <= 0.0:
            break
        count += 1
        total += gain[best]
        for entry in range(site_ptr[best], site_ptr[best + 1]):
            row = site_rows[entry]
            if served[row]:
                continue
            served[row] = True
            for other in range(row_ptr[row], row_ptr[row + 1]):
                gain[row_sites[other]] -= weight[row]
    return count
