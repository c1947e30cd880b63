"""What the terminal shows: a progress display while a plan is computed, and its table after."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Display
from rich.table import Table

from siting.progress import Progress, Report

PHASES = {
    "queued": "waiting for the worker",
    "load": "loading the planning data",
    "coverage": "predicting coverage",
    "targets": "meeting the targets at least cost",
    "service": "serving the most people",
    "verify": "verifying the plan",
    "outputs": "writing map, tables and report",
}


@contextmanager
def display(console: Console) -> Iterator[Report]:
    """Show phases as they come; yields the callback that receives the reports."""
    columns = (
        TextColumn("{task.description:<36}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
    )
    with Display(*columns, console=console, transient=not console.is_terminal) as bars:
        tasks: dict[str, int] = {}

        def report(progress: Progress) -> None:
            if progress.phase not in tasks:
                for phase, task in tasks.items():
                    bars.update(task, completed=1.0)
                    bars.stop_task(task)
                    tasks[phase] = task
                name = PHASES.get(progress.phase, progress.phase)
                tasks[progress.phase] = bars.add_task(name, total=1.0, figures="")
                if not console.is_terminal:
                    console.print(f"... {name}")
            bars.update(
                tasks[progress.phase], completed=progress.fraction, figures=figures(progress)
            )

        yield report
        for task in tasks.values():
            bars.update(task, completed=1.0)


def figures(progress: Progress) -> str:
    """Return best value, bound and gap so far as a short text; empty before there are any."""
    if progress.value is None:
        return ""
    text = f"{progress.value:,.0f} {progress.unit}"
    if progress.bound is not None and progress.value:
        gap = abs(progress.bound - progress.value) / abs(progress.value)
        text += f", proven within {gap:.2%}"
    return text


def plan_on_files(path: Path, out: Path, *, language: str) -> None:
    """Answer a scenario document on files alone and print the result.

    Raises
    ------
    SitingError
        When the document has faults, a file cannot be read or written, or the plan does not pass
        the verifier.
    """
    from siting.coverage import build_coverage  # noqa: PLC0415 - keeps `siting --help` quick
    from siting.datasets import named_dataset  # noqa: PLC0415
    from siting.io.plan_files import write_outputs  # noqa: PLC0415
    from siting.io.scenario_file import read_scenario  # noqa: PLC0415
    from siting.scenario import build_scenario  # noqa: PLC0415
    from siting.solve import solve  # noqa: PLC0415
    from siting.verify import verify  # noqa: PLC0415

    console = Console()
    spec = read_scenario(path)
    began = time.monotonic()

    def elapsed() -> float:
        return time.monotonic() - began

    with display(console) as report:
        report(Progress(phase="load", fraction=0.0, elapsed_s=elapsed()))
        scenario = build_scenario(spec, named_dataset(spec.dataset))
        coverage = build_coverage(scenario, progress=report)
        plan = solve(scenario, coverage=coverage, progress=report)
        report(Progress(phase="verify", fraction=0.0, elapsed_s=elapsed()))
        verify(scenario, plan)
        report(Progress(phase="outputs", fraction=0.0, elapsed_s=elapsed()))
        written = write_outputs(scenario, plan, coverage, out, language=language)
    print_plan(console, scenario, plan, language=language)
    print_files(console, written)


def print_files(console: Console, written: list[Path]) -> None:
    """List the files that were written."""
    for path in written:
        console.print(f"  {path}", markup=False, highlight=False)


__all__ = ["Table", "display", "figures", "plan_on_files", "print_files"]
