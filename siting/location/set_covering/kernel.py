"""A covering problem as plain arrays in both directions, the form every compiled part reads."""

# ruff: noqa: ANN001, ANN201
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kernel:
    """Rows to cover and columns to cover them with: ``min f @ y``, ``A y >= need``, y binary.

    Parameters
    ----------
    row_ptr, row_cols
        Columns of each row, ascending (CSR).
    col_ptr, col_rows
        Rows of each column, ascending (CSC).
    cost
        ``f`` >= 0, (columns,).
    need
        How many columns must cover each row, >= 1, (rows,).
    """

    row_ptr: npt.NDArray[np.int32]
    row_cols: npt.NDArray[np.int32]
    col_ptr: npt.NDArray[np.int32]
    col_rows: npt.NDArray[np.int32]
    cost: npt.NDArray[np.float64]
    need: npt.NDArray[np.int32]

    @classmethod
    def by_rows(
        cls,
        row_ptr: npt.NDArray[np.int32],
        row_cols: npt.NDArray[np.int32],
        cost: npt.NDArray[np.float64],
        need: npt.NDArray[np.int32],
    ) -> Kernel:
        """Return a kernel from its row direction."""
        col_ptr, col_rows = transpose(row_ptr, row_cols, len(cost))
        return cls(
            row_ptr=row_ptr,
            row_cols=row_cols,
            col_ptr=col_ptr,
            col_rows=col_rows,
            cost=np.ascontiguousarray(cost, dtype=np.float64),
            need=np.ascontiguousarray(need, dtype=np.int32),
        )

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.need)

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.cost)

    def part(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Kernel:
        """Return the rows and columns named (ascending), numbered anew."""
        number = np.full(self.columns, -1, dtype=np.int32)
        number[columns] = np.arange(len(columns), dtype=np.int32)
        row_ptr, row_cols = slices(self.row_ptr, self.row_cols, rows.astype(np.int32), number)
        return Kernel.by_rows(row_ptr, row_cols, self.cost[columns], self.need[rows])

    def counts(self, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
        """Return how often each row is covered by the columns named, (rows,)."""
        chosen = np.zeros(self.columns + 1, dtype=np.int32)
        chosen[columns] = 1
        total = np.zeros(len(self.row_cols) + 1, dtype=np.int32)
        np.cumsum(chosen[self.row_cols], out=total[1:])
        return total[self.row_ptr[1:]] - total[self.row_ptr[:-1]]


@njit(cache=True, nogil=True)
def slices(ptr, items, lines, number):
    """Return some lines of a sparse matrix, their items renamed; those named -1 are left out."""
    size = 0
    for line in lines:
        size += ptr[line + 1] - ptr[line]
    some = np.zeros(len(lines) + 1, dtype=np.int32)
    found = np.empty(size, dtype=np.int32)
    size = 0
    for place in range(len(lines)):
        for entry in range(ptr[lines[place]], ptr[lines[place] + 1]):
            name = number[items[entry]]
            if name >= 0:
                found[size] = name
                size += 1
        some[place + 1] = size
    return some, found[:size].copy()


@njit(cache=True, nogil=True)
def transpose(ptr, items, number):
    """Return the other direction of a sparse matrix, ascending in each line."""
    turned = np.zeros(number + 1, dtype=np.int32)
    for entry in range(len(items)):
        turned[items[entry] + 1] += 1
    for item in range(number):
        turned[item + 1] += turned[item]
    lines = np.empty(len(items), dtype=np.int32)
    for line in range(len(ptr) - 1):
        for entry in range(ptr[line], ptr[line + 1]):
            item = items[entry]
            lines[turned[item]] = line
            turned[item] += 1
    for item in range(number, 0, -1):
        turned[item] = turned[item - 1]
    turned[0] = 0
    return turned, lines
