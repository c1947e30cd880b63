"""Every error the service answers with, in one table, as problem details (RFC 9457).

::

    ServiceError                    answers with its own status
    |-- NotFoundError               404  no such resource
    |-- ConflictError               409  the resource's state forbids it
    |-- BodyTooLargeError           413  the body passes the limit
    |-- UnsupportedFormatError      406  none of the formats offered was asked for
    |-- WrongMediaTypeError         415  the body is of a type that is not read
    |-- RequestError                400  query, path or content is wrong; lists every fault
    `-- UnavailableError            503  a part of the service is down; says what to do

Errors of :mod:`siting` and of the framework are mapped below. What is in no table answers 500 and
tells nothing of the inside; the log has it under the request's identifier.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from app.database import DatabaseError
from app.log import request_id
from siting.errors import CrsError, DatasetError, FileError, InputError, Problem, ScenarioError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of error is answered.

    Parameters
    ----------
    status
        HTTP status.
    title
        The kind in a few words; the same for every occurrence.
    name
        Last part of the type URI, explained at ``/api/v1/problems``.
    """

    status: int
    title: str
    name: str


class ServiceError(Exception):
    """Base of the service's own errors; subclasses are named by the table."""


class NotFoundError(ServiceError):
    """There is no such resource."""


class ConflictError(ServiceError):
    """The state of the resource forbids what was asked."""


class BodyTooLargeError(HTTPException):
    """The body passes the limit; an HTTPException so that body readers let it through.

    Parameters
    ----------
    limit_bytes
        Largest body that is read [bytes].
    """

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            413,
            f"The body is larger than the limit of {limit_bytes:,} bytes; "
            "send it in smaller parts.",
        )


class UnsupportedFormatError(ServiceError):
    """None of the formats offered was asked for."""


class WrongMediaTypeError(ServiceError):
    """The body's media type is not read here."""


class RequestError(InputError):
    """Query, path or content of a request is wrong; every fault is listed."""


class MalformedError(InputError):
    """The payload has not the shape that is asked for; every fault is listed."""


class UnavailableError(ServiceError):
    """A part of the service is down; the message says what to do."""


#: The one table: kind of error, and how it is answered. The first match along the class's
#: ancestors counts.
RULES: Mapping[type[Exception], Rule] = {
    MalformedError: Rule(422, "The payload is malformed", "malformed-payload"),
    RequestValidationError: Rule(422, "The payload is malformed", "malformed-payload"),
    ScenarioError: Rule(400, "The scenario cannot be planned as it stands", "invalid-scenario"),
    CrsError: Rule(400, "The coordinate reference system is missing or wrong", "invalid-crs"),
    RequestError: Rule(400, "The request is wrong", "invalid-request"),
    InputError: Rule(400, "The input has faults", "invalid-input"),
    NotFoundError: Rule(404, "There is no such resource", "not-found"),
    ConflictError: Rule(409, "The resource's state forbids it", "conflict"),
    UnsupportedFormatError: Rule(406, "The format is not offered", "unsupported-format"),
    WrongMediaTypeError: Rule(415, "The media type is not read", "unsupported-media-type"),
    BodyTooLargeError: Rule(413, "The body is too large", "body-too-large"),
    DatasetError: Rule(503, "The planning data are not available", "dataset-unavailable"),
    DatabaseError: Rule(503, "The database cannot be used", "database-unavailable"),
    FileError: Rule(500, "A file of the service failed", "file-error"),
    UnavailableError: Rule(503, "A part of the service is down", "unavailable"),
    OperationalError: Rule(503, "The database does not answer", "database-unavailable"),
    InterfaceError: Rule(503, "The database does not answer", "database-unavailable"),
    PoolTimeoutError: Rule(503, "The database does not answer", "database-unavailable"),
}

#: Statuses the framework raises by itself.
HTTP_RULES: Mapping[int, Rule] = {
    400: Rule(400, "The request is wrong", "invalid-request"),
    403: Rule(403, "That is not allowed from there", "forbidden"),
    404: Rule(404, "There is no such resource", "not-found"),
    405: Rule(405, "The method is not offered here", "method-not-allowed"),
    413: RULES[BodyTooLargeError],
    416: Rule(416, "The file has no such part", "range-not-satisfiable"),
}

UNKNOWN = Rule(500, "The service failed", "internal-error")

_DATABASE_HINT = (
    "The database does not answer or is not at this version's migration. Try again in a moment; "
    "an operator runs 'siting doctor' to see why."
)


def known_rules() -> list[Rule]:
    """Return every rule once, by status and name."""
    every = {*RULES.values(), *HTTP_RULES.values(), UNKNOWN}
    return sorted(every, key=lambda rule: (rule.status, rule.name))


def rule_of(error: Exception) -> Rule:
    """Return the rule of `error`: that of its nearest listed ancestor."""
    for kind in type(error).__mro__:
        if kind in RULES:
            return RULES[kind]
    if isinstance(error, HTTPException):
        return HTTP_RULES.get(
            error.status_code, Rule(error.status_code, str(error.detail), "http-error")
        )
    return UNKNOWN


def problems_of_validation(errors: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Turn the framework's list of validation faults into problems with readable paths."""
    found: list[Problem] = []
    for item in errors:
        parts = [str(part) for part in item["loc"]]
        if item["type"] == "json_invalid":
            reason = item.get("ctx", {}).get("error", item["msg"])
            where = f"body at character {parts[-1]}"
            found.append(Problem(where, f"is not JSON: {reason}", "send valid JSON (RFC 8259)"))
            continue
        given = item.get("input")
        shown = (f", got {given!r}" if isinstance(given, str | int | float | bool | None) else "")[
            :200
        ]
        found.append(Problem(".".join(parts), f"{item['msg']}{shown}"))
    return found


def problem_response(
    request: Request,
    rule: Rule,
    detail: str,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Answer with problem details: what kind, what happened here, and each single fault."""
    prefix = str(request.scope.get("root_path", ""))
    body: dict[str, Any] = {
        "type": f"{prefix}/api/v1/problems#{rule.name}",
        "title": rule.title,
        "status": rule.status,
        "detail": detail,
        "instance": request.url.path,
        "request_id": request_id.get(),
    }
    if problems:
        body["problems"] = [
            {"where": item.where, "what": item.what, "hint": item.hint} for item in problems
        ]
    return JSONResponse(
        body, status_code=rule.status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def _detail(count: int) -> str:
    return (
        "1 fault; nothing was changed." if count == 1 else f"{count} faults; nothing was changed."
    )


async def answer(request: Request, error: Exception) -> JSONResponse:
    """Answer any error by the table."""
    rule = rule_of(error)
    if isinstance(error, RequestValidationError):
        problems = problems_of_validation(error.errors())
        payload = any(item["loc"] and item["loc"][0] == "body" for item in error.errors())
        if not payload:
            rule = RULES[RequestError]
        return problem_response(request, rule, _detail(len(problems)), problems)
    if isinstance(error, InputError):
        return problem_response(request, rule, _detail(len(error.problems)), error.problems)
    if isinstance(error, HTTPException):
        detail = str(error.detail)
        if error.status_code == 404 and detail == "Not Found":  # noqa: PLR2004 - HTTP's own number
            detail = "Nothing is served at this address; /api/v1/docs lists what is."
        return problem_response(request, rule, detail, headers=error.headers)
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        logger.error("database: %s", str(error).splitlines()[0])
        return problem_response(request, rule, _DATABASE_HINT, headers={"Retry-After": "5"})
    if rule.status >= 500:  # noqa: PLR2004 - HTTP's own number
        # The server prints the traceback of an unknown error itself; this line carries the id.
        logger.error("%s: %r", rule.name, error, exc_info=None if rule is UNKNOWN else error)
    if rule is UNKNOWN:
        detail = "An unexpected error; the log of the service has it under this request's id."
        return problem_response(request, rule, detail)
    return problem_response(request, rule, str(error))


def install_error_handlers(app: FastAPI) -> None:
    """Make `app` answer every error by the table."""
    for kind in (*RULES, HTTPException):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(Exception, answer)
