"""Coverage with directions and terrain: the share of locations of every pair, found fast."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.coverage import Coverage, build_coverage
from siting.errors import InputError
from siting.grid import Grid
from siting.radio.antenna import sector_pattern
from siting.radio.ground.terrain import Terrain
from siting.radio.network.area_prediction import predict
from siting.radio.network.cells import sectors
from siting.scenario import PlanningData, Scenario
from siting.sites import SiteKind
from siting.technology import CoverageModel, Options, SectorLayout, enumerate_options

CELL_M = 50.0
GRID = Grid(crs="EPSG:4547", west_m=0.0, south_m=0.0, cell_size_m=CELL_M, columns=40, rows=36)


def hills(seed: int, height_m: float) -> np.ndarray:
    """Return ground with a few ridges, (rows, columns)."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[: GRID.rows, : GRID.columns]
    waves = rng.uniform(0.05, 0.4, (4, 2))
    ground = sum(np.sin(a * row + b * column + rng.uniform(0, 6)) for a, b in waves)
    return (height_m * (4.0 + ground) / 8.0).astype(np.float32)


def asked(
    data: PlanningData,
    *,
    layout: SectorLayout | None,
    terrain: Terrain | None = None,
    model: CoverageModel = CoverageModel.SECTORS,
    seed: int = 0,
) -> Scenario:
    """Ask for every option; demand on the cells of the raster, sites anywhere in it."""
    rng = np.random.default_rng([seed, 7])
    column, row = np.meshgrid(np.arange(GRID.columns), np.arange(GRID.rows))
    xy = GRID.centres(column.ravel(), row.ravel())
    demand = dataclasses.replace(
        data.demand,
        id=np.arange(len(xy)),
        xy=xy,
        weights={"population": np.ones(len(xy))},
        zones=sp.csr_array((len(xy), len(data.demand.zone_ids)), dtype=bool),
    )
    extent = np.array([GRID.columns, GRID.rows]) * CELL_M
    sites = dataclasses.replace(
        data.sites, xy=rng.uniform(0.05, 0.95, (len(data.sites), 2)) * extent
    )
    technologies = tuple(dataclasses.replace(item, sectors=layout) for item in data.technologies)
    return Scenario(
        name="raster",
        data=dataclasses.replace(data, demand=demand, sites=sites, terrain=terrain),
        technologies=technologies,
        standards=data.standards,
        coverage_model=model,
        options=enumerate_options(sites, technologies, model),
        targets=(),
    )


def terrain_of(ground: np.ndarray, clutter: np.ndarray | None = None) -> Terrain:
    """Return heights on the raster."""
    return Terrain(grid=GRID, ground_m=ground, clutter_m=clutter)


def same(left: Coverage, right: Coverage) -> bool:
    """Say whether two coverages agree entry by entry."""
    return all(
        (left.by_standard[name] != right.by_standard[name]).nnz == 0 for name in left.by_standard
    )


def test_without_direction_on_level_ground_it_is_the_disc(littletown: PlanningData) -> None:
    """Both coverage models say the same of every pair farther than a metre from the rim."""
    by_distance = asked(littletown, layout=None, model=CoverageModel.DISTANCE)
    discs, pairs = build_coverage(by_distance), build_coverage(asked(littletown, layout=None))
    places = by_distance.data.sites.xy[by_distance.options.site]
    distance = np.hypot(*(by_distance.data.demand.xy[:, np.newaxis] - places).T).T
    for name, disc in discs.by_standard.items():
        differ = disc.toarray() != pairs.by_standard[name].toarray()
        assert (np.abs(distance - discs.ranges_m[name]) < 1.0)[differ].all()
        assert disc.nnz > len(places)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("surface", [None, "bare", "built"])
def test_coverage_is_the_prediction_of_every_option(
    littletown: PlanningData, seed: int, surface: str | None
) -> None:
    """The area prediction of one station alone serves the same cells by the same standards.

    It goes another way: median levels, the strongest sector, then the share of locations; only
    cells whose share is within 0.003 of what is asked may differ. Between buildings the line of
    sight is sampled along other rays where the window is wider: one cell in twenty may differ.
    """
    rng = np.random.default_rng([seed, 3])
    clutter = None
    if surface == "built":
        clutter = np.kron(18.0 * (rng.random((9, 10)) < 0.15), np.ones((4, 4)))
    terrain = None if surface is None else terrain_of(hills(seed, 60.0), clutter)
    layout = SectorLayout(turns_deg=(10.0, 50.0), tilts_deg=(2.0, 9.0))
    scenario = asked(littletown, layout=layout, terrain=terrain, seed=seed)
    coverage = build_coverage(scenario)
    options, served = scenario.options, 0
    for option in rng.choice(len(options), 6, replace=False).tolist():
        technology = scenario.technologies[options.technology[option]]
        cells = sectors(
            scenario.data.sites.xy[options.site[[option]]],
            technology,
            height_m=options.height_m[option],
            pattern=sector_pattern(
                horizontal_beamwidth_deg=layout.horizontal_beamwidth_deg,
                vertical_beamwidth_deg=layout.vertical_beamwidth_deg,
                side_lobe_db=layout.side_lobe_db,
                front_to_back_db=layout.front_to_back_db,
            ),
            azimuths_deg=layout.azimuths_deg(options.turn_deg[option]),
            tilt_deg=options.tilt_deg[option],
        )
        predicted = predict(cells, GRID, terrain=terrain, radius_m=5000.0)
        for standard in scenario.standards:
            share = predicted.served_share(standard).ravel()
            enough = share >= standard.area_probability
            if technology.bandwidth_mhz < standard.min_bandwidth_mhz:
                enough[:] = False
            mine = coverage.by_standard[standard.id].toarray()[:, option]
            near = np.abs(share - standard.area_probability) < 0.003
            wrong = int((mine != enough)[~near].sum())
            assert wrong <= (0.05 * max(mine.sum(), 100) if surface == "built" else 0)
            served += int(mine.sum())
    assert served > 100


@settings(max_examples=15, deadline=None)
@given(turn=st.floats(0.0, 360.0), seed=st.integers(0, 50))
def test_a_turn_by_one_sector_changes_nothing(
    littletown: PlanningData, turn: float, seed: int
) -> None:
    """Three alike antennas turned by 120 degrees serve the same points."""
    layouts = [SectorLayout(turns_deg=(angle,)) for angle in (turn, turn + 120.0)]
    one, other = (build_coverage(asked(littletown, layout=layout, seed=seed)) for layout in layouts)
    for name, matrix in one.by_standard.items():
        differ = (matrix != other.by_standard[name]).nnz
        assert differ <= matrix.nnz // 1000  # a point on the very margin may be rounded over it


def test_a_ridge_hides_what_lies_behind_it(littletown: PlanningData) -> None:
    """A wall of 120 m across the raster takes points away on the far side and none on the near."""
    ground = np.zeros((GRID.rows, GRID.columns), dtype=np.float32)
    ground[:, 20] = 120.0
    level = asked(littletown, layout=None, terrain=terrain_of(np.zeros_like(ground)))
    ridge = asked(littletown, layout=None, terrain=terrain_of(ground))
    before, after = build_coverage(level), build_coverage(ridge)
    site = level.data.sites.xy[level.options.site]
    away = (level.data.demand.xy[:, :1] < 1000.0) != (site[:, 0] < 1000.0)
    crest = np.abs(level.data.demand.xy[:, 0] - 1025.0) < CELL_M + 1.0
    hidden = 0
    for name, matrix in before.by_standard.items():
        lost = matrix.toarray() & ~after.by_standard[name].toarray()
        assert not lost[~crest][~away[~crest]].any()
        hidden += int(lost[~crest][away[~crest]].sum())
    assert hidden > 10


def test_blocks_and_threads_make_no_difference(littletown: PlanningData) -> None:
    """Any division of the masts, by any number of threads, gives the same matrices."""
    layout = SectorLayout(turns_deg=(0.0, 60.0))
    scenario = asked(littletown, layout=layout, terrain=terrain_of(hills(1, 80.0)))
    whole = build_coverage(scenario)
    with ThreadPoolExecutor(2) as pool:
        for size in (1, 5, 17, 10_000):
            assert same(whole, build_coverage(scenario, executor=pool, block_options=size))


def test_options_come_by_site_technology_turn_and_tilt(littletown: PlanningData) -> None:
    """A layout of two turns and two tilts makes four options of each pair of site and equipment."""
    layout = SectorLayout(turns_deg=(0.0, 60.0), tilts_deg=(2.0, 8.0))
    options = asked(littletown, layout=layout).options
    single = asked(littletown, layout=layout, model=CoverageModel.DISTANCE).options
    assert len(options) == 4 * len(single)
    for name in ("site", "technology", "height_m", "cost_cny"):
        assert np.array_equal(getattr(options, name), np.repeat(getattr(single, name), 4))
    assert options.turn_deg[:4].tolist() == [0.0, 0.0, 60.0, 60.0]
    assert options.tilt_deg[:4].tolist() == [2.0, 8.0, 2.0, 8.0]
    assert not single.turn_deg.any() and not single.tilt_deg.any()  # noqa: PT018 - one sentence


def test_a_terrain_that_ends_too_early_is_refused(littletown: PlanningData) -> None:
    """Sites and demand points outside the raster are counted, both at once."""
    small = dataclasses.replace(GRID, columns=10, rows=10)
    terrain = Terrain(grid=small, ground_m=np.zeros((10, 10), dtype=np.float32), clutter_m=None)
    with pytest.raises(InputError) as caught:
        build_coverage(asked(littletown, layout=None, terrain=terrain))
    faults = [problem.what for problem in caught.value.problems if problem.where == "terrain"]
    assert any("candidate sites" in what for what in faults)
    assert f"does not cover {40 * 36 - 100:,} of {40 * 36:,} demand points" in faults


def test_identity_counts_directions_and_ground_only_where_they_decide(
    littletown: PlanningData,
) -> None:
    """By distance neither layout nor terrain changes the identity; with sectors both do."""
    layout, ground = SectorLayout(), terrain_of(hills(2, 30.0))
    plain = asked(littletown, layout=None, model=CoverageModel.DISTANCE)
    ignored = asked(littletown, layout=layout, terrain=ground, model=CoverageModel.DISTANCE)
    assert plain.hash == ignored.hash
    variants = [
        asked(littletown, layout=layout),
        asked(littletown, layout=layout, terrain=ground),
        asked(littletown, layout=layout, terrain=terrain_of(hills(3, 30.0))),
        asked(littletown, layout=dataclasses.replace(layout, side_lobe_db=18.0)),
    ]
    assert len({plain.hash, *(variant.hash for variant in variants)}) == 1 + len(variants)


def test_no_option_serves_nothing(littletown: PlanningData) -> None:
    """A scenario whose sites can host nothing has empty matrices of the right shape."""
    scenario = asked(littletown, layout=SectorLayout())
    empty = scenario.replace(options=scenario.options.take(np.zeros(0, dtype=np.intp)))
    assert isinstance(empty.options, Options)
    for matrix in build_coverage(empty).by_standard.values():
        assert matrix.shape == (len(scenario.data.demand), 0)
    assert SiteKind.TOWER in scenario.data.sites.kind
