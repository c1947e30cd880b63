"""Scenarios: the questions planners ask."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.tables import Scenario
from app.translate import spec_document
from siting.spec import ScenarioSpec


def create(session: Session, spec: ScenarioSpec, *, scenario_hash: str) -> Scenario:
    """Store a question that has been checked against its planning data.

    Parameters
    ----------
    session
        Open session.
    spec
        The question as the planner wrote it.
    scenario_hash
        Identity of the :class:`siting.scenario.Scenario` it makes, the proof that it was built.
    """
    row = Scenario(
        name=spec.name,
        dataset_id=spec.dataset,
        spec=spec_document(spec),
        scenario_hash=scenario_hash,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def get(session: Session, scenario_id: uuid.UUID) -> Scenario | None:
    """Return a scenario, or None when there is none of that id."""
    return session.get(Scenario, scenario_id)


def page(session: Session, *, limit: int, after: uuid.UUID | None = None) -> Sequence[Scenario]:
    """Return up to `limit` scenarios, newest first, those older than `after` when it is given."""
    query = select(Scenario).order_by(Scenario.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Scenario.id < after)
    return session.scalars(query).all()
