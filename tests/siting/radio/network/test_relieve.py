"""Relief of overloaded cells: bands first, then sites, and never for the worse."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from siting.errors import InputError
from siting.radio.network.area_prediction import Prediction, predict
from siting.radio.network.area_report import ReportAreas, report_areas
from siting.radio.network.busy_hour.capacity import busy_hour
from siting.radio.network.busy_hour.relieve import Relief, relieve
from siting.radio.network.busy_hour.traffic import Traffic, demand_traffic
from siting.radio.network.plan_network import plan_cells
from siting.radio.network.plan_prediction import prediction_grid
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ScenarioSpec
from siting.technology import CoverageModel, SectorLayout

MACRO, MICRO = 0, 1


def town(data: PlanningData, *, six: bool = False) -> Scenario:
    """Return Littletown's options; macro stations have three sectors and two ways to turn.

    With `six`, there are stations of six sectors on the same carrier too.
    """
    macro, micro = data.technologies
    layout = SectorLayout(turns_deg=(0.0, 60.0))
    technologies = (dataclasses.replace(macro, sectors=layout), micro)
    if six:
        dense = SectorLayout(sectors=6, turns_deg=(0.0, 30.0))
        technologies += (dataclasses.replace(macro, id="macro6-n41", sectors=dense),)
    equipped = dataclasses.replace(data, technologies=technologies)
    document = {
        "name": "town",
        "coverage_model": CoverageModel.SECTORS,
        "targets": [{"zones": ["west"], "standard": "quality-outdoor", "required_fraction": 0.1}],
    }
    return build_scenario(ScenarioSpec.parse(document), equipped)


def option(scenario: Scenario, site: int, technology: int) -> int:
    """Return the first option of a technology at a site."""
    options = scenario.options
    return int(np.flatnonzero((options.site == site) & (options.technology == technology))[0])


def network(scenario: Scenario, selected: list[int]) -> Prediction:
    """Predict some options at 100 m."""
    cells, _ = plan_cells(scenario, selected)
    return predict(cells, prediction_grid(scenario.data, 100.0), threads=2, keep_surroundings=True)


def asked(scenario: Scenario, prediction: Prediction, kbps: float) -> tuple[Traffic, ReportAreas]:
    """Return the traffic of the people, and the zones."""
    traffic = demand_traffic(scenario.data.demand, prediction.grid, kbps_per_unit=kbps)
    return traffic, report_areas(prediction.grid, scenario.data.zones)


def relieved(scenario: Scenario, selected: list[int], kbps: float, **how: float) -> Relief:
    """Relieve some options."""
    prediction = network(scenario, selected)
    return relieve(scenario, selected, prediction, *asked(scenario, prediction, kbps), **how)


def test_a_second_band_at_the_site_comes_before_a_new_site(littletown: PlanningData) -> None:
    """Overloaded a little, the tower gets the small cell it can carry, its site being paid."""
    scenario = town(littletown)
    found = relieved(scenario, [option(scenario, 4, MACRO)], 100.0, carried_share=1.0)
    first = found.additions[0]
    assert (first.site, first.technology, first.opens_site) == ("s4", "micro-n78", False)
    assert first.cost_cny == 40_000


def test_relief_ends_when_every_zone_carries_what_is_asked(littletown: PlanningData) -> None:
    """Shares asked are reached, what was not carried falls with each addition, costs add up."""
    scenario = town(littletown)
    selected = [option(scenario, 4, MACRO)]
    found = relieved(scenario, selected, 100.0, carried_share=0.9)
    assert found.ended == "every zone carries what is asked"
    assert min(zone.carried_share for zone in found.before.zones) < 0.9
    assert min(zone.carried_share for zone in found.after.zones) >= 0.9
    lost = [found.before.lost_mbps, *(item.lost_mbps for item in found.additions)]
    assert all(later < sooner for sooner, later in itertools.pairwise(lost))
    options, sites = scenario.options, scenario.data.sites
    opened = set(options.site[list(found.options)].tolist()) - {4}
    cost = options.cost_cny[list(found.options)].sum() + sites.fixed_cost_cny[list(opened)].sum()
    assert found.cost_cny == cost


def test_what_relief_claims_is_what_a_prediction_of_its_options_gives(
    littletown: PlanningData,
) -> None:
    """Predicted from the start, the options with those added carry as much, within 2 %."""
    scenario = town(littletown)
    selected = [option(scenario, 4, MACRO)]
    found = relieved(scenario, selected, 100.0, carried_share=0.9)
    every = [*selected, *found.options]
    anew = network(scenario, every)
    traffic, areas = asked(scenario, anew, 100.0)
    np.testing.assert_array_equal(anew.cells.xy, found.cells.xy)
    fast = busy_hour(anew, traffic, areas, rounds=0)
    np.testing.assert_allclose(fast.lost_mbps, found.after.lost_mbps, rtol=0.02, atol=1.0)
    full = busy_hour(anew, traffic, areas, rounds=3)
    np.testing.assert_allclose(full.carried_mbps.sum(), found.after.carried_mbps.sum(), rtol=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_relief_never_worsens_and_never_doubles(littletown: PlanningData, seed: int) -> None:
    """From any start: no less is carried, no carrier is on air twice at a site."""
    scenario = town(littletown, six=True)
    rng = np.random.default_rng(seed)
    sites = rng.choice(5, 2, replace=False).tolist()
    selected = [option(scenario, site, MACRO) for site in sites]
    found = relieved(scenario, selected, 3000.0, most_trials=12)
    assert found.after.lost_mbps <= found.before.lost_mbps
    assert found.trials <= 12
    every = np.array([*selected, *found.options])
    assert len(set(scenario.options.station[every])) == len(every)


def test_a_budget_is_kept_and_nothing_is_added_where_all_is_carried(
    littletown: PlanningData,
) -> None:
    """With less than the cheapest option costs nothing is added; with little traffic nothing."""
    scenario = town(littletown)
    selected = [option(scenario, 4, MACRO)]
    poor = relieved(scenario, selected, 1500.0, budget_cny=39_999)
    assert not poor.additions
    assert poor.ended == "no single station helps any more"
    calm = relieved(scenario, selected, 1.0, carried_share=0.5)
    assert (calm.ended, calm.trials) == ("every zone carries what is asked", 0)
    prediction = network(scenario, selected)
    stopped = relieve(
        scenario, selected, prediction, *asked(scenario, prediction, 1500.0), stop=lambda: True
    )
    assert (stopped.ended, stopped.trials) == ("stopped", 0)


def test_faults_of_relief_come_together(littletown: PlanningData) -> None:
    """Another network, a share above one and a negative budget at once."""
    scenario = town(littletown)
    other = network(scenario, [option(scenario, 0, MACRO)])
    with pytest.raises(InputError) as caught:
        relieve(
            scenario,
            [option(scenario, 4, MACRO)],
            other,
            *asked(scenario, other, 100.0),
            carried_share=1.5,
            budget_cny=-1.0,
        )
    places = {problem.where for problem in caught.value.problems}
    assert places == {"prediction", "carried_share", "budget_cny"}
