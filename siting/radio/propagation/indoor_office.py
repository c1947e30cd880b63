"""The indoor office (InH) of 3GPP TR 38.901 v19.4.0, sections 7.4.1 and 7.4.2."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, raise_if
from siting.radio.propagation.path_loss import Floats, NearField, Sight, outside
from siting.units import mhz_to_ghz

#: Standard deviation of shadow fading [dB], table 7.4.1-1.
INDOOR_SHADOW_SIGMA_DB: dict[Sight, float] = {Sight.LOS: 3.0, Sight.NLOS: 8.03}

_NEAREST_M, _FARTHEST_M = 1.0, 150.0


class Office(StrEnum):
    """How much stands between the desks."""

    MIXED = "mixed"  #: cubicles and corridors
    OPEN = "open"  #: open plan


def indoor_office_path_loss_db(
    sight: Sight,
    distance_m: npt.ArrayLike,
    *,
    frequency_mhz: npt.ArrayLike,
    near_field: NearField = NearField.REFUSE,
) -> Floats:
    """Median path loss in an indoor office (InH) [dB].

    Parameters
    ----------
    sight
        With or without line of sight; NLOS is max(LOS, NLOS').
    distance_m
        Slant distance [m], 1 to 150.
    frequency_mhz
        Carrier [MHz], 500 to 100 000.
    near_field
        What to do below 1 m: refuse, or hold the loss of 1 m.

    Raises
    ------
    InputError
        Naming every argument that is out of range or not finite.

    References
    ----------
    3GPP TR 38.901 v19.4.0, table 7.4.1-1, InH-Office.
    """
    given = np.asarray(distance_m, dtype=np.float64)
    frequency = np.asarray(frequency_mhz, dtype=np.float64)
    least = 0.0 if near_field is NearField.HOLD else _NEAREST_M
    problems = [
        *outside("distance_m", given, least, _FARTHEST_M, "m"),
        *outside("frequency_mhz", frequency, 500.0, 100_000.0, "MHz"),
    ]
    raise_if(problems, InputError)
    d3, f = np.maximum(given, _NEAREST_M), mhz_to_ghz(frequency)
    los = 32.4 + 17.3 * np.log10(d3) + 20.0 * np.log10(f)
    if sight is Sight.LOS:
        return los
    return np.maximum(los, 17.3 + 38.3 * np.log10(d3) + 24.9 * np.log10(f))


def indoor_office_los_probability(office: Office, distance_m: npt.ArrayLike) -> Floats:
    """Probability of line of sight in an indoor office, 0..1.

    Parameters
    ----------
    office
        Mixed or open plan.
    distance_m
        Horizontal distance [m], >= 0.

    Raises
    ------
    InputError
        When a distance is negative or not finite.

    References
    ----------
    3GPP TR 38.901 v19.4.0, table 7.4.2-1, Indoor-MixedOffice and Indoor-OpenOffice.
    """
    d = np.asarray(distance_m, dtype=np.float64)
    raise_if(outside("distance_m", d, 0.0, np.finfo(np.float64).max, "m"), InputError)
    if office is Office.MIXED:
        near, decay, turn, level, far_decay = 1.2, 4.7, 6.5, 0.32, 32.6
        first = d < turn
    else:
        near, decay, turn, level, far_decay = 5.0, 70.8, 49.0, 0.54, 211.7
        first = d <= turn
    close = np.exp(-np.maximum(d - near, 0.0) / decay)
    return np.where(first, close, level * np.exp(-np.maximum(d - turn, 0.0) / far_decay))
