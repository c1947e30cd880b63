"""The computation of a plan: read the question, solve, verify, store in one commit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from app import translate
from app.computing import Asked, Reporter
from app.database import Database
from app.repository import planning_data, plans, scenarios
from app.repository.computations import SupersededError
from app.repository.plan_checkpoints import checkpoint, save_checkpoint
from app.repository.plan_results import save_result
from app.solver_process import Ended, Ending, Request, Task
from app.tables import PlanState
from siting.coverage import Coverage, build_coverage
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.scenario import Scenario, build_scenario


def compute_plan(
    database: Database, task: Task, asked: Asked, report: Reporter, tell: Callable[[str], None]
) -> Ended:
    """Compute, verify and store the plan of a task.

    Parameters
    ----------
    database, task
        What to compute, where.
    asked, report
        What the worker asks for meanwhile; told how far it is.
    tell
        Called with ``"searching"`` when the search begins, and with ``"solved"`` when it has ended
        and only verifying and storing is left.

    Raises
    ------
    siting.errors.SitingError
        When the scenario cannot be planned, or the plan does not stand up to verification.
    concurrent.futures.CancelledError
        When it was stopped before there was any plan.
    SupersededError
        When another worker has taken the plan over.
    """
    dataset_id, dataset_hash, scenario, start = _question(database, task)
    coverage = build_coverage(scenario, stop=asked, progress=report)
    tell("searching")
    plan = plan_scenario(scenario, coverage=coverage, stop=asked, progress=report, warm_start=start)
    stopped = asked.request
    tell("solved")
    if asked.superseded:
        return Ended(how=Ending.SUPERSEDED)
    if stopped is Request.HAND_BACK:
        with database.session() as session:
            save_checkpoint(session, task.work, scenario_hash=scenario.hash, selected=plan.selected)
        return Ended(how=Ending.HANDED_BACK)
    report.phase("verify")
    verify_plan(scenario, plan)
    with database.session() as session:
        save_result(
            session,
            task.work,
            scenario=scenario,
            dataset_id=dataset_id,
            dataset_hash=dataset_hash,
            plan=plan,
            served=_served(coverage, plan.selected),
            state=PlanState.CANCELLED if stopped is Request.CANCEL else PlanState.DONE,
        )
    return Ended(how=Ending.STORED)


def _served(coverage: Coverage, selected: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[np.bool_]]:
    """Say per standard which demand points the chosen options serve."""
    served: dict[str, npt.NDArray[np.bool_]] = {}
    for standard_id, matrix in coverage.by_standard.items():
        chosen = np.zeros(matrix.shape[1], dtype=np.int32)
        chosen[selected] = 1
        served[standard_id] = matrix @ chosen > 0
    return served


def _question(
    database: Database, task: Task
) -> tuple[str, str, Scenario, npt.NDArray[np.intp] | None]:
    """Read the scenario and its planning data as they are at one moment."""
    with database.session() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        plan = plans.get(session, task.work.id)
        row = None if plan is None else scenarios.get(session, plan.scenario_id)
        if row is None:
            raise SupersededError("its scenario was deleted")
        head = planning_data.dataset(session, row.dataset_id)
        data = planning_data.load_planning_data(session, row.dataset_id)
        scenario = build_scenario(translate.spec_value(row.spec), data)
        start = checkpoint(session, task.work, scenario_hash=scenario.hash)
        return head.id, head.content_hash, scenario, start
