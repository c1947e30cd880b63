"""The worker: takes plans and predictions from the queue and watches over their processes.

``python -m app.worker`` runs one until SIGTERM or SIGINT. Any number may run beside each other, on
any number of hosts with the same database.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable

import procrastinate
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from sqlalchemy.exc import OperationalError

from app.database import Database, DatabaseError, ensure_ready
from app.jobs import QUEUE, Kind
from app.log import configure_logging
from app.repository import computations
from app.repository.computations import SupersededError, Work
from app.settings import Settings, WorkerSettings, load_settings
from app.solver_process import Ended, Ending, Request, SolverProcess, Task
from app.tables import PlanState

logger = logging.getLogger(__name__)


class WorkerStoppedError(Exception):
    """The worker ended by itself, because its connection to the database broke."""


class HandedBackError(Exception):
    """The worker shuts down; the job goes back to the queue."""


class _RetryHandedBack(procrastinate.BaseRetryStrategy):
    """Queue a job again at once when it was handed back, and never for another reason."""

    def get_retry_decision(
        self, *, exception: BaseException, job: Job
    ) -> procrastinate.RetryDecision | None:
        """Decide; see the class."""
        del job
        handed_back = isinstance(exception, HandedBackError)
        return procrastinate.RetryDecision(retry_in={"seconds": 0}) if handed_back else None


def run_worker(settings: Settings, stop_event: threading.Event) -> None:
    """Compute what is queued until `stop_event` is set; then hand back what is running.

    Raises
    ------
    app.database.DatabaseError
        When the database cannot be used.
    WorkerStoppedError
        When the connection broke for good while working.
    """
    with ensure_ready(settings.database) as database:
        asyncio.run(_run(database, settings.worker, stop_event))


async def _run(database: Database, settings: WorkerSettings, stop: threading.Event) -> None:
    app = _queue(database, settings, stop)
    async with app.open_async():
        working = asyncio.create_task(
            app.run_worker_async(
                queues=[QUEUE],
                name=f"{socket.gethostname()}-{os.getpid()}",
                concurrency=settings.concurrency,
                fetch_job_polling_interval=settings.poll_s,
                install_signal_handlers=False,
                update_heartbeat_interval=settings.heartbeat_s,
                stalled_worker_timeout=settings.stale_after_s,
                delete_jobs="successful",
            )
        )
        reaping = asyncio.create_task(_reap(database, settings))
        stopping = asyncio.create_task(_wait_for(stop))
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                raise WorkerStoppedError(
                    "the worker lost the database; start it again when the database answers"
                ) from working.exception()
        finally:
            for task in (reaping, stopping, working):
                task.cancel()
            await asyncio.gather(reaping, stopping, working, return_exceptions=True)


async def _wait_for(stop: threading.Event) -> None:
    while not stop.is_set():  # noqa: ASYNC110 - set from threads and signal handlers
        await asyncio.sleep(0.1)


async def _reap(database: Database, settings: WorkerSettings) -> None:
    """Look for work of dead workers, for as long as this worker lives."""
    while True:
        try:
            await asyncio.to_thread(take_up_lost, database, settings)
        except OperationalError as error:
            logger.warning("cannot look for lost work: %s", str(error.orig).strip())
        await asyncio.sleep(settings.stale_after_s / 4)


def take_up_lost(database: Database, settings: WorkerSettings) -> list[uuid.UUID]:
    """Queue the plans and predictions of dead workers again; return them."""
    found: list[uuid.UUID] = []
    for kind in Kind:
        with database.session() as session:
            queued = computations.take_up_lost(
                session,
                kind,
                stale_after_s=settings.stale_after_s,
                max_deaths=settings.max_attempts,
            )
        for row_id in queued:
            logger.warning("%s %s: its worker died; queued again", kind, row_id)
        found += queued
    return found


def _queue(
    database: Database, settings: WorkerSettings, stop: threading.Event
) -> procrastinate.App:
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=database.conninfo, min_size=1, max_size=settings.concurrency + 3
        )
    )

    def task(kind: Kind) -> Callable[..., None]:
        def run(**given: str) -> None:
            compute(database, settings, stop, kind, uuid.UUID(given[kind.key]))

        return run

    for kind in Kind:
        app.task(name=kind.task, queue=QUEUE, retry=_RetryHandedBack())(task(kind))
    return app


def compute(
    database: Database,
    settings: WorkerSettings,
    stop: threading.Event,
    kind: Kind,
    row_id: uuid.UUID,
) -> None:
    """Take a plan or a prediction up and see it through; every failure ends on its row.

    Raises
    ------
    HandedBackError
        When the worker shuts down meanwhile.
    """
    with database.session() as session:
        work = computations.begin(session, kind, row_id)
    if work is None:
        logger.info("%s %s: nothing to do any more", kind, row_id)
        return
    logger.info("%s: attempt %d begins", work, work.attempt)
    try:
        ended = _watch(database, settings, stop, work)
    except Exception as error:  # the worker's edge: the failure must end on the row
        logger.exception("%s: the worker failed", work)
        reason = f"the worker failed ({type(error).__name__}); its log has the details"
        ended = Ended(how=Ending.FAILED, reason=reason)
    logger.info("%s: %s %s", work, ended.how.value, ended.reason)
    try:
        _record(database, work, ended, stop=stop.is_set())
    except SupersededError as error:
        logger.warning("%s: %s; left alone", work, error)


def _watch(
    database: Database, settings: WorkerSettings, stop: threading.Event, work: Work
) -> Ended:
    """Run the computation, passing on cancellation and shutdown, until it has ended."""
    task = Task(
        url=database.conninfo,
        kind=work.kind.value,
        id=str(work.id),
        attempt=work.attempt,
        memory_mb=settings.memory_mb,
    )
    with SolverProcess(
        task, stop_grace_s=settings.stop_grace_s, finish_grace_s=settings.finish_grace_s
    ) as process:
        next_beat = 0.0
        while (ended := process.wait(settings.cancel_poll_s)) is None:
            if stop.is_set():
                process.ask(Request.HAND_BACK)
            look = computations.cancel_requested
            if time.monotonic() >= next_beat:
                look, next_beat = computations.beat, time.monotonic() + settings.heartbeat_s
            try:
                with database.session() as session:
                    if look(session, work):
                        process.ask(Request.CANCEL)
            except OperationalError as error:
                logger.warning("%s: %s", work, str(error.orig).strip())
            except SupersededError:
                continue  # it is stored, or another worker has it: the child knows and ends
    return ended


#: Why a cancelled computation has no result, by kind and ending.
_CANCELLED = {
    (Kind.PLAN, Ending.EMPTY): "cancelled before a first plan was found",
    (Kind.PLAN, Ending.KILLED): "cancelled; the search did not stop in time, so no plan was kept",
    (Kind.PREDICTION, Ending.EMPTY): "cancelled before it was complete",
    (Kind.PREDICTION, Ending.KILLED): "cancelled before it was complete",
}


def _record(database: Database, work: Work, ended: Ended, *, stop: bool) -> None:
    """Put a computation's end on its row, where the child has not done so."""
    if ended.how in {Ending.STORED, Ending.SUPERSEDED}:
        return
    handed_back = ended.how is Ending.HANDED_BACK or (ended.how is Ending.KILLED and stop)
    with database.session() as session:
        if handed_back:
            computations.hand_back(session, work)
        elif ended.how in {Ending.EMPTY, Ending.KILLED}:
            reason = _CANCELLED[work.kind, ended.how]
            computations.end_without_result(session, work, PlanState.CANCELLED, reason=reason)
        else:
            computations.end_without_result(session, work, PlanState.FAILED, reason=ended.reason)
    if handed_back:
        raise HandedBackError(str(work))


def main() -> None:
    """Run a worker with the environment's settings until it is told to stop."""
    configure_logging()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run_worker(load_settings(), stop)
    except (DatabaseError, WorkerStoppedError, ConnectorException, ValueError) as error:
        sys.exit(f"worker: {error}")


if __name__ == "__main__":
    # The queue names an application after its module, so run under the module's own name.
    importlib.import_module("app.worker").main()
