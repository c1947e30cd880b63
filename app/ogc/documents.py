"""The documents of OGC API - Features that describe the service: links, conformance, schema."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from app.repository.features import DEFAULT_LIMIT, MAX_LIMIT, Box, Layer
from app.routes.paging import absolute, here

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GEOJSON = "application/geo+json"
JSON = "application/json"
HTML = "text/html"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"

TITLE = "Siting: planning data and plans"
DESCRIPTION = (
    "Districts, priority zones, candidate sites and the stations of finished plans, in WGS 84 "
    "longitude, latitude. Every feature says whether it is real, derived, approximate or "
    "synthetic."
)

_SPEC = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"
CONFORMANCE = [f"{_SPEC}/{name}" for name in ("core", "geojson", "html", "oas30")]


def link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    """Return one link object."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def self_links(request: Request, kind: str, media_type: str = JSON) -> list[dict[str, str]]:
    """Return the links to this document as it is, and in the other format.

    Parameters
    ----------
    request
        The request that is answered.
    kind
        ``"json"`` or ``"html"``: what this answer is.
    media_type
        Media type of the document's JSON form.
    """
    forms = {"json": (media_type, "JSON"), "html": (HTML, "HTML")}
    other = "html" if kind == "json" else "json"
    return [
        link(here(request), "self", forms[kind][0], "This document"),
        link(here(request, f=other), "alternate", forms[other][0], f"As {forms[other][1]}"),
    ]


def landing(request: Request, kind: str) -> dict[str, Any]:
    """Return the landing page."""
    return {
        "title": TITLE,
        "description": DESCRIPTION,
        "links": [
            *self_links(request, kind),
            link(absolute(request, "/ogc/api"), "service-desc", OPENAPI, "API definition"),
            link(absolute(request, "/ogc/api", f="html"), "service-doc", HTML, "API as a page"),
            link(absolute(request, "/ogc/conformance"), "conformance", JSON, "Conformance"),
            link(absolute(request, "/ogc/collections"), "data", JSON, "Collections"),
        ],
    }


def collection(request: Request, layer: Layer, box: Box | None) -> dict[str, Any]:
    """Return the description of one collection."""
    base = f"/ogc/collections/{layer.id}"
    document: dict[str, Any] = {
        "id": layer.id,
        "title": layer.title,
        "description": layer.description,
        "itemType": "feature",
        "crs": [CRS84],
        "storageCrs": CRS84,
        "links": [
            link(absolute(request, base), "self", JSON, layer.title),
            link(absolute(request, f"{base}/items"), "items", GEOJSON, "Features as GeoJSON"),
            link(absolute(request, f"{base}/items", f="html"), "items", HTML, "Features as HTML"),
            link(absolute(request, f"{base}/schema"), "describedby", SCHEMA, "Feature schema"),
        ],
    }
    if box is not None:
        document["extent"] = {"spatial": {"bbox": [list(box)], "crs": CRS84}}
    return document


def schema(request: Request, layer: Layer) -> dict[str, Any]:
    """Return the JSON Schema of a layer's features, so that clients need not guess types."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": absolute(request, f"/ogc/collections/{layer.id}/schema"),
        "title": layer.title,
        "description": layer.description,
        "type": "object",
        "required": ["type", "id", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": {"type": "integer"},
            "geometry": {"$ref": f"https://geojson.org/schema/{layer.geometry}.json"},
            "properties": {
                "type": "object",
                "properties": {
                    column.name: {"type": column.type, "description": column.description}
                    for column in layer.columns
                },
            },
        },
    }


def openapi(request: Request) -> dict[str, Any]:
    """Return the definition of these addresses as OpenAPI 3.0."""
    return {
        "openapi": "3.0.3",
        "info": {"title": TITLE, "description": DESCRIPTION, "version": "1.0.0"},
        "servers": [{"url": absolute(request, "/ogc")}],
        "tags": [{"name": "Capabilities"}, {"name": "Data"}],
        "paths": {
            "/": _operation("Landing page", "landingPage", "Capabilities"),
            "/conformance": _operation("Conformance", "conformance", "Capabilities"),
            "/api": _operation("API definition", "api", "Capabilities"),
            "/collections": _operation("Collections", "collections", "Capabilities"),
            "/collections/{collectionId}": _operation(
                "One collection", "collection", "Capabilities", ["collectionId"]
            ),
            "/collections/{collectionId}/schema": _operation(
                "Schema of the features", "schema", "Capabilities", ["collectionId"], SCHEMA
            ),
            "/collections/{collectionId}/items": _operation(
                "Features",
                "features",
                "Data",
                ["collectionId", "bbox", "datetime", "limit", "cursor"],
                GEOJSON,
            ),
            "/collections/{collectionId}/items/{featureId}": _operation(
                "One feature", "feature", "Data", ["collectionId", "featureId"], GEOJSON
            ),
        },
        "components": {"parameters": _PARAMETERS},
    }


def _operation(
    summary: str,
    name: str,
    tag: str,
    parameters: list[str] | None = None,
    media_type: str = JSON,
) -> dict[str, Any]:
    problem = {
        "description": "Problem details (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"type": "object"}}},
    }
    responses: dict[str, Any] = {
        "200": {
            "description": summary,
            "content": {
                media_type: {"schema": {"type": "object"}},
                HTML: {"schema": {"type": "string"}},
            },
        },
        "400": problem,
        "500": problem,
    }
    if parameters:
        responses["404"] = problem
    return {
        "get": {
            "summary": summary,
            "operationId": name,
            "tags": [tag],
            "parameters": [
                {"$ref": f"#/components/parameters/{item}"} for item in [*(parameters or []), "f"]
            ],
            "responses": responses,
        }
    }


def _parameter(
    name: str, where: str, description: str, schema: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "description": description,
        "required": where == "path",
        "schema": schema,
        **more,
    }


_PARAMETERS = {
    "collectionId": _parameter("collectionId", "path", "Id of the collection", {"type": "string"}),
    "featureId": _parameter("featureId", "path", "Id of the feature", {"type": "integer"}),
    "f": _parameter(
        "f",
        "query",
        "Format of the answer; without it the Accept header decides",
        {"type": "string", "enum": ["json", "html"]},
    ),
    "limit": _parameter(
        "limit",
        "query",
        f"Most features of a page; more than {MAX_LIMIT} counts as {MAX_LIMIT}",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        style="form",
        explode=False,
    ),
    "bbox": _parameter(
        "bbox",
        "query",
        "West, south, east, north in degrees of CRS84; features that touch it",
        {
            "type": "array",
            "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
            "items": {"type": "number"},
        },
        style="form",
        explode=False,
    ),
    "datetime": _parameter(
        "datetime",
        "query",
        "RFC 3339 instant or interval; features without a time match every one",
        {"type": "string"},
        style="form",
        explode=False,
    ),
    "cursor": _parameter(
        "cursor", "query", "Where the page begins; from the 'next' link", {"type": "string"}
    ),
}
