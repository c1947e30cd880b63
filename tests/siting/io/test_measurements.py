"""Drive tests and MDT files: read whole in WGS 84, or refused with every bad row."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import shapely

from siting.errors import FileError, InputError
from siting.geo import Frame, wgs84_to_gcj02
from siting.io.measurements import read_measurements
from siting.io.table import MOST_NAMED

CITY = shapely.box(114.80, 30.30, 114.90, 30.40)


def a_file(path: Path, rows: list[str], header: str = "time,lat,lon,PCI, SS_RSRP") -> Path:
    """Write a CSV file."""
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8-sig")
    return path


def faults(path: Path, **arguments: object) -> str:
    """Return the text of the one error that reading raises."""
    with pytest.raises(InputError) as error:
        read_measurements(path, **arguments)
    return str(error.value)


def test_rows_come_back_as_they_are(tmp_path: Path) -> None:
    """Columns by name in any order and case, lines counted from the header, packed or not."""
    rows = ["10:00,30.35,114.85,17,-98.5", "10:01,30.36,114.86,1007,-31", ",,,,"]
    plain = a_file(tmp_path / "a.csv", rows)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        read = read_measurements(path, districts=[CITY])
        assert read.lon.tolist() == [114.85, 114.86]
        assert read.lat.tolist() == [30.35, 30.36]
        assert read.pci.tolist() == [17, 1007]
        assert read.ss_rsrp_dbm.tolist() == [-98.5, -31.0]
        assert read.line.tolist() == [2, 3]
        assert read.notes == ()


def test_every_bad_row_is_named(tmp_path: Path) -> None:
    """Words, blanks, NaN, half cells and impossible values, each by line and column, at once."""
    rows = [
        "t,30.35,114.85,17,-98",
        "t,north,114.85,17,-98",
        "t,30.35,,17,-98",
        "t,30.35,114.85,17.5,-98",
        "t,30.35,114.85,1008,-98",
        "t,30.35,114.85,17,98",
        "t,30.35,114.85,17,nan",
        "t,30.35",
    ]
    text = faults(a_file(tmp_path / "a.csv", rows))
    for part in (
        "line 3, lat: 'north'", "line 4, lon: ''", "line 5, pci: '17.5'", "line 6, pci: '1008'",
        "line 7, ss_rsrp: '98'", "line 8, ss_rsrp: 'nan'", "line 9, lon", "line 9, ss_rsrp",
        "number from -156 to -31 dBm", "whole number from 0 to 1007",
    ):  # fmt: skip
        assert part in text
    assert "line 2," not in text


def test_many_bad_rows_are_named_up_to_a_limit(tmp_path: Path) -> None:
    """Of a hundred bad levels twenty are named and eighty counted."""
    with pytest.raises(InputError) as error:
        read_measurements(a_file(tmp_path / "a.csv", ["t,30.35,114.85,17,0"] * 100))
    assert len(error.value.problems) == MOST_NAMED + 1
    assert "80 more rows are wrong likewise" in str(error.value)


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    """Two columns missing: both named, with those that are there."""
    text = faults(a_file(tmp_path / "a.csv", ["1,2"], header="latitude,lon"))
    assert "column 'lat' is missing" in text
    assert "column 'ss_rsrp' is missing" in text
    assert "the columns are latitude, lon" in text


def test_a_hidden_offset_is_found_and_a_declared_one_removed(tmp_path: Path) -> None:
    """GCJ-02 given as WGS 84 is refused; declared, every position is decoded within 1 cm."""
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(114.801, 114.899, 400), rng.uniform(30.301, 30.399, 400)
    shifted = wgs84_to_gcj02(lon, lat)
    rows = [f"t,{y:.9f},{x:.9f},1,-90" for x, y in zip(*shifted, strict=True)]
    path = a_file(tmp_path / "a.csv", rows)
    assert "GCJ-02 labelled as WGS 84" in faults(path, districts=[CITY])
    read = read_measurements(path, frame=Frame.GCJ02, districts=[CITY])
    assert np.abs(read.lon - lon).max() < 1e-7
    assert np.abs(read.lat - lat).max() < 1e-7
    assert read.notes == ("gcj02 offset removed from every position",)


def test_exchanged_axes_are_found(tmp_path: Path) -> None:
    """Latitude and longitude the wrong way round are told as such, where both fit the globe."""
    city = shapely.box(60.0, 30.0, 61.0, 31.0)
    text = faults(a_file(tmp_path / "a.csv", ["t,60.5,30.5,1,-90"] * 5), districts=[city])
    assert "swapped" in text


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    """Missing, empty, without rows, ragged, damaged: one plain error each."""
    with pytest.raises(FileError, match="no such file"):
        read_measurements(tmp_path / "none.csv")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(FileError, match="is empty"):
        read_measurements(empty)
    assert "there is none" in faults(a_file(tmp_path / "a.csv", []))
    damaged = tmp_path / "b.csv.gz"
    damaged.write_bytes(b"\x1f\x8b no gzip")
    with pytest.raises(FileError, match="cannot be read"):
        read_measurements(damaged)
    image = tmp_path / "c.csv"
    image.write_bytes(b"\xff\xfe\xff\xff\x00\x81")
    with pytest.raises(FileError, match="neither UTF-8 nor GB18030"):
        read_measurements(image)
    long = "t,30,114,1,-90,5,6,7,8"
    with pytest.raises(FileError, match="Expected 5 fields in line 3, saw 9"):
        read_measurements(a_file(tmp_path / "d.csv", ["t,30,114,1,-90", long]))
    with pytest.raises(FileError, match="line 2 has 9 fields, the first line 5"):
        read_measurements(a_file(tmp_path / "e.csv", [long]))
