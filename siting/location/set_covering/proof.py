"""Nodes of a proof in a kernel's numbering, and their translation to a certificate."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from siting.location.set_covering.tree import DECIDED, KERNEL, OPEN
from siting.location.solution import Block, Certificate, Node, Prices

#: How the check is told that a node is closed, by code of the tree.
CLOSING = {OPEN: "prices", DECIDED: "decided", KERNEL: "kernel"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proven:
    """Rows that are proven on their own by branch and cut, which the check repeats.

    Parameters
    ----------
    rows, columns
        Of the kernel, ascending; no other column covers these rows.
    bound
        Proven least cost of covering them, at what the prices of the other rows leave of the costs.
    prices
        Prices of the rows, by which the check decides columns beforehand.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    bound: float
    prices: npt.NDArray[np.float32]

    def block(self, options: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> Block:
        """Return it in a block's numbers of the kernel's columns and rows."""
        leaf = Node(prices=0, closing="kernel")
        return Block(
            demand=rows[self.rows],
            options=np.sort(options[self.columns]),
            certificate=Certificate(
                bound=self.bound, prices=(Prices(demand=self.prices),), nodes=(leaf,)
            ),
        )


@dataclass(slots=True, kw_only=True, eq=False)
class Proof:
    """A proof that a kernel cannot be covered for less than `bound`.

    Parameters
    ----------
    bound
        The claim.
    prices
        Price vectors, (stored, rows) float32.
    option, excluded, included, price, code
        The nodes, see :func:`siting.location.set_covering.tree.grow`.
    regions
        Rows proven on their own at the prices of the root, which has no children then.
    """

    bound: float
    prices: npt.NDArray[np.float32]
    option: npt.NDArray[np.int32] = field(default_factory=lambda: np.full(1, -1, dtype=np.int32))
    excluded: npt.NDArray[np.int32] = field(default_factory=lambda: np.full(1, -1, dtype=np.int32))
    included: npt.NDArray[np.int32] = field(default_factory=lambda: np.full(1, -1, dtype=np.int32))
    price: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, dtype=np.int32))
    code: npt.NDArray[np.int8] = field(default_factory=lambda: np.zeros(1, dtype=np.int8))
    regions: tuple[Proven, ...] = ()

    def certificate(
        self,
        options: npt.NDArray[np.intp],
        dominated: npt.NDArray[np.intp],
        rows: npt.NDArray[np.intp],
        size: int,
        taken: float,
    ) -> Certificate:
        """Return the certificate of a block.

        Parameters
        ----------
        options
            The block's number of each kernel column.
        dominated
            Pairs of the block's options.
        rows, size
            The block's number of each kernel row, and its number of rows.
        taken
            Cost of the block's options that are chosen outside the kernel.
        """
        prices = self.prices
        if len(rows) < size:
            prices = np.zeros((len(self.prices), size), dtype=np.float32)
            prices[:, rows] = self.prices
        named = np.append(options, -1)[self.option].tolist()
        used = np.unique(self.price[self.price >= 0])
        number = np.full(len(self.prices) + 1, -1, dtype=np.intp)
        number[used] = np.arange(len(used))
        nodes = tuple(
            Node(
                prices=p,
                option=o,
                excluded=e,
                included=i,
                closing=CLOSING.get(c, "prices"),
            )
            for p, o, e, i, c in zip(
                np.where(self.price >= 0, number[self.price], -1).tolist(),
                named,
                self.excluded.tolist(),
                self.included.tolist(),
                self.code.tolist(),
                strict=True,
            )
        )
        return Certificate(
            bound=self.bound + taken,
            prices=tuple(Prices(demand=prices[place]) for place in used.tolist()),
            nodes=nodes,
            dominated=dominated if len(dominated) else None,
            blocks=tuple(region.block(options, rows) for region in self.regions),
        )
