"""Districts, zones and candidate sites as GeoJSON, page by page; and new sites in bulk."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from app.errors import MalformedError, NotFoundError, WrongMediaTypeError
from app.repository import features, site_imports
from app.repository.features import DEFAULT_LIMIT, MAX_LIMIT, Layer
from app.routes.dependencies import Reading, Writing
from app.routes.paging import (
    absolute,
    decode_row_cursor,
    encode_cursor,
    feature_collection,
    here,
    parse_boxes,
    refuse_unknown_parameters,
)
from siting.errors import InputError
from siting.io.geojson import parse_document
from siting.io.sites_import import KNOWN_PROPERTIES, MAX_FEATURES
from siting.sites import SiteKind
from siting.zones import ZoneKind

router = APIRouter(
    prefix="/api/v1", tags=["Planning data"], dependencies=[Depends(refuse_unknown_parameters)]
)

GEOJSON = "application/geo+json"

Bbox = Annotated[
    str | None,
    Query(
        description="west,south,east,north in degrees of WGS 84; features that touch the box",
        examples=["114.5,30.0,115.1,30.6"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most features of a page")]
Cursor = Annotated[str | None, Query(description="From the 'next' link of the page before")]
AnyDataset = Annotated[str | None, Query(description="Only of this planning data")]
OneDataset = Annotated[str, Query(description="Planning data it belongs to")]
FeatureId = Annotated[str, Path(max_length=500, description="Id of the feature")]

_COLLECTION: dict[int | str, dict[str, Any]] = {
    200: {"content": {GEOJSON: {}}, "description": "A FeatureCollection in WGS 84"}
}


@router.get("/districts", responses=_COLLECTION, response_class=Response, summary="Districts")
def districts(
    request: Request,
    connection: Reading,
    *,
    dataset: AnyDataset = None,
    bbox: Bbox = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List administrative districts: area [m²], population [people], outline."""
    return _page(
        request,
        connection,
        features.DISTRICTS,
        bbox=bbox,
        limit=limit,
        cursor=cursor,
        dataset=dataset,
    )


@router.get("/districts/{feature_id}", responses=_COLLECTION, summary="One district")
def district(connection: Reading, feature_id: FeatureId, dataset: OneDataset = "ezhou") -> Response:
    """Return one district by its administrative code."""
    return _one(connection, features.DISTRICTS, dataset, feature_id)


@router.get("/zones", responses=_COLLECTION, response_class=Response, summary="Priority zones")
def zones(
    request: Request,
    connection: Reading,
    *,
    dataset: AnyDataset = None,
    kind: Annotated[ZoneKind | None, Query(description="Only of this kind")] = None,
    bbox: Bbox = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List priority zones; targets may name these and districts alike."""
    filters = {"dataset": dataset, "kind": kind}
    return _page(
        request, connection, features.ZONES, bbox=bbox, limit=limit, cursor=cursor, **filters
    )


@router.get("/zones/{feature_id}", responses=_COLLECTION, summary="One zone")
def zone(connection: Reading, feature_id: FeatureId, dataset: OneDataset = "ezhou") -> Response:
    """Return one priority zone."""
    return _one(connection, features.ZONES, dataset, feature_id)


@router.get("/sites", responses=_COLLECTION, response_class=Response, summary="Candidate sites")
def sites(
    request: Request,
    connection: Reading,
    *,
    dataset: AnyDataset = None,
    kind: Annotated[SiteKind | None, Query(description="Only of this kind")] = None,
    district: Annotated[str | None, Query(description="Only in this district, by code")] = None,
    bbox: Bbox = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List places that may host equipment: mounting height [m], cost to open [CNY]."""
    filters = {"dataset": dataset, "kind": kind, "district": district}
    return _page(
        request, connection, features.SITES, bbox=bbox, limit=limit, cursor=cursor, **filters
    )


@router.get("/sites/{feature_id}", responses=_COLLECTION, summary="One candidate site")
def site(connection: Reading, feature_id: FeatureId, dataset: OneDataset = "ezhou") -> Response:
    """Return one candidate site."""
    return _one(connection, features.SITES, dataset, feature_id)


async def _body(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in {GEOJSON, "application/json"}:
        raise WrongMediaTypeError(
            f"the body is {media_type[:80] or 'of no stated type'!r}; send {GEOJSON}"
        )
    return await request.body()


_SITES_EXAMPLE = {
    "type": "FeatureCollection",
    "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [114.887, 30.402]},
            "properties": {
                "id": "tower-9001",
                "kind": "tower",
                "height_m": 35,
                "fixed_cost_cny": 120000,
                "owner": "铁塔公司",
                "provenance": "real",
                "source": "Operator's inventory, 2026-10",
            },
        }
    ],
}
_SITES_BODY = {
    "required": True,
    "description": f"At most {MAX_FEATURES} points. Properties: "
    + "; ".join(f"`{name}`: {meaning}" for name, meaning in KNOWN_PROPERTIES.items()),
    "content": {GEOJSON: {"schema": {"type": "object"}, "example": _SITES_EXAMPLE}},
}


@router.post(
    "/sites",
    status_code=201,
    summary="Add candidate sites",
    openapi_extra={"requestBody": _SITES_BODY},
)
def add_sites(
    request: Request,
    session: Writing,
    body: Annotated[bytes, Depends(_body)],
    *,
    dataset: OneDataset = "ezhou",
    crs: Annotated[
        str | None,
        Query(
            description="CRS of the coordinates (east first) unless the document has a 'crs' "
            "member; GCJ-02 is accepted and removed",
            examples=["EPSG:4547"],
        ),
    ] = None,
) -> JSONResponse:
    """Store every site of a collection, or none: all faults come in one answer, by feature."""
    try:
        document = parse_document(body)
    except InputError as error:
        raise MalformedError(error.problems) from None
    done = site_imports.add_sites(session, document, dataset_id=dataset, crs=crs)
    if done is None:
        raise NotFoundError(f"there is no data set {dataset[:80]!r}")
    return JSONResponse(
        {
            "import": done.id,
            "dataset": dataset,
            "added": done.rows,
            "declared_crs": done.declared_crs,
            "notes": list(done.notes),
            "links": [{"rel": "sites", "href": absolute(request, "/api/v1/sites")}],
        },
        status_code=201,
    )


def _page(
    request: Request,
    connection: Reading,
    layer: Layer,
    *,
    bbox: str | None,
    limit: int,
    cursor: str | None,
    **filters: str | None,
) -> Response:
    kind = f"rest-{layer.id}"
    page = features.read_page(
        connection,
        layer,
        limit=limit,
        after=decode_row_cursor(kind, cursor),
        boxes=parse_boxes(bbox),
        equal={name: str(value) for name, value in filters.items() if value is not None},
    )
    links = [{"rel": "self", "type": GEOJSON, "href": here(request)}]
    if page.last is not None:
        address = here(request, cursor=encode_cursor(kind, page.last))
        links.append({"rel": "next", "type": GEOJSON, "href": address})
    return Response(feature_collection(page.features, links), media_type=GEOJSON)


def _one(connection: Reading, layer: Layer, dataset: str, feature_id: str) -> Response:
    # A text with NUL cannot be stored, hence names nothing.
    usable = "\0" not in feature_id + dataset
    found = features.read_by_id(connection, layer, dataset, feature_id) if usable else None
    if found is None:
        raise NotFoundError(
            f"data set {dataset[:80]!r} has no feature {feature_id[:80]!r} in {layer.id}"
        )
    return Response(found, media_type=GEOJSON)
