"""What every search hands back: an answer and the multipliers that limit every other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.location.partial_covering.zero_half import PricedCuts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proven:
    """An answer and the multipliers that limit every other.

    Parameters
    ----------
    selected
        Chosen options, ascending.
    value, bound
        Objective reached, and proven limit.
    cover, targets, cuts
        Multipliers behind the limit: prices of the model's rows, of its targets, and of cuts of the
        rows; None without cuts.
    ended
        Why the search ended, a clause.
    """

    selected: npt.NDArray[np.intp]
    value: float
    bound: float
    cover: npt.NDArray[np.float64]
    targets: npt.NDArray[np.float64]
    ended: str
    cuts: PricedCuts | None = None
