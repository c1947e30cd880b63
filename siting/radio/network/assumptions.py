"""What an area prediction assumes without a primary source, each figure with where it is from.

Operators publish few of their planning rules. Everything here can be changed, and a report prints
:meth:`RadioAssumptions.rows`, so that nobody mistakes an assumption for a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from siting.errors import Problem
from siting.radio.propagation.path_loss import outside

_PRACTICE = "usual in planning; no primary source"


def _assumed(
    value: float, unit: str, meaning: str, source: str, span: tuple[float, float]
) -> float:
    """Declare one figure with all that a report says about it."""
    told = {"unit": unit, "meaning": meaning, "source": source, "span": span}
    return field(default=value, metadata=told)


@dataclass(frozen=True, slots=True)
class Assumption:
    """One line of the table of assumptions.

    Parameters
    ----------
    name, meaning
        Field of :class:`RadioAssumptions`, and what it says.
    value, unit
        Figure in force.
    source
        Where the figure offered comes from.
    changed
        Whether the figure in force differs from the one offered.
    """

    name: str
    meaning: str
    value: float
    unit: str
    source: str
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioAssumptions:
    """Figures of a prediction that a planner may replace.

    The meaning, unit and source of each field are in its declaration and in :meth:`rows`.
    """

    load: float = _assumed(
        0.5,
        "1",
        "share of a cell's power that disturbs its neighbours, where the cell states none",
        _PRACTICE,
        (0.0, 1.0),
    )
    overlap_db: float = _assumed(
        6.0,
        "dB",
        "a cell not more than this below the strongest counts as a further server",
        _PRACTICE,
        (0.0, 40.0),
    )
    user_noise_figure_db: float = _assumed(
        9.0,
        "dB",
        "noise figure of the user's receiver",
        "3GPP TR 36.942, simulation assumptions",
        (0.0, 30.0),
    )
    station_noise_figure_db: float = _assumed(
        5.0,
        "dB",
        "noise figure of the station's receiver",
        "3GPP TR 36.942, simulation assumptions",
        (0.0, 30.0),
    )
    noise_rise_db: float = _assumed(
        3.0, "dB", "interference over thermal noise in the uplink", _PRACTICE, (0.0, 30.0)
    )
    user_power_dbm: float = _assumed(
        23.0, "dBm", "power of the user, class 3", "3GPP TS 38.101-1, table 6.2.1-1", (0.0, 40.0)
    )
    high_power_dbm: float = _assumed(
        26.0,
        "dBm",
        "power of the user in n41, n77, n78 and n79, class 2",
        "the class: 3GPP TS 38.101-1, table 6.2.1-1; that users have it: no source",
        (0.0, 40.0),
    )
    traffic_gain_db: float = _assumed(
        0.0,
        "dB",
        "gain of traffic beams over the beams of the synchronisation signal",
        "0 errs on the safe side; makers state up to 9",
        (-20.0, 20.0),
    )
    least_snr_db: float = _assumed(
        -10.0, "dB", "SINR below which nothing is sent", "3GPP TR 36.942, annex A.2", (-30.0, 10.0)
    )
    downlink_efficiency: float = _assumed(
        0.6,
        "1",
        "share of Shannon's rate reached downwards",
        "3GPP TR 36.942, annex A.2",
        (0.01, 1),
    )
    downlink_cap_bit_s_hz: float = _assumed(
        7.4,
        "bit/s/Hz",
        "greatest rate downwards, one layer of 256QAM",
        "3GPP TS 38.214, table 5.1.3.1-2, last row",
        (0.1, 60.0),
    )
    uplink_efficiency: float = _assumed(
        0.4, "1", "share of Shannon's rate reached upwards", "3GPP TR 36.942, annex A.2", (0.01, 1)
    )
    uplink_cap_bit_s_hz: float = _assumed(
        5.5,
        "bit/s/Hz",
        "greatest rate upwards, one layer of 64QAM",
        "3GPP TS 38.214, table 5.1.3.1-1, last row",
        (0.1, 60.0),
    )
    tdd_downlink_share: float = _assumed(
        0.7, "1", "share of time for the downlink in TDD bands", _PRACTICE, (0.0, 1.0)
    )
    tdd_uplink_share: float = _assumed(
        0.2, "1", "share of time for the uplink in TDD bands", _PRACTICE, (0.0, 1.0)
    )
    edge_downlink_mbps: float = _assumed(
        10.0, "Mbit/s", "least rate down at the edge of a cell", _PRACTICE, (0.0, 10_000.0)
    )
    edge_uplink_mbps: float = _assumed(
        1.0, "Mbit/s", "least rate up at the edge of a cell", _PRACTICE, (0.0, 10_000.0)
    )
    busy_hour_kbps_per_person: float = _assumed(
        100.0,
        "kbit/s",
        "mean traffic down per person in the busiest hour",
        "arithmetic: 20 GB a month, 7 % of a day in its busiest hour; no primary source",
        (0.0, 100_000.0),
    )
    indoor_share: float = _assumed(
        0.8, "1", "share of the traffic indoors, behind a low-loss wall", _PRACTICE, (0.0, 1.0)
    )
    greatest_load: float = _assumed(
        0.7,
        "1",
        "load up to which a cell carries all that it is offered",
        _PRACTICE,
        (0.01, 1.0),
    )
    fading_distance_m: float = _assumed(
        50.0,
        "m",
        "distance at which shadow fading counts as independent",
        "3GPP TR 38.901 v19.4.0, table 7.5-6, UMa NLOS",
        (1.0, 1000.0),
    )

    def problems(self) -> list[Problem]:
        """Name every figure that is no number or beyond all reason."""
        found = []
        for item in fields(self):
            value = np.asarray(getattr(self, item.name), dtype=np.float64)
            least, most = item.metadata["span"]
            unit = item.metadata["unit"]
            found += outside(f"assumptions.{item.name}", value, least, most, unit)
        if self.tdd_downlink_share + self.tdd_uplink_share > 1.0:
            what = "downlink and uplink take more than the whole time"
            found.append(Problem("assumptions.tdd_uplink_share", what, "let both sum to 1 at most"))
        return found

    def rows(self) -> tuple[Assumption, ...]:
        """List every figure with its unit and source, for a report to print."""
        return tuple(
            Assumption(
                name=item.name,
                meaning=item.metadata["meaning"],
                value=getattr(self, item.name),
                unit=item.metadata["unit"],
                source=item.metadata["source"],
                changed=getattr(self, item.name) != item.default,
            )
            for item in fields(self)
        )


#: Bands in which both directions share one carrier in turn, 3GPP TS 38.101-1, table 5.2-1; in all
#: others each has its own.
TDD_BANDS = frozenset({"n34", "n38", "n39", "n40", "n41", "n48", "n50", "n77", "n78", "n79"})

#: Bands in which users of power class 2 are assumed.
HIGH_POWER_BANDS = frozenset({"n41", "n77", "n78", "n79"})

DEFAULT_ASSUMPTIONS = RadioAssumptions()
