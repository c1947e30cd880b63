"""Vector tiles and their TileJSON."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy import text

from app.errors import ConflictError, NotFoundError
from app.repository import tiles
from app.repository.plan_frames import PlanKey
from app.routes.dependencies import Reading
from app.routes.paging import absolute, refuse_unknown_parameters

router = APIRouter(
    prefix="/api/v1", tags=["Tiles"], dependencies=[Depends(refuse_unknown_parameters)]
)

MVT = "application/vnd.mapbox-vector-tile"
#: Raised when the same tile would be made otherwise than before.
_FORMAT = 1
_CACHE = "private, max-age=60"

PlanId = Annotated[uuid.UUID, Path(description="Id of the plan")]
Z = Annotated[int, Path(description="Zoom, 5 to 16")]
X = Annotated[int, Path(description="Column from the west, 0 to 2^z - 1")]
Y = Annotated[int, Path(description="Row from the north, 0 to 2^z - 1")]
Standard = Annotated[
    str | None,
    Query(description="Service standard; default the objective's, else the first target's"),
]
Dataset = Annotated[str, Query(description="Planning data")]

_TILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {MVT: {}}, "description": "The tile"},
    204: {"description": "Nothing lies in the tile"},
    304: {"description": "The tile the client has is right"},
}


@router.get(
    "/plans/{plan_id}/tiles/demand/{z}/{x}/{y}.mvt",
    responses=_TILE_RESPONSES,
    response_class=Response,
    summary="Demand of a plan, served and not",
)
def demand(
    request: Request,
    connection: Reading,
    *,
    plan_id: PlanId,
    z: Z,
    x: X,
    y: Y,
    standard: Standard = None,
) -> Response:
    """Return squares with their people, and whether the plan serves them."""
    tile = checked_tile(z, x, y)
    layer, _ = _demand_layer(connection, plan_id, standard)
    # A finished plan never changes, so that its tiles need not be made to be compared.
    tag = tile_tag("demand", plan_id, layer.bit, tile)
    return answer_tile(request, tag, lambda: tiles.demand_tile(connection, layer, tile))


@router.get("/plans/{plan_id}/tiles/demand.json", summary="TileJSON of a plan's demand")
def demand_tilejson(
    request: Request, connection: Reading, plan_id: PlanId, standard: Standard = None
) -> dict[str, Any]:
    """Describe the demand layer of a plan as TileJSON 3.0.0."""
    layer, chosen = _demand_layer(connection, plan_id, standard)
    address = absolute(request, f"/api/v1/plans/{plan_id}/tiles/demand/")
    return _tilejson(
        connection,
        layer.dataset,
        f"{address}{{z}}/{{x}}/{{y}}.mvt?standard={chosen}",
        "demand",
        {
            "id": "Id of the demand point (from zoom 12)",
            "population": "People",
            "area_m2": "Demand area [m²]",
            "served": "1 served by the standard, 0 not",
            "share": "Served share of the area, 0 to 1 (below zoom 12)",
            "cells": "Demand cells in the square (below zoom 12)",
        },
    )


@router.get(
    "/tiles/sites/{z}/{x}/{y}.mvt",
    responses=_TILE_RESPONSES,
    response_class=Response,
    summary="Candidate sites",
)
def sites(
    request: Request, connection: Reading, *, z: Z, x: X, y: Y, dataset: Dataset = "ezhou"
) -> Response:
    """Return the candidate sites of a data set."""
    tile = checked_tile(z, x, y)
    tag = tile_tag("sites", dataset, _content_hash(connection, dataset), tile)
    return answer_tile(request, tag, lambda: tiles.sites_tile(connection, dataset, tile))


@router.get("/tiles/sites.json", summary="TileJSON of the candidate sites")
def sites_tilejson(
    request: Request, connection: Reading, dataset: Dataset = "ezhou"
) -> dict[str, Any]:
    """Describe the layer of candidate sites as TileJSON 3.0.0."""
    _content_hash(connection, dataset)
    address = absolute(request, "/api/v1/tiles/sites/")
    return _tilejson(
        connection,
        dataset,
        f"{address}{{z}}/{{x}}/{{y}}.mvt?dataset={dataset}",
        "sites",
        {
            "id": "Id of the site",
            "kind": "tower, rooftop or street_pole",
            "district": "Code of the district",
            "height_m": "Highest antenna mounting [m]",
            "existing": "1 when it stands already",
            "provenance": "Origin",
            "count": "Sites it stands for (below zoom 10)",
        },
    )


def checked_tile(z: int, x: int, y: int) -> tiles.Tile:
    """Return a tile's place.

    Raises
    ------
    NotFoundError
        When the scheme has no such tile, or nothing is drawn at its zoom.
    """
    tile = tiles.Tile(z, x, y)
    if not tile.exists:
        raise NotFoundError(
            f"there is no tile {z}/{x}/{y}; zooms are {tiles.MIN_ZOOM} to {tiles.MAX_ZOOM}, "
            "x and y 0 to 2^z - 1"
        )
    return tile


def tile_tag(*parts: object) -> str:
    """Return the tag of what is made of some parts."""
    digest = hashlib.sha256("\n".join(map(str, (_FORMAT, *parts))).encode())
    return f'W/"{digest.hexdigest()[:32]}"'


def answer_tile(
    request: Request, tag: str, make: Callable[[], bytes], *, media_type: str = MVT
) -> Response:
    """Answer with a tile, or that the client has it; `make` is called only when it has not."""
    headers = {"ETag": tag, "Cache-Control": _CACHE}
    given = [item.strip() for item in request.headers.get("if-none-match", "").split(",")]
    if tag in given or "*" in given:
        return Response(status_code=304, headers=headers)
    content = make()
    if not content:
        return Response(status_code=204, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


_PLAN = text(
    "select plans.state, plans.status, plans.standards, plans.provenance, "
    "scenarios.dataset_id, scenarios.spec "
    "from plans join scenarios on scenarios.id = plans.scenario_id where plans.id = :plan"
)


def plan_key(connection: Reading, plan_id: uuid.UUID) -> PlanKey:
    """Return what is needed to read a plan's layers.

    Raises
    ------
    NotFoundError
        When there is no such plan.
    ConflictError
        When it has no result yet, or never will.
    """
    row = connection.execute(_PLAN, {"plan": plan_id}).first()
    if row is None:
        raise NotFoundError(f"there is no plan {plan_id}; /api/v1/plans lists them")
    if row.status is None or not row.standards:
        raise ConflictError(f"plan {plan_id} has no result to show; its state is {row.state!r}")
    asked = [row.spec.get("objective") or {}, *(row.spec.get("targets") or [])]
    named = [item["standard"] for item in asked if item.get("standard") in row.standards]
    return PlanKey(
        plan=plan_id,
        dataset=row.dataset_id,
        standards=tuple(row.standards),
        standard=named[0] if named else row.standards[0],
        provenance=row.provenance or {},
    )


def _demand_layer(
    connection: Reading, plan_id: uuid.UUID, standard: str | None
) -> tuple[tiles.DemandLayer, str]:
    key = plan_key(connection, plan_id)
    wanted = key.standard if standard is None else standard
    if wanted not in key.standards:
        raise NotFoundError(
            f"plan {plan_id} has no standard {wanted[:80]!r}; it has {', '.join(key.standards)}"
        )
    cell_size_m = connection.execute(
        text("select (grid ->> 'cell_size_m')::float from datasets where id = :dataset"),
        {"dataset": key.dataset},
    ).scalar_one()
    layer = tiles.DemandLayer(
        plan=plan_id,
        dataset=key.dataset,
        bit=key.standards.index(wanted),
        cell_size_m=cell_size_m,
    )
    return layer, wanted


def _content_hash(connection: Reading, dataset: str) -> str:
    found = connection.execute(
        text("select content_hash from datasets where id = :dataset"), {"dataset": dataset}
    ).scalar_one_or_none()
    if found is None:
        raise NotFoundError(f"there is no data set {dataset[:80]!r}")
    return found


def _tilejson(
    connection: Reading, dataset: str, address: str, layer: str, fields: dict[str, str]
) -> dict[str, Any]:
    box = tiles.dataset_box(connection, dataset)
    return {
        "tilejson": "3.0.0",
        "tiles": [address],
        "scheme": "xyz",
        "minzoom": tiles.MIN_ZOOM,
        "maxzoom": tiles.MAX_ZOOM,
        **({} if box is None else {"bounds": list(box)}),
        "vector_layers": [{"id": layer, "fields": fields}],
    }
