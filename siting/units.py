"""The only unit conversions; everywhere else the unit is in the name.

Powers are added and averaged as milliwatts, never as decibels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def ratio_to_db(ratio: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return 10 lg(`ratio`) [dB]; a ratio of 0 gives -inf.

    Parameters
    ----------
    ratio
        Power ratio [1], >= 0.
    """
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(np.asarray(ratio, dtype=np.float64))


def db_to_ratio(level_db: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the power ratio 10^(`level_db` / 10) [1]."""
    return np.power(10.0, np.asarray(level_db, dtype=np.float64) / 10.0)


def milliwatt_to_dbm(power_mw: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return a power [mW] as a level [dBm]; 0 mW gives -inf."""
    return ratio_to_db(power_mw)


def dbm_to_milliwatt(level_dbm: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return a level [dBm] as a power [mW]."""
    return db_to_ratio(level_dbm)


def watt_to_dbm(power_w: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return a power [W] as a level [dBm]; 200 W is 53.01 dBm."""
    return ratio_to_db(np.asarray(power_w, dtype=np.float64) * 1e3)


def mhz_to_ghz(frequency_mhz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return a frequency [MHz] in GHz."""
    return np.asarray(frequency_mhz, dtype=np.float64) / 1e3


def mhz_to_hz(frequency_mhz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return a frequency [MHz] in Hz."""
    return np.asarray(frequency_mhz, dtype=np.float64) * 1e6
