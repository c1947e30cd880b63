"""Scenarios: the questions planners ask."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.errors import MalformedError, NotFoundError
from app.repository import planning_data, scenarios
from app.repository.features import DEFAULT_LIMIT, MAX_LIMIT
from app.repository.planning_data import PlanningDataCache
from app.routes.dependencies import Running, Writing
from app.routes.paging import (
    absolute,
    decode_uuid_cursor,
    encode_cursor,
    here,
    refuse_unknown_parameters,
)
from app.schemas import Link, Listed, ScenarioDocument, ScenarioOut
from app.tables import Scenario as ScenarioRow
from siting.errors import Problem, ScenarioError, raise_if
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ScenarioSpec

router = APIRouter(
    prefix="/api/v1", tags=["Scenarios"], dependencies=[Depends(refuse_unknown_parameters)]
)

ScenarioId = Annotated[uuid.UUID, Path(description="Id of the scenario")]


@router.post("/scenarios", status_code=201, summary="Ask a question")
def create(
    request: Request,
    response: Response,
    session: Writing,
    running: Running,
    document: ScenarioDocument,
) -> ScenarioOut:
    """Check a scenario against the stored planning data and keep it.

    Every fault comes in one answer: of form, and of every name that is not known. The document is
    the one of the command line's TOML files.
    """
    spec, scenario = _checked(session, running.planning, document)
    row = scenarios.create(session, spec, scenario_hash=scenario.hash)
    out = _out(request, row)
    response.headers["Location"] = absolute(request, f"/api/v1/scenarios/{row.id}")
    return out


@router.get("/scenarios", summary="Scenarios, newest first")
def list_scenarios(
    request: Request,
    session: Writing,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most of a page")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(description="From the 'next' link")] = None,
) -> Listed[ScenarioOut]:
    """List the stored scenarios."""
    after = decode_uuid_cursor("scenarios", cursor)
    rows = scenarios.page(session, limit=limit + 1, after=after)
    links = [Link(rel="self", href=here(request))]
    if len(rows) > limit:
        position = encode_cursor("scenarios", str(rows[limit - 1].id))
        links.append(Link(rel="next", href=here(request, cursor=position)))
    return Listed(items=[_out(request, row) for row in rows[:limit]], links=links)


@router.get("/scenarios/{scenario_id}", summary="One scenario")
def get_scenario(request: Request, session: Writing, scenario_id: ScenarioId) -> ScenarioOut:
    """Return a scenario as it was asked."""
    return _out(request, existing(session, scenario_id))


def existing(session: Session, scenario_id: uuid.UUID) -> ScenarioRow:
    """Return a stored scenario.

    Raises
    ------
    NotFoundError
        When there is none of that id.
    """
    row = scenarios.get(session, scenario_id)
    if row is None:
        raise NotFoundError(f"there is no scenario {scenario_id}; /api/v1/scenarios lists them")
    return row


def _out(request: Request, row: ScenarioRow) -> ScenarioOut:
    base = f"/api/v1/scenarios/{row.id}"
    out = ScenarioOut.model_validate(row)
    out.links = [
        Link(rel="self", href=absolute(request, base)),
        Link(rel="plans", href=absolute(request, "/api/v1/plans", scenario_id=str(row.id))),
    ]
    return out


def _checked(
    session: Session, planning: PlanningDataCache, document: ScenarioDocument
) -> tuple[ScenarioSpec, Scenario]:
    """Return question and scenario, or refuse with the faults of form and of names together."""
    if document.spec is None:
        faults = list(document.problems)
        if document.salvaged is not None:
            faults += _named_faults(session, planning, document)
        raise MalformedError(faults)
    data = _data_of(session, planning, document.spec)
    return document.spec, build_scenario(document.spec, data)


def _data_of(session: Session, planning: PlanningDataCache, spec: ScenarioSpec) -> PlanningData:
    known = [row.id for row in planning_data.datasets(session)]
    problems: list[Problem] = []
    if spec.dataset not in known:
        problems.append(
            Problem(
                "dataset",
                f"unknown planning data {spec.dataset!r}",
                "known: " + (", ".join(known) or "none is loaded"),
            )
        )
    raise_if(problems, ScenarioError)
    return planning.get(session, spec.dataset)


def _named_faults(
    session: Session, planning: PlanningDataCache, document: ScenarioDocument
) -> Iterable[Problem]:
    """Give the faulty names of a document whose form is wrong elsewhere."""
    spec = document.salvaged
    if spec is None:
        return
    try:
        build_scenario(spec, _data_of(session, planning, spec))
    except ScenarioError as error:
        for problem in error.problems:
            match = re.match(r"targets\[(\d+)\](.*)", problem.where)
            if match is None:
                # What was taken out with its fault is not missing.
                if problem.where not in {"targets", "stations", "sites"}:
                    yield problem
                continue
            place = document.positions[int(match[1])]
            yield Problem(f"targets[{place}]{match[2]}", problem.what, problem.hint)
