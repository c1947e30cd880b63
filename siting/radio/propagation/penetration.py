"""Building penetration by 3GPP TR 38.901 v19.4.0, section 7.4.3.1.

The loss through a wall weighs the materials it is made of; metal-coated (infrared reflecting, IRR)
glass was given a new formula between versions of the standard. The version is an argument and a
result must not mix them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from siting.errors import raise_if
from siting.radio.propagation.path_loss import Floats, outside
from siting.technology import Penetration, Propagation
from siting.units import db_to_ratio, mhz_to_ghz, ratio_to_db


class IrrGlass(StrEnum):
    """Formula of metal-coated glass in table 7.4.3-1."""

    V19_4 = "v19.4"  #: 25.4 + 0.11 f
    OLDER = "older"  #: 23 + 0.3 f, earlier versions


#: Depth of a user inside the building [m]: the standard draws d2D-in as the lesser of two numbers
#: uniform on 0 to this (section 7.4.3.1).
INDOOR_DEPTH_LIMIT_M: dict[Propagation, float] = {
    Propagation.UMA: 25.0,
    Propagation.UMI: 25.0,
    Propagation.RMA: 10.0,
}

_INDOOR_LOSS_DB_PER_M = 0.5
_WALL_SIGMA_DB = {Penetration.LOW_LOSS: 4.4, Penetration.HIGH_LOSS: 6.5}
_NON_PERPENDICULAR_DB = 5.0
_FREQUENCY_MHZ = (500.0, 100_000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingLoss:
    """What a building adds to the outdoor loss, as a normal distribution.

    Parameters
    ----------
    mean_db
        Mean additional loss [dB].
    sigma_db
        Standard deviation [dB], independent of shadow fading.
    """

    mean_db: float
    sigma_db: float


def wall_loss_db(
    penetration: Penetration,
    frequency_mhz: npt.ArrayLike,
    *,
    irr_glass: IrrGlass = IrrGlass.V19_4,
) -> Floats:
    """Loss through the external wall [dB]; 0 outdoors.

    Parameters
    ----------
    penetration
        Kind of wall: low loss (30 % plain glass, 70 % concrete), high loss (70 % metal-coated
        glass, 30 % concrete), or none.
    frequency_mhz
        Carrier [MHz], 500 to 100 000.
    irr_glass
        Version of the formula of metal-coated glass; matters for high loss alone.

    Raises
    ------
    InputError
        When the frequency is out of range or not finite.

    References
    ----------
    3GPP TR 38.901 v19.4.0, equation 7.4-3, tables 7.4.3-1 and 7.4.3-2.
    """
    given = np.asarray(frequency_mhz, dtype=np.float64)
    raise_if(outside("frequency_mhz", given, *_FREQUENCY_MHZ, "MHz"))
    f = mhz_to_ghz(given)
    if penetration is Penetration.OUTDOOR:
        return np.zeros_like(f)
    concrete = 5.0 + 4.0 * f
    if penetration is Penetration.LOW_LOSS:
        glass, share = 2.0 + 0.2 * f, 0.3
    elif irr_glass is IrrGlass.V19_4:
        glass, share = 25.4 + 0.11 * f, 0.7
    else:
        glass, share = 23.0 + 0.3 * f, 0.7
    through = share * db_to_ratio(-glass) + (1.0 - share) * db_to_ratio(-concrete)
    return _NON_PERPENDICULAR_DB - ratio_to_db(through)


def building_loss(
    penetration: Penetration,
    propagation: Propagation,
    *,
    frequency_mhz: float,
    irr_glass: IrrGlass = IrrGlass.V19_4,
) -> BuildingLoss:
    """Mean and spread of the loss from the street to a user anywhere in the building.

    Parameters
    ----------
    penetration
        Kind of wall, or none.
    propagation
        Scenario; fixes how deep inside users are.
    frequency_mhz
        Carrier [MHz], 500 to 100 000.
    irr_glass
        Version of the formula of metal-coated glass.

    Raises
    ------
    InputError
        When the frequency is out of range or not finite.

    Notes
    -----
    Wall loss plus 0.5 dB for every metre of depth. The depth is the lesser of two numbers uniform
    on 0 to L: mean L / 3, standard deviation L / sqrt(18). Its spread adds to the wall's as
    independent variances. The standard pairs RMa with low-loss walls only; a high-loss wall in RMa
    is computed with the same table.

    References
    ----------
    3GPP TR 38.901 v19.4.0, section 7.4.3.1, equation 7.4-2, table 7.4.3-2.
    """
    wall = float(wall_loss_db(penetration, frequency_mhz, irr_glass=irr_glass))
    if penetration is Penetration.OUTDOOR:
        return BuildingLoss(mean_db=0.0, sigma_db=0.0)
    limit = INDOOR_DEPTH_LIMIT_M[propagation]
    inside = _INDOOR_LOSS_DB_PER_M * limit
    return BuildingLoss(
        mean_db=wall + inside / 3.0,
        sigma_db=float(np.hypot(_WALL_SIGMA_DB[penetration], inside / np.sqrt(18.0))),
    )
