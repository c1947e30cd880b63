"""The Lagrangian bound of a capacitated network, compiled.

With a price ``u_i`` per unit of demand the sites part::

    L(u) = sum_i w_i u_i - sum_t theta_t spare_t - lam limit - sum nu
           + sum_s min(0, g_s + the most allowed of the negative reduced costs of its options)
    reduced cost of j = f_j + V_j(u) + lam use_j + nu of its conflicts
    V_j(u) = min sum_i w_i (d_ij - u_i) x_i,  0 <= x <= 1,  sum_i w_i x_i <= c_j

where ``u_i <= 1`` when the most is to be served, and ``u_i <= theta_t`` when a share is required.

References
----------
Barahona, Anbil (2000), The volume algorithm: producing primal solutions with a subgradient method,
Mathematical Programming 87. doi:10.1007/s101070050002
"""

# ruff: noqa: ANN001, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit

#: Halvings of the interval in which the price of the limit lies.
HALVINGS = 40
#: Share of the newest answer in the average one.
FRESH = 0.12
#: Steps without a better bound after which the step shrinks, and by how much.
PATIENCE, SHRINK = 8, 0.75


@njit(cache=True)
def fill(value, weight, count, room):
    """Return the least ``sum value_i weight_i x_i`` over ``sum weight x <= room, 0 <= x <= 1``.

    All values are negative. Also returns the value at which the room ends and the share taken of
    the items of that value; both arrays are permuted.
    """
    total = 0.0
    worth = 0.0
    least = 0.0
    for q in range(count):
        total += weight[q]
        worth += weight[q] * value[q]
        least = min(least, value[q])
    if total <= room:
        return worth, 0.0, 1.0
    if room <= 0.0:
        return 0.0, least, 0.0
    low, high, need, worth = 0, count, room, 0.0
    while True:
        a, b, c = value[low], value[(low + high) // 2], value[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        left, right, q = low, high, low
        below, equal, gain = 0.0, 0.0, 0.0
        while q < right:
            v, w = value[q], weight[q]
            if v < pivot:
                value[q], weight[q] = value[left], weight[left]
                value[left], weight[left] = v, w
                below += w
                gain += w * v
                left += 1
                q += 1
            elif v > pivot:
                right -= 1
                value[q], weight[q] = value[right], weight[right]
                value[right], weight[right] = v, w
            else:
                equal += w
                q += 1
        if below > need:
            high = left
        elif below + equal >= need or right >= high:
            part = need - below
            share = min(1.0, part / equal) if equal > 0 else 0.0
            return worth + gain + pivot * min(part, equal), pivot, share
        else:
            need -= below + equal
            worth += gain + pivot * equal
            low = right


@njit(cache=True)
def reduced_costs(u, flag, weight, capacity, base, arcs, reduced, edge, share):
    """Set ``base_j + V_j(u)`` of every option that is not left out, and where its room ends."""
    start, row, unit = arcs
    longest = 1
    for j in range(len(capacity)):
        longest = max(longest, start[j + 1] - start[j])
    value, size = np.empty(longest), np.empty(longest)
    for j in range(len(capacity)):
        edge[j], share[j], reduced[j] = 0.0, 1.0, base[j]
        if flag[j] < 0:
            continue
        count = 0
        for q in range(start[j], start[j + 1]):
            i = row[q]
            e = unit[q] - u[i]
            if e < 0.0:
                value[count], size[count] = e, weight[i]
                count += 1
        worth, edge[j], share[j] = fill(value, size, count, capacity[j])
        reduced[j] += worth


@njit(cache=True)
def choose(reduced, use, lam, flag, sites, chosen):
    """Choose the cheapest options site by site; return the cost and the amount used."""
    first, option, most, site_cost, site_use = sites
    cost, used = 0.0, 0.0
    for s in range(len(most)):
        total, amount = site_cost[s] + lam * site_use[s], site_use[s]
        kept = 0
        for q in range(first[s], first[s + 1]):
            o = option[q]
            chosen[o] = 0.0
            if flag[o] > 0:
                chosen[o] = 1.0
                total += reduced[o] + lam * use[o]
                amount += use[o]
                kept += 1
        needed = kept > 0
        while kept < most[s]:
            best, least = -1, 0.0
            for q in range(first[s], first[s + 1]):
                o = option[q]
                v = reduced[o] + lam * use[o]
                if flag[o] == 0 and chosen[o] == 0.0 and v < least:
                    best, least = o, v
            if best < 0:
                break
            chosen[best] = 1.0
            total += least
            amount += use[best]
            kept += 1
        if needed or total < 0.0:
            cost += total
            used += amount
        else:
            for q in range(first[s], first[s + 1]):
                chosen[option[q]] = 0.0
    return cost, used


@njit(cache=True)
def price_limit(reduced, use, limit, flag, sites, chosen, other):
    """Find the price of the limit that makes the bound largest.

    Returns the cost less the price of the limit, and the price. `chosen` becomes the mixture of
    the answers on both sides of it that uses the limit up.
    """
    cost, used = choose(reduced, use, 0.0, flag, sites, chosen)
    if used <= limit:
        return cost, 0.0
    _, _, _, site_cost, site_use = sites
    low, high = 0.0, 1e-300
    for o in range(len(use)):
        if flag[o] == 0 and use[o] > 0.0:
            high = max(high, -reduced[o] / use[o])
    high *= 1.0 + 1e-9
    below = used
    above_cost, above = choose(reduced, use, high, flag, sites, other)
    if above > limit:  # what is fixed needs more: the bound grows with the price
        for o in range(len(use)):
            chosen[o] = other[o]
        return above_cost - high * limit, high
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        _, used = choose(reduced, use, middle, flag, sites, other)
        if used > limit:
            low, below = middle, used
        else:
            high, above = middle, used
            if used == limit:
                break
    cost, above = choose(reduced, use, high, flag, sites, other)
    _, below = choose(reduced, use, low, flag, sites, chosen)
    part = (limit - above) / (below - above) if below > above else 0.0
    for o in range(len(use)):
        chosen[o] = part * chosen[o] + (1.0 - part) * other[o]
    return cost - high * limit, high


@njit(cache=True)
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
        count = 0
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


@njit(cache=True)
def supply(u, chosen, weight, edge, share, arcs, cover):
    """Add to `cover` the share of each demand point that the chosen options would serve."""
    start, row, unit = arcs
    for j in range(len(chosen)):
        if chosen[j] <= 0.0:
            continue
        for q in range(start[j], start[j + 1]):
            i = row[q]
            e = unit[q] - u[i]
            if e < edge[j] and e < 0.0:
                cover[i] += chosen[j]
            elif e == edge[j] and e < 0.0:
                cover[i] += chosen[j] * share[j]


@njit(cache=True)
def ascend(kind, u, nu, data, best, answer, target, cutoff, steps, start_step):
    """Climb from prices `u`; return the best bound, the price of the limit and the step left.

    `best` holds (u, nu, theta) of the best bound; `answer` the averages (cover, chosen) of the
    Lagrangian answers and is updated. Ends early when the bound reaches `cutoff`.
    """
    weight, capacity, cost, use, limit, floor, arcs, sites, zones, spare, flag, pairs = data
    best_u, best_nu, best_theta = best
    mean_cover, mean_chosen = answer
    n, m, c = len(weight), len(capacity), len(pairs)
    base, reduced, edge, share = cost.copy(), np.empty(m), np.empty(m), np.empty(m)
    chosen, other, cover, outside = np.empty(m), np.empty(m), np.empty(n), np.empty(n)
    theta = np.zeros(len(spare))
    total = 0.0
    for i in range(n):
        total += weight[i]
    scale = total / max(1, m)
    now_u, now_nu = u.copy(), nu.copy()
    record, record_lam, step, still = -np.inf, 0.0, start_step, 0
    for turn in range(steps):
        taken = project(kind, now_u, floor, weight, zones[0], zones[1], spare, theta, cover)
        constant = -taken
        for i in range(n):
            constant += weight[i] * now_u[i]
            outside[i] = cover[i]
        for q in range(c):
            constant -= now_nu[q]
        if c > 0:
            base[:] = cost
            for q in range(c):
                base[pairs[q, 0]] += now_nu[q]
                base[pairs[q, 1]] += now_nu[q]
        reduced_costs(now_u, flag, weight, capacity, base, arcs, reduced, edge, share)
        if np.isfinite(limit):
            part, lam = price_limit(reduced, use, limit, flag, sites, chosen, other)
        else:
            part, _ = choose(reduced, use, 0.0, flag, sites, chosen)
            lam = 0.0
        bound = constant + part
        supply(now_u, chosen, weight, edge, share, arcs, cover)
        if turn == 0 and mean_cover[0] < 0.0:
            mean_cover[:] = cover
            mean_chosen[:] = chosen
        if bound > record:
            if bound > record + 1e-4 * abs(target - bound):
                still = 0
            ahead = 0.0
            for i in range(n):
                ahead += weight[i] * (1.0 - cover[i]) * (1.0 - mean_cover[i])
            if ahead > 0.0 and turn > 0:
                step = min(2.0, step * 1.15)
            record, record_lam = bound, lam
            best_u[:] = now_u
            best_nu[:] = now_nu
            best_theta[:] = theta
            if record >= cutoff:
                break
        else:
            still += 1
            if still >= PATIENCE:
                still = 0
                step *= SHRINK
                if step < 1e-4:
                    break
        fresh = FRESH if turn > 0 else 1.0
        for i in range(n):
            mean_cover[i] += fresh * (cover[i] - mean_cover[i])
        for o in range(m):
            mean_chosen[o] += fresh * (chosen[o] - mean_chosen[o])
        norm = 0.0
        for i in range(n):
            s = 1.0 - mean_cover[i]
            if (s > 0.0 and kind == 1 and best_u[i] >= 1.0) or (s < 0.0 and best_u[i] <= floor[i]):
                s = 0.0
            norm += weight[i] * s * s
        for q in range(c):
            s = mean_chosen[pairs[q, 0]] + mean_chosen[pairs[q, 1]] - 1.0
            if s > 0.0 or best_nu[q] > 0.0:
                norm += scale * s * s
        if norm <= 1e-12 * total:
            break
        length = step * max(target - record, 1e-6 * abs(target)) / norm
        for i in range(n):
            now_u[i] = best_u[i] + length * (1.0 - mean_cover[i])
        for q in range(c):
            s = mean_chosen[pairs[q, 0]] + mean_chosen[pairs[q, 1]] - 1.0
            now_nu[q] = max(0.0, best_nu[q] + length * scale * s)
    return record, record_lam, step


@njit(cache=True)
def appraise(kind, u, nu, lam, theta, data, reduced, lift):
    """Evaluate one set of prices; return the bound and the sum of its absolute terms.

    `reduced` becomes the reduced costs with the limit's price, `lift` by how much the bound rises
    when each free option is decided the other way than its site's least cost has it.
    """
    weight, capacity, cost, use, limit, _, arcs, sites, _, spare, flag, pairs = data
    m = len(capacity)
    base, edge, share, chosen = cost.copy(), np.empty(m), np.empty(m), np.empty(m)
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
        for t in range(len(spare)):
            bound -= theta[t] * spare[t]
        for i in range(len(weight)):
            size += weight[i] * theta.max()
    if lam > 0.0:
        bound -= lam * limit
        size += lam * limit
    reduced_costs(u, flag, weight, capacity, base, arcs, reduced, edge, share)
    for o in range(m):
        if flag[o] >= 0:
            size += 2.0 * abs(base[o]) + abs(reduced[o]) + lam * use[o]
        reduced[o] += lam * use[o]
        lift[o] = 0.0
    first, option, most, site_cost, site_use = sites
    priced = (first, option, most, site_cost + lam * site_use, site_use)
    part, _ = choose(reduced, use, 0.0, flag, priced, chosen)
    for s in range(len(most)):
        size += site_cost[s] + lam * site_use[s]
        gather_lifts(s, reduced, lam, flag, sites, chosen, lift)
    return bound + part, size


@njit(cache=True)
def site_value(s, reduced, lam, flag, sites, forced, banned):
    """Return the least cost of a site with one option forced in and one left out."""
    first, option, most, site_cost, site_use = sites
    total, kept, room = site_cost[s] + lam * site_use[s], 0, most[s]
    for q in range(first[s], first[s + 1]):
        o = option[q]
        if flag[o] > 0 or o == forced:
            total += reduced[o]
            kept += 1
    if kept > room:
        return np.inf
    needed = kept > 0
    last, tie = -np.inf, -1
    while kept < room:
        best, least = -1, 0.0
        for q in range(first[s], first[s + 1]):
            o = option[q]
            v = reduced[o]
            fresh = v > last or (v == last and o > tie)
            if flag[o] == 0 and o != forced and o != banned and fresh and v < least:
                best, least = o, v
        if best < 0:
            break
        total += least
        kept += 1
        last, tie = least, best
    return total if needed or total < 0.0 else 0.0


@njit(cache=True)
def gather_lifts(s, reduced, lam, flag, sites, chosen, lift):
    """Set the lift of every free option of a site."""
    first, option, _, _, _ = sites
    now = site_value(s, reduced, lam, flag, sites, -1, -1)
    for q in range(first[s], first[s + 1]):
        o = option[q]
        if flag[o] != 0:
            continue
        if chosen[o] > 0.0:
            lift[o] = site_value(s, reduced, lam, flag, sites, -1, o) - now
        else:
            lift[o] = site_value(s, reduced, lam, flag, sites, o, -1) - now
