"""The pages of predictions: asked for from a plan, followed, shown, in both languages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from browser_case import chromium, watched
from private_cluster import Cluster, settings_for
from served_city import running, store_plan
from served_prediction import Stored, store_prediction
from sqlalchemy import Engine, text

from app.database import Database

pytestmark = [pytest.mark.database, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Pages:
    """A served city with a plan, and a finished prediction of a list."""

    client: httpx.Client
    engine: Engine
    plan_id: uuid.UUID
    stored: Stored

    def get(self, path: str, language: str = "en") -> str:
        """Return a page that is there."""
        answer = self.client.get(path, params={"lang": language})
        assert answer.status_code == 200, answer.text
        assert not re.search(
            r">\s*(?:page|phase|prediction|plan_state)\.(?!html)[a-z_-]+", answer.text
        )
        return answer.text


@pytest.fixture(scope="module")
def pages(cluster: Cluster, ezhou_template: str) -> Iterator[Pages]:
    """Serve a copy of Ezhou with a plan and a prediction for this module."""
    url = cluster.create(ezhou_template)
    with Database(url) as database:
        plan_id = store_plan(database)[3]
        stored = store_prediction(database)
        with running(settings_for(url)) as client:
            yield Pages(client, database.engine, plan_id, stored)
    cluster.drop(url)


@pytest.mark.parametrize(
    ("language", "button", "waiting", "stopped"),
    [
        ("en", "Predict this plan&#39;s network", "queued", "cancelled before a worker took it up"),
        ("zh", "预测本方案的网络", "排队", "cancelled before a worker took it up"),
    ],
)
def test_a_plans_page_asks_for_its_prediction(
    pages: Pages, language: str, button: str, waiting: str, stopped: str
) -> None:
    """The button leads to a page that waits, stops, and is listed on the plan's page since."""
    page = pages.get(f"/plans/{pages.plan_id}", language)
    assert button in page
    asked = pages.client.post(
        f"/plans/{pages.plan_id}/predictions", params={"lang": language}, follow_redirects=True
    )
    assert asked.status_code == 200, asked.text
    address = asked.url.path
    assert re.fullmatch(r"/predictions/[0-9a-f-]{36}", address)
    assert "<progress" in asked.text
    assert waiting in asked.text
    assert 'http-equiv="refresh"' in asked.text  # for readers without scripts
    assert f'data-events="/api/v1{address}/events"' in asked.text
    assert 'data-live="bound"' not in asked.text  # nothing is proven here
    shown = pages.client.post(f"{address}/cancel", params={"lang": language}, follow_redirects=True)
    assert stopped in shown.text
    assert "<progress" not in shown.text
    assert f'href="{address}?lang={language}"' in pages.get(f"/plans/{pages.plan_id}", language)


def test_a_result_shows_figures_files_and_the_map(pages: Pages) -> None:
    """Every zone with its shares and verdict, the synthetic notice first, links to every file."""
    base = f"/api/v1/predictions/{pages.stored.id}"
    page = pages.get(f"/predictions/{pages.stored.id}")
    assert page.index("Synthetic data: terrain") < page.index("<h1>")
    assert "3 base stations (3 sites" in page
    for name in pages.stored.files:
        assert f'href="{base}/{name}"' in page, name
    for zone in pages.stored.predicted.zones:
        assert f"<td>{zone.name_en}</td>" in page or zone.name_en.replace("'", "&#39;") in page
    assert page.count("<tr><td>") >= len(pages.stored.predicted.zones)
    assert "fails" in page
    assert "合成数据" in pages.get(f"/predictions/{pages.stored.id}", "zh")


def test_a_failed_prediction_says_why(pages: Pages) -> None:
    """The error of the row is on its page."""
    with pages.engine.begin() as connection:
        connection.execute(
            text(
                "insert into predictions (id, state, attempt, deaths, cancel_requested, error, "
                "dataset_id, stations, cell_size_m, assumptions, finished_at) values (:id, "
                "'failed', 1, 0, false, 'it needs more memory', 'ezhou', '[]', 50, '{}', now())"
            ),
            {"id": (failed := uuid.uuid4())},
        )
    assert "it needs more memory" in pages.get(f"/predictions/{failed}")


def test_a_plan_on_other_data_is_not_predicted(pages: Pages) -> None:
    """The page says that the data have changed, and nothing is queued."""
    with pages.engine.begin() as connection:
        connection.execute(text("update plans set scenario_hash = 'other'"))
    try:
        answer = pages.client.post(f"/plans/{pages.plan_id}/predictions", params={"lang": "en"})
        assert answer.status_code == 400
        assert "have changed since it was made" in answer.text
    finally:
        with pages.engine.begin() as connection:
            connection.execute(
                text("update plans p set scenario_hash = s.scenario_hash from scenarios s "
                     "where s.id = p.scenario_id")
            )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/predictions/{id}"),
        ("POST", "/predictions/{id}/cancel"),
        ("POST", "/plans/{id}/predictions"),
        ("GET", "/predictions/xyz"),
    ],
)
def test_unknown_addresses_are_a_page(pages: Pages, method: str, path: str) -> None:
    """What does not exist answers 404 with a page that leads home."""
    answer = pages.client.request(method, path.format(id=uuid.uuid4()), params={"lang": "zh"})
    assert answer.status_code == 404
    assert "没有这个页面" in answer.text


@pytest.mark.browser
def test_the_stored_map_works_under_its_policy(pages: Pages) -> None:
    """Served from the database, the map draws its rasters, asks nobody and complains of nothing."""
    origin = str(pages.client.base_url).rstrip("/")
    with chromium() as browser:
        for path in (
            f"/api/v1/predictions/{pages.stored.id}/prediction.html",
            f"/predictions/{pages.stored.id}?lang=en",
        ):
            with watched(browser) as seen:
                seen.page.goto(f"{origin}{path}", wait_until="networkidle")
                asked = [url for url in seen.requests if not url.startswith(origin)]
                assert asked + seen.complaints == [], path
                if path.endswith("html"):
                    assert seen.page.locator(".leaflet-image-layer").count() >= 1
