"""From stored layers to planning data: one path, the same bits."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from siting import datasets
from siting.errors import CrsError, InputError
from siting.layers import Layers, planning_data_from_layers
from siting.scenario import PlanningData, build_scenario


@pytest.fixture(scope="module")
def layers() -> Layers:
    """Return Ezhou's layers."""
    return datasets.ezhou_layers()


def plan_from(layers: Layers) -> PlanningData:
    """Return the planning data with the bundled library."""
    return planning_data_from_layers(
        layers, technologies=datasets.technologies(), standards=datasets.standards()
    )


def through_a_store(frame: gpd.GeoDataFrame, *, seed: int) -> gpd.GeoDataFrame:
    """Return what a database gives back: other row order, EWKB geometry, None for NaN."""
    frame = frame.sample(frac=1.0, random_state=seed).reset_index(drop=True)
    wkb = shapely.to_wkb(frame.geometry.to_numpy(), include_srid=True)
    plain = pd.DataFrame(frame.drop(columns="geometry")).astype(object)
    plain = plain.where(plain.notna(), None)
    return gpd.GeoDataFrame(plain, geometry=shapely.from_wkb(wkb), crs="EPSG:4326")


def test_a_store_gives_back_the_same_bits(layers: Layers) -> None:
    """Shuffled, written as WKB and read back, the layers make bit-identical planning data."""
    stored = dataclasses.replace(
        layers,
        districts=through_a_store(layers.districts, seed=1),
        water=through_a_store(layers.water, seed=2),
        zones=through_a_store(layers.zones, seed=3),
        sites=through_a_store(layers.sites, seed=4),
        demand=layers.demand.sample(frac=1.0, random_state=5),
    )
    one, other = plan_from(layers), plan_from(stored)
    spec = datasets.ezhou_spec()
    assert build_scenario(spec, one).hash == build_scenario(spec, other).hash
    assert shapely.to_wkb(one.study_area.water) == shapely.to_wkb(other.study_area.water)
    for mine, theirs in zip(one.zones, other.zones, strict=True):
        assert shapely.to_wkb(mine.geometry) == shapely.to_wkb(theirs.geometry)
        for field in dataclasses.fields(mine):
            if field.name != "geometry":
                assert getattr(mine, field.name) == getattr(theirs, field.name)
    for field in dataclasses.fields(one.sites):
        values = (getattr(one.sites, field.name), getattr(other.sites, field.name))
        if isinstance(values[0], np.ndarray):
            assert values[0].dtype == values[1].dtype
            assert values[0].tobytes() == values[1].tobytes()
        else:
            assert values[0] == values[1]


def test_a_single_polygon_is_stored_as_well_as_a_multipolygon(layers: Layers) -> None:
    """A store that keeps only multipolygons changes nothing."""
    zones = layers.zones.copy()
    zones["geometry"] = [
        shape.geoms[0] if len(shape.geoms) == 1 else shape for shape in zones.geometry
    ]
    one, other = plan_from(layers), plan_from(dataclasses.replace(layers, zones=zones))
    assert [z.geometry.wkb for z in one.zones] == [z.geometry.wkb for z in other.zones]


def test_a_city_without_water_and_zones_is_planned(layers: Layers) -> None:
    """No water is None, no zone leaves the districts alone."""
    bare = dataclasses.replace(layers, water=None, zones=layers.zones.iloc[:0])
    data = plan_from(bare)
    assert data.study_area.water is None
    assert data.demand.zone_ids == ("420702", "420703", "420704")


def test_a_zone_without_any_cell_keeps_its_column(layers: Layers) -> None:
    """A zone too small for a cell's centre has an empty column, not another zone's."""
    zones = layers.zones.copy()
    zones.loc[zones["id"] == "park-gedian", "geometry"] = shapely.Point(114.6, 30.5).buffer(1e-6)
    data = plan_from(dataclasses.replace(layers, zones=zones))
    assert len(data.demand.in_zone("park-gedian")) == 0
    assert len(data.demand.in_zone("park-honglianhu")) > 1000


@pytest.mark.parametrize("crs", ["EPSG:4548", "EPSG:4326", "nonsense"])
def test_an_unfit_working_system_is_refused(layers: Layers, crs: str) -> None:
    """A zone made for another longitude, degrees, and nonsense are refused."""
    with pytest.raises(CrsError):
        plan_from(dataclasses.replace(layers, crs=crs))


def test_faults_of_all_layers_are_gathered(layers: Layers) -> None:
    """A missing column, a repeated id, a lost geometry and a wrong CRS come in one answer."""
    zones = layers.zones.copy()
    zones.loc[zones.index[0], "geometry"] = None
    spoilt = dataclasses.replace(
        layers,
        zones=zones,
        districts=layers.districts.to_crs("EPSG:4490"),
        sites=pd.concat([layers.sites, layers.sites.iloc[[0]]]),
        demand=layers.demand.drop(columns="population"),
    )
    with pytest.raises(InputError) as caught:
        plan_from(spoilt)
    where = {problem.where for problem in caught.value.problems}
    assert where == {"zones", "districts.crs", "sites.id", "demand"}


def test_unknown_words_are_named_with_those_permitted(layers: Layers) -> None:
    """Unknown kinds, provenances and districts are listed with what would be right."""
    sites = layers.sites.copy()
    sites.loc[sites.index[0], ["kind", "provenance", "district"]] = ["mast", "guess", "999999"]
    with pytest.raises(InputError) as caught:
        plan_from(dataclasses.replace(layers, sites=sites))
    found = {problem.where: problem for problem in caught.value.problems}
    assert set(found) == {"sites.kind", "sites.provenance", "sites.district"}
    assert "tower" in found["sites.kind"].hint


def test_impossible_numbers_are_counted_and_shown(layers: Layers) -> None:
    """Negative costs, heights of zero, weights that are no number and cells off the grid."""
    sites, demand = layers.sites.copy(), layers.demand.astype({"population": "float64"})
    sites.loc[sites.index[:2], "fixed_cost_cny"] = -1
    sites.loc[sites.index[5], "height_m"] = 0.0
    demand.loc[demand.index[7], "population"] = np.nan
    demand.loc[demand.index[8], "area_m2"] = np.inf
    demand.loc[demand.index[9], "col"] = layers.grid.columns
    with pytest.raises(InputError) as caught:
        plan_from(dataclasses.replace(layers, sites=sites, demand=demand))
    found = {problem.where: problem.what for problem in caught.value.problems}
    assert set(found) == {
        "sites.fixed_cost_cny",
        "sites.height_m",
        "demand.population",
        "demand.area_m2",
        "demand.col",
    }
    assert found["sites.fixed_cost_cny"].startswith("2 values")
    assert repr(sites["id"].iloc[0]) in found["sites.fixed_cost_cny"]


def test_empty_layers_are_refused(layers: Layers) -> None:
    """No district and no demand cell leave nothing to plan."""
    empty = dataclasses.replace(
        layers, districts=layers.districts.iloc[:0], demand=layers.demand.iloc[:0]
    )
    with pytest.raises(InputError) as caught:
        plan_from(empty)
    assert {problem.where for problem in caught.value.problems} == {"districts", "demand"}
