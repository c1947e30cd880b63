"""The scenario: everything a plan answers to, in one immutable value with an identity."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from siting.errors import Problem, ScenarioError, raise_if
from siting.exclusions import Excluded, Exclusions, Lowered, restrict
from siting.provenance import Provenance
from siting.standing import stand
from siting.technology import (
    CoverageModel,
    Options,
    ServiceStandard,
    Technology,
    enumerate_options,
)
from siting.zones import ZoneKind

if TYPE_CHECKING:
    from siting.demand import Demand
    from siting.radio.ground.terrain import Terrain
    from siting.sites import CandidateSites
    from siting.spec import ScenarioSpec, TargetSpec
    from siting.zones import StudyArea, Zone


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanningData:
    """What questions are asked about: a study area with its zones, demand, sites and equipment.

    Parameters
    ----------
    study_area
        City, districts, water, working CRS.
    zones
        Every zone targets may name, districts included.
    demand, sites
        Demand points and candidate sites in the working CRS.
    technologies, standards
        The library a scenario picks from by id.
    terrain
        Ground and clutter in the working CRS; None: level ground.
    terrain_provenance, terrain_source
        Origin of the terrain; missing and empty without one.
    """

    study_area: StudyArea
    zones: tuple[Zone, ...]
    demand: Demand
    sites: CandidateSites
    technologies: tuple[Technology, ...]
    standards: tuple[ServiceStandard, ...]
    terrain: Terrain | None = None
    terrain_provenance: Provenance = Provenance.MISSING
    terrain_source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneTarget:
    """One zone, one standard: the share of a weight that must be served.

    Parameters
    ----------
    zone_id, standard_id
        What is asked, of which zone.
    weight
        Name of the demand weight that is counted.
    required_fraction
        Share of the zone's weight that must be served, 0..1.
    min_ss_sinr_db
        Least SS-SINR at a place that counts [dB], predicted on the whole plan; None: level alone
        decides.
    """

    zone_id: str
    standard_id: str
    weight: str
    required_fraction: float
    min_ss_sinr_db: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What the stations left after the targets serve the most of."""

    standard_id: str
    weight: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """The whole question, self-contained: the same scenario and seed give the same plan.

    Parameters
    ----------
    name
        Name shown to people; not part of the identity.
    data
        Study area, zones, demand and candidate sites.
    technologies, standards
        Those in use, in the order options and coverage refer to them.
    coverage_model
        What decides whether a station serves a place.
    options
        Every technology at every site that can host it, aimed in every way, without the forbidden
        sites.
    targets
        What must be reached at least cost (step one).
    objective
        What the remaining stations serve the most of (step two), or None.
    stations
        Base stations in all, or None: only the targets are planned.
    locked_sites
        Ids of sites that must carry at least one option.
    standing
        Options that stations which stand are now, ascending, (e,): their carriers stay on air at
        their sites, in this or another way.
    seed, max_runtime_s, gap
        Search settings, see :class:`siting.spec.SolveSpec`.
    load
        Share of a cell's power that disturbs its neighbours, 0..1; counts where a target asks for
        a SINR.
    exclusions
        Where nothing may stand, raw, for whoever checks a plan; None: no such rule. The options
        obey it already, so it is no part of the identity beside them.
    excluded, lowered
        What these rules left out of the options, and what they lowered.
    """

    name: str
    data: PlanningData
    technologies: tuple[Technology, ...]
    standards: tuple[ServiceStandard, ...]
    coverage_model: CoverageModel = CoverageModel.DISTANCE
    options: Options
    targets: tuple[ZoneTarget, ...]
    objective: Objective | None = None
    stations: int | None = None
    locked_sites: tuple[str, ...] = ()
    standing: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    seed: int = 0
    max_runtime_s: float = 60.0
    gap: float = 0.0
    load: float = 0.5
    exclusions: Exclusions | None = None
    excluded: tuple[Excluded, ...] = ()
    lowered: tuple[Lowered, ...] = ()
    _hash: list[str] = field(default_factory=list, repr=False)

    @property
    def hash(self) -> str:
        """SHA-256 over every value that can change the plan, as 64 hex digits.

        Names, sources and licences are left out; seed and search settings are part of it.
        """
        if not self._hash:
            self._hash.append(_digest(self))
        return self._hash[0]

    @property
    def directed(self) -> npt.NDArray[np.bool_]:
        """Options whose antennas have a direction, shape (k,)."""
        if self.coverage_model is CoverageModel.DISTANCE:
            return np.zeros(len(self.options), dtype=np.bool_)
        aimed = np.array([item.sectors is not None for item in self.technologies], dtype=np.bool_)
        return aimed[self.options.technology]

    @property
    def sinr_targets(self) -> tuple[tuple[str, float], ...]:
        """Standard and least SS-SINR [dB] of every target that asks for one, each pair once."""
        return tuple(
            dict.fromkeys(
                (target.standard_id, target.min_ss_sinr_db)
                for target in self.targets
                if target.min_ss_sinr_db is not None
            )
        )

    @property
    def reads_terrain(self) -> bool:
        """Whether the plan depends on the terrain, where there is one."""
        if self.coverage_model is CoverageModel.SECTORS:
            return True
        return self.exclusions is not None and self.exclusions.read_terrain

    def replace(self, **changes: Any) -> Scenario:
        """Return a variant with some fields changed."""
        return dataclasses.replace(self, _hash=[], **changes)

    def zone(self, zone_id: str) -> Zone:
        """Return a zone by id.

        Raises
        ------
        KeyError
            When the scenario has no such zone.
        """
        for zone in self.data.zones:
            if zone.id == zone_id:
                return zone
        raise KeyError(zone_id)


def build_scenario(spec: ScenarioSpec, data: PlanningData) -> Scenario:
    """Look up everything `spec` names in `data`; refuse it whole when anything is wrong.

    Raises
    ------
    ScenarioError
        With every fault: unknown zone, kind without zones, unknown standard, technology, weight
        or site, a site both locked and forbidden, no candidate left, no target and no objective,
        an objective without a number of stations, exclusions that are no shapes near the study
        area, close a locked site or leave no option; a SINR that is asked without sectors or of
        demand that is no grid; stations that stand where no option is, or twice.
    """
    problems: list[Problem] = []
    technologies = _technologies(spec, data, problems)
    standards = _standards(spec, data, problems)
    targets = _targets(spec, data, {item.id for item in standards}, problems)
    objective = None
    if spec.objective is not None:
        objective = Objective(standard_id=spec.objective.standard, weight=spec.objective.weight)
        _check_named(
            problems, "objective", objective, {item.id for item in standards}, data.demand.weights
        )
        if spec.stations is None:
            problems.append(
                Problem("stations", "an objective needs the number of stations", "add stations = …")
            )
    if not targets and objective is None and not problems:
        problems.append(Problem("targets", "neither a target nor an objective", "add [[targets]]"))
    options = _options(spec, data, technologies, problems)
    left = restrict(spec, data, technologies, options, problems)
    standing = stand(spec, data.sites, technologies, left.options, problems)
    used = {target.standard_id for target in targets}
    if objective is not None:
        used.add(objective.standard_id)
    problems += _unknown_operators(
        (*data.technologies, *technologies), [item for item in standards if item.id in used]
    )
    problems += _sinr_problems(spec, data)
    raise_if(problems, ScenarioError)
    return Scenario(
        name=spec.name,
        data=data if not spec.existing else dataclasses.replace(data, sites=standing.sites),
        technologies=technologies,
        standards=tuple(item for item in standards if item.id in used),
        coverage_model=spec.coverage_model,
        options=standing.options,
        standing=standing.present,
        targets=targets,
        objective=objective,
        stations=spec.stations,
        locked_sites=tuple(sorted(set(spec.locked_sites))),
        seed=spec.solve.seed,
        max_runtime_s=spec.solve.max_runtime_s,
        gap=spec.solve.gap,
        load=spec.network.load,
        exclusions=left.exclusions,
        excluded=left.excluded,
        lowered=left.lowered,
    )


def _technologies(
    spec: ScenarioSpec, data: PlanningData, problems: list[Problem]
) -> tuple[Technology, ...]:
    if not spec.technologies:
        return data.technologies
    library = {item.id: item for item in data.technologies}
    chosen: list[Technology] = []
    for number, item in enumerate(spec.technologies):
        if isinstance(item, Technology):
            chosen.append(item)
        elif item in library:
            chosen.append(library[item])
        else:
            problems.append(
                Problem(f"technologies[{number}]", f"unknown technology {item!r}", _known(library))
            )
    for number, item in enumerate(chosen):
        if item.sectors is not None:
            problems.extend(item.sectors.problems(f"technologies[{number}].sectors"))
    problems.extend(
        Problem("technologies", f"technology {name!r} is given twice")
        for name in _repeated(item.id for item in chosen)
    )
    return tuple(chosen)


def _standards(
    spec: ScenarioSpec, data: PlanningData, problems: list[Problem]
) -> tuple[ServiceStandard, ...]:
    own = {item.id for item in spec.standards}
    problems.extend(
        Problem("standards", f"standard {name!r} is given twice")
        for name in _repeated(item.id for item in spec.standards)
    )
    return tuple(item for item in data.standards if item.id not in own) + spec.standards


def _unknown_operators(
    technologies: Iterable[Technology], standards: Iterable[ServiceStandard]
) -> Iterable[Problem]:
    """Name the operators of standards that run none of the technologies."""
    known = {name for item in technologies for name in item.operators}
    for standard in standards:
        for name in standard.operators:
            if name not in known:
                what = f"operator {name!r} runs none of the technologies"
                yield Problem(f"standards[{standard.id}].operators", what, _known(known))


def _targets(
    spec: ScenarioSpec, data: PlanningData, standards: set[str], problems: list[Problem]
) -> tuple[ZoneTarget, ...]:
    found: dict[tuple[str, str, str], ZoneTarget] = {}
    for number, item in enumerate(spec.targets):
        where = f"targets[{number}]"
        probe = Objective(standard_id=item.standard, weight=item.weight)
        _check_named(problems, where, probe, standards, data.demand.weights)
        for zone_id in _zones_of(item, where, data, problems):
            key = (zone_id, item.standard, item.weight)
            target = ZoneTarget(
                zone_id=zone_id,
                standard_id=item.standard,
                weight=item.weight,
                required_fraction=item.required_fraction,
                min_ss_sinr_db=item.min_ss_sinr_db,
            )
            if found.get(key, target) != target:
                what = f"zone {zone_id!r} has the target {item.standard!r} by {item.weight} twice: "
                what += f"{_asked(found[key])} and {_asked(target)}"
                problems.append(Problem(where, what, "keep one of them"))
            found[key] = target
    return tuple(found.values())


def _asked(target: ZoneTarget) -> str:
    """Write what a target asks for."""
    sinr = target.min_ss_sinr_db
    return f"{target.required_fraction}" + ("" if sinr is None else f" with {sinr:g} dB")


def _sinr_problems(spec: ScenarioSpec, data: PlanningData) -> Iterable[Problem]:
    """Name the targets that ask for a SINR where none can be predicted."""
    for number, item in enumerate(spec.targets):
        where = f"targets[{number}].min_ss_sinr_db"
        if item.min_ss_sinr_db is None:
            continue
        if spec.coverage_model is not CoverageModel.SECTORS:
            what = f"is asked with coverage_model {spec.coverage_model.value!r}, "
            what += "which predicts no interference"
            yield Problem(where, what, "set coverage_model = 'sectors', or leave it out")
        if data.demand.cell_size_m is None:
            what = "is asked of scattered demand points; interference is predicted on a grid"
            yield Problem(where, what, "load demand as a grid, or leave it out")


def _zones_of(
    item: TargetSpec, where: str, data: PlanningData, problems: list[Problem]
) -> Iterable[str]:
    known = {zone.id: zone for zone in data.zones}
    for zone_id in item.zones:
        if zone_id in known:
            yield zone_id
        else:
            problems.append(Problem(f"{where}.zones", f"unknown zone {zone_id!r}", _known(known)))
    for kind in item.kinds:
        members = [zone.id for zone in data.zones if zone.kind is ZoneKind(kind)]
        if not members:
            problems.append(
                Problem(f"{where}.kinds", f"the study area has no zone of kind {kind.value!r}")
            )
        yield from members


def _check_named(
    problems: list[Problem],
    where: str,
    item: Objective,
    standards: set[str],
    weights: Iterable[str],
) -> None:
    if item.standard_id not in standards:
        problems.append(
            Problem(
                f"{where}.standard",
                f"unknown service standard {item.standard_id!r}",
                _known(standards),
            )
        )
    if item.weight not in weights:
        problems.append(
            Problem(f"{where}.weight", f"unknown weight {item.weight!r}", _known(weights))
        )


def _options(
    spec: ScenarioSpec,
    data: PlanningData,
    technologies: tuple[Technology, ...],
    problems: list[Problem],
) -> Options:
    known = set(data.sites.id)
    for name, ids in (
        ("locked_sites", spec.locked_sites),
        ("forbidden_sites", spec.forbidden_sites),
    ):
        problems.extend(
            Problem(name, f"unknown site {site_id!r}", "ids are those of the candidate sites")
            for site_id in ids
            if site_id not in known
        )
    problems.extend(
        Problem("locked_sites", f"site {site_id!r} is locked and forbidden", "drop one of the two")
        for site_id in sorted(set(spec.locked_sites) & set(spec.forbidden_sites))
    )
    every = enumerate_options(data.sites, technologies, spec.coverage_model)
    if not len(data.sites):
        problems.append(Problem("sites", "there is no candidate site", "load candidate sites"))
        return every
    forbidden = set(spec.forbidden_sites)
    allowed = np.array([site_id not in forbidden for site_id in data.sites.id], dtype=bool)
    keep = allowed[every.site]
    if not keep.any() and technologies:
        problems.append(
            Problem("sites", "no candidate site can host any of the technologies", "check hosts")
        )
    hosting = set(np.unique(every.site[keep]).tolist())
    position = {site_id: index for index, site_id in enumerate(data.sites.id)}
    problems.extend(
        Problem("locked_sites", f"site {site_id!r} can host none of the technologies")
        for site_id in spec.locked_sites
        if site_id in known and site_id not in forbidden and position[site_id] not in hosting
    )
    return every.take(keep)


def _known(names: Iterable[str]) -> str:
    return "known: " + ", ".join(sorted(names))


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    twice: list[str] = []
    for name in names:
        if name in seen:
            twice.append(name)
        seen.add(name)
    return twice


def _digest(scenario: Scenario) -> str:
    """Hash every value that can change the plan, in a fixed order."""
    demand, sites, options = scenario.data.demand, scenario.data.sites, scenario.options
    membership = demand.zones.tocsr().sorted_indices()
    digest = hashlib.sha256()
    settings = {
        "crs": scenario.data.study_area.crs,
        "technologies": [_in_every_question(item) for item in scenario.technologies],
        "standards": [_in_every_question(item) for item in scenario.standards],
        "targets": [_target_values(item) for item in scenario.targets],
        "objective": dataclasses.asdict(scenario.objective) if scenario.objective else None,
        "stations": scenario.stations,
        "locked_sites": scenario.locked_sites,
        "seed": scenario.seed,
        "max_runtime_s": scenario.max_runtime_s,
        "gap": scenario.gap,
        "zone_ids": demand.zone_ids,
        "site_ids": list(sites.id),
        "weights": sorted(demand.weights),
    }
    if scenario.coverage_model is CoverageModel.SECTORS:
        settings["coverage_model"] = scenario.coverage_model
        settings["sectors"] = [_plain(item)["sectors"] for item in scenario.technologies]
    if any(item.operators for item in scenario.standards):
        named = (*scenario.technologies, *scenario.standards)
        settings["operators"] = [item.operators for item in named]
    if len(scenario.standing):
        settings["standing"] = scenario.standing.tolist()
    if scenario.sinr_targets:
        settings["network"] = {"load": scenario.load, "cell_size_m": demand.cell_size_m}
    digest.update(json.dumps(settings, sort_keys=True, ensure_ascii=False).encode())
    arrays = [
        demand.id,
        demand.xy,
        *(demand.weights[name] for name in sorted(demand.weights)),
        membership.indptr.astype(np.int64),
        membership.indices.astype(np.int64),
        sites.xy,
        sites.height_m,
        sites.fixed_cost_cny,
        options.site.astype(np.int64),
        options.technology.astype(np.int64),
        options.height_m,
        options.cost_cny,
    ]
    if scenario.coverage_model is CoverageModel.SECTORS:
        arrays += [options.turn_deg, options.tilt_deg, *_terrain_arrays(scenario.data.terrain)]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _terrain_arrays(terrain: Terrain | None) -> list[np.ndarray]:
    """Return everything of a terrain that a prediction depends on."""
    if terrain is None:
        return []
    grid = terrain.grid
    place = np.array([grid.west_m, grid.south_m, grid.cell_size_m, grid.columns, grid.rows])
    clutter = [] if terrain.clutter_m is None else [terrain.clutter_m]
    return [place, terrain.ground_m, *clutter]


def _target_values(target: ZoneTarget) -> dict[str, Any]:
    """Return what a target asks for; a SINR only where there is one."""
    values = dataclasses.asdict(target)
    if target.min_ss_sinr_db is None:
        del values["min_ss_sinr_db"]
    return values


def _in_every_question(item: Technology | ServiceStandard) -> dict[str, Any]:
    """Return what counts in every coverage model, whether or not a standard names operators."""
    values = _plain(item)
    values.pop("sectors", None)
    del values["operators"]
    return values


def _plain(item: Technology | ServiceStandard) -> dict[str, Any]:
    names: Sequence[str] = ("name_zh", "name_en", "source")
    return {key: value for key, value in dataclasses.asdict(item).items() if key not in names}
