"""The core of a reduced step one: the few columns that good answers are made of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.rows import merge_rows
from siting.models.presolve import SetCover


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Core:
    """A set cover on some columns of another, its rows merged again.

    Parameters
    ----------
    problem
        The smaller set cover.
    columns
        Column of the larger behind each column, ascending.
    row_of
        Row of the smaller for each row of the larger, -1 where none of the columns serves it.
    """

    problem: SetCover
    columns: npt.NDArray[np.intp]
    row_of: npt.NDArray[np.int32]

    def shrink(self, prices: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Add up prices of the larger's rows into prices of the smaller's."""
        inside = self.row_of >= 0
        return np.bincount(
            self.row_of[inside], weights=prices[inside], minlength=self.problem.rows
        ).astype(np.float64)

    def grow(
        self, whole: SetCover, prices: npt.NDArray[np.float64], multipliers: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Divide prices of the smaller's rows among the larger's, as the bound values them."""
        value = np.where(whole.hard, 1.0, whole.weights @ multipliers)
        inside = np.flatnonzero(self.row_of >= 0)
        row = self.row_of[inside]
        value = np.where(whole.hard[inside] == self.problem.hard[row], value[inside], 0.0)
        total = np.bincount(row, weights=value, minlength=self.problem.rows)
        grown = np.zeros(whole.rows)
        grown[inside] = prices[row] * value / np.where(total[row] > 0, total[row], 1.0)
        return grown


def core_of(problem: SetCover, columns: npt.NDArray[np.intp]) -> Core:
    """Keep some columns of a set cover; together they must be able to meet every need."""
    p = problem
    matrix = sp.csr_array(
        (np.ones(len(p.row_cols), dtype=bool), p.row_cols, p.row_ptr), shape=(p.rows, p.columns)
    )
    matrix = sp.csr_array(matrix[:, columns])
    matrix.sort_indices()
    row_of = merge_rows(matrix)
    rows = int(row_of.max(initial=-1)) + 1
    kept = np.flatnonzero(row_of >= 0)
    _, first = np.unique(row_of[kept], return_index=True)
    matrix = sp.csr_array(matrix[kept[first]])
    matrix.sort_indices()
    by_column = matrix.tocsc()
    by_column.sort_indices()
    merge = sp.csr_array(
        (np.ones(len(kept)), (row_of[kept], np.arange(len(kept)))), shape=(rows, len(kept))
    )
    hard = np.bincount(row_of[kept], weights=p.hard[kept], minlength=rows) > 0
    weights = sp.csr_array(merge @ p.weights.tocsr()[kept])
    granted = np.asarray(weights.T @ hard.astype(np.float64), dtype=np.float64)
    need = np.maximum(p.need - granted, 0.0)
    aim = np.where(need > 0, np.maximum(p.aim - granted, 0.0), 0.0)
    lines = (~hard)[:, None] & (need > 0)[None, :]
    weights = sp.csc_array(weights.multiply(lines))
    weights.eliminate_zeros()
    groups = np.repeat(np.arange(len(p.forced)), np.diff(p.group_ptr))[columns]
    present, number = np.unique(groups, return_counts=True)
    lengths = np.diff(p.column_ptr)[columns]
    parts = [p.column_options[p.column_ptr[c] : p.column_ptr[c + 1]] for c in columns]
    smaller = dataclasses.replace(
        p,
        row_ptr=matrix.indptr.astype(np.int32),
        row_cols=matrix.indices.astype(np.int32),
        col_ptr=by_column.indptr.astype(np.int32),
        col_rows=by_column.indices.astype(np.int32),
        cost=p.cost[columns],
        group_ptr=np.concatenate([[0], np.cumsum(number)]).astype(np.int32),
        forced=p.forced[present],
        hard=hard,
        weights=weights,
        need=need,
        aim=aim,
        column_options=np.concatenate([np.zeros(0, dtype=np.int32), *parts]),
        column_ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
    )
    return Core(problem=smaller, columns=columns, row_of=row_of)
