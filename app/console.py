"""What the terminal shows: a progress display while a plan is computed, and its table after."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Display
from rich.table import Table

from siting.coverage import build_coverage
from siting.datasets import named_dataset
from siting.errors import FileError
from siting.io.plan_files import write_outputs
from siting.io.prediction_files import write_prediction
from siting.io.prediction_input import read_prediction_input
from siting.io.raster import ImportedTerrain
from siting.io.scenario_file import read_scenario
from siting.maps.prediction_map import TESTED, capacity_facts, prediction_facts, summary
from siting.messages import say
from siting.plan import Outcome
from siting.plan_check import verify_plan
from siting.planning import plan_scenario
from siting.progress import Progress, Report
from siting.radio.network.area_report import Confidence, ZoneFigures
from siting.radio.network.assumptions import RadioAssumptions
from siting.radio.network.busy_hour.capacity import CapacityReport
from siting.radio.network.plan_prediction import NetworkPrediction, predict_stations
from siting.report import Facts, PlanTables, headline, honesty_lines, plan_tables, synthetic_line
from siting.report.honesty import bound_text, gap_text, value_text, zone_name
from siting.report.sharing import Sharing, sharing_grid, sharing_lines
from siting.scenario import build_scenario
from siting.text import (
    LANGUAGES,
    UNKNOWN,
    Language,
    count_text,
    money_text,
    round_text,
    seconds_text,
    share_text,
    sinr_text,
    weight_text,
)

PHASES = {
    "queued": "waiting for the worker",
    "load": "loading the planning data",
    "running": "starting the computation",
    "data": "loading the planning data",
    "coverage": "predicting coverage",
    "targets": "meeting the targets at least cost",
    "service": "serving the most people",
    "interference": "repairing interference",
    "improve": "turning and tilting stations",
    "verify": "verifying the plan",
    "prediction": "predicting the network",
    "figures": "adding up zones",
    "outputs": "writing the results",
    "done": "stored",
}


def prepare(out: Path) -> None:
    """Make the folder that will hold the results' folder, before anything is computed.

    Raises
    ------
    FileError
        When it cannot be made.
    """
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{out}: its parent cannot be made: {error.strerror}") from None


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
        tasks: dict[str, TaskID] = {}

        def report(progress: Progress) -> None:
            if progress.phase not in tasks:
                for task in tasks.values():
                    bars.update(task, completed=1.0)
                    bars.stop_task(task)
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


def terminal() -> Console:
    """Return the console results go to; wide enough for the tables where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, 120))


def plan_on_files(path: Path, out: Path, *, language: Language) -> None:
    """Answer a scenario document on files alone and print the result.

    Raises
    ------
    SitingError
        When the document has faults, a file cannot be read or written, or the plan does not pass
        the verifier.
    """
    console = terminal()
    spec = read_scenario(path)
    began = time.monotonic()

    def elapsed() -> float:
        return time.monotonic() - began

    with display(console) as report:
        report(Progress(phase="load", fraction=0.0, elapsed_s=elapsed()))
        scenario = build_scenario(spec, named_dataset(spec.dataset))
        prepare(out)
        coverage = build_coverage(scenario, progress=report)
        plan = plan_scenario(scenario, coverage=coverage, progress=report)
        report(Progress(phase="verify", fraction=0.0, elapsed_s=elapsed()))
        verify_plan(scenario, plan)
        report(Progress(phase="outputs", fraction=0.0, elapsed_s=elapsed()))
        written = write_outputs(scenario, plan, coverage, out, language=language)
    print_plan(console, plan_tables(scenario, plan, coverage), language=language)
    print_files(console, written.values())


def predict_on_files(
    path: Path,
    stations: Path,
    out: Path,
    *,
    terrain: Sequence[Path],
    clutter: Sequence[Path],
    cell_size_m: float,
    load: float,
    busy_hour_kbps: float,
    language: Language,
) -> None:
    """Predict what listed stations deliver, write it, and print the figures by zone.

    Raises
    ------
    SitingError
        When an input has faults, or a file cannot be read or written; nothing is written then.
    """
    console = terminal()
    spec = read_scenario(path)
    began = time.monotonic()
    assumptions = RadioAssumptions(load=load, busy_hour_kbps_per_person=busy_hour_kbps)
    with display(console) as report:
        report(Progress(phase="load", fraction=0.0, elapsed_s=0.0))
        scenario = build_scenario(spec, named_dataset(spec.dataset))
        given = read_prediction_input(
            scenario,
            stations=stations,
            terrain=terrain,
            clutter=clutter,
            cell_size_m=cell_size_m,
            assumptions=assumptions,
        )
        prepare(out)
        predicted = predict_stations(
            scenario.data,
            given.listed.stations,
            grid=given.grid,
            ground=given.ground,
            stations_provenance=given.listed.provenance,
            assumptions=assumptions,
            progress=report,
        )
        elapsed = time.monotonic() - began
        report(Progress(phase="outputs", fraction=0.0, elapsed_s=elapsed))
        written = write_prediction(predicted, out, language=language)
    print_prediction(console, predicted, given.imported, language=language)
    print_files(console, written.values())


def print_prediction(
    console: Console,
    predicted: NetworkPrediction,
    imported: ImportedTerrain | None,
    *,
    language: Language,
) -> None:
    """Print shares by zone and standard, the test, time, and what the figures rest on."""
    facts = prediction_facts(predicted)
    title = dict(zip(LANGUAGES, summary(predicted), strict=True))[language]
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_style="")
    table.title_justify = "left"
    table.add_column(say("zone", language), no_wrap=True)
    for item in predicted.standards:
        table.add_column(short_name(say(f"prediction.{item.id}", language)), justify="right")
    for head in ("prediction.overlap", "prediction.mean_rate"):
        table.add_column(say(head, language), justify="right")
    table.add_column(say("prediction.test", language), no_wrap=True)
    for zone in predicted.report.zones:
        table.add_row(*_zone_row(facts, zone, language))
    console.print(table)
    for item in predicted.standards:
        console.print(say(f"prediction.{item.id}", language), markup=False, highlight=False)
    console.print(say("prediction.test_meaning", language), markup=False, highlight=False)
    if predicted.capacity is not None:
        print_capacity(console, predicted, predicted.capacity, language=language)
    if imported is not None:
        for line in terrain_lines(imported):
            console.print(line, markup=False, highlight=False)
    for line in (synthetic_line(facts, language), seconds_text(predicted.runtime_s, language)):
        console.print(line, markup=False, highlight=False)


def print_capacity(
    console: Console, predicted: NetworkPrediction, capacity: CapacityReport, *, language: Language
) -> None:
    """Print what of each zone's traffic is carried in the busiest hour, and what was assumed."""
    assumed, facts = predicted.assumptions, prediction_facts(predicted)
    carried = float(capacity.carried_mbps.sum())
    title = say(
        "capacity.summary",
        language,
        traffic=count_text(capacity.traffic_mbps),
        share=share_text(carried / (capacity.traffic_mbps or float("nan")), language),
        over=count_text(capacity.overloaded.sum()),
        cells=count_text(len(capacity.load)),
        rate=f"{assumed.busy_hour_kbps_per_person:g}",
        indoors=share_text(assumed.indoor_share, language),
        load=f"{assumed.greatest_load:g}",
    )
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_style="")
    table.title_justify = "left"
    table.add_column(say("zone", language), no_wrap=True)
    for head in ("traffic", "carried", "overloaded", "short"):
        table.add_column(say(f"capacity.{head}", language), justify="right")
    for zone in capacity.zones:
        table.add_row(
            short_name(zone_name(facts, zone.zone, language)),
            round_text(zone.traffic_mbps, 0, "up"),
            share_text(zone.carried_share, language),
            f"{count_text(zone.overloaded_cells)} / {count_text(zone.cells)}",
            count_text(zone.people_short, "up"),
        )
    console.print(table)
    origin = synthetic_line(capacity_facts(predicted), language)
    console.print(origin, markup=False, highlight=False)


def terrain_lines(imported: ImportedTerrain) -> list[str]:
    """Say what the terrain's files were, and what was filled in or assumed."""
    lines = [
        f"{file.name}: {file.driver}, {file.crs}, "
        f"{file.resolution_m[0]:.1f} x {file.resolution_m[1]:.1f} m, heights in "
        f"{file.vertical_unit.value}{' (assumed)' if file.unit_assumed else ''}"
        for file in (*imported.ground, *imported.clutter)
    ]
    if imported.voids:
        lines.append(
            f"{imported.voids:,} cells without a height were filled in, the farthest "
            f"{imported.farthest_fill_m:,.0f} m from a known one"
        )
    return lines


def _zone_row(facts: Facts, zone: ZoneFigures, language: Language) -> tuple[str, ...]:
    tested = next(item for item in zone.standards if item.standard == TESTED)
    verdict = "prediction.passes" if tested.passes else "prediction.fails"
    words = say(verdict, language)
    if tested.confidence is not Confidence.SURE:
        words += f" ({say(f'prediction.{tested.confidence.value}', language)})"
    return (
        short_name(zone_name(facts, zone.zone, language)),
        *(share_text(item.share, language) for item in zone.standards),
        share_text(zone.overlap_share, language, "up"),
        round_text(zone.mean_downlink_mbps, 0, "down"),
        words if tested.pixels else UNKNOWN,
    )


def print_plan(console: Console, tables: PlanTables, *, language: Language) -> None:
    """Print a plan: a row per target and district, then totals, proofs and what is synthetic."""
    facts = tables.facts
    table = Table(box=None, padding=(0, 2, 0, 0), title=headline(facts, language), title_style="")
    table.title_justify = "left"
    sinr = ("clear",) if facts.sinr_targets else ()
    for head in ("zone", "standard", "target", "served", *sinr, "shortfall", "state"):
        right = head in {"target", "served", "clear", "shortfall"}
        table.add_column(say(head, language), justify="right" if right else "left")
    for outcome in facts.targets:
        table.add_row(*_outcome_row(facts, outcome, language))
    console.print(table)
    districts = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("zone_kind.district", "stations", "sites", "cost", "standard", "served"):
        text_column = head in {"zone_kind.district", "standard"}
        districts.add_column(say(head, language), justify="left" if text_column else "right")
    for row in tables.districts.to_dict("records"):
        districts.add_row(*_district_row(facts, row, language))
    console.print(districts)
    if tables.sharing is not None:
        print_sharing(console, tables.sharing, language=language)
    for step in facts.steps:
        console.print(
            f"{say(f'step.{step.name}', language)}: {value_text(step, language)}; "
            f"{say(f'bound.{step.sense.value}', language)} {bound_text(step, language)}; "
            f"{say('gap', language)} {gap_text(step, language)}; "
            f"{seconds_text(step.runtime_s, language)}",
            markup=False,
            highlight=False,
        )
    for line in (*honesty_lines(facts, language), synthetic_line(facts, language)):
        console.print(line, markup=False, highlight=False)


def print_sharing(console: Console, sharing: Sharing, *, language: Language) -> None:
    """Print what each operator has of a plan and pays for it, and what sharing sites saves."""
    grid = sharing_grid(sharing, language)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for number, head in enumerate(grid.heads):
        table.add_column(head, justify="right" if number in grid.numeric else "left")
    for row in grid.rows:
        table.add_row(*row)
    console.print(table)
    for line in sharing_lines(sharing, language):
        console.print(line, markup=False, highlight=False)


def short_name(name: str) -> str:
    """Leave out what a name explains in brackets: a terminal is narrow."""
    return name.partition("(")[0].partition("（")[0].strip() or name


def _outcome_row(facts: Facts, outcome: Outcome, language: Language) -> tuple[str, ...]:
    required = outcome.required_fraction
    state = say("state.none" if outcome.state is None else f"state.{outcome.state.value}", language)
    return (
        short_name(zone_name(facts, outcome.zone_id, language)),
        short_name(facts.standard_name(outcome.standard_id, language)),
        "" if required is None else share_text(required, language, "up"),
        share_text(outcome.share, language),
        *((_clear(outcome, language),) if facts.sinr_targets else ()),
        weight_text(outcome.shortfall, outcome.weight, language) if outcome.shortfall else "0",
        state,
    )


def _clear(outcome: Outcome, language: Language) -> str:
    """Write the share that has the SINR asked, and that SINR; a dash where none is asked."""
    if outcome.min_ss_sinr_db is None:
        return UNKNOWN
    return f"{share_text(outcome.clear_share, language)} ({sinr_text(outcome.min_ss_sinr_db)})"


def _district_row(facts: Facts, row: dict[Any, Any], language: Language) -> tuple[str, ...]:
    return (
        str(row["name_zh"] if language == "zh" else row["name_en"]),
        count_text(row["stations"]),
        count_text(row["sites"]),
        money_text(row["cost_cny"], language),
        short_name(facts.standard_name(row["standard"], language)),
        share_text(row[f"{facts.focus.weight}_share"], language),
    )


def print_files(console: Console, written: Iterable[Path]) -> None:
    """List the files that were written."""
    for path in written:
        console.print(f"  {path}", markup=False, highlight=False)
