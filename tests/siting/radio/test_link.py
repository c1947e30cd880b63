"""One path over terrain: each figure is that of the method it names."""

from __future__ import annotations

import math

import numpy as np
import pytest

from siting.errors import InputError
from siting.grid import Grid
from siting.radio.ground.terrain import Terrain, clearance
from siting.radio.link import radio_link
from siting.radio.propagation.diffraction import knife_edge_loss_db
from siting.radio.propagation.p1812 import basic_transmission_loss

GRID = Grid(crs="EPSG:4547", west_m=0.0, south_m=0.0, cell_size_m=20.0, columns=300, rows=20)
ENDS = {"from_height_m": 30.0, "to_height_m": 10.0, "latitude_deg": 30.0}
HEIGHTS = {"transmitter_height_m": 30.0, "receiver_height_m": 10.0}
FROM, TO = (110.0, 200.0), (4_110.0, 200.0)


def ridge(height_m: float) -> Terrain:
    """Return level ground with one ridge in the middle of the path."""
    ground = np.zeros((GRID.rows, GRID.columns), dtype=np.float32)
    ground[:, 105] = height_m
    return Terrain(grid=GRID, ground_m=ground)


def test_free_space_is_that_of_p525() -> None:
    """4 pi d / lambda of 4 km at 2.6 GHz, within the rounding of the Recommendation's constant."""
    link = radio_link(ridge(0.0), FROM, TO, frequency_mhz=2_600.0, **ENDS)
    exact = 20.0 * math.log10(4.0 * math.pi * 4_000.0 * 2.6e9 / 299_792_458.0)
    assert link.free_space_db == pytest.approx(exact, abs=0.005)


def test_clearance_and_loss_are_those_of_the_profile() -> None:
    """Over a ridge: the same as the profile's own clearance and P.1812's loss and Bullington."""
    terrain = ridge(60.0)
    link = radio_link(terrain, FROM, TO, frequency_mhz=2_600.0, **ENDS)
    path = terrain.profile(FROM, TO)
    assert link.clearance == pytest.approx(clearance(path, frequency_mhz=2_600.0, **HEIGHTS))
    assert link.clearance < -1.0
    told = basic_transmission_loss(
        path,
        frequency_mhz=2_600.0,
        transmitter_height_m=30.0,
        receiver_height_m=10.0,
        centre_latitude_deg=30.0,
        gradient_n_units_per_km=39.25,
        refractivity_n_units=325.0,
    )
    assert link.basic_transmission_db == told.loss_db
    # Both horizons are the one ridge, so Bullington's edge is it: P.1812-7, equations (12), (21).
    edge = float(knife_edge_loss_db(-math.sqrt(2.0) * link.clearance))
    whole = edge + (1.0 - math.exp(-edge / 6.0)) * (10.0 + 0.02 * 4.0)
    assert link.diffraction_db == pytest.approx(whole, abs=1e-3)


@pytest.mark.parametrize(("to", "frequency_mhz"), [((300.0, 200.0), 2_600.0), (TO, 6_100.0)])
def test_where_p1812_does_not_hold_there_is_no_such_loss(
    to: tuple[float, float], frequency_mhz: float
) -> None:
    """Below 250 m and above 6 GHz: none, while free space and diffraction are given."""
    link = radio_link(ridge(0.0), FROM, to, frequency_mhz=frequency_mhz, **ENDS)
    assert link.basic_transmission_db is None
    assert math.isfinite(link.free_space_db)
    assert link.diffraction_db >= 0.0


def test_the_same_path_back_is_as_clear_and_loses_as_much() -> None:
    """Reciprocity of clearance and diffraction."""
    there = radio_link(ridge(40.0), FROM, TO, frequency_mhz=2_600.0, **ENDS)
    swapped = ENDS | {"from_height_m": 10.0, "to_height_m": 30.0}
    back = radio_link(ridge(40.0), TO, FROM, frequency_mhz=2_600.0, **swapped)
    assert back.clearance == pytest.approx(there.clearance, rel=1e-9)
    assert back.diffraction_db == pytest.approx(there.diffraction_db, abs=1e-6)


def test_every_fault_comes_at_once() -> None:
    """Height, carrier, gradient and an end off the terrain."""
    with pytest.raises(InputError) as caught:
        radio_link(
            ridge(0.0), FROM, (9e9, 0.0), from_height_m=0.0, to_height_m=10.0, frequency_mhz=3.0,
            latitude_deg=30.0, gradient_n_units_per_km=200.0,
        )  # fmt: skip
    places = {item.where for item in caught.value.problems}
    assert places == {"from_height_m", "frequency_mhz", "gradient_n_units_per_km", "receiver_xy"}
