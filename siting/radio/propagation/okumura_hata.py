"""Path loss by Okumura-Hata and COST 231-Hata, for comparison with older plans.

The planning models are those of :mod:`siting.radio.propagation.path_loss`; nothing in a plan rests
on these.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, raise_if
from siting.radio.propagation.path_loss import Floats, outside

#: Carriers of Hata's formula and of its extension by COST 231 [MHz].
HATA_MHZ, COST231_MHZ = (150.0, 1_500.0), (1_500.0, 2_000.0)
#: Carrier up to which a caller may ask for the extension all the same [MHz].
EXTRAPOLATED_MHZ = 3_000.0
_DISTANCE_M = (1_000.0, 20_000.0)
_ANTENNA_M, _USER_M = (30.0, 200.0), (1.0, 10.0)
_LARGE_CITY_MHZ = 300.0


class Surroundings(StrEnum):
    """What Hata calls the environment."""

    URBAN = "urban"
    SUBURBAN = "suburban"
    OPEN = "open"


def hata_path_loss_db(
    surroundings: Surroundings,
    distance_m: npt.ArrayLike,
    *,
    frequency_mhz: float,
    antenna_height_m: npt.ArrayLike,
    user_height_m: npt.ArrayLike = 1.5,
    large_city: bool = False,
    extrapolate: bool = False,
) -> Floats:
    """Median path loss by Okumura-Hata up to 1,500 MHz, by COST 231-Hata above [dB].

    Parameters
    ----------
    surroundings
        Environment. Suburban and open area are corrections to the urban loss; COST 231 states none
        for them, Hata's are used.
    distance_m
        Horizontal distance [m], 1,000 to 20,000.
    frequency_mhz
        Carrier [MHz], 150 to 2,000.
    antenna_height_m, user_height_m
        Heights above ground [m], 30 to 200 and 1 to 10.
    large_city
        Whether the city is large, its buildings above 15 m: another gain of the user's height, and
        3 dB more by COST 231.
    extrapolate
        Answer up to 3,000 MHz too, where the formula was never fitted.

    Returns
    -------
    ndarray
        Loss [dB] in the broadcast shape of the arguments.

    Raises
    ------
    InputError
        Naming every argument that is out of range or not finite.

    References
    ----------
    M. Hata (1980), Empirical formula for propagation loss in land mobile radio services, IEEE
    Trans. Veh. Technol. 29(3). doi:10.1109/T-VT.1980.23859. COST Action 231 (1999), Digital mobile
    radio towards future generation systems, final report, section 4.4.1.
    """
    d = np.asarray(distance_m, dtype=np.float64)
    f = np.asarray(frequency_mhz, dtype=np.float64)
    h_bs = np.asarray(antenna_height_m, dtype=np.float64)
    h_ut = np.asarray(user_height_m, dtype=np.float64)
    highest = EXTRAPOLATED_MHZ if extrapolate else COST231_MHZ[1]
    problems = [
        *outside("distance_m", d, *_DISTANCE_M, "m"),
        *outside("frequency_mhz", f, HATA_MHZ[0], highest, "MHz"),
        *outside("antenna_height_m", h_bs, *_ANTENNA_M, "m"),
        *outside("user_height_m", h_ut, *_USER_M, "m"),
    ]
    raise_if(problems, InputError)
    lg = np.log10(f)
    slope = (44.9 - 6.55 * np.log10(h_bs)) * np.log10(d / 1e3)
    common = slope - 13.82 * np.log10(h_bs) - _user_gain_db(f, h_ut, large_city=large_city)
    metropolitan = 3.0 if large_city else 0.0
    loss = common + np.where(f <= HATA_MHZ[1], 69.55 + 26.16 * lg, 46.3 + 33.9 * lg + metropolitan)
    if surroundings is Surroundings.SUBURBAN:
        return loss - 2.0 * np.log10(f / 28.0) ** 2 - 5.4
    if surroundings is Surroundings.OPEN:
        return loss - 4.78 * lg**2 + 18.33 * lg - 40.94
    return loss


def _user_gain_db(f: Floats, h_ut: Floats, *, large_city: bool) -> Floats:
    """a(h_m): what the height of the user gains over 1.5 m [dB]."""
    if not large_city:
        lg = np.log10(f)
        return (1.1 * lg - 0.7) * h_ut - (1.56 * lg - 0.8)
    low = 8.29 * np.log10(1.54 * h_ut) ** 2 - 1.1
    high = 3.2 * np.log10(11.75 * h_ut) ** 2 - 4.97
    return np.where(f < _LARGE_CITY_MHZ, low, high)
