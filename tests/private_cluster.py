"""A private PostGIS of a test session, and settings that point into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from pydantic import SecretStr
from sqlalchemy.engine import URL

from app.database import conninfo
from app.embedded_pg import EmbeddedPostgres
from app.settings import ApiSettings, DatabaseSettings, Settings, WorkerSettings


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running private PostGIS of this test session."""

    server: EmbeddedPostgres
    numbers: Iterator[int]

    def create(self, template: str | None = None) -> URL:
        """Make a database, as a copy of `template` when it is given."""
        name = f"test_{next(self.numbers)}"
        self._run(f'create database "{name}" template "{template or "template0"}"')
        return self.server.url(name)

    def drop(self, url: URL) -> None:
        """Remove a database, whoever is still connected."""
        self._run(f'drop database "{url.database}" with (force)')

    def _run(self, statement: str) -> None:
        with psycopg.connect(conninfo(self.server.url("postgres")), autocommit=True) as connection:
            connection.execute(statement.encode())


def settings_for(url: URL) -> Settings:
    """Return settings for tests: this database, any free port, quick looks at the queue."""
    return Settings(
        database=DatabaseSettings(url=SecretStr(conninfo(url)), pool_size=2),
        api=ApiSettings(port=0),
        worker=WorkerSettings(poll_s=0.2, heartbeat_s=0.5, stale_after_s=5.0),
    )
