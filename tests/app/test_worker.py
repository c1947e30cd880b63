"""The worker, with real processes on a real database: done, cancelled, killed, handed back."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import subprocess
import sys
import uuid

import psycopg
import pytest
from pydantic import SecretStr
from served_city import running
from small_city import SMALL, small_bundle, small_spec
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from worker_case import PATIENCE_S, ROOT, alive, children, jobs, until, worker_process, working

from app.database import Database
from app.load import load
from app.repository import planning_data, plans, scenarios
from app.settings import DatabaseSettings, Settings, child_environment
from app.solver_child import out_of_memory
from app.tables import Plan, PlanState
from siting.plan_check import verify_plan
from siting.scenario import Scenario, build_scenario
from siting.spec import ScenarioSpec

pytestmark = [pytest.mark.database, pytest.mark.slow]

#: Keeps a search busy until its limit.
LONG = {"seed": 1, "max_runtime_s": 600.0}


@pytest.fixture
def city(database: Database, request: pytest.FixtureRequest) -> Database:
    """Load the centre of Ezhou; with the mark's half side [m] when the test gives one."""
    half_side_m = getattr(request, "param", 2000.0)
    with database.session() as session:
        load(session, SMALL, small_bundle(half_side_m))
    return database


larger = pytest.mark.parametrize("city", [6000.0], indirect=True)


def ask(database: Database, spec: ScenarioSpec) -> tuple[uuid.UUID, Scenario]:
    """Store a scenario and queue a plan of it, as the API does."""
    with database.session() as session:
        scenario = build_scenario(spec, planning_data.load_planning_data(session, SMALL))
        row = scenarios.create(session, spec, scenario_hash=scenario.hash)
        return plans.create_queued(session, row.id).id, scenario


def look(database: Database, plan_id: uuid.UUID) -> Plan:
    """Return the plan as it stands."""
    with database.session() as session:
        found = plans.get(session, plan_id)
    assert found is not None
    return found


def ended(database: Database, plan_id: uuid.UUID) -> Plan:
    """Wait until nothing more will happen to a plan, and return it."""
    until(lambda: PlanState(look(database, plan_id).state).ended)
    return look(database, plan_id)


def reached(database: Database, plan_id: uuid.UUID, phase: str, *, attempt: int = 1) -> bool:
    """Say whether an attempt has reported a value in a phase."""
    with database.session() as session:
        return any(
            report.phase == phase and report.attempt == attempt and report.value is not None
            for report in plans.progress_after(session, plan_id)
        )


def test_siting_constraints_hold_in_a_computed_plan(city: Database, settings: Settings) -> None:
    """A worker plans around a school, the plan verifies from rows, and its page tells of it."""
    school = {"name": "a school", "wkt": "POINT (114.885 30.395)", "height_m": 18.0}
    plan_id, scenario = ask(city, small_spec(exclusions={"sensitive": [school]}))
    assert scenario.excluded
    with working(settings):
        row = ended(city, plan_id)
    assert (row.state, row.error) == (PlanState.DONE, None), row.error
    with city.session() as session:
        stored = plans.load_plan(session, plan_id)
    assert stored is not None
    verify_plan(scenario, stored)
    assert stored.provenance["exclusions"] == {"approximate": 1.0}
    with running(settings) as client:
        page = client.get(f"/plans/{plan_id}", params={"lang": "en"}).text
    assert "exposure of a sensitive building" in page
    assert "share of the public exposure limit" in page
    assert "a school</td>" in page


@pytest.mark.parametrize("city", [1000.0], indirect=True)
def test_sinr_of_a_computed_plan_is_stored_and_served(city: Database, settings: Settings) -> None:
    """Asked through the scenario, predicted by a worker, told by REST, table and page."""
    target = {
        "kinds": ["urban_area"],
        "standard": "quality-outdoor",
        "required_fraction": 0.5,
        "min_ss_sinr_db": 3.0,
    }
    spec = small_spec(coverage_model="sectors", targets=[target], stations=20)
    plan_id, scenario = ask(city, spec)
    with working(settings):
        row = ended(city, plan_id)
    assert (row.state, row.error) == (PlanState.DONE, None), row.error
    with city.session() as session:
        stored = plans.load_plan(session, plan_id)
    assert stored is not None
    verify_plan(scenario, stored)
    with running(settings) as client:
        body = client.get(f"/api/v1/plans/{plan_id}").json()
        zones = client.get(f"/api/v1/plans/{plan_id}/zones.geojson").json()["features"]
        page = client.get(f"/plans/{plan_id}", params={"lang": "en"}).text
    for told, outcome in zip(body["targets"], stored.targets, strict=True):
        assert (told["min_ss_sinr_db"], told["clear"]) == (3.0, outcome.clear)
        assert told["clear_share"] == (outcome.clear_share if outcome.total else None)
        assert told["shortfall"] == pytest.approx(outcome.shortfall)
    assert {item["clear"] for item in body["information"]} == {None}
    assert [item["properties"]["clear"] for item in zones[: len(stored.targets)]] == [
        outcome.clear for outcome in stored.targets
    ]
    assert "with SINR" in page
    assert "(3 dB)" in page


def test_a_plan_is_computed_verified_and_stored(city: Database, settings: Settings) -> None:
    """What is stored is the plan: it verifies from rows, and its tables agree with each other."""
    plan_id, scenario = ask(city, small_spec())
    with working(settings):
        row = ended(city, plan_id)
    assert (row.state, row.error, row.attempt) == (PlanState.DONE, None, 1), row.error
    assert row.scenario_hash == scenario.hash
    with city.session() as session:
        stored = plans.load_plan(session, plan_id)
        assert stored is not None
        verify_plan(scenario, stored)
        reports = plans.progress_after(session, plan_id)
        options = plans.options(session, plan_id)
        served = {
            (bit, district): people
            for bit, district, people in session.execute(
                text(
                    "select bit, district, sum(population) from plan_demand p "
                    "join demand d on d.id = p.demand_id and d.dataset_id = :dataset "
                    "cross join generate_series(0, 7) bit "
                    "where plan_id = :plan and (served >> bit) & 1 = 1 group by bit, district"
                ),
                {"plan": plan_id, "dataset": SMALL},
            )
        }
        kept = session.scalar(
            text("select count(*) from plan_demand where plan_id = :plan"), {"plan": plan_id}
        )
    assert kept == len(scenario.data.demand)
    assert len(options) == row.stations == len(stored.selected)
    bit = (row.standards or []).index("quality-indoor")
    by_district = {
        item.zone_id: item.served
        for item in stored.information
        if (item.standard_id, item.weight) == ("quality-indoor", "population")
    }
    assert by_district
    for (number, district), people in served.items():
        if number == bit and district in by_district:
            assert people == pytest.approx(by_district[district])
    states = [report.state for report in reports]
    assert states[0] == PlanState.QUEUED
    assert states[-1] == PlanState.DONE
    assert {"data", "coverage", "targets", "service", "verify"} <= {r.phase for r in reports}
    assert jobs(city) == []


@larger
def test_a_cancelled_plan_keeps_the_best_so_far(city: Database, settings: Settings) -> None:
    """Cancelled in mid-search it ends long before its limit, with a plan that verifies."""
    plan_id, scenario = ask(city, small_spec(stations=400, solve=LONG))
    with working(settings):
        until(lambda: reached(city, plan_id, "targets"))
        with city.session() as session:
            plans.cancel(session, plan_id)
        row = ended(city, plan_id)
    assert (row.state, row.error) == (PlanState.CANCELLED, None)
    assert row.stations
    assert row.runtime_s is not None
    assert row.runtime_s < LONG["max_runtime_s"] / 2
    with city.session() as session:
        stored = plans.load_plan(session, plan_id)
    assert stored is not None
    verify_plan(scenario, stored)


@larger
def test_a_killed_workers_plan_is_taken_up_again(city: Database, settings: Settings) -> None:
    """After kill -9 the search dies too, another worker finishes the plan, and stores it once."""
    spec = small_spec(stations=400, solve={"seed": 1, "max_runtime_s": 20.0})
    plan_id, scenario = ask(city, spec)
    with worker_process(settings) as first:
        until(lambda: reached(city, plan_id, "targets"))
        searching = children(first.pid)
        assert len(searching) == 1
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        until(lambda: not alive(searching[0]))
    with worker_process(settings):
        row = ended(city, plan_id)
    assert (row.state, row.attempt, row.deaths) == (PlanState.DONE, 2, 1), row.error
    with city.session() as session:
        stored = plans.load_plan(session, plan_id)
        endings = [r for r in plans.progress_after(session, plan_id) if r.state == PlanState.DONE]
    assert stored is not None
    verify_plan(scenario, stored)
    assert len(endings) == 1
    assert jobs(city) == []


@larger
def test_a_worker_told_to_stop_hands_its_plan_back(city: Database, settings: Settings) -> None:
    """SIGTERM in mid-search keeps the best plan so far, queues the plan, and leaves no process."""
    plan_id, _ = ask(city, small_spec(stations=400, solve=LONG))
    with worker_process(settings) as process:
        until(lambda: reached(city, plan_id, "targets"))
        searching = children(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    assert not any(alive(pid) for pid in searching)
    row = look(city, plan_id)
    assert (row.state, row.deaths, jobs(city)) == (PlanState.QUEUED, 0, ["todo"])
    with city.session() as session:
        kept = session.scalar(text("select cardinality(selected) from plan_checkpoints"))
    assert kept
    with working(settings):
        until(lambda: reached(city, plan_id, "targets", attempt=2))
        with city.session() as session:
            plans.cancel(session, plan_id)
        assert ended(city, plan_id).state == PlanState.CANCELLED
    with city.session() as session:
        assert session.scalar(text("select count(*) from plan_checkpoints")) == 0


def test_a_search_that_dies_fails_its_plan(city: Database, settings: Settings) -> None:
    """When the system kills the computation, the plan says so instead of hanging."""
    plan_id, _ = ask(city, small_spec(solve=LONG | {"gap": 0.0}))
    with worker_process(settings) as process:
        until(lambda: len(children(process.pid)) == 1)
        os.kill(children(process.pid)[0], signal.SIGKILL)
        row = ended(city, plan_id)
    assert row.state == PlanState.FAILED
    assert "signal 9" in (row.error or "")


def test_too_little_memory_is_named(city: Database, settings: Settings) -> None:
    """A computation that passes its memory limit fails with a sentence that says memory."""
    small = settings.model_copy(
        update={"worker": settings.worker.model_copy(update={"memory_mb": 300})}
    )
    plan_id, _ = ask(city, small_spec())
    with working(small):
        row = ended(city, plan_id)
    assert row.state == PlanState.FAILED
    assert "memory" in (row.error or "") or "MB" in (row.error or "")


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (MemoryError(), True),
        (SystemError(), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (OSError(errno.ENOENT, "No such file"), False),
        (DBAPIError("", {}, psycopg.DatabaseError("out of memory for query result")), True),
        (DBAPIError("", {}, psycopg.DatabaseError("the connection is lost")), False),
        (ValueError("out of memory"), False),
    ],
)
def test_every_way_to_run_out_of_memory_is_known(error: Exception, named: bool) -> None:  # noqa: FBT001
    """Compiled code, the system and the database's client each say it in their own way."""
    assert out_of_memory(error) is named


def test_a_question_the_data_no_longer_answer_fails_with_every_fault(
    city: Database, settings: Settings
) -> None:
    """A stored scenario whose zones have gone names them all on the plan."""
    spec = small_spec(
        targets=[
            {"zones": ["gone-a", "gone-b"], "standard": "quality-outdoor", "required_fraction": 0.5}
        ]
    )
    with city.session() as session:
        row = scenarios.create(session, spec, scenario_hash="0" * 64)
        plan_id = plans.create_queued(session, row.id).id
    with working(settings):
        found = ended(city, plan_id)
    assert found.state == PlanState.FAILED
    assert "gone-a" in (found.error or "")
    assert "gone-b" in (found.error or "")


def test_a_plan_cancelled_while_queued_is_never_computed(
    city: Database, settings: Settings
) -> None:
    """Cancelling before a worker looks ends the plan at once and empties the queue."""
    plan_id, _ = ask(city, small_spec())
    with city.session() as session:
        cancelled = plans.cancel(session, plan_id)
    assert cancelled is not None
    assert cancelled.state == PlanState.CANCELLED
    other, _ = ask(city, small_spec(stations=40))
    with working(settings):
        assert ended(city, other).state == PlanState.DONE
    assert look(city, plan_id).attempt == 0


@larger
def test_cancelling_before_the_search_keeps_nothing_and_waits_for_nothing(
    city: Database, settings: Settings
) -> None:
    """A plan cancelled while its data are read ends without a result, and says so."""
    plan_id, _ = ask(city, small_spec(stations=400, solve=LONG))
    with working(settings):
        until(lambda: look(city, plan_id).state == PlanState.RUNNING)
        with city.session() as session:
            plans.cancel(session, plan_id)
        row = ended(city, plan_id)
    assert (row.state, row.status) == (PlanState.CANCELLED, None)
    assert row.reason == "cancelled before a first plan was found"


def test_a_superseded_computation_writes_nothing(city: Database, settings: Settings) -> None:
    """When another attempt has taken the plan over, the older one ends without a trace."""
    plan_id, _ = ask(city, small_spec(solve=LONG | {"gap": 0.0}))
    with working(settings):
        until(lambda: look(city, plan_id).state == PlanState.RUNNING)
        with city.session() as session:
            session.execute(text("update plans set attempt = 7, heartbeat_at = now()"))
        until(lambda: jobs(city) == [])
    row = look(city, plan_id)
    assert (row.state, row.attempt, row.status) == (PlanState.RUNNING, 7, None)
    with city.session() as session:
        assert session.scalar(text("select count(*) from plan_options")) == 0


def test_a_worker_without_database_says_so() -> None:
    """``python -m app.worker`` on a database that is down exits with one line and code 1."""
    nowhere = Settings(database=DatabaseSettings(url=SecretStr("postgresql:///x?host=/nowhere")))
    environment = child_environment(nowhere) | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "app.worker"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_stream_ends_with_the_plan(city: Database, settings: Settings) -> None:
    """Reports are numbered upwards, at most two a second within a phase, the last one final."""
    plan_id, _ = ask(city, small_spec())
    with working(settings):
        ended(city, plan_id)
    with city.session() as session:
        reports = plans.progress_after(session, plan_id)
        half = plans.progress_after(session, plan_id, reports[2].id)
        last = plans.latest_progress(session, plan_id)
    assert [report.id for report in reports] == sorted(report.id for report in reports)
    assert [report.id for report in half] == [report.id for report in reports[3:]]
    assert last is not None
    assert last.state == PlanState.DONE
    for earlier, later in itertools.pairwise(reports):
        if earlier.phase == later.phase and earlier.state == later.state:
            assert (later.at - earlier.at).total_seconds() > 0.3
