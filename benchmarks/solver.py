"""Measure the location engine against its aims, beside spopt and plain HiGHS in the same run.

Every row, and every peer on it, runs in a process of its own; a row that fails is a row with its
error, not the end of the run.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import peers
from benchmarks.recording import add_record_option, keep_table, machine
from benchmarks.solver_rows import (
    Absent,
    Command,
    Context,
    Files,
    InCity,
    Kernel,
    Measured,
    Row,
    Wide,
    peer_text,
)
from benchmarks.worker import Answer, Worker

TITLE = "The location engine"
#: Columns of the table; peers follow.
COLUMNS = (
    "instance", "aim", "reached", "value", "bound", "gap", "status", "seconds", "peak memory",
    "verified",
)  # fmt: skip
PEERS = ("HiGHS", "spopt + CBC", "spopt + HiGHS")
#: What a row may take besides its time limits, before its process is ended [s].
_GRACE_S = 900.0
_SEED = 1847
_BDS_DEMAND = 100_000

_WEAK = (
    ("value", "cost"),
    ("bound", "lower bound"),
    ("gap", "gap"),
    ("status", "status"),
    ("seconds", "seconds"),
    ("memory", "peak memory"),
    ("verified", "independent check"),
)


def _weak_coverage(share: float, cost: float, bound: float, aim: str) -> Row:
    return Command(
        key=f"weak-coverage-{share:g}",
        title=f"weak coverage, question 1, share {share:g}, every cell a candidate",
        goal=aim,
        arguments=("weak-coverage", "--data", "{data}", "--out", "{out}", "--share", f"{share:g}"),
        figures=_WEAK,
        most_cost=cost,
        least_bound=bound,
        most_gap=0.017,
        most_s=300.0,
        most_mb=4000.0,
    )


def _pmed(model: str) -> Row:
    return Files(
        key=model,
        title=f"pmed series, {model}",
        goal="all proven, <= 1.5 s on average",
        begins=("pmed/",),
        model=model,
        limit_s=60.0,
        mean_s=1.5,
    )


def _mclp(sites: int, demand: int, limit_s: float, gap: float, aim: str, **more: object) -> Row:
    size = f"{sites:,} x {demand:,}"
    return InCity(
        key=f"mclp-{sites}",
        title=f"MCLP, random city, {size}, in {limit_s:g} s",
        goal=aim,
        sites=sites,
        demand=demand,
        model="MCLP",
        limit_s=limit_s,
        most_gap=gap,
        **{"peers": ("HiGHS",), **more},
    )


def _lscp(sites: int, demand: int, limit_s: float, gap: float, aim: str, **more: object) -> Row:
    size = f"{sites:,} x {demand:,}"
    return InCity(
        key=f"lscp-{sites}",
        title=f"LSCP, random city, {size}, in {limit_s:g} s",
        goal=aim,
        sites=sites,
        demand=demand,
        model="LSCP",
        limit_s=limit_s,
        most_gap=gap,
        **{"peers": ("HiGHS",), **more},
    )


ROWS: tuple[Row, ...] = (
    _pmed("p-median"),
    _pmed("p-center"),
    Files(
        key="scp",
        title="set cover, classes 4, 5, 6 and A-D",
        goal="all proven, <= 3 s on average",
        begins=("scp/scp4", "scp/scp5", "scp/scp6", "scp/scpa", "scp/scpb", "scp/scpc", "scp/scpd"),
        model="LSCP",
        limit_s=60.0,
        mean_s=3.0,
    ),
    Files(
        key="nre",
        title="set cover, class NRE",
        goal="proven <= 120 s",
        begins=("scp/scpnre",),
        model="LSCP",
        limit_s=120.0,
        most_s=120.0,
        peers=("HiGHS",),
    ),
    Files(
        key="rail507",
        title="set cover, rail507",
        goal="174 in <= 10 s, gap <= 1.5 %",
        begins=("rail/rail507",),
        model="LSCP",
        limit_s=10.0,
        most_s=10.5,
        most_gap=0.015,
        best_known=174.0,
        peers=("HiGHS",),
    ),
    Files(
        key="sjc",
        title="MCLP, SJC324, four radii, p 1..5",
        goal="all proven, <= 5 s each",
        begins=("mclp/SJC",),
        model="MCLP",
        limit_s=60.0,
        most_s=5.0,
    ),
    Files(
        key="bds",
        title="MCLP, BDS 100 x 10,000, two radii, p 10, 15, 20",
        goal="all proven, <= 5 s each",
        begins=("mclp/BDS",),
        model="MCLP",
        limit_s=60.0,
        most_s=5.0,
    ),
    Wide(
        key="bds-100k",
        title=f"MCLP, drawn as BDS, 100 x {_BDS_DEMAND:,}, R=5.5, p=10",
        goal="proven <= 5 s",
        sites=100,
        demand=_BDS_DEMAND,
        limit_s=60.0,
        most_s=5.0,
        peers=("HiGHS",),
    ),
    Files(
        key="cflp",
        title="CFLP, cap71 and Holmberg's, split and single source",
        goal="all proven",
        begins=("cflp/",),
        model="CFLP",
        limit_s=60.0,
    ),
    Files(
        key="uflp",
        title="UFLP, capa",
        goal="proven",
        begins=("cflp/",),
        model="UFLP",
        limit_s=60.0,
        peers=("HiGHS",),
    ),
    dataclasses.replace(
        _mclp(500, 5_000, 2.0, 0.01, "as good as spopt, >= 20 times faster end to end"),
        key="duel",
        peers=PEERS[1:],
    ),
    _mclp(500, 5_000, 5.0, 0.006, "gap <= 0.6 %"),
    dataclasses.replace(_mclp(500, 5_000, 600.0, 0.0, "proven", peers=()), key="mclp-500-proof"),
    _mclp(2_000, 50_000, 30.0, 0.013, "gap <= 1.3 %"),
    _mclp(5_000, 200_000, 60.0, 0.016, "gap <= 1.6 %"),
    _mclp(10_000, 1_000_000, 120.0, 0.02, "gap <= 2.0 %, < 1,500 MB", most_mb=1500.0),
    _lscp(500, 5_000, 10.0, 0.0, "proven", peers=PEERS),
    _lscp(2_000, 50_000, 60.0, 0.025, "gap <= 2.5 %"),
    _lscp(10_000, 1_000_000, 120.0, 0.05, "gap <= 5 %"),
    *(
        Kernel(
            key=step,
            title=f"{step}, 10,000 x 1,000,000",
            goal=f"<= {most_s:g} s",
            step=step,
            most_s=most_s,
        )
        for step, most_s in (("cover", 1.0), ("merge", 1.0), ("greedy", 0.15))
    ),
    Command(
        key="certificates",
        title="random small questions of every model and rule, against brute force",
        goal="10,000 cases, no false certificate",
        arguments=("certificates", "--cases", "10000"),
        figures=(
            ("value", "false certificates"),
            ("status", "answers"),
            ("seconds", "seconds"),
            ("verified", "spoilt answers refused"),
        ),
        most_cost=0.0,
    ),
    _weak_coverage(0.9, 1845, 1815, "cost <= 1,845, bound >= 1,815, <= 300 s, < 4,000 MB"),
    _weak_coverage(0.8, float("inf"), 0, "gap <= 1.7 %, <= 300 s, < 4,000 MB"),
    _weak_coverage(0.95, float("inf"), 0, "gap <= 1.7 %, <= 300 s, < 4,000 MB"),
    Command(
        key="weak-coverage-sectors",
        title="weak coverage, question 2, stations of three sectors",
        goal=">= 90 % of traffic, least cost found, with a bound",
        arguments=(
            "weak-coverage",
            "--data",
            "{data}",
            "--out",
            "{out}",
            "--question",
            "2",
        ),
        figures=_WEAK,
    ),
    Command(
        key="ezhou",
        title="Ezhou's 5G plan, step one",
        goal="proven or gap <= 0.5 % in 30 s",
        arguments=("city-plan",),
        figures=(
            ("value", "plan"),
            ("status", "status"),
            ("gap", "step targets"),
            ("seconds", "both steps"),
            ("memory", "peak memory"),
            ("beside", "HiGHS alone, step one"),
        ),
        most_gap=0.005,
        most_s=30.0,
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``scripts/bench solver``."""
    add_record_option(parser)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[row.key for row in ROWS],
        metavar="ROW",
        help="rows to measure: " + ", ".join(row.key for row in ROWS),
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="random instances per row (default 1)"
    )
    parser.add_argument("--without-peers", action="store_true", help="measure the engine alone")
    parser.add_argument(
        "--spopt-seconds",
        type=float,
        default=60.0,
        metavar="S",
        help="time spopt's solvers get, besides the writing of the model [s] (default 60)",
    )
    parser.add_argument(
        "--vectors",
        type=Path,
        default=Path("../shared/vectors/solver"),
        metavar="DIR",
        help="folder of public instances (default ../shared/vectors/solver)",
    )
    parser.add_argument(
        "--weak-coverage",
        type=Path,
        default=Path("../shared/data/weak_coverage"),
        metavar="DIR",
        help="folder of the weak-coverage instance (default ../shared/data/weak_coverage)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure, print and record; 1 when a row failed or an answer was not verified."""
    rows = [row for row in ROWS if not arguments.only or row.key in arguments.only]
    table = []
    for row in rows:
        for number in range(arguments.seeds if isinstance(row, InCity | Wide) else 1):
            context = Context(
                vectors=arguments.vectors,
                weak_coverage=arguments.weak_coverage,
                seed=_SEED + number,
                spopt_s=arguments.spopt_seconds,
            )
            asked = () if arguments.without_peers else row.peers
            cells = measure_row(row, context, asked)
            if arguments.seeds > 1 and isinstance(row, InCity | Wide):
                cells["instance"] += f", seed {context.seed}"
            table.append(cells)
            sys.stdout.write(_lines(cells) + "\n")
            sys.stdout.flush()
    notes = [*machine(), ("peers", peers.versions())]
    sys.stdout.writelines(f"{name}  {text}\n" for name, text in notes)
    if arguments.record is not None:
        keep_table(arguments.record, TITLE, (*COLUMNS, *PEERS), table, notes)
    return 0 if all(cells["reached"] != "failed" for cells in table) else 1


def measure_row(row: Row, context: Context, asked: Sequence[str]) -> dict[str, str]:
    """Measure one row and its peers, each in a process of its own."""
    cells = dict.fromkeys((*COLUMNS, *PEERS), "")
    cells |= {"instance": row.title, "aim": row.goal}
    with Worker(_measure) as worker:
        said = worker.ask(row, context, timeout_s=_limit(row) + _GRACE_S)
    found = said.value
    if isinstance(found, str):
        return cells | {"reached": "not run", "status": found}
    if not isinstance(found, Measured):
        return cells | {"reached": "failed", "status": said.error}
    shown = dataclasses.asdict(found)
    cells |= {name: shown[name] for name in ("value", "bound", "gap", "status", "seconds")}
    cells["peak memory"] = found.memory or f"{said.peak_mb:,.0f} MB"
    cells["verified"] = found.verified
    limit_mb = getattr(row, "most_mb", float("inf"))
    met = found.reached and (found.memory or said.peak_mb <= limit_mb)
    cells["reached"] = "yes" if met else "NO"
    if found.verified.startswith("no"):
        cells["reached"] = "failed"
    cells["HiGHS"] = found.beside
    for name in asked:
        with Worker(_ask_peer) as worker:
            limit = max(_limit(row), context.spopt_s) + _GRACE_S
            answered = worker.ask(row, name, context, timeout_s=limit)
        cells[name] = _peer_cell(answered, found)
    return cells


def _measure(row: Row, context: Context) -> Measured | str:
    """Run in the child: measure a row, or say what it needs."""
    try:
        return row.measure(context)
    except Absent as what:
        return str(what)


def _ask_peer(row: Row, name: str, context: Context) -> peers.Peer | str:
    """Run in the child: ask a peer, or say why not."""
    package = "spopt" if name.startswith("spopt") else "highspy"
    try:
        return peers.absent(package) or row.ask_peer(name, context)
    except Absent as what:
        return str(what)


def _peer_cell(said: Answer, found: Measured) -> str:
    if isinstance(said.value, peers.Peer):
        seconds = float(found.seconds.split()[0])
        return f"{peer_text(said.value, found.best, seconds)}, {said.peak_mb:,.0f} MB"
    return said.value if isinstance(said.value, str) else said.error


def _limit(row: Row) -> float:
    return float(getattr(row, "limit_s", 0.0))


def _lines(cells: dict[str, str]) -> str:
    head = f"{cells['instance']} [{cells['aim']}]: {cells['reached']}"
    rest = (f"  {name}: {text}" for name, text in cells.items() if text)
    skipped = {"instance", "aim", "reached"}
    return "\n".join([head, *(line for line in rest if line.split(":")[0].strip() not in skipped)])
