"""The Longley-Rice model of the package itmlogic on a path profile, through its own interface."""

from __future__ import annotations

import math

from siting.radio.propagation.p1812 import PathProfile

#: The package; optional.
ITM = "itmlogic"
#: Ground and air usual for temperate land, as its documentation sets them.
_PERMITTIVITY, _CONDUCTIVITY_S_M, _CLIMATE, _REFRACTIVITY = 15.0, 0.005, 5, 314.0


def itm_loss_db(
    path: PathProfile, *, height_m: float, receiver_height_m: float, frequency_mhz: float
) -> float:
    """Return the reference attenuation with free space [dB], point to point."""
    from itmlogic.preparatory_subroutines.qlrpfl import qlrpfl  # noqa: PLC0415 - optional
    from itmlogic.preparatory_subroutines.qlrps import qlrps  # noqa: PLC0415

    wave, curvature, refractivity, impedance = qlrps(
        frequency_mhz, 0.0, _REFRACTIVITY, 0, _PERMITTIVITY, _CONDUCTIVITY_S_M
    )
    steps = len(path.distance_m) - 1
    found = qlrpfl(
        {
            "pfl": [steps, float(path.distance_m[-1]) / steps, *path.terrain_m.tolist()],
            "hg": [height_m, receiver_height_m],
            "fmhz": frequency_mhz,
            "wn": wave,
            "gme": curvature,
            "ens": refractivity,
            "zgnd": impedance,
            "klim": _CLIMATE,
            "klimx": 0,
            "mdvarx": 11,
            "lvar": 5,
            "kwx": 0,
        }
    )
    free = 20.0 * math.log10(2.0 * found["wn"] * found["dist"])
    return free + float(found["aref"])
