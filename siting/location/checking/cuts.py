"""Zero-half cuts summed up anew: what each counts of options and rows, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import Problem
from siting.location.checking.rows import Rows
from siting.location.checking.sums import grouped
from siting.location.solution import Cuts

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """What the cuts count, entry by entry.

    Parameters
    ----------
    number
        Number of cuts.
    cut, option, times
        How often a cut counts an option, (entries,).
    row_cut, row, row_times
        How often a cut counts that a row stays unserved, (row entries,).
    right
        What each cut asks for, (number,).
    """

    number: int
    cut: IntArray
    option: IntArray
    times: IntArray
    row_cut: IntArray
    row: IntArray
    row_times: IntArray
    right: IntArray

    def earned(self, prices: npt.NDArray[np.float64], options: int) -> npt.NDArray[np.float64]:
        """Return what each option earns at prices of the cuts, (options,)."""
        return grouped(prices[self.cut] * self.times, self.option, options)

    def charged(self, prices: npt.NDArray[np.float64], rows: int) -> npt.NDArray[np.float64]:
        """Return what each row that stays unserved earns, (rows,)."""
        return grouped(prices[self.row_cut] * self.row_times, self.row, rows)


def cut_faults(cuts: Cuts, rows: int, where: str) -> list[Problem]:
    """List what keeps cuts from being sums of the certificate's rows and of earlier cuts."""
    pointer, members = np.asarray(cuts.pointer), np.asarray(cuts.members)
    whole = pointer.dtype.kind in "iu" and members.dtype.kind in "iu"
    if not whole or pointer.ndim != 1 or members.ndim != 1 or not len(pointer):
        return [Problem(where, "needs whole numbers that say which rows each cut is made of")]
    if pointer[0] != 0 or pointer[-1] != len(members) or (np.diff(pointer) < 1).any():
        return [Problem(where, "a cut has no members, or members belong to no cut")]
    known = rows + np.repeat(np.arange(len(pointer) - 1), np.diff(pointer))
    if ((members < 0) | (members >= known)).any():
        return [Problem(where, "a cut is made of rows that do not exist, or of later cuts")]
    return []


def counted(cuts: Cuts, rows: Rows, must: npt.NDArray[np.bool_]) -> Counted:
    """Sum cuts up.

    Parameters
    ----------
    cuts
        Without faults.
    rows
        Rows of the certificate, of which each needs one option.
    must
        Rows that cannot stay unserved, (r,).
    """
    options = len(rows.column_pointers) - 1
    asks = options + len(rows.weight)  # columns: options, rows unserved, the right side
    lines: dict[int, tuple[IntArray, IntArray]] = {}
    for row in np.unique(cuts.members[cuts.members < rows.priced]).tolist():
        begin, end = rows.pointers[row : row + 2]
        unserved = [] if must[row] else [options + row]
        columns = np.array([*rows.options[begin:end].tolist(), *unserved, asks], dtype=np.int64)
        lines[row] = columns, np.ones(len(columns), dtype=np.int64)
    number = len(cuts.pointer) - 1
    for cut in range(number):
        of = cuts.members[cuts.pointer[cut] : cuts.pointer[cut + 1]].tolist()
        columns = np.concatenate([lines[member][0] for member in of])
        every = np.concatenate([lines[member][1] for member in of])
        columns, place = np.unique(columns, return_inverse=True)
        total = np.zeros(len(columns), dtype=np.int64)
        np.add.at(total, place, every)
        lines[rows.priced + cut] = columns, (total + 1) // 2
    parts = [lines[rows.priced + cut] for cut in range(number)]
    cut = np.repeat(np.arange(number), [len(part[0]) for part in parts])
    nothing = np.zeros(0, dtype=np.int64)
    column = np.concatenate([nothing, *(part[0] for part in parts)])
    times = np.concatenate([nothing, *(part[1] for part in parts)])
    first, second = column < options, (column >= options) & (column < asks)
    return Counted(
        number=number,
        cut=cut[first],
        option=column[first],
        times=times[first],
        row_cut=cut[second],
        row=column[second] - options,
        row_times=times[second],
        right=times[column == asks],
    )
