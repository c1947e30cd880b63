"""Solve and verify every location instance of a folder, one line of a table for each question.

The folder is laid out by format (``pmed``, ``scp``, ``rail``, ``mclp``, ``cflp/beasley``,
``cflp/holmberg``); any of them may be absent, be given alone, and hold further files.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from pathlib import Path
from typing import TextIO

from benchmarks.answers import Figures, answer_question, listed, number_text
from benchmarks.instances.public import instance_files
from benchmarks.weak_coverage import require_writable
from benchmarks.worker import Answer, Worker
from siting.errors import FileError

COLUMNS = (
    "instance", "model", "parameters", "value", "bound", "status", "seconds", "verified", "file",
)  # fmt: skip
MAX_RUNTIME_S = 60.0
#: What reading, compiling and verifying may take besides the search, before a child is ended [s].
_GRACE_S = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``scripts/bench vectors solver``."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of instances")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.csv", help="where the table goes"
    )
    parser.add_argument(
        "--max-runtime-s",
        type=_seconds,
        default=MAX_RUNTIME_S,
        metavar="S",
        help=f"time for each question [s] (default {MAX_RUNTIME_S:g})",
    )
    parser.add_argument("--seed", type=int, default=0, help="of every random draw (default 0)")


def run(arguments: argparse.Namespace) -> int:
    """Answer all questions; 1 when a file or an answer is faulty, 2 when nothing can begin."""
    folder, out = arguments.folder, arguments.out
    if not folder.is_dir():
        return _refuse(f"the folder {folder} is absent")
    files = [path for path in instance_files(folder) if path.resolve() != out.resolve()]
    if not files:
        return _refuse(f"the folder {folder} holds no instance")
    try:
        require_writable(out)
        table = out.open("w", encoding="utf-8", newline="")
    except FileError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"cannot write {out}: {error.strerror or error}")
    good = True
    with table, Worker(answer_question) as worker:
        write = csv.writer(table, lineterminator="\n")
        write.writerow(COLUMNS)
        for path in files:
            good &= _answer_file(path, folder, worker, arguments, table)
    return 0 if good else 1


def _answer_file(
    path: Path, folder: Path, worker: Worker, arguments: argparse.Namespace, table: TextIO
) -> bool:
    """Write a line for each question of a file; tell whether all went well."""
    try:
        questions = listed(path)
    except FileError as error:
        sys.stderr.write(f"vectors solver: {error}\n")
        return False
    good = True
    limit = arguments.max_runtime_s
    for number, (instance, model, parameters) in enumerate(questions):
        said = worker.ask(path, number, limit, arguments.seed, timeout_s=2 * limit + _GRACE_S)
        line = (instance, model, parameters, *_cells(said), path.relative_to(folder).as_posix())
        csv.writer(table, lineterminator="\n").writerow(line)
        table.flush()
        good &= isinstance(said.value, Figures) and said.value.verified == "yes"
        sys.stdout.write(_line_text(line) + "\n")
        sys.stdout.flush()
    return good


def _cells(said: Answer) -> tuple[str, ...]:
    """Return value, bound, status, seconds and verified."""
    if not isinstance(said.value, Figures):
        return "", "", "error", "", f"no: {said.error}"
    found = said.value
    return (
        number_text(found.value),
        number_text(found.bound),
        found.status,
        f"{found.seconds:.3f}",
        found.verified,
    )


def _line_text(line: tuple[str, ...]) -> str:
    instance, model, parameters, value, bound, status, seconds, verified, _ = line
    return (
        f"{instance:<16} {model:<9} {parameters:<20} {value:>15} {bound:>15}  {status:<10} "
        f"{seconds:>8} s  {'verified' if verified == 'yes' else verified}"
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"is {text}, needs a number of seconds above 0")
    return value


def _refuse(reason: str) -> int:
    sys.stderr.write(f"vectors solver: {reason}\n")
    return 2
