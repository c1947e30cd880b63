"""The check of an answer: every figure of a solution counted again from the raw model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.errors import Problem
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.checking.proof import Model
from siting.location.checking.question import LIMIT_SLACK, common_step
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.solution import Solution

#: Relative difference allowed between sums that are not of whole numbers.
SAME = 1e-9
#: What the shares of a demand point, or a site's load by its capacity, may miss.
SHARE_SLACK = 1e-8


@dataclass(slots=True, kw_only=True, eq=False)
class AnswerCheck:
    """The claims of one answer, held against the model.

    Parameters
    ----------
    model
        The question.
    solution
        The answer.
    """

    model: Model
    solution: Solution
    found: list[Problem] = field(default_factory=list)

    def run(self) -> list[Problem]:
        """Return every discrepancy."""
        if not self.selection():
            return self.found
        self.rules()
        match self.model:
            case SetCovering() | MaximalCovering() | PartialCovering():
                served = self.covered(self.model)
            case PMedian() | PCenter():
                served = self.nearest(self.model)
            case _:
                served = self.assigned(self.model)
        if served is not None:
            self.zones(served)
            self.uncovered(served)
        return self.found

    def fault(self, where: str, what: str) -> None:
        """Note a discrepancy."""
        self.found.append(Problem(where, what))

    def holds(self, where: str, holds: bool, what: str) -> bool:  # noqa: FBT001
        """Note a discrepancy unless something holds."""
        if not holds:
            self.fault(where, what)
        return holds

    def same(self, where: str, claimed: float | None, recomputed: float, *, whole: bool) -> None:
        """Note a discrepancy unless two figures are equal, or as near as sums of floats come."""
        near = SAME * max(abs(recomputed), 1e-300)
        good = claimed is not None and (
            claimed == recomputed or (not whole and abs(claimed - recomputed) <= near)
        )
        self.holds(where, good, f"claimed {claimed!r}, recomputed {recomputed!r}")

    def selection(self) -> bool:
        """Options exist, ascending, once each."""
        chosen = self.solution.selected
        good = isinstance(chosen, np.ndarray) and chosen.ndim == 1 and chosen.dtype.kind in "iu"
        if not self.holds("selected", good, "needs a list of option indices"):
            return False
        number = self.model.rules.options
        inside = not chosen.size or bool(chosen.min() >= 0 and chosen.max() < number)
        ordered = bool((np.diff(chosen) > 0).all())
        self.holds("selected", ordered, "not ascending, or an option is there twice")
        self.holds("selected", inside, f"an option lies outside 0..{number - 1}")
        return ordered and inside

    @property
    def chosen(self) -> npt.NDArray[np.bool_]:
        """Options chosen, (m,)."""
        mask = np.zeros(self.model.rules.options, dtype=bool)
        mask[self.solution.selected] = True
        return mask

    def rules(self) -> None:
        """Note rules that the chosen options break."""
        rules, chosen, model = self.model.rules, self.chosen, self.model
        self.holds("selected", bool(chosen[rules.fixed].all()), "a fixed option is not chosen")
        self.holds("selected", not chosen[rules.forbidden].any(), "a forbidden option is chosen")
        load = np.bincount(rules.site[chosen], minlength=len(rules.max_options))
        over = np.flatnonzero(load > rules.max_options)
        self.holds("selected", not len(over), f"sites {over[:5].tolist()} host too many options")
        pairs = rules.conflicts[chosen[rules.conflicts].all(axis=1)]
        self.holds("selected", not len(pairs), f"options exclude each other: {pairs[:5].tolist()}")
        if isinstance(model, SetCovering | PartialCovering):
            return
        number = int(chosen.sum())
        if model.p is not None:
            self.holds("selected", number <= model.p, f"{number} options, p allows {model.p}")
        if isinstance(model, MaximalCovering | CapacitatedCovering) and model.budget is not None:
            spent = self.cost(model.cost)
            fits = spent <= model.budget * (1 + LIMIT_SLACK)
            self.holds("selected", fits, f"costs {spent!r}, the budget is {model.budget!r}")

    def cost(self, option_cost: npt.NDArray[np.float64]) -> float:
        """Return the cost of the chosen options and of their sites."""
        rules, chosen = self.model.rules, self.chosen
        sites = np.unique(rules.site[chosen])
        return math.fsum([*option_cost[chosen].tolist(), *rules.site_cost[sites].tolist()])

    def covered(
        self, model: SetCovering | MaximalCovering | PartialCovering
    ) -> npt.NDArray[np.float64] | None:
        """Covers, objective and assignment of a covering model; return the served shares."""
        counts = np.asarray(model.cover @ self.chosen.astype(np.int32))
        served = counts >= (1 if isinstance(model, PartialCovering) else model.k)
        if isinstance(model, MaximalCovering):
            value = math.fsum(model.demand[served].tolist())
            self.same(
                "objective", self.solution.objective, value, whole=bool(common_step(model.demand))
            )
        else:
            self.spent(model.cost)
        if isinstance(model, SetCovering):
            short = np.flatnonzero(~served)
            self.holds("selected", not len(short), f"does not cover {short[:5].tolist()}")
        if isinstance(model, PartialCovering):
            self.required(model, served.astype(np.float64))
        place = self.one_each(len(served))
        if place is not None:
            wrong = np.flatnonzero((place >= 0) != served)
            self.holds("assignment", not len(wrong), f"wrong at {wrong[:5].tolist()}")
            some = np.flatnonzero(place >= 0)
            real = self.chosen[place[some]] & _entries(model.cover, some, place[some])
            self.holds("assignment", bool(real.all()), f"not served so: {some[~real][:5].tolist()}")
        return served.astype(np.float64)

    def spent(self, option_cost: npt.NDArray[np.float64]) -> None:
        """Compare the objective with the cost of what is chosen."""
        whole = bool(common_step(option_cost, self.model.rules.site_cost))
        self.same("objective", self.solution.objective, self.cost(option_cost), whole=whole)

    def required(
        self, model: PartialCovering | CapacitatedCovering, served: npt.NDArray[np.float64]
    ) -> None:
        """Note zones in which less is served than required."""
        assert model.required is not None  # noqa: S101 - asked only where there is one
        reach = _zone_sums(model, served)
        need = model.required * model.zone_weight - SAME * model.zone_weight
        short = np.flatnonzero((reach < need * (1 - LIMIT_SLACK)) & (model.required > 0))
        names = [model.zones[t] for t in short[:5]]
        self.holds("selected", not len(short), f"zones {names} are served less than required")

    def one_each(self, number: int) -> npt.NDArray[np.intp] | None:
        """Return the option of each demand point, None when there is no such list."""
        place = self.solution.assignment
        good = (
            isinstance(place, np.ndarray) and place.shape == (number,) and place.dtype.kind in "iu"
        )
        if not self.holds("assignment", good, f"needs the option of each of {number} points"):
            return None
        assert isinstance(place, np.ndarray)  # noqa: S101 - for the type checker
        inside = bool(((place >= -1) & (place < self.model.rules.options)).all())
        return place if self.holds("assignment", inside, "names an option that is none") else None

    def nearest(self, model: PMedian | PCenter) -> npt.NDArray[np.float64] | None:
        """Nearest sites and objective of a median or centre."""
        n = len(model.demand)
        place = self.one_each(n)
        if not self.holds("selected", bool(self.chosen.any()), "no site is chosen"):
            return None
        least = model.distance[:, self.chosen].min(axis=1)
        cut = np.flatnonzero(np.isinf(least))
        if not self.holds("selected", not len(cut), f"{cut[:5].tolist()} are out of reach"):
            return None
        if place is not None and self.holds("assignment", bool((place >= 0).all()), "is missing"):
            real = self.chosen[place] & (model.distance[np.arange(n), place] == least)
            wrong = np.flatnonzero(~real)
            self.holds("assignment", not len(wrong), f"not the nearest: {wrong[:5].tolist()}")
        if isinstance(model, PCenter):
            self.same("objective", self.solution.objective, float(least.max()), whole=True)
        else:
            carried = model.demand * least
            value = math.fsum([*carried.tolist(), self.cost(np.zeros(model.rules.options))])
            whole = bool(common_step(model.demand, least, model.rules.site_cost))
            self.same("objective", self.solution.objective, value, whole=whole)
        return np.ones(n)

    def assigned(
        self, model: CapacitatedCovering | CapacitatedFacilityLocation
    ) -> npt.NDArray[np.float64] | None:
        """Shares, capacities and objective of a capacitated model."""
        share = self.shares(model)
        if share is None:
            return None
        i, j = share.coords
        self.holds("assignment", bool(self.chosen[j].all()), "names an option that is not chosen")
        if isinstance(model, CapacitatedCovering):
            reach = _entries(model.cover, i, j)
        else:
            reach = np.isfinite(model.distance[i, j])
        self.holds("assignment", bool(reach.all()), "an option serves what it cannot reach")
        sums = np.bincount(i, weights=share.data, minlength=len(model.demand))
        self.holds("assignment", bool((sums <= 1 + SHARE_SLACK).all()), "shares above 1")
        load = np.bincount(j, weights=model.demand[i] * share.data, minlength=model.rules.options)
        over = np.flatnonzero(load > model.capacity + SHARE_SLACK * np.maximum(model.capacity, 1.0))
        self.holds("assignment", not len(over), f"more than the capacity of {over[:5].tolist()}")
        served = np.minimum(sums, 1.0)
        if isinstance(model, CapacitatedFacilityLocation):
            short = np.flatnonzero(sums < 1 - SHARE_SLACK)
            self.holds("assignment", not len(short), f"{short[:5].tolist()} are not served whole")
            if not reach.all():
                return None
            carried = model.demand[i] * model.distance[i, j] * share.data
            value = math.fsum([*carried.tolist(), self.cost(model.cost)])
            self.same("objective", self.solution.objective, value, whole=False)
        elif model.required is not None:
            self.spent(model.cost)
            self.required(model, served)
        else:
            value = math.fsum((model.demand * served).tolist())
            self.same("objective", self.solution.objective, value, whole=False)
        return served

    def shares(
        self, model: CapacitatedCovering | CapacitatedFacilityLocation
    ) -> sp.coo_array | None:
        """Return who serves what share of whom, None when that cannot be read."""
        n, m = len(model.demand), model.rules.options
        given = self.solution.assignment
        if isinstance(given, np.ndarray) or given is None:
            place = self.one_each(n)
            if place is None:
                return None
            some = np.flatnonzero(place >= 0)
            return sp.coo_array((np.ones(len(some)), (some, place[some])), shape=(n, m))
        share = sp.coo_array(sp.csr_array(given))
        good = share.shape == (n, m) and bool(np.isfinite(share.data).all())
        if not self.holds("assignment", good, f"needs finite shares ({n}, {m})"):
            return None
        self.holds("assignment", bool((share.data >= 0).all()), "a share is negative")
        if model.single_source:
            whole = bool(((share.data == 0) | (share.data == 1)).all())
            self.holds("assignment", whole, "a demand point is split")
        share.eliminate_zeros()
        return share

    def zones(self, served: npt.NDArray[np.float64]) -> None:
        """Weight served in each zone."""
        model, claimed = self.model, dict(self.solution.served_by_zone)
        if isinstance(model, PartialCovering | CapacitatedCovering):
            labels: tuple[object, ...] = model.zones
            reach = _zone_sums(model, served).tolist()
        else:
            labels = ("all",)
            weight = np.ones(len(served)) if isinstance(model, SetCovering) else model.demand
            reach = [math.fsum((weight * served).tolist())]
        named = set(claimed) == set(labels)
        if self.holds("served_by_zone", named, f"names {list(claimed)}, the zones are {labels}"):
            for label, value in zip(labels, reach, strict=True):
                self.same(f"served_by_zone[{label!r}]", claimed[label], value, whole=False)

    def uncovered(self, served: npt.NDArray[np.float64]) -> None:
        """Demand points that are not served, or not whole."""
        missing = np.flatnonzero(served < 1.0 - SAME)
        same = np.array_equal(np.asarray(self.solution.uncovered), missing)
        self.holds("uncovered", same, f"{len(missing)} points are not served, or others")


def _entries(
    cover: sp.csr_array, rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]
) -> npt.NDArray[np.bool_]:
    """Return which entries of a cover matrix exist."""
    if not len(rows):
        return np.zeros(0, dtype=bool)
    lengths = cover.indptr[rows + 1] - cover.indptr[rows]
    line = np.repeat(np.arange(len(rows)), lengths)
    first = np.repeat(cover.indptr[rows] - np.cumsum(lengths) + lengths, lengths)
    held = cover.indices[first + np.arange(len(line))]
    real = np.zeros(len(rows), dtype=bool)
    real[line[held == columns[line]]] = True
    return real


def _zone_sums(
    model: PartialCovering | CapacitatedCovering, served: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    weight = model.demand * served
    return np.array([math.fsum(weight[model.zone == t].tolist()) for t in range(len(model.zones))])
