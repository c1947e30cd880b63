"""Covers are the cheapest there are, and their proofs stand a check that shares no code."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from siting.clock import Clock
from siting.location.checking.proof import proof_faults
from siting.location.control import Control
from siting.location.covering import SetCovering
from siting.location.set_covering import Cover, solve_cover, solve_set_covering
from siting.location.set_covering.kernel import Kernel
from siting.location.set_covering.leaf import relaxed_prices
from siting.location.set_covering.regions import Regions, falls_apart
from siting.location.solution import Certificate

SCP = Path(__file__).parents[4] / "shared/vectors/solver/scp"
OPTIMA = {"scp41": 429, "scp42": 512, "scp43": 516, "scp44": 494, "scp45": 512, "scpa1": 253}


def answered(model: SetCovering, cutoff: float | None = None, **control: int) -> Cover:
    """Solve the arrays of a model."""
    return solve_cover(
        model.cover,
        model.cost,
        model.k,
        control=Control(**control),
        cutoff=cutoff,
        fixed=model.rules.fixed,
        forbidden=model.rules.forbidden,
    )


def least(model: SetCovering) -> float:
    """Return the least cost among all selections, by looking at each."""
    m = model.cover.shape[1]
    every = (np.arange(2**m)[:, None] >> np.arange(m)) & 1
    kept = (every @ model.cover.toarray().astype(int).T >= model.k).all(axis=1)
    kept &= (every[:, model.rules.fixed] == 1).all(axis=1)
    kept &= (every[:, model.rules.forbidden] == 0).all(axis=1)
    return float((every @ model.cost)[kept].min(initial=math.inf))


def random_model(seed: int) -> SetCovering:
    """Return a tiny model with ties, costs of 0, backup covers, fixed and forbidden options."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 12), rng.integers(1, 11)
    cover = rng.random((n, m)) < rng.choice([0.2, 0.35, 0.6])
    empty = ~cover.any(axis=1) & (rng.random(n) < 0.9)
    cover[empty, rng.integers(0, m, empty.sum())] = True
    cost = [
        np.ones(m),
        rng.integers(0, 4, m).astype(float),
        rng.random(m) * 10,
        rng.integers(1, 50, m) * 2.0,
    ][rng.integers(4)]
    most = np.maximum(1, cover.sum(axis=1))
    k = np.minimum(rng.integers(1, 4, n), most) if rng.random() < 0.5 else np.ones(n, dtype=int)
    fixed, forbidden = [], []
    if rng.random() < 0.4:
        order = rng.permutation(m)
        held = rng.integers(0, min(3, m))
        fixed, forbidden = order[:held], order[held : held + rng.integers(0, 2)]
    return SetCovering(cover, cost=cost, k=k, fixed=fixed, forbidden=forbidden)


def sparse(n: int, m: int, share: float, seed: int) -> tuple[sp.csr_array, npt.NDArray[np.float64]]:
    """Return a random matrix and random costs."""
    rng = np.random.default_rng(seed)
    return sp.csr_array(rng.random((n, m)) < share), rng.integers(1, 101, m).astype(float)


def valid(model: SetCovering, cover: Cover) -> None:
    """Assert that a cover keeps its rules and that the check accepts its proof."""
    assert not proof_faults(model, cover.certificate, Clock())
    if cover.selected is None:
        return
    served = model.cover.astype(int)[:, cover.selected].sum(axis=1)
    assert (served >= model.k).all()
    assert model.cost[cover.selected].sum() == pytest.approx(cover.value, abs=1e-9)
    assert set(model.rules.fixed) <= set(cover.selected)
    assert not set(model.rules.forbidden) & set(cover.selected)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**9))
def test_the_answer_is_that_of_trying_every_selection(seed: int) -> None:
    """Value and bound equal the brute-force optimum, and the check accepts the proof."""
    model = random_model(seed)
    best = least(model)
    cover = answered(model)
    valid(model, cover)
    assert cover.bound == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert cover.value == pytest.approx(best, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**9), share=st.floats(0.3, 1.4))
def test_a_cutoff_is_met_or_disproved(seed: int, share: float) -> None:
    """With a cutoff the search ends with a cover that cheap, or with a bound above it."""
    model = random_model(seed)
    best = least(model)
    cutoff = share * best if math.isfinite(best) else 3.0
    cover = answered(model, cutoff)
    valid(model, cover)
    if best <= cutoff:
        assert cover.value <= cutoff
    else:
        assert cutoff < cover.bound <= best * (1 + 1e-9)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**9))
def test_rows_and_columns_in_another_order_cost_the_same(seed: int) -> None:
    """A permuted question has the same optimum."""
    rng = np.random.default_rng(seed)
    cover, cost = sparse(25, 60, 0.12, seed)
    kept = np.flatnonzero(np.diff(cover.indptr) > 0)
    rows, columns = rng.permutation(kept), rng.permutation(60)
    one = answered(SetCovering(cover[kept], cost=cost))
    other = answered(SetCovering(cover[rows][:, columns], cost=cost[columns]))
    assert one.value == other.value == one.bound == other.bound


@pytest.mark.parametrize("name", OPTIMA)
def test_published_optima_are_proven(name: str) -> None:
    """The files of the OR-Library are answered with their known optima, proof included."""
    path = SCP / f"{name}.txt"
    if not path.exists():
        pytest.skip("shared vectors absent")
    numbers = np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
    n, m = numbers[:2]
    place, rows, columns = 2 + m, [], []
    for row in range(n):
        count = numbers[place]
        rows.append(np.full(count, row))
        columns.append(numbers[place + 1 : place + 1 + count] - 1)
        place += 1 + count
    entries = np.concatenate(rows), np.concatenate(columns)
    cover = sp.csr_array((np.ones(len(entries[0]), dtype=bool), entries), shape=(n, m))
    model = SetCovering(cover, cost=numbers[2 : 2 + m])
    found = answered(model)
    valid(model, found)
    assert found.value == found.bound == OPTIMA[name]


def test_a_tree_is_needed_and_its_proof_stands() -> None:
    """Dense rows are proven by a tree whose every node the check repeats."""
    cover, cost = sparse(80, 400, 0.08, 3)
    model = SetCovering(cover, cost=cost)
    found = answered(model)
    valid(model, found)
    assert found.value == found.bound
    assert max(len(block.certificate.nodes) for block in found.certificate.blocks) > 1


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_change_the_answer(threads: int) -> None:
    """Two subtrees side by side give the same cover and the same tree."""
    cover, cost = sparse(80, 400, 0.08, 5)
    model = SetCovering(cover, cost=cost)
    one, other = answered(model), answered(model, threads=threads)
    assert (one.selected == other.selected).all()
    nodes = [[len(b.certificate.nodes) for b in c.certificate.blocks] for c in (one, other)]
    assert nodes[0] == nodes[1]


def test_backup_covers_of_a_larger_question_are_proven() -> None:
    """Rows that need two or three options are answered, and the check accepts the bound."""
    cover, cost = sparse(60, 150, 0.15, 7)
    k = np.random.default_rng(7).integers(1, 4, 60)
    model = SetCovering(cover, cost=cost, k=k, fixed=[3, 8], forbidden=[11])
    found = answered(model)
    valid(model, found)
    assert found.value == found.bound


def test_separate_parts_are_proven_part_by_part() -> None:
    """Questions side by side cost the sum of their costs; each part has a block of its own."""
    parts = [sparse(30, 60, 0.15, seed) for seed in (1, 2, 3)]
    whole = SetCovering(
        sp.block_diag([cover for cover, _ in parts], format="csr"),
        cost=np.concatenate([cost for _, cost in parts]),
    )
    found = answered(whole)
    valid(whole, found)
    alone = [answered(SetCovering(cover, cost=cost)).value for cover, cost in parts]
    assert found.value == found.bound == sum(alone)
    assert len(found.certificate.blocks) >= 3


def test_an_answer_without_time_is_still_a_cover_with_a_true_bound() -> None:
    """When the clock has run out before the start, what is claimed is proven all the same."""
    cover, cost = sparse(100, 400, 0.05, 9)
    model = SetCovering(cover, cost=cost)
    clock = Clock(limit_s=0.0)
    found = solve_set_covering(model, Control(clock=clock))
    assert found.certificate is not None
    assert not proof_faults(model, found.certificate, Clock())
    assert found.certificate.bound <= answered(model).value
    assert found.selected is not None
    assert (model.cover.astype(int)[:, found.selected].sum(axis=1) >= 1).all()


def test_a_row_without_options_is_impossible() -> None:
    """Where a row has fewer options than it needs the bound is infinite, and proven."""
    model = SetCovering([[1, 1, 0], [0, 0, 1]], k=[2, 1], forbidden=[0])
    found = answered(model)
    assert found.selected is None
    assert found.bound == math.inf
    assert not proof_faults(model, found.certificate, Clock())


def regional(seed: int) -> tuple[SetCovering, Certificate, float]:
    """Return a strip of discs, the proof of its regions, and the bound of its prices alone."""
    rng = np.random.default_rng(seed)
    sites, points = (rng.random((number, 2)) * [4.0, 1.0] for number in (500, 1500))
    apart = np.linalg.norm(points[:, None, :] - sites[None, :, :], axis=2)
    model = SetCovering(apart <= np.maximum(0.12, apart.min(axis=1))[:, None])
    n, m = model.cover.shape
    cover = model.cover
    kernel = Kernel.by_rows(cover.indptr, cover.indices, np.ones(m), np.ones(n, dtype=np.int32))
    prices = relaxed_prices(kernel, Clock())
    assert prices is not None
    assert falls_apart(kernel, prices)
    regions = Regions(kernel, prices.astype(np.float32), Control())
    alone = regions.proof().bound
    regions.prove(130, np.ones(m, dtype=np.bool_))
    none = np.zeros((0, 2), dtype=np.intp)
    proof = regions.proof().certificate(np.arange(m), none, np.arange(n), n, 0.0)
    return model, proof, alone


def test_regions_prove_more_than_prices_and_their_proof_stands() -> None:
    """A strip of discs is cut into regions; their bound passes the linear relaxation's."""
    model, proof, alone = regional(1)
    n, m = model.cover.shape
    relaxed = linprog(
        np.ones(m), A_ub=-model.cover.toarray().astype(float), b_ub=-np.ones(n), bounds=(0, 1)
    ).fun
    assert relaxed is not None
    assert alone == pytest.approx(relaxed, abs=1e-3)
    assert len(proof.blocks) > 1
    assert proof.bound > relaxed + 0.1
    assert not proof_faults(model, proof, Clock())


def test_a_region_that_claims_too_much_is_refused() -> None:
    """The check solves every region again: a bound above its least cost is not believed."""
    model, proof, _ = regional(1)
    first = proof.blocks[0]
    more = replace(first.certificate, bound=first.certificate.bound + 0.01)
    blocks = (replace(first, certificate=more), *proof.blocks[1:])
    assert proof_faults(model, replace(proof, blocks=blocks), Clock())


def test_dense_rows_do_not_fall_apart() -> None:
    """Where every column shares rows with most others, no regions are made."""
    cover, cost = sparse(80, 400, 0.08, 3)
    kernel = Kernel.by_rows(
        cover.indptr, cover.indices, cost, np.ones(cover.shape[0], dtype=np.int32)
    )
    prices = relaxed_prices(kernel, Clock())
    assert prices is not None
    assert not falls_apart(kernel, prices)
