"""The outline of a capacitated search: bound, answer, proof."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from siting.location.capacitated.kernel import Kernel
from siting.location.capacitated.network import FloatArray, Kind, Network, most_served
from siting.location.capacitated.relaxation import Flags, Multipliers, Relaxation
from siting.location.capacitated.search import build, improve, wander
from siting.location.capacitated.service import Service, Splitting, Whole
from siting.location.capacitated.tree import Proof
from siting.location.control import (
    GAP_REACHED,
    NOTHING_BETTER,
    PROVEN,
    STOPPED,
    TIMED_OUT,
    Control,
    Found,
)
from siting.location.solution import Certificate, Node
from siting.status import Sense

log = logging.getLogger(__name__)

#: Subgradient steps of the first look, of each root round, and of a node.
FIRST_STEPS, ROUND_STEPS, NODE_STEPS = 60, 150, 60
#: Share of all demand that counts as nothing.
SAME = 1e-9
#: Rounds at the root.
ROUNDS = 4
#: Arcs times subgradient steps a proof may take; it ends there when nothing else ends it.
EFFORT = 2e11
#: Most nodes of a tree.
MOST_NODES = 50_000
#: Arcs above which the whole programme of a kernel is not tried.
MOST_KERNEL_ARCS = 150_000
#: Arcs of open questions up to which a case is searched before it is split, and nodes for that.
FEW_ARCS, FEW_NODES = 250, 500
#: Nodes of a kernel that ends a case.
MOST_KERNEL_NODES = 200_000
#: Free options up to which an exact search follows at once, and arcs times choices looked at else.
FEW_FREE, WANDER = 12, 1.5e8
#: Choices looked at where each is a transportation problem.
MOST_ASSIGNMENTS = 300
#: Choices evaluated after each move, at first and within the tree.
TRIES, NODE_TRIES = 40, 8


@dataclass(slots=True)
class Search:
    """One search, with the best answer so far.

    Parameters
    ----------
    network, control
        The model, and how the search runs.
    """

    network: Network
    control: Control
    relaxation: Relaxation = field(init=False)
    serving: Splitting = field(init=False)
    proof: Proof = field(init=False)
    best: Service | None = None
    guide: Service | None = None
    seen: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Prepare the relaxation and the evaluation."""
        self.relaxation = Relaxation(self.network)
        self.serving = Whole(self.network) if self.network.single else Splitting(self.network)
        self.proof = Proof(self.relaxation, self.control.clock)

    @property
    def value(self) -> float:
        """Value of the best answer, infinite without one."""
        return math.inf if self.best is None else self.best.value

    def run(self) -> Found:
        """Search, and prove."""
        clock = self.control.clock
        prices = self._first_prices()
        self._try(prices.chosen, TRIES)
        proof = self.proof
        prices = self._root(proof, prices)
        if self.best is None and self.network.kind is Kind.ASSIGN and not clock.expired():
            hopeless = self._serves_all()
            if hopeless is not None:
                return hopeless
        if prices.value < (least := self.relaxation.least()).value:
            least.chosen, prices = prices.chosen, least
        proof.plant(prices)
        closed = proof.tighten(self.value)
        log.info(
            "capacitated: value %.8g, bound %.8g, %d options free",
            self.value, proof.bound, proof.free,
        )  # fmt: skip
        if not closed and not self._near(proof) and proof.free > FEW_FREE:
            self._wander()
            closed = proof.tighten(self.value)
        if not closed and not clock.expired() and not self._near(proof):
            self._close(proof)
        return self._found(proof)

    def _serves_all(self) -> Found | None:
        """Look for a choice that serves all demand; return the proof when there is none."""
        net, control = self.network, self.control
        most = Search(most_served(net), replace(control, clock=control.clock.until(0.5), gap=0.0))
        found, total = most.run(), net.total
        if most.best is not None:
            served = total - most.best.value
            if served >= total * (1.0 - SAME):
                self._try_all(most.best)
                return None
            proof = found.certificate
            if proof is not None and proof.bound < total * (1.0 - SAME):
                leaf = Certificate(bound=math.inf, below=(proof.bound, proof))
                known = f"{served:g}" + ("" if served >= proof.bound else f" to {proof.bound:g}")
                ended = f"of the demand {total:g} at best {known} can be served"
                return Found(selected=None, certificate=leaf, ended=ended)
        return None

    def _try_all(self, most: Service) -> None:
        """Keep the choice, and the whole service, of an answer that serves all demand."""
        whole = self.serving
        if isinstance(whole, Whole):
            self._keep(whole.measure(most.chosen, whole.places(most)))
        self._improve(most.chosen, TRIES)

    def _first_prices(self) -> Multipliers:
        """Return prices of a rough climb that needs no answer."""
        relaxation, clock = self.relaxation, self.control.clock
        prices = relaxation.first()
        flag = relaxation.root
        bound, _, _ = relaxation.appraise(flag, prices)
        prices.chosen = np.zeros(self.network.options)
        for _ in range(3):
            guess = bound + 0.1 * abs(bound) + 1e-3 * self._scale()
            found = relaxation.climb(
                flag, prices, target=guess, cutoff=math.inf, steps=FIRST_STEPS // 3, clock=clock,
                step=1.0,
            )  # fmt: skip
            if not len(found.chosen):
                break
            prices, bound = found, max(bound, found.value)
        return prices

    def _scale(self) -> float:
        net = self.network
        if net.kind is Kind.SERVE:
            return net.total
        finite = net.unit if len(net.unit) else np.zeros(1)
        opening = float(net.cost.max(initial=0.0) + net.cost.sum() / 10.0)
        return opening + net.total * float(finite.mean()) or 1.0

    def _root(self, proof: Proof, prices: Multipliers) -> Multipliers:
        """Climb at the root, with answers from the average choices between."""
        clock, relaxation = self.control.clock, self.relaxation
        for turn in range(ROUNDS):
            value = self.value if self.best is not None else self._guess(prices.value)
            target = value + 0.05 * abs(value - prices.value)
            found = relaxation.climb(
                relaxation.root, prices, target=target, cutoff=proof.enough(self.value),
                steps=ROUND_STEPS, clock=clock, step=1.0 if turn == 0 else 0.3,
            )  # fmt: skip
            if len(found.chosen) and found.value >= prices.value:
                gained, prices = found.value - prices.value, found
            else:
                gained = 0.0
                prices.chosen = found.chosen if len(found.chosen) else prices.chosen
            self._try(prices.chosen, TRIES)
            self._report(prices.value)
            if prices.value >= proof.enough(self.value) or clock.expired():
                break
            if gained < 1e-3 * abs(self.value - prices.value) and turn > 0:
                break
        return prices

    def _guess(self, bound: float) -> float:
        return bound + 0.1 * abs(bound) + 1e-3 * self._scale()

    def _report(self, bound: float) -> None:
        net = self.network
        value: float | None = self.value if self.best is not None else None
        if net.kind is Kind.SERVE:
            bound, value = net.total - bound, None if value is None else net.total - value
        sense = Sense.MAXIMISE if net.kind is Kind.SERVE else Sense.MINIMISE
        self.control.report(sense, 0.5, value, bound)

    def _near(self, proof: Proof) -> bool:
        """Tell whether the gap asked for is reached."""
        if self.best is None or self.control.gap <= 0.0:
            return False
        size = self.network.total - self.value if self.network.kind is Kind.SERVE else self.value
        return self.value - proof.bound <= self.control.gap * abs(size)

    def _try(self, wanted: FloatArray, tries: int) -> None:
        """Look for a better answer near what an average Lagrangian choice wants."""
        relaxation, clock = self.relaxation, self.control.clock
        if not len(wanted):
            return
        net = self.network
        dear = net.cost / np.maximum(np.minimum(net.capacity, net.total), 1e-12)
        order = np.lexsort((dear, -wanted)).astype(np.intp)
        likely = wanted - (0.0 if math.isfinite(net.limit) else 0.4)
        if net.kind is Kind.REQUIRE:
            room = np.cumsum(np.where(relaxation.root[order] < 0, 0.0, net.capacity[order]))
            first = order[: int(np.searchsorted(room, self.serving.needed.sum())) + 1]
            likely[first] = np.maximum(likely[first], 1e-9)
        chosen = build(order, relaxation, likely)
        self._improve(chosen, tries)
        if self.guide is not None and tries == TRIES and not clock.expired():
            self._improve(build(order, relaxation, wanted - 0.7), tries // 2)

    def _improve(self, chosen: npt.NDArray[np.bool_], tries: int) -> None:
        key = np.packbits(chosen).tobytes()
        if key in self.seen or not self.network.allowed(chosen):
            return
        self.seen.add(key)
        service = self.serving.serve(chosen)
        if self.best is None or service.floor < self.value + 0.02 * abs(self.value):
            service = improve(
                service, self.serving, self.relaxation, clock=self.control.clock, tries=tries
            )
        self._keep(service)

    def _keep(self, service: Service) -> None:
        if self.guide is None or service.guide < self.guide.guide:
            self.guide = service
        if service.value < self.value:
            self.best = service

    def _close(self, proof: Proof) -> None:
        """Prove the answer, or find a better one and prove that."""
        net = self.network
        flag = proof.decided()
        if net.single and not self._branches:
            kernel = Kernel(net, flag, self.serving.needed)
            if kernel.size <= MOST_KERNEL_ARCS:
                if self._settles(kernel):
                    proof.close_root()
                return
        work = max(1.0, float(len(net.row))) * NODE_STEPS
        proof.grow(
            self.value, nodes=int(min(MOST_NODES, max(200.0, EFFORT / work))), steps=NODE_STEPS,
            visit=self._visit, finish=self._finish, near=lambda: self._near(proof),
        )  # fmt: skip

    def _wander(self) -> None:
        """Look further for a better answer, where an exact search may not find one soon."""
        net, guide = self.network, self.guide
        if guide is None or (net.kind is Kind.ASSIGN and not net.single):
            return
        number = int(np.clip(WANDER / max(1, len(net.row)), 60, 6000))
        if net.kind is Kind.ASSIGN:  # each choice is a transportation problem: the kernel does more
            number = min(number, MOST_ASSIGNMENTS)
        self._keep(
            wander(
                guide, self.serving, self.relaxation, clock=self.control.clock,
                seed=self.control.seed, evaluations=number, tries=TRIES // 2,
            )
        )  # fmt: skip

    def _visit(self, flag: Flags, wanted: FloatArray) -> float:
        """Try what a node wants."""
        if len(wanted):
            forced = np.where(flag > 0, 2.0, np.where(flag < 0, 0.0, wanted))
            self._try(forced, NODE_TRIES)
        return self.value

    @property
    def _branches(self) -> bool:
        """Whether prices decide so much of who serves whom that splitting on options pays."""
        return self.relaxation.packs and self.network.kind is Kind.ASSIGN

    def _finish(self, flag: Flags, prices: Multipliers) -> tuple[float, str]:
        """Search a case to its end where little of it is free."""
        free = bool((flag == 0).any())
        if free and not self._branches:
            return self.value, ""
        chosen, arcs = flag > 0, None
        if not free:
            if not self.network.allowed(chosen):
                return self.value, "kernel"
            service = self.serving.serve(chosen)
            self._keep(service)
            if not self.network.single:
                return self.value, "decided"
        if self._branches:
            arcs = self.relaxation.arcs_left(flag, prices, self.proof.enough(self.value))
            each = np.bincount(
                np.repeat(np.arange(self.network.rows), np.diff(self.network.row_start)),
                weights=arcs, minlength=self.network.rows,
            )  # fmt: skip
            if not each.all():
                return self.value, "kernel"
            if free and each[each > 1].sum() > FEW_ARCS:
                return self.value, ""
        kernel = Kernel(self.network, flag, self.serving.needed, arcs)
        nodes = FEW_NODES if free else MOST_KERNEL_NODES
        return self.value, "kernel" if self._settles(kernel, nodes) else ""

    def _settles(self, kernel: Kernel, nodes: int = MOST_KERNEL_NODES) -> bool:
        """Search a kernel to its end; tell whether nothing in it beats the best answer."""
        whole = self.serving
        if not isinstance(whole, Whole):
            return False
        outcome = kernel.solve(
            self.value, step=self.proof.step, clock=self.control.clock, nodes=nodes
        )
        if outcome.chosen is not None and outcome.place is not None:
            service = whole.measure(outcome.chosen, outcome.place)
            if self.network.allowed(outcome.chosen):
                self._keep(service)
        if not outcome.finished:
            return False
        if math.isinf(self.value):
            return math.isinf(outcome.bound)
        return outcome.bound >= self.proof.enough(self.value) - 1e-10 * abs(self.value)

    def _found(self, proof: Proof) -> Found:
        clock, best = self.control.clock, self.best
        certificate = proof.certificate(self.value)
        done = not proof.pending or proof.bound >= proof.enough(self.value)
        if best is None and done:
            limit = -math.inf if self.network.kind is Kind.SERVE else math.inf
            leaf = Certificate(bound=limit, nodes=(Node(closing="kernel"),))
            return Found(
                selected=None, certificate=leaf, ended="no choice keeps all rules together"
            )
        ended = NOTHING_BETTER
        if done:
            ended = PROVEN
        elif self._near(proof):
            ended = GAP_REACHED
        elif clock.expired():
            ended = STOPPED if clock.stopped else TIMED_OUT
        return Found(
            selected=None if best is None else np.flatnonzero(best.chosen).astype(np.intp),
            certificate=certificate,
            ended=ended,
            assignment=None if best is None else self.serving.assignment(best),
        )
