"""The check of certificates: whatever it accepts is true, and what the words mean is accepted."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from location_cases import COVERING, cases

from benchmarks.location_cases import FAMILIES, Case, Model, make, optimum
from benchmarks.location_spoils import beyond
from siting.clock import Clock
from siting.errors import VerificationError
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.checking import confirm_infeasible
from siting.location.checking.parts import dominated_faults
from siting.location.checking.proof import covering_question, proof_faults
from siting.location.checking.sums import grouped, less_column_sums, summed
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.solution import Block, Certificate, Node, Prices
from siting.status import Sense

PRICED = [family for family in FAMILIES if family != "p-centre"]
MANY = settings(max_examples=40, deadline=None)


def accepted(model: Model, proof: Certificate) -> bool:
    """Tell whether the check accepts a certificate."""
    return not proof_faults(model, proof, Clock())


def drawn_prices(model: Model, seed: int) -> Prices:
    """Draw multipliers at random, some of them zero."""
    draw = np.random.default_rng(seed)
    n = len(model.k) if isinstance(model, SetCovering) else len(model.demand)
    scale = float(draw.choice([0.3, 1.0, 3.0, 10.0]))
    u = draw.exponential(scale, n) * (draw.random(n) < 0.8)
    if isinstance(model, PMedian):
        u *= model.demand
    zone = np.zeros(0)
    asks = isinstance(model, PartialCovering) or getattr(model, "required", None) is not None
    if asks and not isinstance(model, PMedian):
        zone = draw.exponential(scale, len(model.zones))
    limited = getattr(model, "p", None) is not None or getattr(model, "budget", None) is not None
    filled = isinstance(model, CapacitatedFacilityLocation)
    return Prices(
        demand=u,
        zone=zone,
        limit=float(draw.exponential(scale)) if limited else 0.0,
        conflict=draw.exponential(scale, len(model.rules.conflicts)),
        capacity=float(draw.exponential(scale) * (draw.random() < 0.5)) if filled else 0.0,
    )


def written_out(model: Model, prices: Prices) -> float:
    """Return the Lagrangian bound as its formula reads, by looking at every selection."""
    constant, cost, opening = FORMULAS[type(model)](model, prices)
    rules, m = model.rules, model.rules.options
    constant -= prices.conflict.sum()
    for (a, b), nu in zip(rules.conflicts.tolist(), prices.conflict, strict=True):
        cost[[a, b]] += nu
    best = math.inf
    for bits in itertools.product([False, True], repeat=m):
        chosen = np.array(bits)
        load = np.bincount(rules.site[chosen], minlength=len(rules.max_options))
        allowed = chosen[rules.fixed].all() and not chosen[rules.forbidden].any()
        if allowed and (load <= rules.max_options).all():
            best = min(best, cost[chosen].sum() + opening[load > 0].sum())
    return constant + best


def _set(model: SetCovering, prices: Prices) -> tuple[float, npt.NDArray, npt.NDArray]:
    u = prices.demand
    return float(model.k @ u), model.cost - model.cover.T @ u, model.rules.site_cost


def _most(model: MaximalCovering, prices: Prices) -> tuple[float, npt.NDArray, npt.NDArray]:
    u, lam = prices.demand, prices.limit
    unit = np.ones(len(model.cost)) if model.budget is None else model.cost
    left = model.cover.toarray().copy()
    left[:, model.rules.forbidden] = False
    able = left.sum(axis=1) >= model.k
    gain = np.where(able, np.maximum(0, model.demand - model.k * u), 0.0).sum()
    most = model.p if model.budget is None else model.budget
    opening = model.rules.site_cost * (0.0 if model.budget is None else lam)
    return -gain - lam * most, lam * unit - model.cover.T @ u, opening


def _share(model: PartialCovering, prices: Prices) -> tuple[float, npt.NDArray, npt.NDArray]:
    u, theta = prices.demand, prices.zone
    need = np.where(model.required > 0, (model.required - 1e-9) * model.zone_weight, 0.0)
    gain = np.maximum(0, theta[model.zone] * model.demand - u)
    left = model.cover.toarray().copy()
    left[:, model.rules.forbidden] = False
    gain[~left.any(axis=1)] = 0.0
    return float(theta @ need - gain.sum()), model.cost - model.cover.T @ u, model.rules.site_cost


def _median(model: PMedian, prices: Prices) -> tuple[float, npt.NDArray, npt.NDArray]:
    u, lam = prices.demand, prices.limit
    carried = np.where(
        np.isfinite(model.distance),
        model.demand[:, None] * np.nan_to_num(model.distance, posinf=0.0),
        np.inf,
    )
    saved = np.minimum(0, carried - u[:, None]).sum(axis=0)
    return float(u.sum() - lam * model.p), saved + lam, model.rules.site_cost


def _knapsack(value: npt.NDArray, weight: npt.NDArray, room: float) -> float:
    """Return the least ``sum value_i weight_i x_i`` that fits, item by item."""
    total = 0.0
    for place in np.argsort(value):
        take = min(weight[place], room)
        if value[place] < 0:
            total += value[place] * take
            room -= take
    return total


def _located(
    model: CapacitatedFacilityLocation, prices: Prices
) -> tuple[float, npt.NDArray, npt.NDArray]:
    u, mu, lam = prices.demand, prices.capacity, prices.limit
    filled = np.array(
        [_knapsack(model.distance[:, j] - u, model.demand, c) for j, c in enumerate(model.capacity)]
    )
    constant = float(model.demand @ u + mu * model.demand.sum() - lam * (model.p or 0))
    return constant, model.cost + filled - mu * model.capacity + lam, model.rules.site_cost


def _held(model: CapacitatedCovering, prices: Prices) -> tuple[float, npt.NDArray, npt.NDArray]:
    u, lam = prices.demand, prices.limit
    asks = model.required is not None
    worth = prices.zone[model.zone] if asks else np.ones(len(u))
    cover = model.cover.toarray()
    filled = np.array(
        [
            _knapsack(-np.maximum(0, worth - u) * cover[:, j], model.demand, c)
            for j, c in enumerate(model.capacity)
        ]
    )
    constant = -float(model.demand @ u)
    if asks:
        need = np.where(model.required > 0, (model.required - 1e-9) * model.zone_weight, 0.0)
        return constant + prices.zone @ need, filled + model.cost, model.rules.site_cost
    unit = np.ones(len(model.cost)) if model.budget is None else model.cost
    most = model.p if model.budget is None else model.budget
    opening = model.rules.site_cost * (0.0 if model.budget is None else lam)
    return constant - lam * most, filled + lam * unit, opening


FORMULAS = {
    SetCovering: _set,
    MaximalCovering: _most,
    PartialCovering: _share,
    PMedian: _median,
    CapacitatedFacilityLocation: _located,
    CapacitatedCovering: _held,
}
FORMULAS |= dict.fromkeys(CapacitatedFacilityLocation.__subclasses__(), _located)


@pytest.mark.parametrize("family", PRICED)
def test_any_prices_prove_what_their_formula_says_and_never_more_than_the_optimum(
    family: str,
) -> None:
    """A leaf with random prices proves the written-out bound, and no claim beyond the optimum."""

    @MANY
    @given(case=cases(family), seed=st.integers(0, 10**6))
    def holds(case: Case, seed: int) -> None:
        model = case.model
        sign = 1.0 if model.sense is Sense.MINIMISE else -1.0
        prices = drawn_prices(model, seed)
        limit = written_out(model, prices)
        if math.isfinite(limit):
            size = abs(limit) + prices.demand.sum() + prices.limit * 30 + prices.zone.sum() * 100
            claim = limit - 1e-9 * (1 + size)
            leaf = Certificate(bound=sign * claim, prices=(prices,), nodes=(Node(prices=0),))
            assert accepted(model, leaf)
        best = optimum(model)
        if best is not None:
            wrong = Certificate(
                bound=beyond(model, best), prices=(prices,), nodes=(Node(prices=0),)
            )
            assert not accepted(model, wrong)

    holds()


def grown(model: Model, seed: int, *, closing: str = "kernel") -> tuple[Node, ...]:
    """Grow a random tree; every leaf is closed in one way."""
    draw = np.random.default_rng(seed)
    nodes: list[Node] = [Node(prices=0)]
    todo = [(0, 0)]
    while todo:
        index, depth = todo.pop()
        prices = int(draw.integers(-1, 1)) if index else 0
        if depth < 3 and draw.random() < 0.8:
            option, child = int(draw.integers(model.rules.options)), len(nodes)
            nodes += [Node(), Node()]
            nodes[index] = Node(prices=prices, option=option, excluded=child, included=child + 1)
            todo += [(child, depth + 1), (child + 1, depth + 1)]
        else:
            nodes[index] = Node(prices=prices, closing=closing)
    return tuple(nodes)


@pytest.mark.parametrize("family", PRICED)
def test_a_tree_with_solved_leaves_proves_the_optimum_and_nothing_beyond(family: str) -> None:
    """Whatever the splits and prices: the optimum is proven by leaves solved again, no more is."""

    @settings(max_examples=20, deadline=None)
    @given(case=cases(family), seed=st.integers(0, 10**6))
    def holds(case: Case, seed: int) -> None:
        model = case.model
        prices, nodes = drawn_prices(model, seed), grown(model, seed)
        best = optimum(model)
        least = math.inf if model.sense is Sense.MINIMISE else -math.inf
        proof = Certificate(bound=least if best is None else best, prices=(prices,), nodes=nodes)
        if best is not None and "floats" in case.extras:
            proof = replace(proof, bound=best - 1e-8 * best * (1 if least > 0 else -1))
        assert accepted(model, proof)
        if best is not None:
            assert not accepted(model, replace(proof, bound=beyond(model, best)))
            assert not accepted(model, replace(proof, bound=least))

    holds()


@pytest.mark.parametrize("family", COVERING)
def test_a_full_tree_of_decisions_needs_no_solver(family: str) -> None:
    """Splitting on every option in turn, without prices, closes every leaf by evaluation."""
    for seed in range(15):
        case = make(family, 4, 6, ["fixed", "pairs", "site_cost"], seed)
        nodes: list[Node] = []
        for index in range(2**5 - 1):
            depth = int(math.log2(index + 1))
            if depth < 4:
                split = Node(option=depth, excluded=2 * index + 1, included=2 * index + 2)
                nodes.append(split)
            else:
                nodes.append(Node(closing="decided"))
        best = optimum(case.model)
        least = math.inf if case.model.sense is Sense.MINIMISE else -math.inf
        proof = Certificate(bound=least if best is None else best, nodes=tuple(nodes))
        assert accepted(case.model, proof)
        if best is not None:
            assert not accepted(case.model, replace(proof, bound=beyond(case.model, best)))


def test_an_open_path_proves_nothing() -> None:
    """A split with one side left open is refused; closed by a solved leaf it is accepted."""
    triangle = sp.csr_array(np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=bool))
    model = SetCovering(triangle)
    halves = Prices(demand=np.full(3, 0.5))
    root = Certificate(bound=2.0, prices=(halves,), nodes=(Node(prices=0),))
    assert accepted(model, root)  # 1.5 is rounded up to whole costs
    costs = SetCovering(triangle, np.array([1.0, 1.1, 1.2]))
    open_ = Certificate(
        bound=2.1,
        prices=(Prices(demand=np.array([0.45, 0.65, 0.55])),),
        nodes=(Node(prices=0, option=0, excluded=1, included=2), Node(), Node()),
    )
    assert not accepted(costs, replace(open_, nodes=(Node(prices=0),)))
    solved = tuple(replace(node, closing="kernel") for node in open_.nodes[1:])
    assert accepted(costs, replace(open_, nodes=(open_.nodes[0], *solved)))
    assert not accepted(costs, replace(open_, bound=2.100001, nodes=(open_.nodes[0], *solved)))


@given(case=cases("set covering") | cases("maximal covering") | cases("partial covering"))
@settings(max_examples=150, deadline=None)
def test_an_option_left_out_as_dominated_is_never_missed(case: Case) -> None:
    """For every pair the check accepts, the optimum without the worse option is the same."""
    model = case.model
    assert isinstance(model, SetCovering | MaximalCovering | PartialCovering)
    question, _ = covering_question(model, None)
    assert question is not None
    best, m = optimum(model), model.rules.options
    for worse, better in itertools.permutations(range(m), 2):
        if dominated_faults(question, question.start(), np.array([[worse, better]]), ""):
            continue
        rules = replace(model.rules, forbidden=np.union1d(model.rules.forbidden, [worse]))
        without = object.__new__(type(model))
        without.__dict__ = {**vars(model), "rules": rules}
        found = optimum(without)
        assert found == best or math.isclose(found, best, rel_tol=1e-12)


def test_two_options_cannot_dominate_each_other() -> None:
    """Of two equal options the one with the smaller index stays."""
    model = SetCovering(np.ones((2, 2)))
    leaf = (Node(closing="kernel"),)
    fine = Certificate(bound=1.0, nodes=leaf, dominated=np.array([[1, 0]]))
    assert accepted(model, fine)
    assert not accepted(model, replace(fine, dominated=np.array([[0, 1]])))
    both = replace(fine, dominated=np.array([[0, 1], [1, 0]]))
    assert not accepted(model, both)


def blocked() -> tuple[SetCovering, Certificate]:
    """Two separate triangles, 2 options each; every block is proven by its own prices."""
    triangle = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]])
    model = SetCovering(sp.block_diag([triangle, triangle]))
    inner = Certificate(
        bound=2.0, prices=(Prices(demand=np.full(3, 0.5)),), nodes=(Node(prices=0),)
    )
    blocks = tuple(
        Block(demand=np.arange(3) + at, options=np.arange(3) + at, certificate=inner)
        for at in (0, 3)
    )
    return model, Certificate(bound=4.0, nodes=(Node(),), blocks=blocks)


def test_blocks_add_up() -> None:
    """Two blocks of bound 2 prove 4; without blocks, or with more claimed, nothing does."""
    model, proof = blocked()
    assert accepted(model, proof)
    assert not accepted(model, replace(proof, blocks=()))
    assert not accepted(model, replace(proof, bound=5.0))
    first, second = proof.blocks
    more = replace(first, certificate=replace(first.certificate, bound=3.0))
    assert not accepted(model, replace(proof, bound=5.0, blocks=(more, second)))
    assert not accepted(model, replace(proof, blocks=(first, first)))
    narrow = replace(first, options=np.arange(2))
    assert not accepted(model, replace(proof, blocks=(narrow, second)))


def test_rows_merge_only_when_they_are_the_same() -> None:
    """Equal rows may share a price; rows that differ in options or in k may not."""
    cover = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 1]])
    model = MaximalCovering(cover, np.array([3.0, 4.0, 5.0]), p=1)
    prices = (Prices(demand=np.array([4.0, 3.0]), limit=7.0),)
    proof = Certificate(
        bound=12.0, prices=prices, nodes=(Node(prices=0),), groups=np.array([0, 0, 1])
    )
    assert accepted(model, proof)
    assert not accepted(model, replace(proof, groups=np.array([0, 1, 1])))
    assert not accepted(model, replace(proof, groups=np.array([0, 0, 2])))
    twice = MaximalCovering(cover, np.array([3.0, 4.0, 5.0]), p=1, k=[1, 2, 1])
    assert not accepted(twice, proof)
    # a point left out of the rows still counts with all its weight
    left_out = replace(proof, groups=np.array([0, 0, -1]), prices=(Prices(demand=np.zeros(1)),))
    assert accepted(model, left_out)
    assert not accepted(model, replace(left_out, bound=7.0))


def test_a_certificate_may_leave_every_point_out_of_its_rows() -> None:
    """With no row priced, all weight counts as served, and no more than that is proven."""
    model = MaximalCovering(np.array([[1, 0], [0, 1]]), np.array([3.0, 4.0]), p=1)
    none = (Prices(demand=np.zeros(0)),)
    proof = Certificate(bound=7.0, prices=none, nodes=(Node(prices=0),), groups=np.array([-1, -1]))
    assert accepted(model, proof)
    assert not accepted(model, replace(proof, bound=6.9))
    unserved = PartialCovering(np.zeros((2, 1)), cost=[5.0], required={"all": 0.0}, fixed=[0])
    prices = (Prices(demand=np.zeros(0), zone=np.zeros(1)),)
    proof = Certificate(bound=5.0, prices=prices, nodes=(Node(prices=0),), groups=proof.groups)
    assert accepted(unserved, proof)
    assert not accepted(unserved, replace(proof, bound=5.1))


def test_a_centre_is_proven_by_a_cover_that_takes_too_many() -> None:
    """Covering within 3 takes two sites, so one site cannot do better than 5."""
    distance = np.array([[0.0, 5.0, 9.0], [5.0, 0.0, 3.0], [9.0, 3.0, 0.0]])
    model = PCenter(distance, 1)
    far = Prices(demand=np.array([1.0, 1.0, 0.0]))
    inner = Certificate(bound=2.0, prices=(far,), nodes=(Node(prices=0),))
    proof = Certificate(bound=5.0, below=(3.0, inner))
    assert accepted(model, proof)
    assert not accepted(model, replace(proof, bound=6.0))
    assert not accepted(model, replace(proof, below=(5.0, inner)))
    assert not accepted(model, replace(proof, below=(3.0, replace(inner, bound=1.0))))
    assert not accepted(model, replace(proof, below=None))


@pytest.mark.parametrize("family", list(FAMILIES))
def test_infeasibility_is_confirmed_exactly_where_it_is_true(family: str) -> None:
    """On random cases nothing is confirmed impossible unless brute force finds no answer."""
    seen = 0
    for seed in range(20):
        case = make(family, 5, 5, ["fixed", "separation", "site_limit", "cut", "zones"], seed)
        none = optimum(case.model) is None
        seen += none
        if none:
            confirm_infeasible(case.model)
        else:
            with pytest.raises(VerificationError):
                confirm_infeasible(case.model)
    assert seen or family in {"maximal covering", "budgeted covering", "capacitated covering"}


def test_where_nothing_can_be_served_nothing_is_proven_exactly() -> None:
    """A bound of 0 needs no margin when no term of it was rounded."""
    model = MaximalCovering(np.array([[1, 0], [0, 1]]), np.array([0.1, 0.7]), p=1, k=2)
    none = (Prices(demand=np.zeros(2)),)
    proof = Certificate(bound=0.0, prices=none, nodes=(Node(prices=0),))
    assert accepted(model, proof)
    assert not accepted(model, replace(proof, bound=-1e-12))


@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=60))
def test_compensated_sums_are_nearly_exact(values: list[float]) -> None:
    """They differ from the correctly rounded sum by less than a millionth of plain rounding."""
    array = np.array(values)
    exact, size = math.fsum(values), float(np.abs(array).sum())
    near = 1e-15 * abs(exact) + 1e-25 * size
    assert abs(summed(array) - exact) <= near
    assert abs(grouped(array, np.zeros(len(array), dtype=np.intp), 1)[0] - exact) <= near
    pointers = np.array([0, len(array)])
    rows = np.arange(len(array), dtype=np.int32)
    less, terms = less_column_sums(pointers, rows, array, np.zeros(1))
    assert abs(less[0] + exact) <= near
    assert terms[0] == pytest.approx(size)
