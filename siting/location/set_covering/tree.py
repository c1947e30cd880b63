"""Branch and bound on a covering kernel by Lagrangian prices, compiled; every node is kept.

Depth first. At each node the rows still short and the columns still free are gathered into a small
problem of their own, prices are raised from those of the parent, columns whose opposite decision
would reach the goal are decided, and the node is split on an undecided column that moves many
prices. They are stored as 32-bit floats and every decision is made with the stored values, so that
it can be replayed.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917, C901, PLR0912, PLR0915
# Compiled functions take plain arrays; numba infers their types. A loop over
# nodes or steps is one function, because its scratch arrays and counters all change together.

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.set_covering.ascent import ascend, reduced_costs, safe_bound

#: What a column is.
FREE, CHOSEN, LEFT = 0, 1, 2
#: What became of a node.
OPEN, SPLIT, PRICED, DECIDED, KERNEL = 0, 1, 2, 3, 4
#: Steps without progress after which they become shorter.
PATIENCE = 20.0
#: A shortage found while gathering.
SHORT = -2


class Rows(NamedTuple):
    """The kernel by rows, see :class:`siting.location.set_covering.kernel.Kernel`."""

    ptr: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    need: npt.NDArray[np.int32]
    cost: npt.NDArray[np.float64]


class Local(NamedTuple):
    """Scratch for the rows still short and the free columns of one node."""

    row_ptr: npt.NDArray[np.int32]
    row_cols: npt.NDArray[np.int32]
    col_ptr: npt.NDArray[np.int32]
    col_rows: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    need: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    cost: npt.NDArray[np.float64]
    number: npt.NDArray[np.int32]
    u: npt.NDArray[np.float64]
    best: npt.NDArray[np.float64]
    rc: npt.NDArray[np.float64]
    x: npt.NDArray[np.float64]
    state: npt.NDArray[np.float64]


class Nodes(NamedTuple):
    """Nodes of a tree: column split on, children, price vector, what became of it, bound."""

    option: npt.NDArray[np.int32]
    excluded: npt.NDArray[np.int32]
    included: npt.NDArray[np.int32]
    price: npt.NDArray[np.int32]
    code: npt.NDArray[np.int8]
    bound: npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def _scratch(rows, columns, size):
    return Local(
        np.zeros(rows + 1, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(columns + 1, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(rows, dtype=np.int32),
        np.empty(rows, dtype=np.int32),
        np.empty(columns, dtype=np.int32),
        np.empty(columns),
        np.empty(columns, dtype=np.int32),
        np.empty(rows),
        np.empty(rows),
        np.empty(columns),
        np.empty(columns),
        np.zeros(5),
    )


@njit(cache=True, nogil=True)
def _gather(kernel, status, local):
    """Gather the rows still short and the free columns in them.

    Returns (rows, columns, cost of the chosen, sign): the sign is `SHORT` when a row is short of
    columns, a row that needs all its free columns, or -1.
    """
    base = 0.0
    for j in range(len(kernel.cost)):
        local.number[j] = -1
        if status[j] == CHOSEN:
            base += kernel.cost[j]
    rows = 0
    columns = 0
    size = 0
    tight = -1
    for i in range(len(kernel.need)):
        left = kernel.need[i]
        for e in range(kernel.ptr[i], kernel.ptr[i + 1]):
            if status[kernel.cols[e]] == CHOSEN:
                left -= 1
        if left <= 0:
            continue
        start = size
        for e in range(kernel.ptr[i], kernel.ptr[i + 1]):
            j = kernel.cols[e]
            if status[j] != FREE:
                continue
            if local.number[j] < 0:
                local.number[j] = columns
                local.cols[columns] = j
                local.cost[columns] = kernel.cost[j]
                columns += 1
            local.row_cols[size] = local.number[j]
            size += 1
        if size - start < left:
            return rows, columns, base, SHORT
        if size - start == left and tight < 0:
            tight = i
        local.rows[rows] = i
        local.need[rows] = left
        rows += 1
        local.row_ptr[rows] = size
    return rows, columns, base, tight


@njit(cache=True, nogil=True)
def _prepare(kernel, status, trail, marked, local):
    """Gather, and take the columns of rows that need all theirs; returns also the trail's end."""
    n, m, base, tight = _gather(kernel, status, local)
    while tight >= 0:
        for e in range(kernel.ptr[tight], kernel.ptr[tight + 1]):
            j = kernel.cols[e]
            if status[j] == FREE:
                status[j] = CHOSEN
                trail[marked] = j
                marked += 1
        n, m, base, tight = _gather(kernel, status, local)
    if tight == SHORT or n == 0:
        return n, m, base, tight, marked
    ptr = local.col_ptr
    ptr[: m + 1] = 0
    for e in range(local.row_ptr[n]):
        ptr[local.row_cols[e] + 1] += 1
    for j in range(m):
        ptr[j + 1] += ptr[j]
    for i in range(n):
        for e in range(local.row_ptr[i], local.row_ptr[i + 1]):
            j = local.row_cols[e]
            local.col_rows[ptr[j]] = i
            ptr[j] += 1
    for j in range(m, 0, -1):
        ptr[j] = ptr[j - 1]
    ptr[0] = 0
    return n, m, base, tight, marked


@njit(cache=True, nogil=True)
def _goal(upper, step):
    """Return the bound that closes a node: no answer below `upper` is left."""
    if step > 0.0:
        return upper - step + 1e-6 * step
    return upper - 4e-10 * abs(upper)


@njit(cache=True, nogil=True)
def _climb(n, m, local, room, target, steps, scale):
    """Take subgradient steps on the gathered problem from `local.u`; the best is `local.best`."""
    state = local.state
    state[0], state[1], state[2], state[3], state[4] = -np.inf, scale, -1e300, 0.0, PATIENCE
    ascend(
        local.row_ptr[: n + 1], local.row_cols, local.col_ptr[: m + 1], local.col_rows,
        local.cost[:m], local.need[:n], local.u[:n], local.best[:n], local.x[:m], state, room,
        target, steps,
    )  # fmt: skip
    return state[0]


@njit(cache=True, nogil=True)
def _branch(m, local):
    """Return the local column to split on, -1 when none is free (`local.number` below 0).

    The more prices a column gathers and the more rows it covers, the more both sides change; the
    nearer its average choice is to a half, the less the prices say which side is right.
    """
    pick = -1
    top = -np.inf
    for j in range(m):
        if local.number[local.cols[j]] < 0:
            continue
        v = local.x[j]
        covered = local.col_ptr[j + 1] - local.col_ptr[j]
        worth = np.sqrt(max(0.0, local.cost[j] - local.rc[j])) * covered
        score = (v + 0.02) * (1.02 - v) * worth - abs(local.rc[j])
        if score > top:
            top = score
            pick = j
    return pick


@njit(cache=True, nogil=True)
def grow(rows, split_first, status, u0, x, upper, step, bound0, node_limit, steps):
    """Grow the tree below the decisions in `status` from prices `u0`.

    Parameters
    ----------
    rows
        The kernel, :class:`Rows`.
    split_first
        Whether the first node is split at once, its prices known to the caller.
    status
        What each column is, changed and put back.
    u0
        Prices of the parent.
    x
        Average choice so far, changed.
    upper, step
        Cost to be below; number of which every cost is a multiple, 0 for none.
    bound0
        Bound of the parent.
    node_limit, steps
        Nodes with prices of their own, and subgradient steps at each.

    Returns
    -------
    tuple
        The nodes, the stored prices (the first all zero), the best choice as flags, its cost
        (`upper` when nothing better was found), the open nodes with their bounds, price vectors
        (-1: `u0`) and statuses.
    """
    height, width, size = len(rows.need), len(rows.cost), len(rows.cols)
    most = 2 * node_limit + 2 * width + 16
    nodes = Nodes(
        np.full(most, -1, dtype=np.int32),
        np.full(most, -1, dtype=np.int32),
        np.full(most, -1, dtype=np.int32),
        np.full(most, -1, dtype=np.int32),
        np.zeros(most, dtype=np.int8),
        np.full(most, -np.inf),
    )
    stored = np.zeros((node_limit + 2, height), dtype=np.float32)
    stores = 1
    found = np.zeros(width, dtype=np.bool_)
    goal = _goal(upper, step)
    local = _scratch(height, width, size)
    trail = np.empty(width + 1, dtype=np.int32)
    marked = 0
    s_node = np.empty(most, dtype=np.int32)
    s_mark = np.empty(most, dtype=np.int32)
    s_col = np.empty(most, dtype=np.int32)
    s_value = np.empty(most, dtype=np.int8)
    s_price = np.empty(most, dtype=np.int32)
    s_bound = np.empty(most)
    count = 1
    top = 1
    s_node[0], s_mark[0], s_col[0], s_value[0], s_price[0], s_bound[0] = 0, 0, -1, 0, -1, bound0
    first = split_first
    while top > 0 and stores <= node_limit:
        top -= 1
        node, parent = s_node[top], s_price[top]
        while marked > s_mark[top]:
            marked -= 1
            status[trail[marked]] = FREE
        column = s_col[top]
        if column >= 0:
            status[column] = s_value[top]
            trail[marked] = column
            marked += 1
        n, m, base, sign, marked = _prepare(rows, status, trail, marked, local)
        if sign == SHORT:
            nodes.code[node] = PRICED
            continue
        if n == 0:
            if base < upper:
                upper = base
                goal = _goal(upper, step)
                found[:] = status == CHOSEN
            nodes.price[node] = 0
            nodes.code[node] = PRICED
            continue
        for i in range(n):
            r = local.rows[i]
            local.u[i] = u0[r] if parent < 0 else stored[parent, r]
        for j in range(m):
            local.x[j] = x[local.cols[j]]
        if first:
            local.best[:n] = local.u[:n]
            mine = -1
        else:
            _climb(n, m, local, upper - base, goal - base + 1e-5 * abs(goal), steps, 0.6)
            mine = stores
            stores += 1
            nodes.price[node] = mine
            for i in range(n):
                stored[mine, local.rows[i]] = local.best[i]
                local.best[i] = stored[mine, local.rows[i]]
        bound = base + safe_bound(
            local.col_ptr[: m + 1], local.col_rows, local.cost[:m], local.need[:n], local.best[:n]
        )
        nodes.bound[node] = bound
        if bound >= goal and not first:
            nodes.code[node] = PRICED
            continue
        reduced_costs(local.col_ptr[: m + 1], local.col_rows, local.cost[:m], local.best, local.rc)
        for j in range(m):
            c = local.cols[j]
            x[c] = local.x[j]
            if not first and bound + abs(local.rc[j]) >= goal + 1e-9 * abs(goal):
                status[c] = LEFT if local.rc[j] > 0.0 else CHOSEN
                trail[marked] = c
                marked += 1
                local.number[c] = -1
        first = False
        pick = _branch(m, local)
        if pick < 0:
            n, m, base, sign = _gather(rows, status, local)
            if n == 0 and sign != SHORT and base < upper:
                upper = base
                goal = _goal(upper, step)
                found[:] = status == CHOSEN
            nodes.code[node] = DECIDED
            continue
        nodes.option[node], nodes.code[node] = local.cols[pick], SPLIT
        nodes.excluded[node], nodes.included[node] = count, count + 1
        for value in (LEFT, CHOSEN):
            s_node[top] = count if value == LEFT else count + 1
            s_mark[top], s_col[top], s_value[top] = marked, local.cols[pick], value
            s_price[top], s_bound[top] = mine, bound
            top += 1
        count += 2
    open_status = np.empty((top, width), dtype=np.int8)
    for t in range(top - 1, -1, -1):
        while marked > s_mark[t]:
            marked -= 1
            status[trail[marked]] = FREE
        open_status[t] = status
        if s_col[t] >= 0:
            open_status[t, s_col[t]] = s_value[t]
    while marked > 0:
        marked -= 1
        status[trail[marked]] = FREE
    cut = Nodes(
        nodes.option[:count].copy(),
        nodes.excluded[:count].copy(),
        nodes.included[:count].copy(),
        nodes.price[:count].copy(),
        nodes.code[:count].copy(),
        nodes.bound[:count].copy(),
    )
    return (
        cut, stored[:stores].copy(), found, upper, s_node[:top].copy(), s_bound[:top].copy(),
        s_price[:top].copy(), open_status,
    )  # fmt: skip
