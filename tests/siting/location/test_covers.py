"""Cover matrices from positions: equal to brute force, and refused where they cannot be built."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.errors import InvalidInput
from siting.location import covers
from siting.location.covers import disc_cover

Array = npt.NDArray[np.float64]


def brute_force(demand: Array, site: Array, radius: Array | float) -> npt.NDArray[np.bool_]:
    """Compare every pair, as the definition says."""
    reach = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(site))
    dx = site[None, :, 0] - demand[:, None, 0]
    dy = site[None, :, 1] - demand[:, None, 1]
    return dx * dx + dy * dy <= (reach * reach)[None, :]


def check_equal(demand: Array, site: Array, radius: Array | float, threads: int = 2) -> None:
    """Assert equality with brute force and the canonical form."""
    cover = disc_cover(demand, site, radius, threads=threads)
    assert cover.shape == (len(demand), len(site))
    assert cover.dtype == bool
    assert cover.indices.dtype == cover.indptr.dtype == np.int32
    inside = np.diff(cover.indices) > 0
    inside[cover.indptr[1:-1][(cover.indptr[1:-1] > 0) & (cover.indptr[1:-1] < cover.nnz)] - 1] = 1
    assert inside.all(), "columns of a row ascend"
    assert np.array_equal(cover.toarray(), brute_force(demand, site, radius))


whole = st.integers(-8, 8).map(float)
anywhere = st.floats(-1e6, 1e6)
radii = st.one_of(st.integers(0, 6).map(float), st.floats(0, 1e6))


def points(coordinate: st.SearchStrategy[float]) -> st.SearchStrategy[Array]:
    """Draw 1..30 positions."""
    pairs = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=30)
    return pairs.map(lambda found: np.array(found, dtype=np.float64))


@settings(max_examples=150, deadline=None)
@given(
    demand=points(whole),
    site=points(whole),
    radius=st.integers(0, 8).map(float),
    offset=st.sampled_from([0.0, -3.0, 4.5e6, 1e12]),
)
def test_lattice_equals_brute_force(
    demand: Array, site: Array, radius: float, offset: float
) -> None:
    """Lattice points hit cell borders and the rim itself, at any offset and sign."""
    check_equal(demand + offset, site + offset, radius)


@settings(max_examples=120, deadline=None)
@given(demand=points(anywhere), site=points(anywhere), data=st.data())
def test_any_radii_equal_brute_force(demand: Array, site: Array, data: st.DataObject) -> None:
    """Radii of their own per candidate, from nothing to far beyond the area."""
    radius = data.draw(st.lists(radii, min_size=len(site), max_size=len(site)))
    check_equal(demand, site, np.array(radius))


@settings(max_examples=120, deadline=None)
@given(
    point=st.tuples(anywhere, anywhere), step=st.tuples(anywhere, anywhere), ulps=st.integers(-2, 2)
)
def test_rim_is_decided_by_the_squares(
    point: tuple[float, float], step: tuple[float, float], ulps: int
) -> None:
    """A few units of the last place about the distance, the answer is that of the squares."""
    demand = np.array([point])
    site = demand + np.array([step])
    reach = float(np.hypot(*(site - demand)[0]))
    for _ in range(abs(ulps)):
        reach = float(np.nextafter(reach, np.inf if ulps > 0 else 0.0))
    check_equal(demand, np.concatenate([site, site + 1e7]), reach)


def test_one_point_at_radius_zero() -> None:
    """A candidate of radius 0 serves the points at its own place and no other."""
    check_equal(np.array([[5.0, 5.0]]), np.array([[5.0, 5.0], [5.0, 6.0]]), 0.0)
    assert disc_cover([[5, 5]], [[5, 5], [5, 6]], 0).toarray().tolist() == [[True, False]]


@pytest.mark.parametrize("scale", [1e-170, 1e-150, 1e-3, 1e140])
def test_any_scale_equals_brute_force(scale: float) -> None:
    """Tiny and huge units lose no pair, even where squares underflow."""
    rng = np.random.default_rng(3)
    demand, site = rng.uniform(-9, 9, (40, 2)) * scale, rng.uniform(-9, 9, (30, 2)) * scale
    check_equal(demand, site, 4.0 * scale)
    check_equal(demand, site, rng.uniform(0, 9, 30) * scale)


def test_threads_and_pieces_do_not_change_the_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of any size in any number of threads give one answer, long rows included."""
    rng = np.random.default_rng(5)
    demand, site = rng.normal(0, 300, (700, 2)), rng.normal(0, 300, (400, 2))
    radius = rng.choice([20.0, 60.0, 400.0], 400)
    for chunk, threads in ((1, 3), (64, 1), (64, 2), (1 << 15, 2)):
        monkeypatch.setattr(covers, "CHUNK", chunk)
        check_equal(demand, site, radius, threads)


def test_far_apart_candidates_need_no_more_memory() -> None:
    """A tiny radius over a wide area does not ask for a cell per radius."""
    site = np.array([[0.0, 0.0], [1e9, 1e9], [1e9, 0.0]])
    cover = disc_cover(site + 1e-4, site, 1e-3)
    assert cover.toarray().tolist() == np.eye(3, dtype=bool).tolist()


def test_too_many_entries_are_refused_before_they_are_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pairs are counted first; one too many is an input error with its remedy."""
    monkeypatch.setattr(covers, "MOST_ENTRIES", 11)
    monkeypatch.setattr(covers, "CHUNK", 2)
    with pytest.raises(InvalidInput, match=r"more than 11 pairs.*split the area"):
        disc_cover(np.zeros((4, 2)), np.zeros((3, 2)), 1.0)
    assert disc_cover(np.zeros((11, 2)), np.zeros((1, 2)), 1.0).nnz == 11


@pytest.mark.parametrize(
    ("demand", "site", "radius", "fault"),
    [
        ([[0.0, np.nan]], [[0, 0]], 1, r"demand_xy: holds 1 positions that are NaN.*\[0\]"),
        ([[0, 0]], [[0, 0], [np.inf, 0]], 1, r"site_xy: holds 1 positions.*\[1\]"),
        ([[0, 0, 0]], [[0, 0]], 1, r"demand_xy: has shape \(1, 3\)"),
        (np.zeros((0, 2)), [[0, 0]], 1, "demand_xy: has shape .*at least one point"),
        ([[0, 0]], np.zeros((0, 2)), 1, "site_xy: has shape"),
        ([["a", "b"]], [[0, 0]], 1, "demand_xy: holds something that is no number"),
        ([[0, 0]], [[0, 0]], -1, "radius: holds 1 values that are NaN, infinite or negative"),
        ([[0, 0]], [[0, 0]], np.inf, "radius: holds 1 values"),
        ([[0, 0]], [[0, 0]], [1, 2], r"radius: has shape \(2,\), needs \(1,\)"),
        ([[0, 0]], [[0, 0]], 1e200, "radius: is beyond 1e\\+150"),
    ],
)
def test_faulty_positions_are_named(
    demand: object, site: object, radius: object, fault: str
) -> None:
    """What is wrong is said with its place."""
    with pytest.raises(InvalidInput, match=fault):
        disc_cover(demand, site, radius)
