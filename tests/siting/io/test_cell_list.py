"""OpenCelliD lists: the cells of an area with their accuracy, and every row accounted for."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import shapely

from siting.errors import InputError
from siting.io.cell_list import HEADER, UNKNOWN_ACCURACY_M, read_cell_list

AREA = shapely.box(114.5, 30.0, 115.1, 30.6)
ROWS = [
    "NR,460,0,22817,68719476735,501,114.85,30.35,800,12,1,1600000000,1700000000,0",
    "LTE,460,1,22817,123456,33,114.86,30.36,0,3,1,1600000000,1700000000,0",
    "LTE,460,1,22817,123456,33,114.87,30.37,500,40,1,1600000000,1700000000,0",
    "LTE,460,11,22817,5,,114.88,30.38,90,1,0,1600000000,1700000000,0",
    "LTE,460,1,22817,7,33,116.40,39.90,500,40,1,1600000000,1700000000,0",
    "GSM,460,0,22817,9,,114.85,30.35,1000,2,1,1600000000,1700000000,0",
]


def a_list(path: Path, rows: list[str], *, header: bool = True) -> Path:
    """Write a list."""
    names = ",".join(HEADER).replace("averagesignal", "averageSignal")
    text = "\n".join([names, *rows] if header else rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize(("name", "header"), [("a.csv", True), ("a.csv.gz", False)])
def test_cells_of_the_area_are_read_and_the_rest_counted(
    tmp_path: Path,
    name: str,
    header: bool,  # noqa: FBT001
) -> None:
    """With and without header: each row is a cell, of another system, outside or repeated."""
    read = read_cell_list(a_list(tmp_path / name, ROWS, header=header), AREA)
    assert (read.rows, read.other_radio, read.outside, read.repeated) == (6, 1, 1, 1)
    assert len(read.frame) + read.other_radio + read.outside + read.repeated == read.rows
    frame = read.frame.set_index("id")
    assert sorted(frame.index) == [
        "460-0-22817-68719476735", "460-1-22817-123456", "460-11-22817-5",
    ]  # fmt: skip
    twice = frame.loc["460-1-22817-123456"]
    assert (twice["samples"], twice["accuracy_m"]) == (40, 500.0)
    assert (twice.geometry.x, twice.geometry.y) == (114.87, 30.37)
    assert frame["exact"].to_dict()["460-11-22817-5"]
    assert set(frame["provenance"]) == {"real"}
    assert str(read.frame.crs) == "EPSG:4326"


def test_a_position_without_range_is_not_trusted_far(tmp_path: Path) -> None:
    """Range 0 means unknown, not exact."""
    read = read_cell_list(a_list(tmp_path / "a.csv", ROWS[1:2]), AREA)
    assert read.frame["accuracy_m"].tolist() == [UNKNOWN_ACCURACY_M]


def test_other_systems_can_be_asked_for(tmp_path: Path) -> None:
    """GSM alone; a system nobody knows is refused."""
    path = a_list(tmp_path / "a.csv", ROWS)
    assert read_cell_list(path, AREA, radios=["gsm"]).frame["radio"].tolist() == ["GSM"]
    with pytest.raises(InputError, match="'6G' is no radio system"):
        read_cell_list(path, AREA, radios=["6G"])


def test_no_cell_in_the_area_is_an_empty_answer(tmp_path: Path) -> None:
    """Elsewhere: no row, no error, columns as ever."""
    read = read_cell_list(a_list(tmp_path / "a.csv", ROWS), shapely.box(0, 0, 1, 1))
    assert len(read.frame) == 0
    assert read.outside == 5
    assert "accuracy_m" in read.frame.columns


def test_a_wrong_header_and_wrong_values_are_named(tmp_path: Path) -> None:
    """Columns that are missing; a strange system, a word for a number, a cell beyond 36 bits."""
    wrong = tmp_path / "b.csv"
    wrong.write_text("radio,mcc,mnc,lac,cellid,lon,lat\nLTE,460,0,1,2,114.85,30.35\n")
    with pytest.raises(InputError, match=r"'net' is missing.*'range' is missing"):
        read_cell_list(wrong, AREA)
    rows = [
        ROWS[0].replace("NR", "WIMAX", 1),
        ROWS[0].replace("114.85", "east"),
        ROWS[0].replace("68719476735", "68719476736"),
    ]
    with pytest.raises(InputError) as error:
        read_cell_list(a_list(tmp_path / "a.csv", rows), AREA)
    text = str(error.value)
    for part in ("line 2, radio: 'WIMAX'", "line 3, lon: 'east'", "line 4, cell: '68719476736'"):
        assert part in text
