"""The stations a prediction is asked about: those of a stored plan, or of a list."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app import translate
from app.repository import plans, scenarios
from siting.errors import InputError, Problem
from siting.io.station_list import listed_stations
from siting.provenance import Provenance, worst
from siting.radio.network.plan_network import Stations, plan_stations
from siting.scenario import PlanningData, build_scenario

#: Gives the planning data of an id.
DataOf = Callable[[str], PlanningData]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Stations, where they stand, and where they come from.

    Parameters
    ----------
    dataset_id, data
        Study area and equipment.
    stations, provenance
        What is on air, and the worst origin of it.
    """

    dataset_id: str
    data: PlanningData
    stations: Stations
    provenance: Provenance


def network_of_plan(session: Session, plan_id: uuid.UUID, data_of: DataOf) -> Network:
    """Return the stations of a stored plan.

    Raises
    ------
    siting.errors.InputError
        When there is no such plan, it has no stations, or its planning data have changed so that
        its options are no longer those it chose from.
    """
    row = plans.get(session, plan_id)
    question = None if row is None else scenarios.get(session, row.scenario_id)
    if row is None or question is None:
        raise _refused(f"there is no plan {plan_id}", "/api/v1/plans lists them")
    if not row.stations:
        what = f"plan {plan_id} has no stations; its state is {row.state!r}"
        raise _refused(what, "name a plan with a result")
    spec = translate.spec_value(question.spec)
    data = data_of(spec.dataset)
    hint = "ask for a new plan, or send the stations of this one as a list"
    changed = f"the planning data of plan {plan_id} have changed since it was made"
    try:
        scenario = build_scenario(spec, data)
    except InputError as error:
        raise _refused(f"{changed}: {error}", hint) from None
    if scenario.hash != row.scenario_hash:
        raise _refused(changed, hint)
    chosen = plans.options(session, plan_id)
    return Network(
        dataset_id=spec.dataset,
        data=data,
        stations=plan_stations(scenario, np.array([item.option for item in chosen])),
        provenance=worst(Provenance(item.provenance) for item in chosen),
    )


def network_of_list(
    rows: Sequence[Mapping[str, Any]],
    dataset_id: str,
    data_of: DataOf,
    *,
    positions: Sequence[int] | None = None,
) -> Network:
    """Return listed stations.

    Raises
    ------
    siting.errors.InputError
        With every bad value of every station, by its place in the list.
    """
    data = data_of(dataset_id)
    listed = listed_stations(
        rows, technologies=data.technologies, crs=data.study_area.crs, positions=positions
    )
    return Network(
        dataset_id=dataset_id, data=data, stations=listed.stations, provenance=listed.provenance
    )


def _refused(what: str, hint: str) -> InputError:
    return InputError(Problem("plan_id", what, hint))
