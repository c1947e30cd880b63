"""Covering grid cells with discs: the bound is true, the answer lawful, exactness on tiny grids."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siting.errors import InputError
from siting.location.grid import solve as grid_solve
from siting.location.grid.bound import DualBound, tile_side
from siting.location.grid.cover import DiscKind, GridCover, half_widths
from siting.location.grid.solve import GridEffort

QUICK = GridEffort(first_rounds=40, middle_rounds=40, last_rounds=20, dual_steps=200)
SMALL = DiscKind(name="small", radius=1, cost=1)
LARGE = DiscKind(name="large", radius=2, cost=2)


#: Effort alone ends these searches, however busy the machine.
solve_grid_cover = functools.partial(grid_solve.solve_grid_cover, max_runtime_s=3600.0)


def instance(
    seed: int,
    *,
    side: int = 6,
    cells: int = 12,
    existing: int = 1,
    separation: float = 2,
    fraction: float = 0.7,
    kinds: tuple[DiscKind, ...] = (SMALL, LARGE),
) -> GridCover:
    """Random cells with whole weights 1..9 on a square grid."""
    rng = np.random.default_rng(seed)
    places = rng.choice(side * side, cells + existing, replace=False)
    xy = np.column_stack(np.divmod(places, side)).astype(np.int64)
    return GridCover(
        shape=(side, side),
        xy=xy[:cells],
        weight=rng.integers(1, 10, cells).astype(np.float64),
        existing_xy=xy[cells:],
        kinds=kinds,
        min_separation=separation,
        required_fraction=fraction,
    )


def brute_force(model: GridCover) -> float:
    """Least cost by trying every set of places and kinds, cheapest first."""
    width, height = model.shape
    spots = [
        (x, y)
        for x in range(width)
        for y in range(height)
        if all(math.dist((x, y), e) > model.min_separation for e in model.existing_xy.tolist())
    ]
    options = []
    for kind in model.kinds:
        for spot in spots:
            cells = frozenset(
                i for i, c in enumerate(model.xy.tolist()) if math.dist(c, spot) <= kind.radius
            )
            if cells:
                options.append((kind.cost, spot, cells))
    best = math.inf
    for size in range(4):
        for chosen in itertools.combinations(options, size):
            cost = sum(option[0] for option in chosen)
            if cost >= best:
                continue
            pairs = itertools.combinations([option[1] for option in chosen], 2)
            if any(math.dist(a, b) <= model.min_separation for a, b in pairs):
                continue
            served = frozenset[int]().union(*(option[2] for option in chosen))
            if sum(model.weight[list(served)]) >= model.required_weight:
                best = cost
        if best <= (size + 1) * min(kind.cost for kind in model.kinds):
            return best
    return best


def assert_lawful(model: GridCover, kind: np.ndarray, xy: np.ndarray) -> None:
    """Stations stand in the grid, far enough from each other and from existing ones."""
    assert ((xy >= 0) & (xy < np.array(model.shape))).all()
    everything = [*xy.tolist(), *model.existing_xy.tolist()]
    for a in range(len(xy)):
        for b in range(a + 1, len(everything)):
            assert math.dist(everything[a], everything[b]) > model.min_separation
    served = [
        any(
            math.dist(cell, place) <= model.kinds[k].radius
            for k, place in zip(kind.tolist(), xy.tolist(), strict=True)
        )
        for cell in model.xy.tolist()
    ]
    assert model.weight[served].sum() >= model.required_weight


@pytest.mark.parametrize("seed", range(12))
def test_bound_optimum_value(seed: int) -> None:
    """The bound never passes the brute-force optimum, the value never undercuts it."""
    model = instance(seed, cells=8, fraction=0.6)
    solution = solve_grid_cover(model, seed=seed, effort=QUICK)
    best = brute_force(model)
    assert 0.0 < solution.bound <= best <= solution.value
    assert_lawful(model, solution.kind, solution.xy)
    assert solution.gap == pytest.approx((solution.value - solution.bound) / solution.value)
    assert (solution.status == "optimal") == (solution.value <= solution.bound)


def test_search_finds_most_tiny_optima() -> None:
    """On a dozen tiny grids at least ten answers are optimal by brute force."""
    hits = 0
    for seed in range(100, 112):
        model = instance(seed, cells=8, fraction=0.6)
        hits += solve_grid_cover(model, seed=0, effort=QUICK).value == brute_force(model)
    assert hits >= 10


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    side=st.integers(1, 40),
    share=st.floats(0.05, 0.9),
    separation=st.sampled_from([0.0, 1.0, 2.5, 4.0, 10.0]),
    fraction=st.floats(0.0, 1.0),
)
def test_answers_are_lawful(
    seed: int, side: int, share: float, separation: float, fraction: float
) -> None:
    """Whatever the instance, an answer keeps every rule and lies on or above its bound."""
    cells = max(1, int(share * side * side) - 1)
    existing = int(side > 3)
    model = instance(
        seed,
        side=side,
        cells=cells,
        existing=existing,
        separation=separation,
        fraction=fraction,
    )
    effort = GridEffort(first_rounds=3, middle_rounds=3, last_rounds=3, dual_steps=50)
    solution = solve_grid_cover(model, seed=seed, effort=effort)
    if solution.status in {"optimal", "feasible"}:
        assert_lawful(model, solution.kind, solution.xy)
        assert solution.bound <= solution.value
    else:
        assert solution.value == math.inf


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.0, 3.0))
def test_any_multipliers_give_a_true_bound(seed: int, scale: float) -> None:
    """The bound holds for careless multipliers too: it rests on duality, not on convergence."""
    model = instance(seed % 40, cells=8, fraction=0.6)
    rng = np.random.default_rng(seed)
    dual = DualBound(model, 0.1, np.zeros((0, 3), np.int64))
    dual.price = scale * rng.random()
    dual.u = dual.price * model.weight * rng.random(len(model.weight))
    dual.best = 0.0
    dual._price_all()  # the proof itself is on trial
    assert dual.best <= brute_force(model)


def test_same_seed_same_answer() -> None:
    """Instance, seed and effort fix the answer, with two slabs on two threads."""
    model = instance(
        3, side=90, cells=2500, existing=20, separation=2, fraction=0.8, kinds=(SMALL,)
    )
    first, second = (solve_grid_cover(model, seed=5, effort=QUICK) for _ in range(2))
    assert first.limit == second.limit == "iterations"
    assert np.array_equal(first.xy, second.xy)
    assert first.bound == second.bound
    assert np.array_equal(first.certificate.cell_price, second.certificate.cell_price)


def test_the_cheaper_kind_is_used() -> None:
    """One large disc that covers all for 2 beats two small ones and is proven best."""
    xy = np.array([[5, 3], [5, 7], [3, 5], [7, 5]])
    model = GridCover(
        shape=(11, 11),
        xy=xy,
        weight=np.ones(4),
        existing_xy=np.zeros((0, 2), np.int64),
        kinds=(SMALL, LARGE),
        min_separation=1,
        required_fraction=1.0,
    )
    solution = solve_grid_cover(model, effort=QUICK)
    assert solution.value == brute_force(model) == 2.0
    assert solution.kind.tolist() == [1]
    assert solution.xy.tolist() == [[5, 5]]


def test_reach_is_inclusive_and_separation_strict() -> None:
    """A cell at exactly the radius is covered; a station at exactly the separation is refused."""
    model = GridCover(
        shape=(1, 9),
        xy=np.array([[0, 0]]),
        weight=np.ones(1),
        existing_xy=np.array([[0, 2]]),
        kinds=(DiscKind(name="disc", radius=5, cost=1),),
        min_separation=2,
        required_fraction=1.0,
    )
    solution = solve_grid_cover(model, effort=QUICK)
    assert solution.xy.tolist() == [[0, 5]]


def test_infeasible_is_a_status() -> None:
    """Where existing stations forbid every place within reach, the answer says infeasible."""
    model = GridCover(
        shape=(3, 3),
        xy=np.array([[1, 1]]),
        weight=np.ones(1),
        existing_xy=np.array([[1, 1]]),
        kinds=(SMALL,),
        min_separation=10,
        required_fraction=0.5,
    )
    solution = solve_grid_cover(model, effort=QUICK)
    assert solution.status == "infeasible"
    assert solution.value == math.inf
    assert len(solution.xy) == 0


def test_nothing_required_costs_nothing() -> None:
    """A requirement of zero is met by no station, optimally."""
    solution = solve_grid_cover(instance(0, fraction=0.0), effort=QUICK)
    assert (solution.status, solution.value, solution.bound) == ("optimal", 0.0, 0.0)


def test_stop_keeps_a_lawful_answer() -> None:
    """Asked to stop at once, the search hands back the greedy answer and says why it ended."""
    model = instance(1, side=30, cells=300)
    solution = solve_grid_cover(model, effort=QUICK, stop=lambda: True)
    assert solution.limit == "stop"
    assert_lawful(model, solution.kind, solution.xy)
    assert solution.bound <= solution.value


def test_every_fault_is_named() -> None:
    """Values without meaning are refused together, each with its place."""
    with pytest.raises(InputError) as caught:
        GridCover(
            shape=(4, 4),
            xy=np.array([[0, 0], [0, 0], [9, 1]]),
            weight=np.array([1.0, math.nan, -1.0]),
            existing_xy=np.array([[0, 4]]),
            kinds=(DiscKind(name="bad", radius=-1, cost=0),),
            min_separation=-2,
            required_fraction=1.5,
        )
    places = [problem.where for problem in caught.value.problems]
    assert places == [
        "xy",
        "xy",
        "existing_xy",
        "weight",
        "kinds[0]",
        "kinds[0]",
        "min_separation",
        "required_fraction",
    ]


@given(radius=st.floats(0, 40))
def test_half_widths_are_the_disc(radius: float) -> None:
    """Row by row, the disc holds exactly the cells within the radius."""
    pad = int(radius) + 1
    half = half_widths(radius, pad)
    for d in range(-pad, pad + 1):
        inside = [q for q in range(-pad, pad + 1) if d * d + q * q <= radius * radius]
        assert half[d + pad] == (max(inside) if inside else -1)


@given(separation=st.floats(0, 60))
def test_tiles_hold_one_station(separation: float) -> None:
    """The diagonal of a tile is within the separation, that of the next larger is not."""
    side = tile_side(separation)
    assert 2 * (side - 1) ** 2 <= separation**2 < 2 * side**2
