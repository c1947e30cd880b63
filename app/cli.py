"""The command ``siting``: plan from files, run the service, look at one's installation.

Exit status: 0 done (a target that cannot be met is a result, not a failure), 1 something needed
is missing, 2 the input has faults, 130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from siting.errors import InputError, SitingError
from siting.text import Language

app = typer.Typer(
    name="siting",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="""Decide where a city's new infrastructure goes: which sites, at what cost, who is left
out, and how far the answer is from the best possible.

**Start here**

* `siting doctor` says what is installed, what is missing and how to mend it.
* `siting scenario > my.toml` writes the bundled question (Ezhou's 5G network) to a file to edit.
* `siting plan my.toml --out out/my` answers it on files alone: map, tables, report.
* `siting predict my.toml --stations out/my/plan.csv --out out/radio` shows what the plan's
  stations deliver: signal level, interference, best server.
* `siting improve my.toml --stations FILE --out out/better` turns and tilts what stands.
* `siting serve` runs the service: database, API, worker and pages.

Every plan states its proven bound and is checked by an independent verifier. Results that rest
on synthetic data say so.""",
)

#: Load of a cell, and traffic per person in the busiest hour [kbit/s], unless said; as in
#: `RadioAssumptions` of :mod:`siting.radio.network.assumptions`, which is not imported here so that
#: help comes at once.
DEFAULT_LOAD, DEFAULT_BUSY_HOUR_KBPS = 0.5, 100.0

Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder the results are written to.")
]
Lang = Annotated[Language, typer.Option("--lang", help="Language the map and report open in.")]


@app.command()
def plan(
    scenario: Annotated[
        Path,
        typer.Argument(metavar="SCENARIO.toml", help="The question; see `siting scenario`."),
    ],
    out: Out,
    lang: Lang = "zh",
) -> None:
    """Answer a scenario on files alone: no database, no network.

    Writes map.html, plan.gpkg, plan.geojson, plan.csv, plan.xlsx, report.html and report.md, after
    the plan has passed the verifier.

    Example: `siting scenario > my.toml && siting plan my.toml --out out/my`
    """
    from app.console import plan_on_files

    plan_on_files(scenario, out, language=lang)


@app.command()
def predict(  # noqa: PLR0917 - Typer makes options of parameters
    scenario: Annotated[
        Path,
        typer.Argument(metavar="SCENARIO.toml", help="Study area, zones and equipment."),
    ],
    stations: Annotated[
        Path,
        typer.Option(
            "--stations",
            metavar="FILE",
            help="plan.csv or plan.geojson of `siting plan`, or a table with the columns site, "
            "technology, lon, lat, height_m and, for sectors, turn_deg and tilt_deg.",
        ),
    ],
    out: Out,
    terrain: Annotated[
        list[Path] | None,
        typer.Option(
            "--terrain",
            metavar="FILE",
            help="Ground heights; several files are tiles. Without it, the data set's own.",
        ),
    ] = None,
    clutter: Annotated[
        list[Path] | None,
        typer.Option(
            "--clutter", metavar="FILE", help="Heights of buildings and trees; needs --terrain."
        ),
    ] = None,
    cell_size: Annotated[
        float, typer.Option("--cell-size", metavar="METRES", help="Side of a pixel, 5 to 500 m.")
    ] = 50.0,
    load: Annotated[
        float, typer.Option("--load", help="Share of power that disturbs neighbours, 0 to 1.")
    ] = DEFAULT_LOAD,
    busy_hour_kbps: Annotated[
        float,
        typer.Option(
            "--busy-hour-kbps", help="Traffic down per person in the busiest hour [kbit/s]."
        ),
    ] = DEFAULT_BUSY_HOUR_KBPS,
    lang: Lang = "zh",
) -> None:
    """Predict what base stations deliver: level, interference, best server, busy hour, by zone.

    Writes ss_rsrp.tif, ss_sinr.tif, best_server.tif, coverage.gpkg, zones.csv, cells.csv,
    capacity.csv, assumptions.csv and prediction.html, all of them or none.

    Example: `siting predict my.toml --stations out/my/plan.csv --out out/radio`
    """
    from app.console import predict_on_files

    predict_on_files(
        scenario,
        stations,
        out,
        terrain=terrain or (),
        clutter=clutter or (),
        cell_size_m=cell_size,
        load=load,
        busy_hour_kbps=busy_hour_kbps,
        language=lang,
    )


@app.command()
def improve(  # noqa: PLR0917 - Typer makes options of parameters
    scenario: Annotated[
        Path,
        typer.Argument(metavar="SCENARIO.toml", help="Study area, zones and equipment."),
    ],
    stations: Annotated[
        Path,
        typer.Option("--stations", metavar="FILE", help="As for `siting predict`."),
    ],
    out: Out,
    standard: Annotated[
        str,
        typer.Option(
            "--standard",
            help="covered-outdoor, good-outdoor, covered-indoor or good-indoor.",
        ),
    ] = "covered-outdoor",
    zone: Annotated[
        list[str] | None,
        typer.Option("--zone", metavar="ID", help="Zone that counts; repeat it. Without it, all."),
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", help="Changes that may be predicted, 1 or more.")
    ] = 500,
    terrain: Annotated[
        list[Path] | None,
        typer.Option("--terrain", metavar="FILE", help="As for `siting predict`."),
    ] = None,
    clutter: Annotated[
        list[Path] | None,
        typer.Option("--clutter", metavar="FILE", help="As for `siting predict`."),
    ] = None,
    cell_size: Annotated[
        float, typer.Option("--cell-size", metavar="METRES", help="Side of a pixel, 5 to 500 m.")
    ] = 50.0,
    load: Annotated[
        float, typer.Option("--load", help="Share of power that disturbs neighbours, 0 to 1.")
    ] = DEFAULT_LOAD,
    lang: Lang = "zh",
) -> None:
    """Turn and tilt stations that stand until zones meet a standard, or nothing helps.

    Nothing is built or moved. Writes stations.csv (which `siting predict` reads), changes.csv and
    zones.csv with the figures before and after.

    Example: `siting improve my.toml --stations stations.csv --out out/better`
    """
    from app.console_improve import improve_on_files

    improve_on_files(
        scenario,
        stations,
        out,
        terrain=terrain or (),
        clutter=clutter or (),
        cell_size_m=cell_size,
        load=load,
        standard=standard,
        zones=zone or (),
        most_trials=trials,
        language=lang,
    )


@app.command()
def scenario(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="`ezhou-5g`: distance decides on service; `ezhou-5g-sectors`: azimuth, tilt and "
            "terrain do.",
        ),
    ] = "ezhou-5g",
) -> None:
    """Print a bundled scenario (Ezhou's 5G network), ready to be edited.

    Example: `siting scenario > my.toml`
    """
    from siting.datasets import scenario_text

    sys.stdout.write(scenario_text(name))


@app.command()
def demo(out: Out = Path("out/demo"), lang: Lang = "zh") -> None:
    """Plan Ezhou's 5G network through the whole service and leave map, tables and report.

    Starts a private PostGIS, loads Ezhou, asks the API for a plan, follows the worker, verifies
    the result, and stops everything it started.

    Example: `siting demo --out out/demo`
    """
    from app.demo import run_demo

    run_demo(out, language=lang)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Loopback address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
) -> None:
    """Run database, migration, API, worker and pages until Ctrl-C.

    Settings come from the environment (`SITING_*`, `DATABASE_URL`); options given here win.

    Example: `siting serve --port 8000`
    """
    from app.serve import serve_until_stopped

    serve_until_stopped(host=host, port=port)


@app.command()
def doctor() -> None:
    """Say what is installed, what is missing, and the command that mends it.

    Example: `siting doctor`
    """
    from app.doctor import examine, print_findings

    findings = examine()
    print_findings(findings)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; every expected error is a sentence, not a traceback."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        app()
    except InputError as error:
        count = len(error.problems)
        console.print(f"{count} fault{'s' if count > 1 else ''} in the input; nothing was changed:")
        for problem in error.problems:
            console.print(f"  - {problem}", markup=False)
        raise SystemExit(2) from None
    except SitingError as error:
        console.print(f"error: {error}", markup=False)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.print("interrupted")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
