"""The weak-coverage benchmark: its checker bites, its reader and writer fail cleanly."""

from __future__ import annotations

import csv
import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.weak_coverage import model_of, read, write_stations
from benchmarks.weak_coverage_check import Data, check, dual_bound
from siting.errors import FileError, InputError
from siting.location.grid.cover import GridCoverSolution
from siting.location.grid.solve import GridEffort, solve_grid_cover

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "weak_coverage"
#: Cost of a plain cost-effectiveness greedy on question 1.
GREEDY_COST = 1914


@pytest.fixture(scope="module")
def data() -> Data:
    """Make a grid of 60 x 60 with 600 weak cells and three existing stations."""
    rng = np.random.default_rng(7)
    places = rng.choice(3600, 603, replace=False)
    cells = np.column_stack(np.divmod(places, 60)).astype(np.int64)
    return Data(
        side=60,
        points=cells[:600],
        traffic=rng.lognormal(1.0, 1.5, 600),
        existing=cells[600:],
        kinds={"macro": (9, 10), "micro": (3, 1)},
        separation=3,
        share=0.9,
    )


@pytest.fixture(scope="module")
def solution(data: Data) -> GridCoverSolution:
    """Give a good answer to the small instance."""
    effort = GridEffort(first_rounds=60, middle_rounds=60, last_rounds=60, dual_steps=600)
    return solve_grid_cover(model_of(data), seed=1, effort=effort, max_runtime_s=3600.0)


def faults(data: Data, kind: list[str], xy: np.ndarray, solution: GridCoverSolution) -> str:
    """All that the checker finds, as one text."""
    finding = check(
        data,
        kind,
        xy,
        price=solution.certificate.price,
        cell_price=solution.certificate.cell_price,
        claimed_bound=solution.bound,
    )
    return "; ".join(finding.faults)


def names(data: Data, solution: GridCoverSolution) -> list[str]:
    """Kinds of the answer by name."""
    return [list(data.kinds)[k] for k in solution.kind.tolist()]


def test_checker_agrees_with_the_solver(data: Data, solution: GridCoverSolution) -> None:
    """Cost, share and bound recomputed by other means are the solver's own."""
    kind = names(data, solution)
    finding = check(
        data,
        kind,
        solution.xy,
        price=solution.certificate.price,
        cell_price=solution.certificate.cell_price,
        claimed_bound=solution.bound,
    )
    assert finding.faults == ()
    assert finding.cost == solution.value
    assert finding.share == solution.share
    assert solution.bound - 1 < finding.bound <= solution.bound


def test_checker_bites_a_moved_station(data: Data, solution: GridCoverSolution) -> None:
    """A station moved next to another, or to an existing one, is found."""
    xy = solution.xy.copy()
    xy[0] = xy[1] + [0, data.separation]
    assert "stand within" in faults(data, names(data, solution), xy, solution)
    xy[0] = data.existing[0] + [data.separation, 0]
    assert "of the existing" in faults(data, names(data, solution), xy, solution)


def test_checker_bites_a_lack_of_cover(data: Data, solution: GridCoverSolution) -> None:
    """Half of the stations are not enough."""
    kind = names(data, solution)[::2]
    assert "less than 0.9 of it" in faults(data, kind, solution.xy[::2], solution)


def test_checker_bites_places_and_kinds(data: Data, solution: GridCoverSolution) -> None:
    """Half cells, places outside the grid and unknown kinds are found."""
    kind = names(data, solution)
    xy = solution.xy.astype(np.float64)
    xy[0] += 0.5
    xy[1] = -1
    text = faults(data, ["pico", *kind[1:]], xy, solution)
    for expected in ("between cells", "outside the grid", "unknown kind 'pico'"):
        assert expected in text


def test_checker_bites_a_false_bound(data: Data, solution: GridCoverSolution) -> None:
    """A bound above what the multipliers prove is refused, and so are multipliers out of range."""
    proud = dataclasses.replace(solution, bound=solution.bound + 1)
    assert "multipliers prove" in faults(data, names(data, solution), solution.xy, proud)
    prices = solution.certificate.cell_price.copy()
    prices[0] = solution.certificate.price * data.traffic[0] * 1.01
    assert dual_bound(data, solution.certificate.price, prices) == -np.inf


def test_absent_folder_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the data the command says so and exits with 2."""
    gone = tmp_path / "gone"
    code = main(["weak-coverage", "--data", str(gone), "--out", str(tmp_path / "o.csv")])
    assert code == 2
    assert capsys.readouterr().err == f"weak-coverage: the data folder {gone} is absent\n"
    assert not (tmp_path / "o.csv").exists()


def test_faulty_files_are_refused_with_every_fault(tmp_path: Path) -> None:
    """Missing column, no number, cell outside or twice, traffic not positive: all in one answer."""
    (tmp_path / "weak_points.csv").write_text(
        "x,y,traffic\n1,1,5\n1,1,6\n2500,3,1\n4,nan,1\n5,5,0\n6.5,6,1\n", encoding="utf-8"
    )
    (tmp_path / "existing_sites.csv").write_text("id,x\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    text = str(caught.value)
    for expected in (
        "weak_points.csv: x: 1 values not a whole cell index (line 7)",
        "weak_points.csv: x: 1 values outside 0..2499 (line 4)",
        "weak_points.csv: y: 1 values not a finite number (line 5)",
        "weak_points.csv: traffic: 1 values not above 0 (line 6)",
        "weak_points.csv: x,y: 1 values cell given more than once (line 3)",
        "existing_sites.csv: no column y",
    ):
        assert expected in text


def test_missing_output_folder_is_found_before_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A target folder that does not exist costs one line, not a minute."""
    (tmp_path / "weak_points.csv").write_text("x,y,traffic\n1,1,5\n", encoding="utf-8")
    (tmp_path / "existing_sites.csv").write_text("id,x,y\n1,90,90\n", encoding="utf-8")
    out = tmp_path / "nowhere" / "o.csv"
    assert main(["weak-coverage", "--data", str(tmp_path), "--out", str(out)]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full the old file stays whole and no scrap remains."""
    out = tmp_path / "o.csv"
    out.write_text("old", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left on device"):
        write_stations(out, ["micro"], np.array([[1, 2]]), np.zeros((1, 0)))
    assert out.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [out]


@pytest.fixture(scope="module")
def sectors(data: Data) -> Data:
    """Give the small instance stations of three sectors."""
    return dataclasses.replace(data, sector=(60.0, 0.5, 45.0))


@pytest.fixture(scope="module")
def aimed(sectors: Data) -> GridCoverSolution:
    """Give a good answer to the small instance with sectors."""
    effort = GridEffort(first_rounds=30, middle_rounds=30, last_rounds=30, dual_steps=300)
    return solve_grid_cover(model_of(sectors), seed=1, effort=effort, max_runtime_s=3600.0)


def sector_faults(
    data: Data, answer: GridCoverSolution, xy: np.ndarray, azimuth: np.ndarray
) -> str:
    """All that the checker finds in an answer of sectors, as one text."""
    nothing = np.zeros(len(data.traffic))
    kind = names(data, answer)
    finding = check(
        data, kind, xy, price=0.0, cell_price=nothing, claimed_bound=0.0, azimuth=azimuth
    )
    return "; ".join(finding.faults)


def test_checker_agrees_with_sectors(sectors: Data, aimed: GridCoverSolution) -> None:
    """An answer of sectors breaks no rule, and its share is the solver's own."""
    assert aimed.azimuth.shape == (len(aimed.kind), 3)
    finding = check(
        sectors,
        names(sectors, aimed),
        aimed.xy,
        price=0.0,
        cell_price=np.zeros(len(sectors.traffic)),
        claimed_bound=aimed.bound,
        azimuth=aimed.azimuth,
    )
    assert finding.faults == ()
    assert finding.cost == aimed.value
    assert finding.share == aimed.share
    assert aimed.bound <= aimed.value


def test_checker_bites_mutated_sectors(sectors: Data, aimed: GridCoverSolution) -> None:
    """Sectors too near each other, turned away, out of range or missing, and moves are found."""
    close = aimed.azimuth.copy()
    close[0] = [10.0, 54.999, 200.0]
    assert "less than 45 apart" in sector_faults(sectors, aimed, aimed.xy, close)
    close[0] = [20.0, 200.0, 336.0]
    assert "less than 45 apart" in sector_faults(sectors, aimed, aimed.xy, close)
    close[0] = [10.0, 55.0, 325.0]
    assert "apart" not in sector_faults(sectors, aimed, aimed.xy, close)
    close[0] = [10.0, 55.0, 360.0]
    assert "outside 0..360" in sector_faults(sectors, aimed, aimed.xy, close)
    turned = (aimed.azimuth + 60.0) % 360.0
    assert "less than 0.9 of it" in sector_faults(sectors, aimed, aimed.xy, turned)
    assert "needs three" in sector_faults(sectors, aimed, aimed.xy, aimed.azimuth[:, :2])
    xy = aimed.xy.copy()
    xy[0] = xy[1] + [0, sectors.separation]
    assert "stand within" in sector_faults(sectors, aimed, xy, aimed.azimuth)


def test_azimuths_are_written_whole(tmp_path: Path) -> None:
    """What is read back from the file is the azimuth to the last bit."""
    azimuth = np.array([[0.1 + 0.2, 120.0, 359.9999999999]])
    write_stations(tmp_path / "o.csv", ["micro"], np.array([[1, 2]]), azimuth)
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert [float(row[f"azimuth{i}"]) for i in (1, 2, 3)] == azimuth[0].tolist()


@pytest.mark.slow
def test_the_public_instance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the real file: at most the greedy's cost, at least 90 % of the traffic, a true bound."""
    if not SHARED.is_dir():
        pytest.skip("shared vectors absent")
    out = tmp_path / "stations.csv"
    assert main(["weak-coverage", "--data", str(SHARED), "--out", str(out)]) == 0
    assert "every rule kept" in capsys.readouterr().out
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    data = read(SHARED)
    xy = np.array([(int(row["x"]), int(row["y"])) for row in rows])
    kind = [row["kind"] for row in rows]
    nothing = np.zeros(len(data.traffic))
    finding = check(data, kind, xy, price=0.0, cell_price=nothing, claimed_bound=0.0)
    assert finding.faults == ()
    assert finding.cost <= GREEDY_COST
    assert finding.share >= 0.9
