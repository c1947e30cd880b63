"""Better directions for the antennas that stand: level and SINR of an area by turning and tilting.

Coverage is planned station by station; interference depends on all of them together. So stations
are turned and tilted one at a time, every trial is predicted with all its neighbours, and is kept
only where it brings the zones nearer to their standards. Nothing is claimed beyond the prediction
that is made at the end.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.progress import Stop
from siting.radio.network.area_report import AreaReport
from siting.radio.network.cells import Cells
from siting.radio.network.tally import QualityStandard
from siting.radio.network.what_if import WhatIf

log = logging.getLogger(__name__)

#: What is added to the azimuth of all antennas of a station, and to their tilt [degrees].
TURNS_DEG, TILTS_DEG = (-30.0, -15.0, 15.0, 30.0), (-2.0, 2.0)
#: Electrical downtilts that antennas can be set to [degrees].
LEAST_TILT_DEG, MOST_TILT_DEG = 0.0, 15.0

#: Missing pixels of all zones, and minus the pixels that meet a standard.
_Score = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A new direction of one station.

    Parameters
    ----------
    station
        Number of the station.
    turn_deg, tilt_deg
        What is added to the azimuth and to the electrical tilt of all its antennas [degrees].
    missing
        Pixels still missing in all zones afterwards.
    """

    station: int
    turn_deg: float
    tilt_deg: float
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Improvement:
    """What turning and tilting achieved.

    Parameters
    ----------
    cells
        The network afterwards.
    aims
        Every change that was kept, in order.
    before, after
        Figures by zone.
    trials
        Changes that were predicted.
    ended
        Why the search ended.
    """

    cells: Cells
    aims: tuple[Aim, ...]
    before: AreaReport
    after: AreaReport
    trials: int
    ended: str


def improve(
    what_if: WhatIf,
    station: npt.ArrayLike,
    *,
    zones: Collection[str] | None = None,
    most_trials: int = 2000,
    stop: Stop | None = None,
) -> Improvement:
    """Turn and tilt stations until the zones meet their standards, or nothing helps any more.

    Parameters
    ----------
    what_if
        The network with its zones and standards; it holds the better network afterwards.
    station
        Station each cell belongs to, (cells,): its antennas are turned and tilted together. Cells
        without a direction, and those of station -1, stay as they are.
    zones
        Zones that count; None: all.
    most_trials
        Changes that may be predicted.
    stop
        Asked before every trial.

    Returns
    -------
    Improvement
        Never worse than before: first the pixels missing to the required shares count, summed over
        zones and standards, then the pixels that meet them.

    Raises
    ------
    InputError
        When `station` does not fit the cells, or a zone is unknown.

    Notes
    -----
    Stations come by how often they serve or disturb pixels that miss a standard, each with every
    turn and tilt; the best change is kept. Rounds go on while one gains anything.
    """
    cells = what_if.prediction.cells
    of = np.asarray(station)
    before = what_if.report()
    known = {zone.zone for zone in before.zones}
    problems = []
    if of.shape != (len(cells),) or not np.issubdtype(of.dtype, np.integer):
        what = f"has shape {of.shape} and type {of.dtype}"
        problems.append(Problem("station", what, f"give a whole number for each of {len(cells)}"))
    chosen = known if zones is None else set(zones)
    problems += [
        Problem("zones", f"{name!r} names no zone of the report", f"known: {sorted(known)}")
        for name in sorted(chosen - known)
    ]
    raise_if(problems, InputError)
    search = _Search(what_if, of, chosen, most_trials, stop)
    ended = search.run()
    after = what_if.report()
    kept, missing = len(search.aims), search.best[0]
    log.info("improve: trials=%d kept=%d missing=%d", search.trials, kept, missing)
    return Improvement(
        cells=what_if.prediction.cells,
        aims=tuple(search.aims),
        before=before,
        after=after,
        trials=search.trials,
        ended=ended,
    )


class _Search:
    """One search, with what it has found so far."""

    def __init__(
        self,
        what_if: WhatIf,
        station: npt.NDArray[np.integer],
        zones: Collection[str],
        most_trials: int,
        stop: Stop | None,
    ) -> None:
        self.what_if = what_if
        self.station = station
        self.zones = zones
        self.standards = {item.id: item for item in what_if.standards}
        self.most_trials = most_trials
        self.stop = stop
        self.trials = 0
        self.aims: list[Aim] = []
        self.best = self._score()
        areas = what_if.areas
        assert areas is not None  # noqa: S101 - without zones there is no report
        counted = [areas.zones.index(name) for name in sorted(zones)]
        self.inside = np.asarray(areas.membership[:, counted].sum(axis=1)).ravel() > 0

    def run(self) -> str:
        """Search, and return why it ended."""
        while self.best[0] > 0:
            gained = False
            for number in self._by_need():
                if self.trials >= self.most_trials:
                    return "as many changes were predicted as allowed"
                if self.stop is not None and self.stop():
                    return "stopped"
                gained |= self._aim(number)
                if self.best[0] == 0:
                    break
            if not gained:
                return "no single change helps any more"
        return "every zone meets its standards"

    def _aim(self, number: int) -> bool:
        """Keep the best new direction of a station; return whether there is a better one."""
        mine = np.flatnonzero(self.station == number)
        kept = None
        for turn, tilt in self._directions(mine):
            cells = self.what_if.prediction.cells
            self.what_if.change(
                mine,
                azimuth_deg=np.mod(cells.azimuth_deg[mine] + turn, 360.0),
                tilt_deg=cells.tilt_deg[mine] + tilt,
            )
            self.trials += 1
            score = self._score()
            self.what_if.undo()
            if score < self.best:
                self.best, kept = score, (turn, tilt)
        if kept is None:
            return False
        cells = self.what_if.prediction.cells
        self.what_if.change(
            mine,
            azimuth_deg=np.mod(cells.azimuth_deg[mine] + kept[0], 360.0),
            tilt_deg=cells.tilt_deg[mine] + kept[1],
        )
        self.aims.append(
            Aim(station=number, turn_deg=kept[0], tilt_deg=kept[1], missing=self.best[0])
        )
        return True

    def _directions(self, mine: npt.NDArray[np.intp]) -> Iterator[tuple[float, float]]:
        """Return turns and tilts that a station can take."""
        tilts = self.what_if.prediction.cells.tilt_deg[mine]
        for turn in TURNS_DEG:
            yield turn, 0.0
        for tilt in TILTS_DEG:
            if tilts.min() + tilt >= LEAST_TILT_DEG and tilts.max() + tilt <= MOST_TILT_DEG:
                yield 0.0, tilt

    def _score(self) -> _Score:
        """Return what is missing, and minus what is met."""
        missing = met = 0
        for zone in self.what_if.report().zones:
            if zone.zone not in self.zones:
                continue
            for figures in zone.standards:
                if not figures.pixels:
                    continue
                good = round(figures.share * figures.pixels)
                required = self.standards[figures.standard].required_share
                missing += max(0, math.ceil(required * figures.pixels - 1e-9) - good)
                met += good
        return missing, -met

    def _by_need(self) -> list[int]:
        """List the stations heard at pixels that miss a standard, the most often heard first."""
        prediction = self.what_if.prediction
        heard = np.zeros(int(self.station.max(initial=-1)) + 1, dtype=np.int64)
        aimed = prediction.model.directional & (self.station >= 0) & prediction.cells.active
        for standard in self._unmet():
            wall = standard.penetration
            bad = prediction.ss_sinr_db(penetration=wall) < standard.min_ss_sinr_db
            bad |= ~(prediction.ss_rsrp_dbm() >= standard.min_ss_rsrp_dbm)
            pixels = np.flatnonzero(bad.ravel() & self.inside)
            server = prediction.state.by_id().server[:, pixels] >> 2
            cell = server[server >= 0]
            cell = cell[aimed[cell]]
            heard += np.bincount(self.station[cell], minlength=len(heard))
        order = np.argsort(-heard, kind="stable")
        return order[heard[order] > 0].tolist()

    def _unmet(self) -> list[QualityStandard]:
        """List the standards that some zone misses."""
        names = {
            figures.standard
            for zone in self.what_if.report().zones
            if zone.zone in self.zones
            for figures in zone.standards
            if figures.pixels and figures.share < self.standards[figures.standard].required_share
        }
        return [standard for name, standard in self.standards.items() if name in names]
