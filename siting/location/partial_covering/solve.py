"""Partial covering, from the model to an answer and its certificate."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt

from siting.location.control import PROVEN, Control, Found
from siting.location.covering import PartialCovering
from siting.location.partial_covering.exact import part_of
from siting.location.partial_covering.proof import SAME, Limit, claim_of, limit_of, step_of
from siting.location.partial_covering.reduce import Reduced, lift, reduce
from siting.location.partial_covering.relaxation import Duals
from siting.location.partial_covering.search import SMALL, Search
from siting.location.partial_covering.zero_half import Cuts, PricedCuts
from siting.location.solution import Certificate, Node, Prices
from siting.location.solution import Cuts as CertifiedCuts

log = logging.getLogger(__name__)

#: Why a search ends when there is nothing to find.
NO_ANSWER = "no choice keeps all rules together"
#: Entries of a kernel beyond which its branch and bound is not begun.
MOST_ENTRIES = 60_000
#: Branch-and-bound nodes spent on a kernel.
KERNEL_NODES = 200_000
#: Share of a step by which a branch and bound must pass the step before its answer.
PART_OF_STEP = 1e-6


def solve_partial_covering(model: PartialCovering, control: Control) -> Found:
    """Find the cheapest options that serve what every zone requires, with a proven limit.

    Parameters
    ----------
    model
        The question.
    control
        When to end, seed and gap.

    Returns
    -------
    Found
        The answer, and a certificate with one leaf: its prices prove the bound, or a complete
        branch and bound over the options that the prices leave open does.

    Notes
    -----
    Multipliers come from a linear programme and subgradient steps, answers from greedy choices,
    a heat-bath exchange and exact programmes; see :mod:`siting.location.partial_covering.search`.
    """
    reduced = reduce(model)
    if not reduced.possible:
        nothing = Certificate(bound=np.inf, nodes=(Node(closing="kernel"),))
        return Found(selected=None, certificate=nothing, ended=NO_ANSWER)
    problem = reduced.problem
    log.info(
        "partial covering: rows=%d columns=%d nnz=%d hard=%d in %.2f s",
        problem.rows,
        problem.columns,
        len(problem.row_cols),
        int(problem.hard.sum()),
        control.clock.elapsed_s,
    )

    def tell(fraction: float, value: float | None, bound: float | None) -> None:
        control.report(model.sense, fraction, value, bound)

    search = Search(
        problem,
        control.clock,
        gap=control.gap,
        base=reduced.base,
        step=step_of(model),
        tell=tell,
        threads=control.threads,
    )
    return _Closing(model, reduced, search, control).run()


class _Closing:
    """Search and proof of one model in turn."""

    def __init__(
        self, model: PartialCovering, reduced: Reduced, search: Search, control: Control
    ) -> None:
        self.model, self.reduced, self.search, self.control = model, reduced, search, control
        self.step = step_of(model)
        self.kernel: Certificate | None = None
        self.ended: str | None = None

    def run(self) -> Found:
        """Search until the proof is complete or the effort is spent."""
        search = self.search
        search.price()
        if search.problem.columns <= SMALL or search.best is None:
            self.close()
        if self.kernel is None and search.best is not None:
            search.descend(self.control.seed)
            if search.problem.columns > SMALL:
                self.close()
        return self.result()

    def selected(self) -> npt.NDArray[np.intp] | None:
        """Return the options of the best answer, ascending."""
        if self.search.best is None:
            return None
        chosen = self.reduced.option[self.search.best]
        return np.sort(np.concatenate([chosen, self.model.rules.fixed])).astype(np.intp)

    def prices(self) -> tuple[Prices, Cuts, Limit]:
        """Return the multipliers that prove most of the whole model, and what they prove."""
        search = self.search
        nothing = Duals(
            prices=np.zeros_like(search.duals.prices),
            multipliers=np.zeros_like(search.duals.multipliers),
            bound=0.0,
        )
        tried: list[tuple[Duals, PricedCuts | None]] = [
            (search.duals, None),
            (search.relaxation.feasible(search.duals), None),
            (nothing, None),
        ]
        if search.cut is not None:
            tried.append((search.cut.duals, search.cut.cuts))
        found = []
        for duals, priced in tried:
            prices, cuts = lift(self.model, self.reduced, duals, priced)
            found.append((prices, cuts, limit_of(self.model, self.reduced, prices, cuts)))
        return max(found, key=lambda proof: proof[2].bound)

    def close(self) -> None:
        """Prove the best answer, or find a better one, on the options the prices leave open."""
        search = self.search
        prices, cuts, limit = self.prices()
        value = search.base + search.cost
        missing = value - claim_of(limit.bound, self.step)
        near = search.best is not None and missing <= max(SAME, self.control.gap) * value
        if near or self.control.clock.expired():
            return
        kept, free = self._open(limit)
        if int(np.diff(search.problem.col_ptr)[free].sum()) > MOST_ENTRIES:
            return
        part = part_of(search.problem, kept, free)
        reached = np.inf
        if part is not None:
            chosen, outcome = part.solve(
                self.control.clock, start=search.best, nodes=KERNEL_NODES, seconds=np.inf
            )
            if chosen is not None:
                search.offer(np.union1d(kept, chosen))
            if not outcome.finished:
                return
            reached = search.base + search.problem.cost_of(kept) + outcome.bound
        log.info("partial covering: kernel of %d options closed", len(free))
        value = search.base + search.cost
        reached = min(reached, value)
        if np.isfinite(reached):
            margin = PART_OF_STEP * self.step if self.step else 0.5 * SAME * abs(reached)
            reached = min(value, claim_of(max(reached - margin, limit.bound), self.step))
        self.kernel = self._certificate(reached, prices, cuts, "kernel")
        self.ended = NO_ANSWER if search.best is None else search.ended

    def _open(self, limit: Limit) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return the columns that every better answer has, and those that it may have."""
        value = self.search.base + self.search.cost
        beaten = value - (1.0 - SAME) * self.step if self.step else value * (1.0 + SAME)
        left = limit.bound + limit.left[self.reduced.option] > beaten
        taken = limit.bound + limit.taken[self.reduced.option] > beaten
        return np.flatnonzero(left), np.flatnonzero(~left & ~taken)

    def _certificate(self, claim: float, prices: Prices, cuts: Cuts, closing: str) -> Certificate:
        return Certificate(
            bound=float(claim),
            prices=(prices,),
            nodes=(Node(prices=0, closing=closing),),
            groups=self.reduced.rows.group,
            cuts=CertifiedCuts(pointer=cuts.pointer, members=cuts.members) if len(cuts) else None,
        )

    def result(self) -> Found:
        """Return the answer with the better of the two proofs."""
        prices, cuts, limit = self.prices()
        value = self.search.base + self.search.cost
        claim = min(claim_of(limit.bound, self.step), value)
        certificate = self.kernel
        if certificate is None or claim >= certificate.bound:
            certificate = self._certificate(claim, prices, cuts, "prices")
        ended = self.search.ended if self.ended is None else self.ended
        selected = self.selected()
        if selected is not None and value - certificate.bound <= SAME * abs(value):
            ended = PROVEN
        return Found(selected=selected, certificate=certificate, ended=ended)
