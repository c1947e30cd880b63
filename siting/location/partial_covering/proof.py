"""What multipliers prove of a partial covering model, evaluated on the whole model."""

# ruff: noqa: ANN001, ANN202, PLR0912, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from siting.location.covering import PartialCovering
from siting.location.partial_covering.problem import FloatArray
from siting.location.partial_covering.reduce import Reduced
from siting.location.partial_covering.zero_half import Cuts, PricedCuts, no_cuts
from siting.location.solution import Prices

#: Relative error allowed for in a bound made of float64 sums; a check may be four times tighter.
MARGIN = 2.0**-38
#: Relative distance below which two costs that are no whole numbers are the same.
SAME = 1e-9
#: Largest whole number for which sums are exact.
WHOLE = 2.0**52


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limit:
    """A bound and what each decision would add to it.

    Parameters
    ----------
    bound
        No answer costs less; rounding allowed for.
    taken, left
        What choosing and leaving out each free option adds, (m,); 0 for options decided before.
    """

    bound: float
    taken: FloatArray
    left: FloatArray


def limit_of(
    model: PartialCovering, reduced: Reduced, prices: Prices, cuts: Cuts | None = None
) -> Limit:
    """Evaluate the Lagrangian bound of the whole model at some prices of its rows and of cuts."""
    rows, rules = reduced.rows, model.rules
    u = np.asarray(prices.demand, dtype=np.float64)[: len(rows.weight)]
    theta, nu = prices.zone, prices.conflict
    gain = u - theta[rows.zone] * rows.weight
    able = np.diff(rows.cover.indptr) > 0
    named = no_cuts(len(u)) if cuts is None else PricedCuts(cuts=cuts, prices=prices.cuts)
    lifted, right = named.charged(~reduced.hard), named.prices * named.cuts.right
    unserved = np.where(able & (rows.weight > 0), np.minimum(-lifted, gain), -lifted)
    terms = np.concatenate([np.where(reduced.hard, gain, unserved), right])
    worth = rows.cover.T @ u + named.earned(rows.cover)
    charged = np.bincount(
        rules.conflicts.ravel(), weights=np.repeat(nu, 2), minlength=rules.options
    )
    cost = model.cost - worth + charged
    state = np.zeros(rules.options, dtype=np.int8)
    state[rules.forbidden] = -1
    state[rules.fixed] = 1
    order = np.argsort(rules.site, kind="stable")
    hosted = np.bincount(rules.site, minlength=len(rules.site_cost))
    pointer = np.concatenate([[0], np.cumsum(hosted)])
    sites, taken, left = _sites(
        pointer.astype(np.int64), order, rules.site_cost, rules.max_options, cost, state
    )
    gains = theta * rows.need
    total = math.fsum(gains) + math.fsum(terms) + math.fsum(sites) - math.fsum(nu)
    size = gains.sum() + u.sum() + (theta[rows.zone] * rows.weight).sum() + nu.sum()
    size += worth.sum() + charged.sum() + lifted.sum() + right.sum()
    priced = (worth > 0) | (charged > 0) | (state > 0)
    size += model.cost[priced].sum() + rules.site_cost[np.unique(rules.site[priced])].sum()
    return Limit(bound=total - MARGIN * float(size), taken=taken, left=left)


@njit(cache=True, nogil=True)
def _sites(pointer, order, site_cost, most, cost, state):
    """Return each site's least sum, and what flipping each free option adds."""
    sites = len(site_cost)
    least, taken, left = np.zeros(sites), np.zeros(len(cost)), np.zeros(len(cost))
    for site in range(sites):
        fixed, number, base = 0, 0, site_cost[site]
        free = np.empty(pointer[site + 1] - pointer[site], dtype=np.int64)
        for place in range(pointer[site], pointer[site + 1]):
            o = order[place]
            if state[o] > 0:
                fixed += 1
                base += cost[o]
            elif state[o] == 0:
                free[number] = o
                number += 1
        if fixed == 0 and number == 0:
            continue
        room = most[site] - fixed
        free = free[:number][np.argsort(cost[free[:number]])]
        sums = np.zeros(number + 1)
        for place in range(number):
            sums[place + 1] = sums[place] + min(0.0, cost[free[place]])
        now = base + sums[max(0, min(room, number))]
        if fixed == 0:
            now = min(0.0, now)
        least[site] = now
        for place in range(number):
            o = free[place]
            with_it, without = np.inf, base
            if place < room:
                without += sums[min(room + 1, number)] - min(0.0, cost[o])
            else:
                without += sums[max(0, min(room, number))]
            if fixed == 0:
                without = min(0.0, without)
            if room > 0:
                others = sums[min(room, number)] - min(0.0, cost[o])
                if place >= room - 1:
                    others = sums[min(room - 1, number)]
                with_it = base + cost[o] + others
            taken[o], left[o] = max(0.0, with_it - now), max(0.0, without - now)
    return least, taken, left


def step_of(model: PartialCovering) -> float:
    """Return what two different costs differ by at least, 0 when they are no whole numbers."""
    parts = np.concatenate([model.cost, model.rules.site_cost])
    if not np.array_equal(parts, np.rint(parts)) or parts.sum() > WHOLE:
        return 0.0
    return float(np.gcd.reduce(parts.astype(np.int64), initial=0))


def claim_of(bound: float, step: float) -> float:
    """Return the limit to claim for a proven bound: the next whole step where there are steps."""
    return math.ceil(bound / step) * step if step and math.isfinite(bound) else bound
