"""Questions asked of the engine: answered, verified and told in a few figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import siting
from benchmarks.instances import classic
from benchmarks.instances.city import random_city
from benchmarks.instances.public import Question, read_questions
from siting.errors import VerificationError
from siting.location.programme import LocationModel

#: Time a first small answer may take, while parts are compiled [s].
_WARM_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What an answer comes to.

    Parameters
    ----------
    value, bound
        Objective and proven limit; None where there is none.
    gap
        Relative distance of the two.
    status
        Of the solution.
    seconds
        Building the model from the raw instance, and solving it [s].
    built_s
        The first of these alone [s].
    verified
        ``yes``, or what the check found.
    reason
        Why the search ended.
    """

    value: float | None
    bound: float | None
    gap: float
    status: str
    seconds: float
    built_s: float
    verified: str
    reason: str


def answer(
    make: Callable[[], LocationModel], *, max_runtime_s: float, seed: int = 0, threads: int = 1
) -> Figures:
    """Build a model, solve it within the time left of `max_runtime_s`, and verify the answer."""
    began = time.perf_counter()
    model = make()
    built = time.perf_counter() - began
    solution = siting.solve(
        model, max_runtime_s=max(max_runtime_s - built, 0.1), seed=seed, threads=threads
    )
    seconds = time.perf_counter() - began
    try:
        siting.verify(model, solution)
    except VerificationError as error:
        verified = f"no: {error}"
    else:
        verified = "yes"
    return Figures(
        value=solution.objective,
        bound=solution.bound,
        gap=solution.gap,
        status=str(solution.status),
        seconds=seconds,
        built_s=built,
        verified=verified,
        reason=solution.reason,
    )


def warm_up(model: str) -> None:
    """Answer small questions of a kind, so that what is compiled is not timed."""
    for make in _small(model):
        siting.verify(small := make(), siting.solve(small, max_runtime_s=_WARM_S))


def number_text(value: float | None) -> str:
    """Write a value with fifteen digits; nothing for None."""
    return "" if value is None else f"{value:.15g}"


def listed(path: Path) -> list[tuple[str, str, str]]:
    """Return instance, model and parameters of every question of a file."""
    return [(item.instance, item.model, item.parameters) for item in read_questions(path)]


class Desk:
    """Answers questions on files, and keeps the last file and what is warm."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._questions: list[Question] = []
        self._warm: set[str] = set()

    def answer(self, path: Path, number: int, max_runtime_s: float, seed: int) -> Figures:
        """Answer one question of a file."""
        if path != self._path:
            self._questions, self._path = read_questions(path), path
        question = self._questions[number]
        if question.model not in self._warm:
            warm_up(question.model)
            self._warm.add(question.model)
        return answer(question.make, max_runtime_s=max_runtime_s, seed=seed)


_DESK = Desk()


def answer_question(path: Path, number: int, max_runtime_s: float, seed: int) -> Figures:
    """Answer one question of a file, in a process that does nothing else."""
    return _DESK.answer(path, number, max_runtime_s, seed)


def _small(model: str) -> list[Callable[[], LocationModel]]:
    """Return questions small enough to be proven at once, hard enough to need every part."""
    if model == "LSCP":
        city = random_city(150, 1200, 1).cover()
        drawn = [
            classic.set_cover(100, 500, 0.1, 3),
            (city[np.diff(city.indptr) > 0], None),
        ]
        return [
            lambda cover=cover, cost=cost: siting.SetCovering(cover, cost=cost)
            for cover, cost in drawn
        ]
    if model == "MCLP":
        town = random_city(100, 800, 1)
        return [
            lambda p=p: siting.MaximalCovering(town.cover(), demand=town.weight, p=p)
            for p in (2, 10)
        ]
    if model in {"p-median", "p-center"}:
        kind = siting.PMedian if model == "p-median" else siting.PCenter
        return [
            lambda nodes=nodes, p=p: kind(classic.graph(nodes, 1), p=p)
            for nodes, p in ((60, 5), (100, 20))
        ]
    places = classic.facilities(10, 40, 2.5, 1)
    unit_cost = places.serving / places.demand[:, None]
    return [
        lambda single=single: siting.CapacitatedFacilityLocation(
            unit_cost,
            demand=places.demand,
            capacity=places.capacity,
            cost=places.opening,
            single_source=single,
        )
        for single in (False, True)
    ]
