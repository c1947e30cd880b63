"""The queue: a computation is deferred in the transaction that creates its row."""

from __future__ import annotations

import uuid
from enum import StrEnum
from functools import cache
from typing import Any

from procrastinate import App, SyncPsycopgConnector
from sqlalchemy import text
from sqlalchemy.orm import Session

#: The one queue; what was asked for first is computed first, of whatever kind.
QUEUE = "plans"


class Kind(StrEnum):
    """What is computed in the background; rows of a kind stand in one table."""

    PLAN = "plan"
    PREDICTION = "prediction"

    @property
    def task(self) -> str:
        """Name of the queue's task."""
        return f"compute_{self}"

    @property
    def key(self) -> str:
        """What its id is called in a job and in the tables of its parts."""
        return f"{self}_id"

    @property
    def table(self) -> str:
        """Name of the table of its rows."""
        return f"{self}s"


@cache
def _deferrer() -> App:
    """Return a queue application that only ever uses connections handed to it."""
    return App(connector=SyncPsycopgConnector())


def driver_connection(session: Session) -> Any:
    """Return the psycopg connection of a session, inside the session's transaction."""
    session.flush()
    return session.connection().connection.driver_connection


def defer(session: Session, kind: Kind, row_id: uuid.UUID) -> int:
    """Queue a computation in the session's transaction; return the job's number."""
    deferrer = _deferrer().configure_task(
        kind.task, queue=QUEUE, lock=str(row_id), connection=driver_connection(session)
    )
    return deferrer.defer(**{kind.key: str(row_id)})


def withdraw(session: Session, job_id: int) -> bool:
    """Take a job that no worker has begun out of the queue; False when one has."""
    return _deferrer().job_manager.cancel_job_by_id(job_id, connection=driver_connection(session))


def put_back(session: Session, kind: Kind, row_id: uuid.UUID, job_id: int | None) -> int:
    """Queue a begun job again, or a new one when there is none; return its number."""
    if job_id is None:
        return defer(session, kind, row_id)
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
    select (job.args ->> :key)::uuid as row_id, job.id as job_id
    from procrastinate_jobs job
    left join procrastinate_workers worker on worker.id = job.worker_id
    where job.status = 'doing' and job.task_name = :task
      and (worker.id is null
           or worker.last_heartbeat < now() - make_interval(secs => :stale_after_s))
    order by job.id
    for update of job skip locked
    """
)
_ORPHANS = {
    kind: text(
        f"""
        select computed.id as row_id
        from {kind.table} computed
        where computed.state in ('queued', 'running')
          and not exists (
            select from procrastinate_jobs job
            where job.id = computed.job_id and job.status in ('todo', 'doing'))
        order by computed.id
        for update of computed skip locked
        """  # noqa: S608 - the names of our own tables
    )
    for kind in Kind
}


def lost(
    session: Session, kind: Kind, *, stale_after_s: float
) -> list[tuple[uuid.UUID, int | None]]:
    """Return rows that no worker computes though they should be, with their begun job if any.

    The job's worker is gone or silent, or the job has ended and left its row open. A worker's
    row disappears when another one prunes it; its jobs then stay begun for ever unless somebody
    looks for them here. Every row returned is locked.
    """
    values = {"key": kind.key, "task": kind.task, "stale_after_s": stale_after_s}
    found = [(row.row_id, row.job_id) for row in session.execute(_LOST, values)]
    return found + [(row.row_id, None) for row in session.execute(_ORPHANS[kind])]
