"""Start the service and run the demo as a user does, each in processes of its own.

The database is a fresh one in a folder of its own: the first start makes the cluster and loads
Ezhou, the second is warm.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from app.serve import check_port
from benchmarks.recording import add_record_option, publish

#: A part that takes longer has failed [s].
LIMIT_S = 600.0
LOCAL = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``scripts/bench service``."""
    add_record_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Start twice, run the demo, print; return the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="siting-bench-"))
    folder.chmod(0o755)  # the server runs as another user when root starts it
    environment = {**os.environ, "SITING_DATA_DIR": str(folder / "db")}
    try:
        first_s, _ = _start(environment)
        warm_s, idle_s = _start(environment)
        demo_s = _demo(environment, folder / "demo")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    publish(
        arguments,
        "The service and the demo",
        (
            ("first start to healthy", f"{first_s:.1f} s, with making the database, loading Ezhou"),
            ("warm start to healthy", f"{warm_s:.1f} s"),
            ("Ctrl-C to the last process gone", f"{idle_s:.1f} s"),
            ("warm demo, start to files", f"{demo_s:.1f} s"),
        ),
    )
    return 0


def _start(environment: dict[str, str]) -> tuple[float, float]:
    """Start the service, wait until healthy, stop it; return both durations [s]."""
    port = check_port(LOCAL, 0)
    began = time.perf_counter()
    service = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(f"http://{LOCAL}:{port}/readyz", service, began)
        healthy_s = time.perf_counter() - began
        began = time.perf_counter()
        service.send_signal(signal.SIGINT)
        service.wait(timeout=60)
    finally:
        if service.poll() is None:
            service.terminate()
            service.wait(timeout=60)
    return healthy_s, time.perf_counter() - began


def _await(url: str, service: subprocess.Popen[bytes], began: float) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.perf_counter() - began < LIMIT_S:
        if service.poll() is not None:
            raise SystemExit(f"the service ended with {service.returncode}; run 'siting serve'")
        try:
            with opener.open(url, timeout=2) as answer:
                json.load(answer)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit(f"the service was not healthy within {LIMIT_S:.0f} s")


def _demo(environment: dict[str, str], out: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "app.cli", "demo", "--out", str(out)],
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=LIMIT_S,
    )
    return time.perf_counter() - began
