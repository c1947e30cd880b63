"""Targets with a SINR: asked rightly, part of the identity, checked, and told in every output."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook
from sinr_town import asking, town

from siting.coverage import build_coverage
from siting.errors import InputError, ScenarioError, VerificationError
from siting.io.plan_workbook import write_workbook
from siting.maps.payload import zone_records
from siting.plan import Outcome, Plan, TargetState
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.radio.network.demand_quality import clear_points, demand_raster
from siting.report import honesty_lines, plan_tables
from siting.report.document import report_markdown
from siting.scenario import PlanningData, Scenario, build_scenario
from siting.spec import ScenarioSpec

PLACES = [(600.0, 1000.0), (1400.0, 1000.0)]
MOMENT = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def missed(littletown: PlanningData) -> tuple[Scenario, Plan]:
    """Return a question whose SINR is out of reach, and its verified answer."""
    scenario = asking(town(littletown, PLACES), 15.0, target={"required_fraction": 0.9})
    plan = plan_scenario(scenario)
    verify_plan(scenario, plan)
    return scenario, plan


def refused(data: PlanningData, **changes: object) -> dict[str, str]:
    """Return the faults of a changed question by where they lie."""
    with pytest.raises(ScenarioError) as caught:
        asking(data, 0.0, **changes)
    return {problem.where: str(problem) for problem in caught.value.problems}


def test_a_sinr_needs_sectors_and_a_grid(littletown: PlanningData) -> None:
    """Distance knows no interference, scattered points no raster: each a fault with a way out."""
    data = town(littletown, PLACES)
    faults = refused(data, coverage_model="distance")
    assert "coverage_model = 'sectors'" in faults["targets[0].min_ss_sinr_db"]
    scattered = dataclasses.replace(data.demand, cell_size_m=None)
    faults = refused(dataclasses.replace(data, demand=scattered))
    assert "scattered" in faults["targets[0].min_ss_sinr_db"]


@pytest.mark.parametrize("value", [-30.1, 40.5, float("nan"), "loud"])
def test_a_sinr_beyond_reason_is_refused(littletown: PlanningData, value: object) -> None:
    """-30 to 40 dB are asked, and the load is a share."""
    faults = refused(town(littletown, PLACES), target={"min_ss_sinr_db": value})
    assert set(faults) == {"targets[0].min_ss_sinr_db"}
    faults = refused(town(littletown, PLACES), network={"load": 1.1})
    assert set(faults) == {"network.load"}


def test_one_zone_cannot_ask_for_two_sinrs(littletown: PlanningData) -> None:
    """The same zone, standard and weight with two SINRs is a contradiction, named with both."""
    target = {"zones": ["airfield"], "standard": "fair-outdoor", "required_fraction": 0.5}
    twice = [target, target | {"min_ss_sinr_db": 3.0}]
    faults = refused(town(littletown, PLACES), targets=twice)
    assert "0.5 and 0.5 with 3 dB" in faults["targets[1]"]


def test_identity_follows_sinr_and_load_where_a_sinr_is_asked(littletown: PlanningData) -> None:
    """Without a SINR the load changes nothing; with one both do."""
    data = town(littletown, PLACES)
    calm, loud = {"network": {"load": 0.3}}, {"network": {"load": 0.9}}
    assert asking(data, None).hash == asking(data, None, **loud).hash
    asks = [asking(data, 0.0), asking(data, 3.0), asking(data, 0.0, **calm), asking(data, None)]
    assert len({item.hash for item in asks}) == len(asks)


def test_less_load_leaves_more_sinr(littletown: PlanningData) -> None:
    """Neighbours that send less disturb less, at every point."""
    data, selected = town(littletown, PLACES), np.array([0, 8])
    loud = clear_points(asking(data, 10.0, network={"load": 1.0}), selected)
    calm = clear_points(asking(data, 10.0, network={"load": 0.1}), selected)
    assert loud.keys() == calm.keys() == {("fair-outdoor", 10.0)}
    (more,), (fewer,) = calm.values(), loud.values()
    assert not (fewer & ~more).any()
    assert more.sum() > fewer.sum()
    nothing = clear_points(asking(data, 10.0), np.zeros(0, dtype=np.intp))
    assert not np.concatenate(list(nothing.values())).any()


def test_the_raster_holds_every_point_and_every_site(littletown: PlanningData) -> None:
    """Cells are the demand's own, and a tower outside the demand stands on the raster too."""
    scenario = asking(town(littletown, [*PLACES, (-850.0, 2450.0)]), 0.0)
    raster = demand_raster(scenario)
    columns = raster.grid.columns
    row, column = np.divmod(raster.pixel, columns)
    assert np.allclose(raster.grid.centres(column, row), scenario.data.demand.xy)
    assert (raster.grid.rows, columns) == (25, 29)


def test_a_network_that_cannot_be_predicted_is_refused_before_planning(
    littletown: PlanningData,
) -> None:
    """Two spacings on one frequency are a fault of the question, found with the coverage."""
    data = town(littletown, PLACES)
    macro = data.technologies[0]
    odd = dataclasses.replace(macro, id="odd", subcarrier_spacing_khz=15.0, bandwidth_mhz=50.0)
    both = dataclasses.replace(data, technologies=(macro, odd))
    with pytest.raises(InputError, match="shares 2600 MHz"):
        build_coverage(asking(both, 0.0))
    build_coverage(asking(both, None))


def _spoilt(plan: Plan, change: Callable[[Outcome], dict[str, object]]) -> Plan:
    first = dataclasses.replace(plan.targets[0], **change(plan.targets[0]))
    return dataclasses.replace(plan, targets=(first, *plan.targets[1:]))


SPOILS: dict[str, Callable[[Plan], Plan]] = {
    "clear": lambda plan: _spoilt(plan, lambda item: {"clear": (item.clear or 0.0) + 1e4}),
    "no clear": lambda plan: _spoilt(plan, lambda _: {"clear": None}),
    "min_ss_sinr_db": lambda plan: _spoilt(plan, lambda _: {"min_ss_sinr_db": 0.0}),
    "level alone": lambda plan: _spoilt(plan, lambda _: {"min_ss_sinr_db": None, "clear": None}),
    "state": lambda plan: _spoilt(plan, lambda _: {"state": TargetState.MET}),
    "reason": lambda plan: dataclasses.replace(
        plan, reason=" ".join(step.reason for step in plan.steps)
    ),
}


@pytest.mark.parametrize("what", SPOILS)
def test_a_spoilt_claim_on_sinr_is_refused(missed: tuple[Scenario, Plan], what: str) -> None:
    """Interference is predicted again, so no figure, state or silence on it passes."""
    scenario, plan = missed
    with pytest.raises(VerificationError) as caught:
        verify_plan(scenario, SPOILS[what](plan))
    assert caught.value.discrepancies


def test_a_figure_for_information_claims_no_sinr(missed: tuple[Scenario, Plan]) -> None:
    """Where no target asks, an outcome with a SINR is refused."""
    scenario, plan = missed
    first = dataclasses.replace(plan.information[0], min_ss_sinr_db=3.0, clear=1.0)
    with pytest.raises(VerificationError, match=r"information\[0\].clear"):
        verify_plan(scenario, dataclasses.replace(plan, information=(first,)))


def test_the_same_options_turned_away_are_refused(missed: tuple[Scenario, Plan]) -> None:
    """A plan with other directions and the old figures does not pass."""
    scenario, plan = missed
    other = next(
        option
        for option in np.flatnonzero(scenario.options.site == 0).tolist()
        if option not in plan.selected
    )
    turned = dataclasses.replace(plan, selected=np.array([other, plan.selected[1]]))
    with pytest.raises(VerificationError, match=r"targets\[0\].clear"):
        verify_plan(scenario, turned)


def test_every_output_tells_of_sinr_where_it_is_asked(
    missed: tuple[Scenario, Plan], littletown: PlanningData, tmp_path: Path
) -> None:
    """Report, workbook and map say in both languages what was asked and what is there."""
    scenario, plan = missed
    without = asking(town(littletown, PLACES), None, target={"required_fraction": 0.9})
    for asked, answer, shown in (
        (scenario, plan, True),
        (without, plan_scenario(without), False),
    ):
        tables = plan_tables(asked, answer, build_coverage(asked))
        text = report_markdown(asked, tables, made_at=MOMENT)
        for words in ("SINR 要求", "least SS-SINR", "15 dB", "75.0%", "short of it"):
            assert (words in text) is shown, words
        write_workbook(tables, tmp_path / "plan.xlsx", language="en", made_at=MOMENT)
        heads = [cell.value for cell in load_workbook(tmp_path / "plan.xlsx")["zones"][2]]
        assert ("least SS-SINR" in heads) is shown
        told = str(list(zone_records(tables.zones, tables.facts)))
        assert ("SINR ≥ 15 dB: 75.0%" in told) is shown
        lines = honesty_lines(tables.facts, "zh")
        assert any("按干扰预测" in line for line in lines) is shown


def test_a_met_sinr_is_said_to_be_met(littletown: PlanningData) -> None:
    """Where the prediction leaves every zone its SINR, the report says that and no more."""
    scenario = asking(town(littletown, PLACES), -3.0, target={"required_fraction": 0.6})
    plan = plan_scenario(scenario)
    tables = plan_tables(scenario, plan, build_coverage(scenario))
    assert plan.targets[0].shortfall == 0.0
    assert any("all have it by prediction" in line for line in honesty_lines(tables.facts, "en"))


def test_documents_of_before_mean_what_they_meant(littletown: PlanningData) -> None:
    """A stored question without the new fields reads as one that asks for no SINR."""
    data = town(littletown, PLACES)
    target = {"zones": ["airfield"], "standard": "fair-outdoor", "required_fraction": 0.5}
    spec = ScenarioSpec.parse({"name": "old", "coverage_model": "sectors", "targets": [target]})
    scenario = build_scenario(spec, data)
    assert scenario.sinr_targets == ()
    assert scenario.load == 0.5
