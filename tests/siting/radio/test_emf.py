"""Exposure limits, power density and the distance that keeps the limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siting.errors import InputError
from siting.radio.emf import (
    compliance_distance_m,
    exposure_ratio,
    power_density_w_m2,
    public_limit_w_m2,
)


def test_the_limits_of_the_standard() -> None:
    """GB 8702-2014 table 1 at the planner's bands: 0.4 W/m2 up to 3 GHz, f / 7500 above."""
    ours = public_limit_w_m2([700.0, 2600.0, 3000.0, 3500.0, 4900.0, 26_000.0])
    assert ours.tolist() == pytest.approx([0.4, 0.4, 0.4, 3500 / 7500, 4900 / 7500, 2.0])


def test_power_density_by_hand() -> None:
    """200 W with 24 dBi, 50 m ahead: 200 * 251.19 / (4 pi 2500) = 1.599 W/m2."""
    eirp = 10 * np.log10(200e3) + 24.0
    assert float(power_density_w_m2(eirp, 50.0)) == pytest.approx(1.5991, abs=1e-4)
    assert float(power_density_w_m2(eirp, 50.0, duty=0.25, reflection=2.56)) == pytest.approx(
        1.5991 * 0.64, abs=1e-4
    )


@given(eirp=st.floats(30.0, 80.0), frequency=st.floats(700.0, 6000.0), duty=st.floats(0.05, 1.0))
def test_at_the_compliance_distance_the_share_is_used_up(
    eirp: float, frequency: float, duty: float
) -> None:
    """Power density there is a fifth of the limit, and the ratio of five such projects is 1."""
    distance = compliance_distance_m(eirp, frequency, duty=duty)
    density = power_density_w_m2(eirp, np.maximum(distance, 0.1), duty=duty)
    if distance >= 0.1:
        assert float(density) == pytest.approx(0.2 * float(public_limit_w_m2(frequency)))
        assert float(exposure_ratio([density] * 5, [frequency] * 5)) == pytest.approx(1.0)


def test_more_power_needs_more_distance() -> None:
    """Distance grows with the root of the power: 20 dB more are ten times as far."""
    near, far = compliance_distance_m([50.0, 70.0], 2600.0)
    assert far == pytest.approx(10.0 * near)


def test_faults_are_named_together() -> None:
    """Every argument out of range is told at once."""
    with pytest.raises(InputError) as told:
        power_density_w_m2(60.0, 0.0, duty=1.5, reflection=0.0)
    assert [problem.where for problem in told.value.problems] == [
        "distance_m",
        "duty",
        "reflection",
    ]
    with pytest.raises(InputError, match="frequency_mhz"):
        public_limit_w_m2(10.0)
    with pytest.raises(InputError, match="density_w_m2"):
        exposure_ratio([-1.0], [700.0])
