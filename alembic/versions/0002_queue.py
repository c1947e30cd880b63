"""The job queue's own tables, as the installed procrastinate describes them.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from typing import cast

import psycopg
from procrastinate.schema import SchemaManager

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Functions before the tables whose rows they return, tables before the types of their columns.
_DROP = """
do $$
declare item text;
begin
  for item in select oid::regprocedure from pg_proc
    where proname like 'procrastinate\\_%' and pronamespace = 'public'::regnamespace
  loop execute 'drop routine ' || item || ' cascade'; end loop;
  for item in select oid::regclass from pg_class
    where relname like 'procrastinate\\_%' and relnamespace = 'public'::regnamespace
      and relkind = 'r'
  loop execute 'drop table ' || item || ' cascade'; end loop;
  for item in select oid::regtype from pg_type
    where typname like 'procrastinate\\_%' and typnamespace = 'public'::regnamespace
      and typtype in ('e', 'c')
  loop execute 'drop type ' || item || ' cascade'; end loop;
end $$
"""


def _execute(statements: str) -> None:
    """Run several statements as they stand, percent signs included, on the driver's connection."""
    driver = cast("psycopg.Connection", op.get_bind().connection.driver_connection)
    driver.execute(statements.encode())


def upgrade() -> None:
    """Make the queue's tables, types and functions."""
    _execute(SchemaManager.get_schema())


def downgrade() -> None:
    """Drop them, jobs included."""
    _execute(_DROP)
