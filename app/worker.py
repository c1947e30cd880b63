"""The worker: takes plans from the queue and watches over the processes that compute them.

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

import procrastinate
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from sqlalchemy.exc import OperationalError

from app.database import Database, DatabaseError, ensure_ready
from app.jobs import QUEUE, TASK
from app.log import configure_logging
from app.repository import plan_work
from app.repository.plan_work import SupersededError, Work
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
    """Compute queued plans until `stop_event` is set; then hand back what is running.

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
    """Look for plans of dead workers, for as long as this worker lives."""
    while True:
        try:
            await asyncio.to_thread(take_up_lost, database, settings)
        except OperationalError as error:
            logger.warning("cannot look for lost plans: %s", str(error.orig).strip())
        await asyncio.sleep(settings.stale_after_s / 4)


def take_up_lost(database: Database, settings: WorkerSettings) -> list[uuid.UUID]:
    """Queue the plans of dead workers again; return them."""
    with database.session() as session:
        queued = plan_work.take_up_lost(
            session, stale_after_s=settings.stale_after_s, max_deaths=settings.max_attempts
        )
    for plan_id in queued:
        logger.warning("plan %s: its worker died; queued again", plan_id)
    return list(queued)


def _queue(
    database: Database, settings: WorkerSettings, stop: threading.Event
) -> procrastinate.App:
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=database.conninfo, min_size=1, max_size=settings.concurrency + 3
        )
    )

    @app.task(name=TASK, queue=QUEUE, retry=_RetryHandedBack())
    def compute_plan(plan_id: str) -> None:
        compute(database, settings, stop, uuid.UUID(plan_id))

    return app


def compute(
    database: Database, settings: WorkerSettings, stop: threading.Event, plan_id: uuid.UUID
) -> None:
    """Take a plan up and see it through; every failure ends on its row.

    Raises
    ------
    HandedBackError
        When the worker shuts down meanwhile.
    """
    with database.session() as session:
        work = plan_work.begin(session, plan_id)
    if work is None:
        logger.info("plan %s: nothing to do any more", plan_id)
        return
    logger.info("plan %s: attempt %d begins", plan_id, work.attempt)
    try:
        ended = _watch(database, settings, stop, work)
    except Exception as error:  # the worker's edge: the failure must end on the plan's row
        logger.exception("plan %s: the worker failed", plan_id)
        reason = f"the worker failed ({type(error).__name__}); its log has the details"
        ended = Ended(how=Ending.FAILED, reason=reason)
    logger.info("plan %s: %s %s", plan_id, ended.how.value, ended.reason)
    try:
        _record(database, work, ended, stop=stop.is_set())
    except SupersededError as error:
        logger.warning("plan %s: %s; left alone", plan_id, error)


def _watch(
    database: Database, settings: WorkerSettings, stop: threading.Event, work: Work
) -> Ended:
    """Run the computation, passing on cancellation and shutdown, until it has ended."""
    task = Task(
        url=database.conninfo,
        plan_id=str(work.plan_id),
        scenario_id=str(work.scenario_id),
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
            look = plan_work.cancel_requested
            if time.monotonic() >= next_beat:
                look, next_beat = plan_work.beat, time.monotonic() + settings.heartbeat_s
            try:
                with database.session() as session:
                    if look(session, work):
                        process.ask(Request.CANCEL)
            except OperationalError as error:
                logger.warning("plan %s: %s", work.plan_id, str(error.orig).strip())
            except SupersededError:
                continue  # it is stored, or another worker has it: the child knows and ends
    return ended


def _record(database: Database, work: Work, ended: Ended, *, stop: bool) -> None:
    """Put a computation's end on the plan's row, where the child has not done so."""
    if ended.how in {Ending.STORED, Ending.SUPERSEDED}:
        return
    handed_back = ended.how is Ending.HANDED_BACK or (ended.how is Ending.KILLED and stop)
    with database.session() as session:
        if handed_back:
            plan_work.hand_back(session, work)
        elif ended.how in {Ending.EMPTY, Ending.KILLED}:
            reason = {
                Ending.EMPTY: "cancelled before a first plan was found",
                Ending.KILLED: "cancelled; the search did not stop in time, so no plan was kept",
            }[ended.how]
            plan_work.end_without_result(session, work, PlanState.CANCELLED, reason=reason)
        else:
            plan_work.end_without_result(session, work, PlanState.FAILED, reason=ended.reason)
    if handed_back:
        raise HandedBackError(str(work.plan_id))


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
