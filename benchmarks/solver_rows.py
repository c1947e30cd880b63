"""Rows of the engine's table: what is asked, what is aimed at, and how it is measured.

A row is measured in a process of its own, and so is each peer on it.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import siting
from benchmarks import peers
from benchmarks.answers import Figures, answer, number_text, warm_up
from benchmarks.instances import classic
from benchmarks.instances.city import City, options_for, random_city
from benchmarks.instances.public import Question, instance_files, read_questions
from benchmarks.peers import Peer
from siting.location.maximal_covering.problem import reduce_model
from siting.location.maximal_covering.search import Search
from siting.location.programme import LocationModel
from siting.location.rows import merge_rows, merged_cover

#: Radius and number of sites of the large instance after Cordeau, Furini and Ljubic.
_WIDE_RADIUS, _WIDE_SITES = 5.5, 10
_REPEATS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where the instances are, the seed, and the time spopt's solver gets [s]."""

    vectors: Path
    weak_coverage: Path
    seed: int
    spopt_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Cells of a row.

    Parameters
    ----------
    value, bound, gap, status, seconds, verified
        As they are shown.
    reached
        Whether the aim is met; None where nothing was measured.
    best
        The value as a number, for comparison with peers.
    memory
        Peak memory where a process of its own tells it.
    beside
        What a peer reached, where the measurement itself includes one.
    """

    value: str = ""
    bound: str = ""
    gap: str = ""
    status: str = ""
    seconds: str = ""
    verified: str = ""
    reached: bool | None = None
    best: float | None = None
    memory: str = ""
    beside: str = ""


class Absent(Exception):  # noqa: N818 - a state, said in the table
    """What a row needs is not here; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(ABC):
    """One row: its name for ``--only``, its title, its aim, and the peers asked.

    Parameters
    ----------
    key
        Name on the command line.
    title, goal
        First cells of the table.
    peers
        Names of the peers that are asked.
    asked_for
        Whether the row is measured only when ``--only`` names it.
    """

    key: str
    title: str
    goal: str
    peers: tuple[str, ...] = ()
    asked_for: bool = False

    @abstractmethod
    def measure(self, context: Context) -> Measured:
        """Answer the row's questions."""

    def ask_peer(self, name: str, context: Context) -> Peer:
        """Ask one peer the row's question."""
        del context
        raise Absent(f"{name} is not asked")

    def ahead_of(self, peer: Peer, found: Measured) -> bool:
        """Tell whether what was measured is as far ahead of a peer as the row aims to be."""
        del peer, found
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Files(Row):
    """Questions on the public files whose path in the vectors' folder begins as given.

    Parameters
    ----------
    begins, model
        Beginnings of the paths, and the model asked.
    limit_s
        Time for each question [s].
    mean_s, most_s, most_gap
        The aim: seconds on average and at most, and relative gap (0: all proven).
    best_known
        Value each answer must have; None: any.
    """

    begins: tuple[str, ...]
    model: str
    limit_s: float
    mean_s: float = math.inf
    most_s: float = math.inf
    most_gap: float = 0.0
    best_known: float | None = None

    def questions(self, context: Context) -> list[Question]:
        """Read the row's questions."""
        folder = context.vectors
        if not folder.is_dir():
            raise Absent("shared vectors absent")
        found = [
            question
            for path in instance_files(folder)
            if path.relative_to(folder).as_posix().startswith(self.begins)
            for question in read_questions(path)
            if question.model == self.model
        ]
        if not found:
            raise Absent("no such instance in the shared vectors")
        return found

    def measure(self, context: Context) -> Measured:
        """Answer every question and tell the sum of it."""
        questions = self.questions(context)
        warm_up(self.model)
        found = [
            answer(question.make, max_runtime_s=self.limit_s, seed=context.seed)
            for question in questions
        ]
        seconds = np.array([item.seconds for item in found])
        gaps = np.array([item.gap for item in found])
        proven = sum(item.status == "optimal" for item in found)
        values = [item.value for item in found]
        single = len(found) == 1
        within = float(seconds.mean()) <= self.mean_s and float(seconds.max()) <= self.most_s
        known = self.best_known is None or all(value == self.best_known for value in values)
        return Measured(
            value=number_text(values[0]) if single else f"{len(found)} answers",
            bound=number_text(found[0].bound) if single else "",
            gap=_percent(float(gaps.max())),
            status=f"{proven} of {len(found)} proven",
            seconds=f"{seconds.mean():.2f}"
            if single
            else f"{seconds.mean():.2f} mean, {seconds.max():.2f} most",
            verified=_all_verified(found),
            reached=within
            and known
            and all(item.status == "optimal" or item.gap <= self.most_gap for item in found)
            and _sound(found),
            best=values[0] if single else None,
        )

    def ask_peer(self, name: str, context: Context) -> Peer:
        """Give HiGHS the programme of the one question."""
        del name
        (question,) = self.questions(context)
        return peers.plain_highs(question.make(), self.limit_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class InCity(Row):
    """Set covering or maximal covering in a random city, the building of its cover included.

    Parameters
    ----------
    sites, demand
        Size of the city.
    model
        ``MCLP`` or ``LSCP``; demand that nothing serves is left out of the latter.
    limit_s
        Time for all of it [s].
    most_gap, most_mb
        The aim; gap 0: proven.
    times_faster
        The aim beside every peer, for a value at least as good; 0: none.
    """

    sites: int
    demand: int
    model: str
    limit_s: float
    most_gap: float
    most_mb: float = math.inf
    times_faster: float = 0.0

    def measure(self, context: Context) -> Measured:
        """Build, solve and verify."""
        make = self._question(context)
        warm_up(self.model)
        found = answer(make, max_runtime_s=self.limit_s, seed=context.seed)
        good = found.status == "optimal" or found.gap <= self.most_gap
        return _cells(found, good and found.seconds <= 1.05 * self.limit_s)

    def ask_peer(self, name: str, context: Context) -> Peer:
        """Ask spopt from the raw positions, or HiGHS from the model."""
        if name == "HiGHS":
            return peers.plain_highs(self._question(context)(), self.limit_s)
        city = random_city(self.sites, self.demand, context.seed)
        if self.sites * self.demand > peers.MOST_DENSE:
            raise Absent("not run: dense model")
        p = None if self.model == "LSCP" else options_for(city.cover(), city.weight)
        return peers.spopt_covering(city, p, name.rpartition(" ")[2], context.spopt_s)

    def ahead_of(self, peer: Peer, found: Measured) -> bool:
        """Tell whether the answer is as good as the peer's, and came so many times faster."""
        if not self.times_faster or peer.value is None or found.best is None:
            return True
        good = found.best <= peer.value if self.model == "LSCP" else found.best >= peer.value
        return good and peer.seconds >= self.times_faster * float(found.seconds)

    def _question(self, context: Context) -> Callable[[], LocationModel]:
        city = random_city(self.sites, self.demand, context.seed)
        if self.model == "LSCP":
            return lambda: _set_cover(city)
        p = options_for(city.cover(), city.weight)
        return lambda: siting.MaximalCovering(city.cover(), demand=city.weight, p=p)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide(Row):
    """Maximal covering with few candidates and very many customers, spread evenly."""

    sites: int
    demand: int
    limit_s: float
    most_s: float

    def measure(self, context: Context) -> Measured:
        """Build, solve and verify."""
        make = self._question(context)
        warm_up("MCLP")
        found = answer(make, max_runtime_s=self.limit_s, seed=context.seed)
        return _cells(found, found.status == "optimal" and found.seconds <= self.most_s)

    def ask_peer(self, name: str, context: Context) -> Peer:
        """Give HiGHS the plain programme."""
        del name
        return peers.plain_highs(self._question(context)(), self.limit_s)

    def _question(self, context: Context) -> Callable[[], LocationModel]:
        plane = classic.customers(self.sites, self.demand, context.seed)
        return lambda: siting.MaximalCovering(
            siting.disc_cover(plane.demand_xy, plane.site_xy, _WIDE_RADIUS),
            demand=plane.weight,
            p=_WIDE_SITES,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel(Row):
    """One compiled step on the largest city, the best of three.

    Parameters
    ----------
    step
        ``cover``, ``merge`` or ``greedy``.
    most_s
        The aim [s].
    """

    step: str
    most_s: float

    def measure(self, context: Context) -> Measured:
        """Time the step."""
        city = random_city(10_000, 1_000_000, context.seed)
        cover = city.cover()
        steps: dict[str, Callable[[], object]] = {
            "cover": city.cover,
            "merge": lambda: merged_cover(cover, merge_rows(cover)),
        }
        if self.step == "greedy":
            steps["greedy"] = _greedy_step(city)
        step = steps[self.step]
        taken = []
        for _ in range(_REPEATS):
            began = time.perf_counter()
            result = step()
            taken.append(time.perf_counter() - began)
        said = {
            "cover": f"{cover.nnz:,} entries",
            "merge": f"{cover.shape[0]:,} rows to {getattr(result, 'shape', (0,))[0]:,}",
            "greedy": f"{getattr(result, 'size', 0):,} sites, rows merged",
        }[self.step]
        return Measured(value=said, seconds=f"{min(taken):.3f}", reached=min(taken) <= self.most_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Row):
    """Another benchmark of this package, read from the figures it prints.

    Parameters
    ----------
    arguments
        Of ``scripts/bench``; ``{data}`` is the weak-coverage folder, ``{out}`` a scratch file.
    figures
        Cell, name of the printed figure, and what of it is meant (a pattern with one group).
    most_cost, least_bound, most_gap, most_s, most_mb
        The aim.
    """

    arguments: tuple[str, ...]
    figures: tuple[tuple[str, str, str], ...]
    most_cost: float = math.inf
    least_bound: float = -math.inf
    most_gap: float = math.inf
    most_s: float = math.inf
    most_mb: float = math.inf

    def measure(self, context: Context) -> Measured:
        """Run it and read what it prints."""
        if "{data}" in self.arguments and not context.weak_coverage.is_dir():
            raise Absent("weak-coverage data absent")
        with tempfile.TemporaryDirectory() as folder:
            put = {"data": str(context.weak_coverage), "out": f"{folder}/stations.csv"}
            words = [word.format(**put) for word in self.arguments]
            command = [sys.executable, "-m", "benchmarks", *words, "--seed", str(context.seed)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.stdout.strip():
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise RuntimeError(f"ended with code {done.returncode}: {last}")
        printed = dict(
            line.split("  ", 1) for line in done.stdout.splitlines() if "  " in line.strip()
        )
        cells = self.cells(printed)
        return Measured(**cells, reached=done.returncode == 0 and self.within(cells))

    def cells(self, printed: dict[str, str]) -> dict[str, str]:
        """Return the row's cells from the printed figures; empty where one is missing."""
        found = {
            cell: re.search(pattern, printed.get(name, "").strip())
            for cell, name, pattern in self.figures
        }
        return {cell: match.group(1) if match else "" for cell, match in found.items()}

    def within(self, cells: dict[str, str]) -> bool:
        """Tell whether the aim is met; a missing figure meets none."""
        numbers = {cell: _first_number(text) for cell, text in cells.items()}
        return (
            numbers.get("value", 0.0) <= self.most_cost
            and numbers.get("bound", math.inf) >= self.least_bound
            and numbers.get("gap", 0.0) <= 100 * self.most_gap
            and numbers.get("seconds", 0.0) <= self.most_s
            and numbers.get("memory", 0.0) <= self.most_mb
        )


def _cells(found: Figures, reached: bool) -> Measured:  # noqa: FBT001
    return Measured(
        value=number_text(found.value),
        bound=number_text(found.bound),
        gap=_percent(found.gap),
        status=found.status,
        seconds=f"{found.seconds:.2f}",
        verified=found.verified,
        reached=reached and found.verified == "yes",
        best=found.value,
    )


def _set_cover(city: City) -> LocationModel:
    cover = city.cover()
    return siting.SetCovering(cover[np.diff(cover.indptr) > 0])


def _greedy_step(city: City) -> Callable[[], object]:
    """Return the greedy choice of the engine's search on the reduced problem."""
    cover = city.cover()
    p = options_for(cover, city.weight)
    problem = reduce_model(siting.MaximalCovering(cover, demand=city.weight, p=p))
    return lambda: np.flatnonzero(Search(problem=problem, seed=0, threads=1).best)


def _all_verified(found: Sequence[Figures]) -> str:
    faults = [item.verified for item in found if item.verified != "yes"]
    return faults[0] if faults else "yes"


def _sound(found: Sequence[Figures]) -> bool:
    return all(item.verified == "yes" for item in found)


def _percent(share: float) -> str:
    return f"{share:.3%}" if math.isfinite(share) else "none"


def _first_number(text: str) -> float:
    """Return the first number of a text, its thousands separated or not."""
    for word in text.split():
        try:
            return float(word.replace(",", "").strip("%(;"))
        except ValueError:
            continue
    return math.nan
