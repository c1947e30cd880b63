"""The rows of the engine's table and their aims."""

from __future__ import annotations

import dataclasses

from benchmarks.solver_rows import Command, Files, InCity, Kernel, Row, Wide

#: Peers in the order of their columns.
PEERS = ("HiGHS", "spopt + CBC", "spopt + HiGHS")
_BDS_DEMAND = 100_000

#: The whole of a printed figure.
_ALL = "(.*)"
_WEAK = (
    ("value", "cost", _ALL),
    ("bound", "lower bound", _ALL),
    ("gap", "gap", _ALL),
    ("status", "status", _ALL),
    ("seconds", "seconds", _ALL),
    ("memory", "peak memory", _ALL),
    ("verified", "independent check", _ALL),
)


def _weak_coverage(share: float, cost: float, bound: float, aim: str) -> Row:
    return Command(
        key=f"weak-coverage-{share:g}",
        title=f"weak coverage, question 1, share {share:g}, every cell a candidate",
        goal=aim,
        arguments=("weak-coverage", "--data", "{data}", "--out", "{out}", "--share", f"{share:g}"),
        figures=_WEAK,
        most_cost=cost,
        least_bound=bound,
        most_gap=0.017,
        most_s=300.0,
        most_mb=4000.0,
    )


def _pmed(model: str) -> Row:
    return Files(
        key=model,
        title=f"pmed series, {model}",
        goal="all proven, <= 1.5 s on average",
        begins=("pmed/",),
        model=model,
        limit_s=60.0,
        mean_s=1.5,
    )


def _in_city(  # noqa: PLR0917 - a line of the table
    model: str, sites: int, demand: int, limit_s: float, gap: float, aim: str, **more: object
) -> Row:
    return InCity(
        key=f"{model.lower()}-{sites}",
        title=f"{model}, random city, {sites:,} x {demand:,}, in {limit_s:g} s",
        goal=aim,
        sites=sites,
        demand=demand,
        model=model,
        limit_s=limit_s,
        most_gap=gap,
        **{"peers": ("HiGHS",), **more},
    )


ROWS: tuple[Row, ...] = (
    _pmed("p-median"),
    _pmed("p-center"),
    Files(
        key="scp",
        title="set cover, classes 4, 5, 6 and A-D",
        goal="all proven, <= 3 s on average",
        begins=("scp/scp4", "scp/scp5", "scp/scp6", "scp/scpa", "scp/scpb", "scp/scpc", "scp/scpd"),
        model="LSCP",
        limit_s=60.0,
        mean_s=3.0,
    ),
    Files(
        key="nre",
        title="set cover, class NRE",
        goal="proven <= 120 s",
        begins=("scp/scpnre",),
        model="LSCP",
        limit_s=120.0,
        most_s=120.0,
        peers=("HiGHS",),
    ),
    Files(
        key="rail507",
        title="set cover, rail507",
        goal="174 in <= 10 s, gap <= 1.5 %",
        begins=("rail/rail507",),
        model="LSCP",
        limit_s=10.0,
        most_s=10.5,
        most_gap=0.015,
        best_known=174.0,
        peers=("HiGHS",),
    ),
    Files(
        key="sjc",
        title="MCLP, SJC324, four radii, p 1..5",
        goal="all proven, <= 5 s each",
        begins=("mclp/SJC",),
        model="MCLP",
        limit_s=60.0,
        most_s=5.0,
    ),
    Files(
        key="bds",
        title="MCLP, BDS 100 x 10,000, two radii, p 10, 15, 20",
        goal="all proven, <= 5 s each",
        begins=("mclp/BDS",),
        model="MCLP",
        limit_s=60.0,
        most_s=5.0,
    ),
    Wide(
        key="bds-100k",
        title=f"MCLP, drawn as BDS, 100 x {_BDS_DEMAND:,}, R=5.5, p=10",
        goal="proven <= 5 s",
        sites=100,
        demand=_BDS_DEMAND,
        limit_s=60.0,
        most_s=5.0,
        peers=("HiGHS",),
    ),
    Files(
        key="cflp",
        title="CFLP, cap71 and Holmberg's, split and single source",
        goal="all proven",
        begins=("cflp/",),
        model="CFLP",
        limit_s=60.0,
    ),
    Files(
        key="uflp",
        title="UFLP, capa",
        goal="proven",
        begins=("cflp/",),
        model="UFLP",
        limit_s=60.0,
        peers=("HiGHS",),
    ),
    dataclasses.replace(
        _in_city("MCLP", 500, 5_000, 2.0, 0.01, "as good as spopt, >= 20 times faster end to end"),
        key="duel",
        times_faster=20.0,
        peers=PEERS[1:],
    ),
    _in_city("MCLP", 500, 5_000, 5.0, 0.006, "gap <= 0.6 %"),
    dataclasses.replace(
        _in_city("MCLP", 500, 5_000, 600.0, 0.0, "proven", peers=()), key="mclp-500-proof"
    ),
    _in_city("MCLP", 2_000, 50_000, 30.0, 0.013, "gap <= 1.3 %"),
    _in_city("MCLP", 5_000, 200_000, 60.0, 0.016, "gap <= 1.6 %"),
    _in_city("MCLP", 10_000, 1_000_000, 120.0, 0.02, "gap <= 2.0 %, < 1,500 MB", most_mb=1500.0),
    _in_city("LSCP", 500, 5_000, 10.0, 0.0, "proven", peers=PEERS),
    _in_city("LSCP", 2_000, 50_000, 60.0, 0.025, "gap <= 2.5 %"),
    _in_city("LSCP", 10_000, 1_000_000, 120.0, 0.05, "gap <= 5 %"),
    *(
        Kernel(
            key=step,
            title=f"{step}, 10,000 x 1,000,000",
            goal=f"<= {most_s:g} s",
            step=step,
            most_s=most_s,
        )
        for step, most_s in (("cover", 1.0), ("merge", 1.0), ("greedy", 0.15))
    ),
    Command(
        key="certificates",
        title="random small questions of every model and rule, against brute force",
        goal="10,000 cases, no false certificate",
        arguments=("certificates", "--cases", "10000"),
        figures=(
            ("value", "false certificates", _ALL),
            ("status", "answers", _ALL),
            ("seconds", "seconds", _ALL),
            ("verified", "spoilt answers refused", _ALL),
        ),
        most_cost=0.0,
        asked_for=True,
    ),
    _weak_coverage(0.9, 1845, 1815, "cost <= 1,845, bound >= 1,815, <= 300 s, < 4,000 MB"),
    _weak_coverage(0.8, float("inf"), 0, "gap <= 1.7 %, <= 300 s, < 4,000 MB"),
    _weak_coverage(0.95, float("inf"), 0, "gap <= 1.7 %, <= 300 s, < 4,000 MB"),
    Command(
        key="weak-coverage-sectors",
        title="weak coverage, question 2, stations of three sectors",
        goal=">= 90 % of traffic, least cost found, with a bound",
        arguments=(
            "weak-coverage",
            "--data",
            "{data}",
            "--out",
            "{out}",
            "--question",
            "2",
        ),
        figures=_WEAK,
    ),
    Command(
        key="ezhou",
        title="Ezhou's 5G plan, step one",
        goal="proven or gap <= 0.5 % in 30 s",
        arguments=("city-plan", "--peer-seconds", "60"),
        figures=(
            ("value", "step targets", "(.*?), bound"),
            ("bound", "step targets", r"bound ([\d,.]+),"),
            ("gap", "step targets", r"gap (\S+),"),
            ("seconds", "step targets", r"([\d.]+) s$"),
            ("status", "status", "(.*?);"),
            ("memory", "peak memory", _ALL),
            ("beside", "HiGHS alone, step one", _ALL),
        ),
        most_gap=0.005,
        most_s=30.0,
    ),
)
