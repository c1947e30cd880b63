"""What can be said about a plan in a sentence: figures, proofs and the limits of the data.

:class:`Facts` is a plain value that a scenario and its plan give (:func:`facts_of`), and that a
service can rebuild from stored rows; every sentence a person reads about a plan starts here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from siting.plan import Outcome, Step, TargetState
from siting.report.exclusions import RuleFacts, rule_facts
from siting.report.tables import Focus, focus_of
from siting.standing import work_of
from siting.status import Status

if TYPE_CHECKING:
    from siting.coverage import Coverage
    from siting.plan import Plan
    from siting.scenario import Scenario

from siting.report.tables import served_demand


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A thing with an id and a name in both languages."""

    id: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Station(Named):
    """A technology and how many stations of it a plan builds.

    Parameters
    ----------
    station_class, band
        As in :class:`siting.technology.Technology`.
    count
        Stations chosen.
    cost_cny
        Their cost without their sites [CNY].
    """

    station_class: str
    band: str
    count: int
    cost_cny: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything about a plan that is not a row of a table.

    Parameters
    ----------
    area, crs
        Study area and working CRS.
    scenario, scenario_hash
        Name and identity of the question.
    status, reason, seed, runtime_s, version
        As in :class:`siting.plan.Plan`.
    stations, sites, cost_cny
        Totals of the plan.
    technologies, standards
        Those of the scenario, in its order.
    steps
        The optimisations in order.
    targets
        Outcomes with a target, in the scenario's order.
    focus
        Standard and weight that site and district figures speak about.
    focus_served, focus_total
        Weight served by the focus standard, and in all.
    zone_names
        Chinese and English name per zone id.
    provenance
        Share of each provenance, 0..1, per input layer.
    existing_sites
        Candidate sites that stand already; 0: existing stock was not supplied.
    credits
        Sources to name on every map: districts, water, zones, each once.
    rules
        What the siting constraints did; None: there are none.
    work
        Stations by what is done for them, as in :class:`siting.standing.Work`; empty where none
        stands.
    """

    area: Named
    crs: str
    scenario: str
    scenario_hash: str
    status: Status
    reason: str
    stations: int
    sites: int
    cost_cny: int
    technologies: tuple[Station, ...]
    standards: tuple[Named, ...]
    steps: tuple[Step, ...]
    targets: tuple[Outcome, ...]
    focus: Focus
    focus_served: float
    focus_total: float
    zone_names: Mapping[str, tuple[str, str]]
    provenance: Mapping[str, Mapping[str, float]]
    existing_sites: int
    credits: tuple[str, ...]
    seed: int
    runtime_s: float
    version: str
    rules: RuleFacts | None = None
    work: Mapping[str, int] = field(default_factory=dict)

    @property
    def targets_met(self) -> int:
        """Number of targets that are met, on unrounded values."""
        return sum(outcome.state is TargetState.MET for outcome in self.targets)

    @property
    def sinr_targets(self) -> tuple[Outcome, ...]:
        """Targets that ask for a SINR."""
        return tuple(item for item in self.targets if item.min_ss_sinr_db is not None)

    @property
    def focus_share(self) -> float:
        """Share of the focus weight that is served, 0..1; NaN when there is none."""
        return self.focus_served / self.focus_total if self.focus_total > 0 else float("nan")

    @property
    def synthetic(self) -> dict[str, float]:
        """Share of synthetic features or values per input layer, without the zeros."""
        return self.share_of("synthetic")

    def share_of(self, provenance: str) -> dict[str, float]:
        """Return the share of a provenance per input layer, without the zeros."""
        shares = {layer: by.get(provenance, 0.0) for layer, by in self.provenance.items()}
        return {layer: share for layer, share in shares.items() if share > 0}

    def step(self, name: str) -> Step | None:
        """Return a step by name, or None when the plan has none of it."""
        return next((step for step in self.steps if step.name == name), None)

    def standard_short(self, standard_id: str, language: str) -> str:
        """Return a standard's name without what it explains in brackets."""
        name = self.standard_name(standard_id, language)
        return name.partition(" (")[0].partition("（")[0]

    def standard_name(self, standard_id: str, language: str) -> str:
        """Return a standard's name, its id when the scenario does not define it."""
        for item in self.standards:
            if item.id == standard_id:
                return item.name_zh if language == "zh" else item.name_en
        return standard_id


def facts_of(scenario: Scenario, plan: Plan, coverage: Coverage) -> Facts:
    """Gather the facts of a plan from the question, the answer and what each option serves."""
    data = scenario.data
    focus = focus_of(scenario)
    served = served_demand(scenario, plan, coverage)[focus.standard_id]
    weight = data.demand.weights[focus.weight]
    chosen = scenario.options.technology[plan.selected]
    counts = Counter(int(index) for index in chosen)
    return Facts(
        area=Named(
            id=data.study_area.id,
            name_zh=data.study_area.name_zh,
            name_en=data.study_area.name_en,
        ),
        crs=data.study_area.crs,
        scenario=scenario.name,
        scenario_hash=plan.scenario_hash,
        status=plan.status,
        reason=plan.reason,
        stations=plan.stations,
        sites=plan.sites,
        cost_cny=plan.cost_cny,
        technologies=tuple(
            Station(
                id=item.id,
                name_zh=item.name_zh,
                name_en=item.name_en,
                station_class=item.station_class,
                band=item.band,
                count=counts[index],
                cost_cny=int(
                    scenario.options.cost_cny[plan.selected][np.equal(chosen, index)].sum()
                ),
            )
            for index, item in enumerate(scenario.technologies)
        ),
        standards=tuple(
            Named(id=item.id, name_zh=item.name_zh, name_en=item.name_en)
            for item in scenario.standards
        ),
        steps=plan.steps,
        targets=plan.targets,
        focus=focus,
        focus_served=float(weight[served].sum()),
        focus_total=float(weight.sum()),
        zone_names={
            zone.id: (zone.name_zh, zone.name_en)
            for zone in (*data.study_area.districts, *data.zones)
        },
        provenance=plan.provenance,
        credits=_credits(scenario),
        existing_sites=int(np.count_nonzero(data.sites.existing)),
        seed=plan.seed,
        runtime_s=plan.runtime_s,
        version=plan.version,
        rules=rule_facts(scenario),
        work=Counter(work_of(scenario.options, scenario.standing)[plan.selected].tolist())
        if len(scenario.standing)
        else {},
    )


def _credits(scenario: Scenario) -> tuple[str, ...]:
    """Name the sources of what a map shows; how a zone was drawn is left out."""
    data = scenario.data
    zones = [zone.source.rpartition("; ")[2] for zone in data.zones]
    named = [zone.source for zone in data.study_area.districts]
    named += [data.study_area.water_source, *zones]
    return tuple(dict.fromkeys(source for source in named if source))
