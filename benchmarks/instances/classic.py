"""Instances after the recipes of the literature, from a seed: to tune on other ones than are named.

References
----------
Beasley (1985), A note on solving large p-median problems, EJOR 21(2).
Beasley (1987), An algorithm for set covering problem, EJOR 31(1).
Holmberg, Ronnqvist, Yuan (1999), An exact algorithm for the capacitated facility location problems
with single sourcing, EJOR 113(3).
Cordeau, Furini, Ljubic (2019), Benders decomposition for very large scale partial set covering and
maximal covering location problems, EJOR 275(3).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import csgraph_from_dense, shortest_path

from benchmarks.instances.parsing import Array, Facilities, Planar

#: Side of the square of :func:`customers`.
_SIDE = 30.0


def set_cover(rows: int, columns: int, density: float, seed: int) -> tuple[sp.csr_array, Array]:
    """Draw a cover as in scp4..NRH: costs 1..100, each row in at least two columns.

    Parameters
    ----------
    rows, columns, density
        Shape, and share of ones: 0.02 for class 4, 0.05 for 6, 0.1 for NRE, 0.2 for NRF.
    seed
        Of every draw.
    """
    rng = np.random.default_rng((seed, rows, columns))
    cost = rng.integers(1, 101, columns).astype(np.float64)
    count = max(round(rows * columns * density) - columns, 0)
    row = np.concatenate([rng.integers(0, rows, columns), rng.integers(0, rows, count)])
    column = np.concatenate([np.arange(columns), rng.integers(0, columns, count)])
    cover = sp.csr_array((np.ones(len(row), dtype=bool), (row, column)), shape=(rows, columns))
    thin = np.repeat(np.arange(rows), 2)
    more = sp.csr_array(
        (np.ones(len(thin), dtype=bool), (thin, rng.integers(0, columns, len(thin)))),
        shape=(rows, columns),
    )
    scarce = sp.dia_array((np.diff(cover.indptr)[None, :] < 2, [0]), shape=(rows, rows))  # noqa: PLR2004
    cover = sp.csr_array((cover + scarce.astype(bool) @ more).astype(bool))
    cover.sort_indices()
    return cover, cost


def graph(nodes: int, seed: int) -> Array:
    """Draw the shortest paths (n, n) of a graph as in pmed: n*n/50 edges of length 1..100."""
    rng = np.random.default_rng((seed, nodes))
    direct = np.full((nodes, nodes), np.inf)
    order = rng.permutation(nodes)
    direct[order[:-1], order[1:]] = rng.integers(1, 101, nodes - 1)
    more = max(nodes * nodes // 50 - nodes, 0)
    ends = rng.integers(0, nodes, (more, 2))
    direct[ends[:, 0], ends[:, 1]] = rng.integers(1, 101, more)
    direct = np.minimum(direct, direct.T)
    np.fill_diagonal(direct, np.inf)
    return shortest_path(csgraph_from_dense(direct, null_value=np.inf), method="D")


def customers(sites: int, demand: int, seed: int) -> Planar:
    """Draw points as in the BDS sets: even in a square of 30, weights 1..100."""
    rng = np.random.default_rng((seed, sites, demand))
    return Planar(
        rng.uniform(0.0, _SIDE, (demand, 2)),
        rng.uniform(0.0, _SIDE, (sites, 2)),
        rng.integers(1, 101, demand).astype(np.float64),
    )


def facilities(sites: int, demand: int, tightness: float, seed: int) -> Facilities:
    """Draw sites with capacities as in Holmberg's sets: costs by distance, whole numbers.

    Parameters
    ----------
    sites, demand
        Number of each.
    tightness
        All capacity over all demand, above 1.
    seed
        Of every draw.
    """
    rng = np.random.default_rng((seed, sites, demand))
    place, home = rng.uniform(10.0, 200.0, (sites, 2)), rng.uniform(10.0, 200.0, (demand, 2))
    weight = rng.integers(10, 51, demand).astype(np.float64)
    capacity = rng.uniform(0.5, 1.5, sites)
    capacity = np.ceil(capacity / capacity.sum() * tightness * weight.sum())
    length = np.hypot(*(home[:, None, :] - place[None, :, :]).transpose(2, 0, 1))
    return Facilities(
        capacity=capacity,
        opening=rng.integers(300, 701, sites).astype(np.float64),
        demand=weight,
        serving=np.rint(length * weight[:, None] / 30.0),
    )
