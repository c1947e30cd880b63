"""Partial covering on plain arrays: columns that serve hard rows, and enough of the soft ones.

The search works on this form alone. A column is an option, or a bundle of options of one site; rows
that must be served are *hard*, the others count towards the targets they carry weight in, and a row
may count in several.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.rows import merge_rows

IndexArray = npt.NDArray[np.signedinteger]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnCover:
    """Choose columns at least cost; build one with :func:`column_cover`.

    Parameters
    ----------
    row_ptr, row_cols
        Columns that serve each row (CSR), shape (r + 1,) and (nnz,).
    col_ptr, col_rows
        Rows that each column serves (CSC).
    cost
        Cost >= 0 of each column, shape (c,).
    group_of, group_ptr
        Group of each column, ascending; columns of group g are ``group_ptr[g]:group_ptr[g + 1]``.
    group_cost
        Cost of a group, paid once when any of its columns is chosen, shape (g,).
    group_most
        Most columns of a group that an answer needs, shape (g,).
    strict
        Whether `group_most` is a rule, not only a remark.
    forced
        Groups of which a column must be chosen, shape (g,).
    pairs
        Columns of which at most one may be chosen, shape (q, 2).
    hard
        Rows that must be served, shape (r,).
    weights
        Weight of each soft row in each target, CSC of shape (r, targets); empty for hard rows.
    need
        Weight each target needs from soft rows, shape (targets,); 0: none.
    aim
        What an answer is held to, a little more than `need`, so that sums of floats in another
        order still meet it.
    """

    row_ptr: npt.NDArray[np.int32]
    row_cols: npt.NDArray[np.int32]
    col_ptr: npt.NDArray[np.int32]
    col_rows: npt.NDArray[np.int32]
    cost: FloatArray
    group_of: npt.NDArray[np.int32]
    group_ptr: npt.NDArray[np.int32]
    group_cost: FloatArray
    group_most: npt.NDArray[np.int32]
    strict: bool
    forced: npt.NDArray[np.bool_]
    pairs: npt.NDArray[np.int32]
    hard: npt.NDArray[np.bool_]
    weights: sp.csc_array
    need: FloatArray
    aim: FloatArray

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_ptr) - 1

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def grouped(self) -> bool:
        """Whether a group costs something or limits its columns."""
        limited = self.strict and bool((self.group_most < np.diff(self.group_ptr)).any())
        return limited or bool(self.group_cost.any())

    @property
    def by_row(self) -> sp.csr_array:
        """Which column serves which row, CSR (r, c) of ones."""
        ones = np.ones(len(self.row_cols))
        return sp.csr_array((ones, self.row_cols, self.row_ptr), shape=(self.rows, self.columns))

    def cost_of(self, columns: IndexArray) -> float:
        """Return the cost of some columns and of the groups they open."""
        groups = np.unique(self.group_of[columns])
        return float(self.cost[columns].sum() + self.group_cost[groups].sum())

    def counts(self, columns: IndexArray) -> npt.NDArray[np.int32]:
        """Return how many of some columns serve each row."""
        rows = gather(self.col_ptr, self.col_rows, columns)
        return np.bincount(rows, minlength=self.rows).astype(np.int32)

    def meets(self, columns: IndexArray) -> bool:
        """Tell whether some columns meet every need and keep every rule."""
        served = self.counts(columns) > 0
        used = np.bincount(self.group_of[columns], minlength=len(self.forced))
        chosen = np.zeros(self.columns, dtype=bool)
        chosen[columns] = True
        weight = self.weights.T @ served.astype(np.float64)
        return bool(
            served[self.hard].all()
            and np.all(weight >= self.aim)
            and np.all(used[self.forced] > 0)
            and (not self.strict or np.all(used <= self.group_most))
            and not (chosen[self.pairs[:, 0]] & chosen[self.pairs[:, 1]]).any()
        )


def column_cover(
    matrix: sp.csr_array,
    *,
    cost: FloatArray,
    group_of: IndexArray,
    group_cost: FloatArray,
    group_most: IndexArray,
    strict: bool,
    forced: npt.NDArray[np.bool_],
    pairs: IndexArray,
    hard: npt.NDArray[np.bool_],
    weights: sp.sparray,
    need: FloatArray,
    aim: FloatArray,
) -> ColumnCover:
    """Build a problem from a matrix (r, c) and what belongs to it; groups may be empty."""
    by_row = sp.csr_array(matrix)
    by_row.sort_indices()
    by_column = by_row.tocsc()
    by_column.sort_indices()
    column_weights = sp.csc_array(weights)
    column_weights.eliminate_zeros()
    number = np.bincount(group_of, minlength=len(forced))
    return ColumnCover(
        row_ptr=by_row.indptr.astype(np.int32),
        row_cols=by_row.indices.astype(np.int32),
        col_ptr=by_column.indptr.astype(np.int32),
        col_rows=by_column.indices.astype(np.int32),
        cost=cost.astype(np.float64),
        group_of=group_of.astype(np.int32),
        group_ptr=np.concatenate([[0], np.cumsum(number)]).astype(np.int32),
        group_cost=group_cost.astype(np.float64),
        group_most=group_most.astype(np.int32),
        strict=strict,
        forced=forced,
        pairs=pairs.astype(np.int32).reshape(-1, 2),
        hard=hard,
        weights=column_weights,
        need=need.astype(np.float64),
        aim=aim.astype(np.float64),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Core:
    """A problem on some columns of another, its rows merged again.

    Parameters
    ----------
    problem
        The smaller problem.
    columns
        Column of the larger behind each column, ascending.
    row_of
        Row of the smaller for each row of the larger, -1 where none of the columns serves it.
    """

    problem: ColumnCover
    columns: npt.NDArray[np.intp]
    row_of: npt.NDArray[np.int32]

    def shrink(self, prices: FloatArray) -> FloatArray:
        """Add up prices of the larger's rows into prices of the smaller's."""
        inside = self.row_of >= 0
        taken = prices[: len(self.row_of)]
        return np.bincount(
            self.row_of[inside], weights=taken[inside], minlength=self.problem.rows
        ).astype(np.float64)

    def grow(self, whole: ColumnCover, prices: FloatArray, multipliers: FloatArray) -> FloatArray:
        """Divide prices of the smaller's rows among the larger's, as the bound values them."""
        value = np.where(whole.hard, 1.0, whole.weights @ multipliers)
        inside = np.flatnonzero(self.row_of >= 0)
        row = self.row_of[inside]
        value = np.where(whole.hard[inside] == self.problem.hard[row], value[inside], 0.0)
        total = np.bincount(row, weights=value, minlength=self.problem.rows)
        grown = np.zeros(whole.rows)
        grown[inside] = prices[row] * value / np.where(total[row] > 0, total[row], 1.0)
        return grown


def core_of(problem: ColumnCover, columns: IndexArray) -> Core:
    """Keep some columns of a problem; together they must be able to meet every need."""
    p = problem
    matrix = sp.csr_array(p.by_row[:, columns])
    matrix.sort_indices()
    row_of = merge_rows(matrix)
    rows = int(row_of.max(initial=-1)) + 1
    kept = np.flatnonzero(row_of >= 0)
    _, first = np.unique(row_of[kept], return_index=True)
    merge = sp.csr_array(
        (np.ones(len(kept)), (row_of[kept], np.arange(len(kept)))), shape=(rows, len(kept))
    )
    hard = np.bincount(row_of[kept], weights=p.hard[kept], minlength=rows) > 0
    weights = sp.csr_array(merge @ p.weights.tocsr()[kept])
    granted = np.asarray(weights.T @ hard.astype(np.float64), dtype=np.float64)
    need = np.maximum(p.need - granted, 0.0)
    lines = (~hard)[:, None] & (need > 0)[None, :]
    present, group_of = np.unique(p.group_of[columns], return_inverse=True)
    place = np.full(p.columns, -1, dtype=np.int32)
    place[columns] = np.arange(len(columns), dtype=np.int32)
    pairs = place[p.pairs]
    smaller = column_cover(
        sp.csr_array(matrix[kept[first]]),
        cost=p.cost[columns],
        group_of=group_of,
        group_cost=p.group_cost[present],
        group_most=p.group_most[present],
        strict=p.strict,
        forced=p.forced[present],
        pairs=pairs[(pairs >= 0).all(axis=1)],
        hard=hard,
        weights=sp.csc_array(weights.multiply(lines)),
        need=need,
        aim=np.where(need > 0, np.maximum(p.aim - granted, 0.0), 0.0),
    )
    return Core(problem=smaller, columns=np.asarray(columns, dtype=np.intp), row_of=row_of)


def gather(
    pointer: npt.NDArray[np.int32], values: npt.NDArray[np.int32], lines: IndexArray
) -> npt.NDArray[np.int32]:
    """Return the values of some lines, one after the other."""
    start = pointer[lines].astype(np.int64)
    length = pointer[np.asarray(lines) + 1] - start
    offset = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
    return values[np.repeat(start, length) + offset]
