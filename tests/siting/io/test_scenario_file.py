"""Scenario documents: every fault is named at once, and a good one reads whole."""

from pathlib import Path

import pytest

from siting.errors import FileError, ScenarioError
from siting.io.scenario_file import MAX_BYTES, parse_scenario, read_scenario

GOOD = """
name = "three parks"
stations = 12
[[targets]]
kinds = ["park"]
standard = "quality-outdoor"
required_fraction = 0.9
[objective]
standard = "basic-indoor"
[solve]
seed = 7
"""


def test_a_good_document_reads_whole(tmp_path: Path) -> None:
    """Each value lands in its field, and what is left out takes its documented default."""
    path = tmp_path / "s.toml"
    path.write_text(GOOD, encoding="utf-8")
    spec = read_scenario(path)
    assert (spec.name, spec.stations, spec.solve.seed) == ("three parks", 12, 7)
    assert spec.targets[0].weight == "area_m2"
    assert spec.objective is not None
    assert spec.objective.weight == "population"


def test_every_fault_is_named_in_one_answer() -> None:
    """Wrong type, value out of range and unknown field come together, each with its place."""
    text = GOOD.replace("12", "0").replace("0.9", "1.5").replace("seed = 7", "sed = 7")
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    assert {problem.where for problem in caught.value.problems} == {
        "stations",
        "targets[0].required_fraction",
        "solve.sed",
    }


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_that_are_no_numbers_are_refused(value: str) -> None:
    """NaN and infinity are legal TOML and never a fraction."""
    with pytest.raises(ScenarioError, match="required_fraction"):
        parse_scenario(GOOD.replace("0.9", value))


def test_broken_toml_says_where() -> None:
    """A syntax error names the line."""
    with pytest.raises(ScenarioError, match="line 2"):
        parse_scenario('\nname = "open\n')


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    """Missing, a directory, not text, and far too large: four different plain sentences."""
    with pytest.raises(FileError, match="no such file"):
        read_scenario(tmp_path / "none.toml")
    with pytest.raises(FileError, match="cannot be read"):
        read_scenario(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="not UTF-8"):
        read_scenario(binary)
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(FileError, match="no scenario document"):
        read_scenario(large)
