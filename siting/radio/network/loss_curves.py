"""Median path loss against distance, tabulated once per technology and antenna height."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from siting.radio.link_budget import ss_rsrp_exceeded_dbm
from siting.radio.network.cells import eirp_per_subcarrier_dbm
from siting.radio.propagation.diffraction import SPEED_OF_LIGHT_GHZ_M
from siting.radio.propagation.path_loss import (
    NEAR_FIELD_M,
    Floats,
    NearField,
    Sight,
    path_loss_db,
)
from siting.technology import Technology
from siting.units import mhz_to_ghz

#: What is known of the line of sight, in the order of the tables.
UNKNOWN, FREE, BLOCKED = 0, 1, 2

#: Distances of a table; between them the loss is linear in the root of the distance, within 0.02 dB
#: (0.13 at the break-point of RMa, where its shadow fading steps from 4 to 6 dB).
_NODES = 1024

Curve = tuple[Technology, float]


class LossTable(NamedTuple):
    """Median losses for compiled loops; a named tuple, because those take it as it is.

    Parameters
    ----------
    loss_db
        Median loss [dB], (curves, 3, nodes): the median over locations with and without line of
        sight, the loss with it, the loss without it.
    root_nearest, nodes_per_root
        Square root of the first distance [sqrt(m)], and nodes per unit of it.
    height_m, wavelength_m
        Antenna above ground and wavelength of each curve [m], (curves,).
    """

    loss_db: npt.NDArray[np.float32]
    root_nearest: float
    nodes_per_root: float
    height_m: npt.NDArray[np.float64]
    wavelength_m: npt.NDArray[np.float64]


def table_distances(farthest_m: float) -> Floats:
    """Return the distances of the nodes of a table [m], from 10 m on."""
    return np.clip(_roots(farthest_m) ** 2, NEAR_FIELD_M, farthest_m)


def loss_table(loss_db: npt.ArrayLike, curves: Sequence[Curve], farthest_m: float) -> LossTable:
    """Return losses at :func:`table_distances`, (curves, 3, nodes), as compiled loops take them."""
    roots = _roots(farthest_m)
    wave = [SPEED_OF_LIGHT_GHZ_M / float(mhz_to_ghz(item.frequency_mhz)) for item, _ in curves]
    return LossTable(
        loss_db=np.asarray(loss_db, dtype=np.float32).reshape(-1, 3, len(roots)),
        root_nearest=float(roots[0]),
        nodes_per_root=(len(roots) - 1) / float(roots[-1] - roots[0]),
        height_m=np.array([height for _, height in curves], dtype=np.float64),
        wavelength_m=np.array(wave, dtype=np.float64),
    )


def _roots(farthest_m: float) -> Floats:
    """Return the square roots of the distances of a table, evenly spaced [sqrt(m)]."""
    return np.linspace(np.sqrt(NEAR_FIELD_M), np.sqrt(farthest_m), _NODES)


class LossCurves:
    """Tables of all curves that have been asked for, up to one greatest distance.

    Parameters
    ----------
    farthest_m
        Last distance of the tables [m], 20 to 5000.
    """

    def __init__(self, farthest_m: float) -> None:
        self._farthest_m = farthest_m
        self._distance = table_distances(farthest_m)
        self._rows: dict[Curve, int] = {}
        self._loss = np.empty((0, 3, _NODES), dtype=np.float32)

    def rows(self, curves: Iterable[Curve]) -> npt.NDArray[np.int32]:
        """Return the row of each curve, computing those that are new."""
        asked = list(curves)
        new = [curve for curve in dict.fromkeys(asked) if curve not in self._rows]
        if new:
            first = len(self._rows)
            self._rows.update({curve: first + i for i, curve in enumerate(new)})
            self._loss = np.concatenate([self._loss, self._tabulate(new)])
        return np.array([self._rows[curve] for curve in asked], dtype=np.int32)

    def table(self) -> LossTable:
        """Return the tables of every curve so far."""
        return loss_table(self._loss, list(self._rows), self._farthest_m)

    def _tabulate(self, curves: list[Curve]) -> npt.NDArray[np.float32]:
        """Compute tables, all heights of a technology together."""
        loss = np.empty((len(curves), 3, _NODES), dtype=np.float32)
        for technology in dict.fromkeys(technology for technology, _ in curves):
            mine = [i for i, (other, _) in enumerate(curves) if other == technology]
            heights = np.array([curves[i][1] for i in mine])[:, np.newaxis]
            median = ss_rsrp_exceeded_dbm(technology, self._distance, antenna_height_m=heights)
            loss[mine, UNKNOWN] = eirp_per_subcarrier_dbm(technology) - median
            for row, sight in ((FREE, Sight.LOS), (BLOCKED, Sight.NLOS)):
                loss[mine, row] = path_loss_db(
                    technology.propagation,
                    sight,
                    self._distance,
                    frequency_mhz=technology.frequency_mhz,
                    antenna_height_m=heights,
                    near_field=NearField.HOLD,
                )
        return loss
