"""The search on columns: good multipliers, then an answer annealed on the columns near cost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.control import GAP_REACHED, NOTHING_BETTER, PROVEN, STOPPED, TIMED_OUT
from siting.location.partial_covering.anneal import Anneal
from siting.location.partial_covering.answer import greedy
from siting.location.partial_covering.coarse import coarse_prices
from siting.location.partial_covering.cutting import CutDuals, cut, with_cuts
from siting.location.partial_covering.exact import part_of, window_around
from siting.location.partial_covering.primal_dual import approach
from siting.location.partial_covering.problem import ColumnCover, Core, FloatArray, core_of
from siting.location.partial_covering.relaxation import Duals, Relaxation, ascend

log = logging.getLogger(__name__)

#: Subgradient steps at most, and what they are given: see :func:`ascend`.
STEPS = 1500
STEP, SHRINK, PATIENCE, MEMORY = 0.5, 0.7, 40, 0.93
#: How far above the first bound they aim, relative.
AIM = 0.05
#: How often they are given a new aim when they reach it.
MOST_AIMS = 10
#: Share of the time the multipliers may take.
PRICE_SHARE = 0.4
#: Columns whose reduced cost is at most this share of their cost make the core.
CORE_SHARE = 0.5
#: The same share for the columns that the exchange works on.
SEARCH_SHARE = 0.02
#: Descents, steps of each per column and per second allowed, their least number, rounds of them.
DESCENTS, STEPS_PER_COLUMN, STEPS_PER_SECOND, LEAST_STEPS, ROUNDS = 3, 1000, 25_000, 20_000, 400
#: Shares of the time left that cuts, and descents after them, may take.
CUT_SHARE, ANNEAL_SHARE = 0.55, 0.6
#: What is taken for the time allowed where there is no limit [s].
USUAL_SECONDS = 30.0
#: Rounds between two tries to meet every need from where a descent stands.
MENDED = 20
#: Heat at first and at last, as shares of a mean chosen column's cost.
HOT, COLD = 0.15, 0.01
#: Columns up to which a problem is solved as a whole.
SMALL = 60
#: The same share for the columns of exact programmes.
WINDOW_SHARE = 0.1
#: Chosen columns re-planned at once, columns that may replace them, and rows of the programme.
WINDOW_SIZE, WINDOW_COLUMNS, WINDOW_ROWS = 50, 300, 600
#: Windows re-planned side by side, whatever the number of threads.
SIDE_BY_SIDE = 2
#: Columns of a window without gain that are left alone, its least size, and windows at most.
MIDST, LEAST_WINDOW, WINDOWS = 6, 6, 2000
#: Branch-and-bound nodes, and the wall time that keeps `stop` prompt [s], of a window.
WINDOW_NODES, WINDOW_SECONDS = 100, 2.0
#: Relative distance at which a value and a bound of whole numbers are one.
SAME = 1e-9

#: Told of progress 0..1 and, where known, of value and bound.
Tell = Callable[[float, float | None, float | None], None]


class Search:
    """The best answer to a problem and the best multipliers so far.

    Parameters
    ----------
    problem
        The problem.
    clock
        When to end.
    gap
        Relative gap that is good enough.
    base
        Cost of what is chosen beforehand, part of every value and bound told.
    step
        What two different costs differ by at least; 0 when nothing is known.
    tell
        Told of progress.
    threads
        Threads that may be used; they do not change the answer.
    """

    def __init__(
        self,
        problem: ColumnCover,
        clock: Clock,
        *,
        gap: float,
        base: float = 0.0,
        step: float = 0.0,
        tell: Tell,
        threads: int = 1,
    ) -> None:
        self.problem, self.clock, self.gap = problem, clock, gap
        self.base, self.step, self.tell, self.threads = base, step, tell, threads
        self.relaxation = Relaxation(problem)
        self.best: npt.NDArray[np.intp] | None = None
        self.cost = np.inf
        self.duals = Duals(
            prices=self.relaxation.start(), multipliers=np.zeros(len(problem.need)), bound=-np.inf
        )
        self.cut: CutDuals | None = None
        self.ended = NOTHING_BETTER

    @property
    def bound(self) -> float:
        """What the best multipliers prove, with or without cuts."""
        return self.duals.bound if self.cut is None else self.cut.duals.bound

    def offer(self, columns: npt.NDArray[np.intp] | None) -> bool:
        """Keep an answer if it is the cheapest so far; tell whether it is."""
        if columns is None:
            return False
        cost = self.problem.cost_of(columns)
        if cost < self.cost - SAME * max(abs(cost), 1.0) and self.problem.meets(columns):
            self.best, self.cost = np.sort(columns), cost
            return True
        return False

    def done(self) -> bool:
        """Tell whether to end, and note why."""
        if self.clock.expired():
            self.ended = STOPPED if self.clock.stopped else TIMED_OUT
            return True
        if self.best is None:
            return False
        if self.proves(self.cost):
            self.ended = PROVEN
            return True
        if self.near(self.cost):
            self.ended = GAP_REACHED
            return True
        return False

    def proves(self, cost: float) -> bool:
        """Tell whether the bound proves that nothing is cheaper than a cost."""
        missing = cost - self.bound
        return missing <= SAME * cost or missing < self.step * (1.0 - SAME)

    def near(self, cost: float) -> bool:
        """Tell whether a cost is as near to the bound as is asked for."""
        return self.proves(cost) or cost - self.bound <= self.gap * (self.base + cost)

    def report(self, fraction: float, cost: float = np.inf) -> None:
        """Tell the best answer, or a better one under way, and the limit."""
        bound = self.base + self.bound if np.isfinite(self.bound) else None
        least = self.base + min(self.cost, cost)
        self.tell(fraction, least if np.isfinite(least) else None, bound)

    def price(self) -> None:
        """Find good multipliers: a clustered programme, then steps on a core of columns."""
        part = self.clock.until(PRICE_SHARE)
        started = coarse_prices(self.problem, part)
        pairs = np.zeros(len(self.problem.pairs))
        self.adopt(self.duals.prices if started is None else np.concatenate([started, pairs]))
        self.construct()
        if len(pairs) or self.best is None:
            self.duals = self.climb(self.relaxation, self.duals, part)
        elif not (self.done() or part.expired()):
            core = self.core(CORE_SHARE)
            relaxation = Relaxation(core.problem)
            duals = relaxation.duals(core.shrink(self.duals.prices))
            if core.problem.group_cost.any():
                duals = self.climb(relaxation, duals, part)
            else:
                chosen = np.searchsorted(core.columns, self.best)
                duals = approach(relaxation, duals, chosen, self.watch(part))
            self.adopt(core.grow(self.problem, duals.prices, duals.multipliers))
        if not self.done():
            self.construct()
        log.info("priced: cost %.6g, bound %.6g", self.cost, self.bound)

    def tighten(self, clock: Clock) -> None:
        """Raise the bound by cuts."""
        if not len(self.problem.pairs):
            watch = self.watch(clock)
            self.cut = cut(self.problem, self.duals, clock, watch, threads=self.threads)
        log.info("cut to bound %.6g", self.bound)

    def construct(self, start: npt.NDArray[np.intp] | None = None) -> None:
        """Offer a greedy answer at the present multipliers, after some columns chosen first."""
        found = greedy(self.problem, self.duals.prices, self.duals.multipliers, start=start)
        self.offer(found)

    def watch(self, clock: Clock) -> Callable[[], bool]:
        """Return what tells progress and asks whether to end a part of the work."""

        def ask() -> bool:
            self.report(0.2)
            return self.done() or clock.expired()

        return ask

    def climb(self, relaxation: Relaxation, duals: Duals, clock: Clock) -> Duals:
        """Improve multipliers by subgradient steps."""
        most = self.cost if np.isfinite(self.cost) else float(self.problem.cost.sum())
        for _ in range(MOST_AIMS):
            upper = min(most, max(duals.bound, 0.0) * (1.0 + AIM)) or most
            ascend(
                relaxation,
                duals,
                upper=upper,
                iterations=min(STEPS, 100 + 2 * len(duals.prices)),
                step=STEP,
                multipliers=relaxation.multipliers,
                patience=PATIENCE,
                shrink=SHRINK,
                memory=MEMORY,
                watch=self.watch(clock),
            )
            if duals.bound < upper or duals.bound >= most:
                break
        return duals

    def adopt(self, prices: FloatArray) -> None:
        """Keep prices, or the nearest at which no column is under cost, if they prove more."""
        duals = self.relaxation.duals(prices)
        for candidate in (duals, self.relaxation.feasible(duals)):
            if candidate.bound > self.duals.bound:
                self.duals = candidate

    def reduced(self) -> FloatArray:
        """Return the columns' reduced costs at the best multipliers."""
        if self.cut is None:
            self.relaxation(self.duals.prices)
        else:
            with_cuts(self.relaxation, self.cut.duals.prices, self.cut.cuts)
        return self.relaxation.reduced.copy()

    def core(self, share: float) -> Core:
        """Return the columns nearly worth their cost, the best answer's, and each row's nearest."""
        p = self.problem
        reduced = self.reduced()
        near = reduced <= share * p.cost
        near[self.best] = True
        ratio = reduced / np.maximum(p.cost, 1e-12)
        least = np.minimum.reduceat(ratio[p.row_cols], p.row_ptr[:-1])
        row = np.repeat(np.arange(p.rows), np.diff(p.row_ptr))
        near[p.row_cols[(ratio[p.row_cols] <= least[row]) & p.hard[row]]] = True
        return core_of(p, np.flatnonzero(near))

    def descend(self, seed: int) -> None:
        """Raise the bound by cuts, anneal at their prices, then re-plan windows exactly."""
        if self.best is None or not len(self.best) or self.done():
            return
        if self.problem.columns <= SMALL and self.enumerate():
            return
        self.tighten(self.clock.until(CUT_SHARE))
        core, start = self.core(SEARCH_SHARE), self.best
        if self.done():
            return
        part = self.clock.until(ANNEAL_SHARE)
        with ThreadPoolExecutor(self.threads) as pool:
            descents = [
                pool.submit(self.anneal, core, start, seed * DESCENTS + number, part)
                for number in range(DESCENTS)
            ]
            answers = [one.result() for one in descents]
        for answer, hurried in answers:
            self.offer(answer)
            if hurried and self.ended == NOTHING_BETTER:
                self.ended = TIMED_OUT
        log.info("annealed to cost %.6g", self.cost)
        self.replan(self.core(WINDOW_SHARE), seed)

    def anneal(
        self, core: Core, start: npt.NDArray[np.intp], seed: int, clock: Clock
    ) -> tuple[npt.NDArray[np.intp], bool]:
        """Exchange columns of the core while the heat falls.

        Returns the best answer, and whether the clock made the heat fall faster.
        """
        search = Anneal(
            core.problem,
            np.searchsorted(core.columns, start),
            prices=core.shrink(self.duals.prices),
            multipliers=self.duals.multipliers,
            seed=seed,
        )
        effort = self.clock.effort_s
        most = STEPS_PER_SECOND * (effort if np.isfinite(effort) else USUAL_SECONDS)
        steps = int(max(LEAST_STEPS, min(most, STEPS_PER_COLUMN * len(core.columns))))
        hot, cold = (heat * search.best_cost / len(start) for heat in (HOT, COLD))
        began, span, hurried = clock.spent_s, clock.left_s, False
        for number in range(ROUNDS):
            # where time is short, the heat falls by the clock
            spent = (clock.spent_s - began) / max(span, 1e-9)
            late = spent > (number + 1) / ROUNDS
            hurried |= late
            progress = spent if late else number / ROUNDS
            if progress >= 1.0 or clock.expired() or self.near(search.best_cost):
                break
            heat, next_heat = (
                hot * (cold / hot) ** min(share, 1.0) for share in (progress, progress + 1 / ROUNDS)
            )
            search.run(1 + steps // ROUNDS, hot=heat, cold=next_heat)
            if number % MENDED == MENDED - 1:
                search.mend()
            self.report(0.4 + 0.5 * progress, search.best_cost)
        search.mend()
        return core.columns[search.best], hurried

    def enumerate(self) -> bool:
        """Solve a small problem as a whole; tell whether that came to its end."""
        none, every = np.zeros(0, dtype=np.intp), np.arange(self.problem.columns)
        part = part_of(self.problem, none, every)
        if part is None:
            return False
        found, outcome = part.solve(
            self.clock, start=self.best, nodes=WINDOW_NODES, seconds=WINDOW_SECONDS
        )
        self.offer(found)
        return outcome.finished

    def replan(self, core: Core, seed: int) -> None:
        """Re-plan windows until every chosen column was in the midst of one without gain."""
        assert self.best is not None  # noqa: S101
        problem, reduced = core.problem, self.reduced()[core.columns]
        rng, settled = np.random.default_rng(seed), np.zeros(problem.columns, dtype=bool)
        windows = gained = 0
        with ThreadPoolExecutor(self.threads) as pool:
            while not self.done() and windows < WINDOWS:
                chosen = np.searchsorted(core.columns, self.best)
                todo = chosen[~settled[chosen]]
                middles = rng.permutation(todo)[:SIDE_BY_SIDE].tolist()
                if not middles:
                    break
                draws = [np.random.default_rng([seed, windows, place]) for place in middles]
                found = pool.map(
                    lambda place, draw, chosen=chosen: self.window(
                        problem, chosen, place, reduced, draw
                    ),
                    middles,
                    draws,
                )
                for middle, (window, instead) in zip(middles, list(found), strict=True):
                    windows += 1
                    kept = np.setdiff1d(np.searchsorted(core.columns, self.best), window)
                    if instead is not None and self.offer(core.columns[np.union1d(kept, instead)]):
                        gained += 1
                        settled[window] = settled[instead] = False
                    else:
                        settled[window[:MIDST]] = settled[middle] = True
                self.report(0.95)
        log.info("windows: %d, gained %d, cost %.6g", windows, gained, self.cost)

    def window(
        self,
        problem: ColumnCover,
        chosen: npt.NDArray[np.intp],
        middle: int,
        reduced: FloatArray,
        rng: np.random.Generator,
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp] | None]:
        """Return chosen columns around one, nearest first, and what may replace them if found.

        The window is made smaller until its programme has few enough rows.
        """
        size = WINDOW_SIZE
        while True:
            window = window_around(problem, chosen, middle, size, rng)
            kept = np.setdiff1d(chosen, window)
            free = _able(problem, kept, window, reduced)
            part = part_of(problem, kept, free)
            if part is not None and part.matrix.shape[0] <= WINDOW_ROWS:
                found, _ = part.solve(
                    self.clock, start=window, nodes=WINDOW_NODES, seconds=WINDOW_SECONDS
                )
                return window, found
            if part is None or size < LEAST_WINDOW or self.clock.expired():
                return window, None
            size //= 2


def _able(
    problem: ColumnCover,
    kept: npt.NDArray[np.intp],
    window: npt.NDArray[np.intp],
    reduced: FloatArray,
) -> npt.NDArray[np.intp]:
    """Return the columns of least reduced cost that serve what only the window serves, and it."""
    p = problem
    lone = np.flatnonzero(p.counts(window) > 0)
    lone = lone[p.counts(kept)[lone] == 0]
    able = np.unique(p.by_row[lone].indices)
    able = able[np.argsort(reduced[able], kind="stable")][:WINDOW_COLUMNS]
    return np.setdiff1d(np.union1d(able, window), kept).astype(np.intp)
