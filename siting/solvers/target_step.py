"""Step one: meet every target at least cost, with a proven limit."""

from __future__ import annotations

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

log = logging.getLogger(__name__)

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
        The cheapest answer found; it meets every requirement that can be met.

    Notes
    -----
    The reduced question is one of partial covering, with bundles of options as columns; the engine
    of :mod:`siting.location.partial_covering` answers it.
    """
    reduced = reduce_targets(model)
    problem = reduced.problem
    log.info(
        "targets: rows=%d columns=%d nnz=%d hard=%d in %.2f s",
        problem.rows,
        problem.columns,
        len(problem.row_cols),
        problem.hard.sum(),
        clock.elapsed_s,
    )

    def tell(fraction: float, value: float | None, bound: float | None) -> None:
        clock.report("targets", fraction, value=value, bound=bound, unit=unit)

    search = Search(problem, clock, gap=gap, tell=tell, threads=THREADS)
    search.price()
    if start is not None:
        search.construct(reduced.columns_of(start))
    search.descend(seed)
    return _result(model, reduced, search)


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
