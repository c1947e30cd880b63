"""A plan as a workbook: sites, zones, districts, unserved places, manifest."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from siting.messages import say
from siting.report.document import manifest, place_text, state_text
from siting.report.honesty import synthetic_line
from siting.report.sharing import Sharing, operator_name
from siting.text import Language, cost_wan

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

    from siting.report import Facts, PlanTables

_TEXT = "@"
_BOLD = Font(bold=True)
_NOTICE = PatternFill("solid", fgColor="FFF4D6")
_HEAD = PatternFill("solid", fgColor="EFF3FF")
_HEAD_ROW = 2
_PAPER_A3 = "8"  # ISO/IEC 29500-1, 18.3.1.63 pageSetup
#: What a spreadsheet takes for a formula at the start of a text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Column(NamedTuple):
    head: str
    width: float
    value: Callable[[Any], object]
    format: str = "General"


def write_workbook(
    tables: PlanTables, path: Path, *, language: Language, made_at: datetime
) -> None:
    """Write a workbook with one sheet per table.

    A1 of every sheet says what is synthetic; row 2 holds the heads, frozen and repeated in print;
    codes are text; no text is ever a formula.
    """
    book = Workbook()
    if book.active is not None:
        book.remove(book.active)
    notice = synthetic_line(tables.facts, language)
    sheets = [
        ("sites", _sites(tables.facts, language), tables.sites),
        ("zones", _zones(tables.facts, language), tables.zones),
        ("districts", _districts(language), tables.districts),
        ("unserved", _unserved(language), tables.unserved),
        ("manifest", _MANIFEST, _manifest(tables.facts, language, made_at)),
    ]
    if tables.exclusions is not None:
        sheets.insert(-1, ("exclusions", _exclusions(language), tables.exclusions))
    if tables.sharing is not None:
        sheets.insert(3, ("sharing", _OPERATORS, _operators(tables.sharing, language)))
    for name, columns, frame in sheets:
        sheet = book.create_sheet(say(f"sheet.{name}", language))
        heads = [say(f"head.{column.head}", language) for column in columns]
        _frame_sheet(sheet, notice, heads, [column.width for column in columns])
        # Rows as dictionaries keep each column's own type; a row of a DataFrame would not.
        for number, row in enumerate(frame.to_dict("records"), start=_HEAD_ROW + 1):
            for place, column in enumerate(columns, start=1):
                _put(sheet.cell(number, place), column.value(row), column.format)
    book.save(path)


_MANIFEST = [
    _Column("key", 24, lambda row: row["key"]),
    _Column("value", 80, lambda row: row["value"]),
]


def _manifest(facts: Facts, language: Language, made_at: datetime) -> pd.DataFrame:
    entries = [(say(key, language), value) for key, value in manifest(facts, made_at)]
    return pd.DataFrame(entries, columns=pd.Index(["key", "value"]))


_OPERATORS = [
    _Column("operator", 18, lambda row: row["operator"]),
    _Column("stations", 10, lambda row: row["stations"]),
    _Column("sites", 10, lambda row: row["sites"]),
    _Column("cost_wan", 14, lambda row: cost_wan(row["cost_cny"]), "#,##0.0"),
    _Column("separate_wan", 20, lambda row: cost_wan(row["separate_cny"]), "#,##0.0"),
]


def _operators(sharing: Sharing, language: Language) -> pd.DataFrame:
    """Return a row per operator, and one for all together."""
    rows = [dataclasses.asdict(item) for item in sharing.operators]
    frame = pd.DataFrame(rows).assign(
        operator=[operator_name(item.operator, language) for item in sharing.operators]
    )
    total = {
        "operator": say("sharing.total", language),
        "stations": None,
        "sites": sum(sharing.sites),
        "cost_cny": sharing.cost_cny,
        "separate_cny": sharing.separate_cny,
    }
    return pd.concat([frame.astype(object), pd.DataFrame([total], dtype=object)])


def _frame_sheet(
    sheet: Worksheet, notice: str, heads: Sequence[str], widths: Sequence[float]
) -> None:
    sheet.freeze_panes = f"A{_HEAD_ROW + 1}"
    sheet.print_title_rows = f"1:{_HEAD_ROW}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = _PAPER_A3
    first = _put(sheet.cell(1, 1), notice)
    first.font, first.fill = _BOLD, _NOTICE
    for number, (head, width) in enumerate(zip(heads, widths, strict=True), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        cell = _put(sheet.cell(_HEAD_ROW, number), head)
        cell.font, cell.fill, cell.alignment = _BOLD, _HEAD, Alignment(wrap_text=True)


def _put(cell: Any, value: Any, number_format: str = "General") -> Any:
    """Fill a cell; text stays text, whatever it begins with; an unknown number stays empty."""
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)
        cell.data_type = "s"
        cell.number_format = _TEXT
        # The mark that a spreadsheet itself puts on a text that looks like a formula.
        cell.quotePrefix = value.startswith(FORMULA_STARTS)
    elif value is not None and math.isfinite(value):
        cell.value = value
        cell.number_format = number_format
    return cell


def site_name(row: Any, language: Language) -> str:
    """Name a station for tables by district, host and code."""
    host = say(f"site_kind.{row['host']}", language)
    return f"{row[f'district_{language}']} {host} {row['site']}"


def _sites(facts: Facts, language: Language) -> list[_Column]:
    return [
        _Column("number", 7, lambda row: row["number"]),
        _Column("site", 18, lambda row: str(row["site"])),
        _Column("name", 30, lambda row: site_name(row, language)),
        _Column("service", 12, lambda _: say("service.5g", language)),
        _Column("district", 12, lambda row: row[f"district_{language}"]),
        _Column("lon", 13, lambda row: row["lon"], "0.000000"),
        _Column("lat", 12, lambda row: row["lat"], "0.000000"),
        _Column("north_m", 14, lambda row: row["north_m"], "0.0"),
        _Column("east_m", 13, lambda row: row["east_m"], "0.0"),
        _Column("host", 10, lambda row: say(f"site_kind.{row['host']}", language)),
        _Column("owner", 16, lambda row: str(row["owner"])),
        _Column(
            "existing", 10, lambda row: say("existing" if row["existing"] else "new", language)
        ),
        *(
            [_Column("work", 12, lambda row: say(f"work.{row['work']}", language))]
            if facts.work
            else []
        ),
        _Column("technology", 28, lambda row: row[f"technology_{language}"]),
        _Column("technology_id", 16, lambda row: str(row["technology"])),
        _Column("height_m", 9, lambda row: row["height_m"], "0.0"),
        _Column("turn_deg", 9, lambda row: _known(row, "turn_deg"), "0"),
        _Column("tilt_deg", 9, lambda row: _known(row, "tilt_deg"), "0"),
        _Column(
            "cost_wan", 12, lambda row: cost_wan(row["cost_cny"] + row["site_cost_cny"]), "#,##0.0"
        ),
        _Column("site_cost_wan", 12, lambda row: cost_wan(row["site_cost_cny"]), "#,##0.0"),
        _Column("served", 12, lambda row: math.floor(row["served"]), "#,##0"),
        _Column("served_alone", 13, lambda row: math.floor(row["served_alone"]), "#,##0"),
        _Column("step", 12, lambda row: say(f"chosen.{row['step']}", language)),
        _Column("provenance", 12, lambda row: say(f"provenance.{row['provenance']}", language)),
        _Column("accuracy_m", 11, lambda row: row["accuracy_m"], "0"),
        _Column("source", 30, lambda row: str(row["source"])),
    ]


_SINR = (
    _Column("sinr_db", 12, lambda row: _known(row, "min_ss_sinr_db"), '0.0 "dB"'),
    _Column("clear_share", 12, lambda row: _floor_share(row["clear_share"]), "0.0%"),
)


def _zones(facts: Facts, language: Language) -> list[_Column]:
    return [
        _Column("zone", 18, lambda row: str(row["zone"])),
        _Column("zone_name", 22, lambda row: row[f"name_{language}"]),
        _Column("kind", 14, lambda row: say(f"zone_kind.{row['kind']}", language)),
        _Column("tier", 7, lambda row: row["tier"]),
        _Column("standard", 34, lambda row: facts.standard_name(row["standard"], language)),
        _Column("weight", 10, lambda row: say(f"weight.{row['weight']}", language)),
        _Column("required", 9, lambda row: row["required_fraction"], "0.0%"),
        _Column("share", 9, lambda row: _floor_share(row["share"]), "0.0%"),
        _Column("total", 14, lambda row: row["total"], "#,##0"),
        _Column("served_weight", 14, lambda row: math.floor(row["served"]), "#,##0"),
        *(_SINR if facts.sinr_targets else ()),
        _Column("shortfall", 12, lambda row: math.ceil(row["shortfall"]), "#,##0"),
        _Column("reachable", 14, lambda row: math.floor(row["reachable"]), "#,##0"),
        _Column("state", 12, lambda row: state_text(row["state"], language)),
        _Column("provenance", 12, lambda row: say(f"provenance.{row['provenance']}", language)),
        _Column("accuracy_m", 11, lambda row: row["accuracy_m"], "0"),
        _Column("source", 40, lambda row: str(row["source"])),
    ]


def _districts(language: Language) -> list[_Column]:
    return [
        _Column("zone", 12, lambda row: str(row["district"])),
        _Column("district", 20, lambda row: row[f"name_{language}"]),
        _Column("stations", 10, lambda row: row["stations"]),
        _Column("sites", 10, lambda row: row["sites"]),
        _Column("cost_wan", 14, lambda row: cost_wan(row["cost_cny"]), "#,##0.0"),
        _Column("served_people", 14, lambda row: _floor(row, "population_served"), "#,##0"),
        _Column("share_people", 12, lambda row: _floor_share(row.get("population_share")), "0.0%"),
        _Column("share_area", 12, lambda row: _floor_share(row.get("area_m2_share")), "0.0%"),
        _Column("provenance", 12, lambda row: say(f"provenance.{row['provenance']}", language)),
        _Column("source", 40, lambda row: str(row["source"])),
    ]


def _unserved(language: Language) -> list[_Column]:
    return [
        _Column("number", 7, lambda row: row["number"]),
        _Column("place", 44, lambda row: place_text(row, language)),
        _Column("people", 10, lambda row: math.ceil(row["people"]), "#,##0"),
        _Column("area_km2", 10, lambda row: math.ceil(row["area_m2"] / 1e4) / 100, "0.00"),
        _Column("cells", 8, lambda row: row["cells"]),
        _Column("reason", 26, lambda row: say(f"unserved.{row['reason']}", language)),
        _Column("lon", 13, lambda row: row["lon"], "0.000000"),
        _Column("lat", 12, lambda row: row["lat"], "0.000000"),
    ]


def _exclusions(language: Language) -> list[_Column]:
    return [
        _Column("site", 18, lambda row: str(row["site"])),
        _Column("technology", 28, lambda row: row[f"technology_{language}"]),
        _Column("effect", 12, lambda row: say(f"exclusion.{row['effect']}", language)),
        _Column("reason", 30, lambda row: say(f"exclusion.{row['reason']}", language)),
        _Column("by", 24, lambda row: str(row["by"])),
        _Column("amount", 12, lambda row: row["amount"], "0.000"),
        _Column("limit", 12, lambda row: row["limit"], "0.000"),
        _Column("unit", 8, lambda row: str(row["unit"])),
        _Column("options", 8, lambda row: row["options"]),
        _Column("lon", 13, lambda row: row["lon"], "0.000000"),
        _Column("lat", 12, lambda row: row["lat"], "0.000000"),
    ]


def _known(row: Any, column: str) -> float | None:
    value = row.get(column)
    return None if value is None or math.isnan(value) else value


def _floor(row: Any, column: str) -> float | None:
    value = _known(row, column)
    return None if value is None else math.floor(value)


def _floor_share(share: float | None) -> float | None:
    """Round a share down to 0.1 %, so that the cell's own format cannot round it up."""
    if share is None or math.isnan(share):
        return None
    return math.floor(round(share * 1000, 9)) / 1000
