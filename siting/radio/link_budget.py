"""From transmit power to SS-RSRP, and from a service standard to the distance it reaches.

A location is served when the SS-RSRP it receives reaches the standard's threshold. Shadow fading,
the spread of walls and line of sight are random, so a *cell* is served when the share of its
locations that are is at least the standard's `area_probability`::

    P(d) = P_LOS(d) Phi((M_LOS(d) - T) / s_LOS) + (1 - P_LOS(d)) Phi((M_NLOS(d) - T) / s_NLOS)

with M the median SS-RSRP [dBm] at distance d, T the threshold, s^2 = shadow fading^2 + building^2,
Phi the normal distribution. This is a criterion per cell: it asks for the probability at the cell's
own distance. The formula of Jakes averages over a whole disc round the mast, would lend the edge
the margin of the centre, and is meant for dimensioning an average site.

P falls with distance wherever P >= 1/2: both medians and P_LOS fall, the LOS median is never below
the NLOS one and its spread never above. So each technology at each height serves a disc, and one
number, :func:`service_range_m`, says it all. The radius ends at 5 km, where the model ends.

Left out: several stations that each miss the probability may reach it together, which makes plans
err on the safe side; the antenna's vertical pattern weakens the field at the foot of the mast,
and terrain and interference weaken it anywhere, which makes them err on the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from siting.errors import Problem, raise_if
from siting.radio.carrier import carrier_problems, power_per_subcarrier_dbm
from siting.radio.propagation.path_loss import (
    FAR_LIMIT_M,
    NEAR_FIELD_M,
    VALIDITY,
    Floats,
    NearField,
    Sight,
    los_probability,
    outside,
    path_loss_db,
    shadow_sigma_db,
)
from siting.radio.propagation.penetration import BuildingLoss, IrrGlass, building_loss
from siting.technology import Penetration, ServiceStandard, Technology

#: Ranges are rounded down to whole centimetres: far below what the model can tell, and the same
#: number on every machine.
_RANGE_STEPS_PER_M = 100.0

_BISECTIONS = 34  # 5 km to less than a micrometre
_LEVEL_STEP_DB = 1e-6
_HALF = 0.5


def technology_problems(technology: Technology, antenna_height_m: npt.ArrayLike) -> list[Problem]:
    """List everything that keeps a technology at these heights from being predicted.

    Parameters
    ----------
    technology
        Equipment.
    antenna_height_m
        Heights of its antennas above ground [m].

    Returns
    -------
    list of Problem
        Carrier unknown, frequency or heights outside the validity of the path-loss scenario,
        power or gain not finite; empty when all is well.
    """
    where = f"technologies[{technology.id}]."
    valid = VALIDITY[technology.propagation]
    heights = np.asarray(antenna_height_m, dtype=np.float64)
    frequency = np.asarray(technology.frequency_mhz, dtype=np.float64)
    return [
        *carrier_problems(where, technology.bandwidth_mhz, technology.subcarrier_spacing_khz),
        *outside(f"{where}frequency_mhz", frequency, *valid.frequency_mhz, "MHz"),
        *outside(f"{where}antenna_height_m", heights, *valid.antenna_height_m, "m"),
        *_not_finite(f"{where}tx_power_dbm", technology.tx_power_dbm),
        *_not_finite(f"{where}ssb_gain_dbi", technology.ssb_gain_dbi),
    ]


def standard_problems(standard: ServiceStandard) -> list[Problem]:
    """List everything that keeps a standard from being applied; empty when all is well."""
    where = f"standards[{standard.id}]."
    return [
        *_not_finite(f"{where}min_ss_rsrp_dbm", standard.min_ss_rsrp_dbm),
        *_below_half(f"{where}area_probability", standard.area_probability),
        *_not_finite(f"{where}min_bandwidth_mhz", standard.min_bandwidth_mhz),
    ]


def median_ss_rsrp_dbm(
    technology: Technology,
    sight: Sight,
    distance_m: npt.ArrayLike,
    *,
    antenna_height_m: npt.ArrayLike,
    building: BuildingLoss | None = None,
) -> Floats:
    """Median SS-RSRP [dBm] = EPRE + SSB gain - path loss - mean building loss.

    Parameters
    ----------
    technology
        Equipment.
    sight
        With or without line of sight.
    distance_m
        Horizontal distance [m], 0 to 5000; below 10 m the loss of 10 m is used.
    antenna_height_m
        Height of the antenna above ground [m].
    building
        Loss of the building the user is in, or None outdoors.

    Raises
    ------
    InputError
        When a value leaves the model's range or the carrier does not exist.

    References
    ----------
    3GPP TS 38.215, section 5.1.1 (definition of SS-RSRP).
    """
    loss = path_loss_db(
        technology.propagation,
        sight,
        distance_m,
        frequency_mhz=technology.frequency_mhz,
        antenna_height_m=antenna_height_m,
        near_field=NearField.HOLD,
    )
    level = power_per_subcarrier_dbm(technology) + technology.ssb_gain_dbi
    return level - loss - (building.mean_db if building else 0.0)


def served_probability(
    technology: Technology,
    standard: ServiceStandard,
    distance_m: npt.ArrayLike,
    *,
    antenna_height_m: npt.ArrayLike,
    irr_glass: IrrGlass = IrrGlass.V19_4,
) -> Floats:
    """Share of the locations at a distance whose SS-RSRP reaches the standard, 0..1.

    Parameters
    ----------
    technology, standard
        Equipment, and what it is held against; `standard.area_probability` plays no part here.
    distance_m
        Horizontal distance [m], 0 to 5000.
    antenna_height_m
        Height of the antenna above ground [m].
    irr_glass
        Version of the formula of metal-coated glass.

    Returns
    -------
    ndarray
        Probability in the broadcast shape of distance and height.

    Raises
    ------
    InputError
        When a value leaves the model's range or the carrier does not exist.
    """
    field = _field(technology, standard.penetration, distance_m, antenna_height_m, irr_glass)
    return field.share_above(standard.min_ss_rsrp_dbm)


def service_range_m(
    technology: Technology,
    standard: ServiceStandard,
    antenna_height_m: npt.ArrayLike,
    *,
    irr_glass: IrrGlass = IrrGlass.V19_4,
) -> Floats:
    """Greatest horizontal distance served [m], one per antenna height.

    Parameters
    ----------
    technology, standard
        Equipment, and what it must reach at which share of locations.
    antenna_height_m
        Heights of the antenna above ground [m], any shape.
    irr_glass
        Version of the formula of metal-coated glass.

    Returns
    -------
    ndarray
        Range [m] in the shape of the heights, rounded down to the centimetre: 0 where not even the
        foot of the mast is served, else 10 m at least, 5000 m (the model's end) at most.

    Raises
    ------
    InputError
        When a value leaves the model's range, the carrier does not exist, or the standard asks for
        less than half of the locations: below one half the served set need not be a disc.

    Notes
    -----
    Bisection on :func:`served_probability`, once per distinct height.
    """
    raise_if([*technology_problems(technology, antenna_height_m), *standard_problems(standard)])
    given = np.asarray(antenna_height_m, dtype=np.float64)
    heights, position = np.unique(given, return_inverse=True)

    def enough(distance_m: Floats) -> npt.NDArray[np.bool_]:
        share = served_probability(
            technology, standard, distance_m, antenna_height_m=heights, irr_glass=irr_glass
        )
        return share >= standard.area_probability

    near = np.full(heights.shape, NEAR_FIELD_M)
    far = np.full(heights.shape, FAR_LIMIT_M)
    some, all_of_it = enough(near), enough(far)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (near + far)
        good = enough(middle)
        near, far = np.where(good, middle, near), np.where(good, far, middle)
    reach = np.floor(near * _RANGE_STEPS_PER_M) / _RANGE_STEPS_PER_M
    reach = np.where(all_of_it, FAR_LIMIT_M, reach)
    return np.where(some, reach, 0.0)[position].reshape(given.shape)


def ss_rsrp_exceeded_dbm(
    technology: Technology,
    distance_m: npt.ArrayLike,
    *,
    antenna_height_m: npt.ArrayLike,
    probability: float = 0.5,
    penetration: Penetration = Penetration.OUTDOOR,
    irr_glass: IrrGlass = IrrGlass.V19_4,
) -> Floats:
    """SS-RSRP that a share of the locations at a distance exceeds [dBm]; 0.5 gives the median.

    The inverse of :func:`served_probability` in the threshold: a cell is served by a standard
    exactly where the level exceeded at its probability is at least its threshold.

    Parameters
    ----------
    technology
        Equipment.
    distance_m
        Horizontal distance [m], 0 to 5000.
    antenna_height_m
        Height of the antenna above ground [m].
    probability
        Share of locations, 0.5 to 1 (1 excluded).
    penetration, irr_glass
        Building on the way and version of the formula of metal-coated glass.

    Raises
    ------
    InputError
        When a value leaves the model's range or the carrier does not exist.

    Notes
    -----
    Bisection to 1e-6 dB between the two quantiles with and without line of sight.
    """
    raise_if(
        [
            *technology_problems(technology, antenna_height_m),
            *_below_half("probability", probability),
        ]
    )
    field = _field(technology, penetration, distance_m, antenna_height_m, irr_glass)
    low, high = field.bracket(probability)
    widest = max(float(np.max(high - low, initial=0.0)), _LEVEL_STEP_DB)
    for _ in range(int(np.ceil(np.log2(widest / _LEVEL_STEP_DB)))):
        middle = 0.5 * (low + high)
        good = field.share_above(middle) >= probability
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return low


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Field:
    """SS-RSRP at a distance as a mixture of two normal distributions [dBm], [dB]."""

    p_los: Floats
    median_los: Floats
    median_nlos: Floats
    sigma_los: Floats
    sigma_nlos: Floats

    def share_above(self, level_dbm: float | Floats) -> Floats:
        """Probability that the level is reached."""
        los: Floats = ndtr((self.median_los - level_dbm) / self.sigma_los)
        nlos: Floats = ndtr((self.median_nlos - level_dbm) / self.sigma_nlos)
        return self.p_los * los + (1.0 - self.p_los) * nlos

    def bracket(self, probability: float) -> tuple[Floats, Floats]:
        """Levels between which the one exceeded with `probability` lies."""
        z = float(ndtri(probability))
        los, nlos = self.median_los - z * self.sigma_los, self.median_nlos - z * self.sigma_nlos
        return np.minimum(los, nlos), np.maximum(los, nlos)


def _field(
    technology: Technology,
    penetration: Penetration,
    distance_m: npt.ArrayLike,
    antenna_height_m: npt.ArrayLike,
    irr_glass: IrrGlass,
) -> _Field:
    building = building_loss(
        penetration,
        technology.propagation,
        frequency_mhz=technology.frequency_mhz,
        irr_glass=irr_glass,
    )
    median: dict[Sight, Floats] = {}
    sigma: dict[Sight, Floats] = {}
    for sight in Sight:
        median[sight] = median_ss_rsrp_dbm(
            technology, sight, distance_m, antenna_height_m=antenna_height_m, building=building
        )
        fading = shadow_sigma_db(
            technology.propagation,
            sight,
            distance_m,
            frequency_mhz=technology.frequency_mhz,
            antenna_height_m=antenna_height_m,
        )
        sigma[sight] = np.hypot(fading, building.sigma_db)
    return _Field(
        p_los=los_probability(technology.propagation, distance_m),
        median_los=median[Sight.LOS],
        median_nlos=median[Sight.NLOS],
        sigma_los=sigma[Sight.LOS],
        sigma_nlos=sigma[Sight.NLOS],
    )


def _not_finite(where: str, value: float) -> list[Problem]:
    return [] if np.isfinite(value) else [Problem(where, f"{value} is no level", "give a number")]


def _below_half(where: str, probability: float) -> list[Problem]:
    if _HALF <= probability < 1.0:
        return []
    return [
        Problem(
            where,
            f"{probability:g} outside 0.5 to 1 (1 excluded)",
            "ask for at least half of the locations",
        )
    ]
