"""The whole service in one place: database, migration, data, API and worker; and its clean end."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console

from app.database import ensure_ready
from app.load import load_ezhou
from app.settings import (
    ApiSettings,
    Settings,
    check_address,
    child_environment,
    load_settings,
)
from siting.errors import SitingError

#: A service that is not healthy after this long has failed [s].
START_LIMIT_S = 60.0
#: Time the parts get to end by themselves before they are killed [s].
STOP_LIMIT_S = 15.0
_PR_SET_PDEATHSIG = 1


class ServiceStartError(SitingError):
    """A part of the service did not start; the message names it and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """A started service.

    Parameters
    ----------
    url
        Address of the API and pages, without a final slash.
    settings
        What it runs with; the database address is filled in.
    parts
        The processes by name.
    """

    url: str
    settings: Settings
    parts: Mapping[str, subprocess.Popen[bytes]]

    def failed(self) -> str | None:
        """Return the name of a part that has ended by itself, or None."""
        return next((name for name, part in self.parts.items() if part.poll() is not None), None)


def check_port(host: str, port: int) -> int:
    """Return `port` when it is free, or a free one for 0.

    Raises
    ------
    ServiceStartError
        When the port is in use or the address is not one of this machine.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServiceStartError(
                f"cannot listen on {host}:{port}: {error.strerror}; stop what uses it, or give "
                "another port with --port"
            ) from None
        return int(probe.getsockname()[1])


@contextmanager
def running_service(settings: Settings, *, log: Path | None = None) -> Iterator[RunningService]:
    """Start everything, wait until it is healthy, and stop all of it at the end.

    Parameters
    ----------
    settings
        What to run with; port 0 takes any free one.
    log
        File that gets what API and worker print, or None: this process's own output.

    The database is made ready and Ezhou is loaded first; API and worker are processes of their
    own, which end with this one however it ends.

    Raises
    ------
    ServiceStartError
        When the port is taken, a part ends by itself, or the service is not healthy in time.
    DatabaseUnavailableError, WrongMigrationError
        When there is no usable database.
    """
    host = settings.api.host
    check_address(host)
    port = check_port(host, settings.api.port)
    with ExitStack() as stack:
        database = stack.enter_context(ensure_ready(settings.database))
        with database.session() as session:
            load_ezhou(session)
        settings = with_api(settings, host=host, port=port)
        environment = child_environment(settings)
        api = [sys.executable, "-m", "app.main"]
        worker = [sys.executable, "-m", "app.worker"]
        output = None if log is None else stack.enter_context(log.open("ab"))
        parts: dict[str, subprocess.Popen[bytes]] = {}
        stack.callback(_stop, parts)
        for name, command in (("api", api), ("worker", worker)):
            parts[name] = subprocess.Popen(  # noqa: S603 - our own modules
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no thread runs yet
            )
        shown = f"[{host}]" if ":" in host else host
        service = RunningService(url=f"http://{shown}:{port}", settings=settings, parts=parts)
        _await_healthy(service)
        yield service


def serve_until_stopped(*, host: str | None, port: int | None) -> None:
    """Run the service until Ctrl-C or SIGTERM, printing its address.

    Raises
    ------
    ServiceStartError
        When a part does not start, or ends by itself.
    """
    settings = with_api(load_settings(), host=host, port=port)
    console = Console()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    console.print("starting database, API and worker ...")
    with running_service(settings) as service:
        console.print(f"pages  {service.url}/")
        console.print(f"API    {service.url}/api/v1/docs")
        console.print(f"layers {service.url}/ogc  (OGC API Features, for QGIS and GDAL)")
        console.print("Ctrl-C stops everything.")
        while not stop.wait(0.5):
            if (name := service.failed()) is not None:
                raise ServiceStartError(
                    f"the {name} process ended by itself; its last words are above. "
                    "Everything else was stopped; run 'siting doctor', then 'siting serve' again"
                )
        console.print("stopping ...")
    console.print("stopped; nothing is left running.")


def with_api(settings: Settings, *, host: str | None, port: int | None) -> Settings:
    """Return `settings` with another address or port, checked like those from the environment."""
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    api = ApiSettings.model_validate({**settings.api.model_dump(), **changes})
    return settings.model_copy(update={"api": api})


def _await_healthy(service: RunningService) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    with httpx.Client(timeout=2.0, trust_env=False) as client:
        while time.monotonic() < deadline:
            if (name := service.failed()) is not None:
                raise ServiceStartError(
                    f"the {name} process ended while starting; its last words are above"
                )
            try:
                if client.get(f"{service.url}/readyz").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise ServiceStartError(
        f"the service was not healthy within {START_LIMIT_S:.0f} s; see the lines above"
    )


def _stop(parts: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """End every part: asked first, killed when it does not listen."""
    for part in parts.values():
        if part.poll() is None:
            part.terminate()
    deadline = time.monotonic() + STOP_LIMIT_S
    for part in parts.values():
        try:
            part.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(part.pid, signal.SIGKILL)
            part.wait()


def _end_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies, even by SIGKILL (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
