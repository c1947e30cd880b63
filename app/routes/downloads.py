"""A finished plan's layers as files; written in a thread, never on the loop."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Annotated

import geopandas as gpd
from fastapi import APIRouter, Depends, Path
from fastapi.responses import FileResponse
from sqlalchemy import Connection
from starlette.background import BackgroundTask

from app.errors import NotFoundError, UnsupportedFormatError
from app.repository import plan_frames
from app.repository.plan_frames import PlanKey
from app.routes.dependencies import Reading
from app.routes.paging import refuse_unknown_parameters
from app.routes.plans import PlanId
from app.routes.tiles import plan_key
from app.tabular import write_csv, write_geojson, write_gpkg, write_xlsx
from siting.messages import say
from siting.provenance import Provenance
from siting.report.honesty import layer_name
from siting.text import LANGUAGES, share_text

router = APIRouter(
    prefix="/api/v1", tags=["Plans"], dependencies=[Depends(refuse_unknown_parameters)]
)

_LAYERS: Mapping[str, Callable[[Connection, PlanKey], gpd.GeoDataFrame]] = {
    "sites": plan_frames.sites_frame,
    "zones": plan_frames.zones_frame,
    "unserved": plan_frames.unserved_frame,
}
_FORMATS: Mapping[str, tuple[str, Callable[[gpd.GeoDataFrame, FilePath, str], None]]] = {
    "geojson": ("application/geo+json", write_geojson),
    "gpkg": ("application/geopackage+sqlite3", write_gpkg),
    "csv": ("text/csv; charset=utf-8", write_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx),
}


@router.get(
    "/plans/{plan_id}/{layer}.{extension}",
    response_class=FileResponse,
    summary="A plan's layer as a file",
)
def download(
    connection: Reading,
    plan_id: PlanId,
    layer: Annotated[
        str, Path(description="sites, zones or unserved", examples=["sites"], max_length=40)
    ],
    extension: Annotated[
        str, Path(description="geojson, gpkg, csv or xlsx", examples=["gpkg"], max_length=40)
    ],
) -> FileResponse:
    """Return stations, zone outcomes or unserved cells of a finished plan, in WGS 84."""
    if layer not in _LAYERS:
        raise NotFoundError(f"a plan has no layer {layer!r}; it has {', '.join(_LAYERS)}")
    if extension not in _FORMATS:
        raise UnsupportedFormatError(
            f"{extension!r} is not written; known formats: {', '.join(_FORMATS)}"
        )
    key = plan_key(connection, plan_id)
    frame = _LAYERS[layer](connection, key)
    frame["notice"] = _notice(key)
    media_type, write = _FORMATS[extension]
    folder = tempfile.TemporaryDirectory(prefix="siting-download-")
    path = FilePath(folder.name) / f"plan-{plan_id}-{layer}.{extension}"
    try:
        write(frame, path, layer)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path,
        media_type=media_type,
        filename=path.name,
        background=BackgroundTask(folder.cleanup),
    )


def _notice(key: PlanKey) -> str:
    """Say in both languages what part of the input is synthetic; it goes with every row."""
    shares = {
        layer: by[Provenance.SYNTHETIC]
        for layer, by in key.provenance.items()
        if by.get(Provenance.SYNTHETIC, 0.0) > 0
    }
    sentences: list[str] = []
    for language in LANGUAGES:
        separator = "、" if language == "zh" else ", "
        named = separator.join(
            f"{layer_name(layer, language)} {share_text(share, language, 'up')}"
            for layer, share in shares.items()
        )
        sentences.append(
            say("honesty.synthetic_layers", language, layers=named)
            if shares
            else say("honesty.real_only", language)
        )
    return " / ".join(sentences)
