"""What workers do to a plan or a prediction: take it up, report, hand it back, end it.

A worker holds a row by its attempt number. Every write names the attempt and does nothing when
another worker has taken the row over, so that nothing is published twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import jobs
from app.jobs import Kind
from app.prediction_tables import Prediction
from app.repository.progress import announce, latest_progress
from app.tables import Computed, Plan, PlanCheckpoint, PlanState
from siting.progress import Progress

#: The table of each kind.
TABLES: dict[Kind, type[Plan | Prediction]] = {
    Kind.PLAN: Plan,
    Kind.PREDICTION: Prediction,
}

Row = TypeVar("Row", Plan, Prediction)


class SupersededError(Exception):
    """Another worker has taken the row over, or it has ended; this attempt must write nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A row taken up: what to compute, under which attempt."""

    kind: Kind
    id: uuid.UUID
    attempt: int

    def __str__(self) -> str:
        """Name it for logs and messages."""
        return f"{self.kind} {self.id}"


def queue(session: Session, kind: Kind, row: Row) -> Row:
    """Ask for a computation: row and job appear together when the session commits."""
    session.add(row)
    session.flush()
    row.job_id = jobs.defer(session, kind, row.id)
    announce(session, kind, row, PlanState.QUEUED)
    session.flush()
    session.refresh(row)
    return row


def cancel(session: Session, kind: Kind, row_id: uuid.UUID) -> Plan | Prediction | None:
    """Stop a computation; None when there is no such row.

    A queued one is cancelled at once. A running one is told to stop, and its worker sets the
    state. One that has ended stays as it is.
    """
    row = _locked(session, kind, row_id)
    if row is None or PlanState(row.state).ended:
        return row
    row.cancel_requested = True
    withdrawn = row.job_id is not None and jobs.withdraw(session, row.job_id)
    if row.state == PlanState.QUEUED and withdrawn:
        row.state = PlanState.CANCELLED
        row.reason = "cancelled before a worker took it up"
        row.finished_at = func.now()
        announce(session, kind, row, PlanState.CANCELLED)
    session.flush()
    session.refresh(row)
    return row


def begin(session: Session, kind: Kind, row_id: uuid.UUID) -> Work | None:
    """Take a queued row up; None when there is nothing to do any more.

    A row whose cancellation was asked for before a worker began is cancelled here.
    """
    row = _locked(session, kind, row_id)
    if row is None or row.state != PlanState.QUEUED:
        return None
    if row.cancel_requested:
        end(session, kind, row, PlanState.CANCELLED, reason="cancelled before a worker took it up")
        return None
    row.state = PlanState.RUNNING
    row.attempt += 1
    row.started_at = row.heartbeat_at = func.now()
    announce(session, kind, row, PlanState.RUNNING)
    return Work(kind=kind, id=row.id, attempt=row.attempt)


def beat(session: Session, work: Work) -> bool:
    """Give a sign of life; return whether cancellation is asked for.

    Raises
    ------
    SupersededError
        When the row is no longer this attempt's.
    """
    row = held(session, work)
    row.heartbeat_at = func.now()
    return row.cancel_requested


def cancel_requested(session: Session, work: Work) -> bool:
    """Say whether cancellation is asked for.

    Raises
    ------
    SupersededError
        When the row is no longer this attempt's.
    """
    table = TABLES[work.kind]
    found = session.execute(
        select(table.cancel_requested).where(
            table.id == work.id,
            table.attempt == work.attempt,
            table.state == PlanState.RUNNING,
        )
    ).scalar_one_or_none()
    if found is None:
        raise SupersededError(f"{work} is no longer attempt {work.attempt}'s")
    return found


def append_progress(session: Session, work: Work, report: Progress) -> None:
    """Store a report and notify those who listen.

    Raises
    ------
    SupersededError
        When the row is no longer this attempt's.
    """
    announce(session, work.kind, held(session, work), report.phase, report)


def end_without_result(session: Session, work: Work, state: PlanState, *, reason: str) -> None:
    """Close a computation that has nothing to store: cancelled early, or failed.

    Raises
    ------
    SupersededError
        When the row is no longer this attempt's.
    """
    row = held(session, work)
    if state is PlanState.FAILED:
        row.error = reason
    end(session, work.kind, row, state, reason=reason)


def hand_back(session: Session, work: Work) -> None:
    """Queue a row again whose worker shuts down; its job goes back by itself.

    Raises
    ------
    SupersededError
        When the row is no longer this attempt's.
    """
    row = held(session, work)
    row.state = PlanState.QUEUED
    announce(session, work.kind, row, PlanState.QUEUED)


def take_up_lost(
    session: Session, kind: Kind, *, stale_after_s: float, max_deaths: int
) -> Sequence[uuid.UUID]:
    """Queue the rows of dead workers again, or give them up; return those queued.

    Parameters
    ----------
    session
        Open session.
    kind
        Which rows.
    stale_after_s
        A worker, and a row, without a sign of life for longer is lost [s].
    max_deaths
        A row that cost this many workers their lives has failed.
    """
    queued: list[uuid.UUID] = []
    for row_id, job_id in jobs.lost(session, kind, stale_after_s=stale_after_s):
        row = _locked(session, kind, row_id)
        if row is None or PlanState(row.state).ended:
            jobs.give_up(session, job_id)
        elif _is_fresh(session, kind, row, stale_after_s):
            continue
        elif row.cancel_requested:
            jobs.give_up(session, job_id)
            end(session, kind, row, PlanState.CANCELLED, reason="cancelled; its worker had died")
        elif row.state == PlanState.RUNNING and row.deaths + 1 >= max_deaths:
            jobs.give_up(session, job_id)
            latest = latest_progress(session, kind, row_id)
            row.error = reason = (
                f"{max_deaths} workers died computing it, the last during "
                f"{'start' if latest is None else latest.phase!r}; it may need more memory than a "
                "worker has"
            )
            end(session, kind, row, PlanState.FAILED, reason=reason)
        else:
            row.deaths += row.state == PlanState.RUNNING
            row.state = PlanState.QUEUED
            row.job_id = jobs.put_back(session, kind, row_id, job_id)
            announce(session, kind, row, PlanState.QUEUED)
            queued.append(row_id)
    return queued


def held(session: Session, work: Work) -> Plan | Prediction:
    """Return the row, locked, as long as it is this attempt's.

    Raises
    ------
    SupersededError
        When the row is no longer this attempt's.
    """
    row = _locked(session, work.kind, work.id)
    if row is None or row.attempt != work.attempt or row.state != PlanState.RUNNING:
        raise SupersededError(f"{work} is no longer attempt {work.attempt}'s")
    return row


def end(session: Session, kind: Kind, row: Computed, state: PlanState, *, reason: str) -> None:
    """Set the final state and announce it."""
    row.state = state
    row.reason = reason
    row.finished_at = func.now()
    if kind is Kind.PLAN:
        session.execute(delete(PlanCheckpoint).where(PlanCheckpoint.plan_id == row.id))
    announce(session, kind, row, state)


def _locked(session: Session, kind: Kind, row_id: uuid.UUID) -> Plan | Prediction | None:
    found = session.get(TABLES[kind], row_id, with_for_update=True, populate_existing=True)
    return cast("Plan | Prediction | None", found)


def _is_fresh(session: Session, kind: Kind, row: Computed, stale_after_s: float) -> bool:
    """Say whether something happened to a row lately, whatever the queue thinks of it."""
    table = TABLES[kind]
    last = func.greatest(table.created_at, table.heartbeat_at)
    since = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, stale_after_s)
    return bool(session.scalar(select(last > since).where(table.id == row.id)))
