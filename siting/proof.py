"""What a plan's multipliers prove: both limits evaluated from coverage, weights and costs alone.

Part of the independent check in :mod:`siting.plan_check`; it knows nothing of the search that found
the multipliers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.coverage import Coverage
from siting.plan import WEIGHT_TOLERANCE, Certificate, Cuts
from siting.scenario import Scenario

#: Relative error of a float64 sum of up to some thousand terms, with room to spare.
ROUNDING = 2.0**-40
#: Sets of options of one site that are looked at together, the empty one among them; the stations
#: that would make them more, in the order of their first options, begin another block. Then the
#: most options of a block.
MOST_SETS, MOST_OPTIONS = 256, 62

#: The options of each station of a block.
_Block = list[list[int]]


def targets_limit(
    scenario: Scenario, coverage: Coverage, proof: Certificate, *, unit: str
) -> float:
    """Return the limit below which no answer to the targets costs, by a certificate.

    Parameters
    ----------
    unit
        ``"CNY"`` for costs, ``"stations"`` when every option counts one and sites are free.

    Notes
    -----
    With prices u >= 0 and multipliers lambda >= 0::

        sum_t lambda_t R_t + sum_i min(0, u_i - sum_t lambda_t w_ti)
        + sum_j min over S of f_j [S not empty] + sum_{o in S} c_o - sum_{i served by S} u_i

    where S are sets of options of site j, at most one of each station (a carrier at the site). R_t
    is what the target requires, or all that can be reached if that is less, minus the tolerance of
    :func:`siting.plan.judge`. Every plan that meets the targets pays at least this much, because
    each term only leaves a rule out and charges for breaking it.

    A cut is half the sum of rows ``sum of the sets that serve i + (1 if i is not served) >= 1``,
    each coefficient and the right side rounded up, which whole answers keep. With price v_q it adds
    v_q times its right side; a set S earns v_q times what the cut counts of it, and so does a point
    that is not served, in the second sum: there min(u_i - sum_t lambda_t w_ti, -v_q k_qi) is what
    a point adds, or points that the same options serve together.
    """
    sites, options = scenario.data.sites, scenario.options
    counting = unit == "stations"
    option_cost = np.ones(len(options)) if counting else options.cost_cny.astype(np.float64)
    site_cost = np.zeros(len(sites)) if counting else sites.fixed_cost_cny.astype(np.float64)
    worth = {name: np.zeros(len(scenario.data.demand)) for name in proof.cover}
    gains: list[float] = []
    for multiplier, target in zip(proof.targets.tolist(), scenario.targets, strict=True):
        weight, able = target_weight(
            scenario, coverage, target.zone_id, target.standard_id, target.weight
        )
        total = float(weight.sum())
        need = min(target.required_fraction * total, float(weight[able].sum()))
        gains.append(multiplier * max(need - WEIGHT_TOLERANCE * total, 0.0))
        worth[target.standard_id] += multiplier * weight
    cuts = _priced_cuts(scenario, coverage, proof)
    left = {name: proof.cover[name] - worth[name] for name in proof.cover}
    misses = _least_per_point(coverage, left, cuts.charged)
    places, served = _least_per_site(
        scenario, coverage, proof, (option_cost, site_cost), cuts.earned
    )
    size = math.fsum(gains) + served + float(option_cost.sum() + site_cost.sum())
    size += math.fsum(float(item.sum()) for item in (*worth.values(), *proof.cover.values()))
    size += cuts.size
    terms = itertools.chain(gains, places, cuts.right, misses)
    limit = math.fsum(terms) - ROUNDING * size
    step = math.gcd(*(int(cost) for cost in {*option_cost.tolist(), *site_cost.tolist()}))
    return float(max(0, math.ceil(limit / step)) * step) if step else 0.0


def _least_per_point(
    coverage: Coverage,
    left: Mapping[str, npt.NDArray[np.float64]],
    charged: Mapping[str, npt.NDArray[np.float64]],
) -> list[float]:
    """Return what points add by every standard: `left` where served, ``-charged`` where not.

    Points with a charge, and all that the same options serve, are served together.
    """
    alike: dict[bytes, list[tuple[float, float]]] = {}
    lists = {}
    for name, matrix in coverage.by_standard.items():
        if name not in left:
            continue
        begins, options = matrix.indptr.tolist(), matrix.indices.astype(np.int64)
        lists[name] = (
            [options[begin:end].tobytes() for begin, end in itertools.pairwise(begins)]
            if any(charge.any() for charge in charged.values())
            else []
        )
        for point in np.flatnonzero(charged[name] > 0).tolist():
            alike[lists[name][point]] = []
    alike.pop(b"", None)
    terms: list[float] = []
    for name, values in left.items():
        alone = np.ones(len(values), dtype=bool)
        for point, key in enumerate(lists[name]):
            if key in alike:
                alike[key].append((float(values[point]), float(charged[name][point])))
                alone[point] = False
        terms += np.minimum(values, -charged[name])[alone].tolist()
    for group in alike.values():
        served, free = (math.fsum(part) for part in zip(*group, strict=True))
        terms.append(min(served, -free))
    return terms


def _least_per_site(
    scenario: Scenario,
    coverage: Coverage,
    proof: Certificate,
    costs: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    earned: Mapping[tuple[int, ...], float],
) -> tuple[list[float], float]:
    """Return the least charge of every site, and the sum of prices over all options.

    `costs` are those of options and sites, `earned` is what sets of options earn by cuts.
    """
    option_cost, site_cost = costs
    rows, values = _priced_rows(coverage, proof)
    locked = set(scenario.locked_sites)
    least: list[float] = []
    served = float(sum(prices.sum() for prices in values))
    for site, blocks in _site_blocks(scenario).items():
        best, cheapest = 0.0, math.inf
        for block in blocks:
            lowest = _least_of_block(block, rows, values, option_cost, earned)
            best += min(0.0, lowest)
            cheapest = min(cheapest, lowest)
        opened = float(site_cost[site]) + (best if best < 0 else cheapest)
        must = scenario.data.sites.id[site] in locked
        least.append(opened if must else min(0.0, opened))
    return least, served


def _site_blocks(scenario: Scenario) -> Mapping[int, list[_Block]]:
    """Return the stations of every site in blocks; a station is a carrier at a site."""
    stations: dict[int, dict[float, list[int]]] = {}
    for option, (site, carrier) in enumerate(station_keys(scenario)):
        stations.setdefault(site, {}).setdefault(carrier, []).append(option)
    found: dict[int, list[_Block]] = {}
    for site, by_carrier in stations.items():
        blocks: list[_Block] = []
        sets = options = 0
        for station in by_carrier.values():
            sets, options = sets * (1 + len(station)), options + len(station)
            if not blocks or sets > MOST_SETS or options > MOST_OPTIONS:
                blocks.append([])
                sets, options = 1 + len(station), len(station)
            blocks[-1].append(station)
        found[site] = blocks
    return found


def _choices(block: _Block) -> list[tuple[int, ...]]:
    """List every set of at most one option per station that is not empty, ascending."""
    sets: list[tuple[int, ...]] = [()]
    for station in block:
        sets += [(*chosen, option) for option in station for chosen in sets]
    return [tuple(sorted(chosen)) for chosen in sets[1:]]


def _least_of_block(
    block: _Block,
    rows: Sequence[npt.NDArray[np.int64]],
    values: Sequence[npt.NDArray[np.float64]],
    option_cost: npt.NDArray[np.float64],
    earned: Mapping[tuple[int, ...], float],
) -> float:
    """Return the least cost of a set less what the rows it serves, and cuts, earn."""
    options = [option for station in block for option in station]
    row = np.concatenate([rows[option] for option in options])
    bits = np.repeat(
        np.left_shift(1, np.arange(len(options))), [len(rows[option]) for option in options]
    )
    order = np.argsort(row, kind="stable")
    start = np.flatnonzero(np.diff(row[order], prepend=-1))
    serving = np.bitwise_or.reduceat(bits[order], start) if len(start) else start
    price = np.concatenate([values[option] for option in options])[order][start]
    place = {option: number for number, option in enumerate(options)}
    chosen = _choices(block)
    masks = np.array([sum(1 << place[option] for option in item) for item in chosen])
    kinds, kind = np.unique(serving, return_inverse=True)
    worth = np.bincount(kind.reshape(-1), weights=price, minlength=len(kinds))
    gain = ((masks[:, None] & kinds[None, :]) != 0) @ worth
    cost = np.array([math.fsum(option_cost[list(item)]) for item in chosen])
    return float((cost - gain - [earned.get(item, 0.0) for item in chosen]).min())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PricedCuts:
    """What the cuts of a certificate change.

    Parameters
    ----------
    right
        Their right sides, by their prices.
    charged
        Per standard, what each point is charged with, shape (n,).
    earned
        What sets of options of one site earn.
    size
        Sum of all absolute terms.
    """

    right: list[float]
    charged: Mapping[str, npt.NDArray[np.float64]]
    earned: Mapping[tuple[int, ...], float]
    size: float


def cut_faults(cuts: Cuts, rows: int) -> list[str]:
    """Say what keeps cuts from being sums of `rows` rows and of earlier cuts; nothing if sound."""
    pointer, members, prices = cuts.pointer, cuts.members, cuts.prices
    if pointer.dtype.kind not in "iu" or members.dtype.kind not in "iu":
        return ["cuts name no rows"]
    if pointer.ndim != 1 or members.ndim != 1 or prices.shape != (len(pointer) - 1,):
        return ["cuts, their members and their prices do not fit each other"]
    if pointer[0] != 0 or pointer[-1] != len(members) or (np.diff(pointer) < 1).any():
        return ["a cut has no members, or members belong to no cut"]
    known = rows + np.repeat(np.arange(len(prices)), np.diff(pointer))
    if ((members < 0) | (members >= known)).any():
        return ["a cut is made of rows that do not exist, or of later cuts"]
    if not (np.isfinite(prices).all() and (prices >= 0).all()):
        return ["cuts hold a negative or non-finite price"]
    return []


def _priced_cuts(scenario: Scenario, coverage: Coverage, proof: Certificate) -> _PricedCuts:
    """Sum the cuts up, and price them."""
    cuts, points = proof.cuts, len(scenario.data.demand)
    names = [standard.id for standard in scenario.standards]
    charged = {name: np.zeros(points) for name in proof.cover}
    if not len(cuts.prices):
        return _PricedCuts(right=[], charged=charged, earned={}, size=0.0)
    rows = points * len(names)
    inner = np.unique(cuts.members[cuts.members < rows]).tolist()
    served_by: dict[int, npt.NDArray[np.int32]] = {}
    for row in inner:
        matrix, point = coverage.by_standard[names[row // points]], row % points
        served_by[row] = matrix.indices[matrix.indptr[point] : matrix.indptr[point + 1]]
    sets, holding = _sets_of(scenario, served_by)
    # columns: the sets, then every row not served, then the right side
    last = len(sets) + len(inner)
    lines: dict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = {}
    for place, row in enumerate(inner):
        some = sorted({number for option in served_by[row].tolist() for number in holding[option]})
        columns = np.array([*some, len(sets) + place, last], dtype=np.int64)
        lines[row] = columns, np.ones(len(columns), dtype=np.int64)
    total = np.zeros(last + 1)
    for number, price in enumerate(cuts.prices.tolist()):
        of = cuts.members[cuts.pointer[number] : cuts.pointer[number + 1]].tolist()
        columns = np.concatenate([lines[member][0] for member in of])
        counted = np.concatenate([lines[member][1] for member in of])
        columns, inverse = np.unique(columns, return_inverse=True)
        summed = np.zeros(len(columns), dtype=np.int64)
        np.add.at(summed, inverse, counted)
        lines[rows + number] = columns, (summed + 1) // 2
        total[columns] += price * lines[rows + number][1]
    for place, row in enumerate(inner):
        charged[names[row // points]][row % points] = total[len(sets) + place]
    earned = dict(zip(sets, total[: len(sets)].tolist(), strict=True))
    # each figure is a sum of many rounded products
    size = float(total.sum() + total[len(sets) : last].sum())
    return _PricedCuts(right=[float(total[last])], charged=charged, earned=earned, size=size)


def _sets_of(
    scenario: Scenario, served_by: Mapping[int, npt.NDArray[np.int32]]
) -> tuple[list[tuple[int, ...]], Mapping[int, list[int]]]:
    """List the sets of options at sites that serve some rows, and those each option is in."""
    site_of = scenario.options.site
    some = {int(site_of[option]) for options in served_by.values() for option in options.tolist()}
    sets: list[tuple[int, ...]] = []
    for site, blocks in _site_blocks(scenario).items():
        if site in some:
            sets.extend(chosen for block in blocks for chosen in _choices(block))
    holding: dict[int, list[int]] = {}
    for number, chosen in enumerate(sets):
        for option in chosen:
            holding.setdefault(option, []).append(number)
    return sets, holding


def _priced_rows(
    coverage: Coverage, proof: Certificate
) -> tuple[list[npt.NDArray[np.int64]], list[npt.NDArray[np.float64]]]:
    """Return, per option, the rows with a price it serves and their prices, over all standards."""
    parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    prices: list[npt.NDArray[np.float64]] = []
    options = 0
    for number, (name, price) in enumerate(proof.cover.items()):
        matrix = coverage.by_standard[name]
        points, options = matrix.shape
        some = np.flatnonzero(price > 0)
        table = matrix[some].tocoo()
        rows = some[table.coords[0]].astype(np.int64)
        parts.append((table.coords[1].astype(np.int64), rows + number * points))
        prices.append(price[rows])
    option = np.concatenate([part[0] for part in parts])
    row = np.concatenate([part[1] for part in parts])
    price = np.concatenate(prices)
    order = np.argsort(option, kind="stable")
    cuts = np.cumsum(np.bincount(option, minlength=options))[:-1]
    return np.split(row[order], cuts), np.split(price[order], cuts)


def service_limit(
    scenario: Scenario,
    coverage: Coverage,
    proof: Certificate,
    fixed: npt.NDArray[np.intp],
) -> float:
    """Return the weight no answer that keeps `fixed` can serve, by a certificate.

    Notes
    -----
    With prices u >= 0, h the weights and K the stations left::

        sum_{i served} h_i + sum_{i not served} max(0, h_i - u_i)
        + sum over the K best stations of the largest sum_{i served by o, not served yet} u_i

    over the options o of each station, because a station added can earn at most the prices of what
    its option serves. Stations of `fixed` stay as they are.
    """
    objective = scenario.objective
    if objective is None:
        return 0.0
    matrix = coverage.by_standard[objective.standard_id]
    weight = scenario.data.demand.weights[objective.weight]
    price = proof.cover[objective.standard_id]
    served = served_points(coverage, objective.standard_id, fixed)
    earned = matrix.T @ np.where(served, 0.0, price)
    keys = station_keys(scenario)
    kept = {keys[option] for option in fixed.tolist()}
    most: dict[tuple[int, float], float] = dict.fromkeys(keys, 0.0)
    for key, value in zip(keys, earned, strict=True):
        most[key] = max(most[key], float(value))
    earned = np.array([value for key, value in most.items() if key not in kept])
    left = len(scenario.options) if scenario.stations is None else scenario.stations
    best = np.sort(earned)[::-1][: max(left - len(fixed), 0)]
    over = np.maximum(0.0, weight - price)[~served]
    terms = itertools.chain(weight[served].tolist(), over.tolist(), best[best > 0].tolist())
    limit = math.fsum(terms)
    limit += ROUNDING * (limit + float(price.sum()))
    return float(math.floor(limit)) if np.array_equal(weight, np.rint(weight)) else limit


def station_keys(scenario: Scenario) -> list[tuple[int, float]]:
    """Return site and frequency [MHz] of every option: of options alike in both one is chosen."""
    frequency = [item.frequency_mhz for item in scenario.technologies]
    options = scenario.options
    pairs = zip(options.site.tolist(), options.technology.tolist(), strict=True)
    return [(site, frequency[technology]) for site, technology in pairs]


def served_points(
    coverage: Coverage, standard_id: str, selected: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """Return which demand points some options serve, shape (n,)."""
    matrix = coverage.by_standard[standard_id]
    chosen = np.zeros(matrix.shape[1], dtype=np.int64)
    chosen[selected] = 1
    return (matrix @ chosen) > 0


def target_weight(
    scenario: Scenario, coverage: Coverage, zone_id: str, standard_id: str, weight: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the weight of every point within a zone, and whether any option serves the point."""
    inside = np.zeros(len(scenario.data.demand))
    members = scenario.data.demand.in_zone(zone_id)
    inside[members] = scenario.data.demand.weights[weight][members]
    able = np.diff(coverage.by_standard[standard_id].indptr) > 0
    return inside, able
