"""The stream of reports of a running computation."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import insert, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.jobs import Kind
from app.prediction_tables import PredictionProgress
from app.tables import Computed, PlanProgress, Reported
from siting.progress import Progress

#: Channel a listener hears of every new report on; the payload is "<id> <report id>".
CHANNEL = "plan_progress"

Table = type[PlanProgress] | type[PredictionProgress]
Reports = Sequence[Reported]

#: Reports of each kind, and the column that says of what.
_TABLES: dict[Kind, tuple[Table, InstrumentedAttribute[uuid.UUID]]] = {
    Kind.PLAN: (PlanProgress, PlanProgress.plan_id),
    Kind.PREDICTION: (PredictionProgress, PredictionProgress.prediction_id),
}


def announce(
    session: Session, kind: Kind, row: Computed, phase: str, report: Progress | None = None
) -> None:
    """Add a report to a stream and notify those who listen when the session commits."""
    session.flush()
    table, _ = _TABLES[kind]
    values = {
        kind.key: row.id,
        "attempt": row.attempt,
        "state": row.state,
        "phase": str(phase),
        "fraction": 0.0,
        "elapsed_s": 0.0,
    }
    if report is not None:
        values |= {
            "fraction": report.fraction,
            "value": report.value,
            "bound": report.bound,
            "unit": report.unit,
            "elapsed_s": report.elapsed_s,
        }
    number = session.scalar(insert(table).values(values).returning(table.id))
    session.execute(
        text("select pg_notify(:channel, :payload)"),
        {"channel": CHANNEL, "payload": f"{row.id} {number}"},
    )


def progress_after(
    session: Session, kind: Kind, row_id: uuid.UUID, after: int = 0, *, limit: int = 1000
) -> Reports:
    """Return the reports behind the one numbered `after`, oldest first."""
    table, owner = _TABLES[kind]
    query = select(table).where(owner == row_id, table.id > after).order_by(table.id)
    return session.scalars(query.limit(limit)).all()


def latest_progress(session: Session, kind: Kind, row_id: uuid.UUID) -> Reported | None:
    """Return the last report, or None before the first."""
    table, owner = _TABLES[kind]
    query = select(table).where(owner == row_id).order_by(table.id.desc())
    return session.scalars(query.limit(1)).first()
