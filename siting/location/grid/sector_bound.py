r"""A proven lower bound for covering grid cells with sector stations, whatever their azimuths.

As in :mod:`siting.location.grid.bound`, prices `u` of the cells and `p` of the requirement leave

.. math:: L(p, u) = \sum_i u_i - p \Bigl(\sum_i w_i - Q\Bigr)
          + \sum_{\text{squares}} \min\Bigl(0, \min_{jk \in \text{square}} (c_k - V_{jk}(u))\Bigr),

where `V` is now the most that three sectors at place `j` reach of `u`, over *all* azimuths: the
circle is cut into bins that hold every azimuth, a bin reaching all that any azimuth within it does,
and the best three bins are found exactly (:mod:`siting.location.grid.aim`). So the bound holds for
continuous azimuths too. Few bins overstate `V` slightly and are used while the prices improve; at
the end every square whose reduced cost is negative is priced again with a bin for each end of an
arc, which overstates nothing but the freedom of two azimuths to come within a bin of each other.

Prices improve as for discs, with a further multiplier for each square, the rent that keeps the
linear programme from standing two half stations in the place of one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from siting.location.grid.bound import PRICE_FROM, RELAXATION, Dual, DualBound
from siting.location.grid.cover import GridCover
from siting.location.grid.reach import every_aim, room_for, sector_kinds
from siting.location.grid.sector_pricing import (
    laid_out,
    packed_primal_dual,
    price_sectors,
    sector_members,
)

#: Steps between two pricings, and between two looks at the clock.
_BATCH, _CHUNK = 150, 25
#: Stations that earn at least one minus this share of their cost take part, early and late.
_MARGIN_EARLY, _MARGIN_LATE = 0.05, 0.02
_EARLY = 600
#: Bins while prices improve, and in the end.
_FEW_BINS, _MANY_BINS = 72, 360
#: Of the stations found in a block of this side the best takes part [cells].
_BLOCK = 2
_ROOM = 1 << 12


class SectorBound(Dual):
    """Multipliers for sector stations that are being improved.

    Parameters
    ----------
    model
        The instance, its kinds having sectors.
    price
        First multiplier of the requirement [cost per weight].
    stations
        A good answer to begin from: kind, x, y in cells (p, 3).
    azimuth
        Its azimuths (p, 3) [degree].
    """

    def __init__(
        self,
        model: GridCover,
        price: float,
        stations: NDArray[np.int64],
        azimuth: NDArray[np.float64],
    ) -> None:
        super().__init__(model, price)
        kinds = sector_kinds(model, tuple(range(len(model.kinds))))
        self.few, self.many = every_aim(kinds, _FEW_BINS), every_aim(kinds, _MANY_BINS)
        # discs of full radius reach no less: their prices and their bound hold here too
        discs = DualBound(model, price, stations)
        self.u, self.best, self.certificate = discs.u, discs.best, discs.certificate
        self.tiles = [-(-side // self.at.tile) for side in model.shape]
        self.rent = np.zeros(self.tiles[0] * self.tiles[1])
        self.stations = self._binned(stations, azimuth)
        self.value = np.ones(len(stations))

    def improve(
        self, steps: int, stop: Callable[[], bool], report: Callable[[float], None]
    ) -> None:
        """Take up to `steps` primal-dual steps, then prove the best prices' bound sharply."""
        super().improve(steps, stop, report)
        self.sharpen(stop)
        report(self.bound)

    def sharpen(self, stop: Callable[[], bool]) -> None:
        """Price the best multipliers again with a bin for each end of an arc."""
        self.price, self.u = self.certificate.price, self.certificate.cell_price.copy()
        found = self._search(0.0, stop, sharp=True)
        if found is not None:
            self._prove(found[2])

    def _batch(self, stop: Callable[[], bool]) -> None:
        if self.steps == 0 and not self._renew(stop):
            return
        start, cell = sector_members(self.at, self.few, self.stations)
        cap = self.price * self.model.weight
        cost = self.at.cost[self.stations[:, 0]]
        tile = self._tile_of(self.stations)
        reach = np.zeros(len(cap))
        for _ in range(_BATCH // _CHUNK):
            if stop():
                return
            args = (start, cell, cost, tile, self.value, self.u, self.rent, cap)
            reach = packed_primal_dual(*args, _CHUNK, RELAXATION)
            self.steps += _CHUNK
        self.u = np.clip(self.u, 0.0, cap)
        if self._renew(stop) and self.steps >= PRICE_FROM:
            self._follow(reach)

    def _renew(self, stop: Callable[[], bool]) -> bool:
        """Prove what the prices are worth and choose the stations of the next batch."""
        found = self._search(_MARGIN_EARLY if self.steps < _EARLY else _MARGIN_LATE, stop)
        if found is None:
            return False
        stations, earned, worst = found
        self._prove(worst)
        kept = self.value > 0.0
        everything = np.concatenate([self.stations[kept], self._thinned(stations, earned)])
        value = np.concatenate([self.value[kept], np.zeros(len(everything) - kept.sum())])
        self.stations, first = np.unique(everything, axis=0, return_index=True)
        self.value = value[first]
        return True

    def _priced(self, margin: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        found = self._search(margin, lambda: False)
        if found is None:
            raise AssertionError("nothing stopped the pricing")
        return found[0], found[2]

    def _search(
        self, margin: float, stop: Callable[[], bool], *, sharp: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]] | None:
        """Return stations that nearly earn their cost, what they earn, and each square's worst."""
        sums = laid_out(self.at, self.u)
        worst = np.zeros(self.tiles)
        stations, earned = [], []
        room = room_for(self.many)
        size = _ROOM
        for strip in range(self.tiles[0]):
            if stop():
                return None
            while True:
                out, value = np.zeros((size, 6), np.int64), np.zeros(size)
                worst[strip] = 0.0
                args = (self.at, self.few, self.many, *sums, margin, strip, sharp)
                count = price_sectors(*args, worst[strip], out, value, *room)
                if count <= size:
                    break
                size = count
            stations.append(out[:count])
            earned.append(value[:count])
        return np.concatenate(stations), np.concatenate(earned), worst

    def _thinned(
        self, stations: NDArray[np.int64], earned: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Keep the best of each kind in each block."""
        block = stations[:, 1:3] // _BLOCK
        key = (stations[:, 0] * self.at.number.shape[0] + block[:, 0]) * self.at.number.shape[1]
        key += block[:, 1]
        order = np.lexsort((-earned, key))
        _, first = np.unique(key[order], return_index=True)
        return stations[order[first]]

    def _tile_of(self, stations: NDArray[np.int64]) -> NDArray[np.int64]:
        a, b = ((stations[:, axis] - self.pad) // self.at.tile for axis in (1, 2))
        return a * self.tiles[1] + b

    def _binned(
        self, stations: NDArray[np.int64], azimuth: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Stations on the padded grid with the bins that hold their azimuths."""
        out = np.zeros((len(stations), 6), np.int64)
        out[:, :3] = stations + np.array([0, self.pad, self.pad])
        for k in range(len(self.model.kinds)):
            border = self.few.angle[self.few.bin_start[k] : self.few.bin_start[k + 1]]
            rows = stations[:, 0] == k
            found = np.searchsorted(border, azimuth[rows] % 360.0) % len(border)
            out[rows, 3:] = np.sort(found, axis=1)
        return out
