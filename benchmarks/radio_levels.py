"""Levels of three sectors over the window of a mast, written so that compilers vectorise it.

What follows the obstruction in a prediction: the median loss of TR 38.901 UMa with or without line
of sight, Bullington's loss of the edge, the pattern of the strongest of three sectors. Everything
is 32-bit and without branches or calls: logarithm, exponential and angle are polynomials, good to
a thousandth of a dB, which the benchmark checks against the library's formulas in the same run.
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.radio.antenna import SAMPLES, AntennaPattern
from siting.radio.ground.float_bits import bits_32, float_32
from siting.radio.ground.obstruction import Obstruction
from siting.radio.propagation.diffraction import CLEAR, SPEED_OF_LIGHT_GHZ_M
from siting.radio.propagation.path_loss import (
    NEAR_FIELD_M,
    SPEED_OF_LIGHT_M_S,
    USER_HEIGHT_M,
    NearField,
    Sight,
    path_loss_db,
)
from siting.technology import Propagation
from siting.units import mhz_to_ghz, mhz_to_hz

F = np.float32


def _polynomial(function, low: float, high: float, degree: int) -> tuple[np.float32, ...]:
    """Fit a polynomial at Chebyshev's points; coefficients from the constant term on."""
    x = np.linspace(low, high, 4001)
    fitted = np.polynomial.Chebyshev.fit(x, function(x), degree)
    return tuple(F(c) for c in fitted.convert(kind=np.polynomial.Polynomial).coef)


_L0, _L1, _L2, _L3, _L4, _L5, _L6 = _polynomial(np.log2, 1.0, 2.0, 6)
_E0, _E1, _E2, _E3, _E4 = _polynomial(np.exp2, -1.0, 0.0, 4)
# the arc tangent of q over q, in the square of q
_A0, _A1, _A2, _A3, _A4, _A5 = _polynomial(
    lambda z: np.arctan(np.sqrt(z + 1e-12)) / np.sqrt(z + 1e-12), 0.0, 1.0, 5
)
_TENTHS = F(1800.0 / math.pi)  # tenths of a degree in a radian
_QUARTER, _HALF = F(math.pi / 2), F(math.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sectors:
    """Three sectors of one antenna on a mast.

    Parameters
    ----------
    x, y
        The mast in cells from the south-west corner of the raster.
    height_m
        Antennas above ground [m].
    frequency_mhz
        Carrier [MHz].
    pattern
        Pattern of every sector, combined by the sum of its cuts.
    azimuths_deg
        Where the sectors point, clockwise from north [degrees].
    tilt_deg
        Electrical tilt [degrees].
    """

    x: float
    y: float
    height_m: float
    frequency_mhz: float
    pattern: AntennaPattern
    azimuths_deg: tuple[float, float, float] = (0.0, 120.0, 240.0)
    tilt_deg: float = 6.0


def levels(found: Obstruction, sectors: Sectors, cell_m: float) -> npt.NDArray[np.float32]:
    """Return gain minus loss of the strongest sector in every cell [dB], NaN beyond the radius."""
    f, h = float(mhz_to_ghz(sectors.frequency_mhz)), sectors.height_m
    turn = 4.0 * (h - 1.0) * (USER_HEIGHT_M - 1.0)
    turn *= float(mhz_to_hz(sectors.frequency_mhz)) / SPEED_OF_LIGHT_M_S
    lower = h - USER_HEIGHT_M
    near = 28.0 + 20.0 * math.log10(f)
    out = np.empty_like(found.edge)
    _levels(
        found.edge,
        found.sight,
        F((found.row + 0.5 - sectors.y) * cell_m),
        F((found.column + 0.5 - sectors.x) * cell_m),
        F(cell_m),
        F(lower),
        F(turn),
        F(near),
        F(near - 9.0 * math.log10(turn**2 + lower**2)),
        F(13.54 + 20.0 * math.log10(f)),
        F(math.sqrt(f / SPEED_OF_LIGHT_GHZ_M)),
        # turns enough that no angle between -180 and 180 degrees falls before the first sample
        np.tile(sectors.pattern.horizontal_db, 4).astype(F),
        np.tile(sectors.pattern.vertical_db, 4).astype(F),
        np.array([2 * SAMPLES - 10.0 * a for a in sectors.azimuths_deg], dtype=F),
        F(2 * SAMPLES - 10.0 * sectors.tilt_deg),
        F(sectors.pattern.limit_db),
        F(sectors.pattern.gain_dbi),
        out,
    )
    return out


def levels_one_by_one(
    found: Obstruction, sectors: Sectors, cell_m: float
) -> npt.NDArray[np.float64]:
    """Return the same by the library's formulas of path loss, knife edge and pattern."""
    row, column = np.indices(found.edge.shape)
    north = (found.row + row + 0.5 - sectors.y) * cell_m
    east = (found.column + column + 0.5 - sectors.x) * cell_m
    distance = np.maximum(np.hypot(north, east), NEAR_FIELD_M)
    inside = ~np.isnan(found.edge)
    far = np.where(inside, distance, NEAR_FIELD_M)
    los, nlos = (
        path_loss_db(
            Propagation.UMA,
            sight,
            far,
            frequency_mhz=sectors.frequency_mhz,
            antenna_height_m=sectors.height_m,
            near_field=NearField.HOLD,
        )
        for sight in (Sight.LOS, Sight.NLOS)
    )
    loss = np.where(found.sight == 1, los, nlos)
    wavelength = SPEED_OF_LIGHT_GHZ_M / float(mhz_to_ghz(sectors.frequency_mhz))
    nu = np.where(inside, found.edge, -np.inf).astype(np.float64) / math.sqrt(wavelength)
    shifted = np.maximum(nu, CLEAR) - 0.1
    edge = np.where(nu > CLEAR, 6.9 + 20.0 * np.log10(np.sqrt(shifted**2 + 1.0) + shifted), 0.0)
    loss += edge + (1.0 - np.exp(-edge / 6.0)) * (10.0 + 2e-5 * distance)
    azimuth = np.degrees(np.arctan2(east, north))
    below = np.degrees(np.arctan2(sectors.height_m - USER_HEIGHT_M, distance))
    gain = np.max(
        [
            sectors.pattern.gain(azimuth - points, below, tilt_deg=sectors.tilt_deg)
            for points in sectors.azimuths_deg
        ],
        axis=0,
    )
    return np.where(inside, gain - loss, np.nan)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _log2(x):
    """Binary logarithm of a positive number."""
    bits = bits_32(x)
    m = float_32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000))
    fraction = (((((_L6 * m + _L5) * m + _L4) * m + _L3) * m + _L2) * m + _L1) * m + _L0
    return F((bits >> np.int32(23)) - np.int32(127)) + fraction


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _exp2(x):
    """Power of two of a number from -126 to 0."""
    whole = np.int32(x)
    f = x - F(whole)
    fraction = (((_E4 * f + _E3) * f + _E2) * f + _E1) * f + _E0
    return fraction * float_32((whole + np.int32(127)) << np.int32(23))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _angle(y, x):
    """Angle of a direction [tenths of a degree], from the x axis towards y."""
    wide, high = abs(x), abs(y)
    steep = high > wide
    q = wide / high if steep else high / wide
    z = q * q
    a = q * (((((_A5 * z + _A4) * z + _A3) * z + _A2) * z + _A1) * z + _A0)
    a = _QUARTER - a if steep else a
    a = _HALF - a if x < F(0.0) else a
    return _TENTHS * (-a if y < F(0.0) else a)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _cut(cut, place):
    """Interpolate a cut at a place of at least 0."""
    low = np.uint32(place)
    first = cut[low]
    return first + (place - F(low)) * (cut[low + np.uint32(1)] - first)


@njit(cache=True, nogil=True, error_model="numpy")
def _levels(
    edge, sight, south, west, cell, lower, turn, near, far, blocked, per_root_wave, horizontal,
    vertical, azimuths, tilt, limit, gain, out,
):  # fmt: skip
    rows, columns = edge.shape
    across, below = np.empty(columns, F), np.empty(columns, F)
    lg2 = F(math.log10(2.0))
    per_e, nothing = F(-1.0 / 6.0 / math.log(2.0)), F(math.nan)
    first, second, third = azimuths
    for r in range(rows):
        north = south + F(r) * cell
        edges, sights, level = edge[r], sight[r], out[r]
        for c in range(columns):
            east = west + F(np.int32(c)) * cell
            flat = math.sqrt(east * east + north * north)
            flat = max(F(NEAR_FIELD_M), flat)
            lg = F(0.5) * lg2 * _log2(flat * flat + lower * lower)
            los = near + F(22.0) * lg if flat <= turn else far + F(40.0) * lg
            nlos = blocked + F(39.08) * lg
            nlos = max(los, nlos)
            loss = los if sights[c] == 1 else nlos
            nu = edges[c] * per_root_wave - F(0.1)
            knife = F(6.9) + F(20.0) * lg2 * _log2(math.sqrt(nu * nu + F(1.0)) + nu)
            knife = knife if nu > F(CLEAR - 0.1) else F(0.0)
            loss += knife + (F(1.0) - _exp2(per_e * knife)) * (F(10.0) + F(2e-5) * flat)
            across[c] = _angle(east, north)
            below[c] = _angle(lower, flat) + tilt
            level[c] = gain - loss if edges[c] == edges[c] else nothing
        for c in range(columns):
            a = _cut(horizontal, across[c] + first)
            b = _cut(horizontal, across[c] + second)
            a = min(b, a)
            b = _cut(horizontal, across[c] + third)
            a = min(b, a) + _cut(vertical, below[c])
            level[c] -= min(limit, a)
