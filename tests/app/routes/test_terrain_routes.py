"""Terrain over HTTP: a good raster takes the place of the old one, a bad one changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
from private_cluster import Cluster, settings_for
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from served_city import running
from small_city import SMALL, small_bundle
from sqlalchemy import text

from app.database import Database
from app.load import load
from app.middleware import MAX_BODY_BYTES
from app.repository import planning_data, terrains
from siting.provenance import Provenance
from siting.radio.ground.terrain import Terrain

pytestmark = pytest.mark.database

ADDRESS = f"/api/v1/datasets/{SMALL}/terrain"
ASKED = {"source": "Survey of the city, 2026"}


@dataclass(frozen=True, slots=True)
class Ground:
    """The served centre of Ezhou."""

    client: httpx.Client
    database: Database

    def state(self) -> tuple[Any, ...]:
        """Return what would differ if anything had been stored."""
        query = (
            "select (select count(*) from terrains), (select count(*) from imports), content_hash, "
            "(select id from terrains where current) from datasets"
        )
        with self.database.engine.connect() as connection:
            return tuple(connection.execute(text(query)).one())

    def stored(self) -> Terrain:
        """Return the terrain plans are made on."""
        with self.database.session() as session:
            found = planning_data.load_planning_data(session, SMALL).terrain
        assert found is not None
        return found


@pytest.fixture(scope="module")
def ground(cluster: Cluster, migrated_template: str) -> Iterator[Ground]:
    """Serve a small city of this module's own."""
    url = cluster.create(migrated_template)
    with Database(url) as database:
        with database.session() as session:
            load(session, SMALL, small_bundle())
        with running(settings_for(url)) as client:
            yield Ground(client, database)
    cluster.drop(url)


def raster(
    height_m: float = 30.0,
    *,
    crs: str | None = "EPSG:4326",
    west: float = 114.3,
    count: int = 1,
    voids: float = 0.0,
    size: tuple[int, int] = (600, 500),
    unit: str = "",
    tags: dict[str, str] | None = None,
) -> bytes:
    """Return a GeoTIFF of rising ground that covers Ezhou unless it is spoilt."""
    rows, columns = size
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=columns, height=rows, count=count, dtype="float32",
            crs=None if crs is None else CRS.from_user_input(crs), nodata=-9999.0,
            transform=from_origin(west, 30.8, 1.0 / columns, 0.9 / rows), compress="DEFLATE",
            sparse_ok=True,
        ) as file:  # fmt: skip
            if rows < 10_000:
                values = np.full((rows, columns), height_m, dtype=np.float32)
                values += np.arange(columns, dtype=np.float32) / columns
                values[: int(rows * voids)] = -9999.0
                for band in range(1, count + 1):
                    file.write(values, band)
            if unit:
                file.set_band_unit(1, unit)
            file.update_tags(**(tags or {}))
        return memory.read()


def put(ground: Ground, body: bytes, **asked: Any) -> httpx.Response:
    """Send a raster."""
    return ground.client.put(
        ADDRESS, content=body, params=ASKED | asked, headers={"Content-Type": "image/tiff"}
    )


def faults(answer: httpx.Response) -> dict[str, str]:
    """Return the faults of an answer by their place."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return {item["where"]: item["what"] for item in answer.json()["problems"]}


def test_a_raster_takes_the_place_of_the_made_up_ground(ground: Ground) -> None:
    """Heights, origin and hash change together; radio calls stand on the new ground at once."""
    before, old = ground.state(), ground.client.get(ADDRESS).json()
    assert (old["provenance"], old["file"], old["imported"]) == ("synthetic", None, False)
    sight = {
        "dataset": SMALL,
        "start": {"lon": 114.886, "lat": 30.392, "height_m": 10},
        "end": {"lon": 114.9, "lat": 30.392, "height_m": 10},
        "frequency_mhz": 2600,
    }
    assert ground.client.post("/api/v1/radio/profile", json=sight).json()["terrain"][
        "rests_on_synthetic"
    ]
    answer = put(ground, raster(unit="ft"))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["provenance"], found["source"]) == ("real", ASKED["source"])
    assert (found["cells"], found["rests_on_synthetic"]) == (old["cells"], False)
    assert (found["file"]["crs"], found["file"]["vertical_unit"]) == ("EPSG:4326", "ft")
    assert found["file"]["heights_m"] == pytest.approx([30 * 0.3048, 31 * 0.3048], abs=0.1)
    assert [item["id"] for item in found["earlier"]] == [old["id"]]
    after = ground.state()
    assert (after[0], after[1]) == (before[0] + 1, before[1] + 1)
    assert after[2] == found["content_hash"] != before[2]
    profile = ground.client.post("/api/v1/radio/profile", json=sight).json()
    assert profile["terrain"]["rests_on_synthetic"] is False
    assert max(profile["ground_m"]) < 31 * 0.3048 + 0.01
    record = ground.client.get("/api/v1/imports", params={"dataset": SMALL}).json()["items"][0]
    assert (record["layer"], record["declared_crs"], record["rows"]) == ("terrain", "EPSG:4326", 1)
    back = ground.client.put(f"{ADDRESS}/{old['id']}")
    assert back.status_code == 200, back.text
    assert (back.json()["id"], back.json()["provenance"]) == (old["id"], "synthetic")
    assert [item["id"] for item in back.json()["earlier"]] == [found["id"]]


def test_an_earlier_terrain_comes_back_bit_for_bit(ground: Ground) -> None:
    """The heights are those of before, and asking twice changes nothing."""
    old, number = ground.stored(), ground.client.get(ADDRESS).json()["id"]
    assert put(ground, raster(70.0)).status_code == 200
    assert ground.stored().ground_m.min() >= 70.0
    assert ground.client.put(f"{ADDRESS}/{number}").status_code == 200
    assert ground.stored().ground_m.tobytes() == old.ground_m.tobytes()
    state = ground.state()
    assert ground.client.put(f"{ADDRESS}/{number}").status_code == 200
    assert ground.state() == state
    assert ground.client.put(f"{ADDRESS}/999999").status_code == 404
    assert ground.client.put(f"/api/v1/datasets/none/terrain/{number}").status_code == 404


def test_finer_cells_lie_over_the_same_area(ground: Ground) -> None:
    """Cells of another size cover what was covered; too many are refused."""
    number = ground.client.get(ADDRESS).json()["id"]
    old = ground.stored().grid
    answer = put(ground, raster(), cell_size_m=100)
    assert answer.status_code == 200, answer.text
    new = ground.stored().grid
    assert (new.cell_size_m, new.west_m, new.south_m) == (100.0, old.west_m, old.south_m)
    assert new.columns * 100 >= old.columns * old.cell_size_m
    assert ground.client.put(f"{ADDRESS}/{number}").status_code == 200
    assert set(faults(put(ground, raster(), cell_size_m=5))) == {"query.cell_size_m"}


def test_voids_are_counted_and_filled_when_they_are_allowed(ground: Ground) -> None:
    """A third without heights is refused by default, and filled when the request allows it."""
    before = ground.state()
    answer = put(ground, raster(voids=0.33))
    assert answer.status_code == 400
    assert "at most 1.00% are filled in" in faults(answer)["ground, voids"]
    assert ground.state() == before
    number = ground.client.get(ADDRESS).json()["id"]
    file = put(ground, raster(voids=0.33), most_voids=0.5).json()["file"]
    assert file["voids_filled"] > 0
    assert file["farthest_fill_m"] > 0
    ground.client.put(f"{ADDRESS}/{number}")


@pytest.mark.parametrize(
    ("body", "asked", "place", "what"),
    [
        (raster(crs=None), {}, "ground, crs", "does not say where on Earth"),
        (raster(crs=None), {"crs": "EPSG:1"}, "ground, crs", "unknown"),
        (raster(count=3), {}, "ground, bands", "3 bands"),
        (raster(west=120.0), {}, "ground, extent", "0.0% of the area is covered"),
        (raster(unit="fathom"), {}, "ground, unit", "'fathom'"),
        (raster(40_000.0), {}, "ground, heights", "outside -500"),
        (raster(size=(20_001, 20_000)), {}, "ground, size", "more than 400,000,000"),
        (b"", {}, "body", "is empty"),
        (b"height,30\n", {}, "body", "not recognized"),
        (raster()[:-2000], {}, "body", "cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_rasters_change_nothing(
    ground: Ground, body: bytes, asked: dict[str, str], place: str, what: str
) -> None:
    """Each fault is named with its place, and nothing of this machine is told."""
    before = ground.state()
    answer = put(ground, body, **asked)
    assert answer.status_code == 400, answer.text
    assert what in faults(answer)[place]
    assert "siting-terrain" not in answer.text
    assert "body.tif" not in answer.text
    assert ground.state() == before


def test_every_fault_of_a_file_is_in_one_answer(ground: Ground) -> None:
    """Bands, unit and CRS are wrong at once, and all three are told."""
    answer = put(ground, raster(crs=None, count=2, unit="fathom"))
    assert set(faults(answer)) == {"ground, crs", "ground, unit", "ground, bands"}


def test_requests_that_are_none(ground: Ground) -> None:
    """No source, wrong numbers, another media type, an unknown data set, too large a body."""
    before = ground.state()
    headers = {"Content-Type": "image/tiff"}
    bare = ground.client.put(ADDRESS, content=raster(), headers=headers)
    assert (bare.status_code, set(faults(bare))) == (400, {"query.source"})
    wrong = put(ground, raster(), most_voids="nan", cell_size_m=1, vertical_unit="mile")
    assert wrong.status_code == 400
    assert set(faults(wrong)) >= {
        "query.most_voids", "query.cell_size_m", "query.vertical_unit"
    }  # fmt: skip
    assert set(faults(put(ground, raster(), more=1))) == {"query.more"}
    text_body = ground.client.put(
        ADDRESS, content="30", params=ASKED, headers={"Content-Type": "text/csv"}
    )
    assert text_body.status_code == 415
    for name in ("nowhere", "x%00"):
        lost = ground.client.put(
            f"/api/v1/datasets/{name}/terrain", content=b"II*\0", params=ASKED, headers=headers
        )
        assert lost.status_code == 404, lost.text
        assert ground.client.get(f"/api/v1/datasets/{name}/terrain").status_code == 404
    chunks = (b" " * 1_000_000 for _ in range(MAX_BODY_BYTES // 1_000_000 + 2))
    large = ground.client.put(ADDRESS, content=chunks, params=ASKED, headers=headers)
    assert large.status_code == 413
    assert ground.state() == before


def test_the_worse_origin_counts(ground: Ground) -> None:
    """A file that says it is made up stays so whatever the request says, and vice versa."""
    number = ground.client.get(ADDRESS).json()["id"]
    tagged = put(ground, raster(tags={"PROVENANCE": "synthetic"}), provenance="real").json()
    assert (tagged["provenance"], tagged["rests_on_synthetic"]) == ("synthetic", True)
    declared = put(ground, raster(), provenance="approximate").json()
    assert declared["provenance"] == "approximate"
    ground.client.put(f"{ADDRESS}/{number}")


def test_clutter_is_laid_over_the_ground_in_force(ground: Ground) -> None:
    """Roofs are known, the ground stays to the bit, the citations join, the worse origin counts."""
    number, old = ground.client.get(ADDRESS).json()["id"], ground.stored()
    assert old.clutter_m is None
    for height_m, source in ((12.0, "Roofs"), (15.0, "Newer roofs")):
        answer = ground.client.put(
            f"{ADDRESS}/clutter", content=raster(height_m, voids=0.5), params={"source": source}
        )
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["clutter_known"] is True
        assert found["source"].endswith(f"supplied; clutter: {source}")
        assert found["provenance"] == "synthetic"  # that of the ground
        assert found["file"] is None
        assert found["clutter_file"]["voids_filled"] > 0
        assert found["clutter_file"]["heights_m"] == [0.0, pytest.approx(height_m + 0.5, abs=0.5)]
    new = ground.stored()
    assert new.ground_m.tobytes() == old.ground_m.tobytes()
    assert new.clutter_m is not None
    below = ground.client.put(
        f"{ADDRESS}/clutter", content=raster(-5.0), params={"source": "cellars"}
    )
    assert below.status_code == 400
    assert "is negative" in faults(below)["clutter_m"]
    bare = ground.client.put(f"{ADDRESS}/clutter", content=raster(crs=None), params=ASKED)
    assert set(faults(bare)) == {"clutter, crs"}
    ground.client.put(f"{ADDRESS}/{number}")


def test_an_imported_terrain_outlives_newer_bundled_data(database: Database) -> None:
    """Loading another bundle replaces its own terrain and leaves the imported one in force."""
    with database.session() as session:
        load(session, SMALL, small_bundle())
    with running(settings_for(database.url)) as client:
        sent = client.put(
            ADDRESS,
            content=raster(55.0),
            params=ASKED,
            headers={"Content-Type": "application/octet-stream"},
        )
        assert sent.status_code == 200, sent.text
    with database.session() as session:
        assert load(session, SMALL, small_bundle(1500.0))
        row = terrains.in_force(session, SMALL)
        assert row is not None
        assert (row.id, row.source) == (sent.json()["id"], ASKED["source"])
        data = planning_data.load_planning_data(session, SMALL)
        assert data.terrain_provenance is Provenance.REAL
        kept = [(item.current, item.imported) for item in terrains.every(session, SMALL)]
        assert kept == [(True, True), (False, False)]
        other = planning_data.dataset(session, SMALL).content_hash
    with database.session() as session:
        terrains.use_again(session, SMALL, terrains.every(session, SMALL)[1].id)
        assert planning_data.dataset(session, SMALL).content_hash != other
