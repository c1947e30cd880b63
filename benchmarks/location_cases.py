"""Small random location models of every family and combination of rules, and their optima.

The optima come from looking at every selection, and for capacitated models at every assignment or
a transportation problem for every selection; nothing is shared with the engine but its models.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.optimize import linprog

from siting.location.capacity import (
    CapacitatedCovering,
    CapacitatedFacilityLocation,
    CapacitatedPMedian,
)
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.status import Sense

Model = (
    SetCovering
    | MaximalCovering
    | PartialCovering
    | PMedian
    | PCenter
    | CapacitatedCovering
    | CapacitatedFacilityLocation
)
Draw = np.random.Generator

#: Extras a case may carry besides its own.
EXTRAS = ("fixed", "forbidden", "site_cost", "site_limit", "pairs", "separation", "floats")
#: Family -> (most options, most demand points, its own extras).
FAMILIES: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "set covering": (10, 14, ("k", "cost")),
    "maximal covering": (10, 14, ("k",)),
    "budgeted covering": (10, 14, ("k",)),
    "partial covering": (10, 14, ("zones", "cost")),
    "p-median": (9, 10, ("cut", "weights")),
    "p-centre": (9, 10, ("cut",)),
    "capacitated covering": (5, 6, ("single", "budget")),
    "capacitated share": (5, 6, ("single", "zones")),
    "facility location": (5, 6, ("single", "cut")),
    "capacitated median": (5, 6, ("single", "cut")),
}
#: Relative weight by which a zone's requirement may be missed.
SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A small model with what made it.

    Parameters
    ----------
    family, extras, seed, options, demand
        What :func:`make` was given.
    model
        The model.
    """

    family: str
    extras: frozenset[str]
    seed: int
    options: int
    demand: int
    model: Model

    def __repr__(self) -> str:
        """Return the call that makes it again."""
        extras = ", ".join(sorted(self.extras))
        return f"make({self.family!r}, {self.options}, {self.demand}, {{{extras}}}, {self.seed})"


def drawn(seed: int, family: str | None = None) -> Case:
    """Return the case of a seed: family, size and extras drawn at random."""
    draw = np.random.default_rng(seed)
    family = family or str(draw.choice(list(FAMILIES)))
    most_options, most_demand, own = FAMILIES[family]
    extras = [name for name in (*EXTRAS, *own) if draw.random() < 0.3]  # noqa: PLR2004
    options = int(draw.integers(1, most_options + 1))
    return make(family, options, int(draw.integers(1, most_demand + 1)), extras, seed)


def make(family: str, options: int, demand: int, extras: list[str], seed: int) -> Case:
    """Return a case of a family, with a number of options and demand points, and some extras."""
    draw = np.random.default_rng([seed, options, demand])
    given = frozenset(extras)
    model = MAKERS[family](draw, options, demand, given)
    return Case(family=family, extras=given, seed=seed, options=options, demand=demand, model=model)


def _amounts(
    draw: Draw, number: int, extras: frozenset[str], low: int, high: int
) -> npt.NDArray[np.float64]:
    """Draw whole numbers low..high, or any between them."""
    if "floats" in extras:
        return draw.uniform(low, high, number)
    return draw.integers(low, high + 1, number).astype(np.float64)


def _rules(draw: Draw, m: int, extras: frozenset[str], *, priced: bool = True) -> dict[str, object]:
    """Draw the rules that every model may carry."""
    rules: dict[str, object] = {}
    order = draw.permutation(m)
    if "fixed" in extras:
        rules["fixed"] = order[: draw.integers(0, min(3, m) + 1)]
    if "forbidden" in extras:
        rules["forbidden"] = order[max(3, m - int(draw.integers(0, 2))) :]
    sites = m
    if extras & {"site_cost", "site_limit"}:
        sites = int(draw.integers(1, m + 1))
        rules["site"] = draw.integers(0, sites, m)
    if "site_cost" in extras and priced:
        rules["site_cost"] = _amounts(draw, sites, extras, 0, 8)
    if "site_limit" in extras:
        shape = int(np.max(rules["site"])) + 1 if "site_cost" not in rules else sites
        rules["max_options_per_site"] = draw.integers(1, 4, shape)
    if "separation" in extras:
        rules["conflicts"] = (draw.integers(0, 8, (m, 2)), float(draw.integers(1, 4)))
    elif "pairs" in extras and m > 1:
        pairs = np.array(list(itertools.combinations(range(m), 2)))
        rules["conflicts"] = pairs[draw.random(len(pairs)) < 0.15]  # noqa: PLR2004
    return rules


def _cover(draw: Draw, n: int, m: int, extras: frozenset[str]) -> sp.csr_array:
    """Draw a cover matrix; some demand points share their options."""
    cover = draw.random((n, m)) < draw.uniform(0.15, 0.8)
    if draw.random() < 0.5:  # noqa: PLR2004
        cover = cover[draw.integers(0, max(1, n // 2), n)]
    if draw.random() < 0.8:  # noqa: PLR2004
        for _ in range(2 if "k" in extras else 1):
            cover[np.arange(n), draw.integers(0, m, n)] = True
    return sp.csr_array(cover)


def _k(draw: Draw, n: int, extras: frozenset[str]) -> npt.NDArray[np.int64] | int:
    return draw.choice([1, 1, 1, 2, 2, 3], n) if "k" in extras else 1


def _weights(draw: Draw, n: int, extras: frozenset[str]) -> npt.NDArray[np.float64]:
    weights = _amounts(draw, n, extras, 0, 20)
    weights[0] += 1.0
    return weights


def _set_covering(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    cost = _amounts(draw, m, extras, 0, 9) if "cost" in extras else None
    return SetCovering(
        _cover(draw, n, m, extras), cost, k=_k(draw, n, extras), **_rules(draw, m, extras)
    )


def _maximal_covering(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    return MaximalCovering(
        _cover(draw, n, m, extras),
        _weights(draw, n, extras),
        p=int(draw.integers(1, m + 1)),
        k=_k(draw, n, extras),
        **_rules(draw, m, extras),
    )


def _budgeted_covering(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    cost = _amounts(draw, m, extras, 0, 9)
    return MaximalCovering(
        _cover(draw, n, m, extras),
        _weights(draw, n, extras),
        cost=cost,
        budget=float(np.round(draw.uniform(0, cost.sum() + 5))),
        k=_k(draw, n, extras),
        **_rules(draw, m, extras),
    )


def _zones(
    draw: Draw, n: int, weights: npt.NDArray[np.float64], extras: frozenset[str]
) -> dict[str, object]:
    """Draw zones and what they require."""
    shares = [1.0, 0.9, 0.8, 0.5, 0.3, 0.0]
    if "zones" not in extras:
        return {"required": {"all": float(draw.choice(shares))}}
    zone = draw.choice(["centre", "north", "south"], n)
    able = [str(name) for name in np.unique(zone) if weights[zone == name].sum() > 0]
    return {"zone": zone, "required": {name: float(draw.choice(shares)) for name in able}}


def _partial_covering(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    weights = _weights(draw, n, extras)
    return PartialCovering(
        _cover(draw, n, m, extras),
        weights,
        cost=_amounts(draw, m, extras, 0, 9) if "cost" in extras else None,
        **_zones(draw, n, weights, extras),
        **_rules(draw, m, extras),
    )


def _distances(draw: Draw, n: int, m: int, extras: frozenset[str]) -> npt.NDArray[np.float64]:
    """Draw distances in a plane, or any; some infinite."""
    if draw.random() < 0.5:  # noqa: PLR2004
        apart = draw.random((n, 1, 2)) - draw.random((1, m, 2))
        distance = 20 * np.sqrt((apart**2).sum(axis=2))
    else:
        distance = draw.uniform(0, 20, (n, m))
    if "floats" not in extras:
        distance = np.rint(distance)
    if "cut" in extras:
        distance[draw.random((n, m)) < 0.3] = np.inf  # noqa: PLR2004
    return distance


def _median(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    return PMedian(
        _distances(draw, n, m, extras),
        _weights(draw, n, extras) if "weights" in extras else None,
        p=int(draw.integers(1, m + 1)),
        **_rules(draw, m, extras),
    )


def _centre(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    rules = _rules(draw, m, extras, priced=False)
    return PCenter(_distances(draw, n, m, extras), int(draw.integers(1, m + 1)), **rules)


def _capacities(
    draw: Draw, m: int, weights: npt.NDArray[np.float64], extras: frozenset[str]
) -> npt.NDArray[np.float64]:
    high = max(2, int(4 * weights.sum() / m))
    return _amounts(draw, m, extras, 0, high)


def _capacitated_covering(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    weights = _weights(draw, n, extras)
    cost = _amounts(draw, m, extras, 0, 9)
    limit: dict[str, object] = {"p": int(draw.integers(1, m + 1))}
    if "budget" in extras:
        limit = {"cost": cost, "budget": float(np.round(draw.uniform(0, cost.sum() + 5)))}
    return CapacitatedCovering(
        _cover(draw, n, m, extras),
        weights,
        capacity=_capacities(draw, m, weights, extras),
        single_source="single" in extras,
        **limit,
        **_rules(draw, m, extras),
    )


def _capacitated_share(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    weights = _weights(draw, n, extras)
    return CapacitatedCovering(
        _cover(draw, n, m, extras),
        weights,
        capacity=_capacities(draw, m, weights, extras),
        cost=_amounts(draw, m, extras, 0, 9),
        single_source="single" in extras,
        **_zones(draw, n, weights, extras),
        **_rules(draw, m, extras),
    )


def _facility_location(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    weights = _weights(draw, n, extras)
    return CapacitatedFacilityLocation(
        _distances(draw, n, m, extras),
        weights,
        capacity=_capacities(draw, m, weights, extras),
        cost=_amounts(draw, m, extras, 0, 60),
        single_source="single" in extras,
        **_rules(draw, m, extras),
    )


def _capacitated_median(draw: Draw, m: int, n: int, extras: frozenset[str]) -> Model:
    weights = _weights(draw, n, extras)
    return CapacitatedPMedian(
        _distances(draw, n, m, extras),
        weights,
        p=int(draw.integers(1, m + 1)),
        capacity=_capacities(draw, m, weights, extras),
        single_source="single" in extras,
        **_rules(draw, m, extras),
    )


MAKERS: dict[str, Callable[[Draw, int, int, frozenset[str]], Model]] = {
    "set covering": _set_covering,
    "maximal covering": _maximal_covering,
    "budgeted covering": _budgeted_covering,
    "partial covering": _partial_covering,
    "p-median": _median,
    "p-centre": _centre,
    "capacitated covering": _capacitated_covering,
    "capacitated share": _capacitated_share,
    "facility location": _facility_location,
    "capacitated median": _capacitated_median,
}


def optimum(model: Model) -> float | None:
    """Return the best objective of a model, None when nothing keeps its rules."""
    choices = _choices(model)
    if isinstance(model, CapacitatedCovering | CapacitatedFacilityLocation):
        values = _capacitated(model, choices)
    elif isinstance(model, PMedian | PCenter):
        values = _distant(model, choices)
    else:
        values = _covering(model, choices)
    best = float(np.min(values, initial=math.inf))
    if math.isinf(best):
        return None
    return best if model.sense is Sense.MINIMISE else -best


def _spent(
    model: Model, choices: npt.NDArray[np.bool_], cost: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the cost of every selection, sites included."""
    rules = model.rules
    at = np.zeros((rules.options, len(rules.site_cost)), dtype=np.int64)
    at[np.arange(rules.options), rules.site] = 1
    return choices @ cost + ((choices @ at) > 0) @ rules.site_cost


def _choices(model: Model) -> npt.NDArray[np.bool_]:
    """Return every selection that keeps the rules, (selections, m)."""
    rules, m = model.rules, model.rules.options
    choices = (np.arange(2**m)[:, None] >> np.arange(m)) & 1 > 0
    good = choices[:, rules.fixed].all(axis=1) & ~choices[:, rules.forbidden].any(axis=1)
    for one, other in rules.conflicts.tolist():
        good &= ~(choices[:, one] & choices[:, other])
    for site, most in enumerate(rules.max_options.tolist()):
        good &= choices[:, rules.site == site].sum(axis=1) <= most
    p, budget = getattr(model, "p", None), getattr(model, "budget", None)
    if p is not None:
        good &= choices.sum(axis=1) <= p
    if budget is not None and isinstance(model, MaximalCovering | CapacitatedCovering):
        good &= _spent(model, choices, model.cost) <= budget * (1 + 1e-12)
    return choices[good]


def _covering(
    model: SetCovering | MaximalCovering | PartialCovering, choices: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    counts = choices.astype(np.int64) @ model.cover.toarray().astype(np.int64).T
    if isinstance(model, MaximalCovering):
        return -((counts >= model.k) @ model.demand)
    spent = _spent(model, choices, model.cost)
    if isinstance(model, SetCovering):
        return np.where((counts >= model.k).all(axis=1), spent, math.inf)
    return np.where(_shares_met(model, (counts > 0) * 1.0), spent, math.inf)


def _shares_met(
    model: PartialCovering | CapacitatedCovering, served: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Tell for every row of served shares whether each zone has what it requires."""
    assert model.required is not None  # noqa: S101 - asked of such models only
    good = np.ones(len(served), dtype=bool)
    for zone, fraction in enumerate(model.required.tolist()):
        inside = model.zone == zone
        total = model.demand[inside].sum()
        good &= served[:, inside] @ model.demand[inside] >= (fraction - SLACK) * total
    return good


def _distant(model: PMedian | PCenter, choices: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    choices = choices[choices.any(axis=1)]
    open_ = np.where(choices[:, None, :], model.distance[None, :, :], math.inf)
    nearest = open_.min(axis=2)
    if isinstance(model, PCenter):
        return nearest.max(axis=1)
    nothing = np.zeros(model.rules.options)
    finite = np.isfinite(nearest).all(axis=1)
    carried = np.where(np.isfinite(nearest), nearest, 0.0) @ model.demand
    return np.where(finite, carried + _spent(model, choices, nothing), math.inf)


def _capacitated(
    model: CapacitatedCovering | CapacitatedFacilityLocation, choices: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    if model.single_source:
        return np.array([_best_whole(model, choices)])
    return np.array([_transport(model, np.flatnonzero(choice)) for choice in choices])


def _best_whole(
    model: CapacitatedCovering | CapacitatedFacilityLocation, choices: npt.NDArray[np.bool_]
) -> float:
    """Look at every assignment of whole demand points to options, or to none."""
    n, m = len(model.demand), model.rules.options
    every = np.array(list(itertools.product(range(-1, m), repeat=n)))
    reach = _reach(model)
    reach = np.concatenate([reach, np.ones((n, 1), dtype=bool)], axis=1)
    every = every[reach[np.arange(n), every].all(axis=1)]
    if isinstance(model, CapacitatedFacilityLocation):
        every = every[(every >= 0).all(axis=1)]
    fits = np.ones(len(every), dtype=bool)
    used = np.zeros((len(every), m), dtype=bool)
    for option in range(m):
        here = every == option
        used[:, option] = here.any(axis=1)
        fits &= here @ model.demand <= model.capacity[option] * (1 + SLACK)
    every, used = every[fits], used[fits]
    best = math.inf
    for choice in choices:
        inside = ~(used & ~choice).any(axis=1)
        if inside.any():
            values = _whole_values(model, every[inside], choice)
            best = min(best, float(values.min(initial=math.inf)))
    return best


def _whole_values(
    model: CapacitatedCovering | CapacitatedFacilityLocation,
    every: npt.NDArray[np.int64],
    choice: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    spent = float(_spent(model, choice[None, :], model.cost)[0])
    served = (every >= 0) * 1.0
    if isinstance(model, CapacitatedFacilityLocation):
        n = len(model.demand)
        return spent + model.distance[np.arange(n), every] @ model.demand
    if model.required is None:
        return -(served @ model.demand)
    return np.where(_shares_met(model, served), spent, math.inf)


def _reach(
    model: CapacitatedCovering | CapacitatedFacilityLocation,
) -> npt.NDArray[np.bool_]:
    if isinstance(model, CapacitatedFacilityLocation):
        return np.isfinite(model.distance)
    return model.cover.toarray().astype(bool)


def _transport(
    model: CapacitatedCovering | CapacitatedFacilityLocation, chosen: npt.NDArray[np.intp]
) -> float:
    """Return the best objective of one selection whose demand may be split."""
    reach, n = _reach(model), len(model.demand)
    i, j = np.nonzero(reach[:, chosen])
    locating = isinstance(model, CapacitatedFacilityLocation)
    choice = np.zeros((1, model.rules.options), dtype=bool)
    choice[0, chosen] = True
    spent = float(_spent(model, choice, model.cost)[0])
    share = model.required is not None if isinstance(model, CapacitatedCovering) else False
    if not len(i):
        if locating or (share and not _shares_met(model, np.zeros((1, n)))[0]):
            return math.inf
        return spent if share else 0.0
    weight, own = model.demand[i], np.arange(len(i))
    load = sp.csr_array((weight, (j, own)), shape=(len(chosen), len(i)))
    whole = sp.csr_array((np.ones(len(i)), (i, own)), shape=(n, len(i)))
    limits, sides = [load], [model.capacity[chosen]]
    if isinstance(model, CapacitatedFacilityLocation):
        price = weight * model.distance[i, chosen[j]]
        found = linprog(
            price, sp.vstack(limits), np.concatenate(sides), whole, np.ones(n), bounds=(0, 1)
        )
        return spent + float(found.fun) if found.status == 0 else math.inf
    limits, sides = [load, whole], [model.capacity[chosen], np.ones(n)]
    price = np.zeros(len(i)) if share else -weight
    if share:
        asked = np.flatnonzero(model.required > 0)
        zones = sp.csr_array((-weight, (model.zone[i], own)), shape=(len(model.zones), len(i)))
        total = model.zone_weight[asked]
        limits.append(sp.csr_array(zones[asked]))
        sides.append(-(model.required[asked] - SLACK) * total)
    found = linprog(price, sp.vstack(limits), np.concatenate(sides), bounds=(0, 1))
    if found.status != 0:
        return math.inf
    return spent if share else float(found.fun)
