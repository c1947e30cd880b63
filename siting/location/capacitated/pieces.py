"""Demand and capacity in whole units, for the dynamic programmes of a relaxation.

Notes
-----
Both programmes are part of what a certificate means, so these rules are those of its check:

* demand is packed whole (binary knapsacks) where it is served whole, all demands are multiples of
  a whole number g, and options times their rooms in units of g are at most `MOST_PACKING`;
* options hold all demand (a covering knapsack) where all demand is served and no site has a cost or
  a limit of its own; capacities count in units of their common divisor with the demands where all
  demand is at most `piece_limit` of them, else of a share of all demand, rounded up.
"""

from __future__ import annotations

import numpy as np

from siting.location.capacitated.network import FloatArray, IntArray, Kind, Network

#: Most arcs times rooms of a binary knapsack.
MOST_PACKING = 2e8
#: Most pieces of all demand, least worth while, and most options times pieces.
MOST_PIECES, LEAST_PIECES, MOST_TABLE = 10_000, 200, 4_000_000
#: Relative excess of a load over a capacity that counts as rounding.
EXCESS = 1e-9
#: Largest whole number that is counted as one.
MOST_WHOLE = 2.0**50


def whole_sizes(network: Network) -> tuple[IntArray, IntArray]:
    """Return demands and rooms in their common unit, (n,) and (m,); empty where not packed."""
    nothing = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
    weight = network.weight
    unit = _divisor(weight)
    if not network.single or not unit:
        return nothing
    size = weight / unit
    reach = np.zeros(network.options)
    option = np.repeat(np.arange(network.options), np.diff(network.start))
    np.add.at(reach, option, size[network.row])
    room = np.minimum(np.floor(network.capacity * (1.0 + EXCESS) / unit), reach)
    if float((np.diff(network.start) * room).sum()) > MOST_PACKING:
        return nothing
    room = room.astype(np.int32)
    return np.minimum(size, room.max() + 1).astype(np.int32), room


def capacity_pieces(network: Network) -> tuple[IntArray, int]:
    """Return capacities and all demand in pieces, (m,) and their number; 0 where it is no use."""
    m, total = network.options, network.total
    nothing = np.zeros(m, dtype=np.int32), 0
    elsewhere = network.kind is not Kind.ASSIGN or np.isfinite(network.limit)
    if elsewhere or network.rules.grouped or total <= 0.0:
        return nothing
    most = min(MOST_PIECES, MOST_TABLE // max(1, m))
    if most < LEAST_PIECES:
        return nothing
    unit = _divisor(np.concatenate([network.weight, network.capacity]))
    if unit and total <= most * unit:
        need = int(total / unit)
        return np.minimum(network.capacity / unit, need).astype(np.int32), need
    unit = total / most
    return (np.floor(np.minimum(network.capacity / unit, most)) + 1).astype(np.int32), most


def _divisor(values: FloatArray) -> float:
    """Return the greatest common divisor of values, 0 unless all are whole."""
    if values.max(initial=0.0) > MOST_WHOLE or (values != np.rint(values)).any():
        return 0.0
    return float(np.gcd.reduce(values.astype(np.int64)))
