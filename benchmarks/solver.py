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
from benchmarks.solver_aims import PEERS, ROWS
from benchmarks.solver_rows import (
    Absent,
    Context,
    InCity,
    Measured,
    Row,
    Wide,
)
from benchmarks.worker import Answer, Worker

TITLE = "The location engine"
#: Columns of the table; peers follow.
COLUMNS = (
    "instance", "aim", "reached", "value", "bound", "gap", "status", "seconds", "peak memory",
    "verified",
)  # fmt: skip
#: How the table is to be read.
NOTES = (
    (
        "reading",
        (
            "value, bound and gap |bound - value| / value are the engine's, each checked by "
            "`siting.verify`; seconds are those from the raw instance to the answer; of several "
            "answers the worst gap is told; a row that missed its aim says NO"
        ),
    ),
    (
        "random instances",
        (
            "40 x 40 km, 60 % of demand in 30 Gaussian districts, weights 1..100, 12 candidates "
            "reach a demand point on average, p is what greedy addition needs for 80 % of weight"
        ),
    ),
    (
        "HiGHS",
        (
            "the plain programme passed as sparse arrays, one thread, no relative gap, the row's "
            "own time limit; `own gap` is what it proves itself"
        ),
    ),
    (
        "spopt",
        "its dense model needs demand x candidates terms: beyond 10 million it is not run",
    ),
)
#: What a row may take besides its time limits, before its process is ended [s].
_GRACE_S = 900.0
_SEED = 1847


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``scripts/bench solver``."""
    add_record_option(parser)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[row.key for row in ROWS],
        metavar="ROW",
        help="rows to measure (default all but "
        + ", ".join(row.key for row in ROWS if row.asked_for)
        + "): "
        + ", ".join(row.key for row in ROWS),
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
    rows = [
        row for row in ROWS if (row.key in arguments.only if arguments.only else not row.asked_for)
    ]
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
    spopt = f"spopt's solvers get {arguments.spopt_seconds:g} s besides the writing of the model"
    notes = [*NOTES, *machine(), ("peers", f"{peers.versions()}; {spopt}")]
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
        if isinstance(answered.value, peers.Peer) and not row.ahead_of(answered.value, found):
            cells["reached"] = "NO"
    if isinstance(row, InCity) and row.peers and not cells["spopt + CBC"]:
        dense = row.sites * row.demand > peers.MOST_DENSE
        text = "not run: dense model" if dense else "see the row beside spopt"
        cells |= dict.fromkeys(PEERS[1:], text)
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
        return f"{peers.peer_text(said.value, found.best, seconds)}, {said.peak_mb:,.0f} MB"
    return said.value if isinstance(said.value, str) else said.error


def _limit(row: Row) -> float:
    return float(getattr(row, "limit_s", 0.0))


def _lines(cells: dict[str, str]) -> str:
    head = f"{cells['instance']} [{cells['aim']}]: {cells['reached']}"
    rest = (f"  {name}: {text}" for name, text in cells.items() if text)
    skipped = {"instance", "aim", "reached"}
    return "\n".join([head, *(line for line in rest if line.split(":")[0].strip() not in skipped)])
