"""One connected part of a reduced covering problem: its best cover, and what is proven of it."""

from __future__ import annotations

import logging
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from siting.location.control import Control
from siting.location.set_covering.ascent import (
    PATIENCE,
    ascend,
    first_prices,
    reduced_costs,
    safe_bound,
)
from siting.location.set_covering.closing import Tree, rounded
from siting.location.set_covering.kernel import Kernel
from siting.location.set_covering.leaf import branch_and_cut, relaxed_prices
from siting.location.set_covering.proof import Proof
from siting.location.set_covering.regions import Regions, falls_apart
from siting.location.set_covering.search import greedy, weigh
from siting.location.set_covering.tree import KERNEL

log = logging.getLogger(__name__)

#: Work of one compiled call, in entries of the matrix visited: some 0.1 s.
CALL = 2e7
#: Work of the first turn of the tree and of the local search, in entries visited.
TREE_WORK, SEARCH_WORK = 4e8, 2e9
#: Work of the first local search, before the prices are good; the second has four times as much.
FIRST_WORK = 1e8
#: Columns per row that the local search looks at, by turn.
WIDTHS = (3, 2, 2, 2, 3, 2, 5)
#: Steps per row after which a local search begins anew from its best cover, all rows alike.
RESTART = 2000
#: Turn after which branch and cut is tried on kernels of at most so many columns and entries.
CUT_TURN, CUT_COLUMNS, CUT_ENTRIES = 0, 800, 15000
#: Parts with more columns are cut into regions where they fall apart; columns of the regions that
#: are proven, by turn.
WIDE, REGION_COLUMNS = 400, (130, 200, 280, 380, 500, 650, 800)
#: Turns in which the prices are raised once more.
SECOND_CLIMBS = 2
#: Parts with fewer columns go to the tree at once.
TINY = 40
#: Relative distance at which two costs that are no whole numbers are the same.
SAME = 4e-10


class Part:
    """The search and the proof of one part.

    Parameters
    ----------
    kernel
        Rows and columns.
    step
        Number of which every cost is a multiple, 0 for none.
    control
        When to end.
    """

    def __init__(self, kernel: Kernel, step: float, control: Control) -> None:
        self.kernel, self.step, self.control = kernel, step, control
        self.value = math.inf
        self.chosen = np.zeros(kernel.columns, dtype=np.bool_)
        self.prices = first_prices(kernel.row_ptr, kernel.row_cols, kernel.col_ptr, kernel.cost) * (
            0.5 if (kernel.need > 1).any() else 1.0
        )
        self.average = np.zeros(kernel.columns)
        self.proof = Proof(bound=0.0, prices=np.zeros((1, kernel.rows), dtype=np.float32))
        #: Cost at which a cover is good enough to stop; a cover above it is of no use.
        self.enough = -math.inf
        self.most = math.inf
        first = control.seed * 2 + 0x9E3779B97F4A7C15
        draws = [(first + lane) % 2**64 for lane in range(control.threads)]
        self.seeds = [np.array([draw], dtype=np.uint64) for draw in draws]
        self.tree: Tree | None = None
        self.regions: Regions | None = None
        self.turn = 0
        if not kernel.rows:
            self.value = 0.0

    @property
    def bound(self) -> float:
        """Proven least cost."""
        return self.proof.bound

    @property
    def upper(self) -> float:
        """Cost that a cover has to be below to be of use."""
        return min(self.value, self.most)

    @property
    def closed(self) -> bool:
        """Whether no better cover that is of use exists."""
        if self.step:
            return self.bound > self.upper - self.step * 0.5
        return self.bound >= self.upper * (1 - 2 * SAME)

    def offer(self, chosen: npt.NDArray[np.bool_]) -> None:
        """Take over a cover when it is better than the best."""
        cost = math.fsum(self.kernel.cost[chosen].tolist())
        met = self.kernel.counts(np.flatnonzero(chosen)) >= self.kernel.need
        if cost < self.value and met.all():
            self.value, self.chosen = cost, chosen.copy()

    def greedy(self) -> None:
        """Make a cover from the prices."""
        chosen = np.zeros(self.kernel.columns, dtype=np.bool_)
        k = self.kernel
        cost = greedy(
            k.row_ptr, k.row_cols, k.col_ptr, k.col_rows, k.cost, k.need, self.prices, chosen
        )
        if math.isfinite(cost):
            self.offer(chosen)

    def climb(self, steps: int, scale: float, patience: float = PATIENCE) -> None:
        """Raise the prices by subgradient steps and claim what they prove."""
        k = self.kernel
        size = max(1, len(k.row_cols))
        upper = self.upper if math.isfinite(self.upper) else float(self.kernel.cost.sum())
        state = np.array([-np.inf, scale, -1e300, 0.0, patience])
        prices, best = self.prices.copy(), self.prices.copy()
        target = upper - (1.0 - 1e-3) * self.step if self.step else upper * (1 - 1e-9)
        chunk = max(10, int(CALL / size))
        while steps > 0 and not self.control.clock.expired():
            asked = min(steps, chunk)
            done = ascend(
                k.row_ptr, k.row_cols, k.col_ptr, k.col_rows, k.cost, k.need, prices, best,
                self.average, state, upper, target, asked,
            )  # fmt: skip
            steps -= asked
            if done < asked or state[0] > target:
                break
        self.prices = best
        self.claim()

    def claim(self) -> None:
        """Claim the bound of the present prices, where it is better than the claim so far."""
        k = self.kernel
        kept = self.prices.astype(np.float32)
        found = safe_bound(k.col_ptr, k.col_rows, k.cost, k.need, kept.astype(np.float64))
        found = rounded(found, self.step)
        if found > self.proof.bound:
            self.proof = Proof(bound=found, prices=kept[None, :])

    def search(self, work: float, most: int | None = None) -> None:
        """Look for better covers among the columns that are cheap at the prices.

        Every thread searches columns of its own width, from its own draws, for the same work.
        """
        k = self.kernel
        rc = np.empty(k.columns)
        reduced_costs(k.col_ptr, k.col_rows, k.cost, self.prices, rc)
        lanes = []
        for seed in self.seeds if most is None else self.seeds[:1]:
            width = self.width
            steps = self.steps(work, width) if most is None else min(most, self.steps(work, width))
            self.turn += 1
            near = (rc <= np.partition(rc, width - 1)[width - 1]) & (rc < self.upper - self.bound)
            lanes.append((np.flatnonzero(near | self.chosen), seed, steps))
        if len(lanes) == 1:
            found = [self.walk(*lanes[0])]
        else:
            with ThreadPoolExecutor(len(lanes)) as pool:
                found = list(pool.map(lambda lane: self.walk(*lane), lanes))
        for chosen in found:
            self.offer(chosen)

    def walk(
        self, columns: npt.NDArray[np.intp], seed: npt.NDArray[np.uint64], steps: int
    ) -> npt.NDArray[np.bool_]:
        """Return the best cover that the local search meets on some columns."""
        k = self.kernel.part(np.arange(self.kernel.rows), columns)
        limits = np.array([self.value, self.step or 1e-9 * self.value, self.enough, 0.0])
        best = self.chosen[columns]
        current, stamps = best.copy(), np.zeros(k.columns)
        weights = np.ones(k.rows)
        chunk = max(100, int(CALL * k.rows / max(1, 40 * len(k.row_cols))))
        since = 0
        while steps > 0 and not self.control.clock.expired():
            asked = min(steps, chunk)
            weigh(
                k.row_ptr, k.row_cols, k.col_ptr, k.col_rows, k.cost, k.need, weights, stamps,
                current, best, seed, limits, asked,
            )  # fmt: skip
            steps -= asked
            since += asked
            if limits[0] <= max(self.enough, self.bound):
                break
            if since > RESTART * k.rows:
                current, since = best.copy(), 0
                weights.fill(1.0)
                stamps.fill(0.0)
        chosen = np.zeros(self.kernel.columns, dtype=np.bool_)
        chosen[columns[best]] = True
        return chosen

    def close(self, work: float) -> None:
        """Grow the tree for some work; a better cover since then starts it anew."""
        upper = self.upper if math.isfinite(self.upper) else float(self.kernel.cost.sum()) + 1.0
        if self.tree is None or upper < self.tree.upper:
            prices = self.prices.astype(np.float32)
            self.tree = Tree(self.kernel, prices, self.average, upper, self.step, self.control)
        closed = self.tree.grow(work)
        if self.tree.chosen is not None:
            self.offer(self.tree.chosen)
        if closed or rounded(self.tree.bound, self.step) > self.bound:
            self.proof = self.tree.proof()

    def begin(self) -> None:
        """Find first prices and a first good cover."""
        if self.closed:
            return
        if self.kernel.columns <= TINY:
            self.climb(60, 1.0)
            self.greedy()
            return
        self.climb(300, 1.0)
        self.greedy()
        if not self.done:
            self.search(FIRST_WORK, 200 + 20 * self.kernel.rows)
        if not self.done:
            self.divide()
        if not self.done:
            if self.regions is None:
                self.climb(2000, 0.5)
            self.greedy()
        if not self.done:
            self.search(4 * FIRST_WORK, 100 * self.kernel.rows)

    def divide(self) -> None:
        """Cut a wide part into regions, where that separates little."""
        k, clock = self.kernel, self.control.clock
        if k.columns < WIDE or (k.need > 1).any() or not falls_apart(k, self.prices):
            return
        prices = relaxed_prices(k, clock)
        if prices is not None:
            self.prices = prices
            self.claim()
        self.regions = Regions(k, self.prices.astype(np.float32), self.control)

    def lift(self, regions: Regions, most: int) -> None:
        """Prove regions of at most so many columns and claim what they prove together."""
        if not regions.prove(most, self.chosen):
            return
        proof = regions.proof()
        proof.bound = rounded(proof.bound, self.step)
        if proof.bound > self.bound:
            self.proof = proof

    def cut(self) -> None:
        """Close a small kernel by branch and cut; the check repeats it."""
        k = self.kernel
        found, proven = branch_and_cut(k, self.upper, self.step, self.control.clock)
        if found is not None:
            self.offer(found)
        if proven:
            kept = self.prices.astype(np.float32)
            self.proof = Proof(
                bound=self.upper, prices=kept[None, :], code=np.full(1, KERNEL, dtype=np.int8)
            )

    @property
    def stuck(self) -> bool:
        """Whether the tree does not lift the bound of a kernel that branch and cut can close."""
        return bool(
            self.step
            and math.isfinite(self.upper)
            and self.kernel.columns <= CUT_COLUMNS
            and len(self.kernel.row_cols) <= CUT_ENTRIES
            and self.proof.option[0] < 0
        )

    def go_on(self, turn: int) -> None:
        """Search and prove some more, the longer the later the turn."""
        log.info("part: turn=%d value=%.9g bound=%.9g", turn, self.value, self.bound)
        if self.regions is not None:
            self.lift(self.regions, REGION_COLUMNS[min(turn, len(REGION_COLUMNS) - 1)])
        else:
            self.prove(turn)
        if not self.done:
            self.search(SEARCH_WORK * 1.5**turn)

    def prove(self, turn: int) -> None:
        """Grow the tree, raise the prices, or close the part by branch and cut."""
        self.close(TREE_WORK * 3.0**turn)
        if not self.done and turn < SECOND_CLIMBS:
            before = self.bound
            self.climb(3000, 1.0, 50.0)
            if self.bound > before:
                self.tree = None
        if turn == CUT_TURN and not self.done and self.stuck:
            self.cut()

    def steps(self, work: float, width: int) -> int:
        """Return how many steps of the local search some work allows on so many columns."""
        k = self.kernel
        size = float(len(k.row_cols))
        touched = (size / k.columns) * (size / k.rows) * (width / k.columns)
        return 1 + int(work / (4.0 * touched + 200.0))

    @property
    def width(self) -> int:
        """Number of columns that the next local search looks at."""
        k = self.kernel
        return min(k.columns, max(300, WIDTHS[self.turn % len(WIDTHS)] * k.rows))

    @property
    def done(self) -> bool:
        """Whether nothing is left to do, or the clock has ended it."""
        return self.closed or self.value <= self.enough or self.control.clock.expired()
