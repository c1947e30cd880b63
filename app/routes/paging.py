"""What lists have in common: cursors, boxes, links that keep origin, prefix and filters."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.errors import RequestError
from app.repository.features import Box
from siting.errors import Problem

_BOX_HINT = "write west,south,east,north in degrees of WGS 84, e.g. 114.5,30.0,115.1,30.6"
_LON, _LAT = 180.0, 90.0


def encode_cursor(kind: str, key: str | int) -> str:
    """Return an opaque cursor: the list it belongs to, and the last row that was shown."""
    return base64.urlsafe_b64encode(f"{kind}\n{key}".encode()).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str) -> str:
    """Return the key in a cursor of the list `kind`.

    Raises
    ------
    RequestError
        When it is no cursor, or one of another list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found, _, key = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition("\n")
        )
    except (binascii.Error, ValueError):
        found, key = "", ""
    if found != kind or not key:
        raise RequestError(
            Problem(
                "query.cursor",
                f"{cursor[:80]!r} is no cursor of this list",
                "follow the 'next' link of the page before, or leave it out",
            )
        )
    return key


def decode_row_cursor(kind: str, cursor: str | None) -> int:
    """Return the row number in a cursor, 0 when there is none.

    Raises
    ------
    RequestError
        When it is no cursor of this list.
    """
    if cursor is None:
        return 0
    key = decode_cursor(kind, cursor)
    if not key.isascii() or not key.isdigit() or int(key) >= 2**63:
        raise RequestError(Problem("query.cursor", "is no cursor of this list"))
    return int(key)


def decode_uuid_cursor(kind: str, cursor: str | None) -> uuid.UUID | None:
    """Return the identifier in a cursor, None when there is no cursor.

    Raises
    ------
    RequestError
        When it is no cursor of this list.
    """
    if cursor is None:
        return None
    try:
        return uuid.UUID(decode_cursor(kind, cursor))
    except ValueError:
        raise RequestError(Problem("query.cursor", "is no cursor of this list")) from None


def parse_boxes(text: str | None) -> tuple[Box, ...]:
    """Read a ``bbox`` parameter: none, one box, or two for one across the antimeridian.

    Raises
    ------
    RequestError
        When it is not 4 or 6 finite numbers, off the globe, or south of it lies north.
    """
    if text is None:
        return ()
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise _box_error(text, "holds something that is no number") from None
    flat, solid = 4, 6
    if len(numbers) not in {flat, solid}:
        raise _box_error(text, f"holds {len(numbers)} numbers, not 4 or 6")
    if not all(math.isfinite(number) for number in numbers):
        raise _box_error(text, "holds a number that is not finite")
    half = len(numbers) // 2
    west, south, east, north = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    if not (-_LON <= west <= _LON and -_LON <= east <= _LON):
        raise _box_error(text, "has a longitude outside -180 to 180")
    if not (-_LAT <= south <= _LAT and -_LAT <= north <= _LAT):
        raise _box_error(text, "has a latitude outside -90 to 90")
    if south > north:
        raise _box_error(text, "has its south north of its north")
    if west > east:
        return ((west, south, _LON, north), (-_LON, south, east, north))
    return ((west, south, east, north),)


def _box_error(text: str, what: str) -> RequestError:
    return RequestError(Problem("query.bbox", f"{text[:80]!r} {what}", _BOX_HINT))


def absolute(request: Request, path: str, **parameters: str) -> str:
    """Return the address of `path` as the client sees it: origin, mount prefix, path, query."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"{str(request.base_url).rstrip('/')}{path}{query}"


def here(request: Request, **changes: str) -> str:
    """Return the address of this request with some of its parameters changed."""
    prefix = str(request.scope.get("root_path", "")).rstrip("/")
    path = request.scope["path"]
    if prefix and path.startswith(f"{prefix}/"):
        path = path[len(prefix) :]
    return absolute(request, path, **{**dict(request.query_params), **changes})


def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that this route does not know, naming those it does.

    Raises
    ------
    RequestError
        One problem per unknown parameter.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = sorted(_query_parameters(route.dependant))
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        hint = "known: " + ", ".join(known) if known else "this address takes no parameters"
        raise RequestError(
            [Problem(f"query.{name[:80]}", "unknown parameter", hint) for name in unknown]
        )


def _query_parameters(dependant: Dependant) -> set[str]:
    names = {field.alias for field in dependant.query_params}
    return names.union(*(_query_parameters(inner) for inner in dependant.dependencies))


def feature_collection(features: Sequence[str], links: Sequence[Mapping[str, str]]) -> str:
    """Join features that are GeoJSON text already to a collection, without reading them again."""
    stamp = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f'{{"type": "FeatureCollection", "numberReturned": {len(features)}, '
        f'"timeStamp": "{stamp}", "links": {json.dumps(links)}, '
        f'"features": [{",".join(features)}]}}'
    )
