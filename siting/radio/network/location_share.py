"""Share of locations within a pixel that reach a level, with shadow fading and walls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from siting.radio.network.accumulate import unfaded
from siting.radio.network.loss_curves import BLOCKED, FREE
from siting.radio.network.received import Floats32, Received
from siting.radio.propagation.path_loss import (
    Floats,
    NearField,
    Sight,
    los_probability,
    path_loss_db,
    shadow_sigma_db,
)
from siting.technology import Penetration


def served_share(
    received: Received,
    carrier: int,
    thresholds: Sequence[tuple[float, Penetration]],
) -> list[Floats32]:
    """Share of locations whose SS-RSRP from the strongest server reaches a threshold, 0..1.

    Parameters
    ----------
    received
        What the pixels receive.
    carrier
        Index of the carrier.
    thresholds
        Levels [dBm], each with the building round the user.

    Returns
    -------
    list of array
        One per threshold, (n,); 0 where there is no server.

    Notes
    -----
    The two normal distributions of :func:`siting.radio.link_budget.served_probability`, weighed by
    the probability of line of sight where nothing is known of it, else the one that holds. On level
    ground with an omnidirectional antenna it is the same number, within 1e-6 (levels are kept in
    single precision). Other servers that might reach a location are not counted: the share errs on
    the safe side.
    """
    server = received.server(carrier)
    out = [np.zeros(len(received), dtype=np.float32) for _ in thresholds]
    technology = np.where(server >= 0, received.model.cells.technology[server], -1)
    for number in np.unique(technology[technology >= 0]).tolist():
        mine = np.flatnonzero(technology == number)
        field = _field(received.only(_mask(mine, len(received))), carrier, number)
        for share, (level, penetration) in zip(out, thresholds, strict=True):
            building = received.model.building(penetration)[number]
            total = np.zeros(len(mine))
            for weight, median, sigma in field:
                margin = median - building.mean_db - level
                total += weight * ndtr(margin / np.hypot(sigma, building.sigma_db))
            share[mine] = total
    return out


def _mask(chosen: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.bool_] | slice:
    if len(chosen) == count:
        return slice(None)
    mask = np.zeros(count, dtype=np.bool_)
    mask[chosen] = True
    return mask


def _field(received: Received, carrier: int, number: int) -> list[tuple[Floats, Floats, Floats]]:
    """Weight, median [dBm] and shadow fading [dB] with and without line of sight."""
    model = received.model
    technology = model.cells.technologies[number]
    state = received.state.server[carrier, :, 0]
    gain, distance = np.empty(len(received)), np.empty(len(received))
    unfaded(
        received.state.level[carrier],
        received.state.server[carrier],
        received.pixels,
        model.grid.columns,
        model.table,
        model.losses,
        model.grid.cell_size_m,
        gain,
        distance,
    )
    height = model.cells.height_m[state >> 2]
    sight = state & 3
    los = los_probability(technology.propagation, distance)
    los = np.where(sight == FREE, 1.0, np.where(sight == BLOCKED, 0.0, los))
    field = []
    for seen, weight in ((Sight.LOS, los), (Sight.NLOS, 1.0 - los)):
        where = {"frequency_mhz": technology.frequency_mhz, "antenna_height_m": height}
        loss = path_loss_db(
            technology.propagation, seen, distance, near_field=NearField.HOLD, **where
        )
        sigma = shadow_sigma_db(technology.propagation, seen, distance, **where)
        field.append((weight, gain - loss, sigma))
    return field
