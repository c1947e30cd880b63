"""Parts of a covering problem that share neither row nor column."""

# ruff: noqa: ANN001, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.set_covering.kernel import Kernel


def components(
    kernel: Kernel,
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return (rows, columns) of each component, by the least row; every list ascending."""
    label = _labels(kernel.row_ptr, kernel.row_cols, kernel.columns)
    number = int(label.max(initial=-1)) + 1
    if number <= 1:
        return [(np.arange(kernel.rows), np.arange(kernel.columns))] if number else []
    of_column = np.zeros(kernel.columns, dtype=np.int32)
    of_column[kernel.row_cols] = np.repeat(label, np.diff(kernel.row_ptr))
    rows = np.argsort(label, kind="stable")
    columns = np.argsort(of_column, kind="stable")
    row_cuts = np.cumsum(np.bincount(label, minlength=number))[:-1]
    column_cuts = np.cumsum(np.bincount(of_column, minlength=number))[:-1]
    return list(zip(np.split(rows, row_cuts), np.split(columns, column_cuts), strict=True))


@njit(cache=True, nogil=True)
def _labels(row_ptr, row_cols, columns):
    """Return the component of each row, numbered by the least row."""
    parent = np.arange(columns)
    rows = len(row_ptr) - 1
    for i in range(rows):
        root = _root(parent, row_cols[row_ptr[i]])
        for e in range(row_ptr[i] + 1, row_ptr[i + 1]):
            other = _root(parent, row_cols[e])
            if other < root:
                root, other = other, root
            parent[other] = root
    label = np.empty(rows, dtype=np.int32)
    number = np.full(columns, -1, dtype=np.int32)
    count = 0
    for i in range(rows):
        root = _root(parent, row_cols[row_ptr[i]])
        if number[root] < 0:
            number[root] = count
            count += 1
        label[i] = number[root]
    return label


@njit(cache=True, nogil=True)
def _root(parent, c):
    while parent[c] != c:
        parent[c] = parent[parent[c]]
        c = parent[c]
    return c
