"""Proven limits on both steps from any non-negative multipliers.

Step one. For prices ``u_i >= 0`` and target multipliers ``lambda_t >= 0``::

    cost >= sum_t lambda_t R_t
            + sum_i min(0, u_i - sum_t lambda_t w_ti)
            + sum_j min over sets S of options at j, no two of a station, of
                    f_j [S not empty] + sum_{o in S} c_o - sum_{i served by S} u_i

where a locked site takes the minimum over sets that are not empty. Zero-half cuts of the rows
(:mod:`siting.location.partial_covering.zero_half`) with prices ``v_q``, in which row *i* left
unserved counts ``k_qi`` and a set of options at a site ``d_qS``, of right side ``b_q``, add
``sum_q v_q b_q``, let a set earn ``sum_q v_q d_qS`` besides, and put ``-sum_q v_q k_qi`` in place
of the 0 of a row, or of rows served by the same options together. Step two, with the options X1 of
step one kept and K stations left::

    served <= sum_{i served by X1} h_i + sum_{i not served by X1} max(0, h_i - u_i)
              + sum over the K stations of the largest max(0, sum_{i served by o, not by X1} u_i),
                each by its best option o, those of X1 left out

Costs are whole, so the first may be rounded up to the next multiple of their greatest common
divisor; with whole weights the second may be rounded down.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from siting.location.partial_covering.relaxation import turning_point
from siting.location.partial_covering.zero_half import PricedCuts, no_cuts
from siting.location.rows import merge_rows
from siting.models.covering import CoverModel
from siting.models.station_sets import FloatArray, StationSets, station_sets

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
    sets = station_sets(model)
    earned = _earned_by_sets(model, sets, priced)
    gain = targets * model.needed
    right = priced.prices * priced.cuts.right
    left = cover - model.target_weights.T @ targets
    miss = _least_of_rows(model, left, charged)
    sites = _site_values(model, cover, sets, earned)
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


def _earned_by_sets(model: CoverModel, sets: StationSets, cuts: PricedCuts) -> FloatArray:
    """Return what every set of options earns by cuts, shape (sets,)."""
    if not len(cuts.cuts):
        return np.zeros(len(sets))
    inner = np.unique(cuts.cuts.members[cuts.cuts.members < cuts.cuts.rows])
    return cuts.earned(sets.serving(model.cover, inner))


def _site_values(
    model: CoverModel, cover: npt.NDArray[np.float64], sets: StationSets, earned: FloatArray
) -> FloatArray:
    """Return the least Lagrangian cost of each site, shape (m,)."""
    value = sets.value(model.cover, cover) - earned
    least_of = np.minimum.reduceat(value, sets.pointer[:-1]) if len(value) else value
    least, best = np.full(len(model.site_cost), np.inf), np.zeros(len(model.site_cost))
    np.minimum.at(least, sets.site, least_of)
    np.add.at(best, sets.site, np.minimum(0.0, least_of))
    # a locked site whose sets all cost something takes the cheapest one
    opened = np.where(best < 0.0, model.site_cost + best, model.site_cost + least)
    return np.where(model.locked, opened, np.minimum(0.0, opened))


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
    taken = np.isin(model.option_station, model.option_station[fixed])
    by_station = np.zeros(int(model.option_station.max(initial=-1)) + 1)
    np.maximum.at(by_station, model.option_station[~taken], value[~taken])
    best = np.sort(by_station)[::-1][: max(added, 0)]
    total = base + rest + math.fsum(best[best > 0])
    total += ROUNDING * (total + float(cover.sum()))
    whole = bool(np.all(model.objective == np.rint(model.objective)))
    return math.floor(total) if whole else total
