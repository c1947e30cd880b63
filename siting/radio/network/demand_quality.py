"""Where a plan's stations give demand points enough SINR: interference predicted on their grid.

The network of the whole plan is predicted on square cells of the demand's own size that hold every
demand point and every site that may carry a station, so that nothing that disturbs is left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid
from siting.radio.ground.resample import resampled
from siting.radio.network.area_prediction import Prediction, predict
from siting.radio.network.assumptions import DEFAULT_ASSUMPTIONS
from siting.radio.network.interference import ss_sinr_db
from siting.radio.network.plan_network import plan_cells
from siting.radio.network.plan_prediction import MOST_PIXELS
from siting.radio.network.received import Received

if TYPE_CHECKING:
    from siting.scenario import Scenario
    from siting.technology import ServiceStandard

Bools = npt.NDArray[np.bool_]
#: Id of a standard, and the least SS-SINR asked beside it [dB].
Ask = tuple[str, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DemandRaster:
    """The raster on which interference is predicted for demand points.

    Parameters
    ----------
    grid
        Cells of the demand's own size.
    pixel
        Id of the cell that holds each demand point, (n,).
    """

    grid: Grid
    pixel: npt.NDArray[np.int64]


def demand_raster(scenario: Scenario) -> DemandRaster:
    """Lay the raster over a scenario's demand and the sites of all its options.

    Raises
    ------
    InputError
        When the demand is no grid, or the raster is too large.
    """
    demand, size = scenario.data.demand, scenario.data.demand.cell_size_m
    if size is None:
        what = "are scattered; interference is predicted on a grid"
        raise InputError(Problem("demand points", what, "load demand as a grid"))
    corner = demand.xy.min(axis=0) - 0.5 * size
    places = np.vstack([demand.xy, scenario.data.sites.xy[np.unique(scenario.options.site)]])
    first = np.minimum(np.floor((places.min(axis=0) - corner) / size), 0.0)
    last = np.floor((places.max(axis=0) - corner) / size) + 1.0
    west, south = (corner + first * size).tolist()
    columns, rows = (last - first).astype(int).tolist()
    grid = Grid(
        crs=scenario.data.study_area.crs,
        west_m=west,
        south_m=south,
        cell_size_m=size,
        columns=columns,
        rows=rows,
    )
    carriers = len({item.frequency_mhz for item in scenario.technologies})
    if len(grid) * carriers > MOST_PIXELS:
        what = f"{len(grid):,} cells on {carriers} carriers are more than {MOST_PIXELS:,} in all"
        hint = "take larger cells, or ask for no SINR"
        raise InputError(Problem("demand grid", what, hint))
    place = np.floor((demand.xy - [west, south]) / size).astype(np.int64)
    return DemandRaster(grid=grid, pixel=grid.ids(place[:, 0], place[:, 1]))


def quality_problems(scenario: Scenario) -> list[Problem]:
    """List what keeps a scenario's network from being predicted; empty where no SINR is asked."""
    if not scenario.sinr_targets or not len(scenario.options):
        return []
    _, first = np.unique(scenario.options.technology, return_index=True)
    try:
        demand_raster(scenario)
        return plan_cells(scenario, first)[0].problems()
    except InputError as error:
        return list(error.problems)


def predict_on_demand(
    scenario: Scenario,
    selected: npt.NDArray[np.intp],
    raster: DemandRaster,
    *,
    keep_surroundings: bool = False,
) -> Prediction:
    """Predict the network of some options at the load that a scenario assumes.

    Parameters
    ----------
    scenario
        The question, with its terrain and its load.
    selected
        Options on air, at least one, (s,).
    raster
        Raster of :func:`demand_raster`.
    keep_surroundings
        As for :func:`siting.radio.network.area_prediction.predict`.
    """
    terrain = scenario.data.terrain
    return predict(
        plan_cells(scenario, selected)[0],
        raster.grid,
        terrain=None if terrain is None else resampled(terrain, raster.grid),
        assumptions=dataclasses.replace(DEFAULT_ASSUMPTIONS, load=scenario.load),
        keep_surroundings=keep_surroundings,
    )


def clear_of_interference(
    received: Received, standard: ServiceStandard, min_ss_sinr_db: float
) -> Bools:
    """Say where some carrier that counts for a standard has enough SINR, (n,).

    Parameters
    ----------
    received
        What some pixels receive.
    standard
        Whose carriers count (bandwidth, operators), and the wall round the user.
    min_ss_sinr_db
        Least SS-SINR of the strongest server [dB].
    """
    clear = np.zeros(len(received), dtype=np.bool_)
    for carrier in range(len(received.model.frequencies_mhz)):
        counts = received.served_with(carrier, standard.min_bandwidth_mhz, standard.operators)
        clear |= counts & (ss_sinr_db(received, carrier, standard.penetration) >= min_ss_sinr_db)
    return clear


def clear_points(scenario: Scenario, selected: npt.NDArray[np.intp]) -> Mapping[Ask, Bools]:
    """Say at which demand points the network of some options has the SINR its targets ask for.

    Parameters
    ----------
    scenario
        The question.
    selected
        Options on air, (s,).

    Returns
    -------
    mapping
        For every pair of :attr:`siting.scenario.Scenario.sinr_targets`, (n demand points,); empty
        where no target asks for a SINR.

    Raises
    ------
    InputError
        As :func:`demand_raster` and :func:`siting.radio.network.area_prediction.predict` do.
    """
    asks = scenario.sinr_targets
    if not asks:
        return {}
    if not len(selected):
        return {ask: np.zeros(len(scenario.data.demand), dtype=np.bool_) for ask in asks}
    raster = demand_raster(scenario)
    raise_if(quality_problems(scenario), InputError)
    received = predict_on_demand(scenario, selected, raster).received(raster.pixel)
    standards = {item.id: item for item in scenario.standards}
    return {ask: clear_of_interference(received, standards[ask[0]], ask[1]) for ask in asks}
