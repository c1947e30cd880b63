"""OGC API - Features: what the standard asks, and the whole city read by GDAL."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
import shapely
from served_city import City
from sqlalchemy import text

from app.ogc.documents import CRS84

pytestmark = pytest.mark.database

Serve = Callable[..., AbstractContextManager[httpx.Client]]


def _get(client: httpx.Client, path: str, **parameters: str) -> dict[str, Any]:
    response = client.get(path, params=parameters, headers={"Accept": "application/json"})
    assert response.status_code == 200, response.text
    return dict(response.json())


def _link(document: dict[str, Any], rel: str) -> str | None:
    return next((item["href"] for item in document["links"] if item["rel"] == rel), None)


def test_landing_leads_everywhere(city: City) -> None:
    """The landing page links to definition, conformance and collections, and each link answers."""
    document = _get(city.client, "/ogc")
    for rel in ("self", "service-desc", "conformance", "data", "alternate", "service-doc"):
        href = _link(document, rel)
        assert href is not None, rel
        assert city.client.get(href).status_code == 200


def test_conformance_names_only_what_is_kept(city: City) -> None:
    """Core, GeoJSON, HTML and OpenAPI 3.0 are declared, and the definition is OpenAPI 3.0."""
    classes = _get(city.client, "/ogc/conformance")["conformsTo"]
    assert [name.rsplit("/", 1)[1] for name in classes] == ["core", "geojson", "html", "oas30"]
    definition = city.client.get("/ogc/api")
    assert definition.headers["content-type"].startswith("application/vnd.oai.openapi+json")
    assert definition.json()["openapi"].startswith("3.0")


def test_collections_are_stored_layers_then_finished_plans(city: City) -> None:
    """Three layers and the finished plan; CRS84 is the first and only reference system."""
    found = _get(city.client, "/ogc/collections")["collections"]
    names = ["districts", "zones", "sites", f"plan-{city.plan_id}-sites"]
    assert [item["id"] for item in found] == names
    assert all(item["crs"][0] == CRS84 for item in found)
    west, south, east, north = found[0]["extent"]["spatial"]["bbox"][0]
    assert 114.4 < west < east < 115.2
    assert 29.9 < south < north < 30.7


@pytest.mark.parametrize("limit", [1, 7, 1000, 20_000])
def test_pages_give_every_feature_once(city: City, limit: int) -> None:
    """Following 'next' from any page size gives each feature once, and the last page has none."""
    with city.engine.connect() as connection:
        count = connection.execute(text("select count(*) from zones")).scalar_one()
    seen: list[int] = []
    href: str | None = f"/ogc/collections/zones/items?limit={limit}"
    while href is not None:
        page = city.client.get(href).json()
        assert page["numberReturned"] == len(page["features"]) <= limit
        seen += [feature["id"] for feature in page["features"]]
        href = _link(page, "next")
    assert len(seen) == len(set(seen)) == count


def test_next_keeps_filter_and_prefix(city: City, serve: Serve) -> None:
    """Below a mount prefix, 'next' keeps origin, prefix, box and format."""
    with serve(city.settings, root_path="/planning") as client:
        page = client.get("/ogc/collections/sites/items?limit=2&bbox=114.8,30.3,115,30.5&f=json")
        address = httpx.URL(str(_link(page.json(), "next")))
        assert str(address).startswith(f"{client.base_url}/planning/ogc/collections/sites/items?")
        assert address.params["bbox"] == "114.8,30.3,115,30.5"
        assert address.params["f"] == "json"
        stripped = str(address).replace("/planning/", "/")
        assert len(client.get(stripped).json()["features"]) == 2


def test_box_agrees_with_geometry(city: City) -> None:
    """A box gives exactly the features whose geometry touches it."""
    box = shapely.box(114.85, 30.35, 114.95, 30.42)
    with city.engine.connect() as connection:
        rows = connection.execute(text("select fid, st_asbinary(geom) from candidate_sites")).all()
    expected = {fid for fid, shape in rows if shapely.from_wkb(bytes(shape)).intersects(box)}
    page = _get(
        city.client,
        "/ogc/collections/sites/items",
        bbox="114.85,30.35,114.95,30.42",
        limit="10000",
    )
    assert {feature["id"] for feature in page["features"]} == expected
    assert 0 < len(expected) < len(rows)


def test_box_across_the_antimeridian_finds_nothing_here(city: City) -> None:
    """West greater than east is a box across 180 degrees, not an error; Ezhou is not in it."""
    page = _get(city.client, "/ogc/collections/sites/items", bbox="170,-80,-170,80")
    assert page["features"] == []


def test_numbers_are_numbers_and_crs_is_stated(city: City) -> None:
    """Costs are integers, heights numbers, flags booleans; Content-Crs names CRS84."""
    response = city.client.get("/ogc/collections/sites/items?limit=1")
    assert response.headers["content-type"].startswith("application/geo+json")
    assert response.headers["content-crs"] == f"<{CRS84}>"
    properties = response.json()["features"][0]["properties"]
    assert isinstance(properties["fixed_cost_cny"], int)
    assert isinstance(properties["height_m"], int | float)
    assert isinstance(properties["existing"], bool)


def test_single_feature_is_that_of_the_page(city: City) -> None:
    """An item read alone equals the one in the list, and links to its collection."""
    listed = _get(city.client, "/ogc/collections/zones/items", limit="1")["features"][0]
    single = _get(city.client, f"/ogc/collections/zones/items/{listed['id']}")
    assert _link(single, "collection") is not None
    del single["links"]
    assert single == listed


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect every address that a page names."""
        del tag
        self.found += [value for name, value in attrs if name in {"src", "href"} and value]


@pytest.mark.parametrize(
    "path",
    ["", "/conformance", "/api", "/collections", "/collections/zones", "/collections/zones/items"],
)
def test_pages_stay_on_the_origin(city: City, path: str) -> None:
    """Each document is a page too, by f or by Accept, and names no other origin."""
    page = city.client.get(f"/ogc{path}?f=html")
    assert page.headers["content-type"].startswith("text/html")
    assert city.client.get(f"/ogc{path}", headers={"Accept": "text/html"}).text[:9] == "<!doctype"
    parser = _Addresses()
    parser.feed(page.text)
    assert parser.found
    assert all(address.startswith(str(city.client.base_url)) for address in parser.found)


@pytest.mark.parametrize(
    "value", ["2026-11-22", "2026-11-22T00:00:00Z", "../2026-11-22T00:00:00Z", "2020-01-01/.."]
)
def test_right_times_match_features_without_time(city: City, value: str) -> None:
    """A right datetime filters nothing, for these features have no time."""
    page = _get(city.client, "/ogc/collections/districts/items", datetime=value)
    assert len(page["features"]) == 3


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("bbox=1,2,3", ["query.bbox"]),
        ("bbox=a,b,c,d", ["query.bbox"]),
        ("bbox=114,31,115,30", ["query.bbox"]),
        ("bbox=nan,30,115,31", ["query.bbox"]),
        ("bbox=114,30,115,300", ["query.bbox"]),
        ("datetime=yesterday", ["query.datetime"]),
        ("datetime=2026-13-01T00:00:00Z", ["query.datetime"]),
        ("datetime=2026-02-01/2026-01-01", ["query.datetime"]),
        ("limit=0", ["query.limit"]),
        ("limit=many", ["query.limit"]),
        ("cursor=nonsense", ["query.cursor"]),
        ("cursor=Li4v", ["query.cursor"]),
        ("f=gml", ["query.f"]),
        ("crs=EPSG:3857&filter=a", ["query.crs", "query.filter"]),
        ("bbox=1&datetime=x&cursor=y", ["query.bbox", "query.cursor", "query.datetime"]),
    ],
)
def test_wrong_parameters_are_named(city: City, query: str, faults: list[str]) -> None:
    """Every wrong parameter is a 400 that names it, never a 500 and never ignored."""
    response = city.client.get(f"/ogc/collections/districts/items?{query}")
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert [item["where"] for item in response.json()["problems"]] == faults


@pytest.mark.parametrize(
    "path",
    [
        "/ogc/collections/nothing",
        "/ogc/collections/pg_catalog.pg_class/items",
        "/ogc/collections/plan-x-sites/items",
        "/ogc/collections/plan-00000000-0000-7000-8000-000000000000-sites",
        "/ogc/collections/sites/items/0",
        "/ogc/collections/sites/items/99999999999999999999999",
        "/ogc/collections/sites/items/1%20or%201=1",
    ],
)
def test_what_is_not_there_is_404(city: City, path: str) -> None:
    """Unknown collections and features, and attempts at SQL, are 404 with problem details."""
    response = city.client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_unacceptable_format_is_406(city: City) -> None:
    """An Accept header that nothing here satisfies is answered 406."""
    response = city.client.get("/ogc", headers={"Accept": "image/png"})
    assert response.status_code == 406


def _gdal(*command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        command, env=environment, capture_output=True, check=True, timeout=120, encoding="utf-8"
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["districts", "zones", "sites", "plan"])
def test_gdal_reads_the_layer_whole(city: City, layer: str, tmp_path: Any) -> None:
    """GDAL's driver reads every row, with its types, within 1e-7 degrees of the database."""
    rows_of = {
        "sites": "candidate_sites",
        "plan": f"plan_options where plan_id = '{city.plan_id}'",
    }.get(layer, layer)
    name = f"plan-{city.plan_id}-sites" if layer == "plan" else layer
    target = tmp_path / "read.geojson"
    source = f"OAPIF:{city.client.base_url}/ogc"
    _gdal("ogr2ogr", "-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=12", str(target), source, name)
    features = json.loads(target.read_text())["features"]
    with city.engine.connect() as connection:
        rows = connection.execute(
            text(f"select *, st_asbinary(geom) as shape from {rows_of} order by fid")  # noqa: S608
        ).mappings()
        expected = list(rows)
    assert len(features) == len(expected)
    for feature, row in zip(features, expected, strict=True):
        for key, value in feature["properties"].items():
            stored = row["dataset_id" if key == "dataset" else key]
            assert value == stored, key
            assert isinstance(value, type(stored)) or isinstance(stored, float)
        given = shapely.geometry.shape(feature["geometry"])
        stored_shape = shapely.from_wkb(bytes(row["shape"]))
        assert shapely.hausdorff_distance(given, stored_shape) < 1e-7


@pytest.mark.slow
def test_gdal_knows_the_types(city: City) -> None:
    """GDAL sees costs as integers, heights as reals and flags as booleans, not as text."""
    shown = _gdal("ogrinfo", "-ro", "-so", f"OAPIF:{city.client.base_url}/ogc", "sites")
    for line in (
        "height_m: Real (0.0)",
        "fixed_cost_cny: Integer (0.0)",
        "existing: Integer(Boolean) (1.0)",
        "provenance: String (0.0)",
    ):
        assert line in shown.splitlines()


def test_empty_database_has_empty_collections(client: httpx.Client) -> None:
    """Before anything is loaded the collections are there, without extent and features."""
    found = _get(client, "/ogc/collections")["collections"]
    assert [item["id"] for item in found] == ["districts", "zones", "sites"]
    assert all("extent" not in item for item in found)
    assert _get(client, "/ogc/collections/sites/items")["features"] == []
