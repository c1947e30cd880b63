"""The carrier: how many subcarriers share a station's power."""

from __future__ import annotations

from collections.abc import Mapping

from siting.errors import Problem, raise_if
from siting.technology import Technology
from siting.units import ratio_to_db

#: Resource blocks N_RB by subcarrier spacing [kHz], then channel bandwidth [MHz].
#: 3GPP TS 38.101-1, table 5.3.2-1 (frequency range 1).
RESOURCE_BLOCKS: Mapping[float, Mapping[float, int]] = {
    15: dict(
        zip(
            (5, 10, 15, 20, 25, 30, 35, 40, 45, 50),
            (25, 52, 79, 106, 133, 160, 188, 216, 242, 270),
            strict=True,
        )
    ),
    30: dict(
        zip(
            (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100),
            (11, 24, 38, 51, 65, 78, 92, 106, 119, 133, 162, 189, 217, 245, 273),
            strict=True,
        )
    ),
    60: dict(
        zip(
            (10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100),
            (11, 18, 24, 31, 38, 44, 51, 58, 65, 79, 93, 107, 121, 135),
            strict=True,
        )
    ),
}

SUBCARRIERS_PER_BLOCK = 12


def resource_blocks(bandwidth_mhz: float, subcarrier_spacing_khz: float) -> int:
    """Return the number of resource blocks of a carrier.

    Raises
    ------
    InputError
        When the standard has no such carrier.

    References
    ----------
    3GPP TS 38.101-1, table 5.3.2-1.
    """
    raise_if(carrier_problems("", bandwidth_mhz, subcarrier_spacing_khz))
    return RESOURCE_BLOCKS[subcarrier_spacing_khz][bandwidth_mhz]


def power_per_subcarrier_dbm(technology: Technology) -> float:
    """Energy per resource element, EPRE [dBm]: total power shared by all subcarriers.

    EPRE = P - 10 lg(12 N_RB). The synchronisation block is sent without extra power.
    """
    blocks = resource_blocks(technology.bandwidth_mhz, technology.subcarrier_spacing_khz)
    return technology.tx_power_dbm - float(ratio_to_db(SUBCARRIERS_PER_BLOCK * blocks))


def carrier_problems(
    where: str, bandwidth_mhz: float, subcarrier_spacing_khz: float
) -> list[Problem]:
    """Say whether a carrier exists; `where` is put before the names of the values."""
    known = RESOURCE_BLOCKS.get(subcarrier_spacing_khz)
    if known is None:
        what = f"{subcarrier_spacing_khz:g} kHz is not one of {sorted(RESOURCE_BLOCKS)}"
        hint = "use a spacing of frequency range 1"
        return [Problem(f"{where}subcarrier_spacing_khz", what, hint)]
    if bandwidth_mhz not in known:
        what = f"{bandwidth_mhz:g} MHz at {subcarrier_spacing_khz:g} kHz is not one of "
        hint = "use a channel bandwidth of TS 38.101-1 table 5.3.2-1"
        return [Problem(f"{where}bandwidth_mhz", f"{what}{sorted(known)}", hint)]
    return []
