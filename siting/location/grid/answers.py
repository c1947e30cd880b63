"""Stations of an answer in the terms of the instance, and what they cover, summed anew."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from siting.location.grid.cover import GridCover, SectorKind
from siting.location.grid.reach import reached, sector_kinds, useful_azimuths


def has_sectors(model: GridCover) -> bool:
    """Tell whether stations have sectors; an instance has but one sort."""
    return isinstance(model.kinds[0], SectorKind)


def in_cells(stations: NDArray[np.int64], kinds: tuple[int, ...], pad: int) -> NDArray[np.int64]:
    """Kind, x, y in the terms of the instance, in a fixed order."""
    kind = np.array(kinds)[stations[:, 0]]
    out = np.column_stack([kind, stations[:, 1:3] - pad, stations[:, 3:]])
    return out[np.lexsort((out[:, 2], out[:, 1], out[:, 0]))]


def azimuth_of(model: GridCover, stations: NDArray[np.int64]) -> NDArray[np.float64]:
    """Azimuths of stations in cells, ascending [degree]; none for discs."""
    out = np.zeros((len(stations), stations.shape[1] - 3))
    if has_sectors(model):
        for k, kind in enumerate(sector_kinds(model, tuple(range(len(model.kinds))))):
            rows = stations[:, 0] == k
            out[rows] = useful_azimuths(kind)[stations[rows, 3:]]
    return np.sort(out, axis=1)


def covered_weight(model: GridCover, stations: NDArray[np.int64]) -> float:
    """Weight within reach of any of `stations` (kind, x, y, steps of azimuth), summed exactly."""
    served = np.zeros(len(model.xy), np.bool_)
    if has_sectors(model):
        served = _sector_served(model, stations[:, :3], azimuth_of(model, stations))
        return math.fsum(model.weight[served].tolist())
    for k, kind in enumerate(model.kinds):
        chosen = stations[stations[:, 0] == k, 1:]
        if len(chosen):
            tree = cKDTree(chosen)
            distance, _ = tree.query(model.xy, distance_upper_bound=kind.radius + 0.5)
            served |= distance * distance <= kind.radius * kind.radius + 1e-6
    return math.fsum(model.weight[served].tolist())


def _sector_served(
    model: GridCover, stations: NDArray[np.int64], azimuth: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which weighted cells any sector reaches, by the predicate alone."""
    image = np.zeros(model.shape, np.bool_)
    kinds = sector_kinds(model, tuple(range(len(model.kinds))))
    for (k, x, y), aim in zip(stations.tolist(), azimuth, strict=True):
        cells = reached(kinds[k], aim) + np.array([x, y])
        inside = ((cells >= 0) & (cells < image.shape)).all(axis=1)
        image[cells[inside, 0], cells[inside, 1]] = True
    return image[model.xy[:, 0], model.xy[:, 1]]
