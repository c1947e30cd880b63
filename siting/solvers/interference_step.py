"""Step three: options exchanged until every zone has its SINR too, and no level target is lost.

Level is proven option by option; interference is a property of the whole plan. So the plan that
meets its levels is predicted, and options are exchanged one at a time: a station aimed anew or on
another carrier of its site, a station added where there is room, one that serves the most moved
elsewhere. Each exchange is predicted in full and kept only where the zones miss less. The number of
stations is never exceeded, and no target's level falls below what it needs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.control import NOTHING_BETTER, STOPPED, TIMED_OUT
from siting.models.assemble import Assembled
from siting.radio.network.quality_session import QualitySession
from siting.scenario import Scenario

log = logging.getLogger(__name__)

#: Exchanges that may be predicted.
MOST_TRIALS = 20_000
#: Places looked at for a station that is added or moved, and stations that may move there.
PLACES, MOVERS = 12, 3
#: Stations tried before it is asked anew which are heard most, once one of them has gained.
ROUND = 24
#: Share of a zone below which nothing was gained.
TINY = 1e-9
#: Why the search ends when nothing is missing any more.
CLEAR = "every zone has the SINR that is asked"

IndexArray = npt.NDArray[np.intp]
#: Shares of zones still missing, minus the objective served, cost that is added [CNY].
_Score = tuple[float, float, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repaired:
    """What exchanging options achieved.

    Parameters
    ----------
    selected, made_by
        Options, and the step each belongs to, (s,) each; a station keeps its step.
    changed
        Number of options that the plan did not have before.
    trials
        Exchanges that were predicted.
    missing
        Shares of zones still without the SINR that is asked, added up.
    ended
        Why the search ended, a clause.
    """

    selected: IndexArray
    made_by: IndexArray
    changed: int
    trials: int
    missing: float
    ended: str


def repair_interference(
    scenario: Scenario,
    question: Assembled,
    selected: IndexArray,
    made_by: IndexArray,
    *,
    clock: Clock,
) -> Repaired:
    """Exchange options of a plan until its SINR targets are met or nothing helps any more.

    Parameters
    ----------
    scenario, question
        The question and its covering model.
    selected, made_by
        Options of the plan, and the step each belongs to (0: the targets), (s,) each.
    clock
        When to end.

    Returns
    -------
    Repaired
        Never worse than before in what is missing. The same for the same plan unless the clock
        ended the search.

    Raises
    ------
    InputError
        When the network cannot be predicted.
    """
    search = _Search(scenario, question, selected, made_by, clock)
    ended = search.run()
    log.info(
        "interference: trials=%d kept=%d missing=%.4f, %s",
        search.trials,
        search.kept,
        search.best[0],
        ended,
    )
    options = np.array(list(search.step), dtype=np.intp)
    return Repaired(
        selected=options,
        made_by=np.array(list(search.step.values()), dtype=np.intp),
        changed=len(np.setdiff1d(options, selected)),
        trials=search.trials,
        missing=search.best[0],
        ended=ended,
    )


class _Search:
    """One search, with the plan as it has become."""

    def __init__(
        self,
        scenario: Scenario,
        question: Assembled,
        selected: IndexArray,
        made_by: IndexArray,
        clock: Clock,
    ) -> None:
        self.model, self.clock = question.model, clock
        self.step = dict(zip(selected.tolist(), made_by.tolist(), strict=True))
        self.trials = self.kept = 0
        #: stations whose carrier stays on air at its site
        self.standing = set(self.model.option_station[scenario.standing].tolist())
        self.by_option = sp.csc_array(self.model.cover)
        self.count = np.zeros(self.model.cover.shape[0], dtype=np.int32)
        for option in self.step:
            self.count[self._rows(option)] += 1
        self.floor = np.minimum(self.model.needed, self._levels(self.count) - self.model.slack)
        self.asked = _asked(scenario, question)
        counted = np.unique(np.concatenate([item.point for item in self.asked]))
        self.session = QualitySession(scenario, np.sort(selected), counted)
        self.best = self._score(self.count)

    def run(self) -> str:
        """Search; return why it ended."""
        while self.best[0] > TINY:
            gained = False
            for number, option in enumerate(self.session.heard(self._missing_points())):
                if why := self._over():
                    return why
                gained |= self._configure(option)
                if self.best[0] <= TINY:
                    return CLEAR
                if gained and number >= ROUND:
                    break
            # a station costs money where there is room for it, and nothing where one moves
            if (not gained or not self.room) and not self._elsewhere() and not gained:
                return self._over() or NOTHING_BETTER
        return CLEAR

    @property
    def room(self) -> bool:
        """Whether a station may be added."""
        return self.model.stations is None or len(self.step) < self.model.stations

    def _over(self) -> str:
        """Say why to end, empty to go on."""
        if self.clock.expired():
            return STOPPED if self.clock.stopped else TIMED_OUT
        return "as many exchanges were predicted as allowed" if self.trials >= MOST_TRIALS else ""

    def _configure(self, option: int) -> bool:
        """Keep the best other option at a station's site; return whether there is a better one."""
        if option not in self.step:
            return False
        site, station = self.model.option_site, self.model.option_station
        first, last = np.searchsorted(site, [site[option], site[option] + 1])
        others = np.arange(first, last)
        if station[option] in self.standing:
            others = others[station[others] == station[option]]
        taken = self._stations(but=option)
        ways = [(option, other) for other in others.tolist() if station[other] not in taken]
        return self._keep_best(way for way in ways if way[1] != option)

    def _elsewhere(self) -> bool:
        """Add a station where points miss their SINR, or move one there from where least is lost.

        Places come by the weight that misses the SINR and that their options serve.
        """
        worth = np.zeros(self.model.cover.shape[0])
        for item in self.asked:
            short = item.needed - item.clear(self._served(self.count), self.session)
            if short > TINY * item.total:
                lost = ~item.good(self._served(self.count), self.session)
                worth[item.row[lost]] += item.weight[lost] / item.total
        gain = self.by_option.T @ worth
        gain[np.isin(self.model.option_station, sorted(self._stations()))] = 0.0
        order = np.argsort(-gain, kind="stable")
        places = order[gain[order] > 0][:PLACES].tolist()
        leaving: list[int | None] = [None] if self.room else list(self._movers())
        return self._keep_best((out, into) for into in places for out in leaving)

    def _movers(self) -> Iterable[int]:
        """List the stations that are there to serve the most and serve the least alone."""
        free = sorted(option for option, step in self.step.items() if step > 0)
        alone = self.by_option.T @ np.where(self.count == 1, self.model.objective, 0.0)
        return sorted(free, key=lambda option: (alone[option], option))[:MOVERS]

    def _keep_best(self, ways: Iterable[tuple[int | None, int]]) -> bool:
        """Predict every exchange that keeps the levels, and keep the best that gains."""
        kept, best = None, self.best
        for out, into in ways:
            count = self._counted(out, into)
            if (self._levels(count) < self.floor).any():
                continue
            if self._over():
                break
            self.session.exchange(out, into)
            self.trials += 1
            score = self._score(count, self._added_cost(out, into))
            self.session.undo()
            if score[0] < self.best[0] - TINY and score < best:
                kept, best = (out, into), score
        if kept is None:
            return False
        self._keep(*kept)
        self.best = (*best[:2], 0)
        self.clock.report("interference", 1.0 / (1.0 + self.best[0]))
        return True

    def _keep(self, out: int | None, into: int) -> None:
        """Make an exchange for good; a station that is added serves the targets."""
        self.count = self._counted(out, into)
        self.session.exchange(out, into)
        self.step[into] = 0 if out is None else self.step.pop(out)
        self.kept += 1

    def _stations(self, but: int | None = None) -> set[int]:
        """Return the stations that are on air, without that of one option."""
        station = self.model.option_station
        return {int(station[option]) for option in self.step if option != but}

    def _rows(self, option: int) -> npt.NDArray[np.int32]:
        pointer = self.by_option.indptr
        return self.by_option.indices[pointer[option] : pointer[option + 1]]

    def _counted(self, out: int | None, into: int) -> npt.NDArray[np.int32]:
        """Return how many options serve each row after an exchange."""
        count = self.count.copy()
        if out is not None:
            count[self._rows(out)] -= 1
        count[self._rows(into)] += 1
        return count

    @staticmethod
    def _served(count: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        return count > 0

    def _levels(self, count: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Return the weight of each target that has its level."""
        return self.model.target_weights @ self._served(count).astype(np.float64)

    def _added_cost(self, out: int | None, into: int) -> int:
        """Return what an exchange adds to the cost of options and sites [CNY]."""
        now = np.array(list(self.step), dtype=np.intp)
        then = np.append(now[now != (-1 if out is None else out)], into)
        return self.model.cost(then) - self.model.cost(now)

    def _score(self, count: npt.NDArray[np.int32], cost: int = 0) -> _Score:
        """Judge the network on air by what is missing, then what it serves, then what it adds."""
        served, missing = self._served(count), 0.0
        for item in self.asked:
            short = item.needed - item.clear(served, self.session)
            missing += max(0.0, short) / item.total
        return round(missing, 9), -float(self.model.objective[served].sum()), cost

    def _missing_points(self) -> IndexArray:
        """Return the points without SINR of the zones that miss their targets, ascending."""
        served = self._served(self.count)
        parts = [
            item.point[~item.good(served, self.session)]
            for item in self.asked
            if item.needed - item.clear(served, self.session) > TINY * item.total
        ]
        return np.unique(np.concatenate(parts))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Asked:
    """One target with a SINR: its rows of the model, their points and weights, and its need."""

    ask: tuple[str, float]
    row: IndexArray
    point: IndexArray
    weight: npt.NDArray[np.float64]
    needed: float
    total: float

    def good(self, served: npt.NDArray[np.bool_], session: QualitySession) -> npt.NDArray[np.bool_]:
        """Say which of its rows are served with SINR enough."""
        return served[self.row] & session.clear[self.ask][self.point]

    def clear(self, served: npt.NDArray[np.bool_], session: QualitySession) -> float:
        """Return the weight served with SINR enough."""
        return float(self.weight[self.good(served, session)].sum())


def _asked(scenario: Scenario, question: Assembled) -> list[_Asked]:
    """List the targets that ask for a SINR and whose zones hold any weight."""
    model, found = question.model, []
    point_of = np.concatenate([np.zeros(0, dtype=np.intp), *question.demand.values()])
    for number, target in enumerate(scenario.targets):
        if target.min_ss_sinr_db is None or model.total[number] <= 0:
            continue
        start, stop = model.target_weights.indptr[number : number + 2]
        row = model.target_weights.indices[start:stop].astype(np.intp)
        found.append(
            _Asked(
                ask=(target.standard_id, target.min_ss_sinr_db),
                row=row,
                point=point_of[row],
                weight=model.target_weights.data[start:stop],
                needed=float(model.needed[number]),
                total=float(model.total[number]),
            )
        )
    return found
