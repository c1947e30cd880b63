"""Branch and bound over options, compiled: Lagrangian bounds, options decided at every node.

A node takes over the prices of its parent, moves them, and keeps them: the tree is the proof.
"""

# ruff: noqa: ANN001, ANN201, ANN202, C901, PLR0912, PLR0917
# Compiled functions take plain arrays, numba infers their types; one pass is one function.

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.maximal_covering.prices import ascend, restrict, settle

#: Rounds of subgradient steps at a node, steps in each, and the step size they begin with.
ROUNDS, STEPS, FIRST_STEP = 8, 40, 0.1
#: Options tried out before a split, and the subgradient steps of each trial.
TRIALS, TRIAL_STEPS = 6, 30
#: Steps without a better bound after which steps are halved.
PATIENCE = 20
#: How a node is closed.
OPEN, PRICES, DECIDED, SPLIT = np.int8(0), np.int8(1), np.int8(2), np.int8(3)


class Tree(NamedTuple):
    """Nodes of a tree as arrays; `size` holds how many nodes, prices and waiting nodes there are.

    ``heap`` lists waiting nodes, the highest ``bound`` first. ``best`` are flags of the best
    selection and ``value[0]`` what it serves.
    """

    parent: npt.NDArray[np.int32]
    option: npt.NDArray[np.int32]
    child: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    price: npt.NDArray[np.int32]
    bound: npt.NDArray[np.float64]
    state: npt.NDArray[np.int8]
    demand: npt.NDArray[np.float32]
    conflict: npt.NDArray[np.float64]
    lam: npt.NDArray[np.float64]
    heap: npt.NDArray[np.int32]
    size: npt.NDArray[np.int64]
    best: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64]


def new_tree(rows: int, columns: int, pairs: int, nodes: int) -> Tree:
    """Return an empty tree with room for a number of nodes; memory is touched as it fills."""
    return Tree(
        parent=np.empty(nodes, dtype=np.int32),
        option=np.full(nodes, -1, dtype=np.int32),
        child=np.full((nodes, 2), -1, dtype=np.int32),
        kind=np.zeros(nodes, dtype=np.int8),
        price=np.full(nodes, -1, dtype=np.int32),
        bound=np.empty(nodes),
        state=np.empty((nodes, columns), dtype=np.int8),
        demand=np.empty((nodes, rows), dtype=np.float32),
        conflict=np.empty((nodes, pairs)),
        lam=np.empty(nodes),
        heap=np.empty(nodes, dtype=np.int32),
        size=np.zeros(3, dtype=np.int64),
        best=np.zeros(columns, dtype=np.bool_),
        value=np.zeros(1),
    )


def enlarged(tree: Tree, nodes: int) -> Tree:
    """Return the tree with room for more nodes."""
    old = len(tree.parent)
    wide = new_tree(tree.demand.shape[1], tree.state.shape[1], tree.conflict.shape[1], nodes)
    for name in ("parent", "option", "child", "kind", "price", "bound", "heap"):
        getattr(wide, name)[:old] = getattr(tree, name)
    kept = int(tree.size[1])
    for name in ("state", "demand", "conflict", "lam"):
        getattr(wide, name)[:kept] = getattr(tree, name)[:kept]
    return wide._replace(size=tree.size, best=tree.best, value=tree.value)


@njit(cache=True, nogil=True)
def push(tree, node):
    """Add a waiting node."""
    heap, bound = tree.heap, tree.bound
    place = tree.size[2]
    tree.size[2] += 1
    while place > 0:
        above = (place - 1) // 2
        if bound[heap[above]] >= bound[node]:
            break
        heap[place] = heap[above]
        place = above
    heap[place] = node


@njit(cache=True, nogil=True)
def pop(tree):
    """Remove and return the waiting node of the highest bound."""
    heap, bound = tree.heap, tree.bound
    top = heap[0]
    tree.size[2] -= 1
    count = tree.size[2]
    last = heap[count]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        if below + 1 < count and bound[heap[below + 1]] > bound[heap[below]]:
            below += 1
        if bound[last] >= bound[heap[below]]:
            break
        heap[place] = heap[below]
        place = below
    heap[place] = last
    return top


@njit(cache=True, nogil=True)
def cutoff(value, step):
    """Return the bound below which nothing better than a value is left."""
    if step > 0.0:
        return value + step * (1.0 - 1e-9)
    return value + 5e-10 * abs(value)


@njit(cache=True, nogil=True)
def goal(value, step):
    """Return the bound that prices aim at: safely below the cutoff."""
    if step > 0.0:
        return value + 0.5 * step
    return value + 1e-10 * abs(value)


@njit(cache=True, nogil=True)
def explore(cover, limits, step, tree, nodes):
    """Examine up to a number of waiting nodes, best first; return how many were."""
    done = 0
    while done < nodes and tree.size[2] > 0 and tree.size[0] + 2 <= len(tree.parent):
        if tree.bound[tree.heap[0]] < cutoff(tree.value[0], step):
            node = pop(tree)  # the prices of its parent close it now
            tree.kind[node] = PRICES
            continue
        node = pop(tree)
        done += 1
        option = examine(cover, limits, step, tree, node)
        if option < 0:
            continue
        tree.kind[node] = SPLIT
        tree.option[node] = option
        for side in range(2):
            child = tree.size[0]
            tree.size[0] += 1
            tree.parent[child] = node
            tree.child[node, side] = child
            tree.bound[child] = tree.bound[node]
            tree.kind[child] = OPEN
            push(tree, child)
    return done


@njit(cache=True, nogil=True)
def examine(cover, limits, step, tree, node):
    """Bound one node and decide options; return the option to split on, -1 when it is closed."""
    parent = tree.parent[node]
    state = tree.state[tree.size[1]]
    demand = tree.demand[tree.size[1]]
    conflict = tree.conflict[tree.size[1]]
    if parent >= 0:
        above = tree.price[parent]
        state[:] = tree.state[above]
        demand[:] = tree.demand[above]
        conflict[:] = tree.conflict[above]
        state[tree.option[parent]] = 1 if tree.child[parent, 1] == node else -1
    tree.kind[node] = PRICES
    if not close_rivals(limits, state):
        return -1
    part = restrict(cover, limits, state)
    if not fits(limits, state, part.left):
        return -1
    aim = cutoff(tree.value[0], step)
    rows = len(part.row)
    u = np.empty(rows)
    for k in range(rows):
        u[k] = min(demand[part.row[k]], part.most[k])
    nu = np.zeros(len(conflict))
    for k in range(len(part.pair)):
        nu[part.pair[k]] = conflict[part.pair[k]]
    average = np.zeros(len(state))
    best_u, best_nu = _climb(part, limits, state, u, nu, average, goal(tree.value[0], step))
    demand[:] = 0.0
    for k in range(rows):
        price = np.float32(best_u[k])
        if price > part.most[k]:
            price = np.float32(price * (1.0 - 2.0**-22))
        demand[part.row[k]] = price
        best_u[k] = price
    bound, lam, joined, left = settle(cover, part, limits, state, best_u, best_nu)
    conflict[:] = best_nu
    tree.price[node] = tree.size[1]
    tree.lam[tree.size[1]] = lam
    tree.size[1] += 1
    tree.bound[node] = min(tree.bound[node], bound)
    if rows > 0:
        round_choice(limits, state, part, average, tree)
    aim = cutoff(tree.value[0], step)
    if bound < aim:
        return -1
    for place in range(len(part.option)):
        o = part.option[place]
        if bound - joined[o] < aim:
            state[o] = -1
        elif bound - left[o] < aim:
            state[o] = 1
    if not close_rivals(limits, state):
        return -1
    return _branch(cover, limits, state, part, average, left, tree, node, aim, best_u, best_nu)


@njit(cache=True, nogil=True)
def _climb(part, limits, state, u, nu, average, aim):
    rows, pairs = len(part.row), len(part.pair)
    best_u, best_nu = u.copy(), nu.copy()
    memory = np.zeros(3 + rows + pairs)
    memory[0] = FIRST_STEP
    before = np.inf
    for _ in range(ROUNDS):
        bound = ascend(
            part,
            limits,
            state,
            u,
            nu,
            best_u,
            best_nu,
            average,
            aim,
            memory,
            np.int64(STEPS),
            np.int64(PATIENCE),
        )
        if bound <= aim or memory[0] == 0.0:
            break
        if before - bound < 0.05 * (bound - aim):
            break
        before = bound
    return best_u, best_nu


@njit(cache=True, nogil=True)
def _branch(cover, limits, state, part, average, left, tree, node, aim, best_u, best_nu):
    """Return the free option whose decision matters most; note the value when all are decided."""
    score = np.full(len(part.option), -1.0)
    free = 0
    for place in range(len(part.option)):
        o = part.option[place]
        if state[o] == 0:
            free += 1
            score[place] = average[o] + 1e-6 * left[o]
    if free == 0:
        tree.kind[node] = DECIDED
        whole = restrict(cover, limits, state)
        if fits(limits, state, whole.left) and whole.served > tree.value[0]:
            tree.value[0] = whole.served
            for o in range(len(state)):
                tree.best[o] = state[o] == 1
        return -1
    order = np.argsort(-score)
    pick, most = -1, -1.0
    trials = min(TRIALS, free)
    if trials == 1:
        return part.option[order[0]]
    price = np.zeros(len(cover.weight))
    for k in range(len(part.row)):
        price[part.row[k]] = best_u[k]
    bound = tree.bound[node]
    for at in range(trials):
        o = part.option[order[at]]
        drops = np.zeros(2)
        for side in range(2):
            trial = state.copy()
            trial[o] = 2 * side - 1
            if not close_rivals(limits, trial):
                drops[side] = bound - aim
                continue
            rest = restrict(cover, limits, trial)
            if not fits(limits, trial, rest.left):
                drops[side] = bound - aim
                continue
            rows = len(rest.row)
            u = np.empty(rows)
            for k in range(rows):
                u[k] = price[rest.row[k]]
            nu = np.zeros(len(best_nu))
            for k in range(len(rest.pair)):
                nu[rest.pair[k]] = best_nu[rest.pair[k]]
            memory = np.zeros(3 + rows + len(rest.pair))
            memory[0] = FIRST_STEP
            reached = ascend(
                rest,
                limits,
                trial,
                u,
                nu,
                u.copy(),
                nu.copy(),
                average.copy(),
                aim,
                memory,
                np.int64(TRIAL_STEPS),
                np.int64(PATIENCE),
            )
            drops[side] = max(0.0, min(bound - reached, bound - aim))
        worth = max(drops[0], 1e-6) * max(drops[1], 1e-6)
        if worth > most:
            pick, most = o, worth
    return pick


@njit(cache=True, nogil=True)
def close_rivals(limits, state):
    """Leave out what conflicts with options that are in; tell whether none of those is in too."""
    if len(limits.pair) == 0:
        return True
    for o in range(len(state)):
        if state[o] == 1:
            for at in range(limits.rival_ptr[o], limits.rival_ptr[o + 1]):
                if state[limits.rival[at]] == 1:
                    return False
                state[limits.rival[at]] = -1
    return True


@njit(cache=True, nogil=True)
def fits(limits, state, left):
    """Tell whether the options that are in keep the limit and those of their sites."""
    if left < -1e-12 * limits.limit:
        return False
    if limits.grouped:
        for s in range(len(limits.most)):
            count = 0
            for at in range(limits.site_ptr[s], limits.site_ptr[s + 1]):
                count += state[limits.site_option[at]] == 1
            if count > limits.most[s]:
                return False
    return True


@njit(cache=True, nogil=True)
def round_choice(limits, state, part, average, tree):
    """Take free options by their smoothed choice while they fit; keep the answer if it is best."""
    trial = state.copy()
    left = part.left
    load = np.zeros(len(limits.most), dtype=np.int32)
    for o in range(len(state)):
        if state[o] == 1:
            load[limits.site[o]] += 1
    share = np.empty(len(part.option))
    for place in range(len(part.option)):
        share[place] = -average[part.option[place]]
    for place in np.argsort(share):
        o = part.option[place]
        s = limits.site[o]
        cost = limits.cost[o] + (limits.opening[s] if load[s] == 0 else 0.0)
        if trial[o] != 0 or cost > left or load[s] >= limits.most[s]:
            trial[o] = -1
            continue
        trial[o] = 1
        left -= cost
        load[s] += 1
        for at in range(limits.rival_ptr[o], limits.rival_ptr[o + 1]):
            trial[limits.rival[at]] = -1
    count = np.zeros(len(part.row), dtype=np.int32)
    value = part.served
    for place in range(len(part.option)):
        if trial[part.option[place]] == 1:
            for at in range(part.ptr[place], part.ptr[place + 1]):
                k = part.entry[at]
                count[k] += 1
                if count[k] == part.missing[k]:
                    value += part.weight[k]
    if value > tree.value[0] * (1.0 + 1e-12):
        tree.value[0] = value
        for o in range(len(state)):
            tree.best[o] = trial[o] == 1
