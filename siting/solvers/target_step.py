"""Step one: meet every target at least cost, with a proven limit."""

from __future__ import annotations

import logging
import numpy as np
import numpy.typing as npt

from siting.models.bounds import targets_bound
from siting.models.covering import CoverModel
from siting.models.presolve import SetCover, lift, reduce_targets
from siting.solvers.clock import Clock
from siting.solvers.greedy import greedy_cover
from siting.solvers.lagrangian import CoverRelaxation, Duals, ascend
from siting.solvers.proven import Proven
from siting.solvers.windows import Windows

log = logging.getLogger(__name__)

#: Subgradient steps between two answers made from the prices.
STEPS_PER_ROUND = 40
#: Rounds of subgradient steps.
ROUNDS = 15
#: Windows re-planned without gain before the search ends, per chosen column.
PATIENCE = 1.0


def solve_targets(
    model: CoverModel,
    *,
    clock: Clock,
    gap: float = 0.0,
    seed: int = 0,
    start: npt.NDArray[np.intp] | None = None,
    unit: str = "CNY",
) -> Proven:
    """Solve step one of a model.

    Parameters
    ----------
    model
        The question; targets out of reach are taken at their reachable maximum.
    clock
        When to end.
    gap
        Relative gap that is good enough.
    seed
        Order in which the search looks at windows.
    start
        Options of an earlier answer, or None.
    unit
        Unit of the costs, for the reports.

    Returns
    -------
    Proven
        The cheapest answer found; it meets every requirement that can be met.
    """
    problem = reduce_targets(model)
    log.info(
        "targets: rows=%d columns=%d nnz=%d hard=%d in %.2f s",
        problem.rows,
        problem.columns,
        len(problem.row_cols),
        problem.hard.sum(),
        clock.elapsed_s,
    )
    search = _Search(model, problem, clock, gap, unit)
    search.offer(greedy_cover(problem, np.ones(problem.rows)))
    if start is not None:
        search.offer(greedy_cover(problem, np.ones(problem.rows), start=problem.columns_of(start)))
    search.price()
    search.descend(seed)
    return search.result()


class _Search:
    """The state of step one: the best answer and the best multipliers."""

    def __init__(
        self, model: CoverModel, problem: SetCover, clock: Clock, gap: float, unit: str
    ) -> None:
        self.model, self.problem, self.clock, self.gap = model, problem, clock, gap
        self.unit = unit
        self.relaxation = CoverRelaxation(problem)
        self.best: npt.NDArray[np.intp] | None = None
        self.cost = np.inf
        self.duals = Duals(
            prices=self.relaxation.start(), multipliers=np.zeros(len(problem.need)), bound=-np.inf
        )
        self.ended = "the search found nothing cheaper"

    def offer(self, columns: npt.NDArray[np.intp]) -> None:
        """Keep an answer if it is the cheapest so far."""
        cost = float(self.problem.cost[columns].sum())
        if cost < self.cost:
            self.best, self.cost = columns, cost

    def done(self) -> bool:
        """Tell whether to end, and note why."""
        if self.clock.expired():
            self.ended = (
                "the search was stopped" if self.clock.stopped else "the time limit ended it"
            )
            return True
        if self.cost - self.duals.bound <= self.gap * self.cost:
            self.ended = "the gap asked for is reached"
            return True
        return False

    def report(self, fraction: float) -> None:
        """Tell the caller the best answer and limit."""
        bound = self.duals.bound if np.isfinite(self.duals.bound) else None
        self.clock.report("targets", fraction, value=self.cost, bound=bound, unit=self.unit)

    def price(self) -> None:
        """Find good multipliers, and answers from them on the way."""
        step = 1.0
        for number in range(ROUNDS):
            if self.done():
                return
            step = ascend(
                self.relaxation,
                self.duals,
                upper=1.01 * min(self.cost, 1e300),
                iterations=STEPS_PER_ROUND,
                step=step,
                multipliers=self.relaxation.multipliers,
            )
            self.offer(greedy_cover(self.problem, self.duals.prices))
            self.report(0.4 * (number + 1) / ROUNDS)
            if step < 1e-3:
                return

    def descend(self, seed: int) -> None:
        """Re-plan windows until none gains."""
        if self.best is None or not len(self.best):
            return
        self.relaxation(self.duals.prices)
        windows = Windows(
            problem=self.problem, chosen=self.best, reduced=self.relaxation.reduced, seed=seed
        )
        idle, tried = 0, 0
        rng = np.random.default_rng(seed)
        while not self.done() and idle < PATIENCE * len(windows.chosen):
            column = int(windows.chosen[rng.integers(len(windows.chosen))])
            idle = 0 if windows.improve(column, self.clock) else idle + 1
            self.offer(windows.chosen)
            tried += 1
            self.report(0.4 + 0.6 * idle / (PATIENCE * len(windows.chosen)))
        log.info("targets: %d windows, cost %.0f, bound %.0f", tried, self.cost, self.duals.bound)

    def result(self) -> Proven:
        """Carry answer and multipliers back to the model."""
        columns = np.zeros(0, dtype=np.intp) if self.best is None else self.best
        selected = self.problem.options_of(columns)
        bound, cover, targets = -np.inf, np.zeros(0), np.zeros(0)
        for duals in (self.duals, self.relaxation.feasible(self.duals)):
            lifted = lift(self.model, self.problem, duals.prices, duals.multipliers)
            limit = targets_bound(self.model, *lifted)
            log.info("targets: reduced bound %.1f, lifted %.1f", duals.bound, limit)
            if limit > bound:
                bound, (cover, targets) = limit, lifted
        return Proven(
            selected=selected,
            value=float(self.model.cost(selected)),
            bound=bound,
            cover=cover,
            targets=targets,
            ended=self.ended,
        )
