"""A prediction as files: what each holds, and that nothing is written by halves."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio

from siting.errors import FileError
from siting.io.geotiff import read_band
from siting.io.prediction_files import NAMES, write_prediction
from siting.io.station_list import read_stations
from siting.messages import MESSAGES
from siting.provenance import Provenance
from siting.radio.network.assumptions import DEFAULT_ASSUMPTIONS
from siting.radio.network.plan_network import Stations
from siting.radio.network.plan_prediction import (
    Ground,
    NetworkPrediction,
    predict_stations,
    prediction_grid,
)
from siting.scenario import PlanningData
from siting.technology import SectorLayout


@pytest.fixture(scope="module")
def predicted(littletown: PlanningData) -> NetworkPrediction:
    """Predict a macro station with sectors and a small cell, both made up."""
    macro, micro = littletown.technologies
    stations = Stations(
        technologies=(dataclasses.replace(macro, sectors=SectorLayout()), micro),
        site=("s0", "=s5"),
        technology=np.array([0, 1], dtype=np.intp),
        xy=littletown.sites.xy[[0, 5]],
        height_m=np.array([30.0, 10.0]),
        turn_deg=np.array([90.0, np.nan]),
        tilt_deg=np.array([6.0, np.nan]),
    )
    return predict_stations(
        littletown,
        stations,
        grid=prediction_grid(littletown, 50.0),
        ground=Ground(terrain=None, provenance=Provenance.MISSING, source=""),
        stations_provenance=Provenance.SYNTHETIC,
    )


@pytest.fixture(scope="module")
def written(
    predicted: NetworkPrediction, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Write it."""
    return write_prediction(predicted, tmp_path_factory.mktemp("out") / "radio", language="en")


@pytest.mark.parametrize(
    ("name", "unit"), [("ss_rsrp", "dBm"), ("ss_sinr", "dB"), ("best_server", None)]
)
def test_rasters_are_those_predicted(
    predicted: NetworkPrediction, written: dict[str, Path], name: str, unit: str | None
) -> None:
    """Read by rasterio: values, place, unit, origin, notice and assumptions."""
    with rasterio.open(written[f"{name}.tif"]) as file:
        values = file.read(1)[::-1]
        tags = file.tags()
        assert file.crs.to_epsg() == 4547
        assert file.bounds[:2] == (500_000.0, 3_350_000.0)
        assert file.units == (unit,)
    numbered = np.where(predicted.server < 0, np.nan, predicted.server + 1.0)
    expected = {
        "ss_rsrp": predicted.ss_rsrp_dbm,
        "ss_sinr": predicted.ss_sinr_db,
        "best_server": numbered,
    }
    np.testing.assert_array_equal(values, expected[name].astype(np.float32))
    assert tags["PROVENANCE"] == "synthetic"
    assert "Synthetic data: stations" in tags["NOTICE"]
    assert "load=0.5" in tags["ASSUMPTIONS"]
    assert tags["TERRAIN_PROVENANCE"] == "missing"


def test_the_server_raster_counts_the_rows_of_the_cell_table(
    predicted: NetworkPrediction, written: dict[str, Path]
) -> None:
    """Three azimuths of the sectors, none of the small cell; a formula is made harmless."""
    cells = pd.read_csv(written["cells.csv"], encoding="utf-8-sig")
    assert cells["cell"].tolist() == [1, 2, 3, 4]
    assert cells["site"].tolist() == ["s0", "s0", "s0", "'=s5"]
    np.testing.assert_array_equal(cells["azimuth_deg"], [90.0, 210.0, 330.0, np.nan])
    assert predicted.server.max() + 1 == 4


def test_tables_hold_every_figure(predicted: NetworkPrediction, written: dict[str, Path]) -> None:
    """Four standards in four areas; assumptions as numbers; each row says what is synthetic."""
    zones = pd.read_csv(written["zones.csv"], encoding="utf-8-sig")
    assert zones.groupby("zone", sort=False).size().to_dict() == {
        "littletown": 4, "west": 4, "east": 4, "airfield": 4
    }  # fmt: skip
    assert set(zones["min_ss_rsrp_dbm"]) == {-105.0, -95.0}
    assert zones["share"].tolist() == [
        item.share for zone in predicted.report.zones for item in zone.standards
    ]
    assumed = pd.read_csv(written["assumptions.csv"], encoding="utf-8-sig").set_index("name")
    assert assumed.loc["least_snr_db", "value"] == -10.0
    assert zones["notice"].str.contains("合成数据").all()


def test_outlines_open_as_a_layer(predicted: NetworkPrediction, written: dict[str, Path]) -> None:
    """Two levels in the working CRS, their areas those of the cells."""
    layer = gpd.read_file(written["coverage.gpkg"], layer="coverage")
    assert layer["min_ss_rsrp_dbm"].tolist() == [-105.0, -95.0]
    cells = [np.count_nonzero(predicted.ss_rsrp_dbm >= level) * 2_500.0 for level in (-105, -95)]
    np.testing.assert_allclose(layer.area, cells)


def test_the_map_holds_layers_stations_zones_and_assumptions(written: dict[str, Path]) -> None:
    """One page that asks no server: three layers, the notice, and every assumption."""
    page = written["prediction.html"].read_text("utf-8")
    for text in ("SS-RSRP", "SS-SINR", "Best server", "2 base stations (2 sites, 4 cells)",
                 "For demonstration; no basis for approval.", "No terrain is known"):  # fmt: skip
        assert text in page
    for item in DEFAULT_ASSUMPTIONS.rows():
        assert MESSAGES[f"assumption.{item.name}"][0] in page
    assert "default-src 'none'" in page


def test_assumptions_are_called_the_same_everywhere() -> None:
    """The English text of the maps is the meaning that the radio model gives."""
    for item in DEFAULT_ASSUMPTIONS.rows():
        assert MESSAGES[f"assumption.{item.name}"][1] == item.meaning


def test_nothing_is_written_where_it_cannot_all_be(
    predicted: NetworkPrediction, tmp_path: Path
) -> None:
    """A file in the way of the folder stays as it is; a missing parent is named."""
    blocked = tmp_path / "file"
    blocked.write_text("mine", encoding="utf-8")
    with pytest.raises(FileError, match="is a file"):
        write_prediction(predicted, blocked)
    with pytest.raises(FileError, match="parent directory"):
        write_prediction(predicted, tmp_path / "none" / "out")
    assert blocked.read_text("utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [blocked]


def test_the_cell_table_can_be_predicted_again(
    predicted: NetworkPrediction, written: dict[str, Path], tmp_path: Path
) -> None:
    """Its columns are those of a list of stations, directions left out."""
    table = pd.read_csv(written["cells.csv"], encoding="utf-8-sig")
    path = tmp_path / "again.csv"
    table.drop(columns=["azimuth_deg", "tilt_deg"]).to_csv(path, index=False)
    kinds = predicted.stations.technologies
    again = read_stations(path, technologies=kinds, crs="EPSG:4547").stations
    np.testing.assert_allclose(again.xy, predicted.network.cells.xy, atol=1e-3)


def test_every_file_is_there(written: dict[str, Path]) -> None:
    """All of them, and nothing else."""
    folder = written["zones.csv"].parent
    assert tuple(written) == NAMES
    assert {path.name for path in folder.iterdir()} == set(NAMES)


def test_a_raster_is_read_back_bit_for_bit(predicted: NetworkPrediction, tmp_path: Path) -> None:
    """What is written as GeoTIFF comes back with its rows from the south; other bytes do not."""
    written = write_prediction(predicted, tmp_path / "out")
    level = read_band(written["ss_rsrp.tif"].read_bytes())
    np.testing.assert_array_equal(level, predicted.ss_rsrp_dbm)
    with pytest.raises(FileError, match="cannot be read"):
        read_band(b"no raster")


def test_capacity_is_told_by_cell_and_zone(
    predicted: NetworkPrediction, written: dict[str, Path]
) -> None:
    """A row per cell, numbered as in cells.csv; zones repeat their figures for each standard."""
    capacity = predicted.capacity
    assert capacity is not None
    cells = pd.read_csv(written["cells.csv"], encoding="utf-8-sig")
    told = pd.read_csv(written["capacity.csv"], encoding="utf-8-sig")
    assert told["cell"].tolist() == cells["cell"].tolist()
    np.testing.assert_allclose(told["load"], capacity.load)
    people = predicted.data.demand.weights["population"].sum()
    zones = pd.read_csv(written["zones.csv"], encoding="utf-8-sig")
    whole = zones[zones["zone"] == "littletown"]
    np.testing.assert_allclose(whole["traffic_mbps"], 0.1 * people)
    np.testing.assert_allclose(whole["carried_mbps"], told["carried_mbps"].sum())
    assert "需求" in told["notice"].iloc[0]
    assert "需求" not in cells["notice"].iloc[0]


def test_without_people_no_capacity_is_told(predicted: NetworkPrediction, tmp_path: Path) -> None:
    """A demand that counts area alone leaves the file and the columns out."""
    demand = predicted.data.demand
    area_only = dataclasses.replace(demand, weights={"area_m2": demand.weights["area_m2"]})
    done = predict_stations(
        dataclasses.replace(predicted.data, demand=area_only),
        predicted.stations,
        grid=predicted.grid,
        ground=predicted.ground,
    )
    assert done.capacity is None
    written = write_prediction(done, tmp_path / "out")
    assert set(NAMES) - set(written) == {"capacity.csv"}
    zones = pd.read_csv(written["zones.csv"], encoding="utf-8-sig")
    assert "traffic_mbps" not in zones
