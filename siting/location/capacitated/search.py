"""Better choices of options: adding, leaving out and exchanging, led by prices.

With the prices ``u`` of the best service of a choice S, ``sum_i w_i u_i + sum_S r_j`` is what S costs
and, for every other choice, a limit below which it does not cost; ``r_j`` is the reduced cost
``f_j + V_j(u)``. So an option that comes in for another can only help when its reduced cost is
less, and moves are tried in the order of what they may gain.
"""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.capacitated.network import FloatArray, Network
from siting.location.capacitated.relaxation import Relaxation
from siting.location.capacitated.service import Service, Splitting

log = logging.getLogger(__name__)

Chosen = npt.NDArray[np.bool_]

#: Gains below this share of the value are noise.
LEAST_GAIN = 1e-10


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
    network = relaxation.network
    moved = True
    while moved and not clock.expired():
        moved = False
        for chosen in _moves(service, network, relaxation, tries):
            if clock.expired():
                break
            other = serving.serve(chosen)
            if other.guide < service.guide - LEAST_GAIN * (1.0 + abs(service.guide)):
                service, moved = other, True
                break
    return service


def _moves(service: Service, network: Network, relaxation: Relaxation, tries: int) -> list[Chosen]:
    """Return the choices one move away that may be better, the most promising first."""
    reduced = relaxation.reduced(service.u)
    chosen, root = service.chosen, relaxation.root
    inside = np.flatnonzero(chosen & (root == 0))
    outside = np.flatnonzero(~chosen & (root == 0))
    inside = inside[np.argsort(-reduced[inside], kind="stable")][:tries]
    outside = outside[np.argsort(reduced[outside], kind="stable")][:tries]
    gains, leaving, coming = [], [], []
    worst = min(0.0, service.floor - service.guide)
    for a in (-1, *inside.tolist()):
        for b in (-1, *outside.tolist()):
            gain = (0.0 if a < 0 else reduced[a]) - (0.0 if b < 0 else reduced[b])
            if gain > worst and (a >= 0 or b >= 0):
                gains.append(gain)
                leaving.append(a)
                coming.append(b)
    found: list[Chosen] = []
    for place in np.argsort(-np.array(gains), kind="stable"):
        other = chosen.copy()
        if leaving[place] >= 0:
            other[leaving[place]] = False
        if coming[place] >= 0:
            other[coming[place]] = True
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
