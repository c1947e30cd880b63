"""Exact simplifications of a covering matrix: equal rows merged, implied rows and columns found."""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit


def merge_rows(cover: sp.csr_array) -> npt.NDArray[np.int32]:
    """Group the rows that are served by exactly the same columns.

    Parameters
    ----------
    cover
        Canonical CSR of shape (n, k).

    Returns
    -------
    numpy.ndarray
        Group of each row, 0.. in the order of first appearance; -1 for a row nothing serves.

    Notes
    -----
    Rows are sorted by a 128-bit hash of their column set and then compared entry by entry with
    the first of their hash, so that a collision costs a merge and never correctness.
    """
    rows, columns = cover.shape
    keys = np.random.default_rng(20200701).integers(
        0, 2**64, size=(2, columns), dtype=np.uint64, endpoint=False
    )
    hashes = _row_hashes(cover.indptr, cover.indices, keys)
    order = np.lexsort((np.arange(rows), hashes[1], hashes[0]))
    first = _representatives(cover.indptr, cover.indices, hashes, order)
    served = np.diff(cover.indptr) > 0
    group = np.full(rows, -1, dtype=np.int32)
    _, group[served] = np.unique(first[served], return_inverse=True)
    return group


@njit(cache=True)
def _row_hashes(indptr, indices, keys):
    rows = len(indptr) - 1
    hashes = np.zeros((2, rows), dtype=np.uint64)
    for i in range(rows):
        for entry in range(indptr[i], indptr[i + 1]):
            hashes[0, i] += keys[0, indices[entry]]
            hashes[1, i] ^= keys[1, indices[entry]]
    return hashes


@njit(cache=True)
def _representatives(indptr, indices, hashes, order):
    first = np.arange(len(order))
    for place in range(1, len(order)):
        i = order[place]
        head = first[order[place - 1]]
        if hashes[0, i] != hashes[0, head] or hashes[1, i] != hashes[1, head]:
            continue
        length = indptr[i + 1] - indptr[i]
        if length != indptr[head + 1] - indptr[head]:
            continue
        same = True
        for offset in range(length):
            if indices[indptr[i] + offset] != indices[indptr[head] + offset]:
                same = False
                break
        if same:
            first[i] = head
    return first


@njit(cache=True)
def _signatures(indptr, indices):
    """Return 64 bits per line: a line within another has no bit the other lacks."""
    lines = len(indptr) - 1
    signature = np.zeros(lines, dtype=np.uint64)
    for line in range(lines):
        for entry in range(indptr[line], indptr[line + 1]):
            bit = (np.uint64(indices[entry]) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)
            signature[line] |= np.uint64(1) << bit
    return signature


@njit(cache=True)
def _within(indices, start, stop, other_start, other_stop):
    """Tell whether one sorted run of indices is a subset of another."""
    j = other_start
    for i in range(start, stop):
        value = indices[i]
        while j < other_stop and indices[j] < value:
            j += 1
        if j == other_stop or indices[j] != value:
            return False
        j += 1
    return True


@njit(cache=True)
def implied_rows(indptr, indices, col_ptr, col_rows, hard):
    """Mark rows that are served whenever a hard row is: their columns include that row's.

    Rows are distinct (merged before). Returns boolean flags, one per row.
    """
    rows = len(indptr) - 1
    signature = _signatures(indptr, indices)
    implied = np.zeros(rows, dtype=np.bool_)
    for i in range(rows):
        if not hard[i] or implied[i]:
            continue
        best = indices[indptr[i]]
        for entry in range(indptr[i], indptr[i + 1]):
            column = indices[entry]
            if col_ptr[column + 1] - col_ptr[column] < col_ptr[best + 1] - col_ptr[best]:
                best = column
        length = indptr[i + 1] - indptr[i]
        for entry in range(col_ptr[best], col_ptr[best + 1]):
            other = col_rows[entry]
            if implied[other] or indptr[other + 1] - indptr[other] <= length:
                continue
            if signature[i] & ~signature[other]:
                continue
            if _within(indices, indptr[i], indptr[i + 1], indptr[other], indptr[other + 1]):
                implied[other] = True
    return implied


@njit(cache=True)
def dominated_columns(indptr, indices, col_ptr, col_rows, cost, keep):
    """Mark columns that another serves at least as well for at most the cost.

    Of equal columns the first stays; columns in `keep` always stay. Returns boolean flags.
    """
    columns = len(col_ptr) - 1
    signature = _signatures(col_ptr, col_rows)
    gone = np.zeros(columns, dtype=np.bool_)
    for c in range(columns):
        length = col_ptr[c + 1] - col_ptr[c]
        if keep[c]:
            continue
        if length == 0:
            gone[c] = True
            continue
        best = col_rows[col_ptr[c]]
        for entry in range(col_ptr[c], col_ptr[c + 1]):
            row = col_rows[entry]
            if indptr[row + 1] - indptr[row] < indptr[best + 1] - indptr[best]:
                best = row
        for entry in range(indptr[best], indptr[best + 1]):
            other = indices[entry]
            span = col_ptr[other + 1] - col_ptr[other]
            if other == c or gone[other] or span < length or cost[other] > cost[c]:
                continue
            if span == length and cost[other] == cost[c] and other > c and not keep[other]:
                continue
            if signature[c] & ~signature[other]:
                continue
            if _within(col_rows, col_ptr[c], col_ptr[c + 1], col_ptr[other], col_ptr[other + 1]):
                gone[c] = True
                break
    return gone
