"""Prices of a capacitated network, and the bounds they prove."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.capacitated.knapsacks import reduced_costs
from siting.location.capacitated.lagrangian import LEAST_STEP, appraise, ascend
from siting.location.capacitated.network import FloatArray, Kind, Network
from siting.location.capacitated.packing import pack_each
from siting.location.capacitated.pieces import capacity_pieces, whole_sizes
from siting.location.solution import Prices

#: Relative error of the sums of a bound, counted against their absolute terms.
ROUNDING = 2.0**-38
#: Arcs looked at between two looks at the clock.
ARCS_PER_ROUND = 8_000_000

Flags = npt.NDArray[np.int8]
Chosen = npt.NDArray[np.bool_]


@dataclass(slots=True, kw_only=True)
class Multipliers:
    """Prices of one node; `value` is the bound they gave where they were found."""

    u: FloatArray
    nu: FloatArray
    theta: FloatArray
    lam: float = 0.0
    value: float = -np.inf
    step: float = 1.0
    chosen: FloatArray = field(default_factory=lambda: np.zeros(0))


class Relaxation:
    """The Lagrangian relaxation of a network, with options decided or free.

    Parameters
    ----------
    network
        The model.

    Notes
    -----
    Decisions are flags (m,): 1 chosen, -1 left out, 0 free. Bounds are of the minimised objective.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        rules = network.rules
        order = np.argsort(rules.site, kind="stable").astype(np.int32)
        first = np.zeros(len(rules.max_options) + 1, dtype=np.int32)
        hosted = np.bincount(rules.site, minlength=len(rules.max_options))
        np.cumsum(hosted, out=first[1:])
        most = np.minimum(rules.max_options, hosted).astype(np.int32)
        self._sites = (first, order, most, network.site_cost, network.site_use)
        zone_row = np.argsort(network.zone, kind="stable").astype(np.int32)
        zone_start = np.zeros(len(network.spare) + 1, dtype=np.int32)
        np.cumsum(np.bincount(network.zone, minlength=len(network.spare)), out=zone_start[1:])
        self._zones = (zone_start, zone_row)
        self._pairs = rules.conflicts.astype(np.int32).reshape(-1, 2)
        self._floor = self._least_prices()
        self._size, self._room = whole_sizes(network)
        self._piece, self._need = capacity_pieces(network)
        self.root = np.zeros(network.options, dtype=np.int8)
        self.root[rules.forbidden] = -1
        self.root[rules.fixed] = 1

    def _least_prices(self) -> FloatArray:
        network = self.network
        floor = np.zeros(network.rows)
        if network.kind is Kind.ASSIGN and len(network.unit):
            least = np.full(network.rows, np.inf)
            np.minimum.at(least, network.row, network.unit)
            floor = np.where(np.isfinite(least), least, 0.0)
        return floor

    def _data(self, flag: Flags) -> tuple[Any, ...]:
        net = self.network
        return (
            net.weight, net.capacity, net.cost, net.use, net.limit, self._floor,
            (net.start, net.row, net.unit), self._sites, self._zones, net.spare, flag, self._pairs,
            self._size, self._room, self._piece, self._need,
        )  # fmt: skip

    def first(self) -> Multipliers:
        """Return prices to begin with."""
        if self.network.kind is not Kind.SERVE:
            return self._even(0.0)
        return max((self._even(1.0), self._even(0.5)), key=lambda prices: prices.value)

    def least(self) -> Multipliers:
        """Return prices that prove the bound every question has."""
        return self._even(0.0)

    def _even(self, price: float) -> Multipliers:
        """Return even prices, with the best price of the limit for them."""
        net = self.network
        u = np.maximum(self._floor, price)
        nu, theta = np.zeros(len(self._pairs)), np.zeros(len(net.spare))
        start = Multipliers(u=u, nu=nu, theta=theta)
        return self.climb(
            self.root, start, target=1.0, cutoff=-np.inf, steps=1, clock=Clock(), step=1.0
        )

    def climb(
        self,
        flag: Flags,
        start: Multipliers,
        *,
        target: float,
        cutoff: float,
        steps: int,
        clock: Clock,
        step: float | None = None,
    ) -> Multipliers:
        """Return better prices for a node, from those of another.

        Parameters
        ----------
        flag
            Decisions of the node.
        start
            Prices to begin with.
        target
            Value of the best answer known, or a guess: the scale of the steps.
        cutoff
            The bound that is enough.
        steps
            Most subgradient steps.
        clock
            Ends the climb.
        step
            Length of the first step; that of `start` when left out.
        """
        net = self.network
        best = Multipliers(
            u=start.u.copy(), nu=start.nu.copy(), theta=start.theta.copy(),
            step=start.step if step is None else step,
        )  # fmt: skip
        answer = (np.full(net.rows, -1.0), np.zeros(net.options))
        left, chunk = steps, max(1, ARCS_PER_ROUND // max(1, len(net.row)))
        u, nu = start.u, start.nu
        while left > 0 and not clock.expired():
            record = (np.empty(net.rows), np.empty(len(nu)), np.empty(len(net.spare)))
            value, lam, best.step = ascend(
                net.kind.value, u, nu, self._data(flag), record, answer, target, cutoff,
                min(chunk, left), best.step,
            )  # fmt: skip
            left -= chunk
            if value > best.value:
                best.value, best.lam = value, lam
                best.u, best.nu, best.theta = record
            u, nu = best.u, best.nu
            if best.value >= cutoff or best.step < LEAST_STEP:
                break
        best.chosen = answer[1]
        return best

    @property
    def packs(self) -> bool:
        """Whether the knapsacks of the options are solved in whole demand points."""
        return len(self._size) > 0

    def appraise(self, flag: Flags, prices: Multipliers) -> tuple[float, Chosen, FloatArray]:
        """Return the proven bound of a node, what its least cost takes, and every option's lift.

        The bound is rounded down by more than its sums can err. The lift of a free option is how
        much the bound rises when it is decided the other way.
        """
        m = self.network.options
        reduced, chosen, lift = np.empty(m), np.empty(m), np.empty(m)
        value, size = appraise(
            self.network.kind.value, prices.u, prices.nu, prices.lam, prices.theta,
            self._data(flag), reduced, chosen, lift,
        )  # fmt: skip
        return value - ROUNDING * size, chosen > 0, lift

    def arcs_left(self, flag: Flags, prices: Multipliers, claim: float) -> npt.NDArray[np.bool_]:
        """Return the arcs, by demand point, whose use does not lift the bound to a claim.

        All arcs of options not left out where demand is not packed whole.
        """
        net = self.network
        may = np.repeat(flag >= 0, np.diff(net.start))
        if not self.packs or not math.isfinite(claim):
            return may[net.place]
        m = net.options
        reduced, chosen, lift, extra = np.empty(m), np.empty(m), np.empty(m), np.empty(len(net.row))
        bound, size = appraise(
            net.kind.value, prices.u, prices.nu, prices.lam, prices.theta, self._data(flag),
            reduced, chosen, lift,
        )  # fmt: skip
        opening = np.where((flag == 0) & (chosen <= 0), lift, 0.0)
        arcs = (net.start, net.row, net.unit)
        pack_each(prices.u, flag, self._size, self._room, net.weight, arcs, extra)
        least = bound - ROUNDING * size + np.repeat(opening, np.diff(net.start)) + extra
        return (may & (least < claim))[net.place]

    def reduced(self, u: FloatArray) -> FloatArray:
        """Return the reduced cost ``f_j + V_j(u)`` of every option that is not forbidden, (m,)."""
        net, m = self.network, self.network.options
        reduced, edge, share = np.empty(m), np.empty(m), np.empty(m)
        arcs = (net.start, net.row, net.unit)
        reduced_costs(u, self.root, net.weight, net.capacity, net.cost, arcs, reduced, edge, share)
        return reduced

    def reaches_all(self, flag: Flags) -> bool:
        """Tell whether every demand point has an option that is not left out."""
        net = self.network
        arcs = (flag >= 0)[net.option]
        return bool(
            (
                np.add.reduceat(np.append(arcs, False), net.row_start[:-1])[
                    np.diff(net.row_start) > 0
                ]
                > 0
            ).all()
            and (np.diff(net.row_start) > 0).all()
        )

    def export(self, prices: Multipliers) -> Prices:
        """Return prices as a certificate holds them."""
        net = self.network
        conflict = prices.nu.copy() if prices.nu.any() else np.zeros(0)
        if net.kind is Kind.ASSIGN:
            demand, zone = prices.u.copy(), np.zeros(0)
        elif net.kind is Kind.SERVE:
            demand, zone = 1.0 - prices.u, np.zeros(0)
        else:
            demand, zone = np.maximum(prices.theta[net.zone] - prices.u, 0.0), prices.theta.copy()
        return Prices(demand=demand, zone=zone, limit=prices.lam, conflict=conflict)
