"""``siting improve`` as a newcomer meets it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from app.cli import app
from siting.datasets import named_dataset, scenario_text
from siting.errors import InputError
from siting.io.improvement_files import NAMES
from siting.io.station_list import read_stations

pytestmark = pytest.mark.slow

STATIONS = (
    "site,technology,lon,lat,height_m,turn_deg,tilt_deg,provenance\n"
    "a,macro-n41,114.88,30.39,25,0,2,real\n"
    "b,macro-n41,114.89,30.39,25,30,12,real\n"
    "c,micro-n78,114.90,30.39,8,,,real\n"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Write the bundled scenario and three stations."""
    (tmp_path / "my.toml").write_text(scenario_text("ezhou-5g-sectors"), encoding="utf-8")
    (tmp_path / "stations.csv").write_text(STATIONS, encoding="utf-8")
    return tmp_path


def improve(folder: Path, *more: str) -> str:
    """Run the command and return what it printed; its errors come as they are."""
    arguments = ["improve", str(folder / "my.toml"), "--stations", str(folder / "stations.csv")]
    done = CliRunner().invoke(
        app,
        [*arguments, "--out", str(folder / "out"), "--cell-size", "200", *more],
        catch_exceptions=False,
    )
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_stations_are_aimed_and_written_to_be_predicted(files: Path) -> None:
    """What is turned is listed with both directions, zones gain, and the list reads back."""
    told = improve(files, "--lang", "en", "--zone", "urban-echeng", "--trials", "40")
    assert {path.name for path in (files / "out").iterdir()} == set(NAMES)
    changes = pd.read_csv(files / "out" / "changes.csv", encoding="utf-8-sig")
    assert 0 < len(changes) <= 2
    assert f"{len(changes)} of 3 stations are aimed anew" in told
    assert "not held against siting constraints" in told
    data = named_dataset("ezhou")
    read = [
        read_stations(path, technologies=data.technologies, crs="EPSG:4547").stations
        for path in (files / "stations.csv", files / "out" / "stations.csv")
    ]
    before, after = read
    assert after.site == before.site
    np.testing.assert_allclose(after.xy, before.xy, atol=1e-6)
    moved = dict(changes.set_index("site").iterrows())
    for number, site in enumerate(before.site):
        if site in moved:
            assert moved[site]["turn_before_deg"] == before.turn_deg[number]
            assert moved[site]["turn_after_deg"] == after.turn_deg[number]
            assert moved[site]["tilt_after_deg"] == after.tilt_deg[number]
        else:
            np.testing.assert_equal(after.turn_deg[number], before.turn_deg[number])
    zones = pd.read_csv(files / "out" / "zones.csv", encoding="utf-8-sig")
    mine = zones[(zones["zone"] == "urban-echeng") & (zones["standard"] == "covered-outdoor")]
    assert float(mine["share_after"].iloc[0]) > float(mine["share_before"].iloc[0])


def test_the_result_is_told_in_chinese(files: Path) -> None:
    """The table has Chinese heads and says why the search ended."""
    told = improve(files, "--zone", "urban-echeng", "--trials", "1")
    for words in ("调整前", "调整后", "已达允许的试调次数", "未按选址约束"):
        assert words in told


def test_faults_come_at_once_and_nothing_is_written(files: Path) -> None:
    """An unknown standard and zone and no trial are named together, with what is known."""
    with pytest.raises(InputError) as caught:
        improve(files, "--standard", "perfect", "--zone", "nowhere", "--trials", "0")
    places = [item.where for item in caught.value.problems]
    assert places == ["standard", "trials", "zone"]
    assert "covered-outdoor" in str(caught.value)
    assert not (files / "out").exists()
