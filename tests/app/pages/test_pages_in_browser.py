"""The pages in a real browser, over the whole service with its worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from browser_case import Watched, chromium, watched
from playwright.sync_api import Browser, expect
from served_city import City

from app.serve import running_service
from app.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]

LONG_MS = 120_000
QUESTION = {
    "name": "机场 5G / Airport 5G",
    "stations": 40,
    "targets": [{"kinds": ["airport"], "standard": "quality-outdoor", "required_fraction": 0.95}],
    "objective": {"standard": "basic-indoor", "weight": "population"},
    "solve": {"max_runtime_s": 20.0, "gap": 0.05},
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser for this module."""
    with chromium() as running:
        yield running


def base(city: City) -> str:
    """Return the service's address without a final slash."""
    return str(city.client.base_url).rstrip("/")


def visible_problems(seen: Watched, origin: str) -> list[str]:
    """Return requests to other origins and everything the browser complained about."""
    return [url for url in seen.requests if not url.startswith(origin)] + seen.complaints


@pytest.mark.parametrize("width", [1366, 360])
def test_no_page_asks_elsewhere_complains_or_runs_over(
    city: City, browser: Browser, width: int
) -> None:
    """Every page loads from this origin alone, with a silent console, and fits its screen."""
    for path in ("/", "/data", f"/scenarios/{city.scenario_id}", f"/plans/{city.plan_id}",
                 f"/plans/{city.plan_id}/map"):  # fmt: skip
        with watched(browser, width=width) as seen:
            seen.page.goto(f"{base(city)}{path}?lang=en", wait_until="networkidle")
            assert visible_problems(seen, base(city)) == [], path
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_map_draws_demand_from_tiles(city: City, browser: Browser) -> None:
    """Demand comes as vector tiles: canvases with features, both patterns, at two zooms."""
    with watched(browser) as seen:
        page = seen.page
        page.goto(f"{base(city)}/plans/{city.plan_id}/map", wait_until="networkidle")
        tiles = page.locator(".leaflet-sm-demand-pane canvas[data-features]")
        expect(tiles.first).to_be_attached()
        assert any("/tiles/demand/" in url for url in seen.requests)
        colours = tiles.evaluate_all(
            """all => { const found = new Set(); for (const canvas of all) {
                const data = canvas.getContext('2d')
                    .getImageData(0, 0, canvas.width, canvas.height).data;
                for (let i = 0; i < data.length; i += 4) if (data[i + 3])
                    found.add(data[i] > data[i + 2] ? 'unserved' : 'served');
            } return [...found].sort(); }"""
        )
        assert colours == ["served", "unserved"]
        asked = len(seen.requests)
        page.evaluate("() => void sitingDrawn.map.setView([30.39, 114.89], 13, {animate: false})")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(500)
        assert any("/tiles/demand/13/" in url for url in seen.requests[asked:])
        assert page.evaluate("sitingDrawn.marks.length") == city.plan.stations
        assert visible_problems(seen, base(city)) == []


def test_the_page_is_read_without_scripts(city: City, browser: Browser) -> None:
    """With JavaScript off the plan's sentence, board, proof and downloads are all there."""
    with watched(browser, java_script_enabled=False) as seen:
        seen.page.goto(f"{base(city)}/plans/{city.plan_id}?lang=zh")
        text = seen.page.locator("main").inner_text()
        assert "300 个基站" in text
        assert "鄂州花湖国际机场" in text
        assert seen.page.get_by_role("link", name="XLSX").count() == 3


def test_the_keyboard_reaches_what_matters(city: City, browser: Browser) -> None:
    """The first stop skips to the content; every stop shows where it is."""
    with watched(browser) as seen:
        seen.page.goto(f"{base(city)}/?lang=en")
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.className") == "skip"
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "main"
        seen.page.keyboard.press("Tab")
        outline = seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"


def test_a_plan_is_computed_before_ones_eyes(
    ezhou_settings: Settings, browser: Browser, tmp_path: Path
) -> None:
    """From the button over moving progress to the map, with a real worker and no reload by hand."""
    with running_service(ezhou_settings, log=tmp_path / "log") as service:
        with httpx.Client(base_url=service.url, trust_env=False, timeout=60.0) as client:
            made = client.post("/api/v1/scenarios", json=QUESTION)
            assert made.status_code == 201, made.text
        with watched(browser) as seen:
            page = seen.page
            page.goto(f"{service.url}/?lang=en")
            page.get_by_role("button", name="Compute a plan").click()
            bar = page.get_by_role("progressbar")
            expect(bar).to_be_visible()
            page.evaluate(
                """() => { const bar = document.querySelector('progress');
                    window.name = ''; const note = () => {
                        const phase = document.querySelector('[data-live="phase"]').textContent;
                        window.name += bar.value.toFixed(3) + ' ' + phase + '|'; };
                    new MutationObserver(note).observe(document.getElementById('progress'),
                        {subtree: true, childList: true, attributes: true}); }"""
            )
            frame = page.frame_locator("iframe")
            frame.locator("html[data-drawn]").wait_for(state="attached", timeout=LONG_MS)
            steps = [item for item in page.evaluate("window.name").split("|") if item]
            values = [float(item.split()[0]) for item in steps]
            assert values == sorted(values)
            assert len(set(values)) >= 2, steps
            assert any("step" in item or "coverage" in item for item in steps), steps
            main = page.locator("main").inner_text()
            assert re.search(r"\b40 base stations on \d+ sites", main)
            assert "Proved" in main or "no plan can" in main
            drawn = frame.locator("html").get_attribute("data-drawn")
            assert drawn == "40"
            assert visible_problems(seen, service.url) == []


def test_a_running_computation_is_stopped_from_the_page(
    ezhou_settings: Settings, browser: Browser, tmp_path: Path
) -> None:
    """The stop button ends the computation; the page shows the best plan kept, or says stopped."""
    question = QUESTION | {"stations": 2001, "solve": {"max_runtime_s": 300.0}}
    with running_service(ezhou_settings, log=tmp_path / "log") as service:
        with httpx.Client(base_url=service.url, trust_env=False, timeout=60.0) as client:
            assert client.post("/api/v1/scenarios", json=question).status_code == 201
        with watched(browser) as seen:
            page = seen.page
            page.goto(f"{service.url}/?lang=en")
            page.get_by_role("button", name="Compute a plan").click()
            page.get_by_role("button", name="Stop the computation").click()
            page.get_by_role("progressbar").wait_for(state="detached", timeout=LONG_MS)
            text = page.locator("main").inner_text()
            assert "stopped" in text or "base stations" in text
            assert visible_problems(seen, service.url) == []
