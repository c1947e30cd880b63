"""Candidate sites: the places that may host equipment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from siting.provenance import Provenance


class SiteKind(StrEnum):
    """What carries the equipment."""

    TOWER = "tower"
    ROOFTOP = "rooftop"
    STREET_POLE = "street_pole"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CandidateSites:
    """Places *j* that may host equipment; one row per site in every array.

    Parameters
    ----------
    id
        Stable text identifier per site, unique.
    xy
        Position in the working CRS [m], shape (m, 2), east then north.
    kind
        What carries the equipment, per site.
    owner
        Owner of the host, free text, per site.
    district
        Code of the district the site lies in, per site.
    height_m
        Height above ground at which an antenna can be mounted [m], shape (m,), > 0.
    fixed_cost_cny
        Cost to open the site, once, whatever it hosts [CNY], integer, >= 0, shape (m,).
    existing
        The site stands already (opening it costs nothing; put its cost at 0), boolean (m,).
    provenance, source, licence
        Origin, citation and licence per site.
    accuracy_m
        Positional accuracy [m], NaN where not known, shape (m,).
    """

    id: Sequence[str]
    xy: npt.NDArray[np.float64]
    kind: Sequence[SiteKind]
    owner: Sequence[str]
    district: Sequence[str]
    height_m: npt.NDArray[np.float64]
    fixed_cost_cny: npt.NDArray[np.int64]
    existing: npt.NDArray[np.bool_]
    provenance: Sequence[Provenance]
    source: Sequence[str]
    licence: Sequence[str]
    accuracy_m: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of candidate sites m."""
        return len(self.id)
