"""The tables of radio predictions, and what a row of each means.

::

    predictions                 what was asked, how far it is, what it came to
    |- prediction_files         every file it is written as, byte for byte
    `- prediction_progress      what the computation reported, in order

A prediction is of a plan's stations, or of a list that was sent with the question.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.tables import STATE_KNOWN, STATE_OPEN, Base, Computed, Reported


class Prediction(Computed, Base):
    """What base stations deliver, from the moment it is asked for.

    `dataset_hash` and everything after it are empty until there is a result.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        CheckConstraint(STATE_KNOWN, name="state_known"),
        CheckConstraint("(plan_id is null) <> (stations is null)", name="one_network"),
        Index("ix_predictions_open", "state", postgresql_where=STATE_OPEN),
    )

    plan_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("plans.id", ondelete="CASCADE"), index=True
    )
    dataset_id: Mapped[str]  #: no foreign key: a result outlives the data it was computed on
    #: The stations of the question, field by field; null: those of the plan.
    stations: Mapped[list[dict[str, Any]] | None] = mapped_column(
        JSONB(none_as_null=True), deferred=True
    )
    cell_size_m: Mapped[float]
    #: siting.radio.network.assumptions.RadioAssumptions, every field.
    assumptions: Mapped[dict[str, Any]]

    dataset_hash: Mapped[str | None]  #: content hash of the data set it was computed on
    version: Mapped[str | None]
    runtime_s: Mapped[float | None]
    #: Sentence in both languages, counts, origins, grid, what was assumed.
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: One document per zone, as siting.radio.network.area_report.ZoneFigures.
    zones: Mapped[list[dict[str, Any]] | None] = mapped_column(
        JSONB(none_as_null=True), deferred=True
    )


class PredictionFile(Base):
    """A file of a prediction. Its bytes are stored unpacked, so that a part is read by itself."""

    __tablename__ = "prediction_files"

    prediction_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)  #: e.g. "ss_rsrp.tif"
    size: Mapped[int] = mapped_column(BigInteger)  #: [bytes]
    sha256: Mapped[str]  #: of the content, 64 hex digits
    content: Mapped[bytes] = mapped_column(deferred=True)


class PredictionProgress(Reported, Base):
    """One report of a prediction's computation."""

    __tablename__ = "prediction_progress"
    __table_args__ = (Index("ix_prediction_progress_prediction_id_id", "prediction_id", "id"),)

    prediction_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("predictions.id", ondelete="CASCADE")
    )
