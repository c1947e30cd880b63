"""Replay of a certificate's tree: every path must end where nothing better than the claim is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.errors import Problem
from siting.location.checking.programme import proven_least
from siting.location.checking.question import Question, Reduced, State
from siting.location.checking.sums import TERM_ERROR, TOP_ERROR
from siting.location.solution import Node, Prices

#: Relative error granted to a claim about an objective that is no multiple of a step.
SAME = 1e-9
#: Relative error granted to such a claim where prices or an evaluation must reach it.
ROUNDING = 1e-12
#: Share of a step by which a programme's limit must pass the step before the claim.
PART_OF_STEP = 1e-6
_MOST_PROBLEMS = 5
_KEPT_REDUCED = 64
_MOST_ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outside:
    """What of a root's bound is proven elsewhere: blocks with their proven bounds.

    Parameters
    ----------
    skip
        Options that the blocks count, (m,).
    bound
        Sum of the blocks' bounds.
    size
        Sum of their absolute values.
    """

    skip: npt.NDArray[np.bool_]
    bound: float = 0.0
    size: float = 0.0


@dataclass(slots=True, kw_only=True, eq=False)
class Replay:
    """One walk through a tree.

    Parameters
    ----------
    question
        What is asked.
    prices, nodes
        Of the certificate.
    claim
        Limit to be reached, as a minimisation.
    where
        Name of the certificate in messages.
    clock
        When to give up.
    outside
        What blocks contribute at the root.
    """

    question: Question
    prices: Sequence[Prices]
    nodes: Sequence[Node]
    claim: float
    where: str
    clock: Clock
    outside: Outside
    problems: list[Problem] = field(default_factory=list)
    kept: dict[int, Reduced] = field(default_factory=dict)

    def run(self, state: State) -> list[Problem]:
        """Walk through the tree from the root's decisions; return what is wrong."""
        visited = np.zeros(len(self.nodes), dtype=bool)
        todo: list[tuple[int, int, int, int, int]] = [(0, -1, 0, -1, len(state.trail))]
        while todo and len(self.problems) < _MOST_PROBLEMS:
            if self.clock.expired():
                self.fault("nodes", "not checked within the time given")
                break
            index, option, value, priced, depth = todo.pop()
            self.question.undo(state, depth)
            if visited[index]:
                self.fault(f"nodes[{index}]", "is reached twice")
                continue
            visited[index] = True
            node = self.nodes[index]
            if option >= 0:
                if state.decided[option] == -value:
                    continue  # decided otherwise above: nothing better lies on this side
                if state.decided[option] == 0:
                    self.question.decide(state, np.array([option]), value)
            priced = node.prices if node.prices >= 0 else priced
            if self.closed(index, state, priced):
                continue
            if node.option < 0:
                self.leaf(index, state, priced)
                continue
            mark = len(state.trail)
            todo += [(node.excluded, node.option, -1, priced, mark)]
            todo += [(node.included, node.option, 1, priced, mark)]
        return self.problems

    def fault(self, place: str, what: str) -> None:
        """Note what is wrong."""
        self.problems.append(Problem(f"{self.where}.{place}", what))

    def reaches(self, limit: float) -> bool:
        """Tell whether a proven lower limit leaves nothing below the claim."""
        step = self.question.step
        if step and math.isfinite(self.claim):
            return limit > (math.ceil(self.claim / step) - 1) * step
        return limit >= less(self.claim, ROUNDING)

    def closed(self, index: int, state: State, priced: int) -> bool:
        """Decide what prices and rules decide; tell whether that closes a node."""
        for _ in range(_MOST_ROUNDS):
            if not self.kept_by_rules(state):
                return True
            found = self.decided_by_prices(index, state, priced)
            if found is None:
                return True
            if not len(found[0]) and not len(found[1]):
                break
            self.question.decide(state, found[0], 1)
            self.question.decide(state, found[1], -1)
        kernel = self.nodes[index].option < 0 and self.nodes[index].closing == "kernel"
        if (state.decided == 0).any() or (kernel and not self.question.exact):
            return False
        return self.reached_by(self.question.value(state), exact=self.question.exact)

    def reached_by(self, limit: float, *, exact: bool) -> bool:
        """Tell whether an evaluation, or what a solver proves, leaves nothing below the claim."""
        if exact:
            return self.reaches(limit)
        step = self.question.step
        if step and math.isfinite(self.claim):
            return self.reaches(limit - PART_OF_STEP * step)
        return limit >= less(self.claim, SAME)

    def kept_by_rules(self, state: State) -> bool:
        """Decide what the rules decide; False when no choice is left that keeps them."""
        question = self.question
        while True:
            if question.broken(state) or question.dead(state):
                return False
            barred, forced = question.barred(state), question.forced(state)
            if not len(barred) and not len(forced):
                return True
            if len(barred) and np.isin(barred, forced).any():
                return False
            question.decide(state, barred, -1)
            question.decide(state, forced, 1)

    def decided_by_prices(
        self, index: int, state: State, priced: int
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None:
        """Return options that must be taken and left out; None when the bound closes the node."""
        question = self.question
        prices = self.prices[priced] if priced >= 0 else zero_prices(question)
        reduced = self.reduced(priced, prices)
        constant, size = question.constant(prices, state)
        skip, more, more_size = np.zeros(len(state.decided), dtype=bool), 0.0, 0.0
        if index == 0:
            skip, more, more_size = self.outside.skip, self.outside.bound, self.outside.size
        total, top, terms, taken, left = question.minimum(state, reduced, skip)
        error = TOP_ERROR * (size + top + more_size) + TERM_ERROR * terms
        bound = constant + more + total - error
        if self.reaches(bound):
            return None
        free = (state.decided == 0) & ~skip
        need = self.missing(bound)
        out, into = free & (taken > need), free & (left > need)
        return None if (out & into).any() else (np.flatnonzero(into), np.flatnonzero(out))

    def missing(self, bound: float) -> float:
        """Return how much more than this a bound needs to reach the claim."""
        step = self.question.step
        if step and math.isfinite(self.claim):
            need = (math.ceil(self.claim / step) - 1) * step - bound
        else:
            need = less(self.claim, ROUNDING) - bound
        return max(need, 0.0) * (1 + TOP_ERROR)

    def reduced(self, priced: int, prices: Prices) -> Reduced:
        """Return what prices make of the options; the latest are kept."""
        if priced not in self.kept:
            if len(self.kept) >= _KEPT_REDUCED:
                del self.kept[next(iter(self.kept))]
            self.kept[priced] = self.question.reduced(prices)
        return self.kept[priced]

    def leaf(self, index: int, state: State, priced: int) -> None:
        """Close a leaf as it says, or note that it is not closed."""
        node = self.nodes[index]
        place = f"nodes[{index}]"
        if node.closing != "kernel":
            if self.decided_by_prices(index, state, -1) is None:
                return  # what needs no prices: all demand, or no cost
            free = int((state.decided == 0).sum())
            self.fault(place, f"is not closed: {free} options are left free, or a better answer")
            return
        question = self.question
        prices = self.prices[priced] if priced >= 0 else zero_prices(question)
        kernel = question.kernel(state, prices, self.missing)
        limit = proven_least(kernel, claim=self.claim, step=question.step, clock=self.clock)
        if not self.reached_by(limit, exact=False):
            self.fault(
                place, f"its programme has the limit {limit:.12g}, claimed {self.claim:.12g}"
            )


def less(value: float, share: float) -> float:
    """Return a value less a share of its size; an infinite one as it is."""
    return value - share * abs(value) if math.isfinite(value) else value


def zero_prices(question: Question) -> Prices:
    """Return prices that prove only what costs without any benefit prove."""
    return Prices(demand=np.zeros(question.priced_rows), zone=np.zeros(question.zones))


def price_faults(question: Question, prices: Sequence[Prices], where: str) -> list[Problem]:
    """List the price vectors that are no multipliers of the question."""
    problems = []
    for index, vector in enumerate(prices):
        parts: list[tuple[str, npt.NDArray[np.floating], int, bool]] = [
            ("demand", np.asarray(vector.demand), question.priced_rows, question.signed),
            ("zone", np.asarray(vector.zone), question.zones, False),
            ("conflict", np.asarray(vector.conflict), len(question.rules.conflicts), False),
            ("limit", np.array([vector.limit]), 1, False),
            ("capacity", np.array([vector.capacity]), 1, False),
            ("cuts", np.asarray(vector.cuts), question.cuts, False),
        ]
        for name, values, length, signed in parts:
            at = f"{where}.prices[{index}].{name}"
            if values.shape != (length,) and (name == "demand" or values.shape != (0,)):
                problems.append(Problem(at, f"has shape {values.shape}, needs ({length},)"))
            elif not np.isfinite(values).all() or (not signed and (values < 0).any()):
                problems.append(Problem(at, "holds a value that is not finite, or below 0"))
        if vector.capacity and not question.filled:
            what = "has no meaning where demand need not be served whole"
            problems.append(Problem(f"{where}.prices[{index}].capacity", what))
    return problems


def node_faults(nodes: Sequence[Node], options: int, prices: int, where: str) -> list[Problem]:
    """List the nodes that do not make a tree over existing options and prices."""
    problems = []
    for index, node in enumerate(nodes):
        at, children = f"{where}.nodes[{index}]", (node.excluded, node.included)
        if not -1 <= node.prices < prices:
            problems.append(Problem(f"{at}.prices", f"names {node.prices} of {prices}"))
        if node.option == -1:
            if children != (-1, -1):
                problems.append(Problem(at, "a leaf has children"))
            if node.closing not in {"prices", "decided", "kernel"}:
                problems.append(Problem(f"{at}.closing", f"is {node.closing!r}"))
        elif not 0 <= node.option < options:
            problems.append(Problem(f"{at}.option", f"is {node.option}, outside 0..{options - 1}"))
        elif not all(0 < child < len(nodes) for child in children) or children[0] == children[1]:
            problems.append(Problem(at, f"has the children {children}, needs two nodes"))
    return problems[:_MOST_PROBLEMS]
