"""Technologies say who runs them, and standards whose customers they serve.

Revision ID: 0007
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for operators; what is stored names none."""
    for table in ("technologies", "standards"):
        op.add_column(
            table,
            sa.Column(
                "operators",
                postgresql.ARRAY(sa.Text()),
                server_default=sa.text("'{}'"),
                nullable=False,
            ),
        )


def downgrade() -> None:
    """Forget them."""
    for table in ("standards", "technologies"):
        op.drop_column(table, "operators")
