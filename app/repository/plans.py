"""Plans: asking for one, following it, and reading what it found."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from app import jobs, translate
from app.repository.plan_work import announce
from app.tables import Plan, PlanOption, PlanOutcome, PlanProgress, PlanState, PlanStep
from siting import plan as values


def create_queued(session: Session, scenario_id: uuid.UUID) -> Plan:
    """Ask for a plan: its row and its job appear together when the session commits."""
    row = Plan(scenario_id=scenario_id, state=PlanState.QUEUED)
    session.add(row)
    session.flush()
    row.job_id = jobs.defer_compute_plan(session, row.id)
    announce(session, row, PlanState.QUEUED)
    session.flush()
    session.refresh(row)
    return row


def get(session: Session, plan_id: uuid.UUID) -> Plan | None:
    """Return a plan as it stands now, or None when there is none of that id."""
    return session.get(Plan, plan_id, populate_existing=True)


def page(
    session: Session,
    *,
    limit: int,
    after: uuid.UUID | None = None,
    scenario_id: uuid.UUID | None = None,
    state: PlanState | None = None,
) -> Sequence[Plan]:
    """Return up to `limit` plans, newest first, those older than `after` when it is given."""
    query = select(Plan).order_by(Plan.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Plan.id < after)
    if scenario_id is not None:
        query = query.where(Plan.scenario_id == scenario_id)
    if state is not None:
        query = query.where(Plan.state == state)
    return session.scalars(query).all()


def cancel(session: Session, plan_id: uuid.UUID) -> Plan | None:
    """Stop a plan's computation; None when there is no such plan.

    A queued one is cancelled at once. A running one is told to stop: its worker keeps the best
    plan so far and sets the state. One that has ended stays as it is.
    """
    row = session.get(Plan, plan_id, with_for_update=True, populate_existing=True)
    if row is None or PlanState(row.state).ended:
        return row
    row.cancel_requested = True
    withdrawn = row.job_id is not None and jobs.withdraw(session, row.job_id)
    if row.state == PlanState.QUEUED and withdrawn:
        row.state = PlanState.CANCELLED
        row.reason = "cancelled before a worker took it up"
        row.finished_at = func.now()
        announce(session, row, PlanState.CANCELLED)
    session.flush()
    session.refresh(row)
    return row


def steps(session: Session, plan_id: uuid.UUID) -> Sequence[PlanStep]:
    """Return a plan's steps in order, without their proofs."""
    query = select(PlanStep).where(PlanStep.plan_id == plan_id).order_by(PlanStep.position)
    return session.scalars(query).all()


def outcomes(session: Session, plan_id: uuid.UUID) -> Sequence[PlanOutcome]:
    """Return what a plan reaches where, targets first."""
    query = select(PlanOutcome).where(PlanOutcome.plan_id == plan_id)
    return session.scalars(query.order_by(PlanOutcome.position)).all()


def options(
    session: Session, plan_id: uuid.UUID, *, limit: int | None = None, after: int | None = None
) -> Sequence[PlanOption]:
    """Return a plan's stations by `fid`, those behind `after` when it is given."""
    query = select(PlanOption).where(PlanOption.plan_id == plan_id).order_by(PlanOption.fid)
    if after is not None:
        query = query.where(PlanOption.fid > after)
    if limit is not None:
        query = query.limit(limit)
    return session.scalars(query).all()


def progress_after(
    session: Session, plan_id: uuid.UUID, after: int = 0, *, limit: int = 1000
) -> Sequence[PlanProgress]:
    """Return a plan's reports behind the one numbered `after`, oldest first."""
    query = (
        select(PlanProgress)
        .where(PlanProgress.plan_id == plan_id, PlanProgress.id > after)
        .order_by(PlanProgress.id)
        .limit(limit)
    )
    return session.scalars(query).all()


def latest_progress(session: Session, plan_id: uuid.UUID) -> PlanProgress | None:
    """Return a plan's last report, or None before the first."""
    query = select(PlanProgress).where(PlanProgress.plan_id == plan_id)
    return session.scalars(query.order_by(PlanProgress.id.desc()).limit(1)).first()


def load_plan(session: Session, plan_id: uuid.UUID) -> values.Plan | None:
    """Return a stored plan as a value with its proofs, ready for `verify`, maps and reports.

    None when there is no such plan, or no result yet.
    """
    row = get(session, plan_id)
    if row is None or row.status is None:
        return None
    proven = (
        select(PlanStep).where(PlanStep.plan_id == plan_id).options(undefer(PlanStep.certificate))
    )
    return translate.plan_value(
        row,
        session.scalars(proven, execution_options={"populate_existing": True}).all(),
        options(session, plan_id),
        outcomes(session, plan_id),
    )
