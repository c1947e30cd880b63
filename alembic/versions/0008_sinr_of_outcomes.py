"""Outcomes of a plan say what SINR their target asks for, and where the plan has it.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for the SINR; targets that are stored ask for none."""
    op.add_column("plan_outcomes", sa.Column("min_ss_sinr_db", sa.Double(), nullable=True))
    op.add_column("plan_outcomes", sa.Column("clear", sa.Double(), nullable=True))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("plan_outcomes", "clear")
    op.drop_column("plan_outcomes", "min_ss_sinr_db")
