"""Tiny networks that the tests of area prediction share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from siting.grid import Grid
from siting.provenance import Provenance
from siting.radio.antenna import sector_pattern
from siting.radio.ground.terrain import Terrain
from siting.radio.network.cells import Cells, sectors
from siting.technology import Propagation, Technology
from siting.zones import Zone, ZoneKind

MACRO = sector_pattern(gain_dbi=16.0, vertical_beamwidth_deg=10.0)


def technology(
    name: str = "macro",
    *,
    frequency_mhz: float = 2600.0,
    propagation: Propagation = Propagation.UMA,
    band: str = "n41",
    tx_power_dbm: float = 53.0,
    spacing_khz: float = 30.0,
    bandwidth_mhz: float = 100.0,
) -> Technology:
    """Return equipment; the defaults are a 200 W sector on 2.6 GHz."""
    return Technology(
        id=name,
        name_zh=name,
        name_en=name,
        band=band,
        station_class="macro",
        propagation=propagation,
        frequency_mhz=frequency_mhz,
        bandwidth_mhz=bandwidth_mhz,
        subcarrier_spacing_khz=spacing_khz,
        tx_power_dbm=tx_power_dbm,
        ssb_gain_dbi=16.0,
        max_height_m=35.0,
        hosts=(),
        cost_cny=1,
        source="test",
    )


N41 = technology()
N28 = technology(
    "wide",
    frequency_mhz=773.0,
    propagation=Propagation.RMA,
    band="n28",
    spacing_khz=15.0,
    bandwidth_mhz=30.0,
)


def raster(side: int = 30, pixel_m: float = 50.0) -> Grid:
    """Return a square raster of `side` pixels."""
    return Grid(
        crs="EPSG:32650",
        west_m=1000.0,
        south_m=2000.0,
        cell_size_m=pixel_m,
        columns=side,
        rows=side,
    )


def random_cells(
    grid: Grid, sites: int, seed: int, *, equipment: tuple[Technology, ...] = (N41,)
) -> Cells:
    """Return three sectors at random places, heights, azimuths and tilts."""
    rng = np.random.default_rng(seed)
    size = np.array([grid.columns, grid.rows]) * grid.cell_size_m
    return sectors(
        rng.uniform(0.0, 1.0, (sites, 2)) * size + [grid.west_m, grid.south_m],
        equipment,
        height_m=rng.choice([20.0, 25.0, 30.0], sites),
        pattern=MACRO,
        azimuths_deg=rng.uniform(0.0, 360.0, (sites, 3)),
        tilt_deg=rng.uniform(0.0, 12.0, (sites, 3)),
    )


def hills(grid: Grid, seed: int, *, clutter: bool) -> Terrain:
    """Return rough ground, with or without buildings."""
    rng = np.random.default_rng(seed)
    north, east = np.indices((grid.rows, grid.columns))
    ground = 40.0 * np.sin(east / 4.0) * np.cos(north / 5.0) + rng.uniform(0, 3, north.shape)
    houses: npt.NDArray = np.where(rng.uniform(size=north.shape) < 0.2, 15.0, 0.0)
    return Terrain(
        grid=grid,
        ground_m=ground.astype(np.float32),
        clutter_m=houses.astype(np.float32) if clutter else None,
    )


def box_zone(name: str, grid: Grid, share: float = 1.0) -> Zone:
    """Return a square zone over a share of each side of the raster, from its south-west corner."""
    east = grid.west_m + share * grid.columns * grid.cell_size_m
    north = grid.south_m + share * grid.rows * grid.cell_size_m
    return Zone(
        id=name,
        name_zh=name,
        name_en=name,
        kind=ZoneKind.URBAN_AREA,
        tier=2,
        geometry=shapely.box(grid.west_m, grid.south_m, east, north),
        provenance=Provenance.SYNTHETIC,
        source="test",
        licence="none",
    )
