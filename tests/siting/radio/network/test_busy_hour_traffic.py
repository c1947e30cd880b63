"""Traffic laid over a raster: nothing is lost, nothing is made."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from siting.errors import InputError
from siting.grid import Grid
from siting.radio.network.busy_hour.traffic import demand_traffic, raster_traffic
from siting.scenario import PlanningData


def over(side_m: float, *, columns: int = 40) -> Grid:
    """Return square pixels from Littletown's south-west corner on."""
    return Grid(
        crs="EPSG:4547", west_m=500_000.0, south_m=3_350_000.0, cell_size_m=side_m,
        columns=columns, rows=columns,
    )  # fmt: skip


@pytest.mark.parametrize("pixel_m", [10.0, 30.0, 50.0, 100.0, 400.0])
def test_the_total_stays_on_pixels_of_any_size(littletown: PlanningData, pixel_m: float) -> None:
    """People times kbit/s, whether pixels are smaller or larger than demand cells."""
    people = littletown.demand.weights["population"].sum()
    grid = over(pixel_m, columns=round(2000.0 / pixel_m) + 1)
    traffic = demand_traffic(littletown.demand, grid, kbps_per_unit=250.0)
    np.testing.assert_allclose(traffic.mbps.sum(), people * 0.25)
    np.testing.assert_allclose(traffic.people.sum(), people)
    assert traffic.outside_mbps == 0.0
    assert (np.diff(traffic.pixels) > 0).all()


def test_large_cells_are_sampled_all_over(littletown: PlanningData) -> None:
    """A cell of 100 m on pixels of 10 m has 25 samples; scattered points have one each."""
    fine = over(10.0, columns=200)
    assert len(demand_traffic(littletown.demand, fine, kbps_per_unit=1.0)) == 25 * 400
    points = dataclasses.replace(littletown.demand, cell_size_m=None)
    assert len(demand_traffic(points, fine, kbps_per_unit=1.0)) == 400


def test_what_lies_outside_is_said(littletown: PlanningData) -> None:
    """A raster over the western half leaves the east's traffic outside."""
    half = dataclasses.replace(over(50.0), columns=20)
    traffic = demand_traffic(littletown.demand, half, kbps_per_unit=1000.0)
    people = littletown.demand.weights["population"]
    east = littletown.demand.xy[:, 0] > 501_000.0
    np.testing.assert_allclose(traffic.outside_mbps, people[east].sum())
    np.testing.assert_allclose(traffic.mbps.sum(), people[~east].sum())


def test_a_weight_of_ones_own_may_be_traffic_itself(littletown: PlanningData) -> None:
    """A column in Mbit/s at 1000 kbit/s per unit is taken as it is; people stay known."""
    own = np.linspace(0.0, 3.0, 400)
    demand = dataclasses.replace(
        littletown.demand, weights={**littletown.demand.weights, "busy_mbps": own}
    )
    traffic = demand_traffic(demand, over(50.0), kbps_per_unit=1000.0, weight="busy_mbps")
    np.testing.assert_allclose(traffic.mbps.sum(), own.sum())
    people = littletown.demand.weights["population"]
    assert traffic.people.sum() == people[own > 0.0].sum()


def test_faults_of_traffic_come_together(littletown: PlanningData) -> None:
    """An unknown weight and a negative rate at once; rasters by shape and by value."""
    with pytest.raises(InputError) as caught:
        demand_traffic(littletown.demand, over(50.0), kbps_per_unit=-1.0, weight="cars")
    assert {problem.where for problem in caught.value.problems} == {"kbps_per_unit", "weight"}
    grid = over(50.0)
    bad = np.full((40, 40), -1.0)
    with pytest.raises(InputError) as caught:
        raster_traffic(grid, np.ones((3, 3)), bad)
    assert [problem.where for problem in caught.value.problems] == ["mbps", "people"]
