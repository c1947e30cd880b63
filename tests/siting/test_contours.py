"""Contours: areas that nest, agree with the cells, and hold exactly the cells at or above."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.contours import contours
from siting.errors import InputError
from siting.grid import Grid


def a_grid(rows: int, columns: int) -> Grid:
    """Return a grid of 20 m cells in EPSG:4547."""
    return Grid(
        crs="EPSG:4547", west_m=5e5, south_m=3.3e6, cell_size_m=20.0, columns=columns, rows=rows
    )


@settings(deadline=None, max_examples=60)
@given(rows=st.integers(1, 14), columns=st.integers(1, 14), seed=st.integers(0, 999))
def test_areas_are_valid_nest_and_sum_to_their_cells(rows: int, columns: int, seed: int) -> None:
    """Random cells with voids: valid outlines, area equal to the cells', each within the lower."""
    rng = np.random.default_rng(seed)
    raster = rng.choice([-115.0, -105.0, -95.0, -85.0, np.nan], (rows, columns))
    made = contours(a_grid(rows, columns), raster, [-95.0, -115.0, -105.0])
    assert made["level"].tolist() == [-115.0, -105.0, -95.0]
    assert made.geometry.is_valid.all()
    for level, area in zip(made["level"], made["area_m2"], strict=True):
        cells = np.count_nonzero(raster >= level)
        assert area == pytest.approx(cells * 400.0, rel=1e-12, abs=1e-6)
    lower, higher = made.geometry.to_numpy()[:-1], made.geometry.to_numpy()[1:]
    assert shapely.area(shapely.difference(higher, lower)).max() == 0.0


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999))
def test_a_centre_lies_inside_when_its_cell_reaches_the_level(seed: int) -> None:
    """Brute force over every cell: inside the outline means at or above the level."""
    grid = a_grid(9, 7)
    raster = np.random.default_rng(seed).normal(size=(9, 7))
    outline = contours(grid, raster, [0.0]).geometry.iloc[0]
    col, row = np.meshgrid(np.arange(7), np.arange(9))
    xy = grid.centres(col.ravel(), row.ravel())
    assert np.array_equal(shapely.contains_xy(outline, *xy.T), (raster >= 0.0).ravel())


def test_a_level_nobody_reaches_is_an_empty_area() -> None:
    """The row is there, its area is zero."""
    made = contours(a_grid(2, 2), np.zeros((2, 2)), [0.0, 1.0])
    assert made["area_m2"].tolist() == [1600.0, 0.0]
    assert made.geometry.iloc[1].is_empty


def test_every_fault_is_named() -> None:
    """Shape and levels are told together."""
    with pytest.raises(InputError, match=r"raster.*levels"):
        contours(a_grid(2, 2), np.zeros((3, 2)), [1.0, 1.0])
    with pytest.raises(InputError, match="levels"):
        contours(a_grid(2, 2), np.zeros((2, 2)), [])
