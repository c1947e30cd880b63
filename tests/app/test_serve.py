"""The whole service: it starts, answers, plans Ezhou, and leaves nothing running."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.serve import ServiceStartError, check_port

pytestmark = pytest.mark.database


@pytest.fixture
def database_folder() -> Iterator[Path]:
    """Return a data directory that another user can enter, when root starts the server."""
    folder = Path(tempfile.mkdtemp(prefix="siting-serve-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def environment_of(data_dir: Path) -> dict[str, str]:
    """Return this process's environment with a private database of its own."""
    inherited = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
    return {
        **inherited,
        "SITING_DATA_DIR": str(data_dir),
        "SITING_DATABASE_FSYNC": "false",
        "COLUMNS": "160",
    }


def left_running(data_dir: Path) -> list[str]:
    """Name every process that was started with this data directory and still runs."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environment = (place / "environ").read_bytes()
            command = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if str(data_dir).encode() in environment + command and place.name != str(os.getpid()):
            found.append(f"{place.name} {command.decode(errors='replace')}")
    return found


@contextmanager
def served(data_dir: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run ``siting serve`` on a free port; yields the process and its address once ready."""
    port = check_port("127.0.0.1", 0)
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--port", str(port)],
        env=environment_of(data_dir),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert process.poll() is None
            try:
                if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield process, url
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_stops_cleanly_with_no_process_left(
    database_folder: Path, number: signal.Signals
) -> None:
    """Ctrl-C or SIGTERM ends API, worker and database, and the command with status 0."""
    with served(database_folder) as (process, url):
        districts = httpx.get(f"{url}/api/v1/districts", trust_env=False).json()
        assert json.dumps(districts, ensure_ascii=False).count("鄂城区") >= 1
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
    assert left_running(database_folder) == []


@pytest.mark.slow
def test_parts_do_not_outlive_a_killed_parent(database_folder: Path) -> None:
    """Kill -9 of the command ends API and worker too; the next start takes the database over."""
    with served(database_folder) as (process, _):
        process.kill()
        process.wait()
    deadline = time.monotonic() + 30
    parts = left_running(database_folder)
    while any("app." in part for part in parts) and time.monotonic() < deadline:
        time.sleep(0.2)
        parts = left_running(database_folder)
    assert [part for part in parts if "app." in part] == []
    with served(database_folder) as (process, url):
        assert httpx.get(f"{url}/healthz", trust_env=False).is_success
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert left_running(database_folder) == []


def test_a_port_in_use_is_named_with_the_remedy() -> None:
    """Two services cannot share a port; the second says so before it starts anything."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServiceStartError, match=rf"127\.0\.0\.1:{port}.*--port"):
            check_port("127.0.0.1", port)


@pytest.mark.slow
def test_the_demo_leaves_a_verified_plan_in_every_form(
    database_folder: Path, tmp_path: Path
) -> None:
    """Through API, queue and worker: every file is there, GDAL reads it, the table is printed."""
    out = tmp_path / "not" / "there" / "yet"
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "demo", "--out", str(out), "--lang", "en"],
        env=environment_of(database_folder),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "map.html",
        "plan.gpkg",
        "plan.geojson",
        "plan.xlsx",
        "report.html",
        "report.md",
    }
    layers = subprocess.run(
        ["ogrinfo", "-ro", "-q", str(out / "plan.gpkg")], capture_output=True, text=True, check=True
    ).stdout
    assert "sites" in layers
    assert "zones" in layers
    flat = re.sub(r"\s+", " ", done.stdout)
    assert "2,001" in flat
    assert "Huahu" in flat
    assert "lower bound" in flat
    assert "synthetic" in flat
    assert left_running(database_folder) == []
