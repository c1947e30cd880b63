"""A plan's files: complete, equal to the tables, inert, and all or nothing."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from greedy_plan import greedy_plan
from openpyxl import load_workbook

from siting.coverage import build_coverage
from siting.errors import FileError
from siting.io import plan_files
from siting.io.plan_files import NAMES, neutral, read_sites, write_outputs, write_together
from siting.report import PlanTables, plan_tables, synthetic_line
from siting.scenario import PlanningData, build_scenario
from siting.spec import ScenarioSpec

MOMENT = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
SPEC = ScenarioSpec.parse(
    {
        "name": "=1+1 <script>alert(1)</script> 龘",
        "stations": 3,
        "targets": [
            {"zones": ["airfield"], "standard": "quality-outdoor", "required_fraction": 0.9}
        ],
        "objective": {"standard": "basic-indoor", "weight": "population"},
    }
)


@pytest.fixture(scope="module")
def written(
    littletown: PlanningData, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PlanTables, dict[str, Path]]:
    """Return the tables of a plan with hostile names, and every file written of it."""
    scenario = build_scenario(SPEC, littletown)
    coverage = build_coverage(scenario)
    plan = greedy_plan(scenario, coverage)
    folder = tmp_path_factory.mktemp("plan") / "out"
    paths = write_outputs(scenario, plan, coverage, folder, made_at=MOMENT)
    return plan_tables(scenario, plan, coverage), paths


def test_every_file_is_written_and_nothing_else(written: tuple) -> None:
    """The directory holds the seven files, none empty, and no temporary directory stays."""
    _, paths = written
    folder = paths["map.html"].parent
    assert sorted(item.name for item in folder.iterdir()) == sorted(NAMES)
    assert all(path.stat().st_size > 0 for path in paths.values())
    assert [item.name for item in folder.parent.iterdir()] == ["out"]


def test_the_geopackage_is_read_by_gdal_and_equals_the_tables(written: tuple) -> None:
    """GDAL's own ogrinfo lists five layers; each comes back with equal values and geometry."""
    tables, paths = written
    if shutil.which("ogrinfo") is None:
        pytest.fail("ogrinfo is missing; apt-get install gdal-bin")
    listed = subprocess.run(
        ["ogrinfo", "-ro", "-so", "-al", str(paths["plan.gpkg"])],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for layer in ("sites", "zones", "districts", "unserved", "manifest"):
        assert f"Layer name: {layer}\n" in listed
    assert f"Feature Count: {len(tables.sites)}\n" in listed
    for layer, table in (
        ("sites", tables.sites), ("zones", tables.zones), ("districts", tables.districts),
    ):  # fmt: skip
        back = gpd.read_file(paths["plan.gpkg"], layer=layer)
        assert back.crs == "EPSG:4326"
        assert back.geometry.geom_equals_exact(_multi(table), 1e-9).all()
        for column in table.columns.drop("geometry"):
            if table[column].dtype.kind in "fi":
                np.testing.assert_array_equal(back[column], table[column])
            else:
                assert list(back[column]) == list(table[column])


def _multi(table: gpd.GeoDataFrame) -> gpd.GeoSeries:
    return gpd.GeoSeries(
        [
            shape if shape.geom_type in {"Point", "MultiPolygon"} else type_of_many(shape)
            for shape in table.geometry
        ],
        crs=table.crs,
    )


def type_of_many(shape):  # noqa: ANN001, ANN201 - any polygon
    """Wrap a polygon as GeoPackage layers of one type do."""
    import shapely  # noqa: PLC0415

    return shapely.multipolygons([shape])


def test_geojson_is_wgs84_and_says_what_is_synthetic(written: tuple) -> None:
    """RFC 7946: no crs member, longitude first; the collection's description is the notice."""
    tables, paths = written
    document = json.loads(paths["plan.geojson"].read_text("utf-8"))
    assert "crs" not in document
    assert synthetic_line(tables.facts, "zh") in json.dumps(document, ensure_ascii=False)
    lon, lat = document["features"][0]["geometry"]["coordinates"]
    assert lon == pytest.approx(tables.sites["lon"].iloc[0], abs=1e-7)
    assert lat == pytest.approx(tables.sites["lat"].iloc[0], abs=1e-7)
    assert len(read_sites(paths["plan.geojson"])) == len(tables.sites)


def test_csv_opens_in_spreadsheets(written: tuple) -> None:
    """A byte order mark, one row per station, codes unchanged."""
    tables, paths = written
    raw = paths["plan.csv"].read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert [row["site"] for row in rows] == list(tables.sites["site"])
    assert all(row["notice"] == synthetic_line(tables.facts, "zh") for row in rows)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formula_like_texts_are_neutralised(text: str) -> None:
    """What a spreadsheet would run gets an apostrophe; other texts and numbers stay."""
    assert neutral(text) == f"'{text}"
    assert neutral("花湖") == "花湖"
    assert neutral(-1.5) == -1.5


def test_the_workbook_keeps_its_promises(written: tuple) -> None:
    """A1 is the notice, heads are frozen and repeated, codes are text, no cell is a formula."""
    tables, paths = written
    book = load_workbook(paths["plan.xlsx"])
    assert book.sheetnames == ["站址", "分区", "各区", "未覆盖", "说明"]
    for sheet in book:
        assert sheet["A1"].value == synthetic_line(tables.facts, "zh")
        assert sheet.freeze_panes == "A3"
        assert sheet.print_title_rows == "$1:$2"
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    sites = book["站址"]
    heads = [cell.value for cell in sites[2]]
    assert heads[:3] == ["序号", "站址编码", "名称"]
    assert "X(北)" in heads
    assert [row[1].value for row in sites.iter_rows(min_row=3)] == list(tables.sites["site"])
    manifest = dict(row[:2] for row in book["说明"].iter_rows(min_row=3, values_only=True))
    assert manifest["情景指纹"] == tables.facts.scenario_hash
    assert manifest["情景"] == SPEC.name
    assert manifest["生成时间"] == "2026-11-22 12:30 Asia/Shanghai"


def test_workbook_money_adds_up(written: tuple) -> None:
    """The cost column is the plan's cost in 万元, each row rounded up by less than 0.1."""
    tables, paths = written
    sheet = load_workbook(paths["plan.xlsx"])["站址"]
    column = [cell.value for cell in sheet[2]].index("建设费用(万元)")
    total = sum(row[column].value for row in sheet.iter_rows(min_row=3))
    assert 0 <= total - tables.facts.cost_cny / 10_000 < 0.1 * tables.facts.stations


def _two(folder: Path, second) -> dict[str, Path]:  # noqa: ANN001 - a maker of one file
    return write_together(folder, {"a": lambda path: path.write_text("new"), "b": second})


def test_a_failure_changes_nothing(tmp_path: Path) -> None:
    """When the second file cannot be written, the first one's old content is still there."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a").write_text("old")
    (folder / "mine").write_text("kept")

    def full_disk(path: Path) -> None:
        # The kernel's own full device: every write to it fails with 'no space left'.
        path.symlink_to("/dev/full")
        with path.open("w") as file:
            file.write("x" * 100_000)

    with pytest.raises(FileError, match="No space left on device"):
        _two(folder, full_disk)
    assert (folder / "a").read_text() == "old"
    assert sorted(item.name for item in folder.iterdir()) == ["a", "mine"]
    assert [item.name for item in tmp_path.iterdir()] == ["out"]


def test_a_blocked_replacement_is_undone(tmp_path: Path) -> None:
    """When a finished file cannot take its place, those already moved are put back."""
    folder = tmp_path / "out"
    (folder / "b" / "in the way").mkdir(parents=True)
    (folder / "a").write_text("old")
    made = write_together(folder, {"a": lambda path: path.write_text("new")})
    assert made["a"].read_text() == "new"

    def vanish(path: Path) -> None:
        path.write_text("x")

    moved = folder / "a"
    moved.write_text("old")
    with pytest.raises(FileError, match="cannot be replaced"):
        plan_files._publish(_half_made(tmp_path, vanish), folder, ["a", "missing"])
    assert moved.read_text() == "old"


def _half_made(tmp_path: Path, make) -> Path:  # noqa: ANN001 - a maker of one file
    work = tmp_path / "work"
    work.mkdir()
    make(work / "a")
    return work


@pytest.mark.parametrize("name", ["missing/out", "file"])
def test_a_wrong_directory_is_one_clear_error(tmp_path: Path, name: str) -> None:
    """A missing parent, or a file of that name, is refused with the path and what to do."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match=r"create it first|give another name"):
        _two(tmp_path / name, lambda path: path.write_text("x"))


def test_reading_no_plan_is_a_clear_error(tmp_path: Path) -> None:
    """A file that is no plan is named in the error."""
    path = tmp_path / "plan.gpkg"
    path.write_text("no plan")
    with pytest.raises(FileError, match="cannot be read as a plan"):
        read_sites(path)


def test_pyogrio_reads_what_gdal_wrote(written: tuple) -> None:
    """The manifest layer repeats seed, hash and both notices."""
    tables, paths = written
    _, _, _, fields = pyogrio.raw.read(paths["plan.gpkg"], layer="manifest")
    found = dict(zip(*fields, strict=True))
    assert found["hash"] == tables.facts.scenario_hash
    assert found["seed"] == "0"
    assert found["notice"] == synthetic_line(tables.facts, "zh")
