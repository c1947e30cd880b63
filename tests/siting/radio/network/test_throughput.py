"""Rates from SINR, down and up, against the formulas written out."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_networks import N28, N41, random_cells, raster

from siting.errors import InputError
from siting.radio.network.area_prediction import predict
from siting.radio.network.assumptions import RadioAssumptions
from siting.radio.network.cells import OMNI, sectors
from siting.radio.network.throughput import bandwidth_hz, truncated_shannon

GRID = raster(30)


def test_truncated_shannon_is_that_of_tr_36_942() -> None:
    """TR 36.942 annex A.2 with efficiency 0.6: 0 below -10 dB, 0.6 bit/s/Hz at 0 dB, then a cap."""
    rate = truncated_shannon(
        [-10.1, -10.0, 0.0, 20.0, 60.0], efficiency=0.6, cap_bit_s_hz=7.4, least_db=-10.0
    )
    want = [0.0, 0.6 * np.log2(1.1), 0.6, 0.6 * np.log2(101.0), 7.4]
    assert rate.tolist() == pytest.approx(want)


def test_a_carrier_of_100_mhz_occupies_98_28() -> None:
    """273 blocks of 12 subcarriers of 30 kHz; 160 of 15 kHz on 30 MHz."""
    assert bandwidth_hz(N41) == pytest.approx(98.28e6)
    assert bandwidth_hz(N28) == pytest.approx(28.8e6)


def test_the_downlink_shares_time_in_tdd_and_not_in_fdd() -> None:
    """At SINR beyond the cap: 7.4 bit/s/Hz over the blocks, in n41 for 0.7 of the time."""
    cells = sectors([1750.0, 2750.0], (N41, N28), height_m=25.0, pattern=OMNI)
    got = predict(cells, GRID, radius_m=500.0)
    assert np.nanmax(got.downlink_mbps(1)) == pytest.approx(7.4 * 98.28 * 0.7, rel=1e-5)
    assert np.nanmax(got.downlink_mbps(0)) == pytest.approx(7.4 * 28.8, rel=1e-5)


def test_the_uplink_is_the_budget_of_the_user() -> None:
    """26 dBm over the coupling loss of the downlink, noise figure 5 dB, rise 3 dB, 0.4 Shannon."""
    cells = sectors([1750.0, 2750.0], N41, height_m=25.0, pattern=OMNI)
    got = predict(cells, GRID, radius_m=1200.0)
    sent = 53.0 - 10.0 * np.log10(273 * 12)
    noise = 10.0 * np.log10(1.380649e-23 * 290.0 * 1e3 * 98.28e6) + 5.0 + 3.0
    snr = 26.0 + got.ss_rsrp_dbm().astype(float) - sent - noise
    share = np.minimum(10.0 ** ((snr + 10.0) / 10.0), 1.0)
    share[share * 273 < 1.0] = 0.0
    rate = np.minimum(0.4 * np.log2(1.0 + 10.0 ** (np.maximum(snr, -10.0) / 10.0)), 5.5)
    want = rate * share * 98.28 * 0.2
    assert np.allclose(got.uplink_mbps(), want, rtol=1e-3, equal_nan=True)
    assert (share[~np.isnan(snr)] < 1.0).any()


def test_assumptions_are_told_and_can_be_changed() -> None:
    """Every figure has unit and source; a changed one is marked and changes the rate."""
    rows = RadioAssumptions(load=0.9).rows()
    assert all(row.source and row.meaning for row in rows)
    assert [row.name for row in rows if row.changed] == ["load"]
    cells = random_cells(GRID, 5, 1)
    light, heavy = (
        predict(cells, GRID, radius_m=900.0, assumptions=RadioAssumptions(load=load))
        for load in (0.1, 0.9)
    )
    assert np.nanmean(light.downlink_mbps()) > np.nanmean(heavy.downlink_mbps())


def test_assumptions_beyond_reason_are_named_at_once() -> None:
    """A load of 2, a noise figure that is no number, more than the whole time: one error."""
    wrong = RadioAssumptions(load=2.0, user_noise_figure_db=np.nan, tdd_uplink_share=0.5)
    with pytest.raises(InputError) as raised:
        predict(random_cells(GRID, 1, 1), GRID, assumptions=wrong)
    for word in ("assumptions.load", "user_noise_figure_db", "tdd_uplink_share"):
        assert word in str(raised.value)
