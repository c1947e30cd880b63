"""A real worker on a real database, as tests watch it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import text

from app.database import Database
from app.settings import Settings, child_environment
from app.worker import run_worker

ROOT = Path(__file__).parents[2]
#: Longer than any step of these tests takes on a busy machine [s].
PATIENCE_S = 150.0


def until(what: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@contextlib.contextmanager
def working(settings: Settings) -> Iterator[threading.Event]:
    """Run a worker in a thread of this process until the block ends."""
    stop = threading.Event()
    faults: list[BaseException] = []

    def work() -> None:
        try:
            run_worker(settings, stop)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            faults.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert faults == []


@contextlib.contextmanager
def worker_process(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """Run ``python -m app.worker`` until the block ends."""
    environment = child_environment(settings) | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "app.worker"], env=environment, stderr=subprocess.PIPE, text=True
    )
    said = threading.Thread(target=lambda: [None for _ in process.stderr or ()])
    said.start()
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE_S)
        said.join()
        if process.stderr is not None:
            process.stderr.close()


def children(pid: int) -> list[int]:
    """Return the living processes a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def jobs(database: Database) -> list[str]:
    """Return the states of the queue's jobs."""
    with database.session() as session:
        return list(session.scalars(text("select status::text from procrastinate_jobs")))
