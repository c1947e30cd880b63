"""Technologies as data, service standards, and the options a plan decides on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from siting.sites import SiteKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from siting.sites import CandidateSites


class Propagation(StrEnum):
    """Scenario of 3GPP TR 38.901 section 7.4.1 that predicts a technology's path loss."""

    UMA = "uma"  #: urban macro, base station above roof level
    UMI = "umi"  #: urban micro, street canyon, base station below roof level
    RMA = "rma"  #: rural macro


class Penetration(StrEnum):
    """Building penetration between the base station and a served user."""

    OUTDOOR = "outdoor"  #: none
    LOW_LOSS = "low_loss"  #: TR 38.901 table 7.4.3-2 low-loss wall
    HIGH_LOSS = "high_loss"  #: TR 38.901 table 7.4.3-2 high-loss wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Technology:
    """One kind of 5G equipment in one configuration.

    Parameters
    ----------
    id
        Stable identifier, e.g. ``"macro-n41"``.
    name_zh, name_en
        Planner-facing names.
    band
        3GPP operating band, e.g. ``"n41"``.
    station_class
        ``"macro"``, ``"micro"`` or ``"wide_area"``.
    propagation
        Path-loss scenario.
    frequency_mhz
        Carrier frequency [MHz].
    bandwidth_mhz, subcarrier_spacing_khz
        Channel bandwidth [MHz] and subcarrier spacing [kHz]; they fix the number of subcarriers
        that share the power.
    tx_power_dbm
        Total power of the carrier [dBm].
    ssb_gain_dbi
        Antenna gain of the synchronisation beam set, cable and body losses deducted [dBi].
    max_height_m
        Highest mounting this class uses [m]; the antenna stands at the lesser of this and the
        site's height.
    hosts
        Kinds of site that can carry it.
    cost_cny
        Cost of equipment and installation at one site [CNY], integer >= 0.
    source
        Where the figures come from; assumptions say so.
    """

    id: str
    name_zh: str
    name_en: str
    band: str
    station_class: str
    propagation: Propagation
    frequency_mhz: float
    bandwidth_mhz: float
    subcarrier_spacing_khz: float
    tx_power_dbm: float
    ssb_gain_dbi: float
    max_height_m: float
    hosts: tuple[SiteKind, ...]
    cost_cny: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStandard:
    """What 'served' means for a demand point.

    Parameters
    ----------
    id
        Stable identifier, e.g. ``"quality-outdoor"``.
    name_zh, name_en
        Planner-facing names.
    min_ss_rsrp_dbm
        Least SS-RSRP at the user [dBm].
    area_probability
        Share of a cell's locations that must reach it, in (0, 1); sets the shadow-fading margin.
    penetration
        Building penetration on the way to the user.
    source
        Where the threshold comes from; assumptions say so.
    min_bandwidth_mhz
        Least channel bandwidth of a carrier that counts [MHz]; 0: every carrier does. A strong
        signal on a narrow carrier is coverage, but not the data rate that 'quality' promises.
    """

    id: str
    name_zh: str
    name_en: str
    min_ss_rsrp_dbm: float
    area_probability: float
    penetration: Penetration
    source: str
    min_bandwidth_mhz: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Options:
    """What is really decided: technology `technology[o]` at site `site[o]`.

    A site carries options; its fixed cost is paid once, however many it hosts.

    Parameters
    ----------
    site
        Index of the hosting site in the scenario's candidate sites, shape (k,), ascending.
    technology
        Index into the scenario's technologies, shape (k,).
    height_m
        Antenna height above ground [m], shape (k,).
    cost_cny
        Cost of the option without its site [CNY], integer, shape (k,).
    """

    site: npt.NDArray[np.intp]
    technology: npt.NDArray[np.intp]
    height_m: npt.NDArray[np.float64]
    cost_cny: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of options k."""
        return len(self.site)


def enumerate_options(sites: CandidateSites, technologies: Sequence[Technology]) -> Options:
    """List every technology at every site whose kind can host it.

    Options are ordered by site, then by technology, so that the same input gives the same
    indices.
    """
    hosts = np.array(
        [[kind in technology.hosts for technology in technologies] for kind in SiteKind], dtype=bool
    ).reshape(len(SiteKind), len(technologies))
    kinds = {kind: row for row, kind in enumerate(SiteKind)}
    rows = np.fromiter((kinds[kind] for kind in sites.kind), dtype=np.intp, count=len(sites))
    site, technology = np.nonzero(hosts[rows])
    ceiling = np.array([item.max_height_m for item in technologies], dtype=np.float64)
    cost = np.array([item.cost_cny for item in technologies], dtype=np.int64)
    return Options(
        site=site,
        technology=technology,
        height_m=np.minimum(sites.height_m[site], ceiling[technology]),
        cost_cny=cost[technology],
    )
