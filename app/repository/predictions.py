"""Predictions: asking for one, storing it whole, reading it and its files."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.jobs import Kind
from app.prediction_tables import Prediction, PredictionFile
from app.repository import computations
from app.repository.computations import Work, end, held
from app.tables import PlanState
from siting.radio.network.assumptions import RadioAssumptions


def create_queued(
    session: Session,
    *,
    dataset_id: str,
    cell_size_m: float,
    assumptions: RadioAssumptions,
    plan_id: uuid.UUID | None = None,
    stations: Sequence[Mapping[str, Any]] | None = None,
) -> Prediction:
    """Ask for a prediction of a plan's stations, or of a list's; row and job appear together."""
    row = Prediction(
        state=PlanState.QUEUED,
        plan_id=plan_id,
        dataset_id=dataset_id,
        stations=None if stations is None else [dict(item) for item in stations],
        cell_size_m=cell_size_m,
        assumptions=dataclasses.asdict(assumptions),
    )
    return computations.queue(session, Kind.PREDICTION, row)


def get(session: Session, prediction_id: uuid.UUID) -> Prediction | None:
    """Return a prediction as it stands now, or None when there is none of that id."""
    return session.get(Prediction, prediction_id, populate_existing=True)


def page(
    session: Session,
    *,
    limit: int,
    after: uuid.UUID | None = None,
    plan_id: uuid.UUID | None = None,
    state: PlanState | None = None,
) -> Sequence[Prediction]:
    """Return up to `limit` predictions, newest first, those older than `after` when given."""
    query = select(Prediction).order_by(Prediction.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Prediction.id < after)
    if plan_id is not None:
        query = query.where(Prediction.plan_id == plan_id)
    if state is not None:
        query = query.where(Prediction.state == state)
    return session.scalars(query).all()


def cancel(session: Session, prediction_id: uuid.UUID) -> Prediction | None:
    """Stop a computation; None when there is no such prediction. Half of one is no result."""
    row = computations.cancel(session, Kind.PREDICTION, prediction_id)
    return cast("Prediction | None", row)


def save_result(
    session: Session,
    work: Work,
    *,
    dataset_hash: str,
    version: str,
    runtime_s: float,
    summary: Mapping[str, Any],
    zones: Sequence[Mapping[str, Any]],
    files: Mapping[str, bytes],
) -> None:
    """Store a prediction whole, in the caller's one transaction.

    Parameters
    ----------
    session, work
        Open session and the attempt that made it.
    dataset_hash
        Content of the planning data it was computed on.
    version, runtime_s
        What computed it, in which time [s].
    summary, zones
        Documents of :mod:`app.prediction_documents`.
    files
        Content by name.

    Raises
    ------
    SupersededError
        When the prediction is no longer this attempt's.
    """
    row = cast("Prediction", held(session, work))
    row.dataset_hash, row.version, row.runtime_s = dataset_hash, version, runtime_s
    row.summary, row.zones = dict(summary), [dict(item) for item in zones]
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        session.add(
            PredictionFile(
                prediction_id=row.id,
                name=name,
                size=len(content),
                sha256=digest,
                content=content,
            )
        )
        session.flush()  # one file at a time in memory twice
    end(session, Kind.PREDICTION, row, PlanState.DONE, reason="computed and stored")


def files(session: Session, prediction_id: uuid.UUID) -> Sequence[PredictionFile]:
    """Return the files of a prediction without their content, by name."""
    query = select(PredictionFile).where(PredictionFile.prediction_id == prediction_id)
    return session.scalars(query.order_by(PredictionFile.name)).all()


def file(session: Session, prediction_id: uuid.UUID, name: str) -> PredictionFile | None:
    """Return a file without its content, or None."""
    return session.get(PredictionFile, (prediction_id, name))


def content(session: Session, prediction_id: uuid.UUID, name: str, first: int, count: int) -> bytes:
    """Return `count` bytes of a file from byte `first` on; no others are read."""
    part = func.substring(PredictionFile.content, first + 1, count)
    query = select(part).where(
        PredictionFile.prediction_id == prediction_id, PredictionFile.name == name
    )
    return bytes(session.execute(query).scalar_one())
