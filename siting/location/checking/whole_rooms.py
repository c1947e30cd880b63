"""Rooms filled by whole demand points, and options that must hold all demand, as a check sees them.

Notes
-----
Where demand is served whole and consists of multiples of a whole number g, what a site can take in
at given prices is a 0-1 knapsack in units of g, unless arcs times rooms exceed `MOST_PACKING`.
Where all demand must be served and no site has a cost or a limit of its own, the sum over the
sites is the least over the choices whose capacities hold all demand, counted in their common
divisor with the demand where that makes at most `most` pieces of all demand; else in `most` pieces
that are shares of all demand, every capacity rounded up. Both only raise a bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.location.checking.question import FloatArray, common_step

#: Most arcs times rooms of the knapsacks.
MOST_PACKING = 2e8
#: Most pieces of all demand, least of them, and most options times pieces.
MOST_PIECES, LEAST_PIECES, MOST_TABLE = 10_000, 200, 4_000_000
#: Relative excess of a load over a capacity that an answer may have.
EXCESS = 1e-9

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rooms:
    """Knapsacks of whole demand points.

    Parameters
    ----------
    columns
        Arcs of each option, (m + 1,), in the order of `size`.
    size
        Demand of each arc in the common unit.
    room
        Capacity of each option in the common unit, (m,).
    """

    columns: Places
    size: Places
    room: Places

    def least(self, worth: FloatArray, terms: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the least worth each option can take in, and the absolute terms behind it.

        Both arrays are of arcs; the terms grow with the number of items, as rounding does.
        """
        least, size = np.zeros(len(self.room)), np.zeros(len(self.room))
        for option in range(len(self.room)):
            items = self._items(option, worth)
            tables = _fill(worth[items], self.size[items], int(self.room[option]))
            least[option] = tables[-1][-1]
            size[option] = (1 + len(items)) * float(terms[items].sum())
        return least, size

    def with_each(self, worth: FloatArray, open_: npt.NDArray[np.bool_]) -> FloatArray:
        """Return by how much using each arc raises the least worth; infinite where it cannot."""
        more = np.full(len(worth), np.inf)
        for option in np.flatnonzero(open_).tolist():
            items, room = self._items(option, worth), int(self.room[option])
            first = _fill(worth[items], self.size[items], room)
            last = _fill(worth[items[::-1]], self.size[items[::-1]], room)[::-1]
            all_ = first[-1]
            for arc in range(self.columns[option], self.columns[option + 1]):
                left = room - int(self.size[arc])
                if left >= 0:
                    more[arc] = worth[arc] + all_[left] - all_[-1]
            for place, arc in enumerate(items.tolist()):
                left = room - int(self.size[arc])
                others = first[place][: left + 1] + last[place + 1][left::-1]
                more[arc] = worth[arc] + others.min() - all_[-1]
        return more

    def _items(self, option: int, worth: FloatArray) -> Places:
        """Return the arcs of an option that are worth taking and fit."""
        arcs = np.arange(self.columns[option], self.columns[option + 1])
        return arcs[(worth[arcs] < 0.0) & (self.size[arcs] <= self.room[option])]


def _fill(worth: FloatArray, size: Places, room: int) -> list[FloatArray]:
    """Return the least worth within each room 0..room of the first 0, 1, ... items."""
    tables = [np.zeros(room + 1)]
    for value, width in zip(worth.tolist(), size.tolist(), strict=True):
        now = tables[-1].copy()
        np.minimum(now[width:], tables[-1][: room + 1 - width] + value, out=now[width:])
        tables.append(now)
    return tables


def rooms_of(
    demand: FloatArray, capacity: FloatArray, columns: Places, row: npt.NDArray[np.intp]
) -> Rooms | None:
    """Return the knapsacks of whole demand points; None where they are not whole or too large.

    Parameters
    ----------
    demand, capacity
        Of the model, (n,) and (m,).
    columns, row
        Arcs by option: where they begin, (m + 1,), and their demand points.
    """
    unit = common_step(demand)
    if not unit:
        return None
    size = demand[row] / unit
    reach = np.add.reduceat(np.append(size, 0.0), columns[:-1]) * (np.diff(columns) > 0)
    room = np.minimum(np.floor(capacity * (1 + EXCESS) / unit), reach)
    if float((np.diff(columns) * room).sum()) > MOST_PACKING:
        return None
    return Rooms(columns=columns, size=size.astype(np.int64), room=room.astype(np.int64))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holding:
    """A covering knapsack: capacities in pieces, (m,), and the pieces of all demand."""

    piece: Places
    need: int

    def least(
        self, cost: FloatArray, decided: npt.NDArray[np.int8]
    ) -> tuple[float, FloatArray, FloatArray]:
        """Return the least cost of options that hold all demand, and the rise of each flip.

        Returns
        -------
        value, taken, left
            The minimum, and how much taking each free option in, or leaving it out, adds, (m,).
        """
        m = len(cost)
        ahead = self._tables(cost, decided, np.arange(m))
        behind = self._tables(cost, decided, np.arange(m)[::-1])[::-1]
        value = float(ahead[-1][-1])
        taken, left = np.zeros(m), np.zeros(m)
        for option in np.flatnonzero(decided == 0) if np.isfinite(value) else ():
            before, after = ahead[option], behind[option + 1]
            rest = max(0, self.need - int(self.piece[option]))
            inside = float((before[: rest + 1] + after[rest::-1]).min()) + cost[option]
            taken[option] = inside - value
            left[option] = float((before + after[::-1]).min()) - value
        return value, taken, left

    def _tables(
        self, cost: FloatArray, decided: npt.NDArray[np.int8], order: Places
    ) -> list[FloatArray]:
        """Return the least cost of holding 0..need pieces or more by the first options."""
        tables = [np.full(self.need + 1, np.inf)]
        tables[0][0] = 0.0
        for option in order.tolist():
            last, amount = tables[-1], min(int(self.piece[option]), self.need)
            inside = np.concatenate([np.full(amount, last[0]), last[: self.need + 1 - amount]])
            inside += cost[option]
            sides = [last] * int(decided[option] <= 0) + [inside] * int(decided[option] >= 0)
            tables.append(np.minimum(sides[0], sides[-1]))
        return tables


def holding_of(demand: FloatArray, capacity: FloatArray) -> Holding | None:
    """Return the covering knapsack of capacities; None where there are too many options."""
    total = float(demand.sum())
    most = min(MOST_PIECES, MOST_TABLE // max(1, len(capacity)))
    if most < LEAST_PIECES or total <= 0:
        return None
    unit = common_step(demand, capacity)
    if unit and total <= most * unit:
        need = int(total / unit)
        return Holding(piece=np.minimum(capacity / unit, need).astype(np.int64), need=need)
    share = total / most
    piece = np.floor(np.minimum(capacity / share, most)).astype(np.int64) + 1
    return Holding(piece=piece, need=most)
