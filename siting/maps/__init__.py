"""Maps of a plan, drawn with Folium and Leaflet, in Chinese and English.

:func:`plan_map` returns a Folium map: shown in a notebook as it is, saved by :func:`map_html` as
one file that opens without any network, or served with its scripts by address.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import folium
import numpy as np
import numpy.typing as npt
from branca.element import Element, Figure, MacroElement
from jinja2 import Template

from siting.maps.demand_image import demand_raster
from siting.maps.files import SCRIPTS, STYLES, script_text, style_text
from siting.maps.legend import credit_html, head_html, legend_html, title_of
from siting.maps.payload import DemandLayer, map_payload
from siting.maps.raster_layer import (
    SS_RSRP,
    SS_SINR,
    ClassScale,
    RasterLayer,
    level_layer,
    server_layer,
)
from siting.report import focus_of, served_demand
from siting.text import Language

if TYPE_CHECKING:
    from siting.coverage import Coverage
    from siting.plan import Plan
    from siting.report import PlanTables
    from siting.scenario import Scenario

__all__ = [
    "SS_RSRP",
    "SS_SINR",
    "ClassScale",
    "DemandLayer",
    "PlanMap",
    "RasterLayer",
    "demand_layers",
    "demand_tiles",
    "level_layer",
    "map_html",
    "plan_map",
    "server_layer",
]

_LOG = logging.getLogger(__name__)
_MAX_ZOOM = 18
#: Sent with the offline file, so that a browser refuses every request it could make.
OFFLINE_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)


class PlanMap(folium.Map):
    """A Folium map without a single outside address.

    Folium's own scripts, styles and page frame come from other servers; this map brings Leaflet
    and the plan's script itself, by address below `assets`, or inlined when `assets` is None.
    """

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - Folium's own declaration
    default_css: list[tuple[str, str]] = []  # noqa: RUF012 - Folium's own declaration

    _template = Template(
        """
        {% macro html(this, kwargs) %}
        <div class="sm-body">
            <div class="folium-map" id={{ this.get_name()|tojson }} tabindex="0"
                role="application" aria-label="{{ this.label|e }}"></div>
            {{ this.legend }}
        </div>
        {{ this.credit }}
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
            center: {{ this.location|tojson }}, crs: L.CRS.EPSG3857, zoomSnap: 0.5,
            ...{{ this.options|tojson }}
        });
        {% endmacro %}
        """
    )

    def __init__(
        self,
        *,
        location: tuple[float, float],
        assets: str | None,
        label: str,
        legend: str,
        credit: str,
        page: Mapping[str, str],
    ) -> None:
        super().__init__(
            location=location, tiles=None, zoom_start=10, max_zoom=_MAX_ZOOM, prefer_canvas=False
        )
        self._id = "plan"
        self._name = "map"
        self.assets = assets
        self.label = label
        self.legend = legend
        self.credit = credit
        self.page = page

    def render(self, **kwargs: Any) -> None:
        """Put the scripts and styles into the figure's head, then render as Folium does."""
        figure = self.get_root()
        if isinstance(figure, Figure):
            for name in STYLES:
                figure.header.add_child(Element(_tag("style", name, self.assets)), name=name)
            for name in SCRIPTS:
                figure.header.add_child(Element(_tag("script", name, self.assets)), name=name)
        super().render(**kwargs)


class _Drawing(MacroElement):
    """The plan's layers; the script draws them from one object."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        sitingMap({{ this._parent.get_name() }}, {{ this.payload }});
        {% endmacro %}
        """
    )

    def __init__(self, payload: str) -> None:
        super().__init__()
        self._id = "layers"
        self._name = "Plan"
        self.payload = payload


def demand_layers(scenario: Scenario, plan: Plan, coverage: Coverage) -> tuple[DemandLayer, ...]:
    """Draw who is served by each standard as images, the focus standard first.

    Scattered demand without cells has no images.
    """
    demand = scenario.data.demand
    if demand.cell_size_m is None:
        return ()
    raster = demand_raster(demand, scenario.data.study_area.crs)
    return tuple(
        replace(layer, image=raster.data_uri(served), bounds=raster.bounds)
        for layer, served in _layers(scenario, plan, coverage)
    )


def demand_tiles(
    scenario: Scenario, plan: Plan, coverage: Coverage, address: str
) -> tuple[DemandLayer, ...]:
    """Show who is served by each standard as vector tiles, the focus standard first.

    Parameters
    ----------
    address
        Address of the tiles with ``{z}``, ``{x}``, ``{y}``; ``?standard=`` is added.
    """
    return tuple(
        replace(layer, tiles=f"{address}?{urlencode({'standard': layer.standard_id})}")
        for layer, _ in _layers(scenario, plan, coverage)
    )


def _layers(
    scenario: Scenario, plan: Plan, coverage: Coverage
) -> list[tuple[DemandLayer, npt.NDArray[np.bool_]]]:
    focus = focus_of(scenario)
    weights = scenario.data.demand.weights
    name = "population" if "population" in weights else focus.weight
    served = served_demand(scenario, plan, coverage)
    return [
        (
            DemandLayer(
                standard_id=item.id,
                name_zh=item.name_zh,
                name_en=item.name_en,
                served=float(weights[name][served[item.id]].sum()),
                total=float(weights[name].sum()),
                weight=name,
            ),
            served[item.id],
        )
        for item in sorted(scenario.standards, key=lambda item: item.id != focus.standard_id)
    ]


def plan_map(
    tables: PlanTables,
    *,
    demand: Sequence[DemandLayer] = (),
    rasters: Sequence[RasterLayer] = (),
    summary: Sequence[str] = (),
    assumptions: Sequence[tuple[list[str], str]] = (),
    credits_: Sequence[str] = (),
    language: Language = "zh",
    assets: str | None = None,
    embedded: bool = False,
    made_at: datetime | None = None,
) -> PlanMap:
    """Draw a plan.

    Parameters
    ----------
    tables
        The plan as tables.
    demand
        Images or tiles of who is served, shown one at a time, the first at the start.
    rasters
        Signal level, signal to interference, best server: shown instead of `demand` at the start.
    summary
        What it comes to in one sentence, Chinese and English; empty: the plan's headline.
    assumptions
        Figures that rest on no measurement, listed below the legend: meaning in Chinese and
        English, and value with unit and source.
    credits_
        Sources to credit; empty: those of districts, water and zones.
    language
        Language at the start; a button changes it.
    assets
        Address below which the scripts are served, e.g. ``"/static"``; None: all inlined.
    embedded
        Leave the title out, for a frame in a page that has one.
    made_at
        Date printed on the map; None: now.

    Returns
    -------
    PlanMap
        A Folium map; :func:`map_html` writes it as a page.
    """
    began = time.perf_counter()
    payload = map_payload(tables, demand, rasters)
    west, south, east, north = tables.districts.total_bounds
    moment = made_at or datetime.now(UTC)
    title_zh, title_en = title_of(tables.facts)
    drawn = PlanMap(
        location=((south + north) / 2, (west + east) / 2),
        assets=assets,
        label=title_zh if language == "zh" else title_en,
        legend=legend_html(
            tables, demand, [zone["state"] for zone in payload["zones"]], rasters, assumptions
        ),
        credit=credit_html(credits_ or tables.facts.credits, tables.facts, moment),
        page={
            "lang": "zh-CN" if language == "zh" else "en",
            "data-title-zh": title_zh,
            "data-title-en": title_en,
            "class": "siting-map sm-embedded" if embedded else "siting-map",
        },
    )
    _Drawing(_script_json(payload)).add_to(drawn)
    figure = drawn.get_root()
    if isinstance(figure, Figure):
        # Folium puts the title into the page as it is.
        figure.title = escape(title_zh if language == "zh" else title_en)
        figure.html.add_child(Element(_raw(head_html(tables.facts, list(summary)))), name="head")
    _LOG.info(
        "map: stations=%d zones=%d demand layers=%d in %.2f s",
        len(tables.sites),
        len(payload["zones"]),
        len(demand),
        time.perf_counter() - began,
    )
    return drawn


def map_html(drawn: PlanMap, *, nonce: str = "") -> str:
    """Write a map as a whole page.

    Parameters
    ----------
    drawn
        A map of :func:`plan_map`.
    nonce
        Put on every inline script, for a page served with a Content-Security-Policy.

    Returns
    -------
    str
        HTML. With inlined assets it carries a policy that forbids every request.
    """
    figure = drawn.get_root()
    page = str(figure.render())
    marks = drawn.page
    html = " ".join(f'{key}="{escape(value)}"' for key, value in marks.items() if key != "class")
    policy = (
        f'<meta http-equiv="Content-Security-Policy" content="{OFFLINE_POLICY}">'
        if drawn.assets is None
        else ""
    )
    page = page.replace("<html>", f"<html {html}>", 1)
    viewport = (
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
    )
    page = page.replace("<head>", f"<head>{policy}{viewport}", 1)
    page = page.replace("<body>", f'<body class="{marks["class"]}">', 1)
    if nonce:
        page = page.replace("<script>", f'<script nonce="{escape(nonce)}">')
    return page


def _tag(kind: str, name: str, assets: str | None) -> str:
    if assets is not None:
        address = escape(f"{assets.rstrip('/')}/{name}")
        if kind == "style":
            return f'<link rel="stylesheet" href="{address}">'
        return f'<script src="{address}"></script>'
    if kind == "style":
        return _raw(f"<style>{style_text(name)}</style>")
    return _raw(f"<script>{script_text(name)}</script>")


def _raw(text: str) -> str:
    """Protect a text from Jinja, which Folium runs over every element."""
    return "{% raw %}" + text + "{% endraw %}"


def _script_json(payload: object) -> str:
    """Write JSON that cannot end the script element it stands in, whatever names it holds."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, code)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
