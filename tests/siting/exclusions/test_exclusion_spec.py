"""What a planner may write about exclusions, and every fault of it in one answer."""

from __future__ import annotations

import math
import tomllib

import pytest
import shapely
from town_shapes import box, document, point

from siting.errors import ScenarioError
from siting.exclusion_spec import ExclusionAssumptions, ExclusionsSpec, read_wkt
from siting.io.scenario_file import parse_scenario
from siting.messages import MESSAGES
from siting.spec import ScenarioSpec

END = {"lon": 114.0, "lat": 30.3, "elevation_m": 20.0}


def faults(exclusions: dict) -> dict[str, str]:
    """Return what is wrong with exclusions, by place."""
    with pytest.raises(ScenarioError) as raised:
        ScenarioSpec.parse(document(exclusions))
    return {item.where.removeprefix("exclusions."): item.what for item in raised.value.problems}


def test_every_fault_of_form_comes_in_one_answer() -> None:
    """Broken shapes, numbers that are none, missing elevations and misspelt names, all at once."""
    found = faults(
        {
            "areas": [
                {"name": "a", "wkt": "POLYGON ((1 2, 3"},
                {"name": "b", "wkt": box(0, 0, 1, 1), "buffer_m": math.nan},
                {"name": "c", "wkt": "POLYGON ((30.3 114.0, 30.4 114.0, 30.4 114.1, 30.3 114.0))"},
                {"name": "d", "wkt": "POLYGON ((114 30, 115 31, 115 30, 114 31, 114 30))"},
                {"name": "e", "wkt": point(1, 1)},
                {"name": "f", "wkt": "POLYGON EMPTY"},
                {"name": "g", "wkt": "GEOMETRYCOLLECTION (POINT (114 30))", "buffer_m": 5},
            ],
            "runways": [
                {"name": "r", "end_a": END, "end_b": {"lon": 114.0, "lat": 30.4}},
                {"name": "r", "end_a": END, "end_b": END | {"lat": math.inf}},
            ],
            "sensitive": [{"name": "s", "wkt": point(1, 1)}],
            "assumptions": {"rodd_m": 3.0, "duty": 1.5},
        }
    )
    assert {where: what.split(":")[0] for where, what in found.items()}.keys() == {
        "areas[0].wkt", "areas[1].buffer_m", "areas[2].wkt", "areas[3].wkt", "areas[4]",
        "areas[5].wkt", "areas[6].wkt", "runways[0].end_b.elevation_m",
        "runways[0].aerodrome_elevation_m", "runways[1].end_b.lat",
        "runways[1].aerodrome_elevation_m", "sensitive[0].height_m", "assumptions.rodd_m",
        "assumptions.duty",
    }  # fmt: skip
    assert "longitude first" in found["areas[2].wkt"]
    assert "Self-intersection" in found["areas[3].wkt"]
    assert "buffer_m" in found["areas[4]"]


def test_a_message_repeats_only_the_start_of_a_long_outline() -> None:
    """An outline of a thousand corners does not fill the terminal when it is broken."""
    found = faults({"areas": [{"name": "a", "wkt": "POLYGON ((" + "114 30, " * 1000}]})
    assert len(found["areas[0].wkt"]) < 500


def test_heights_in_a_shape_are_dropped() -> None:
    """A shape with a third dimension is read as its outline."""
    shape = read_wkt("POLYGON Z ((114 30 5, 115 30 5, 115 31 5, 114 30 5))")
    assert not shapely.has_z(shape)


def test_exclusions_without_more_exclude_water_alone() -> None:
    """An empty table asks for no site in water and nothing else; no table asks for nothing."""
    spec = parse_scenario('name = "x"\n[exclusions]\n')
    assert spec.exclusions == ExclusionsSpec(water=True)
    assert parse_scenario('name = "x"\n').exclusions is None


def test_toml_and_json_give_the_same_rules() -> None:
    """A document that went through JSON is the document."""
    text = f"""
        name = "x"
        [exclusions]
        water = false
        ground_elevation_m = 40.0
        [[exclusions.areas]]
        name = "reserve"
        wkt = "{box(0, 0, 100, 100)}"
        buffer_m = 50.0
        [[exclusions.runways]]
        name = "airfield"
        aerodrome_elevation_m = 20.0
        end_a = {{ lon = 114.0, lat = 30.3, elevation_m = 20.0 }}
        end_b = {{ lon = 114.1, lat = 30.3, elevation_m = 21.0 }}
        [[exclusions.sensitive]]
        name = "school"
        kind = "school"
        wkt = "{point(5, 5)}"
        height_m = 12.0
        [exclusions.assumptions]
        rod_m = 3.0
    """
    spec = parse_scenario(text)
    assert ScenarioSpec.parse(spec.model_dump(mode="json")) == spec
    assert spec == ScenarioSpec.parse(tomllib.loads(text))


def test_every_assumption_says_what_it_is_and_where_it_is_from() -> None:
    """Each figure has unit, source and words in both languages, and shows when it was changed."""
    rows = ExclusionAssumptions(rod_m=3.0).rows()
    assert [item.name for item in rows] == list(ExclusionAssumptions.model_fields)
    assert [item.name for item in rows if item.changed] == ["rod_m"]
    assert all(item.unit and item.source for item in rows)
    assert all(f"assumption.exclusion.{item.name}" in MESSAGES for item in rows)
