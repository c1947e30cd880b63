"""What every computation in a child process is given: what the worker asks for, and a reporter."""

from __future__ import annotations

import logging
import time

from sqlalchemy.exc import OperationalError

from app.database import Database
from app.repository.computations import SupersededError, append_progress
from app.solver_process import Request, Task
from siting.progress import Progress

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
