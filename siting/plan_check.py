"""The independent check: every claim of a plan recomputed from the raw input.

Nothing here is shared with the models or the solvers. Coverage is predicted again, every figure is
counted again, and both limits are evaluated again from the multipliers the plan carries. Whoever
trusts the physics, this file and a few lines of arithmetic need not trust the search.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from siting.coverage import Coverage, build_coverage
from siting.errors import Problem, VerificationError
from siting.exclusions.checking import broken_rules
from siting.plan import WEIGHT_TOLERANCE, Outcome, Plan, Step, TargetState, judge
from siting.proof import (
    cut_faults,
    served_points,
    service_limit,
    station_keys,
    target_weight,
    targets_limit,
)
from siting.radio.network.demand_quality import Ask, clear_points
from siting.scenario import Scenario
from siting.status import Sense, Status
from siting.technology import CoverageModel
from siting.zones import ZoneKind

#: Relative difference allowed between two sums of the same floats in another order.
SAME = 1e-9

_STRENGTH = (Status.OPTIMAL, Status.FEASIBLE, Status.UNKNOWN, Status.INFEASIBLE)


def verify_plan(scenario: Scenario, plan: Plan) -> None:
    """Recompute everything a plan claims; return when all of it holds.

    Parameters
    ----------
    scenario
        The question.
    plan
        The answer.

    Raises
    ------
    VerificationError
        Naming every discrepancy, claimed against recomputed.

    Notes
    -----
    The limits are those of :mod:`siting.proof`, rounded so that
    floating-point error can only weaken them. What a sentence says is checked only for the zones it
    must name.
    """
    check = _Check(scenario=scenario, plan=plan)
    check.identity()
    check.selection()
    check.outline()
    if check.found:
        # figures of a selection that makes no sense would only hide the cause
        raise VerificationError(check.found)
    check.coverage = build_coverage(scenario)
    check.clear = clear_points(scenario, plan.selected)
    check.totals()
    check.rules()
    check.outcomes()
    check.steps()
    check.origins()
    if check.found:
        raise VerificationError(check.found)


@dataclass(slots=True, kw_only=True, eq=False)
class _Check:
    """The claims of one plan, held against the recomputed values."""

    scenario: Scenario
    plan: Plan
    coverage: Coverage | None = None
    found: list[Problem] = field(default_factory=list)
    served: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    clear: Mapping[Ask, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def same(self, where: str, claimed: object, recomputed: object) -> bool:
        """Note a discrepancy unless two values are equal, floats up to the order of a sum."""
        if isinstance(claimed, float) and isinstance(recomputed, float):
            equal = math.isclose(claimed, recomputed, rel_tol=SAME, abs_tol=SAME)
        else:
            equal = claimed == recomputed
        if not equal:
            self.found.append(Problem(where, f"claimed {claimed!r}, recomputed {recomputed!r}"))
        return equal

    def holds(self, where: str, holds: bool, what: str) -> bool:  # noqa: FBT001
        """Note a discrepancy unless something holds."""
        if not holds:
            self.found.append(Problem(where, what))
        return holds

    def identity(self) -> None:
        """Question, seed, version, times."""
        plan, scenario = self.plan, self.scenario
        self.same("scenario_hash", plan.scenario_hash, scenario.hash)
        self.same("seed", plan.seed, scenario.seed)
        self.holds("version", bool(plan.version), "the version is missing")
        self.holds("reason", bool(plan.reason), "the reason is missing")
        self.holds(
            "runtime_s",
            math.isfinite(plan.runtime_s) and plan.runtime_s >= 0,
            f"{plan.runtime_s} is no time",
        )
        spent = sum(step.runtime_s for step in plan.steps)
        self.holds(
            "runtime_s", spent <= plan.runtime_s + 1e-6, f"steps took {spent} s of {plan.runtime_s}"
        )

    def selection(self) -> None:
        """Options exist, once each, and each belongs to a step."""
        selected, made_by = self.plan.selected, self.plan.chosen_in
        number = len(self.scenario.options)
        ordered = selected.ndim == 1 and bool(np.all(np.diff(selected) > 0))
        self.holds("selected", ordered, "not ascending, or an option is there twice")
        inside = not selected.size or (selected.min() >= 0 and selected.max() < number)
        self.holds("selected", bool(inside), f"an option lies outside 0..{number - 1}")
        if ordered and inside:
            keys = station_keys(self.scenario)
            alike = len(selected) - len({keys[option] for option in selected.tolist()})
            what = f"{alike} carriers are on air in two ways at one site"
            self.holds("selected", alike == 0, what)
        self.same("chosen_in", made_by.shape, selected.shape)
        steps = len(self.plan.steps)
        belongs = not made_by.size or (made_by.min() >= 0 and made_by.max() < steps)
        self.holds("chosen_in", bool(belongs), f"a step lies outside 0..{steps - 1}")

    def outline(self) -> None:
        """Hold the steps against those the scenario asks for, with whole certificates."""
        scenario = self.scenario
        expected: list[tuple[str, Sense, str]] = []
        if scenario.targets or scenario.locked_sites or len(scenario.standing):
            expected.append(("targets", Sense.MINIMISE, "CNY"))
        if any(step.name == "stations" for step in self.plan.steps):
            expected.append(("stations", Sense.MINIMISE, "stations"))
        if scenario.objective is not None:
            expected.append(("service", Sense.MAXIMISE, scenario.objective.weight))
        given = [(step.name, step.sense, step.unit) for step in self.plan.steps]
        self.same("steps", given, expected)
        for number, step in enumerate(self.plan.steps):
            where = f"steps[{number}]"
            good = math.isfinite(step.runtime_s) and step.runtime_s >= 0
            self.holds(f"{where}.runtime_s", good, f"{step.runtime_s} is no time")
            self.holds(f"{where}.reason", bool(step.reason), "the reason is missing")
            self._certificate(where, step)

    def _certificate(self, where: str, step: Step) -> None:
        proof = step.certificate
        if not self.holds(f"{where}.certificate", proof is not None, "missing") or proof is None:
            return
        names = {standard.id for standard in self.scenario.standards}
        self.same(f"{where}.certificate.cover", set(proof.cover), names)
        targets = 0 if step.name == "service" else len(self.scenario.targets)
        self.same(f"{where}.certificate.targets", proof.targets.shape, (targets,))
        shape = (len(self.scenario.data.demand),)
        faults = cut_faults(proof.cuts, len(names) * shape[0])
        if step.name == "service" and len(proof.cuts.prices):
            faults = ["cuts mean nothing where the most is served"]
        self.found += [Problem(f"{where}.certificate.cuts", what) for what in faults]
        for name, array in (*proof.cover.items(), ("targets", proof.targets)):
            if name != "targets":
                self.same(f"{where}.certificate.cover[{name}]", array.shape, shape)
            good = bool(np.isfinite(array).all() and (array >= 0).all())
            self.holds(f"{where}.certificate", good, f"{name} holds a negative or non-finite value")

    def totals(self) -> None:
        """Numbers of stations and sites, cost, locked sites, limit on stations."""
        plan, scenario = self.plan, self.scenario
        self.same("stations", plan.stations, len(plan.selected))
        sites = set(scenario.options.site[plan.selected].tolist())
        self.same("sites", plan.sites, len(sites))
        self.same("cost_cny", plan.cost_cny, self._cost(plan.selected))
        keys = station_keys(scenario)
        on_air = {keys[option] for option in plan.selected[plan.chosen_in == 0].tolist()}
        lost = {keys[option] for option in scenario.standing.tolist()} - on_air
        self.holds("selected", not lost, f"{len(lost)} stations that stand are off the air")
        if scenario.stations is not None:
            within = len(plan.selected) <= scenario.stations
            self.holds("stations", within, f"{len(plan.selected)} of {scenario.stations} allowed")

    def rules(self) -> None:
        """No option that is built breaks a rule about where stations may stand."""
        scenario = self.scenario
        if scenario.exclusions is not None:
            self.found += broken_rules(
                scenario.exclusions,
                scenario.options,
                self.plan.selected,
                sites=scenario.data.sites,
                technologies=scenario.technologies,
                coverage_model=scenario.coverage_model,
                terrain=scenario.data.terrain,
            )

    def _cost(self, selected: npt.NDArray[np.intp]) -> int:
        options, sites = self.scenario.options, self.scenario.data.sites
        opened = {int(options.site[option]) for option in selected}
        return sum(int(options.cost_cny[option]) for option in selected) + sum(
            int(sites.fixed_cost_cny[site]) for site in opened
        )

    def _locked_open(self, selected: npt.NDArray[np.intp]) -> bool:
        opened = {
            self.scenario.data.sites.id[site] for site in self.scenario.options.site[selected]
        }
        return set(self.scenario.locked_sites) <= opened

    def outcomes(self) -> None:
        """Every outcome, with and without a target."""
        wanted = self.scenario.targets
        if self.same("targets", len(self.plan.targets), len(wanted)):
            for number, (outcome, target) in enumerate(zip(self.plan.targets, wanted, strict=True)):
                key = (target.zone_id, target.standard_id, target.weight, target.required_fraction)
                self._outcome(f"targets[{number}]", outcome, key, target.min_ss_sinr_db)
        seen: set[tuple[str, str, str]] = set()
        for number, outcome in enumerate(self.plan.information):
            key = (outcome.zone_id, outcome.standard_id, outcome.weight)
            seen.add(key)
            self._outcome(f"information[{number}]", outcome, (*key, None))
        objective = self.scenario.objective
        for zone in self.scenario.data.study_area.districts if objective is not None else ():
            if objective is not None and zone.id in self.scenario.data.demand.zone_ids:
                key = (zone.id, objective.standard_id, objective.weight)
                self.holds("information", key in seen, f"{key} is missing")

    def _outcome(
        self,
        where: str,
        outcome: Outcome,
        key: tuple[str, str, str, float | None],
        sinr_db: float | None = None,
    ) -> None:
        zone_id, standard_id, weight, fraction = key
        given = (outcome.zone_id, outcome.standard_id, outcome.weight, outcome.required_fraction)
        if not self.same(where, given, key) or self.coverage is None:
            return
        self.same(f"{where}.min_ss_sinr_db", outcome.min_ss_sinr_db, sinr_db)
        known = (
            zone_id in self.scenario.data.demand.zone_ids
            and standard_id in self.coverage.by_standard
            and weight in self.scenario.data.demand.weights
        )
        if not self.holds(where, known, f"{key} is not part of the scenario"):
            return
        inside, able = target_weight(self.scenario, self.coverage, zone_id, standard_id, weight)
        served = self._served_by_plan(standard_id)
        total, reached, reachable = (
            float(part.sum()) for part in (inside, inside[served], inside[able])
        )
        self.same(f"{where}.total", float(outcome.total), total)
        self.same(f"{where}.served", float(outcome.served), reached)
        self.same(f"{where}.reachable", float(outcome.reachable), reachable)
        state, good = None, None
        if sinr_db is not None:
            good = float(inside[served & self.clear[standard_id, sinr_db]].sum())
        self.same(f"{where}.clear", outcome.clear, good)
        if fraction is not None:
            counted = reached if good is None else good
            state = judge(
                total=total, served=counted, reachable=reachable, required_fraction=fraction
            )
        self.same(f"{where}.state", outcome.state, state)
        if good is not None and state not in (TargetState.MET, TargetState.NOT_ASSESSABLE):
            self.holds("reason", zone_id in self.plan.reason, f"does not name {zone_id}")

    def _served_by_plan(self, standard_id: str) -> npt.NDArray[np.bool_]:
        """Return which points the whole plan serves by a standard; counted once."""
        assert self.coverage is not None  # noqa: S101
        if standard_id not in self.served:
            self.served[standard_id] = served_points(self.coverage, standard_id, self.plan.selected)
        return self.served[standard_id]

    def steps(self) -> None:
        """Values, limits and statuses of the steps and of the plan."""
        for number, step in enumerate(self.plan.steps):
            if step.name == "service":
                self._service(number, step)
            else:
                self._targets(number, step)
        worst = max((step.status for step in self.plan.steps), key=_STRENGTH.index)
        self.same("status", self.plan.status, worst)

    def _targets(self, number: int, step: Step) -> None:
        where = f"steps[{number}]"
        selected = self.plan.selected[self.plan.chosen_in == 0]
        assert self.coverage is not None and step.certificate is not None  # noqa: S101, PT018
        limit = targets_limit(self.scenario, self.coverage, step.certificate, unit=step.unit)
        self._limit(where, step, limit)
        met, impossible = self._met(selected)
        if step.name == "stations":
            self.same(f"{where}.value", float(step.value), float(len(selected)))
            self.same(
                f"{where}.status", step.status, self._stations_status(step.value, limit, met=met)
            )
            return
        self.same(f"{where}.value", float(step.value), float(self._cost(selected)))
        status = Status.OPTIMAL if step.value <= limit else Status.FEASIBLE
        if impossible:
            status = Status.INFEASIBLE
        elif not met:
            status = Status.INFEASIBLE if self._too_few_stations() else Status.UNKNOWN
        self.same(f"{where}.status", step.status, status)
        for zone_id in impossible:
            self.holds(f"{where}.reason", zone_id in step.reason, f"does not name {zone_id}")
            self.holds("reason", zone_id in self.plan.reason, f"does not name {zone_id}")

    @staticmethod
    def _stations_status(value: float, limit: float, *, met: bool) -> Status:
        if met:
            return Status.OPTIMAL if value <= limit else Status.FEASIBLE
        return Status.INFEASIBLE if limit > value else Status.UNKNOWN

    def _met(self, selected: npt.NDArray[np.intp]) -> tuple[bool, list[str]]:
        """Tell whether all that can be met is met, and name the zones that cannot be."""
        assert self.coverage is not None  # noqa: S101
        met, impossible = self._locked_open(selected), []
        for target in self.scenario.targets:
            weight, able = target_weight(
                self.scenario, self.coverage, target.zone_id, target.standard_id, target.weight
            )
            slack = WEIGHT_TOLERANCE * float(weight.sum())
            required = target.required_fraction * float(weight.sum())
            reachable = float(weight[able].sum())
            if reachable < required - slack:
                impossible.append(target.zone_id)
            served = served_points(self.coverage, target.standard_id, selected)
            met &= float(weight[served].sum()) >= min(required, reachable) - slack
        return met, impossible

    def _too_few_stations(self) -> bool:
        """Tell whether a step proves that the targets need more stations than there may be."""
        for step in self.plan.steps:
            if step.name == "stations" and self.scenario.stations is not None:
                return step.bound > self.scenario.stations
        return False

    def _service(self, number: int, step: Step) -> None:
        where = f"steps[{number}]"
        objective = self.scenario.objective
        assert self.coverage is not None and step.certificate is not None  # noqa: S101, PT018
        assert objective is not None  # noqa: S101
        fixed = self.plan.selected[self.plan.chosen_in < number]
        limit = service_limit(self.scenario, self.coverage, step.certificate, fixed)
        self._limit(where, step, limit)
        served = self._served_by_plan(objective.standard_id)
        weight = self.scenario.data.demand.weights[objective.weight]
        self.same(f"{where}.value", float(step.value), float(weight[served].sum()))
        status = Status.OPTIMAL if step.value >= limit else Status.FEASIBLE
        self.same(f"{where}.status", step.status, status)

    def _limit(self, where: str, step: Step, limit: float) -> None:
        """Hold a claimed limit against the certificate's: never stronger, and hardly weaker."""
        slack = 1.0 if step.sense is Sense.MAXIMISE else 1e-6 * max(abs(limit), 1.0)
        near = abs(step.bound - limit) <= max(slack, SAME * abs(limit))
        stronger = step.bound > limit if step.sense is Sense.MINIMISE else step.bound < limit
        self.holds(
            f"{where}.bound",
            near and not stronger,
            f"claimed {step.bound!r}, the multipliers prove {limit!r}",
        )

    def origins(self) -> None:
        """Shares of provenance."""
        data = self.scenario.data
        expected: dict[str, Mapping[str, float]] = {
            f"demand {name}": {origin.value: 1.0} for name, origin in data.demand.provenance.items()
        }
        expected["candidate sites"] = _shares(item.value for item in data.sites.provenance)
        expected["zones"] = _shares(
            zone.provenance.value for zone in data.zones if zone.kind is not ZoneKind.DISTRICT
        )
        expected["districts"] = _shares(zone.provenance.value for zone in data.study_area.districts)
        rules = self.scenario.exclusions
        asks = rules is not None and bool(rules.runways or rules.sensitive)
        asks |= self.scenario.coverage_model is CoverageModel.SECTORS
        if asks and data.terrain is not None:
            expected["terrain"] = {data.terrain_provenance.value: 1.0}
        if rules is not None and rules.provenance:
            expected["exclusions"] = _shares(item.value for item in rules.provenance)
        claimed = {layer: dict(shares) for layer, shares in self.plan.provenance.items()}
        if self.same("provenance", set(claimed), set(expected)):
            for layer, shares in expected.items():
                self.same(f"provenance[{layer}]", claimed[layer], dict(shares))


def _shares(origins: Iterable[str]) -> dict[str, float]:
    counted = Counter(origins)
    return {name: number / sum(counted.values()) for name, number in counted.items()}
