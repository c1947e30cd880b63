"""The worked examples run, and say what their scripts say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "notebooks").glob("*.py"))
NAMES = [script.stem for script in SCRIPTS]
#: Runs a notebook in a process of its own and prints what its cells showed.
_EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        print(output.get("text") or output.get("data", {}).get("text/plain", ""))
"""


def _cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def test_there_are_notebooks() -> None:
    """The examples the README names are found."""
    assert NAMES == ["01_first_plan", "02_what_if", "03_location_models", "04_radio_plan"]


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_notebook_is_in_step_with_its_script(script: Path) -> None:
    """Script and notebook hold the same cells, so that either may be opened."""
    notebook = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    assert _cells(jupytext.read(script)) == _cells(notebook)


def _run(*arguments: str) -> str:
    """Run Python in a process of its own, as a reader of the examples would."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_notebook_runs(script: Path) -> None:
    """Every cell of the example runs on the bundled data and ends with figures."""
    shown = _run("-c", _EXECUTE, str(script.with_suffix(".ipynb")))
    assert re.search(r"[0-9]", shown)
    assert "nan" not in shown.lower().split()


@pytest.mark.slow
def test_cells_of_the_readme_run() -> None:
    """The few lines of the README give a verified plan, and a verified answer to a model."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    plan, model = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    chinese = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    assert plan in chinese
    assert model in chinese
    assert int(_last_of(plan).split()[1]) > 2000
    status, value, bound = _last_of(model).split()
    assert status in {"optimal", "feasible"}
    assert 0 < float(value) <= float(bound)


def _last_of(cell: str) -> str:
    """Run a cell and return what its last line shows."""
    *lines, last = cell.rstrip().splitlines()
    return _run("-c", "\n".join([*lines, f"print({last})"]))
