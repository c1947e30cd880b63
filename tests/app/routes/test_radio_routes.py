"""Direct radio calls over HTTP: each answer equals the library's, each fault is named."""

from __future__ import annotations

import math
from typing import Any

import httpx
import numpy as np
import pytest
from served_city import City

from siting.geo import project
from siting.radio.backhaul import HopRule, backhaul
from siting.radio.emf import compliance_distance_m, power_density_w_m2, public_limit_w_m2
from siting.radio.ground.terrain import clearance
from siting.radio.link import radio_link
from siting.radio.propagation.p1812 import basic_transmission_loss
from siting.scenario import PlanningData

pytestmark = pytest.mark.database

START = {"lon": 114.86, "lat": 30.38, "height_m": 30.0}
END = {"lon": 114.92, "lat": 30.35, "height_m": 1.5}


def post(city: City, path: str, body: Any) -> httpx.Response:
    """Send a body to a radio call."""
    return city.client.post(f"/api/v1/radio/{path}", json=body)


def faults(response: httpx.Response, status: int) -> dict[str, str]:
    """Return what is wrong by place, after checking the form of the refusal."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return {item["where"]: item["what"] for item in response.json()["problems"]}


def xy_of(data: PlanningData, *points: dict[str, float]) -> np.ndarray:
    """Return positions in the working CRS."""
    lon, lat = [item["lon"] for item in points], [item["lat"] for item in points]
    return project(lon, lat, data.study_area.crs)


def test_a_profile_is_that_of_the_stored_terrain(city: City) -> None:
    """Ground, clearance and P.1812 equal the library's on the data set; synthetic is said."""
    body = {"start": START, "end": END, "frequency_mhz": 2600.0}
    told = post(city, "profile", body).raise_for_status().json()
    data = city.scenario.data
    assert data.terrain is not None
    path = data.terrain.profile(*xy_of(data, START, END))
    np.testing.assert_allclose(told["ground_m"], path.terrain_m, atol=1e-4)
    np.testing.assert_allclose(told["distance_m"], path.distance_m, atol=1e-4)
    expected = clearance(
        path, frequency_mhz=2600.0, transmitter_height_m=30.0, receiver_height_m=1.5
    )
    assert told["clearance_fresnel"] == pytest.approx(expected, abs=1e-4)
    assert told["line_of_sight"] == (expected >= 0.0)
    loss = basic_transmission_loss(
        path,
        frequency_mhz=2600.0,
        transmitter_height_m=30.0,
        receiver_height_m=1.5,
        centre_latitude_deg=30.365,
        gradient_n_units_per_km=39.25,
        refractivity_n_units=325.0,
    )
    assert told["basic_transmission_db"] == pytest.approx(loss.loss_db, abs=1e-3)
    link = radio_link(
        data.terrain,
        *xy_of(data, START, END),
        from_height_m=30.0,
        to_height_m=1.5,
        frequency_mhz=2600.0,
        latitude_deg=30.365,
    )
    assert told["diffraction_db"] == pytest.approx(link.diffraction_db, abs=1e-6)
    km = told["length_m"] / 1e3
    assert told["free_space_db"] == pytest.approx(92.45 + 20 * math.log10(2.6 * km), abs=1e-9)
    assert told["terrain"]["rests_on_synthetic"] is True
    assert told["clutter_m"] is None
    assert any("buildings" in note for note in told["notes"])


def test_above_six_gigahertz_no_p1812_is_pretended(city: City) -> None:
    """Free space and diffraction still hold; the answer says why the rest is missing."""
    body = {"start": START, "end": END, "frequency_mhz": 15_000}
    told = post(city, "profile", body).raise_for_status().json()
    assert told["basic_transmission_db"] is None
    assert any("6000 MHz" in note for note in told["notes"])


def test_line_of_sight_is_that_of_the_backhaul_graph(city: City) -> None:
    """All pairs of six sites: the same clearance as the graph of microwave hops, both ways."""
    data = city.scenario.data
    assert data.terrain is not None
    number = np.linspace(0, len(data.sites) - 1, 6).astype(int)
    xy = data.sites.xy[number]
    points = [{"site": str(data.sites.id[index]), "height_m": 30.0} for index in number]
    body = {"points": points, "frequency_mhz": 15_000.0}
    told = post(city, "line-of-sight", body).raise_for_status().json()
    assert len(told["pairs"]) == 15
    rule = HopRule(frequency_mhz=15_000.0, max_hop_m=100_000.0)
    graph = backhaul(data.terrain, xy, 30.0, fibre=np.ones(6, dtype=bool), rule=rule)
    links = {tuple(pair) for pair in graph.links.tolist()}
    assert {(item["start"], item["end"]) for item in told["pairs"] if item["clear"]} == links
    by_pair = dict(zip(map(tuple, graph.links.tolist()), graph.clearance.tolist(), strict=True))
    for item in told["pairs"]:
        if item["clear"]:
            assert item["clearance_fresnel"] == pytest.approx(
                by_pair[item["start"], item["end"]], abs=1e-4
            )
    back = post(city, "line-of-sight", body | {"pairs": [[5, 0]]}).raise_for_status().json()
    forth = next(item for item in told["pairs"] if (item["start"], item["end"]) == (0, 5))
    assert back["pairs"][0]["clearance_fresnel"] == pytest.approx(forth["clearance_fresnel"])


def test_exposure_keeps_the_share_of_the_limit(city: City) -> None:
    """At each distance the power density is the share permitted; together the ratios add up."""
    sources = [
        {"technology": "macro-n41", "gain_dbi": 24.0, "tilt_deg": 6.0},
        {"frequency_mhz": 758.0, "eirp_dbm": 67.8},
    ]
    told = post(city, "exposure", {"sources": sources}).raise_for_status().json()
    for item in told["sources"]:
        density = float(power_density_w_m2(item["eirp_dbm"], item["distance_m"]))
        assert density == pytest.approx(0.2 * float(public_limit_w_m2(item["frequency_mhz"])))
        assert item["permitted_w_m2"] == pytest.approx(density)
    sectors, bare = told["sources"]
    assert sectors["eirp_dbm"] == 77.0
    assert sectors["behind_m"] < 0.05 * sectors["distance_m"]
    assert sectors["below_m"] < 0.15 * sectors["distance_m"]
    assert bare["below_m"] is None
    assert bare["distance_m"] == pytest.approx(float(compliance_distance_m(67.8, 758.0)))
    used = sum(
        float(power_density_w_m2(item["eirp_dbm"], told["together_m"]))
        / float(public_limit_w_m2(item["frequency_mhz"]))
        for item in told["sources"]
    )
    assert used == pytest.approx(0.2)


def test_faults_of_form_come_all_at_once(city: City) -> None:
    """A frequency of text, a latitude off the globe, a height of none, an unknown member."""
    body = {
        "start": {"lon": 114.86, "lat": 130.38, "height_m": 30},
        "end": {"lon": 114.92, "lat": 30.35, "height_m": 0},
        "frequency_mhz": "fast",
        "colour": "blue",
    }
    found = faults(post(city, "profile", body), 422)
    assert set(found) == {"body.start.lat", "body.end.height_m", "body.frequency_mhz",
                          "body.colour"}  # fmt: skip


@pytest.mark.parametrize(
    ("point", "what"),
    [
        ({"lon": 114.86, "height_m": 30}, "either site, or lon and lat"),
        ({"site": "a", "lon": 114.86, "lat": 30.38}, "either site, or lon and lat"),
        ({}, "either site, or lon and lat"),
        ({"lon": 114.86, "lat": 30.38}, "give height_m"),
    ],
)
def test_a_point_is_one_place(city: City, point: dict[str, Any], what: str) -> None:
    """Neither, half, both, or a position without a height: refused by name."""
    body = {"start": point, "end": END, "frequency_mhz": 2600}
    assert what in faults(post(city, "profile", body), 422)["body.start"]


def test_faults_of_content_come_all_at_once(city: City) -> None:
    """An unknown site and a place beyond the terrain in one answer; pairs that are none too."""
    body = {"start": {"site": "nowhere"}, "end": END | {"lon": 100.0}, "frequency_mhz": 2600}
    found = faults(post(city, "profile", body), 400)
    assert "unknown site 'nowhere'" in found["start.site"]
    assert "outside the raster" in found["end"]
    points = [START, END, START]
    pairs = [[0, 0], [0, 9], [0, 1]]
    found = faults(
        post(city, "line-of-sight", {"points": points, "pairs": pairs, "frequency_mhz": 2600}), 400
    )
    assert set(found) == {"pairs[0]", "pairs[1]"}
    found = faults(post(city, "line-of-sight", {"points": points, "frequency_mhz": 2600}), 400)
    assert set(found) == {"points[0]"}


def test_too_many_pairs_are_refused_before_the_work(city: City) -> None:
    """Fifty points make 1,225 pairs."""
    points = [START | {"lon": 114.8 + 0.001 * number} for number in range(50)]
    found = faults(post(city, "line-of-sight", {"points": points, "frequency_mhz": 2600}), 400)
    assert "1,225 pairs" in found["points"]


def test_unknown_names_are_refused_with_the_known_ones(city: City) -> None:
    """Data set and technology."""
    body = {"dataset": "nowhere", "sources": [{"frequency_mhz": 758, "eirp_dbm": 60}]}
    assert "unknown planning data" in faults(post(city, "exposure", body), 400)["dataset"]
    body = {"sources": [{"technology": "macro"}, {"technology": "macro-n41", "eirp_dbm": 3}]}
    assert "either technology" in faults(post(city, "exposure", body), 422)["body.sources.1"]
    found = faults(post(city, "exposure", {"sources": [{"technology": "macro"}]}), 400)
    assert "unknown technology 'macro'" in found["sources[0].technology"]


@pytest.mark.parametrize("path", ["profile", "line-of-sight", "exposure"])
def test_the_examples_of_the_document_are_answered(city: City, path: str) -> None:
    """Each call's example in the OpenAPI document is itself a good request."""
    document = city.client.get("/api/v1/openapi.json").json()
    operation = document["paths"][f"/api/v1/radio/{path}"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    for example in document["components"]["schemas"][name]["examples"]:
        assert post(city, path, example).status_code == 200
