"""Who uses and who pays what where several operators share the sites of a plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from siting.messages import MESSAGES, say
from siting.report.blocks import Grid
from siting.text import count_text, money_text

if TYPE_CHECKING:
    from siting.plan import Plan
    from siting.scenario import Scenario
    from siting.text import Language

#: Stands for the stations whose technology names no operator.
UNNAMED = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorShare:
    """What one operator has of a plan.

    Parameters
    ----------
    operator
        Its name as the technologies give it; :data:`UNNAMED` for those that name none.
    stations, sites
        Stations it runs, alone or with others, and sites it is on.
    cost_cny
        Its part of the stations it runs and of the sites it is on [CNY].
    separate_cny
        The same, had it paid every one of these sites alone [CNY].
    """

    operator: str
    stations: int
    sites: int
    cost_cny: int
    separate_cny: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What sharing of sites brings.

    Parameters
    ----------
    operators
        One entry per operator of the plan, in the order in which technologies name them; the
        parts of the cost add up to the cost of the plan.
    sites
        Number of sites by the number of operators on them, from one on, (most,).
    """

    operators: tuple[OperatorShare, ...]
    sites: tuple[int, ...]

    @property
    def cost_cny(self) -> int:
        """Cost of the plan [CNY]."""
        return sum(item.cost_cny for item in self.operators)

    @property
    def separate_cny(self) -> int:
        """Cost with a site of its own for every operator [CNY]."""
        return sum(item.separate_cny for item in self.operators)

    @property
    def saving_cny(self) -> int:
        """What sharing the sites saves [CNY]."""
        return self.separate_cny - self.cost_cny


def plan_sharing(scenario: Scenario, plan: Plan) -> Sharing | None:
    """Divide a plan among the operators; None where no technology names any.

    Notes
    -----
    The cost of a station is divided evenly among those who run its technology, that of a site
    evenly among the operators on it; of what cannot be divided in whole CNY, the first ones named
    pay 1 CNY more. The saving counts sites alone: a carrier run together stays one station.
    """
    if not any(item.operators for item in scenario.technologies):
        return None
    order = dict.fromkeys(name for item in scenario.technologies for name in item.operators)
    sites, options = scenario.data.sites, scenario.options
    stations: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    separate: Counter[str] = Counter()
    on: dict[int, set[str]] = {}
    for option in plan.selected.tolist():
        runners = scenario.technologies[options.technology[option]].operators or (UNNAMED,)
        stations.update(runners)
        for name, part in _divided(int(options.cost_cny[option]), runners):
            cost[name] += part
            separate[name] += part
        on.setdefault(int(options.site[option]), set()).update(runners)
    for site, names in on.items():
        price = int(sites.fixed_cost_cny[site])
        paying = [name for name in order if name in names] or [UNNAMED]
        for name, part in _divided(price, paying):
            cost[name] += part
            separate[name] += price
    together = Counter(len(names - {UNNAMED}) for names in on.values())
    return Sharing(
        operators=tuple(
            OperatorShare(
                operator=name,
                stations=stations[name],
                sites=sum(name in names for names in on.values()),
                cost_cny=cost[name],
                separate_cny=separate[name],
            )
            for name in (*order, UNNAMED)
            if stations[name]
        ),
        sites=tuple(together[count] for count in range(1, max(together, default=0) + 1)),
    )


def operator_name(operator: str, language: Language) -> str:
    """Name an operator; one without a word of its own keeps the name it has in the data."""
    if operator == UNNAMED:
        return say("operator.none", language)
    key = f"operator.{operator}"
    return say(key, language) if key in MESSAGES else operator


def sharing_grid(sharing: Sharing, language: Language) -> Grid:
    """Return stations, sites, part of the cost and cost without sharing, per operator."""
    rows = [
        (
            operator_name(item.operator, language),
            count_text(item.stations),
            count_text(item.sites),
            money_text(item.cost_cny, language),
            money_text(item.separate_cny, language),
        )
        for item in sharing.operators
    ]
    heads = ("operator", "stations", "sites", "cost_part", "cost_separate")
    return Grid(
        heads=tuple(say(f"head.{head}", language) for head in heads),
        rows=tuple(rows),
        numeric=frozenset(range(1, len(heads))),
    )


def sharing_lines(sharing: Sharing, language: Language) -> list[str]:
    """Say how many operators the sites carry, and what sharing them saves."""
    counts = [*sharing.sites, 0, 0, 0]
    return [
        say(
            "sharing.sites",
            language,
            one=count_text(counts[0]),
            two=count_text(counts[1]),
            more=count_text(sum(counts[2:])),
        ),
        say(
            "sharing.saving",
            language,
            cost=money_text(sharing.cost_cny, language),
            separate=money_text(sharing.separate_cny, language),
            saving=money_text(sharing.saving_cny, language, "down"),
        ),
    ]


def _divided(amount_cny: int, among: tuple[str, ...] | list[str]) -> list[tuple[str, int]]:
    """Divide an amount evenly in whole CNY; the first ones take what is left over."""
    each, over = divmod(amount_cny, len(among))
    return [(name, each + (number < over)) for number, name in enumerate(among)]
