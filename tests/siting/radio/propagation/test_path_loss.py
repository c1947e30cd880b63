"""TR 38.901 path loss: published values, shape of the curves, and refusal outside validity."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.errors import InputError
from siting.radio.propagation import path_loss
from siting.radio.propagation.indoor_office import (
    Office,
    indoor_office_los_probability,
    indoor_office_path_loss_db,
)
from siting.radio.propagation.path_loss import (
    Countryside,
    NearField,
    Sight,
    breakpoint_m,
    los_probability,
    path_loss_db,
    shadow_sigma_db,
)
from siting.technology import Propagation

VECTORS = Path(__file__).parents[4].parent / "shared/vectors/radio/tr38901_ns3_vectors.csv"
OUTDOOR = {"Rma": Propagation.RMA, "Uma": Propagation.UMA, "Umi": Propagation.UMI}
USUAL_HEIGHT_M = {Propagation.UMA: 25.0, Propagation.UMI: 10.0, Propagation.RMA: 35.0}

scenarios = st.sampled_from(list(Propagation))
sights = st.sampled_from(list(Sight))
# RMa's NLOS' falls below LOS only far inside; any carrier of the product's bands will do.
carriers_mhz = st.floats(min_value=700, max_value=4900)


def published() -> list[dict[str, str]]:
    """Return the rows of the published vectors, or none where they are absent."""
    if not VECTORS.exists():
        return []
    with VECTORS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not VECTORS.exists(), reason="shared vectors absent")
def test_every_published_vector_within_a_hundredth_of_a_decibel() -> None:
    """All 32 rows of the ns-3 suite are met within 0.01 dB."""
    rows = published()
    assert len(rows) == 32
    for row in rows:
        assert predicted(row) == pytest.approx(float(row["pathloss_db"]), abs=0.01), row


@pytest.mark.skipif(not VECTORS.exists(), reason="shared vectors absent")
def test_the_exact_speed_of_light_moves_losses_by_less_than_the_tolerance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With 299 792 458 m/s the vectors still hold within 0.01 dB, but no longer within 0.001."""
    monkeypatch.setattr(path_loss, "SPEED_OF_LIGHT_M_S", 299_792_458.0)
    errors = [abs(predicted(row) - float(row["pathloss_db"])) for row in published()]
    assert 0.001 < max(errors) < 0.01


def predicted(row: dict[str, str]) -> float:
    """Evaluate the model for a row of the vectors."""
    sight = Sight(row["condition"].lower())
    distance, h_bs, h_ut = (float(row[name]) for name in ("d2d_m", "h_bs_m", "h_ut_m"))
    frequency = 1000.0 * float(row["f_ghz"])
    if row["scenario"] == "IndoorOffice":
        slant = np.hypot(distance, h_bs - h_ut)
        return float(indoor_office_path_loss_db(sight, slant, frequency_mhz=frequency))
    return float(
        path_loss_db(
            OUTDOOR[row["scenario"]],
            sight,
            distance,
            frequency_mhz=frequency,
            antenna_height_m=h_bs,
            user_height_m=h_ut,
        )
    )


def test_rma_agrees_with_the_documented_example_of_another_tool() -> None:
    """MATLAB's nrPathLoss example, RMa LOS, h = 7 m, W = 25 m, 3.5 GHz: 110.1615 dB."""
    loss = path_loss_db(
        Propagation.RMA,
        Sight.LOS,
        np.hypot(1000.0, 1000.0),
        frequency_mhz=3500.0,
        antenna_height_m=30.0,
        countryside=Countryside(building_height_m=7.0, street_width_m=25.0),
    )
    assert float(loss) == pytest.approx(110.1615, abs=5e-5)


def test_street_width_and_building_height_enter_the_rural_nlos_loss() -> None:
    """RMa without sight at 1 km and 2 GHz with h = 10 m, W = 50 m: the table's terms one by one."""
    h, width, h_bs, h_ut, f = 10.0, 50.0, 35.0, 1.5, 2.0
    slant_km = np.hypot(1000.0, h_bs - h_ut) / 1000.0
    by_hand = (
        161.04
        - 7.1 * np.log10(width)
        + 7.5 * np.log10(h)
        - (24.37 - 3.7 * (h / h_bs) ** 2) * np.log10(h_bs)
        + (43.42 - 3.1 * np.log10(h_bs)) * np.log10(slant_km)
        + 20.0 * np.log10(f)
        - (3.2 * np.log10(11.75 * h_ut) ** 2 - 4.97)
    )
    loss = path_loss_db(
        Propagation.RMA,
        Sight.NLOS,
        1000.0,
        frequency_mhz=2000.0,
        antenna_height_m=h_bs,
        countryside=Countryside(building_height_m=h, street_width_m=width),
    )
    assert float(loss) == pytest.approx(by_hand, abs=1e-9)


@settings(deadline=None)
@given(scenarios, sights, carriers_mhz, st.floats(10, 4990), st.floats(0.01, 10))
def test_loss_grows_with_distance(
    propagation: Propagation, sight: Sight, carrier_mhz: float, near_m: float, step_m: float
) -> None:
    """Farther away the loss is never less, across the break-point as well."""
    loss = path_loss_db(
        propagation,
        sight,
        [near_m, near_m + step_m],
        frequency_mhz=carrier_mhz,
        antenna_height_m=USUAL_HEIGHT_M[propagation],
    )
    assert loss[1] > loss[0]


@settings(deadline=None)
@given(st.sampled_from([Propagation.UMA, Propagation.UMI]), carriers_mhz)
def test_loss_is_continuous_at_the_urban_break_point(
    propagation: Propagation, carrier_mhz: float
) -> None:
    """The two branches of UMa and UMi meet within 1e-6 dB at d'BP."""
    height = USUAL_HEIGHT_M[propagation]
    turn = float(breakpoint_m(propagation, frequency_mhz=carrier_mhz, antenna_height_m=height))
    loss = path_loss_db(
        propagation,
        Sight.LOS,
        [turn * (1 - 1e-9), turn * (1 + 1e-9)],
        frequency_mhz=carrier_mhz,
        antenna_height_m=height,
    )
    assert loss[1] == pytest.approx(loss[0], abs=1e-6)


def test_the_rural_break_point_steps_up_by_the_standards_own_gap() -> None:
    """RMa's PL2 counts from PL1(dBP), a horizontal distance taken as slant: a step of < 0.01 dB."""
    turn = float(breakpoint_m(Propagation.RMA, frequency_mhz=773.0, antenna_height_m=35.0))
    loss = path_loss_db(
        Propagation.RMA,
        Sight.LOS,
        [turn, turn * (1 + 1e-12)],
        frequency_mhz=773.0,
        antenna_height_m=35.0,
    )
    assert 0.0 < loss[1] - loss[0] < 0.01


@settings(deadline=None)
@given(scenarios, carriers_mhz, st.floats(10, 5000))
def test_an_obstructed_path_never_loses_less(
    propagation: Propagation, carrier_mhz: float, distance_m: float
) -> None:
    """NLOS is at least LOS everywhere."""
    los, nlos = (
        path_loss_db(
            propagation,
            sight,
            distance_m,
            frequency_mhz=carrier_mhz,
            antenna_height_m=USUAL_HEIGHT_M[propagation],
        )
        for sight in Sight
    )
    assert nlos >= los


def test_line_of_sight_probabilities_of_table_7_4_2_1() -> None:
    """Worked by hand: certain near by, then the tabulated decay."""
    near = {Propagation.UMA: 18.0, Propagation.UMI: 18.0, Propagation.RMA: 10.0}
    for propagation, distance in near.items():
        assert los_probability(propagation, [0.0, distance]) == pytest.approx([1.0, 1.0])
    uma = 0.18 + np.exp(-100 / 63) * 0.82
    assert float(los_probability(Propagation.UMA, 100.0)) == pytest.approx(uma, abs=1e-12)
    assert uma == pytest.approx(0.34767, abs=1e-5)
    umi = 0.18 + np.exp(-100 / 36) * 0.82
    assert float(los_probability(Propagation.UMI, 100.0)) == pytest.approx(umi, abs=1e-12)
    assert float(los_probability(Propagation.RMA, 1010.0)) == pytest.approx(np.exp(-1.0))


def test_users_high_up_see_urban_macro_stations_more_often() -> None:
    """C' is 0 up to 13 m and 1 at 23 m less its limit: 22.5 m at 100 m gives the worked value."""
    at_13 = los_probability(Propagation.UMA, 100.0, user_height_m=13.0)
    assert float(at_13) == pytest.approx(float(los_probability(Propagation.UMA, 100.0)))
    lift = 0.95**1.5 * 1.25 * np.exp(-100 / 150)
    high = los_probability(Propagation.UMA, 100.0, user_height_m=22.5)
    assert float(high) == pytest.approx(float(at_13) * (1 + lift))
    assert float(los_probability(Propagation.UMA, 18.0, user_height_m=22.5)) == 1.0


@settings(deadline=None)
@given(scenarios, st.floats(0, 4999), st.floats(0, 1000))
def test_line_of_sight_fades_with_distance(
    propagation: Propagation, near_m: float, step_m: float
) -> None:
    """For users on foot P_LOS never grows with distance and stays within 0..1."""
    near, far = los_probability(propagation, [near_m, near_m + step_m])
    assert 0.0 <= far <= near + 1e-15
    assert near <= 1.0


def test_shadow_fading_of_table_7_4_1_1() -> None:
    """One number per scenario; RMa in sight steps from 4 to 6 dB at the break-point."""

    def sigma(propagation: Propagation, sight: Sight, distance_m: float) -> float:
        return float(
            shadow_sigma_db(
                propagation,
                sight,
                distance_m,
                frequency_mhz=773.0,
                antenna_height_m=USUAL_HEIGHT_M[propagation],
            )
        )

    assert sigma(Propagation.UMA, Sight.LOS, 500.0) == 4.0
    assert sigma(Propagation.UMA, Sight.NLOS, 500.0) == 6.0
    assert sigma(Propagation.UMI, Sight.LOS, 500.0) == 4.0
    assert sigma(Propagation.UMI, Sight.NLOS, 500.0) == 7.82
    assert sigma(Propagation.RMA, Sight.NLOS, 500.0) == 8.0
    turn = 2 * np.pi * 35.0 * 1.5 * 773e6 / 3e8
    assert sigma(Propagation.RMA, Sight.LOS, turn - 1e-6) == 4.0
    assert sigma(Propagation.RMA, Sight.LOS, turn + 1e-6) == 6.0


def test_every_fault_of_the_input_is_named_at_once() -> None:
    """Distance, carrier and both heights out of range give four problems, each with its range."""
    with pytest.raises(InputError) as caught:
        path_loss_db(
            Propagation.UMA,
            Sight.NLOS,
            [5.0, 100.0, 6000.0],
            frequency_mhz=450.0,
            antenna_height_m=60.0,
            user_height_m=np.nan,
        )
    problems = {problem.where: problem.what for problem in caught.value.problems}
    assert list(problems) == ["distance_m", "frequency_mhz", "antenna_height_m", "user_height_m"]
    assert problems["distance_m"] == "2 values 5 to 6000 m outside 10 to 5000 m"
    assert problems["frequency_mhz"] == "450 MHz outside 500 to 100000 MHz"


def test_surroundings_of_the_countryside_have_limits_too() -> None:
    """RMa refuses buildings of 60 m and streets of 2 m."""
    with pytest.raises(InputError) as caught:
        path_loss_db(
            Propagation.RMA,
            Sight.LOS,
            100.0,
            frequency_mhz=773.0,
            antenna_height_m=35.0,
            countryside=Countryside(building_height_m=60.0, street_width_m=2.0),
        )
    assert [problem.where for problem in caught.value.problems] == [
        "countryside.building_height_m",
        "countryside.street_width_m",
    ]


def test_the_near_field_is_refused_unless_the_least_loss_is_asked_for() -> None:
    """Below 10 m the loss of 10 m is held on request; a negative distance never passes."""

    def loss(distance_m: npt.ArrayLike, near_field: NearField) -> npt.NDArray[np.float64]:
        return path_loss_db(
            Propagation.UMA,
            Sight.NLOS,
            distance_m,
            frequency_mhz=2600.0,
            antenna_height_m=25.0,
            near_field=near_field,
        )

    with pytest.raises(InputError):
        loss(9.99, NearField.REFUSE)
    held = loss([0.0, 9.99, 10.0], NearField.HOLD)
    assert held[0] == held[1] == held[2]
    with pytest.raises(InputError):
        loss(-1.0, NearField.HOLD)


def test_the_indoor_office_has_its_own_range() -> None:
    """InH holds from 1 to 150 m of slant distance; nearer only on request."""
    with pytest.raises(InputError):
        indoor_office_path_loss_db(Sight.LOS, [0.5, 151.0], frequency_mhz=3500.0)
    held = indoor_office_path_loss_db(
        Sight.NLOS, [0.5, 1.0], frequency_mhz=3500.0, near_field=NearField.HOLD
    )
    assert held[0] == held[1]


def test_line_of_sight_in_offices_of_table_7_4_2_1() -> None:
    """Worked by hand on both sides of every step, for mixed and open offices."""
    mixed = indoor_office_los_probability(Office.MIXED, [0.0, 1.2, 5.9, 6.5, 39.1])
    assert mixed == pytest.approx([1.0, 1.0, np.exp(-1.0), 0.32, 0.32 * np.exp(-1.0)])
    open_plan = indoor_office_los_probability(Office.OPEN, [0.0, 5.0, 49.0, 49.01, 260.7])
    expected = [1.0, 1.0, np.exp(-44 / 70.8), 0.54 * np.exp(-0.01 / 211.7), 0.54 * np.exp(-1.0)]
    assert open_plan == pytest.approx(expected)
    with pytest.raises(InputError):
        indoor_office_los_probability(Office.OPEN, [-1.0, np.inf])


@pytest.mark.parametrize(
    ("propagation", "per_metre_db"), [(Propagation.UMA, 0.6), (Propagation.UMI, 0.3)]
)
def test_obstructed_users_higher_up_lose_less(
    propagation: Propagation, per_metre_db: float
) -> None:
    """NLOS' falls by 0.6 dB (UMa) or 0.3 dB (UMi) a metre, beside the slant distance's share."""
    height = USUAL_HEIGHT_M[propagation]
    low, high = path_loss_db(
        propagation,
        Sight.NLOS,
        1000.0,
        frequency_mhz=3500.0,
        antenna_height_m=height,
        user_height_m=[1.5, 4.5],
    )
    slope = 39.08 if propagation is Propagation.UMA else 35.3
    slant = np.hypot(1000.0, height - np.array([1.5, 4.5]))
    nearer = slope * np.log10(slant[0] / slant[1])
    assert low - high == pytest.approx(3.0 * per_metre_db + nearer, abs=1e-9)


def test_arguments_broadcast() -> None:
    """Distances along one axis and heights along another give the table of both."""
    loss = path_loss_db(
        Propagation.UMA,
        Sight.LOS,
        [10.0, 100.0, 1000.0],
        frequency_mhz=2600.0,
        antenna_height_m=np.array([[20.0], [30.0]]),
    )
    assert loss.shape == (2, 3)
