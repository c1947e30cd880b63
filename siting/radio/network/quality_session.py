"""A plan's network to try options on: which demand points have SINR enough after each exchange.

Every exchange is predicted by :class:`~siting.radio.network.what_if.WhatIf`, hence to the bits of a
prediction made from the start; only the points that the two stations reach are looked at again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from siting.radio.network.area_prediction import HEARD_M
from siting.radio.network.demand_quality import (
    Ask,
    Bools,
    clear_of_interference,
    demand_raster,
    predict_on_demand,
)
from siting.radio.network.plan_network import plan_cells
from siting.radio.network.what_if import WhatIf

if TYPE_CHECKING:
    from siting.scenario import Scenario

Indices = npt.NDArray[np.intp]


class _Before(NamedTuple):
    """What an exchange replaced."""

    out: int | None
    into: int
    cells: Indices
    near: Indices
    clear: Mapping[Ask, Bools]


class QualitySession:
    """The network of some options, and where it has the SINR that the targets ask for.

    Parameters
    ----------
    scenario
        The question.
    selected
        Options on air, at least one, (s,).
    counted
        Demand points that count, ascending; the others are never looked at.

    Raises
    ------
    InputError
        When the network cannot be predicted.
    """

    def __init__(self, scenario: Scenario, selected: Indices, counted: Indices) -> None:
        self._scenario, self._counted = scenario, counted
        self._x, self._y = np.ascontiguousarray(scenario.data.demand.xy[counted].T)
        self._standards = {item.id: item for item in scenario.standards}
        self._raster = demand_raster(scenario)
        prediction = predict_on_demand(scenario, selected, self._raster, keep_surroundings=True)
        self._what_if = WhatIf(prediction)
        _, option = plan_cells(scenario, selected)
        self._option = option
        self._cells = {int(item): np.flatnonzero(option == item) for item in np.unique(option)}
        self._steps: list[_Before] = []
        none = np.zeros(len(scenario.data.demand), dtype=np.bool_)
        self.clear: dict[Ask, Bools] = {ask: none.copy() for ask in scenario.sinr_targets}
        self._look_at(counted)

    def exchange(self, out: int | None, into: int) -> None:
        """Take an option off the air, or none, and put another on."""
        now = self._what_if.prediction.cells
        more, first = plan_cells(self._scenario, [into])[0], len(now)
        # the patterns are those of the same technologies, hence the same
        more = dataclasses.replace(more, patterns=now.patterns)
        gone = np.zeros(0, dtype=np.intp) if out is None else self._cells.pop(out)
        self._what_if.swap(gone, more)
        self._option = np.concatenate([self._option, np.full(len(more), into, dtype=np.intp)])
        self._cells[into] = np.arange(first, first + len(more))
        near = self._near([into] if out is None else [out, into])
        kept = {ask: clear[near] for ask, clear in self.clear.items()}
        self._steps = [_Before(out=out, into=into, cells=gone, near=near, clear=kept)]
        self._look_at(near)

    def undo(self) -> None:
        """Take the last exchange back; only one can be."""
        step = self._steps.pop()
        self._what_if.undo()
        count = len(self._what_if.prediction.cells)
        self._option = self._option[:count]
        del self._cells[step.into]
        if step.out is not None:
            self._cells[step.out] = step.cells
        for ask, clear in step.clear.items():
            self.clear[ask][step.near] = clear

    def heard(self, points: Indices) -> list[int]:
        """List the options among the strongest servers at some points, the most often heard first.

        Parameters
        ----------
        points
            Demand points, (m,).
        """
        state = self._what_if.prediction.state.by_id()
        server = state.server[:, self._raster.pixel[points]] >> 2
        option = self._option[server[server >= 0]]
        number = np.bincount(option, minlength=len(self._scenario.options))
        order = np.argsort(-number, kind="stable")
        return order[number[order] > 0].tolist()

    def _near(self, options: list[int]) -> Indices:
        """Return the points that count within reach of some options, ascending."""
        reach = HEARD_M + self._raster.grid.cell_size_m
        near = np.zeros(len(self._counted), dtype=np.bool_)
        for option in options:
            x, y = self._scenario.data.sites.xy[self._scenario.options.site[option]]
            near |= (np.abs(self._x - x) <= reach) & (np.abs(self._y - y) <= reach)
        return self._counted[near]

    def _look_at(self, points: Indices) -> None:
        """Bring the points up to date with the network."""
        received = self._what_if.prediction.received(self._raster.pixel[points])
        for ask, clear in self.clear.items():
            clear[points] = clear_of_interference(received, self._standards[ask[0]], ask[1])
