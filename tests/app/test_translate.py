"""Rows and planning values turn into each other without loss."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from app import translate
from app.tables import Plan, PlanOption, PlanOutcome, StandardRow, TechnologyRow
from siting import datasets
from siting.errors import ScenarioError
from siting.plan import Certificate, Cuts, Step, TargetState
from siting.spec import ScenarioSpec
from siting.status import Sense, Status

_FLOATS = arrays.arrays(
    np.float64,
    st.integers(0, 40),
    elements=st.floats(min_value=0, allow_nan=False, allow_infinity=False),
)


@given(cover=st.dictionaries(st.text("abc-/._", min_size=1, max_size=12), _FLOATS), targets=_FLOATS)
def test_a_packed_proof_is_the_proof(cover: dict[str, np.ndarray], targets: np.ndarray) -> None:
    """Multipliers come back bit for bit, whatever the standards are called."""
    cuts = Cuts(pointer=np.array([0, 2]), members=np.array([3, 1]), prices=targets[:1])
    packed = translate.pack_certificate(Certificate(cover=cover, targets=targets, cuts=cuts))
    back = translate.unpack_certificate(packed)
    assert set(back.cover) == set(cover)
    for name, values in cover.items():
        assert back.cover[name].tobytes() == values.tobytes()
    assert back.targets.tobytes() == targets.tobytes()
    assert back.cuts.pointer.tolist() == [0, 2]
    assert back.cuts.members.tolist() == [3, 1]
    assert back.cuts.prices.tobytes() == targets[:1].tobytes()


def test_a_proof_is_no_program() -> None:
    """An archive with pickled objects is refused, not executed."""
    buffer = io.BytesIO()
    np.savez(buffer, targets=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        translate.unpack_certificate(buffer.getvalue())


def test_the_default_question_survives_storage() -> None:
    """The bundled scenario is equal after a trip through JSON."""
    spec = datasets.ezhou_spec()
    assert translate.spec_value(translate.spec_document(spec)) == spec


def test_a_question_with_full_definitions_survives_storage() -> None:
    """Technologies and standards written into the scenario come back equal."""
    spec = ScenarioSpec(
        name="own",
        technologies=(datasets.technologies()[0],),
        standards=(datasets.standards()[0],),
        stations=3,
    )
    assert translate.spec_value(translate.spec_document(spec)) == spec


def test_a_question_of_another_version_is_refused_with_its_field() -> None:
    """A stored field this version does not know is named."""
    document = translate.spec_document(datasets.ezhou_spec()) | {"novelty": 1}
    with pytest.raises(ScenarioError, match="novelty"):
        translate.spec_value(document)


@pytest.mark.parametrize("item", datasets.technologies(), ids=lambda item: item.id)
def test_technologies_survive_storage(item: object) -> None:
    """Every technology of the library is equal after a trip through its row."""
    row = TechnologyRow(**translate.library_row("ezhou", item))
    assert translate.technology(row) == item


@pytest.mark.parametrize("item", datasets.standards(), ids=lambda item: item.id)
def test_standards_survive_storage(item: object) -> None:
    """Every service standard of the library is equal after a trip through its row."""
    row = StandardRow(**translate.library_row("ezhou", item))
    assert translate.standard(row) == item


def step(**changes: object) -> Step:
    """Make a step with a proof."""
    values: dict[str, object] = {
        "name": "targets",
        "sense": Sense.MINIMISE,
        "unit": "CNY",
        "value": 12.0,
        "bound": 10.0,
        "status": Status.FEASIBLE,
        "reason": "the time limit ended it",
        "runtime_s": 1.5,
        "certificate": Certificate(
            cover={"quality": np.array([0.1, 0.7])}, targets=np.array([3.0])
        ),
    }
    return Step(**(values | changes))


def test_a_stored_plan_comes_back_in_order() -> None:
    """Options sort by index with the step that chose each, outcomes keep theirs, infinity stays."""
    row = Plan(
        status="feasible", reason="ended", scenario_hash="ab", stations=2, sites=1, cost_cny=7,
        seed=3, runtime_s=2.5, version="0.1", provenance={"zones": {"real": 1.0}},
    )  # fmt: skip
    steps = [
        translate.step_row(1, step(name="service", value=-math.inf, certificate=None)),
        translate.step_row(0, step()),
    ]
    options = [PlanOption(option=9, step=1), PlanOption(option=4, step=0)]
    outcomes = [
        PlanOutcome(
            zone_id=name, standard_id="quality", weight="area_m2", total=10.0, served=4.0,
            reachable=9.0, required_fraction=required, state=state, is_target=state is not None,
        )
        for name, required, state in (("a", 0.5, "missed"), ("b", None, None))
    ]  # fmt: skip
    plan = translate.plan_value(row, steps, options, outcomes)
    assert plan is not None
    assert plan.selected.tolist() == [4, 9]
    assert plan.chosen_in.tolist() == [0, 1]
    assert [item.name for item in plan.steps] == ["targets", "service"]
    assert plan.steps[1].value == -math.inf
    proof = plan.steps[0].certificate
    assert proof is not None
    assert proof.cover["quality"].tolist() == [0.1, 0.7]
    assert [item.state for item in plan.targets] == [TargetState.MISSED]
    assert [item.zone_id for item in plan.information] == ["b"]


def test_a_plan_without_result_is_no_plan() -> None:
    """While a plan is computed there is no value."""
    assert translate.plan_value(Plan(state="running"), [], [], []) is None


def test_rows_become_features_with_their_own_types() -> None:
    """Text stays text with its leading zeros, a missing accuracy is NaN, shapes are in WGS 84."""
    point = shapely.to_wkb(shapely.Point(114.5, 30.5))
    rows = [("007", 1.5, None, point), ("060750479.01", 2.5, 30.0, point)]
    frame = translate.feature_frame(("id", "height_m", "accuracy_m"), rows)
    assert frame["id"].tolist() == ["007", "060750479.01"]
    assert frame["height_m"].to_numpy(dtype=float).tolist() == [1.5, 2.5]
    assert math.isnan(frame["accuracy_m"].iloc[0])
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry.iloc[0].equals(shapely.Point(114.5, 30.5))


def test_no_rows_are_an_empty_layer_with_its_columns() -> None:
    """An empty table keeps its columns and frame."""
    frame = translate.feature_frame(("id", "accuracy_m"), [])
    assert frame.empty
    assert list(frame.columns) == ["id", "accuracy_m", "geometry"]
