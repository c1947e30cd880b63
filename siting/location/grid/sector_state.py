"""The state of a search on a grid of sector stations, and the moves that change it.

As in :mod:`siting.location.grid.state`, arrays are padded and weights rounded so that sums are
exact. Beside the cover of each cell the state holds the weight within the *full* radius of each
place: what no choice of azimuths can exceed, so that few places need their sectors aimed.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from siting.location.grid.aim import aimed
from siting.location.grid.cover import GridCover
from siting.location.grid.reach import Aims, even_aims, sector_kinds
from siting.location.grid.state import new_field, stamp


class SectorField(NamedTuple):
    """Arrays over the padded grid; the kernels change the first four in place.

    Parameters
    ----------
    cover, near, gain, weight, half, apart, cost
        As in :class:`~siting.location.grid.state.Field`; `gain` counts the full radius.
    open
        Weight of each cell that nothing covers, 0 elsewhere (X, Y).
    aims
        The azimuths that may be chosen, and what they reach.
    """

    cover: NDArray[np.int16]
    near: NDArray[np.int16]
    gain: NDArray[np.float64]
    open: NDArray[np.float64]
    weight: NDArray[np.float64]
    half: NDArray[np.int64]
    apart: NDArray[np.int64]
    cost: NDArray[np.float64]
    aims: Aims

    @property
    def pad(self) -> int:
        """Padding on every side [cells]."""
        return (self.apart.size - 1) // 2


def new_sector_field(model: GridCover, kinds: tuple[int, ...], bins: int) -> SectorField:
    """Build the empty field of `model`, azimuths being multiples of ``360 / bins`` degrees."""
    disc = new_field(model, kinds)
    return SectorField(
        disc.cover,
        disc.near,
        disc.gain,
        disc.weight.copy(),
        disc.weight,
        disc.half,
        disc.apart,
        disc.cost,
        even_aims(sector_kinds(model, kinds), bins),
    )


@nb.njit(cache=True, nogil=True)
def _shift(f: SectorField, x: int, y: int, value: float) -> None:
    """Add `value` to the gain of every place whose full radius holds (x, y)."""
    pad = (f.apart.size - 1) // 2
    for k in range(f.cost.size):
        for d in range(-pad, pad + 1):
            h = f.half[k, d + pad]
            for q in range(y - h, y + h + 1):
                f.gain[k, x + d, q] += value


@nb.njit(cache=True, nogil=True)
def _add(f: SectorField, x: int, y: int, by: int) -> float:
    """Count one station more or less over the cell (x, y); return the weight won or lost."""
    before = f.cover[x, y]
    f.cover[x, y] = before + by
    value = f.weight[x, y]
    if value > 0.0 and (before == 0 or before + by == 0):
        f.open[x, y] = value if by < 0 else 0.0
        _shift(f, x, y, -by * value)
        return value
    return 0.0


@nb.njit(cache=True, nogil=True)
def put(f: SectorField, station: NDArray[np.int64], by: int) -> float:
    """Place (`by` 1) or lift (-1) a station; return the weight newly covered or no longer so.

    `station` is kind, x, y and the bins of its three azimuths (6,).
    """
    k, x, y = station[0], station[1], station[2]
    a, b, c = station[3], station[4], station[5]
    pad = (f.apart.size - 1) // 2
    stamp(f.near, x, y, f.apart, pad, by)
    total = _add(f, x, y, by)
    for o in range(f.aims.start[k], f.aims.start[k + 1]):
        if aimed(f.aims, k, o, a, b, c):
            total += _add(f, x + f.aims.dx[o], y + f.aims.dy[o], by)
    return total


@nb.njit(cache=True, nogil=True)
def alone(f: SectorField, station: NDArray[np.int64]) -> float:
    """Weight that only this station covers."""
    k, x, y = station[0], station[1], station[2]
    a, b, c = station[3], station[4], station[5]
    lost = 0.0
    if f.cover[x, y] == 1:
        lost += float(f.weight[x, y])
    for o in range(f.aims.start[k], f.aims.start[k + 1]):
        p, q = x + f.aims.dx[o], y + f.aims.dy[o]
        if f.cover[p, q] == 1 and f.weight[p, q] > 0.0 and aimed(f.aims, k, o, a, b, c):
            lost += float(f.weight[p, q])
    return lost
