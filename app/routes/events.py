"""Reports of a computation as they come, as server-sent events."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.errors import RequestError
from app.jobs import Kind
from app.repository import computations
from app.repository.progress import progress_after
from app.routes.dependencies import Services, services
from app.routes.paging import refuse_unknown_parameters
from app.routes.plans import PlanId, existing_plan
from app.routes.predictions import PredictionId, existing_prediction
from app.schemas import ProgressOut
from app.tables import Plan, PlanState
from siting.errors import Problem

router = APIRouter(
    prefix="/api/v1", tags=["Progress"], dependencies=[Depends(refuse_unknown_parameters)]
)

#: Longest a stream waits before it looks by itself [s].
POLL_S = 2.0


def _last(
    last_event_id: Annotated[
        str | None, Header(description="Id of the last event received; goes on behind it")
    ] = None,
) -> int:
    """Return the last report the client has."""
    if last_event_id is not None and not (
        last_event_id.isascii() and last_event_id.isdigit() and int(last_event_id) < 2**63
    ):
        raise RequestError(
            Problem("header.Last-Event-ID", f"{last_event_id[:40]!r} is no id of an event here")
        )
    return int(last_event_id or 0)


Last = Annotated[int, Depends(_last)]


def _of_plan(request: Request, plan_id: PlanId, after: Last) -> int:
    """Check the request before the answer begins."""
    with services(request).database.session() as session:
        existing_plan(session, plan_id)
    return after


def _of_prediction(request: Request, prediction_id: PredictionId, after: Last) -> int:
    """Check the request before the answer begins."""
    with services(request).database.session() as session:
        existing_prediction(session, prediction_id)
    return after


@router.get(
    "/plans/{plan_id}/events", response_class=EventSourceResponse, summary="Progress as it comes"
)
async def events(
    request: Request, plan_id: PlanId, after: Annotated[int, Depends(_of_plan)]
) -> AsyncIterator[ServerSentEvent]:
    """Stream a plan's reports, those of the past first, and end when the plan has ended.

    Events named `progress` carry a report; the last one is named `end` and carries the plan's
    final state. The id of an event is that of the report: a client that comes back with
    `Last-Event-ID` misses none.
    """
    async for event in _stream(services(request), Kind.PLAN, plan_id, after):
        yield event


@router.get(
    "/predictions/{prediction_id}/events",
    response_class=EventSourceResponse,
    summary="Progress of a prediction as it comes",
)
async def prediction_events(
    request: Request,
    prediction_id: PredictionId,
    after: Annotated[int, Depends(_of_prediction)],
) -> AsyncIterator[ServerSentEvent]:
    """Stream a prediction's reports as those of a plan are streamed, and end when it has ended."""
    async for event in _stream(services(request), Kind.PREDICTION, prediction_id, after):
        yield event


async def _stream(
    running: Services, kind: Kind, row_id: uuid.UUID, after: int
) -> AsyncIterator[ServerSentEvent]:
    last = after
    with running.listener.subscribed(str(row_id)) as news:
        while True:
            news.clear()
            final, reports = await run_in_threadpool(_look, running, kind, row_id, last)
            for report in reports:
                last = report.id
                data = report.model_dump(mode="json")
                yield ServerSentEvent(event="progress", id=str(report.id), data=data)
            if final is not None and not reports:
                yield ServerSentEvent(event="end", id=str(last), data=final)
                return
            if reports:
                continue
            try:
                await asyncio.wait_for(news.wait(), POLL_S)
            except TimeoutError:
                continue


def _look(
    running: Services, kind: Kind, row_id: uuid.UUID, after: int
) -> tuple[dict[str, Any] | None, Sequence[ProgressOut]]:
    """Return the final state when the computation has ended, and the reports behind `after`."""
    with running.database.session() as session:
        # The state first: a report that comes between the two reads is then still sent.
        row = session.get_one(computations.TABLES[kind], row_id)
        final = None
        if PlanState(row.state).ended:
            final = {
                kind.key: str(row_id),
                "state": row.state,
                **({"status": row.status} if isinstance(row, Plan) else {}),
                "reason": row.reason,
                "error": row.error,
            }
        reports = progress_after(session, kind, row_id, after)
        return final, [ProgressOut.model_validate(report) for report in reports]
