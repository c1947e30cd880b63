"""What every search hands back: an answer and the multipliers that limit every other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proven:
    """An answer and the multipliers that limit every other.

    Parameters
    ----------
    selected
        Chosen options, ascending.
    value, bound
        Objective reached, and proven limit.
    cover, targets
        Multipliers behind the limit: prices of the model's rows, and of its targets.
    ended
        Why the search ended, a clause.
    """

    selected: npt.NDArray[np.intp]
    value: float
    bound: float
    cover: npt.NDArray[np.float64]
    targets: npt.NDArray[np.float64]
    ended: str
