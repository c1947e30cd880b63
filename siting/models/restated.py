"""Steps told anew after options of a plan were exchanged: values, limits and statuses that hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from siting.models.assemble import Assembled
from siting.models.bounds import service_bound
from siting.models.covering import CoverModel
from siting.models.reasons import changed_reason
from siting.plan import Step
from siting.status import Status

IndexArray = npt.NDArray[np.intp]


def promoted(model: CoverModel, selected: IndexArray, made_by: IndexArray) -> IndexArray:
    """Count stations of later steps to the targets until step 0 meets every level by itself.

    Parameters
    ----------
    model
        The question.
    selected, made_by
        Options of the plan and the step each belongs to, (s,) each.

    Returns
    -------
    array
        The steps, (s,); as they were where the whole plan does not meet the levels either.

    Notes
    -----
    Each time the option that serves the most of what is missing, each target counting alike; ties
    go to the first.
    """
    made_by = made_by.copy()
    if not model.meets_targets(selected):
        return made_by
    while not model.meets_targets(selected[made_by == 0]):
        served = model.served(selected[made_by == 0])
        short = model.needed - model.target_weights @ served.astype(np.float64)
        share = np.where(short > 0, 1.0 / np.maximum(model.total, 1e-300), 0.0)
        worth = np.where(served, 0.0, model.target_weights.T @ share)
        gain = (model.cover.T @ worth)[selected]
        made_by[np.argmax(np.where(made_by > 0, gain, -1.0))] = 0
    return made_by


def restated(
    question: Assembled,
    steps: Sequence[Step],
    selected: IndexArray,
    made_by: IndexArray,
    *,
    changed: int,
) -> list[Step]:
    """Return the steps with what they claim of a changed selection.

    The limit of the targets holds as it was: every plan that meets SINR too meets the levels. That
    of the service is drawn anew from the same prices, for the options that step 0 has now.

    Parameters
    ----------
    question
        The model.
    steps
        The steps as they were solved.
    selected, made_by
        Options and the step each belongs to, (s,) each.
    changed
        Number of options that are new, for the sentences.
    """
    model, fixed = question.model, selected[made_by == 0]
    met = model.meets_targets(fixed)
    told: list[Step] = []
    for step in steps:
        if step.name == "service":
            told.append(_service(question, step, fixed, selected, changed))
            continue
        value = float(len(fixed) if step.name == "stations" else model.cost(fixed))
        told.append(
            dataclasses.replace(
                step,
                value=value,
                status=_status(model, step, steps, value, met=met),
                reason=changed_reason(len(fixed), changed, met=met)
                if not model.impossible.any()
                else step.reason,
            )
        )
    return told


def _status(
    model: CoverModel, step: Step, steps: Sequence[Step], value: float, *, met: bool
) -> Status:
    """Say what is known of the levels."""
    if step.name == "targets" and model.impossible.any():
        return Status.INFEASIBLE
    if met:
        return Status.OPTIMAL if value <= step.bound else Status.FEASIBLE
    limits = [item.bound for item in steps if item.name == "stations"]
    if step.name == "stations":
        return Status.INFEASIBLE if step.bound > value else Status.UNKNOWN
    few = model.stations is not None and any(bound > model.stations for bound in limits)
    return Status.INFEASIBLE if few else Status.UNKNOWN


def _service(
    question: Assembled, step: Step, fixed: IndexArray, selected: IndexArray, changed: int
) -> Step:
    model = question.model
    assert step.certificate is not None  # noqa: S101 - every step that was solved has one
    stations = model.cover.shape[1] if model.stations is None else model.stations
    prices = question.prices(step.certificate)
    bound = service_bound(model, prices, fixed, max(stations - len(fixed), 0))
    value = float(model.objective[model.served(selected)].sum())
    return dataclasses.replace(
        step,
        value=value,
        bound=bound,
        status=Status.OPTIMAL if value >= bound else Status.FEASIBLE,
        reason=f"{len(selected)} stations are planned; exchanged for their interference after this "
        f"step was solved: {changed}.",
    )
