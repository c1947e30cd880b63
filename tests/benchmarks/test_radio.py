"""The benchmark of radio prediction measures what it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import radio
from benchmarks.radio_levels import Sectors, levels, levels_one_by_one
from siting.grid import Grid
from siting.radio.antenna import sector_pattern
from siting.radio.ground.obstruction import Method, obstruction
from siting.radio.ground.terrain import Terrain
from siting.radio.propagation.p1812 import PathProfile


@pytest.mark.parametrize("frequency_mhz", [700.0, 4_900.0])
def test_the_timed_levels_are_those_of_the_formulas(frequency_mhz: float) -> None:
    """The vectorised loop gives path loss, diffraction and pattern of the library to 0.001 dB."""
    draw = np.random.default_rng(5)
    grid = Grid(crs="EPSG:4547", west_m=0.0, south_m=0.0, cell_size_m=25.0, columns=90, rows=80)
    terrain = Terrain(
        grid=grid,
        ground_m=np.cumsum(draw.normal(0.0, 2.0, (80, 90)), axis=1).astype(np.float32),
        clutter_m=(15.0 * (draw.random((80, 90)) < 0.02)).astype(np.float32),
    )
    found = obstruction(terrain, (1_130.0, 1_017.0), 25.0, radius_m=950.0)
    assert {0, 1} <= set(found.sight.ravel().tolist())
    sectors = Sectors(
        x=1_130.0 / 25.0,
        y=1_017.0 / 25.0,
        height_m=25.0,
        frequency_mhz=frequency_mhz,
        pattern=sector_pattern(gain_dbi=15.0, vertical_beamwidth_deg=10.0),
        azimuths_deg=(20.0, 140.0, 260.0),
        tilt_deg=8.0,
    )
    ours, theirs = levels(found, sectors, 25.0), levels_one_by_one(found, sectors, 25.0)
    assert np.array_equal(np.isnan(ours), np.isnan(found.edge))
    assert ours == pytest.approx(theirs, abs=1e-3, nan_ok=True)


def test_an_absent_peer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the row says how to get it, and the run goes on."""
    monkeypatch.setattr(radio, "absent", lambda _: "not installed: pip install it")
    (row,) = radio.peer_rows()
    assert row["measured"] == "not installed: pip install it"
    assert not row["aim"]


def test_a_missed_aim_ends_the_run_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code tells whether every aim was reached."""
    rows = [{"figure": "speed", "aim": ">= 2", "reached": "NO", "measured": "1"}]
    monkeypatch.setattr(radio, "GROUPS", {"speed": lambda: rows})
    arguments = radio.argparse.Namespace(only=None, record=None)
    assert radio.run(arguments) == 1
    assert "speed: 1 (aim >= 2: NO)" in capsys.readouterr().out
    rows[0]["reached"] = "yes"
    assert radio.run(arguments) == 0


def test_the_peer_answers_like_free_space_when_nothing_is_near() -> None:
    """High antennas over flat ground: Longley-Rice is within a few decibels of free space."""
    itm = pytest.importorskip("itmlogic", reason="the benchmark's peer is not installed")
    assert itm
    flat = PathProfile(
        distance_m=np.linspace(0.0, 3_000.0, 151), terrain_m=np.zeros(151), clutter_m=np.zeros(151)
    )
    loss = radio.itm_loss_db(flat, height_m=200.0, receiver_height_m=100.0, frequency_mhz=2_600.0)
    free = 32.45 + 20.0 * np.log10(2_600.0) + 20.0 * np.log10(3.0)
    assert loss == pytest.approx(free, abs=6.0)


def test_hills_have_the_relief_they_are_called_by() -> None:
    """From lowest to highest, the same every time, masts well inside."""
    place = radio.hills(50.0, 200.0)
    assert np.ptp(place.terrain.ground_m) == pytest.approx(200.0, rel=1e-4)
    found = obstruction(place.terrain, place.masts[0], 30.0, radius_m=3_000, method=Method.SWEEP)
    assert np.count_nonzero(np.isfinite(found.edge)) == pytest.approx(np.pi * 60.0**2, rel=0.01)
