"""What a choice of options serves, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.capacitated.flow import cut_prices, estimate, serve_most
from siting.location.capacitated.network import FloatArray, Kind, Network
from siting.location.capacitated.transport import demand_prices, transport
from siting.location.capacitated.whole import serve_whole

#: Relative excess of a capacity that counts as rounding.
OVERLOAD = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Service:
    """The best service of a choice of options.

    Parameters
    ----------
    chosen
        Which options are open, (m,).
    value
        What is minimised; infinite when the choice cannot serve what must be served.
    guide
        The same with a penalty for what is missing: finite, for comparing choices.
    floor
        What the prices prove that this choice cannot cost less than.
    u
        Prices of the demand points that fit the service, (n,).
    amounts
        Weight served along each arc of the network.
    """

    chosen: npt.NDArray[np.bool_]
    value: float
    guide: float
    floor: float
    u: FloatArray
    amounts: FloatArray


class Splitting:
    """Serves demand that may be split among sites.

    Parameters
    ----------
    network
        The model.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.count = 0
        self.rows = (
            network.start, network.row, network.row_start, network.option, network.place,
        )  # fmt: skip
        self.needed = np.zeros(len(network.spare))
        if network.kind is Kind.REQUIRE:
            weight = np.bincount(network.zone, weights=network.weight, minlength=len(network.spare))
            self.needed = np.maximum(0.0, weight - network.spare)
        self.penalty = self._dear()

    def _dear(self) -> float:
        """Return a cost of a unit of demand above which it always pays to serve it."""
        network = self.network
        opening = float(network.cost.sum() + network.site_cost.sum())
        dear = float(network.unit.max(initial=0.0))
        least = float(network.weight[network.weight > 0].min())
        return 2.0 * (dear + opening / max(least, 1e-3 * network.total / network.rows)) + 1.0

    def serve(self, chosen: npt.NDArray[np.bool_]) -> Service:
        """Return the best service of a choice of options."""
        self.count += 1
        if self.network.kind is Kind.ASSIGN:
            return self._assign(chosen)
        return self._cover(chosen)

    def _assign(self, chosen: npt.NDArray[np.bool_]) -> Service:
        net = self.network
        options = np.flatnonzero(chosen)
        cost = np.full((len(options) + 1, net.rows), np.inf)
        cost[-1] = self.penalty
        for place, j in enumerate(options):
            arcs = slice(net.start[j], net.start[j + 1])
            cost[place, net.row[arcs]] = net.unit[arcs]
        capacity = np.append(net.capacity[options], net.total * 2.0)
        flow, price = np.empty(cost.shape), np.empty(len(options) + 1)
        opening = net.opening(chosen)
        bare = cost[:-1]
        value = np.inf
        if len(options):
            value = transport(bare, net.weight, capacity[:-1], flow[:-1], price[:-1])
        guide = value
        if not np.isfinite(value):
            guide = transport(cost, net.weight, capacity, flow, price)
            guide += self.penalty * np.count_nonzero(~np.isfinite(bare).any(axis=0))
        else:
            cost, price = bare, price[:-1]
        u = np.empty(net.rows)
        demand_prices(cost, price, u)
        amounts = np.zeros(len(net.row))
        for place, j in enumerate(options):
            arcs = slice(net.start[j], net.start[j + 1])
            amounts[arcs] = flow[place, net.row[arcs]]
        return Service(
            chosen=chosen.copy(),
            value=value + opening,
            guide=guide + opening,
            floor=guide + opening,
            u=u,
            amounts=amounts,
        )

    def _cover(self, chosen: npt.NDArray[np.bool_]) -> Service:
        net = self.network
        amounts, served = np.zeros(len(net.row)), np.zeros(net.rows)
        load = np.zeros(net.options)
        done = serve_most(
            chosen, net.weight, net.capacity, net.zone, self.needed, self.rows,
            amounts, served, load,
        )  # fmt: skip
        u = np.empty(net.rows)
        cut_prices(chosen, net.weight, self.needed, net.zone, self.rows, amounts, served, u)
        if net.kind is Kind.SERVE:
            left = net.total - done
            value = max(left, 0.0)
            return Service(
                chosen=chosen.copy(), value=value, guide=value, floor=value, u=u, amounts=amounts
            )
        got = np.bincount(net.zone, weights=served, minlength=len(self.needed))
        missing = float(np.maximum(0.0, self.needed - got).sum())
        opening = net.opening(chosen)
        enough = missing <= 1e-12 * net.total
        guide = opening + (0.0 if enough else self.penalty * missing)
        return Service(
            chosen=chosen.copy(),
            value=opening if enough else np.inf,
            guide=guide,
            floor=guide,
            u=u * self.penalty,
            amounts=amounts,
        )

    def estimates(self, service: Service) -> tuple[FloatArray, FloatArray]:
        """Estimate what is saved by closing each option, and spent by opening it, for coverings."""
        net = self.network
        gain, loss = np.empty(net.options), np.empty(net.options)
        estimate(service.chosen, net.weight, net.capacity, self.rows, service.amounts, gain, loss)
        if net.kind is Kind.SERVE:
            return -loss, -gain
        needed, done = float(self.needed.sum()), float(service.amounts.sum())
        typical = float(net.cost.sum()) / max(min(float(net.capacity.sum()), net.total), 1e-12)
        rate = net.opening(service.chosen) / done if done > 0.5 * needed else typical
        if np.isfinite(service.value):
            loss = np.maximum(0.0, loss - (done - needed))
        else:
            rate *= 1.3
            loss, gain = loss + needed, np.minimum(gain, max(needed - done, 1e-3 * needed))
        return net.cost - rate * loss, net.cost - rate * gain

    def assignment(self, service: Service) -> sp.csr_array | npt.NDArray[np.intp]:
        """Return the assignment that an answer holds."""
        return self.shares(service)

    def shares(self, service: Service) -> sp.csr_array:
        """Return the share of each demand point served by each option, (n, m)."""
        net = self.network
        amounts = service.amounts
        weight = net.weight[net.row]
        share = np.divide(amounts, weight, out=np.zeros(len(amounts)), where=weight > 0)
        option = np.repeat(np.arange(net.options), np.diff(net.start))
        if net.kind is Kind.ASSIGN or (net.weight == 0).any():
            for i in np.flatnonzero(net.weight == 0):
                arcs = slice(net.row_start[i], net.row_start[i + 1])
                places = net.place[arcs][service.chosen[net.option[arcs]]]
                if len(places):
                    share[places[np.argmin(net.unit[places])]] = 1.0
        keep = share > 0
        matrix = sp.csr_array(
            (share[keep], (net.row[keep], option[keep])), shape=(net.rows, net.options)
        )
        whole = np.asarray(matrix.sum(axis=1)).ravel()
        if net.kind is Kind.ASSIGN:
            matrix.data /= np.repeat(whole, np.diff(matrix.indptr))
        return matrix


class Whole(Splitting):
    """Serves every demand point whole by one option, or not at all.

    Notes
    -----
    What the best split service proves is a limit for the whole one too, so its prices lead the
    search; the whole service itself is found by local search.
    """

    def serve(self, chosen: npt.NDArray[np.bool_]) -> Service:
        """Return a good service of a choice of options."""
        net, split = self.network, super().serve(chosen)
        place = np.empty(net.rows, dtype=np.int32)
        outside = np.full(net.rows, 1.0 if net.kind is Kind.SERVE else self.penalty)
        serve_whole(
            chosen, net.weight, net.capacity, self.rows, net.unit, split.amounts, outside, place
        )
        return self.measure(chosen, place, split)

    def measure(
        self,
        chosen: npt.NDArray[np.bool_],
        place: npt.NDArray[np.int32],
        split: Service | None = None,
    ) -> Service:
        """Return the service in which demand i is on its arc `place[i]`, -1 for none.

        `split` is the best split service of the same choice, found anew when left out.
        """
        split = super().serve(chosen) if split is None else split
        net = self.network
        amounts = np.zeros(len(net.row))
        served = place >= 0
        arcs = net.place[place[served]]
        option = np.repeat(np.arange(net.options), np.diff(net.start))
        amounts[arcs] = net.weight[served]
        carried = float((amounts[arcs] * net.unit[arcs]).sum())
        opening = net.opening(chosen)
        got = np.bincount(net.zone, weights=net.weight * served, minlength=len(self.needed))
        if net.kind is Kind.SERVE:
            value = guide = max(0.0, net.total - float(got.sum()))
        elif net.kind is Kind.REQUIRE:
            missing = float(np.maximum(0.0, self.needed - got).sum())
            enough = missing <= 1e-12 * net.total
            guide = opening + (0.0 if enough else self.penalty * missing)
            value = opening if enough else np.inf
        else:
            missing = float(net.weight[~served].sum())
            guide = opening + carried + self.penalty * missing
            value = guide if missing == 0.0 and np.isfinite(split.value) else np.inf
        load = np.bincount(option[arcs], weights=net.weight[served], minlength=net.options)
        if (load > net.capacity * (1.0 + OVERLOAD)).any():
            value = np.inf
        return Service(
            chosen=chosen.copy(), value=value, guide=guide, floor=split.floor, u=split.u,
            amounts=amounts,
        )  # fmt: skip

    def assignment(self, service: Service) -> sp.csr_array | npt.NDArray[np.intp]:
        """Return the option of each demand point, -1 for none."""
        return self._options(service)

    def places(self, service: Service) -> npt.NDArray[np.int32]:
        """Return the arc of each demand point, as a position in the arcs by demand point."""
        net = self.network
        place = np.full(net.rows, -1, dtype=np.int32)
        for i, j in enumerate(self._options(service)):
            if j >= 0:
                arcs = net.option[net.row_start[i] : net.row_start[i + 1]]
                place[i] = net.row_start[i] + np.searchsorted(arcs, j)
        return place

    def _options(self, service: Service) -> npt.NDArray[np.intp]:
        shares = self.shares(service).tocoo()
        place = np.full(self.network.rows, -1, dtype=np.intp)
        place[shares.row] = shares.col
        return place
