"""The search for good selections: greedy, then rounds of exchanges from several seeds at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.maximal_covering.anneal import anneal
from siting.location.maximal_covering.construct import enter, fill_greedily, reshuffle
from siting.location.maximal_covering.problem import IN, OUT, Problem
from siting.location.maximal_covering.tables import (
    Tables,
    empty_tables,
    move_to,
    served_weight,
)

log = logging.getLogger(__name__)

#: Heat of the exchanges at the beginning and at the end of a round, in mean weights per option:
#: over all options, and over those of a few good selections.
HEATS, MIXING_HEATS = (0.04, 0.01), (0.015, 0.004)
#: Good selections that are kept, and how many of them are mixed.
ELITES, MIXED = 8, 3
#: Options of the highest gains that are tried besides those near the one that leaves.
TOP = 16
#: Entries touched between two looks at the clock.
ENTRIES_PER_LOOK = 1e7

Flags = npt.NDArray[np.bool_]


@dataclass(slots=True, kw_only=True, eq=False)
class Walker:
    """One selection that moves, with its tables and its own random numbers."""

    tables: Tables
    spent: npt.NDArray[np.float64]
    load: npt.NDArray[np.int32]
    blocked: npt.NDArray[np.int32]
    best: Flags
    value: npt.NDArray[np.float64]
    random: npt.NDArray[np.uint64]


@dataclass(slots=True, kw_only=True, eq=False)
class Search:
    """Selections of one problem, the best of them, and the walkers that look for better ones.

    Parameters
    ----------
    problem
        The problem.
    seed
        Of every random draw.
    threads
        Walkers that move at once.
    """

    problem: Problem
    seed: int
    threads: int
    best: Flags = field(init=False)
    value: float = field(init=False, default=-1.0)
    walkers: list[Walker] = field(init=False, default_factory=list)
    start: Flags = field(init=False)
    elites: list[tuple[float, Flags]] = field(init=False, default_factory=list)
    _draw: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the better one of two greedy selections."""
        self.best = np.zeros(len(self.problem.state), dtype=bool)
        powers = (0.0,) if self.problem.limits.even else (0.0, 1.0)
        for power in powers:
            walker = self._walker(len(self.walkers))
            self._fill(walker, power)
            self.offer(walker.best, walker.value[1])
            self.walkers = [walker]
        self.start = self.best.copy()
        self._draw = np.random.default_rng(self.seed)

    def offer(self, selection: Flags, value: float) -> None:
        """Take over a selection if it is better than the best."""
        if value > self.value:
            self.value = float(value)
            self.best = selection.copy()

    def _walker(self, number: int) -> Walker:
        problem = self.problem
        tables = empty_tables(problem.cover)
        walker = Walker(
            tables=tables,
            spent=np.zeros(1),
            load=np.zeros(len(problem.limits.most), dtype=np.int32),
            blocked=np.zeros(len(problem.state), dtype=np.int32),
            best=tables.inside.copy(),
            value=np.zeros(2),
            random=_generator(self.seed, number),
        )
        for option in np.flatnonzero(problem.state == IN):
            self._enter(walker, int(option))
        walker.value[:] = served_weight(problem.cover, tables)
        walker.best[:] = tables.inside
        return walker

    def _enter(self, walker: Walker, option: int) -> None:
        enter(
            self.problem.cover,
            self.problem.limits,
            walker.tables,
            walker.spent,
            walker.load,
            walker.blocked,
            option,
        )

    def _fill(self, walker: Walker, power: float) -> None:
        problem = self.problem
        fill_greedily(
            problem.cover,
            problem.limits,
            walker.tables,
            walker.spent,
            walker.load,
            walker.blocked,
            problem.state == 0,
            power,
        )
        walker.value[:] = served_weight(problem.cover, walker.tables)
        walker.best[:] = walker.tables.inside

    def round(self, sweeps: int, clock: Clock) -> None:
        """Let every walker search afresh, then among the options of the best selections."""
        while len(self.walkers) < self.threads:
            self.walkers.append(self._walker(len(self.walkers)))
        everything = self.problem.state == 0
        for walker in self.walkers:
            self._place(walker, self.start)
        self._move([everything] * len(self.walkers), sweeps, HEATS, clock)
        for walker in self.walkers:
            self._keep(walker)
        if len(self.elites) > 1 and not clock.expired():
            self._mix(sweeps, clock)
        log.info("maximal covering: %d sweeps, value %.10g", sweeps, self.value)

    def _mix(self, sweeps: int, clock: Clock) -> None:
        """Search among the options of a few good selections, from the best of them."""
        free = []
        for walker in self.walkers:
            others = self._draw.permutation(np.arange(1, len(self.elites)))[: MIXED - 1]
            parents = [self.elites[0], *(self.elites[place] for place in others)]
            union = np.logical_or.reduce([parent for _, parent in parents])
            free.append(union & (self.problem.state == 0))
            self._place(walker, parents[0][1])
        self._move(free, sweeps, MIXING_HEATS, clock)
        for walker in self.walkers:
            self._keep(walker)

    def _move(
        self, free: list[Flags], sweeps: int, heats: tuple[float, float], clock: Clock
    ) -> None:
        """Let every walker move among its free options."""
        for walker in self.walkers:
            walker.value[1] = -1.0
        _together(
            [
                self._mover(walker, options, sweeps, heats)
                for walker, options in zip(self.walkers, free, strict=True)
            ],
            clock,
        )

    def _keep(self, walker: Walker) -> None:
        """Keep what a walker found, if it is among the best and new."""
        value, selection = float(walker.value[1]), walker.best
        if value < 0:
            return
        self.offer(selection, value)
        if any(np.array_equal(selection, other) for _, other in self.elites):
            return
        self.elites.append((value, selection.copy()))
        self.elites.sort(key=lambda elite: -elite[0])
        del self.elites[ELITES:]

    def _place(self, walker: Walker, selection: Flags) -> None:
        """Put a walker on a selection."""
        limits = self.problem.limits
        move_to(self.problem.cover, walker.tables, selection)
        chosen = np.flatnonzero(selection)
        walker.load[:] = np.bincount(limits.site[chosen], minlength=len(walker.load))
        opened = np.unique(limits.site[chosen])
        walker.spent[0] = limits.cost[chosen].sum() + limits.opening[opened].sum()
        walker.blocked[:] = 0
        for option in chosen if len(limits.pair) else ():
            rivals = limits.rival[limits.rival_ptr[option] : limits.rival_ptr[option + 1]]
            walker.blocked[rivals] += 1
        walker.value[:] = served_weight(self.problem.cover, walker.tables)
        walker.best[:] = selection

    def _mover(
        self, walker: Walker, free: Flags, sweeps: int, heats: tuple[float, float]
    ) -> Callable[[], bool]:
        """Return what moves a walker a little further, and tells whether it may go on."""
        if self.problem.plain and self.problem.limits.even:
            return self._annealer(walker, free, sweeps, heats)
        return self._reshuffler(walker, free, sweeps, heats)

    def _annealer(
        self, walker: Walker, free: Flags, sweeps: int, heats: tuple[float, float]
    ) -> Callable[[], bool]:
        problem, inside = self.problem, walker.tables.inside
        room = round(problem.limits.limit) - int(inside.sum())
        for option in np.flatnonzero((problem.state == 0) & ~inside)[:room]:
            self._enter(walker, int(option))
        chosen = np.concatenate([np.flatnonzero(inside & free), np.flatnonzero(inside & ~free)])
        chosen = chosen.astype(np.int32)
        movable = int((inside & free).sum())
        walker.value[:] = served_weight(problem.cover, walker.tables)
        mean = max(walker.value[0], 1e-300) / max(movable, 1)
        top = np.empty(TOP, dtype=np.int32)
        total = sweeps * movable
        per_look = max(16, int(ENTRIES_PER_LOOK / self._entries_per_move()))
        done = 0

        def move() -> bool:
            nonlocal done
            if movable == 0 or done >= total:
                return False
            until = min(done + per_look, total)
            anneal(
                problem.cover,
                walker.tables,
                chosen,
                movable,
                free,
                top,
                walker.best,
                walker.value,
                mean * heats[0],
                mean * heats[1],
                (done, until, total),
                walker.random,
            )
            done = until
            return done < total

        return move

    def _reshuffler(
        self, walker: Walker, free: Flags, sweeps: int, ends: tuple[float, float]
    ) -> Callable[[], bool]:
        problem = self.problem
        movable = int((walker.tables.inside & free).sum())
        mean = max(walker.value[0], 1e-300) / max(movable, 1)
        heats = mean * np.array(ends)
        total = sweeps * max(movable, 1)
        per_look = max(4, int(ENTRIES_PER_LOOK / (4 * self._entries_per_move() + 4 * len(free))))
        done = 0

        def move() -> bool:
            nonlocal done
            until = min(done + per_look, total)
            reshuffle(
                problem.cover,
                problem.limits,
                walker.tables,
                walker.spent,
                walker.load,
                walker.blocked,
                free,
                walker.best,
                walker.value,
                heats,
                (done, until, total),
                walker.random,
            )
            done = until
            return done < total

        return move

    def entries_per_sweep(self) -> float:
        """Return how many entries of the cover one sweep touches, roughly."""
        return max(1.0, self.best.sum() * self._entries_per_move())

    def _entries_per_move(self) -> float:
        """Return how many entries of the cover one exchange touches, roughly."""
        cover = self.problem.cover
        entries = max(len(cover.row_col), 1)
        column = entries / max(int((self.problem.state != OUT).sum()), 1)
        return column * (1.0 + entries / max(len(cover.weight), 1))


def _generator(seed: int, number: int) -> npt.NDArray[np.uint64]:
    return np.random.default_rng([seed, number]).integers(1, 2**63, size=1, dtype=np.uint64)


def _together(movers: list[Callable[[], bool]], clock: Clock) -> None:
    """Call movers side by side until each has ended or the clock expires."""
    if len(movers) == 1:
        while not clock.expired() and movers[0]():
            pass
        return
    with ThreadPoolExecutor(len(movers)) as pool:
        while movers and not clock.expired():
            going = list(pool.map(lambda mover: mover(), movers))
            movers = [mover for mover, on in zip(movers, going, strict=True) if on]
