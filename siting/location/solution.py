"""What the location engine answers, and the certificate that proves its bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.status import Sense, Status

_NONE = np.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cuts:
    """Zero-half cuts: half the sum of some rows, rounded up, which whole answers keep.

    A row says ``sum of its options chosen + (1 if it stays unserved) >= 1``; a row that must be
    served cannot stay unserved. Partial covering only.

    Parameters
    ----------
    pointer, members
        Cut q is half the sum of ``members[pointer[q]:pointer[q + 1]]``, every coefficient and the
        right side rounded up. With r rows, members below r are rows; r + p is cut p, an earlier
        one.

    References
    ----------
    Caprara, Fischetti 1996, "{0, 1/2}-Chvatal-Gomory cuts", Mathematical Programming 74, 221-235,
    doi 10.1007/BF02592196.
    """

    pointer: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prices:
    """Lagrangian multipliers of one node of a proof.

    Whatever is maximised is read as a minimisation of its negative, so that every bound is a
    lower bound inside a proof. All values are finite.

    Parameters
    ----------
    demand
        ``u`` >= 0: price of serving each row of the certificate (see `Certificate.groups`), or of
        each demand point where rows are not merged; in medians and capacitated models the price
        of the row ``every demand point is assigned once``, of either sign.
    zone
        ``theta`` >= 0: price of each zone's requirement, in the order of the model's zones; empty
        when there is none.
    limit
        >= 0: price of one more option of `p`, or of one more unit of `budget`.
    conflict
        ``nu`` >= 0: price of each pair of the model's conflicts; empty: all zero.
    capacity
        ``mu`` >= 0: price of the whole demand fitting into the whole capacity of what is open.
    cuts
        ``v`` >= 0: price of each of the certificate's cuts; empty: all zero.
    """

    demand: npt.NDArray[np.floating]
    zone: npt.NDArray[np.float64] = field(default_factory=lambda: _NONE)
    limit: float = 0.0
    conflict: npt.NDArray[np.float64] = field(default_factory=lambda: _NONE)
    capacity: float = 0.0
    cuts: npt.NDArray[np.float64] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of the tree of cases by which a bound is proven; node 0 is the root.

    A node asks: is there an answer that beats the claim, with the options on the path so decided?
    With prices, the bound they prove either reaches the claim, which closes the node, or every
    option whose opposite decision would reach it is decided for the whole subtree. What is left is
    split on one option, or closed as `closing` says.

    Parameters
    ----------
    prices
        Index into `Certificate.prices`, -1 for none.
    option
        Option on which the node splits, -1 for a leaf.
    excluded, included
        Nodes in which the option is left out and chosen, -1 for a leaf.
    closing
        Why a leaf is closed: ``"prices"`` (their bound reaches the claim, or no choice is left that
        keeps the rules), ``"decided"`` (every option is decided, the answer is evaluated) or
        ``"kernel"`` (a complete branch and bound over the options left finds nothing better; the
        check repeats it).
    """

    prices: int = -1
    option: int = -1
    excluded: int = -1
    included: int = -1
    closing: str = "prices"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """A set of covering rows that is proven on its own inside a larger proof.

    The rows must be covered by options of the block alone. The block's cost is what the enclosing
    root prices leave of the options' costs.

    Parameters
    ----------
    demand
        Rows of the block (of the certificate's rows), ascending.
    options
        Options of the block, ascending; no two blocks share an option.
    certificate
        Proof that covering the rows with these options costs at least its bound, in the block's
        own numbering of rows and options.
    """

    demand: npt.NDArray[np.intp]
    options: npt.NDArray[np.intp]
    certificate: Certificate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certificate:
    """A proof of `bound` that needs only the model to be checked.

    Parameters
    ----------
    bound
        The claim: no answer is below (minimise) or above (maximise) it.
    prices
        Multipliers the nodes refer to.
    nodes
        The tree; a single leaf with prices is a plain Lagrangian bound.
    groups
        Row of every demand point, -1 where it is left out (nothing serves it, or it needs nothing);
        points of one row must have the same options, k and zone. None: one row per demand point.
    dominated
        Pairs ``(worse, better)`` of options, shape (q, 2): the worse covers no more rows and costs
        no less, so it is left out. Only between options without rules of their own.
    blocks
        Parts proven on their own (root prices only).
    cuts
        Cuts of the rows that prices refer to, None for none.
    below
        For centre models: ``(distance, proof)`` where the proof shows that covering everything
        within `distance` takes more than p options. For capacitated facility location without an
        answer: ``(most, proof)`` where the proof of the capacitated covering with the same rules
        shows that at most `most` of the demand can be served.
    """

    bound: float
    prices: tuple[Prices, ...] = ()
    nodes: tuple[Node, ...] = ()
    groups: npt.NDArray[np.int32] | None = None
    dominated: npt.NDArray[np.intp] | None = None
    blocks: tuple[Block, ...] = ()
    cuts: Cuts | None = None
    below: tuple[float, Certificate] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Answer to a location model.

    Parameters
    ----------
    status
        ``optimal``, ``feasible``, ``infeasible`` or ``unknown``.
    sense
        Direction of the objective.
    objective
        Value of the answer, None when there is none.
    bound
        Proven limit on the objective; None when nothing is proven.
    selected
        Options chosen, ascending.
    assignment
        Option that serves each demand point, -1 for none, shape (n,); for capacitated models whose
        demand may be split, the share of each point served by each option, CSR (n, m).
    served_by_zone
        Weight served per zone; the one zone ``"all"`` where the model has none.
    uncovered
        Demand points that are not served, ascending.
    runtime_s, seed
        Wall time [s], and the seed used.
    certificate
        Proof of `bound`.
    reason
        One sentence: why the search ended, or what cannot be met and the best that can.
    """

    status: Status
    sense: Sense
    objective: float | None
    bound: float | None
    selected: npt.NDArray[np.intp]
    assignment: npt.NDArray[np.intp] | sp.csr_array | None
    served_by_zone: Mapping[object, float]
    uncovered: npt.NDArray[np.intp]
    runtime_s: float
    seed: int
    certificate: Certificate | None
    reason: str

    @property
    def gap(self) -> float:
        """Relative distance ``|bound - objective| / |objective|``, infinite without either."""
        if self.objective is None or self.bound is None:
            return float("inf")
        if self.bound == self.objective:
            return 0.0
        return abs(self.bound - self.objective) / max(abs(self.objective), 1e-12)
