"""Planning data, scenarios and plans in the database."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
import shapely
from small_city import SMALL, small_bundle, small_spec
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.database import Database
from app.jobs import Kind
from app.load import EZHOU, load, load_ezhou
from app.repository import computations, plan_checkpoints, planning_data, plans, progress, scenarios
from app.repository.computations import SupersededError, Work
from app.repository.targets import action_plan
from app.tables import PlanState, new_id
from siting import datasets, geo
from siting.errors import DatasetError
from siting.progress import Progress
from siting.scenario import PlanningData, build_scenario

pytestmark = pytest.mark.database


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """Open a session on an empty, migrated database."""
    with database.session() as opened:
        yield opened


@pytest.fixture
def ezhou(ezhou_database: Database) -> Iterator[Session]:
    """Open a session on a database that holds Ezhou."""
    with ezhou_database.session() as opened:
        yield opened


def scenario_row(session: Session) -> uuid.UUID:
    """Store some scenario and return its id."""
    return scenarios.create(session, small_spec(), scenario_hash="0" * 64).id


def test_the_database_holds_the_bundled_data_bit_for_bit(ezhou: Session) -> None:
    """A scenario on stored data has the same identity as on the files, and so the same plan."""
    stored = planning_data.load_planning_data(ezhou, EZHOU)
    bundled = datasets.ezhou()
    spec = datasets.ezhou_spec()
    assert build_scenario(spec, stored).hash == build_scenario(spec, bundled).hash
    assert_same_zones(stored, bundled)
    assert list(stored.sites.owner) == list(bundled.sites.owner)
    assert list(stored.sites.source) == list(bundled.sites.source)
    np.testing.assert_array_equal(stored.sites.accuracy_m, bundled.sites.accuracy_m)
    assert stored.demand.provenance == bundled.demand.provenance
    assert stored.technologies == bundled.technologies
    assert stored.standards == bundled.standards
    water, other = stored.study_area.water, bundled.study_area.water
    assert shapely.to_wkb(water) == shapely.to_wkb(other)


def assert_same_zones(stored: PlanningData, bundled: PlanningData) -> None:
    """Compare zones field by field, shapes by their bytes."""
    assert len(stored.zones) == len(bundled.zones)
    for one, other in zip(stored.zones, bundled.zones, strict=True):
        for field in dataclasses.fields(one):
            left, right = getattr(one, field.name), getattr(other, field.name)
            if field.name == "geometry":
                assert shapely.to_wkb(left) == shapely.to_wkb(right)
            else:
                assert left == right, field.name


def test_one_changed_person_is_another_question(ezhou: Session) -> None:
    """The comparison above can fail: a single person more changes the identity."""
    spec = datasets.ezhou_spec()
    ezhou.execute(text("update demand set population = population + 1 where population = "
                       "(select max(population) from demand) "
                       "and id = (select min(id) from demand where population = "
                       "(select max(population) from demand))"))  # fmt: skip
    changed = planning_data.load_planning_data(ezhou, EZHOU)
    assert build_scenario(spec, changed).hash != build_scenario(spec, datasets.ezhou()).hash


def test_loading_twice_changes_nothing(ezhou: Session) -> None:
    """The same content is recognised and left alone."""
    before = ezhou.scalar(text("select min(fid) from candidate_sites"))
    assert load_ezhou(ezhou) is False
    assert ezhou.scalar(text("select min(fid) from candidate_sites")) == before
    assert ezhou.scalar(text("select count(*) from datasets")) == 1


def test_imports_say_what_was_set_aside(ezhou: Session) -> None:
    """Every layer has a row with its count and CRS; places without a location are all listed."""
    rows = {row.layer: row for row in planning_data.imports(ezhou, EZHOU)}
    assert rows["demand"].rows == ezhou.scalar(text("select count(*) from demand"))
    assert rows["demand"].declared_crs == "EPSG:4547"
    missing = planning_data.unlocated_places(ezhou, EZHOU)
    facts = datasets.facts()
    assert [place.id for place in missing] == sorted(facts.loc[facts.geometry.isna(), "id"])
    assert [item["id"] for item in rows["places"].rejected] == [place.id for place in missing]


def test_the_action_plan_has_its_88_figures(ezhou: Session) -> None:
    """The printed figures are there in order, and 39 of them put something on the map."""
    every = action_plan(ezhou)
    assert len(every) == 88
    assert len(action_plan(ezhou, siting_only=True)) == 39
    first = every[0]
    assert (first.id, first.operator, first.value, first.is_aim) == ("T001", ">", 2000, True)


def test_demand_cells_lie_where_their_centres_are_and_share_corners(session: Session) -> None:
    """Each stored cell holds its grid centre; neighbours share two corners exactly, no gap."""
    bundle = small_bundle(600.0)
    load(session, SMALL, bundle)
    rows = session.execute(
        text("select col, row, st_asbinary(geom) as shape from demand order by id")
    ).all()
    cells = {(row.col, row.row): shapely.from_wkb(bytes(row.shape)) for row in rows}
    data = planning_data.load_planning_data(session, SMALL)
    assert len(cells) == len(data.demand)
    centres = shapely.centroid(np.array(list(cells.values())))
    from_grid = bundle.layers.grid.centres(
        np.array([col for col, _ in cells]), np.array([row for _, row in cells])
    )
    stored = geo.project(shapely.get_x(centres), shapely.get_y(centres), data.study_area.crs)
    assert np.abs(stored - from_grid).max() < 0.01
    pairs = [
        (cells[key], cells[key[0] + 1, key[1]]) for key in cells if (key[0] + 1, key[1]) in cells
    ]
    assert pairs
    for left, right in pairs:
        assert len(set(left.exterior.coords) & set(right.exterior.coords)) == 2


def test_newer_bundled_data_replace_the_old_but_nothing_of_the_users(session: Session) -> None:
    """Scenarios, plans and imported sites survive; the content hash moves; old cells go."""
    bundle = small_bundle(800.0)
    assert load(session, SMALL, bundle)
    before = planning_data.dataset(session, SMALL).content_hash
    plan = plans.create_queued(session, scenario_row(session))
    session.execute(
        text(
            "insert into candidate_sites (dataset_id, id, kind, owner, district, height_m, "
            "fixed_cost_cny, existing, near_water, provenance, source, licence, geom) "
            "select dataset_id, 'mine-1', kind, owner, district, height_m, fixed_cost_cny, "
            "existing, near_water, 'real', 'a list of ours', 'own', geom "
            "from candidate_sites order by fid limit 1"
        )
    )
    layers = dataclasses.replace(bundle.layers, demand=bundle.layers.demand.iloc[:-5])
    assert load(session, SMALL, dataclasses.replace(bundle, layers=layers))
    session.expire_all()
    assert planning_data.dataset(session, SMALL).content_hash != before
    data = planning_data.load_planning_data(session, SMALL)
    assert len(data.demand) == len(bundle.layers.demand) - 5
    assert "mine-1" in data.sites.id
    assert len(data.sites) == len(bundle.layers.sites) + 1
    assert plans.get(session, plan.id) is not None
    assert load(session, SMALL, dataclasses.replace(bundle, layers=layers)) is False


def test_an_unknown_data_set_is_named_with_those_there_are(session: Session) -> None:
    """Asking for a data set that is not loaded says which are."""
    with pytest.raises(DatasetError, match=r"'nowhere'.*loaded: none"):
        planning_data.load_planning_data(session, "nowhere")


def test_the_cache_reads_again_only_when_the_content_changed(session: Session) -> None:
    """The same object comes back until the stored content hash moves."""
    load(session, SMALL, small_bundle(600.0))
    cache = planning_data.PlanningDataCache()
    first = cache.get(session, SMALL)
    assert cache.get(session, SMALL) is first
    session.execute(text("update datasets set content_hash = 'another'"))
    session.expire_all()
    assert cache.get(session, SMALL) is not first


def test_identifiers_sort_by_time_and_are_version_7() -> None:
    """New identifiers are RFC 9562 version 7 and those of later milliseconds sort later."""
    made = [new_id() for _ in range(50)]
    assert {item.version for item in made} == {7}
    assert {item.variant for item in made} == {uuid.RFC_4122}
    assert [item.int >> 80 for item in made] == sorted(item.int >> 80 for item in made)


def test_pages_by_key_meet_every_row_once(session: Session) -> None:
    """Following pages newest first meets every scenario and plan exactly once."""
    made = [scenario_row(session) for _ in range(7)]
    seen: list[uuid.UUID] = []
    after = None
    while page := scenarios.page(session, limit=3, after=after):
        seen += [row.id for row in page]
        after = seen[-1]
    assert sorted(seen) == sorted(made)
    assert seen == sorted(seen, reverse=True)
    asked = [plans.create_queued(session, made[index % 2]).id for index in range(4)]
    assert [row.id for row in plans.page(session, limit=9)] == sorted(asked, reverse=True)
    assert len(plans.page(session, limit=9, scenario_id=made[0])) == 2
    assert plans.page(session, limit=9, state=PlanState.DONE) == []


def test_plan_and_job_appear_together_or_not_at_all(database: Database) -> None:
    """A transaction that is rolled back leaves neither a plan nor a job."""
    with database.session() as session:
        scenario_id = scenario_row(session)

    def ask_then_fail() -> None:
        with database.session() as session:
            plans.create_queued(session, scenario_id)
            raise RuntimeError("not after all")

    with pytest.raises(RuntimeError, match="after all"):
        ask_then_fail()
    with database.session() as session:
        assert session.scalar(text("select count(*) from plans")) == 0
        assert session.scalar(text("select count(*) from procrastinate_jobs")) == 0
        plan = plans.create_queued(session, scenario_id)
        job = session.execute(text("select id, args ->> 'plan_id' from procrastinate_jobs")).one()
        assert tuple(job) == (plan.job_id, str(plan.id))


def begun(session: Session) -> Work:
    """Queue a plan and take it up as a worker does."""
    work = computations.begin(
        session, Kind.PLAN, plans.create_queued(session, scenario_row(session)).id
    )
    assert work is not None
    return work


def test_a_plan_is_taken_up_once(session: Session) -> None:
    """A second worker that gets the same job finds nothing to do."""
    work = begun(session)
    assert work.attempt == 1
    assert computations.begin(session, Kind.PLAN, work.id) is None


def test_every_write_of_an_old_attempt_is_refused(session: Session) -> None:
    """A worker that lost its plan can neither report, keep, hand back nor end it."""
    old = dataclasses.replace(begun(session), attempt=0)
    report = Progress(phase="targets", fraction=0.5, elapsed_s=1.0)
    for write in (
        lambda: computations.beat(session, old),
        lambda: computations.cancel_requested(session, old),
        lambda: computations.append_progress(session, old, report),
        lambda: plan_checkpoints.save_checkpoint(
            session, old, scenario_hash="0", selected=np.arange(3, dtype=np.intp)
        ),
        lambda: computations.hand_back(session, old),
        lambda: computations.end_without_result(session, old, PlanState.FAILED, reason="no"),
    ):
        with pytest.raises(SupersededError):
            write()
    assert [row.state for row in plans.page(session, limit=9)] == [PlanState.RUNNING]


def test_a_checkpoint_counts_only_for_the_same_question(session: Session) -> None:
    """What was kept comes back for the same scenario, and is ignored for another."""
    work = begun(session)
    for selected in ([3, 5], [1, 2, 8]):
        plan_checkpoints.save_checkpoint(
            session, work, scenario_hash="same", selected=np.array(selected, dtype=np.intp)
        )
    kept = plan_checkpoints.checkpoint(session, work, scenario_hash="same")
    assert kept is not None
    assert kept.tolist() == [1, 2, 8]
    assert plan_checkpoints.checkpoint(session, work, scenario_hash="other") is None


def test_reports_are_notified_with_plan_and_number(database: Database) -> None:
    """Who listens hears of a report when its transaction commits, and can read from there."""
    with database.session() as session:
        work = begun(session)
    with psycopg.connect(database.conninfo, autocommit=True) as listener:
        listener.execute(f"listen {progress.CHANNEL}".encode())
        with database.session() as session:
            report = Progress(phase="targets", fraction=0.5, elapsed_s=2.0, value=9.0, bound=7.0)
            computations.append_progress(session, work, report)
        notice = next(listener.notifies(timeout=30, stop_after=1))
    plan_id, number = notice.payload.split()
    with database.session() as session:
        (found,) = plans.progress_after(session, uuid.UUID(plan_id), int(number) - 1)
    assert (found.phase, found.value, found.bound, found.state) == (
        *("targets", 9.0, 7.0),
        PlanState.RUNNING,
    )


def lose(session: Session, work: Work, *, worker: str = "gone") -> None:
    """Make a plan look as a dead worker leaves it, its worker's row gone or silent."""
    number = None
    if worker == "silent":
        number = session.scalar(
            text("insert into procrastinate_workers (last_heartbeat) "
                 "values (now() - interval '1 hour') returning id")
        )  # fmt: skip
    session.execute(
        text("update procrastinate_jobs set status = 'doing', worker_id = :number"),
        {"number": number},
    )
    session.execute(
        text("update plans set created_at = now() - interval '1 hour', "
             "heartbeat_at = now() - interval '1 hour' where id = :plan"),
        {"plan": work.id},
    )  # fmt: skip
    session.expire_all()


@pytest.mark.parametrize("worker", ["gone", "silent"])
def test_plans_of_dead_workers_are_queued_again(session: Session, worker: str) -> None:
    """Whether the worker's row is gone or silent, plan and job wait for the next worker."""
    work = begun(session)
    lose(session, work, worker=worker)
    assert computations.take_up_lost(session, Kind.PLAN, stale_after_s=7, max_deaths=3) == [work.id]
    row = plans.get(session, work.id)
    assert row is not None
    assert (row.state, row.deaths) == (PlanState.QUEUED, 1)
    assert session.scalar(text("select status::text from procrastinate_jobs")) == "todo"
    again = computations.begin(session, Kind.PLAN, work.id)
    assert again is not None
    assert again.attempt == 2


def test_living_workers_keep_their_plans(session: Session) -> None:
    """A plan with a fresh sign of life is left alone even when the queue has lost its worker."""
    work = begun(session)
    lose(session, work)
    computations.beat(session, work)
    session.flush()
    assert computations.take_up_lost(session, Kind.PLAN, stale_after_s=7, max_deaths=3) == []


def test_a_plan_that_kills_its_workers_is_given_up(session: Session) -> None:
    """After the third death the plan fails, names the phase, and its job is closed."""
    work = begun(session)
    session.execute(text("update plans set deaths = 2"))
    lose(session, work)
    assert computations.take_up_lost(session, Kind.PLAN, stale_after_s=7, max_deaths=3) == []
    row = plans.get(session, work.id)
    assert row is not None
    assert row.state == PlanState.FAILED
    assert "3 workers died" in (row.error or "")
    assert session.scalar(text("select status::text from procrastinate_jobs")) == "failed"


def test_a_cancelled_plan_of_a_dead_worker_is_cancelled(session: Session) -> None:
    """A cancellation its worker did not live to see is carried out by the next look."""
    work = begun(session)
    plans.cancel(session, work.id)
    lose(session, work)
    assert computations.take_up_lost(session, Kind.PLAN, stale_after_s=7, max_deaths=3) == []
    row = plans.get(session, work.id)
    assert row is not None
    assert row.state == PlanState.CANCELLED


def test_a_plan_whose_job_vanished_gets_a_new_one(session: Session) -> None:
    """An open plan without an open job is not forgotten."""
    work = begun(session)
    lose(session, work)
    session.execute(text("delete from procrastinate_jobs"))
    assert computations.take_up_lost(session, Kind.PLAN, stale_after_s=7, max_deaths=3) == [work.id]
    row = plans.get(session, work.id)
    assert row is not None
    assert session.scalar(text("select id from procrastinate_jobs")) == row.job_id


def test_cancelling_what_has_ended_changes_nothing(session: Session) -> None:
    """A plan that failed stays failed, and an unknown one is None."""
    work = begun(session)
    computations.end_without_result(session, work, PlanState.FAILED, reason="broken")
    row = plans.cancel(session, work.id)
    assert row is not None
    assert (row.state, row.error, row.cancel_requested) == (PlanState.FAILED, "broken", False)
    assert plans.cancel(session, uuid.uuid4()) is None
