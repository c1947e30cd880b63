"""Exposure of the public to electromagnetic fields: limits, power density, compliance distance.

Far-field formulas: they overstate the field close to an antenna, which errs on the safe side.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.radio.propagation.path_loss import Floats, outside
from siting.units import dbm_to_milliwatt

#: Share of the limit that one project may use up, HJ/T 10.3-1996, section 4.2.
PROJECT_SHARE = 0.2
#: Carriers of the limits below [MHz].
_LIMITS_MHZ = (30.0, 300_000.0)
_NEAREST_M, _FARTHEST_M = 0.1, 100_000.0


def public_limit_w_m2(frequency_mhz: npt.ArrayLike) -> Floats:
    """Equivalent power density of a plane wave that the public may be exposed to [W/m2].

    Parameters
    ----------
    frequency_mhz
        Carrier [MHz], 30 to 300,000.

    Raises
    ------
    InputError
        For carriers out of range.

    References
    ----------
    GB 8702-2014, Controlling limits for electromagnetic environment, table 1: 0.4 W/m2 from 30 to
    3,000 MHz, f / 7500 up to 15,000 MHz, 2 W/m2 above.
    """
    f = np.asarray(frequency_mhz, dtype=np.float64)
    raise_if(outside("frequency_mhz", f, *_LIMITS_MHZ, "MHz"), InputError)
    return np.clip(f / 7_500.0, 0.4, 2.0)


def power_density_w_m2(
    eirp_dbm: npt.ArrayLike,
    distance_m: npt.ArrayLike,
    *,
    duty: float = 1.0,
    reflection: float = 1.0,
) -> Floats:
    """Power density in the far field of an antenna [W/m2].

    Parameters
    ----------
    eirp_dbm
        Radiated power towards the place, over an isotropic antenna [dBm]: carrier power plus the
        gain of :meth:`siting.radio.antenna.AntennaPattern.gain` in that direction.
    distance_m
        Slant distance [m], 0.1 to 100,000.
    duty
        Share of the greatest power that is radiated on average over six minutes, 0 to 1: downlink
        share of the frame times load.
    reflection
        Factor for waves reflected by ground and walls, 1 (none) to 4 (in phase).

    Raises
    ------
    InputError
        Naming every argument out of range.
    """
    eirp = np.asarray(eirp_dbm, dtype=np.float64)
    distance = np.asarray(distance_m, dtype=np.float64)
    problems = [
        *outside("eirp_dbm", eirp, -200.0, 120.0, "dBm"),
        *outside("distance_m", distance, _NEAREST_M, _FARTHEST_M, "m"),
        *_outside_shares(duty, reflection),
    ]
    raise_if(problems, InputError)
    watts = dbm_to_milliwatt(eirp) / 1e3
    return watts * duty * reflection / (4.0 * np.pi * distance**2)


def compliance_distance_m(
    eirp_dbm: npt.ArrayLike,
    frequency_mhz: npt.ArrayLike,
    *,
    share: float = PROJECT_SHARE,
    duty: float = 1.0,
    reflection: float = 1.0,
) -> Floats:
    """Distance from which on the public limit is kept [m].

    Parameters
    ----------
    eirp_dbm
        Radiated power in each direction asked for [dBm].
    frequency_mhz
        Carrier [MHz].
    share
        Share of the limit that may be used up, above 0 to 1; a project's 1/5 unless said.
    duty, reflection
        As in :func:`power_density_w_m2`.

    Raises
    ------
    InputError
        Naming every argument out of range.

    References
    ----------
    GB 8702-2014, table 1; HJ/T 10.3-1996, section 4.2.
    """
    eirp = np.asarray(eirp_dbm, dtype=np.float64)
    problems = [
        *outside("eirp_dbm", eirp, -200.0, 120.0, "dBm"),
        *outside("share", np.asarray(share), 1e-6, 1.0, ""),
        *_outside_shares(duty, reflection),
    ]
    raise_if(problems, InputError)
    limit = share * public_limit_w_m2(frequency_mhz)
    watts = dbm_to_milliwatt(eirp) / 1e3
    return np.sqrt(watts * duty * reflection / (4.0 * np.pi * limit))


def exposure_ratio(
    density_w_m2: npt.ArrayLike, frequency_mhz: npt.ArrayLike, *, axis: int = -1
) -> Floats:
    """Return the share of the public limit that several sources use up together; 1 is the limit.

    Parameters
    ----------
    density_w_m2
        Power density of each source [W/m2], >= 0.
    frequency_mhz
        Carrier of each source [MHz].
    axis
        Axis of the sources.

    Raises
    ------
    InputError
        For negative densities and carriers out of range.

    References
    ----------
    GB 8702-2014, section 4.1: the ratios of all sources to their limits are added.
    """
    density = np.asarray(density_w_m2, dtype=np.float64)
    problems = outside("density_w_m2", density, 0.0, np.finfo(np.float64).max, "W/m2")
    raise_if(problems, InputError)
    return (density / public_limit_w_m2(frequency_mhz)).sum(axis=axis)


def _outside_shares(duty: float, reflection: float) -> list[Problem]:
    return [
        *outside("duty", np.asarray(duty), 0.0, 1.0, ""),
        *outside("reflection", np.asarray(reflection), 1.0, 4.0, ""),
    ]
