"""Text tables from measuring devices and public lists: columns by name, every bad row named."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import FileError, InputError, Problem

#: Most text that is read [bytes], unpacked.
MAX_BYTES = 500_000_000
#: Bad rows that are named one by one; the rest is counted.
MOST_NAMED = 20


def read_table(path: Path, required: Sequence[str], *, header: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file as text.

    Parameters
    ----------
    path
        ``.csv`` or ``.csv.gz``, comma separated, UTF-8 or GB18030.
    required
        Columns that must be there; upper and lower case and blanks round a name do not matter.
    header
        Names of the columns when the first line is a row of numbers already.

    Returns
    -------
    DataFrame
        Text, empty where a field is missing; columns in lower case; the index is the line number.

    Raises
    ------
    FileError
        When the file is missing, too large, no text or no table.
    InputError
        Without rows, and naming every column that is missing, with those that are there.
    """
    text = _text(path)
    lines = csv.reader(io.StringIO(text))
    first, second = next(lines, []), next(lines, [])
    if len(second) > len(first):
        raise FileError(f"{path}: line 2 has {len(second)} fields, the first line {len(first)}")
    named = any(name.strip().lower() in required for name in first)
    bare = len(first) == len(header) and not named
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            dtype=str,
            keep_default_na=False,
            names=list(header) if bare else None,
            header=None if bare else 0,
            index_col=False,
            skip_blank_lines=False,
        )
    except pd.errors.EmptyDataError as error:
        raise FileError(f"{path}: is empty") from error
    except pd.errors.ParserError as error:
        raise FileError(f"{path}: is no comma separated table: {error}") from error
    frame.columns = [str(name).strip().lower() for name in frame.columns]
    frame.index = pd.RangeIndex(1 if bare else 2, len(frame) + (1 if bare else 2))
    found = ", ".join(map(str, frame.columns))
    problems = [
        Problem("line 1", f"column {name!r} is missing", f"the columns are {found}")
        for name in required
        if name not in frame.columns
    ]
    frame = frame[(frame != "").any(axis=1)]
    if frame.empty and not problems:
        problems.append(Problem("rows", "there is none", "give at least one"))
    if problems:
        raise InputError(problems)
    return frame


def numbers(
    frame: pd.DataFrame,
    column: str,
    least: float,
    greatest: float,
    *,
    unit: str,
    whole: bool = False,
) -> tuple[npt.NDArray[np.float64], list[Problem]]:
    """Read a column as numbers.

    Parameters
    ----------
    frame, column
        Table of :func:`read_table`, and which column.
    least, greatest, unit
        Permitted range.
    whole
        Fractions are faults too.

    Returns
    -------
    values, problems
        (n,), NaN in bad rows, and a problem per bad row, of which at most :data:`MOST_NAMED`, and
        one that counts the rest.
    """
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, copy=True)
    good = (values >= least) & (values <= greatest)
    if whole:
        good &= values == np.floor(values)
    bad = np.flatnonzero(~good)
    kind = "whole number" if whole else "number"
    expected = f"{kind} from {least:g} to {greatest:g} {unit}".rstrip()
    problems = [
        Problem(f"line {frame.index[row]}, {column}", f"{frame[column].iloc[row]!r}", expected)
        for row in bad[:MOST_NAMED]
    ]
    if len(bad) > MOST_NAMED:
        problems.append(
            Problem(column, f"{len(bad) - MOST_NAMED:,} more rows are wrong likewise", expected)
        )
    values[bad] = np.nan
    return values, problems


def _text(path: Path) -> str:
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, EOFError) as error:
        raise FileError(f"{path}: cannot be read: {error}") from error
    if len(raw) > MAX_BYTES:
        raise FileError(f"{path}: holds more than {MAX_BYTES:,} bytes; give it in parts")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileError(f"{path}: is neither UTF-8 nor GB18030 text")
