"""Vector files from planners: every format read alike, every fault named, nothing else opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import Point, Polygon, box

from siting.errors import CrsError, FileError, InputError
from siting.geo import reframe, wgs84_to_gcj02
from siting.io.vector import read_vector

SQUARE = box(114.8, 30.3, 114.9, 30.4)
#: A district-like outline with many vertices.
DISTRICT = Point(114.85, 30.35).buffer(0.1, quad_segs=32)


def a_frame(*shapes: Any, crs: str = "EPSG:4326") -> gpd.GeoDataFrame:
    """Return shapes with a name and a number each."""
    names = [f"地{number}" for number in range(len(shapes))]
    return gpd.GeoDataFrame(
        {"name": names, "cost": np.arange(len(shapes)) + 0.5}, geometry=list(shapes), crs=crs
    )


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb"])
def test_formats_come_back_equal(tmp_path: Path, suffix: str) -> None:
    """What was written in any format is read with its count, attributes and geometry."""
    frame = a_frame(SQUARE, box(114.0, 30.0, 114.1, 30.1))
    path = tmp_path / f"layer{suffix}"
    frame.to_file(path, engine="pyogrio")
    layer = read_vector(path)
    found = layer.frame.sort_values("name", ignore_index=True)
    assert found["name"].tolist() == ["地0", "地1"]
    assert found["cost"].tolist() == [0.5, 1.5]
    for given, wanted in zip(found.geometry, frame.geometry, strict=True):
        assert given.symmetric_difference(wanted).area < 1e-12
    assert layer.notes == ()


def test_projected_file_comes_in_wgs84(tmp_path: Path) -> None:
    """A file in CGCS2000's zone on 114 E is read within a centimetre of where it was."""
    path = tmp_path / "layer.gpkg"
    a_frame(SQUARE).to_crs("EPSG:4547").to_file(path, engine="pyogrio")
    layer = read_vector(path)
    assert layer.crs == "EPSG:4547"
    assert shapely.hausdorff_distance(layer.frame.geometry.iloc[0], SQUARE) < 1e-7


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_both_encodings(tmp_path: Path, encoding: str) -> None:
    """CSV with lon and lat is read as UTF-8 or GB18030, in the CRS the caller declares."""
    path = tmp_path / "places.csv"
    path.write_bytes("name,lon,lat\n鄂州,114.88,30.39\n".encode(encoding))
    layer = read_vector(path, crs="EPSG:4490")
    assert layer.frame["name"].tolist() == ["鄂州"]
    assert layer.frame.geometry.iloc[0].distance(Point(114.88, 30.39)) < 1e-6


def test_declared_gcj02_is_removed(tmp_path: Path) -> None:
    """A file declared as GCJ-02 is decoded to within a millimetre, and the note says so."""
    path = tmp_path / "places.csv"
    lon, lat = wgs84_to_gcj02([114.88], [30.39])
    path.write_text(f"lon,lat\n{float(lon[0])!r},{float(lat[0])!r}\n")
    layer = read_vector(path, crs="GCJ-02")
    assert layer.frame.geometry.iloc[0].distance(Point(114.88, 30.39)) < 1e-8
    assert "GCJ-02" in layer.notes[0]


def test_gcj02_behind_a_wgs84_label_is_found(tmp_path: Path) -> None:
    """District outlines with the GCJ-02 offset are recognised; the true ones pass."""
    for number, shape in enumerate((DISTRICT, reframe(DISTRICT, wgs84_to_gcj02))):
        path = tmp_path / f"{number}.gpkg"
        a_frame(shape).to_file(path, engine="pyogrio")
    assert len(read_vector(tmp_path / "0.gpkg", districts=[DISTRICT]).frame) == 1
    with pytest.raises(InputError, match="looks like GCJ-02 labelled as WGS 84"):
        read_vector(tmp_path / "1.gpkg", districts=[DISTRICT])


def test_self_crossing_polygons_are_repaired_and_reported(tmp_path: Path) -> None:
    """A bow tie becomes its two triangles and is named; the area is kept."""
    bow = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    path = tmp_path / "layer.gpkg"
    a_frame(SQUARE, bow).to_file(path, engine="pyogrio")
    layer = read_vector(path)
    assert layer.frame.geometry.is_valid.all()
    assert layer.frame.geometry.iloc[1].area == pytest.approx(0.5)
    assert len(layer.notes) == 1
    assert "[1]" in layer.notes[0]
    assert "Self-intersection" in layer.notes[0]


def test_polygon_without_area_is_refused(tmp_path: Path) -> None:
    """What is left of a collapsed polygon is no area, so it is refused."""
    path = tmp_path / "layer.gpkg"
    a_frame(Polygon([(0, 0), (1, 1), (0, 0)])).to_file(path, engine="pyogrio")
    with pytest.raises(InputError, match="no area"):
        read_vector(path)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.geojson", b"<OGRVRTDataSource></OGRVRTDataSource>", "its content is not"),
        ("a.gpkg", b"SQLite format 3\0" + b"\0" * 100, "its content is not"),
        ("a.gpkg", b"PK\3\4", "its content is not"),
        ("a.fgb", b"{}", "its content is not"),
        ("a.csv", b"\0\1\2", "its content is not"),
        ("a.vrt", b"<OGRVRTDataSource/>", "unknown format"),
        ("a.dxf", b"0", "unknown format"),
    ],
)
def test_files_that_are_not_what_they_say(
    tmp_path: Path, name: str, content: bytes, what: str
) -> None:
    """A recipe that opens other files never reaches GDAL under another name."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=what):
        read_vector(tmp_path / name)


def test_gdal_recipes_in_json_are_not_run(tmp_path: Path) -> None:
    """A JSON pipeline that GDAL would run is no FeatureCollection."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"type": "gdal_streamed_alg", "command_line": "gdal vector read x"}))
    with pytest.raises(InputError, match="gdal_streamed_alg"):
        read_vector(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(FileError, match=r"gone\.gpkg: there is no such file"):
        read_vector(tmp_path / "gone.gpkg")


@pytest.mark.parametrize(
    ("text", "crs", "problems"),
    [
        ("lon,lat\n1,2\n", None, ["a CSV file declares no CRS"]),
        ("lon,lat\n1,2\n", "EPSG:1", ["unknown CRS 'EPSG:1'"]),
        ("x,y\n1,2\n", "4326", ["column 'lon' is missing", "column 'lat' is missing"]),
        ("lon,lat\n", "4326", ["has no feature"]),
        ("lon,lat\n1,nan\nx,2\n", "4326", ["is nan, not finite", "is 'x', no number"]),
        ("lon,lat\n30.4,114.9\n", "4326", ["(30.4, 114.9) is no longitude, latitude in degrees"]),
        ("lon,lat\n1,2,3\n", "4326", ["has more values than the first line"]),
    ],
)
def test_every_fault_of_a_table_is_named(
    tmp_path: Path, text: str, crs: str | None, problems: list[str]
) -> None:
    """Each faulty line of a CSV file is in the one answer."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_vector(path, crs=crs)
    assert [problem.what for problem in caught.value.problems] == problems


def test_layer_without_crs_is_refused(tmp_path: Path) -> None:
    """A GeoPackage layer without a CRS is refused unless the caller declares one."""
    path = tmp_path / "a.fgb"
    frame = a_frame(SQUARE).set_crs(None, allow_override=True)
    with pytest.warns(UserWarning, match="crs"):
        frame.to_file(path, engine="pyogrio")
    with pytest.raises(CrsError, match="declares no known CRS"):
        read_vector(path)
    assert len(read_vector(path, crs="OGC:CRS84").frame) == 1


def test_one_layer_of_several_must_be_named(tmp_path: Path) -> None:
    """A GeoPackage of two layers is read only with the layer's name."""
    path = tmp_path / "a.gpkg"
    a_frame(SQUARE).to_file(path, layer="one", engine="pyogrio")
    a_frame(SQUARE, SQUARE).to_file(path, layer="two", engine="pyogrio")
    with pytest.raises(InputError, match="the file has 2 layers"):
        read_vector(path)
    assert len(read_vector(path, layer="two").frame) == 2
