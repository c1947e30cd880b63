"""Layers in WGS 84 and what the planner makes of them: one path from stored to planned values.

The bundled files and a database hold the same columns. Both are read into :class:`Layers`, and
:func:`planning_data_from_layers` is the only way from there to
:class:`siting.scenario.PlanningData`, so that the same stored values give the same bits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
import shapely
from shapely.geometry.base import BaseGeometry

from siting import geo
from siting.demand import Demand
from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid, contains
from siting.provenance import Provenance
from siting.scenario import PlanningData
from siting.sites import CandidateSites, SiteKind
from siting.technology import ServiceStandard, Technology
from siting.zones import StudyArea, Zone, ZoneKind

if TYPE_CHECKING:
    from siting.radio.ground.terrain import Terrain

_LOG = logging.getLogger(__name__)

#: Columns every feature carries beside its own.
ORIGIN_COLUMNS = ("provenance", "source", "licence", "accuracy_m")
DISTRICT_COLUMNS = ("id", "name_zh", "name_en", *ORIGIN_COLUMNS)
ZONE_COLUMNS = ("id", "name_zh", "name_en", "kind", "tier", *ORIGIN_COLUMNS)
SITE_COLUMNS = (
    "id", "kind", "owner", "district", "height_m", "fixed_cost_cny", "existing", *ORIGIN_COLUMNS,
)  # fmt: skip
DEMAND_COLUMNS = ("id", "col", "row", "area_m2", "population", "district")
#: Tier of the districts themselves: the rest of the city.
DISTRICT_TIER = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layers:
    """Everything a city's planning starts from, as it is stored: WGS 84 and grid numbers.

    Parameters
    ----------
    id, name_zh, name_en
        Study area: code and names.
    crs
        Working CRS the layers are projected to, projected and metric.
    districts
        Polygons in EPSG:4326 with :data:`DISTRICT_COLUMNS`.
    water
        Polygons in EPSG:4326 with the origin columns, or None when not supplied.
    zones
        Polygons in EPSG:4326 with :data:`ZONE_COLUMNS`, districts not among them.
    sites
        Points in EPSG:4326 with :data:`SITE_COLUMNS`.
    grid
        What the demand's columns and rows mean.
    demand
        One row per cell with :data:`DEMAND_COLUMNS`.
    demand_provenance
        Origin of the weights ``"area_m2"`` and ``"population"``.
    terrain
        Ground and, where known, clutter in the working CRS; None when not supplied.
    terrain_provenance, terrain_source
        Origin of the terrain; missing and empty without one.
    """

    id: str
    name_zh: str
    name_en: str
    crs: str
    districts: gpd.GeoDataFrame
    water: gpd.GeoDataFrame | None
    zones: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    grid: Grid
    demand: pd.DataFrame
    demand_provenance: Mapping[str, Provenance]
    terrain: Terrain | None = None
    terrain_provenance: Provenance = Provenance.MISSING
    terrain_source: str = ""


def planning_data_from_layers(
    layers: Layers,
    *,
    technologies: Sequence[Technology],
    standards: Sequence[ServiceStandard],
) -> PlanningData:
    """Project stored layers into the working CRS and find which cell lies in which zone.

    Parameters
    ----------
    layers
        Stored values; rows may come in any order.
    technologies, standards
        The library scenarios pick from, ordered by id in the result.

    Returns
    -------
    PlanningData
        Rows ordered by id; the same stored values give the same bits.

    Raises
    ------
    CrsError
        When the working CRS is not projected metric, does not reach the data, or a layer is not in
        EPSG:4326.
    InputError
        With every fault: missing column, repeated id, empty layer, missing geometry, unknown kind,
        district or provenance, a height, cost, weight or cell number that cannot be.

    Notes
    -----
    A cell lies in a zone when its centre does. Zones overlap freely.
    """
    began = time.perf_counter()
    _check(layers)
    geo.require_projected_metric(
        layers.crs, extent=tuple(float(value) for value in layers.districts.total_bounds)
    )
    districts = _districts(layers)
    zones = (*_zones(layers), *districts)
    data = PlanningData(
        study_area=StudyArea(
            id=layers.id,
            name_zh=layers.name_zh,
            name_en=layers.name_en,
            crs=layers.crs,
            districts=districts,
            water=_water(layers),
            water_source=_water_source(layers),
        ),
        zones=zones,
        demand=_demand(layers, zones),
        sites=_sites(layers),
        technologies=tuple(sorted(technologies, key=lambda item: item.id)),
        standards=tuple(sorted(standards, key=lambda item: item.id)),
        terrain=layers.terrain,
        terrain_provenance=layers.terrain_provenance,
        terrain_source=layers.terrain_source,
    )
    _LOG.info(
        "planning data %s: %d zones, %d cells, %d sites, %.2f s",
        layers.id, len(zones), len(data.demand), len(data.sites), time.perf_counter() - began,
    )  # fmt: skip
    return data


def provenance_shares(data: PlanningData) -> dict[str, dict[str, float]]:
    """Return per layer the share of each provenance, 0..1, largest first.

    Notes
    -----
    Zones, districts and sites are counted by feature; a demand weight has one origin.
    """
    layers: dict[str, Sequence[Provenance]] = {
        "districts": [zone.provenance for zone in data.study_area.districts],
        "zones": [zone.provenance for zone in data.zones if zone.kind is not ZoneKind.DISTRICT],
        "candidate sites": data.sites.provenance,
    }
    layers |= {f"demand {name}": [data.demand.provenance[name]] for name in data.demand.weights}
    if data.terrain is not None:
        layers["terrain"] = [data.terrain_provenance]
    return {layer: shares_of(origins) for layer, origins in layers.items()}


def shares_of(origins: Sequence[Provenance]) -> dict[str, float]:
    """Return the share of each provenance, 0..1, largest first."""
    counts = pd.Series([item.value for item in origins], dtype="object").value_counts()
    return {str(name): int(count) / len(origins) for name, count in counts.items()}


def water_polygon(water: gpd.GeoDataFrame | None, crs: str) -> BaseGeometry | None:
    """Return all water as one (multi)polygon in the working CRS [m], None when there is none."""
    if water is None or water.empty:
        return None
    shapes = geo.project_geometry(water.geometry.to_numpy(), crs)
    return shapely.union_all(shapes[np.lexsort(shapely.bounds(shapes).T)])


def _check(layers: Layers) -> None:
    problems: list[Problem] = []
    wanted = {
        "districts": (layers.districts, DISTRICT_COLUMNS),
        "zones": (layers.zones, ZONE_COLUMNS),
        "sites": (layers.sites, SITE_COLUMNS),
        "demand": (layers.demand, DEMAND_COLUMNS),
    }
    for name, (frame, columns) in wanted.items():
        problems.extend(
            Problem(name, f"column {column!r} is missing", "needed: " + ", ".join(columns))
            for column in columns
            if column not in frame.columns
        )
        if name in {"districts", "demand"} and frame.empty:
            problems.append(Problem(name, "the layer is empty", "load at least one feature"))
        if "id" in frame.columns and not frame["id"].is_unique:
            twice = frame.loc[frame["id"].duplicated(), "id"].iloc[0]
            problems.append(Problem(f"{name}.id", f"{twice!r} is given more than once"))
        if isinstance(frame, gpd.GeoDataFrame):
            problems.extend(_geometry_problems(name, frame))
    raise_if(problems, InputError)
    known = set(layers.districts["id"])
    for name in ("sites", "demand"):
        unknown = sorted(set(wanted[name][0]["district"].unique()) - known)
        problems.extend(
            Problem(f"{name}.district", f"unknown district {code!r}", f"known: {sorted(known)}")
            for code in unknown
        )
    for name, column, kinds in (
        ("zones", "kind", ZoneKind),
        ("sites", "kind", SiteKind),
        ("zones", "provenance", Provenance),
        ("sites", "provenance", Provenance),
        ("districts", "provenance", Provenance),
    ):
        allowed = {item.value for item in kinds}
        problems.extend(
            Problem(f"{name}.{column}", f"unknown value {value!r}", f"one of {sorted(allowed)}")
            for value in sorted(set(wanted[name][0][column].unique()) - allowed)
        )
    problems.extend(_value_problems(layers))
    raise_if(problems, InputError)


def _value_problems(layers: Layers) -> list[Problem]:
    """List numbers that no site and no cell can have; each fault is counted, the first shown."""
    sites, demand, grid = layers.sites, layers.demand, layers.grid
    height, cost = _numbers(sites, "height_m"), _numbers(sites, "fixed_cost_cny")
    weights = {name: _numbers(demand, name) for name in ("area_m2", "population")}
    col, row = _numbers(demand, "col"), _numbers(demand, "row")
    rules = [
        ("sites.height_m", sites, height, np.isfinite(height) & (height > 0), "above 0 m"),
        ("sites.fixed_cost_cny", sites, cost, np.isfinite(cost) & (cost >= 0), "0 CNY or more"),
        ("demand.col", demand, col, (col >= 0) & (col < grid.columns), f"0..{grid.columns - 1}"),
        ("demand.row", demand, row, (row >= 0) & (row < grid.rows), f"0..{grid.rows - 1}"),
        *(
            (f"demand.{name}", demand, values, np.isfinite(values) & (values >= 0), "0 or more")
            for name, values in weights.items()
        ),
    ]
    problems: list[Problem] = []
    for where, frame, values, good, permitted in rules:
        bad = np.flatnonzero(~good)
        if len(bad):
            first = f"{values[bad[0]]} of {frame['id'].iloc[bad[0]]!r}"
            problems.append(
                Problem(where, f"{len(bad)} values are not permitted, first {first}", permitted)
            )
    return problems


def _numbers(frame: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64)


def _geometry_problems(name: str, frame: gpd.GeoDataFrame) -> list[Problem]:
    problems: list[Problem] = []
    if frame.crs is None or frame.crs.to_epsg() != 4326:  # noqa: PLR2004 - WGS 84 itself
        problems.append(
            Problem(f"{name}.crs", f"is {frame.crs}, not EPSG:4326", "convert when importing")
        )
    bad = frame.geometry.isna() | frame.geometry.is_empty
    if bad.any():
        first = frame.loc[bad, "id"].iloc[0] if "id" in frame.columns else "?"
        problems.append(
            Problem(name, f"{int(bad.sum())} features have no geometry, first {first!r}")
        )
    return problems


def _districts(layers: Layers) -> tuple[Zone, ...]:
    frame = layers.districts.assign(kind=ZoneKind.DISTRICT.value, tier=DISTRICT_TIER)
    return _as_zones(frame, layers.crs)


def _zones(layers: Layers) -> tuple[Zone, ...]:
    return _as_zones(layers.zones, layers.crs)


def _as_zones(frame: gpd.GeoDataFrame, crs: str) -> tuple[Zone, ...]:
    frame = frame.sort_values("id")
    shapes = geo.project_geometry(frame.geometry.to_numpy(), crs)
    accuracy = frame["accuracy_m"].to_numpy(dtype=np.float64)
    rows = frame[list(ZONE_COLUMNS)].to_dict("records")
    return tuple(
        Zone(
            id=str(row["id"]),
            name_zh=str(row["name_zh"]),
            name_en=str(row["name_en"]),
            kind=ZoneKind(row["kind"]),
            tier=int(row["tier"]),
            geometry=_multi(shape),
            provenance=Provenance(row["provenance"]),
            source=str(row["source"]),
            licence=str(row["licence"]),
            accuracy_m=None if np.isnan(metres) else float(metres),
        )
        for row, shape, metres in zip(rows, shapes, accuracy, strict=True)
    )


def _multi(shape: BaseGeometry) -> BaseGeometry:
    """Return a multipolygon whatever the store made of a single part."""
    return shapely.MultiPolygon(list(shapely.get_parts(shape)))


def _water(layers: Layers) -> BaseGeometry | None:
    return water_polygon(layers.water, layers.crs)


def _water_source(layers: Layers) -> str:
    """Name every source of the water bodies once, each with its licence's credit."""
    if layers.water is None:
        return ""
    pairs = layers.water[["source", "licence"]].astype(str).drop_duplicates()
    return "; ".join(sorted(pairs["source"] + "; " + pairs["licence"]))


def _demand(layers: Layers, zones: Sequence[Zone]) -> Demand:
    frame = layers.demand.sort_values("id")
    xy = layers.grid.centres(frame["col"].to_numpy(), frame["row"].to_numpy())
    district = frame["district"].to_numpy()
    columns = [
        np.flatnonzero(district == zone.id)
        if zone.kind is ZoneKind.DISTRICT
        else np.flatnonzero(contains(zone.geometry, xy))
        for zone in zones
    ]
    return Demand(
        id=frame["id"].to_numpy(dtype=np.int64),
        xy=xy,
        weights={
            name: frame[name].to_numpy(dtype=np.float64) for name in ("area_m2", "population")
        },
        provenance=dict(layers.demand_provenance),
        zone_ids=tuple(zone.id for zone in zones),
        zones=_membership(columns, len(frame)),
        cell_size_m=layers.grid.cell_size_m,
    )


def _membership(columns: Sequence[npt.NDArray[np.intp]], rows: int) -> sp.csr_array:
    indptr = np.concatenate(([0], np.cumsum([len(column) for column in columns])))
    indices = np.concatenate(columns) if columns else np.empty(0, dtype=np.intp)
    by_zone = sp.csc_array(
        (np.ones(len(indices), dtype=bool), indices, indptr), shape=(rows, len(columns))
    )
    member = by_zone.tocsr()
    member.sort_indices()
    return member


def _sites(layers: Layers) -> CandidateSites:
    frame = layers.sites.sort_values("id")
    lon, lat = frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy()
    return CandidateSites(
        id=tuple(frame["id"].astype(str)),
        xy=geo.project(lon, lat, layers.crs),
        kind=tuple(SiteKind(value) for value in frame["kind"]),
        owner=tuple(frame["owner"].astype(str)),
        district=tuple(frame["district"].astype(str)),
        height_m=frame["height_m"].to_numpy(dtype=np.float64),
        fixed_cost_cny=frame["fixed_cost_cny"].to_numpy(dtype=np.int64),
        existing=frame["existing"].to_numpy(dtype=np.bool_),
        provenance=tuple(Provenance(value) for value in frame["provenance"]),
        source=tuple(frame["source"].astype(str)),
        licence=tuple(frame["licence"].astype(str)),
        accuracy_m=frame["accuracy_m"].to_numpy(dtype=np.float64),
    )
