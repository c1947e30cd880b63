"""The state of a search on a grid of sector stations, and the moves that change it.

As in :mod:`siting.location.grid.state`, arrays are padded and weights rounded so that sums are
exact. Beside the cover of each cell the state holds the weight within the *full* radius of each
place: what no choice of azimuths can exceed, so that few places need their sectors aimed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from siting.location.grid.aim import aimed, best_aim
from siting.location.grid.cover import GridCover
from siting.location.grid.reach import Aims, chosen_aims, every_aim, sector_kinds, useful_azimuths
from siting.location.grid.state import disc_sums, exact_step, new_field, stamp

#: Bins of the rough look.
_ROUGH_BINS = 72


class SectorField(NamedTuple):
    """Arrays over the padded grid; the kernels change the first four in place.

    Parameters
    ----------
    cover, near, gain, weight, half, apart, cost
        As in :class:`~siting.location.grid.state.Field`; `gain` counts the full radius.
    open
        What covering a cell once more is worth (X, Y): its weight where nothing covers it, `lure`
        of that where one station does, else nothing.
    lure
        Share of its weight that a second cover of a cell counts, and the step of weights (2,).
    aims
        The azimuths that may be chosen, and what they reach.
    rough
        Few bins that hold every azimuth, to tell soon where aiming is in vain.
    """

    cover: NDArray[np.int16]
    near: NDArray[np.int16]
    gain: NDArray[np.float64]
    open: NDArray[np.float64]
    lure: NDArray[np.float64]
    weight: NDArray[np.float64]
    half: NDArray[np.int64]
    apart: NDArray[np.int64]
    cost: NDArray[np.float64]
    aims: Aims
    rough: Aims

    @property
    def pad(self) -> int:
        """Padding on every side [cells]."""
        return (self.apart.size - 1) // 2


def new_sector_field(model: GridCover, kinds: tuple[int, ...]) -> SectorField:
    """Build the empty field of `model`, azimuths being ends of arcs."""
    disc = new_field(model, kinds)
    chosen = sector_kinds(model, kinds)
    return SectorField(
        disc.cover,
        disc.near,
        disc.gain,
        disc.weight.copy(),
        np.array([0.0, exact_step(math.fsum(model.weight.tolist()))]),
        disc.weight,
        disc.half,
        disc.apart,
        disc.cost,
        chosen_aims(chosen, [useful_azimuths(kind) for kind in chosen]),
        every_aim(chosen, _ROUGH_BINS),
    )


@nb.njit(cache=True, nogil=True)
def aim(  # noqa: PLR0917 (compiled code takes plain arguments)
    f: SectorField,
    k: int,
    x: int,
    y: int,
    floor: float,
    s: NDArray[np.float64],
    gap: NDArray[np.float64],
    pick: NDArray[np.int64],
) -> float:
    """As :func:`~siting.location.grid.aim.best_aim`, with a rough look first."""
    if best_aim(f.open, f.rough, k, x, y, floor, s, gap, pick) <= floor:
        return floor
    return best_aim(f.open, f.aims, k, x, y, floor, s, gap, pick)


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
def _worth(f: SectorField, weight: float, cover: int | np.int64) -> float:
    """Return what one cover more is worth, a multiple of the step of weights."""
    if cover == 0:
        return weight
    if cover == 1:
        return math.floor(f.lure[0] * weight / f.lure[1]) * f.lure[1]
    return 0.0


@nb.njit(cache=True, nogil=True)
def _add(f: SectorField, x: int, y: int, by: int | np.int64) -> float:
    """Count one station more or less over the cell (x, y); return the weight won or lost."""
    before = f.cover[x, y]
    f.cover[x, y] = before + by
    value = f.weight[x, y]
    if value == 0.0:
        return 0.0
    new = _worth(f, value, before + by)
    if new != f.open[x, y]:
        _shift(f, x, y, new - f.open[x, y])
        f.open[x, y] = new
    return value if before == 0 or before + by == 0 else 0.0


@nb.njit(cache=True, nogil=True)
def put(f: SectorField, station: NDArray[np.int64], by: int | np.int64) -> float:
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


def set_lure(f: SectorField, lure: float) -> None:
    """Let a second cover of a cell count `lure` of its weight from now on."""
    f.lure[0] = lure
    _weigh(f)
    for k in range(f.cost.size):
        f.gain[k] = 0.0
        disc_sums(f.open, f.half[k], f.pad, f.gain[k])


@nb.njit(cache=True, nogil=True)
def _weigh(f: SectorField) -> None:
    width, height = f.weight.shape
    for x in range(width):
        for y in range(height):
            f.open[x, y] = _worth(f, f.weight[x, y], np.int64(f.cover[x, y]))
