"""Good sites for a centre question: medians of ever higher powers of the distances.

The greatest distance is the limit of the q-norm of all distances, so a p-median whose costs are
``d^q`` tends to a p-centre as q grows; each power begins from the sites of the one before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.medians.interchange import Interchange
from siting.location.medians.lists import list_width, neighbour_lists
from siting.location.medians.problem import Problem

#: Distances are squared this often; the first powers only spread the sites.
_SQUARES, _FIRST = 5, 2
#: Distances beyond this multiple of the best radius count as this: they are all too far.
_FAR = 2.0


def spread_sites(problem: Problem, clock: Clock) -> npt.NDArray[np.intp]:
    """Return sites that keep the rules and leave no client far off, ascending.

    Parameters
    ----------
    problem
        The question, every client of weight 1.
    clock
        Ends the search early.
    """
    best = _farthest_first(problem)
    radius = float(problem.nearest(best).max())
    sites = np.flatnonzero(problem.candidates)
    lists = neighbour_lists(problem.cost, sites, list_width(problem), clock)
    if lists is None or radius == 0 or not len(sites):
        return best
    chosen = best
    unit = radius if radius < problem.penalty else float(lists.cost.max(initial=1.0)) or 1.0
    served = np.isfinite(problem.cost)
    cost = np.minimum(problem.cost / unit, _FAR)
    near, limit = np.minimum(lists.cost / unit, _FAR), np.minimum(lists.limit / unit, _FAR)
    limit[np.isinf(lists.limit)] = np.inf
    whole = bool(served.all())
    for power in range(1, _SQUARES + 1):
        cost, near, limit = cost * cost, near * near, limit * limit
        if power < _FIRST:
            continue
        penalty = len(cost) * _FAR ** (2**power)
        powered = replace(
            problem,
            cost=cost if whole else np.where(served, cost, np.inf),
            penalty=penalty,
            step=0.0,
        )
        search = Interchange(powered, replace(lists, cost=near, limit=limit), clock)
        chosen = search.improve(chosen)
        found = float(problem.nearest(chosen).max())
        if found < radius:
            best, radius = chosen, found
        if clock.expired():
            break
    return best


def _farthest_first(problem: Problem) -> npt.NDArray[np.intp]:
    """Return sites opened one by one, each the nearest to the client that is worst off."""
    chosen = problem.fixed
    nearest = problem.nearest(chosen)
    allowed = np.flatnonzero(problem.candidates)
    hopeless = np.zeros(len(nearest), dtype=bool)
    while len(chosen) < problem.p and len(allowed) and not hopeless.all():
        worst = int(np.argmax(np.where(hopeless, -1.0, nearest)))
        free = problem.left(chosen, allowed)
        if free is None or not len(free):
            break
        site = int(free[np.argmin(problem.cost[worst, free])])
        if problem.cost[worst, site] >= nearest[worst]:
            hopeless[worst] = True
            continue
        chosen = np.append(chosen, site)
        nearest = np.minimum(nearest, problem.cost[:, site])
    return np.sort(chosen)
