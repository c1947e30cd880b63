"""Where nothing may stand, as part of the question: rules in, options kept, lowered or left out."""

from __future__ import annotations

from siting.exclusions.decide import Decision, decide
from siting.exclusions.read import read_exclusions
from siting.exclusions.restrict import Restricted, restrict
from siting.exclusions.values import (
    UNITS,
    Area,
    Excluded,
    Exclusions,
    Lowered,
    NamedRunway,
    Reason,
    Sensitive,
)

__all__ = [
    "UNITS",
    "Area",
    "Decision",
    "Excluded",
    "Exclusions",
    "Lowered",
    "NamedRunway",
    "Reason",
    "Restricted",
    "Sensitive",
    "decide",
    "read_exclusions",
    "restrict",
]
