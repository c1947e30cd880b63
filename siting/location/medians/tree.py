"""Branch and bound on the sites of a p-median question, and the proof it leaves behind."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Event

import numpy as np
import numpy.typing as npt

from siting.location.control import Control
from siting.location.medians.cases import Bounded, Case, bound_case
from siting.location.medians.interchange import Interchange
from siting.location.medians.lists import Lists
from siting.location.medians.problem import Problem
from siting.location.solution import Node, Prices
from siting.status import Sense

log = logging.getLogger(__name__)

#: Bounds one case, asking whether to end; bounds several.
_Task = Callable[[Callable[[], bool]], Bounded | None]
_Run = Callable[[list[_Task]], list[Bounded | None]]
#: Open cases that are split at a time, whatever the number of threads: answers do not depend on it.
_BATCH = 8
#: Most numbers that the prices of a proof may hold (about 600 MB), and most cases.
_MOST_NUMBERS, _MOST_CASES = 150_000_000, 200_000
#: Seconds between two looks at the clock while threads work.
_LOOK_S = 0.05
#: Relative distance from the best value within which an answer of a case is worth improving.
_PROMISING = 0.02


@dataclass(slots=True)
class Proof:
    """The nodes of a proof while it grows."""

    prices: list[Prices] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def add(self, prices: Prices | None = None, closing: str = "prices") -> int:
        """Add a leaf and return its place."""
        at = -1
        if prices is not None:
            at = len(self.prices)
            self.prices.append(prices)
        self.nodes.append(Node(prices=at, closing=closing))
        return len(self.nodes) - 1

    def split(self, node: int, option: int, excluded: int, included: int) -> None:
        """Turn a leaf into a node that splits on an option."""
        self.nodes[node] = Node(
            prices=self.nodes[node].prices, option=option, excluded=excluded, included=included
        )

    def decide(self, node: int) -> None:
        """Close a leaf because it leaves no choice."""
        self.nodes[node] = Node(prices=self.nodes[node].prices, closing="decided")


@dataclass(slots=True)
class Best:
    """The best answer so far."""

    chosen: npt.NDArray[np.intp]
    value: float

    def offer(self, problem: Problem, chosen: npt.NDArray[np.intp]) -> bool:
        """Take an answer if it is better."""
        value = problem.value(chosen)
        if value < self.value:
            self.chosen, self.value = chosen, value
            return True
        return False


class Tree:
    """Cases still open, the least bound first.

    Parameters
    ----------
    problem
        The question.
    kernel
        Lists of the sites that the root leaves free.
    search
        Improves the answers that cases suggest.
    best
        The best answer so far; improved in place.
    control
        Clock, gap and threads.
    """

    def __init__(
        self, problem: Problem, kernel: Lists, search: Interchange, best: Best, control: Control
    ) -> None:
        self.problem = problem
        self.kernel = kernel
        self.search = search
        self.best = best
        self.control = control
        self.proof = Proof()
        #: Least bound among the cases that were closed exactly.
        self._floor = float("inf")
        self._cut = False
        self._open: list[tuple[float, int, Bounded]] = []
        self._tried: set[bytes] = set()

    @property
    def goal(self) -> float:
        """Bound at which a case is closed."""
        return self.problem.goal(self.best.value, self.control.gap)

    @property
    def bound(self) -> float:
        """Proven limit of the whole question."""
        least = self._open[0][0] if self._open else float("inf")
        return self.problem.claim(min(least, self._floor, self.goal))

    def plant(self, root: Bounded) -> None:
        """Begin with the root."""
        self._settle(self.proof.add(root.prices), root)

    def grow(self) -> bool:
        """Split cases until none is open or the effort is spent; return whether none is open."""
        first = self.bound
        points = max(1, self.problem.demand_points)
        with _workers(self.control) as run:
            while self._open:
                if self.control.clock.expired():
                    break
                most = min(_MOST_CASES, _MOST_NUMBERS // points)
                if len(self.proof.nodes) >= most:
                    log.info("p-median: the proof is as large as it may grow")
                    break
                self._batch(run)
                self._report(first)
        log.info("p-median: %d cases, %d still open", len(self.proof.nodes), len(self._open))
        return not (self._open or self._cut)

    def _report(self, first: float) -> None:
        bound, value = self.bound, self.best.value
        done = (bound - first) / (value - first) if value > first else 1.0
        self.control.report(Sense.MINIMISE, done, value, bound)

    def _batch(self, run: _Run) -> None:
        """Split the cases of least bound, each into two."""
        goal, aim = self.goal, self.best.value
        tasks: list[_Task] = []
        nodes: list[int] = []
        parents: list[tuple[float, int, Bounded]] = []
        while self._open and len(parents) < _BATCH:
            bound, node, parent = heapq.heappop(self._open)
            if bound >= goal:
                continue
            parents.append((bound, node, parent))
            pair: list[int] = []
            for child in self._children(parent):
                pair.append(self.proof.add())
                if child is None:
                    continue
                nodes.append(pair[-1])
                tasks.append(_task(self.problem, self.kernel, child, goal, aim))
            self.proof.split(node, parent.split, *pair)
        done = run(tasks)
        for node, bounded in zip(nodes, done, strict=True):
            if bounded is None:
                self._cut = True
                self._floor = min(self._floor, parents[0][0])
                continue
            self.proof.nodes[node] = Node(prices=len(self.proof.prices))
            self.proof.prices.append(bounded.prices)
            self._settle(node, bounded)

    def _children(self, parent: Bounded) -> Iterator[Case | None]:
        """Return the case without the site and the one with it, None where that breaks a rule."""
        case, site = parent.case, parent.split
        others = case.free[case.free != site]
        yield Case(included=case.included, free=others, cap=case.cap, prices=case.prices)
        included = np.append(case.included, site)
        free = self.problem.left(included, others)
        if free is None:
            yield None
            return
        cap = np.minimum(case.cap, self.problem.cost[:, site])
        yield Case(included=included, free=free, cap=cap, prices=np.minimum(case.prices, cap))

    def _settle(self, node: int, bounded: Bounded) -> None:
        """Keep a case open or close it, and take its answer."""
        self._answer(bounded.answer)
        if bounded.bound >= self.goal:
            return
        if bounded.split >= 0:
            heapq.heappush(self._open, (bounded.bound, node, bounded))
            return
        if len(bounded.case.free):
            self._floor = min(self._floor, bounded.bound)
            return
        self.proof.decide(node)
        self.best.offer(self.problem, np.sort(bounded.case.included))

    def _answer(self, chosen: npt.NDArray[np.intp]) -> None:
        """Try the answer that a case suggests, once."""
        key = chosen.tobytes()
        if key in self._tried:
            return
        self._tried.add(key)
        value = self.problem.value(chosen)
        if value <= self.best.value * (1.0 + _PROMISING):
            self.best.offer(self.problem, self.search.improve(chosen))


def _task(problem: Problem, kernel: Lists, case: Case, goal: float, aim: float) -> _Task:
    def work(ask: Callable[[], bool]) -> Bounded | None:
        return bound_case(problem, kernel, case, goal=goal, aim=aim, ask=ask)

    return work


@contextmanager
def _workers(
    control: Control,
) -> Iterator[_Run]:
    """Give a function that does some tasks, on threads of their own where there are several."""
    clock = control.clock
    with ExitStack() as stack:
        if control.threads == 1:
            yield lambda tasks: [task(clock.expired) for task in tasks]
            return
        pool = stack.enter_context(ThreadPoolExecutor(control.threads))
        over = Event()

        def run(tasks: list[_Task]) -> list[Bounded | None]:
            pending: list[Future[Bounded | None]] = [
                pool.submit(task, over.is_set) for task in tasks
            ]
            while wait(pending, timeout=_LOOK_S).not_done:
                if clock.expired():
                    over.set()
            return [future.result() for future in pending]

        yield run
