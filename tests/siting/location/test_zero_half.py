"""Zero-half cuts: what whole answers keep, what they prove, and that they end when asked."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.clock import Clock
from siting.errors import VerificationError
from siting.location import exact
from siting.location.checking import verify
from siting.location.control import Control
from siting.location.covering import PartialCovering
from siting.location.engine import solve
from siting.location.partial_covering import cutting
from siting.location.partial_covering import search as searching
from siting.location.partial_covering import solve as solving
from siting.location.partial_covering.cutting import CutDuals, cut, regions
from siting.location.partial_covering.exact import part_of
from siting.location.partial_covering.problem import ColumnCover, column_cover
from siting.location.partial_covering.relaxation import Relaxation
from siting.location.partial_covering.search import Search
from siting.location.partial_covering.zero_half import Cuts, no_cuts, separate
from siting.location.solution import Cuts as CertifiedCuts
from siting.location.solution import Solution


def problem_of(
    matrix: np.ndarray, *, cost: np.ndarray, weight: np.ndarray, need: float
) -> ColumnCover:
    """Return a problem whose rows of weight 0 are hard; the others count towards one target."""
    columns = matrix.shape[1]
    return column_cover(
        sp.csr_array(matrix.astype(float)),
        cost=cost,
        group_of=np.arange(columns),
        group_cost=np.zeros(columns),
        group_most=np.ones(columns, dtype=np.int32),
        strict=False,
        forced=np.zeros(columns, dtype=bool),
        pairs=np.zeros((0, 2), dtype=np.int32),
        hard=weight == 0,
        weights=sp.csc_array(weight[:, None]),
        need=np.array([need]),
        aim=np.array([need]),
    )


def random_problem(seed: int, *, columns: int = 9) -> ColumnCover:
    """Return a problem whose columns serve two or three rows each, so that cuts bite."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(3, 10))
    matrix = np.zeros((rows, columns), dtype=bool)
    for column in range(columns):
        matrix[rng.choice(rows, min(rows, int(rng.integers(2, 4))), replace=False), column] = True
    matrix[np.flatnonzero(~matrix.any(axis=1)), 0] = True
    weight = rng.integers(1, 9, rows) * (rng.random(rows) < rng.choice([0.0, 0.4, 1.0]))
    need = float(np.ceil(rng.uniform(0.4, 1.0) * weight.sum()))
    return problem_of(
        matrix, cost=rng.integers(3, 8, columns), weight=weight.astype(float), need=need
    )


def least_cost(problem: ColumnCover) -> float:
    """Return the least cost by enumeration."""
    every = itertools.product([0, 1], repeat=problem.columns)
    chosen = (np.flatnonzero(bits) for bits in every)
    return min(problem.cost_of(some) for some in chosen if problem.meets(some))


def priced(problem: ColumnCover, threads: int = 1) -> CutDuals:
    """Return what cuts prove from the prices of a search."""
    search = Search(problem, Clock(), gap=0.0, tell=lambda *_: None)
    search.price()
    found = cut(problem, search.duals, Clock(), lambda: False, threads=threads)
    return CutDuals(duals=search.duals, cuts=no_cuts(problem.rows)) if found is None else found


def test_three_rows_in_pairs_need_two_columns() -> None:
    """Where each of three columns serves two of three rows, a cut proves two, prices alone 1.5."""
    matrix = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]])
    problem = problem_of(matrix, cost=np.ones(3), weight=np.zeros(3), need=0.0)
    found = priced(problem)
    assert found.duals.bound == pytest.approx(2.0, abs=1e-9)
    assert Relaxation(problem).duals(np.full(3, 0.5)).bound == pytest.approx(1.5)
    assert sorted(found.cuts.cuts.members.tolist()) == [0, 1, 2]
    assert found.cuts.cuts.right.tolist() == [2]


def test_five_rows_in_a_ring_need_three_columns() -> None:
    """A ring of five rows takes three columns; the linear relaxation says two and a half."""
    matrix = np.eye(5) + np.roll(np.eye(5), 1, axis=0)
    found = priced(problem_of(matrix, cost=np.ones(5), weight=np.zeros(5), need=0.0))
    assert found.duals.bound == pytest.approx(3.0, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_cuts_never_prove_more_than_the_least_cost(seed: int) -> None:
    """With hard rows, soft ones or both, what rows and cuts prove is at most the optimum."""
    problem = random_problem(seed)
    found = priced(problem)
    assert found.duals.bound <= least_cost(problem) + 1e-9


def test_cuts_close_most_of_what_the_relaxation_leaves() -> None:
    """Over forty problems of hard rows, cuts close four fifths of the relaxation's distance."""
    before = after = 0.0
    for seed in range(40):
        problem = random_problem(seed)
        hard = problem_of(
            problem.by_row.toarray(), cost=problem.cost, weight=np.zeros(problem.rows), need=0.0
        )
        best = least_cost(hard)
        search = Search(hard, Clock(), gap=0.0, tell=lambda *_: None)
        search.price()
        before += best - search.duals.bound
        after += best - priced(hard).duals.bound
    assert before > 5.0
    assert after < 0.2 * before


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_whole_answers_keep_every_cut(seed: int) -> None:
    """Whatever rows and cuts are summed up, 0-1 answers that keep the rows keep the sums."""
    rng = np.random.default_rng(seed)
    matrix = rng.random((6, 7)) < 0.4
    sizes = rng.integers(1, 6, 5)
    members = np.concatenate([rng.integers(0, 6 + q, size) for q, size in enumerate(sizes)])
    cuts = Cuts(rows=6, pointer=np.concatenate([[0], np.cumsum(sizes)]), members=members)
    table = cuts.coefficients(sp.csr_array(matrix.astype(float))).toarray()
    for bits in itertools.product([0, 1], repeat=7):
        answer = np.array(bits)
        if (matrix @ answer >= 1).all():
            assert (table @ answer >= cuts.right).all()
    kept, old = cuts.kept(np.arange(5) == 4)
    assert kept.right.tolist() == cuts.right[old].tolist()
    same = kept.coefficients(sp.csr_array(matrix.astype(float))).toarray()
    assert np.array_equal(same, table[old])


def test_what_is_found_is_broken_and_true() -> None:
    """Cuts found at a fraction of the relaxation are broken by it and kept by whole answers."""
    rng = np.random.default_rng(5)
    matrix = (np.eye(9) + np.roll(np.eye(9), 1, axis=0))[:, rng.permutation(9)]
    found = separate(sp.csr_array(matrix), np.ones(9), np.full(9, 0.5), most=5, seed=0)
    assert len(found.right)
    assert (found.matrix @ np.full(9, 0.5) < found.right).all()
    for bits in itertools.product([0, 1], repeat=9):
        if (matrix @ np.array(bits) >= 1).all():
            assert (found.matrix @ np.array(bits) >= found.right).all()


def test_the_same_problem_gets_the_same_cuts() -> None:
    """Two runs find the same cuts at the same prices."""
    problem = random_problem(3)
    one, other = priced(problem), priced(problem)
    assert one.duals.bound == other.duals.bound
    assert np.array_equal(one.cuts.cuts.members, other.cuts.cuts.members)


def test_cutting_ends_when_it_is_stopped() -> None:
    """A clock that has expired leaves no cuts, and no answer where there was no time at all."""
    problem = random_problem(4)
    duals = Relaxation(problem).duals(Relaxation(problem).start())
    stopped = Clock(stop=lambda: True)
    assert cut(problem, duals, stopped, stopped.expired) is None


def two_towns(seed: int) -> ColumnCover:
    """Return two targets of 12 soft rows each, a few columns of which serve rows of both."""
    rng = np.random.default_rng(seed)
    rows, columns = 24, 30
    matrix = np.zeros((rows, columns), dtype=bool)
    for column in range(columns):
        town = 12 * (column % 2)
        matrix[town + rng.choice(12, 3, replace=False), column] = True
        matrix[rng.integers(rows), column] |= column % 5 == 0
    weights = np.zeros((rows, 2))
    weights[:12, 0], weights[12:, 1] = rng.integers(1, 5, 12), rng.integers(1, 5, 12)
    need = np.floor(0.9 * weights.sum(axis=0))
    return column_cover(
        sp.csr_array(matrix),
        cost=rng.integers(3, 8, columns).astype(float),
        group_of=np.arange(columns),
        group_cost=np.zeros(columns),
        group_most=np.ones(columns, dtype=np.int32),
        strict=False,
        forced=np.zeros(columns, dtype=bool),
        pairs=np.zeros((0, 2), dtype=np.int32),
        hard=np.zeros(rows, dtype=bool),
        weights=sp.csc_array(weights),
        need=need,
        aim=need,
    )


def test_regions_hold_every_row_that_is_worth_anything_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Together while they are few, else target by target."""
    problem = two_towns(0)
    duals = Relaxation(problem).duals(Relaxation(problem).start())
    worth = np.flatnonzero(problem.weights @ duals.multipliers > 0)
    (together,) = regions(problem, duals)
    assert np.array_equal(together, worth)
    monkeypatch.setattr(cutting, "MOST_ROWS", 15)
    parts = list(regions(problem, duals))
    assert len(parts) == 2
    assert np.array_equal(np.sort(np.concatenate(parts)), worth)


def test_cuts_of_regions_add_up_to_a_true_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Region by region cuts prove more than prices, never more than the optimum."""
    monkeypatch.setattr(cutting, "MOST_ROWS", 15)
    raised = 0
    for seed in range(12):
        problem = two_towns(seed)
        found, other = priced(problem), priced(problem, threads=2)
        assert np.array_equal(found.duals.prices, other.duals.prices)
        part = part_of(problem, np.zeros(0, dtype=np.intp), np.arange(problem.columns))
        assert part is not None
        _, outcome = part.solve(Clock(), start=None, nodes=10**6, seconds=60.0)
        assert outcome.finished
        assert found.duals.bound <= outcome.bound * (1.0 + 1e-9)
        search = Search(problem, Clock(), gap=0.0, tell=lambda *_: None)
        search.price()
        raised += found.duals.bound > search.duals.bound + 1e-6
    assert raised >= 6


def ring_city(seed: int, *, shared: bool) -> PartialCovering:
    """Return two zones of rows, served three at a time; one is to be served whole."""
    rng = np.random.default_rng(seed)
    rows, options = 24, 40
    matrix = np.zeros((rows, options), dtype=bool)
    for option in range(options):
        matrix[rng.choice(rows, 3, replace=False), option] = True
    matrix[~matrix.any(axis=1), 0] = True
    rules = {"site": np.arange(options) // 2, "site_cost": np.full(options // 2, 2.0)}
    return PartialCovering(
        matrix,
        rng.integers(1, 9, rows),
        cost=rng.integers(3, 8, options),
        zone=np.arange(rows) % 2,
        required={0: 1.0, 1: 0.8},
        **(rules if shared else {}),
    )


@pytest.fixture
def cutting_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small problems be cut too, and proven by nothing else."""
    monkeypatch.setattr(searching, "SMALL", 0)
    monkeypatch.setattr(solving, "SMALL", 0)
    monkeypatch.setattr(solving, "MOST_ENTRIES", -1)


@pytest.mark.usefixtures("cutting_always")
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("cities", "least"), [(4, 2), pytest.param(12, 6, marks=pytest.mark.slow)])
def test_the_check_accepts_cuts_and_their_bound_is_true(
    cities: int,
    least: int,
    shared: bool,  # noqa: FBT001
) -> None:
    """With and without shared sites, the bound of cuts is verified and below every answer."""
    cut = 0
    for seed in range(cities):
        model = ring_city(seed, shared=shared)
        solution = solve(model)
        assert solution.certificate is not None
        verify(model, solution)
        cut += solution.certificate.cuts is not None
        assert solution.bound is not None
        assert solution.bound <= branched(model) + 1e-9
    assert cut >= least


def branched(model: PartialCovering) -> float:
    """Return the least cost by the branch and bound of the whole programme."""
    found = exact.solve_exact(model, Control())
    assert found.selected is not None
    return model.rules.cost(found.selected, model.cost)


Spoil = Callable[[CertifiedCuts, np.ndarray], tuple[CertifiedCuts | None, np.ndarray]]


def _other(cuts: CertifiedCuts, place: int, member: int) -> CertifiedCuts:
    members = cuts.members.copy()
    members[place] = member
    return CertifiedCuts(pointer=cuts.pointer, members=members)


SPOILS: dict[str, Spoil] = {
    "no cuts": lambda _, prices: (None, prices),
    "dearer": lambda cuts, prices: (cuts, 1.5 * prices),
    "a price less": lambda cuts, prices: (cuts, prices[:-1]),
    "negative": lambda cuts, prices: (cuts, -prices),
    "not a number": lambda cuts, prices: (cuts, np.full_like(prices, np.nan)),
    "without prices": lambda cuts, prices: (cuts, prices[:0]),
    "another row": lambda cuts, prices: (_other(cuts, 0, int(cuts.members[1])), prices),
    "no row": lambda cuts, prices: (_other(cuts, 0, -1), prices),
    "itself": lambda cuts, prices: (_other(cuts, 0, 10**6), prices),
    "no members": lambda cuts, prices: (
        CertifiedCuts(pointer=cuts.pointer * 0, members=cuts.members[:0]),
        prices,
    ),
    "members left over": lambda cuts, prices: (
        CertifiedCuts(pointer=cuts.pointer, members=np.append(cuts.members, 0)),
        prices,
    ),
    "fractions": lambda cuts, prices: (
        dataclasses.replace(cuts, members=cuts.members + 0.5),
        prices,
    ),
}


@pytest.mark.usefixtures("cutting_always")
@pytest.mark.parametrize("what", SPOILS)
def test_spoiled_cuts_are_refused(what: str) -> None:
    """Whatever is changed of cuts or of their prices, the check says so."""
    model, solution = next(
        (model, solution)
        for model in (ring_city(seed, shared=False) for seed in range(20))
        if (solution := solve(model)).certificate is not None
        and solution.certificate.cuts is not None
    )
    with pytest.raises(VerificationError):
        verify(model, spoiled(solution, SPOILS[what]))


def spoiled(solution: Solution, spoil: Spoil) -> Solution:
    """Return a solution with other cuts and prices of cuts."""
    proof = solution.certificate
    assert proof is not None
    assert proof.cuts is not None
    cuts, prices = spoil(proof.cuts, proof.prices[0].cuts)
    vector = dataclasses.replace(proof.prices[0], cuts=prices)
    worse = dataclasses.replace(proof, cuts=cuts, prices=(vector, *proof.prices[1:]))
    return dataclasses.replace(solution, certificate=worse)
