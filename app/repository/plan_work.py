"""What workers do to a plan: take it up, report, keep the best so far, hand it back.

A worker holds a plan by its attempt number. Every write names the attempt and does nothing when
another worker has taken the plan over, so that nothing is published twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app import jobs
from app.tables import Plan, PlanCheckpoint, PlanProgress, PlanState
from siting.progress import Progress

#: Channel a listener hears of every new report on; the payload is "<plan id> <report id>".
CHANNEL = "plan_progress"


class SupersededError(Exception):
    """Another worker has taken the plan over, or it has ended; this attempt must write nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A plan taken up: what to compute, under which attempt."""

    plan_id: uuid.UUID
    scenario_id: uuid.UUID
    attempt: int


def begin(session: Session, plan_id: uuid.UUID) -> Work | None:
    """Take a queued plan up; None when there is nothing to do any more.

    A plan whose cancellation was asked for before a worker began is cancelled here.
    """
    row = session.get(Plan, plan_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != PlanState.QUEUED:
        return None
    if row.cancel_requested:
        end(session, row, PlanState.CANCELLED, reason="cancelled before a worker took it up")
        return None
    row.state = PlanState.RUNNING
    row.attempt += 1
    row.started_at = row.heartbeat_at = func.now()
    announce(session, row, PlanState.RUNNING)
    return Work(plan_id=row.id, scenario_id=row.scenario_id, attempt=row.attempt)


def beat(session: Session, work: Work) -> bool:
    """Give a sign of life; return whether the plan's cancellation is asked for.

    Raises
    ------
    SupersededError
        When the plan is no longer this attempt's.
    """
    row = held(session, work)
    row.heartbeat_at = func.now()
    return row.cancel_requested


def cancel_requested(session: Session, work: Work) -> bool:
    """Say whether the plan's cancellation is asked for.

    Raises
    ------
    SupersededError
        When the plan is no longer this attempt's.
    """
    found = session.execute(
        select(Plan.cancel_requested).where(
            Plan.id == work.plan_id,
            Plan.attempt == work.attempt,
            Plan.state == PlanState.RUNNING,
        )
    ).scalar_one_or_none()
    if found is None:
        raise SupersededError(f"plan {work.plan_id} is no longer attempt {work.attempt}'s")
    return found


def append_progress(session: Session, work: Work, report: Progress) -> None:
    """Store a report and notify those who listen.

    Raises
    ------
    SupersededError
        When the plan is no longer this attempt's.
    """
    row = held(session, work)
    announce(session, row, report.phase, report)


def save_checkpoint(
    session: Session, work: Work, *, scenario_hash: str, selected: npt.NDArray[np.intp]
) -> None:
    """Keep the options of the best plan so far for the next attempt.

    Raises
    ------
    SupersededError
        When the plan is no longer this attempt's.
    """
    held(session, work)
    kept = {
        "attempt": work.attempt,
        "scenario_hash": scenario_hash,
        "selected": selected.tolist(),
        "at": func.now(),
    }
    session.execute(
        upsert(PlanCheckpoint)
        .values(plan_id=work.plan_id, **kept)
        .on_conflict_do_update(index_elements=[PlanCheckpoint.plan_id], set_=kept)
    )


def checkpoint(session: Session, work: Work, *, scenario_hash: str) -> npt.NDArray[np.intp] | None:
    """Return the best options so far of earlier attempts at the same question, or None."""
    kept = session.get(PlanCheckpoint, work.plan_id)
    if kept is None or kept.scenario_hash != scenario_hash:
        return None
    return np.array(kept.selected, dtype=np.intp)


def end_without_result(session: Session, work: Work, state: PlanState, *, reason: str) -> None:
    """Close a plan that found nothing to store: cancelled early, or failed.

    Raises
    ------
    SupersededError
        When the plan is no longer this attempt's.
    """
    row = held(session, work)
    if state is PlanState.FAILED:
        row.error = reason
    end(session, row, state, reason=reason)


def hand_back(session: Session, work: Work) -> None:
    """Queue a plan again whose worker shuts down; its job goes back by itself.

    Raises
    ------
    SupersededError
        When the plan is no longer this attempt's.
    """
    row = held(session, work)
    row.state = PlanState.QUEUED
    announce(session, row, PlanState.QUEUED)


def take_up_lost(session: Session, *, stale_after_s: float, max_deaths: int) -> Sequence[uuid.UUID]:
    """Queue the plans of dead workers again, or give them up; return those queued.

    Parameters
    ----------
    session
        Open session.
    stale_after_s
        A worker, and a plan, without a sign of life for longer is lost [s].
    max_deaths
        A plan that cost this many workers their lives has failed.
    """
    queued: list[uuid.UUID] = []
    for plan_id, job_id in jobs.lost(session, stale_after_s=stale_after_s):
        row = session.get(Plan, plan_id, with_for_update=True, populate_existing=True)
        if row is None or PlanState(row.state).ended:
            jobs.give_up(session, job_id)
        elif _is_fresh(session, row, stale_after_s):
            continue
        elif row.cancel_requested:
            jobs.give_up(session, job_id)
            end(session, row, PlanState.CANCELLED, reason="cancelled; its worker had died")
        elif row.state == PlanState.RUNNING and row.deaths + 1 >= max_deaths:
            jobs.give_up(session, job_id)
            row.error = reason = (
                f"{max_deaths} workers died computing it, the last during "
                f"{_last_phase(session, plan_id)!r}; it may need more memory than a worker has"
            )
            end(session, row, PlanState.FAILED, reason=reason)
        else:
            row.deaths += row.state == PlanState.RUNNING
            row.state = PlanState.QUEUED
            row.job_id = jobs.put_back(session, plan_id, job_id)
            announce(session, row, PlanState.QUEUED)
            queued.append(plan_id)
    return queued


def announce(session: Session, row: Plan, phase: str, report: Progress | None = None) -> None:
    """Add a report to a plan's stream and notify those who listen when the session commits."""
    session.flush()
    values_ = {
        "plan_id": row.id,
        "attempt": row.attempt,
        "state": row.state,
        "phase": str(phase),
        "fraction": 0.0,
        "elapsed_s": 0.0,
    }
    if report is not None:
        values_ |= {
            "fraction": report.fraction,
            "value": report.value,
            "bound": report.bound,
            "unit": report.unit,
            "elapsed_s": report.elapsed_s,
        }
    number = session.scalar(insert(PlanProgress).values(values_).returning(PlanProgress.id))
    session.execute(
        text("select pg_notify(:channel, :payload)"),
        {"channel": CHANNEL, "payload": f"{row.id} {number}"},
    )


def held(session: Session, work: Work) -> Plan:
    """Return the plan's row, locked, as long as it is this attempt's.

    Raises
    ------
    SupersededError
        When the plan is no longer this attempt's.
    """
    row = session.get(Plan, work.plan_id, with_for_update=True, populate_existing=True)
    if row is None or row.attempt != work.attempt or row.state != PlanState.RUNNING:
        raise SupersededError(f"plan {work.plan_id} is no longer attempt {work.attempt}'s")
    return row


def end(session: Session, row: Plan, state: PlanState, *, reason: str) -> None:
    """Set a plan's final state and announce it."""
    row.state = state
    row.reason = reason
    row.finished_at = func.now()
    session.execute(delete(PlanCheckpoint).where(PlanCheckpoint.plan_id == row.id))
    announce(session, row, state)


def _is_fresh(session: Session, row: Plan, stale_after_s: float) -> bool:
    """Say whether something happened to a plan lately, whatever the queue thinks of it."""
    last = func.greatest(Plan.created_at, Plan.heartbeat_at)
    since = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, stale_after_s)
    return bool(session.scalar(select(last > since).where(Plan.id == row.id)))


def _last_phase(session: Session, plan_id: uuid.UUID) -> str:
    query = select(PlanProgress.phase).where(PlanProgress.plan_id == plan_id)
    return session.scalar(query.order_by(PlanProgress.id.desc()).limit(1)) or "start"
