"""Cover 90 % of the weak traffic of a real network at least cost, with a proven lower bound.

The public weak-coverage instance: macro stations reach 30 cells and cost 10, micro stations reach
10 cells and cost 1; every cell of the 2500 x 2500 grid is a candidate; any two stations, new or
existing, must stand more than 10 cells apart. In question 1 a station reaches a disc. In question 2
it has three sectors, whose main directions differ by 45 degrees at least; a sector's reach falls
linearly from the full radius on its main direction to half of it at 60 degrees, and ends there.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.recording import Rows, add_record_option, publish
from benchmarks.weak_coverage_check import Data, Finding, check
from siting.errors import FileError, InputError, Problem, raise_if
from siting.location.grid.cover import DiscKind, GridCover, GridCoverSolution, SectorKind
from siting.location.grid.solve import solve_grid_cover
from siting.progress import Progress

SIDE = 2500
KINDS = {"macro": (30, 10), "micro": (10, 1)}
SEPARATION = 10
SHARE = 0.9
#: Half a sector's angle [degree], its reach there, and the least angle between two [degree].
SECTOR = (60.0, 0.5, 45.0)
SECTOR_QUESTION = 2
#: Effort of each question [s].
SECONDS = {1: 50.0, 2: 250.0}
_LISTED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``scripts/bench weak-coverage``."""
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder with weak_points.csv and existing_sites.csv",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE.csv",
        help="where the stations go: kind,x,y and in question 2 azimuth1,azimuth2,azimuth3",
    )
    parser.add_argument(
        "--question", type=int, choices=(1, 2), default=1, help="discs or sectors (default 1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of every random draw (default 0)")
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="effort of the search [s] (default 50, in question 2 250)",
    )
    parser.add_argument(
        "--share",
        type=_share,
        default=SHARE,
        metavar="Q",
        help="share of the traffic to be covered, 0..1 (default 0.9)",
    )
    add_record_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read, solve, check, write and print; return the exit code."""
    began = time.perf_counter()
    try:
        if not arguments.data.is_dir():
            sys.stderr.write(f"weak-coverage: the data folder {arguments.data} is absent\n")
            return 2
        data = read(arguments.data, share=arguments.share, question=arguments.question)
        require_writable(arguments.out)
        solution = solve_grid_cover(
            model_of(data),
            seed=arguments.seed,
            max_runtime_s=arguments.seconds or SECONDS[arguments.question],
            progress=_ProgressLine(),
        )
        kind = [list(data.kinds)[k] for k in solution.kind.tolist()]
        finding = check(
            data,
            kind,
            solution.xy,
            price=solution.certificate.price,
            cell_price=solution.certificate.cell_price,
            claimed_bound=solution.bound,
            azimuth=solution.azimuth,
        )
        write_stations(arguments.out, kind, solution.xy, solution.azimuth)
    except InputError as error:
        sys.stderr.write("weak-coverage: the data has faults\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in error.problems)
        return 2
    except FileError as error:
        sys.stderr.write(f"weak-coverage: {error}\n")
        return 2
    rows = summary(solution, finding, kind, time.perf_counter() - began)
    publish(arguments, _title(arguments), rows)
    return 1 if finding.faults else 0


def _title(arguments: argparse.Namespace) -> str:
    """Name the section of the document that keeps these figures."""
    title = "Weak-coverage supplement, a real instance"
    if arguments.question == SECTOR_QUESTION:
        title += ", stations of three sectors"
    return title if arguments.share == SHARE else f"{title}, share {arguments.share:g}"


def _share(text: str) -> float:
    """Read a share of the traffic."""
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise ValueError(text)
    return value


def read(folder: Path, *, share: float = SHARE, question: int = 1) -> Data:
    """Read both files of the instance.

    Raises
    ------
    InputError
        With every fault of both files: missing file or column, value that is no number, cell
        between or outside the grid, traffic not positive, cell given twice.
    """
    problems: list[Problem] = []
    weak = _table(folder / "weak_points.csv", ("x", "y", "traffic"), problems)
    sites = _table(folder / "existing_sites.csv", ("x", "y"), problems)
    raise_if(problems)
    return Data(
        side=SIDE,
        points=weak[:, :2].astype(np.int64),
        traffic=weak[:, 2].copy(),
        existing=sites[:, :2].astype(np.int64),
        kinds=KINDS,
        separation=SEPARATION,
        share=share,
        sector=SECTOR if question == SECTOR_QUESTION else None,
    )


def model_of(data: Data) -> GridCover:
    """Say the instance in the solver's terms."""
    kinds: list[DiscKind] = []
    for name, (radius, cost) in data.kinds.items():
        if data.sector is None:
            kinds.append(DiscKind(name=name, radius=radius, cost=cost))
        else:
            half_angle, edge, apart = data.sector
            kinds.append(
                SectorKind(
                    name=name,
                    radius=radius,
                    cost=cost,
                    half_angle=half_angle,
                    edge=edge,
                    apart=apart,
                )
            )
    return GridCover(
        shape=(data.side, data.side),
        xy=data.points,
        weight=data.traffic,
        existing_xy=data.existing,
        kinds=tuple(kinds),
        min_separation=data.separation,
        required_fraction=data.share,
    )


def require_writable(out: Path) -> None:
    """Refuse a target that cannot be written, before any time is spent on the answer.

    Raises
    ------
    FileError
        When the folder of `out` is missing or not writable, or `out` is a folder.
    """
    if out.is_dir():
        raise FileError(f"cannot write {out}: it is a folder")
    if not out.parent.is_dir():
        raise FileError(f"cannot write {out}: the folder {out.parent} does not exist")
    if not os.access(out.parent, os.W_OK):
        raise FileError(f"cannot write {out}: the folder {out.parent} is not writable")


def write_stations(
    out: Path, kind: list[str], xy: NDArray[np.int64], azimuth: NDArray[np.float64]
) -> None:
    """Write ``kind,x,y`` and the azimuths, if any; the file appears whole or not at all.

    Raises
    ------
    FileError
        When it cannot be written; what was at `out` before is untouched.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("kind", "x", "y", *(f"azimuth{i + 1}" for i in range(azimuth.shape[1]))))
    for name, place, aim in zip(kind, xy.tolist(), azimuth.tolist(), strict=True):
        table.writerow((name, *place, *(repr(angle) for angle in aim)))
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
        part = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text.getvalue())
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(0o644)
        part.replace(out)
    except OSError as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise FileError(f"cannot write {out}: {error.strerror or error}") from error


def summary(solution: GridCoverSolution, finding: Finding, kind: list[str], seconds: float) -> Rows:
    """Everything a reader compares, one figure a line."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = ", ".join(f"{kind.count(name)} {name}" for name in KINDS)
    return (
        ("cost", f"{finding.cost} ({counts})"),
        ("share of traffic", f"{finding.share:.6%}"),
        ("lower bound", _bound_text(solution, finding)),
        ("gap", f"{solution.gap:.3%}"),
        ("status", f"{solution.status}, ended by {solution.limit}, seed {solution.seed}"),
        ("seconds", f"{seconds:.1f} (search and bound {solution.seconds:.1f})"),
        ("peak memory", f"{peak_mb:.0f} MB"),
        ("independent check", "; ".join(finding.faults) or "every rule kept"),
    )


def _bound_text(solution: GridCoverSolution, finding: Finding) -> str:
    if math.isnan(finding.bound):
        return f"{solution.bound:g}, over all azimuths"
    return f"{solution.bound:g} (multipliers prove {finding.bound:.3f})"


class _ProgressLine:
    """One line on the error stream, rewritten in place on a terminal, else every 10 s."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.next_s = 0.0

    def __call__(self, report: Progress) -> None:
        if report.elapsed_s < self.next_s:
            return
        self.next_s = report.elapsed_s + (0.2 if self.live else 10.0)
        bound = "-" if report.bound is None else f"{report.bound:.1f}"
        cost = "-" if report.value is None else f"{report.value:g}"
        line = f"{report.elapsed_s:6.1f} s  {report.fraction:4.0%}  cost {cost}  bound {bound}"
        sys.stderr.write(f"\r{line}  " if self.live else f"{line}\n")
        sys.stderr.flush()


def _table(path: Path, columns: tuple[str, ...], problems: list[Problem]) -> NDArray[np.float64]:
    """Read the columns of a file as numbers, adding every fault to `problems`."""
    empty = np.zeros((0, len(columns)))
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        problems.append(Problem(path.name, f"cannot be read: {error}"))
        return empty
    missing = [name for name in columns if name not in table.columns]
    if missing:
        given = ", ".join(map(str, table.columns))
        problems.append(Problem(path.name, f"no column {', '.join(missing)}", f"it has {given}"))
        return empty
    values = np.column_stack(
        [pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64) for name in columns]
    )
    before = len(problems)
    good = np.isfinite(values)
    for c, name in enumerate(columns):
        _fault(problems, path, name, ~good[:, c], "not a finite number")
        if name == "traffic":
            _fault(problems, path, name, good[:, c] & (values[:, c] <= 0), "not above 0")
            continue
        whole = good[:, c] & (values[:, c] == np.floor(values[:, c]))
        _fault(problems, path, name, good[:, c] & ~whole, "not a whole cell index")
        inside = (values[:, c] >= 0) & (values[:, c] < SIDE)
        _fault(problems, path, name, whole & ~inside, f"outside 0..{SIDE - 1}")
    if "traffic" in columns:
        twice = pd.DataFrame(values[:, :2]).duplicated().to_numpy() & good[:, :2].all(axis=1)
        _fault(problems, path, "x,y", twice, "cell given more than once")
    return values if len(problems) == before else empty


def _fault(
    problems: list[Problem], path: Path, column: str, bad: NDArray[np.bool_], what: str
) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        first = ", ".join(str(row + 2) for row in rows[:_LISTED].tolist())
        more = ", ..." if len(rows) > _LISTED else ""
        problems.append(
            Problem(f"{path.name}: {column}", f"{len(rows)} values {what}", f"line {first}{more}")
        )
