"""First multipliers from a small linear programme over clusters of rows.

Rows with similar columns are put into one cluster, whose coverage is the mean of its members'. The
programme over clusters is a relaxation of the one over rows, so its dual prices, divided among the
members by weight, are multipliers of the full relaxation from which subgradient steps go on.

References
----------
Song, Luedtke 2015, "An adaptive partition-based approach for solving two-stage stochastic programs
with fixed recourse", SIAM Journal on Optimization 25(3), 1344-1367, doi 10.1137/140967337 (bounds
from aggregated rows).
Broder 1997, "On the resemblance and containment of documents", Proc. Compression and Complexity of
Sequences, 21-29, doi 10.1109/SEQUEN.1997.666900 (clusters by least hash).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.partial_covering.highs import row_prices
from siting.location.partial_covering.problem import ColumnCover, FloatArray

#: Rows of one kind, hard or soft, beyond which they are clustered.
MOST_ROWS = 6000


def coarse_prices(problem: ColumnCover, clock: Clock) -> FloatArray | None:
    """Return a price per row from the clustered programme, or None when it found none.

    Parameters
    ----------
    problem
        The problem; a group's cost is laid upon each of its columns, excluding pairs are left out.
    clock
        Ends the programme when it expires.
    """
    p = problem
    if not p.rows:
        return None
    active = np.flatnonzero(p.need > 0)
    weights = sp.csr_array(p.weights.tocsr()[:, active])
    size = np.where(p.hard, 1.0, np.asarray(weights.sum(axis=1)).ravel())
    cluster = _clusters(p, weights)
    number = int(cluster.max(initial=-1)) + 1
    members = sp.csr_array((size, (cluster, np.arange(p.rows))), shape=(number, p.rows))
    whole = np.bincount(cluster, weights=size, minlength=number)
    cover = sp.csr_array(sp.diags_array(1.0 / whole) @ (members @ p.by_row))
    hard = np.bincount(cluster, weights=p.hard, minlength=number) > 0
    gather = sp.csr_array((np.ones(p.rows), (cluster, np.arange(p.rows))), shape=(number, p.rows))
    weight = sp.csr_array(sp.csr_array(gather @ weights)[~hard])
    soft = int((~hard).sum())
    need = p.need[active]
    shares = sp.csr_array(weight.T.multiply((1.0 / need)[:, None]))
    matrix = sp.vstack(
        [
            sp.hstack([cover[hard], sp.csr_array((int(hard.sum()), soft))]),
            sp.hstack([cover[~hard], -sp.eye_array(soft)]),
            sp.hstack([sp.csr_array((len(need), p.columns)), shares]),
        ],
        format="csr",
    )
    lower = np.concatenate([np.ones(hard.sum()), np.zeros(soft), np.ones(len(need))])
    upper = np.concatenate([np.full(p.columns, np.inf), np.ones(soft)])
    cost = np.concatenate([p.cost + p.group_cost[p.group_of], np.zeros(soft)])
    dual = row_prices(cost=cost, matrix=sp.csr_array(matrix), lower=lower, upper=upper, clock=clock)
    if dual is None:
        return None
    price = np.zeros(number)
    price[hard] = dual[: int(hard.sum())]
    price[~hard] = dual[int(hard.sum()) : number]
    return np.maximum(price[cluster] * size / whole[cluster], 0.0)


def _clusters(problem: ColumnCover, weights: sp.csr_array) -> npt.NDArray[np.intp]:
    """Group rows of the same kind and targets that share their least-hashed column."""
    p = problem
    targets = np.zeros(p.rows, dtype=np.int64)
    key = np.random.default_rng(1).integers(1, 2**40, size=weights.shape[1])
    np.add.at(targets, np.repeat(np.arange(p.rows), np.diff(weights.indptr)), key[weights.indices])
    rank = np.random.default_rng(2).permutation(p.columns)
    least = np.minimum.reduceat(rank[p.row_cols], p.row_ptr[:-1])
    for kind in (p.hard, ~p.hard):
        if int(kind.sum()) <= MOST_ROWS:
            least[kind] = np.flatnonzero(kind) + p.columns
    keys = np.stack([p.hard.astype(np.int64), targets, least])
    _, cluster = np.unique(keys, axis=1, return_inverse=True)
    return cluster.ravel()
