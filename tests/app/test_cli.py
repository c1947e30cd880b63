"""The command line as a newcomer meets it, each command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from siting.datasets import ezhou_spec
from siting.io.scenario_file import parse_scenario

pytestmark = pytest.mark.slow


def siting(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``siting`` with some arguments and settings."""
    inherited = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *map(str, arguments)],
        env={**inherited, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_help_reads_like_a_manual() -> None:
    """Every command is listed, and each one's own help ends in an example."""
    top = siting("--help")
    assert top.returncode == 0
    for command in ("plan", "predict", "improve", "scenario", "demo", "serve", "doctor"):
        assert command in top.stdout
        assert f"siting {command}" in siting(command, "--help").stdout


def test_the_bundled_scenario_is_ready_to_be_edited() -> None:
    """What `siting scenario` prints is the very question the product plans by default."""
    done = siting("scenario")
    assert parse_scenario(done.stdout) == ezhou_spec()


def test_every_fault_of_a_document_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    """Three faults, three lines, exit status 2, and no output folder."""
    text = siting("scenario").stdout
    document = tmp_path / "bad.toml"
    document.write_text(
        text.replace("stations = 2001", "stations = -1\ncolour = 3").replace("0.95", "1.95"),
        encoding="utf-8",
    )
    done = siting("plan", document, "--out", tmp_path / "out")
    assert done.returncode == 2
    for place in ("stations", "colour", "targets[2].required_fraction"):
        assert f"- {place}:" in done.stderr
    assert "3 faults" in done.stderr
    assert not (tmp_path / "out").exists()


def test_names_the_data_do_not_know_are_refused_together(tmp_path: Path) -> None:
    """An unknown standard and a kind without zones come in one answer."""
    document = tmp_path / "unknown.toml"
    text = siting("scenario").stdout
    document.write_text(
        text.replace('"airport"', '"park"').replace('"basic-outdoor"', '"best"'), encoding="utf-8"
    )
    done = siting("plan", document, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "no zone of kind 'park'" in done.stderr
    assert "unknown service standard 'best'" in done.stderr


@pytest.mark.parametrize(
    ("environment", "status", "words"),
    [
        ({"SITING_HOST": "0.0.0.0"}, 2, "there is no login yet"),  # noqa: S104 - refused
        ({"DATABASE_URL": "mysql://x/y"}, 2, "only postgresql will do"),
        ({"DATABASE_URL": "postgresql://x@127.0.0.1:1/y"}, 1, "does not answer"),
        ({"SITING_PORT": "many"}, 2, "port"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    environment: dict[str, str], status: int, words: str
) -> None:
    """No traceback, the setting named, and the exit status that says whose fault it is."""
    done = siting("serve", **environment)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_finds_what_is_here_and_says_how_to_mend_what_is_not() -> None:
    """A sound installation passes; a bad setting is found, with its remedy, and fails."""
    sound = siting("doctor")
    assert sound.returncode == 0, sound.stdout
    assert "134,245 demand cells" in sound.stdout
    broken = siting("doctor", DATABASE_URL="mysql://x/y")
    assert broken.returncode == 1
    assert "- settings: correct the" in broken.stdout


def test_results_that_could_not_be_written_are_refused_before_the_work(tmp_path: Path) -> None:
    """A file where a folder is needed is named at once, and stays as it is."""
    document = tmp_path / "mine.toml"
    document.write_text(siting("scenario").stdout, encoding="utf-8")
    blocked = tmp_path / "file"
    blocked.write_text("mine", encoding="utf-8")
    done = siting("plan", document, "--out", blocked / "out")
    assert done.returncode == 1
    assert "its parent cannot be made" in done.stderr
    assert "predicting coverage" not in done.stdout
    assert blocked.read_text(encoding="utf-8") == "mine"
