"""Step two: greedy choice and exchange of one station for another until nothing improves."""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.models.service import MaxCover

#: Chosen columns on a row at which its only one is no longer alone.
PAIR = 2


class MaxCoverSearch:
    """An answer to a reduced step two that is filled, exchanged and disturbed in place.

    Parameters
    ----------
    problem
        The reduced step two.
    chosen
        Columns to begin with; cut to what may be chosen.

    Notes
    -----
    For each row the number of chosen columns that serve it and the sum of their indices are kept:
    where the number is one, the sum names the column. `change` is, for a chosen column, the weight
    that only it serves, and for another the weight it would add; a column that changes sides keeps
    its figure.
    """

    def __init__(self, problem: MaxCover, chosen: npt.NDArray[np.intp]) -> None:
        self.problem = problem
        p = problem
        self.is_chosen = np.zeros(p.columns, dtype=np.bool_)
        self.counts = np.zeros(p.rows, dtype=np.int32)
        self.owners = np.zeros(p.rows, dtype=np.int64)
        self.change = np.zeros(p.columns)
        np.add.at(
            self.change,
            p.row_cols,
            np.repeat(p.weight, np.diff(p.row_ptr)),
        )
        for column in chosen[: p.most]:
            self.toggle(int(column))

    @property
    def chosen(self) -> npt.NDArray[np.intp]:
        """Chosen columns, ascending."""
        return np.flatnonzero(self.is_chosen)

    @property
    def value(self) -> float:
        """Weight served, what was served before included."""
        return self.problem.base + float(self.problem.weight[self.counts > 0].sum())

    def kick(self, rng: np.random.Generator, number: int) -> None:
        """Give up some chosen columns drawn at random."""
        chosen = self.chosen
        for column in rng.permutation(chosen)[:number]:
            self.toggle(int(column))

    def adopt(self, chosen: npt.NDArray[np.intp]) -> None:
        """Go over to another choice."""
        wanted = np.zeros_like(self.is_chosen)
        wanted[chosen] = True
        for column in np.flatnonzero(wanted != self.is_chosen):
            self.toggle(int(column))

    def toggle(self, column: int) -> None:
        """Choose a column, or give it up."""
        p = self.problem
        _toggle(
            p.row_ptr,
            p.row_cols,
            p.col_ptr,
            p.col_rows,
            p.weight,
            self.is_chosen,
            self.counts,
            self.owners,
            self.change,
            column,
        )

    def fill(self) -> None:
        """Choose the column that adds the most, until none adds anything or enough are chosen."""
        p = self.problem
        _fill(
            p.row_ptr,
            p.row_cols,
            p.col_ptr,
            p.col_rows,
            p.weight,
            self.is_chosen,
            self.counts,
            self.owners,
            self.change,
            p.most,
        )

    def exchange(self, candidates: npt.NDArray[np.intp]) -> int:
        """Exchange a chosen column for a candidate wherever that serves more; return how often."""
        p = self.problem
        return _exchange(
            p.row_ptr,
            p.row_cols,
            p.col_ptr,
            p.col_rows,
            p.weight,
            self.is_chosen,
            self.counts,
            self.owners,
            self.change,
            candidates.astype(np.int64),
            1e-9 * max(float(p.weight.max(initial=0.0)), 1e-300),
        )


@njit(cache=True)
def _toggle(
    row_ptr,
    row_cols,
    col_ptr,
    col_rows,
    weight,
    is_chosen,
    counts,
    owners,
    change,
    column,
):
    if is_chosen[column]:
        is_chosen[column] = False
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            i = col_rows[entry]
            counts[i] -= 1
            owners[i] -= column
            if counts[i] == 0:
                for other in range(row_ptr[i], row_ptr[i + 1]):
                    if row_cols[other] != column:
                        change[row_cols[other]] += weight[i]
            elif counts[i] == 1:
                change[owners[i]] += weight[i]
    else:
        is_chosen[column] = True
        for entry in range(col_ptr[column], col_ptr[column + 1]):
            i = col_rows[entry]
            counts[i] += 1
            owners[i] += column
            if counts[i] == 1:
                for other in range(row_ptr[i], row_ptr[i + 1]):
                    if row_cols[other] != column:
                        change[row_cols[other]] -= weight[i]
            elif counts[i] <= PAIR:
                change[owners[i] - column] -= weight[i]


@njit(cache=True)
def _fill(
    row_ptr,
    row_cols,
    col_ptr,
    col_rows,
    weight,
    is_chosen,
    counts,
    owners,
    change,
    most,
):
    number = 0
    for column in range(len(is_chosen)):
        number += is_chosen[column]
    floor = 1e-9 * weight.max() if len(weight) else 0.0
    while number < most:
        best = -1
        for column in range(len(change)):
            if not is_chosen[column] and (best < 0 or change[column] > change[best]):
                best = column
        if best < 0 or change[best] <= floor:
            break
        _toggle(
            row_ptr, row_cols, col_ptr, col_rows, weight, is_chosen, counts, owners, change, best
        )
        number += 1


@njit(cache=True)
def _exchange(
    row_ptr,
    row_cols,
    col_ptr,
    col_rows,
    weight,
    is_chosen,
    counts,
    owners,
    change,
    candidates,
    least,
):
    columns = len(is_chosen)
    relief = np.zeros(columns)
    touched = np.empty(columns, dtype=np.int64)
    chosen = np.flatnonzero(is_chosen)
    swaps = 0
    for enter in candidates:
        if is_chosen[enter] or change[enter] <= least:
            continue
        length = 0
        for entry in range(col_ptr[enter], col_ptr[enter + 1]):
            i = col_rows[entry]
            if counts[i] == 1:
                owner = owners[i]
                if relief[owner] == 0.0:
                    touched[length] = owner
                    length += 1
                relief[owner] += weight[i]
        leave, price = -1, np.inf
        place = -1
        for number in range(len(chosen)):
            column = chosen[number]
            if change[column] - relief[column] < price:
                leave, price, place = column, change[column] - relief[column], number
        for number in range(length):
            relief[touched[number]] = 0.0
        if leave >= 0 and change[enter] - price > least:
            _toggle(
                row_ptr,
                row_cols,
                col_ptr,
                col_rows,
                weight,
                is_chosen,
                counts,
                owners,
                change,
                leave,
            )
            _toggle(
                row_ptr,
                row_cols,
                col_ptr,
                col_rows,
                weight,
                is_chosen,
                counts,
                owners,
                change,
                enter,
            )
            chosen[place] = enter
            swaps += 1
    return swaps
