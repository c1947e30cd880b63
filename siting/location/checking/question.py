"""What every proof asks, whatever the model: a minimisation over options under rules.

A maximised objective is read as the minimisation of its negative. Families of models derive from
:class:`Question` and say what a price vector makes of their options and of the rest.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from siting.location.checking.programme import Builder, Programme
from siting.location.checking.separable import Sites, least, sites_of
from siting.location.rules import Rules
from siting.location.solution import Prices

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]

#: Relative slack of a limit on a sum of floats: `p` and whole numbers are kept exactly.
LIMIT_SLACK = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """What prices make of the options.

    Parameters
    ----------
    cost, size
        Reduced cost of each option, and the absolute terms it was summed from, (m,).
    opening
        Price of opening each site, (sites,).
    """

    cost: FloatArray
    size: FloatArray
    opening: FloatArray


@dataclass(slots=True, kw_only=True, eq=False)
class State:
    """Decisions on the path to a node.

    Parameters
    ----------
    decided
        1 chosen, -1 left out, 0 free, (m,).
    left
        Options of each row that are not left out, (r,); empty where rows play no role.
    trail
        Options in the order they were decided.
    """

    decided: npt.NDArray[np.int8]
    left: npt.NDArray[np.int32]
    trail: list[IndexArray] = field(default_factory=list)


class Question(ABC):
    """A minimisation over options; the base of what the families of models ask.

    Parameters
    ----------
    rules
        Rules on the options.
    cost
        Cost of each option that `budget` counts, (m,).
    p, budget
        Limits, None where there is none.
    step
        Every objective is a multiple of it; 0 when nothing is known.
    """

    #: Whether prices of demand may be of either sign.
    signed = False
    #: Whether the whole demand fits into what is open, so that `capacity` may carry a price.
    filled = False
    #: Whether :meth:`value` is exact for whole numbers; if not, a solver's tolerance is in it.
    exact = True

    def __init__(
        self, *, rules: Rules, cost: FloatArray, p: int | None, budget: float | None, step: float
    ) -> None:
        self.rules = rules
        self.cost = cost
        self.p = p
        self.budget = budget
        self.step = step
        self.sites: Sites = sites_of(rules.site, rules.max_options)
        self.limited_sites = bool((np.diff(self.sites.pointers) > self.sites.most).any())
        self.priced_rows = 0
        self.zones = 0
        self.cuts = 0

    # what the families say

    def left(self, decided: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
        """Return the options left of each row; empty where rows play no role."""
        del decided
        return np.zeros(0, dtype=np.int32)

    def shift(  # noqa: B027 - families without counted rows have nothing to do
        self, state: State, options: IndexArray, step: int
    ) -> None:
        """Account for options that were left out (-1) or are free again (+1)."""

    @abstractmethod
    def reduced(self, prices: Prices) -> Reduced:
        """Return what prices make of the options."""

    @abstractmethod
    def constant(self, prices: Prices, state: State) -> tuple[float, float]:
        """Return the part of the bound that no option changes, and its absolute terms."""

    @abstractmethod
    def dead(self, state: State) -> bool:
        """Tell whether no choice is left that keeps what the model demands."""

    def forced(self, state: State) -> IndexArray:
        """Return free options without which the model's demands cannot be kept."""
        del state
        return np.zeros(0, dtype=np.intp)

    @abstractmethod
    def value(self, state: State) -> float:
        """Return the objective when every option is decided, infinite where nothing is kept."""

    @abstractmethod
    def programme(self, state: State) -> Programme:
        """Return the whole programme over the options that are not left out."""

    def minimum(
        self, state: State, reduced: Reduced, skip: npt.NDArray[np.bool_]
    ) -> tuple[float, float, float, FloatArray, FloatArray]:
        """Return the least sum of reduced costs, its margins, and what every flip adds.

        `skip` are options that are counted elsewhere, (m,); the rest is as in
        :func:`siting.location.checking.separable.least`.
        """
        sites = self.sites
        return least(
            sites.pointers,
            sites.options,
            sites.most,
            state.decided,
            reduced.cost,
            reduced.size,
            reduced.opening,
            skip,
        )

    def kernel(self, state: State, prices: Prices, missing: Callable[[float], float]) -> Programme:
        """Return the programme that closes a leaf, without what its prices rule out.

        `missing` tells how much more than a bound the claim needs.
        """
        del prices, missing
        return self.programme(state)

    # what all share

    def start(self) -> State:
        """Return the decisions the rules make before any proof."""
        decided = np.zeros(self.rules.options, dtype=np.int8)
        decided[self.rules.forbidden] = -1
        decided[self.rules.fixed] = 1
        return State(decided=decided, left=self.left(decided))

    def decide(self, state: State, options: IndexArray, value: int) -> None:
        """Decide free options, so that :meth:`undo` can take it back."""
        options = np.asarray(options, dtype=np.intp)
        state.decided[options] = value
        state.trail.append(options)
        if value < 0:
            self.shift(state, options, -1)

    def undo(self, state: State, length: int) -> None:
        """Take back every decision after the first `length` of them."""
        while len(state.trail) > length:
            options = state.trail.pop()
            if len(options) and state.decided[options[0]] < 0:
                self.shift(state, options, 1)
            state.decided[options] = 0

    def spent(self, chosen: npt.NDArray[np.bool_]) -> float:
        """Return the cost of options and of the sites they open."""
        sites = np.unique(self.rules.site[chosen])
        return math.fsum([*self.cost[chosen].tolist(), *self.rules.site_cost[sites].tolist()])

    def broken(self, state: State) -> bool:
        """Tell whether the chosen options break a rule by themselves."""
        chosen = state.decided > 0
        if self.p is not None and int(chosen.sum()) > self.p:
            return True
        rules = self.rules
        if len(rules.conflicts) and chosen[rules.conflicts].all(axis=1).any():
            return True
        if self.limited_sites:
            load = np.bincount(rules.site[chosen], minlength=len(rules.max_options))
            if (load > rules.max_options).any():
                return True
        return self.budget is not None and self.spent(chosen) > self.most_spent

    @property
    def most_spent(self) -> float:
        """The budget with the rounding of a sum of floats."""
        return math.inf if self.budget is None else self.budget * (1 + LIMIT_SLACK)

    def barred(self, state: State) -> IndexArray:
        """Return free options that the rules allow no more beside those chosen."""
        rules, chosen = self.rules, state.decided > 0
        free = state.decided == 0
        bar = np.zeros(rules.options, dtype=bool)
        number = int(chosen.sum())
        if self.p is not None and number >= self.p:
            bar[:] = True
        if len(rules.conflicts):
            for one, other in ((0, 1), (1, 0)):
                bar[rules.conflicts[chosen[rules.conflicts[:, one]], other]] = True
        if self.limited_sites:
            load = np.bincount(rules.site[chosen], minlength=len(rules.max_options))
            bar |= (load >= rules.max_options)[rules.site]
        if self.budget is not None:
            opened = np.zeros(len(rules.site_cost), dtype=bool)
            opened[rules.site[chosen]] = True
            more = self.cost + np.where(opened, 0.0, rules.site_cost)[rules.site]
            bar |= self.spent(chosen) + more > self.most_spent + LIMIT_SLACK * (self.budget + more)
        return np.flatnonzero(bar & free)

    def conflict_prices(self, prices: Prices, reduced: FloatArray, size: FloatArray) -> None:
        """Add the prices of conflicts to reduced costs, in place."""
        if len(prices.conflict):
            for side in (0, 1):
                np.add.at(reduced, self.rules.conflicts[:, side], prices.conflict)
                np.add.at(size, self.rules.conflicts[:, side], prices.conflict)

    def limit_price(self) -> FloatArray:
        """Return what one unit of the limit's price adds to each option's reduced cost."""
        if self.budget is not None:
            return self.cost
        return np.full(len(self.cost), 0.0 if self.p is None else 1.0)

    def limit_constant(self, prices: Prices) -> list[float]:
        """Return the terms of the limit and of conflicts in a bound's constant."""
        most = self.most_spent if self.budget is not None else float(self.p or 0)
        return [-prices.limit * most, -math.fsum(prices.conflict.tolist())]

    def rule_rows(self, builder: Builder, options: IndexArray, price_sites: bool) -> None:  # noqa: FBT001
        """Add the rules over some options, whose variables come first in a programme.

        Parameters
        ----------
        builder
            The programme.
        options
            Options of its first variables.
        price_sites
            Whether opening a site costs something in the objective.
        """
        rules = self.rules
        place = np.full(rules.options, -1, dtype=np.intp)
        place[options] = np.arange(len(options))
        own = place[options]
        if self.p is not None:
            builder.row(own, np.ones(len(own)), -math.inf, float(self.p))
        pairs = rules.conflicts[(place[rules.conflicts] >= 0).all(axis=1)]
        for pair in pairs:
            builder.row(place[pair], np.ones(2), -math.inf, 1.0)
        hosted = np.bincount(rules.site[options], minlength=len(rules.max_options))
        for site in np.flatnonzero(hosted > rules.max_options):
            here = own[rules.site[options] == site]
            builder.row(here, np.ones(len(here)), -math.inf, float(rules.max_options[site]))
        spent = self.budget is not None
        dear = np.flatnonzero((hosted > 0) & (rules.site_cost > 0))
        opened = np.zeros(0, dtype=np.intp)
        if len(dear) and (spent or price_sites):
            costs = rules.site_cost[dear] if price_sites else np.zeros(len(dear))
            opened = builder.variables(costs, integer=True)
            for variable, site in zip(opened.tolist(), dear.tolist(), strict=True):
                for option in own[rules.site[options] == site].tolist():
                    pair = np.array([option, variable])
                    builder.row(pair, np.array([1.0, -1.0]), -math.inf, 0.0)
        if spent:
            costs = np.concatenate([self.cost[options], rules.site_cost[dear[: len(opened)]]])
            scale = max(self.budget or 0.0, float(costs.max(initial=0.0)), 1e-300)
            if _whole(costs):
                scale, most = 1.0, float(math.floor(self.most_spent))
            else:
                most = self.most_spent / scale
            builder.row(np.concatenate([own, opened]), costs / scale, -math.inf, most)


def _whole(values: FloatArray) -> bool:
    return bool((values == np.rint(values)).all() and np.abs(values).max(initial=0.0) < 2**50)


def common_step(*parts: FloatArray) -> float:
    """Return the greatest number of which all values are multiples; 0 unless all are whole."""
    step = 0
    for part in parts:
        if not np.isfinite(part).all() or not _whole(part):
            return 0.0
        step = math.gcd(step, int(np.gcd.reduce(np.abs(part).astype(np.int64), axis=None)))
    return float(step)
