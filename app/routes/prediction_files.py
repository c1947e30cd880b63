"""The files of a prediction, whole or in part, as other programs read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from app.errors import ConflictError, NotFoundError
from app.middleware import INLINE_POLICY
from app.prediction_tables import Prediction, PredictionFile
from app.repository import predictions
from app.routes.dependencies import Running, Services, Writing
from app.routes.paging import refuse_unknown_parameters
from app.routes.predictions import PredictionId, existing_prediction
from app.routes.ranges import wanted_range
from siting.io.prediction_files import NAMES

router = APIRouter(
    prefix="/api/v1", tags=["Predictions"], dependencies=[Depends(refuse_unknown_parameters)]
)

#: Media type of each kind of file. A packed one is sent as it is, so that parts fit together.
_TYPES: Mapping[str, str] = {
    "tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    "gpkg": "application/geopackage+sqlite3",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
_PACKED = {"tif", "gpkg"}
_CACHE = "private, max-age=60"
#: Most of a file that is in memory at once [bytes].
_PART = 4_000_000


@router.get(
    "/predictions/{prediction_id}/{name}",
    response_class=Response,
    summary="A file of a prediction",
    responses={
        200: {"description": "The file"},
        206: {"description": "The part that `Range` asks for"},
        304: {"description": "The file the client has is right"},
        416: {"description": "The file has no such part"},
    },
)
@router.head("/predictions/{prediction_id}/{name}", include_in_schema=False)
def prediction_file(
    request: Request,
    session: Writing,
    running: Running,
    prediction_id: PredictionId,
    name: Annotated[
        str, Path(description="; ".join(NAMES), examples=["ss_rsrp.tif"], max_length=40)
    ],
) -> Response:
    """Return a raster, table or map as the command line writes it; single ranges are honoured.

    GDAL reads a raster in place: `/vsicurl/` before its address.
    """
    row = existing_prediction(session, prediction_id)
    file = _existing(row, predictions.file(session, prediction_id, name) if name in NAMES else None)
    headers = _headers(row, file)
    given = [item.strip() for item in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in given or "*" in given:
        return Response(status_code=304, headers=headers)
    condition = request.headers.get("if-range")
    asked = request.headers.get("range") if condition in {None, headers["ETag"]} else None
    part = wanted_range(asked, file.size)
    first, count = (0, file.size) if part is None else part
    headers["Content-Length"] = str(count)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{first + count - 1}/{file.size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(
        _bytes(running, file, first, count), status_code=status, headers=headers
    )


def _existing(row: Prediction, file: PredictionFile | None) -> PredictionFile:
    if file is not None:
        return file
    if row.summary is None:
        raise ConflictError(
            f"prediction {row.id} has no result to show; its state is {row.state!r}"
        )
    raise NotFoundError(f"a prediction has no such file; it has {', '.join(NAMES)}")


def _headers(row: Prediction, file: PredictionFile) -> dict[str, str]:
    """Return the headers of a file; the tag is a weak one where an answer may be packed."""
    extension = file.name.rpartition(".")[2]
    packed = extension in _PACKED
    shown = "inline" if extension == "html" else "attachment"
    headers = {
        "Content-Type": _TYPES[extension],
        "Content-Disposition": f'{shown}; filename="prediction-{row.id}-{file.name}"',
        "ETag": f'{"" if packed else "W/"}"{file.sha256[:32]}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": _CACHE,
    }
    if packed:
        headers["Content-Encoding"] = "identity"  # not to be packed on the way
    if extension == "html":
        headers["Content-Security-Policy"] = INLINE_POLICY
    return headers


def _bytes(running: Services, file: PredictionFile, first: int, count: int) -> Iterator[bytes]:
    """Yield a part of a file, piece by piece."""
    for start in range(first, first + count, _PART):
        with running.database.session() as session:
            size = min(_PART, first + count - start)
            piece = predictions.content(session, file.prediction_id, file.name, start, size)
        yield piece
