"""Outcomes say what SINR is asked and where it is there; stations of a plan, what is done for them.

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
    """Make room for both; what is stored asks for no SINR and builds everything anew."""
    op.add_column("plan_outcomes", sa.Column("min_ss_sinr_db", sa.Double(), nullable=True))
    op.add_column("plan_outcomes", sa.Column("clear", sa.Double(), nullable=True))
    op.add_column(
        "plan_options",
        sa.Column("work", sa.Text(), server_default=sa.text("'new'"), nullable=False),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_column("plan_options", "work")
    op.drop_column("plan_outcomes", "clear")
    op.drop_column("plan_outcomes", "min_ss_sinr_db")
