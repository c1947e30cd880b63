"""One radio path over terrain: profile, clearance, diffraction and loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, raise_if
from siting.radio.ground.terrain import Terrain, clearance
from siting.radio.propagation.diffraction import EARTH_RADIUS_KM, bullington
from siting.radio.propagation.p1812 import PathProfile, basic_transmission_loss
from siting.radio.propagation.path_loss import outside
from siting.units import mhz_to_ghz

#: Carriers, and heights of antennas above ground.
FREQUENCY_MHZ = (30.0, 100_000.0)
HEIGHT_M = (1.0, 3_000.0)
#: Paths and carriers for which the method of P.1812 holds.
P1812_LEAST_M, P1812_MOST_MHZ = 250.0, 6_000.0
#: Fall of the refractive index that makes the effective Earth 4/3 of the true one [N-units/km], and
#: usual refractivity at sea level [N-units]. The Recommendation's maps may not be passed on.
GRADIENT_N_UNITS_PER_KM, REFRACTIVITY_N_UNITS = 39.25, 325.0
#: Falls that leave the effective Earth a sphere [N-units/km].
GRADIENT_LIMITS = (1.0, 155.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RadioLink:
    """What a path over terrain is like.

    Parameters
    ----------
    profile
        Ground and clutter from the first end to the second.
    clearance
        Least clearance of the direct ray in radii of the first Fresnel zone.
    free_space_db
        Loss without any obstacle, ITU-R P.525-4, equation (4) [dB].
    diffraction_db
        Bullington's loss of ground and clutter on the curved Earth, ITU-R P.526-15, section 4.5.1
        [dB].
    basic_transmission_db
        Basic transmission loss of ITU-R P.1812-7 not exceeded for half of time and places [dB];
        None below 250 m and above 6 GHz, where it does not hold.
    """

    profile: PathProfile
    clearance: float
    free_space_db: float
    diffraction_db: float
    basic_transmission_db: float | None


def radio_link(
    terrain: Terrain,
    from_xy: npt.ArrayLike,
    to_xy: npt.ArrayLike,
    *,
    from_height_m: float,
    to_height_m: float,
    frequency_mhz: float,
    latitude_deg: float,
    gradient_n_units_per_km: float = GRADIENT_N_UNITS_PER_KM,
    refractivity_n_units: float = REFRACTIVITY_N_UNITS,
) -> RadioLink:
    """Evaluate one path.

    Parameters
    ----------
    terrain
        Ground and, where known, clutter.
    from_xy, to_xy
        Ends in the terrain's CRS [m], (2,).
    from_height_m, to_height_m
        Antennas above ground [m], 1 to 3,000.
    frequency_mhz
        Carrier [MHz], 30 to 100,000.
    latitude_deg
        Latitude of the path [degrees].
    gradient_n_units_per_km, refractivity_n_units
        As in `basic_transmission_loss` of :mod:`siting.radio.propagation.p1812`; the first, 1 to
        155, also bends the direct ray: the effective Earth has 157 / (157 - gradient) true radii.

    Raises
    ------
    InputError
        Naming every value out of range, and ends off the terrain or at one place.
    """
    given = {
        "from_height_m": (from_height_m, *HEIGHT_M, "m"),
        "to_height_m": (to_height_m, *HEIGHT_M, "m"),
        "frequency_mhz": (frequency_mhz, *FREQUENCY_MHZ, "MHz"),
    }
    given["gradient_n_units_per_km"] = (gradient_n_units_per_km, *GRADIENT_LIMITS, "N-units/km")
    problems = []
    for name, (value, least, most, unit) in given.items():
        problems += outside(name, np.asarray(value, dtype=np.float64), least, most, unit)
    try:
        profile = terrain.profile(from_xy, to_xy)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    raise_if(problems, InputError)
    length_km = float(profile.distance_m[-1]) / 1e3
    surface = profile.terrain_m + profile.clutter_m
    holds = length_km * 1e3 >= P1812_LEAST_M and frequency_mhz <= P1812_MOST_MHZ
    f = float(mhz_to_ghz(frequency_mhz))
    radius_factor = 157.0 / (157.0 - gradient_n_units_per_km)
    return RadioLink(
        profile=profile,
        clearance=clearance(
            profile,
            transmitter_height_m=from_height_m,
            receiver_height_m=to_height_m,
            frequency_mhz=frequency_mhz,
            radius_factor=radius_factor,
        ),
        free_space_db=float(92.45 + 20.0 * np.log10(f * length_km)),
        diffraction_db=float(
            bullington(
                profile.distance_m / 1e3,
                surface,
                float(profile.terrain_m[0] + from_height_m),
                float(profile.terrain_m[-1] + to_height_m),
                EARTH_RADIUS_KM * radius_factor,
                f,
            )
        ),
        basic_transmission_db=None
        if not holds
        else float(
            basic_transmission_loss(
                profile,
                frequency_mhz=frequency_mhz,
                transmitter_height_m=from_height_m,
                receiver_height_m=to_height_m,
                centre_latitude_deg=latitude_deg,
                gradient_n_units_per_km=gradient_n_units_per_km,
                refractivity_n_units=refractivity_n_units,
            ).loss_db
        ),
    )
