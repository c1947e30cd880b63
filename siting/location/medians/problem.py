"""A p-median question as the search sees it: weighted costs, clients that matter, whole numbers."""

# ruff: noqa: ANN001, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.distance import PMedian

#: Relative slack of a bound for the rounding of its sum; the check allows a quarter of it.
MARGIN = 2.0**-38
#: Relative distance at which a value that is no whole number counts as proven.
_EQUAL = 5e-10
#: Share of a step by which a bound must pass the next lower whole value.
_PAST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """A p-median question without rules that bind several options.

    Parameters
    ----------
    clients
        Demand points that count, ascending; the others weigh nothing and every site reaches them.
    demand_points
        Number of demand points of the model.
    cost
        ``w_i d_ij`` of these clients, infinite where a site cannot serve (n, m).
    opening
        Cost of each site (m,).
    candidates
        Sites that may be opened and need not be (m,) bool.
    fixed
        Sites that are open, ascending.
    p
        Most sites open, fixed ones included.
    step
        Greatest whole number that divides every value, 0 where values are no whole numbers.
    penalty
        More than any answer costs; stands for a client that nothing serves.
    """

    clients: npt.NDArray[np.intp]
    demand_points: int
    cost: npt.NDArray[np.float64]
    opening: npt.NDArray[np.float64]
    candidates: npt.NDArray[np.bool_]
    fixed: npt.NDArray[np.intp]
    p: int
    step: float
    penalty: float

    def goal(self, value: float, gap: float) -> float:
        """Return the bound at which nothing better than `value` needs to be looked for."""
        exact = value - self.step * (1.0 - _PAST) if self.step > 0 else value - _EQUAL * abs(value)
        return min(exact, value - gap * abs(value))

    def claim(self, bound: float) -> float:
        """Return a proven bound, raised to the next value there can be."""
        if self.step > 0 and math.isfinite(bound):
            return math.ceil(bound / self.step - _PAST / 2) * self.step
        return bound

    def value(self, chosen: npt.NDArray[np.intp]) -> float:
        """Return the cost of a set of sites, infinite when it leaves a client out."""
        if not len(chosen):
            return math.inf
        return float(self.cost[:, chosen].min(axis=1).sum() + self.opening[chosen].sum())

    def prices(self, prices: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return prices of the clients as prices of all demand points."""
        if len(self.clients) == self.demand_points:
            return prices
        spread = np.zeros(self.demand_points, dtype=prices.dtype)
        spread[self.clients] = prices
        return spread


def prepare(model: PMedian) -> Problem:
    """Return the question of a model; what binds several options is left out."""
    rules = model.rules
    sites = model.distance.shape[1]
    weight = model.demand
    opening = np.zeros(sites)
    hosted = np.bincount(rules.site, minlength=len(rules.site_cost))
    alone = hosted[rules.site] == 1
    opening[alone] = rules.site_cost[rules.site[alone]]
    candidates = rules.max_options[rules.site] > 0
    candidates[rules.forbidden] = False
    open_ = candidates.copy()
    open_[rules.fixed] = True
    candidates[rules.fixed] = False
    clients = np.arange(len(weight))
    cost = model.distance
    if (weight == 0).any():
        idle = weight == 0
        idle[idle] = np.isfinite(cost[idle][:, open_]).all(axis=1)
        clients = np.flatnonzero(~idle)
        cost = cost[clients]
    if (weight[clients] != 1).any():
        cost = np.multiply(
            cost, weight[clients, None], out=np.full(cost.shape, np.inf), where=np.isfinite(cost)
        )
    step, worst = _measure(cost, open_)
    paid = opening[open_]
    if step > 0 and (paid == np.floor(paid)).all():
        step = math.gcd(step, *(int(amount) for amount in np.unique(paid)))
    else:
        step = 0
    return Problem(
        clients=clients,
        demand_points=len(weight),
        cost=cost,
        opening=opening,
        candidates=candidates,
        fixed=rules.fixed,
        p=model.p,
        step=float(step),
        penalty=1.0 + worst + float(opening.sum()),
    )


@njit(cache=True, nogil=True)
def _measure(cost, open_):
    """Return the greatest whole number that divides every cost, or 0, and the sum of the worst."""
    step = 0
    whole = True
    worst = 0.0
    for i in range(cost.shape[0]):
        most = 0.0
        for j in range(cost.shape[1]):
            c = cost[i, j]
            if not open_[j] or c == np.inf:
                continue
            most = max(most, c)
            if not whole or step == 1:
                whole = whole and c == np.floor(c)
                continue
            if c != np.floor(c) or c > 2.0**52:
                whole = False
                continue
            a = np.int64(c)
            b = step
            while b:
                a, b = b, a % b
            step = a
        worst += most
    return (step if whole else 0), worst
