"""The rules applied to the options of a scenario that is being built."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from siting.errors import Problem
from siting.exclusions.decide import Decision, decide
from siting.exclusions.read import read_exclusions
from siting.exclusions.values import UNITS, Excluded, Exclusions, Lowered

if TYPE_CHECKING:
    from siting.scenario import PlanningData
    from siting.spec import ScenarioSpec
    from siting.technology import Options, Technology

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Restricted:
    """What the rules leave of a scenario's options.

    Parameters
    ----------
    options
        Those that may be chosen, at the heights they may stand.
    exclusions
        The rules, raw; None: there are none.
    excluded, lowered
        What was left out, and what stands lower, by site.
    """

    options: Options
    exclusions: Exclusions | None = None
    excluded: tuple[Excluded, ...] = ()
    lowered: tuple[Lowered, ...] = ()


def restrict(
    spec: ScenarioSpec,
    data: PlanningData,
    technologies: Sequence[Technology],
    options: Options,
    problems: list[Problem],
) -> Restricted:
    """Apply the rules of a document to options; note every fault in `problems`.

    Parameters
    ----------
    spec
        The document; without rules every option stays as it is.
    data
        Study area, candidate sites and terrain.
    technologies
        Those the options refer to.
    options
        Without the forbidden sites.
    problems
        Faults of shapes and runways, a locked site that the rules close, no option left.

    Raises
    ------
    InputError
        For a carrier or power that no exposure limit is known for.
    """
    if spec.exclusions is None or not len(options):
        return Restricted(options=options)
    faults: list[Problem] = []
    exclusions = read_exclusions(
        spec.exclusions, data.study_area, data.sites.xy, data.terrain, faults
    )
    problems += faults
    if faults:
        return Restricted(options=options)
    decision = decide(
        exclusions,
        options,
        site_xy=data.sites.xy,
        technologies=technologies,
        coverage_model=spec.coverage_model,
        terrain=data.terrain,
    )
    kept = replace(options, height_m=decision.height_m).take(decision.keep)
    problems += _closed(spec.locked_sites, data.sites.id, options, kept, decision)
    if not len(kept):
        counts = Counter(item.reason.value for item in decision.excluded)
        what = ", ".join(f"{reason} {count}" for reason, count in counts.items())
        hint = "make areas or buffers smaller, or give more candidate sites"
        problems.append(Problem("exclusions", f"leave no option at any site: {what}", hint))
    _LOG.info("exclusions: %d of %d options left, %d lowered", len(kept), len(options),
              len(decision.lowered))  # fmt: skip
    return Restricted(
        options=kept,
        exclusions=exclusions,
        excluded=decision.excluded,
        lowered=decision.lowered,
    )


def _closed(
    locked: Collection[str],
    ids: Sequence[str],
    options: Options,
    kept: Options,
    decision: Decision,
) -> list[Problem]:
    """Name the locked sites that lose every option, with what closes them."""
    before, after = set(options.site.tolist()), set(kept.site.tolist())
    lost = before - after
    found = []
    for site_id in sorted(set(locked)):
        mine = [item for item in decision.excluded if ids[item.site] == site_id]
        if not mine or mine[0].site not in lost:
            continue
        why = dict.fromkeys(map(reason_text, mine))
        found.append(
            Problem(
                "locked_sites",
                f"site {site_id!r} is locked, but exclusions leave it no option: {', '.join(why)}",
                "unlock it, or change the exclusion",
            )
        )
    return found


def reason_text(item: Excluded) -> str:
    """Say in a few words which rule leaves an option out, and by how much."""
    name = f" {item.by!r}" if item.by else ""
    unit = UNITS[item.reason]
    figures = f" ({item.amount:.3g} {unit} against {item.permitted:.3g} {unit})" if unit else ""
    return f"{item.reason.value}{name}{figures}"
