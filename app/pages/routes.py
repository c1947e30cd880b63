"""The pages' addresses."""

from __future__ import annotations

import mimetypes
import secrets
import uuid
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.orm import Session

from app.errors import ConflictError, NotFoundError
from app.pages import content
from app.pages.computing import PLAN_PHASES, computing
from app.pages.faults import PageRoute
from app.pages.language import language_of
from app.pages.render import page, see
from app.pages.views import PlanView, StalePlanError, views_of
from app.repository import planning_data, plans, predictions, scenarios
from app.routes.dependencies import Running, Writing
from app.tables import Plan, PlanState
from siting.datasets import ezhou_spec
from siting.maps import map_html, plan_map
from siting.messages import say
from siting.report.document import districts_grid, steps_grid, technologies_grid, unserved_grid
from siting.report.exclusion_blocks import exclusions_grid
from siting.report.honesty import headline, honesty_lines, synthetic_line
from siting.scenario import build_scenario
from siting.spec import ScenarioSpec

router = APIRouter(route_class=PageRoute, include_in_schema=False)

PlanId = Annotated[uuid.UUID, Path()]
ScenarioId = Annotated[uuid.UUID, Path()]

_LISTED = 50
_PLACES = 10

#: Folders of browser files below ``/static``.
STATIC = {
    "vendor": ("siting.vendor", ""),
    "map": ("siting.maps", "assets"),
    "pages": ("app.pages", "static"),
}


@router.get("/")
def home(request: Request, session: Writing, running: Running) -> HTMLResponse:
    """Show the latest plan, the scenarios and the plans."""
    language = language_of(request)
    found = scenarios.page(session, limit=_LISTED)
    recent = plans.page(session, limit=_LISTED)
    latest = next((row for row in recent if _finished(row)), None)
    view = None if latest is None else _view_or_none(request, session, running, latest.id)
    return page(
        request,
        "home.html",
        title=say("page.home", language),
        json_twin="/api/v1/plans",
        scenarios=found,
        plans=recent,
        names={row.id: row.name for row in found},
        latest=latest,
        latest_summary=None if view is None else content.summary(view.tables, language),
        notice=None if view is None else synthetic_line(view.tables.facts, language),
    )


@router.post("/scenarios/bundled")
def use_bundled(request: Request, session: Writing, running: Running) -> RedirectResponse:
    """Store the bundled scenario, so that it can be computed."""
    spec = ezhou_spec()
    scenario = build_scenario(spec, running.planning.get(session, spec.dataset))
    row = scenarios.create(session, spec, scenario_hash=scenario.hash)
    return see(request, f"/scenarios/{row.id}")


@router.get("/scenarios/{scenario_id}")
def scenario_page(
    request: Request, session: Writing, running: Running, scenario_id: ScenarioId
) -> HTMLResponse:
    """Show a scenario as sentences, with its plans."""
    row = scenarios.get(session, scenario_id)
    if row is None:
        raise NotFoundError(f"there is no scenario {scenario_id}")
    spec = ScenarioSpec.parse(row.spec)
    data = running.planning.get(session, spec.dataset)
    return page(
        request,
        "scenario.html",
        title=row.name,
        json_twin=f"/api/v1/scenarios/{row.id}",
        scenario=row,
        sentences=content.scenario_sentences(spec, data, language_of(request)),
        plans=plans.page(session, limit=_LISTED, scenario_id=row.id),
        names={row.id: row.name},
    )


@router.post("/scenarios/{scenario_id}/plans")
def run(request: Request, session: Writing, scenario_id: ScenarioId) -> RedirectResponse:
    """Ask for a plan and show its progress."""
    if scenarios.get(session, scenario_id) is None:
        raise NotFoundError(f"there is no scenario {scenario_id}")
    return see(request, f"/plans/{plans.create_queued(session, scenario_id).id}")


@router.post("/plans/{plan_id}/cancel")
def cancel(request: Request, session: Writing, plan_id: PlanId) -> RedirectResponse:
    """Stop a computation."""
    if plans.cancel(session, plan_id) is None:
        raise NotFoundError(f"there is no plan {plan_id}")
    return see(request, f"/plans/{plan_id}")


@router.get("/plans/{plan_id}")
def plan_page(
    request: Request, session: Writing, running: Running, plan_id: PlanId
) -> HTMLResponse:
    """Show a plan: its progress, its result, or why there is none."""
    row = plans.get(session, plan_id)
    if row is None:
        raise NotFoundError(f"there is no plan {plan_id}")
    question = scenarios.get(session, row.scenario_id)
    shared: dict[str, Any] = {
        "title": "" if question is None else question.name,
        "json_twin": f"/api/v1/plans/{row.id}",
        "plan": row,
        "scenario": question,
    }
    if not PlanState(row.state).ended:
        latest = plans.latest_progress(session, row.id)
        phase = row.state if latest is None else latest.phase
        return page(
            request,
            "running.html",
            latest=latest,
            phase=content.phase_name(phase, language_of(request)),
            **computing(
                f"/plans/{row.id}", row, language_of(request), order=PLAN_PHASES, bounded=True
            ),
            **shared,
        )
    shared["predictions"] = predictions.page(session, limit=_LISTED, plan_id=row.id)
    if row.status is None:
        others = plans.page(session, limit=_LISTED, scenario_id=row.scenario_id)
        good = next((item for item in others if _finished(item)), None)
        return page(request, "failed.html", last_good=good, **shared)
    try:
        view = views_of(request).get(session, running.planning, row.id)
    except StalePlanError:
        return page(request, "stale.html", **shared)
    if view is None:
        raise NotFoundError(f"plan {plan_id} has no result")
    return _result_page(request, view, shared)


def _result_page(request: Request, view: PlanView, shared: dict[str, Any]) -> HTMLResponse:
    language = language_of(request)
    tables = view.tables
    ruled = exclusions_grid(tables, language)
    return page(
        request,
        "plan.html",
        notice=synthetic_line(tables.facts, language),
        sentence=headline(tables.facts, language),
        honesty=honesty_lines(tables.facts, language),
        figures=content.figures(tables.facts, language),
        board=content.board(tables, language),
        asks_sinr=bool(tables.facts.sinr_targets),
        counts=content.state_counts(tables, language),
        grids=[
            (say("districts", language), districts_grid(tables, language)),
            (say("technology", language), technologies_grid(tables.facts, language)),
            (say("page.proof", language), steps_grid(tables.facts, language)),
            *([] if ruled is None else [(say("report.exclusions", language), ruled)]),
            *(
                [(say("map.unserved", language), unserved_grid(tables, language, _PLACES))]
                if len(tables.unserved)
                else []
            ),
        ],
        facts=tables.facts,
        **shared,
    )


@router.get("/plans/{plan_id}/map")
def map_page(request: Request, session: Writing, running: Running, plan_id: PlanId) -> HTMLResponse:
    """Draw a plan's map; ``?frame=1`` leaves the title out, for a frame in the plan's page."""
    try:
        view = views_of(request).get(session, running.planning, plan_id)
    except StalePlanError:
        raise ConflictError(say("page.stale", language_of(request))) from None
    row = plans.get(session, plan_id)
    if view is None or row is None:
        raise NotFoundError(f"there is no map of plan {plan_id}")
    prefix = str(request.scope.get("root_path", ""))
    drawn = plan_map(
        view.tables,
        demand=[layer.below(prefix) for layer in view.demand],
        language=language_of(request),
        assets=f"{prefix}/static",
        embedded="frame" in request.query_params,
        made_at=row.finished_at,
    )
    nonce = secrets.token_urlsafe(16)
    return HTMLResponse(
        map_html(drawn, nonce=nonce),
        headers={
            "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; "
            f"script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
            "object-src 'none'; base-uri 'none'; frame-ancestors 'self'",
            "Cache-Control": "no-store",
        },
    )


@router.get("/data")
def data_page(request: Request, session: Writing, running: Running) -> HTMLResponse:
    """Show what is planned on: layers, origins, sources, and places without a location."""
    language = language_of(request)
    sets = [
        content.data_set(
            head,
            running.planning.get(session, head.id),
            planning_data.unlocated_places(session, head.id),
            language,
        )
        for head in planning_data.datasets(session)
    ]
    return page(
        request,
        "data.html",
        title=say("page.data", language),
        json_twin="/api/v1/datasets",
        sets=sets,
    )


@router.get("/static/{folder}/{path:path}")
def static(folder: str, path: str) -> Response:
    """Send a browser file; nothing outside the three folders, and nothing but known kinds."""
    package, below = STATIC.get(folder, ("", ""))
    kind = mimetypes.guess_type(path)[0]
    parts = path.split("/")
    if not package or kind not in _KINDS or any(part in {"", ".", ".."} for part in parts):
        raise NotFoundError(f"there is no file {path}")
    file = files(package).joinpath(*([below] if below else []), *parts)
    if not file.is_file():
        raise NotFoundError(f"there is no file {path}")
    return Response(
        file.read_bytes(), media_type=kind, headers={"Cache-Control": "public, max-age=3600"}
    )


_KINDS = {"text/javascript", "application/javascript", "text/css", "image/png", "image/svg+xml"}


def _finished(row: Plan) -> bool:
    return row.status is not None and PlanState(row.state).ended


def _view_or_none(
    request: Request, session: Session, running: Running, plan_id: uuid.UUID
) -> PlanView | None:
    try:
        return views_of(request).get(session, running.planning, plan_id)
    except StalePlanError:
        return None
