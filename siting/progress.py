"""How a long computation is watched and stopped from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: Asked often; True ends the search, which returns the best answer so far.
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One report from a running computation.

    Parameters
    ----------
    phase
        ``"coverage"``, ``"targets"``, ``"service"``, ``"verify"`` or ``"prediction"``.
    fraction
        Rough share of the phase done, 0..1.
    elapsed_s
        Wall time since the computation began [s].
    value, bound
        Best objective and proven limit of the phase so far, None before there is one.
    unit
        Unit of `value` and `bound`, as in :class:`siting.plan.Step`.
    """

    phase: str
    fraction: float
    elapsed_s: float
    value: float | None = None
    bound: float | None = None
    unit: str = ""


#: Receives each report; must return quickly.
Report = Callable[[Progress], None]
