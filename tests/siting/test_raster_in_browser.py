"""Radio rasters in a real browser: where they should be, with a legend that follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser_case import chromium, watched
from greedy_plan import greedy_plan
from rasterio.io import MemoryFile

from siting.coverage import build_coverage
from siting.geo import unproject
from siting.grid import Grid
from siting.maps import SS_RSRP, SS_SINR, level_layer, map_html, plan_map
from siting.provenance import Provenance
from siting.report import plan_tables
from siting.scenario import PlanningData, build_scenario
from siting.spec import ScenarioSpec

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPEC = ScenarioSpec.parse(
    {
        "name": "raster",
        "stations": 1,
        "targets": [{"kinds": ["district"], "standard": "basic-indoor", "required_fraction": 0.1}],
        "objective": {"standard": "basic-indoor", "weight": "population"},
    }
)
#: Littletown, 2 km x 2 km.
GRID = Grid(
    crs="EPSG:4547", west_m=500_000.0, south_m=3_350_000.0, cell_size_m=50.0, columns=40, rows=40
)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("size", [(1366, 768), (360, 740)])
def test_a_block_of_cells_is_where_it_should_be(
    littletown: PlanningData, tmp_path: Path, size: tuple[int, int]
) -> None:
    """The corners of a strong block among weak cells have its colour just inside, not outside."""
    scenario = build_scenario(SPEC, littletown)
    coverage = build_coverage(scenario)
    tables = plan_tables(scenario, greedy_plan(scenario, coverage), coverage)
    level = np.full((40, 40), -120.0)
    level[24:34, 6:16] = -80.0
    layers = [
        level_layer(GRID, level, SS_RSRP, provenance=Provenance.SYNTHETIC),
        level_layer(
            GRID, level + 90, SS_SINR, provenance=Provenance.SYNTHETIC, where=["室内", "indoors"]
        ),
    ]
    path = tmp_path / "map.html"
    path.write_text(map_html(plan_map(tables, rasters=layers)), encoding="utf-8")
    inner = [(7, 25), (15, 25), (7, 33), (15, 33)]
    outer = [(5, 23), (17, 23), (5, 35), (17, 35)]
    corners = np.array([*inner, *outer]) * 50.0 + [500_000.0, 3_350_000.0]
    lon, lat = unproject(corners, "EPSG:4547")
    with chromium() as browser, watched(browser) as seen:
        seen.page.set_viewport_size({"width": size[0], "height": size[1]})
        seen.page.goto(path.as_uri())
        seen.page.wait_for_function("document.documentElement.dataset.drawn !== undefined")
        # Everything above the raster is hidden.
        seen.page.add_style_tag(
            content=".leaflet-pane.leaflet-sm-zones-pane, .leaflet-sm-districts-pane, "
            ".leaflet-sm-stations-pane, .leaflet-tooltip-pane, .leaflet-control-container "
            "{ display: none !important }"
        )
        seen.page.wait_for_timeout(300)
        places = seen.page.evaluate(
            """places => places.map(place => {
                const box = map_plan.getContainer().getBoundingClientRect();
                const point = map_plan.latLngToContainerPoint(place);
                return [point.x + box.left, point.y + box.top];
            })""",
            np.column_stack([lat, lon]).tolist(),
        )
        picture = seen.page.screenshot()
        legend = seen.page.locator(".sm-legend")
        assert legend.locator('[data-layer="demand-ss_rsrp"]').is_visible()
        assert not legend.locator('[data-layer="demand-ss_sinr-indoors"]').is_visible()
        assert "−85 dBm" in legend.inner_text()
        assert "合成数据" in legend.inner_text()
        assert seen.complaints == []
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert seen.page.evaluate(overflow) <= 0
    with MemoryFile(picture) as memory, memory.open() as image:
        colours = image.read()[:3].astype(int)
    found = [colours[:, round(y), round(x)] for x, y in places]
    for colour in found[:4]:
        assert colour[0] > 200, "yellow"
        assert colour[2] < 110, "yellow"
    for colour in found[4:]:
        assert colour[1] < 90, "purple"
