"""Exact simplifications of a covering matrix: equal rows merged, implied rows and columns found."""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit

from siting.errors import InvalidInput, Problem

#: Rows in one piece of work of a thread; the result does not depend on it.
CHUNK = 1 << 16


def merge_rows(
    cover: sp.csr_array,
    key: npt.NDArray[np.integer] | None = None,
    *,
    threads: int | None = None,
) -> npt.NDArray[np.int32]:
    """Group the rows that are served by exactly the same columns.

    Parameters
    ----------
    cover
        Canonical CSR of shape (n, k).
    key
        Whole number of every row, (n,); rows of different keys are kept apart. None: all alike.
    threads
        Threads to use; as many as there are processors when left out. No influence on the result.

    Returns
    -------
    numpy.ndarray
        Group of each row, 0.. in the order of first appearance; -1 for a row nothing serves.

    Notes
    -----
    Rows are looked up in a hash table by 128 bits of their column set, and then compared entry by
    entry with the first of their hash, so that a collision costs a merge and never correctness.
    """
    rows = cover.shape[0]
    indptr, indices = cover.indptr, cover.indices
    keys = np.zeros(0, dtype=np.int64) if key is None else np.ascontiguousarray(key, np.int64)
    if key is not None and keys.shape != (rows,):
        raise InvalidInput(Problem("key", f"has shape {keys.shape}, needs ({rows},)"))
    hashes = np.empty((rows, 2), dtype=np.uint64)
    begins = range(0, rows, CHUNK)
    ends = [min(begin + CHUNK, rows) for begin in begins]
    with ThreadPoolExecutor(max(1, threads or os.cpu_count() or 1)) as pool:
        # Waits for every piece; an error in one is raised here.
        deque(
            pool.map(lambda *part: _hash_rows(indptr, indices, keys, hashes, *part), begins, ends),
            maxlen=0,
        )
    return _group(indptr, indices, keys, hashes)


def first_of_groups(group: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the first row of every group of :func:`merge_rows`, ascending, (groups,)."""
    return _first(group)


def merged_cover(cover: sp.csr_array, group: npt.NDArray[np.int32]) -> sp.csr_array:
    """Return one row per group of :func:`merge_rows`, (groups, k)."""
    merged = cover[first_of_groups(group)]
    merged.has_canonical_format = True
    return merged


def sum_by_group(
    group: npt.NDArray[np.int32], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Sum values over the rows of every group, (groups,); rows of no group are left out."""
    groups = int(group.max(initial=-1)) + 1
    return _sum(group, np.ascontiguousarray(values, dtype=np.float64), groups)


@njit(cache=True, nogil=True)
def _mixed(value):
    """Spread 64 bits evenly (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def _hash_rows(indptr, indices, keys, hashes, begin, end):
    """Hash the column sets of a piece of rows to two independent sums of 64 bits each."""
    step = np.uint64(0x9E3779B97F4A7C15)
    for i in range(begin, end):
        one = np.uint64(0)
        two = np.uint64(0)
        if len(keys):
            one = _mixed(np.uint64(keys[i]))
        for entry in range(indptr[i], indptr[i + 1]):
            column = np.uint64(indices[entry])
            one += _mixed((column + np.uint64(1)) * step)
            two += _mixed(~(column * step))
        hashes[i, 0] = one
        hashes[i, 1] = two


@njit(cache=True, nogil=True)
def _group(indptr, indices, keys, hashes):
    """Give equal rows one number, in the order of first appearance, by an open hash table."""
    rows = len(indptr) - 1
    group = np.full(rows, -1, dtype=np.int32)
    first = np.empty(rows, dtype=np.int32)
    bits = 10
    table = np.full(1 << bits, -1, dtype=np.int32)
    groups = 0
    for i in range(rows):
        if indptr[i + 1] == indptr[i]:
            continue
        if 2 * groups >= len(table):
            bits += 2
            table = _rehashed(hashes, first[:groups], bits)
        slot = np.int64(hashes[i, 0] >> np.uint64(64 - bits))
        while table[slot] >= 0:
            head = first[table[slot]]
            if (
                hashes[i, 0] == hashes[head, 0]
                and hashes[i, 1] == hashes[head, 1]
                and _same_row(indptr, indices, keys, i, head)
            ):
                break
            slot = (slot + 1) & (len(table) - 1)
        if table[slot] < 0:
            table[slot] = groups
            first[groups] = i
            groups += 1
        group[i] = table[slot]
    return group


@njit(cache=True, nogil=True)
def _rehashed(hashes, first, bits):
    table = np.full(1 << bits, -1, dtype=np.int32)
    for number in range(len(first)):
        slot = np.int64(hashes[first[number], 0] >> np.uint64(64 - bits))
        while table[slot] >= 0:
            slot = (slot + 1) & (len(table) - 1)
        table[slot] = number
    return table


@njit(cache=True, nogil=True)
def _same_row(indptr, indices, keys, i, head):
    """Tell whether two rows have the same key and entries."""
    length = indptr[i + 1] - indptr[i]
    if length != indptr[head + 1] - indptr[head]:
        return False
    if len(keys) and keys[i] != keys[head]:
        return False
    for offset in range(length):
        if indices[indptr[i] + offset] != indices[indptr[head] + offset]:
            return False
    return True


@njit(cache=True, nogil=True)
def _first(group):
    groups = 0
    for i in range(len(group)):
        groups = max(groups, group[i] + 1)
    first = np.empty(groups, dtype=np.int32)
    for i in range(len(group) - 1, -1, -1):
        if group[i] >= 0:
            first[group[i]] = i
    return first


@njit(cache=True, nogil=True)
def _sum(group, values, groups):
    total = np.zeros(groups)
    for i in range(len(group)):
        if group[i] >= 0:
            total[group[i]] += values[i]
    return total


@njit(cache=True, nogil=True)
def _signatures(indptr, indices):
    """Return 64 bits per line: a line within another has no bit the other lacks."""
    lines = len(indptr) - 1
    signature = np.zeros(lines, dtype=np.uint64)
    for line in range(lines):
        for entry in range(indptr[line], indptr[line + 1]):
            bit = (np.uint64(indices[entry]) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)
            signature[line] |= np.uint64(1) << bit
    return signature


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
