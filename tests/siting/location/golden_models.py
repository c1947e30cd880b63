"""One small model per constraint, of which the programme is kept as text.

``python tests/siting/location/golden_models.py`` writes the files anew; read the difference before
committing it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siting.location.capacity import (
    CapacitatedCovering,
    CapacitatedFacilityLocation,
    CapacitatedPMedian,
)
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.programme import LocationModel, write_lp

FOLDER = Path(__file__).parent / "golden"
#: Four demand points, three options; the last point is covered by all.
COVER = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 1, 1]])
DISTANCE = np.array([[1.0, 4.0, 9.0], [2.0, 3.0, 8.0], [7.0, 5.0, np.inf], [6.0, 2.0, 1.0]])
DEMAND = np.array([10.0, 20.0, 30.0, 40.0])
COST = np.array([5.0, 7.0, 4.0])
CAPACITY = np.array([60.0, 50.0, 40.0])
ZONE = np.array(["north", "north", "south", "south"])
APART = np.array([[0.0, 0.0], [3.0, 0.0], [9.0, 0.0]])


def models() -> dict[str, LocationModel]:
    """Return the model of every golden file."""
    shared = {"site": [0, 0, 1], "site_cost": [2.0, 3.0]}
    return {
        "cover": SetCovering(COVER, COST),
        "cover_k": SetCovering(COVER, COST, k=[1, 2, 1, 3]),
        "served": MaximalCovering(COVER, DEMAND, p=1),
        "served_k": MaximalCovering(COVER, DEMAND, p=2, k=[1, 2, 2, 3]),
        "budget": MaximalCovering(COVER, DEMAND, cost=COST, budget=11.0, **shared),
        "zone": PartialCovering(
            COVER, DEMAND, cost=COST, zone=ZONE, required={"north": 1.0, "south": 0.5}
        ),
        "assigned": PMedian(DISTANCE, DEMAND, p=2),
        "radius": PCenter(DISTANCE, 2),
        "capacity_p": CapacitatedCovering(COVER, DEMAND, capacity=CAPACITY, p=2),
        "capacity_budget": CapacitatedCovering(
            COVER, DEMAND, capacity=CAPACITY, cost=COST, budget=9.0, single_source=True
        ),
        "capacity_zone": CapacitatedCovering(
            COVER, DEMAND, capacity=CAPACITY, cost=COST, zone=ZONE, required={"south": 0.75}
        ),
        "facility": CapacitatedFacilityLocation(DISTANCE, DEMAND, capacity=CAPACITY, cost=COST),
        "facility_single": CapacitatedFacilityLocation(
            DISTANCE, DEMAND, capacity=CAPACITY, cost=COST, single_source=True
        ),
        "median_capacity": CapacitatedPMedian(DISTANCE, DEMAND, p=3, capacity=CAPACITY),
        "fixed_forbidden": SetCovering(COVER, COST, fixed=[1], forbidden=[2]),
        "opened": SetCovering(COVER, COST, **shared),
        "site_limit": SetCovering(COVER, COST, site=[0, 0, 1], max_options_per_site=1),
        "conflict_pairs": PMedian(DISTANCE, DEMAND, p=2, conflicts=[(0, 1)]),
        "conflict_apart": SetCovering(COVER, COST, conflicts=(APART, 6.5)),
    }


def write() -> None:
    """Write every file anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, model in models().items():
        write_lp(model, FOLDER / f"{name}.lp")


if __name__ == "__main__":
    write()
