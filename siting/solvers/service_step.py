"""Step two: serve the most with the stations that remain, with a proven limit."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.control import (
    GAP_REACHED,
    NOTHING_BETTER,
    PROVEN,
    STOPPED,
    TIMED_OUT,
)
from siting.location.covering import MaximalCovering
from siting.location.maximal_covering.problem import Problem, reduce_model
from siting.location.maximal_covering.root import Root
from siting.location.maximal_covering.search import Search
from siting.models.bounds import service_bound
from siting.models.covering import CoverModel
from siting.solvers.proven import Proven

log = logging.getLogger(__name__)

#: Rounds of exchanges, each followed by better prices, and the sweeps of a round.
ROUNDS, SWEEPS = 4, 500
#: Relative difference below which two weights are the same.
TINY = 1e-12

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rest:
    """What step two still decides: a maximal covering of what the fixed options do not serve.

    Parameters
    ----------
    rows
        Rows of the model that are not served, that something can serve and that weigh something.
    options
        Options that serve any of them and whose station is not fixed, ascending.
    most
        Number of options that may be added.
    base
        Weight served already.
    problem
        The question on `rows` and `options`; None where nothing is left to decide. No option is
        left out because another is better, since the plan's proof counts every option; that a
        station has one configuration is left aside, and kept afterwards.
    """

    rows: IndexArray
    options: IndexArray
    most: int
    base: float
    problem: Problem | None


def rest_of(model: CoverModel, fixed: IndexArray) -> Rest:
    """Return what is left to decide after the options `fixed`."""
    done = model.served(fixed)
    rows = np.flatnonzero(~done & (model.objective > 0) & model.reachable)
    cover = model.cover[rows].astype(bool)
    able = ~np.isin(model.option_station, model.option_station[fixed])
    options = np.unique(cover.indices[able[cover.indices]]).astype(np.intp)
    stations = model.cover.shape[1] if model.stations is None else model.stations
    most = max(stations - len(fixed), 0)
    problem = None
    if most and len(options):
        question = MaximalCovering(
            cover[:, options], model.objective[rows], p=min(most, len(options))
        )
        problem = reduce_model(question, dominance=False)
    base = float(model.objective[done].sum())
    return Rest(rows=rows, options=options, most=most, base=base, problem=problem)


@dataclass(slots=True, kw_only=True, eq=False)
class _Course:
    """Exchanges and prices in turn, until they meet or nothing better is found."""

    rest: Rest
    problem: Problem
    clock: Clock
    gap: float
    unit: str
    seed: int
    search: Search = field(init=False)
    root: Root = field(init=False)

    def __post_init__(self) -> None:
        self.search = Search(problem=self.problem, seed=self.seed, threads=1)
        self.root = Root(problem=self.problem)

    def run(self) -> str:
        """Search; return why it ended."""
        for number in range(ROUNDS):
            if why := self.over():
                return why
            self.search.round(SWEEPS, self.clock)
            self.price()
            self.clock.report(
                "service",
                (number + 1) / ROUNDS,
                value=self.rest.base + self.search.value,
                bound=self.rest.base + self.root.bound,
                unit=self.unit,
            )
        return self.over() or NOTHING_BETTER

    def price(self) -> None:
        """Lower the limit as far as prices go."""
        if self.root.reach <= self.search.value:
            # all that can be served is served: nothing needs a price
            self.root.without_prices()
        else:
            self.root.climb(self.search.value, self.clock)

    def over(self) -> str:
        """Say why to end, empty to go on."""
        lack, limit = self.root.bound - self.search.value, self.rest.base + self.root.bound
        if lack <= TINY * limit:
            return PROVEN
        if lack <= self.gap * (self.rest.base + self.search.value):
            return GAP_REACHED
        if self.clock.expired():
            return STOPPED if self.clock.stopped else TIMED_OUT
        return ""


def solve_service(
    model: CoverModel,
    fixed: IndexArray,
    *,
    clock: Clock,
    unit: str = "",
    gap: float = 0.0,
    seed: int = 0,
    start: IndexArray | None = None,
) -> Proven:
    """Solve step two of a model after the options `fixed` of step one.

    Parameters
    ----------
    model
        The question.
    fixed
        Options that stay.
    clock
        When to end.
    unit
        Name of the weight that is served, for the reports.
    gap
        Relative gap that is good enough.
    seed
        Randomness of the search.
    start
        Options of an earlier answer, or None.

    Returns
    -------
    Proven
        The added options, the weight served by them and `fixed`, and its limit.

    Notes
    -----
    What is left is a maximal covering; the engine of :mod:`siting.location.maximal_covering`
    answers it as if a station could have several configurations, which seldom pays: they serve
    much the same. Where one has, the best stays, and others take the places of the rest.
    """
    rest = rest_of(model, fixed)
    selected, cover, ended = np.zeros(0, dtype=np.intp), model.objective, PROVEN
    if rest.problem is not None:
        course = _Course(
            rest=rest, problem=rest.problem, clock=clock, gap=gap, unit=unit, seed=seed
        )
        if start is not None:
            _begin_with(course.search, model, rest, start)
        ended = course.run()
        selected = _once_each(model, fixed, rest.options[course.search.best], clock, seed)
        cover = _lifted(model, fixed, rest, rest.problem, course.root)
    served = model.served(np.union1d(fixed, selected))
    return Proven(
        selected=selected,
        value=float(model.objective[served].sum()),
        bound=service_bound(model, cover, fixed, rest.most),
        cover=cover,
        targets=np.zeros(0),
        ended=ended,
    )


def _once_each(
    model: CoverModel, fixed: IndexArray, selected: IndexArray, clock: Clock, seed: int
) -> IndexArray:
    """Return options of which no two are of one station, ascending, in place of some."""
    while True:
        weight = np.where(model.served(fixed), 0.0, model.objective)
        order = selected[np.argsort(-(model.cover.T @ weight)[selected], kind="stable")]
        _, first = np.unique(model.option_station[order], return_index=True)
        kept = np.sort(order[first])
        rest = rest_of(model, np.union1d(fixed, kept).astype(np.intp))
        if len(kept) == len(selected) or rest.problem is None:
            return kept
        search = Search(problem=rest.problem, seed=seed, threads=1)
        search.round(SWEEPS, clock)
        selected = np.union1d(kept, rest.options[search.best]).astype(np.intp)


def _begin_with(search: Search, model: CoverModel, rest: Rest, start: IndexArray) -> None:
    """Offer the part of an earlier answer that may be kept."""
    kept = np.flatnonzero(np.isin(rest.options, start))
    _, first = np.unique(model.option_station[rest.options[kept]], return_index=True)
    kept = kept[np.sort(first)][: rest.most]
    selection = np.zeros(len(rest.options), dtype=bool)
    selection[kept] = True
    served = model.served(rest.options[kept])
    search.offer(selection, float(model.objective[rest.rows][served[rest.rows]].sum()))


def _lifted(
    model: CoverModel, fixed: IndexArray, rest: Rest, problem: Problem, root: Root
) -> npt.NDArray[np.float64]:
    """Carry prices of merged rows back to every row of the model, (n,).

    The price of a merged row is divided in proportion to the members' weights; a row that no option
    of a station still free serves is priced at its whole weight, which removes it from the bound.
    """
    free = ~np.isin(model.option_station, model.option_station[fixed])
    able = model.cover @ free.astype(np.int32) > 0
    cover = np.where(able, 0.0, model.objective)
    share = np.minimum(root.demand / problem.cover.weight, 1.0)
    merged = problem.groups >= 0
    cover[rest.rows[merged]] = share[problem.groups[merged]] * model.objective[rest.rows[merged]]
    return cover
