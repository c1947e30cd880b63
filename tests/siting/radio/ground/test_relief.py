"""The made-up relief: agrees with what is known, depends on position alone, says it is made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from siting.errors import InputError
from siting.grid import Grid
from siting.provenance import Provenance
from siting.radio.ground.relief import EZHOU, ReliefModel, synthetic_relief

AREA = shapely.box(0.0, 0.0, 20_000.0, 20_000.0)
LAKE = shapely.box(3_000.0, 3_000.0, 6_000.0, 5_000.0)
GRID = Grid.over(AREA, crs="EPSG:4547", cell_size_m=100.0)


def heights(grid: Grid = GRID, model: ReliefModel = EZHOU, **change: object) -> np.ndarray:
    """Return the made-up ground of a grid."""
    arguments = {"area": AREA, "water": LAKE, "seed": 3} | change
    return synthetic_relief(grid, model, **arguments).terrain.ground_m


def test_known_facts_hold() -> None:
    """Lake level, plain, highest point and the rise to the south-east are as given."""
    ground = heights()
    lake = GRID.inside(LAKE)
    assert set(ground.ravel()[lake].tolist()) == {17.0}
    assert ground.min() == 17.0
    assert ground.max() == pytest.approx(485.8, abs=1e-3)
    half = len(ground) // 2
    north_west, south_east = ground[half:, :half], ground[:half, half:]
    assert np.median(north_west) < 60.0
    assert south_east.mean() > 1.5 * north_west.mean()


def test_it_says_it_is_made_up() -> None:
    """The label of origin is synthetic, and there is no clutter to be believed."""
    relief = synthetic_relief(GRID, EZHOU, area=AREA)
    assert relief.provenance is Provenance.SYNTHETIC
    assert relief.terrain.clutter_m is None


def test_same_seed_same_ground() -> None:
    """A seed gives the same bits again, another seed another landscape."""
    assert np.array_equal(heights(), heights())
    assert np.abs(heights() - heights(seed=4)).max() > 50.0


def test_a_part_of_the_grid_has_the_same_heights() -> None:
    """A grid over a quarter agrees with the whole one, at its edges by the lake too."""
    part = replace(GRID, west_m=4_000.0, south_m=4_000.0, columns=70, rows=50)
    assert np.allclose(heights(part), heights()[40:90, 40:110], atol=1e-3)


def test_finer_cells_show_the_same_hills() -> None:
    """Averaged cells of 50 m differ from cells of 100 m by a few metres where there is no shore."""
    fine = heights(replace(GRID, cell_size_m=50.0, columns=400, rows=400), water=None)
    coarse = fine.reshape(200, 2, 200, 2).mean(axis=(1, 3))
    assert np.percentile(np.abs(coarse - heights(water=None)), 99) < 5.0


def test_level_places_are_level() -> None:
    """No hill stands within the radius round an airport, though there was one before."""
    col, row = np.meshgrid(np.arange(GRID.columns), np.arange(GRID.rows))
    distance = np.hypot(*(GRID.centres(col.ravel(), row.ravel()) - [15_000, 5_000]).T)
    near = (distance < 2_000.0).reshape(GRID.rows, GRID.columns)
    assert heights()[near].max() > 60.0
    level = heights(level_xy=[[15_000.0, 5_000.0]], level_radius_m=[2_000.0])
    assert level[near].max() <= 30.0


def test_every_fault_is_named() -> None:
    """Heights out of order, a strange bearing, an empty area and unpaired radii are refused."""
    with pytest.raises(InputError, match=r"rising_towards_deg.*heights"):
        ReliefModel(water_m=40.0, plain_m=(18.0, 30.0), highest_m=20.0, rising_towards_deg=700.0)
    with pytest.raises(InputError, match=r"area.*level_xy"):
        synthetic_relief(GRID, EZHOU, area=shapely.Polygon(), level_xy=[[0.0, 0.0]])
