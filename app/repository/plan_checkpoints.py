"""The best plan so far of an interrupted search, for the next attempt to start from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.repository.computations import Work, held
from app.tables import PlanCheckpoint


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
        .values(plan_id=work.id, **kept)
        .on_conflict_do_update(index_elements=[PlanCheckpoint.plan_id], set_=kept)
    )


def checkpoint(session: Session, work: Work, *, scenario_hash: str) -> npt.NDArray[np.intp] | None:
    """Return the best options so far of earlier attempts at the same question, or None."""
    kept = session.get(PlanCheckpoint, work.id)
    if kept is None or kept.scenario_hash != scenario_hash:
        return None
    return np.array(kept.selected, dtype=np.intp)
