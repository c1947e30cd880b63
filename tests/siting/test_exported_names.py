"""What ``import siting`` offers."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import siting


@pytest.mark.parametrize("name", siting.__all__)
def test_every_public_name_is_the_one_of_its_module(name: str) -> None:
    """A name of ``siting`` is the object its module defines, and says what it is."""
    public = getattr(siting, name)
    assert public.__doc__
    assert getattr(importlib.import_module(public.__module__), name) is public


def test_type_checkers_see_what_users_get() -> None:
    """The imports shown to type checkers, ``__all__`` and the lazy table name the same things."""
    tree = ast.parse(Path(siting.__file__).read_text())
    shown = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("siting.")
        for alias in node.names
    }
    assert shown == siting._HOME
    assert sorted(shown) == sorted(siting.__all__)


def test_an_unknown_name_is_refused() -> None:
    """A misspelt name is an AttributeError, not silence."""
    with pytest.raises(AttributeError, match="Solver"):
        _ = siting.Solver


def test_importing_the_package_imports_no_solver() -> None:
    """``import siting`` alone stays quick: it loads neither numba nor HiGHS."""
    code = "import sys, siting; print(sorted({'numba', 'highspy', 'scipy'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
