"""The built wheel is the whole product: it plans far from any checkout."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: A question small enough for seconds: 20 stations, no targets.
SCENARIO = """
name = "small"
stations = 20
technologies = ["macro-n41"]

[objective]
standard = "basic-outdoor"
weight = "population"

[solve]
gap = 0.2
max_runtime_s = 10.0
"""
#: Says where everything comes from, and that the default data are whole.
_PROBE = """
import importlib.metadata, pathlib, siting, app
from siting.datasets import ezhou, ezhou_spec
from siting.maps.files import script_text
from app.database import alembic_config
data = ezhou()
assert len(data.demand) > 100_000 and len(data.sites) >= 5_000
assert ezhou_spec().targets
migrations = pathlib.Path(alembic_config().get_main_option("script_location"))
assert list(migrations.glob("versions/*.py")), migrations
print(pathlib.Path(siting.__file__).parent, migrations, importlib.metadata.version("siting"))
"""


def _run(*command: str | Path, cwd: Path) -> str:
    """Run a command that knows nothing of the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel built from this checkout."""
    out = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the python of a virtual environment with the wheel and none of the checkout.

    The dependencies are lent from this environment by a path file, without its own path files, so
    that the editable checkout stays out of sight.
    """
    home = tmp_path_factory.mktemp("installed")
    _run(sys.executable, "-m", "venv", "--without-pip", home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    _run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index"),
        *("--disable-pip-version-check", wheel),
        cwd=home,
    )
    (packages,) = (home / "venv" / "lib").glob("python*/site-packages")
    lent = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (packages / "lent.pth").write_text("\n".join(lent) + "\n", encoding="utf-8")
    return python


@pytest.mark.slow
def test_wheel_holds_code_data_assets_and_migrations_alone(wheel: Path) -> None:
    """The wheel carries what running needs, the licences, and no test."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "siting/planning.py" in names
    assert "app/_alembic/env.py" in names
    assert "siting/_data/boundaries/districts.geojson" in names
    assert [name for name in names if name.endswith("leaflet.js")]
    assert [name for name in names if name.endswith(("licenses/LICENSE", "licenses/NOTICE"))]
    tops = {name.partition("/")[0] for name in names}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"siting", "app"}


@pytest.mark.slow
def test_installed_package_finds_its_data(installed: Path) -> None:
    """Default data, vendored assets and migrations are found outside the checkout."""
    shown = _run(installed, "-c", _PROBE, cwd=installed.parents[2])
    package, migrations, _ = shown.split()
    assert Path(package).is_relative_to(installed.parents[1])
    assert Path(migrations).is_relative_to(installed.parents[1])


@pytest.mark.slow
def test_installed_command_plans(installed: Path, tmp_path: Path) -> None:
    """``siting plan`` of the installed package answers a small question on files alone."""
    (tmp_path / "scenario.toml").write_text(SCENARIO, encoding="utf-8")
    out = tmp_path / "out"
    shown = _run(installed.parent / "siting", "plan", "scenario.toml", "--out", out, cwd=tmp_path)
    assert (out / "map.html").stat().st_size > 0
    assert (out / "plan.gpkg").stat().st_size > 0
    assert "map.html" in shown
