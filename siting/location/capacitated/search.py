"""Better choices of options: adding, leaving out and exchanging, led by prices.

With the prices ``u`` of the best service of a choice S, ``sum_i w_i u_i + sum_S r_j`` is what S
costs and, for every other choice, a limit below which it does not cost; ``r_j`` is the reduced cost
``f_j + V_j(u)``. So an option that comes in for another can only help when its reduced cost is
less, and moves are tried in the order of what they may gain.
"""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.capacitated.network import FloatArray, Kind
from siting.location.capacitated.relaxation import Relaxation
from siting.location.capacitated.service import Service, Splitting

log = logging.getLogger(__name__)

Chosen = npt.NDArray[np.bool_]

#: Gains below this share of the value are noise.
LEAST_GAIN = 1e-10
#: Moves looked at for each one that is evaluated.
MOST_LOOKS = 10
#: How much worse a choice may be from which to wander on, relative to the best.
WORSE = 0.008
#: Share of the departures that close neighbours, and demand points looked at to find them.
LOCAL, MOST_ROWS = 0.3, 200


def improve(
    service: Service,
    serving: Splitting,
    relaxation: Relaxation,
    *,
    clock: Clock,
    tries: int,
) -> Service:
    """Return the best service that single moves lead to.

    Parameters
    ----------
    service
        Where to begin.
    serving, relaxation
        The model.
    clock
        Ends the search.
    tries
        Choices evaluated after each move before giving up.
    """
    moved = True
    while moved and not clock.expired():
        moved = False
        for chosen in _moves(service, serving, relaxation, tries):
            if clock.expired():
                break
            other = serving.serve(chosen)
            if other.guide < service.guide - LEAST_GAIN * (1.0 + abs(service.guide)):
                service, moved = other, True
                break
    return service


def wander(
    service: Service,
    serving: Splitting,
    relaxation: Relaxation,
    *,
    clock: Clock,
    seed: int,
    evaluations: int,
    tries: int,
) -> Service:
    """Return the best service found by leaving local optima again and again.

    Each time some options of the best choice so far are closed, those that do least more often, and
    the search goes on from there.

    Parameters
    ----------
    service
        Where to begin.
    serving, relaxation
        The model.
    clock
        Ends the search.
    seed
        Of the draws.
    evaluations
        Choices evaluated in all.
    tries
        As in :func:`improve`.
    """
    rng = np.random.default_rng(seed)
    end, best, here = serving.count + evaluations, service, service
    while serving.count < end and not clock.expired():
        inside = np.flatnonzero(here.chosen & (relaxation.root == 0))
        if not len(inside):
            break
        number = min(len(inside), int(rng.integers(1, 2 + max(1, min(6, len(inside) // 8)))))
        chosen = here.chosen.copy()
        near = _around(int(rng.choice(inside)), relaxation)
        pool = near[chosen[near]] if rng.random() < LOCAL else inside
        chosen[rng.permutation(pool)[:number]] = False
        coming = rng.permutation(near[~here.chosen[near]])[: int(rng.integers(0, number + 1))]
        for j in coming:
            chosen[j] = True
            if not relaxation.network.allowed(chosen):
                chosen[j] = False
        other = improve(serving.serve(chosen), serving, relaxation, clock=clock, tries=tries)
        if other.guide < best.guide - LEAST_GAIN * (1.0 + abs(best.guide)):
            log.debug("wandered to %.8g", other.guide)
            best = here = other
        elif other.guide <= here.guide + WORSE * abs(best.guide):
            here = other
        else:
            here = best
    return best


def _around(j: int, relaxation: Relaxation) -> npt.NDArray[np.intp]:
    """Return the free options that reach some demand that option j reaches, j among them."""
    net = relaxation.network
    reached = np.zeros(net.options, dtype=bool)
    reached[j] = True
    rows = net.row[net.start[j] : net.start[j + 1]]
    for i in rows[:: max(1, len(rows) // MOST_ROWS)]:
        reached[net.option[net.row_start[i] : net.row_start[i + 1]]] = True
    return np.flatnonzero(reached & (relaxation.root == 0))


def _moves(
    service: Service, serving: Splitting, relaxation: Relaxation, tries: int
) -> list[Chosen]:
    """Return the choices one move away that may be better, the most promising first."""
    network, chosen, root = relaxation.network, service.chosen, relaxation.root
    inside, outside = np.flatnonzero(chosen & (root == 0)), np.flatnonzero(~chosen & (root == 0))
    reduced = relaxation.reduced(service.u)
    least = min(0.0, service.floor - service.guide)
    leaving, coming = np.append(reduced, 0.0), np.append(reduced, 0.0)
    if network.kind is not Kind.ASSIGN:
        leaving, coming = serving.estimates(service)
        leaving, coming = np.append(leaving, 0.0), np.append(coming, 0.0)
        least = -np.inf
    inside = inside[np.argsort(-leaving[inside], kind="stable")][:tries]
    outside = outside[np.argsort(coming[outside], kind="stable")][:tries]
    inside, outside = np.append(inside, -1), np.append(outside, -1)
    gains = leaving[inside][:, None] - coming[outside][None, :]
    order = np.argsort(-gains, axis=None, kind="stable")
    order = order[gains.ravel()[order] > least]
    found: list[Chosen] = []
    for place in order[: MOST_LOOKS * tries]:
        a, b = inside[place // len(outside)], outside[place % len(outside)]
        if a < 0 and b < 0:
            continue
        other = chosen.copy()
        other[[j for j in (a,) if j >= 0]] = False
        other[[j for j in (b,) if j >= 0]] = True
        if network.allowed(other):
            found.append(other)
            if len(found) >= tries:
                break
    return found


def build(order: npt.NDArray[np.intp], relaxation: Relaxation, wanted: FloatArray) -> Chosen:
    """Return the fixed options and, in order, those wanted that the rules allow.

    Parameters
    ----------
    order
        Options, the best first.
    relaxation
        The model.
    wanted
        How much each option is wanted, (m,); those above 0 are taken.
    """
    network = relaxation.network
    chosen = relaxation.root > 0
    for j in order:
        if wanted[j] > 0.0 and relaxation.root[j] == 0 and not chosen[j]:
            chosen[j] = True
            if not network.allowed(chosen):
                chosen[j] = False
    return chosen
