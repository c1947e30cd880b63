"""Changes on one site: the same bits as a prediction from the start."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_networks import N28, N41, box_zone, hills, random_cells, raster, technology

from siting.errors import InputError
from siting.radio.network.area_prediction import Outside, Prediction, predict
from siting.radio.network.area_report import QUALITY_STANDARDS, area_report, report_areas
from siting.radio.network.cells import Cells, sectors
from siting.radio.network.what_if import WhatIf

GRID = raster(40)
RADIUS_M = 700.0
TERRAIN = hills(GRID, 2, clutter=True)
AREAS = report_areas(
    GRID, [box_zone("all", GRID), box_zone("part", GRID, share=0.4), box_zone("few", GRID, 0.1)]
)


def whole(cells: Cells) -> Prediction:
    """Predict from the start."""
    return predict(cells, GRID, terrain=TERRAIN, radius_m=RADIUS_M, keep_surroundings=True)


def assert_as_from_the_start(session: WhatIf) -> None:
    """Compare servers, powers and figures with a prediction of the same cells."""
    fresh = whole(session.prediction.cells)
    for ours, theirs in zip(session.prediction.state, fresh.state, strict=True):
        assert np.array_equal(ours, theirs)
    assert session.report() == area_report(fresh, AREAS)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_any_sequence_of_changes_is_a_prediction_from_the_start(
    seed: int, data: st.DataObject
) -> None:
    """Turning, moving, raising, removing, adding, undoing: bits and figures are those afresh."""
    cells = random_cells(GRID, 7, seed, equipment=(N41, N28))
    session = WhatIf(whole(cells), AREAS)
    rng = np.random.default_rng(seed)
    corner, done = np.array([GRID.west_m, GRID.south_m]), 0
    for kind in data.draw(
        st.lists(
            st.sampled_from(["turn", "move", "raise", "remove", "add", "undo"]),
            min_size=1,
            max_size=3,
        )
    ):
        site = int(rng.integers(7))
        mine = np.flatnonzero(session.prediction.cells.site == site)
        if kind == "turn":
            session.change(mine[:2], azimuth_deg=rng.uniform(0, 360, 2), tilt_deg=3.0)
        elif kind == "move":
            session.change(mine, xy=corner + rng.uniform(0.0, 2000.0, 2))
        elif kind == "raise":
            session.change(mine, height_m=40.0, load=0.9)
        elif kind == "remove":
            session.remove(site)
        elif kind == "add":
            place = corner + rng.uniform(0.0, 2000.0, (1, 2))
            new = sectors(place, (N41, N28), height_m=25.0, pattern=cells.patterns[0])
            session.add(new)
        elif done:
            session.undo()
        done += -1 if kind == "undo" and done else int(kind != "undo")
    assert_as_from_the_start(session)


def test_removing_and_bringing_back_returns_the_same_raster() -> None:
    """Off and on again: every bit is as before; the given prediction was never touched."""
    start = whole(random_cells(GRID, 6, 1))
    copy = start.state.copy()
    session = WhatIf(start, AREAS)
    assert session.areas is AREAS
    assert session.standards == QUALITY_STANDARDS
    before = session.report()
    session.remove(3)
    assert not np.array_equal(session.prediction.state.power, copy.power)
    session.change(start.cells.site == 3, active=True)
    for ours, theirs in zip(session.prediction.state, copy, strict=True):
        assert np.array_equal(ours, theirs)
    assert session.report() == before
    assert all(np.array_equal(a, b) for a, b in zip(start.state, copy, strict=True))


def test_undo_takes_changes_back_one_by_one() -> None:
    """Two changes undone: state, cells and figures of the start; a third undo is refused."""
    start = whole(random_cells(GRID, 6, 4))
    session = WhatIf(start, AREAS)
    session.change([0, 1, 2], xy=[[1100.0, 2100.0]])
    session.add(sectors([2000.0, 3000.0], N41, height_m=30.0, pattern=start.cells.patterns[0]))
    session.undo()
    assert len(session.prediction.cells) == len(start.cells)
    session.undo()
    for ours, theirs in zip(session.prediction.state, start.state, strict=True):
        assert np.array_equal(ours, theirs)
    assert session.report() == area_report(start, AREAS)
    with pytest.raises(InputError, match="no change is left"):
        session.undo()


def test_what_makes_no_network_changes_nothing() -> None:
    """A height outside the model, a field that is none, a site without cells, off the raster."""
    start = whole(random_cells(GRID, 3, 4))
    session = WhatIf(start)
    with pytest.raises(InputError, match="antenna_height_m"):
        session.change([0], height_m=500.0)
    with pytest.raises(InputError, match="no field"):
        session.change([0], colour=3)
    with pytest.raises(InputError, match="cells are 0 to 8"):
        session.change([99], tilt_deg=3.0)
    with pytest.raises(InputError, match="carries no cell"):
        session.remove(12)
    with pytest.raises(InputError, match="outside the raster"):
        session.change([0], xy=[[0.0, 0.0]])
    with pytest.raises(InputError, match="same tuples"):
        session.add(sectors([2000.0, 3000.0], N28, height_m=30.0))
    with pytest.raises(InputError, match="areas"):
        session.report()
    assert session.areas is None
    assert not session.standards
    session.remove(2)
    session.undo()
    for ours, theirs in zip(session.prediction.state, start.state, strict=True):
        assert np.array_equal(ours, theirs)


def test_boxes_far_apart_are_brought_up_to_date_each() -> None:
    """A site moved across the raster: both ends are right, what lies between is not touched."""
    cells = random_cells(GRID, 8, 11)
    session = WhatIf(predict(cells, GRID, radius_m=300.0), AREAS)
    session.change(cells.site == 0, xy=[[1100.0, 2100.0]])
    session.change(cells.site == 0, xy=[[2900.0, 3900.0]])
    fresh = predict(session.prediction.cells, GRID, radius_m=300.0)
    for ours, theirs in zip(session.prediction.state, fresh.state, strict=True):
        assert np.array_equal(ours, theirs)


def test_another_bandwidth_at_the_same_level_changes_the_rates() -> None:
    """Half the bandwidth at half the power: no level changes, the figures by zone do."""
    narrow = technology("narrow", bandwidth_mhz=50.0, tx_power_dbm=53.0 - 10 * np.log10(273 / 133))
    cells = replace(random_cells(GRID, 5, 8), technologies=(N41, narrow))
    session = WhatIf(whole(cells), AREAS)
    before = session.report()
    session.change(cells.site == 2, technology=1)
    assert_as_from_the_start(session)
    assert session.report() != before


def test_cells_left_out_stay_out() -> None:
    """A site beyond the raster that was left out is neither counted nor in the way of changes."""
    inside = random_cells(GRID, 5, 6)
    cells = inside.and_more(
        replace(inside, xy=inside.xy + np.array([5e4, 0.0]), site=inside.site + 5)
    )
    session = WhatIf(predict(cells, GRID, radius_m=RADIUS_M, off_grid=Outside.LEAVE_OUT), AREAS)
    session.remove(2)
    session.change(cells.site == 7, tilt_deg=9.0)
    fresh = predict(inside.with_values(inside.site == 2, active=False), GRID, radius_m=RADIUS_M)
    for ours, theirs in zip(session.prediction.state, fresh.state, strict=True):
        assert np.array_equal(ours, theirs)
    assert session.report() == area_report(fresh, AREAS)
