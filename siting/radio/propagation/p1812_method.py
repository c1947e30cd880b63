"""The formulas of Recommendation ITU-R P.1812, compiled, for :mod:`siting.radio.propagation.p1812`.

Symbols and units are the Recommendation's (distances [km], heights [m], angles [mrad], carrier `f`
[GHz]); equation numbers are those of P.1812-7, annex 1.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from siting.radio.propagation.diffraction import (
    EARTH_RADIUS_KM,
    SPEED_OF_LIGHT_GHZ_M,
    delta_bullington,
)

#: Radio-climatic zones, section 3.2: sea or large water; land within 50 km of the sea and below
#: 100 m; all other land.
SEA, COASTAL, INLAND = 1, 3, 4

#: Effective Earth radius for the share of time beta0 [km], equation (7b).
_RADIUS_BETA_KM = 3.0 * EARTH_RADIUS_KM


class Transmission(NamedTuple):
    """Loss of a path and everything it was combined from, named as in the Recommendation.

    Losses [dB], angles [mrad], distances [km], heights [m]. ``loss_db`` is the basic transmission
    loss not exceeded for the shares of time and locations asked for, equation (69).
    """

    loss_db: float
    dlt: float
    dlr: float
    theta_t: float
    theta_r: float
    theta: float
    omega: float
    dtm: float
    dlm: float
    b0: float
    ae: float
    hst: float
    hsr: float
    hstd: float
    hsrd: float
    hte: float
    hre: float
    hm: float
    fi: float
    fj: float
    fk: float
    lbfs: float
    lb0p: float
    lb0b: float
    lbulla: float
    lbulls: float
    ldsph: float
    ld50: float
    ldb: float
    ldp: float
    lbd50: float
    lbd: float
    lminb0p: float
    lba: float
    lminbap: float
    lbda: float
    lbam: float
    lbs: float
    lbc: float


@njit(cache=True, nogil=True)
def _tail(x):
    """Approximate the inverse complementary cumulative normal distribution, attachment 2."""
    x = min(max(x, 1e-6), 1.0 - 1e-6)
    t = math.sqrt(-2.0 * math.log(min(x, 1.0 - x)))
    top = (0.010328 * t + 0.802853) * t + 2.515516698
    value = t - top / (((0.001308 * t + 0.189269) * t + 1.432788) * t + 1.0)
    return value if x <= 0.5 else -value  # noqa: PLR2004


@njit(cache=True, nogil=True)
def _sections(d, zone, least, most):
    """Return the whole and the longest continuous length in the zones `least` to `most` [km].

    A point stands for the ground half way to its neighbours.
    """
    n = len(d)
    whole, longest, run = 0.0, 0.0, 0.0
    for i in range(n):
        if zone[i] < least or zone[i] > most:
            run = 0.0
            continue
        before = 0.5 * (d[i] - d[i - 1]) if i else 0.0
        after = 0.5 * (d[i + 1] - d[i]) if i < n - 1 else 0.0
        run += before + after
        whole += before + after
        longest = max(longest, run)
    return whole, longest


@njit(cache=True, nogil=True)
def _anomalous_share(latitude, dtm, dlm):
    """Share of time beta0 with strong refraction [%], equations (2) to (5)."""
    tau = 1.0 - math.exp(-(4.12e-4 * dlm**2.41))
    mu1 = 10.0 ** (-dtm / (16.0 - 6.6 * tau)) + 10.0 ** (-5.0 * (0.496 + 0.354 * tau))
    mu1 = min(1.0, mu1**0.2)
    phi = abs(latitude)
    if phi <= 70.0:  # noqa: PLR2004
        return 10.0 ** (-0.015 * phi + 1.67) * mu1 * mu1 ** (-0.935 + 0.0176 * phi)
    return 4.17 * mu1 * mu1**0.3


@njit(cache=True, nogil=True)
def _smooth_surface(d, h, hts, hrs):
    """Heights of the smooth surface at the ends: of the profile, and for diffraction.

    Equations (85) to (91): `hst`, `hsr` of a straight line with the profile's area and moment;
    `hstd`, `hsrd` lowered where terrain obstructs the path.
    """
    n, total = len(d), d[-1]
    area = moment = 0.0
    for i in range(1, n):
        step = d[i] - d[i - 1]
        area += step * (h[i] + h[i - 1])
        moment += step * (h[i] * (2.0 * d[i] + d[i - 1]) + h[i - 1] * (d[i] + 2.0 * d[i - 1]))
    hst = (2.0 * area * total - moment) / total**2
    hsr = (moment - area * total) / total**2
    above = from_t = from_r = -math.inf
    for i in range(1, n - 1):
        rest = total - d[i]
        height = h[i] - (hts * rest + hrs * d[i]) / total
        above = max(above, height)
        from_t = max(from_t, height / d[i])
        from_r = max(from_r, height / rest)
    hstd, hsrd = hst, hsr
    if above > 0.0:
        hstd -= above * from_t / (from_t + from_r)
        hsrd -= above * from_r / (from_t + from_r)
    return hst, hsr, min(hstd, h[0]), min(hsrd, h[-1])


@njit(cache=True, nogil=True)
def _horizons(d, h, hts, hrs, ae, f):
    """Horizon angles [mrad] and the points they belong to, equations (76) to (83).

    Within line of sight both ends share the point with the greatest diffraction parameter.
    """
    n, total = len(d), d[-1]
    direct = 1e3 * math.atan((hrs - hts) / (1e3 * total) - total / (2.0 * ae))
    theta_t, at_t = -math.inf, 1
    for i in range(1, n - 1):
        angle = 1e3 * math.atan((h[i] - hts) / (1e3 * d[i]) - d[i] / (2.0 * ae))
        if angle > theta_t:
            theta_t, at_t = angle, i
    if theta_t > direct:
        theta_r, at_r = -math.inf, 1
        for i in range(1, n - 1):
            rest = total - d[i]
            angle = 1e3 * math.atan((h[i] - hrs) / (1e3 * rest) - rest / (2.0 * ae))
            if angle >= theta_r:
                theta_r, at_r = angle, i
        return theta_t, theta_r, at_t, at_r, d[at_t], total - d[at_r]
    wavelength = SPEED_OF_LIGHT_GHZ_M / f
    worst, at = -math.inf, 1
    for i in range(1, n - 1):
        rest = total - d[i]
        clear = h[i] + 500.0 / ae * d[i] * rest - (hts * rest + hrs * d[i]) / total
        nu = clear * math.sqrt(0.002 * total / (wavelength * d[i] * rest))
        if nu >= worst:
            worst, at = nu, i
    back = 1e3 * math.atan((hts - hrs) / (1e3 * total) - total / (2.0 * ae))
    return direct, back, at, at, d[at], total - d[at]


@njit(cache=True, nogil=True)
def _screen(theta, distance, f):
    """Loss of site shielding towards a duct [dB], equation (48)."""
    beyond = theta - 0.1 * distance
    if beyond <= 0.0:
        return 0.0
    edge = 20.0 * math.log10(1.0 + 0.361 * beyond * math.sqrt(f * distance))
    return edge + 0.264 * beyond * f ** (1.0 / 3.0)


@njit(cache=True, nogil=True)
def _coupling(coast, horizon, omega, height):
    """Gain of a surface duct over the sea near the coast, as a loss [dB], equation (49)."""
    if coast > 5.0 or coast > horizon or omega < 0.75:  # noqa: PLR2004
        return 0.0
    return -3.0 * math.exp(-0.25 * coast * coast) * (1.0 + math.tanh(0.07 * (50.0 - height)))


@njit(cache=True, nogil=True)
def _ducting(
    total, dlt, dlr, dct, dcr, dlm, hts, hrs, hte, hre, hm, theta_t, theta_r, f, p, omega, ae, b0
):
    """Loss by ducting and layer reflection [dB], equations (46) to (56)."""
    fixed = 102.45 + 20.0 * math.log10(f) + 20.0 * math.log10(dlt + dlr)
    if f < 0.5:  # noqa: PLR2004
        fixed += 45.375 - 137.0 * f + 92.5 * f * f
    fixed += _screen(theta_t, dlt, f) + _screen(theta_r, dlr, f)
    fixed += _coupling(dct, dlt, omega, hts) + _coupling(dcr, dlr, omega, hrs)
    angle = 1e3 * total / ae + min(theta_t, 0.1 * dlt) + min(theta_r, 0.1 * dlr)
    rough = 1.0
    if hm > 10.0:  # noqa: PLR2004
        between = min(total - dlt - dlr, 40.0)
        rough = math.exp(-4.6e-5 * (hm - 10.0) * (43.0 + 6.0 * between))
    tau = 1.0 - math.exp(-(4.12e-4 * dlm**2.41))
    alpha = max(-3.4, -0.6 - 3.5e-9 * total**3.1 * tau)
    shape = 500.0 / ae * total**2 / (math.sqrt(hte) + math.sqrt(hre)) ** 2
    beta = b0 * min(1.0, shape**alpha) * rough
    lg = math.log10(beta)
    gamma = 1.076 / (2.0058 - lg) ** 1.012
    gamma *= math.exp(-(9.51 - 4.8 * lg + 0.198 * lg * lg) * 1e-6 * total**1.13)
    varied = -12.0 + (1.2 + 3.7e-3 * total) * math.log10(p / beta) + 12.0 * (p / beta) ** gamma
    return fixed + 5e-5 * ae * f ** (1.0 / 3.0) * angle + varied


@njit(cache=True, nogil=True)
def _scatter(total, theta, f, p, n0):
    """Loss by tropospheric scatter [dB], equations (44) and (45)."""
    by_frequency = 25.0 * math.log10(f) - 2.5 * math.log10(f / 2.0) ** 2
    by_path = 20.0 * math.log10(total) + 0.573 * theta - 0.15 * n0
    return 190.1 + by_frequency + by_path - 10.125 * math.log10(50.0 / p) ** 0.7


@njit(cache=True, nogil=True)
def transmission(
    d, h, clutter, zone, htg, hrg, f, p, pl, sigma, polarisation, latitude, dn, n0, dct, dcr
):
    """Evaluate one path; `basic_transmission_loss` of :mod:`.p1812` names the arguments."""
    n, total = len(d), d[-1]
    hts, hrs = h[0] + htg, h[-1] + hrg
    g = h + clutter
    g[0], g[n - 1] = h[0], h[-1]
    sea, coastal, inland = np.int64(SEA), np.int64(COASTAL), np.int64(INLAND)
    omega = _sections(d, zone, sea, sea)[0] / total
    dtm = _sections(d, zone, coastal, inland)[1]
    dlm = _sections(d, zone, inland, inland)[1]
    b0 = _anomalous_share(latitude, dtm, dlm)
    ae = EARTH_RADIUS_KM * 157.0 / (157.0 - dn)
    hst, hsr, hstd, hsrd = _smooth_surface(d, h, hts, hrs)
    theta_t, theta_r, at_t, at_r, dlt, dlr = _horizons(d, h, hts, hrs, ae, f)
    theta = 1e3 * total / ae + theta_t + theta_r
    low_t, low_r = min(hst, h[0]), min(hsr, h[-1])
    hte, hre = hts - low_t, hrs - low_r
    hm = -math.inf
    for i in range(at_t, at_r + 1):
        hm = max(hm, h[i] - (low_t + (low_r - low_t) / total * d[i]))
    fj = 1.0 - 0.5 * (1.0 + math.tanh(2.4 * (theta - 0.3) / 0.3))
    fk = 1.0 - 0.5 * (1.0 + math.tanh(1.5 * (total - 20.0) / 20.0))
    fi = _tail(p / 100.0) / _tail(b0 / 100.0) if p >= b0 else 1.0
    lbfs = 92.4 + 20.0 * math.log10(f) + 10.0 * math.log10(total**2 + ((hts - hrs) / 1e3) ** 2)
    focus = 2.6 * (1.0 - math.exp(-0.1 * (dlt + dlr)))
    lb0p = lbfs + focus * math.log10(p / 50.0)
    lb0b = lbfs + focus * math.log10(b0 / 50.0)
    ld50 = delta_bullington(d, g, hts, hrs, hstd, hsrd, ae, f, omega, polarisation)[0]
    ldb, lbulla, lbulls, ldsph = delta_bullington(
        d, g, hts, hrs, hstd, hsrd, _RADIUS_BETA_KM, f, omega, polarisation
    )
    ldp = ld50 if p == 50.0 else ld50 + fi * (ldb - ld50)  # noqa: PLR2004
    lbd50, lbd = lbfs + ld50, lb0p + ldp
    lminb0p = lb0p + (1.0 - omega) * ldp
    if p >= b0:
        lminb0p = lbd50 + (lb0b + (1.0 - omega) * ldp - lbd50) * fi
    lba = _ducting(
        total,
        dlt,
        dlr,
        dct,
        dcr,
        dlm,
        hts,
        hrs,
        hte,
        hre,
        hm,
        theta_t,
        theta_r,
        f,
        p,
        omega,
        ae,
        b0,
    )
    least = min(lba, lb0p)
    lminbap = least + 2.5 * math.log(math.exp((lba - least) / 2.5) + math.exp((lb0p - least) / 2.5))
    lbda = lminbap + (lbd - lminbap) * fk if lminbap <= lbd else lbd
    lbam = lbda + (lminb0p - lbda) * fj
    lbs = _scatter(total, theta, f, p, n0)
    least = min(lbs, lbam)
    lbc = least - 5.0 * math.log10(10.0 ** (0.2 * (least - lbs)) + 10.0 ** (0.2 * (least - lbam)))
    spread = 0.0 if zone[n - 1] == SEA else -_tail(pl / 100.0) * sigma
    return Transmission(
        max(lb0p, lbc + spread),
        dlt,
        dlr,
        theta_t,
        theta_r,
        theta,
        omega,
        dtm,
        dlm,
        b0,
        ae,
        hst,
        hsr,
        hstd,
        hsrd,
        hte,
        hre,
        hm,
        fi,
        fj,
        fk,
        lbfs,
        lb0p,
        lb0b,
        lbulla,
        lbulls,
        ldsph,
        ld50,
        ldb,
        ldp,
        lbd50,
        lbd,
        lminb0p,
        lba,
        lminbap,
        lbda,
        lbam,
        lbs,
        lbc,
    )
