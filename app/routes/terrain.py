"""The terrain of a data set: what it is, another one in its place, and back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy.orm import Session

from app import translate
from app.errors import NotFoundError, RequestError, WrongMediaTypeError
from app.repository import planning_data, terrains
from app.routes.dependencies import Writing
from app.routes.paging import absolute, refuse_unknown_parameters
from app.schemas import Link
from app.schemas_terrain import TerrainFileOut, TerrainReport, TerrainSummary
from app.tables import Dataset, TerrainRow
from siting.errors import DatasetError, FileError, InputError, Problem
from siting.io.raster import MOST_VOIDS, VerticalUnit, add_clutter, read_terrain
from siting.provenance import Provenance

router = APIRouter(
    prefix="/api/v1", tags=["Terrain"], dependencies=[Depends(refuse_unknown_parameters)]
)

#: Most pixels of a file, and cells of a terrain here; each pixel costs time, each cell memory.
MOST_PIXELS, MOST_CELLS = 400_000_000, 20_000_000
#: Media types of a GeoTIFF as clients name it; one without a name is read too.
MEDIA_TYPES = (
    "image/tiff", "image/geotiff", "image/x.geotiff", "application/geotiff",
    "application/octet-stream", "",
)  # fmt: skip

DatasetId = Annotated[str, Path(description="Id of the planning data", max_length=200)]

Source = Annotated[
    str,
    Query(
        description="Who published the heights, and when; shown wherever they are used",
        examples=["Copernicus GLO-30, 2021"],
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x1f]+$",
    ),
]
Origin = Annotated[
    Provenance, Query(description="Origin of the heights; a worse one in the file counts")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the request says of a file that does not say it itself."""

    crs: str | None
    vertical_unit: VerticalUnit | None
    nodata: float | None


def declared(
    crs: Annotated[
        str | None,
        Query(description="CRS where the file names none", examples=["EPSG:4490"], max_length=2000),
    ] = None,
    vertical_unit: Annotated[
        VerticalUnit | None, Query(description="Unit of the heights where the file names none")
    ] = None,
    nodata: Annotated[
        float | None, Query(description="Value that stands for no height where the file names none")
    ] = None,
) -> Declared:
    """Gather what is said of a file."""
    return Declared(crs=crs, vertical_unit=vertical_unit, nodata=nodata)


def _body_of(what: str) -> dict[str, Any]:
    return {
        "required": True,
        "description": f"One GeoTIFF of one band in any CRS. {what}",
        "content": {MEDIA_TYPES[0]: {"schema": {"type": "string", "format": "binary"}}},
    }


async def _body(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise WrongMediaTypeError(f"the body is {media_type[:80]!r}; send {MEDIA_TYPES[0]}")
    return await request.body()


@router.get("/datasets/{dataset_id}/terrain", summary="The terrain in force")
def terrain(request: Request, session: Writing, dataset_id: DatasetId) -> TerrainReport:
    """Return what is known of the ground plans are made on, and which terrains were before it."""
    return _report(request, session, _existing(session, dataset_id))


@router.put(
    "/datasets/{dataset_id}/terrain",
    summary="Import a terrain",
    openapi_extra={"requestBody": _body_of("Ground above mean sea level")},
)
def put_terrain(
    request: Request,
    session: Writing,
    body: Annotated[bytes, Depends(_body)],
    said: Annotated[Declared, Depends(declared)],
    *,
    dataset_id: DatasetId,
    source: Source,
    provenance: Origin = Provenance.REAL,
    most_voids: Annotated[
        float, Query(ge=0, le=1, description="Share of cells without height that may be filled in")
    ] = MOST_VOIDS,
    cell_size_m: Annotated[
        float | None,
        Query(ge=5, le=500, description="Side of a cell [m]; default as the terrain in force"),
    ] = None,
) -> TerrainReport:
    """Put a height raster in the place of the terrain in force, or change nothing.

    It must cover the cells of the terrain in force. All faults come in one answer. Plans and
    predictions that exist keep their results; what is computed from now on stands on the new
    ground, of whose buildings and trees nothing is known. The terrain before is kept: its address
    puts it in force again.
    """
    head = _existing(session, dataset_id)
    grid = terrains.import_grid(session, head, cell_size_m)
    if len(grid) > MOST_CELLS:
        what = f"makes {len(grid):,} cells, more than {MOST_CELLS:,}"
        raise RequestError(Problem("query.cell_size_m", what, "take larger cells"))
    with _file(body) as path:
        imported = read_terrain(
            path, grid=grid, most_voids=most_voids, most_pixels=MOST_PIXELS, **asdict(said)
        )
    terrains.add(session, head.id, imported, source=source, provenance=provenance)
    return _report(request, session, head)


@router.put(
    "/datasets/{dataset_id}/terrain/clutter",
    summary="Import heights of buildings and trees",
    openapi_extra={"requestBody": _body_of("Height of buildings and trees above the ground")},
)
def put_clutter(
    request: Request,
    session: Writing,
    body: Annotated[bytes, Depends(_body)],
    said: Annotated[Declared, Depends(declared)],
    *,
    dataset_id: DatasetId,
    source: Source,
    provenance: Origin = Provenance.REAL,
) -> TerrainReport:
    """Lay clutter over the ground in force, or change nothing; cells without a height are free.

    The result is a terrain of its own; the one before is kept.
    """
    head = _existing(session, dataset_id)
    under = terrains.in_force(session, head.id)
    if under is None:
        raise _without(head)
    with _file(body) as path:
        imported = add_clutter(
            translate.terrain(under), path, most_pixels=MOST_PIXELS, **asdict(said)
        )
    terrains.add(session, head.id, imported, source=source, provenance=provenance, under=under)
    return _report(request, session, head)


@router.put("/datasets/{dataset_id}/terrain/{terrain_id}", summary="Back to an earlier terrain")
def use_again(
    request: Request,
    session: Writing,
    dataset_id: DatasetId,
    terrain_id: Annotated[int, Path(description="Id of the terrain", ge=1, lt=2**63)],
) -> TerrainReport:
    """Put a terrain that was in force before in force again; without a body."""
    head = _existing(session, dataset_id)
    if terrains.use_again(session, head.id, terrain_id) is None:
        raise NotFoundError(
            f"data set {head.id!r} has no terrain {terrain_id}; its terrain's 'earlier' lists them"
        )
    return _report(request, session, head)


@contextmanager
def _file(body: bytes) -> Iterator[FilePath]:
    """Lend the body as a file; whatever is found wrong with it is the request's fault."""
    with tempfile.TemporaryDirectory(prefix="siting-terrain-") as folder:
        path = FilePath(folder) / "body.tif"
        path.write_bytes(body)
        try:
            yield path
        except FileError as error:
            text = str(error).removeprefix(f"{path}: ")
            what = _plain(text, path) if body else "is empty"
            raise RequestError(Problem("body", what, "send one GeoTIFF of heights")) from None
        except InputError as error:
            raise RequestError(
                [replace(item, what=_plain(item.what, path)) for item in error.problems]
            ) from None


def _plain(text: str, path: FilePath) -> str:
    """Say what is wrong with the file without the name it has here."""
    return text.replace(str(path), "the file").replace(path.name, "the file")[:500]


def _existing(session: Session, dataset_id: str) -> Dataset:
    if "\0" in dataset_id:
        raise NotFoundError("there is no such data set")
    try:
        return planning_data.dataset(session, dataset_id)
    except DatasetError as error:
        raise NotFoundError(str(error)) from None


def _without(head: Dataset) -> NotFoundError:
    return NotFoundError(
        f"data set {head.id!r} has no terrain; PUT a GeoTIFF to /api/v1/datasets/{head.id}/terrain"
    )


def _report(request: Request, session: Session, head: Dataset) -> TerrainReport:
    rows = terrains.every(session, head.id)
    if not rows or not rows[0].current:
        raise _without(head)
    row, *earlier = rows
    address = f"/api/v1/datasets/{head.id}/terrain"
    return TerrainReport(
        **_summary(row).model_dump(),
        dataset=head.id,
        content_hash=head.content_hash,
        **{name: row.grid[name] for name in ("crs", "cell_size_m", "columns", "rows")},
        cells=row.grid["columns"] * row.grid["rows"],
        clutter_known=translate.has_clutter(row),
        rests_on_synthetic=row.provenance == Provenance.SYNTHETIC,
        file=_told(row, "ground"),
        clutter_file=_told(row, "clutter"),
        earlier=[_summary(item) for item in earlier],
        links=[
            Link(rel="self", href=absolute(request, address)),
            *(
                Link(rel="use-again", href=absolute(request, f"{address}/{item.id}"))
                for item in earlier
            ),
        ],
    )


def _summary(row: TerrainRow) -> TerrainSummary:
    return TerrainSummary(
        id=row.id,
        current=row.current,
        imported=row.imported,
        provenance=row.provenance,
        source=row.source,
        loaded_at=row.loaded_at,
    )


def _told(row: TerrainRow, layer: str) -> TerrainFileOut | None:
    return TerrainFileOut(**row.report[layer]) if layer in row.report else None
