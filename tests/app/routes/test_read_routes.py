"""Reading over HTTP: pages, tiles, downloads, health; each answer equals the database."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import numpy as np
import openpyxl
import pandas as pd
import pytest
from served_city import City
from sqlalchemy import text

from app.settings import check_address
from app.tabular import write_xlsx
from siting.errors import InputError

pytestmark = pytest.mark.database

#: Largest tile [bytes].
TILE_LIMIT = 500_000


def _all(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    """Follow 'next' to the end and return every feature."""
    found: list[dict[str, Any]] = []
    href: str | None = path
    while href is not None:
        body = client.get(href).raise_for_status().json()
        found += body["features"]
        href = next((link["href"] for link in body["links"] if link["rel"] == "next"), None)
    return found


@pytest.mark.parametrize("limit", [997, 10_000])
def test_paging_gives_every_site_once(city: City, limit: int) -> None:
    """Any page size gives every site once, in one order."""
    with city.engine.connect() as connection:
        ids = connection.execute(text("select id from candidate_sites order by fid")).scalars()
        expected = list(ids)
    found = _all(city.client, f"/api/v1/sites?limit={limit}")
    assert [feature["properties"]["id"] for feature in found] == expected


def test_filters_stay_in_next(city: City) -> None:
    """A filtered list stays filtered to its last page."""
    path = "/api/v1/sites?kind=rooftop&district=420704&bbox=114.8,30.3,115,30.5&limit=50"
    found = _all(city.client, path)
    with city.engine.connect() as connection:
        expected = connection.execute(
            text(
                "select count(*) from candidate_sites where kind = 'rooftop' "
                "and district = '420704' "
                "and geom && st_makeenvelope(114.8, 30.3, 115, 30.5, 4326)"
            )
        ).scalar_one()
    assert len(found) == expected > 50


def test_cursor_of_another_list_is_refused(city: City) -> None:
    """A cursor belongs to its list."""
    body = city.client.get("/api/v1/zones?limit=1").json()
    href = next(link["href"] for link in body["links"] if link["rel"] == "next")
    stolen = httpx.URL(href).params["cursor"]
    assert city.client.get(f"/api/v1/sites?cursor={stolen}").status_code == 400


def test_single_features_are_found_by_their_own_ids(city: City) -> None:
    """District, zone and site are read by the ids that people use."""
    district = city.client.get("/api/v1/districts/420704").json()
    assert district["properties"]["name_zh"] == "鄂城区"
    zone = city.client.get("/api/v1/zones?kind=airport").json()["features"][0]
    name = zone["properties"]["id"]
    assert city.client.get(f"/api/v1/zones/{name}").json() == zone


def test_action_plan_has_its_88_figures(city: City) -> None:
    """Every printed figure of the action plan is listed with its sentence."""
    found = city.client.get("/api/v1/targets").json()["items"]
    assert len(found) == 88
    siting = city.client.get("/api/v1/targets?siting_only=true").json()["items"]
    assert 0 < len(siting) < 88


def test_library_names_units(city: City) -> None:
    """Equipment and standards come whole, and every number's unit is in its name."""
    equipment = city.client.get("/api/v1/technologies").json()["items"]
    assert {item["id"] for item in equipment} == {
        item.id for item in city.scenario.data.technologies
    }
    assert {"frequency_mhz", "tx_power_dbm", "cost_cny"} <= set(equipment[0])
    standards = city.client.get("/api/v1/standards").json()["items"]
    assert "quality-outdoor" in {item["id"] for item in standards}


def test_plan_tells_everything_about_itself(city: City) -> None:
    """State, status, cost, bound, gap, outcomes and provenance are those that were stored."""
    body = city.client.get(f"/api/v1/plans/{city.plan_id}").json()
    assert (body["state"], body["status"]) == ("done", "feasible")
    assert body["cost_cny"] == city.plan.cost_cny
    assert (body["stations"], body["sites"]) == (city.plan.stations, city.plan.sites)
    first, second = body["steps"]
    assert first["bound"] == pytest.approx(city.plan.steps[0].bound)
    assert first["gap"] == pytest.approx(city.plan.steps[0].gap)
    assert second["bound"] is None  # infinite: nothing is proven
    assert body["rests_on_synthetic"] is True
    target = body["targets"][0]
    assert target["share"] == pytest.approx(city.plan.targets[0].share)
    assert target["required_fraction"] == 0.9


# --- tiles ----------------------------------------------------------------------------------


def _tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    side = 1 << z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * side), int(y * side)


def _tiles(z: int) -> list[tuple[int, int]]:
    """Return every tile over Ezhou at a zoom."""
    (west, north), (east, south) = _tile_of(114.5, 30.62, z), _tile_of(115.09, 30.0, z)
    return [(x, y) for x in range(west, east + 1) for y in range(north, south + 1)]


def _decode(folder: Path, z: int, x: int, y: int, content: bytes) -> gpd.GeoDataFrame:
    """Read a tile with GDAL."""
    path = folder / str(z) / str(x) / f"{y}.mvt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return gpd.read_file(path, engine="pyogrio")


@pytest.mark.parametrize("z", [7, 10, 12])
def test_demand_tiles_hold_every_cell_whole(city: City, z: int, tmp_path: Path) -> None:
    """At every zoom tiles are small, and their squares are exactly the sums over the cells.

    A square on the edge of a tile is in both tiles, with the same, whole sum.
    """
    demand, cells = city.scenario.data.demand, 1 << (12 - z)
    with city.engine.connect() as connection:
        columns = connection.execute(
            text("select (grid ->> 'columns')::int from datasets")
        ).scalar_one()
    row, col = np.divmod(demand.id, columns)
    expected = (
        pd.DataFrame(
            {
                "square": (row // cells) * columns + col // cells,
                "population": demand.weights["population"],
                "area_m2": demand.weights["area_m2"],
                "served": np.where(city.served, demand.weights["area_m2"], 0.0),
            }
        )
        .groupby("square")
        .sum()
    )
    wanted = {
        (int(people), int(area), int(2 * served >= area))
        for people, area, served in expected.itertuples(index=False, name=None)
    }
    found: set[tuple[int, int, int]] = set()
    for x, y in _tiles(z):
        response = city.client.get(f"/api/v1/plans/{city.plan_id}/tiles/demand/{z}/{x}/{y}.mvt")
        if response.status_code == 204:
            continue
        assert response.status_code == 200
        assert len(response.content) <= TILE_LIMIT
        frame = _decode(tmp_path, z, x, y, response.content)
        shown = frame[["population", "area_m2", "served"]].astype(int)
        found |= set(shown.itertuples(index=False, name=None))
    assert found == wanted


def test_demand_tile_says_who_is_served(city: City, tmp_path: Path) -> None:
    """From zoom 12 on a feature is a cell, with the plan's own word on whether it is served."""
    demand = city.scenario.data.demand
    served = dict(zip(demand.id.tolist(), city.served.tolist(), strict=True))
    x, y = _tile_of(114.887, 30.39, 14)
    response = city.client.get(f"/api/v1/plans/{city.plan_id}/tiles/demand/14/{x}/{y}.mvt")
    frame = _decode(tmp_path, 14, x, y, response.content)
    assert len(frame) > 100
    assert frame["served"].tolist() == [int(served[number]) for number in frame["id"].tolist()]


def test_unchanged_tile_is_304(city: City) -> None:
    """A tile that the client has is not sent again."""
    x, y = _tile_of(114.887, 30.39, 12)
    for path in (
        f"/api/v1/plans/{city.plan_id}/tiles/demand/12/{x}/{y}.mvt",
        f"/api/v1/tiles/sites/12/{x}/{y}.mvt",
    ):
        first = city.client.get(path)
        again = city.client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_tilejson_leads_to_tiles(city: City) -> None:
    """The address in the TileJSON gives a tile of the layer it names."""
    for path in (f"/api/v1/plans/{city.plan_id}/tiles/demand.json", "/api/v1/tiles/sites.json"):
        body = city.client.get(path).json()
        x, y = _tile_of(114.887, 30.39, 12)
        address = body["tiles"][0].format(z=12, x=x, y=y)
        assert city.client.get(address).status_code == 200


def test_thinned_sites_count_every_site(city: City, tmp_path: Path) -> None:
    """Below zoom 10 sites are thinned, and the counts still add up to all of them."""
    counted = 0
    for x, y in _tiles(8):
        response = city.client.get(f"/api/v1/tiles/sites/8/{x}/{y}.mvt")
        if response.status_code == 200:
            counted += int(_decode(tmp_path, 8, x, y, response.content)["count"].sum())
    assert counted == len(city.scenario.data.sites)


# --- downloads ------------------------------------------------------------------------------


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path)
    if path.suffix == ".xlsx":
        return pd.read_excel(path)
    return gpd.read_file(path, engine="pyogrio")


@pytest.mark.parametrize("extension", ["geojson", "gpkg", "csv", "xlsx"])
@pytest.mark.parametrize("layer", ["sites", "zones"])
def test_downloads_hold_the_plan(city: City, layer: str, extension: str, tmp_path: Path) -> None:
    """Every format holds every row with its numbers, and sites within 1e-7 degrees."""
    response = city.client.get(f"/api/v1/plans/{city.plan_id}/{layer}.{extension}")
    assert response.status_code == 200
    assert f"{layer}.{extension}" in response.headers["content-disposition"]
    path = tmp_path / f"got.{extension}"
    path.write_bytes(response.content)
    frame = _read(path)
    assert frame["notice"].str.contains("Synthetic data").all()
    if layer == "zones":
        assert frame["required_fraction"].tolist() == [0.9] * len(city.plan.targets)
        return
    assert len(frame) == city.plan.stations
    options = city.scenario.options
    assert frame["cost_cny"].tolist() == options.cost_cny[city.plan.selected].tolist()
    with city.engine.connect() as connection:
        places = np.array(
            connection.execute(
                text("select st_x(geom), st_y(geom) from plan_options order by fid")
            ).all()
        )
    if isinstance(frame, gpd.GeoDataFrame):
        given = np.column_stack((frame.geometry.x, frame.geometry.y))
    else:
        given = frame[["lon", "lat"]].to_numpy()
    assert np.abs(given - places).max() < 1e-7


def test_unknown_formats_and_layers_are_named(city: City) -> None:
    """A format that is not written is 406, a layer that does not exist 404; both say what is."""
    base = f"/api/v1/plans/{city.plan_id}"
    wrong = city.client.get(f"{base}/sites.dxf")
    assert wrong.status_code == 406
    assert "geojson, gpkg, csv, xlsx" in wrong.json()["detail"]
    assert city.client.get(f"{base}/pipes.csv").status_code == 404


def test_texts_that_look_like_formulas_are_texts(tmp_path: Path) -> None:
    """A cell that a spreadsheet would compute is written with a leading apostrophe."""
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "plain"]
    frame = gpd.GeoDataFrame(
        {"owner": texts}, geometry=gpd.points_from_xy([0] * 5, [0] * 5), crs="EPSG:4326"
    )
    write_xlsx(frame, tmp_path / "x.xlsx", "sites")
    sheet = openpyxl.load_workbook(io.BytesIO((tmp_path / "x.xlsx").read_bytes()))["sites"]
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "plain"]
    assert all(cell.data_type == "s" for cell in cells)


# --- the service itself ---------------------------------------------------------------------


def test_alive_is_not_ready(city: City) -> None:
    """Without a worker the service is alive, but not ready, and says which part is missing."""
    assert city.client.get("/healthz").json() == {"status": "alive"}
    ready = city.client.get("/readyz")
    assert ready.status_code == 503
    checks = ready.json()["checks"]
    assert checks["database"]["ok"] is True
    assert checks["worker"]["ok"] is False


def test_seen_worker_makes_it_ready(city: City) -> None:
    """A worker's fresh sign of life makes the service ready."""
    with city.engine.begin() as connection:
        connection.execute(text("insert into procrastinate_workers default values"))
    assert city.client.get("/readyz").status_code == 200
    with city.engine.begin() as connection:
        connection.execute(text("delete from procrastinate_workers"))


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/problems"])
def test_pages_need_nothing_from_outside(city: City, path: str) -> None:
    """The documentation pages load nothing, and their policy would not let them."""
    page = city.client.get(path)
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


def test_openapi_describes_every_route(city: City) -> None:
    """The document is OpenAPI 3.1, and each operation says what it does."""
    document = city.client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert len(document["paths"]) >= 25
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert operation["description"]


def test_plain_request_ids_are_kept_and_others_replaced(city: City) -> None:
    """A client's plain id comes back; one that could forge a log line does not."""
    kept = city.client.get("/healthz", headers={"X-Request-ID": "abc-1"})
    assert kept.headers["x-request-id"] == "abc-1"
    other = city.client.get("/healthz", headers={"X-Request-ID": "a b<script>"})
    assert len(other.headers["x-request-id"]) == 32


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])  # noqa: S104
def test_addresses_others_reach_are_refused(host: str) -> None:
    """Without a login the service does not start on an address that other machines reach."""
    with pytest.raises(InputError, match="no login yet"):
        check_address(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_accepted(host: str) -> None:
    """Loopback addresses are fine."""
    check_address(host)
