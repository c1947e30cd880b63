"""Asking for a plan once, however often a client repeats the question."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.repository import plans
from app.tables import Plan, PlanRequest


def request_plan(session: Session, scenario_id: uuid.UUID, key: str | None) -> Plan:
    """Queue a plan of a scenario, or return the one that was queued under the same key.

    Parameters
    ----------
    session
        Open session; plan, job and key appear together when it commits.
    scenario_id
        An existing scenario.
    key
        The client's ``Idempotency-Key``; None makes a new plan every time.
    """
    if key is None:
        return plans.create_queued(session, scenario_id)
    # Two requests with one key at the same moment: the second waits until the first has committed.
    name = f"{scenario_id} {key}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    known = session.get(PlanRequest, (scenario_id, key))
    if known is not None:
        kept = plans.get(session, known.plan_id)
        if kept is not None:
            return kept
    row = plans.create_queued(session, scenario_id)
    session.add(PlanRequest(scenario_id=scenario_id, key=key, plan_id=row.id))
    session.flush()
    return row
