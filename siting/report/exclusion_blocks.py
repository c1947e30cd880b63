"""The parts of the report about siting constraints: what is left out by which shape, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from siting.messages import say
from siting.report.blocks import Block, Grid, Heading, Paragraph
from siting.report.exclusions import figure_text, rule_lines
from siting.text import UNKNOWN, Language, count_text

if TYPE_CHECKING:
    from siting.report import Facts, PlanTables

_ROWS = 20


def exclusion_blocks(tables: PlanTables, language: Language) -> Iterator[Block]:
    """Say what the constraints left out, by reason and shape; nothing without constraints."""
    if tables.facts.rules is None:
        return
    yield Heading(3, say("report.exclusions", language))
    yield Paragraph(rule_lines(tables.facts.rules, language)[0])
    grid = exclusions_grid(tables, language)
    if grid is not None:
        yield grid


def exclusions_grid(tables: PlanTables, language: Language) -> Grid | None:
    """Count sites and options by effect, reason and shape; None when nothing was touched."""
    if tables.exclusions is None or tables.exclusions.empty:
        return None
    rows = [
        (
            say(f"exclusion.{effect}", language),
            say(f"exclusion.{reason}", language),
            str(by) or UNKNOWN,
            count_text(mine["site"].nunique()),
            count_text(mine["options"].sum()) if effect == "excluded" else UNKNOWN,
        )
        for (effect, reason, by), mine in tables.exclusions.groupby(["effect", "reason", "by"])
    ]
    heads = ("effect", "reason", "by", "sites", "options")
    if len(rows) > _ROWS:
        more = say("report.more", language, n=count_text(len(rows) - _ROWS))
        rows = [*rows[:_ROWS], (UNKNOWN, UNKNOWN, more, UNKNOWN, UNKNOWN)]
    return _grid(heads, rows, language, numeric=(3, 4))


def exclusion_assumptions(facts: Facts, language: Language) -> Iterator[Block]:
    """List every figure of the constraints with its source; nothing without constraints."""
    if facts.rules is None:
        return
    yield Heading(3, say("report.exclusion_assumptions", language))
    rows = [
        (
            say(f"assumption.exclusion.{item.name}", language),
            figure_text(item, language),
            item.source,
        )
        for item in facts.rules.assumptions
    ]
    yield _grid(("assumption", "value", "source"), rows, language, numeric=(1,))


def _grid(
    heads: tuple[str, ...],
    rows: list[tuple[str, ...]],
    language: Language,
    *,
    numeric: tuple[int, ...],
) -> Grid:
    return Grid(
        heads=tuple(say(f"head.{head}", language) for head in heads),
        rows=tuple(rows),
        numeric=frozenset(numeric),
    )
