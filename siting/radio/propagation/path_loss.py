"""Path loss and line of sight by 3GPP TR 38.901 v19.4.0, sections 7.4.1 and 7.4.2.

Symbols inside the formulas are the standard's: `f` carrier [GHz], `d2` and `d3` horizontal and
slant distance [m], `h_bs` and `h_ut` antenna heights of station and user above ground [m].

The scenarios differ in what surrounds the station: urban macro (UMa, above the roofs), urban micro
street canyon (UMi, below them) and rural macro (RMa). Loss without line of sight is never less than
with it: NLOS = max(LOS, NLOS'). The indoor office is in
:mod:`siting.radio.propagation.indoor_office`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.technology import Propagation
from siting.units import mhz_to_ghz, mhz_to_hz

#: Speed of light in the break-point distances [m/s]: the rounded value of TR 38.901 note 1 to
#: table 7.4.1-1. The exact 299 792 458 moves losses beyond the break-point by up to 0.006 dB.
SPEED_OF_LIGHT_M_S = 3.0e8

#: Height of a user on foot [m], the default of every scenario of the standard.
USER_HEIGHT_M = 1.5

#: Least horizontal distance the outdoor formulas are valid for [m].
NEAR_FIELD_M = 10.0

#: Greatest horizontal distance with NLOS formulas [m]; RMa with line of sight reaches 10 km.
FAR_LIMIT_M = 5000.0

_EFFECTIVE_ENVIRONMENT_M = 1.0  # h_E of note 1; random only for users above 13 m in UMa

Floats = npt.NDArray[np.float64]


class Sight(StrEnum):
    """Whether the station is in line of sight of the user."""

    LOS = "los"  #: line of sight
    NLOS = "nlos"  #: none


class NearField(StrEnum):
    """What to answer for users nearer than the model's least distance."""

    REFUSE = "refuse"  #: raise InputError
    HOLD = "hold"  #: the loss at the least valid distance; a demand cell may hold the mast


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """Ranges a scenario is used in, each (least, greatest).

    Parameters
    ----------
    frequency_mhz
        Carrier [MHz]; note 6 to table 7.4.1-1.
    antenna_height_m, user_height_m
        Heights above ground [m]. The standard states UMa at 25 m and UMi at 10 m; the formulas
        carry the height, and are used here from 10 to 50 m and from 3 to 20 m.
    los_m, nlos_m
        Horizontal distance [m] with and without line of sight.
    """

    frequency_mhz: tuple[float, float]
    antenna_height_m: tuple[float, float]
    user_height_m: tuple[float, float]
    los_m: tuple[float, float] = (NEAR_FIELD_M, FAR_LIMIT_M)
    nlos_m: tuple[float, float] = (NEAR_FIELD_M, FAR_LIMIT_M)


VALIDITY: dict[Propagation, Validity] = {
    Propagation.UMA: Validity(
        frequency_mhz=(500.0, 100_000.0), antenna_height_m=(10.0, 50.0), user_height_m=(1.5, 22.5)
    ),
    Propagation.UMI: Validity(
        frequency_mhz=(500.0, 100_000.0), antenna_height_m=(3.0, 20.0), user_height_m=(1.5, 22.5)
    ),
    Propagation.RMA: Validity(
        frequency_mhz=(500.0, 30_000.0),
        antenna_height_m=(10.0, 150.0),
        user_height_m=(1.0, 10.0),
        los_m=(NEAR_FIELD_M, 2 * FAR_LIMIT_M),
    ),
}

#: Standard deviation of shadow fading [dB], table 7.4.1-1. RMa with line of sight: up to the
#: break-point and beyond it.
SHADOW_SIGMA_DB: dict[tuple[Propagation, Sight], tuple[float, float]] = {
    (Propagation.UMA, Sight.LOS): (4.0, 4.0),
    (Propagation.UMA, Sight.NLOS): (6.0, 6.0),
    (Propagation.UMI, Sight.LOS): (4.0, 4.0),
    (Propagation.UMI, Sight.NLOS): (7.82, 7.82),
    (Propagation.RMA, Sight.LOS): (4.0, 6.0),
    (Propagation.RMA, Sight.NLOS): (8.0, 8.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Countryside:
    """What RMa asks about the surroundings; the other scenarios have it fitted in.

    Parameters
    ----------
    building_height_m
        Average height of buildings h [m], 5 to 50.
    street_width_m
        Average width of streets W [m], 5 to 50.
    """

    building_height_m: float = 5.0
    street_width_m: float = 20.0


DEFAULT_COUNTRYSIDE = Countryside()


def path_loss_db(
    propagation: Propagation,
    sight: Sight,
    distance_m: npt.ArrayLike,
    *,
    frequency_mhz: npt.ArrayLike,
    antenna_height_m: npt.ArrayLike,
    user_height_m: npt.ArrayLike = USER_HEIGHT_M,
    near_field: NearField = NearField.REFUSE,
    countryside: Countryside = DEFAULT_COUNTRYSIDE,
) -> Floats:
    """Median path loss outdoors [dB], without shadow fading and building penetration.

    Parameters
    ----------
    propagation
        Scenario.
    sight
        With or without line of sight; NLOS is max(LOS, NLOS').
    distance_m
        Horizontal distance [m], 10 m to 5 km (RMa with line of sight to 10 km).
    frequency_mhz
        Carrier [MHz], 500 to 100 000 (RMa to 30 000).
    antenna_height_m, user_height_m
        Heights above ground [m], see :data:`VALIDITY`.
    near_field
        What to do below 10 m: refuse, or hold the loss of 10 m, which is the least the model is
        valid for.
    countryside
        Surroundings, used by RMa alone.

    Returns
    -------
    ndarray
        Loss [dB] in the broadcast shape of the arguments.

    Raises
    ------
    InputError
        Naming every argument that is out of range or not finite; nothing is clipped in silence.

    Notes
    -----
    The break-point of UMa and UMi is d'BP = 4 (h_bs - 1 m)(h_ut - 1 m) f / c: the effective
    environment height is 1 m. For users above 13 m in UMa the standard draws it at random; the
    1 m here is its most frequent value.

    References
    ----------
    3GPP TR 38.901 v19.4.0, table 7.4.1-1.
    """
    where = VALIDITY[propagation]
    limits = where.los_m if sight is Sight.LOS else where.nlos_m
    given = np.asarray(distance_m, dtype=np.float64)
    frequency = np.asarray(frequency_mhz, dtype=np.float64)
    h_bs = np.asarray(antenna_height_m, dtype=np.float64)
    h_ut = np.asarray(user_height_m, dtype=np.float64)
    least = 0.0 if near_field is NearField.HOLD else limits[0]
    problems = [
        *outside("distance_m", given, least, limits[1], "m"),
        *outside("frequency_mhz", frequency, *where.frequency_mhz, "MHz"),
        *outside("antenna_height_m", h_bs, *where.antenna_height_m, "m"),
        *outside("user_height_m", h_ut, *where.user_height_m, "m"),
    ]
    if propagation is Propagation.RMA:
        for name in ("building_height_m", "street_width_m"):
            value = np.asarray(getattr(countryside, name), dtype=np.float64)
            problems += outside(f"countryside.{name}", value, 5.0, 50.0, "m")
    raise_if(problems, InputError)
    d2 = np.maximum(given, limits[0])
    los = _los(
        propagation,
        d2,
        frequency_mhz=frequency,
        h_bs=h_bs,
        h_ut=h_ut,
        building_height_m=countryside.building_height_m,
    )
    if sight is Sight.LOS:
        return los
    d3 = np.hypot(d2, h_bs - h_ut)
    f = mhz_to_ghz(frequency)
    if propagation is Propagation.UMA:
        other = 13.54 + 39.08 * np.log10(d3) + 20.0 * np.log10(f) - 0.6 * (h_ut - 1.5)
    elif propagation is Propagation.UMI:
        other = 22.4 + 35.3 * np.log10(d3) + 21.3 * np.log10(f) - 0.3 * (h_ut - 1.5)
    else:
        other = _rma_nlos(d3, f, h_bs, h_ut, countryside)
    return np.maximum(los, other)


def los_probability(
    propagation: Propagation,
    distance_m: npt.ArrayLike,
    *,
    user_height_m: npt.ArrayLike = USER_HEIGHT_M,
) -> Floats:
    """Probability of line of sight outdoors, 0..1.

    Parameters
    ----------
    propagation
        Scenario.
    distance_m
        Horizontal distance [m], >= 0.
    user_height_m
        Height of the user above ground [m]; matters in UMa above 13 m.

    Raises
    ------
    InputError
        Naming every argument that is out of range or not finite.

    Notes
    -----
    A statistic over cities of the scenario's kind, for use where buildings are not known.

    References
    ----------
    3GPP TR 38.901 v19.4.0, table 7.4.2-1.
    """
    d2 = np.asarray(distance_m, dtype=np.float64)
    h_ut = np.asarray(user_height_m, dtype=np.float64)
    problems = [
        *outside("distance_m", d2, 0.0, np.finfo(np.float64).max, "m"),
        *outside("user_height_m", h_ut, *VALIDITY[propagation].user_height_m, "m"),
    ]
    raise_if(problems, InputError)
    if propagation is Propagation.RMA:
        return np.exp(-np.maximum(d2 - 10.0, 0.0) / 1000.0)
    near = 18.0  # m, within which line of sight is certain
    far = np.maximum(d2, near)
    decay = 36.0 if propagation is Propagation.UMI else 63.0
    probability = near / far + np.exp(-far / decay) * (1.0 - near / far)
    if propagation is Propagation.UMA:
        height = (np.maximum(h_ut - 13.0, 0.0) / 10.0) ** 1.5
        lift = height * 1.25 * (far / 100.0) ** 3 * np.exp(-far / 150.0)
        probability = probability * (1.0 + lift * (d2 > near))
    return probability


def shadow_sigma_db(
    propagation: Propagation,
    sight: Sight,
    distance_m: npt.ArrayLike,
    *,
    frequency_mhz: npt.ArrayLike,
    antenna_height_m: npt.ArrayLike,
    user_height_m: npt.ArrayLike = USER_HEIGHT_M,
) -> Floats:
    """Return the standard deviation of log-normal shadow fading [dB].

    It is one number per scenario and sight, except for RMa with line of sight, where it steps
    from 4 to 6 dB at the break-point.

    References
    ----------
    3GPP TR 38.901 v19.4.0, table 7.4.1-1.
    """
    near, far = SHADOW_SIGMA_DB[propagation, sight]
    turn = breakpoint_m(
        propagation,
        frequency_mhz=frequency_mhz,
        antenna_height_m=antenna_height_m,
        user_height_m=user_height_m,
    )
    return np.where(np.asarray(distance_m, dtype=np.float64) < turn, near, far)


def breakpoint_m(
    propagation: Propagation,
    *,
    frequency_mhz: npt.ArrayLike,
    antenna_height_m: npt.ArrayLike,
    user_height_m: npt.ArrayLike = USER_HEIGHT_M,
) -> Floats:
    """Horizontal distance at which the slope of the line-of-sight loss steepens [m].

    References
    ----------
    3GPP TR 38.901 v19.4.0, notes 1 (UMa, UMi: d'BP) and 5 (RMa: dBP) to table 7.4.1-1.
    """
    per_metre = mhz_to_hz(frequency_mhz) / SPEED_OF_LIGHT_M_S
    h_bs = np.asarray(antenna_height_m, dtype=np.float64)
    h_ut = np.asarray(user_height_m, dtype=np.float64)
    if propagation is Propagation.RMA:
        return 2.0 * np.pi * h_bs * h_ut * per_metre
    return 4.0 * (h_bs - _EFFECTIVE_ENVIRONMENT_M) * (h_ut - _EFFECTIVE_ENVIRONMENT_M) * per_metre


def outside(where: str, value: Floats, least: float, greatest: float, unit: str) -> list[Problem]:
    """Say in one problem which values of an argument leave [least, greatest] or are no number."""
    wrong = ~((value >= least) & (value <= greatest))  # written so that NaN is wrong
    if not wrong.any():
        return []
    worst = value[wrong]
    shown = f"{worst.flat[0]:g}" if worst.size == 1 else f"{worst.min():g} to {worst.max():g}"
    count = f"{worst.size} values " if worst.size > 1 else ""
    of = "" if unit in {"", "1"} else f" {unit}"
    return [
        Problem(
            where=where,
            what=f"{count}{shown}{of} outside {least:g} to {greatest:g}{of}",
            hint="the formula is not valid there",
        )
    ]


def _los(
    propagation: Propagation,
    d2: Floats,
    *,
    frequency_mhz: Floats,
    h_bs: Floats,
    h_ut: Floats,
    building_height_m: float,
) -> Floats:
    d3 = np.hypot(d2, h_bs - h_ut)
    f = mhz_to_ghz(frequency_mhz)
    turn = breakpoint_m(
        propagation, frequency_mhz=frequency_mhz, antenna_height_m=h_bs, user_height_m=h_ut
    )
    if propagation is Propagation.RMA:
        before = _rma_free_space(np.where(d2 <= turn, d3, turn), f, building_height_m)
        return before + np.where(d2 <= turn, 0.0, 40.0 * np.log10(d3 / turn))
    constant, slope, correction = (
        (28.0, 22.0, 9.0) if propagation is Propagation.UMA else (32.4, 21.0, 9.5)
    )
    lg_d3 = np.log10(d3)
    near = slope * lg_d3
    far = 40.0 * lg_d3 - correction * np.log10(turn**2 + (h_bs - h_ut) ** 2)
    return constant + 20.0 * np.log10(f) + np.where(d2 <= turn, near, far)


def _rma_free_space(d: Floats, f: Floats, h: float) -> Floats:
    """PL1 of RMa, with h the average height of buildings [m]."""
    return (
        20.0 * np.log10(40.0 * np.pi * d * f / 3.0)
        + min(0.03 * h**1.72, 10.0) * np.log10(d)
        - min(0.044 * h**1.72, 14.77)
        + 0.002 * np.log10(h) * d
    )


def _rma_nlos(
    d3: Floats, f: Floats, h_bs: Floats, h_ut: Floats, countryside: Countryside
) -> Floats:
    h, width = countryside.building_height_m, countryside.street_width_m
    return (
        161.04
        - 7.1 * np.log10(width)
        + 7.5 * np.log10(h)
        - (24.37 - 3.7 * (h / h_bs) ** 2) * np.log10(h_bs)
        + (43.42 - 3.1 * np.log10(h_bs)) * (np.log10(d3) - 3.0)
        + 20.0 * np.log10(f)
        - (3.2 * np.log10(11.75 * h_ut) ** 2 - 4.97)
    )
