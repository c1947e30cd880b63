"""Siting constraints over the wire: kept as asked, built as a file is, every fault named."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest
from served_city import SPEC

from siting.datasets import named_dataset
from siting.scenario import build_scenario
from siting.spec import ScenarioSpec

pytestmark = pytest.mark.database

RULES: dict[str, Any] = {
    "areas": [
        {
            "name": "made-up reserve",
            "wkt": "POLYGON ((114.60 30.20, 114.70 30.20, 114.70 30.30, 114.60 30.30, "
            "114.60 30.20))",
            "buffer_m": 200.0,
            "source": "made for the tests",
            "provenance": "synthetic",
        }
    ],
    "runways": [
        {
            "name": "made-up runway",
            "end_a": {"lon": 115.011, "lat": 30.343, "elevation_m": 25.0},
            "end_b": {"lon": 115.048, "lat": 30.343, "elevation_m": 25.0},
            "aerodrome_elevation_m": 25.0,
        }
    ],
    "sensitive": [
        {"name": "school", "kind": "school", "wkt": "POINT (114.885 30.395)", "height_m": 18.0}
    ],
    "assumptions": {"rod_m": 4.0},
}


def document(**changes: Any) -> dict[str, Any]:
    """Return the tests' question with siting constraints."""
    return SPEC.model_dump(mode="json") | {"exclusions": copy.deepcopy(RULES)} | changes


def test_constraints_go_round(ezhou_client: httpx.Client) -> None:
    """What is stored is what was asked, the defaults written out, and it is the file's question."""
    answer = ezhou_client.post("/api/v1/scenarios", json=document())
    assert answer.status_code == 201, answer.text
    kept = ezhou_client.get(answer.headers["location"]).json()
    spec = ScenarioSpec.parse(document())
    assert kept["spec"] == spec.model_dump(mode="json")
    assert kept["spec"]["exclusions"]["assumptions"]["clear_m"] == 30.0
    assert ScenarioSpec.parse(kept["spec"]) == spec
    scenario = build_scenario(spec, named_dataset("ezhou"))
    assert scenario.excluded
    assert scenario.lowered
    assert kept["scenario_hash"] == scenario.hash
    free = ezhou_client.post("/api/v1/scenarios", json=SPEC.model_dump(mode="json"))
    assert free.json()["scenario_hash"] != scenario.hash
    page = ezhou_client.get(f"/scenarios/{kept['id']}", params={"lang": "en"}).text
    assert "1 closed areas, water closed, 1 runways, 1 sensitive buildings" in page


def test_faults_of_constraints_are_named_by_their_path(ezhou_client: httpx.Client) -> None:
    """Broken form is 422, a shape of another city and a closed locked site are 400, all at once."""
    broken = copy.deepcopy(RULES)
    broken["areas"][0]["wkt"] = "POLYGON ((114.6 30.2,"
    del broken["runways"][0]["aerodrome_elevation_m"]
    answer = ezhou_client.post("/api/v1/scenarios", json=document(exclusions=broken))
    assert answer.status_code == 422
    said = answer.text
    assert "exclusions.areas[0].wkt" in said
    assert "exclusions.runways[0].aerodrome_elevation_m" in said
    far = copy.deepcopy(RULES)
    far["sensitive"][0]["wkt"] = "POINT (116.4 39.9)"
    answer = ezhou_client.post("/api/v1/scenarios", json=document(exclusions=far))
    assert answer.status_code == 400
    assert "exclusions.sensitive[0].wkt" in answer.text
    scenario = build_scenario(ScenarioSpec.parse(document()), named_dataset("ezhou"))
    closed = scenario.data.sites.id[scenario.excluded[0].site]
    answer = ezhou_client.post("/api/v1/scenarios", json=document(locked_sites=[closed]))
    assert answer.status_code == 400
    assert closed in answer.text
    assert "made-up reserve" in answer.text
