"""What a selection reaches: objective, assignment and served demand, from the raw model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.programme import LocationModel

Assignment = npt.NDArray[np.intp] | sp.csr_array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reached:
    """What a selection reaches.

    Parameters
    ----------
    objective
        Value of the model's objective.
    assignment
        As in :class:`siting.location.solution.Solution`.
    served
        Share of each demand point that is served, 0..1, (n,).
    """

    objective: float
    assignment: Assignment
    served: npt.NDArray[np.float64]


def reached(
    model: LocationModel, selected: npt.NDArray[np.intp], assignment: Assignment | None
) -> Reached:
    """Evaluate a selection; capacitated models need its assignment too."""
    match model:
        case SetCovering() | MaximalCovering() | PartialCovering():
            return _covered(model, selected)
        case PMedian() | PCenter():
            return _nearest(model, selected)
        case _:
            assert assignment is not None  # noqa: S101 - every capacitated search assigns
            return _assigned(model, selected, assignment)


def _covered(
    model: SetCovering | MaximalCovering | PartialCovering, selected: npt.NDArray[np.intp]
) -> Reached:
    n, m = model.cover.shape
    chosen = np.zeros(m, dtype=np.int32)
    chosen[selected] = 1
    count = np.asarray(model.cover @ chosen)
    need = 1 if isinstance(model, PartialCovering) else model.k
    served = count >= need
    by_option = sp.csr_array(model.cover[:, selected])
    by_option.sort_indices()
    assignment = np.full(n, -1, dtype=np.intp)
    some = np.flatnonzero(served & (np.diff(by_option.indptr) > 0))
    assignment[some] = selected[by_option.indices[by_option.indptr[some]]]
    if isinstance(model, MaximalCovering):
        objective = float(model.demand[served].sum())
    else:
        objective = model.rules.cost(selected, model.cost)
    return Reached(objective=objective, assignment=assignment, served=served.astype(np.float64))


def _nearest(model: PMedian | PCenter, selected: npt.NDArray[np.intp]) -> Reached:
    n = len(model.demand)
    if not len(selected):
        nobody = np.full(n, -1, dtype=np.intp)
        return Reached(objective=np.inf, assignment=nobody, served=np.zeros(n))
    distance = model.distance[:, selected]
    best = distance.argmin(axis=1)
    nearest = distance[np.arange(n), best]
    finite = np.isfinite(nearest)
    assignment = np.where(finite, selected[best], -1).astype(np.intp)
    if isinstance(model, PCenter):
        objective = float(nearest.max())
    else:
        opened = np.unique(model.rules.site[selected])
        objective = float((model.demand * nearest).sum() + model.rules.site_cost[opened].sum())
    return Reached(objective=objective, assignment=assignment, served=finite.astype(np.float64))


def _assigned(
    model: CapacitatedCovering | CapacitatedFacilityLocation,
    selected: npt.NDArray[np.intp],
    assignment: Assignment,
) -> Reached:
    n, m = len(model.demand), model.rules.options
    if isinstance(assignment, np.ndarray):
        some = np.flatnonzero(assignment >= 0)
        place = (some, assignment[some])
        share = sp.csr_array((np.ones(len(some)), place), shape=(n, m))
    else:
        share = assignment
    served = np.minimum(np.asarray(share.sum(axis=1)).reshape(-1), 1.0)
    spent = model.rules.cost(selected, model.cost)
    if isinstance(model, CapacitatedFacilityLocation):
        parts = share.tocoo()
        i, j = parts.coords
        carried = model.demand[i] * model.distance[i, j] * parts.data
        return Reached(objective=spent + float(carried.sum()), assignment=assignment, served=served)
    objective = spent if model.required is not None else float(model.demand @ served)
    return Reached(objective=objective, assignment=assignment, served=served)
