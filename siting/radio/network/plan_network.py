"""From stations to the cells of a network: what a plan, or a list of one's own, puts on air."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.radio.antenna import layout_pattern
from siting.radio.network.cells import OMNI, Cells
from siting.radio.propagation.path_loss import Floats

if TYPE_CHECKING:
    from siting.scenario import Scenario
    from siting.technology import Technology

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stations:
    """Base stations as parallel arrays: one technology at one site each, shape (s,).

    Parameters
    ----------
    technologies
        Equipment the stations choose from.
    site
        Name of the site each stands on.
    technology
        Index into `technologies`.
    xy
        Position in the working CRS [m], (s, 2).
    height_m
        Antenna above ground [m].
    turn_deg, tilt_deg
        Azimuth of the first antenna and electrical downtilt [degrees]; NaN: alike in every
        direction.
    """

    technologies: tuple[Technology, ...]
    site: tuple[str, ...]
    technology: Indices
    xy: Floats
    height_m: Floats
    turn_deg: Floats
    tilt_deg: Floats

    def __len__(self) -> int:
        """Return the number of stations s."""
        return len(self.site)


def plan_stations(scenario: Scenario, selected: npt.ArrayLike) -> Stations:
    """Return the stations that some options of a scenario are.

    Parameters
    ----------
    scenario
        The question.
    selected
        Indices of the options, e.g. :attr:`siting.plan.Plan.selected`, (s,).

    Raises
    ------
    InputError
        For indices that name no option.
    """
    chosen = np.asarray(selected, dtype=np.intp).reshape(-1)
    count = len(scenario.options)
    wrong = int(np.count_nonzero((chosen < 0) | (chosen >= count)))
    if wrong:
        what = f"{wrong} of {len(chosen)} name no option"
        raise_if([Problem("selected", what, f"options are 0 to {count - 1}")], InputError)
    options, directed = scenario.options.take(chosen), scenario.directed[chosen]
    ids = scenario.data.sites.id
    return Stations(
        technologies=scenario.technologies,
        site=tuple(str(ids[index]) for index in options.site),
        technology=options.technology,
        xy=scenario.data.sites.xy[options.site],
        height_m=options.height_m,
        turn_deg=np.where(directed, options.turn_deg, np.nan),
        tilt_deg=np.where(directed, options.tilt_deg, np.nan),
    )


def plan_cells(scenario: Scenario, selected: npt.ArrayLike) -> tuple[Cells, Indices]:
    """Return the cells of a plan's stations, and the option each belongs to.

    Parameters
    ----------
    scenario
        The question.
    selected
        Indices of the options chosen, (s,).

    Returns
    -------
    cells, option
        As :func:`station_cells` makes them, in the order of `selected`; and the index of each
        cell's option in the scenario, (n,).

    Raises
    ------
    InputError
        For indices that name no option.
    """
    cells, station = station_cells(plan_stations(scenario, selected))
    return cells, np.asarray(selected, dtype=np.intp).reshape(-1)[station]


def station_cells(stations: Stations) -> tuple[Cells, Indices]:
    """Return the cells of stations, and the station each belongs to.

    A station with a direction is as many cells as its technology has sectors, their azimuths evenly
    round the circle and one downtilt for all; any other is one cell alike in every direction.

    Returns
    -------
    cells, station
        Ordered by station, then by azimuth from the first antenna on; and the index of each cell's
        station, (n,). Stations of one site name share the number :attr:`Cells.site`, counted in
        the order in which they come.
    """
    layouts = [item.sectors for item in stations.technologies]
    patterns = [OMNI]
    pattern_of = np.zeros(len(layouts), dtype=np.int32)
    for number, layout in enumerate(layouts):
        if layout is not None:
            pattern_of[number] = len(patterns)
            patterns.append(layout_pattern(layout))
    sectors = np.array([1 if each is None else each.sectors for each in layouts], dtype=np.intp)
    aimed = np.isfinite(stations.turn_deg) & (pattern_of[stations.technology] > 0)
    count = np.where(aimed, sectors[stations.technology], 1)
    station = np.repeat(np.arange(len(stations)), count)
    within = np.arange(len(station)) - np.repeat(np.cumsum(count) - count, count)
    numbers: dict[str, int] = {}
    site = np.array([numbers.setdefault(name, len(numbers)) for name in stations.site], np.int32)
    azimuth = stations.turn_deg[station] + within * (360.0 / count[station])
    return Cells(
        technologies=stations.technologies,
        patterns=tuple(patterns),
        site=site[station],
        xy=stations.xy[station],
        height_m=stations.height_m[station],
        azimuth_deg=np.where(aimed[station], np.mod(azimuth, 360.0), 0.0),
        tilt_deg=np.where(aimed[station], np.nan_to_num(stations.tilt_deg[station]), 0.0),
        mechanical_tilt_deg=np.zeros(len(station)),
        technology=stations.technology[station].astype(np.int32),
        pattern=np.where(aimed, pattern_of[stations.technology], 0)[station].astype(np.int32),
        load=np.full(len(station), np.nan),
        active=np.ones(len(station), dtype=np.bool_),
        operator=("",) * len(station),
    ), station
