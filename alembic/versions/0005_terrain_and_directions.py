"""Data sets have a terrain; technologies have sectors, and stations of a plan a direction.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for terrain, sectors and directions; what is stored has none."""
    op.create_table(
        "terrains",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("grid", postgresql.JSONB(), nullable=False),
        sa.Column("heights", sa.LargeBinary(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["datasets.id"],
            name=op.f("fk_terrains_dataset_id_datasets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_terrains")),
    )
    op.add_column(
        "technologies", sa.Column("sectors", postgresql.JSONB(none_as_null=True), nullable=True)
    )
    op.add_column("plan_options", sa.Column("turn_deg", sa.Double(), nullable=True))
    op.add_column("plan_options", sa.Column("tilt_deg", sa.Double(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    op.drop_column("plan_options", "tilt_deg")
    op.drop_column("plan_options", "turn_deg")
    op.drop_column("technologies", "sectors")
    op.drop_table("terrains")
