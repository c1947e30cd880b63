"""What a chosen set of stations would deliver at every demand point, for maps and explanations."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.radio.link_budget import ss_rsrp_exceeded_dbm
from siting.radio.point_grid import LevelTable, build_grid, checked_xy, strongest_in_discs
from siting.radio.propagation.path_loss import FAR_LIMIT_M, NEAR_FIELD_M, Floats, outside
from siting.technology import Penetration

if TYPE_CHECKING:
    from siting.scenario import Scenario

log = logging.getLogger(__name__)

#: Distance up to which a station is heard in :func:`best_server` [m].
HEARD_M = 3000.0

#: Nodes of the level table; between them the level is linear in lg(distance), within 0.02 dB.
_NODES = 513


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BestServer:
    """The strongest station at every demand point.

    Parameters
    ----------
    ss_rsrp_dbm
        SS-RSRP of the strongest station [dBm], shape (n,); NaN where none is heard.
    option
        Index of that station among the scenario's options, shape (n,); -1 where none is heard.
    """

    ss_rsrp_dbm: npt.NDArray[np.float64]
    option: npt.NDArray[np.intp]


def best_server(
    scenario: Scenario,
    selected: npt.ArrayLike,
    *,
    probability: float = 0.5,
    penetration: Penetration = Penetration.OUTDOOR,
    heard_m: float = HEARD_M,
) -> BestServer:
    """Find the strongest of the selected stations at every demand point.

    Parameters
    ----------
    scenario
        Demand, sites, technologies and options.
    selected
        Indices of the built options, e.g. ``plan.selected``; order and repetition do not matter.
    probability
        Share of a cell's locations that exceed the level given, 0.5 to 1 (1 excluded): 0.5 the
        median; a standard's own probability shows the level that decides on coverage.
    penetration
        Building between station and user.
    heard_m
        Distance beyond which a station is not looked at [m], 10 to 5000.

    Returns
    -------
    BestServer
        Level and station by demand point; of equal levels the lower option index wins.

    Raises
    ------
    InputError
        When an index is out of range, a technology leaves the validity of the radio model, or a
        position is not finite.

    Notes
    -----
    The level of :func:`~siting.radio.link_budget.ss_rsrp_exceeded_dbm`, tabulated once per
    technology and height and interpolated in lg(distance).
    """
    begun = time.monotonic()
    chosen = _checked_selection(selected, len(scenario.options))
    raise_if(outside("heard_m", np.asarray(heard_m), NEAR_FIELD_M, FAR_LIMIT_M, "m"), InputError)
    grid = build_grid(scenario.data.demand.xy)
    places = checked_xy("sites", scenario.data.sites.xy)[scenario.options.site[chosen]]
    levels = _levels(scenario, chosen, probability, penetration, heard_m)
    best, server = strongest_in_discs(grid, places, float(heard_m), levels)
    heard = server >= 0
    option = np.full(len(best), -1, dtype=np.intp)
    option[heard] = chosen[server[heard]]
    log.info(
        "best server: n=%d stations=%d heard=%d in %.2f s",
        len(best),
        len(chosen),
        int(heard.sum()),
        time.monotonic() - begun,
    )
    return BestServer(ss_rsrp_dbm=np.where(heard, best, np.nan), option=option)


def _checked_selection(selected: npt.ArrayLike, count: int) -> npt.NDArray[np.intp]:
    given = np.asarray(selected)
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise InputError(
            Problem("selected", f"values of type {given.dtype}", "give integer option indices")
        )
    chosen = np.unique(given).astype(np.intp)
    wrong = chosen[(chosen < 0) | (chosen >= count)]
    if len(wrong):
        raise InputError(
            Problem(
                "selected",
                f"{len(wrong)} indices are no option of the scenario, the first is {wrong[0]}",
                f"options are numbered 0 to {count - 1}",
            )
        )
    return chosen


def _levels(
    scenario: Scenario,
    chosen: npt.NDArray[np.intp],
    probability: float,
    penetration: Penetration,
    heard_m: float,
) -> LevelTable:
    """Tabulate level against distance for every distinct technology and height."""
    options = scenario.options
    key = np.column_stack([options.technology[chosen], options.height_m[chosen]])
    distinct, curve = np.unique(key, axis=0, return_inverse=True)
    farthest = max(heard_m, 2.0 * NEAR_FIELD_M)
    distance = np.geomspace(NEAR_FIELD_M, farthest, _NODES)
    level: Floats = np.empty((len(distinct), _NODES))
    for number, technology in enumerate(scenario.technologies):
        mine = distinct[:, 0] == number
        if mine.any():
            level[mine] = ss_rsrp_exceeded_dbm(
                technology,
                distance,
                antenna_height_m=distinct[mine, 1][:, np.newaxis],
                probability=probability,
                penetration=penetration,
            )
    return LevelTable(
        nearest_m=NEAR_FIELD_M,
        lg_nearest=float(np.log10(NEAR_FIELD_M)),
        nodes_per_decade=(_NODES - 1) / float(np.log10(farthest / NEAR_FIELD_M)),
        level=level,
        curve=curve.reshape(-1).astype(np.int64),
    )
