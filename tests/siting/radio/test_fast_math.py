"""Fast elementary functions against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.radio.fast_math import angle_deg, power_ratios

lengths = st.floats(-1e5, 1e5)


@settings(deadline=None)
@given(x=lengths, y=lengths)
def test_angles_are_those_of_arctan2(x: float, y: float) -> None:
    """In every quadrant within 1e-6 degrees."""
    want = float(np.degrees(np.arctan2(y, x))) if x or y else 0.0
    turn = abs(angle_deg(y, x) - want)
    assert min(turn, 360.0 - turn) < 1e-6


def test_no_direction_has_the_angle_zero() -> None:
    """(0, 0) and the four axes."""
    assert angle_deg(0.0, 0.0) == 0.0
    axes = [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)]
    assert [angle_deg(y, x) for y, x in axes] == pytest.approx([0.0, 90.0, 180.0, -90.0], abs=1e-6)


def test_power_ratios_are_powers_of_ten() -> None:
    """From -999 to 999 dB: relative error below 1e-8, and no level below a lower one's ratio."""
    level = np.linspace(-999.0, 999.0, 100_001, dtype=np.float32)
    out = np.empty(len(level))
    power_ratios(level, out, out.view(np.int64))
    want = 10.0 ** (level.astype(np.float64) / 10.0)
    assert np.abs(out / want - 1.0).max() < 1e-8
    assert (np.diff(out) > 0.0).all()


def test_the_ratio_of_nothing_is_next_to_nothing() -> None:
    """A level of -inf and one beyond double precision: no power, and no error."""
    out = np.empty(2)
    power_ratios(np.array([-np.inf, -9e3], dtype=np.float32), out, out.view(np.int64))
    assert (out < 1e-300).all()
    assert (out >= 0.0).all()
