"""``siting demo``: Ezhou's 5G plan through the whole service, as a client of it would ask."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from rich.console import Console

from app.console import display, prepare, print_files, print_plan, terminal
from app.database import ensure_ready
from app.repository import planning_data, plans
from app.serve import RunningService, ServiceStartError, running_service, with_api
from app.settings import Settings, load_settings
from siting.coverage import build_coverage
from siting.datasets import ezhou_spec
from siting.errors import SitingError
from siting.io.plan_files import write_outputs
from siting.plan import Plan
from siting.plan_check import verify_plan
from siting.progress import Progress, Report
from siting.report import plan_tables
from siting.scenario import Scenario, build_scenario
from siting.spec import ScenarioSpec
from siting.text import Language

#: States in which nothing more happens to a plan.
ENDED = {"done", "cancelled", "failed"}


class DemoError(SitingError):
    """The service refused or failed what the demo asked; the message says what."""


def run_demo(out: Path, *, language: Language) -> None:
    """Start the service, plan, verify, write the results to `out`, and stop everything.

    Raises
    ------
    SitingError
        When the service does not start, the plan fails, does not pass the verifier, or the
        results cannot be written.
    """
    console = terminal()
    settings = with_api(load_settings(), host=None, port=0)
    prepare(out)
    began = time.monotonic()
    console.print("starting a private PostGIS, the API and a worker; loading Ezhou ...")
    with (
        TemporaryDirectory(prefix="siting-demo-") as scratch,
        _last_words(console, Path(scratch) / "service.log") as log,
        running_service(settings, log=log) as service,
        display(console) as report,
    ):
        started_s = time.monotonic() - began
        spec = ezhou_spec()
        plan_id = _plan_through_the_api(service, spec, report, began)
        report(Progress(phase="verify", fraction=0.0, elapsed_s=time.monotonic() - began))
        scenario, plan = _stored(service.settings, spec, plan_id)
        verify_plan(scenario, plan)
        report(Progress(phase="outputs", fraction=0.0, elapsed_s=time.monotonic() - began))
        coverage = build_coverage(scenario)
        written = write_outputs(scenario, plan, coverage, out, language=language)
    print_plan(console, plan_tables(scenario, plan, coverage), language=language)
    print_files(console, written.values())
    console.print(
        f"service up after {started_s:.1f} s, all done after {time.monotonic() - began:.1f} s; "
        "'siting serve' shows the same plan in the pages."
    )


@contextmanager
def _last_words(console: Console, log: Path) -> Iterator[Path]:
    """Yield the service's log file; print its end when anything goes wrong."""
    try:
        yield log
    except (DemoError, ServiceStartError):
        if log.exists():
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]:
                console.print(f"  | {line}", markup=False, highlight=False)
        raise


def _plan_through_the_api(
    service: RunningService, spec: ScenarioSpec, report: Report, began: float
) -> str:
    """Post scenario and plan, follow the events to the end, and return the plan's id."""
    base = f"{service.url}/api/v1"
    timeout = httpx.Timeout(30.0, read=60.0)
    with httpx.Client(base_url=base, timeout=timeout, trust_env=False) as client:
        body = spec.model_dump(mode="json", exclude_defaults=True)
        scenario = _answer(client.post("/scenarios", json=body))
        accepted = client.post(f"/scenarios/{scenario['id']}/plans")
        plan_id = str(_answer(accepted)["id"])
        report(Progress(phase="queued", fraction=0.0, elapsed_s=time.monotonic() - began))
        for event in _events(client, f"/plans/{plan_id}/events"):
            if "phase" in event:
                report(_progress(event))
            if (name := service.failed()) is not None:
                raise DemoError(f"the {name} process ended by itself; its last words are above")
        plan = _answer(client.get(f"/plans/{plan_id}"))
    if plan["state"] != "done":
        raise DemoError(f"the plan ended as {plan['state']}: {plan.get('error') or plan['reason']}")
    return plan_id


def _events(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """Yield the data of each server-sent event until the server ends the stream."""
    with client.stream("GET", path, headers={"Accept": "text/event-stream"}) as response:
        if not response.is_success:
            response.read()
            _answer(response)
        for line in response.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line.removeprefix("data:"))


def _progress(event: dict[str, Any]) -> Progress:
    known = {"phase", "fraction", "elapsed_s", "value", "bound", "unit"}
    return Progress(**{name: value for name, value in event.items() if name in known})


def _answer(response: httpx.Response) -> dict[str, Any]:
    """Return the body of a good answer.

    Raises
    ------
    DemoError
        With the service's own words when the answer is a problem.
    """
    if response.is_success:
        return dict(response.json())
    body = response.json()
    faults = "; ".join(f"{item['where']}: {item['what']}" for item in body.get("problems", []))
    raise DemoError(f"{response.request.url.path}: {body.get('detail')} {faults}".strip())


def _stored(settings: Settings, spec: ScenarioSpec, plan_id: str) -> tuple[Scenario, Plan]:
    """Read question and answer back from the database, as the service keeps them."""
    with ensure_ready(settings.database) as database, database.session() as session:
        data = planning_data.load_planning_data(session, spec.dataset)
        plan = plans.load_plan(session, uuid.UUID(plan_id))
        if plan is None:
            raise DemoError(f"plan {plan_id} has no stored result")
        return build_scenario(spec, data), plan
