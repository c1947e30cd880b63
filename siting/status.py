"""What is known about an answer, and which way its objective runs."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What is known about an answer; never an exception."""

    OPTIMAL = "optimal"  #: proved: nothing better exists for these data and rules
    FEASIBLE = "feasible"  #: keeps every rule; the bound says how much better one could be
    INFEASIBLE = "infeasible"  #: proved: not every target can be met; best possible is shown
    UNKNOWN = "unknown"  #: none found that keeps every rule, and none proved impossible


class Sense(StrEnum):
    """Direction of an objective."""

    MINIMISE = "minimise"
    MAXIMISE = "maximise"
