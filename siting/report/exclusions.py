"""What the siting constraints did to a plan's options: counts, sentences, and a table of sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.exclusions import UNITS, Reason
from siting.geo import WGS84, unproject
from siting.messages import say
from siting.text import Language, count_text, round_text

if TYPE_CHECKING:
    from siting.exclusion_spec import StatedAssumption
    from siting.scenario import Scenario

_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """How many options at how many sites are left out for one reason."""

    reason: Reason
    options: int
    sites: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFacts:
    """What can be said about the siting constraints of a scenario.

    Parameters
    ----------
    counts
        Per reason, in the order the rules are judged; reasons without an option are left out.
    closed
        Sites that have no option left.
    lowered, lowered_sites
        Technologies at sites that stand lower than they want, and their sites.
    beyond
        Names of shapes outside the study area.
    water_missing
        Water was to be closed, but none was supplied.
    level_ground
        Buildings count, and no terrain is known.
    ground_elevation_m
        Ground taken where no terrain is known, when a runway counts; None: not needed.
    assumptions
        Every figure of the rules.
    """

    counts: tuple[ReasonCount, ...]
    closed: int
    lowered: int
    lowered_sites: int
    beyond: tuple[str, ...]
    water_missing: bool
    level_ground: bool
    ground_elevation_m: float | None
    assumptions: tuple[StatedAssumption, ...]


def rule_facts(scenario: Scenario) -> RuleFacts | None:
    """Gather what the siting constraints did; None when the scenario has none."""
    rules = scenario.exclusions
    if rules is None:
        return None
    closed = {item.site for item in scenario.excluded} - set(scenario.options.site.tolist())
    counts = []
    for reason in Reason:
        mine = [item for item in scenario.excluded if item.reason is reason]
        if mine:
            counts.append(
                ReasonCount(
                    reason=reason,
                    options=sum(item.options for item in mine),
                    sites=len({item.site for item in mine}),
                )
            )
    return RuleFacts(
        counts=tuple(counts),
        closed=len(closed),
        lowered=len(scenario.lowered),
        lowered_sites=len({item.site for item in scenario.lowered}),
        beyond=rules.beyond,
        water_missing=rules.water_missing,
        level_ground=bool(rules.sensitive) and scenario.data.terrain is None,
        ground_elevation_m=rules.ground_elevation_m if rules.runways else None,
        assumptions=rules.assumptions.rows(),
    )


def rule_lines(facts: RuleFacts, language: Language) -> list[str]:
    """Say in sentences what the siting constraints did and what they assume."""
    lines = [_counts_line(facts, language)]
    if facts.lowered:
        lines.append(
            say(
                "exclusions.lowered",
                language,
                count=count_text(facts.lowered),
                sites=count_text(facts.lowered_sites),
            )
        )
    if facts.water_missing:
        lines.append(say("exclusions.no_water", language))
    if facts.ground_elevation_m is not None:
        ground = round_text(facts.ground_elevation_m, 1)
        lines.append(say("exclusions.given_ground", language, ground=ground))
    if facts.level_ground:
        lines.append(say("exclusions.level_ground", language))
    if facts.beyond:
        more = ["…"] if len(facts.beyond) > _NAMED else []
        names = _listed([*facts.beyond[:_NAMED], *more], language)
        lines.append(say("exclusions.beyond", language, names=names))
    figures = [
        f"{say(f'assumption.exclusion.{item.name}', language)} {figure_text(item, language)}"
        for item in facts.assumptions
    ]
    return [*lines, say("exclusions.assumed", language, figures=_listed(figures, language))]


def _counts_line(facts: RuleFacts, language: Language) -> str:
    if not facts.counts:
        return say("exclusions.nothing", language)
    parts = [
        say(
            "exclusions.part",
            language,
            reason=say(f"exclusion.{item.reason.value}", language),
            options=count_text(item.options),
            sites=count_text(item.sites),
        )
        for item in facts.counts
    ]
    return say(
        "exclusions.counts",
        language,
        options=count_text(sum(item.options for item in facts.counts)),
        closed=count_text(facts.closed),
        parts=_listed(parts, language),
    )


def figure_text(item: StatedAssumption, language: Language) -> str:
    """Write a figure with its unit, and that it was changed."""
    unit = "" if item.unit == "1" else f" {item.unit}"
    changed = say("exclusions.changed", language) if item.changed else ""
    return f"{item.value:g}{unit}{changed}"


def _listed(parts: Sequence[str], language: Language) -> str:
    return ("、" if language == "zh" else ", ").join(parts)


def plan_exclusions(scenario: Scenario) -> gpd.GeoDataFrame | None:
    """List what was left out or lowered, one row per site, technology and reason.

    Returns
    -------
    GeoDataFrame
        WGS 84 points, by site; None when the scenario has no siting constraints. ``amount`` and
        ``limit`` are those of :class:`siting.exclusions.Excluded`; of a lowered antenna the height
        it wants and the height it has.
    """
    if scenario.exclusions is None:
        return None
    out = [
        (item.site, item.technology, "excluded", item.reason, item.by, item.amount, item.permitted,
         item.options)
        for item in scenario.excluded
    ]  # fmt: skip
    low = [
        (item.site, item.technology, "lowered", Reason.AERODROME, item.by, item.wanted_m,
         item.height_m, 0)
        for item in scenario.lowered
    ]  # fmt: skip
    rows = sorted([*out, *low], key=lambda row: row[:2])
    sites, used = scenario.data.sites, scenario.technologies
    at = np.array([row[0] for row in rows], dtype=np.intp)
    lon, lat = unproject(sites.xy[at], scenario.data.study_area.crs)
    frame = pd.DataFrame(
        {
            "site": [str(sites.id[index]) for index in at],
            "district": [str(sites.district[index]) for index in at],
            "technology": [used[row[1]].id for row in rows],
            "technology_zh": [used[row[1]].name_zh for row in rows],
            "technology_en": [used[row[1]].name_en for row in rows],
            "effect": [row[2] for row in rows],
            "reason": [row[3].value for row in rows],
            "by": [row[4] for row in rows],
            "amount": np.array([row[5] for row in rows], dtype=np.float64),
            "limit": np.array([row[6] for row in rows], dtype=np.float64),
            "unit": [UNITS[row[3]] for row in rows],
            "options": np.array([row[7] for row in rows], dtype=np.int64),
            "lon": lon,
            "lat": lat,
        }
    )
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(lon, lat), crs=WGS84)
