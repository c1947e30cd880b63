"""Logging of the service: one line per event, each with the request it belongs to."""

from __future__ import annotations

import logging
from contextvars import ContextVar

#: Identifier of the request being answered; ``-`` outside of one.
request_id: ContextVar[str] = ContextVar("request_id", default="-")

_FORMAT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


class RequestIdFilter(logging.Filter):
    """Puts the current request's identifier into every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add ``request_id`` to `record`; never drop it."""
        record.request_id = request_id.get()
        return True


def configure_logging(level: str = "INFO") -> None:
    """Send log lines to the error stream, each with time, level, source and request.

    Parameters
    ----------
    level
        Least level that is written, by its name in :mod:`logging`.
    """
    handler = logging.StreamHandler()
    handler.addFilter(RequestIdFilter())
    handler.setFormatter(logging.Formatter(_FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
