"""The p-median as a proof asks it.

Notes
-----
With ``u`` the price of serving each demand point once, ``lam`` of the limit and ``nu`` of
conflicts, the bound is ``sum_i u_i - lam p - sum nu + sum_j min(0, rho_j + lam + nu)`` with
``rho_j = sum_i min(0, w_i d_ij - u_i)``.
"""

# ruff: noqa: ANN001, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.checking.programme import Builder, Programme
from siting.location.checking.question import Question, Reduced, State, common_step
from siting.location.checking.sums import add, summed
from siting.location.distance import PMedian
from siting.location.solution import Prices

#: Prices from which on it pays to sort each demand point's distances once.
MANY_PRICES = 20


class MedianQuestion(Question):
    """A p-median.

    Parameters
    ----------
    model
        The model.
    prices
        How many price vectors will be asked.
    """

    signed = True

    def __init__(self, model: PMedian, prices: int) -> None:
        reach = np.isfinite(model.distance)
        carried = np.where(reach, model.distance, 0.0) * model.demand[:, None]
        step = common_step(model.distance[reach], model.demand) and common_step(
            carried, model.rules.site_cost
        )
        none = np.zeros(model.rules.options)
        super().__init__(rules=model.rules, cost=none, p=model.p, budget=None, step=step)
        self.carried = np.where(reach, carried, np.inf)
        self.priced_rows = len(model.demand)
        self.whole = bool(reach.all())
        self.order = np.zeros((0, 0), dtype=np.int32)
        if prices >= MANY_PRICES:
            self.order = np.argsort(self.carried, axis=1, kind="stable").astype(np.int32)

    def reduced(self, prices: Prices) -> Reduced:
        """Return what prices make of the sites."""
        u = np.asarray(prices.demand, dtype=np.float64)
        cost, size = _savings(self.carried, self.order, u, float(prices.limit))
        self.conflict_prices(prices, cost, size)
        return Reduced(cost=cost, size=size, opening=self.rules.site_cost)

    def constant(self, prices: Prices, state: State) -> tuple[float, float]:
        """Return the part of the bound that no site changes, and its absolute terms."""
        del state
        u = np.asarray(prices.demand, dtype=np.float64)
        limits = self.limit_constant(prices)
        size = float(np.abs(u).sum()) + math.fsum(abs(term) for term in limits)
        return float(summed(u)) + math.fsum(limits), size

    def nearest(self, options: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Return the least weighted distance of each demand point to some sites."""
        if not options.any():
            return np.full(len(self.carried), np.inf)
        return self.carried[:, options].min(axis=1)

    def dead(self, state: State) -> bool:
        """Tell whether a demand point has no site left."""
        if self.whole:
            return bool((state.decided < 0).all())
        return bool(np.isinf(self.nearest(state.decided >= 0)).any())

    def value(self, state: State) -> float:
        """Return the objective when every site is decided."""
        if self.broken(state) or self.dead(state):
            return math.inf
        chosen = state.decided > 0
        return math.fsum([*self.nearest(chosen).tolist(), self.spent(chosen)])

    def programme(self, state: State) -> Programme:
        """Return the whole programme over the sites that are not left out.

        Notes
        -----
        A demand point pays the difference to its next distance unless a site within the former
        one is open (Cornuejols, Nemhauser, Wolsey 1980), so equal distances share a variable.
        """
        options = np.flatnonzero(state.decided >= 0)
        builder = Builder()
        builder.variables(
            np.zeros(len(options)),
            integer=True,
            lower=(state.decided[options] > 0).astype(np.float64),
        )
        self.rule_rows(builder, options, price_sites=True)
        upper = self.nearest(state.decided > 0)
        offset = []
        for i, row in enumerate(self.carried[:, options]):
            levels = np.unique(row[(row <= upper[i]) & np.isfinite(row)])
            offset.append(float(levels[0]))
            number = len(levels)
            last = np.isinf(upper[i])  # within the greatest distance a site must be open
            rises = builder.variables(np.diff(levels), integer=False)
            level, column = np.nonzero(row[None, :] <= levels[: number - (not last), None])
            line = np.arange(len(rises))
            builder.many(
                np.concatenate([level, line]),
                np.concatenate([column, rises]),
                np.ones(len(level) + len(line)),
                number - (not last),
                1.0,
                math.inf,
            )
        return builder.build(math.fsum(offset))


@njit(cache=True, nogil=True)
def _savings(carried, order, u, limit):
    """Return ``limit + sum_i min(0, w_i d_ij - u_i)`` of every site, and its absolute terms."""
    demand, number = carried.shape
    total, carry = np.full(number, limit), np.zeros(number)
    size = np.full(number, abs(limit))
    for i in range(demand):
        for place in range(number):
            j = order[i, place] if len(order) else place
            gain = carried[i, j] - u[i]
            if gain < 0.0:
                total[j], carry[j] = add(total[j], carry[j], gain)
                size[j] += carried[i, j] + abs(u[i])
            elif len(order):
                break
    return total + carry, size
