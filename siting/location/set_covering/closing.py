"""The tree of a part grown piece by piece: which open node next, and what is proven so far."""

from __future__ import annotations

import logging
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.location.control import Control
from siting.location.set_covering.ascent import reduced_costs, safe_bound
from siting.location.set_covering.kernel import Kernel
from siting.location.set_covering.proof import Proof
from siting.location.set_covering.tree import Rows, grow

log = logging.getLogger(__name__)

#: Work of one piece of a tree, in entries of the kernel visited: well below a second.
PIECE = 1.5e8
#: Memory for the price vectors of one tree [bytes]; a tree that needs more stays open.
STORE_BYTES = 8e8
#: Pieces grown side by side, whatever the number of threads.
SIDE_BY_SIDE = 2
#: Subgradient steps at a node.
STEPS = 90


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenNode:
    """A node still to be closed.

    Parameters
    ----------
    node
        Its number.
    bound
        Bound of its parent.
    price
        Price vector of its parent.
    status
        What each column is.
    """

    node: int
    bound: float
    price: int
    status: npt.NDArray[np.int8]


class Tree:
    """The tree of one part.

    Parameters
    ----------
    kernel
        Rows and columns.
    prices
        Root prices, float32.
    upper, step
        Cost to be below, and the number of which every cost is a multiple (0 for none).
    control
        When to end, and how many threads.
    """

    def __init__(  # noqa: PLR0917 - what a root is
        self,
        kernel: Kernel,
        prices: npt.NDArray[np.float32],
        average: npt.NDArray[np.float64],
        upper: float,
        step: float,
        control: Control,
    ) -> None:
        self.kernel, self.control = kernel, control
        self.upper, self.step = upper, step
        self.chosen: npt.NDArray[np.bool_] | None = None
        self.stores: list[npt.NDArray[np.float32]] = [prices[None, :]]
        self.stored = 1
        self.nodes: list[list[npt.NDArray[np.generic]]] = [[], [], [], [], [], []]
        self.numbers: list[npt.NDArray[np.integer]] = []
        self.count = 0
        self.rows_left = np.arange(kernel.rows)
        self.open: list[OpenNode] = []
        self._root(prices, average)

    def _root(self, prices: npt.NDArray[np.float32], average: npt.NDArray[np.float64]) -> None:
        """Decide what the root prices decide, and keep what they leave open."""
        k = self.kernel
        u = prices.astype(np.float64)
        rc = np.empty(k.columns)
        reduced_costs(k.col_ptr, k.col_rows, k.cost, u, rc)
        bound = safe_bound(k.col_ptr, k.col_rows, k.cost, k.need, u)
        goal = self.goal
        sure = bound + np.abs(rc) >= goal + 1e-9 * abs(goal)
        self.taken = np.flatnonzero(sure & (rc < 0))
        met = k.counts(self.taken)
        rows = np.flatnonzero(met < k.need)
        self.columns = np.flatnonzero(~sure)
        self.small = k.part(rows, self.columns)
        self.rows_left = rows
        self.base = float(k.cost[self.taken].sum())
        self.rows = Rows(
            self.small.row_ptr,
            self.small.row_cols,
            (k.need[rows] - met[rows]).astype(np.int32),
            self.small.cost,
        )
        self.average = average[self.columns]
        status = np.zeros(len(self.columns), dtype=np.int8)
        self.open = [OpenNode(node=0, bound=bound - self.base, price=0, status=status)]
        log.info(
            "tree: rows=%d columns=%d nnz=%d", len(rows), len(self.columns), len(self.rows.cols)
        )

    @property
    def goal(self) -> float:
        """Bound that closes a node."""
        if self.step:
            return self.upper - self.step * (1 - 1e-6)
        return self.upper - 4e-10 * abs(self.upper)

    @property
    def bound(self) -> float:
        """Proven least cost of covers better than `upper`."""
        return min([item.bound + self.base for item in self.open], default=self.upper)

    def grow(self, work: float) -> bool:
        """Grow for some work (entries visited); tell whether the tree is closed."""
        size = max(1, len(self.rows.cols))
        room = int(STORE_BYTES / (4 * max(1, self.kernel.rows)))
        limit = int(min(4000, max(20, PIECE / (size * 2 * STEPS))))
        nodes = max(20, int(work / (size * 2 * STEPS)))
        spent = 0
        workers = min(self.control.threads, SIDE_BY_SIDE)
        pool = ThreadPoolExecutor(workers) if workers > 1 else None
        try:
            while self.open and spent < nodes and self.stored < room:
                if self.control.clock.expired():
                    break
                self.open.sort(key=lambda item: (item.bound, item.node), reverse=True)
                turn = [self.open.pop() for _ in range(min(SIDE_BY_SIDE, len(self.open)))]
                most = min(limit, 200) if self.count == 0 else limit
                if pool is None:
                    results = [self._piece(item, most) for item in turn]
                else:
                    tasks = [pool.submit(self._piece, item, most) for item in turn]
                    results = [task.result() for task in tasks]
                for item, result in zip(turn, results, strict=True):
                    spent += self._join(item, result)
        finally:
            if pool is not None:
                pool.shutdown()
        return not self.open

    def _piece(self, item: OpenNode, limit: int) -> tuple:
        """Grow one piece; changes nothing that another piece reads."""
        start = self._price(item.price)[self.rows_left].astype(np.float64)
        return grow(
            self.rows, item.node == 0, item.status, start, self.average.copy(),
            self.upper - self.base, self.step, item.bound, limit, STEPS,
        )  # fmt: skip

    def _price(self, number: int) -> npt.NDArray[np.float32]:
        """Return a stored price vector on all rows."""
        if number == 0:
            return self.stores[0][0]
        begin = 1
        for store in self.stores[1:]:
            if number < begin + len(store):
                full = np.zeros(self.kernel.rows, dtype=np.float32)
                full[self.rows_left] = store[number - begin]
                return full
            begin += len(store)
        raise IndexError(number)

    def _join(self, item: OpenNode, result: tuple) -> int:
        """Take over a piece: its first node is the open node it grew from."""
        (nodes, stored, found, upper, open_node, open_bound, open_price, open_status) = result
        number = np.concatenate(([item.node], self.count + np.arange(len(nodes.option) - 1)))
        if item.node == 0 and self.count == 0:
            number = np.arange(len(nodes.option))
            self.count = 1
        named = (
            np.append(self.columns, -1)[nodes.option],
            number[nodes.excluded],
            number[nodes.included],
            nodes.price + self.stored,
        )
        marks = (nodes.option, nodes.excluded, nodes.included, nodes.price)
        for kept, values, mark in zip(self.nodes, named, marks, strict=False):
            kept.append(np.where(mark >= 0, values, -1))
        if number[0] == 0:
            self.nodes[3][-1][0] = 0
        self.nodes[4].append(nodes.code)
        self.nodes[5].append(nodes.bound + self.base)
        self.numbers.append(number)
        for place in range(len(open_node)):
            price = int(open_price[place])
            self.open.append(
                OpenNode(
                    node=int(number[open_node[place]]),
                    bound=max(float(open_bound[place]), item.bound),
                    price=item.price if price < 0 else price + self.stored,
                    status=open_status[place],
                )
            )
        self.count += len(nodes.option) - 1
        self.stores.append(stored)
        self.stored += len(stored)
        if upper + self.base < self.upper - 1e-12 * abs(self.upper):
            self.upper = upper + self.base
            self.chosen = np.zeros(self.kernel.columns, dtype=np.bool_)
            self.chosen[self.taken] = True
            self.chosen[self.columns[found]] = True
        return len(stored)

    def proof(self) -> Proof:
        """Return what the tree proves; below nodes whose prices reach it nothing is kept."""
        order = np.concatenate(self.numbers)
        merged = []
        for kept in self.nodes:
            values = np.concatenate(kept)
            placed = np.empty(self.count, dtype=values.dtype)
            placed[order] = values
            merged.append(placed)
        option, excluded, included, price, code, reached = merged
        claim = rounded(self.bound, self.step) if self.open else self.upper
        if not self.step:
            claim -= 4e-10 * abs(claim)
        if self.open:
            low = claim - self.step * (1 - 1e-7) if self.step else claim
            option = np.where(reached >= low, -1, option)
        kept, number = _reachable(option, excluded, included)
        split = option[kept] >= 0
        used, at = np.unique(price[kept], return_inverse=True)
        return Proof(
            bound=claim,
            prices=self._stacked(used[used >= 0]),
            option=option[kept],
            excluded=np.where(split, number[excluded[kept]], -1),
            included=np.where(split, number[included[kept]], -1),
            price=(at - (used[0] < 0)).astype(np.int32),
            code=code[kept].astype(np.int8),
        )

    def _stacked(self, numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Return some stored price vectors on all rows, (numbers, rows)."""
        full = np.zeros((len(numbers), self.kernel.rows), dtype=np.float32)
        begin = 1
        full[numbers == 0] = self.stores[0][0]
        for store in self.stores[1:]:
            here = np.flatnonzero((numbers >= begin) & (numbers < begin + len(store)))
            full[np.ix_(here, self.rows_left)] = store[numbers[here] - begin]
            begin += len(store)
        return full


def rounded(bound: float, step: float) -> float:
    """Return the claim that a bound allows for costs that are multiples of a step."""
    if not step or not math.isfinite(bound):
        return bound
    return math.ceil(bound / step - 1e-7) * step


def _reachable(
    option: npt.NDArray[np.integer],
    excluded: npt.NDArray[np.integer],
    included: npt.NDArray[np.integer],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the nodes reached from the root, ascending, and their new numbers."""
    reached = np.zeros(len(option), dtype=np.bool_)
    front = np.zeros(1, dtype=np.intp)
    while len(front):
        reached[front] = True
        split = front[option[front] >= 0]
        front = np.concatenate((excluded[split], included[split]))
    kept = np.flatnonzero(reached)
    number = np.full(len(option), -1, dtype=np.intp)
    number[kept] = np.arange(len(kept))
    return kept, number
