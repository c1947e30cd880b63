"""What the pages say: figures, boards and sentences as finished texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.tables import Dataset, Place
from siting.exclusion_spec import ExclusionsSpec
from siting.layers import provenance_shares
from siting.maps.prediction_map import TESTED
from siting.messages import MESSAGES, say
from siting.plan import TargetState
from siting.radio.network.area_report import Confidence
from siting.report import Facts, PlanTables
from siting.report.blocks import Grid
from siting.report.document import state_text
from siting.report.honesty import headline, layer_name
from siting.scenario import PlanningData
from siting.spec import ScenarioSpec
from siting.text import (
    UNKNOWN,
    Language,
    Rounding,
    count_text,
    money_text,
    round_text,
    share_text,
    sinr_text,
    weight_text,
)
from siting.zones import ZoneKind


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the plan's three plain figures."""

    value: str
    label: str
    source: str


def figures(facts: Facts, language: Language) -> list[Figure]:
    """Return the three figures: targets met, share served, stations and cost."""
    weight = say(f"weight.{facts.focus.weight}", language)
    return [
        Figure(
            f"{facts.targets_met} / {len(facts.targets)}", say("figure.targets", language), "zones"
        ),
        Figure(
            share_text(facts.focus_share, language),
            say("figure.served", language, weight=weight),
            "zones",
        ),
        Figure(
            f"{count_text(facts.stations)} · {money_text(facts.cost_cny, language)}",
            f"{say('stations', language)} · {say('cost', language)}",
            "sites",
        ),
    ]


def summary(tables: PlanTables, language: Language) -> dict[str, Any]:
    """Return sentence and figures for the start page."""
    return {
        "sentence": headline(tables.facts, language),
        "figures": figures(tables.facts, language),
    }


def phase_name(phase: str, language: Language) -> str:
    """Name a phase of a computation; an unknown one keeps its own name."""
    key = f"phase.{phase}"
    return say(key, language) if key in MESSAGES else phase


def state_counts(tables: PlanTables, language: Language) -> list[tuple[str, str]]:
    """Count the targets in each state, the best first."""
    states = list(tables.zones["state"])
    return [
        (state_text(state.value, language), count_text(states.count(state.value)))
        for state in TargetState
        if state.value in states
    ]


def board(tables: PlanTables, language: Language) -> list[dict[str, str]]:
    """Return the target board, what is worst first, then in the scenario's order."""
    order = [
        TargetState.IMPOSSIBLE, TargetState.MISSED, TargetState.NEAR, TargetState.NOT_ASSESSABLE,
        TargetState.MET,
    ]  # fmt: skip
    rows = [
        {
            "name": str(row[f"name_{language}"]),
            "kind": say(f"zone_kind.{row['kind']}", language),
            "standard": tables.facts.standard_short(str(row["standard"]), language),
            "standard_full": tables.facts.standard_name(str(row["standard"]), language),
            "weight": say(f"weight.{row['weight']}", language),
            "required": share_text(float(row["required_fraction"]), language, "up"),
            "share": share_text(float(row["share"]), language),
            "with_sinr": f"{share_text(float(row['clear_share']), language)} "
            f"({sinr_text(float(row['min_ss_sinr_db']))})"
            if math.isfinite(row["clear_share"])
            else UNKNOWN,
            "shortfall": weight_text(float(row["shortfall"]), str(row["weight"]), language, "up")
            if row["shortfall"] > 0
            else UNKNOWN,
            "state": str(row["state"]),
            "state_text": state_text(str(row["state"]), language),
            "provenance": say(f"provenance.{row['provenance']}", language),
        }
        for row in tables.zones.to_dict("records")
    ]
    return sorted(rows, key=lambda row: order.index(TargetState(row["state"])))


def prediction_table(zones: Sequence[dict[str, Any]], language: Language) -> Grid:
    """Lay out a prediction's figures by zone: a share per standard, overlap, rate, the test."""
    standards = [item["standard"] for item in zones[0]["standards"]] if zones else []
    heads = [
        say("zone", language),
        *(_short(say(f"prediction.{name}", language)) for name in standards),
        *(say(key, language) for key in ("prediction.overlap", "prediction.mean_rate")),
        say("prediction.test", language),
    ]
    rows = [
        (
            str(zone[f"name_{language}"]),
            *(_share(item["share"], language) for item in zone["standards"]),
            _share(zone["overlap_share"], language, "up"),
            UNKNOWN
            if zone["mean_downlink_mbps"] is None
            else round_text(zone["mean_downlink_mbps"], 0, "down"),
            _verdict(zone, language),
        )
        for zone in zones
    ]
    return Grid(heads=tuple(heads), rows=tuple(rows), numeric=frozenset(range(1, len(heads) - 1)))


def _short(name: str) -> str:
    """Leave out what a name explains in brackets; a note below the table has it."""
    return name.partition(" (")[0]


def _share(value: float | None, language: Language, direction: Rounding = "down") -> str:
    return UNKNOWN if value is None else share_text(value, language, direction)


def _verdict(zone: dict[str, Any], language: Language) -> str:
    """Say how a zone stands in the 95 % test, and how sure that is."""
    tested = next(item for item in zone["standards"] if item["standard"] == TESTED)
    if not tested["pixels"]:
        return UNKNOWN
    words = say("prediction.passes" if tested["passes"] else "prediction.fails", language)
    if tested["confidence"] == Confidence.SURE:
        return words
    doubt = say(f"prediction.{tested['confidence']}", language)
    return f"{words} ({doubt})"


def _exclusions_line(exclusions: ExclusionsSpec, language: Language) -> str:
    water = "page.water_closed" if exclusions.water else "page.water_open"
    return say(
        "page.exclusions",
        language,
        areas=count_text(len(exclusions.areas)),
        water=say(water, language),
        runways=count_text(len(exclusions.runways)),
        sensitive=count_text(len(exclusions.sensitive)),
    )


def scenario_sentences(spec: ScenarioSpec, data: PlanningData, language: Language) -> list[str]:
    """Say a scenario's settings in sentences."""
    zones = {zone.id: (zone.name_zh, zone.name_en) for zone in data.zones}
    standards = {item.id: (item.name_zh, item.name_en) for item in data.standards}
    standards |= {item.id: (item.name_zh, item.name_en) for item in spec.standards}
    place = 0 if language == "zh" else 1
    separator = "、" if language == "zh" else ", "
    lines = []
    for target in spec.targets:
        named = [say(f"zone_kind.{kind.value}", language) for kind in target.kinds]
        named += [zones.get(zone, (zone, zone))[place] for zone in target.zones]
        lines.append(
            say(
                "page.target_sentence",
                language,
                zones=separator.join(named),
                standard=standards.get(target.standard, (target.standard,) * 2)[place],
                weight=say(f"weight.{target.weight}", language),
                share=share_text(target.required_fraction, language, "up"),
            )
        )
    if spec.stations is None:
        lines.append(say("page.stations_free", language))
    else:
        lines.append(say("page.stations_in_all", language, n=count_text(spec.stations)))
    if spec.objective is not None:
        lines.append(
            say(
                "page.objective_sentence",
                language,
                standard=standards.get(spec.objective.standard, (spec.objective.standard,) * 2)[
                    place
                ],
                weight=say(f"weight.{spec.objective.weight}", language),
            )
        )
    if spec.exclusions is not None:
        lines.append(_exclusions_line(spec.exclusions, language))
    for key, sites in (
        ("page.locked", spec.locked_sites),
        ("page.forbidden", spec.forbidden_sites),
    ):
        if sites:
            lines.append(say(key, language, sites=separator.join(sites)))
    return lines


def data_set(
    head: Dataset, data: PlanningData, unlocated: Sequence[Place], language: Language
) -> dict[str, Any]:
    """Return what the data page shows of one data set."""
    counts = {
        "districts": len(data.study_area.districts),
        "zones": sum(zone.kind is not ZoneKind.DISTRICT for zone in data.zones),
        "candidate sites": len(data.sites),
        "demand area_m2": len(data.demand),
        "demand population": len(data.demand),
    }
    shares = provenance_shares(data)
    return {
        "head": head,
        "name": head.name_zh if language == "zh" else head.name_en,
        "synthetic": any(by.get("synthetic", 0) > 0 for by in shares.values()),
        "layers": [
            {
                "name": layer_name(layer, language),
                "count": count_text(counts.get(layer, 0)),
                "shares": ", ".join(
                    f"{say(f'provenance.{name}', language)} {share_text(part, language, 'nearest')}"
                    for name, part in by.items()
                ),
            }
            for layer, by in shares.items()
        ],
        "sources": _sources(data, language),
        "unlocated": [
            {
                "name": place.name_zh if language == "zh" else place.name_en or place.name_zh,
                "kind": _place_kind(place.kind, language),
                "source": place.source,
                "note": place.note,
            }
            for place in unlocated
        ],
    }


def _place_kind(kind: str, language: Language) -> str:
    key = f"place_kind.{kind}"
    return say(key if key in MESSAGES else "place_kind.other", language)


def _sources(data: PlanningData, language: Language) -> list[tuple[str, str, str]]:
    found: dict[tuple[str, str, str], None] = {}
    for zone in data.study_area.districts:
        found[(layer_name("districts", language), zone.source, zone.licence)] = None
    for zone in data.zones:
        if zone.kind is not ZoneKind.DISTRICT:
            found[(layer_name("zones", language), zone.source, zone.licence)] = None
    for source, licence in zip(data.sites.source, data.sites.licence, strict=True):
        found[(layer_name("candidate sites", language), source, licence)] = None
    return list(found)
