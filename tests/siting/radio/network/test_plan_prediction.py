"""Prediction of stations over a study area."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from siting.errors import InputError
from siting.grid import Grid
from siting.provenance import Provenance, worst
from siting.radio.ground.terrain import Terrain
from siting.radio.network.area_prediction import predict
from siting.radio.network.assumptions import RadioAssumptions
from siting.radio.network.plan_network import Stations, station_cells
from siting.radio.network.plan_prediction import (
    Ground,
    NetworkPrediction,
    predict_stations,
    prediction_grid,
)
from siting.scenario import PlanningData
from siting.technology import SectorLayout

LEVEL = Ground(terrain=None, provenance=Provenance.MISSING, source="")


def stations_of(data: PlanningData, turn_deg: float = 90.0) -> Stations:
    """Put a macro station with sectors and a small cell on the first two sites."""
    macro, micro = data.technologies
    return Stations(
        technologies=(dataclasses.replace(macro, sectors=SectorLayout()), micro),
        site=("s0", "s5"),
        technology=np.array([0, 1], dtype=np.intp),
        xy=data.sites.xy[[0, 5]],
        height_m=np.array([30.0, 10.0]),
        turn_deg=np.array([turn_deg, np.nan]),
        tilt_deg=np.array([6.0, np.nan]),
    )


def predicted(data: PlanningData, ground: Ground = LEVEL, **changes: object) -> NetworkPrediction:
    """Predict the two stations at 50 m."""
    stations = dataclasses.replace(stations_of(data), **changes)
    return predict_stations(data, stations, grid=prediction_grid(data, 50.0), ground=ground)


def slope(grid: Grid) -> np.ndarray:
    """Return a plane that rises to the east and the north, (rows, columns)."""
    column, row = np.meshgrid(np.arange(grid.columns), np.arange(grid.rows))
    x, y = grid.centres(column.ravel(), row.ravel()).T
    return (0.02 * (x - 500_000.0) + 0.01 * (y - 3_350_000.0)).reshape(grid.rows, grid.columns)


def test_rasters_are_those_of_the_area_prediction(littletown: PlanningData) -> None:
    """Nothing is computed anew; outside the study area there is no value."""
    done = predicted(littletown)
    cells, _ = station_cells(done.stations)
    alone = predict(cells, done.grid)
    np.testing.assert_array_equal(done.ss_rsrp_dbm, alone.ss_rsrp_dbm())
    np.testing.assert_array_equal(done.server, alone.server())
    west = dataclasses.replace(
        littletown,
        study_area=dataclasses.replace(
            littletown.study_area, districts=littletown.study_area.districts[:1]
        ),
    )
    whole = predict_stations(west, done.stations, grid=done.grid, ground=LEVEL)
    half = done.grid.columns // 2
    assert np.isnan(whole.ss_rsrp_dbm[:, half:]).all()
    assert (whole.server[:, half:] == -1).all()
    np.testing.assert_array_equal(whole.ss_rsrp_dbm[:, :half], alone.ss_rsrp_dbm()[:, :half])


def test_outlines_have_the_area_that_the_report_counts(littletown: PlanningData) -> None:
    """Area at or above -105 and -95 dBm: by polygons and by shares of the whole area's pixels."""
    done = predicted(littletown)
    whole = done.report.zones[0]
    shares = {item.standard: item.rsrp_share for item in whole.standards}
    expected = [shares["covered-outdoor"] * whole.area_m2, shares["good-outdoor"] * whole.area_m2]
    np.testing.assert_allclose(done.coverage["area_m2"], expected, rtol=1e-12)
    assert expected[1] > 0.0


def test_the_area_as_a_whole_comes_first(littletown: PlanningData) -> None:
    """Then every zone in the data's order."""
    done = predicted(littletown)
    names = [zone.zone for zone in done.report.zones]
    assert names == ["littletown", *[zone.id for zone in littletown.zones]]
    assert done.report.zones[0].area_m2 == 4e6


def test_terrain_is_brought_onto_the_raster(littletown: PlanningData) -> None:
    """A plane on cells of another size and origin stays the plane, away from its rim."""
    own = Grid(
        crs="EPSG:4547", west_m=499_400.0, south_m=3_349_300.0, cell_size_m=70.0, columns=60,
        rows=60,
    )  # fmt: skip
    ground = Ground(
        terrain=Terrain(grid=own, ground_m=slope(own)), provenance=Provenance.REAL, source="x"
    )
    done = predicted(littletown, ground)
    used = done.network.surroundings.ground
    np.testing.assert_allclose(used, slope(done.grid), atol=1e-3)


def test_the_result_is_as_good_as_its_worst_input(littletown: PlanningData) -> None:
    """Real stations on made-up ground are synthetic; on no ground, incomplete."""
    assert predicted(littletown).provenance is Provenance.MISSING
    assert worst([Provenance.REAL, Provenance.SYNTHETIC, Provenance.MISSING]) is (
        Provenance.SYNTHETIC
    )


def test_every_assumption_is_listed(littletown: PlanningData) -> None:
    """Those of the radio model, powers and gains of what is on air, and no other equipment's."""
    done = predicted(littletown)
    names = {item.name for item in done.assumed()}
    assert {field.name for field in dataclasses.fields(RadioAssumptions)} < names
    assert {"macro-n41.tx_power_dbm", "macro-n41.horizontal_beamwidth_deg", "heard_m"} < names
    one = predicted(littletown, technology=np.array([1, 1]), height_m=np.array([10.0, 10.0]))
    assert not any(item.name.startswith("macro") for item in one.assumed())


def test_all_faults_come_together(littletown: PlanningData) -> None:
    """A station off the raster by its site, a height outside the model, ground too small."""
    own = Grid(
        crs="EPSG:4547", west_m=500_000.0, south_m=3_350_000.0, cell_size_m=100.0, columns=10,
        rows=20,
    )  # fmt: skip
    small = Ground(
        terrain=Terrain(grid=own, ground_m=slope(own)), provenance=Provenance.REAL, source="x"
    )
    far = littletown.sites.xy[[0, 5]] + [[0.0, 0.0], [9_000.0, 0.0]]
    with pytest.raises(InputError) as caught:
        predicted(littletown, small, xy=far, height_m=np.array([300.0, 10.0]))
    told = " ".join(str(item) for item in caught.value.problems)
    assert "covers 50.0% of the study area's raster" in told
    assert "1 of 2 lie outside the study area's raster: s5" in told
    assert "300" in told


@pytest.mark.parametrize("side", [1.0, 501.0, float("nan")])
def test_cells_of_no_use_are_refused(littletown: PlanningData, side: float) -> None:
    """Finer than any data, coarser than any street, or no number."""
    with pytest.raises(InputError, match="5 to 500 m"):
        prediction_grid(littletown, side)


def test_a_raster_that_no_memory_holds_is_refused(littletown: PlanningData) -> None:
    """The number of pixels is said before anything is computed."""
    grid = dataclasses.replace(prediction_grid(littletown, 50.0), columns=9_000, rows=9_000)
    with pytest.raises(InputError, match="81,000,000 pixels on 2 carriers"):
        predict_stations(littletown, stations_of(littletown), grid=grid, ground=LEVEL)
