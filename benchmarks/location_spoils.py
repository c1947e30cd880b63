"""Good answers spoilt on purpose, one claim at a time; a check that lets one pass is no check."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from benchmarks.location_cases import Model
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.solution import Block, Certificate, Node, Prices, Solution
from siting.status import Sense, Status

Spoilt = Iterator[tuple[str, Solution]]


def spoils(model: Model, solution: Solution) -> Spoilt:
    """Yield spoilt copies of an answer with the name of what is spoilt."""
    yield "reason", replace(solution, reason=" ")
    yield "runtime", replace(solution, runtime_s=math.nan)
    other = Sense.MAXIMISE if solution.sense is Sense.MINIMISE else Sense.MINIMISE
    yield "sense", replace(solution, sense=other)
    if solution.objective is None:
        if solution.status is Status.INFEASIBLE:
            yield "status", replace(solution, status=Status.OPTIMAL)
            yield "objective", replace(solution, objective=1.0)
        return
    yield from _statuses(solution)
    yield from _figures(solution)
    yield from _selections(model, solution)
    yield from _assignments(model, solution)
    if solution.certificate is not None:
        value = solution.objective
        for name, spoilt in certificates(model, solution.certificate, value):
            yield name, replace(solution, certificate=spoilt)


def beyond(model: Model, best: float) -> float:
    """Return a bound that a true optimum contradicts."""
    margin = max(1e-6 * abs(best), 1e-6)
    return best + margin if model.sense is Sense.MINIMISE else best - margin


def _statuses(solution: Solution) -> Spoilt:
    yield "status unknown", replace(solution, status=Status.UNKNOWN)
    yield (
        "status infeasible",
        replace(
            solution,
            status=Status.INFEASIBLE,
            objective=None,
            bound=None,
            selected=np.zeros(0, dtype=np.intp),
            assignment=None,
            served_by_zone={},
            certificate=None,
        ),
    )
    if solution.status is not Status.OPTIMAL:
        yield "status optimal", replace(solution, status=Status.OPTIMAL)
    yield "no certificate", replace(solution, certificate=None)


def _figures(solution: Solution) -> Spoilt:
    value, bound = solution.objective, solution.bound
    assert value is not None  # noqa: S101 - only answers come here
    for name, wrong in (("more", value + 1.0), ("less", value - 1.0), ("nan", math.nan)):
        yield f"objective {name}", replace(solution, objective=wrong)
    if bound is not None:
        yield "bound more", replace(solution, bound=bound + 1.0)
        yield "bound less", replace(solution, bound=bound - 1.0)
        yield "bound missing", replace(solution, bound=None)
    zones: Mapping[object, float] = solution.served_by_zone
    first = next(iter(zones))
    yield "served_by_zone", replace(solution, served_by_zone={**zones, first: zones[first] + 1})
    yield "served_by_zone names", replace(solution, served_by_zone={**zones, "nowhere": 0.0})
    missing = solution.uncovered
    if len(missing):
        yield "uncovered less", replace(solution, uncovered=missing[1:])
        yield "uncovered twice", replace(solution, uncovered=np.concatenate([missing, missing]))
    else:
        yield "uncovered more", replace(solution, uncovered=np.zeros(1, dtype=np.intp))


def _selections(model: Model, solution: Solution) -> Spoilt:
    chosen, m = solution.selected, model.rules.options
    yield "selected outside", replace(solution, selected=np.append(chosen, m))
    if len(chosen):
        yield "selected twice", replace(solution, selected=np.append(chosen, chosen[-1]))
        yield "selected negative", replace(solution, selected=np.append(-1, chosen[1:]))
        serving = _serving(solution)
        if len(serving):
            left = chosen[chosen != serving[0]]
            yield "selected without a server", replace(solution, selected=left)
    if len(chosen) > 1:
        yield "selected unordered", replace(solution, selected=chosen[::-1].copy())
    for name, option in (("fixed", model.rules.fixed[:1]), ("forbidden", model.rules.forbidden)):
        if len(option):
            inside = np.setdiff1d(chosen, option)
            kept = inside if name == "fixed" else np.union1d(chosen, option)
            yield f"selected {name}", replace(solution, selected=kept)


def _serving(solution: Solution) -> npt.NDArray[np.intp]:
    """Return the options that serve somebody."""
    given = solution.assignment
    if isinstance(given, np.ndarray):
        return np.unique(given[given >= 0])
    if given is None:
        return np.zeros(0, dtype=np.intp)
    return np.unique(given.tocoo().coords[1]).astype(np.intp)


def _assignments(model: Model, solution: Solution) -> Spoilt:
    given, m = solution.assignment, model.rules.options
    if isinstance(given, np.ndarray):
        outside, nobody = given.copy(), given.copy()
        outside[0] = m
        yield "assignment outside", replace(solution, assignment=outside)
        served = np.flatnonzero(given >= 0)
        if len(served):
            nobody[served[0]] = -1
            weight = np.ones(len(given)) if isinstance(model, SetCovering) else model.demand
            if weight[served[0]] > 0 or not isinstance(model, CapacitatedCovering):
                yield "assignment missing", replace(solution, assignment=nobody)
            closed = np.setdiff1d(np.arange(m), solution.selected)
            if len(closed):
                elsewhere = given.copy()
                elsewhere[served[0]] = closed[0]
                yield "assignment to a closed option", replace(solution, assignment=elsewhere)
        yield "assignment short", replace(solution, assignment=given[:-1])
    elif given is not None and given.nnz:
        twice = sp.csr_array(given * 2.0)
        yield "assignment doubled", replace(solution, assignment=twice)
        yield "assignment negative", replace(solution, assignment=sp.csr_array(given * -1.0))
    yield "assignment none", replace(solution, assignment=None)


def certificates(
    model: Model, proof: Certificate, value: float
) -> Iterator[tuple[str, Certificate]]:
    """Yield spoilt copies of the certificate of an answer's bound, each to be refused."""
    if proof.below is not None:
        within, inner = proof.below
        yield "below too far", replace(proof, below=(value, inner))
        yield "below too little", replace(proof, below=(within, replace(inner, bound=0.0)))
        for name, spoilt in _trees(inner):
            yield f"below {name}", replace(proof, below=(within, spoilt))
        return
    if isinstance(model, PCenter):
        yield "centre with nodes", replace(proof, nodes=(Node(),))
        return
    yield from _trees(proof)
    yield from _prices(model, proof)
    yield "below", replace(proof, below=(1.0, proof))
    if isinstance(model, SetCovering | MaximalCovering | PartialCovering):
        yield from _covering_parts(model, proof)
    else:
        pair = np.zeros((1, 2), dtype=np.intp)
        yield "dominated", replace(proof, dominated=pair)


def _trees(proof: Certificate) -> Iterator[tuple[str, Certificate]]:
    """Spoil the nodes of a tree."""
    nodes = proof.nodes
    number = len(nodes)
    wrong = {
        "node itself": Node(option=0, excluded=0, included=0),
        "node child outside": Node(option=0, excluded=number + 1, included=number + 2),
        "node one child": Node(option=0, excluded=number, included=number),
        "node option outside": Node(option=10**6, excluded=number, included=number),
        "node closing": Node(closing="trust"),
        "node prices outside": Node(prices=len(proof.prices)),
        "node leaf with child": Node(excluded=number),
    }
    for name, node in wrong.items():
        yield name, replace(proof, nodes=(node, *nodes[1:], Node(closing="kernel")))


def _prices(model: Model, proof: Certificate) -> Iterator[tuple[str, Certificate]]:
    """Spoil price vectors."""
    if not proof.prices:
        return
    first = proof.prices[0]
    u = np.asarray(first.demand, dtype=np.float64)

    def put(name: str, prices: Prices) -> tuple[str, Certificate]:
        return f"prices {name}", replace(proof, prices=(prices, *proof.prices[1:]))

    yield put("long", replace(first, demand=np.append(u, 0.0)))
    if len(u):
        yield put("nan", replace(first, demand=np.full(len(u), math.nan)))
    yield put("infinite", replace(first, limit=math.inf))
    yield put("limit below 0", replace(first, limit=-1.0))
    yield put("conflict", replace(first, conflict=np.ones(len(model.rules.conflicts) + 1)))
    if not isinstance(model, PMedian | CapacitatedFacilityLocation):
        if len(u):
            yield put("below 0", replace(first, demand=np.full(len(u), -1.0)))
        yield put("capacity", replace(first, capacity=1.0))


def _covering_parts(
    model: SetCovering | MaximalCovering | PartialCovering, proof: Certificate
) -> Iterator[tuple[str, Certificate]]:
    """Spoil groups, dominated options and blocks."""
    n, m = model.cover.shape
    dense = model.cover.toarray()
    strange = np.flatnonzero((dense != dense[0]).any(axis=1))
    if len(strange):
        groups = np.arange(n, dtype=np.int32) if proof.groups is None else proof.groups.copy()
        if groups[0] >= 0:
            groups[strange[0]] = groups[0]
            yield "groups of strangers", replace(proof, groups=groups)
    yield "groups short", replace(proof, groups=np.zeros(n + 1, dtype=np.int32))
    useful = np.flatnonzero(_needy(model, dense))
    for worse in useful.tolist():
        for better in range(m):
            if better not in model.rules.fixed and (dense[:, worse] & ~dense[:, better]).any():
                pair = np.array([[worse, better]])
                if not _shadowed(model, dense, worse):
                    yield "dominated", replace(proof, dominated=pair)
                    break
        else:
            continue
        break
    yield "dominated outside", replace(proof, dominated=np.array([[0, m]]))
    inner = Certificate(bound=1e9, nodes=(Node(closing="kernel"),))
    whole = Block(demand=np.arange(1), options=np.arange(m), certificate=inner)
    yield "block claims more", replace(proof, blocks=(whole,))
    beside = Block(demand=np.array([n]), options=np.arange(m), certificate=inner)
    yield "block outside", replace(proof, blocks=(beside,))


def _needy(
    model: SetCovering | MaximalCovering | PartialCovering, dense: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return options without rules that cover something, (m,)."""
    return model.rules.simple_option & dense.any(axis=0)


def _shadowed(
    model: SetCovering | MaximalCovering | PartialCovering,
    dense: npt.NDArray[np.bool_],
    worse: int,
) -> bool:
    """Tell whether what an option covers may already need nothing."""
    rows = dense[:, worse]
    fixed = dense[:, model.rules.fixed].any(axis=1)
    idle = np.zeros(len(rows), dtype=bool)
    if isinstance(model, MaximalCovering | PartialCovering):
        idle |= model.demand == 0
    if isinstance(model, PartialCovering):
        idle |= (model.required == 0)[model.zone]
    return bool((rows & (fixed | idle)).any())
