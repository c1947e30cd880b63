"""What each rule leaves of the options: by hand, by brute force, and as properties."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from town_shapes import ORIGIN, box, build, point, runway, site_ids, wkt

from siting.errors import ScenarioError
from siting.exclusions import Reason
from siting.exclusions.checking import broken_rules
from siting.grid import Grid
from siting.radio.ground.terrain import Terrain
from siting.scenario import PlanningData, Scenario
from siting.sites import CandidateSites, SiteKind
from siting.technology import CoverageModel, SectorLayout

#: Runway south of the town: its strip ends at y = -860 m, so that the whole town lies under the
#: inner horizontal surface, 45 m above the aerodrome, or under the transitional side.
FAR = runway((-1_000.0, -1_000.0), (3_000.0, -1_000.0))


def hills(height_m: float, *, peak_m: float = 0.0) -> Terrain:
    """Return level ground under the town with a margin, and a peak in the cell at 550, 550."""
    grid = Grid(
        crs="EPSG:4547", west_m=float(ORIGIN[0]) - 500.0, south_m=float(ORIGIN[1]) - 500.0,
        cell_size_m=100.0, columns=30, rows=30,
    )  # fmt: skip
    ground = np.full((30, 30), height_m, dtype=np.float32)
    ground[10, 10] += peak_m
    return Terrain(grid=grid, ground_m=ground)


def with_sites(data: PlanningData, xy: np.ndarray) -> PlanningData:
    """Return the town with towers of 30 m at some places, metres from its corner."""
    m = len(xy)
    sites = CandidateSites(
        id=[f"s{number}" for number in range(m)],
        xy=ORIGIN + xy,
        kind=[SiteKind.TOWER] * m,
        owner=["town"] * m,
        district=["west"] * m,
        height_m=np.full(m, 30.0),
        fixed_cost_cny=np.full(m, 1000, dtype=np.int64),
        existing=np.zeros(m, dtype=np.bool_),
        provenance=[data.sites.provenance[0]] * m,
        source=["made for the tests"] * m,
        licence=["Apache-2.0"] * m,
        accuracy_m=np.ones(m),
    )
    return dataclasses.replace(data, sites=sites)


def aimed(data: PlanningData, **layout: Any) -> PlanningData:
    """Return the town with a sector layout for every technology."""
    technologies = tuple(
        dataclasses.replace(item, sectors=SectorLayout(**layout)) for item in data.technologies
    )
    return dataclasses.replace(data, technologies=technologies)


def reasons(scenario: Scenario) -> dict[str, Reason]:
    """Return why each site is left out, by site."""
    return {scenario.data.sites.id[item.site]: item.reason for item in scenario.excluded}


def rule_of(scenario: Scenario, unruled: Scenario) -> np.ndarray:
    """Say which options the independent check accepts."""
    assert scenario.exclusions is not None
    return np.array(
        [
            not broken_rules(
                scenario.exclusions,
                unruled.options,
                np.array([o]),
                sites=unruled.data.sites,
                technologies=unruled.technologies,
                coverage_model=unruled.coverage_model,
                terrain=unruled.data.terrain,
            )
            for o in range(len(unruled.options))
        ]
    )


def kept(scenario: Scenario) -> set[tuple[int, int, float, float]]:
    """Return the options left, as site, technology, turn and tilt."""
    options = scenario.options
    return set(zip(options.site.tolist(), options.technology.tolist(), options.turn_deg.tolist(),
                   options.tilt_deg.tolist(), strict=True))  # fmt: skip


# areas and water


def test_a_strip_round_a_rectangle_against_its_formula(littletown: PlanningData) -> None:
    """Sites within 150 m of a rectangle are out, exactly those by the distance formula."""
    rng = np.random.default_rng(7)
    xy = rng.uniform(0.0, 2000.0, (400, 2))
    data = with_sites(littletown, xy)
    area = {"name": "reserve", "wkt": box(600, 500, 1200, 900), "buffer_m": 150.0}
    scenario = build(data, {"areas": [area]})
    beyond = np.maximum(np.abs(xy - [900.0, 700.0]) - [300.0, 200.0], 0.0)
    away = np.hypot(*beyond.T)
    assert 20 < np.count_nonzero(away <= 150.0) < 380
    assert site_ids(scenario) == {f"s{j}" for j in np.flatnonzero(away > 150.0)}
    amounts = {item.site: item.amount for item in scenario.excluded}
    assert amounts == pytest.approx({j: away[j] for j in np.flatnonzero(away <= 150.0)}, abs=1e-3)


def test_the_rim_of_a_strip_belongs_to_it(littletown: PlanningData) -> None:
    """A site on the rim is out, one half a metre beyond is in; a line has a strip, too."""
    data = with_sites(littletown, np.array([[500.0, 99.5], [500.0, 100.5], [500.0, -99.5]]))
    line = wkt(shapely.LineString([(0.0, 0.0), (1000.0, 0.0)]))
    scenario = build(data, {"areas": [{"name": "pipe", "wkt": line, "buffer_m": 100.0}]})
    assert site_ids(scenario) == {"s1"}


@settings(max_examples=25, deadline=None)
@given(small=st.floats(0, 800), more=st.floats(0, 800), x=st.floats(0, 1800), y=st.floats(0, 1800))
def test_a_greater_buffer_never_adds_an_option(
    littletown: PlanningData, small: float, more: float, x: float, y: float
) -> None:
    """Whatever the area, growing its strip leaves a part of the options it left before."""
    left = []
    for buffer_m in (small, small + more):
        area = {"name": "a", "wkt": box(x, y, x + 200, y + 100), "buffer_m": buffer_m}
        try:
            left.append(kept(build(littletown, {"areas": [area]})))
        except ScenarioError as error:
            assert [item.where for item in error.problems] == ["exclusions"]  # noqa: PT017
            left.append(set())
    assert left[1] <= left[0]


def test_no_site_stands_in_water_unless_it_may(littletown: PlanningData) -> None:
    """Water of the planning data is closed as soon as there are exclusions; `water` opens it."""
    lake = shapely.transform(shapely.box(0, 0, 1000, 1000), lambda xy: xy + ORIGIN)
    area = dataclasses.replace(littletown.study_area, water=lake)
    data = dataclasses.replace(littletown, study_area=area)
    scenario = build(data, {})
    # s4 stands on the shore, which belongs to the water
    assert reasons(scenario) == {"s0": Reason.WATER, "s4": Reason.WATER}
    assert kept(build(data, {"water": False})) == kept(build(data))
    assert scenario.exclusions is not None
    assert not scenario.exclusions.water_missing
    dry = build(littletown, {}).exclusions
    assert dry is not None
    assert dry.water_missing


def test_more_water_never_adds_an_option(littletown: PlanningData) -> None:
    """A wider mask leaves a part of what a narrower one left."""
    left = []
    for width in (0.1, 600.0, 1200.0):
        lake = shapely.transform(shapely.box(0, 0, width, 1990.0), lambda xy: xy + ORIGIN)
        area = dataclasses.replace(littletown.study_area, water=lake)
        left.append(kept(build(dataclasses.replace(littletown, study_area=area), {})))
    assert left[0] > left[1] > left[2]


# runways


@pytest.mark.parametrize(
    ("ground_m", "left_m"),
    [(20.0, 30.0), (30.0, 30.0), (31.0, 29.0), (40.2, 19.5), (45.0, 15.0), (45.1, None)],
)
def test_antennas_stand_no_higher_than_annex_14_leaves(
    littletown: PlanningData, ground_m: float, left_m: float | None
) -> None:
    """Inner horizontal surface 45 m over an aerodrome at 20 m, less ground, less 5 m of rod.

    A mast of 30 m is kept, lowered in steps of half a metre, or left out below 15 m.
    """
    data = with_sites(littletown, np.array([[1000.0, 1000.0], [1000.0, 3500.0]]))
    data = dataclasses.replace(data, terrain=hills(ground_m))
    ground = {"ground_elevation_m": ground_m}  # the second site lies outside the terrain
    scenario = build(data, {"runways": [FAR], **ground}, technologies=["macro-n41"])
    heights = scenario.options.height_m[scenario.options.site == 0].tolist()
    assert heights == ([] if left_m is None else [left_m])
    if left_m is None:
        assert scenario.excluded[0].amount == pytest.approx(14.9, abs=1e-4)
        assert scenario.excluded[0].permitted == 15.0
    elif left_m < 30.0:
        assert scenario.lowered[0].wanted_m == 30.0
        assert scenario.lowered[0].height_m == left_m


def test_a_mast_on_a_slope_is_judged_by_the_highest_ground_beside_it(
    littletown: PlanningData,
) -> None:
    """A peak in the neighbouring cell lowers an antenna, two cells away it does not."""
    data = with_sites(littletown, np.array([[650.0, 550.0], [750.0, 550.0]]))
    data = dataclasses.replace(data, terrain=hills(20.0, peak_m=20.0))
    scenario = build(data, {"runways": [FAR]}, technologies=["macro-n41"])
    assert scenario.options.height_m.tolist() == [20.0, 30.0]


@settings(max_examples=20, deadline=None)
@given(low=st.floats(-20, 60), more=st.floats(0, 60))
def test_a_higher_limit_never_removes_an_option(
    littletown: PlanningData, low: float, more: float
) -> None:
    """Raising runway and aerodrome together leaves every option, and none stands lower."""
    left = []
    for elevation in (low, low + more):
        strip = runway((-1_000.0, -1_000.0), (3_000.0, -1_000.0), elevation)
        try:
            options = build(littletown, {"runways": [strip], "ground_elevation_m": 20.0}).options
        except ScenarioError as error:
            assert [item.where for item in error.problems] == ["exclusions"]  # noqa: PT017
            left.append({})
            continue
        keys = zip(options.site.tolist(), options.technology.tolist(), strict=True)
        left.append(dict(zip(keys, options.height_m.tolist(), strict=True)))
    assert left[0].keys() <= left[1].keys()
    assert all(left[1][key] >= height for key, height in left[0].items())


def test_unknown_ground_under_a_surface_is_asked_for(littletown: PlanningData) -> None:
    """Without terrain nothing is invented: the planner gives the ground, or none is assumed."""
    with pytest.raises(ScenarioError) as raised:
        build(littletown, {"runways": [FAR]})
    (problem,) = raised.value.problems
    assert problem.where == "exclusions.ground_elevation_m"
    assert "6 sites" in problem.what
    assert kept(build(littletown, {"runways": [FAR], "ground_elevation_m": 20.0}))
    distant = runway((0.0, -30_000.0), (2_000.0, -30_000.0))
    assert kept(build(littletown, {"runways": [distant]})) == kept(build(littletown))


def test_runways_and_shapes_that_cannot_be_meant_are_faults(littletown: PlanningData) -> None:
    """A runway of 50 m and shapes 100 km away are named, with every other fault of the scenario."""
    with pytest.raises(ScenarioError) as raised:
        build(
            littletown,
            {
                "runways": [runway((0, 0), (50, 0)), runway((2e5, 0), (2.03e5, 0))],
                "areas": [{"name": "far", "wkt": box(1e5, 0, 1.1e5, 10)}],
                "sensitive": [{"name": "far", "wkt": point(0, -9e4), "height_m": 9}],
            },
            locked_sites=["nowhere"],
        )
    assert [item.where for item in raised.value.problems] == [
        "locked_sites", "exclusions.runways[0]", "exclusions.runways[1]",
        "exclusions.areas[0].wkt", "exclusions.sensitive[0].wkt",
    ]  # fmt: skip
    assert "50 m long, at least 100 m" in raised.value.problems[1].what


def test_shapes_beside_the_study_area_are_kept_and_named(littletown: PlanningData) -> None:
    """A shape that lies just outside the town excludes what it reaches, and is told of."""
    area = {"name": "next door", "wkt": box(2100, 0, 2500, 2000)}
    near = build(littletown, {"areas": [area]})
    assert kept(near) == kept(build(littletown))
    assert near.exclusions is not None
    assert near.exclusions.beyond == ("next door",)
    assert site_ids(build(littletown, {"areas": [area | {"buffer_m": 700.0}]})) == {
        "s0", "s2", "s4", "s5",
    }  # fmt: skip


# sensitive buildings


@pytest.mark.parametrize(
    ("technology", "eirp_dbm", "permitted"),
    [("macro-n41", 53.0 + 15.0 + 9.0, 0.4 / 5), ("micro-n78", 43.0 + 10.0 + 9.0, 3500 / 7500 / 5)],
)
def test_exposure_without_direction_is_a_distance(
    littletown: PlanningData, technology: str, eirp_dbm: float, permitted: float
) -> None:
    """GB 8702-2014 leaves 0.08 W/m2 at 2.6 GHz and 3500/7500/5 at 3.5 GHz to one project.

    Half a metre within sqrt(EIRP / (4 pi S)) of a building a station is out, beyond it stays.
    """
    radius = float(np.sqrt(10 ** (eirp_dbm / 10) / 1e3 / (4 * np.pi * permitted)))
    data = with_sites(littletown, np.array([[radius - 0.5, 0.0], [radius + 0.5, 0.0]]))
    school = {"name": "school", "wkt": point(0, 0), "height_m": 50.0}
    rules = {"sensitive": [school], "assumptions": {"clear_m": 0.0}}
    scenario = build(data, rules, technologies=[technology])
    assert site_ids(scenario) == {"s1"}
    (out,) = scenario.excluded
    assert (out.reason, out.by) == (Reason.EXPOSURE, "school")
    assert out.permitted == pytest.approx(permitted)
    assert out.amount == pytest.approx(permitted * (radius / (radius - 0.5)) ** 2, rel=1e-6)


def test_a_building_below_the_beam_is_nearer_than_a_disc_would_say(
    littletown: PlanningData,
) -> None:
    """The slant distance counts: a hut of 3 m at 200 m from 30 m of mast keeps the limit."""
    radius = float(np.sqrt(10**7.7 / 1e3 / (4 * np.pi * 0.08)))
    flat = float(np.sqrt(radius**2 - 27.0**2))
    data = with_sites(littletown, np.array([[flat - 0.5, 0.0], [flat + 0.5, 0.0]]))
    hut = {"name": "hut", "wkt": point(0, 0), "height_m": 3.0}
    assert site_ids(build(data, {"sensitive": [hut]}, technologies=["macro-n41"])) == {"s1"}


def test_a_direction_away_from_a_school_is_left(littletown: PlanningData) -> None:
    """One sector that looks at a school is out, the same sector turned round stays."""
    data = aimed(littletown, sectors=1, turns_deg=(90.0, 270.0), tilts_deg=(0.0,))
    data = with_sites(data, np.array([[500.0, 500.0]]))
    school = {"name": "school", "wkt": box(560, 480, 600, 520), "height_m": 29.0}
    scenario = build(
        data, {"sensitive": [school]}, technologies=["macro-n41"], coverage_model="sectors"
    )
    assert scenario.options.turn_deg.tolist() == [270.0]
    assert scenario.excluded[0].options == 1


def test_the_check_works_without_any_terrain(littletown: PlanningData) -> None:
    """On level ground and on ground that is given both sides say the same."""
    rules = {
        "runways": [FAR],
        "ground_elevation_m": 20.0,
        "sensitive": [{"name": "s", "wkt": box(480, 520, 520, 540), "height_m": 31.0}],
    }
    accepted = rule_of(build(littletown, rules), build(littletown))
    left = site_ids(build(littletown, rules))
    assert 0 < np.count_nonzero(accepted) < len(accepted)
    assert "s0" not in left


def test_all_antennas_of_a_station_are_on_air(littletown: PlanningData) -> None:
    """Twelve antennas that overlap expose a place to the sum of all, at sqrt(12) the distance."""
    data = aimed(
        littletown, sectors=12, turns_deg=(0.0,), tilts_deg=(0.0,), horizontal_beamwidth_deg=360.0,
        vertical_beamwidth_deg=360.0, front_to_back_db=0.0, side_lobe_db=0.0,
    )  # fmt: skip
    radius = float(np.sqrt(12 * 10**7.7 / 1e3 / (4 * np.pi * 0.08)))
    data = with_sites(data, np.array([[radius - 0.5, 0.0], [radius + 0.5, 0.0]]))
    asked = {"technologies": ["macro-n41"], "coverage_model": "sectors"}
    school = {"name": "school", "wkt": point(0, 0), "height_m": 50.0}
    ruled = build(data, {"sensitive": [school]}, **asked)
    assert site_ids(ruled) == {"s1"}
    assert rule_of(ruled, build(data, **asked)).tolist() == [False, True]


@pytest.mark.parametrize(("roof_m", "away_m", "out"), [(31, 29, 1), (31, 31, 0), (29, 29, 0)])
def test_no_sensitive_building_within_30_m_is_higher_than_the_antenna(
    littletown: PlanningData, roof_m: float, away_m: float, out: int
) -> None:
    """The rule of YD 5039-2009 as it is quoted: higher than the antenna, within 30 m."""
    data = with_sites(littletown, np.array([[away_m, 0.0], [1500.0, 0.0]]))
    school = {"name": "school", "wkt": box(-20, -20, 0, 20), "height_m": roof_m}
    quiet = {"duty": 0.0}
    scenario = build(data, {"sensitive": [school], "assumptions": quiet},
                     technologies=["macro-n41"])  # fmt: skip
    assert [item.reason for item in scenario.excluded] == [Reason.HIGHER_BUILDING] * out
    if out:
        assert scenario.excluded[0].amount == pytest.approx(1.0)


def test_terrain_lifts_a_school_over_an_antenna(littletown: PlanningData) -> None:
    """A school of 12 m on a hill of 20 m is higher than a mast of 30 m beside the hill."""
    data = with_sites(littletown, np.array([[490.0, 550.0], [1500.0, 0.0]]))
    school = {"name": "school", "wkt": box(505, 540, 520, 560), "height_m": 12.0}
    rules = {"sensitive": [school], "assumptions": {"duty": 0.0}}
    level = dataclasses.replace(data, terrain=hills(20.0))
    hill = dataclasses.replace(data, terrain=hills(20.0, peak_m=20.0))
    assert site_ids(build(level, rules)) == {"s0", "s1"}
    assert reasons(build(hill, rules)) == {"s0": Reason.HIGHER_BUILDING}


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0.01, 0.5), more=st.floats(0.0, 0.5), gain=st.floats(-10, 10))
def test_a_greater_share_of_the_limit_never_removes_an_option(
    littletown: PlanningData, share: float, more: float, gain: float
) -> None:
    """What a stricter limit leaves, a looser one leaves, too."""
    left = []
    for limit_share in (share, share + more):
        rules = {
            "sensitive": [{"name": "s", "wkt": box(900, 900, 1100, 960), "height_m": 25.0}],
            "assumptions": {"limit_share": limit_share, "traffic_gain_db": gain},
        }
        left.append(kept(build(littletown, rules)))
    assert left[0] <= left[1]


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    model=st.sampled_from(list(CoverageModel)),
    elevation=st.floats(0, 60),
    duty=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_decision_and_independent_check_agree_on_every_option(
    littletown: PlanningData, seed: int, model: CoverageModel, elevation: float, duty: float
) -> None:
    """Two ways to compute every rule: what one leaves out the other finds broken, no more."""
    rng = np.random.default_rng(seed)
    # the last site is out of reach of everything, so that an option is left
    places = np.vstack([rng.uniform(200.0, 1800.0, (12, 2)), [[900.0, 9_000.0]]])
    data = with_sites(littletown, places)
    data = aimed(data, turns_deg=(0.0, 60.0), tilts_deg=(3.0, 9.0))
    data = dataclasses.replace(data, terrain=hills(20.0, peak_m=30.0))
    lake = shapely.transform(
        shapely.box(*rng.uniform(0, 900, 2), 1000, 1000), lambda xy: xy + ORIGIN
    )
    area = dataclasses.replace(data.study_area, water=lake)
    data = dataclasses.replace(data, study_area=area)
    west, south = rng.uniform(0, 1500, 2)
    rules = {
        "areas": [{"name": "a", "wkt": box(west, south, west + 300, south + 300), "buffer_m": 60}],
        "runways": [runway((0.0, -900.0), (2_000.0, -1_200.0), elevation)],
        "sensitive": [
            {
                "name": f"school {number}",
                "wkt": box(x, y, x + 60, y + 40),
                "height_m": float(rng.uniform(3, 40)),
            }
            for number, (x, y) in enumerate(rng.uniform(0, 1900, (4, 2)))
        ],
        "ground_elevation_m": 20.0,
        "assumptions": {"clear_m": 250.0, "duty": duty},
    }
    free = build(data, coverage_model=model.value)
    ruled = build(data, rules, coverage_model=model.value)
    lowered = {(item.site, item.technology): item.height_m for item in ruled.lowered}
    keys = list(zip(free.options.site.tolist(), free.options.technology.tolist(), strict=True))
    heights = [lowered.get(key, h) for key, h in zip(keys, free.options.height_m, strict=True)]
    standing = dataclasses.replace(free.options, height_m=np.array(heights))
    accepted = rule_of(ruled, free.replace(options=standing))
    aims = zip(keys, free.options.turn_deg, free.options.tilt_deg, strict=True)
    assert kept(ruled) == {
        (*key, turn, tilt) for (key, turn, tilt), good in zip(aims, accepted, strict=True) if good
    }
