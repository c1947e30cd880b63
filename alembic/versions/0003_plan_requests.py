"""Keys under which clients asked for plans, so that asking twice makes one plan.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "plan_requests",
        sa.Column("scenario_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name="fk_plan_requests_plan_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["scenario_id"],
            ["scenarios.id"],
            name="fk_plan_requests_scenario_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("scenario_id", "key", name="pk_plan_requests"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("plan_requests")
