"""Where a feature comes from, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Provenance(StrEnum):
    """Kind of origin of a feature or value; every one carries exactly one."""

    REAL = "real"  #: published by a named source, only reformatted or reprojected
    DERIVED = "derived"  #: computed from real values by a stated rule, e.g. a difference of totals
    APPROXIMATE = "approximate"  #: a stand-in for a real shape, e.g. a circle round a sourced point
    SYNTHETIC = "synthetic"  #: made by a model; for demonstration, no basis for approval
    MISSING = "missing"  #: known to exist, location or value not supplied


#: What a result must be labelled with when any input carries it.
UNTRUSTED: frozenset[Provenance] = frozenset({Provenance.SYNTHETIC, Provenance.APPROXIMATE})

_WORST_LAST = (
    Provenance.REAL, Provenance.DERIVED, Provenance.APPROXIMATE, Provenance.MISSING,
    Provenance.SYNTHETIC,
)  # fmt: skip


def worst(origins: Iterable[Provenance]) -> Provenance:
    """Return what a result made of several inputs has to say: the worst of their origins.

    From the best: real, derived, approximate, missing, synthetic; real for no input at all.
    """
    return max(origins, key=_WORST_LAST.index, default=Provenance.REAL)
