"""Plain sentences on why a step ended and what cannot be met."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from siting.models.covering import CoverModel
from siting.plan import Step
from siting.scenario import Scenario
from siting.status import Status


def targets_reason(
    scenario: Scenario,
    model: CoverModel,
    status: Status,
    ended: str,
    fewest: tuple[float, float] | None,
) -> str:
    """Say how step one ended.

    Parameters
    ----------
    fewest
        Stations of the answer with the fewest, and the proven least number; None when the number
        of stations did not matter.
    """
    impossible = np.flatnonzero(model.impossible)
    if len(impossible):
        parts = []
        for index in impossible:
            target = scenario.targets[index]
            reach = model.reach[index] / model.total[index]
            parts.append(
                f"{target.zone_id} by {target.standard_id} can reach at most "
                f"{_percent(reach)} of its {target.weight} where "
                f"{_percent(target.required_fraction)} is asked"
            )
        return (
            "Not every target can be met with all candidates built: "
            + "; ".join(parts)
            + "; the plan serves the most that can be reached there."
        )
    if fewest is not None and status in (Status.INFEASIBLE, Status.UNKNOWN):
        value, bound = fewest
        known = "proven to need" if status is Status.INFEASIBLE else "not known to need fewer than"
        count = bound if status is Status.INFEASIBLE else value
        least = "at least " if status is Status.INFEASIBLE else ""
        return (
            f"The targets are {known} {least}{count:.0f} stations and the scenario allows "
            f"{model.stations}; the plan serves what that number can."
        )
    if status is Status.UNKNOWN:
        return (
            "No selection was found that meets every target, though the candidates could reach it "
            "if each were configured in every way at once; the plan serves what it can."
        )
    if status is Status.OPTIMAL:
        return "Every target is met and no cheaper selection exists."
    return f"Every target is met; {ended}."


def stations_reason(*, within: bool, used: float, bound: float, ended: str) -> str:
    """Say what is known about the least number of stations."""
    least = f"at least {bound:.0f} stations are needed"
    if within:
        return f"The targets are met with {used:.0f} stations; {least}; {ended}."
    return f"The targets are not met with {used:.0f} stations; {least}; {ended}."


def service_reason(
    model: CoverModel, fixed: npt.NDArray[np.intp], added: npt.NDArray[np.intp], ended: str
) -> str:
    """Say how step two ended."""
    used = len(fixed) + len(added)
    served = model.served(np.union1d(fixed, added))
    left = bool(np.any(model.reachable & ~served & (model.objective > 0)))
    if model.stations is not None and used < model.stations and not left:
        return (
            f"Everything the candidates can reach is served with {used} of {model.stations} "
            f"stations; a further station would serve nobody more."
        )
    return f"{used} stations are planned; {ended}."


def plan_reason(steps: Sequence[Step]) -> str:
    """Join the steps' sentences."""
    return " ".join(step.reason for step in steps)


def _percent(share: float) -> str:
    """Write a share so that rounding never makes it look met."""
    return f"{np.floor(share * 1e4) / 1e2:g} %"
