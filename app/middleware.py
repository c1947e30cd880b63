"""What every answer passes through: request id, security headers, the limit of the body."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
import uuid
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import HTTP_RULES, BodyTooLargeError, problem_response
from app.log import request_id

logger = logging.getLogger(__name__)

#: Largest request body that is read [bytes].
MAX_BODY_BYTES = 50_000_000

#: Nothing but our own origin, and no script inside a page.
STRICT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)

#: As above, for pages whose scripts are written into the page (maps).
INLINE_POLICY = STRICT_POLICY.replace(
    "default-src 'self';", "default-src 'self'; script-src 'self' 'unsafe-inline';", 1
)

_CLIENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")

_SECURITY_HEADERS = {
    "Content-Security-Policy": STRICT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class RequestContext:
    """Gives each request an identifier, adds the security headers and logs one line.

    A client's own ``X-Request-ID`` is kept when it is short and plain. A header that a route has
    set already (a page's own policy) is not overwritten.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        identifier = given if _CLIENT_ID.fullmatch(given) else uuid.uuid4().hex
        token = request_id.set(identifier)
        status = 500
        began = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = identifier
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            spent_ms = (time.perf_counter() - began) * 1000
            logger.info("%s %s %d %.0f ms", scope["method"], scope["path"], status, spent_ms)
            request_id.reset(token)


class BodyLimit:
    """Stops reading a body at the limit, whatever length the client declared.

    Raises
    ------
    BodyTooLargeError
        From the receiving side, so that it reaches the error table like any other.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counted body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        too_large = declared.isdigit() and int(declared) > self.limit_bytes
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            if too_large:
                raise BodyTooLargeError(self.limit_bytes)
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self.limit_bytes:
                    raise BodyTooLargeError(self.limit_bytes)
            return message

        await self.app(scope, receive_counted, send)


class LocalOnly:
    """Refuses what a foreign web page could make a browser send here.

    Without a login, whoever reaches the service may use it. A page from elsewhere reaches it
    through the visitor's browser: by a name of its own that points here (the Host header then
    names a domain), or by a form or script (the Origin header then differs from ours).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = headers.get("host", "")
            origin = headers.get("origin")
            what = ""
            if not _is_own_name(host):
                what = f"The service does not answer to the name {host[:80]!r}; use 127.0.0.1."
            elif (
                origin is not None
                and scope["method"] not in {"GET", "HEAD", "OPTIONS"}
                and origin.partition("://")[2] != host
            ):
                what = "Pages of another origin may not change anything here."
            if what:
                request = Request(scope)
                response = problem_response(request, HTTP_RULES[403], what)
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _is_own_name(host: str) -> bool:
    """Say whether a Host header is an address or a name that no outsider can own."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name != "" and "." not in name.removesuffix(".localhost")
    return True
