"""Run one benchmark: ``python -m benchmarks COMMAND ...``.

A command is a module with ``add_arguments(parser)`` and ``run(arguments) -> exit code``; its
docstring's first line is its help. Register it in `COMMANDS`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

#: Command -> module of this package.
COMMANDS = {
    "certificates": "benchmarks.certificates",
    "city-plan": "benchmarks.city_plan",
    "radio": "benchmarks.radio",
    "service": "benchmarks.service",
    "solver": "benchmarks.solver",
    "vectors": "benchmarks.vectors",
    "weak-coverage": "benchmarks.weak_coverage",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run the command it names; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=(__doc__ or "").splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules = {}
    for name, path in COMMANDS.items():
        module = modules[name] = importlib.import_module(path)
        summary = (module.__doc__ or "").splitlines()[0].replace("%", "%%")
        module.add_arguments(commands.add_parser(name, help=summary, description=summary))
    arguments = parser.parse_args(argv)
    return modules[arguments.command].run(arguments)


if __name__ == "__main__":
    sys.exit(main())
