"""A covering problem as plain arrays in both directions, the form every compiled part reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp


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
    def of(
        cls,
        cover: sp.csr_array,
        cost: npt.NDArray[np.float64],
        need: npt.NDArray[np.int32],
    ) -> Kernel:
        """Build both directions from a canonical CSR matrix."""
        rows, columns = cover.shape
        row_ptr = np.ascontiguousarray(cover.indptr, dtype=np.int32)
        row_cols = np.ascontiguousarray(cover.indices, dtype=np.int32)
        col_ptr, col_rows = transpose(row_ptr, row_cols, columns)
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
        keep = np.zeros(self.rows, dtype=np.bool_)
        keep[rows] = True
        number = np.full(self.columns, -1, dtype=np.int32)
        number[columns] = np.arange(len(columns), dtype=np.int32)
        wanted = keep[np.repeat(np.arange(self.rows), np.diff(self.row_ptr))]
        wanted &= number[self.row_cols] >= 0
        row_of = np.repeat(np.arange(self.rows), np.diff(self.row_ptr))[wanted]
        lengths = np.bincount(row_of, minlength=self.rows)[rows]
        row_ptr = np.zeros(len(rows) + 1, dtype=np.int32)
        np.cumsum(lengths, out=row_ptr[1:])
        row_cols = number[self.row_cols[wanted]]
        col_ptr, col_rows = transpose(row_ptr, row_cols, len(columns))
        return Kernel(
            row_ptr=row_ptr,
            row_cols=row_cols,
            col_ptr=col_ptr,
            col_rows=col_rows,
            cost=self.cost[columns],
            need=self.need[rows],
        )

    def counts(self, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
        """Return how often each row is covered by the columns named, (rows,)."""
        chosen = np.zeros(self.columns + 1, dtype=np.int32)
        chosen[columns] = 1
        total = np.zeros(len(self.row_cols) + 1, dtype=np.int32)
        np.cumsum(chosen[self.row_cols], out=total[1:])
        return total[self.row_ptr[1:]] - total[self.row_ptr[:-1]]


def transpose(
    row_ptr: npt.NDArray[np.int32], row_cols: npt.NDArray[np.int32], columns: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the column direction of a row direction, rows ascending in each column."""
    shape = (len(row_ptr) - 1, columns)
    marks = np.ones(len(row_cols), dtype=np.bool_)
    turned = sp.csr_array((marks, row_cols, row_ptr), shape=shape).tocsc()
    return turned.indptr.astype(np.int32), turned.indices.astype(np.int32)
