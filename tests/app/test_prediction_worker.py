"""Predictions by a real worker on a real database: done, cancelled, killed, failed, taken up."""

from __future__ import annotations

import os
import signal
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from rasterio.io import MemoryFile
from served_prediction import ASSUMED, CELL_SIZE_M, STATIONS, predicted_here
from small_city import SMALL, small_bundle, small_spec
from sqlalchemy import text
from worker_case import alive, children, jobs, until, worker_process, working

from app.database import Database
from app.jobs import Kind
from app.load import load
from app.prediction_documents import zone_documents
from app.prediction_tables import Prediction
from app.repository import planning_data, plans, predictions, scenarios
from app.repository.progress import progress_after
from app.settings import Settings
from app.tables import PlanState
from siting.io.prediction_files import NAMES
from siting.scenario import build_scenario

pytestmark = [pytest.mark.database, pytest.mark.slow]


@pytest.fixture
def city(database: Database) -> Database:
    """Load the centre of Ezhou."""
    with database.session() as session:
        load(session, SMALL, small_bundle())
    return database


def ask(database: Database, **changes: Any) -> uuid.UUID:
    """Queue a prediction, as the API does."""
    asked = {
        "dataset_id": SMALL,
        "cell_size_m": CELL_SIZE_M,
        "assumptions": ASSUMED,
        "stations": STATIONS,
    }
    with database.session() as session:
        return predictions.create_queued(session, **{**asked, **changes}).id


def look(database: Database, prediction_id: uuid.UUID) -> Prediction:
    """Return the prediction as it stands."""
    with database.session() as session:
        found = predictions.get(session, prediction_id)
    assert found is not None
    return found


def ended(database: Database, prediction_id: uuid.UUID) -> Prediction:
    """Wait until nothing more will happen to a prediction, and return it."""
    until(lambda: PlanState(look(database, prediction_id).state).ended)
    return look(database, prediction_id)


def files(database: Database) -> int:
    """Return how many files are stored."""
    with database.session() as session:
        return session.scalar(text("select count(*) from prediction_files")) or 0


def test_a_prediction_is_computed_and_stored_whole(city: Database, settings: Settings) -> None:
    """Rasters and figures are the library's to the last bit; reports tell every phase in order."""
    prediction_id = ask(city)
    with working(settings):
        row = ended(city, prediction_id)
    assert (row.state, row.error, row.attempt) == (PlanState.DONE, None, 1), row.error
    assert jobs(city) == []
    with city.session() as session:
        stored = predictions.get(session, prediction_id)
        assert stored is not None
        predicted = predicted_here(session, SMALL)
        assert stored.dataset_hash == planning_data.dataset(session, SMALL).content_hash
        assert stored.zones == zone_documents(predicted)
        listed = {item.name: item.size for item in predictions.files(session, prediction_id)}
        content = predictions.content(
            session, prediction_id, "ss_rsrp.tif", 0, listed["ss_rsrp.tif"]
        )
        reports = progress_after(session, Kind.PREDICTION, prediction_id)
    assert set(listed) == set(NAMES)
    with MemoryFile(content) as memory, memory.open() as file:
        level = file.read(1)[::-1]
    assert level.tobytes() == predicted.ss_rsrp_dbm.tobytes()
    phases = list(dict.fromkeys(report.phase for report in reports))
    assert phases == ["queued", "running", "data", "prediction", "figures", "outputs", "done"]


def test_a_plans_network_is_predicted_until_its_data_change(
    city: Database, settings: Settings
) -> None:
    """What is on air are the plan's stations; on other data the prediction fails and says why."""
    with city.session() as session:
        scenario = build_scenario(small_spec(), planning_data.load_planning_data(session, SMALL))
        question = scenarios.create(session, small_spec(), scenario_hash=scenario.hash)
        plan_id = plans.create_queued(session, question.id).id
    with working(settings):
        until(lambda: _plan_state(city, plan_id).ended)
        asked = {"stations": None, "plan_id": plan_id}
        row = ended(city, ask(city, **asked))
        assert row.state == PlanState.DONE, row.error
        assert row.summary is not None
        with city.session() as session:
            stations = len(plans.options(session, plan_id))
            session.execute(text("update candidate_sites set fixed_cost_cny = fixed_cost_cny + 1"))
        assert row.summary["stations"] == stations > 0
        assert row.summary["provenance"]["stations"] == {"synthetic": 1.0}
        row = ended(city, ask(city, **asked))
    assert row.state == PlanState.FAILED
    assert "have changed since it was made" in (row.error or "")


def _plan_state(database: Database, plan_id: uuid.UUID) -> PlanState:
    with database.session() as session:
        row = plans.get(session, plan_id)
    assert row is not None
    return PlanState(row.state)


def test_a_running_prediction_is_stopped_at_once_and_leaves_nothing(
    city: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Cancelling ends the process, keeps no file in the database and none in the folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    prediction_id = ask(city, cell_size_m=10.0)
    with working(settings):
        until(lambda: look(city, prediction_id).state == PlanState.RUNNING)
        with city.session() as session:
            predictions.cancel(session, prediction_id)
        row = ended(city, prediction_id)
        until(lambda: jobs(city) == [])
    assert (row.state, row.summary) == (PlanState.CANCELLED, None)
    assert row.reason == "cancelled before it was complete"
    assert files(city) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_killed_workers_prediction_is_taken_up_again(city: Database, settings: Settings) -> None:
    """After kill -9 the computation dies too; another worker makes the prediction, once."""
    prediction_id = ask(city, cell_size_m=20.0)
    with worker_process(settings) as first:
        until(lambda: len(children(first.pid)) == 1)
        until(lambda: look(city, prediction_id).state == PlanState.RUNNING)
        computing = children(first.pid)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        until(lambda: not any(map(alive, computing)))
    with worker_process(settings):
        row = ended(city, prediction_id)
    assert (row.state, row.attempt, row.deaths) == (PlanState.DONE, 2, 1), row.error
    assert files(city) == len(NAMES)
    assert jobs(city) == []


def test_a_worker_told_to_stop_hands_its_prediction_back(
    city: Database, settings: Settings
) -> None:
    """SIGTERM queues the prediction again and leaves no process."""
    prediction_id = ask(city, cell_size_m=10.0)
    with worker_process(settings) as process:
        until(lambda: len(children(process.pid)) == 1)
        until(lambda: look(city, prediction_id).state == PlanState.RUNNING)
        computing = children(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert not any(map(alive, computing))
    row = look(city, prediction_id)
    assert (row.state, row.deaths, jobs(city)) == (PlanState.QUEUED, 0, ["todo"])


def test_too_little_memory_is_named(city: Database, settings: Settings) -> None:
    """A prediction that passes its memory limit fails with a sentence that says memory."""
    small = settings.model_copy(
        update={"worker": settings.worker.model_copy(update={"memory_mb": 300})}
    )
    prediction_id = ask(city)
    with working(small):
        row = ended(city, prediction_id)
    assert row.state == PlanState.FAILED
    assert "memory" in (row.error or "") or "MB" in (row.error or "")
    assert files(city) == 0
