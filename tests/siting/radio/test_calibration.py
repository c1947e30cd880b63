"""Calibration: finds what was put in, says what it cannot find, and is judged on other ground."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold

from siting.errors import InputError
from siting.radio.calibration import (
    BLOCK_M,
    HALF_TRUST_PLACES,
    PLACE_M,
    Calibration,
    _fit,
    _places,
    calibrate,
)

TRUE_CLASS_DB = np.array([0.0, -6.0, 4.0])


def drive(seed: int, samples: int = 4_000, **change: Any) -> dict[str, npt.NDArray[Any]]:
    """Return a drive test over 10 km: offset 3 dB, slope -8 dB a decade, three classes of clutter.

    Errors of 5 dB from place to place and of `shared_db` from square to square.
    """
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 10_000, (samples, 2)) + 500_000.0
    lg = rng.uniform(2.0, 3.5, samples) if change.get("lg") is None else change["lg"]
    clutter = rng.integers(0, 3, samples) if change.get("clutter") is None else change["clutter"]
    predicted = -30.0 - 35.0 * (lg - 1.0)
    square = np.floor(xy / BLOCK_M).astype(int) @ [1, 1_000]
    names, member = np.unique(square, return_inverse=True)
    shared = rng.normal(0, change.get("shared_db", 0.0), len(names))[member]
    noise = rng.normal(0, change.get("noise_db", 5.0), samples) + shared
    measured = predicted + 3.0 - 8.0 * (lg - 2.75) + TRUE_CLASS_DB[clutter] + noise
    return {
        "measured_dbm": measured,
        "predicted_dbm": predicted,
        "lg_distance": lg,
        "clutter": clutter,
        "xy": xy,
    }


def fitted(data: dict[str, npt.NDArray[Any]]) -> Calibration:
    """Calibrate with a drive."""
    return calibrate(data.pop("measured_dbm"), data.pop("predicted_dbm"), **data)


def test_what_was_put_in_is_found() -> None:
    """Slope within 0.5 dB a decade, differences of classes within 0.5 dB, error as put in."""
    data = drive(1)
    level = data["measured_dbm"], data["predicted_dbm"]
    made = fitted(dict(data))
    constants = made.correction.class_db
    assert made.slope_known
    assert made.correction.slope_db == pytest.approx(-8.0, abs=0.5)
    assert constants[1] - constants[0] == pytest.approx(-6.0, abs=0.5)
    assert constants[2] - constants[0] == pytest.approx(4.0, abs=0.5)
    assert made.overall.sigma_after_db == pytest.approx(5.0, abs=0.3)
    assert abs(made.overall.bias_after_db) < 0.3
    assert made.overall.sigma_before_db > 6.5
    after = made.correction.correct(level[1], data["lg_distance"], data["clutter"])
    assert np.std(level[0] - after) == pytest.approx(5.0, abs=0.2)


def test_exact_data_are_fitted_exactly() -> None:
    """Without noise, and many places a class, what is left is the shrinkage alone."""
    made = fitted(drive(2, noise_db=0.0))
    assert made.overall.sigma_after_db < 0.2
    assert made.correction.slope_db == pytest.approx(-8.0, abs=0.1)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 99), share=st.floats(0.0, 0.12))
def test_wrong_cells_do_not_pull(seed: int, share: float) -> None:
    """Up to an eighth of samples 40 dB off move the correction by less than 1.5 dB."""
    data = drive(seed)
    clean = fitted(dict(data)).correction.correct(-100.0, 2.75, [0, 1, 2])
    wrong = np.random.default_rng(seed).random(len(data["xy"])) < share
    data["measured_dbm"] = np.where(wrong, data["measured_dbm"] + 40.0, data["measured_dbm"])
    spoilt = fitted(data).correction.correct(-100.0, 2.75, [0, 1, 2])
    assert np.abs(spoilt - clean).max() < 1.5


def test_one_distance_tells_no_slope() -> None:
    """All samples at one distance: no slope, the reason given, the offset right all the same."""
    made = fitted(drive(3, lg=np.full(4_000, 2.75)))
    assert not made.slope_known
    assert made.correction.slope_db == 0.0
    assert "span 0.00 decades" in made.slope_reason
    level = made.correction.correct(0.0, 2.75, 0)
    assert level == pytest.approx(3.0, abs=0.5)


def test_distance_and_clutter_that_change_together_tell_no_slope() -> None:
    """Towns near and fields far, each at one distance: the slope could be either."""
    clutter = np.random.default_rng(4).integers(0, 2, 4_000)
    made = fitted(drive(4, clutter=clutter, lg=np.where(clutter == 0, 2.2, 3.2)))
    assert "within a class of clutter the distances span 0.00" in made.slope_reason
    assert made.overall.sigma_after_db < 6.0


def test_few_squares_tell_no_slope() -> None:
    """Ten thousand samples in nine squares: however sure the fit looks, no slope is claimed."""
    data = drive(5)
    data["xy"] = np.mod(data["xy"], 1_500.0)
    made = fitted(data)
    assert made.blocks == 9
    assert made.slope_reason == "the places lie in 9 squares, 20 are needed"


def test_errors_shared_by_squares_make_the_slope_unsure() -> None:
    """One distance and one error a square: plain regression is sure, the squares say otherwise."""
    data = drive(6, shared_db=25.0)
    data["xy"] = np.mod(data["xy"], 3_000.0)
    square = np.floor(data["xy"] / BLOCK_M).astype(int) @ [1, 6]
    data["lg_distance"] = np.random.default_rng(1).uniform(2.0, 3.5, 36)[square]
    data["measured_dbm"] = (
        data["predicted_dbm"] + np.random.default_rng(2).normal(0, 25, 36)[square]
    )
    made = fitted(data)
    assert 4.0 < made.slope_error_db < 30.0
    assert "standard error" in made.slope_reason
    assert made.correction.slope_db == 0.0


def test_a_class_with_few_places_is_believed_by_half() -> None:
    """Twenty places of a class 8 dB off give it about half of that, two thousand nearly all."""
    for places, least, most in ((int(HALF_TRUST_PLACES), 0.3, 0.65), (2_000, 0.93, 1.07)):
        clutter = np.zeros(4_000, dtype=int)
        clutter[:places] = 1
        data = drive(6, clutter=clutter)
        noise = np.random.default_rng(1).normal(0, 5, 4_000)
        data["measured_dbm"] = data["predicted_dbm"] - 8.0 * clutter + noise
        made = fitted(data).correction
        assert least < -(made.class_db[1] + made.offset_db) / 8.0 < most
        assert abs(made.class_db[0] + made.offset_db) < 0.3


def test_a_car_at_a_traffic_light_counts_once() -> None:
    """Ten thousand samples of one place weigh as one."""
    data = drive(7, samples=1_000)
    before = fitted(dict(data)).correction.offset_db
    stood = {
        key: np.concatenate([value, np.repeat(value[:1], 10_000, axis=0)])
        for key, value in data.items()
    }
    stood["measured_dbm"][1_000:] = -50.0
    made = fitted(stood)
    assert made.correction.offset_db == pytest.approx(before, abs=0.3)
    assert made.samples == 11_000
    assert made.places <= 1_000


def test_folds_are_whole_squares_and_fitted_without_them() -> None:
    """Each fold's errors, computed anew from the other folds' places alone."""
    data = drive(8, shared_db=4.0)
    made = fitted(dict(data))
    places = _places(
        data["measured_dbm"] - data["predicted_dbm"],
        data["lg_distance"], data["clutter"], data["xy"], BLOCK_M,
    )  # fmt: skip
    pooled = []
    split = GroupKFold(n_splits=5).split(places.block, groups=places.block)
    for fold, (train, test) in zip(made.folds, split, strict=True):
        assert not set(places.block[train]) & set(places.block[test])
        correction = _fit(places.part(train))[0]
        left = places.residual[test] - correction.correct(
            np.zeros(len(test)), places.lg_distance[test], places.clutter[test]
        )
        assert fold.bias_after_db == pytest.approx(left.mean())
        assert fold.sigma_after_db == pytest.approx(left.std())
        assert fold.bias_before_db == pytest.approx(places.residual[test].mean())
        pooled.append(left)
    assert made.overall.places == made.places == sum(fold.places for fold in made.folds)
    assert made.overall.sigma_after_db == pytest.approx(np.concatenate(pooled).std())


def test_places_of_one_square_never_part() -> None:
    """Places within a square have one block, and a place lies in one."""
    rng = np.random.default_rng(9)
    xy = rng.uniform(0, 3_000, (2_000, 2))
    zero = np.zeros(2_000)
    places = _places(zero, zero, np.zeros(2_000, dtype=int), xy, BLOCK_M)
    assert len(np.unique(places.block)) == 36
    assert len(places) <= (3_000 / PLACE_M) ** 2


def test_every_fault_is_named() -> None:
    """Shapes, levels, distances, classes and places in one error; too few squares in another."""
    with pytest.raises(InputError) as error:
        calibrate([-90.0, 20.0], [-90.0], lg_distance=[2.0, 9.0], clutter=[0.5, 1.0],
                  xy=[[0.0, 0.0], [np.nan, 0.0]], block_m=1.0)  # fmt: skip
    text = str(error.value)
    for part in ("measured_dbm", "predicted_dbm", "lg_distance", "clutter", "xy", "block_m"):
        assert part in text
    with pytest.raises(InputError, match="lie in 1 squares of 500 m, 5 are needed"):
        calibrate(
            np.full(9, -90.0), np.full(9, -90.0), lg_distance=np.full(9, 2.5),
            clutter=np.zeros(9, dtype=int), xy=np.full((9, 2), 10.0),
        )  # fmt: skip
