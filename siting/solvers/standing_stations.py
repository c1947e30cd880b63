"""Stations that stand, in the answer to the targets.

As they are now they cost nothing, so adding those that the search left out changes no cost and
loses no service: the cheapest answer without the duty to keep them is as cheap as that with it, and
its limit holds.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from siting.models.covering import CoverModel
from siting.solvers.station_limit import Limited, best_part

IndexArray = npt.NDArray[np.intp]


def with_standing(model: CoverModel, selected: IndexArray, standing: IndexArray) -> IndexArray:
    """Add the stations that stand and are not on air in any way, as they are now, ascending."""
    off = ~np.isin(model.option_station[standing], model.option_station[selected])
    return np.union1d(selected, standing[off]).astype(np.intp)


def keep_standing(model: CoverModel, limited: Limited, standing: IndexArray) -> Limited:
    """Put what stands into an answer within a number of stations, or begin from what stands.

    Where both together are too many, the stations left beside what stands serve the most of what
    the targets need.
    """
    if not len(standing):
        return limited
    stations = len(model.option_cost) if model.stations is None else model.stations
    selected = with_standing(model, limited.selected, standing)
    if len(selected) > stations:
        selected = best_part(model, stations, standing)
    return dataclasses.replace(limited, selected=selected, within=model.meets_targets(selected))
