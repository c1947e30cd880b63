"""Antenna patterns: the standard's table, tilts, beam sets and files of makers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.errors import InputError
from siting.io.antenna_file import read_antenna
from siting.radio.antenna import AntennaPattern, Combination, beam_envelope, sector_pattern

MACRO = sector_pattern(gain_dbi=15.0, vertical_beamwidth_deg=10.0)
angles = st.floats(-180.0, 180.0)
slopes = st.floats(-90.0, 90.0)


def by_table(across: float, below: float, tilt: float = 0.0, vertical: float = 65.0) -> float:
    """Return the attenuation of TR 38.901 table 7.3-1, written from the table [dB]."""
    horizontal = min(12.0 * (across / 65.0) ** 2, 30.0)
    return min(horizontal + min(12.0 * ((below - tilt) / vertical) ** 2, 30.0), 30.0)


@settings(deadline=None)
@given(across=angles, below=slopes)
def test_the_element_is_the_standards(across: float, below: float) -> None:
    """One element agrees with the table to 0.001 dB in every direction."""
    ours = float(sector_pattern().gain(across, below))
    assert ours == pytest.approx(8.0 - by_table(across, below), abs=1e-3)


@settings(deadline=None)
@given(across=angles, below=slopes, tilt=st.floats(0.0, 15.0))
def test_electrical_tilt_lowers_the_beam_in_every_azimuth(
    across: float, below: float, tilt: float
) -> None:
    """A column of 10 degrees with electrical tilt agrees with the table to 0.01 dB.

    Within a tenth of a degree of where a side lobe begins, the cut has a corner: 0.1 dB.
    """
    ours = float(MACRO.gain(across, below, tilt_deg=tilt))
    corner = abs(abs(below - tilt) - 10.0 * np.sqrt(30.0 / 12.0)) < 0.1
    want = pytest.approx(15.0 - by_table(across, below, tilt, 10.0), abs=0.1 if corner else 0.01)
    assert ours == want


def test_mechanical_tilt_lowers_the_front_and_raises_the_back() -> None:
    """A turn by 8 degrees about the horizontal axis: ahead down, behind up, to the side level."""
    assert float(MACRO.gain(0.0, 8.0, mechanical_tilt_deg=8.0)) == pytest.approx(15.0, abs=1e-6)
    wide = sector_pattern(
        gain_dbi=15.0, horizontal_beamwidth_deg=360.0, vertical_beamwidth_deg=10.0
    )
    behind = [float(wide.gain(180.0, below, mechanical_tilt_deg=8.0)) for below in (-8.0, 0.0, 8.0)]
    assert behind[0] > behind[1] > behind[2]
    side = [float(wide.gain(90.0, below, mechanical_tilt_deg=8.0)) for below in (-3.0, 3.0)]
    assert side[0] == pytest.approx(side[1], abs=0.5)


@settings(deadline=None)
@given(across=angles, below=slopes)
def test_no_tilt_is_no_turn(across: float, below: float) -> None:
    """A mechanical tilt of nearly nothing changes nothing."""
    still = float(MACRO.gain(across, below))
    assert float(MACRO.gain(across, below, mechanical_tilt_deg=1e-9)) == pytest.approx(
        still, abs=1e-5
    )


def test_a_beam_set_reaches_as_far_as_its_strongest_beam() -> None:
    """Four beams 30 degrees apart: full gain at each, and never less than any one beam."""
    beam = sector_pattern(gain_dbi=20.0, horizontal_beamwidth_deg=25.0, vertical_beamwidth_deg=10.0)
    aims = (-45.0, -15.0, 15.0, 45.0)
    whole = beam_envelope(beam, aims)
    assert whole.gain(aims, 0.0).tolist() == pytest.approx([20.0] * 4)
    across = np.linspace(-180.0, 180.0, 361)
    single = np.max([beam.gain(across - aim, 2.0) for aim in aims], axis=0)
    assert np.abs(whole.gain(across, 2.0) - single).max() < 1e-9


def maker_file(
    folder: Path, *, gain: str = "17.5 dBi", tilt: int = 6, skip: range = range(0)
) -> Path:
    """Write a pattern as makers do: one line a degree, the tilt in the vertical cut."""
    lines = [
        "NAME Test 65/10",
        "FREQUENCY 2600",
        f"GAIN {gain}",
        "TILT ELECTRICAL",
        "HORIZONTAL 360",
    ]
    for angle in range(360):
        if angle not in skip:
            off = (angle + 180) % 360 - 180
            lines.append(f"{angle} {min(12 * (off / 65) ** 2, 28):.2f}")
    lines.append("VERTICAL 360")
    for angle in range(360):
        off = (angle - tilt + 180) % 360 - 180
        lines.append(f"{angle}.0 {min(12 * (off / 10) ** 2, 28):.2f}")
    path = folder / "test.msi"
    path.write_text("\n".join(lines), encoding="latin-1")
    return path


def test_a_makers_file_gives_its_gain_at_its_tilt(tmp_path: Path) -> None:
    """The strongest direction is ahead at the tilt of the file; the cuts are kept."""
    antenna = read_antenna(maker_file(tmp_path))
    assert antenna.name == "Test 65/10"
    assert antenna.beam_tilt_deg == 6.0
    assert float(antenna.gain(0.0, 6.0)) == 17.5
    assert float(antenna.gain(0.0, 16.0)) == pytest.approx(17.5 - 12.0, abs=0.01)
    assert float(antenna.gain(65.0, 6.0)) == pytest.approx(17.5 - 12.0, abs=0.01)
    assert float(antenna.gain(180.0, 6.0)) == pytest.approx(17.5 - 28.0, abs=0.01)


@settings(deadline=None)
@given(across=angles, below=slopes)
def test_no_direction_beats_the_greatest_gain(across: float, below: float) -> None:
    """The gain a maker states is the greatest, whatever the interpolation."""
    cut = np.minimum(12.0 * (((np.arange(3600) + 1740) % 3600 / 10.0 - 180.0) / 10.0) ** 2, 28.0)
    measured = AntennaPattern(
        name="measured",
        gain_dbi=17.5,
        horizontal_db=sector_pattern(front_to_back_db=28.0).horizontal_db,
        vertical_db=cut,
        limit_db=28.0,
        combination=Combination.PROJECTED,
    )
    assert float(measured.gain(across, below)) <= 17.5


def test_a_gain_over_a_dipole_is_converted(tmp_path: Path) -> None:
    """The format's own unit is dBd: 15 dBd are 17.15 dBi, said or left out."""
    for text in ("15 dBd", "15"):
        assert read_antenna(maker_file(tmp_path, gain=text)).gain_dbi == pytest.approx(17.15)


def test_missing_angles_are_named(tmp_path: Path) -> None:
    """A gap in a cut is told with its place; so is a gain that is no number."""
    with pytest.raises(InputError) as told:
        read_antenna(maker_file(tmp_path, gain="strong", skip=range(40, 60)))
    assert [problem.where for problem in told.value.problems] == ["GAIN", "HORIZONTAL"]
    assert "gap of 21 degrees after 39" in str(told.value)


def test_a_file_without_cuts_is_refused(tmp_path: Path) -> None:
    """Every part that is missing is named at once; a file that is not there too."""
    empty = tmp_path / "empty.msi"
    empty.write_text("NAME nothing\n")
    with pytest.raises(InputError) as told:
        read_antenna(empty)
    assert [problem.where for problem in told.value.problems] == ["GAIN", "HORIZONTAL", "VERTICAL"]
    with pytest.raises(InputError, match="cannot be read"):
        read_antenna(tmp_path / "absent.msi")


def test_a_direction_that_is_no_number_is_refused() -> None:
    """NaN, and angles beyond straight up and down, are named."""
    with pytest.raises(InputError, match="below_horizon_deg"):
        MACRO.gain(0.0, 91.0)
    with pytest.raises(InputError, match="from_boresight_deg"):
        MACRO.gain(float("nan"), 0.0)
