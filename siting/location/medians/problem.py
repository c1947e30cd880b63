"""A p-median question as the search sees it: weighted costs, clients that matter, the rules."""

# ruff: noqa: ANN001, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.distance import PCenter, PMedian

#: Relative slack of a bound for the rounding of its sum; the check allows a quarter of it.
MARGIN = 2.0**-38
#: Relative distance at which a value that is no whole number counts as proven.
_EQUAL = 5e-10
#: Share of a step by which a bound must pass the next lower whole value.
_PAST = 1e-6
#: Whole numbers above this are taken as floats.
_MOST_WHOLE = 2.0**50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """A p-median question on arrays.

    Parameters
    ----------
    clients
        Demand points that count, ascending; the others weigh nothing and every site reaches them.
    demand_points
        Number of demand points of the model.
    cost
        ``w_i d_ij`` of these clients, infinite where a site cannot serve (n, m).
    candidates
        Sites that may be opened and need not be (m,) bool.
    fixed
        Sites that are open, ascending.
    p
        Most sites open, fixed ones included.
    site, site_cost, site_most
        Place of each site (m,); what opening a place costs, and most sites open there.
    enemy_start, enemy
        Sites in conflict with each site, in compressed rows.
    step
        Greatest whole number that divides every value, 0 where values are no whole numbers.
    penalty
        More than any answer costs; stands for a client that nothing serves.
    """

    clients: npt.NDArray[np.intp]
    demand_points: int
    cost: npt.NDArray[np.float64]
    candidates: npt.NDArray[np.bool_]
    fixed: npt.NDArray[np.intp]
    p: int
    site: npt.NDArray[np.intp]
    site_cost: npt.NDArray[np.float64]
    site_most: npt.NDArray[np.intp]
    enemy_start: npt.NDArray[np.int64]
    enemy: npt.NDArray[np.int64]
    step: float
    penalty: float

    @property
    def bound_together(self) -> bool:
        """Whether some rule binds several sites."""
        return bool(len(self.enemy)) or len(np.unique(self.site)) < len(self.site)

    @property
    def reaching(self) -> bool:
        """Whether every site reaches every client."""
        return bool(np.isfinite(self.cost).all())

    def goal(self, value: float, gap: float) -> float:
        """Return the bound at which nothing better than `value` needs to be looked for."""
        exact = value - self.step * (1.0 - _PAST) if self.step > 0 else value - _EQUAL * value
        return min(exact, value - gap * value)

    def claim(self, bound: float) -> float:
        """Return a proven bound, raised to the next value there can be."""
        if self.step > 0 and math.isfinite(bound):
            return math.ceil(bound / self.step - _PAST / 2) * self.step
        return bound

    def nearest(self, chosen: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """Return what each client costs with some sites open, at most the penalty."""
        if not len(chosen):
            return np.full(len(self.cost), self.penalty)
        return np.minimum(self.cost[:, chosen].min(axis=1), self.penalty)

    def paid(self, chosen: npt.NDArray[np.intp]) -> float:
        """Return what opening some sites costs."""
        return float(self.site_cost[np.unique(self.site[chosen])].sum())

    def value(self, chosen: npt.NDArray[np.intp]) -> float:
        """Return the cost of a set of sites; it reaches all clients if it is below the penalty."""
        return float(self.nearest(chosen).sum()) + self.paid(chosen)

    def opening(
        self, chosen: npt.NDArray[np.intp], free: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.float64]:
        """Return the least that opening each free site adds when some are open.

        A place's cost is shared among as many sites as may open there, so that no set of sites
        pays more than in truth.
        """
        shared = self.site_cost / np.maximum(self.site_most, 1)
        shared[self.site[chosen]] = 0.0
        return shared[self.site[free]]

    def left(
        self, chosen: npt.NDArray[np.intp], free: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.intp] | None:
        """Return the free sites that the rules still allow; None when the chosen break a rule."""
        if len(chosen) > self.p:
            return None
        if not self.bound_together:
            return free
        load = np.bincount(self.site[chosen], minlength=len(self.site_cost))
        barred = (load >= self.site_most)[self.site]
        hostile = np.zeros(len(self.site), dtype=np.bool_)
        for j in chosen:
            hostile[self.enemy[self.enemy_start[j] : self.enemy_start[j + 1]]] = True
        if (load > self.site_most).any() or hostile[chosen].any():
            return None
        return free[~(barred | hostile)[free]]

    def legal(
        self, fixed: npt.NDArray[np.intp], wanted: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.intp]:
        """Return the fixed sites and as many wanted ones, in their order, as the rules allow."""
        chosen = np.concatenate([fixed, wanted])[: self.p]
        if self.bound_together:
            chosen = fixed
            for j in wanted:
                if self.left(np.append(chosen, j), chosen[:0]) is not None:
                    chosen = np.append(chosen, j)
        return np.sort(chosen)

    def prices(self, prices: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return prices of the clients as prices of all demand points."""
        if len(self.clients) == self.demand_points:
            return prices
        spread = np.zeros(self.demand_points, dtype=prices.dtype)
        spread[self.clients] = prices
        return spread


def prepare(model: PMedian | PCenter) -> Problem:
    """Return the question of a model."""
    rules = model.rules
    weight, cost = model.demand, model.distance
    allowed = rules.max_options[rules.site] > 0
    allowed[rules.forbidden] = False
    allowed[rules.fixed] = True
    clients = np.arange(len(weight))
    if (weight == 0).any():
        idle = weight == 0
        idle[idle] = np.isfinite(cost[idle]).all(axis=1)
        clients = np.flatnonzero(~idle)
        cost = cost[clients]
    whole = bool((weight == np.floor(weight)).all() and weight.max() < _MOST_WHOLE)
    whole &= _whole(cost)
    if (weight[clients] != 1).any():
        served = np.isfinite(cost)
        cost = np.multiply(
            cost, weight[clients, None], out=np.full(cost.shape, np.inf), where=served
        )
    common, worst = _measure(cost, allowed)
    paid = rules.site_cost
    step = 0
    if whole and common >= 0 and (paid == np.floor(paid)).all() and paid.max() < _MOST_WHOLE:
        step = math.gcd(int(common), *(int(amount) for amount in np.unique(paid)))
    candidates = allowed.copy()
    candidates[rules.fixed] = False
    both = np.concatenate([rules.conflicts, rules.conflicts[:, ::-1]])
    order = np.lexsort((both[:, 1], both[:, 0]))
    ends = np.bincount(both[:, 0], minlength=rules.options)
    return Problem(
        clients=clients,
        demand_points=len(weight),
        cost=cost,
        candidates=candidates,
        fixed=rules.fixed,
        p=model.p,
        site=rules.site,
        site_cost=paid,
        site_most=rules.max_options,
        enemy_start=np.concatenate([[0], np.cumsum(ends)]).astype(np.int64),
        enemy=both[order, 1].astype(np.int64),
        step=float(step),
        penalty=1.0 + worst + float(paid.sum()),
    )


@njit(cache=True, nogil=True)
def _whole(cost):
    """Tell whether every finite cost is a whole number."""
    for i in range(cost.shape[0]):
        for j in range(cost.shape[1]):
            c = cost[i, j]
            if c != np.inf and (c != np.floor(c) or c >= _MOST_WHOLE):
                return False
    return True


@njit(cache=True, nogil=True)
def _measure(cost, allowed):
    """Return the greatest whole number that divides every cost, or -1, and the sum of the worst."""
    step = 0
    worst = 0.0
    for i in range(cost.shape[0]):
        most = 0.0
        for j in range(cost.shape[1]):
            c = cost[i, j]
            if c == np.inf:
                continue
            if allowed[j]:
                most = max(most, c)
            if step == 1 or step < 0:
                if c != np.floor(c):
                    step = -1
                continue
            if c != np.floor(c) or c >= _MOST_WHOLE:
                step = -1
                continue
            a = np.int64(c)
            b = step
            while b:
                a, b = b, a % b
            step = a
        worst += most
    return step, worst
