"""Best server: the strongest of the chosen stations, point by point."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from siting.coverage import build_coverage
from siting.errors import InputError
from siting.radio.link_budget import ss_rsrp_exceeded_dbm
from siting.radio.prediction import best_server
from siting.scenario import PlanningData, Scenario
from siting.technology import Penetration, enumerate_options


@pytest.fixture
def scenario(littletown: PlanningData) -> Scenario:
    """All options of Littletown by both of its standards."""
    return Scenario(
        name="littletown",
        data=littletown,
        technologies=littletown.technologies,
        standards=littletown.standards,
        options=enumerate_options(littletown.sites, littletown.technologies),
        targets=(),
    )


def levels_pair_by_pair(
    scenario: Scenario, selected: npt.NDArray[np.intp], heard_m: float, probability: float
) -> npt.NDArray[np.float64]:
    """Compute the level of every selected option at every point, -inf beyond `heard_m`."""
    rows = []
    for option in selected:
        place = scenario.data.sites.xy[scenario.options.site[option]]
        distance = np.hypot(*(scenario.data.demand.xy - place).T)
        level = ss_rsrp_exceeded_dbm(
            scenario.technologies[scenario.options.technology[option]],
            np.minimum(distance, 5000.0),
            antenna_height_m=scenario.options.height_m[option],
            probability=probability,
        )
        rows.append(np.where(distance <= heard_m, level, -np.inf))
    return np.array(rows)


@pytest.mark.parametrize("probability", [0.5, 0.95])
def test_level_and_server_agree_with_every_pair(scenario: Scenario, probability: float) -> None:
    """The level is that of the strongest pair within 0.02 dB, its station among the strongest."""
    selected = np.arange(0, len(scenario.options), 2)
    best = best_server(scenario, selected, probability=probability, heard_m=700.0)
    every = levels_pair_by_pair(scenario, selected, 700.0, probability)
    heard = np.isfinite(every).any(axis=0)
    assert not heard.all()
    assert heard.any()
    assert np.array_equal(best.option >= 0, heard)
    assert np.array_equal(np.isfinite(best.ss_rsrp_dbm), heard)
    assert best.ss_rsrp_dbm[heard] == pytest.approx(every.max(axis=0)[heard], abs=0.02)
    row = np.searchsorted(selected, best.option[heard])
    assert every[row, np.flatnonzero(heard)] == pytest.approx(every.max(axis=0)[heard], abs=0.04)


def test_the_map_of_levels_and_the_coverage_tell_the_same(scenario: Scenario) -> None:
    """Covered by a standard is where the level exceeded at its probability is its threshold."""
    standard = scenario.standards[0]
    covered = build_coverage(scenario).by_standard[standard.id].sum(axis=1) > 0
    best = best_server(
        scenario,
        np.arange(len(scenario.options)),
        probability=standard.area_probability,
        penetration=standard.penetration,
    )
    clear = np.abs(best.ss_rsrp_dbm - standard.min_ss_rsrp_dbm) > 0.02
    assert clear.mean() > 0.9
    reached = best.ss_rsrp_dbm >= standard.min_ss_rsrp_dbm
    assert np.array_equal(covered[clear], reached[clear])


def test_of_equal_stations_the_lower_index_serves(scenario: Scenario) -> None:
    """Two like options at one place: the first is named, whatever order they are asked in."""
    options = scenario.options
    twice = dataclasses.replace(
        options,
        site=np.repeat(options.site[:1], 2),
        technology=np.repeat(options.technology[:1], 2),
        height_m=np.repeat(options.height_m[:1], 2),
        cost_cny=np.repeat(options.cost_cny[:1], 2),
    )
    best = best_server(scenario.replace(options=twice), [1, 0, 1])
    assert set(best.option.tolist()) == {0}


def test_another_station_never_weakens_a_point(scenario: Scenario) -> None:
    """Adding a station raises or keeps the level everywhere."""
    few, more = (best_server(scenario, np.arange(count)) for count in (3, 6))
    assert (np.nan_to_num(more.ss_rsrp_dbm, nan=-999) >= np.nan_to_num(few.ss_rsrp_dbm, nan=-999))[
        np.isfinite(few.ss_rsrp_dbm)
    ].all()


def test_indoors_the_level_is_lower(scenario: Scenario) -> None:
    """A wall takes away more than its 10 dB on every point."""
    every = np.arange(len(scenario.options))
    outdoors = best_server(scenario, every)
    indoors = best_server(scenario, every, penetration=Penetration.LOW_LOSS)
    assert (outdoors.ss_rsrp_dbm - indoors.ss_rsrp_dbm > 10.0).all()


def test_nothing_chosen_is_heard_nowhere(scenario: Scenario) -> None:
    """An empty plan leaves every point without level and without server."""
    best = best_server(scenario, [])
    assert np.isnan(best.ss_rsrp_dbm).all()
    assert (best.option == -1).all()


@pytest.mark.parametrize("selected", [[0, 99], [-1], [0.5], [True, False]])
def test_selections_that_are_no_indices_are_refused(
    scenario: Scenario, selected: list[float]
) -> None:
    """Out of range, negative, fractional, or a mask."""
    with pytest.raises(InputError, match="selected"):
        best_server(scenario, selected)


def test_stations_cannot_be_heard_beyond_the_model(scenario: Scenario) -> None:
    """More than 5 km is refused."""
    with pytest.raises(InputError, match="heard_m"):
        best_server(scenario, [0], heard_m=6000.0)
