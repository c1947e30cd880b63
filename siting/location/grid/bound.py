r"""A proven lower bound for covering grid cells with discs, by Lagrangian duality.

Relaxing the covering of each cell (multiplier `u_i`) and the requirement (multiplier `p`, the
price) of the programme in :mod:`siting.location.grid.cover` leaves, for ``0 <= u_i <= p w_i``,

.. math::

    L(p, u) = \sum_i u_i - p \Bigl(\sum_i w_i - Q\Bigr)
              + \min_x \sum_{jk} \Bigl(c_k - \sum_{i: |i-j| \le r_k} u_i\Bigr) x_{jk}

with `Q` the weight required. `L` never exceeds the least cost, whatever `p` and `u` are.

**The last term.** Split the grid into squares of `t` by `t` cells, ``(t - 1) * sqrt(2) <= s``. Two
positions of one square are at most `s` apart, and stations must stand more than `s` apart, so a
square holds at most one station of any kind. Therefore the minimum is at least

.. math:: \sum_{\text{squares}} \min\Bigl(0, \min_{jk \in \text{square}} (c_k - \sum_i u_i)\Bigr),

where positions that existing stations forbid are left out. The value is a true bound for *every*
`u`: nothing rests on the multipliers being optimal or feasible for a linear programme.

**Good multipliers** come from a primal-dual gradient method [1]_ with diagonal steps [2]_ and
over-relaxation, on the discs whose reduced cost is small and that no disc next to them dominates;
the whole grid is priced again after every batch of steps.

References
----------
.. [1] A. Chambolle, T. Pock (2011), A first-order primal-dual algorithm for convex problems,
   J. Math. Imaging Vis. 40, algorithm 1. doi:10.1007/s10851-010-0251-1
.. [2] T. Pock, A. Chambolle (2011), Diagonal preconditioning for first order primal-dual
   algorithms, ICCV, lemma 2. doi:10.1109/ICCV.2011.6126441
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from siting.location.grid.cover import GridCertificate, GridCover
from siting.location.grid.pricing import (
    dominated,
    fullest,
    members,
    neighbours,
    new_lattice,
    price_discs,
    primal_dual,
)

#: Relative error of a float64 sum of fewer than a million terms, with room to spare.
_ROUNDING = 1e-9
RELAXATION = 1.8
#: Steps between two pricings, and between two looks at the clock.
_BATCH, _CHUNK = 50, 10
#: Discs there is room for at first, and pieces of them between which the clock is asked.
_FIRST_ROOM, _PIECES = 1 << 19, 8
#: Discs that earn at least one minus this share of their cost take part, early and late.
_MARGIN_EARLY, _MARGIN_LATE = 0.25, 0.07
#: Reduced cost, as a share of the cost, up to which a place is worth a station's while.
_WORTHWHILE = 0.05
#: Steps before the price follows the requirement, and how far it goes after a batch.
PRICE_FROM, _PRICE_STEP = 100, 0.01


def tile_side(min_separation: float) -> int:
    """Largest side of a square of cells in which any two cells are at most `min_separation` apart.

    ``2 * (t - 1)**2 <= min_separation**2``, compared in integers.
    """
    return 1 + math.isqrt(math.floor(min_separation * min_separation) // 2)


class Dual(ABC):
    """Multipliers of an instance and the best bound they have proven, however they improve.

    Parameters
    ----------
    model
        The instance.
    price
        First multiplier of the requirement [cost per weight].
    """

    #: How far the price goes after a batch, at most.
    price_step = _PRICE_STEP

    def __init__(self, model: GridCover, price: float) -> None:
        self.model = model
        self.at = new_lattice(model, tile_side(model.min_separation))
        self.pad = (self.at.half.shape[1] - 1) // 2
        self.total = math.fsum(model.weight.tolist())
        self.price = price
        self.u = price * model.weight
        self.steps = 0
        self.best = 0.0
        self.certificate = GridCertificate(
            price=0.0, cell_price=np.zeros(len(model.weight)), tile=self.at.tile
        )

    @property
    def bound(self) -> float:
        """Best bound proven, raised to a whole number where every cost is one."""
        if all(float(kind.cost).is_integer() for kind in self.model.kinds):
            return float(math.ceil(self.best))
        return self.best

    def worthwhile(self, kinds: tuple[int, ...], pad: int) -> NDArray[np.bool_]:
        """Mark the places where a disc of any of `kinds` earns nearly its cost.

        Parameters
        ----------
        kinds
            Indices of the kinds asked for.
        pad
            Padding of the answer [cells].

        Returns
        -------
        ndarray
            True where the reduced cost is at most 5 % of the cost (X, Y), padded.
        """
        self.u = self.certificate.cell_price.copy()
        found, _ = self._priced(_WORTHWHILE)
        place = found[np.isin(found[:, 0], kinds), 1:3] - self.pad + pad
        out = np.zeros([side + 2 * pad for side in self.model.shape], np.bool_)
        out[place[:, 0], place[:, 1]] = True
        return out

    def improve(
        self, steps: int, stop: Callable[[], bool], report: Callable[[float], None]
    ) -> None:
        """Take up to `steps` primal-dual steps; `report` receives the bound after each batch."""
        while self.steps < steps and not stop():
            self._batch(stop)
            report(self.bound)

    def sharpen(  # noqa: B027 - a bound that is always sharp has nothing to do
        self, stop: Callable[[], bool]
    ) -> None:
        """Prove the best multipliers' bound as well as it can be, if it was not yet."""

    @abstractmethod
    def _batch(self, stop: Callable[[], bool]) -> None:
        """Take some steps and prove what they are worth."""

    @abstractmethod
    def _priced(self, margin: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return what earns more than ``1 - margin`` of its cost, and each square's worst."""

    def _follow(self, reach: NDArray[np.float64]) -> None:
        """Move the price towards where the requirement just holds."""
        covered = float(self.model.weight @ np.minimum(1.0, reach))
        lack = (self.model.required_weight - covered) / self.total
        self.price *= math.exp(min(self.price_step, max(-self.price_step, lack)))
        self.u = np.minimum(self.u, self.price * self.model.weight)

    def _prove(self, worst: NDArray[np.float64], rent: NDArray[np.float64] | None = None) -> None:
        """Keep the bound that prices, rents and the squares' reduced costs prove, if better."""
        gained = math.fsum(self.u.tolist())
        owed = self.price * (self.total - self.model.required_weight)
        lost = math.fsum(worst.ravel().tolist())
        if rent is not None:
            lost -= math.fsum(rent.ravel().tolist())
        bound = gained - owed + lost - _ROUNDING * (1.0 + gained + owed - lost)
        if bound > self.best:
            self.best = bound
            self.certificate = GridCertificate(
                price=self.price, cell_price=self.u.copy(), tile=self.at.tile, rent=rent
            )


class DualBound(Dual):
    """Multipliers for discs that are being improved.

    Parameters
    ----------
    model
        The instance.
    price
        First multiplier of the requirement [cost per weight].
    stations
        A good answer to begin from: kind, x, y in cells (p, 3).
    stop
        True ends the preparation, which proves nothing then.
    """

    def __init__(
        self,
        model: GridCover,
        price: float,
        stations: NDArray[np.int64],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(model, price)
        self.near = neighbours(self.at.half)
        self.discs = stations + np.array([0, self.pad, self.pad])
        self.value = np.ones(len(stations))
        self._room = np.zeros((_FIRST_ROOM, 3), np.int64)
        self._share_out(stop)

    def _batch(self, stop: Callable[[], bool]) -> None:
        start, cell = members(self.at, self.discs)
        cap = self.price * self.model.weight
        cost = self.at.cost[self.discs[:, 0]]
        reach = np.zeros(len(cap))
        for _ in range(_BATCH // _CHUNK):
            if stop():
                return
            reach = primal_dual(start, cell, cost, self.value, self.u, cap, _CHUNK, RELAXATION)
            self.steps += _CHUNK
        self.u = np.clip(self.u, 0.0, cap)
        self._price_all()
        if self.steps >= PRICE_FROM:
            self._follow(reach)

    def _price_all(self) -> None:
        """Evaluate the bound over the whole grid and choose the discs of the next batch."""
        margin = _MARGIN_EARLY if self.steps < PRICE_FROM else _MARGIN_LATE
        found, worst = self._priced(margin)
        self._prove(worst)
        self._join(found)

    def _join(self, found: NDArray[np.int64]) -> None:
        """Go on with the discs in use and those of `found` that no neighbour dominates."""
        found = found[~dominated(self.at, self.near, found)]
        kept = self.value > 0.0
        old, value = self._key(self.discs[kept]), self.value[kept]
        key = np.union1d(self._key(found), old)
        self.value = np.zeros(key.size)
        self.value[np.searchsorted(key, old)] = value
        kind, flat = np.divmod(key, self.at.number.size)
        x, y = np.divmod(flat, self.at.number.shape[1])
        self.discs = np.column_stack([kind, x, y])

    def _priced(self, margin: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        tiles = [-(-side // self.at.tile) for side in self.model.shape]
        while True:
            worst = np.zeros(tiles)
            count = price_discs(self.at, self.u, margin, worst, self._room)
            if count <= len(self._room):
                return self._room[:count].copy(), worst
            self._room = np.zeros((count + count // 4, 3), np.int64)

    def _key(self, discs: NDArray[np.int64]) -> NDArray[np.int64]:
        flat = discs[:, 1] * self.at.number.shape[1] + discs[:, 2]
        return discs[:, 0] * self.at.number.size + flat

    def _share_out(self, stop: Callable[[], bool]) -> None:
        """Divide each cell's price by what the fullest disc round it earns per cost."""
        self.discs = np.unique(self.discs, axis=0)
        self.value = np.ones(len(self.discs))
        found, _ = self._priced(0.0)
        if stop():
            return
        found = found[~dominated(self.at, self.near, found)]
        full = np.ones(len(self.u))
        for part in np.array_split(found, _PIECES):
            if stop():
                return
            np.maximum(full, fullest(self.at, self.u, part), out=full)
        self.u = self.u / full
        self._price_all()
