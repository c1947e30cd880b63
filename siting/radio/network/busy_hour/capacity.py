"""Loads, offered and carried traffic of a predicted network in its busiest hour.

In a notebook::

    traffic = demand_traffic(data.demand, prediction.grid, kbps_per_unit=100.0)
    report = busy_hour(prediction, traffic, areas)
    report.frame(), report.zone_frame()
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import InputError, Problem, raise_if
from siting.radio.network.area_prediction import Prediction
from siting.radio.network.area_report import ReportAreas
from siting.radio.network.busy_hour.coupling import Coupling, Shares, coupling
from siting.radio.network.busy_hour.traffic import Traffic
from siting.radio.propagation.path_loss import Floats

log = logging.getLogger(__name__)

#: Rounds in which the cells beyond the strongest four of a place are summed up at their own loads.
ROUNDS = 1
#: Relative change of every load below which no further round follows, and the least load it is
#: held against.
_CLOSE, _LEAST_LOAD = 0.01, 0.1
#: Share of its offered traffic that a cell must fail to carry to count as overloaded.
_NOTICED = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneCapacity:
    """What of a zone's traffic is carried.

    Parameters
    ----------
    zone
        Id of the zone.
    traffic_mbps, served_mbps, carried_mbps
        Traffic of the zone; the part that has any usable cell; and the part that is carried
        [Mbit/s].
    people, people_short
        People, and those that the traffic which is not carried stands for.
    cells, overloaded_cells
        Cells that are the main one of any place in the zone, and those of them that are overloaded.
    """

    zone: str
    traffic_mbps: float
    served_mbps: float
    carried_mbps: float
    people: float
    people_short: float
    cells: int
    overloaded_cells: int

    @property
    def carried_share(self) -> float:
        """Share of the traffic that is carried, 0..1; NaN without traffic."""
        return self.carried_mbps / self.traffic_mbps if self.traffic_mbps > 0.0 else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CapacityReport:
    """What a network carries in its busiest hour; arrays by cell have the shape (cells,).

    Parameters
    ----------
    greatest_load
        Load up to which a cell carries all it is offered.
    load
        Share of time that the traffic takes; above 1 more than there is.
    offered_mbps, carried_mbps
        Traffic offered to each cell and carried by it [Mbit/s].
    pixels, people
        Pixels with traffic, and people, whose main cell it is.
    traffic_mbps, unserved_mbps
        All traffic, and the part without any usable cell [Mbit/s].
    zones
        Figures by zone, in the order given.
    iterations
        Iterations of the loads, all rounds together.
    last_change
        Greatest change of a load in the last round, as a share of the load or of 0.1 where it is
        less: the approximation of the round before. NaN without rounds.
    """

    greatest_load: float
    load: Floats
    offered_mbps: Floats
    carried_mbps: Floats
    pixels: npt.NDArray[np.int64]
    people: Floats
    traffic_mbps: float
    unserved_mbps: float
    zones: tuple[ZoneCapacity, ...]
    iterations: int
    last_change: float

    @property
    def overloaded(self) -> npt.NDArray[np.bool_]:
        """Cells that cannot carry 99 % of what they are offered, (cells,)."""
        return _overloaded(self.load, self.greatest_load)

    @property
    def lost_mbps(self) -> float:
        """Traffic that is not carried, served or not [Mbit/s]."""
        return self.traffic_mbps - float(self.carried_mbps.sum())

    def frame(self) -> pd.DataFrame:
        """Return one row per cell."""
        return pd.DataFrame(
            {
                "load": self.load,
                "offered_mbps": self.offered_mbps,
                "carried_mbps": self.carried_mbps,
                "pixels": self.pixels,
                "people": self.people,
                "overloaded": self.overloaded,
            }
        )

    def zone_frame(self) -> pd.DataFrame:
        """Return one row per zone."""
        names = [name for name in ZoneCapacity.__slots__ if name != "zone"]
        rows = [
            {"zone": zone.zone, "carried_share": zone.carried_share}
            | {name: getattr(zone, name) for name in names}
            for zone in self.zones
        ]
        return pd.DataFrame(rows, columns=pd.Index(["zone", "carried_share", *names]))


def busy_hour(
    prediction: Prediction,
    traffic: Traffic,
    areas: ReportAreas | None = None,
    *,
    rounds: int = ROUNDS,
) -> CapacityReport:
    """Find the loads of all cells, and what traffic they carry.

    Parameters
    ----------
    prediction
        The network; its assumptions hold the share of the traffic indoors and the greatest load.
        The loads of its cells play no part.
    traffic
        Traffic on the raster of the prediction.
    areas
        Zones on the same raster; None: no figures by zone.
    rounds
        Times the whole network is summed up again at the loads found, each about as long as a
        prediction; 0: never.

    Raises
    ------
    InputError
        For areas or traffic of another raster.

    Notes
    -----
    Load coupling: a place i with the traffic t_i takes of cell s the share of time t_i / R_i, so
    load_s = sum of t_i / R_i, and R_i is the truncated Shannon rate at the SINR
    P_s / (sum of min(load_j, 1) P_j + N). A place is served, on each carrier, by the cell received
    strongest; a carrier is usable where that cell reaches the least SINR even while all others of
    the carrier send without pause, so that no load takes service away. Users have all usable
    carriers at once: traffic is divided in proportion to the carriers' rates times the biases b of
    their cells, so that carrier c is busy for the time t_i b_c / (sum of b R). With b = 1 all are
    busy for the same time; where a cell is overloaded, its bias is lowered step by step while that
    lets more be carried, as operators steer users to carriers with room. Users indoors are behind a
    low-loss wall.

    More load anywhere never lowers a load (the function is a standard interference function, as
    rates are concave in the SINR), so with given biases the loads that solve the equations are
    unique, and iterating from silence climbs to them. Where the paper lets loads exceed 1 in the
    interference too, here a cell sends without pause at most; such loads still say how much time is
    missing. A cell carries offered traffic times min(1, greatest load / load).

    Of the interferers at a place the strongest four are heard at their own loads. The others come
    as one sum, as if sending without pause, times the mean load of the cells round the server; in
    each round they are summed up exactly at the loads found and that ratio is corrected.
    :attr:`CapacityReport.last_change` says by how much this moved the loads.

    References
    ----------
    I. Siomina, D. Yuan (2012), Analysis of cell load coupling for LTE network planning and
    optimization, IEEE Trans. Wirel. Commun. 11(6), 2287-2297, doi:10.1109/TWC.2012.051512.111532.
    R. D. Yates (1995), A framework for uplink power control in cellular radio systems, IEEE J. Sel.
    Areas Commun. 13(7), 1341-1347, doi:10.1109/49.414651.
    """
    began = time.monotonic()
    raise_if(busy_hour_problems(prediction, traffic, areas), InputError)
    on = coupling(prediction, traffic)
    load, iterations = on.settled()
    on, load, more = on.balanced(load)
    iterations += more
    change = float("nan")
    for _ in range(rounds):
        on = on.with_rest_of(load)
        after, more = on.settled(load)
        iterations += more
        change = float((np.abs(after - load) / np.maximum(load, _LEAST_LOAD)).max(initial=0.0))
        load = after
        if change < _CLOSE:
            break
    report = capacity_report(on, load, areas, iterations=iterations, last_change=change)
    log.info(
        "busy hour: places=%d overloaded=%d iterations=%d change=%.3f in %.2f s",
        len(traffic),
        int(report.overloaded.sum()),
        iterations,
        change,
        time.monotonic() - began,
    )
    return report


def busy_hour_problems(
    prediction: Prediction, traffic: Traffic, areas: ReportAreas | None
) -> list[Problem]:
    """Name everything that keeps traffic and zones from being laid over a network."""
    found, count = [], len(prediction.grid)
    if len(traffic) and not 0 <= int(traffic.pixels.min()) <= int(traffic.pixels.max()) < count:
        what = f"names pixels beyond the {count:,} of the raster"
        found.append(Problem("traffic", what, "lay it over the prediction's own raster"))
    if areas is not None and areas.grid != prediction.grid:
        found.append(Problem("areas", "lie on another raster", "use report_areas on this one"))
    return found


def capacity_report(
    on: Coupling,
    load: Floats,
    areas: ReportAreas | None,
    *,
    iterations: int = 0,
    last_change: float = float("nan"),
) -> CapacityReport:
    """Return the figures of loads that are settled, as of :func:`busy_hour`."""
    traffic, greatest = on.traffic, on.prediction.model.assumptions.greatest_load
    shares, served = on.shares(load), on.served_mbps()
    main = shares.main
    mine, count = main >= 0, len(load)
    return CapacityReport(
        greatest_load=greatest,
        load=load,
        offered_mbps=shares.offered_mbps,
        carried_mbps=shares.offered_mbps * shares.kept,
        pixels=np.bincount(main[mine], minlength=count),
        people=np.bincount(main[mine], traffic.people[mine], count).astype(np.float64),
        traffic_mbps=float(traffic.mbps.sum()),
        unserved_mbps=float((traffic.mbps - served).sum()),
        zones=() if areas is None else _zones(on, areas, shares, _overloaded(load, greatest)),
        iterations=iterations,
        last_change=last_change,
    )


def _overloaded(load: Floats, greatest: float) -> npt.NDArray[np.bool_]:
    return load * (1.0 - _NOTICED) > greatest


def _zones(
    on: Coupling,
    areas: ReportAreas,
    shares: Shares,
    overloaded: npt.NDArray[np.bool_],
) -> tuple[ZoneCapacity, ...]:
    """Add places up by zone."""
    traffic, carried = on.traffic, shares.carried_mbps
    inside = areas.membership[traffic.pixels]
    short = 1.0 - carried / traffic.mbps
    columns = np.column_stack(
        [traffic.mbps, on.served_mbps(), carried, traffic.people, traffic.people * short]
    )
    sums = inside.T @ columns
    by_zone = inside.tocsc()
    zones = []
    for number, name in enumerate(areas.zones):
        places = by_zone.indices[by_zone.indptr[number] : by_zone.indptr[number + 1]]
        cells = np.unique(shares.main[places])
        cells = cells[cells >= 0]
        zones.append(
            ZoneCapacity(
                zone=name,
                traffic_mbps=float(sums[number, 0]),
                served_mbps=float(sums[number, 1]),
                carried_mbps=float(sums[number, 2]),
                people=float(sums[number, 3]),
                people_short=float(sums[number, 4]),
                cells=len(cells),
                overloaded_cells=int(overloaded[cells].sum()),
            )
        )
    return tuple(zones)
