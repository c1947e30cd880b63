"""The offline map in a real browser: drawn whole, without a request, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_case import Watched, chromium, watched
from greedy_plan import greedy_plan
from playwright.sync_api import Browser

from siting.coverage import build_coverage
from siting.datasets import ezhou, ezhou_spec
from siting.maps import demand_layers, map_html, plan_map
from siting.plan import Plan
from siting.report import plan_tables
from siting.scenario import build_scenario

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHINESE = re.compile(r"[\u3400-\u9fff]")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser for this module."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def map_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """Return the offline map of Ezhou with a plan of 700 stations, and the plan."""
    spec = ezhou_spec().model_copy(update={"stations": 700, "name": "<b>鄂州</b> & \"'"})
    scenario = build_scenario(spec, ezhou())
    coverage = build_coverage(scenario)
    plan = greedy_plan(scenario, coverage)
    page = map_html(
        plan_map(
            plan_tables(scenario, plan, coverage), demand=demand_layers(scenario, plan, coverage)
        )
    )
    assert len(page) < 3_000_000
    path = tmp_path_factory.mktemp("map") / "map.html"
    path.write_text(page, encoding="utf-8")
    return path, plan


@pytest.fixture
def shown(browser: Browser, map_file: tuple[Path, Plan]) -> Iterator[Watched]:
    """Open the map at 1366 x 768, with the network off."""
    with watched(browser) as seen:
        seen.page.context.set_offline(True)
        seen.page.goto(map_file[0].as_uri())
        seen.page.wait_for_function("document.documentElement.dataset.drawn !== undefined")
        yield seen


def painted(shown: Watched) -> int:
    """Count the pixels that the stations' canvas holds."""
    return shown.page.evaluate(
        """() => {
            const canvas = document.querySelector('.leaflet-sm-stations-pane canvas');
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            return data.data.filter((value, index) => index % 4 === 3 && value > 0).length;
        }"""
    )


def test_the_map_asks_for_nothing_and_complains_of_nothing(shown: Watched) -> None:
    """The file itself is the only request; the console stays empty, also while panning."""
    shown.page.mouse.wheel(0, -600)
    shown.page.wait_for_timeout(500)
    assert [url.partition("#")[0] for url in shown.requests] == [
        shown.requests[0].partition("#")[0]
    ]
    assert shown.requests[0].startswith("file://")
    assert shown.complaints == []


def test_every_layer_is_really_drawn(shown: Watched, map_file: tuple[Path, Plan]) -> None:
    """Stations are pixels, zones and districts are paths, demand is an image with a size."""
    plan = map_file[1]
    page = shown.page
    assert page.evaluate("sitingDrawn.marks.length") == plan.stations
    assert painted(shown) > plan.stations
    zones = len({outcome.zone_id for outcome in plan.targets})
    assert page.locator("path.sm-zone").count() == zones
    assert page.locator("path.sm-district").count() == 3
    assert page.locator("path.sm-land").count() == 3
    assert page.locator("path.sm-water").count() == 1
    image = page.locator(".leaflet-sm-demand-pane img")
    assert image.evaluate("image => image.naturalWidth") > 500
    filled = page.locator("path.sm-zone[fill^='url(#zone-']").first.get_attribute("fill")
    assert filled is not None
    assert page.locator(filled[4:-1]).count() == 1


def test_the_whole_city_is_in_view(shown: Watched) -> None:
    """On load every district lies inside the map's window; north is up; the scale is metric."""
    page = shown.page
    frame = page.locator(".folium-map").bounding_box()
    assert frame is not None
    for place in range(3):
        box = page.locator("path.sm-district").nth(place).bounding_box()
        assert box is not None
        assert box["x"] >= frame["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
        assert box["y"] >= frame["y"]
        assert box["y"] + box["height"] <= frame["y"] + frame["height"]
    assert page.locator(".leaflet-control-scale-line").inner_text().endswith("km")


def test_the_legend_follows_the_layers(shown: Watched) -> None:
    """Switching a layer off takes its entry out of the legend and its marks off the canvas."""
    page = shown.page
    before = painted(shown)
    entry = page.locator('[data-layer="stations-macro-n41"]')
    assert entry.is_visible()
    page.locator(".leaflet-control-layers-overlays label", has_text="n41").click()
    page.wait_for_timeout(300)
    assert entry.is_hidden()
    assert painted(shown) < before
    assert page.locator('section[data-layer^="demand-"]:visible').count() == 1


def test_popups_are_text(shown: Watched) -> None:
    """A click on a station opens its lines; the hostile scenario name made no element."""
    page = shown.page
    place = page.evaluate(
        """() => {
            const map = sitingDrawn.map, mark = sitingDrawn.marks[0];
            map.setView(mark.getLatLng(), 15, {animate: false});
            const point = map.latLngToContainerPoint(mark.getLatLng());
            const box = map.getContainer().getBoundingClientRect();
            return [box.x + point.x, box.y + point.y];
        }"""
    )
    page.wait_for_timeout(400)
    page.mouse.click(*place)
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    text = popup.inner_text()
    assert "技术类型" in text
    assert "万元" in text
    assert len(text.splitlines()) <= 8
    assert page.locator("h1 b").count() == 0


def test_a_click_beside_stations_opens_the_zone(shown: Watched) -> None:
    """Zones stay within reach below the stations' canvas."""
    page = shown.page
    page.evaluate("sitingDrawn.marks.forEach(mark => mark.remove())")
    zone = page.locator("path.sm-zone[fill^='url(']").first
    box = zone.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert "类别" in popup.inner_text()


def test_both_languages_are_whole(shown: Watched) -> None:
    """No message key shows; after the switch no Chinese is left but names."""
    page = shown.page
    chinese = page.locator("body").inner_text()
    assert "图例" in chinese
    assert not re.search(r"\b(?:map|state|honesty|page|head)\.[a-z_]+", chinese)
    page.locator(".sm-language").click()
    english = page.locator("body").inner_text()
    assert "Legend" in english
    left = {line for line in english.splitlines() if CHINESE.search(line)}
    # The switch back, the scenario's own name, and sources quoted as they are.
    allowed = ("中文", "鄂州</b>", "Wikipedia")
    assert all(any(part in line for part in allowed) for line in left), left


def test_a_narrow_screen_keeps_map_and_legend_apart(
    browser: Browser, map_file: tuple[Path, Plan]
) -> None:
    """At 360 px nothing is cut off to the side, and the legend stands below the map."""
    with watched(browser, width=360, height=740) as seen:
        seen.page.goto(map_file[0].as_uri())
        seen.page.wait_for_function("document.documentElement.dataset.drawn !== undefined")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
        frame = seen.page.locator(".folium-map").bounding_box()
        legend = seen.page.locator(".sm-legend").bounding_box()
        assert frame is not None
        assert legend is not None
        assert legend["y"] >= frame["y"] + frame["height"] - 1
        assert frame["height"] >= 250
