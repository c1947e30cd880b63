"""p-median and p-centre: published optima, read from the shared instances."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path

from siting.clock import Clock
from siting.location.checking.proof import proof_faults
from siting.location.control import PROVEN, Control
from siting.location.distance import PCenter, PMedian
from siting.location.medians import solve_p_centre, solve_p_median

VECTORS = Path(__file__).parents[3].parent / "shared" / "vectors"

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="shared vectors absent")

#: Instance, p-median, p-centre; the slow ones need a tree of hundreds of cases.
PUBLISHED = [
    ("pmed4", 3034, 74),
    ("pmed8", 4445, 55),
    ("pmed12", 6634, 51),
    ("pmed16", 8162, 47),
    ("pmed20", 1789, 13),
    ("pmed24", 2961, 15),
    ("pmed28", 4498, 18),
    pytest.param("pmed32", 9297, 29, marks=pytest.mark.slow),
    pytest.param("pmed36", 9934, 27, marks=pytest.mark.slow),
    pytest.param("pmed40", 5128, 13, marks=pytest.mark.slow),
]


def pmed(name: str) -> tuple[np.ndarray, int]:
    """Return all shortest paths of a graph, and p; of a repeated edge the last cost holds."""
    tokens = (VECTORS / "solver" / "pmed" / f"{name}.txt").read_text().split()
    n, edges, p = (int(token) for token in tokens[:3])
    weight = np.zeros((n, n))
    for i, j, cost in np.array(tokens[3 : 3 + 3 * edges], dtype=np.int64).reshape(-1, 3):
        weight[i - 1, j - 1] = weight[j - 1, i - 1] = cost
    return np.asarray(shortest_path(weight, directed=False)), p


def san_francisco() -> tuple[np.ndarray, np.ndarray]:
    """Return road distances from 205 tracts to 16 stores, and the people of each tract."""
    path = VECTORS / "sf" / "SF_network_distance_candidateStore_16_censusTract_205_new.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    stores = sorted({row["name"] for row in rows})
    tracts = sorted({row["DestinationName"] for row in rows})
    distance = np.full((len(tracts), len(stores)), np.inf)
    people = np.zeros(len(tracts))
    for row in rows:
        i, j = tracts.index(row["DestinationName"]), stores.index(row["name"])
        distance[i, j] = float(row["distance"])
        people[i] = float(row["demand"])
    return distance, people


@pytest.mark.parametrize(("name", "median", "centre"), PUBLISHED)
def test_published_optima_are_found_and_proven(name: str, median: int, centre: int) -> None:
    """Value and bound equal the published optimum, and the proof stands."""
    distance, p = pmed(name)
    model, other = PMedian(distance, p=p), PCenter(distance, p=p)
    found, also = solve_p_median(model, Control()), solve_p_centre(other, Control())
    assert found.selected is not None
    assert also.selected is not None
    assert distance[:, found.selected].min(axis=1).sum() == median
    assert distance[:, also.selected].min(axis=1).max() == centre
    for question, answer, optimum in ((model, found, median), (other, also, centre)):
        assert answer.certificate is not None
        assert answer.certificate.bound == optimum
        assert proof_faults(question, answer.certificate, Clock()) == []
        assert answer.ended == PROVEN


def test_san_francisco_with_four_stores() -> None:
    """The values known for four of sixteen stores are found and proven."""
    distance, people = san_francisco()
    model = PMedian(distance, people, p=4)
    found = solve_p_median(model, Control())
    assert found.selected is not None
    assert found.certificate is not None
    value = float((people * distance[:, found.selected].min(axis=1)).sum())
    assert value == pytest.approx(2_848_268_129.7145, abs=1e-3)
    assert found.certificate.bound == pytest.approx(value, rel=1e-9)
    assert proof_faults(model, found.certificate, Clock()) == []
    centre = solve_p_centre(PCenter(distance, p=4), Control())
    assert centre.selected is not None
    assert centre.certificate is not None
    radius = float(distance[:, centre.selected].min(axis=1).max())
    assert radius == pytest.approx(7_403.063810849859, rel=1e-14)
    assert centre.certificate.bound == radius
