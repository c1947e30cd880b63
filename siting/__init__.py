"""Where a city's new infrastructure goes: certified plans on real physics.

The location engine at a glance::

    import siting

    model = siting.MaximalCovering(A, demand=w, p=30)
    solution = siting.solve(model, max_runtime_s=60)
    siting.verify(model, solution)
    print(solution.objective, solution.bound, solution.gap)

City plans, from a scenario to a map, are made by :mod:`siting.planning`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from siting.errors import InvalidInput, VerificationError
    from siting.location.capacity import (
        CapacitatedCovering,
        CapacitatedFacilityLocation,
        CapacitatedPMedian,
    )
    from siting.location.checking import verify
    from siting.location.checking.grid_cover import verify_grid_cover
    from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
    from siting.location.covers import disc_cover
    from siting.location.distance import PCenter, PMedian
    from siting.location.engine import solve
    from siting.location.grid.cover import (
        DiscKind,
        GridCertificate,
        GridCover,
        GridCoverSolution,
        SectorKind,
    )
    from siting.location.grid.solve import solve_grid_cover
    from siting.location.solution import Certificate, Solution
    from siting.status import Status

__all__ = [
    "CapacitatedCovering",
    "CapacitatedFacilityLocation",
    "CapacitatedPMedian",
    "Certificate",
    "DiscKind",
    "GridCertificate",
    "GridCover",
    "GridCoverSolution",
    "InvalidInput",
    "MaximalCovering",
    "PCenter",
    "PMedian",
    "PartialCovering",
    "SectorKind",
    "SetCovering",
    "Solution",
    "Status",
    "VerificationError",
    "disc_cover",
    "solve",
    "solve_grid_cover",
    "verify",
    "verify_grid_cover",
]

#: Module of each public name; imported on first use, so that small parts of the library stay quick.
_HOME = {
    "CapacitatedCovering": "siting.location.capacity",
    "CapacitatedFacilityLocation": "siting.location.capacity",
    "CapacitatedPMedian": "siting.location.capacity",
    "Certificate": "siting.location.solution",
    "DiscKind": "siting.location.grid.cover",
    "GridCertificate": "siting.location.grid.cover",
    "GridCover": "siting.location.grid.cover",
    "GridCoverSolution": "siting.location.grid.cover",
    "InvalidInput": "siting.errors",
    "MaximalCovering": "siting.location.covering",
    "PCenter": "siting.location.distance",
    "PMedian": "siting.location.distance",
    "PartialCovering": "siting.location.covering",
    "SectorKind": "siting.location.grid.cover",
    "SetCovering": "siting.location.covering",
    "Solution": "siting.location.solution",
    "Status": "siting.status",
    "VerificationError": "siting.errors",
    "disc_cover": "siting.location.covers",
    "solve": "siting.location.engine",
    "solve_grid_cover": "siting.location.grid.solve",
    "verify": "siting.location.checking",
    "verify_grid_cover": "siting.location.checking.grid_cover",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'siting' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names besides the modules."""
    return sorted({*globals(), *__all__})
