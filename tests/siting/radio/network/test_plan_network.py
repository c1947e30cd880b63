"""The cells of a plan: which sector of which station points where."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from siting.errors import InputError
from siting.radio.antenna import ELEMENT_LIMIT_DB, sector_pattern
from siting.radio.network.cells import OMNI
from siting.radio.network.plan_network import plan_cells, plan_stations, station_cells
from siting.scenario import PlanningData, Scenario
from siting.technology import CoverageModel, SectorLayout, enumerate_options

LAYOUT = SectorLayout(
    sectors=3, turns_deg=(20.0, 250.0), tilts_deg=(4.0, 8.0), horizontal_beamwidth_deg=60.0
)


def asked(data: PlanningData, model: CoverageModel) -> Scenario:
    """Ask for every option; macro stations have three sectors, small cells none."""
    macro, micro = data.technologies
    technologies = (dataclasses.replace(macro, sectors=LAYOUT), micro)
    return Scenario(
        name="cells",
        data=data,
        technologies=technologies,
        standards=data.standards,
        coverage_model=model,
        options=enumerate_options(data.sites, technologies, model),
        targets=(),
    )


def test_every_sector_of_every_station_is_a_cell(littletown: PlanningData) -> None:
    """Cell by cell, a plain loop over the options says the same."""
    scenario = asked(littletown, CoverageModel.SECTORS)
    selected = np.array([len(scenario.options) - 1, 3, 0, 9])
    cells, option = plan_cells(scenario, selected)
    expected = []
    for number in selected.tolist():
        technology = int(scenario.options.technology[number])
        turn = float(scenario.options.turn_deg[number])
        aims = [(turn + 120.0 * k) % 360.0 for k in range(3)] if technology == 0 else [0.0]
        expected += [(number, technology, aim) for aim in aims]
    assert {technology for _, technology, _ in expected} == {0, 1}
    assert option.tolist() == [number for number, _, _ in expected]
    assert cells.technology.tolist() == [technology for _, technology, _ in expected]
    np.testing.assert_allclose(cells.azimuth_deg, [aim for _, _, aim in expected])
    np.testing.assert_array_equal(cells.tilt_deg, scenario.options.tilt_deg[option])
    np.testing.assert_array_equal(cells.height_m, scenario.options.height_m[option])
    np.testing.assert_array_equal(cells.xy, littletown.sites.xy[scenario.options.site[option]])
    assert not cells.problems()


def test_each_technology_has_the_antenna_of_its_layout(littletown: PlanningData) -> None:
    """Sectors take the layout's beam, small cells radiate alike in every direction."""
    scenario = asked(littletown, CoverageModel.SECTORS)
    cells, _ = plan_cells(scenario, np.arange(len(scenario.options)))
    beam = sector_pattern(
        horizontal_beamwidth_deg=60.0,
        vertical_beamwidth_deg=LAYOUT.vertical_beamwidth_deg,
        side_lobe_db=LAYOUT.side_lobe_db,
        front_to_back_db=ELEMENT_LIMIT_DB,
    )
    macro = cells.patterns[int(cells.pattern[cells.technology == 0][0])]
    np.testing.assert_array_equal(macro.horizontal_db, beam.horizontal_db)
    np.testing.assert_array_equal(macro.vertical_db, np.minimum(beam.vertical_db, 20.0))
    assert {cells.patterns[k].name for k in cells.pattern[cells.technology == 1]} == {OMNI.name}


def test_a_plan_by_distance_radiates_alike_in_every_direction(littletown: PlanningData) -> None:
    """Its stations are discs, whatever antennas the technology could have: one cell each."""
    scenario = asked(littletown, CoverageModel.DISTANCE)
    cells, option = plan_cells(scenario, np.arange(len(scenario.options)))
    np.testing.assert_array_equal(option, np.arange(len(scenario.options)))
    assert {cells.patterns[k].name for k in cells.pattern} == {OMNI.name}
    assert not cells.azimuth_deg.any()


def test_stations_of_one_site_share_its_number(littletown: PlanningData) -> None:
    """A site keeps one number over all its technologies; another site has another."""
    scenario = asked(littletown, CoverageModel.DISTANCE)
    stations = plan_stations(scenario, np.arange(len(scenario.options)))
    cells, station = station_cells(stations)
    names = np.array(stations.site)[station]
    for name in set(stations.site):
        assert len(set(cells.site[names == name].tolist())) == 1
    assert len(set(cells.site.tolist())) == len(set(stations.site))


def test_no_option_no_cell_and_an_unknown_one_is_refused(littletown: PlanningData) -> None:
    """An empty plan is an empty network; an index beyond the options is named."""
    scenario = asked(littletown, CoverageModel.SECTORS)
    cells, option = plan_cells(scenario, [])
    assert len(cells) == len(option) == 0
    with pytest.raises(InputError, match="2 of 3 name no option"):
        plan_cells(scenario, [-1, 0, len(scenario.options)])
