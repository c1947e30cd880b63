"""What the stations of a plan deliver: rasters over the study area, outlines, figures by zone."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely

from siting.contours import contours
from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid
from siting.progress import Progress, Report, Stop
from siting.provenance import Provenance, worst
from siting.radio.ground.resample import places_on, resampled
from siting.radio.ground.terrain import Terrain
from siting.radio.network.area_prediction import HEARD_M, Prediction, predict
from siting.radio.network.area_report import (
    QUALITY_STANDARDS,
    AreaReport,
    area_report,
    report_areas,
)
from siting.radio.network.assumptions import DEFAULT_ASSUMPTIONS, Assumption, RadioAssumptions
from siting.radio.network.busy_hour.capacity import CapacityReport, busy_hour
from siting.radio.network.busy_hour.traffic import PEOPLE, demand_traffic
from siting.radio.network.plan_network import Indices, Stations, station_cells
from siting.radio.network.tally import QualityStandard
from siting.radio.propagation.path_loss import USER_HEIGHT_M
from siting.zones import Zone, ZoneKind

if TYPE_CHECKING:
    import geopandas as gpd

    from siting.scenario import PlanningData
    from siting.technology import Technology

log = logging.getLogger(__name__)

#: Sides of cells that are predicted [m].
CELL_LIMITS_M = (5.0, 500.0)
#: Most pixels times carriers; each takes 40 bytes while the network is added up.
MOST_PIXELS = 40_000_000
#: Levels that are outlined [dBm]: coverage, and good coverage.
OUTLINED_DBM = (-105.0, -95.0)
#: Sites that a message names one by one.
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """A terrain and where it comes from.

    Parameters
    ----------
    terrain
        Ground and clutter; None: level ground, nothing known of buildings.
    provenance
        Its origin; missing without a terrain.
    source
        Citation; empty when nothing is known.
    """

    terrain: Terrain | None
    provenance: Provenance
    source: str

    @classmethod
    def of(cls, data: PlanningData) -> Ground:
        """Return the terrain of a set of planning data."""
        return cls(
            terrain=data.terrain, provenance=data.terrain_provenance, source=data.terrain_source
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkPrediction:
    """What stations deliver over a study area.

    Rasters have the shape (rows, columns), row 0 in the south, and no value outside the study area.

    Parameters
    ----------
    data
        Study area and zones.
    stations
        What is on air.
    station
        Station of each cell of the network, (n,).
    stations_provenance
        Origin of the stations.
    ground
        What they stand on.
    network
        The prediction in full, beyond the study area too.
    ss_rsrp_dbm, ss_sinr_db, server
        Median level outdoors, ratio, and cell of the strongest server; NaN, NaN and -1: none.
    coverage
        Outlines of :data:`OUTLINED_DBM` as of :func:`siting.contours.contours`.
    zones
        The study area as a whole, then every zone; `report` speaks of them in this order.
    standards, report
        What was asked; and the figures by zone, water left out.
    capacity
        What is carried in the busiest hour, by cell and for `zones`; None where the demand counts
        no people.
    runtime_s
        Wall time [s].
    """

    data: PlanningData
    stations: Stations
    station: Indices
    stations_provenance: Provenance
    ground: Ground
    network: Prediction
    ss_rsrp_dbm: npt.NDArray[np.float32]
    ss_sinr_db: npt.NDArray[np.float32]
    server: npt.NDArray[np.int32]
    coverage: gpd.GeoDataFrame
    zones: tuple[Zone, ...]
    standards: tuple[QualityStandard, ...]
    report: AreaReport
    capacity: CapacityReport | None
    runtime_s: float

    @property
    def grid(self) -> Grid:
        """The raster."""
        return self.network.grid

    @property
    def assumptions(self) -> RadioAssumptions:
        """What was assumed."""
        return self.network.model.assumptions

    def assumed(self) -> tuple[Assumption, ...]:
        """List every figure that rests on no measurement: of the radio model and the equipment."""
        used = np.unique(self.stations.technology).tolist()
        kinds = [self.stations.technologies[number] for number in used]
        return (
            *self.assumptions.rows(),
            *(figure for kind in kinds for figure in _equipment(kind)),
            Assumption(
                name="heard_m",
                meaning="distance beyond which a cell neither serves nor disturbs",
                value=HEARD_M,
                unit="m",
                source="chosen; see siting.radio.network.area_prediction.predict for what it costs",
                changed=False,
            ),
            Assumption(
                name="user_height_m",
                meaning="height of the user above ground",
                value=USER_HEIGHT_M,
                unit="m",
                source="3GPP TR 38.901 v19.4.0, section 7.4",
                changed=False,
            ),
        )

    @property
    def provenance(self) -> Provenance:
        """The worst of stations and terrain: what every raster has to say."""
        return worst([self.stations_provenance, self.ground.provenance])


def prediction_grid(data: PlanningData, cell_size_m: float) -> Grid:
    """Return the raster over a study area.

    Raises
    ------
    InputError
        For cells that are no number or not of 5 to 500 m.
    """
    least, most = CELL_LIMITS_M
    if not least <= cell_size_m <= most:
        raise InputError(Problem("cell size", f"is {cell_size_m:g} m", f"{least:g} to {most:g} m"))
    area = data.study_area
    outline = shapely.union_all([district.geometry for district in area.districts])
    return Grid.over(outline, crs=area.crs, cell_size_m=cell_size_m)


def raster_problems(stations: Stations, grid: Grid) -> list[Problem]:
    """Name stations outside a raster, and a raster that is too large for their carriers."""
    return [*_misplaced(stations, grid), *_too_large(stations, grid)]


def predict_stations(
    data: PlanningData,
    stations: Stations,
    *,
    grid: Grid,
    ground: Ground,
    stations_provenance: Provenance = Provenance.REAL,
    assumptions: RadioAssumptions = DEFAULT_ASSUMPTIONS,
    threads: int | None = None,
    stop: Stop | None = None,
    progress: Report | None = None,
) -> NetworkPrediction:
    """Predict what stations deliver over a study area.

    Parameters
    ----------
    data
        Study area and zones.
    stations
        What is on air, in the working CRS.
    grid
        Raster of :func:`prediction_grid`.
    ground
        Terrain under it, on any grid of the same CRS that covers the raster.
    stations_provenance
        Origin of the stations.
    assumptions
        Load, noise figures, powers of users and the like.
    threads
        Threads to compute with; None: one per processor.
    stop
        Asked every second or so; True ends the computation.
    progress
        Told the share of masts done.

    Raises
    ------
    InputError
        With every fault: no station, stations outside the raster (by site), heights and carriers
        outside the models, a terrain that does not cover the raster or is in another CRS, a raster
        that is too large, assumptions out of range.
    concurrent.futures.CancelledError
        When `stop` ended the computation.
    """
    began = time.monotonic()
    cells, station = station_cells(stations)
    terrain, problems = _on_grid(ground.terrain, grid)
    problems += raster_problems(stations, grid)
    if problems:
        problems += cells.problems() + assumptions.problems()
        raise_if(problems, InputError)
    network = predict(
        cells,
        grid,
        terrain=terrain,
        assumptions=assumptions,
        threads=threads,
        stop=stop,
        progress=progress,
    )
    area = data.study_area
    outline = shapely.union_all([district.geometry for district in area.districts])
    within = np.zeros(len(grid), dtype=np.bool_)
    within[grid.inside(outline)] = True
    within = within.reshape(grid.rows, grid.columns)
    zones = (_whole(data, outline), *data.zones)
    if progress is not None:
        progress(Progress(phase="figures", fraction=0.0, elapsed_s=time.monotonic() - began))
    report = area_report(
        network, report_areas(grid, zones, water=area.water), standards=QUALITY_STANDARDS
    )
    level = np.where(within, network.ss_rsrp_dbm(), np.float32(np.nan))
    predicted = NetworkPrediction(
        data=data,
        stations=stations,
        station=station,
        stations_provenance=stations_provenance,
        ground=ground,
        network=network,
        ss_rsrp_dbm=level,
        ss_sinr_db=np.where(within, network.ss_sinr_db(), np.float32(np.nan)),
        server=np.where(within, network.server(), np.int32(-1)),
        coverage=contours(grid, level, OUTLINED_DBM),
        zones=zones,
        standards=QUALITY_STANDARDS,
        report=report,
        capacity=_capacity(data, network, zones),
        runtime_s=time.monotonic() - began,
    )
    log.info(
        "stations predicted: stations=%d cells=%d pixels=%d in %.2f s",
        len(stations),
        len(cells),
        len(grid),
        predicted.runtime_s,
    )
    return predicted


def _capacity(
    data: PlanningData, network: Prediction, zones: Sequence[Zone]
) -> CapacityReport | None:
    """Return what the network carries of the people's traffic in the busiest hour."""
    if PEOPLE not in data.demand.weights:
        return None
    rate = network.model.assumptions.busy_hour_kbps_per_person
    traffic = demand_traffic(data.demand, network.grid, kbps_per_unit=rate)
    return busy_hour(network, traffic, report_areas(network.grid, zones))


def _equipment(kind: Technology) -> Iterator[Assumption]:
    """Yield what is assumed of one kind of equipment."""
    figures = [
        ("tx_power_dbm", "power of the carrier", kind.tx_power_dbm, "dBm"),
        ("ssb_gain_dbi", "gain of the synchronisation beams", kind.ssb_gain_dbi, "dBi"),
    ]
    layout = kind.sectors
    if layout is not None:
        figures += [
            ("horizontal_beamwidth_deg", "horizontal half-power beamwidth",
             layout.horizontal_beamwidth_deg, "deg"),
            ("vertical_beamwidth_deg", "vertical half-power beamwidth",
             layout.vertical_beamwidth_deg, "deg"),
        ]  # fmt: skip
    for name, meaning, value, unit in figures:
        yield Assumption(
            name=f"{kind.id}.{name}",
            meaning=f"{meaning}, {kind.id}",
            value=value,
            unit=unit,
            source=kind.source,
            changed=False,
        )


def _whole(data: PlanningData, outline: shapely.Geometry) -> Zone:
    """Return the study area as a zone."""
    area = data.study_area
    taken = {zone.id for zone in data.zones}
    return dataclasses.replace(
        area.districts[0],
        id=area.id if area.id not in taken else f"{area.id}-whole",
        name_zh=area.name_zh,
        name_en=area.name_en,
        kind=ZoneKind.DISTRICT,
        geometry=outline,
        provenance=worst(district.provenance for district in area.districts),
    )


def _on_grid(terrain: Terrain | None, grid: Grid) -> tuple[Terrain | None, list[Problem]]:
    """Bring a terrain onto the cells of a raster: ground bilinear, clutter of the nearest cell."""
    if terrain is None or terrain.grid == grid:
        return terrain, []
    own = terrain.grid
    if own.crs != grid.crs:
        return None, [Problem("terrain", f"is in {own.crs}, the raster in {grid.crs}")]
    row, column = places_on(grid, own)
    rows, columns = (row >= 0) & (row <= own.rows), (column >= 0) & (column <= own.columns)
    if not (rows.all() and columns.all()):
        share = float(rows.mean() * columns.mean())
        what = f"covers {share:.1%} of the study area's raster"
        return None, [Problem("terrain", what, "give one that covers it all")]
    return resampled(terrain, grid), []


def _misplaced(stations: Stations, grid: Grid) -> list[Problem]:
    """Name the sites of stations that stand outside the raster."""
    place = (stations.xy - [grid.west_m, grid.south_m]) / grid.cell_size_m
    lost = ~np.all((place >= 0) & (place <= [grid.columns, grid.rows]), axis=1)
    if not lost.any():
        return []
    names = list(dict.fromkeys(stations.site[index] for index in np.flatnonzero(lost)))
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    what = f"{int(lost.sum()):,} of {len(stations):,} lie outside the study area's raster: {shown}"
    return [Problem("stations", what, "check lon and lat, or take them out of the list")]


def _too_large(stations: Stations, grid: Grid) -> list[Problem]:
    used = np.unique(stations.technology).tolist()
    carriers = {stations.technologies[number].frequency_mhz for number in used}
    pixels = len(grid) * max(1, len(carriers))
    if pixels <= MOST_PIXELS:
        return []
    what = f"{len(grid):,} pixels on {len(carriers)} carriers are more than {MOST_PIXELS:,} in all"
    return [Problem("cell size", what, "take larger cells")]
