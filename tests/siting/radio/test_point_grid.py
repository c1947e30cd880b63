"""Bins and discs: nothing on the rim is lost, whatever the points look like."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.errors import InputError
from siting.radio.point_grid import build_grid, count_in_discs, list_in_discs

Points = npt.NDArray[np.float64]


def within(points: Points, places: Points, radius_m: Points) -> list[list[int]]:
    """List the points in every disc by looking at every pair."""
    squares = ((places[:, np.newaxis] - points[np.newaxis]) ** 2).sum(axis=2)
    inside = (squares <= radius_m[:, np.newaxis] ** 2) & (radius_m[:, np.newaxis] > 0)
    return [np.flatnonzero(row).tolist() for row in inside]


def found(points: Points, places: Points, radius_m: Points) -> list[list[int]]:
    """List the points in every disc by the grid."""
    grid = build_grid(points)
    counts = count_in_discs(grid, places, radius_m)
    indices = np.empty(counts.sum(), dtype=np.int32)
    list_in_discs(grid, places, radius_m, indices)
    return [sorted(part.tolist()) for part in np.split(indices, np.cumsum(counts)[:-1])]


# Whole numbers put many points exactly on rims and on the borders of bins.
coordinate = st.integers(-30, 30).map(float)
position = st.tuples(coordinate, coordinate)


@settings(deadline=None)
@given(
    st.lists(position, max_size=60),
    st.lists(st.tuples(position, st.integers(0, 50).map(float)), min_size=1, max_size=10),
)
def test_the_grid_finds_what_looking_at_every_pair_finds(
    points: list[tuple[float, float]], discs: list[tuple[tuple[float, float], float]]
) -> None:
    """Same points in every disc, rim included, for coinciding points and empty sets as well."""
    xy = np.array(points, dtype=float).reshape(-1, 2)
    places = np.array([place for place, _ in discs])
    radius = np.array([reach for _, reach in discs])
    assert found(xy, places, radius) == within(xy, places, radius)


@pytest.mark.parametrize("scale", [(1e6, 1e-3), (1e-3, 1e6), (1.0, 1.0)])
def test_long_thin_sets_and_outliers_keep_the_bins_few(scale: tuple[float, float]) -> None:
    """A line of points, or one point far away, neither exhausts memory nor loses a point."""
    xy = np.random.default_rng(3).random((500, 2)) * scale
    xy[7] = (1e9, -1e9)
    grid = build_grid(xy)
    assert grid.rows * grid.columns < 10 * len(xy)
    places, radius = xy[:40], np.full(40, max(scale) / 20)
    assert found(xy, places, radius) == within(xy, places, radius)


def test_every_point_is_in_exactly_one_bin_in_its_own_order() -> None:
    """The sorted order is a permutation, ascending inside each bin."""
    xy = np.random.default_rng(4).random((1000, 2)) * 500
    grid = build_grid(xy)
    assert sorted(grid.order.tolist()) == list(range(1000))
    for first, last in zip(grid.start[:-1], grid.start[1:], strict=True):
        assert (np.diff(grid.order[first:last]) > 0).all()
    assert np.array_equal(grid.xy, xy[grid.order])


def test_positions_must_be_finite_and_plane() -> None:
    """NaN, infinity and a third coordinate are refused, the first fault named."""
    with pytest.raises(InputError, match=r"points\[1\]: 2 positions are not finite"):
        build_grid(np.array([[0.0, 0.0], [np.nan, 1.0], [2.0, np.inf]]))
    with pytest.raises(InputError, match=r"shape \(1, 3\)"):
        build_grid(np.zeros((1, 3)))
