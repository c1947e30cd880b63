"""Capacitated models as a proof asks them.

Notes
-----
With ``u_i`` the price of a unit of demand i and ``c_j`` the capacity, a site's reduced cost is
``f_j + V_j(u) - mu c_j`` where ``V_j`` is the least ``sum_i w_i v_ij x_ij`` with ``0 <= x <= 1``
and ``sum_i w_i x_ij <= c_j``; ``v_ij = d_ij - u_i`` in facility location, ``-(1 - u_i)`` where the
most is served and ``-(theta_t - u_i)`` where a share is required. The constant is
``sum_i w_i u_i``, with the opposite sign in covering, and the terms of limits, zones and
``mu sum_i w_i``. Where demand is served whole ``x`` is binary, and where all must be served the sum
over sites is over choices that hold it, as `whole_rooms` says; a leaf closed by branch and bound
leaves out the arcs whose use its prices rule out.
"""

# ruff: noqa: ANN001, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.clock import Clock
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.checking.programme import Builder, Programme, proven_least
from siting.location.checking.question import (
    FloatArray,
    Question,
    Reduced,
    State,
    common_step,
)
from siting.location.checking.sums import TERM_ERROR, TOP_ERROR, add, summed
from siting.location.checking.whole_rooms import holding_of, rooms_of
from siting.location.solution import Prices

CapacityModel = CapacitatedCovering | CapacitatedFacilityLocation


class CapacityQuestion(Question):
    """A capacitated model.

    Parameters
    ----------
    model
        The model.
    groups
        Row of every demand point, None for one each; its price is that of every member.
    """

    exact = False

    def __init__(self, model: CapacityModel, groups: npt.NDArray[np.int32] | None) -> None:
        self.locating = isinstance(model, CapacitatedFacilityLocation)
        budget = None if isinstance(model, CapacitatedFacilityLocation) else model.budget
        super().__init__(
            rules=model.rules, cost=model.cost, p=model.p, budget=budget, step=_step(model)
        )
        self.model = model
        self.groups = groups
        n = len(model.demand)
        self.priced_rows = n if groups is None else int(groups.max(initial=-1)) + 1
        self.signed = self.filled = self.locating
        self.need = np.zeros(0)
        self.most = not self.locating
        if isinstance(model, CapacitatedCovering):
            self.pointers, self.server = model.cover.indptr, model.cover.indices
            self.served = np.repeat(np.arange(n), np.diff(self.pointers)).astype(np.intp)
            self.unit = np.zeros(len(self.served))
            if model.required is not None:
                self.most = False
                self.zones = len(model.zones)
                self.need = np.where(
                    model.required > 0,
                    model.required * model.zone_weight - 1e-9 * model.zone_weight,
                    0.0,
                )
        else:
            self.served, self.server = np.nonzero(np.isfinite(model.distance))
            self.unit = model.distance[self.served, self.server]
        order = np.argsort(self.server, kind="stable")
        self.by_option = order.astype(np.int64)
        hosted = np.bincount(self.server, minlength=model.rules.options)
        self.columns = np.concatenate([[0], np.cumsum(hosted)]).astype(np.int64)
        self.rooms = self.holding = None
        if model.single_source:
            row = self.served[self.by_option]
            self.rooms = rooms_of(model.demand, model.capacity, self.columns, row)
        if self.locating and not self._grouped():
            self.holding = holding_of(model.demand, model.capacity)

    def unit_prices(self, prices: Prices) -> FloatArray:
        """Return the price of a unit of every demand point."""
        given = np.asarray(prices.demand, dtype=np.float64)
        if self.groups is None:
            return given
        return np.where(self.groups >= 0, given[np.maximum(self.groups, 0)], 0.0)

    def _grouped(self) -> bool:
        """Tell whether sites cost something or hold fewer options than they have."""
        return self.limited_sites or bool(self.rules.site_cost.any())

    def _worth(self, prices: Prices) -> tuple[FloatArray, FloatArray]:
        """Return what serving a unit along each arc is worth, and its absolute terms."""
        u, model = self.unit_prices(prices), self.model
        if self.locating:
            worth = self.unit
        elif self.most:
            worth = np.full(len(self.unit), -1.0)
        else:
            theta = prices.zone if len(prices.zone) else np.zeros(len(self.need))
            assert isinstance(model, CapacitatedCovering)  # noqa: S101 - only these have zones
            worth = -theta[model.zone[self.served]]
        sign = -1.0 if self.locating else 1.0
        return worth + sign * u[self.served], np.abs(worth) + np.abs(u[self.served])

    def reduced(self, prices: Prices) -> Reduced:
        """Return what prices make of the options."""
        value, terms = self._worth(prices)
        weight, order, model = self.model.demand[self.served], self.by_option, self.model
        if self.rooms is not None:
            filled, size = self.rooms.least((weight * value)[order], (weight * terms)[order])
        else:
            order = order[np.lexsort((value[order], self.server[order]))]
            filled, size = _knapsacks(
                self.columns, value[order], terms[order], weight[order], model.capacity
            )
        own = self.cost if not self.most else np.zeros(len(self.cost))
        limit = prices.limit * self.limit_price() if (self.most or self.p is not None) else 0.0
        mu = prices.capacity * model.capacity
        cost = filled + (own + limit - mu)
        size = size + own + limit + mu
        self.conflict_prices(prices, cost, size)
        opening = 1.0 if not self.most else (prices.limit if self.budget is not None else 0.0)
        return Reduced(cost=cost, size=size, opening=opening * self.rules.site_cost)

    def minimum(
        self, state: State, reduced: Reduced, skip: npt.NDArray[np.bool_]
    ) -> tuple[float, float, float, FloatArray, FloatArray]:
        """Return the least sum of reduced costs over choices that hold all demand."""
        if self.holding is None or skip.any():
            return super().minimum(state, reduced, skip)
        value, taken, left = self.holding.least(reduced.cost, state.decided)
        inside = state.decided >= 0
        number = 1.0 + len(inside) / 64.0  # the sums are plain ones of as many terms
        top = number * float(np.abs(reduced.cost[inside]).sum())
        terms = float(reduced.size[inside].sum())
        error = 2.0 * (TOP_ERROR * top + TERM_ERROR * terms)
        return value, top, terms, taken - error, left - error

    def kernel(self, state: State, prices: Prices, missing: Callable[[float], float]) -> Programme:
        """Return the programme of a leaf without the arcs whose use the prices rule out."""
        if self.rooms is None:
            return self.programme(state)
        reduced, inside = self.reduced(prices), state.decided >= 0
        constant, size = self.constant(prices, state)
        total, top, terms, taken, _ = self.minimum(state, reduced, np.zeros_like(inside))
        bound = constant + total - TOP_ERROR * (size + top) - TERM_ERROR * terms
        value, absolute = self._worth(prices)
        weight, order = self.model.demand[self.served], self.by_option
        more = np.full(len(order), np.inf)
        more[order] = self.rooms.with_each((weight * value)[order], inside)
        rise = np.where(state.decided == 0, taken, 0.0)[self.server] + more
        error = 4.0 * reduced.size[self.server] + weight * absolute * len(weight)
        return self.programme(state, rise - TERM_ERROR * error <= missing(bound))

    def constant(self, prices: Prices, state: State) -> tuple[float, float]:
        """Return the part of the bound that no option changes, and its absolute terms."""
        del state
        sign = 1.0 if self.locating else -1.0
        terms = sign * self.model.demand * self.unit_prices(prices)
        limits = [-math.fsum(prices.conflict.tolist())]
        if self.p is not None or self.budget is not None:
            limits = self.limit_constant(prices)
        if len(prices.zone):
            limits += (prices.zone * self.need).tolist()
        limits.append(prices.capacity * float(summed(self.model.demand)))
        size = float(np.abs(terms).sum()) + math.fsum(abs(term) for term in limits)
        return float(summed(terms)) + math.fsum(limits), size

    def dead(self, state: State) -> bool:
        """Tell whether demand has no option left, or not enough capacity."""
        model, left = self.model, state.decided >= 0
        served = np.zeros(len(model.demand), dtype=bool)
        served[self.served[left[self.server]]] = True
        room = float(summed(model.capacity[left]))
        if self.locating:
            total = float(summed(model.demand))
            return not served.all() or room < total * (1 - 1e-9)
        if self.most or not isinstance(model, CapacitatedCovering):
            return False
        able = np.bincount(
            model.zone[served], weights=model.demand[served], minlength=len(self.need)
        )
        return bool((able < self.need * (1 - 1e-12)).any() or room < self.need.sum() * (1 - 1e-9))

    def value(self, state: State) -> float:
        """Return the least objective when every option is decided, by its own programme."""
        if self.broken(state) or self.dead(state):
            return math.inf
        return proven_least(self.programme(state), claim=math.inf, step=self.step, clock=Clock())

    def programme(self, state: State, arcs: npt.NDArray[np.bool_] | None = None) -> Programme:
        """Return the whole programme over the options that are not left out.

        `arcs` may be used; None: all.
        """
        model, weight = self.model, self.model.demand
        options = np.flatnonzero(state.decided >= 0)
        place = np.full(self.rules.options, -1, dtype=np.intp)
        builder = Builder()
        own = np.zeros(len(options)) if self.most else self.cost[options]
        place[options] = builder.variables(
            own, integer=True, lower=(state.decided[options] > 0).astype(np.float64)
        )
        self.rule_rows(builder, options, price_sites=not self.most)
        kept = np.flatnonzero((place[self.server] >= 0) & (True if arcs is None else arcs))
        i, column = self.served[kept], place[self.server[kept]]
        if self.locating:
            cost = weight[i] * self.unit[kept]
        else:
            cost = -weight[i] if self.most else np.zeros(len(kept))
        share = builder.variables(cost, integer=model.single_source)
        number, ones = len(share), np.ones(len(share))
        line = np.arange(number)
        builder.many(
            np.concatenate([line, line]),
            np.concatenate([share, column]),
            np.concatenate([ones, -ones]),
            number,
            -math.inf,
            0.0,
        )
        least = 1.0 if self.locating else -math.inf
        builder.many(i, share, ones, len(weight), least, 1.0)
        if self.locating and (total := float(weight.sum())) > 0:  # implied, the root of cuts
            held = np.minimum(model.capacity[options], total) / total
            builder.row(place[options], held, 1.0, math.inf)
        self._fitted(builder, options, column, share, weight[i])
        if isinstance(model, CapacitatedCovering):
            for zone in np.flatnonzero(self.need > 0):
                here = np.flatnonzero(model.zone[i] == zone)
                scale = float(self.need[zone])
                builder.row(share[here], weight[i[here]] / scale, 1.0, math.inf)
        return builder.build(0.0)

    def _fitted(
        self,
        builder: Builder,
        options: npt.NDArray[np.intp],
        column: npt.NDArray[np.intp],
        share: npt.NDArray[np.intp],
        weight: FloatArray,
    ) -> None:
        """Add ``sum_i w_i x_ij <= c_j y_j`` in whole numbers, or scaled to about 1."""
        capacity = self.model.capacity[options]
        number = len(options)
        scale = np.ones(number)
        if not common_step(self.model.demand, self.model.capacity):
            np.maximum.at(scale, column, weight)
            scale = np.maximum(capacity, scale)
        builder.many(
            np.concatenate([column, np.arange(number)]),
            np.concatenate([share, np.arange(number)]),
            np.concatenate([weight / scale[column], -capacity / scale]),
            number,
            -math.inf,
            0.0,
        )


def _step(model: CapacityModel) -> float:
    """Return the step of a model's objective, 0 when none is known."""
    if isinstance(model, CapacitatedCovering):
        if model.required is not None:
            return common_step(model.cost, model.rules.site_cost)
        if model.single_source:
            return common_step(model.demand)
        return common_step(model.demand, model.capacity)  # flows of whole numbers are whole
    reach = np.isfinite(model.distance)
    distance = np.where(reach, model.distance, 0.0)
    opening = common_step(model.cost, model.rules.site_cost)
    zero = not (model.cost.any() or model.rules.site_cost.any())
    if not (opening or zero):
        return 0.0
    if model.single_source:
        if not common_step(distance, model.demand):
            return 0.0
        carried = common_step(distance * model.demand[:, None])
    else:
        flow = common_step(model.demand, model.capacity)
        carried = flow * common_step(distance)
    whole = [np.array([part]) for part in (opening, carried) if part]
    return common_step(*whole) if carried or not distance.any() else 0.0


@njit(cache=True, nogil=True)
def _knapsacks(columns, value, terms, weight, capacity):
    """Return the least value each option can take in, and its absolute terms; values ascend."""
    number = len(capacity)
    least, size = np.zeros(number), np.zeros(number)
    for option in range(number):
        total, carry, used, rest = 0.0, 0.0, 0.0, 0.0
        for place in range(columns[option], columns[option + 1]):
            room = capacity[option] - (used + rest)
            if value[place] >= 0.0 or room <= 0.0:
                break
            taken = min(weight[place], room)
            used, rest = add(used, rest, taken)
            total, carry = add(total, carry, taken * value[place])
            size[option] += taken * terms[place]
        least[option] = total + carry
    return least, size
