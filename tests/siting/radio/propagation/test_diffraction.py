"""Diffraction: the knife edge against Fresnel's integrals, Bullington and the spherical Earth."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import fresnel

from siting.errors import InputError
from siting.radio.propagation.diffraction import (
    bullington,
    delta_bullington,
    knife_edge,
    knife_edge_loss_db,
    spherical_earth,
)

VECTORS = Path(__file__).parents[4].parent / "shared/vectors/radio/p526_knife_edge_J.csv"
AE_KM = 8500.0
heights = st.lists(st.floats(0.0, 300.0), min_size=3, max_size=30)


def fresnel_loss_db(nu: float) -> float:
    """Return the loss of a half plane by Fresnel's integrals [dB]."""
    s, c = fresnel(nu)
    return float(-20.0 * np.log10(np.hypot(1.0 - c - s, c - s) / 2.0))


@pytest.mark.skipif(not VECTORS.exists(), reason="shared vectors absent")
def test_published_knife_edges() -> None:
    """Every published value of J agrees within its rounding."""
    with VECTORS.open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    ours = knife_edge_loss_db([row["nu"] for row in rows])
    assert len(rows) == 10
    assert np.abs(ours - [row["J_approx_db"] for row in rows]).max() <= 6e-5


def test_the_knife_edge_is_near_the_half_plane() -> None:
    """The approximation stays within 0.15 dB of the exact integral from nu = -0.5 on."""
    nu = np.linspace(-0.5, 10.0, 400)
    exact = np.array([fresnel_loss_db(value) for value in nu])
    assert np.abs(knife_edge_loss_db(nu) - exact).max() < 0.15
    assert knife_edge_loss_db([-0.78, -5.0]).tolist() == [0.0, 0.0]
    assert [knife_edge(value) for value in nu] == pytest.approx(knife_edge_loss_db(nu).tolist())


def test_a_parameter_that_is_no_number_is_refused() -> None:
    """NaN and infinite parameters are named."""
    with pytest.raises(InputError, match="nu"):
        knife_edge_loss_db([0.0, float("nan")])


def test_one_edge_half_way() -> None:
    """A single edge costs J(nu) and the Bullington correction, worked out by hand."""
    d = np.array([0.0, 5.0, 10.0])
    g = np.array([0.0, 60.0, 0.0])
    wavelength = 0.2998 / 0.7
    above = 60.0 + 500.0 / AE_KM * 25.0 - 20.0
    nu = above * np.sqrt(0.002 * 10.0 / (wavelength * 25.0))
    edge = 6.9 + 20.0 * np.log10(np.sqrt((nu - 0.1) ** 2 + 1.0) + nu - 0.1)
    by_hand = edge + (1.0 - np.exp(-edge / 6.0)) * (10.0 + 0.2)
    assert bullington(d, g, 20.0, 20.0, AE_KM, 0.7) == pytest.approx(by_hand, abs=1e-9)


@settings(deadline=None)
@given(
    terrain=heights,
    f=st.sampled_from([0.7, 2.6, 3.5, 4.9]),
    ends=st.tuples(*[st.floats(2, 60)] * 2),
)
def test_diffraction_is_reciprocal(
    terrain: list[float], f: float, ends: tuple[float, float]
) -> None:
    """Exchanging transmitter and receiver changes the loss by less than 1e-6 dB."""
    g = np.array(terrain)
    d = np.linspace(0.0, 0.3 * len(g), len(g))
    there = [d, g, g[0] + ends[0], g[-1] + ends[1], g[0], g[-1], AE_KM, f, 0.0, 1]
    back = [d, g[::-1].copy(), g[-1] + ends[1], g[0] + ends[0], g[-1], g[0], AE_KM, f, 0.0, 1]
    assert delta_bullington(*there) == pytest.approx(delta_bullington(*back), abs=1e-6)


@settings(deadline=None)
@given(terrain=heights, raised=st.floats(0.0, 50.0), at=st.floats(0.0, 1.0))
def test_higher_ground_never_helps_beyond_the_horizon(
    terrain: list[float], raised: float, at: float
) -> None:
    """Where terrain obstructs the path, raising its highest obstacle raises the Bullington loss."""
    g = np.array(terrain)
    d = np.linspace(0.0, 0.5 * len(g), len(g))
    middle = 1 + int(at * (len(g) - 3))
    g[middle] = 400.0
    higher = g.copy()
    higher[middle] += raised
    low = bullington(d, g, g[0] + 10.0, g[-1] + 10.0, AE_KM, 2.6)
    assert bullington(d, higher, higher[0] + 10.0, higher[-1] + 10.0, AE_KM, 2.6) >= low - 1e-9


def test_the_smooth_earth_is_free_within_sight_and_steep_beyond() -> None:
    """High antennas near each other lose nothing; beyond the horizon loss grows with distance."""
    assert spherical_earth(5.0, 100.0, 100.0, AE_KM, 2.6, 0.0, 0) == 0.0
    beyond = [spherical_earth(d, 30.0, 10.0, AE_KM, 2.6, 0.0, 0) for d in (40, 60, 80, 120)]
    assert all(np.diff(beyond) > 0)
    assert beyond[0] > 20.0


def test_the_smooth_earth_has_no_step_at_the_horizon() -> None:
    """Just inside and just outside the horizon the loss is the same within 0.01 dB."""
    horizon = np.sqrt(2 * AE_KM) * (np.sqrt(0.03) + np.sqrt(0.01))
    inside, outside = (
        spherical_earth(horizon * share, 30.0, 10.0, AE_KM, 2.6, 0.0, 1)
        for share in (1 - 1e-6, 1 + 1e-6)
    )
    assert inside == pytest.approx(outside, abs=0.01)
