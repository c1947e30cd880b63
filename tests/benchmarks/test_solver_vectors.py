"""``vectors solver`` answers every instance of a folder and says what it could not read."""

from __future__ import annotations

import csv
import os
import shutil
import time
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.peers import Peer, peer_text
from benchmarks.recording import keep_table
from benchmarks.solver import measure_row
from benchmarks.solver_aims import ROWS
from benchmarks.solver_rows import Command, Context, Files
from benchmarks.worker import Worker

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT.parent / "shared/vectors/solver"
needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="shared vectors absent")

SMALL = {
    "pmed/path": "4 3 1  1 2 1  2 3 1  3 4 1",
    "scp/three": "3 3  2 3 4  2 1 2  2 2 3  2 1 3",
    "rail/three": "3 3  2 2 1 3  3 2 1 2  4 2 2 3",
    "mclp/line.txt": "3 9999 p S  0 0 5  800 0 6  2400 0 7",
    "cflp/beasley/cap0.txt": "2 2  10 3  10 4  5 1 9  5 9 1",
    "cflp/beasley/capz.txt": "2 2  capacity 3  capacity 4  5 1 9  5 9 1",
    "cflp/holmberg/p0": "2 2\n6 6\n3 4\n5 5\n1 9\n9 1",
}
#: Optima of the small instances, by hand.
OPTIMA = {
    ("path", "p-median", "p=1"): 4.0,
    ("path", "p-center", "p=1"): 2.0,
    ("three", "LSCP", ""): 5.0,
    ("line", "MCLP", "R=800 p=1"): 11.0,
    ("line", "MCLP", "R=800 p=2"): 18.0,
    ("line", "MCLP", "R=1600 p=1"): 18.0,
    ("cap0", "CFLP", "single_source=False"): 9.0,
    ("capz", "UFLP", "single_source=False"): 9.0,
    ("p0", "CFLP", "single_source=True"): 9.0,
    ("p0", "CFLP", "single_source=False"): 9.0,
}
#: Published or proven optima of shared instances that are answered within a second or so.
KNOWN = {
    ("pmed4", "p-median", "p=20"): 3034,
    ("pmed4", "p-center", "p=20"): 74,
    ("scp41", "LSCP", ""): 429,
    ("scp44", "LSCP", ""): 494,
    ("SJC_SJC324", "MCLP", "R=800 p=3"): 11604,
    ("SJC_SJC324", "MCLP", "R=1000 p=2"): 10382,
    ("SJC_SJC324", "MCLP", "R=1200 p=1"): 9932,
    ("SJC_SJC324", "MCLP", "R=1600 p=1"): 12123,
    ("cap71", "CFLP", "single_source=False"): 932615.750,
    ("p1", "CFLP", "single_source=True"): 8848,
    ("p1", "CFLP", "single_source=False"): 8772.0983,
}


def run(folder: Path, out: Path, *more: str) -> tuple[int, dict[tuple[str, ...], dict[str, str]]]:
    """Run the command; return its exit code and the table by instance, model and parameters."""
    code = main(["vectors", "solver", str(folder), "--out", str(out), *more])
    with out.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return code, {(row["instance"], row["model"], row["parameters"]): row for row in rows}


def write(folder: Path, files: dict[str, str]) -> None:
    """Lay files out in a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def check_optima(
    rows: dict[tuple[str, ...], dict[str, str]], optima: dict[tuple[str, str, str], float]
) -> None:
    """Assert that answers are optimal, verified and what they must be."""
    for key, best in optima.items():
        row = rows[key]
        assert row["status"] == "optimal", key
        assert row["verified"] == "yes", key
        assert float(row["value"]) == pytest.approx(best, abs=1e-3), key
        assert float(row["bound"]) == pytest.approx(best, abs=1e-3), key
        assert float(row["seconds"]) >= 0


def test_every_format_is_answered_and_a_damaged_file_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All formats in one folder are solved to the optimum; what cannot be read fails the run."""
    folder = tmp_path / "instances"
    write(folder, SMALL)
    code, rows = run(folder, tmp_path / "out.csv")
    assert code == 0
    check_optima(rows, OPTIMA)
    assert len(rows) == 2 + 1 + 4 * 3 + 2 + 2, "both files of three have one name"
    write(folder, {"pmed/bad.txt": "4 3 1 1 2 1", "README.md": "no instance", "a.opt": "1"})
    for part in ("cflp", "scp", "rail", "mclp"):
        shutil.rmtree(folder / part)
    code, rows = run(folder, folder / "out.csv")
    assert code == 1
    assert "bad.txt: holds 6 numbers, its header asks for 12" in capsys.readouterr().err
    check_optima(rows, {key: best for key, best in OPTIMA.items() if key[0] == "path"})
    assert rows["path", "p-center", "p=1"]["file"] == "pmed/path"
    code, rows = run(folder / "pmed", folder / "out.csv")
    assert code == 1
    assert [key[:2] for key in rows] == [("path", "p-median"), ("path", "p-center")]


def test_nothing_to_do_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An absent or empty folder, or a table that cannot be written, ends at once with a line."""
    command = ["vectors", "solver", str(tmp_path / "absent"), "--out", str(tmp_path / "a.csv")]
    assert main(command) == 2
    assert "absent is absent" in capsys.readouterr().err
    command[2] = str(tmp_path)
    assert main(command) == 2
    assert "holds no instance" in capsys.readouterr().err
    write(tmp_path, {"pmed/path": SMALL["pmed/path"]})
    command[4] = str(tmp_path / "nowhere/a.csv")
    assert main(command) == 2
    assert "cannot write" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.csv"))


@needs_vectors
@pytest.mark.slow
def test_shared_instances_reach_their_known_optima(tmp_path: Path) -> None:
    """Instances of each family at hand are proven at their published value."""
    folder = tmp_path / "part"
    for name in (
        "pmed/pmed4.txt", "scp/scp41.txt", "scp/scp44.txt", "mclp/SJC_SJC324.txt",
        "cflp/beasley/cap71.txt", "cflp/holmberg/p1",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(VECTORS / name, folder / name)
    code, rows = run(folder, tmp_path / "out.csv")
    assert code == 0
    check_optima(rows, KNOWN)


def do_as_told(word: str) -> str:
    """Answer, fail, or end the process."""
    if word == "fail":
        raise ValueError("as told")
    if word == "end":
        os._exit(3)
    if word == "sleep":
        time.sleep(60)
    return word.upper()


def test_a_crash_costs_one_answer() -> None:
    """After an error, a crash or a hang the next question is answered by a fresh process."""
    with Worker(do_as_told) as worker:
        assert worker.ask("a", timeout_s=60).value == "A"
        assert worker.ask("fail", timeout_s=60).error == "ValueError: as told"
        assert worker.ask("end", timeout_s=60).error == "the process ended with code 3"
        assert worker.ask("sleep", timeout_s=0.1).error == "no answer within 0 s"
        said = worker.ask("b", timeout_s=60)
    assert said.value == "B"
    assert said.peak_mb > 0


def test_row_that_cannot_run_is_a_row_with_its_reason(tmp_path: Path) -> None:
    """Absent vectors and damaged ones give a row each, not the end of the run."""
    row = Files(key="x", title="t", goal="g", begins=("pmed/",), model="p-median", limit_s=1.0)
    context = Context(vectors=tmp_path / "no", weak_coverage=tmp_path, seed=1, spopt_s=1.0)
    cells = measure_row(row, context, ())
    assert (cells["reached"], cells["status"]) == ("not run", "shared vectors absent")
    write(tmp_path / "no", {"pmed/bad": "1 2"})
    cells = measure_row(row, context, ())
    assert cells["reached"] == "failed"
    assert "FileError: cannot read" in cells["status"]


def test_peers_are_told_beside_our_figures() -> None:
    """A time-limited "Optimal" is shown as what it is, with its ratio to ours."""
    peer = Peer(value=90.0, bound=None, claim="Optimal", proven=False, seconds=60.0, limit_s=50.0)
    assert peer_text(peer, 100.0, 3.0) == (
        '90 (0.9000 of ours); says "Optimal", not proven; 60.0 s of 50 allowed, 20 x our time'
    )


def test_recorded_table_keeps_rows_not_measured_again(tmp_path: Path) -> None:
    """A partial run renews its own rows; other rows and sections stay as they were."""
    path = tmp_path / "b.md"
    path.write_text("# Benchmarks\n\n## Other\n\ntext\n")
    columns, notes = ("instance", "value"), (("machine", "m"),)
    keep_table(path, "Engine", columns, [{"instance": n, "value": "1"} for n in "ab"], notes)
    keep_table(path, "Engine", columns, [{"instance": n, "value": "2|3"} for n in "bc"], notes)
    text = path.read_text()
    assert "## Other\n\ntext\n" in text
    assert text.count("## Engine") == 1
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert table == ["| instance | value |", "|---|---|", "| a | 1 |", "| b | 2/3 |", "| c | 2/3 |"]


def test_aims_are_read_from_printed_figures() -> None:
    """A row of another benchmark reaches its aim by the numbers printed, and misses it without."""
    row = next(row for row in ROWS if row.key == "ezhou")
    assert isinstance(row, Command)
    printed = {
        "step targets": "308,953,000 CNY, bound 308,792,000, gap 0.052%, 17.6 s",
        "status": "feasible; Every target is met.",
        "peak memory": "644 MB",
    }
    cells = row.cells(printed)
    assert cells["value"] == "308,953,000 CNY"
    assert (cells["bound"], cells["gap"], cells["seconds"]) == ("308,792,000", "0.052%", "17.6")
    assert (cells["status"], cells["beside"]) == ("feasible", "")
    assert row.within(cells)
    assert not row.within(cells | {"gap": "0.52%"})
    assert not row.within(cells | {"seconds": "30.5"})
    assert not row.within(cells | {"gap": ""})
