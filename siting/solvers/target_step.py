"""Step one: meet every target at least cost, with a proven limit."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.models.bounds import targets_bound
from siting.models.core import Core, core_of
from siting.models.covering import CoverModel
from siting.models.presolve import SetCover, lift, reduce_targets
from siting.solvers.coarse import coarse_prices
from siting.solvers.greedy import greedy_cover
from siting.solvers.lagrangian import CoverRelaxation, Duals, ascend
from siting.solvers.proven import Proven
from siting.solvers.reshuffle import Reshuffle
from siting.solvers.windows import Windows

log = logging.getLogger(__name__)

#: Subgradient steps between two looks at the clock.
STEPS_PER_ROUND = 30
#: Rounds of subgradient steps on each core.
ROUNDS = 10
#: Scale of the steps at which they end.
MIN_STEP = 1e-3
#: Share of the time the multipliers may take.
PRICE_SHARE = 0.4
#: Columns whose reduced cost is at most this share of their cost make the core.
CORE_SHARE = (0.35, 0.25)
#: The same share for the columns that ruin and recreate works on.
SEARCH_SHARE = 0.15
#: Ruins between two looks at the clock, and rounds of them.
RUINS_PER_ROUND = 250
RUIN_ROUNDS = 200
#: Most columns taken out at once.
RUIN_SIZE = 18
#: Rise of cost accepted at first, as a share of a mean column's cost; it falls to nothing.
RUIN_THRESHOLD = 0.5
#: Windows re-planned without gain before the search ends, per chosen column.
PATIENCE = 0.5
#: Rows up to which windows are small enough for exact programmes.
WINDOW_ROWS = 30_000


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
        """Find good multipliers: a clustered programme, then steps on ever better cores."""
        part = self.clock.until(PRICE_SHARE)
        started = coarse_prices(self.problem, part)
        self.adopt(self.duals.prices if started is None else started)
        self.offer(greedy_cover(self.problem, self.duals.prices))
        for number, share in enumerate(CORE_SHARE):
            core = self.core(share)
            relaxation = CoverRelaxation(core.problem)
            prices = core.shrink(self.duals.prices)
            bound, _ = relaxation(prices)
            duals = Duals(prices=prices, multipliers=relaxation.multipliers.copy(), bound=bound)
            step = 0.1
            for done in range(ROUNDS):
                if self.done() or part.expired() or step < MIN_STEP:
                    break
                step = ascend(
                    relaxation,
                    duals,
                    upper=self.cost,
                    iterations=STEPS_PER_ROUND,
                    step=step,
                    multipliers=relaxation.multipliers,
                )
                self.report(0.2 * (number + (done + 1) / ROUNDS))
            self.adopt(core.grow(self.problem, duals.prices, duals.multipliers))

    def adopt(self, prices: npt.NDArray[np.float64]) -> None:
        """Keep prices, or the nearest at which no column is under cost, if they prove more."""
        bound, _ = self.relaxation(prices)
        duals = Duals(prices=prices, multipliers=self.relaxation.multipliers.copy(), bound=bound)
        for candidate in (duals, self.relaxation.feasible(duals)):
            if candidate.bound > self.duals.bound:
                self.duals = candidate

    def core(self, share: float) -> Core:
        """Return the columns nearly worth their cost, the best answer's, and each row's nearest."""
        p = self.problem
        self.relaxation(self.duals.prices)
        reduced = self.relaxation.reduced
        near = reduced <= share * p.cost
        near[self.best] = True
        ratio = reduced / np.maximum(p.cost, 1e-12)
        least = np.minimum.reduceat(ratio[p.row_cols], p.row_ptr[:-1])
        row = np.repeat(np.arange(p.rows), np.diff(p.row_ptr))
        near[p.row_cols[(ratio[p.row_cols] <= least[row]) & p.hard[row]]] = True
        return core_of(p, np.flatnonzero(near))

    def descend(self, seed: int) -> None:
        """Ruin and recreate on the core, then re-plan windows exactly where they are small."""
        if self.best is None or not len(self.best) or self.done():
            return
        core = self.core(SEARCH_SHARE)
        place = np.searchsorted(core.columns, self.best)
        search = Reshuffle(
            core.problem,
            place,
            prices=core.shrink(self.duals.prices),
            multipliers=self.duals.multipliers,
            seed=seed,
        )
        mean = self.cost / len(self.best)
        ruins = min(RUINS_PER_ROUND, 1 + len(core.columns) // 2)
        for number in range(RUIN_ROUNDS):
            if self.done():
                break
            falling = max(0.0, 1.0 - number / (0.8 * RUIN_ROUNDS))
            search.run(ruins, size=RUIN_SIZE, threshold=RUIN_THRESHOLD * mean * falling)
            self.offer(core.columns[search.best])
            self.report(0.4 + 0.6 * (number + 1) / RUIN_ROUNDS)
        log.info("targets: ruined to cost %.0f, bound %.0f", self.cost, self.duals.bound)
        if core.problem.rows <= WINDOW_ROWS and not (core.problem.need > 0).any():
            self.replan(core, seed)

    def replan(self, core: Core, seed: int) -> None:
        """Re-plan windows until none gains."""
        assert self.best is not None  # noqa: S101
        relaxation = CoverRelaxation(core.problem)
        relaxation(core.shrink(self.duals.prices))
        windows = Windows(
            problem=core.problem,
            chosen=np.searchsorted(core.columns, self.best),
            reduced=relaxation.reduced,
            seed=seed,
        )
        idle = 0
        rng = np.random.default_rng(seed)
        while not self.done() and idle < PATIENCE * len(windows.chosen):
            column = int(windows.chosen[rng.integers(len(windows.chosen))])
            idle = 0 if windows.improve(column, self.clock) else idle + 1
            self.offer(core.columns[windows.chosen])
            self.report(1.0)

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
