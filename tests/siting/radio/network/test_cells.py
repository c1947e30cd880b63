"""Cells as data: building them, changing them, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_networks import MACRO, N28, N41, random_cells, raster, technology

from siting.errors import InputError
from siting.radio.network.cells import OMNI, eirp_per_subcarrier_dbm, sectors

GRID = raster()


def test_sectors_are_ordered_by_site_equipment_and_azimuth() -> None:
    """Two sites, two carriers, three azimuths: twelve cells, heights by site."""
    cells = sectors(
        [[1100.0, 2100.0], [1900.0, 2900.0]],
        (N41, N28),
        height_m=[25.0, 30.0],
        pattern=MACRO,
        azimuths_deg=(0.0, 120.0, 240.0),
        tilt_deg=[[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]],
    )
    assert cells.site.tolist() == [0] * 6 + [1] * 6
    assert cells.technology.tolist() == [0, 0, 0, 1, 1, 1] * 2
    assert cells.azimuth_deg.tolist() == [0.0, 120.0, 240.0] * 4
    assert cells.tilt_deg.tolist() == [3.0, 4.0, 5.0] * 2 + [6.0, 7.0, 8.0] * 2
    assert cells.height_m.tolist() == [25.0] * 6 + [30.0] * 6
    assert not cells.problems(GRID)


def test_the_power_of_a_subcarrier_is_that_of_the_planning_figures() -> None:
    """200 W on 100 MHz through 16 dBi: 17.8 + 16 dBm."""
    assert eirp_per_subcarrier_dbm(N41) == pytest.approx(33.85, abs=0.01)


def test_values_change_in_a_copy() -> None:
    """Turning one cell leaves the given network as it was."""
    cells = random_cells(GRID, 2, 0)
    turned = cells.with_values([1], azimuth_deg=77.0)
    assert turned.azimuth_deg[1] == 77.0
    assert cells.azimuth_deg[1] != 77.0


def test_arrays_of_unlike_lengths_are_named() -> None:
    """A short array is named with both lengths."""
    cells = sectors([[1100.0, 2100.0], [1900.0, 2900.0]], N41, height_m=25.0)
    broken = replace(cells, load=np.zeros(1))
    assert "cells.load: has shape (1,), not (2,)" in [str(p) for p in broken.problems()]
    broken = replace(cells, xy=np.zeros(2), operator=("A",))
    told = [str(p) for p in broken.problems()]
    assert told == [
        "cells.xy: has shape (2,), not (2, 2)",
        "cells.operator: names 1 cells of 2",
    ]


def test_one_frequency_has_one_spacing() -> None:
    """Two kinds of equipment on one frequency with unlike subcarriers are refused."""
    other = technology("other", spacing_khz=60.0)
    cells = sectors([1500.0, 2500.0], (N41, other), height_m=25.0)
    assert any("another spacing" in str(problem) for problem in cells.problems())


def test_power_beyond_reason_is_refused() -> None:
    """90 dBm is a mistake of units, not a transmitter."""
    cells = sectors([1500.0, 2500.0], technology(tx_power_dbm=90.0), height_m=25.0)
    assert any("EIRP" in str(problem) for problem in cells.problems())


def test_many_sites_outside_are_named_in_short() -> None:
    """Eight lost sites: five are named, the others counted."""
    cells = sectors(np.full((8, 2), 9e6), N41, height_m=25.0)
    told = str(cells.problems(GRID)[0])
    assert "site 0, 1, 2, 3, 4 and 3 more" in told


def test_more_cells_need_the_same_equipment() -> None:
    """Cells of other technologies cannot be appended."""
    with pytest.raises(InputError, match="same tuples"):
        random_cells(GRID, 1, 0).and_more(sectors([1500.0, 2500.0], N28, height_m=25.0))


def test_cells_of_one_operator_can_be_taken_alone() -> None:
    """Two operators on shared towers: each one's cells, in order."""
    both = sectors(
        [[1500.0, 2500.0]],
        N41,
        height_m=25.0,
        pattern=OMNI,
        azimuths_deg=(0.0, 120.0),
        operator="A",
    )
    both = both.and_more(sectors([[1500.0, 2500.0]], N41, height_m=30.0, operator="B"))
    alone = both.only(np.array(both.operator) == "B")
    assert alone.operator == ("B",)
    assert alone.height_m.tolist() == [30.0]
    assert not alone.problems()


def test_arrays_that_do_not_fit_the_sites_are_named() -> None:
    """Three heights for two sites, azimuths of three sites, positions of three numbers."""
    with pytest.raises(InputError) as raised:
        sectors(np.zeros((2, 3)), N41, height_m=[1.0, 2.0, 3.0], azimuths_deg=np.zeros((3, 2)))
    told = [problem.where for problem in raised.value.problems]
    assert told == ["xy", "height_m", "azimuths_deg"]


def test_values_that_cannot_be_set_are_named() -> None:
    """A text, two azimuths for one cell, a mask of another network, a technology of fractions."""
    cells = random_cells(GRID, 2, 0)
    with pytest.raises(InputError) as raised:
        cells.with_values([1], tilt_deg="steep", azimuth_deg=[1.0, 2.0])
    told = [problem.where for problem in raised.value.problems]
    assert told == ["cells.tilt_deg", "cells.azimuth_deg"]
    with pytest.raises(InputError, match="name no cell"):
        cells.with_values(np.ones(3, dtype=bool), tilt_deg=1.0)
    halves = replace(cells, technology=np.full(len(cells), 0.5))
    assert "cells.technology: is not of whole numbers" in [str(p) for p in halves.problems()]
