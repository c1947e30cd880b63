"""Radio predictions with their files; a terrain that is replaced is kept.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for predictions, and for more than one terrain of a data set."""
    _predictions()
    _files()
    _progress()
    op.drop_constraint("pk_terrains", "terrains", type_="primary")
    op.add_column(
        "terrains", sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)
    )
    op.create_primary_key("pk_terrains", "terrains", ["id"])
    for name in ("current", "imported"):
        op.add_column(
            "terrains",
            sa.Column(name, sa.Boolean(), server_default=sa.text("true"), nullable=False),
        )
    op.execute("update terrains set imported = false")
    op.add_column(
        "terrains",
        sa.Column("report", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )
    op.alter_column("terrains", "report", server_default=None)
    op.add_column("terrains", _moment("loaded_at", now=True))
    op.create_index("ix_terrains_dataset_id", "terrains", ["dataset_id"])
    op.create_index(
        "uq_terrains_current",
        "terrains",
        ["dataset_id"],
        unique=True,
        postgresql_where=sa.text("current"),
    )


def downgrade() -> None:
    """Forget predictions, and every terrain but the one in force."""
    op.drop_index("uq_terrains_current", "terrains")
    op.drop_index("ix_terrains_dataset_id", "terrains")
    op.execute("delete from terrains where not current")
    op.drop_constraint("pk_terrains", "terrains", type_="primary")
    for name in ("loaded_at", "report", "imported", "current", "id"):
        op.drop_column("terrains", name)
    op.create_primary_key("pk_terrains", "terrains", ["dataset_id"])
    op.execute("delete from procrastinate_jobs where task_name = 'compute_prediction'")
    op.drop_table("prediction_progress")
    op.drop_table("prediction_files")
    op.drop_table("predictions")


def _moment(name: str, *, now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if now else None
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=default, nullable=default is None
    )


def _of_prediction(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["prediction_id"],
        ["predictions.id"],
        name=op.f(f"fk_{table}_prediction_id_predictions"),
        ondelete="CASCADE",
    )


def _predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("deaths", sa.SmallInteger(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        _moment("created_at", now=True),
        *(_moment(name) for name in ("started_at", "heartbeat_at", "finished_at")),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("stations", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("cell_size_m", sa.Double(), nullable=False),
        sa.Column("assumptions", postgresql.JSONB(), nullable=False),
        sa.Column("dataset_hash", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("runtime_s", sa.Double(), nullable=True),
        sa.Column("summary", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("zones", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'cancelled', 'failed')",
            name=op.f("ck_predictions_state_known"),
        ),
        sa.CheckConstraint(
            "(plan_id is null) <> (stations is null)", name=op.f("ck_predictions_one_network")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["plans.id"],
            name=op.f("fk_predictions_plan_id_plans"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predictions")),
    )
    op.create_index(
        "ix_predictions_open",
        "predictions",
        ["state"],
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )
    op.create_index("ix_predictions_plan_id", "predictions", ["plan_id"])


def _files() -> None:
    op.create_table(
        "prediction_files",
        sa.Column("prediction_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _of_prediction("prediction_files"),
        sa.PrimaryKeyConstraint("prediction_id", "name", name=op.f("pk_prediction_files")),
    )
    # The files are packed already; unpacked storage lets a range be read without the rest.
    op.execute("alter table prediction_files alter column content set storage external")


def _progress() -> None:
    op.create_table(
        "prediction_progress",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("fraction", sa.Double(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("bound", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("elapsed_s", sa.Double(), nullable=False),
        _moment("at", now=True),
        sa.Column("prediction_id", sa.Uuid(), nullable=False),
        _of_prediction("prediction_progress"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction_progress")),
    )
    op.create_index(
        "ix_prediction_progress_prediction_id_id", "prediction_progress", ["prediction_id", "id"]
    )
