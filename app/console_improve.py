"""What the terminal shows of better directions for stations that stand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.console import display, prepare, print_files, short_name, terminal, terrain_lines
from siting.datasets import named_dataset
from siting.io.improvement_files import write_improvement
from siting.io.prediction_input import read_prediction_input
from siting.io.scenario_file import read_scenario
from siting.maps.prediction_map import prediction_facts
from siting.messages import say
from siting.progress import Progress
from siting.radio.network.area_report import StandardFigures, ZoneFigures
from siting.radio.network.assumptions import RadioAssumptions
from siting.radio.network.improve_stations import ImprovedStations, improve_stations
from siting.report import synthetic_line
from siting.report.honesty import zone_name
from siting.scenario import build_scenario
from siting.text import Language, count_text, share_text

#: Message by the reason that a search ended for.
_ENDED = {
    "every zone meets its standards": "met",
    "no single change helps any more": "nothing",
    "as many changes were predicted as allowed": "trials",
}


def improve_on_files(
    path: Path,
    stations: Path,
    out: Path,
    *,
    terrain: Sequence[Path],
    clutter: Sequence[Path],
    cell_size_m: float,
    load: float,
    standard: str,
    zones: Sequence[str],
    most_trials: int,
    language: Language,
) -> None:
    """Aim listed stations better, write them, and print the zones before and after.

    Raises
    ------
    SitingError
        When an input has faults, or a file cannot be read or written; nothing is written then.
    """
    console = terminal()
    spec = read_scenario(path)
    began = time.monotonic()
    assumptions = RadioAssumptions(load=load)
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
        improved = improve_stations(
            scenario.data,
            given.listed.stations,
            grid=given.grid,
            ground=given.ground,
            standard=standard,
            zones=zones,
            most_trials=most_trials,
            stations_provenance=given.listed.provenance,
            assumptions=assumptions,
            progress=report,
        )
        report(Progress(phase="outputs", fraction=0.0, elapsed_s=time.monotonic() - began))
        written = write_improvement(improved, out)
    print_improvement(console, improved, standard, language=language)
    for line in () if given.imported is None else terrain_lines(given.imported):
        console.print(line, markup=False, highlight=False)
    print_files(console, written.values())


def print_improvement(
    console: Console, improved: ImprovedStations, standard: str, *, language: Language
) -> None:
    """Print the shares of every zone before and after, how many stations change, and origins."""
    facts = prediction_facts(improved.after)
    title = say(
        "improve.summary",
        language,
        changed=count_text(len(improved.changed)),
        stations=count_text(len(improved.before.stations)),
        trials=count_text(improved.search.trials),
        ended=say(f"improve.{_ENDED[improved.search.ended]}", language),
    )
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_style="")
    table.title_justify = "left"
    table.add_column(say("zone", language), no_wrap=True)
    for head in ("before", "after"):
        table.add_column(say(f"improve.{head}", language), justify="right")
    pairs = zip(improved.before.report.zones, improved.after.report.zones, strict=True)
    for was, now in pairs:
        name = short_name(zone_name(facts, was.zone, language))
        shares = (_figures(zone, standard).share for zone in (was, now))
        table.add_row(name, *(share_text(share, language) for share in shares))
    console.print(table)
    for line in (
        say(f"prediction.{standard}", language),
        say("improve.not_checked", language),
        synthetic_line(facts, language),
    ):
        console.print(line, markup=False, highlight=False)


def _figures(zone: ZoneFigures, standard: str) -> StandardFigures:
    """Return the figures of one standard."""
    return next(item for item in zone.standards if item.standard == standard)
