"""What routes are given: connections, sessions, settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.orm import Session

from app.database import Database
from app.prediction_rasters import PredictionRasters
from app.progress_listener import ProgressListener
from app.repository.planning_data import PlanningDataCache
from app.settings import Settings

#: Longest a read may take in the database [ms].
READ_TIMEOUT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Services:
    """What the running application holds open.

    Parameters
    ----------
    settings
        What it was made with.
    database
        Connections that write.
    reading
        Connections that cannot write and give up after :data:`READ_TIMEOUT_MS`.
    planning
        Planning data in memory.
    listener
        Hears of new reports of running computations.
    rasters
        Rasters of predictions in memory.
    """

    settings: Settings
    database: Database
    reading: Engine
    planning: PlanningDataCache
    listener: ProgressListener
    rasters: PredictionRasters


def reading_engine(database: Database, pool_size: int) -> Engine:
    """Return an engine whose connections only read, each statement by itself, within the limit."""
    return create_engine(
        database.url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=READ_TIMEOUT_MS / 1000,
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT",
        connect_args={
            "connect_timeout": 5,
            "application_name": "siting-read",
            "options": "-c default_transaction_read_only=on "
            f"-c statement_timeout={READ_TIMEOUT_MS}",
        },
    )


def services(request: Request) -> Services:
    """Return what the application holds open."""
    return request.app.state.services


def reading_connection(request: Request) -> Iterator[Connection]:
    """Lend a connection that only reads."""
    with services(request).reading.connect() as connection:
        yield connection


def writing_session(request: Request) -> Iterator[Session]:
    """Lend a session that commits once, when the route has returned without an error."""
    with services(request).database.session() as session:
        yield session


Reading = Annotated[Connection, Depends(reading_connection, scope="function")]
#: Committed before the answer is sent, so that a client never hears of what was rolled back.
Writing = Annotated[Session, Depends(writing_session, scope="function")]
Running = Annotated[Services, Depends(services)]
