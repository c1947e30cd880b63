"""Radio predictions over HTTP: asked for, followed, read whole and in parts, drawn as tiles."""

from __future__ import annotations

import io
import json
import math
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import numpy as np
import pandas as pd
import pytest
from private_cluster import Cluster, settings_for
from rasterio.io import MemoryFile
from served_city import running, store_plan
from served_prediction import STATIONS, Stored, store_prediction
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.database import Database
from app.jobs import Kind
from app.repository import computations
from app.routes.ranges import wanted_range
from siting.geo import project
from siting.io.prediction_files import NAMES
from siting.maps import SS_RSRP
from siting.radio.network.assumptions import RadioAssumptions

pytestmark = [pytest.mark.database, pytest.mark.slow]

ASKED = {"dataset": "ezhou", "stations": STATIONS, "cell_size_m": 200.0}


@dataclass(frozen=True, slots=True)
class Radio:
    """A served city with a plan and a finished prediction."""

    client: httpx.Client
    engine: Engine
    plan_id: uuid.UUID
    stored: Stored

    @property
    def base(self) -> str:
        """Address of the prediction."""
        return f"/api/v1/predictions/{self.stored.id}"

    def rows(self) -> tuple[int, int]:
        """Return how many predictions and jobs there are."""
        query = "select (select count(*) from predictions), count(*) from procrastinate_jobs"
        with self.engine.connect() as connection:
            return tuple(connection.execute(text(query)).one())


@pytest.fixture(scope="module")
def radio(cluster: Cluster, ezhou_template: str) -> Iterator[Radio]:
    """Serve a copy of Ezhou with a plan and a prediction for this module."""
    url = cluster.create(ezhou_template)
    with Database(url) as database:
        plan_id = store_plan(database)[3]
        stored = store_prediction(database)
        with running(settings_for(url)) as client:
            yield Radio(client, database.engine, plan_id, stored)
    cluster.drop(url)


def faults(answer: httpx.Response) -> dict[str, str]:
    """Return the faults of an answer by their place."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return {item["where"]: item["what"] + item["hint"] for item in answer.json()["problems"]}


def test_a_list_is_queued_with_its_job(radio: Radio) -> None:
    """202 with the Location, where the prediction waits; row and job appear together; then stop."""
    before = radio.rows()
    answer = radio.client.post("/api/v1/predictions", json=ASKED | {"assumptions": {"load": 0.2}})
    assert answer.status_code == 202, answer.text
    assert radio.rows() == (before[0] + 1, before[1] + 1)
    place = answer.headers["location"]
    waiting = radio.client.get(place).json()
    assert (waiting["state"], waiting["plan_id"], waiting["dataset_id"]) == (
        "queued",
        None,
        "ezhou",
    )
    assert waiting["progress"]["phase"] == "queued"
    assert [link["rel"] for link in waiting["links"]] == ["self", "events"]
    for address in (f"{place}/ss_rsrp.tif", f"{place}/tiles/ss_rsrp.json"):
        early = radio.client.get(address)
        assert early.status_code == 409, early.text
        assert "'queued'" in early.json()["detail"]
    for _ in range(2):
        stopped = radio.client.delete(place)
        assert (stopped.status_code, stopped.json()["state"]) == (200, "cancelled")
    events = radio.client.get(f"{place}/events").text
    assert events.count("event: progress") == 2
    assert '"state": "cancelled"' in events.rpartition("event: end")[2]


def test_a_running_prediction_is_told_to_stop(radio: Radio) -> None:
    """202 while a worker has it, with the request on its row; the worker does the rest."""
    place = radio.client.post("/api/v1/predictions", json=ASKED).headers["location"]
    with Session(radio.engine) as session, session.begin():
        number = uuid.UUID(place.rpartition("/")[2])
        assert computations.begin(session, Kind.PREDICTION, number) is not None
    for _ in range(2):
        told = radio.client.delete(place)
        assert (told.status_code, told.json()["state"]) == (202, "running")
        assert told.json()["cancel_requested"] is True
    with radio.engine.begin() as connection:
        connection.execute(text("delete from predictions where id = :id"), {"id": number})


def test_a_plans_stations_are_asked_for_by_its_id(radio: Radio) -> None:
    """The prediction names its plan, and the plan's link lists it."""
    answer = radio.client.post("/api/v1/predictions", json={"plan_id": str(radio.plan_id)})
    assert answer.status_code == 202, answer.text
    assert (answer.json()["plan_id"], answer.json()["cell_size_m"]) == (str(radio.plan_id), 50.0)
    plan = radio.client.get(f"/api/v1/plans/{radio.plan_id}").json()
    (link,) = [item["href"] for item in plan["links"] if item["rel"] == "predictions"]
    listed = radio.client.get(link).json()["items"]
    assert [item["id"] for item in listed] == [answer.json()["id"]]
    radio.client.delete(f"/api/v1/predictions/{answer.json()['id']}")


def test_faults_of_form_names_and_numbers_come_together(radio: Radio) -> None:
    """One answer names every fault of the document, by its place, and nothing is stored."""
    before = radio.rows()
    body = {
        "dataset": "ezhou",
        "cell_size_m": "wide",
        "more": 1,
        "assumptions": {"load": math.nan, "tdd_downlink_share": 0.9},
        "stations": [
            STATIONS[0] | {"technology": "macro-n4"},
            STATIONS[0] | {"lon": math.nan},
            STATIONS[1] | {"site": "far", "lon": 116.0},
            STATIONS[1] | {"lat": 130.0, "height_m": 8000},
            STATIONS[0] | {"tilt_deg": None},
        ],
    }
    answer = radio.client.post(
        "/api/v1/predictions",
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    found = faults(answer)
    assert set(found) == {
        "assumptions.load", "stations[1].lon", "cell_size_m", "more", "stations[0].technology",
        "stations[3].lat", "stations[3].height_m", "stations[4].tilt_deg", "stations",
        "assumptions.tdd_uplink_share",
    }  # fmt: skip
    assert "far" in found["stations"]
    assert "known: macro-n41" in found["stations[0].technology"]
    assert radio.rows() == before


def test_faults_of_content_alone_are_400(radio: Radio) -> None:
    """An unknown plan beside a list, a cell size and assumptions out of range: all are named."""
    before = radio.rows()
    body = ASKED | {
        "plan_id": str(uuid.uuid4()),
        "cell_size_m": 1,
        "assumptions": {"load": 3, "tdd_downlink_share": 0.9},
    }
    answer = radio.client.post("/api/v1/predictions", json=body)
    assert answer.status_code == 400
    assert set(faults(answer)) == {
        "dataset", "stations", "plan_id", "cell_size_m", "assumptions.load",
        "assumptions.tdd_uplink_share",
    }  # fmt: skip
    assert radio.rows() == before


@pytest.mark.parametrize(
    ("body", "status", "places"),
    [
        ({}, 400, {"dataset", "stations"}),
        ([], 422, {"body"}),
        ({"dataset": "nowhere", "stations": STATIONS}, 400, {"dataset"}),
        ({"dataset": "ezhou", "stations": []}, 422, {"stations"}),
        ({"dataset": "ezhou", "stations": [{"site": "x\0"}]}, 422,
         {"stations[0].site", "stations[0].technology", "stations[0].lon", "stations[0].lat",
          "stations[0].height_m"}),
        ({"plan_id": "xyz"}, 422, {"plan_id"}),
        (ASKED | {"cell_size_m": 5}, 400, {"cell_size_m"}),
    ],
)  # fmt: skip
def test_questions_that_are_none(radio: Radio, body: object, status: int, places: set[str]) -> None:
    """Nothing, too little, an unknown data set, a raster too large for three carriers."""
    answer = radio.client.post("/api/v1/predictions", json=body)
    assert (answer.status_code, set(faults(answer))) == (status, places)


def test_a_plan_without_stations_or_on_other_data_is_refused(radio: Radio) -> None:
    """A plan that waits has no stations; one whose data changed has none of these any more."""
    scenario = radio.client.get(f"/api/v1/plans/{radio.plan_id}").json()["scenario_id"]
    waiting = radio.client.post(f"/api/v1/scenarios/{scenario}/plans").json()["id"]
    answer = radio.client.post("/api/v1/predictions", json={"plan_id": waiting})
    assert "has no stations; its state is 'queued'" in faults(answer)["plan_id"]
    with radio.engine.begin() as connection:
        connection.execute(
            text("update plans set scenario_hash = 'other' where id = :plan returning 1"),
            {"plan": radio.plan_id},
        )
    try:
        answer = radio.client.post("/api/v1/predictions", json={"plan_id": str(radio.plan_id)})
        assert answer.status_code == 400
        assert "have changed since it was made" in faults(answer)["plan_id"]
        assert "send the stations of this one as a list" in faults(answer)["plan_id"]
    finally:
        with radio.engine.begin() as connection:
            connection.execute(
                text("update plans p set scenario_hash = s.scenario_hash from scenarios s "
                     "where s.id = p.scenario_id and p.status is not null")
            )  # fmt: skip
        radio.client.delete(f"/api/v1/plans/{waiting}")


def test_a_result_tells_figures_origins_and_files(radio: Radio) -> None:
    """Figures by zone are the library's; synthetic ground is called so; every file is listed."""
    found = radio.client.get(radio.base).json()
    predicted = radio.stored.predicted
    assert (found["state"], found["stations"], found["cells"]) == (
        "done",
        3,
        len(predicted.station),
    )
    assert found["rests_on_synthetic"] is True
    assert "Synthetic data: terrain" in found["notice_en"]
    assert "3 base stations" in found["summary_en"]
    assert {item["name"]: item["size"] for item in found["files"]} == {
        name: len(content) for name, content in radio.stored.files.items()
    }
    by_zone = {item["zone"]: item for item in found["zones"]}
    assert len(by_zone) == len(predicted.zones)
    for figures in predicted.report.zones:
        item = by_zone[figures.zone]
        assert item["pixels"] == figures.pixels
        if figures.pixels:
            assert item["standards"][0]["share"] == figures.standards[0].share
        else:
            assert item["heard_share"] is None
    changed = {item["name"]: item["value"] for item in found["assumptions"] if item["changed"]}
    assert changed == {"load": 0.3}
    rels = [link["rel"] for link in found["links"]]
    assert rels == ["self", "events", "map", "tiles", "tiles", "tiles"]


def test_lists_go_page_by_page(radio: Radio) -> None:
    """The next link leads from the newest to the older ones, and filters hold."""
    radio.client.delete(radio.client.post("/api/v1/predictions", json=ASKED).headers["location"])
    address, seen = "/api/v1/predictions?limit=1", []
    while address:
        page = radio.client.get(address).json()
        seen += [item["id"] for item in page["items"]]
        address = next((item["href"] for item in page["links"] if item["rel"] == "next"), "")
    assert len(seen) == len(set(seen)) == radio.rows()[0]
    assert seen == sorted(seen, reverse=True)
    done = radio.client.get("/api/v1/predictions", params={"state": "done"}).json()["items"]
    assert [item["id"] for item in done] == [str(radio.stored.id)]
    assert done[0]["summary_zh"].startswith("3 个基站")


@pytest.mark.parametrize("name", NAMES)
def test_every_file_comes_byte_for_byte(radio: Radio, name: str) -> None:
    """A file is what the library wrote; its tag spares a second sending; HEAD tells its size."""
    address, content = f"{radio.base}/{name}", radio.stored.files[name]
    whole = radio.client.get(address)
    assert (whole.status_code, whole.content) == (200, content)
    again = radio.client.get(address, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = radio.client.head(address)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(content)))
    kind = "inline" if name.endswith("html") else "attachment"
    assert whole.headers["content-disposition"].startswith(kind)
    assert whole.headers["etag"].startswith("W/") == name.endswith(("csv", "html"))


def test_parts_of_a_raster_are_honoured(radio: Radio) -> None:
    """First, last and middle bytes come alone, never packed; a changed tag gives the whole file."""
    address, content = f"{radio.base}/ss_rsrp.tif", radio.stored.files["ss_rsrp.tif"]
    for asked, part, place in (
        ("bytes=0-9", content[:10], "0-9"),
        ("bytes=-7", content[-7:], f"{len(content) - 7}-{len(content) - 1}"),
        ("bytes=100-", content[100:], f"100-{len(content) - 1}"),
    ):
        answer = radio.client.get(address, headers={"Range": asked, "Accept-Encoding": "gzip"})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"] == f"bytes {place}/{len(content)}"
    stale = radio.client.get(address, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (stale.status_code, len(stale.content)) == (200, len(content))
    packed = radio.client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "identity"
    beyond = radio.client.get(address, headers={"Range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
    assert beyond.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("bytes=0-0", (0, 1)),
        ("bytes=5-1000", (5, 95)),
        ("bytes=-1000", (0, 100)),
        ("bytes=5-2", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=a-b", None),
    ],
)
def test_ranges_are_read_as_the_standard_says(
    header: str | None, found: tuple[int, int] | None
) -> None:
    """What is no single range of bytes counts as none; a range ends where the file does."""
    assert wanted_range(header, 100) == found


@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdal-bin is not installed")
def test_gdal_reads_a_raster_in_place(radio: Radio) -> None:
    """Gdalinfo opens the address without a download: CRS, unit, provenance, an overview, values."""
    address = f"{radio.client.base_url}{radio.base}/ss_rsrp.tif"
    done = subprocess.run(
        ["gdalinfo", "-json", "-stats", f"/vsicurl/{address}"],
        capture_output=True,
        check=True,
        text=True,
        env={"GDAL_PAM_ENABLED": "NO", "PATH": "/usr/bin", "no_proxy": "*"},
    )
    found = json.loads(done.stdout)
    level = radio.stored.predicted.ss_rsrp_dbm
    assert found["size"] == [level.shape[1], level.shape[0]]
    assert found["metadata"][""]["PROVENANCE"] == "synthetic"
    assert found["bands"][0]["unit"] == "dBm"
    assert found["bands"][0]["maximum"] == pytest.approx(float(np.nanmax(level)), abs=1e-3)


def test_the_tables_agree_with_the_raster(radio: Radio) -> None:
    """The best server of the raster is a number of cells.csv."""
    table = radio.client.get(f"{radio.base}/cells.csv").content
    cells = pd.read_csv(io.BytesIO(table), encoding="utf-8-sig")
    raster = radio.client.get(f"{radio.base}/best_server.tif").content
    with MemoryFile(raster) as memory, memory.open() as file:
        numbers = file.read(1)
    assert set(np.unique(numbers[np.isfinite(numbers)])) <= set(cells["cell"])


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Return the tile over a place, by Mercator's own formulas."""
    count = 1 << z
    across = (lon + 180) / 360 * count
    down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * count
    return int(across), int(down)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_tile_shows_the_classes_of_its_cells(radio: Radio) -> None:
    """Each pixel has the class of the cell its centre lies in; outside it is transparent."""
    z, (x, y) = 11, tile_at(114.887, 30.392, 11)
    answer = radio.client.get(f"{radio.base}/tiles/ss_rsrp/{z}/{x}/{y}.png")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    with MemoryFile(answer.content) as memory, memory.open() as png:
        drawn = png.read(1)
    centre = (np.arange(256) + 0.5) / 256
    lon = (x + centre) / (1 << z) * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (y + centre) / (1 << z)))))
    grid, level = radio.stored.predicted.grid, radio.stored.predicted.ss_rsrp_dbm
    xy = project(np.tile(lon, 256), np.repeat(lat, 256), grid.crs)
    col, row = np.floor((xy - [grid.west_m, grid.south_m]) / grid.cell_size_m).astype(int).T
    inside = (col >= 0) & (col < grid.columns) & (row >= 0) & (row < grid.rows)
    value = np.full(len(col), np.nan, dtype=np.float32)
    value[inside] = level[row[inside], col[inside]]
    expected = np.where(np.isnan(value), 0, np.digitize(value, SS_RSRP.edges) + 1)
    same = expected.reshape(256, 256) == drawn
    assert same.mean() > 0.999
    assert len(np.unique(drawn)) > 3


def test_tiles_have_tags_and_ends(radio: Radio) -> None:
    """A tile once seen is 304; far away it is transparent; what is no tile or layer is 404."""
    x, y = tile_at(114.887, 30.392, 12)
    for layer in ("ss_rsrp", "ss_sinr", "best_server"):
        first = radio.client.get(f"{radio.base}/tiles/{layer}/12/{x}/{y}.png")
        assert first.content.startswith(b"\x89PNG")
        again = radio.client.get(
            f"{radio.base}/tiles/{layer}/12/{x}/{y}.png",
            headers={"If-None-Match": first.headers["etag"]},
        )
        assert (again.status_code, again.content) == (304, b"")
    far = radio.client.get(f"{radio.base}/tiles/ss_rsrp/12/0/0.png")
    assert (far.status_code, len(far.content)) == (200, pytest.approx(150, abs=100))
    for path in ("ss_rsrp/4/0/0.png", "ss_rsrp/12/9999/0.png", "height/12/0/0.png"):
        answer = radio.client.get(f"{radio.base}/tiles/{path}")
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
    assert radio.client.get(f"{radio.base}/tiles/ss_rsrp/x/0/0.png").status_code == 400


def test_tilejson_leads_to_tiles(radio: Radio) -> None:
    """The document names address, bounds, classes with their colours, and what they rest on."""
    found = radio.client.get(f"{radio.base}/tiles/ss_rsrp.json").json()
    west, south, east, north = found["bounds"]
    assert west < 114.887 < east
    assert south < 30.392 < north
    assert found["classes"][0]["colour"] == "#440154"
    assert found["classes"][0]["en"] == "very poor < −115 dBm"
    assert "Synthetic data" in found["description"]
    address = found["tiles"][0].format(z=12, x=3354, y=1683)
    assert radio.client.get(address).status_code == 200
    assert radio.client.get(f"{radio.base}/tiles/height.json").status_code == 404


@pytest.mark.parametrize(
    "path", ["", "/events", "/ss_rsrp.tif", "/tiles/ss_rsrp.json", "/tiles/ss_rsrp/12/0/0.png"]
)
def test_unknown_predictions_are_404(radio: Radio, path: str) -> None:
    """Every address below an id that names nothing answers with the place that lists them."""
    answer = radio.client.get(f"/api/v1/predictions/{uuid.uuid4()}{path}")
    assert answer.status_code == 404
    assert "/api/v1/predictions lists them" in answer.json()["detail"]
    assert radio.client.delete(f"/api/v1/predictions/{uuid.uuid4()}").status_code == 404


def test_files_that_are_none_are_404(radio: Radio) -> None:
    """Neither another name nor a way out of the prediction is served."""
    for name in ("none.tif", "..%2Fss_rsrp.tif", "ss_rsrp.tif.aux.xml", "a%00"):
        assert radio.client.get(f"{radio.base}/{name}").status_code in {404, 422}, name


def test_the_map_asks_nobody_and_runs_its_own_scripts_alone(radio: Radio) -> None:
    """The page's policy lets it load nothing from elsewhere."""
    page = radio.client.get(f"{radio.base}/prediction.html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert 'src="http' not in page.text


def test_openapi_offers_every_assumption(radio: Radio) -> None:
    """The document describes each figure that may be changed, with unit and span."""
    document = radio.client.get("/api/v1/openapi.json").json()
    fields = document["components"]["schemas"]["AssumptionsIn"]["properties"]
    assert set(fields) == set(RadioAssumptions.__dataclass_fields__)
    assert "0 to 1" in fields["load"]["description"]
