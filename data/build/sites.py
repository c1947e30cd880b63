"""Candidate sites: synthetic, from a fixed seed, inside the districts and off the water.

Towers stand all over the land and denser near towns, rooftops where people are, street poles in
the priority and urban zones. Nothing here is an existing station or a survey.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from common import CRS, DECIMALS, DISTRICTS, write_rows
from scipy.spatial import cKDTree

from siting import geo
from siting.datasets import ezhou_demand
from siting.grid import contains
from siting.layers import water_polygon

Floats = npt.NDArray[np.float64]

SEED = 420700
#: Hexagonal spacing [m] of macro-capable sites in the zones: no land farther than 240 m.
ZONE_SPACING_M = 420.0
#: Hexagonal spacing of towers in the open country [m].
COUNTRY_SPACING_M = 1000.0
#: How far every cell of a zone may lie from a macro-capable site [m].
ZONE_REACH_M = 300.0
EXTRA_TOWERS, ROOFTOPS, POLES = 500, 2600, 2600
#: Above this density a macro site in a zone stands on a roof [people/km2].
ROOF_DENSITY_PER_KM2 = 1500.0
#: Candidates this near to a shore are marked: the water mask is no sharper [m].
NEAR_WATER_M = 250.0
#: Sites keep off every edge by this much [m], so that rounding cannot carry them over.
CLEARANCE_M = 1.0
OWNERS = {
    "tower": "铁塔公司(合成)",
    "rooftop": "楼宇业主(合成)",
    "street_pole": "市政照明(合成)",
}
COLUMNS = (
    "id", "kind", "owner", "district", "lon", "lat", "height_m", "fixed_cost_cny", "existing",
    "near_water", "provenance", "source", "licence", "accuracy_m",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the sites stand on, in the working CRS."""

    land: shapely.Geometry
    zones: shapely.Geometry
    water: shapely.Geometry
    districts: list[shapely.Geometry]
    cells: Floats
    people: Floats

    def on_land(self, xy: Floats) -> Floats:
        return xy[contains(self.land, xy)]


def build(out: Path) -> None:
    """Make the sites and write ``sites/candidate_sites.csv``."""
    ground = _ground(out)
    random = np.random.default_rng(SEED)
    macros = _zone_macros(ground, random)
    roofed = _density_per_km2(ground, macros) >= ROOF_DENSITY_PER_KM2
    towers = np.vstack((macros[~roofed], _country_towers(ground, random)))
    towers = np.vstack((towers, _sample(ground, random, np.sqrt(ground.people), EXTRA_TOWERS,
                                        spacing_m=250.0, keep_off=towers)))  # fmt: skip
    roofs = macros[roofed]
    roofs = np.vstack((roofs, _sample(ground, random, ground.people, ROOFTOPS,
                                      spacing_m=120.0, keep_off=roofs)))  # fmt: skip
    in_zone = contains(ground.zones, ground.cells).astype(np.float64)
    poles = _sample(ground, random, in_zone, POLES, spacing_m=100.0, keep_off=np.empty((0, 2)))
    rows: list[list[object]] = []
    for kind, xy in (("tower", towers), ("rooftop", roofs), ("street_pole", poles)):
        rows.extend(_rows(kind, xy, ground, random))
    write_rows(out / "sites" / "candidate_sites.csv", COLUMNS, rows)


def _ground(out: Path) -> _Ground:
    districts = gpd.read_file(out / "boundaries" / "districts.geojson").sort_values("id")
    shapes = list(geo.project_geometry(districts.geometry.to_numpy(), CRS))
    water = water_polygon(gpd.read_file(out / "boundaries" / "water.geojson"), CRS)
    zones = gpd.read_file(out / "zones" / "priority_zones.geojson")
    grid, demand = ezhou_demand(out)
    if water is None:
        raise ValueError("water is missing")
    return _Ground(
        land=shapely.union_all(shapes).difference(water).buffer(-CLEARANCE_M),
        zones=shapely.union_all(geo.project_geometry(zones.geometry.to_numpy(), CRS)),
        water=water,
        districts=shapes,
        cells=grid.centres(demand["col"], demand["row"]),
        people=demand["population"].to_numpy(dtype=np.float64),
    )


def _hexagons(bounds: tuple[float, float, float, float], spacing_m: float) -> Floats:
    west, south, east, north = bounds
    rows = np.arange(south, north + spacing_m, spacing_m * np.sqrt(0.75))
    cols = np.arange(west, east + spacing_m, spacing_m)
    x, y = np.meshgrid(cols, rows)
    x[1::2] += spacing_m / 2.0
    return np.column_stack((x.ravel(), y.ravel()))


def _jitter(random: np.random.Generator, xy: Floats, radius_m: float) -> Floats:
    return xy + radius_m * (2.0 * random.random(xy.shape) - 1.0) / np.sqrt(2.0)


def _zone_macros(ground: _Ground, random: np.random.Generator) -> Floats:
    """Stand macro-capable sites so that all land of the zones is within reach of one."""
    xy = _hexagons(ground.zones.bounds, ZONE_SPACING_M)
    xy = ground.on_land(_jitter(random, xy[contains(ground.zones, xy)], 40.0))
    wanted = ground.on_land(ground.cells[contains(ground.zones, ground.cells)])
    while True:
        distance = cKDTree(xy).query(wanted)[0]
        if distance.max() <= ZONE_REACH_M:
            return xy
        xy = np.vstack((xy, wanted[distance.argmax()]))


def _country_towers(ground: _Ground, random: np.random.Generator) -> Floats:
    xy = _hexagons(ground.land.bounds, COUNTRY_SPACING_M)
    xy = ground.on_land(_jitter(random, xy, 150.0))
    return xy[~contains(ground.zones, xy)]


def _sample(
    ground: _Ground,
    random: np.random.Generator,
    weight: Floats,
    count: int,
    *,
    spacing_m: float,
    keep_off: Floats,
) -> Floats:
    """Draw cells without replacement in proportion to a weight, a least distance apart."""
    draw, shift = random.random(len(weight)), _jitter(random, ground.cells, 45.0)
    # Efraimidis and Spirakis (2006): the smallest -ln(u)/w are a weighted sample, in order.
    key = -np.log(1.0 - draw) / np.where(weight > 0, weight, np.nan)
    order = np.argsort(np.round(key, 12), kind="stable")[: np.count_nonzero(weight)]
    order = order[contains(ground.land, shift[order])]
    xy = shift[order]
    if len(keep_off):
        xy = xy[cKDTree(keep_off).query(xy)[0] >= spacing_m]
    near = cKDTree(xy).query_ball_point(xy[: 4 * count], spacing_m)
    taken = np.zeros(len(xy), dtype=bool)
    chosen: list[int] = []
    for index, neighbours in enumerate(near):
        if not taken[neighbours].any():
            taken[index] = True
            chosen.append(index)
            if len(chosen) == count:
                break
    return xy[chosen]


def _density_per_km2(ground: _Ground, xy: Floats) -> Floats:
    cell_km2 = 0.01
    return ground.people[cKDTree(ground.cells).query(xy)[1]] / cell_km2


def _rows(
    kind: str, xy: Floats, ground: _Ground, random: np.random.Generator
) -> list[list[object]]:
    """Fill in height, cost and the rest; ids run from south to north."""
    xy = xy[np.lexsort((xy[:, 0], xy[:, 1]))]
    lon, lat = geo.unproject(xy, CRS)
    first, second = random.random(len(xy)), random.random(len(xy))
    density = _density_per_km2(ground, xy)
    height_m, cost_cny = _height_and_cost(kind, density, first, second)
    near = shapely.distance(ground.water, shapely.points(xy)) <= NEAR_WATER_M
    inside = np.array([contains(district, xy) for district in ground.districts])
    codes = np.array(list(DISTRICTS))[inside.argmax(axis=0)]
    return [
        [
            f"{kind.replace('_', '-')}-{number:04d}",
            kind,
            OWNERS[kind],
            codes[row],
            f"{lon[row]:.{DECIMALS}f}",
            f"{lat[row]:.{DECIMALS}f}",
            f"{height_m[row]:.1f}",
            int(cost_cny[row]),
            "no",
            "yes" if near[row] else "no",
            "synthetic",
            f"data/build/sites.py with seed {SEED}",
            "Apache-2.0",
            "",
        ]
        for row, number in enumerate(range(1, len(xy) + 1))
    ]


def _height_and_cost(
    kind: str, density: Floats, first: Floats, second: Floats
) -> tuple[Floats, Floats]:
    """Return heights [m] and costs to open a site [CNY, whole thousands]; all are assumptions."""
    if kind == "tower":  # ground-based mast; the country needs height, and height costs
        height = np.where(density < ROOF_DENSITY_PER_KM2, 32.0 + 13.0 * first, 25.0 + 13.0 * first)
        cost = (210.0 + 4.0 * height) * (0.9 + 0.2 * second)
    elif kind == "rooftop":  # rent, strengthening, power; taller buildings in the centre
        height = 18.0 + 10.0 * first + 12.0 * np.minimum(density / 10_000.0, 1.0) * second
        cost = (90.0 + 1.2 * height) * (0.85 + 0.3 * second)
    else:  # lamp pole with room for one small cell
        height = 8.0 + 2.0 * first
        cost = 30.0 * (0.8 + 0.4 * second)
    return np.round(height * 2.0) / 2.0, np.round(cost) * 1000.0
