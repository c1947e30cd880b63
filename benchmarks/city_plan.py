"""Plan Ezhou's 5G network on files, both steps, each stage timed in a fresh process.

Beside it, in the same run and with more time, HiGHS alone on the unreduced programme of step
one: what a general solver reaches without the location engine.
"""

from __future__ import annotations

import argparse
import resource
import time
import tomllib
from dataclasses import dataclass, field

import highspy
import numpy as np
import scipy.sparse as sp

from benchmarks.recording import Rows, add_record_option, publish
from siting.coverage import Coverage, build_coverage
from siting.datasets import ezhou, scenario_text
from siting.plan import Plan
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.radio.network.plan_network import plan_stations
from siting.radio.network.plan_prediction import Ground, predict_stations, prediction_grid
from siting.scenario import Scenario, build_scenario
from siting.spec import ScenarioSpec
from siting.technology import CoverageModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``scripts/bench city-plan``."""
    add_record_option(parser)
    parser.add_argument(
        "--scenario", default="ezhou-5g", help="bundled scenario (default ezhou-5g, by distance)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the search (default 0)")
    parser.add_argument(
        "--without-peer", action="store_true", help="leave out the run of HiGHS alone"
    )
    parser.add_argument(
        "--peer-seconds",
        type=float,
        default=120.0,
        metavar="S",
        help="time HiGHS alone gets [s] (default 120)",
    )


@dataclass
class Stages:
    """Wall time of each stage [s], in order."""

    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, name: str, began: float) -> None:
        """Note how long a stage took."""
        self.seconds[name] = time.perf_counter() - began


def run(arguments: argparse.Namespace) -> int:
    """Plan, verify, compare and print; return the exit code."""
    stages = Stages()
    began = time.perf_counter()
    data = ezhou()
    spec = ScenarioSpec.parse(tomllib.loads(scenario_text(arguments.scenario)))
    scenario = build_scenario(spec, data).replace(seed=arguments.seed)
    stages("planning data", began)
    began = time.perf_counter()
    coverage = build_coverage(scenario)
    stages("coverage", began)
    began = time.perf_counter()
    plan = plan_scenario(scenario, coverage=coverage)
    stages("both steps", began)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    verify_plan(scenario, plan)
    stages("verification", began)
    rows = _rows(scenario, coverage, plan, stages, peak_mb)
    title = "Ezhou's 5G plan, both steps"
    if scenario.coverage_model is CoverageModel.SECTORS:
        title += ", sectors and terrain"
        rows = (*rows, *_network(scenario, plan))
    if not arguments.without_peer:
        rows = (*rows, *_peer(scenario, coverage, plan, arguments.peer_seconds))
    publish(arguments, title, rows)
    return 0


def _rows(
    scenario: Scenario, coverage: Coverage, plan: Plan, stages: Stages, peak_mb: float
) -> Rows:
    nonzeros = sum(matrix.nnz for matrix in coverage.by_standard.values())
    rows = [
        (
            "size",
            (
                f"{len(scenario.data.demand):,} demand cells, {len(scenario.data.sites):,} sites, "
                f"{len(scenario.options):,} options, {len(scenario.targets)} targets, "
                f"{nonzeros:,} cover pairs"
            ),
        ),
        ("plan", f"{plan.stations:,} stations, {plan.sites:,} sites, CNY {plan.cost_cny:,}"),
        ("status", f"{plan.status}; {plan.reason}"),
    ]
    rows += [
        (
            f"step {step.name}",
            (
                f"{step.value:,.0f} {step.unit}, bound {step.bound:,.0f}, gap {step.gap:.3%}, "
                f"{step.runtime_s:.1f} s"
            ),
        )
        for step in plan.steps
    ]
    rows += [(name, f"{seconds:.1f} s") for name, seconds in stages.seconds.items()]
    return (*rows, ("peak memory", f"{peak_mb:,.0f} MB"))


def _network(scenario: Scenario, plan: Plan) -> Rows:
    """Predict the plan's network with its interference, and say which zones meet the standards."""
    began = time.perf_counter()
    predicted = predict_stations(
        scenario.data,
        plan_stations(scenario, plan.selected),
        grid=prediction_grid(scenario.data, 50.0),
        ground=Ground.of(scenario.data),
    )
    seconds = time.perf_counter() - began
    table = predicted.report.frame()
    met = table.groupby("standard", sort=False)["passes"]
    shares = ", ".join(f"{name} {passes.sum()} of {len(passes)}" for name, passes in met)
    return (
        ("network at 50 m", f"{len(predicted.station):,} cells, predicted in {seconds:.1f} s"),
        ("zones and districts that pass", f"{shares}; -105/-95 dBm and -3/0 dB on 95 %"),
    )


def _peer(scenario: Scenario, coverage: Coverage, plan: Plan, limit_s: float) -> Rows:
    """Give HiGHS the plain programme of step one and `limit_s` seconds."""
    step = plan.steps[0]
    began = time.perf_counter()
    program = _plain_program(scenario, coverage)
    highspy.Highs.resetGlobalScheduler(True)  # noqa: FBT003 - HiGHS keeps its first thread count
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("threads", 2)
    solver.setOptionValue("time_limit", limit_s)
    solver.passModel(program)
    solver.run()
    took = time.perf_counter() - began
    info = solver.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    value = info.objective_function_value if found else float("inf")
    bound = info.mip_dual_bound
    proved = f"bound {bound:,.0f}, {bound / step.bound:.2f} of ours" if bound > 0 else "no bound"
    reached = f"CNY {value:,.0f}, {value / step.value:.2f} times ours" if found else "no plan found"
    return (
        (
            "HiGHS alone, step one",
            (f"{reached}; {proved}; {took:.1f} s with a limit of {limit_s:.1f} s and 2 threads"),
        ),
    )


def _plain_program(scenario: Scenario, coverage: Coverage) -> highspy.HighsLp:
    """Write step one as it stands in the textbook: options, open sites, served demand."""
    options, demand, sites = scenario.options, scenario.data.demand, scenario.data.sites
    opened, site_of = np.unique(options.site, return_inverse=True)
    rows: list[sp.coo_array] = []
    blocks: dict[str, int] = {}
    standards = list(dict.fromkeys(target.standard_id for target in scenario.targets))
    start = len(options) + len(opened)
    for standard in standards:
        blocks[standard] = start
        start += len(demand)
    width = start
    lower: list[np.ndarray] = []
    for standard in standards:  # A x - y >= 0
        cover = coverage.by_standard[standard].tocoo().astype(np.float64)
        served = sp.coo_array(
            (
                -np.ones(len(demand)),
                (np.arange(len(demand)), blocks[standard] + np.arange(len(demand))),
            ),
            shape=(len(demand), width),
        )
        wide = sp.coo_array((cover.data, (cover.row, cover.col)), shape=(len(demand), width))
        rows.append(wide + served)
        lower.append(np.zeros(len(demand)))
    index = np.arange(len(options))  # z_site - x >= 0
    rows.append(
        sp.coo_array(
            (
                np.concatenate([-np.ones(len(options)), np.ones(len(options))]),
                (
                    np.concatenate([index, index]),
                    np.concatenate([index, len(options) + site_of]),
                ),
            ),
            shape=(len(options), width),
        )
    )
    lower.append(np.zeros(len(options)))
    for target in scenario.targets:
        inside = demand.in_zone(target.zone_id)
        weight = demand.weights[target.weight][inside]
        columns = blocks[target.standard_id] + inside
        rows.append(sp.coo_array((weight, (np.zeros(len(inside), int), columns)), shape=(1, width)))
        reach = coverage.by_standard[target.standard_id][inside].sum(axis=1) > 0
        required = min(target.required_fraction * weight.sum(), weight[reach].sum())
        lower.append(np.array([required]))
    matrix = sp.vstack(rows).tocsr()
    program = highspy.HighsLp()
    program.num_col_ = width
    program.num_row_ = matrix.shape[0]
    program.col_cost_ = np.concatenate(
        [options.cost_cny, sites.fixed_cost_cny[opened], np.zeros(width - blocks[standards[0]])]
    ).astype(np.float64)
    program.col_lower_ = np.zeros(width)
    program.col_upper_ = np.ones(width)
    program.row_lower_ = np.concatenate(lower)
    program.row_upper_ = np.full(matrix.shape[0], highspy.kHighsInf)
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_ = matrix.indptr
    program.a_matrix_.index_ = matrix.indices
    program.a_matrix_.value_ = matrix.data
    whole = [highspy.HighsVarType.kInteger] * (len(options) + len(opened))
    rest = [highspy.HighsVarType.kContinuous] * (width - len(whole))
    program.integrality_ = whole + rest
    return program
