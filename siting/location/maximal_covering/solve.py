"""The course of a maximal covering search: reduce, price, search, prove."""

from __future__ import annotations

import logging
import math

import numpy as np

from siting.location.control import (
    GAP_REACHED,
    NOTHING_BETTER,
    PROVEN,
    STOPPED,
    TIMED_OUT,
    Control,
    Found,
)
from siting.location.covering import MaximalCovering
from siting.location.maximal_covering.leaf import branch_and_cut, closable
from siting.location.maximal_covering.problem import Problem, core_of, reduce_model
from siting.location.maximal_covering.proof import Proof, claimed, root_certificate
from siting.location.maximal_covering.root import Root, closes
from siting.location.maximal_covering.search import Search
from siting.location.solution import Certificate
from siting.status import Sense

log = logging.getLogger(__name__)

#: Nodes that are tried before a longer search.
FIRST_NODES = 64
#: Sweeps before the prices, which need a value to aim at, over those of a round.
EARLY_SHARE = 0.08
#: Fewest and most sweeps of the first round of exchanges, and entries of the cover they touch in
#: between; every further round has twice as many.
FEWEST_SWEEPS, MORE_SWEEPS, ENTRIES = 250, 2000, 5e7
#: A round that would leave no time for another half as long again takes what is left of the time.
LAST_SHARE = 1.5
#: Sweeps after which a search without a tree ends.
MOST_SWEEPS = 64_000
#: A tree is worth growing when at most so many options are free at its root, and when the cover has
#: at most so many entries.
MOST_FREE, MOST_ENTRIES = 1_000, 500_000
#: Nodes examined after the first rounds of exchanges; doubled with the sweeps.
NODES_PER_ROUND = 256
#: Options of which the linear relaxation chooses at least this much are the core; it is searched
#: in the place of the whole when it has at most so many of the cover's entries.
CORE_FROM, CORE_SHARE = 0.01, 0.7
#: Nodes of the tree after which a small problem goes to branch and cut, once.
STALLED_NODES = 600


def solve_maximal_covering(model: MaximalCovering, control: Control) -> Found:
    """Find options that serve the most demand, and prove how much could be served at most.

    Parameters
    ----------
    model
        The model, with any of its rules.
    control
        When to end.

    Returns
    -------
    Found
        The best selection found and the proof of a bound. Fixed options that break a rule by
        themselves give no selection and a bound of minus infinity.
    """
    problem = reduce_model(model)
    course = Course(problem, control)
    if not course.possible:
        return Found(
            selected=None,
            certificate=Certificate(bound=-math.inf),
            ended="the fixed options break a rule",
        )
    ended = course.run()
    selected = np.flatnonzero(course.search.best).astype(np.intp)
    return Found(selected=selected, certificate=course.certificate(), ended=ended)


class Course:
    """One search from beginning to end.

    Parameters
    ----------
    problem
        The reduced problem.
    control
        When to end.
    """

    def __init__(self, problem: Problem, control: Control) -> None:
        self.problem, self.control = problem, control
        self.root = Root(problem=problem)
        self.possible = self._fixed_fit()
        self.proof: Proof | None = None
        self.bound = self.root.bound
        #: Whether branch and cut was asked, and whether it proved the best selection best.
        self.asked = self.cut = False
        #: Value that the prices aimed at last.
        self._aimed = -1.0
        if self.possible:
            threads = max(1, control.threads)
            self.search = Search(problem=problem, seed=control.seed, threads=threads)

    def _fixed_fit(self) -> bool:
        """Tell whether the fixed options keep the rules by themselves."""
        limits, fixed = self.problem.limits, np.flatnonzero(self.problem.state == 1)
        load = np.bincount(limits.site[fixed], minlength=len(limits.most))
        spent = limits.cost[fixed].sum() + limits.opening[load > 0].sum()
        chosen = self.problem.state == 1
        return (
            spent <= limits.limit * (1 + 1e-12)
            and bool((load <= limits.most).all())
            and not chosen[limits.pair].all(axis=1).any()
        )

    def run(self) -> str:
        """Search and prove until an end is reached; return why it ended."""
        clock, per_sweep = self.control.clock, self.search.entries_per_sweep()
        first = int(min(max(ENTRIES / per_sweep, FEWEST_SWEEPS), MORE_SWEEPS))
        if not self._over():
            self.search.round(int(EARLY_SHARE * first), clock)
        self._price()
        if not self._over() and self._treeable:
            self.proof = Proof(self.root, max(1, self.control.threads))
            self._grow(FIRST_NODES)
        elif not self._over():
            self._concentrate()
        sweeps, swept, pace = first, 0, 0.0
        while not self._over():
            fitting = clock.left_s / pace if pace > 0 else math.inf
            last = fitting < LAST_SHARE * sweeps
            now = max(1, int(fitting)) if last else sweeps
            began = clock.elapsed_s
            self.search.round(now, clock)
            pace = (clock.elapsed_s - began) / now
            self._price()
            if not self._over() and self._treeable:
                if self.proof is None:
                    self.proof = Proof(self.root, max(1, self.control.threads))
                self._grow(NODES_PER_ROUND * sweeps // first)
                self._cut()
            if last:
                continue
            swept += sweeps
            if swept >= MOST_SWEEPS and not self._growable:
                break
            sweeps *= 2
        return self._why(NOTHING_BETTER)

    def _concentrate(self) -> None:
        """Go on with the options that the linear relaxation chooses, if they are far fewer."""
        if not self.root.settled:
            return
        kept = (self.root.average >= CORE_FROM) | self.search.best
        core = core_of(self.problem, kept)
        if len(core.cover.row_col) > CORE_SHARE * len(self.problem.cover.row_col):
            return
        log.info(
            "maximal covering: core of %d options, %d rows, nnz=%d",
            kept.sum(),
            len(core.cover.weight),
            len(core.cover.row_col),
        )
        found, value = self.search.best, self.search.value
        self.search = Search(problem=core, seed=self.control.seed, threads=self.search.threads)
        self.search.offer(found, value)

    @property
    def _treeable(self) -> bool:
        """Whether a tree may come to an end."""
        if self.proof is not None:
            return True
        few = len(self.problem.cover.row_col) <= MOST_ENTRIES
        return few and self.root.undecided(self.search.value) <= MOST_FREE

    def _price(self) -> None:
        """Lower the bound of the root, unless a tree has grown out of it."""
        if self.proof is None and self.search.value > self._aimed:
            self._aimed = self.search.value
            self.root.climb(self.search.value, self.control.clock)
            self.bound = min(self.bound, self.root.bound)
        self._tell(0.1)

    @property
    def _growable(self) -> bool:
        return self.proof is not None and bool(self.proof.waiting) and not self.proof.full

    def _grow(self, nodes: int) -> None:
        """Grow the tree of cases; keep what it finds."""
        proof = self.proof
        if proof is None:
            return
        proof.know(self.search.best, self.search.value)
        examined = proof.grow(nodes, self.control.clock)
        self.search.offer(*proof.best())
        proof.know(self.search.best, self.search.value)
        self.bound = min(self.bound, max(proof.bound, self.search.value))
        log.info(
            "maximal covering: %d nodes, %d waiting, value %.10g, bound %.10g",
            examined,
            proof.waiting,
            self.search.value,
            self.bound,
        )
        self._tell(0.5)

    def _cut(self) -> None:
        """Close a small problem whose tree grew long by branch and cut; the check repeats it."""
        stalled = self.proof is not None and self.proof.nodes >= STALLED_NODES
        if self.asked or not stalled or self._over() or not closable(self.problem):
            return
        self.asked = True
        found, value, self.cut = branch_and_cut(
            self.problem,
            self.root.decided(self.search.value),
            self.search.best,
            self.search.value,
            self.control.clock,
        )
        self.search.offer(found, value)
        if self.cut:
            self.bound = self.search.value

    @property
    def _proven(self) -> bool:
        if self.cut:
            return True
        if closes(self.problem, self.bound, self.search.value):
            return True
        return self.proof is not None and self.proof.waiting == 0

    def _over(self) -> bool:
        """Tell whether there is nothing left to do, or no time to do it."""
        if not self._proven and closes(self.problem, self.root.reach, self.search.value):
            self.root.without_prices()
            self.bound, self.proof = self.root.bound, None
        gap = self.control.gap * abs(self.search.value)
        return self._proven or self.bound - self.search.value <= gap or self.control.clock.expired()

    def _why(self, otherwise: str) -> str:
        clock = self.control.clock
        if self._proven:
            return PROVEN
        if self.bound - self.search.value <= self.control.gap * abs(self.search.value):
            return GAP_REACHED
        if clock.stopped:
            return STOPPED
        return TIMED_OUT if clock.timed_out else otherwise

    def _tell(self, fraction: float) -> None:
        self.control.report(Sense.MAXIMISE, fraction, self.search.value, self.bound)

    def certificate(self) -> Certificate:
        """Return the proof of the bound."""
        claim = claimed(self.problem, self.bound, self.search.value)
        if self.cut:
            return root_certificate(self.root, claim, "kernel")
        if self.proof is None or claim >= claimed(self.problem, self.root.bound, self.search.value):
            return root_certificate(self.root, claim)
        return self.proof.certificate(claim)
