"""``siting doctor``: what is installed, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.embedded_pg import EmbeddedPostgresError, find_binaries
from app.settings import Settings, load_settings
from siting.errors import SitingError

#: Outputs of a plan, the private database and the environment need about this much.
NEEDED_DISK_MB = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's report.

    Parameters
    ----------
    what
        What was looked at.
    ok
        Whether it is as it should be.
    detail
        What was found.
    mend
        Command or act that mends it, when not ok.
    needed
        False: only tests or comfort depend on it.
    """

    what: str
    ok: bool
    detail: str
    mend: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Look at everything the product depends on; changes nothing."""
    checks: tuple[Callable[[], list[Finding]], ...] = (
        _python,
        _packages,
        _data,
        _settings,
        _postgis,
        _disk,
        _programs,
    )
    return [finding for check in checks for finding in check()]


def print_findings(findings: list[Finding]) -> None:
    """Print the findings as a table, then what to do."""
    console = Console()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("", "what", "found"):
        table.add_column(head, overflow="fold")
    for item in findings:
        mark = "ok" if item.ok else ("MISSING" if item.needed else "absent")
        table.add_row(mark, item.what, item.detail)
    console.print(table)
    broken = [item for item in findings if not item.ok]
    for item in broken:
        purpose = "" if item.needed else " (needed by tests or exports only)"
        console.print(f"- {item.what}{purpose}: {item.mend}", markup=False, highlight=False)
    if not any(item.needed for item in broken):
        console.print("Everything the product needs is here.")


def _python() -> list[Finding]:
    return [
        Finding(
            what="Python",
            ok=sys.version_info >= (3, 11),
            detail=f"{platform.python_version()} at {sys.executable}",
            mend="install Python 3.11 or newer, then run scripts/demo again",
        )
    ]


def _packages() -> list[Finding]:
    """Hold what is installed against the requirements the distribution itself declares."""
    try:
        declared = importlib.metadata.requires("siting") or []
    except importlib.metadata.PackageNotFoundError:
        return [
            Finding(
                what="package siting",
                ok=False,
                detail="not installed in this environment",
                mend="run scripts/demo, or: python -m pip install --no-deps --editable .",
            )
        ]
    names = [
        match.group(0)
        for item in declared
        if "extra ==" not in item and (match := re.match(r"[A-Za-z0-9._-]+", item))
    ]
    missing = []
    for name in names:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    version = importlib.metadata.version("siting")
    return [
        Finding(
            what="Python packages",
            ok=not missing,
            detail=f"siting {version}; {len(names) - len(missing)} of {len(names)} requirements"
            + (f"; missing: {', '.join(missing)}" if missing else ""),
            mend="python -m pip install --require-hashes -r requirements.txt",
        )
    ]


def _data() -> list[Finding]:
    from siting.datasets import ezhou  # noqa: PLC0415 - a damaged data set must not stop the rest

    try:
        data = ezhou()
    except SitingError as error:
        return [
            Finding(
                what="bundled data of Ezhou",
                ok=False,
                detail=str(error),
                mend="restore the folder data/ from the repository, or install the package again",
            )
        ]
    detail = f"{len(data.demand):,} demand cells, {len(data.sites):,} candidate sites"
    return [Finding(what="bundled data of Ezhou", ok=True, detail=detail)]


def _settings() -> list[Finding]:
    try:
        settings = load_settings()
    except SitingError as error:
        return [
            Finding(
                what="settings",
                ok=False,
                detail=str(error).splitlines()[0],
                mend="correct the SITING_* variables or DATABASE_URL in the environment",
            )
        ]
    return [
        Finding(
            what="settings",
            ok=True,
            detail="own server by DATABASE_URL" if settings.database.url else "private PostGIS",
        ),
        _port(settings),
    ]


def _port(settings: Settings) -> Finding:
    host, port = settings.api.host, settings.api.port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            free = True
        except OSError:
            free = False
    return Finding(
        what=f"port {port} on {host}",
        ok=free,
        detail="free" if free else "in use",
        mend="stop what uses it, or: siting serve --port OTHER",
        needed=False,
    )


def _postgis() -> list[Finding]:
    try:
        own_server = load_settings().database.url is not None
    except SitingError:
        own_server = False
    try:
        binaries = find_binaries()
    except EmbeddedPostgresError as error:
        return [
            Finding(
                what="PostgreSQL with PostGIS",
                ok=own_server,
                detail=str(error).splitlines()[0],
                mend="apt-get install -y postgresql-postgis, or set DATABASE_URL",
            )
        ]
    done = subprocess.run(  # noqa: S603 - our own finding of the distribution's binary
        [str(Path(binaries) / "postgres"), "--version"], capture_output=True, text=True, check=False
    )
    return [
        Finding(what="PostgreSQL with PostGIS", ok=True, detail=f"{done.stdout.strip()} {binaries}")
    ]


def _disk() -> list[Finding]:
    free = shutil.disk_usage(Path.cwd()).free // 1_000_000
    return [
        Finding(
            what="free disk",
            ok=free >= NEEDED_DISK_MB,
            detail=f"{free:,} MB",
            mend=f"free at least {NEEDED_DISK_MB:,} MB here",
        )
    ]


def _programs() -> list[Finding]:
    wanted = {
        "ogrinfo": ("GDAL's reader, for the tests", "apt-get install -y gdal-bin"),
        "chromium": ("headless browser, for the tests", "apt-get install -y chromium"),
    }
    return [
        Finding(
            what=f"{name} ({purpose})",
            ok=(found := shutil.which(name)) is not None,
            detail=found or "not found",
            mend=mend,
            needed=False,
        )
        for name, (purpose, mend) in wanted.items()
    ]
