"""Path loss over terrain against the published validation examples of ITU-R P.1812."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.instances.radio import evaluate_log, read_log, read_profile
from siting.errors import InputError
from siting.radio.propagation.p1812 import (
    SEA,
    PathProfile,
    basic_transmission_loss,
    location_sigma_db,
)

FOLDER = Path(__file__).parents[4].parent / "shared/vectors/radio/p1812"
CASES = sorted(path.name.removesuffix("_log.csv") for path in FOLDER.glob("results/*_log.csv"))
#: Name and equation of a row of the validation logs -> our name of the quantity.
QUANTITIES = {
    ("dlt (km)", "Eq (78)"): "dlt",
    ("dlr (km)", "Eq (81a)"): "dlr",
    ("th_t (mrad)", "Eqs (76-78)"): "theta_t",
    ("th_r (mrad)", "Eqs (79-81)"): "theta_r",
    ("th (mrad)", "Eq (82)"): "theta",
    ("w", "Table 5"): "omega",
    ("dtm (km)", "Sec 3.6"): "dtm",
    ("dlm (km)", "Sec 3.6"): "dlm",
    ("b0 (%)", "Eq (5)"): "b0",
    ("ae (km)", "Eq (7a)"): "ae",
    ("hst (m)", "Eq (85)"): "hst",
    ("hsr (m)", "Eq (86)"): "hsr",
    ("hstd (m)", "Eq (89)"): "hstd",
    ("hsrd (m)", "Eq (89)"): "hsrd",
    ("hte (m)", "Eq (92a)"): "hte",
    ("hre (m)", "Eq (92b)"): "hre",
    ("hm (m)", "Eq (93)"): "hm",
    ("Fi", "Eq (40)"): "fi",
    ("Fj", "Eq (57)"): "fj",
    ("Fk", "Eq (58)"): "fk",
    ("Lbfs", "Eq (8)"): "lbfs",
    ("Lb0p", "Eq (10)"): "lb0p",
    ("Lb0b", "Eq (11)"): "lb0b",
    ("Lbulla (dB)", "Eq (21)"): "lbulla",
    ("Lbulls (dB)", "Eq (21)"): "lbulls",
    ("Ldsph (dB)", "Eq (27)"): "ldsph",
    ("Ld50 (dB)", "Eq (39)"): "ld50",
    ("Ldb (dB)", "Eq (39)"): "ldb",
    ("Ldp (dB)", "Eq (41)"): "ldp",
    ("Lbd50 (dB)", "Eq (42)"): "lbd50",
    ("Lminb0p (dB)", "Eq (59)"): "lminb0p",
    ("Lba (dB)", "Eq (46)"): "lba",
    ("Lminbap (dB)", "Eq (60)"): "lminbap",
    ("Lbda (dB)", "Eq (61)"): "lbda",
    ("Lbam (dB)", "Eq (62)"): "lbam",
    ("Lbs (dB)", "Eq (44)"): "lbs",
    ("Lbc (dB)", "Eq (63)"): "lbc",
    ("Lb (dB)", "Eq (69)"): "loss_db",
}
HILLS = PathProfile(
    distance_m=np.linspace(0.0, 8_000.0, 81),
    terrain_m=30.0 + 40.0 * np.sin(np.linspace(0.0, 9.0, 81)) ** 2,
    clutter_m=np.where(np.arange(81) % 7 == 3, 15.0, 0.0),
)


@pytest.mark.skipif(not CASES, reason="shared vectors absent")
@pytest.mark.parametrize("case", CASES)
def test_published_examples(case: str) -> None:
    """The loss and every intermediate quantity agree to 1e-6 with the validation examples."""
    row = read_log(FOLDER / "results" / f"{case}_log.csv")
    ours = evaluate_log(row, read_profile(FOLDER / "profiles" / f"{case.rpartition('_')[0]}.csv"))
    wrong = {
        name: (getattr(ours, name), row[key])
        for key, name in QUANTITIES.items()
        if abs(getattr(ours, name) - row[key]) > 1e-6 * max(1.0, abs(row[key]))
    }
    assert not wrong
    # the logs state Lbd after a later step has overwritten it: equation (43) from its own terms
    assert ours.lbd == pytest.approx(row["Lb0p", "Eq (10)"] + row["Ldp (dB)", "Eq (41)"], abs=1e-6)


def loss(**changes: float) -> float:
    """Evaluate the hills with some arguments changed."""
    arguments: dict[str, float] = {
        "frequency_mhz": 700.0,
        "transmitter_height_m": 30.0,
        "receiver_height_m": 1.5,
        "centre_latitude_deg": 30.4,
        "gradient_n_units_per_km": 45.0,
        "refractivity_n_units": 360.0,
    }
    return basic_transmission_loss(HILLS, **{**arguments, **changes}).loss_db


@settings(deadline=None)
@given(latitude=st.floats(-80.0, 80.0), time=st.floats(1.0, 50.0))
def test_every_latitude_has_a_loss(latitude: float, time: float) -> None:
    """Both hemispheres answer alike, beyond 70 degrees too, and rarer loss is never greater."""
    here = loss(centre_latitude_deg=latitude, time_percent=time)
    assert np.isfinite(here)
    assert here == loss(centre_latitude_deg=-latitude, time_percent=time)
    assert here <= loss(centre_latitude_deg=latitude) + 1e-9


def test_the_step_at_70_degrees_is_the_recommendations() -> None:
    """At 70 degrees both branches of the share of strong refraction nearly meet."""
    below = loss(centre_latitude_deg=69.9999, time_percent=1.0)
    assert abs(loss(centre_latitude_deg=70.0001, time_percent=1.0) - below) < 0.01


def test_a_greater_share_of_locations_costs_the_spread() -> None:
    """At 95 % of locations the loss is 1.645 standard deviations above the median."""
    spread = loss(location_percent=95.0, location_sigma_db=6.0) - loss(location_sigma_db=6.0)
    assert spread == pytest.approx(1.645 * 6.0, abs=0.01)


def test_the_spread_among_locations_ends_above_the_clutter() -> None:
    """The published form: 0.52 + 0.024 f times the 0.28th power of the side, none 10 m above."""
    whole = location_sigma_db(3500.0, 100.0, height_m=1.5, clutter_m=10.0)
    assert whole == pytest.approx((0.52 + 0.024 * 3.5) * 100.0**0.28)
    assert location_sigma_db(3500.0, 100.0, height_m=15.0, clutter_m=10.0) == 0.5 * whole
    assert location_sigma_db(3500.0, 100.0, height_m=20.0, clutter_m=10.0) == 0.0


def test_clutter_at_the_ends_does_not_matter() -> None:
    """The Recommendation adds clutter along the path and none at its ends."""
    clutter = HILLS.clutter_m.copy()
    clutter[[0, -1]] = 50.0
    walled = PathProfile(distance_m=HILLS.distance_m, terrain_m=HILLS.terrain_m, clutter_m=clutter)
    same = {
        basic_transmission_loss(
            ground,
            frequency_mhz=700.0,
            transmitter_height_m=30.0,
            receiver_height_m=1.5,
            centre_latitude_deg=30.4,
            gradient_n_units_per_km=45.0,
            refractivity_n_units=360.0,
        ).loss_db
        for ground in (HILLS, walled)
    }
    assert len(same) == 1


def test_every_fault_of_a_profile_is_named() -> None:
    """Lengths, gaps, order and zones that are wrong are told in one error."""
    with pytest.raises(InputError) as told:
        PathProfile(
            distance_m=np.array([0.0, 10.0, 5.0, 20.0, 30.0]),
            terrain_m=np.array([1.0, np.nan, 1.0, 1.0, 1.0]),
            clutter_m=np.array([0.0, 1.0]),
            zone=np.array([4, 4, 2, 4, 4]),
        )
    assert [problem.where for problem in told.value.problems] == [
        "clutter_m",
        "terrain_m",
        "distance_m",
        "zone",
    ]


def test_a_profile_of_one_point_is_refused() -> None:
    """A path needs points between its ends."""
    with pytest.raises(InputError, match="has 1 points, needs at least 5"):
        PathProfile(distance_m=np.zeros(1), terrain_m=np.zeros(1))


def test_arguments_out_of_range_are_named_together() -> None:
    """Nothing is clipped in silence."""
    with pytest.raises(InputError) as told:
        loss(frequency_mhz=26_000.0, time_percent=60.0, receiver_height_m=float("nan"))
    assert sorted(problem.where for problem in told.value.problems) == [
        "frequency_mhz",
        "receiver_height_m",
        "time_percent",
    ]


def test_an_end_at_sea_has_no_land_to_the_coast() -> None:
    """The distance to the coast given for an end at sea plays no role."""
    wet = PathProfile(
        distance_m=HILLS.distance_m * 4,
        terrain_m=np.zeros(81),
        zone=np.full(81, SEA, dtype=np.int8),
    )
    told = [
        basic_transmission_loss(
            wet,
            frequency_mhz=700.0,
            transmitter_height_m=30.0,
            receiver_height_m=10.0,
            centre_latitude_deg=30.4,
            gradient_n_units_per_km=45.0,
            refractivity_n_units=360.0,
            time_percent=1.0,
            transmitter_coast_km=coast,
            receiver_coast_km=coast,
        )
        for coast in (0.0, 500.0)
    ]
    assert told[0] == told[1]
    assert told[0].omega == pytest.approx(1.0)
