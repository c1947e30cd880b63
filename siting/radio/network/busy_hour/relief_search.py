"""The search for stations that relieve overloaded cells: what is tried, and what is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from siting.progress import Stop
from siting.radio.network.area_prediction import Prediction
from siting.radio.network.area_report import ReportAreas
from siting.radio.network.busy_hour.capacity import CapacityReport, capacity_report
from siting.radio.network.busy_hour.coupling import Coupling, coupling
from siting.radio.network.busy_hour.traffic import Traffic
from siting.radio.network.cells import Cells
from siting.radio.network.plan_network import plan_cells
from siting.radio.network.what_if import WhatIf
from siting.radio.propagation.path_loss import Floats

if TYPE_CHECKING:
    from siting.scenario import Scenario

#: Distance from the middle of the traffic a cell loses within which new sites are looked for [m],
#: and how many of the nearest are tried.
NEAR_M, NEAREST_SITES = 800.0, 4
#: Steps in which traffic is steered to an addition before it is judged, and change of a load that
#: does not count then.
_TRIAL_STEPS, _TRIAL_TOLERANCE = 2, 5e-3
#: The same for what is kept; when the search ends, loads are settled in full.
_KEPT_STEPS, _KEPT_TOLERANCE = 2, 1e-3
_MET = "every zone carries what is asked"
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


class ReliefSearch:
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
        """Search, settle what was found, and return why the search ended."""
        while True:
            ended = self._run()
            if self.additions:
                self.on, self.load, _ = self.on.balanced(self.on.settled(self.load)[0])
            if ended != _MET or not self._unmet().any():
                return ended

    def _run(self) -> str:
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
        return _MET

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
        here = self.scenario.data.sites.xy[self.scenario.options.site[self.option[cell]]]
        stages = ((self._bands(cell, middle), here), (self._sites(middle), middle))
        for options, centre in stages:
            kept = self._best(options, self._near(centre), unmet)
            if kept is not None and self._keep(kept, unmet):
                return True
        return False

    def _best(
        self,
        options: Iterator[int],
        near: npt.NDArray[np.bool_],
        unmet: npt.NDArray[np.bool_],
    ) -> int | None:
        """Return the option that gains most per cost at the places near it; None: none gains."""
        best, kept = 0.0, None
        part = self.on.part(near, self.load)
        before = _lost(part, self.load, unmet[near])
        spent = sum(item.cost_cny for item in self.additions)
        for number in options:
            price = self._price(number)
            if spent + price > self.budget_cny or self.trials >= self.most_trials:
                continue
            self.trials += 1
            self.what_if.add(self._cells_of(number))
            on = part.with_more_cells(self.what_if.prediction)
            self.what_if.undo()
            load, _ = on.settled(self._with_new(on), _TRIAL_TOLERANCE)
            on, load, _ = on.balanced(load, _TRIAL_STEPS, _TRIAL_TOLERANCE)
            gains = before - _lost(on, load, unmet[near])
            worth = float(gains[0]) / max(price, 1)
            if gains.min() > _LEAST_GAIN_MBPS and worth > best:
                best, kept = worth, number
        return kept

    def _near(self, centre: Floats) -> npt.NDArray[np.bool_]:
        """Say which pixels with traffic may hear a station near a place, (n,)."""
        grid = self.what_if.prediction.grid
        row, column = np.divmod(self.traffic.pixels, grid.columns)
        away = np.hypot(*(grid.centres(column, row) - centre).T)
        return away <= self.what_if.prediction.surroundings.radius_m + NEAR_M

    def _with_new(self, on: Coupling) -> Floats:
        """Return the loads as they stand, and none on new cells, (cells,)."""
        return np.concatenate([self.load, np.zeros(len(on.bias) - len(self.load))])

    def _keep(self, number: int, unmet: npt.NDArray[np.bool_]) -> bool:
        """Add an option for good where it helps the whole network too."""
        price, options = self._price(number), self.scenario.options
        site = int(options.site[number])
        opens = site not in {int(options.site[item]) for item in self.built}
        self.what_if.add(self._cells_of(number))
        on = self.on.with_more_cells(self.what_if.prediction)
        load, _ = on.settled(self._with_new(on), _KEPT_TOLERANCE)
        on, load, _ = on.balanced(load, _KEPT_STEPS, _KEPT_TOLERANCE)
        before = _lost(self.on, self.load, unmet)
        if (before - _lost(on, load, unmet)).min() <= _LEAST_GAIN_MBPS:
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
        """Yield an option of every technology whose carrier is not on air at a cell's site."""
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
        """Yield, of each technology whose carrier a site lacks, the option aimed at a place."""
        options = self.scenario.options
        here = np.flatnonzero(options.site == site)
        has = {int(options.carrier[item]) for item in here.tolist() if item in self.built}
        east, north = middle - self.scenario.data.sites.xy[site]
        towards = float(np.degrees(np.arctan2(east, north)))
        for technology in np.unique(options.technology[here]).tolist():
            mine = here[options.technology[here] == technology]
            if int(options.carrier[mine[0]]) in has:
                continue
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


def _lost(on: Coupling, load: Floats, unmet: npt.NDArray[np.bool_]) -> Floats:
    """Return the traffic that unmet zones, and that all places, do not carry [Mbit/s], (2,)."""
    lost = on.traffic.mbps - on.shares(load).carried_mbps
    return np.array([lost[unmet].sum(), lost.sum()])
