"""Branch and bound on a covering kernel by Lagrangian prices, compiled; every node is kept.

Depth first. At each node the rows still short and the columns still free are gathered into a small
problem of their own, prices are raised from those of the parent, columns whose opposite decision
would reach the goal are decided, and the node is split on one column. The prices are stored as
32-bit floats and every decision is made with the stored values, so that it can be replayed.
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit

from siting.location.set_covering.ascent import ascend, reduced_costs, safe_bound

#: What a column is.
FREE, CHOSEN, LEFT = 0, 1, 2
#: What became of a node.
OPEN, SPLIT, PRICED, DECIDED = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def gather(row_ptr, row_cols, need, cost, status, local):
    """Gather the rows still short and the free columns in them.

    `local` is a tuple of scratch arrays. Returns (rows, columns, cost of the chosen, row): the row
    is that of a shortage as ``-2 - row``, of a row that needs all its free columns, or -1.
    """
    l_row_ptr, l_row_cols, l_rows, l_need, l_cols, l_cost, number = local
    base = 0.0
    for j in range(len(cost)):
        number[j] = -1
        if status[j] == CHOSEN:
            base += cost[j]
    rows = 0
    columns = 0
    size = 0
    tight = -1
    l_row_ptr[0] = 0
    for i in range(len(need)):
        left = need[i]
        for e in range(row_ptr[i], row_ptr[i + 1]):
            if status[row_cols[e]] == CHOSEN:
                left -= 1
        if left <= 0:
            continue
        start = size
        for e in range(row_ptr[i], row_ptr[i + 1]):
            j = row_cols[e]
            if status[j] != FREE:
                continue
            if number[j] < 0:
                number[j] = columns
                l_cols[columns] = j
                l_cost[columns] = cost[j]
                columns += 1
            l_row_cols[size] = number[j]
            size += 1
        if size - start < left:
            return rows, columns, base, -2 - i
        if size - start == left and tight < 0:
            tight = i
        l_rows[rows] = i
        l_need[rows] = left
        rows += 1
        l_row_ptr[rows] = size
    return rows, columns, base, tight


@njit(cache=True, nogil=True)
def turn(rows, columns, l_row_ptr, l_row_cols, l_col_ptr, l_col_rows):
    """Write the column direction of a gathered problem."""
    l_col_ptr[: columns + 1] = 0
    for e in range(l_row_ptr[rows]):
        l_col_ptr[l_row_cols[e] + 1] += 1
    for j in range(columns):
        l_col_ptr[j + 1] += l_col_ptr[j]
    for i in range(rows):
        for e in range(l_row_ptr[i], l_row_ptr[i + 1]):
            j = l_row_cols[e]
            l_col_rows[l_col_ptr[j]] = i
            l_col_ptr[j] += 1
    for j in range(columns, 0, -1):
        l_col_ptr[j] = l_col_ptr[j - 1]
    l_col_ptr[0] = 0


@njit(cache=True, nogil=True)
def _goal(upper, step):
    """Return the bound that closes a node: no answer below `upper` is left."""
    if step > 0.0:
        return upper - step + 1e-6 * step
    return upper - 4e-10 * abs(upper)


@njit(cache=True, nogil=True)
def grow(
    row_ptr, row_cols, need, cost, status, u0, x, upper, step, node_limit, iterations, price_limit
):
    """Grow the tree below the decisions in `status` from prices `u0`.

    Returns the nodes' (option, excluded, included, price, code), the stored prices, the best
    choice found as flags with its cost (`upper` when none is better), the open nodes as
    (node, bound) and their statuses.
    """
    rows, columns, size = len(need), len(cost), len(row_cols)
    most = node_limit + 2 * columns + 8
    option = np.full(most, -1, dtype=np.int32)
    excluded = np.full(most, -1, dtype=np.int32)
    included = np.full(most, -1, dtype=np.int32)
    price = np.full(most, -1, dtype=np.int32)
    code = np.zeros(most, dtype=np.int8)
    stored = np.zeros((price_limit, rows), dtype=np.float32)
    stores = 1  # the first row of prices is all zero
    found = np.zeros(columns, dtype=np.bool_)
    goal = _goal(upper, step)

    l_row_ptr = np.empty(rows + 1, dtype=np.int32)
    l_row_cols = np.empty(size, dtype=np.int32)
    l_rows = np.empty(rows, dtype=np.int32)
    l_need = np.empty(rows, dtype=np.int32)
    l_cols = np.empty(columns, dtype=np.int32)
    l_cost = np.empty(columns)
    number = np.empty(columns, dtype=np.int32)
    local = (l_row_ptr, l_row_cols, l_rows, l_need, l_cols, l_cost, number)
    l_col_ptr = np.empty(columns + 1, dtype=np.int32)
    l_col_rows = np.empty(size, dtype=np.int32)
    rc = np.empty(columns)
    l_x = np.empty(columns)
    state = np.zeros(4)

    trail = np.empty(columns + 1, dtype=np.int32)
    marked = 0
    depth_most = 2 * columns + 8
    s_node = np.empty(depth_most, dtype=np.int32)
    s_mark = np.empty(depth_most, dtype=np.int32)
    s_col = np.empty(depth_most, dtype=np.int32)
    s_value = np.empty(depth_most, dtype=np.int8)
    s_price = np.empty(depth_most, dtype=np.int32)
    s_bound = np.empty(depth_most)
    nodes = 1
    top = 1
    s_node[0], s_mark[0], s_col[0], s_value[0], s_price[0], s_bound[0] = 0, 0, -1, 0, -1, -np.inf
    steps = 0
    while top > 0 and nodes < node_limit and stores < price_limit - 1:
        top -= 1
        node = s_node[top]
        parent = s_price[top]
        while marked > s_mark[top]:
            marked -= 1
            status[trail[marked]] = FREE
        if s_col[top] >= 0:
            status[s_col[top]] = s_value[top]
            trail[marked] = s_col[top]
            marked += 1
        n, m, base, tight = gather(row_ptr, row_cols, need, cost, status, local)
        while tight >= 0:
            # a row needs all its free columns; the check takes them likewise
            for e in range(row_ptr[tight], row_ptr[tight + 1]):
                if status[row_cols[e]] == FREE:
                    status[row_cols[e]] = CHOSEN
                    trail[marked] = row_cols[e]
                    marked += 1
            n, m, base, tight = gather(row_ptr, row_cols, need, cost, status, local)
        if tight <= -2:
            code[node] = PRICED
            continue
        if n == 0:
            if base < upper:
                upper = base
                goal = _goal(upper, step)
                found[:] = status == CHOSEN
            price[node] = 0
            code[node] = PRICED
            continue
        turn(n, m, l_row_ptr, l_row_cols, l_col_ptr, l_col_rows)
        u = np.empty(n)
        for i in range(n):
            u[i] = u0[l_rows[i]] if parent < 0 else stored[parent, l_rows[i]]
        best_u = u.copy()
        for j in range(m):
            l_x[j] = x[l_cols[j]]
        state[0], state[1], state[2], state[3] = -np.inf, 0.6, -1e300, 0.0
        steps += ascend(
            l_row_ptr[: n + 1], l_row_cols, l_col_ptr[: m + 1], l_col_rows, l_cost[:m], l_need[:n],
            u, best_u, l_x[:m], state, upper - base, goal - base + 1e-5 * abs(goal), iterations,
        )  # fmt: skip
        for i in range(n):
            stored[stores, l_rows[i]] = best_u[i]
            best_u[i] = stored[stores, l_rows[i]]
        mine = stores
        stores += 1
        price[node] = mine
        bound = base + safe_bound(l_col_ptr[: m + 1], l_col_rows, l_cost[:m], l_need[:n], best_u)
        if bound >= goal:
            code[node] = PRICED
            continue
        reduced_costs(l_col_ptr[: m + 1], l_col_rows, l_cost[:m], best_u, rc)
        for j in range(m):
            x[l_cols[j]] = l_x[j]
            if bound + abs(rc[j]) >= goal + 1e-9 * abs(goal):
                status[l_cols[j]] = LEFT if rc[j] > 0.0 else CHOSEN
                trail[marked] = l_cols[j]
                marked += 1
                l_x[j] = -1.0
        # the free columns left, in place
        pick = -1
        top_score = -1.0
        for j in range(m):
            if l_x[j] < 0.0:
                continue
            weight = l_cost[j] - rc[j]
            v = l_x[j]
            score = (v * (1.0 - v) + 1e-3) * weight
            if score > top_score + 1e-12:
                top_score = score
                pick = l_cols[j]
        if pick < 0:
            # every column is decided: evaluate
            n, m, base, tight = gather(row_ptr, row_cols, need, cost, status, local)
            if n == 0 and tight > -2 and base < upper:
                upper = base
                goal = _goal(upper, step)
                found[:] = status == CHOSEN
            code[node] = DECIDED
            continue
        option[node], excluded[node], included[node] = pick, nodes, nodes + 1
        code[node] = SPLIT
        for value in (LEFT, CHOSEN):
            s_node[top] = nodes if value == LEFT else nodes + 1
            s_mark[top] = marked
            s_col[top] = pick
            s_value[top] = value
            s_price[top] = mine
            s_bound[top] = bound
            top += 1
        nodes += 2
    open_status = np.empty((top, columns), dtype=np.int8)
    for t in range(top - 1, -1, -1):
        while marked > s_mark[t]:
            marked -= 1
            status[trail[marked]] = FREE
        open_status[t] = status
        if s_col[t] >= 0:
            open_status[t, s_col[t]] = s_value[t]
    return (
        option[:nodes], excluded[:nodes], included[:nodes], price[:nodes], code[:nodes],
        stored[:stores].copy(), found, upper, s_node[:top].copy(), s_bound[:top].copy(),
        s_price[:top].copy(), open_status, steps,
    )  # fmt: skip
