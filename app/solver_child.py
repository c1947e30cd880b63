"""The process that computes one plan or one prediction, whatever becomes of it.

Run by :mod:`app.solver_process` as ``python -m app.solver_child``; see there for how they talk.
"""

from __future__ import annotations

import errno
import importlib
import json
import logging
import os
import resource
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import IO

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from app.computing import Asked, Reporter
from app.database import Database
from app.jobs import Kind
from app.log import configure_logging
from app.repository.computations import SupersededError
from app.solver_process import Ended, Ending, Request, Task
from siting.errors import SitingError

logger = logging.getLogger(__name__)

#: What computes each kind.
_MODULES = {Kind.PLAN: "app.compute_plan", Kind.PREDICTION: "app.compute_prediction"}


def compute(task: Task, asked: Asked, tell: Callable[[str], None]) -> Ended:
    """Compute and store what a task asks for.

    Parameters
    ----------
    task
        What to compute, where.
    asked
        What the worker asks for meanwhile.
    tell
        Told when there is something to keep, and when only storing it is left.

    Raises
    ------
    siting.errors.SitingError
        When the question has faults, or the answer does not stand up to its check.
    """
    with Database(make_url(task.url).set(drivername="postgresql+psycopg"), pool_size=2) as database:
        report = Reporter(database, task, asked)
        try:
            return _of_kind(database, task, asked, report, tell)
        except CancelledError:
            if asked.superseded:
                return Ended(how=Ending.SUPERSEDED)
            handed_back = asked.request is Request.HAND_BACK
            return Ended(how=Ending.HANDED_BACK if handed_back else Ending.EMPTY)
        except SupersededError as error:
            return Ended(how=Ending.SUPERSEDED, reason=str(error))


def _of_kind(
    database: Database, task: Task, asked: Asked, report: Reporter, tell: Callable[[str], None]
) -> Ended:
    """Import what the kind needs and no more: solvers and radio are large."""
    report.phase("data")
    if task.work.kind is Kind.PREDICTION:
        from app.compute_prediction import compute_prediction  # noqa: PLC0415

        return compute_prediction(database, task, asked, report)
    from app.compute_plan import compute_plan  # noqa: PLC0415

    return compute_plan(database, task, asked, report, tell)


def main() -> None:
    """Compute the task on standard input and say on standard output how it ended."""
    # The real standard output is for the worker alone: solvers write to theirs from C.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1) as worker:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        configure_logging()
        task = Task(**json.loads(sys.stdin.readline()))
        # OpenBLAS that gets no memory while it is loaded asks for it for ever: load, then limit.
        importlib.import_module(_MODULES[task.work.kind])
        limit = task.memory_mb * 1024**2
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        asked = Asked()
        threading.Thread(target=_obey, args=(sys.stdin, asked), daemon=True).start()
        ended = _edge(task, asked, lambda event: _say(worker, event=event))
        _say(worker, ending=ended.how.value, reason=ended.reason)


def _edge(task: Task, asked: Asked, tell: Callable[[str], None]) -> Ended:
    """Turn every failure into an ending; the one place where nothing may escape."""
    try:
        return compute(task, asked, tell)
    except SitingError as error:
        return Ended(how=Ending.FAILED, reason=str(error))
    except Exception as error:
        if out_of_memory(error):
            return Ended(
                how=Ending.FAILED,
                reason=f"it needs more than the {task.memory_mb} MB a computation may use; raise "
                "SITING_WORKER_MEMORY_MB, or ask a smaller question",
            )
        logger.exception("%s failed", task.work)
        return Ended(
            how=Ending.FAILED,
            reason=f"the computation failed unexpectedly ({type(error).__name__}); the worker's "
            f"log has the details under {task.work}",
        )


def out_of_memory(error: Exception) -> bool:
    """Tell whether the memory limit is behind an error.

    Compiled code that gets no memory says so in five ways: the error made for it, the system's
    own, an interpreter error without a word, a library that cannot be loaded, or, inside the
    database's client, a database error.
    """
    if isinstance(error, ImportError):
        return "allocate memory" in str(error) or "failed to map" in str(error)
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, DBAPIError):
        return "out of memory" in str(error.orig)
    return isinstance(error, MemoryError | SystemError)


def _obey(requests: IO[str], asked: Asked) -> None:
    """Hear the worker's request; when the worker is gone, go too."""
    for line in requests:
        asked.request = Request(line.strip())
    os._exit(3)


def _say(worker: IO[str], **document: str) -> None:
    worker.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
