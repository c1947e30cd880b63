"""The pages of radio predictions: ask for one of a plan, follow it, see what it found."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.errors import NotFoundError
from app.jobs import Kind
from app.pages import content
from app.pages.computing import PREDICTION_PHASES, computing
from app.pages.faults import PageRoute
from app.pages.language import language_of
from app.pages.render import page, see
from app.repository import networks, plans, predictions, scenarios
from app.repository.progress import latest_progress
from app.routes.dependencies import Running, Writing
from app.schemas_prediction import CELL_SIZE_M
from app.tables import PlanState
from siting.errors import raise_if
from siting.messages import say
from siting.radio.network.assumptions import DEFAULT_ASSUMPTIONS
from siting.radio.network.plan_prediction import prediction_grid, raster_problems

router = APIRouter(route_class=PageRoute, include_in_schema=False)

PredictionId = Annotated[uuid.UUID, Path()]


@router.post("/plans/{plan_id}/predictions")
def predict(
    request: Request, session: Writing, running: Running, plan_id: Annotated[uuid.UUID, Path()]
) -> RedirectResponse:
    """Ask for the prediction of a plan's network and show its progress."""
    if plans.get(session, plan_id) is None:
        raise NotFoundError(f"there is no plan {plan_id}")
    network = networks.network_of_plan(
        session, plan_id, lambda dataset_id: running.planning.get(session, dataset_id)
    )
    raise_if(raster_problems(network.stations, prediction_grid(network.data, CELL_SIZE_M)))
    row = predictions.create_queued(
        session,
        dataset_id=network.dataset_id,
        cell_size_m=CELL_SIZE_M,
        assumptions=DEFAULT_ASSUMPTIONS,
        plan_id=plan_id,
    )
    return see(request, f"/predictions/{row.id}")


@router.post("/predictions/{prediction_id}/cancel")
def cancel(request: Request, session: Writing, prediction_id: PredictionId) -> RedirectResponse:
    """Stop a computation."""
    if predictions.cancel(session, prediction_id) is None:
        raise NotFoundError(f"there is no prediction {prediction_id}")
    return see(request, f"/predictions/{prediction_id}")


@router.get("/predictions/{prediction_id}")
def prediction_page(
    request: Request, session: Writing, prediction_id: PredictionId
) -> HTMLResponse:
    """Show a prediction: its progress, its figures by zone, or why there is none."""
    row = predictions.get(session, prediction_id)
    if row is None:
        raise NotFoundError(f"there is no prediction {prediction_id}")
    language = language_of(request)
    plan = None if row.plan_id is None else plans.get(session, row.plan_id)
    question = None if plan is None else scenarios.get(session, plan.scenario_id)
    name = "" if question is None else question.name
    title = f"{say('page.prediction', language)}{': ' if name else ''}{name}"
    twin = f"/api/v1/predictions/{row.id}"
    if not PlanState(row.state).ended:
        latest = latest_progress(session, Kind.PREDICTION, row.id)
        phase = row.state if latest is None else latest.phase
        return page(
            request,
            "running.html",
            title=title,
            json_twin=twin,
            latest=latest,
            phase=content.phase_name(phase, language),
            **computing(
                f"/predictions/{row.id}", row, language, order=PREDICTION_PHASES, bounded=False
            ),
        )
    summary = row.summary or {}
    return page(
        request,
        "prediction.html",
        title=title,
        json_twin=twin,
        row=row,
        name=name,
        sentence=summary.get("sentence", {}).get(language, ""),
        notice=summary.get("notice", {}).get(language, ""),
        zones=content.prediction_table(row.zones or [], language),
        standards=[item["standard"] for item in row.zones[0]["standards"]] if row.zones else [],
        files=predictions.files(session, row.id),
    )
