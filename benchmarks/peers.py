"""Other packages on the same question: what they answer, what they claim, and how long it takes.

spopt with CBC or HiGHS, through its own interface; and HiGHS on the plain programme, passed as
sparse arrays. Values are recomputed from the chosen sites, whatever the package says.
"""

from __future__ import annotations

import importlib.util
import math
import time
from dataclasses import dataclass
from importlib.metadata import version

import highspy
import numpy as np
import scipy.sparse as sp
from scipy.spatial.distance import cdist

from benchmarks.instances.city import City
from siting.location.programme import LocationModel, Programme, programme
from siting.status import Sense

#: What the extra packages are installed with.
INSTALL = "pip install -r requirements-bench.txt"
#: Entries of the dense matrix beyond which spopt is not tried: ten million take it minutes.
MOST_DENSE = 10_000_000
_CHOSEN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What a package answered.

    Parameters
    ----------
    value
        Recomputed objective; None when it found nothing.
    bound
        The limit it proves; None when it tells none.
    claim
        Its status in its own word.
    proven
        Whether that status is a proof.
    seconds
        From the raw instance to the answer [s].
    limit_s
        Time its search was given [s].
    """

    value: float | None
    bound: float | None
    claim: str
    proven: bool
    seconds: float
    limit_s: float

    @property
    def gap(self) -> float:
        """Relative distance of its bound and its value; infinite without either."""
        if self.value is None or self.bound is None:
            return math.inf
        return abs(self.bound - self.value) / max(abs(self.value), 1e-12)


def absent(package: str) -> str:
    """Return why a package cannot run here, or nothing."""
    if importlib.util.find_spec(package) is None:
        return f"not installed: {INSTALL}"
    return ""


def versions() -> str:
    """Name the packages that are here, with their versions."""
    names = [name for name in ("spopt", "pulp", "highspy") if not absent(name)]
    return ", ".join(f"{name} {version(name)}" for name in names)


def spopt_covering(city: City, p: int | None, solver: str, limit_s: float) -> Peer:
    """Answer set covering (`p` None) or maximal covering with spopt.

    Parameters
    ----------
    city
        The instance; demand nobody can serve is left out of a set covering.
    p
        Number of sites.
    solver
        ``CBC`` or ``HiGHS``.
    limit_s
        Time the solver gets [s]; writing the model is not limited.
    """
    import pulp  # noqa: PLC0415 - an extra
    from spopt.locate import LSCP, MCLP  # noqa: PLC0415 - an extra

    kind = {"CBC": pulp.PULP_CBC_CMD, "HiGHS": pulp.HiGHS}[solver]
    engine = kind(msg=False, timeLimit=limit_s)
    cover = city.cover()
    demand_xy, weight = city.demand_xy, city.weight
    if p is None:
        served = np.diff(cover.indptr) > 0
        demand_xy, weight, cover = demand_xy[served], weight[served], cover[served]
    began = time.perf_counter()
    distance = cdist(demand_xy, city.site_xy)
    if p is None:
        model = LSCP.from_cost_matrix(distance, city.radius_m)
    else:
        model = MCLP.from_cost_matrix(distance, weight, city.radius_m, p_facilities=p)
    try:
        model = model.solve(engine, results=False)
    except RuntimeError as error:
        claim = str(error).split(" See ")[0]
        return Peer(
            value=None,
            bound=None,
            claim=claim,
            proven=False,
            seconds=time.perf_counter() - began,
            limit_s=limit_s,
        )
    seconds = time.perf_counter() - began
    chosen = np.array([(variable.value() or 0) > _CHOSEN for variable in model.fac_vars])
    proven = model.problem.sol_status == pulp.LpSolutionOptimal
    return Peer(
        value=_value(cover, chosen, weight, p),
        bound=None,
        claim=pulp.LpStatus[model.problem.status],
        proven=proven,
        seconds=seconds,
        limit_s=limit_s,
    )


def plain_highs(model: LocationModel, limit_s: float) -> Peer:
    """Give HiGHS the plain programme of a model: one thread, default settings, no relative gap."""
    began = time.perf_counter()
    built = programme(model)
    highs = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("mip_rel_gap", 0.0),
        ("time_limit", limit_s),
    ):
        highs.setOptionValue(name, value)
    _pass(highs, built)
    highs.run()
    info = highs.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    value = float(info.objective_function_value) if found else None
    bound = float(info.mip_dual_bound)
    status = highs.getModelStatus()
    return Peer(
        value=value,
        bound=bound if math.isfinite(bound) else None,
        claim=highs.modelStatusToString(status),
        proven=status == highspy.HighsModelStatus.kOptimal,
        seconds=time.perf_counter() - began,
        limit_s=limit_s,
    )


def peer_text(peer: Peer, best: float | None, seconds: float) -> str:
    """Say in one cell what a peer reached, beside our value and our seconds."""
    if peer.value is None:
        found = "nothing found"
    else:
        ratio = f" ({peer.value / best:.4f} of ours)" if best else ""
        found = f"{peer.value:,.12g}{ratio}"
    own = f", own gap {peer.gap:.3%}" if peer.bound is not None and peer.value else ""
    claim = f'says "{peer.claim}"' + ("" if peer.proven else ", not proven")
    times = f", {peer.seconds / seconds:.0f} x our time" if seconds > 0 else ""
    return f"{found}{own}; {claim}; {peer.seconds:.1f} s of {peer.limit_s:g} allowed{times}"


def _pass(highs: highspy.Highs, built: Programme) -> None:
    maximise = built.sense is Sense.MAXIMISE
    rows, variables = built.matrix.shape
    highs.passModel(
        variables,
        rows,
        built.matrix.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMaximize if maximise else highspy.ObjSense.kMinimize),
        0.0,
        built.cost,
        built.lower,
        built.upper,
        built.row_lower,
        built.row_upper,
        built.matrix.indptr.astype(np.int32),
        built.matrix.indices.astype(np.int32),
        built.matrix.data.astype(np.float64),
        built.integer.astype(np.int32),
    )


def _value(
    cover: sp.csr_array, chosen: np.ndarray, weight: np.ndarray, p: int | None
) -> float | None:
    """Recompute an objective; None when the choice does not keep the rules."""
    served = cover @ chosen.astype(np.int64) > 0
    if p is None:
        return float(chosen.sum()) if served.all() else None
    return float(weight[served].sum()) if chosen.sum() <= p else None
