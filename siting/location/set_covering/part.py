"""One connected part of a reduced covering problem: its best cover, and what is proven of it."""

from __future__ import annotations

import logging
import math

import numpy as np
import numpy.typing as npt

from siting.location.control import Control
from siting.location.set_covering.ascent import (
    ascend,
    first_prices,
    reduced_costs,
    safe_bound,
)
from siting.location.set_covering.kernel import Kernel
from siting.location.set_covering.proof import Proof
from siting.location.set_covering.search import greedy, weigh
from siting.location.set_covering.tree import grow

log = logging.getLogger(__name__)

#: Work of one compiled call, in entries of the matrix visited: some 0.1 s.
CALL = 2e7
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
        self.seed = np.array([control.seed * 2 + 0x9E3779B97F4A7C15], dtype=np.uint64)
        self.weights = np.ones(kernel.rows)
        self.stamps = np.zeros(kernel.columns)
        self.current = self.chosen.copy()
        self.steps = 0.0

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

    def _arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        k = self.kernel
        return k.row_ptr, k.row_cols, k.col_ptr, k.col_rows, k.cost, k.need

    def offer(self, chosen: npt.NDArray[np.bool_]) -> None:
        """Take over a cover when it is better than the best."""
        cost = math.fsum(self.kernel.cost[chosen].tolist())
        if cost < self.value:
            self.value, self.chosen = cost, chosen.copy()

    def greedy(self) -> None:
        """Make a cover from the prices."""
        chosen = np.zeros(self.kernel.columns, dtype=np.bool_)
        if math.isfinite(greedy(*self._arrays(), self.prices, chosen)):
            self.offer(chosen)

    def climb(self, steps: int, scale: float) -> None:
        """Raise the prices by subgradient steps and claim what they prove."""
        size = max(1, len(self.kernel.row_cols))
        upper = self.upper if math.isfinite(self.upper) else float(self.kernel.cost.sum())
        state = np.array([-np.inf, scale, -1e300, 0.0])
        prices, best = self.prices.copy(), self.prices.copy()
        target = upper - (1.0 - 1e-3) * self.step if self.step else upper * (1 - 1e-9)
        chunk = max(10, int(CALL / size))
        while steps > 0 and not self.control.clock.expired():
            asked = min(steps, chunk)
            done = ascend(*self._arrays(), prices, best, self.average, state, upper, target, asked)
            steps -= asked
            if done < asked or state[0] > target:
                break
        self.prices = best
        self.claim()

    def claim(self) -> None:
        """Claim the bound of the present prices, where it is better than the claim so far."""
        k = self.kernel
        rounded = self.prices.astype(np.float32)
        found = safe_bound(k.col_ptr, k.col_rows, k.cost, k.need, rounded.astype(np.float64))
        found = self.rounded(found)
        if found > self.proof.bound:
            self.proof = Proof(bound=found, prices=rounded[None, :])

    def rounded(self, bound: float) -> float:
        """Return the claim that a bound allows."""
        if not self.step or not math.isfinite(bound):
            return bound
        return math.ceil(bound / self.step - 1e-7) * self.step

    def search(self, steps: int) -> None:
        """Look for a better cover."""
        limits = np.array([self.value, self.step or 1e-9 * self.value, self.enough, self.steps])
        if self.current is None or not self.current.any():
            self.current = self.chosen.copy()
        best = self.chosen.copy()
        chunk = max(100, int(CALL * self.kernel.rows / max(1, 40 * len(self.kernel.row_cols))))
        while steps > 0 and not self.control.clock.expired():
            asked = min(steps, chunk)
            weigh(
                *self._arrays(), self.weights, self.stamps, self.current, best, self.seed, limits,
                asked,
            )  # fmt: skip
            steps -= asked
            if limits[0] <= max(self.enough, self.bound):
                break
        self.steps = limits[3]
        self.offer(best)

    def close(self, nodes: int) -> None:
        """Grow a tree of at most `nodes` nodes below the columns that reduced costs leave open."""
        k = self.kernel
        status = np.zeros(k.columns, dtype=np.int8)
        upper = self.upper if math.isfinite(self.upper) else float(k.cost.sum()) + 1.0
        grown = grow(
            k.row_ptr, k.row_cols, k.need, k.cost, status, self.prices, self.average.copy(),
            upper, self.step, nodes, 40, nodes + 2,
        )  # fmt: skip
        option, excluded, included, price, code, stored, found, value, open_nodes = grown[:9]
        if value < upper:
            self.offer(found)
        if len(open_nodes):
            return
        bound = self.upper if self.step else self.upper * (1 - SAME)
        self.proof = Proof(
            bound=bound,
            prices=stored,
            option=option,
            excluded=excluded,
            included=included,
            price=price,
            code=code,
        )

    def run(self) -> None:
        """Search and prove until nothing is left to do or the clock ends it."""
        if self.kernel.columns > TINY:
            self.climb(300, 1.0)
            self.greedy()
            self.search(200 + 10 * self.kernel.rows)
            if not self.closed:
                self.climb(2000, 0.5)
        else:
            self.climb(60, 1.0)
            self.greedy()
        if not self.closed and self.value > self.enough:
            self.close(20000)
