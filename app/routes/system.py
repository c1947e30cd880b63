"""Whether the service is well, and what it offers, as pages that need nothing from outside."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import ChainableUndefined, Environment, PackageLoader
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.database import DatabaseError, check_migration
from app.errors import known_rules
from app.routes.dependencies import Services, services
from app.routes.paging import absolute

router = APIRouter(tags=["Service"])

_TEMPLATES = Environment(
    # An OpenAPI document leaves out what is empty; a missing part prints as nothing.
    loader=PackageLoader("app.routes"),
    autoescape=True,
    undefined=ChainableUndefined,
    trim_blocks=True,
)


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> dict[str, str]:
    """Answer as long as the process lives, whatever its database does."""
    return {"status": "alive"}


@router.get("/readyz", summary="Can it answer and plan?")
def readyz(request: Request) -> JSONResponse:
    """Say part by part whether the service can answer requests and compute plans.

    200 when database, migration and worker are well, else 503.
    """
    checks = _checks(services(request))
    ready = all(item["ok"] for item in checks.values())
    return JSONResponse(
        {"status": "ready" if ready else "not ready", "checks": checks},
        status_code=200 if ready else 503,
    )


def _checks(running: Services) -> dict[str, dict[str, Any]]:
    try:
        check_migration(running.database)
        silent_s = _worker_silence(running)
    except (DatabaseError, OperationalError) as error:
        what = str(error) if isinstance(error, DatabaseError) else "the database does not answer"
        return {"database": {"ok": False, "what": what}}
    limit_s = running.settings.worker.stale_after_s
    if silent_s is None:
        worker = "no worker has been seen; start one with 'siting serve'"
    else:
        worker = f"last sign of life {silent_s:.1f} s ago"
    return {
        "database": {"ok": True, "what": "answers, and its tables are this version's"},
        "worker": {"ok": silent_s is not None and silent_s <= limit_s, "what": worker},
    }


def _worker_silence(running: Services) -> float | None:
    """Return the time since a worker's last sign of life [s], None when there is no worker."""
    statement = text(
        "select extract(epoch from now() - max(last_heartbeat)) from procrastinate_workers"
    )
    with running.reading.connect() as connection:
        found = connection.execute(statement).scalar_one()
    return None if found is None else max(0.0, float(found))


@router.get("/api/v1/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """Show every address with its parameters and answers."""
    document = request.app.openapi()
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    groups: dict[str, list[dict[str, Any]]] = {}
    for operation in operations:
        groups.setdefault(operation.get("tags", ["Other"])[0], []).append(operation)
    body = _TEMPLATES.get_template("docs.html").render(
        info=document["info"],
        groups=groups,
        schemas=document.get("components", {}).get("schemas", {}),
        openapi=absolute(request, "/api/v1/openapi.json"),
        problems=absolute(request, "/api/v1/problems"),
        ogc=absolute(request, "/ogc", f="html"),
    )
    return HTMLResponse(body)


@router.get("/api/v1/problems", include_in_schema=False)
def problems() -> Response:
    """Explain every kind of error; the ``type`` of a problem points here."""
    body = _TEMPLATES.get_template("problems.html").render(rules=known_rules())
    return HTMLResponse(body)
