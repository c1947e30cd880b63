"""What pixels receive: levels and servers by carrier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.radio.network.accumulate import SERVERS, State
from siting.radio.network.radio_model import RadioModel
from siting.technology import carrier_counts

Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Received:
    """Servers and powers at some pixels.

    Parameters
    ----------
    model
        The network.
    pixels
        Ids of the pixels in the grid, (n,).
    state
        What they receive, (carriers, n, ...).
    """

    model: RadioModel
    pixels: npt.NDArray[np.int64]
    state: State

    def __len__(self) -> int:
        """Return the number of pixels n."""
        return len(self.pixels)

    def only(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice) -> Received:
        """Return some of the pixels."""
        return Received(
            model=self.model,
            pixels=self.pixels[chosen],
            state=self.state.at(chosen),
        )

    def ss_rsrp_dbm(self, carrier: int, rank: int = 0) -> Floats32:
        """Median SS-RSRP of the strongest server [dBm], or of the next by rank; NaN: none."""
        level = self.state.level[carrier, :, rank]
        return np.where(np.isfinite(level), level, np.float32(np.nan))

    def server(self, carrier: int, rank: int = 0) -> npt.NDArray[np.int32]:
        """Return the number of the strongest cell, or of the next by rank; -1: none."""
        return self.state.server[carrier, :, rank] >> 2

    def served_with(
        self, carrier: int, least_mhz: float, operators: Sequence[str] = ()
    ) -> npt.NDArray[np.bool_]:
        """Say where the strongest server's carrier counts for a standard, (n,).

        Parameters
        ----------
        carrier
            Index of the carrier.
        least_mhz, operators
            As for :func:`siting.technology.carrier_counts`.
        """
        technologies = self.model.cells.technologies
        counts = [
            float(carrier_counts(technology, min_bandwidth_mhz=least_mhz, operators=operators))
            for technology in technologies
        ]
        server = self.server(carrier)
        return (server >= 0) & (self.model.by_cell(counts)[server] > 0.0)

    def servers_within(self, carrier: int) -> npt.NDArray[np.uint8]:
        """Count the servers not more than the assumed overlap below the strongest, 0 to 4.

        Four says four or more.
        """
        least = self.state.level[carrier, :, 0] - np.float32(self.model.assumptions.overlap_db)
        count = np.zeros(len(self), dtype=np.uint8)
        for rank in range(SERVERS):
            heard = self.state.server[carrier, :, rank] >= 0
            count += heard & (self.state.level[carrier, :, rank] >= least)
        return count

    def strongest(self) -> npt.NDArray[np.intp]:
        """Return the carrier with the strongest server, (n,); the first where there is none."""
        return self.state.level[:, :, 0].argmax(axis=0)
