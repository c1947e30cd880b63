"""Covering models as a proof asks them: prices of rows, rows that must be served, whole programme.

Notes
-----
With ``u`` the prices of rows, ``theta`` of zones, ``lam`` of the limit and ``nu`` of conflicts, the
bound of a node is

- set covering: ``sum_i k_i u_i + sum_o min (f_o - sum_i a_io u_i)``,
- maximal covering: ``-sum_i max(0, w_i - k_i u_i) - lam p + sum_o min (lam - sum_i a_io u_i)``,
- partial covering: ``sum_t theta_t R_t - sum_i max(0, theta_t w_i - u_i) + sum_o min (f_o - ...)``,

each less ``sum nu`` and with the minimum taken site by site. A row with too few options left adds
nothing; a row its zone cannot spare adds ``u_i - theta_t w_i`` whatever its sign.

In partial covering, cuts ``d y + k s >= b`` with prices ``v`` (``s_i`` = 1 where row i stays
unserved) add ``sum v b``, take ``d' v`` off the costs of the options, and a row that can be spared
adds ``min(u_i - theta_t w_i, -k_i' v)``, or ``-k_i' v`` where it has no option left.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from siting.location.checking.cuts import Counted, counted
from siting.location.checking.programme import Builder, Programme
from siting.location.checking.question import (
    FloatArray,
    IndexArray,
    Question,
    Reduced,
    State,
    common_step,
)
from siting.location.checking.rows import Rows, free_options, options_left, shift
from siting.location.checking.sums import grouped, less_column_sums, summed
from siting.location.rules import Rules
from siting.location.solution import Cuts, Prices


class Kind(StrEnum):
    """What a covering model asks."""

    ALL = "all"  #: every row
    MOST = "most"  #: the most weight
    SHARE = "share"  #: a share of each zone


class CoveringQuestion(Question):
    """Covering rows with options.

    Parameters
    ----------
    kind
        What is asked.
    rows
        Rows of the certificate.
    need
        Weight each zone requires, (zones,); 0 where nothing is.
    rules, cost, p, budget
        As in :class:`Question`.
    """

    def __init__(
        self,
        *,
        kind: Kind,
        rows: Rows,
        rules: Rules,
        cost: FloatArray,
        need: FloatArray,
        p: int | None = None,
        budget: float | None = None,
    ) -> None:
        weights = common_step(rows.weight) if kind is not Kind.ALL else 0.0
        step = weights if kind is Kind.MOST else common_step(cost, rules.site_cost)
        super().__init__(rules=rules, cost=cost, p=p, budget=budget, step=step)
        self.kind = kind
        self.rows = rows
        self.need = np.ceil(need / weights) * weights if weights else need
        self.priced_rows = rows.priced
        self.zones = len(need) if kind is Kind.SHARE else 0
        self.counted: Counted | None = None
        if kind is Kind.SHARE:
            self.asked = (self.need > 0)[rows.zone] & (rows.weight > 0)
        else:
            self.asked = (rows.weight > 0) | (kind is Kind.ALL)

    def left(self, decided: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
        """Return the options left of each row."""
        return options_left(self.rows.pointers, self.rows.options, decided)

    def shift(self, state: State, options: IndexArray, step: int) -> None:
        """Account for options that were left out or are free again."""
        shift(self.rows.column_pointers, self.rows.column_rows, options, step, state.left)

    def use_cuts(self, cuts: Cuts, state: State) -> None:
        """Sum up the cuts that prices refer to; `state` is the root's."""
        self.counted = counted(cuts, self.rows, self.hard(state))
        self.cuts = self.counted.number

    def row_prices(self, prices: Prices) -> FloatArray:
        """Return the price of every row, 0 for rows the certificate leaves out."""
        full = np.zeros(len(self.rows.weight))
        full[: self.rows.priced] = prices.demand
        return full

    def reduced(self, prices: Prices) -> Reduced:
        """Return what prices make of the options."""
        if self.kind is Kind.MOST:
            base = prices.limit * self.limit_price()
            opening = prices.limit if self.budget is not None else 0.0
        else:
            base, opening = self.cost, 1.0
        rows = self.rows
        cost, size = less_column_sums(
            rows.column_pointers, rows.column_rows, self.row_prices(prices), base
        )
        if self.counted is not None and len(prices.cuts):
            earned = self.counted.earned(prices.cuts, len(cost))
            cost, size = cost - earned, size + earned
        self.conflict_prices(prices, cost, size)
        return Reduced(cost=cost, size=size, opening=opening * self.rules.site_cost)

    def constant(self, prices: Prices, state: State) -> tuple[float, float]:
        """Return the part of the bound that no option changes, and its absolute terms."""
        u, rows = self.row_prices(prices), self.rows
        if self.kind is Kind.ALL:
            terms = rows.k * u
            limits = [-math.fsum(prices.conflict.tolist())]
        elif self.kind is Kind.MOST:
            terms = -np.maximum(0.0, rows.weight - rows.k * u)
            terms[state.left < rows.k] = 0.0
            limits = self.limit_constant(prices)
        else:
            theta = prices.zone if len(prices.zone) else np.zeros(len(self.need))
            gain = u - theta[rows.zone] * rows.weight
            unserved, right = self._cut_terms(prices)
            terms = np.where(self.hard(state), gain, np.minimum(unserved, gain))
            nothing = (state.left < 1) | (rows.weight == 0)
            terms[nothing] = unserved[nothing]
            limits = [*(theta * self.need).tolist(), -math.fsum(prices.conflict.tolist()), *right]
        size = float(np.abs(terms).sum()) + math.fsum(abs(term) for term in limits)
        if self.kind is not Kind.ALL:  # differences, whose parts are rounded
            rounded = (u > 0) & (state.left >= rows.k)
            size += 2.0**-4 * float((rows.weight + rows.k * u)[rounded].sum())
        return float(summed(terms)) + math.fsum(limits), size

    def _cut_terms(self, prices: Prices) -> tuple[FloatArray, list[float]]:
        """Return what a row adds that stays unserved, (r,), and what the cuts ask for."""
        rows = len(self.rows.weight)
        if self.counted is None or not len(prices.cuts):
            return np.zeros(rows), []
        right = (prices.cuts * self.counted.right).tolist()
        return -self.counted.charged(prices.cuts, rows), right

    def able(self, state: State) -> FloatArray:
        """Return the weight of each zone that the options left can serve."""
        weight = np.where(state.left >= 1, self.rows.weight, 0.0)
        return grouped(weight, self.rows.zone, len(self.need))

    def hard(self, state: State) -> npt.NDArray[np.bool_]:
        """Return the rows that must be served, (r,)."""
        if self.kind is Kind.ALL:
            return np.ones(len(self.rows.weight), dtype=bool)
        if self.kind is Kind.MOST:
            return np.zeros(len(self.rows.weight), dtype=bool)
        spare = (self.able(state) - self.need)[self.rows.zone]
        return self.asked & (self.rows.weight > spare) & (state.left >= 1)

    def dead(self, state: State) -> bool:
        """Tell whether a row or a zone cannot be served any more."""
        if self.kind is Kind.ALL:
            return bool((state.left < self.rows.k).any())
        if self.kind is Kind.SHARE:
            return bool((self.able(state) < self.need).any())
        return False

    def forced(self, state: State) -> IndexArray:
        """Return the free options of rows that must be served and have none to spare."""
        if self.kind is Kind.MOST:
            return np.zeros(0, dtype=np.intp)
        k = self.rows.k if self.kind is Kind.ALL else 1
        tight = np.flatnonzero(self.hard(state) & (state.left == k))
        return free_options(self.rows.pointers, self.rows.options, state.decided, tight)

    def _options(self, row: int) -> IndexArray:
        begin, end = self.rows.pointers[row : row + 2]
        return self.rows.options[begin:end].astype(np.intp)

    def covers(self, decided: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
        """Return how many chosen options cover each row, (r,)."""
        chosen = np.where(decided > 0, 0, -1).astype(np.int8)
        return options_left(self.rows.pointers, self.rows.options, chosen)

    def value(self, state: State) -> float:
        """Return the objective when every option is decided."""
        if self.broken(state):
            return math.inf
        served = self.covers(state.decided) >= self.rows.k
        chosen = state.decided > 0
        if self.kind is Kind.MOST:
            return -float(summed(self.rows.weight[served]))
        if self.kind is Kind.ALL:
            kept = bool(served.all())
        else:
            weight = np.where(served, self.rows.weight, 0.0)
            kept = bool((grouped(weight, self.rows.zone, len(self.need)) >= self.need).all())
        return self.spent(chosen) if kept else math.inf

    def programme(self, state: State) -> Programme:
        """Return the whole programme over the options that are not left out."""
        rows = self.rows
        options = np.flatnonzero(state.decided >= 0)
        place = np.full(self.rules.options, -1, dtype=np.intp)
        builder = Builder()
        cost = np.zeros(len(options)) if self.kind is Kind.MOST else self.cost[options]
        place[options] = builder.variables(
            cost, integer=True, lower=(state.decided[options] > 0).astype(np.float64)
        )
        self.rule_rows(builder, options, price_sites=self.kind is not Kind.MOST)
        met = self.covers(state.decided) >= rows.k
        open_ = np.flatnonzero(
            self.asked & ~met & ((state.left >= rows.k) | (self.kind is Kind.ALL))
        )
        number = len(open_)
        lengths = rows.pointers[open_ + 1] - rows.pointers[open_]
        entries = np.concatenate(
            [np.zeros(0, dtype=np.intp), *(self._options(row) for row in open_.tolist())]
        )
        line = np.repeat(np.arange(number), lengths)
        kept = place[entries] >= 0
        columns, line = place[entries[kept]], line[kept]
        ones = np.ones(len(columns))
        if self.kind is Kind.ALL:
            builder.many(line, columns, ones, number, rows.k[open_].astype(np.float64), math.inf)
            return builder.build(0.0)
        weight = rows.weight[open_]
        gain = -weight if self.kind is Kind.MOST else np.zeros(number)
        served = builder.variables(gain, integer=rows.k[open_] > 1)
        builder.many(
            np.concatenate([line, np.arange(number)]),
            np.concatenate([columns, served]),
            np.concatenate([ones, -rows.k[open_].astype(np.float64)]),
            number,
            0.0,
            math.inf,
        )
        sure = np.where(met, rows.weight, 0.0)
        if self.kind is Kind.MOST:
            return builder.build(-float(summed(sure)))
        have = grouped(sure, rows.zone, len(self.need))
        for zone in np.flatnonzero(self.need > have):
            here = np.flatnonzero(rows.zone[open_] == zone)
            scale = 1.0 if self.step_of_weights else float(self.need[zone])
            wanted = (self.need[zone] - have[zone]) / scale
            builder.row(served[here], weight[here] / scale, wanted, math.inf)
        return builder.build(0.0)

    @property
    def step_of_weights(self) -> float:
        """The number of which all weights are multiples, 0 for none."""
        return common_step(self.rows.weight)
