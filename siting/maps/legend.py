"""The map's frame as page HTML: notice, title, legend, credit; both languages, one style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from siting import map_style
from siting.maps.payload import DemandLayer, Pair, pair, said
from siting.messages import say
from siting.report.honesty import headline, honesty_lines, synthetic_line
from siting.text import count_text, date_text, share_text

if TYPE_CHECKING:
    from siting.maps.raster_layer import RasterLayer
    from siting.report import Facts, PlanTables


def both(texts: Pair) -> str:
    """Write a text in both languages; the style sheet shows the one of the page."""
    chinese, english = (escape(text) for text in texts)
    return (
        f'<span class="zh" lang="zh-CN">{chinese}</span><span class="en" lang="en">{english}</span>'
    )


def head_html(facts: Facts, summary: Pair | None = None) -> str:
    """Write notice, title, summary (the plan's headline unless given) and language switch."""
    line = summary or pair(lambda language: headline(facts, language))
    notice = pair(lambda language: synthetic_line(facts, language))
    title = title_of(facts)
    return (
        '<header class="sm-head">'
        f'<a class="sm-skip" href="#sm-legend">{both(said("map.skip"))}</a>'
        f'<p class="sm-notice" role="note">{both(notice)}</p>'
        f'<div class="sm-title"><h1>{both(title)}</h1>'
        f"<p>{both(line)}</p>"
        '<button type="button" class="sm-language">'
        f"{both(said('map.language'))}</button></div>"
        f"<noscript><p>{both(said('map.noscript'))}</p></noscript>"
        "</header>"
    )


def title_of(facts: Facts) -> Pair:
    """Return the map's title in both languages."""
    names = {"zh": facts.area.name_zh, "en": facts.area.name_en}
    return pair(
        lambda language: say("map.title", language, area=names[language], scenario=facts.scenario)
    )


def legend_html(
    tables: PlanTables,
    demand: Sequence[DemandLayer],
    states: Sequence[str],
    rasters: Sequence[RasterLayer] = (),
    assumptions: Sequence[tuple[Pair, str]] = (),
) -> str:
    """Write the legend: every layer drawn, with its count, by the symbols of the map."""
    sections = [
        *(_raster(layer) for layer in rasters),
        _stations(tables),
        _zones(states),
        *(_demand(layer) for layer in demand),
        _outlines(tables),
        _trust(tables.facts),
        *([_assumptions(assumptions)] if assumptions else []),
    ]
    defs = map_style.pattern_defs("legend")
    return (
        '<details class="sm-legend" id="sm-legend" open>'
        f"<summary>{both(said('map.legend'))}</summary>"
        f'<svg width="0" height="0" aria-hidden="true" style="position:absolute">{defs}</svg>'
        f"{''.join(sections)}</details>"
    )


def credit_html(credits_: Sequence[str], facts: Facts, made_at: datetime) -> str:
    """Write credit, date, frame and the map approval line."""
    parts = [
        pair(lambda language: say("map.date", language, date=date_text(made_at, language))),
        said("map.frame", crs=facts.crs),
        said("honesty.unapproved"),
    ]
    sources = escape("; ".join(credits_))
    return (
        f'<footer class="sm-credit">{" · ".join(both(part) for part in parts)} · {sources}</footer>'
    )


def _entry(key: str, symbol: str, label: Pair, count: str) -> str:
    return (
        f'<li data-layer="{escape(key)}">{symbol}<span class="sm-label">{both(label)}</span>'
        f'<span class="sm-count">{escape(count)}</span></li>'
    )


def _stations(tables: PlanTables) -> str:
    planned = "existing" in tables.sites
    entries = [
        _entry(
            f"stations-{item.id}",
            map_style.symbol_svg(map_style.station_symbol(item.station_class, item.band)),
            pair(
                lambda language, item=item: (
                    (f"{say('new', language)} " if planned else "")
                    + (item.name_zh if language == "zh" else item.name_en)
                )
            ),
            count_text(item.count),
        )
        for item in tables.facts.technologies
        if item.count
    ]
    title = both(said("map.sites" if planned else "map.stations"))
    return f"<section><h2>{title}</h2><ul>{''.join(entries)}</ul></section>"


def _zones(states: Sequence[str]) -> str:
    entries = [
        _entry(
            f"zones-{state}",
            map_style.zone_svg(state, "legend"),
            pair(
                lambda language, state=state: (
                    f"{map_style.ZONE_STYLES[state].sign} {say(f'state.{state}', language)}"
                )
            ),
            count_text(sum(item == state for item in states)),
        )
        for state in reversed(map_style.STATE_ORDER)
        if state in states
    ]
    return f"<section><h2>{both(said('map.zone_states'))}</h2><ul>{''.join(entries)}</ul></section>"


def _demand(layer: DemandLayer) -> str:
    share = layer.served / layer.total if layer.total > 0 else float("nan")
    missing = 1 - share
    title = pair(
        lambda language: say(
            "map.demand",
            language,
            standard=layer.name_zh if language == "zh" else layer.name_en,
        )
    )
    weight = said(f"weight.{layer.weight}")
    entries = [
        _row(_swatch("plain"), said("map.cell_served"), share_text(share, "zh"), weight),
        _row(_swatch("hatch"), said("map.cell_unserved"), share_text(missing, "zh", "up"), weight),
    ]
    return (
        f'<section data-layer="demand-{escape(layer.standard_id)}"><h2>{both(title)}</h2>'
        f"<ul>{''.join(entries)}</ul></section>"
    )


def _raster(layer: RasterLayer) -> str:
    if any(any(entry.label) for entry in layer.entries):
        rows = [
            f'<li>{_colour(entry.colour)}<span class="sm-label">{both(entry.label)}</span>'
            f'<span class="sm-count">'
            f"{'' if entry.share is None else share_text(entry.share, 'zh')}</span></li>"
            for entry in layer.entries
        ]
        body = f"<ul>{''.join(rows)}</ul>"
    else:
        body = (
            f'<p aria-hidden="true">{"".join(_colour(item.colour) for item in layer.entries)}</p>'
        )
    notes = "".join(f'<p class="sm-note">{both(note)}</p>' for note in layer.notes)
    return (
        f'<section data-layer="demand-{escape(layer.id)}"><h2>{both(layer.name)}</h2>'
        f"{body}{notes}</section>"
    )


def _colour(colour: str) -> str:
    return (
        '<svg class="symbol" viewBox="0 0 26 18" width="26" height="18" aria-hidden="true">'
        f'<rect x="1" y="2" width="24" height="14" fill="{colour}" '
        f'fill-opacity="{map_style.RASTER_OPACITY}" stroke="#767D86"/></svg>'
    )


def _row(symbol: str, label: Pair, share: str, weight: Pair) -> str:
    return (
        f'<li>{symbol}<span class="sm-label">{both(label)}</span>'
        f'<span class="sm-count">{share} {both(weight)}</span></li>'
    )


def _swatch(kind: str) -> str:
    body = (
        f'<rect width="26" height="18" fill="{map_style.SERVED}" fill-opacity="0.75"/>'
        if kind == "plain"
        else f'<rect width="26" height="18" fill="{map_style.UNSERVED}" fill-opacity="0.11"/>'
        f'<path d="M-2,6l8,-8M0,16L16,0M8,20L28,0M18,22l10,-10" stroke="{map_style.UNSERVED}" '
        'stroke-opacity="0.56" stroke-width="1.8"/>'
    )
    return (
        '<svg class="symbol" viewBox="0 0 26 18" width="26" height="18" '
        f'style="overflow:hidden" aria-hidden="true">{body}</svg>'
    )


def _outlines(tables: PlanTables) -> str:
    line = (
        '<svg class="symbol" viewBox="0 0 26 18" width="26" height="18" aria-hidden="true">'
        f'<path d="M1,9H25" stroke="{map_style.OUTLINE}" stroke-width="1.6" '
        'stroke-dasharray="8 3 2 3"/></svg>'
    )
    entries = [_entry("districts", line, said("map.districts"), count_text(len(tables.districts)))]
    if tables.water is not None:
        box = (
            '<svg class="symbol" viewBox="0 0 26 18" width="26" height="18" aria-hidden="true">'
            f'<rect x="2" y="2" width="22" height="14" fill="{map_style.WATER}" '
            'stroke="#767D86"/></svg>'
        )
        entries.append(_entry("water", box, said("map.water"), ""))
    return f"<section><ul>{''.join(entries)}</ul></section>"


def _trust(facts: Facts) -> str:
    lines = zip(honesty_lines(facts, "zh"), honesty_lines(facts, "en"), strict=True)
    items = "".join(f"<p>{both(list(line))}</p>" for line in lines)
    return f'<section class="sm-trust"><h2>{both(said("report.honesty"))}</h2>{items}</section>'


def _assumptions(assumptions: Sequence[tuple[Pair, str]]) -> str:
    items = [f"<p>{both(meaning)}: {escape(figure)}</p>" for meaning, figure in assumptions]
    title = both(said("map.assumptions", count=len(assumptions)))
    return (
        f'<details class="sm-trust sm-assumptions"><summary>{title}</summary>'
        f"{''.join(items)}</details>"
    )
