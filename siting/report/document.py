"""The report of a plan: one page of result, then tables, proof, method, assumptions, sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from siting.map_style import ZONE_STYLES
from siting.messages import say
from siting.report.blocks import Block, Bullets, Grid, Heading, Paragraph, to_html, to_markdown
from siting.report.exclusion_blocks import exclusion_assumptions, exclusion_blocks
from siting.report.honesty import (
    bound_text,
    gap_text,
    headline,
    honesty_lines,
    layer_name,
    step_name,
    synthetic_line,
    value_text,
)
from siting.report.sharing import Sharing, sharing_grid, sharing_lines
from siting.technology import CoverageModel
from siting.text import (
    LANGUAGES,
    UNKNOWN,
    Language,
    area_text,
    count_text,
    date_text,
    length_text,
    money_text,
    seconds_text,
    share_text,
    sinr_text,
    time_text,
    weight_text,
)

if TYPE_CHECKING:
    from siting.report import Facts, PlanTables
    from siting.scenario import Scenario

_PLACES = 20


def report_blocks(
    scenario: Scenario, tables: PlanTables, *, language: Language, made_at: datetime
) -> list[Block]:
    """Put the report of a plan together.

    Parameters
    ----------
    scenario, tables
        Question and answer.
    language
        ``"zh"`` or ``"en"``.
    made_at
        Moment printed as date of the report.
    """
    facts = tables.facts
    area = facts.area.name_zh if language == "zh" else facts.area.name_en
    return [
        Paragraph(synthetic_line(facts, language), notice=True),
        Heading(1, say("report.title", language, area=area)),
        Paragraph(f"{facts.scenario} · {date_text(made_at, language)}"),
        Heading(2, say("report.summary", language)),
        Paragraph(headline(facts, language)),
        Heading(3, say("report.honesty", language)),
        Bullets(tuple(honesty_lines(facts, language))),
        Heading(2, say("report.results", language)),
        zones_grid(tables, language),
        Heading(2, say("report.districts", language)),
        districts_grid(tables, language),
        Heading(2, say("report.unserved", language)),
        *_unserved(tables, language),
        Heading(2, say("report.technologies", language)),
        technologies_grid(facts, language),
        Paragraph(say("report.sites_in", language)),
        *exclusion_blocks(tables, language),
        *_sharing(tables.sharing, language),
        Heading(2, say("report.steps", language)),
        steps_grid(facts, language),
        Heading(2, say("report.method", language)),
        Bullets(tuple(_method(scenario, language))),
        Heading(2, say("report.assumptions", language)),
        _technology_assumptions(scenario, language),
        _standard_assumptions(scenario, language),
        *exclusion_assumptions(facts, language),
        Heading(2, say("report.data", language)),
        _provenance_grid(facts, language),
        _sources_grid(tables, language),
        Heading(2, say("report.manifest", language)),
        _grid(
            ["key", "value"],
            [(say(key, language), value) for key, value in manifest(facts, made_at)],
            language,
        ),
    ]


def report_markdown(scenario: Scenario, tables: PlanTables, *, made_at: datetime) -> str:
    """Write the report in Chinese and English as Markdown."""
    parts = [
        to_markdown(report_blocks(scenario, tables, language=language, made_at=made_at))
        for language in LANGUAGES
    ]
    return "\n---\n\n".join(parts)


def report_html(scenario: Scenario, tables: PlanTables, *, made_at: datetime) -> str:
    """Write the report in Chinese and English as one HTML page without outside files."""
    facts = tables.facts
    title = say("report.title", "zh", area=facts.area.name_zh)
    parts = []
    for language in LANGUAGES:
        body = to_html(report_blocks(scenario, tables, language=language, made_at=made_at))
        code = "zh-CN" if language == "zh" else "en"
        parts.append(f'<article lang="{code}" id="{language}">{body}</article>')
    return (
        '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        '<nav><a href="#zh">中文</a> <a href="#en" lang="en">English</a></nav>'
        f"{''.join(parts)}</body></html>\n"
    )


_STYLE = """
body { font: 15px/1.6 system-ui, "Noto Sans CJK SC", "Source Han Sans SC", sans-serif;
  color: #1B1F23; margin: 0 auto; padding: 12px 16px 40px; max-width: 1080px; }
h1 { font-size: 24px; } h2 { font-size: 18px; margin-top: 1.8em; } h3 { font-size: 15px; }
.notice { background: #FFF4D6; border: 1px solid #767D86; padding: 6px 10px; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: 14px; margin: 8px 0; }
th, td { border: 1px solid #767D86; padding: 3px 8px; text-align: left; vertical-align: top; }
th { background: #EFF3FF; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
a { color: #005A9E; } article + article { border-top: 2px solid #1B1F23; margin-top: 40px; }
@media print { @page { size: A4; margin: 20mm; } nav { display: none; } thead { display:
  table-header-group; } article + article { break-before: page; border: 0; } }
"""


def manifest(facts: Facts, made_at: datetime) -> list[tuple[str, str]]:
    """List what reproduces the plan: message key and value."""
    return [
        ("scenario", facts.scenario),
        ("hash", facts.scenario_hash),
        ("seed", str(facts.seed)),
        ("version", facts.version),
        ("made_at", time_text(made_at)),
        ("runtime", f"{facts.runtime_s:.1f} s"),
        ("frame", facts.crs),
        ("status", facts.status.value),
    ]


def zones_grid(tables: PlanTables, language: Language) -> Grid:
    """Return the target board: one row per target; with two columns more where a SINR is asked."""
    asks = bool(tables.facts.sinr_targets)
    rows = []
    for _, row in tables.zones.iterrows():
        weight = str(row["weight"])
        rows.append(
            (
                str(row[f"name_{language}"]),
                say(f"zone_kind.{row['kind']}", language),
                str(row["tier"]),
                tables.facts.standard_name(str(row["standard"]), language),
                say(f"weight.{weight}", language),
                share_text(float(row["required_fraction"]), language, "up"),
                share_text(float(row["share"]), language),
                *_sinr_texts(row, language, shown=asks),
                weight_text(float(row["shortfall"]), weight, language, "up"),
                state_text(str(row["state"]), language),
                say(f"provenance.{row['provenance']}", language),
            )
        )
    sinr = ["sinr_db", "clear_share"] if asks else []
    heads = ["zone_name", "kind", "tier", "standard", "weight", "required", "share", *sinr,
             "shortfall", "state", "provenance"]  # fmt: skip
    return _grid(heads, rows, language, numeric=(2, *range(5, 8 + len(sinr))))


def _sinr_texts(row: Any, language: Language, *, shown: bool) -> tuple[str, ...]:
    """Write the SINR a target asks for, and the share that has it."""
    if not shown:
        return ()
    return (
        sinr_text(float(row["min_ss_sinr_db"])),
        share_text(float(row["clear_share"]), language),
    )


def state_text(state: str, language: Language) -> str:
    """Write a target state with its sign."""
    return f"{ZONE_STYLES[state].sign} {say(f'state.{state}', language)}"


def districts_grid(tables: PlanTables, language: Language) -> Grid:
    """Return stations, cost and service per district."""
    rows = []
    for _, row in tables.districts.iterrows():
        rows.append(
            (
                str(row[f"name_{language}"]),
                count_text(row["stations"]),
                count_text(row["sites"]),
                money_text(int(row["cost_cny"]), language),
                *_district_shares(row, language),
            )
        )
    heads = ["district", "stations", "sites", "cost", "served_people", "share_people", "share_area"]
    return _grid(heads, rows, language, numeric=range(1, 7))


def _district_shares(row: Any, language: Language) -> tuple[str, str, str]:
    people = row.get("population_served", float("nan"))
    return (
        weight_text(float(people), "population", language, "down"),
        share_text(float(row.get("population_share", float("nan"))), language),
        share_text(float(row.get("area_m2_share", float("nan"))), language),
    )


def technologies_grid(facts: Facts, language: Language) -> Grid:
    """Return stations and equipment cost per technology."""
    rows = [
        (
            item.name_zh if language == "zh" else item.name_en,
            class_text(item.station_class, language),
            item.band,
            count_text(item.count),
            money_text(item.cost_cny, language),
        )
        for item in facts.technologies
    ]
    heads = ["technology_name", "class", "band", "stations", "equipment_cost"]
    return _grid(heads, rows, language, numeric=(3, 4))


def _sharing(sharing: Sharing | None, language: Language) -> Iterable[Block]:
    if sharing is None:
        return
    yield Heading(3, say("report.sharing", language))
    yield sharing_grid(sharing, language)
    for line in sharing_lines(sharing, language):
        yield Paragraph(line)


def class_text(station_class: str, language: Language) -> str:
    """Name a station class; an unknown one keeps its own name."""
    known = {"macro", "micro", "wide_area"}
    return say(f"class.{station_class}", language) if station_class in known else station_class


def steps_grid(facts: Facts, language: Language) -> Grid:
    """Return value, bound and gap of each optimisation."""
    rows = [
        (
            step_name(step, language),
            say(f"status.{step.status.value}", language),
            value_text(step, language),
            f"{say(f'bound.{step.sense.value}', language)} {bound_text(step, language)}",
            gap_text(step, language),
            seconds_text(step.runtime_s, language),
        )
        for step in facts.steps
    ]
    heads = ["step_name", "status", "reached", "bound", "gap", "runtime"]
    return _grid(heads, rows, language, numeric=(2, 3, 4, 5))


def place_text(row: Any, language: Language) -> str:
    """Name an unserved place by district, nearest zone, distance and direction."""
    district = str(row[f"district_{language}"])
    zone = str(row[f"zone_{language}"])
    if pd.isna(row["lon"]):
        return f"{district}, {say('unserved.scattered', language)}"
    if not zone:
        return district
    if not row["direction"]:
        return f"{district}, {zone}"
    away = length_text(float(row["distance_m"]), language)
    direction = say(f"direction.{row['direction']}", language)
    return f"{district}, " + say(
        "unserved.place", language, name=zone, direction=direction, distance=away
    )


def unserved_grid(tables: PlanTables, language: Language, limit: int = _PLACES) -> Grid:
    """Return the largest unserved places."""
    rows = [
        (
            str(row["number"]),
            place_text(row, language),
            weight_text(float(row["people"]), "population", language, "up"),
            area_text(float(row["area_m2"]), language, "up"),
            say(f"unserved.{row['reason']}", language),
        )
        for _, row in tables.unserved.head(limit).iterrows()
    ]
    return _grid(["number", "place", "people", "area", "reason"], rows, language, numeric=(0, 2, 3))


def _unserved(tables: PlanTables, language: Language) -> Iterable[Block]:
    if tables.unserved.empty:
        yield Paragraph(say("report.all_served", language))
        return
    standard = tables.facts.standard_name(tables.facts.focus.standard_id, language)
    yield Paragraph(f"{say('standard', language)}: {standard}")
    yield unserved_grid(tables, language)
    if len(tables.unserved) > _PLACES:
        more = len(tables.unserved) - _PLACES
        yield Paragraph(say("report.more", language, n=count_text(more)))


def _method(scenario: Scenario, language: Language) -> list[str]:
    demand = scenario.data.demand
    n = count_text(len(demand))
    if demand.cell_size_m is None:
        first = say("method.points", language, n=n)
    else:
        cell = length_text(demand.cell_size_m, language)
        first = say("method.demand", language, n=n, cell=cell)
    options = say(
        "method.options",
        language,
        sites=count_text(len(scenario.data.sites)),
        options=count_text(len(scenario.options)),
    )
    aimed = scenario.coverage_model is CoverageModel.SECTORS
    radio = "method.radio_sectors" if aimed else "method.radio"
    keys = (radio, "method.steps", "method.rounding")
    return [first, options, *(say(key, language) for key in keys)]


def _technology_assumptions(scenario: Scenario, language: Language) -> Grid:
    separator = "、" if language == "zh" else ", "
    rows = [
        (
            item.name_zh if language == "zh" else item.name_en,
            f"{item.frequency_mhz:g}",
            f"{item.tx_power_dbm:g}",
            f"{item.ssb_gain_dbi:g}",
            separator.join(say(f"site_kind.{host.value}", language) for host in item.hosts),
            money_text(item.cost_cny, language),
            item.source,
        )
        for item in scenario.technologies
    ]
    heads = ["technology_name", "frequency", "power", "gain", "hosts", "equipment_cost", "source"]
    return _grid(heads, rows, language, numeric=(1, 2, 3, 5))


def _standard_assumptions(scenario: Scenario, language: Language) -> Grid:
    rows = [
        (
            item.name_zh if language == "zh" else item.name_en,
            f"{item.min_ss_rsrp_dbm:g}",
            share_text(item.area_probability, language),
            say(f"penetration.{item.penetration.value}", language),
            item.source,
        )
        for item in scenario.standards
    ]
    heads = ["standard", "rsrp", "probability", "penetration", "source"]
    return _grid(heads, rows, language, numeric=(1, 2))


def _provenance_grid(facts: Facts, language: Language) -> Grid:
    rows = [
        (
            layer_name(layer, language),
            say(f"provenance.{name}", language),
            share_text(share, language, "nearest"),
        )
        for layer, shares in facts.provenance.items()
        for name, share in shares.items()
    ]
    return _grid(["layer", "provenance", "portion"], rows, language, numeric=(2,))


def _sources_grid(tables: PlanTables, language: Language) -> Grid:
    rows: dict[tuple[str, str, str], None] = {}
    for layer, frame in (
        ("districts", tables.districts),
        ("zones", tables.zones),
        ("candidate sites", tables.sites),
    ):
        for source, licence in zip(frame["source"], frame["licence"], strict=True):
            rows[(layer_name(layer, language), str(source) or UNKNOWN, str(licence))] = None
    return _grid(["layer", "source", "licence"], list(rows), language)


def _grid(
    heads: Sequence[str],
    rows: Iterable[tuple[str, ...]],
    language: Language,
    numeric: Iterable[int] = (),
) -> Grid:
    return Grid(
        heads=tuple(say(f"head.{head}", language) for head in heads),
        rows=tuple(rows),
        numeric=frozenset(numeric),
    )
