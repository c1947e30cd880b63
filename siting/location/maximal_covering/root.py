"""The root of the proof: prices of the whole problem and what they decide."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.maximal_covering.prices import Part, ascend, restrict, settle
from siting.location.maximal_covering.primal_dual import Saddle
from siting.location.maximal_covering.problem import Problem
from siting.location.maximal_covering.tree import Tree, cutoff, goal, push

log = logging.getLogger(__name__)

#: Entries touched between two looks at the clock.
ENTRIES_PER_LOOK = 2e7
#: Step size of the first steps at the root, and of those that go on from there.
FIRST_STEP, LATER_STEP = 1.0, 0.1
#: Steps at the root without a better bound after which steps are halved.
PATIENCE = 40
#: Primal-dual steps whose mean is tried as prices, how often at most, and the share of the gap by
#: which the bound must fall in them for more to be taken.
MEAN_STEPS, MOST_MEANS, WORTHWHILE = 200, 40, 0.004

FloatArray = npt.NDArray[np.float64]


def closes(problem: Problem, bound: float, value: float) -> bool:
    """Tell whether a bound leaves nothing better than a value."""
    return bound <= value or bound < cutoff(value, problem.step)


@dataclass(slots=True, kw_only=True, eq=False)
class Root:
    """Prices of the whole problem and the bound they prove.

    Parameters
    ----------
    problem
        The problem.

    Attributes
    ----------
    bound
        What the prices prove.
    reach
        The weight within reach: the bound of no prices.
    average
        How much of each option the linear relaxation chooses, roughly, (m,).
    settled
        Whether the prices are as good as those of the linear relaxation.
    """

    problem: Problem
    bound: float = field(init=False, default=math.inf)
    demand: npt.NDArray[np.float32] = field(init=False)
    conflict: FloatArray = field(init=False)
    lam: float = field(init=False, default=0.0)
    average: FloatArray = field(init=False)
    state: npt.NDArray[np.int8] = field(init=False)
    part: Part = field(init=False)
    reach: float = field(init=False)
    settled: bool = field(init=False, default=False)
    _u: FloatArray = field(init=False)
    _step: float = field(init=False, default=FIRST_STEP)
    _saddle: Saddle | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Begin with the bound that all demand within reach is served: no prices."""
        problem = self.problem
        self.state = problem.state.copy()
        self._close_rivals()
        self.part = restrict(problem.cover, problem.limits, self.state)
        self._u = np.zeros(len(self.part.row))
        self.conflict = np.zeros(len(problem.limits.pair))
        self.average = np.zeros(len(problem.state))
        self._settle()
        self.reach = self.bound

    def without_prices(self) -> None:
        """Go back to no prices, which prove that nothing beyond reach is served."""
        self._u[:] = 0.0
        self.conflict[:] = 0.0
        self._settle()

    def _close_rivals(self) -> None:
        limits = self.problem.limits
        for option in np.flatnonzero(self.state == 1) if len(limits.pair) else ():
            rivals = limits.rival[limits.rival_ptr[option] : limits.rival_ptr[option + 1]]
            self.state[rivals[self.state[rivals] == 0]] = -1

    def climb(self, value: float, clock: Clock) -> None:
        """Lower the bound until it closes on a value, settles, or the clock expires."""
        if self.settled or closes(self.problem, self.bound, value):
            return
        if self.problem.plain:
            self._approach(value, clock)
        else:
            self._follow(value, clock)

    def _approach(self, value: float, clock: Clock) -> None:
        """Take primal-dual steps and keep the best of their means."""
        problem, part = self.problem, self.part
        if self._saddle is None:
            self._saddle = Saddle(part, problem.limits)
        saddle = self._saddle
        per_look = max(1, int(ENTRIES_PER_LOOK / (1 + 3 * len(part.entry))))
        best, taken, worse = self._u, 0, 0
        while not clock.expired():
            saddle.advance(MEAN_STEPS, per_look, clock)
            taken += 1
            before, self._u = self.bound, saddle.u
            self._settle()
            if self.bound < before:
                best = self._u
                self.average[part.option] = saddle.x
            else:
                self.bound = before
            if closes(problem, self.bound, value):
                break
            if before - self.bound < WORTHWHILE * (self.bound - value):
                worse += 1
            self.settled = worse > 1 or taken >= MOST_MEANS
            if self.settled:
                self._saddle = None
                break
        self._u = best
        self._settle()
        log.info(
            "maximal covering: %d primal-dual steps, bound %.10g", taken * MEAN_STEPS, self.bound
        )

    def _follow(self, value: float, clock: Clock) -> None:
        """Take subgradient steps."""
        problem, part = self.problem, self.part
        aim = float(goal(value, problem.step))
        if not self._u.any():
            self._u = 0.5 * part.most
        u, nu = self._u.copy(), self.conflict.copy()
        best_u, best_nu = u.copy(), nu.copy()
        memory = np.zeros(3 + len(part.row) + len(part.pair))
        memory[0] = self._step
        steps = max(1, min(100, int(ENTRIES_PER_LOOK / (1 + len(part.entry)))))
        taken = 0
        while not clock.expired():
            reached = ascend(
                part,
                problem.limits,
                self.state,
                u,
                nu,
                best_u,
                best_nu,
                self.average,
                aim,
                memory,
                steps,
                PATIENCE,
            )
            taken += steps
            if reached <= aim or memory[0] == 0.0:
                break
        self._u, self.conflict = best_u, best_nu
        self._step = LATER_STEP
        self._settle()
        log.info("maximal covering: %d price steps, bound %.10g", taken, self.bound)

    def _settle(self) -> None:
        problem, part = self.problem, self.part
        self.demand = np.zeros(len(problem.cover.weight), dtype=np.float32)
        u = np.minimum(self._u, part.most).astype(np.float32)
        above = u.astype(np.float64) > part.most
        u[above] = np.nextafter(u[above], np.float32(0))
        self.demand[part.row] = u
        self._u = u.astype(np.float64)
        bound, lam, _, _ = settle(
            problem.cover, part, problem.limits, self.state, self._u, self.conflict
        )
        self.bound, self.lam = float(bound), float(lam)

    def undecided(self, value: float) -> int:
        """Return how many options the prices leave open when a value is known."""
        problem = self.problem
        bound, _, joined, left = settle(
            problem.cover, self.part, problem.limits, self.state, self._u, self.conflict
        )
        least = bound - np.maximum(joined, left)
        return int(((self.state == 0) & (least >= cutoff(value, problem.step))).sum())

    def decided(self, value: float) -> npt.NDArray[np.int8]:
        """Return which options the prices decide when a value is known: 1 in, -1 out, (m,)."""
        problem = self.problem
        bound, _, joined, left = settle(
            problem.cover, self.part, problem.limits, self.state, self._u, self.conflict
        )
        most = bound - cutoff(value, problem.step)
        state = self.state.copy()
        free = state == 0
        state[free & (joined > most)] = -1
        state[free & (left > most)] = 1
        return state

    def plant(self, tree: Tree) -> None:
        """Make the root the first waiting node of a tree."""
        tree.parent[0] = -1
        tree.state[0] = self.problem.state
        tree.demand[0] = self.demand
        tree.conflict[0] = self.conflict
        tree.bound[0] = self.bound
        tree.size[0] = 1
        push(tree, 0)
