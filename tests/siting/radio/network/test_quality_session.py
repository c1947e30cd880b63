"""Trying options on a plan's network: each exchange is a prediction from the start."""

from __future__ import annotations

import numpy as np
from sinr_town import asking, town

from siting.radio.network.demand_quality import clear_points
from siting.radio.network.quality_session import QualitySession
from siting.scenario import PlanningData

PLACES = [(600.0, 800.0), (1400.0, 800.0), (1000.0, 1500.0), (1000.0, 1000.0)]


def test_any_exchange_is_a_prediction_from_the_start(littletown: PlanningData) -> None:
    """Turned, moved, added and taken back: the points with SINR are those of a fresh prediction."""
    scenario = asking(town(littletown, PLACES), 8.0)
    points = np.arange(len(scenario.data.demand))
    rng = np.random.default_rng(5)
    site = scenario.options.site
    now = [int(rng.choice(np.flatnonzero(site == number))) for number in range(3)]
    session = QualitySession(scenario, np.array(now), points)
    seen = set()
    for number in range(8):
        out = None if number == 7 else int(rng.choice(now))
        free = [o for o in range(len(scenario.options)) if site[o] not in site[now] or o == out]
        inside = np.flatnonzero(site == site[out]) if number % 2 and out is not None else free
        into = int(rng.choice([option for option in inside if option not in now]))
        then = [option for option in now if option != out] + [into]
        for undone in (True, False):
            session.exchange(out, into)
            fresh = clear_points(scenario, np.sort(then))
            for ask, clear in session.clear.items():
                assert np.array_equal(clear, fresh[ask])
            if undone:
                session.undo()
                was = clear_points(scenario, np.sort(now))
                assert np.array_equal(session.clear["fair-outdoor", 8.0], was["fair-outdoor", 8.0])
        now = then
        seen.add(int(session.clear["fair-outdoor", 8.0].sum()))
        assert set(session.heard(points)) <= set(now)
    assert len(seen) > 3, "the exchanges are worth predicting"
