"""Signal against interference and noise."""

from __future__ import annotations

import numpy as np

from siting.radio.network import accumulate
from siting.radio.network.received import Floats32, Received
from siting.technology import Penetration
from siting.units import db_to_ratio


def ss_sinr_db(
    received: Received, carrier: int, penetration: Penetration = Penetration.OUTDOOR
) -> Floats32:
    """SS-SINR of the strongest server [dB], (n,); NaN where there is none.

    Parameters
    ----------
    received
        What the pixels receive.
    carrier
        Index of the carrier.
    penetration
        Building round the user: the mean loss of the wall weakens signal and interference alike,
        the noise stays.

    Notes
    -----
    SINR = P_s / (sum of load_j P_j over all other cells of the frequency + N), with median powers P
    and the noise N = k T B F in one subcarrier at 290 K. Cells beyond the radius of prediction and
    on other frequencies do not disturb. Shadow fading is left out.

    References
    ----------
    3GPP TS 38.215, section 5.1.5 (definition of SS-SINR).
    """
    model = received.model
    loss = [float(db_to_ratio(building.mean_db)) for building in model.building(penetration)]
    out = np.empty(len(received), dtype=np.float32)
    accumulate.sinr(
        received.state.level[carrier],
        received.state.server[carrier],
        received.state.power[carrier],
        model.table.weight,
        model.noise_mw,
        model.by_cell(loss),
        out,
    )
    return out
