"""Lists of stations: what a plan writes is read back, and every bad row is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from siting.datasets import technologies
from siting.errors import FileError, InputError
from siting.geo import unproject
from siting.io.station_list import StationList, listed_stations, read_stations
from siting.provenance import Provenance

CRS = "EPSG:4547"
HEAD = "site,technology,lon,lat,height_m,turn_deg,tilt_deg\n"


def read(folder: Path, text: str, name: str = "list.csv") -> StationList:
    """Read a list of this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_stations(path, technologies=technologies(), crs=CRS)


def faults(folder: Path, text: str, name: str = "list.csv") -> list[str]:
    """Return the faults of a list of this text."""
    with pytest.raises(InputError) as caught:
        read(folder, text, name)
    return [str(item) for item in caught.value.problems]


def test_a_table_becomes_stations(tmp_path: Path) -> None:
    """Positions, heights and directions are those of the rows; no direction is no number."""
    listed = read(
        tmp_path,
        "Site, technology ,lon,lat,height_m,turn_deg,tilt_deg,provenance,remark\n"
        "a,macro-n41,114.89,30.39,25,30,6,real,x\n"
        "b,micro-n78,114.90,30.40,8,,,synthetic,y\n",
    )
    stations = listed.stations
    assert stations.site == ("a", "b")
    kinds = [stations.technologies[number].id for number in stations.technology]
    assert kinds == ["macro-n41", "micro-n78"]
    lon, lat = unproject(stations.xy, CRS)
    np.testing.assert_allclose(lon, [114.89, 114.90], atol=1e-9)
    np.testing.assert_allclose(lat, [30.39, 30.40], atol=1e-9)
    np.testing.assert_array_equal(stations.height_m, [25.0, 8.0])
    np.testing.assert_array_equal(stations.turn_deg, [30.0, np.nan])
    np.testing.assert_array_equal(stations.tilt_deg, [6.0, np.nan])
    assert listed.provenance is Provenance.SYNTHETIC


def test_directions_may_be_left_out(tmp_path: Path) -> None:
    """A table without their columns holds stations alike in every direction, taken as real."""
    listed = read(tmp_path, "site,technology,lon,lat,height_m\na,macro-n41,114.89,30.39,25\n")
    assert np.isnan(listed.stations.turn_deg).all()
    assert listed.provenance is Provenance.REAL


def test_every_bad_row_is_named_at_once(tmp_path: Path) -> None:
    """Six rows, one fault each, in one answer; a good row between them is not blamed."""
    told = faults(
        tmp_path,
        HEAD
        + ",macro-n41,114.9,30.3,25,0,4\n"
        + "b,macro-n99,114.9,30.3,25,0,4\n"
        + "good,macro-n41,114.9,30.3,25,0,4\n"
        + "c,macro-n41,east,30.3,25,0,4\n"
        + "d,macro-n41,114.9,30.3,250,0,4\n"
        + "e,macro-n41,114.9,30.3,25,,4\n"
        + "f,micro-n78,114.9,30.3,8,0,4\n",
    )
    places = sorted(item.partition(":")[0] for item in told)
    assert places == [
        "line 2, site", "line 3, technology", "line 5, lon", "line 6, height_m",
        "line 7, turn_deg", "line 8, turn_deg",
    ]  # fmt: skip
    assert any("10 to 50 m" in item for item in told)
    assert any("has no sectors" in item for item in told)


def test_missing_columns_are_named_with_those_that_are_there(tmp_path: Path) -> None:
    """Both missing ones, in a table and in GeoJSON."""
    told = faults(tmp_path, "name,technology,lon,lat\na,macro-n41,114.9,30.3\n")
    assert ["'site'" in told[0], "'height_m'" in told[1]] == [True, True]
    told = faults(tmp_path, _geojson({"technology": "macro-n41"}), "list.geojson")
    assert ["'site'" in told[0], "'height_m'" in told[1]] == [True, True]


def test_geojson_is_read_by_its_points(tmp_path: Path) -> None:
    """Numbers and nulls of the properties count; faults name the feature."""
    row = {"site": "a", "technology": "macro-n41", "height_m": 25, "turn_deg": None}
    listed = read(tmp_path, _geojson(row), "list.geojson")
    lon, lat = unproject(listed.stations.xy, CRS)
    np.testing.assert_allclose([lon[0], lat[0]], [114.9, 30.3], atol=1e-9)
    assert np.isnan(listed.stations.turn_deg).all()
    told = faults(tmp_path, _geojson(row | {"technology": "macro"}), "list.geojson")
    assert told[0].startswith("feature 1, technology: 'macro'")


def test_no_file_and_no_row(tmp_path: Path) -> None:
    """A missing file is named; a table of a head alone holds nothing to predict."""
    with pytest.raises(FileError, match="there is no such file"):
        read_stations(tmp_path / "none.csv", technologies=technologies(), crs=CRS)
    assert "there is none" in faults(tmp_path, HEAD)[0]


def _geojson(properties: Mapping[str, object]) -> str:
    point = {"type": "Point", "coordinates": [114.9, 30.3]}
    feature = {"type": "Feature", "properties": properties, "geometry": point}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def document(**changes: object) -> dict[str, object]:
    """Return a station as a document, with some of its values changed."""
    good = {"site": "a", "technology": "macro-n41", "lon": 114.891234567890123, "lat": 30.39,
            "height_m": 25, "turn_deg": 30.0, "tilt_deg": 6.0,
            "provenance": "approximate"}  # fmt: skip
    return {**good, **changes}


def test_documents_are_read_as_rows_are(tmp_path: Path) -> None:
    """The same stations come from documents as from a table of them, to the last bit."""
    rows = [document(), document(site="b", technology="micro-n78", height_m=8, turn_deg=None,
                                 tilt_deg=None)]  # fmt: skip
    listed = listed_stations(rows, technologies=technologies(), crs=CRS)
    place = "114.891234567890123,30.39"
    table = f"{HEAD}a,macro-n41,{place},25,30,6\nb,micro-n78,{place},8,,\n"
    same = read(tmp_path, table)
    assert listed.stations.site == same.stations.site
    for name in ("xy", "height_m", "turn_deg", "tilt_deg", "technology"):
        np.testing.assert_array_equal(getattr(listed.stations, name), getattr(same.stations, name))
    assert listed.provenance is Provenance.APPROXIMATE


def test_bad_documents_are_named_by_their_place() -> None:
    """Each fault names the station by its number, or by the number it had before."""
    rows = [document(), document(technology="none", lon=999.0), document(tilt_deg=None)]
    with pytest.raises(InputError) as caught:
        listed_stations(rows, technologies=technologies(), crs=CRS)
    assert {item.where for item in caught.value.problems} == {
        "stations[1].technology", "stations[1].lon", "stations[2].tilt_deg"
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        listed_stations(rows[1:2], technologies=technologies(), crs=CRS, positions=[7])
    assert {item.where for item in caught.value.problems} == {
        "stations[7].technology", "stations[7].lon"
    }  # fmt: skip
