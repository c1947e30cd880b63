"""From a document to a verified plan and its files: exclusions all the way."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyogrio
import pytest
from openpyxl import load_workbook
from town_shapes import box, build, document, point, runway, site_ids

from siting.coverage import build_coverage
from siting.errors import ScenarioError, VerificationError
from siting.exclusions import Reason
from siting.io.plan_files import write_outputs
from siting.io.scenario_file import parse_scenario
from siting.plan import Plan
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.report import facts_of, honesty_lines, plan_tables
from siting.report.document import report_markdown
from siting.report.exclusion_blocks import exclusions_grid
from siting.scenario import PlanningData, Scenario, build_scenario

MOMENT = datetime(2026, 11, 30, 4, 0, tzinfo=UTC)
#: Closes s0; lowers s3 (25 m wanted, on ground at 37 m under 65 m) and s1; spares a school by s2.
TOML = f"""
name = "little"
dataset = "littletown"
stations = 4

[[targets]]
zones = ["airfield"]
standard = "quality-outdoor"
required_fraction = 0.35

[objective]
standard = "basic-indoor"

[exclusions]
ground_elevation_m = 37.0

[[exclusions.areas]]
name = "湿地 reserve"
wkt = "{box(300, 300, 600, 600)}"
buffer_m = 50.0
source = "made for the tests"
provenance = "synthetic"

[[exclusions.runways]]
name = "airfield"
end_a = {runway((-1000, -1000), (3000, -1000))["end_a"]}
end_b = {runway((-1000, -1000), (3000, -1000))["end_b"]}
aerodrome_elevation_m = 20.0

[[exclusions.sensitive]]
name = "学校 school"
kind = "school"
wkt = "{box(540, 1480, 560, 1520)}"
height_m = 15.0

[exclusions.assumptions]
traffic_gain_db = 0.0
""".replace("'", "").replace("{lon: ", "{ lon = ")


def toml() -> str:
    """Return the document with inline tables as TOML writes them."""
    return re.sub(r"(lon|lat|elevation_m): ", r"\1 = ", TOML)


@pytest.fixture(scope="module")
def ruled(littletown: PlanningData) -> tuple[Scenario, Plan]:
    """Return Littletown with every kind of rule, and its verified plan."""
    scenario = build_scenario(parse_scenario(toml()), littletown)
    plan = plan_scenario(scenario)
    verify_plan(scenario, plan)
    return scenario, plan


def test_a_document_leads_to_a_plan_that_keeps_its_rules(ruled: tuple[Scenario, Plan]) -> None:
    """Area, surface and school each take or lower what they should, and the plan builds the rest.

    Left by the surface: 65 m - 37 m - 5 m = 23 m.
    """
    scenario, plan = ruled
    ids = scenario.data.sites.id
    assert {(ids[item.site], item.reason) for item in scenario.excluded} == {
        ("s0", Reason.AREA),
        ("s2", Reason.EXPOSURE),
    }
    assert {ids[item.site]: item.height_m for item in scenario.lowered} == {
        "s1": 23.0, "s3": 23.0, "s4": 23.0,
    }  # fmt: skip
    assert site_ids(scenario) == {"s1", "s3", "s4", "s5"}
    assert plan.stations >= 3
    heights = scenario.options.height_m[plan.selected]
    assert heights.max() == 23.0


def test_rules_that_touch_nothing_change_nothing(littletown: PlanningData) -> None:
    """The same options are the same question: same identity, with rules or without."""
    free = build(littletown)
    area = {"name": "a", "wkt": box(0, 0, 10, 10)}
    assert build(littletown, {"areas": [area]}).hash == free.hash
    closed = build(littletown, {"areas": [area | {"buffer_m": 800.0}]})
    assert closed.hash != free.hash
    renamed = build(littletown, {"areas": [area | {"buffer_m": 800.0, "name": "b"}]})
    assert renamed.hash == closed.hash


def test_a_lowered_antenna_is_another_question(littletown: PlanningData) -> None:
    """Options stay, heights change, and with them the identity."""
    strip = runway((-1_000.0, -1_000.0), (3_000.0, -1_000.0))
    rules = {"runways": [strip], "ground_elevation_m": 37.0}
    free, low = build(littletown), build(littletown, rules)
    assert len(free.options) == len(low.options)
    assert free.hash != low.hash


def test_a_locked_site_that_is_closed_is_named_with_the_reason(littletown: PlanningData) -> None:
    """The fault names the site, the area, and both distances."""
    with pytest.raises(ScenarioError) as raised:
        build(
            littletown,
            {"areas": [{"name": "reserve", "wkt": box(300, 300, 480, 600), "buffer_m": 50.0}]},
            locked_sites=["s0", "s1"],
        )
    (problem,) = raised.value.problems
    assert problem.where == "locked_sites"
    assert "'s0'" in problem.what
    assert "'reserve' (20 m against 50 m)" in problem.what


def test_rules_that_leave_nothing_are_a_fault(littletown: PlanningData) -> None:
    """When no option is left the planner hears by which reasons."""
    with pytest.raises(ScenarioError) as raised:
        build(littletown, {"areas": [{"name": "all", "wkt": box(-1, -1, 2001, 2001)}]})
    (problem,) = raised.value.problems
    assert (problem.where, "area 9" in problem.what) == ("exclusions", True)


def test_the_verifier_refuses_stations_where_none_may_stand(
    littletown: PlanningData, ruled: tuple[Scenario, Plan]
) -> None:
    """A plan that is good without the rules is refused under them, station by station.

    It builds at closed s0, higher than the surface allows, and beside the school.
    """
    everywhere = ["s0", "s1", "s2", "s3", "s4"]
    free = build(littletown, technologies=["macro-n41"], locked_sites=everywhere, stations=5)
    plan = plan_scenario(free)
    verify_plan(free, plan)
    assert plan.stations == 5
    with pytest.raises(VerificationError) as raised:
        verify_plan(free.replace(exclusions=ruled[0].exclusions), plan)
    said = str(raised.value)
    assert "macro-n41 at s0: stands 0.0 m from '湿地 reserve'" in said
    assert "macro-n41 at s1: reaches 72.0 m above sea level, 'airfield' leaves 65.0 m" in said
    assert "macro-n41 at s2: exposes '学校 school'" in said


@pytest.mark.parametrize(
    ("height_m", "said"),
    [(23.5, "reaches 65.5 m"), (31.0, "higher than the 30 m it can"), (14.5, "lower than the")],
)
def test_the_verifier_refuses_a_height_that_no_rule_gives(
    ruled: tuple[Scenario, Plan], height_m: float, said: str
) -> None:
    """An option raised over the surface, over its mast, or under the least height is found."""
    scenario, plan = ruled
    heights = scenario.options.height_m.copy()
    tall = plan.selected[np.argmax(heights[plan.selected])]
    heights[tall] = height_m
    spoilt = scenario.replace(options=dataclasses.replace(scenario.options, height_m=heights))
    with pytest.raises(VerificationError, match=said):
        verify_plan(spoilt, dataclasses.replace(plan, scenario_hash=spoilt.hash))


def test_the_verifier_asks_for_ground_that_nobody_knows(ruled: tuple[Scenario, Plan]) -> None:
    """Rules that lost their ground elevation cannot be checked, and that is said."""
    scenario, plan = ruled
    assert scenario.exclusions is not None
    lost = dataclasses.replace(scenario.exclusions, ground_elevation_m=None)
    with pytest.raises(VerificationError, match="ground that nobody knows"):
        verify_plan(scenario.replace(exclusions=lost), plan)


def test_origins_tell_of_made_up_shapes(ruled: tuple[Scenario, Plan]) -> None:
    """Shapes count as a layer of the plan's data: one is synthetic, two are approximate."""
    scenario, plan = ruled
    shares = {"synthetic": pytest.approx(1 / 3), "approximate": pytest.approx(2 / 3)}
    assert plan.provenance["exclusions"] == shares
    spoilt = {name: by for name, by in plan.provenance.items() if name != "exclusions"}
    with pytest.raises(VerificationError, match="provenance"):
        verify_plan(scenario, dataclasses.replace(plan, provenance=spoilt))


def test_report_and_sentences_say_what_was_left_out(ruled: tuple[Scenario, Plan]) -> None:
    """Both languages give counts by reason, what was lowered, and every assumption."""
    scenario, plan = ruled
    coverage = build_coverage(scenario)
    tables = plan_tables(scenario, plan, coverage)
    english = "\n".join(honesty_lines(tables.facts, "en"))
    assert "leave out 3 options and close 2 sites: closed areas 2 (1 sites)" in english
    assert "lower antennas at 3 sites (3 pairs of site and technology)" in english
    assert "No water was supplied" in english
    assert "ground given as 37.0 m" in english
    assert "level ground" in english
    assert "synchronisation beams 0 dB (changed)" in english
    chinese = "\n".join(honesty_lines(tables.facts, "zh"))
    assert "排除 3 个建设选项, 2 处站址因此不可用: 禁建区 2 个" in chinese
    report = report_markdown(scenario, tables, made_at=MOMENT)
    assert "湿地 reserve" in report
    assert "YD 5039-2009, quoted second-hand" in report
    assert "| lowered | surfaces of a runway | airfield | 3 |" in report


def test_without_rules_nothing_is_said_of_them(littletown: PlanningData) -> None:
    """A question without exclusions has no sentence, table or layer about them."""
    scenario = build(littletown)
    coverage = build_coverage(scenario)
    plan = plan_scenario(scenario, coverage=coverage)
    tables = plan_tables(scenario, plan, coverage)
    assert tables.exclusions is None
    assert facts_of(scenario, plan, coverage).rules is None
    assert "onstraints" not in report_markdown(scenario, tables, made_at=MOMENT)
    assert "exclusions" not in plan.provenance


def test_rules_that_leave_nothing_out_are_said_to(littletown: PlanningData, tmp_path: Path) -> None:
    """Rules that touch nothing are told of, with shapes beyond the town; the files are written."""
    rules = {"areas": [{"name": f"a{i}", "wkt": box(3000, i, 3001, i + 1)} for i in range(8)]}
    scenario = build(littletown, rules)
    coverage = build_coverage(scenario)
    plan = plan_scenario(scenario, coverage=coverage)
    verify_plan(scenario, plan)
    lines = "\n".join(honesty_lines(facts_of(scenario, plan, coverage), "en"))
    assert "no option is left out" in lines
    assert "a5, …" in lines
    paths = write_outputs(scenario, plan, coverage, tmp_path / "out", made_at=MOMENT)
    assert len(pyogrio.read_dataframe(paths["plan.gpkg"], layer="exclusions")) == 0


def test_a_long_list_of_shapes_is_cut_in_the_report(littletown: PlanningData) -> None:
    """Twenty shapes are listed, of the others the number; the files hold all."""
    xy = np.column_stack([np.arange(24) * 80.0, np.full(24, 1000.0)])
    sites = dataclasses.replace(
        littletown.sites, xy=np.vstack([littletown.sites.xy[:1], xy + littletown.sites.xy[:1]]),
        **{
            name: [getattr(littletown.sites, name)[0]] * 25
            for name in ("kind", "owner", "district", "provenance", "source", "licence")
        },
        id=[f"s{number}" for number in range(25)],
        **{
            name: np.repeat(getattr(littletown.sites, name)[:1], 25)
            for name in ("height_m", "fixed_cost_cny", "existing", "accuracy_m")
        },
    )  # fmt: skip
    areas = [
        {"name": f"area {i}", "wkt": box(480 + 80 * i, 1480, 520 + 80 * i, 1520)} for i in range(24)
    ]
    scenario = build(dataclasses.replace(littletown, sites=sites), {"areas": areas}, stations=1)
    coverage = build_coverage(scenario)
    tables = plan_tables(scenario, plan_scenario(scenario, coverage=coverage), coverage)
    grid = exclusions_grid(tables, "en")
    assert grid is not None
    assert len(grid.rows) == 21
    assert grid.rows[-1][2] == "4 more are in the table file."
    assert tables.exclusions is not None
    assert tables.exclusions["by"].nunique() == 24


def test_files_hold_what_was_left_out(ruled: tuple[Scenario, Plan], tmp_path: Path) -> None:
    """GeoPackage and workbook list site, technology, reason and figures, where the site is."""
    scenario, plan = ruled
    paths = write_outputs(
        scenario, plan, build_coverage(scenario), tmp_path / "out", language="en", made_at=MOMENT
    )
    layer = pyogrio.read_dataframe(paths["plan.gpkg"], layer="exclusions")
    assert layer["site"].tolist() == ["s0", "s0", "s1", "s2", "s3", "s4"]
    assert layer["effect"].tolist() == ["excluded"] * 2 + ["lowered", "excluded"] + ["lowered"] * 2
    assert layer["by"].tolist()[0] == "湿地 reserve"
    low = layer[layer["effect"] == "lowered"]
    assert low["amount"].tolist() == [30.0, 25.0, 30.0]
    assert low["limit"].tolist() == [23.0] * 3
    assert np.isfinite(layer.geometry.x).all()
    sheet = load_workbook(paths["plan.xlsx"])["siting constraints"]
    assert sheet.max_row == 2 + 6
    assert sheet.cell(3, 4).value == "closed areas"
    assert "YD 5039-2009" in paths["report.html"].read_text(encoding="utf-8")


def test_exposure_counts_points_as_well_as_outlines(littletown: PlanningData) -> None:
    """A place given as a point is spared like a building; micro stations stay nearer to it."""
    place = {"name": "kindergarten", "wkt": point(1000, 1000), "height_m": 6.0}
    scenario = build(littletown, {"sensitive": [place]})
    out = {scenario.technologies[item.technology].id for item in scenario.excluded}
    assert out == {"macro-n41", "micro-n78"}
    assert "s4" not in site_ids(scenario)
    assert document({"sensitive": [place]})["exclusions"]["sensitive"] == [place]
