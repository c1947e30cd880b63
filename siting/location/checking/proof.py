"""The check of a certificate: from a model to its question, its parts and its tree."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.errors import Problem
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.checking.capacity_question import CapacityQuestion
from siting.location.checking.covering_question import CoveringQuestion, Kind
from siting.location.checking.cuts import cut_faults
from siting.location.checking.median_question import MedianQuestion
from siting.location.checking.parts import block_question, dominated_faults, shared_options
from siting.location.checking.question import Question, State
from siting.location.checking.replay import (
    ROUNDING,
    Outside,
    Replay,
    node_faults,
    price_faults,
    zero_prices,
)
from siting.location.checking.rows import merged
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.solution import Certificate, Node
from siting.status import Sense

#: Share of all demand that an answer may leave unserved by rounding.
UNSERVED = 1e-9

CoveringModel = SetCovering | MaximalCovering | PartialCovering
Model = CoveringModel | PMedian | PCenter | CapacitatedCovering | CapacitatedFacilityLocation


def proof_faults(  # noqa: PLR0911 - one return per kind of proof
    model: Model, certificate: Certificate, clock: Clock
) -> list[Problem]:
    """List what keeps a certificate from proving its bound; empty when it does.

    Parameters
    ----------
    model
        The model.
    certificate
        The proof; an infinite bound claims that there is no answer.
    clock
        When to give up.
    """
    if math.isnan(certificate.bound):
        return [Problem("certificate.bound", "is not a number")]
    claim = certificate.bound if model.sense is Sense.MINIMISE else -certificate.bound
    if claim == -math.inf:
        return [Problem("certificate.bound", "is infinite on the side that says nothing")]
    if isinstance(model, PCenter):
        return _centre_faults(model, certificate, clock)
    if certificate.below is not None and isinstance(model, CapacitatedFacilityLocation):
        return _unserved_faults(model, certificate.below, claim, clock)
    if certificate.below is not None:
        return [Problem("certificate.below", "has a meaning in centre models only")]
    question, problems = _question(model, certificate)
    if question is None:
        return problems
    return _tree_faults(question, certificate, claim, "certificate", clock)


def _unserved_faults(
    model: CapacitatedFacilityLocation,
    below: tuple[float, Certificate],
    claim: float,
    clock: Clock,
) -> list[Problem]:
    """List what keeps it from being proven that not all demand can be served."""
    most, proof = below
    if claim < math.inf or proof.bound > most:
        return [Problem("certificate.below", "says how much can be served; nothing else is proven")]
    if not most < float(model.demand.sum()) * (1 - UNSERVED):
        return [Problem("certificate.below", f"{most!r} is all the demand")]
    rules = model.rules
    covering = CapacitatedCovering(
        np.isfinite(model.distance),
        model.demand,
        capacity=model.capacity,
        p=rules.options if model.p is None else model.p,
        single_source=model.single_source,
        fixed=rules.fixed,
        forbidden=rules.forbidden,
        site=rules.site,
        max_options_per_site=rules.max_options[: rules.site.max() + 1],  # no cost, so no bare site
        conflicts=rules.conflicts,
    )
    return proof_faults(covering, proof, clock)


def _question(  # noqa: PLR0911 - one return per family
    model: Model, certificate: Certificate
) -> tuple[Question | None, list[Problem]]:
    """Return what a model asks, in the rows of a certificate."""
    match model:
        case PMedian():
            if certificate.groups is not None:
                return None, [Problem("certificate.groups", "a median has no rows to merge")]
            return MedianQuestion(model, len(certificate.prices)), []
        case CapacitatedCovering():
            problems = _merged_points(model, certificate.groups)
            return (
                (None, problems) if problems else (CapacityQuestion(model, certificate.groups), [])
            )
        case CapacitatedFacilityLocation():
            if certificate.groups is not None:
                return None, [Problem("certificate.groups", "facility location merges no rows")]
            return CapacityQuestion(model, None), []
        case SetCovering() | MaximalCovering() | PartialCovering():
            return covering_question(model, certificate.groups)
        case PCenter():
            return None, [Problem("certificate", "a centre model is proven by covering")]


def covering_question(
    model: CoveringModel, groups: npt.NDArray[np.int32] | None
) -> tuple[CoveringQuestion | None, list[Problem]]:
    """Return what a covering model asks, in the rows of a certificate."""
    n, m = model.cover.shape
    kind, zone, need, k = Kind.ALL, np.zeros(n, dtype=np.intp), np.zeros(1), np.ones(n, np.int32)
    weight, p, budget = np.ones(n), None, None
    if isinstance(model, PartialCovering):
        kind, zone, weight = Kind.SHARE, model.zone, model.demand
        asked = model.required * model.zone_weight - 1e-9 * model.zone_weight
        need = np.where(model.required > 0, np.maximum(asked, 0.0), 0.0)
    elif isinstance(model, MaximalCovering):
        kind, weight, k = Kind.MOST, model.demand, model.k
        p, budget = model.p, model.budget
    else:
        k = model.k
    rows, problems = merged(model.cover.indptr, model.cover.indices, m, weight, k, zone, groups)
    if rows is None:
        return None, problems
    return CoveringQuestion(
        kind=kind, rows=rows, rules=model.rules, cost=model.cost, need=need, p=p, budget=budget
    ), []


def _merged_points(
    model: CapacitatedCovering, groups: npt.NDArray[np.int32] | None
) -> list[Problem]:
    """List faults of groups where only a price is shared, so that any groups are right."""
    if groups is None:
        return []
    n = len(model.demand)
    if groups.shape != (n,) or groups.dtype.kind not in "iu" or groups.max(initial=-1) >= n:
        return [Problem("certificate.groups", f"needs the row of each of {n} demand points")]
    return []


def _tree_faults(
    question: Question, certificate: Certificate, claim: float, where: str, clock: Clock
) -> list[Problem]:
    """List what is wrong with a certificate of a question."""
    nodes: Sequence[Node] = certificate.nodes or (Node(),)
    state = question.start()
    problems = _cuts(question, state, certificate, where)
    if not problems:
        problems = price_faults(question, certificate.prices, where)
        problems += node_faults(nodes, question.rules.options, len(certificate.prices), where)
    if problems:
        return problems
    covering = question if isinstance(question, CoveringQuestion) else None
    if certificate.dominated is not None and len(certificate.dominated):
        at = f"{where}.dominated"
        if covering is None:
            return [Problem(at, "has a meaning in covering models only")]
        problems = dominated_faults(covering, state, certificate.dominated, at)
        if problems:
            return problems
        worse = np.unique(certificate.dominated[:, 0])
        question.decide(state, worse[state.decided[worse] == 0], -1)
    outside = Outside(skip=np.zeros(question.rules.options, dtype=bool))
    if certificate.blocks:
        if covering is None:
            return [Problem(f"{where}.blocks", "have a meaning in covering models only")]
        outside, problems = _blocks(covering, state, certificate, where, clock)
        if problems:
            return problems
    replay = Replay(
        question=question,
        prices=certificate.prices,
        nodes=nodes,
        claim=claim,
        where=where,
        clock=clock,
        outside=outside,
    )
    return replay.run(state)


def _cuts(question: Question, state: State, certificate: Certificate, where: str) -> list[Problem]:
    """Let a question know its certificate's cuts; list what is wrong with them."""
    if certificate.cuts is None:
        return []
    if not isinstance(question, CoveringQuestion) or question.kind is not Kind.SHARE:
        return [Problem(f"{where}.cuts", "have a meaning in partial covering only")]
    problems = cut_faults(certificate.cuts, question.priced_rows, f"{where}.cuts")
    if not problems:
        question.use_cuts(certificate.cuts, state)
    return problems


def _blocks(
    question: CoveringQuestion, state: State, certificate: Certificate, where: str, clock: Clock
) -> tuple[Outside, list[Problem]]:
    """Prove every block on its own; return what they contribute together."""
    m = question.rules.options
    skip, bounds, problems = np.zeros(m, dtype=bool), [], []
    if shared_options(certificate.blocks, m):
        return Outside(skip=skip), [Problem(f"{where}.blocks", "two of them share an option")]
    root = certificate.nodes[0].prices if certificate.nodes else -1
    prices = certificate.prices[root] if root >= 0 else zero_prices(question)
    cost = question.reduced(prices).cost
    for index, block in enumerate(certificate.blocks):
        at, proof = f"{where}.blocks[{index}]", block.certificate
        inner, found = block_question(question, state, cost, block, at)
        if inner is not None and math.isfinite(proof.bound):
            found = _tree_faults(inner, proof, proof.bound, f"{at}.certificate", clock)
        elif inner is not None:
            found = [Problem(at, "its bound is not finite")]
        problems += found
        skip[np.asarray(block.options)] = True
        bounds.append(proof.bound)
        if problems:
            break
    size = math.fsum(abs(bound) for bound in bounds)
    return Outside(skip=skip, bound=math.fsum(bounds), size=size), problems


def _centre_faults(model: PCenter, certificate: Certificate, clock: Clock) -> list[Problem]:
    """List what keeps a centre's certificate from proving that no less distance is enough."""
    rules, claim = model.rules, certificate.bound
    others = (certificate.groups, certificate.dominated, certificate.nodes, certificate.prices)
    more = certificate.blocks or certificate.cuts is not None
    if any(part is not None and len(part) for part in others) or more:
        return [Problem("certificate", "a centre model is proven by `below` alone")]
    allowed = np.ones(rules.options, dtype=bool)
    allowed[rules.forbidden] = False
    distance = model.distance[:, allowed]
    if not distance.shape[1]:
        return []
    proven = float(distance.min(axis=1).max())  # the nearest allowed site of the worst off
    problems = []
    if certificate.below is not None:
        within, proof = certificate.below
        cover = sp.csr_array(model.distance <= within)
        cover.sort_indices()
        options = rules.options
        inner = SetCovering.__new__(SetCovering)
        inner.cover = sp.csr_array(
            (cover.data, cover.indices.astype(np.int32), cover.indptr), shape=cover.shape
        )
        inner.cost, inner.k, inner.rules = np.ones(options), np.ones(len(distance), np.int32), rules
        if not proof.bound > model.p:
            what = f"covering takes {proof.bound} options, {model.p} are allowed"
            problems.append(Problem("certificate.below", what))
        else:
            found, problems = covering_question(inner, proof.groups)
            if found is not None:
                at = "certificate.below[1]"
                problems = _tree_faults(found, proof, proof.bound, at, clock)
        if not problems:
            further = distance[distance > within]
            proven = max(proven, float(further.min(initial=math.inf)))
    if not problems and proven < claim * (1 - ROUNDING):
        what = f"claimed {claim!r}, the next distance that can be enough is {proven!r}"
        problems.append(Problem("certificate.bound", what))
    return problems
