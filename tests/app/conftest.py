"""Fixtures that serve the real application over a real database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from private_cluster import Cluster, settings_for
from served_city import City, running, store_plan

from app.database import Database
from app.settings import Settings


@pytest.fixture(scope="session")
def city(cluster: Cluster, ezhou_template: str) -> Iterator[City]:
    """Serve Ezhou with one finished plan; for tests that change nothing."""
    url = cluster.create(ezhou_template)
    settings = settings_for(url)
    with Database(url) as database:
        scenario, scenario_id, plan, plan_id, served = store_plan(database)
        with running(settings) as client:
            yield City(
                client=client,
                engine=database.engine,
                settings=settings,
                scenario=scenario,
                scenario_id=scenario_id,
                plan=plan,
                plan_id=plan_id,
                served=served,
            )
    cluster.drop(url)


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx.Client]:
    """Serve an empty database of this test's own."""
    with running(settings) as lent:
        yield lent


@pytest.fixture
def ezhou_client(ezhou_settings: Settings) -> Iterator[httpx.Client]:
    """Serve a database of this test's own that holds Ezhou."""
    with running(ezhou_settings) as lent:
        yield lent


@pytest.fixture
def serve() -> Callable[..., object]:
    """Return the way to run the service with given settings."""
    return running
