"""The benchmark of a city's prediction: rows as the table wants them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.radio_city import city, run


def test_the_city_is_the_same_every_time() -> None:
    """Nine sites on 2.7 km: three sectors each, all on the raster, hills of 200 m."""
    (cells, terrain), (again, _) = city(9, 100.0), city(9, 100.0)
    assert len(cells) == 27
    assert not cells.problems(terrain.grid)
    assert np.array_equal(cells.azimuth_deg, again.azimuth_deg)
    assert np.ptp(terrain.ground_m) == pytest.approx(200.0, rel=1e-5)
    assert terrain.grid.rows * terrain.grid.cell_size_m == pytest.approx(2_700.0)


@pytest.mark.slow
def test_rows_tell_seconds_memory_and_whether_the_aim_is_reached() -> None:
    """A tiny city with an aim it cannot miss: three rows, each said to be met or not."""
    rows = run([(6, 100.0, 600.0)])
    assert [set(row) for row in rows] == [{"figure", "aim", "reached", "measured"}] * 3
    assert rows[0]["reached"] in {"yes", "NO"}
    assert "s of CPU, " in rows[0]["measured"]
    assert not rows[1]["aim"]
    assert rows[2]["aim"] == "<= 150 ms"
