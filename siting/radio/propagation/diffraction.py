"""Diffraction over terrain and over the spherical Earth by ITU-R P.526 and P.1812.

The knife edge is that of ITU-R P.526; Bullington, spherical Earth and delta-Bullington are stated
alike in ITU-R P.526, P.452 and P.1812, whose equation numbers are given (P.1812, section 4.3).

Inside the formulas symbols and units are the Recommendation's: distances `d` [km], heights [m]
above mean sea level (`g` terrain with clutter, `hts`, `hrs` antennas), effective Earth radius `ap`
[km], carrier `f` [GHz], share of the path over sea `omega`.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.errors import InputError, raise_if
from siting.radio.propagation.path_loss import outside

Floats = npt.NDArray[np.float64]

#: Mean radius of the Earth [km], section 3.5.
EARTH_RADIUS_KM = 6371.0
#: Speed of light [m/s] divided by 1e9, as the Recommendation rounds it.
SPEED_OF_LIGHT_GHZ_M = 0.2998
#: Diffraction parameter below which a knife edge costs nothing.
CLEAR = -0.78
#: Relative permittivity and conductivity [S/m] of land and sea, section 4.3.3.
_LAND, _SEA = (22.0, 0.003), (80.0, 5.0)


class Polarisation(IntEnum):
    """Polarisation of the wave; it matters only where a path grazes the ground."""

    HORIZONTAL = 0
    VERTICAL = 1


def knife_edge_loss_db(nu: npt.ArrayLike) -> Floats:
    """Loss of one knife edge, J(nu) [dB].

    Parameters
    ----------
    nu
        Diffraction parameter, without dimension: positive where the edge obstructs the line of
        sight, 0 where it touches it. Any finite value.

    Returns
    -------
    ndarray
        Loss [dB], 0 for nu <= -0.78; within 0.15 dB of the Fresnel integrals for nu >= -0.5.

    Raises
    ------
    InputError
        For values that are not finite.

    References
    ----------
    ITU-R P.526-15, equation (31); ITU-R P.1812-7, equation (12).
    """
    given = np.asarray(nu, dtype=np.float64)
    raise_if(outside("nu", given, -np.finfo(float).max, np.finfo(float).max, ""), InputError)
    shifted = np.maximum(given, CLEAR) - 0.1
    loss = 6.9 + 20.0 * np.log10(np.sqrt(shifted**2 + 1.0) + shifted)
    return np.where(given > CLEAR, loss, 0.0)


@njit(cache=True, nogil=True)
def knife_edge(nu):
    """J(nu) [dB], equation (12)."""
    if nu <= CLEAR:
        return 0.0
    return 6.9 + 20.0 * math.log10(math.sqrt((nu - 0.1) ** 2 + 1.0) + nu - 0.1)


@njit(cache=True, nogil=True)
def bullington(d, g, hts, hrs, ap, f):
    """Bullington loss of a profile [dB], equations (13) to (21).

    The profile is replaced by one knife edge where the horizons of both ends meet, or, within line
    of sight, by the point with the greatest diffraction parameter.
    """
    bulge = 500.0 / ap
    wavelength = SPEED_OF_LIGHT_GHZ_M / f
    n, total = len(d), d[-1]
    steepest, back = -math.inf, -math.inf
    for i in range(1, n - 1):
        raised = g[i] + bulge * d[i] * (total - d[i])
        steepest = max(steepest, (raised - hts) / d[i])
        back = max(back, (raised - hrs) / (total - d[i]))
    if steepest < (hrs - hts) / total:
        worst = -math.inf
        for i in range(1, n - 1):
            rest = total - d[i]
            clear = g[i] + bulge * d[i] * rest - (hts * rest + hrs * d[i]) / total
            worst = max(worst, clear * math.sqrt(0.002 * total / (wavelength * d[i] * rest)))
        edge = knife_edge(worst)
    else:
        meet = (hrs - hts + back * total) / (steepest + back)
        rest = total - meet
        above = hts + steepest * meet - (hts * rest + hrs * meet) / total
        edge = knife_edge(above * math.sqrt(0.002 * total / (wavelength * meet * rest)))
    return edge + (1.0 - math.exp(-edge / 6.0)) * (10.0 + 0.02 * total)


@njit(cache=True, nogil=True)
def _height_gain(beta, height, floor):
    """G(Y) of a normalised height, equation (35)."""
    b = beta * height
    if b > 2.0:  # noqa: PLR2004 - equation (35)
        gain = 17.6 * math.sqrt(b - 1.1) - 5.0 * math.log10(b - 1.1) - 8.0
    else:
        gain = 20.0 * math.log10(b + 0.1 * b**3)
    return max(gain, floor)


@njit(cache=True, nogil=True)
def _first_term_over(ground, d, hte, hre, radius, f, polarisation):
    """First term of the residue series over one kind of ground [dB], equations (29) to (36)."""
    permittivity, conductivity = ground
    loss_term = (18.0 * conductivity / f) ** 2
    admittance = 0.036 * (radius * f) ** (-1.0 / 3.0)
    admittance *= ((permittivity - 1.0) ** 2 + loss_term) ** -0.25
    if polarisation == Polarisation.VERTICAL:
        admittance *= math.sqrt(permittivity**2 + loss_term)
    k2 = admittance * admittance
    beta = (1.0 + 1.6 * k2 + 0.67 * k2 * k2) / (1.0 + 4.5 * k2 + 1.53 * k2 * k2)
    x = 21.88 * beta * (f / radius**2) ** (1.0 / 3.0) * d
    scale = 0.9575 * beta * (f * f / radius) ** (1.0 / 3.0)
    if x >= 1.6:  # noqa: PLR2004 - equation (33)
        reach = 11.0 + 10.0 * math.log10(x) - 17.6 * x
    else:
        reach = -20.0 * math.log10(x) - 5.6488 * x**1.425
    floor = 2.0 + 20.0 * math.log10(admittance)
    gains = _height_gain(beta, scale * hte, floor) + _height_gain(beta, scale * hre, floor)
    return -reach - gains


@njit(cache=True, nogil=True)
def _first_term(d, hte, hre, radius, f, omega, polarisation):
    """First-term loss of a path partly over sea [dB], equation (28)."""
    land = _first_term_over(_LAND, d, hte, hre, radius, f, polarisation)
    if omega == 0.0:
        return land
    sea = _first_term_over(_SEA, d, hte, hre, radius, f, polarisation)
    return omega * sea + (1.0 - omega) * land


@njit(cache=True, nogil=True)
def spherical_earth(d, hte, hre, ap, f, omega, polarisation):
    """Loss of a smooth spherical Earth [dB], equations (22) to (27).

    `hte` and `hre` are the heights of the antennas above the smooth surface [m], positive;
    `polarisation` as in :class:`Polarisation`.
    """
    horizon = math.sqrt(2.0 * ap) * (math.sqrt(0.001 * hte) + math.sqrt(0.001 * hre))
    if d >= horizon:
        return _first_term(d, hte, hre, ap, f, omega, polarisation)
    c = (hte - hre) / (hte + hre)
    m = 250.0 * d * d / (ap * (hte + hre))
    angle = math.acos(1.5 * c * math.sqrt(3.0 * m / (m + 1.0) ** 3))
    b = 2.0 * math.sqrt((m + 1.0) / (3.0 * m)) * math.cos(math.pi / 3.0 + angle / 3.0)
    near = 0.5 * d * (1.0 + b)
    rest = d - near
    clearance = (hte - 500.0 * near * near / ap) * rest + (hre - 500.0 * rest * rest / ap) * near
    clearance /= d
    required = 17.456 * math.sqrt(near * rest * SPEED_OF_LIGHT_GHZ_M / f / d)
    if clearance > required:
        return 0.0
    marginal = 500.0 * (d / (math.sqrt(hte) + math.sqrt(hre))) ** 2
    first = max(0.0, _first_term(d, hte, hre, marginal, f, omega, polarisation))
    return (1.0 - clearance / required) * first


@njit(cache=True, nogil=True)
def delta_bullington(d, g, hts, hrs, hstd, hsrd, ap, f, omega, polarisation):
    """Loss of terrain on a curved Earth [dB], equations (37) to (39).

    `hstd` and `hsrd` are the heights of the smooth surface at the ends [m above sea level].

    Returns
    -------
    tuple
        The loss, and its parts: Bullington of the profile, Bullington of the smooth path, spherical
        Earth.
    """
    profile = bullington(d, g, hts, hrs, ap, f)
    hte, hre = hts - hstd, hrs - hsrd
    smooth = bullington(d, np.zeros(len(d)), hte, hre, ap, f)
    sphere = spherical_earth(d[-1], hte, hre, ap, f, omega, polarisation)
    return profile + max(sphere - smooth, 0.0), profile, smooth, sphere
