"""Heights near an airport against values worked out by hand from ICAO Annex 14."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siting.errors import InputError
from siting.obstacle_surfaces import Runway, height_limit_m

#: 3,600 m from west to east, level at 20 m.
EAST = Runway(end_a_xyz=(0.0, 0.0, 20.0), end_b_xyz=(3_600.0, 0.0, 20.0))


def limit(x: float, y: float, *runways: Runway) -> float:
    """Return the limit at one position."""
    return float(height_limit_m([[x, y]], runways or (EAST,), aerodrome_elevation_m=20.0)[0])


@pytest.mark.parametrize(
    ("x", "y", "metres"),
    [
        (1_800.0, 0.0, 20.0),  # on the strip nothing may stand
        (1_800.0, 140.0, 20.0),
        (1_800.0, 350.0, 20.0 + 210.0 / 7.0),  # transitional side of the strip
        (1_800.0, 1_000.0, 65.0),  # inner horizontal, 45 m
        (1_800.0, 4_000.0, 65.0),
        (1_800.0, 5_000.0, 115.0),  # conical, 5 % of 1,000 m
        (1_800.0, 6_000.0, 165.0),
        (1_800.0, 6_001.0, np.inf),
        (3_660.0 + 1_000.0, 0.0, 40.0),  # approach, 2 % of 1,000 m
        (-60.0 - 1_000.0, 0.0, 40.0),
        (3_660.0 + 3_000.0, 0.0, 65.0),  # the inner horizontal is below the approach there
        (3_660.0 + 6_500.0, 0.0, 20.0 + 130.0),  # take-off climb, below the approach
        (3_660.0 + 8_000.0, 0.0, 20.0 + 150.0),  # horizontal section, 150 m
        (3_660.0 + 8_000.0, 1_000.0, 20.0 + 150.0),  # beside the climb, inside the approach
        (3_660.0 + 1_000.0, 290.0 + 70.0, 50.0),  # transitional side of the approach
        (3_660.0 + 15_001.0, 0.0, np.inf),
    ],
)
def test_heights_by_hand(x: float, y: float, metres: float) -> None:
    """Each surface gives the height that its slope and distance say; sides are alike."""
    assert limit(x, y) == pytest.approx(metres)
    assert limit(x, -y) == pytest.approx(metres)


@given(
    x=st.floats(-20_000, 24_000),
    y=st.floats(-8_000, 8_000),
    turn=st.floats(0.0, 2 * np.pi),
    east=st.floats(-1e5, 1e5),
)
def test_the_surfaces_turn_with_the_runway(x: float, y: float, turn: float, east: float) -> None:
    """Moving and turning runway and position together changes nothing."""
    c, s = np.cos(turn), np.sin(turn)
    turned = Runway(end_a_xyz=(east, 0.0, 20.0), end_b_xyz=(east + 3_600.0 * c, 3_600.0 * s, 20.0))
    here, there = limit(x, y), limit(east + c * x - s * y, s * x + c * y, turned)
    nearby = {limit(x + dx, y + dy) for dx in (-1e-6, 0, 1e-6) for dy in (-1e-6, 0, 1e-6)}
    assert any(value == here == there or abs(value - there) < 1e-4 for value in nearby)


@given(x=st.floats(-20_000, 24_000), y=st.floats(-8_000, 8_000))
def test_a_second_runway_never_permits_more(x: float, y: float) -> None:
    """With another runway the limit is the lower one."""
    second = Runway(end_a_xyz=(0.0, 2_000.0, 22.0), end_b_xyz=(3_400.0, 2_100.0, 22.0))
    assert limit(x, y, EAST, second) == min(limit(x, y), limit(x, y, second))


def test_faults_are_named_together() -> None:
    """Positions without numbers, a runway without length and an elevation are told at once."""
    point = Runway(end_a_xyz=(0.0, 0.0, 0.0), end_b_xyz=(0.0, 1.0, 0.0))
    with pytest.raises(InputError) as told:
        height_limit_m([[np.nan, 0.0]], [EAST, point], aerodrome_elevation_m=float("inf"))
    assert [problem.where for problem in told.value.problems] == [
        "xy",
        "runways[1]",
        "aerodrome_elevation_m",
    ]
    with pytest.raises(InputError, match="names no runway"):
        height_limit_m([[0.0, 0.0]], [], aerodrome_elevation_m=0.0)
