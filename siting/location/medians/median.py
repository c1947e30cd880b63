"""The p-median search: lists, interchange, root bound, then the tree."""

from __future__ import annotations

import logging
import math

import numpy as np
import numpy.typing as npt

from siting.location.control import Control, Found
from siting.location.distance import PMedian
from siting.location.medians.cases import (
    CHUNK,
    Bounded,
    Case,
    exact_case,
    settle,
    start_ascent,
)
from siting.location.medians.ending import ended
from siting.location.medians.interchange import Interchange
from siting.location.medians.lists import Lists, list_width, neighbour_lists
from siting.location.medians.problem import Problem, prepare
from siting.location.medians.tree import Best, Tree
from siting.location.solution import Certificate, Node
from siting.status import Sense

#: Relative distance below which two values are the same.
SAME = 1e-9

log = logging.getLogger(__name__)

#: Steps of the root's two ascents, and those between two local searches.
_CLIMB, _POLISH, _ROUND = 600, 1500, 50
#: First scale, patience and stall of the first ascent; stall of the second.
_SCALE, _PATIENCE, _STALL, _POLISH_STALL = 1.5, 12, 0.1, 0.002


def solve_p_median(model: PMedian, control: Control) -> Found:
    """Search a p-median model.

    Parameters
    ----------
    model
        The question.
    control
        Clock, gap, seed and threads.
    """
    problem = prepare(model)
    sites = np.flatnonzero(problem.candidates)
    lists = neighbour_lists(problem.cost, sites, list_width(problem), control.clock)
    if lists is None:
        return Found(
            selected=None, certificate=None, ended=ended(control, proven=False, exact=False)
        )
    search = Interchange(problem, lists, control.clock)
    start = search.improve(search.greedy())
    best = Best(start, problem.value(start))
    root = _root(problem, lists, search, best, start, control)
    tree = Tree(problem, lists, search, best, control)
    tree.plant(root)
    log.info(
        "p-median: value %g, root bound %g, %d of %d sites left",
        best.value,
        root.bound,
        len(root.case.free),
        len(sites),
    )
    proven = tree.grow()
    if proven and best.value >= problem.penalty:
        return Found(
            selected=None,
            certificate=Certificate(bound=math.inf, nodes=(Node(closing="kernel"),)),
            ended=f"no {model.p} sites reach all demand",
        )
    certificate = Certificate(
        bound=tree.bound, prices=tuple(tree.proof.prices), nodes=tuple(tree.proof.nodes)
    )
    exact = tree.bound >= best.value * (1.0 - SAME)
    selected = best.chosen if best.value < problem.penalty else None
    return Found(
        selected=selected, certificate=certificate, ended=ended(control, proven=proven, exact=exact)
    )


def _root(
    problem: Problem,
    lists: Lists,
    search: Interchange,
    best: Best,
    start: npt.NDArray[np.intp],
    control: Control,
) -> Bounded:
    """Raise the root bound, with a local search from the sites it prefers every few steps."""
    free = np.flatnonzero(problem.candidates)
    kept = problem.left(problem.fixed, free)
    free = free[:0] if kept is None else kept
    room = max(1, problem.p - len(problem.fixed))
    cap = lists.limit.copy()
    if len(problem.fixed):
        cap = np.minimum(cap, problem.nearest(problem.fixed))
    if not problem.reaching:
        cap = np.minimum(cap, problem.penalty)
    prices = np.minimum(lists.rank(4 * len(free) // (3 * room)), cap)
    case = Case(included=problem.fixed, free=free, cap=cap, prices=prices)
    exact = exact_case(problem, case)
    if exact is not None:
        return exact
    ascent = start_ascent(problem, lists, case, scale=_SCALE, patience=_PATIENCE, stall=_STALL)
    paid = problem.paid(problem.fixed)
    seen = {start.tobytes()}
    for climb, left, stall in (
        (ascent.run, _CLIMB, _STALL),
        (ascent.polish, _POLISH, _POLISH_STALL),
    ):
        ascent.stall = stall
        steps = max(1, min(_ROUND, CHUNK // (ascent.entries + 1)))
        taken = 0
        while taken < left and not control.clock.expired():
            goal = problem.goal(best.value, control.gap)
            climb(steps, goal=goal - paid, aim=best.value - paid)
            taken += steps
            if ascent.done or taken % _ROUND < steps:
                chosen = problem.legal(problem.fixed, free[ascent.best_sites()])
                if chosen.tobytes() not in seen:
                    seen.add(chosen.tobytes())
                    best.offer(problem, search.improve(chosen))
                control.report(Sense.MINIMISE, 0.0, best.value, ascent.bound + paid)
            if ascent.done:
                break
        if paid + ascent.bound >= problem.goal(best.value, control.gap):
            break
    return settle(problem, case, ascent, goal=problem.goal(best.value, control.gap), short=False)
