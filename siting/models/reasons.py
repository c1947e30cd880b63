"""Plain sentences on why a step ended and what cannot be met."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from siting.models.covering import CoverModel
from siting.plan import Outcome, Step, TargetState
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


def changed_reason(used: int, changed: int, *, met: bool) -> str:
    """Say what a step's stations became after exchanges against interference."""
    level = "Every target's level is met" if met else "Not every target's level is met"
    return (
        f"{level} with {used} stations; exchanged for their interference after this step was "
        f"solved: {changed}."
    )


def sinr_reason(targets: Sequence[Outcome]) -> str:
    """Say which zones miss the SINR they ask for and by how much; empty where none is asked."""
    asked = [item for item in targets if item.min_ss_sinr_db is not None]
    if not asked:
        return ""
    missing = [
        f"{item.zone_id} by {item.standard_id} has {item.min_ss_sinr_db:g} dB on "
        f"{_percent(item.clear_share)} of its {item.weight} where "
        f"{_percent(item.required_fraction or 0.0)} is asked"
        for item in asked
        if item.state not in (TargetState.MET, TargetState.NOT_ASSESSABLE)
    ]
    if not missing:
        return "Every SINR target is met in the interference predicted on the whole plan."
    return "SINR targets are missed in the interference predicted: " + "; ".join(missing) + "."


def plan_reason(steps: Sequence[Step], targets: Sequence[Outcome] = ()) -> str:
    """Join the steps' sentences, and say which zones miss their SINR."""
    sentences = [*(step.reason for step in steps), sinr_reason(targets)]
    return " ".join(sentence for sentence in sentences if sentence)


def _percent(share: float) -> str:
    """Write a share so that rounding never makes it look met."""
    return f"{np.floor(share * 1e4) / 1e2:g} %"
