"""Raster tiles of a prediction and their TileJSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from app.errors import ConflictError, NotFoundError
from app.prediction_rasters import DRAWN
from app.prediction_tables import Prediction
from app.repository import tiles
from app.routes.dependencies import Running, Writing
from app.routes.paging import absolute, refuse_unknown_parameters
from app.routes.predictions import PredictionId, existing_prediction
from app.routes.tiles import X, Y, Z, answer_tile, checked_tile, tile_tag
from siting import map_style
from siting.maps import SS_RSRP, SS_SINR
from siting.maps.raster_layer import class_label
from siting.maps.raster_tile import tile_png
from siting.messages import say
from siting.text import LANGUAGES

router = APIRouter(
    prefix="/api/v1", tags=["Tiles"], dependencies=[Depends(refuse_unknown_parameters)]
)

PNG = "image/png"
_SCALES = {"ss_rsrp": SS_RSRP, "ss_sinr": SS_SINR}

Layer = Annotated[str, Path(description=", ".join(DRAWN), examples=["ss_rsrp"], max_length=40)]

_TILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {PNG: {}}, "description": "The tile, transparent where there is no value"},
    304: {"description": "The tile the client has is right"},
}


@router.get(
    "/predictions/{prediction_id}/tiles/{layer}/{z}/{x}/{y}.png",
    responses=_TILE_RESPONSES,
    response_class=Response,
    summary="Level, interference or best server",
)
def prediction_tile(
    request: Request,
    session: Writing,
    running: Running,
    *,
    prediction_id: PredictionId,
    layer: Layer,
    z: Z,
    x: X,
    y: Y,
) -> Response:
    """Return 256 x 256 pixels in the colours of the map; a pixel shows the cell it lies in."""
    tile = checked_tile(z, x, y)
    row = _with_result(session, prediction_id, layer)
    # A prediction never changes, so that its tiles need not be made to be compared.
    tag = tile_tag("prediction", row.id, layer, tile)

    def make() -> bytes:
        return tile_png(running.rasters.get(session, row, layer), tile.z, tile.x, tile.y)

    return answer_tile(request, tag, make, media_type=PNG)


@router.get(
    "/predictions/{prediction_id}/tiles/{layer}.json", summary="TileJSON of a prediction's layer"
)
def prediction_tilejson(
    request: Request, session: Writing, prediction_id: PredictionId, layer: Layer
) -> dict[str, Any]:
    """Describe a layer as TileJSON 3.0.0, with its classes and what it rests on."""
    row = _with_result(session, prediction_id, layer)
    summary = row.summary or {}
    address = absolute(request, f"/api/v1/predictions/{row.id}/tiles/{layer}/")
    return {
        "tilejson": "3.0.0",
        "name": say(f"raster.{layer}", "en"),
        "name_zh": say(f"raster.{layer}", "zh"),
        "description": summary["notice"]["en"],
        "description_zh": summary["notice"]["zh"],
        "tiles": [f"{address}{{z}}/{{x}}/{{y}}.png"],
        "scheme": "xyz",
        "minzoom": tiles.MIN_ZOOM,
        "maxzoom": tiles.MAX_ZOOM,
        "bounds": summary["bounds"],
        "vector_layers": [],
        "classes": _classes(layer),
    }


def _with_result(session: Session, prediction_id: PredictionId, layer: str) -> Prediction:
    row = existing_prediction(session, prediction_id)
    if layer not in DRAWN:
        raise NotFoundError(f"a prediction has no layer {layer!r}; it has {', '.join(DRAWN)}")
    if row.summary is None:
        raise ConflictError(
            f"prediction {prediction_id} has no result to show; its state is {row.state!r}"
        )
    return row


def _classes(layer: str) -> list[dict[str, str]]:
    """Return colour and meaning of each class, worst first; servers have no order."""
    scale = _SCALES.get(layer)
    if scale is None:
        return []
    colours = map_style.CLASS_COLOURS[len(scale.classes)]
    return [
        {"colour": colour, **dict(zip(LANGUAGES, class_label(scale, number), strict=True))}
        for number, colour in enumerate(colours)
    ]
