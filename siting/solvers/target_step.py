"""Step one: meet every target at least cost, with a proven limit."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.partial_covering.relaxation import Duals
from siting.location.partial_covering.search import Search
from siting.location.partial_covering.zero_half import PricedCuts
from siting.models.bounds import targets_bound
from siting.models.covering import CoverModel
from siting.models.presolve import SetCover, lift, reduce_targets
from siting.solvers.proven import Proven
from siting.solvers.service_step import solve_service

log = logging.getLogger(__name__)

#: Share of the time for what comes nearest where no selection is found that meets every target.
NEAR_SHARE = 0.15
#: Descents and cuts that run side by side.
THREADS = 2


def solve_targets(
    model: CoverModel,
    *,
    clock: Clock,
    gap: float = 0.0,
    seed: int = 0,
    start: npt.NDArray[np.intp] | None = None,
    unit: str = "CNY",
) -> Proven:
    """Solve step one of a model.

    Parameters
    ----------
    model
        The question; targets out of reach are taken at their reachable maximum.
    clock
        When to end.
    gap
        Relative gap that is good enough.
    seed
        Of the search.
    start
        Options of an earlier answer, or None.
    unit
        Unit of the costs, for the reports.

    Returns
    -------
    Proven
        The cheapest answer found; it meets every requirement that can be met. Where none was found
        because stations cannot be configured in several ways at once, the best that was.

    Notes
    -----
    The reduced question is one of partial covering, with bundles of options as columns; the engine
    of :mod:`siting.location.partial_covering` answers it.
    """

    def begin(asked: CoverModel, known: npt.NDArray[np.intp] | None) -> tuple[SetCover, Search]:
        reduced = reduce_targets(asked)
        search = Search(reduced.problem, clock, gap=gap, tell=tell, threads=THREADS)
        search.construct(None if known is None else reduced.columns_of(known))
        return reduced, search

    def tell(fraction: float, value: float | None, bound: float | None) -> None:
        clock.report("targets", fraction, value=value, bound=bound, unit=unit)

    reduced, search = begin(model, start)
    near = None
    if search.best is None:
        near = most_of_each(model, clock.until(NEAR_SHARE))
        search.construct(reduced.columns_of(near))
    if near is not None and search.best is None:
        reached = model.target_weights @ model.served(near).astype(np.float64)
        lesser = dataclasses.replace(model, required=np.minimum(model.required, reached))
        reduced, search = begin(lesser, near)
    log.info(
        "targets: rows=%d columns=%d nnz=%d hard=%d in %.2f s",
        reduced.problem.rows,
        reduced.problem.columns,
        len(reduced.problem.row_cols),
        reduced.problem.hard.sum(),
        clock.elapsed_s,
    )
    search.price()
    search.descend(seed)
    found = _result(model, reduced, search)
    if near is not None and search.best is None:
        found = dataclasses.replace(found, selected=near, value=float(model.cost(near)))
    return found


def most_of_each(model: CoverModel, clock: Clock) -> npt.NDArray[np.intp]:
    """Return options that serve as much as can be of what targets need, each target alike.

    Of a station one option serves, so that all that can be reached need not be served at once.
    """
    share = np.where(model.needed > 0, 1.0 / np.maximum(model.needed, 1e-300), 0.0)
    most = dataclasses.replace(model, objective=model.target_weights.T @ share, stations=None)
    fixed = cheapest_at_locked(model)
    found = solve_service(most, fixed, clock=clock)
    return np.union1d(fixed, found.selected).astype(np.intp)


def cheapest_at_locked(model: CoverModel) -> npt.NDArray[np.intp]:
    """Return the cheapest option of every locked site, ascending."""
    order = np.lexsort((np.arange(len(model.option_cost)), model.option_cost))
    _, first = np.unique(model.option_site[order], return_index=True)
    cheapest = order[first]
    return np.sort(cheapest[model.locked[model.option_site[cheapest]]]).astype(np.intp)


def _result(model: CoverModel, reduced: SetCover, search: Search) -> Proven:
    """Carry answer and multipliers back to the model."""
    columns = np.zeros(0, dtype=np.intp) if search.best is None else search.best
    selected = reduced.options_of(columns)
    bound, best = -np.inf, (np.zeros(0), np.zeros(0), None)
    tried: list[tuple[Duals, PricedCuts | None]] = [
        (search.duals, None),
        (search.relaxation.feasible(search.duals), None),
    ]
    if search.cut is not None:
        tried.append((search.cut.duals, search.cut.cuts))
    for duals, cuts in tried:
        lifted = lift(model, reduced, duals.prices, duals.multipliers, cuts)
        limit = targets_bound(model, *lifted)
        log.info("targets: reduced bound %.1f, lifted %.1f", duals.bound, limit)
        if limit > bound:
            bound, best = limit, lifted
    cover, targets, cuts = best
    return Proven(
        selected=selected,
        value=float(model.cost(selected)),
        bound=bound,
        cover=cover,
        targets=targets,
        ended=search.ended,
        cuts=cuts,
    )
