"""What the engine answers, held against brute force: values, bounds, statuses, certificates."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from location_cases import cases

import siting
from benchmarks.certificates import SAME, Tally, closed, judge_answer, spoil_answer
from benchmarks.location_cases import FAMILIES, Case, make, optimum
from siting.errors import VerificationError
from siting.status import Sense, Status

#: Examples per family: more where a case is cheap.
EXAMPLES = {"set covering": 120, "maximal covering": 120, "budgeted covering": 120}
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


def checked(tally: Tally) -> None:
    """Fail with the first thing that went wrong."""
    assert not tally.false, tally.false[0]
    assert not tally.failures, tally.failures[0]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_answer_is_the_best_and_proven(family: str) -> None:
    """With every combination of extras the value is brute force's, and verify agrees."""

    @settings(
        max_examples=EXAMPLES.get(family, 60),
        deadline=None,
        derandomize=True,
        suppress_health_check=SLOW,
    )
    @given(case=cases(family))
    def holds(case: Case) -> None:
        tally = Tally()
        solution = siting.solve(case.model, 60.0)
        judge_answer(tally, case, solution, optimum(case.model), finished=True)
        checked(tally)

    holds()


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_search_cut_short_still_tells_the_truth(family: str) -> None:
    """After 0.1 ms, or at a gap of 10 %, bound >= optimum >= value for whatever is maximised."""

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=SLOW)
    @given(case=cases(family))
    def holds(case: Case) -> None:
        best = optimum(case.model)
        tally = Tally()
        short = siting.solve(case.model, 1e-4)
        judge_answer(tally, case, short, best, finished=False)
        loose = siting.solve(case.model, 60.0, gap=0.1)
        judge_answer(tally, case, loose, best, finished=False)
        if best is not None:
            assert loose.objective is not None
            assert loose.gap <= 0.1 + SAME or closed(case, loose)
        checked(tally)

    holds()


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_spoilt_answer_is_refused(family: str) -> None:
    """Whatever single claim of an answer or its certificate is spoilt, verify refuses it."""
    refused = 0
    for seed in range(12):
        case = make(family, 5, 5, [["fixed"], ["pairs"], ["k", "site_cost"], []][seed % 4], seed)
        tally = Tally()
        spoil_answer(tally, case, siting.solve(case.model, 60.0), optimum(case.model))
        checked(tally)
        refused += tally.counts["refused"]
    assert refused > 100


@pytest.mark.parametrize("family", list(FAMILIES))
def test_no_answer_is_named_and_confirmed(family: str) -> None:
    """Where brute force finds nothing the status is infeasible with a reason, and is confirmed."""
    none = 0
    for seed in range(60):
        extras = ["fixed", "separation", "site_limit", "cut", "zones", "k", "budget"]
        case = make(family, 4, 5, extras, seed)
        if optimum(case.model) is None:
            none += 1
            solution = siting.solve(case.model, 60.0)
            assert solution.status is Status.INFEASIBLE, case
            assert len(solution.reason) > 10
            siting.verify(case.model, solution)
        if none == 6:
            break
    assert none


def permuted(case: Case, seed: int) -> siting.Solution:
    """Solve a case with demand points and options in another order."""
    draw = np.random.default_rng(seed)
    model = case.model
    rules = model.rules
    m = rules.options
    order = draw.permutation(m)
    place = np.argsort(order)
    pairs = np.sort(place[rules.conflicts], axis=1)
    moved = replace(
        rules,
        fixed=np.sort(place[rules.fixed]),
        forbidden=np.sort(place[rules.forbidden]),
        site=rules.site[order],
        conflicts=np.unique(pairs, axis=0) if len(pairs) else pairs,
    )
    other = object.__new__(type(model))
    other.__dict__ = {**vars(model), "rules": moved}
    matrix = "cover" if hasattr(model, "cover") else "distance"
    rows = draw.permutation(getattr(model, matrix).shape[0])
    for name, value in vars(model).items():
        if name == "cover":
            shuffled = sp.csr_array(value[rows][:, order])
            shuffled.sort_indices()
            parts = (shuffled.data, shuffled.indices.astype(np.int32))
            pointers = shuffled.indptr.astype(np.int32)
            other.cover = sp.csr_array((*parts, pointers), shape=shuffled.shape)
        elif name == "distance":
            other.distance = np.ascontiguousarray(value[rows][:, order])
        elif name in {"demand", "k", "zone"}:
            setattr(other, name, value[rows])
        elif name in {"cost", "capacity"}:
            setattr(other, name, value[order])
    solution = siting.solve(other, 60.0)
    siting.verify(other, solution)
    return solution


@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_order_of_demand_and_options_changes_no_objective(family: str) -> None:
    """A permuted model has the same status and the same objective."""
    own = FAMILIES[family][2]
    for seed in range(10):
        extras = [["fixed", "site_cost"], ["pairs"], [*own[:1]], ["forbidden", "site_limit"]]
        case = make(family, 5, 6, extras[seed % 4], seed)
        one, other = siting.solve(case.model, 60.0), permuted(case, seed)
        assert one.status == other.status, case
        if one.objective is not None:
            assert other.objective == pytest.approx(one.objective, rel=SAME), case


@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_same_seed_gives_the_same_answer(family: str) -> None:
    """Two runs choose the same options with the same bound."""
    for seed in range(8):
        case = make(family, 5, 6, ["pairs", "site_cost"], seed)
        one, other = (siting.solve(case.model, 60.0, seed=3) for _ in range(2))
        assert np.array_equal(one.selected, other.selected), case
        assert (one.objective, one.bound) == (other.objective, other.bound)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_stopped_search_returns_what_it_knows(family: str) -> None:
    """A caller who says stop, at once or after some questions, gets a verified solution."""
    for patience in (0, 1, 5):
        asked = 0

        def stop(patience: int = patience) -> bool:
            nonlocal asked
            asked += 1
            return asked > patience

        case = make(family, 5, 6, [], 7)
        solution = siting.solve(case.model, 60.0, stop=stop)
        siting.verify(case.model, solution)
        tally = Tally()
        judge_answer(tally, case, solution, optimum(case.model), finished=False)
        checked(tally)


def test_the_check_says_when_it_had_no_time() -> None:
    """A check that is cut short refuses, and says why."""
    case = make("set covering", 10, 14, [], 1)
    solution = siting.solve(case.model, 60.0)
    with pytest.raises(VerificationError, match="within the time given"):
        siting.verify(case.model, solution, max_runtime_s=0.0)


def test_progress_never_claims_more_than_the_end() -> None:
    """Bounds told on the way hold for the optimum, and values told on the way are reachable."""
    for family in ("set covering", "maximal covering", "p-median"):
        for seed in range(10):
            case = make(family, 8, 10, [], seed)
            told = []
            solution = siting.solve(case.model, 60.0, progress=told.append)
            best = solution.objective
            if best is None:
                continue
            sign = 1.0 if case.model.sense is Sense.MINIMISE else -1.0
            near = SAME * max(1.0, abs(best))
            for step in told:
                if step.bound is not None and math.isfinite(step.bound):
                    assert sign * (step.bound - best) <= near
                if step.value is not None and math.isfinite(step.value):
                    assert sign * (best - step.value) <= near
