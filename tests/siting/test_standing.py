"""Stations that stand: matched, priced, kept on air, turned before anything is built."""

from __future__ import annotations

import dataclasses
import itertools
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook
from sinr_town import asking, town

from siting.coverage import build_coverage
from siting.datasets import named_dataset, scenario_text
from siting.errors import ScenarioError, VerificationError
from siting.io.plan_workbook import write_workbook
from siting.models.assemble import assemble
from siting.plan import Plan, TargetState
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.report import honesty_lines, plan_tables
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ScenarioSpec
from siting.standing import Work, work_of
from siting.status import Status
from siting.technology import SectorLayout

PLACES = [(600.0, 800.0), (1400.0, 800.0), (1000.0, 1500.0)]
MOMENT = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)


def stands(site: str, turn: float | None = 0.0, tilt: float | None = 4.0) -> dict[str, object]:
    """Write a station that stands down."""
    return {"site": site, "technology": "macro-n41", "turn_deg": turn, "tilt_deg": tilt}


def question(data: PlanningData, fraction: float, **changes: object) -> Scenario:
    """Ask for the level alone, nothing locked."""
    free = {"locked_sites": [], "target": {"required_fraction": fraction}}
    return asking(data, None, **(free | changes))


def solved(scenario: Scenario) -> Plan:
    """Solve and verify."""
    plan = plan_scenario(scenario)
    verify_plan(scenario, plan)
    return plan


@pytest.mark.parametrize(
    ("turn", "tilt", "nearest"),
    [(10.0, 5.0, (0.0, 4.0)), (-85.0, 9.0, (270.0, 12.0)), (350.0, 4.0, (0.0, 4.0)),
     (None, None, (0.0, 4.0))],
)  # fmt: skip
def test_the_nearest_way_to_aim_it_is_present(
    littletown: PlanningData, turn: float | None, tilt: float | None, nearest: tuple[float, float]
) -> None:
    """Azimuth counts round the circle, tilt beside it; without a direction it is the first way."""
    scenario = question(town(littletown, PLACES), 0.3, existing=[stands("t1", turn, tilt)])
    (present,) = scenario.standing.tolist()
    options = scenario.options
    assert scenario.data.sites.id[options.site[present]] == "t1"
    assert (options.turn_deg[present], options.tilt_deg[present]) == nearest
    assert options.cost_cny[present] == 0
    others = (options.site == options.site[present]) & (np.arange(len(options)) != present)
    assert set(options.cost_cny[others].tolist()) == {3000}
    assert scenario.data.sites.fixed_cost_cny.tolist() == [100_000, 0, 100_000]
    assert scenario.data.sites.existing.tolist() == [False, True, False]


def test_three_antennas_look_the_same_after_a_third_of_the_circle(
    littletown: PlanningData,
) -> None:
    """A rose of three turned by 115 degrees is nearest to one turned by 0, not by 90."""
    data = town(littletown, PLACES)
    three = dataclasses.replace(
        data.technologies[0], sectors=SectorLayout(turns_deg=(0.0, 30.0, 60.0, 90.0))
    )
    data = dataclasses.replace(data, technologies=(three,))
    scenario = question(data, 0.3, existing=[stands("t0", 115.0, 6.0)])
    assert scenario.options.turn_deg[scenario.standing].tolist() == [0.0]


def test_what_stands_is_turned_before_anything_is_built(littletown: PlanningData) -> None:
    """Of all plans that keep the stations on air none meets the target for less, by brute force."""
    data = town(littletown, PLACES)
    existing = [stands("t0", 180.0, 12.0), stands("t1", 180.0, 12.0)]
    scenario = question(data, 0.85, existing=existing)
    model = assemble(scenario, build_coverage(scenario)).model
    ways = [np.flatnonzero(model.option_site == site).tolist() for site in range(3)]
    ways[2].append(None)
    costs = []
    for chosen in itertools.product(*ways):
        selected = np.array([option for option in chosen if option is not None])
        if model.meets_targets(selected):
            costs.append(model.cost(selected))
    plan = solved(scenario)
    assert plan.cost_cny == min(costs) > 0
    assert 0 <= plan.steps[0].bound <= plan.cost_cny
    work = work_of(scenario.options, scenario.standing)[plan.selected].tolist()
    assert Work.REAIMED in work
    assert plan.cost_cny < 280_000, "cheaper than one new station"


def test_what_stands_stays_though_it_is_not_needed(littletown: PlanningData) -> None:
    """A station that serves no target is in the plan as it is, for nothing; it is not removed."""
    data = town(littletown, [*PLACES, (1900.0, 1900.0)])
    scenario = question(data, 0.3, existing=[stands("t3")])
    plan = solved(scenario)
    assert set(scenario.standing) <= set(plan.selected)
    alone = solved(question(data, 0.3))
    assert plan.cost_cny == alone.cost_cny
    assert plan.stations == alone.stations + 1


def test_what_stands_counts_among_the_stations_allowed(littletown: PlanningData) -> None:
    """With no room beside it the target is missed; what stands is kept, and the limit too."""
    data = town(littletown, [*PLACES, (1900.0, 1900.0)])
    scenario = question(data, 0.9, existing=[stands("t3")], stations=1)
    plan = solved(scenario)
    assert plan.stations == 1
    assert set(scenario.standing) <= set(plan.selected)
    assert plan.targets[0].state is not TargetState.MET
    assert plan.status in (Status.UNKNOWN, Status.INFEASIBLE)


def test_without_targets_what_stands_is_planned_round(littletown: PlanningData) -> None:
    """An objective alone is served beside the stations that stand."""
    scenario = question(
        town(littletown, PLACES),
        0.3,
        targets=[],
        existing=[stands("t0")],
        stations=2,
        objective={"standard": "fair-outdoor"},
    )
    plan = solved(scenario)
    assert [step.name for step in plan.steps] == ["targets", "service"]
    assert plan.steps[0].value == 0.0
    assert set(scenario.standing) <= set(plan.selected[plan.chosen_in == 0])
    assert plan.stations == 2


def test_a_plan_without_a_station_that_stands_is_refused(littletown: PlanningData) -> None:
    """Taking one off the air is found."""
    data = town(littletown, [*PLACES, (1900.0, 1900.0)])
    scenario = question(data, 0.3, existing=[stands("t3")])
    plan = solved(scenario)
    keep = plan.selected != scenario.standing[0]
    spoilt = dataclasses.replace(
        plan,
        selected=plan.selected[keep],
        chosen_in=plan.chosen_in[keep],
        stations=plan.stations - 1,
        sites=plan.sites - 1,
    )
    with pytest.raises(VerificationError, match="off the air"):
        verify_plan(scenario, spoilt)


def test_interference_is_repaired_by_what_stands_too(littletown: PlanningData) -> None:
    """Stations that stand are turned against interference, and none leaves its site."""
    existing = [stands("t0", 90.0), stands("t1", 270.0)]
    target = {"required_fraction": 0.9}
    scenario = asking(
        town(littletown, [(600.0, 1000.0), (1400.0, 1000.0)]),
        6.0,
        target=target,
        existing=existing,
        locked_sites=[],
    )
    plan = solved(scenario)
    assert plan.targets[0].state is TargetState.MET
    assert plan.stations == 2
    assert plan.cost_cny in (3000, 6000)


def test_faults_of_what_stands_come_at_once(littletown: PlanningData) -> None:
    """Unknown site and technology, twice, by half, no option, no sectors, too many: all named."""
    data = town(littletown, PLACES)
    existing = [stands("nowhere"), stands("t0") | {"technology": "laser"}, stands("t1"),
                stands("t1"), stands("t2")]  # fmt: skip
    with pytest.raises(ScenarioError) as caught:
        question(data, 0.3, existing=existing, forbidden_sites=["t2"], stations=0 + 1)
    places = [item.where for item in caught.value.problems]
    assert places == ["existing[0].site", "existing[1].technology", "existing[3]", "existing[4]"]
    with pytest.raises(ScenarioError, match="2 stations stand, and 1 are allowed"):
        question(data, 0.3, existing=[stands("t0"), stands("t1")], stations=1)
    with pytest.raises(ScenarioError, match="by half"):
        question(data, 0.3, existing=[stands("t0", 10.0, None)])
    round_ = dataclasses.replace(data.technologies[0], sectors=None)
    with pytest.raises(ScenarioError, match="has no sectors"):
        question(dataclasses.replace(data, technologies=(round_,)), 0.3, existing=[stands("t0")])


def test_identity_knows_what_stands(littletown: PlanningData) -> None:
    """Another direction, another cost of aiming, no station: each is another question."""
    data = town(littletown, PLACES)
    asks = [
        question(data, 0.3),
        question(data, 0.3, existing=[stands("t0")]),
        question(data, 0.3, existing=[stands("t0", 90.0)]),
        question(data, 0.3, existing=[stands("t0")], reaim_cost_cny=1),
    ]
    assert len({item.hash for item in asks}) == len(asks)
    assert question(data, 0.3, reaim_cost_cny=1).hash == asks[0].hash


def test_outputs_say_what_is_done_where(littletown: PlanningData, tmp_path: Path) -> None:
    """Tables, workbook and report tell what stays, what is turned and what is new."""
    data = town(littletown, PLACES)
    existing = [stands("t0", 180.0, 12.0), stands("t1", 180.0, 12.0)]
    scenario = question(data, 0.85, existing=existing)
    plan = solved(scenario)
    tables = plan_tables(scenario, plan, build_coverage(scenario))
    assert set(tables.sites["work"]) <= {item.value for item in Work}
    lines = honesty_lines(tables.facts, "en")
    assert any(line.startswith("Stations that stand: ") for line in lines)
    write_workbook(tables, tmp_path / "plan.xlsx", language="en", made_at=MOMENT)
    sheet = load_workbook(tmp_path / "plan.xlsx")["sites"]
    column = [cell.value for cell in sheet[2]].index("work")
    assert "aimed anew" in [row[column] for row in sheet.iter_rows(min_row=3, values_only=True)]


def test_the_examples_of_the_guide_are_questions() -> None:
    """What the guide writes of SINR and of stations that stand builds on Ezhou's scenario."""
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "radio.md").read_text("utf-8")
    blocks = [part.partition("```")[0] for part in guide.split("```toml\n")[1:]]
    given = {key: value for block in blocks for key, value in tomllib.loads(block).items()
             if key in {"targets", "network", "existing", "reaim_cost_cny"}}  # fmt: skip
    spec = ScenarioSpec.parse(tomllib.loads(scenario_text("ezhou-5g-sectors")) | given)
    scenario = build_scenario(spec, named_dataset("ezhou"))
    assert scenario.sinr_targets == (("quality-outdoor", 0.0),)
    assert scenario.load == 0.5
    (present,) = scenario.standing.tolist()
    assert scenario.options.cost_cny[present] == 0
    number = scenario.options.technology[present]
    assert scenario.technologies[number].id == "macro-n41"
