"""Demand cells: land, ids, and people that re-sum exactly."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.errors import InputError
from siting.grid import (
    Grid,
    Settlements,
    blocks_of,
    contains,
    land_cells,
    largest_remainder,
    spread_people,
)

#: 4 x 3 cells of 100 m, corner at (1000, 2000).
SMALL = Grid(crs="EPSG:4547", west_m=1000.0, south_m=2000.0, cell_size_m=100.0, columns=4, rows=3)


def test_a_cell_has_the_id_of_its_row_and_column() -> None:
    """Ids count row by row from the south-west, and centres lie half a cell in."""
    assert SMALL.ids([3], [1]).tolist() == [7]
    assert SMALL.centres([3], [1]).tolist() == [[1350.0, 2150.0]]
    assert len(SMALL) == 12


def test_a_grid_covers_its_geometry_from_a_round_corner() -> None:
    """The corner is a multiple of the cell size and no part of the geometry is left out."""
    grid = Grid.over(shapely.box(1001, 1999, 1399, 2301), crs="EPSG:4547", cell_size_m=100.0)
    assert (grid.west_m, grid.south_m, grid.columns, grid.rows) == (1000.0, 1900.0, 4, 5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(900, 1500), st.floats(1900, 2400)), min_size=3, max_size=6))
def test_cells_inside_agree_with_one_by_one_tests(corners: list[tuple[float, float]]) -> None:
    """Whole-grid tests by bounding box give the same cells as asking for each centre."""
    shape = shapely.MultiPoint(corners).convex_hull
    if shape.geom_type != "Polygon":
        return
    row, col = np.divmod(np.arange(12), 4)
    centres = SMALL.centres(col, row)
    slow = [index for index, xy in enumerate(centres) if shape.contains(shapely.Point(xy))]
    assert SMALL.inside(shape).tolist() == slow
    assert np.flatnonzero(contains(shape, centres)).tolist() == slow


def test_holes_and_islands_are_respected() -> None:
    """A hole is outside, an island of the same multipolygon inside."""
    ring = shapely.box(0, 0, 10, 10) - shapely.box(4, 4, 6, 6)
    shape = shapely.MultiPolygon([ring, shapely.box(20, 20, 21, 21)])
    xy = np.array([[5.0, 5.0], [1.0, 1.0], [20.5, 20.5], [15.0, 15.0]])
    assert contains(shape, xy).tolist() == [False, True, True, False]


def test_land_cells_leave_out_water_and_the_rest_of_the_world() -> None:
    """A cell belongs to the first district that holds its centre, unless it is in water."""
    west, east = shapely.box(1000, 2000, 1200, 2300), shapely.box(1200, 2000, 1300, 2300)
    ids, owner = land_cells(SMALL, [west, east], shapely.box(1100, 2100, 1200, 2200))
    assert ids.tolist() == [0, 1, 2, 4, 6, 8, 9, 10]
    assert owner.tolist() == [0, 0, 1, 0, 1, 0, 0, 1]
    overlapping, first = land_cells(SMALL, [west, west], None)
    assert len(overlapping) == 6
    assert set(first.tolist()) == {0}


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda share: sum(share) > 1e-3),
    st.integers(0, 10**6),
)
def test_largest_remainders_sum_exactly_and_stay_within_one(share: list[float], total: int) -> None:
    """The parts sum to the total, none is negative, and each is within one of its exact share."""
    parts = largest_remainder(np.array(share), total)
    assert parts.sum() == total
    assert (parts >= 0).all()
    exact = np.array(share) * total / np.sum(share)
    assert (np.abs(parts - exact) <= 1.0 + 1e-6).all()


def test_largest_remainders_of_a_known_case() -> None:
    """Seats 6.4, 2.4 and 1.2 of ten: the first of the equal remainders gets the seat left."""
    assert largest_remainder(np.array([6.4, 2.4, 1.2]), 10).tolist() == [7, 2, 1]
    assert largest_remainder(np.array([1.0, 1.0, 1.0]), 5).tolist() == [2, 2, 1]


def _square(people: int, urban_share: float) -> tuple[np.ndarray, np.ndarray]:
    """Spread people over 40 x 40 cells round one town in the middle of cell (10, 10)."""
    grid = Grid(crs="EPSG:4547", west_m=0, south_m=0, cell_size_m=100.0, columns=40, rows=40)
    ids = np.arange(1600)
    row, col = np.divmod(ids, 40)
    xy = grid.centres(col, row)
    town = np.array([[1050.0, 1050.0]])
    spread = spread_people(
        xy,
        Settlements(people=people, urban_share=urban_share, xy=town, weight=np.ones(1)),
        peak_density_per_km2=10_000.0,
        blocks=[blocks_of(grid, ids, cells=cells) for cells in (10, 5)],
    )
    return spread, np.hypot(*(xy - town[0]).T)


@settings(deadline=None)
@given(st.integers(0, 100_000), st.floats(0, 1))
def test_people_resum_to_the_census(people: int, urban_share: float) -> None:
    """Whatever the total and the urban share, the cells hold exactly the census."""
    spread, _ = _square(people, urban_share)
    assert spread.sum() == people
    assert spread.dtype == np.int64
    assert (spread >= 0).all()


def test_density_falls_with_distance_to_the_town() -> None:
    """Mean density falls from ring to ring, and the open country keeps its floor."""
    spread, distance = _square(30_000, 0.8)
    rings = [
        spread[(distance >= low) & (distance < low + 300)].mean() for low in range(0, 1500, 300)
    ]
    assert rings == sorted(rings, reverse=True)
    assert spread.min() >= 30_000 * 0.2 // 1600


def test_a_town_has_the_stated_density_in_its_centre() -> None:
    """With all its plane at hand a town of 2,000 peaks at the stated 10,000 people per km2."""
    spread, distance = _square(2_000, 1.0)
    assert spread[distance.argmin()] == pytest.approx(100, rel=0.25)


def test_rural_people_are_even_on_the_scale_of_blocks() -> None:
    """Without a town equal squares hold the same number, down to one person in the finest."""
    spread, _ = _square(1_616, 0.0)
    assert set(spread.reshape(4, 10, 4, 10).sum(axis=(1, 3)).ravel().tolist()) == {101}
    assert set(spread.reshape(8, 5, 8, 5).sum(axis=(1, 3)).ravel().tolist()) == {25, 26}


def test_a_town_too_far_from_its_district_is_refused() -> None:
    """A town 1,000 km away from every cell is an error, not a division by zero."""
    with pytest.raises(InputError, match="near any of its towns"):
        spread_people(
            np.zeros((1, 2)),
            Settlements(people=9, urban_share=0.5, xy=np.full((1, 2), 1e6), weight=np.ones(1)),
            peak_density_per_km2=1e4,
        )


def test_faults_of_a_spread_are_gathered() -> None:
    """No cell, a share above one and no town are told in one answer."""
    nowhere = np.empty((0, 2))
    with pytest.raises(InputError) as caught:
        spread_people(
            nowhere,
            Settlements(people=1, urban_share=1.5, xy=nowhere, weight=np.empty(0)),
            peak_density_per_km2=1.0,
        )
    assert [problem.where for problem in caught.value.problems] == ["cells", "urban_share", "towns"]
