"""Elementary functions for loops over a hundred million pixels, as exact as a raster needs.

Polynomials through Chebyshev nodes; the same bits on every machine that rounds as IEEE 754 says.
"""

# ruff: noqa: ANN001, ANN201
# Compiled functions take plain numbers; numba infers their types.

from __future__ import annotations

import math

import numpy as np
from numba import njit

_LOG2_OF_DB = math.log2(10.0) / 10.0
#: Layout of a number of double precision.
_BIAS, _MANTISSA_BITS, _LEAST_EXPONENT = 1023, 52, -1022.0


@njit(cache=True, nogil=True)
def angle_deg(y, x):
    """Return the angle of (x, y) from the x axis, -180 to 180 [degrees], within 1e-6; 0 for (0, 0).

    Arguments may be swapped for angles from north: ``angle_deg(east, north)``.
    """
    ax, ay = abs(x), abs(y)
    most = max(ax, ay)
    if most == 0.0:
        return 0.0
    a = min(ax, ay) / most
    z = a * a
    p = -0.01641319046 + z * 0.002932761955
    p = -0.07556900209 + z * (0.04327824184 + z * p)
    p = -0.1421110605 + z * (0.106674869 + z * p)
    p = -0.3333313797 + z * (0.1999369432 + z * p)
    angle = math.degrees(a * (0.9999999938 + z * p))
    if ay > ax:
        angle = 90.0 - angle
    if x < 0.0:
        angle = 180.0 - angle
    return -angle if y < 0.0 else angle


@njit(cache=True, nogil=True)
def power_ratios(level_db, out, bits):
    """Write 10^(level / 10), relative error below 1e-8, for levels up to 1000 dB.

    Below -3076 dB, -inf too, it is the least number of double precision.
    `bits` is the memory of `out` seen as whole numbers, int64: the exponent is written there.
    """
    for i in range(len(level_db)):
        exponent = max(level_db[i] * _LOG2_OF_DB, _LEAST_EXPONENT)
        bits[i] = (np.int64(math.floor(exponent + 0.5)) + _BIAS) << _MANTISSA_BITS
    for i in range(len(level_db)):
        exponent = max(level_db[i] * _LOG2_OF_DB, _LEAST_EXPONENT)
        f = exponent - math.floor(exponent + 0.5)
        p = 0.00961802560295 + f * (0.00134004321658 + f * 0.000154697319815)
        p = 0.693147206711 + f * (0.240226512136 + f * (0.0555032721421 + f * p))
        out[i] *= 0.99999999996 + f * p
