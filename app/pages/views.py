"""A stored plan as the values pages and maps draw, kept in memory until its data change."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy.orm import Session

from app.repository import planning_data, plans, scenarios
from app.repository.planning_data import PlanningDataCache
from siting.coverage import build_coverage
from siting.maps import DemandLayer, demand_tiles
from siting.plan import Plan
from siting.report import PlanTables, plan_tables
from siting.scenario import Scenario, build_scenario
from siting.spec import ScenarioSpec

_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanView:
    """A finished plan, ready to be shown.

    Parameters
    ----------
    tables
        Its tables, sentences and figures.
    demand
        Who is served, as vector tiles of this service.
    """

    tables: PlanTables
    demand: tuple[DemandLayer, ...]


class StalePlanError(Exception):
    """The planning data were replaced since the plan was made."""


class PlanViews:
    """The views of the last few plans that were looked at; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[uuid.UUID, tuple[str | None, PlanView]] = OrderedDict()

    def get(
        self, session: Session, planning: PlanningDataCache, plan_id: uuid.UUID
    ) -> PlanView | None:
        """Return a plan's view, None when the plan has no result.

        Raises
        ------
        StalePlanError
            When the stored planning data no longer are those the plan was made on.
        """
        # One at a time: two browsers that open the same plan cause one computation.
        with self._lock:
            content_hash = planning_data.content_hash_of_plan(session, plan_id)
            kept = self._kept.get(plan_id)
            if kept is None or kept[0] != content_hash:
                self._kept.pop(plan_id, None)
                found = _stored(session, planning, plan_id)
                if found is None:
                    return None
                kept = self._kept[plan_id] = (content_hash, _view(*found, plan_id))
            self._kept.move_to_end(plan_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return kept[1]


def views_of(request: Request) -> PlanViews:
    """Return the application's views."""
    state = request.app.state
    if not hasattr(state, "plan_views"):
        state.plan_views = PlanViews()
    return state.plan_views


def _stored(
    session: Session, planning: PlanningDataCache, plan_id: uuid.UUID
) -> tuple[Scenario, Plan] | None:
    plan = plans.load_plan(session, plan_id)
    row = plans.get(session, plan_id)
    if plan is None or row is None:
        return None
    question = scenarios.get(session, row.scenario_id)
    if question is None:
        return None
    spec = ScenarioSpec.parse(question.spec)
    scenario = build_scenario(spec, planning.get(session, spec.dataset))
    if scenario.hash != plan.scenario_hash:
        raise StalePlanError(str(plan_id))
    return scenario, plan


def _view(scenario: Scenario, plan: Plan, plan_id: uuid.UUID) -> PlanView:
    coverage = build_coverage(scenario)
    template = f"/api/v1/plans/{plan_id}/tiles/demand/{{z}}/{{x}}/{{y}}.mvt"
    return PlanView(
        tables=plan_tables(scenario, plan, coverage),
        demand=demand_tiles(scenario, plan, coverage, template),
    )
