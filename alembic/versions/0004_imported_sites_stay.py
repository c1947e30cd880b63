"""Sites users import survive a newer bundled data set; a checkpoint is a list of options.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tell loaded content from imported content."""
    op.add_column("datasets", sa.Column("bundle_hash", sa.Text(), nullable=True))
    op.execute("update datasets set bundle_hash = content_hash")
    op.alter_column("datasets", "bundle_hash", nullable=False)
    op.add_column(
        "candidate_sites",
        sa.Column("imported", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.execute("update candidate_sites set imported = false")
    op.execute("delete from plan_checkpoints")
    op.drop_column("plan_checkpoints", "plan")
    op.add_column(
        "plan_checkpoints",
        sa.Column("selected", postgresql.ARRAY(sa.BigInteger()), nullable=False),
    )


def downgrade() -> None:
    """Forget the difference."""
    op.execute("delete from plan_checkpoints")
    op.drop_column("plan_checkpoints", "selected")
    op.add_column("plan_checkpoints", sa.Column("plan", sa.LargeBinary(), nullable=False))
    op.drop_column("candidate_sites", "imported")
    op.drop_column("datasets", "bundle_hash")
