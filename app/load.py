"""Loading the bundled planning data into the database, by COPY and only when they changed.

User scenarios and plans are never touched: they name a data set, and keep what they found on it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from psycopg import sql
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app import translate
from app.jobs import driver_connection
from app.repository import terrains
from app.tables import (
    ActionPlanTarget,
    Base,
    CandidateSite,
    Dataset,
    DemandCell,
    District,
    Import,
    Place,
    StandardRow,
    TechnologyRow,
    TerrainRow,
    WaterBody,
    Zone,
)
from siting import datasets, geo
from siting.layers import (
    DEMAND_COLUMNS,
    DISTRICT_COLUMNS,
    DISTRICT_TIER,
    ORIGIN_COLUMNS,
    SITE_COLUMNS,
    ZONE_COLUMNS,
    Layers,
)
from siting.technology import ServiceStandard, Technology
from siting.zones import ZoneKind

logger = logging.getLogger(__name__)

#: The bundled data set.
EZHOU = "ezhou"
#: One process at a time loads; an arbitrary number kept for that.
_LOAD_LOCK = 4_207_000_002
_SRID = 4326


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Everything a data set is made of.

    Parameters
    ----------
    layers
        Districts, water, zones, sites and demand.
    technologies, standards
        The library.
    places
        Known places, those without a supplied location with null geometry.
    targets
        The action plan's figures.
    """

    layers: Layers
    technologies: Sequence[Technology]
    standards: Sequence[ServiceStandard]
    places: gpd.GeoDataFrame
    targets: pd.DataFrame


def load_ezhou(session: Session) -> bool:
    """Load the bundled data of Ezhou unless the database holds exactly them already.

    Returns
    -------
    bool
        Whether anything was loaded.

    Raises
    ------
    siting.errors.DatasetError
        When a bundled file is missing or damaged.
    """
    return load(
        session,
        EZHOU,
        Bundle(
            layers=datasets.ezhou_layers(),
            technologies=datasets.technologies(),
            standards=datasets.standards(),
            places=datasets.facts(),
            targets=datasets.targets(),
        ),
    )


def load(session: Session, dataset_id: str, bundle: Bundle) -> bool:
    """Make the database hold exactly `bundle` under an id; False when it does already."""
    began = time.monotonic()
    content_hash = bundle_hash(bundle)
    session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOAD_LOCK})
    held = session.get(Dataset, dataset_id, populate_existing=True)
    if held is not None and held.bundle_hash == content_hash:
        return False
    kept = _clear(session, dataset_id, bundle)
    layers = bundle.layers
    head = {
        "area_id": layers.id,
        "name_zh": layers.name_zh,
        "name_en": layers.name_en,
        "crs": layers.crs,
        "grid": dataclasses.asdict(layers.grid),
        "demand_provenance": {name: kind.value for name, kind in layers.demand_provenance.items()},
        "bundle_hash": content_hash,
        "content_hash": hashlib.sha256(f"{content_hash} {kept}".encode()).hexdigest(),
        "loaded_at": func.now(),
    }
    session.execute(
        upsert(Dataset)
        .values(id=dataset_id, **head)
        .on_conflict_do_update(index_elements=[Dataset.id], set_=head)
    )
    loaded = {
        "districts": _load_districts(session, dataset_id, layers),
        "zones": _load_zones(session, dataset_id, layers),
        "water": _load_water(session, dataset_id, layers.water),
        "places": _load_places(session, dataset_id, bundle.places),
        "candidate sites": _load_sites(session, dataset_id, layers.sites),
        "demand": _load_demand(session, dataset_id, layers),
        "terrain": _load_terrain(session, dataset_id, layers),
    }
    for table, items in ((TechnologyRow, bundle.technologies), (StandardRow, bundle.standards)):
        session.execute(insert(table), [translate.library_row(dataset_id, item) for item in items])
    _load_targets(session, bundle.targets)
    session.execute(
        insert(Import),
        [
            {
                "dataset_id": dataset_id,
                "layer": layer,
                "declared_crs": layers.crs if layer == "demand" else translate.WGS84,
                "rows": rows,
                "rejected": rejected,
                "content_hash": content_hash,
            }
            for layer, (rows, rejected) in loaded.items()
        ],
    )
    session.execute(text("analyze demand, candidate_sites, zones, districts, water_bodies"))
    logger.info(
        "loaded data set %s: %s; %.2f s",
        dataset_id,
        ", ".join(f"{rows} {layer}" for layer, (rows, _) in loaded.items()),
        time.monotonic() - began,
    )
    return True


def _clear(session: Session, dataset_id: str, bundle: Bundle) -> list[str]:
    """Remove what an earlier version loaded; return what was imported, which stays."""
    for table in (District, Zone, WaterBody, Place, DemandCell, TechnologyRow, StandardRow):
        session.execute(delete(table).where(table.dataset_id == dataset_id))
    session.execute(
        delete(TerrainRow).where(TerrainRow.dataset_id == dataset_id, ~TerrainRow.imported)
    )
    own = bundle.layers.sites["id"].tolist()
    session.execute(
        delete(CandidateSite).where(
            CandidateSite.dataset_id == dataset_id,
            ~CandidateSite.imported | CandidateSite.id.in_(own),
        )
    )
    remaining = select(CandidateSite.id).where(CandidateSite.dataset_id == dataset_id)
    kept = list(session.scalars(remaining.order_by(CandidateSite.id)))
    ground = terrains.in_force(session, dataset_id)
    return kept if ground is None else [*kept, f"terrain {ground.id}"]


def bundle_hash(bundle: Bundle) -> str:
    """Return the SHA-256 over every value that would be stored, as 64 hex digits."""
    layers = bundle.layers
    digest = hashlib.sha256()
    head = {
        "area": [layers.id, layers.name_zh, layers.name_en, layers.crs],
        "grid": dataclasses.asdict(layers.grid),
        "demand_provenance": dict(layers.demand_provenance),
        "terrain": _terrain_hash(layers),
        "technologies": [dataclasses.asdict(item) for item in bundle.technologies],
        "standards": [dataclasses.asdict(item) for item in bundle.standards],
    }
    digest.update(json.dumps(head, sort_keys=True, ensure_ascii=False).encode())
    frames: Iterable[pd.DataFrame | None] = (
        *(layers.districts, layers.water, layers.zones, layers.sites),
        *(layers.demand, bundle.places, bundle.targets),
    )
    for frame in frames:
        digest.update(b"\0frame")
        if frame is not None:
            for name in sorted(map(str, frame.columns)):
                digest.update(name.encode() + b"\0" + _column_bytes(frame[name]))
    return digest.hexdigest()


def _terrain_hash(layers: Layers) -> list[str]:
    """Return origin and heights of a terrain in short; empty without one."""
    if layers.terrain is None:
        return []
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(layers.terrain.grid)).encode())
    for heights in (layers.terrain.ground_m, layers.terrain.clutter_m):
        digest.update(b"\0" if heights is None else heights.tobytes())
    return [layers.terrain_provenance, layers.terrain_source, digest.hexdigest()]


def _column_bytes(column: pd.Series | gpd.GeoSeries) -> bytes:
    if isinstance(column, gpd.GeoSeries):
        return b"\0".join(
            b"" if shape is None else shape for shape in shapely.to_wkb(column.to_numpy())
        )
    if pd.api.types.is_numeric_dtype(column.dtype):
        return np.ascontiguousarray(column.to_numpy(dtype=np.float64)).tobytes()
    return "\0".join(map(str, column)).encode()


_Loaded = tuple[int, list[dict[str, Any]]]


def _load_districts(session: Session, dataset_id: str, layers: Layers) -> _Loaded:
    """Load districts with their area in the working CRS and the people of their cells."""
    frame = layers.districts.sort_values("id")
    cells = layers.demand
    shapes = geo.project_geometry(frame.geometry.to_numpy(), layers.crs)
    frame = frame.assign(
        area_m2=shapely.area(shapes),
        population=[
            float(cells.loc[cells["district"] == code, "population"].sum()) for code in frame["id"]
        ],
    )
    return _copy(session, District, dataset_id, frame, (*DISTRICT_COLUMNS, "area_m2", "population"))


def _load_zones(session: Session, dataset_id: str, layers: Layers) -> _Loaded:
    """Load zones by id, then the districts, which are zones too."""
    zones = layers.zones.sort_values("id")
    districts = layers.districts.sort_values("id").assign(
        kind=ZoneKind.DISTRICT.value, tier=DISTRICT_TIER
    )
    _copy(session, Zone, dataset_id, zones, ZONE_COLUMNS)
    _copy(session, Zone, dataset_id, districts, ZONE_COLUMNS)
    return len(zones) + len(districts), []


def _load_water(session: Session, dataset_id: str, water: gpd.GeoDataFrame | None) -> _Loaded:
    if water is None:
        return 0, []
    return _copy(session, WaterBody, dataset_id, water, ("id", *ORIGIN_COLUMNS))


def _load_places(session: Session, dataset_id: str, places: gpd.GeoDataFrame) -> _Loaded:
    """Load known places; those without a location are listed as set aside, with the reason."""
    columns = ("id", "name_zh", "name_en", "kind", "district", "note", *ORIGIN_COLUMNS)
    rows, _ = _copy(session, Place, dataset_id, places.sort_values("id"), columns)
    absent = places.loc[places.geometry.isna()].sort_values("id")
    rejected = [
        {"id": row.id, "name_zh": row.name_zh, "name_en": row.name_en, "why": row.note}
        for row in absent.itertuples()
    ]
    return rows, rejected


def _load_sites(session: Session, dataset_id: str, sites: gpd.GeoDataFrame) -> _Loaded:
    if "near_water" not in sites.columns:
        sites = sites.assign(near_water=False)
    columns = (*SITE_COLUMNS, "near_water", "imported")
    frame = sites.sort_values("id").assign(imported=False)
    return _copy(session, CandidateSite, dataset_id, frame, columns)


def _load_demand(session: Session, dataset_id: str, layers: Layers) -> _Loaded:
    """Load the cells as the quadrilaterals they are in longitude and latitude."""
    table = layers.demand.sort_values("id")
    shapes = _cells(layers, table["col"].to_numpy(), table["row"].to_numpy())
    frame = gpd.GeoDataFrame(table, geometry=shapes, crs=translate.WGS84)
    indexes = Base.metadata.tables[DemandCell.__tablename__].indexes
    index = next(item for item in indexes if "geom" in item.columns)
    index.drop(session.connection())  # built whole afterwards it takes a fifth of the time
    loaded = _copy(session, DemandCell, dataset_id, frame, DEMAND_COLUMNS)
    index.create(session.connection())
    return loaded


def _load_terrain(session: Session, dataset_id: str, layers: Layers) -> _Loaded:
    """Load the ground; its cells are no rows, so one is counted. An imported one stays in force."""
    if layers.terrain is None:
        return 0, []
    row = TerrainRow(
        dataset_id=dataset_id,
        current=terrains.in_force(session, dataset_id) is None,
        imported=False,
        provenance=layers.terrain_provenance.value,
        source=layers.terrain_source,
        report={},
        **translate.terrain_values(layers.terrain),
    )
    session.add(row)
    session.flush()
    return 1, []


def _cells(
    layers: Layers, col: npt.NDArray[np.int64], row: npt.NDArray[np.int64]
) -> npt.NDArray[np.object_]:
    """Return cells as WGS 84 polygons; corners shared by cells are one and the same point."""
    grid = layers.grid
    corner = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])
    number = (row[:, None] + corner[:, 1]) * (grid.columns + 1) + (col[:, None] + corner[:, 0])
    unique, position = np.unique(number, return_inverse=True)
    up, right = np.divmod(unique, grid.columns + 1)
    xy = np.column_stack(
        (grid.west_m + right * grid.cell_size_m, grid.south_m + up * grid.cell_size_m)
    )
    lonlat = np.column_stack(geo.unproject(xy, layers.crs))
    rings = lonlat[position.reshape(number.shape)]
    return np.asarray(shapely.polygons(rings), dtype=np.object_)


def _load_targets(session: Session, targets: pd.DataFrame) -> None:
    columns = [column.name for column in ActionPlanTarget.__table__.columns]
    session.execute(delete(ActionPlanTarget))
    rows = targets[columns].to_dict("records")
    session.execute(insert(ActionPlanTarget), [_without_nan(row) for row in rows])


def _copy(
    session: Session,
    table: type[Base],
    dataset_id: str,
    frame: gpd.GeoDataFrame,
    columns: Sequence[str],
) -> _Loaded:
    """Copy features into a table, in their order; numbers and coordinates bit for bit."""
    names = ("dataset_id", *columns, "geom")
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table.__tablename__), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    values = [frame[name].tolist() for name in columns]
    shapes = shapely.to_wkb(
        shapely.set_srid(frame.geometry.to_numpy(), _SRID), hex=True, include_srid=True
    )
    with driver_connection(session).cursor() as cursor, cursor.copy(statement) as copy:
        for row in zip(*values, shapes.tolist(), strict=True):
            copy.write_row((dataset_id, *(None if item != item else item for item in row)))  # noqa: PLR0124 - only NaN differs from itself
    return len(frame), []


def _without_nan(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): None if value != value else value for name, value in row.items()}  # noqa: PLR0124 - only NaN differs from itself
