"""The process that computes one plan: read the question, solve, verify, store in one commit.

Run by :mod:`app.solver_process` as ``python -m app.solver_child``; see there for how they talk.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import IO

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from app import translate
from app.database import Database
from app.log import configure_logging
from app.repository import planning_data, scenarios
from app.repository.plan_results import save_result
from app.repository.plan_work import (
    SupersededError,
    append_progress,
    checkpoint,
    save_checkpoint,
)
from app.solver_process import Ended, Ending, Request, Task
from app.tables import PlanState
from siting.coverage import Coverage, build_coverage
from siting.errors import SitingError
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.progress import Progress
from siting.scenario import Scenario, build_scenario

logger = logging.getLogger(__name__)

#: Least time between two stored reports of one phase [s].
REPORT_EVERY_S = 0.5


class Asked:
    """What the worker has asked for, if anything; also the solver's `stop`."""

    def __init__(self) -> None:
        self.request: Request | None = None
        self.superseded = False

    def __call__(self) -> bool:
        """Say whether the search should stop."""
        return self.superseded or self.request is not None


class Reporter:
    """Stores reports, at most two a second within a phase, and stops a superseded search."""

    def __init__(self, database: Database, task: Task, asked: Asked) -> None:
        self._database, self._work, self._asked = database, task.work, asked
        self._phase = ""
        self._next = 0.0
        self._began = time.monotonic()

    def __call__(self, report: Progress) -> None:
        """Take a report from the computation."""
        now = time.monotonic()
        if report.phase == self._phase and now < self._next:
            return
        self._phase, self._next = report.phase, now + REPORT_EVERY_S
        try:
            with self._database.session() as session:
                append_progress(session, self._work, report)
        except SupersededError:
            self._asked.superseded = True
        except OperationalError as error:
            logger.warning("a progress report was lost: %s", str(error.orig).strip())

    def phase(self, name: str) -> None:
        """Report that a phase without inner reports begins."""
        self(Progress(phase=name, fraction=0.0, elapsed_s=time.monotonic() - self._began))


def compute(task: Task, asked: Asked, tell: Callable[[str], None]) -> Ended:
    """Compute, verify and store the plan of a task.

    Parameters
    ----------
    task
        What to compute, where.
    asked
        What the worker asks for meanwhile.
    tell
        Called with ``"searching"`` when the search begins, and with ``"solved"`` when it has ended
        and only verifying and storing is left.

    Raises
    ------
    siting.errors.SitingError
        When the scenario cannot be planned, or the plan does not stand up to verification.
    """
    with Database(make_url(task.url).set(drivername="postgresql+psycopg"), pool_size=2) as database:
        report = Reporter(database, task, asked)
        try:
            return _compute(database, task, asked, report, tell)
        except CancelledError:
            if asked.superseded:
                return Ended(how=Ending.SUPERSEDED)
            handed_back = asked.request is Request.HAND_BACK
            return Ended(how=Ending.HANDED_BACK if handed_back else Ending.EMPTY)
        except SupersededError as error:
            return Ended(how=Ending.SUPERSEDED, reason=str(error))


def _compute(
    database: Database,
    task: Task,
    asked: Asked,
    report: Reporter,
    tell: Callable[[str], None],
) -> Ended:
    report.phase("data")
    dataset_id, dataset_hash, scenario, start = _question(database, task)
    coverage = build_coverage(scenario, stop=asked, progress=report)
    tell("searching")
    plan = plan_scenario(scenario, coverage=coverage, stop=asked, progress=report, warm_start=start)
    stopped = asked.request
    tell("solved")
    if asked.superseded:
        return Ended(how=Ending.SUPERSEDED)
    if stopped is Request.HAND_BACK:
        with database.session() as session:
            save_checkpoint(session, task.work, scenario_hash=scenario.hash, selected=plan.selected)
        return Ended(how=Ending.HANDED_BACK)
    report.phase("verify")
    verify_plan(scenario, plan)
    with database.session() as session:
        save_result(
            session,
            task.work,
            scenario=scenario,
            dataset_id=dataset_id,
            dataset_hash=dataset_hash,
            plan=plan,
            served=_served(coverage, plan.selected),
            state=PlanState.CANCELLED if stopped is Request.CANCEL else PlanState.DONE,
        )
    return Ended(how=Ending.STORED)


def _served(coverage: Coverage, selected: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[np.bool_]]:
    """Say per standard which demand points the chosen options serve."""
    served: dict[str, npt.NDArray[np.bool_]] = {}
    for standard_id, matrix in coverage.by_standard.items():
        chosen = np.zeros(matrix.shape[1], dtype=np.int32)
        chosen[selected] = 1
        served[standard_id] = matrix @ chosen > 0
    return served


def _question(
    database: Database, task: Task
) -> tuple[str, str, Scenario, npt.NDArray[np.intp] | None]:
    """Read the scenario and its planning data as they are at one moment."""
    with database.session() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        row = scenarios.get(session, task.work.scenario_id)
        if row is None:
            raise SupersededError("its scenario was deleted")
        head = planning_data.dataset(session, row.dataset_id)
        data = planning_data.load_planning_data(session, row.dataset_id)
        scenario = build_scenario(translate.spec_value(row.spec), data)
        start = checkpoint(session, task.work, scenario_hash=scenario.hash)
        return head.id, head.content_hash, scenario, start


def main() -> None:
    """Compute the task on standard input and say on standard output how it ended."""
    # The real standard output is for the worker alone: solvers write to theirs from C.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1) as worker:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        configure_logging()
        task = Task(**json.loads(sys.stdin.readline()))
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
        logger.exception("plan %s failed", task.plan_id)
        return Ended(
            how=Ending.FAILED,
            reason=f"the computation failed unexpectedly ({type(error).__name__}); the worker's "
            f"log has the details under plan {task.plan_id}",
        )


def out_of_memory(error: Exception) -> bool:
    """Tell whether the memory limit is behind an error.

    Compiled code that gets no memory says so in four ways: the error made for it, the system's
    own, an interpreter error without a word, or, inside the database's client, a database error.
    """
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
