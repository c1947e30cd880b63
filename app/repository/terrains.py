"""Terrains of a data set: one is in force, and those before it are kept."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app import translate
from app.tables import Dataset, Import, TerrainRow
from siting.grid import Grid
from siting.io.raster import ImportedTerrain
from siting.provenance import Provenance, worst

LAYER = "terrain"
#: Between the citations of ground and clutter.
CLUTTER = "; clutter: "


def in_force(session: Session, dataset_id: str) -> TerrainRow | None:
    """Return the terrain plans and predictions are made on, its heights too; None without one."""
    query = select(TerrainRow).where(TerrainRow.dataset_id == dataset_id, TerrainRow.current)
    return session.scalars(query.options(undefer(TerrainRow.heights))).one_or_none()


def every(session: Session, dataset_id: str) -> Sequence[TerrainRow]:
    """Return a data set's terrains without their heights, the one in force first, then newest."""
    query = select(TerrainRow).where(TerrainRow.dataset_id == dataset_id)
    return session.scalars(query.order_by(TerrainRow.current.desc(), TerrainRow.id.desc())).all()


def import_grid(session: Session, head: Dataset, cell_size_m: float | None) -> Grid:
    """Return the cells an imported terrain is brought onto: those of the one in force.

    Parameters
    ----------
    session, head
        Open session and the data set.
    cell_size_m
        Another side of a cell over the same area [m]; None: as it is. A data set without terrain
        has the area and the cells of its demand.
    """
    query = select(TerrainRow.grid).where(TerrainRow.dataset_id == head.id, TerrainRow.current)
    grid = translate.grid(session.scalar(query) or head.grid)
    if cell_size_m is None:
        return grid
    return dataclasses.replace(
        grid,
        cell_size_m=cell_size_m,
        columns=int(np.ceil(grid.columns * grid.cell_size_m / cell_size_m)),
        rows=int(np.ceil(grid.rows * grid.cell_size_m / cell_size_m)),
    )


def add(
    session: Session,
    dataset_id: str,
    imported: ImportedTerrain,
    *,
    source: str,
    provenance: Provenance,
    under: TerrainRow | None = None,
) -> TerrainRow:
    """Store a terrain and put it in force; the one before is kept.

    Parameters
    ----------
    session, dataset_id
        Open session, and an existing data set.
    imported
        The heights and what their files were.
    source
        Citation of what was sent.
    provenance
        What the user says of it; the worse of that and of what the file says counts.
    under
        The terrain whose ground is kept, when clutter alone was sent; None: ground was sent.
    """
    values = translate.terrain_values(imported.terrain)
    origins = [provenance, imported.provenance]
    cited, report = source, {}
    if under is not None:
        origins.append(Provenance(under.provenance))
        cited = f"{under.source.partition(CLUTTER)[0]}{CLUTTER}{source}"
        report = dict(under.report)
    row = TerrainRow(
        dataset_id=dataset_id,
        current=False,
        imported=True,
        provenance=worst(origins).value,
        source=cited,
        report=report | _report(imported),
        **values,
    )
    session.add(row)
    session.flush()
    head = _put_in_force(session, row, digest=hashlib.sha256(values["heights"]).hexdigest())
    (file,) = imported.ground or imported.clutter
    session.add(
        Import(
            dataset_id=dataset_id,
            layer=LAYER,
            declared_crs=file.crs,
            rows=1,
            rejected=[],
            content_hash=head.content_hash,
        )
    )
    session.flush()
    session.refresh(row)
    return row


def use_again(session: Session, dataset_id: str, terrain_id: int) -> TerrainRow | None:
    """Put a terrain of a data set in force again; None when there is none of that id."""
    row = session.get(TerrainRow, terrain_id)
    if row is None or row.dataset_id != dataset_id:
        return None
    if not row.current:
        _put_in_force(session, row, digest=f"terrain {row.id}")
        session.refresh(row)
    return row


def _put_in_force(session: Session, row: TerrainRow, *, digest: str) -> Dataset:
    """Make a terrain the one in force; whoever keeps planning data notices by the hash."""
    head = session.get_one(Dataset, row.dataset_id, with_for_update=True, populate_existing=True)
    before = select(TerrainRow).where(TerrainRow.dataset_id == row.dataset_id, TerrainRow.current)
    for other in session.scalars(before):
        other.current = False
    session.flush()
    row.current = True
    text = f"{head.content_hash} {row.provenance} {row.source} {digest}"
    head.content_hash = hashlib.sha256(text.encode()).hexdigest()
    session.flush()
    return head


def _report(imported: ImportedTerrain) -> dict[str, Any]:
    """Return what a user should know of the file, and of what was filled in, by layer."""
    terrain = imported.terrain
    if imported.ground:
        file, heights, voids = imported.ground[0], terrain.ground_m, imported.voids
    else:
        file, heights, voids = imported.clutter[0], terrain.clutter_m, imported.clutter_voids
    assert heights is not None  # noqa: S101 - the file's own heights
    told = {
        "format": file.driver,
        "crs": file.crs,
        "resolution_m": list(file.resolution_m),
        "vertical_unit": file.vertical_unit.value,
        "unit_assumed": file.unit_assumed,
        "voids_filled": voids,
        "farthest_fill_m": imported.farthest_fill_m,
        "heights_m": [float(heights.min()), float(heights.max())],
    }
    return {"ground" if imported.ground else "clutter": told}
