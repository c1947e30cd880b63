"""The action plan's figures."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.tables import ActionPlanTarget


def action_plan(session: Session, *, siting_only: bool = False) -> Sequence[ActionPlanTarget]:
    """Return the printed figures in their order, or only those that put something on the map."""
    query = select(ActionPlanTarget).order_by(ActionPlanTarget.id)
    if siting_only:
        query = query.where(ActionPlanTarget.siting_relevant)
    return session.scalars(query).all()
