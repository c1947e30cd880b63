"""Scenario documents on disk: TOML in, :class:`siting.spec.ScenarioSpec` out."""

from __future__ import annotations

import tomllib
from pathlib import Path

from siting.errors import FileError, Problem, ScenarioError
from siting.spec import ScenarioSpec

#: A scenario is a page of text; anything far beyond is a wrong file.
MAX_BYTES = 5_000_000


def read_scenario(path: Path) -> ScenarioSpec:
    """Read a scenario document.

    Parameters
    ----------
    path
        TOML file in the form of :class:`siting.spec.ScenarioSpec`, UTF-8.

    Raises
    ------
    FileError
        When the file is missing, is a directory, is not readable or is larger than 5 MB.
    ScenarioError
        When it is no TOML (with line and column) or breaks the form (every fault listed).
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FileError(
                f"{path}: {size:,} bytes is no scenario document (at most {MAX_BYTES:,})"
            )
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; give the path of a scenario in TOML") from None
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_scenario(text, name=path.name)


def parse_scenario(text: str, *, name: str = "scenario") -> ScenarioSpec:
    """Read a scenario document from its text.

    Raises
    ------
    ScenarioError
        When it is no TOML (with line and column) or breaks the form (every fault listed).
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(
            Problem(name, f"not valid TOML: {error}", "see data/scenarios")
        ) from None
    return ScenarioSpec.parse(document)
