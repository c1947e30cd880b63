"""What every search of the engine is given besides its model, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.solution import Certificate
from siting.status import Sense


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """How a search runs.

    Parameters
    ----------
    clock
        When to end, and whom to tell; asked at least ten times a second.
    gap
        Relative gap that is good enough, ``|bound - value| / |value|``.
    seed
        Of every random draw.
    threads
        Threads the search may use.
    """

    clock: Clock = field(default_factory=Clock)
    gap: float = 0.0
    seed: int = 0
    threads: int = 1

    def report(
        self, sense: Sense, fraction: float, value: float | None, bound: float | None
    ) -> None:
        """Tell the caller the best answer and the proven limit so far."""
        self.clock.report(sense, fraction, value=value, bound=bound)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What a search found.

    Parameters
    ----------
    selected
        Options chosen, ascending; None when no answer was found.
    certificate
        Proof of a bound, None when there is none. When no answer exists and the search proved it,
        the bound is infinite (minimise) or minus infinity (maximise).
    ended
        Why the search ended: one sentence without its full stop.
    assignment
        For capacitated models: option of each demand point (n,) with -1 for none, or CSR (n, m) of
        shares.
    """

    selected: npt.NDArray[np.intp] | None
    certificate: Certificate | None
    ended: str
    assignment: npt.NDArray[np.intp] | sp.csr_array | None = None


STOPPED = "the search was stopped"
TIMED_OUT = "the time limit ended it"
GAP_REACHED = "the gap asked for is reached"
PROVEN = "nothing better exists"
NOTHING_BETTER = "the search found nothing better"
