"""The rows of a covering proof: demand points with the same options are one row.

Whether they really have the same options, number of covers and zone is looked up entry by entry.
"""

# ruff: noqa: ANN001, ANN201, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.errors import Problem
from siting.location.checking.sums import grouped


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Covering rows with their options, by row and by option.

    Parameters
    ----------
    pointers, options
        Options of each row, (r + 1,) and (entries,).
    column_pointers, column_rows
        Rows of each option, (m + 1,) and (entries,).
    weight
        Weight of each row, (r,).
    k
        Options that must cover each row, (r,).
    zone
        Zone of each row, (r,).
    priced
        How many of the rows carry a price of the certificate; the last ``r - priced`` were left
        out of it and are rows of price 0.
    """

    pointers: npt.NDArray[np.int64]
    options: npt.NDArray[np.int32]
    column_pointers: npt.NDArray[np.int64]
    column_rows: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float64]
    k: npt.NDArray[np.int32]
    zone: npt.NDArray[np.intp]
    priced: int


def merged(  # noqa: PLR0917 - the arrays of one covering question
    pointers: npt.NDArray[np.integer],
    options: npt.NDArray[np.int32],
    number: int,
    weight: npt.NDArray[np.float64],
    k: npt.NDArray[np.int32],
    zone: npt.NDArray[np.intp],
    groups: npt.NDArray[np.int32] | None,
) -> tuple[Rows | None, list[Problem]]:
    """Return the rows a certificate speaks of, or what is wrong with its groups."""
    pointers = pointers.astype(np.int64)
    if groups is None:
        rows = len(pointers) - 1
        return _rows(pointers, options, number, weight, k, zone, rows), []
    problems = _faults(pointers, options, k, zone, groups)
    if problems:
        return None, problems
    rows = int(groups.max(initial=-1)) + 1
    first = np.zeros(rows, dtype=np.intp)
    members = np.flatnonzero(groups >= 0)[::-1]
    first[groups[members]] = members
    outside = np.flatnonzero((groups < 0) & (weight > 0))
    kept = np.concatenate([first, outside])
    total = np.concatenate([grouped(weight, groups, rows), weight[outside]])
    some_pointers, some_options = _pick(pointers, options, kept)
    return _rows(some_pointers, some_options, number, total, k[kept], zone[kept], rows), []


def _rows(  # noqa: PLR0917 - the arrays of one covering question
    pointers: npt.NDArray[np.int64],
    options: npt.NDArray[np.int32],
    number: int,
    weight: npt.NDArray[np.float64],
    k: npt.NDArray[np.int32],
    zone: npt.NDArray[np.intp],
    priced: int,
) -> Rows:
    column_pointers, column_rows = _turned(pointers, options, number)
    return Rows(
        pointers=pointers,
        options=options,
        column_pointers=column_pointers,
        column_rows=column_rows,
        weight=np.asarray(weight, dtype=np.float64),
        k=k,
        zone=zone,
        priced=priced,
    )


def _faults(
    pointers: npt.NDArray[np.int64],
    options: npt.NDArray[np.int32],
    k: npt.NDArray[np.int32],
    zone: npt.NDArray[np.intp],
    groups: npt.NDArray[np.int32],
) -> list[Problem]:
    """List what is wrong with the groups."""
    where = "certificate.groups"
    if groups.shape != (len(pointers) - 1,) or groups.dtype.kind not in "iu":
        return [Problem(where, f"has shape {groups.shape}, needs one row per demand point")]
    number = int(groups.max(initial=-1)) + 1
    members = np.bincount(groups[groups >= 0], minlength=number)
    if number > len(groups) or (members == 0).any():
        return [Problem(where, "names rows without a demand point")]
    wrong = _strangers(pointers, options, k, zone, groups, number)
    if len(wrong):
        shown = ", ".join(map(str, wrong[:5].tolist()))
        what = f"demand points {shown} differ from their row in options, k or zone"
        return [Problem(where, what)]
    return []


@njit(cache=True, nogil=True)
def _strangers(pointers, options, k, zone, groups, number):  # noqa: PLR0917
    """Return the demand points that differ from the first one of their row."""
    first = np.full(number, -1, dtype=np.int64)
    wrong = np.zeros(len(groups), dtype=np.bool_)
    for point in range(len(groups)):
        row = groups[point]
        if row < 0:
            continue
        if first[row] < 0:
            first[row] = point
            continue
        begin, other = pointers[point], pointers[first[row]]
        length = pointers[point + 1] - begin
        same = (
            length == pointers[first[row] + 1] - other
            and k[point] == k[first[row]]
            and zone[point] == zone[first[row]]
        )
        if same:
            for place in range(length):
                if options[begin + place] != options[other + place]:
                    same = False
                    break
        wrong[point] = not same
    return np.flatnonzero(wrong)


@njit(cache=True, nogil=True)
def _pick(pointers, options, kept):
    """Return some rows of a CSR matrix."""
    some = np.zeros(len(kept) + 1, dtype=np.int64)
    for place in range(len(kept)):
        some[place + 1] = some[place] + pointers[kept[place] + 1] - pointers[kept[place]]
    entries = np.empty(some[-1], dtype=np.int32)
    for place in range(len(kept)):
        begin = pointers[kept[place]]
        for entry in range(some[place + 1] - some[place]):
            entries[some[place] + entry] = options[begin + entry]
    return some, entries


@njit(cache=True, nogil=True)
def _turned(pointers, options, number):
    """Return the rows of each option of a CSR matrix."""
    columns = np.zeros(number + 1, dtype=np.int64)
    for entry in range(pointers[-1]):
        columns[options[entry] + 1] += 1
    for option in range(number):
        columns[option + 1] += columns[option]
    free = columns[:-1].copy()
    rows = np.empty(pointers[-1], dtype=np.int32)
    for row in range(len(pointers) - 1):
        for entry in range(pointers[row], pointers[row + 1]):
            option = options[entry]
            rows[free[option]] = row
            free[option] += 1
    return columns, rows


@njit(cache=True, nogil=True)
def options_left(pointers, options, decided):
    """Return how many options of each row are not left out, (r,)."""
    left = np.zeros(len(pointers) - 1, dtype=np.int32)
    for row in range(len(left)):
        for entry in range(pointers[row], pointers[row + 1]):
            left[row] += decided[options[entry]] >= 0
    return left


@njit(cache=True, nogil=True)
def shift(column_pointers, column_rows, changed, step, left):
    """Add `step` to the options left of every row of the changed options, in place."""
    for place in range(len(changed)):
        option = changed[place]
        for entry in range(column_pointers[option], column_pointers[option + 1]):
            left[column_rows[entry]] += step


@njit(cache=True, nogil=True)
def free_options(pointers, options, decided, some):
    """Return the free options of some rows, ascending."""
    found = np.zeros(len(decided), dtype=np.bool_)
    for place in range(len(some)):
        for entry in range(pointers[some[place]], pointers[some[place] + 1]):
            if decided[options[entry]] == 0:
                found[options[entry]] = True
    return np.flatnonzero(found)
