"""Terrain path loss between two points by Recommendation ITU-R P.1812 (30 MHz to 6 GHz).

The method takes the terrain profile under the path, with clutter on it, and combines free space,
diffraction, ducting and tropospheric scatter into the basic transmission loss that is not exceeded
for a share of time and of locations. It is the right one for rural land, lakes and mixed paths;
between the buildings of a city use :mod:`siting.radio.propagation.path_loss`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.radio.propagation.diffraction import Polarisation
from siting.radio.propagation.p1812_method import COASTAL, INLAND, SEA, Transmission, transmission
from siting.radio.propagation.path_loss import outside
from siting.units import mhz_to_ghz

Floats = npt.NDArray[np.float64]

#: Fewest points of a profile.
FEWEST_POINTS = 5
#: Distance to the coast of a place far from any [km].
FAR_INLAND_KM = 500.0

_LIMITS = {
    "frequency_mhz": (30.0, 6_000.0, "MHz"),
    "time_percent": (1.0, 50.0, "%"),
    "location_percent": (1.0, 99.0, "%"),
    "transmitter_height_m": (1.0, 3_000.0, "m"),
    "receiver_height_m": (1.0, 3_000.0, "m"),
    "path_km": (0.25, 3_000.0, "km"),
    "centre_latitude_deg": (-90.0, 90.0, "deg"),
    "gradient_n_units_per_km": (1.0, 156.0, "N-units/km"),
    "refractivity_n_units": (200.0, 500.0, "N-units"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathProfile:
    """Ground along a path from the transmitter to the receiver.

    Parameters
    ----------
    distance_m
        Distance of each point from the transmitter [m], the first 0, ascending, (n,), n >= 5.
    terrain_m
        Height of the ground [m above mean sea level], (n,).
    clutter_m
        Height of buildings or trees on it [m], (n,); 0 when left out. The Recommendation uses none
        at the two ends, whatever is given there.
    zone
        Radio-climatic zone of each point, 1 sea, 3 coastal land, 4 inland, (n,); inland when left
        out.

    Raises
    ------
    InputError
        Naming every fault of the arrays.
    """

    distance_m: Floats
    terrain_m: Floats
    clutter_m: Floats = field(default_factory=lambda: np.zeros(0))
    zone: npt.NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, dtype=np.int8))

    def __post_init__(self) -> None:
        """Fill what was left out and check every array."""
        n = np.size(self.distance_m)
        arrays = {
            "distance_m": np.asarray(self.distance_m, dtype=np.float64),
            "terrain_m": np.asarray(self.terrain_m, dtype=np.float64),
            "clutter_m": np.asarray(
                self.clutter_m if np.size(self.clutter_m) else np.zeros(n), dtype=np.float64
            ),
            "zone": np.asarray(
                self.zone if np.size(self.zone) else np.full(n, INLAND), dtype=np.int8
            ),
        }
        problems = [
            Problem(name, f"has shape {array.shape}, needs ({n},) as distance_m")
            for name, array in arrays.items()
            if array.shape != (n,)
        ]
        problems += [
            Problem(name, "holds values that are no numbers", "fill the gaps of the raster first")
            for name in ("distance_m", "terrain_m", "clutter_m")
            if not np.isfinite(arrays[name]).all()
        ]
        distance = arrays["distance_m"]
        if n < FEWEST_POINTS:
            problems.append(
                Problem("distance_m", f"has {n} points, needs at least {FEWEST_POINTS}")
            )
        elif distance[0] != 0.0 or not (np.diff(distance) > 0).all():
            problems.append(Problem("distance_m", "needs to begin with 0 and to ascend"))
        if (arrays["clutter_m"] < 0).any():
            problems.append(Problem("clutter_m", "holds negative heights"))
        if not np.isin(arrays["zone"], (SEA, COASTAL, INLAND)).all():
            problems.append(Problem("zone", f"needs {SEA}, {COASTAL} or {INLAND} at each point"))
        raise_if(problems, InputError)
        for name, array in arrays.items():
            object.__setattr__(self, name, array)


def basic_transmission_loss(
    profile: PathProfile,
    *,
    frequency_mhz: float,
    transmitter_height_m: float,
    receiver_height_m: float,
    centre_latitude_deg: float,
    gradient_n_units_per_km: float,
    refractivity_n_units: float,
    time_percent: float = 50.0,
    location_percent: float = 50.0,
    location_sigma_db: float = 0.0,
    polarisation: Polarisation = Polarisation.VERTICAL,
    transmitter_coast_km: float = FAR_INLAND_KM,
    receiver_coast_km: float = FAR_INLAND_KM,
) -> Transmission:
    """Return the basic transmission loss of one path.

    Parameters
    ----------
    profile
        Ground from the transmitter to the receiver, 250 m to 3,000 km long.
    frequency_mhz
        Carrier [MHz], 30 to 6,000.
    transmitter_height_m, receiver_height_m
        Antennas above ground [m], 1 to 3,000.
    centre_latitude_deg
        Latitude of the middle of the path [degrees].
    gradient_n_units_per_km
        Average fall of the refractive index in the lowest kilometre, Delta-N, a positive number
        [N-units/km], 1 to 156: from the Recommendation's map, which may not be passed on.
    refractivity_n_units
        Refractivity at sea level N0 [N-units], 200 to 500, likewise.
    time_percent
        Share of time the loss is not exceeded [%], 1 to 50.
    location_percent, location_sigma_db
        Share of locations it is not exceeded [%], 1 to 99, and the spread among locations [dB], see
        :func:`location_sigma_db`.
    polarisation
        Of the wave.
    transmitter_coast_km, receiver_coast_km
        Land between each end and the coast along the path [km].

    Returns
    -------
    Transmission
        The loss and all intermediate quantities.

    Raises
    ------
    InputError
        Naming every argument out of range; nothing is clipped.

    References
    ----------
    Recommendation ITU-R P.1812-7 (2023), annex 1.
    """
    path_km = float(profile.distance_m[-1]) / 1e3
    given = {
        "frequency_mhz": frequency_mhz,
        "time_percent": time_percent,
        "location_percent": location_percent,
        "transmitter_height_m": transmitter_height_m,
        "receiver_height_m": receiver_height_m,
        "path_km": path_km,
        "centre_latitude_deg": centre_latitude_deg,
        "gradient_n_units_per_km": gradient_n_units_per_km,
        "refractivity_n_units": refractivity_n_units,
    }
    problems = []
    for name, value in given.items():
        problems += outside(name, np.asarray(value, dtype=np.float64), *_LIMITS[name])
    for name, value in (
        ("location_sigma_db", location_sigma_db),
        ("transmitter_coast_km", transmitter_coast_km),
        ("receiver_coast_km", receiver_coast_km),
    ):
        problems += outside(name, np.asarray(value, dtype=np.float64), 0.0, math.inf, "")
    raise_if(problems, InputError)
    zone = profile.zone
    return transmission(
        profile.distance_m / 1e3,
        profile.terrain_m,
        profile.clutter_m,
        zone,
        float(transmitter_height_m),
        float(receiver_height_m),
        float(mhz_to_ghz(frequency_mhz)),
        float(time_percent),
        float(location_percent),
        float(location_sigma_db),
        int(polarisation),
        float(centre_latitude_deg),
        float(gradient_n_units_per_km),
        float(refractivity_n_units),
        0.0 if zone[0] == SEA else float(transmitter_coast_km),
        0.0 if zone[-1] == SEA else float(receiver_coast_km),
    )


def location_sigma_db(
    frequency_mhz: float, cell_m: float, *, height_m: float, clutter_m: float
) -> float:
    """Return the spread of the loss among the locations of a square [dB].

    Parameters
    ----------
    frequency_mhz
        Carrier [MHz].
    cell_m
        Side of the square [m], 50 to 1,000 in the Recommendation's data.
    height_m, clutter_m
        Height of the receiver and of the clutter about it [m]: the spread vanishes 10 m above.

    References
    ----------
    Recommendation ITU-R P.1812-7, equations (65) and (66).
    """
    f = float(mhz_to_ghz(frequency_mhz))
    shadowed = min(1.0, max(0.0, 1.0 - (height_m - clutter_m) / 10.0))
    return (0.52 + 0.024 * f) * cell_m**0.28 * shadowed
