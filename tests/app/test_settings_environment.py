"""Processes the service starts get the settings of the one that starts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import (
    ApiSettings,
    DatabaseSettings,
    Settings,
    WorkerSettings,
    child_environment,
    load_settings,
)


def test_a_child_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every field survives the way through the environment, whatever was set there before."""
    monkeypatch.setenv("SITING_DATABASE_URL", "postgresql://other@host/elsewhere")
    given = Settings(
        database=DatabaseSettings(data_dir=tmp_path / "db", fsync=False, pool_size=3, url=None),
        api=ApiSettings(host="127.0.0.1", port=18_123),
        worker=WorkerSettings(concurrency=2, memory_mb=1024, heartbeat_s=0.5, stale_after_s=4.0),
    )
    environment = child_environment(given)
    for name in ("SITING_DATABASE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == given


def test_a_given_server_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of one's own reaches the children, password and all."""
    url = "postgresql://planner:secret@localhost/city"
    environment = child_environment(Settings(database=DatabaseSettings(url=url)))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings().database.url is not None
    assert load_settings().database.url.get_secret_value() == url
