"""What ground and buildings put between a mast and the cells round it: profiles and the sweep."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.errors import InputError
from siting.grid import Grid
from siting.radio.ground.obstruction import Method, Obstruction, bullington_loss_db, obstruction
from siting.radio.ground.terrain import MEDIAN_RADIUS_FACTOR, Terrain
from siting.radio.propagation.diffraction import EARTH_RADIUS_KM, SPEED_OF_LIGHT_GHZ_M, bullington

BANDS_GHZ = (0.7, 2.6, 4.9)
BOTH = pytest.mark.parametrize("method", list(Method))


def grid(rows: int, columns: int, cell_m: float = 20.0) -> Grid:
    """Cells whose corner makes positions awkward to subtract."""
    return Grid(
        crs="EPSG:4547",
        west_m=500_000.0,
        south_m=3_350_000.0,
        cell_size_m=cell_m,
        columns=columns,
        rows=rows,
    )


def level(rows: int, columns: int) -> npt.NDArray[np.float32]:
    """Nothing but sea."""
    return np.zeros((rows, columns), dtype=np.float32)


def hills(
    rows: int, columns: int, *, spread_m: float, seed: int = 0, cell_m: float = 20.0
) -> npt.NDArray[np.float32]:
    """Fractal hills: Gaussian noise whose amplitude falls as the 1.9th power of frequency."""
    noise = np.random.default_rng(seed).standard_normal((rows, columns))
    wave = np.hypot(np.fft.fftfreq(rows, cell_m)[:, None], np.fft.rfftfreq(columns, cell_m))
    wave[0, 0] = np.inf
    ground = np.fft.irfft2(np.fft.rfft2(noise) * wave**-1.9, (rows, columns))
    return np.asarray(100.0 + spread_m * ground / ground.std(), dtype=np.float32)


def town(rows: int, columns: int, *, share: float, seed: int = 0) -> npt.NDArray[np.float32]:
    """Put buildings of 5 to 30 m into a share of the cells."""
    draw = np.random.default_rng(seed)
    built = draw.random((rows, columns)) < share
    return np.asarray(built * draw.uniform(5.0, 30.0, built.shape), dtype=np.float32)


def at(terrain: Terrain, column: float, row: float) -> tuple[float, float]:
    """Position of a place given in cells from the south-west corner."""
    cell = terrain.grid.cell_size_m
    return terrain.grid.west_m + column * cell, terrain.grid.south_m + row * cell


def losses(
    terrain: Terrain, mast_xy: tuple[float, float], found: Obstruction, frequency_ghz: float
) -> npt.NDArray[np.float64]:
    """Bullington loss of every cell of a window [dB]."""
    rows, columns = found.edge.shape
    row, column = np.divmod(np.arange(rows * columns), columns)
    centres = terrain.grid.centres(column + found.column, row + found.row)
    distance = np.hypot(*(centres - mast_xy).T)
    wavelength = SPEED_OF_LIGHT_GHZ_M / frequency_ghz
    return np.array(
        [
            bullington_loss_db(float(edge), wavelength, float(d))
            for edge, d in zip(found.edge.ravel(), distance, strict=True)
        ]
    ).reshape(rows, columns)


def within(box: tuple[int, int], mast: npt.NDArray[np.float64], end: npt.NDArray[np.float64]):  # noqa: ANN201
    """Return the part of a path, from 0 to 1, that lies in a cell; both in cells, (east, north)."""
    low, high = 0.0, 1.0
    for corner, start, way in zip(box, mast, end - mast, strict=True):
        if way == 0.0:
            if not corner < start < corner + 1:
                return 1.0, 0.0
            continue
        first, last = sorted(((corner - start) / way, (corner + 1 - start) / way))
        low, high = max(low, first), min(high, last)
    return low, high


def sees(terrain: Terrain, mast: tuple[float, float], height_m: float, row: int, col: int) -> bool:
    """Whether the clutter of every cell a path crosses is below the ray, box by box."""
    assert terrain.clutter_m is not None
    cell = terrain.grid.cell_size_m
    start = (np.array(mast) - [terrain.grid.west_m, terrain.grid.south_m]) / cell
    end = np.array([col + 0.5, row + 0.5])
    total = cell * float(np.hypot(*(end - start)))
    profile = terrain.profile(mast, at(terrain, *end))
    low, high = profile.terrain_m[0] + height_m, profile.terrain_m[-1] + 1.5
    for north, east in np.argwhere(terrain.clutter_m > 0.0).tolist():
        came, goes = within((east, north), start, end)
        if goes - came < 1e-12 or (north, east) in {(row, col), (int(start[1]), int(start[0]))}:
            continue
        share = (came + goes) / 2.0
        here = at(terrain, *(start + share * (end - start)))
        ground = terrain.profile(here, at(terrain, *end)).terrain_m[0]
        bulge = share * (1.0 - share) * total**2 / (2e3 * EARTH_RADIUS_KM * MEDIAN_RADIUS_FACTOR)
        ray = low + share * (high - low) - bulge
        if ground + terrain.clutter_m[north, east] >= ray:
            return False
    return True


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 1000),
    spread=st.sampled_from([0.0, 3.0, 15.0, 60.0]),
    rows=st.integers(3, 11),
    columns=st.integers(3, 11),
    place=st.tuples(st.floats(0.03, 0.97), st.floats(0.03, 0.97)),
    height=st.floats(2.0, 60.0),
    built=st.booleans(),
)
def test_profiles_are_bullington_over_each_profile(  # noqa: PLR0917 - hypothesis draws them
    seed: int,
    spread: float,
    rows: int,
    columns: int,
    place: tuple[float, float],
    height: float,
    built: bool,  # noqa: FBT001
) -> None:
    """Loss and sight of every cell are those of its own profile, in every band."""
    terrain = Terrain(
        grid=grid(rows, columns),
        ground_m=hills(rows, columns, spread_m=spread, seed=seed),
        clutter_m=town(rows, columns, share=0.2, seed=seed) if built else None,
    )
    mast = at(terrain, place[0] * columns, place[1] * rows)
    found = obstruction(terrain, mast, height, radius_m=5_000, method=Method.PROFILE)
    assert (found.row, found.column, found.edge.shape) == (0, 0, (rows, columns))
    ours = {f: losses(terrain, mast, found, f) for f in BANDS_GHZ}
    for row in range(rows):
        for col in range(columns):
            end = terrain.grid.centres([col], [row])[0]
            if np.hypot(*(end - mast)) < 0.1:
                continue
            profile = terrain.profile(mast, end)
            for f in BANDS_GHZ:
                expected = bullington(
                    profile.distance_m / 1e3,
                    profile.terrain_m,
                    profile.terrain_m[0] + height,
                    profile.terrain_m[-1] + 1.5,
                    EARTH_RADIUS_KM * MEDIAN_RADIUS_FACTOR,
                    f,
                )
                assert ours[f][row, col] == pytest.approx(expected, abs=1e-5)
            if found.edge[row, col] >= 0.0:
                assert found.sight[row, col] == 0
            elif terrain.clutter_m is None:
                assert found.sight[row, col] == -1
            else:
                assert found.sight[row, col] == sees(terrain, mast, height, row, col)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    ends=st.tuples(*[st.integers(0, 39)] * 4).filter(lambda e: e[:2] != e[2:]),
    heights=st.tuples(st.floats(1.5, 60.0), st.floats(1.5, 60.0)),
)
def test_there_and_back_is_the_same_edge(
    seed: int, ends: tuple[int, int, int, int], heights: tuple[float, float]
) -> None:
    """The loss from receiver to mast is that from mast to receiver, to a millionth of a dB."""
    terrain = Terrain(grid=grid(40, 40), ground_m=hills(40, 40, spread_m=20.0, seed=seed))
    a, b = ends[:2], ends[2:]
    loss = []
    for here, there, height, other in ((a, b, *heights), (b, a, *heights[::-1])):
        mast = at(terrain, here[0] + 0.5, here[1] + 0.5)
        found = obstruction(
            terrain,
            mast,
            height,
            radius_m=2_000,
            receiver_height_m=other,
            method=Method.PROFILE,
        )
        edge = float(found.edge[there[1] - found.row, there[0] - found.column])
        loss.append(bullington_loss_db(edge, SPEED_OF_LIGHT_GHZ_M / 4.9, 800.0))
    assert loss[0] == pytest.approx(loss[1], abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), low=st.floats(1.0, 80.0), raise_m=st.floats(0.01, 50.0))
@BOTH
def test_a_higher_mast_never_loses_more(
    method: Method, seed: int, low: float, raise_m: float
) -> None:
    """Raising the mast lowers both slopes of Bullington's edge and every clearance's want."""
    terrain = Terrain(grid=grid(40, 40), ground_m=hills(40, 40, spread_m=20.0, seed=seed))
    mast = at(terrain, 20.3, 18.8)
    below, above = (
        obstruction(terrain, mast, height, radius_m=380, method=method).edge
        for height in (low, low + raise_m)
    )
    inside = np.isfinite(below)
    assert (above[inside] <= below[inside] + 1e-4 * np.abs(below[inside])).all()


@BOTH
def test_level_ground_is_grazed(method: Method) -> None:
    """Over level ground the greatest nu is -2 sqrt(2 h1 h2 / (wavelength D)), found to 1 %."""
    terrain = Terrain(grid=grid(201, 201, 10.0), ground_m=level(201, 201))
    mast = at(terrain, 100.5, 100.5)
    step = 1.0 if method is Method.PROFILE else 0.0
    found = obstruction(
        terrain, mast, 30.0, radius_m=1_000, radius_factor=100.0, method=method, step_m=step
    )
    row, column = np.indices(found.edge.shape)
    distance = 10.0 * np.hypot(row - 100, column - 100)
    inside = (distance > 700) & (distance <= 1_000)
    by_hand = -2.0 * np.sqrt(2.0 * 30.0 * 1.5 / distance[inside])
    assert (found.sight[inside] == -1).all()
    assert found.edge[inside] == pytest.approx(by_hand, rel=0.01)


@BOTH
def test_a_ridge_is_one_knife_edge(method: Method) -> None:
    """Behind a ridge of one column the edge is h sqrt(2 D / (d1 d2)), worked by hand."""
    ground = level(61, 121)
    ground[:, 60] = 80.0
    terrain = Terrain(grid=grid(61, 121), ground_m=ground)
    mast = at(terrain, 10.5, 30.5)
    found = obstruction(
        terrain, mast, 30.0, radius_m=2_200, receiver_height_m=2.0, radius_factor=100.0,
        method=method,
    )  # fmt: skip
    d1, total = 50 * 20.0, 90 * 20.0
    height = 80.0 - (30.0 + (2.0 - 30.0) * d1 / total)
    by_hand = height * math.sqrt(2.0 * total / (d1 * (total - d1)))
    seen = found.edge[30 - found.row, 100 - found.column]
    assert seen == pytest.approx(by_hand, rel=1e-4)


@BOTH
def test_the_sea_ends_at_the_horizon(method: Method) -> None:
    """A level sea hides what lies beyond sqrt(2 a h1) + sqrt(2 a h2), and shows what is nearer."""
    terrain = Terrain(grid=grid(3, 201, 200.0), ground_m=level(3, 201))
    mast = at(terrain, 0.5, 1.5)
    for factor in (1.0, 4.0 / 3.0):
        found = obstruction(
            terrain, mast, 20.0, radius_m=40_000, radius_factor=factor, method=method
        )
        radius = 1e3 * EARTH_RADIUS_KM * factor
        horizon = math.sqrt(2.0 * radius * 20.0) + math.sqrt(2.0 * radius * 1.5)
        distance = 200.0 * np.arange(found.edge.shape[1])
        along = found.edge[1 - found.row]
        assert (along[distance < horizon - 300.0] < 0.0).all()
        assert (along[(distance > horizon + 300.0)] > 0.0).all()


@BOTH
def test_a_wall_hides_what_is_behind(method: Method) -> None:
    """Clutter blocks the cells behind it, not its own cell, not the mast's, and no bare ground."""
    wall = level(41, 81)
    wall[:, 40] = 25.0
    wall[20, 10] = 90.0
    terrain = Terrain(grid=grid(41, 81), ground_m=level(41, 81), clutter_m=wall)
    found = obstruction(terrain, at(terrain, 10.6, 20.3), 30.0, radius_m=1_200, method=method)
    seen = found.sight[20 - found.row]
    columns = np.arange(81) - found.column
    # from 30 m to 1.5 m: 25 m is reached after a sixth of the way, the wall is farther than that
    assert (seen[columns[:41]] == 1).all()
    assert (seen[columns[41:70]] == 0).all()
    bare = Terrain(grid=terrain.grid, ground_m=terrain.ground_m)
    unknown = obstruction(bare, at(bare, 10.6, 20.3), 30.0, radius_m=1_200, method=method)
    assert (unknown.sight == -1).all()
    assert np.array_equal(unknown.edge, found.edge, equal_nan=True)


def test_the_sweep_sees_what_profiles_see() -> None:
    """Among scattered buildings both methods find the same cells in line of sight, but for rims."""
    rows = columns = 121
    built = town(rows, columns, share=0.01, seed=7)
    found = {}
    for name, clutter in (("as it is", built), ("a cell to the north", np.roll(built, 1, axis=0))):
        terrain = Terrain(
            grid=grid(rows, columns), ground_m=level(rows, columns), clutter_m=clutter
        )
        for method in Method:
            found[name, method] = obstruction(
                terrain, at(terrain, 60.3, 59.8), 20.0, radius_m=1_100, method=method
            ).sight
    plain = found["as it is", Method.PROFILE]
    inside = plain >= 0
    assert 0.2 < (plain[inside] == 1).mean() < 0.8
    same = (found["as it is", Method.SWEEP] == plain)[inside].mean()
    other = (found["a cell to the north", Method.SWEEP] == plain)[inside].mean()
    assert same > 0.95 > other, (same, other)


@BOTH
def test_blocking_ground_needs_no_clutter_data(method: Method) -> None:
    """Where the bare ground blocks the ray there is no line of sight, whatever stands on it."""
    terrain = Terrain(grid=grid(80, 80), ground_m=hills(80, 80, spread_m=40.0))
    found = obstruction(terrain, at(terrain, 40.2, 39.9), 20.0, radius_m=700, method=method)
    inside = np.isfinite(found.edge)
    assert np.array_equal(found.sight[inside] == 0, found.edge[inside] >= 0.0)
    assert set(np.unique(found.sight).tolist()) == {-1, 0}


@settings(deadline=None, max_examples=60)
@given(
    column=st.one_of(st.floats(0.0, 50.0), st.integers(0, 100).map(lambda k: k / 2)),
    row=st.one_of(st.floats(0.0, 34.0), st.integers(0, 68).map(lambda k: k / 2)),
    radius=st.one_of(st.floats(20.0, 1_500.0), st.integers(1, 60).map(lambda k: 20.0 * k)),
)
def test_every_cell_within_the_radius_is_answered(column: float, row: float, radius: float) -> None:
    """Both methods fill the same cells: those whose centre is within the radius, on the raster."""
    terrain = Terrain(grid=grid(34, 50), ground_m=hills(34, 50, spread_m=10.0))
    mast = at(terrain, column, row)
    there, found = (
        obstruction(terrain, mast, 25.0, radius_m=radius, method=method) for method in Method
    )
    assert (there.row, there.column) == (found.row, found.column)
    assert np.array_equal(np.isnan(there.edge), np.isnan(found.edge))
    centres = terrain.grid.centres(np.tile(np.arange(50), 34), np.repeat(np.arange(34), 50))
    # positions and radius are divided by the cell size: a centre on the very circle may fall out
    sure = int(np.count_nonzero(np.hypot(*(centres - mast).T) <= radius * (1 - 1e-9)))
    most = int(np.count_nonzero(np.hypot(*(centres - mast).T) <= radius * (1 + 1e-9)))
    assert sure <= np.count_nonzero(~np.isnan(found.edge)) <= most


@settings(deadline=None, max_examples=20)
@given(place=st.tuples(st.floats(1.0, 59.0), st.floats(1.0, 47.0)), more=st.floats(0.0, 500.0))
def test_a_wider_window_changes_no_profile(place: tuple[float, float], more: float) -> None:
    """A cell's profile is the same to the last bit whatever the radius of the window."""
    terrain = Terrain(
        grid=grid(48, 60),
        ground_m=hills(48, 60, spread_m=15.0),
        clutter_m=town(48, 60, share=0.1),
    )
    mast = at(terrain, *place)
    small, large = (
        obstruction(terrain, mast, 25.0, radius_m=radius, method=Method.PROFILE)
        for radius in (300.0, 300.0 + more)
    )
    rows, columns = small.edge.shape
    top, left = small.row - large.row, small.column - large.column
    part = np.s_[top : top + rows, left : left + columns]
    inside = ~np.isnan(small.edge)
    assert np.array_equal(small.edge[inside], large.edge[part][inside])
    assert np.array_equal(small.sight[inside], large.sight[part][inside])


@BOTH
def test_the_rim_of_the_raster_cuts_the_window(method: Method) -> None:
    """Cutting off ground that no path crosses changes nothing.

    The sweep takes the outermost row between a ray inside the raster and one beyond it.
    """
    ground, clutter = hills(96, 96, spread_m=15.0), town(96, 96, share=0.1)
    whole = Terrain(grid=grid(96, 96, 16.0), ground_m=ground, clutter_m=clutter)
    cut = Terrain(
        grid=grid(70, 96, 16.0), ground_m=ground[:70], clutter_m=clutter[:70]
    )  # the north is gone
    mast = at(whole, 50.25, 60.5)
    large, small = (
        obstruction(terrain, mast, 25.0, radius_m=480, method=method) for terrain in (whole, cut)
    )
    assert small.edge.shape[0] < large.edge.shape[0]
    rows = small.edge.shape[0] - (method is Method.SWEEP)
    assert np.array_equal(small.edge[:rows], large.edge[:rows], equal_nan=True)
    assert np.array_equal(small.sight[:rows], large.sight[:rows])


def test_the_four_sides_of_a_sweep_are_alike() -> None:
    """Terrain turned over or laid on its side turns the answer, and nothing else."""
    ground = hills(101, 101, spread_m=20.0)
    square = grid(101, 101)
    found = {}
    for name, turned in (
        ("as it is", ground),
        ("east for west", ground[:, ::-1]),
        ("north for south", ground[::-1]),
        ("east for north", ground.T),
    ):
        terrain = Terrain(grid=square, ground_m=turned)
        found[name] = obstruction(terrain, at(terrain, 50.5, 50.5), 30.0, radius_m=900).edge
    plain = found["as it is"]
    for name, back in (
        ("east for west", found["east for west"][:, ::-1]),
        ("north for south", found["north for south"][::-1]),
        ("east for north", found["east for north"].T),
    ):
        assert back == pytest.approx(plain, rel=1e-3, abs=1e-4, nan_ok=True), name


def hilly_differences(**kinds: dict[str, Any]) -> tuple[npt.NDArray[np.float64], ...]:
    """Bullington losses of pairs of kinds of computation over hilly terrain [dB], flattened."""
    terrain = Terrain(grid=grid(220, 220), ground_m=hills(220, 220, spread_m=15.0, seed=3))
    out: list[list[npt.NDArray[np.float64]]] = [[] for _ in kinds]
    for column, row in ((110.2, 108.7), (90.5, 120.5), (125.0, 100.9)):
        mast = at(terrain, column, row)
        for of, how in zip(out, kinds.values(), strict=True):
            found = obstruction(terrain, mast, 30.0, radius_m=1_600, **how)
            inside = ~np.isnan(found.edge)
            of += [losses(terrain, mast, found, f)[inside] for f in BANDS_GHZ]
    return tuple(np.concatenate(part) for part in out)


def test_the_sweep_is_near_the_profiles() -> None:
    """Over hills 95 of 100 cells differ by less than a decibel, and hardly on average."""
    sweep, profile = hilly_differences(
        sweep={"method": Method.SWEEP}, profile={"method": Method.PROFILE}
    )
    difference = np.abs(sweep - profile)
    assert np.percentile(difference, 95) < 1.0
    assert abs((sweep - profile).mean()) < 0.2
    assert (profile > 6.0).mean() > 0.2  # the terrain matters


def test_the_sweep_is_nearer_to_fine_profiles_than_coarse_ones_are() -> None:
    """Against eight samples per cell the sweep errs less than profiles of one sample per cell."""
    sweep, coarse, fine = hilly_differences(
        sweep={"method": Method.SWEEP},
        coarse={"method": Method.PROFILE},
        fine={"method": Method.PROFILE, "step_m": 2.5},
    )
    assert np.abs(sweep - fine).mean() < 0.7 * np.abs(coarse - fine).mean()
    assert np.percentile(np.abs(sweep - fine), 95) < 0.7


@BOTH
def test_threads_do_not_matter(method: Method) -> None:
    """Masts computed side by side have the same bits as one after the other."""
    terrain = Terrain(
        grid=grid(90, 90), ground_m=hills(90, 90, spread_m=20.0), clutter_m=town(90, 90, share=0.1)
    )
    masts = [at(terrain, 20.0 + 1.37 * k, 70.0 - 1.1 * k) for k in range(24)]

    def one(mast: tuple[float, float]) -> Obstruction:
        return obstruction(terrain, mast, 25.0, radius_m=500, method=method)

    alone = [one(mast) for mast in masts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(one, masts))
    for a, b in zip(alone, together, strict=True):
        assert np.array_equal(a.edge, b.edge, equal_nan=True)
        assert np.array_equal(a.sight, b.sight)


def test_bad_input_is_told_at_once() -> None:
    """Every argument out of range is named, in one error."""
    terrain = Terrain(grid=grid(10, 10), ground_m=level(10, 10))
    with pytest.raises(InputError) as told:
        obstruction(
            terrain,
            (114.9, 30.4),
            math.nan,
            radius_m=-5.0,
            receiver_height_m=0.0,
            radius_factor=math.inf,
            step_m=5.0,
        )
    named = {problem.where for problem in told.value.problems}
    assert named == {
        "mast_xy", "height_m", "radius_m", "receiver_height_m", "radius_factor", "step_m"
    }  # fmt: skip
    middle = at(terrain, 5.0, 5.0)
    for xy, height, radius, where in (
        ((math.nan, middle[1]), 30.0, 100.0, "mast_xy"),
        ((*middle, 3.0), 30.0, 100.0, "mast_xy"),
        (middle, 0.5, 100.0, "height_m"),
        (middle, 3_001.0, 100.0, "height_m"),
        (middle, 30.0, 0.0, "radius_m"),
        (middle, 30.0, 19.9, "radius_m"),
        (middle, 30.0, math.nan, "radius_m"),
    ):
        with pytest.raises(InputError, match=where):
            obstruction(terrain, xy, height, radius_m=radius)
    with pytest.raises(InputError, match="step_m"):
        obstruction(terrain, middle, 30.0, radius_m=100, method=Method.PROFILE, step_m=0.1)
