"""A computation in a process of its own, seen from the worker that watches over it.

The child (:mod:`app.solver_child`) gets its task as the first line of its standard input, and
later at most one request to end; when that pipe closes, because this process died, it dies too.
On its standard output it tells, one JSON document a line, how far it got.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from app.jobs import Kind
from app.repository.computations import Work


class Request(StrEnum):
    """What a running computation may be asked."""

    CANCEL = "cancel"  #: stop, and store the best so far, where there is such a thing
    HAND_BACK = "hand_back"  #: stop, and keep the best so far for the next worker


class Ending(StrEnum):
    """How a computation ended."""

    STORED = "stored"  #: its result is in the database
    EMPTY = "empty"  #: stopped before there was any result
    HANDED_BACK = "handed_back"  #: stopped for the next worker
    SUPERSEDED = "superseded"  #: another worker has it; nothing was written
    FAILED = "failed"  #: the reason says why
    KILLED = "killed"  #: did not end in time after a request, and was killed
    DIED = "died"  #: ended without a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a computation ended, and why in a sentence for people."""

    how: Ending
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the child is told.

    Parameters
    ----------
    url
        Address of the database for libpq; it may hold a password and is never in an argument.
    kind, id, attempt
        The plan or prediction, and the attempt it is taken up under.
    memory_mb
        Most memory the child may use [MB].
    """

    url: str
    kind: str
    id: str
    attempt: int
    memory_mb: int

    @property
    def work(self) -> Work:
        """What was taken up."""
        return Work(kind=Kind(self.kind), id=uuid.UUID(self.id), attempt=self.attempt)


class SolverProcess:
    """One running child; leaving the ``with`` block kills it when it still runs.

    Parameters
    ----------
    task
        What it computes.
    stop_grace_s
        Time a search has to stop when asked to [s].
    finish_grace_s
        Time to verify and store what it found, after that [s].
    """

    def __init__(self, task: Task, *, stop_grace_s: float, finish_grace_s: float) -> None:
        self._grace_s = (stop_grace_s, finish_grace_s)
        self._memory_mb = task.memory_mb
        self._said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._asked: Request | None = None
        self._deadline = float("inf")
        self._killed = False
        self._searching = False
        self._last: dict[str, Any] = {}
        # The child's temporary files go with it, however it ends.
        self._folder = tempfile.TemporaryDirectory(prefix="siting-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.solver_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "TMPDIR": self._folder.name,
            },
            start_new_session=True,  # Ctrl-C in a terminal is the worker's to handle
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._write(json.dumps(asdict(task)))

    def ask(self, request: Request) -> None:
        """Ask the child to end; the first request counts."""
        if self._asked is None:
            self._asked = request
            self._hear()
            # before there is anything to keep, there is nothing to wait for
            self._deadline = time.monotonic() + (self._grace_s[0] if self._searching else 0.0)
            self._write(request.value)

    def wait(self, timeout_s: float) -> Ended | None:
        """Wait for the end, at most so long; None when it still runs."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._hear()
            if time.monotonic() > self._deadline:
                self.kill()
            return None
        self._listener.join()
        self._hear()
        return self._ended(self._process.returncode)

    def kill(self) -> None:
        """End the child at once."""
        self._killed = True
        self._process.kill()

    def _ended(self, code: int) -> Ended:
        if "ending" in self._last:
            return Ended(how=Ending(self._last["ending"]), reason=self._last.get("reason", ""))
        if self._killed and not self._searching and self._asked is not None:
            handed_back = self._asked is Request.HAND_BACK
            return Ended(how=Ending.HANDED_BACK if handed_back else Ending.EMPTY)
        if self._killed:
            return Ended(how=Ending.KILLED, reason="it did not stop in time and was ended")
        why = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return Ended(
            how=Ending.DIED,
            reason=f"the computation ended {why} without a result; the machine may lack memory "
            f"(its own limit is {self._memory_mb} MB), the worker's log may say more",
        )

    def _hear(self) -> None:
        while not self._said.empty():
            self._last = self._said.get()
            self._searching = True  # its first word is that it has something to search in
            if self._last.get("event") == "solved" and self._asked is not None:
                self._deadline = time.monotonic() + self._grace_s[1]

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        for line in self._process.stdout:
            self._said.put(json.loads(line))

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it has ended already; wait() tells how

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Make sure that the child is gone and its pipes are closed."""
        if self._process.poll() is None:
            self.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self._folder.cleanup()
