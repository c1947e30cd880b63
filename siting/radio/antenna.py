"""Antenna patterns: the sector of 3GPP TR 38.901, beam sets, and measured patterns of a maker.

A pattern is two cuts through the boresight, attenuation against the greatest gain: the horizontal
cut over the angle from boresight, clockwise, and the vertical cut over the angle below the horizon.
Directions between the cuts are combined as :class:`Combination` says. Angles in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.errors import InputError, Problem, raise_if
from siting.radio.fast_math import angle_deg
from siting.radio.propagation.path_loss import Floats, outside

if TYPE_CHECKING:
    from siting.technology import SectorLayout

#: Samples of a cut: one every tenth of a degree.
SAMPLES = 3600
#: Gain of a half-wave dipole over an isotropic antenna [dB].
DIPOLE_DBI = 2.15

#: TR 38.901 v19.4.0, table 7.3-1: half-power beamwidth [deg], limits of attenuation [dB] and gain
#: [dBi] of one element.
ELEMENT_BEAMWIDTH_DEG, ELEMENT_LIMIT_DB, ELEMENT_GAIN_DBI = 65.0, 30.0, 8.0


class Combination(StrEnum):
    """How the attenuation between the two cuts is made of them."""

    SUM = "sum"  #: the sum of both, at most the limit: TR 38.901, table 7.3-1
    PROJECTED = "projected"  #: horizontal projection between front and back, for measured cuts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AntennaPattern:
    """An antenna's gain in every direction.

    Parameters
    ----------
    name
        What users call it.
    gain_dbi
        Greatest gain [dBi].
    horizontal_db
        Attenuation by angle from boresight, clockwise, every tenth of a degree [dB], (3600,).
    vertical_db
        Attenuation by angle below the horizon, every tenth of a degree [dB], (3600,): entry 900 is
        straight down, 2700 straight up, 1800 behind.
    limit_db
        Greatest attenuation of the sum of both cuts [dB].
    combination
        How the cuts are combined.

    References
    ----------
    F. Gil, A. R. Claro, J. M. Ferreira, C. Pardelinha, L. M. Correia (2001), A 3D interpolation
    method for base-station-antenna radiation patterns, IEEE Antennas Propag. Mag. 43(2),
    doi:10.1109/74.924614: the horizontal projection.
    """

    name: str
    gain_dbi: float
    horizontal_db: Floats
    vertical_db: Floats
    limit_db: float
    combination: Combination

    def __post_init__(self) -> None:
        """Check the cuts."""
        problems = []
        for where in ("horizontal_db", "vertical_db"):
            cut = np.asarray(getattr(self, where))
            if cut.shape != (SAMPLES,) or not np.isfinite(cut).all() or (cut < 0).any():
                problems.append(
                    Problem(where, f"needs {SAMPLES} finite attenuations >= 0", "one per 0.1 deg")
                )
        raise_if(problems, InputError)

    @property
    def beam_tilt_deg(self) -> float:
        """Angle below the horizon of the strongest direction in front [degrees]."""
        front = np.roll(self.vertical_db, SAMPLES // 4)[: SAMPLES // 2]
        return float(front.argmin()) / 10.0 - 90.0

    @property
    def behind_db(self) -> float:
        """Vertical attenuation behind the antenna, where the horizontal cut passes [dB].

        The horizontal cut of a tilted antenna is the cone through its strongest direction.
        """
        return float(self.vertical_db[round(1800.0 - 10.0 * self.beam_tilt_deg) % SAMPLES])

    def gain(
        self,
        from_boresight_deg: npt.ArrayLike,
        below_horizon_deg: npt.ArrayLike,
        *,
        tilt_deg: float = 0.0,
        mechanical_tilt_deg: float = 0.0,
    ) -> Floats:
        """Return the gain towards directions [dBi].

        Parameters
        ----------
        from_boresight_deg
            Azimuth of the direction minus that of the antenna, clockwise [degrees]; any turn.
        below_horizon_deg
            Angle below the horizon, -90 (up) to 90 (down) [degrees].
        tilt_deg
            Electrical downtilt: lowers the beam alike in every azimuth [degrees].
        mechanical_tilt_deg
            Mechanical downtilt: turns the whole antenna, so that the beam behind it rises
            [degrees], -90 to 90.

        Raises
        ------
        InputError
            For directions outside the sphere, or angles that are no numbers.
        """
        across = np.asarray(from_boresight_deg, dtype=np.float64)
        below = np.asarray(below_horizon_deg, dtype=np.float64)
        most = np.finfo(np.float64).max
        problems = [
            *outside("from_boresight_deg", across, -most, most, "deg"),
            *outside("below_horizon_deg", below, -90.0, 90.0, "deg"),
            *outside("tilt_deg", np.asarray(tilt_deg), -90.0, 90.0, "deg"),
            *outside("mechanical_tilt_deg", np.asarray(mechanical_tilt_deg), -90.0, 90.0, "deg"),
        ]
        raise_if(problems, InputError)
        across, below = np.broadcast_arrays(across, below)
        out = np.empty(across.shape)
        azimuth, slope = np.fmod(across, 360.0).ravel(), np.ascontiguousarray(below).ravel()
        if mechanical_tilt_deg:
            a, b = np.radians(azimuth), np.radians(slope)
            level = np.cos(b)
            azimuth, slope = np.empty(a.shape), np.empty(b.shape)
            direction = np.array([level * np.sin(a), level * np.cos(a), np.sin(b)])
            turned(direction, len(a), 0.0, float(mechanical_tilt_deg), azimuth, slope)
        table = pattern_table((self,))
        attenuations(table, 0, azimuth, 0.0, slope, float(tilt_deg), out.reshape(-1))
        return self.gain_dbi - out


class PatternTable(NamedTuple):
    """Patterns as arrays for compiled loops; a named tuple, because those take it as it is.

    Parameters
    ----------
    horizontal, vertical
        Cuts of :class:`AntennaPattern`, (patterns, 3600).
    limit, behind
        Greatest attenuation of the sum, vertical attenuation behind the antenna [dB], (patterns,).
    projected
        Whether the cuts are combined by projection, (patterns,).
    """

    horizontal: Floats
    vertical: Floats
    limit: Floats
    behind: Floats
    projected: npt.NDArray[np.bool_]


def pattern_table(patterns: Sequence[AntennaPattern]) -> PatternTable:
    """Stack patterns for compiled loops."""
    return PatternTable(
        horizontal=np.array([pattern.horizontal_db for pattern in patterns], dtype=np.float64),
        vertical=np.array([pattern.vertical_db for pattern in patterns], dtype=np.float64),
        limit=np.array([pattern.limit_db for pattern in patterns], dtype=np.float64),
        behind=np.array([pattern.behind_db for pattern in patterns], dtype=np.float64),
        projected=np.array(
            [pattern.combination is Combination.PROJECTED for pattern in patterns], dtype=np.bool_
        ),
    )


def sector_pattern(
    *,
    gain_dbi: float = ELEMENT_GAIN_DBI,
    horizontal_beamwidth_deg: float = ELEMENT_BEAMWIDTH_DEG,
    vertical_beamwidth_deg: float = ELEMENT_BEAMWIDTH_DEG,
    side_lobe_db: float = ELEMENT_LIMIT_DB,
    front_to_back_db: float = ELEMENT_LIMIT_DB,
    name: str = "TR 38.901",
) -> AntennaPattern:
    """Return the parabolic pattern of TR 38.901; the defaults are one element of its array.

    Parameters
    ----------
    gain_dbi
        Greatest gain [dBi].
    horizontal_beamwidth_deg, vertical_beamwidth_deg
        Half-power beamwidths [degrees]; 10 is usual for the column of a macro sector.
    side_lobe_db, front_to_back_db
        Greatest attenuation of the vertical cut, and of the horizontal cut and the sum [dB].
    name
        What users call it.

    Raises
    ------
    InputError
        For beamwidths outside 1 to 360 degrees and attenuations outside 0 to 100 dB.

    References
    ----------
    3GPP TR 38.901 v19.4.0, table 7.3-1.
    """
    problems = [
        *outside("horizontal_beamwidth_deg", np.array(horizontal_beamwidth_deg), 1.0, 360.0, "deg"),
        *outside("vertical_beamwidth_deg", np.array(vertical_beamwidth_deg), 1.0, 360.0, "deg"),
        *outside("side_lobe_db", np.array(side_lobe_db), 0.0, 100.0, "dB"),
        *outside("front_to_back_db", np.array(front_to_back_db), 0.0, 100.0, "dB"),
    ]
    raise_if(problems, InputError)
    angle = (np.arange(SAMPLES) + SAMPLES / 2) % SAMPLES / 10.0 - 180.0
    return AntennaPattern(
        name=name,
        gain_dbi=gain_dbi,
        horizontal_db=np.minimum(12.0 * (angle / horizontal_beamwidth_deg) ** 2, front_to_back_db),
        vertical_db=np.minimum(12.0 * (angle / vertical_beamwidth_deg) ** 2, side_lobe_db),
        limit_db=front_to_back_db,
        combination=Combination.SUM,
    )


def layout_pattern(layout: SectorLayout) -> AntennaPattern:
    """Return the pattern of every antenna of a station with sectors, its gain left at 0 dBi.

    The gain of a technology is that of its synchronisation beams; levels take the attenuation of
    the pattern alone.
    """
    return sector_pattern(
        gain_dbi=0.0,
        horizontal_beamwidth_deg=layout.horizontal_beamwidth_deg,
        vertical_beamwidth_deg=layout.vertical_beamwidth_deg,
        side_lobe_db=layout.side_lobe_db,
        front_to_back_db=layout.front_to_back_db,
    )


def beam_envelope(
    beam: AntennaPattern, azimuths_deg: Sequence[float], *, name: str = "beam set"
) -> AntennaPattern:
    """Return what a set of beams of one antenna reaches: in each direction the strongest.

    Parameters
    ----------
    beam
        One beam.
    azimuths_deg
        Where the beams point, from boresight [degrees], e.g. ``(-45, -15, 15, 45)`` for the
        synchronisation blocks of a sector.
    name
        What users call it.

    Raises
    ------
    InputError
        Without any beam.
    """
    if not azimuths_deg:
        raise_if([Problem("azimuths_deg", "names no beam", "give at least one angle")], InputError)
    turned = [np.roll(beam.horizontal_db, round(10.0 * angle)) for angle in azimuths_deg]
    return AntennaPattern(
        name=name,
        gain_dbi=beam.gain_dbi,
        horizontal_db=np.min(turned, axis=0),
        vertical_db=beam.vertical_db,
        limit_db=beam.limit_db,
        combination=beam.combination,
    )


@njit(cache=True, nogil=True)
def _at(cut: Floats, degrees: float) -> float:
    """Interpolate a cut at an angle of -720 to 720 degrees."""
    place = degrees * 10.0
    place += SAMPLES if place < 0.0 else 0.0
    place += SAMPLES if place < 0.0 else 0.0
    place -= SAMPLES if place >= SAMPLES else 0.0
    low = np.uint64(place)
    high = low + np.uint64(1) if low < SAMPLES - 1 else np.uint64(0)
    return cut[low] + (place - low) * (cut[high] - cut[low])


@njit(cache=True, nogil=True)
def attenuations(  # noqa: PLR0917 - compiled code takes plain arguments
    patterns: PatternTable,
    antenna: int | np.int64,
    azimuth_deg: Floats,
    aim_deg: float,
    below_deg: Floats,
    tilt_deg: float,
    out: Floats,
) -> None:
    """Write the attenuation of a pattern towards directions into `out` [dB].

    Azimuths and aim are at most a turn apart from 0, angles below the horizon as in
    :meth:`AntennaPattern.gain`; the mechanical tilt is in :func:`turned`.
    """
    horizontal, vertical = patterns.horizontal[antenna], patterns.vertical[antenna]
    limit, behind = patterns.limit[antenna], patterns.behind[antenna]
    if not patterns.projected[antenna]:
        for i in range(len(out)):
            h = _at(horizontal, azimuth_deg[i] - aim_deg)
            out[i] = min(h + _at(vertical, below_deg[i] - tilt_deg), limit)
        return
    for i in range(len(out)):
        # the vertical cut counts in front, its rear half behind, by the angle between
        across, below = azimuth_deg[i] - aim_deg, below_deg[i] - tilt_deg
        turn = abs((across + 180.0) % 360.0 - 180.0) / 180.0
        rear = _at(vertical, 180.0 - below) - behind
        front = _at(vertical, below)
        out[i] = max(0.0, _at(horizontal, across) + (1.0 - turn) * front + turn * rear)


@njit(cache=True, nogil=True)
def turned(  # noqa: PLR0917 - compiled code takes plain arguments
    to: Floats,
    count: int,
    aim_deg: float,
    mechanical_deg: float,
    across: Floats,
    below: Floats,
) -> None:
    """Write angles of directions in the frame of an antenna with mechanical tilt [degrees].

    The first `count` columns of `to` are vectors east, north, down, of any length. The frame: x
    ahead, y right, z up, turned about y.
    """
    cos_aim, sin_aim = math.cos(math.radians(aim_deg)), math.sin(math.radians(aim_deg))
    cos_m, sin_m = math.cos(math.radians(mechanical_deg)), math.sin(math.radians(mechanical_deg))
    for i in range(count):
        east, north, down = to[0, i], to[1, i], to[2, i]
        x = north * cos_aim + east * sin_aim
        y = east * cos_aim - north * sin_aim
        ahead = x * cos_m + down * sin_m
        across[i] = angle_deg(y, ahead)
        below[i] = angle_deg(down * cos_m - x * sin_m, math.sqrt(ahead * ahead + y * y))
