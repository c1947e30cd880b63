"""The proof of a bound: a tree of cases that grows from the root, and the certificate of both."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np
import numpy.typing as npt

from siting.clock import Clock
from siting.location.maximal_covering.problem import Problem
from siting.location.maximal_covering.root import ENTRIES_PER_LOOK, Root, closes
from siting.location.maximal_covering.tree import (
    DECIDED,
    SPLIT,
    Tree,
    cutoff,
    enlarged,
    explore,
    new_tree,
    push,
)
from siting.location.solution import Certificate, Node, Prices

log = logging.getLogger(__name__)

#: Memory the prices of a tree may take [bytes].
MOST_BYTES = 6e8
#: Nodes a tree has room for at first; and at most.
FIRST_ROOM, MOST_NODES = 64, 400_000
#: Nodes examined between two looks at the room at most.
ROOM_PER_LOOK = 16
#: Waiting nodes at which a trunk is dealt out to threads.
TRUNK = 16
#: Subgradient steps a node takes, roughly.
STEPS_PER_NODE = 400

FloatArray = npt.NDArray[np.float64]


class Proof:
    """A tree of cases that grows in several threads.

    Parameters
    ----------
    root
        Prices it begins with.
    threads
        Trees that grow at once, each from nodes of a common trunk.
    """

    def __init__(self, root: Root, threads: int) -> None:
        self.problem = root.problem
        self.root = root
        self.threads = threads
        self.room = self._room(threads)
        self.trees = [self._tree()]
        #: Where a waiting node of the trunk went on: (tree, node).
        self.moved: dict[int, tuple[int, int]] = {}
        root.plant(self.trees[0])

    def _room(self, threads: int) -> int:
        cover, limits = self.problem.cover, self.problem.limits
        per_node = 4 * len(cover.weight) + len(self.problem.state) + 8 * len(limits.pair) + 40
        return int(max(8, min(MOST_NODES, MOST_BYTES / per_node / threads)))

    def _tree(self) -> Tree:
        cover = self.problem.cover
        pairs = len(self.problem.limits.pair)
        room = min(FIRST_ROOM, self.room)
        return new_tree(len(cover.weight), len(self.problem.state), pairs, room)

    @property
    def waiting(self) -> int:
        """Number of nodes that are not examined yet."""
        return int(sum(tree.size[2] for tree in self.trees))

    @property
    def full(self) -> bool:
        """Whether there is no room for more nodes."""
        return all(tree.size[2] == 0 or tree.size[0] + 2 > self.room for tree in self.trees)

    @property
    def nodes(self) -> int:
        """Number of nodes examined."""
        return int(sum(tree.size[1] for tree in self.trees))

    @property
    def bound(self) -> float:
        """The highest bound of a waiting node; minus infinity without any."""
        tops = [float(tree.bound[tree.heap[0]]) for tree in self.trees if tree.size[2] > 0]
        return max(tops, default=-math.inf)

    def know(self, selection: npt.NDArray[np.bool_], value: float) -> None:
        """Tell the trees of the best selection."""
        for tree in self.trees:
            if value > tree.value[0]:
                tree.value[0] = value
                tree.best[:] = selection

    def best(self) -> tuple[npt.NDArray[np.bool_], float]:
        """Return the best selection the trees know, and its value."""
        tree = max(self.trees, key=lambda tree: float(tree.value[0]))
        return tree.best, float(tree.value[0])

    def grow(self, nodes: int, clock: Clock) -> int:
        """Examine up to a number of nodes in every tree; return how many were examined."""
        per_look = max(1, int(ENTRIES_PER_LOOK / (STEPS_PER_NODE * (1 + len(self._entries)))))
        left, done = nodes, 0
        several = len(self.trees) > 1
        with ThreadPoolExecutor(len(self.trees)) if several else _Here() as pool:
            while left > 0 and self.waiting and not self.full and not clock.expired():
                look = min(left, per_look, ROOM_PER_LOOK)
                self._enlarge()
                if self.threads > 1 and not several:
                    look = min(look, TRUNK // 2)
                done += sum(pool.map(self._explore, self.trees, [look] * len(self.trees)))
                left -= look
                if several:
                    self.know(*self.best())
                elif self.threads > 1 and self.waiting >= TRUNK:
                    break
        if left > 0 and not several and self.threads > 1 and self.waiting >= TRUNK:
            self._share()
            done += self.grow(left, clock)
        return done

    @property
    def _entries(self) -> npt.NDArray[np.int32]:
        return self.root.part.entry

    def _enlarge(self) -> None:
        for place, tree in enumerate(self.trees):
            room = len(tree.parent)
            if tree.size[0] + 2 * ROOM_PER_LOOK > room and room < self.room:
                self.trees[place] = enlarged(tree, min(2 * room, self.room))

    def _explore(self, tree: Tree, nodes: int) -> int:
        problem = self.problem
        return explore(problem.cover, problem.limits, problem.step, tree, nodes)

    def _share(self) -> None:
        """Deal the waiting nodes of the trunk out to one tree per thread."""
        trunk = self.trees[0]
        waiting = trunk.heap[: trunk.size[2]].tolist()
        waiting.sort(key=lambda node: (-float(trunk.bound[node]), node))
        trunk.size[2] = 0
        for number in range(self.threads):
            tree = self._tree()
            tree.value[0] = trunk.value[0]
            tree.best[:] = trunk.best
            for node in waiting[number :: self.threads]:
                parent = int(trunk.parent[node])
                copy, child, price = int(tree.size[0]), int(tree.size[0]) + 1, int(tree.size[1])
                tree.size[0] += 2
                tree.size[1] += 1
                tree.price[copy] = price
                tree.state[price] = trunk.state[trunk.price[parent]]
                tree.demand[price] = trunk.demand[trunk.price[parent]]
                tree.conflict[price] = trunk.conflict[trunk.price[parent]]
                tree.option[copy] = trunk.option[parent]
                tree.kind[copy] = SPLIT
                tree.parent[copy] = -1
                tree.child[copy, int(trunk.child[parent, 1] == node)] = child
                tree.parent[child] = copy
                tree.bound[child] = trunk.bound[node]
                push(tree, child)
                self.moved[node] = (number + 1, child)
            self.trees.append(tree)

    def certificate(self, claim: float) -> Certificate:
        """Return the proof of a claim that no waiting node is above."""
        problem = self.problem
        nodes: list[Node] = []
        prices: list[Prices] = []
        queue: list[tuple[int, int, int, int]] = [(0, 0, -1, 0)]
        links: dict[int, list[int]] = {}
        at = 0
        while at < len(queue):
            place, node, above, side = queue[at]
            if node in self.moved and place == 0:
                place, node = self.moved[node]
            tree = self.trees[place]
            if above >= 0:
                links[above][side] = at
            price = int(tree.price[node])
            number = -1
            if price >= 0:
                number = len(prices)
                prices.append(
                    Prices(
                        demand=tree.demand[price],
                        limit=float(tree.lam[price]),
                        conflict=tree.conflict[price],
                    )
                )
            kind = tree.kind[node]
            closed = tree.bound[node] <= claim
            if problem.step > 0:
                closed = tree.bound[node] < cutoff(claim, problem.step)
            if kind == SPLIT and not closed:
                links[at] = [-1, -1]
                queue += [(place, int(tree.child[node, s]), at, s) for s in (0, 1)]
                nodes.append(Node(prices=number, option=int(tree.option[node])))
            else:
                closing = "decided" if kind == DECIDED and not closed else "prices"
                nodes.append(Node(prices=number, closing=closing))
            at += 1
        for index, (excluded, included) in links.items():
            nodes[index] = Node(
                prices=nodes[index].prices,
                option=nodes[index].option,
                excluded=excluded,
                included=included,
            )
        return Certificate(
            bound=claim,
            prices=tuple(prices),
            nodes=tuple(nodes),
            groups=problem.groups,
            dominated=problem.dominated,
        )


def root_certificate(root: Root, claim: float, closing: str = "prices") -> Certificate:
    """Return the proof of a claim by the root prices, alone or with branch and cut behind them."""
    prices = Prices(demand=root.demand, limit=root.lam, conflict=root.conflict)
    return Certificate(
        bound=claim,
        prices=(prices,),
        nodes=(Node(prices=0, closing=closing),),
        groups=root.problem.groups,
        dominated=root.problem.dominated,
    )


def claimed(problem: Problem, bound: float, value: float) -> float:
    """Return the limit that a bound proves when the best known value is `value`."""
    if closes(problem, bound, value):
        return value if problem.step else float(cutoff(value, 0.0))
    if problem.step:
        return max(value, math.floor(bound / problem.step) * problem.step)
    return bound


class _Here:
    """Stands for a pool where there is one thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @staticmethod
    def map(call: Callable[[Tree, int], int], trees: list[Tree], nodes: list[int]) -> list[int]:
        return [call(tree, number) for tree, number in zip(trees, nodes, strict=True)]
