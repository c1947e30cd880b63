"""Run the migrations on the connection we are given, or on the configured database.

Only our own tables are compared: the queue's tables and those of PostGIS belong to others.
"""

from __future__ import annotations

from typing import Any

from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection

from alembic import context
from app.database import ensure_ready
from app.prediction_tables import Base  # which has imported every other table
from app.settings import load_settings


def is_ours(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:  # noqa: FBT001 - alembic's signature
    """Say whether a database object belongs to our tables."""
    if kind == "table" and reflected and name not in Base.metadata.tables:
        return False
    return bool(alembic_helpers.include_object(item, name, kind, reflected, compare_to))


def run(connection: Connection) -> None:
    """Run the requested migrations in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=is_ours,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with ensure_ready(load_settings().database) as database, database.engine.begin() as connection:
        run(connection)
