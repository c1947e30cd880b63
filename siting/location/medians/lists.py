"""Neighbour lists: the sites that can serve each client, nearest first."""

# ruff: noqa: ANN001, ANN201
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.clock import Clock
from siting.location.medians.problem import Problem

#: Rows sorted between two looks at the clock hold about this many entries.
_CHUNK = 2_000_000
#: Listed sites per client: a multiple of the sites per open one, and some more.
_NEAR, _MORE = 6, 20
#: Longest lists that are kept whole, entries.
_WHOLE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lists:
    """Sites and costs of each client, cheapest first, in compressed rows.

    Parameters
    ----------
    start
        Where each client's row begins, (n + 1,).
    site, cost
        Site and cost of each entry; costs ascend within a row, equal ones by site.
    limit
        A client's row holds every listed site that costs less than this, (n,); infinite where the
        row is complete.
    """

    start: npt.NDArray[np.int64]
    site: npt.NDArray[np.int32]
    cost: npt.NDArray[np.float64]
    limit: npt.NDArray[np.float64]

    @property
    def complete(self) -> bool:
        """Whether no row was cut short."""
        return bool(np.isinf(self.limit).all())

    def rank(self, place: int) -> npt.NDArray[np.float64]:
        """Return the cost of each client's `place`-th site, of its last one where it has fewer."""
        length = np.diff(self.start)
        at = self.start[:-1] + np.minimum(place, np.maximum(length - 1, 0))
        found = np.zeros(len(length))
        some = length > 0
        found[some] = self.cost[at[some]]
        return found


def neighbour_lists(
    cost: npt.NDArray[np.float64], sites: npt.NDArray[np.intp], most: int, clock: Clock
) -> Lists | None:
    """Return lists of the `most` cheapest of some sites for each client.

    Parameters
    ----------
    cost
        Cost of serving each client from each site, infinite where it cannot, (n, m).
    sites
        Sites to list, ascending.
    most
        Entries kept for each client.
    clock
        Asked between portions.

    Returns
    -------
    Lists or None
        None when the clock ended it.
    """
    clients = len(cost)
    width = min(most, len(sites))
    every = len(sites) == cost.shape[1]
    place = np.empty((clients, width), dtype=np.int32)
    value = np.empty((clients, width))
    portion = max(1, _CHUNK // max(len(sites), 1))
    for begin in range(0, clients, portion):
        if clock.expired():
            return None
        part = cost[begin : begin + portion] if every else cost[begin : begin + portion, sites]
        end = begin + len(part)
        if width < len(sites):
            near = np.argpartition(part, width, axis=1)[:, :width]
            near.sort(axis=1)
            part = np.take_along_axis(part, near, axis=1)
            order = np.argsort(part, axis=1, kind="stable")
            place[begin:end] = sites[np.take_along_axis(near, order, axis=1)]
        else:
            order = np.argsort(part, axis=1, kind="stable")
            place[begin:end] = sites[order]
        value[begin:end] = np.take_along_axis(part, order, axis=1)
    finite = np.isfinite(value)
    limit = np.full(clients, np.inf)
    if 0 < width < len(sites):
        limit = value[:, -1].copy()
    start = np.zeros(clients + 1, dtype=np.int64)
    np.cumsum(finite.sum(axis=1), out=start[1:])
    if finite.all():
        return Lists(start=start, site=place.ravel(), cost=value.ravel(), limit=limit)
    return Lists(start=start, site=place[finite], cost=value[finite], limit=limit)


def longer(
    lists: Lists,
    cost: npt.NDArray[np.float64],
    sites: npt.NDArray[np.intp],
    clients: npt.NDArray[np.intp],
) -> Lists:
    """Return the lists with whole rows for some clients, ascending."""
    whole = neighbour_lists(cost[clients], sites, len(sites), Clock())
    assert whole is not None  # noqa: S101 - a clock without a limit
    length = np.diff(lists.start)
    chosen = np.zeros(len(length), dtype=bool)
    chosen[clients] = True
    kept = ~np.repeat(chosen, length)
    length[clients] = np.diff(whole.start)
    new = np.repeat(chosen, length)
    start = np.zeros(len(length) + 1, dtype=np.int64)
    np.cumsum(length, out=start[1:])
    site, price = np.empty(len(new), dtype=np.int32), np.empty(len(new))
    site[new], site[~new] = whole.site, lists.site[kept]
    price[new], price[~new] = whole.cost, lists.cost[kept]
    limit = lists.limit.copy()
    limit[clients] = np.inf
    return Lists(start=start, site=site, cost=price, limit=limit)


def list_width(problem: Problem) -> int:
    """Return how many sites to list for each client: all of few, several times what it needs."""
    if problem.cost.size <= _WHOLE:
        return len(problem.candidates)
    return _NEAR * (int(problem.candidates.sum()) // max(1, problem.p)) + _MORE


@njit(cache=True, nogil=True)
def restrict(start, site, cost, place, cap):
    """Return the rows of the sites with ``place >= 0``, renamed, as far as they cost below `cap`.

    A site at the cap or beyond never takes part in a bound whose prices stay at the cap.
    """
    clients = cap.size
    begin = np.zeros(clients + 1, np.int64)
    for i in range(clients):
        count = 0
        for k in range(start[i], start[i + 1]):
            if cost[k] >= cap[i]:
                break
            if place[site[k]] >= 0:
                count += 1
        begin[i + 1] = begin[i] + count
    new_site = np.empty(begin[clients], np.int32)
    new_cost = np.empty(begin[clients])
    for i in range(clients):
        at = begin[i]
        for k in range(start[i], start[i + 1]):
            if cost[k] >= cap[i]:
                break
            j = place[site[k]]
            if j >= 0:
                new_site[at] = j
                new_cost[at] = cost[k]
                at += 1
    return begin, new_site, new_cost
