"""Real data with published answers: sixteen stores, 205 census tracts of San Francisco.

Source of data and answers: spopt, notebook facloc-real-world; confirmed by full enumeration.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from siting.clock import Clock
from siting.models.covering import CoverModel, cover_model
from siting.solvers.service_step import solve_service
from siting.solvers.target_step import solve_targets

FOLDER = Path(__file__).resolve().parents[3].parent / "shared" / "vectors" / "sf"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="shared vectors absent")


@pytest.fixture(scope="module")
def stores() -> CoverModel:
    """Return the model: a store serves a tract within 5 km of road; four may be built."""
    table = pd.read_csv(
        FOLDER / "SF_network_distance_candidateStore_16_censusTract_205_new.csv",
        dtype={"name": str, "DestinationName": str},
    )
    distance = table.pivot_table(index="DestinationName", columns="name", values="distance")
    people = table.groupby("DestinationName")["demand"].first().loc[distance.index]
    cover = distance.to_numpy() <= 5000.0
    return cover_model(
        cover,
        target_weights=np.ones((1, len(distance))),
        required=[float(len(distance))],
        objective=people.to_numpy(dtype=float),
        stations=4,
    )


def test_eight_stores_reach_every_tract(stores: CoverModel) -> None:
    """LSCP at 5 km: eight stores, proved."""
    answer = solve_targets(stores, clock=Clock())
    assert answer.value == 8
    assert answer.bound == 8


def test_four_stores_serve_875247_people(stores: CoverModel) -> None:
    """MCLP at 5 km with four stores: 875,247 people, by stores 11, 12, 15 and 2."""
    answer = solve_service(stores, np.zeros(0, dtype=np.intp), clock=Clock())
    assert answer.value == 875_247
    assert answer.bound >= 875_247
    # text order of the names: Store_1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 2, ...
    assert len(answer.selected) == 4
