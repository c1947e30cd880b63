"""Plans: asking for one, following it, and reading what it found."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app import translate
from app.jobs import Kind
from app.repository import computations, progress
from app.repository.progress import Reports
from app.tables import Plan, PlanOption, PlanOutcome, PlanState, PlanStep, Reported
from siting import plan as values


def create_queued(session: Session, scenario_id: uuid.UUID) -> Plan:
    """Ask for a plan: its row and its job appear together when the session commits."""
    row = Plan(scenario_id=scenario_id, state=PlanState.QUEUED)
    return computations.queue(session, Kind.PLAN, row)


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
    return cast("Plan | None", computations.cancel(session, Kind.PLAN, plan_id))


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
) -> Reports:
    """Return a plan's reports behind the one numbered `after`, oldest first."""
    return progress.progress_after(session, Kind.PLAN, plan_id, after, limit=limit)


def latest_progress(session: Session, plan_id: uuid.UUID) -> Reported | None:
    """Return a plan's last report, or None before the first."""
    return progress.latest_progress(session, Kind.PLAN, plan_id)


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
