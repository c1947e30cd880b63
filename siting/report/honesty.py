"""Sentences about a plan: what it does, what is proved, and what the data can bear.

The texts are fixed and stand in :mod:`siting.messages`; here the numbers are put in, each rounded
to its unfavourable side.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from siting.messages import MESSAGES, say
from siting.plan import Step, TargetState
from siting.report.exclusions import rule_lines
from siting.standing import Work
from siting.status import Sense, Status
from siting.text import (
    UNKNOWN,
    Language,
    count_text,
    money_text,
    points_text,
    share_text,
    sinr_text,
    weight_text,
)

if TYPE_CHECKING:
    from siting.plan import Outcome
    from siting.report.facts import Facts

_PARTS_LISTED = 6


def headline(facts: Facts, language: Language) -> str:
    """Say in one sentence what the plan builds, costs and reaches."""
    if not facts.stations:
        return say("sentence.no_site", language)
    sentence = say(
        "sentence.plan",
        language,
        stations=count_text(facts.stations),
        sites=count_text(facts.sites),
        cost=money_text(facts.cost_cny, language),
        met=facts.targets_met,
        targets=len(facts.targets),
    )
    if not math.isfinite(facts.focus_share):
        return sentence + say("sentence.end", language)
    return sentence + say(
        "sentence.served",
        language,
        standard=facts.standard_short(facts.focus.standard_id, language),
        weight=say(f"weight.{facts.focus.weight}", language),
        share=share_text(facts.focus_share, language),
    )


def synthetic_line(facts: Facts, language: Language) -> str:
    """Say plainly what part of the input is synthetic; stands first wherever a plan is shown."""
    synthetic = facts.synthetic
    if not synthetic:
        return say("honesty.real_only", language)
    demand = max((share for layer, share in synthetic.items() if "demand" in layer), default=0.0)
    parts: list[str] = []
    if demand > 0:
        share = share_text(demand, language, "up")
        parts.append(say("honesty.synthetic", language, share=share))
    others = {layer: share for layer, share in synthetic.items() if "demand" not in layer}
    if others:
        parts.append(say("honesty.synthetic_layers", language, layers=_layers(others, language)))
    if not demand > 0:
        parts.append(say("honesty.demonstration", language))
    return _join(parts, language)


def approximate_line(facts: Facts, language: Language) -> str:
    """Say which layers hold approximate positions or outlines; empty when none does."""
    shares = facts.share_of("approximate")
    if not shares:
        return ""
    return say("honesty.approximate_layers", language, layers=_layers(shares, language))


def honesty_lines(facts: Facts, language: Language) -> list[str]:
    """Say how far the plan can be trusted, one sentence a line: status, bounds, data."""
    lines: list[str] = []
    unmet = [item for item in facts.targets if item.state is TargetState.IMPOSSIBLE]
    if facts.status is Status.INFEASIBLE:
        lines.append(_infeasible(facts, unmet, language))
    lines += [line for step in facts.steps if (line := step_line(facts, step, language))]
    if facts.status is Status.UNKNOWN:
        lines.append(say("honesty.unknown", language))
    if facts.sinr_targets:
        lines.append(_sinr_line(facts, language))
    if not facts.existing_sites:
        lines.append(say("honesty.no_existing", language))
    if facts.work:
        count = {item.value: count_text(facts.work.get(item.value, 0)) for item in Work}
        lines.append(say("honesty.standing", language, **count))
    if facts.rules is not None:
        lines += rule_lines(facts.rules, language)
    if approximate := approximate_line(facts, language):
        lines.append(approximate)
    lines.append(say("honesty.unapproved", language))
    return lines


def step_line(facts: Facts, step: Step, language: Language) -> str:
    """Say what one optimisation reached and what is proved about it; empty when nothing is."""
    if step.unit == "stations" and math.isfinite(step.bound):
        bound, value = count_text(step.bound, "down"), count_text(step.value, "up")
        return say("honesty.stations", language, bound=bound, value=value)
    if step.status in {Status.UNKNOWN, Status.INFEASIBLE} or not math.isfinite(step.bound):
        return ""
    if step.sense is Sense.MINIMISE:
        return _cost_line(facts, step, language)
    return _service_line(facts, step, language)


def _cost_line(facts: Facts, step: Step, language: Language) -> str:
    value = money_text(step.value, language)
    # where a SINR is asked the step speaks of level alone
    key = "honesty.levels_cost" if facts.sinr_targets else "honesty.cost"
    if step.status is Status.OPTIMAL:
        return say(f"{key}_optimal", language, value=value)
    return say(
        key,
        language,
        value=value,
        bound=money_text(step.bound, language, "down"),
        gap=money_text(max(0.0, step.value - step.bound), language),
    )


def _service_line(facts: Facts, step: Step, language: Language) -> str:
    # What the targets' stations serve is taken as given, and the bound holds under that condition.
    given = facts.step("targets") is not None
    condition = say("honesty.given_targets", language) if given else ""
    if step.status is Status.OPTIMAL:
        sentence = say("honesty.optimal", language)
    else:
        sentence = say("honesty.feasible", language, **_bounds(facts, step, language))
    return _join([sentence, condition], language)


def _bounds(facts: Facts, step: Step, language: Language) -> dict[str, str]:
    """Write value, bound and their distance as shares where the total is known."""
    total = facts.focus_total
    if step.unit == facts.focus.weight and total > 0:
        return {
            "value": share_text(step.value / total, language),
            "bound": share_text(min(1.0, step.bound / total), language, "up"),
            "gap": points_text(max(0.0, min(total, step.bound) - step.value) / total, language),
        }
    return {
        "value": weight_text(step.value, step.unit, language, "down"),
        "bound": weight_text(step.bound, step.unit, language, "up"),
        "gap": weight_text(max(0.0, step.bound - step.value), step.unit, language, "up"),
    }


def bound_text(step: Step, language: Language) -> str:
    """Write a step's bound with its unit, rounded outward."""
    rounding = "down" if step.sense is Sense.MINIMISE else "up"
    if step.unit == "CNY":
        return money_text(step.bound, language, rounding)
    return weight_text(step.bound, step.unit, language, rounding)


def step_name(step: Step, language: Language) -> str:
    """Name an optimisation; an unknown one keeps its own name."""
    key = f"step.{step.name}"
    return say(key, language) if key in MESSAGES else step.name


def value_text(step: Step, language: Language) -> str:
    """Write what a step reached with its unit, rounded to the unfavourable side."""
    if step.unit == "CNY":
        return money_text(step.value, language)
    # What is minimised is rounded up, what is served down.
    rounding = "up" if step.sense is Sense.MINIMISE else "down"
    return weight_text(step.value, step.unit, language, rounding)


def gap_text(step: Step, language: Language) -> str:
    """Write a step's relative gap, rounded up; a dash when there is nothing to compare."""
    return share_text(step.gap, language, "up") if math.isfinite(step.gap) else UNKNOWN


def layer_name(layer: str, language: Language) -> str:
    """Name an input layer; an unknown one keeps its own name."""
    key = f"layer.{layer.replace(' ', '_')}"
    aliases = {"layer.demand_area_m2": "layer.demand_area"}
    key = aliases.get(key, key)
    return say(key, language) if key in MESSAGES else layer


def _sinr_line(facts: Facts, language: Language) -> str:
    """Say whether the SINR that is asked is there, and name the zones that are short of it."""
    count = count_text(len(facts.sinr_targets))
    fine = {TargetState.MET, TargetState.NOT_ASSESSABLE}
    short = [item for item in facts.sinr_targets if item.state not in fine]
    if not short:
        return say("honesty.sinr_met", language, count=count)
    parts = [
        say(
            "honesty.sinr_zone",
            language,
            zone=zone_name(facts, item.zone_id, language),
            share=share_text(item.clear_share, language),
            required=share_text(item.required_fraction or 0.0, language, "up"),
            sinr=sinr_text(item.min_ss_sinr_db or 0.0),
        )
        for item in short
    ]
    what = ("、" if language == "zh" else "; ").join(parts)
    return say("honesty.sinr_missed", language, count=count, what=what)


def _infeasible(facts: Facts, unmet: list[Outcome], language: Language) -> str:
    if not unmet:
        return say("honesty.infeasible_rule", language, what=facts.reason.rstrip("."))
    separator = "、" if language == "zh" else ", "
    what = [
        f"{zone_name(facts, item.zone_id, language)} "
        f"{share_text(item.required_fraction or 0.0, language, 'up')}"
        for item in unmet[:_PARTS_LISTED]
    ]
    best = [
        share_text(item.reachable / item.total if item.total > 0 else 0.0, language)
        for item in unmet[:_PARTS_LISTED]
    ]
    more = [] if len(unmet) <= _PARTS_LISTED else ["…"]
    return say(
        "honesty.infeasible",
        language,
        what=separator.join(what + more),
        best=separator.join(best + more),
    )


def zone_name(facts: Facts, zone_id: str, language: Language) -> str:
    """Return a zone's name, its id when it is not known."""
    chinese, english = facts.zone_names.get(zone_id, (zone_id, zone_id))
    return chinese if language == "zh" else english


def _layers(shares: dict[str, float], language: Language) -> str:
    separator = "、" if language == "zh" else ", "
    return separator.join(
        f"{layer_name(layer, language)} {share_text(share, language, 'up')}"
        for layer, share in shares.items()
    )


def _join(parts: list[str], language: Language) -> str:
    return ("" if language == "zh" else " ").join(part for part in parts if part)
