"""Planning data: from stored layers to the values scenarios are built on."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import translate
from app.repository import terrains
from app.tables import (
    Base,
    CandidateSite,
    Dataset,
    DemandCell,
    District,
    Import,
    Place,
    Plan,
    Scenario,
    StandardRow,
    TechnologyRow,
    WaterBody,
    Zone,
)
from siting.errors import DatasetError
from siting.layers import (
    DEMAND_COLUMNS,
    DISTRICT_COLUMNS,
    ORIGIN_COLUMNS,
    SITE_COLUMNS,
    ZONE_COLUMNS,
    Layers,
    planning_data_from_layers,
)
from siting.provenance import Provenance
from siting.scenario import PlanningData
from siting.zones import ZoneKind


def datasets(session: Session) -> Sequence[Dataset]:
    """Return every loaded data set, by id."""
    return session.scalars(select(Dataset).order_by(Dataset.id)).all()


def dataset(session: Session, dataset_id: str) -> Dataset:
    """Return a loaded data set.

    Raises
    ------
    siting.errors.DatasetError
        When there is none of that id.
    """
    found = session.get(Dataset, dataset_id)
    if found is None:
        known = ", ".join(session.scalars(select(Dataset.id).order_by(Dataset.id))) or "none"
        raise DatasetError(
            f"data set {dataset_id!r} is not in the database (loaded: {known}); "
            "'siting serve' loads the bundled one"
        )
    return found


def content_hash_of_plan(session: Session, plan_id: uuid.UUID) -> str | None:
    """Return the content hash, as it is now, of the data set a plan was made on; None without."""
    query = select(Dataset.content_hash).join(Scenario, Scenario.dataset_id == Dataset.id)
    return session.scalar(query.join(Plan).where(Plan.id == plan_id))


def imports(session: Session, dataset_id: str) -> Sequence[Import]:
    """Return what was loaded into a data set, newest first."""
    query = select(Import).where(Import.dataset_id == dataset_id).order_by(Import.id.desc())
    return session.scalars(query).all()


def unlocated_places(session: Session, dataset_id: str) -> Sequence[Place]:
    """Return the known places whose location was not supplied, by id."""
    query = select(Place).where(Place.dataset_id == dataset_id, Place.geom.is_(None))
    return session.scalars(query.order_by(Place.id)).all()


def technologies(session: Session, dataset_id: str) -> Sequence[TechnologyRow]:
    """Return the equipment library of a data set, by id."""
    query = select(TechnologyRow).where(TechnologyRow.dataset_id == dataset_id)
    return session.scalars(query.order_by(TechnologyRow.id)).all()


def standards(session: Session, dataset_id: str) -> Sequence[StandardRow]:
    """Return the service standards of a data set, by id."""
    query = select(StandardRow).where(StandardRow.dataset_id == dataset_id)
    return session.scalars(query.order_by(StandardRow.id)).all()


def load_planning_data(session: Session, dataset_id: str) -> PlanningData:
    """Read a data set as planning values; the same bits as the files it was loaded from.

    Raises
    ------
    siting.errors.DatasetError
        When there is none of that id.
    siting.errors.InputError
        When what is stored cannot be planned on.
    """
    head = dataset(session, dataset_id)
    return planning_data_from_layers(
        layers(session, head),
        technologies=[translate.technology(row) for row in technologies(session, dataset_id)],
        standards=[translate.standard(row) for row in standards(session, dataset_id)],
    )


def layers(session: Session, head: Dataset) -> Layers:
    """Read a data set's layers as they are stored."""

    def features(table: type[Base], columns: Sequence[str], *where: Any) -> Any:
        chosen = [getattr(table, name) for name in columns]
        shape = func.ST_AsBinary(table.__table__.c.geom)
        query = select(*chosen, shape).where(table.__table__.c.dataset_id == head.id, *where)
        return translate.feature_frame(columns, session.execute(query).all())

    cells = select(*(getattr(DemandCell, name) for name in DEMAND_COLUMNS)).where(
        DemandCell.dataset_id == head.id
    )
    water = features(WaterBody, ORIGIN_COLUMNS)
    ground = terrains.in_force(session, head.id)
    return Layers(
        id=head.area_id,
        name_zh=head.name_zh,
        name_en=head.name_en,
        crs=head.crs,
        districts=features(District, DISTRICT_COLUMNS),
        water=None if water.empty else water,
        zones=features(Zone, ZONE_COLUMNS, Zone.kind != ZoneKind.DISTRICT.value),
        sites=features(CandidateSite, SITE_COLUMNS),
        grid=translate.grid(head.grid),
        demand=translate.frame(DEMAND_COLUMNS, session.execute(cells).all()),
        demand_provenance={
            name: Provenance(value) for name, value in head.demand_provenance.items()
        },
        terrain=None if ground is None else translate.terrain(ground),
        terrain_provenance=Provenance.MISSING if ground is None else Provenance(ground.provenance),
        terrain_source="" if ground is None else ground.source,
    )


class PlanningDataCache:
    """Planning data kept in memory per data set until its content changes; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[str, PlanningData]] = {}

    def get(self, session: Session, dataset_id: str) -> PlanningData:
        """Return a data set's planning data, read again only when the stored content changed.

        Raises
        ------
        siting.errors.DatasetError
            When there is none of that id.
        """
        content_hash = dataset(session, dataset_id).content_hash
        with self._lock:
            kept = self._kept.get(dataset_id)
            if kept is None or kept[0] != content_hash:
                kept = (content_hash, load_planning_data(session, dataset_id))
                self._kept[dataset_id] = kept
            return kept[1]
