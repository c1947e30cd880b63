"""Errors of pages as pages: what happened, in plain words, and what to do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from app.errors import RULES, UNKNOWN, rule_of
from app.pages.language import language_of
from app.pages.render import page
from siting.errors import InputError
from siting.messages import say

logger = logging.getLogger(__name__)

_NOT_FOUND = 404
_CONFLICT = 409
_SERVER = 500
_UNAVAILABLE = 503


class PageRoute(APIRoute):
    """A route whose errors are answered as pages, by the service's one table of errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler that the framework makes."""
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except (*RULES, HTTPException) as error:
                return fault_page(request, error)

        return handle_as_page


def fault_page(request: Request, error: Exception) -> Response:
    """Answer an error of the table as a page."""
    language = language_of(request)
    rule = rule_of(error)
    faults: list[str] = []
    if isinstance(error, RequestValidationError):
        # A page's address holds nothing but an id: a malformed one names nothing.
        status, key, hint = _NOT_FOUND, "page.not_found", "page.not_found_hint"
    elif rule.status == _NOT_FOUND:
        status, key, hint = _NOT_FOUND, "page.not_found", "page.not_found_hint"
    elif rule.name == "database-unavailable":
        status, key, hint = _UNAVAILABLE, "page.database_down", "page.database_hint"
    else:
        status, hint = rule.status, ""
        key = "page.conflict" if status == _CONFLICT else "page.error"
        if isinstance(error, InputError):
            faults = [str(problem) for problem in error.problems]
        elif rule is not UNKNOWN:
            faults = [str(error)]
    if status >= _SERVER:
        logger.error("%s: %s", rule.name, str(error).partition("\n")[0])
    return page(
        request,
        "fault.html",
        title=say(key, language),
        status_code=status,
        hint=say(hint, language) if hint else "",
        faults=faults,
    )
