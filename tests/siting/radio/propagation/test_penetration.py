"""Building penetration: the walls of TR 38.901 in the product's bands."""

from __future__ import annotations

import numpy as np
import pytest

from siting.errors import InputError
from siting.radio.propagation.penetration import IrrGlass, building_loss, wall_loss_db
from siting.technology import Penetration, Propagation

BANDS_MHZ = [700.0, 2600.0, 3500.0, 4900.0]


def test_low_loss_walls() -> None:
    """Tables 7.4.3-1 and -2 at 0.7, 2.6, 3.5 and 4.9 GHz give 10.2, 12.3, 12.7 and 13.1 dB."""
    loss = wall_loss_db(Penetration.LOW_LOSS, BANDS_MHZ)
    assert loss == pytest.approx([10.2, 12.3, 12.7, 13.1], abs=0.1)


@pytest.mark.parametrize(
    ("version", "expected"),
    [(IrrGlass.V19_4, [17.9, 24.8, 27.5, 30.5]), (IrrGlass.OLDER, [17.7, 24.4, 26.8, 29.5])],
)
def test_high_loss_walls_by_version(version: IrrGlass, expected: list[float]) -> None:
    """Metal-coated glass differs between versions of the standard, by up to a decibel."""
    loss = wall_loss_db(Penetration.HIGH_LOSS, BANDS_MHZ, irr_glass=version)
    assert loss == pytest.approx(expected, abs=0.1)


def test_the_current_version_is_the_default() -> None:
    """Without a version, v19.4 is meant."""
    assert wall_loss_db(Penetration.HIGH_LOSS, 3500.0) == wall_loss_db(
        Penetration.HIGH_LOSS, 3500.0, irr_glass=IrrGlass.V19_4
    )


def test_outdoors_there_is_no_loss() -> None:
    """No wall, no depth, no spread."""
    assert wall_loss_db(Penetration.OUTDOOR, 3500.0) == 0.0
    loss = building_loss(Penetration.OUTDOOR, Propagation.UMA, frequency_mhz=3500.0)
    assert (loss.mean_db, loss.sigma_db) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("propagation", "limit_m"), [(Propagation.UMA, 25.0), (Propagation.RMA, 10.0)]
)
def test_depth_adds_mean_and_spread_of_the_lesser_of_two_draws(
    propagation: Propagation, limit_m: float
) -> None:
    """A simulation of section 7.4.3.1 has the mean and standard deviation claimed."""
    loss = building_loss(Penetration.LOW_LOSS, propagation, frequency_mhz=2600.0)
    generator = np.random.default_rng(1)
    depth = generator.uniform(0.0, limit_m, (2, 400_000)).min(axis=0)
    wall = float(wall_loss_db(Penetration.LOW_LOSS, 2600.0))
    drawn = wall + 0.5 * depth + generator.normal(0.0, 4.4, depth.shape)
    assert loss.mean_db == pytest.approx(drawn.mean(), abs=0.05)
    assert loss.sigma_db == pytest.approx(drawn.std(), abs=0.05)


def test_carriers_outside_the_table_are_refused() -> None:
    """100 MHz and no number at all are no carriers of the model."""
    with pytest.raises(InputError, match="500 to 100000 MHz"):
        wall_loss_db(Penetration.LOW_LOSS, [100.0, np.nan])
