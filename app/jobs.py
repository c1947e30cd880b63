"""The queue: a plan's computation is deferred in the transaction that creates the plan."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

from procrastinate import App, SyncPsycopgConnector
from sqlalchemy import text
from sqlalchemy.orm import Session

#: Queue and task of plan computations.
QUEUE = "plans"
TASK = "compute_plan"


@cache
def _deferrer() -> App:
    """Return a queue application that only ever uses connections handed to it."""
    return App(connector=SyncPsycopgConnector())


def driver_connection(session: Session) -> Any:
    """Return the psycopg connection of a session, inside the session's transaction."""
    session.flush()
    return session.connection().connection.driver_connection


def defer_compute_plan(session: Session, plan_id: uuid.UUID) -> int:
    """Queue a plan's computation in the session's transaction; return the job's number."""
    deferrer = _deferrer().configure_task(
        TASK, queue=QUEUE, lock=str(plan_id), connection=driver_connection(session)
    )
    return deferrer.defer(plan_id=str(plan_id))


def withdraw(session: Session, job_id: int) -> bool:
    """Take a job that no worker has begun out of the queue; False when one has."""
    return _deferrer().job_manager.cancel_job_by_id(job_id, connection=driver_connection(session))


def put_back(session: Session, plan_id: uuid.UUID, job_id: int | None) -> int:
    """Queue a plan's begun job again, or a new one when there is none; return its number."""
    if job_id is None:
        return defer_compute_plan(session, plan_id)
    session.execute(
        text("select procrastinate_retry_job_v2(:id, now(), null, null, null)"), {"id": job_id}
    )
    return job_id


def give_up(session: Session, job_id: int | None) -> None:
    """Close a begun job, whose worker died, for good."""
    session.execute(
        text("select procrastinate_finish_job_v1(:id, 'failed', false) where :id is not null"),
        {"id": job_id},
    )


_LOST = text(
    """
    select (job.args ->> 'plan_id')::uuid as plan_id, job.id as job_id
    from procrastinate_jobs job
    left join procrastinate_workers worker on worker.id = job.worker_id
    where job.status = 'doing' and job.task_name = :task
      and (worker.id is null
           or worker.last_heartbeat < now() - make_interval(secs => :stale_after_s))
    order by job.id
    for update of job skip locked
    """
)
_ORPHANS = text(
    """
    select plan.id as plan_id, cast(null as bigint) as job_id
    from plans plan
    where plan.state in ('queued', 'running')
      and not exists (
        select from procrastinate_jobs job
        where job.id = plan.job_id and job.status in ('todo', 'doing'))
    order by plan.id
    for update of plan skip locked
    """
)


def lost(session: Session, *, stale_after_s: float) -> list[tuple[uuid.UUID, int | None]]:
    """Return plans that no worker computes though they should be, with their begun job if any.

    The job's worker is gone or silent, or the job has ended and left its plan open. A worker's
    row disappears when another one prunes it; its jobs then stay begun for ever unless somebody
    looks for them here. Every row returned is locked.
    """
    values = {"task": TASK, "stale_after_s": stale_after_s}
    begun = session.execute(_LOST, values)
    found = [(row.plan_id, row.job_id) for row in begun]
    return found + [(row.plan_id, None) for row in session.execute(_ORPHANS)]
