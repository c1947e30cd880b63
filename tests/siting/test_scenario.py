"""Scenarios: what a document names is looked up whole or refused whole, and has an identity."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from siting.errors import ScenarioError
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ScenarioSpec
from siting.technology import enumerate_options

DOCUMENT: dict[str, Any] = {
    "name": "littletown",
    "stations": 4,
    "targets": [
        {"kinds": ["airport"], "standard": "quality-outdoor", "required_fraction": 0.9},
        {"kinds": ["district"], "standard": "basic-indoor", "required_fraction": 0.2},
    ],
    "objective": {"standard": "basic-indoor"},
}


def build(data: PlanningData, **changes: Any) -> Scenario:
    """Build the base document with some fields changed."""
    return build_scenario(ScenarioSpec.parse({**DOCUMENT, **changes}), data)


def places(data: PlanningData, **changes: Any) -> list[str]:
    """Return where each fault of a changed document lies."""
    with pytest.raises(ScenarioError) as caught:
        build(data, **changes)
    return [problem.where for problem in caught.value.problems]


def test_options_are_every_technology_a_site_can_host(littletown: PlanningData) -> None:
    """Towers host both, rooftops the macro only, poles the small cell; ordered by site."""
    options = enumerate_options(littletown.sites, littletown.technologies)
    pairs = list(zip(options.site.tolist(), options.technology.tolist(), strict=True))
    assert pairs == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (3, 0), (4, 0), (4, 1), (5, 1)]
    assert options.height_m.tolist() == [30, 10, 30, 10, 25, 25, 30, 10, 10]
    assert options.cost_cny[:2].tolist() == [180_000, 40_000]


def test_a_kind_stands_for_all_its_zones(littletown: PlanningData) -> None:
    """Two districts and one airfield make three targets, in the order of the document."""
    scenario = build(littletown)
    assert [target.zone_id for target in scenario.targets] == ["airfield", "west", "east"]
    assert [standard.id for standard in scenario.standards] == ["quality-outdoor", "basic-indoor"]


def test_all_faults_come_in_one_answer(littletown: PlanningData) -> None:
    """Unknown zone, kind without zones, standard, weight, technology and site: all named."""
    faults = places(
        littletown,
        targets=[
            {"zones": ["nowhere"], "standard": "best", "required_fraction": 1},
            {
                "kinds": ["park"],
                "standard": "basic-indoor",
                "weight": "cars",
                "required_fraction": 1,
            },
        ],
        technologies=["macro-n41", "6g"],
        locked_sites=["s0", "s99"],
        forbidden_sites=["s0"],
    )
    assert sorted(faults) == sorted(
        [
            "targets[0].zones",
            "targets[0].standard",
            "targets[1].kinds",
            "targets[1].weight",
            "technologies[1]",
            "locked_sites",
            "locked_sites",
        ]
    )


def test_one_zone_cannot_have_two_fractions_of_the_same_target(littletown: PlanningData) -> None:
    """The same zone, standard and weight with two fractions is a contradiction, not last-wins."""
    twice = [
        {"zones": ["west"], "standard": "basic-indoor", "required_fraction": 0.5},
        {"kinds": ["district"], "standard": "basic-indoor", "required_fraction": 0.6},
    ]
    assert places(littletown, targets=twice) == ["targets[1]"]


def test_an_objective_needs_a_number_of_stations(littletown: PlanningData) -> None:
    """'Serve the most' without a limit has no meaning and is refused."""
    assert places(littletown, stations=None) == ["stations"]


def test_a_scenario_that_asks_nothing_is_refused(littletown: PlanningData) -> None:
    """Neither targets nor an objective leaves nothing to plan."""
    assert places(littletown, targets=[], objective=None) == ["targets"]


def test_forbidden_sites_leave_no_option_and_none_left_is_a_fault(littletown: PlanningData) -> None:
    """A forbidden site loses its options; forbidding all is refused."""
    scenario = build(littletown, forbidden_sites=["s0"])
    assert 0 not in scenario.options.site
    assert places(littletown, forbidden_sites=list(littletown.sites.id)) == ["sites"]


def test_identity_follows_what_can_change_the_plan(littletown: PlanningData) -> None:
    """Names do not change the hash; seed, target, cost and one moved site do."""
    base = build(littletown).hash
    assert build(littletown, name="another").hash == base
    moved = littletown.sites.xy.copy()
    moved[3, 0] += 0.001
    dearer = littletown.sites.fixed_cost_cny.copy()
    dearer[0] += 1
    variants = [
        build(littletown, solve={"seed": 1}),
        build(littletown, stations=5),
        build(littletown, targets=DOCUMENT["targets"][:1]),
        build(
            dataclasses.replace(littletown, sites=dataclasses.replace(littletown.sites, xy=moved))
        ),
        build(
            dataclasses.replace(
                littletown, sites=dataclasses.replace(littletown.sites, fixed_cost_cny=dearer)
            )
        ),
    ]
    hashes = {scenario.hash for scenario in variants}
    assert len(hashes) == len(variants)
    assert base not in hashes


def test_a_variant_has_its_own_identity(littletown: PlanningData) -> None:
    """`replace` never carries the hash of the scenario it came from."""
    scenario = build(littletown)
    assert scenario.hash != scenario.replace(stations=5).hash
    assert scenario.replace(name="x").hash == scenario.hash


def test_zone_membership_is_by_cell_centre(littletown: PlanningData) -> None:
    """The airfield of 800 m x 800 m holds 64 cells, half of them in each district."""
    cells = littletown.demand.in_zone("airfield")
    assert len(cells) == 64
    assert np.isin(cells, littletown.demand.in_zone("west")).sum() == 32
    with pytest.raises(KeyError):
        littletown.demand.in_zone("nowhere")
