"""The equipment library: complete, honest about its origin, and of plausible reach."""

from __future__ import annotations

import dataclasses

import pytest

from siting.datasets import standards, technologies
from siting.radio.link_budget import service_range_m, standard_problems, technology_problems
from siting.sites import SiteKind
from siting.technology import Propagation

TECHNOLOGIES = {item.id: item for item in technologies()}
STANDARDS = {item.id: item for item in standards()}

#: Range [m] at the usual height by quality-outdoor, basic-outdoor and basic-indoor. A change here
#: changes every plan: it belongs in the changelog.
RANGES_M = {
    ("macro-n41", 25.0): (308.6, 554.1, 210.6),
    ("macro-n78", 25.0): (265.6, 476.2, 177.9),
    ("micro-n78", 10.0): (80.9, 147.3, 60.8),
    ("wide-n28", 35.0): (1075.3, 1836.8, 1074.2),
}


def test_the_library_holds_what_scenarios_name() -> None:
    """Six technologies and four standards, under the ids documents use."""
    assert set(TECHNOLOGIES) == {
        "macro-n41",
        "macro-n78",
        "macro6-n41",
        "macro6-n78",
        "micro-n78",
        "wide-n28",
    }
    assert set(STANDARDS) == {
        "quality-outdoor",
        "basic-outdoor",
        "basic-indoor",
        "quality-indoor",
    }


def test_equipment_stands_where_it_can() -> None:
    """Macros on towers and roofs, small cells on poles, the wide-area band on towers only."""
    towers_and_roofs = (SiteKind.TOWER, SiteKind.ROOFTOP)
    assert {name: item.hosts for name, item in TECHNOLOGIES.items()} == {
        "macro-n41": towers_and_roofs,
        "macro-n78": towers_and_roofs,
        "macro6-n41": towers_and_roofs,
        "macro6-n78": towers_and_roofs,
        "micro-n78": (SiteKind.STREET_POLE,),
        "wide-n28": (SiteKind.TOWER,),
    }


@pytest.mark.parametrize("item", [*TECHNOLOGIES.values(), *STANDARDS.values()])
def test_every_entry_is_named_in_two_languages_and_says_what_it_rests_on(item: object) -> None:
    """No figure of the library is published by an operator, and each entry says so."""
    assert any("\u4e00" <= letter <= "\u9fff" for letter in getattr(item, "name_zh", ""))
    assert getattr(item, "name_en", "").isascii() or "≥" in getattr(item, "name_en", "")
    assert getattr(item, "source", "").startswith("assumption; ")


def test_everything_in_the_library_can_be_predicted() -> None:
    """At its highest mounting each technology is within its model's validity."""
    for technology in TECHNOLOGIES.values():
        assert technology_problems(technology, technology.max_height_m) == []
    for standard in STANDARDS.values():
        assert standard_problems(standard) == []


@pytest.mark.parametrize("band", ["n41", "n78"])
def test_six_sectors_differ_from_three_in_number_and_cost_alone(band: str) -> None:
    """Carrier, power and reach are the same; the cost lies between one and two of three sectors."""
    three, six = TECHNOLOGIES[f"macro-{band}"], TECHNOLOGIES[f"macro6-{band}"]
    assert (three.sectors, six.sectors) != (None, None)
    names = {"id", "name_zh", "name_en", "cost_cny", "source", "sectors"}
    for field in dataclasses.fields(three):
        if field.name not in names:
            assert getattr(three, field.name) == getattr(six, field.name), field.name
    assert three.cost_cny < six.cost_cny <= 2 * three.cost_cny
    assert six.sectors is not None
    assert six.sectors.sectors == 6


@pytest.mark.parametrize(("name", "height_m"), RANGES_M)
def test_ranges_have_not_moved(name: str, height_m: float) -> None:
    """Every range of the library at the usual height, within 10 cm."""
    reach = tuple(
        float(service_range_m(TECHNOLOGIES[name], STANDARDS[standard], height_m))
        for standard in ("quality-outdoor", "basic-outdoor", "basic-indoor")
    )
    assert reach == pytest.approx(RANGES_M[name, height_m], abs=0.1)


def test_lower_bands_reach_farther() -> None:
    """700 MHz beyond 2.6 GHz beyond 3.5 GHz beyond the small cell, by every standard."""
    reach = {key[0]: value for key, value in RANGES_M.items()}
    for column in range(3):
        order = [reach[name][column] for name in ("wide-n28", "macro-n41", "macro-n78")]
        assert order == sorted(order, reverse=True)
        assert reach["micro-n78"][column] < order[-1]


def test_the_wide_band_is_planned_at_the_frequency_it_transmits() -> None:
    """Band n28 sends downlink between 758 and 803 MHz; 700 MHz is only its name."""
    wide = TECHNOLOGIES["wide-n28"]
    assert wide.propagation is Propagation.RMA
    assert 758.0 + wide.bandwidth_mhz / 2 <= wide.frequency_mhz <= 803.0 - wide.bandwidth_mhz / 2
