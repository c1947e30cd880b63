"""What scenarios pick from: data sets, equipment, service standards; and the action plan."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.repository import planning_data
from app.repository.targets import action_plan
from app.routes.dependencies import Writing
from app.routes.paging import refuse_unknown_parameters
from app.schemas import DatasetOut, ImportOut, Listed, StandardOut, TechnologyOut
from siting.errors import DatasetError

router = APIRouter(
    prefix="/api/v1", tags=["Library"], dependencies=[Depends(refuse_unknown_parameters)]
)

OneDataset = Annotated[str, Query(description="Planning data it belongs to")]


@router.get("/datasets", summary="Planning data")
def datasets(session: Writing) -> Listed[DatasetOut]:
    """List the sets of planning data that are loaded."""
    rows = planning_data.datasets(session)
    return Listed(items=[DatasetOut.model_validate(row) for row in rows], links=[])


@router.get("/imports", summary="What was loaded")
def imports(session: Writing, dataset: OneDataset = "ezhou") -> Listed[ImportOut]:
    """List what was loaded into a data set, newest first, with the rows that were set aside."""
    _check(session, dataset)
    rows = planning_data.imports(session, dataset)
    return Listed(items=[ImportOut.model_validate(row) for row in rows], links=[])


@router.get("/technologies", summary="Equipment")
def technologies(session: Writing, dataset: OneDataset = "ezhou") -> Listed[TechnologyOut]:
    """List the equipment of the library: bands, powers [dBm], costs [CNY]."""
    _check(session, dataset)
    rows = planning_data.technologies(session, dataset)
    return Listed(items=[TechnologyOut.model_validate(row) for row in rows], links=[])


@router.get("/standards", summary="Service standards")
def standards(session: Writing, dataset: OneDataset = "ezhou") -> Listed[StandardOut]:
    """List what 'served' can mean: least SS-RSRP [dBm], share of locations."""
    _check(session, dataset)
    rows = planning_data.standards(session, dataset)
    return Listed(items=[StandardOut.model_validate(row) for row in rows], links=[])


@router.get("/targets", summary="Figures of the city's action plan")
def targets(
    session: Writing,
    *,
    siting_only: Annotated[
        bool, Query(description="Only figures that put something on the map")
    ] = False,
) -> Listed[dict[str, Any]]:
    """List the printed figures of the action plan in their order, with the quoted sentence."""
    rows = action_plan(session, siting_only=siting_only)
    names = [column.name for column in rows[0].__table__.columns] if rows else []
    return Listed(items=[{name: getattr(row, name) for name in names} for row in rows], links=[])


def _check(session: Session, dataset: str) -> None:
    if "\0" in dataset:
        raise NotFoundError("there is no such data set")
    try:
        planning_data.dataset(session, dataset)
    except DatasetError as error:
        raise NotFoundError(str(error)) from None
