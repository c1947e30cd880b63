"""The check that a model has no answer: by what can be seen at once, or by a proof."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.errors import Problem
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.checking.proof import Model, proof_faults
from siting.location.checking.question import LIMIT_SLACK
from siting.location.checking.sums import grouped, summed
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.rules import Rules
from siting.location.solution import Certificate, Node
from siting.status import Sense

#: Relative rounding of sums of weights and capacities.
WEIGHT_SLACK = 1e-9


def infeasibility_faults(
    model: Model, certificate: Certificate | None, clock: Clock
) -> list[Problem]:
    """List why it is not confirmed that a model has no answer; empty when it is.

    Parameters
    ----------
    model
        The model.
    certificate
        A proof with an infinite bound, or None where a look at the model must be enough; when it
        is not, the whole programme is asked.
    clock
        When to give up.
    """
    if no_choice(model):
        return []
    least = math.inf if model.sense is Sense.MINIMISE else -math.inf
    if certificate is not None:
        if certificate.bound != least:
            what = f"its bound {certificate.bound!r} does not say that nothing is possible"
            return [Problem("certificate", what)]
        return proof_faults(model, certificate, clock)
    if isinstance(model, PCenter):
        within = float(np.max(model.distance, initial=0.0, where=np.isfinite(model.distance)))
        leaf = Certificate(bound=float(model.p + 1), nodes=(Node(closing="kernel"),))
        return proof_faults(model, Certificate(bound=least, below=(within, leaf)), clock)
    leaf = Certificate(bound=least, nodes=(Node(closing="kernel"),))
    return proof_faults(model, leaf, clock)


def no_choice(  # noqa: PLR0911 - one return per family
    model: Model,
) -> bool:
    """Tell whether it can be seen at once that a model has no answer."""
    if _fixed_break_a_rule(model):
        return True
    may = _allowed(model.rules)
    match model:
        case SetCovering():
            able = np.asarray(model.cover @ may.astype(np.int32))
            return bool((able < model.k).any())
        case MaximalCovering():
            return False
        case PartialCovering():
            return _zone_short(model, model.required, may)
        case PMedian() | PCenter():
            return not np.isfinite(model.distance[:, may]).any(axis=1).all()
        case CapacitatedCovering():
            return model.required is not None and (
                _zone_short(model, model.required, may)
                or float((model.required * model.zone_weight).sum())
                > _room(model, may) * (1 + WEIGHT_SLACK) + WEIGHT_SLACK * model.demand.sum()
            )
        case CapacitatedFacilityLocation():
            reach = np.isfinite(model.distance) & may
            if model.single_source:
                reach &= model.demand[:, None] <= model.capacity * (1 + WEIGHT_SLACK)
            total = float(summed(model.demand))
            return not reach.any(axis=1).all() or total > _room(model, may) * (1 + WEIGHT_SLACK)


def _fixed_break_a_rule(model: Model) -> bool:
    rules = model.rules
    chosen = np.zeros(rules.options, dtype=bool)
    chosen[rules.fixed] = True
    load = np.bincount(rules.site[chosen], minlength=len(rules.max_options))
    if chosen[rules.conflicts].all(axis=1).any() or (load > rules.max_options).any():
        return True
    if not isinstance(model, SetCovering | PartialCovering):
        p = model.p
        if p is not None and len(rules.fixed) > p:
            return True
    if isinstance(model, MaximalCovering | CapacitatedCovering) and model.budget is not None:
        sites = np.unique(rules.site[chosen])
        spent = math.fsum([*model.cost[chosen].tolist(), *rules.site_cost[sites].tolist()])
        return spent > model.budget * (1 + LIMIT_SLACK)
    return False


def _allowed(rules: Rules) -> npt.NDArray[np.bool_]:
    """Return the options that the fixed ones and the forbidden ones leave, (m,)."""
    may = np.ones(rules.options, dtype=bool)
    chosen = np.zeros(rules.options, dtype=bool)
    chosen[rules.fixed] = True
    may[rules.forbidden] = False
    for one, other in ((0, 1), (1, 0)):
        may[rules.conflicts[chosen[rules.conflicts[:, one]], other]] = False
    load = np.bincount(rules.site[chosen], minlength=len(rules.max_options))
    may[(load >= rules.max_options)[rules.site]] = False
    may[rules.fixed] = True
    return may


def _zone_short(
    model: PartialCovering | CapacitatedCovering,
    required: npt.NDArray[np.float64],
    may: npt.NDArray[np.bool_],
) -> bool:
    able = np.asarray(model.cover @ may.astype(np.int32)) > 0
    if isinstance(model, CapacitatedCovering) and model.single_source:
        roomy = model.capacity[model.cover.indices] * (1 + WEIGHT_SLACK)
        row = np.repeat(np.arange(len(able)), np.diff(model.cover.indptr))
        fits = may[model.cover.indices] & (model.demand[row] <= roomy)
        able = np.bincount(row[fits], minlength=len(able)) > 0
    reach = grouped(np.where(able, model.demand, 0.0), model.zone, len(model.zones))
    total = model.zone_weight
    return bool(((reach < required * total - WEIGHT_SLACK * total) & (required > 0)).any())


def _room(
    model: CapacitatedCovering | CapacitatedFacilityLocation, may: npt.NDArray[np.bool_]
) -> float:
    capacity = np.sort(model.capacity[may])[::-1]
    return float(summed(capacity if model.p is None else capacity[: model.p]))
