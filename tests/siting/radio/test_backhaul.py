"""Microwave hops: clear as the public profile says, fewest by brute force, hills in the way."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.errors import InputError
from siting.grid import Grid
from siting.radio.backhaul import Backhaul, HopRule, backhaul
from siting.radio.ground.terrain import Terrain, clearance

GRID = Grid(crs="EPSG:4547", west_m=5e5, south_m=3.3e6, cell_size_m=50.0, columns=200, rows=160)
RULE = HopRule(frequency_mhz=15_000.0, max_hop_m=4_000.0)
ORIGIN = np.array([5e5, 3.3e6])


def hills(seed: int, height_m: float = 60.0) -> Terrain:
    """Return random hills of some hundred metres width, and clutter on a tenth of the cells."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, height_m, (17, 21))
    ground = np.kron(coarse, np.ones((10, 10)))[: GRID.rows, : GRID.columns]
    clutter = np.where(rng.random((GRID.rows, GRID.columns)) < 0.1, 12.0, 0.0)
    return Terrain(grid=GRID, ground_m=ground, clutter_m=clutter)


def flat() -> Terrain:
    """Return level ground without clutter data."""
    return Terrain(grid=GRID, ground_m=np.full((160, 200), 20.0), clutter_m=None)


def hops_by_search(made: Backhaul) -> npt.NDArray[np.int64]:
    """Count hops by searching outwards from every fibre, hop by hop."""
    hops = np.where(made.fibre, 0, -1)
    for number in range(len(hops)):
        for one, other in made.links:
            for near, far in ((one, other), (other, one)):
                if hops[near] == number and hops[far] < 0:
                    hops[far] = number + 1
    return hops


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 999))
def test_links_and_hops_are_those_of_brute_force(seed: int) -> None:
    """Every pair by the public profile and clearance, every hop by plain search."""
    rng = np.random.default_rng(seed)
    terrain = hills(seed)
    xy = ORIGIN + rng.uniform(0, [10_000, 8_000], (25, 2))
    heights, fibre = rng.uniform(15, 45, 25), rng.random(25) < 0.1
    fibre[0] = True
    made = backhaul(terrain, xy, heights, fibre, rule=RULE)
    expected = {}
    for i, j in combinations(range(25), 2):
        if np.hypot(*(xy[i] - xy[j])) <= RULE.max_hop_m:
            free = clearance(
                terrain.profile(xy[i], xy[j]),
                transmitter_height_m=heights[i],
                receiver_height_m=heights[j],
                frequency_mhz=15_000.0,
            )
            if free >= 0.6:
                expected[i, j] = free
    assert [tuple(link) for link in made.links.tolist()] == sorted(expected)
    assert np.allclose(made.clearance, [expected[key] for key in sorted(expected)], rtol=1e-6)
    assert np.array_equal(made.hops, hops_by_search(made))
    assert np.array_equal(made.unreachable(), np.flatnonzero(hops_by_search(made) < 0))
    for site in np.flatnonzero(made.hops > 0):
        step = made.towards[site]
        assert made.hops[step] == made.hops[site] - 1
        assert [min(site, step), max(site, step)] in made.links.tolist()
    assert (made.towards[(made.hops <= 0)] == -1).all()


def test_a_hill_between_two_masts_blocks_them_until_they_are_high_enough() -> None:
    """A 60 m hill halfway stops masts of 30 m, not of 90 m; the ray then clears it by 0.6 radii."""
    ground = np.full((160, 200), 20.0)
    ground[70:90, 95:105] = 80.0
    terrain = Terrain(grid=GRID, ground_m=ground, clutter_m=None)
    xy = ORIGIN + np.array([[3_200.0, 4_000.0], [6_800.0, 4_000.0]])
    low = backhaul(terrain, xy, 30.0, [True, False], rule=RULE)
    assert len(low.links) == 0
    assert low.unreachable().tolist() == [1]
    assert low.share_within(9) == 0.0
    high = backhaul(terrain, xy, 90.0, [True, False], rule=RULE)
    # 1.8 km from each end: radius sqrt(0.02 m * 1800 m / 2) = 4.24 m, bulge 1800^2 / 2 / 8495 km.
    assert high.clearance[0] == pytest.approx((30.0 - 0.19) / 4.243, rel=0.01)
    assert high.hops.tolist() == [0, 1]


def test_woods_block_only_where_they_are_known() -> None:
    """Trees of 30 m between masts of 25 m block the hop; without clutter data they are not seen."""
    trees = np.zeros((160, 200))
    trees[:, 95:105] = 30.0
    xy = ORIGIN + np.array([[3_200.0, 4_000.0], [6_800.0, 4_000.0]])
    wooded = Terrain(grid=GRID, ground_m=np.full((160, 200), 20.0), clutter_m=trees)
    assert len(backhaul(wooded, xy, 25.0, [True, False], rule=RULE).links) == 0
    assert len(backhaul(flat(), xy, 25.0, [True, False], rule=RULE).links) == 1


def test_a_higher_band_needs_less_room() -> None:
    """A ray 4 m above the ground is clear at 80 GHz and not at 6 GHz."""
    xy = ORIGIN + np.array([[1_000.0, 4_000.0], [4_900.0, 4_000.0]])
    for frequency, links in ((80_000.0, 1), (6_000.0, 0)):
        rule = HopRule(frequency_mhz=frequency, max_hop_m=4_000.0)
        assert len(backhaul(flat(), xy, 4.0, [True, False], rule=rule).links) == links


def test_hops_of_a_chain() -> None:
    """Five masts in a row, fibre at one end, the last too far: hops, shares and the way back."""
    xy = ORIGIN + np.array([[500, 500], [3500, 500], [6500, 500], [9500, 500], [500, 7900]])
    made = backhaul(flat(), xy, 30.0, [True, False, False, False, False], rule=RULE)
    assert made.hops.tolist() == [0, 1, 2, 3, -1]
    assert made.towards.tolist() == [-1, 0, 1, 2, -1]
    assert [made.share_within(hops) for hops in (0, 1, 2, 9)] == [0.0, 0.25, 0.5, 0.75]
    assert made.unreachable().tolist() == [4]
    assert made.unreachable(2).tolist() == [3, 4]
    assert made.length_m.tolist() == [3_000.0] * 3


def test_of_equal_hops_the_shortest_way_is_taken() -> None:
    """Two ways of two hops: the one over the nearer mast; never three short hops instead."""
    xy = ORIGIN + np.array([[500, 500], [6_500, 500], [3_500, 2_500], [3_500, 900], [2_000, 500]])
    made = backhaul(flat(), xy, 30.0, [True, False, False, False, False], rule=RULE)
    assert made.hops.tolist() == [0, 2, 1, 1, 1]
    assert made.towards[1] == 3


def test_sites_in_one_place_are_joined() -> None:
    """Two sites on one tower need no clear ray, and every site with fibre makes no share."""
    xy = ORIGIN + np.array([[500.0, 500.0], [500.0, 500.0]])
    made = backhaul(flat(), xy, 30.0, [True, False], rule=RULE)
    assert made.hops.tolist() == [0, 1]
    assert made.clearance.tolist() == [np.inf]
    assert np.isnan(backhaul(flat(), xy, 30.0, True, rule=RULE).share_within(3))  # noqa: FBT003


def test_every_fault_is_named() -> None:
    """Positions, heights and fibre in one error; the rule's values in another; too many pairs."""
    xy = ORIGIN + np.array([[500.0, 500.0], [50_000.0, 500.0], [np.nan, 0.0]])
    with pytest.raises(InputError, match=r"xy\[1\]: 2 of 3 sites.*height_m.*fibre: no site"):
        backhaul(flat(), xy, [30.0, -1.0, 30.0], [False] * 3, rule=RULE)
    with pytest.raises(InputError, match=r"height_m: has shape \(2,\), there are 3 sites"):
        backhaul(flat(), xy, [30.0, 30.0], [True] * 3, rule=RULE)
    with pytest.raises(InputError, match=r"frequency_mhz.*max_hop_m.*clearance.*radius_factor"):
        HopRule(frequency_mhz=900.0, max_hop_m=0.0, clearance=-1.0, radius_factor=0.0)
    crowd = np.tile(ORIGIN + 500.0, (8_000, 1))
    with pytest.raises(InputError, match="31,996,000 pairs"):
        backhaul(flat(), crowd, 30.0, True, rule=RULE)  # noqa: FBT003
