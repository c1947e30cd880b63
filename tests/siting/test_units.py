"""Units: the few conversions, held against their defining values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import units


def test_decibels_are_ten_times_the_decimal_logarithm() -> None:
    """A factor 2 is 3.0103 dB, 1 is 0 dB, nothing at all is minus infinity."""
    assert units.ratio_to_db([1.0, 2.0, 1000.0]) == pytest.approx([0.0, 3.010299957, 30.0])
    assert units.ratio_to_db(0.0) == -np.inf


def test_two_hundred_watts_are_fifty_three_dbm() -> None:
    """The usual carrier power of a macro station, 200 W, is 53.01 dBm."""
    assert float(units.watt_to_dbm(200.0)) == pytest.approx(53.0103, abs=1e-4)
    assert float(units.milliwatt_to_dbm(200_000.0)) == pytest.approx(53.0103, abs=1e-4)
    assert float(units.dbm_to_milliwatt(30.0)) == pytest.approx(1000.0)


def test_frequencies_change_prefix_only() -> None:
    """3500 MHz are 3.5 GHz and 3.5e9 Hz."""
    assert float(units.mhz_to_ghz(3500.0)) == pytest.approx(3.5)
    assert float(units.mhz_to_hz(3500.0)) == pytest.approx(3.5e9)


@settings(deadline=None)
@given(st.floats(min_value=-200, max_value=200))
def test_a_level_survives_the_way_to_milliwatts_and_back(level_dbm: float) -> None:
    """A level taken to mW and back returns the level within 1e-9 dB."""
    there = units.dbm_to_milliwatt(level_dbm)
    assert float(units.milliwatt_to_dbm(there)) == pytest.approx(level_dbm, abs=1e-9)
