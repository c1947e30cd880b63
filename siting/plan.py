"""The plan: what is built, what it reaches, and what is proven about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from siting.status import Sense, Status


class TargetState(StrEnum):
    """How a zone stands against its target; judged on unrounded values."""

    MET = "met"
    NEAR = "near"  #: missed by at most five percentage points
    MISSED = "missed"
    IMPOSSIBLE = "impossible"  #: no selection of candidates can meet it
    NOT_ASSESSABLE = "not_assessable"  #: the zone holds no weight


_NO_CUTS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cuts:
    """Zero-half cuts: half the sum of some covering rows, rounded up, with their prices.

    Parameters
    ----------
    pointer, members
        Cut q is half the sum of ``members[pointer[q]:pointer[q + 1]]``, rounded up. With n demand
        points, member ``s n + i`` is point i under the scenario's standard s, and beyond all
        standards follow the cuts themselves, each made of earlier ones only.
    prices
        Multiplier of each cut, >= 0, in the unit of the step's objective.

    References
    ----------
    Caprara, Fischetti 1996, "{0, 1/2}-Chvatal-Gomory cuts", Mathematical Programming 74, 221-235,
    doi 10.1007/BF02592196.
    """

    pointer: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    members: npt.NDArray[np.int64] = field(default_factory=lambda: _NO_CUTS)
    prices: npt.NDArray[np.float64] = field(default_factory=lambda: _NO_CUTS.astype(np.float64))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certificate:
    """Multipliers that prove a step's bound; anyone can recompute it in one pass.

    Parameters
    ----------
    cover
        Per standard id, multiplier of 'served only if a chosen option covers it' for every demand
        point, shape (n,), >= 0, in the unit of the step's objective.
    targets
        Multiplier of each target of the scenario, shape (number of targets,), >= 0 (step one; empty
        in step two).
    cuts
        Cuts and their multipliers (step one; none in step two).
    """

    cover: Mapping[str, npt.NDArray[np.float64]]
    targets: npt.NDArray[np.float64]
    cuts: Cuts = field(default_factory=Cuts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One optimisation of the plan with its proof.

    Parameters
    ----------
    name
        ``"targets"`` (meet every target at least cost) or ``"service"`` (serve the most with the
        stations that remain).
    sense, unit
        Direction, and unit of value and bound: ``"CNY"`` or the name of a weight.
    value
        Objective reached.
    bound
        Proven limit on the objective: no answer to this step is below (minimise) or above
        (maximise) it. Rounded outward.
    status
        What is known.
    reason
        One plain sentence why the search ended or what cannot be met.
    runtime_s
        Wall time [s].
    certificate
        The multipliers behind `bound`; None when nothing was claimed.
    """

    name: str
    sense: Sense
    unit: str
    value: float
    bound: float
    status: Status
    reason: str
    runtime_s: float
    certificate: Certificate | None

    @property
    def kept(self) -> bool:
        """Whether the answer can keep the step's requirements: it is not beyond the bound."""
        if self.sense is Sense.MINIMISE:
            return self.value >= self.bound
        return self.value <= self.bound

    @property
    def gap(self) -> float:
        """Relative distance |bound - value| / max(|value|, tiny), 0..inf.

        Infinite too when the answer is beyond the bound: it does not keep the step's requirements
        (too few stations allowed, say), so that there is nothing to compare.
        """
        if self.value == self.bound:
            return 0.0
        if not self.kept:
            return float("inf")
        return abs(self.bound - self.value) / max(abs(self.value), 1e-12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the plan reaches in one zone or district by one standard.

    Parameters
    ----------
    zone_id, standard_id, weight
        What is counted, where.
    total
        The zone's weight.
    served
        Weight served by the plan.
    reachable
        Weight that could be served with every candidate option built.
    required_fraction
        The target, or None when there is none (a figure for information).
    state
        How it stands against the target; None without a target.
    min_ss_sinr_db
        Least SS-SINR that the target asks for [dB]; None: level alone decides.
    clear
        Weight served with at least that SINR, predicted on the whole plan; the state is judged on
        it. None where no SINR is asked.
    """

    zone_id: str
    standard_id: str
    weight: str
    total: float
    served: float
    reachable: float
    required_fraction: float | None
    state: TargetState | None
    min_ss_sinr_db: float | None = None
    clear: float | None = None

    @property
    def share(self) -> float:
        """Served share of the total, 0..1; NaN when the zone holds no weight."""
        return self.served / self.total if self.total > 0 else float("nan")

    @property
    def clear_share(self) -> float:
        """Share served with SINR enough, 0..1; NaN without weight or where none is asked."""
        return self.clear / self.total if self.clear is not None and self.total > 0 else math.nan

    @property
    def counted(self) -> float:
        """Weight that counts towards the target: served, with SINR enough where one is asked."""
        return self.served if self.clear is None else self.clear

    @property
    def shortfall(self) -> float:
        """Weight missing to the target, 0 when met or without a target."""
        if self.required_fraction is None:
            return 0.0
        return max(0.0, self.required_fraction * self.total - self.counted)


#: A zone within this distance of its target is 'near' rather than 'missed'.
NEAR_FRACTION = 0.05
#: Relative slack when a served weight is held against a required one (sums of floats).
WEIGHT_TOLERANCE = 1e-9


def judge(
    *, total: float, served: float, reachable: float, required_fraction: float
) -> TargetState:
    """Say how a zone stands against its target, on unrounded values."""
    if total <= 0:
        return TargetState.NOT_ASSESSABLE
    required = required_fraction * total
    slack = WEIGHT_TOLERANCE * total
    if served >= required - slack:
        return TargetState.MET
    if reachable < required - slack:
        return TargetState.IMPOSSIBLE
    if served >= required - NEAR_FRACTION * total:
        return TargetState.NEAR
    return TargetState.MISSED


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """The answer to a scenario.

    Parameters
    ----------
    scenario_hash
        Identity of the question.
    status
        Of the plan as a whole: ``infeasible`` when a target cannot be met, else the weaker of the
        steps' statuses.
    reason
        One plain sentence.
    selected
        Indices of the chosen options in the scenario's options, ascending, shape (s,).
    chosen_in
        Position in `steps` that chose each, shape (s,).
    steps
        The optimisations in order.
    targets
        One outcome per target of the scenario, in its order.
    information
        Outcomes without a target: the objective per district, and further figures.
    stations, sites
        Number of chosen options, and of sites they stand on.
    cost_cny
        Cost of the chosen options and of the sites they open [CNY].
    seed, runtime_s, version
        How it was computed.
    provenance
        Share of each provenance, 0..1, per input layer (``"demand population"``,
        ``"candidate sites"``, ``"zones"``, ...).
    """

    scenario_hash: str
    status: Status
    reason: str
    selected: npt.NDArray[np.intp]
    chosen_in: npt.NDArray[np.intp]
    steps: tuple[Step, ...]
    targets: tuple[Outcome, ...]
    information: tuple[Outcome, ...]
    stations: int
    sites: int
    cost_cny: int
    seed: int
    runtime_s: float
    version: str
    provenance: Mapping[str, Mapping[str, float]]
