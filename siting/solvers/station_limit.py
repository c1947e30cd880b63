"""Step one when the targets ask for more stations than there may be."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.maximal_covering.search import Search
from siting.models.covering import CoverModel
from siting.solvers.proven import Proven
from siting.solvers.service_step import rest_of
from siting.solvers.target_step import cheapest_at_locked, solve_targets

#: Surcharges per station tried between the cheapest and the fewest, each half the one before.
SURCHARGES = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limited:
    """The answer under a limit on stations.

    Parameters
    ----------
    selected
        Options, at most the limit.
    fewest
        The least number of stations the targets need, with its own limit.
    within
        Whether `selected` meets every requirement that can be met.
    """

    selected: npt.NDArray[np.intp]
    fewest: Proven
    within: bool


def solve_within(
    model: CoverModel, cheapest: Proven, *, clock: Clock, gap: float, seed: int
) -> Limited:
    """Find the cheapest answer with at most ``model.stations`` options, or the best part of one.

    Parameters
    ----------
    model
        The question, with a number of stations.
    cheapest
        The answer without the limit, which has more stations.
    clock, gap, seed
        As in :func:`siting.solvers.target_step.solve_targets`.
    """
    stations = 0 if model.stations is None else model.stations
    counted = dataclasses.replace(
        model,
        option_cost=np.ones_like(model.option_cost),
        site_cost=np.zeros_like(model.site_cost),
    )
    fewest = solve_targets(counted, clock=clock.until(0.5), gap=gap, seed=seed, unit="stations")
    if len(fewest.selected) > stations or not model.meets_targets(fewest.selected):
        return Limited(selected=best_part(model, stations), fewest=fewest, within=False)
    best = fewest.selected
    surcharge = int(model.option_cost.max(initial=0) + model.site_cost.max(initial=0))
    for number in range(SURCHARGES):
        if clock.expired():
            break
        dearer = dataclasses.replace(model, option_cost=model.option_cost + surcharge)
        part = clock.until(1.0 / (SURCHARGES - number + 1))
        answer = solve_targets(dearer, clock=part, gap=gap, seed=seed, start=cheapest.selected)
        if len(answer.selected) > stations:
            break
        if model.cost(answer.selected) < model.cost(best):
            best = answer.selected
        surcharge //= 2
    return Limited(selected=best, fewest=fewest, within=True)


def best_part(
    model: CoverModel, stations: int, standing: npt.NDArray[np.intp] | None = None
) -> npt.NDArray[np.intp]:
    """Choose stations that serve the most of what the targets need, each target counting alike.

    What stands comes first, then locked sites, each with its cheapest option.
    """
    fixed = cheapest_at_locked(model)
    if standing is not None:
        opened = np.isin(model.option_site[fixed], model.option_site[standing])
        fixed = np.concatenate([standing, fixed[~opened]])
    fixed = fixed[:stations]
    needed = model.needed
    share = np.where(needed > 0, 1.0 / np.where(needed > 0, needed, 1.0), 0.0)
    question = dataclasses.replace(model, objective=model.target_weights.T @ share)
    rest = rest_of(question, fixed)
    if rest.problem is None:
        return fixed
    greedy = Search(problem=rest.problem, seed=0, threads=1)
    return np.union1d(fixed, rest.options[greedy.best]).astype(np.intp)
