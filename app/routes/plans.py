"""Plans: ask for one, follow it, stop it, read what it found."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.errors import NotFoundError, RequestError
from app.repository import plan_requests, plans
from app.repository.features import DEFAULT_LIMIT, MAX_LIMIT
from app.routes.dependencies import Writing
from app.routes.paging import (
    absolute,
    decode_uuid_cursor,
    encode_cursor,
    here,
    refuse_unknown_parameters,
)
from app.routes.scenarios import ScenarioId, existing
from app.schemas import (
    Link,
    Listed,
    OutcomeOut,
    PlanOut,
    PlanSummary,
    ProgressOut,
    StepOut,
)
from app.tables import Plan, PlanOutcome, PlanState
from siting.errors import Problem
from siting.provenance import Provenance

router = APIRouter(
    prefix="/api/v1", tags=["Plans"], dependencies=[Depends(refuse_unknown_parameters)]
)

PlanId = Annotated[uuid.UUID, Path(description="Id of the plan")]

_MAX_KEY = 200


@router.post("/scenarios/{scenario_id}/plans", status_code=202, summary="Ask for a plan")
def request_plan(
    request: Request,
    response: Response,
    session: Writing,
    scenario_id: ScenarioId,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Any text of up to 200 visible ASCII characters; the same key for the "
            "same scenario answers with the same plan"
        ),
    ] = None,
) -> PlanOut:
    """Queue the computation of a plan; its state is at the `Location`."""
    if idempotency_key is not None:
        _check_key(idempotency_key)
    existing(session, scenario_id)
    row = plan_requests.request_plan(session, scenario_id, idempotency_key)
    response.headers["Location"] = absolute(request, f"/api/v1/plans/{row.id}")
    return _out(request, session, row)


@router.get("/plans", summary="Plans, newest first")
def list_plans(
    request: Request,
    session: Writing,
    *,
    scenario_id: Annotated[uuid.UUID | None, Query(description="Only of this scenario")] = None,
    state: Annotated[PlanState | None, Query(description="Only in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most of a page")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(description="From the 'next' link")] = None,
) -> Listed[PlanSummary]:
    """List plans in short."""
    rows = plans.page(
        session,
        limit=limit + 1,
        after=decode_uuid_cursor("plans", cursor),
        scenario_id=scenario_id,
        state=state,
    )
    links = [Link(rel="self", href=here(request))]
    if len(rows) > limit:
        position = encode_cursor("plans", str(rows[limit - 1].id))
        links.append(Link(rel="next", href=here(request, cursor=position)))
    items: list[PlanSummary] = []
    for row in rows[:limit]:
        item = PlanSummary.model_validate(row)
        item.links = _links(request, row)
        items.append(item)
    return Listed(items=items, links=links)


@router.get("/plans/{plan_id}", summary="One plan")
def get_plan(request: Request, session: Writing, plan_id: PlanId) -> PlanOut:
    """Return a plan: its state, and what it reaches, costs and proves once there is a result."""
    return _out(request, session, existing_plan(session, plan_id))


@router.delete(
    "/plans/{plan_id}",
    summary="Stop a plan's computation",
    responses={202: {"model": PlanOut, "description": "It is told to stop"}},
)
def cancel_plan(request: Request, response: Response, session: Writing, plan_id: PlanId) -> PlanOut:
    """Stop the computation; the best plan so far is kept. Asking again changes nothing.

    202: it runs and is told to stop. 200: it has ended, or never began.
    """
    row = plans.cancel(session, plan_id)
    if row is None:
        raise NotFoundError(f"there is no plan {plan_id}; /api/v1/plans lists them")
    response.status_code = 200 if PlanState(row.state).ended else 202
    return _out(request, session, row)


def existing_plan(session: Session, plan_id: uuid.UUID) -> Plan:
    """Return a stored plan.

    Raises
    ------
    NotFoundError
        When there is none of that id.
    """
    row = plans.get(session, plan_id)
    if row is None:
        raise NotFoundError(f"there is no plan {plan_id}; /api/v1/plans lists them")
    return row


def _check_key(key: str) -> None:
    visible = key.isascii() and key.isprintable()
    if not key.strip() or len(key) > _MAX_KEY or not visible:
        raise RequestError(
            Problem(
                "header.Idempotency-Key",
                f"has {len(key)} characters, or some that are not visible ASCII",
                f"give 1 to {_MAX_KEY}",
            )
        )


def _out(request: Request, session: Session, row: Plan) -> PlanOut:
    out = PlanOut.model_validate(
        {name: getattr(row, name, None) for name in _STORED}, from_attributes=True
    )
    latest = plans.latest_progress(session, row.id)
    out.progress = None if latest is None else ProgressOut.model_validate(latest)
    if row.status is not None:
        out.steps = [StepOut.model_validate(step) for step in plans.steps(session, row.id)]
        found = plans.outcomes(session, row.id)
        out.targets = [_outcome(item) for item in found if item.is_target]
        out.information = [_outcome(item) for item in found if not item.is_target]
    if row.provenance is not None:
        shares = row.provenance.values()
        out.rests_on_synthetic = any(item.get(Provenance.SYNTHETIC, 0) > 0 for item in shares)
    out.links = _links(request, row)
    return out


_STORED = [
    name
    for name in PlanOut.model_fields
    if name not in {"links", "progress", "steps", "targets", "information", "rests_on_synthetic"}
]


def _outcome(row: PlanOutcome) -> OutcomeOut:
    out = OutcomeOut.model_validate(row)
    if row.total > 0:
        out.share = row.served / row.total
        out.clear_share = None if row.clear is None else row.clear / row.total
    return out


def _links(request: Request, row: Plan) -> list[Link]:
    base = f"/api/v1/plans/{row.id}"
    links = [
        Link(rel="self", href=absolute(request, base)),
        Link(rel="scenario", href=absolute(request, f"/api/v1/scenarios/{row.scenario_id}")),
        Link(rel="events", href=absolute(request, f"{base}/events")),
        Link(rel="predictions", href=absolute(request, "/api/v1/predictions", plan_id=str(row.id))),
    ]
    if row.status is not None:
        links += [
            Link(rel="sites", href=absolute(request, f"{base}/sites.geojson")),
            Link(rel="zones", href=absolute(request, f"{base}/zones.geojson")),
            Link(rel="tiles", href=absolute(request, f"{base}/tiles/demand.json")),
        ]
    return links
