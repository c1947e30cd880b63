"""What to add where a network cannot carry its busiest hour: a second band, then a second site.

In a notebook::

    found = relieve(scenario, plan.selected, prediction, traffic, areas, carried_share=0.95)
    found.options, found.cost_cny, found.after.zone_frame()
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    capacity_report,
)
from siting.radio.network.busy_hour.coupling import Coupling, coupling
from siting.radio.network.busy_hour.traffic import Traffic
from siting.radio.network.cells import Cells
from siting.radio.network.plan_network import plan_cells
from siting.radio.network.what_if import WhatIf
from siting.radio.propagation.path_loss import Floats, outside

if TYPE_CHECKING:
    from siting.scenario import Scenario

log = logging.getLogger(__name__)

#: Distance from the middle of the traffic a cell loses within which new sites are looked for [m],
#: and how many of the nearest are tried.
NEAR_M, NEAREST_SITES = 800.0, 4
#: Steps in which traffic is steered to an addition before it is judged, and change of a load that
#: does not count then.
_TRIAL_STEPS, _TRIAL_TOLERANCE = 2, 5e-3
#: Gain below which an addition is chance [Mbit/s].
_LEAST_GAIN_MBPS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """One station that was added.

    Parameters
    ----------
    option
        Its index in the scenario's options.
    site, technology
        Ids.
    turn_deg, tilt_deg
        Azimuth of the first antenna and electrical downtilt [degrees].
    opens_site
        Whether nothing stood on the site before.
    cost_cny
        Cost of the station, and of its site where it opens it [CNY].
    lost_mbps
        Traffic that is still not carried afterwards [Mbit/s].
    """

    option: int
    site: str
    technology: str
    turn_deg: float
    tilt_deg: float
    opens_site: bool
    cost_cny: int
    lost_mbps: float


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
    technology its site can host beside those it has (the site is paid already), then the nearest
    sites to the middle of the lost traffic, where no station of that technology stands; of the ways
    to aim an option the one that points nearest to that middle. Each is predicted with all its
    neighbours; of those that lower what the unmet zones and the city lose, the one that gains most
    per cost is kept, and a site is only tried where no second band helps. Loads are those without
    rounds; take :func:`~siting.radio.network.busy_hour.capacity.busy_hour` for the final figures.
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
    search = _Search(scenario, chosen, option, prediction, traffic, areas, carried_share)
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


class _Search:
    """One search, with what it has found so far."""

    budget_cny = math.inf
    most_trials = 0
    stop: Stop | None = None

    def __init__(  # noqa: PLR0917 - the question, in the order of relieve
        self,
        scenario: Scenario,
        selected: npt.NDArray[np.intp],
        option: npt.NDArray[np.intp],
        prediction: Prediction,
        traffic: Traffic,
        areas: ReportAreas,
        carried_share: float,
    ) -> None:
        self.scenario, self.traffic, self.areas = scenario, traffic, areas
        self.carried_share = carried_share
        self.what_if = WhatIf(prediction)
        self.built = {int(number) for number in selected}
        self.option = option
        self.trials = 0
        self.additions: list[Addition] = []
        on = coupling(prediction, traffic)
        self.on, self.load, _ = on.balanced(on.settled()[0])

    def report(self) -> CapacityReport:
        """Return the figures as they stand."""
        return capacity_report(self.on, self.load, self.areas)

    def run(self) -> str:
        """Search, and return why it ended."""
        hopeless: set[int] = set()
        while (unmet := self._unmet()).any():
            cells = [cell for cell in self._by_loss(unmet) if cell not in hopeless]
            if not cells:
                return "no single station helps any more"
            if self.trials >= self.most_trials:
                return "as many additions were predicted as allowed"
            if self.stop is not None and self.stop():
                return "stopped"
            if self._relieve(cells[0], unmet):
                hopeless.clear()
            else:
                hopeless.add(cells[0])
        return "every zone carries what is asked"

    def _unmet(self) -> npt.NDArray[np.bool_]:
        """Say which pixels with traffic lie in a zone that carries less than is asked, (n,)."""
        short = [
            zone.carried_mbps < self.carried_share * zone.traffic_mbps * (1.0 - 1e-9)
            for zone in self.report().zones
        ]
        inside = self.areas.membership[self.traffic.pixels]
        return np.asarray(inside @ np.array(short, dtype=np.int64)) > 0

    def _by_loss(self, unmet: npt.NDArray[np.bool_]) -> list[int]:
        """List overloaded cells by what unmet zones lose through them, the most first."""
        shares = self.on.shares(self.load)
        lost = np.where(unmet & (shares.main >= 0), self.traffic.mbps - shares.carried_mbps, 0.0)
        by_cell = np.bincount(np.maximum(shares.main, 0), lost, len(self.load))
        by_cell[shares.kept >= 1.0] = 0.0
        order = np.argsort(-by_cell, kind="stable")
        return order[by_cell[order] > _LEAST_GAIN_MBPS].tolist()

    def _relieve(self, cell: int, unmet: npt.NDArray[np.bool_]) -> bool:
        """Keep the best addition for a cell; return whether there is one."""
        middle = self._middle(cell, unmet)
        for options in (self._bands(cell, middle), self._sites(middle)):
            best, kept = 0.0, None
            before = self._lost(self.on, self.load, unmet)
            for number in options:
                price = self._price(number)
                spent = sum(item.cost_cny for item in self.additions)
                if spent + price > self.budget_cny or self.trials >= self.most_trials:
                    continue
                on, load = self._tried(number)
                self.what_if.undo()
                gains = before - self._lost(on, load, unmet)
                worth = float(gains[0]) / max(price, 1)
                if gains.min() > _LEAST_GAIN_MBPS and worth > best:
                    best, kept = worth, number
            if kept is not None and self._keep(kept, before, unmet):
                return True
        return False

    def _tried(self, number: int) -> tuple[Coupling, Floats]:
        """Add an option to the network, and return the coupling and its loads."""
        self.what_if.add(self._cells_of(number))
        self.trials += 1
        now = self.what_if.prediction
        more = len(now.cells) - len(self.load)
        on = coupling(now, self.traffic)
        on = replace(on, bias=np.concatenate([self.on.bias, np.ones(more)]))
        load, _ = on.settled(np.concatenate([self.load, np.zeros(more)]), _TRIAL_TOLERANCE)
        on, load, _ = on.balanced(load, _TRIAL_STEPS, _TRIAL_TOLERANCE)
        return on, load

    def _keep(self, number: int, before: Floats, unmet: npt.NDArray[np.bool_]) -> bool:
        """Add an option for good where it helps with loads that are settled in full too."""
        price, options = self._price(number), self.scenario.options
        site = int(options.site[number])
        opens = site not in {int(options.site[item]) for item in self.built}
        on, load = self._tried(number)
        self.trials -= 1
        on, load, _ = on.balanced(on.settled(load)[0])
        if (before - self._lost(on, load, unmet)).min() <= _LEAST_GAIN_MBPS:
            self.what_if.undo()
            return False
        self.on, self.load = on, load
        self.built.add(number)
        self.option = np.concatenate(
            [self.option, np.full(len(self.load) - len(self.option), number)]
        )
        self.additions.append(
            Addition(
                option=number,
                site=str(self.scenario.data.sites.id[site]),
                technology=self.scenario.technologies[options.technology[number]].id,
                turn_deg=float(options.turn_deg[number]),
                tilt_deg=float(options.tilt_deg[number]),
                opens_site=opens,
                cost_cny=price,
                lost_mbps=self.report().lost_mbps,
            )
        )
        return True

    def _lost(self, on: Coupling, load: Floats, unmet: npt.NDArray[np.bool_]) -> Floats:
        """Return the traffic that unmet zones, and that all places, do not carry [Mbit/s], (2,)."""
        lost = self.traffic.mbps - on.shares(load).carried_mbps
        return np.array([lost[unmet].sum(), lost.sum()])

    def _price(self, number: int) -> int:
        """Return the cost of an option, with its site where nothing stands on it [CNY]."""
        options = self.scenario.options
        site = int(options.site[number])
        paid = any(int(options.site[item]) == site for item in self.built)
        fixed = 0 if paid else int(self.scenario.data.sites.fixed_cost_cny[site])
        return int(options.cost_cny[number]) + fixed

    def _middle(self, cell: int, unmet: npt.NDArray[np.bool_]) -> Floats:
        """Return the middle of the traffic that unmet zones lose through a cell [m], (2,)."""
        shares, grid = self.on.shares(self.load), self.what_if.prediction.grid
        mine = np.flatnonzero(unmet & (shares.main == cell))
        row, column = np.divmod(self.traffic.pixels[mine], grid.columns)
        lost = self.traffic.mbps[mine] - shares.carried_mbps[mine]
        return np.average(grid.centres(column, row), axis=0, weights=lost)

    def _bands(self, cell: int, middle: Floats) -> Iterator[int]:
        """Yield an option of every technology that a cell's site can host and has not."""
        site = int(self.scenario.options.site[self.option[cell]])
        yield from self._aimed(site, middle)

    def _sites(self, middle: Floats) -> Iterator[int]:
        """Yield an option of every technology missing at the sites nearest to a place."""
        sites = np.unique(self.scenario.options.site)
        away = np.hypot(*(self.scenario.data.sites.xy[sites] - middle).T)
        nearest = np.argsort(away, kind="stable")[:NEAREST_SITES]
        for place in nearest[away[nearest] <= NEAR_M].tolist():
            yield from self._aimed(int(sites[place]), middle)

    def _aimed(self, site: int, middle: Floats) -> Iterator[int]:
        """Yield, of each technology missing at a site, the option aimed nearest to a place."""
        options = self.scenario.options
        here = np.flatnonzero(options.site == site)
        has = {int(options.technology[item]) for item in here.tolist() if item in self.built}
        east, north = middle - self.scenario.data.sites.xy[site]
        towards = float(np.degrees(np.arctan2(east, north)))
        for technology in np.unique(options.technology[here]).tolist():
            if technology in has:
                continue
            mine = here[options.technology[here] == technology]
            layout = self.scenario.technologies[technology].sectors
            count = 1 if layout is None else layout.sectors
            step = 360.0 / count
            off = np.mod(options.turn_deg[mine] - towards + 0.5 * step, step) - 0.5 * step
            yield int(mine[np.abs(off).argmin()])

    def _cells_of(self, number: int) -> Cells:
        """Return the cells of an option, with the equipment of the network."""
        cells, _ = plan_cells(self.scenario, [number])
        base = self.what_if.prediction.cells
        same = np.flatnonzero(
            self.scenario.options.site[self.option] == self.scenario.options.site[number]
        )
        site = base.site[same[0]] if len(same) else base.site.max(initial=-1) + 1
        return replace(
            cells, patterns=base.patterns, site=np.full(len(cells), site, dtype=base.site.dtype)
        )


def _same(cells: Cells, other: Cells) -> bool:
    """Say whether two networks stand at the same places with the same equipment."""
    names = ("xy", "height_m", "azimuth_deg", "tilt_deg", "technology")
    return cells.technologies == other.technologies and all(
        np.array_equal(getattr(cells, name), getattr(other, name)) for name in names
    )
