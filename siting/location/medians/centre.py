"""The p-centre search: bisection over the distances, each one a question of covering.

All demand lies within r of p sites when p sites cover the options that reach it within r. The least
such r is an entry of the matrix, found by halving the entries between a proven lower limit and the
radius of the best answer.

References
----------
Minieka (1970), The m-center problem, SIAM Review 12(1). doi:10.1137/1012016
Gonzalez (1985), Clustering to minimize the maximum intercluster distance, Theoretical Computer
Science 38. doi:10.1016/0304-3975(85)90224-5
"""

from __future__ import annotations

import logging
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.control import Control, Found
from siting.location.distance import PCenter
from siting.location.medians.ending import ended
from siting.location.medians.problem import Problem, prepare
from siting.location.medians.spread import spread_sites
from siting.location.medians.within import within
from siting.location.solution import Certificate
from siting.status import Sense

log = logging.getLogger(__name__)

#: Share of the time left that the question at one distance may take, before the last ones.
_SHARE = 0.25


def solve_p_centre(model: PCenter, control: Control) -> Found:
    """Find p sites whose greatest distance to the nearest is least.

    Parameters
    ----------
    model
        The question.
    control
        Clock, gap and threads.

    Returns
    -------
    Found
        The best sites found. The certificate shows that covering everything within the next lower
        distance takes more than p sites; its bound is infinite when no p sites reach all demand.
    """
    problem = prepare(model)
    search = _Bisection(model, problem, control)
    proven = search.run()
    certificate = Certificate(bound=search.bound, below=search.below)
    if search.best is None and proven:
        return Found(
            selected=None, certificate=certificate, ended=f"no {model.p} sites reach all demand"
        )
    return Found(
        selected=search.best,
        certificate=certificate,
        ended=ended(control, proven=proven, exact=search.lower == search.upper),
    )


#: First questions are asked this share of all distances below the best radius: it is a good one.
_STRIDE = 64
#: Distances about which a question ended unclear are asked again when all others span less than
#: this share of what lies between bound and value.
_NARROW = 0.1


class _Bisection:
    """The distances not yet judged: those from `lower` to below `upper`, by their places."""

    def __init__(self, model: PCenter, problem: Problem, control: Control) -> None:
        self.model = model
        self.problem = problem
        self.control = control
        allowed = np.ones(model.rules.options, dtype=bool)
        allowed[model.rules.forbidden] = False
        distance = model.distance if allowed.all() else model.distance[:, allowed]
        #: Distance of the demand point that lies farthest from all sites.
        self.least = float(distance.min(axis=1).max())
        self.best: npt.NDArray[np.intp] | None = None
        self.value = math.inf
        self.below: tuple[float, Certificate] | None = None
        self._offer(spread_sites(problem, control.clock))
        between = distance[(distance >= self.least) & (distance < self.value)]
        self.levels = np.unique(between[np.isfinite(between)])
        self.lower, self.upper = 0, len(self.levels)
        #: First and last place at which a question ended without an answer.
        self.unclear: tuple[int, int] | None = None
        #: How far below the best radius to ask as long as every distance asked was enough.
        self.stride = max(1, len(self.levels) // _STRIDE)

    @property
    def bound(self) -> float:
        """Proven limit: the least distance not shown to be too short."""
        if self.lower < len(self.levels):
            return float(self.levels[self.lower])
        return self.value

    def run(self) -> bool:
        """Judge distances until the gap asked for is reached; return whether it is."""
        clock = self.control.clock
        while not self._close_enough():
            if clock.expired():
                return False
            place = self._next()
            last = place < 0
            if last:
                place = sum(self.unclear or (self.lower, self.lower)) // 2
            part = clock.until(1.0 if last else _SHARE)
            judged = self._judge(place, part)
            clock.stopped |= part.stopped
            self._narrow(None if judged else place)
            self._report()
            if last and not judged:
                clock.expired()
                return False
        return True

    def _close_enough(self) -> bool:
        """Tell whether nothing, or too little to matter, is left to judge."""
        if self.lower == self.upper:
            return True
        return (
            math.isfinite(self.value) and self.value - self.bound <= self.control.gap * self.value
        )

    def _next(self) -> int:
        """Return the place to judge next, -1 when little but those that ended unclear is left."""
        if self.unclear is None:
            middle = (self.lower + self.upper) // 2
            return middle if self.below is not None else max(middle, self.upper - self.stride)
        first, last = self.unclear
        least, most = self.levels[self.lower], min(self.value, 2.0 * self.levels[-1])
        below = self.levels[first] - least
        above = most - self.levels[last] if last + 1 < self.upper else 0.0
        if max(below, above) <= _NARROW * (most - least):
            return -1
        if below > above:
            return (self.lower + first) // 2
        return (last + 1 + self.upper) // 2

    def _judge(self, place: int, clock: Clock) -> bool:
        """Ask about one distance; return whether there was an answer."""
        distance = float(self.levels[place])
        found = within(self.model, self.problem, distance, replace(self.control, clock=clock))
        log.info(
            "p-centre: distance %g, %d left: %s",
            distance,
            self.upper - self.lower,
            "enough" if found.selected is not None else "too short" if found.certificate else "?",
        )
        if found.selected is not None:
            self._offer(found.selected)
            self.upper = int(np.searchsorted(self.levels, self.value))
            self.stride *= 2
        elif found.certificate is not None:
            self.below = (distance, found.certificate)
            self.lower = place + 1
        return found.selected is not None or found.certificate is not None

    def _narrow(self, place: int | None) -> None:
        """Note a place that ended unclear, and forget those that are judged by now."""
        first, last = self.unclear or (len(self.levels), -1)
        if place is not None:
            first, last = min(first, place), max(last, place)
        first, last = max(first, self.lower), min(last, self.upper - 1)
        self.unclear = (first, last) if first <= last else None

    def _offer(self, chosen: npt.NDArray[np.intp]) -> None:
        """Take some sites if they are better."""
        if not len(chosen) or self.problem.left(chosen, chosen[:0]) is None:
            return
        value = float(self.model.distance[:, chosen].min(axis=1).max())
        if value < self.value:
            self.best, self.value = np.sort(chosen), value

    def _report(self) -> None:
        value = self.value if math.isfinite(self.value) else None
        done = 1.0 - (self.upper - self.lower) / max(1, len(self.levels))
        self.control.report(Sense.MINIMISE, done, value, self.bound)
