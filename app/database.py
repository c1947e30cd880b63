"""The database: connecting, making it ready, and one session per request or job.

A session commits once, at its edge, when nothing was raised; else everything is rolled back.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from alembic import command
from app.embedded_pg import EmbeddedPostgres, EmbeddedPostgresError
from app.settings import DatabaseSettings
from siting.errors import SitingError

logger = logging.getLogger(__name__)

#: Name of the database in the private cluster.
DATABASE_NAME = "siting"
#: One process at a time prepares a database; an arbitrary number kept for that.
_PREPARE_LOCK = 4_207_000_001
_CONNECT_TIMEOUT_S = 5


class DatabaseError(SitingError):
    """The database cannot be used; the message says why and what to do."""


class DatabaseUnavailableError(DatabaseError):
    """The database does not answer, or cannot be started."""


class WrongMigrationError(DatabaseError):
    """The tables are not those of this version."""


class Database:
    """Connections to one database, and the private server behind it when we started it.

    Use it as a context manager: leaving it closes the connections and stops that server.

    Parameters
    ----------
    url
        Address, for SQLAlchemy's psycopg driver.
    server
        The private server to stop at the end, or None.
    pool_size
        Connections kept open.
    """

    def __init__(
        self, url: URL, *, server: EmbeddedPostgres | None = None, pool_size: int = 10
    ) -> None:
        self.url = url
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "siting"},
        )
        self._server = server

    @property
    def conninfo(self) -> str:
        """Address for psycopg and the queue; may hold a password, so never log it."""
        return conninfo(self.url)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session that commits at the end of the block, or rolls back when it raises."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection and stop the private server when we started it."""
        self.engine.dispose()
        if self._server is not None:
            self._server.stop()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def conninfo(url: URL) -> str:
    """Turn an SQLAlchemy address into one libpq reads; it may hold a password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def ensure_ready(settings: DatabaseSettings) -> Database:
    """Start or reach the database, make it when missing, and bring its tables up to date.

    Any number of processes may do so at the same moment.

    Raises
    ------
    DatabaseUnavailableError
        When the private server does not start, or the given one does not answer or refuses.
    WrongMigrationError
        When the tables were made by a later version, or a migration fails.
    """
    url = settings.sqlalchemy_url
    server = None
    if url is None:
        server = EmbeddedPostgres(settings.data_dir, fsync=settings.fsync)
        try:
            server.start()
        except EmbeddedPostgresError as error:
            raise DatabaseUnavailableError(str(error)) from error
        url = server.url(DATABASE_NAME)
    database = Database(url, server=server, pool_size=settings.pool_size)
    try:
        if server is not None:
            _create_database(server)
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return database


def upgrade(database: Database) -> None:
    """Bring the tables to this version's migration; one process at a time does it.

    Raises
    ------
    DatabaseUnavailableError
        When the database does not answer or PostGIS is not installed in it.
    WrongMigrationError
        When the tables were made by a later version, or a migration fails.
    """
    config = alembic_config()
    scripts = ScriptDirectory.from_config(config)
    with _connection(database) as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _PREPARE_LOCK})
        found = _revision(connection)
        _refuse_unknown(found, scripts)
        if found == scripts.get_current_head():
            return
        try:
            connection.execute(text("create extension if not exists postgis"))
        except DBAPIError as error:
            raise DatabaseUnavailableError(
                f"PostGIS cannot be enabled in {_shown(database.url)}: {_first_line(error)}; "
                "ask the server's administrator for 'create extension postgis'"
            ) from error
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            raise WrongMigrationError(
                f"the migration of {_shown(database.url)} failed and nothing was changed: "
                f"{_first_line(error)}; restore a backup or start with an empty database"
            ) from error
        logger.info("database at migration %s, was %s", scripts.get_current_head(), found)


def check_migration(database: Database) -> None:
    """Refuse a database whose tables are not exactly those of this version.

    Raises
    ------
    DatabaseUnavailableError
        When the database does not answer.
    WrongMigrationError
        When it is behind, ahead or empty.
    """
    scripts = ScriptDirectory.from_config(alembic_config())
    with _connection(database) as connection:
        found = _revision(connection)
    _refuse_unknown(found, scripts)
    if found != scripts.get_current_head():
        raise WrongMigrationError(
            f"the database {_shown(database.url)} is at migration {found or 'none'}, this version "
            f"needs {scripts.get_current_head()}; run 'siting serve' once, which migrates it"
        )


def alembic_config() -> Config:
    """Return the migrations' configuration, from the checkout or from the installed package."""
    package = Path(__file__).resolve().parent
    for place in (package / "_alembic", package.parent / "alembic"):
        if (place / "env.py").exists():
            config = Config()
            config.set_main_option("script_location", str(place).replace("%", "%%"))
            return config
    raise WrongMigrationError(
        f"the migrations are missing beside {package}; install the package again"
    )


def _create_database(server: EmbeddedPostgres) -> None:
    """Make the private cluster's database when it is missing."""
    with psycopg.connect(conninfo(server.url("postgres")), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [_PREPARE_LOCK])
        query = "select 1 from pg_database where datname = %s"
        if connection.execute(query, [DATABASE_NAME]).fetchone() is None:
            connection.execute(f'create database "{DATABASE_NAME}"')


@contextlib.contextmanager
def _connection(database: Database) -> Iterator[Connection]:
    """Open a transaction; say what to do when the database does not answer."""
    try:
        connection = database.engine.connect()
    except OperationalError as error:
        raise DatabaseUnavailableError(
            f"the database {_shown(database.url)} does not answer: {_first_line(error)}; start it "
            "or correct SITING_DATABASE_URL (unset it to use the private database)"
        ) from error
    with connection, connection.begin():
        yield connection


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_unknown(found: str | None, scripts: ScriptDirectory) -> None:
    if found is None:
        return
    try:
        scripts.get_revision(found)
    except CommandError as error:
        raise WrongMigrationError(
            f"the database is at migration {found!r}, which this version does not know; "
            "it was used by a later version: update the software, or use another database"
        ) from error


def _shown(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def _first_line(error: DBAPIError) -> str:
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    return lines[0] if lines else type(error.orig).__name__
