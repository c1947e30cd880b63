"""One connection per process that hears of new reports, and wakes the streams that wait for them.

Streams also look by themselves every two seconds, so that a lost connection costs time and no
report.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from app.repository.progress import CHANNEL

logger = logging.getLogger(__name__)

#: Pause before a lost connection is tried again [s].
RETRY_S = 2.0


class ProgressListener:
    """Listens while it is entered.

    Parameters
    ----------
    conninfo
        Address of the database for libpq; may hold a password.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen(), name="progress-listener")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.contextmanager
    def subscribed(self, row_id: str) -> Iterator[asyncio.Event]:
        """Lend an event that is set at each new report of a computation; the reader clears it."""
        event = asyncio.Event()
        self._waiting[row_id].add(event)
        try:
            yield event
        finally:
            self._waiting[row_id].discard(event)
            if not self._waiting[row_id]:
                del self._waiting[row_id]

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, application_name="siting-listen"
                ) as connection:
                    await connection.execute(sql.SQL("listen {}").format(sql.Identifier(CHANNEL)))
                    async for notice in connection.notifies():
                        for event in self._waiting.get(notice.payload.split(" ")[0], ()):
                            event.set()
            except psycopg.Error as error:
                logger.warning("progress listener: %s", str(error).splitlines()[:1])
            await asyncio.sleep(RETRY_S)
