"""Operators: whose signal counts for whom, and who pays what on a shared site."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook

from siting import datasets
from siting.coverage import build_coverage
from siting.errors import ScenarioError
from siting.io.plan_workbook import write_workbook
from siting.plan import Plan
from siting.planning import plan_scenario
from siting.report import operator_name, plan_sharing, plan_tables
from siting.report.document import report_markdown
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ScenarioSpec
from siting.technology import CoverageModel, carrier_counts

RED, BLUE, GREEN = "red", "blue", "green"
MOMENT = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)


def town(data: PlanningData, *operators: tuple[str, ...]) -> PlanningData:
    """Return Littletown with technologies run by these operators, in its order."""
    pairs = zip(data.technologies, operators, strict=True)
    return dataclasses.replace(
        data, technologies=tuple(dataclasses.replace(item, operators=who) for item, who in pairs)
    )


def asked(data: PlanningData, operators: tuple[str, ...], **changes: object) -> Scenario:
    """Ask for the airfield by a standard for the customers of some operators."""
    standard = dataclasses.asdict(data.standards[0]) | {"id": "own", "operators": operators}
    document = {
        "name": "own",
        "standards": [standard],
        "targets": [{"zones": ["airfield"], "standard": "own", "required_fraction": 0.5}],
    }
    return build_scenario(ScenarioSpec.parse(document | changes), data)


@pytest.mark.parametrize(
    ("runs", "asks", "counts"),
    [
        ((), (), True),
        ((RED,), (), True),
        ((), (RED,), True),
        ((RED,), (RED,), True),
        ((RED, BLUE), (BLUE, GREEN), True),
        ((RED,), (BLUE,), False),
        ((RED, BLUE), (GREEN,), False),
    ],
)
def test_a_technology_counts_for_the_customers_of_those_who_run_it(
    littletown: PlanningData, runs: tuple, asks: tuple, *, counts: bool
) -> None:
    """It counts unless both sides name operators and share none."""
    technology = dataclasses.replace(littletown.technologies[0], operators=runs)
    assert carrier_counts(technology, operators=asks) is counts
    assert not carrier_counts(technology, operators=asks, min_bandwidth_mhz=200.0)


@pytest.mark.parametrize("model", list(CoverageModel))
def test_the_signal_of_another_operator_serves_nobody(
    littletown: PlanningData, model: CoverageModel
) -> None:
    """In either coverage model only the options that count serve, and they as before."""
    data = town(littletown, (RED,), (BLUE,))
    every = asked(data, (), coverage_model=model)
    mine = asked(data, (RED,), coverage_model=model)
    before = build_coverage(every).by_standard["own"].tocsc()
    after = build_coverage(mine).by_standard["own"].tocsc()
    red = mine.options.technology == 0
    assert before[:, ~red].nnz > 0
    assert after[:, ~red].nnz == 0
    assert (before[:, red] != after[:, red]).nnz == 0


def test_operators_are_part_of_the_identity_only_where_a_standard_names_some(
    littletown: PlanningData,
) -> None:
    """Naming those who run the technologies changes nothing until somebody's customers count."""
    data = town(littletown, (RED,), (BLUE,))
    assert asked(littletown, ()).hash == asked(data, ()).hash
    asks = [asked(data, ()), asked(data, (RED,)), asked(data, (BLUE,))]
    asks.append(asked(town(littletown, (RED, GREEN), (BLUE,)), (RED,)))
    assert len({item.hash for item in asks}) == len(asks)


def test_the_bundled_questions_keep_their_identity() -> None:
    """Ezhou's library names operators, and its question is the one it was before."""
    scenario = build_scenario(datasets.ezhou_spec(), datasets.ezhou())
    assert all(item.operators for item in scenario.technologies)
    assert scenario.hash == "0c7bce567db40417154a79aeb32c74077e61be0868b7b4f450bf7a17d4f520e3"


def test_an_operator_that_runs_nothing_is_refused(littletown: PlanningData) -> None:
    """A misspelt operator would be served by nobody; the fault names those that are known."""
    with pytest.raises(ScenarioError, match=r"'rad' runs none of the technologies.*blue, red"):
        asked(town(littletown, (RED,), (BLUE,)), ("rad", RED))


def built(scenario: Scenario, *stations: tuple[str, int]) -> Plan:
    """Return a plan with these stations: site and technology."""
    options = scenario.options
    ids = scenario.data.sites.id
    chosen = [
        index
        for index in range(len(options))
        if (ids[options.site[index]], int(options.technology[index])) in stations
    ]
    plan = plan_scenario(scenario, coverage=build_coverage(scenario))
    first = np.zeros(len(chosen), dtype=np.intp)
    return dataclasses.replace(plan, selected=np.array(chosen, dtype=np.intp), chosen_in=first)


def test_a_shared_site_is_paid_evenly_and_to_the_last_yuan(littletown: PlanningData) -> None:
    """By hand: s0 (300,000) carries red and blue with green, s1 (310,000) red alone."""
    scenario = asked(town(littletown, (RED,), (BLUE, GREEN)), ())
    sharing = plan_sharing(scenario, built(scenario, ("s0", 0), ("s0", 1), ("s1", 0)))
    assert sharing is not None
    red, blue, green = sharing.operators
    assert (red.stations, red.sites, blue.stations, blue.sites) == (2, 2, 1, 1)
    assert red.cost_cny == 2 * 180_000 + 100_000 + 310_000
    assert blue.cost_cny == green.cost_cny == 20_000 + 100_000
    assert red.separate_cny == 2 * 180_000 + 300_000 + 310_000
    assert sharing.sites == (1, 0, 1)
    assert sharing.cost_cny == 2 * 180_000 + 40_000 + 610_000
    assert sharing.saving_cny == 2 * 300_000


def test_what_cannot_be_divided_is_not_lost(littletown: PlanningData) -> None:
    """Parts of a cost of 7 CNY among three, and of stations nobody names, add up to the plan's."""
    data = town(littletown, (RED, BLUE, GREEN), ())
    sites = dataclasses.replace(data.sites, fixed_cost_cny=np.full(6, 7, dtype=np.int64))
    scenario = asked(dataclasses.replace(data, sites=sites), ())
    sharing = plan_sharing(scenario, built(scenario, ("s0", 0), ("s5", 1)))
    assert sharing is not None
    assert [item.cost_cny for item in sharing.operators] == [60_003, 60_002, 60_002, 40_007]
    assert sharing.sites == (0, 0, 1)
    assert plan_sharing(asked(littletown, ()), built(scenario, ("s0", 0))) is None


def test_report_and_workbook_show_sharing_where_operators_are_named(
    littletown: PlanningData, tmp_path: Path
) -> None:
    """Both languages print each operator's part and the saving; without operators neither does."""
    for operators, shown in (((RED,), ("china-mobile", RED)), True), (((), ()), False):
        scenario = asked(town(littletown, *operators), ())
        plan = built(scenario, ("s0", 0), ("s0", 1))
        tables = plan_tables(scenario, plan, build_coverage(scenario))
        text = report_markdown(scenario, tables, made_at=MOMENT)
        for words in ("站址共建共享", "Shared sites", "节省 30.0 万元", "China Mobile", "中国移动"):
            assert (words in text) is shown
        write_workbook(tables, tmp_path / "plan.xlsx", language="zh", made_at=MOMENT)
        book = load_workbook(tmp_path / "plan.xlsx")
        assert ("共建共享" in book.sheetnames) is shown
        if shown:
            rows = list(book["共建共享"].iter_rows(min_row=3, values_only=True))
            assert [row[0] for row in rows] == [RED, "中国移动", "合计"]
            assert rows[-1][2:] == (1, 52.0, 82.0)
    assert operator_name(RED, "zh") == RED


def test_planning_two_operators_together_costs_no_more_than_each_alone(
    littletown: PlanningData,
) -> None:
    """A site opened for both is paid once, so the sum of both plans is an upper limit."""
    data = town(littletown, (RED,), (BLUE,))

    def standard(name: str) -> dict:
        return dataclasses.asdict(data.standards[0]) | {"id": name, "operators": (name,)}

    def cost(*names: str) -> int:
        document = {
            "name": " ".join(names),
            "standards": [standard(name) for name in names],
            "targets": [
                {"zones": ["west", "east"], "standard": name, "required_fraction": 0.4}
                for name in names
            ],
        }
        scenario = build_scenario(ScenarioSpec.parse(document), data)
        return plan_scenario(scenario, coverage=build_coverage(scenario)).cost_cny

    alone = cost(RED) + cost(BLUE)
    assert cost(RED, BLUE) < alone
