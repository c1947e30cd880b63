"""What to add where a network cannot carry its busiest hour: a second band, then a second site.

In a notebook::

    found = relieve(scenario, plan.selected, prediction, traffic, areas, carried_share=0.95)
    found.options, found.cost_cny, found.after.zone_frame()
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.progress import Stop
from siting.radio.network.area_prediction import Prediction
from siting.radio.network.area_report import ReportAreas
from siting.radio.network.busy_hour.capacity import (
    CapacityReport,
    busy_hour_problems,
)
from siting.radio.network.busy_hour.relief_search import Addition, ReliefSearch
from siting.radio.network.busy_hour.traffic import Traffic
from siting.radio.network.cells import Cells
from siting.radio.network.plan_network import plan_cells
from siting.radio.propagation.path_loss import outside

if TYPE_CHECKING:
    from siting.scenario import Scenario

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relief:
    """What was added, and what it brought.

    Parameters
    ----------
    additions
        Stations in the order in which they were added.
    cells
        The network with them.
    before, after
        Figures without and with them, both without rounds of
        :func:`~siting.radio.network.busy_hour.capacity.busy_hour`.
    trials
        Additions that were predicted.
    ended
        Why the search ended.
    """

    additions: tuple[Addition, ...]
    cells: Cells
    before: CapacityReport
    after: CapacityReport
    trials: int
    ended: str

    @property
    def options(self) -> tuple[int, ...]:
        """The options added, by their index in the scenario."""
        return tuple(item.option for item in self.additions)

    @property
    def cost_cny(self) -> int:
        """What they cost together [CNY]."""
        return sum(item.cost_cny for item in self.additions)


def relieve(
    scenario: Scenario,
    selected: npt.ArrayLike,
    prediction: Prediction,
    traffic: Traffic,
    areas: ReportAreas,
    *,
    carried_share: float = 1.0,
    budget_cny: float = math.inf,
    most_trials: int = 500,
    stop: Stop | None = None,
) -> Relief:
    """Add stations where cells are overloaded, until every zone carries the share that is asked.

    Parameters
    ----------
    scenario
        Options to choose from.
    selected
        Options that are built, (s,); `prediction` is of exactly their cells, as
        :func:`~siting.radio.network.plan_network.plan_cells` makes them.
    prediction
        The network, best predicted with `keep_surroundings`, and on pixels of 100 m for a city.
    traffic, areas
        As for :func:`~siting.radio.network.busy_hour.capacity.busy_hour`.
    carried_share
        Share of its traffic that every zone is to carry, 0 to 1.
    budget_cny
        Most that may be spent [CNY].
    most_trials
        Additions that may be predicted.
    stop
        Asked before every cell; True ends the search with what it has found.

    Raises
    ------
    InputError
        For options that do not exist, another network, areas or traffic of another raster, and
        figures out of range.

    Notes
    -----
    Cells come by the traffic of unmet zones they lose, the most first. For each, first every
    technology on a carrier that its site can host and has not on air (the site is paid already),
    then the nearest sites to the middle of the lost traffic without that carrier; of the ways
    to aim an option the one that points nearest to that middle. Each is predicted with all its
    neighbours; of those that lower what the unmet zones and the city lose, the one that gains most
    per cost is kept, and a site is only tried where no second band helps. While options are
    compared, only places that may hear them are looked at; what is kept helps the whole network.
    Loads are those without rounds; the final figures are a matter of
    :func:`~siting.radio.network.busy_hour.capacity.busy_hour`.
    """
    chosen = np.asarray(selected, dtype=np.intp).reshape(-1)
    cells, option = plan_cells(scenario, chosen)
    problems = busy_hour_problems(prediction, traffic, areas)
    problems += outside("carried_share", np.asarray(carried_share, float), 0.0, 1.0, "")
    problems += outside("budget_cny", np.minimum(budget_cny, 1e15), 0.0, 1e15, "CNY")
    if not _same(cells, prediction.cells):
        what = "is not of the cells of the selected options"
        problems.append(Problem("prediction", what, "predict plan_cells(scenario, selected)"))
    raise_if(problems, InputError)
    search = ReliefSearch(scenario, chosen, option, prediction, traffic, areas, carried_share)
    search.budget_cny, search.most_trials, search.stop = budget_cny, most_trials, stop
    before = search.report()
    ended = search.run()
    after = search.report()
    log.info(
        "relieve: trials=%d added=%d lost=%.0f to %.0f Mbit/s",
        search.trials,
        len(search.additions),
        before.lost_mbps,
        after.lost_mbps,
    )
    return Relief(
        additions=tuple(search.additions),
        cells=search.what_if.prediction.cells,
        before=before,
        after=after,
        trials=search.trials,
        ended=ended,
    )


def _same(cells: Cells, other: Cells) -> bool:
    """Say whether two networks stand at the same places with the same equipment."""
    names = ("xy", "height_m", "azimuth_deg", "tilt_deg", "technology")
    return cells.technologies == other.technologies and all(
        np.array_equal(getattr(cells, name), getattr(other, name)) for name in names
    )
