"""The state of a search on a grid of discs, and the moves that change it.

All arrays are padded on every side by the largest reach, so that no move tests the border. Weights
are rounded up to multiples of a power of two, coarse enough that every sum of them is exact in
float64: gains never drift, however many stations come and go. What may stay uncovered is not
rounded, so an answer that is enough on the grid is enough in truth.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from siting.location.grid.cover import GridCover, half_widths

#: Sums of rounded weights stay below 2**52 steps, hence exact.
_EXACT_BITS = 52


class Field(NamedTuple):
    """Arrays over the padded grid; the kernels change the first three in place.

    Parameters
    ----------
    cover
        How many placed stations cover each cell (X, Y).
    near
        How many stations or borders forbid each position; 0 is free (X, Y).
    gain
        Uncovered weight within reach of each position, per kind (k, X, Y).
    weight
        Weight of each cell, rounded up (X, Y).
    half
        Half-width of the disc of each kind in each row (k, 2 * pad + 1); -1 outside.
    apart
        The same for the separation disc (2 * pad + 1,).
    cost
        Cost of each kind (k,).
    """

    cover: NDArray[np.int16]
    near: NDArray[np.int16]
    gain: NDArray[np.float64]
    weight: NDArray[np.float64]
    half: NDArray[np.int64]
    apart: NDArray[np.int64]
    cost: NDArray[np.float64]

    @property
    def pad(self) -> int:
        """Padding on every side [cells]."""
        return (self.apart.size - 1) // 2


def exact_step(total_weight: float) -> float:
    """Power of two so small that rounding hardly matters, so large that sums stay exact."""
    return math.ldexp(1.0, max(-1000, math.frexp(total_weight)[1] - _EXACT_BITS))


def new_field(model: GridCover, kinds: tuple[int, ...]) -> Field:
    """Build the empty field of `model`, keeping gains for the kinds at the indices `kinds`."""
    pad = 1 + int(max(model.min_separation, *(model.kinds[k].radius for k in kinds)))
    shape = (model.shape[0] + 2 * pad, model.shape[1] + 2 * pad)
    step = exact_step(math.fsum(model.weight.tolist()))
    weight = np.zeros(shape)
    weight[model.xy[:, 0] + pad, model.xy[:, 1] + pad] = np.ceil(model.weight / step) * step
    near = np.ones(shape, np.int16)
    near[pad:-pad, pad:-pad] = 0
    apart = half_widths(model.min_separation, pad)
    for x, y in model.existing_xy + pad:
        stamp(near, x, y, apart, pad, 1)
    half = np.stack([half_widths(model.kinds[k].radius, pad) for k in kinds])
    gain = np.zeros((len(kinds), *shape))
    for k in range(len(kinds)):
        disc_sums(weight, half[k], pad, gain[k])
    cost = np.array([float(model.kinds[k].cost) for k in kinds])
    return Field(np.zeros(shape, np.int16), near, gain, weight, half, apart, cost)


@nb.njit(cache=True, nogil=True)
def disc_sums(
    values: NDArray[np.float64], half: NDArray[np.int64], pad: int, out: NDArray[np.float64]
) -> None:
    """Add to `out`, at every position, the sum of `values` over the disc around it.

    Cells nearer than `pad` to the border must be zero.
    """
    width, height = values.shape
    for x in range(pad, width - pad):
        for y in range(pad, height - pad):
            value = values[x, y]
            if value != 0.0:
                _spread(out, x, y, half, pad, value)


@nb.njit(cache=True, nogil=True)
def stamp(  # noqa: PLR0917 (compiled code takes plain arguments)
    field: NDArray[np.int16],
    x: int,
    y: int,
    half: NDArray[np.int64],
    pad: int,
    value: int | np.int64,
) -> None:
    """Add `value` to `field` over the disc at (x, y)."""
    for d in range(-pad, pad + 1):
        h = half[d + pad]
        for q in range(y - h, y + h + 1):
            field[x + d, q] += value


@nb.njit(cache=True, nogil=True)
def _spread(  # noqa: PLR0917 (compiled code takes plain arguments)
    field: NDArray[np.float64], x: int, y: int, half: NDArray[np.int64], pad: int, value: float
) -> None:
    for d in range(-pad, pad + 1):
        h = half[d + pad]
        for q in range(y - h, y + h + 1):
            field[x + d, q] += value


@nb.njit(cache=True, nogil=True)
def place(f: Field, kind: int, x: int, y: int) -> float:
    """Put a station of `kind` at (x, y); return the weight it newly covers."""
    pad = (f.apart.size - 1) // 2
    stamp(f.near, x, y, f.apart, pad, np.int64(1))
    added = 0.0
    for d in range(-pad, pad + 1):
        h = f.half[kind, d + pad]
        for q in range(y - h, y + h + 1):
            f.cover[x + d, q] += 1
            value = f.weight[x + d, q]
            if value > 0.0 and f.cover[x + d, q] == 1:
                added += value
                for k in range(f.half.shape[0]):
                    _spread(f.gain[k], x + d, q, f.half[k], pad, -value)
    return added


@nb.njit(cache=True, nogil=True)
def lift(f: Field, kind: int, x: int, y: int) -> float:
    """Take the station of `kind` at (x, y) away; return the weight no longer covered."""
    pad = (f.apart.size - 1) // 2
    stamp(f.near, x, y, f.apart, pad, np.int64(-1))
    lost = 0.0
    for d in range(-pad, pad + 1):
        h = f.half[kind, d + pad]
        for q in range(y - h, y + h + 1):
            f.cover[x + d, q] -= 1
            value = f.weight[x + d, q]
            if value > 0.0 and f.cover[x + d, q] == 0:
                lost += value
                for k in range(f.half.shape[0]):
                    _spread(f.gain[k], x + d, q, f.half[k], pad, value)
    return lost


@nb.njit(cache=True, nogil=True)
def loss(f: Field, kind: int, x: int, y: int) -> float:
    """Weight that only the station of `kind` at (x, y) covers."""
    pad = (f.apart.size - 1) // 2
    lost = 0.0
    for d in range(-pad, pad + 1):
        h = f.half[kind, d + pad]
        for q in range(y - h, y + h + 1):
            if f.cover[x + d, q] == 1:
                lost += f.weight[x + d, q]
    return lost
