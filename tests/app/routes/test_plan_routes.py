"""Asking for plans, following and stopping them, and adding sites: what a client writes."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from private_cluster import Cluster
from psycopg import sql
from served_city import SPEC
from sqlalchemy import text

from app.database import Database, conninfo
from app.jobs import Kind
from app.repository import computations
from app.tables import PlanState
from siting.progress import Progress

pytestmark = pytest.mark.database


@pytest.fixture
def scenario_id(ezhou_client: httpx.Client) -> str:
    """Return a stored question."""
    answer = ezhou_client.post("/api/v1/scenarios", json=SPEC.model_dump(mode="json"))
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"].endswith(answer.json()["id"])
    return str(answer.json()["id"])


def _count(database: Database, table: str) -> int:
    with database.engine.connect() as connection:
        return connection.execute(text(f"select count(*) from {table}")).scalar_one()  # noqa: S608


def events_of(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Yield server-sent events; a comment is an event named ``comment``."""
    event: dict[str, Any] = {}
    for line in lines:
        if line.startswith(":"):
            yield {"event": "comment"}
        elif line:
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value
        elif event:
            yield event
            event = {}


def test_question_and_answer_go_round(
    ezhou_client: httpx.Client, ezhou_database: Database, scenario_id: str
) -> None:
    """A question is kept as asked; a plan is 202, queued with its job, and found at its place."""
    kept = ezhou_client.get(f"/api/v1/scenarios/{scenario_id}").json()
    assert kept["spec"] == SPEC.model_dump(mode="json")
    asked = ezhou_client.post(f"/api/v1/scenarios/{scenario_id}/plans")
    assert asked.status_code == 202
    body = ezhou_client.get(asked.headers["location"]).json()
    assert (body["id"], body["state"]) == (asked.json()["id"], "queued")
    assert _count(ezhou_database, "plans") == _count(ezhou_database, "procrastinate_jobs") == 1
    listed = ezhou_client.get(f"/api/v1/plans?scenario_id={scenario_id}&state=queued").json()
    assert [item["id"] for item in listed["items"]] == [body["id"]]


def test_one_key_makes_one_plan(
    ezhou_client: httpx.Client, ezhou_database: Database, scenario_id: str
) -> None:
    """The same Idempotency-Key, even eight times at once, queues one plan; another key another."""
    found: list[str] = []

    def ask() -> None:
        answer = httpx.post(
            f"{ezhou_client.base_url}/api/v1/scenarios/{scenario_id}/plans",
            headers={"Idempotency-Key": "k1"},
            timeout=30,
            trust_env=False,
        )
        found.append(answer.json()["id"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert _count(ezhou_database, "plans") == 1
    other = ezhou_client.post(
        f"/api/v1/scenarios/{scenario_id}/plans", headers={"Idempotency-Key": "k2"}
    )
    assert other.json()["id"] not in found


def test_stopping_twice_is_stopping_once(ezhou_client: httpx.Client, scenario_id: str) -> None:
    """A queued plan is cancelled at once (200), and asking again changes nothing (200)."""
    plan = ezhou_client.post(f"/api/v1/scenarios/{scenario_id}/plans").json()["id"]
    first = ezhou_client.delete(f"/api/v1/plans/{plan}")
    again = ezhou_client.delete(f"/api/v1/plans/{plan}")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["state"] == again.json()["state"] == "cancelled"
    assert first.json()["finished_at"] == again.json()["finished_at"]
    assert ezhou_client.get(f"/api/v1/plans/{plan}/sites.csv").status_code == 409


def test_running_plan_is_told_to_stop(
    ezhou_client: httpx.Client, ezhou_database: Database, scenario_id: str
) -> None:
    """A running plan answers 202 and carries the request until its worker ends it."""
    plan = ezhou_client.post(f"/api/v1/scenarios/{scenario_id}/plans").json()["id"]
    with ezhou_database.session() as session:
        assert computations.begin(session, Kind.PLAN, uuid.UUID(plan)) is not None
    answer = ezhou_client.delete(f"/api/v1/plans/{plan}")
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["cancel_requested"]) == ("running", True)


def test_lists_are_newest_first_and_paged(ezhou_client: httpx.Client, scenario_id: str) -> None:
    """Plans come newest first; following 'next' gives each once and keeps the filter."""
    made = [
        ezhou_client.post(f"/api/v1/scenarios/{scenario_id}/plans").json()["id"] for _ in range(5)
    ]
    seen: list[str] = []
    href: str | None = f"/api/v1/plans?scenario_id={scenario_id}&limit=2"
    while href is not None:
        body = ezhou_client.get(href).json()
        seen += [item["id"] for item in body["items"]]
        href = next((link["href"] for link in body["links"] if link["rel"] == "next"), None)
        assert href is None or httpx.URL(href).params["scenario_id"] == scenario_id
    assert seen == made[::-1]


def test_events_come_live_and_are_replayed(
    ezhou_client: httpx.Client, ezhou_database: Database, scenario_id: str
) -> None:
    """A stream gives past reports, then live ones, then the end; Last-Event-ID misses none."""
    plan = ezhou_client.post(f"/api/v1/scenarios/{scenario_id}/plans").json()["id"]
    waits: list[float] = []

    def compute() -> None:
        time.sleep(0.5)
        with ezhou_database.session() as session:
            work = computations.begin(session, Kind.PLAN, uuid.UUID(plan))
        assert work is not None
        for share in (0.25, 0.5):
            with ezhou_database.session() as session:
                report = Progress(phase="coverage", fraction=share, elapsed_s=1.0)
                computations.append_progress(session, work, report)
            waits.append(time.monotonic())
            time.sleep(0.2)
        with ezhou_database.session() as session:
            computations.end_without_result(session, work, PlanState.FAILED, reason="a test")

    worker = threading.Thread(target=compute)
    worker.start()
    with ezhou_client.stream("GET", f"/api/v1/plans/{plan}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = list(events_of(response.iter_lines()))
    worker.join()
    names = [event["event"] for event in events]
    assert names == ["progress"] * (len(events) - 1) + ["end"]
    assert events[-1]["data"]["state"] == "failed"
    phases = [event["data"]["phase"] for event in events[:-1]]
    assert phases[0] == "queued"
    assert phases.count("coverage") == 2
    ids = [int(event["id"]) for event in events[:-1]]
    assert ids == sorted(set(ids))
    for last in ids:
        with ezhou_client.stream(
            "GET", f"/api/v1/plans/{plan}/events", headers={"Last-Event-ID": str(last)}
        ) as response:
            replayed = [int(event["id"]) for event in events_of(response.iter_lines())]
        assert replayed[:-1] == [number for number in ids if number > last]


def test_wrong_event_id_is_refused(ezhou_client: httpx.Client, scenario_id: str) -> None:
    """An id that no event has ever had is refused before a stream begins."""
    plan = ezhou_client.post(f"/api/v1/scenarios/{scenario_id}/plans").json()["id"]
    answer = ezhou_client.get(f"/api/v1/plans/{plan}/events", headers={"Last-Event-ID": "x"})
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["where"] == "header.Last-Event-ID"


@pytest.mark.parametrize(
    ("crs", "position"),
    [
        ("OGC:CRS84", [114.88, 30.39]),
        pytest.param("EPSG:4326", [114.88, 30.39], marks=pytest.mark.slow),
        pytest.param("EPSG:4490", [114.88, 30.39], marks=pytest.mark.slow),
        pytest.param("EPSG:4547", [584575.5963, 3363675.7198], marks=pytest.mark.slow),
        pytest.param("GCJ-02", [114.8850491, 30.3873127], marks=pytest.mark.slow),
    ],
)
def test_added_sites_are_stored_and_planned_on(
    ezhou_client: httpx.Client, ezhou_database: Database, crs: str, position: list[float]
) -> None:
    """Sites in any declared CRS land at one place, are recorded, and can be locked."""
    document = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": position},
                "properties": {
                    "id": "new-tower",
                    "kind": "tower",
                    "height_m": 35,
                    "fixed_cost_cny": 120_000,
                    "provenance": "real",
                    "source": "a test",
                },
            }
        ],
    }
    before = ezhou_client.get("/api/v1/datasets").json()["items"][0]["content_hash"]
    question = {**SPEC.model_dump(mode="json"), "locked_sites": ["new-tower"]}
    assert ezhou_client.post("/api/v1/scenarios", json=question).status_code == 400
    answer = ezhou_client.post("/api/v1/sites", params={"crs": crs}, json=document)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["added"], answer.json()["declared_crs"]) == (1, crs)
    assert bool(answer.json()["notes"]) == (crs == "GCJ-02")
    stored = ezhou_client.get("/api/v1/sites/new-tower").json()
    assert stored["geometry"]["coordinates"] == pytest.approx([114.88, 30.39], abs=2e-5)
    assert stored["properties"]["district"] == "420704"
    after = ezhou_client.get("/api/v1/datasets").json()["items"][0]["content_hash"]
    assert before != after
    record = ezhou_client.get("/api/v1/imports").json()["items"][0]
    assert (record["layer"], record["rows"], record["declared_crs"]) == ("candidate sites", 1, crs)
    assert ezhou_client.post("/api/v1/scenarios", json=question).status_code == 201
    assert _count(ezhou_database, "scenarios") == 1


def test_database_down_is_503_and_says_what_to_do(
    ezhou_client: httpx.Client, ezhou_database: Database, cluster: Cluster
) -> None:
    """When the database goes away every request is 503 without a word of the inside."""
    name = str(ezhou_database.url.database)
    quoted = sql.Identifier(name)
    with psycopg.connect(conninfo(cluster.server.url("postgres")), autocommit=True) as admin:
        admin.execute(sql.SQL("alter database {} allow_connections false").format(quoted))
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        for path in ("/api/v1/sites?limit=1", "/api/v1/scenarios"):
            answer = ezhou_client.get(path)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert "siting doctor" in answer.json()["detail"]
            assert name not in answer.text
        assert ezhou_client.get("/healthz").status_code == 200
        assert ezhou_client.get("/readyz").status_code == 503
        admin.execute(sql.SQL("alter database {} allow_connections true").format(quoted))
    assert ezhou_client.get("/api/v1/sites?limit=1").status_code == 200
