"""A plan as files: map, GIS layers, tables and report, written together or not at all."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pyogrio
from pyogrio.errors import DataSourceError, FeatureError

from siting.errors import FileError
from siting.geo import WGS84
from siting.io.plan_workbook import FORMULA_STARTS, write_workbook
from siting.maps import DemandLayer, demand_layers, map_html, plan_map
from siting.report import PlanTables, plan_tables, synthetic_line
from siting.report.document import manifest, report_html, report_markdown
from siting.text import Language

if TYPE_CHECKING:
    from siting.coverage import Coverage
    from siting.plan import Plan
    from siting.scenario import Scenario

_LOG = logging.getLogger(__name__)

#: Every file a plan is written as.
NAMES = ("map.html", "plan.gpkg", "plan.geojson", "plan.csv", "plan.xlsx", "report.html",
         "report.md")  # fmt: skip


def write_outputs(
    scenario: Scenario,
    plan: Plan,
    coverage: Coverage,
    directory: str | Path,
    *,
    language: Language = "zh",
    made_at: datetime | None = None,
) -> dict[str, Path]:
    """Write every output of a plan into a directory.

    All files are made in a temporary directory beside it first; only when the last one is
    complete do they replace files of the same name. Other files in the directory stay.

    Parameters
    ----------
    directory
        Where to write; made when missing, its parent must exist.
    language
        Language of the map at the start and of the table heads.
    made_at
        Moment printed as time of making; None: now.

    Returns
    -------
    dict
        Path per file name, in the order of :data:`NAMES`.

    Raises
    ------
    FileError
        When a file cannot be written; no existing file is changed.
    """
    began = time.perf_counter()
    moment = made_at or datetime.now(UTC)
    tables = plan_tables(scenario, plan, coverage)
    demand = demand_layers(scenario, plan, coverage)
    makers: dict[str, Callable[[Path], None]] = {
        "map.html": lambda path: _write_map(path, tables, demand, language, moment),
        "plan.gpkg": lambda path: write_geopackage(tables, path, made_at=moment),
        "plan.geojson": lambda path: write_geojson(tables, path, language=language),
        "plan.csv": lambda path: write_csv(tables, path),
        "plan.xlsx": lambda path: write_workbook(tables, path, language=language, made_at=moment),
        "report.html": lambda path: _write_text(
            path, report_html(scenario, tables, made_at=moment)
        ),
        "report.md": lambda path: _write_text(
            path, report_markdown(scenario, tables, made_at=moment)
        ),
    }
    written = write_together(Path(directory), makers)
    _LOG.info("outputs: %d files in %.2f s", len(written), time.perf_counter() - began)
    return written


def write_together(
    directory: Path, makers: Mapping[str, Callable[[Path], None]]
) -> dict[str, Path]:
    """Make files in a temporary sibling directory, then move them into place.

    Raises
    ------
    FileError
        When the parent is missing, or a file cannot be written; nothing is changed.
    """
    if not directory.parent.is_dir():
        raise FileError(f"{directory}: its parent directory does not exist; create it first")
    if directory.exists() and not directory.is_dir():
        raise FileError(f"{directory}: is a file, not a directory; give another name")
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    except OSError as error:
        raise FileError(f"{directory}: cannot be written: {_cause(error)}") from error
    try:
        for name, make in makers.items():
            _make(work / name, directory / name, make)
        return _publish(work, directory, list(makers))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _make(path: Path, target: Path, make: Callable[[Path], None]) -> None:
    try:
        make(path)
        with path.open("rb") as file:
            # A full disk can show itself only when the bytes are flushed.
            os.fsync(file.fileno())
    except (OSError, DataSourceError, FeatureError) as error:
        raise FileError(f"{target}: cannot be written: {_cause(error)}") from error


def _publish(work: Path, directory: Path, names: list[str]) -> dict[str, Path]:
    """Move finished files into place; put the old ones back if one move fails."""
    kept = work / "replaced"
    moved: list[str] = []
    try:
        kept.mkdir()
        directory.mkdir(exist_ok=True)
        for name in names:
            target = directory / name
            if target.exists():
                target.replace(kept / name)
            moved.append(name)
            (work / name).replace(target)
    except OSError as error:
        for name in moved:
            if (kept / name).exists():
                (kept / name).replace(directory / name)
            elif (directory / name).exists():
                (directory / name).unlink()
        raise FileError(f"{directory}: cannot be replaced: {_cause(error)}") from error
    return {name: directory / name for name in names}


def _cause(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def write_geopackage(tables: PlanTables, path: Path, *, made_at: datetime) -> None:
    """Write the layers sites, zones, districts, unserved and the manifest as GeoPackage.

    With siting constraints the layer exclusions holds what they left out or lowered.
    """
    layers = {
        "sites": tables.sites,
        "zones": tables.zones,
        "districts": tables.districts,
        "unserved": tables.unserved,
    }
    if tables.exclusions is not None:
        layers["exclusions"] = tables.exclusions
    for name, layer in layers.items():
        areas = name in {"zones", "districts"}
        pyogrio.write_dataframe(
            layer,
            path,
            layer=name,
            driver="GPKG",
            append=path.exists(),
            geometry_type="MultiPolygon" if areas else "Point",
            promote_to_multi=areas,
            layer_options={"DESCRIPTION": synthetic_line(tables.facts, "en")},
        )
    rows = [("notice", synthetic_line(tables.facts, "zh")),
            ("notice_en", synthetic_line(tables.facts, "en")),
            *manifest(tables.facts, made_at)]  # fmt: skip
    table = pd.DataFrame(rows, columns=pd.Index(["key", "value"]))
    pyogrio.write_dataframe(table, path, layer="manifest", driver="GPKG", append=True)


def write_geojson(tables: PlanTables, path: Path, *, language: Language = "zh") -> None:
    """Write the chosen options as GeoJSON (RFC 7946, WGS 84)."""
    pyogrio.write_dataframe(
        tables.sites,
        path,
        driver="GeoJSON",
        layer="sites",
        layer_options={
            "RFC7946": "YES",
            "COORDINATE_PRECISION": "7",
            "DESCRIPTION": synthetic_line(tables.facts, language),
        },
    )


def write_csv(tables: PlanTables, path: Path) -> None:
    """Write the chosen options as CSV with a byte order mark, so that spreadsheets read UTF-8.

    Notes
    -----
    The last column repeats on every row whether demand is synthetic; a text that a spreadsheet
    would run as a formula gets a leading apostrophe.
    """
    frame = pd.DataFrame(tables.sites.drop(columns="geometry"))
    frame["notice"] = synthetic_line(tables.facts, "zh")
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    frame = frame.assign(**{str(name): frame[name].map(neutral) for name in texts})
    frame.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")


def neutral(value: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def read_sites(path: str | Path) -> gpd.GeoDataFrame:
    """Read the chosen options back from a plan's GeoPackage or GeoJSON, WGS 84.

    Raises
    ------
    FileError
        When the file is missing or no plan.
    """
    try:
        return gpd.read_file(path, layer="sites").to_crs(WGS84)
    except (OSError, ValueError, DataSourceError) as error:
        raise FileError(f"{path}: cannot be read as a plan: {error}") from error


def _write_map(
    path: Path,
    tables: PlanTables,
    demand: tuple[DemandLayer, ...],
    language: Language,
    made_at: datetime,
) -> None:
    _write_text(path, map_html(plan_map(tables, demand=demand, language=language, made_at=made_at)))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
