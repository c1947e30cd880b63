"""What each option would add or take away: gain and loss tables kept up to date by every move."""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0912
# Compiled functions take plain arrays, numba infers their types; one pass is one function.

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit


class Cover(NamedTuple):
    """A covering problem on plain arrays: rows are (merged) demand, columns are options.

    ``row_ptr, row_col`` and ``col_ptr, col_row`` hold the cover by row and by column; ``weight``
    and ``need`` are ``w_i`` and ``k_i`` of each row.
    """

    row_ptr: npt.NDArray[np.int32]
    row_col: npt.NDArray[np.int32]
    col_ptr: npt.NDArray[np.int32]
    col_row: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float64]
    need: npt.NDArray[np.int32]


class Tables(NamedTuple):
    """State of a selection.

    ``covers`` is how many chosen options cover each row and ``server`` the bitwise exclusive or of
    their indices, which names the one option of a row covered once. ``gain`` is the weight served
    more if the option joined, ``loss`` the weight served less if it left (kept for chosen ones).
    """

    covers: npt.NDArray[np.int32]
    server: npt.NDArray[np.int32]
    gain: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]
    inside: npt.NDArray[np.bool_]


def empty_tables(cover: Cover) -> Tables:
    """Return the tables of the empty selection."""
    rows, columns = len(cover.weight), len(cover.col_ptr) - 1
    tables = Tables(
        np.zeros(rows, dtype=np.int32),
        np.zeros(rows, dtype=np.int32),
        np.zeros(columns),
        np.zeros(columns),
        np.zeros(columns, dtype=np.bool_),
    )
    _first_gains(cover, tables)
    return tables


@njit(cache=True, nogil=True)
def _first_gains(cover, tables):
    for o in range(len(cover.col_ptr) - 1):
        total = 0.0
        for entry in range(cover.col_ptr[o], cover.col_ptr[o + 1]):
            i = cover.col_row[entry]
            if cover.need[i] == 1:
                total += cover.weight[i]
        tables.gain[o] = total


@njit(cache=True, nogil=True)
def join(cover, tables, option):
    """Choose one option."""
    count, server, gain, loss = tables.covers, tables.server, tables.gain, tables.loss
    tables.inside[option] = True
    loss[option] = 0.0
    for entry in range(cover.col_ptr[option], cover.col_ptr[option + 1]):
        i = cover.col_row[entry]
        weight, need = cover.weight[i], cover.need[i]
        before = count[i]
        count[i] = before + 1
        last = server[i]
        server[i] = last ^ option
        if before > need:
            continue
        start, stop = cover.row_ptr[i], cover.row_ptr[i + 1]
        if before == need:  # one more than needed: nobody is missed any more
            if need == 1:
                loss[last] -= weight
            else:
                for at in range(start, stop):
                    loss[cover.row_col[at]] -= weight
                loss[option] += weight
        elif before == need - 1:
            for at in range(start, stop):
                gain[cover.row_col[at]] -= weight
            if need == 1:
                loss[option] += weight
            else:
                for at in range(start, stop):
                    loss[cover.row_col[at]] += weight
        elif before == need - 2:
            for at in range(start, stop):
                gain[cover.row_col[at]] += weight


@njit(cache=True, nogil=True)
def leave(cover, tables, option):
    """Give up one option."""
    count, server, gain, loss = tables.covers, tables.server, tables.gain, tables.loss
    tables.inside[option] = False
    for entry in range(cover.col_ptr[option], cover.col_ptr[option + 1]):
        i = cover.col_row[entry]
        weight, need = cover.weight[i], cover.need[i]
        after = count[i] - 1
        count[i] = after
        last = server[i] ^ option
        server[i] = last
        if after > need:
            continue
        start, stop = cover.row_ptr[i], cover.row_ptr[i + 1]
        if after == need:
            if need == 1:
                loss[last] += weight
            else:
                for at in range(start, stop):
                    loss[cover.row_col[at]] += weight
        elif after == need - 1:
            for at in range(start, stop):
                gain[cover.row_col[at]] += weight
            if need > 1:
                for at in range(start, stop):
                    loss[cover.row_col[at]] -= weight
        elif after == need - 2:
            for at in range(start, stop):
                gain[cover.row_col[at]] -= weight


@njit(cache=True, nogil=True)
def served_weight(cover, tables):
    """Return the weight served, summed anew."""
    total = 0.0
    for i in range(len(cover.weight)):
        if tables.covers[i] >= cover.need[i]:
            total += cover.weight[i]
    return total


@njit(cache=True, nogil=True)
def move_to(cover, tables, selection):
    """Make the tables those of a selection given as flags."""
    for o in range(len(selection)):
        if tables.inside[o] and not selection[o]:
            leave(cover, tables, o)
    for o in range(len(selection)):
        if selection[o] and not tables.inside[o]:
            join(cover, tables, o)


@njit(cache=True, nogil=True)
def draw(state):
    """Return the next random number in [0, 1) of a xorshift generator, (1,) uint64."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    mixed = x * np.uint64(0x2545F4914F6CDD1D)
    return float(mixed >> np.uint64(11)) * (1.0 / 9007199254740992.0)
