"""Proven limits on both steps from any non-negative multipliers.

Step one. For prices ``u_i >= 0`` and target multipliers ``lambda_t >= 0``::

    cost >= sum_t lambda_t R_t
            + sum_i min(0, u_i - sum_t lambda_t w_ti)
            + sum_j min over sets S of options at j of
                    f_j [S not empty] + sum_{o in S} c_o - sum_{i served by S} u_i

where a locked site takes the minimum over sets that are not empty. Zero-half cuts of the rows
(:mod:`siting.location.partial_covering.zero_half`) with prices ``v_q``, in which row *i* left
unserved counts ``k_qi`` and a set of options at a site ``d_qS``, of right side ``b_q``, add
``sum_q v_q b_q``, let a set earn ``sum_q v_q d_qS`` besides, and put ``-sum_q v_q k_qi`` in place
of the 0 of a row, or of rows served by the same options together. Step two, with the options X1 of
step one kept and K stations left::

    served <= sum_{i served by X1} h_i + sum_{i not served by X1} max(0, h_i - u_i)
              + sum of the K largest of max(0, sum_{i served by o, not by X1} u_i)

Costs are whole, so the first may be rounded up to the next multiple of their greatest common
divisor; with whole weights the second may be rounded down.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.partial_covering.relaxation import turning_point
from siting.location.partial_covering.zero_half import PricedCuts, no_cuts
from siting.location.rows import merge_rows
from siting.models.bundles import MOST_IN_BUNDLE
from siting.models.covering import CoverModel

#: Relative error of a float64 sum of some thousand terms, twice what the independent check allows
#: for, so that its limit is never the weaker one.
ROUNDING = 2.0**-39


def targets_bound(
    model: CoverModel,
    cover: npt.NDArray[np.float64],
    targets: npt.NDArray[np.float64],
    cuts: PricedCuts | None = None,
) -> float:
    """Return the limit below which no answer to step one costs, rounded outward [CNY].

    Parameters
    ----------
    cover, targets
        Prices ``u_i``, shape (n,), and multipliers ``lambda_t``, shape (number of targets,).
    cuts
        Cuts of the model's rows, or None.
    """
    priced = no_cuts(model.cover.shape[0]) if cuts is None else cuts
    charged = priced.charged(np.ones(len(cover), dtype=bool))
    earned = _earned_by_sets(model, priced)
    gain = targets * model.needed
    right = priced.prices * priced.cuts.right
    left = cover - model.target_weights.T @ targets
    miss = _least_of_rows(model, left, charged)
    sites = _site_values(model, cover, earned)
    terms = np.concatenate([gain, miss, sites, right])
    worth = (model.target_weights.T @ targets).sum() + (model.cover.T @ cover).sum()
    worth += float(right.sum() + 2.0 * charged.sum() + earned.sum())
    scale = float(gain.sum() + worth + cover.sum())
    scale += float(model.option_cost.sum() + model.site_cost.sum())
    value = math.fsum(terms) - ROUNDING * scale
    divisor = int(np.gcd.reduce(np.concatenate([[0], model.option_cost, model.site_cost])))
    if divisor == 0:
        return 0.0
    return float(max(0, math.ceil(value / divisor)) * divisor)


def _least_of_rows(
    model: CoverModel, left: npt.NDArray[np.float64], charged: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return what rows add: `left` or ``-charged``; those with the same options together."""
    alike = merge_rows(model.cover)
    inside = np.flatnonzero(alike >= 0)
    together, free = np.zeros(alike.max(initial=-1) + 1), np.zeros(alike.max(initial=-1) + 1)
    np.add.at(together, alike[inside], left[inside])
    np.add.at(free, alike[inside], charged[inside])
    alone = np.ones(len(left), dtype=bool)
    alone[inside] = free[alike[inside]] == 0
    some = free > 0
    groups = np.minimum(together[some], -free[some])
    return np.concatenate([np.minimum(left[alone], -charged[alone]), groups])


def _blocks(model: CoverModel) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return which of its site's blocks of few options each is in, and its place there, (k,)."""
    order = np.lexsort((np.arange(len(model.option_site)), model.option_site))
    site = model.option_site[order]
    start = np.flatnonzero(np.diff(site, prepend=-1))
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order)) - np.repeat(start, np.diff(start, append=len(order)))
    return rank // MOST_IN_BUNDLE, rank % MOST_IN_BUNDLE


def _earned_by_sets(model: CoverModel, cuts: PricedCuts) -> npt.NDArray[np.float64]:
    """Return what every set of each block of options earns by cuts, shape (blocks, m, width)."""
    block, bit = _blocks(model)
    width, sites = 1 << MOST_IN_BUNDLE, len(model.site_cost)
    blocks = int(block.max(initial=-1)) + 1
    if not len(cuts.cuts):
        return np.zeros((blocks, sites, width))
    inner = np.unique(cuts.cuts.members[cuts.cuts.members < cuts.cuts.rows])
    table = sp.csr_array(model.cover[inner])
    row = np.repeat(np.arange(len(inner)), np.diff(table.indptr))
    key = block[table.indices] * sites + model.option_site[table.indices]
    masks = sp.csr_array(
        ((1 << bit)[table.indices], (row, key)), shape=(len(inner), blocks * sites)
    )
    entry, chosen = np.nonzero(masks.data[:, None] & np.arange(width)[None, :])
    line = np.repeat(np.arange(len(inner)), np.diff(masks.indptr))[entry]
    # sets of options a site has not got cost infinitely much, whatever they earn
    used = masks.indices[entry].astype(np.int64) * width + chosen
    served = sp.csr_array(
        (np.ones(len(used)), (inner[line], used)),
        shape=(cuts.cuts.rows, blocks * sites * width),
    )
    return cuts.earned(served).reshape(blocks, sites, width)


def _site_values(
    model: CoverModel, cover: npt.NDArray[np.float64], earned: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the least Lagrangian cost of each site, shape (m,)."""
    block, bit = _blocks(model)
    width = 1 << MOST_IN_BUNDLE
    sites = len(model.site_cost)
    best = model.site_cost.astype(np.float64)
    blocks = int(block.max(initial=-1)) + 1
    least = np.full(sites, np.inf)
    for number in range(blocks):
        inside = block == number
        value = _set_values(model, cover, inside, bit, width) - earned[number]
        every = np.arange(1, width)
        least = np.minimum(least, value[:, every].min(axis=1))
        best += np.minimum(0.0, value[:, every].min(axis=1))
    # a locked site whose sets all cost something takes the cheapest one
    opened = np.where(best < model.site_cost, best, model.site_cost + least)
    return np.where(model.locked, opened, np.minimum(0.0, best))


def _set_values(
    model: CoverModel,
    cover: npt.NDArray[np.float64],
    inside: npt.NDArray[np.bool_],
    bit: npt.NDArray[np.intp],
    width: int,
) -> npt.NDArray[np.float64]:
    """Return cost less served prices of every set of a block of options, shape (m, width)."""
    sites, bits = len(model.site_cost), MOST_IN_BUNDLE
    matrix = model.cover
    use = inside[matrix.indices] & np.repeat(cover > 0, np.diff(matrix.indptr))
    row = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))[use]
    option = matrix.indices[use]
    masks = sp.csr_array(
        ((1 << bit)[option], (row, model.option_site[option])), shape=(matrix.shape[0], sites)
    )
    price = np.repeat(cover, np.diff(masks.indptr))
    key = masks.indices.astype(np.int64) * width + masks.data
    priced = np.bincount(key, weights=price, minlength=sites * width).reshape(sites, width)
    meets = (np.arange(width)[:, None] & np.arange(width)[None, :]) > 0
    cost = np.full((sites, bits), np.inf)
    cost[model.option_site[inside], bit[inside]] = model.option_cost[inside]
    total = np.zeros((sites, width))
    for one in range(bits):
        holds = (np.arange(width) >> one) & 1 > 0
        total[:, holds] += cost[:, [one]]
    return total - priced @ meets.astype(np.float64)


def best_multiplier(
    model: CoverModel,
    cover: npt.NDArray[np.float64],
    targets: npt.NDArray[np.float64],
    index: int,
) -> float:
    """Return the multiplier of one target that makes the bound largest, the others fixed.

    Notes
    -----
    The bound is concave and piecewise linear in it, with slope ``R_t - sum of w_ti over the rows
    whose price it exceeds``; the maximum is where the slope turns from positive.
    """
    start, stop = model.target_weights.indptr[index : index + 2]
    rows = model.target_weights.indices[start:stop]
    weight = model.target_weights.data[start:stop]
    others = targets.copy()
    others[index] = 0.0
    rest = cover - model.target_weights.T @ others
    inside = model.reachable[rows]
    return turning_point(rest[rows][inside], weight[inside], float(model.needed[index]))


def service_bound(
    model: CoverModel,
    cover: npt.NDArray[np.float64],
    fixed: npt.NDArray[np.intp],
    added: int,
) -> float:
    """Return the weight no answer to step two exceeds, rounded outward.

    Parameters
    ----------
    cover
        Prices ``u_i``, shape (n,), in the unit of the objective.
    fixed
        Options of step one, kept.
    added
        Number of options that may be added.
    """
    served = model.served(fixed)
    base = math.fsum(model.objective[served])
    rest = math.fsum(np.maximum(0.0, model.objective - cover)[~served])
    value = model.cover.T @ np.where(served, 0.0, cover)
    value[fixed] = 0.0
    best = np.sort(value)[::-1][: max(added, 0)]
    total = base + rest + math.fsum(best[best > 0])
    total += ROUNDING * (total + float(cover.sum()))
    whole = bool(np.all(model.objective == np.rint(model.objective)))
    return math.floor(total) if whole else total
