"""The bundled data of Ezhou keeps what it promises."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from scipy.spatial import cKDTree

from siting import datasets, geo
from siting.errors import DatasetError
from siting.grid import contains
from siting.layers import Layers, provenance_shares, water_polygon
from siting.provenance import Provenance
from siting.scenario import PlanningData, build_scenario
from siting.sites import SiteKind
from siting.zones import ZoneKind

GEOD = pyproj.Geod(ellps="WGS84")
CENSUS = {"420702": 126_822, "420703": 256_834, "420704": 695_697}


@pytest.fixture(scope="module")
def layers() -> Layers:
    """Return the layers as stored."""
    return datasets.ezhou_layers()


@pytest.fixture(scope="module")
def data() -> PlanningData:
    """Return the planning data."""
    return datasets.ezhou()


def area_km2(shape: shapely.Geometry) -> float:
    """Return the geodesic area [km²]."""
    return abs(GEOD.geometry_area_perimeter(shape)[0]) / 1e6


@pytest.mark.parametrize(("code", "km2"), [("420702", 494), ("420703", 500), ("420704", 594)])
def test_districts_have_their_published_areas(layers: Layers, code: str, km2: float) -> None:
    """Each decoded district has its area within 1 %."""
    shape = layers.districts.set_index("id").geometry[code]
    assert shape.is_valid
    assert area_km2(shape) == pytest.approx(km2, rel=0.01)


def test_districts_share_borders_without_overlap_or_hole(layers: Layers) -> None:
    """The three districts together are one piece without holes, and none overlaps another."""
    shapes = layers.districts.geometry.to_numpy()
    city = shapely.union_all(shapes)
    assert city.geom_type == "Polygon"
    assert len(city.interiors) == 0
    assert sum(map(area_km2, shapes)) == pytest.approx(area_km2(city), rel=1e-9)


def test_the_decoded_seat_lies_where_another_source_puts_it() -> None:
    """Liangzihu's seat lies within 100 m of Wikipedia's 114.67712, 30.10058."""
    seat = datasets.facts().set_index("id").geometry["seat-liangzihu"]
    assert GEOD.inv(seat.x, seat.y, 114.67712, 30.10058)[2] < 100


def test_water_covers_its_share(layers: Layers) -> None:
    """15.4-15.6 % of the districts is water, and every body is a valid polygon."""
    assert layers.water is not None
    assert layers.water.is_valid.all()
    city = shapely.union_all(layers.districts.geometry.to_numpy())
    inside = shapely.union_all(layers.water.geometry.to_numpy()).intersection(city)
    assert 0.154 <= area_km2(inside) / area_km2(city) <= 0.156


def test_demand_resums_to_the_census_exactly(layers: Layers) -> None:
    """The cells of each district hold exactly the people of the 2020 census."""
    assert layers.demand.groupby("district")["population"].sum().to_dict() == CENSUS
    table = datasets.census().set_index("district")["people_2020"]
    assert table.to_dict() == CENSUS | {"420700": sum(CENSUS.values())}


def test_demand_is_every_land_cell_and_nothing_else(layers: Layers, data: PlanningData) -> None:
    """About 134,000 cells of 100 m: all centres inside their district, none in water."""
    demand = layers.demand
    assert 133_000 < len(demand) < 136_000
    assert demand["id"].is_unique
    assert (demand["id"] == demand["row"] * layers.grid.columns + demand["col"]).all()
    assert (demand["area_m2"] == 10_000).all()
    xy = layers.grid.centres(demand["col"], demand["row"])
    assert not contains(data.study_area.water, xy).any()
    for zone in data.study_area.districts:
        mine = (demand["district"] == zone.id).to_numpy()
        assert contains(zone.geometry, xy[mine]).all()
    assert len(demand) == pytest.approx(sum(
        shape.difference(data.study_area.water).area
        for shape in (zone.geometry for zone in data.study_area.districts)
    ) / 10_000, rel=0.001)  # fmt: skip


def test_people_live_closer_in_towns_than_outside(data: PlanningData) -> None:
    """The central city is at least five times as dense as its district."""
    people = data.demand.weights["population"]
    centre, district = data.demand.in_zone("urban-echeng"), data.demand.in_zone("420704")
    assert people[centre].mean() > 5 * people[district].mean()
    assert people.min() >= 0
    assert people.max() < 300


def test_candidates_stand_on_land_inside_their_district(data: PlanningData) -> None:
    """More than 5,000 sites of three kinds: none in water, none outside, each in its district."""
    sites = data.sites
    assert len(sites) >= 5000
    assert not contains(data.study_area.water, sites.xy).any()
    for zone in data.study_area.districts:
        mine = np.array([code == zone.id for code in sites.district])
        assert mine.any()
        assert contains(zone.geometry, sites.xy[mine]).all()


def test_candidates_near_a_shore_are_marked(layers: Layers, data: PlanningData) -> None:
    """A site carries ``near_water`` exactly when the mask is within 250 m."""
    frame = layers.sites.sort_values("id")
    distance = shapely.distance(data.study_area.water, shapely.points(data.sites.xy))
    assert (frame["near_water"].to_numpy() == (distance <= 250)).all()


@pytest.mark.parametrize(
    ("kind", "height_m", "cost_cny"),
    [
        (SiteKind.TOWER, (25, 45), (250_000, 450_000)),
        (SiteKind.ROOFTOP, (18, 40), (90_000, 180_000)),
        (SiteKind.STREET_POLE, (8, 10), (20_000, 40_000)),
    ],
)
def test_heights_and_costs_are_plausible(
    data: PlanningData, kind: SiteKind, height_m: tuple[int, int], cost_cny: tuple[int, int]
) -> None:
    """Every kind keeps its range of heights and costs, and varies within it."""
    mine = np.array([item is kind for item in data.sites.kind])
    assert mine.sum() > 1000
    for values, (low, high) in (
        (data.sites.height_m[mine], height_m),
        (data.sites.fixed_cost_cny[mine], cost_cny),
    ):
        assert low <= values.min() < values.max() <= high


def test_street_poles_stand_in_the_priority_zones_alone(data: PlanningData) -> None:
    """No pole stands outside the priority and urban zones (1 cm for the stored decimals)."""
    zones = shapely.union_all([z.geometry for z in data.zones if z.kind is not ZoneKind.DISTRICT])
    poles = np.array([kind is SiteKind.STREET_POLE for kind in data.sites.kind])
    # A pole stands within its cell, whose centre is in the zone.
    assert shapely.distance(zones, shapely.points(data.sites.xy[poles])).max() < 70


def test_every_zone_is_within_reach_of_macro_sites(data: PlanningData) -> None:
    """All land of every priority zone lies within 300 m of a tower or roof."""
    macro = np.array([kind is not SiteKind.STREET_POLE for kind in data.sites.kind])
    distance = cKDTree(data.sites.xy[macro]).query(data.demand.xy)[0]
    for zone in data.zones:
        if zone.kind is not ZoneKind.DISTRICT:
            cells = data.demand.in_zone(zone.id)
            assert len(cells) > 0
            # The stored decimals move a site by at most 1 cm.
            assert distance[cells].max() <= 300.01


def test_zones_are_approximate_circles_on_land(layers: Layers, data: PlanningData) -> None:
    """Every zone lies in the districts, off the water, and within its stated radius."""
    city = shapely.union_all([zone.geometry for zone in data.study_area.districts])
    radius = layers.zones.set_index("id")["radius_m"]
    for zone in data.zones:
        if zone.kind is ZoneKind.DISTRICT:
            continue
        assert zone.provenance is Provenance.APPROXIMATE
        assert zone.geometry.is_valid
        assert zone.geometry.difference(city).area < 10.0
        assert zone.geometry.intersection(data.study_area.water).area < 10.0
        reach = shapely.minimum_bounding_radius(zone.geometry)
        assert reach <= radius[zone.id] * 1.001


def test_membership_agrees_with_geometry(data: PlanningData) -> None:
    """Every column of the membership holds exactly the cells whose centre the zone contains."""
    assert data.demand.zone_ids == tuple(zone.id for zone in data.zones)
    assert data.demand.zones.dtype == np.bool_
    for zone in data.zones:
        inside = np.flatnonzero(shapely.contains_xy(zone.geometry, *data.demand.xy.T))
        assert np.array_equal(data.demand.in_zone(zone.id), inside)


def test_every_kind_of_zone_exists_or_is_listed_as_missing(data: PlanningData) -> None:
    """Kinds without a zone have places of that kind without a location in the facts."""
    facts = datasets.facts()
    missing = set(facts.loc[facts["provenance"] == "missing", "kind"])
    absent = {kind.value for kind in ZoneKind} - {zone.kind.value for zone in data.zones}
    assert absent <= missing
    assert absent == {"park"}


def test_missing_places_have_no_geometry_and_say_so() -> None:
    """A place without a sourced position has null geometry and the fixed sentence; no other has."""
    facts = datasets.facts()
    missing = facts["provenance"] == "missing"
    assert missing.sum() >= 40
    assert facts.geometry[missing].isna().all()
    assert facts["lon"][missing].isna().all()
    assert facts["note"][missing].str.startswith("location not supplied").all()
    assert facts.geometry[~missing].notna().all()
    assert facts["id"].is_unique


def test_every_feature_says_where_it_comes_from(layers: Layers) -> None:
    """No feature without provenance, source and licence; accuracy wherever it is not synthetic."""
    located = datasets.facts().query("provenance != 'missing'")
    for frame in (layers.districts, layers.water, layers.zones, layers.sites, located):
        assert frame is not None
        assert set(frame["provenance"]) <= {item.value for item in Provenance}
        for column in ("source", "licence"):
            assert frame[column].str.len().gt(0).all()
        believed = frame["provenance"] != "synthetic"
        assert frame.loc[believed, "accuracy_m"].gt(0).all()


def test_ids_are_unique(data: PlanningData) -> None:
    """No id is given twice among zones, sites, technologies and standards."""
    for ids in (
        [zone.id for zone in data.zones],
        list(data.sites.id),
        [item.id for item in data.technologies],
        [item.id for item in data.standards],
    ):
        assert len(ids) == len(set(ids)) > 0


def test_the_default_question_fits_the_data(data: PlanningData) -> None:
    """The bundled scenario asks for more than 2,000 stations and names only what exists."""
    spec = datasets.ezhou_spec()
    scenario = build_scenario(spec, data)
    assert spec.stations is not None
    assert spec.stations > 2000
    asked = {target.zone_id: target.required_fraction for target in scenario.targets}
    assert asked == {
        zone.id: 0.95 if zone.kind is ZoneKind.DISTRICT else 1.0 for zone in data.zones
    }


def test_planning_data_is_the_same_each_time(data: PlanningData) -> None:
    """Two loads ask the same question: equal hashes over every value."""
    spec = datasets.ezhou_spec()
    assert build_scenario(spec, data).hash == build_scenario(spec, datasets.ezhou()).hash


def test_shares_of_provenance_are_stated(data: PlanningData) -> None:
    """Reports learn that population and candidates are synthetic and boundaries real."""
    shares = provenance_shares(data)
    assert shares["demand population"] == {"synthetic": 1.0}
    assert shares["candidate sites"] == {"synthetic": 1.0}
    assert shares["districts"] == {"real": 1.0}
    assert all(sum(layer.values()) == pytest.approx(1.0) for layer in shares.values())


def test_targets_are_the_88_of_the_notice() -> None:
    """88 rows, 39 with a place on the map, 11 aims that are never added up."""
    targets = datasets.targets()
    assert targets["id"].tolist() == [f"T{number:03d}" for number in range(1, 89)]
    assert targets["siting_relevant"].sum() == 39
    assert targets.loc[targets["is_aim"], "id"].tolist() == [f"T{n:03d}" for n in range(1, 12)]
    assert set(targets["operator"]) == {">", ">=", "=", ""}
    assert (targets["value"].isna() == (targets["operator"] == "")).all()
    assert targets["quote_zh"].str.len().gt(0).all()


@pytest.mark.parametrize(
    ("target", "operator", "value", "words"),
    [
        ("T012", ">", 2000, "突破2000个以上"),
        ("T044", ">=", 20_000, "2万个以上"),
        ("T050", ">=", 2000, "保有量达到2000个以上"),
        ("T051", ">=", 10, "10个以上"),
        ("T048", "=", 10, "智慧示范社区10个"),
        ("T039", "=", 13, "13公里"),
    ],
)
def test_figures_of_the_notice(target: str, operator: str, value: float, words: str) -> None:
    """Figure and relation agree with the words that are quoted."""
    row = datasets.targets().set_index("id").loc[target]
    assert (row["operator"], row["value"]) == (operator, value)
    assert words in row["quote_zh"]


def test_points_in_conflict_with_the_water_are_kept(data: PlanningData) -> None:
    """The airport's reference point lies in the older water mask and is not moved."""
    facts = datasets.facts().set_index("id")
    known = facts[facts.geometry.notna() & (facts["kind"] != "lake")]
    xy = geo.project(known["lon"].to_numpy(), known["lat"].to_numpy(), "EPSG:4547")
    inside = set(known.index[contains(data.study_area.water, xy)])
    assert {"airport-huahu", "town-yanji", "town-huahu"} <= inside
    register = (datasets.data_folder() / "README.md").read_text(encoding="utf-8")
    for place in sorted(inside):
        if known.loc[place, "provenance"] in {"real", "derived"}:
            assert known.loc[place, "name_zh"] in register


def test_water_is_one_shape_whatever_the_order_of_its_rows(layers: Layers) -> None:
    """The union of the water bodies has the same bits from shuffled rows; no water gives None."""
    assert layers.water is not None
    shuffled = layers.water.sample(frac=1.0, random_state=1)
    one, other = (water_polygon(frame, layers.crs) for frame in (layers.water, shuffled))
    assert shapely.to_wkb(one) == shapely.to_wkb(other)
    assert water_polygon(None, layers.crs) is None


def test_an_unknown_data_set_and_scenario_are_named() -> None:
    """The error names what was asked for and what there is."""
    with pytest.raises(DatasetError, match=r"'atlantis'.*ezhou"):
        datasets.named_dataset("atlantis")
    with pytest.raises(DatasetError, match=r"'atlantis'.*ezhou-5g, ezhou-5g-sectors"):
        datasets.scenario_text("atlantis")
    assert len(datasets.named_dataset("ezhou").sites) > 5000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("facts/census.csv", "district,people_2020,urban_2020,accuracy_m\n420702,many,,\n"),
        ("demand/model.toml", "crs = "),
        ("boundaries/water.geojson", "{"),
        ("sites/candidate_sites.csv", None),
    ],
)
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, name: str, text: str | None) -> None:
    """The error names the file, whether it is gone or cannot be read."""
    copied = ("boundaries", "demand", "facts", "zones", "sites")
    for folder in copied:
        shutil.copytree(datasets.data_folder() / folder, tmp_path / folder)
    (tmp_path / name).unlink()
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=name):
        datasets.ezhou_layers(tmp_path)


def test_layers_are_in_wgs84(layers: Layers) -> None:
    """Everything that is stored is in EPSG:4326 and lies round Ezhou."""
    for frame in (layers.districts, layers.water, layers.zones, layers.sites):
        assert isinstance(frame, gpd.GeoDataFrame)
        assert frame.crs is not None
        assert frame.crs.to_epsg() == 4326
        west, south, east, north = frame.total_bounds
        assert 114.4 < west < east < 115.2
        assert 29.9 < south < north < 30.7
