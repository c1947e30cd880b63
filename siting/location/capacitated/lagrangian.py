"""The Lagrangian bound of a capacitated network, compiled.

With a price ``u_i`` per unit of demand the sites part::

    L(u) = sum_i w_i u_i - sum_t theta_t spare_t - lam limit - sum nu
           + sum_s min(0, g_s + the most allowed of the negative reduced costs of its options)
    reduced cost of j = f_j + V_j(u) + lam use_j + nu of its conflicts
    V_j(u) = min sum_i w_i (d_ij - u_i) x_i,  0 <= x <= 1,  sum_i w_i x_i <= c_j

where ``u_i <= 1`` when the most is to be served, and ``u_i <= theta_t`` when a share is required.
Where demand is served whole, ``x`` is binary (``packing.py``); where all demand is served, the sum
over the sites is taken over choices that hold it (``room.py``).

References
----------
Barahona, Anbil (2000), The volume algorithm: producing primal solutions with a subgradient method,
Mathematical Programming 87. doi:10.1007/s101070050002
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit

from siting.location.capacitated.knapsacks import fill, reduced_costs, supply
from siting.location.capacitated.packing import pack, supply_whole
from siting.location.capacitated.room import hold, hold_lifts
from siting.location.capacitated.sites import choose, gather_lifts, price_limit

#: Share of the newest answer in the average one.
FRESH = 0.12
#: Steps without a better bound after which the step shrinks, and by how much.
PATIENCE, SHRINK = 8, 0.75
#: Step at which the climb ends.
LEAST_STEP = 1e-4
#: Gain of the bound, as a share of what is missing, that counts as progress.
NOTEWORTHY = 1e-4


@njit(cache=True, nogil=True)
def project(kind, u, floor, weight, zone_start, zone_row, spare, theta, outside):
    """Bring prices into their range; return what the outside takes off the bound.

    `outside` becomes the share of each demand point that is left out.
    """
    taken = 0.0
    for i in range(len(u)):
        u[i] = max(u[i], floor[i])
        outside[i] = 0.0
        if kind == 1 and u[i] >= 1.0:
            u[i] = 1.0
    if kind != 2:  # noqa: PLR2004 - Kind.REQUIRE
        return taken
    longest = 1
    for t in range(len(spare)):
        longest = max(longest, zone_start[t + 1] - zone_start[t])
    value, size = np.empty(longest), np.empty(longest)
    for t in range(len(spare)):
        count = np.int64(0)
        for q in range(zone_start[t], zone_start[t + 1]):
            i = zone_row[q]
            if u[i] > 0.0 and weight[i] > 0.0:
                value[count], size[count] = -u[i], weight[i]
                count += 1
        _, edge, _ = fill(value, size, count, spare[t])
        theta[t] = -edge
        tied = 0.0
        for q in range(zone_start[t], zone_start[t + 1]):
            i = zone_row[q]
            if u[i] >= theta[t]:
                u[i] = theta[t]
                tied += weight[i]
        for q in range(zone_start[t], zone_start[t + 1]):
            i = zone_row[q]
            if u[i] >= theta[t] and tied > 0.0:
                outside[i] = min(1.0, spare[t] / tied)
        taken += theta[t] * spare[t]
    return taken


@njit(cache=True, nogil=True)
def _evaluate(kind, u, nu, data, theta, work):
    """Return the bound of some prices and the price of the limit; fill in the Lagrangian answer.

    Prices are brought into their range; `work` holds reduced costs, edges and shares of the
    knapsacks, the chosen options twice, the cover of the demand points, the arcs served and the
    room to choose in.
    """
    weight, capacity, cost, use, limit, floor, arcs, sites, zones, spare, flag, pairs = data[:12]
    size, room, piece, need = data[12:]
    reduced, edge, share, chosen, other, cover, taken, table = work
    base = cost.copy()
    constant = -project(kind, u, floor, weight, zones[0], zones[1], spare, theta, cover)
    for i in range(len(u)):
        constant += weight[i] * u[i]
    for q in range(len(pairs)):
        constant -= nu[q]
        base[pairs[q, 0]] += nu[q]
        base[pairs[q, 1]] += nu[q]
    if len(size):
        pack(u, flag, size, room, weight, base, arcs, reduced, taken)
    else:
        reduced_costs(u, flag, weight, capacity, base, arcs, reduced, edge, share)
    lam = 0.0
    if np.isfinite(limit):
        part, lam = price_limit(reduced, use, limit, flag, sites, chosen, other)
    elif need > 0:
        part = hold(reduced, flag, piece, need, table, chosen)
    else:
        part, _ = choose(reduced, use, 0.0, flag, sites, chosen)
    if len(size):
        supply_whole(chosen, taken, arcs, cover)
    else:
        supply(u, chosen, edge, share, arcs, cover)
    return constant + part, lam


@njit(cache=True, nogil=True)
def _blend(mean, newest, part):
    """Move an average towards the newest answer."""
    for q in range(len(mean)):
        mean[q] += part * (newest[q] - mean[q])


@njit(cache=True, nogil=True)
def _agrees(weight, cover, mean):
    """Return how far the newest answer asks for the same direction as the average."""
    ahead = 0.0
    for i in range(len(weight)):
        ahead += weight[i] * (1.0 - cover[i]) * (1.0 - mean[i])
    return ahead


@njit(cache=True, nogil=True)
def _norm(kind, u, nu, data, mean_cover, mean_chosen, scale):
    """Return the squared length of the direction, without what the range of the prices stops."""
    weight, floor, pairs = data[0], data[5], data[11]
    norm = 0.0
    for i in range(len(weight)):
        s = 1.0 - mean_cover[i]
        if not ((s > 0.0 and kind == 1 and u[i] >= 1.0) or (s < 0.0 and u[i] <= floor[i])):
            norm += weight[i] * s * s
    for q in range(len(pairs)):
        s = mean_chosen[pairs[q, 0]] + mean_chosen[pairs[q, 1]] - 1.0
        if s > 0.0 or nu[q] > 0.0:
            norm += scale * s * s
    return norm


@njit(cache=True, nogil=True)
def _advance(best, now, pairs, mean_cover, mean_chosen, length, scale):
    """Set the next prices: from the best ones along the average direction."""
    best_u, best_nu, _ = best
    now_u, now_nu = now
    for i in range(len(now_u)):
        now_u[i] = best_u[i] + length * (1.0 - mean_cover[i])
    for q in range(len(pairs)):
        s = mean_chosen[pairs[q, 0]] + mean_chosen[pairs[q, 1]] - 1.0
        now_nu[q] = max(0.0, best_nu[q] + length * scale * s)


@njit(cache=True, nogil=True)
def ascend(kind, u, nu, data, best, answer, target, cutoff, steps, start_step):
    """Climb from prices `u`; return the best bound, the price of the limit and the step left.

    `best` holds (u, nu, theta) of the best bound; `answer` the averages (cover, chosen) of the
    Lagrangian answers and is updated. Ends early when the bound reaches `cutoff`.
    """
    weight, pairs, spare = data[0], data[11], data[9]
    mean_cover, mean_chosen = answer
    n, m, need = len(weight), len(data[1]), data[15]
    taken = np.empty(len(data[6][1]) if len(data[12]) else 0, np.uint8)
    table = np.empty((m + 1 if need > 0 else 0, need + 1))
    work = (np.empty(m), np.empty(m), np.empty(m), np.empty(m), np.empty(m), np.empty(n), taken,
            table)  # fmt: skip
    chosen, cover = work[3], work[5]
    theta, total = np.zeros(len(spare)), weight.sum()
    scale = total / max(1, m)
    now = (u.copy(), nu.copy())
    record, record_lam, step, still = -np.inf, 0.0, start_step, 0
    for turn in range(steps):
        bound, lam = _evaluate(kind, now[0], now[1], data, theta, work)
        if turn == 0 and mean_cover[0] < 0.0:
            mean_cover[:] = cover
            mean_chosen[:] = chosen
        if bound > record:
            if bound > record + NOTEWORTHY * abs(target - bound):
                still = 0
            if turn > 0 and _agrees(weight, cover, mean_cover) > 0.0:
                step = min(2.0, step * 1.15)
            record, record_lam = bound, lam
            best[0][:] = now[0]
            best[1][:] = now[1]
            best[2][:] = theta
            if record >= cutoff:
                break
        else:
            still += 1
            if still >= PATIENCE:
                still, step = 0, step * SHRINK
                if step < LEAST_STEP:
                    break
        fresh = FRESH if turn > 0 else 1.0
        _blend(mean_cover, cover, fresh)
        _blend(mean_chosen, chosen, fresh)
        norm = _norm(kind, best[0], best[1], data, mean_cover, mean_chosen, scale)
        if norm <= 1e-12 * total:
            break
        length = step * max(target - record, 1e-6 * abs(target)) / norm
        _advance(best, now, pairs, mean_cover, mean_chosen, length, scale)
    return record, record_lam, step


@njit(cache=True, nogil=True)
def appraise(kind, u, nu, lam, theta, data, reduced, chosen, lift):
    """Evaluate one set of prices; return the bound and the sum of its absolute terms.

    `reduced` becomes the reduced costs with the limit's price, `chosen` what the least cost takes,
    `lift` by how much the bound rises when each free option is decided the other way.
    """
    weight, capacity, cost, use, limit, _, arcs, sites, _, spare, flag, pairs = data[:12]
    amount, room, piece, need = data[12:]
    m = len(capacity)
    base, edge, share = cost.copy(), np.empty(m), np.empty(m)
    bound, size = 0.0, 0.0
    for q in range(len(pairs)):
        bound -= nu[q]
        size += 3.0 * nu[q]
        base[pairs[q, 0]] += nu[q]
        base[pairs[q, 1]] += nu[q]
    for i in range(len(weight)):
        bound += weight[i] * u[i]
        size += weight[i] * (abs(u[i]) + (1.0 if kind == 1 else 0.0))
    if kind == 2:  # noqa: PLR2004 - Kind.REQUIRE
        bound -= (theta * spare).sum()
        size += theta.max() * weight.sum()
    if lam > 0.0:
        bound -= lam * limit
        size += lam * limit
    if len(amount):
        taken = np.empty(len(arcs[1]), np.uint8)
        pack(u, flag, amount, room, weight, base, arcs, reduced, taken)
    else:
        reduced_costs(u, flag, weight, capacity, base, arcs, reduced, edge, share)
    for o in range(m):
        if flag[o] >= 0:
            size += 2.0 * abs(base[o]) + abs(reduced[o]) + lam * use[o]
        reduced[o] += lam * use[o]
        lift[o] = 0.0
    if need > 0 and not np.isfinite(limit):
        return bound + hold_lifts(reduced, flag, piece, need, chosen, lift), size
    first, option, most, site_cost, site_use = sites
    priced = (first, option, most, site_cost + lam * site_use, site_use)
    part, _ = choose(reduced, use, 0.0, flag, priced, chosen)
    for s in range(len(most)):
        size += site_cost[s] + lam * site_use[s]
        gather_lifts(s, reduced, lam, flag, sites, chosen, lift)
    return bound + part, size
