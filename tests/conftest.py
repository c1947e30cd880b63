"""Databases for tests: a real private PostGIS, migrated once, and a fresh copy for each test."""

from __future__ import annotations

import fcntl
import gc
import itertools
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_cluster import Cluster, settings_for
from sqlalchemy.engine import URL

from app.database import Database, upgrade
from app.embedded_pg import EmbeddedPostgres
from app.load import load_ezhou
from app.settings import Settings


def pytest_configure() -> None:
    """End in good order on SIGTERM too, so that no server is left behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def pytest_collection_finish() -> None:
    """Search what was imported for garbage no more: it stays, and compiling kernels makes much.

    Collections by reference count and those of what tests leave behind go on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _sweep() -> None:
    """Stop and remove the servers of test sessions that were killed; one session at a time."""
    tmp = Path(tempfile.gettempdir())
    with (tmp / f"siting-test-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for owner in tmp.glob("siting-test-*/owner.json"):
            server = EmbeddedPostgres(owner.parent, fsync=False)
            if owner.stat().st_uid == os.getuid() and not server.owner_lives():
                server.start()  # adopts it
                server.stop()
                shutil.rmtree(owner.parent)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Start a private PostGIS without fsync; without PostGIS this fails with the apt command."""
    _sweep()
    # Not pytest's own directory: its path is too deep for a socket and closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="siting-test-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder, fsync=False)
    try:
        server.start()
        yield Cluster(server, itertools.count())
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_template(cluster: Cluster) -> str:
    """Return the name of a database at the newest migration; copies of it are made, no more."""
    url = cluster.create()
    with Database(url) as database:
        upgrade(database)
    return str(url.database)


@pytest.fixture(scope="session")
def ezhou_template(cluster: Cluster, migrated_template: str) -> str:
    """Return the name of a database that holds the bundled data of Ezhou."""
    url = cluster.create(migrated_template)
    with Database(url) as database, database.session() as session:
        assert load_ezhou(session)
    return str(url.database)


@pytest.fixture
def database_url(cluster: Cluster, migrated_template: str) -> Iterator[URL]:
    """Return the address of an empty, migrated database of this test's own."""
    url = cluster.create(migrated_template)
    yield url
    cluster.drop(url)


@pytest.fixture
def ezhou_url(cluster: Cluster, ezhou_template: str) -> Iterator[URL]:
    """Return the address of a database of this test's own that holds Ezhou."""
    url = cluster.create(ezhou_template)
    yield url
    cluster.drop(url)


@pytest.fixture
def settings(database_url: URL) -> Settings:
    """Return settings that point at :func:`database_url`."""
    return settings_for(database_url)


@pytest.fixture
def ezhou_settings(ezhou_url: URL) -> Settings:
    """Return settings that point at :func:`ezhou_url`."""
    return settings_for(ezhou_url)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """Return an empty, migrated database of this test's own."""
    with _open(settings) as opened:
        yield opened


@pytest.fixture
def ezhou_database(ezhou_settings: Settings) -> Iterator[Database]:
    """Return a database of this test's own that holds Ezhou."""
    with _open(ezhou_settings) as opened:
        yield opened


def _open(settings: Settings) -> Database:
    url = settings.database.sqlalchemy_url
    assert url is not None
    return Database(url, pool_size=settings.database.pool_size)
