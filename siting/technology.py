"""Technologies as data, service standards, and the options a plan decides on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from siting.errors import Problem
from siting.sites import SiteKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
class SectorLayout:
    """The sectors of a station, and the directions among which a plan may choose.

    The antennas of a station share the circle evenly; a plan chooses by how much the whole rose is
    turned, and one downtilt for all.

    Parameters
    ----------
    sectors
        Number of antennas.
    turns_deg
        Azimuths the first antenna may have, clockwise from grid north [degrees]; the others follow.
    tilts_deg
        Electrical downtilts to choose from [degrees].
    horizontal_beamwidth_deg, vertical_beamwidth_deg
        Half-power beamwidths of the envelope of the synchronisation beams [degrees].
    side_lobe_db, front_to_back_db
        Greatest attenuation of the vertical cut, and of the horizontal cut and the sum [dB].
    """

    sectors: int = 3
    turns_deg: tuple[float, ...] = (0.0, 30.0, 60.0, 90.0)
    tilts_deg: tuple[float, ...] = (6.0,)
    horizontal_beamwidth_deg: float = 65.0
    vertical_beamwidth_deg: float = 10.0
    side_lobe_db: float = 20.0
    front_to_back_db: float = 30.0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> SectorLayout:
        """Return a layout from plain values, lists among them."""
        plain = dict(values)
        for name in ("turns_deg", "tilts_deg"):
            if name in plain:
                plain[name] = tuple(plain[name])
        return cls(**plain)

    def problems(self, where: str) -> list[Problem]:
        """Name every value that no antenna can have; empty when all is well."""
        rules = [
            ("sectors", (float(self.sectors),), 1.0, 12.0, ""),
            ("turns_deg", self.turns_deg, -360.0, 360.0, " deg"),
            ("tilts_deg", self.tilts_deg, -30.0, 30.0, " deg"),
            ("horizontal_beamwidth_deg", (self.horizontal_beamwidth_deg,), 1.0, 360.0, " deg"),
            ("vertical_beamwidth_deg", (self.vertical_beamwidth_deg,), 1.0, 360.0, " deg"),
            ("side_lobe_db", (self.side_lobe_db,), 0.0, 100.0, " dB"),
            ("front_to_back_db", (self.front_to_back_db,), 0.0, 100.0, " dB"),
        ]
        found = [
            Problem(f"{where}.{name}", f"{value} outside {least:g} to {most:g}{unit}")
            for name, values, least, most, unit in rules
            for value in values
            if not least <= value <= most
        ]
        found += [
            Problem(f"{where}.{name}", "names no angle", "give at least one")
            for name in ("turns_deg", "tilts_deg")
            if not getattr(self, name)
        ]
        return found

    def azimuths_deg(self, turn_deg: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the azimuths of all antennas, first [degrees], shape (..., sectors)."""
        step = np.arange(self.sectors) * (360.0 / self.sectors)
        return np.mod(np.asarray(turn_deg, dtype=np.float64)[..., np.newaxis] + step, 360.0)


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
    sectors
        Antennas and their possible directions; None: alike in every direction.
    operators
        Who runs it, e.g. ``("china-telecom", "china-unicom")`` for a shared carrier; empty: it
        serves everybody's customers.
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
    sectors: SectorLayout | None = None
    operators: tuple[str, ...] = ()


def carrier_counts(
    technology: Technology, *, min_bandwidth_mhz: float = 0.0, operators: Sequence[str] = ()
) -> bool:
    """Say whether a technology's signal counts for a standard, whatever its level.

    Its channel must be wide enough. Where the standard names operators, at least one of them must
    run the technology; a technology without operators serves everybody's customers.

    Parameters
    ----------
    technology
        The equipment.
    min_bandwidth_mhz, operators
        What the standard asks for, as in :class:`ServiceStandard`.
    """
    run = (
        not operators
        or not technology.operators
        or not set(operators).isdisjoint(technology.operators)
    )
    return run and technology.bandwidth_mhz >= min_bandwidth_mhz


class CoverageModel(StrEnum):
    """What decides whether a station serves a place."""

    DISTANCE = "distance"  #: the distance alone: every station serves a disc
    SECTORS = "sectors"  #: antennas with direction and tilt, and the terrain where it is known


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
    operators
        Whose customers are served: a technology counts when at least one of them runs it, or when
        it names none. Empty: every technology counts. To promise service to the customers of each
        of several operators, give each a standard of its own.
    """

    id: str
    name_zh: str
    name_en: str
    min_ss_rsrp_dbm: float
    area_probability: float
    penetration: Penetration
    source: str
    min_bandwidth_mhz: float = 0.0
    operators: tuple[str, ...] = ()

    def counts(self, technology: Technology) -> bool:
        """Say whether a technology's signal counts; see :func:`carrier_counts`."""
        return carrier_counts(
            technology, min_bandwidth_mhz=self.min_bandwidth_mhz, operators=self.operators
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Options:
    """What is really decided: technology `technology[o]` at site `site[o]`, aimed in one way.

    A site carries options; its fixed cost is paid once, however many it hosts. A carrier is on air
    at a site in one way: of the options that share site and `carrier`, a plan chooses at most one.

    Parameters
    ----------
    site
        Index of the hosting site in the scenario's candidate sites, shape (k,), ascending.
    technology
        Index into the scenario's technologies, shape (k,).
    carrier
        Number of the carrier, the same for technologies of one frequency, shape (k,).
    height_m
        Antenna height above ground [m], shape (k,).
    turn_deg
        Azimuth of the first antenna [degrees], shape (k,); 0 where there is no direction.
    tilt_deg
        Electrical downtilt [degrees], shape (k,); 0 where there is no direction.
    cost_cny
        Cost of the option without its site [CNY], integer, shape (k,).
    """

    site: npt.NDArray[np.intp]
    technology: npt.NDArray[np.intp]
    carrier: npt.NDArray[np.intp]
    height_m: npt.NDArray[np.float64]
    turn_deg: npt.NDArray[np.float64]
    tilt_deg: npt.NDArray[np.float64]
    cost_cny: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of options k."""
        return len(self.site)

    @property
    def station(self) -> npt.NDArray[np.intp]:
        """Station each option configures: one carrier at one site, ascending by site, (k,)."""
        most = int(self.carrier.max(initial=0)) + 1
        _, station = np.unique(self.site * most + self.carrier, return_inverse=True)
        return station.reshape(-1).astype(np.intp)

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Options:
        """Return some of the options."""
        return Options(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


def enumerate_options(
    sites: CandidateSites,
    technologies: Sequence[Technology],
    coverage_model: CoverageModel = CoverageModel.DISTANCE,
) -> Options:
    """List every technology at every site whose kind can host it, aimed in every way.

    Options are ordered by site, then by technology, turn and tilt, so that the same input gives the
    same indices. Directions count only where the coverage model knows them.
    """
    hosts = np.array(
        [[kind in technology.hosts for technology in technologies] for kind in SiteKind], dtype=bool
    ).reshape(len(SiteKind), len(technologies))
    kinds = {kind: row for row, kind in enumerate(SiteKind)}
    rows = np.fromiter((kinds[kind] for kind in sites.kind), dtype=np.intp, count=len(sites))
    site, technology = np.nonzero(hosts[rows])
    aims = [_aims(technology, coverage_model) for technology in technologies]
    count = np.array([len(each) for each in aims], dtype=np.intp)
    first = np.concatenate([[0], np.cumsum(count)])[:-1]
    repeats = count[technology]
    site, technology = np.repeat(site, repeats), np.repeat(technology, repeats)
    within = np.arange(len(site)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    aim = np.concatenate([np.empty((0, 2)), *aims])[first[technology] + within]
    ceiling = np.array([item.max_height_m for item in technologies], dtype=np.float64)
    cost = np.array([item.cost_cny for item in technologies], dtype=np.int64)
    _, carrier = np.unique([item.frequency_mhz for item in technologies], return_inverse=True)
    return Options(
        site=site,
        technology=technology,
        carrier=carrier.reshape(-1).astype(np.intp)[technology],
        height_m=np.minimum(sites.height_m[site], ceiling[technology]),
        turn_deg=aim[:, 0],
        tilt_deg=aim[:, 1],
        cost_cny=cost[technology],
    )


def _aims(technology: Technology, coverage_model: CoverageModel) -> npt.NDArray[np.float64]:
    """Return turn and tilt of each way to aim a technology [degrees], (ways, 2)."""
    layout = technology.sectors
    if layout is None or coverage_model is CoverageModel.DISTANCE:
        return np.zeros((1, 2))
    return np.array([(turn, tilt) for turn in layout.turns_deg for tilt in layout.tilts_deg])
