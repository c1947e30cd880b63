"""Figures of a benchmark: printed a line each, and kept in docs/benchmarks.md when asked."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Sequence
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


def _keep(path: Path, title: str, rows: Rows) -> None:
    """Replace the section `title` of the document, or add it at the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    lines = [f"## {title}", "", "| figure | measured |", "|---|---|"]
    lines += [f"| {name} | {text.replace('|', '/')} |" for name, text in rows]
    section = "\n".join(lines) + "\n"
    old = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if old.search(text):
        text = old.sub(lambda _: section + "\n", text)
    else:
        text = text.rstrip("\n") + "\n\n" + section
    path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
