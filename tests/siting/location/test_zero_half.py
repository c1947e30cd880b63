"""Zero-half cuts: what whole answers keep, what they prove, and that they end when asked."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.clock import Clock
from siting.location.partial_covering.cutting import CutDuals, Cutting
from siting.location.partial_covering.problem import ColumnCover, column_cover
from siting.location.partial_covering.relaxation import Relaxation
from siting.location.partial_covering.search import Search
from siting.location.partial_covering.zero_half import Cuts, separate


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


def priced(problem: ColumnCover) -> CutDuals:
    """Return what cuts prove from the prices of a search."""
    search = Search(problem, Clock(), gap=0.0, tell=lambda *_: None)
    search.price()
    found = Cutting(problem, search.duals, Clock()).run(lambda: False)
    assert found is not None
    return found


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


@settings(max_examples=80, deadline=None)
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
    assert Cutting(problem, duals, stopped).run(stopped.expired) is None
