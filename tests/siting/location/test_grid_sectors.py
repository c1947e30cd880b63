"""Sector stations on a grid: reach by hand, best azimuths and bounds against brute force."""

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
from siting.location.grid.aim import best_aim
from siting.location.grid.cover import DiscKind, GridCover, SectorKind
from siting.location.grid.reach import Aims, chosen_aims, every_aim, reached, room_for
from siting.location.grid.sector_bound import SectorBound
from siting.location.grid.solve import GridEffort

QUICK = GridEffort(first_rounds=30, middle_rounds=30, last_rounds=20, dual_steps=200)
SMALL = SectorKind(name="small", radius=2, cost=1)
LARGE = SectorKind(name="large", radius=3, cost=2)
MICRO = SectorKind(name="micro", radius=10, cost=1)

#: Effort alone ends these searches, however busy the machine.
solve_grid_cover = functools.partial(grid_solve.solve_grid_cover, max_runtime_s=3600.0)


def instance(
    seed: int,
    *,
    side: int = 5,
    cells: int = 10,
    existing: int = 1,
    separation: float = 1,
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


def by_hand(kind: SectorKind, dx: int, dy: int, azimuth: float) -> bool:
    """Say the rule once more: angle between directions, reach falling linearly with it."""
    distance = math.hypot(dx, dy)
    if distance == 0.0:
        return True
    main = math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
    cosine = (dx * main[0] + dy * main[1]) / distance
    sine = (dx * main[1] - dy * main[0]) / distance
    angle = math.degrees(math.atan2(abs(sine), cosine))
    limit = kind.radius * (1 - (1 - kind.edge) * angle / kind.half_angle)
    return angle <= kind.half_angle + 1e-8 and distance <= limit + 1e-8


@functools.cache
def shapes(kind: SectorKind) -> list[frozenset[tuple[int, int]]]:
    """Every set of offsets that any three azimuths reach, without those within others.

    An azimuth can be turned on, losing nothing, until an arc ends or the next sector is in the way:
    so ends of arcs, and those 45 and 90 degrees before one, stand for all azimuths.
    """
    span = range(-int(kind.radius), int(kind.radius) + 1)
    around = [(x, y) for x in span for y in span if math.hypot(x, y) <= kind.radius]
    ends = set()
    for x, y in around:
        if (x, y) != (0, 0):
            share = (1 - math.hypot(x, y) / kind.radius) / (1 - kind.edge)
            end = math.degrees(math.atan2(y, x)) + kind.half_angle * min(1.0, share)
            ends |= {round((end - turn * kind.apart) % 360.0, 9) for turn in range(3)}
    angle = sorted(ends)
    single = [
        sum(1 << i for i, (x, y) in enumerate(around) if by_hand(kind, x, y, a)) for a in angle
    ]
    masks = {
        single[a] | single[b] | single[c]
        for a, b, c in itertools.combinations(range(len(angle)), 3)
        if min(angle[b] - angle[a], angle[c] - angle[b], angle[a] + 360 - angle[c])
        >= kind.apart - 1e-8
    }
    largest = [m for m in masks if not any(m != n and m & n == m for n in masks)]
    return [frozenset(o for i, o in enumerate(around) if m >> i & 1) for m in largest]


def brute_force(model: GridCover) -> float:
    """Least cost over all azimuths, by trying every set of at most three stations."""
    place = {tuple(cell): 1 << i for i, cell in enumerate(model.xy.tolist())}
    options = []
    for kind in model.kinds:
        assert isinstance(kind, SectorKind)
        for x, y in itertools.product(range(model.shape[0]), range(model.shape[1])):
            if all(math.dist((x, y), e) > model.min_separation for e in model.existing_xy.tolist()):
                masks = {
                    sum(place.get((x + dx, y + dy), 0) for dx, dy in shape)
                    for shape in shapes(kind)
                }
                options += [
                    (kind.cost, (x, y), m)
                    for m in masks
                    if m and not any(m != n and m & n == m for n in masks)
                ]
    weight = model.weight.tolist()

    @functools.cache
    def enough(mask: int) -> bool:
        return sum(w for i, w in enumerate(weight) if mask >> i & 1) >= model.required_weight

    best = 0.0 if enough(0) else math.inf
    for size in range(1, 4):
        for chosen in itertools.combinations(options, size):
            cost = sum(option[0] for option in chosen)
            if cost >= best:
                continue
            union = functools.reduce(lambda a, b: a | b[2], chosen, 0)
            pairs = itertools.combinations([option[1] for option in chosen], 2)
            if enough(union) and all(math.dist(a, b) > model.min_separation for a, b in pairs):
                best = cost
        if best <= (size + 1) * min(kind.cost for kind in model.kinds):
            break
    return best


def assert_lawful(model: GridCover, answer: grid_solve.GridCoverSolution) -> None:
    """Stations are far enough apart, azimuths too, and enough is covered by the rule by hand."""
    everything = [*answer.xy.tolist(), *model.existing_xy.tolist()]
    for a in range(len(answer.xy)):
        assert all(0 <= v < side for v, side in zip(everything[a], model.shape, strict=True))
        for b in range(a + 1, len(everything)):
            assert math.dist(everything[a], everything[b]) > model.min_separation
    served = np.zeros(len(model.xy), np.bool_)
    for k, (x, y), aim in zip(answer.kind, answer.xy.tolist(), answer.azimuth, strict=True):
        kind = model.kinds[k]
        assert isinstance(kind, SectorKind)
        turned = np.append(aim, aim[0] + 360.0)
        assert (np.diff(turned) >= kind.apart - 1e-8).all()
        for i, (p, q) in enumerate(model.xy.tolist()):
            served[i] |= any(by_hand(kind, p - x, q - y, a) for a in aim)
    assert model.weight[served].sum() >= model.required_weight


def covers(kind: SectorKind, cell: tuple[int, int], *azimuth: float) -> bool:
    """Whether the product's predicate says that sectors at `azimuth` reach `cell`."""
    return list(cell) in reached(kind, np.array(azimuth)).tolist()


@pytest.mark.parametrize(
    ("cell", "azimuth", "expected"),
    [
        ((0, 0), 123.0, True),  # the station's own cell
        ((10, 0), 0.0, True),  # full radius straight ahead, inclusive
        ((10, 0), 1.0, False),
        ((5, 0), 60.0, True),  # half the radius at exactly 60 degrees
        ((5, 0), 300.0, True),  # and on the other side
        ((5, 0), 60.01, False),
        ((6, 0), 60.0, False),
        ((1, 0), 61.0, False),  # nothing beyond 60 degrees, however near
        ((0, 5), 30.0, True),
        ((0, 5), 29.9, False),
        ((5, 2), 350.0, True),  # direction 21.8: across the turn, 31.8 degrees, limit 7.35
        ((7, 3), 350.0, False),  # direction 23.2: limit 7.23, distance 7.62
        ((-5, 0), 120.0, True),
        ((-3, -3), 285.0, True),  # direction 225, exactly 60 degrees
    ],
)
def test_reach_by_hand(
    cell: tuple[int, int],
    azimuth: float,
    expected: bool,  # noqa: FBT001 (a case's answer)
) -> None:
    """A sector reaches what the rule says, borders included, across the turn of the circle."""
    assert covers(MICRO, cell, azimuth) == expected


@given(
    dx=st.integers(-10, 10),
    dy=st.integers(-10, 10),
    azimuth=st.floats(0, 359.99),
    radius=st.sampled_from([1.0, 2.5, 10.0]),
    edge=st.sampled_from([0.25, 0.5, 1.0]),
    half_angle=st.sampled_from([30.0, 60.0, 90.0]),
)
def test_reach_is_the_rule(  # noqa: PLR0917 (hypothesis gives them by name)
    dx: int, dy: int, azimuth: float, radius: float, edge: float, half_angle: float
) -> None:
    """Said of the azimuth or of the angle, reach is the same, for any sector."""
    kind = SectorKind(name="any", radius=radius, cost=1, edge=edge, half_angle=half_angle)
    assert covers(kind, (dx, dy), azimuth) == by_hand(kind, dx, dy, azimuth)


def weighed(aims: Aims, field: np.ndarray, floor: float = -1.0) -> tuple[float, list[int]]:
    """Weight and bins of the best aim at the middle of `field`."""
    s, gap = room_for(aims)
    pick = np.full(3, -1, np.int64)
    middle = len(field) // 2
    return best_aim(field, aims, 0, middle, middle, floor, s, gap, pick), pick.tolist()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    share=st.floats(0.05, 1.0),
    bins=st.sampled_from([8, 24, 36]),
    apart=st.sampled_from([10.0, 45.0, 120.0]),
    half_angle=st.sampled_from([45.0, 60.0, 80.0]),
)
def test_the_best_aim_is_best(
    seed: int, share: float, bins: int, apart: float, half_angle: float
) -> None:
    """Among all triples of bins far enough apart, none reaches more than the one found."""
    kind = SectorKind(name="any", radius=4, cost=1, apart=apart, half_angle=half_angle)
    rng = np.random.default_rng(seed)
    field = rng.integers(1, 100, (11, 11)) * (rng.random((11, 11)) < share) * 1.0
    azimuths = [np.arange(bins, dtype=np.float64) * (360.0 / bins)]
    found, pick = weighed(chosen_aims((kind,), azimuths), field)
    if 3 * math.ceil(apart / (360.0 / bins)) > bins:
        return  # no three azimuths of this step are far enough apart
    step = 360.0 / bins
    least = math.ceil(apart / step)
    single = []
    for a in range(bins):
        cells = reached(kind, np.array([a * step])) + 5
        single.append(np.zeros((11, 11), np.bool_))
        single[-1][cells[:, 0], cells[:, 1]] = True
    best = {
        frozenset((a, b, c)): field[single[a] | single[b] | single[c]].sum()
        for a, b, c in itertools.combinations(range(bins), 3)
        if b - a >= least and c - b >= least and a + bins - c >= least
    }
    assert found == max(best.values())
    assert best[frozenset(pick)] == found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    first=st.floats(0, 359.999),
    gaps=st.tuples(st.floats(45, 270), st.floats(45, 270)),
    radius=st.sampled_from([3.0, 10.0]),
    most=st.sampled_from([24, 72, 360]),
)
def test_bins_hold_every_azimuth(
    seed: int, first: float, gaps: tuple[float, float], radius: float, most: int
) -> None:
    """No azimuths, continuous as they are, reach more than the bins of the bound say."""
    if sum(gaps) > 315.0:
        return
    kind = SectorKind(name="any", radius=radius, cost=1)
    rng = np.random.default_rng(seed)
    field = rng.integers(1, 100, (23, 23)) * (rng.random((23, 23)) < rng.random()) * 1.0
    cells = reached(kind, (first + np.cumsum([0.0, *gaps])) % 360.0) + 11
    truly = field[cells[:, 0], cells[:, 1]].sum()
    assert weighed(every_aim((kind,), most), field)[0] >= truly


def test_many_bins_overstate_nothing() -> None:
    """With a bin for each end of an arc a lone sector's reach is exact: 1 at the rim, not 2."""
    field = np.zeros((23, 23))
    # 44 degrees apart at full radius: two sectors would need less than 45 between them
    kind = SectorKind(name="any", radius=10, cost=1)
    field[21, 11] = field[11 + 8, 11 + 6] = 1.0
    assert math.degrees(math.atan2(6, 8)) < 45.0
    assert weighed(every_aim((kind,), 360), field)[0] == 1.0


@pytest.mark.parametrize("seed", range(8))
def test_bound_optimum_value(seed: int) -> None:
    """The bound never passes the brute-force optimum, the value never undercuts it."""
    model = instance(seed)
    answer = solve_grid_cover(model, seed=seed, effort=QUICK)
    best = brute_force(model)
    assert 0.0 < answer.bound <= best <= answer.value
    assert_lawful(model, answer)
    assert (answer.status == "optimal") == (answer.value <= answer.bound)


def test_search_finds_most_tiny_optima() -> None:
    """On eight tiny grids at least six answers are optimal by brute force."""
    hits = 0
    for seed in range(50, 58):
        model = instance(seed)
        hits += solve_grid_cover(model, effort=QUICK).value == brute_force(model)
    assert hits >= 6


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    side=st.integers(1, 30),
    share=st.floats(0.05, 0.9),
    separation=st.sampled_from([0.0, 1.0, 2.5, 4.0]),
    fraction=st.floats(0.0, 1.0),
)
def test_answers_are_lawful(
    seed: int, side: int, share: float, separation: float, fraction: float
) -> None:
    """Whatever the instance, an answer keeps every rule and lies on or above its bound."""
    model = instance(
        seed,
        side=side,
        cells=max(1, int(share * side * side) - 1),
        existing=int(side > 3),
        separation=separation,
        fraction=fraction,
    )
    effort = GridEffort(first_rounds=3, middle_rounds=3, last_rounds=3, dual_steps=50)
    answer = solve_grid_cover(model, seed=seed, effort=effort)
    if answer.status in {"optimal", "feasible"}:
        assert_lawful(model, answer)
        assert answer.bound <= answer.value
    else:
        assert answer.value == math.inf


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.0, 3.0))
def test_any_multipliers_give_a_true_bound(seed: int, scale: float) -> None:
    """The bound holds for careless multipliers too, sharp or not."""
    model = instance(seed % 8)
    rng = np.random.default_rng(seed)
    dual = SectorBound(model, 0.1, np.zeros((0, 3), np.int64), np.zeros((0, 3)))
    dual.price = scale * rng.random()
    dual.u = dual.price * model.weight * rng.random(len(model.weight))
    dual.best = -math.inf
    dual._prove(dual._priced(0.0)[1])  # the proof itself is on trial
    blunt = dual.best
    dual.sharpen(lambda: False)
    assert blunt <= dual.best <= brute_force(model)


def test_a_quarter_turn_changes_no_bound_beyond_a_cost() -> None:
    """Turned by 90 degrees the instance is the same: neither bound passes the other's cost."""
    model = instance(4, side=40, cells=500, existing=6, separation=2, fraction=0.8)
    xy, existing = (np.column_stack([39 - a[:, 1], a[:, 0]]) for a in (model.xy, model.existing_xy))
    turned = GridCover(
        shape=(40, 40),
        xy=xy,
        weight=model.weight,
        existing_xy=existing,
        kinds=model.kinds,
        min_separation=model.min_separation,
        required_fraction=model.required_fraction,
    )
    first, second = (solve_grid_cover(m, effort=QUICK) for m in (model, turned))
    assert max(first.bound, second.bound) <= min(first.value, second.value)
    assert first.bound == pytest.approx(second.bound, rel=0.05)
    assert first.value == pytest.approx(second.value, rel=0.05)
    back = np.column_stack([first.xy[:, 0], first.xy[:, 1]])
    assert_lawful(model, first)
    assert len(back) == len(first.kind)


def test_same_seed_same_answer() -> None:
    """Instance, seed and effort fix the answer, with two slabs on two threads."""
    model = instance(
        3, side=90, cells=2500, existing=20, separation=2, fraction=0.8, kinds=(SMALL,)
    )
    first, second = (solve_grid_cover(model, seed=5, effort=QUICK) for _ in range(2))
    assert first.limit == second.limit == "iterations"
    assert np.array_equal(first.xy, second.xy)
    assert np.array_equal(first.azimuth, second.azimuth)
    assert first.bound == second.bound


def test_stop_keeps_a_lawful_answer() -> None:
    """Asked to stop at once, the search hands back what it has and says why it ended."""
    model = instance(1, side=30, cells=300)
    answer = solve_grid_cover(model, effort=QUICK, stop=lambda: True)
    assert answer.limit == "stop"
    assert answer.status in {"feasible", "unknown"}


def test_faults_of_sectors_are_named() -> None:
    """Sectors without meaning, and discs among them, are refused with their place."""
    bad = SectorKind(name="bad", radius=0, cost=1, half_angle=180, edge=0, apart=121)
    with pytest.raises(InputError) as caught:
        instance(0, kinds=(bad, DiscKind(name="disc", radius=1, cost=1)))
    assert [p.where for p in caught.value.problems] == [*["kinds[0]"] * 4, "kinds"]
