"""Profiles through a raster, and the clearance of a ray over them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.errors import InputError
from siting.grid import Grid
from siting.radio.ground.terrain import Terrain, clearance
from siting.radio.propagation.p1812 import PathProfile

GRID = Grid(
    crs="EPSG:4547", west_m=500_000.0, south_m=3_350_000.0, cell_size_m=20.0, columns=60, rows=40
)
CENTRES = GRID.centres(np.tile(np.arange(60), 40), np.repeat(np.arange(40), 60))
SLOPE = (CENTRES @ [0.03, -0.02]).reshape(40, 60) - CENTRES.mean(axis=0) @ [0.03, -0.02] + 50.0
HILLY = Terrain(
    grid=GRID,
    ground_m=np.asarray(
        SLOPE + 20.0 * np.sin(CENTRES[:, 0] / 90.0).reshape(40, 60), dtype=np.float32
    ),
    clutter_m=np.zeros((40, 60), dtype=np.float32),
)
inside = st.tuples(st.floats(500_010.0, 501_190.0), st.floats(3_350_010.0, 3_350_790.0))


def test_a_plane_is_sampled_exactly() -> None:
    """Between the centres of cells an inclined plane is met to a millimetre."""
    plane = Terrain(grid=GRID, ground_m=SLOPE.astype(np.float32), clutter_m=np.zeros((40, 60)))
    start, end = np.array([500_033.0, 3_350_777.0]), np.array([501_150.0, 3_350_021.0])
    profile = plane.profile(start, end)
    along = start + np.linspace(0.0, 1.0, len(profile.distance_m))[:, None] * (end - start)
    by_hand = along @ [0.03, -0.02] - CENTRES.mean(axis=0) @ [0.03, -0.02] + 50.0
    assert np.abs(profile.terrain_m - by_hand).max() < 1e-3
    assert profile.distance_m[-1] == pytest.approx(np.hypot(*(end - start)))
    assert np.diff(profile.distance_m).max() <= 20.0


def test_clutter_is_that_of_the_cell() -> None:
    """A building fills its cell and no more."""
    clutter = np.zeros((40, 60))
    clutter[10, 20] = 25.0
    town = Terrain(grid=GRID, ground_m=np.zeros((40, 60)), clutter_m=clutter)
    profile = town.profile((500_300.0, 3_350_210.0), (500_500.0, 3_350_210.0), step_m=1.0)
    walled = profile.distance_m[profile.clutter_m == 25.0]
    assert walled.min() == pytest.approx(100.0, abs=1.0)
    assert walled.max() == pytest.approx(120.0, abs=1.0)


def test_without_clutter_data_a_profile_is_bare() -> None:
    """Nothing known of clutter: the same ground, and no clutter along the path."""
    bare = Terrain(grid=GRID, ground_m=HILLY.ground_m)
    ends = (500_033.0, 3_350_777.0), (501_150.0, 3_350_021.0)
    assert bare.clutter_m is None
    assert np.array_equal(bare.profile(*ends).terrain_m, HILLY.profile(*ends).terrain_m)
    assert not bare.profile(*ends).clutter_m.any()


@settings(deadline=None)
@given(a=inside, b=inside)
def test_there_and_back_is_the_same_ground(a: tuple[float, float], b: tuple[float, float]) -> None:
    """The profile from the receiver is the reversed profile, and so is the clearance."""
    if np.hypot(a[0] - b[0], a[1] - b[1]) < 1.0:
        return
    there, back = HILLY.profile(a, b), HILLY.profile(b, a)
    assert there.terrain_m == pytest.approx(back.terrain_m[::-1], abs=1e-6)
    one = clearance(there, transmitter_height_m=30, receiver_height_m=8, frequency_mhz=18_000)
    other = clearance(back, transmitter_height_m=8, receiver_height_m=30, frequency_mhz=18_000)
    assert one == pytest.approx(other, rel=1e-6, abs=1e-6)


def test_clearance_by_hand() -> None:
    """An edge half way: the free height over the radius of the first Fresnel zone."""
    distance = np.array([0.0, 2_500.0, 5_000.0, 7_500.0, 10_000.0])
    edge = PathProfile(
        distance_m=distance, terrain_m=np.array([0.0, 0.0, 20.0, 0.0, 0.0]), clutter_m=np.zeros(5)
    )
    wavelength = 0.2998 / 18.0
    bulge = 5_000.0**2 / (2 * 6_371_000 * 4 / 3)
    by_hand = (40.0 - 20.0 - bulge) / np.sqrt(wavelength * 5_000.0 * 5_000.0 / 10_000.0)
    ours = clearance(edge, transmitter_height_m=40, receiver_height_m=40, frequency_mhz=18_000)
    assert ours == pytest.approx(by_hand, rel=1e-9)


def test_higher_antennas_see_farther() -> None:
    """Raising both antennas never lessens the clearance."""
    wood = np.zeros((40, 60))
    wood[:, 30] = 25.0
    plain = Terrain(grid=GRID, ground_m=np.zeros((40, 60)), clutter_m=wood)
    profile = plain.profile((500_020.0, 3_350_400.0), (501_180.0, 3_350_400.0))
    seen = [
        clearance(profile, transmitter_height_m=h, receiver_height_m=h, frequency_mhz=18_000)
        for h in (2, 10, 30, 60)
    ]
    assert seen == sorted(seen)
    assert seen[0] < 0.0 < seen[-1]


def test_faults_of_a_raster_are_counted() -> None:
    """Voids and negative clutter are told with their number, both at once."""
    ground, clutter = np.zeros((40, 60)), np.zeros((40, 60))
    ground[:2, :3] = np.nan
    clutter[5, 5] = -1.0
    with pytest.raises(InputError) as told:
        Terrain(grid=GRID, ground_m=ground, clutter_m=clutter)
    assert "ground_m: has 6 voids" in str(told.value)
    assert "clutter_m: is negative in 1 cells" in str(told.value)
    with pytest.raises(InputError, match=r"has shape \(60, 40\)"):
        Terrain(grid=GRID, ground_m=ground.T, clutter_m=np.zeros((40, 60)))


def test_a_site_outside_the_raster_is_named() -> None:
    """Both ends are checked, with the CRS they should be in."""
    with pytest.raises(InputError) as told:
        HILLY.profile((114.9, 30.4), (500_100.0, float("nan")))
    assert [problem.where for problem in told.value.problems] == ["transmitter_xy", "receiver_xy"]
    assert "EPSG:4547" in str(told.value)


def test_a_path_without_length_is_refused() -> None:
    """Transmitter and receiver in one place have no profile."""
    with pytest.raises(InputError, match="is where the transmitter is"):
        HILLY.profile((500_100.0, 3_350_100.0), (500_100.0, 3_350_100.0))
