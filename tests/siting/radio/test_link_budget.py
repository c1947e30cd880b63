"""Link budget: from watts to the distance a standard reaches."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from siting.datasets import standards, technologies
from siting.errors import InputError
from siting.radio.carrier import RESOURCE_BLOCKS, power_per_subcarrier_dbm, resource_blocks
from siting.radio.link_budget import (
    median_ss_rsrp_dbm,
    served_probability,
    service_range_m,
    ss_rsrp_exceeded_dbm,
)
from siting.radio.propagation.path_loss import Sight, los_probability, path_loss_db
from siting.technology import Penetration, ServiceStandard, Technology

TECHNOLOGIES = {item.id: item for item in technologies()}
STANDARDS = {item.id: item for item in standards()}
MACRO = TECHNOLOGIES["macro-n41"]
QUALITY = STANDARDS["quality-outdoor"]

pairs = st.tuples(st.sampled_from(sorted(TECHNOLOGIES)), st.sampled_from(sorted(STANDARDS))).map(
    lambda names: (TECHNOLOGIES[names[0]], STANDARDS[names[1]])
)


def usual_height_m(technology: Technology) -> float:
    """Return a height the technology is used at."""
    return min(technology.max_height_m, 25.0)


def test_resource_blocks_of_the_bands_in_use() -> None:
    """TS 38.101-1 table 5.3.2-1: 100 MHz at 30 kHz has 273, 30 MHz at 15 kHz has 160 blocks."""
    assert resource_blocks(100.0, 30.0) == 273
    assert resource_blocks(30.0, 15.0) == 160


@pytest.mark.parametrize(
    ("bandwidth_mhz", "spacing_khz", "guard_khz"),
    [(30, 15, 592.5), (50, 15, 692.5), (100, 30, 845.0), (100, 60, 1370.0)],
)
def test_blocks_leave_the_published_guard_bands(
    bandwidth_mhz: float, spacing_khz: float, guard_khz: float
) -> None:
    """TS 38.101-1 table 5.3.3-1 follows from the blocks: (B - N_RB 12 s) / 2 - s / 2."""
    occupied = resource_blocks(bandwidth_mhz, spacing_khz) * 12 * spacing_khz
    assert (1000 * bandwidth_mhz - occupied - spacing_khz) / 2 == guard_khz


def test_blocks_never_overfill_their_channel() -> None:
    """Every entry occupies more than 70 % and less than 99 % of its channel."""
    for spacing_khz, row in RESOURCE_BLOCKS.items():
        for bandwidth_mhz, blocks in row.items():
            assert 0.70 < blocks * 12 * spacing_khz / (1000 * bandwidth_mhz) < 0.99


@pytest.mark.parametrize(
    ("bandwidth_mhz", "spacing_khz", "where"),
    [(33.0, 30.0, "bandwidth_mhz"), (100.0, 15.0, "bandwidth_mhz"), (100.0, 45.0, "subcarrier")],
)
def test_carriers_the_standard_does_not_know_are_refused(
    bandwidth_mhz: float, spacing_khz: float, where: str
) -> None:
    """Neither 33 MHz nor 100 MHz at 15 kHz nor a spacing of 45 kHz exists."""
    with pytest.raises(InputError, match=where):
        resource_blocks(bandwidth_mhz, spacing_khz)


def test_power_is_shared_by_all_subcarriers() -> None:
    """53 dBm over 273 x 12 subcarriers leave 17.85 dBm for each."""
    assert power_per_subcarrier_dbm(MACRO) == pytest.approx(17.846, abs=1e-3)


def test_ss_rsrp_is_the_sum_of_its_terms() -> None:
    """EPRE + gain - loss, at 300 m without line of sight."""
    loss = path_loss_db(
        MACRO.propagation, Sight.NLOS, 300.0, frequency_mhz=2600.0, antenna_height_m=25.0
    )
    level = median_ss_rsrp_dbm(MACRO, Sight.NLOS, 300.0, antenna_height_m=25.0)
    assert float(level) == pytest.approx(17.846 + MACRO.ssb_gain_dbi - float(loss), abs=1e-3)


def test_probability_agrees_with_a_simulation_of_the_channel() -> None:
    """A million drawn locations (sight, shadow, wall, depth) are served as often as computed."""
    standard = STANDARDS["basic-indoor"]
    distance_m, count = 250.0, 1_000_000
    generator = np.random.default_rng(7)
    in_sight = generator.random(count) < float(los_probability(MACRO.propagation, distance_m))
    loss, sigma = (
        np.where(
            in_sight,
            *(
                path_loss_db(
                    MACRO.propagation,
                    sight,
                    distance_m,
                    frequency_mhz=MACRO.frequency_mhz,
                    antenna_height_m=25.0,
                )
                for sight in Sight
            ),
        ),
        np.where(in_sight, 4.0, 6.0),
    )
    f = 2.6
    wall = 5 - 10 * np.log10(0.3 * 10 ** (-(2 + 0.2 * f) / 10) + 0.7 * 10 ** (-(5 + 4 * f) / 10))
    depth = generator.uniform(0, 25, (2, count)).min(axis=0)
    shadow = generator.normal(0, 1, count) * sigma + generator.normal(0, 4.4, count)
    level = 17.846 + MACRO.ssb_gain_dbi - loss - wall - 0.5 * depth - shadow
    drawn = np.mean(level >= standard.min_ss_rsrp_dbm)
    computed = served_probability(MACRO, standard, distance_m, antenna_height_m=25.0)
    # Depth is not normal; the normal stand-in is good to a percentage point.
    assert float(computed) == pytest.approx(drawn, abs=0.01)


@settings(deadline=None)
@given(pairs, st.floats(0, 4990), st.floats(0.1, 500))
def test_where_half_is_served_probability_falls_with_distance(
    pair: tuple[Technology, ServiceStandard], near_m: float, step_m: float
) -> None:
    """So the served set is a disc: farther out is never served better, above one half."""
    technology, standard = pair
    near, far = served_probability(
        technology,
        standard,
        [near_m, min(near_m + step_m, 5000.0)],
        antenna_height_m=usual_height_m(technology),
    )
    assert far <= near + 1e-12 or max(near, far) < 0.5


@pytest.mark.parametrize("technology", TECHNOLOGIES.values(), ids=TECHNOLOGIES)
@pytest.mark.parametrize("standard", STANDARDS.values(), ids=STANDARDS)
def test_the_range_is_the_last_centimetre_that_is_served(
    technology: Technology, standard: ServiceStandard
) -> None:
    """At the range the probability suffices; two centimetres farther it does not."""
    height = usual_height_m(technology)
    reach = float(service_range_m(technology, standard, height))
    assert 10.0 < reach < 5000.0
    at, beyond = served_probability(
        technology, standard, [reach, reach + 0.02], antenna_height_m=height
    )
    assert at >= standard.area_probability > beyond


def test_without_line_of_sight_the_range_follows_from_the_margin_alone() -> None:
    """UMa n41 at 25 m: z(0.95) sigma = 9.87 dB turns the NLOS radius of 427 m (5 dB) into 316 m.

    The formula alone, by hand: lg d3 = (34 + 95 - 9.87 - 13.54 - 20 lg 2.6) / 39.08. Sight makes up
    to 3 % of difference at this distance.
    """
    margin = norm.ppf(0.95) * 6.0
    eirp = power_per_subcarrier_dbm(MACRO) + MACRO.ssb_gain_dbi
    slant = 10 ** ((eirp + 95.0 - margin - 13.54 - 20 * np.log10(2.6)) / 39.08)
    by_hand = np.sqrt(slant**2 - 23.5**2)
    assert float(service_range_m(MACRO, QUALITY, 25.0)) == pytest.approx(by_hand, rel=0.03)


@settings(deadline=None, max_examples=30)
@given(pairs, st.floats(-20, 20), st.floats(0, 10))
def test_more_power_never_shortens_the_range(
    pair: tuple[Technology, ServiceStandard], offset_db: float, extra_db: float
) -> None:
    """Adding power, or asking for less level or probability, never lowers a range."""
    technology, standard = pair
    base = dataclasses.replace(technology, tx_power_dbm=technology.tx_power_dbm + offset_db)
    more = dataclasses.replace(base, tx_power_dbm=base.tx_power_dbm + extra_db)
    height = usual_height_m(technology)
    assert service_range_m(more, standard, height) >= service_range_m(base, standard, height)
    easier = dataclasses.replace(standard, area_probability=0.8)
    assert service_range_m(base, easier, height) >= service_range_m(base, standard, height)


def test_ranges_end_where_the_model_ends() -> None:
    """Enormous power stops at 5 km, none at all at 0 m, just enough for the foot near 10 m."""
    loud, mute = (dataclasses.replace(MACRO, tx_power_dbm=power) for power in (150.0, -100.0))
    assert float(service_range_m(loud, QUALITY, 25.0)) == 5000.0
    assert float(service_range_m(mute, QUALITY, 25.0)) == 0.0
    foot = float(ss_rsrp_exceeded_dbm(MACRO, 10.0, antenna_height_m=25.0, probability=0.95))
    just = dataclasses.replace(MACRO, tx_power_dbm=MACRO.tx_power_dbm - 95.0 - foot + 0.001)
    assert 10.0 <= float(service_range_m(just, QUALITY, 25.0)) < 10.1


def test_each_height_gets_its_own_range() -> None:
    """Many heights at once give what each gives alone, in the shape asked."""
    heights = np.array([[25.0, 10.0, 35.0], [25.0, 17.3, 10.0]])
    together = service_range_m(TECHNOLOGIES["wide-n28"], QUALITY, heights)
    alone = [float(service_range_m(TECHNOLOGIES["wide-n28"], QUALITY, h)) for h in heights.flat]
    assert together.shape == heights.shape
    assert together.ravel().tolist() == alone


@pytest.mark.parametrize("probability", [0.3, 1.0, float("nan")])
def test_a_standard_for_less_than_half_of_the_locations_is_refused(probability: float) -> None:
    """Below one half the served set need not be a disc; certainty has no range at all."""
    standard = dataclasses.replace(QUALITY, area_probability=probability)
    with pytest.raises(InputError, match="at least half"):
        service_range_m(MACRO, standard, 25.0)


@settings(deadline=None)
@given(pairs, st.floats(10, 3000), st.sampled_from([0.5, 0.8, 0.95]))
def test_the_level_exceeded_inverts_the_probability(
    pair: tuple[Technology, ServiceStandard], distance_m: float, probability: float
) -> None:
    """The level exceeded at a probability, taken as threshold, is exceeded with it."""
    technology, standard = pair
    height = usual_height_m(technology)
    level = ss_rsrp_exceeded_dbm(
        technology,
        distance_m,
        antenna_height_m=height,
        probability=probability,
        penetration=standard.penetration,
    )
    asked = dataclasses.replace(standard, min_ss_rsrp_dbm=float(level))
    share = served_probability(technology, asked, distance_m, antenna_height_m=height)
    assert float(share) == pytest.approx(probability, abs=1e-5)


def test_walls_shorten_the_range_more_the_better_they_insulate() -> None:
    """Outdoors farther than behind plain walls, farther than behind metal-coated glass."""
    reach = [
        float(service_range_m(MACRO, dataclasses.replace(QUALITY, penetration=wall), 25.0))
        for wall in (Penetration.OUTDOOR, Penetration.LOW_LOSS, Penetration.HIGH_LOSS)
    ]
    assert reach[0] > reach[1] > reach[2]


def test_every_fault_of_technology_and_standard_is_named_at_once() -> None:
    """Seven faults, seven problems, each with the id of what is wrong."""
    odd = dataclasses.replace(
        MACRO,
        bandwidth_mhz=33.0,
        frequency_mhz=300.0,
        tx_power_dbm=float("nan"),
        ssb_gain_dbi=float("inf"),
    )
    unsure = dataclasses.replace(QUALITY, area_probability=0.2, min_ss_rsrp_dbm=float("-inf"))
    with pytest.raises(InputError) as caught:
        service_range_m(odd, unsure, [25.0, 5.0, 200.0])
    assert [problem.where for problem in caught.value.problems] == [
        "technologies[macro-n41].bandwidth_mhz",
        "technologies[macro-n41].frequency_mhz",
        "technologies[macro-n41].antenna_height_m",
        "technologies[macro-n41].tx_power_dbm",
        "technologies[macro-n41].ssb_gain_dbi",
        "standards[quality-outdoor].min_ss_rsrp_dbm",
        "standards[quality-outdoor].area_probability",
    ]
