"""Answer every instance or published value of a folder: ``vectors solver DIR --out FILE``.

A subject is a module with ``add_arguments(parser)`` and ``run(arguments) -> exit code``; register
it in `SUBJECTS`.
"""

from __future__ import annotations

import argparse
import importlib

#: Subject -> module of this package.
SUBJECTS = {"radio": "benchmarks.radio_vectors", "solver": "benchmarks.solver_vectors"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subjects of ``scripts/bench vectors`` and their options."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    for name, path in SUBJECTS.items():
        module = importlib.import_module(path)
        summary = (module.__doc__ or "").splitlines()[0].replace("%", "%%")
        module.add_arguments(subjects.add_parser(name, help=summary, description=summary))


def run(arguments: argparse.Namespace) -> int:
    """Run the subject; return its exit code."""
    return importlib.import_module(SUBJECTS[arguments.subject]).run(arguments)
