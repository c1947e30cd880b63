"""The p-median search: lists, interchange, root bound, then the tree."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from siting.location.control import Control, Found
from siting.location.distance import PMedian
from siting.location.medians.ascent import Ascent
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
from siting.location.medians.lists import Lists, list_width, longer, neighbour_lists
from siting.location.medians.problem import Problem, prepare
from siting.location.medians.tree import Best, Tree
from siting.location.medians.within import within
from siting.location.solution import Certificate, Node, Prices
from siting.status import Sense

#: Relative distance below which two values are the same.
SAME = 1e-9

log = logging.getLogger(__name__)

#: Steps of the root's two ascents, and those between two local searches.
_CLIMB, _POLISH, _ROUND = 600, 1500, 50
#: First scale, patience and stall of the first ascent; stall of the second.
_SCALE, _PATIENCE, _STALL, _POLISH_STALL = 1.5, 12, 0.1, 0.002
#: Times the root is bounded again with longer lists.
_LONGER = 3
#: Share of the time left for finding sites that reach all demand, where none are found at once.
_FEASIBLE = 0.5


def solve_p_median(model: PMedian, control: Control) -> Found:
    """Choose p sites so that the weighted sum of distances is least.

    Parameters
    ----------
    model
        The question.
    control
        Clock, gap and threads.

    Returns
    -------
    Found
        The best sites found, and a tree of Lagrangian bounds as proof. The bound is infinite when
        no p sites reach all demand.
    """
    problem = prepare(model)
    sites = np.flatnonzero(problem.candidates)
    lists = neighbour_lists(problem.cost, sites, list_width(problem), control.clock)
    if lists is None:
        return _unsearched(problem, sites, control)
    search = Interchange(problem, lists, control.clock)
    start = search.improve(search.greedy())
    best = Best(start, problem.value(start))
    if best.value >= problem.penalty:
        part = replace(control, clock=control.clock.until(_FEASIBLE))
        found = within(model, problem, math.inf, part)
        control.clock.stopped |= part.clock.stopped
        if found.certificate is not None:
            return _unreachable(model)
        if found.selected is not None:
            best.offer(problem, search.improve(found.selected))
    root, lists = _root(problem, lists, search, best, control)
    log.info(
        "p-median: value %g, root bound %g, %d of %d sites left",
        best.value,
        root.bound,
        len(root.case.free),
        len(sites),
    )
    tree = Tree(problem, lists, search, best, control)
    tree.plant(root)
    proven = tree.grow()
    if proven and best.value >= problem.penalty:
        return _unreachable(model)
    return Found(
        selected=best.chosen if best.value < problem.penalty else None,
        certificate=Certificate(
            bound=tree.bound, prices=tuple(tree.proof.prices), nodes=tuple(tree.proof.nodes)
        ),
        ended=ended(control, proven=proven, exact=tree.bound >= best.value * (1.0 - SAME)),
    )


def _unreachable(model: PMedian) -> Found:
    """Return that no set of sites reaches all demand."""
    return Found(
        selected=None,
        certificate=Certificate(bound=math.inf, nodes=(Node(closing="kernel"),)),
        ended=f"no {model.p} sites that keep the rules reach all demand",
    )


def _unsearched(problem: Problem, sites: npt.NDArray[np.intp], control: Control) -> Found:
    """Return any sites, where the clock left no time to search; no cost is below 0."""
    chosen = problem.legal(problem.fixed, sites)
    prices = Prices(demand=np.zeros(problem.demand_points))
    return Found(
        selected=chosen if problem.value(chosen) < problem.penalty else None,
        certificate=Certificate(bound=0.0, prices=(prices,), nodes=(Node(prices=0),)),
        ended=ended(control, proven=False, exact=False),
    )


def _root(
    problem: Problem, lists: Lists, search: Interchange, best: Best, control: Control
) -> tuple[Bounded, Lists]:
    """Bound the root, and again with longer lists where they hold prices down."""
    free = np.flatnonzero(problem.candidates)
    kept = problem.left(problem.fixed, free)
    free = free[:0] if kept is None else kept
    room = max(1, problem.p - len(problem.fixed))
    nearest = problem.nearest(problem.fixed)
    if not len(problem.fixed) and problem.reaching:
        nearest[:] = np.inf
    prices = lists.rank(4 * len(free) // (3 * room))
    turns = _LONGER
    while True:
        cap = np.minimum(lists.limit, nearest)
        case = Case(included=problem.fixed, free=free, cap=cap, prices=np.minimum(prices, cap))
        exact = exact_case(problem, case)
        if exact is not None:
            return exact, lists
        ascent = start_ascent(problem, lists, case, scale=_SCALE, patience=_PATIENCE, stall=_STALL)
        _climb(problem, case, ascent, search, best=best, control=control)
        prices = ascent.prices
        short = np.flatnonzero(prices >= lists.limit)
        if not len(short) or turns == 0 or control.clock.expired():
            break
        log.info("p-median: longer lists for %d clients", len(short))
        lists = longer(lists, problem.cost, np.flatnonzero(problem.candidates), short)
        turns -= 1
    goal = problem.goal(best.value, control.gap)
    return settle(problem, case, ascent, goal=goal, short=False), lists


def _climb(
    problem: Problem,
    case: Case,
    ascent: Ascent,
    search: Interchange,
    *,
    best: Best,
    control: Control,
) -> None:
    """Raise the root bound, with a local search from the sites it prefers every few steps."""
    paid = problem.paid(problem.fixed)
    steps = max(1, min(_ROUND, CHUNK // (ascent.entries + 1)))
    seen: set[bytes] = set()
    for climb, most, stall in (
        (ascent.run, _CLIMB, _STALL),
        (ascent.polish, _POLISH, _POLISH_STALL),
    ):
        ascent.stall = stall
        for taken in range(steps, most + steps, steps):
            if control.clock.expired():
                return
            goal = problem.goal(best.value, control.gap)
            climb(steps, goal=goal - paid, aim=best.value - paid)
            if ascent.done or taken % _ROUND < steps:
                chosen = problem.legal(problem.fixed, case.free[ascent.best_sites()])
                if chosen.tobytes() not in seen:
                    seen.add(chosen.tobytes())
                    best.offer(problem, search.improve(chosen))
                control.report(Sense.MINIMISE, 0.0, best.value, ascent.bound + paid)
            if ascent.done:
                break
        if paid + ascent.bound >= problem.goal(best.value, control.gap):
            return
