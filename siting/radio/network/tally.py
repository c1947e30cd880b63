"""What is counted at pixels, in whole numbers, so that sums are exact and can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from siting.radio.network.interference import ss_sinr_db
from siting.radio.network.location_share import served_share
from siting.radio.network.received import Received
from siting.radio.network.throughput import downlink_mbps, uplink_mbps
from siting.technology import Penetration, ServiceStandard

#: Counts fit 32 bits at a pixel; sums of pixels have 64.
Counts = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

#: Servers within the overlap from which on a pixel counts as overlapped, and as polluted.
_OVERLAP, _POLLUTION = 2, 4

#: Kind of wall by its number in a raster of walls.
_WALLS = (Penetration.LOW_LOSS, Penetration.HIGH_LOSS)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityStandard:
    """Level and SINR that a share of an area must reach.

    Parameters
    ----------
    id
        Stable identifier.
    min_ss_rsrp_dbm, min_ss_sinr_db
        Least median SS-RSRP [dBm] and SS-SINR [dB].
    penetration
        Building round the user.
    required_share
        Share of the area that must reach both, 0..1.
    source
        Where the figures come from; assumptions say so.
    min_bandwidth_mhz
        Least channel bandwidth of a carrier that counts [MHz]; 0: every carrier does.
    operators
        Whose customers must be served, as in :class:`siting.technology.ServiceStandard`.
    """

    id: str
    min_ss_rsrp_dbm: float
    min_ss_sinr_db: float
    penetration: Penetration
    required_share: float
    source: str
    min_bandwidth_mhz: float = 0.0
    operators: tuple[str, ...] = ()

    @classmethod
    def of(cls, standard: ServiceStandard, *, min_ss_sinr_db: float) -> QualityStandard:
        """Add a SINR to a service standard; its area probability is the share required."""
        return cls(
            id=standard.id,
            min_ss_rsrp_dbm=standard.min_ss_rsrp_dbm,
            min_ss_sinr_db=min_ss_sinr_db,
            penetration=standard.penetration,
            required_share=standard.area_probability,
            source=standard.source,
            min_bandwidth_mhz=standard.min_bandwidth_mhz,
            operators=standard.operators,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """What is counted, as columns: first of the pixel as a whole, then of each standard.

    Parameters
    ----------
    standards
        Standards.
    walls
        Kind of building by id of pixel, 0 none, or None: every pixel is assessed behind the
        standard's own wall.
    """

    WHOLE: ClassVar = (
        "pixels",
        "heard",
        "overlap",
        "pollution",
        "downlink_kbps",
        "uplink_kbps",
        "edge",
    )
    EACH: ClassVar = ("assessed", "rsrp", "sinr", "both", "locations")

    standards: tuple[QualityStandard, ...]
    walls: npt.NDArray[np.int8] | None

    def columns(self, received: Received, faded: Bools | None = None) -> Counts:
        """Return what each pixel adds to each column, (columns, n).

        Parameters
        ----------
        received
            What the pixels receive.
        faded
            Pixels whose share of locations is computed, (n,); the others add 0 to it. None: all.
        """
        assumed = received.model.assumptions
        carriers = range(len(received.model.frequencies_mhz))
        n = len(received)
        out = np.empty((len(self.WHOLE) + len(self.EACH) * len(self.standards), n), dtype=np.int32)
        within = np.array([received.servers_within(carrier) for carrier in carriers])
        servers = within[received.strongest(), np.arange(n)]
        down, up = (
            np.fmax.reduce([rate(received, carrier) for carrier in carriers])
            for rate in (downlink_mbps, uplink_mbps)
        )
        out[0] = 1
        out[1] = servers > 0
        out[2] = servers >= _OVERLAP
        out[3] = servers >= _POLLUTION
        out[4] = np.rint(1e3 * np.nan_to_num(down))
        out[5] = np.rint(1e3 * np.nan_to_num(up))
        out[6] = (down >= assumed.edge_downlink_mbps) & (up >= assumed.edge_uplink_mbps)
        first, width = len(self.WHOLE), len(self.EACH)
        for number, part in enumerate(self._met(received, faded)):
            out[first + width * number : first + width * (number + 1)] = part
        return out

    def by_standard(self, row: list[int]) -> list[dict[str, int]]:
        """Name the sums of each standard."""
        width, first = len(self.EACH), len(self.WHOLE)
        starts = range(first, first + width * len(self.standards), width)
        return [dict(zip(self.EACH, row[at : at + width], strict=True)) for at in starts]

    def _met(self, received: Received, faded: Bools | None) -> list[Counts]:
        """Return the columns of each standard, (5, n)."""
        n, model = len(received), received.model
        walls = [self._walls(standard) for standard in self.standards]
        cases = [(s, wall) for s, each in zip(self.standards, walls, strict=True) for wall in each]
        met = [np.zeros((len(self.EACH), n), dtype=np.int32) for _ in cases]
        some = slice(None) if faded is None else np.flatnonzero(faded)
        few = received.only(some)
        for carrier in range(len(model.frequencies_mhz)):
            level, server = received.ss_rsrp_dbm(carrier), received.server(carrier)
            sinr = {wall: ss_sinr_db(received, carrier, wall) for _, wall in cases}
            inside = {
                wall: level - model.by_cell([b.mean_db for b in model.building(wall)])[server]
                for wall in sinr
            }
            thresholds = [(standard.min_ss_rsrp_dbm, wall) for standard, wall in cases]
            shares = served_share(few, carrier, thresholds)
            for out, (standard, wall), share in zip(met, cases, shares, strict=True):
                wide = received.served_with(carrier, standard.min_bandwidth_mhz, standard.operators)
                strong = wide & (inside[wall] >= standard.min_ss_rsrp_dbm)
                clean = wide & (sinr[wall] >= standard.min_ss_sinr_db)
                out[0] = 1
                out[1] |= strong
                out[2] |= clean
                out[3] |= strong & clean
                millionths = np.rint(1e6 * share.astype(np.float64)).astype(np.int32)
                out[4, some] = np.maximum(out[4, some], np.where(wide[some], millionths, 0))
        return self._by_kind(met, walls, received.pixels)

    def _walls(self, standard: QualityStandard) -> tuple[Penetration, ...]:
        """Return the walls a standard is assessed behind."""
        if self.walls is None or standard.penetration is Penetration.OUTDOOR:
            return (standard.penetration,)
        return _WALLS

    def _by_kind(
        self,
        met: list[Counts],
        walls: list[tuple[Penetration, ...]],
        pixels: npt.NDArray[np.int64],
    ) -> list[Counts]:
        """Keep, of the walls of each standard, the one that stands at a pixel."""
        kept, case = [], iter(met)
        for each in walls:
            parts = [next(case) for _ in each]
            if self.walls is not None and len(parts) > 1:
                kind = self.walls[pixels]
                parts = [sum((kind == 1 + i) * part for i, part in enumerate(parts))]
            kept += parts
        return kept
