"""Evaluate every published value of a folder with our radio formulas, one line for each.

The folder is laid out as the public vectors are: tables of TR 38.901, Okumura-Hata, COST 231 and
knife edges, known by their columns, and validation examples of ITU-R P.1812.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from benchmarks.instances.radio import Case, read_cases
from benchmarks.weak_coverage import require_writable
from siting.errors import FileError, InputError

COLUMNS = ("case", "value", "reference", "difference", "note", "file")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``scripts/bench vectors radio``."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of published values")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.csv", help="where the table goes"
    )


def run(arguments: argparse.Namespace) -> int:
    """Evaluate all cases; 1 when a file is faulty or a case refused, 2 when nothing can begin."""
    folder, out = arguments.folder, arguments.out
    if not folder.is_dir():
        return _refuse(f"the folder {folder} is absent")
    good, lines = True, []
    for path in sorted(folder.rglob("*.csv")):
        if path.resolve() == out.resolve():
            continue
        try:
            cases = read_cases(path)
        except FileError as error:
            sys.stderr.write(f"vectors radio: {error}\n")
            good = False
            continue
        lines += [(*_cells(case), path.relative_to(folder).as_posix()) for case in cases]
    if not lines:
        return _refuse(f"the folder {folder} holds no published value")
    try:
        require_writable(out)
        with out.open("w", encoding="utf-8", newline="") as table:
            write = csv.writer(table, lineterminator="\n")
            write.writerow(COLUMNS)
            write.writerows(lines)
    except (FileError, OSError) as error:
        return _refuse(f"cannot write {out}: {error}")
    differences = [abs(float(line[3])) for line in lines if line[3]]
    worst = max(differences, default=float("nan"))
    sys.stdout.write(
        f"{len(lines)} cases, {len(lines) - len(differences)} refused, "
        f"greatest difference {worst:.3g} dB\n"
    )
    return 0 if good and len(differences) == len(lines) else 1


def _cells(case: Case) -> tuple[str, str, str, str, str]:
    """Return case, value, reference, difference and note."""
    try:
        value = case.evaluate()
    except (InputError, OSError) as error:
        return case.name, "", f"{case.reference:.10g}", "", f"refused: {error}"
    difference = f"{value - case.reference:.3e}"
    return case.name, f"{value:.10g}", f"{case.reference:.10g}", difference, ""


def _refuse(reason: str) -> int:
    sys.stderr.write(f"vectors radio: {reason}\n")
    return 2
