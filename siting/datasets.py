"""The bundled data of Ezhou (鄂州): real where a source exists, and labelled where none does.

Files lie in ``data/`` of a checkout and in ``siting/_data/`` of an installed package; a row per
file, with source, licence, date and checksum, is in ``data/README.md``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting import geo
from siting.errors import DatasetError
from siting.grid import Grid, Settlements, blocks_of, land_cells, spread_people
from siting.layers import Layers, planning_data_from_layers, water_polygon
from siting.provenance import Provenance
from siting.radio.ground.relief import EZHOU as EZHOU_RELIEF
from siting.radio.ground.relief import SyntheticRelief, synthetic_relief
from siting.scenario import PlanningData
from siting.sites import SiteKind
from siting.spec import ScenarioSpec
from siting.technology import (
    Penetration,
    Propagation,
    SectorLayout,
    ServiceStandard,
    Technology,
)

_T = TypeVar("_T")
_Item = TypeVar("_Item", Technology, ServiceStandard)

_EZHOU = ("420700", "鄂州市", "Ezhou")
#: Cells of the made-up relief, and how far it goes beyond the city, where masts are heard [m].
_RELIEF_CELL_M, _BEYOND_M = 50.0, 5_000.0


def ezhou() -> PlanningData:
    """Return Ezhou's planning data: districts, water, zones, demand, sites, equipment.

    Returns
    -------
    PlanningData
        In EPSG:4547 (CGCS2000, 3-degree zone of 114 E).

    Raises
    ------
    DatasetError
        When a bundled file is missing or damaged.

    Notes
    -----
    Boundaries, water and census totals are real, zones approximate; the spread of the people and
    the relief and
    every candidate site are synthetic. :func:`siting.layers.provenance_shares` counts them.
    """
    return planning_data_from_layers(
        ezhou_layers(), technologies=technologies(), standards=standards()
    )


def named_dataset(name: str) -> PlanningData:
    """Return the bundled planning data of a name, as a scenario's ``dataset`` gives it.

    Raises
    ------
    DatasetError
        When nothing is bundled under that name.
    """
    if name not in _BUNDLED:
        raise DatasetError(
            f"no data set {name!r} is bundled; known: {', '.join(sorted(_BUNDLED))}; load your own "
            "through the service"
        )
    return _BUNDLED[name]()


def ezhou_spec() -> ScenarioSpec:
    """Return the default question: the 5G targets of the city's action plan."""
    return ScenarioSpec.parse(tomllib.loads(scenario_text()))


def scenario_text(name: str = "ezhou-5g") -> str:
    """Return a bundled scenario as its TOML text.

    Raises
    ------
    DatasetError
        When there is no scenario of that name.
    """
    files = _Files(data_folder())
    known = sorted(path.stem for path in (files.folder / "scenarios").glob("*.toml"))
    if name not in known:
        raise DatasetError(f"no scenario {name!r} is bundled; known: {', '.join(known)}")
    return files.read(f"scenarios/{name}.toml", lambda path: path.read_text(encoding="utf-8"))


def ezhou_layers(folder: Path | None = None) -> Layers:
    """Return Ezhou's layers as they are stored: WGS 84, and demand by grid column and row.

    Parameters
    ----------
    folder
        Folder laid out like the bundled data; None for the bundled data itself.

    Raises
    ------
    DatasetError
        When a file is missing or damaged.
    """
    files = _Files(folder or data_folder())
    model = files.toml("demand/model.toml")
    districts = files.features("boundaries/districts.geojson")
    water = files.features("boundaries/water.geojson")
    grid, demand = _demand(files, districts, water, model)
    zones = files.features("zones/priority_zones.geojson")
    relief = _relief(districts, water, zones, str(model["crs"]))
    code, name_zh, name_en = _EZHOU
    return Layers(
        id=code,
        name_zh=name_zh,
        name_en=name_en,
        crs=model["crs"],
        districts=districts,
        water=water,
        zones=zones,
        sites=_sites(files),
        grid=grid,
        demand=demand,
        demand_provenance={
            "area_m2": Provenance.DERIVED,
            "population": Provenance(model["provenance"]),
        },
        terrain=relief.terrain,
        terrain_provenance=relief.provenance,
        terrain_source="made-up relief; no height raster of the city has been supplied",
    )


def ezhou_demand(folder: Path | None = None) -> tuple[Grid, pd.DataFrame]:
    """Return the demand grid and its land cells; see :class:`siting.layers.Layers`."""
    files = _Files(folder or data_folder())
    return _demand(
        files,
        files.features("boundaries/districts.geojson"),
        files.features("boundaries/water.geojson"),
        files.toml("demand/model.toml"),
    )


def technologies() -> tuple[Technology, ...]:
    """Return the equipment library."""

    def one(row: dict[str, Any]) -> Technology:
        hosts = tuple(SiteKind(host) for host in row.pop("hosts"))
        layout = row.pop("sectors", None)
        return Technology(
            hosts=hosts,
            propagation=Propagation(row.pop("propagation")),
            sectors=None if layout is None else SectorLayout.from_mapping(layout),
            operators=tuple(row.pop("operators", ())),
            **row,
        )

    return _library("technologies", one)


def standards() -> tuple[ServiceStandard, ...]:
    """Return the library of service standards."""

    def one(row: dict[str, Any]) -> ServiceStandard:
        return ServiceStandard(
            penetration=Penetration(row.pop("penetration")),
            operators=tuple(row.pop("operators", ())),
            **row,
        )

    return _library("standards", one)


def targets() -> pd.DataFrame:
    """Return the 88 targets of the city's action plan for new infrastructure.

    Notes
    -----
    Rows with ``is_aim`` are overall aims that later clauses repeat: never add them up. A target
    without a figure has no operator and no value. Deadlines are ISO dates, years or spans of years.
    """
    frame = _Files(data_folder()).csv("targets.csv", {"value": "float64"})
    for column in ("siting_relevant", "is_aim"):
        frame[column] = frame[column] == "yes"
    return frame


def facts() -> gpd.GeoDataFrame:
    """Return every known place; those without a position have provenance ``missing``.

    Returns
    -------
    GeoDataFrame
        EPSG:4326. A missing place has null geometry, and its note begins with "location not
        supplied".
    """
    return _facts(_Files(data_folder()))


def census() -> pd.DataFrame:
    """Return the census totals the demand re-sums to, city and districts."""
    return _census(_Files(data_folder()))


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one data folder; a missing or damaged one is named."""

    folder: Path

    def features(self, name: str) -> gpd.GeoDataFrame:
        frame = self.read(name, lambda path: gpd.read_file(path, engine="pyogrio"))
        return frame.astype({"id": "object"})

    def csv(self, name: str, numbers: Mapping[str, str]) -> pd.DataFrame:
        """Read a table as text, empty cells as empty text, and the named columns as numbers."""
        frame = self.read(name, lambda path: pd.read_csv(path, dtype=str, keep_default_na=False))
        try:
            for column, kind in numbers.items():
                text = frame[column].to_numpy(dtype=object)
                frame[column] = np.where(text == "", "nan", text).astype(kind)
        except (KeyError, ValueError) as error:
            raise DatasetError(f"data file {name} is damaged: {error}") from error
        return frame

    def toml(self, name: str) -> dict[str, Any]:
        return self.read(name, lambda path: tomllib.loads(path.read_text(encoding="utf-8")))

    def read(self, name: str, reader: Callable[[Path], _T]) -> _T:
        path = self.folder / name
        if not path.is_file():
            raise DatasetError(
                f"data file {name} is missing from {self.folder}: reinstall the package, or run "
                "'python data/build/build.py' in a checkout"
            )
        try:
            return reader(path)
        except (OSError, ValueError, RuntimeError) as error:
            raise DatasetError(f"data file {name} is damaged: {error}") from error


def _facts(files: _Files) -> gpd.GeoDataFrame:
    numbers = {"lon": "float64", "lat": "float64", "extent_m": "float64", "accuracy_m": "float64"}
    frame = files.csv("facts/places.csv", numbers)
    points = shapely.points(frame["lon"].to_numpy(), frame["lat"].to_numpy())
    points[frame["lon"].isna().to_numpy()] = None
    return gpd.GeoDataFrame(frame, geometry=points, crs=geo.WGS84)


def _census(files: _Files) -> pd.DataFrame:
    numbers = {"people_2020": "int64", "urban_2020": "float64", "accuracy_m": "float64"}
    return files.csv("facts/census.csv", numbers)


def _sites(files: _Files) -> gpd.GeoDataFrame:
    numbers = {"lon": "float64", "lat": "float64", "height_m": "float64", "accuracy_m": "float64"}
    frame = files.csv("sites/candidate_sites.csv", numbers | {"fixed_cost_cny": "int64"})
    for column in ("existing", "near_water"):
        frame[column] = frame[column] == "yes"
    points = gpd.points_from_xy(frame.pop("lon"), frame.pop("lat"))
    return gpd.GeoDataFrame(frame, geometry=points, crs=geo.WGS84)


def _demand(
    files: _Files, districts: gpd.GeoDataFrame, water: gpd.GeoDataFrame, model: Mapping[str, Any]
) -> tuple[Grid, pd.DataFrame]:
    crs, size = str(model["crs"]), float(model["cell_size_m"])
    shapes = geo.project_geometry(districts.geometry.to_numpy(), crs)
    grid = Grid.over(shapely.GeometryCollection(list(shapes)), crs=crs, cell_size_m=size)
    ids, owner = land_cells(grid, list(shapes), water_polygon(water, crs))
    row, col = np.divmod(ids, grid.columns)
    xy = grid.centres(col, row)
    blocks = [blocks_of(grid, ids, cells=int(cells)) for cells in model["block_cells"]]
    settlements = _settlements(files, model, crs)
    people = np.zeros(len(ids), dtype=np.int64)
    for number, code in enumerate(districts["id"]):
        mine = np.flatnonzero(owner == number)
        people[mine] = spread_people(
            xy[mine],
            settlements[str(code)],
            peak_density_per_km2=float(model["peak_density_per_km2"]),
            blocks=[block[mine] for block in blocks],
        )
    frame = pd.DataFrame(
        {
            "id": ids,
            "col": col,
            "row": row,
            "area_m2": np.full(len(ids), size * size),
            "population": people,
            "district": districts["id"].to_numpy()[owner],
        }
    )
    return grid, frame


def _relief(
    districts: gpd.GeoDataFrame, water: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, crs: str
) -> SyntheticRelief:
    """Make up Ezhou's relief; towns, stations and the airport stand on level ground."""
    city = shapely.union_all(geo.project_geometry(districts.geometry.to_numpy(), crs))
    built = geo.project_geometry(zones.sort_values("id").geometry.to_numpy(), crs)
    lakes = water_polygon(water, crs)
    shapes = (city, lakes, shapely.GeometryCollection(list(built)))
    return _relief_of(crs, *(shapely.to_wkb(shape) for shape in shapes))


@cache
def _relief_of(crs: str, city: bytes, lakes: bytes | None, built: bytes) -> SyntheticRelief:
    """Make a relief up once for the same shapes, given as WKB; it takes most of a second."""
    area = shapely.from_wkb(city)
    level = shapely.get_parts(shapely.from_wkb(built))
    circles = shapely.minimum_bounding_circle(level)
    return synthetic_relief(
        Grid.over(area.buffer(_BEYOND_M), crs=crs, cell_size_m=_RELIEF_CELL_M),
        EZHOU_RELIEF,
        area=area,
        water=None if lakes is None else shapely.from_wkb(lakes),
        level_xy=shapely.get_coordinates(shapely.centroid(circles)),
        level_radius_m=shapely.minimum_bounding_radius(level),
    )


def _settlements(files: _Files, model: Mapping[str, Any], crs: str) -> dict[str, Settlements]:
    census = _census(files).set_index("district")["people_2020"].to_dict()
    places = _facts(files).set_index("id")
    towns = files.csv("demand/towns.csv", {"weight": "float64"})
    found: dict[str, Settlements] = {}
    for district, share in model["urban_share"].items():
        mine = towns[towns["district"] == district]
        at = places.loc[mine["place"]]
        found[district] = Settlements(
            people=int(census[district]),
            urban_share=float(share["value"]),
            xy=geo.project(at["lon"].to_numpy(), at["lat"].to_numpy(), crs),
            weight=mine["weight"].to_numpy(dtype=np.float64),
        )
    return found


def _library(name: str, one: Callable[[dict[str, Any]], _Item]) -> tuple[_Item, ...]:
    rows = _Files(data_folder()).toml(f"library/{name}.toml").get(name, [])
    try:
        return tuple(one(dict(row)) for row in rows)
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"data file library/{name}.toml is damaged: {error}") from error


_BUNDLED: Mapping[str, Callable[[], PlanningData]] = {"ezhou": ezhou}


@cache
def data_folder() -> Path:
    """Return the folder of the bundled data, in an installed package or a checkout.

    Raises
    ------
    DatasetError
        When neither holds it.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "_data", here.parent / "data"):
        if (folder / "boundaries").is_dir():
            return folder
    raise DatasetError(f"the bundled data is missing: neither {here / '_data'} nor a checkout")
