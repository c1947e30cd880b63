"""Text tables from measuring devices and public lists: columns by name, every bad row named."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import FileError, InputError, Problem, raise_if

#: Most rows of a table that is held in memory whole.
MAX_ROWS = 5_000_000
#: Bad rows that are named one by one; the rest is counted.
MOST_NAMED = 20
_CHUNK = 200_000


def read_table(path: Path, required: Sequence[str]) -> pd.DataFrame:
    """Read a CSV file as text; :func:`table_chunks` put together.

    Raises
    ------
    FileError
        As there, and for more than :data:`MAX_ROWS` rows.
    InputError
        As there, and when there is no row.
    """
    parts, rows = [], 0
    for part in table_chunks(path, required):
        parts.append(part)
        rows += len(part)
        if rows > MAX_ROWS:
            raise FileError(f"{path}: holds more than {MAX_ROWS:,} rows; give it in parts")
    if not rows:
        raise InputError(Problem("rows", "there is none", "give at least one"))
    return pd.concat(parts)


def table_chunks(
    path: Path, required: Sequence[str], *, header: Sequence[str] = ()
) -> Iterator[pd.DataFrame]:
    """Read a CSV file as text, some rows at a time.

    Parameters
    ----------
    path
        ``.csv`` or ``.csv.gz``, comma separated, UTF-8 or GB18030.
    required
        Columns that must be there; upper and lower case and blanks round a name do not matter.
    header
        Names of the columns when the first line is a row of numbers already.

    Yields
    ------
    DataFrame
        Text, empty where a field is missing; columns in lower case; the index is the line number.
        Empty lines are left out.

    Raises
    ------
    FileError
        When the file is missing, damaged, no text or no table.
    InputError
        Naming every column that is missing, with those that are there.
    """
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    try:
        first, second, encoding = _first_lines(path)
        named = any(name.strip().lower() in required for name in first)
        bare = len(first) == len(header) and not named
        names = list(header) if bare else [name.strip().lower() for name in first]
        _check_names(path, names, second, required)
        with _opener(path)(path, "rt", encoding=encoding) as file:
            reader = pd.read_csv(
                file,
                dtype=str,
                keep_default_na=False,
                names=names,
                header=None,
                skiprows=0 if bare else 1,
                index_col=False,
                skip_blank_lines=False,
                chunksize=_CHUNK,
            )
            start = 1 if bare else 2
            for part in reader:
                part.index = pd.RangeIndex(start, start + len(part))
                start += len(part)
                yield part[(part != "").any(axis=1)]
    except pd.errors.EmptyDataError:
        return
    except pd.errors.ParserError as error:
        raise FileError(f"{path}: is no comma separated table: {error}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is neither UTF-8 nor GB18030 text") from error
    except (OSError, EOFError) as error:
        raise FileError(f"{path}: cannot be read: {error}") from error


def _opener(path: Path) -> Callable[..., TextIO]:
    """Return what opens a file, packed or not."""
    return cast("Callable[..., TextIO]", gzip.open if path.suffix.lower() == ".gz" else open)


def _first_lines(path: Path) -> tuple[list[str], list[str], str]:
    """Return the fields of the first two lines, and the encoding that the file begins in."""
    try:
        return *_two_lines(path, "utf-8-sig"), "utf-8-sig"
    except UnicodeDecodeError:
        return *_two_lines(path, "gb18030"), "gb18030"


def _two_lines(path: Path, encoding: str) -> tuple[list[str], list[str]]:
    with _opener(path)(path, "rt", encoding=encoding) as file:
        lines = csv.reader(file)
        return next(lines, []), next(lines, [])


def _check_names(
    path: Path, names: Sequence[str], second: Sequence[str], required: Sequence[str]
) -> None:
    """Refuse an empty file, rows longer than the header, and missing columns."""
    if not any(names):
        raise FileError(f"{path}: is empty")
    if len(second) > len(names):
        raise FileError(f"{path}: line 2 has {len(second)} fields, the first line {len(names)}")
    raise_if(
        [
            Problem("line 1", f"column {name!r} is missing", f"the columns are {', '.join(names)}")
            for name in required
            if name not in names
        ],
        InputError,
    )


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
