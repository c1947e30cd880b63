"""Bad input over HTTP: one clear answer that names every fault, and nothing changed."""

from __future__ import annotations

import asyncio
import copy
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from private_cluster import Cluster, settings_for
from served_city import running
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool
from starlette.types import Message, Receive, Scope, Send

from app.errors import BodyTooLargeError
from app.middleware import MAX_BODY_BYTES, BodyLimit
from siting.geo import wgs84_to_gcj02

pytestmark = pytest.mark.database

_COUNTED = (
    "datasets", "candidate_sites", "imports", "scenarios", "plans", "plan_requests",
    "plan_progress", "procrastinate_jobs",
)  # fmt: skip


class Scratch:
    """A served city that must come out of every test as it went in."""

    def __init__(self, client: httpx.Client, engine: Engine) -> None:
        self.client = client
        self.engine = engine

    def state(self) -> list[Any]:
        """Return what would differ if anything had been stored."""
        with self.engine.connect() as connection:
            counts = [
                connection.execute(text(f"select count(*) from {table}")).scalar_one()  # noqa: S608
                for table in _COUNTED
            ]
            hashes = connection.execute(text("select content_hash from datasets")).scalars().all()
        return [*counts, *hashes]


@pytest.fixture(scope="module")
def scratch(cluster: Cluster, ezhou_template: str) -> Iterator[Scratch]:
    """Serve a copy of Ezhou for this module."""
    url = cluster.create(ezhou_template)
    engine = create_engine(url, poolclass=NullPool)
    with running(settings_for(url)) as client:
        yield Scratch(client, engine)
    cluster.drop(url)


@pytest.fixture
def unchanged(scratch: Scratch) -> Iterator[Scratch]:
    """Lend the city, and hold that nothing was stored."""
    before = scratch.state()
    yield scratch
    assert scratch.state() == before


def detail(response: httpx.Response, status: int) -> str:
    """Return the sentence of a refusal that names no single fault, after checking its form."""
    assert refused(response, status) == []
    return response.json()["detail"]


def refused(response: httpx.Response, status: int) -> list[tuple[str, str]]:
    """Return place and text of every fault of a refusal, after checking its form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    assert {"type", "title", "detail", "instance"} <= set(body)
    return [(item["where"], item["what"]) for item in body.get("problems", [])]


# --- candidate sites ------------------------------------------------------------------------


def a_site(number: int, **changes: Any) -> dict[str, Any]:
    """Return a good site on land in Ezhou, then changed."""
    position = changes.pop("position", [114.88 + number * 0.001, 30.39])
    properties = {
        "id": f"new-{number}",
        "kind": "tower",
        "height_m": 30,
        "fixed_cost_cny": 100_000,
        "provenance": "synthetic",
        "source": "a test",
        **changes,
    }
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": position},
        "properties": {key: value for key, value in properties.items() if value is not ...},
    }


def collection(*features: Any, **members: Any) -> dict[str, Any]:
    """Return a FeatureCollection."""
    return {"type": "FeatureCollection", "features": list(features), **members}


def post_sites(scratch: Scratch, document: Any, query: str = "?crs=OGC:CRS84") -> httpx.Response:
    """Send a collection of sites."""
    return scratch.client.post(
        f"/api/v1/sites{query}",
        content=document if isinstance(document, bytes) else json.dumps(document).encode(),
        headers={"Content-Type": "application/geo+json"},
    )


@pytest.mark.parametrize(
    ("query", "members", "what"),
    [
        ("", {}, "no CRS is declared"),
        ("?crs=EPSG:999999", {}, "unknown CRS 'EPSG:999999'"),
        ("?crs=/etc/passwd", {}, "unknown CRS '/etc/passwd'"),
        ("?crs=%2Bproj%3Dpipeline", {}, "unknown CRS '+proj=pipeline'"),
        ("", {"crs": {"type": "name"}}, "the member names no CRS"),
        (
            "?crs=EPSG:4490",
            {"crs": {"type": "name", "properties": {"name": "EPSG:4326"}}},
            "the document says 'EPSG:4326', the request 'EPSG:4490'",
        ),
    ],
)
def test_crs_must_be_declared_and_known(
    unchanged: Scratch, query: str, members: dict[str, Any], what: str
) -> None:
    """A missing, unknown or contradictory CRS is refused; a file name is never opened."""
    faults = refused(post_sites(unchanged, collection(a_site(1), **members), query), 400)
    assert faults == [("crs", what)]


def test_every_fault_comes_at_once_by_feature(unchanged: Scratch) -> None:
    """Ten faulty features and one good one: each fault is named with its feature and value."""
    document = collection(
        a_site(0),
        a_site(1, fixed_cost_cny=-5),
        a_site(2, height_m=0),
        a_site(3, kind="lighthouse"),
        a_site(4, colour="red"),
        a_site(5, source=...),
        a_site(6, position=[114.88, 91e9]),
        a_site(7, id="new-0"),
        a_site(8, existing="yes"),
        a_site(9, fixed_cost_cny=1.5),
        {"type": "Feature", "geometry": None, "properties": {"id": "x"}},
        "not a feature",
    )
    faults = refused(post_sites(unchanged, document), 400)
    expected = [
        ("features[0] (id 'new-0').id", "'new-0' is given 2 times"),
        ("features[1] (id 'new-1').fixed_cost_cny", "is -5, not 0 to 1000000000"),
        ("features[2] (id 'new-2').height_m", "is 0, not over 0 and up to 500"),
        ("features[3] (id 'new-3').kind", "is 'lighthouse'"),
        ("features[4] (id 'new-4').colour", "unknown property"),
        ("features[5] (id 'new-5').source", "is missing"),
        ("features[6] (id 'new-6').geometry", "(114.88, 9.1e+10) lies outside every district"),
        ("features[7] (id 'new-0').id", "'new-0' is given 2 times"),
        ("features[8] (id 'new-8').existing", "is 'yes'"),
        ("features[9] (id 'new-9').fixed_cost_cny", "is '1.5', no whole number of CNY"),
        ("features[10] (id 'x').geometry", "is missing"),
        ("features[11]", "is not a GeoJSON Feature"),
    ]
    assert [item for item in expected if item not in faults] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite(unchanged: Scratch, number: str) -> None:
    """NaN and infinities are named, in coordinates and in properties."""
    raw = json.dumps(collection(a_site(1, position=["@", 30.39]), a_site(2, height_m="#")))
    raw = raw.replace('"@"', number).replace('"#"', number)
    faults = refused(post_sites(unchanged, raw.encode()), 400)
    assert [where for where, _ in faults] == [
        "features[0] (id 'new-1').geometry",
        "features[1] (id 'new-2').height_m",
    ]


def test_empty_collection(unchanged: Scratch) -> None:
    """A collection without features is refused."""
    assert refused(post_sites(unchanged, collection()), 400) == [
        ("features", "the collection is empty")
    ]


def test_swapped_axes_are_recognised(unchanged: Scratch) -> None:
    """Latitude before longitude is named as such, beside each site."""
    document = collection(*(a_site(n, position=[30.39, 114.88 + n / 1000]) for n in range(4)))
    faults = refused(post_sites(unchanged, document), 400)
    assert any("swapped: 4 of 4" in what for _, what in faults)
    assert len(faults) == 5


def test_gcj02_labelled_as_wgs84_is_recognised(unchanged: Scratch) -> None:
    """Sites on land that fall into water or outside by the GCJ-02 offset are recognised by it."""
    with unchanged.engine.connect() as connection:
        rows = connection.execute(
            text("select st_x(geom), st_y(geom) from candidate_sites where near_water order by fid")
        ).all()
    shifted = np.column_stack(wgs84_to_gcj02(*np.array(rows).T))
    document = collection(
        *(a_site(number, position=list(xy)) for number, xy in enumerate(shifted.tolist()))
    )
    faults = refused(post_sites(unchanged, document), 400)
    assert any(where == "crs" and "look like GCJ-02" in what for where, what in faults), faults[:3]


def test_sites_in_water_and_outside(unchanged: Scratch) -> None:
    """A site in a lake and one in Beijing are each named with their position."""
    with unchanged.engine.connect() as connection:
        lake = connection.execute(
            text(
                "select st_x(p), st_y(p) from (select st_pointonsurface(st_intersection(w.geom, "
                "(select st_union(geom) from districts))) as p, st_area(w.geom) as a "
                "from water_bodies w) as found order by a desc limit 1"
            )
        ).one()
    document = collection(a_site(1, position=list(lake)), a_site(2, position=[116.39, 39.9]))
    faults = dict(refused(post_sites(unchanged, document), 400))
    assert faults["features[0] (id 'new-1').geometry"].endswith("lies in water")
    assert faults["features[1] (id 'new-2').geometry"].endswith("lies outside every district")


def test_stored_ids_are_taken(unchanged: Scratch) -> None:
    """An id that is stored already is refused, not overwritten."""
    with unchanged.engine.connect() as connection:
        name = connection.execute(text("select min(id) from candidate_sites")).scalar_one()
    faults = refused(post_sites(unchanged, collection(a_site(1, id=name))), 400)
    assert faults == [(f"features[0] (id {name!r}).id", f"{name!r} is stored already")]


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b"{", "line 1, column 2"),
        (b"", "line 1, column 1"),
        (b"\xff\xfe{", "byte 0"),
        (b"[1, 2]", "type"),
        (b'{"type": "FeatureCollection"}', "features"),
        (b"[" * 100_000, "document"),
    ],
)
def test_malformed_collections_are_422(unchanged: Scratch, raw: bytes, where: str) -> None:
    """What is no FeatureCollection at all is 422 and says where it breaks."""
    assert [place for place, _ in refused(post_sites(unchanged, raw), 422)] == [where]


def test_polygons_are_no_sites(unchanged: Scratch) -> None:
    """A polygon is refused as a site."""
    site = a_site(1)
    site["geometry"] = {"type": "Polygon", "coordinates": [[[114, 30], [115, 30], [115, 31]]]}
    faults = refused(post_sites(unchanged, collection(site)), 400)
    assert faults[0][0] == "features[0] (id 'new-1').geometry"


def test_wrong_media_type_is_415(unchanged: Scratch) -> None:
    """A body of another type is not read."""
    response = unchanged.client.post(
        "/api/v1/sites?crs=4326", content=b"a,b", headers={"Content-Type": "text/csv"}
    )
    assert detail(response, 415) == "the body is 'text/csv'; send application/geo+json"


def test_unknown_dataset_is_404(unchanged: Scratch) -> None:
    """Sites cannot be added to planning data that are not loaded."""
    response = post_sites(unchanged, collection(a_site(1)), "?crs=4326&dataset=atlantis")
    assert detail(response, 404) == "there is no data set 'atlantis'"


# --- size -----------------------------------------------------------------------------------


def test_declared_length_over_the_limit_is_413(unchanged: Scratch) -> None:
    """A body that declares more than 50 MB is refused before any of it is read."""
    address = unchanged.client.base_url
    with socket.create_connection((address.host, address.port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/v1/scenarios HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1)
        )
        with connection.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")
    assert b"content-type: application/problem+json" in head.lower()
    assert json.loads(body)["status"] == 413


def test_body_of_unknown_length_over_the_limit_is_413(unchanged: Scratch) -> None:
    """A body that does not declare its length is refused as soon as it passes 50 MB."""
    chunks = (b" " * 1_000_000 for _ in range(52))
    response = unchanged.client.post(
        "/api/v1/sites", content=chunks, headers={"Content-Type": "application/geo+json"}
    )
    assert "larger than the limit of 50,000,000 bytes" in detail(response, 413)


def test_nothing_is_read_beyond_the_limit() -> None:
    """The application is given no chunk once the limit is passed."""
    taken: list[int] = []

    async def receive() -> Message:
        taken.append(10)
        return {"type": "http.request", "body": b"x" * 10, "more_body": True}

    async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        while True:
            await receive()

    async def send(message: Message) -> None:
        del message

    scope: Scope = {"type": "http", "headers": []}
    with pytest.raises(BodyTooLargeError, match="25 bytes"):
        asyncio.run(BodyLimit(reads_all, limit_bytes=25)(scope, receive, send))
    assert sum(taken) == 30


# --- scenarios ------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "name": "A question",
    "stations": 10,
    "targets": [{"kinds": ["airport"], "standard": "quality-outdoor", "required_fraction": 0.5}],
}


def post_scenario(scratch: Scratch, document: Any) -> httpx.Response:
    """Send a scenario."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return scratch.client.post(
        "/api/v1/scenarios", content=content, headers={"Content-Type": "application/json"}
    )


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the good scenario with one value put at `path`."""
    document = copy.deepcopy(GOOD)
    place: Any = document
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("targets.0.required_fraction", 1.5, "targets[0].required_fraction"),
        ("targets.0.required_fraction", -0.1, "targets[0].required_fraction"),
        ("targets.0.required_fraction", float("nan"), "targets[0].required_fraction"),
        ("targets.0.colour", "red", "targets[0].colour"),
        ("collour", "red", "collour"),
        ("stations", 0, "stations"),
        ("stations", "many", "stations"),
        ("name", "", "name"),
        ("name", "a\u0000b", "name"),
        ("targets", "all", "targets"),
        ("solve", {"max_runtime_s": -1}, "solve.max_runtime_s"),
    ],
)
def test_faults_of_form_are_422(unchanged: Scratch, path: str, value: Any, where: str) -> None:
    """Unknown fields, wrong types and values out of range are named by their path."""
    places = [place for place, _ in refused(post_scenario(unchanged, changed(path, value)), 422)]
    assert where in places


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("dataset", "atlantis", "dataset"),
        ("targets.0.zones", ["nowhere"], "targets[0].zones"),
        ("targets.0.standard", "perfect", "targets[0].standard"),
        ("targets.0.weight", "happiness", "targets[0].weight"),
        ("technologies", ["telegraph"], "technologies[0]"),
        ("locked_sites", ["nothing"], "locked_sites"),
        ("targets", [], "targets"),
    ],
)
def test_unknown_names_are_400(unchanged: Scratch, path: str, value: Any, where: str) -> None:
    """Names that the planning data do not hold are faults of content."""
    places = [place for place, _ in refused(post_scenario(unchanged, changed(path, value)), 400)]
    assert where in places


def test_form_and_names_come_in_one_answer(unchanged: Scratch) -> None:
    """Five faults of form and content in four targets: one answer with all, at their places."""
    target = GOOD["targets"][0]
    document = {
        **GOOD,
        "colour": "red",
        "technologies": ["telegraph"],
        "targets": [
            {**target, "required_fraction": 7, "zones": ["nowhere"]},
            "not a target",
            {**target, "standard": "perfect"},
            {**target, "colour": "blue", "weight": "happiness"},
        ],
    }
    faults = refused(post_scenario(unchanged, document), 422)
    assert {where for where, _ in faults} == {
        "colour",
        "technologies[0]",
        "targets[0].required_fraction",
        "targets[0].zones",
        "targets[1]",
        "targets[2].standard",
        "targets[3].colour",
        "targets[3].weight",
    }


def test_no_candidate_left_is_refused(unchanged: Scratch) -> None:
    """A scenario that forbids every site has nothing to choose from and says so."""
    with unchanged.engine.connect() as connection:
        names = connection.execute(text("select id from candidate_sites")).scalars().all()
    faults = refused(post_scenario(unchanged, {**GOOD, "forbidden_sites": list(names)}), 400)
    assert ("sites", "no candidate site can host any of the technologies") in faults


def test_database_without_sites_is_refused(client: httpx.Client) -> None:
    """Before anything is loaded a scenario is refused and says what is loaded: nothing."""
    response = client.post("/api/v1/scenarios", json=GOOD)
    assert refused(response, 400) == [("dataset", "unknown planning data 'ezhou'")]


@pytest.mark.parametrize("raw", [b"{", b"", b"null", b"[]", b'"text"', b"{'name': 1}"])
def test_malformed_json_is_422(unchanged: Scratch, raw: bytes) -> None:
    """What is no JSON object is 422."""
    assert len(refused(post_scenario(unchanged, raw), 422)) >= 1


# --- plans, addresses, parameters -----------------------------------------------------------

NOBODY = uuid.UUID("01900000-0000-7000-8000-000000000000")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/api/v1/scenarios/{NOBODY}/plans"),
        ("GET", f"/api/v1/scenarios/{NOBODY}"),
        ("GET", f"/api/v1/plans/{NOBODY}"),
        ("DELETE", f"/api/v1/plans/{NOBODY}"),
        ("GET", f"/api/v1/plans/{NOBODY}/events"),
        ("GET", f"/api/v1/plans/{NOBODY}/sites.csv"),
        ("GET", f"/api/v1/plans/{NOBODY}/tiles/demand/10/838/419.mvt"),
        ("GET", "/api/v1/sites/nothing"),
        ("GET", "/api/v1/sites/a%00b"),
        ("GET", "/api/v1/technologies?dataset=atlantis"),
        ("GET", "/api/v1/tiles/sites/3/0/0.mvt"),
        ("GET", "/api/v1/tiles/sites/10/1024/0.mvt"),
        ("GET", "/api/v1/nothing"),
    ],
)
def test_what_is_not_there_is_404(unchanged: Scratch, method: str, path: str) -> None:
    """Unknown plans, scenarios, features, tiles and addresses are 404; the answer names them."""
    sentence = detail(unchanged.client.request(method, path), 404)
    assert sentence.startswith(("there is no ", "data set '", "Nothing is served at this address"))


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("/api/v1/plans/42", ["path.plan_id"]),
        ("/api/v1/scenarios/not-a-uuid", ["path.scenario_id"]),
        ("/api/v1/plans?state=happy", ["query.state"]),
        ("/api/v1/plans?cursor=x", ["query.cursor"]),
        ("/api/v1/sites?bbox=1,2,3", ["query.bbox"]),
        ("/api/v1/sites?limit=10001", ["query.limit"]),
        ("/api/v1/sites?kind=lighthouse&limit=0", ["query.kind", "query.limit"]),
        ("/api/v1/sites?limt=5&offset=1", ["query.limt", "query.offset"]),
        ("/api/v1/datasets?dataset=ezhou", ["query.dataset"]),
        ("/api/v1/tiles/sites/a/0/0.mvt", ["path.z"]),
    ],
)
def test_wrong_addresses_are_400(unchanged: Scratch, path: str, places: list[str]) -> None:
    """Wrong identifiers and unknown or wrong parameters are 400, each named."""
    assert [place for place, _ in refused(unchanged.client.get(path), 400)] == places


def test_unknown_parameters_name_the_known_ones(unchanged: Scratch) -> None:
    """The refusal of a misspelt parameter lists those that exist."""
    body = unchanged.client.get("/api/v1/sites?limt=5").json()
    assert body["problems"][0]["hint"] == "known: bbox, cursor, dataset, district, kind, limit"


def test_method_not_offered_is_405(unchanged: Scratch) -> None:
    """A method that an address does not know is 405 and says which it knows."""
    response = unchanged.client.put("/api/v1/scenarios")
    assert detail(response, 405) == "Method Not Allowed"
    assert "POST" in response.headers["allow"] or "GET" in response.headers["allow"]


@pytest.mark.parametrize("key", ["", "k" * 201, "中".encode()])
def test_wrong_idempotency_keys_are_400(unchanged: Scratch, key: str | bytes) -> None:
    """An empty or endless key is refused before the scenario is looked at twice."""
    faults = refused(
        unchanged.client.post(
            f"/api/v1/scenarios/{NOBODY}/plans", headers={"Idempotency-Key": key}
        ),
        400,
    )
    assert faults[0][0] == "header.Idempotency-Key"


def test_foreign_pages_may_not_change_anything(unchanged: Scratch) -> None:
    """A page of another origin, or a foreign name that points here, is answered 403."""
    foreign = {"Origin": "https://evil.example"}
    response = unchanged.client.post(f"/api/v1/scenarios/{NOBODY}/plans", headers=foreign)
    assert detail(response, 403) == "Pages of another origin may not change anything here."
    response = unchanged.client.get("/api/v1/sites", headers={"Host": "evil.example"})
    assert "does not answer to the name 'evil.example'" in detail(response, 403)
    own = {"Origin": str(unchanged.client.base_url).rstrip("/")}
    response = unchanged.client.post(f"/api/v1/scenarios/{NOBODY}/plans", headers=own)
    assert str(NOBODY) in detail(response, 404)
