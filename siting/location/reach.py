"""What no search needs to try: rules that contradict each other, demand that nothing can serve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.programme import WEIGHT_TOLERANCE, LocationModel
from siting.location.rules import Rules

#: Relative rounding of a sum of costs held against a budget.
BUDGET_TOLERANCE = 1e-12
_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Impossible:
    """Why a model has no answer.

    Parameters
    ----------
    reason
        One sentence: what cannot be met, and the best that can.
    demand
        Demand points that cannot be served, ascending; empty when the fault lies elsewhere.
    """

    reason: str
    demand: npt.NDArray[np.intp]


def impossible(model: LocationModel) -> Impossible | None:
    """Return why a model has no answer when that can be seen without a search, else None."""
    reasons = _rules_apart(model)
    demand = np.zeros(0, dtype=np.intp)
    match model:
        case SetCovering():
            said, demand = _short(model)
            reasons += said
        case PartialCovering():
            reasons += _zones_beyond(model, _coverable(model))
        case CapacitatedCovering() if model.required is not None:
            reasons += _zones_beyond(model, _coverable(model))
            reasons += _required_beyond_capacity(model)
        case PMedian() | PCenter() | CapacitatedFacilityLocation():
            said, demand = _cut_off(model)
            reasons += said
    if isinstance(model, CapacitatedFacilityLocation):
        reasons += _beyond_capacity(model)
    if not reasons:
        return None
    return Impossible(reason="; ".join(reasons), demand=demand)


def _rules_apart(model: LocationModel) -> list[str]:
    """List fixed options that break a rule by themselves."""
    rules, found = model.rules, []
    chosen = np.zeros(rules.options, dtype=bool)
    chosen[rules.fixed] = True
    both = rules.conflicts[chosen[rules.conflicts].all(axis=1)]
    found += [f"fixed options {a} and {b} exclude each other" for a, b in both[:_LISTED].tolist()]
    load = np.bincount(rules.site[rules.fixed], minlength=len(rules.max_options))
    for site in np.flatnonzero(load > rules.max_options)[:_LISTED].tolist():
        most = rules.max_options[site]
        found.append(f"site {site} has {load[site]} fixed options, its limit is {most}")
    p = getattr(model, "p", None)
    if p is not None and len(rules.fixed) > p:
        found.append(f"{len(rules.fixed)} options are fixed, p allows {p}")
    budget = getattr(model, "budget", None)
    if budget is not None and isinstance(model, MaximalCovering | CapacitatedCovering):
        spent = rules.cost(rules.fixed, model.cost)
        if spent > budget * (1 + BUDGET_TOLERANCE):
            found.append(f"the fixed options cost {spent:g}, the budget is {budget:g}")
    return found


def allowed(rules: Rules) -> npt.NDArray[np.bool_]:
    """Return which options may be chosen as far as one can be judged alone, (m,)."""
    may = np.ones(rules.options, dtype=bool)
    may[rules.forbidden] = False
    chosen = np.zeros(rules.options, dtype=bool)
    chosen[rules.fixed] = True
    for one, other in ((0, 1), (1, 0)):
        may[rules.conflicts[chosen[rules.conflicts[:, one]], other]] = False
    load = np.bincount(rules.site[rules.fixed], minlength=len(rules.max_options))
    may[(load >= rules.max_options)[rules.site]] = False
    may[rules.fixed] = True
    return may


def _short(model: SetCovering) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Say which demand has fewer allowed options than it needs."""
    may = allowed(model.rules)
    able = np.asarray(model.cover @ may.astype(np.int64), dtype=np.int64)
    short = np.flatnonzero(able < model.k).astype(np.intp)
    if not len(short):
        return [], short
    first = int(short[0])
    n = len(model.k)
    said = (
        f"{len(short)} of {n} demand points cannot be covered: {_list(short)}; demand point {first}"
        f" needs {model.k[first]} and has {able[first]} allowed options; at best {n - len(short)}"
        f" of {n} can be covered"
    )
    return [said], short


def _coverable(model: PartialCovering | CapacitatedCovering) -> npt.NDArray[np.bool_]:
    may = allowed(model.rules)
    return np.asarray(model.cover @ may.astype(np.int64), dtype=np.int64) > 0


def _zones_beyond(
    model: PartialCovering | CapacitatedCovering, able: npt.NDArray[np.bool_]
) -> list[str]:
    """Say which zones cannot reach what is required of them."""
    if model.required is None:
        return []
    reach = np.bincount(
        model.zone[able], weights=model.demand[able], minlength=len(model.zones)
    ).astype(np.float64)
    total = model.zone_weight
    beyond = np.flatnonzero(reach < model.required * total - WEIGHT_TOLERANCE * total)
    return [
        f"zone {model.zones[t]!r} requires {model.required[t]:.6g} of its demand, at best"
        f" {reach[t] / total[t]:.6g} can be served"
        for t in beyond[:_LISTED].tolist()
    ]


def _cut_off(
    model: PMedian | PCenter | CapacitatedFacilityLocation,
) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Say which demand no allowed site reaches."""
    may = allowed(model.rules)
    reaches = np.isfinite(model.distance) & may
    if isinstance(model, CapacitatedFacilityLocation) and model.single_source:
        reaches &= model.demand[:, None] * (1 - WEIGHT_TOLERANCE) <= model.capacity
    cut = np.flatnonzero(~reaches.any(axis=1)).astype(np.intp)
    if not len(cut):
        return [], cut
    n = len(reaches)
    said = (
        f"{len(cut)} of {n} demand points can be served by no allowed site: {_list(cut)}; at best"
        f" {n - len(cut)} of {n} can be served"
    )
    return [said], cut


def _most_capacity(
    model: CapacitatedFacilityLocation | CapacitatedCovering,
) -> tuple[float, str]:
    """Return the most capacity that may be open at once, and how it was counted."""
    may = allowed(model.rules)
    capacity = model.capacity[may]
    if model.p is None:
        return float(capacity.sum()), f"all {int(may.sum())} allowed sites"
    largest = np.sort(capacity)[::-1][: model.p]
    return float(largest.sum()), f"the {len(largest)} largest allowed sites"


def _beyond_capacity(model: CapacitatedFacilityLocation) -> list[str]:
    most, which = _most_capacity(model)
    total = float(model.demand.sum())
    if total <= most * (1 + WEIGHT_TOLERANCE):
        return []
    return [f"the demand is {total:g}, {which} have a capacity of {most:g}"]


def _required_beyond_capacity(model: CapacitatedCovering) -> list[str]:
    if model.required is None:
        return []
    most, which = _most_capacity(model)
    need = float((model.required * model.zone_weight).sum())
    if need <= most * (1 + WEIGHT_TOLERANCE) + WEIGHT_TOLERANCE * float(model.demand.sum()):
        return []
    return [f"the zones require {need:g} to be served, {which} have a capacity of {most:g}"]


def _list(items: npt.NDArray[np.intp]) -> str:
    shown = ", ".join(str(item) for item in items[:_LISTED].tolist())
    return shown + (", ..." if len(items) > _LISTED else "")
