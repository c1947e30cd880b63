"""Exact reductions of a covering problem, with the reasons the certificate needs.

Rows that follow from another row are dropped, columns that another serves at least as well are
left out, columns without which a row stays short are taken. Dropping rows only relaxes the problem,
so every dominance of columns that holds at some stage holds on the rows that are left in the end.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit

from siting.clock import Clock
from siting.location.rows import merge_rows
from siting.location.set_covering.kernel import Kernel, transpose

log = logging.getLogger(__name__)

#: Rounds of row and column dominance at most; each round feeds the next.
MOST_ROUNDS = 12
#: Comparisons between two looks at the clock.
COMPARISONS = 20_000_000
#: Entries above which equal rows are merged before dominance is looked for.
MERGE_ABOVE = 20_000

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """What is left of a covering problem, and what was decided.

    Parameters
    ----------
    kernel
        The rows and columns left.
    rows, columns
        Their numbers in the problem given, ascending.
    taken
        Columns chosen for certain, ascending (fixed ones included).
    tight
        Rows outside the kernel that need all the columns left to them (so those are taken), in the
        problem given. Where every row needs one column they stay in the kernel instead, each
        alone with its column.
    dominated
        Pairs ``(worse, better)`` of columns of the problem given.
    short
        Rows that cannot be covered often enough; when there is one the rest is empty.
    """

    kernel: Kernel
    rows: IndexArray
    columns: IndexArray
    taken: IndexArray
    tight: IndexArray
    dominated: IndexArray
    short: IndexArray


class Reducer:
    """Applies the reductions until nothing changes.

    Parameters
    ----------
    cover
        Canonical CSR, (n, m).
    cost
        ``f`` >= 0, (m,).
    need
        ``k`` >= 1, (n,).
    clock
        Ends the work early when it expires; what was reduced stands.
    """

    def __init__(
        self,
        cover: sp.csr_array,
        cost: npt.NDArray[np.float64],
        need: npt.NDArray[np.int32],
        clock: Clock,
    ) -> None:
        self.cost = cost
        self.clock = clock
        self.row_ptr = np.asarray(cover.indptr, dtype=np.int32)
        self.row_cols = np.asarray(cover.indices, dtype=np.int32)
        self.rows: IndexArray = np.arange(cover.shape[0])
        self.need = need.astype(np.int32)
        #: Rows that need one column besides the fixed ones; only those let columns be exchanged.
        self.single = self.need == 1
        self.gone = np.zeros(cover.shape[1], dtype=np.bool_)
        self.taken = np.zeros(cover.shape[1], dtype=np.bool_)
        self.plain = bool((need == 1).all())
        self.tight: list[IndexArray] = []
        #: Tight rows with the one column they need, no column twice.
        self.alone: list[tuple[int, int]] = []
        self.dominated: list[IndexArray] = []

    def fix(self, columns: IndexArray) -> None:
        """Choose columns that are fixed from the outset."""
        self.take(columns)
        self.single = self.need == 1

    def take(self, columns: IndexArray) -> None:
        """Choose columns; rows they cover need less."""
        self.taken[columns] = True
        self._drop()

    def leave(self, columns: IndexArray) -> None:
        """Leave columns out for good."""
        self.gone[columns] = True
        self._drop()

    def short(self) -> IndexArray:
        """Return the rows (of the problem given) that cannot be covered often enough."""
        return self.rows[np.diff(self.row_ptr) < self.need]

    def run(self, simple: npt.NDArray[np.bool_]) -> None:
        """Reduce until nothing changes; only `simple` columns may be dominated or dominate."""
        for _ in range(MOST_ROUNDS):
            before = (len(self.rows), len(self.row_cols))
            self._take_tight()
            if self.clock.expired():
                return
            self._drop_rows()
            if self.clock.expired():
                return
            self._drop_columns(simple)
            if self.clock.expired() or before == (len(self.rows), len(self.row_cols)):
                return

    def result(self) -> Reduced:
        """Return what is left."""
        rows, need, row_ptr, row_cols = self.rows, self.need, self.row_ptr, self.row_cols
        taken = self.taken.copy()
        tight = np.concatenate([np.zeros(0, dtype=np.intp), *self.tight])
        if self.alone:
            lone = np.array(self.alone, dtype=np.intp)
            taken[lone[:, 1]] = False
            tight = tight[:0]
            everywhere = np.concatenate((rows, lone[:, 0]))
            order = np.argsort(everywhere, kind="stable")
            lengths = np.concatenate((np.diff(row_ptr), np.ones(len(lone), dtype=np.int32)))
            begins = np.concatenate((row_ptr[:-1], len(row_cols) + np.arange(len(lone))))[order]
            entries = np.concatenate((row_cols, lone[:, 1].astype(np.int32)))
            rows, need = everywhere[order], np.ones(len(order), dtype=np.int32)
            row_ptr = _pointers(lengths[order])
            within = np.arange(len(entries)) - np.repeat(row_ptr[:-1], lengths[order])
            row_cols = entries[np.repeat(begins, lengths[order]) + within]
        columns = np.unique(row_cols).astype(np.intp)
        number = np.zeros(len(self.cost), dtype=np.int32)
        number[columns] = np.arange(len(columns), dtype=np.int32)
        kernel = Kernel.by_rows(row_ptr, number[row_cols], self.cost[columns], need)
        none = np.zeros((0, 2), dtype=np.intp)
        return Reduced(
            kernel=kernel,
            rows=rows,
            columns=columns,
            taken=np.flatnonzero(taken),
            tight=tight,
            dominated=np.concatenate([none, *self.dominated]),
            short=self.short(),
        )

    def _take_tight(self) -> None:
        """Choose the columns of rows that need all of them."""
        while not self.clock.expired():
            tight = np.flatnonzero(np.diff(self.row_ptr) == self.need)
            if not len(tight):
                return
            if self.plain:
                firsts, where = np.unique(self.row_cols[self.row_ptr[tight]], return_index=True)
                names = self.rows[tight[where]]
                self.alone += zip(names.tolist(), firsts.tolist(), strict=True)
            self.tight.append(self.rows[tight])
            inside = np.zeros(len(self.rows), dtype=np.bool_)
            inside[tight] = True
            entries = np.repeat(inside, np.diff(self.row_ptr))
            self.take(np.unique(self.row_cols[entries]).astype(np.intp))

    def _keep_rows(self, keep: npt.NDArray[np.bool_]) -> None:
        if keep.all():
            return
        lengths = np.diff(self.row_ptr)
        self.row_cols = self.row_cols[np.repeat(keep, lengths)]
        self.row_ptr = _pointers(lengths[keep])
        self.rows, self.need, self.single = self.rows[keep], self.need[keep], self.single[keep]

    def _drop(self) -> None:
        """Take decided columns out of the rows, and rows that need nothing more out of all."""
        lost = (self.gone | self.taken)[self.row_cols]
        if not lost.any():
            return
        row_of = np.repeat(np.arange(len(self.rows)), np.diff(self.row_ptr))
        met = np.bincount(row_of[self.taken[self.row_cols]], minlength=len(self.rows))
        self.need = (self.need - met).astype(np.int32)
        self.row_cols = self.row_cols[~lost]
        self.row_ptr = _pointers(np.bincount(row_of[~lost], minlength=len(self.rows)))
        self._keep_rows(self.need > 0)

    def _drop_rows(self) -> None:
        """Drop rows that are covered often enough whenever another row is."""
        if len(self.row_cols) > MERGE_ABOVE and (self.need == self.need[0]).all():
            cover = sp.csr_array(
                (np.ones(len(self.row_cols), dtype=np.bool_), self.row_cols, self.row_ptr),
                shape=(len(self.rows), len(self.cost)),
            )
            _, first = np.unique(merge_rows(cover), return_index=True)
            keep = np.zeros(len(self.rows), dtype=np.bool_)
            keep[first] = True
            self._keep_rows(keep)
            if self.clock.expired():
                return
        col_ptr, col_rows = transpose(self.row_ptr, self.row_cols, len(self.cost))
        marks = signatures(self.row_ptr, self.row_cols)
        gone = np.zeros(len(self.rows), dtype=np.bool_)
        place = 0
        while place < len(self.rows) and not self.clock.expired():
            place = _implied(
                self.row_ptr, self.row_cols, col_ptr, col_rows, self.need, marks, gone,
                place, COMPARISONS,
            )  # fmt: skip
        self._keep_rows(~gone)

    def _drop_columns(self, simple: npt.NDArray[np.bool_]) -> None:
        """Leave out columns that another serves at least as well for no more."""
        col_ptr, col_rows = transpose(self.row_ptr, self.row_cols, len(self.cost))
        marks = signatures(col_ptr, col_rows)
        better = np.full(len(self.cost), -1, dtype=np.int32)
        place = 0
        while place < len(better) and not self.clock.expired():
            place = _dominated(
                self.row_ptr, self.row_cols, col_ptr, col_rows, self.single, self.cost, simple,
                marks, better, place, COMPARISONS,
            )  # fmt: skip
        worse = np.flatnonzero(better >= 0)
        if len(worse):
            self.dominated.append(np.column_stack((worse, better[worse].astype(np.intp))))
            self.leave(worse)


def _pointers(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    pointers = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=pointers[1:])
    return pointers


@njit(cache=True, nogil=True)
def signatures(ptr, items):
    """Return 64 bits per line: a line within another has no bit the other lacks."""
    lines = len(ptr) - 1
    signature = np.zeros(lines, dtype=np.uint64)
    for line in range(lines):
        bits = np.uint64(0)
        for entry in range(ptr[line], ptr[line + 1]):
            bit = (np.uint64(items[entry]) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)
            bits |= np.uint64(1) << bit
        signature[line] = bits
    return signature


@njit(cache=True, nogil=True)
def _within(items, start, stop, other_start, other_stop):
    """Tell whether one ascending run is a subset of another."""
    j = other_start
    for i in range(start, stop):
        value = items[i]
        while j < other_stop and items[j] < value:
            j += 1
        if j == other_stop or items[j] != value:
            return False
        j += 1
    return True


@njit(cache=True, nogil=True)
def _implied(row_ptr, row_cols, col_ptr, col_rows, need, marks, gone, place, budget):
    """Mark rows implied by row `place` and later ones, until `budget` comparisons are spent."""
    rows = len(need)
    while place < rows and budget > 0:
        i = place
        place += 1
        if gone[i]:
            continue
        best = row_cols[row_ptr[i]]
        for entry in range(row_ptr[i], row_ptr[i + 1]):
            c = row_cols[entry]
            if col_ptr[c + 1] - col_ptr[c] < col_ptr[best + 1] - col_ptr[best]:
                best = c
        length = row_ptr[i + 1] - row_ptr[i]
        budget -= col_ptr[best + 1] - col_ptr[best] + length
        for entry in range(col_ptr[best], col_ptr[best + 1]):
            o = col_rows[entry]
            span = row_ptr[o + 1] - row_ptr[o]
            if o == i or gone[o] or need[o] > need[i] or span < length:
                continue
            if span == length and need[o] == need[i] and o < i:
                continue
            if marks[i] & ~marks[o]:
                continue
            budget -= length
            if _within(row_cols, row_ptr[i], row_ptr[i + 1], row_ptr[o], row_ptr[o + 1]):
                gone[o] = True
    return place


@njit(cache=True, nogil=True)
def _dominated(
    row_ptr, row_cols, col_ptr, col_rows, single, cost, simple, marks, better, place, budget
):
    """Find a better column for column `place` and later ones, until `budget` is spent."""
    columns = len(cost)
    while place < columns and budget > 0:
        c = place
        place += 1
        length = col_ptr[c + 1] - col_ptr[c]
        if length == 0 or not simple[c]:
            continue
        best = col_rows[col_ptr[c]]
        alone = True
        for entry in range(col_ptr[c], col_ptr[c + 1]):
            i = col_rows[entry]
            alone &= single[i]
            if row_ptr[i + 1] - row_ptr[i] < row_ptr[best + 1] - row_ptr[best]:
                best = i
        budget -= length
        if not alone:
            continue
        budget -= row_ptr[best + 1] - row_ptr[best]
        for entry in range(row_ptr[best], row_ptr[best + 1]):
            o = row_cols[entry]
            span = col_ptr[o + 1] - col_ptr[o]
            if o == c or span < length or cost[o] > cost[c] or better[o] >= 0 or not simple[o]:
                continue
            if span == length and cost[o] == cost[c] and o > c:
                continue
            if marks[c] & ~marks[o]:
                continue
            budget -= length
            if _within(col_rows, col_ptr[c], col_ptr[c + 1], col_ptr[o], col_ptr[o + 1]):
                better[c] = o
                break
    return place
