"""The addresses of OGC API - Features Part 1, read only."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from app.errors import NotFoundError, RequestError, UnsupportedFormatError
from app.ogc import documents, html
from app.repository import features
from app.routes.dependencies import Reading
from app.routes.paging import (
    absolute,
    decode_row_cursor,
    encode_cursor,
    feature_collection,
    here,
    parse_boxes,
    refuse_unknown_parameters,
)
from siting.errors import Problem

router = APIRouter(
    prefix="/ogc",
    tags=["OGC API - Features"],
    dependencies=[Depends(refuse_unknown_parameters)],
)

Kind = Literal["json", "html"]


def _kind(
    request: Request,
    f: Annotated[str | None, Query(description="json or html; default by Accept")] = None,
) -> Kind:
    """Decide the format: by ``f``, else by the Accept header, else JSON."""
    if f == "json":
        return "json"
    if f == "html":
        return "html"
    if f is not None:
        raise RequestError(Problem("query.f", f"unknown format {f[:40]!r}", "known: json, html"))
    accept = request.headers.get("accept", "*/*").lower()
    ranges = [part.split(";")[0].strip() for part in accept.split(",")]
    for media_type in ranges:
        if media_type == "text/html":
            return "html"
        if media_type in {"*/*", "application/*"} or media_type.endswith(("json", "+json")):
            return "json"
    raise UnsupportedFormatError(
        f"nothing here is {accept[:100]!r}; ask for application/json, application/geo+json or "
        "text/html, or put f=json or f=html into the address"
    )


Format = Annotated[Kind, Depends(_kind)]


@router.get("", summary="Landing page")
@router.get("/", include_in_schema=False)
def landing(request: Request, kind: Format) -> Response:
    """Say what is here and where to go on."""
    document = documents.landing(request, kind)
    if kind == "json":
        return JSONResponse(document)
    return html.page(
        request,
        title=document["title"],
        description=document["description"],
        links=document["links"],
    )


@router.get("/conformance", summary="Conformance classes")
def conformance(request: Request, kind: Format) -> Response:
    """List the conformance classes that are kept."""
    links = documents.self_links(request, kind)
    if kind == "json":
        return JSONResponse({"conformsTo": documents.CONFORMANCE, "links": links})
    rows: list[list[html.Cell]] = [[name] for name in documents.CONFORMANCE]
    return html.page(request, title="Conformance", links=links, columns=["class"], rows=rows)


@router.get("/api", summary="API definition")
def definition(request: Request, kind: Format) -> Response:
    """Return the definition of these addresses as OpenAPI 3.0."""
    document = documents.openapi(request)
    if kind == "json":
        return JSONResponse(document, media_type=documents.OPENAPI)
    rows: list[list[html.Cell]] = [
        [path, item["get"]["summary"]] for path, item in document["paths"].items()
    ]
    return html.page(
        request,
        title="API definition",
        description="As OpenAPI 3.0 under the link below.",
        links=documents.self_links(request, kind, documents.OPENAPI),
        columns=["address below /ogc", "what it returns"],
        rows=rows,
    )


@router.get("/collections", summary="Collections")
def collections(request: Request, kind: Format, connection: Reading) -> Response:
    """List the collections: stored layers first, then the stations of finished plans."""
    found = [
        documents.collection(request, layer, features.extent(connection, layer))
        for layer in features.STORED.values()
    ]
    found += [
        documents.collection(request, layer, None) for layer in features.plan_layers(connection)
    ]
    links = documents.self_links(request, kind)
    if kind == "json":
        return JSONResponse({"collections": found, "links": links})
    rows: list[list[html.Cell]] = [
        [
            {
                "href": absolute(request, f"/ogc/collections/{item['id']}", f="html"),
                "title": item["title"],
            },
            item["description"],
        ]
        for item in found
    ]
    return html.page(
        request, title="Collections", links=links, columns=["collection", "what"], rows=rows
    )


LayerId = Annotated[
    str, Path(max_length=100, description="Id of the collection", examples=["districts"])
]


@router.get("/collections/{collection_id}", summary="One collection")
def collection(
    request: Request, collection_id: LayerId, kind: Format, connection: Reading
) -> Response:
    """Describe one collection: extent, reference system, where its features are."""
    layer = _layer(connection, collection_id)
    document = documents.collection(request, layer, features.extent(connection, layer))
    if kind == "json":
        return JSONResponse(document)
    rows: list[list[html.Cell]] = [
        [column.name, column.type, column.description] for column in layer.columns
    ]
    return html.page(
        request,
        title=layer.title,
        description=layer.description,
        links=document["links"],
        columns=["property", "type", "meaning"],
        rows=rows,
    )


@router.get("/collections/{collection_id}/schema", summary="Schema of the features")
def schema(request: Request, collection_id: LayerId, kind: Format, connection: Reading) -> Response:
    """Return the JSON Schema of a collection's features."""
    layer = _layer(connection, collection_id)
    document = documents.schema(request, layer)
    if kind == "json":
        return JSONResponse(document, media_type=documents.SCHEMA)
    return html.page(
        request,
        title=f"{layer.title}: schema",
        links=documents.self_links(request, kind, documents.SCHEMA),
        text=json.dumps(document, indent=2, ensure_ascii=False),
    )


@router.get("/collections/{collection_id}/items", summary="Features")
def items(
    request: Request,
    collection_id: LayerId,
    kind: Format,
    connection: Reading,
    *,
    bbox: Annotated[
        str | None, Query(description="west,south,east,north [degrees]; features that touch it")
    ] = None,
    datetime: Annotated[
        str | None, Query(description="RFC 3339 instant or interval; these have no time")
    ] = None,
    limit: Annotated[
        int, Query(ge=1, description=f"Features of a page; at most {features.MAX_LIMIT}")
    ] = features.DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(description="From the 'next' link")] = None,
) -> Response:
    """Return a page of features, in the order they were stored."""
    layer = _layer(connection, collection_id)
    problems: list[Problem] = []
    boxes = ()
    after = 0
    try:
        boxes = parse_boxes(bbox)
    except RequestError as error:
        problems.extend(error.problems)
    try:
        after = decode_row_cursor(layer.id, cursor)
    except RequestError as error:
        problems.extend(error.problems)
    problems.extend(_datetime_problems(datetime))
    if problems:
        raise RequestError(problems)
    page = features.read_page(
        connection, layer, limit=min(limit, features.MAX_LIMIT), after=after, boxes=boxes
    )
    links = documents.self_links(request, kind, documents.GEOJSON)
    links.append(
        documents.link(
            absolute(request, f"/ogc/collections/{layer.id}"),
            "collection",
            documents.JSON,
            layer.title,
        )
    )
    if page.last is not None:
        address = here(request, cursor=encode_cursor(layer.id, page.last))
        media_type = documents.GEOJSON if kind == "json" else documents.HTML
        links.append(documents.link(address, "next", media_type, "Next page"))
    if kind == "json":
        return _geojson(feature_collection(page.features, links))
    parsed = [json.loads(item) for item in page.features]
    return html.page(
        request,
        title=layer.title,
        links=links,
        columns=["feature", *(column.name for column in layer.columns)],
        rows=html.feature_rows(request, layer, parsed),
    )


@router.get("/collections/{collection_id}/items/{feature_id}", summary="One feature")
def item(
    request: Request, collection_id: LayerId, feature_id: str, kind: Format, connection: Reading
) -> Response:
    """Return one feature."""
    layer = _layer(connection, collection_id)
    known = feature_id.isascii() and feature_id.isdigit() and int(feature_id) < 2**63
    found = features.read_feature(connection, layer, int(feature_id)) if known else None
    if found is None:
        raise NotFoundError(f"collection {layer.id!r} has no feature {feature_id[:80]!r}")
    links = documents.self_links(request, kind, documents.GEOJSON)
    links.append(
        documents.link(
            absolute(request, f"/ogc/collections/{layer.id}"),
            "collection",
            documents.JSON,
            layer.title,
        )
    )
    if kind == "json":
        return _geojson(f'{found[:-1]}, "links": {json.dumps(links)}}}')
    feature = json.loads(found)
    rows: list[list[html.Cell]] = [
        [name, "—" if value is None else value] for name, value in feature["properties"].items()
    ]
    return html.page(
        request,
        title=f"{layer.title}: {feature_id}",
        links=links,
        columns=["property", "value"],
        rows=rows,
        text=json.dumps(feature["geometry"])[:2_000],
    )


def _geojson(body: str) -> Response:
    return Response(
        body, media_type=documents.GEOJSON, headers={"Content-Crs": f"<{documents.CRS84}>"}
    )


def _layer(connection: Reading, layer_id: str) -> features.Layer:
    layer = features.find_layer(connection, layer_id)
    if layer is None:
        raise NotFoundError(
            f"there is no collection {layer_id[:80]!r}; /ogc/collections lists them"
        )
    return layer


_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?")


def _datetime_problems(text: str | None) -> list[Problem]:
    """Check a ``datetime`` parameter; these collections have no time, so a right one is ignored."""
    if text is None:
        return []
    hint = "write 2026-11-22T00:00:00Z, or an interval a/b, ../b or a/.."
    wrong = [Problem("query.datetime", f"{text[:80]!r} is no RFC 3339 time or interval", hint)]
    ends = text.split("/")
    pair = 2
    if len(ends) > pair or ends in (["..", ".."], ["", ""], [".."], [""]):
        return wrong
    instants: list[dt.datetime] = []
    for end in ends:
        if len(ends) == pair and end in {"", ".."}:
            continue
        if not _INSTANT.fullmatch(end):
            return wrong
        try:
            instant = dt.datetime.fromisoformat(end)
        except ValueError:
            return wrong
        instants.append(instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC))
    if len(instants) == pair and instants[0] > instants[1]:
        return [Problem("query.datetime", f"{text[:80]!r} ends before it begins", hint)]
    return []
