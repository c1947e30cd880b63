"""Demand points, their weights, and the zones they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import scipy.sparse as sp

    from siting.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """Demand points *i* with one or more named weights.

    Parameters
    ----------
    id
        Stable integer identifier per point, shape (n,), unique.
    xy
        Position in the working CRS [m], shape (n, 2), east then north.
    weights
        Weight per name, each shape (n,), >= 0: ``"area_m2"`` [m²] and ``"population"`` [people].
    provenance
        Origin of each weight, by the same names.
    zone_ids
        Identifiers of the zones in the column order of `zones`; districts are among them.
    zones
        Membership, boolean CSR of shape (n, len(zone_ids)): point i lies in zone z. Zones may
        overlap.
    cell_size_m
        Side of the square cells the points stand for [m], or None for scattered points.
    """

    id: npt.NDArray[np.int64]
    xy: npt.NDArray[np.float64]
    weights: Mapping[str, npt.NDArray[np.float64]]
    provenance: Mapping[str, Provenance]
    zone_ids: tuple[str, ...]
    zones: sp.csr_array
    cell_size_m: float | None = None

    def __len__(self) -> int:
        """Return the number of demand points n."""
        return len(self.id)

    def in_zone(self, zone_id: str) -> npt.NDArray[np.intp]:
        """Return the indices of the demand points of a zone, ascending.

        Raises
        ------
        KeyError
            When `zone_id` is not among :attr:`zone_ids`.
        """
        try:
            column = self.zone_ids.index(zone_id)
        except ValueError:
            raise KeyError(zone_id) from None
        return np.sort(self.zones[:, [column]].nonzero()[0]).astype(np.intp)
