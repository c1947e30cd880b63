"""Coverage matrices: the disc of every option, found fast and told exactly."""

from __future__ import annotations

import dataclasses
import multiprocessing
from concurrent.futures import CancelledError, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from siting.coverage import Coverage, build_coverage, option_ranges_m
from siting.errors import InputError
from siting.progress import Progress
from siting.radio.link_budget import served_probability, service_range_m
from siting.scenario import PlanningData, Scenario
from siting.technology import Technology, enumerate_options


def scenario_of(data: PlanningData) -> Scenario:
    """Ask for every option of the data by every standard of its library."""
    return Scenario(
        name=data.study_area.id,
        data=data,
        technologies=data.technologies,
        standards=data.standards,
        options=enumerate_options(data.sites, data.technologies),
        targets=(),
    )


def scattered(
    data: PlanningData, seed: int, *, points: int = 300, side_m: float = 3000.0
) -> Scenario:
    """Scatter demand and sites of Littletown at random; heights vary."""
    generator = np.random.default_rng(seed)
    xy = generator.random((points, 2)) * side_m
    demand = dataclasses.replace(
        data.demand,
        id=np.arange(points),
        xy=xy,
        weights={"population": np.ones(points)},
        zones=sp.csr_array((points, len(data.demand.zone_ids)), dtype=bool),
    )
    sites = dataclasses.replace(
        data.sites,
        xy=generator.random((len(data.sites), 2)) * side_m,
        height_m=generator.uniform(10.0, 40.0, len(data.sites)),
    )
    return scenario_of(dataclasses.replace(data, demand=demand, sites=sites))


def pairwise_distance_m(scenario: Scenario) -> npt.NDArray[np.float64]:
    """Return the distance of every demand point to every option, shape (n, k)."""
    places = scenario.data.sites.xy[scenario.options.site]
    return np.hypot(*(scenario.data.demand.xy[:, np.newaxis] - places[np.newaxis]).T).T


def same(left: Coverage, right: Coverage) -> bool:
    """Say whether two coverages agree bit by bit."""
    return all(
        np.array_equal(
            getattr(left.by_standard[name], part), getattr(right.by_standard[name], part)
        )
        for name in left.by_standard
        for part in ("data", "indices", "indptr")
    )


@pytest.mark.parametrize("seed", range(5))
def test_coverage_is_the_physics_of_every_pair(littletown: PlanningData, seed: int) -> None:
    """Option o serves point i exactly where the share of served locations suffices.

    The probability is computed anew for each pair; only pairs within 2 cm of a rim, where ranges
    are rounded down, may differ, and these are checked to be few.
    """
    scenario = scattered(littletown, seed)
    coverage = build_coverage(scenario)
    distance = pairwise_distance_m(scenario)
    for standard in scenario.standards:
        matrix = coverage.by_standard[standard.id].toarray()
        for option, technology in enumerate(scenario.options.technology):
            share = served_probability(
                scenario.technologies[technology],
                standard,
                distance[:, option],
                antenna_height_m=scenario.options.height_m[option],
            )
            rim = np.abs(distance[:, option] - coverage.ranges_m[standard.id][option]) < 0.02
            assert rim.sum() <= 1
            expected = share >= standard.area_probability
            assert np.array_equal(matrix[~rim, option], expected[~rim])
        assert 0 < matrix.sum() < matrix.size


def test_coverage_agrees_with_another_index(littletown: PlanningData) -> None:
    """SciPy's k-d tree finds the same points in every disc."""
    scenario = scattered(littletown, 11, points=3000)
    coverage = build_coverage(scenario)
    tree = cKDTree(scenario.data.demand.xy)
    places = scenario.data.sites.xy[scenario.options.site]
    for name, matrix in coverage.by_standard.items():
        columns = matrix.tocsc()
        balls = tree.query_ball_point(places, coverage.ranges_m[name])
        for option, ball in enumerate(balls):
            assert columns[:, [option]].nonzero()[0].tolist() == sorted(ball)


def test_matrices_have_the_promised_form(littletown: PlanningData) -> None:
    """Boolean CSR, demand by option, sorted int32 indices, one entry per pair, no stored zero."""
    scenario = scenario_of(littletown)
    coverage = build_coverage(scenario)
    assert list(coverage.by_standard) == [standard.id for standard in scenario.standards]
    for matrix in coverage.by_standard.values():
        assert isinstance(matrix, sp.csr_array)
        assert matrix.shape == (len(littletown.demand), len(scenario.options))
        assert matrix.dtype == np.bool_
        assert matrix.indices.dtype == np.int32
        assert matrix.data.all()
        rows = np.split(matrix.indices, matrix.indptr[1:-1])
        assert all((np.diff(row) > 0).all() for row in rows)


def test_the_rim_is_served(littletown: PlanningData) -> None:
    """A point exactly at the range is served, one a millimetre farther is not."""
    scenario = scenario_of(littletown)
    standard = scenario.standards[0]
    reach = float(option_ranges_m(scenario, standard)[0])
    xy = np.array([[reach, 0.0], [reach + 1e-3, 0.0], [0.0, 0.0], [0.0, -reach]])
    sites = dataclasses.replace(littletown.sites, xy=np.zeros((len(littletown.sites), 2)))
    demand = dataclasses.replace(
        littletown.demand, id=np.arange(4), xy=xy, zones=sp.csr_array((4, 3), dtype=bool)
    )
    moved = scenario_of(dataclasses.replace(littletown, demand=demand, sites=sites))
    column = build_coverage(moved).by_standard[standard.id].toarray()[:, 0]
    assert column.tolist() == [True, False, True, True]


@pytest.mark.parametrize("block_options", [1, 2, 3, 1000])
def test_blocks_and_executors_leave_no_trace(littletown: PlanningData, block_options: int) -> None:
    """Any division of the work, in threads or not, gives the same bits."""
    scenario = scattered(littletown, 5)
    reference = build_coverage(scenario)
    with ThreadPoolExecutor(max_workers=3) as executor:
        divided = build_coverage(scenario, executor=executor, block_options=block_options)
    assert same(reference, divided)


@pytest.mark.slow
def test_other_processes_find_the_same(littletown: PlanningData) -> None:
    """Blocks travel to fresh interpreters and back without a change of a bit."""
    scenario = scattered(littletown, 5)
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=2, mp_context=fresh) as executor:
        divided = build_coverage(scenario, executor=executor, block_options=3)
    assert same(build_coverage(scenario), divided)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 12.0))
def test_more_power_never_lowers_coverage(
    littletown: PlanningData, seed: int, extra_db: float
) -> None:
    """With more power everywhere, every pair that was served still is."""
    scenario = scattered(littletown, seed)

    def louder(technology: Technology) -> Technology:
        return dataclasses.replace(technology, tx_power_dbm=technology.tx_power_dbm + extra_db)

    more = scenario.replace(technologies=tuple(map(louder, scenario.technologies)))
    before, after = build_coverage(scenario), build_coverage(more)
    for name, matrix in before.by_standard.items():
        assert (matrix > after.by_standard[name]).nnz == 0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_another_site_never_lowers_coverage(
    littletown: PlanningData, seed: int, count: int
) -> None:
    """The columns of the first sites are the same whether or not more sites are offered."""
    scenario = scattered(littletown, seed)
    first = scenario.options.site < count
    kept = {
        field.name: getattr(scenario.options, field.name)[first]
        for field in dataclasses.fields(scenario.options)
    }
    fewer = scenario.replace(options=dataclasses.replace(scenario.options, **kept))
    few, all_sites = build_coverage(fewer), build_coverage(scenario)
    for name, matrix in few.by_standard.items():
        columns = all_sites.by_standard[name][:, np.flatnonzero(first)]
        assert np.array_equal(matrix.toarray(), columns.toarray())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_permuting_sites_permutes_columns_and_points_rows(
    littletown: PlanningData, seed: int
) -> None:
    """Coverage is a matter of places, not of the order they are listed in."""
    scenario = scattered(littletown, seed)
    generator = np.random.default_rng(seed)
    columns = generator.permutation(len(scenario.options))
    rows = generator.permutation(len(scenario.data.demand))
    shuffled = {
        field.name: getattr(scenario.options, field.name)[columns]
        for field in dataclasses.fields(scenario.options)
    }
    demand = dataclasses.replace(scenario.data.demand, xy=scenario.data.demand.xy[rows])
    other = scenario.replace(
        options=dataclasses.replace(scenario.options, **shuffled),
        data=dataclasses.replace(scenario.data, demand=demand),
    )
    before, after = build_coverage(scenario), build_coverage(other)
    for name, matrix in before.by_standard.items():
        assert np.array_equal(matrix.toarray()[rows][:, columns], after.by_standard[name].toarray())


def test_ranges_are_those_of_technology_and_height(littletown: PlanningData) -> None:
    """Every option's range is what its own technology reaches at its own height."""
    scenario = scattered(littletown, 3)
    options = scenario.options
    for standard in scenario.standards:
        ranges = build_coverage(scenario).ranges_m[standard.id]
        alone = [
            float(service_range_m(scenario.technologies[technology], standard, height))
            for technology, height in zip(options.technology, options.height_m, strict=True)
        ]
        assert ranges.tolist() == alone


def test_a_carrier_too_narrow_for_the_standard_serves_nothing(littletown: PlanningData) -> None:
    """A standard asking for 60 MHz counts 100 MHz carriers and no 30 MHz one, 60 MHz included."""
    macro, micro = littletown.technologies
    standard = dataclasses.replace(littletown.standards[0], min_bandwidth_mhz=60.0)
    for width_mhz, served in ((50.0, False), (60.0, True), (100.0, True)):
        narrow = dataclasses.replace(macro, bandwidth_mhz=width_mhz)
        data = dataclasses.replace(littletown, technologies=(narrow, micro), standards=(standard,))
        scenario = scenario_of(data)
        columns = build_coverage(scenario).by_standard[standard.id].sum(axis=0) > 0
        assert (columns == ((scenario.options.technology == 1) | served)).all()


def test_a_mute_technology_serves_nothing_not_even_its_own_foot(littletown: PlanningData) -> None:
    """Range 0 is an empty column, also for a demand point at the mast."""
    mute = tuple(
        dataclasses.replace(technology, tx_power_dbm=-100.0)
        for technology in littletown.technologies
    )
    demand = dataclasses.replace(
        littletown.demand,
        id=np.arange(1),
        xy=littletown.sites.xy[:1],
        zones=sp.csr_array((1, 3), dtype=bool),
    )
    scenario = scenario_of(dataclasses.replace(littletown, technologies=mute, demand=demand))
    assert all(matrix.nnz == 0 for matrix in build_coverage(scenario).by_standard.values())


def test_without_demand_or_options_the_matrix_is_empty(littletown: PlanningData) -> None:
    """Shapes are right at the edges: no options, no demand."""
    scenario = scenario_of(littletown)
    none = dataclasses.replace(
        scenario.options,
        site=scenario.options.site[:0],
        technology=scenario.options.technology[:0],
        height_m=scenario.options.height_m[:0],
        cost_cny=scenario.options.cost_cny[:0],
    )
    coverage = build_coverage(scenario.replace(options=none))
    assert {matrix.shape for matrix in coverage.by_standard.values()} == {(400, 0)}
    demand = dataclasses.replace(
        littletown.demand,
        id=np.zeros(0, dtype=np.int64),
        xy=np.zeros((0, 2)),
        zones=sp.csr_array((0, 3), dtype=bool),
    )
    deserted = build_coverage(scenario_of(dataclasses.replace(littletown, demand=demand)))
    assert {matrix.shape for matrix in deserted.by_standard.values()} == {
        (0, len(scenario.options))
    }


def test_a_stop_leaves_no_half_coverage(littletown: PlanningData) -> None:
    """Stopped after two blocks, it raises; half a coverage would call reachable demand lost."""
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(CancelledError):
        build_coverage(scenario_of(littletown), stop=stop, block_options=1)
    assert len(asked) == 3


def test_progress_rises_to_one(littletown: PlanningData) -> None:
    """Each block is reported in the phase 'coverage', the last one at 1."""
    reports: list[Progress] = []
    build_coverage(scenario_of(littletown), progress=reports.append, block_options=3)
    shares = [report.fraction for report in reports]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert {report.phase for report in reports} == {"coverage"}


def test_positions_that_are_no_numbers_are_refused(littletown: PlanningData) -> None:
    """A site at NaN is named."""
    xy = littletown.sites.xy.copy()
    xy[2, 0] = np.nan
    sites = dataclasses.replace(littletown.sites, xy=xy)
    with pytest.raises(InputError, match=r"sites\[2\]"):
        build_coverage(scenario_of(dataclasses.replace(littletown, sites=sites)))


def test_equipment_beyond_the_model_is_refused_by_name(littletown: PlanningData) -> None:
    """A carrier of 300 MHz on a mast of 60 m: both faults, and whose they are, in one answer."""
    odd = dataclasses.replace(littletown.technologies[0], frequency_mhz=300.0, max_height_m=99.0)
    sites = dataclasses.replace(littletown.sites, height_m=np.full(6, 60.0))
    data = dataclasses.replace(littletown, technologies=(odd,), sites=sites)
    with pytest.raises(InputError) as caught:
        build_coverage(scenario_of(data))
    assert [problem.where for problem in caught.value.problems] == [
        "technologies[macro-n41].frequency_mhz",
        "technologies[macro-n41].antenna_height_m",
    ]
