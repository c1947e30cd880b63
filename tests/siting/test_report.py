"""The tables and sentences of a plan, on Littletown."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.sparse as sp
from greedy_plan import greedy_plan

from siting.coverage import Coverage
from siting.plan import Plan, Step, TargetState
from siting.report import (
    facts_of,
    headline,
    honesty_lines,
    plan_tables,
    served_demand,
    synthetic_line,
    unserved_places,
)
from siting.report.document import report_html, report_markdown
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ScenarioSpec
from siting.status import Sense, Status

MOMENT = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
SPEC = ScenarioSpec.parse(
    {
        "name": "小镇 5G",
        "stations": 3,
        "targets": [
            {"zones": ["airfield"], "standard": "quality-outdoor", "required_fraction": 0.9},
            {"zones": ["west"], "standard": "quality-outdoor", "required_fraction": 0.5},
        ],
        "objective": {"standard": "quality-outdoor", "weight": "population"},
    }
)


def disc_coverage(scenario: Scenario, reach_m: float) -> Coverage:
    """Let every option serve what lies within one radius: easy to check by hand."""
    xy, sites = scenario.data.demand.xy, scenario.data.sites.xy[scenario.options.site]
    near = reach_m >= np.hypot(*(xy[:, None, :] - sites[None, :, :]).T).T
    names = [item.id for item in scenario.standards]
    return Coverage(
        by_standard={name: sp.csr_array(near) for name in names},
        ranges_m={name: np.full(len(scenario.options), reach_m) for name in names},
    )


@pytest.fixture(scope="module")
def case(littletown: PlanningData) -> tuple[Scenario, Plan, Coverage]:
    """Return Littletown with three stations of 450 m reach."""
    scenario = build_scenario(SPEC, littletown)
    coverage = disc_coverage(scenario, 450.0)
    return scenario, greedy_plan(scenario, coverage), coverage


def test_served_and_served_alone_agree_with_counting(case: tuple) -> None:
    """Per station, served is what it reaches; alone is what no other chosen station reaches."""
    scenario, plan, coverage = case
    sites = plan_tables(scenario, plan, coverage).sites
    people = scenario.data.demand.weights["population"]
    dense = coverage.by_standard["quality-outdoor"].toarray()[:, plan.selected]
    for row in range(len(plan.selected)):
        others = np.delete(dense, row, axis=1).any(axis=1)
        assert sites["served"].iloc[row] == people[dense[:, row]].sum()
        assert sites["served_alone"].iloc[row] == people[dense[:, row] & ~others].sum()


def test_the_site_table_adds_up_to_the_plan(case: tuple) -> None:
    """One row a station; equipment and site costs sum to the plan's; districts sum to the city."""
    scenario, plan, coverage = case
    tables = plan_tables(scenario, plan, coverage)
    assert len(tables.sites) == plan.stations == tables.districts["stations"].sum()
    total = tables.sites["cost_cny"].sum() + tables.sites["site_cost_cny"].sum()
    assert total == plan.cost_cny == tables.districts["cost_cny"].sum()
    people = scenario.data.demand.weights["population"]
    served = served_demand(scenario, plan, coverage)["quality-outdoor"]
    assert tables.districts["population_served"].sum() == people[served].sum()


def test_positions_are_wgs84_and_name_their_districts(case: tuple) -> None:
    """Sites lie inside the outline of the district they are listed under."""
    tables = plan_tables(*case)
    outlines = tables.districts.set_index("district").geometry
    for _, row in tables.sites.iterrows():
        assert outlines[row["district"]].buffer(1e-9).contains(row.geometry)
    assert tables.sites.crs == "EPSG:4326"


def test_zones_repeat_the_plans_outcomes(case: tuple) -> None:
    """The zone table holds the targets in order, with unrounded values and states."""
    scenario, plan, coverage = case
    zones = plan_tables(scenario, plan, coverage).zones
    assert list(zones["zone"]) == [item.zone_id for item in plan.targets]
    assert list(zones["served"]) == [item.served for item in plan.targets]
    assert list(zones["shortfall"]) == [item.shortfall for item in plan.targets]
    assert list(zones["state"]) == [str(item.state) for item in plan.targets]


def test_unserved_places_account_for_everyone(case: tuple) -> None:
    """Places and scattered rows together hold exactly the people that are not served."""
    scenario, plan, coverage = case
    people = scenario.data.demand.weights["population"]
    served = served_demand(scenario, plan, coverage)["quality-outdoor"]
    for least in (1, 30, 100_000):
        places = unserved_places(scenario, plan, coverage, min_people=least)
        assert places["people"].sum() == people[~served].sum()
        assert places["cells"].sum() == np.count_nonzero(~served)
    assert places.geometry.is_empty.all()


def test_unserved_places_say_why(case: tuple) -> None:
    """Cells no option reaches are 'no candidate', the rest 'not chosen'."""
    scenario, plan, coverage = case
    people = scenario.data.demand.weights["population"]
    reachable = coverage.by_standard["quality-outdoor"].toarray().any(axis=1)
    places = unserved_places(scenario, plan, coverage, min_people=20)
    by_reason = places.groupby("reason")["people"].sum()
    served = served_demand(scenario, plan, coverage)["quality-outdoor"]
    assert by_reason["no_candidate"] == people[~reachable].sum()
    assert by_reason["not_chosen"] == people[reachable & ~served].sum()
    named = places[places["lon"].notna()]
    assert set(named["zone_en"]) == {"Airfield"}
    assert (named["distance_m"] >= 0).all()


def test_the_synthetic_line_stands_first_everywhere(case: tuple) -> None:
    """Both reports open with what is synthetic, in both languages."""
    scenario, plan, coverage = case
    tables = plan_tables(scenario, plan, coverage)
    chinese, english = (synthetic_line(tables.facts, language) for language in ("zh", "en"))
    assert "仅供演示, 不得作为审批依据" in chinese
    assert "no basis for approval" in english
    markdown = report_markdown(scenario, tables, made_at=MOMENT)
    assert markdown.startswith(f"> {chinese}")
    assert f"> {english}" in markdown
    html = report_html(scenario, tables, made_at=MOMENT)
    assert html.index(chinese) < html.index("<h1>")
    assert "src=" not in html
    assert "http" not in html.replace("http-equiv", "")


def test_no_number_of_the_headline_flatters(case: tuple) -> None:
    """The headline counts met targets and rounds the share down."""
    scenario, plan, coverage = case
    facts = facts_of(scenario, plan, coverage)
    shown = dataclasses.replace(facts, focus_served=0.99999 * facts.focus_total)
    assert "99.9%" in headline(shown, "zh")
    assert "of 2 targets met" in headline(shown, "en")


def _step(**changes: object) -> Step:
    base = Step(
        name="service", sense=Sense.MAXIMISE, unit="population", value=934.0, bound=950.4,
        status=Status.FEASIBLE, reason="", runtime_s=1.0, certificate=None,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def test_honesty_states_value_and_bound_outward(case: tuple) -> None:
    """A feasible step reads: this much served, never more than that; the bound is rounded up."""
    scenario, plan, coverage = case
    facts = dataclasses.replace(
        facts_of(scenario, plan, coverage), steps=(_step(),), focus_total=1000.0
    )
    lines = honesty_lines(facts, "zh")
    assert "本方案覆盖 93.4%; 已证明任何方案不超过 95.1%, 尚差 1.7 个百分点未定。" in lines


def test_honesty_claims_no_bound_that_was_not_proven(case: tuple) -> None:
    """Without a finite bound nothing is said about what other plans can reach."""
    scenario, plan, coverage = case
    facts = dataclasses.replace(
        facts_of(scenario, plan, coverage), steps=(_step(bound=float("inf")),)
    )
    assert not any("已证明" in line for line in honesty_lines(facts, "zh"))
    unknown = dataclasses.replace(facts, status=Status.UNKNOWN)
    assert "限时内未找到满足全部规则的方案, 也未证明其不存在。" in honesty_lines(unknown, "zh")


def test_honesty_of_an_optimal_and_of_an_infeasible_plan(case: tuple) -> None:
    """Optimal is called proved; infeasible names the zone, what it needs and the best possible."""
    scenario, plan, coverage = case
    facts = facts_of(scenario, plan, coverage)
    optimal = dataclasses.replace(facts, steps=(_step(status=Status.OPTIMAL, bound=934.0),))
    assert honesty_lines(optimal, "en")[0].startswith("Proved: no better plan exists")
    missed = dataclasses.replace(
        facts.targets[0], reachable=0.4 * facts.targets[0].total, served=0.0,
        state=TargetState.IMPOSSIBLE,
    )  # fmt: skip
    infeasible = dataclasses.replace(facts, status=Status.INFEASIBLE, targets=(missed,))
    assert honesty_lines(infeasible, "zh")[0] == (
        "下列要求不能同时满足: 小镇airfield 90.0%。最多可达: 40.0%。"
    )


def test_the_report_escapes_hostile_names(case: tuple) -> None:
    """A scenario named like markup is text in HTML and in Markdown."""
    scenario, plan, coverage = case
    hostile = scenario.replace(name='<script>alert(1)</script>|"龘"')
    tables = plan_tables(hostile, plan, coverage)
    assert "<script>" not in report_html(hostile, tables, made_at=MOMENT)
    assert "<script>" not in report_markdown(hostile, tables, made_at=MOMENT)
