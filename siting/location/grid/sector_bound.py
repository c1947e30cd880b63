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
linear programme from standing two half stations in the place of one. Squares shifted by half their
side hold one station at most as well: a station pays their rents beside its cost, and the rents are
taken from the bound. Those of the first tiling need not be: the formula has the best of them in it.
"""

from __future__ import annotations

import math
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

#: Steps between two pricings, early and late, and between two looks at the clock.
_BATCH_EARLY, _BATCH_LATE, _CHUNK = 50, 150, 25
#: Stations that earn at least one minus this share of their cost take part, early and late.
_MARGIN_EARLY, _MARGIN_LATE, _MARGIN_SHARP = 0.05, 0.02, 0.004
_EARLY = 300
#: Share of the steps after which many bins are used.
_SHARP_FROM = 0.7
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
    stop
        True ends the preparation, which proves nothing then.
    """

    price_step = 0.05

    def __init__(
        self,
        model: GridCover,
        price: float,
        stations: NDArray[np.int64],
        azimuth: NDArray[np.float64],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(model, price)
        kinds = sector_kinds(model, tuple(range(len(model.kinds))))
        self.few, self.many = every_aim(kinds, _FEW_BINS), every_aim(kinds, _MANY_BINS)
        # discs of full radius reach no less: their prices and their bound hold here too
        discs = DualBound(model, price, stations, stop)
        self.u, self.best, self.certificate = discs.u, discs.best, discs.certificate
        self.tiles = [-(-side // self.at.tile) for side in model.shape]
        half = self.at.tile // 2
        self.shifts = ((0, 0), (half, 0), (0, half), (half, half))
        self.rent = np.zeros((len(self.shifts), self.tiles[0] + 1, self.tiles[1] + 1))
        self.sharp_from = math.inf
        self.aims = self.few
        self.stations = self._binned(stations, azimuth)
        self.value = np.ones(len(stations))

    def improve(
        self, steps: int, stop: Callable[[], bool], report: Callable[[float], None]
    ) -> None:
        """Take up to `steps` primal-dual steps, the last of them with many bins."""
        self.sharp_from = _SHARP_FROM * steps
        super().improve(steps, stop, report)

    def sharpen(self, stop: Callable[[], bool]) -> None:
        """Price the best multipliers again with a bin for each end of an arc."""
        self.price, self.u = self.certificate.price, self.certificate.cell_price.copy()
        if self.certificate.rent is None:
            self.rent[1:] = 0.0
        else:
            self.rent[1:] = self.certificate.rent
        found = self._search(0.0, stop, sharp=True)
        if found is not None:
            self._prove(found[2], self.rent[1:].copy())

    def _batch(self, stop: Callable[[], bool]) -> None:
        if self.steps == 0 and not self._renew(stop):
            return
        start, cell = sector_members(self.at, self.aims, self.stations)
        cap = self.price * self.model.weight
        cost = self.at.cost[self.stations[:, 0]]
        tile = self._tiles_of(self.stations)
        rent = self.rent.ravel()
        reach = np.zeros(len(cap))
        batch = _BATCH_EARLY if self.steps < _EARLY else _BATCH_LATE
        for _ in range(batch // _CHUNK):
            if stop():
                return
            args = (start, cell, cost, tile, self.value, self.u, rent, cap)
            reach = packed_primal_dual(*args, _CHUNK, RELAXATION)
            self.steps += _CHUNK
        self.u = np.clip(self.u, 0.0, cap)
        self.rent = np.maximum(rent, 0.0).reshape(self.rent.shape)
        if self._renew(stop) and self.steps >= PRICE_FROM:
            self._follow(reach)

    def _renew(self, stop: Callable[[], bool]) -> bool:
        """Prove what the prices are worth and choose the stations of the next batch."""
        sharp = self.steps >= self.sharp_from
        margin = _MARGIN_EARLY if self.steps < _EARLY else _MARGIN_LATE
        found = self._search(_MARGIN_SHARP if sharp else margin, stop, sharp=sharp)
        if found is None:
            return False
        stations, earned, worst = found
        self._prove(worst, self.rent[1:].copy())
        if sharp and self.aims is self.few:
            self._rebin()
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
        sums = (*laid_out(self.at, self.u), self._rents())
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

    def _tiles_of(self, stations: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tiles that each station stands in, one of every tiling (m, t)."""
        x, y = stations[:, 1] - self.pad, stations[:, 2] - self.pad
        _, many, wide = self.rent.shape
        tile = self.at.tile
        return np.column_stack(
            [
                (t * many + (x + a) // tile) * wide + (y + b) // tile
                for t, (a, b) in enumerate(self.shifts)
            ]
        )

    def _rents(self) -> NDArray[np.float64]:
        """Return what the shifted tilings ask of a station at each place, padded (X, Y)."""
        out = np.zeros(self.at.number.shape)
        width, height = self.model.shape
        inner = out[self.pad : self.pad + width, self.pad : self.pad + height]
        for (a, b), rent in zip(self.shifts[1:], self.rent[1:], strict=True):
            x = (np.arange(width) + a) // self.at.tile
            y = (np.arange(height) + b) // self.at.tile
            inner += rent[np.ix_(x, y)]
        return out

    def _rebin(self) -> None:
        """Say the stations in use in many bins."""
        for k in range(len(self.model.kinds)):
            few, many = (
                aims.angle[aims.bin_start[k] : aims.bin_start[k + 1]]
                for aims in (self.few, self.many)
            )
            rows = self.stations[:, 0] == k
            self.stations[rows, 3:] = np.searchsorted(many, few)[self.stations[rows, 3:]]
        self.aims = self.many

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
