"""The service as its clients see it, and a finished plan that a worker might have made."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import numpy as np
import uvicorn
from sqlalchemy import Engine

from app.database import Database
from app.jobs import Kind
from app.main import create_app
from app.repository import computations, plan_results, plans, scenarios
from app.repository.planning_data import dataset, load_planning_data
from app.settings import Settings
from app.tables import PlanState
from siting.plan import Outcome, Plan, Step, judge
from siting.scenario import Scenario, build_scenario
from siting.spec import ScenarioSpec
from siting.status import Sense, Status


@contextmanager
def running(settings: Settings, *, root_path: str = "") -> Iterator[httpx.Client]:
    """Run the service in a thread and lend a client of it.

    With `root_path` as behind a proxy that serves it below that path and takes the path off.
    """
    config = uvicorn.Config(
        create_app(settings),
        host="127.0.0.1",
        port=0,
        log_level="critical",
        lifespan="on",
        root_path=root_path,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        base = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=base, timeout=30.0, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@dataclass(frozen=True, slots=True)
class City:
    """Ezhou with one finished plan, served.

    Parameters
    ----------
    client
        A client of the service.
    engine
        Connections to its database, to compare answers with.
    settings
        What the service runs with.
    scenario, scenario_id
        The question.
    plan, plan_id
        The finished plan: three hundred stations picked by a rule, not solved for.
    served
        Which demand points it claims to serve by the standard in focus.
    """

    client: httpx.Client
    engine: Engine
    settings: Settings
    scenario: Scenario
    scenario_id: uuid.UUID
    plan: Plan
    plan_id: uuid.UUID
    served: np.ndarray


SPEC = ScenarioSpec.parse(
    {
        "name": "一个问题 / A question",
        "stations": 300,
        "targets": [
            {"kinds": ["airport"], "standard": "quality-outdoor", "required_fraction": 0.9}
        ],
        "objective": {"standard": "quality-outdoor"},
    }
)


def store_plan(
    database: Database,
) -> tuple[Scenario, uuid.UUID, Plan, uuid.UUID, np.ndarray]:
    """Store a scenario and a finished plan that a worker might have made."""
    with database.session() as session:
        scenario = build_scenario(SPEC, load_planning_data(session, SPEC.dataset))
        question = scenarios.create(session, SPEC, scenario_hash=scenario.hash)
        asked = plans.create_queued(session, question.id)
        work = computations.begin(session, Kind.PLAN, asked.id)
        assert work is not None
        plan, served = a_plan(scenario)
        plan_results.save_result(
            session,
            work,
            scenario=scenario,
            dataset_id=SPEC.dataset,
            dataset_hash=dataset(session, SPEC.dataset).content_hash,
            plan=plan,
            served={"quality-outdoor": served},
            state=PlanState.DONE,
        )
    return scenario, question.id, plan, asked.id, served


def a_plan(scenario: Scenario) -> tuple[Plan, np.ndarray]:
    """Return a plan of three hundred evenly picked options, and a pattern of served demand."""
    options = scenario.options
    selected = np.unique(np.linspace(0, len(options) - 1, 300).astype(np.intp))
    demand = scenario.data.demand
    served = (demand.id // 7) % 3 != 0
    area = demand.weights["area_m2"]
    outcomes = []
    for target in scenario.targets:
        inside = demand.in_zone(target.zone_id)
        total, reached = float(area[inside].sum()), float(area[inside][served[inside]].sum())
        outcomes.append(
            Outcome(
                zone_id=target.zone_id,
                standard_id=target.standard_id,
                weight="area_m2",
                total=total,
                served=reached,
                reachable=total,
                required_fraction=target.required_fraction,
                state=judge(
                    total=total,
                    served=reached,
                    reachable=total,
                    required_fraction=target.required_fraction,
                ),
            )
        )
    cost = int(
        options.cost_cny[selected].sum()
        + scenario.data.sites.fixed_cost_cny[np.unique(options.site[selected])].sum()
    )
    steps = (
        Step(
            name="targets",
            sense=Sense.MINIMISE,
            unit="CNY",
            value=float(cost),
            bound=cost * 0.9,
            status=Status.FEASIBLE,
            reason="picked by a rule",
            runtime_s=0.1,
            certificate=None,
        ),
        Step(
            name="service",
            sense=Sense.MAXIMISE,
            unit="population",
            value=float(demand.weights["population"][served].sum()),
            bound=float("inf"),
            status=Status.FEASIBLE,
            reason="nothing is proven",
            runtime_s=0.1,
            certificate=None,
        ),
    )
    plan = Plan(
        scenario_hash=scenario.hash,
        status=Status.FEASIBLE,
        reason="picked by a rule",
        selected=selected,
        chosen_in=np.where(np.arange(len(selected)) % 2 == 0, 0, 1).astype(np.intp),
        steps=steps,
        targets=tuple(outcomes),
        information=(),
        stations=len(selected),
        sites=len(np.unique(options.site[selected])),
        cost_cny=cost,
        seed=0,
        runtime_s=0.2,
        version="test",
        provenance={"candidate sites": {"synthetic": 1.0}},
    )
    return plan, served
