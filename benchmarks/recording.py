"""Figures of a benchmark: printed a line each, and kept in docs/benchmarks.md when asked."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

Rows = Sequence[tuple[str, str]]

PACKAGES = ("numpy", "scipy", "numba", "highspy", "geopandas", "fastapi", "sqlalchemy")
HEAD = """# Benchmarks

Figures of `scripts/bench`, each section as one run printed it, with the machine and versions of
that run. They are no promises: run them on your own machine. Wall times on a shared machine move by
tens of percent; ratios within one run do not.
"""


def add_record_option(parser: argparse.ArgumentParser) -> None:
    """Declare ``--record``, the same for every benchmark."""
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE.md",
        help="also keep the figures in this document, in place of the section's earlier ones",
    )


def machine() -> Rows:
    """Describe what the figures were measured on."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (
        found := re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text(encoding="utf-8"))
    ):
        model = found.group(1)
    return (
        ("machine", f"{os.cpu_count()} cores, {memory_gb:.0f} GB, {model}, {platform.system()}"),
        (
            "versions",
            f"Python {platform.python_version()}, "
            + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        ),
    )


def publish(arguments: argparse.Namespace, title: str, rows: Rows) -> None:
    """Print the figures, and keep them in the document named by ``--record``."""
    every = (*rows, *machine())
    width = max(len(name) for name, _ in every)
    sys.stdout.writelines(f"{name:<{width}}  {text}\n" for name, text in every)
    if arguments.record is not None:
        _keep(arguments.record, title, every)


def keep_table(
    path: Path,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, str]],
    notes: Rows,
) -> None:
    """Write a table of many columns as the section `title`, and what it was measured on below it.

    A row of the earlier table that was not measured again, as its first cell tells, stays.
    """
    old = _section(path, title)
    head = "| " + " | ".join(columns) + " |"
    kept = {}
    if head in old:
        for line in old.splitlines():
            first = line.removeprefix("| ").split(" | ")[0]
            if line.startswith("| ") and line != head:
                kept[first] = line
    for row in rows:
        cells = [row[name].replace("|", "/").replace("\n", " ") or " " for name in columns]
        kept[cells[0]] = "| " + " | ".join(cells) + " |"
    lines = [head, "|" + "---|" * len(columns), *kept.values(), ""]
    lines += [f"- {name}: {text}" for name, text in notes]
    _replace(path, title, lines)


def _keep(path: Path, title: str, rows: Rows) -> None:
    """Write figures as the section `title`, a line each."""
    lines = ["| figure | measured |", "|---|---|"]
    lines += [f"| {name} | {text.replace('|', '/')} |" for name, text in rows]
    _replace(path, title, lines)


def _section(path: Path, title: str) -> str:
    """Return the section `title` of the document with its heading, or nothing."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = _pattern(title).search(text)
    return found.group() if found else ""


def _replace(path: Path, title: str, lines: Sequence[str]) -> None:
    """Replace the section `title` of the document, or add it at the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    section = "\n".join([f"## {title}", "", *lines]) + "\n"
    if _section(path, title):
        text = _pattern(title).sub(lambda _: section + "\n", text)
    else:
        text = text.rstrip("\n") + "\n\n" + section
    path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def _pattern(title: str) -> re.Pattern[str]:
    return re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
