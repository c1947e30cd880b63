"""Rounds of annealing on a grid of discs: slabs, temperature, price, and the best answer seen.

Between rounds the price follows the requirement: it rises while too little is covered, so that the
Lagrangian's optimum settles where the requirement just holds. Two slabs of the grid, too far apart
to touch the same cell, run on two threads; the answer depends on the seed and the number of rounds,
never on the clock, unless the clock ends the search.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from siting.location.grid.reach import room_for
from siting.location.grid.search import anneal, greedy, trim
from siting.location.grid.sector_search import (
    anneal_sectors,
    greedy_sectors,
    squares_of,
    trim_sectors,
)
from siting.location.grid.sector_state import SectorField, put, set_lure
from siting.location.grid.state import Field, lift, place

#: Share of steps that try a new station instead of moving an old one.
_INSERTIONS = 0.2
#: Steps per station and round.
_STEPS = 1.0
#: How strongly, and how far in one round, the price follows a lack of cover.
_PRICE_GAIN, _PRICE_STEP = 3.0, 0.02
#: Discs placed greedily between two looks at the clock.
_PLACED = 512
_ROOM = 512
#: Looks at a square of a grid of sectors between two looks at the clock.
_TURNS = 200
#: Added to the count of forbidding stations where a search may not go; far above any count.
_CLOSED = 10_000


class DiscMoves:
    """The kernels for discs; a station is kind, x, y."""

    columns = 3

    def __init__(self, grid: Field) -> None:
        self.grid = grid

    def place(self, station: NDArray[np.int64]) -> float:
        """Place a station; return the weight newly covered."""
        return place(self.grid, *station)

    def lift(self, station: NDArray[np.int64]) -> float:
        """Lift a station; return the weight no longer covered."""
        return lift(self.grid, *station)

    def lure(self, share: float) -> None:
        """Discs overlap of themselves; a second cover counts nothing."""

    def greedy(
        self,
        required: float,
        covered: float,
        stations: NDArray[np.int64],
        count: int,
        stop: Callable[[], bool],
    ) -> tuple[int, float]:
        """Place until `required` is covered, some stations between two looks at `stop`."""
        while True:
            room = min(len(stations), count + _PLACED)
            before = count
            count, covered = greedy(self.grid, required, covered, stations[:room], count)
            if covered >= required or count in {before, len(stations)} or stop():
                return count, covered

    def trim(
        self, required: float, covered: float, stations: NDArray[np.int64], count: int
    ) -> tuple[int, float]:
        """Drop what `required` does not need."""
        return trim(self.grid, required, covered, stations, count)

    def anneal(  # noqa: PLR0917 (as the kernel takes them)
        self,
        stations: NDArray[np.int64],
        count: int,
        anchors: NDArray[np.int64],
        rng: NDArray[np.uint64],
        steps: int,
        insertions: float,
        price: float,
        temperature: float,
    ) -> tuple[int, float]:
        """Take steps over `stations`."""
        return anneal(
            self.grid, stations, count, anchors, rng, steps, insertions, price, temperature
        )


class SectorMoves:
    """The kernels for sector stations; a station is kind, x, y and the bins of three azimuths."""

    columns = 6

    def __init__(self, grid: SectorField) -> None:
        self.grid = grid

    def place(self, station: NDArray[np.int64]) -> float:
        """Place a station; return the weight newly covered."""
        return put(self.grid, station, 1)

    def lift(self, station: NDArray[np.int64]) -> float:
        """Lift a station; return the weight no longer covered."""
        return put(self.grid, station, -1)

    def lure(self, share: float) -> None:
        """Let a second cover of a cell count `share` of its weight."""
        set_lure(self.grid, share)

    def greedy(
        self,
        required: float,
        covered: float,
        stations: NDArray[np.int64],
        count: int,
        stop: Callable[[], bool],
    ) -> tuple[int, float]:
        """Place until `required` is covered."""
        room = room_for(self.grid.aims)
        squares = squares_of(self.grid)
        done = False
        while not done and not stop():
            count, covered, done = greedy_sectors(
                self.grid, squares, required, covered, stations, count, _TURNS, *room
            )
        return count, covered

    def trim(
        self, required: float, covered: float, stations: NDArray[np.int64], count: int
    ) -> tuple[int, float]:
        """Drop what `required` does not need."""
        return trim_sectors(self.grid, required, covered, stations, count)

    def anneal(  # noqa: PLR0917 (as the kernel takes them)
        self,
        stations: NDArray[np.int64],
        count: int,
        anchors: NDArray[np.int64],
        rng: NDArray[np.uint64],
        steps: int,
        insertions: float,
        price: float,
        temperature: float,
    ) -> tuple[int, float]:
        """Take steps over `stations`."""
        args = (self.grid, stations, count, anchors, rng, steps, insertions, price, temperature)
        return anneal_sectors(*args, *room_for(self.grid.aims))


@dataclass(slots=True)
class Search:
    """Stations on a field, the price of cover, and the best answer so far.

    Parameters
    ----------
    moves
        The kernels, with the field the stations stand on.
    required
        Weight to be covered.
    seed
        Of every random draw.
    """

    moves: DiscMoves | SectorMoves
    required: float
    seed: int
    stations: NDArray[np.int64] = field(init=False)
    covered: float = 0.0
    price: float = 0.0
    anchors: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    best: NDArray[np.int64] | None = None
    best_value: float = math.inf
    rounds_done: int = 0

    def __post_init__(self) -> None:
        """Begin without stations."""
        self.stations = np.zeros((0, self.moves.columns), np.int64)

    @property
    def grid(self) -> Field | SectorField:
        """The field the stations stand on."""
        return self.moves.grid

    @property
    def value(self) -> float:
        """Cost of the stations placed now."""
        return float(self.grid.cost[self.stations[:, 0]].sum())

    def fill(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Place greedily until the requirement holds, then drop what it does not need."""
        room = np.zeros((self._capacity(), self.moves.columns), np.int64)
        count = len(self.stations)
        room[:count] = self.stations
        count, self.covered = self.moves.greedy(self.required, self.covered, room, count, stop)
        count, self.covered = self.moves.trim(self.required, self.covered, room, count)
        self.stations = room[:count].copy()
        self.keep()

    def keep(self) -> None:
        """Remember the stations if they are enough and cheaper than ever before."""
        if self.covered >= self.required and self.value < self.best_value:
            self.best, self.best_value = self.stations.copy(), self.value

    def restore(self) -> None:
        """Go back to the best answer."""
        if self.best is None:
            return
        for station in self.stations:
            self.covered -= self.moves.lift(station)
        self.stations = self.best.copy()
        for station in self.stations:
            self.covered += self.moves.place(station)

    def start(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Begin with the greedy answer: its places are anchors, the best one left is the price."""
        self.fill(stop)
        self._anchor()

    def adopt(self, stations: NDArray[np.int64]) -> None:
        """Begin, on an empty field, with the answer of another search."""
        self.stations = stations
        self.covered = sum(self.moves.place(station) for station in stations)
        self.keep()
        self._anchor()

    def _anchor(self) -> None:
        self.anchors = self.stations[:, 1:3].copy()
        self.price = _marginal_price(self.grid)

    @contextlib.contextmanager
    def only(self, places: NDArray[np.bool_]) -> Iterator[None]:
        """Let new stations stand nowhere but at `places` (X, Y), padded, for a while."""
        extra = np.where(places, 0, _CLOSED).astype(np.int16)
        self.grid.near[...] += extra
        try:
            yield
        finally:
            self.grid.near[...] -= extra

    def cool(
        self,
        *,
        rounds: int,
        hot: float,
        cold: float,
        workers: int,
        stop: Callable[[], bool],
        report: Callable[[float], None] | None = None,
        lures: tuple[float, ...] = (),
    ) -> None:
        """Anneal from temperature `hot` to `cold` [share of the cheapest cost] in `rounds`.

        Meanwhile a second cover of a cell counts one share of its weight after another of `lures`:
        stations that overlap can be taken away, which sectors aimed at open cells alone never can.
        """
        unit = float(self.grid.cost.min())
        with ThreadPoolExecutor(workers) as pool:
            for turn in range(rounds):
                if stop():
                    break
                share = turn / max(1, rounds - 1)
                stage = turn * len(lures) // rounds
                if lures and stage != (turn - 1) * len(lures) // rounds:
                    self.moves.lure(lures[stage])
                self._round(pool, workers, unit * hot * (cold / hot) ** share)
                self.keep()
                if report is not None:
                    report(share)
        if lures:
            self.moves.lure(0.0)

    def _round(self, pool: ThreadPoolExecutor, workers: int, temperature: float) -> None:
        self.rounds_done += 1
        rng = np.random.default_rng((self.seed, self.rounds_done))
        slabs, idle = self._slabs(rng, workers)
        tasks = []
        for inside, anchors in slabs:
            room = np.zeros((len(inside) + _ROOM, self.moves.columns), np.int64)
            room[: len(inside)] = inside
            state = rng.integers(0, 2**63, 1, dtype=np.uint64)
            steps = max(1, int(_STEPS * len(inside)), len(anchors) // 4)
            args = (room, len(inside), anchors, state, steps, _INSERTIONS)
            task = pool.submit(self.moves.anneal, *args, self.price, temperature)
            tasks.append((room, task))
        kept = [idle]
        for room, task in tasks:
            count, won = task.result()
            kept.append(room[:count])
            self.covered += won
        self.stations = np.concatenate(kept)
        lack = _PRICE_GAIN * (self.required - self.covered) / self.required
        self.price *= math.exp(min(_PRICE_STEP, max(-_PRICE_STEP, lack)))

    def _slabs(
        self, rng: np.random.Generator, workers: int
    ) -> tuple[list[tuple[NDArray[np.int64], NDArray[np.int64]]], NDArray[np.int64]]:
        """Stations and anchors of slabs that cannot touch each other, and the stations between."""
        pad = self.grid.pad
        margin = 4 * pad + 1
        x = self.stations[:, 1]
        parts = min(workers, max(1, int(np.ptp(x)) // (4 * margin))) if len(x) else 1
        if parts == 1:
            return [(self.stations, self.anchors)], self.stations[:0]
        share = (np.arange(1, parts) + rng.uniform(-0.3, 0.3)) / parts
        cuts = np.quantile(x, share)
        low = np.concatenate([[-np.inf], cuts + margin])
        high = np.concatenate([cuts - margin, [np.inf]])
        slabs = []
        idle = np.ones(len(x), np.bool_)
        for a, b in zip(low, high, strict=True):
            inside = (x > a) & (x < b)
            idle &= ~inside
            near = (self.anchors[:, 0] > a) & (self.anchors[:, 0] < b)
            slabs.append((self.stations[inside], self.anchors[near]))
        return slabs, self.stations[idle]

    def _capacity(self) -> int:
        return len(self.stations) + int(np.count_nonzero(self.grid.weight)) + 1


def _marginal_price(grid: Field | SectorField) -> float:
    """Cost per weight of the best station not placed yet, as a first price of cover."""
    free = grid.near == 0
    rate = float((np.array([(gain * free).max() for gain in grid.gain]) / grid.cost).max())
    return 1.0 / rate if rate > 0.0 else float(grid.cost.max() / grid.weight[grid.weight > 0].min())
