"""From a scenario and its coverage to the plain covering model, and from its multipliers back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.coverage import Coverage
from siting.location.partial_covering.zero_half import PricedCuts
from siting.models.covering import CoverModel, cover_model
from siting.plan import Certificate, Cuts
from siting.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assembled:
    """A covering model and where its rows come from.

    Parameters
    ----------
    model
        The model; its options, sites and targets are the scenario's, in the same order.
    demand
        Per standard id, the demand point behind each of its rows; the standards' rows follow each
        other in this order.
    points
        Number of demand points of the scenario.
    """

    model: CoverModel
    demand: Mapping[str, npt.NDArray[np.intp]]
    points: int

    def certificate(
        self,
        cover: npt.NDArray[np.float64],
        targets: npt.NDArray[np.float64],
        cuts: PricedCuts | None = None,
    ) -> Certificate:
        """Spread prices and cuts of rows over the demand points of their standards."""
        spread: dict[str, npt.NDArray[np.float64]] = {}
        offset = 0
        for standard, points in self.demand.items():
            prices = np.zeros(self.points)
            prices[points] = cover[offset : offset + len(points)]
            spread[standard] = prices
            offset += len(points)
        if cuts is None:
            return Certificate(cover=spread, targets=targets)
        every = [number * self.points + part for number, part in enumerate(self.demand.values())]
        named = cuts.cuts.moved(np.concatenate(every), len(every) * self.points)
        return Certificate(
            cover=spread,
            targets=targets,
            cuts=Cuts(pointer=named.pointer, members=named.members, prices=cuts.prices),
        )

    def prices(self, certificate: Certificate) -> npt.NDArray[np.float64]:
        """Return the prices of a certificate by rows of the model; cuts are left out."""
        parts = [certificate.cover[name][points] for name, points in self.demand.items()]
        return np.concatenate([np.zeros(0), *parts])


def assemble(scenario: Scenario, coverage: Coverage) -> Assembled:
    """Build the covering model of a scenario.

    A row stands for a demand point under a standard; only points that a target or the objective
    counts under that standard get one.
    """
    weights = _weights(scenario)
    demand: dict[str, npt.NDArray[np.intp]] = {}
    blocks: list[sp.csr_array] = []
    for standard in scenario.standards:
        counted = np.zeros(len(scenario.data.demand), dtype=bool)
        for used, weight in weights:
            if used == standard.id:
                counted |= weight > 0
        demand[standard.id] = np.flatnonzero(counted)
        blocks.append(sp.csr_array(coverage.by_standard[standard.id][demand[standard.id]]))
    rows = {name: len(points) for name, points in demand.items()}
    start = dict(zip(rows, np.cumsum([0, *rows.values()])[:-1].tolist(), strict=True))
    total_rows = sum(rows.values())

    def spread(used: str, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        line = np.zeros(total_rows)
        line[start[used] : start[used] + rows[used]] = weight[demand[used]]
        return line

    targets = [
        sp.csr_array(spread(used, weight)[None, :])
        for used, weight in weights[: len(scenario.targets)]
    ]
    objective = np.zeros(total_rows)
    if scenario.objective is not None:
        objective = spread(*weights[-1])
    sites = scenario.data.sites
    position = {site: index for index, site in enumerate(sites.id)}
    total = np.array([float(weight.sum()) for _, weight in weights[: len(scenario.targets)]])
    fraction = np.array([target.required_fraction for target in scenario.targets])
    model = cover_model(
        sp.vstack(blocks, format="csr") if blocks else sp.csr_array((0, len(scenario.options))),
        option_cost=scenario.options.cost_cny,
        option_site=scenario.options.site,
        option_station=scenario.options.station,
        site_cost=sites.fixed_cost_cny,
        locked=[position[site] for site in scenario.locked_sites],
        target_weights=sp.csr_array(
            sp.vstack(targets, format="csr") if targets else sp.csr_array((0, total_rows))
        ),
        required=fraction * total,
        total=total,
        objective=objective,
        stations=scenario.stations,
    )
    return Assembled(model=model, demand=demand, points=len(scenario.data.demand))


def _weights(scenario: Scenario) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """Return standard and weight per demand point of each target, then of the objective."""
    demand = scenario.data.demand
    found: list[tuple[str, npt.NDArray[np.float64]]] = []
    for target in scenario.targets:
        weight = np.zeros(len(demand))
        members = demand.in_zone(target.zone_id)
        weight[members] = demand.weights[target.weight][members]
        found.append((target.standard_id, weight))
    if scenario.objective is not None:
        found.append((scenario.objective.standard_id, demand.weights[scenario.objective.weight]))
    return found
