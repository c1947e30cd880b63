"""A wide problem cut into regions that hardly share rows, each proven on its own.

Rows whose columns all lie in one region are covered exactly there; the rows between regions keep
their prices. Prices alone prove the linear relaxation at best: regions prove more.
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.control import Control
from siting.location.set_covering.ascent import reduced_costs, safe_bound
from siting.location.set_covering.kernel import Kernel
from siting.location.set_covering.leaf import least_cost
from siting.location.set_covering.proof import Proof, Proven

log = logging.getLogger(__name__)

#: Regions of fewer columns are not cut further.
SMALLEST = 120
#: Largest share of the prices that the first cut may separate; above it regions prove nothing.
MOST_SEPARATED = 0.25
#: Weight of a row in a cut besides its price, as a share of the mean price.
ALIKE = 0.5
#: Part of a region on the smaller side of a cut, at least.
BALANCE = 0.3
#: Rounds in which columns take the mean place of those they share rows with.
ROUNDS = 30
#: What a region's bound is lowered by, relative to its cost: beyond the tolerances of HiGHS.
MARGIN = 1e-7


@dataclass(slots=True, eq=False)
class Region:
    """Columns, and the rows that only they cover.

    Parameters
    ----------
    rows, columns
        Of the kernel, ascending.
    halves
        What it is cut into; None for the smallest.
    gain
        How much its own proof lifts the bound of the prices; None before it is proven.
    bound
        What is proven of its rows at the costs that the prices of the other rows leave.
    tried
        Whether a proof was looked for.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    halves: tuple[Region, Region] | None = None
    gain: float | None = None
    bound: float = 0.0
    tried: bool = False

    def best(self) -> tuple[float, list[Region]]:
        """Return the most that proofs in here lift the bound, and the regions that do so."""
        inner, chosen = 0.0, []
        for half in self.halves or ():
            gain, some = half.best()
            inner += gain
            chosen += some
        if self.gain is not None and self.gain > inner:
            return self.gain, [self]
        return inner, chosen


class Regions:
    """The regions of one part at fixed prices.

    Parameters
    ----------
    kernel
        Rows that need one column each, and columns.
    prices
        Of the rows, as they are stored.
    control
        When to end, and how many threads.
    """

    def __init__(self, kernel: Kernel, prices: npt.NDArray[np.float32], control: Control) -> None:
        self.kernel, self.control = kernel, control
        self.prices = prices
        self.u = prices.astype(np.float64)
        self.rc = np.empty(kernel.columns)
        reduced_costs(kernel.col_ptr, kernel.col_rows, kernel.cost, self.u, self.rc)
        self.root = Region(np.arange(kernel.rows), np.arange(kernel.columns))
        self.all = [self.root]
        todo = [self.root]
        while todo and not control.clock.expired():
            region = todo.pop()
            if len(region.columns) > SMALLEST:
                self._cut(region)
            self.all += region.halves or ()
            todo += region.halves or ()
        self.all.sort(key=lambda region: len(region.columns))

    def _cut(self, region: Region) -> None:
        """Cut a region in two where rows are left on both sides."""
        here, inside, outside = halved(
            self.kernel.part(region.rows, region.columns), self.u[region.rows]
        )
        if inside.any() and outside.any():
            region.halves = (
                Region(region.rows[inside], region.columns[here]),
                Region(region.rows[outside], region.columns[~here]),
            )

    def prove(self, most: int, chosen: npt.NDArray[np.bool_]) -> int:
        """Prove the regions of at most so many columns, the smaller ones first.

        Returns the number of regions proven anew. A region is tried when its halves are proven.
        `chosen` is a cover; its cost in a region tells which columns are too dear there.
        """
        count = 0
        workers = self.control.threads
        with ThreadPoolExecutor(workers) as pool:
            while not self.control.clock.expired():
                turn = [region for region in self.all if self._next(region, most)][:workers]
                if not turn:
                    break
                list(pool.map(lambda region: self._prove(region, chosen), turn))
                count += sum(region.gain is not None for region in turn)
        log.info("regions: columns<=%d proven=%d gain=%.3f", most, count, self.root.best()[0])
        return count

    @staticmethod
    def _next(region: Region, most: int) -> bool:
        if region.tried or len(region.columns) > most or not len(region.rows):
            return False
        return all(half.gain is not None or not len(half.rows) for half in region.halves or ())

    def _prove(self, region: Region, chosen: npt.NDArray[np.bool_]) -> None:
        """Look for the proof of one region."""
        region.tried = True
        k = self.kernel.part(region.rows, region.columns)
        u = self.u[region.rows]
        cost = self.rc[region.columns] + np.bincount(
            np.repeat(np.arange(k.columns), np.diff(k.col_ptr)),
            weights=u[k.col_rows],
            minlength=k.columns,
        )
        rest = self.rc[region.columns]
        priced = float(u.sum() + np.minimum(rest, 0.0).sum())
        known = float(cost[chosen[region.columns] | (cost < 0)].sum())
        cheap = np.flatnonzero(rest <= known - priced + 1e-6 * (1.0 + abs(known)))
        least = least_cost(k.part(np.arange(k.rows), cheap), cost[cheap], self.control.clock)
        if least is None:
            return
        region.bound = least - MARGIN * (1.0 + abs(least))
        region.gain = region.bound - priced

    def proof(self) -> Proof:
        """Return the proof that the best choice of regions makes."""
        _, chosen = self.root.best()
        k = self.kernel
        inner = np.zeros(k.rows, dtype=np.bool_)
        outer = np.ones(k.columns, dtype=np.bool_)
        for region in chosen:
            inner[region.rows] = True
            outer[region.columns] = False
        prices = np.where(inner, np.float32(0.0), self.prices)
        left = np.flatnonzero(outer)
        rest = k.part(np.arange(k.rows), left)
        total = safe_bound(
            rest.col_ptr, rest.col_rows, rest.cost, rest.need, prices.astype(np.float64)
        )
        bounds = [region.bound for region in chosen]
        total += sum(bounds) - MARGIN * sum(map(abs, bounds)) / 8
        proven = tuple(
            Proven(
                rows=region.rows,
                columns=region.columns,
                bound=region.bound,
                prices=self.prices[region.rows],
            )
            for region in chosen
        )
        return Proof(bound=total, prices=prices[None, :], regions=proven)


def falls_apart(kernel: Kernel, prices: npt.NDArray[np.float64]) -> bool:
    """Tell whether a cut in two separates rows of little price only, so that regions help."""
    if not kernel.rows or not kernel.columns:
        return False
    _, inside, outside = halved(kernel, prices)
    return float(prices[inside | outside].sum()) > (1 - MOST_SEPARATED) * float(prices.sum())


def halved(
    kernel: Kernel, prices: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Cut columns in two so that few rows, of little price, have columns on both sides.

    Returns the columns of one side as flags, the rows of that side, and those of the other.

    Notes
    -----
    Columns are ordered along the line between two that are far apart, smoothed so that columns
    that share rows come close together (a few steps towards the second eigenvector of their
    graph); of the cuts of that order with both sides large enough the lightest is taken.
    """
    arrays = kernel.row_ptr, kernel.row_cols, kernel.col_ptr, kernel.col_rows
    first = int(np.argmax(_distances(*arrays, 0)))
    near = _distances(*arrays, first)
    far = _distances(*arrays, int(np.argmax(near)))
    place = _smoothed(*arrays, (near - far).astype(np.float64), ROUNDS)
    order = np.argsort(place, kind="stable")
    low = max(1, int(BALANCE * kernel.columns))
    weight = prices + ALIKE * prices.mean()
    here = np.zeros(kernel.columns, dtype=np.bool_)
    here[
        order[: _lightest(kernel.row_ptr, *arrays[2:], order, weight, low, kernel.columns - low)]
    ] = True
    ends = np.add.reduceat(here[kernel.row_cols].astype(np.int32), kernel.row_ptr[:-1])
    return here, ends == np.diff(kernel.row_ptr), ends == 0


@njit(cache=True, nogil=True)
def _distances(row_ptr, row_cols, col_ptr, col_rows, start):
    """Return how many rows lie between each column and one; those not connected are farthest."""
    columns, rows = len(col_ptr) - 1, len(row_ptr) - 1
    far = np.full(columns, -1, dtype=np.int32)
    seen = np.zeros(rows, dtype=np.bool_)
    queue = np.empty(columns, dtype=np.int32)
    far[start] = 0
    queue[0] = start
    head, tail = 0, 1
    while head < tail:
        j = queue[head]
        head += 1
        for e in range(col_ptr[j], col_ptr[j + 1]):
            i = col_rows[e]
            if seen[i]:
                continue
            seen[i] = True
            for f in range(row_ptr[i], row_ptr[i + 1]):
                c = row_cols[f]
                if far[c] < 0:
                    far[c] = far[j] + 1
                    queue[tail] = c
                    tail += 1
    last = far[queue[tail - 1]]
    for j in range(columns):
        if far[j] < 0:
            far[j] = last + 1
    return far


@njit(cache=True, nogil=True)
def _smoothed(row_ptr, row_cols, col_ptr, col_rows, place, rounds):
    """Move every column to the mean place of its rows, and every row to that of its columns."""
    rows = len(row_ptr) - 1
    middle = np.empty(rows)
    for _ in range(rounds):
        for i in range(rows):
            total = 0.0
            for e in range(row_ptr[i], row_ptr[i + 1]):
                total += place[row_cols[e]]
            middle[i] = total / (row_ptr[i + 1] - row_ptr[i])
        for j in range(len(place)):
            if col_ptr[j + 1] > col_ptr[j]:
                total = 0.0
                for e in range(col_ptr[j], col_ptr[j + 1]):
                    total += middle[col_rows[e]]
                place[j] = total / (col_ptr[j + 1] - col_ptr[j])
    return place


@njit(cache=True, nogil=True)
def _lightest(row_ptr, col_ptr, col_rows, order, weight, low, high):
    """Return where to cut an order of columns so that the rows cut weigh least."""
    left = np.zeros(len(row_ptr) - 1, dtype=np.int32)
    cut = 0.0
    best = np.inf
    size = low
    for t in range(high):
        j = order[t]
        for e in range(col_ptr[j], col_ptr[j + 1]):
            i = col_rows[e]
            left[i] += 1
            length = row_ptr[i + 1] - row_ptr[i]
            if left[i] == 1 and length > 1:
                cut += weight[i]
            elif left[i] == length and length > 1:
                cut -= weight[i]
        if t + 1 >= low and cut < best:
            best = cut
            size = t + 1
    return size
