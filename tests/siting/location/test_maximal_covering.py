"""Maximal covering: every answer equals enumeration, published optima, and its own proof."""

from __future__ import annotations

import csv
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from siting.clock import Clock
from siting.location.checking.proof import proof_faults
from siting.location.control import GAP_REACHED, PROVEN, STOPPED, Control, Found
from siting.location.covering import MaximalCovering
from siting.location.covers import disc_cover
from siting.location.maximal_covering import solve_maximal_covering
from siting.location.maximal_covering.problem import core_of, reduce_model
from siting.location.maximal_covering.root import Root
from siting.location.maximal_covering.search import Search

VECTORS = Path(__file__).parents[4] / "shared" / "vectors"
needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="shared vectors absent")

SJC = {
    800: (5461, 8790, 11604, 12106, 12152),
    1000: (7477, 10382, 12152, 12152, 12152),
    1200: (9932, 11555, 12152, 12152, 12152),
    1600: (12123, 12152, 12152, 12152, 12152),
}


def served(model: MaximalCovering, selected: Any) -> float:
    """Sum the weight a selection serves."""
    counts = np.asarray(model.cover[:, selected].sum(axis=1)).ravel()
    return float(model.demand[counts >= model.k].sum())


def keeps_rules(model: MaximalCovering, selected: tuple[int, ...]) -> bool:
    """Tell whether a selection keeps every rule of the model."""
    rules, chosen = model.rules, set(selected)
    sites = [int(rules.site[o]) for o in selected]
    if model.p is not None and len(selected) > model.p:
        return False
    if model.budget is not None:
        spent = sum(model.cost[o] for o in selected) + sum(rules.site_cost[s] for s in set(sites))
        if spent > model.budget * (1 + 1e-12):
            return False
    return (
        set(rules.fixed.tolist()) <= chosen
        and not set(rules.forbidden.tolist()) & chosen
        and not any({a, b} <= chosen for a, b in rules.conflicts.tolist())
        and all(sites.count(s) <= rules.max_options[s] for s in set(sites))
    )


def enumerated(model: MaximalCovering) -> float:
    """Return the best value of all selections."""
    options = range(model.rules.options)
    every = itertools.chain.from_iterable(
        itertools.combinations(options, size) for size in range(len(options) + 1)
    )
    return max(served(model, list(pick)) for pick in every if keeps_rules(model, pick))


def proven(model: MaximalCovering, *, threads: int = 1, seed: int = 0) -> tuple[float, Found]:
    """Solve to the end; assert that rules are kept and the certificate proves the value."""
    found = solve_maximal_covering(model, Control(threads=threads, seed=seed))
    assert found.selected is not None
    assert found.certificate is not None
    value = served(model, found.selected)
    assert keeps_rules(model, tuple(found.selected.tolist()))
    assert proof_faults(model, found.certificate, Clock()) == []
    assert found.ended == PROVEN
    assert found.certificate.bound == pytest.approx(value, rel=1e-9)
    return value, found


def city(seed: int, options: int, points: int) -> tuple[sp.csr_array, np.ndarray]:
    """Return a random planar cover, 12 options a point on average, and whole weights."""
    draw = np.random.default_rng(seed)
    where = draw.uniform(0, 1, (points, 2))
    sites = draw.uniform(0, 1, (options, 2))
    radius = (12 / options / np.pi) ** 0.5
    return disc_cover(where, sites, radius), draw.integers(1, 101, points).astype(float)


@st.composite
def models(draw: st.DrawFn, *, ruled: bool) -> MaximalCovering:
    """Draw a tiny model: p or a budget, any k, fixed and forbidden options, other rules."""
    m, n = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    whole = draw(st.booleans())
    weight = st.integers(0, 9) if whole else st.floats(0, 9)
    demand = draw(st.lists(weight, min_size=n, max_size=n).filter(lambda w: sum(w) > 0))
    cells = draw(st.lists(st.booleans(), min_size=n * m, max_size=n * m))
    order = draw(st.permutations(range(m)))
    fixed = order[: draw(st.integers(0, 1))]
    keywords: dict[str, Any] = {
        "k": draw(st.lists(st.integers(1, 3), min_size=n, max_size=n))
        if draw(st.booleans())
        else 1,
        "fixed": fixed,
        "forbidden": order[len(fixed) : len(fixed) + draw(st.integers(0, 1))],
    }
    if draw(st.booleans()):
        keywords["p"] = draw(st.integers(1, m))
    else:
        keywords["cost"] = draw(st.lists(st.integers(0, 6), min_size=m, max_size=m))
        keywords["budget"] = draw(st.integers(8, 20))
    if ruled:
        keywords["site"] = draw(st.lists(st.integers(0, 2), min_size=m, max_size=m))
        keywords["site_cost"] = draw(st.lists(st.integers(0, 2), min_size=3, max_size=3))
        keywords["max_options_per_site"] = draw(st.lists(st.integers(1, 2), min_size=3, max_size=3))
        pairs = [pair for pair in itertools.combinations(range(m), 2) if not {*pair} & {*fixed}]
        keywords["conflicts"] = draw(st.lists(st.sampled_from(pairs), max_size=4)) if pairs else ()
    return MaximalCovering(np.array(cells).reshape(n, m), demand, **keywords)


@settings(max_examples=150, deadline=None)
@given(model=models(ruled=False), threads=st.integers(1, 2))
def test_p_and_budget_equal_enumeration(model: MaximalCovering, threads: int) -> None:
    """With p or a budget, any k, fixed and forbidden options, the value is the best of all."""
    assert proven(model, threads=threads)[0] == pytest.approx(enumerated(model))


@settings(max_examples=150, deadline=None)
@given(model=models(ruled=True))
def test_sites_and_conflicts_equal_enumeration(model: MaximalCovering) -> None:
    """Site costs, limits of sites and conflicts are kept, and the value is the best of all."""
    assert proven(model)[0] == pytest.approx(enumerated(model))


@needs_vectors
@pytest.mark.parametrize("radius", SJC)
def test_sjc_values(radius: int) -> None:
    """SJC324 reaches the optima that branch and bound proved, p = 1..5, the rim inclusive."""
    text = (VECTORS / "solver" / "mclp" / "SJC_SJC324.txt").read_text().split()
    rows = np.array(text[4:], dtype=float).reshape(-1, 3)
    cover = disc_cover(rows[:, :2], rows[:, :2], radius)
    values = [proven(MaximalCovering(cover, rows[:, 2], p=p))[0] for p in range(1, 6)]
    assert tuple(values) == SJC[radius]


@needs_vectors
@pytest.mark.parametrize(("radius", "optimum"), [(5.5, 441545), (6.25, 485802)])
def test_bds_values(radius: float, optimum: int) -> None:
    """The 100 x 10,000 instance of set A reaches the proven optimum of p = 10."""
    lines = (VECTORS / "solver" / "mclp" / "BDS_BDS10000A.txt").read_text().splitlines()[1:]
    split = [line.split() for line in lines if line.strip()]
    sites = np.array([line[2:4] for line in split if line[0] == "F"], dtype=float)
    demand = np.array([line[2:5] for line in split if line[0] == "C"], dtype=float)
    cover = disc_cover(demand[:, :2], sites, radius)
    assert proven(MaximalCovering(cover, demand[:, 2], p=10), threads=2)[0] == optimum


@needs_vectors
def test_san_francisco() -> None:
    """Four stores within 5 km of most people: 875,247 people, stores 2, 11, 12 and 15."""
    name = "SF_network_distance_candidateStore_16_censusTract_205_new.csv"
    with (VECTORS / "sf" / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    stores = sorted({row["name"] for row in rows})
    tracts = sorted({row["DestinationName"] for row in rows})
    within = np.zeros((len(tracts), len(stores)), dtype=bool)
    people = np.zeros(len(tracts))
    for row in rows:
        tract = tracts.index(row["DestinationName"])
        within[tract, stores.index(row["name"])] = float(row["distance"]) <= 5000
        people[tract] = float(row["demand"])
    value, found = proven(MaximalCovering(within, people, p=4))
    assert value == 875_247
    assert found.selected is not None
    assert {stores[o] for o in found.selected} == {"Store_2", "Store_11", "Store_12", "Store_15"}


@pytest.mark.parametrize("seed", range(10))
def test_greedy_keeps_its_guarantee(seed: int) -> None:
    """The greedy start serves at least 1 - 1/e of the optimum, and never more."""
    cover, weight = city(seed, 60, 300)
    model = MaximalCovering(cover, weight, p=8)
    value, _ = proven(model)
    greedy = Search(problem=reduce_model(model), seed=0, threads=1).value
    assert (1 - 1 / np.e) * value <= greedy <= value


def test_weights_only_scale_the_answer() -> None:
    """Weights times a factor give the value times the factor, whole numbers or not."""
    cover, weight = city(3, 80, 400)
    value, _ = proven(MaximalCovering(cover, weight, p=9))
    for factor in (7.0, 0.37, 1e-6, 1e9):
        scaled, _ = proven(MaximalCovering(cover, weight * factor, p=9))
        assert scaled == pytest.approx(value * factor, rel=1e-9)


def test_order_does_not_matter() -> None:
    """Demand and options in another order give the same value."""
    cover, weight = city(4, 80, 400)
    value, _ = proven(MaximalCovering(cover, weight, p=9))
    draw = np.random.default_rng(0)
    for _ in range(3):
        rows, columns = draw.permutation(400), draw.permutation(80)
        assert proven(MaximalCovering(cover[rows][:, columns], weight[rows], p=9))[0] == value


def test_the_same_seed_gives_the_same_answer() -> None:
    """Two searches of one seed end with the same options and proof, in one thread and in two."""
    cover, weight = city(5, 150, 900)
    model = MaximalCovering(cover, weight, p=15)
    for threads in (1, 2):
        (_, first), (_, second) = (proven(model, threads=threads, seed=7) for _ in range(2))
        assert first.selected is not None
        assert second.selected is not None
        assert first.certificate is not None
        assert second.certificate is not None
        assert first.selected.tolist() == second.selected.tolist()
        assert first.certificate.nodes == second.certificate.nodes


def test_threads_agree_on_the_optimum() -> None:
    """A tree that grows in two threads proves the value of one thread."""
    cover, weight = city(6, 200, 1500)
    model = MaximalCovering(cover, weight, p=16)
    (one, _), (two, found) = proven(model), proven(model, threads=2)
    assert one == two
    assert found.certificate is not None
    assert len(found.certificate.nodes) > 1


def test_a_gap_ends_early_with_a_true_bound() -> None:
    """A wide gap ends the search at once; the bound it claims is proven and not below the value."""
    cover, weight = city(7, 300, 3000)
    model = MaximalCovering(cover, weight, p=25)
    found = solve_maximal_covering(model, Control(gap=0.05))
    assert found.selected is not None
    assert found.certificate is not None
    value = served(model, found.selected)
    assert found.ended == GAP_REACHED
    assert value <= found.certificate.bound <= 1.05 * value
    assert proof_faults(model, found.certificate, Clock()) == []


def test_stop_ends_with_a_true_bound_at_any_moment() -> None:
    """Whenever it is stopped, there is an answer and a bound that is proven."""
    cover, weight = city(8, 400, 4000)
    model = MaximalCovering(cover, weight, p=30)
    for moment in (0.0, 0.05, 0.3, 1.0):
        began = time.monotonic()
        clock = Clock(stop=lambda began=began, moment=moment: time.monotonic() - began >= moment)
        found = solve_maximal_covering(model, Control(clock=clock, threads=2))
        assert found.selected is not None
        assert found.certificate is not None
        assert found.ended in {STOPPED, PROVEN}
        assert found.certificate.bound >= served(model, found.selected)
        assert proof_faults(model, found.certificate, Clock()) == []


@pytest.mark.parametrize("rule", ["budget", "sites", "conflicts", "twice"])
def test_rules_on_a_district_are_kept_and_proven(rule: str) -> None:
    """Budgets, shared sites, separations and k = 2 on a hundred options: rules kept, bound true."""
    cover, weight = city(9, 120, 600)
    draw = np.random.default_rng(1)
    keywords: dict[str, Any] = {"p": 12}
    if rule in {"budget", "sites"}:
        keywords = {"cost": draw.uniform(1, 3, 120), "budget": 20.0}
    if rule == "sites":
        keywords |= {"site": np.arange(120) // 3, "site_cost": 0.5, "max_options_per_site": 1}
    if rule == "conflicts":
        keywords["conflicts"] = (draw.uniform(0, 1, (120, 2)), 0.1)
    if rule == "twice":
        keywords["k"] = draw.integers(1, 3, 600)
    model = MaximalCovering(cover, weight, **keywords)
    found = solve_maximal_covering(model, Control(gap=0.02, clock=Clock(limit_s=3)))
    assert found.selected is not None
    assert found.certificate is not None
    assert keeps_rules(model, tuple(found.selected.tolist()))
    assert found.certificate.bound >= served(model, found.selected) * (1 - 1e-12)
    assert proof_faults(model, found.certificate, Clock()) == []


def test_fixed_options_that_break_a_rule_have_no_answer() -> None:
    """Two fixed options with p = 1 give no selection and a bound of minus infinity."""
    model = MaximalCovering(np.eye(3, dtype=bool), p=1, fixed=[0, 1])
    found = solve_maximal_covering(model, Control())
    assert found.selected is None
    assert found.certificate is not None
    assert found.certificate.bound == -np.inf


def relaxed(model: MaximalCovering) -> float:
    """Return the optimum of the linear relaxation."""
    points, options = model.cover.shape
    limit = model.p if model.p is not None else model.budget
    assert limit is not None
    cost = np.ones(options) if model.p is not None else model.cost
    rows = sp.hstack([-model.cover.astype(float), sp.diags_array(model.k.astype(float))])
    spent = sp.csr_array(np.concatenate([cost, np.zeros(points)])[None, :])
    both: Any = sp.vstack([rows, spent])
    found = linprog(
        np.concatenate([np.zeros(options), -model.demand]),
        A_ub=both,
        b_ub=np.concatenate([np.zeros(points), [limit]]),
        bounds=(0, 1),
    )
    assert found.fun is not None
    return -float(found.fun)


@pytest.mark.parametrize("rule", ["p", "budget", "k", "fixed"])
def test_root_prices_come_near_the_linear_relaxation(rule: str) -> None:
    """The root's bound is at least the relaxation's optimum, and above it by less than 0.05 %."""
    cover, weight = city(8, 150, 2000)
    rules: dict[str, Any] = {
        "p": {"p": 15},
        "budget": {"cost": np.arange(150) % 5 + 1, "budget": 40},
        "k": {"p": 25, "k": 2},
        "fixed": {"p": 15, "fixed": [3, 7], "forbidden": [1]},
    }[rule]
    model = MaximalCovering(cover, demand=weight, **rules)
    root = Root(problem=reduce_model(model))
    root.climb(0.0, Clock())
    assert root.settled
    if rule == "fixed":
        rest = np.asarray(cover[:, [3, 7]].sum(axis=1)).ravel() == 0
        free = np.setdiff1d(np.arange(150), [1, 3, 7])
        others = MaximalCovering(cover[rest][:, free], demand=weight[rest], p=13)
        optimum = float(weight[~rest].sum()) + relaxed(others)
    else:
        optimum = relaxed(model)
    assert optimum * (1 - 1e-9) <= root.bound <= optimum * 1.0005


@pytest.mark.parametrize("k", [1, 2])
def test_a_core_serves_what_the_whole_serves(k: int) -> None:
    """Any selection of kept options serves in the core what it serves in the whole problem."""
    cover, weight = city(9, 80, 1500)
    model = MaximalCovering(cover, demand=weight, p=12, k=k, fixed=[5])
    draw = np.random.default_rng(0)
    kept = draw.random(80) < 0.4
    core = core_of(reduce_model(model), kept)
    assert set(np.unique(core.cover.row_col)) <= set(np.flatnonzero(kept)) | {5}
    assert len(core.cover.weight) < len(reduce_model(model).cover.weight)
    for _ in range(20):
        pick = draw.choice(np.flatnonzero(core.state >= 0), 12, replace=False)
        counts = np.zeros(len(core.cover.weight), dtype=int)
        for option in pick:
            counts[
                core.cover.col_row[core.cover.col_ptr[option] : core.cover.col_ptr[option + 1]]
            ] += 1
        inside = float(core.cover.weight[counts >= core.cover.need].sum())
        assert inside == served(model, pick)


def test_a_large_city_keeps_its_rules_and_its_proof() -> None:
    """With far more options than a tree can close, the core finds an answer the proof holds for."""
    cover, weight = city(10, 1500, 20_000)
    model = MaximalCovering(cover, demand=weight, p=80, fixed=[0, 1], forbidden=[2])
    found = solve_maximal_covering(model, Control(clock=Clock(limit_s=2.0)))
    assert found.selected is not None
    assert found.certificate is not None
    assert keeps_rules(model, tuple(found.selected.tolist()))
    value = served(model, found.selected)
    assert value <= found.certificate.bound < 1.1 * value
    assert proof_faults(model, found.certificate, Clock()) == []
