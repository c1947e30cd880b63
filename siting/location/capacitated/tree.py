"""Branch and bound on the options, every node bounded by its own Lagrangian prices."""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from siting.clock import Clock
from siting.location.capacitated.network import FloatArray, Kind, Network
from siting.location.capacitated.relaxation import Flags, Multipliers, Relaxation
from siting.location.solution import Certificate, Node, Prices

log = logging.getLogger(__name__)

#: Relative distance at which a bound of a continuous objective meets the value.
MEETS = 0.9e-9
#: Largest whole number that is counted as one.
MOST_WHOLE = 2.0**50


@dataclass(slots=True)
class _Case:
    """One node as it grows."""

    parent: int
    flag: Flags
    multipliers: Multipliers
    bound: float
    prices: int = -1
    option: int = -1
    excluded: int = -1
    included: int = -1
    closing: str = "prices"


def objective_step(network: Network) -> float:
    """Return the greatest number of which every objective value is a multiple, 0 without one.

    Notes
    -----
    With whole demands and capacities some best service by given sites is whole too (flows).
    """
    carried = network.weight[network.row] * network.unit
    flow = _divisor(network.weight, network.capacity)
    if network.kind is Kind.REQUIRE:
        return _divisor(network.cost, network.site_cost)
    if network.kind is Kind.SERVE:
        return _divisor(network.weight) if network.single else flow
    opening = _divisor(network.cost, network.site_cost)
    if not opening and (network.cost.any() or network.site_cost.any()):
        return 0.0
    if not network.unit.any():
        return opening
    unit = _divisor(network.unit)
    service = _divisor(carried) if network.single and _divisor(network.weight) else flow
    service = service if network.single else flow * unit
    if not unit or not service:
        return 0.0
    return _divisor(np.array([opening, service]))


def _divisor(*parts: FloatArray) -> float:
    """Return the greatest common divisor of values, 0 unless all are whole."""
    values = np.concatenate(parts)
    if values.max(initial=0.0) > MOST_WHOLE or (values != np.rint(values)).any():
        return 0.0
    return float(np.gcd.reduce(values.astype(np.int64)))


class Proof:
    """A tree of cases, and what it proves.

    Parameters
    ----------
    relaxation
        The model.
    clock
        Ends the search.
    """

    def __init__(self, relaxation: Relaxation, clock: Clock) -> None:
        self.relaxation = relaxation
        self.network = relaxation.network
        self.clock = clock
        self.step = objective_step(self.network)
        self.cases: list[_Case] = []
        self._prices: list[Prices] = []
        self._open: list[tuple[float, int]] = []
        self._stuck = math.inf

    def meets(self, value: float) -> float:
        """Return the claim that counts as equal to a value."""
        if self.step > 0.0 or not math.isfinite(value):
            return value
        scale = abs(self.network.total - value) if self.network.kind is Kind.SERVE else abs(value)
        return value - MEETS * scale

    def enough(self, value: float) -> float:
        """Return the bound that rules out anything better than a value."""
        if self.step > 0.0 and math.isfinite(value):
            return value - self.step * (1.0 - 1e-6)
        return self.meets(value)

    def plant(self, multipliers: Multipliers) -> None:
        """Begin with the root and its prices."""
        flag = self.relaxation.root.copy()
        self._add(-1, flag, multipliers, -math.inf)
        self._settle(0, multipliers)

    @property
    def bound(self) -> float:
        """What the tree proves so far, of the minimised objective."""
        return min(self._stuck, self._open[0][0] if self._open else math.inf)

    @property
    def pending(self) -> bool:
        """Whether a case is still open."""
        return bool(self._open) or math.isfinite(self._stuck)

    @property
    def free(self) -> int:
        """Number of options of the root that its prices have not decided."""
        return int(np.count_nonzero(self.cases[0].flag == 0))

    def decided(self) -> Flags:
        """Return the decisions at the root."""
        return self.cases[0].flag

    def tighten(self, value: float) -> bool:
        """Decide options of a lone root anew for a better value; tell whether it is closed."""
        closed = self._decide(0, value)
        self._open = [] if closed else [(self.cases[0].bound, 0)]
        return closed

    def grow(
        self,
        value: float,
        *,
        nodes: int,
        steps: int,
        visit: Callable[[Flags, FloatArray], float],
        finish: Callable[[Flags, Multipliers], tuple[float, str]],
        near: Callable[[], bool],
    ) -> float:
        """Split open cases until none can hold anything better than `value`.

        Parameters
        ----------
        value
            Value of the best answer known.
        nodes, steps
            Most nodes, and most subgradient steps at each.
        visit
            Called with the decisions of a node and the average Lagrangian choice; tries to find a
            better answer and returns the best value known.
        finish
            Called with the decisions and prices of a case before it is split; searches it to its
            end where it is small, returns the best value known and how the case is closed, empty
            when it is not.
        near
            Tells whether the bound is good enough.

        Returns
        -------
        float
            The best value known at the end.
        """
        while self._open and len(self.cases) < nodes and not self.clock.expired():
            bound, index = self._open[0]
            if bound >= self.enough(value) or near():
                break
            heapq.heappop(self._open)
            case = self.cases[index]
            value, closing = finish(case.flag, case.multipliers)
            if closing:
                case.closing = closing
                continue
            if not (case.flag == 0).any():
                case.closing = "kernel"
                self._stuck = min(self._stuck, case.bound)
                continue
            option = self._branch(case)
            for sign in (1, -1):
                flag = case.flag.copy()
                flag[option] = sign
                child = self._add(index, flag, case.multipliers, case.bound)
                if sign > 0:
                    case.included = child
                else:
                    case.excluded = child
                value = min(value, self._bound_child(child, value, steps, visit))
            case.option = option
        return value

    def _bound_child(
        self,
        index: int,
        value: float,
        steps: int,
        visit: Callable[[Flags, FloatArray], float],
    ) -> float:
        case = self.cases[index]
        if self._breaks_rules(case.flag):
            case.closing = "kernel"
            return value
        enough = self.enough(value)
        bound, _, _ = self.relaxation.appraise(case.flag, case.multipliers)
        if bound < enough:
            target = value + 0.2 * abs(value - bound) if math.isfinite(value) else bound + 1.0
            multipliers = self.relaxation.climb(
                case.flag, case.multipliers, target=target, cutoff=enough + 1e-9 * abs(enough),
                steps=steps, clock=self.clock, step=max(0.1, case.multipliers.step),
            )  # fmt: skip
            if multipliers.value > bound or not len(case.multipliers.chosen):
                self._settle(index, multipliers)
            else:
                case.multipliers.chosen = multipliers.chosen
                case.bound = max(case.bound, bound)
        else:
            case.bound = max(case.bound, bound)
        if case.bound < enough:
            value = min(value, visit(case.flag, case.multipliers.chosen))
        if not self._decide(index, value):
            heapq.heappush(self._open, (case.bound, index))
        return value

    def _add(self, parent: int, flag: Flags, multipliers: Multipliers, bound: float) -> int:
        self.cases.append(_Case(parent, flag, multipliers, bound))
        return len(self.cases) - 1

    def _settle(self, index: int, multipliers: Multipliers) -> None:
        """Give a case prices of its own."""
        case = self.cases[index]
        case.multipliers = multipliers
        case.prices = len(self._prices)
        self._prices.append(self.relaxation.export(multipliers))
        bound, _, _ = self.relaxation.appraise(case.flag, multipliers)
        case.bound = max(case.bound, bound)
        if case.parent < 0:
            self._open = [(case.bound, index)]

    def _decide(self, index: int, value: float) -> bool:
        """Decide what the prices of a case decide; tell whether that closes it."""
        case = self.cases[index]
        if case.bound >= self.enough(value):
            return True
        claim = self.meets(value)
        while math.isfinite(claim):
            bound, chosen, lift = self.relaxation.appraise(case.flag, case.multipliers)
            sure = (case.flag == 0) & (bound + lift >= claim)
            if not sure.any():
                break
            case.flag[sure] = np.where(chosen[sure], 1, -1)
            if self._breaks_rules(case.flag):
                case.closing = "kernel"
                return True
        return False

    def _breaks_rules(self, flag: Flags) -> bool:
        """Tell whether what is chosen already breaks a rule, or the rest cannot hold the demand."""
        network = self.network
        chosen = flag > 0
        rules = network.rules
        if len(rules.conflicts) and chosen[rules.conflicts].all(axis=1).any():
            return True
        if not rules.plain:
            count = np.bincount(rules.site[chosen], minlength=len(rules.max_options))
            if (count > rules.max_options).any():
                return True
        if not network.within_limit(network.used(chosen)):
            return True
        if network.kind is not Kind.ASSIGN:
            return False
        room = float(network.capacity[flag >= 0].sum())
        if room < network.total * (1.0 - 1e-9):
            return True
        return not self.relaxation.reaches_all(flag)

    def _branch(self, case: _Case) -> int:
        """Return the free option on which to split: the least certain one that matters most."""
        free = np.flatnonzero(case.flag == 0)
        _, _, lift = self.relaxation.appraise(case.flag, case.multipliers)
        mean = np.clip(case.multipliers.chosen[free], 0.0, 1.0)
        weight = np.minimum(mean, 1.0 - mean) + 0.01
        size = lift[free] + 0.01 * (np.abs(lift[free]).max() + 1e-12)
        use = np.maximum(self.network.capacity[free], 1e-9) ** 0.5
        return int(free[np.argmax(weight * weight * use * size**0.25)])

    def close_root(self) -> None:
        """Note that a complete branch and bound over what is free at the root found the best."""
        self.cases = self.cases[:1]
        root = self.cases[0]
        root.option = root.excluded = root.included = -1
        root.closing = "kernel"
        self._prices = self._prices[:1]
        self._open, self._stuck = [], math.inf

    def certificate(self, value: float) -> Certificate:
        """Return the certificate of what is proven, given the best value known."""
        claim = self.meets(value)
        if self.pending and self.bound < self.enough(value):
            claim = min(claim, self.bound)
            if self.step > 0.0:
                claim = math.ceil(claim / self.step - 1e-9) * self.step
        if self.network.kind is Kind.SERVE:
            claim = self.network.total - claim
        nodes = tuple(
            Node(
                prices=case.prices, option=case.option, excluded=case.excluded,
                included=case.included, closing=case.closing,
            )
            for case in self.cases
        )  # fmt: skip
        return Certificate(bound=claim, prices=tuple(self._prices), nodes=nodes)
