"""Storing a verified plan whole, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app import translate
from app.jobs import Kind, driver_connection
from app.repository.computations import SupersededError, Work, end, held
from app.tables import (
    CandidateSite,
    Dataset,
    Plan,
    PlanDemand,
    PlanOption,
    PlanOutcome,
    PlanState,
)
from siting import plan as values
from siting.scenario import Scenario
from siting.standing import work_of


def save_result(
    session: Session,
    work: Work,
    *,
    scenario: Scenario,
    dataset_id: str,
    dataset_hash: str,
    plan: values.Plan,
    served: Mapping[str, npt.NDArray[np.bool_]],
    state: PlanState,
) -> None:
    """Store a verified plan whole, in the caller's one transaction.

    Parameters
    ----------
    session, work
        Open session and the attempt that made the plan.
    scenario
        The question.
    dataset_id, dataset_hash
        Planning data it was asked about, and their content then.
    plan
        The answer.
    served
        Per standard id, which demand points the plan serves, boolean (n,).
    state
        ``DONE``, or ``CANCELLED`` for the best plan of a search that was stopped.

    Raises
    ------
    SupersededError
        When the plan is no longer this attempt's, or its planning data were replaced meanwhile.
    """
    row = cast("Plan", held(session, work))
    current = session.scalar(select(Dataset.content_hash).where(Dataset.id == dataset_id))
    if current != dataset_hash:
        raise SupersededError(f"data set {dataset_id!r} was replaced while the plan was computed")
    row.status = plan.status.value
    row.scenario_hash, row.dataset_hash = plan.scenario_hash, dataset_hash
    row.standards = [item.id for item in scenario.standards]
    row.stations, row.sites, row.cost_cny = plan.stations, plan.sites, plan.cost_cny
    row.seed, row.runtime_s, row.version = plan.seed, plan.runtime_s, plan.version
    row.provenance = {layer: dict(shares) for layer, shares in plan.provenance.items()}
    for position, step in enumerate(plan.steps):
        step_row = translate.step_row(position, step)
        step_row.plan_id = row.id
        session.add(step_row)
    _save_options(session, row.id, dataset_id, scenario, plan)
    _save_outcomes(session, row.id, scenario, plan)
    _save_served(session, row.id, scenario, served)
    end(session, Kind.PLAN, row, state, reason=plan.reason)


def _save_options(
    session: Session, plan_id: uuid.UUID, dataset_id: str, scenario: Scenario, plan: values.Plan
) -> None:
    """Store the stations; their places are copied from the candidate sites, bit for bit."""
    sites, options, directed = scenario.data.sites, scenario.options, scenario.directed
    query = select(CandidateSite.id, CandidateSite.geom)
    places = session.execute(query.where(CandidateSite.dataset_id == dataset_id))
    stored = {row.id: row.geom for row in places}
    work = work_of(options, scenario.standing)
    rows = [
        {
            "plan_id": plan_id,
            "option": option,
            "site_id": sites.id[site],
            "site_kind": sites.kind[site].value,
            "district": sites.district[site],
            "technology_id": scenario.technologies[options.technology[option]].id,
            "step": int(step),
            "height_m": float(options.height_m[option]),
            "turn_deg": float(options.turn_deg[option]) if directed[option] else None,
            "tilt_deg": float(options.tilt_deg[option]) if directed[option] else None,
            "cost_cny": int(options.cost_cny[option]),
            "site_cost_cny": int(sites.fixed_cost_cny[site]),
            "work": str(work[option]),
            "provenance": sites.provenance[site].value,
            "geom": stored[sites.id[site]],
        }
        for option, step in zip(plan.selected.tolist(), plan.chosen_in.tolist(), strict=True)
        for site in (int(options.site[option]),)
    ]
    if rows:
        session.execute(insert(PlanOption), rows)


def _save_outcomes(
    session: Session, plan_id: uuid.UUID, scenario: Scenario, plan: values.Plan
) -> None:
    zones = {zone.id: zone for zone in scenario.data.zones}
    area = scenario.data.study_area
    rows = [
        {
            "plan_id": plan_id,
            "position": position,
            "is_target": position < len(plan.targets),
            "zone_id": outcome.zone_id,
            "zone_name_zh": (zones.get(outcome.zone_id) or area).name_zh,
            "zone_name_en": (zones.get(outcome.zone_id) or area).name_en,
            "zone_kind": zones[outcome.zone_id].kind.value if outcome.zone_id in zones else "city",
            "standard_id": outcome.standard_id,
            "weight": outcome.weight,
            "total": outcome.total,
            "served": outcome.served,
            "reachable": outcome.reachable,
            "required_fraction": outcome.required_fraction,
            "state": None if outcome.state is None else outcome.state.value,
            "shortfall": outcome.shortfall,
            "min_ss_sinr_db": outcome.min_ss_sinr_db,
            "clear": outcome.clear,
        }
        for position, outcome in enumerate((*plan.targets, *plan.information))
    ]
    if rows:
        session.execute(insert(PlanOutcome), rows)


def _save_served(
    session: Session,
    plan_id: uuid.UUID,
    scenario: Scenario,
    served: Mapping[str, npt.NDArray[np.bool_]],
) -> None:
    """Copy one row per demand point; bit k says whether standard k of the scenario is met."""
    demand = scenario.data.demand
    mask = np.zeros(len(demand), dtype=np.int64)
    for bit, standard in enumerate(scenario.standards):
        mask |= served[standard.id].astype(np.int64) << bit
    columns = f"{PlanDemand.__tablename__} (plan_id, demand_id, served)"
    with (
        driver_connection(session).cursor() as cursor,
        cursor.copy(f"copy {columns} from stdin") as copy,
    ):
        key = str(plan_id)
        copy.write(
            "".join(
                f"{key}\t{number}\t{bits}\n"
                for number, bits in zip(demand.id.tolist(), mask.tolist(), strict=True)
            )
        )
