"""Candidate sites from outside: checked against the stored area and stored whole, or not at all."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.tables import Dataset, Import
from siting.io.sites_import import ImportArea, ImportedSites, read_sites

LAYER = "candidate sites"

_INSERT = text(
    """
    insert into candidate_sites (
        dataset_id, id, kind, owner, district, height_m, fixed_cost_cny, existing, near_water,
        provenance, source, licence, accuracy_m, geom
    )
    select
        :dataset_id, :id, :kind, :owner, :district, :height_m, :fixed_cost_cny, :existing,
        exists (
            select from water_bodies
            where dataset_id = :dataset_id
                and st_dwithin(geom::geography, place.geom::geography, :near_m)
        ),
        :provenance, :source, :licence, :accuracy_m, place.geom
    from (select st_setsrid(st_makepoint(:lon, :lat), 4326) as geom) as place
    """
)
#: Distance to water at which a site counts as near it [m].
NEAR_WATER_M = 250.0


@dataclass(frozen=True, slots=True)
class DoneImport:
    """An import that was stored.

    Parameters
    ----------
    id
        Its row in ``imports``.
    rows
        Sites added.
    declared_crs
        What the document or the request declared.
    notes
        What was changed on the way.
    """

    id: int
    rows: int
    declared_crs: str
    notes: tuple[str, ...]


def add_sites(
    session: Session, document: Mapping[str, Any], *, dataset_id: str, crs: str | None
) -> DoneImport | None:
    """Add a collection of candidate sites to a data set; None when there is no such data set.

    Raises
    ------
    siting.errors.InputError
        With every fault by feature; nothing is changed then.
    """
    usable = "\0" not in dataset_id
    head = session.get(Dataset, dataset_id, with_for_update=True) if usable else None
    if head is None:
        return None
    imported = read_sites(document, _area(session, dataset_id), crs=crs)
    rows = _rows(imported, dataset_id)
    session.execute(_INSERT, rows)
    # Whoever keeps planning data in memory notices by the hash that they changed.
    digest = hashlib.sha256(head.content_hash.encode())
    for row in rows:
        digest.update(repr(sorted(row.items())).encode())
    head.content_hash = digest.hexdigest()
    record = Import(
        dataset_id=dataset_id,
        layer=LAYER,
        declared_crs=imported.crs,
        rows=len(rows),
        rejected=[],
        content_hash=head.content_hash,
    )
    session.add(record)
    session.flush()
    return DoneImport(record.id, len(rows), imported.crs, imported.notes)


def _area(session: Session, dataset_id: str) -> ImportArea:
    """Read where sites of a data set may lie, and which ids are taken."""
    values = {"dataset": dataset_id}
    districts = session.execute(
        text("select id, st_asbinary(geom) from districts where dataset_id = :dataset"), values
    ).all()
    water = session.execute(
        text("select st_asbinary(geom) from water_bodies where dataset_id = :dataset"), values
    ).scalars()
    taken = session.execute(
        text("select id from candidate_sites where dataset_id = :dataset"), values
    ).scalars()
    bodies = [shapely.from_wkb(bytes(item)) for item in water]
    return ImportArea(
        districts=gpd.GeoDataFrame(
            {"id": [row[0] for row in districts]},
            geometry=[shapely.from_wkb(bytes(row[1])) for row in districts],
            crs="EPSG:4326",
        ),
        water=shapely.union_all(bodies) if bodies else None,
        known_ids=frozenset(taken),
    )


def _rows(imported: ImportedSites, dataset_id: str) -> list[dict[str, Any]]:
    frame = pd.DataFrame(imported.frame.drop(columns="geometry"))
    frame["lon"], frame["lat"] = imported.frame.geometry.x, imported.frame.geometry.y
    rows: list[dict[str, Any]] = []
    for record in frame.to_dict(orient="records"):
        row: dict[str, Any] = {str(name): value for name, value in record.items()}
        if math.isnan(row["accuracy_m"]):
            row["accuracy_m"] = None
        rows.append({**row, "dataset_id": dataset_id, "near_m": NEAR_WATER_M})
    return rows
