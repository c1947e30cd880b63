"""``siting predict`` as a newcomer meets it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin
from typer.testing import CliRunner

from app.cli import DEFAULT_BUSY_HOUR_KBPS, DEFAULT_LOAD, app
from siting.datasets import scenario_text
from siting.errors import FileError, InputError
from siting.io.prediction_files import NAMES
from siting.radio.network.assumptions import DEFAULT_ASSUMPTIONS

pytestmark = pytest.mark.slow

STATIONS = (
    "site,technology,lon,lat,height_m,turn_deg,tilt_deg\n"
    "a,macro-n41,114.89,30.39,25,0,6\n"
    "b,micro-n78,114.90,30.39,8,,\n"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Write the bundled scenario and two stations."""
    (tmp_path / "my.toml").write_text(scenario_text(), encoding="utf-8")
    (tmp_path / "stations.csv").write_text(STATIONS, encoding="utf-8")
    return tmp_path


def predict(folder: Path, *more: str, stations: str = "stations.csv") -> str:
    """Run the command and return what it printed; its errors come as they are."""
    arguments = ["predict", str(folder / "my.toml"), "--stations", str(folder / stations)]
    done = CliRunner().invoke(
        app,
        [*arguments, "--out", str(folder / "out"), "--lang", "en", "--cell-size", "200", *more],
        catch_exceptions=False,
    )
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_stations_become_maps_and_figures(files: Path) -> None:
    """Every file is written, the zones are printed, and made-up ground is called so."""
    told = predict(files)
    assert {path.name for path in (files / "out").iterdir()} == set(NAMES)
    assert "2 base stations (2 sites, 4 cells)" in told
    assert "Synthetic data: terrain 100.0" in told
    assert "assumptions.csv" in told
    cells = pd.read_csv(files / "out" / "cells.csv", encoding="utf-8-sig")
    np.testing.assert_array_equal(cells["azimuth_deg"], [0.0, 120.0, 240.0, np.nan])


def test_the_busy_hour_is_printed_with_what_it_assumes(files: Path) -> None:
    """Traffic goes with the rate per person; two stations cannot carry a made-up city's."""
    told = " ".join(predict(files, "--busy-hour-kbps", "50").split())
    assert "Busy hour: 53,968 Mbit/s of traffic down" in told
    assert "50 kbit/s per person, 80.0 % of it indoors, load up to 0.7" in told
    assert "Ezhou" in told
    capacity = pd.read_csv(files / "out" / "capacity.csv", encoding="utf-8-sig")
    assert capacity["overloaded"].any()
    assert capacity["notice"].str.contains("合成").all()


def test_ground_of_ones_own_takes_the_place_of_the_made_up(files: Path) -> None:
    """A height file over the city is named, and nothing is synthetic any more."""
    with rasterio.open(
        files / "dem.tif", "w", driver="GTiff", width=500, height=600, count=1, dtype="float32",
        crs="EPSG:4326", transform=from_origin(114.4, 30.7, 0.002, 0.002),
    ) as file:  # fmt: skip
        file.write(np.full((1, 600, 500), 30.0, dtype=np.float32))
    told = predict(files, "--terrain", str(files / "dem.tif"))
    assert "dem.tif: GTiff, EPSG:4326" in told
    assert "heights in m (assumed)" in told
    assert "No part of the input is synthetic" in told


def test_faults_of_all_inputs_come_together(files: Path) -> None:
    """Two bad rows, the load, the cell size and clutter without ground; no folder is made."""
    bad = STATIONS.replace("macro-n41", "macro-n4").replace(",8,", ",high,")
    (files / "bad.csv").write_text(bad, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        predict(files, "--load", "2", "--cell-size", "1", "--clutter", "x.tif", stations="bad.csv")
    places = {item.where for item in caught.value.problems}
    assert places == {
        "line 2, technology", "line 3, height_m", "assumptions.load", "cell size", "clutter"
    }  # fmt: skip
    assert not (files / "out").exists()


def test_a_missing_list_is_one_sentence(files: Path) -> None:
    """The file is named, and no folder is made."""
    with pytest.raises(FileError, match=r"none\.csv: there is no such file"):
        predict(files, stations="none.csv")
    assert not (files / "out").exists()


def test_the_load_offered_is_that_of_the_model() -> None:
    """The help and the model name the same figure."""
    assert DEFAULT_ASSUMPTIONS.load == DEFAULT_LOAD
    assert DEFAULT_ASSUMPTIONS.busy_hour_kbps_per_person == DEFAULT_BUSY_HOUR_KBPS
