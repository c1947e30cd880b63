"""Rates by truncated Shannon, down and up.

The rate is that of one user who has the whole carrier for himself: a cell shares it among all who
are active at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from siting.radio.carrier import SUBCARRIERS_PER_BLOCK, power_per_subcarrier_dbm, resource_blocks
from siting.radio.network.assumptions import HIGH_POWER_BANDS, TDD_BANDS, RadioAssumptions
from siting.radio.network.cells import spacing_hz
from siting.radio.network.interference import ss_sinr_db
from siting.radio.network.radio_model import THERMAL_DBM_HZ
from siting.radio.network.received import Floats32, Received
from siting.radio.propagation.path_loss import Floats
from siting.technology import Penetration, Technology
from siting.units import db_to_ratio, ratio_to_db


def truncated_shannon(
    sinr_db: npt.ArrayLike, *, efficiency: float, cap_bit_s_hz: float, least_db: float
) -> Floats:
    """Return the rate per bandwidth [bit/s/Hz].

    Parameters
    ----------
    sinr_db
        SINR [dB]; NaN gives NaN.
    efficiency
        Share of Shannon's rate that is reached.
    cap_bit_s_hz
        Rate of the highest modulation and coding [bit/s/Hz].
    least_db
        SINR below which the rate is 0 [dB].

    References
    ----------
    3GPP TR 36.942, annex A.2.
    """
    given = np.asarray(sinr_db, dtype=np.float64)
    rate = np.minimum(efficiency * np.log2(1.0 + db_to_ratio(given)), cap_bit_s_hz)
    return np.where(given < least_db, 0.0, rate)


def bandwidth_hz(technology: Technology) -> float:
    """Return the bandwidth its resource blocks occupy [Hz]."""
    blocks = resource_blocks(technology.bandwidth_mhz, technology.subcarrier_spacing_khz)
    return SUBCARRIERS_PER_BLOCK * blocks * spacing_hz(technology)


def downlink_width_mhz(technology: Technology, assumed: RadioAssumptions) -> float:
    """Return the bandwidth its blocks occupy, times the downlink's share of time [MHz]."""
    return bandwidth_hz(technology) * _share(technology, assumed.tdd_downlink_share) / 1e6


def downlink_mbps(
    received: Received, carrier: int, penetration: Penetration = Penetration.OUTDOOR
) -> Floats32:
    """Rate down to one user with the whole carrier [Mbit/s], (n,); NaN without any server.

    Notes
    -----
    The SINR is SS-SINR plus the assumed gain of traffic beams; in TDD bands the rate is multiplied
    by the downlink's share of time.
    """
    model, assumed = received.model, received.model.assumptions
    width = [downlink_width_mhz(technology, assumed) for technology in model.cells.technologies]
    rate = truncated_shannon(
        ss_sinr_db(received, carrier, penetration) + assumed.traffic_gain_db,
        efficiency=assumed.downlink_efficiency,
        cap_bit_s_hz=assumed.downlink_cap_bit_s_hz,
        least_db=assumed.least_snr_db,
    )
    return (rate * model.by_cell(width)[received.server(carrier)]).astype(np.float32)


def uplink_snr_db(
    received: Received, carrier: int, penetration: Penetration = Penetration.OUTDOOR
) -> Floats32:
    """SINR at the station of a user who spreads his power over the whole carrier [dB], (n,).

    Notes
    -----
    The coupling loss between user and station is that of the downlink with the beams of the
    synchronisation signal; the noise rise stands for users of other cells.
    """
    model, assumed = received.model, received.model.assumptions
    offset = []
    for technology, building in zip(
        model.cells.technologies, model.building(penetration), strict=True
    ):
        high = technology.band in HIGH_POWER_BANDS
        power = assumed.high_power_dbm if high else assumed.user_power_dbm
        noise = THERMAL_DBM_HZ + float(ratio_to_db(bandwidth_hz(technology)))
        noise += assumed.station_noise_figure_db + assumed.noise_rise_db
        sent = power_per_subcarrier_dbm(technology)
        offset.append(power - sent - building.mean_db - noise)
    by_pixel = model.by_cell(offset)[received.server(carrier)]
    return (received.ss_rsrp_dbm(carrier) + by_pixel).astype(np.float32)


def uplink_mbps(
    received: Received, carrier: int, penetration: Penetration = Penetration.OUTDOOR
) -> Floats32:
    """Rate up from one user [Mbit/s], (n,); NaN without any server.

    Notes
    -----
    Where the whole carrier would fall below the least SINR, the user takes as many blocks as keep
    it, one at least, else the rate is 0. In TDD bands the rate is multiplied by the uplink's share.
    """
    model, assumed = received.model, received.model.assumptions
    technologies = model.cells.technologies
    server = received.server(carrier)
    spread = uplink_snr_db(received, carrier, penetration)
    lack = np.minimum(spread - assumed.least_snr_db, 0.0)
    blocks = [
        resource_blocks(technology.bandwidth_mhz, technology.subcarrier_spacing_khz)
        for technology in technologies
    ]
    share = db_to_ratio(lack)
    share = np.where(share * model.by_cell([float(b) for b in blocks])[server] < 1.0, 0.0, share)
    width = [
        bandwidth_hz(technology) * _share(technology, assumed.tdd_uplink_share) / 1e6
        for technology in technologies
    ]
    rate = truncated_shannon(
        np.maximum(spread, assumed.least_snr_db),
        efficiency=assumed.uplink_efficiency,
        cap_bit_s_hz=assumed.uplink_cap_bit_s_hz,
        least_db=assumed.least_snr_db,
    )
    whole = np.where(np.isnan(spread), np.nan, rate * share)
    return (whole * model.by_cell(width)[server]).astype(np.float32)


def _share(technology: Technology, of_time: float) -> float:
    return of_time if technology.band in TDD_BANDS else 1.0
