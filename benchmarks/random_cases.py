"""Tiny random questions of every model with random rules, answered by trying every choice.

The answer by enumeration shares no code with the engine; it decides whether a certificate is false.
"""

# ruff: noqa: PLR2004
# Chances and sizes stand where they are drawn.

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

import siting
from siting.errors import VerificationError
from siting.location.programme import LocationModel
from siting.location.solution import Solution

Rng = np.random.Generator
Array = npt.NDArray[np.float64]

#: Relative difference below which two objectives are the same.
_SAME = 1e-7
_WEIGHT = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A question and its true answer; None when nothing keeps its rules."""

    model: LocationModel
    best: float | None
    maximise: bool


@dataclass(slots=True, kw_only=True)
class Tally:
    """What many cases came to; every false claim with the seed that repeats it."""

    cases: int = 0
    proven: int = 0
    open: int = 0
    infeasible: int = 0
    false: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Options:
    """Every choice of options that keeps the rules (choices, m), and what it costs (choices,)."""

    chosen: npt.NDArray[np.bool_]
    cost: Array
    site_cost: Array
    rules: dict[str, Any]


def check_case(seed: int, tally: Tally) -> None:
    """Draw a case, let the engine answer it, and note whether anything it says is false."""
    case = draw_case(np.random.default_rng(seed))
    solution = siting.solve(case.model, max_runtime_s=20.0)
    tally.cases += 1
    name = f"{type(case.model).__name__}, seed {seed}"
    fault = fault_of(case, solution)
    if not fault:
        try:
            siting.verify(case.model, solution)
        except VerificationError as error:
            fault = f"its own answer is refused: {error}"
    if fault:
        tally.false.append(f"{name}: {fault}")
    tally.proven += solution.status == "optimal"
    tally.infeasible += solution.status == "infeasible"
    tally.open += solution.status not in {"optimal", "infeasible"}


def fault_of(case: Case, solution: Solution) -> str:
    """Say which claim of a solution the true answer contradicts; nothing when none."""
    value, bound, best = solution.objective, solution.bound, case.best
    if best is None:
        ends = solution.status in {"infeasible", "unknown"}
        return "" if ends else f"{solution.status} where nothing keeps the rules"
    if solution.status == "infeasible":
        return f"infeasible where {best:.12g} can be reached"
    sign = -1.0 if case.maximise else 1.0
    slack = _SAME * max(1.0, abs(best))
    if bound is not None and sign * bound > sign * best + slack:
        return f"bound {bound:.12g} beyond the best, {best:.12g}"
    if value is not None and sign * value < sign * best - slack:
        return f"value {value:.12g} better than the best, {best:.12g}"
    if solution.status == "optimal" and (value is None or abs(value - best) > slack):
        return f"{value} called optimal, the best is {best:.12g}"
    return ""


def draw_case(rng: Rng) -> Case:
    """Draw a question of any model."""
    draws: tuple[Callable[[Rng], Case], ...] = (
        _set_covering,
        _maximal_covering,
        _partial_covering,
        _median,
        _centre,
        _capacitated_covering,
        _capacitated_location,
    )
    return draws[rng.integers(len(draws))](rng)


def _numbers(rng: Rng, size: int | tuple[int, ...], most: int) -> Array:
    """Draw whole numbers 0..most, or in one of three cases any numbers."""
    whole = rng.integers(0, most + 1, size).astype(np.float64)
    return whole if rng.random() < 2 / 3 else whole * rng.uniform(0.5, 1.0, size)


def _options(rng: Rng, count: int, cost: Array) -> _Options:
    """Draw rules, and list every choice that keeps them."""
    rules: dict[str, Any] = {}
    chosen = np.array(list(itertools.product((False, True), repeat=count)))
    kept = np.ones(len(chosen), dtype=bool)
    named = rng.permutation(count)
    if rng.random() < 0.25:
        rules["fixed"] = [int(named[0])]
        kept &= chosen[:, named[0]]
    if count > 2 and rng.random() < 0.25:
        rules["forbidden"] = [int(named[1])]
        kept &= ~chosen[:, named[1]]
    site = np.arange(count)
    if rng.random() < 0.35:
        rules["site"] = site = rng.integers(0, max(2, count // 2), count)
    sites = int(site.max()) + 1
    hosted = np.array([chosen[:, site == s].sum(axis=1) for s in range(sites)]).T
    site_cost = np.zeros(sites)
    if rng.random() < 0.3:
        rules["site_cost"] = site_cost = _numbers(rng, sites, 9)
    if rng.random() < 0.25:
        rules["max_options_per_site"] = most = rng.integers(1, 3, sites)
        kept &= (hosted <= most).all(axis=1)
    if count > 2 and rng.random() < 0.3:
        pairs = np.array([rng.choice(count, 2, replace=False) for _ in range(rng.integers(1, 4))])
        rules["conflicts"] = pairs
        for a, b in pairs.tolist():
            kept &= ~(chosen[:, a] & chosen[:, b])
    opened = (hosted > 0) @ site_cost
    return _Options(
        chosen=chosen[kept],
        cost=(chosen @ cost + opened)[kept],
        site_cost=opened[kept],
        rules=rules,
    )


def _cover(rng: Rng) -> npt.NDArray[np.bool_]:
    return rng.random((rng.integers(1, 9), rng.integers(2, 8))) < rng.uniform(0.2, 0.7)


def _weights(rng: Rng, count: int) -> Array:
    weight = _numbers(rng, count, 9)
    weight[rng.integers(count)] += 1.0
    return weight


def _best(values: Array, *, maximise: bool) -> float | None:
    if not len(values):
        return None
    best = float(values.max() if maximise else values.min())
    return best if math.isfinite(best) else None


def _limits(
    rng: Rng, options: _Options, count: int
) -> tuple[dict[str, Any], npt.NDArray[np.bool_]]:
    """Draw p or a budget, and tell which choices keep it; the cost counts for a budget alone."""
    if rng.random() < 0.5:
        p = int(rng.integers(1, count + 1))
        return {"p": p}, options.chosen.sum(axis=1) <= p
    budget = float(rng.integers(0, 30)) + 0.5
    return {"budget": budget}, options.cost <= budget


def _set_covering(rng: Rng) -> Case:
    cover = _cover(rng)
    rows, count = cover.shape
    cost = _numbers(rng, count, 9)
    k = rng.integers(1, 3, rows) if rng.random() < 0.4 else 1
    options = _options(rng, count, cost)
    served = (options.chosen.astype(int) @ cover.T >= k).all(axis=1)
    return Case(
        model=siting.SetCovering(cover, cost=cost, k=k, **options.rules),
        best=_best(options.cost[served], maximise=False),
        maximise=False,
    )


def _maximal_covering(rng: Rng) -> Case:
    cover = _cover(rng)
    rows, count = cover.shape
    weight, cost = _weights(rng, rows), _numbers(rng, count, 9)
    k = rng.integers(1, 3, rows) if rng.random() < 0.4 else 1
    options = _options(rng, count, cost)
    limit, kept = _limits(rng, options, count)
    served = options.chosen.astype(int) @ cover.T >= k
    if "budget" in limit:
        limit["cost"] = cost
    return Case(
        model=siting.MaximalCovering(cover, demand=weight, k=k, **limit, **options.rules),
        best=_best((served @ weight)[kept], maximise=True),
        maximise=True,
    )


def _zones(rng: Rng, weight: Array) -> tuple[npt.NDArray[np.int64], dict[int, float], Array]:
    """Draw zones, the share each requires, and the weight that comes to."""
    zone = rng.integers(0, 2, len(weight))
    required = {int(z): float(rng.choice([0.3, 0.7, 1.0])) for z in np.unique(zone)}
    required = {z: r for z, r in required.items() if weight[zone == z].sum() > 0}
    total = np.bincount(zone, weights=weight, minlength=2)
    share = np.array([required.get(z, 0.0) for z in range(2)])
    return zone, required, share * total - _WEIGHT * total


def _partial_covering(rng: Rng) -> Case:
    cover = _cover(rng)
    rows, count = cover.shape
    weight, cost = _weights(rng, rows), _numbers(rng, count, 9)
    zone, required, need = _zones(rng, weight)
    options = _options(rng, count, cost)
    served = (options.chosen.astype(int) @ cover.T > 0) * weight
    by_zone = np.array([served[:, zone == z].sum(axis=1) for z in range(2)]).T
    return Case(
        model=siting.PartialCovering(
            cover, demand=weight, cost=cost, zone=zone, required=required, **options.rules
        ),
        best=_best(options.cost[(by_zone >= need).all(axis=1)], maximise=False),
        maximise=False,
    )


def _distances(rng: Rng) -> Array:
    distance = _numbers(rng, (int(rng.integers(1, 8)), int(rng.integers(2, 8))), 20)
    if rng.random() < 0.3:
        distance[rng.random(distance.shape) < 0.2] = np.inf
    return distance


def _nearest(chosen: npt.NDArray[np.bool_], distance: Array) -> Array:
    """Return the distance of each point to the nearest chosen option, (choices, n)."""
    return np.where(chosen[:, None, :], distance, np.inf).min(axis=2)


def _median(rng: Rng) -> Case:
    distance = _distances(rng)
    rows, count = distance.shape
    weight, p = _weights(rng, rows) + 1.0, int(rng.integers(1, count + 1))
    options = _options(rng, count, np.zeros(count))
    kept = options.chosen.sum(axis=1) <= p
    total = _nearest(options.chosen, distance) @ weight + options.site_cost
    return Case(
        model=siting.PMedian(distance, demand=weight, p=p, **options.rules),
        best=_best(total[kept], maximise=False),
        maximise=False,
    )


def _centre(rng: Rng) -> Case:
    distance = _distances(rng)
    count = distance.shape[1]
    p = int(rng.integers(1, count + 1))
    options = _options(rng, count, np.zeros(count))
    kept = options.chosen.sum(axis=1) <= p
    farthest = _nearest(options.chosen, distance).max(axis=1)
    rules = {name: rule for name, rule in options.rules.items() if name != "site_cost"}
    return Case(
        model=siting.PCenter(distance, p=p, **rules),
        best=_best(farthest[kept], maximise=False),
        maximise=False,
    )


def _assignments(
    weight: Array, capacity: Array, cost: Array, *, single: bool, whole: bool
) -> Callable[[npt.NDArray[np.bool_], Array, Array], float]:
    """Return ``f(chosen, needs, zone)``: the least cost of assigning demand to a choice.

    `cost` (n, m) is that of serving all of i from j, infinite where j cannot; with `whole`
    everything must be served.
    """
    rows, count = cost.shape

    def split(chosen: npt.NDArray[np.bool_], need: Array, zone: Array) -> float:
        able = np.isfinite(cost) & chosen
        upper = able.astype(np.float64).ravel()
        of_row = np.kron(np.eye(rows), np.ones(count))
        of_option = np.kron(weight[None, :], np.eye(count))
        above, limit = [of_option, of_row], [capacity, np.ones(rows)]
        for z, least in enumerate(need):
            above.append(-np.repeat(weight * (zone == z), count)[None, :])
            limit.append(np.array([-least]))
        done = linprog(
            np.where(np.isfinite(cost), cost, 0.0).ravel(),
            A_ub=np.vstack(above),
            b_ub=np.concatenate(limit),
            A_eq=of_row if whole else None,
            b_eq=np.ones(rows) if whole else None,
            bounds=np.column_stack([np.zeros(len(upper)), upper]),
            method="highs",
        )
        return float(done.fun) if done.status == 0 else math.inf

    def by_one(chosen: npt.NDArray[np.bool_], need: Array, zone: Array) -> float:
        best = math.inf
        places = [*np.flatnonzero(chosen).tolist(), *([] if whole else [-1])]
        for server in itertools.product(places, repeat=rows):
            at = np.array(server)
            on = at >= 0
            load = np.bincount(at[on], weights=weight[on], minlength=count)
            total = float(cost[np.flatnonzero(on), at[on]].sum())
            met = np.bincount(zone[on], weights=weight[on], minlength=len(need))[: len(need)]
            if (load <= capacity).all() and (met >= need).all():
                best = min(best, total)
        return best

    return by_one if single else split


def _capacitated_covering(rng: Rng) -> Case:
    rows, count = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    cover = rng.random((rows, count)) < 0.6
    weight, cost = _weights(rng, rows), _numbers(rng, count, 9)
    capacity = _numbers(rng, count, 12)
    single = bool(rng.random() < 0.5)
    options = _options(rng, count, cost)
    shared: dict[str, Any] = {"demand": weight, "capacity": capacity, "single_source": single}
    if rng.random() < 0.6:
        limit, kept = _limits(rng, options, count)
        gain = np.where(cover, -weight[:, None], np.inf)
        assign = _assignments(weight, capacity, gain, single=single, whole=False)
        none, zone = np.zeros(0), np.zeros(rows, dtype=np.int64)
        values = np.array([-assign(choice, none, zone) for choice in options.chosen[kept]])
        if "budget" in limit:
            limit["cost"] = cost
        model = siting.CapacitatedCovering(cover, **shared, **limit, **options.rules)
        return Case(model=model, best=_best(values, maximise=True), maximise=True)
    zone, required, need = _zones(rng, weight)
    free = np.where(cover, 0.0, np.inf)
    assign = _assignments(weight, capacity, free, single=single, whole=False)
    kept = np.array([math.isfinite(assign(choice, need, zone)) for choice in options.chosen], bool)
    model = siting.CapacitatedCovering(
        cover, **shared, cost=cost, zone=zone, required=required, **options.rules
    )
    return Case(model=model, best=_best(options.cost[kept], maximise=False), maximise=False)


def _capacitated_location(rng: Rng) -> Case:
    rows, count = int(rng.integers(1, 5)), int(rng.integers(2, 5))
    distance = _numbers(rng, (rows, count), 9)
    if rng.random() < 0.2:
        distance[rng.random(distance.shape) < 0.2] = np.inf
    weight, cost = _weights(rng, rows) + 1.0, _numbers(rng, count, 30)
    capacity = _numbers(rng, count, 25)
    single = bool(rng.random() < 0.5)
    options = _options(rng, count, cost)
    shared: dict[str, Any] = {
        "demand": weight, "capacity": capacity, "cost": cost, "single_source": single,
    }  # fmt: skip
    kept = np.ones(len(options.chosen), dtype=bool)
    if rng.random() < 0.5:
        p = int(rng.integers(1, count + 1))
        kept = options.chosen.sum(axis=1) <= p
        model: LocationModel = siting.CapacitatedPMedian(distance, p=p, **shared, **options.rules)
    else:
        model = siting.CapacitatedFacilityLocation(distance, **shared, **options.rules)
    assign = _assignments(weight, capacity, distance * weight[:, None], single=single, whole=True)
    none, zone = np.zeros(0), np.zeros(rows, dtype=np.int64)
    values = options.cost[kept] + [
        assign(choice, none, zone) if choice.any() else math.inf for choice in options.chosen[kept]
    ]
    return Case(model=model, best=_best(values, maximise=False), maximise=False)
